
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "cli.h"


static int cli_nibble(char c);


/* A message for people; returns the exit code for "could not be decided". */

int
cli_error(const char *fmt, ...)
{
    va_list  args;

    fputs("ngx-attest: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);

    return CLI_UNDECIDED;
}


int64_t
cli_now(const cli_options_t *opt)
{
    return opt->now >= 0 ? opt->now : (int64_t) time(NULL);
}


int64_t
cli_monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


void
cli_hex(char *out, const uint8_t *p, size_t n)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }

    out[2 * n] = '\0';
}


static int
cli_nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


int
cli_unhex(const char *hex, uint8_t *out, size_t want)
{
    int     hi, lo;
    size_t  i;

    if (strlen(hex) != 2 * want) {
        return 0;
    }

    for (i = 0; i < want; i++) {
        hi = cli_nibble(hex[2 * i]);
        lo = cli_nibble(hex[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return 0;
        }

        out[i] = (uint8_t) (hi << 4 | lo);
    }

    return 1;
}


/*
 * A terminal obeys escape sequences: C0, DEL and (in UTF-8) C1 controls that
 * came over the network are not printed.
 */

void
cli_print_text(FILE *out, const uint8_t *p, size_t n, int newlines)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (p[i] == '\n' || p[i] == '\t') {
            fputc(newlines ? p[i] : ' ', out);

        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            fputc('?', out);

        } else if (p[i] == 0xc2 && i + 1 < n && p[i + 1] < 0xa0) {
            fputc('?', out);
            i++;

        } else {
            fputc(p[i], out);
        }
    }
}


int
cli_file(const char *name, size_t cap, cli_bytes_t *out)
{
    FILE  *f;

    memset(out, 0, sizeof(*out));

    f = fopen(name, "rb");
    if (f == NULL) {
        return cli_error("cannot open %s", name);
    }

    out->p = malloc(cap + 2);
    if (out->p == NULL) {
        fclose(f);
        return cli_error("out of memory");
    }

    out->n = fread(out->p, 1, cap + 1, f);

    if (ferror(f) || out->n > cap) {
        fclose(f);
        cli_bytes_free(out);
        return cli_error("%s cannot be read, or is longer than %zu bytes",
                         name, cap);
    }

    fclose(f);
    out->p[out->n] = '\0';
    return CLI_OK;
}


void
cli_bytes_free(cli_bytes_t *b)
{
    free(b->p);
    b->p = NULL;
    b->n = 0;
}


attest_span_t
cli_span(const cli_bytes_t *b)
{
    attest_span_t  s = { b->p, b->n };

    return s;
}
