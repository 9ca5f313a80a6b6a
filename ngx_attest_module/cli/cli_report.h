/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_REPORT_H_INCLUDED
#define CLI_REPORT_H_INCLUDED


#include <stdio.h>

#include "core/appraisal/attest_verify.h"
#include "client/attest_peer.h"
#include "cli/cli.h"


/* The checks, all or those that explain, and the verdict. */
void cli_report_result(FILE *out, const attest_result_t *res, int all);
/* The verdict, and what a program needs to use what was judged. */
void cli_report_json(const cli_options_t *opt, const attest_peer_t *peer,
    const attest_result_t *res);
/* The exit status for a verdict. */
int cli_report_status(const attest_result_t *res);


#endif /* CLI_REPORT_H_INCLUDED */
