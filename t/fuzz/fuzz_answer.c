/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers of gateways, the client's side.  The first byte chooses the form
 * and whether the rest is what an attacker sends (0 to 3), or the plaintext
 * that a gateway seals (from 4 on); the second is the length of pieces.  In
 * one piece and in many the outcome is the same, and nothing comes out of
 * what nobody has sealed.
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/attest_hex.h"
#include "core/prompt/attest_answer.h"


#define MAX_DATA   4096
#define MAX_WIRE   (2 * MAX_DATA + 1024)
#define LIMIT      1000

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


typedef struct {
    int       rc;
    unsigned  status;
    size_t    fields;
    size_t    len;
    uint8_t   body[MAX_WIRE];
} outcome_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void setup(void);
static int on_status(void *data, unsigned status);
static int on_field(void *data, attest_span_t name, attest_span_t value,
    int trailer);
static int on_head(void *data);
static size_t seal(const uint8_t *p, size_t n, size_t chunk);
static void feed(attest_answer_t *a, const uint8_t *p, size_t n,
    outcome_t *o);
static void run(const uint8_t *wire, size_t n, size_t piece, outcome_t *o);


static attest_kem_key_t        key;
static attest_keyconfig_t      kc;
static attest_envelope_t       envelope[3];
static attest_ohttp_t          gateway[3];
static attest_hpke_ctx_t       hpke;
static attest_envelope_form_e  form;
static uint8_t                 nonce[32];
static uint8_t                 sealed[MAX_WIRE];
static outcome_t               a, b;

static const attest_answer_handler_t  handler = {
    on_status, on_field, on_head
};


static void
setup(void)
{
    size_t                  i, len, used;
    uint8_t                 out[4096];
    attest_http1_t          h;
    attest_span_t           rest;
    attest_ohttp_head_t     head;
    attest_envelope_key_t   k;
    attest_envelope_how_t   how;

    CHECK(attest_kem_key_generate(&key, ATTEST_KEM_X25519) == ATTEST_OK);

    kc.kem = ATTEST_KEM_X25519;
    kc.pk = attest_span(key.pk, key.pk_len);
    kc.nsuites = 1;
    kc.suites[0].kdf = ATTEST_KDF_HKDF_SHA256;
    kc.suites[0].aead = ATTEST_AEAD_AES_256_GCM;

    memset(&how, 0, sizeof(how));
    how.path = attest_span_literal("/gw");

    for (i = 0; i < 3; i++) {
        (void) attest_http1_parse(attest_span_literal(
                       "POST / HTTP/1.1\r\nHost: a\r\n\r\n"), &h);
        CHECK(attest_envelope_choose(&kc, 1, ATTEST_ENVELOPE_EHBP + i, 0, &k)
              == ATTEST_OK);
        CHECK(attest_envelope_seal(&envelope[i], &k, &how, &h,
                                   attest_span_literal("x"), out, sizeof(out),
                                   &len) == ATTEST_OK);

        if (i == 0) {
            CHECK(attest_ehbp_recipient(&hpke, &key, envelope[i].enc)
                  == ATTEST_OK);
            continue;
        }

        CHECK(attest_http1_parse(attest_span(out, len), &h) == ATTEST_OK);
        rest = h.rest;
        memset(&head, 0, sizeof(head));
        CHECK(attest_ohttp_head_feed(&head, rest.p, rest.n, &used)
              == ATTEST_OK);
        CHECK(attest_ohttp_recipient(&gateway[i],
                                     i == 1 ? ATTEST_OHTTP_CHUNKED
                                            : ATTEST_OHTTP_WHOLE,
                                     &kc, &key, &head) == ATTEST_OK);
    }
}


static int
on_status(void *data, unsigned status)
{
    outcome_t  *o = data;

    CHECK(status >= 200 && status <= 599);
    o->status = status;

    return ATTEST_OK;
}


static int
on_field(void *data, attest_span_t name, attest_span_t value, int trailer)
{
    outcome_t  *o = data;

    CHECK(name.n != 0 && attest_bhttp_is_name(name.p, name.n)
          && attest_bhttp_is_value(value.p, value.n));
    o->fields += 1 + (size_t) trailer;

    return ATTEST_OK;
}


static int
on_head(void *data)
{
    outcome_t  *o = data;

    CHECK(o->status != 0);

    return ATTEST_OK;
}


static size_t
seal(const uint8_t *p, size_t n, size_t chunk)
{
    size_t                  k, len, all = 0;
    attest_aead_t           aead;
    attest_ohttp_sealer_t   s;

    if (form == ATTEST_ENVELOPE_EHBP) {
        CHECK(attest_ehbp_response(&aead, &hpke, envelope[0].enc, nonce, 1)
              == ATTEST_OK);

        for ( /* void */ ; n != 0; p += k, n -= k) {
            k = n < chunk ? n : chunk;
            CHECK(attest_ehbp_seal_frame(&aead, p, k, sealed + all)
                  == ATTEST_OK);
            all += k + ATTEST_EHBP_OVERHEAD;
        }

        CHECK(attest_ehbp_seal_frame(&aead, NULL, 0, sealed + all)
              == ATTEST_OK);
        attest_aead_clear(&aead);

        return all + ATTEST_EHBP_OVERHEAD;
    }

    memcpy(sealed, nonce, 32);
    all = 32;
    CHECK(attest_ohttp_sealer_response(&s, &gateway[form
                                                    - ATTEST_ENVELOPE_EHBP],
                                       nonce) == ATTEST_OK);

    if (form == ATTEST_ENVELOPE_OHTTP_WHOLE) {
        CHECK(attest_ohttp_stream_seal(&s, p, n, sealed + all) == ATTEST_OK);
        CHECK(attest_ohttp_stream_end(&s, sealed + all + n) == ATTEST_OK);
        attest_ohttp_sealer_clear(&s);

        return all + n + 16;
    }

    for ( /* void */ ; n > chunk; p += chunk, n -= chunk, all += len) {
        CHECK(attest_ohttp_seal_chunk(&s, p, chunk, sealed + all, &len)
              == ATTEST_OK);
    }

    CHECK(attest_ohttp_seal_final(&s, p, n, sealed + all, &len)
          == ATTEST_OK);
    attest_ohttp_sealer_clear(&s);

    return all + len;
}


static void
feed(attest_answer_t *x, const uint8_t *p, size_t n, outcome_t *o)
{
    size_t    used;
    uint8_t  *more;

    for ( ;; ) {
        o->rc = attest_answer_feed(x, p, n, &used);
        CHECK(used <= n && x->plain <= x->room);

        memcpy(o->body + o->len, x->buf, x->plain);
        o->len += x->plain;

        if (o->rc != ATTEST_ENOSPACE) {
            attest_answer_take(x);
            break;
        }

        p += used;
        n -= used;

        if (x->plain != 0) {
            attest_answer_take(x);
            continue;
        }

        CHECK(x->want > x->room && x->want <= 20000);
        more = malloc(x->want);
        CHECK(more != NULL);
        memcpy(more, x->buf, attest_answer_kept(x));
        free(x->buf);
        x->buf = more;
        x->room = x->want;
    }
}


static void
run(const uint8_t *wire, size_t n, size_t piece, outcome_t *o)
{
    char              hex[65];
    size_t            k;
    uint8_t          *buf, *exact, scratch[ATTEST_ANSWER_SCRATCH];
    attest_answer_t   x;

    memset(o, 0, sizeof(*o));
    attest_hex_encode(hex, nonce, sizeof(nonce));

    o->rc = form == ATTEST_ENVELOPE_EHBP
            ? attest_answer_ehbp(&x, &envelope[0], attest_span_text(hex), 1,
                                 LIMIT)
            : attest_answer_ohttp(&x, &envelope[form - ATTEST_ENVELOPE_EHBP],
                                  &handler, o, scratch, LIMIT);
    CHECK(o->rc == ATTEST_OK);

    x.buf = malloc(1);
    x.room = 1;

    for ( /* void */ ; n != 0 && o->rc == ATTEST_OK; wire += k, n -= k) {
        k = n < piece ? n : piece;
        exact = malloc(k);
        CHECK(exact != NULL);
        memcpy(exact, wire, k);
        feed(&x, exact, k, o);
        free(exact);
    }

    if (o->rc == ATTEST_OK) {
        o->rc = attest_answer_finish(&x);
        memcpy(o->body + o->len, x.buf, x.plain);
        o->len += x.plain;
    }

    CHECK(o->rc == ATTEST_OK || x.why != NULL);

    buf = x.buf;
    attest_answer_clear(&x);
    free(buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          n, piece;
    const uint8_t  *wire;

    if (size < 2 || size > MAX_DATA) {
        return 0;
    }

    if (key.pkey == NULL) {
        setup();
    }

    form = ATTEST_ENVELOPE_EHBP + data[0] % 4 % 3;
    piece = 1 + data[1];
    wire = data + 2;
    n = size - 2;

    if (data[0] >= 4) {
        n = seal(wire, n, piece);
        wire = sealed;
    }

    run(wire, n, MAX_WIRE, &a);
    run(wire, n, piece, &b);

    CHECK(a.rc == b.rc && a.len == b.len && a.status == b.status
          && a.fields == b.fields && memcmp(a.body, b.body, a.len) == 0);
    CHECK(data[0] >= 4 || (a.rc != ATTEST_OK && a.len == 0));

    if (data[0] >= 4 && form == ATTEST_ENVELOPE_EHBP) {
        CHECK(a.rc == ATTEST_OK && a.len == size - 2
              && memcmp(a.body, data + 2, a.len) == 0);
    }

    return 0;
}
