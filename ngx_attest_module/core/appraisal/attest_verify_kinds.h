/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How each kind of evidence is judged, and which label it proves.  Each
 * attest_verify_<kind>.c has one of these, attest_verify_kinds.c the table of
 * them all.
 */


#ifndef ATTEST_VERIFY_KINDS_H_INCLUDED
#define ATTEST_VERIFY_KINDS_H_INCLUDED


#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify_types.h"


#define ATTEST_MADE_BY(maker)  (1u << (maker))

typedef struct {
    /*
     * Adds checks, compares with the policy, and sets part->cpu, or what else
     * part has for it.  One of the two: by its item, or by a tsm-report of
     * its driver.
     */
    void          (*item)(attest_verify_t *v, attest_part_t *part,
                      const attest_cmw_item_t *item);
    void          (*report)(attest_verify_t *v, attest_part_t *part,
                      const attest_tsm_t *tsm);

    /*
     * The label that v->main proves by it; 0: a check was added that says why
     * there is none.  NULL: it proves no label by itself.
     */
    unsigned      (*label)(attest_verify_t *v);
    unsigned        most;          /* never a better label than this */

    unsigned        makers;        /* ATTEST_MADE_BY() whose roots its chains
                                      end in; 0: the policy names them */
} attest_verify_kind_t;

extern const attest_verify_kind_t *const  attest_verify_kinds[ATTEST_KINDS];


/* The label that v->main proves, or 0 and a check that says why not. */
unsigned attest_verify_kind_label(attest_verify_t *v);
/* Is the evidence of a kind of CPU that the policy is about? */
void attest_verify_kind_named(attest_verify_t *v);


#endif /* ATTEST_VERIFY_KINDS_H_INCLUDED */
