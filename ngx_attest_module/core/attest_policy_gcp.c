/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "gcp" of a policy.
 */


#include <string.h>

#include "attest_policy_kinds.h"


static int attest_policy_gcp_project(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gcp_zone(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_gcp_instance(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gcp_intermediates(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_gcp_table[] = {
    { "project", attest_policy_gcp_project },
    { "zone", attest_policy_gcp_zone },
    { "instance", attest_policy_gcp_instance },
    { "intermediates", attest_policy_gcp_intermediates },
    { NULL, NULL }
};


int
attest_policy_gcp(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    int                   rc;
    attest_policy_gcp_t  *p = &ctx->policy->gcp;

    rc = attest_policy_table_read(ctx, path, v, attest_policy_gcp_table);

    /* certificates alone help to judge, and demand nothing */

    p->given = p->project.count != 0 || p->zone.count != 0
               || p->instance.count != 0;
    return rc;
}


void
attest_policy_gcp_clear(attest_policy_gcp_t *p)
{
    memset(p, 0, sizeof(*p));
}


static int
attest_policy_gcp_project(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_texts(ctx, path, v, &ctx->policy->gcp.project);
}


static int
attest_policy_gcp_zone(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_texts(ctx, path, v, &ctx->policy->gcp.zone);
}


static int
attest_policy_gcp_instance(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_texts(ctx, path, v, &ctx->policy->gcp.instance);
}


static int
attest_policy_gcp_intermediates(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_intermediates(ctx, path, v, ATTEST_MAKER_GOOGLE);
}
