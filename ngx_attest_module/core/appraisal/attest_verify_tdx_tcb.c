/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is the platform of an Intel quote up to date?  Intel's collateral out of
 * the policy, its lists of revoked certificates, and the levels in it.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "core/policy/attest_least.h"
#include "core/policy/attest_tdx_tcb.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_tdx_tcb.h"
#include "core/crypto/attest_x509.h"


#define ATTEST_TCB_SIGNER    "Intel SGX TCB Signing"


/* What the collateral says, read: too much for a stack that is not ours. */

typedef struct {
    attest_tcb_info_t  info;
    attest_tcb_qe_t    qe;
} attest_verify_tcb_t;


static bool attest_verify_tdx_judged(attest_td_t *td,
    attest_verify_tcb_t *tcb);
static const char *attest_verify_tdx_usable(attest_td_t *td,
    const attest_policy_collateral_t *c, attest_verify_tcb_t *tcb);
static const attest_policy_collateral_t *attest_verify_tdx_collateral(
    attest_td_t *td, attest_verify_tcb_t *tcb);
static bool attest_verify_tdx_dated(const attest_policy_collateral_t *c,
    int64_t now, attest_verify_tcb_t *tcb);
static const char *attest_verify_tdx_signed(attest_td_t *td,
    const attest_policy_collateral_t *c, STACK_OF(X509) *chain,
    attest_span_t json, const uint8_t sig[ATTEST_TDX_SIGNATURE]);
static bool attest_verify_tdx_signer(X509 *cert);
static const char *attest_verify_tdx_revoked(attest_td_t *td,
    const attest_policy_collateral_t *c);
static const char *attest_verify_tdx_anchored(attest_td_t *td, X509 *leaf,
    STACK_OF(X509) *certs, X509_CRL *root, X509_CRL *pck);
static void attest_verify_tdx_untold(attest_td_t *td);
static bool attest_verify_tdx_levels(attest_td_t *td,
    const attest_verify_tcb_t *tcb);
static void attest_verify_tdx_status(attest_td_t *td,
    const attest_tcb_result_t *r);


bool
attest_verify_tdx_tcb(attest_td_t *td)
{
    bool                  rc;
    attest_verify_tcb_t  *tcb;

    tcb = malloc(sizeof(attest_verify_tcb_t));
    if (tcb == NULL) {
        attest_verify_kind(td->v, td->part, "tdx-tcb", ATTEST_CHECK_UNKNOWN,
                           "out of memory");
        return 1;
    }

    rc = attest_verify_tdx_judged(td, tcb);

    free(tcb);
    return rc;
}


static bool
attest_verify_tdx_judged(attest_td_t *td, attest_verify_tcb_t *tcb)
{
    const char                        *what;
    const attest_policy_collateral_t  *c;

    c = attest_verify_tdx_collateral(td, tcb);
    if (c == NULL) {
        attest_verify_tdx_untold(td);
        return 1;
    }

    what = attest_verify_tdx_usable(td, c, tcb);
    if (what != NULL) {
        attest_verify_kind(td->v, td->part, "tdx-collateral",
                           ATTEST_CHECK_FAIL, "the policy's collateral for "
                           "this platform cannot be used: %s", what);
        return 1;
    }

    attest_verify_kind(td->v, td->part, "tdx-collateral", ATTEST_CHECK_PASS,
                       "the policy's collateral, evaluation %llu, is signed "
                       "and valid", (unsigned long long) tcb->info.number);

    what = attest_verify_tdx_revoked(td, c);

    attest_verify_kind(td->v, td->part, "tdx-revocation", what == NULL
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "the platform's certificates are %s%s", what == NULL
                       ? "in no list of revoked ones"
                       : "not good by the lists of revoked ones: ",
                       what == NULL ? "" : what);

    return what == NULL && attest_verify_tdx_levels(td, tcb);
}


static const char *
attest_verify_tdx_usable(attest_td_t *td, const attest_policy_collateral_t *c,
    attest_verify_tcb_t *tcb)
{
    const char  *what;

    what = attest_verify_tdx_signed(td, c, c->tcb_info_chain, c->tcb_info_json,
                                    c->tcb_info_sig);
    if (what == NULL) {
        what = attest_verify_tdx_signed(td, c, c->qe_identity_chain,
                                        c->qe_identity_json,
                                        c->qe_identity_sig);
    }

    if (what == NULL && !attest_verify_tdx_dated(c, td->v->in->now, tcb)) {
        what = "it has expired, or is not valid yet";
    }

    return what;
}


/* Of this platform's kind: the one that is valid now, or else any. */

static const attest_policy_collateral_t *
attest_verify_tdx_collateral(attest_td_t *td, attest_verify_tcb_t *tcb)
{
    size_t                             i;
    const attest_policy_tdx_t         *p = &td->v->policy->tdx;
    const attest_policy_collateral_t  *found = NULL;

    for (i = 0; i < p->ncollateral; i++) {

        if (memcmp(p->collateral[i].fmspc, td->pck.fmspc, 6) != 0) {
            continue;
        }

        if (attest_verify_tdx_dated(&p->collateral[i], td->v->in->now, tcb)) {
            return &p->collateral[i];
        }

        found = &p->collateral[i];
    }

    return found;
}


static bool
attest_verify_tdx_dated(const attest_policy_collateral_t *c, int64_t now,
    attest_verify_tcb_t *tcb)
{
    return attest_tcb_info_parse(c->tcb_info_json, &tcb->info) == ATTEST_OK
           && attest_tcb_qe_parse(c->qe_identity_json, &tcb->qe) == ATTEST_OK
           && tcb->info.issued <= now && now <= tcb->info.next
           && tcb->qe.issued <= now && now <= tcb->qe.next;
}


/* NULL: by Intel, or by a simulated root if the quote's chain ends in one. */

static const char *
attest_verify_tdx_signed(attest_td_t *td, const attest_policy_collateral_t *c,
    STACK_OF(X509) *chain, attest_span_t json,
    const uint8_t sig[ATTEST_TDX_SIGNATURE])
{
    X509        *signer = sk_X509_value(chain, 0);
    const char  *what;

    if (!attest_verify_tdx_signer(signer)) {
        return "its issuer chain does not begin with a TCB signing "
               "certificate";
    }

    what = attest_verify_tdx_anchored(td, signer, chain, c->root_crl, NULL);
    if (what != NULL) {
        return what;
    }

    return attest_tcb_signature(json, sig, signer) == ATTEST_OK
           ? NULL : "its signature is bad";
}


static bool
attest_verify_tdx_signer(X509 *cert)
{
    int   n;
    char  name[64];

    n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
                                  NID_commonName, name, sizeof(name));

    return n == (int) strlen(name) && strcmp(name, ATTEST_TCB_SIGNER) == 0;
}


static const char *
attest_verify_tdx_revoked(attest_td_t *td, const attest_policy_collateral_t *c)
{
    int              i;
    const char      *what = "out of memory";
    STACK_OF(X509)  *certs;

    certs = sk_X509_dup(td->certs);

    for (i = 0; certs != NULL && i < sk_X509_num(c->pck_crl_chain); i++) {
        if (sk_X509_push(certs, sk_X509_value(c->pck_crl_chain, i)) <= 0) {
            goto done;
        }
    }

    if (certs != NULL) {
        what = attest_verify_tdx_anchored(td, td->leaf, certs, c->root_crl,
                                          c->pck_crl);
    }

done:

    sk_X509_free(certs);
    return what;
}


static const char *
attest_verify_tdx_anchored(attest_td_t *td, X509 *leaf, STACK_OF(X509) *certs,
    X509_CRL *root, X509_CRL *pck)
{
    int                  simulated;
    const char          *what = "out of memory";
    STACK_OF(X509_CRL)  *crls;

    crls = sk_X509_CRL_new_null();

    if (crls != NULL && sk_X509_CRL_push(crls, root) > 0
        && (pck == NULL || sk_X509_CRL_push(crls, pck) > 0))
    {
        what = attest_verify_anchor(td->v, ATTEST_MAKER_INTEL, leaf, certs,
                                    crls, &simulated);

        if (what == NULL && simulated != td->simulated) {
            what = "its root is not that of the quote";
        }
    }

    sk_X509_CRL_free(crls);
    return what;
}


static void
attest_verify_tdx_untold(attest_td_t *td)
{
    int   waived;
    char  hex[ATTEST_ABBREV];

    waived = td->v->policy->tdx.no_tcb
             || (td->v->policy->waive & ATTEST_LEAST_TCB) != 0;

    attest_verify_kind(td->v, td->part, "tdx-tcb", waived
                       ? ATTEST_CHECK_NOTE : ATTEST_CHECK_UNKNOWN,
                       "tcb: not evaluated: the policy has no collateral for "
                       "platforms with FMSPC %s%s",
                       attest_verify_hex(hex, td->pck.fmspc, 6),
                       waived ? ", and asks for none" : "");
}


static bool
attest_verify_tdx_levels(attest_td_t *td, const attest_verify_tcb_t *tcb)
{
    const char           *what;
    attest_tcb_result_t   res;

    what = attest_tcb_evaluate(&tcb->info, &tcb->qe, &td->q, &td->pck, &res);

    if (what != NULL) {
        attest_verify_kind(td->v, td->part, "tdx-tcb", ATTEST_CHECK_FAIL,
                           "tcb: the policy's collateral %s", what);
        return 1;
    }

    attest_verify_tdx_status(td, &res);

    return (res.status & ATTEST_TCB_SEVERITY) != ATTEST_TCB_REVOKED;
}


static void
attest_verify_tdx_status(attest_td_t *td, const attest_tcb_result_t *r)
{
    int                         ok, old;
    char                        all[160];
    uint32_t                    accepted;
    const attest_policy_tdx_t  *p = &td->v->policy->tdx;

    accepted = p->tcb != 0 ? p->tcb : ATTEST_TCB_BIT(ATTEST_TCB_UP_TO_DATE);
    ok = (r->status & ATTEST_TCB_SEVERITY) < ATTEST_TCB_UNSUPPORTED
         && (accepted & ATTEST_TCB_BIT(r->status)) != 0;
    old = p->min_tcb_date != 0 && r->date < p->min_tcb_date;

    (void) snprintf(all, sizeof(all), "%s (platform %s, TDX module %s, "
                    "quoting enclave %s)", attest_tcb_status_name(r->status),
                    attest_tcb_status_name(r->platform),
                    attest_tcb_status_name(r->module),
                    attest_tcb_status_name(r->qe));

    attest_verify_kind(td->v, td->part, "tdx-tcb", ok && !old
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "tcb: %s%s", all, !ok
                       ? ", which the policy does not accept" : old
                       ? ", of a date before the policy's tdx.min_tcb_date"
                       : "");
}
