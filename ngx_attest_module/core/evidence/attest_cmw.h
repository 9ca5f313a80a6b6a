/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conceptual message wrappers, RFC 9999: how evidence is carried.  We write
 * collections whose members are records, in CBOR (certificate, endpoint) and
 * in JSON (endpoint); we read both.
 */


#ifndef ATTEST_CMW_H_INCLUDED
#define ATTEST_CMW_H_INCLUDED


#include "core/evidence/attest_kind.h"


#define ATTEST_CMW_IND_REFERENCE     1
#define ATTEST_CMW_IND_EVIDENCE      4

/* Collection types (member "__cmwc_t"). */
#define ATTEST_CMWC_CACHED  "urn:ngx-attest:evidence:cached:v1"
#define ATTEST_CMWC_FRESH   "urn:ngx-attest:evidence:fresh:v1"

/*
 * Items that are too large for a certificate, so only the endpoint has them:
 * event logs, GPU evidence and the configuration record.
 */
bool attest_cmw_is_large(attest_span_t label);


typedef struct {
    const char      *label;        /* writing */
    const char      *type;         /* writing */
    attest_span_t    label_in;     /* reading (not terminated) */
    attest_span_t    type_in;      /* reading (not terminated) */
    attest_span_t    value;
    unsigned         ind;          /* 0: absent */
} attest_cmw_item_t;


/*
 * A parsed collection.  CBOR values are borrowed from the input; JSON values
 * are decoded into `heap`, which attest_cmw_free() releases.
 */

typedef struct {
    attest_span_t       ctype;     /* "__cmwc_t", empty when absent */
    attest_cmw_item_t   items[ATTEST_MAX_ITEMS];
    size_t              count;
    void               *heap;
} attest_cmw_t;


/*
 * *len: room in, bytes out; ATTEST_ENOSPACE sets *len to what is needed.  The
 * bytes depend on the members only, not on their order: RFC 8949 section
 * 4.2.1 orders both forms.  JSON is not terminated.  ctype may be NULL.
 *
 * Labels (1..64 bytes), types (1..128) and ctype (1..256) are printable ASCII
 * without quote and backslash, labels are unique and not "__cmwc_t", ind has
 * the bits 0..4 (0: none), count is 1..63: else ATTEST_EARG.  Values have at
 * most ATTEST_MAX_LOG bytes under the labels of attest_cmw_is_large() and
 * ATTEST_MAX_ITEM elsewhere, the whole ATTEST_MAX_DOCUMENT: else
 * ATTEST_ELIMIT.
 */
int attest_cmw_encode_cbor(const char *ctype, const attest_cmw_item_t *items,
    size_t count, uint8_t *out, size_t *len);
int attest_cmw_encode_json(const char *ctype, const attest_cmw_item_t *items,
    size_t count, char *out, size_t *len);

/*
 * Told apart by the first byte, which is '{' for JSON.  CBOR has definite,
 * shortest forms in any order of members; white space may follow JSON.
 * ATTEST_EFORMAT: malformed, duplicated labels, trailing bytes, no member.
 * ATTEST_ELIMIT: the limits above.  ATTEST_EUNSUPPORTED, nothing is skipped:
 * a record or tag instead of a collection, members that are tags or
 * collections, numeric labels and types, "__cmwc_t" as an OID in CBOR,
 * characters that we do not write, unknown indicator bits.  Records of
 * unknown label or type are members like others.
 */
int attest_cmw_parse(const uint8_t *p, size_t n, attest_cmw_t *cmw);
void attest_cmw_free(attest_cmw_t *cmw);
/* NULL when there is none with this label. */
const attest_cmw_item_t *attest_cmw_find(const attest_cmw_t *cmw,
    const char *label);


#endif /* ATTEST_CMW_H_INCLUDED */
