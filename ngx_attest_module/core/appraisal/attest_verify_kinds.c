/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of how each kind of evidence is judged, and what is asked of it
 * whatever kind it is.
 */


#include <stdio.h>

#include "core/policy/attest_policy_kinds.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"


extern const attest_verify_kind_t  attest_verify_kind_tpm;
extern const attest_verify_kind_t  attest_verify_kind_ak_cert;
extern const attest_verify_kind_t  attest_verify_kind_snp;
extern const attest_verify_kind_t  attest_verify_kind_tdx;
extern const attest_verify_kind_t  attest_verify_kind_azure;
extern const attest_verify_kind_t  attest_verify_kind_nitro;
extern const attest_verify_kind_t  attest_verify_kind_gpu;


const attest_verify_kind_t *const  attest_verify_kinds[ATTEST_KINDS] = {
    [ATTEST_KIND_NONE] = &attest_verify_kind_tpm,
    [ATTEST_KIND_AK_CERT] = &attest_verify_kind_ak_cert,
    [ATTEST_KIND_SNP] = &attest_verify_kind_snp,
    [ATTEST_KIND_TDX] = &attest_verify_kind_tdx,
    [ATTEST_KIND_AZURE] = &attest_verify_kind_azure,
    [ATTEST_KIND_NITRO] = &attest_verify_kind_nitro,
    [ATTEST_KIND_GPU] = &attest_verify_kind_gpu
};


unsigned
attest_verify_kind_label(attest_verify_t *v)
{
    unsigned                     found;
    attest_kind_e                kind = v->main->cpu.kind;
    const attest_verify_kind_t  *by;

    if (kind >= ATTEST_KINDS || attest_verify_kinds[kind]->label == NULL) {
        return attest_verify_label_signed(v);
    }

    by = attest_verify_kinds[kind];
    found = by->label(v);

    return found != 0 ? attest_label_least(found, by->most) : 0;
}


/*
 * Members about several kinds are for a fleet that has them all.  But what a
 * policy says of CPUs is not met by evidence of another kind, nor of none:
 * its values would be left out without a word.
 */

void
attest_verify_kind_named(attest_verify_t *v)
{
    char           named[96] = "";
    size_t         n = 0;
    attest_kind_e  k, chip = v->main->cpu.chip;

    for (k = 0; k < ATTEST_KINDS; k++) {

        if (!(attest_kinds[k].ties & ATTEST_KIND_SIGNS)
            || !attest_policy_is_given(v->policy, k))
        {
            continue;
        }

        if (k == chip) {
            return;
        }

        n += (size_t) snprintf(named + n, sizeof(named) - n, " %s",
                               attest_kinds[k].text);
    }

    if (n == 0) {
        return;
    }

    attest_verify_add(v, "cpu-kind", ATTEST_CHECK_UNKNOWN,
                      "the policy is about evidence of%s, what there is "
                      "is of %s", named, chip != ATTEST_KIND_NONE
                      ? attest_kinds[chip].text
                      : "no CPU that this version checks");
}
