
#include <string.h>

#include "attest_policy_internal.h"


static const attest_policy_member_t  attest_policy_azure_table[] = {
    { NULL, NULL }
};


int
attest_policy_azure(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    ctx->policy->azure.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_azure_table);
}


void
attest_policy_azure_clear(attest_policy_azure_t *p)
{
    memset(p, 0, sizeof(*p));
}
