/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all transports to the TPM need: their clock, and how one is given up.
 */


#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "providers/attest_tcti_common.h"


int64_t
attest_tcti_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int
attest_tcti_left(attest_tcti_t *t)
{
    int64_t  left;

    left = t->deadline - attest_tcti_now();
    if (left <= 0) {
        return 0;
    }

    return left > INT_MAX ? INT_MAX : (int) left;
}


TSS2_RC
attest_tcti_break(attest_tcti_t *t, const char *fmt, ...)
{
    va_list  args;

    t->broken = 1;

    va_start(args, fmt);
    (void) vsnprintf(t->reason, sizeof(t->reason), fmt, args);
    va_end(args);

    return TSS2_TCTI_RC_IO_ERROR;
}
