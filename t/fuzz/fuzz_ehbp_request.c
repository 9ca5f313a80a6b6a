/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP requests, opened as they arrive, at once and in pieces.
 *
 * The first byte chooses.  Even: the rest is a body as it came, under the enc
 * of the published vectors (the corpus has bodies that open).  Odd: the rest
 * is a script, two bytes per frame, of frames that we seal ourselves and may
 * damage, so that the code behind a good tag is reached.
 */


#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_ehbp.h"


#define MAX_FRAME   200
#define MAX_FRAMES  12
#define MAX_PLAIN   (MAX_FRAMES * MAX_FRAME)

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void setup(void);
static int open_pieces(const uint8_t *body, size_t size, const uint8_t *enc,
    size_t piece, uint8_t *out, attest_ehbp_opener_t *op);
static int run(const uint8_t *body, size_t size, const uint8_t *enc,
    const uint8_t *want);
static void script(const uint8_t *data, size_t size);
static size_t frame(attest_hpke_ctx_t *c, const uint8_t *op, uint8_t *wire,
    uint8_t *pt, size_t *pt_len);


static attest_kem_key_t   key;
static attest_kem_key_t   ephemeral;

static const uint8_t  published_enc[32] = {
    0x64, 0xb1, 0x01, 0xb1, 0xd0, 0xbe, 0x5a, 0x87,
    0x04, 0xbd, 0x07, 0x8f, 0x98, 0x95, 0x00, 0x1f,
    0xc0, 0x3e, 0x8e, 0x9f, 0x95, 0x22, 0xf1, 0x88,
    0xdd, 0x12, 0x8d, 0x98, 0x46, 0xd4, 0x84, 0x66
};


static void
setup(void)
{
    int      i;
    uint8_t  sk[32];

    if (key.pkey != NULL) {
        return;
    }

    for (i = 0; i < 32; i++) {
        sk[i] = (uint8_t) (i + 1);
    }

    CHECK(attest_kem_key_import(&key, ATTEST_KEM_X25519, sk) == ATTEST_OK);

    memset(sk, 0x77, sizeof(sk));
    CHECK(attest_kem_key_import(&ephemeral, ATTEST_KEM_X25519, sk)
          == ATTEST_OK);
}


static int
open_pieces(const uint8_t *body, size_t size, const uint8_t *enc,
    size_t piece, uint8_t *out, attest_ehbp_opener_t *op)
{
    int      rc = ATTEST_OK;
    size_t   at, n, used;

    static const attest_ehbp_limits_t       limits = { MAX_PLAIN, 4000 };
    static const attest_kem_key_t * const  keys[] = { &ephemeral, &key };

    memset(out, 0xa5, MAX_PLAIN + ATTEST_HPKE_NT + 1);

    attest_ehbp_opener_init(op, enc, &limits);
    op->keys = keys;
    op->nkeys = 2;
    op->buf = out;
    op->room = MAX_PLAIN + ATTEST_HPKE_NT;

    for (at = 0; at < size && rc == ATTEST_OK; at += n) {
        n = size - at < piece ? size - at : piece;
        rc = attest_ehbp_opener_feed(op, body + at, n, &used);
        CHECK(used <= n && (rc != ATTEST_OK || used == n));
        CHECK(rc != ATTEST_ENOSPACE);
    }

    if (rc == ATTEST_OK) {
        rc = attest_ehbp_opener_finish(op);
    }

    CHECK(op->plain <= MAX_PLAIN);
    CHECK(op->framing <= limits.max_framing);
    CHECK(out[MAX_PLAIN + ATTEST_HPKE_NT] == 0xa5);
    CHECK((rc == ATTEST_ELIMIT) == (op->why >= ATTEST_EHBP_PLAIN));
    CHECK(rc != ATTEST_EMISMATCH || op->hpke.cipher != NULL);

    return rc;
}


/* want: the plaintext if the body is to open, NULL if that is open. */

static int
run(const uint8_t *body, size_t size, const uint8_t *enc,
    const uint8_t *want)
{
    int                    rc, again;
    size_t                 piece;
    attest_ehbp_opener_t   op, other;
    static uint8_t         out[MAX_PLAIN + ATTEST_HPKE_NT + 1];
    static uint8_t         pieces[MAX_PLAIN + ATTEST_HPKE_NT + 1];

    rc = open_pieces(body, size, enc, SIZE_MAX, out, &op);

    CHECK(rc != ATTEST_OK || want == NULL
          || memcmp(out, want, op.plain) == 0);

    for (piece = 1; piece < 40; piece += 7) {
        again = open_pieces(body, size, enc, piece, pieces, &other);

        CHECK(again == rc && other.plain == op.plain && other.why == op.why);
        CHECK(memcmp(out, pieces, op.plain) == 0);

        attest_ehbp_opener_clear(&other);
    }

    attest_ehbp_opener_clear(&op);

    return rc;
}


/* One frame of a script; bit 7 of the second byte damages it. */

static size_t
frame(attest_hpke_ctx_t *c, const uint8_t *op, uint8_t *wire, uint8_t *pt,
    size_t *pt_len)
{
    size_t  n = op[0] % (MAX_FRAME - ATTEST_HPKE_NT + 1);

    if (op[0] == 0xff) {
        memset(wire, 0, 4);
        return 4;
    }

    memset(pt + *pt_len, op[1], n);
    CHECK(attest_ehbp_client_seal(c, pt + *pt_len, n, wire) == ATTEST_OK);
    *pt_len += n;

    if (op[1] & 0x80) {
        wire[4 + op[1] % (n + ATTEST_HPKE_NT)] ^= 0x10;
    }

    return n + ATTEST_EHBP_OVERHEAD;
}


static void
script(const uint8_t *data, size_t size)
{
    int                rc, want = ATTEST_OK;
    size_t             i, len = 0, pt_len = 0, sealed = 0;
    uint8_t            enc[32], pt[MAX_PLAIN];
    uint8_t            wire[MAX_FRAMES * (MAX_FRAME + 4)];
    attest_hpke_ctx_t  c;

    const attest_hpke_suite_t  suite = {
        ATTEST_KEM_X25519, ATTEST_KDF_HKDF_SHA256, ATTEST_AEAD_AES_256_GCM
    };

    CHECK(attest_hpke_setup_sender(&c, &suite, key.pk, 32, &ephemeral,
                                   (const uint8_t *) "ehbp request", 12, enc)
          == ATTEST_OK);

    for (i = 0; i + 1 < size && i < 2 * MAX_FRAMES; i += 2) {
        len += frame(&c, data + i, wire + len, pt, &pt_len);

        if (data[i] == 0xff) {
            continue;
        }

        if (want == ATTEST_OK && data[i + 1] & 0x80) {
            want = sealed == 0 ? ATTEST_ECRYPTO : ATTEST_EMISMATCH;
        }

        sealed++;
    }

    attest_hpke_ctx_clear(&c);

    rc = run(wire, len, enc, pt);
    CHECK(rc == (sealed == 0 ? ATTEST_EFORMAT : want));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  enc[32];

    setup();
    attest_ehbp_parse_enc(data, size, enc);

    if (size == 0) {
        return 0;
    }

    if (data[0] & 1) {
        script(data + 1, size - 1);

    } else {
        run(data + 1, size - 1, published_enc, NULL);
    }

    return 0;
}
