/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "nitro" of a policy.
 */


#include <stdio.h>
#include <string.h>

#include "core/policy/attest_policy_kinds.h"


#define ATTEST_POLICY_NITRO_PCR_LEN  ATTEST_SHA384_LEN
#define ATTEST_POLICY_NITRO_MAX_AGE  86400


static int attest_policy_nitro_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_nitro_least(attest_least_t *l);
static int attest_policy_nitro_pcrs(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_nitro_max_age(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_nitro_table[] = {
    ATTEST_POLICY_OWN("pcrs", attest_policy_nitro_pcrs),
    ATTEST_POLICY_TEXTS("module_ids", nitro.module_ids),
    ATTEST_POLICY_OWN("max_age", attest_policy_nitro_max_age),
    ATTEST_POLICY_FLAG("allow_debug", nitro.allow_debug),
    ATTEST_POLICY_CERTS("intermediates", intermediates[ATTEST_MAKER_AWS]),
    ATTEST_POLICY_END
};

static const attest_policy_set_t  attest_policy_nitro_sets[] = {
    ATTEST_POLICY_SET("nitro.module_ids", nitro.module_ids),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_nitro = {
    .member = "nitro",
    .read = attest_policy_nitro_read,
    .given = offsetof(attest_policy_t, nitro.given),
    .least = attest_policy_nitro_least,
    .sets = attest_policy_nitro_sets
};


static int
attest_policy_nitro_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->nitro.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_nitro_table);
}


static int
attest_policy_nitro_pcrs(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_numbered(ctx, path, v, "a PCR",
                                  ATTEST_POLICY_NITRO_PCRS,
                                  ATTEST_POLICY_NITRO_PCR_LEN,
                                  ctx->policy->nitro.pcrs);
}


static int
attest_policy_nitro_max_age(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int        rc;
    uint64_t  *age = &ctx->policy->nitro.max_age;

    rc = attest_policy_number(ctx, path, v, ATTEST_POLICY_NITRO_MAX_AGE, age);

    if (rc == ATTEST_OK && *age == 0) {
        rc = attest_policy_fail(ctx, path, "must not be 0");
    }

    return rc;
}


/*
 * PCR 0 is the whole image.  PCR 1 is kernel and boot ramdisk, PCR 2 the
 * application: both together are the image as well.  PCR 3, 4 and 8 name
 * a role, an instance, a signer: none of them says what runs.
 */

static void
attest_policy_nitro_least(attest_least_t *l)
{
    const attest_refset_t  *pcrs = l->policy->nitro.pcrs;

    if (attest_least_says(l, &pcrs[0])
        || (attest_least_says(l, &pcrs[1]) && attest_least_says(l, &pcrs[2])))
    {
        return;
    }

    attest_least_gap(l, ATTEST_LEAST_KERNEL, "nitro.pcrs",
                     "neither PCR 0 nor both PCR 1 and 2 are named: nothing "
                     "says which image runs");
}
