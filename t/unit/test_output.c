/* SPDX-License-Identifier: Apache-2.0 */

/* What of strangers' text reaches a terminal, and what JSON makes of it. */

#include <cjson/cJSON.h>

#include "unit.h"
#include "cli/cli_util.c"


static char  got[8192];


static void format(const char *what, const char *want, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void text(const char *what, const char *s, const char *want,
    const char *answer);
static void json(const char *what, const char *s, const char *want);
static size_t utf8(uint32_t code, char out[5]);


static void
format(const char *what, const char *want, const char *fmt, ...)
{
    FILE     *f = fmemopen(got, sizeof(got), "w");
    va_list   args;

    got[0] = '\0';
    va_start(args, fmt);
    cli_format(f, fmt, args);
    va_end(args);
    fclose(f);

    if (!OK(strcmp(got, want) == 0, "format: %s", what)) {
        printf("#   got %s\n", got);
    }
}


/* As a field of a line, and as a model's answer. */

static void
text(const char *what, const char *s, const char *want, const char *answer)
{
    FILE  *f = fmemopen(got, sizeof(got), "w");

    cli_print_text(f, (const uint8_t *) s, strlen(s), 0);
    fclose(f);
    OK(strcmp(got, want) == 0, "text: %s", what);

    f = fmemopen(got, sizeof(got), "w");
    cli_print_answer(f, (const uint8_t *) s, strlen(s));
    fclose(f);
    OK(strcmp(got, answer) == 0, "answer: %s", what);
}


static void
json(const char *what, const char *s, const char *want)
{
    FILE   *f = fmemopen(got, sizeof(got), "w");
    cJSON  *v;

    cli_print_json(f, s);
    fclose(f);
    v = cJSON_Parse(got);

    OK(strncmp(got, want, strlen(want)) == 0 && got[strlen(want)] == '\n'
       && got[strlen(want) + 1] == '\0', "JSON: %s", what);
    OK(v != NULL, "which is JSON");
    cJSON_Delete(v);
}


static size_t
utf8(uint32_t code, char out[5])
{
    size_t  i, n = code < 0x80 ? 1 : code < 0x800 ? 2
                   : code < 0x10000 ? 3 : 4;
    static const uint8_t  lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (i = n; i-- > 1; code >>= 6) {
        out[i] = (char) (0x80 | (code & 0x3f));
    }

    out[0] = (char) (lead[n] | code);
    out[n] = '\0';
    return n;
}


static void
test_format(void)
{
    format("our own lines", "a\nb: c\n", "a\nb: %s\n", "c");
    format("a line that an argument begins", "x: a TRUSTED: b\n", "x: %s\n",
           "a\nTRUSTED: b");
    format("and at the end", "a  \n", "%s\n", "a\n\n");
    format("lines before and behind", "\n\na b\n", "\n\n%s\n", "a\nb");
    format("a carriage return, a backspace", "a??b\n", "%s\n", "a\r\bb");
    format("an escape sequence", "?]0;x?\n", "%s\n", "\x1b]0;x\x07");
    format("a long argument", "x 1000\n", "%.1s %d\n", "xyz", 1000);
    format("nothing", "", "%s", "");
    format("only a newline of another", " ", "%s", "\n");
}


/* One of each kind, and what stands beside their limits. */

static void
test_hidden(void)
{
    size_t                 i;
    char                   c[5], s[16], want[16];
    static const uint32_t  hidden[] = {
        0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x180e, 0x200b,
        0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d,
        0x202e, 0x2060, 0x2061, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069,
        0x206a, 0x206f, 0x3164, 0xfe00, 0xfeff, 0xffa0, 0xfff9, 0xfffb,
        0x1d173, 0xe0001, 0xe0020, 0xe007f, 0xe0100, 0x80, 0x85, 0x9b, 0x9f
    };
    static const uint32_t  seen[] = {
        0xa0, 0xe4, 0x300, 0x5d0, 0x627, 0x2010, 0x2027, 0x202f, 0x20ac,
        0x3042, 0x4e2d, 0xfdff, 0xfe10, 0xfffd, 0x1f600, 0x1d172, 0x10ffff
    };

    for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        (void) utf8(hidden[i], c);
        (void) snprintf(s, sizeof(s), "a%sb", c);
        (void) snprintf(c, sizeof(c), "%04x", hidden[i]);
        text(c, s, "a?b", "a?b");
    }

    for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        (void) utf8(seen[i], c);
        (void) snprintf(s, sizeof(s), "a%sb", c);
        (void) snprintf(want, sizeof(want), "%s", s);
        text("a letter", s, want, want);
    }

    text("joiners of a family",
         "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
         "\xf0\x9f\x91\xa9?\xf0\x9f\x91\xa7",
         "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
    text("a heart in red", "\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4?",
         "\xe2\x9d\xa4\xef\xb8\x8f");
    text("a word of Persian", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae",
         "\xd9\x85\xdb\x8c?\xd8\xae", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae");
    text("newlines", "a\nb", "a b", "a\nb");
}


static void
test_json(void)
{
    json("ASCII", "{\n\t\"a\":\t1\n}", "{\n\t\"a\":\t1\n}");
    json("letters", "[\"\xc3\xa4\"]", "[\"\xc3\xa4\"]");
    json("DEL", "[\"a\x7f\"]", "[\"a\\u007f\"]");
    json("a C1 control", "[\"\xc2\x9b" "31m\"]", "[\"\\u009b31m\"]");
    json("an override", "[\"\xe2\x80\xae\"]", "[\"\\u202e\"]");
    json("a joiner", "[\"\xe2\x80\x8d\"]", "[\"\\u200d\"]");
    json("a tag", "[\"\xf3\xa0\x81\xa1\"]", "[\"\\udb40\\udc61\"]");
    json("a byte order mark", "[\"\xef\xbb\xbf\"]", "[\"\\ufeff\"]");
    json("no UTF-8", "[\"a\x9b\xff\"]", "[\"a\\ufffd\\ufffd\"]");
}


int
main(void)
{
    test_format();
    test_hidden();
    test_json();
    DONE();
}
