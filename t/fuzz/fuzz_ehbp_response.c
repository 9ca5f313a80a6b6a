/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP responses, the client's side.
 *
 * The first byte chooses.  Even: the rest is a response as it came, under the
 * keys of the published vectors (the corpus has one that opens).  Odd: the
 * rest is a script, two bytes per frame, of frames that we seal ourselves and
 * may damage.  Fed whole and in pieces, the outcome is the same.
 */


#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_ehbp.h"


#define MAX_FRAME   200
#define MAX_FRAMES  12
#define MAX_WIRE    4096

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


typedef struct {
    int       rc;
    size_t    frames;
    size_t    markers;
    size_t    used;
    size_t    out_len;
    uint8_t   out[MAX_WIRE];
} outcome_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void step(attest_aead_t *a, const uint8_t *in, size_t n, outcome_t *o,
    size_t *used);
static void feed(const uint8_t *wire, size_t len, size_t piece,
    outcome_t *o);
static size_t script(const uint8_t *data, size_t size, uint8_t *wire,
    size_t *good);


static const uint8_t  key[32] = {
    0x80, 0x41, 0x65, 0xc6, 0x73, 0xbd, 0x01, 0x47,
    0x1d, 0x77, 0xbe, 0xc0, 0xba, 0x4c, 0xe3, 0x2f,
    0xc3, 0x71, 0x83, 0xad, 0x79, 0x36, 0xde, 0xea,
    0xcc, 0xea, 0x41, 0x45, 0x1c, 0xbb, 0x8f, 0x35
};

static const uint8_t  nonce[12] = {
    0x70, 0x2d, 0x88, 0xf6, 0x95, 0x34, 0x39, 0xee, 0x6f, 0x27, 0x7b, 0xd8
};


static void
step(attest_aead_t *a, const uint8_t *in, size_t n, outcome_t *o,
    size_t *used)
{
    int       marker = 7;
    size_t    i, len = 7;
    uint64_t  seq = a->seq;
    uint8_t  *exact, out[MAX_FRAME + 1];

    /* exactly n bytes, so that a sanitizer sees one read too many */
    exact = malloc(n + 1);
    CHECK(exact != NULL);
    memcpy(exact + 1, in, n);
    memset(out, 0, sizeof(out));

    o->rc = attest_ehbp_client_open(a, exact + 1, n, MAX_FRAME, out, &len,
                                    used, &marker);
    free(exact);

    CHECK(*used <= n && len <= MAX_FRAME - ATTEST_HPKE_NT);
    CHECK(marker == 0 || (marker == 1 && len == 0 && *used == 20));
    CHECK(*used <= 4 || *used == len + ATTEST_EHBP_OVERHEAD);
    CHECK(a->seq == seq + (*used > 4 ? 1 : 0));

    for (i = len; i < sizeof(out); i++) {
        CHECK(out[i] == 0);
    }

    CHECK(o->rc == ATTEST_OK || (*used == 0 && len == 0 && marker == 0));

    memcpy(o->out + o->out_len, out, len);
    o->out_len += len;
    o->frames += *used > 4;
    o->markers += (size_t) marker;
    o->used += *used;
}


/* Bytes become visible `piece` at a time. */

static void
feed(const uint8_t *wire, size_t len, size_t piece, outcome_t *o)
{
    size_t         seen = 0, used;
    attest_aead_t  a;

    memset(o, 0, sizeof(*o));
    CHECK(attest_aead_init(&a, ATTEST_AEAD_AES_256_GCM, key, nonce, 0)
          == ATTEST_OK);

    for ( ;; ) {
        step(&a, wire + o->used, seen - o->used, o, &used);

        if (o->rc != ATTEST_OK || (used == 0 && seen == len)) {
            break;
        }

        if (used == 0) {
            seen += len - seen < piece ? len - seen : piece;
        }
    }

    attest_aead_clear(&a);
}


/* *good: frames before the first damaged one. */

static size_t
script(const uint8_t *data, size_t size, uint8_t *wire, size_t *good)
{
    int            damaged = 0;
    size_t         i, n, len = 0;
    uint8_t        pt[MAX_FRAME];
    attest_aead_t  a;

    *good = 0;
    CHECK(attest_aead_init(&a, ATTEST_AEAD_AES_256_GCM, key, nonce, 1)
          == ATTEST_OK);

    for (i = 0; i + 1 < size && i < 2 * MAX_FRAMES; i += 2) {
        if (data[i] == 0xff) {
            memset(wire + len, 0, 4);
            len += 4;
            continue;
        }

        n = data[i] % (MAX_FRAME - ATTEST_HPKE_NT + 1);
        memset(pt, data[i + 1], n);
        CHECK(attest_ehbp_seal_frame(&a, pt, n, wire + len) == ATTEST_OK);

        if (data[i + 1] & 0x80) {
            wire[len + 4 + data[i + 1] % (n + ATTEST_HPKE_NT)] ^= 0x10;
            damaged = 1;
        }

        *good += !damaged;
        len += n + ATTEST_EHBP_OVERHEAD;
    }

    attest_aead_clear(&a);

    return len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            good = 0, len;
    uint8_t           wire[MAX_WIRE];
    static outcome_t  whole, pieces;

    if (size < 2 || size > MAX_WIRE) {
        return 0;
    }

    if (data[0] & 1) {
        len = script(data + 2, size - 2, wire, &good);

    } else {
        len = size - 2;
        memcpy(wire, data + 2, len);
    }

    feed(wire, len, len + 1, &whole);
    feed(wire, len, 1 + data[1], &pieces);

    CHECK(whole.rc == pieces.rc && whole.frames == pieces.frames
          && whole.markers == pieces.markers && whole.used == pieces.used
          && whole.out_len == pieces.out_len
          && memcmp(whole.out, pieces.out, whole.out_len) == 0);

    if (data[0] & 1) {
        CHECK(whole.frames == good);
        CHECK((whole.rc == ATTEST_OK) == (whole.used == len));
    }

    return 0;
}
