/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes a response as Binary HTTP of indeterminate length, as its pieces
 * come.
 */


#include <string.h>

#include "core/prompt/attest_bhttp.h"


#define ATTEST_BHTTP_INDETERMINATE(e)  ((e)->framing & 2)


/* What must come next. */

enum {
    ATTEST_BHTTP_E_CONTROL = 0,
    ATTEST_BHTTP_E_HEADERS,
    ATTEST_BHTTP_E_CONTENT,
    ATTEST_BHTTP_E_TRAILERS,
    ATTEST_BHTTP_E_PADDING
};


static size_t attest_bhttp_left(const attest_bhttp_encoder_t *e);
static void attest_bhttp_put_varint(attest_bhttp_encoder_t *e, uint64_t v);
static void attest_bhttp_put_bytes(attest_bhttp_encoder_t *e,
    attest_span_t s);
static void attest_bhttp_put_line(attest_bhttp_encoder_t *e,
    attest_span_t name, attest_span_t value);
static size_t attest_bhttp_fits(size_t n, size_t size);
static void attest_bhttp_put_long(attest_bhttp_encoder_t *e, size_t width,
    const uint8_t *p, size_t n);
static attest_span_t attest_bhttp_trim(attest_span_t s);
static int attest_bhttp_line_len(attest_span_t name, attest_span_t *value,
    size_t *len);
static void attest_bhttp_fields_done(attest_bhttp_encoder_t *e);


static size_t
attest_bhttp_left(const attest_bhttp_encoder_t *e)
{
    return e->room - e->len;
}


/* The writers below were asked for room before. */

static void
attest_bhttp_put_varint(attest_bhttp_encoder_t *e, uint64_t v)
{
    e->len += attest_varint_put(e->buf + e->len, v);
}


static void
attest_bhttp_put_bytes(attest_bhttp_encoder_t *e, attest_span_t s)
{
    attest_bhttp_put_varint(e, s.n);

    if (s.n != 0) {
        memcpy(e->buf + e->len, s.p, s.n);
        e->len += s.n;
    }
}


int
attest_bhttp_encoder_init(attest_bhttp_encoder_t *e, int framing,
    uint8_t *buf, size_t room)
{
    memset(e, 0, sizeof(*e));

    if (framing < 0 || framing > ATTEST_BHTTP_RESPONSE_INDETERMINATE) {
        return ATTEST_EARG;
    }

    if (room < 1) {
        return ATTEST_ENOSPACE;
    }

    e->buf = buf;
    e->room = room;
    e->framing = framing;
    attest_bhttp_put_varint(e, (uint64_t) framing);

    return ATTEST_OK;
}


int
attest_bhttp_put_request(attest_bhttp_encoder_t *e,
    const attest_bhttp_request_t *request)
{
    size_t  i, need, left = attest_bhttp_left(e);

    const attest_span_t  part[] = {
        request->method, request->scheme, request->authority, request->path
    };

    if (e->state != ATTEST_BHTTP_E_CONTROL || e->framing & 1) {
        return ATTEST_EARG;
    }

    for (i = 0; i < 4; i++) {
        if (part[i].n > left) {
            return ATTEST_ENOSPACE;
        }

        need = attest_varint_len(part[i].n) + part[i].n;
        if (need > left) {
            return ATTEST_ENOSPACE;
        }

        left -= need;
    }

    for (i = 0; i < 4; i++) {
        attest_bhttp_put_bytes(e, part[i]);
    }

    e->state = ATTEST_BHTTP_E_HEADERS;

    return ATTEST_OK;
}


int
attest_bhttp_put_status(attest_bhttp_encoder_t *e, unsigned status)
{
    if (e->state != ATTEST_BHTTP_E_CONTROL || !(e->framing & 1)) {
        return ATTEST_EARG;
    }

    /* there is no connection to switch; RFC 9113 section 8.6 */
    if (status < 100 || status > 599 || status == 101) {
        return ATTEST_EARG;
    }

    if (attest_bhttp_left(e) < attest_varint_len(status)) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_varint(e, status);
    e->interim = status < 200;
    e->state = ATTEST_BHTTP_E_HEADERS;

    return ATTEST_OK;
}


static attest_span_t
attest_bhttp_trim(attest_span_t s)
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


size_t
attest_bhttp_field_len(size_t name, size_t value)
{
    return attest_varint_len(name) + name + attest_varint_len(value) + value;
}


/* Checks a field, trims its value, adds its length to *len. */

static int
attest_bhttp_line_len(attest_span_t name, attest_span_t *value, size_t *len)
{
    size_t  n;

    *value = attest_bhttp_trim(*value);

    if (!attest_bhttp_is_token(name.p, name.n)
        || !attest_bhttp_is_value(value->p, value->n))
    {
        return ATTEST_EFORMAT;
    }

    if (name.n > SIZE_MAX / 4 || value->n > SIZE_MAX / 4) {
        return ATTEST_ENOSPACE;
    }

    n = attest_bhttp_field_len(name.n, value->n);
    if (n > SIZE_MAX - *len) {
        return ATTEST_ENOSPACE;
    }

    *len += n;

    return ATTEST_OK;
}


static void
attest_bhttp_put_line(attest_bhttp_encoder_t *e, attest_span_t name,
    attest_span_t value)
{
    size_t   i;
    uint8_t  c;

    attest_bhttp_put_varint(e, name.n);

    for (i = 0; i < name.n; i++) {
        c = name.p[i];
        e->buf[e->len++] = (c >= 'A' && c <= 'Z') ? c | 0x20 : c;
    }

    attest_bhttp_put_bytes(e, value);
}


int
attest_bhttp_put_field(attest_bhttp_encoder_t *e, attest_span_t name,
    attest_span_t value)
{
    int     rc;
    size_t  need = 0;

    if ((e->state != ATTEST_BHTTP_E_HEADERS
         && e->state != ATTEST_BHTTP_E_TRAILERS)
        || !ATTEST_BHTTP_INDETERMINATE(e))
    {
        return ATTEST_EARG;
    }

    rc = attest_bhttp_line_len(name, &value, &need);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (need > attest_bhttp_left(e)) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_line(e, name, value);

    return ATTEST_OK;
}


static void
attest_bhttp_fields_done(attest_bhttp_encoder_t *e)
{
    if (e->state == ATTEST_BHTTP_E_TRAILERS) {
        e->state = ATTEST_BHTTP_E_PADDING;

    } else if (e->interim) {
        e->interim = 0;
        e->state = ATTEST_BHTTP_E_CONTROL;

    } else {
        e->state = ATTEST_BHTTP_E_CONTENT;
    }
}


int
attest_bhttp_put_fields_end(attest_bhttp_encoder_t *e)
{
    if ((e->state != ATTEST_BHTTP_E_HEADERS
         && e->state != ATTEST_BHTTP_E_TRAILERS)
        || !ATTEST_BHTTP_INDETERMINATE(e))
    {
        return ATTEST_EARG;
    }

    if (attest_bhttp_left(e) < 1) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_varint(e, 0);
    attest_bhttp_fields_done(e);

    return ATTEST_OK;
}


int
attest_bhttp_put_fields(attest_bhttp_encoder_t *e,
    const attest_bhttp_field_t *fields, size_t count)
{
    int            rc;
    size_t         i, sum = 0, extra;
    attest_span_t  value;

    if (e->state != ATTEST_BHTTP_E_HEADERS
        && e->state != ATTEST_BHTTP_E_TRAILERS)
    {
        return ATTEST_EARG;
    }

    for (i = 0; i < count; i++) {
        value = fields[i].value;

        rc = attest_bhttp_line_len(fields[i].name, &value, &sum);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    /* the length before, or the 0 behind */
    extra = ATTEST_BHTTP_INDETERMINATE(e) ? 1 : attest_varint_len(sum);

    if (sum > attest_bhttp_left(e) || extra > attest_bhttp_left(e) - sum) {
        return ATTEST_ENOSPACE;
    }

    if (!ATTEST_BHTTP_INDETERMINATE(e)) {
        attest_bhttp_put_varint(e, sum);
    }

    for (i = 0; i < count; i++) {
        attest_bhttp_put_line(e, fields[i].name,
                              attest_bhttp_trim(fields[i].value));
    }

    if (ATTEST_BHTTP_INDETERMINATE(e)) {
        attest_bhttp_put_varint(e, 0);
    }

    attest_bhttp_fields_done(e);

    return ATTEST_OK;
}


/* How much of n goes into size bytes as one chunk. */

static size_t
attest_bhttp_fits(size_t n, size_t size)
{
    n = n < size ? n : size;

    /* the length before it takes room too, and less for a shorter chunk */
    while (n != 0 && attest_varint_len(n) > size - n) {
        n--;
    }

    return n;
}


int
attest_bhttp_put_content(attest_bhttp_encoder_t *e, const uint8_t *p,
    size_t n, size_t *took)
{
    attest_span_t  chunk;

    *took = 0;

    if (e->state != ATTEST_BHTTP_E_CONTENT || !ATTEST_BHTTP_INDETERMINATE(e))
    {
        return ATTEST_EARG;
    }

    n = attest_bhttp_fits(n, attest_bhttp_left(e));

    if (n != 0) {
        chunk = attest_span(p, n);
        attest_bhttp_put_bytes(e, chunk);
        *took = n;
    }

    return ATTEST_OK;
}


/* A chunk whose length takes width bytes: 1, 2, 4 or 8. */

static void
attest_bhttp_put_long(attest_bhttp_encoder_t *e, size_t width,
    const uint8_t *p, size_t n)
{
    attest_varint_put_long(e->buf + e->len, n, width);
    memcpy(e->buf + e->len + width, p, n);
    e->len += width + n;
}


/*
 * What is to spare goes into the lengths of chunks of one byte, until what is
 * left of it is the length of one chunk with all the rest.
 */

int
attest_bhttp_put_content_shaped(attest_bhttp_encoder_t *e, const uint8_t *p,
    size_t n, size_t size, size_t *took)
{
    size_t  spare, width;

    *took = 0;

    if (e->state != ATTEST_BHTTP_E_CONTENT || !ATTEST_BHTTP_INDETERMINATE(e))
    {
        return ATTEST_EARG;
    }

    if (size > attest_bhttp_left(e)) {
        return ATTEST_ENOSPACE;
    }

    n = attest_bhttp_fits(n, size);
    *took = n;

    spare = size - n;

    for ( /* void */ ; n != 0; n--) {

        for (width = 8; width > spare; width /= 2) { /* void */ }

        if (n == 1 || (width == spare && width >= attest_varint_len(n))) {
            attest_bhttp_put_long(e, width, p, n);
            break;
        }

        while (width > spare - attest_varint_len(n - 1)) {
            width /= 2;
        }

        attest_bhttp_put_long(e, width, p++, 1);
        spare -= width;
    }

    return ATTEST_OK;
}


int
attest_bhttp_put_content_end(attest_bhttp_encoder_t *e)
{
    if (e->state != ATTEST_BHTTP_E_CONTENT || !ATTEST_BHTTP_INDETERMINATE(e))
    {
        return ATTEST_EARG;
    }

    if (attest_bhttp_left(e) < 1) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_varint(e, 0);
    e->state = ATTEST_BHTTP_E_TRAILERS;

    return ATTEST_OK;
}


int
attest_bhttp_put_content_whole(attest_bhttp_encoder_t *e, const uint8_t *p,
    size_t n)
{
    size_t         left = attest_bhttp_left(e);
    attest_span_t  content = { p, n };

    if (e->state != ATTEST_BHTTP_E_CONTENT || ATTEST_BHTTP_INDETERMINATE(e)) {
        return ATTEST_EARG;
    }

    if (n > left || attest_varint_len(n) > left - n) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_bytes(e, content);
    e->state = ATTEST_BHTTP_E_TRAILERS;

    return ATTEST_OK;
}


int
attest_bhttp_put_content_length(attest_bhttp_encoder_t *e, size_t n)
{
    if (e->state != ATTEST_BHTTP_E_CONTENT || ATTEST_BHTTP_INDETERMINATE(e)) {
        return ATTEST_EARG;
    }

    if (attest_varint_len(n) > attest_bhttp_left(e)) {
        return ATTEST_ENOSPACE;
    }

    attest_bhttp_put_varint(e, n);
    e->state = ATTEST_BHTTP_E_TRAILERS;

    return ATTEST_OK;
}


int
attest_bhttp_put_padding(attest_bhttp_encoder_t *e, size_t n)
{
    if (e->state != ATTEST_BHTTP_E_PADDING) {
        return ATTEST_EARG;
    }

    if (n > attest_bhttp_left(e)) {
        return ATTEST_ENOSPACE;
    }

    memset(e->buf + e->len, 0, n);
    e->len += n;

    return ATTEST_OK;
}
