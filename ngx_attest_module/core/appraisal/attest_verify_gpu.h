/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Are the GPUs and switches genuine, and those that the policy wants?
 */


#ifndef ATTEST_VERIFY_GPU_H_INCLUDED
#define ATTEST_VERIFY_GPU_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* Sets gpu_proven; the claims' hash is compared already. */
void attest_verify_gpu(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
/* Are there GPUs where the policy wants some? */
void attest_verify_gpu_required(attest_verify_t *v);


#endif /* ATTEST_VERIFY_GPU_H_INCLUDED */
