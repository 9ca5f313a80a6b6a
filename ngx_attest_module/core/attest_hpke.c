
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "attest_hpke.h"


#define ATTEST_HMAC_BLOCK       64                 /* of SHA-256 */
#define ATTEST_HKDF_MAX         (255 * ATTEST_HPKE_NH)
#define ATTEST_HPKE_MAX_PARTS   5
#define ATTEST_HPKE_KSC_LEN     (1 + 2 * ATTEST_HPKE_NH)

/* EVP takes lengths as int: longer input goes in by pieces of this size. */
#define ATTEST_EVP_PIECE        ((size_t) 1 << 30)

/* Plaintext that is not kept, by pieces of this size. */
#define ATTEST_HPKE_PROBE  4096

/* Contexts that a key remembers: three AEADs, two forms of OHTTP, EHBP. */
#define ATTEST_HPKE_KSC_KEPT    8
#define ATTEST_HPKE_KSC_INFO    64                 /* longer: not kept */

#define ATTEST_HPKE_AEADS       3                  /* identifiers from 1 */

#define ATTEST_NO_SPAN          ((attest_span_t) { NULL, 0 })


/*
 * One digest and one digest context serve all HMACs of an operation: a fetch
 * and an allocation per HMAC would cost more than the HMAC.
 */

typedef struct {
    EVP_MD         *md;
    EVP_MD_CTX     *ctx;
    unsigned        borrowed:1;
} attest_hmac_t;


/* Key schedule contexts hold nothing of a request: RFC 9180 section 5.1. */

typedef struct {
    attest_hpke_suite_t   suite;
    uint8_t               info[ATTEST_HPKE_KSC_INFO];
    size_t                info_len;
    uint8_t               ksc[ATTEST_HPKE_KSC_LEN];
} attest_hpke_ksc_t;


/* What every request to a key needs again, and would cost as much as it. */

struct attest_hpke_tools_s {
    EVP_MD               *md;
    EVP_MD_CTX           *digest;
    EVP_CIPHER           *aead[ATTEST_HPKE_AEADS];
    EVP_PKEY_CTX         *derive;              /* of the key */
    EVP_PKEY             *peer;                /* X25519, set anew each time */
    attest_hpke_ksc_t     ksc[ATTEST_HPKE_KSC_KEPT];
    size_t                kept;
};


/* Labels of one suite: LabeledExtract and LabeledExpand, RFC 9180 section 4. */

typedef struct {
    attest_hmac_t  *hmac;
    uint8_t         id[10];
    size_t          id_len;
} attest_labeled_t;


static attest_span_t attest_span(const void *p, size_t n);
static int attest_hmac_init(attest_hmac_t *h,
    const attest_hpke_tools_t *tools);
static void attest_hmac_free(attest_hmac_t *h);
static int attest_hmac_digest(attest_hmac_t *h, const uint8_t *pad,
    const attest_span_t *parts, size_t count, uint8_t out[ATTEST_HPKE_NH]);
static int attest_hmac(attest_hmac_t *h, attest_span_t key,
    const attest_span_t *parts, size_t count, uint8_t out[ATTEST_HPKE_NH]);
static int attest_hkdf_expand_parts(attest_hmac_t *h,
    const uint8_t prk[ATTEST_HPKE_NH], const attest_span_t *parts,
    size_t count, uint8_t *out, size_t len);

static void attest_labeled_kem(attest_labeled_t *l, attest_hmac_t *h,
    uint16_t kem);
static void attest_labeled_suite(attest_labeled_t *l, attest_hmac_t *h,
    const attest_hpke_suite_t *suite);
static int attest_labeled_extract(const attest_labeled_t *l,
    attest_span_t salt, const char *label, attest_span_t ikm,
    uint8_t prk[ATTEST_HPKE_NH]);
static int attest_labeled_expand(const attest_labeled_t *l,
    const uint8_t prk[ATTEST_HPKE_NH], const char *label, attest_span_t info,
    uint8_t *out, size_t len);

static int attest_hpke_candidate(attest_hpke_key_t *key,
    const attest_labeled_t *l, const uint8_t prk[ATTEST_HPKE_NH],
    unsigned counter);
static int attest_hpke_import_x25519(attest_hpke_key_t *key);
static int attest_hpke_import_p256(attest_hpke_key_t *key);
static int attest_hpke_p256_public(attest_hpke_key_t *key, BIGNUM *sk);
static int attest_hpke_p256_keypair(attest_hpke_key_t *key, const BIGNUM *sk);
static EVP_PKEY *attest_hpke_p256_fromdata(OSSL_PARAM *params, int selection);
static void attest_hpke_tools_free(attest_hpke_tools_t *t);
static EVP_PKEY *attest_hpke_peer(uint16_t kem, const uint8_t *pk);
static EVP_PKEY *attest_hpke_peer_again(const attest_hpke_tools_t *t,
    const uint8_t *pk);
static int attest_hpke_derive(EVP_PKEY_CTX *ctx, EVP_PKEY *peer,
    uint8_t dh[32]);
static int attest_hpke_dh(const attest_hpke_key_t *key, const uint8_t *pk,
    size_t pk_len, uint8_t dh[32]);
static int attest_hpke_shared(attest_hmac_t *h, uint16_t kem,
    const uint8_t dh[32], const uint8_t *enc, const uint8_t *pk,
    uint8_t shared[32]);
static int attest_hpke_schedule(attest_hpke_ctx_t *ctx, attest_hmac_t *h,
    const uint8_t shared[32], attest_span_t info);
static int attest_hpke_schedule_keys(attest_hpke_ctx_t *ctx,
    const attest_labeled_t *l, const uint8_t secret[ATTEST_HPKE_NH],
    attest_span_t ksc);
static int attest_hpke_ksc(const attest_labeled_t *l, attest_span_t info,
    uint8_t ksc[ATTEST_HPKE_KSC_LEN]);
static const uint8_t *attest_hpke_ksc_find(const attest_hpke_tools_t *t,
    const attest_hpke_suite_t *suite, attest_span_t info);
static void attest_hpke_ksc_keep(attest_hpke_tools_t *t,
    const attest_hpke_suite_t *suite, attest_span_t info,
    const uint8_t ksc[ATTEST_HPKE_KSC_LEN]);
static int attest_hpke_establish(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t dh[32],
    const uint8_t *enc, const uint8_t *pk, attest_span_t info, int seal);
static int attest_hpke_encap(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk,
    const attest_hpke_key_t *ephemeral, attest_span_t info,
    uint8_t *enc_out);
static int attest_hpke_decap_xwing(const attest_hpke_key_t *key,
    const uint8_t *enc, size_t enc_len, uint8_t secret[32]);
static int attest_hpke_encap_xwing(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk, attest_span_t info,
    uint8_t *enc_out);
static int attest_hpke_suite_known(const attest_hpke_suite_t *suite);

static int attest_hpke_response_secret(attest_hmac_t *h,
    const attest_hpke_ctx_t *ctx, attest_span_t label, size_t len,
    attest_span_t salt, uint8_t prk[ATTEST_HPKE_NH]);
static int attest_hpke_response_keys(attest_hmac_t *h, attest_aead_t *a,
    const attest_hpke_ctx_t *ctx, const uint8_t prk[ATTEST_HPKE_NH],
    int seal);

static const char *attest_aead_name(uint16_t aead);
static EVP_CIPHER_CTX *attest_aead_cipher(const attest_hpke_tools_t *tools,
    uint16_t aead, const uint8_t *key, int seal);
static int attest_aead_start(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_HPKE_NN], uint64_t seq, attest_span_t aad);
static int attest_aead_update(EVP_CIPHER_CTX *c, const uint8_t *in, size_t n,
    uint8_t *out);
static int attest_aead_seal_raw(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_HPKE_NN], uint64_t *seq, attest_span_t aad,
    attest_span_t pt, uint8_t *ct);
static int attest_aead_open_raw(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_HPKE_NN], uint64_t *seq, attest_span_t aad,
    attest_span_t ct, uint8_t *pt);
static int attest_aead_tag(EVP_CIPHER_CTX *c, const uint8_t *p);
static int attest_aead_check(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_HPKE_NN], uint64_t seq, attest_span_t aad,
    attest_span_t ct, uint8_t *pt);


static attest_span_t
attest_span(const void *p, size_t n)
{
    attest_span_t  s;

    s.p = p;
    s.n = n;

    return s;
}


static int
attest_hmac_init(attest_hmac_t *h, const attest_hpke_tools_t *tools)
{
    h->borrowed = tools != NULL;

    if (tools != NULL) {
        h->md = tools->md;
        h->ctx = tools->digest;
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


static void
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
    const attest_span_t *parts, size_t count, uint8_t out[ATTEST_HPKE_NH])
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

static int
attest_hmac(attest_hmac_t *h, attest_span_t key, const attest_span_t *parts,
    size_t count, uint8_t out[ATTEST_HPKE_NH])
{
    int            rc = ATTEST_OK;
    size_t         i;
    uint8_t        pad[ATTEST_HMAC_BLOCK], inner[ATTEST_HPKE_NH];
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


/* HKDF-Expand over the concatenation of the parts, RFC 5869 section 2.3. */

static int
attest_hkdf_expand_parts(attest_hmac_t *h, const uint8_t prk[ATTEST_HPKE_NH],
    const attest_span_t *parts, size_t count, uint8_t *out, size_t len)
{
    int            rc = ATTEST_OK;
    size_t         i, n, done;
    uint8_t        t[ATTEST_HPKE_NH], counter = 0;
    attest_span_t  in[ATTEST_HPKE_MAX_PARTS + 2];

    if (len > ATTEST_HKDF_MAX || count > ATTEST_HPKE_MAX_PARTS) {
        return ATTEST_EARG;
    }

    in[0] = ATTEST_NO_SPAN;
    for (i = 0; i < count; i++) {
        in[i + 1] = parts[i];
    }
    in[count + 1] = attest_span(&counter, 1);

    for (done = 0; done < len; done += n) {
        counter++;
        rc = attest_hmac(h, attest_span(prk, ATTEST_HPKE_NH), in, count + 2,
                         t);
        if (rc != ATTEST_OK) {
            OPENSSL_cleanse(out, len);
            break;
        }

        n = len - done < sizeof(t) ? len - done : sizeof(t);
        memcpy(out + done, t, n);
        in[0] = attest_span(t, sizeof(t));
    }

    OPENSSL_cleanse(t, sizeof(t));

    return rc;
}


int
attest_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *ikm,
    size_t ikm_len, uint8_t prk[32])
{
    int            rc;
    attest_span_t  in;
    attest_hmac_t  h;

    rc = attest_hmac_init(&h, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /*
     * A missing salt is HashLen zeros (RFC 5869 section 2.2); HMAC pads a
     * short key with zeros, so an empty key is the same.
     */
    in = attest_span(ikm, ikm_len);
    rc = attest_hmac(&h, attest_span(salt, salt_len), &in, 1, prk);

    attest_hmac_free(&h);

    return rc;
}


int
attest_hkdf_expand(const uint8_t prk[32], const uint8_t *info,
    size_t info_len, uint8_t *out, size_t len)
{
    int            rc;
    attest_span_t  in;
    attest_hmac_t  h;

    rc = attest_hmac_init(&h, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    in = attest_span(info, info_len);
    rc = attest_hkdf_expand_parts(&h, prk, &in, 1, out, len);

    attest_hmac_free(&h);

    return rc;
}


/* suite_id inside the KEM, RFC 9180 section 4.1. */

static void
attest_labeled_kem(attest_labeled_t *l, attest_hmac_t *h, uint16_t kem)
{
    l->hmac = h;
    memcpy(l->id, "KEM", 3);
    l->id[3] = (uint8_t) (kem >> 8);
    l->id[4] = (uint8_t) kem;
    l->id_len = 5;
}


/* suite_id elsewhere, RFC 9180 section 5.1. */

static void
attest_labeled_suite(attest_labeled_t *l, attest_hmac_t *h,
    const attest_hpke_suite_t *suite)
{
    l->hmac = h;
    memcpy(l->id, "HPKE", 4);
    l->id[4] = (uint8_t) (suite->kem >> 8);
    l->id[5] = (uint8_t) suite->kem;
    l->id[6] = (uint8_t) (suite->kdf >> 8);
    l->id[7] = (uint8_t) suite->kdf;
    l->id[8] = (uint8_t) (suite->aead >> 8);
    l->id[9] = (uint8_t) suite->aead;
    l->id_len = 10;
}


static int
attest_labeled_extract(const attest_labeled_t *l, attest_span_t salt,
    const char *label, attest_span_t ikm, uint8_t prk[ATTEST_HPKE_NH])
{
    attest_span_t  in[4];

    in[0] = attest_span("HPKE-v1", 7);
    in[1] = attest_span(l->id, l->id_len);
    in[2] = attest_span(label, strlen(label));
    in[3] = ikm;

    return attest_hmac(l->hmac, salt, in, 4, prk);
}


static int
attest_labeled_expand(const attest_labeled_t *l,
    const uint8_t prk[ATTEST_HPKE_NH], const char *label, attest_span_t info,
    uint8_t *out, size_t len)
{
    uint8_t        size[2];
    attest_span_t  in[ATTEST_HPKE_MAX_PARTS];

    if (len > ATTEST_HKDF_MAX) {
        return ATTEST_EARG;
    }

    size[0] = (uint8_t) (len >> 8);
    size[1] = (uint8_t) len;

    in[0] = attest_span(size, sizeof(size));
    in[1] = attest_span("HPKE-v1", 7);
    in[2] = attest_span(l->id, l->id_len);
    in[3] = attest_span(label, strlen(label));
    in[4] = info;

    return attest_hkdf_expand_parts(l->hmac, prk, in, 5, out, len);
}


size_t
attest_hpke_enc_len(uint16_t kem)
{
    switch (kem) {
    case ATTEST_KEM_X25519:
        return 32;
    case ATTEST_KEM_P256:
        return 65;
    case ATTEST_KEM_XWING:
        return ATTEST_XWING_ENC;
    default:
        return 0;
    }
}


size_t
attest_hpke_pk_len(uint16_t kem)
{
    return kem == ATTEST_KEM_XWING ? ATTEST_XWING_PK
                                   : attest_hpke_enc_len(kem);
}


size_t
attest_hpke_aead_key_len(uint16_t aead)
{
    switch (aead) {
    case ATTEST_AEAD_AES_128_GCM:
        return 16;
    case ATTEST_AEAD_AES_256_GCM:
    case ATTEST_AEAD_CHACHA20:
        return 32;
    default:
        return 0;
    }
}


int
attest_hpke_key_generate(attest_hpke_key_t *key, uint16_t kem)
{
    int      rc;
    uint8_t  ikm[ATTEST_HPKE_MAX_SK];

    memset(key, 0, sizeof(*key));

    if (RAND_priv_bytes(ikm, sizeof(ikm)) != 1) {
        return ATTEST_EINTERNAL;
    }

    /* GenerateKeyPair in terms of DeriveKeyPair, RFC 9180 section 4. */
    rc = kem == ATTEST_KEM_XWING
         ? attest_hpke_key_import(key, kem, ikm)
         : attest_hpke_key_derive(key, kem, ikm, sizeof(ikm));
    OPENSSL_cleanse(ikm, sizeof(ikm));

    return rc;
}


int
attest_hpke_key_derive(attest_hpke_key_t *key, uint16_t kem,
    const uint8_t *ikm, size_t ikm_len)
{
    int               rc;
    uint8_t           prk[ATTEST_HPKE_NH];
    unsigned          counter;
    attest_hmac_t     h;
    attest_labeled_t  l;

    memset(key, 0, sizeof(*key));

    if (attest_hpke_enc_len(kem) == 0 || kem == ATTEST_KEM_XWING) {
        return ATTEST_EUNSUPPORTED;
    }

    if (ikm_len < ATTEST_HPKE_MAX_SK) {
        return ATTEST_EARG;
    }

    rc = attest_hmac_init(&h, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    key->kem = kem;
    attest_labeled_kem(&l, &h, kem);
    rc = attest_labeled_extract(&l, ATTEST_NO_SPAN, "dkp_prk",
                                attest_span(ikm, ikm_len), prk);

    /* P-256 draws again while the candidate is not below the order */
    for (counter = 0; rc == ATTEST_OK && counter < 256; counter++) {
        rc = attest_hpke_candidate(key, &l, prk, counter);
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
attest_hpke_candidate(attest_hpke_key_t *key, const attest_labeled_t *l,
    const uint8_t prk[ATTEST_HPKE_NH], unsigned counter)
{
    int       rc;
    uint8_t   sk[ATTEST_HPKE_MAX_SK], c = (uint8_t) counter;
    uint16_t  kem = key->kem;

    if (kem == ATTEST_KEM_X25519) {
        rc = attest_labeled_expand(l, prk, "sk", ATTEST_NO_SPAN, sk,
                                   sizeof(sk));
    } else {
        rc = attest_labeled_expand(l, prk, "candidate", attest_span(&c, 1),
                                   sk, sizeof(sk));
    }

    if (rc == ATTEST_OK) {
        rc = attest_hpke_key_import(key, kem, sk);

        if (rc == ATTEST_ECRYPTO) {
            key->kem = kem;
            rc = ATTEST_EMISMATCH;
        }
    }

    OPENSSL_cleanse(sk, sizeof(sk));

    return rc;
}


int
attest_hpke_key_import(attest_hpke_key_t *key, uint16_t kem,
    const uint8_t sk[32])
{
    int  rc;

    /* sk first: it may be key->sk of a copied structure */
    memmove(key->sk, sk, sizeof(key->sk));
    memset(key->pk, 0, sizeof(key->pk));
    key->kem = kem;
    key->pk_len = attest_hpke_pk_len(kem);
    key->pkey = NULL;
    key->mlkem = NULL;
    key->tools = NULL;

    if (key->pk_len == 0) {
        attest_hpke_key_clear(key);
        return ATTEST_EUNSUPPORTED;
    }

    ERR_set_mark();

    switch (kem) {
    case ATTEST_KEM_X25519:
        rc = attest_hpke_import_x25519(key);
        break;
    case ATTEST_KEM_P256:
        rc = attest_hpke_import_p256(key);
        break;
    default: /* ATTEST_KEM_XWING */
        rc = attest_xwing_keypair(key->sk, &key->mlkem, &key->pkey, key->pk);
    }

    ERR_pop_to_mark();

    if (rc != ATTEST_OK) {
        attest_hpke_key_clear(key);
    }

    return rc;
}


/* OpenSSL clamps the scalar where it is used (RFC 7748 section 5). */

static int
attest_hpke_import_x25519(attest_hpke_key_t *key)
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
attest_hpke_import_p256(attest_hpke_key_t *key)
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
        rc = attest_hpke_p256_public(key, sk);
    }

    if (rc == ATTEST_OK) {
        rc = attest_hpke_p256_keypair(key, sk);
    }

    BN_clear_free(sk);

    return rc;
}


/* ATTEST_ECRYPTO unless 0 < sk < order. */

static int
attest_hpke_p256_public(attest_hpke_key_t *key, BIGNUM *sk)
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
attest_hpke_p256_keypair(attest_hpke_key_t *key, const BIGNUM *sk)
{
    char        group[] = "P-256";
    uint8_t     native[32];
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

    key->pkey = attest_hpke_p256_fromdata(params, EVP_PKEY_KEYPAIR);
    OPENSSL_cleanse(native, sizeof(native));

    return key->pkey != NULL ? ATTEST_OK : ATTEST_EINTERNAL;
}


static EVP_PKEY *
attest_hpke_p256_fromdata(OSSL_PARAM *params, int selection)
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
attest_hpke_key_clear(attest_hpke_key_t *key)
{
    attest_hpke_tools_free(key->tools);
    EVP_PKEY_free(key->pkey);
    EVP_PKEY_free(key->mlkem);
    OPENSSL_cleanse(key, sizeof(*key));
}


int
attest_hpke_key_prepare(attest_hpke_key_t *key)
{
    size_t                i;
    attest_hpke_tools_t  *t;

    if (key->pkey == NULL) {
        return ATTEST_EARG;
    }

    if (key->tools != NULL) {
        return ATTEST_OK;
    }

    t = OPENSSL_zalloc(sizeof(attest_hpke_tools_t));
    if (t == NULL) {
        return ATTEST_EINTERNAL;
    }

    t->md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    t->digest = EVP_MD_CTX_new();
    t->derive = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

    if (key->kem != ATTEST_KEM_P256) {
        /* the X25519 part of both is at the end */
        t->peer = attest_hpke_peer(ATTEST_KEM_X25519,
                                   key->pk + key->pk_len - 32);
    }

    for (i = 0; i < ATTEST_HPKE_AEADS; i++) {
        t->aead[i] = EVP_CIPHER_fetch(NULL,
                                      attest_aead_name((uint16_t) (i + 1)),
                                      NULL);
        if (t->aead[i] == NULL) {
            goto failed;
        }
    }

    if (t->md == NULL || t->digest == NULL || t->derive == NULL
        || EVP_PKEY_derive_init(t->derive) != 1
        || (key->kem != ATTEST_KEM_P256 && t->peer == NULL))
    {
        goto failed;
    }

    key->tools = t;

    return ATTEST_OK;

failed:

    attest_hpke_tools_free(t);

    return ATTEST_EINTERNAL;
}


static void
attest_hpke_tools_free(attest_hpke_tools_t *t)
{
    size_t  i;

    if (t == NULL) {
        return;
    }

    for (i = 0; i < ATTEST_HPKE_AEADS; i++) {
        EVP_CIPHER_free(t->aead[i]);
    }

    EVP_PKEY_free(t->peer);
    EVP_PKEY_CTX_free(t->derive);
    EVP_MD_CTX_free(t->digest);
    EVP_MD_free(t->md);
    OPENSSL_clear_free(t, sizeof(attest_hpke_tools_t));
}


/* The other side's public key; NULL when it is none.  Length is checked. */

static EVP_PKEY *
attest_hpke_peer(uint16_t kem, const uint8_t *pk)
{
    char        group[] = "P-256";
    uint8_t     point[65];
    OSSL_PARAM  params[3];

    if (kem == ATTEST_KEM_X25519) {
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pk, 32);
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

    return attest_hpke_p256_fromdata(params, EVP_PKEY_PUBLIC_KEY);
}


/*
 * DH of the KEM.  OpenSSL refuses an all-zero X25519 result (RFC 9180 section
 * 7.1.4) and a P-256 point that is not on the curve; the cofactor of P-256 is
 * 1, so that is all of the validation of section 7.1.4, and the costly check
 * of the order that set_peer would repeat is left out.
 */

static int
attest_hpke_dh(const attest_hpke_key_t *key, const uint8_t *pk,
    size_t pk_len, uint8_t dh[32])
{
    int            rc = ATTEST_ECRYPTO;
    EVP_PKEY      *peer;
    EVP_PKEY_CTX  *ctx = NULL;

    if (pk_len != (key->kem == ATTEST_KEM_P256 ? 65 : 32)) {
        return ATTEST_ECRYPTO;
    }

    /* the caller's OpenSSL error queue stays as it was */
    ERR_set_mark();

    if (key->tools != NULL) {
        peer = attest_hpke_peer_again(key->tools, pk);

    } else {
        peer = attest_hpke_peer(key->kem == ATTEST_KEM_P256
                                ? ATTEST_KEM_P256 : ATTEST_KEM_X25519, pk);
    }

    if (peer == NULL) {
        goto done;
    }

    if (key->tools != NULL) {
        rc = attest_hpke_derive(key->tools->derive, peer, dh);
        goto done;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1) {
        rc = ATTEST_EINTERNAL;
        goto done;
    }

    rc = attest_hpke_derive(ctx, peer, dh);

done:

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    ERR_pop_to_mark();

    return rc;
}


/* A reference to the peer of the tools, which holds another public key now. */

static EVP_PKEY *
attest_hpke_peer_again(const attest_hpke_tools_t *t, const uint8_t *pk)
{
    if (t->peer == NULL) {
        return attest_hpke_peer(ATTEST_KEM_P256, pk);
    }

    if (EVP_PKEY_set1_encoded_public_key(t->peer, pk, 32) != 1
        || EVP_PKEY_up_ref(t->peer) != 1)
    {
        return NULL;
    }

    return t->peer;
}


static int
attest_hpke_derive(EVP_PKEY_CTX *ctx, EVP_PKEY *peer, uint8_t dh[32])
{
    size_t  len = 32;

    if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1
        && EVP_PKEY_derive(ctx, dh, &len) == 1
        && len == 32)
    {
        return ATTEST_OK;
    }

    return ATTEST_ECRYPTO;
}


/* ExtractAndExpand, RFC 9180 section 4.1; base mode: enc || pkR. */

static int
attest_hpke_shared(attest_hmac_t *h, uint16_t kem, const uint8_t dh[32],
    const uint8_t *enc, const uint8_t *pk, uint8_t shared[32])
{
    int               rc;
    size_t            len = attest_hpke_enc_len(kem);
    uint8_t           prk[ATTEST_HPKE_NH];
    uint8_t           context[2 * 65];
    attest_labeled_t  l;

    if (kem == ATTEST_KEM_XWING) {
        /* its own combiner has done that */
        memcpy(shared, dh, 32);
        return ATTEST_OK;
    }

    memcpy(context, enc, len);
    memcpy(context + len, pk, len);

    attest_labeled_kem(&l, h, kem);

    rc = attest_labeled_extract(&l, ATTEST_NO_SPAN, "eae_prk",
                                attest_span(dh, 32), prk);
    if (rc == ATTEST_OK) {
        rc = attest_labeled_expand(&l, prk, "shared_secret",
                                   attest_span(context, 2 * len), shared, 32);
    }

    OPENSSL_cleanse(prk, sizeof(prk));

    return rc;
}


/* KeySchedule with mode_base, RFC 9180 section 5.1. */

static int
attest_hpke_schedule(attest_hpke_ctx_t *ctx, attest_hmac_t *h,
    const uint8_t shared[32], attest_span_t info)
{
    int               rc;
    uint8_t           fresh[ATTEST_HPKE_KSC_LEN], secret[ATTEST_HPKE_NH];
    const uint8_t    *ksc;
    attest_labeled_t  l;

    attest_labeled_suite(&l, h, &ctx->suite);

    ksc = attest_hpke_ksc_find(ctx->tools, &ctx->suite, info);

    if (ksc == NULL) {
        rc = attest_hpke_ksc(&l, info, fresh);
        if (rc != ATTEST_OK) {
            return rc;
        }

        attest_hpke_ksc_keep(ctx->tools, &ctx->suite, info, fresh);
        ksc = fresh;
    }

    rc = attest_labeled_extract(&l, attest_span(shared, 32), "secret",
                                ATTEST_NO_SPAN, secret);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_schedule_keys(ctx, &l, secret,
                                       attest_span(ksc,
                                                   ATTEST_HPKE_KSC_LEN));
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


/* mode_base, psk_id_hash, info_hash. */

static int
attest_hpke_ksc(const attest_labeled_t *l, attest_span_t info,
    uint8_t ksc[ATTEST_HPKE_KSC_LEN])
{
    int  rc;

    ksc[0] = 0x00;

    rc = attest_labeled_extract(l, ATTEST_NO_SPAN, "psk_id_hash",
                                ATTEST_NO_SPAN, ksc + 1);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_labeled_extract(l, ATTEST_NO_SPAN, "info_hash", info,
                                  ksc + 1 + ATTEST_HPKE_NH);
}


static const uint8_t *
attest_hpke_ksc_find(const attest_hpke_tools_t *t,
    const attest_hpke_suite_t *suite, attest_span_t info)
{
    size_t                    i;
    const attest_hpke_ksc_t  *k;

    if (t == NULL) {
        return NULL;
    }

    for (i = 0; i < t->kept; i++) {
        k = &t->ksc[i];

        if (k->suite.kem == suite->kem && k->suite.kdf == suite->kdf
            && k->suite.aead == suite->aead && k->info_len == info.n
            && (info.n == 0 || memcmp(k->info, info.p, info.n) == 0))
        {
            return k->ksc;
        }
    }

    return NULL;
}


/* The suites and infos of a key are few: what finds no room is not kept. */

static void
attest_hpke_ksc_keep(attest_hpke_tools_t *t, const attest_hpke_suite_t *suite,
    attest_span_t info, const uint8_t ksc[ATTEST_HPKE_KSC_LEN])
{
    attest_hpke_ksc_t  *k;

    if (t == NULL || t->kept == ATTEST_HPKE_KSC_KEPT
        || info.n > ATTEST_HPKE_KSC_INFO)
    {
        return;
    }

    k = &t->ksc[t->kept++];
    k->suite = *suite;
    k->info_len = info.n;
    memcpy(k->ksc, ksc, ATTEST_HPKE_KSC_LEN);

    if (info.n != 0) {
        memcpy(k->info, info.p, info.n);
    }
}


static int
attest_hpke_schedule_keys(attest_hpke_ctx_t *ctx, const attest_labeled_t *l,
    const uint8_t secret[ATTEST_HPKE_NH], attest_span_t ksc)
{
    int     rc;
    size_t  nk = attest_hpke_aead_key_len(ctx->suite.aead);

    rc = attest_labeled_expand(l, secret, "exp", ksc, ctx->exporter,
                               sizeof(ctx->exporter));
    if (rc != ATTEST_OK || nk == 0) {
        return rc;
    }

    rc = attest_labeled_expand(l, secret, "key", ksc, ctx->key, nk);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_labeled_expand(l, secret, "base_nonce", ksc,
                                 ctx->base_nonce, sizeof(ctx->base_nonce));
}


/* From the DH result to a context of one direction; cleared on failure. */

static int
attest_hpke_establish(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t dh[32],
    const uint8_t *enc, const uint8_t *pk, attest_span_t info, int seal)
{
    int            rc;
    uint8_t        shared[32];
    attest_hmac_t  h;

    ctx->suite = *suite;

    rc = attest_hmac_init(&h, ctx->tools);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_hpke_shared(&h, suite->kem, dh, enc, pk, shared);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_schedule(ctx, &h, shared, info);
    }

    OPENSSL_cleanse(shared, sizeof(shared));
    attest_hmac_free(&h);

    if (rc == ATTEST_OK && suite->aead != ATTEST_AEAD_EXPORT_ONLY) {
        ctx->cipher = attest_aead_cipher(ctx->tools, suite->aead, ctx->key,
                                         seal);

        if (ctx->cipher == NULL) {
            rc = ATTEST_EINTERNAL;
        }
    }

    if (rc != ATTEST_OK) {
        attest_hpke_ctx_clear(ctx);
    }

    return rc;
}


static int
attest_hpke_suite_known(const attest_hpke_suite_t *suite)
{
    return attest_hpke_enc_len(suite->kem) != 0
           && suite->kdf == ATTEST_KDF_HKDF_SHA256
           && (suite->aead == ATTEST_AEAD_EXPORT_ONLY
               || attest_hpke_aead_key_len(suite->aead) != 0);
}


static int
attest_hpke_decap_xwing(const attest_hpke_key_t *key, const uint8_t *enc,
    size_t enc_len, uint8_t secret[32])
{
    int      rc;
    uint8_t  ssx[32];

    if (enc_len != ATTEST_XWING_ENC) {
        return ATTEST_ECRYPTO;
    }

    rc = attest_hpke_dh(key, enc + ATTEST_XWING_MLKEM_CT, 32, ssx);
    if (rc == ATTEST_OK) {
        rc = attest_xwing_decap(key->mlkem, ssx, enc, key->pk, secret);
    }

    OPENSSL_cleanse(ssx, sizeof(ssx));

    return rc;
}


/* Encap of X-Wing has no ephemeral key of the KEM's own kind. */

static int
attest_hpke_encap_xwing(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk, attest_span_t info,
    uint8_t *enc_out)
{
    int      rc;
    uint8_t  secret[32];

    if (pk.n != ATTEST_XWING_PK) {
        return ATTEST_ECRYPTO;
    }

    rc = attest_xwing_encap(pk.p, enc_out, secret);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_establish(ctx, suite, secret, enc_out, pk.p, info,
                                   1);
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


int
attest_hpke_setup_recipient(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const attest_hpke_key_t *key,
    const uint8_t *enc, size_t enc_len, const uint8_t *info, size_t info_len)
{
    int      rc;
    uint8_t  dh[32];

    memset(ctx, 0, sizeof(*ctx));

    if (!attest_hpke_suite_known(suite)) {
        return ATTEST_EUNSUPPORTED;
    }

    if (key->kem != suite->kem || key->pkey == NULL) {
        return ATTEST_EARG;
    }

    rc = key->kem == ATTEST_KEM_XWING
         ? attest_hpke_decap_xwing(key, enc, enc_len, dh)
         : attest_hpke_dh(key, enc, enc_len, dh);

    if (rc == ATTEST_OK) {
        ctx->tools = key->tools;
        rc = attest_hpke_establish(ctx, suite, dh, enc, key->pk,
                                   attest_span(info, info_len), 0);
    }

    OPENSSL_cleanse(dh, sizeof(dh));

    return rc;
}


int
attest_hpke_setup_sender(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t *pk, size_t pk_len,
    const attest_hpke_key_t *ephemeral, const uint8_t *info, size_t info_len,
    uint8_t *enc_out)
{
    int                rc;
    attest_hpke_key_t  fresh;

    memset(ctx, 0, sizeof(*ctx));

    if (!attest_hpke_suite_known(suite)) {
        return ATTEST_EUNSUPPORTED;
    }

    if (suite->kem == ATTEST_KEM_XWING) {
        return ephemeral != NULL
               ? ATTEST_EARG
               : attest_hpke_encap_xwing(ctx, suite, attest_span(pk, pk_len),
                                         attest_span(info, info_len),
                                         enc_out);
    }

    if (ephemeral != NULL) {
        return attest_hpke_encap(ctx, suite, attest_span(pk, pk_len),
                                 ephemeral, attest_span(info, info_len),
                                 enc_out);
    }

    rc = attest_hpke_key_generate(&fresh, suite->kem);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_hpke_encap(ctx, suite, attest_span(pk, pk_len), &fresh,
                           attest_span(info, info_len), enc_out);
    attest_hpke_key_clear(&fresh);

    return rc;
}


/* Encap and what follows, RFC 9180 section 4.1. */

static int
attest_hpke_encap(attest_hpke_ctx_t *ctx, const attest_hpke_suite_t *suite,
    attest_span_t pk, const attest_hpke_key_t *ephemeral, attest_span_t info,
    uint8_t *enc_out)
{
    int      rc;
    uint8_t  dh[32];

    if (ephemeral->kem != suite->kem || ephemeral->pkey == NULL) {
        return ATTEST_EARG;
    }

    rc = attest_hpke_dh(ephemeral, pk.p, pk.n, dh);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_establish(ctx, suite, dh, ephemeral->pk, pk.p, info,
                                   1);
    }

    if (rc == ATTEST_OK) {
        memcpy(enc_out, ephemeral->pk, ephemeral->pk_len);
    }

    OPENSSL_cleanse(dh, sizeof(dh));

    return rc;
}


int
attest_hpke_open(attest_hpke_ctx_t *ctx, const uint8_t *aad, size_t aad_len,
    const uint8_t *ct, size_t ct_len, uint8_t *pt)
{
    if (ctx->cipher == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    return attest_aead_open_raw(ctx->cipher, ctx->base_nonce, &ctx->seq,
                                attest_span(aad, aad_len),
                                attest_span(ct, ct_len), pt);
}


int
attest_hpke_probe(attest_hpke_ctx_t *ctx, const uint8_t *ct, size_t ct_len)
{
    int      rc;
    size_t   n;
    uint8_t  scratch[ATTEST_HPKE_PROBE];

    if (ctx->cipher == NULL || EVP_CIPHER_CTX_is_encrypting(ctx->cipher)) {
        return ATTEST_EARG;
    }

    if (ct_len < ATTEST_HPKE_NT) {
        return ATTEST_ECRYPTO;
    }

    /* the caller's OpenSSL error queue stays as it was */
    ERR_set_mark();

    rc = attest_aead_start(ctx->cipher, ctx->base_nonce, ctx->seq,
                           attest_span(NULL, 0));
    ct_len -= ATTEST_HPKE_NT;

    while (rc == ATTEST_OK && ct_len != 0) {
        n = ct_len < sizeof(scratch) ? ct_len : sizeof(scratch);
        rc = attest_aead_update(ctx->cipher, ct, n, scratch);
        ct += n;
        ct_len -= n;
    }

    if (rc == ATTEST_OK) {
        rc = attest_aead_tag(ctx->cipher, ct);
    }

    ERR_pop_to_mark();
    OPENSSL_cleanse(scratch, sizeof(scratch));

    return rc;
}


int
attest_hpke_seal(attest_hpke_ctx_t *ctx, const uint8_t *aad, size_t aad_len,
    const uint8_t *pt, size_t pt_len, uint8_t *ct)
{
    if (ctx->cipher == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    return attest_aead_seal_raw(ctx->cipher, ctx->base_nonce, &ctx->seq,
                                attest_span(aad, aad_len),
                                attest_span(pt, pt_len), ct);
}


int
attest_hpke_export(const attest_hpke_ctx_t *ctx, const uint8_t *label,
    size_t label_len, uint8_t *out, size_t len)
{
    int               rc;
    attest_hmac_t     h;
    attest_labeled_t  l;

    rc = attest_hmac_init(&h, ctx->tools);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_labeled_suite(&l, &h, &ctx->suite);
    rc = attest_labeled_expand(&l, ctx->exporter, "sec",
                               attest_span(label, label_len), out, len);
    attest_hmac_free(&h);

    return rc;
}


int
attest_hpke_response(attest_aead_t *a, const attest_hpke_ctx_t *ctx,
    attest_span_t label, size_t secret_len, attest_span_t salt, int seal)
{
    int            rc;
    uint8_t        prk[ATTEST_HPKE_NH];
    attest_hmac_t  h;

    memset(a, 0, sizeof(*a));

    if (attest_hpke_aead_key_len(ctx->suite.aead) == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_hmac_init(&h, ctx->tools);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_hpke_response_secret(&h, ctx, label, secret_len, salt, prk);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_response_keys(&h, a, ctx, prk, seal);
    }

    OPENSSL_cleanse(prk, sizeof(prk));
    attest_hmac_free(&h);

    return rc;
}


static int
attest_hpke_response_secret(attest_hmac_t *h, const attest_hpke_ctx_t *ctx,
    attest_span_t label, size_t len, attest_span_t salt,
    uint8_t prk[ATTEST_HPKE_NH])
{
    int               rc;
    uint8_t           secret[ATTEST_HPKE_MAX_SECRET];
    attest_span_t     in;
    attest_labeled_t  l;

    if (len > sizeof(secret)) {
        return ATTEST_EARG;
    }

    attest_labeled_suite(&l, h, &ctx->suite);

    rc = attest_labeled_expand(&l, ctx->exporter, "sec", label, secret, len);
    if (rc == ATTEST_OK) {
        in = attest_span(secret, len);
        rc = attest_hmac(h, salt, &in, 1, prk);
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static int
attest_hpke_response_keys(attest_hmac_t *h, attest_aead_t *a,
    const attest_hpke_ctx_t *ctx, const uint8_t prk[ATTEST_HPKE_NH], int seal)
{
    int            rc;
    uint8_t        key[32];
    attest_span_t  in;

    in = attest_span("key", 3);
    rc = attest_hkdf_expand_parts(h, prk, &in, 1, key,
                              attest_hpke_aead_key_len(ctx->suite.aead));

    if (rc == ATTEST_OK) {
        in = attest_span("nonce", 5);
        rc = attest_hkdf_expand_parts(h, prk, &in, 1, a->nonce,
                                      sizeof(a->nonce));
    }

    if (rc == ATTEST_OK) {
        a->seal = seal ? 1 : 0;
        a->cipher = attest_aead_cipher(ctx->tools, ctx->suite.aead, key,
                                       seal);
        rc = a->cipher != NULL ? ATTEST_OK : ATTEST_EINTERNAL;
    }

    OPENSSL_cleanse(key, sizeof(key));

    if (rc != ATTEST_OK) {
        attest_aead_clear(a);
    }

    return rc;
}


void
attest_hpke_ctx_clear(attest_hpke_ctx_t *ctx)
{
    EVP_CIPHER_CTX_free(ctx->cipher);
    OPENSSL_cleanse(ctx, sizeof(*ctx));
}


/* NULL: unknown. */

static const char *
attest_aead_name(uint16_t aead)
{
    switch (aead) {
    case ATTEST_AEAD_AES_128_GCM:
        return "AES-128-GCM";
    case ATTEST_AEAD_AES_256_GCM:
        return "AES-256-GCM";
    case ATTEST_AEAD_CHACHA20:
        return "ChaCha20-Poly1305";
    default:
        return NULL;
    }
}


/*
 * One cipher context per direction; the records that follow only set its IV,
 * so key schedule and algorithm fetch are paid once.
 */

static EVP_CIPHER_CTX *
attest_aead_cipher(const attest_hpke_tools_t *tools, uint16_t aead,
    const uint8_t *key, int seal)
{
    EVP_CIPHER      *type;
    EVP_CIPHER_CTX  *c;

    if (attest_aead_name(aead) == NULL) {
        return NULL;
    }

    type = tools != NULL ? tools->aead[aead - 1]
                         : EVP_CIPHER_fetch(NULL, attest_aead_name(aead),
                                            NULL);

    c = EVP_CIPHER_CTX_new();

    if (type == NULL || c == NULL
        || EVP_CipherInit_ex(c, type, NULL, key, NULL, seal ? 1 : 0) != 1)
    {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }

    /* the context has a reference of its own */

    if (tools == NULL) {
        EVP_CIPHER_free(type);
    }

    return c;
}


/* ComputeNonce, RFC 9180 section 5.2, and the additional data. */

static int
attest_aead_start(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_HPKE_NN],
    uint64_t seq, attest_span_t aad)
{
    int      i;
    uint8_t  nonce[ATTEST_HPKE_NN];

    memcpy(nonce, base, sizeof(nonce));

    for (i = 0; i < 8; i++) {
        nonce[ATTEST_HPKE_NN - 1 - i] ^= (uint8_t) (seq >> (8 * i));
    }

    if (EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) != 1) {
        return ATTEST_EINTERNAL;
    }

    return attest_aead_update(c, aad.p, aad.n, NULL);
}


/* out NULL: additional data. */

static int
attest_aead_update(EVP_CIPHER_CTX *c, const uint8_t *in, size_t n,
    uint8_t *out)
{
    int     len;
    size_t  piece;

    while (n != 0) {
        piece = n < ATTEST_EVP_PIECE ? n : ATTEST_EVP_PIECE;

        if (EVP_CipherUpdate(c, out, &len, in, (int) piece) != 1
            || (size_t) len != piece)
        {
            return ATTEST_EINTERNAL;
        }

        in += piece;
        out = out != NULL ? out + piece : NULL;
        n -= piece;
    }

    return ATTEST_OK;
}


static int
attest_aead_seal_raw(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_HPKE_NN],
    uint64_t *seq, attest_span_t aad, attest_span_t pt, uint8_t *ct)
{
    int      rc, len;
    uint8_t  none[16];

    if (!EVP_CIPHER_CTX_is_encrypting(c)) {
        return ATTEST_EARG;
    }

    /* a nonce must never come twice; the message limit of section 5.2 */
    if (*seq == UINT64_MAX) {
        return ATTEST_ELIMIT;
    }

    rc = attest_aead_start(c, base, *seq, aad);

    if (rc == ATTEST_OK) {
        rc = attest_aead_update(c, pt.p, pt.n, ct);
    }

    if (rc == ATTEST_OK
        && (EVP_CipherFinal_ex(c, none, &len) != 1
            || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ATTEST_HPKE_NT,
                                   ct + pt.n) != 1))
    {
        rc = ATTEST_EINTERNAL;
    }

    if (rc != ATTEST_OK) {
        /* in place this held plaintext, elsewhere bytes without a tag */
        OPENSSL_cleanse(ct, pt.n);
        return rc;
    }

    (*seq)++;

    return ATTEST_OK;
}


static int
attest_aead_open_raw(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_HPKE_NN],
    uint64_t *seq, attest_span_t aad, attest_span_t ct, uint8_t *pt)
{
    int  rc;

    if (EVP_CIPHER_CTX_is_encrypting(c)) {
        return ATTEST_EARG;
    }

    if (ct.n < ATTEST_HPKE_NT) {
        return ATTEST_ECRYPTO;
    }

    if (*seq == UINT64_MAX) {
        return ATTEST_ELIMIT;
    }

    ct.n -= ATTEST_HPKE_NT;

    /* the caller's OpenSSL error queue stays as it was */
    ERR_set_mark();
    rc = attest_aead_check(c, base, *seq, aad, ct, pt);
    ERR_pop_to_mark();

    if (rc != ATTEST_OK) {
        OPENSSL_cleanse(pt, ct.n);
        return rc;
    }

    (*seq)++;

    return ATTEST_OK;
}


/* Decrypts ct and checks the tag that lies behind it. */

static int
attest_aead_check(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_HPKE_NN],
    uint64_t seq, attest_span_t aad, attest_span_t ct, uint8_t *pt)
{
    int  rc;

    rc = attest_aead_start(c, base, seq, aad);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_aead_update(c, ct.p, ct.n, pt);

    return rc == ATTEST_OK ? attest_aead_tag(c, ct.p + ct.n) : rc;
}


/* All was decrypted; its tag lies at p. */

static int
attest_aead_tag(EVP_CIPHER_CTX *c, const uint8_t *p)
{
    int      len;
    uint8_t  none[16], tag[ATTEST_HPKE_NT];

    memcpy(tag, p, sizeof(tag));

    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag)
        != 1)
    {
        return ATTEST_EINTERNAL;
    }

    if (EVP_CipherFinal_ex(c, none, &len) != 1) {
        return ATTEST_ECRYPTO;
    }

    return ATTEST_OK;
}


int
attest_aead_init(attest_aead_t *a, uint16_t aead, const uint8_t *key,
    const uint8_t nonce[ATTEST_HPKE_NN], int seal)
{
    memset(a, 0, sizeof(*a));

    if (attest_hpke_aead_key_len(aead) == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    a->cipher = attest_aead_cipher(NULL, aead, key, seal);
    if (a->cipher == NULL) {
        return ATTEST_EINTERNAL;
    }

    memcpy(a->nonce, nonce, sizeof(a->nonce));
    a->seal = seal ? 1 : 0;

    return ATTEST_OK;
}


int
attest_aead_seal(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *pt, size_t pt_len, uint8_t *ct)
{
    if (a->cipher == NULL) {
        return ATTEST_EARG;
    }

    return attest_aead_seal_raw(a->cipher, a->nonce, &a->seq,
                                attest_span(aad, aad_len),
                                attest_span(pt, pt_len), ct);
}


int
attest_aead_open(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *ct, size_t ct_len, uint8_t *pt)
{
    if (a->cipher == NULL) {
        return ATTEST_EARG;
    }

    return attest_aead_open_raw(a->cipher, a->nonce, &a->seq,
                                attest_span(aad, aad_len),
                                attest_span(ct, ct_len), pt);
}


void
attest_aead_clear(attest_aead_t *a)
{
    EVP_CIPHER_CTX_free(a->cipher);
    OPENSSL_cleanse(a, sizeof(*a));
}
