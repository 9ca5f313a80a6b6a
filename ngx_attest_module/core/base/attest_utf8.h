/* SPDX-License-Identifier: Apache-2.0 */

/*
 * UTF-8, RFC 3629 section 4: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 */


#ifndef ATTEST_UTF8_H_INCLUDED
#define ATTEST_UTF8_H_INCLUDED


#include "core/base/attest_span.h"


/*
 * The length of the first character of n bytes, and its number, unless code
 * is NULL; 0: these bytes begin none.
 */
size_t attest_utf8_char(const uint8_t *p, size_t n, uint32_t *code);
/* 1 when all of it is UTF-8. */
bool attest_utf8_is(attest_span_t s);
/* 1 for what a reader does not see, or what moves what he sees. */
bool attest_utf8_is_hidden(uint32_t code);


#endif /* ATTEST_UTF8_H_INCLUDED */
