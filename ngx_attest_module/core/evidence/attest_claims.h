/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The claims-buffer: the only thing that a piece of evidence ever signs.
 * A deterministic CBOR map of text keys and byte-string values (CCC
 * interoperable RA-TLS), see docs/claims.md.
 */


#ifndef ATTEST_CLAIMS_H_INCLUDED
#define ATTEST_CLAIMS_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_EXPORTER_LEN    32     /* of a connection, RFC 9266 */
#define ATTEST_NONCE_MIN       32
#define ATTEST_NONCE_MAX       64
#define ATTEST_EXPORTER_LEN    32    /* RFC 9266 */

/* What a CPU's report has room for. */
#define ATTEST_CLAIMS_REPORT_DATA  64

/* Hashes of the key: IANA Named Information Hash Algorithm Registry. */
#define ATTEST_CLAIMS_SHA256   1
#define ATTEST_CLAIMS_SHA384   7
#define ATTEST_CLAIMS_SHA512   8
#define ATTEST_CLAIMS_MAX      1024


typedef struct {
    /* the hash of the DER SubjectPublicKeyInfo; alg 1, 7 or 8 (IANA) */
    uint8_t    pubkey_hash[ATTEST_MAX_DIGEST];
    size_t     pubkey_hash_len;
    unsigned   pubkey_hash_alg;

    uint8_t    nonce[ATTEST_NONCE_MAX];
    size_t     nonce_len;                   /* 0: cached, not fresh */

    uint8_t    hpke_keys[ATTEST_SHA256_LEN];    /* of the list */
    uint8_t    config[ATTEST_SHA256_LEN];       /* of the record */
    uint8_t    gpu[ATTEST_SHA256_LEN];
    uint8_t    exporter[ATTEST_EXPORTER_LEN];

    uint64_t   not_before;                  /* Unix seconds */
    uint64_t   not_after;

    unsigned   has_hpke_keys:1;
    unsigned   has_config:1;
    unsigned   has_gpu:1;
    unsigned   has_exporter:1;
    unsigned   has_validity:1;
    unsigned   foreign_nonce:1;             /* there is one, that no protocol
                                               of ours asked for */
} attest_claims_t;


/*
 * Deterministic bytes (RFC 8949 section 4.2.1). *len: room in, bytes out;
 * ATTEST_CLAIMS_MAX is always enough, ATTEST_ENOSPACE sets *len to the need.
 * ATTEST_EARG: no pubkey-hash or one of a wrong length, a nonce that is too
 * short or too long, validity that ends before it begins.
 */
int attest_claims_encode(const attest_claims_t *c, uint8_t *out, size_t *len);

/*
 * Strict parse: definite, shortest, sorted, no duplicates, every value a byte
 * string, exactly one pubkey-hash, nothing behind.  Unknown keys are skipped.
 * ATTEST_EFORMAT, ATTEST_ELIMIT (longer than ATTEST_CLAIMS_MAX, more than
 * ATTEST_MAX_ITEMS claims) or ATTEST_EUNSUPPORTED (alg); *c is then all 0.
 */
int attest_claims_parse(const uint8_t *p, size_t n, attest_claims_t *c);

/*
 * The claims of somebody else's certificate (CCC): keys in any order, heads
 * of any length, a nonce of any length (which is not kept), ATTEST_MAX_ITEM
 * bytes at most.  Definite lengths and no duplicates as above.  Claims with a
 * key of ours ("ngx-attest.v1/..") are ours, and parsed as strictly.
 */
int attest_claims_parse_foreign(const uint8_t *p, size_t n,
    attest_claims_t *c);

/* SHA-256(claims) || 32 zero bytes: a CPU report's report_data. */
int attest_claims_report_data(const uint8_t *claims, size_t n,
    uint8_t out[ATTEST_CLAIMS_REPORT_DATA]);

/*
 * TPM extraData: SHA-256("ngx-attest.v1 tpm" 00 || SHA-256(claims) ||
 * SHA-256(CPU evidence, or the empty string)).
 */
int attest_claims_tpm_extra(const uint8_t *claims, size_t n,
    const uint8_t *cpu, size_t cpu_len, uint8_t out[ATTEST_SHA256_LEN]);

/*
 * GPU nonce: see notes in the code; nonce or validity completes it, and
 * ATTEST_EARG is returned without both or without pubkey-hash.
 */
int attest_claims_gpu_nonce(const attest_claims_t *c,
    uint8_t out[ATTEST_SHA256_LEN]);


#endif /* ATTEST_CLAIMS_H_INCLUDED */
