/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The least that a policy has to say of one kind of evidence before any of it
 * is trusted: which firmware, which kernel, whose machine, and how new the
 * platform has to be.  That a policy names a value is not yet that.  Each
 * kind asks for itself (attest_policy_<kind>.c), with what is here.
 */


#ifndef ATTEST_LEAST_H_INCLUDED
#define ATTEST_LEAST_H_INCLUDED


#include "core/evidence/attest_kind.h"
#include "core/evidence/attest_label.h"
#include "core/policy/attest_policy.h"


/* Parts of the least set; a policy gives one up by name ("waive"). */
#define ATTEST_LEAST_FIRMWARE    0x01
#define ATTEST_LEAST_KERNEL      0x02
#define ATTEST_LEAST_MACHINE     0x04
#define ATTEST_LEAST_TCB         0x08

#define ATTEST_LEAST_MAX         8     /* gaps of one policy */

typedef struct {
    unsigned      part;                /* ATTEST_LEAST_KERNEL, .. */
    const char   *name;                /* of the part, as "waive" has it */
    const char   *member;              /* of the policy, that says nothing */
    const char   *text;                /* what that leaves open */
    int           waived;              /* the policy gives it up by name */
} attest_gap_t;

/* What one policy is asked, and the answers so far. */

typedef struct {
    const attest_policy_t   *policy;
    const attest_label_t    *label;
    attest_kind_e            chip;    /* the processor below Azure's
                                         paravisor; else the kind itself */
    attest_gap_t            *gaps;
    size_t                   count;
} attest_least_t;


/* Does the set say anything?  Zeros do not where a label owes values. */
bool attest_least_says(const attest_least_t *l, const attest_refset_t *set);
/* Does the policy say what the firmware boots, by a TPM's PCR 4? */
bool attest_least_boots(const attest_least_t *l);
/* It does not say this; texts are constants. */
void attest_least_gap(attest_least_t *l, unsigned part, const char *member,
    const char *text);

/* Bit of a part by its name in "waive", 0: unknown. */
unsigned attest_least_part(const char *name);


#endif /* ATTEST_LEAST_H_INCLUDED */
