/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OHTTP and chunked OHTTP: the published exchanges byte for byte from both
 * sides, any split, each truncation, every flipped bit, every limit, the
 * buffers, and what a sealer refuses.
 */


#include <cjson/cJSON.h>
#include <openssl/rand.h>

#include "unit.h"
#include "core/prompt/attest_ohttp.h"


#define MAX_WIRE   1024
#define MAX_LONG   70000

#define BYTES(s)   ((const uint8_t *) (s))


/* A published exchange: keys and both messages. */

typedef struct {
    attest_ohttp_form_e   form;
    attest_kem_key_t      key;
    attest_kem_key_t      ephemeral;
    uint8_t               config[128];
    attest_keyconfig_t    kc;
    uint8_t               request[MAX_WIRE];
    size_t                request_len;
    uint8_t               request_pt[64];
    size_t                request_pt_len;
    uint8_t               response[MAX_WIRE];
    size_t                response_len;
    uint8_t               response_pt[64];
    size_t                response_pt_len;
    uint8_t               nonce[ATTEST_OHTTP_MAX_NONCE];
    const cJSON          *json;
} exchange_t;


static const attest_ohttp_limits_t  wide = { 65536, 65536, 64 };

static unsigned  seed;


static size_t one(size_t left);
static size_t some(size_t left);
static const char *text(const cJSON *o, const char *name);
static size_t field(const cJSON *o, const char *name, uint8_t *out,
    size_t room);
static int wiped(const void *p, size_t n);
static void load(exchange_t *x, const cJSON *doc, const char *name,
    attest_ohttp_form_e form);
static void unload(exchange_t *x);
static size_t split_of(const exchange_t *x, const char *name, int i);
static int head_of(attest_ohttp_head_t *head, const uint8_t *p, size_t n);
static void gateway(const exchange_t *x, attest_ohttp_t *o);
static int feed(attest_ohttp_opener_t *op, const uint8_t *in, size_t n,
    size_t (*piece)(size_t left));
static int open_chunked(const exchange_t *x, const uint8_t *wire, size_t n,
    size_t (*piece)(size_t left), const attest_ohttp_limits_t *limits,
    uint8_t *out, size_t *out_len);

static void test_types(void);
static void test_header(const exchange_t *x);
static void test_select(const exchange_t *x);
static void test_recipient(const exchange_t *x);
static void test_keys(const exchange_t *x);
static void test_whole_request(const exchange_t *x);
static void test_whole_response(const exchange_t *x);
static void test_stream(const exchange_t *x);
static void test_whole_damage(const exchange_t *x);
static void test_chunked_request(const exchange_t *x);
static void test_chunked_response(const exchange_t *x);
static void test_chunked_damage(const exchange_t *x);
static void test_chunked_order(const exchange_t *x);
static void test_lengths(const exchange_t *x);
static size_t seal_chunks(const exchange_t *x, attest_ohttp_t *o,
    const size_t *sizes, size_t count, uint8_t *out);
static void test_limits(const exchange_t *x);
static void test_varints(const exchange_t *x);
static void test_in_place(const exchange_t *x);
static void test_small_room(const exchange_t *x);
static void test_growing(const exchange_t *x);
static void test_opener_ends(const exchange_t *x);
static void test_chunk_sizes(const exchange_t *x);
static void test_sealer_refuses(const exchange_t *w, const exchange_t *c);
static void test_suites(void);
static void test_suite(uint16_t kem, uint16_t aead,
    attest_ohttp_form_e form);
static int round_whole(attest_ohttp_t *client, attest_ohttp_t *server);
static int round_chunked(attest_ohttp_t *client, attest_ohttp_t *server);


static size_t
one(size_t left)
{
    (void) left;
    return 1;
}


static size_t
some(size_t left)
{
    seed = seed * 1103515245 + 12345;
    return 1 + (seed >> 16) % (left < 50 ? left : 50);
}


static const char *
text(const cJSON *o, const char *name)
{
    const char  *s;

    s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    if (s == NULL) {
        printf("Bail out! no member %s\n", name);
        exit(1);
    }

    return s;
}


static size_t
field(const cJSON *o, const char *name, uint8_t *out, size_t room)
{
    return unit_hex(text(o, name), out, room);
}


static int
wiped(const void *p, size_t n)
{
    size_t          i;
    const uint8_t  *b = p;

    for (i = 0; i < n; i++) {
        if (b[i] != 0) {
            return 0;
        }
    }

    return 1;
}


static void
load(exchange_t *x, const cJSON *doc, const char *name,
    attest_ohttp_form_e form)
{
    size_t   n;
    uint8_t  sk[32];

    memset(x, 0, sizeof(*x));
    x->form = form;
    x->json = cJSON_GetObjectItemCaseSensitive(doc, name);

    field(x->json, "skR", sk, sizeof(sk));
    OK(attest_kem_key_import(&x->key, ATTEST_KEM_X25519, sk) == ATTEST_OK,
       "%s: key", name);
    field(x->json, "skE", sk, sizeof(sk));
    OK(attest_kem_key_import(&x->ephemeral, ATTEST_KEM_X25519, sk)
       == ATTEST_OK, "%s: ephemeral key", name);

    n = field(x->json, "keyConfig", x->config, sizeof(x->config));
    IS_INT(attest_keyconfig_parse(x->config, n, &x->kc), ATTEST_OK,
           "%s: key configuration", name);

    x->request_len = field(x->json, "encRequest", x->request, MAX_WIRE);
    x->request_pt_len = field(x->json, "bhttpRequest", x->request_pt, 64);
    x->response_len = field(x->json, "encResponse", x->response, MAX_WIRE);
    x->response_pt_len = field(x->json, "bhttpResponse", x->response_pt, 64);
    field(x->json, "responseNonce", x->nonce, sizeof(x->nonce));
}


static void
unload(exchange_t *x)
{
    attest_kem_key_clear(&x->key);
    attest_kem_key_clear(&x->ephemeral);
}


static size_t
split_of(const exchange_t *x, const char *name, int i)
{
    return (size_t) cJSON_GetArrayItem(cJSON_GetObjectItem(x->json, name),
                                       i)->valueint;
}


static int
head_of(attest_ohttp_head_t *head, const uint8_t *p, size_t n)
{
    size_t  used;

    memset(head, 0, sizeof(*head));

    return attest_ohttp_head_feed(head, p, n, &used);
}


/* The gateway's context of a published request. */

static void
gateway(const exchange_t *x, attest_ohttp_t *o)
{
    attest_ohttp_head_t  head;

    if (head_of(&head, x->request, x->request_len) != ATTEST_OK
        || attest_ohttp_recipient(o, x->form, &x->kc, &x->key, &head)
           != ATTEST_OK)
    {
        printf("Bail out! cannot open the published request\n");
        exit(1);
    }
}


/* Each piece is memory of its own: a sanitizer sees one read too many. */

static int
feed(attest_ohttp_opener_t *op, const uint8_t *in, size_t n,
    size_t (*piece)(size_t left))
{
    int       rc = ATTEST_OK;
    size_t    k, used;
    uint8_t  *exact;

    for ( /* void */ ; rc == ATTEST_OK && n != 0; in += k, n -= k) {
        k = piece != NULL ? piece(n) : n;
        k = k < n ? k : n;

        exact = malloc(k + 1);
        memcpy(exact + 1, in, k);
        rc = attest_ohttp_opener_feed(op, exact + 1, k, &used);
        free(exact);

        if (rc == ATTEST_OK && used != k) {
            return -99;
        }
    }

    return rc;
}


/* A chunked request from its first byte to its end. */

static int
open_chunked(const exchange_t *x, const uint8_t *wire, size_t n,
    size_t (*piece)(size_t left), const attest_ohttp_limits_t *limits,
    uint8_t *out, size_t *out_len)
{
    int                    rc;
    attest_ohttp_t         o;
    attest_ohttp_head_t    head;
    attest_ohttp_opener_t  op;

    *out_len = 0;

    rc = head_of(&head, wire, n);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ohttp_recipient(&o, x->form, &x->kc, &x->key, &head);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ohttp_opener_request(&op, &o, limits, out,
                                     limits->max_total + 16);
    if (rc == ATTEST_OK) {
        rc = feed(&op, wire + head.len, n - head.len, piece);
    }

    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_finish(&op);

    } else if (attest_ohttp_opener_finish(&op) != rc) {
        /* errors stay */
        rc = -98;
    }

    *out_len = op.plain;
    op.plain = 0;
    attest_ohttp_opener_clear(&op);
    attest_ohttp_clear(&o);

    return rc;
}


static void
test_types(void)
{
    size_t               i;
    attest_ohttp_form_e  form;

    static const struct { const char *s; int rc, form; } t[] = {
        { "message/ohttp-req", ATTEST_OK, ATTEST_OHTTP_WHOLE },
        { "Message/OHTTP-Req", ATTEST_OK, ATTEST_OHTTP_WHOLE },
        { " message/ohttp-req\t", ATTEST_OK, ATTEST_OHTTP_WHOLE },
        { "message/ohttp-chunked-req", ATTEST_OK, ATTEST_OHTTP_CHUNKED },
        { "message/ohttp-res", ATTEST_EMISMATCH, 0 },
        { "message/ohttp-chunked-res", ATTEST_EMISMATCH, 0 },
        { "message/ohttp-req; a=b", ATTEST_EMISMATCH, 0 },
        { "message/ohttp-re", ATTEST_EMISMATCH, 0 },
        { "message/ohttp-reqs", ATTEST_EMISMATCH, 0 },
        { "message/bhttp", ATTEST_EMISMATCH, 0 },
        { "", ATTEST_EMISMATCH, 0 }, { "  ", ATTEST_EMISMATCH, 0 },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        form = 77;
        IS_INT(attest_ohttp_request_type(BYTES(t[i].s), strlen(t[i].s),
                                         &form),
               t[i].rc, "type \"%s\"", t[i].s);
        IS_INT(form, t[i].rc == ATTEST_OK ? t[i].form : 77, "its form");
    }
}


static void
test_header(const exchange_t *x)
{
    int                    bad = 0;
    size_t                 n, used;
    uint8_t                b[ATTEST_OHTTP_MAX_HEAD + 8];
    attest_ohttp_head_t    head;
    attest_ohttp_header_t  h;

    IS_INT(attest_ohttp_parse_header(BYTES("\x81\x12\x34\x56\x78\x9a\xbc"), 7,
                                     &h),
           ATTEST_OK, "header");
    OK(h.key_id == 0x81 && h.suite.kem == 0x1234 && h.suite.kdf == 0x5678
       && h.suite.aead == 0x9abc, "its members");

    for (n = 0; n < 7; n++) {
        bad += attest_ohttp_parse_header(x->request, n, &h)
               != ATTEST_EFORMAT;
    }
    IS_INT(bad, 0, "header cut");

    memset(&head, 0, sizeof(head));
    for (n = 0; n < 39; n++) {
        bad += head.whole;
        bad += attest_ohttp_head_feed(&head, x->request + n, 1, &used)
               != ATTEST_OK || used != 1;
    }
    OK(bad == 0 && head.whole, "head byte by byte");
    IS_MEM(head.bytes, x->request, 39, "head bytes");
    IS_INT(attest_ohttp_head_feed(&head, x->request + n, 1, &used), ATTEST_OK,
           "more");
    IS_INT(used, 0, "is not the head's");

    memset(&head, 0, sizeof(head));
    IS_INT(attest_ohttp_head_feed(&head, x->request, x->request_len, &used),
           ATTEST_OK, "head of a whole message");
    OK(used == 39 && head.whole && head.header.key_id == 1, "39 bytes");

    memset(b, 0, sizeof(b));
    b[2] = ATTEST_KEM_P256;
    IS_INT(head_of(&head, b, sizeof(b)), ATTEST_OK, "P-256");
    OK(head.whole && head.len == 72, "72 bytes");

    b[1] = 0x7f;
    IS_INT(head_of(&head, b, 6), ATTEST_OK, "header not whole");
    IS_INT(head_of(&head, b, 7), ATTEST_EUNSUPPORTED, "unknown KEM");
    OK(!head.whole, "no head");
}


static void
test_select(const exchange_t *x)
{
    size_t                 i, which;
    attest_keyconfig_t     kc[3];
    attest_ohttp_header_t  h;

    static const struct { int id, kem, kdf, aead, which; } t[] = {
        { 1, 0x20, 1, 1, 1 }, { 1, 0x20, 1, 3, 1 }, { 7, 0x20, 1, 3, 0 },
        { 9, 0x10, 1, 1, 2 }, { 1, 0x20, 1, 2, -1 }, { 1, 0x20, 2, 1, -1 },
        { 1, 0x10, 1, 1, -1 }, { 2, 0x20, 1, 1, -1 }, { 9, 0x20, 1, 1, -1 },
        { 1, 0x20, 1, 0xffff, -1 },
    };

    kc[0] = kc[1] = kc[2] = x->kc;
    kc[0].id = 7;
    kc[2].id = 9;
    kc[2].kem = ATTEST_KEM_P256;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        h.key_id = (uint8_t) t[i].id;
        h.suite.kem = (uint16_t) t[i].kem;
        h.suite.kdf = (uint16_t) t[i].kdf;
        h.suite.aead = (uint16_t) t[i].aead;
        which = 99;

        IS_INT(attest_ohttp_select(&h, kc, 3, &which),
               t[i].which < 0 ? ATTEST_EMISMATCH : ATTEST_OK,
               "key %d, suite %x %x %x", t[i].id, t[i].kem, t[i].kdf,
               t[i].aead);
        IS_INT(which, t[i].which < 0 ? 99 : t[i].which, "which");
    }

    IS_INT(attest_ohttp_select(&h, kc, 0, &which), ATTEST_EMISMATCH,
           "no key");
}


static void
test_recipient(const exchange_t *x)
{
    size_t               n;
    uint8_t              b[64];
    attest_ohttp_t       o;
    attest_ohttp_head_t  head;

    head_of(&head, x->request, 38);
    IS_INT(attest_ohttp_recipient(&o, x->form, &x->kc, &x->key, &head),
           ATTEST_EFORMAT, "head not whole");

    for (n = 0; n < 7; n++) {
        memcpy(b, x->request, 39);
        b[n] ^= 1;

        if (head_of(&head, b, 39) == ATTEST_OK && head.whole) {
            IS_INT(attest_ohttp_recipient(&o, x->form, &x->kc, &x->key,
                                          &head),
                   ATTEST_EMISMATCH, "header byte %zu changed", n);
            OK(wiped(&o, sizeof(o)), "no context");
        }
    }

    memcpy(b, x->request, 39);
    memset(b + 7, 0, 32);
    head_of(&head, b, 39);
    IS_INT(attest_ohttp_recipient(&o, x->form, &x->kc, &x->key, &head),
           ATTEST_ECRYPTO, "low-order enc");
    OK(wiped(&o, sizeof(o)), "no context");

    gateway(x, &o);
    OK(o.enc_len == 32 && memcmp(o.enc, x->request + 7, 32) == 0
       && o.header.suite.aead == 1, "what it is for");
    attest_ohttp_clear(&o);
    OK(wiped(&o, sizeof(o)), "cleared");
}


/* What the specifications print between request and response. */

static void
test_keys(const exchange_t *x)
{
    const char     *label;
    uint8_t         want[64], secret[16];
    attest_aead_t   aead;
    attest_ohttp_t  o;

    label = x->form == ATTEST_OHTTP_CHUNKED
            ? "message/bhttp chunked response" : "message/bhttp response";

    gateway(x, &o);

    field(x->json, "secret", want, sizeof(want));
    attest_hpke_export(&o.hpke, BYTES(label), strlen(label), secret, 16);
    IS_MEM(secret, want, 16, "secret");

    IS_INT(attest_ohttp_response(&aead, &o, x->nonce, 1), ATTEST_OK,
           "response keys");
    field(x->json, "aeadNonce", want, sizeof(want));
    IS_MEM(aead.nonce, want, 12, "AEAD nonce");

    attest_aead_clear(&aead);
    attest_ohttp_clear(&o);
    IS_INT(attest_ohttp_response(&aead, &o, x->nonce, 1), ATTEST_EARG,
           "no keys of a cleared context");
}


static void
test_whole_request(const exchange_t *x)
{
    size_t          n = x->request_len - 39, len;
    uint8_t         out[MAX_WIRE], head[64];
    attest_ohttp_t  o;

    gateway(x, &o);
    memset(out, 0xaa, sizeof(out));
    IS_INT(attest_ohttp_open_request(&o, x->request + 39, n, out), ATTEST_OK,
           "open");
    IS_INT(n - 16, x->request_pt_len, "length");
    IS_MEM(out, x->request_pt, n - 16, "plaintext");
    IS_INT(out[n - 16], 0xaa, "nothing behind");
    IS_INT(attest_ohttp_open_request(&o, x->request + 39, n, out),
           ATTEST_EARG, "once");
    attest_ohttp_clear(&o);

    /* in place */
    gateway(x, &o);
    memcpy(out, x->request + 39, n);
    IS_INT(attest_ohttp_open_request(&o, out, n, out), ATTEST_OK,
           "open in place");
    IS_MEM(out, x->request_pt, n - 16, "plaintext");
    attest_ohttp_clear(&o);

    len = 38;
    IS_INT(attest_ohttp_sender(&o, x->form, &x->kc, 1, 1, &x->ephemeral, head,
                               &len),
           ATTEST_ENOSPACE, "sender, one byte too few");
    len = 64;
    IS_INT(attest_ohttp_sender(&o, x->form, &x->kc, 1, 2, &x->ephemeral, head,
                               &len),
           ATTEST_EMISMATCH, "sender, a suite that is not offered");
    IS_INT(attest_ohttp_sender(&o, x->form, &x->kc, 1, 1, &x->ephemeral, head,
                               &len),
           ATTEST_OK, "sender");
    OK(len == 39 && memcmp(head, x->request, 39) == 0, "published head");
    IS_INT(attest_ohttp_seal_request(&o, x->request_pt, x->request_pt_len,
                                     out),
           ATTEST_OK, "seal");
    IS_MEM(out, x->request + 39, n, "published ciphertext");
    IS_INT(attest_ohttp_seal_request(&o, x->request_pt, 1, out), ATTEST_EARG,
           "once");

    IS_INT(attest_ohttp_open_response(&o, x->response, x->response_len, out,
                                      &len),
           ATTEST_OK, "open the response");
    OK(len == x->response_pt_len && memcmp(out, x->response_pt, len) == 0,
       "its plaintext");
    attest_ohttp_clear(&o);
}


static void
test_whole_response(const exchange_t *x)
{
    size_t                 i, split, bad = 0;
    uint8_t                out[64], tag[16];
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;
    const uint8_t         *want = x->response + 16;

    gateway(x, &o);

    /* in two pieces, split everywhere, with empty pieces between */
    for (split = 0; split <= x->response_pt_len; split++) {
        bad += attest_ohttp_sealer_response(&s, &o, x->nonce) != ATTEST_OK;
        bad += attest_ohttp_stream_seal(&s, x->response_pt, split, out)
               != ATTEST_OK;
        bad += attest_ohttp_stream_seal(&s, NULL, 0, NULL) != ATTEST_OK;
        bad += attest_ohttp_stream_seal(&s, x->response_pt + split,
                                        x->response_pt_len - split,
                                        out + split) != ATTEST_OK;
        bad += attest_ohttp_stream_end(&s, tag) != ATTEST_OK;
        bad += memcmp(out, want, x->response_pt_len) != 0;
        bad += memcmp(tag, want + x->response_pt_len, 16) != 0;

        bad += attest_ohttp_stream_seal(&s, out, 1, out) != ATTEST_EARG;
        bad += attest_ohttp_stream_end(&s, tag) != ATTEST_EARG;
        attest_ohttp_sealer_clear(&s);
        bad += !wiped(&s, sizeof(s));
    }
    IS_INT(bad, 0, "published response");

    /* byte by byte, in place */
    attest_ohttp_sealer_response(&s, &o, x->nonce);
    memcpy(out, x->response_pt, x->response_pt_len);
    for (i = 0; i < x->response_pt_len; i++) {
        bad += attest_ohttp_stream_seal(&s, out + i, 1, out + i)
               != ATTEST_OK;
    }
    OK(bad == 0 && memcmp(out, want, x->response_pt_len) == 0,
       "byte by byte, in place");
    attest_ohttp_sealer_clear(&s);
    attest_ohttp_clear(&o);
}


/* A long stream in random pieces opens as one message, its limit holds. */

static void
test_stream(const exchange_t *x)
{
    int                    bad = 0;
    size_t                 n, k, len;
    uint8_t               *pt = malloc(MAX_LONG), *out = malloc(MAX_LONG);
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;

    RAND_bytes(pt, MAX_LONG);
    gateway(x, &o);
    attest_ohttp_sealer_response(&s, &o, x->nonce);
    memcpy(out, x->nonce, 16);

    for (n = 0; n < MAX_LONG - 64; n += k) {
        k = some(MAX_LONG - 64 - n);
        bad += attest_ohttp_stream_seal(&s, pt + n, k, out + 16 + n)
               != ATTEST_OK;
    }
    attest_ohttp_stream_end(&s, out + 16 + n);

    IS_INT(attest_ohttp_open_response(&o, out, n + 32, out + 16, &len),
           ATTEST_OK, "long response, opened in place");
    OK(bad == 0 && len == n && memcmp(out + 16, pt, n) == 0, "plaintext");
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_sealer_response(&s, &o, x->nonce);
    s.sealed = ATTEST_OHTTP_MAX_STREAM - 1;
    IS_INT(attest_ohttp_stream_seal(&s, pt, 2, out), ATTEST_ELIMIT,
           "above the AEAD's limit");
    IS_INT(attest_ohttp_stream_seal(&s, pt, 1, out), ATTEST_OK, "at it");
    IS_INT(attest_ohttp_stream_seal(&s, pt, 1, out), ATTEST_ELIMIT,
           "one more");
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_clear(&o);
    free(pt);
    free(out);
}


static void
test_whole_damage(const exchange_t *x)
{
    int                  bad = 0, dirty = 0;
    size_t               i, n, len;
    uint8_t              b[MAX_WIRE], out[MAX_WIRE];
    attest_ohttp_t       o;
    attest_ohttp_head_t  head;

    for (i = 39 * 8; i < x->request_len * 8; i++) {
        memcpy(b, x->request, x->request_len);
        b[i / 8] ^= (uint8_t) (1 << i % 8);
        gateway(x, &o);
        memset(out, 0xaa, sizeof(out));
        bad += attest_ohttp_open_request(&o, b + 39, x->request_len - 39, out)
               != ATTEST_ECRYPTO;
        dirty += !wiped(out, x->request_len - 55);
        attest_ohttp_clear(&o);
    }
    OK(bad == 0 && dirty == 0, "every bit of the request");

    /* enc: the key is another one; its top bit is masked, but authentic */
    for (i = 7 * 8; i < 39 * 8; i++) {
        memcpy(b, x->request, x->request_len);
        b[i / 8] ^= (uint8_t) (1 << i % 8);
        head_of(&head, b, x->request_len);
        if (attest_ohttp_recipient(&o, x->form, &x->kc, &x->key, &head)
            == ATTEST_OK)
        {
            bad += attest_ohttp_open_request(&o, b + 39, x->request_len - 39,
                                             out) != ATTEST_ECRYPTO;
            attest_ohttp_clear(&o);
        }
    }
    IS_INT(bad, 0, "every bit of enc");

    for (n = 0; n < x->request_len - 39; n++) {
        gateway(x, &o);
        bad += attest_ohttp_open_request(&o, x->request + 39, n, out)
               != ATTEST_ECRYPTO;
        attest_ohttp_clear(&o);
    }
    IS_INT(bad, 0, "request cut at every byte");

    gateway(x, &o);
    for (n = 0; n < x->response_len; n++) {
        bad += attest_ohttp_open_response(&o, x->response, n, out, &len)
               != (n < 32 ? ATTEST_EFORMAT : ATTEST_ECRYPTO) || len != 0;
        memcpy(b, x->response, x->response_len);
        b[n] ^= 0x80;
        bad += attest_ohttp_open_response(&o, b, x->response_len, out, &len)
               != ATTEST_ECRYPTO || len != 0;
    }
    IS_INT(bad, 0, "response cut and changed at every byte");
    attest_ohttp_clear(&o);
}


static void
test_chunked_request(const exchange_t *x)
{
    int                    i, rc, bad = 0;
    size_t                 n, len, done, got;
    uint8_t                wire[MAX_WIRE], out[65536 + 16];
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;

    for (i = 0; i < 40; i++) {
        rc = open_chunked(x, x->request, x->request_len,
                          i == 0 ? NULL : i == 1 ? one : some, &wide, out,
                          &got);
        bad += rc != ATTEST_OK || got != x->request_pt_len
               || memcmp(out, x->request_pt, got) != 0;
    }
    IS_INT(bad, 0, "published request: whole, byte by byte, random pieces");

    /* the client's side writes the published bytes */
    done = sizeof(wire);
    IS_INT(attest_ohttp_sender(&o, x->form, &x->kc, 1, 1, &x->ephemeral, wire,
                               &done),
           ATTEST_OK, "sender");
    IS_INT(attest_ohttp_sealer_request(&s, &o), ATTEST_OK, "sealer");

    for (i = 0, got = 0; i < 2; i++, got += n) {
        n = split_of(x, "requestPlaintextSplit", i);
        bad += attest_ohttp_seal_chunk(&s, x->request_pt + got, n,
                                       wire + done, &len) != ATTEST_OK;
        done += len;
    }

    n = split_of(x, "requestPlaintextSplit", 2);
    bad += attest_ohttp_seal_final(&s, x->request_pt + got, n, wire + done,
                                   &len) != ATTEST_OK;
    done += len;

    OK(bad == 0 && done == x->request_len
       && memcmp(wire, x->request, done) == 0, "published bytes");

    attest_ohttp_sealer_clear(&s);
    attest_ohttp_clear(&o);
}


static void
test_chunked_response(const exchange_t *x)
{
    int                    i, bad = 0;
    size_t                 n, len, done = 16, got;
    uint8_t                wire[MAX_WIRE], out[256];
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;
    attest_ohttp_opener_t  op;
    attest_ohttp_limits_t  l = { 64, 64, 8 };

    gateway(x, &o);
    memcpy(wire, x->nonce, 16);
    IS_INT(attest_ohttp_sealer_response(&s, &o, x->nonce), ATTEST_OK,
           "sealer");

    for (i = 0, got = 0; i < 2; i++, got += n) {
        n = split_of(x, "responsePlaintextSplit", i);
        bad += attest_ohttp_seal_chunk(&s, x->response_pt + got, n,
                                       wire + done, &len) != ATTEST_OK;
        done += len;
    }

    bad += attest_ohttp_seal_final(&s, NULL, 0, wire + done, &len)
           != ATTEST_OK;
    done += len;

    OK(bad == 0 && done == x->response_len
       && memcmp(wire, x->response, done) == 0, "published bytes");
    attest_ohttp_sealer_clear(&s);

    for (i = 0; i < 40; i++) {
        attest_ohttp_opener_response(&op, &o, x->response, &l, out,
                                     sizeof(out));
        bad += feed(&op, x->response + 16, x->response_len - 16,
                    i == 0 ? NULL : i == 1 ? one : some) != ATTEST_OK;
        bad += attest_ohttp_opener_finish(&op) != ATTEST_OK;
        bad += op.plain != x->response_pt_len || op.total != op.plain
               || memcmp(out, x->response_pt, op.plain) != 0;
        attest_ohttp_opener_clear(&op);
        bad += !wiped(out, x->response_pt_len) || !wiped(&op, sizeof(op));
    }
    IS_INT(bad, 0, "published response: whole, byte by byte, random pieces");

    attest_ohttp_clear(&o);
}


static void
test_chunked_damage(const exchange_t *x)
{
    int      rc, bad = 0;
    size_t   i, n, got, full = x->request_pt_len;
    uint8_t  b[MAX_WIRE], out[65536 + 16];

    for (n = 39; n < x->request_len; n++) {
        rc = open_chunked(x, x->request, n, n % 2 ? one : NULL, &wide, out,
                          &got);
        bad += rc != ATTEST_EFORMAT && rc != ATTEST_ECRYPTO;
        bad += got > full || memcmp(out, x->request_pt, got) != 0;
    }
    IS_INT(bad, 0, "cut at every byte");

    for (i = 39 * 8; i < x->request_len * 8; i++) {
        memcpy(b, x->request, x->request_len);
        b[i / 8] ^= (uint8_t) (1 << i % 8);
        rc = open_chunked(x, b, x->request_len, NULL, &wide, out, &got);
        bad += rc != ATTEST_EFORMAT && rc != ATTEST_ECRYPTO
               && rc != ATTEST_ELIMIT;
        bad += got > full || memcmp(out, x->request_pt, got) != 0;
        bad += open_chunked(x, b, x->request_len, some, &wide, out, &n) != rc
               || n != got;
    }
    IS_INT(bad, 0, "every bit; the same in pieces");

    memcpy(b, x->request, x->request_len);
    for (n = 1; n <= 20; n++) {
        memset(b + x->request_len, 0, n);
        bad += open_chunked(x, b, x->request_len + n, n % 2 ? one : NULL,
                            &wide, out, &got) != ATTEST_ECRYPTO;
    }
    IS_INT(bad, 0, "bytes behind the final chunk");
}


/* Chunks of the published request: 1 + 28, 1 + 29, 1 + 16 bytes. */

static void
test_chunked_order(const exchange_t *x)
{
    size_t          got;
    uint8_t         b[MAX_WIRE], out[65536 + 16];
    const uint8_t  *p = x->request + 39;

    IS_INT(x->request_len, 39 + 29 + 30 + 17, "three chunks");

    memcpy(b, x->request, 39);
    memcpy(b + 39, p + 29, 30);
    memcpy(b + 69, p, 29);
    memcpy(b + 98, p + 59, 17);
    IS_INT(open_chunked(x, b, 115, NULL, &wide, out, &got), ATTEST_ECRYPTO,
           "two chunks swapped");

    memcpy(b, x->request, 68);
    memcpy(b + 68, p, 29);
    IS_INT(open_chunked(x, b, 97, NULL, &wide, out, &got), ATTEST_ECRYPTO,
           "a chunk twice");
    IS_INT(got, 12, "the first one was opened");

    memcpy(b + 68, p + 59, 17);
    IS_INT(open_chunked(x, b, 85, NULL, &wide, out, &got), ATTEST_ECRYPTO,
           "a chunk left out");

    /* a chunk that is not final, behind the mark of the final one */
    b[68] = 0;
    memcpy(b + 69, p + 30, 29);
    IS_INT(open_chunked(x, b, 98, NULL, &wide, out, &got), ATTEST_ECRYPTO,
           "an ordinary chunk as the final one");

    /* the final chunk with a length */
    memcpy(b, x->request, 98);
    b[98] = 16;
    memcpy(b + 99, p + 60, 16);
    IS_INT(open_chunked(x, b, 115, NULL, &wide, out, &got), ATTEST_ECRYPTO,
           "the final chunk as an ordinary one");
    IS_INT(open_chunked(x, b, 98, NULL, &wide, out, &got), ATTEST_EFORMAT,
           "no final chunk");
    IS_INT(got, x->request_pt_len, "with everything opened");
}


/* Lengths of a chunk that no chunk has; nothing of it follows. */

static void
test_lengths(const exchange_t *x)
{
    size_t                 i;
    uint8_t                out[256];
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;
    attest_ohttp_limits_t  l = { 100, 100, 8 };

    static const struct {
        const char  *bytes;
        size_t       n;
        int          rc;
        const char  *name;
    } t[] = {
        { "\001", 1, ATTEST_ECRYPTO, "1" },
        { "\017", 1, ATTEST_ECRYPTO, "15" },
        { "\020", 1, ATTEST_ECRYPTO, "16: empty" },
        { "\100\020", 2, ATTEST_ECRYPTO, "16 in two bytes" },
        { "\021", 1, ATTEST_OK, "17" },
        { "\100\164", 2, ATTEST_OK, "116" },
        { "\100\165", 2, ATTEST_ELIMIT, "117" },
        { "\277\377\377\377", 4, ATTEST_ELIMIT, "2^30 - 1" },
        { "\377\377\377\377\377\377\377\377", 8, ATTEST_ELIMIT, "2^62 - 1" },
        { "\300\0\0\1\0\0\0\0", 8, ATTEST_ELIMIT, "2^32" },
        { "\300\0\0\1\0\0\0\021", 8, ATTEST_ELIMIT, "2^32 + 17" },
        { "\300\0\0\0\0\0\0\0", 8, ATTEST_OK, "0 in eight bytes" },
        { "\300\0\0\0\0\0\0", 7, ATTEST_OK, "a length cut" },
    };

    gateway(x, &o);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out));
        IS_INT(feed(&op, BYTES(t[i].bytes), t[i].n, one), t[i].rc,
               "length %s", t[i].name);
        OK(attest_ohttp_opener_finish(&op) != ATTEST_OK && op.plain == 0,
           "and no message");
        attest_ohttp_opener_clear(&op);
    }

    attest_ohttp_clear(&o);
}


/* A request of chunks of these sizes, the last one final. */

static size_t
seal_chunks(const exchange_t *x, attest_ohttp_t *o, const size_t *sizes,
    size_t count, uint8_t *out)
{
    size_t                  i, len, done = MAX_LONG;
    attest_ohttp_sealer_t   s;
    static uint8_t          zero[ATTEST_OHTTP_MAX_CHUNK];

    attest_ohttp_sender(o, x->form, &x->kc, 1, 1, NULL, out, &done);
    attest_ohttp_sealer_request(&s, o);

    for (i = 0; i + 1 < count; i++) {
        attest_ohttp_seal_chunk(&s, zero, sizes[i], out + done, &len);
        done += len;
    }

    attest_ohttp_seal_final(&s, zero, sizes[i], out + done, &len);
    attest_ohttp_sealer_clear(&s);

    return done + len;
}


static void
test_limits(const exchange_t *x)
{
    int                    j, rc;
    size_t                 i, n, got;
    uint8_t                wire[MAX_WIRE], out[512];
    attest_ohttp_t         o;
    attest_ohttp_limits_t  l;

    static const struct {
        size_t       sizes[3];
        size_t       chunk, total, chunks;      /* what the message holds */
    } t[] = {
        { { 20, 10, 5 }, 20, 35, 3 },
        { { 5, 10, 20 }, 20, 35, 3 },
        { { 10, 20, 0 }, 20, 30, 3 },
        { { 1, 1, 1 }, 1, 3, 3 },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        n = seal_chunks(x, &o, t[i].sizes, 3, wire);
        attest_ohttp_clear(&o);

        for (j = -1; j <= 1; j++) {
            l = wide;
            l.max_total = 400;
            l.max_chunk = t[i].chunk + (size_t) j;
            rc = open_chunked(x, wire, n, NULL, &l, out, &got);
            IS_INT(rc, j < 0 ? ATTEST_ELIMIT : ATTEST_OK,
                   "message %zu, max_chunk %+d", i, j);
            IS_INT(open_chunked(x, wire, n, one, &l, out, &got), rc,
                   "byte by byte");

            l = wide;
            l.max_total = t[i].total + (size_t) j;
            rc = open_chunked(x, wire, n, NULL, &l, out, &got);
            IS_INT(rc, j < 0 ? ATTEST_ELIMIT : ATTEST_OK,
                   "message %zu, max_total %+d", i, j);
            OK(got <= l.max_total, "no more was opened");
            IS_INT(open_chunked(x, wire, n, one, &l, out, &got), rc,
                   "byte by byte");

            l = wide;
            l.max_total = 400;
            l.max_chunks = t[i].chunks + (size_t) j;
            IS_INT(open_chunked(x, wire, n, some, &l, out, &got),
                   j < 0 ? ATTEST_ELIMIT : ATTEST_OK,
                   "message %zu, max_chunks %+d", i, j);
        }
    }
}


/* Longer forms of a length than needed are legal. */

static void
test_varints(const exchange_t *x)
{
    int             bad = 0;
    size_t          a, b, n, got;
    uint8_t         wire[MAX_WIRE], out[65536 + 16];
    const uint8_t  *p = x->request + 39;

    const struct { uint8_t bytes[8]; size_t n; } forms[] = {
        { { 0 }, 1 }, { { 0x40 }, 2 }, { { 0x80 }, 4 }, { { 0xc0 }, 8 }
    };

    for (a = 0; a < 4; a++) {
        for (b = 0; b < 4; b++) {
            memcpy(wire, x->request, 39);
            memcpy(wire + 39, forms[a].bytes, 8);
            n = 39 + forms[a].n;
            wire[n - 1] |= 28;
            memcpy(wire + n, p + 1, 28 + 30);
            n += 58;
            memcpy(wire + n, forms[b].bytes, 8);
            n += forms[b].n;
            memcpy(wire + n, p + 60, 16);
            n += 16;

            bad += open_chunked(x, wire, n, one, &wide, out, &got)
                   != ATTEST_OK;
            bad += open_chunked(x, wire, n, NULL, &wide, out, &got)
                   != ATTEST_OK;
            bad += got != x->request_pt_len
                   || memcmp(out, x->request_pt, got) != 0;
        }
    }

    IS_INT(bad, 0, "lengths in 1, 2, 4 and 8 bytes");
}


/* A message that lies in memory is opened in its own place. */

static void
test_in_place(const exchange_t *x)
{
    size_t                 used;
    uint8_t                wire[MAX_WIRE];
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;

    gateway(x, &o);
    memcpy(wire, x->request, x->request_len);

    attest_ohttp_opener_request(&op, &o, &wide, wire, x->request_len);
    IS_INT(attest_ohttp_opener_feed(&op, wire + 39, x->request_len - 39,
                                    &used),
           ATTEST_OK, "in place");
    IS_INT(attest_ohttp_opener_finish(&op), ATTEST_OK, "finish");
    OK(op.plain == x->request_pt_len
       && memcmp(wire, x->request_pt, op.plain) == 0, "plaintext");
    IS_INT(op.chunks, 3, "three chunks");

    attest_ohttp_opener_clear(&op);
    OK(wiped(wire, x->request_pt_len), "wiped");
    attest_ohttp_clear(&o);
}


/* A reader that takes what is opened needs room for one chunk only. */

static void
test_small_room(const exchange_t *x)
{
    int                    rc, bad = 0;
    size_t                 n, used, got, piece, room;
    uint8_t                wire[MAX_WIRE], out[64], pt[128];
    attest_ohttp_t         client, o;
    attest_ohttp_head_t    head;
    attest_ohttp_opener_t  op;
    attest_ohttp_limits_t  l = { 30, 100, 9 };

    const size_t  sizes[] = { 20, 30, 1, 7, 30, 5 };

    n = seal_chunks(x, &client, sizes, 6, wire);
    attest_ohttp_clear(&client);

    for (piece = 1; piece < 90; piece++) {
        head_of(&head, wire, n);
        attest_ohttp_recipient(&o, x->form, &x->kc, &x->key, &head);
        room = 46 + piece % 2;
        attest_ohttp_opener_request(&op, &o, &l, out, room);
        memset(out, 0xaa, sizeof(out));

        for (used = 39, got = 0; used < n; /* void */ ) {
            size_t  k = n - used < piece ? n - used : piece, took;

            rc = attest_ohttp_opener_feed(&op, wire + used, k, &took);
            bad += rc != (took == k ? ATTEST_OK : ATTEST_ENOSPACE);
            used += took;

            memcpy(pt + got, out, op.plain);
            got += op.plain;
            bad += attest_ohttp_opener_take(&op, op.plain + 1)
                   != ATTEST_EARG;
            bad += attest_ohttp_opener_take(&op, op.plain) != ATTEST_OK;
            bad += op.plain != 0 || out[room] != 0xaa;
            if (bad) {
                break;
            }
        }

        bad += attest_ohttp_opener_finish(&op) != ATTEST_OK;
        memcpy(pt + got, out, op.plain);
        got += op.plain;
        bad += got != 93 || !wiped(pt, got) || op.total != 93;
        attest_ohttp_opener_clear(&op);
        attest_ohttp_clear(&o);
    }

    IS_INT(bad, 0, "room for one chunk");
}


/* A buffer that grows when it must, and partly taken plaintext. */

static void
test_growing(const exchange_t *x)
{
    int                    rc;
    size_t                 used, n = 39, grown = 0;
    uint8_t               *buf, *larger;
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;

    gateway(x, &o);
    buf = malloc(4);
    attest_ohttp_opener_request(&op, &o, &wide, buf, 4);

    for ( ;; ) {
        rc = attest_ohttp_opener_feed(&op, x->request + n,
                                      x->request_len - n, &used);
        n += used;

        if (rc != ATTEST_ENOSPACE) {
            break;
        }

        larger = malloc(op.room + 4);
        memcpy(larger, op.buf, op.plain + op.have);
        free(op.buf);
        op.buf = larger;
        op.room += 4;
        grown++;
    }

    IS_INT(rc, ATTEST_OK, "with a buffer that grows");
    IS_INT(n, x->request_len, "all of it");
    OK(grown > 8, "which it did");
    n = op.plain + op.have;
    IS_INT(attest_ohttp_opener_take(&op, 5), ATTEST_OK, "five bytes taken");
    OK(wiped(op.buf + n - 5, 5), "and not left behind");
    IS_INT(attest_ohttp_opener_finish(&op), ATTEST_OK, "finish");
    OK(op.plain == x->request_pt_len - 5
       && memcmp(op.buf, x->request_pt + 5, op.plain) == 0
       && op.total == x->request_pt_len, "the rest is there");

    buf = op.buf;
    attest_ohttp_opener_clear(&op);
    free(buf);
    attest_ohttp_clear(&o);
}


static void
test_opener_ends(const exchange_t *x)
{
    size_t                 used;
    uint8_t                out[256];
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;
    attest_ohttp_limits_t  l = { SIZE_MAX, 100, 8 };

    gateway(x, &o);

    IS_INT(attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out)),
           ATTEST_EARG, "a limit beyond reason");
    l.max_chunk = 100;
    l.max_total = SIZE_MAX;
    IS_INT(attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out)),
           ATTEST_EARG, "in all");
    l.max_total = 100;

    attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out));
    IS_INT(attest_ohttp_opener_finish(&op), ATTEST_EFORMAT, "nothing");
    IS_INT(attest_ohttp_opener_feed(&op, x->request + 39, 1, &used),
           ATTEST_EFORMAT, "and nothing more");
    attest_ohttp_opener_clear(&op);

    attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out));
    IS_INT(feed(&op, x->request + 39, x->request_len - 39, NULL), ATTEST_OK,
           "feed");
    IS_INT(attest_ohttp_opener_finish(&op), ATTEST_OK, "finish");
    IS_INT(attest_ohttp_opener_finish(&op), ATTEST_EARG, "once");
    IS_INT(attest_ohttp_opener_feed(&op, x->request, 1, &used), ATTEST_EARG,
           "nothing behind");
    IS_INT(used, 0, "nothing taken");
    OK(memcmp(out, x->request_pt, x->request_pt_len) == 0,
       "what was opened is still there");
    attest_ohttp_opener_clear(&op);

    IS_INT(attest_ohttp_opener_request(&op, &o, &l, out, sizeof(out)),
           ATTEST_EARG, "a context opens one message");
    attest_ohttp_clear(&o);
}


/* Prefixes at the steps of their length, and the largest chunk. */

static void
test_chunk_sizes(const exchange_t *x)
{
    int                    bad = 0;
    size_t                 i, n, len, prefix, used;
    uint8_t               *pt = malloc(20000), *out = malloc(20000);
    uint8_t               *back = malloc(20000);
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;
    attest_ohttp_opener_t  op;
    attest_ohttp_limits_t  l = { 16384, 16384, 1 };

    static const struct { size_t n, prefix; } t[] = {
        { 1, 1 }, { 47, 1 }, { 48, 2 }, { 16367, 2 }, { 16368, 4 },
        { 16383, 4 }, { 16384, 4 }
    };

    RAND_bytes(pt, 20000);
    gateway(x, &o);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        n = t[i].n;
        attest_ohttp_sealer_response(&s, &o, x->nonce);
        prefix = attest_ohttp_chunk_prefix(n);
        bad += prefix != t[i].prefix;

        /* in place, at the end of its room */
        memset(out, 0xaa, 20000);
        memcpy(out + prefix, pt, n);
        bad += attest_ohttp_seal_chunk(&s, out + prefix, n, out, &len)
               != ATTEST_OK || len != prefix + n + 16 || out[len] != 0xaa
               || len > n + ATTEST_OHTTP_OVERHEAD;

        attest_ohttp_opener_response(&op, &o, x->nonce, &l, back, 20000);
        bad += attest_ohttp_opener_feed(&op, out, len, &used) != ATTEST_OK
               || op.plain != n || memcmp(back, pt, n) != 0;
        attest_ohttp_opener_clear(&op);
        attest_ohttp_sealer_clear(&s);
    }
    IS_INT(bad, 0, "chunks at the steps of the prefix");

    attest_ohttp_sealer_response(&s, &o, x->nonce);
    IS_INT(attest_ohttp_seal_chunk(&s, pt, 0, out, &len), ATTEST_EARG,
           "an empty chunk");
    IS_INT(attest_ohttp_seal_chunk(&s, pt, 16385, out, &len), ATTEST_ELIMIT,
           "a chunk too large");
    IS_INT(attest_ohttp_seal_final(&s, pt, 16385, out, &len), ATTEST_ELIMIT,
           "a final one too large");
    IS_INT(len, 0, "nothing written");
    IS_INT(attest_ohttp_seal_final(&s, pt, 16384, out, &len), ATTEST_OK,
           "the largest final one");
    attest_ohttp_opener_response(&op, &o, x->nonce, &l, back, 20000);
    OK(feed(&op, out, len, some) == ATTEST_OK
       && attest_ohttp_opener_finish(&op) == ATTEST_OK && op.plain == 16384
       && memcmp(back, pt, 16384) == 0, "opens");
    attest_ohttp_opener_clear(&op);
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_clear(&o);
    free(pt);
    free(out);
    free(back);
}


static void
test_sealer_refuses(const exchange_t *w, const exchange_t *c)
{
    size_t                 len;
    uint8_t                out[64], tag[16];
    attest_ohttp_t         whole, chunked;
    attest_ohttp_opener_t  op;
    attest_ohttp_sealer_t  s;

    gateway(w, &whole);
    gateway(c, &chunked);

    attest_ohttp_sealer_response(&s, &whole, w->nonce);
    OK(attest_ohttp_seal_chunk(&s, BYTES("a"), 1, out, &len) == ATTEST_EARG
       && attest_ohttp_seal_final(&s, BYTES("a"), 1, out, &len)
          == ATTEST_EARG, "no chunks in a whole response");
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_sealer_response(&s, &chunked, c->nonce);
    OK(attest_ohttp_stream_seal(&s, BYTES("a"), 1, out) == ATTEST_EARG
       && attest_ohttp_stream_end(&s, tag) == ATTEST_EARG,
       "no stream in a chunked one");
    IS_INT(attest_ohttp_seal_final(&s, NULL, 0, out, &len), ATTEST_OK,
           "final");
    OK(attest_ohttp_seal_chunk(&s, BYTES("a"), 1, out, &len) == ATTEST_EARG
       && attest_ohttp_seal_final(&s, BYTES("a"), 1, out, &len)
          == ATTEST_EARG, "nothing behind it");
    attest_ohttp_sealer_clear(&s);

    IS_INT(attest_ohttp_sealer_request(&s, &whole), ATTEST_EARG,
           "no chunks in a whole request");
    IS_INT(attest_ohttp_opener_request(&op, &whole, &wide, out, 64),
           ATTEST_EARG, "neither to open");
    IS_INT(attest_ohttp_opener_response(&op, &whole, w->nonce, &wide, out,
                                        64),
           ATTEST_EARG, "nor in its response");
    IS_INT(attest_ohttp_open_request(&chunked, c->request + 39, 60, out),
           ATTEST_EARG, "a chunked request is not a whole one");
    IS_INT(attest_ohttp_open_response(&chunked, c->response, 40, out, &len),
           ATTEST_EARG, "nor its response");

    /* a gateway's context does not seal requests, a cleared one nothing */
    attest_ohttp_sealer_request(&s, &chunked);
    IS_INT(attest_ohttp_seal_chunk(&s, BYTES("a"), 1, out, &len), ATTEST_EARG,
           "a recipient's context does not seal");
    attest_ohttp_sealer_clear(&s);
    OK(attest_ohttp_stream_seal(&s, BYTES("a"), 1, out) == ATTEST_EARG
       && attest_ohttp_seal_final(&s, BYTES("a"), 1, out, &len)
          == ATTEST_EARG, "a cleared sealer neither");

    attest_ohttp_clear(&whole);
    attest_ohttp_clear(&chunked);
}


static void
test_suites(void)
{
    uint16_t  kem[] = { ATTEST_KEM_X25519, ATTEST_KEM_P256 };
    uint16_t  i, aead;

    for (i = 0; i < 2; i++) {
        for (aead = 1; aead <= 3; aead++) {
            test_suite(kem[i], aead, ATTEST_OHTTP_WHOLE);
            test_suite(kem[i], aead, ATTEST_OHTTP_CHUNKED);
        }
    }

    IS_INT(attest_ohttp_nonce_len(1), 16, "nonce of AES-128-GCM");
    IS_INT(attest_ohttp_nonce_len(2), 32, "of AES-256-GCM");
    IS_INT(attest_ohttp_nonce_len(3), 32, "of ChaCha20-Poly1305");
    IS_INT(attest_ohttp_nonce_len(0xffff), 0, "of no AEAD");
}


/* Both directions with fresh keys; the other form's labels do not open. */

static void
test_suite(uint16_t kem, uint16_t aead, attest_ohttp_form_e form)
{
    size_t               len = ATTEST_OHTTP_MAX_HEAD;
    uint8_t              wire[ATTEST_OHTTP_MAX_HEAD];
    attest_ohttp_t       client, server;
    attest_kem_key_t     key;
    attest_keyconfig_t   kc;
    attest_ohttp_head_t  head;

    attest_kem_key_generate(&key, kem);
    memset(&kc, 0, sizeof(kc));
    kc.id = 200;
    kc.kem = kem;
    kc.pk.p = key.pk;
    kc.pk.n = key.pk_len;
    kc.nsuites = 1;
    kc.suites[0].kdf = 1;
    kc.suites[0].aead = aead;

    IS_INT(attest_ohttp_sender(&client, form, &kc, 1, aead, NULL, wire, &len),
           ATTEST_OK, "KEM %x, AEAD %x, form %d", kem, aead, form);
    head_of(&head, wire, len);
    IS_INT(attest_ohttp_recipient(&server, form, &kc, &key, &head), ATTEST_OK,
           "recipient");
    OK(form == ATTEST_OHTTP_WHOLE ? round_whole(&client, &server)
       : round_chunked(&client, &server), "there and back");

    attest_ohttp_clear(&server);
    attest_ohttp_recipient(&server, !form, &kc, &key, &head);
    OK(memcmp(server.hpke.key, client.hpke.key, 16) != 0,
       "the other form has another key");

    attest_ohttp_clear(&client);
    attest_ohttp_clear(&server);
    attest_kem_key_clear(&key);
}


static int
round_whole(attest_ohttp_t *client, attest_ohttp_t *server)
{
    size_t                 n, len;
    uint8_t                wire[128], out[128];
    attest_ohttp_sealer_t  s;

    if (attest_ohttp_seal_request(client, BYTES("question"), 8, wire)
        != ATTEST_OK
        || attest_ohttp_open_request(server, wire, 24, out) != ATTEST_OK
        || memcmp(out, "question", 8) != 0)
    {
        return 0;
    }

    n = attest_ohttp_nonce_len(server->header.suite.aead);
    RAND_bytes(wire, (int) n);
    attest_ohttp_sealer_response(&s, server, wire);
    attest_ohttp_stream_seal(&s, BYTES("answer"), 6, wire + n);
    attest_ohttp_stream_end(&s, wire + n + 6);
    attest_ohttp_sealer_clear(&s);

    return attest_ohttp_open_response(client, wire, n + 22, out, &len)
           == ATTEST_OK && len == 6 && memcmp(out, "answer", 6) == 0;
}


static int
round_chunked(attest_ohttp_t *client, attest_ohttp_t *server)
{
    int                    ok;
    size_t                 len, more;
    uint8_t                wire[128], out[256], nonce[32];
    attest_ohttp_sealer_t  s;
    attest_ohttp_opener_t  op;

    attest_ohttp_sealer_request(&s, client);
    attest_ohttp_seal_chunk(&s, BYTES("ques"), 4, wire, &len);
    attest_ohttp_seal_final(&s, BYTES("tion"), 4, wire + len, &more);
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_opener_request(&op, server, &wide, out, sizeof(out));
    ok = feed(&op, wire, len + more, one) == ATTEST_OK
         && attest_ohttp_opener_finish(&op) == ATTEST_OK && op.plain == 8
         && memcmp(out, "question", 8) == 0;
    attest_ohttp_opener_clear(&op);

    RAND_bytes(nonce, sizeof(nonce));
    attest_ohttp_sealer_response(&s, server, nonce);
    attest_ohttp_seal_chunk(&s, BYTES("answer"), 6, wire, &len);
    attest_ohttp_seal_final(&s, NULL, 0, wire + len, &more);
    attest_ohttp_sealer_clear(&s);

    attest_ohttp_opener_response(&op, client, nonce, &wide, out,
                                 sizeof(out));
    ok = ok && feed(&op, wire, len + more, some) == ATTEST_OK
         && attest_ohttp_opener_finish(&op) == ATTEST_OK && op.plain == 6
         && memcmp(out, "answer", 6) == 0;
    attest_ohttp_opener_clear(&op);

    return ok;
}


int
main(void)
{
    cJSON       *doc;
    uint8_t     *file;
    exchange_t   w, c;

    file = unit_read(TEST_DATA "/ohttp-bhttp.json", NULL);
    doc = cJSON_Parse((char *) file);
    if (doc == NULL) {
        printf("Bail out! ohttp-bhttp.json\n");
        return 1;
    }

    load(&w, doc, "ohttp_rfc9458_appA", ATTEST_OHTTP_WHOLE);
    load(&c, doc, "chunked_ohttp_08_appA", ATTEST_OHTTP_CHUNKED);

    test_types();
    test_header(&w);
    test_select(&w);
    test_recipient(&w);
    test_keys(&w);
    test_keys(&c);
    test_whole_request(&w);
    test_whole_response(&w);
    test_stream(&w);
    test_whole_damage(&w);
    test_chunked_request(&c);
    test_chunked_response(&c);
    test_chunked_damage(&c);
    test_chunked_order(&c);
    test_lengths(&c);
    test_limits(&c);
    test_varints(&c);
    test_in_place(&c);
    test_small_room(&c);
    test_growing(&c);
    test_opener_ends(&c);
    test_chunk_sizes(&c);
    test_sealer_refuses(&w, &c);
    test_suites();

    unload(&w);
    unload(&c);
    cJSON_Delete(doc);
    free(file);
    DONE();
}
