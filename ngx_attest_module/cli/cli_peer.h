/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PEER_H_INCLUDED
#define CLI_PEER_H_INCLUDED


#include "client/attest_peer.h"
#include "cli/cli.h"


/* What the URL serves; reports errors. */
int cli_peer_collect(attest_fetch_t *ev, const cli_options_t *opt);
/*
 * Asks and judges a gateway, or judges what was kept of one; reports errors.
 * attest_peer_clear() in any case, before what opt points to is gone.
 */
int cli_peer_run(attest_peer_t *peer, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res);


#endif /* CLI_PEER_H_INCLUDED */
