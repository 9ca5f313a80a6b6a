/* SPDX-License-Identifier: Apache-2.0 */

/* Input: an SPDM report.  What was counted can be read again, all of it. */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_gpu.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char                  text[ATTEST_GPU_MAX_VERSION];
    size_t                i, used = 0;
    attest_spdm_t         s;
    attest_span_t         v;
    attest_spdm_block_t   b;
    attest_spdm_field_t   f;

    if (attest_spdm_parse(p, n, &s) != ATTEST_OK) {
        return 0;
    }

    if (s.signed_part.n + s.signature.n != n || s.nonce.n != 32
        || s.responder_nonce.n != 32)
    {
        abort();
    }

    for (i = 0; attest_spdm_block(&s, i, &b); i++) {
        used += 7 + b.value.n;
    }

    if (i != s.blocks || used != s.record.n) {
        abort();
    }

    for (i = 0, used = 0; attest_spdm_field(&s, i, &f); i++) {
        used += 4 + f.value.n;

        if (!attest_spdm_opaque(&s, f.type, &v) || v.n != f.value.n
            || v.p != f.value.p)
        {
            abort();
        }
    }

    if (used != s.opaque.n) {
        abort();
    }

    attest_gpu_driver(&s, text);
    if (strlen(text) >= sizeof(text)) {
        abort();
    }

    (void) attest_gpu_mode(&s);
    attest_gpu_vbios(&s, text);
    return strlen(text) >= sizeof(text) ? -1 : 0;
}
