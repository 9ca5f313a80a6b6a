/* SPDX-License-Identifier: Apache-2.0 */

/*
 * X-Wing, the KEM 0x647a of HPKE: ML-KEM-768 and X25519 together
 * (draft-connolly-cfrg-xwing-kem, draft-ietf-hpke-pq).  Needs an OpenSSL that
 * has ML-KEM, 3.5 or newer, found out when the program runs.
 *
 *   seed(32)   x = SHAKE256(seed, 96); ML-KEM-768 of x[0:64], X25519 of the
 *              rest
 *   pk(1216)   ML-KEM(1184) | X25519(32)
 *   enc(1120)  ML-KEM(1088) | X25519(32)
 *   secret     SHA3-256(ssM | ssX | enc[1088:] | pk[1184:] | label)
 *
 * All return ATTEST_EUNSUPPORTED where OpenSSL lacks it, and leave its error
 * queue as it was.
 */


#ifndef ATTEST_XWING_H_INCLUDED
#define ATTEST_XWING_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_X25519_LEN       32           /* of a key, of a secret */
#define ATTEST_XWING_SEED       32
#define ATTEST_XWING_SECRET     32           /* of ML-KEM, too */
#define ATTEST_XWING_MLKEM_PK   1184
#define ATTEST_XWING_MLKEM_CT   1088
#define ATTEST_XWING_PK         (ATTEST_XWING_MLKEM_PK + ATTEST_X25519_LEN)
#define ATTEST_XWING_ENC        (ATTEST_XWING_MLKEM_CT + ATTEST_X25519_LEN)


/* 1: this OpenSSL has ML-KEM-768. Costs a fetch. */
bool attest_xwing_available(void);

/* Both key pairs, which the caller frees, and the public key, of a seed. */
int attest_xwing_keypair(const uint8_t seed[ATTEST_XWING_SEED],
    EVP_PKEY **mlkem,
    EVP_PKEY **x25519, uint8_t pk[ATTEST_XWING_PK]);

/*
 * The secret of enc, of which ssx is the X25519 part.  A changed enc gives
 * another secret, not an error.
 */
int attest_xwing_decap(EVP_PKEY *mlkem, const uint8_t ssx[ATTEST_X25519_LEN],
    const uint8_t enc[ATTEST_XWING_ENC], const uint8_t pk[ATTEST_XWING_PK],
    uint8_t secret[ATTEST_XWING_SECRET]);

/* A fresh secret for pk, and its enc. ATTEST_ECRYPTO: pk is refused. */
int attest_xwing_encap(const uint8_t pk[ATTEST_XWING_PK],
    uint8_t enc[ATTEST_XWING_ENC], uint8_t secret[ATTEST_XWING_SECRET]);


#endif /* ATTEST_XWING_H_INCLUDED */
