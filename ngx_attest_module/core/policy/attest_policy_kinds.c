/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of what a policy says of each kind of evidence, and what is asked
 * of all of them.
 */


#include <string.h>

#include "core/policy/attest_policy_kinds.h"


extern const attest_policy_kind_t  attest_policy_tpm;
extern const attest_policy_kind_t  attest_policy_snp;
extern const attest_policy_kind_t  attest_policy_tdx;
extern const attest_policy_kind_t  attest_policy_azure;
extern const attest_policy_kind_t  attest_policy_nitro;
extern const attest_policy_kind_t  attest_policy_gpu;
extern const attest_policy_kind_t  attest_policy_gcp;


static void attest_policy_machine(attest_least_t *l);


const attest_policy_kind_t *const  attest_policy_kinds[ATTEST_KINDS] = {
    [ATTEST_KIND_NONE] = &attest_policy_tpm,
    [ATTEST_KIND_SNP] = &attest_policy_snp,
    [ATTEST_KIND_TDX] = &attest_policy_tdx,
    [ATTEST_KIND_AZURE] = &attest_policy_azure,
    [ATTEST_KIND_NITRO] = &attest_policy_nitro,
    [ATTEST_KIND_GPU] = &attest_policy_gpu,
    [ATTEST_KIND_AK_CERT] = &attest_policy_gcp
};


bool
attest_policy_is_given(const attest_policy_t *policy, attest_kind_e kind)
{
    if (kind >= ATTEST_KINDS || attest_policy_kinds[kind]->member == NULL) {
        return 0;
    }

    return *((const uint8_t *) policy + attest_policy_kinds[kind]->given);
}


size_t
attest_policy_least(const attest_policy_t *policy, attest_kind_e kind,
    attest_kind_e chip, unsigned root, attest_gap_t gaps[ATTEST_LEAST_MAX])
{
    attest_least_t  l = { policy, attest_label(root), chip, gaps, 0 };

    if (l.label == NULL) {
        return 0;
    }

    if (kind >= ATTEST_KINDS || attest_policy_kinds[kind]->least == NULL) {
        kind = ATTEST_KIND_NONE;
    }

    attest_policy_kinds[kind]->least(&l);
    attest_policy_machine(&l);

    return l.count;
}


/* Every customer of a cloud has a machine that it vouches for. */

static void
attest_policy_machine(attest_least_t *l)
{
    const attest_policy_t  *p = l->policy;

    if (!(l->label->owes & ATTEST_OWES_MACHINE) || p->ak.count != 0) {
        return;
    }

    if (l->label->root == ATTEST_ROOT_CLOUD_VTPM) {

        /* names of zones and instances are anybody's to have */

        if (p->gcp.project.count == 0) {
            attest_least_gap(l, ATTEST_LEAST_MACHINE, "ak",
                             "any customer's virtual machine would do: "
                             "neither its key (ak) nor its project "
                             "(gcp.project) is named");
        }

    } else if (sk_X509_num(p->ek_roots) <= 0) {
        attest_least_gap(l, ATTEST_LEAST_MACHINE, "ak",
                         "anybody's TPM would do: neither its key (ak) nor "
                         "its maker (ek_roots) is named");
    }
}


void
attest_policy_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    size_t                      count;
    attest_kind_e               k;
    const attest_policy_set_t  *set;

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (!(about & ATTEST_ABOUT(k))) {
            continue;
        }

        for (set = attest_policy_kinds[k]->sets; set->name != NULL; set++) {
            memcpy(&count, (const uint8_t *) policy + set->count,
                   sizeof(count));

            if (count == 0) {
                say(data, set->name);
            }
        }
    }

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_policy_kinds[k]->unsaid != NULL) {
            attest_policy_kinds[k]->unsaid(policy, about, say, data);
        }
    }
}
