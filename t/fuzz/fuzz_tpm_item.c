/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a "tpm" item.  It has one encoding: what parses encodes to itself. */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_tpm.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t             len;
    static uint8_t     out[ATTEST_MAX_ITEM];
    attest_tpm_item_t  item;

    if (attest_tpm_item_parse(p, n, &item) != ATTEST_OK) {
        return 0;
    }

    len = sizeof(out);

    if (attest_tpm_item_encode(&item, out, &len) != ATTEST_OK
        || len != n || memcmp(out, p, n) != 0)
    {
        abort();
    }

    return 0;
}
