/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What does the policy say of an SEV-SNP report that is genuine?
 */


#ifndef ATTEST_VERIFY_SNP_POLICY_H_INCLUDED
#define ATTEST_VERIFY_SNP_POLICY_H_INCLUDED


#include "core/appraisal/attest_verify_snp_types.h"


/* Sets cpu.referenced. */
void attest_verify_snp_policy(attest_verify_snp_t *j);


#endif /* ATTEST_VERIFY_SNP_POLICY_H_INCLUDED */
