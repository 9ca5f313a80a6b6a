/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a policy leaves open, in the words that "waive" has for it.
 */


#include <string.h>

#include "core/policy/attest_least.h"


static const struct {
    unsigned     part;
    const char  *name;
} attest_least_parts[] = {
    { ATTEST_LEAST_FIRMWARE, "firmware" },
    { ATTEST_LEAST_KERNEL, "kernel" },
    { ATTEST_LEAST_MACHINE, "machine" },
    { ATTEST_LEAST_TCB, "tcb" },
    { 0, NULL }
};


unsigned
attest_least_part(const char *name)
{
    size_t  i;

    for (i = 0; attest_least_parts[i].part != 0; i++) {
        if (strcmp(attest_least_parts[i].name, name) == 0) {
            return attest_least_parts[i].part;
        }
    }

    return 0;
}


/* Zero is what a register is before anything was measured. */

bool
attest_least_says(const attest_least_t *l, const attest_refset_t *set)
{
    size_t                i;
    static const uint8_t  zero[sizeof(set->value[0])];

    for (i = 0; i < set->count; i++) {
        if ((l->label->owes & ATTEST_OWES_MEASURED)
            && memcmp(set->value[i], zero, set->len[i]) == 0)
        {
            return 0;
        }
    }

    return set->count != 0;
}


bool
attest_least_boots(const attest_least_t *l)
{
    return attest_least_says(l, &l->policy->pcrs[4]);
}


void
attest_least_gap(attest_least_t *l, unsigned part, const char *member,
    const char *text)
{
    size_t         i;
    attest_gap_t  *gap;

    if (l->count == ATTEST_LEAST_MAX) {
        return;
    }

    for (i = 0; attest_least_parts[i].part != part; i++) {
        /* void */
    }

    gap = &l->gaps[l->count++];
    gap->part = part;
    gap->name = attest_least_parts[i].name;
    gap->member = member;
    gap->text = text;
    gap->waived = (l->policy->waive & part) != 0;
}
