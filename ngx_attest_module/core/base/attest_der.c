/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one hand-written reader of DER.
 */


#include "core/base/attest_der.h"


attest_span_t
attest_der_next(attest_wire_t *w, unsigned *tag)
{
    size_t  n, octets;

    *tag = attest_wire_u8(w);
    n = attest_wire_u8(w);

    if ((*tag & 0x1f) == 0x1f) {
        w->bad = 1;
    }

    if (n >= 0x80) {
        octets = n - 0x80;
        n = (size_t) attest_wire_be(w, octets > 2 ? 3 : octets);

        if (octets == 0 || octets > 2 || n < (octets == 1 ? 0x80 : 0x100)) {
            w->bad = 1;
        }
    }

    return attest_wire_take(w, n);
}


attest_span_t
attest_der_take(attest_wire_t *w, unsigned tag)
{
    unsigned       found;
    attest_span_t  s = attest_der_next(w, &found);

    if (found != tag) {
        w->bad = 1;
        return attest_wire_take(w, 0);
    }

    return s;
}


void
attest_der_enter(attest_wire_t *w, unsigned tag, attest_wire_t *inner)
{
    attest_span_t  s = attest_der_take(w, tag);

    attest_wire_init(inner, s.p, s.n);
    inner->bad = w->bad;
}


/* X.690 section 8.3.2. */

uint64_t
attest_der_number(attest_wire_t *w, int *large)
{
    attest_span_t  s = attest_der_take(w, ATTEST_DER_INTEGER);

    if (s.n == 0 || (s.p[0] & 0x80) != 0
        || (s.n > 1 && s.p[0] == 0 && (s.p[1] & 0x80) == 0))
    {
        w->bad = 1;
        return 0;
    }

    if (s.n - (s.p[0] == 0) > sizeof(uint64_t)) {
        *large = 1;
        return 0;
    }

    return attest_wire_get_be(s.p, s.n);
}


/* X.690 section 11.1. */

bool
attest_der_bool(attest_wire_t *w)
{
    attest_span_t  s = attest_der_take(w, ATTEST_DER_BOOLEAN);

    if (s.n != 1 || (s.p[0] != 0 && s.p[0] != 0xff)) {
        w->bad = 1;
        return 0;
    }

    return s.p[0] != 0;
}
