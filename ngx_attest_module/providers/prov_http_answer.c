/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A strict reader of one HTTP/1.1 answer: a status, one way to frame a body,
 * no extensions, no trailers.  Pure: t/fuzz/fuzz_http.c has it alone.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* memmem() */
#endif

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/attest_hex.h"
#include "providers/prov_http_answer.h"


/* What the head of the answer says of the body. */
typedef struct {
    size_t     length;
    unsigned   has_length:1;
    unsigned   chunked:1;
} prov_http_framing_t;


static size_t prov_http_head_len(const uint8_t *p, size_t n);
static bool prov_http_line(attest_span_t *rest, attest_span_t *line);
static int prov_http_status(attest_span_t head, char *error);
static int prov_http_framing(attest_span_t head, prov_http_framing_t *f);
static int prov_http_field(attest_span_t line, prov_http_framing_t *f);
static attest_span_t prov_http_trim(attest_span_t s);
static bool prov_http_named(attest_span_t name, const char *text);
static int prov_http_chunks(uint8_t *p, size_t n, size_t *len);
static int prov_http_wrong(char *error, int rc, const char *what);


int
prov_http_answer(uint8_t *p, size_t n, attest_span_t *body,
    char error[256])
{
    int                     rc;
    size_t                  head;
    prov_http_framing_t     f;

    *body = ATTEST_NO_SPAN;

    head = prov_http_head_len(p, n);
    if (head == 0) {
        return n > ATTEST_HTTP_HEAD_MAX
               ? prov_http_wrong(error, ATTEST_ELIMIT,
                                 "the answer's head is too long")
               : prov_http_wrong(error, ATTEST_EFORMAT, n == 0
                                 ? "the connection was closed without an"
                                 " answer" : "the answer has no head");
    }

    rc = prov_http_status(attest_span(p, head), error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = prov_http_framing(attest_span(p, head), &f);

    if (rc == ATTEST_OK && f.chunked) {
        rc = prov_http_chunks(p + head, n - head, &f.length);

    } else if (rc == ATTEST_OK && n - head != f.length) {
        rc = ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        return prov_http_wrong(error, rc, "the answer is malformed or cut"
                               " short");
    }

    if (f.length > ATTEST_HTTP_BODY_MAX) {
        return prov_http_wrong(error, ATTEST_ELIMIT,
                               "the answer is too long");
    }

    *body = attest_span(p + head, f.length);
    return ATTEST_OK;
}


/* A server need not close although it was asked to. */

bool
prov_http_whole(const uint8_t *p, size_t n)
{
    size_t                  head;
    prov_http_framing_t     f;

    head = prov_http_head_len(p, n);
    if (head == 0) {
        return n > ATTEST_HTTP_HEAD_MAX;
    }

    if (prov_http_framing(attest_span(p, head), &f) != ATTEST_OK) {
        return 1;
    }

    n -= head;
    p += head;

    return f.has_length ? n >= f.length
           : n >= 5 && memcmp(p + n - 5, "0\r\n\r\n", 5) == 0
             && (n == 5 || p[n - 6] == '\n');
}


/* With its empty line; 0: not there, or beyond the limit. */

static size_t
prov_http_head_len(const uint8_t *p, size_t n)
{
    const uint8_t  *end;

    n = n < ATTEST_HTTP_HEAD_MAX ? n : ATTEST_HTTP_HEAD_MAX;
    end = n != 0 ? memmem(p, n, "\r\n\r\n", 4) : NULL;

    return end != NULL ? (size_t) (end - p) + 4 : 0;
}


/* Without its CRLF; 0: there is none. */

static bool
prov_http_line(attest_span_t *rest, attest_span_t *line)
{
    const uint8_t  *end;

    end = rest->n != 0 ? memmem(rest->p, rest->n, "\r\n", 2) : NULL;
    if (end == NULL) {
        return 0;
    }

    *line = attest_span(rest->p, (size_t) (end - rest->p));
    *rest = attest_span(end + 2, rest->n - line->n - 2);
    return 1;
}


static int
prov_http_status(attest_span_t head, char *error)
{
    size_t          status;
    attest_span_t   line;

    if (!prov_http_line(&head, &line) || line.n < 12
        || (memcmp(line.p, "HTTP/1.1 ", 9) != 0
            && memcmp(line.p, "HTTP/1.0 ", 9) != 0)
        || (line.n > 12 && line.p[12] != ' ')
        || prov_http_number(attest_span(line.p + 9, 3), 10, &status)
           != ATTEST_OK
        || status < 100)
    {
        return prov_http_wrong(error, ATTEST_EFORMAT,
                               "the answer is not HTTP/1.1");
    }

    if (status != 200) {
        snprintf(error, 256, "the answer has status %zu", status);
        return ATTEST_EUNSUPPORTED;
    }

    return ATTEST_OK;
}


/* RFC 9112 section 6.3; a body is never framed by the end of connection. */

static int
prov_http_framing(attest_span_t head, prov_http_framing_t *f)
{
    attest_span_t  line;

    memset(f, 0, sizeof(*f));
    (void) prov_http_line(&head, &line);

    while (prov_http_line(&head, &line) && line.n != 0) {
        if (prov_http_field(line, f) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }
    }

    return f->has_length != f->chunked ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
prov_http_field(attest_span_t line, prov_http_framing_t *f)
{
    const uint8_t  *colon;
    attest_span_t   name, value;

    colon = memchr(line.p, ':', line.n);

    if (colon == NULL || colon == line.p
        || memchr(line.p, '\0', line.n) != NULL)
    {
        return ATTEST_EFORMAT;
    }

    name = attest_span(line.p, (size_t) (colon - line.p));
    value = prov_http_trim(attest_span(colon + 1, line.n - name.n - 1));

    if (prov_http_named(name, "Content-Length")) {
        if (f->has_length) {
            return ATTEST_EFORMAT;
        }

        f->has_length = 1;
        return prov_http_number(value, 10, &f->length);
    }

    if (prov_http_named(name, "Transfer-Encoding")) {
        if (f->chunked || !prov_http_named(value, "chunked")) {
            return ATTEST_EFORMAT;
        }

        f->chunked = 1;
    }

    return ATTEST_OK;
}


static attest_span_t
prov_http_trim(attest_span_t s)
{
    while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = attest_span(s.p + 1, s.n - 1);
    }

    while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    return s;
}


static bool
prov_http_named(attest_span_t name, const char *text)
{
    return name.n == strlen(text)
           && strncasecmp((const char *) name.p, text, name.n) == 0;
}


int
prov_http_number(attest_span_t text, int base, size_t *value)
{
    int     digit;
    size_t  i, v = 0;

    if (text.n == 0 || text.n > 8) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < text.n; i++) {
        digit = attest_hex_digit((char) text.p[i]);
        if (digit < 0 || digit >= base) {
            return ATTEST_EFORMAT;
        }

        v = v * (size_t) base + (size_t) digit;
    }

    *value = v;
    return ATTEST_OK;
}


/* RFC 9112 section 7.1: joined in place. */

static int
prov_http_chunks(uint8_t *p, size_t n, size_t *len)
{
    size_t          size;
    attest_span_t   line, rest = attest_span(p, n);

    *len = 0;

    do {
        if (!prov_http_line(&rest, &line)
            || prov_http_number(line, 16, &size) != ATTEST_OK
            || rest.n < 2 || size > rest.n - 2
            || memcmp(rest.p + size, "\r\n", 2) != 0)
        {
            return ATTEST_EFORMAT;
        }

        memmove(p + *len, rest.p, size);
        *len += size;
        rest = attest_span(rest.p + size + 2, rest.n - size - 2);

    } while (size != 0);

    return rest.n == 0 ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
prov_http_wrong(char *error, int rc, const char *what)
{
    snprintf(error, 256, "%s", what);
    return rc;
}
