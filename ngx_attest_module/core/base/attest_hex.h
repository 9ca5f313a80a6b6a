/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hexadecimal, on libsodium, whose time does not tell the bytes.  Digits of
 * both cases are read, small ones written.
 */


#ifndef ATTEST_HEX_H_INCLUDED
#define ATTEST_HEX_H_INCLUDED


#include "core/base/attest_core.h"


/* The value of a digit; -1: it is none. */
int attest_hex_digit(char c);

/*
 * ATTEST_EFORMAT, and *len 0: a character that is no digit, an odd number of
 * them, or more than room bytes.
 */
int attest_hex_decode(attest_span_t text, uint8_t *out, size_t room,
    size_t *len);
/* ATTEST_EFORMAT unless it is exactly `want` bytes. */
int attest_hex_exact(attest_span_t text, uint8_t *out, size_t want);
/* Writes 2 * n digits and a NUL. */
void attest_hex_encode(char *out, const uint8_t *p, size_t n);


#endif /* ATTEST_HEX_H_INCLUDED */
