/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OHTTP and chunked OHTTP.  The first byte chooses, the second is the length
 * of pieces.
 *
 * 0  chunked request as it came, under the published key and enc (the corpus
 *    has one that opens): whole, in pieces and through a small buffer the
 *    outcome is the same
 * 1  the same for a chunked response
 * 2  a request from its first byte, whole or chunked
 * 3  a script: chunks that we seal ourselves and may damage, cut, or follow
 *    with something; we know what must come out
 */


#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_ohttp.h"


#define MAX_DATA   4096
#define MAX_CHUNK   300
#define MAX_CHUNKS  12
#define MAX_TOTAL   2000

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


typedef struct {
    int       rc;
    size_t    len;
    uint8_t   out[MAX_TOTAL + 16];
} outcome_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void setup(void);
static void gateway(attest_ohttp_t *o);
static void begin(attest_ohttp_opener_t *op, attest_ohttp_t *o, int response,
    uint8_t *buf, size_t room);
static void run(int response, const uint8_t *wire, size_t n, size_t piece,
    outcome_t *r);
static void run_small(int response, const uint8_t *wire, size_t n,
    size_t piece, outcome_t *r);
static void same(int response, const uint8_t *wire, size_t n, size_t piece);
static void from_head(const uint8_t *p, size_t n, size_t piece);
static size_t chunks(attest_ohttp_sealer_t *s, const uint8_t *p, size_t n,
    uint8_t *wire, uint8_t *pt, size_t *pt_len, int *good);
static void script(const uint8_t *p, size_t n, size_t piece);


static attest_kem_key_t      key;
static attest_keyconfig_t    kc;
static attest_ohttp_head_t   head;
static outcome_t             a, b;
static uint8_t               expected[MAX_CHUNKS * MAX_CHUNK + 16];

static const attest_ohttp_limits_t  limits = {
    MAX_CHUNK, MAX_TOTAL, MAX_CHUNKS
};

/* draft-ietf-ohai-chunked-ohttp-08, appendix A: skR, request head, nonce */

static const uint8_t  sk[32] = {
    0x1c, 0x19, 0x0d, 0x72, 0xac, 0xdb, 0xe4, 0xdb,
    0xc6, 0x9e, 0x68, 0x05, 0x03, 0xbb, 0x78, 0x1a,
    0x93, 0x2c, 0x70, 0xa1, 0x2c, 0x8f, 0x37, 0x54,
    0x43, 0x4c, 0x67, 0xd8, 0x64, 0x0d, 0x86, 0x98
};

static const uint8_t  published[39] = {
    0x01, 0x00, 0x20, 0x00, 0x01, 0x00, 0x01, 0x88,
    0x11, 0xeb, 0x45, 0x7e, 0x10, 0x08, 0x11, 0xc4,
    0x0a, 0x0a, 0xa7, 0x13, 0x40, 0xa1, 0xb8, 0x1d,
    0x80, 0x4b, 0xb9, 0x86, 0xf7, 0x36, 0xf2, 0xf5,
    0x66, 0xa7, 0x19, 0x97, 0x61, 0xa0, 0x32
};

static const uint8_t  nonce[16] = {
    0xbc, 0xce, 0x7f, 0x4c, 0xb9, 0x21, 0x30, 0x9b,
    0xa5, 0xd6, 0x2e, 0xdf, 0x17, 0x69, 0xef, 0x09
};


static void
setup(void)
{
    size_t  used;

    if (key.pkey != NULL) {
        return;
    }

    CHECK(attest_kem_key_import(&key, ATTEST_KEM_X25519, sk) == ATTEST_OK);

    kc.id = 1;
    kc.kem = ATTEST_KEM_X25519;
    kc.pk.p = key.pk;
    kc.pk.n = key.pk_len;
    kc.nsuites = 2;
    kc.suites[0].kdf = kc.suites[1].kdf = ATTEST_KDF_HKDF_SHA256;
    kc.suites[0].aead = ATTEST_AEAD_AES_128_GCM;
    kc.suites[1].aead = ATTEST_AEAD_CHACHA20;

    CHECK(attest_ohttp_head_feed(&head, published, sizeof(published), &used)
          == ATTEST_OK && head.whole);
}


static void
gateway(attest_ohttp_t *o)
{
    CHECK(attest_ohttp_recipient(o, ATTEST_OHTTP_CHUNKED, &kc, &key, &head)
          == ATTEST_OK);
}


static void
begin(attest_ohttp_opener_t *op, attest_ohttp_t *o, int response,
    uint8_t *buf, size_t room)
{
    gateway(o);

    if (response) {
        CHECK(attest_ohttp_opener_response(op, o, nonce, &limits, buf, room)
              == ATTEST_OK);

    } else {
        CHECK(attest_ohttp_opener_request(op, o, &limits, buf, room)
              == ATTEST_OK);
    }
}


static void
run(int response, const uint8_t *wire, size_t n, size_t piece, outcome_t *r)
{
    size_t                 k, used;
    uint8_t               *exact;
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;

    memset(r, 0, sizeof(*r));
    begin(&op, &o, response, r->out, sizeof(r->out));

    for ( /* void */ ; r->rc == ATTEST_OK && n != 0; wire += k, n -= k) {
        k = n < piece ? n : piece;

        /* exactly k bytes, so that a sanitizer sees one read too many */
        exact = malloc(k + 1);
        CHECK(exact != NULL);
        memcpy(exact + 1, wire, k);
        r->rc = attest_ohttp_opener_feed(&op, exact + 1, k, &used);
        free(exact);

        CHECK(r->rc != ATTEST_ENOSPACE && (r->rc != ATTEST_OK || used == k));
        CHECK(op.plain <= MAX_TOTAL && op.chunks <= MAX_CHUNKS);
    }

    if (r->rc == ATTEST_OK) {
        r->rc = attest_ohttp_opener_finish(&op);

    } else {
        CHECK(attest_ohttp_opener_finish(&op) == r->rc);
    }

    /* all of it authentic, nothing else behind */
    r->len = op.plain;
    CHECK(op.have == 0 && op.total == op.plain);
    op.plain = 0;
    attest_ohttp_opener_clear(&op);
    attest_ohttp_clear(&o);
}


/* Room for one chunk, everything taken at once. */

static void
run_small(int response, const uint8_t *wire, size_t n, size_t piece,
    outcome_t *r)
{
    size_t                 used;
    uint8_t                buf[MAX_CHUNK + 16];
    attest_ohttp_t         o;
    attest_ohttp_opener_t  op;

    memset(r, 0, sizeof(*r));
    begin(&op, &o, response, buf, sizeof(buf));

    while ((r->rc == ATTEST_OK || r->rc == ATTEST_ENOSPACE) && n != 0) {
        r->rc = attest_ohttp_opener_feed(&op, wire, n < piece ? n : piece,
                                         &used);
        wire += used;
        n -= used;

        CHECK(r->rc != ATTEST_ENOSPACE || op.plain != 0);
        CHECK(op.plain <= MAX_TOTAL - r->len);
        memcpy(r->out + r->len, buf, op.plain);
        r->len += op.plain;
        CHECK(attest_ohttp_opener_take(&op, op.plain) == ATTEST_OK);
    }

    if (r->rc == ATTEST_OK) {
        r->rc = attest_ohttp_opener_finish(&op);
        memcpy(r->out + r->len, buf, op.plain);
        r->len += op.plain;
    }

    attest_ohttp_opener_clear(&op);
    attest_ohttp_clear(&o);
}


/* The outcome is left in a. */

static void
same(int response, const uint8_t *wire, size_t n, size_t piece)
{
    run(response, wire, n, n + 1, &a);
    run(response, wire, n, piece, &b);
    CHECK(a.rc == b.rc && a.len == b.len
          && memcmp(a.out, b.out, a.len) == 0);

    run_small(response, wire, n, piece, &b);
    CHECK(a.rc == b.rc && a.len == b.len
          && memcmp(a.out, b.out, a.len) == 0);
}


static void
from_head(const uint8_t *p, size_t n, size_t piece)
{
    int                   rc = ATTEST_OK, other;
    size_t                k, used, which, done = 0;
    uint8_t              *out;
    attest_ohttp_t        o;
    attest_ohttp_head_t   h, pieces;
    attest_ohttp_form_e   form;

    attest_ohttp_request_type(p, n, &form);
    memset(&h, 0, sizeof(h));
    memset(&pieces, 0, sizeof(pieces));
    other = attest_ohttp_head_feed(&h, p, n, &used);

    while (rc == ATTEST_OK && done < n && !pieces.whole) {
        k = n - done < piece ? n - done : piece;
        rc = attest_ohttp_head_feed(&pieces, p + done, k, &which);
        done += which;
    }

    CHECK(rc == other && h.whole == pieces.whole && h.len == pieces.len
          && memcmp(h.bytes, pieces.bytes, h.len) == 0);
    CHECK(!h.whole || (rc == ATTEST_OK && used == h.len && done == used));

    if (attest_ohttp_select(&h.header, &kc, 1, &which) != ATTEST_OK
        || attest_ohttp_recipient(&o, ATTEST_OHTTP_WHOLE, &kc, &key, &h)
           != ATTEST_OK)
    {
        return;
    }

    out = malloc(n + 1);
    CHECK(out != NULL);
    rc = attest_ohttp_open_request(&o, p + used, n - used, out);
    CHECK(rc == ATTEST_OK || rc == ATTEST_ECRYPTO);
    free(out);
    attest_ohttp_clear(&o);
}


/*
 * Two bytes per chunk: its length, and what happens to it.  The last one is
 * final.  *good: nothing was damaged and no limit passed so far.
 */

static size_t
chunks(attest_ohttp_sealer_t *s, const uint8_t *p, size_t n, uint8_t *wire,
    uint8_t *pt, size_t *pt_len, int *good)
{
    int     final;
    size_t  i, len, size, done = 0;

    for (i = 0; i + 1 < n && i < 2 * MAX_CHUNKS; i += 2) {
        final = i + 3 >= n || i + 2 >= 2 * MAX_CHUNKS;
        size = p[i] + (p[i + 1] & 0x20 ? 45u : 0u) + !final;
        memset(pt + *pt_len, p[i + 1], size);

        if (final) {
            CHECK(attest_ohttp_seal_final(s, pt + *pt_len, size, wire + done,
                                          &len) == ATTEST_OK);

        } else {
            CHECK(attest_ohttp_seal_chunk(s, pt + *pt_len, size, wire + done,
                                          &len) == ATTEST_OK);
        }

        CHECK(len == size + 16 + (final ? 1 : attest_ohttp_chunk_prefix(size))
              && len <= size + ATTEST_OHTTP_OVERHEAD);

        if (p[i + 1] & 0x80) {
            wire[done + len - 1 - p[i + 1] % (size + 16)] ^= 0x04;
            *good = 0;
        }

        if (size > MAX_CHUNK || size > MAX_TOTAL - *pt_len) {
            *good = 0;
        }

        if (*good) {
            *pt_len += size;
        }

        done += len;
    }

    return done;
}


static void
script(const uint8_t *p, size_t n, size_t piece)
{
    int                    good = 1;
    size_t                 len, pt_len = 0;
    uint8_t                wire[MAX_CHUNKS * (MAX_CHUNK + 30) + 256];
    attest_ohttp_t         o;
    attest_ohttp_sealer_t  s;

    if (n < 4) {
        return;
    }

    gateway(&o);
    CHECK(attest_ohttp_sealer_response(&s, &o, nonce) == ATTEST_OK);
    len = chunks(&s, p + 2, n - 2, wire, expected, &pt_len, &good);
    attest_ohttp_sealer_clear(&s);
    attest_ohttp_clear(&o);

    /* cut, or followed by something: never whole, never more plaintext */
    if (p[0] == 1) {
        len -= len > p[1] ? 1u + p[1] % (len - 1) : 1u;
        good = 0;

    } else if (p[0] == 2) {
        memset(wire + len, p[1], 1u + p[1] % 200u);
        len += 1u + p[1] % 200u;
        good = 0;
    }

    same(1, wire, len, piece);

    CHECK((a.rc == ATTEST_OK) == good);
    CHECK(a.len <= pt_len && memcmp(a.out, expected, a.len) == 0);
    CHECK(!good || a.len == pt_len);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  piece;

    if (size < 2 || size > MAX_DATA) {
        return 0;
    }

    setup();
    piece = 1u + data[1];

    switch (data[0] & 3) {

    case 0:
    case 1:
        same(data[0] & 1, data + 2, size - 2, piece);
        break;

    case 2:
        from_head(data + 2, size - 2, piece);
        break;

    default:
        script(data + 2, size - 2, piece);
        break;
    }

    return 0;
}
