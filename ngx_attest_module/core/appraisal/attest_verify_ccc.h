/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The extension of the Confidential Computing Consortium in the certificate.
 * Beside a CMW it must say the same; alone it stands for one: its claims are
 * loaded, its quote is left for attest_verify_ccc_quote().
 */


#ifndef ATTEST_VERIFY_CCC_H_INCLUDED
#define ATTEST_VERIFY_CCC_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


void attest_verify_ccc(attest_verify_t *v, attest_part_t *part);
void attest_verify_ccc_quote(attest_verify_t *v, attest_part_t *part);


#endif /* ATTEST_VERIFY_CCC_H_INCLUDED */
