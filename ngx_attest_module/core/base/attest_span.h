/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Borrowed bytes: never owned, never written through.
 *
 * No comparison here takes the same time for all bytes: secrets are compared
 * with CRYPTO_memcmp() where they are.
 */


#ifndef ATTEST_SPAN_H_INCLUDED
#define ATTEST_SPAN_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


typedef struct {
    const uint8_t  *p;
    size_t          n;
} attest_span_t;


#define ATTEST_NO_SPAN          ((attest_span_t) { NULL, 0 })

/* Of a literal or an array of char, without the NUL at its end. */
#define attest_span_literal(s)  (attest_span((s), sizeof(s) - 1))


static inline attest_span_t
attest_span(const void *p, size_t n)
{
    attest_span_t  s;

    s.p = p;
    s.n = n;

    return s;
}


/* Of a C string, without its NUL. */
attest_span_t attest_span_text(const char *text);
/* 1 when the span equals the C string. */
bool attest_span_is(attest_span_t s, const char *text);
/* 1 when both hold the same bytes. */
bool attest_span_eq(attest_span_t a, attest_span_t b);
/* 1 when no byte is other than zero. */
bool attest_span_is_zero(attest_span_t s);


#endif /* ATTEST_SPAN_H_INCLUDED */
