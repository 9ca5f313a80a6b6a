/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The lines in which evidence is shown: what it is, in a column of 24, and
 * its value.
 */


#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/cli_print.h"


void
cli_print_hex(const char *what, const uint8_t *p, size_t n)
{
    size_t  i;

    cli_printf("%-24s", what);

    for (i = 0; i < n; i++) {
        cli_printf("%02x", p[i]);
    }

    cli_printf("\n");
}


void
cli_print_time(const char *what, int64_t t)
{
    char       text[64];
    time_t     at = (time_t) t;
    struct tm  tm;

    if (gmtime_r(&at, &tm) == NULL
        || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
    {
        (void) strcpy(text, "?");
    }

    cli_printf("%-24s%lld (%s)\n", what, (long long) t, text);
}


void
cli_print_line(const char *what, attest_span_t s)
{
    cli_printf("%-24s", what);
    cli_print_text(stdout, s.p, s.n, 0);
    cli_printf("\n");
}
