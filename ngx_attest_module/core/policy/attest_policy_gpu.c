/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "gpu" of a policy.
 */


#include <string.h>

#include "core/evidence/attest_gpu.h"
#include "core/policy/attest_policy_kinds.h"


static int attest_policy_gpu_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_gpu_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);
static int attest_policy_gpu_finish(attest_policy_ctx_t *ctx,
    const char *path);
static int attest_policy_gpu_required(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gpu_count(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gpu_min_count(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gpu_switches(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gpu_arch(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_gpu_modes(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_gpu_table[] = {
    ATTEST_POLICY_OWN("required", attest_policy_gpu_required),
    ATTEST_POLICY_OWN("count", attest_policy_gpu_count),
    ATTEST_POLICY_OWN("min_count", attest_policy_gpu_min_count),
    ATTEST_POLICY_OWN("switches", attest_policy_gpu_switches),
    ATTEST_POLICY_OWN("arch", attest_policy_gpu_arch),
    ATTEST_POLICY_OWN("modes", attest_policy_gpu_modes),
    ATTEST_POLICY_TEXTS("driver", gpu.driver),
    ATTEST_POLICY_TEXTS("vbios", gpu.vbios),
    ATTEST_POLICY_TEXTS("switch_bios", gpu.switch_bios),
    ATTEST_POLICY_HEX_LIST("devices", gpu.devices, ATTEST_SHA256_LEN),
    ATTEST_POLICY_CERTS("intermediates", intermediates[ATTEST_MAKER_NVIDIA]),
    ATTEST_POLICY_END
};

static const attest_policy_set_t  attest_policy_gpu_sets[] = {
    ATTEST_POLICY_SET("gpu.arch", gpu.arch),
    ATTEST_POLICY_SET("gpu.modes", gpu.modes),
    ATTEST_POLICY_SET("gpu.driver", gpu.driver),
    ATTEST_POLICY_SET("gpu.vbios", gpu.vbios),
    ATTEST_POLICY_SET("gpu.switch_bios", gpu.switch_bios),
    ATTEST_POLICY_SET("gpu.devices", gpu.devices),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_gpu = {
    .member = "gpu",
    .read = attest_policy_gpu_read,
    .given = offsetof(attest_policy_t, gpu.given),
    .sets = attest_policy_gpu_sets,
    .unsaid = attest_policy_gpu_unsaid
};


static int
attest_policy_gpu_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int  rc;

    ctx->policy->gpu.given = 1;

    rc = attest_policy_table_read(ctx, path, v, attest_policy_gpu_table);

    return rc == ATTEST_OK ? attest_policy_gpu_finish(ctx, path) : rc;
}


static int
attest_policy_gpu_finish(attest_policy_ctx_t *ctx, const char *path)
{
    const attest_policy_gpu_t  *gpu = &ctx->policy->gpu;

    if (gpu->optional && !gpu->has_count && gpu->min_count == 0
        && !gpu->has_switches && gpu->arch.count == 0
        && gpu->modes.count == 0 && gpu->driver.count == 0
        && gpu->vbios.count == 0 && gpu->switch_bios.count == 0
        && gpu->devices.count == 0)
    {
        return attest_policy_fail(ctx, path, "not required, and nothing is "
                                  "said of those that are there: it demands "
                                  "nothing");
    }

    if (gpu->has_count && gpu->min_count != 0) {
        return attest_policy_fail(ctx, path, "either count or min_count");
    }

    return ATTEST_OK;
}


static int
attest_policy_gpu_required(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int      rc;
    uint8_t  flag = 1;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->gpu.optional = !flag;
    return rc;
}


static int
attest_policy_gpu_count(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    uint64_t  *count = &ctx->policy->gpu.count;

    if (attest_policy_number(ctx, path, v, ATTEST_GPU_MAX_DEVICES, count)
        != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    if (*count == 0) {
        return attest_policy_fail(ctx, path, "must not be 0");
    }

    ctx->policy->gpu.has_count = 1;
    return ATTEST_OK;
}


static int
attest_policy_gpu_min_count(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    uint64_t  *count = &ctx->policy->gpu.min_count;

    if (attest_policy_number(ctx, path, v, ATTEST_GPU_MAX_DEVICES, count)
        != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    return *count == 0 ? attest_policy_fail(ctx, path, "must not be 0")
                       : ATTEST_OK;
}


static int
attest_policy_gpu_switches(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->gpu.has_switches = 1;

    return attest_policy_number(ctx, path, v, ATTEST_GPU_MAX_DEVICES,
                                &ctx->policy->gpu.switches);
}


/* A name that no check knows could never match. */

static int
attest_policy_gpu_arch(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                 rc;
    size_t              i;
    const char         *chip;
    attest_span_t       name;
    attest_textset_t   *set = &ctx->policy->gpu.arch;

    rc = attest_policy_texts(ctx, path, v, set);

    for (i = 0; rc == ATTEST_OK && i < set->count; i++) {
        name = attest_span_text(set->value[i]);

        if (attest_gpu_class(name, &chip) != ATTEST_GPU_GPU) {
            rc = attest_policy_fail(ctx, path, "a GPU's architecture is "
                                    "HOPPER or BLACKWELL");
        }
    }

    return rc;
}


static int
attest_policy_gpu_modes(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                 rc;
    size_t              i;
    attest_textset_t   *set = &ctx->policy->gpu.modes;

    rc = attest_policy_texts(ctx, path, v, set);

    for (i = 0; rc == ATTEST_OK && i < set->count; i++) {
        if (strcmp(set->value[i], "spt") != 0
            && strcmp(set->value[i], "mpt") != 0
            && strcmp(set->value[i], "ppcie") != 0)
        {
            rc = attest_policy_fail(ctx, path, "a mode is spt, mpt or "
                                    "ppcie");
        }
    }

    return rc;
}


/* That there are GPUs is for the policy to say, whatever the evidence has. */

static void
attest_policy_gpu_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    const attest_policy_gpu_t  *p = &policy->gpu;

    if (!p->given) {
        say(data, "gpu");
    }

    if (!(about & ATTEST_ABOUT(ATTEST_KIND_GPU))) {
        return;
    }

    if (!p->has_count && p->min_count == 0) {
        say(data, "gpu.count");
    }

    if (!p->has_switches) {
        say(data, "gpu.switches");
    }
}
