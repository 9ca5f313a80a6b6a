/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one reader and the one writer of hexadecimal text.
 */


#include <sodium.h>

#include "core/base/attest_hex.h"


int
attest_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


int
attest_hex_decode(attest_span_t text, uint8_t *out, size_t room, size_t *len)
{
    if (sodium_hex2bin(out, room, (const char *) text.p, text.n, NULL, len,
                       NULL)
        != 0)
    {
        *len = 0;
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


int
attest_hex_exact(attest_span_t text, uint8_t *out, size_t want)
{
    size_t  n;

    if (text.n / 2 != want || text.n % 2 != 0) {
        return ATTEST_EFORMAT;
    }

    return attest_hex_decode(text, out, want, &n);
}


void
attest_hex_encode(char *out, const uint8_t *p, size_t n)
{
    (void) sodium_bin2hex(out, 2 * n + 1, p, n);
}
