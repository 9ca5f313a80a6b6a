/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key encapsulation of HPKE: a recipient's key pair, and what is made of it
 * and of the other side's public key (RFC 9180 sections 4 and 7.1).
 */


#ifndef ATTEST_KEM_H_INCLUDED
#define ATTEST_KEM_H_INCLUDED


#include <openssl/evp.h>

#include "core/crypto/attest_aead.h"
#include "core/base/attest_core.h"
#include "core/crypto/attest_hkdf.h"
#include "core/crypto/attest_xwing.h"


#define ATTEST_KEM_P256             0x0010   /* DHKEM(P-256, HKDF-SHA256) */
#define ATTEST_KEM_X25519           0x0020   /* DHKEM(X25519, HKDF-SHA256) */
#define ATTEST_KEM_XWING            0x647a   /* where OpenSSL has ML-KEM */
#define ATTEST_KDF_HKDF_SHA256      0x0001

#define ATTEST_KEM_MAX_ENC          ATTEST_XWING_ENC
#define ATTEST_KEM_MAX_PK           ATTEST_XWING_PK
#define ATTEST_KEM_MAX_SK           32
#define ATTEST_KEM_P256_LEN         65       /* an uncompressed point */
#define ATTEST_KEM_DH               32       /* of every KEM */
#define ATTEST_KEM_SECRET           32

#define ATTEST_HPKE_KSC_LEN         (1 + 2 * ATTEST_SHA256_LEN)

/* Contexts that a key remembers: three AEADs, two forms of OHTTP, EHBP. */
#define ATTEST_HPKE_KSC_KEPT        8
#define ATTEST_HPKE_KSC_INFO        64                 /* longer: not kept */


typedef struct {
    uint16_t  kem;
    uint16_t  kdf;
    uint16_t  aead;
} attest_hpke_suite_t;


/* Key schedule contexts hold nothing of a request: RFC 9180 section 5.1. */

typedef struct {
    attest_hpke_suite_t   suite;
    uint8_t               info[ATTEST_HPKE_KSC_INFO];
    size_t                info_len;
    uint8_t               ksc[ATTEST_HPKE_KSC_LEN];
} attest_hpke_ksc_t;


/* What every request needs again, and would cost as much as it. */

typedef struct {
    EVP_MD               *md;
    EVP_MD_CTX           *digest;
    EVP_CIPHER           *aead[ATTEST_AEADS];
    EVP_PKEY_CTX         *derive;              /* of the key, or NULL */
    EVP_PKEY             *peer;                /* X25519, set anew each time */
    attest_hpke_ksc_t     ksc[ATTEST_HPKE_KSC_KEPT];
    size_t                kept;
} attest_kem_tools_t;


/*
 * A recipient's key pair: private key as RFC 9180 serializes it (32 bytes for
 * every KEM), public key (32, 65 or 1216), and the EVP objects made of it.
 * Holds a secret: attest_kem_key_clear() wipes and frees.
 */

typedef struct {
    uint16_t             kem;
    uint8_t              sk[ATTEST_KEM_MAX_SK];
    uint8_t              pk[ATTEST_KEM_MAX_PK];
    size_t               pk_len;
    EVP_PKEY            *pkey;               /* X-Wing: its X25519 part */
    EVP_PKEY            *mlkem;              /* X-Wing only */
    attest_kem_tools_t  *tools;              /* or NULL */
} attest_kem_key_t;


/*
 * Lengths of the KEM's encapsulated key and public key; 0: unknown.  Of
 * X-Wing they are known even where it is not available.
 */
size_t attest_kem_enc_len(uint16_t kem);
size_t attest_kem_pk_len(uint16_t kem);

/* A new random key pair. */
int attest_kem_key_generate(attest_kem_key_t *key, uint16_t kem);
/*
 * DeriveKeyPair(ikm), RFC 9180 section 7.1.3; ikm at least 32 bytes.  Not for
 * X-Wing, whose seed is imported (ATTEST_EUNSUPPORTED).
 */
int attest_kem_key_derive(attest_kem_key_t *key, uint16_t kem,
    const uint8_t *ikm, size_t ikm_len);
/*
 * From a serialized private key of 32 bytes; computes the public key.
 * ATTEST_EUNSUPPORTED: unknown, or X-Wing with an OpenSSL that lacks ML-KEM.
 */
int attest_kem_key_import(attest_kem_key_t *key, uint16_t kem,
    const uint8_t sk[ATTEST_KEM_MAX_SK]);
void attest_kem_key_clear(attest_kem_key_t *key);

/*
 * For a key that many requests are for: algorithms are fetched and contexts
 * made once, and kept with the key.  From then on the key and the contexts
 * of its recipient are for one thread, and it must outlive them.
 */
int attest_kem_key_prepare(attest_kem_key_t *key);

/* The same for who seals to keys of others; NULL: there is no memory. */
attest_kem_tools_t *attest_kem_tools_new(void);
void attest_kem_tools_free(attest_kem_tools_t *t);


/* What attest_hpke.c sets its contexts up with. */
int attest_kem_dh(const attest_kem_key_t *key, const uint8_t *pk,
    size_t pk_len, uint8_t dh[ATTEST_KEM_DH]);
/* Of a DH result and both public keys; of X-Wing dh is the secret. */
int attest_kem_shared(attest_hmac_t *h, uint16_t kem,
    const uint8_t dh[ATTEST_KEM_DH],
    const uint8_t *enc, const uint8_t *pk, uint8_t shared[ATTEST_KEM_SECRET]);
int attest_kem_decap_xwing(const attest_kem_key_t *key, const uint8_t *enc,
    size_t enc_len, uint8_t secret[ATTEST_KEM_SECRET]);


#endif /* ATTEST_KEM_H_INCLUDED */
