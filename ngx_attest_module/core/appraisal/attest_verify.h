/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Appraisal: evidence + reference values -> checks and a verdict.  Pure: the
 * caller has fetched everything and says what time it is.
 */


#ifndef ATTEST_VERIFY_H_INCLUDED
#define ATTEST_VERIFY_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_kind.h"
#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_roots.h"
#include "core/crypto/attest_x509.h"


/* Memory that nobody has written to says nothing good: 0 is neither. */

typedef enum {
    ATTEST_CHECK_UNKNOWN = 0,      /* could not be decided */
    ATTEST_CHECK_FAIL,
    ATTEST_CHECK_PASS,
    ATTEST_CHECK_NOTE              /* not evaluated, or information */
} attest_check_e;

typedef enum {
    ATTEST_NOT_TRUSTED = 1,        /* 0 is no verdict */
    ATTEST_UNDECIDED = 2,
    ATTEST_TRUSTED = 3
} attest_verdict_e;

#define ATTEST_MAX_CHECKS    192

typedef struct {
    char              id[48];      /* stable, for --json: "quote-signature" */
    attest_check_e    state;
    char              text[384];   /* what was compared with what */
} attest_check_t;

typedef struct {
    attest_check_t     checks[ATTEST_MAX_CHECKS];
    size_t             count;
    attest_verdict_e   verdict;
    unsigned           root;       /* established root of trust bit: the
                                      least of all that the verdict needed,
                                      and accepted by the policy; or 0 */
    unsigned           found;      /* what the freshest evidence proves,
                                      accepted or not; or 0 */
    attest_kind_e      kind;       /* of that evidence, for what it owes */
    attest_kind_e      chip;
    char               why[384];
} attest_result_t;

typedef struct {
    attest_span_t            cert;        /* leaf DER of the live connection,
                                             or of a file; may be empty */
    attest_span_t            fresh;       /* collection for our nonce */
    attest_span_t            cached;      /* collection without a nonce */
    attest_span_t            nonce;       /* that we sent */
    attest_span_t            exporter;    /* 32 bytes of our connection */

    /* credential activation: the proof for a secret that we chose */
    attest_span_t            secret;
    attest_span_t            proof;       /* HMAC-SHA-256(secret, SHA-256(
                                             cached claims)) */
    attest_span_t            hpke_keys;   /* as /.well-known/hpke-keys gave */

    int64_t                  now;         /* Unix seconds */
    const attest_policy_t   *policy;
    const attest_roots_t    *roots;       /* the makers' certificates; NULL:
                                             loaded for this call */
    attest_x509_cache_t     *cache;       /* certificates of former calls;
                                             NULL: only of this call */
} attest_verify_input_t;


/* Never fails as a function: whatever goes wrong is a check and a verdict. */
void attest_verify(const attest_verify_input_t *in, attest_result_t *result);

/*
 * What a verifier needs to make a credential: EK public area and AK name out
 * of a collection.  ATTEST_EUNSUPPORTED when it carries no EK.
 */
int attest_verify_credential(attest_span_t collection,
    const uint8_t secret[ATTEST_TPM_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len);

/* "trusted", "not trusted", "undecided" */
const char *attest_verify_verdict(attest_verdict_e verdict);

/*
 * The result as one JSON object (docs/verifier.md), for what and as of
 * when.  malloc()ed, free with free(); NULL: out of memory.
 */
char *attest_verify_json(const attest_result_t *res, const char *target,
    int64_t now);


#endif /* ATTEST_VERIFY_H_INCLUDED */
