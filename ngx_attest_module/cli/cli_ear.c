/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A verdict as an attestation result that others read: --format and --sign.
 */


#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "core/crypto/attest_pem.h"
#include "core/crypto/attest_sign.h"
#include "cli/cli_ear.h"


#define CLI_EAR_MAX_KEY    (16 * 1024)


static int cli_ear_form(cli_ear_t *e, const cli_options_t *opt);
static int cli_ear_key(cli_ear_t *e, const char *name);
static int cli_ear_spki(const attest_peer_t *peer,
    const attest_result_t *res, uint8_t **der);
static int cli_ear_write(const cli_ear_t *e, const attest_ear_t *ear,
    const attest_ear_about_t *about);


int
cli_ear_init(cli_ear_t *e, const cli_options_t *opt)
{
    int  rc;

    memset(e, 0, sizeof(*e));

    rc = cli_ear_form(e, opt);

    return rc == CLI_OK && opt->sign != NULL ? cli_ear_key(e, opt->sign) : rc;
}


static int
cli_ear_form(cli_ear_t *e, const cli_options_t *opt)
{
    const char  *name = opt->format != NULL ? opt->format : "json";

    if (strcmp(name, "ear") == 0) {
        e->form = opt->sign != NULL ? CLI_EAR_JWT : CLI_EAR_TEXT;

    } else if (strcmp(name, "cwt") == 0) {
        e->form = CLI_EAR_CWT;

    } else if (strcmp(name, "json") != 0) {
        return cli_error("--format is json, ear or cwt, not \"%s\"", name);
    }

    if (e->form == CLI_EAR_NONE) {
        return opt->sign == NULL ? CLI_OK
               : cli_error("--sign needs --format ear or cwt: our own report "
                           "has no signed form");
    }

    if (opt->json) {
        return cli_error("--json and --format %s are two reports", name);
    }

    if (e->form == CLI_EAR_CWT && opt->sign == NULL) {
        return cli_error("--format cwt needs --sign FILE: a token is signed; "
                         "for reading there is --format ear");
    }

    if (e->form == CLI_EAR_CWT && isatty(STDOUT_FILENO)) {
        return cli_error("--format cwt writes bytes, and standard output is a "
                         "terminal");
    }

    return CLI_OK;
}


static int
cli_ear_key(cli_ear_t *e, const char *name)
{
    int             rc, encrypted = 0;
    attest_bytes_t  file;

    rc = cli_file(name, CLI_EAR_MAX_KEY, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    e->key = attest_pem_key(attest_bytes_span(&file), &encrypted);

    OPENSSL_cleanse(file.p, file.n);
    attest_bytes_free(&file);

    if (e->key == NULL) {
        return cli_error("%s: %s", name, encrypted
                         ? "the key is encrypted, and nobody is asked for a "
                           "pass phrase" : "no private key in PEM");
    }

    if (attest_sign_alg(e->key) == NULL) {
        return cli_error("%s: results are signed with keys on P-256 or P-384 "
                         "or of Ed25519", name);
    }

    return CLI_OK;
}


void
cli_ear_clear(cli_ear_t *e)
{
    EVP_PKEY_free(e->key);
    e->key = NULL;
}


int
cli_ear_print(const cli_ear_t *e, const cli_options_t *opt,
    const attest_peer_t *peer, const attest_result_t *res,
    attest_span_t policy)
{
    int                  n, rc;
    uint8_t             *spki = NULL;
    attest_ear_t         ear;
    attest_ear_about_t   about;

    n = cli_ear_spki(peer, res, &spki);

    attest_ear_vector(res, &ear);
    about.now = cli_now(opt);
    about.policy = policy;
    about.key = n > 0 ? attest_span(spki, (size_t) n) : ATTEST_NO_SPAN;

    rc = cli_ear_write(e, &ear, &about);

    OPENSSL_free(spki);
    return rc;
}


/* Of a connection that a trusted verdict is about, and of no other. */

static int
cli_ear_spki(const attest_peer_t *peer, const attest_result_t *res,
    uint8_t **der)
{
    int             n;
    X509           *cert;
    const uint8_t  *p = peer->seen.cert.p;

    if (res->verdict != ATTEST_TRUSTED || !peer->key_bound
        || peer->seen.cert.n == 0)
    {
        return 0;
    }

    cert = d2i_X509(NULL, &p, (long) peer->seen.cert.n);
    n = cert != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), der) : 0;

    X509_free(cert);
    return n;
}


static int
cli_ear_write(const cli_ear_t *e, const attest_ear_t *ear,
    const attest_ear_about_t *about)
{
    int       rc;
    char      text[ATTEST_EAR_MAX], *json;
    size_t    n;
    uint8_t   bytes[ATTEST_EAR_MAX];

    switch (e->form) {

    case CLI_EAR_TEXT:
        json = attest_ear_json(ear, about);
        if (json == NULL) {
            return cli_error("out of memory");
        }

        cli_print_json(stdout, json);
        free(json);
        return CLI_OK;

    case CLI_EAR_JWT:
        rc = attest_ear_jwt(ear, about, e->key, text, &n);
        if (rc == ATTEST_OK) {
            cli_printf("%s\n", text);
        }
        break;

    default: /* CLI_EAR_CWT */
        rc = attest_ear_cwt(ear, about, e->key, bytes, &n);
        if (rc == ATTEST_OK) {
            return cli_print_bytes(stdout, bytes, n);
        }
        break;
    }

    return rc == ATTEST_OK ? CLI_OK
           : cli_error("the result cannot be signed: %s", attest_strerror(rc));
}
