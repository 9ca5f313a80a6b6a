/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a Nitro document.  Everything found lies in it, within its limits. */

#include <stdlib.h>

#include "core/evidence/attest_nitro.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_inside(attest_span_t s, attest_span_t all, size_t max);


static void
fuzz_inside(attest_span_t s, attest_span_t all, size_t max)
{
    if (s.n > max || (s.n != 0 && (s.p < all.p || s.n > all.n
                                   || (size_t) (s.p - all.p)
                                      > all.n - s.n)))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t           i;
    attest_span_t    all = { p, n };
    attest_nitro_t   doc;

    if (attest_nitro_parse(p, n, &doc) != ATTEST_OK) {
        return 0;
    }

    fuzz_inside(doc.payload, all, n);
    fuzz_inside(doc.signature, all, 96);
    fuzz_inside(doc.module_id, doc.payload, ATTEST_NITRO_MAX_ID);
    fuzz_inside(doc.certificate, doc.payload, ATTEST_NITRO_MAX_CERT);
    fuzz_inside(doc.user_data, doc.payload, ATTEST_NITRO_MAX_DATA);
    fuzz_inside(doc.nonce, doc.payload, ATTEST_NITRO_MAX_DATA);
    fuzz_inside(doc.public_key, doc.payload, ATTEST_NITRO_MAX_KEY);

    for (i = 0; i < ATTEST_NITRO_PCRS; i++) {
        fuzz_inside(doc.pcrs[i], doc.payload, 64);

        if ((doc.pcrs[i].n != 0) != (doc.pcr_mask >> i & 1)) {
            abort();
        }
    }

    if (doc.cabundle_count == 0 || doc.cabundle_count > ATTEST_MAX_CERTS
        || doc.module_id.n == 0 || doc.timestamp == 0 || doc.pcr_mask == 0)
    {
        abort();
    }

    for (i = 0; i < doc.cabundle_count; i++) {
        fuzz_inside(doc.cabundle[i], doc.payload, ATTEST_NITRO_MAX_CERT);
    }

    (void) attest_nitro_is_debug(&doc);
    return 0;
}
