/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates: read from DER and PEM, chains checked, SPKI hashed; the ones
 * that were read are kept for the rest of an appraisal.
 */


#include <string.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/crypto/attest_pem.h"
#include "core/crypto/attest_x509.h"


static const uint8_t *attest_x509_blanks(const uint8_t *p,
    const uint8_t *end);
static X509 *attest_x509_read_pem(const uint8_t **pp, const uint8_t *end);
static bool attest_x509_store(X509_STORE *store, const attest_x509_chain_t *c);
static void attest_x509_rules(X509_STORE_CTX *ctx,
    const attest_x509_chain_t *c);


static const char  attest_pem_head[] = "-----BEGIN CERTIFICATE-----";


X509 *
attest_x509_read_der(attest_span_t der)
{
    X509           *cert;
    const uint8_t  *p = der.p;

    if (der.n == 0 || der.n > ATTEST_MAX_ITEM) {
        return NULL;
    }

    cert = d2i_X509(NULL, &p, (long) der.n);

    if (cert != NULL && p != der.p + der.n) {
        X509_free(cert);
        return NULL;
    }

    return cert;
}


X509 *
attest_x509_read_kept(attest_x509_cache_t *cache, attest_span_t der)
{
    size_t    i;
    X509     *cert;
    uint8_t  *copy;

    if (cache == NULL) {
        return attest_x509_read_der(der);
    }

    for (i = 0; i < ATTEST_X509_KEPT; i++) {
        cert = cache->kept[i].cert;

        if (cert != NULL && cache->kept[i].n == der.n
            && memcmp(cache->kept[i].der, der.p, der.n) == 0)
        {
            return X509_up_ref(cert) == 1 ? cert : NULL;
        }
    }

    cert = attest_x509_read_der(der);
    if (cert == NULL) {
        return NULL;
    }

    /* what cannot be kept can still be used */

    copy = OPENSSL_memdup(der.p, der.n);

    if (copy == NULL || X509_up_ref(cert) != 1) {
        OPENSSL_free(copy);
        return cert;
    }

    i = cache->next;
    cache->next = (i + 1) % ATTEST_X509_KEPT;

    X509_free(cache->kept[i].cert);
    OPENSSL_free(cache->kept[i].der);

    cache->kept[i].cert = cert;
    cache->kept[i].der = copy;
    cache->kept[i].n = der.n;

    return cert;
}


void
attest_x509_cache_clear(attest_x509_cache_t *cache)
{
    size_t  i;

    for (i = 0; i < ATTEST_X509_KEPT; i++) {
        X509_free(cache->kept[i].cert);
        OPENSSL_free(cache->kept[i].der);
    }

    memset(cache, 0, sizeof(*cache));
}


STACK_OF(X509) *
attest_x509_read(attest_span_t bytes)
{
    X509            *cert;
    const uint8_t   *p = bytes.p, *end = bytes.p + bytes.n;
    STACK_OF(X509)  *certs;

    if (bytes.n == 0 || bytes.n > ATTEST_MAX_ITEM) {
        return NULL;
    }

    certs = sk_X509_new_null();
    if (certs == NULL) {
        return NULL;
    }

    if (*p != 0x30) {
        p = attest_x509_blanks(p, end);
    }

    while (p != end) {

        if (*p == 0x30) {
            cert = attest_x509_read_der(bytes);
            p = end;

        } else {
            cert = attest_x509_read_pem(&p, end);
        }

        if (cert == NULL || sk_X509_num(certs) == ATTEST_MAX_CERTS
            || sk_X509_push(certs, cert) <= 0)
        {
            X509_free(cert);
            goto failed;
        }

        p = attest_x509_blanks(p, end);
    }

    if (sk_X509_num(certs) != 0) {
        return certs;
    }

failed:

    sk_X509_pop_free(certs, X509_free);
    return NULL;
}


static const uint8_t *
attest_x509_blanks(const uint8_t *p, const uint8_t *end)
{
    while (p != end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'
                        || *p == '\0'))
    {
        p++;
    }

    return p;
}


/* PEM readers skip what surrounds a certificate; here nothing may. */

static X509 *
attest_x509_read_pem(const uint8_t **pp, const uint8_t *end)
{
    X509           *cert;
    size_t          used;
    attest_span_t   rest;
    const uint8_t  *p = *pp;

    if ((size_t) (end - p) < sizeof(attest_pem_head)
        || memcmp(p, attest_pem_head, sizeof(attest_pem_head) - 1) != 0)
    {
        return NULL;
    }

    rest = attest_span(p, (size_t) (end - p));

    cert = attest_pem_cert(rest, &used);
    *pp = p + used;
    return cert;
}


const char *
attest_x509_chain(X509 *leaf, const attest_x509_chain_t *c)
{
    const char      *what = "out of memory";
    X509_STORE      *store;
    X509_STORE_CTX  *ctx;

    if (c->now < 0) {
        return "the time is not known";
    }

    store = X509_STORE_new();
    ctx = X509_STORE_CTX_new();

    if (store == NULL || ctx == NULL || !attest_x509_store(store, c)
        || X509_STORE_CTX_init(ctx, store, leaf, c->untrusted) != 1)
    {
        goto done;
    }

    attest_x509_rules(ctx, c);

    if (X509_verify_cert(ctx) == 1) {
        what = NULL;

    } else {
        what = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }

done:

    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return what;
}


static void
attest_x509_rules(X509_STORE_CTX *ctx, const attest_x509_chain_t *c)
{
    X509_VERIFY_PARAM  *param;

    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t) c->now);
    X509_VERIFY_PARAM_set_depth(param, ATTEST_MAX_CERTS);

    if (c->partial) {
        (void) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    }

    if (c->crls != NULL && sk_X509_CRL_num(c->crls) > 0) {
        X509_STORE_CTX_set0_crls(ctx, c->crls);
        (void) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK
                                           | X509_V_FLAG_CRL_CHECK_ALL);
    }

    /* a critical directoryName SAN and an empty subject are fine with it */

    (void) X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);

    /* 80 bits: no SHA-1 or MD5 signatures, no RSA below 1024 bits */

    X509_VERIFY_PARAM_set_auth_level(param, 1);
}


static bool
attest_x509_store(X509_STORE *store, const attest_x509_chain_t *c)
{
    int  i;

    for (i = 0; i < sk_X509_num(c->anchors); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(c->anchors, i)) != 1) {
            return 0;
        }
    }

    return 1;
}


int
attest_x509_spki_hash(EVP_PKEY *key, uint8_t digest[ATTEST_SHA256_LEN])
{
    int             rc, n;
    uint8_t        *der = NULL;
    attest_span_t   part;

    n = i2d_PUBKEY(key, &der);
    if (n <= 0) {
        return ATTEST_EINTERNAL;
    }

    part = attest_span(der, (size_t) n);

    rc = attest_sha256(&part, 1, digest);
    OPENSSL_free(der);
    return rc;
}
