/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TD quote in words, and what a first policy says of it.
 */


#ifndef CLI_KIND_TDX_H_INCLUDED
#define CLI_KIND_TDX_H_INCLUDED


#include <stdbool.h>

#include <cjson/cJSON.h>

#include "core/evidence/attest_tsm.h"


void cli_tdx_show(const attest_tsm_t *tsm);
/* Adds to the policy; 0: it cannot be read, nothing was added. */
bool cli_tdx_policy(const attest_tsm_t *tsm, cJSON *policy);


#endif /* CLI_KIND_TDX_H_INCLUDED */
