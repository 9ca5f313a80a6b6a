/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The only reader of PEM.  What it reads comes from strangers, and OpenSSL's
 * readers ask the terminal, or the caller's standard input, for a pass phrase
 * as soon as a block of whatever kind calls itself encrypted.  This one never
 * asks: such a block is malformed.
 */


#ifndef ATTEST_PEM_H_INCLUDED
#define ATTEST_PEM_H_INCLUDED


#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/attest_core.h"


/*
 * The first block of its kind; *used (may be NULL) is the number of bytes up
 * to and with its end, or to where it failed.  NULL: there is none, or it
 * cannot be read.
 */
X509 *attest_pem_cert(attest_span_t pem, size_t *used);
X509_CRL *attest_pem_crl(attest_span_t pem, size_t *used);

/* *encrypted is set when only a pass phrase is missing. */
EVP_PKEY *attest_pem_key(attest_span_t pem, int *encrypted);


#endif /* ATTEST_PEM_H_INCLUDED */
