/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Contexts of HPKE in base mode: key schedule, seal, open, export, and the
 * AEAD of a response (RFC 9180 section 5).
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "core/crypto/attest_hpke.h"
#include "core/base/attest_wire.h"


/* Plaintext that is not kept, by pieces of this size. */
#define ATTEST_HPKE_PROBE  4096


static void attest_hpke_labels(attest_labeled_t *l, attest_hmac_t *h,
    const attest_hpke_suite_t *suite);
static int attest_hpke_schedule(attest_hpke_ctx_t *ctx, attest_hmac_t *h,
    const uint8_t shared[ATTEST_KEM_SECRET], attest_span_t info);
static int attest_hpke_ksc(const attest_labeled_t *l, attest_span_t info,
    uint8_t ksc[ATTEST_HPKE_KSC_LEN]);
static const uint8_t *attest_hpke_ksc_find(const attest_kem_tools_t *t,
    const attest_hpke_suite_t *suite, attest_span_t info);
static void attest_hpke_ksc_keep(attest_kem_tools_t *t,
    const attest_hpke_suite_t *suite, attest_span_t info,
    const uint8_t ksc[ATTEST_HPKE_KSC_LEN]);
static int attest_hpke_schedule_keys(attest_hpke_ctx_t *ctx,
    const attest_labeled_t *l, const uint8_t secret[ATTEST_SHA256_LEN],
    attest_span_t ksc);
static int attest_hpke_establish(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t dh[ATTEST_KEM_DH],
    const uint8_t *enc, const uint8_t *pk, attest_span_t info, int seal);
static bool attest_hpke_suite_known(const attest_hpke_suite_t *suite);
static int attest_hpke_hmac(attest_hmac_t *h,
    const attest_kem_tools_t *tools);
static EVP_CIPHER_CTX *attest_hpke_cipher(const attest_kem_tools_t *tools,
    uint16_t aead, const uint8_t *key, int seal);
static int attest_hpke_encap_xwing(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk, attest_span_t info,
    uint8_t *enc_out);
static int attest_hpke_encap(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk,
    const attest_kem_key_t *ephemeral, attest_span_t info,
    uint8_t *enc_out);
static int attest_hpke_response_secret(attest_hmac_t *h,
    const attest_hpke_ctx_t *ctx, attest_span_t label, size_t len,
    attest_span_t salt, uint8_t prk[ATTEST_SHA256_LEN]);
static int attest_hpke_response_keys(attest_hmac_t *h, attest_aead_t *a,
    const attest_hpke_ctx_t *ctx, const uint8_t prk[ATTEST_SHA256_LEN],
    int seal);


/* suite_id elsewhere, RFC 9180 section 5.1. */

static void
attest_hpke_labels(attest_labeled_t *l, attest_hmac_t *h,
    const attest_hpke_suite_t *suite)
{
    l->hmac = h;
    memcpy(l->id, "HPKE", 4);
    (void) attest_wire_put_be16(l->id + 4, suite->kem);
    (void) attest_wire_put_be16(l->id + 6, suite->kdf);
    (void) attest_wire_put_be16(l->id + 8, suite->aead);
    l->id_len = 10;
}


/* KeySchedule with mode_base, RFC 9180 section 5.1. */

static int
attest_hpke_schedule(attest_hpke_ctx_t *ctx, attest_hmac_t *h,
    const uint8_t shared[ATTEST_KEM_SECRET], attest_span_t info)
{
    int               rc;
    uint8_t           fresh[ATTEST_HPKE_KSC_LEN], secret[ATTEST_SHA256_LEN];
    const uint8_t    *ksc;
    attest_labeled_t  l;

    attest_hpke_labels(&l, h, &ctx->suite);

    ksc = attest_hpke_ksc_find(ctx->tools, &ctx->suite, info);

    if (ksc == NULL) {
        rc = attest_hpke_ksc(&l, info, fresh);
        if (rc != ATTEST_OK) {
            return rc;
        }

        attest_hpke_ksc_keep(ctx->tools, &ctx->suite, info, fresh);
        ksc = fresh;
    }

    rc = attest_hkdf_labeled_extract(&l, attest_span(shared, ATTEST_KEM_SECRET),
                                     "secret",
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

    rc = attest_hkdf_labeled_extract(l, ATTEST_NO_SPAN, "psk_id_hash",
                                     ATTEST_NO_SPAN, ksc + 1);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_hkdf_labeled_extract(l, ATTEST_NO_SPAN, "info_hash", info,
                                       ksc + 1 + ATTEST_SHA256_LEN);
}


static const uint8_t *
attest_hpke_ksc_find(const attest_kem_tools_t *t,
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
attest_hpke_ksc_keep(attest_kem_tools_t *t, const attest_hpke_suite_t *suite,
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
    const uint8_t secret[ATTEST_SHA256_LEN], attest_span_t ksc)
{
    int     rc;
    size_t  nk = attest_aead_key_len(ctx->suite.aead);

    rc = attest_hkdf_labeled_expand(l, secret, "exp", ksc, ctx->exporter,
                                    sizeof(ctx->exporter));
    if (rc != ATTEST_OK || nk == 0) {
        return rc;
    }

    rc = attest_hkdf_labeled_expand(l, secret, "key", ksc, ctx->key, nk);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_hkdf_labeled_expand(l, secret, "base_nonce", ksc,
                                      ctx->base_nonce, sizeof(ctx->base_nonce));
}


/* From the DH result to a context of one direction; cleared on failure. */

static int
attest_hpke_establish(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t dh[ATTEST_KEM_DH],
    const uint8_t *enc, const uint8_t *pk, attest_span_t info, int seal)
{
    int            rc;
    uint8_t        shared[ATTEST_KEM_SECRET];
    attest_hmac_t  h;

    ctx->suite = *suite;

    rc = attest_hpke_hmac(&h, ctx->tools);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_kem_shared(&h, suite->kem, dh, enc, pk, shared);
    if (rc == ATTEST_OK) {
        rc = attest_hpke_schedule(ctx, &h, shared, info);
    }

    OPENSSL_cleanse(shared, sizeof(shared));
    attest_hmac_free(&h);

    if (rc == ATTEST_OK && suite->aead != ATTEST_AEAD_EXPORT_ONLY) {
        ctx->cipher = attest_hpke_cipher(ctx->tools, suite->aead, ctx->key,
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


static bool
attest_hpke_suite_known(const attest_hpke_suite_t *suite)
{
    return attest_kem_enc_len(suite->kem) != 0
           && suite->kdf == ATTEST_KDF_HKDF_SHA256
           && (suite->aead == ATTEST_AEAD_EXPORT_ONLY
               || attest_aead_key_len(suite->aead) != 0);
}


static int
attest_hpke_hmac(attest_hmac_t *h, const attest_kem_tools_t *tools)
{
    return tools != NULL ? attest_hmac_init(h, tools->md, tools->digest)
                         : attest_hmac_init(h, NULL, NULL);
}


/* aead is known, and has a cipher. */

static EVP_CIPHER_CTX *
attest_hpke_cipher(const attest_kem_tools_t *tools, uint16_t aead,
    const uint8_t *key, int seal)
{
    return attest_aead_cipher(tools != NULL ? tools->aead[aead - 1] : NULL,
                              aead, key, seal);
}


/* Encap of X-Wing has no ephemeral key of the KEM's own kind. */

static int
attest_hpke_encap_xwing(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, attest_span_t pk, attest_span_t info,
    uint8_t *enc_out)
{
    int      rc;
    uint8_t  secret[ATTEST_KEM_SECRET];

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
    const attest_hpke_suite_t *suite, const attest_kem_key_t *key,
    const uint8_t *enc, size_t enc_len, const uint8_t *info, size_t info_len)
{
    int      rc;
    uint8_t  dh[ATTEST_KEM_DH];

    memset(ctx, 0, sizeof(*ctx));

    if (!attest_hpke_suite_known(suite)) {
        return ATTEST_EUNSUPPORTED;
    }

    if (key->kem != suite->kem || key->pkey == NULL) {
        return ATTEST_EARG;
    }

    rc = key->kem == ATTEST_KEM_XWING
         ? attest_kem_decap_xwing(key, enc, enc_len, dh)
         : attest_kem_dh(key, enc, enc_len, dh);

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
    const attest_kem_key_t *ephemeral, const uint8_t *info, size_t info_len,
    uint8_t *enc_out)
{
    if (ephemeral == NULL) {
        return attest_hpke_setup_sender_with(ctx, NULL, suite,
                                             attest_span(pk, pk_len),
                                             attest_span(info, info_len),
                                             enc_out);
    }

    memset(ctx, 0, sizeof(*ctx));

    if (!attest_hpke_suite_known(suite)) {
        return ATTEST_EUNSUPPORTED;
    }

    if (suite->kem == ATTEST_KEM_XWING) {
        return ATTEST_EARG;
    }

    return attest_hpke_encap(ctx, suite, attest_span(pk, pk_len), ephemeral,
                             attest_span(info, info_len), enc_out);
}


int
attest_hpke_setup_sender_with(attest_hpke_ctx_t *ctx,
    attest_kem_tools_t *tools, const attest_hpke_suite_t *suite,
    attest_span_t pk, attest_span_t info, uint8_t *enc_out)
{
    int                rc;
    attest_kem_key_t   fresh;

    memset(ctx, 0, sizeof(*ctx));

    if (!attest_hpke_suite_known(suite)) {
        return ATTEST_EUNSUPPORTED;
    }

    ctx->tools = tools;

    if (suite->kem == ATTEST_KEM_XWING) {
        return attest_hpke_encap_xwing(ctx, suite, pk, info, enc_out);
    }

    rc = attest_kem_key_generate(&fresh, suite->kem);
    if (rc != ATTEST_OK) {
        return rc;
    }

    fresh.tools = tools;

    rc = attest_hpke_encap(ctx, suite, pk, &fresh, info, enc_out);

    /* they are not the key's own */
    fresh.tools = NULL;
    attest_kem_key_clear(&fresh);

    return rc;
}


/* Encap and what follows, RFC 9180 section 4.1. */

static int
attest_hpke_encap(attest_hpke_ctx_t *ctx, const attest_hpke_suite_t *suite,
    attest_span_t pk, const attest_kem_key_t *ephemeral, attest_span_t info,
    uint8_t *enc_out)
{
    int      rc;
    uint8_t  dh[ATTEST_KEM_DH];

    if (ephemeral->kem != suite->kem || ephemeral->pkey == NULL) {
        return ATTEST_EARG;
    }

    rc = attest_kem_dh(ephemeral, pk.p, pk.n, dh);
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

    rc = attest_hpke_hmac(&h, ctx->tools);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_hpke_labels(&l, &h, &ctx->suite);
    rc = attest_hkdf_labeled_expand(&l, ctx->exporter, "sec",
                                    attest_span(label, label_len), out, len);
    attest_hmac_free(&h);

    return rc;
}


int
attest_hpke_response(attest_aead_t *a, const attest_hpke_ctx_t *ctx,
    attest_span_t label, size_t secret_len, attest_span_t salt, int seal)
{
    int            rc;
    uint8_t        prk[ATTEST_SHA256_LEN];
    attest_hmac_t  h;

    memset(a, 0, sizeof(*a));

    if (attest_aead_key_len(ctx->suite.aead) == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_hpke_hmac(&h, ctx->tools);
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
    uint8_t prk[ATTEST_SHA256_LEN])
{
    int               rc;
    uint8_t           secret[ATTEST_HPKE_MAX_SECRET];
    attest_span_t     in;
    attest_labeled_t  l;

    if (len > sizeof(secret)) {
        return ATTEST_EARG;
    }

    attest_hpke_labels(&l, h, &ctx->suite);

    rc = attest_hkdf_labeled_expand(&l, ctx->exporter, "sec", label, secret,
                                    len);
    if (rc == ATTEST_OK) {
        in = attest_span(secret, len);
        rc = attest_hmac(h, salt, &in, 1, prk);
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static int
attest_hpke_response_keys(attest_hmac_t *h, attest_aead_t *a,
    const attest_hpke_ctx_t *ctx, const uint8_t prk[ATTEST_SHA256_LEN],
    int seal)
{
    int            rc;
    uint8_t        key[ATTEST_AEAD_MAX_KEY];
    attest_span_t  in;

    in = attest_span("key", 3);
    rc = attest_hkdf_expand_parts(h, prk, &in, 1, key,
                              attest_aead_key_len(ctx->suite.aead));

    if (rc == ATTEST_OK) {
        in = attest_span("nonce", 5);
        rc = attest_hkdf_expand_parts(h, prk, &in, 1, a->nonce,
                                      sizeof(a->nonce));
    }

    if (rc == ATTEST_OK) {
        a->seal = seal ? 1 : 0;
        a->cipher = attest_hpke_cipher(ctx->tools, ctx->suite.aead, key,
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
