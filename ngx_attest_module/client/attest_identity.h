/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_IDENTITY_H_INCLUDED
#define ATTEST_IDENTITY_H_INCLUDED


#include <openssl/ssl.h>

#include "client/attest_bytes.h"


/* A PEM file, and how messages call it. */

typedef struct {
    const char   *what;
    const char   *name;
} attest_identity_file_t;


/* Certificates and key; or err is set. */
int attest_identity(SSL_CTX *ctx, const attest_identity_file_t *cert,
    const attest_identity_file_t *key, char err[ATTEST_CLIENT_ERR]);


#endif /* ATTEST_IDENTITY_H_INCLUDED */
