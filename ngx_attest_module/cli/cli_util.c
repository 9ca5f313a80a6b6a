
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "cli.h"


static int cli_nibble(char c);
static size_t cli_utf8(const uint8_t *p, size_t n, uint32_t *code);


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
 * A terminal obeys escape sequences, so C0, DEL and C1 controls that came over
 * the network are not printed; nor is what is no UTF-8, of which terminals
 * make different things.  A character never ends in the next call's text: a
 * lead byte that is left open could join what follows to a control.
 */

void
cli_print_text(FILE *out, const uint8_t *p, size_t n, int newlines)
{
    size_t    i, len;
    uint32_t  code;

    for (i = 0; i < n; i += len) {
        len = cli_utf8(p + i, n - i, &code);

        if (code == '\n' || code == '\t') {
            fputc(newlines ? p[i] : ' ', out);

        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            fputc('?', out);

        } else {
            (void) fwrite(p + i, 1, len, out);
        }
    }
}


/*
 * RFC 3629, section 4.  The length of one character; a byte that begins none
 * is one character with the code of DEL.
 */

static size_t
cli_utf8(const uint8_t *p, size_t n, uint32_t *code)
{
    size_t                 i, len;
    uint32_t               c;
    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    *code = p[0];

    if (p[0] < 0x80) {
        return 1;
    }

    *code = 0x7f;

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 1;
    }

    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len > n) {
        return 1;
    }

    c = p[0] & (0xffu >> (len + 1));

    for (i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 1;
        }

        c = c << 6 | (p[i] & 0x3fu);
    }

    /* no longer than needed, no surrogate, nothing beyond Unicode */

    if (c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        return 1;
    }

    *code = c;
    return len;
}


int
cli_path(char path[CLI_MAX_PATH], const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(path, CLI_MAX_PATH, fmt, args);
    va_end(args);

    return n >= 0 && n < CLI_MAX_PATH ? CLI_OK
           : cli_error("%.64s... is too long a name", path);
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
