/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is all of the evidence rooted in?
 */


#ifndef ATTEST_VERIFY_ROOT_H_INCLUDED
#define ATTEST_VERIFY_ROOT_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_root(attest_verify_t *v);


#endif /* ATTEST_VERIFY_ROOT_H_INCLUDED */
