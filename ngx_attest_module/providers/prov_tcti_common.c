/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all transports to the TPM need: what is left of the time, and how one is
 * given up.
 */


#include <stdarg.h>
#include <stdio.h>

#include "core/base/attest_monotonic.h"
#include "providers/prov_tcti_common.h"


int
prov_tcti_left(prov_tcti_t *t)
{
    return attest_monotonic_left(t->deadline);
}


TSS2_RC
prov_tcti_break(prov_tcti_t *t, const char *fmt, ...)
{
    va_list  args;

    t->broken = 1;

    va_start(args, fmt);
    (void) vsnprintf(t->reason, sizeof(t->reason), fmt, args);
    va_end(args);

    return TSS2_TCTI_RC_IO_ERROR;
}
