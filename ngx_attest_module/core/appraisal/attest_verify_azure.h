/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure: the paravisor's report, and the CPU's report that vouches for it.
 */


#ifndef ATTEST_VERIFY_AZURE_H_INCLUDED
#define ATTEST_VERIFY_AZURE_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* Adds checks, sets part->cpu. */
void attest_verify_azure(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);


#endif /* ATTEST_VERIFY_AZURE_H_INCLUDED */
