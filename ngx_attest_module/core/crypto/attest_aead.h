/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AEADs of HPKE on OpenSSL EVP: one direction of records, whose nonce is
 * counted (RFC 9180 section 5.2).
 */


#ifndef ATTEST_AEAD_H_INCLUDED
#define ATTEST_AEAD_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_AEAD_AES_128_GCM     0x0001
#define ATTEST_AEAD_AES_256_GCM     0x0002
#define ATTEST_AEAD_CHACHA20        0x0003
#define ATTEST_AEAD_EXPORT_ONLY     0xffff
#define ATTEST_AEADS                3        /* with a cipher; from 1 */

#define ATTEST_AEAD_MAX_KEY         32
#define ATTEST_AEAD_NONCE           12
#define ATTEST_AEAD_TAG             16


/*
 * AEAD of a response direction: key, nonce base and counter outside of HPKE
 * (RFC 9458 section 4.4, EHBP section 1.3).
 */

typedef struct {
    EVP_CIPHER_CTX  *cipher;
    uint8_t          nonce[ATTEST_AEAD_NONCE];
    uint64_t         seq;
    int              seal;
} attest_aead_t;


/* Key length of the AEAD in bytes; 0: unknown. */
size_t attest_aead_key_len(uint16_t aead);

int attest_aead_init(attest_aead_t *a, uint16_t aead, const uint8_t *key,
    const uint8_t nonce[ATTEST_AEAD_NONCE], int seal);
/* Seal: ct holds pt_len + 16 bytes; ct == pt is allowed. */
int attest_aead_seal(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *pt, size_t pt_len, uint8_t *ct);
/* Open: pt holds ct_len - 16 bytes, and is wiped when the tag is wrong. */
int attest_aead_open(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *ct, size_t ct_len, uint8_t *pt);
void attest_aead_clear(attest_aead_t *a);


/* What both directions of HPKE, and attest_aead_t, are made of. */

/* The caller frees it; NULL also for an unknown one. */
EVP_CIPHER *attest_aead_fetch(uint16_t aead);
/* The caller frees it; type NULL: fetched here. */
EVP_CIPHER_CTX *attest_aead_cipher(EVP_CIPHER *type, uint16_t aead,
    const uint8_t *key, int seal);

/* Nonce number seq, and the additional data. */
int attest_aead_start(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_AEAD_NONCE], uint64_t seq, attest_span_t aad);
/* out NULL: additional data. */
int attest_aead_update(EVP_CIPHER_CTX *c, const uint8_t *in, size_t n,
    uint8_t *out);
/* All was decrypted; its tag lies at p.  ATTEST_ECRYPTO: another one. */
int attest_aead_tag(EVP_CIPHER_CTX *c, const uint8_t *p);

/* One record; *seq advances only after a success. */
int attest_aead_seal_raw(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_AEAD_NONCE], uint64_t *seq, attest_span_t aad,
    attest_span_t pt, uint8_t *ct);
int attest_aead_open_raw(EVP_CIPHER_CTX *c,
    const uint8_t base[ATTEST_AEAD_NONCE], uint64_t *seq, attest_span_t aad,
    attest_span_t ct, uint8_t *pt);


#endif /* ATTEST_AEAD_H_INCLUDED */
