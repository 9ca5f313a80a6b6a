/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel's collateral in the member "tdx" of a policy.
 */


#ifndef ATTEST_POLICY_TDX_COLLATERAL_H_INCLUDED
#define ATTEST_POLICY_TDX_COLLATERAL_H_INCLUDED


#include "core/policy/attest_policy_json.h"


/* {...}, or [{...}, ...] for platforms of several kinds. */
int attest_policy_tdx_collateral(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);


#endif /* ATTEST_POLICY_TDX_COLLATERAL_H_INCLUDED */
