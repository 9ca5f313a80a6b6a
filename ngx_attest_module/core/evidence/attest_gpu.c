/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The list of a machine's GPUs and what they reported, written and read in
 * NVIDIA's own JSON form.
 *
 * That form is narrower than JSON: a list of objects with the same four
 * members, which are printable ASCII without a backslash.  So it is read in
 * place, and not by attest_json_parse(): that one takes escapes, which would
 * give a device's name many spellings, and copies what may be a megabyte of
 * base64 into a tree first.
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/attest_base64.h"
#include "core/evidence/attest_gpu.h"
#include "core/base/attest_hex.h"


/* Members in the order of writing. */

typedef enum {
    ATTEST_GPU_ARCH = 0,
    ATTEST_GPU_CERTIFICATE,
    ATTEST_GPU_EVIDENCE,
    ATTEST_GPU_NONCE,
    ATTEST_GPU_MEMBERS
} attest_gpu_member_e;

typedef struct {
    char     *p;
    size_t    cap;
    size_t    need;
} attest_gpu_writer_t;

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    uint8_t        *heap;             /* room for what is decoded next */
    size_t          room;
} attest_gpu_reader_t;


static int attest_gpu_check(const attest_gpu_device_t *d);
static bool attest_gpu_is_arch(attest_span_t arch);
static void attest_gpu_put(attest_gpu_writer_t *w, const char *p, size_t n);
static void attest_gpu_put_member(attest_gpu_writer_t *w,
    attest_gpu_member_e m);
static void attest_gpu_put_base64(attest_gpu_writer_t *w, attest_span_t s);
static void attest_gpu_put_device(attest_gpu_writer_t *w,
    const attest_gpu_device_t *d);
static int attest_gpu_read_list(attest_gpu_reader_t *r, attest_gpu_t *gpu);
static int attest_gpu_read_device(attest_gpu_reader_t *r,
    attest_gpu_device_t *d);
static int attest_gpu_read_member(attest_gpu_reader_t *r,
    attest_gpu_device_t *d, unsigned *seen);
static int attest_gpu_set(attest_gpu_reader_t *r, attest_gpu_device_t *d,
    size_t member, attest_span_t text);
static int attest_gpu_base64(attest_gpu_reader_t *r, attest_span_t text,
    size_t max, attest_span_t *out);
static int attest_gpu_next(attest_gpu_reader_t *r);
static bool attest_gpu_token(attest_gpu_reader_t *r, int c);
static bool attest_gpu_string(attest_gpu_reader_t *r, attest_span_t *s);


static const char *const  attest_gpu_members[ATTEST_GPU_MEMBERS] = {
    "arch", "certificate", "evidence", "nonce"
};


int
attest_gpu_encode(const attest_gpu_device_t *devices, size_t count,
    char *out, size_t *len)
{
    int                   rc;
    size_t                i;
    attest_gpu_writer_t   w;

    if (count == 0 || count > ATTEST_GPU_MAX_DEVICES) {
        return ATTEST_EARG;
    }

    w.p = out;
    w.cap = *len;
    w.need = 0;

    for (i = 0; i < count; i++) {

        rc = attest_gpu_check(&devices[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }

        attest_gpu_put(&w, i == 0 ? "[" : ",", 1);
        attest_gpu_put_device(&w, &devices[i]);
    }

    attest_gpu_put(&w, "]", 1);

    if (w.need > ATTEST_MAX_LOG) {
        return ATTEST_ELIMIT;
    }

    *len = w.need;
    return w.need > w.cap ? ATTEST_ENOSPACE : ATTEST_OK;
}


static int
attest_gpu_check(const attest_gpu_device_t *d)
{
    if (!attest_gpu_is_arch(d->arch) || d->chain.n == 0 || d->report.n == 0) {
        return ATTEST_EARG;
    }

    return d->chain.n > ATTEST_GPU_MAX_CHAIN || d->report.n > ATTEST_SPDM_MAX
           ? ATTEST_ELIMIT : ATTEST_OK;
}


static bool
attest_gpu_is_arch(attest_span_t arch)
{
    size_t   i;
    uint8_t  c;

    if (arch.n == 0 || arch.n > ATTEST_GPU_MAX_ARCH) {
        return 0;
    }

    for (i = 0; i < arch.n; i++) {
        c = arch.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            return 0;
        }
    }

    return 1;
}


static void
attest_gpu_put(attest_gpu_writer_t *w, const char *p, size_t n)
{
    if (w->need <= w->cap && n <= w->cap - w->need) {
        memcpy(w->p + w->need, p, n);
    }

    w->need += n;
}


static void
attest_gpu_put_member(attest_gpu_writer_t *w, attest_gpu_member_e m)
{
    attest_gpu_put(w, m == ATTEST_GPU_ARCH ? "{\"" : ",\"", 2);
    attest_gpu_put(w, attest_gpu_members[m], strlen(attest_gpu_members[m]));
    attest_gpu_put(w, "\":\"", 3);
}


static void
attest_gpu_put_base64(attest_gpu_writer_t *w, attest_span_t s)
{
    char    quad[5];
    size_t  i, n;

    for (i = 0; i < s.n; i += n) {
        n = s.n - i < 3 ? s.n - i : 3;

        attest_base64_encode(quad, attest_span(s.p + i, n), ATTEST_BASE64);
        attest_gpu_put(w, quad, 4);
    }
}


static void
attest_gpu_put_device(attest_gpu_writer_t *w, const attest_gpu_device_t *d)
{
    char  nonce[2 * ATTEST_SPDM_NONCE + 1];

    attest_gpu_put_member(w, ATTEST_GPU_ARCH);
    attest_gpu_put(w, (const char *) d->arch.p, d->arch.n);
    attest_gpu_put(w, "\"", 1);

    attest_gpu_put_member(w, ATTEST_GPU_CERTIFICATE);
    attest_gpu_put_base64(w, d->chain);
    attest_gpu_put(w, "\"", 1);

    attest_gpu_put_member(w, ATTEST_GPU_EVIDENCE);
    attest_gpu_put_base64(w, d->report);
    attest_gpu_put(w, "\"", 1);

    attest_gpu_put_member(w, ATTEST_GPU_NONCE);
    attest_hex_encode(nonce, d->nonce, sizeof(d->nonce));
    attest_gpu_put(w, nonce, 2 * ATTEST_SPDM_NONCE);
    attest_gpu_put(w, "\"}", 2);
}


int
attest_gpu_parse(const uint8_t *p, size_t n, attest_gpu_t *gpu)
{
    int                   rc;
    attest_gpu_reader_t   r;

    memset(gpu, 0, sizeof(attest_gpu_t));

    if (n > ATTEST_MAX_LOG) {
        return ATTEST_ELIMIT;
    }

    if (n == 0) {
        return ATTEST_EFORMAT;
    }

    /* base64 shrinks: what is decoded is shorter than the whole input */

    gpu->heap = malloc(n);
    if (gpu->heap == NULL) {
        return ATTEST_EINTERNAL;
    }

    r.p = p;
    r.end = p + n;
    r.heap = gpu->heap;
    r.room = n;

    rc = attest_gpu_read_list(&r, gpu);

    if (rc == ATTEST_OK && attest_gpu_next(&r) != -1) {
        rc = ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        attest_gpu_free(gpu);
    }

    return rc;
}


void
attest_gpu_free(attest_gpu_t *gpu)
{
    free(gpu->heap);
    memset(gpu, 0, sizeof(attest_gpu_t));
}


static int
attest_gpu_read_list(attest_gpu_reader_t *r, attest_gpu_t *gpu)
{
    int  rc;

    if (!attest_gpu_token(r, '[')) {
        return ATTEST_EFORMAT;
    }

    do {
        if (gpu->count == ATTEST_GPU_MAX_DEVICES) {
            return ATTEST_ELIMIT;
        }

        rc = attest_gpu_read_device(r, &gpu->devices[gpu->count++]);
        if (rc != ATTEST_OK) {
            return rc;
        }

    } while (attest_gpu_token(r, ','));

    return attest_gpu_token(r, ']') ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_gpu_read_device(attest_gpu_reader_t *r, attest_gpu_device_t *d)
{
    int       rc;
    unsigned  seen = 0;

    if (!attest_gpu_token(r, '{')) {
        return ATTEST_EFORMAT;
    }

    do {
        rc = attest_gpu_read_member(r, d, &seen);
        if (rc != ATTEST_OK) {
            return rc;
        }

    } while (attest_gpu_token(r, ','));

    return attest_gpu_token(r, '}')
           && seen == (1u << ATTEST_GPU_MEMBERS) - 1
           ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_gpu_read_member(attest_gpu_reader_t *r, attest_gpu_device_t *d,
    unsigned *seen)
{
    size_t          i;
    attest_span_t   key, text;

    if (!attest_gpu_string(r, &key) || !attest_gpu_token(r, ':')
        || !attest_gpu_string(r, &text))
    {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < ATTEST_GPU_MEMBERS; i++) {
        if (attest_span_is(key, attest_gpu_members[i])) {
            break;
        }
    }

    if (i == ATTEST_GPU_MEMBERS || (*seen >> i & 1)) {
        return ATTEST_EFORMAT;
    }

    *seen |= 1u << i;

    return attest_gpu_set(r, d, i, text);
}


static int
attest_gpu_set(attest_gpu_reader_t *r, attest_gpu_device_t *d, size_t member,
    attest_span_t text)
{
    switch (member) {

    case ATTEST_GPU_ARCH:
        d->arch = text;
        return attest_gpu_is_arch(text) ? ATTEST_OK : ATTEST_EFORMAT;

    case ATTEST_GPU_CERTIFICATE:
        return attest_gpu_base64(r, text, ATTEST_GPU_MAX_CHAIN, &d->chain);

    case ATTEST_GPU_EVIDENCE:
        return attest_gpu_base64(r, text, ATTEST_SPDM_MAX, &d->report);

    default:
        return attest_hex_exact(text, d->nonce, sizeof(d->nonce));
    }
}


static int
attest_gpu_base64(attest_gpu_reader_t *r, attest_span_t text, size_t max,
    attest_span_t *out)
{
    size_t  n;

    if (text.n == 0 || text.n % 4 != 0) {
        return ATTEST_EFORMAT;
    }

    if (text.n / 4 > (max + 2) / 3) {
        return ATTEST_ELIMIT;
    }

    if (attest_base64_decode(text, ATTEST_BASE64, r->heap, r->room, &n)
        != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    if (n > max) {
        return ATTEST_ELIMIT;
    }

    *out = attest_span(r->heap, n);
    r->heap += n;
    r->room -= n;

    return ATTEST_OK;
}


/* The next character that is no blank (RFC 8259 section 2); -1: the end. */

static int
attest_gpu_next(attest_gpu_reader_t *r)
{
    while (r->p != r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r'
                              || *r->p == '\n'))
    {
        r->p++;
    }

    return r->p == r->end ? -1 : *r->p;
}


static bool
attest_gpu_token(attest_gpu_reader_t *r, int c)
{
    if (attest_gpu_next(r) != c) {
        return 0;
    }

    r->p++;
    return 1;
}


/* Nothing that has to be escaped is ever in these strings. */

static bool
attest_gpu_string(attest_gpu_reader_t *r, attest_span_t *s)
{
    if (!attest_gpu_token(r, '"')) {
        return 0;
    }

    s->p = r->p;

    while (r->p != r->end && *r->p != '"') {

        if (*r->p < 0x20 || *r->p > 0x7e || *r->p == '\\') {
            return 0;
        }

        r->p++;
    }

    s->n = (size_t) (r->p - s->p);

    return attest_gpu_token(r, '"');
}
