/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates as evidence carries them: reading them within limits, and
 * checking a chain at a given time against given anchors.  No clock, no
 * system trust store.
 */


#ifndef ATTEST_X509_H_INCLUDED
#define ATTEST_X509_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"


typedef struct {
    STACK_OF(X509)       *anchors;     /* the only trusted ones */
    STACK_OF(X509)       *untrusted;   /* intermediates; may be NULL */
    STACK_OF(X509_CRL)   *crls;        /* NULL or empty: not asked for */
    int64_t               now;         /* Unix seconds */
    unsigned              partial:1;   /* an anchor need not be a root */
} attest_x509_chain_t;


/*
 * One DER certificate, or PEM certificates one behind the other, with nothing
 * but white space and NUL between and behind them; 1..ATTEST_MAX_CERTS.  Free
 * with sk_X509_pop_free(.., X509_free).  NULL: malformed or too many.
 */
STACK_OF(X509) *attest_x509_read(attest_span_t bytes);

/* One DER certificate and nothing behind it; NULL when it is not. */
X509 *attest_x509_read_der(attest_span_t der);

/*
 * Certificates decoded before, found again by all of their bytes: one machine
 * shows the same ones again and again, and to decode one takes OpenSSL about
 * as long as an RSA signature.  It says nothing about whether they are good.
 * The caller's, zeroed at first, for one thread at a time.
 */

#define ATTEST_X509_KEPT    8

typedef struct {
    struct {
        X509       *cert;
        uint8_t    *der;
        size_t      n;
    } kept[ATTEST_X509_KEPT];
    size_t          next;          /* the oldest, which goes first */
} attest_x509_cache_t;

/* attest_x509_read_der() through it (NULL: without); the caller frees it. */
X509 *attest_x509_read_kept(attest_x509_cache_t *cache, attest_span_t der);
void attest_x509_cache_clear(attest_x509_cache_t *cache);

/*
 * NULL when a chain leads from the leaf to an anchor and everything in it is
 * valid at that time; else a static text that says why not.  With CRLs every
 * certificate below the anchor needs one that is valid then, and must not be
 * in it.  Unknown critical extensions, SHA-1, MD5 and short keys are refused.
 */
const char *attest_x509_chain(X509 *leaf, const attest_x509_chain_t *c);

/* SHA-256 of the DER SubjectPublicKeyInfo. ATTEST_EINTERNAL, ATTEST_OK. */
int attest_x509_spki_hash(EVP_PKEY *key, uint8_t digest[ATTEST_SHA256_LEN]);


#endif /* ATTEST_X509_H_INCLUDED */
