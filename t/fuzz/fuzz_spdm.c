/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: an SPDM report, with either form of opaque data.  What was counted
 * can be read again, all of it.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_gpu.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_fields(const attest_spdm_t *s);
static void fuzz_device(const attest_spdm_t *s);


/* Field by field up to the end, each found by its type. */

static void
fuzz_fields(const attest_spdm_t *s)
{
    size_t                i, used = s->versioned ? 12 : 0;
    attest_span_t         v;
    attest_spdm_field_t   f;

    if (s->version.major > 2 || (!s->versioned && s->version.major != 0)) {
        abort();
    }

    for (i = 0; attest_spdm_field(s, i, &f); i++) {
        used += (s->versioned ? 6 : 4) + f.value.n;

        if (!attest_spdm_opaque(s, f.type, &v) || v.n != f.value.n
            || v.p != f.value.p || (!s->versioned && f.value_type != 0))
        {
            abort();
        }
    }

    if (used != s->opaque.n) {
        abort();
    }
}


static void
fuzz_device(const attest_spdm_t *s)
{
    char      text[ATTEST_GPU_MAX_VERSION];
    unsigned  svn;

    attest_gpu_driver(s, text);
    if (strlen(text) >= sizeof(text)) {
        abort();
    }

    attest_gpu_vbios(s, text);
    if (strlen(text) >= sizeof(text)) {
        abort();
    }

    (void) attest_gpu_mode(s);

    if (attest_gpu_fsp_svn(s, &svn) && (!s->versioned || svn > 0xffff)) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                i, used = 0;
    attest_spdm_t         s;
    attest_spdm_block_t   b;

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

    fuzz_fields(&s);
    fuzz_device(&s);
    return 0;
}
