
#include <string.h>

#include "attest_policy_internal.h"


static const attest_policy_member_t  attest_policy_snp_table[] = {
    { NULL, NULL }
};


int
attest_policy_snp(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    ctx->policy->snp.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_snp_table);
}


void
attest_policy_snp_clear(attest_policy_snp_t *p)
{
    memset(p, 0, sizeof(*p));
}
