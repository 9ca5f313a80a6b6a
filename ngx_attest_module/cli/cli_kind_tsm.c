/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A report of configfs-tsm, in words: by whose driver it was made.
 */


#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_kind_tsm.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"


void
cli_tsm_show(attest_span_t value)
{
    int             rc;
    attest_tsm_t    tsm;
    attest_kind_e   kind;

    rc = attest_tsm_parse(value.p, value.n, &tsm);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    cli_print_line("made by the driver", tsm.provider);

    kind = attest_kind_by_driver(tsm.provider);

    if (kind != ATTEST_KIND_UNKNOWN) {
        cli_kinds[kind]->show_report(&tsm);

    } else {
        cli_printf("a report of %zu bytes, of a kind unknown to this version\n",
                   tsm.outblob.n);
    }
}
