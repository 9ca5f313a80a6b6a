/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The trust labels: what each is proven by, is called, and owes.
 */


#ifndef ATTEST_LABEL_H_INCLUDED
#define ATTEST_LABEL_H_INCLUDED


#include "core/base/attest_core.h"


/* Roots of trust; docs/policy.md has what each means. */
#define ATTEST_ROOT_TEE          0x01
#define ATTEST_ROOT_TEE_VTPM     0x02
#define ATTEST_ROOT_CLOUD_VTPM   0x04
#define ATTEST_ROOT_HOST_VTPM    0x08
#define ATTEST_ROOT_SOFTWARE     0x10
#define ATTEST_ROOT_SIMULATED    0x20
#define ATTEST_ROOT_DEFAULT      (ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM)


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

/* Bit of a label, 0 if unknown; and the label of a bit. */
unsigned attest_label_root(attest_span_t label);
const char *attest_label_name(unsigned root);


#endif /* ATTEST_LABEL_H_INCLUDED */
