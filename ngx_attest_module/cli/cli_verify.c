/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest verify": a policy is read, evidence is collected and appraised,
 * and the verdict is printed.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_archive.h"
#include "cli/cli_peer.h"
#include "cli/cli_policy_load.h"
#include "cli/cli_report.h"


static int cli_verify_run(const cli_options_t *opt,
    const attest_policy_t *policy);


int
cli_verify(const cli_options_t *opt)
{
    int               rc;
    attest_policy_t  *policy;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy, NULL);

    if (rc == CLI_OK && opt->save != NULL) {
        rc = cli_archive_create(opt);
    }

    if (rc == CLI_OK) {
        rc = cli_verify_run(opt, policy);
    }

    attest_policy_clear(policy);
    free(policy);
    return rc;
}


static int
cli_verify_run(const cli_options_t *opt, const attest_policy_t *policy)
{
    int              rc, saved = CLI_OK;
    attest_result_t  res;
    attest_peer_t    peer;

    rc = cli_peer_run(&peer, opt, policy, 1, &res);

    if (rc == CLI_OK && opt->save != NULL) {
        saved = cli_archive_save(&peer.seen, opt);

    } else if (opt->save != NULL) {
        cli_archive_drop(opt);
    }

    if (rc != CLI_OK) {
        memset(&res, 0, sizeof(res));
        res.verdict = ATTEST_UNDECIDED;
        (void) snprintf(res.why, sizeof(res.why), "no evidence was obtained: "
                        "%.300s", peer.err[0] != '\0' ? peer.err
                        : cli_archive_is_url(opt->target)
                        ? "the request could not be made"
                        : "none could be read");
    }

    if (opt->json) {
        cli_report_json(opt, &peer, &res);

    } else {
        cli_report_result(stdout, &res, 1);
    }

    attest_peer_clear(&peer);

    /* what was to be kept and is not is no success */

    return res.verdict == ATTEST_TRUSTED ? saved : cli_report_status(&res);
}
