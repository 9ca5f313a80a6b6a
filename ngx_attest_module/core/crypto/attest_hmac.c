/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HMAC of SHA-256 on OpenSSL EVP, over input in parts, so that what HPKE
 * labels is never copied together.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/crypto/attest_hmac.h"


#define ATTEST_HMAC_BLOCK       64                 /* of SHA-256 */



static int attest_hmac_digest(attest_hmac_t *h, const uint8_t *pad,
    const attest_span_t *parts, size_t count,
    uint8_t out[ATTEST_SHA256_LEN]);


int
attest_hmac_init(attest_hmac_t *h, EVP_MD *md, EVP_MD_CTX *ctx)
{
    h->borrowed = md != NULL;

    if (md != NULL) {
        h->md = md;
        h->ctx = ctx;
        return ATTEST_OK;
    }

    h->md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    h->ctx = EVP_MD_CTX_new();

    if (h->md == NULL || h->ctx == NULL) {
        attest_hmac_free(h);
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


void
attest_hmac_free(attest_hmac_t *h)
{
    if (!h->borrowed) {
        EVP_MD_CTX_free(h->ctx);
        EVP_MD_free(h->md);
    }

    h->ctx = NULL;
    h->md = NULL;
}


/* SHA-256 of the padded key, if any, and the parts. */

static int
attest_hmac_digest(attest_hmac_t *h, const uint8_t *pad,
    const attest_span_t *parts, size_t count, uint8_t out[ATTEST_SHA256_LEN])
{
    size_t  i;

    if (EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
        return ATTEST_EINTERNAL;
    }

    if (pad != NULL
        && EVP_DigestUpdate(h->ctx, pad, ATTEST_HMAC_BLOCK) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    for (i = 0; i < count; i++) {
        if (parts[i].n != 0
            && EVP_DigestUpdate(h->ctx, parts[i].p, parts[i].n) != 1)
        {
            return ATTEST_EINTERNAL;
        }
    }

    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1) {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


/* HMAC-SHA-256, RFC 2104 section 2. */

int
attest_hmac(attest_hmac_t *h, attest_span_t key, const attest_span_t *parts,
    size_t count, uint8_t out[ATTEST_SHA256_LEN])
{
    int            rc = ATTEST_OK;
    size_t         i;
    uint8_t        pad[ATTEST_HMAC_BLOCK], inner[ATTEST_SHA256_LEN];
    attest_span_t  in;

    memset(pad, 0, sizeof(pad));

    if (key.n > sizeof(pad)) {
        rc = attest_hmac_digest(h, NULL, &key, 1, pad);

    } else if (key.n != 0) {
        memcpy(pad, key.p, key.n);
    }

    for (i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36;
    }

    if (rc == ATTEST_OK) {
        rc = attest_hmac_digest(h, pad, parts, count, inner);
    }

    if (rc == ATTEST_OK) {
        for (i = 0; i < sizeof(pad); i++) {
            pad[i] ^= 0x36 ^ 0x5c;
        }

        in = attest_span(inner, sizeof(inner));
        rc = attest_hmac_digest(h, pad, &in, 1, out);
    }

    OPENSSL_cleanse(pad, sizeof(pad));
    OPENSSL_cleanse(inner, sizeof(inner));

    return rc;
}
