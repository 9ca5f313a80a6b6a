/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads and writes CBOR over libcbor's streaming functions, each item held
 * against its deterministic form.
 */


#include <stdint.h>
#include <string.h>

#include <cbor/encoding.h>
#include <cbor/streaming.h>

#include "core/base/attest_cbor.h"
#include "core/base/attest_utf8.h"


#define ATTEST_CBOR_HEAD_MAX     9


/* What libcbor counts strings and entries in, since its version 0.9. */

#if (CBOR_MAJOR_VERSION > 0 || CBOR_MINOR_VERSION >= 9)
typedef uint64_t  attest_cbor_len_t;
#else
typedef size_t    attest_cbor_len_t;
#endif


/* A container that attest_cbor_skip() has entered and not yet left. */

typedef struct {
    attest_cbor_type_e   type;
    int                  indefinite;
    uint64_t             left;       /* definite: items still to come */
    uint64_t             seen;       /* indefinite: items so far */
} attest_cbor_level_t;


static void attest_cbor_callbacks(struct cbor_callbacks *cb);
static void attest_cbor_set(void *ctx, attest_cbor_type_e type,
    uint64_t value);
static void attest_cbor_set_indefinite(void *ctx, attest_cbor_type_e type);
static void attest_cbor_set_string(void *ctx, attest_cbor_type_e type,
    cbor_data p, attest_cbor_len_t n);
static void attest_cbor_on_uint8(void *ctx, uint8_t v);
static void attest_cbor_on_uint16(void *ctx, uint16_t v);
static void attest_cbor_on_uint32(void *ctx, uint32_t v);
static void attest_cbor_on_uint64(void *ctx, uint64_t v);
static void attest_cbor_on_nint8(void *ctx, uint8_t v);
static void attest_cbor_on_nint16(void *ctx, uint16_t v);
static void attest_cbor_on_nint32(void *ctx, uint32_t v);
static void attest_cbor_on_nint64(void *ctx, uint64_t v);
static void attest_cbor_on_bytes(void *ctx, cbor_data p,
    attest_cbor_len_t n);
static void attest_cbor_on_text(void *ctx, cbor_data p,
    attest_cbor_len_t n);
static void attest_cbor_on_bytes_start(void *ctx);
static void attest_cbor_on_text_start(void *ctx);
static void attest_cbor_on_array(void *ctx, attest_cbor_len_t n);
static void attest_cbor_on_map(void *ctx, attest_cbor_len_t n);
static void attest_cbor_on_array_start(void *ctx);
static void attest_cbor_on_map_start(void *ctx);
static void attest_cbor_on_tag(void *ctx, uint64_t v);
static void attest_cbor_on_half(void *ctx, float v);
static void attest_cbor_on_single(void *ctx, float v);
static void attest_cbor_on_double(void *ctx, double v);
static void attest_cbor_on_undefined(void *ctx);
static void attest_cbor_on_null(void *ctx);
static void attest_cbor_on_bool(void *ctx, bool v);
static void attest_cbor_on_break(void *ctx);
static bool attest_cbor_strict(uint8_t head, const attest_cbor_item_t *item);
static int attest_cbor_read(attest_cbor_reader_t *r, attest_cbor_type_e type,
    attest_cbor_item_t *item);
static int attest_cbor_read_count(attest_cbor_reader_t *r,
    attest_cbor_type_e type, uint64_t *count);
static int attest_cbor_skip_item(attest_cbor_reader_t *r,
    attest_cbor_level_t *levels, size_t *depth);
static bool attest_cbor_entries(const attest_cbor_item_t *item,
    uint64_t *left);
static int attest_cbor_enter(const attest_cbor_reader_t *r,
    const attest_cbor_item_t *item, attest_cbor_level_t *levels,
    size_t *depth);
static void attest_cbor_put(attest_cbor_writer_t *w, const uint8_t *p,
    size_t n);


void
attest_cbor_reader_init(attest_cbor_reader_t *r, const uint8_t *p, size_t n,
    int lenient)
{
    /* an empty span may be NULL; NULL + 0 is no pointer arithmetic in C */

    r->p = p;
    r->end = (n == 0) ? p : p + n;
    r->lenient = lenient;
}


int
attest_cbor_next(attest_cbor_reader_t *r, attest_cbor_item_t *item)
{
    struct cbor_callbacks       cb;
    struct cbor_decoder_result  res;

    memset(item, 0, sizeof(attest_cbor_item_t));
    item->type = ATTEST_CBOR_OTHER;

    if (r->p == r->end) {
        return ATTEST_EFORMAT;
    }

    attest_cbor_callbacks(&cb);

    res = cbor_stream_decode(r->p, (size_t) (r->end - r->p), &cb, item);

    if (res.status != CBOR_DECODER_FINISHED
        || item->type == ATTEST_CBOR_OTHER)
    {
        return ATTEST_EFORMAT;
    }

    if (!r->lenient && !attest_cbor_strict(r->p[0], item)) {
        return ATTEST_EFORMAT;
    }

    /* RFC 8949 section 3.1: text that is not UTF-8 is invalid */

    if (item->type == ATTEST_CBOR_TEXT && !attest_utf8_is(item->bytes)) {
        return ATTEST_EFORMAT;
    }

    r->p += res.read;
    return ATTEST_OK;
}


int
attest_cbor_read_uint(attest_cbor_reader_t *r, uint64_t *v)
{
    int                 rc;
    attest_cbor_item_t  item;

    rc = attest_cbor_read(r, ATTEST_CBOR_UINT, &item);
    if (rc == ATTEST_OK) {
        *v = item.value;
    }
    return rc;
}


int
attest_cbor_read_bytes(attest_cbor_reader_t *r, attest_span_t *s)
{
    int                 rc;
    attest_cbor_item_t  item;

    rc = attest_cbor_read(r, ATTEST_CBOR_BYTES, &item);
    if (rc == ATTEST_OK) {
        *s = item.bytes;
    }
    return rc;
}


int
attest_cbor_read_text(attest_cbor_reader_t *r, attest_span_t *s)
{
    int                 rc;
    attest_cbor_item_t  item;

    rc = attest_cbor_read(r, ATTEST_CBOR_TEXT, &item);
    if (rc == ATTEST_OK) {
        *s = item.bytes;
    }
    return rc;
}


int
attest_cbor_read_array(attest_cbor_reader_t *r, uint64_t *count)
{
    return attest_cbor_read_count(r, ATTEST_CBOR_ARRAY, count);
}


int
attest_cbor_read_map(attest_cbor_reader_t *r, uint64_t *count)
{
    return attest_cbor_read_count(r, ATTEST_CBOR_MAP, count);
}


int
attest_cbor_skip(attest_cbor_reader_t *r)
{
    int                   rc;
    size_t                depth = 0;
    attest_cbor_level_t   levels[ATTEST_MAX_DEPTH];
    attest_cbor_reader_t  at = *r;

    do {
        rc = attest_cbor_skip_item(&at, levels, &depth);
        if (rc != ATTEST_OK) {
            return rc;
        }

        /* the item closed the definite containers that it was the last of */

        while (depth > 0 && !levels[depth - 1].indefinite
               && levels[depth - 1].left == 0)
        {
            depth--;
        }

    } while (depth > 0);

    *r = at;
    return ATTEST_OK;
}


int
attest_cbor_done(const attest_cbor_reader_t *r)
{
    return (r->p == r->end) ? ATTEST_OK : ATTEST_EFORMAT;
}


void
attest_cbor_writer_init(attest_cbor_writer_t *w, uint8_t *p, size_t cap)
{
    w->p = p;
    w->cap = cap;
    w->need = 0;
}


void
attest_cbor_put_uint(attest_cbor_writer_t *w, uint64_t v)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head, cbor_encode_uint(v, head, sizeof(head)));
}


void
attest_cbor_put_int(attest_cbor_writer_t *w, int64_t v)
{
    uint8_t   head[ATTEST_CBOR_HEAD_MAX];
    uint64_t  n;

    if (v >= 0) {
        attest_cbor_put_uint(w, (uint64_t) v);
        return;
    }

    n = (uint64_t) -(v + 1);
    attest_cbor_put(w, head, cbor_encode_negint(n, head, sizeof(head)));
}


void
attest_cbor_put_bytes(attest_cbor_writer_t *w, const uint8_t *p, size_t n)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head,
                    cbor_encode_bytestring_start(n, head, sizeof(head)));
    attest_cbor_put(w, p, n);
}


void
attest_cbor_put_text(attest_cbor_writer_t *w, const char *text)
{
    size_t   n = strlen(text);
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head, cbor_encode_string_start(n, head, sizeof(head)));
    attest_cbor_put(w, (const uint8_t *) text, n);
}


void
attest_cbor_put_array(attest_cbor_writer_t *w, size_t count)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head,
                    cbor_encode_array_start(count, head, sizeof(head)));
}


void
attest_cbor_put_map(attest_cbor_writer_t *w, size_t count)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head,
                    cbor_encode_map_start(count, head, sizeof(head)));
}


void
attest_cbor_put_tag(attest_cbor_writer_t *w, uint64_t tag)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head, cbor_encode_tag(tag, head, sizeof(head)));
}


void
attest_cbor_put_null(attest_cbor_writer_t *w)
{
    uint8_t  head[ATTEST_CBOR_HEAD_MAX];

    attest_cbor_put(w, head, cbor_encode_null(head, sizeof(head)));
}


int
attest_cbor_writer_done(const attest_cbor_writer_t *w, size_t *len)
{
    *len = w->need;
    return (w->need <= w->cap) ? ATTEST_OK : ATTEST_ENOSPACE;
}


/* What strict mode refuses: RFC 8949 section 4.2.1. */

static bool
attest_cbor_strict(uint8_t head, const attest_cbor_item_t *item)
{
    if (item->indefinite || item->type == ATTEST_CBOR_BREAK) {
        return 0;
    }

    /* major type 7: floats have no use here, simple values one form only */

    if (item->type == ATTEST_CBOR_SIMPLE) {
        return item->value < 24;
    }

    /* libcbor takes longer heads than needed; the argument tells */

    switch (head & 0x1f) {
    case 24:
        return item->value >= 24;
    case 25:
        return item->value > UINT8_MAX;
    case 26:
        return item->value > UINT16_MAX;
    case 27:
        return item->value > UINT32_MAX;
    default:
        return 1;
    }
}


static int
attest_cbor_read(attest_cbor_reader_t *r, attest_cbor_type_e type,
    attest_cbor_item_t *item)
{
    int                   rc;
    attest_cbor_reader_t  at = *r;

    rc = attest_cbor_next(&at, item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (item->type != type) {
        return ATTEST_EFORMAT;
    }

    /* chunks do not lie in one piece, so no span can show them */

    if (item->indefinite
        && (type == ATTEST_CBOR_BYTES || type == ATTEST_CBOR_TEXT))
    {
        return ATTEST_EFORMAT;
    }

    *r = at;
    return ATTEST_OK;
}


static int
attest_cbor_read_count(attest_cbor_reader_t *r, attest_cbor_type_e type,
    uint64_t *count)
{
    int                   rc;
    attest_cbor_item_t    item;
    attest_cbor_reader_t  at = *r;

    rc = attest_cbor_read(&at, type, &item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (item.indefinite) {
        *count = ATTEST_CBOR_INDEFINITE;
        *r = at;
        return ATTEST_OK;
    }

    if (item.value > ATTEST_MAX_ITEMS) {
        return ATTEST_ELIMIT;
    }

    *count = item.value;
    *r = at;
    return ATTEST_OK;
}


/* One head; enters or leaves a container and counts in the innermost one. */

static int
attest_cbor_skip_item(attest_cbor_reader_t *r, attest_cbor_level_t *levels,
    size_t *depth)
{
    int                   rc;
    attest_cbor_item_t    item;
    attest_cbor_level_t  *in;

    in = (*depth > 0) ? &levels[*depth - 1] : NULL;

    rc = attest_cbor_next(r, &item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (item.type == ATTEST_CBOR_BREAK) {
        if (in == NULL || !in->indefinite
            || (in->type == ATTEST_CBOR_MAP && in->seen % 2 != 0))
        {
            return ATTEST_EFORMAT;
        }

        (*depth)--;
        return ATTEST_OK;
    }

    if (in != NULL && in->indefinite) {

        /* RFC 8949 section 3.2.3: chunks are definite, of the same type */

        if ((in->type == ATTEST_CBOR_BYTES || in->type == ATTEST_CBOR_TEXT)
            && (item.type != in->type || item.indefinite))
        {
            return ATTEST_EFORMAT;
        }

        in->seen++;

    } else if (in != NULL) {
        in->left--;
    }

    return attest_cbor_enter(r, &item, levels, depth);
}


/* 0 when nothing follows; *left is 0 too for indefinite length. */

static bool
attest_cbor_entries(const attest_cbor_item_t *item, uint64_t *left)
{
    switch (item->type) {
    case ATTEST_CBOR_ARRAY:
        *left = item->value;
        return 1;

    case ATTEST_CBOR_MAP:
        *left = (item->value > UINT64_MAX / 2) ? UINT64_MAX : item->value * 2;
        return 1;

    case ATTEST_CBOR_TAG:
        *left = 1;
        return 1;

    default:
        *left = 0;
        return item->indefinite;
    }
}


static int
attest_cbor_enter(const attest_cbor_reader_t *r,
    const attest_cbor_item_t *item, attest_cbor_level_t *levels,
    size_t *depth)
{
    uint64_t              left;
    attest_cbor_level_t  *level;

    if (!attest_cbor_entries(item, &left)) {
        return ATTEST_OK;
    }

    /* each entry takes a byte at least */

    if (left > (uint64_t) (r->end - r->p)) {
        return ATTEST_EFORMAT;
    }

    if (*depth == ATTEST_MAX_DEPTH) {
        return ATTEST_ELIMIT;
    }

    level = &levels[(*depth)++];
    level->type = item->type;
    level->indefinite = item->indefinite;
    level->left = left;
    level->seen = 0;

    return ATTEST_OK;
}


static void
attest_cbor_put(attest_cbor_writer_t *w, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return;
    }

    /* past the end `need` only grows, so nothing is written out of place */

    if (w->need <= w->cap && n <= w->cap - w->need) {
        memcpy(w->p + w->need, p, n);
    }

    w->need = (n > SIZE_MAX - w->need) ? SIZE_MAX : w->need + n;
}


/*
 * Members that a newer libcbor has besides must not be NULL: they keep its own
 * dummies, and an item that none of ours has taken is refused.
 */

static void
attest_cbor_callbacks(struct cbor_callbacks *cb)
{
    *cb = cbor_empty_callbacks;

    cb->uint8 = attest_cbor_on_uint8;
    cb->uint16 = attest_cbor_on_uint16;
    cb->uint32 = attest_cbor_on_uint32;
    cb->uint64 = attest_cbor_on_uint64;
    cb->negint8 = attest_cbor_on_nint8;
    cb->negint16 = attest_cbor_on_nint16;
    cb->negint32 = attest_cbor_on_nint32;
    cb->negint64 = attest_cbor_on_nint64;
    cb->byte_string = attest_cbor_on_bytes;
    cb->byte_string_start = attest_cbor_on_bytes_start;
    cb->string = attest_cbor_on_text;
    cb->string_start = attest_cbor_on_text_start;
    cb->array_start = attest_cbor_on_array;
    cb->indef_array_start = attest_cbor_on_array_start;
    cb->map_start = attest_cbor_on_map;
    cb->indef_map_start = attest_cbor_on_map_start;
    cb->tag = attest_cbor_on_tag;
    cb->float2 = attest_cbor_on_half;
    cb->float4 = attest_cbor_on_single;
    cb->float8 = attest_cbor_on_double;
    cb->undefined = attest_cbor_on_undefined;
    cb->null = attest_cbor_on_null;
    cb->boolean = attest_cbor_on_bool;
    cb->indef_break = attest_cbor_on_break;
}


static void
attest_cbor_set(void *ctx, attest_cbor_type_e type, uint64_t value)
{
    attest_cbor_item_t  *item = ctx;

    item->type = type;
    item->value = value;
}


static void
attest_cbor_set_indefinite(void *ctx, attest_cbor_type_e type)
{
    attest_cbor_item_t  *item = ctx;

    item->type = type;
    item->indefinite = 1;
}


static void
attest_cbor_set_string(void *ctx, attest_cbor_type_e type, cbor_data p,
    attest_cbor_len_t n)
{
    attest_cbor_item_t  *item = ctx;

    item->type = type;
    item->value = n;
    item->bytes.p = p;
    item->bytes.n = (size_t) n;          /* all of it lies there */
}


static void
attest_cbor_on_uint8(void *ctx, uint8_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_UINT, v);
}


static void
attest_cbor_on_uint16(void *ctx, uint16_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_UINT, v);
}


static void
attest_cbor_on_uint32(void *ctx, uint32_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_UINT, v);
}


static void
attest_cbor_on_uint64(void *ctx, uint64_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_UINT, v);
}


static void
attest_cbor_on_nint8(void *ctx, uint8_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_NINT, v);
}


static void
attest_cbor_on_nint16(void *ctx, uint16_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_NINT, v);
}


static void
attest_cbor_on_nint32(void *ctx, uint32_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_NINT, v);
}


static void
attest_cbor_on_nint64(void *ctx, uint64_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_NINT, v);
}


static void
attest_cbor_on_bytes(void *ctx, cbor_data p, attest_cbor_len_t n)
{
    attest_cbor_set_string(ctx, ATTEST_CBOR_BYTES, p, n);
}


static void
attest_cbor_on_text(void *ctx, cbor_data p, attest_cbor_len_t n)
{
    attest_cbor_set_string(ctx, ATTEST_CBOR_TEXT, p, n);
}


static void
attest_cbor_on_bytes_start(void *ctx)
{
    attest_cbor_set_indefinite(ctx, ATTEST_CBOR_BYTES);
}


static void
attest_cbor_on_text_start(void *ctx)
{
    attest_cbor_set_indefinite(ctx, ATTEST_CBOR_TEXT);
}


static void
attest_cbor_on_array(void *ctx, attest_cbor_len_t n)
{
    attest_cbor_set(ctx, ATTEST_CBOR_ARRAY, n);
}


static void
attest_cbor_on_map(void *ctx, attest_cbor_len_t n)
{
    attest_cbor_set(ctx, ATTEST_CBOR_MAP, n);
}


static void
attest_cbor_on_array_start(void *ctx)
{
    attest_cbor_set_indefinite(ctx, ATTEST_CBOR_ARRAY);
}


static void
attest_cbor_on_map_start(void *ctx)
{
    attest_cbor_set_indefinite(ctx, ATTEST_CBOR_MAP);
}


static void
attest_cbor_on_tag(void *ctx, uint64_t v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_TAG, v);
}


static void
attest_cbor_on_half(void *ctx, float v)
{
    (void) v;
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, 25);
}


static void
attest_cbor_on_single(void *ctx, float v)
{
    (void) v;
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, 26);
}


static void
attest_cbor_on_double(void *ctx, double v)
{
    (void) v;
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, 27);
}


static void
attest_cbor_on_undefined(void *ctx)
{
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, 23);
}


static void
attest_cbor_on_null(void *ctx)
{
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, 22);
}


static void
attest_cbor_on_bool(void *ctx, bool v)
{
    attest_cbor_set(ctx, ATTEST_CBOR_SIMPLE, v ? 21 : 20);
}


static void
attest_cbor_on_break(void *ctx)
{
    attest_cbor_set(ctx, ATTEST_CBOR_BREAK, 0);
}
