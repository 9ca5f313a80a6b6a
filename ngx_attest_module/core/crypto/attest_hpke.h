/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hybrid public key encryption, RFC 9180, base mode, on OpenSSL EVP.
 *
 * Own code because OSSL_HPKE exists only from OpenSSL 3.2 and refuses empty
 * plaintexts, which EHBP and chunked OHTTP need.
 */


#ifndef ATTEST_HPKE_H_INCLUDED
#define ATTEST_HPKE_H_INCLUDED


#include <openssl/evp.h>

#include "core/crypto/attest_aead.h"
#include "core/crypto/attest_hkdf.h"
#include "core/crypto/attest_kem.h"


/* As RFC 9180 calls them: AEAD nonce, AEAD tag. */
#define ATTEST_HPKE_NN              ATTEST_AEAD_NONCE
#define ATTEST_HPKE_NT              ATTEST_AEAD_TAG
#define ATTEST_HPKE_MAX_SECRET      32       /* of a response */


/*
 * An established context: one direction, sequence number kept inside.  The
 * sequence number advances only after a success.
 */

typedef struct {
    attest_hpke_suite_t   suite;
    uint8_t               key[ATTEST_AEAD_MAX_KEY];
    uint8_t               base_nonce[ATTEST_HPKE_NN];
    uint8_t               exporter[ATTEST_SHA256_LEN];
    uint64_t              seq;
    EVP_CIPHER_CTX       *cipher;
    attest_kem_tools_t   *tools;             /* borrowed, or NULL */
} attest_hpke_ctx_t;


/*
 * SetupBaseR, RFC 9180 section 5.1.1.  ATTEST_ECRYPTO when `enc` is refused
 * (wrong length, low-order point, not on the curve).  Clear the context with
 * attest_hpke_ctx_clear() after success.
 */
int attest_hpke_setup_recipient(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const attest_kem_key_t *key,
    const uint8_t *enc, size_t enc_len, const uint8_t *info, size_t info_len);

/*
 * SetupBaseS.  `ephemeral` NULL draws a fresh key pair; tests of published
 * vectors give one, but for X-Wing.  enc_out holds
 * attest_kem_enc_len(suite->kem) bytes.
 */
int attest_hpke_setup_sender(attest_hpke_ctx_t *ctx,
    const attest_hpke_suite_t *suite, const uint8_t *pk, size_t pk_len,
    const attest_kem_key_t *ephemeral, const uint8_t *info, size_t info_len,
    uint8_t *enc_out);
/*
 * The same with a fresh key pair, for who seals many requests: tools are of
 * this thread, and outlive the context.
 */
int attest_hpke_setup_sender_with(attest_hpke_ctx_t *ctx,
    attest_kem_tools_t *tools, const attest_hpke_suite_t *suite,
    attest_span_t pk, attest_span_t info, uint8_t *enc_out);

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
