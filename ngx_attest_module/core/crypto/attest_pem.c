/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The only file that reads PEM, without ever asking for a pass phrase.
 */


#include <limits.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "core/crypto/attest_pem.h"


static int attest_pem_refuse(char *buf, int size, int rwflag, void *asked);
static BIO *attest_pem_open(attest_span_t pem);
static void attest_pem_close(BIO *bio, attest_span_t pem, size_t *used);


X509 *
attest_pem_cert(attest_span_t pem, size_t *used)
{
    BIO   *bio = attest_pem_open(pem);
    X509  *cert = NULL;

    if (bio != NULL) {
        cert = PEM_read_bio_X509(bio, NULL, attest_pem_refuse, NULL);
    }

    attest_pem_close(bio, pem, used);
    return cert;
}


X509_CRL *
attest_pem_crl(attest_span_t pem, size_t *used)
{
    BIO       *bio = attest_pem_open(pem);
    X509_CRL  *crl = NULL;

    if (bio != NULL) {
        crl = PEM_read_bio_X509_CRL(bio, NULL, attest_pem_refuse, NULL);
    }

    attest_pem_close(bio, pem, used);
    return crl;
}


EVP_PKEY *
attest_pem_key(attest_span_t pem, int *encrypted)
{
    BIO       *bio = attest_pem_open(pem);
    EVP_PKEY  *key = NULL;

    *encrypted = 0;

    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, attest_pem_refuse,
                                      encrypted);
    }

    attest_pem_close(bio, pem, NULL);
    return key;
}


/*
 * An empty pass phrase would be one, so it is less than that.  Without a
 * function of this kind, or with NULL, OpenSSL takes its own, which asks.
 */

static int
attest_pem_refuse(char *buf, int size, int rwflag, void *asked)
{
    int  *flag = asked;

    (void) buf;
    (void) size;
    (void) rwflag;

    if (flag != NULL) {
        *flag = 1;
    }

    return -1;
}


static BIO *
attest_pem_open(attest_span_t pem)
{
    return pem.n == 0 || pem.n > INT_MAX ? NULL
           : BIO_new_mem_buf(pem.p, (int) pem.n);
}


static void
attest_pem_close(BIO *bio, attest_span_t pem, size_t *used)
{
    if (used != NULL) {
        *used = pem.n - (bio != NULL ? BIO_ctrl_pending(bio) : 0);
    }

    BIO_free(bio);
}
