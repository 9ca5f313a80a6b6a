/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: an IMA log.  The value of the whole log is reached by it, so as a
 * target it must be found, at the last entry or before.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_eventlog.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                entries, again, boundary;
    uint8_t               value[64], target[64];
    static const uint8_t  zero[64];

    if (attest_imalog_replay(p, n, ATTEST_TPM_ALG_SHA256, NULL, 0, target,
                             &entries, &boundary) != ATTEST_OK)
    {
        if (memcmp(target, zero, sizeof(zero)) != 0) {
            abort();
        }
        return 0;
    }

    if (attest_imalog_replay(p, n, ATTEST_TPM_ALG_SHA256, target, 32, value,
                             &again, &boundary) != ATTEST_OK
        || again != entries || boundary > entries
        || memcmp(value, target, sizeof(value)) != 0)
    {
        abort();
    }

    /* no entry of PCR 10: the value is zero, which is no prefix */

    if ((boundary == 0) != (memcmp(target, zero, sizeof(zero)) == 0)) {
        abort();
    }

    return 0;
}
