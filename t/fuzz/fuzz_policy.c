/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "core/policy/attest_policy.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* A policy is whole or refused with a message; its sets keep their bounds. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      rc;
    char                     err[256];
    size_t                   i;
    static attest_policy_t   policy;

    memset(err, 0, sizeof(err));

    rc = attest_policy_parse((const char *) data, size, &policy, err,
                             sizeof(err));
    if (rc != ATTEST_OK) {
        if ((rc == ATTEST_EFORMAT && err[0] == '\0')
            || policy.ek_roots != NULL || policy.roots != 0)
        {
            abort();
        }

        return 0;
    }

    if (policy.roots == 0 || policy.config.count > ATTEST_POLICY_MAX_VALUES
        || policy.ak.count > ATTEST_POLICY_MAX_VALUES)
    {
        abort();
    }

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if (policy.pcrs[i].count > ATTEST_POLICY_MAX_VALUES
            || policy.events[i].count > ATTEST_POLICY_MAX_VALUES
            || (policy.pcrs[i].count != 0 && policy.pcr_alg == 0))
        {
            abort();
        }
    }

    attest_policy_clear(&policy);
    return 0;
}
