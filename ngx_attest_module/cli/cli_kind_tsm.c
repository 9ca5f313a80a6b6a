/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A report of configfs-tsm, in words: by whose driver it was made.
 */


#include <stdio.h>

#include "core/base/attest_cbor.h"
#include "cli/cli.h"
#include "cli/cli_print.h"


void
cli_tsm_show(attest_span_t value)
{
    int            rc;
    attest_tsm_t   tsm;

    rc = attest_tsm_parse(value.p, value.n, &tsm);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    cli_show_line("made by the driver", tsm.provider);

    if (attest_span_is(tsm.provider, "sev_guest")) {
        cli_snp_show(&tsm);

    } else if (attest_span_is(tsm.provider, "tdx_guest")) {
        cli_tdx_show(&tsm);

    } else {
        cli_printf("a report of %zu bytes, of a kind unknown to this version\n",
                   tsm.outblob.n);
    }
}
