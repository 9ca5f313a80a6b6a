/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is a SEV-SNP report genuine, is it ours, what does the policy say of it?
 */


#ifndef ATTEST_VERIFY_SNP_H_INCLUDED
#define ATTEST_VERIFY_SNP_H_INCLUDED


#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify_types.h"


/* Adds checks, sets part->cpu.  tsm: the parsed item. */
void attest_verify_snp(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm);
/*
 * An SNP report and certificates that came with it in any order (may be
 * NULL), wherever they were found.  1: genuine, and nothing about it is never
 * accepted; *r borrows from the report.  Compares with the policy; sets
 * cpu.simulated, referenced and machine.  The binding of report_data to
 * anything is the caller's, as is cpu.proven.
 */
bool attest_verify_snp_report(attest_verify_t *v, attest_part_t *part,
    attest_span_t report, STACK_OF(X509) *certs, attest_snp_report_t *r);


#endif /* ATTEST_VERIFY_SNP_H_INCLUDED */
