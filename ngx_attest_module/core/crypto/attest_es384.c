/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ECDSA on P-384 with SHA-384, as COSE has it: r and s of 48 bytes each.
 */


#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "core/crypto/attest_es384.h"


static bool attest_es384_is_key(EVP_PKEY *key);
static int attest_es384_der(attest_span_t signature, uint8_t **der);


int
attest_es384_verify(EVP_PKEY *key, const attest_span_t *parts, size_t count,
    attest_span_t signature)
{
    int          n, rc = ATTEST_EINTERNAL;
    size_t       i;
    uint8_t     *der = NULL;
    EVP_MD_CTX  *ctx;

    if (signature.n != ATTEST_ES384_LEN) {
        return ATTEST_ECRYPTO;
    }

    if (!attest_es384_is_key(key)) {
        return ATTEST_EUNSUPPORTED;
    }

    ctx = EVP_MD_CTX_new();
    n = attest_es384_der(signature, &der);

    if (ctx == NULL || n <= 0
        || EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) != 1)
    {
        goto done;
    }

    for (i = 0; i < count; i++) {
        if (EVP_DigestVerifyUpdate(ctx, parts[i].p, parts[i].n) != 1) {
            goto done;
        }
    }

    rc = EVP_DigestVerifyFinal(ctx, der, (size_t) n) == 1 ? ATTEST_OK
                                                          : ATTEST_ECRYPTO;

done:

    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    return rc;
}


static bool
attest_es384_is_key(EVP_PKEY *key)
{
    char    name[32];
    size_t  n;

    return key != NULL && EVP_PKEY_is_a(key, "EC") == 1
           && EVP_PKEY_get_group_name(key, name, sizeof(name), &n) == 1
           && OBJ_txt2nid(name) == NID_secp384r1;
}


/* ECDSA-Sig-Value, RFC 3279 section 2.2.3; the length or 0. */

static int
attest_es384_der(attest_span_t signature, uint8_t **der)
{
    int         n = 0, half = ATTEST_ES384_LEN / 2;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(signature.p, half, NULL);
    s = BN_bin2bn(signature.p + half, half, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);

    } else {
        n = i2d_ECDSA_SIG(sig, der);
    }

    ECDSA_SIG_free(sig);
    return n;
}
