/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_POLICY_LOAD_H_INCLUDED
#define CLI_POLICY_LOAD_H_INCLUDED


#include "core/policy/attest_policy.h"
#include "client/attest_bytes.h"
#include "cli/cli.h"


/*
 * The policy file, or the default policy; reports errors itself.  kept, if
 * not NULL: the bytes of the file, which the caller frees; none without one.
 */
int cli_policy_load(const cli_options_t *opt, attest_policy_t *policy,
    attest_bytes_t *kept);


#endif /* CLI_POLICY_LOAD_H_INCLUDED */
