/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel TDX and SGX quotes: layout, signatures, and what the platform's
 * certificate (PCK) says.  Intel TDX DCAP Quote Generation Library, appendix
 * 3 (versions 4 and 5); Intel SGX ECDSA Quote Library Reference, appendix 4
 * (version 3).  Pure: chains and collateral are judged by the callers.
 */


#ifndef ATTEST_TDX_H_INCLUDED
#define ATTEST_TDX_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"


#define ATTEST_TDX_MR_LEN        48
#define ATTEST_TDX_RTMRS         4
#define ATTEST_TDX_SVNS          16
#define ATTEST_TDX_REPORT_DATA   64
#define ATTEST_TDX_USER_DATA     20          /* of the header */
#define ATTEST_TDX_SIGNATURE     64          /* r || s on P-256 */
#define ATTEST_TDX_KEY           64          /* x || y on P-256 */
#define ATTEST_TDX_SIGNER        32          /* MRSIGNER */

/* TDATTRIBUTES; all other bits are reserved. */
#define ATTEST_TDX_DEBUG         (UINT64_C(1) << 0)
#define ATTEST_TDX_SEPT_VE       (UINT64_C(1) << 28)
#define ATTEST_TDX_MIGRATABLE    (UINT64_C(1) << 29)
#define ATTEST_TDX_PKS           (UINT64_C(1) << 30)
#define ATTEST_TDX_PERFMON       (UINT64_C(1) << 63)

/* SGX ATTRIBUTES.FLAGS */
#define ATTEST_SGX_DEBUG         0x02


typedef enum {
    ATTEST_TDX_BODY_SGX = 1,       /* an enclave's report, version 3 only */
    ATTEST_TDX_BODY_10,            /* TDX 1.0 */
    ATTEST_TDX_BODY_15             /* TDX 1.5: tee_tcb_svn2, mrservicetd */
} attest_tdx_body_e;


/* The report of an enclave: an SGX quote's body, and the quoting enclave's. */

typedef struct {
    attest_span_t        raw;            /* 384 bytes, signed */
    const uint8_t       *cpusvn;         /* 16 */
    const uint8_t       *miscselect;     /* 4 */
    const uint8_t       *attributes;     /* 16 */
    const uint8_t       *mrenclave;      /* 32 */
    const uint8_t       *mrsigner;       /* 32 */
    const uint8_t       *report_data;    /* 64 */
    uint16_t             isvprodid;
    uint16_t             isvsvn;
} attest_sgx_report_t;

/* All borrowed from the quote; lengths as in ATTEST_TDX_* where not said. */

typedef struct {
    uint16_t             version;        /* 3 (SGX), 4, 5 */
    attest_tdx_body_e    body;
    attest_span_t        signed_area;    /* header and body */
    const uint8_t       *user_data;      /* of the header, 20 */

    const uint8_t       *tee_tcb_svn;    /* 16, when the TD was made */
    const uint8_t       *mrseam;
    const uint8_t       *mrsignerseam;
    const uint8_t       *seam_attributes;   /* 8 */
    const uint8_t       *td_attributes;     /* 8 */
    const uint8_t       *xfam;              /* 8 */
    const uint8_t       *mrtd;
    const uint8_t       *mrconfigid;
    const uint8_t       *mrowner;
    const uint8_t       *mrownerconfig;
    const uint8_t       *rtmr[ATTEST_TDX_RTMRS];
    const uint8_t       *report_data;
    const uint8_t       *tee_tcb_svn2;   /* 1.5: now; else NULL */
    const uint8_t       *mrservicetd;    /* 1.5; else NULL */

    attest_sgx_report_t  enclave;        /* SGX */

    const uint8_t       *signature;      /* r || s, 64 */
    const uint8_t       *attest_key;     /* x || y, 64 */
    attest_sgx_report_t  qe;
    const uint8_t       *qe_signature;
    attest_span_t        qe_auth;
    attest_span_t        certs;          /* PEM, PCK first */
    size_t               length;         /* what lies behind is padding */
} attest_tdx_quote_t;


/*
 * Layout and constants of the header.  Padding behind the length that the
 * quote names is left aside (guests hand out whole buffers); inside of it
 * every byte is accounted for.  ATTEST_EUNSUPPORTED: another version, key
 * type, TEE type or body ("DICE" quotes are CWTs and end here).
 */
int attest_tdx_parse(const uint8_t *p, size_t n, attest_tdx_quote_t *q);

/* The attestation key signed header and body.  ATTEST_ECRYPTO. */
int attest_tdx_check_signature(const attest_tdx_quote_t *q);
/*
 * The quoting enclave's report names that key: SHA-256(key || auth) and zeros;
 * and it is Intel's quoting enclave, not in debug mode.  ATTEST_EMISMATCH.
 */
int attest_tdx_check_qe_key(const attest_tdx_quote_t *q);
int attest_tdx_check_qe_identity(const attest_tdx_quote_t *q);
/* The PCK signed the quoting enclave's report.  ATTEST_ECRYPTO. */
int attest_tdx_check_qe_signature(const attest_tdx_quote_t *q, X509 *pck);

/* ECDSA P-256 with SHA-256, signature r || s big-endian. ATTEST_ECRYPTO. */
int attest_tdx_ecdsa(EVP_PKEY *key, const uint8_t sig[ATTEST_TDX_SIGNATURE],
    attest_span_t msg);

/* Bit 0 of byte 0 is bit 0. */
uint64_t attest_tdx_u64(const uint8_t p[8]);


#endif /* ATTEST_TDX_H_INCLUDED */
