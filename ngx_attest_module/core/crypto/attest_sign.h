/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures in the form that JOSE and COSE have them: the algorithm follows
 * from the key, and ECDSA's two numbers stand side by side (RFC 7518 section
 * 3.4, RFC 9053 section 2.1).
 */


#ifndef ATTEST_SIGN_H_INCLUDED
#define ATTEST_SIGN_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_SIGN_MAX    96


typedef struct {
    const char   *key;             /* as OpenSSL names it, or its curve */
    const char   *digest;          /* NULL: the algorithm has its own */
    const char   *jose;            /* "alg", RFC 7518 and 8037 */
    int           cose;            /* RFC 9053 */
    size_t        len;             /* bytes of a signature */
} attest_sign_alg_t;


/* ES256, ES384 or EdDSA; NULL: a key of another kind. */
const attest_sign_alg_t *attest_sign_alg(EVP_PKEY *key);

/*
 * *len: the algorithm's.  ATTEST_EUNSUPPORTED: a key of another kind;
 * ATTEST_ECRYPTO: it cannot sign, as when it is a public one.
 */
int attest_sign(EVP_PKEY *key, attest_span_t message,
    uint8_t out[ATTEST_SIGN_MAX], size_t *len);


#endif /* ATTEST_SIGN_H_INCLUDED */
