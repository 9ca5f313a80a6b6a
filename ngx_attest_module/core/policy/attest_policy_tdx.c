/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "tdx" of a policy, Intel's collateral in it included.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/base/attest_base64.h"
#include "core/base/attest_hex.h"
#include "core/crypto/attest_pem.h"
#include "core/policy/attest_policy_kinds.h"
#include "core/policy/attest_tdx_tcb.h"
#include "core/crypto/attest_x509.h"


#define ATTEST_POLICY_MAX_CRL    (128 * 1024)

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
static int attest_policy_tdx_collateral(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_collateral_one(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_complete(attest_policy_ctx_t *ctx,
    const char *path, attest_policy_collateral_t *c);
static int attest_policy_tdx_signed(attest_policy_ctx_t *ctx,
    const char *path, const char *text, const char *member, int has_sig,
    attest_span_t *json, uint8_t sig[64]);
static int attest_policy_tdx_tcb_info(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_qe_identity(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_copy(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, char **text);
static int attest_policy_tdx_tcb_sig(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_qe_sig(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_sig(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint8_t sig[64]);
static int attest_policy_tdx_tcb_chain(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_qe_chain(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_crl_chain(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_chain(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v, STACK_OF(X509) **certs);
static size_t attest_policy_tdx_decode(char *text);
static int attest_policy_tdx_root_crl(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_pck_crl(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, X509_CRL **crl);
static X509_CRL *attest_policy_tdx_crl_read(const char *text);
static attest_span_t attest_policy_tdx_trim(attest_span_t s);
static X509_CRL *attest_policy_tdx_crl_der(const uint8_t *p, size_t n);
static attest_policy_collateral_t *attest_policy_tdx_current(
    attest_policy_ctx_t *ctx);


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

static const attest_policy_member_t  attest_policy_tdx_members[] = {
    ATTEST_POLICY_OWN("tcb_info", attest_policy_tdx_tcb_info),
    ATTEST_POLICY_OWN("tcb_info_signature", attest_policy_tdx_tcb_sig),
    ATTEST_POLICY_OWN("tcb_info_issuer_chain", attest_policy_tdx_tcb_chain),
    ATTEST_POLICY_OWN("qe_identity", attest_policy_tdx_qe_identity),
    ATTEST_POLICY_OWN("qe_identity_signature", attest_policy_tdx_qe_sig),
    ATTEST_POLICY_OWN("qe_identity_issuer_chain", attest_policy_tdx_qe_chain),
    ATTEST_POLICY_OWN("root_ca_crl", attest_policy_tdx_root_crl),
    ATTEST_POLICY_OWN("pck_crl", attest_policy_tdx_pck_crl),
    ATTEST_POLICY_OWN("pck_crl_issuer_chain", attest_policy_tdx_crl_chain),
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


/* {...}, or [{...}, ...] for platforms of several kinds. */

static int
attest_policy_tdx_collateral(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    const cJSON  *item;

    if (!cJSON_IsArray(v)) {
        return attest_policy_tdx_collateral_one(ctx, path, v);
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        if (i > ATTEST_POLICY_TDX_COLLATERAL) {
            return attest_policy_fail(ctx, path, "too many values");
        }

        rc = attest_policy_tdx_collateral_one(ctx, sub, item);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return i != 0 ? ATTEST_OK : attest_policy_fail(ctx, path,
                                                   "an empty list");
}


static int
attest_policy_tdx_collateral_one(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int  rc;

    /* an empty one is told what it needs, as any other that is not whole */

    rc = cJSON_IsObject(v) && v->child == NULL ? ATTEST_OK
         : attest_policy_table_read(ctx, path, v, attest_policy_tdx_members);

    if (rc == ATTEST_OK) {
        rc = attest_policy_tdx_complete(ctx, path,
                                        attest_policy_tdx_current(ctx));
    }

    if (rc == ATTEST_OK) {
        ctx->policy->tdx.ncollateral++;
    }

    return rc;
}


static int
attest_policy_tdx_complete(attest_policy_ctx_t *ctx, const char *path,
    attest_policy_collateral_t *c)
{
    int                rc;
    attest_tcb_qe_t    qe;
    attest_tcb_info_t  info;

    if (c->tcb_info == NULL || c->tcb_info_chain == NULL
        || c->qe_identity == NULL || c->qe_identity_chain == NULL
        || c->root_crl == NULL || c->pck_crl == NULL)
    {
        return attest_policy_fail(ctx, path, "needs tcb_info, qe_identity, "
                                  "their issuer chains, pck_crl and "
                                  "root_ca_crl");
    }

    rc = attest_policy_tdx_signed(ctx, path, c->tcb_info, "tcbInfo",
                                  c->has_tcb_info_sig, &c->tcb_info_json,
                                  c->tcb_info_sig);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_policy_tdx_signed(ctx, path, c->qe_identity,
                                  "enclaveIdentity", c->has_qe_identity_sig,
                                  &c->qe_identity_json, c->qe_identity_sig);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (attest_tcb_info_parse(c->tcb_info_json, &info) != ATTEST_OK) {
        return attest_policy_fail(ctx, path, "tcb_info is no TCB info of "
                                  "TDX, version 3");
    }

    if (attest_tcb_qe_parse(c->qe_identity_json, &qe) != ATTEST_OK) {
        return attest_policy_fail(ctx, path, "qe_identity is no identity of "
                                  "the TD quoting enclave, version 2");
    }

    memcpy(c->fmspc, info.fmspc, sizeof(c->fmspc));
    return ATTEST_OK;
}


/* The signed bytes alone with their signature beside, or a whole answer. */

static int
attest_policy_tdx_signed(attest_policy_ctx_t *ctx, const char *path,
    const char *text, const char *member, int has_sig, attest_span_t *json,
    uint8_t sig[64])
{
    char           what[96];
    attest_span_t  all = attest_span_text(text);

    if (has_sig) {
        *json = all;
        return ATTEST_OK;
    }

    if (attest_tcb_unwrap(all, member, json, sig) != ATTEST_OK) {
        (void) snprintf(what, sizeof(what), "no signature for {\"%s\":...}: "
                        "give the whole answer, or its parts", member);
        return attest_policy_fail(ctx, path, what);
    }

    return ATTEST_OK;
}


static int
attest_policy_tdx_tcb_info(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_copy(ctx, path, v,
                                  &attest_policy_tdx_current(ctx)->tcb_info);
}


static int
attest_policy_tdx_qe_identity(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_copy(ctx, path, v,
                                  &attest_policy_tdx_current(ctx)
                                  ->qe_identity);
}


static int
attest_policy_tdx_copy(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, char **text)
{
    if (!cJSON_IsString(v) || strlen(v->valuestring) > ATTEST_TCB_MAX_JSON) {
        return attest_policy_fail(ctx, path, "must be the text of a JSON "
                                  "answer, unchanged");
    }

    *text = strdup(v->valuestring);
    return *text != NULL ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
attest_policy_tdx_tcb_sig(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    attest_policy_collateral_t  *c = attest_policy_tdx_current(ctx);

    c->has_tcb_info_sig = 1;
    return attest_policy_tdx_sig(ctx, path, v, c->tcb_info_sig);
}


static int
attest_policy_tdx_qe_sig(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    attest_policy_collateral_t  *c = attest_policy_tdx_current(ctx);

    c->has_qe_identity_sig = 1;
    return attest_policy_tdx_sig(ctx, path, v, c->qe_identity_sig);
}


static int
attest_policy_tdx_sig(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint8_t sig[64])
{
    int              rc;
    attest_refset_t  set;

    set.count = 0;

    rc = attest_policy_hex(ctx, path, v, ATTEST_TDX_SIGNATURE, &set);
    if (rc == ATTEST_OK) {
        memcpy(sig, set.value[0], ATTEST_TDX_SIGNATURE);
    }

    return rc;
}


static int
attest_policy_tdx_tcb_chain(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_chain(ctx, path, v,
                                   &attest_policy_tdx_current(ctx)
                                   ->tcb_info_chain);
}


static int
attest_policy_tdx_qe_chain(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_chain(ctx, path, v,
                                   &attest_policy_tdx_current(ctx)
                                   ->qe_identity_chain);
}


static int
attest_policy_tdx_crl_chain(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_chain(ctx, path, v,
                                   &attest_policy_tdx_current(ctx)
                                   ->pck_crl_chain);
}


/* As PEM, or as the service's header fields have it: percent-encoded. */

static int
attest_policy_tdx_chain(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, STACK_OF(X509) **certs)
{
    char           *text = NULL;
    attest_span_t   pem = ATTEST_NO_SPAN;

    if (cJSON_IsString(v) && strlen(v->valuestring) <= ATTEST_MAX_ITEM) {
        text = strdup(v->valuestring);

        if (text == NULL) {
            return ATTEST_EINTERNAL;
        }

        pem = attest_span(text, attest_policy_tdx_decode(text));
    }

    *certs = attest_x509_read(pem);
    free(text);

    return *certs != NULL ? ATTEST_OK
           : attest_policy_fail(ctx, path, "must be certificates in PEM and "
                                "nothing else");
}


/* In place, RFC 3986 section 2.1; returns the length, 0: malformed. */

static size_t
attest_policy_tdx_decode(char *text)
{
    int    hi, lo;
    char  *in, *out;

    if (strchr(text, '%') == NULL) {
        return strlen(text);
    }

    for (in = out = text; *in != '\0'; in++) {

        if (*in != '%') {
            *out++ = *in;
            continue;
        }

        hi = attest_hex_digit(in[1]);
        lo = hi < 0 ? -1 : attest_hex_digit(in[2]);

        if (lo < 0) {
            return 0;
        }

        *out++ = (char) (hi << 4 | lo);
        in += 2;
    }

    return (size_t) (out - text);
}


static int
attest_policy_tdx_root_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_crl(ctx, path, v,
                                 &attest_policy_tdx_current(ctx)->root_crl);
}


static int
attest_policy_tdx_pck_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_tdx_crl(ctx, path, v,
                                 &attest_policy_tdx_current(ctx)->pck_crl);
}


static int
attest_policy_tdx_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, X509_CRL **crl)
{
    if (cJSON_IsString(v)
        && strlen(v->valuestring) <= ATTEST_POLICY_MAX_CRL)
    {
        *crl = attest_policy_tdx_crl_read(v->valuestring);
    }

    return *crl != NULL ? ATTEST_OK
           : attest_policy_fail(ctx, path, "must be a CRL: PEM, or DER in "
                                "hex or base64");
}


static X509_CRL *
attest_policy_tdx_crl_read(const char *text)
{
    int            rc;
    size_t         len, n = strlen(text);
    uint8_t       *der;
    X509_CRL      *crl;
    attest_span_t  s = attest_span(text, n);

    if (*text == '-') {
        return attest_pem_crl(s, NULL);
    }

    der = malloc(n + 1);
    if (der == NULL) {
        return NULL;
    }

    /* what is both, is hexadecimal */

    rc = attest_hex_decode(s, der, n, &len);

    if (rc != ATTEST_OK
        && strspn(text, "0123456789abcdefABCDEF") != n)
    {
        rc = attest_base64_decode(attest_policy_tdx_trim(s), ATTEST_BASE64,
                                  der, n, &len);
    }

    crl = rc == ATTEST_OK && len != 0 ? attest_policy_tdx_crl_der(der, len)
                                      : NULL;
    free(der);
    return crl;
}


/* A line's end does not matter. */

static attest_span_t
attest_policy_tdx_trim(attest_span_t s)
{
    while (s.n != 0 && memchr(" \t\r\n", s.p[0], 4) != NULL) {
        s.p++;
        s.n--;
    }

    while (s.n != 0 && memchr(" \t\r\n", s.p[s.n - 1], 4) != NULL) {
        s.n--;
    }

    return s;
}


static X509_CRL *
attest_policy_tdx_crl_der(const uint8_t *p, size_t n)
{
    X509_CRL       *crl;
    const uint8_t  *end = p + n;

    crl = d2i_X509_CRL(NULL, &p, (long) n);

    if (crl != NULL && p != end) {
        X509_CRL_free(crl);
        return NULL;
    }

    return crl;
}


static attest_policy_collateral_t *
attest_policy_tdx_current(attest_policy_ctx_t *ctx)
{
    return &ctx->policy->tdx.collateral[ctx->policy->tdx.ncollateral];
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
