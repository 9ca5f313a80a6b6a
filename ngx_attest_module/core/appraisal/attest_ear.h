/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A result in the form that other systems read: EAT Attestation Results
 * (draft-ietf-rats-ear), with the trustworthiness vector of AR4SI
 * (draft-ietf-rats-ar4si, section 2.3).  docs/verifier.md says which check
 * becomes which claim.
 */


#ifndef ATTEST_EAR_H_INCLUDED
#define ATTEST_EAR_H_INCLUDED


#include <openssl/evp.h>

#include "core/appraisal/attest_verify.h"


/* What deployed readers of the format want to see. */
#define ATTEST_EAR_PROFILE     "tag:github.com,2023:veraison/ear"
#define ATTEST_EAR_DEVELOPER   "ngx_attest_module"
#define ATTEST_EAR_BUILD       "ngx-attest " ATTEST_VERSION
#define ATTEST_EAR_SUBMOD      "gateway"

/* A token with a key and a policy's name takes no more. */
#define ATTEST_EAR_MAX         4096


/* In the order of their labels in CBOR, from 0. */

typedef enum {
    ATTEST_EAR_INSTANCE = 0,
    ATTEST_EAR_CONFIGURATION,
    ATTEST_EAR_EXECUTABLES,
    ATTEST_EAR_FILES,
    ATTEST_EAR_HARDWARE,
    ATTEST_EAR_RUNTIME,
    ATTEST_EAR_STORAGE,
    ATTEST_EAR_SOURCED,
    ATTEST_EAR_CLAIMS              /* how many */
} attest_ear_claim_e;

/* The tiers; also values of "ear.status" in CBOR. */

typedef enum {
    ATTEST_EAR_NONE = 0,
    ATTEST_EAR_AFFIRMING = 2,
    ATTEST_EAR_WARNING = 32,
    ATTEST_EAR_CONTRAINDICATED = 96
} attest_ear_status_e;

typedef struct {
    attest_ear_status_e   status;
    int8_t                claims[ATTEST_EAR_CLAIMS];   /* 0: none is made */
} attest_ear_t;

/* What a result does not say itself. */

typedef struct {
    int64_t         now;           /* Unix seconds */
    attest_span_t   policy;        /* the bytes of its file; empty: default */
    attest_span_t   key;           /* SubjectPublicKeyInfo, DER, of the TLS key
                                      that the evidence vouches for; empty:
                                      none, or not trusted */
} attest_ear_about_t;


/*
 * A claim is made where checks are about it: a refusal by any, an affirmation
 * by some when none is open, and only in a trusted result.  A software TPM or a
 * simulated machine is a warning at best, whatever the policy accepts.
 */
void attest_ear_vector(const attest_result_t *res, attest_ear_t *ear);

/* The claims for reading, unsigned.  malloc()ed; NULL: out of memory. */
char *attest_ear_json(const attest_ear_t *ear,
    const attest_ear_about_t *about);

/*
 * Signed: a JWT (RFC 7519), in its compact form with a NUL, or a CWT (RFC
 * 8392), a COSE_Sign1 with its tag.  *len: bytes, without the NUL.
 * ATTEST_EUNSUPPORTED: a key that attest_sign() does not know; ATTEST_ECRYPTO,
 * ATTEST_ELIMIT, ATTEST_EINTERNAL.
 */
int attest_ear_jwt(const attest_ear_t *ear, const attest_ear_about_t *about,
    EVP_PKEY *key, char out[ATTEST_EAR_MAX], size_t *len);
int attest_ear_cwt(const attest_ear_t *ear, const attest_ear_about_t *about,
    EVP_PKEY *key, uint8_t out[ATTEST_EAR_MAX], size_t *len);


#endif /* ATTEST_EAR_H_INCLUDED */
