/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How new is the platform that an SEV-SNP report is about?
 */


#ifndef ATTEST_VERIFY_SNP_TCB_H_INCLUDED
#define ATTEST_VERIFY_SNP_TCB_H_INCLUDED


#include "core/appraisal/attest_verify_snp_types.h"


/* Is the certificate for the TCB that the report names? */
bool attest_verify_snp_tcb(attest_verify_snp_t *j);
/* Does it reach what the policy wants? */
void attest_verify_snp_minimums(attest_verify_snp_t *j);


#endif /* ATTEST_VERIFY_SNP_TCB_H_INCLUDED */
