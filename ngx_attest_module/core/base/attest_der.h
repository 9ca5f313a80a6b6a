/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DER, X.690 section 10, of the few structures that OpenSSL has no reader
 * for: tags of one octet, definite lengths below 64 KiB in their shortest
 * form.  The reader is that of attest_wire.h: what is wrong sets `bad`.
 */


#ifndef ATTEST_DER_H_INCLUDED
#define ATTEST_DER_H_INCLUDED


#include "core/base/attest_wire.h"


#define ATTEST_DER_BOOLEAN    0x01
#define ATTEST_DER_INTEGER    0x02
#define ATTEST_DER_OCTETS     0x04
#define ATTEST_DER_OID        0x06
#define ATTEST_DER_ENUM       0x0a
#define ATTEST_DER_UTF8       0x0c
#define ATTEST_DER_IA5        0x16
#define ATTEST_DER_SEQUENCE   0x30
#define ATTEST_DER_CONTEXT    0xa0           /* + number, constructed */


/* The content of the next value, and its tag. */
attest_span_t attest_der_next(attest_wire_t *w, unsigned *tag);
/* It must have this tag. */
attest_span_t attest_der_take(attest_wire_t *w, unsigned tag);
/* The same, to be read by `inner`, which is bad when w is. */
void attest_der_enter(attest_wire_t *w, unsigned tag, attest_wire_t *inner);

/*
 * INTEGER, not negative, in its shortest form.  *large, and 0, when it is
 * above 64 bits.
 */
uint64_t attest_der_number(attest_wire_t *w, int *large);
bool attest_der_bool(attest_wire_t *w);


#endif /* ATTEST_DER_H_INCLUDED */
