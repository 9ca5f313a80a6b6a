/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest verify": a policy is read, evidence is collected and appraised,
 * and the verdict is printed.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_archive.h"
#include "cli/cli_ear.h"
#include "cli/cli_peer.h"
#include "cli/cli_policy_load.h"
#include "cli/cli_report.h"


static int cli_verify_policy(const cli_options_t *opt, const cli_ear_t *ear);
static int cli_verify_run(const cli_options_t *opt,
    const attest_policy_t *policy, const cli_ear_t *ear,
    attest_span_t policy_file);


int
cli_verify(const cli_options_t *opt)
{
    int        rc;
    cli_ear_t  ear;

    rc = cli_ear_init(&ear, opt);

    if (rc == CLI_OK) {
        rc = cli_verify_policy(opt, &ear);
    }

    cli_ear_clear(&ear);
    return rc;
}


static int
cli_verify_policy(const cli_options_t *opt, const cli_ear_t *ear)
{
    int               rc;
    attest_bytes_t    file = { 0 };
    attest_policy_t  *policy;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy, &file);

    if (rc == CLI_OK && opt->keys_only && policy->require_exporter) {
        rc = cli_error("--keys-only needs a policy that says "
                       "\"require_exporter\": false");
    }

    if (rc == CLI_OK && opt->save != NULL) {
        rc = cli_archive_create(opt);
    }

    if (rc == CLI_OK) {
        rc = cli_verify_run(opt, policy, ear, attest_bytes_span(&file));
    }

    attest_bytes_free(&file);
    attest_policy_clear(policy);
    free(policy);
    return rc;
}


static int
cli_verify_run(const cli_options_t *opt, const attest_policy_t *policy,
    const cli_ear_t *ear, attest_span_t policy_file)
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

    if (ear->form != CLI_EAR_NONE) {
        rc = cli_ear_print(ear, opt, &peer, &res, policy_file);
        saved = rc != CLI_OK ? rc : saved;

    } else if (opt->json || opt->format != NULL) {
        cli_report_json(opt, &peer, &res);

    } else {
        cli_report_result(stdout, &res, 1);
    }

    attest_peer_clear(&peer);

    /* what was to be kept and is not is no success */

    return res.verdict == ATTEST_TRUSTED ? saved : cli_report_status(&res);
}
