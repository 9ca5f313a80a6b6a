/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP: vectors in both directions, framing at every limit and truncation,
 * failures that leave nothing behind, and an incremental client.
 */


#include <cjson/cJSON.h>

#include "unit.h"
#include "core/prompt/attest_ehbp.h"


#define MAX_WIRE  1024

#define BYTES(s)  ((const uint8_t *) (s))


static const char *text(const cJSON *o, const char *name);
static size_t field(const cJSON *o, const char *name, uint8_t *out,
    size_t room);
static int wiped(const uint8_t *p, size_t n);
static void put32(uint8_t *p, size_t v);
static const cJSON *negative(const cJSON *doc, const char *name);
static void gateway_key(const cJSON *doc, attest_kem_key_t *key,
    uint8_t enc[32]);

static void test_parse_enc(void);
static void test_requests(const cJSON *doc);
static void test_request(const cJSON *doc, const cJSON *v, size_t frames);
static void test_negatives(const cJSON *doc);
static void test_response(const cJSON *doc);
static void test_upstream(const cJSON *doc);
static void start(attest_ehbp_opener_t *op, const uint8_t enc[32],
    const attest_kem_key_t * const *keys, size_t nkeys, uint8_t *buf,
    size_t room);
static int open_request(attest_hpke_ctx_t *ctx, const attest_kem_key_t *key,
    const uint8_t enc[32], const uint8_t *body, size_t len, uint8_t *out,
    int *bad_enc);
static int clean(const uint8_t *p, size_t n);
static size_t message(attest_hpke_ctx_t *c, const uint8_t *pt, size_t n,
    size_t cut, uint8_t *wire);
static void test_lengths(const cJSON *doc);
static void test_framing(void);
static void test_framing_limit(void);
static void test_truncations(const cJSON *doc);
static void test_splits(const cJSON *doc);
static void test_two_keys(void);
static void test_room(void);
static void test_open_flips(const cJSON *doc);
static void test_open_order(const cJSON *doc);
static void test_open_arguments(const cJSON *doc);
static void test_bad_enc(const cJSON *doc);
static void test_empty_frame(void);
static void test_round_trip(void);
static void test_client_split(const cJSON *doc);
static int feed(attest_aead_t *a, const uint8_t *wire, size_t len,
    size_t split, uint8_t *out, size_t *out_len);
static void test_client_refused(void);
static void test_client_limits(void);
static void test_frame_limit(void);


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
wiped(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    return 1;
}


static void
put32(uint8_t *p, size_t v)
{
    p[0] = (uint8_t) (v >> 24);
    p[1] = (uint8_t) (v >> 16);
    p[2] = (uint8_t) (v >> 8);
    p[3] = (uint8_t) v;
}


static const cJSON *
negative(const cJSON *doc, const char *name)
{
    const cJSON  *list, *v;

    list = cJSON_GetObjectItemCaseSensitive(doc, "requests_negative");

    cJSON_ArrayForEach(v, list) {
        if (strcmp(text(v, "name"), name) == 0) {
            return v;
        }
    }

    printf("Bail out! no negative %s\n", name);
    exit(1);
}


static void
gateway_key(const cJSON *doc, attest_kem_key_t *key, uint8_t enc[32])
{
    uint8_t  sk[32];

    field(doc, "skR", sk, sizeof(sk));
    field(doc, "enc", enc, 32);

    if (attest_kem_key_import(key, ATTEST_KEM_X25519, sk) != ATTEST_OK) {
        printf("Bail out! cannot import skR\n");
        exit(1);
    }
}


static void
start(attest_ehbp_opener_t *op, const uint8_t enc[32],
    const attest_kem_key_t * const *keys, size_t nkeys, uint8_t *buf,
    size_t room)
{
    const attest_ehbp_limits_t  limits = { SIZE_MAX, SIZE_MAX };

    attest_ehbp_opener_init(op, enc, &limits);
    op->keys = keys;
    op->nkeys = nkeys;
    op->buf = buf;
    op->room = room;
}


/* A whole body at once; its context, or nothing. */

static int
open_request(attest_hpke_ctx_t *ctx, const attest_kem_key_t *key,
    const uint8_t enc[32], const uint8_t *body, size_t len, uint8_t *out,
    int *bad_enc)
{
    int                   rc;
    size_t                used;
    attest_ehbp_opener_t  op;

    start(&op, enc, &key, 1, out, len);

    rc = attest_ehbp_opener_feed(&op, body, len, &used);
    if (rc == ATTEST_OK) {
        rc = attest_ehbp_opener_finish(&op);
    }

    *bad_enc = op.why == ATTEST_EHBP_BAD_ENC;
    *ctx = op.hpke;

    if (rc == ATTEST_OK) {
        memset(&op.hpke, 0, sizeof(op.hpke));

    } else {
        /* the caller's to wipe: what was opened before */
        memset(out, 0, op.plain);
        memset(ctx, 0, sizeof(*ctx));
    }

    attest_ehbp_opener_clear(&op);

    return rc;
}


/* As it was, or wiped. */

static int
clean(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] != 0 && p[i] != 0xaa) {
            return 0;
        }
    }

    return 1;
}


/* Frames of cut bytes each; returns the length on the wire. */

static size_t
message(attest_hpke_ctx_t *c, const uint8_t *pt, size_t n, size_t cut,
    uint8_t *wire)
{
    size_t  at, k, w = 0;

    for (at = 0; at < n; at += k) {
        k = n - at < cut ? n - at : cut;

        if (attest_ehbp_client_seal(c, pt + at, k, wire + w) != ATTEST_OK) {
            printf("Bail out! cannot seal\n");
            exit(1);
        }

        w += k + ATTEST_EHBP_OVERHEAD;
    }

    return w;
}


static void
test_parse_enc(void)
{
    int      c, bad = 0;
    size_t   i;
    char     hex[70];
    uint8_t  enc[32], want[32];

    for (i = 0; i < 32; i++) {
        want[i] = (uint8_t) (i * 8 + 3);
        snprintf(hex + 2 * i, 3, i % 2 ? "%02x" : "%02X", want[i]);
    }

    IS_INT(attest_ehbp_parse_enc(BYTES(hex), 64, enc), ATTEST_OK,
           "enc, both cases");
    IS_MEM(enc, want, 32, "enc bytes");

    for (i = 0; i <= 66; i++) {
        if (i != 64) {
            bad += attest_ehbp_parse_enc(BYTES(hex), i, enc)
                   != ATTEST_EFORMAT;
        }
    }
    IS_INT(bad, 0, "enc of every other length refused");

    for (c = 0; c < 256; c++) {
        for (i = 0; i < 64; i += 63) {
            memset(hex, '0', 64);
            hex[i] = (char) c;
            bad += attest_ehbp_parse_enc(BYTES(hex), 64, enc)
                   != (strchr("0123456789abcdefABCDEF", c) && c != 0
                       ? ATTEST_OK : ATTEST_EFORMAT);
        }
    }
    IS_INT(bad, 0, "every byte value as first and as last digit");
}


static void
test_requests(const cJSON *doc)
{
    int           n = 0;
    const cJSON  *list, *v;

    const size_t  frames[] = { 1, 3, 3 };

    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");

    cJSON_ArrayForEach(v, list) {
        if (n < 3) {
            test_request(doc, v, frames[n]);
        }
        n++;
    }

    IS_INT(n, 3, "3 requests seen");
}


static void
test_request(const cJSON *doc, const cJSON *v, size_t frames)
{
    int                bad_enc = -1;
    size_t             len, want;
    uint8_t            enc[32], wire[MAX_WIRE], pt[MAX_WIRE], out[MAX_WIRE];
    uint8_t            secret[32], key[32];
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    len = field(v, "wire", wire, sizeof(wire));
    want = field(v, "plaintext", pt, sizeof(pt));

    memset(out, 0xaa, sizeof(out));
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_OK, "open %s", text(v, "name"));
    IS_INT(bad_enc, 0, "enc is fine");
    IS_MEM(out, pt, want, "plaintext");
    IS_INT(out[want], 0xaa, "nothing behind it");
    IS_INT(ctx.seq, frames, "LEN = 0 consumes no sequence number");

    field(doc, "key", key, sizeof(key));
    IS_MEM(ctx.key, key, 32, "key");
    field(doc, "exporter_secret", key, sizeof(key));
    IS_MEM(ctx.exporter, key, 32, "exporter secret");
    field(doc, "exported_secret", key, sizeof(key));
    IS_INT(attest_hpke_export(&ctx, BYTES("ehbp response"), 13, secret, 32),
           ATTEST_OK, "export");
    IS_MEM(secret, key, 32, "exported secret");

    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&sk);
}


static void
test_negatives(const cJSON *doc)
{
    int                bad_enc = 0;
    size_t             len;
    uint8_t            enc[32], wire[MAX_WIRE], out[MAX_WIRE];
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);

    len = field(negative(doc, "tag_flipped"), "wire", wire, sizeof(wire));
    memset(out, 0xaa, sizeof(out));
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_ECRYPTO, "tag_flipped: 422");
    IS_INT(bad_enc, 0, "tag_flipped: enc is fine");
    OK(clean(out, sizeof(out)), "tag_flipped: out wiped");
    OK(wiped((uint8_t *) &ctx, sizeof(ctx)), "tag_flipped: no context");

    len = field(negative(doc, "short_length_prefix"), "wire", wire,
                sizeof(wire));
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_EFORMAT, "short_length_prefix: 400");

    len = field(negative(doc, "len_exceeds_body"), "wire", wire,
                sizeof(wire));
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_EFORMAT, "len_exceeds_body: 400");

    attest_kem_key_clear(&sk);
}


/* The response keys of an opened request seal to the published bytes. */

static void
test_response(const cJSON *doc)
{
    int                bad_enc;
    size_t             len, n, done = 0;
    uint8_t            enc[32], nonce[32], wire[MAX_WIRE], pt[64], out[128];
    uint8_t            body[MAX_WIRE], want[MAX_WIRE];
    const cJSON       *r, *e, *list;
    attest_aead_t      aead;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    len = field(cJSON_GetArrayItem(list, 0), "wire", wire, sizeof(wire));
    open_request(&ctx, &sk, enc, wire, len, body, &bad_enc);

    r = cJSON_GetObjectItemCaseSensitive(doc, "response");
    field(r, "nonce", nonce, sizeof(nonce));
    len = field(r, "wire", want, sizeof(want));

    IS_INT(attest_ehbp_response(&aead, &ctx, enc, nonce, 1), ATTEST_OK,
           "response keys");
    field(r, "nonce_base", pt, sizeof(pt));
    IS_MEM(aead.nonce, pt, 12, "nonce base");

    list = cJSON_GetObjectItemCaseSensitive(r, "plaintext_frames");
    cJSON_ArrayForEach(e, list) {
        n = unit_hex(cJSON_GetStringValue(e), pt, sizeof(pt));
        memset(out, 0xaa, sizeof(out));
        IS_INT(attest_ehbp_seal_frame(&aead, pt, n, out), ATTEST_OK,
               "seal a frame");
        n += ATTEST_EHBP_OVERHEAD;
        OK(n <= len - done && memcmp(out, want + done, n) == 0
           && out[n] == 0xaa, "published bytes");
        done += n;
    }

    IS_INT(done, len, "the whole response");

    attest_aead_clear(&aead);
    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&sk);
}


/* Upstream's vectors start from the exported secret, not from a context. */

static void
test_upstream(const cJSON *doc)
{
    int            marker;
    size_t         len, n, used, out_len;
    uint8_t        secret[32], salt[64], prk[32], key[32], nonce[12];
    uint8_t        want[64], wire[MAX_WIRE], out[MAX_WIRE];
    const cJSON   *u;
    attest_aead_t  aead;

    u = cJSON_GetObjectItemCaseSensitive(doc, "upstream_response_side");
    field(u, "exportedSecret", secret, 32);
    field(u, "requestEnc", salt, 32);
    field(u, "responseNonce", salt + 32, 32);

    IS_INT(attest_hkdf_extract(salt, 64, secret, 32, prk), ATTEST_OK,
           "upstream: extract");
    attest_hkdf_expand(prk, BYTES("key"), 3, key, 32);
    attest_hkdf_expand(prk, BYTES("nonce"), 5, nonce, 12);
    field(u, "derivedKey", want, sizeof(want));
    IS_MEM(key, want, 32, "upstream: key");
    field(u, "derivedNonceBase", want, sizeof(want));
    IS_MEM(nonce, want, 12, "upstream: nonce base");

    attest_aead_init(&aead, ATTEST_AEAD_AES_256_GCM, key, nonce, 0);
    len = field(u, "encryptedResponse", wire, sizeof(wire));
    n = field(u, "plaintext", want, sizeof(want));

    IS_INT(attest_ehbp_client_open(&aead, wire, len, 64, out, &out_len,
                                   &used, &marker),
           ATTEST_OK, "upstream: open");
    IS_INT(used, len, "upstream: one frame");
    OK(out_len == n && memcmp(out, want, n) == 0, "upstream: plaintext");
    IS_INT(marker, 0, "upstream: no end marker");

    attest_aead_clear(&aead);
}


/* The length field around its limits; `there` bytes follow it. */

static void
test_lengths(const cJSON *doc)
{
    int                       rc;
    size_t                    i, used;
    uint8_t                   enc[32], body[4 + 300], out[400];
    attest_kem_key_t          sk;
    const attest_kem_key_t   *key = &sk;
    attest_ehbp_opener_t      op;

    static const struct {
        size_t       len, there, max;
        int          rc;
        const char  *name;
    } t[] = {
        { 0, 0, 240, ATTEST_EFORMAT, "LEN 0" },
        { 1, 1, 240, ATTEST_ECRYPTO, "LEN 1" },
        { 1, 0, 240, ATTEST_ECRYPTO, "LEN 1, none there" },
        { 15, 15, 240, ATTEST_ECRYPTO, "LEN 15" },
        { 16, 16, 240, ATTEST_ECRYPTO, "LEN 16" },
        { 16, 15, 240, ATTEST_EFORMAT, "LEN 16, 15 there" },
        { 255, 254, 240, ATTEST_EFORMAT, "LEN limit - 1" },
        { 256, 255, 240, ATTEST_EFORMAT, "LEN limit" },
        { 257, 257, 240, ATTEST_ELIMIT, "LEN limit + 1" },
        { 257, 0, 240, ATTEST_ELIMIT, "LEN limit + 1, none there" },
        { 0xffffffff, 300, 240, ATTEST_ELIMIT, "LEN ffffffff" },
        { 0xffffffff, 300, SIZE_MAX, ATTEST_EFORMAT,
          "LEN ffffffff, no limit" },
        { 0x80000000, 300, SIZE_MAX, ATTEST_EFORMAT,
          "LEN 80000000, no limit" },
        { 16, 15, 0, ATTEST_EFORMAT, "LEN 16, limit 0" },
        { 17, 0, 0, ATTEST_ELIMIT, "LEN 17, limit 0" },
    };

    gateway_key(doc, &sk, enc);
    memset(body, 0x5c, sizeof(body));

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        put32(body, t[i].len);

        start(&op, enc, &key, 1, out, sizeof(out));
        op.limits.max_plain = t[i].max;

        rc = attest_ehbp_opener_feed(&op, body, 4 + t[i].there, &used);
        if (rc == ATTEST_OK) {
            rc = attest_ehbp_opener_finish(&op);
        }

        IS_INT(rc, t[i].rc, "%s", t[i].name);
        IS_INT(op.why, rc == ATTEST_ELIMIT ? ATTEST_EHBP_PLAIN
                                           : ATTEST_EHBP_FINE, "why");
        IS_INT(attest_ehbp_opener_feed(&op, body, 1, &used),
               rc == ATTEST_OK ? ATTEST_OK : rc, "errors stay");
        attest_ehbp_opener_clear(&op);
    }

    attest_kem_key_clear(&sk);
}


/* What the specification allows: any number of frames, each of any length. */

static void
test_framing(void)
{
    int                       rc, bad_enc;
    size_t                    n, w;
    uint8_t                   enc[32], pt[5000], *wire, *out;
    attest_kem_key_t          sk;
    attest_hpke_ctx_t         c, g;

    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);

    for (n = 0; n < sizeof(pt); n++) {
        pt[n] = (uint8_t) (n * 7);
    }

    wire = calloc(1, 200000);
    out = calloc(1, 200000);

    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);
    w = 40000 + message(&c, pt, 100, 100, wire + 40000);
    memset(wire + w, 0, 8);
    rc = open_request(&g, &sk, enc, wire, w + 8, out, &bad_enc);

    OK(rc == ATTEST_OK && memcmp(out, pt, 100) == 0,
       "ten thousand empty frames before a prompt, two behind");
    IS_INT(g.seq, 1, "consume no sequence number");
    attest_hpke_ctx_clear(&c);
    attest_hpke_ctx_clear(&g);

    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);
    w = message(&c, pt, sizeof(pt), 1, wire);
    rc = open_request(&g, &sk, enc, wire, w, out, &bad_enc);

    OK(rc == ATTEST_OK && memcmp(out, pt, sizeof(pt)) == 0,
       "five thousand frames of a byte each");
    IS_INT(g.seq, sizeof(pt), "as many");
    attest_hpke_ctx_clear(&c);
    attest_hpke_ctx_clear(&g);

    free(wire);
    free(out);
    attest_kem_key_clear(&sk);
}


static void
test_framing_limit(void)
{
    int                       rc;
    size_t                    used, w;
    uint8_t                   enc[32], wire[200], out[200];
    attest_kem_key_t          sk;
    const attest_kem_key_t   *key = &sk;
    attest_hpke_ctx_t         c;
    attest_ehbp_opener_t      op;

    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);
    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);

    memset(wire, 0, sizeof(wire));
    w = 8 + message(&c, BYTES("abcd"), 4, 2, wire + 8);

    start(&op, enc, &key, 1, out, sizeof(out));
    op.limits.max_framing = 8 + 2 * ATTEST_EHBP_OVERHEAD;
    IS_INT(attest_ehbp_opener_feed(&op, wire, w, &used), ATTEST_OK,
           "as much framing as is allowed");
    IS_INT(attest_ehbp_opener_feed(&op, wire + w, 4, &used), ATTEST_ELIMIT,
           "an empty frame more");
    IS_INT(op.why, ATTEST_EHBP_FRAMING, "it is the framing");
    attest_ehbp_opener_clear(&op);

    start(&op, enc, &key, 1, out, sizeof(out));
    op.limits.max_framing = 7 + 2 * ATTEST_EHBP_OVERHEAD;
    IS_INT(attest_ehbp_opener_feed(&op, wire, w, &used), ATTEST_ELIMIT,
           "a byte less is allowed");
    attest_ehbp_opener_clear(&op);

    start(&op, enc, &key, 1, out, sizeof(out));
    op.limits.max_plain = 3;
    rc = attest_ehbp_opener_feed(&op, wire, w, &used);
    OK(rc == ATTEST_ELIMIT && op.why == ATTEST_EHBP_PLAIN,
       "more plaintext than is allowed, in frames that are not");
    attest_ehbp_opener_clear(&op);

    attest_hpke_ctx_clear(&c);
    attest_kem_key_clear(&sk);
}


/* A body cut at every byte: whole only between its frames. */

static void
test_truncations(const cJSON *doc)
{
    int                rc, bad = 0, whole = 0, bad_enc;
    size_t             n, len;
    uint8_t            enc[32], wire[MAX_WIRE], out[MAX_WIRE], *exact;
    const cJSON       *list;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    len = field(cJSON_GetArrayItem(list, 1), "wire", wire, sizeof(wire));

    for (n = 0; n < len; n++) {
        /* exactly n bytes, so that a sanitizer sees one read too many */
        exact = malloc(n + 1);
        memcpy(exact + 1, wire, n);
        rc = open_request(&ctx, &sk, enc, exact + 1, n, out, &bad_enc);
        free(exact);

        if (n == 4 + 0x17 || n == 4 + 0x17 + 4 + 0x1d) {
            whole++;
            bad += rc != ATTEST_OK;
        } else {
            bad += rc != ATTEST_EFORMAT;
        }

        attest_hpke_ctx_clear(&ctx);
    }

    IS_INT(whole, 2, "two places between frames");
    IS_INT(bad, 0, "cut at each of %zu bytes", len);

    attest_kem_key_clear(&sk);
}


/* In pieces of every length, from memory of their own, into exact room. */

static void
test_splits(const cJSON *doc)
{
    int                       rc, bad = 0;
    size_t                    piece, at, n, len, want, used;
    uint8_t                   enc[32], wire[MAX_WIRE], pt[MAX_WIRE];
    uint8_t                  *out, *in;
    const cJSON              *v;
    attest_kem_key_t          sk;
    const attest_kem_key_t   *key = &sk;
    attest_ehbp_opener_t      op;

    gateway_key(doc, &sk, enc);
    v = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(doc, "requests"),
                           2);
    len = field(v, "wire", wire, sizeof(wire));
    want = field(v, "plaintext", pt, sizeof(pt));

    for (piece = 1; piece <= len; piece++) {
        out = malloc(want + ATTEST_HPKE_NT);
        start(&op, enc, &key, 1, out, want + ATTEST_HPKE_NT);
        rc = ATTEST_OK;

        for (at = 0; at < len && rc == ATTEST_OK; at += n) {
            n = len - at < piece ? len - at : piece;
            in = malloc(n);
            memcpy(in, wire + at, n);
            rc = attest_ehbp_opener_feed(&op, in, n, &used);
            bad += used != n;
            free(in);
        }

        bad += rc != ATTEST_OK || attest_ehbp_opener_finish(&op) != ATTEST_OK
               || op.plain != want || memcmp(out, pt, want) != 0;

        attest_ehbp_opener_clear(&op);
        free(out);
    }

    IS_INT(bad, 0, "a request in pieces of each length up to %zu", len);

    attest_kem_key_clear(&sk);
}


/*
 * A key was rotated: the message is for the second of two, and the first must
 * not spoil it, also where it is opened in its own place.
 */

static void
test_two_keys(void)
{
    int                       rc, bad = 0;
    size_t                    piece, at, n, len, used, k;
    uint8_t                   enc[32], pt[300], wire[400], out[400];
    attest_kem_key_t          sk[3];
    const attest_kem_key_t   *keys[3];
    attest_hpke_ctx_t         c;
    attest_ehbp_opener_t      op;

    for (k = 0; k < 3; k++) {
        attest_kem_key_generate(&sk[k], ATTEST_KEM_X25519);
        keys[k] = &sk[k];
    }

    memset(pt, 'p', sizeof(pt));

    for (k = 0; k < 3; k++) {
        attest_ehbp_client(&c, sk[k].pk, sk[k].pk_len, enc);
        len = message(&c, pt, sizeof(pt), 170, wire);

        for (piece = 1; piece <= len; piece += 13) {
            start(&op, enc, keys, 3, out, sizeof(out));
            rc = ATTEST_OK;

            for (at = 0; at < len && rc == ATTEST_OK; at += n) {
                n = len - at < piece ? len - at : piece;
                rc = attest_ehbp_opener_feed(&op, wire + at, n, &used);
            }

            bad += rc != ATTEST_OK || op.which != k
                   || op.plain != sizeof(pt)
                   || memcmp(out, pt, sizeof(pt)) != 0;
            attest_ehbp_opener_clear(&op);
        }

        start(&op, enc, keys, k, out, sizeof(out));
        bad += attest_ehbp_opener_feed(&op, wire, len, &used)
               != (k ? ATTEST_ECRYPTO : ATTEST_EARG);
        attest_ehbp_opener_clear(&op);
        attest_hpke_ctx_clear(&c);
    }

    IS_INT(bad, 0, "each of three keys, however the message arrives");

    for (k = 0; k < 3; k++) {
        attest_kem_key_clear(&sk[k]);
    }
}


/* Memory grows with what arrives. */

static void
test_room(void)
{
    int                       rc;
    size_t                    len, at = 0, used;
    uint8_t                   enc[32], pt[300], wire[400], out[400];
    attest_kem_key_t          sk;
    const attest_kem_key_t   *key = &sk;
    attest_hpke_ctx_t         c;
    attest_ehbp_opener_t      op;

    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);
    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);
    memset(pt, 'q', sizeof(pt));
    len = message(&c, pt, sizeof(pt), 170, wire);

    start(&op, enc, &key, 1, out, 0);

    for (rc = ATTEST_ENOSPACE; rc == ATTEST_ENOSPACE; op.room++) {
        /* a piece less than is left, so that frames are gathered */
        rc = attest_ehbp_opener_feed(&op, wire + at,
                                     len - at < 50 ? len - at : 50, &used);
        at += used;

        if (rc == ATTEST_OK && at < len) {
            rc = ATTEST_ENOSPACE;
        }
    }

    IS_INT(at, len, "all was taken");
    OK(rc == ATTEST_OK && op.plain == sizeof(pt)
       && memcmp(out, pt, sizeof(pt)) == 0,
       "room that grows by a byte");

    attest_ehbp_opener_clear(&op);
    attest_hpke_ctx_clear(&c);
    attest_kem_key_clear(&sk);
}


/* Any bit of any frame's content: refused, wiped; the first frame decides. */

static void
test_open_flips(const cJSON *doc)
{
    int                rc, bad_enc, bad = 0, dirty = 0, frame;
    size_t             i, len;
    uint8_t            enc[32], wire[MAX_WIRE], out[MAX_WIRE];
    const cJSON       *list;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    len = field(cJSON_GetArrayItem(list, 1), "wire", wire, sizeof(wire));

    for (i = 4; i < len; i++) {
        if (i >= 4 + 0x17 && i < 8 + 0x17) {
            continue;
        }

        if (i >= 8 + 0x17 + 0x1d && i < 12 + 0x17 + 0x1d) {
            continue;
        }

        frame = i >= 4 + 0x17;
        wire[i] ^= 1;
        memset(out, 0xaa, sizeof(out));
        rc = open_request(&ctx, &sk, enc, wire, len, out, &bad_enc);
        wire[i] ^= 1;

        bad += rc != (frame ? ATTEST_EMISMATCH : ATTEST_ECRYPTO);
        bad += bad_enc != 0;
        dirty += !clean(out, sizeof(out))
                 || !wiped((uint8_t *) &ctx, sizeof(ctx));
    }

    IS_INT(bad, 0, "every flip: first frame ECRYPTO, later EMISMATCH");
    IS_INT(dirty, 0, "out wiped, context cleared");

    enc[0] ^= 1;
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_ECRYPTO, "another enc");
    IS_INT(bad_enc, 0, "which is a valid point");

    attest_kem_key_clear(&sk);
}


/* Frames swapped, doubled, dropped; and another gateway key. */

static void
test_open_order(const cJSON *doc)
{
    int                bad_enc;
    size_t             len;
    uint8_t            enc[32], wire[MAX_WIRE], w[MAX_WIRE], out[MAX_WIRE];
    const cJSON       *list;
    attest_kem_key_t   sk, other;
    attest_hpke_ctx_t  ctx;

    const size_t  a = 4 + 0x17, b = 4 + 0x1d;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    len = field(cJSON_GetArrayItem(list, 1), "wire", wire, sizeof(wire));

    memcpy(w, wire + a, b);
    memcpy(w + b, wire, a);
    IS_INT(open_request(&ctx, &sk, enc, w, a + b, out, &bad_enc),
           ATTEST_ECRYPTO, "second frame first");

    memcpy(w, wire, a);
    memcpy(w + a, wire, a);
    IS_INT(open_request(&ctx, &sk, enc, w, 2 * a, out, &bad_enc),
           ATTEST_EMISMATCH, "first frame twice");

    memcpy(w, wire, a);
    memcpy(w + a, wire + a + b, len - a - b);
    IS_INT(open_request(&ctx, &sk, enc, w, len - b, out, &bad_enc),
           ATTEST_EMISMATCH, "second frame dropped");

    attest_kem_key_generate(&other, ATTEST_KEM_X25519);
    IS_INT(open_request(&ctx, &other, enc, wire, len, out, &bad_enc),
           ATTEST_ECRYPTO, "another gateway's key");
    IS_INT(bad_enc, 0, "is no fault of enc");
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_OK, "then the right key");

    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&other);
    attest_kem_key_clear(&sk);
}


/* Nothing that has no frame is a request. */

static void
test_open_arguments(const cJSON *doc)
{
    int                bad_enc;
    uint8_t            enc[32], body[32], out[32];
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    memset(body, 0, sizeof(body));
    memset(out, 0xaa, sizeof(out));

    IS_INT(open_request(&ctx, &sk, enc, body, 0, out, &bad_enc),
           ATTEST_EFORMAT, "open: empty body");
    IS_INT(open_request(&ctx, &sk, enc, body, 8, out, &bad_enc),
           ATTEST_EFORMAT, "open: only LEN = 0 frames");
    IS_INT(open_request(&ctx, &sk, enc, body, 6, out, &bad_enc),
           ATTEST_EFORMAT, "open: cut prefix");
    body[3] = 15;
    IS_INT(open_request(&ctx, &sk, enc, body, 19, out, &bad_enc),
           ATTEST_ECRYPTO, "open: LEN 15");
    body[3] = 29;
    IS_INT(open_request(&ctx, &sk, enc, body, 32, out, &bad_enc),
           ATTEST_EFORMAT, "open: LEN beyond the end");
    OK(clean(out, sizeof(out)), "nothing is left");
    OK(wiped((uint8_t *) &ctx, sizeof(ctx)), "no context");

    attest_kem_key_clear(&sk);
}


static void
test_bad_enc(const cJSON *doc)
{
    int                bad_enc = 0;
    size_t             len;
    uint8_t            enc[32], wire[MAX_WIRE], out[MAX_WIRE];
    const cJSON       *list;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    len = field(cJSON_GetArrayItem(list, 0), "wire", wire, sizeof(wire));

    memset(enc, 0, sizeof(enc));
    memset(out, 0xaa, sizeof(out));
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_ECRYPTO, "all-zero enc");
    IS_INT(bad_enc, 1, "enc itself is refused");
    OK(clean(out, sizeof(out)), "out wiped");

    bad_enc = 0;
    enc[0] = 1;
    IS_INT(open_request(&ctx, &sk, enc, wire, len, out, &bad_enc),
           ATTEST_ECRYPTO, "enc of low order");
    IS_INT(bad_enc, 1, "enc itself is refused");

    attest_kem_key_clear(&sk);
}


/* One empty authenticated frame is a whole request, and an end marker. */

static void
test_empty_frame(void)
{
    int                marker, bad_enc;
    size_t             used, out_len;
    uint8_t            enc[32], nonce[32], w[20], out[20];
    attest_aead_t      s, o;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  c, g;

    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);
    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);

    IS_INT(attest_ehbp_client_seal(&c, NULL, 0, w), ATTEST_OK,
           "client seals an empty frame");
    IS_INT(open_request(&g, &sk, enc, w, 20, out, &bad_enc),
           ATTEST_OK, "gateway opens it");

    attest_ehbp_response(&s, &g, enc, memset(nonce, 1, 32), 1);
    IS_INT(attest_ehbp_response(&o, &c, enc, nonce, 0), ATTEST_OK,
           "the client derives the response key from its own context");
    IS_INT(attest_ehbp_seal_frame(&s, NULL, 0, w), ATTEST_OK,
           "gateway seals an end marker");
    IS_INT(attest_ehbp_client_open(&o, w, 20, 64, out, &out_len, &used,
                                   &marker),
           ATTEST_OK, "client opens it");
    OK(marker == 1 && used == 20 && out_len == 0, "and knows it");

    memset(w, 0, sizeof(w));
    IS_INT(attest_ehbp_client_open(&o, w, 20, 64, out, &out_len, &used,
                                   &marker),
           ATTEST_OK, "LEN = 0");
    OK(marker == 0 && used == 4 && out_len == 0, "is no end marker");
    IS_INT(o.seq, 1, "and consumes no sequence number");

    attest_aead_clear(&s);
    attest_aead_clear(&o);
    attest_hpke_ctx_clear(&c);
    attest_hpke_ctx_clear(&g);
    attest_kem_key_clear(&sk);
}


/* Requests of many lengths and frame sizes. */

static void
test_round_trip(void)
{
    int                rc, bad = 0, bad_enc;
    size_t             len, cut, n, w;
    uint8_t            enc[32], pt[600], out[16384], wire[16384];
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  c, g;

    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);

    for (n = 0; n < sizeof(pt); n++) {
        pt[n] = (uint8_t) (n * 5);
    }

    for (len = 1; len <= sizeof(pt); len += 23) {
        cut = 1 + len * 7 % 97;
        rc = attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);
        w = message(&c, pt, len, cut, wire);
        rc |= open_request(&g, &sk, enc, wire, w, out, &bad_enc);

        bad += rc != ATTEST_OK || memcmp(pt, out, len) != 0
               || g.seq != (len + cut - 1) / cut
               || memcmp(c.exporter, g.exporter, 32) != 0;

        attest_hpke_ctx_clear(&c);
        attest_hpke_ctx_clear(&g);
    }

    IS_INT(bad, 0, "client to gateway, many lengths and cuts");

    memset(pt, 0, 32);
    IS_INT(attest_ehbp_client(&c, pt, 32, enc), ATTEST_ECRYPTO,
           "client refuses an all-zero gateway key");
    IS_INT(attest_ehbp_client(&c, sk.pk, 31, enc), ATTEST_ECRYPTO,
           "and a short one");

    attest_kem_key_clear(&sk);
}


/* The published response, in two pieces split at every byte. */

static void
test_client_split(const cJSON *doc)
{
    int                bad = 0, bad_enc;
    size_t             split, len, n, want_len = 0, out_len;
    uint8_t            enc[32], nonce[32], wire[MAX_WIRE], want[256];
    uint8_t            out[256], req[MAX_WIRE], body[MAX_WIRE];
    const cJSON       *r, *e, *list;
    attest_aead_t      a;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  ctx;

    gateway_key(doc, &sk, enc);
    list = cJSON_GetObjectItemCaseSensitive(doc, "requests");
    n = field(cJSON_GetArrayItem(list, 0), "wire", req, sizeof(req));
    open_request(&ctx, &sk, enc, req, n, body, &bad_enc);

    r = cJSON_GetObjectItemCaseSensitive(doc, "response");
    field(r, "nonce", nonce, sizeof(nonce));
    len = field(r, "wire", wire, sizeof(wire));

    list = cJSON_GetObjectItemCaseSensitive(r, "plaintext_frames");
    cJSON_ArrayForEach(e, list) {
        want_len += unit_hex(cJSON_GetStringValue(e), want + want_len,
                             sizeof(want) - want_len);
    }

    for (split = 0; split <= len; split++) {
        attest_ehbp_response(&a, &ctx, enc, nonce, 0);
        out_len = 0;
        bad += feed(&a, wire, len, split, out, &out_len) != ATTEST_OK
               || out_len != want_len || memcmp(out, want, want_len) != 0
               || a.seq != 3;
        attest_aead_clear(&a);
    }

    IS_INT(bad, 0, "response split at each of %zu bytes", len);

    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&sk);
}


/* First what is there before the split, then all of the rest. */

static int
feed(attest_aead_t *a, const uint8_t *wire, size_t len, size_t split,
    uint8_t *out, size_t *out_len)
{
    int       rc, marker;
    size_t    at = 0, end = split, n, used;
    uint8_t  *exact;

    for ( ;; ) {
        exact = malloc(end - at + 1);
        memcpy(exact + 1, wire + at, end - at);
        rc = attest_ehbp_client_open(a, exact + 1, end - at, 64,
                                     out + *out_len, &n, &used, &marker);
        free(exact);

        if (rc != ATTEST_OK || marker) {
            return ATTEST_EFORMAT;
        }

        *out_len += n;
        at += used;

        if (used == 0 && end == len) {
            return at == len ? ATTEST_OK : ATTEST_EFORMAT;
        }

        if (used == 0) {
            end = len;
        }
    }
}


static void
test_client_refused(void)
{
    int                rc, marker, bad = 0, dirty = 0;
    size_t             i, used, out_len;
    uint8_t            key[32], nonce[12], w[20 + 8], w2[20 + 8], out[16];
    attest_aead_t      s, o;

    memset(key, 3, sizeof(key));
    memset(nonce, 4, sizeof(nonce));
    attest_aead_init(&s, ATTEST_AEAD_AES_256_GCM, key, nonce, 1);
    attest_aead_init(&o, ATTEST_AEAD_AES_256_GCM, key, nonce, 0);
    attest_ehbp_seal_frame(&s, BYTES("8 tokens"), 8, w);
    attest_ehbp_seal_frame(&s, BYTES("8 others"), 8, w2);

    for (i = 4; i < sizeof(w); i++) {
        w[i] ^= 4;
        memset(out, 0xaa, sizeof(out));
        rc = attest_ehbp_client_open(&o, w, sizeof(w), 64, out, &out_len,
                                     &used, &marker);
        w[i] ^= 4;
        bad += rc != ATTEST_ECRYPTO || used != 0 || out_len != 0 || marker;
        dirty += !wiped(out, 8) || out[8] != 0xaa || o.seq != 0;
    }

    IS_INT(bad, 0, "every flip refused");
    IS_INT(dirty, 0, "nothing left, counter not advanced");

    IS_INT(attest_ehbp_client_open(&o, w2, sizeof(w2), 64, out, &out_len,
                                   &used, &marker),
           ATTEST_ECRYPTO, "a frame dropped");
    IS_INT(attest_ehbp_client_open(&o, w, sizeof(w), 64, out, &out_len,
                                   &used, &marker),
           ATTEST_OK, "the frame itself");
    OK(out_len == 8 && memcmp(out, "8 tokens", 8) == 0, "plaintext");
    IS_INT(attest_ehbp_client_open(&o, w, sizeof(w), 64, out, &out_len,
                                   &used, &marker),
           ATTEST_ECRYPTO, "not twice");

    attest_aead_clear(&s);
    attest_aead_clear(&o);
}


static void
test_client_limits(void)
{
    int            marker;
    size_t         i, used, out_len;
    uint8_t        key[32], w[4 + 64], out[64];
    attest_aead_t  s, o;

    static const struct {
        size_t       len, n;
        int          rc;
        const char  *name;
    } t[] = {
        { 65, 4, ATTEST_ELIMIT, "LEN limit + 1" },
        { 0xffffffff, 4, ATTEST_ELIMIT, "LEN ffffffff" },
        { 64, 4, ATTEST_OK, "LEN limit, none there: more is needed" },
        { 64, 67, ATTEST_OK, "LEN limit, all but one: more is needed" },
        { 64, 68, ATTEST_ECRYPTO, "LEN limit, all there, no tag" },
        { 1, 5, ATTEST_ECRYPTO, "LEN 1" },
        { 15, 19, ATTEST_ECRYPTO, "LEN 15" },
        { 16, 20, ATTEST_ECRYPTO, "LEN 16, no tag" },
        { 0xffffffff, 3, ATTEST_OK, "cut prefix: more is needed" },
    };

    memset(key, 3, sizeof(key));
    memset(w, 0, sizeof(w));
    attest_aead_init(&o, ATTEST_AEAD_AES_256_GCM, key, key, 0);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        put32(w, t[i].len);
        used = out_len = 7;
        marker = 7;
        IS_INT(attest_ehbp_client_open(&o, w, t[i].n, 64, out, &out_len,
                                       &used, &marker),
               t[i].rc, "client: %s", t[i].name);
        OK(used == 0 && out_len == 0 && marker == 0, "nothing used");
    }

    attest_aead_init(&s, ATTEST_AEAD_AES_256_GCM, key, key, 1);
    attest_ehbp_seal_frame(&s, key, 32, w);
    IS_INT(attest_ehbp_client_open(&o, w, 52, 47, out, &out_len, &used,
                                   &marker),
           ATTEST_ELIMIT, "client: a good frame above the limit");
    IS_INT(attest_ehbp_client_open(&o, w, 52, 48, out, &out_len, &used,
                                   &marker),
           ATTEST_OK, "client: at the limit");
    IS_INT(used, 52, "used");

    attest_aead_clear(&s);
    attest_aead_clear(&o);
}


/* Refused by its length alone: nothing of so much plaintext is read. */

static void
test_frame_limit(void)
{
    uint8_t            enc[32], key[32], out[4] = { 9, 9, 9, 9 };
    attest_aead_t      s;
    attest_kem_key_t   sk;
    attest_hpke_ctx_t  c;

    memset(key, 3, sizeof(key));
    attest_aead_init(&s, ATTEST_AEAD_AES_256_GCM, key, key, 1);
    attest_kem_key_generate(&sk, ATTEST_KEM_X25519);
    attest_ehbp_client(&c, sk.pk, sk.pk_len, enc);

    IS_INT(attest_ehbp_seal_frame(&s, key, (size_t) UINT32_MAX - 15, out),
           ATTEST_ELIMIT, "a frame that LEN cannot say");
    IS_INT(attest_ehbp_client_seal(&c, key, (size_t) UINT32_MAX - 15, out),
           ATTEST_ELIMIT, "nor the client's");
    OK(out[0] == 9 && s.seq == 0 && c.seq == 0, "nothing done");

    attest_aead_clear(&s);
    attest_hpke_ctx_clear(&c);
    attest_kem_key_clear(&sk);
}


int
main(void)
{
    uint8_t  *file;
    cJSON    *doc;

    file = unit_read(TEST_DATA "/ehbp.json", NULL);
    doc = cJSON_Parse((char *) file);
    free(file);

    if (doc == NULL) {
        printf("Bail out! ehbp.json does not parse\n");
        return 1;
    }

    test_parse_enc();
    test_requests(doc);
    test_negatives(doc);
    test_response(doc);
    test_upstream(doc);
    test_lengths(doc);
    test_framing();
    test_framing_limit();
    test_truncations(doc);
    test_splits(doc);
    test_two_keys();
    test_room();
    test_open_flips(doc);
    test_open_order(doc);
    test_open_arguments(doc);
    test_bad_enc(doc);
    test_empty_frame();
    test_round_trip();
    test_client_split(doc);
    test_client_refused();
    test_client_limits();
    test_frame_limit();

    cJSON_Delete(doc);

    DONE();
}
