/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every room stands on: spans, hexadecimal, base64, numbers on the
 * wire, DER, UTF-8.
 */

#include <stdlib.h>
#include <string.h>

#include "core/base/attest_base64.h"
#include "core/base/attest_der.h"
#include "core/base/attest_hex.h"
#include "core/base/attest_utf8.h"
#include "unit.h"


#define LIT(s)  (attest_span_literal(s))


static void test_span(void);
static void test_hex(void);
static void test_hex_refused(void);
static void test_base64(void);
static void test_base64_refused(void);
static void test_put(void);
static void test_wire(void);
static void test_der(void);
static void test_der_lengths(void);
static void test_der_long(void);
static void test_der_number(void);
static void test_utf8(void);
static attest_span_t der_whole(attest_span_t s, unsigned *tag, int *rc);


int
main(void)
{
    test_span();
    test_hex();
    test_hex_refused();
    test_base64();
    test_base64_refused();
    test_put();
    test_wire();
    test_der();
    test_der_lengths();
    test_der_long();
    test_der_number();
    test_utf8();
    DONE();
}


static void
test_span(void)
{
    OK(attest_span_is(LIT("abc"), "abc"), "equal");
    OK(!attest_span_is(LIT("abc"), "abd"), "another byte");
    OK(!attest_span_is(LIT("abc"), "ab"), "longer");
    OK(!attest_span_is(LIT("ab\0"), "ab"), "a NUL is a byte");
    OK(attest_span_is(ATTEST_NO_SPAN, ""), "nothing is the empty text");
    OK(attest_span_eq(ATTEST_NO_SPAN, attest_span("x", 0)),
       "nothing equals nothing");
    OK(!attest_span_eq(ATTEST_NO_SPAN, LIT("x")), "and not something");
    OK(attest_span_is_zero(LIT("\0\0\0")), "zeros");
    OK(!attest_span_is_zero(LIT("\0\0\1")), "not zeros at the end");
    OK(!attest_span_is_zero(LIT("\1\0\0")), "nor at the beginning");
    OK(attest_span_is_zero(ATTEST_NO_SPAN), "no bytes are zeros");
    IS_INT(attest_span_text("four").n, 4, "of a text");
    IS_INT(LIT("a\0b").n, 3, "of a literal");
}


static void
test_hex(void)
{
    int      c;
    char     text[9];
    size_t   n = 99;
    uint8_t  out[4];

    static const uint8_t  bytes[] = { 0x00, 0xff, 0x5a, 0xa5 };

    IS_INT(attest_hex_decode(LIT("00fF5aA5"), out, 4, &n), ATTEST_OK,
           "digits of both cases");
    IS_INT(n, 4, "so many bytes");
    IS_MEM(out, bytes, 4, "these bytes");

    attest_hex_encode(text, bytes, 4);
    OK(strcmp(text, "00ff5aa5") == 0, "written small");

    attest_hex_encode(text, bytes, 0);
    OK(text[0] == '\0', "nothing is nothing");

    IS_INT(attest_hex_decode(LIT(""), out, 4, &n), ATTEST_OK, "no digits");
    IS_INT(n, 0, "no bytes");
    IS_INT(attest_hex_exact(LIT("00ff5aa5"), out, 4), ATTEST_OK, "exactly");

    for (c = 0; c < 256; c++) {
        const char  *at = memchr("0123456789abcdef", c | 0x20, 16);
        int          want = c >= '0' && c <= '9' ? c - '0' : -1;

        if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            want = 10 + (c | 0x20) - 'a';
        }

        if (attest_hex_digit((char) c) != want) {
            OK(0, "digit %d, %s", c, at != NULL ? at : "none");
        }
    }
}


static void
test_hex_refused(void)
{
    size_t   i, n;
    uint8_t  out[4];

    const attest_span_t  bad[] = {
        LIT("0"), LIT("00f"), LIT("0g"), LIT("g0"), LIT(" 00"), LIT("00 "),
        LIT("0x00"), LIT("00:00"), LIT("00\0"), LIT("0\0"), LIT("\xff\xff"),
        LIT("0011223344")
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 99;
        IS_INT(attest_hex_decode(bad[i], out, 4, &n), ATTEST_EFORMAT,
               "refused %zu", i);
        IS_INT(n, 0, "no bytes");
    }

    IS_INT(attest_hex_exact(LIT("001122"), out, 4), ATTEST_EFORMAT,
           "too short");
    IS_INT(attest_hex_exact(LIT("00112233f"), out, 4), ATTEST_EFORMAT,
           "half a byte more");
    IS_INT(attest_hex_exact(LIT("0011223344"), out, 4), ATTEST_EFORMAT,
           "too long");
    IS_INT(attest_hex_exact(LIT("001122gg"), out, 4), ATTEST_EFORMAT,
           "no digits");
}


/* RFC 4648 section 10, and what tells both alphabets apart. */

static void
test_base64(void)
{
    char     text[16];
    size_t   i, n;
    uint8_t  out[8];

    static const struct {
        const char  *plain;
        const char  *padded;
        const char  *url;
    } v[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" },
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xfb\xff", "+/8=", "-_8" }
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        attest_span_t  plain = attest_span_text(v[i].plain);

        attest_base64_encode(text, plain, ATTEST_BASE64);
        OK(strcmp(text, v[i].padded) == 0, "written %zu: %s", i, text);
        IS_INT(attest_base64_len(plain.n, ATTEST_BASE64), strlen(text),
               "its length");

        attest_base64_encode(text, plain, ATTEST_BASE64_URL);
        OK(strcmp(text, v[i].url) == 0, "for addresses: %s", text);
        IS_INT(attest_base64_len(plain.n, ATTEST_BASE64_URL), strlen(text),
               "its length");

        IS_INT(attest_base64_decode(attest_span_text(v[i].padded),
                                    ATTEST_BASE64, out, 8, &n), ATTEST_OK,
               "read");
        OK(attest_span_eq(attest_span(out, n), plain), "these bytes");

        IS_INT(attest_base64_decode(attest_span_text(v[i].url),
                                    ATTEST_BASE64_URL, out, 8, &n),
               ATTEST_OK, "read");
        OK(attest_span_eq(attest_span(out, n), plain), "these bytes");
    }
}


static void
test_base64_refused(void)
{
    size_t   i, n;
    uint8_t  out[8];

    const attest_span_t  padded[] = {
        LIT("Zg"), LIT("Zg="), LIT("Zg==="), LIT("Zm9v="), LIT("Zh=="),
        LIT("Zm9="), LIT("-_8="), LIT("Zm 9v"), LIT("Zm9v\n"), LIT("="),
        LIT("Z"), LIT("Zg==Zg=="), LIT("Zm9v\0"), LIT("Zm9vYmFyYmFy")
    };
    const attest_span_t  url[] = {
        LIT("Zg=="), LIT("Zh"), LIT("Zm9"), LIT("+/8"), LIT("Z"),
        LIT("Zm9v="), LIT("Zm 9v"), LIT("Zm9vYmFyYmFy")
    };

    for (i = 0; i < sizeof(padded) / sizeof(padded[0]); i++) {
        IS_INT(attest_base64_decode(padded[i], ATTEST_BASE64, out, 8, &n),
               ATTEST_EFORMAT, "padded, refused %zu", i);
    }

    for (i = 0; i < sizeof(url) / sizeof(url[0]); i++) {
        IS_INT(attest_base64_decode(url[i], ATTEST_BASE64_URL, out, 8, &n),
               ATTEST_EFORMAT, "for addresses, refused %zu", i);
    }
}


static void
test_put(void)
{
    uint8_t  b[10];

    memset(b, 0xee, sizeof(b));
    OK(attest_wire_put_be16(b, 0x1234) == b + 2, "be16");
    IS_MEM(b, "\x12\x34\xee", 3, "its bytes");
    OK(attest_wire_put_be32(b, 0x12345678) == b + 4, "be32");
    IS_MEM(b, "\x12\x34\x56\x78\xee", 5, "its bytes");
    OK(attest_wire_put_be(b, UINT64_C(0x0123456789abcdef), 8) == b + 8,
       "be64");
    IS_MEM(b, "\x01\x23\x45\x67\x89\xab\xcd\xef\xee", 9, "its bytes");
    IS_INT(attest_wire_get_be(b, 8), UINT64_C(0x0123456789abcdef), "back");
    IS_INT(attest_wire_get_be16(b + 2), 0x4567, "16 of them");
    IS_INT(attest_wire_get_be32(b + 4), 0x89abcdef, "32 of them");
    OK(attest_wire_put_le(b, UINT64_C(0x0123456789abcdef), 8) == b + 8,
       "le64");
    IS_MEM(b, "\xef\xcd\xab\x89\x67\x45\x23\x01\xee", 9, "its bytes");
    IS_INT(attest_wire_get_le(b, 8), UINT64_C(0x0123456789abcdef), "back");
    IS_INT(attest_wire_get_le(b, 2), 0xcdef, "16 of them");
    OK(attest_wire_put_be(b, 0xff, 0) == b, "no bytes");
    IS_INT(b[0], 0xef, "nothing written");
    (void) attest_wire_put_be16(b, 0x12345);
    IS_MEM(b, "\x23\x45", 2, "the low ones");
}


static void
test_wire(void)
{
    attest_wire_t  w;
    attest_span_t  s;

    attest_wire_init(&w, (const uint8_t *) "\x01\x02\x03\x04\x05", 5);
    IS_INT(attest_wire_u8(&w), 1, "u8");
    IS_INT(attest_wire_be16(&w), 0x0203, "be16");
    IS_INT(attest_wire_le16(&w), 0x0504, "le16");
    IS_INT(attest_wire_done(&w), ATTEST_OK, "used up");
    IS_INT(attest_wire_u8(&w), 0, "nothing more");
    IS_INT(attest_wire_done(&w), ATTEST_EFORMAT, "which is bad");

    attest_wire_init(&w, (const uint8_t *) "\x01\x02\x03", 3);
    s = attest_wire_take(&w, 4);
    OK(w.bad && s.n == 0 && s.p != NULL, "behind the end");
    IS_INT(attest_wire_u8(&w), 0, "from then on nothing");

    attest_wire_init(&w, NULL, 5);
    IS_INT(attest_wire_done(&w), ATTEST_OK, "no bytes at all");
}


static attest_span_t
der_whole(attest_span_t s, unsigned *tag, int *rc)
{
    uint8_t        *copy = malloc(s.n + (s.n == 0));
    attest_span_t   content;
    attest_wire_t   w;

    if (s.n != 0) {
        memcpy(copy, s.p, s.n);
    }

    attest_wire_init(&w, copy, s.n);
    content = attest_der_next(&w, tag);
    *rc = attest_wire_done(&w);

    /* only its place and its length are of use to the caller */

    if (content.n != 0) {
        content.p = s.p + (content.p - copy);
    }

    free(copy);
    return content;
}


static void
test_der(void)
{
    int            rc;
    unsigned       tag;
    attest_span_t  s;
    attest_wire_t  w, seq;

    s = der_whole(LIT("\x04\x03" "abc"), &tag, &rc);
    OK(rc == ATTEST_OK && tag == ATTEST_DER_OCTETS && attest_span_is(s, "abc"),
       "octets");

    s = LIT("\x30\x06\x04\x01" "a" "\x01\x01\xff");
    attest_wire_init(&w, s.p, s.n);
    attest_der_enter(&w, ATTEST_DER_SEQUENCE, &seq);
    s = attest_der_take(&seq, ATTEST_DER_OCTETS);
    OK(attest_span_is(s, "a"), "the first of a sequence");
    IS_INT(attest_der_bool(&seq), 1, "the second");
    OK(attest_wire_done(&w) == ATTEST_OK && attest_wire_done(&seq)
       == ATTEST_OK, "that is all");

    attest_wire_init(&w, (const uint8_t *) "\x04\x01" "a", 3);
    s = attest_der_take(&w, ATTEST_DER_UTF8);
    OK(s.n == 0 && attest_wire_done(&w) == ATTEST_EFORMAT, "another tag");

    attest_wire_init(&w, (const uint8_t *) "\x04\x01" "a", 3);
    attest_der_enter(&w, ATTEST_DER_SEQUENCE, &seq);
    OK(seq.bad && seq.n == 0, "nothing to enter");

    attest_wire_init(&w, (const uint8_t *) "\x01\x01\x01", 3);
    (void) attest_der_bool(&w);
    OK(w.bad, "truth is ff");

    attest_wire_init(&w, (const uint8_t *) "\x01\x02\xff\xff", 4);
    (void) attest_der_bool(&w);
    OK(w.bad, "and one byte");
}


static void
test_der_lengths(void)
{
    int       rc;
    size_t    i;
    unsigned  tag;

    const attest_span_t  bad[] = {
        LIT(""), LIT("\x04"), LIT("\x04\x02" "a"), LIT("\x04\x01" "ab"),
        LIT("\x04\x80" "ab\0\0"),              /* indefinite */
        LIT("\x04\x81\x01" "a"),               /* longer than needed */
        LIT("\x04\x81\x7f" "a"),
        LIT("\x04\x82\x00\x01" "a"),
        LIT("\x04\x82\x00\x80" "a"),
        LIT("\x04\x83\x00\x00\x01" "a"),       /* more than 64 KiB */
        LIT("\x04\x84\x00\x00\x00\x01" "a"),
        LIT("\x04\x88\x00\x00\x00\x00\x00\x00\x00\x01" "a"),
        LIT("\x04\xff" "a"),
        LIT("\x1f\x01" "a"),                   /* tags of more octets */
        LIT("\xbf\x01" "a")
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) der_whole(bad[i], &tag, &rc);
        IS_INT(rc, ATTEST_EFORMAT, "refused %zu", i);
    }

    IS_INT(der_whole(LIT("\x05\x00"), &tag, &rc).n, 0, "of no bytes");
    IS_INT(rc, ATTEST_OK, "is good");
}


static void
test_der_long(void)
{
    int                    rc;
    size_t                 n, head;
    unsigned               tag;
    static uint8_t         b[0x10000 + 8];
    static const size_t    size[] = {
        0x7f, 0x80, 0xff, 0x100, 0xffff
    };

    for (n = 0; n < sizeof(size) / sizeof(size[0]); n++) {
        memset(b, 'x', sizeof(b));
        b[0] = ATTEST_DER_UTF8;
        head = size[n] < 0x80 ? 2 : size[n] < 0x100 ? 3 : 4;

        if (head == 2) {
            b[1] = (uint8_t) size[n];

        } else {
            b[1] = (uint8_t) (0x80 + head - 2);
            (void) attest_wire_put_be(b + 2, size[n], head - 2);
        }

        IS_INT(der_whole(attest_span(b, head + size[n]), &tag, &rc).n,
               size[n], "%zu bytes", size[n]);
        IS_INT(rc, ATTEST_OK, "are read");
        (void) der_whole(attest_span(b, head + size[n] - 1), &tag, &rc);
        IS_INT(rc, ATTEST_EFORMAT, "one less is not there");
    }
}


static void
test_der_number(void)
{
    int            large;
    size_t         i;
    uint64_t       v;
    attest_wire_t  w;

    const struct {
        attest_span_t  der;
        uint64_t       value;
        int            large;
        int            bad;
    } c[] = {
        { LIT("\x02\x01\x00"), 0, 0, 0 },
        { LIT("\x02\x01\x7f"), 127, 0, 0 },
        { LIT("\x02\x02\x00\x80"), 128, 0, 0 },
        { LIT("\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX, 0, 0 },
        { LIT("\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX,
          0, 0 },
        { LIT("\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00"), 0, 1, 0 },
        { LIT("\x02\x01\x80"), 0, 0, 1 },            /* negative */
        { LIT("\x02\x02\x00\x7f"), 0, 0, 1 },        /* not the shortest */
        { LIT("\x02\x00"), 0, 0, 1 },
        { LIT("\x04\x01\x00"), 0, 0, 1 }
    };

    for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        large = 0;
        attest_wire_init(&w, c[i].der.p, c[i].der.n);
        v = attest_der_number(&w, &large);

        OK(v == c[i].value && large == c[i].large && w.bad == c[i].bad
           && (w.bad || w.n == 0), "number %zu", i);
    }
}


static void
test_utf8(void)
{
    uint32_t  code = 0;

    IS_INT(attest_utf8_char((const uint8_t *) "a", 1, &code), 1, "one byte");
    IS_INT(code, 'a', "its number");
    IS_INT(attest_utf8_char((const uint8_t *) "\xc3\xa9", 2, &code), 2,
           "two");
    IS_INT(code, 0xe9, "its number");
    IS_INT(attest_utf8_char((const uint8_t *) "\xe2\x82\xac", 3, &code), 3,
           "three");
    IS_INT(code, 0x20ac, "its number");
    IS_INT(attest_utf8_char((const uint8_t *) "\xf4\x8f\xbf\xbf", 4, &code),
           4, "four");
    IS_INT(code, 0x10ffff, "its number");
    IS_INT(attest_utf8_char((const uint8_t *) "\xe2\x82\xac", 2, &code), 0,
           "cut");
    IS_INT(code, 0x10ffff, "no number");
    IS_INT(attest_utf8_char((const uint8_t *) "", 0, NULL), 0, "nothing");

    OK(attest_utf8_is(LIT("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), "all");
    OK(attest_utf8_is(ATTEST_NO_SPAN), "nothing");
    OK(!attest_utf8_is(LIT("\xc0\xaf")), "overlong");
    OK(!attest_utf8_is(LIT("\xe0\x9f\xbf")), "overlong");
    OK(!attest_utf8_is(LIT("\xf0\x8f\xbf\xbf")), "overlong");
    OK(!attest_utf8_is(LIT("\xed\xbf\xbf")), "a surrogate");
    OK(!attest_utf8_is(LIT("\xf4\x90\x80\x80")), "above U+10FFFF");
    OK(!attest_utf8_is(LIT("\xf8\x88\x80\x80\x80")), "five bytes");
    OK(!attest_utf8_is(LIT("a\x80")), "a byte from within");
}
