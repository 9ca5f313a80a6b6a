/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads Intel's collateral in the member "tdx" of a policy: TCB info, the
 * quoting enclave's identity, their signers, lists of revoked certificates.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/base/attest_base64.h"
#include "core/base/attest_hex.h"
#include "core/crypto/attest_pem.h"
#include "core/policy/attest_policy_json.h"
#include "core/policy/attest_policy_tdx_collateral.h"
#include "core/policy/attest_tdx_tcb.h"
#include "core/crypto/attest_x509.h"


#define ATTEST_POLICY_MAX_CRL    (128 * 1024)


/* What the collateral says, read: too much for a stack that is not ours. */

typedef struct {
    attest_tcb_info_t  info;
    attest_tcb_qe_t    qe;
} attest_policy_tcb_t;


static int attest_policy_tdx_collateral_one(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_tdx_complete(attest_policy_ctx_t *ctx,
    const char *path, attest_policy_collateral_t *c);
static int attest_policy_tdx_tcb(attest_policy_ctx_t *ctx,
    const char *path, attest_policy_collateral_t *c);
static int attest_policy_tdx_signed(attest_policy_ctx_t *ctx,
    const char *path, const char *text, const char *member, int has_sig,
    attest_span_t *json, uint8_t sig[ATTEST_TDX_SIGNATURE]);
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
    const cJSON *v, uint8_t sig[ATTEST_TDX_SIGNATURE]);
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


/* {...}, or [{...}, ...] for platforms of several kinds. */

int
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
    int  rc;

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

    return attest_policy_tdx_tcb(ctx, path, c);
}


static int
attest_policy_tdx_tcb(attest_policy_ctx_t *ctx, const char *path,
    attest_policy_collateral_t *c)
{
    const char           *what = NULL;
    attest_policy_tcb_t  *tcb;

    tcb = malloc(sizeof(attest_policy_tcb_t));
    if (tcb == NULL) {
        return attest_policy_fail(ctx, path, "cannot be read: out of memory");
    }

    if (attest_tcb_info_parse(c->tcb_info_json, &tcb->info) != ATTEST_OK) {
        what = "tcb_info is no TCB info of TDX, version 3";

    } else if (attest_tcb_qe_parse(c->qe_identity_json, &tcb->qe)
               != ATTEST_OK)
    {
        what = "qe_identity is no identity of the TD quoting enclave, "
               "version 2";

    } else {
        memcpy(c->fmspc, tcb->info.fmspc, sizeof(c->fmspc));
    }

    free(tcb);
    return what == NULL ? ATTEST_OK
                        : attest_policy_fail(ctx, path, what);
}


/* The signed bytes alone with their signature beside, or a whole answer. */

static int
attest_policy_tdx_signed(attest_policy_ctx_t *ctx, const char *path,
    const char *text, const char *member, int has_sig, attest_span_t *json,
    uint8_t sig[ATTEST_TDX_SIGNATURE])
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
    const cJSON *v, uint8_t sig[ATTEST_TDX_SIGNATURE])
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
