/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Seals and opens records with a counted nonce.  What fails is wiped: nothing
 * unauthenticated leaves, and no plaintext stays.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "core/crypto/attest_aead.h"


/* EVP takes lengths as int: longer input goes in by pieces of this size. */
#define ATTEST_EVP_PIECE        ((size_t) 1 << 30)


static const char *attest_aead_name(uint16_t aead);
static int attest_aead_check(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_AEAD_NONCE], uint64_t seq, attest_span_t aad,
    attest_span_t ct, uint8_t *pt);


size_t
attest_aead_key_len(uint16_t aead)
{
    switch (aead) {
    case ATTEST_AEAD_AES_128_GCM:
        return 16;
    case ATTEST_AEAD_AES_256_GCM:
    case ATTEST_AEAD_CHACHA20:
        return ATTEST_AEAD_MAX_KEY;
    default:
        return 0;
    }
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


EVP_CIPHER *
attest_aead_fetch(uint16_t aead)
{
    return EVP_CIPHER_fetch(NULL, attest_aead_name(aead), NULL);
}


/*
 * One cipher context per direction; the records that follow only set its IV,
 * so key schedule and algorithm fetch are paid once.
 */

EVP_CIPHER_CTX *
attest_aead_cipher(EVP_CIPHER *type, uint16_t aead, const uint8_t *key,
    int seal)
{
    EVP_CIPHER      *fetched = NULL;
    EVP_CIPHER_CTX  *c;

    if (attest_aead_name(aead) == NULL) {
        return NULL;
    }

    if (type == NULL) {
        fetched = attest_aead_fetch(aead);
        type = fetched;
    }

    c = EVP_CIPHER_CTX_new();

    if (type == NULL || c == NULL
        || EVP_CipherInit_ex(c, type, NULL, key, NULL, seal ? 1 : 0) != 1)
    {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }

    /* the context has a reference of its own */

    EVP_CIPHER_free(fetched);

    return c;
}


/* ComputeNonce, RFC 9180 section 5.2, and the additional data. */

int
attest_aead_start(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_AEAD_NONCE],
    uint64_t seq, attest_span_t aad)
{
    int      i;
    uint8_t  nonce[ATTEST_AEAD_NONCE];

    memcpy(nonce, base, sizeof(nonce));

    for (i = 0; i < 8; i++) {
        nonce[ATTEST_AEAD_NONCE - 1 - i] ^= (uint8_t) (seq >> (8 * i));
    }

    if (EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) != 1) {
        return ATTEST_EINTERNAL;
    }

    return attest_aead_update(c, aad.p, aad.n, NULL);
}


/* out NULL: additional data. */

int
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


int
attest_aead_seal_raw(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_AEAD_NONCE],
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
            || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ATTEST_AEAD_TAG,
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


int
attest_aead_open_raw(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_AEAD_NONCE],
    uint64_t *seq, attest_span_t aad, attest_span_t ct, uint8_t *pt)
{
    int  rc;

    if (EVP_CIPHER_CTX_is_encrypting(c)) {
        return ATTEST_EARG;
    }

    if (ct.n < ATTEST_AEAD_TAG) {
        return ATTEST_ECRYPTO;
    }

    if (*seq == UINT64_MAX) {
        return ATTEST_ELIMIT;
    }

    ct.n -= ATTEST_AEAD_TAG;

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
attest_aead_check(EVP_CIPHER_CTX *c, const uint8_t base[ATTEST_AEAD_NONCE],
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

int
attest_aead_tag(EVP_CIPHER_CTX *c, const uint8_t *p)
{
    int      len;
    uint8_t  none[16], tag[ATTEST_AEAD_TAG];

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
    const uint8_t nonce[ATTEST_AEAD_NONCE], int seal)
{
    memset(a, 0, sizeof(*a));

    if (attest_aead_key_len(aead) == 0) {
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
