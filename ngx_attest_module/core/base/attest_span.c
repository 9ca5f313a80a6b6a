/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Comparisons of borrowed bytes, which may be public only.
 */


#include <string.h>

#include "core/base/attest_span.h"


attest_span_t
attest_span_text(const char *text)
{
    return attest_span(text, strlen(text));
}


bool
attest_span_is(attest_span_t s, const char *text)
{
    return attest_span_eq(s, attest_span_text(text));
}


bool
attest_span_eq(attest_span_t a, attest_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


bool
attest_span_is_zero(attest_span_t s)
{
    size_t   i;
    uint8_t  all = 0;

    for (i = 0; i < s.n; i++) {
        all |= s.p[i];
    }

    return all == 0;
}
