/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HMAC-SHA-256 (RFC 2104) over input in parts.
 */


#ifndef ATTEST_HMAC_H_INCLUDED
#define ATTEST_HMAC_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


/*
 * One digest and one digest context serve all HMACs of an operation: a fetch
 * and an allocation per HMAC would cost more than the HMAC.
 */

typedef struct {
    EVP_MD         *md;
    EVP_MD_CTX     *ctx;
    unsigned        borrowed:1;
} attest_hmac_t;


/*
 * md NULL: a digest and a context of its own.  Otherwise both are borrowed,
 * and must outlive it.
 */
int attest_hmac_init(attest_hmac_t *h, EVP_MD *md, EVP_MD_CTX *ctx);
void attest_hmac_free(attest_hmac_t *h);

/* HMAC of the concatenation of the parts. */
int attest_hmac(attest_hmac_t *h, attest_span_t key,
    const attest_span_t *parts, size_t count,
    uint8_t out[ATTEST_SHA256_LEN]);


#endif /* ATTEST_HMAC_H_INCLUDED */
