/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a GPU item.  What parses encodes, and then to itself. */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_gpu.h"
#include "core/crypto/attest_x509.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_devices(const attest_gpu_t *gpu);


static void
fuzz_devices(const attest_gpu_t *gpu)
{
    size_t           i;
    uint8_t          fwid[48], id[32];
    const char      *chip;
    attest_spdm_t    s;
    STACK_OF(X509)  *chain;

    for (i = 0; i < gpu->count; i++) {
        (void) attest_gpu_class(gpu->devices[i].arch, &chip);
        (void) attest_spdm_parse(gpu->devices[i].report.p,
                                 gpu->devices[i].report.n, &s);

        chain = attest_x509_read(gpu->devices[i].chain);
        if (chain != NULL) {
            (void) attest_gpu_fwid(sk_X509_value(chain, 0), fwid);
            (void) attest_gpu_identity(chain, id);
            sk_X509_pop_free(chain, X509_free);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t         len, again;
    attest_gpu_t   gpu, two;
    static char    out[ATTEST_MAX_LOG], twice[ATTEST_MAX_LOG];

    if (attest_gpu_parse(p, n, &gpu) != ATTEST_OK) {
        return 0;
    }

    len = sizeof(out);
    if (gpu.count == 0
        || attest_gpu_encode(gpu.devices, gpu.count, out, &len) != ATTEST_OK
        || len > n
        || attest_gpu_parse((const uint8_t *) out, len, &two) != ATTEST_OK)
    {
        abort();
    }

    again = sizeof(twice);
    if (attest_gpu_encode(two.devices, two.count, twice, &again) != ATTEST_OK
        || again != len || memcmp(out, twice, len) != 0)
    {
        abort();
    }

    fuzz_devices(&gpu);

    attest_gpu_free(&two);
    attest_gpu_free(&gpu);
    return 0;
}
