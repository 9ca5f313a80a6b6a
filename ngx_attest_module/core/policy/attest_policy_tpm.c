/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a policy says of a TPM.  Its members stand at the top of the file, not
 * in one of their own: attest_policy.c reads them.
 */


#include "core/policy/attest_policy_kinds.h"


static void attest_policy_tpm_least(attest_least_t *l);
static void attest_policy_tpm_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);


static const attest_policy_set_t  attest_policy_tpm_sets[] = {
    ATTEST_POLICY_SET("ak", ak),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_tpm = {
    .least = attest_policy_tpm_least,
    .sets = attest_policy_tpm_sets,
    .unsaid = attest_policy_tpm_unsaid
};


/*
 * TCG PC Client profile: PCR 0 is the firmware, which measures into PCR 4 all
 * that it starts.  Without PCR 4 anything may have been booted, and have
 * extended the PCRs behind it with whatever is wanted.
 */

static void
attest_policy_tpm_least(attest_least_t *l)
{
    if (!attest_least_says(l, &l->policy->pcrs[0])) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "pcrs",
                         "nothing says which firmware runs (PCR 0)");
    }

    if (!attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "nothing says what the firmware boots (PCR 4)");
    }
}


static void
attest_policy_tpm_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    size_t  i, events = 0;

    if (!(about & ATTEST_ABOUT(ATTEST_KIND_NONE))) {
        return;
    }

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        events += policy->events[i].count;
    }

    if (events == 0) {
        say(data, "events");
    }

    if (!policy->require_ek) {
        say(data, "require_ek");
    }
}
