/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_EAR_H_INCLUDED
#define CLI_EAR_H_INCLUDED


#include "core/appraisal/attest_ear.h"
#include "client/attest_peer.h"
#include "cli/cli.h"


typedef enum {
    CLI_EAR_NONE = 0,              /* lines, or our own JSON */
    CLI_EAR_TEXT,                  /* claims, unsigned */
    CLI_EAR_JWT,
    CLI_EAR_CWT
} cli_ear_form_e;

typedef struct {
    cli_ear_form_e   form;
    EVP_PKEY        *key;          /* owned; NULL: unsigned */
} cli_ear_t;


/*
 * What --format and --sign ask for, before anybody is asked anything; reports
 * errors.  cli_ear_clear() in any case.
 */
int cli_ear_init(cli_ear_t *e, const cli_options_t *opt);
void cli_ear_clear(cli_ear_t *e);
/* Prints; policy: the bytes of its file.  Reports errors. */
int cli_ear_print(const cli_ear_t *e, const cli_options_t *opt,
    const attest_peer_t *peer, const attest_result_t *res,
    attest_span_t policy);


#endif /* CLI_EAR_H_INCLUDED */
