/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opens answers, piece by piece, in one buffer of the caller's.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_wire.h"
#include "core/prompt/attest_answer.h"


#define ATTEST_ANSWER_PREFIX    4            /* u32be, of a frame */
#define ATTEST_ANSWER_FIRST     (16 * 1024)  /* room that is asked for */


static int attest_answer_fail(attest_answer_t *a, int rc, const char *why);
static int attest_answer_room(attest_answer_t *a, size_t want);

static int attest_answer_frames(attest_answer_t *a, const uint8_t *in,
    size_t n, size_t *used);
static int attest_answer_length(attest_answer_t *a);
static int attest_answer_frame(attest_answer_t *a, const uint8_t *in,
    size_t n, size_t *used);
static int attest_answer_open(attest_answer_t *a, const uint8_t *ct);

static size_t attest_answer_nonce(attest_answer_t *a, const uint8_t *in,
    size_t n);
static int attest_answer_begin(attest_answer_t *a);
static int attest_answer_chunks(attest_answer_t *a, const uint8_t *in,
    size_t n, size_t *used);
static int attest_answer_gather(attest_answer_t *a, const uint8_t *in,
    size_t n, size_t *used);
static int attest_answer_decode(attest_answer_t *a);
static int attest_answer_opened(attest_answer_t *a);
static int attest_answer_end(attest_answer_t *a);

static int attest_answer_status(void *data, unsigned status);
static int attest_answer_field(void *data, attest_span_t name,
    attest_span_t value, int trailer);
static int attest_answer_head(void *data);
static int attest_answer_content(void *data, attest_span_t piece);


int
attest_answer_ehbp(attest_answer_t *a, const attest_envelope_t *envelope,
    attest_span_t nonce, int required, size_t limit)
{
    int      rc;
    uint8_t  bytes[ATTEST_EHBP_NONCE_LEN];

    memset(a, 0, sizeof(*a));

    if (envelope->form != ATTEST_ENVELOPE_EHBP || limit > UINT32_MAX / 2) {
        return ATTEST_EARG;
    }

    a->envelope = envelope;
    a->required = required ? 1 : 0;
    a->limit = limit;

    rc = attest_hex_exact(nonce, bytes, sizeof(bytes));
    if (rc != ATTEST_OK) {
        return attest_answer_fail(a, rc, "its nonce is none");
    }

    return attest_ehbp_response(&a->aead, &envelope->hpke, envelope->enc,
                                bytes, 0);
}


int
attest_answer_ohttp(attest_answer_t *a, const attest_envelope_t *envelope,
    const attest_answer_handler_t *handler, void *data, uint8_t *scratch,
    size_t limit)
{
    attest_bhttp_limits_t         limits;
    const attest_bhttp_handler_t  own = {
        NULL, attest_answer_status, attest_answer_field, attest_answer_head,
        attest_answer_content
    };

    memset(a, 0, sizeof(*a));

    if ((envelope->form != ATTEST_ENVELOPE_OHTTP
         && envelope->form != ATTEST_ENVELOPE_OHTTP_WHOLE)
        || limit > UINT32_MAX / 2)
    {
        return ATTEST_EARG;
    }

    a->envelope = envelope;
    a->handler = *handler;
    a->data = data;
    a->limit = limit;

    /* a stream may be as long as it likes: nothing of it is kept */

    attest_bhttp_limits_default(&limits, SIZE_MAX / 4, SIZE_MAX / 4);
    limits.max_method = 0;
    limits.max_scheme = 0;
    limits.max_authority = 0;
    limits.max_path = 0;

    return attest_bhttp_decoder_init(&a->bhttp, ATTEST_BHTTP_RESPONSE,
                                     &limits, &own, a, scratch,
                                     ATTEST_ANSWER_SCRATCH);
}


/* What is left behind the plain bytes may be ciphertext under our key. */

static int
attest_answer_fail(attest_answer_t *a, int rc, const char *why)
{
    a->rc = rc;

    if (a->why == NULL) {
        a->why = why != NULL ? why
                 : rc == ATTEST_ECRYPTO ? "it was changed on its way"
                 : rc == ATTEST_ELIMIT ? "a part of it is too long"
                 : "it is malformed";
    }

    return rc;
}


static int
attest_answer_room(attest_answer_t *a, size_t want)
{
    if (want <= a->room) {
        return ATTEST_OK;
    }

    a->want = want;

    return ATTEST_ENOSPACE;
}


int
attest_answer_feed(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used)
{
    int  rc;

    *used = 0;

    if (a->rc != ATTEST_OK || a->done) {
        return a->done ? ATTEST_EARG : a->rc;
    }

    if (a->envelope->form == ATTEST_ENVELOPE_EHBP) {
        rc = attest_answer_frames(a, in, n, used);

    } else {
        *used = attest_answer_nonce(a, in, n);

        rc = *used < n ? attest_answer_begin(a) : ATTEST_OK;

        if (rc == ATTEST_OK && *used < n) {
            rc = a->envelope->form == ATTEST_ENVELOPE_OHTTP
                 ? attest_answer_chunks(a, in, n, used)
                 : attest_answer_gather(a, in, n, used);
        }
    }

    return rc == ATTEST_OK || rc == ATTEST_ENOSPACE
           ? rc : attest_answer_fail(a, rc, NULL);
}


static int
attest_answer_frames(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used)
{
    int     rc = ATTEST_OK;
    size_t  k;

    while (rc == ATTEST_OK && *used < n) {

        if (a->marked && a->required) {
            a->why = "something follows its end";
            return ATTEST_EFORMAT;
        }

        if (a->prefix_len == ATTEST_ANSWER_PREFIX) {
            rc = attest_answer_frame(a, in + *used, n - *used, &k);
            *used += k;
            continue;
        }

        a->prefix[a->prefix_len++] = in[(*used)++];

        if (a->prefix_len == ATTEST_ANSWER_PREFIX) {
            rc = attest_answer_length(a);
        }
    }

    return rc;
}


/* Nobody has signed it: it is held against the limit before all else. */

static int
attest_answer_length(attest_answer_t *a)
{
    a->need = attest_wire_get_be32(a->prefix);

    if (a->need == 0) {
        a->prefix_len = 0;
        return ATTEST_OK;
    }

    if (a->need < ATTEST_HPKE_NT) {
        return ATTEST_ECRYPTO;
    }

    return a->need - ATTEST_HPKE_NT > a->limit ? ATTEST_ELIMIT : ATTEST_OK;
}


/* From where it lies, when all of it is there, or gathered before. */

static int
attest_answer_frame(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used)
{
    int     rc;
    size_t  max = a->need - a->have;

    *used = 0;
    n = n < max ? n : max;

    rc = attest_answer_room(a, a->plain + a->need
                               - (n == a->need ? ATTEST_HPKE_NT : 0));
    if (rc != ATTEST_OK) {
        return rc;
    }

    *used = n;

    if (n == a->need) {
        return attest_answer_open(a, in);
    }

    memcpy(a->buf + a->plain + a->have, in, n);
    a->have += n;

    return a->have == a->need ? attest_answer_open(a, a->buf + a->plain)
                              : ATTEST_OK;
}


static int
attest_answer_open(attest_answer_t *a, const uint8_t *ct)
{
    int  rc;

    rc = attest_aead_open(&a->aead, NULL, 0, ct, a->need, a->buf + a->plain);

    a->have = 0;
    a->prefix_len = 0;

    if (rc != ATTEST_OK) {
        return rc;
    }

    a->frames++;
    a->plain += a->need - ATTEST_HPKE_NT;

    /* of our gateways; others may say nothing in many frames */
    a->marked = a->need == ATTEST_HPKE_NT;

    return ATTEST_OK;
}


/* How much of n belongs to the nonce, which is copied. */

static size_t
attest_answer_nonce(attest_answer_t *a, const uint8_t *in, size_t n)
{
    size_t  len, lacks;

    len = attest_ohttp_nonce_len(a->envelope->ohttp.header.suite.aead);
    lacks = len - a->prefix_len;
    n = n < lacks ? n : lacks;

    if (n != 0) {
        memcpy(a->prefix + a->prefix_len, in, n);
        a->prefix_len += n;
    }

    return n;
}


/* There is something behind the nonce: what opens it is made, once. */

static int
attest_answer_begin(attest_answer_t *a)
{
    attest_ohttp_limits_t  limits;

    if (a->frames != 0) {
        return ATTEST_OK;
    }

    a->frames = 1;

    if (a->envelope->form == ATTEST_ENVELOPE_OHTTP_WHOLE) {
        return ATTEST_OK;
    }

    limits.max_chunk = a->limit;
    limits.max_total = SIZE_MAX / 2;
    limits.max_chunks = SIZE_MAX;

    return attest_ohttp_opener_response(&a->opener, &a->envelope->ohttp,
                                        a->prefix, &limits, NULL, 0);
}


static int
attest_answer_chunks(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used)
{
    int     rc, open;
    size_t  k, want;

    a->opener.buf = a->buf;
    a->opener.room = a->room;

    open = attest_ohttp_opener_feed(&a->opener, in + *used, n - *used, &k);
    *used += k;

    rc = attest_answer_decode(a);

    if (rc != ATTEST_OK || open != ATTEST_ENOSPACE) {
        return rc != ATTEST_OK ? rc : open;
    }

    /* the last chunk does not say how long it is */

    want = a->opener.plain
           + (a->opener.need > a->opener.have ? a->opener.need
              : 2 * a->opener.have);
    a->want = want < ATTEST_ANSWER_FIRST ? ATTEST_ANSWER_FIRST : want;

    return ATTEST_ENOSPACE;
}


/* Not chunked: nothing can be said of it before its tag was checked. */

static int
attest_answer_gather(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used)
{
    size_t  left, max = a->limit + ATTEST_OHTTP_TAG_LEN;

    n -= *used;

    if (n > max - a->have) {
        return ATTEST_ELIMIT;
    }

    left = a->room - a->have;
    left = n < left ? n : left;

    if (left != 0) {
        memcpy(a->buf + a->have, in + *used, left);
        a->have += left;
        *used += left;
    }

    if (left == n) {
        return ATTEST_OK;
    }

    a->want = 2 * (a->have + ATTEST_ANSWER_FIRST / 2);
    a->want = a->want < max ? a->want : max;

    return ATTEST_ENOSPACE;
}


/*
 * What was opened behind `ready` is Binary HTTP: content moves down to it, and
 * the rest is not needed any more.
 */

static int
attest_answer_decode(attest_answer_t *a)
{
    int     rc;
    size_t  n = a->opener.plain - a->ready;

    rc = n != 0 ? attest_bhttp_feed(&a->bhttp, a->buf + a->ready, n)
                : ATTEST_OK;

    if (rc != ATTEST_OK && a->bhttp.why != NULL) {
        a->why = a->bhttp.why;
    }

    (void) attest_ohttp_opener_keep(&a->opener, a->ready);
    a->plain = a->opener.plain;

    return rc;
}


/* A message that was not chunked, opened in its place. */

static int
attest_answer_opened(attest_answer_t *a)
{
    int            rc;
    size_t         n = a->have;
    attest_aead_t  aead;

    if (n < ATTEST_OHTTP_TAG_LEN) {
        return ATTEST_EFORMAT;
    }

    rc = attest_ohttp_response(&aead, &a->envelope->ohttp, a->prefix, 0);

    if (rc == ATTEST_OK) {
        rc = attest_aead_open(&aead, NULL, 0, a->buf, n, a->buf);
    }

    attest_aead_clear(&aead);

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_feed(&a->bhttp, a->buf, n - ATTEST_OHTTP_TAG_LEN);
    }

    OPENSSL_cleanse(a->buf + a->ready, n - a->ready);
    a->have = 0;
    a->plain = a->ready;

    return rc;
}


void
attest_answer_take(attest_answer_t *a)
{
    if (a->envelope->form == ATTEST_ENVELOPE_OHTTP) {
        (void) attest_ohttp_opener_take(&a->opener, a->plain);

    } else if (a->plain != 0) {
        memmove(a->buf, a->buf + a->plain, a->have);
        OPENSSL_cleanse(a->buf + a->have, a->plain);
    }

    a->plain = 0;
    a->ready = 0;
}


size_t
attest_answer_kept(const attest_answer_t *a)
{
    return a->plain + (a->envelope->form == ATTEST_ENVELOPE_OHTTP
                       ? a->opener.have : a->have);
}


int
attest_answer_finish(attest_answer_t *a)
{
    int  rc;

    if (a->rc != ATTEST_OK || a->done) {
        return a->done ? ATTEST_EARG : a->rc;
    }

    rc = attest_answer_end(a);

    if (rc != ATTEST_OK) {
        return attest_answer_fail(a, rc, rc == ATTEST_EFORMAT
                                         ? "it was cut" : NULL);
    }

    a->done = 1;

    return ATTEST_OK;
}


static int
attest_answer_end(attest_answer_t *a)
{
    int  rc;

    if (a->envelope->form == ATTEST_ENVELOPE_EHBP) {

        /* without a frame, anybody could have said it */

        return a->prefix_len == 0 && a->frames != 0
               && (a->marked || !a->required) ? ATTEST_OK : ATTEST_EFORMAT;
    }

    if (a->frames == 0) {
        return ATTEST_EFORMAT;
    }

    if (a->envelope->form == ATTEST_ENVELOPE_OHTTP) {
        a->opener.buf = a->buf;
        a->opener.room = a->room;

        rc = attest_ohttp_opener_finish(&a->opener);

        if (rc == ATTEST_OK) {
            rc = attest_answer_decode(a);
        }

    } else {
        rc = attest_answer_opened(a);
    }

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_finish(&a->bhttp);
    }

    if (rc != ATTEST_OK && a->bhttp.why != NULL) {
        a->why = a->bhttp.why;
    }

    return rc;
}


void
attest_answer_clear(attest_answer_t *a)
{
    size_t  n;

    if (a->envelope == NULL) {
        return;
    }

    n = attest_answer_kept(a);

    if (n != 0) {
        OPENSSL_cleanse(a->buf, n);
    }

    attest_aead_clear(&a->aead);
    attest_aead_clear(&a->opener.aead);

    if (a->bhttp.scratch != NULL) {
        attest_bhttp_decoder_clear(&a->bhttp);
    }

    OPENSSL_cleanse(a, sizeof(*a));
}


static int
attest_answer_status(void *data, unsigned status)
{
    attest_answer_t  *a = data;

    a->interim = status < 200;

    return a->interim ? ATTEST_OK : a->handler.status(a->data, status);
}


static int
attest_answer_field(void *data, attest_span_t name, attest_span_t value,
    int trailer)
{
    attest_answer_t  *a = data;

    return a->interim ? ATTEST_OK
                      : a->handler.field(a->data, name, value, trailer);
}


static int
attest_answer_head(void *data)
{
    attest_answer_t  *a = data;

    if (a->interim) {
        return ATTEST_OK;
    }

    a->headed = 1;

    return a->handler.head(a->data);
}


static int
attest_answer_content(void *data, attest_span_t piece)
{
    attest_answer_t  *a = data;

    /* the piece lies in buf, at or behind where it goes */

    memmove(a->buf + a->ready, piece.p, piece.n);
    a->ready += piece.n;

    return ATTEST_OK;
}
