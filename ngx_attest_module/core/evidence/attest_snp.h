/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMD SEV-SNP: attestation reports (SEV Secure Nested Paging Firmware ABI,
 * publication 56860, ATTESTATION_REPORT), the keys that sign them (VCEK and
 * VLEK certificates, publication 57230) and the table in which a host hands
 * certificates to its guests (GHCB, publication 56421).  Parsing and
 * signatures; what is acceptable is decided in attest_verify_snp.c.
 */


#ifndef ATTEST_SNP_H_INCLUDED
#define ATTEST_SNP_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"


#define ATTEST_SNP_REPORT_LEN     1184
#define ATTEST_SNP_SIGNED_LEN     0x2a0     /* the signature follows */
#define ATTEST_SNP_REPORT_DATA    64
#define ATTEST_SNP_HOST_DATA      32
#define ATTEST_SNP_REPORT_ID      32
#define ATTEST_SNP_FAMILY_ID      16        /* and of an image */
#define ATTEST_SNP_CHIP_ID        64
#define ATTEST_SNP_TURIN_HWID     8         /* of Turin's certificates */

/* What the guest's owner allows, fixed at launch. */
#define ATTEST_SNP_SMT            (1u << 16)
#define ATTEST_SNP_ALWAYS_ONE     (1u << 17)
#define ATTEST_SNP_MIGRATE_MA     (1u << 18)
#define ATTEST_SNP_DEBUG          (1u << 19)
#define ATTEST_SNP_SINGLE_SOCKET  (1u << 20)
#define ATTEST_SNP_CXL            (1u << 21)
#define ATTEST_SNP_AES_256_XTS    (1u << 22)
#define ATTEST_SNP_NO_RAPL        (1u << 23)
#define ATTEST_SNP_CIPHERTEXT     (1u << 24)
#define ATTEST_SNP_NO_PAGE_SWAP   (1u << 25)
#define ATTEST_SNP_POLICY_KNOWN   0x03ffffff

/* How the machine is set up. */
#define ATTEST_SNP_PLAT_SMT           0x01
#define ATTEST_SNP_PLAT_TSME          0x02
#define ATTEST_SNP_PLAT_ECC           0x04
#define ATTEST_SNP_PLAT_NO_RAPL       0x08
#define ATTEST_SNP_PLAT_CIPHERTEXT    0x10
#define ATTEST_SNP_PLAT_ALIAS_CHECK   0x20
#define ATTEST_SNP_PLAT_TIO           0x80

#define ATTEST_SNP_SIG_P384_SHA384    1

#define ATTEST_SNP_VMPL_MAX           3     /* above: the host asked for it */


typedef enum {
    ATTEST_SNP_UNKNOWN = 0,
    ATTEST_SNP_MILAN,
    ATTEST_SNP_GENOA,                /* and Bergamo, Siena */
    ATTEST_SNP_TURIN
} attest_snp_product_e;

typedef enum {
    ATTEST_SNP_SIGNER_VCEK = 0,      /* a key of this chip */
    ATTEST_SNP_SIGNER_VLEK = 1,      /* a key that AMD lends to a cloud */
    ATTEST_SNP_SIGNER_NONE = 7
} attest_snp_signer_e;


typedef struct {
    uint8_t   fmc;                   /* Turin only, else 0 */
    uint8_t   bootloader;
    uint8_t   tee;
    uint8_t   snp;
    uint8_t   microcode;
} attest_snp_tcb_t;

typedef struct {
    uint8_t   major;
    uint8_t   minor;
    uint8_t   build;
} attest_snp_firmware_t;


/* Spans have the lengths given and borrow from the report. */

typedef struct {
    uint32_t                version;
    uint32_t                guest_svn;
    uint64_t                policy;
    attest_span_t           family_id;           /* 16 */
    attest_span_t           image_id;            /* 16 */
    uint32_t                vmpl;
    uint32_t                sig_algo;
    attest_span_t           current_tcb;         /* 8, as four others */
    uint64_t                platform;
    unsigned                signer;              /* attest_snp_signer_e, or
                                                    a reserved value */
    unsigned                author_key:1;        /* digest is there */
    unsigned                masked_chip_key:1;   /* no VCEK signatures */
    attest_span_t           report_data;         /* 64 */
    attest_span_t           measurement;         /* 48 */
    attest_span_t           host_data;           /* 32 */
    attest_span_t           id_key_digest;       /* 48 */
    attest_span_t           author_key_digest;   /* 48 */
    attest_span_t           report_id;           /* 32 */
    attest_span_t           report_id_ma;        /* 32 */
    attest_span_t           reported_tcb;
    uint8_t                 family;              /* CPUID; version 3 on */
    uint8_t                 model;
    uint8_t                 stepping;
    attest_span_t           chip_id;             /* 64 */
    attest_span_t           committed_tcb;
    attest_snp_firmware_t   current;
    attest_snp_firmware_t   committed;
    attest_span_t           launch_tcb;
    uint64_t                launch_mitigations;  /* version 5 on */
    uint64_t                current_mitigations;
} attest_snp_report_t;


/* A VCEK's or VLEK's extensions; spans borrow from the certificate. */

#define ATTEST_SNP_SPLS    10

typedef struct {
    uint8_t                 version;             /* of the structure */
    attest_snp_product_e    product;
    attest_span_t           product_name;        /* "Milan-B0", "Turin" */
    uint8_t                 spl[ATTEST_SNP_SPLS];   /* by last arc, 1 to 9 */
    unsigned                spls;                /* bit n: spl[n] is there */
    attest_span_t           hwid;                /* 64, Turin 8; VLEK 0 */
    attest_span_t           csp;                 /* VLEK: the cloud's name */
} attest_snp_cert_t;


/* DER certificates; an ARK is never an anchor, whoever wrote the table. */

typedef struct {
    attest_span_t   vcek;
    attest_span_t   vlek;
    attest_span_t   ask;                         /* or ASVK */
    attest_span_t   ark;
} attest_snp_table_t;


/*
 * ATTEST_EFORMAT: not 1184 bytes.  ATTEST_EUNSUPPORTED: a version other than
 * 2, 3 and 5.  Nothing in the report is checked otherwise.
 */
int attest_snp_report_parse(const uint8_t *p, size_t n,
    attest_snp_report_t *r);

/*
 * The signature of a whole report.  ATTEST_EFORMAT: not 1184 bytes, or
 * something beside r and s is not zero; ATTEST_ECRYPTO: the key is not of
 * P-384 or did not sign it.
 */
int attest_snp_report_verify(const uint8_t *p, size_t n, EVP_PKEY *key);

/*
 * ATTEST_EFORMAT: something points out of the table or into its head, a kind
 * of certificate is there twice, or nothing ends it.  ATTEST_ELIMIT: more
 * than ATTEST_MAX_ITEMS entries.  Entries of unknown kinds are skipped, but
 * must be within bounds.  An empty table is fine, no bytes at all are too.
 */
int attest_snp_table_parse(const uint8_t *p, size_t n, attest_snp_table_t *t);

/*
 * ATTEST_EFORMAT: not a VCEK or VLEK, an extension twice or malformed, or one
 * that its kind must have is missing.  ATTEST_EUNSUPPORTED: a product that we
 * do not know.
 */
int attest_snp_cert_parse(const X509 *cert, attest_snp_cert_t *c);

/* By CPUID of version 3 and later; ATTEST_SNP_UNKNOWN for version 2. */
attest_snp_product_e attest_snp_report_product(const attest_snp_report_t *r);
const char *attest_snp_product_name(attest_snp_product_e product);

/* Components of a TCB_VERSION, which lie differently from Turin on. */
attest_snp_tcb_t attest_snp_tcb(attest_snp_product_e product,
    attest_span_t raw);
/* 1 when no component is lower than its minimum. */
bool attest_snp_tcb_reaches(const attest_snp_tcb_t *tcb,
    const attest_snp_tcb_t *min);

/* 1 when the certificate is for this TCB, which means reported_tcb. */
bool attest_snp_cert_has_tcb(const attest_snp_cert_t *c, attest_span_t raw);
/* 1 when the certificate is for this chip; never for a VLEK. */
bool attest_snp_cert_has_chip(const attest_snp_cert_t *c,
    attest_span_t chip_id);


#endif /* ATTEST_SNP_H_INCLUDED */
