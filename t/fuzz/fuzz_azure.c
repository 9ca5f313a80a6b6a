/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: an "azure-hcl" item.  It has one encoding; and whatever it is, only
 * the keys that evidence of real machines names (t/data/README.md) are ever
 * proven.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_hcl.h"
#include "core/appraisal/attest_verify_azure.h"


#define FUZZ_NOW    1782864000

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_same(const uint8_t *p, size_t n);


/* SHA-256 of the SPKI of HCLAkPub */

static const uint8_t  fuzz_known[3][4] = {
    { 0x18, 0x36, 0x3b, 0x87 },
    { 0x21, 0xcc, 0x57, 0x3d },
    { 0xb6, 0x54, 0x00, 0xf6 }
};


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                          i;
    attest_part_t                   part;
    attest_verify_t                 v;
    attest_cmw_item_t               item;
    attest_x509_cache_t             cache;
    attest_verify_input_t           in;
    static attest_roots_t           roots;
    static attest_result_t          res;
    static attest_policy_t          policy;

    fuzz_same(p, n);

    if (roots.anchors[0] == NULL && attest_roots_load(&roots) != ATTEST_OK) {
        abort();
    }

    attest_policy_default(&policy);
    memset(&cache, 0, sizeof(cache));
    memset(&res, 0, sizeof(res));
    memset(&part, 0, sizeof(part));
    memset(&item, 0, sizeof(item));
    memset(&in, 0, sizeof(in));
    memset(&v, 0, sizeof(v));

    in.now = FUZZ_NOW;
    in.policy = &policy;
    v.in = &in;
    v.policy = &policy;
    v.roots = &roots;
    v.cache = &cache;
    v.res = &res;
    v.main = &part;
    part.which = ATTEST_PART_FRESH;
    item.value.p = p;
    item.value.n = n;

    attest_verify_azure(&v, &part, &item);
    attest_x509_cache_clear(&cache);

    if (part.cpu.simulated) {
        abort();
    }

    for (i = 0; part.cpu.proven; i++) {
        if (i == 3) {
            abort();
        }

        if (memcmp(part.cpu.ak_spki, fuzz_known[i], 4) == 0) {
            break;
        }
    }

    return 0;
}


static void
fuzz_same(const uint8_t *p, size_t n)
{
    size_t           len;
    static uint8_t   out[ATTEST_MAX_ITEM];
    attest_azure_t   a;

    if (attest_azure_parse(p, n, &a) != ATTEST_OK) {
        return;
    }

    len = sizeof(out);

    if (attest_azure_encode(&a, out, &len) != ATTEST_OK || len != n
        || memcmp(out, p, n) != 0)
    {
        abort();
    }
}
