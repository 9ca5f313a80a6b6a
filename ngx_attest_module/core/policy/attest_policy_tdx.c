/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "tdx" of a policy.
 */


#include <stdio.h>
#include <stdlib.h>

#include "core/policy/attest_policy_kinds.h"
#include "core/policy/attest_policy_tdx_collateral.h"
#include "core/policy/attest_tdx_tcb.h"


/* 2018-01-01: no tcbDate of Intel's is older. */
#define ATTEST_POLICY_TDX_FIRST  1514764800

/* Neither may be asked for: one is allow_debug's, the other never is. */
#define ATTEST_POLICY_TDX_NEVER  (ATTEST_TDX_DEBUG | ATTEST_TDX_MIGRATABLE)


static int attest_policy_tdx_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_tdx_clear(attest_policy_t *policy);
static void attest_policy_tdx_least(attest_least_t *l);
static void attest_policy_tdx_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);
static int attest_policy_tdx_rtmr(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_tdx_attributes(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_required(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_allowed(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_mask(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint64_t *mask);
static int attest_policy_tdx_tcb(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_tdx_min_date(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_require_tcb(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_tdx_table[] = {
    ATTEST_POLICY_HEX("mrtd", tdx.mrtd, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_HEX("mrseam", tdx.mrseam, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_OWN("rtmr", attest_policy_tdx_rtmr),
    ATTEST_POLICY_HEX("mrconfigid", tdx.mrconfigid, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_HEX("mrowner", tdx.mrowner, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_HEX("mrownerconfig", tdx.mrownerconfig, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_HEX("mrservicetd", tdx.mrservicetd, ATTEST_TDX_MR_LEN),
    ATTEST_POLICY_OWN("attributes", attest_policy_tdx_attributes),
    ATTEST_POLICY_HEX("xfam", tdx.xfam, 8),
    ATTEST_POLICY_HEX_LIST("ppid", tdx.ppid, 16),
    ATTEST_POLICY_HEX_LIST("fmspc", tdx.fmspc, 6),
    ATTEST_POLICY_OWN("tcb", attest_policy_tdx_tcb),
    ATTEST_POLICY_OWN("min_tcb_date", attest_policy_tdx_min_date),
    ATTEST_POLICY_OWN("require_tcb", attest_policy_tdx_require_tcb),
    ATTEST_POLICY_OWN("collateral", attest_policy_tdx_collateral),
    ATTEST_POLICY_FLAG("allow_debug", tdx.allow_debug),
    ATTEST_POLICY_CERTS("intermediates", intermediates[ATTEST_MAKER_INTEL]),
    ATTEST_POLICY_END
};

static const attest_policy_member_t  attest_policy_tdx_masks[] = {
    ATTEST_POLICY_OWN("required", attest_policy_tdx_required),
    ATTEST_POLICY_OWN("allowed", attest_policy_tdx_allowed),
    ATTEST_POLICY_END
};

static const attest_policy_set_t  attest_policy_tdx_sets[] = {
    ATTEST_POLICY_SET("tdx.mrseam", tdx.mrseam),
    ATTEST_POLICY_SET("tdx.mrconfigid", tdx.mrconfigid),
    ATTEST_POLICY_SET("tdx.mrowner", tdx.mrowner),
    ATTEST_POLICY_SET("tdx.mrownerconfig", tdx.mrownerconfig),
    ATTEST_POLICY_SET("tdx.xfam", tdx.xfam),
    ATTEST_POLICY_SET("tdx.ppid", tdx.ppid),
    ATTEST_POLICY_SET("tdx.fmspc", tdx.fmspc),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_tdx = {
    .member = "tdx",
    .read = attest_policy_tdx_read,
    .clear = attest_policy_tdx_clear,
    .given = offsetof(attest_policy_t, tdx.given),
    .least = attest_policy_tdx_least,
    .sets = attest_policy_tdx_sets,
    .unsaid = attest_policy_tdx_unsaid
};


static int
attest_policy_tdx_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->tdx.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_tdx_table);
}


static void
attest_policy_tdx_clear(attest_policy_t *policy)
{
    size_t                       i;
    attest_policy_collateral_t  *c;

    for (i = 0; i < ATTEST_POLICY_TDX_COLLATERAL; i++) {
        c = &policy->tdx.collateral[i];
        free(c->tcb_info);
        free(c->qe_identity);
        sk_X509_pop_free(c->tcb_info_chain, X509_free);
        sk_X509_pop_free(c->qe_identity_chain, X509_free);
        sk_X509_pop_free(c->pck_crl_chain, X509_free);
        X509_CRL_free(c->root_crl);
        X509_CRL_free(c->pck_crl);
    }
}


static int
attest_policy_tdx_rtmr(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_numbered(ctx, path, v, "an RTMR", ATTEST_TDX_RTMRS,
                                  ATTEST_TDX_MR_LEN, ctx->policy->tdx.rtmr);
}


static int
attest_policy_tdx_attributes(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int                         rc;
    const attest_policy_tdx_t  *tdx = &ctx->policy->tdx;

    rc = attest_policy_table_read(ctx, path, v, attest_policy_tdx_masks);

    if (rc == ATTEST_OK && tdx->attributes_required == 0
        && !tdx->attributes_given)
    {
        rc = attest_policy_fail(ctx, path, "no bit is required: it demands "
                                "nothing");
    }

    return rc;
}


static int
attest_policy_tdx_required(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_mask(ctx, path, v,
                                  &ctx->policy->tdx.attributes_required);
}


static int
attest_policy_tdx_allowed(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->tdx.attributes_given = 1;

    return attest_policy_tdx_mask(ctx, path, v,
                                  &ctx->policy->tdx.attributes_allowed);
}


/* In the order of the quote's bytes, as "show" prints them. */

static int
attest_policy_tdx_mask(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint64_t *mask)
{
    int              rc;
    attest_refset_t  set;

    set.count = 0;

    rc = attest_policy_hex(ctx, path, v, 8, &set);
    if (rc != ATTEST_OK) {
        return rc;
    }

    *mask = attest_tdx_u64(set.value[0]);

    if (*mask & ATTEST_POLICY_TDX_NEVER) {
        return attest_policy_fail(ctx, path, "DEBUG (bit 0) and MIGRATABLE "
                                  "(bit 29) cannot be allowed here");
    }

    return ATTEST_OK;
}


static int
attest_policy_tdx_tcb(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int           status;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    const cJSON  *item;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of statuses");
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        status = cJSON_IsString(item) ? attest_tcb_status(item->valuestring)
                                      : -1;

        if (status < 0 || status == ATTEST_TCB_REVOKED) {
            return attest_policy_fail(ctx, sub, status < 0
                                      ? "unknown status" : "a revoked "
                                      "platform cannot be accepted");
        }

        ctx->policy->tdx.tcb |= ATTEST_TCB_BIT(status);
    }

    return ATTEST_OK;
}


static int
attest_policy_tdx_min_date(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    if (!cJSON_IsString(v)
        || attest_tcb_time(v->valuestring, &ctx->policy->tdx.min_tcb_date)
           != ATTEST_OK)
    {
        return attest_policy_fail(ctx, path, "must be a date, YYYY-MM-DD");
    }

    if (ctx->policy->tdx.min_tcb_date < ATTEST_POLICY_TDX_FIRST) {
        return attest_policy_fail(ctx, path, "no platform is as old: it "
                                  "demands nothing");
    }

    return ATTEST_OK;
}


static int
attest_policy_tdx_require_tcb(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int      rc;
    uint8_t  flag = 1;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->tdx.no_tcb = !flag;
    return rc;
}


/*
 * MRTD is the firmware as it was loaded, RTMR 0 its settings; it measures
 * boot loader and kernel into RTMR 1, command line and initrd into RTMR 2.
 */

static void
attest_policy_tdx_least(attest_least_t *l)
{
    const attest_policy_tdx_t  *p = &l->policy->tdx;

    if (!attest_least_says(l, &p->mrtd)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "tdx.mrtd",
                         "nothing says which firmware runs");
    }

    if (!attest_least_says(l, &p->rtmr[0])) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "tdx.rtmr.0",
                         "nothing says how the firmware is set up");
    }

    if (attest_least_boots(l)) {
        return;
    }

    if (!attest_least_says(l, &p->rtmr[1])) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "tdx.rtmr.1",
                         "nothing says which boot loader and kernel run");
    }

    if (!attest_least_says(l, &p->rtmr[2])) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "tdx.rtmr.2",
                         "nothing says with which command line and initrd "
                         "the kernel runs");
    }
}


static void
attest_policy_tdx_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    const attest_policy_tdx_t  *p = &policy->tdx;

    if (!(about & ATTEST_ABOUT(ATTEST_KIND_TDX))) {
        return;
    }

    if (p->attributes_required == 0) {
        say(data, "tdx.attributes.required");
    }

    if (!p->attributes_given) {
        say(data, "tdx.attributes.allowed");
    }

    if (p->min_tcb_date == 0) {
        say(data, "tdx.min_tcb_date");
    }
}
