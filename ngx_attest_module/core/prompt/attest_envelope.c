/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Seals a client's request.  The body is encrypted from where it lies, and
 * what stands around it in the caller's output: no other memory holds a copy.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <sodium.h>

#include "core/base/attest_hex.h"
#include "core/prompt/attest_envelope.h"


#define ATTEST_ENVELOPE_FRAME     (1024 * 1024)      /* of EHBP */
#define ATTEST_ENVELOPE_KEY       "Ehbp-Encapsulated-Key"

/* Names, numbers and ends of lines that we add to a head. */
#define ATTEST_ENVELOPE_HEAD      512
/* Lengths of the fields inside, at most. */
#define ATTEST_ENVELOPE_LENGTHS   (ATTEST_ENVELOPE_MAX_FIELDS                \
                                   * 2 * ATTEST_VARINT_MAX_LEN + 64)


typedef struct {
    uint8_t  *buf;
    size_t    room;
    size_t    len;
    int       full;                          /* it would have been more */
} attest_envelope_out_t;


/* A request inside, in the order of its parts. */

typedef struct {
    attest_span_t   head;
    attest_span_t   body;
    attest_span_t   tail;
    uint8_t         bytes[ATTEST_VARINT_MAX_LEN];    /* of the tail */
} attest_envelope_inner_t;


static int attest_envelope_suite(const attest_keyconfig_t *kc,
    attest_envelope_form_e form, attest_envelope_key_t *key);
static attest_envelope_form_e attest_envelope_for(
    const attest_keyconfig_t *kc, size_t count);
static void attest_envelope_put(attest_envelope_out_t *out, attest_span_t s);
static void attest_envelope_text(attest_envelope_out_t *out, const char *s);
static void attest_envelope_field(attest_envelope_out_t *out,
    attest_span_t name, attest_span_t value);
static void attest_envelope_length(attest_envelope_out_t *out, size_t n);
static bool attest_envelope_is_set(const attest_envelope_how_t *how,
    attest_span_t name);
static void attest_envelope_line(attest_envelope_out_t *out,
    attest_span_t method, attest_span_t target);

static int attest_envelope_ehbp(attest_envelope_t *e,
    const attest_envelope_key_t *key, const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_span_t body,
    attest_envelope_out_t *out);
static void attest_envelope_ehbp_head(attest_envelope_t *e,
    const attest_envelope_how_t *how, const attest_http1_t *req,
    attest_span_t body, attest_envelope_out_t *out);
static int attest_envelope_frames(attest_envelope_t *e, attest_span_t body,
    attest_envelope_out_t *out);

static int attest_envelope_ohttp(attest_envelope_t *e,
    const attest_envelope_key_t *key, const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_span_t body,
    attest_envelope_out_t *out);
static size_t attest_envelope_inner_room(const attest_envelope_how_t *how,
    const attest_http1_t *req);
static int attest_envelope_inner(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_span_t body, uint8_t *buf, size_t room,
    attest_envelope_inner_t *in);
static int attest_envelope_inner_tail(const attest_bhttp_encoder_t *enc,
    attest_envelope_inner_t *in);
static size_t attest_envelope_inner_left(const attest_envelope_inner_t *in);
static void attest_envelope_inner_take(attest_envelope_inner_t *in,
    uint8_t *to, size_t n);
static size_t attest_envelope_part(attest_span_t *part, uint8_t *to,
    size_t n);
static bool attest_envelope_inside(attest_span_t name);
static int attest_envelope_fields(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_bhttp_field_t *f, size_t *count);
static void attest_envelope_outer(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_envelope_form_e form, size_t len,
    attest_envelope_out_t *out);
static size_t attest_envelope_sealed(attest_envelope_form_e form, size_t n);
static int attest_envelope_whole(attest_envelope_t *e,
    attest_envelope_inner_t *in, attest_envelope_out_t *out);
static int attest_envelope_chunks(attest_envelope_t *e,
    attest_envelope_inner_t *in, attest_envelope_out_t *out);


/* The first suite of a member that the form can use, in its own order. */

static int
attest_envelope_suite(const attest_keyconfig_t *kc,
    attest_envelope_form_e form, attest_envelope_key_t *key)
{
    size_t  i;

    if (form == ATTEST_ENVELOPE_EHBP && kc->kem != ATTEST_KEM_X25519) {
        return ATTEST_EMISMATCH;
    }

    for (i = 0; i < kc->nsuites; i++) {

        if (kc->suites[i].kdf != ATTEST_KDF_HKDF_SHA256
            || attest_aead_key_len(kc->suites[i].aead) == 0
            || (form == ATTEST_ENVELOPE_EHBP
                && kc->suites[i].aead != ATTEST_AEAD_AES_256_GCM))
        {
            continue;
        }

        key->form = form;
        key->kc = kc;
        key->kdf = kc->suites[i].kdf;
        key->aead = kc->suites[i].aead;
        return ATTEST_OK;
    }

    return ATTEST_EMISMATCH;
}


static attest_envelope_form_e
attest_envelope_for(const attest_keyconfig_t *kc, size_t count)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (kc[i].kem != ATTEST_KEM_X25519 || kc[i].nsuites != 1
            || kc[i].suites[0].aead != ATTEST_AEAD_AES_256_GCM)
        {
            return ATTEST_ENVELOPE_OHTTP;
        }
    }

    return ATTEST_ENVELOPE_EHBP;
}


int
attest_envelope_choose(const attest_keyconfig_t *kc, size_t count,
    attest_envelope_form_e form, int xwing, attest_envelope_key_t *key)
{
    int     pass;
    size_t  i;

    memset(key, 0, sizeof(*key));

    if (form == ATTEST_ENVELOPE_AUTO) {
        form = attest_envelope_for(kc, count);
    }

    for (pass = xwing ? 0 : 1; pass < 2; pass++) {
        for (i = 0; i < count; i++) {

            if ((kc[i].kem == ATTEST_KEM_XWING) != (pass == 0)) {
                continue;
            }

            if (attest_envelope_suite(&kc[i], form, key) == ATTEST_OK) {
                return ATTEST_OK;
            }
        }
    }

    return ATTEST_EMISMATCH;
}


static void
attest_envelope_put(attest_envelope_out_t *out, attest_span_t s)
{
    if (s.n > out->room - out->len) {
        out->full = 1;
        return;
    }

    if (s.n != 0) {
        memcpy(out->buf + out->len, s.p, s.n);
        out->len += s.n;
    }
}


static void
attest_envelope_text(attest_envelope_out_t *out, const char *s)
{
    attest_envelope_put(out, attest_span_text(s));
}


static void
attest_envelope_field(attest_envelope_out_t *out, attest_span_t name,
    attest_span_t value)
{
    attest_envelope_put(out, name);
    attest_envelope_text(out, ": ");
    attest_envelope_put(out, value);
    attest_envelope_text(out, "\r\n");
}


static void
attest_envelope_length(attest_envelope_out_t *out, size_t n)
{
    char    text[24], *p = text + sizeof(text);
    size_t  len;

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    len = (size_t) (text + sizeof(text) - p);

    attest_envelope_field(out, attest_span_literal("Content-Length"),
                          attest_span(p, len));
}


static bool
attest_envelope_is_set(const attest_envelope_how_t *how, attest_span_t name)
{
    size_t  i, k;

    for (i = 0; i < how->nset; i++) {

        if (how->set[i].name.n != name.n) {
            continue;
        }

        for (k = 0; k < name.n; k++) {
            if ((how->set[i].name.p[k] | 0x20) != (name.p[k] | 0x20)) {
                break;
            }
        }

        if (k == name.n) {
            return true;
        }
    }

    return false;
}


static void
attest_envelope_line(attest_envelope_out_t *out, attest_span_t method,
    attest_span_t target)
{
    attest_envelope_put(out, method);
    attest_envelope_text(out, " ");
    attest_envelope_put(out, target);
    attest_envelope_text(out, " HTTP/1.1\r\n");
}


size_t
attest_envelope_room(const attest_http1_t *req, attest_span_t body,
    const attest_envelope_key_t *key, const attest_envelope_how_t *how)
{
    size_t  i, n;

    /* what lies in memory is never as long, so that no sum overflows */

    if (body.n > SIZE_MAX / 4) {
        return 0;
    }

    n = 2 * (req->method.n + req->target.n + req->fields.n)
        + how->path.n + how->authority.n + how->date.n
        + ATTEST_ENVELOPE_HEAD;

    for (i = 0; i < how->nset; i++) {
        n += 2 * (how->set[i].name.n + how->set[i].value.n) + 8;
    }

    if (key->form == ATTEST_ENVELOPE_EHBP) {
        return n + body.n + ATTEST_EHBP_OVERHEAD
                   * (body.n / ATTEST_ENVELOPE_FRAME + 1);
    }

    n += ATTEST_OHTTP_MAX_HEAD + ATTEST_ENVELOPE_LENGTHS + body.n;

    return n + ATTEST_OHTTP_OVERHEAD * (n / ATTEST_OHTTP_MAX_CHUNK + 2);
}


int
attest_envelope_seal(attest_envelope_t *e, const attest_envelope_key_t *key,
    const attest_envelope_how_t *how, const attest_http1_t *req,
    attest_span_t body, uint8_t *out, size_t room, size_t *len)
{
    int                    rc;
    attest_envelope_out_t  o = { out, room, 0, 0 };

    memset(e, 0, sizeof(*e));
    *len = 0;

    rc = key->form == ATTEST_ENVELOPE_EHBP
         ? attest_envelope_ehbp(e, key, how, req, body, &o)
         : attest_envelope_ohttp(e, key, how, req, body, &o);

    if (rc == ATTEST_OK && o.full) {
        rc = ATTEST_ENOSPACE;
    }

    if (rc != ATTEST_OK) {
        attest_envelope_clear(e);
        sodium_memzero(out, room);
        return rc;
    }

    *len = o.len;

    return ATTEST_OK;
}


void
attest_envelope_clear(attest_envelope_t *e)
{
    attest_hpke_ctx_clear(&e->hpke);
    attest_ohttp_clear(&e->ohttp);
    OPENSSL_cleanse(e, sizeof(*e));
}


static int
attest_envelope_ehbp(attest_envelope_t *e, const attest_envelope_key_t *key,
    const attest_envelope_how_t *how, const attest_http1_t *req,
    attest_span_t body, attest_envelope_out_t *out)
{
    int  rc;

    e->form = ATTEST_ENVELOPE_NONE;

    if (body.n != 0) {
        rc = attest_ehbp_client_with(&e->hpke, key->tools, key->kc->pk,
                                     e->enc);
        if (rc != ATTEST_OK) {
            return rc;
        }

        e->form = ATTEST_ENVELOPE_EHBP;
    }

    attest_envelope_ehbp_head(e, how, req, body, out);

    return attest_envelope_frames(e, body, out);
}


/*
 * Lengths of the plaintext give way to that of the frames; where there is
 * nothing to seal they stay.
 */

static void
attest_envelope_ehbp_head(attest_envelope_t *e,
    const attest_envelope_how_t *how, const attest_http1_t *req,
    attest_span_t body, attest_envelope_out_t *out)
{
    char                   hex[2 * ATTEST_EHBP_ENC_LEN + 1];
    size_t                 i, frames;
    attest_span_t          fields = req->fields;
    attest_bhttp_field_t   f;

    attest_envelope_line(out, req->method, req->target);

    while (attest_http1_next(&fields, &f)) {

        if (attest_envelope_is_set(how, f.name)
            || attest_http1_named(f.name, "ehbp-encapsulated-key")
            || (body.n != 0
                && (attest_http1_named(f.name, "content-length")
                    || attest_http1_named(f.name, "transfer-encoding"))))
        {
            continue;
        }

        attest_envelope_field(out, f.name, f.value);
    }

    for (i = 0; i < how->nset; i++) {
        attest_envelope_field(out, how->set[i].name, how->set[i].value);
    }

    if (body.n != 0) {
        frames = (body.n - 1) / ATTEST_ENVELOPE_FRAME + 1;
        attest_envelope_length(out, body.n + frames * ATTEST_EHBP_OVERHEAD);

        attest_hex_encode(hex, e->enc, ATTEST_EHBP_ENC_LEN);
        attest_envelope_field(out, attest_span_literal(ATTEST_ENVELOPE_KEY),
                              attest_span_text(hex));
    }

    attest_envelope_text(out, "\r\n");
}


static int
attest_envelope_frames(attest_envelope_t *e, attest_span_t body,
    attest_envelope_out_t *out)
{
    int     rc;
    size_t  n;

    while (body.n != 0) {
        n = body.n < ATTEST_ENVELOPE_FRAME ? body.n : ATTEST_ENVELOPE_FRAME;

        if (n + ATTEST_EHBP_OVERHEAD > out->room - out->len) {
            return ATTEST_ENOSPACE;
        }

        rc = attest_ehbp_client_seal(&e->hpke, body.p, n,
                                     out->buf + out->len);
        if (rc != ATTEST_OK) {
            return rc;
        }

        out->len += n + ATTEST_EHBP_OVERHEAD;
        body = attest_span(body.p + n, body.n - n);
    }

    return ATTEST_OK;
}


/*
 * What stands before the body is written to the end of what room there is,
 * and moved from there to where it is sealed: its length, which stands in
 * front of all, is known by then.
 */

static int
attest_envelope_ohttp(attest_envelope_t *e, const attest_envelope_key_t *key,
    const attest_envelope_how_t *how, const attest_http1_t *req,
    attest_span_t body, attest_envelope_out_t *out)
{
    int                       rc;
    size_t                    n, room, head = ATTEST_OHTTP_MAX_HEAD;
    uint8_t                   start[ATTEST_OHTTP_MAX_HEAD], *end;
    attest_envelope_inner_t   in;

    rc = attest_ohttp_sender_with(&e->ohttp, key->tools,
                                  key->form == ATTEST_ENVELOPE_OHTTP
                                  ? ATTEST_OHTTP_CHUNKED : ATTEST_OHTTP_WHOLE,
                                  key->kc, key->kdf, key->aead, start, &head);
    if (rc != ATTEST_OK) {
        return rc;
    }

    e->form = key->form;

    room = attest_envelope_inner_room(how, req);

    if (room > out->room) {
        return ATTEST_ENOSPACE;
    }

    rc = attest_envelope_inner(how, req, body, out->buf + out->room - room,
                               room, &in);
    if (rc != ATTEST_OK) {
        return rc;
    }

    end = (uint8_t *) in.head.p + in.head.n;
    n = attest_envelope_sealed(key->form, attest_envelope_inner_left(&in));

    attest_envelope_outer(how, req, key->form, head + n, out);
    attest_envelope_put(out, attest_span(start, head));

    /* nothing of the head is written over before it is sealed */

    if (out->full || n > out->room - out->len
        || out->buf + out->len
           + attest_envelope_sealed(key->form, in.head.n) > end)
    {
        return ATTEST_ENOSPACE;
    }

    rc = key->form == ATTEST_ENVELOPE_OHTTP
         ? attest_envelope_chunks(e, &in, out)
         : attest_envelope_whole(e, &in, out);

    /* what the ciphertext did not cover */
    sodium_memzero(out->buf + out->len, out->room - out->len);

    return rc;
}


/* As much as the caller was told that it takes, and no more. */

static size_t
attest_envelope_inner_room(const attest_envelope_how_t *how,
    const attest_http1_t *req)
{
    size_t  i, n;

    n = req->method.n + req->target.n + req->fields.n + how->authority.n
        + how->date.n + ATTEST_ENVELOPE_LENGTHS + ATTEST_ENVELOPE_HEAD / 2;

    for (i = 0; i < how->nset; i++) {
        n += how->set[i].name.n + how->set[i].value.n;
    }

    return n;
}


/* Binary HTTP of known length, RFC 9292 section 3.1. */

static int
attest_envelope_inner(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_span_t body, uint8_t *buf, size_t room,
    attest_envelope_inner_t *in)
{
    int                       rc;
    size_t                    count = 0;
    attest_bhttp_field_t      f[ATTEST_ENVELOPE_MAX_FIELDS];
    attest_bhttp_encoder_t    enc;
    attest_bhttp_request_t    r;

    memset(&r, 0, sizeof(r));
    r.method = req->method;
    r.scheme = attest_span_literal("https");
    r.authority = how->authority.n != 0 ? how->authority
                                        : attest_http1_find(req, "host");
    r.path = req->target;

    if (!attest_bhttp_is_path(r.path.p, r.path.n)
        || !attest_bhttp_is_authority(r.authority.p, r.authority.n))
    {
        return ATTEST_EFORMAT;
    }

    rc = attest_envelope_fields(how, req, f, &count);

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_encoder_init(&enc, ATTEST_BHTTP_REQUEST_KNOWN, buf,
                                       room);
    }

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_put_request(&enc, &r);
    }

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_put_fields(&enc, f, count);
    }

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_put_content_length(&enc, body.n);
    }

    if (rc == ATTEST_OK) {
        in->head = attest_span(buf, enc.len);
        in->body = body;
        rc = attest_envelope_inner_tail(&enc, in);
    }

    return rc;
}


/* No trailers, which not every gateway takes for granted. */

static int
attest_envelope_inner_tail(const attest_bhttp_encoder_t *enc,
    attest_envelope_inner_t *in)
{
    int                      rc;
    attest_bhttp_encoder_t   tail = *enc;

    tail.buf = in->bytes;
    tail.room = sizeof(in->bytes);
    tail.len = 0;

    rc = attest_bhttp_put_fields(&tail, NULL, 0);

    in->tail = attest_span(in->bytes, tail.len);

    return rc;
}


static size_t
attest_envelope_inner_left(const attest_envelope_inner_t *in)
{
    return in->head.n + in->body.n + in->tail.n;
}


/* The next n bytes; of the head they may lie behind where they go. */

static void
attest_envelope_inner_take(attest_envelope_inner_t *in, uint8_t *to, size_t n)
{
    size_t  k;

    k = attest_envelope_part(&in->head, to, n);
    k += attest_envelope_part(&in->body, to + k, n - k);
    (void) attest_envelope_part(&in->tail, to + k, n - k);
}


static size_t
attest_envelope_part(attest_span_t *part, uint8_t *to, size_t n)
{
    n = n < part->n ? n : part->n;

    if (n != 0) {
        memmove(to, part->p, n);
        *part = attest_span(part->p + n, part->n - n);
    }

    return n;
}


/*
 * What is said of one connection, of the length and of the target stands
 * outside, or elsewhere; a proxy's credentials are not for the gateway.
 */

static bool
attest_envelope_inside(attest_span_t name)
{
    size_t  i;

    static const char * const  outside[] = {
        "host", "content-length", "expect", "proxy-authorization",
        "proxy-authenticate", "connection", "keep-alive", "proxy-connection",
        "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
        "ehbp-encapsulated-key", "incremental"
    };

    for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (attest_http1_named(name, outside[i])) {
            return false;
        }
    }

    return true;
}


static int
attest_envelope_fields(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_bhttp_field_t *f, size_t *count)
{
    int            dated = how->date.n == 0;
    size_t         i, n = 0;
    attest_span_t  fields = req->fields;

    while (n < ATTEST_ENVELOPE_MAX_FIELDS
           && attest_http1_next(&fields, &f[n]))
    {
        dated |= attest_http1_named(f[n].name, "date");

        if (attest_envelope_inside(f[n].name)
            && !attest_envelope_is_set(how, f[n].name))
        {
            n++;
        }
    }

    if (how->nset + !dated > ATTEST_ENVELOPE_MAX_FIELDS - n) {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < how->nset; i++) {
        f[n++] = how->set[i];
    }

    if (!dated) {
        f[n].name = attest_span_literal("date");
        f[n++].value = how->date;
    }

    *count = n;

    return fields.n == 0 ? ATTEST_OK : ATTEST_ELIMIT;
}


static void
attest_envelope_outer(const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_envelope_form_e form, size_t len,
    attest_envelope_out_t *out)
{
    attest_span_t          fields = req->fields;
    attest_bhttp_field_t   f;

    attest_envelope_line(out, attest_span_literal("POST"), how->path);

    while (attest_http1_next(&fields, &f)) {
        if (attest_http1_named(f.name, "host")
            || attest_http1_named(f.name, "connection")
            || attest_http1_named(f.name, "keep-alive")
            || attest_http1_named(f.name, "proxy-authorization"))
        {
            attest_envelope_field(out, f.name, f.value);
        }
    }

    attest_envelope_text(out, "Content-Type: ");

    if (form == ATTEST_ENVELOPE_OHTTP) {
        attest_envelope_text(out, ATTEST_OHTTP_TYPE_CHUNKED_REQ "\r\n"
                                  "Incremental: ?1\r\n");

    } else {
        attest_envelope_text(out, ATTEST_OHTTP_TYPE_REQ "\r\n");
    }

    attest_envelope_length(out, len);
    attest_envelope_text(out, "\r\n");
}


/* Bytes that n of Binary HTTP become. */

static size_t
attest_envelope_sealed(attest_envelope_form_e form, size_t n)
{
    size_t  len = 0;

    if (form == ATTEST_ENVELOPE_OHTTP_WHOLE) {
        return n + ATTEST_OHTTP_TAG_LEN;
    }

    for ( /* void */ ; n > ATTEST_OHTTP_MAX_CHUNK;
         n -= ATTEST_OHTTP_MAX_CHUNK)
    {
        len += attest_ohttp_chunk_prefix(ATTEST_OHTTP_MAX_CHUNK)
               + ATTEST_OHTTP_MAX_CHUNK + ATTEST_OHTTP_TAG_LEN;
    }

    return len + 1 + n + ATTEST_OHTTP_TAG_LEN;
}


static int
attest_envelope_whole(attest_envelope_t *e, attest_envelope_inner_t *in,
    attest_envelope_out_t *out)
{
    int       rc;
    size_t    n = attest_envelope_inner_left(in);
    uint8_t  *to = out->buf + out->len;

    attest_envelope_inner_take(in, to, n);

    rc = attest_ohttp_seal_request(&e->ohttp, to, n, to);

    out->len += rc == ATTEST_OK ? n + ATTEST_OHTTP_TAG_LEN : 0;

    return rc;
}


/* What of the body fills a chunk is sealed from where it lies. */

static int
attest_envelope_chunks(attest_envelope_t *e, attest_envelope_inner_t *in,
    attest_envelope_out_t *out)
{
    int                     rc;
    size_t                  n, piece, len, prefix;
    uint8_t                *to;
    const uint8_t          *from;
    attest_ohttp_sealer_t   s;

    rc = attest_ohttp_sealer_request(&s, &e->ohttp);

    while (rc == ATTEST_OK && !s.ended) {
        n = attest_envelope_inner_left(in);
        piece = n < ATTEST_OHTTP_MAX_CHUNK ? n : ATTEST_OHTTP_MAX_CHUNK;
        prefix = n > piece ? attest_ohttp_chunk_prefix(piece) : 1;
        to = out->buf + out->len;

        if (in->head.n == 0 && in->body.n >= piece) {
            from = in->body.p;
            in->body = attest_span(in->body.p + piece, in->body.n - piece);

        } else {
            from = to + prefix;
            attest_envelope_inner_take(in, to + prefix, piece);
        }

        rc = n > piece ? attest_ohttp_seal_chunk(&s, from, piece, to, &len)
                       : attest_ohttp_seal_final(&s, from, piece, to, &len);

        out->len += len;
    }

    attest_ohttp_sealer_clear(&s);

    return rc;
}
