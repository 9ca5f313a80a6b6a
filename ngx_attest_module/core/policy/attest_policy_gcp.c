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


static const attest_policy_member_t  attest_policy_gcp_table[] = {
    ATTEST_POLICY_TEXTS("project", gcp.project),
    ATTEST_POLICY_TEXTS("zone", gcp.zone),
    ATTEST_POLICY_TEXTS("instance", gcp.instance),
    ATTEST_POLICY_CERTS("intermediates", intermediates[ATTEST_MAKER_GOOGLE]),
    ATTEST_POLICY_END
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


/* Whose TPM it is, is for the policy to say, whatever the evidence has. */

static void
attest_policy_gcp_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    if ((about & ATTEST_ABOUT(ATTEST_KIND_NONE)) && !policy->gcp.given) {
        say(data, "gcp");
    }
}
