/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Was enough compared, and does the evidence bring what its label owes?
 */


#ifndef ATTEST_VERIFY_LEAST_H_INCLUDED
#define ATTEST_VERIFY_LEAST_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_least(attest_verify_t *v);


#endif /* ATTEST_VERIFY_LEAST_H_INCLUDED */
