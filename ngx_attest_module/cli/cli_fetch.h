/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_FETCH_H_INCLUDED
#define CLI_FETCH_H_INCLUDED


#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_verify.h"
#include "cli/cli.h"
#include "cli/cli_http.h"
#include "cli/cli_url.h"


/* Everything that one connection told about a gateway. */

typedef struct {
    cli_url_t     url;
    cli_conn_t    conn;
    cli_bytes_t   cert;
    cli_bytes_t   cached;
    cli_bytes_t   fresh;
    cli_bytes_t   hpke;
    uint64_t      generation;       /* as the gateway counts; 0: not known */
    uint8_t       nonce[64];
    size_t        nonce_len;        /* 0: none was sent, or is known */
    uint8_t       exporter[32];
    uint8_t       secret[32];
    uint8_t       proof[32];
    int           has_exporter;
    int           has_proof;
    int           told;             /* by a folder, not seen by us */
    int           rotated;          /* keys changed between two answers */
    char          notes[5][320];    /* what could not be fetched, and why */
    size_t        nnotes;
} cli_evidence_t;


int cli_collect(cli_evidence_t *ev, const cli_options_t *opt, int activate);
void cli_evidence_clear(cli_evidence_t *ev);
/* Appraises what was collected. */
void cli_appraise(const cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res);

/*
 * cli_verify.c: collects and appraises; again when keys rotated or the gateway
 * closed.
 */
int cli_run(cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res);


#endif /* CLI_FETCH_H_INCLUDED */
