/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An attestation report of an NVIDIA GPU or switch: the request and the
 * response of SPDM 1.1 GET_MEASUREMENTS (DMTF DSP0274), one behind the other.
 */


#ifndef ATTEST_SPDM_H_INCLUDED
#define ATTEST_SPDM_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_SPDM_MAX              (8 * 1024 + 1024)   /* a whole report */
#define ATTEST_SPDM_SIGNATURE        96
#define ATTEST_SPDM_NONCE            32
#define ATTEST_SPDM_MAX_OPAQUE       64          /* fields */

/* Types of opaque fields; others are skipped. */
#define ATTEST_SPDM_DRIVER           3           /* text */
#define ATTEST_SPDM_VBIOS            6           /* 8 bytes; switch: text */
#define ATTEST_SPDM_BOARD            14
#define ATTEST_SPDM_CHIP_SKU         15
#define ATTEST_SPDM_CHIP_SKU_MOD     16
#define ATTEST_SPDM_PROJECT          17
#define ATTEST_SPDM_PROJECT_SKU      18
#define ATTEST_SPDM_PROJECT_SKU_MOD  19
#define ATTEST_SPDM_FWID             20          /* 48 bytes */
#define ATTEST_SPDM_PROTECTED_PCIE   21
#define ATTEST_SPDM_PDI_LIST         22
#define ATTEST_SPDM_DISABLED_PORTS   23
#define ATTEST_SPDM_POSITION         24
#define ATTEST_SPDM_LOCK             25
#define ATTEST_SPDM_PEER_PDIS        26
#define ATTEST_SPDM_OPAQUE_VERSION   34
#define ATTEST_SPDM_CHIP_INFO        35
#define ATTEST_SPDM_FEATURE          36
#define ATTEST_SPDM_FSP_SVN          37          /* u16le */

/* Types of values, in versioned opaque data only; others are no obstacle. */
#define ATTEST_SPDM_MIN_SVN          0x87        /* the higher the better */


typedef struct {
    unsigned        index;
    unsigned        type;             /* DMTF measurement type */
    attest_span_t   value;
} attest_spdm_block_t;

typedef struct {
    unsigned        type;
    unsigned        value_type;       /* 0 where opaque data has no version */
    attest_span_t   value;
} attest_spdm_field_t;

/* Of opaque data. */

typedef struct {
    unsigned        major;
    unsigned        minor;
    unsigned        patch;
} attest_spdm_version_t;

/* Borrows from the input. */

typedef struct {
    attest_span_t   nonce;            /* 32 bytes, the requester's: ours */
    unsigned        slot;
    size_t          blocks;           /* measurements, at most 255 */
    attest_span_t   record;           /* of them */
    attest_span_t   responder_nonce;  /* 32 bytes, the device's own */
    attest_span_t   opaque;           /* its head, if any, and the fields */
    attest_span_t   fields;
    unsigned        versioned;        /* opaque has a head */
    attest_spdm_version_t  version;   /* out of it */
    attest_span_t   signed_part;      /* everything but the signature */
    attest_span_t   signature;        /* r and s, 48 bytes each */
} attest_spdm_t;


/*
 * Lengths, the number of blocks and the length of their record must add up to
 * exactly n; no index and no opaque type comes twice.  ATTEST_EFORMAT,
 * ATTEST_ELIMIT, ATTEST_EUNSUPPORTED (another version of SPDM or of opaque
 * data, or another form of measurements).
 */
int attest_spdm_parse(const uint8_t *p, size_t n, attest_spdm_t *s);

/* The i-th block, counted from 0; 0: there is none. */
bool attest_spdm_block(const attest_spdm_t *s, size_t i,
    attest_spdm_block_t *block);
/* The i-th opaque field, counted from 0; 0: there is none. */
bool attest_spdm_field(const attest_spdm_t *s, size_t i,
    attest_spdm_field_t *field);
/* The opaque field of this type; 0: there is none. */
bool attest_spdm_opaque(const attest_spdm_t *s, unsigned type,
    attest_span_t *value);

/*
 * ECDSA P-384 with SHA-384 over request and response.  ATTEST_ECRYPTO, or
 * ATTEST_EUNSUPPORTED for a key of another kind.
 */
int attest_spdm_signature(const attest_spdm_t *s, EVP_PKEY *key);


#endif /* ATTEST_SPDM_H_INCLUDED */
