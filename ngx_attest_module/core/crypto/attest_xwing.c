/* SPDX-License-Identifier: Apache-2.0 */

/*
 * X-Wing on an OpenSSL that has ML-KEM, found out at run time.
 */


#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "core/crypto/attest_xwing.h"


#define ATTEST_MLKEM            "ML-KEM-768"
#define ATTEST_MLKEM_SEED       "seed"     /* OSSL_PKEY_PARAM_ML_KEM_SEED */
#define ATTEST_MLKEM_SEED_LEN   64


static EVP_PKEY *attest_xwing_mlkem(const char *param, uint8_t *value,
    size_t len, int selection);
static int attest_xwing_expand(const uint8_t seed[ATTEST_XWING_SEED],
    uint8_t x[96]);
static int attest_xwing_combine(const uint8_t ssm[ATTEST_XWING_SECRET],
    const uint8_t ssx[ATTEST_X25519_LEN],
    const uint8_t ctx[ATTEST_X25519_LEN],
    const uint8_t pkx[ATTEST_X25519_LEN], uint8_t secret[ATTEST_XWING_SECRET]);
static int attest_xwing_encap_mlkem(EVP_PKEY *pk, uint8_t *ct,
    uint8_t ssm[ATTEST_XWING_SECRET]);
static int attest_xwing_encap_x25519(const uint8_t pk[ATTEST_X25519_LEN],
    uint8_t ct[ATTEST_X25519_LEN],
    uint8_t ssx[ATTEST_X25519_LEN]);


/* an X-Wing, upright */
static const uint8_t  attest_xwing_label[6] = {
    0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c
};


bool
attest_xwing_available(void)
{
    EVP_KEYMGMT  *k;

    ERR_set_mark();
    k = EVP_KEYMGMT_fetch(NULL, ATTEST_MLKEM, NULL);
    ERR_pop_to_mark();

    EVP_KEYMGMT_free(k);

    return k != NULL;
}


static EVP_PKEY *
attest_xwing_mlkem(const char *param, uint8_t *value, size_t len,
    int selection)
{
    EVP_PKEY      *pkey = NULL;
    OSSL_PARAM     params[2];
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, ATTEST_MLKEM, NULL);
    if (ctx == NULL) {
        return NULL;
    }

    params[0] = OSSL_PARAM_construct_octet_string(param, value, len);
    params[1] = OSSL_PARAM_construct_end();

    if (EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static int
attest_xwing_expand(const uint8_t seed[ATTEST_XWING_SEED], uint8_t x[96])
{
    int          rc = ATTEST_EINTERNAL;
    EVP_MD      *md;
    EVP_MD_CTX  *ctx;

    md = EVP_MD_fetch(NULL, "SHAKE256", NULL);
    ctx = EVP_MD_CTX_new();

    if (md != NULL && ctx != NULL
        && EVP_DigestInit_ex(ctx, md, NULL) == 1
        && EVP_DigestUpdate(ctx, seed, ATTEST_XWING_SEED) == 1
        && EVP_DigestFinalXOF(ctx, x, 96) == 1)
    {
        rc = ATTEST_OK;
    }

    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);

    return rc;
}


int
attest_xwing_keypair(const uint8_t seed[ATTEST_XWING_SEED], EVP_PKEY **mlkem,
    EVP_PKEY **x25519, uint8_t pk[ATTEST_XWING_PK])
{
    int      rc;
    size_t   n = 0, len = ATTEST_X25519_LEN;
    uint8_t  x[96];

    *mlkem = NULL;
    *x25519 = NULL;

    if (!attest_xwing_available()) {
        return ATTEST_EUNSUPPORTED;
    }

    ERR_set_mark();

    rc = attest_xwing_expand(seed, x);
    if (rc != ATTEST_OK) {
        goto done;
    }

    *mlkem = attest_xwing_mlkem(ATTEST_MLKEM_SEED, x, ATTEST_MLKEM_SEED_LEN,
                                EVP_PKEY_KEYPAIR);
    *x25519 = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL,
                                           x + ATTEST_MLKEM_SEED_LEN,
                                           ATTEST_X25519_LEN);

    if (*mlkem == NULL || *x25519 == NULL
        || EVP_PKEY_get_octet_string_param(*mlkem, OSSL_PKEY_PARAM_PUB_KEY,
                                           pk, ATTEST_XWING_MLKEM_PK, &n) != 1
        || n != ATTEST_XWING_MLKEM_PK
        || EVP_PKEY_get_raw_public_key(*x25519, pk + ATTEST_XWING_MLKEM_PK,
                                       &len) != 1)
    {
        EVP_PKEY_free(*mlkem);
        EVP_PKEY_free(*x25519);
        *mlkem = NULL;
        *x25519 = NULL;
        rc = ATTEST_EINTERNAL;
    }

done:

    OPENSSL_cleanse(x, sizeof(x));
    ERR_pop_to_mark();

    return rc;
}


static int
attest_xwing_combine(const uint8_t ssm[ATTEST_XWING_SECRET],
    const uint8_t ssx[ATTEST_X25519_LEN],
    const uint8_t ctx[ATTEST_X25519_LEN],
    const uint8_t pkx[ATTEST_X25519_LEN], uint8_t secret[ATTEST_XWING_SECRET])
{
    int          rc = ATTEST_EINTERNAL;
    EVP_MD      *md;
    EVP_MD_CTX  *h;

    md = EVP_MD_fetch(NULL, "SHA3-256", NULL);
    h = EVP_MD_CTX_new();

    if (md != NULL && h != NULL
        && EVP_DigestInit_ex(h, md, NULL) == 1
        && EVP_DigestUpdate(h, ssm, ATTEST_XWING_SECRET) == 1
        && EVP_DigestUpdate(h, ssx, ATTEST_X25519_LEN) == 1
        && EVP_DigestUpdate(h, ctx, ATTEST_X25519_LEN) == 1
        && EVP_DigestUpdate(h, pkx, ATTEST_X25519_LEN) == 1
        && EVP_DigestUpdate(h, attest_xwing_label,
                            sizeof(attest_xwing_label)) == 1
        && EVP_DigestFinal_ex(h, secret, NULL) == 1)
    {
        rc = ATTEST_OK;
    }

    EVP_MD_CTX_free(h);
    EVP_MD_free(md);

    return rc;
}


int
attest_xwing_decap(EVP_PKEY *mlkem, const uint8_t ssx[ATTEST_X25519_LEN],
    const uint8_t enc[ATTEST_XWING_ENC], const uint8_t pk[ATTEST_XWING_PK],
    uint8_t secret[ATTEST_XWING_SECRET])
{
    int            rc = ATTEST_EINTERNAL;
    size_t         len = ATTEST_XWING_SECRET;
    uint8_t        ssm[ATTEST_XWING_SECRET];
    EVP_PKEY_CTX  *ctx;

    ERR_set_mark();

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mlkem, NULL);

    if (ctx != NULL
        && EVP_PKEY_decapsulate_init(ctx, NULL) == 1
        && EVP_PKEY_decapsulate(ctx, ssm, &len, enc,
                                ATTEST_XWING_MLKEM_CT) == 1
        && len == ATTEST_XWING_SECRET)
    {
        rc = attest_xwing_combine(ssm, ssx, enc + ATTEST_XWING_MLKEM_CT,
                                  pk + ATTEST_XWING_MLKEM_PK, secret);
    }

    OPENSSL_cleanse(ssm, sizeof(ssm));
    EVP_PKEY_CTX_free(ctx);
    ERR_pop_to_mark();

    return rc;
}


static int
attest_xwing_encap_mlkem(EVP_PKEY *pk, uint8_t *ct,
    uint8_t ssm[ATTEST_XWING_SECRET])
{
    int            rc = ATTEST_EINTERNAL;
    size_t         n = ATTEST_XWING_MLKEM_CT, len = ATTEST_XWING_SECRET;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pk, NULL);

    if (ctx != NULL
        && EVP_PKEY_encapsulate_init(ctx, NULL) == 1
        && EVP_PKEY_encapsulate(ctx, ct, &n, ssm, &len) == 1
        && n == ATTEST_XWING_MLKEM_CT && len == ATTEST_XWING_SECRET)
    {
        rc = ATTEST_OK;
    }

    EVP_PKEY_CTX_free(ctx);

    return rc;
}


static int
attest_xwing_encap_x25519(const uint8_t pk[ATTEST_X25519_LEN],
    uint8_t ct[ATTEST_X25519_LEN],
    uint8_t ssx[ATTEST_X25519_LEN])
{
    int            rc = ATTEST_EINTERNAL;
    size_t         n = ATTEST_X25519_LEN, len = ATTEST_X25519_LEN;
    EVP_PKEY      *own, *peer;
    EVP_PKEY_CTX  *ctx = NULL;

    own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pk,
                                       ATTEST_X25519_LEN);

    if (own == NULL || peer == NULL
        || EVP_PKEY_get_raw_public_key(own, ct, &n) != 1)
    {
        goto done;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1) {
        goto done;
    }

    rc = (EVP_PKEY_derive_set_peer(ctx, peer) == 1
          && EVP_PKEY_derive(ctx, ssx, &len) == 1)
         ? ATTEST_OK : ATTEST_ECRYPTO;

done:

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);

    return rc;
}


int
attest_xwing_encap(const uint8_t pk[ATTEST_XWING_PK],
    uint8_t enc[ATTEST_XWING_ENC], uint8_t secret[ATTEST_XWING_SECRET])
{
    int        rc;
    uint8_t    copy[ATTEST_XWING_MLKEM_PK];
    uint8_t    ssm[ATTEST_XWING_SECRET], ssx[ATTEST_X25519_LEN];
    EVP_PKEY  *mlkem;

    if (!attest_xwing_available()) {
        return ATTEST_EUNSUPPORTED;
    }

    ERR_set_mark();

    memcpy(copy, pk, sizeof(copy));
    mlkem = attest_xwing_mlkem(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy),
                               EVP_PKEY_PUBLIC_KEY);

    rc = mlkem != NULL ? attest_xwing_encap_mlkem(mlkem, enc, ssm)
                       : ATTEST_ECRYPTO;

    if (rc == ATTEST_OK) {
        rc = attest_xwing_encap_x25519(pk + ATTEST_XWING_MLKEM_PK,
                                       enc + ATTEST_XWING_MLKEM_CT, ssx);
    }

    if (rc == ATTEST_OK) {
        rc = attest_xwing_combine(ssm, ssx, enc + ATTEST_XWING_MLKEM_CT,
                                  pk + ATTEST_XWING_MLKEM_PK, secret);
    }

    OPENSSL_cleanse(ssm, sizeof(ssm));
    OPENSSL_cleanse(ssx, sizeof(ssx));
    EVP_PKEY_free(mlkem);
    ERR_pop_to_mark();

    return rc;
}
