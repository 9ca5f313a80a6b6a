/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which label the claims' signer proves, whoever it is.
 */


#ifndef ATTEST_VERIFY_LABEL_H_INCLUDED
#define ATTEST_VERIFY_LABEL_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/*
 * The label that v->main proves by a CPU that signs the claims, or by the
 * quote of a TPM without a CPU; 0: a check was added that says why there is
 * none.
 */
unsigned attest_verify_label_signed(attest_verify_t *v);
unsigned attest_verify_label_quoted(attest_verify_t *v);

/*
 * What the evidence says of itself is neither more than is proven, nor what
 * the policy does not accept; else 0, and a check was added.
 */
bool attest_verify_label_stated(attest_verify_t *v, unsigned found,
    unsigned stated);


#endif /* ATTEST_VERIFY_LABEL_H_INCLUDED */
