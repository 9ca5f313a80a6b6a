/* SPDX-License-Identifier: Apache-2.0 */

/*
 * MakeCredential in software: a secret that only the TPM with this EK and
 * this AK can give back.
 */


#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "core/evidence/attest_tpm.h"
#include "core/evidence/attest_tpm_alg.h"
#include "core/base/attest_wire.h"


/*
 * TPM2_MakeCredential in software: part 1, section 24 (credential
 * protection), annexes B.10.4 (RSA seed) and C.6 (ECC seed), section 11.4.10
 * (KDFa, KDFe).  All sizes below are those of an EK with SHA-256 and AES-128.
 */

#define ATTEST_CRED_HASH          32
#define ATTEST_CRED_AES           16
#define ATTEST_CRED_COORD         32
#define ATTEST_CRED_RSA           256
#define ATTEST_CRED_IDENTITY      (2 + ATTEST_TPM_SECRET_LEN)
#define ATTEST_CRED_LEN                                                      \
    (2 + 2 + ATTEST_CRED_HASH + ATTEST_CRED_IDENTITY)
#define ATTEST_CRED_ENC_RSA       (2 + ATTEST_CRED_RSA)
#define ATTEST_CRED_ENC_ECC       (2 + 2 * (2 + ATTEST_CRED_COORD))


static int attest_tpm_cred_ek_check(const attest_tpm_public_t *ek, size_t *enc);
static int attest_tpm_cred_seed_rsa(EVP_PKEY *ek, uint8_t *seed, uint8_t *enc);
static int attest_tpm_cred_oaep(EVP_PKEY_CTX *ctx);
static int attest_tpm_cred_seed_ecc(EVP_PKEY *ek, uint8_t *seed, uint8_t *enc);
static int attest_tpm_cred_point(EVP_PKEY *key, uint8_t *x, uint8_t *y);
static int attest_tpm_cred_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z);
static int attest_tpm_cred_kdfe(const uint8_t *z, const uint8_t *party_u,
    const uint8_t *party_v, uint8_t *seed);
static int attest_tpm_cred_kdfa(const uint8_t *seed, attest_span_t label,
    attest_span_t context, uint16_t bits, uint8_t *out);
static int attest_tpm_cred_protect(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *secret, uint8_t *cred);
static int attest_tpm_cred_encrypt(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *secret, uint8_t *out);
static int attest_tpm_cred_hmac(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *identity, uint8_t *mac);


int
attest_tpm_make_credential(const attest_tpm_public_t *ek,
    const uint8_t ak_name[ATTEST_TPM_NAME_LEN],
    const uint8_t secret[ATTEST_TPM_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len)
{
    int      rc;
    size_t   cred_room = *cred_len, enc_room = *enc_len;
    uint8_t  seed[ATTEST_CRED_HASH];

    rc = attest_tpm_cred_ek_check(ek, enc_len);
    if (rc != ATTEST_OK) {
        return rc;
    }

    *cred_len = ATTEST_CRED_LEN;

    if (cred_room < *cred_len || enc_room < *enc_len) {
        return ATTEST_ENOSPACE;
    }

    if (ek->type == ATTEST_TPM_ALG_RSA) {
        rc = attest_tpm_cred_seed_rsa(ek->key, seed, enc);

    } else {
        rc = attest_tpm_cred_seed_ecc(ek->key, seed, enc);
    }

    if (rc == ATTEST_OK) {
        rc = attest_tpm_cred_protect(seed, ak_name, secret, cred);
    }

    OPENSSL_cleanse(seed, sizeof(seed));

    if (rc != ATTEST_OK) {
        OPENSSL_cleanse(cred, *cred_len);
        OPENSSL_cleanse(enc, *enc_len);
    }

    return rc;
}


/* A storage key that can only decrypt, with the sizes above. */

static int
attest_tpm_cred_ek_check(const attest_tpm_public_t *ek, size_t *enc)
{
    if (ek->key == NULL) {
        return ATTEST_EARG;
    }

    if (ek->name_alg != ATTEST_TPM_ALG_SHA256 || ek->sym_bits != 128) {
        return ATTEST_EUNSUPPORTED;
    }

    if ((ek->attributes & (ATTEST_TPM_RESTRICTED | ATTEST_TPM_DECRYPT
                           | ATTEST_TPM_SIGN))
        != (ATTEST_TPM_RESTRICTED | ATTEST_TPM_DECRYPT))
    {
        return ATTEST_ECRYPTO;
    }

    if (ek->type == ATTEST_TPM_ALG_RSA
        && EVP_PKEY_get_size(ek->key) == ATTEST_CRED_RSA)
    {
        *enc = ATTEST_CRED_ENC_RSA;
        return ATTEST_OK;
    }

    if (ek->type == ATTEST_TPM_ALG_ECC
        && ek->curve == ATTEST_TPM_CURVE_P256)
    {
        *enc = ATTEST_CRED_ENC_ECC;
        return ATTEST_OK;
    }

    return ATTEST_EUNSUPPORTED;
}


/* Annex B.10.4: a random seed under OAEP. */

static int
attest_tpm_cred_seed_rsa(EVP_PKEY *ek, uint8_t *seed, uint8_t *enc)
{
    int            rc = ATTEST_EINTERNAL;
    size_t         n = ATTEST_CRED_RSA;
    EVP_PKEY_CTX  *ctx;

    if (RAND_priv_bytes(seed, ATTEST_CRED_HASH) != 1) {
        return ATTEST_EINTERNAL;
    }

    ctx = EVP_PKEY_CTX_new(ek, NULL);
    if (ctx == NULL || attest_tpm_cred_oaep(ctx) != ATTEST_OK) {
        goto done;
    }

    enc = attest_wire_put_be16(enc, ATTEST_CRED_RSA);

    if (EVP_PKEY_encrypt(ctx, enc, &n, seed, ATTEST_CRED_HASH) != 1) {
        rc = ATTEST_ECRYPTO;
        goto done;
    }

    if (n == ATTEST_CRED_RSA) {
        rc = ATTEST_OK;
    }

done:

    EVP_PKEY_CTX_free(ctx);
    return rc;
}


static int
attest_tpm_cred_oaep(EVP_PKEY_CTX *ctx)
{
    uint8_t  *label;

    if (EVP_PKEY_encrypt_init(ctx) != 1
        || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1
        || EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) != 1
        || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    /* the label's terminating 0 is part of it (annex B.4) */

    label = OPENSSL_memdup("IDENTITY", sizeof("IDENTITY"));
    if (label == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, sizeof("IDENTITY"))
        != 1)
    {
        OPENSSL_free(label);
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


/* Annex C.6.4: ephemeral ECDH, one pass; the point is what is sent. */

static int
attest_tpm_cred_seed_ecc(EVP_PKEY *ek, uint8_t *seed, uint8_t *enc)
{
    int        rc = ATTEST_EINTERNAL;
    uint8_t    z[ATTEST_CRED_COORD], u[ATTEST_CRED_COORD];
    uint8_t    v[ATTEST_CRED_COORD], y[ATTEST_CRED_COORD];
    uint8_t   *p;
    EVP_PKEY  *own;

    own = EVP_EC_gen("P-256");
    if (own == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (attest_tpm_cred_point(ek, v, y) != ATTEST_OK
        || attest_tpm_cred_point(own, u, y) != ATTEST_OK)
    {
        goto done;
    }

    rc = attest_tpm_cred_ecdh(own, ek, z);
    if (rc != ATTEST_OK) {
        goto done;
    }

    p = attest_wire_put_be16(enc, ATTEST_CRED_ENC_ECC - 2);
    p = attest_wire_put_be16(p, sizeof(u));
    memcpy(p, u, sizeof(u));
    p = attest_wire_put_be16(p + sizeof(u), sizeof(y));
    memcpy(p, y, sizeof(y));

    rc = attest_tpm_cred_kdfe(z, u, v, seed);

done:

    OPENSSL_cleanse(z, sizeof(z));
    EVP_PKEY_free(own);
    return rc;
}


static int
attest_tpm_cred_point(EVP_PKEY *key, uint8_t *x, uint8_t *y)
{
    int      rc = ATTEST_EINTERNAL;
    BIGNUM  *bx = NULL, *by = NULL;

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1
        && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1
        && BN_bn2binpad(bx, x, ATTEST_CRED_COORD) == ATTEST_CRED_COORD
        && BN_bn2binpad(by, y, ATTEST_CRED_COORD) == ATTEST_CRED_COORD)
    {
        rc = ATTEST_OK;
    }

    BN_free(bx);
    BN_free(by);
    return rc;
}


static int
attest_tpm_cred_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z)
{
    int            rc = ATTEST_EINTERNAL;
    size_t         n = ATTEST_CRED_COORD;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new(own, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1) {
        goto done;
    }

    if (EVP_PKEY_derive_set_peer(ctx, peer) != 1
        || EVP_PKEY_derive(ctx, z, &n) != 1)
    {
        rc = ATTEST_ECRYPTO;
        goto done;
    }

    if (n == ATTEST_CRED_COORD) {
        rc = ATTEST_OK;
    }

done:

    EVP_PKEY_CTX_free(ctx);
    return rc;
}


/* KDFe: one block of SHA-256 is all the seed there is to make. */

static int
attest_tpm_cred_kdfe(const uint8_t *z, const uint8_t *party_u,
    const uint8_t *party_v, uint8_t *seed)
{
    static const uint8_t  counter[4] = { 0, 0, 0, 1 };
    attest_span_t         parts[] = {
        { counter, sizeof(counter) },
        { z, ATTEST_CRED_COORD },
        attest_span("IDENTITY", sizeof("IDENTITY")),
        { party_u, ATTEST_CRED_COORD },
        { party_v, ATTEST_CRED_COORD }
    };

    return attest_sha256(parts, sizeof(parts) / sizeof(parts[0]), seed);
}


/*
 * KDFa (SP 800-108 counter mode) of at most one block: out has room for 32
 * bytes.  `label` includes its terminating 0.
 */

static int
attest_tpm_cred_kdfa(const uint8_t *seed, attest_span_t label,
    attest_span_t context, uint16_t bits, uint8_t *out)
{
    uint8_t  msg[4 + 16 + ATTEST_TPM_NAME_LEN + 4] = { 0, 0, 0, 1 };
    uint8_t  *p = msg + 4;

    if (label.n > 16 || context.n > ATTEST_TPM_NAME_LEN) {
        return ATTEST_EARG;
    }

    memcpy(p, label.p, label.n);
    p += label.n;

    if (context.n != 0) {
        memcpy(p, context.p, context.n);
        p += context.n;
    }

    p = attest_wire_put_be16(p, 0);
    p = attest_wire_put_be16(p, bits);

    if (HMAC(EVP_sha256(), seed, ATTEST_CRED_HASH, msg, (size_t) (p - msg),
             out, NULL) == NULL)
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


/* TPM2B_ID_OBJECT { TPM2B integrityHMAC, encIdentity }, part 2, 12.4.3. */

static int
attest_tpm_cred_protect(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *secret, uint8_t *cred)
{
    int       rc;
    uint8_t  *mac, *identity;

    mac = attest_wire_put_be16(cred, ATTEST_CRED_LEN - 2);
    mac = attest_wire_put_be16(mac, ATTEST_CRED_HASH);
    identity = mac + ATTEST_CRED_HASH;

    rc = attest_tpm_cred_encrypt(seed, ak_name, secret, identity);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_tpm_cred_hmac(seed, ak_name, identity, mac);
}


/* encIdentity: CFB over TPM2B_DIGEST(secret), IV 0, key bound to the Name. */

static int
attest_tpm_cred_encrypt(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *secret, uint8_t *out)
{
    int              rc, n;
    uint8_t          key[ATTEST_CRED_HASH], clear[ATTEST_CRED_IDENTITY];
    attest_span_t    name = { ak_name, ATTEST_TPM_NAME_LEN };
    attest_span_t    label = attest_span("STORAGE", sizeof("STORAGE"));
    uint8_t          iv[ATTEST_CRED_AES] = { 0 };
    EVP_CIPHER_CTX  *ctx;

    rc = attest_tpm_cred_kdfa(seed, label, name, 8 * ATTEST_CRED_AES, key);
    if (rc != ATTEST_OK) {
        return rc;
    }

    memcpy(attest_wire_put_be16(clear, ATTEST_TPM_SECRET_LEN), secret,
           ATTEST_TPM_SECRET_LEN);

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL
        || EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv) != 1
        || EVP_EncryptUpdate(ctx, out, &n, clear, sizeof(clear)) != 1
        || n != (int) sizeof(clear))
    {
        rc = ATTEST_EINTERNAL;
    }

    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(clear, sizeof(clear));
    return rc;
}


static int
attest_tpm_cred_hmac(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *identity, uint8_t *mac)
{
    int            rc;
    uint8_t        key[ATTEST_CRED_HASH];
    uint8_t        msg[ATTEST_CRED_IDENTITY + ATTEST_TPM_NAME_LEN];
    attest_span_t  none = ATTEST_NO_SPAN;
    attest_span_t  label = attest_span("INTEGRITY", sizeof("INTEGRITY"));

    rc = attest_tpm_cred_kdfa(seed, label, none, 8 * ATTEST_CRED_HASH, key);
    if (rc != ATTEST_OK) {
        return rc;
    }

    memcpy(msg, identity, ATTEST_CRED_IDENTITY);
    memcpy(msg + ATTEST_CRED_IDENTITY, ak_name, ATTEST_TPM_NAME_LEN);

    if (HMAC(EVP_sha256(), key, sizeof(key), msg, sizeof(msg), mac, NULL)
        == NULL)
    {
        rc = ATTEST_EINTERNAL;
    }

    OPENSSL_cleanse(key, sizeof(key));
    return rc;
}
