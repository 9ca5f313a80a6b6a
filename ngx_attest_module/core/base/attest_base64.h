/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Base64, RFC 4648, strict: no other character, no blanks, no stray bits in
 * the last digit, padding where the form has it and nowhere else.
 */


#ifndef ATTEST_BASE64_H_INCLUDED
#define ATTEST_BASE64_H_INCLUDED


#include "core/base/attest_core.h"


typedef enum {
    ATTEST_BASE64 = 0,           /* section 4, padded */
    ATTEST_BASE64_URL            /* section 5, without padding */
} attest_base64_e;


/* Digits and padding of n bytes, without a NUL. */
size_t attest_base64_len(size_t n, attest_base64_e form);

/* ATTEST_EFORMAT: not this form, or more than room bytes. */
int attest_base64_decode(attest_span_t text, attest_base64_e form,
    uint8_t *out, size_t room, size_t *len);
/* Writes attest_base64_len() characters and a NUL. */
void attest_base64_encode(char *out, attest_span_t s, attest_base64_e form);


#endif /* ATTEST_BASE64_H_INCLUDED */
