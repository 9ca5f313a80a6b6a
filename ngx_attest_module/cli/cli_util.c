/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all subcommands use: the one way to standard output and error, which
 * no text of a stranger gets past, times, and files.
 */


#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/base/attest_utf8.h"
#include "cli/cli.h"


static void cli_format(FILE *out, const char *fmt, va_list args);
static size_t cli_newlines(const char *p, size_t n);
static void cli_filter(FILE *out, const uint8_t *p, size_t n, int newlines,
    int joiners);
static size_t cli_utf8(const uint8_t *p, size_t n, uint32_t *code);


/* A message for people; returns the exit code for "could not be decided". */

int
cli_error(const char *fmt, ...)
{
    va_list  args;

    cli_fprintf(stderr, "ngx-attest: ");
    va_start(args, fmt);
    cli_format(stderr, fmt, args);
    va_end(args);
    cli_fprintf(stderr, "\n");

    return CLI_UNDECIDED;
}


void
cli_printf(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    cli_format(stdout, fmt, args);
    va_end(args);
}


void
cli_fprintf(FILE *out, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    cli_format(out, fmt, args);
    va_end(args);
}


/*
 * A newline that an argument brings could begin a line that says TRUSTED: only
 * those that begin and end the format are surely its own when there are more.
 */

static void
cli_format(FILE *out, const char *fmt, va_list args)
{
    int       n, all;
    char     *text;
    size_t    head, tail, len = strlen(fmt);
    uint8_t  *p;

    n = vasprintf(&text, fmt, args);
    if (n < 0) {
        return;
    }

    p = (uint8_t *) text;
    all = cli_newlines(fmt, len) == cli_newlines(text, (size_t) n);

    head = all ? 0 : strspn(fmt, "\n");
    tail = 0;

    while (!all && tail < len - head && fmt[len - tail - 1] == '\n') {
        tail++;
    }

    cli_filter(out, p, head, 1, 0);
    cli_filter(out, p + head, (size_t) n - head - tail, all, 0);
    cli_filter(out, p + n - tail, tail, 1, 0);
    free(text);
}


static size_t
cli_newlines(const char *p, size_t n)
{
    size_t  i, count = 0;

    for (i = 0; i < n; i++) {
        count += (p[i] == '\n');
    }

    return count;
}


int64_t
cli_now(const cli_options_t *opt)
{
    return opt->now >= 0 ? opt->now : (int64_t) time(NULL);
}


void
cli_print_text(FILE *out, const uint8_t *p, size_t n, int newlines)
{
    cli_filter(out, p, n, newlines, 0);
}


/*
 * A model's words are for reading and no statement of ours.  Emoji are made
 * with joiners and variation selectors, and Persian and the scripts of India
 * are not written without joiners, so those pass; what a terminal obeys, what
 * changes the order of letters and what is merely invisible does not.
 */

void
cli_print_answer(FILE *out, const uint8_t *p, size_t n)
{
    cli_filter(out, p, n, 1, 1);
}


/*
 * The filter of all output.  A terminal obeys escape sequences, so C0, DEL and
 * C1 controls that came over the network are not printed; nor is what is no
 * UTF-8, of which terminals make different things.  A character never ends in
 * the next call's text: a lead byte that is left open could join what follows
 * to a control.
 */

static void
cli_filter(FILE *out, const uint8_t *p, size_t n, int newlines, int joiners)
{
    size_t    i, len;
    uint32_t  code;

    for (i = 0; i < n; i += len) {
        len = cli_utf8(p + i, n - i, &code);

        if (code == '\n' || code == '\t') {
            fputc(newlines ? p[i] : ' ', out);

        } else if (joiners && (code == 0x200c || code == 0x200d
                               || code == 0xfe0e || code == 0xfe0f))
        {
            (void) fwrite(p + i, 1, len, out);

        } else if (attest_utf8_is_hidden(code)) {
            fputc('?', out);

        } else {
            (void) fwrite(p + i, 1, len, out);
        }
    }
}


/*
 * Such characters and bytes can only be inside of JSON's strings; escaped they
 * are the same text to a program (RFC 8259, section 7).  What is no UTF-8 is
 * U+FFFD.
 */

void
cli_print_json(FILE *out, const char *json)
{
    size_t          len, n = strlen(json);
    uint32_t        code;
    const uint8_t  *p = (const uint8_t *) json;

    for ( /* void */ ; n != 0; p += len, n -= len) {
        len = cli_utf8(p, n, &code);

        if (code == '\n' || code == '\t' || !attest_utf8_is_hidden(code)) {
            (void) fwrite(p, 1, len, out);

        } else if (code == 0x7f && *p != 0x7f) {
            fprintf(out, "\\ufffd");

        } else if (code > 0xffff) {
            code -= 0x10000;
            fprintf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10),
                    0xdc00 + (code & 0x3ff));

        } else {
            fprintf(out, "\\u%04x", code);
        }
    }

    fputc('\n', out);
}


/* A byte that begins no character is one with the code of DEL. */

static size_t
cli_utf8(const uint8_t *p, size_t n, uint32_t *code)
{
    size_t  len = attest_utf8_char(p, n, code);

    if (len == 0) {
        *code = 0x7f;
        len = 1;
    }

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
cli_file(const char *name, size_t cap, attest_bytes_t *out)
{
    char  err[ATTEST_CLIENT_ERR];

    return attest_bytes_file(name, cap, out, err) == ATTEST_OK
           ? CLI_OK : cli_error("%s", err);
}


int
cli_write(int fd, const uint8_t *p, size_t n)
{
    ssize_t  done;

    for ( /* void */ ; n != 0; p += done, n -= (size_t) done) {
        done = write(fd, p, n);

        if (done == -1 && errno != EINTR) {
            return -1;
        }

        done = done == -1 ? 0 : done;
    }

    return 0;
}


int
cli_print_bytes(FILE *out, const void *p, size_t n)
{
    return fwrite(p, 1, n, out) == n && fflush(out) == 0
           ? CLI_OK : cli_error("cannot write: %s", strerror(errno));
}


void
cli_pass(int fd, const void *p, size_t n)
{
    while (write(fd, p, n) == -1 && errno == EINTR) {
        /* void */
    }
}
