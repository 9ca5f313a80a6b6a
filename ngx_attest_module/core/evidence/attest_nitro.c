/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document of a Nitro enclave: COSE around CBOR, its members, its PCRs
 * and its signature.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/crypto/attest_es384.h"
#include "core/evidence/attest_nitro.h"
#include "core/base/attest_wire.h"


#define ATTEST_COSE_SIGN1    0xd2           /* tag 18 */
#define ATTEST_CBOR_NULL     22


/* What is read of a map or list of definite or indefinite length. */

typedef struct {
    uint64_t   left;                  /* or ATTEST_CBOR_INDEFINITE */
    size_t     seen;
    size_t     max;
} attest_nitro_list_t;

typedef struct {
    attest_nitro_t        *doc;
    attest_cbor_reader_t   r;
    attest_span_t          keys[ATTEST_NITRO_MAX_MEMBERS];
    size_t                 nkeys;
    unsigned               seen;      /* bit: attest_nitro_members[i] */
} attest_nitro_ctx_t;

typedef int (*attest_nitro_pt)(attest_nitro_ctx_t *ctx);


static int attest_nitro_head(attest_cbor_reader_t *r, attest_nitro_t *doc);
static int attest_nitro_protected(attest_span_t s);
static int attest_nitro_payload(attest_nitro_t *doc);
static bool attest_nitro_more(attest_cbor_reader_t *r,
    attest_nitro_list_t *list, int *rc);
static int attest_nitro_member(attest_nitro_ctx_t *ctx);
static int attest_nitro_once(attest_nitro_ctx_t *ctx, attest_span_t key);
static int attest_nitro_bytes(attest_nitro_ctx_t *ctx, size_t max,
    attest_span_t *s);
static int attest_nitro_optional(attest_nitro_ctx_t *ctx, size_t max,
    attest_span_t *s);
static int attest_nitro_module_id(attest_nitro_ctx_t *ctx);
static int attest_nitro_digest(attest_nitro_ctx_t *ctx);
static int attest_nitro_timestamp(attest_nitro_ctx_t *ctx);
static int attest_nitro_pcrs(attest_nitro_ctx_t *ctx);
static int attest_nitro_pcr(attest_nitro_ctx_t *ctx);
static int attest_nitro_certificate(attest_nitro_ctx_t *ctx);
static int attest_nitro_cabundle(attest_nitro_ctx_t *ctx);
static int attest_nitro_public_key(attest_nitro_ctx_t *ctx);
static int attest_nitro_user_data(attest_nitro_ctx_t *ctx);
static int attest_nitro_nonce(attest_nitro_ctx_t *ctx);
static size_t attest_nitro_bstr(size_t n, uint8_t head[3]);


/* The mandatory members come first. */

static const struct {
    const char        *name;
    attest_nitro_pt    read;
} attest_nitro_members[] = {
    { "module_id", attest_nitro_module_id },
    { "digest", attest_nitro_digest },
    { "timestamp", attest_nitro_timestamp },
    { "pcrs", attest_nitro_pcrs },
    { "certificate", attest_nitro_certificate },
    { "cabundle", attest_nitro_cabundle },
    { "public_key", attest_nitro_public_key },
    { "user_data", attest_nitro_user_data },
    { "nonce", attest_nitro_nonce },
    { NULL, NULL }
};

#define ATTEST_NITRO_MANDATORY   0x3f

/* { 1: -35 }: algorithm ES384 */
static const uint8_t  attest_nitro_es384[] = { 0xa1, 0x01, 0x38, 0x22 };


int
attest_nitro_parse(const uint8_t *p, size_t n, attest_nitro_t *doc)
{
    int                    rc;
    attest_cbor_reader_t   r;

    memset(doc, 0, sizeof(attest_nitro_t));

    if (n > ATTEST_NITRO_MAX) {
        return ATTEST_ELIMIT;
    }

    attest_cbor_reader_init(&r, p, n, 0);

    rc = attest_nitro_head(&r, doc);

    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r);
    }

    if (rc == ATTEST_OK) {
        rc = attest_nitro_payload(doc);
    }

    if (rc != ATTEST_OK) {
        memset(doc, 0, sizeof(attest_nitro_t));
    }

    return rc;
}


/* COSE_Sign1 = [ protected: bstr, unprotected: {}, payload, signature ] */

static int
attest_nitro_head(attest_cbor_reader_t *r, attest_nitro_t *doc)
{
    int             rc;
    uint64_t        count;
    attest_span_t   header;

    /* libcbor 0.8 does not read the tags 6 to 20 in their shortest form */

    if (r->p != r->end && *r->p == ATTEST_COSE_SIGN1) {
        r->p++;
    }

    if (attest_cbor_read_array(r, &count) != ATTEST_OK || count != 4
        || attest_cbor_read_bytes(r, &header) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    rc = attest_nitro_protected(header);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (attest_cbor_read_map(r, &count) != ATTEST_OK || count != 0
        || attest_cbor_read_bytes(r, &doc->payload) != ATTEST_OK
        || attest_cbor_read_bytes(r, &doc->signature) != ATTEST_OK
        || doc->payload.n == 0 || doc->signature.n != ATTEST_ES384_LEN)
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* One member, in its only form: no other algorithm, no "crit". */

static int
attest_nitro_protected(attest_span_t s)
{
    if (s.n == sizeof(attest_nitro_es384)
        && memcmp(s.p, attest_nitro_es384, s.n) == 0)
    {
        return ATTEST_OK;
    }

    return s.n > 1 && s.p[0] == 0xa1 && s.p[1] == 0x01 ? ATTEST_EUNSUPPORTED
                                                       : ATTEST_EFORMAT;
}


static int
attest_nitro_payload(attest_nitro_t *doc)
{
    int                   rc;
    attest_nitro_ctx_t    ctx;
    attest_nitro_list_t   list = { 0, 0, ATTEST_NITRO_MAX_MEMBERS };

    memset(&ctx, 0, sizeof(ctx));
    ctx.doc = doc;
    attest_cbor_reader_init(&ctx.r, doc->payload.p, doc->payload.n, 1);

    rc = attest_cbor_read_map(&ctx.r, &list.left);

    while (rc == ATTEST_OK && attest_nitro_more(&ctx.r, &list, &rc)) {
        rc = attest_nitro_member(&ctx);
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&ctx.r);
    }

    if (rc == ATTEST_OK
        && (ctx.seen & ATTEST_NITRO_MANDATORY) != ATTEST_NITRO_MANDATORY)
    {
        rc = ATTEST_EFORMAT;
    }

    return rc;
}


/* Is there one more entry?  0 at the end, which is a break or the count. */

static bool
attest_nitro_more(attest_cbor_reader_t *r, attest_nitro_list_t *list, int *rc)
{
    attest_cbor_item_t    item;
    attest_cbor_reader_t  at = *r;

    if (list->left == ATTEST_CBOR_INDEFINITE) {

        if (attest_cbor_next(&at, &item) == ATTEST_OK
            && item.type == ATTEST_CBOR_BREAK)
        {
            *r = at;
            return 0;
        }

    } else if (list->left-- == 0) {
        return 0;
    }

    if (list->seen++ == list->max) {
        *rc = ATTEST_ELIMIT;
        return 0;
    }

    return 1;
}


static int
attest_nitro_member(attest_nitro_ctx_t *ctx)
{
    int             rc;
    size_t          i;
    attest_span_t   key;

    rc = attest_cbor_read_text(&ctx->r, &key);

    if (rc == ATTEST_OK) {
        rc = attest_nitro_once(ctx, key);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    for (i = 0; attest_nitro_members[i].name != NULL; i++) {
        if (attest_span_is(key, attest_nitro_members[i].name)) {
            ctx->seen |= 1u << i;
            return attest_nitro_members[i].read(ctx);
        }
    }

    return attest_cbor_skip(&ctx->r);
}


/* RFC 8949 section 5.6; the payload has room for all keys, see the limit. */

static int
attest_nitro_once(attest_nitro_ctx_t *ctx, attest_span_t key)
{
    size_t  i;

    for (i = 0; i < ctx->nkeys; i++) {
        if (attest_span_eq(ctx->keys[i], key)) {
            return ATTEST_EFORMAT;
        }
    }

    ctx->keys[ctx->nkeys++] = key;
    return ATTEST_OK;
}


/* 1..max bytes */

static int
attest_nitro_bytes(attest_nitro_ctx_t *ctx, size_t max, attest_span_t *s)
{
    int  rc;

    rc = attest_cbor_read_bytes(&ctx->r, s);

    if (rc != ATTEST_OK || s->n == 0) {
        return ATTEST_EFORMAT;
    }

    return s->n > max ? ATTEST_ELIMIT : ATTEST_OK;
}


/* The specification has no null here, the field has: it is not there. */

static int
attest_nitro_optional(attest_nitro_ctx_t *ctx, size_t max, attest_span_t *s)
{
    attest_cbor_item_t    item;
    attest_cbor_reader_t  at = ctx->r;

    if (attest_cbor_next(&at, &item) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    if (item.type == ATTEST_CBOR_SIMPLE && item.value == ATTEST_CBOR_NULL) {
        ctx->r = at;
        return ATTEST_OK;
    }

    if (attest_cbor_read_bytes(&ctx->r, s) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    return s->n > max ? ATTEST_ELIMIT : ATTEST_OK;
}


static int
attest_nitro_module_id(attest_nitro_ctx_t *ctx)
{
    size_t          i;
    attest_span_t  *s = &ctx->doc->module_id;

    if (attest_cbor_read_text(&ctx->r, s) != ATTEST_OK || s->n == 0) {
        return ATTEST_EFORMAT;
    }

    if (s->n > ATTEST_NITRO_MAX_ID) {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < s->n; i++) {
        if (s->p[i] <= 0x20 || s->p[i] > 0x7e) {
            return ATTEST_EFORMAT;
        }
    }

    return ATTEST_OK;
}


static int
attest_nitro_digest(attest_nitro_ctx_t *ctx)
{
    attest_span_t  s;

    if (attest_cbor_read_text(&ctx->r, &s) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    return attest_span_is(s, "SHA384") ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


static int
attest_nitro_timestamp(attest_nitro_ctx_t *ctx)
{
    uint64_t  *v = &ctx->doc->timestamp;

    if (attest_cbor_read_uint(&ctx->r, v) != ATTEST_OK || *v == 0) {
        return ATTEST_EFORMAT;
    }

    return *v > INT64_MAX ? ATTEST_ELIMIT : ATTEST_OK;
}


static int
attest_nitro_pcrs(attest_nitro_ctx_t *ctx)
{
    int                   rc;
    attest_nitro_list_t   list = { 0, 0, ATTEST_NITRO_PCRS };

    rc = attest_cbor_read_map(&ctx->r, &list.left);

    while (rc == ATTEST_OK && attest_nitro_more(&ctx->r, &list, &rc)) {
        rc = attest_nitro_pcr(ctx);
    }

    if (rc == ATTEST_OK && ctx->doc->pcr_mask == 0) {
        rc = ATTEST_EFORMAT;
    }

    return rc;
}


/* 0..31 => 32, 48 or 64 bytes */

static int
attest_nitro_pcr(attest_nitro_ctx_t *ctx)
{
    uint64_t         i;
    attest_span_t    s;
    attest_nitro_t  *doc = ctx->doc;

    if (attest_cbor_read_uint(&ctx->r, &i) != ATTEST_OK
        || i >= ATTEST_NITRO_PCRS || (doc->pcr_mask >> i & 1)
        || attest_cbor_read_bytes(&ctx->r, &s) != ATTEST_OK
        || (s.n != ATTEST_SHA256_LEN && s.n != ATTEST_SHA384_LEN
            && s.n != ATTEST_SHA512_LEN))
    {
        return ATTEST_EFORMAT;
    }

    doc->pcrs[i] = s;
    doc->pcr_mask |= 1u << i;
    return ATTEST_OK;
}


static int
attest_nitro_certificate(attest_nitro_ctx_t *ctx)
{
    return attest_nitro_bytes(ctx, ATTEST_NITRO_MAX_CERT,
                              &ctx->doc->certificate);
}


static int
attest_nitro_cabundle(attest_nitro_ctx_t *ctx)
{
    int                   rc;
    attest_nitro_t       *doc = ctx->doc;
    attest_nitro_list_t   list = { 0, 0, ATTEST_MAX_CERTS };

    rc = attest_cbor_read_array(&ctx->r, &list.left);

    while (rc == ATTEST_OK && attest_nitro_more(&ctx->r, &list, &rc)) {
        rc = attest_nitro_bytes(ctx, ATTEST_NITRO_MAX_CERT,
                                &doc->cabundle[doc->cabundle_count++]);
    }

    if (rc == ATTEST_OK && doc->cabundle_count == 0) {
        rc = ATTEST_EFORMAT;
    }

    return rc;
}


static int
attest_nitro_public_key(attest_nitro_ctx_t *ctx)
{
    return attest_nitro_optional(ctx, ATTEST_NITRO_MAX_KEY,
                                 &ctx->doc->public_key);
}


static int
attest_nitro_user_data(attest_nitro_ctx_t *ctx)
{
    return attest_nitro_optional(ctx, ATTEST_NITRO_MAX_DATA,
                                 &ctx->doc->user_data);
}


static int
attest_nitro_nonce(attest_nitro_ctx_t *ctx)
{
    return attest_nitro_optional(ctx, ATTEST_NITRO_MAX_DATA,
                                 &ctx->doc->nonce);
}


/* Sig_structure = [ "Signature1", protected, external_aad: h'', payload ] */

int
attest_nitro_signature(const attest_nitro_t *doc, EVP_PKEY *key)
{
    uint8_t                head[3];
    attest_span_t          parts[3];
    static const uint8_t   structure[] = {
        0x84,
        0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1',
        0x44, 0xa1, 0x01, 0x38, 0x22,
        0x40
    };

    parts[0] = attest_span(structure, sizeof(structure));
    parts[1] = attest_span(head, attest_nitro_bstr(doc->payload.n, head));
    parts[2] = doc->payload;

    return attest_es384_verify(key, parts, 3, doc->signature);
}


/* The head of a byte string of less than 64 KiB, in its shortest form. */

static size_t
attest_nitro_bstr(size_t n, uint8_t head[3])
{
    if (n < 24) {
        head[0] = (uint8_t) (0x40 | n);
        return 1;
    }

    if (n < 256) {
        head[0] = 0x58;
        head[1] = (uint8_t) n;
        return 2;
    }

    head[0] = 0x59;
    (void) attest_wire_put_be16(head + 1, n);
    return 3;
}


bool
attest_nitro_is_debug(const attest_nitro_t *doc)
{
    size_t   i, k;
    uint8_t  any;

    for (i = 0; i < 3; i++) {

        for (k = 0, any = 0; k < doc->pcrs[i].n; k++) {
            any |= doc->pcrs[i].p[k];
        }

        if (any == 0) {
            return 1;
        }
    }

    return 0;
}
