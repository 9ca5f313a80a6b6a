/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: a paravisor's report.  What was read lies inside of it, keys are
 * what their limits say, and the hash is compared with the report's own.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_hcl.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_inside(const uint8_t *p, size_t n, attest_span_t s);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                    rc;
    attest_hcl_t           h;
    attest_span_t          s = { p, n };
    attest_hcl_runtime_t   rt;

    /* as a text alone, which the fuzzer reaches sooner */

    if (attest_hcl_runtime_parse(s, &rt) == ATTEST_OK) {
        if (rt.ak == NULL) {
            abort();
        }

        attest_hcl_runtime_free(&rt);
    }

    if (attest_hcl_parse(p, n, &h) != ATTEST_OK) {
        return 0;
    }

    fuzz_inside(p, n, h.report);
    fuzz_inside(p, n, h.report_data);
    fuzz_inside(p, n, h.json);

    if (h.runtime.ak == NULL || EVP_PKEY_get_bits(h.runtime.ak) < 2048
        || strlen(h.runtime.vm_unique_id) >= sizeof(h.runtime.vm_unique_id)
        || h.runtime.user_data_len > sizeof(h.runtime.user_data))
    {
        abort();
    }

    rc = attest_hcl_check(&h);
    if (rc != ATTEST_OK && rc != ATTEST_EMISMATCH) {
        abort();
    }

    attest_hcl_free(&h);
    return 0;
}


static void
fuzz_inside(const uint8_t *p, size_t n, attest_span_t s)
{
    if (s.n != 0 && (s.p < p || s.n > n || (size_t) (s.p - p) > n - s.n)) {
        abort();
    }
}
