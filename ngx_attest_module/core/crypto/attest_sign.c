/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signs with ECDSA on P-256 and P-384, and with Ed25519.
 */


#include <string.h>

#include <openssl/ec.h>
#include <openssl/objects.h>

#include "core/crypto/attest_sign.h"


static int attest_sign_numbers(const uint8_t *der, size_t n, size_t half,
    uint8_t *out);


static const attest_sign_alg_t  attest_sign_algs[] = {
    { "prime256v1", "SHA256", "ES256", -7, 64 },
    { "secp384r1", "SHA384", "ES384", -35, 96 },
    { "ED25519", NULL, "EdDSA", -8, 64 }
};

#define ATTEST_SIGN_ALGS  (sizeof(attest_sign_algs) / sizeof(attest_sign_alg_t))


const attest_sign_alg_t *
attest_sign_alg(EVP_PKEY *key)
{
    char    name[32];
    size_t  i, n;

    if (key == NULL) {
        return NULL;
    }

    if (EVP_PKEY_is_a(key, "ED25519") == 1) {
        (void) strcpy(name, "ED25519");

    } else if (EVP_PKEY_is_a(key, "EC") != 1
               || EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1)
    {
        return NULL;
    }

    for (i = 0; i < ATTEST_SIGN_ALGS; i++) {
        if (OBJ_txt2nid(name) == OBJ_txt2nid(attest_sign_algs[i].key)) {
            return &attest_sign_algs[i];
        }
    }

    return NULL;
}


int
attest_sign(EVP_PKEY *key, attest_span_t message,
    uint8_t out[ATTEST_SIGN_MAX], size_t *len)
{
    int                       rc = ATTEST_ECRYPTO;
    size_t                    n;
    uint8_t                   raw[ATTEST_SIGN_MAX + 16];
    EVP_MD_CTX               *ctx;
    const attest_sign_alg_t  *alg;

    alg = attest_sign_alg(key);
    if (alg == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    n = sizeof(raw);

    if (EVP_DigestSignInit_ex(ctx, NULL, alg->digest, NULL, NULL, key, NULL)
        == 1
        && EVP_DigestSign(ctx, raw, &n, message.p, message.n) == 1)
    {
        rc = ATTEST_OK;
    }

    EVP_MD_CTX_free(ctx);

    if (rc != ATTEST_OK) {
        return rc;
    }

    *len = alg->len;

    if (alg->digest != NULL) {
        return attest_sign_numbers(raw, n, alg->len / 2, out);
    }

    memcpy(out, raw, alg->len);
    return ATTEST_OK;
}


/* r and s, big-endian, of a fixed length, out of ECDSA-Sig-Value. */

static int
attest_sign_numbers(const uint8_t *der, size_t n, size_t half, uint8_t *out)
{
    int         rc = ATTEST_ECRYPTO, width = (int) half;
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) n);

    if (sig != NULL
        && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, width) == width
        && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, width) == width)
    {
        rc = ATTEST_OK;
    }

    ECDSA_SIG_free(sig);
    return rc;
}
