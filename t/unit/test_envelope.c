/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Envelopes: the head that a proxy writes, which key is taken, and that what
 * a gateway opens is what was said, in every form; rooms and limits.
 */


#include "unit.h"
#include "bhttp_record.h"
#include "envelope.h"


static uint8_t   *body;
static record_t   record;

static const attest_envelope_how_t  plain_how = {
    { (const uint8_t *) "/gw", 3 }, { NULL, 0 }, { NULL, 0 }, NULL, 0
};


static void test_head(void);
static void test_bad_heads(void);
static void test_fields(void);
static void test_choose(void);
static attest_http1_t head_of(const char *text);
static size_t seal(gateway_t *g, attest_envelope_form_e form,
    const attest_envelope_how_t *how, size_t n, attest_envelope_t *e,
    uint8_t **out);
static void test_ehbp(gateway_t *g, size_t n);
static void test_ehbp_plain(gateway_t *g);
static void test_ohttp(gateway_t *g, attest_envelope_form_e form, size_t n);
static const char *inner(gateway_t *g, const attest_envelope_how_t *how);
static void test_inner(gateway_t *g);
static void test_fresh(gateway_t *g);
static void test_refused(gateway_t *g);
static void test_rooms(gateway_t *g);


static attest_http1_t
head_of(const char *text)
{
    attest_http1_t  h;

    if (attest_http1_parse(attest_span_text(text), &h) != ATTEST_OK) {
        printf("Bail out! a head of the tests\n");
        exit(1);
    }

    return h;
}


static void
test_head(void)
{
    attest_http1_t  h = head_of(GATEWAY_HEAD "rest");

    OK(attest_span_is(h.method, "POST"), "method");
    OK(attest_span_is(h.target, "/v1/chat?x=1"), "target");
    OK(attest_span_is(h.rest, "rest"), "what stands behind");
    OK(attest_span_is(attest_http1_find(&h, "authorization"),
                      "Bearer caller"), "a field, whatever its case");
    IS_INT(attest_http1_find(&h, "x-none").n, 0, "one that is not there");

    h = head_of("GET / HTTP/1.1\r\n\r\n");
    IS_INT(h.fields.n, 0, "no fields");
}


static void
test_bad_heads(void)
{
    size_t           i;
    attest_http1_t   h;

    static const char * const  bad[] = {
        "", "GET", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n\n", "GET  HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.2\r\n\r\n",
        "G T / HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "GET /HTTP/1.1\r\n\r\n", "GET /\x7f HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\n\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA b\r\n\r\n", "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n", "HTTP/1.1\r\n\r\n", " / HTTP/1.1\r\n\r\n"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IS_INT(attest_http1_parse(attest_span_text(bad[i]), &h),
               ATTEST_EFORMAT, "bad head %zu", i);
    }
}


static void
test_fields(void)
{
    size_t                 n = 0;
    attest_span_t          rest;
    attest_http1_t         h = head_of(GATEWAY_HEAD);
    attest_bhttp_field_t   f;

    for (rest = h.fields; attest_http1_next(&rest, &f); n++) { /* void */ }

    IS_INT(n, 8, "all fields");
    IS_INT(rest.n, 0, "and nothing else");
    OK(attest_span_is(f.value, "b"), "the last one");
}


static void
test_choose(void)
{
    attest_keyconfig_t      kc[3];
    attest_envelope_key_t   key;

    memset(kc, 0, sizeof(kc));
    kc[0].kem = ATTEST_KEM_X25519;
    kc[0].nsuites = 1;
    kc[0].suites[0].kdf = ATTEST_KDF_HKDF_SHA256;
    kc[0].suites[0].aead = ATTEST_AEAD_AES_256_GCM;

    IS_INT(attest_envelope_choose(kc, 1, ATTEST_ENVELOPE_AUTO, 1, &key),
           ATTEST_OK, "a list with EHBP's key alone");
    IS_INT(key.form, ATTEST_ENVELOPE_EHBP, "is EHBP's");

    kc[1] = kc[0];
    kc[1].suites[0].aead = ATTEST_AEAD_CHACHA20;
    kc[2] = kc[0];
    kc[2].kem = ATTEST_KEM_XWING;

    IS_INT(attest_envelope_choose(kc, 3, ATTEST_ENVELOPE_AUTO, 1, &key),
           ATTEST_OK, "a list with more");
    IS_INT(key.form, ATTEST_ENVELOPE_OHTTP, "is for OHTTP");
    OK(key.kc == &kc[2], "and X-Wing comes first");

    (void) attest_envelope_choose(kc, 3, ATTEST_ENVELOPE_OHTTP, 0, &key);
    OK(key.kc == &kc[0], "not where there is none");
    IS_INT(attest_envelope_choose(&kc[2], 1, ATTEST_ENVELOPE_OHTTP, 0, &key),
           ATTEST_EMISMATCH, "then its key is none");
    IS_INT(attest_envelope_choose(&kc[1], 2, ATTEST_ENVELOPE_EHBP, 1, &key),
           ATTEST_EMISMATCH, "no key for EHBP");
    IS_INT(attest_envelope_choose(kc, 0, ATTEST_ENVELOPE_AUTO, 1, &key),
           ATTEST_EMISMATCH, "no key at all");

    kc[0].suites[0].aead = ATTEST_AEAD_EXPORT_ONLY;
    IS_INT(attest_envelope_choose(kc, 1, ATTEST_ENVELOPE_OHTTP, 1, &key),
           ATTEST_EMISMATCH, "no suite that seals");
}


/* In memory without a byte to spare. */

static size_t
seal(gateway_t *g, attest_envelope_form_e form,
    const attest_envelope_how_t *how, size_t n, attest_envelope_t *e,
    uint8_t **out)
{
    size_t                  len, room;
    attest_http1_t          h = head_of(GATEWAY_HEAD);
    attest_envelope_key_t   key;

    if (attest_envelope_choose(&g->kc, 1, form, 0, &key) != ATTEST_OK) {
        printf("Bail out! no key\n");
        exit(1);
    }

    room = attest_envelope_room(&h, attest_span(body, n), &key, how);
    *out = malloc(room);

    IS_INT(attest_envelope_seal(e, &key, how, &h, attest_span(body, n), *out,
                                room, &len), ATTEST_OK, "sealed");

    return len;
}


static void
test_ehbp(gateway_t *g, size_t n)
{
    char                number[32];
    uint8_t            *out;
    attest_http1_t      h;
    attest_envelope_t   e;

    n = seal(g, ATTEST_ENVELOPE_EHBP, &plain_how, n, &e, &out);
    IS_INT(attest_http1_parse(attest_span(out, n), &h), ATTEST_OK,
           "EHBP: a request");

    snprintf(number, sizeof(number), "%zu", h.rest.n);
    OK(attest_span_is(attest_http1_find(&h, "content-length"), number),
       "its length, %s", number);
    OK(attest_span_is(h.target, "/v1/chat?x=1")
       && attest_span_is(attest_http1_find(&h, "content-type"),
                         "application/json"), "the same head");

    IS_INT(gateway_open_ehbp(g, attest_http1_find(&h,
                                                  "ehbp-encapsulated-key"),
                             h.rest), ATTEST_OK, "opened");
    OK(g->len < n && memcmp(g->plain, body, g->len) == 0, "the same body");

    gateway_forget(g);
    attest_envelope_clear(&e);
    free(out);
}


static void
test_ehbp_plain(gateway_t *g)
{
    size_t                 n;
    uint8_t               *out;
    attest_http1_t         h;
    attest_envelope_t      e;
    attest_envelope_how_t  how = plain_how;
    attest_bhttp_field_t   set = {
        { (const uint8_t *) "Authorization", 13 },
        { (const uint8_t *) "Bearer ours", 11 }
    };

    how.set = &set;
    how.nset = 1;

    n = seal(g, ATTEST_ENVELOPE_EHBP, &how, 0, &e, &out);
    IS_INT(e.form, ATTEST_ENVELOPE_NONE, "nothing to seal");
    IS_INT(attest_http1_parse(attest_span(out, n), &h), ATTEST_OK,
           "a request without a body");
    OK(attest_span_is(attest_http1_find(&h, "content-length"), "5"),
       "whose length is as it was");
    OK(attest_span_is(attest_http1_find(&h, "authorization"), "Bearer ours"),
       "a field is ours");
    IS_INT(attest_http1_find(&h, "ehbp-encapsulated-key").n, 0,
           "and nobody says that it is sealed");

    attest_envelope_clear(&e);
    free(out);
}


static void
test_ohttp(gateway_t *g, attest_envelope_form_e form, size_t n)
{
    char                 number[32];
    size_t               len;
    uint8_t             *out;
    attest_http1_t       h;
    attest_envelope_t    e;
    attest_ohttp_form_e  got = ATTEST_OHTTP_WHOLE;
    attest_span_t        type;

    len = seal(g, form, &plain_how, n, &e, &out);
    IS_INT(attest_http1_parse(attest_span(out, len), &h), ATTEST_OK,
           "OHTTP: a request");
    OK(attest_span_is(h.method, "POST") && attest_span_is(h.target, "/gw"),
       "to the gateway's resource");

    type = attest_http1_find(&h, "content-type");
    IS_INT(attest_ohttp_request_type(type.p, type.n, &got), ATTEST_OK,
           "its type");
    snprintf(number, sizeof(number), "%zu", h.rest.n);
    OK(attest_span_is(attest_http1_find(&h, "content-length"), number),
       "its length, %s", number);
    IS_INT(attest_http1_find(&h, "authorization").n, 0,
           "no field of the request outside");

    IS_INT(gateway_open_ohttp(g, got, h.rest), ATTEST_OK, "opened");
    OK(g->len > n, "the body is in it");
    IS_MEM(g->plain + g->len - 1 - n, body, n, "the same body");

    gateway_forget(g);
    attest_envelope_clear(&e);
    free(out);
}


/* What a gateway reads of the request inside. */

static const char *
inner(gateway_t *g, const attest_envelope_how_t *how)
{
    size_t                  n;
    uint8_t                *out;
    attest_http1_t          h;
    attest_envelope_t       e;
    attest_bhttp_limits_t   limits;

    n = seal(g, ATTEST_ENVELOPE_OHTTP, how, 5, &e, &out);
    (void) attest_http1_parse(attest_span(out, n), &h);
    IS_INT(gateway_open_ohttp(g, ATTEST_OHTTP_CHUNKED, h.rest), ATTEST_OK,
           "opened");

    attest_bhttp_limits_default(&limits, 4096, 65536);
    IS_INT(record_decode(&record, ATTEST_BHTTP_REQUEST, &limits, g->plain,
                         g->len, NULL), ATTEST_OK, "Binary HTTP");
    record.text[record.len] = '\0';

    gateway_forget(g);
    attest_envelope_clear(&e);
    free(out);

    return (const char *) record.text;
}


static void
test_inner(gateway_t *g)
{
    const char             *text;
    attest_envelope_how_t   how = plain_how;
    attest_bhttp_field_t    set = {
        { (const uint8_t *) "authorization", 13 },
        { (const uint8_t *) "Bearer ours", 11 }
    };

    text = inner(g, &how);
    OK(strcmp(text, "request 4:POST 5:https 15:gateway.example "
                    "12:/v1/chat?x=1\n"
                    "header 12:content-type 16:application/json\n"
                    "header 13:authorization 13:Bearer caller\n"
                    "header 7:x-twice 1:a\nheader 7:x-twice 1:b\n"
                    "head\ncontent aaaaa") == 0,
       "all of it, and nothing of the connection");

    how.authority = attest_span_literal("other.example:8443");
    how.date = attest_span_literal("Mon, 30 Nov 2026 10:00:00 GMT");
    how.set = &set;
    how.nset = 1;

    text = inner(g, &how);
    OK(strstr(text, " 18:other.example:8443 ") != NULL, "another authority");
    OK(strstr(text, "header 4:date 29:Mon, 30 Nov") != NULL, "a date");
    OK(strstr(text, "Bearer ours") != NULL
       && strstr(text, "Bearer caller") == NULL, "a credential of ours");
}


static void
test_fresh(gateway_t *g)
{
    uint8_t            *a, *b;
    attest_envelope_t   x, y;

    (void) seal(g, ATTEST_ENVELOPE_EHBP, &plain_how, 5, &x, &a);
    (void) seal(g, ATTEST_ENVELOPE_EHBP, &plain_how, 5, &y, &b);

    OK(memcmp(x.enc, y.enc, sizeof(x.enc)) != 0,
       "each envelope has an encapsulation of its own");

    attest_envelope_clear(&x);
    attest_envelope_clear(&y);
    free(a);
    free(b);
}


static void
test_refused(gateway_t *g)
{
    int                     rc;
    char                    many[8192];
    size_t                  i, n, len;
    static uint8_t          out[65536];
    attest_http1_t          h;
    attest_envelope_t       e;
    attest_envelope_key_t   key;

    (void) attest_envelope_choose(&g->kc, 1, ATTEST_ENVELOPE_OHTTP, 0, &key);

    h = head_of("GET * HTTP/1.1\r\nHost: a\r\n\r\n");
    IS_INT(attest_envelope_seal(&e, &key, &plain_how, &h, ATTEST_NO_SPAN, out,
                                sizeof(out), &len), ATTEST_EFORMAT,
           "a target without a path");

    h = head_of("GET / HTTP/1.1\r\n\r\n");
    IS_INT(attest_envelope_seal(&e, &key, &plain_how, &h, ATTEST_NO_SPAN, out,
                                sizeof(out), &len), ATTEST_EFORMAT,
           "no host");

    n = (size_t) sprintf(many, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (i = 0; i < ATTEST_ENVELOPE_MAX_FIELDS + 1; i++) {
        n += (size_t) sprintf(many + n, "x-%zu: y\r\n", i);
    }
    (void) sprintf(many + n, "\r\n");

    h = head_of(many);
    rc = attest_envelope_seal(&e, &key, &plain_how, &h, ATTEST_NO_SPAN, out,
                              sizeof(out), &len);
    IS_INT(rc, ATTEST_ELIMIT, "too many fields");

    for (i = 0, n = 0; i < sizeof(out); i++) {
        n += out[i];
    }
    IS_INT(n, 0, "nothing is left behind");
}


/* Whatever room there is, nothing is written behind it. */

static void
test_rooms(gateway_t *g)
{
    int                     rc = ATTEST_OK, ok = 0, small = 0;
    size_t                  room, len, need;
    uint8_t                *out;
    attest_http1_t          h = head_of(GATEWAY_HEAD);
    attest_span_t           b = attest_span(body, 100);
    attest_envelope_t       e;
    attest_envelope_key_t   key;
    attest_envelope_form_e  form;

    for (form = ATTEST_ENVELOPE_EHBP; form <= ATTEST_ENVELOPE_OHTTP_WHOLE;
         form++)
    {
        (void) attest_envelope_choose(&g->kc, 1, form, 0, &key);
        need = attest_envelope_room(&h, b, &key, &plain_how);

        for (room = 1; room <= need; room++) {
            out = malloc(room);
            rc = attest_envelope_seal(&e, &key, &plain_how, &h, b, out, room,
                                      &len);
            ok += rc == ATTEST_OK;
            small += rc == ATTEST_ENOSPACE;
            attest_envelope_clear(&e);
            free(out);
        }

        IS_INT(rc, ATTEST_OK, "the room that was asked for is enough");
    }

    OK(ok > 3 && small > 300, "less is not");
}


int
main(void)
{
    size_t     i;
    gateway_t  g;

    static const size_t  sizes[] = {
        1, 5, 16000, 16383, 16384, 16385, 70000, 1048576, 1048577,
        GATEWAY_BODY
    };

    body = malloc(GATEWAY_BODY);
    memset(body, 'a', GATEWAY_BODY);
    gateway_init(&g);

    test_head();
    test_bad_heads();
    test_fields();
    test_choose();

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        test_ehbp(&g, sizes[i]);
        test_ohttp(&g, ATTEST_ENVELOPE_OHTTP, sizes[i]);
        test_ohttp(&g, ATTEST_ENVELOPE_OHTTP_WHOLE, sizes[i]);
    }

    test_ohttp(&g, ATTEST_ENVELOPE_OHTTP, 0);
    test_ehbp_plain(&g);
    test_inner(&g);
    test_fresh(&g);
    test_refused(&g);
    test_rooms(&g);

    gateway_clear(&g);
    free(body);
    DONE();
}
