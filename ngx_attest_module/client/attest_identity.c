/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who we are, to gateways that ask their clients for a certificate.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/crypto/attest_pem.h"
#include "client/attest_identity.h"


#define ATTEST_IDENTITY_MAX    (256 * 1024)


static int attest_identity_certs(SSL_CTX *ctx, attest_span_t pem);
static int attest_identity_key(SSL_CTX *ctx, const char *of,
    const attest_identity_file_t *from, attest_span_t pem,
    char err[ATTEST_CLIENT_ERR]);


int
attest_identity(SSL_CTX *ctx, const attest_identity_file_t *cert,
    const attest_identity_file_t *key, char err[ATTEST_CLIENT_ERR])
{
    int             rc;
    attest_bytes_t  file;

    rc = attest_bytes_file(cert->name, ATTEST_IDENTITY_MAX, &file, err);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_identity_certs(ctx, attest_bytes_span(&file));
    OPENSSL_cleanse(file.p, file.n);
    attest_bytes_free(&file);

    if (rc != ATTEST_OK) {
        return attest_bytes_error(err, "%s %.300s: no certificate in PEM, or "
                                  "none that can be used", cert->what,
                                  cert->name);
    }

    rc = attest_bytes_file(key->name, ATTEST_IDENTITY_MAX, &file, err);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_identity_key(ctx, cert->what, key, attest_bytes_span(&file),
                             err);
    OPENSSL_cleanse(file.p, file.n);
    attest_bytes_free(&file);
    return rc;
}


/* Ours first, then those that lead to an authority's. */

static int
attest_identity_certs(SSL_CTX *ctx, attest_span_t pem)
{
    long      ok;
    X509     *x;
    size_t    used, count = 0;

    for ( /* void */ ; count <= ATTEST_MAX_CERTS; count++) {
        x = attest_pem_cert(pem, &used);
        if (x == NULL) {
            break;
        }

        ok = count == 0 ? SSL_CTX_use_certificate(ctx, x)
                        : SSL_CTX_add1_chain_cert(ctx, x);
        X509_free(x);

        if (ok != 1) {
            return ATTEST_ECLIENT;
        }

        pem.p += used;
        pem.n -= used;
    }

    return count != 0 && count <= ATTEST_MAX_CERTS ? ATTEST_OK
                                                   : ATTEST_ECLIENT;
}


static int
attest_identity_key(SSL_CTX *ctx, const char *of,
    const attest_identity_file_t *from, attest_span_t pem,
    char err[ATTEST_CLIENT_ERR])
{
    int        ok, encrypted;
    EVP_PKEY  *key;

    key = attest_pem_key(pem, &encrypted);

    if (key == NULL && encrypted) {
        return attest_bytes_error(err, "%s %.300s: the key is encrypted, and "
                                  "nobody is asked for its pass phrase; give "
                                  "one that is not, as openssl pkey writes it",
                                  from->what, from->name);
    }

    if (key == NULL) {
        return attest_bytes_error(err, "%s %.300s: no private key in PEM",
                                  from->what, from->name);
    }

    ok = SSL_CTX_use_PrivateKey(ctx, key) == 1
         && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);

    return ok ? ATTEST_OK
           : attest_bytes_error(err, "%s %.300s: not the key of the "
                                "certificate of %s", from->what, from->name,
                                of);
}
