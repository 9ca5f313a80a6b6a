/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/*
 * Claims that were read are written again: the same bytes when no key was
 * unknown (as many keys as we write), the same claims in any case.
 */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 len;
    uint8_t                out[ATTEST_CLAIMS_MAX], hash[64];
    uint64_t               had, wrote;
    attest_claims_t        c, again;
    attest_cbor_reader_t   r;

    (void) attest_claims_parse_foreign(data, size, &again);

    if (attest_claims_parse(data, size, &c) != ATTEST_OK) {
        return 0;
    }

    if (attest_claims_parse_foreign(data, size, &again) != ATTEST_OK) {
        abort();
    }

    /* a label of ours makes them ours, whoever reads them */

    if ((c.has_validity || c.has_hpke_keys || c.has_config || c.has_gpu
         || c.has_exporter) && memcmp(&c, &again, sizeof(c)) != 0)
    {
        abort();
    }

    len = sizeof(out);
    if (attest_claims_encode(&c, out, &len) != ATTEST_OK || len > size
        || attest_claims_parse(out, len, &again) != ATTEST_OK
        || memcmp(&c, &again, sizeof(c)) != 0
        || attest_claims_report_data(out, len, hash) != ATTEST_OK)
    {
        abort();
    }

    attest_cbor_reader_init(&r, data, size, 0);
    if (attest_cbor_read_map(&r, &had) != ATTEST_OK) {
        abort();
    }

    attest_cbor_reader_init(&r, out, len, 0);
    if (attest_cbor_read_map(&r, &wrote) != ATTEST_OK || wrote > had) {
        abort();
    }

    if (had == wrote && (len != size || memcmp(out, data, len) != 0)) {
        abort();
    }

    if (attest_claims_gpu_nonce(&c, hash)
        != ((c.nonce_len != 0 || c.has_validity) ? ATTEST_OK : ATTEST_EARG))
    {
        abort();
    }

    return 0;
}
