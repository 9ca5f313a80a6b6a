/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one place that knows what UTF-8 is: CBOR texts, JSON, and what a
 * terminal is shown.
 */


#include "core/base/attest_utf8.h"


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
