/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one place that knows what UTF-8 is: CBOR texts, JSON, and what people
 * are shown, on terminals and pages.
 */


#include "core/base/attest_utf8.h"


typedef struct {
    uint32_t   first;
    uint32_t   last;
} attest_utf8_range_t;


/*
 * Characters that a reader does not see, or that move what he sees: those of
 * Unicode's properties Default_Ignorable_Code_Point and Bidi_Control, its
 * separators of lines and paragraphs, and annotations.
 */

static const attest_utf8_range_t  attest_utf8_hidden[] = {
    { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
    { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f },
    { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
    { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
    { 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
    { 0xe0000, 0xe0fff }, { 0, 0 }
};


bool
attest_utf8_is(attest_span_t s)
{
    size_t  n, off;

    for (off = 0; off < s.n; off += n) {
        n = attest_utf8_char(s.p + off, s.n - off, NULL);
        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


size_t
attest_utf8_char(const uint8_t *p, size_t n, uint32_t *code)
{
    size_t    i, len;
    uint8_t   low, high;
    uint32_t  c;

    if (n == 0 || (p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4) {
        return 0;
    }

    len = (p[0] < 0x80) ? 1 : (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;
    if (len > n) {
        return 0;
    }

    c = (len == 1) ? p[0] : p[0] & (0x7fu >> len);

    /* of the second byte only: overlong, surrogates, above U+10FFFF */

    low = (p[0] == 0xe0) ? 0xa0 : (p[0] == 0xf0) ? 0x90 : 0x80;
    high = (p[0] == 0xed) ? 0x9f : (p[0] == 0xf4) ? 0x8f : 0xbf;

    for (i = 1; i < len; i++) {
        if (p[i] < low || p[i] > high) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }

    if (code != NULL) {
        *code = c;
    }

    return len;
}


/* A terminal obeys controls: C0, DEL and C1. */

bool
attest_utf8_is_hidden(uint32_t code)
{
    const attest_utf8_range_t  *r;

    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        return true;
    }

    for (r = attest_utf8_hidden; r->last != 0; r++) {
        if (code >= r->first && code <= r->last) {
            return true;
        }
    }

    return false;
}
