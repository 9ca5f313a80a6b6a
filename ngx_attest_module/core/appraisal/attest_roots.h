/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The makers' root certificates and some intermediates that evidence does not
 * carry, shipped as data: attest_roots_<maker>.c holds each with its SHA-256
 * fingerprint and its origin.
 */


#ifndef ATTEST_ROOTS_H_INCLUDED
#define ATTEST_ROOTS_H_INCLUDED


#include <openssl/x509.h>

#include "core/evidence/attest_kind.h"


typedef struct {
    int              root;         /* 1: an anchor, 0: an intermediate */
    const char      *name;
    const char      *sha256;       /* of the DER, lower case hex */
    const char      *pem;
} attest_root_cert_t;

/* All of them, each maker's ended by one without a name. */
extern const attest_root_cert_t *const  attest_root_certs[ATTEST_MAKERS];


/* Decoded; made once and given to every verification. */

typedef struct {
    STACK_OF(X509)  *anchors[ATTEST_MAKERS];
    STACK_OF(X509)  *intermediates[ATTEST_MAKERS];   /* never trusted */
} attest_roots_t;

/* ATTEST_EINTERNAL: *roots is empty, nothing to free. */
int attest_roots_load(attest_roots_t *roots);
void attest_roots_clear(attest_roots_t *roots);


#endif /* ATTEST_ROOTS_H_INCLUDED */
