
/*
 * Conceptual message wrappers, RFC 9999: how evidence is carried.  We write
 * collections whose members are records, in CBOR (certificate, endpoint) and
 * in JSON (endpoint); we read both.
 */


#ifndef ATTEST_CMW_H_INCLUDED
#define ATTEST_CMW_H_INCLUDED


#include "attest_core.h"


#define ATTEST_CMW_IND_REFERENCE     1
#define ATTEST_CMW_IND_ENDORSEMENT   2
#define ATTEST_CMW_IND_EVIDENCE      4

/* Collection types (member "__cmwc_t"). */
#define ATTEST_CMWC_CACHED  "urn:ngx-attest:evidence:cached:v1"
#define ATTEST_CMWC_FRESH   "urn:ngx-attest:evidence:fresh:v1"

/* Labels and media types of the members. */
#define ATTEST_ITEM_CLAIMS      "claims"
#define ATTEST_TYPE_CLAIMS      "application/vnd.ngx-attest.claims+cbor"
#define ATTEST_ITEM_TPM         "tpm"
#define ATTEST_TYPE_TPM         "application/vnd.ngx-attest.tpm+cbor"
#define ATTEST_ITEM_HPKE_KEYS   "hpke-keys"
#define ATTEST_TYPE_HPKE_KEYS   "application/ohttp-keys"
#define ATTEST_ITEM_CONFIG      "config"
#define ATTEST_TYPE_CONFIG      "application/vnd.ngx-attest.config-record"
#define ATTEST_ITEM_EVENTLOG    "eventlog"
#define ATTEST_TYPE_EVENTLOG    "application/vnd.ngx-attest.tcg-eventlog"
#define ATTEST_ITEM_IMALOG      "imalog"
#define ATTEST_TYPE_IMALOG      "application/vnd.ngx-attest.ima-log"
/* configfs-tsm: a CBOR map of outblob and what came with it */
#define ATTEST_ITEM_TSM         "tsm-report"
#define ATTEST_TYPE_TSM         "application/vnd.veraison.tsm-report+cbor"
/* Azure: a CBOR map of the paravisor's report and who vouches for it */
#define ATTEST_ITEM_AZURE       "azure-hcl"
#define ATTEST_TYPE_AZURE       "application/vnd.ngx-attest.azure-hcl+cbor"
/* AWS Nitro Enclaves: the COSE_Sign1 document */
#define ATTEST_ITEM_NITRO       "nitro"
#define ATTEST_TYPE_NITRO       "application/aws-nitro-document"
/* [{arch, certificate, evidence, nonce}, ...], at the endpoint only */
#define ATTEST_ITEM_GPU         "gpu"
#define ATTEST_TYPE_GPU                                                       \
    "application/vnd.veraison.nvidia-gpu-evidence+json"
/* the cloud's certificate for the TPM's attestation key, DER */
#define ATTEST_ITEM_AK_CERT     "ak-cert"
#define ATTEST_TYPE_AK_CERT     "application/pkix-cert"
/* the ACPI CCEL table's log, which explains RTMRs */
#define ATTEST_ITEM_CCEL        "ccel"
#define ATTEST_TYPE_CCEL        "application/vnd.ngx-attest.ccel"
/* the label of the root of trust, as the gateway sees it */
#define ATTEST_ITEM_ROOT        "root-of-trust"
#define ATTEST_TYPE_ROOT        "text/plain"
/* one line for each log that did not fit: "LABEL has more than ..." */
#define ATTEST_ITEM_LEFT_OUT    "left-out"
#define ATTEST_TYPE_LEFT_OUT    "application/vnd.ngx-attest.left-out"

/*
 * Items that are too large for a certificate, so only the endpoint has them:
 * event logs, GPU evidence and the configuration record.
 */
int attest_cmw_is_large(attest_span_t label);


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
