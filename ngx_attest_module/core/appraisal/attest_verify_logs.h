/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Do a TPM's logs explain what its quote says?
 */


#ifndef ATTEST_VERIFY_LOGS_H_INCLUDED
#define ATTEST_VERIFY_LOGS_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_logs(attest_verify_t *v);


#endif /* ATTEST_VERIFY_LOGS_H_INCLUDED */
