/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is the quote genuine, and what was measured?
 */


#ifndef ATTEST_VERIFY_TPM_H_INCLUDED
#define ATTEST_VERIFY_TPM_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_quote(attest_verify_t *v, attest_part_t *part);
void attest_verify_quotes_agree(attest_verify_t *v);
void attest_verify_measurements(attest_verify_t *v);
const attest_tpm_bank_t *attest_verify_bank(const attest_verify_t *v,
    const attest_part_t *part);


#endif /* ATTEST_VERIFY_TPM_H_INCLUDED */
