/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The attestation document of an AWS Nitro Enclave: COSE_Sign1 (RFC 9052)
 * around a CBOR map (AWS Nitro Enclaves NSM API, attestation process).
 */


#ifndef ATTEST_NITRO_H_INCLUDED
#define ATTEST_NITRO_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_NITRO_PCRS        32
#define ATTEST_NITRO_MAX         (16 * 1024)    /* a whole document */
#define ATTEST_NITRO_MAX_ID      128            /* bytes of module_id */
#define ATTEST_NITRO_MAX_CERT    1024           /* bytes of one certificate */
#define ATTEST_NITRO_MAX_DATA    512            /* user_data, nonce */
#define ATTEST_NITRO_MAX_KEY     1024           /* public_key */
#define ATTEST_NITRO_MAX_MEMBERS 32             /* of the map */


/* Borrows from the input; what is null or not there is an empty span. */

typedef struct {
    attest_span_t   payload;
    attest_span_t   signature;        /* r and s, 48 bytes each */
    attest_span_t   module_id;        /* "i-..-enc..", printable ASCII */
    uint64_t        timestamp;        /* Unix milliseconds, not 0 */
    uint32_t        pcr_mask;         /* bit: this PCR is there */
    attest_span_t   pcrs[ATTEST_NITRO_PCRS];
    attest_span_t   certificate;      /* DER, of the key that signed */
    attest_span_t   cabundle[ATTEST_MAX_CERTS];   /* DER, the root first */
    size_t          cabundle_count;
    attest_span_t   public_key;
    attest_span_t   user_data;
    attest_span_t   nonce;
} attest_nitro_t;


/*
 * Untagged or with tag 18; the protected header is exactly { 1: -35 } (ES384),
 * the unprotected one is empty.  The payload may use indefinite lengths; its
 * members come once; unknown ones are skipped.  ATTEST_EFORMAT, ATTEST_ELIMIT,
 * ATTEST_EUNSUPPORTED (another algorithm or digest).
 */
int attest_nitro_parse(const uint8_t *p, size_t n, attest_nitro_t *doc);

/* COSE's signature, RFC 9052 section 4.4.  As attest_es384_verify(). */
int attest_nitro_signature(const attest_nitro_t *doc, EVP_PKEY *key);

/*
 * 1: the enclave was started in debug mode: PCR 0, 1 and 2 are all zero (or
 * one of them is, or is missing: no image has such a digest).
 */
bool attest_nitro_is_debug(const attest_nitro_t *doc);


#endif /* ATTEST_NITRO_H_INCLUDED */
