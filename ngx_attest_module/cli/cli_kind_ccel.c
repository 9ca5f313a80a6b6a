/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The boot log of a TD, in words.
 */


#include <stdio.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_eventlog.h"
#include "core/evidence/attest_tdx.h"
#include "cli/cli.h"
#include "cli/cli_kind_ccel.h"
#include "cli/cli_print.h"


static int cli_ccel_event(void *ctx, const attest_event_t *e);


void
cli_ccel_show(attest_span_t value, uint16_t alg)
{
    int                rc;
    char               what[16];
    size_t             i, shown = 0;
    attest_tpm_bank_t  bank;

    (void) alg;                    /* of a TPM, which a TD is not */

    rc = attest_eventlog_replay(value.p, value.n, ATTEST_TPM_ALG_SHA384,
                                &bank, cli_ccel_event, &shown);
    if (rc != ATTEST_OK) {
        cli_printf("the log is %s\n", attest_strerror(rc));
        return;
    }

    cli_printf("%zu events, which give\n", shown);

    for (i = 0; i < ATTEST_TDX_RTMRS; i++) {

        if (bank.select >> (i + 1) & 1) {
            (void) snprintf(what, sizeof(what), "RTMR %zu", i);
            cli_print_hex(what, bank.value[i + 1], ATTEST_TDX_MR_LEN);
        }
    }
}


/* Measurement register 1 is RTMR 0, and 0 the TD's initial memory. */

static int
cli_ccel_event(void *ctx, const attest_event_t *e)
{
    char     name[24], hex[2 * ATTEST_TDX_MR_LEN + 1] = "not extended";
    size_t  *shown = ctx;

    if (e->extended && e->digest.n <= ATTEST_TDX_MR_LEN) {
        attest_hex_encode(hex, e->digest.p, e->digest.n);
    }

    if (e->pcr == 0) {
        (void) snprintf(name, sizeof(name), "MRTD");

    } else {
        (void) snprintf(name, sizeof(name), "RTMR %u", e->pcr - 1);
    }

    cli_printf("%4zu  %-8s %-34s %s\n", ++*shown, name,
               attest_eventlog_type_name(e->type), hex);
    return 0;
}
