/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a provider collected, as a verifier sees it: claims, one item, the
 * roots of a double and reference values.
 */


#ifndef APPRAISE_H_INCLUDED
#define APPRAISE_H_INCLUDED


#include <time.h>

#include <openssl/pem.h>

#include "core/evidence/attest_cmw.h"
#include "core/policy/attest_policy.h"
#include "providers/attest_provider.h"
#include "core/appraisal/attest_verify.h"
#include "unit.h"


static const uint8_t  ap_nonce[32] = { 0xaa, 0xbb };


/* Fresh claims of now. */

static inline size_t
ap_claims(uint8_t out[ATTEST_CLAIMS_MAX])
{
    size_t           len = ATTEST_CLAIMS_MAX;
    attest_claims_t  c;

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    c.nonce_len = sizeof(ap_nonce);
    memcpy(c.nonce, ap_nonce, sizeof(ap_nonce));
    c.has_exporter = 1;
    memcpy(c.exporter, ap_nonce, sizeof(ap_nonce));
    c.has_validity = 1;
    c.not_before = (uint64_t) time(NULL) - 3600;
    c.not_after = (uint64_t) time(NULL) + 3600;

    if (attest_claims_encode(&c, out, &len) != ATTEST_OK) {
        printf("Bail out! claims\n");
        exit(1);
    }
    return len;
}


static inline void
ap_reference(attest_refset_t *set, const uint8_t *p, size_t n)
{
    memcpy(set->value[set->count], p, n);
    set->len[set->count++] = n;
}


/* The policy accepts what is simulated, below the roots of this PEM. */

static inline void
ap_policy(attest_policy_t *policy, const uint8_t *pem, size_t len)
{
    X509  *x;
    BIO   *bio = BIO_new_mem_buf(pem, (int) len);

    attest_policy_default(policy);
    policy->require_exporter = 0;
    policy->roots = ATTEST_ROOT_SIMULATED;
    policy->simulated_roots = sk_X509_new_null();

    while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        sk_X509_push(policy->simulated_roots, x);
    }
    BIO_free(bio);
}


static inline void
ap_verify(const prov_evidence_t *ev, const uint8_t *claims, size_t len,
    const attest_policy_t *policy, attest_result_t *res)
{
    size_t                  n = 512 * 1024;
    uint8_t                *out = malloc(n);
    attest_roots_t          roots;
    attest_cmw_item_t       items[2];
    attest_verify_input_t   in;

    memset(items, 0, sizeof(items));
    items[0].label = ATTEST_ITEM_CLAIMS;
    items[0].type = ATTEST_TYPE_CLAIMS;
    items[0].value.p = claims;
    items[0].value.n = len;
    items[0].ind = ATTEST_CMW_IND_EVIDENCE;
    items[1].label = ev->items[0].item;
    items[1].type = ev->items[0].type;
    items[1].value.p = ev->items[0].data;
    items[1].value.n = ev->items[0].len;
    items[1].ind = ATTEST_CMW_IND_EVIDENCE;

    if (attest_cmw_encode_cbor(ATTEST_CMWC_FRESH, items, 2, out, &n)
        != ATTEST_OK || attest_roots_load(&roots) != ATTEST_OK)
    {
        printf("Bail out! collection\n");
        exit(1);
    }

    memset(&in, 0, sizeof(in));
    in.fresh.p = out;
    in.fresh.n = n;
    in.nonce.p = ap_nonce;
    in.nonce.n = sizeof(ap_nonce);
    in.exporter = in.nonce;
    in.now = (int64_t) time(NULL);
    in.policy = policy;
    in.roots = &roots;

    attest_verify(&in, res);

    attest_roots_clear(&roots);
    free(out);
}


/* Prints what did not pass. */

static inline void
ap_dump(const attest_result_t *res)
{
    size_t  i;

    for (i = 0; i < res->count; i++) {
        if (res->checks[i].state != ATTEST_CHECK_PASS) {
            printf("# %s %d: %s\n", res->checks[i].id,
                   (int) res->checks[i].state, res->checks[i].text);
        }
    }
    printf("# %s\n", res->why);
}


/* State of a check, -1: it was not made. */

static inline int
ap_state(const attest_result_t *res, const char *id)
{
    size_t  i;

    for (i = 0; i < res->count; i++) {
        if (strcmp(res->checks[i].id, id) == 0) {
            return (int) res->checks[i].state;
        }
    }
    return -1;
}


#endif /* APPRAISE_H_INCLUDED */
