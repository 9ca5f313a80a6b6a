/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bounded reader of binary structures.  The first read past the end sets
 * `bad` and every read from then on gives 0 or an empty span, so a parser
 * reads like its schema and asks once, at the end, whether all was there.
 *
 * And numbers in their places, which know no end: get reads, put writes and
 * returns what follows.
 */


#ifndef ATTEST_WIRE_H_INCLUDED
#define ATTEST_WIRE_H_INCLUDED


#include "core/base/attest_core.h"


typedef struct {
    const uint8_t  *p;
    size_t          n;
    int             bad;
} attest_wire_t;


static inline uint64_t
attest_wire_get_be(const uint8_t *p, size_t bytes)
{
    size_t    i;
    uint64_t  v = 0;

    for (i = 0; i < bytes; i++) {
        v = (v << 8) | p[i];
    }

    return v;
}


static inline uint64_t
attest_wire_get_le(const uint8_t *p, size_t bytes)
{
    size_t    i;
    uint64_t  v = 0;

    for (i = bytes; i > 0; i--) {
        v = (v << 8) | p[i - 1];
    }

    return v;
}


static inline uint16_t
attest_wire_get_be16(const uint8_t *p)
{
    return (uint16_t) attest_wire_get_be(p, 2);
}


static inline uint32_t
attest_wire_get_be32(const uint8_t *p)
{
    return (uint32_t) attest_wire_get_be(p, 4);
}


static inline uint8_t *
attest_wire_put_be(uint8_t *p, uint64_t v, size_t bytes)
{
    size_t  i;

    for (i = bytes; i > 0; i--) {
        p[i - 1] = (uint8_t) v;
        v >>= 8;
    }

    return p + bytes;
}


static inline uint8_t *
attest_wire_put_le(uint8_t *p, uint64_t v, size_t bytes)
{
    size_t  i;

    for (i = 0; i < bytes; i++) {
        p[i] = (uint8_t) v;
        v >>= 8;
    }

    return p + bytes;
}


static inline uint8_t *
attest_wire_put_be16(uint8_t *p, uint64_t v)
{
    return attest_wire_put_be(p, v, 2);
}


static inline uint8_t *
attest_wire_put_be32(uint8_t *p, uint64_t v)
{
    return attest_wire_put_be(p, v, 4);
}


static inline void
attest_wire_init(attest_wire_t *w, const uint8_t *p, size_t n)
{
    w->p = p;
    w->n = (p == NULL) ? 0 : n;
    w->bad = 0;
}


static inline attest_span_t
attest_wire_take(attest_wire_t *w, size_t n)
{
    attest_span_t  s = { (const uint8_t *) "", 0 };

    if (w->bad || n > w->n) {
        w->bad = 1;
        w->n = 0;
        return s;
    }

    if (n == 0) {
        return s;
    }

    s.p = w->p;
    s.n = n;
    w->p += n;
    w->n -= n;

    return s;
}


static inline uint64_t
attest_wire_be(attest_wire_t *w, size_t bytes)
{
    attest_span_t  s = attest_wire_take(w, bytes);

    return attest_wire_get_be(s.p, s.n);
}


static inline uint32_t
attest_wire_le(attest_wire_t *w, size_t bytes)
{
    attest_span_t  s = attest_wire_take(w, bytes);

    return (uint32_t) attest_wire_get_le(s.p, s.n);
}


static inline uint8_t
attest_wire_u8(attest_wire_t *w)
{
    return (uint8_t) attest_wire_be(w, 1);
}


static inline uint16_t
attest_wire_be16(attest_wire_t *w)
{
    return (uint16_t) attest_wire_be(w, 2);
}


static inline uint32_t
attest_wire_be32(attest_wire_t *w)
{
    return (uint32_t) attest_wire_be(w, 4);
}


static inline uint64_t
attest_wire_be64(attest_wire_t *w)
{
    return attest_wire_be(w, 8);
}


static inline uint16_t
attest_wire_le16(attest_wire_t *w)
{
    return (uint16_t) attest_wire_le(w, 2);
}


static inline uint32_t
attest_wire_le32(attest_wire_t *w)
{
    return attest_wire_le(w, 4);
}


/* TPM2B: u16be size and that many bytes, at most `max`. */

static inline attest_span_t
attest_wire_tpm2b(attest_wire_t *w, size_t max)
{
    size_t  n = attest_wire_be16(w);

    if (n > max) {
        w->bad = 1;
    }

    return attest_wire_take(w, n);
}


/* ATTEST_OK when every read succeeded and nothing is left. */

static inline int
attest_wire_done(const attest_wire_t *w)
{
    return (w->bad || w->n != 0) ? ATTEST_EFORMAT : ATTEST_OK;
}


#endif /* ATTEST_WIRE_H_INCLUDED */
