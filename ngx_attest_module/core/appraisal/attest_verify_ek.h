/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose key signed the quote?
 */


#ifndef ATTEST_VERIFY_EK_H_INCLUDED
#define ATTEST_VERIFY_EK_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_ek(attest_verify_t *v);
/* Does the quote's firmware contradict this root?  Adds a check. */
bool attest_verify_firmware(attest_verify_t *v, unsigned root);
/* What a TPM that nothing else vouches for proves: host-vtpm or software. */
unsigned attest_verify_ek_label(const attest_verify_t *v);


#endif /* ATTEST_VERIFY_EK_H_INCLUDED */
