/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "gcp" of a policy.
 */


#include <string.h>

#include "core/policy/attest_policy_kinds.h"


static int attest_policy_gcp_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_gcp_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);
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

static const attest_policy_set_t  attest_policy_gcp_sets[] = {
    ATTEST_POLICY_SET("gcp.project", gcp.project),
    ATTEST_POLICY_SET("gcp.zone", gcp.zone),
    ATTEST_POLICY_SET("gcp.instance", gcp.instance),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_gcp = {
    .member = "gcp",
    .read = attest_policy_gcp_read,
    .given = offsetof(attest_policy_t, gcp.given),
    .sets = attest_policy_gcp_sets,
    .unsaid = attest_policy_gcp_unsaid
};


static int
attest_policy_gcp_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                   rc;
    attest_policy_gcp_t  *p = &ctx->policy->gcp;

    rc = attest_policy_table_read(ctx, path, v, attest_policy_gcp_table);

    /* certificates alone help to judge, and demand nothing */

    p->given = p->project.count != 0 || p->zone.count != 0
               || p->instance.count != 0;
    return rc;
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


/* Whose TPM it is, is for the policy to say, whatever the evidence has. */

static void
attest_policy_gcp_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    if ((about & ATTEST_ABOUT(ATTEST_KIND_NONE)) && !policy->gcp.given) {
        say(data, "gcp");
    }
}
