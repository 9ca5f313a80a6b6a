/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who we are, to gateways that ask their clients for a certificate.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/crypto/attest_pem.h"
#include "cli/cli_identity.h"


#define CLI_MAX_IDENTITY    (256 * 1024)


static int cli_identity_certs(SSL_CTX *ctx, attest_span_t pem);
static int cli_identity_key(SSL_CTX *ctx, const char *name,
    attest_span_t pem);


int
cli_identity(SSL_CTX *ctx, const cli_options_t *opt)
{
    int          rc;
    cli_bytes_t  file;

    if (opt->cert == NULL) {
        return CLI_OK;
    }

    if (cli_file(opt->cert, CLI_MAX_IDENTITY, &file) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    rc = cli_identity_certs(ctx, cli_span(&file));
    OPENSSL_cleanse(file.p, file.n);
    cli_bytes_free(&file);

    if (rc != CLI_OK) {
        return cli_error("--cert %s: no certificate in PEM, or none that can "
                         "be used", opt->cert);
    }

    if (cli_file(opt->key, CLI_MAX_IDENTITY, &file) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    rc = cli_identity_key(ctx, opt->key, cli_span(&file));
    OPENSSL_cleanse(file.p, file.n);
    cli_bytes_free(&file);
    return rc;
}


/* Ours first, then those that lead to an authority's. */

static int
cli_identity_certs(SSL_CTX *ctx, attest_span_t pem)
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
            return CLI_UNDECIDED;
        }

        pem.p += used;
        pem.n -= used;
    }

    return count != 0 && count <= ATTEST_MAX_CERTS ? CLI_OK : CLI_UNDECIDED;
}


static int
cli_identity_key(SSL_CTX *ctx, const char *name, attest_span_t pem)
{
    int        ok, encrypted;
    EVP_PKEY  *key;

    key = attest_pem_key(pem, &encrypted);

    if (key == NULL && encrypted) {
        return cli_error("--key %s: the key is encrypted, and nobody is asked "
                         "for its pass phrase; give one that is not, as "
                         "openssl pkey writes it", name);
    }

    if (key == NULL) {
        return cli_error("--key %s: no private key in PEM", name);
    }

    ok = SSL_CTX_use_PrivateKey(ctx, key) == 1
         && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);

    return ok ? CLI_OK : cli_error("--key %s: not the key of the certificate "
                                   "of --cert", name);
}
