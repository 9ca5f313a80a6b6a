/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "core/policy/attest_least.h"
#include "core/evidence/attest_claims.h"
#include "core/appraisal/attest_verify.h"


/*
 * u16be length and certificate, cached collection, fresh collection; then the
 * served key configuration.  The seed "trusted" was written by
 * t/unit/test_verify.c; the private key of its attestation key is gone, so
 * nothing but its own signed claims can ever be trusted.
 */

#define FUZZ_NOW      1782900000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static attest_span_t fuzz_take(const uint8_t **p, size_t *n);
static void fuzz_hex(const char *hex, attest_refset_t *set);
static void fuzz_policy(attest_policy_t *policy);
static int fuzz_claims_are(attest_span_t collection, const char *hex);


static const char  fuzz_ak[] =
    "000bf580246fce60f0082c9f8bd98a77a56daad87ab1506f933d51c615c1da1af8ad";
static const char  fuzz_pcr0[] =
    "b489021588a2f2a51343b40b45b82e62139c2bbd9dcafebaeff1fa85d8a97bf1";
static const char  fuzz_cached[] =
    "549f0cb0c26dc8a6dc9c975eb9758c5a82754617ae68b537d284e66426cba500";
static const char  fuzz_fresh[] =
    "7212414f6ba17d0068618c868834f534e5228f326ba8521d91617079a773bf22";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                   i;
    uint8_t                  nonce[32], exporter[32];
    attest_verify_input_t    in;
    static attest_policy_t   policy;
    static attest_result_t   res;
    static attest_roots_t    roots;

    /* once: to decode them takes longer than all the rest */

    if (roots.anchors[0] == NULL && attest_roots_load(&roots) != ATTEST_OK) {
        abort();
    }

    fuzz_policy(&policy);
    memset(nonce, 0xaa, sizeof(nonce));
    memset(exporter, 0xbb, sizeof(exporter));
    memset(&in, 0, sizeof(in));

    in.cert = fuzz_take(&data, &size);
    in.cached = fuzz_take(&data, &size);
    in.fresh = fuzz_take(&data, &size);
    in.hpke_keys.p = data;
    in.hpke_keys.n = size;
    in.nonce.p = nonce;
    in.nonce.n = sizeof(nonce);
    in.exporter.p = exporter;
    in.exporter.n = sizeof(exporter);
    in.now = FUZZ_NOW;
    in.policy = &policy;
    in.roots = &roots;

    attest_verify(&in, &res);

    for (i = 0; i < res.count; i++) {
        if (res.checks[i].id[0] == '\0' || res.checks[i].text[0] == '\0'
            || (res.verdict == ATTEST_TRUSTED
                && (res.checks[i].state == ATTEST_CHECK_FAIL
                    || res.checks[i].state == ATTEST_CHECK_UNKNOWN)))
        {
            abort();
        }
    }

    if (res.why[0] == '\0') {
        abort();
    }

    if (res.verdict == ATTEST_TRUSTED
        && (!fuzz_claims_are(in.fresh, fuzz_fresh)
            || (in.cached.n != 0
                && !fuzz_claims_are(in.cached, fuzz_cached))))
    {
        abort();
    }

    return 0;
}


static attest_span_t
fuzz_take(const uint8_t **p, size_t *n)
{
    size_t         len;
    attest_span_t  s = { NULL, 0 };

    if (*n < 2) {
        return s;
    }

    len = (size_t) (*p)[0] << 8 | (*p)[1];
    *p += 2;
    *n -= 2;

    s.p = *p;
    s.n = len < *n ? len : *n;
    *p += s.n;
    *n -= s.n;
    return s;
}


static void
fuzz_hex(const char *hex, attest_refset_t *set)
{
    size_t              i;
    char                c;
    static const char   digits[] = "0123456789abcdef";

    for (i = 0; (c = hex[i]) != '\0'; i++) {
        set->value[0][i / 2] = (uint8_t) (set->value[0][i / 2] << 4
                               | (uint8_t) (strchr(digits, c) - digits));
    }

    set->len[0] = i / 2;
    set->count = 1;
}


static void
fuzz_policy(attest_policy_t *policy)
{
    attest_policy_default(policy);

    policy->roots = ATTEST_ROOT_HOST_VTPM;
    policy->require_ek = 0;
    policy->pcr_alg = ATTEST_TPM_ALG_SHA256;
    fuzz_hex(fuzz_ak, &policy->ak);
    fuzz_hex(fuzz_pcr0, &policy->pcrs[0]);

    memset(policy->events[4].value[0], 0x14, 32);
    policy->events[4].len[0] = 32;
    policy->events[4].count = 1;

    /* a policy that trusts the seed, or nothing would be asked of trust */

    policy->waive = ATTEST_LEAST_KERNEL;
}


static int
fuzz_claims_are(attest_span_t collection, const char *hex)
{
    int                       same = 0;
    uint8_t                   digest[32];
    attest_cmw_t              cmw;
    attest_refset_t           want;
    const attest_cmw_item_t  *item;

    memset(&want, 0, sizeof(want));
    fuzz_hex(hex, &want);

    if (attest_cmw_parse(collection.p, collection.n, &cmw) != ATTEST_OK) {
        return 0;
    }

    item = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS);

    if (item != NULL && attest_sha256(&item->value, 1, digest) == ATTEST_OK) {
        same = (memcmp(digest, want.value[0], 32) == 0);
    }

    attest_cmw_free(&cmw);
    return same;
}
