/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What each label is proven by and owes; and the least that a policy has to
 * say of one kind of evidence before any of it is trusted: which firmware,
 * which kernel, whose machine, and how new the platform has to be.  That a
 * policy names a value is not yet that.
 */


#ifndef ATTEST_LEAST_H_INCLUDED
#define ATTEST_LEAST_H_INCLUDED


#include "attest_kind.h"
#include "attest_policy.h"


/* What evidence of a label owes beside what proves the label. */
#define ATTEST_OWES_EK           0x01  /* an endorsement key under ek_roots
                                          and its activation, where the policy
                                          has require_ek */
#define ATTEST_OWES_MACHINE      0x02  /* the policy says whose it is */
#define ATTEST_OWES_MEASURED     0x04  /* values that are not all zero: a
                                          register of zeros measured nothing */

typedef struct {
    unsigned      root;                /* ATTEST_ROOT_TEE, .. */
    const char   *label;               /* as policies have it */
    const char   *proof;               /* what proves it */
    const char   *text;                /* what is said of such evidence */
    unsigned      owes;
} attest_label_t;

/* In the order of what they are worth, the least first; ended by root 0. */
extern const attest_label_t  attest_labels[];

/* NULL: there is none. */
const attest_label_t *attest_label(unsigned root);
/* The lesser of two labels. */
unsigned attest_label_least(unsigned a, unsigned b);


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

/*
 * What the policy does not say of evidence of this kind and label.  chip: the
 * processor below Azure's paravisor (SNP or TDX), elsewhere the kind itself.
 * Returns how many; 0: the policy says enough.
 */
size_t attest_least(const attest_policy_t *policy, attest_kind_e kind,
    attest_kind_e chip, unsigned root, attest_gap_t gaps[ATTEST_LEAST_MAX]);

/* Bit of a part by its name in "waive", 0: unknown. */
unsigned attest_least_part(const char *name);


#endif /* ATTEST_LEAST_H_INCLUDED */
