/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a "tsm-report" item.  What parses can be written and read again. */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_tsm.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int differ(attest_span_t a, attest_span_t b);


static int
differ(attest_span_t a, attest_span_t b)
{
    return a.n != b.n || (a.n != 0 && memcmp(a.p, b.p, a.n) != 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t           len;
    static uint8_t   out[ATTEST_MAX_ITEM];
    attest_tsm_t     tsm, back;

    if (attest_tsm_parse(p, n, &tsm) != ATTEST_OK) {
        return 0;
    }

    len = sizeof(out);

    /* never longer: an empty certificate table is left out */

    if (attest_tsm_encode(&tsm, out, &len) != ATTEST_OK || len > n
        || attest_tsm_parse(out, len, &back) != ATTEST_OK
        || differ(tsm.provider, back.provider)
        || differ(tsm.outblob, back.outblob)
        || differ(tsm.auxblob, back.auxblob)
        || differ(tsm.manifestblob, back.manifestblob)
        || differ(tsm.service_provider, back.service_provider))
    {
        abort();
    }

    return 0;
}
