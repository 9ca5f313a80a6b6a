/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers, as a gateway seals them, opened in any pieces and rooms; cut at
 * each byte, changed at each byte, followed by something.
 */


#include "unit.h"
#include "envelope.h"
#include "core/prompt/attest_answer.h"


#define MAX_WIRE  200000
#define LIMIT     40000


/* One answer: what was sealed, and what must come out. */

typedef struct {
    attest_envelope_form_e   form;
    attest_envelope_t        envelope;
    char                     nonce[2 * ATTEST_EHBP_NONCE_LEN + 1];
    uint8_t                  wire[MAX_WIRE];
    size_t                   len;
    uint8_t                  body[MAX_WIRE];
    size_t                   body_len;
} answer_t;


typedef struct {
    int                      rc;
    unsigned                 status;
    int                      heads;
    char                     fields[512];
    uint8_t                  body[MAX_WIRE];
    size_t                   len;
    size_t                   early;        /* of it, before the end */
} outcome_t;


static gateway_t   g;
static answer_t    answer;
static outcome_t   whole, pieces;


static int on_status(void *data, unsigned status);
static int on_field(void *data, attest_span_t name, attest_span_t value,
    int trailer);
static int on_head(void *data);
static void request(attest_envelope_form_e form);
static void add(const void *p, size_t n);
static void seal_ehbp(size_t n, size_t frame, int marker);
static size_t response(uint8_t *msg, int framing, size_t n);
static void seal_ohttp(int framing, size_t n, size_t chunk);
static void take(attest_answer_t *a, outcome_t *o);
static void feed(attest_answer_t *a, const uint8_t *p, size_t n,
    outcome_t *o);
static void open_answer(outcome_t *o, size_t n, size_t piece, int required);
static void test_good(const char *what, int inside);
static void test_cut(const char *what);
static void test_changed(const char *what);
static void test_followed(void);
static void test_optional(void);
static void test_empty(void);
static void test_limits(void);
static void test_nonce(void);
static void test_refused_by_handler(void);


static int
on_status(void *data, unsigned status)
{
    outcome_t  *o = data;

    o->status = status;
    return status == 599 ? -77 : ATTEST_OK;
}


static int
on_field(void *data, attest_span_t name, attest_span_t value, int trailer)
{
    char        line[128];
    outcome_t  *o = data;

    snprintf(line, sizeof(line), "%s%.*s=%.*s;", trailer ? "~" : "",
             (int) name.n, name.p, (int) value.n, value.p);

    if (strlen(o->fields) + strlen(line) < sizeof(o->fields)) {
        strcat(o->fields, line);
    }

    return ATTEST_OK;
}


static int
on_head(void *data)
{
    outcome_t  *o = data;

    o->heads++;
    return ATTEST_OK;
}


/* Of our side and of the gateway's. */

static void
request(attest_envelope_form_e form)
{
    size_t                  n, room;
    uint8_t                *out;
    attest_http1_t          h;
    attest_envelope_key_t   key;
    attest_envelope_how_t   how;

    gateway_forget(&g);
    attest_envelope_clear(&answer.envelope);
    answer.form = form;
    answer.len = 0;
    answer.body_len = 0;

    memset(&how, 0, sizeof(how));
    how.path = attest_span_literal("/gw");

    (void) attest_http1_parse(attest_span_literal(GATEWAY_HEAD), &h);
    (void) attest_envelope_choose(&g.kc, 1, form, 0, &key);
    room = attest_envelope_room(&h, attest_span_literal("hello"), &key, &how);
    out = malloc(room);

    if (attest_envelope_seal(&answer.envelope, &key, &how, &h,
                             attest_span_literal("hello"), out, room, &n)
        != ATTEST_OK
        || attest_http1_parse(attest_span(out, n), &h) != ATTEST_OK
        || (form == ATTEST_ENVELOPE_EHBP
            ? gateway_open_ehbp(&g, attest_http1_find(&h,
                                    "ehbp-encapsulated-key"), h.rest)
            : gateway_open_ohttp(&g, form == ATTEST_ENVELOPE_OHTTP
                                 ? ATTEST_OHTTP_CHUNKED : ATTEST_OHTTP_WHOLE,
                                 h.rest)) != ATTEST_OK)
    {
        printf("Bail out! no request\n");
        exit(1);
    }

    free(out);
}


static void
add(const void *p, size_t n)
{
    if (n > MAX_WIRE - answer.len) {
        printf("Bail out! an answer too long\n");
        exit(1);
    }

    memcpy(answer.wire + answer.len, p, n);
    answer.len += n;
}


/* n bytes in frames, frames of no length between them. */

static void
seal_ehbp(size_t n, size_t frame, int marker)
{
    size_t    i, k;
    uint8_t   nonce[32], out[LIMIT + 100];

    request(ATTEST_ENVELOPE_EHBP);

    memset(nonce, 3, sizeof(nonce));
    attest_hex_encode(answer.nonce, nonce, sizeof(nonce));
    (void) attest_ehbp_response(&g.aead, &g.hpke, g.enc, nonce, 1);

    for (i = 0; i < n; i++) {
        answer.body[i] = (uint8_t) (i * 7 + i / 251);
    }

    for (i = 0; i < n; i += k) {
        k = n - i < frame ? n - i : frame;
        (void) attest_ehbp_seal_frame(&g.aead, answer.body + i, k, out);
        add(out, k + ATTEST_EHBP_OVERHEAD);
        add("\0\0\0\0", 4);
    }

    if (marker) {
        (void) attest_ehbp_seal_frame(&g.aead, NULL, 0, out);
        add(out, ATTEST_EHBP_OVERHEAD);
    }

    answer.body_len = n;
}


static size_t
response(uint8_t *msg, int framing, size_t n)
{
    size_t                   i, k;
    attest_bhttp_encoder_t   e;
    attest_bhttp_field_t     f[2] = {
        { { (const uint8_t *) "Content-Type", 12 },
          { (const uint8_t *) "text/plain", 10 } },
        { { (const uint8_t *) "x-end", 5 }, { (const uint8_t *) "1", 1 } }
    };

    (void) attest_bhttp_encoder_init(&e, framing, msg, MAX_WIRE);
    (void) attest_bhttp_put_status(&e, 103);
    (void) attest_bhttp_put_fields(&e, &f[1], 1);
    (void) attest_bhttp_put_status(&e, 201);
    (void) attest_bhttp_put_fields(&e, f, 1);

    for (i = 0; i < n; i++) {
        answer.body[i] = (uint8_t) (i * 5 + i / 253);
    }

    if (framing == ATTEST_BHTTP_RESPONSE_KNOWN) {
        (void) attest_bhttp_put_content_whole(&e, answer.body, n);

    } else {
        for (i = 0; i < n; i += k) {
            (void) attest_bhttp_put_content(&e, answer.body + i,
                                            n - i < 90 ? n - i : 90, &k);
        }

        (void) attest_bhttp_put_content_end(&e);
    }

    (void) attest_bhttp_put_fields(&e, &f[1], 1);
    answer.body_len = n;

    return e.len;
}


/* chunk 0: not chunked. */

static void
seal_ohttp(int framing, size_t n, size_t chunk)
{
    size_t           i, k, len, all;
    uint8_t          nonce[32], out[LIMIT + 100], tag[16];
    static uint8_t   msg[MAX_WIRE];

    request(chunk ? ATTEST_ENVELOPE_OHTTP : ATTEST_ENVELOPE_OHTTP_WHOLE);

    memset(nonce, 4, sizeof(nonce));
    add(nonce, 32);
    (void) attest_ohttp_sealer_response(&g.sealer, &g.ohttp, nonce);

    all = response(msg, framing, n);

    if (chunk == 0) {
        (void) attest_ohttp_stream_seal(&g.sealer, msg, all, msg);
        (void) attest_ohttp_stream_end(&g.sealer, tag);
        add(msg, all);
        add(tag, 16);
        return;
    }

    for (i = 0; i < all - 1; i += k) {
        k = all - 1 - i < chunk ? all - 1 - i : chunk;
        (void) attest_ohttp_seal_chunk(&g.sealer, msg + i, k, out, &len);
        add(out, len);
    }

    (void) attest_ohttp_seal_final(&g.sealer, msg + i, 1, out, &len);
    add(out, len);
}


static void
take(attest_answer_t *a, outcome_t *o)
{
    memcpy(o->body + o->len, a->buf, a->plain);
    o->len += a->plain;
    attest_answer_take(a);
}


/* Memory is given as it is asked for, without a byte to spare. */

static void
feed(attest_answer_t *a, const uint8_t *p, size_t n, outcome_t *o)
{
    size_t    used;
    uint8_t  *more, *in = unit_exact(p, n);

    for (p = in; ; p += used, n -= used) {
        o->rc = attest_answer_feed(a, p, n, &used);

        if (o->rc != ATTEST_ENOSPACE || a->plain != 0) {
            take(a, o);

        } else {
            more = malloc(a->want);
            memcpy(more, a->buf, attest_answer_kept(a));
            free(a->buf);
            a->buf = more;
            a->room = a->want;
        }

        if (o->rc != ATTEST_ENOSPACE) {
            break;
        }
    }

    free(in);
}


/* The first n bytes of the wire. */

static void
open_answer(outcome_t *o, size_t n, size_t piece, int required)
{
    size_t            i, k;
    uint8_t           scratch[ATTEST_ANSWER_SCRATCH], *more;
    attest_answer_t   a;

    static const attest_answer_handler_t  handler = {
        on_status, on_field, on_head
    };

    memset(o, 0, sizeof(*o));

    o->rc = answer.form == ATTEST_ENVELOPE_EHBP
            ? attest_answer_ehbp(&a, &answer.envelope,
                                 attest_span_text(answer.nonce), required,
                                 LIMIT)
            : attest_answer_ohttp(&a, &answer.envelope, &handler, o, scratch,
                                  LIMIT);

    a.buf = malloc(1);
    a.room = 1;

    for (i = 0; i < n && o->rc == ATTEST_OK; i += k) {
        k = n - i < piece ? n - i : piece;
        feed(&a, answer.wire + i, k, o);
    }

    o->early = o->len;

    if (o->rc == ATTEST_OK) {
        o->rc = attest_answer_finish(&a);
        take(&a, o);
    }

    OK(o->rc == ATTEST_OK || o->rc == -77 || a.why != NULL,
       "an error has a reason");

    more = a.buf;
    attest_answer_clear(&a);
    free(more);
}


static void
test_good(const char *what, int inside)
{
    size_t  i;

    static const size_t  sizes[] = { 1, 2, 3, 7, 19, 100, 4096, MAX_WIRE };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        open_answer(&whole, answer.len, sizes[i], 1);

        IS_INT(whole.rc, ATTEST_OK, "%s, in pieces of %zu", what, sizes[i]);
        IS_INT(whole.len, answer.body_len, "all of it");
        IS_MEM(whole.body, answer.body, answer.body_len, "and nothing else");
    }

    if (inside) {
        IS_INT(whole.status, 201, "the status inside");
        OK(strcmp(whole.fields, "content-type=text/plain;~x-end=1;") == 0,
           "fields and trailers, not those of an interim response");
        IS_INT(whole.heads, 1, "one head");
    }
}


static void
test_cut(const char *what)
{
    int     bad = 0;
    size_t  n;

    for (n = 0; n < answer.len; n++) {
        open_answer(&whole, n, 7, 1);
        bad += whole.rc != ATTEST_EFORMAT && whole.rc != ATTEST_ECRYPTO;
        bad += memcmp(whole.body, answer.body, whole.len) != 0;
    }

    IS_INT(bad, 0, "%s, cut anywhere, is not whole", what);
}


static void
test_changed(const char *what)
{
    int     bad = 0;
    size_t  i;

    for (i = 0; i < answer.len; i++) {
        answer.wire[i] ^= 1;
        open_answer(&whole, answer.len, 11, 1);
        answer.wire[i] ^= 1;

        bad += whole.rc == ATTEST_OK
               || memcmp(whole.body, answer.body, whole.len) != 0;
    }

    IS_INT(bad, 0, "%s, changed anywhere, is refused", what);
}


static void
test_followed(void)
{
    seal_ehbp(50, 20, 1);
    add("\0\0\0\0", 4);
    open_answer(&whole, answer.len, 5, 1);
    IS_INT(whole.rc, ATTEST_EFORMAT, "EHBP, something behind the end");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_INDETERMINATE, 50, 20);
    add("x", 1);
    open_answer(&whole, answer.len, 5, 1);
    IS_INT(whole.rc, ATTEST_ECRYPTO, "OHTTP, something behind the end");
}


static void
test_optional(void)
{
    seal_ehbp(50, 20, 0);
    open_answer(&whole, answer.len, 5, 1);
    IS_INT(whole.rc, ATTEST_EFORMAT, "an end that must be said");
    open_answer(&whole, answer.len, 5, 0);
    IS_INT(whole.rc, ATTEST_OK, "and one that need not");
    open_answer(&whole, answer.len - 5, 5, 0);
    IS_INT(whole.rc, ATTEST_EFORMAT, "a frame that is cut is cut");
    open_answer(&whole, 0, 5, 0);
    IS_INT(whole.rc, ATTEST_EFORMAT, "nothing at all is no answer");
}


static void
test_empty(void)
{
    seal_ehbp(0, 1, 1);
    test_good("EHBP, an empty answer", 0);
    seal_ohttp(ATTEST_BHTTP_RESPONSE_KNOWN, 0, 9);
    test_good("OHTTP, an empty answer", 1);
}


static void
test_limits(void)
{
    seal_ehbp(LIMIT, LIMIT, 1);
    test_good("EHBP, the longest frame", 0);
    OK(whole.early == LIMIT, "passed on before the end");

    memcpy(answer.wire, "\0\1\0\0", 4);
    open_answer(&whole, answer.len, 4, 1);
    IS_INT(whole.rc, ATTEST_ELIMIT, "one that is too long");
    memcpy(answer.wire, "\0\0\0\17", 4);
    open_answer(&whole, answer.len, 4, 1);
    IS_INT(whole.rc, ATTEST_ECRYPTO, "one without room for a tag");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_KNOWN, 39000, 0);
    test_good("OHTTP, a long message", 1);
    IS_INT(whole.early, 0, "of which nothing is known before its end");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_KNOWN, LIMIT, 0);
    open_answer(&whole, answer.len, 1000, 1);
    IS_INT(whole.rc, ATTEST_ELIMIT, "and one that is too long");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_INDETERMINATE, 150000, 16384);
    test_good("OHTTP, a stream longer than the limit", 1);
    OK(whole.early > 149000, "passed on before its end");
}


static void
test_nonce(void)
{
    seal_ehbp(5, 5, 1);

    answer.nonce[3] = 'x';
    open_answer(&whole, answer.len, 100, 1);
    IS_INT(whole.rc, ATTEST_EFORMAT, "a nonce that is none");
}


static void
test_refused_by_handler(void)
{
    uint8_t   msg[16], out[64], nonce[32];
    size_t    len;

    attest_bhttp_encoder_t  e;

    request(ATTEST_ENVELOPE_OHTTP);
    memset(nonce, 4, sizeof(nonce));
    add(nonce, 32);
    (void) attest_ohttp_sealer_response(&g.sealer, &g.ohttp, nonce);
    (void) attest_bhttp_encoder_init(&e, ATTEST_BHTTP_RESPONSE_KNOWN, msg,
                                     sizeof(msg));
    (void) attest_bhttp_put_status(&e, 599);
    (void) attest_ohttp_seal_final(&g.sealer, msg, e.len, out, &len);
    add(out, len);

    open_answer(&pieces, answer.len, 100, 1);
    IS_INT(pieces.rc, -77, "what a handler says ends the answer");
}


int
main(void)
{
    gateway_init(&g);

    seal_ehbp(1000, 300, 1);
    test_good("EHBP", 0);
    seal_ehbp(60, 20, 1);
    test_cut("EHBP");
    test_changed("EHBP");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_INDETERMINATE, 5000, 333);
    test_good("OHTTP", 1);
    seal_ohttp(ATTEST_BHTTP_RESPONSE_KNOWN, 5000, 16384);
    test_good("OHTTP, of known length", 1);
    seal_ohttp(ATTEST_BHTTP_RESPONSE_INDETERMINATE, 60, 30);
    test_cut("OHTTP");
    test_changed("OHTTP");

    seal_ohttp(ATTEST_BHTTP_RESPONSE_INDETERMINATE, 60, 0);
    test_good("OHTTP, not chunked", 1);
    test_cut("OHTTP, not chunked");
    test_changed("OHTTP, not chunked");

    test_followed();
    test_optional();
    test_empty();
    test_limits();
    test_nonce();
    test_refused_by_handler();

    attest_envelope_clear(&answer.envelope);
    gateway_clear(&g);
    DONE();
}
