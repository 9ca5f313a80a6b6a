/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OHTTP in chunks: opens a request as its bytes come, seals a response as
 * its pieces come.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/prompt/attest_ohttp.h"


/* EVP takes lengths as int: longer input goes in by pieces of this size. */
#define ATTEST_OHTTP_PIECE   ((size_t) 1 << 30)

/* Additional data of the final chunk. */
#define ATTEST_OHTTP_FINAL   "final"


enum {
    ATTEST_OHTTP_S_PREFIX = 0,             /* the length of a chunk */
    ATTEST_OHTTP_S_CHUNK,
    ATTEST_OHTTP_S_FINAL,                  /* whose end is the message's */
    ATTEST_OHTTP_S_DONE
};


static int attest_ohttp_opener_init(attest_ohttp_opener_t *op,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room);
static int attest_ohttp_opener_fail(attest_ohttp_opener_t *op, int rc);
static size_t attest_ohttp_chunk_limit(const attest_ohttp_opener_t *op);
static int attest_ohttp_opener_prefix(attest_ohttp_opener_t *op,
    const uint8_t *in, size_t n, size_t *used);
static int attest_ohttp_opener_length(attest_ohttp_opener_t *op,
    uint64_t len);
static int attest_ohttp_opener_chunk(attest_ohttp_opener_t *op,
    const uint8_t *in, size_t n, size_t *used);
static bool attest_ohttp_opener_apart(const attest_ohttp_opener_t *op,
    const uint8_t *in, size_t n);
static int attest_ohttp_opener_open(attest_ohttp_opener_t *op,
    const uint8_t *ct, size_t n);

static int attest_ohttp_seal(attest_ohttp_sealer_t *s, int final,
    const uint8_t *pt, size_t n, uint8_t *ct);
static int attest_ohttp_stream_start(attest_ohttp_sealer_t *s);


static int
attest_ohttp_opener_init(attest_ohttp_opener_t *op,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room)
{
    memset(op, 0, sizeof(*op));

    /* so that adding a tag's length never overflows */
    if (limits->max_chunk > SIZE_MAX / 2 || limits->max_total > SIZE_MAX / 2) {
        return ATTEST_EARG;
    }

    op->limits = *limits;
    op->buf = buf;
    op->room = room;

    return ATTEST_OK;
}


int
attest_ohttp_opener_request(attest_ohttp_opener_t *op, attest_ohttp_t *o,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room)
{
    int  rc;

    rc = attest_ohttp_opener_init(op, limits, buf, room);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (o->form != ATTEST_OHTTP_CHUNKED || o->hpke.cipher == NULL
        || o->hpke.seq != 0)
    {
        return ATTEST_EARG;
    }

    op->hpke = &o->hpke;

    return ATTEST_OK;
}


int
attest_ohttp_opener_response(attest_ohttp_opener_t *op,
    const attest_ohttp_t *o, const uint8_t *nonce,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room)
{
    int  rc;

    rc = attest_ohttp_opener_init(op, limits, buf, room);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (o->form != ATTEST_OHTTP_CHUNKED) {
        return ATTEST_EARG;
    }

    return attest_ohttp_response(&op->aead, o, nonce, 0);
}


int
attest_ohttp_opener_feed(attest_ohttp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used)
{
    int     rc = ATTEST_OK;
    size_t  k;

    *used = 0;

    if (op->rc != ATTEST_OK) {
        return op->rc;
    }

    if (op->state == ATTEST_OHTTP_S_DONE) {
        return ATTEST_EARG;
    }

    while (rc == ATTEST_OK && *used < n) {
        if (op->state == ATTEST_OHTTP_S_PREFIX) {
            rc = attest_ohttp_opener_prefix(op, in + *used, n - *used, &k);

        } else {
            rc = attest_ohttp_opener_chunk(op, in + *used, n - *used, &k);
        }

        *used += k;
    }

    if (rc == ATTEST_OK || rc == ATTEST_ENOSPACE) {
        return rc;
    }

    return attest_ohttp_opener_fail(op, rc);
}


/* What is left behind the plaintext may be ciphertext under our key. */

static int
attest_ohttp_opener_fail(attest_ohttp_opener_t *op, int rc)
{
    if (op->have != 0) {
        OPENSSL_cleanse(op->buf + op->plain, op->have);
    }

    op->have = 0;
    op->rc = rc;

    return rc;
}


/* Plaintext that the next chunk may hold. */

static size_t
attest_ohttp_chunk_limit(const attest_ohttp_opener_t *op)
{
    size_t  left = op->limits.max_total - op->total;

    return left < op->limits.max_chunk ? left : op->limits.max_chunk;
}


static int
attest_ohttp_opener_prefix(attest_ohttp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used)
{
    uint64_t  len;

    *used = attest_varint_feed(&op->prefix, in, n);

    if (!attest_varint_whole(&op->prefix)) {
        return ATTEST_OK;
    }

    len = op->prefix.value;
    memset(&op->prefix, 0, sizeof(op->prefix));

    return attest_ohttp_opener_length(op, len);
}


/*
 * The length is not authenticated: it is held against the limits before a
 * byte of the chunk is looked at.
 */

static int
attest_ohttp_opener_length(attest_ohttp_opener_t *op, uint64_t len)
{
    if (op->chunks == op->limits.max_chunks) {
        return ATTEST_ELIMIT;
    }

    if (len == 0) {
        op->state = ATTEST_OHTTP_S_FINAL;
        return ATTEST_OK;
    }

    /* the draft: an empty chunk that is not final is not decrypted */
    if (len <= ATTEST_OHTTP_TAG_LEN) {
        return ATTEST_ECRYPTO;
    }

    if (len - ATTEST_OHTTP_TAG_LEN > attest_ohttp_chunk_limit(op)) {
        return ATTEST_ELIMIT;
    }

    op->need = (size_t) len;
    op->state = ATTEST_OHTTP_S_CHUNK;

    return ATTEST_OK;
}


/* Gathers a chunk; opens it when its length is known and all is there. */

static int
attest_ohttp_opener_chunk(attest_ohttp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used)
{
    size_t  max, space;

    *used = 0;

    if (op->state == ATTEST_OHTTP_S_CHUNK) {
        max = op->need - op->have;
        n = n < max ? n : max;

    } else {
        max = attest_ohttp_chunk_limit(op) + ATTEST_OHTTP_TAG_LEN - op->have;

        if (n > max) {
            return ATTEST_ELIMIT;
        }
    }

    if (op->have == 0 && op->state == ATTEST_OHTTP_S_CHUNK && n == op->need
        && attest_ohttp_opener_apart(op, in, n))
    {
        *used = n;
        return attest_ohttp_opener_open(op, in, n);
    }

    space = op->room - op->plain - op->have;

    if (space == 0) {
        return ATTEST_ENOSPACE;
    }

    n = n < space ? n : space;

    /* in may be the same memory, further behind */
    memmove(op->buf + op->plain + op->have, in, n);
    op->have += n;
    *used = n;

    if (op->state == ATTEST_OHTTP_S_CHUNK && op->have == op->need) {
        return attest_ohttp_opener_open(op, op->buf + op->plain, op->have);
    }

    return ATTEST_OK;
}


/* A whole chunk need not be gathered: there is room, in other memory. */

static bool
attest_ohttp_opener_apart(const attest_ohttp_opener_t *op, const uint8_t *in,
    size_t n)
{
    uintptr_t  a = (uintptr_t) in, b = (uintptr_t) op->buf;

    return n <= op->room - op->plain
           && (a >= b + op->room || a + n <= b);
}


/* A whole chunk: in its place, when it was gathered, or from elsewhere. */

static int
attest_ohttp_opener_open(attest_ohttp_opener_t *op, const uint8_t *ct,
    size_t n)
{
    int             rc;
    size_t          aad_len = 0;
    uint8_t        *p = op->buf + op->plain;
    const uint8_t  *aad = NULL;

    if (op->state == ATTEST_OHTTP_S_FINAL) {
        aad = (const uint8_t *) ATTEST_OHTTP_FINAL;
        aad_len = sizeof(ATTEST_OHTTP_FINAL) - 1;
    }

    if (op->hpke != NULL) {
        rc = attest_hpke_open(op->hpke, aad, aad_len, ct, n, p);

    } else {
        rc = attest_aead_open(&op->aead, aad, aad_len, ct, n, p);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    op->plain += n - ATTEST_OHTTP_TAG_LEN;
    op->total += n - ATTEST_OHTTP_TAG_LEN;
    op->chunks++;
    op->have = 0;
    op->state = ATTEST_OHTTP_S_PREFIX;

    return ATTEST_OK;
}


int
attest_ohttp_opener_take(attest_ohttp_opener_t *op, size_t n)
{
    size_t  left;

    if (n > op->plain) {
        return ATTEST_EARG;
    }

    if (n == 0) {
        return ATTEST_OK;
    }

    left = op->plain - n + op->have;
    memmove(op->buf, op->buf + n, left);
    OPENSSL_cleanse(op->buf + left, n);
    op->plain -= n;

    return ATTEST_OK;
}


int
attest_ohttp_opener_keep(attest_ohttp_opener_t *op, size_t n)
{
    size_t  gone;

    if (n > op->plain) {
        return ATTEST_EARG;
    }

    gone = op->plain - n;

    if (gone != 0) {
        memmove(op->buf + n, op->buf + op->plain, op->have);
        OPENSSL_cleanse(op->buf + n + op->have, gone);
        op->plain = n;
    }

    return ATTEST_OK;
}


int
attest_ohttp_opener_finish(attest_ohttp_opener_t *op)
{
    int  rc;

    if (op->rc != ATTEST_OK) {
        return op->rc;
    }

    if (op->state == ATTEST_OHTTP_S_DONE) {
        return ATTEST_EARG;
    }

    if (op->state != ATTEST_OHTTP_S_FINAL) {
        return attest_ohttp_opener_fail(op, ATTEST_EFORMAT);
    }

    if (op->have < ATTEST_OHTTP_TAG_LEN) {
        return attest_ohttp_opener_fail(op, ATTEST_ECRYPTO);
    }

    rc = attest_ohttp_opener_open(op, op->buf + op->plain, op->have);
    if (rc != ATTEST_OK) {
        return attest_ohttp_opener_fail(op, rc);
    }

    op->state = ATTEST_OHTTP_S_DONE;

    return ATTEST_OK;
}


void
attest_ohttp_opener_clear(attest_ohttp_opener_t *op)
{
    if (op->plain + op->have != 0) {
        OPENSSL_cleanse(op->buf, op->plain + op->have);
    }

    attest_aead_clear(&op->aead);
    OPENSSL_cleanse(op, sizeof(*op));
}


int
attest_ohttp_sealer_response(attest_ohttp_sealer_t *s,
    const attest_ohttp_t *o, const uint8_t *nonce)
{
    memset(s, 0, sizeof(*s));
    s->form = o->form;

    return attest_ohttp_response(&s->aead, o, nonce, 1);
}


int
attest_ohttp_sealer_request(attest_ohttp_sealer_t *s, attest_ohttp_t *o)
{
    memset(s, 0, sizeof(*s));

    if (o->form != ATTEST_OHTTP_CHUNKED || o->hpke.cipher == NULL
        || o->hpke.seq != 0)
    {
        return ATTEST_EARG;
    }

    s->form = o->form;
    s->hpke = &o->hpke;

    return ATTEST_OK;
}


/* RFC 9458 section 4.4: one AEAD message under the first nonce, no AAD. */

static int
attest_ohttp_stream_start(attest_ohttp_sealer_t *s)
{
    if (s->form != ATTEST_OHTTP_WHOLE || s->aead.cipher == NULL || s->ended) {
        return ATTEST_EARG;
    }

    if (s->started) {
        return ATTEST_OK;
    }

    if (EVP_CipherInit_ex(s->aead.cipher, NULL, NULL, NULL, s->aead.nonce, -1)
        != 1)
    {
        return ATTEST_EINTERNAL;
    }

    s->started = 1;

    return ATTEST_OK;
}


int
attest_ohttp_stream_seal(attest_ohttp_sealer_t *s, const uint8_t *pt,
    size_t n, uint8_t *out)
{
    int     rc, len;
    size_t  k;

    rc = attest_ohttp_stream_start(s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (n > ATTEST_OHTTP_MAX_STREAM - s->sealed) {
        return ATTEST_ELIMIT;
    }

    s->sealed += n;

    while (n != 0) {
        k = n < ATTEST_OHTTP_PIECE ? n : ATTEST_OHTTP_PIECE;

        if (EVP_CipherUpdate(s->aead.cipher, out, &len, pt, (int) k) != 1
            || (size_t) len != k)
        {
            s->ended = 1;
            OPENSSL_cleanse(out, n);
            return ATTEST_EINTERNAL;
        }

        pt += k;
        out += k;
        n -= k;
    }

    return ATTEST_OK;
}


int
attest_ohttp_stream_end(attest_ohttp_sealer_t *s,
    uint8_t tag[ATTEST_OHTTP_TAG_LEN])
{
    int      rc, len;
    uint8_t  none[16];

    rc = attest_ohttp_stream_start(s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    s->ended = 1;

    if (EVP_CipherFinal_ex(s->aead.cipher, none, &len) != 1
        || EVP_CIPHER_CTX_ctrl(s->aead.cipher, EVP_CTRL_AEAD_GET_TAG,
                               ATTEST_OHTTP_TAG_LEN, tag) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


size_t
attest_ohttp_chunk_prefix(size_t n)
{
    return attest_varint_len((uint64_t) n + ATTEST_OHTTP_TAG_LEN);
}


static int
attest_ohttp_seal(attest_ohttp_sealer_t *s, int final, const uint8_t *pt,
    size_t n, uint8_t *ct)
{
    size_t          aad_len = final ? sizeof(ATTEST_OHTTP_FINAL) - 1 : 0;
    const uint8_t  *aad = NULL;

    if (final) {
        aad = (const uint8_t *) ATTEST_OHTTP_FINAL;
    }

    if (s->hpke != NULL) {
        return attest_hpke_seal(s->hpke, aad, aad_len, pt, n, ct);
    }

    return attest_aead_seal(&s->aead, aad, aad_len, pt, n, ct);
}


int
attest_ohttp_seal_chunk(attest_ohttp_sealer_t *s, const uint8_t *pt, size_t n,
    uint8_t *out, size_t *len)
{
    int     rc;
    size_t  prefix;

    *len = 0;

    if (s->form != ATTEST_OHTTP_CHUNKED || s->ended || n == 0) {
        return ATTEST_EARG;
    }

    if (n > ATTEST_OHTTP_MAX_CHUNK) {
        return ATTEST_ELIMIT;
    }

    prefix = attest_varint_put(out, n + ATTEST_OHTTP_TAG_LEN);

    rc = attest_ohttp_seal(s, 0, pt, n, out + prefix);
    if (rc == ATTEST_OK) {
        *len = prefix + n + ATTEST_OHTTP_TAG_LEN;
    }

    return rc;
}


int
attest_ohttp_seal_final(attest_ohttp_sealer_t *s, const uint8_t *pt, size_t n,
    uint8_t *out, size_t *len)
{
    int  rc;

    *len = 0;

    if (s->form != ATTEST_OHTTP_CHUNKED || s->ended) {
        return ATTEST_EARG;
    }

    if (n > ATTEST_OHTTP_MAX_CHUNK) {
        return ATTEST_ELIMIT;
    }

    out[0] = 0;

    rc = attest_ohttp_seal(s, 1, pt, n, out + 1);
    if (rc == ATTEST_OK) {
        s->ended = 1;
        *len = 1 + n + ATTEST_OHTTP_TAG_LEN;
    }

    return rc;
}


void
attest_ohttp_sealer_clear(attest_ohttp_sealer_t *s)
{
    attest_aead_clear(&s->aead);
    OPENSSL_cleanse(s, sizeof(*s));
}
