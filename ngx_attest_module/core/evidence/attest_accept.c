/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Media types that a client accepts or names: the Accept field with its ranges
 * and qualities (RFC 9110 section 12.5.1), and a Content-Type.
 */


#include <string.h>

#include "core/evidence/attest_accept.h"


static size_t attest_accept_until(attest_span_t s, uint8_t stop);
static attest_span_t attest_accept_trim(attest_span_t s);
static bool attest_accept_prefix(attest_span_t s, const char *text);
static bool attest_accept_is(attest_span_t s, const char *text);
static bool attest_accept_q(attest_span_t s, unsigned *q);
static bool attest_accept_params(attest_span_t s, unsigned *q);
static unsigned attest_accept_rank(attest_span_t range, const char *type);


/* The first `stop` outside of quoted strings (RFC 9110 section 5.6.4). */

static size_t
attest_accept_until(attest_span_t s, uint8_t stop)
{
    int     quoted = 0;
    size_t  i;

    for (i = 0; i < s.n; i++) {
        if (quoted && s.p[i] == '\\') {
            i++;
            if (i == s.n) {
                break;
            }

        } else if (s.p[i] == '"') {
            quoted = !quoted;

        } else if (!quoted && s.p[i] == stop) {
            break;
        }
    }

    return i;
}


static attest_span_t
attest_accept_trim(attest_span_t s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }

    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    return s;
}


/* All of s is how the text begins, whatever its case. */

static bool
attest_accept_prefix(attest_span_t s, const char *text)
{
    size_t   i;
    uint8_t  c;

    if (s.n > strlen(text)) {
        return false;
    }

    for (i = 0; i < s.n; i++) {
        c = s.p[i];
        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (uint8_t) text[i]) {
            return false;
        }
    }

    return true;
}


static bool
attest_accept_is(attest_span_t s, const char *text)
{
    return s.n == strlen(text) && attest_accept_prefix(s, text);
}


/* qvalue, RFC 9110 section 12.4.2: "0" or "1", up to three decimals. */

static bool
attest_accept_q(attest_span_t s, unsigned *q)
{
    size_t    i;
    unsigned  v, unit;

    if (s.n < 1 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1')
        || (s.n > 1 && s.p[1] != '.'))
    {
        return 0;
    }

    v = (unsigned) (s.p[0] - '0') * 1000;
    unit = 100;

    for (i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return 0;
        }

        v += (unsigned) (s.p[i] - '0') * unit;
        unit /= 10;
    }

    if (v > 1000) {
        return 0;
    }

    *q = v;
    return 1;
}


/* Parameters of a media range; all but q are ignored. */

static bool
attest_accept_params(attest_span_t s, unsigned *q)
{
    size_t         n;
    attest_span_t  param, value;

    *q = 1000;

    while (s.n > 0) {
        n = attest_accept_until(s, ';');

        param = attest_span(s.p, n);
        param = attest_accept_trim(param);

        if (n < s.n) {
            n++;
        }

        s.p += n;
        s.n -= n;

        if (param.n >= 2 && (param.p[0] | 0x20) == 'q' && param.p[1] == '=') {
            value = attest_span(param.p + 2, param.n - 2);

            if (!attest_accept_q(value, q)) {
                return 0;
            }
        }
    }

    return 1;
}


/* How specific the range is for this type; 0: it is not for it. */

static unsigned
attest_accept_rank(attest_span_t range, const char *type)
{
    size_t  subtype = strcspn(type, "/") + 1;

    if (attest_accept_is(range, type)) {
        return 3;
    }

    if (attest_accept_is(range, "*/*")) {
        return 1;
    }

    if (range.n != subtype + 1 || range.p[subtype] != '*') {
        return 0;
    }

    range.n = subtype;

    return attest_accept_prefix(range, type) ? 2 : 0;
}


/* The most specific range decides (RFC 9110 section 12.5.1). */

void
attest_accept_range(const uint8_t *p, size_t n, const char *type,
    unsigned *rank, unsigned *best)
{
    size_t         len, end;
    unsigned       q, r;
    attest_span_t  rest, range, params;

    for (rest = attest_span(p, n); rest.n > 0; rest.p += len, rest.n -= len) {
        len = attest_accept_until(rest, ',');

        range = attest_span(rest.p, len);
        end = attest_accept_until(range, ';');

        params = attest_span(range.p + end, range.n - end);
        range.n = end;

        r = attest_accept_rank(attest_accept_trim(range), type);

        if (r != 0 && attest_accept_params(params, &q)
            && (r > *rank || (r == *rank && q > *best)))
        {
            *rank = r;
            *best = q;
        }

        len += (len < rest.n);
    }
}


void
attest_accept_add(attest_accept_t *a, const uint8_t *p, size_t n)
{
    if (attest_accept_trim(attest_span(p, n)).n == 0) {
        return;
    }

    a->seen++;

    attest_accept_range(p, n, "application/cmw+json", &a->json_rank,
                        &a->json_q);
    attest_accept_range(p, n, "application/cmw+cbor", &a->cbor_rank,
                        &a->cbor_q);
}


attest_accept_e
attest_accept_choose(const attest_accept_t *a)
{
    if (a->seen == 0) {
        return ATTEST_ACCEPT_JSON;
    }

    if (a->cbor_q > a->json_q) {
        return ATTEST_ACCEPT_CBOR;
    }

    return a->json_q > 0 ? ATTEST_ACCEPT_JSON : ATTEST_ACCEPT_NONE;
}


bool
attest_accept_names(const uint8_t *p, size_t n, const char *type)
{
    attest_span_t  s;

    s = attest_span(p, n);
    s.n = attest_accept_until(s, ';');

    return attest_accept_is(attest_accept_trim(s), type);
}
