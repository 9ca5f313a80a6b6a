/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads a request of Binary HTTP, piece by piece as it is decrypted, into the
 * place that the caller gives: control data, fields, content, trailers.
 */


#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "core/prompt/attest_bhttp.h"


#define ATTEST_BHTTP_INDETERMINATE(d)  ((d)->framing & 2)


/* What the next byte belongs to. */

enum {
    ATTEST_BHTTP_S_FRAMING = 0,
    ATTEST_BHTTP_S_CONTROL_LEN,            /* method, scheme, ... */
    ATTEST_BHTTP_S_CONTROL,
    ATTEST_BHTTP_S_STATUS,
    ATTEST_BHTTP_S_SECTION_LEN,            /* known length only */
    ATTEST_BHTTP_S_NAME_LEN,
    ATTEST_BHTTP_S_NAME,
    ATTEST_BHTTP_S_VALUE_LEN,
    ATTEST_BHTTP_S_VALUE,
    ATTEST_BHTTP_S_CONTENT_LEN,            /* whole, or of a chunk */
    ATTEST_BHTTP_S_CONTENT,
    ATTEST_BHTTP_S_PADDING
};

enum {
    ATTEST_BHTTP_P_METHOD = 0,
    ATTEST_BHTTP_P_SCHEME,
    ATTEST_BHTTP_P_AUTHORITY,
    ATTEST_BHTTP_P_PATH
};


static int attest_bhttp_bad(attest_bhttp_decoder_t *d, int rc,
    const char *why);
static bool attest_bhttp_in_section(const attest_bhttp_decoder_t *d);
static int attest_bhttp_step(attest_bhttp_decoder_t *d, const uint8_t *p,
    size_t n, size_t *used);
static int attest_bhttp_step_varint(attest_bhttp_decoder_t *d,
    const uint8_t *p, size_t n, size_t *used);
static int attest_bhttp_step_item(attest_bhttp_decoder_t *d,
    const uint8_t *p, size_t n, size_t *used);
static int attest_bhttp_step_content(attest_bhttp_decoder_t *d,
    const uint8_t *p, size_t n, size_t *used);
static int attest_bhttp_step_padding(attest_bhttp_decoder_t *d,
    const uint8_t *p, size_t n, size_t *used);
static int attest_bhttp_number(attest_bhttp_decoder_t *d, uint64_t v);
static int attest_bhttp_item_start(attest_bhttp_decoder_t *d, uint64_t len,
    size_t max);
static int attest_bhttp_item(attest_bhttp_decoder_t *d);
static int attest_bhttp_framing(attest_bhttp_decoder_t *d, uint64_t v);
static int attest_bhttp_control_len(attest_bhttp_decoder_t *d, uint64_t len);
static int attest_bhttp_control(attest_bhttp_decoder_t *d);
static bool attest_bhttp_is_control(const attest_bhttp_decoder_t *d,
    attest_span_t s);
static int attest_bhttp_status(attest_bhttp_decoder_t *d, uint64_t status);
static void attest_bhttp_section_start(attest_bhttp_decoder_t *d);
static int attest_bhttp_section_len(attest_bhttp_decoder_t *d, uint64_t len);
static int attest_bhttp_section_end(attest_bhttp_decoder_t *d);
static int attest_bhttp_head(attest_bhttp_decoder_t *d);
static int attest_bhttp_target(attest_bhttp_decoder_t *d);
static int attest_bhttp_name_len(attest_bhttp_decoder_t *d, uint64_t len);
static int attest_bhttp_name(attest_bhttp_decoder_t *d);
static int attest_bhttp_value_len(attest_bhttp_decoder_t *d, uint64_t len);
static int attest_bhttp_value(attest_bhttp_decoder_t *d);
static int attest_bhttp_host(attest_bhttp_decoder_t *d, attest_span_t value);
static int attest_bhttp_content_len(attest_bhttp_decoder_t *d, uint64_t len);


void
attest_bhttp_limits_default(attest_bhttp_limits_t *limits,
    size_t max_content, size_t max_total)
{
    limits->max_method = 32;
    limits->max_scheme = 8;
    limits->max_authority = 256;
    limits->max_path = 8192;
    limits->max_name = 256;
    limits->max_value = 16384;
    limits->max_fields = 128;
    limits->max_field_bytes = 65536;
    limits->max_trailers = 32;
    limits->max_informational = 16;
    limits->max_content = max_content;
    limits->max_total = max_total;
}


/* Control data, the host field and one field line lie side by side. */

size_t
attest_bhttp_scratch(const attest_bhttp_limits_t *limits)
{
    size_t  i, sum = 0;

    const size_t  part[] = {
        limits->max_method, limits->max_scheme, limits->max_authority,
        limits->max_path, limits->max_authority, limits->max_name,
        limits->max_value
    };

    for (i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
        if (part[i] > SIZE_MAX - sum) {
            return 0;
        }

        sum += part[i];
    }

    return sum;
}


int
attest_bhttp_decoder_init(attest_bhttp_decoder_t *d, attest_bhttp_kind_e kind,
    const attest_bhttp_limits_t *limits,
    const attest_bhttp_handler_t *handler, void *data, uint8_t *scratch,
    size_t room)
{
    size_t  need = attest_bhttp_scratch(limits);

    memset(d, 0, sizeof(*d));

    if (need == 0) {
        return ATTEST_EARG;
    }

    if (room < need) {
        return ATTEST_ENOSPACE;
    }

    d->kind = kind;
    d->limits = *limits;
    d->handler = *handler;
    d->data = data;
    d->scratch = scratch;
    d->room = need;

    return ATTEST_OK;
}


void
attest_bhttp_decoder_clear(attest_bhttp_decoder_t *d)
{
    if (d->used != 0) {
        OPENSSL_cleanse(d->scratch, d->used);
    }

    OPENSSL_cleanse(d, sizeof(*d));
}


static int
attest_bhttp_bad(attest_bhttp_decoder_t *d, int rc, const char *why)
{
    d->why = why;

    return rc;
}


int
attest_bhttp_feed(attest_bhttp_decoder_t *d, const uint8_t *p, size_t n)
{
    int     rc = ATTEST_OK;
    size_t  used, left;

    if (d->rc != ATTEST_OK) {
        return d->rc;
    }

    if (d->room == 0) {
        return ATTEST_EARG;
    }

    while (rc == ATTEST_OK && n != 0) {
        left = d->limits.max_total - d->total;

        if (left == 0) {
            rc = attest_bhttp_bad(d, ATTEST_ELIMIT, "message too long");
            break;
        }

        rc = attest_bhttp_step(d, p, n < left ? n : left, &used);

        d->total += used;
        p += used;
        n -= used;
    }

    if (rc != ATTEST_OK) {
        d->rc = rc;
        memset(&d->request, 0, sizeof(d->request));
        OPENSSL_cleanse(d->scratch, d->used);
    }

    return rc;
}


int
attest_bhttp_finish(attest_bhttp_decoder_t *d)
{
    int  rc = ATTEST_OK, cut;

    if (d->rc != ATTEST_OK) {
        return d->rc;
    }

    /*
     * RFC 9292 section 3.8: empty sections at the end may be missing.  An
     * interim head is followed by another one, so its end may not, nor the
     * end of a section or of content that is not empty.
     */

    cut = d->varint.got != 0
          || (d->state != ATTEST_BHTTP_S_PADDING
              && d->state != ATTEST_BHTTP_S_SECTION_LEN
              && d->state != ATTEST_BHTTP_S_NAME_LEN
              && d->state != ATTEST_BHTTP_S_CONTENT_LEN)
          || (d->state == ATTEST_BHTTP_S_NAME_LEN
              && (!ATTEST_BHTTP_INDETERMINATE(d) || d->fields != 0))
          || (d->state == ATTEST_BHTTP_S_CONTENT_LEN && d->chunks != 0)
          || d->interim;

    if (d->room == 0 || cut) {
        rc = attest_bhttp_bad(d, ATTEST_EFORMAT, "message cut short");
    }

    while (rc == ATTEST_OK && d->state != ATTEST_BHTTP_S_PADDING) {
        rc = attest_bhttp_number(d, 0);
    }

    if (rc != ATTEST_OK) {
        d->rc = rc;
        memset(&d->request, 0, sizeof(d->request));
        OPENSSL_cleanse(d->scratch, d->used);
    }

    return rc;
}


/* Within field lines that a length bounds. */

static bool
attest_bhttp_in_section(const attest_bhttp_decoder_t *d)
{
    return !ATTEST_BHTTP_INDETERMINATE(d)
           && d->state >= ATTEST_BHTTP_S_NAME_LEN
           && d->state <= ATTEST_BHTTP_S_VALUE;
}


static int
attest_bhttp_step(attest_bhttp_decoder_t *d, const uint8_t *p, size_t n,
    size_t *used)
{
    *used = 0;

    if (attest_bhttp_in_section(d)) {
        if (d->section == 0) {
            return attest_bhttp_bad(d, ATTEST_EFORMAT,
                                    "field line longer than its section");
        }

        n = n < d->section ? n : (size_t) d->section;
    }

    switch (d->state) {

    case ATTEST_BHTTP_S_CONTROL:
    case ATTEST_BHTTP_S_NAME:
    case ATTEST_BHTTP_S_VALUE:
        return attest_bhttp_step_item(d, p, n, used);

    case ATTEST_BHTTP_S_CONTENT:
        return attest_bhttp_step_content(d, p, n, used);

    case ATTEST_BHTTP_S_PADDING:
        return attest_bhttp_step_padding(d, p, n, used);

    default:
        return attest_bhttp_step_varint(d, p, n, used);
    }
}


static int
attest_bhttp_step_varint(attest_bhttp_decoder_t *d, const uint8_t *p,
    size_t n, size_t *used)
{
    uint64_t  v;

    *used = attest_varint_feed(&d->varint, p, n);

    if (attest_bhttp_in_section(d)) {
        d->section -= *used;
    }

    if (!attest_varint_whole(&d->varint)) {
        return ATTEST_OK;
    }

    v = d->varint.value;
    memset(&d->varint, 0, sizeof(d->varint));

    return attest_bhttp_number(d, v);
}


static int
attest_bhttp_step_item(attest_bhttp_decoder_t *d, const uint8_t *p, size_t n,
    size_t *used)
{
    n = n < d->need ? n : d->need;

    memcpy(d->item + d->item_len, p, n);
    d->item_len += n;
    d->need -= n;
    *used = n;

    if (attest_bhttp_in_section(d)) {
        d->section -= n;
    }

    return d->need == 0 ? attest_bhttp_item(d) : ATTEST_OK;
}


static int
attest_bhttp_step_content(attest_bhttp_decoder_t *d, const uint8_t *p,
    size_t n, size_t *used)
{
    int            rc = ATTEST_OK;
    attest_span_t  piece;

    n = n < d->left ? n : (size_t) d->left;

    piece = attest_span(p, n);

    *used = n;
    d->left -= n;
    d->content += n;

    if (d->handler.content != NULL) {
        rc = d->handler.content(d->data, piece);
    }

    if (rc == ATTEST_OK && d->left == 0) {
        if (ATTEST_BHTTP_INDETERMINATE(d)) {
            d->state = ATTEST_BHTTP_S_CONTENT_LEN;

        } else {
            attest_bhttp_section_start(d);
        }
    }

    return rc;
}


static int
attest_bhttp_step_padding(attest_bhttp_decoder_t *d, const uint8_t *p,
    size_t n, size_t *used)
{
    for (*used = 0; *used < n; (*used)++) {
        if (p[*used] != 0) {
            return attest_bhttp_bad(d, ATTEST_EFORMAT,
                                    "padding that is not zero");
        }
    }

    return ATTEST_OK;
}


/* A whole varint; in attest_bhttp_finish() a 0 that was left out. */

static int
attest_bhttp_number(attest_bhttp_decoder_t *d, uint64_t v)
{
    switch (d->state) {

    case ATTEST_BHTTP_S_FRAMING:
        return attest_bhttp_framing(d, v);

    case ATTEST_BHTTP_S_CONTROL_LEN:
        return attest_bhttp_control_len(d, v);

    case ATTEST_BHTTP_S_STATUS:
        return attest_bhttp_status(d, v);

    case ATTEST_BHTTP_S_SECTION_LEN:
        return attest_bhttp_section_len(d, v);

    case ATTEST_BHTTP_S_NAME_LEN:
        return attest_bhttp_name_len(d, v);

    case ATTEST_BHTTP_S_VALUE_LEN:
        return attest_bhttp_value_len(d, v);

    default:
        return attest_bhttp_content_len(d, v);
    }
}


/* Room behind what is kept was counted in attest_bhttp_scratch(). */

static int
attest_bhttp_item_start(attest_bhttp_decoder_t *d, uint64_t len, size_t max)
{
    if (len > max) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "name, value or control "
                                "data too long");
    }

    d->item = d->scratch + d->kept;
    d->item_len = 0;
    d->need = (size_t) len;

    if (d->used < d->kept + d->need) {
        d->used = d->kept + d->need;
    }

    d->state++;

    return len == 0 ? attest_bhttp_item(d) : ATTEST_OK;
}


static int
attest_bhttp_item(attest_bhttp_decoder_t *d)
{
    switch (d->state) {

    case ATTEST_BHTTP_S_CONTROL:
        return attest_bhttp_control(d);

    case ATTEST_BHTTP_S_NAME:
        return attest_bhttp_name(d);

    default:
        return attest_bhttp_value(d);
    }
}


static int
attest_bhttp_framing(attest_bhttp_decoder_t *d, uint64_t v)
{
    if (v > ATTEST_BHTTP_RESPONSE_INDETERMINATE) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "unknown framing");
    }

    if ((v & 1) != (d->kind == ATTEST_BHTTP_RESPONSE)) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT,
                                "a request for a response or vice versa");
    }

    d->framing = (int) v;
    d->state = d->kind == ATTEST_BHTTP_RESPONSE ? ATTEST_BHTTP_S_STATUS
                                                : ATTEST_BHTTP_S_CONTROL_LEN;

    return ATTEST_OK;
}


static int
attest_bhttp_control_len(attest_bhttp_decoder_t *d, uint64_t len)
{
    switch (d->part) {

    case ATTEST_BHTTP_P_METHOD:
        return attest_bhttp_item_start(d, len, d->limits.max_method);

    case ATTEST_BHTTP_P_SCHEME:
        return attest_bhttp_item_start(d, len, d->limits.max_scheme);

    case ATTEST_BHTTP_P_AUTHORITY:
        return attest_bhttp_item_start(d, len, d->limits.max_authority);

    default:
        return attest_bhttp_item_start(d, len, d->limits.max_path);
    }
}


static int
attest_bhttp_control(attest_bhttp_decoder_t *d)
{
    attest_span_t   s = { d->item, d->item_len };
    attest_span_t  *to[] = {
        &d->request.method, &d->request.scheme, &d->request.authority,
        &d->request.path
    };

    if (!attest_bhttp_is_control(d, s)) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "invalid control data");
    }

    *to[d->part] = s;
    d->kept += s.n;

    if (d->part != ATTEST_BHTTP_P_PATH) {
        d->part++;
        d->state = ATTEST_BHTTP_S_CONTROL_LEN;
        return ATTEST_OK;
    }

    attest_bhttp_section_start(d);

    if (d->handler.request != NULL) {
        return d->handler.request(d->data, &d->request);
    }

    return ATTEST_OK;
}


/*
 * What no request may hold, RFC 9292 section 3.4; that a path begins with a
 * slash depends on the method and is attest_bhttp_check_request()'s.
 */

static bool
attest_bhttp_is_control(const attest_bhttp_decoder_t *d, attest_span_t s)
{
    size_t  i;

    if (d->part == ATTEST_BHTTP_P_AUTHORITY) {
        return s.n == 0 || attest_bhttp_is_authority(s.p, s.n);
    }

    if (d->part != ATTEST_BHTTP_P_PATH) {
        return attest_bhttp_is_token(s.p, s.n);
    }

    for (i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '#') {
            return 0;
        }
    }

    return 1;
}


/* RFC 9292 section 3.5: any number of interim heads, then the final one. */

static int
attest_bhttp_status(attest_bhttp_decoder_t *d, uint64_t status)
{
    if (status < 100 || status > 599) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "status out of range");
    }

    d->interim = status < 200;

    if (d->interim) {
        if (d->informational == d->limits.max_informational) {
            return attest_bhttp_bad(d, ATTEST_ELIMIT, "too many 1xx");
        }

        d->informational++;
    }

    attest_bhttp_section_start(d);

    if (d->handler.response != NULL) {
        return d->handler.response(d->data, (unsigned) status);
    }

    return ATTEST_OK;
}


static void
attest_bhttp_section_start(attest_bhttp_decoder_t *d)
{
    /* content is behind us: this can only be the trailers */
    if (d->state == ATTEST_BHTTP_S_CONTENT
        || d->state == ATTEST_BHTTP_S_CONTENT_LEN)
    {
        d->trailer = 1;
    }

    d->fields = 0;
    d->field_bytes = 0;
    d->state = ATTEST_BHTTP_INDETERMINATE(d) ? ATTEST_BHTTP_S_NAME_LEN
                                             : ATTEST_BHTTP_S_SECTION_LEN;
}


static int
attest_bhttp_section_len(attest_bhttp_decoder_t *d, uint64_t len)
{
    d->section = len;

    if (len == 0) {
        return attest_bhttp_section_end(d);
    }

    d->state = ATTEST_BHTTP_S_NAME_LEN;

    return ATTEST_OK;
}


static int
attest_bhttp_section_end(attest_bhttp_decoder_t *d)
{
    if (d->trailer) {
        d->state = ATTEST_BHTTP_S_PADDING;
        return ATTEST_OK;
    }

    if (d->interim) {
        d->interim = 0;
        d->state = ATTEST_BHTTP_S_STATUS;

    } else {
        d->state = ATTEST_BHTTP_S_CONTENT_LEN;
    }

    return attest_bhttp_head(d);
}


static int
attest_bhttp_head(attest_bhttp_decoder_t *d)
{
    int  rc;

    if (d->kind == ATTEST_BHTTP_REQUEST) {
        rc = attest_bhttp_target(d);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return d->handler.head != NULL ? d->handler.head(d->data) : ATTEST_OK;
}


/* One target: two of them are how one server is talked past another. */

static int
attest_bhttp_target(attest_bhttp_decoder_t *d)
{
    attest_span_t   authority = d->request.authority;
    attest_span_t  *host = &d->request.host;

    if (d->hosts == 0) {
        *host = authority;
    }

    if (host->n == 0) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "no host");
    }

    if (authority.n != 0
        && (authority.n != host->n
            || strncasecmp((const char *) authority.p,
                           (const char *) host->p, host->n) != 0))
    {
        return attest_bhttp_bad(d, ATTEST_EMISMATCH,
                                "authority and host differ");
    }

    return ATTEST_OK;
}


static int
attest_bhttp_name_len(attest_bhttp_decoder_t *d, uint64_t len)
{
    size_t  max = d->trailer ? d->limits.max_trailers : d->limits.max_fields;

    if (len == 0) {
        if (ATTEST_BHTTP_INDETERMINATE(d)) {
            return attest_bhttp_section_end(d);
        }

        return attest_bhttp_bad(d, ATTEST_EFORMAT, "empty field name");
    }

    if (d->fields == max) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "too many fields");
    }

    d->fields++;

    return attest_bhttp_item_start(d, len, d->limits.max_name);
}


/*
 * RFC 9292 section 3.6.  Names that differ only in case are one name to
 * everyone behind us, so case is folded before anything is compared.
 */

static int
attest_bhttp_name(attest_bhttp_decoder_t *d)
{
    size_t  i;

    if (d->item[0] == ':') {
        i = d->item_len;

        if ((i == 5 && memcmp(d->item, ":path", 5) == 0)
            || (i == 7 && memcmp(d->item, ":method", 7) == 0)
            || (i == 7 && memcmp(d->item, ":scheme", 7) == 0)
            || (i == 7 && memcmp(d->item, ":status", 7) == 0)
            || (i == 10 && memcmp(d->item, ":authority", 10) == 0)
            || d->fields != 1 || d->trailer)
        {
            return attest_bhttp_bad(d, ATTEST_EFORMAT,
                                    "pseudo-field out of place");
        }

        return attest_bhttp_bad(d, ATTEST_EUNSUPPORTED, "pseudo-field");
    }

    if (!attest_bhttp_is_token(d->item, d->item_len)) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "invalid field name");
    }

    for (i = 0; i < d->item_len; i++) {
        if (d->item[i] >= 'A' && d->item[i] <= 'Z') {
            d->item[i] |= 0x20;
        }
    }

    d->name = attest_span(d->item, d->item_len);
    d->kept += d->item_len;
    d->state = ATTEST_BHTTP_S_VALUE_LEN;

    return ATTEST_OK;
}


static int
attest_bhttp_value_len(attest_bhttp_decoder_t *d, uint64_t len)
{
    size_t  left;

    /* the name's bytes may be above the limit already */
    if (d->name.n > d->limits.max_field_bytes - d->field_bytes) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "fields too long");
    }

    left = d->limits.max_field_bytes - d->field_bytes - d->name.n;

    if (len > left) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "fields too long");
    }

    d->field_bytes += d->name.n;

    return attest_bhttp_item_start(d, len, d->limits.max_value);
}


static int
attest_bhttp_value(attest_bhttp_decoder_t *d)
{
    int            rc = ATTEST_OK;
    attest_span_t  value = { d->item, d->item_len };

    if (!attest_bhttp_is_value(value.p, value.n)) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "invalid field value");
    }

    if (d->handler.field != NULL) {
        rc = d->handler.field(d->data, d->name, value, d->trailer);
    }

    d->field_bytes += value.n;
    d->kept -= d->name.n;
    d->state = ATTEST_BHTTP_S_NAME_LEN;

    if (rc == ATTEST_OK && d->kind == ATTEST_BHTTP_REQUEST && !d->trailer
        && d->name.n == 4 && memcmp(d->name.p, "host", 4) == 0)
    {
        rc = attest_bhttp_host(d, value);
    }

    if (rc == ATTEST_OK && !ATTEST_BHTTP_INDETERMINATE(d)
        && d->section == 0)
    {
        rc = attest_bhttp_section_end(d);
    }

    return rc;
}


static int
attest_bhttp_host(attest_bhttp_decoder_t *d, attest_span_t value)
{
    if (d->hosts++ != 0 || !attest_bhttp_is_authority(value.p, value.n)) {
        return attest_bhttp_bad(d, ATTEST_EFORMAT, "invalid host");
    }

    if (value.n > d->limits.max_authority) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "host too long");
    }

    /* kept behind the control data, where the field's name was */
    memmove(d->scratch + d->kept, value.p, value.n);
    d->request.host = attest_span(d->scratch + d->kept, value.n);
    d->kept += value.n;

    return ATTEST_OK;
}


static int
attest_bhttp_content_len(attest_bhttp_decoder_t *d, uint64_t len)
{
    if (len > d->limits.max_content - d->content) {
        return attest_bhttp_bad(d, ATTEST_ELIMIT, "content too long");
    }

    if (len == 0) {
        attest_bhttp_section_start(d);
        return ATTEST_OK;
    }

    d->chunks++;
    d->left = len;
    d->state = ATTEST_BHTTP_S_CONTENT;

    return ATTEST_OK;
}
