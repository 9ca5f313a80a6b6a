
/*
 * Hybrid public key encryption, RFC 9180, base mode, on OpenSSL EVP.
 *
 * Own code because OSSL_HPKE exists only from OpenSSL 3.2 and refuses empty
 * plaintexts, which EHBP and chunked OHTTP need.
 */


#ifndef ATTEST_HPKE_H_INCLUDED
#define ATTEST_HPKE_H_INCLUDED


#include <openssl/evp.h>

#include "attest_core.h"
#include "attest_xwing.h"


#define ATTEST_KEM_P256             0x0010   /* DHKEM(P-256, HKDF-SHA256) */
#define ATTEST_KEM_X25519           0x0020   /* DHKEM(X25519, HKDF-SHA256) */
#define ATTEST_KEM_XWING            0x647a   /* where OpenSSL has ML-KEM */
#define ATTEST_KDF_HKDF_SHA256      0x0001
#define ATTEST_AEAD_AES_128_GCM     0x0001
#define ATTEST_AEAD_AES_256_GCM     0x0002
#define ATTEST_AEAD_CHACHA20        0x0003
#define ATTEST_AEAD_EXPORT_ONLY     0xffff

#define ATTEST_HPKE_MAX_ENC         ATTEST_XWING_ENC
#define ATTEST_HPKE_MAX_PK          ATTEST_XWING_PK
#define ATTEST_HPKE_MAX_SK          32
#define ATTEST_HPKE_NH              32       /* HKDF-SHA256 output */
#define ATTEST_HPKE_NN              12       /* AEAD nonce */
#define ATTEST_HPKE_NT              16       /* AEAD tag */
#define ATTEST_HPKE_MAX_SECRET      32       /* of a response */


typedef struct {
    uint16_t  kem;
    uint16_t  kdf;
    uint16_t  aead;
} attest_hpke_suite_t;


/*
 * A recipient's key pair: private key as RFC 9180 serializes it (32 bytes for
 * every KEM), public key (32, 65 or 1216), and the EVP objects made of it.
 * Holds a secret: attest_hpke_key_clear() wipes and frees.
 */

typedef struct {
    uint16_t    kem;
    uint8_t     sk[ATTEST_HPKE_MAX_SK];
    uint8_t     pk[ATTEST_HPKE_MAX_PK];
    size_t      pk_len;
    EVP_PKEY   *pkey;                        /* X-Wing: its X25519 part */
    EVP_PKEY   *mlkem;                       /* X-Wing only */

    struct attest_hpke_tools_s  *tools;      /* or NULL */
} attest_hpke_key_t;


/* What attest_hpke_key_prepare() keeps. */
typedef struct attest_hpke_tools_s  attest_hpke_tools_t;


/*
 * An established context: one direction, sequence number kept inside.  The
 * sequence number advances only after a success.
 */

typedef struct {
    attest_hpke_suite_t   suite;
    uint8_t               key[32];
    uint8_t               base_nonce[ATTEST_HPKE_NN];
    uint8_t               exporter[ATTEST_HPKE_NH];
    uint64_t              seq;
    EVP_CIPHER_CTX       *cipher;
    attest_hpke_tools_t  *tools;             /* borrowed from the key */
} attest_hpke_ctx_t;


/*
 * Lengths of the KEM's encapsulated key and public key; 0: unknown.  Of
 * X-Wing they are known even where it is not available.
 */
size_t attest_hpke_enc_len(uint16_t kem);
size_t attest_hpke_pk_len(uint16_t kem);
/* Key length of the AEAD in bytes; 0: unknown. */
size_t attest_hpke_aead_key_len(uint16_t aead);

/* A new random key pair. */
int attest_hpke_key_generate(attest_hpke_key_t *key, uint16_t kem);
/*
 * DeriveKeyPair(ikm), RFC 9180 section 7.1.3; ikm at least 32 bytes.  Not for
 * X-Wing, whose seed is imported (ATTEST_EUNSUPPORTED).
 */
int attest_hpke_key_derive(attest_hpke_key_t *key, uint16_t kem,
    const uint8_t *ikm, size_t ikm_len);
/*
 * From a serialized private key of 32 bytes; computes the public key.
 * ATTEST_EUNSUPPORTED: unknown, or X-Wing with an OpenSSL that lacks ML-KEM.
 */
int attest_hpke_key_import(attest_hpke_key_t *key, uint16_t kem,
    const uint8_t sk[32]);
void attest_hpke_key_clear(attest_hpke_key_t *key);

/*
 * For a key that many requests are for: algorithms are fetched and contexts
 * made once, and kept with the key.  From then on the key and the contexts
 * of its recipient are for one thread, and it must outlive them.
 */
int attest_hpke_key_prepare(attest_hpke_key_t *key);

/*
 * SetupBaseR, RFC 9180 section 5.1.1.  ATTEST_ECRYPTO when `enc` is refused
 * (wrong length, low-order point, not on the curve).  Clear the context with
 * attest_hpke_ctx_clear() after success.
 */
int attest_hpke_setup_recipient(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const attest_hpke_key_t *key,
    const uint8_t *enc, size_t enc_len, const uint8_t *info, size_t info_len);

/*
 * SetupBaseS.  `ephemeral` NULL draws a fresh key pair; tests of published
 * vectors give one, but for X-Wing.  enc_out holds
 * attest_hpke_enc_len(suite->kem) bytes.
 */
int attest_hpke_setup_sender(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t *pk, size_t pk_len,
    const attest_hpke_key_t *ephemeral, const uint8_t *info, size_t info_len,
    uint8_t *enc_out);

/*
 * Open: pt holds ct_len - 16 bytes; pt == ct is allowed, partial overlap is
 * not.  On ATTEST_ECRYPTO pt is wiped (nothing unauthenticated leaves).
 */
int attest_hpke_open(attest_hpke_ctx_t *ctx, const uint8_t *aad,
    size_t aad_len, const uint8_t *ct, size_t ct_len, uint8_t *pt);
/*
 * Whether attest_hpke_open() without additional data would succeed: for a
 * message in its own place that another key may be for.  ATTEST_ECRYPTO: not.
 */
int attest_hpke_probe(attest_hpke_ctx_t *ctx, const uint8_t *ct,
    size_t ct_len);
/* Seal: ct holds pt_len + 16 bytes; ct == pt is allowed. */
int attest_hpke_seal(attest_hpke_ctx_t *ctx, const uint8_t *aad,
    size_t aad_len, const uint8_t *pt, size_t pt_len, uint8_t *ct);
/* Export, RFC 9180 section 5.3; len at most 255 * 32. */
int attest_hpke_export(const attest_hpke_ctx_t *ctx, const uint8_t *label,
    size_t label_len, uint8_t *out, size_t len);
void attest_hpke_ctx_clear(attest_hpke_ctx_t *ctx);

/* HKDF-SHA256, RFC 5869. */
int attest_hkdf_extract(const uint8_t *salt, size_t salt_len,
    const uint8_t *ikm, size_t ikm_len, uint8_t prk[32]);
int attest_hkdf_expand(const uint8_t prk[32], const uint8_t *info,
    size_t info_len, uint8_t *out, size_t len);


/*
 * AEAD of a response direction: key, nonce base and counter outside of HPKE
 * (RFC 9458 section 4.4, EHBP section 1.3).
 */

typedef struct {
    EVP_CIPHER_CTX  *cipher;
    uint8_t          nonce[ATTEST_HPKE_NN];
    uint64_t         seq;
    int              seal;
} attest_aead_t;

int attest_aead_init(attest_aead_t *a, uint16_t aead, const uint8_t *key,
    const uint8_t nonce[ATTEST_HPKE_NN], int seal);
int attest_aead_seal(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *pt, size_t pt_len, uint8_t *ct);
int attest_aead_open(attest_aead_t *a, const uint8_t *aad, size_t aad_len,
    const uint8_t *ct, size_t ct_len, uint8_t *pt);
void attest_aead_clear(attest_aead_t *a);

/*
 * The AEAD of a response, with the suite's own algorithm:
 *
 *     secret = Export(label, secret_len)            at most 32 bytes
 *     prk    = HKDF-Extract(salt, secret)
 *     key    = HKDF-Expand(prk, "key", Nk)
 *     nonce  = HKDF-Expand(prk, "nonce", Nn)
 */
int attest_hpke_response(attest_aead_t *a, const attest_hpke_ctx_t *ctx,
    attest_span_t label, size_t secret_len, attest_span_t salt, int seal);


#endif /* ATTEST_HPKE_H_INCLUDED */
