/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a policy says of each kind of evidence.  Each attest_policy_<kind>.c
 * has one of these, attest_policy_kinds.c the table of them all.
 */


#ifndef ATTEST_POLICY_KINDS_H_INCLUDED
#define ATTEST_POLICY_KINDS_H_INCLUDED


#include "core/policy/attest_least.h"
#include "core/policy/attest_policy_json.h"


/* A set of values that evidence of this kind is compared with. */

typedef struct {
    const char   *name;            /* "snp.host_data" */
    size_t        count;           /* offset of how many values it has */
} attest_policy_set_t;

#define ATTEST_POLICY_SET(name, member)                                       \
    { name, offsetof(attest_policy_t, member.count) }

/* Is told the name of a member that the policy does not have. */
typedef void (*attest_unsaid_pt)(void *data, const char *name);

#define ATTEST_ABOUT(kind)  (1u << (kind))

typedef struct {
    /* the member of a policy that is about it; NULL: it has none */
    const char                  *member;
    attest_policy_pt             read;
    void                       (*clear)(attest_policy_t *policy);
    size_t                       given;    /* offset of: there is one, and it
                                              demands something */

    /* what a policy has to say at least; NULL: nothing */
    void                       (*least)(attest_least_t *l);

    /* ended by one without a name */
    const attest_policy_set_t   *sets;

    /*
     * What else it does not say, of evidence with these ATTEST_ABOUT()
     * kinds; called for all evidence.  May be NULL.
     */
    void                       (*unsaid)(const attest_policy_t *policy,
                                   unsigned about, attest_unsaid_pt say,
                                   void *data);
} attest_policy_kind_t;

extern const attest_policy_kind_t *const  attest_policy_kinds[ATTEST_KINDS];


/* Does the policy have a member about this kind that demands something? */
bool attest_policy_is_given(const attest_policy_t *policy, attest_kind_e kind);

/*
 * What the policy does not say of evidence of this kind and label.  chip: the
 * processor below Azure's paravisor (SNP or TDX), elsewhere the kind itself.
 * Returns how many; 0: the policy says enough.
 */
size_t attest_policy_least(const attest_policy_t *policy, attest_kind_e kind,
    attest_kind_e chip, unsigned root, attest_gap_t gaps[ATTEST_LEAST_MAX]);

/* Sets without a value, and what else is not said, of these kinds. */
void attest_policy_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data);


#endif /* ATTEST_POLICY_KINDS_H_INCLUDED */
