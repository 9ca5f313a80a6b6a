/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "azure" of a policy.
 */


#include <ctype.h>
#include <string.h>

#include "core/policy/attest_policy_kinds.h"


#define ATTEST_GUID_LEN    36


static int attest_policy_azure_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_azure_least(attest_least_t *l);
static void attest_policy_azure_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);
static int attest_policy_azure_vm(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static bool attest_policy_azure_is_guid(const char *text);
static int attest_policy_azure_secure_boot(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_azure_console(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_azure_table[] = {
    ATTEST_POLICY_OWN("vm_unique_id", attest_policy_azure_vm),
    ATTEST_POLICY_OWN("secure_boot", attest_policy_azure_secure_boot),
    ATTEST_POLICY_OWN("console_enabled", attest_policy_azure_console),
    ATTEST_POLICY_CERTS("intermediates",
        intermediates[ATTEST_MAKER_MICROSOFT]),
    ATTEST_POLICY_END
};

static const attest_policy_set_t  attest_policy_azure_sets[] = {
    ATTEST_POLICY_SET("azure.vm_unique_id", azure.vm_unique_id),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_azure = {
    .member = "azure",
    .read = attest_policy_azure_read,
    .given = offsetof(attest_policy_t, azure.given),
    .least = attest_policy_azure_least,
    .sets = attest_policy_azure_sets,
    .unsaid = attest_policy_azure_unsaid
};


static int
attest_policy_azure_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                     rc;
    attest_policy_azure_t  *p = &ctx->policy->azure;

    rc = attest_policy_table_read(ctx, path, v, attest_policy_azure_table);

    /* certificates alone help to judge, and demand nothing */

    p->given = p->vm_unique_id.count != 0 || p->has_secure_boot
               || p->has_console;
    return rc;
}


/* A value that no machine can have is a mistake, not a policy. */

static int
attest_policy_azure_vm(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                rc;
    size_t             i;
    attest_textset_t  *set = &ctx->policy->azure.vm_unique_id;

    rc = attest_policy_texts(ctx, path, v, set);

    for (i = 0; rc == ATTEST_OK && i < set->count; i++) {
        if (!attest_policy_azure_is_guid(set->value[i])) {
            rc = attest_policy_fail(ctx, path, "must be UUIDs of 36 "
                                    "characters");
        }
    }

    return rc;
}


static bool
attest_policy_azure_is_guid(const char *text)
{
    size_t  i;

    if (strlen(text) != ATTEST_GUID_LEN) {
        return 0;
    }

    for (i = 0; i < ATTEST_GUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23
            ? text[i] != '-' : !isxdigit((unsigned char) text[i]))
        {
            return 0;
        }
    }

    return 1;
}


static int
attest_policy_azure_secure_boot(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int      rc;
    uint8_t  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->azure.has_secure_boot = 1;
    ctx->policy->azure.secure_boot = flag;
    return rc;
}


static int
attest_policy_azure_console(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int      rc;
    uint8_t  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->azure.has_console = 1;
    ctx->policy->azure.console = flag;
    return rc;
}


/* The paravisor answers for what the CPU measured, its TPM for the rest. */

static void
attest_policy_azure_least(attest_least_t *l)
{
    int                     tdx = l->chip == ATTEST_KIND_TDX;
    const attest_policy_t  *p = l->policy;

    if (!attest_least_says(l, tdx ? &p->tdx.mrtd : &p->snp.measurement)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, tdx ? "tdx.mrtd"
                         : "snp.measurement", "the paravisor could be "
                         "anybody's, and its virtual TPM could say "
                         "anything");
    }

    if (!attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "nothing says what the firmware boots (PCR 4)");
    }

    if (!tdx && !attest_policy_snp_min_tcb_said(&p->snp)) {
        attest_least_gap(l, ATTEST_LEAST_TCB, "snp.min_tcb",
                         "a platform with every known hole would do");
    }
}


static void
attest_policy_azure_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    const attest_policy_azure_t  *p = &policy->azure;

    if (!(about & ATTEST_ABOUT(ATTEST_KIND_AZURE))) {
        return;
    }

    if (!p->has_secure_boot) {
        say(data, "azure.secure_boot");
    }

    if (!p->has_console) {
        say(data, "azure.console_enabled");
    }
}
