/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "nitro" of a policy.
 */


#include <stdio.h>
#include <string.h>

#include "attest_policy_kinds.h"


#define ATTEST_POLICY_NITRO_PCR_LEN  48        /* SHA-384 */
#define ATTEST_POLICY_NITRO_MAX_AGE  86400


static int attest_policy_nitro_pcrs(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_nitro_module_ids(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_nitro_max_age(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_nitro_allow_debug(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_nitro_intermediates(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_nitro_table[] = {
    { "pcrs", attest_policy_nitro_pcrs },
    { "module_ids", attest_policy_nitro_module_ids },
    { "max_age", attest_policy_nitro_max_age },
    { "allow_debug", attest_policy_nitro_allow_debug },
    { "intermediates", attest_policy_nitro_intermediates },
    { NULL, NULL }
};


int
attest_policy_nitro(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    ctx->policy->nitro.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_nitro_table);
}


void
attest_policy_nitro_clear(attest_policy_nitro_t *p)
{
    memset(p, 0, sizeof(*p));
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
attest_policy_nitro_module_ids(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_texts(ctx, path, v, &ctx->policy->nitro.module_ids);
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


static int
attest_policy_nitro_allow_debug(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->nitro.allow_debug = flag;
    return rc;
}


static int
attest_policy_nitro_intermediates(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_intermediates(ctx, path, v, ATTEST_MAKER_AWS);
}
