/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a GPU signed: an SPDM request and the answer to it, taken apart.
 */


#include <string.h>

#include "core/crypto/attest_es384.h"
#include "core/evidence/attest_spdm.h"
#include "core/base/attest_wire.h"


/* DSP0274: version 1.1, GET_MEASUREMENTS and MEASUREMENTS */
#define ATTEST_SPDM_VERSION      0x11
#define ATTEST_SPDM_GET          0xe0
#define ATTEST_SPDM_RESPONSE     0x60
#define ATTEST_SPDM_SIGNED       0x01        /* request: sign it */
#define ATTEST_SPDM_ALL          0xff        /* request: all measurements */
#define ATTEST_SPDM_DMTF         0x01        /* form of a measurement */

/* the longest that was seen has 108 bytes */
#define ATTEST_SPDM_MAX_VALUE    256

/* of versioned opaque data */
#define ATTEST_SPDM_MAGIC        "NVDAOD"
#define ATTEST_SPDM_MAGIC_LEN    6
#define ATTEST_SPDM_MAX_MAJOR    2


static int attest_spdm_request(attest_wire_t *w, attest_spdm_t *s);
static int attest_spdm_response(attest_wire_t *w, attest_spdm_t *s);
static int attest_spdm_read_block(attest_wire_t *w,
    attest_spdm_block_t *block);
static int attest_spdm_record(const attest_spdm_t *s);
static int attest_spdm_head(attest_spdm_t *s);
static void attest_spdm_read_field(const attest_spdm_t *s, attest_wire_t *w,
    attest_spdm_field_t *field);
static int attest_spdm_fields(const attest_spdm_t *s);


int
attest_spdm_parse(const uint8_t *p, size_t n, attest_spdm_t *s)
{
    int             rc;
    attest_wire_t   w;

    memset(s, 0, sizeof(attest_spdm_t));

    if (n > ATTEST_SPDM_MAX) {
        return ATTEST_ELIMIT;
    }

    attest_wire_init(&w, p, n);

    rc = attest_spdm_request(&w, s);

    if (rc == ATTEST_OK) {
        rc = attest_spdm_response(&w, s);
    }

    if (rc == ATTEST_OK) {
        s->signed_part = attest_span(p, n - s->signature.n);
        rc = attest_spdm_record(s);
    }

    if (rc == ATTEST_OK) {
        rc = attest_spdm_head(s);
    }

    if (rc == ATTEST_OK) {
        rc = attest_spdm_fields(s);
    }

    if (rc != ATTEST_OK) {
        memset(s, 0, sizeof(attest_spdm_t));
    }

    return rc;
}


/* DSP0274 1.1, GET_MEASUREMENTS: 11 e0 01 ff, nonce[32], slot */

static int
attest_spdm_request(attest_wire_t *w, attest_spdm_t *s)
{
    unsigned  version, code, attributes, operation;

    version = attest_wire_u8(w);
    code = attest_wire_u8(w);
    attributes = attest_wire_u8(w);
    operation = attest_wire_u8(w);
    s->nonce = attest_wire_take(w, ATTEST_SPDM_NONCE);
    s->slot = attest_wire_u8(w);

    if (w->bad || code != ATTEST_SPDM_GET) {
        return ATTEST_EFORMAT;
    }

    if (version != ATTEST_SPDM_VERSION) {
        return ATTEST_EUNSUPPORTED;
    }

    return attributes == ATTEST_SPDM_SIGNED && operation == ATTEST_SPDM_ALL
           && s->slot < 8 ? ATTEST_OK : ATTEST_EFORMAT;
}


/*
 * DSP0274 1.1, MEASUREMENTS: 11 60 00 slot, number of blocks, u24le length
 * of their record, the record, nonce[32], u16le length and opaque data, and
 * the signature
 */

static int
attest_spdm_response(attest_wire_t *w, attest_spdm_t *s)
{
    size_t    length;
    unsigned  version, code, param, slot;

    version = attest_wire_u8(w);
    code = attest_wire_u8(w);
    param = attest_wire_u8(w);
    slot = attest_wire_u8(w);
    s->blocks = attest_wire_u8(w);
    length = attest_wire_le(w, 3);
    s->record = attest_wire_take(w, length);
    s->responder_nonce = attest_wire_take(w, ATTEST_SPDM_NONCE);
    length = attest_wire_le16(w);
    s->opaque = attest_wire_take(w, length);
    s->signature = attest_wire_take(w, ATTEST_SPDM_SIGNATURE);

    if (attest_wire_done(w) != ATTEST_OK || code != ATTEST_SPDM_RESPONSE) {
        return ATTEST_EFORMAT;
    }

    if (version != ATTEST_SPDM_VERSION) {
        return ATTEST_EUNSUPPORTED;
    }

    return param == 0 && slot == s->slot && s->blocks != 0 ? ATTEST_OK
                                                           : ATTEST_EFORMAT;
}


/* index, form, u16le size, { DMTF type, u16le size, value } */

static int
attest_spdm_read_block(attest_wire_t *w, attest_spdm_block_t *block)
{
    size_t          n;
    unsigned        form;
    attest_wire_t   in;
    attest_span_t   measurement;

    block->index = attest_wire_u8(w);
    form = attest_wire_u8(w);
    n = attest_wire_le16(w);
    measurement = attest_wire_take(w, n);

    if (w->bad || block->index == 0) {
        return ATTEST_EFORMAT;
    }

    if (form != ATTEST_SPDM_DMTF) {
        return ATTEST_EUNSUPPORTED;
    }

    attest_wire_init(&in, measurement.p, measurement.n);

    block->type = attest_wire_u8(&in);
    n = attest_wire_le16(&in);
    block->value = attest_wire_take(&in, n);

    if (attest_wire_done(&in) != ATTEST_OK || n == 0) {
        return ATTEST_EFORMAT;
    }

    return n > ATTEST_SPDM_MAX_VALUE ? ATTEST_ELIMIT : ATTEST_OK;
}


/* As many blocks as were announced, and nothing between or behind them. */

static int
attest_spdm_record(const attest_spdm_t *s)
{
    int                   rc;
    size_t                i;
    uint8_t               seen[256] = { 0 };
    attest_wire_t         w;
    attest_spdm_block_t   block;

    attest_wire_init(&w, s->record.p, s->record.n);

    for (i = 0; i < s->blocks; i++) {

        rc = attest_spdm_read_block(&w, &block);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (seen[block.index]++) {
            return ATTEST_EFORMAT;
        }
    }

    return attest_wire_done(&w);
}


/*
 * Drivers of CUDA 13.5 and later put a head before the fields: "NVDAOD",
 * u16le profile, major, minor, patch, 0.  As the first field of a list
 * without a head, its first letters would be longer than any report.  What
 * comes with another minor version adds types, which are skipped.
 */

static int
attest_spdm_head(attest_spdm_t *s)
{
    unsigned        profile;
    attest_span_t   magic;
    attest_wire_t   w;

    s->fields = s->opaque;

    attest_wire_init(&w, s->opaque.p, s->opaque.n);
    magic = attest_wire_take(&w, ATTEST_SPDM_MAGIC_LEN);

    if (w.bad || memcmp(magic.p, ATTEST_SPDM_MAGIC, magic.n) != 0) {
        return ATTEST_OK;
    }

    profile = attest_wire_le16(&w);
    s->version.major = attest_wire_u8(&w);
    s->version.minor = attest_wire_u8(&w);
    s->version.patch = attest_wire_u8(&w);
    (void) attest_wire_u8(&w);

    if (w.bad) {
        return ATTEST_EFORMAT;
    }

    s->versioned = 1;
    s->fields = attest_span(w.p, w.n);

    return profile == 0 && s->version.major <= ATTEST_SPDM_MAX_MAJOR
           ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


/*
 * NVIDIA's form of opaque data: { u16le type, u16le size, value }, and behind
 * a head { u16le type, u16le value type, u16le size, value }
 */

static void
attest_spdm_read_field(const attest_spdm_t *s, attest_wire_t *w,
    attest_spdm_field_t *field)
{
    size_t  n;

    field->type = attest_wire_le16(w);
    field->value_type = s->versioned ? attest_wire_le16(w) : 0;
    n = attest_wire_le16(w);
    field->value = attest_wire_take(w, n);
}


static int
attest_spdm_fields(const attest_spdm_t *s)
{
    size_t                i, count = 0;
    unsigned              seen[ATTEST_SPDM_MAX_OPAQUE];
    attest_wire_t         w;
    attest_spdm_field_t   field;

    attest_wire_init(&w, s->fields.p, s->fields.n);

    while (w.n != 0) {

        if (count == ATTEST_SPDM_MAX_OPAQUE) {
            return ATTEST_ELIMIT;
        }

        attest_spdm_read_field(s, &w, &field);

        if (w.bad) {
            return ATTEST_EFORMAT;
        }

        for (i = 0; i < count; i++) {
            if (seen[i] == field.type) {
                return ATTEST_EFORMAT;
            }
        }

        seen[count++] = field.type;
    }

    return ATTEST_OK;
}


bool
attest_spdm_block(const attest_spdm_t *s, size_t i,
    attest_spdm_block_t *block)
{
    attest_wire_t  w;

    if (i >= s->blocks) {
        return 0;
    }

    attest_wire_init(&w, s->record.p, s->record.n);

    do {
        if (attest_spdm_read_block(&w, block) != ATTEST_OK) {
            return 0;
        }

    } while (i-- != 0);

    return 1;
}


bool
attest_spdm_field(const attest_spdm_t *s, size_t i,
    attest_spdm_field_t *field)
{
    attest_wire_t  w;

    attest_wire_init(&w, s->fields.p, s->fields.n);

    do {
        if (w.n == 0) {
            return 0;
        }

        attest_spdm_read_field(s, &w, field);

    } while (i-- != 0);

    return !w.bad;
}


bool
attest_spdm_opaque(const attest_spdm_t *s, unsigned type,
    attest_span_t *value)
{
    size_t                i;
    attest_spdm_field_t   field;

    for (i = 0; attest_spdm_field(s, i, &field); i++) {
        if (field.type == type) {
            *value = field.value;
            return 1;
        }
    }

    return 0;
}


int
attest_spdm_signature(const attest_spdm_t *s, EVP_PKEY *key)
{
    return attest_es384_verify(key, &s->signed_part, 1, s->signature);
}
