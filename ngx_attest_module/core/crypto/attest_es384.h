/* SPDX-License-Identifier: Apache-2.0 */

/* ECDSA with P-384 and SHA-384, signatures as bare numbers. */


#ifndef ATTEST_ES384_H_INCLUDED
#define ATTEST_ES384_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_ES384_LEN    96


/*
 * Over the concatenation of the spans; the signature is r and s, 48 bytes
 * each, big-endian.  ATTEST_ECRYPTO: wrong signature or length of it;
 * ATTEST_EUNSUPPORTED: no key, or not one on P-384; ATTEST_EINTERNAL.
 */
int attest_es384_verify(EVP_PKEY *key, const attest_span_t *parts,
    size_t count, attest_span_t signature);


#endif /* ATTEST_ES384_H_INCLUDED */
