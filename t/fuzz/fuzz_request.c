/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The evidence endpoint's request parsers.  The first byte chooses one.
 * What a parser takes must be one whole form within its limits.
 */


#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_accept.h"
#include "core/evidence/attest_request.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               rc;
    attest_accept_t   a;
    attest_request_t  req;

    if (size == 0) {
        return 0;
    }

    switch (data[0] & 3) {

    case 0:
        rc = attest_request_args(data + 1, size - 1, &req);
        break;

    case 1:
        rc = attest_request_json(data + 1, size - 1, &req);
        break;

    case 2:
        memset(&a, 0, sizeof(a));
        attest_accept_add(&a, data + 1, size - 1);
        if (a.json_q > 1000 || a.cbor_q > 1000
            || (a.seen == 0) != (attest_accept_choose(&a)
                                 == ATTEST_ACCEPT_JSON && a.json_rank == 0))
        {
            abort();
        }

        return 0;

    default:
        (void) attest_request_is_json(data + 1, size - 1);
        return 0;
    }

    if (rc != ATTEST_OK) {
        if (req.why == NULL) {
            abort();
        }

        return 0;
    }

    if ((req.nonce_len == 0) == (req.cred_len == 0)
        || (req.cred_len == 0) != (req.enc_len == 0)
        || (req.nonce_len != 0 && (req.nonce_len < ATTEST_NONCE_MIN
                                   || req.nonce_len > ATTEST_NONCE_MAX))
        || req.cred_len > sizeof(req.cred) || req.enc_len > sizeof(req.enc))
    {
        abort();
    }

    return 0;
}
