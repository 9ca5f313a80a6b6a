/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The versions of firmware and microcode that an SEV-SNP report names: its
 * certificate's, and the least that the policy wants.
 */


#include <stdio.h>

#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp_tcb.h"


#define ATTEST_SNP_TCB_TEXT    96


static void attest_verify_snp_minimum(attest_verify_snp_t *j, const char *id,
    const char *what, attest_span_t raw, const attest_snp_tcb_t *min);
static const char *attest_verify_snp_tcb_text(char out[ATTEST_SNP_TCB_TEXT],
    attest_snp_product_e product, const attest_snp_tcb_t *t);


/* AMD derives the key from reported_tcb, which may be below current_tcb. */

bool
attest_verify_snp_tcb(attest_verify_snp_t *j)
{
    int               same;
    char              text[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t  t = attest_snp_tcb(j->product, j->r->reported_tcb);

    same = attest_snp_cert_has_tcb(&j->cert, j->r->reported_tcb);

    attest_verify_kind(j->v, j->part, "snp-tcb", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the certificate of %s evidence "
                       "is %s the reported TCB: %s", j->name,
                       same ? "for" : "not for",
                       attest_verify_snp_tcb_text(text, j->product, &t));
    return same;
}


void
attest_verify_snp_minimums(attest_verify_snp_t *j)
{
    char                        text[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t            t;
    const attest_snp_report_t  *r = j->r;
    const attest_policy_snp_t  *p = j->policy;

    if (p->has_min_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-minimum", "reported",
                                  r->reported_tcb, &p->min_tcb);

    } else {
        t = attest_snp_tcb(j->product, r->reported_tcb);
        attest_verify_kind(j->v, j->part, "snp-tcb-minimum",
                           ATTEST_CHECK_NOTE, "tcb: not evaluated: the "
                           "policy names no minimum (snp.min_tcb); reported "
                           "is %s", attest_verify_snp_tcb_text(text, j->product,
                                                               &t));
    }

    if (p->has_min_committed_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-committed", "committed",
                                  r->committed_tcb, &p->min_committed_tcb);
    }

    if (p->has_min_launch_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-launch", "launch",
                                  r->launch_tcb, &p->min_launch_tcb);
    }
}


static void
attest_verify_snp_minimum(attest_verify_snp_t *j, const char *id,
    const char *what, attest_span_t raw, const attest_snp_tcb_t *min)
{
    int               ok;
    char              got[ATTEST_SNP_TCB_TEXT], want[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t  t = attest_snp_tcb(j->product, raw);

    ok = attest_snp_tcb_reaches(&t, min);

    attest_verify_kind(j->v, j->part, id, ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the %s TCB of %s evidence (%s) "
                       "%s the policy's minimum (%s)", what, j->name,
                       attest_verify_snp_tcb_text(got, j->product, &t),
                       ok ? "reaches" : "is below",
                       attest_verify_snp_tcb_text(want, ATTEST_SNP_TURIN, min));
}


static const char *
attest_verify_snp_tcb_text(char out[ATTEST_SNP_TCB_TEXT],
    attest_snp_product_e product, const attest_snp_tcb_t *t)
{
    char  fmc[16] = "";

    if (product == ATTEST_SNP_TURIN) {
        (void) snprintf(fmc, sizeof(fmc), "fmc %u, ", t->fmc);
    }

    (void) snprintf(out, ATTEST_SNP_TCB_TEXT, "%sbootloader %u, tee %u, "
                    "snp %u, microcode %u", fmc, t->bootloader, t->tee,
                    t->snp, t->microcode);
    return out;
}
