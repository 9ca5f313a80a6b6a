/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the command says of each kind of evidence, and which reference values
 * a first policy has of it.  Each cli_kind_<kind>.c has one of these,
 * cli_kinds.c the table of them all.
 */


#ifndef CLI_KINDS_H_INCLUDED
#define CLI_KINDS_H_INCLUDED


#include <cjson/cJSON.h>

#include "core/evidence/attest_kind.h"
#include "core/evidence/attest_tsm.h"


#define CLI_KIND_NAMES    3

typedef struct {
    /* every field in words; a report of its driver, or an item of its own */
    void         (*show_report)(const attest_tsm_t *tsm);
    void         (*show)(attest_span_t value);

    /*
     * Adds to a policy's object; 0: it cannot be read, nothing was added.
     * Both NULL: there is nothing to add.
     */
    bool         (*policy_report)(const attest_tsm_t *tsm, cJSON *policy);
    bool         (*policy)(attest_span_t value, cJSON *policy);

    /* checks of a part; one that has passed says that it is genuine */
    const char    *genuine[CLI_KIND_NAMES];

    /*
     * Checks that are for a policy to answer, or for a file that it brings;
     * names that begin with '-' stand for each part.
     */
    const char    *open[CLI_KIND_NAMES];
} cli_kind_t;

extern const cli_kind_t *const  cli_kinds[ATTEST_KINDS];


#endif /* CLI_KINDS_H_INCLUDED */
