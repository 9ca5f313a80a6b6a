/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the head of an HTTP/1.1 request.  What is read was made by a proxy
 * that we trust, of fields that we do not: whatever two readers could take
 * for two things is refused.
 */


#include <string.h>
#include <strings.h>

#include "core/prompt/attest_http1.h"


#define ATTEST_HTTP1_VERSION  "HTTP/1."         /* and one digit */


static int attest_http1_line(attest_span_t *text, attest_span_t *line);
static int attest_http1_request(attest_span_t line, attest_http1_t *h);
static int attest_http1_split(attest_span_t line, attest_bhttp_field_t *f);
static attest_span_t attest_http1_trim(attest_span_t s);


/* ATTEST_EFORMAT: no line that ends with CR LF. */

static int
attest_http1_line(attest_span_t *text, attest_span_t *line)
{
    size_t          n;
    const uint8_t  *lf;

    lf = text->n != 0 ? memchr(text->p, '\n', text->n) : NULL;

    if (lf == NULL || lf == text->p || lf[-1] != '\r') {
        return ATTEST_EFORMAT;
    }

    n = (size_t) (lf - text->p);

    *line = attest_span(text->p, n - 1);
    *text = attest_span(lf + 1, text->n - n - 1);

    return ATTEST_OK;
}


int
attest_http1_parse(attest_span_t text, attest_http1_t *h)
{
    int                    rc;
    attest_span_t          line;
    attest_bhttp_field_t   f;

    memset(h, 0, sizeof(*h));

    rc = attest_http1_line(&text, &line);
    if (rc == ATTEST_OK) {
        rc = attest_http1_request(line, h);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    h->fields.p = text.p;

    for ( ;; ) {
        h->fields.n = (size_t) (text.p - h->fields.p);

        rc = attest_http1_line(&text, &line);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (line.n == 0) {
            break;
        }

        rc = attest_http1_split(line, &f);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    h->rest = text;

    return ATTEST_OK;
}


/* RFC 9112 section 3; no target of ours has a blank. */

static int
attest_http1_request(attest_span_t line, attest_http1_t *h)
{
    size_t          i, version = sizeof(ATTEST_HTTP1_VERSION);
    const uint8_t  *sp;

    sp = line.n != 0 ? memchr(line.p, ' ', line.n) : NULL;

    if (sp == NULL || line.n < version
        || memcmp(line.p + line.n - version, ATTEST_HTTP1_VERSION,
                  version - 1) != 0
        || (line.p[line.n - 1] != '0' && line.p[line.n - 1] != '1'))
    {
        return ATTEST_EFORMAT;
    }

    h->method = attest_span(line.p, (size_t) (sp - line.p));

    /* a blank on both sides, and something between them */

    i = h->method.n + 1;

    if (line.n < i + 2 + version || line.p[line.n - version - 1] != ' ') {
        return ATTEST_EFORMAT;
    }

    h->target = attest_span(line.p + i, line.n - version - 1 - i);

    if (!attest_bhttp_is_token(h->method.p, h->method.n)) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < h->target.n; i++) {
        if (h->target.p[i] <= 0x20 || h->target.p[i] == 0x7f) {
            return ATTEST_EFORMAT;
        }
    }

    return ATTEST_OK;
}


static int
attest_http1_split(attest_span_t line, attest_bhttp_field_t *f)
{
    size_t          n;
    const uint8_t  *colon = memchr(line.p, ':', line.n);

    if (colon == NULL) {
        return ATTEST_EFORMAT;
    }

    n = (size_t) (colon - line.p);

    f->name = attest_span(line.p, n);
    f->value = attest_http1_trim(attest_span(colon + 1, line.n - n - 1));

    return attest_bhttp_is_token(f->name.p, f->name.n)
           && attest_bhttp_is_value(f->value.p, f->value.n)
           ? ATTEST_OK : ATTEST_EFORMAT;
}


static attest_span_t
attest_http1_trim(attest_span_t s)
{
    while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }

    while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    return s;
}


bool
attest_http1_next(attest_span_t *fields, attest_bhttp_field_t *field)
{
    attest_span_t  line;

    return attest_http1_line(fields, &line) == ATTEST_OK
           && attest_http1_split(line, field) == ATTEST_OK;
}


bool
attest_http1_named(attest_span_t name, const char *lower)
{
    return name.n == strlen(lower)
           && strncasecmp((const char *) name.p, lower, name.n) == 0;
}


attest_span_t
attest_http1_find(const attest_http1_t *h, const char *lower)
{
    attest_span_t          fields = h->fields;
    attest_bhttp_field_t   f;

    while (attest_http1_next(&fields, &f)) {
        if (attest_http1_named(f.name, lower)) {
            return f.value;
        }
    }

    return ATTEST_NO_SPAN;
}
