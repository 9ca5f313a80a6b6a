/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The text of each return code, and SHA-256 over parts.
 */


#include <openssl/evp.h>

#include "core/base/attest_core.h"


const char *
attest_strerror(int rc)
{
    switch (rc) {
    case ATTEST_OK:
        return "ok";
    case ATTEST_EFORMAT:
        return "malformed";
    case ATTEST_ELIMIT:
        return "limit exceeded";
    case ATTEST_ECRYPTO:
        return "cryptographic check failed";
    case ATTEST_EMISMATCH:
        return "values differ";
    case ATTEST_EUNSUPPORTED:
        return "not supported";
    case ATTEST_EARG:
        return "bad argument";
    case ATTEST_EINTERNAL:
        return "internal failure";
    case ATTEST_ENOSPACE:
        return "output buffer too small";
    default:
        return "unknown error";
    }
}


int
attest_sha256(const attest_span_t *parts, size_t count,
    uint8_t digest[ATTEST_SHA256_LEN])
{
    int          rc = ATTEST_EINTERNAL;
    size_t       i;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        goto done;
    }

    for (i = 0; i < count; i++) {
        if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1) {
            goto done;
        }
    }

    if (EVP_DigestFinal_ex(ctx, digest, NULL) == 1) {
        rc = ATTEST_OK;
    }

done:

    EVP_MD_CTX_free(ctx);
    return rc;
}
