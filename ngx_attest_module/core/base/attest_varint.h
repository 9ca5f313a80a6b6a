/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Variable-length integers of QUIC, RFC 9000 section 16, which OHTTP and
 * Binary HTTP use for every length: the top two bits of the first byte say
 * whether 1, 2, 4 or 8 bytes are there, big endian.  Longer forms than needed
 * are legal on input; output is always the shortest.
 */


#ifndef ATTEST_VARINT_H_INCLUDED
#define ATTEST_VARINT_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_VARINT_MAX       ((uint64_t) 0x3fffffffffffffff)
#define ATTEST_VARINT_MAX_LEN   8


/* A reader that may get its bytes one by one; starts zeroed. */

typedef struct {
    uint64_t   value;
    uint8_t    got;
    uint8_t    size;                    /* 0: no byte seen yet */
} attest_varint_t;


/* Takes what it needs of n bytes and says how many; see attest_varint_whole. */

static inline size_t
attest_varint_feed(attest_varint_t *r, const uint8_t *p, size_t n)
{
    size_t  used = 0;

    if (r->size == 0 && n != 0) {
        r->size = (uint8_t) (1 << (p[0] >> 6));
        r->value = p[0] & 0x3f;
        r->got = 1;
        used = 1;
    }

    while (used < n && r->got < r->size) {
        r->value = (r->value << 8) | p[used++];
        r->got++;
    }

    return used;
}


static inline bool
attest_varint_whole(const attest_varint_t *r)
{
    return r->size != 0 && r->got == r->size;
}


/* Bytes of the shortest form; v at most ATTEST_VARINT_MAX. */

static inline size_t
attest_varint_len(uint64_t v)
{
    if (v < 0x40) {
        return 1;
    }

    if (v < 0x4000) {
        return 2;
    }

    return v < 0x40000000 ? 4 : 8;
}


/* Writes n bytes: 1, 2, 4 or 8, at least attest_varint_len(v). */

static inline void
attest_varint_put_long(uint8_t *p, uint64_t v, size_t n)
{
    size_t  i;

    for (i = n; i > 0; i--) {
        p[i - 1] = (uint8_t) v;
        v >>= 8;
    }

    /* 1, 2, 4, 8 bytes: 00, 01, 10, 11 */
    p[0] |= (uint8_t) ((n == 8 ? 3 : n / 2) << 6);
}


/* Writes attest_varint_len(v) bytes and says how many. */

static inline size_t
attest_varint_put(uint8_t *p, uint64_t v)
{
    size_t  n = attest_varint_len(v);

    attest_varint_put_long(p, v, n);

    return n;
}


#endif /* ATTEST_VARINT_H_INCLUDED */
