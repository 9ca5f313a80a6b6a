/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is an Intel quote genuine, is it ours, what does the policy say of it?
 */


#ifndef ATTEST_VERIFY_TDX_H_INCLUDED
#define ATTEST_VERIFY_TDX_H_INCLUDED


#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify_types.h"


/* Adds checks, sets part->cpu.  tsm: the parsed item. */
void attest_verify_tdx(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm);
/*
 * An Intel quote whose report data must be these; adds the checks, compares
 * with the policy's member "tdx", sets cpu.simulated, .referenced (by what
 * cpu.kind is), .machine and .has_log.  1: proven.
 */
bool attest_verify_tdx_quote(attest_verify_t *v, attest_part_t *part,
    attest_span_t raw, const uint8_t want[ATTEST_CLAIMS_REPORT_DATA]);


#endif /* ATTEST_VERIFY_TDX_H_INCLUDED */
