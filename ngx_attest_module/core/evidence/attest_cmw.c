/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collections of evidence, in CBOR and in JSON: written from items, read into
 * items that lie in the caller's bytes.
 */


#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attest_base64.h"
#include "core/base/attest_cbor.h"
#include "core/evidence/attest_cmw.h"
#include "core/base/attest_json.h"


#define ATTEST_CMW_CTYPE          "__cmwc_t"

#define ATTEST_CMW_MAX_LABEL      64
#define ATTEST_CMW_MAX_TYPE       128
#define ATTEST_CMW_MAX_CTYPE      256

/* Reference values .. appraisal policy, RFC 9999; later bits are unknown. */
#define ATTEST_CMW_IND_ALL        0x1f

/* Members of a collection with its type: commas of the largest JSON form. */
#define ATTEST_CMW_MAX_COMMAS     (3 * ATTEST_MAX_ITEMS)



/* What both encoders write: the members in their order, the type as one. */

typedef struct {
    const attest_cmw_item_t   *members[ATTEST_MAX_ITEMS];
    size_t                     count;
    attest_cmw_item_t          ctype;
} attest_cmw_order_t;


typedef struct {
    char      *p;
    size_t     cap;
    size_t     need;
} attest_cmw_out_t;


static int attest_cmw_arrange(attest_cmw_order_t *order, const char *ctype,
    const attest_cmw_item_t *items, size_t count);
static int attest_cmw_insert(attest_cmw_order_t *order,
    const attest_cmw_item_t *item);
static int attest_cmw_check(const attest_cmw_item_t *item);
static int attest_cmw_cmp(const char *a, const char *b);
static bool attest_cmw_is_text(attest_span_t s, size_t max);
static size_t attest_cmw_value_max(attest_span_t label);
static void attest_cmw_write_record(attest_cmw_out_t *out,
    const attest_cmw_item_t *item);
static void attest_cmw_write(attest_cmw_out_t *out, const char *text);
static void attest_cmw_write_base64(attest_cmw_out_t *out, attest_span_t s);
static int attest_cmw_add(attest_cmw_t *cmw, const attest_cmw_item_t *item);
static int attest_cmw_add_ctype(attest_cmw_t *cmw, attest_span_t ctype);
static int attest_cmw_parse_cbor(const uint8_t *p, size_t n,
    attest_cmw_t *cmw);
static int attest_cmw_cbor_text(attest_cbor_reader_t *r, attest_span_t *s);
static int attest_cmw_cbor_record(attest_cbor_reader_t *r,
    attest_cmw_item_t *item);
static int attest_cmw_cbor_ind(attest_cbor_reader_t *r, unsigned *ind);
static int attest_cmw_parse_json(const uint8_t *p, size_t n,
    attest_cmw_t *cmw);
static int attest_cmw_json_members(const cJSON *root, attest_cmw_t *cmw);
static int attest_cmw_json_record(const cJSON *record, uint8_t **heap,
    attest_cmw_item_t *item);
static int attest_cmw_json_value(const char *text, uint8_t **heap,
    attest_span_t *value);
static int attest_cmw_json_ind(const cJSON *number, unsigned *ind);
static attest_span_t attest_cmw_keep(uint8_t **heap, const char *text);


int
attest_cmw_encode_cbor(const char *ctype, const attest_cmw_item_t *items,
    size_t count, uint8_t *out, size_t *len)
{
    int                        rc;
    size_t                     i, room = *len;
    attest_cmw_order_t         order;
    attest_cbor_writer_t       w;
    const attest_cmw_item_t   *item;

    rc = attest_cmw_arrange(&order, ctype, items, count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_cbor_writer_init(&w, out, room);
    attest_cbor_put_map(&w, order.count);

    for (i = 0; i < order.count; i++) {
        item = order.members[i];
        attest_cbor_put_text(&w, item->label);

        if (item == &order.ctype) {
            attest_cbor_put_text(&w, ctype);
            continue;
        }

        attest_cbor_put_array(&w, (item->ind != 0) ? 3 : 2);
        attest_cbor_put_text(&w, item->type);
        attest_cbor_put_bytes(&w, item->value.p, item->value.n);
        if (item->ind != 0) {
            attest_cbor_put_uint(&w, item->ind);
        }
    }

    rc = attest_cbor_writer_done(&w, len);
    return (*len > ATTEST_MAX_DOCUMENT) ? ATTEST_ELIMIT : rc;
}


int
attest_cmw_encode_json(const char *ctype, const attest_cmw_item_t *items,
    size_t count, char *out, size_t *len)
{
    int                        rc;
    size_t                     i;
    attest_cmw_out_t           w = { out, *len, 0 };
    attest_cmw_order_t         order;
    const attest_cmw_item_t   *item;

    rc = attest_cmw_arrange(&order, ctype, items, count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_cmw_write(&w, "{");

    for (i = 0; i < order.count; i++) {
        item = order.members[i];

        attest_cmw_write(&w, (i == 0) ? "\"" : ",\"");
        attest_cmw_write(&w, item->label);
        attest_cmw_write(&w, "\":");

        if (item == &order.ctype) {
            attest_cmw_write(&w, "\"");
            attest_cmw_write(&w, ctype);
            attest_cmw_write(&w, "\"");
            continue;
        }

        attest_cmw_write_record(&w, item);
    }

    attest_cmw_write(&w, "}");

    *len = w.need;
    if (w.need > ATTEST_MAX_DOCUMENT) {
        return ATTEST_ELIMIT;
    }
    return (w.need <= w.cap) ? ATTEST_OK : ATTEST_ENOSPACE;
}


int
attest_cmw_parse(const uint8_t *p, size_t n, attest_cmw_t *cmw)
{
    int  rc;

    memset(cmw, 0, sizeof(attest_cmw_t));

    if (n == 0) {
        return ATTEST_EFORMAT;
    }

    if (n > ATTEST_MAX_DOCUMENT) {
        return ATTEST_ELIMIT;
    }

    /* RFC 9999: the first byte tells the forms apart */

    if (p[0] == '{') {
        rc = attest_cmw_parse_json(p, n, cmw);

    } else if (p[0] >= 0xa0 && p[0] <= 0xbf) {
        rc = attest_cmw_parse_cbor(p, n, cmw);

    } else if (p[0] == '[' || p[0] == 0x82 || p[0] == 0x83 || p[0] == 0x9f
               || p[0] == 0xda)
    {
        rc = ATTEST_EUNSUPPORTED;

    } else {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK && cmw->count == 0) {
        rc = ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        attest_cmw_free(cmw);
    }
    return rc;
}


void
attest_cmw_free(attest_cmw_t *cmw)
{
    free(cmw->heap);
    memset(cmw, 0, sizeof(attest_cmw_t));
}


const attest_cmw_item_t *
attest_cmw_find(const attest_cmw_t *cmw, const char *label)
{
    size_t  i;

    for (i = 0; i < cmw->count; i++) {
        if (attest_span_is(cmw->items[i].label_in, label)) {
            return &cmw->items[i];
        }
    }

    return NULL;
}


static int
attest_cmw_arrange(attest_cmw_order_t *order, const char *ctype,
    const attest_cmw_item_t *items, size_t count)
{
    int     rc;
    size_t  i;

    memset(order, 0, sizeof(attest_cmw_order_t));

    /* one place is for the type of the collection */

    if (count == 0 || count > ATTEST_MAX_ITEMS - 1) {
        return ATTEST_EARG;
    }

    if (ctype != NULL) {
        if (!attest_cmw_is_text(attest_span_text(ctype),
                                ATTEST_CMW_MAX_CTYPE))
        {
            return ATTEST_EARG;
        }

        order->ctype.label = ATTEST_CMW_CTYPE;
        order->members[order->count++] = &order->ctype;
    }

    for (i = 0; i < count; i++) {
        rc = attest_cmw_check(&items[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }

        rc = attest_cmw_insert(order, &items[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_cmw_insert(attest_cmw_order_t *order, const attest_cmw_item_t *item)
{
    int     cmp;
    size_t  i;

    for (i = order->count; i > 0; i--) {
        cmp = attest_cmw_cmp(order->members[i - 1]->label, item->label);
        if (cmp == 0) {
            return ATTEST_EARG;
        }

        if (cmp < 0) {
            break;
        }

        order->members[i] = order->members[i - 1];
    }

    order->members[i] = item;
    order->count++;
    return ATTEST_OK;
}


/* May this member be written? */

static int
attest_cmw_check(const attest_cmw_item_t *item)
{
    attest_span_t  label;

    if (item->label == NULL || item->type == NULL
        || (item->value.p == NULL && item->value.n != 0))
    {
        return ATTEST_EARG;
    }

    label = attest_span_text(item->label);

    if (!attest_cmw_is_text(label, ATTEST_CMW_MAX_LABEL)
        || !attest_cmw_is_text(attest_span_text(item->type),
                               ATTEST_CMW_MAX_TYPE)
        || attest_span_is(label, ATTEST_CMW_CTYPE)
        || (item->ind & ~(unsigned) ATTEST_CMW_IND_ALL) != 0)
    {
        return ATTEST_EARG;
    }

    if (item->value.n > attest_cmw_value_max(label)) {
        return ATTEST_ELIMIT;
    }

    return ATTEST_OK;
}


/*
 * RFC 8949 section 4.2.1, bytewise order of the encoded keys: with shortest
 * heads that is the shorter text first, then its bytes.
 */

static int
attest_cmw_cmp(const char *a, const char *b)
{
    size_t  m = strlen(a), n = strlen(b);

    if (m != n) {
        return (m < n) ? -1 : 1;
    }

    return memcmp(a, b, n);
}


/* Text that needs no escaping in JSON and is safe to show. */

static bool
attest_cmw_is_text(attest_span_t s, size_t max)
{
    size_t  i;

    if (s.n == 0 || s.n > max) {
        return 0;
    }

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '"'
            || s.p[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


static size_t
attest_cmw_value_max(attest_span_t label)
{
    return attest_cmw_is_large(label) ? ATTEST_MAX_LOG : ATTEST_MAX_ITEM;
}


bool
attest_cmw_is_large(attest_span_t label)
{
    return (attest_kind_item_is(label) & ATTEST_IS_LARGE) != 0;
}


static void
attest_cmw_write_record(attest_cmw_out_t *out, const attest_cmw_item_t *item)
{
    char    ind[4] = ",";
    size_t  n = 1;

    attest_cmw_write(out, "[\"");
    attest_cmw_write(out, item->type);
    attest_cmw_write(out, "\",\"");
    attest_cmw_write_base64(out, item->value);
    attest_cmw_write(out, "\"");

    if (item->ind != 0) {

        /* ATTEST_CMW_IND_ALL has two digits */

        if (item->ind >= 10) {
            ind[n++] = (char) ('0' + item->ind / 10);
        }
        ind[n++] = (char) ('0' + item->ind % 10);
        ind[n] = '\0';
        attest_cmw_write(out, ind);
    }

    attest_cmw_write(out, "]");
}


static void
attest_cmw_write(attest_cmw_out_t *out, const char *text)
{
    size_t  n = strlen(text);

    /* past the end `need` only grows, so nothing is written out of place */

    if (out->need <= out->cap && n <= out->cap - out->need) {
        memcpy(out->p + out->need, text, n);
    }

    out->need += n;
}


static void
attest_cmw_write_base64(attest_cmw_out_t *out, attest_span_t s)
{
    size_t  n;

    if (s.n == 0) {
        return;
    }

    /*
     * A terminator is written, for which there is room because a quote comes
     * next: without room for the quote the whole does not fit anyway.
     */

    n = attest_base64_len(s.n, ATTEST_BASE64_URL);

    if (out->need <= out->cap && n < out->cap - out->need) {
        attest_base64_encode(out->p + out->need, s, ATTEST_BASE64_URL);
    }

    out->need += n;
}


/* A member that was read, of either form. */

static int
attest_cmw_add(attest_cmw_t *cmw, const attest_cmw_item_t *item)
{
    size_t  i;

    if (!attest_cmw_is_text(item->label_in, ATTEST_CMW_MAX_LABEL)
        || !attest_cmw_is_text(item->type_in, ATTEST_CMW_MAX_TYPE))
    {
        return ATTEST_EUNSUPPORTED;
    }

    if (item->value.n > attest_cmw_value_max(item->label_in)
        || cmw->count == ATTEST_MAX_ITEMS - 1)
    {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < cmw->count; i++) {
        if (attest_span_eq(cmw->items[i].label_in, item->label_in)) {
            return ATTEST_EFORMAT;
        }
    }

    cmw->items[cmw->count++] = *item;
    return ATTEST_OK;
}


static int
attest_cmw_add_ctype(attest_cmw_t *cmw, attest_span_t ctype)
{
    if (cmw->ctype.n != 0) {
        return ATTEST_EFORMAT;
    }

    if (!attest_cmw_is_text(ctype, ATTEST_CMW_MAX_CTYPE)) {
        return ATTEST_EUNSUPPORTED;
    }

    cmw->ctype = ctype;
    return ATTEST_OK;
}


/* { ? "__cmwc_t": tstr, + label: [ type, value, ? ind ] } */

static int
attest_cmw_parse_cbor(const uint8_t *p, size_t n, attest_cmw_t *cmw)
{
    int                    rc;
    uint64_t               i, count;
    attest_span_t          ctype;
    attest_cmw_item_t      item;
    attest_cbor_reader_t   r;

    attest_cbor_reader_init(&r, p, n, 0);

    rc = attest_cbor_read_map(&r, &count);

    for (i = 0; rc == ATTEST_OK && i < count; i++) {
        memset(&item, 0, sizeof(attest_cmw_item_t));

        rc = attest_cmw_cbor_text(&r, &item.label_in);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (attest_span_is(item.label_in, ATTEST_CMW_CTYPE)) {
            rc = attest_cmw_cbor_text(&r, &ctype);
            if (rc == ATTEST_OK) {
                rc = attest_cmw_add_ctype(cmw, ctype);
            }
            continue;
        }

        rc = attest_cmw_cbor_record(&r, &item);
        if (rc == ATTEST_OK) {
            rc = attest_cmw_add(cmw, &item);
        }
    }

    return (rc == ATTEST_OK) ? attest_cbor_done(&r) : rc;
}


/* Labels and types may be numbers, the type of a collection a tagged OID. */

static int
attest_cmw_cbor_text(attest_cbor_reader_t *r, attest_span_t *s)
{
    int                  rc;
    attest_cbor_item_t   item;

    rc = attest_cbor_next(r, &item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    switch (item.type) {
    case ATTEST_CBOR_TEXT:
        *s = item.bytes;
        return ATTEST_OK;

    case ATTEST_CBOR_UINT:
    case ATTEST_CBOR_NINT:
    case ATTEST_CBOR_TAG:
        return ATTEST_EUNSUPPORTED;

    default:
        return ATTEST_EFORMAT;
    }
}


static int
attest_cmw_cbor_record(attest_cbor_reader_t *r, attest_cmw_item_t *item)
{
    int                  rc;
    attest_cbor_item_t   head;

    rc = attest_cbor_next(r, &head);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (head.type == ATTEST_CBOR_TAG || head.type == ATTEST_CBOR_MAP) {
        return ATTEST_EUNSUPPORTED;
    }

    if (head.type != ATTEST_CBOR_ARRAY || head.value < 2 || head.value > 3) {
        return ATTEST_EFORMAT;
    }

    rc = attest_cmw_cbor_text(r, &item->type_in);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_cbor_read_bytes(r, &item->value);
    if (rc != ATTEST_OK || head.value == 2) {
        return rc;
    }

    return attest_cmw_cbor_ind(r, &item->ind);
}


static int
attest_cmw_cbor_ind(attest_cbor_reader_t *r, unsigned *ind)
{
    int       rc;
    uint64_t  v;

    rc = attest_cbor_read_uint(r, &v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /* RFC 9999: no bit at all is written by leaving the indicator out */

    if (v == 0) {
        return ATTEST_EFORMAT;
    }

    if (v > ATTEST_CMW_IND_ALL) {
        return ATTEST_EUNSUPPORTED;
    }

    *ind = (unsigned) v;
    return ATTEST_OK;
}


static int
attest_cmw_parse_json(const uint8_t *p, size_t n, attest_cmw_t *cmw)
{
    int                                rc;
    cJSON                             *root;
    static const attest_json_rules_t   rules = {
        .max_commas = ATTEST_CMW_MAX_COMMAS
    };

    rc = attest_json_parse(attest_span(p, n), &rules, &root, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /* everything decoded is shorter than its JSON form */

    rc = ATTEST_EINTERNAL;
    cmw->heap = malloc(n);

    if (cmw->heap != NULL) {
        rc = attest_cmw_json_members(root, cmw);
    }

    cJSON_Delete(root);
    return rc;
}


/* { ? "__cmwc_t": text, + label: [ type, base64url, ? ind ] } */

static int
attest_cmw_json_members(const cJSON *root, attest_cmw_t *cmw)
{
    int                  rc = ATTEST_OK;
    uint8_t             *heap = cmw->heap;
    const cJSON         *member;
    attest_cmw_item_t    item;

    if (!cJSON_IsObject(root)) {
        return ATTEST_EFORMAT;
    }

    for (member = root->child;
         rc == ATTEST_OK && member != NULL;
         member = member->next)
    {
        if (strcmp(member->string, ATTEST_CMW_CTYPE) == 0) {
            if (!cJSON_IsString(member)) {
                return ATTEST_EFORMAT;
            }

            rc = attest_cmw_add_ctype(cmw, attest_cmw_keep(&heap,
                                                     member->valuestring));
            continue;
        }

        memset(&item, 0, sizeof(attest_cmw_item_t));
        item.label_in = attest_cmw_keep(&heap, member->string);

        rc = attest_cmw_json_record(member, &heap, &item);
        if (rc == ATTEST_OK) {
            rc = attest_cmw_add(cmw, &item);
        }
    }

    return rc;
}


static int
attest_cmw_json_record(const cJSON *record, uint8_t **heap,
    attest_cmw_item_t *item)
{
    int           rc;
    const cJSON  *type, *value, *ind;

    if (cJSON_IsObject(record)) {
        return ATTEST_EUNSUPPORTED;
    }

    if (!cJSON_IsArray(record)) {
        return ATTEST_EFORMAT;
    }

    type = record->child;
    value = (type != NULL) ? type->next : NULL;
    ind = (value != NULL) ? value->next : NULL;

    if (value == NULL || (ind != NULL && ind->next != NULL)
        || !cJSON_IsString(value))
    {
        return ATTEST_EFORMAT;
    }

    if (!cJSON_IsString(type)) {
        return cJSON_IsNumber(type) ? ATTEST_EUNSUPPORTED : ATTEST_EFORMAT;
    }

    item->type_in = attest_cmw_keep(heap, type->valuestring);

    rc = attest_cmw_json_value(value->valuestring, heap, &item->value);
    if (rc != ATTEST_OK || ind == NULL) {
        return rc;
    }

    return attest_cmw_json_ind(ind, &item->ind);
}


static int
attest_cmw_json_value(const char *text, uint8_t **heap, attest_span_t *value)
{
    int            rc;
    attest_span_t  s = attest_span_text(text);

    rc = attest_base64_decode(s, ATTEST_BASE64_URL, *heap, s.n, &value->n);
    if (rc != ATTEST_OK) {
        return rc;
    }

    value->p = *heap;
    *heap += value->n;
    return ATTEST_OK;
}


static int
attest_cmw_json_ind(const cJSON *number, unsigned *ind)
{
    if (!cJSON_IsNumber(number) || !(number->valuedouble >= 1.0)) {
        return ATTEST_EFORMAT;
    }

    if (number->valuedouble > (double) ATTEST_CMW_IND_ALL) {
        return ATTEST_EUNSUPPORTED;
    }

    *ind = (unsigned) number->valuedouble;
    return (number->valuedouble == (double) *ind) ? ATTEST_OK
                                                  : ATTEST_EFORMAT;
}


static attest_span_t
attest_cmw_keep(uint8_t **heap, const char *text)
{
    attest_span_t  s = { *heap, strlen(text) };

    memcpy(*heap, text, s.n);
    *heap += s.n;
    return s;
}
