/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key encapsulation of HPKE: X25519 and P-256 (RFC 9180 section 4.1), and
 * X-Wing of attest_xwing.c; what a key keeps for its many requests.
 */


#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "core/crypto/attest_kem.h"
#include "core/base/attest_wire.h"


static void attest_kem_labels(attest_labeled_t *l, attest_hmac_t *h,
    uint16_t kem);
static int attest_kem_candidate(attest_kem_key_t *key,
    const attest_labeled_t *l, const uint8_t prk[ATTEST_SHA256_LEN],
    unsigned counter);
static int attest_kem_import_x25519(attest_kem_key_t *key);
static int attest_kem_import_p256(attest_kem_key_t *key);
static int attest_kem_p256_public(attest_kem_key_t *key, BIGNUM *sk);
static int attest_kem_p256_keypair(attest_kem_key_t *key, const BIGNUM *sk);
static EVP_PKEY *attest_kem_p256_fromdata(OSSL_PARAM *params, int selection);
static EVP_PKEY *attest_kem_peer(uint16_t kem, const uint8_t *pk);
static EVP_PKEY *attest_kem_peer_again(const attest_kem_tools_t *t,
    uint16_t kem, const uint8_t *pk);
static int attest_kem_derive(EVP_PKEY_CTX *ctx, EVP_PKEY *peer,
    uint8_t dh[ATTEST_KEM_DH]);


/* suite_id inside the KEM, RFC 9180 section 4.1. */

static void
attest_kem_labels(attest_labeled_t *l, attest_hmac_t *h, uint16_t kem)
{
    l->hmac = h;
    memcpy(l->id, "KEM", 3);
    (void) attest_wire_put_be16(l->id + 3, kem);
    l->id_len = 5;
}


size_t
attest_kem_enc_len(uint16_t kem)
{
    switch (kem) {
    case ATTEST_KEM_X25519:
        return ATTEST_X25519_LEN;
    case ATTEST_KEM_P256:
        return ATTEST_KEM_P256_LEN;
    case ATTEST_KEM_XWING:
        return ATTEST_XWING_ENC;
    default:
        return 0;
    }
}


size_t
attest_kem_pk_len(uint16_t kem)
{
    return kem == ATTEST_KEM_XWING ? ATTEST_XWING_PK
                                   : attest_kem_enc_len(kem);
}


int
attest_kem_key_generate(attest_kem_key_t *key, uint16_t kem)
{
    int      rc;
    uint8_t  ikm[ATTEST_KEM_MAX_SK];

    memset(key, 0, sizeof(*key));

    if (RAND_priv_bytes(ikm, sizeof(ikm)) != 1) {
        return ATTEST_EINTERNAL;
    }

    /* all 32 bytes are a key of the others; of P-256 some are none */
    rc = kem == ATTEST_KEM_P256
         ? attest_kem_key_derive(key, kem, ikm, sizeof(ikm))
         : attest_kem_key_import(key, kem, ikm);
    OPENSSL_cleanse(ikm, sizeof(ikm));

    return rc;
}


int
attest_kem_key_derive(attest_kem_key_t *key, uint16_t kem,
    const uint8_t *ikm, size_t ikm_len)
{
    int               rc;
    uint8_t           prk[ATTEST_SHA256_LEN];
    unsigned          counter;
    attest_hmac_t     h;
    attest_labeled_t  l;

    memset(key, 0, sizeof(*key));

    if (attest_kem_enc_len(kem) == 0 || kem == ATTEST_KEM_XWING) {
        return ATTEST_EUNSUPPORTED;
    }

    if (ikm_len < ATTEST_KEM_MAX_SK) {
        return ATTEST_EARG;
    }

    rc = attest_hmac_init(&h, NULL, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    key->kem = kem;
    attest_kem_labels(&l, &h, kem);
    rc = attest_hkdf_labeled_extract(&l, ATTEST_NO_SPAN, "dkp_prk",
                                     attest_span(ikm, ikm_len), prk);

    /* P-256 draws again while the candidate is not below the order */
    for (counter = 0; rc == ATTEST_OK && counter < 256; counter++) {
        rc = attest_kem_candidate(key, &l, prk, counter);
        if (rc != ATTEST_EMISMATCH) {
            break;
        }

        rc = counter < 255 ? ATTEST_OK : ATTEST_ECRYPTO;
    }

    OPENSSL_cleanse(prk, sizeof(prk));
    attest_hmac_free(&h);

    return rc;
}


/* One round of DeriveKeyPair; ATTEST_EMISMATCH asks for the next one. */

static int
attest_kem_candidate(attest_kem_key_t *key, const attest_labeled_t *l,
    const uint8_t prk[ATTEST_SHA256_LEN], unsigned counter)
{
    int       rc;
    uint8_t   sk[ATTEST_KEM_MAX_SK], c = (uint8_t) counter;
    uint16_t  kem = key->kem;

    if (kem == ATTEST_KEM_X25519) {
        rc = attest_hkdf_labeled_expand(l, prk, "sk", ATTEST_NO_SPAN, sk,
                                        sizeof(sk));
    } else {
        rc = attest_hkdf_labeled_expand(l, prk, "candidate", attest_span(&c, 1),
                                        sk, sizeof(sk));
    }

    if (rc == ATTEST_OK) {
        rc = attest_kem_key_import(key, kem, sk);

        if (rc == ATTEST_ECRYPTO) {
            key->kem = kem;
            rc = ATTEST_EMISMATCH;
        }
    }

    OPENSSL_cleanse(sk, sizeof(sk));

    return rc;
}


int
attest_kem_key_import(attest_kem_key_t *key, uint16_t kem,
    const uint8_t sk[ATTEST_KEM_MAX_SK])
{
    int  rc;

    /* sk first: it may be key->sk of a copied structure */
    memmove(key->sk, sk, sizeof(key->sk));
    memset(key->pk, 0, sizeof(key->pk));
    key->kem = kem;
    key->pk_len = attest_kem_pk_len(kem);
    key->pkey = NULL;
    key->mlkem = NULL;
    key->tools = NULL;

    if (key->pk_len == 0) {
        attest_kem_key_clear(key);
        return ATTEST_EUNSUPPORTED;
    }

    ERR_set_mark();

    switch (kem) {
    case ATTEST_KEM_X25519:
        rc = attest_kem_import_x25519(key);
        break;
    case ATTEST_KEM_P256:
        rc = attest_kem_import_p256(key);
        break;
    default: /* ATTEST_KEM_XWING */
        rc = attest_xwing_keypair(key->sk, &key->mlkem, &key->pkey, key->pk);
    }

    ERR_pop_to_mark();

    if (rc != ATTEST_OK) {
        attest_kem_key_clear(key);
    }

    return rc;
}


/* OpenSSL clamps the scalar where it is used (RFC 7748 section 5). */

static int
attest_kem_import_x25519(attest_kem_key_t *key)
{
    size_t  len = key->pk_len;

    key->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key->sk,
                                             sizeof(key->sk));
    if (key->pkey == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_PKEY_get_raw_public_key(key->pkey, key->pk, &len) != 1
        || len != key->pk_len)
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


static int
attest_kem_import_p256(attest_kem_key_t *key)
{
    int      rc;
    BIGNUM  *sk;

    sk = BN_new();
    if (sk == NULL) {
        return ATTEST_EINTERNAL;
    }

    BN_set_flags(sk, BN_FLG_CONSTTIME);

    if (BN_bin2bn(key->sk, sizeof(key->sk), sk) == NULL) {
        rc = ATTEST_EINTERNAL;

    } else {
        rc = attest_kem_p256_public(key, sk);
    }

    if (rc == ATTEST_OK) {
        rc = attest_kem_p256_keypair(key, sk);
    }

    BN_clear_free(sk);

    return rc;
}


/* ATTEST_ECRYPTO unless 0 < sk < order. */

static int
attest_kem_p256_public(attest_kem_key_t *key, BIGNUM *sk)
{
    int        rc = ATTEST_EINTERNAL;
    EC_GROUP  *group;
    EC_POINT  *point = NULL;

    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    if (group == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (BN_is_zero(sk) || BN_cmp(sk, EC_GROUP_get0_order(group)) >= 0) {
        rc = ATTEST_ECRYPTO;
        goto done;
    }

    point = EC_POINT_new(group);
    if (point == NULL
        || EC_POINT_mul(group, point, sk, NULL, NULL, NULL) != 1)
    {
        goto done;
    }

    if (EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
                           key->pk, sizeof(key->pk), NULL)
        == key->pk_len)
    {
        rc = ATTEST_OK;
    }

done:

    EC_POINT_free(point);
    EC_GROUP_free(group);

    return rc;
}


static int
attest_kem_p256_keypair(attest_kem_key_t *key, const BIGNUM *sk)
{
    char        group[] = "P-256";
    uint8_t     native[ATTEST_KEM_MAX_SK];
    OSSL_PARAM  params[4];

    if (BN_bn2nativepad(sk, native, sizeof(native)) != sizeof(native)) {
        return ATTEST_EINTERNAL;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  key->pk, key->pk_len);
    params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native,
                                        sizeof(native));
    params[3] = OSSL_PARAM_construct_end();

    key->pkey = attest_kem_p256_fromdata(params, EVP_PKEY_KEYPAIR);
    OPENSSL_cleanse(native, sizeof(native));

    return key->pkey != NULL ? ATTEST_OK : ATTEST_EINTERNAL;
}


static EVP_PKEY *
attest_kem_p256_fromdata(OSSL_PARAM *params, int selection)
{
    EVP_PKEY      *pkey = NULL;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL) {
        return NULL;
    }

    if (EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


void
attest_kem_key_clear(attest_kem_key_t *key)
{
    attest_kem_tools_free(key->tools);
    EVP_PKEY_free(key->pkey);
    EVP_PKEY_free(key->mlkem);
    OPENSSL_cleanse(key, sizeof(*key));
}


int
attest_kem_key_prepare(attest_kem_key_t *key)
{
    attest_kem_tools_t  *t;

    if (key->pkey == NULL) {
        return ATTEST_EARG;
    }

    if (key->tools != NULL) {
        return ATTEST_OK;
    }

    t = attest_kem_tools_new();
    if (t == NULL) {
        return ATTEST_EINTERNAL;
    }

    t->derive = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

    if (t->derive == NULL || EVP_PKEY_derive_init(t->derive) != 1) {
        attest_kem_tools_free(t);
        return ATTEST_EINTERNAL;
    }

    key->tools = t;

    return ATTEST_OK;
}


attest_kem_tools_t *
attest_kem_tools_new(void)
{
    size_t                i;
    attest_kem_tools_t   *t;

    /* any point will do, as another one takes its place each time */
    static const uint8_t  point[ATTEST_X25519_LEN] = { 9 };

    t = OPENSSL_zalloc(sizeof(attest_kem_tools_t));
    if (t == NULL) {
        return NULL;
    }

    t->md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    t->digest = EVP_MD_CTX_new();
    t->peer = attest_kem_peer(ATTEST_KEM_X25519, point);

    for (i = 0; i < ATTEST_AEADS; i++) {
        t->aead[i] = attest_aead_fetch((uint16_t) (i + 1));
        if (t->aead[i] == NULL) {
            goto failed;
        }
    }

    if (t->md != NULL && t->digest != NULL && t->peer != NULL) {
        return t;
    }

failed:

    attest_kem_tools_free(t);

    return NULL;
}


void
attest_kem_tools_free(attest_kem_tools_t *t)
{
    size_t  i;

    if (t == NULL) {
        return;
    }

    for (i = 0; i < ATTEST_AEADS; i++) {
        EVP_CIPHER_free(t->aead[i]);
    }

    EVP_PKEY_free(t->peer);
    EVP_PKEY_CTX_free(t->derive);
    EVP_MD_CTX_free(t->digest);
    EVP_MD_free(t->md);
    OPENSSL_clear_free(t, sizeof(attest_kem_tools_t));
}


/* The other side's public key; NULL when it is none.  Length is checked. */

static EVP_PKEY *
attest_kem_peer(uint16_t kem, const uint8_t *pk)
{
    char        group[] = "P-256";
    uint8_t     point[ATTEST_KEM_P256_LEN];
    OSSL_PARAM  params[3];

    if (kem == ATTEST_KEM_X25519) {
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pk,
                                           ATTEST_X25519_LEN);
    }

    /*
     * SerializePublicKey is the uncompressed form only (RFC 9180 section
     * 7.1.1); OpenSSL would also take the hybrid forms 06 and 07.
     */
    if (pk[0] != 0x04) {
        return NULL;
    }

    memcpy(point, pk, sizeof(point));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, sizeof(point));
    params[2] = OSSL_PARAM_construct_end();

    return attest_kem_p256_fromdata(params, EVP_PKEY_PUBLIC_KEY);
}


/*
 * A new one; or a reference to the peer of the tools, which holds another
 * public key now.
 */

static EVP_PKEY *
attest_kem_peer_again(const attest_kem_tools_t *t, uint16_t kem,
    const uint8_t *pk)
{
    if (t == NULL || kem == ATTEST_KEM_P256) {
        return attest_kem_peer(kem, pk);
    }

    if (EVP_PKEY_set1_encoded_public_key(t->peer, pk, ATTEST_X25519_LEN) != 1
        || EVP_PKEY_up_ref(t->peer) != 1)
    {
        return NULL;
    }

    return t->peer;
}


/*
 * DH of the KEM.  OpenSSL refuses an all-zero X25519 result (RFC 9180 section
 * 7.1.4) and a P-256 point that is not on the curve; the cofactor of P-256 is
 * 1, so that is all of the validation of section 7.1.4, and the costly check
 * of the order that set_peer would repeat is left out.
 */

int
attest_kem_dh(const attest_kem_key_t *key, const uint8_t *pk,
    size_t pk_len, uint8_t dh[ATTEST_KEM_DH])
{
    int            rc = ATTEST_ECRYPTO;
    EVP_PKEY      *peer;
    EVP_PKEY_CTX  *ctx = NULL;

    if (pk_len != (key->kem == ATTEST_KEM_P256 ? ATTEST_KEM_P256_LEN
                                               : ATTEST_X25519_LEN))
    {
        return ATTEST_ECRYPTO;
    }

    /* the caller's OpenSSL error queue stays as it was */
    ERR_set_mark();

    /* the X25519 part of X-Wing */
    peer = attest_kem_peer_again(key->tools,
                                 key->kem == ATTEST_KEM_P256
                                 ? ATTEST_KEM_P256 : ATTEST_KEM_X25519, pk);
    if (peer == NULL) {
        goto done;
    }

    if (key->tools != NULL && key->tools->derive != NULL) {
        rc = attest_kem_derive(key->tools->derive, peer, dh);
        goto done;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1) {
        rc = ATTEST_EINTERNAL;
        goto done;
    }

    rc = attest_kem_derive(ctx, peer, dh);

done:

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    ERR_pop_to_mark();

    return rc;
}


static int
attest_kem_derive(EVP_PKEY_CTX *ctx, EVP_PKEY *peer, uint8_t dh[ATTEST_KEM_DH])
{
    size_t  len = ATTEST_KEM_DH;

    if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1
        && EVP_PKEY_derive(ctx, dh, &len) == 1
        && len == ATTEST_KEM_DH)
    {
        return ATTEST_OK;
    }

    return ATTEST_ECRYPTO;
}


/* ExtractAndExpand, RFC 9180 section 4.1; base mode: enc || pkR. */

int
attest_kem_shared(attest_hmac_t *h, uint16_t kem,
    const uint8_t dh[ATTEST_KEM_DH],
    const uint8_t *enc, const uint8_t *pk, uint8_t shared[ATTEST_KEM_SECRET])
{
    int               rc;
    size_t            len = attest_kem_enc_len(kem);
    uint8_t           prk[ATTEST_SHA256_LEN];
    uint8_t           context[2 * ATTEST_KEM_P256_LEN];
    attest_labeled_t  l;

    if (kem == ATTEST_KEM_XWING) {
        /* its own combiner has done that */
        memcpy(shared, dh, ATTEST_KEM_SECRET);
        return ATTEST_OK;
    }

    memcpy(context, enc, len);
    memcpy(context + len, pk, len);

    attest_kem_labels(&l, h, kem);

    rc = attest_hkdf_labeled_extract(&l, ATTEST_NO_SPAN, "eae_prk",
                                     attest_span(dh, ATTEST_KEM_DH), prk);
    if (rc == ATTEST_OK) {
        rc = attest_hkdf_labeled_expand(&l, prk, "shared_secret",
                                        attest_span(context, 2 * len), shared,
                                        ATTEST_KEM_SECRET);
    }

    OPENSSL_cleanse(prk, sizeof(prk));

    return rc;
}


int
attest_kem_decap_xwing(const attest_kem_key_t *key, const uint8_t *enc,
    size_t enc_len, uint8_t secret[ATTEST_KEM_SECRET])
{
    int      rc;
    uint8_t  ssx[ATTEST_X25519_LEN];

    if (enc_len != ATTEST_XWING_ENC) {
        return ATTEST_ECRYPTO;
    }

    rc = attest_kem_dh(key, enc + ATTEST_XWING_MLKEM_CT,
                       ATTEST_X25519_LEN, ssx);
    if (rc == ATTEST_OK) {
        rc = attest_xwing_decap(key->mlkem, ssx, enc, key->pk, secret);
    }

    OPENSSL_cleanse(ssx, sizeof(ssx));

    return rc;
}
