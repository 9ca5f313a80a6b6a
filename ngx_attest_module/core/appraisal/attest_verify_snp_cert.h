/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who signed an SEV-SNP report?
 */


#ifndef ATTEST_VERIFY_SNP_CERT_H_INCLUDED
#define ATTEST_VERIFY_SNP_CERT_H_INCLUDED


#include "core/appraisal/attest_verify_snp_types.h"
#include "core/evidence/attest_tsm.h"


/*
 * Out of the host's table, never an ARK: roots are ours or the policy's.
 * *malformed: it cannot be read, and a check says so.
 */
STACK_OF(X509) *attest_verify_snp_certs(attest_verify_t *v,
    attest_part_t *part, const attest_tsm_t *tsm, int *malformed);
/* 1: j->leaf, j->cert and j->others are set, the latter to be freed always. */
bool attest_verify_snp_leaf(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
/* Does it lead to AMD's root, or a simulated one?  Sets cpu.simulated. */
bool attest_verify_snp_chain(attest_verify_snp_t *j);
/* 0: it is revoked, or that cannot be told by the policy's lists. */
bool attest_verify_snp_revoked(attest_verify_snp_t *j);


#endif /* ATTEST_VERIFY_SNP_CERT_H_INCLUDED */
