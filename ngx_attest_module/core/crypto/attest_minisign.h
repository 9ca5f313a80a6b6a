/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed policies: Ed25519 signatures as minisign makes them (Debian package
 * "minisign"; format at jedisct1.github.io/minisign, prehashed "ED" form).
 */


#ifndef ATTEST_MINISIGN_H_INCLUDED
#define ATTEST_MINISIGN_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_MINISIGN_MAX      2048       /* bytes of a signature or key */
#define ATTEST_MINISIGN_COMMENT  512        /* of the trusted comment */


typedef struct {
    uint8_t   id[8];
    uint8_t   pk[32];
} attest_minisign_key_t;


/*
 * A public key: the base64 text, alone or as the second line of a .pub file.
 * ATTEST_EFORMAT.
 */
int attest_minisign_key(const char *text, size_t n,
    attest_minisign_key_t *key);

/*
 * Is this signature (the text of a .minisig file) by this key over these
 * bytes?  The trusted comment, which is signed too, is copied out,
 * 0-terminated and with '?' for what is not printable ASCII; may be NULL.
 * ATTEST_EFORMAT; ATTEST_EUNSUPPORTED: the old form without prehashing;
 * ATTEST_EMISMATCH: another key; ATTEST_ECRYPTO: not a good signature.
 */
int attest_minisign_verify(const attest_minisign_key_t *key,
    const char *sig, size_t sig_len, const uint8_t *msg, size_t n,
    char comment[ATTEST_MINISIGN_COMMENT]);

/*
 * When it was signed, Unix seconds: minisign begins its trusted comments with
 * "timestamp:SECONDS".  -1: this one says nothing of the time.
 */
int64_t attest_minisign_time(const char *comment);


#endif /* ATTEST_MINISIGN_H_INCLUDED */
