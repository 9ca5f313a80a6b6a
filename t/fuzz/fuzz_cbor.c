/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>

#include "core/base/attest_cbor.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_next(const uint8_t *data, size_t size, int lenient);
static void fuzz_skip(const uint8_t *data, size_t size);


/* Heads one after the other: always forward, spans inside the input. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) {
        return 0;
    }

    fuzz_next(data, size, 0);
    fuzz_next(data, size, 1);
    fuzz_skip(data, size);
    return 0;
}


static void
fuzz_next(const uint8_t *data, size_t size, int lenient)
{
    const uint8_t         *before;
    attest_cbor_item_t     item;
    attest_cbor_reader_t   r;

    attest_cbor_reader_init(&r, data, size, lenient);

    for ( ;; ) {
        before = r.p;

        if (attest_cbor_next(&r, &item) != ATTEST_OK) {
            if (r.p != before) {
                abort();
            }
            return;
        }

        if (r.p <= before || r.p > r.end || (!lenient && item.indefinite)) {
            abort();
        }

        if (item.bytes.n != 0
            && (item.bytes.p <= before || item.bytes.p + item.bytes.n != r.p))
        {
            abort();
        }
    }
}


/* What strict mode skips, lenient mode skips too, to the same place. */

static void
fuzz_skip(const uint8_t *data, size_t size)
{
    attest_cbor_reader_t  strict, lenient;

    attest_cbor_reader_init(&strict, data, size, 0);
    attest_cbor_reader_init(&lenient, data, size, 1);

    while (attest_cbor_skip(&strict) == ATTEST_OK) {
        if (attest_cbor_skip(&lenient) != ATTEST_OK || lenient.p != strict.p) {
            abort();
        }
    }

    while (attest_cbor_skip(&lenient) == ATTEST_OK) {
        if (lenient.p > lenient.end) {
            abort();
        }
    }
}
