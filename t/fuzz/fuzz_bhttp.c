/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Binary HTTP.  The first byte chooses: bit 0 request or response, bit 1 a
 * message as it came or a script; the second byte is the length of pieces.
 *
 * As it came: whole and in pieces it gives the same events.  What is accepted
 * is encoded again while it is decoded, and decodes to the same events.
 *
 * Script: the rest makes up a message whose events we know, encoded with
 * known or indeterminate length, its content in chunks, its end cut off where
 * that is legal, or padded: the decoder gives exactly these events.
 */


#include "../unit/bhttp_record.h"


#define MAX_DATA  4096
#define MAX_WIRE   16384
#define MAX_LINES  12

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


/* The rest of a script; zeros when it is used up. */

typedef struct {
    const uint8_t   *p;
    size_t           n;
} script_t;

/* A decoder's events, encoded again. */

typedef struct {
    attest_bhttp_encoder_t   e;
    int                      trailers;
    int                      odd;            /* a 101, which we do not write */
} copy_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static size_t pieces(size_t left);
static void limits_of(attest_bhttp_limits_t *l);
static int copy_request(void *data, const attest_bhttp_request_t *q);
static int copy_response(void *data, unsigned status);
static int copy_field(void *data, attest_span_t name, attest_span_t value,
    int trailer);
static int copy_head(void *data);
static int copy_content(void *data, attest_span_t p);
static void copy_end(copy_t *c);
static void again(attest_bhttp_kind_e kind, const uint8_t *p, size_t n);
static void as_it_came(attest_bhttp_kind_e kind, const uint8_t *p, size_t n);
static uint8_t next(script_t *s);
static attest_span_t string(script_t *s, const char *alphabet, size_t max,
    uint8_t *out);
static size_t lines(script_t *s, attest_bhttp_field_t *f,
    uint8_t (*mem)[80]);
static size_t zeros(const uint8_t *p, size_t n);
static void control(script_t *s, attest_bhttp_encoder_t *e);
static void content(script_t *s, attest_bhttp_encoder_t *e, uint8_t *text,
    size_t n);
static void section(script_t *s, attest_bhttp_encoder_t *e,
    const attest_bhttp_field_t *f, size_t n);
static void script(attest_bhttp_kind_e kind, const uint8_t *p, size_t n);


static record_t  whole, split;
static size_t    piece;

static const char  names[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+"
                             "^`|~";
static const char  values[] = "abcXYZ019 ,;:=/\"\\\t()<>@[]{}?!\303\244\377~";
static const char  visible[] = "abcXYZ019.-_~/?%&=+,;:@!$'()*";
static const char  tokens[] = "GETPOSabcXYZ019-_.!";
static const char  hosts[] = "abcXYZ019.-:[]";


static size_t
pieces(size_t left)
{
    return left < piece ? left : piece;
}


static void
limits_of(attest_bhttp_limits_t *l)
{
    attest_bhttp_limits_default(l, 12000, 16000);
    l->max_path = 300;
    l->max_value = 300;
    l->max_fields = 16;
    l->max_field_bytes = 2000;
    l->max_trailers = 16;
    l->max_informational = 4;
}


static int
copy_request(void *data, const attest_bhttp_request_t *q)
{
    copy_t  *c = data;

    CHECK(attest_bhttp_put_request(&c->e, q) == ATTEST_OK);

    return ATTEST_OK;
}


static int
copy_response(void *data, unsigned status)
{
    copy_t  *c = data;

    if (status == 101) {
        c->odd = 1;
        status = 100;
    }

    CHECK(attest_bhttp_put_status(&c->e, status) == ATTEST_OK);

    return ATTEST_OK;
}


static int
copy_field(void *data, attest_span_t name, attest_span_t value, int trailer)
{
    copy_t  *c = data;

    CHECK(attest_bhttp_is_name(name.p, name.n));
    CHECK(attest_bhttp_is_value(value.p, value.n));

    if (trailer && !c->trailers) {
        c->trailers = 1;
        CHECK(attest_bhttp_put_content_end(&c->e) == ATTEST_OK);
    }

    CHECK(attest_bhttp_put_field(&c->e, name, value) == ATTEST_OK);

    return ATTEST_OK;
}


static int
copy_head(void *data)
{
    copy_t  *c = data;

    CHECK(attest_bhttp_put_fields_end(&c->e) == ATTEST_OK);

    return ATTEST_OK;
}


static int
copy_content(void *data, attest_span_t p)
{
    size_t   took;
    copy_t  *c = data;

    CHECK(attest_bhttp_put_content(&c->e, p.p, p.n, &took) == ATTEST_OK
          && took == p.n);

    return ATTEST_OK;
}


static void
copy_end(copy_t *c)
{
    if (!c->trailers) {
        CHECK(attest_bhttp_put_content_end(&c->e) == ATTEST_OK);
    }

    CHECK(attest_bhttp_put_fields_end(&c->e) == ATTEST_OK);
}


/* An accepted message through decoder, encoder and decoder: no change. */

static void
again(attest_bhttp_kind_e kind, const uint8_t *p, size_t n)
{
    copy_t                  c;
    static uint8_t          out[4 * MAX_WIRE], scratch[8192];
    attest_bhttp_limits_t   l;
    attest_bhttp_decoder_t  d;

    const attest_bhttp_handler_t  h = {
        copy_request, copy_response, copy_field, copy_head, copy_content
    };

    limits_of(&l);
    memset(&c, 0, sizeof(c));
    CHECK(attest_bhttp_encoder_init(&c.e, kind == ATTEST_BHTTP_RESPONSE
                                    ? ATTEST_BHTTP_RESPONSE_INDETERMINATE
                                    : ATTEST_BHTTP_REQUEST_INDETERMINATE,
                                    out, sizeof(out)) == ATTEST_OK);
    CHECK(attest_bhttp_decoder_init(&d, kind, &l, &h, &c, scratch,
                                    sizeof(scratch)) == ATTEST_OK);
    CHECK(attest_bhttp_feed(&d, p, n) == ATTEST_OK);
    CHECK(attest_bhttp_finish(&d) == ATTEST_OK);
    attest_bhttp_decoder_clear(&d);
    copy_end(&c);

    if (!c.odd) {
        l.max_total = sizeof(out);
        CHECK(record_decode(&split, kind, &l, out, c.e.len, pieces)
              == ATTEST_OK);
        CHECK(record_same(&whole, &split));
    }
}


static void
as_it_came(attest_bhttp_kind_e kind, const uint8_t *p, size_t n)
{
    int                    rc;
    attest_bhttp_limits_t  l;

    limits_of(&l);
    rc = record_decode(&whole, kind, &l, p, n, NULL);
    CHECK(record_decode(&split, kind, &l, p, n, pieces) == rc);
    CHECK(record_same(&whole, &split));

    if (rc == ATTEST_OK) {
        again(kind, p, n);
    }
}


static uint8_t
next(script_t *s)
{
    if (s->n == 0) {
        return 0;
    }

    s->n--;

    return *s->p++;
}


static attest_span_t
string(script_t *s, const char *alphabet, size_t max, uint8_t *out)
{
    size_t         i, n = next(s) % (max + 1);
    attest_span_t  r = { out, n };

    for (i = 0; i < n; i++) {
        out[i] = (uint8_t) alphabet[next(s) % strlen(alphabet)];
    }

    return r;
}


static size_t
lines(script_t *s, attest_bhttp_field_t *f, uint8_t (*mem)[80])
{
    size_t  i, n = next(s) % (MAX_LINES + 1);

    for (i = 0; i < n; i++) {
        mem[i][0] = 'x';
        f[i].name = string(s, names, 15, mem[i] + 1);
        f[i].name.p--;
        f[i].name.n++;
        f[i].value = string(s, values, 60, mem[i] + 18);

        /* blanks at the ends are not the value's */
        while (f[i].value.n != 0
               && !attest_bhttp_is_value(f[i].value.p, f[i].value.n))
        {
            f[i].value.p++;
            f[i].value.n -= f[i].value.n > 1 ? 2 : 1;
        }
    }

    return n;
}


static void
control(script_t *s, attest_bhttp_encoder_t *e)
{
    int                     i, n;
    unsigned                status;
    uint8_t                 mem[4][80];
    attest_bhttp_request_t  q;

    if (!(e->framing & 1)) {
        mem[0][0] = 'M';
        q.method = string(s, tokens, 9, mem[0] + 1);
        q.method.p--;
        q.method.n++;
        q.scheme = next(s) & 1 ? (attest_span_t) { mem[3], 4 }
                               : (attest_span_t) { mem[3], 5 };
        memcpy(mem[3], "https", 5);
        mem[1][0] = 'h';
        q.authority = string(s, hosts, 60, mem[1] + 1);
        q.authority.p--;
        q.authority.n++;
        q.path = string(s, visible, 70, mem[2]);

        CHECK(attest_bhttp_put_request(e, &q) == ATTEST_OK);
        record_request(&whole, &q);
        return;
    }

    n = next(s) % 4;
    for (i = 0; i <= n; i++) {
        status = i < n ? 102u + next(s) % 98u : 200u + next(s) % 255u;
        CHECK(attest_bhttp_put_status(e, status) == ATTEST_OK);
        record_response(&whole, status);

        if (i < n) {
            section(s, e, NULL, 0);
            record_head(&whole);
        }
    }
}


static void
section(script_t *s, attest_bhttp_encoder_t *e, const attest_bhttp_field_t *f,
    size_t n)
{
    size_t  i;

    if (!(e->framing & 2) || next(s) & 1) {
        CHECK(attest_bhttp_put_fields(e, f, n) == ATTEST_OK);
        return;
    }

    for (i = 0; i < n; i++) {
        CHECK(attest_bhttp_put_field(e, f[i].name, f[i].value) == ATTEST_OK);
    }

    CHECK(attest_bhttp_put_fields_end(e) == ATTEST_OK);
}


static void
content(script_t *s, attest_bhttp_encoder_t *e, uint8_t *text, size_t n)
{
    size_t   i, k, took, before;
    uint8_t  b;

    for (i = 0; i < n; i++) {
        text[i] = (uint8_t) (i ^ n);
    }

    if (n != 0) {
        record_content(&whole, (attest_span_t) { text, n });
    }

    if (!(e->framing & 2)) {
        CHECK(attest_bhttp_put_content_whole(e, text, n) == ATTEST_OK);
        return;
    }

    for (i = 0; i < n; i += took) {
        b = next(s);
        k = 1 + b * 3u;
        k = k < n - i ? k : n - i;

        if ((b & 1) && e->room - e->len > MAX_WIRE / 2) {
            before = e->len;
            CHECK(attest_bhttp_put_content_shaped(e, text + i, k, 8u * b,
                                                  &took) == ATTEST_OK
                  && took != 0 && e->len - before <= 8u * b);
            continue;
        }

        CHECK(attest_bhttp_put_content(e, text + i, k, &took) == ATTEST_OK
              && took != 0);
    }

    CHECK(attest_bhttp_put_content_end(e) == ATTEST_OK);
}


/* Zero bytes at the end of p. */

static size_t
zeros(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n && p[n - 1 - i] == 0; i++) { /* void */ }

    return i;
}


static void
script(attest_bhttp_kind_e kind, const uint8_t *p, size_t n)
{
    size_t                  i, nf, nt, nc, may;
    uint8_t                 hmem[MAX_LINES][80], tmem[MAX_LINES][80];
    script_t                s = { p, n };
    static uint8_t          out[MAX_WIRE], text[3000];
    attest_bhttp_field_t    f[MAX_LINES], t[MAX_LINES];
    attest_bhttp_limits_t   l;
    attest_bhttp_encoder_t  e;

    memset(&whole, 0, sizeof(whole));
    limits_of(&l);

    CHECK(attest_bhttp_encoder_init(&e, (kind == ATTEST_BHTTP_RESPONSE)
                                    | (next(&s) & 2), out, sizeof(out))
          == ATTEST_OK);
    control(&s, &e);

    nf = lines(&s, f, hmem);
    section(&s, &e, f, nf);
    for (i = 0; i < nf; i++) {
        record_field(&whole, f[i].name, f[i].value, 0);
    }
    record_head(&whole);

    nc = next(&s) & 1 ? 0 : next(&s) * 11u;
    content(&s, &e, text, nc);

    nt = next(&s) & 1 ? 0 : lines(&s, t, tmem);
    section(&s, &e, t, nt);
    for (i = 0; i < nt; i++) {
        record_field(&whole, t[i].name, t[i].value, 1);
    }

    /* RFC 9292 section 3.8: what may be missing, by parts that are empty */
    may = nt != 0 ? 0 : nc != 0 ? 1 : nf != 0 ? 2 : 3;
    CHECK(zeros(out, e.len) >= may);

    if (next(&s) & 1) {
        e.len -= may != 0 ? next(&s) % (may + 1) : 0;

    } else {
        CHECK(attest_bhttp_put_padding(&e, next(&s)) == ATTEST_OK);
    }

    CHECK(record_decode(&split, kind, &l, out, e.len, pieces) == ATTEST_OK);
    CHECK(record_same(&whole, &split));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    attest_bhttp_kind_e  kind;

    if (size < 2 || size > MAX_DATA) {
        return 0;
    }

    kind = data[0] & 1 ? ATTEST_BHTTP_RESPONSE : ATTEST_BHTTP_REQUEST;
    piece = 1u + data[1];

    if (data[0] & 2) {
        script(kind, data + 2, size - 2);

    } else {
        as_it_came(kind, data + 2, size - 2);
    }

    return 0;
}
