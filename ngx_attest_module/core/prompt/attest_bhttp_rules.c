/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which methods, paths, field names and values may stand inside of a sealed
 * request or response.
 */


#include <string.h>

#include "core/prompt/attest_bhttp.h"
#include "core/base/attest_hex.h"


/* Fields with one value: bits of attest_bhttp_inner_field()'s *seen. */

static const char * const  attest_bhttp_single[] = {
    "authorization", "content-type", "content-range", "content-location",
    "date", "from", "origin", "referer", "user-agent", "range", "if-range",
    "if-modified-since", "if-unmodified-since", "if-match", "if-none-match",
    "max-forwards", "host", "content-length", "depth", "destination",
    "overwrite", "last-event-id", "access-control-request-method",
    "upgrade-insecure-requests", "x-http-method-override",
    "idempotency-key", "incremental"
};

/* Set by the gateway itself, or said by the outer connection alone. */

static const char * const  attest_bhttp_drop[] = {
    "host", "content-length", "proxy-authorization", "proxy-authenticate",
    "proxy-authentication-info", "forwarded", "x-real-ip",

    /* what proxies say of a client's address, for others to believe */
    "cf-connecting-ip", "cf-connecting-ipv6", "true-client-ip",
    "x-client-ip", "x-cluster-client-ip", "fastly-client-ip"
};

/* RFC 9110 section 7.6.1, with what older implementations sent. */

static const char * const  attest_bhttp_hop[] = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "http2-settings"
};

#define ATTEST_BHTTP_COUNT(list)   (sizeof(list) / sizeof((list)[0]))


static bool attest_bhttp_is_tchar(uint8_t c);
static int attest_bhttp_find(attest_span_t s, const char * const *list,
    size_t count);
static bool attest_bhttp_is_plain_segment(const uint8_t *p, size_t n);
static bool attest_bhttp_escape(const uint8_t *p, size_t n, uint8_t *c);


static bool
attest_bhttp_is_tchar(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9'))
    {
        return 1;
    }

    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}


bool
attest_bhttp_is_token(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!attest_bhttp_is_tchar(p[i])) {
            return 0;
        }
    }

    return n != 0;
}


bool
attest_bhttp_is_name(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') {
            return 0;
        }
    }

    return attest_bhttp_is_token(p, n);
}


bool
attest_bhttp_is_value(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) {
            return 0;
        }
    }

    if (n == 0) {
        return 1;
    }

    return p[0] != ' ' && p[0] != '\t' && p[n - 1] != ' '
           && p[n - 1] != '\t';
}


/*
 * A list of what may stand there, not of what may not: letters, digits, the
 * marks of reg-name and of bracketed addresses (RFC 3986 section 3.2.2).
 * Escapes are left out; no host name needs them and readers disagree on them.
 */

bool
attest_bhttp_is_authority(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')
              || (p[i] >= '0' && p[i] <= '9')
              || (p[i] != 0 && strchr("-._~:[]", p[i]) != NULL)))
        {
            return 0;
        }
    }

    return n != 0;
}


bool
attest_bhttp_is_path(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] <= 0x20 || p[i] >= 0x7f || p[i] == '#') {
            return 0;
        }
    }

    return n != 0 && p[0] == '/';
}


/* "%" and two digits at p. */

static bool
attest_bhttp_escape(const uint8_t *p, size_t n, uint8_t *c)
{
    return n >= 3 && attest_hex_exact(attest_span(p + 1, 2), c, 1)
                     == ATTEST_OK;
}


/* One segment without its slashes; dots are counted after decoding. */

static bool
attest_bhttp_is_plain_segment(const uint8_t *p, size_t n)
{
    int      params = 0;
    size_t   i, chars = 0, dots = 0;
    uint8_t  c;

    for (i = 0; i < n; i++) {
        c = p[i];

        if (c == '%') {
            if (!attest_bhttp_escape(p + i, n - i, &c) || c == '/') {
                return 0;
            }

            i += 2;
        }

        if (c < 0x20 || c == 0x7f || c == '\\') {
            return 0;
        }

        /* some servers cut parameters off before they look for dots */
        params |= c == ';';

        if (!params) {
            chars++;
            dots += c == '.';
        }
    }

    return dots != chars || chars > 2 || n == 0;
}


bool
attest_bhttp_is_plain_path(const uint8_t *p, size_t n)
{
    size_t          len;
    const uint8_t  *end, *query;

    if (!attest_bhttp_is_path(p, n)) {
        return 0;
    }

    query = memchr(p, '?', n);
    if (query != NULL) {
        n = (size_t) (query - p);
    }

    while (n != 0) {
        /* p stands on a slash */
        p++;
        n--;

        end = n != 0 ? memchr(p, '/', n) : NULL;
        len = end != NULL ? (size_t) (end - p) : n;

        /* an empty segment, unless it is the last */
        if (len == 0 && end != NULL) {
            return 0;
        }

        if (!attest_bhttp_is_plain_segment(p, len)) {
            return 0;
        }

        p += len;
        n -= len;
    }

    return 1;
}


/* The index, or -1. */

static int
attest_bhttp_find(attest_span_t s, const char * const *list, size_t count)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (attest_span_is(s, list[i])) {
            return (int) i;
        }
    }

    return -1;
}


bool
attest_bhttp_is_connection(const uint8_t *name, size_t n)
{
    attest_span_t  s = { name, n };

    return attest_bhttp_find(s, attest_bhttp_hop,
                             ATTEST_BHTTP_COUNT(attest_bhttp_hop)) >= 0;
}


int
attest_bhttp_check_request(const attest_bhttp_request_t *request,
    const char **why)
{
    *why = NULL;

    if (!attest_span_is(request->scheme, "https")
        && !attest_span_is(request->scheme, "http"))
    {
        *why = "scheme is neither http nor https";

    } else if (!attest_bhttp_is_token(request->method.p, request->method.n)) {
        *why = "method is not a token";

    } else if (attest_span_is(request->method, "CONNECT")
               || attest_span_is(request->method, "TRACE"))
    {
        *why = "method refused";

    } else if (!attest_bhttp_is_path(request->path.p, request->path.n)) {
        *why = "invalid path";
    }

    return *why == NULL ? ATTEST_OK : ATTEST_EFORMAT;
}


int
attest_bhttp_inner_field(attest_span_t name, uint32_t *seen,
    attest_bhttp_action_e *action)
{
    int       i;
    uint32_t  bit;

    *action = ATTEST_BHTTP_KEEP;

    i = attest_bhttp_find(name, attest_bhttp_single,
                          ATTEST_BHTTP_COUNT(attest_bhttp_single));
    if (i >= 0) {
        bit = (uint32_t) 1 << i;

        if (*seen & bit) {
            return ATTEST_EFORMAT;
        }

        *seen |= bit;
    }

    if (attest_span_is(name, "expect")) {
        return ATTEST_EUNSUPPORTED;
    }

    if (attest_bhttp_is_connection(name.p, name.n)
        || attest_bhttp_find(name, attest_bhttp_drop,
                             ATTEST_BHTTP_COUNT(attest_bhttp_drop)) >= 0
        || (name.n >= 12 && memcmp(name.p, "x-forwarded-", 12) == 0))
    {
        *action = ATTEST_BHTTP_DROP;
    }

    return ATTEST_OK;
}
