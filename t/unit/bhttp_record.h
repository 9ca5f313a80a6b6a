/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes what a Binary HTTP decoder reports as text, so that two decodings
 * can be compared; pieces of content that follow each other are one.  Used by
 * unit tests and fuzz targets.
 */


#ifndef BHTTP_RECORD_H_INCLUDED
#define BHTTP_RECORD_H_INCLUDED


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_bhttp.h"


#define RECORD_ROOM  65536


typedef struct {
    uint8_t    text[RECORD_ROOM];
    size_t     len;
    int        content;               /* the last event was content */
    int        stop;                  /* which event is refused, from 1 */
    int        events;
} record_t;


static inline void
record_bytes(record_t *r, const void *p, size_t n)
{
    if (n > RECORD_ROOM - r->len) {
        abort();
    }

    if (n != 0) {
        memcpy(r->text + r->len, p, n);
        r->len += n;
    }
}


static inline void
record_string(record_t *r, const char *s)
{
    record_bytes(r, s, strlen(s));
}


/* Its length keeps any value from looking like two. */

static inline void
record_span(record_t *r, attest_span_t s)
{
    char  len[32];

    snprintf(len, sizeof(len), " %zu:", s.n);
    record_string(r, len);
    record_bytes(r, s.p, s.n);
}


static inline int
record_event(record_t *r, const char *name)
{
    if (r->content) {
        record_string(r, "\n");
        r->content = 0;
    }

    record_string(r, name);

    return ++r->events == r->stop ? -77 : ATTEST_OK;
}


static inline int
record_request(void *data, const attest_bhttp_request_t *q)
{
    int        rc;
    record_t  *r = data;

    rc = record_event(r, "request");
    record_span(r, q->method);
    record_span(r, q->scheme);
    record_span(r, q->authority);
    record_span(r, q->path);
    record_string(r, "\n");

    return rc;
}


static inline int
record_response(void *data, unsigned status)
{
    int        rc;
    char       text[32];
    record_t  *r = data;

    rc = record_event(r, "response");
    snprintf(text, sizeof(text), " %u\n", status);
    record_string(r, text);

    return rc;
}


static inline int
record_field(void *data, attest_span_t name, attest_span_t value, int trailer)
{
    int        rc;
    record_t  *r = data;

    rc = record_event(r, trailer ? "trailer" : "header");
    record_span(r, name);
    record_span(r, value);
    record_string(r, "\n");

    return rc;
}


static inline int
record_head(void *data)
{
    return record_event(data, "head\n");
}


static inline int
record_content(void *data, attest_span_t piece)
{
    int        rc = ATTEST_OK;
    record_t  *r = data;

    if (piece.n == 0) {
        abort();
    }

    if (!r->content) {
        rc = record_event(r, "content ");
        r->content = 1;
    }

    record_bytes(r, piece.p, piece.n);

    return rc;
}


static const attest_bhttp_handler_t  record_handler = {
    record_request, record_response, record_field, record_head,
    record_content
};


/* Two decodings with the same result. */

static inline int
record_same(const record_t *a, const record_t *b)
{
    return a->len == b->len && a->content == b->content
           && memcmp(a->text, b->text, a->len) == 0;
}


/*
 * Decodes msg in pieces, 0 as the length of a piece: all at once.  Each piece
 * is memory of its own, so that a sanitizer sees one read too many.
 */

static inline int
record_decode(record_t *r, attest_bhttp_kind_e kind,
    const attest_bhttp_limits_t *limits, const uint8_t *msg, size_t n,
    size_t (*piece)(size_t left))
{
    int                     rc;
    size_t                  k, stop = (size_t) r->stop, room;
    uint8_t                *scratch, *exact;
    attest_bhttp_decoder_t  d;

    memset(r, 0, sizeof(*r));
    r->stop = (int) stop;

    room = attest_bhttp_scratch(limits);
    scratch = calloc(1, room);
    if (scratch == NULL
        || attest_bhttp_decoder_init(&d, kind, limits, &record_handler, r,
                                     scratch, room) != ATTEST_OK)
    {
        abort();
    }

    for (rc = ATTEST_OK; rc == ATTEST_OK && n != 0; msg += k, n -= k) {
        k = piece != NULL ? piece(n) : n;
        k = k < n ? k : n;

        exact = malloc(k + 1);
        if (exact == NULL) {
            abort();
        }

        memcpy(exact + 1, msg, k);
        rc = attest_bhttp_feed(&d, exact + 1, k);
        free(exact);
    }

    if (attest_bhttp_finish(&d) != rc) {
        /* errors stay */
        if (rc != ATTEST_OK) {
            abort();
        }

        rc = d.rc;
    }

    if (rc != ATTEST_OK) {
        for (k = 0; k < room; k++) {
            if (scratch[k] != 0) {
                abort();
            }
        }
    }

    attest_bhttp_decoder_clear(&d);
    free(scratch);

    return rc;
}


#endif /* BHTTP_RECORD_H_INCLUDED */
