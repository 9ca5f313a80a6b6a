/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TPM 2.0 evidence: parse, check, and carry a quote.  Hand-written bounded
 * walkers over the big-endian TCG structures (Trusted Platform Module
 * Library, part 2); OpenSSL does the cryptography.  No TPM is touched here.
 */


#ifndef ATTEST_TPM_H_INCLUDED
#define ATTEST_TPM_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_TPM_ALG_SHA1       0x0004
#define ATTEST_TPM_ALG_SHA256     0x000b
#define ATTEST_TPM_ALG_SHA384     0x000c
#define ATTEST_TPM_ALG_SHA512     0x000d

#define ATTEST_TPM_PCRS           24
#define ATTEST_TPM_NAME_LEN       34         /* 000b || SHA-256 */
#define ATTEST_TPM_MAX_BANKS      4
#define ATTEST_TPM_SECRET_LEN     32
#define ATTEST_TPM_MAX_CRED       128        /* TPM2B_ID_OBJECT, with size */
#define ATTEST_TPM_MAX_ENC        514        /* TPM2B_ENCRYPTED_SECRET */


typedef struct {
    uint16_t         alg;
    uint32_t         select;                 /* bit i: PCR i is there */
    uint8_t          value[ATTEST_TPM_PCRS][ATTEST_MAX_DIGEST];
    size_t           len;                    /* bytes of each value */
} attest_tpm_bank_t;

/* PCR values, no bank twice; the order of the banks does not matter. */
typedef struct {
    attest_tpm_bank_t   banks[ATTEST_TPM_MAX_BANKS];
    size_t              count;
} attest_tpm_pcrs_t;


/* TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE. */
typedef struct {
    attest_span_t   qualified_signer;
    attest_span_t   extra;
    uint64_t        clock;
    uint32_t        reset_count;
    uint32_t        restart_count;
    uint8_t         safe;
    uint64_t        firmware;
    struct {
        uint16_t    alg;
        uint32_t    select;
    }               banks[ATTEST_TPM_MAX_BANKS];
    size_t          nbanks;
    attest_span_t   pcr_digest;
} attest_tpm_quote_t;


/* The public area of a key, TPMT_PUBLIC: RSA or ECC. */
typedef struct {
    uint16_t        type;                    /* 0001 RSA, 0023 ECC */
    uint16_t        name_alg;
    uint32_t        attributes;
    attest_span_t   policy;
    uint16_t        scheme;                  /* 0010 null, 0014, 0016, 0018 */
    uint16_t        hash;
    uint16_t        sym_bits;                /* storage keys: AES key bits */
    uint16_t        curve;                   /* ECC: 0003 P-256, 0004 P-384 */
    EVP_PKEY       *key;                     /* owned */
    uint8_t         name[ATTEST_TPM_NAME_LEN];  /* name_alg SHA-256 only */
} attest_tpm_public_t;


/*
 * The "tpm" item: a deterministic CBOR map with all of these text keys.
 * Texts are printable ASCII, at most 64 bytes; quote, signature, ak and ek at
 * most 1024 bytes, ek-cert 8192.  A parsed item borrows from its input.
 */
typedef struct {
    attest_span_t       root;       /* "root": root of trust label, text */
    attest_span_t       quote;      /* "quote": TPMS_ATTEST */
    attest_span_t       signature;  /* "signature": TPMT_SIGNATURE */
    attest_span_t       ak;         /* "ak": TPMT_PUBLIC */
    attest_span_t       ek;         /* "ek": TPMT_PUBLIC, may be empty */
    attest_span_t       ek_cert;    /* "ek-cert": DER, may be empty */
    attest_span_t       maker;      /* "maker": manufacturer and vendor text */
    attest_tpm_pcrs_t   pcrs;       /* "pcrs": { alg uint => { i => bytes } } */
} attest_tpm_item_t;


/*
 * One whole TPMS_ATTEST: magic, type quote, nothing behind it.  Spans borrow
 * from p.  ATTEST_EFORMAT; ATTEST_ELIMIT: more than 4 banks or 24 PCRs.
 */
int attest_tpm_quote_parse(const uint8_t *p, size_t n, attest_tpm_quote_t *q);

/*
 * One whole TPMT_PUBLIC (no TPM2B size in front) of an RSA (1024 to 4096
 * bits, e = 65537) or ECC (P-256, P-384) key.  pub->policy borrows from p;
 * pub->key is freed by attest_tpm_public_free(), on failure by the parser.
 * ATTEST_EUNSUPPORTED: another type, size, curve, scheme or cipher;
 * ATTEST_ECRYPTO: the numbers are no key, such as a point off its curve.
 */
int attest_tpm_public_parse(const uint8_t *p, size_t n,
    attest_tpm_public_t *pub);
void attest_tpm_public_free(attest_tpm_public_t *pub);

/*
 * Attributes and scheme of an attestation key: restricted, fixed, signing,
 * SHA-256 or better, RSA-2048 or better or ECC.  ATTEST_ECRYPTO when not;
 * ATTEST_EUNSUPPORTED: the Name is not a SHA-256.
 */
int attest_tpm_ak_check(const attest_tpm_public_t *ak);

/*
 * TPMT_SIGNATURE (RSASSA, RSAPSS, ECDSA; SHA-256 or better) over msg.  Its
 * scheme and hash must be the key's own; a key with no scheme (0 or 0010)
 * takes any of its type.  ATTEST_EUNSUPPORTED: SHA-1 or another scheme;
 * ATTEST_ECRYPTO: does not verify, or not this key's scheme or size.
 */
int attest_tpm_signature_verify(const attest_tpm_public_t *ak,
    const uint8_t *sig, size_t sig_len, const uint8_t *msg, size_t msg_len);

/*
 * Does pcrDigest cover exactly these values?  `hash` is the hash of the
 * signing scheme, not of a bank.  ATTEST_EMISMATCH: selection or digest, or
 * no PCR at all; ATTEST_EUNSUPPORTED: a SHA-1 bank or an unknown one.
 */
int attest_tpm_pcr_digest_check(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs, uint16_t hash);

/* Hash of the TPMT_SIGNATURE's scheme. */
int attest_tpm_signature_hash(const uint8_t *sig, size_t sig_len,
    uint16_t *hash);

/*
 * *len: room in, bytes out; ATTEST_ENOSPACE leaves the need in *len.
 * ATTEST_EARG: no ak, quote, signature or root, a bank twice or of the wrong
 * length, text that is not printable; ATTEST_ELIMIT: a part is too long.
 */
int attest_tpm_item_encode(const attest_tpm_item_t *item, uint8_t *out,
    size_t *len);
/* Only what attest_tpm_item_encode() makes, byte for byte; banks ascend. */
int attest_tpm_item_parse(const uint8_t *p, size_t n,
    attest_tpm_item_t *item);

/* Digest length of a TPM hash algorithm, 0 if unknown; and its name. */
size_t attest_tpm_alg_len(uint16_t alg);
const char *attest_tpm_alg_name(uint16_t alg);

/* 1 for a firmwareVersion that only libtpms (software) reports. */
bool attest_tpm_firmware_is_software(uint64_t firmware);

/*
 * TPM2_MakeCredential in software (part 1, section 24): the secret encrypted
 * to the EK so that only a TPM which holds both EK and the key named ak_name
 * can recover it.  cred: TPM2B_ID_OBJECT, enc: TPM2B_ENCRYPTED_SECRET, both
 * with their u16be size.  *_len: room in, bytes out.  EK: RSA-2048 or P-256
 * with AES-128-CFB and SHA-256 (TCG EK profile L-1, L-2).
 * ATTEST_EUNSUPPORTED: another EK; ATTEST_ECRYPTO: not a storage key;
 * ATTEST_ENOSPACE leaves the needs in both lengths.
 */
int attest_tpm_make_credential(const attest_tpm_public_t *ek,
    const uint8_t ak_name[ATTEST_TPM_NAME_LEN],
    const uint8_t secret[ATTEST_TPM_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len);

/*
 * Is the key of this public area the key of the certificate (DER, nothing
 * behind it)?  Compares keys only: the chain is the caller's to check.
 * ATTEST_EFORMAT, ATTEST_EMISMATCH; ATTEST_EUNSUPPORTED: no usable key.
 */
int attest_tpm_ek_matches_cert(const attest_tpm_public_t *ek,
    const uint8_t *der, size_t len);


#endif /* ATTEST_TPM_H_INCLUDED */
