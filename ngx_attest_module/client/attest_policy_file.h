/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_POLICY_FILE_H_INCLUDED
#define ATTEST_POLICY_FILE_H_INCLUDED


#include "core/crypto/attest_minisign.h"
#include "core/policy/attest_policy.h"
#include "client/attest_bytes.h"


typedef struct {
    attest_bytes_t          bytes;      /* of the file, a 0 behind */
    uint8_t                 digest[ATTEST_SHA256_LEN];
    attest_minisign_key_t   key;        /* that has signed it, */
    int64_t                 signed_at;  /* and when; -1: nobody has */
} attest_policy_file_t;


/*
 * The policy in file `name`; key, if not NULL, is the file of a minisign
 * public key, by which NAME.minisig must have been made, with its date.
 * ATTEST_OK: attest_policy_file_clear() and attest_policy_clear().  Else err
 * says what is wrong, names the file, and nothing is left to free.
 */
int attest_policy_file(const char *name, const char *key,
    attest_policy_file_t *file, attest_policy_t *policy,
    char err[ATTEST_CLIENT_ERR]);
void attest_policy_file_clear(attest_policy_file_t *file);


#endif /* ATTEST_POLICY_FILE_H_INCLUDED */
