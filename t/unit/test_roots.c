/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The makers' certificates that we ship: each has the fingerprint that stands
 * beside it, anchors sign themselves, intermediates lead to an anchor of
 * their maker and to nobody else's.
 */

#include <string.h>

#include <openssl/evp.h>

#include "core/appraisal/attest_roots.h"
#include "core/crypto/attest_x509.h"
#include "unit.h"


#define T0    1782864000            /* 2026-07-01 */


static X509 *cert_of(const attest_root_cert_t *r);
static void test_fingerprint(const attest_root_cert_t *r, X509 *cert);
static void test_chain(attest_maker_e maker, const attest_root_cert_t *r,
    X509 *cert, const attest_roots_t *roots);


int
main(void)
{
    X509                      *cert;
    attest_maker_e             m;
    attest_roots_t             roots;
    const attest_root_cert_t  *r;

    OK(attest_roots_load(&roots) == ATTEST_OK, "roots load");

    for (m = 0; m < ATTEST_MAKERS; m++) {
        for (r = attest_root_certs[m]; r->name != NULL; r++) {
            cert = cert_of(r);
            OK(cert != NULL, "%s is one certificate", r->name);

            test_fingerprint(r, cert);
            test_chain(m, r, cert, &roots);
            X509_free(cert);
        }
    }

    attest_roots_clear(&roots);
    DONE();
}


static X509 *
cert_of(const attest_root_cert_t *r)
{
    X509            *cert;
    attest_span_t    pem = { (const uint8_t *) r->pem, strlen(r->pem) };
    STACK_OF(X509)  *one = attest_x509_read(pem);

    cert = one == NULL || sk_X509_num(one) != 1 ? NULL : sk_X509_shift(one);
    sk_X509_pop_free(one, X509_free);
    return cert;
}


static void
test_fingerprint(const attest_root_cert_t *r, X509 *cert)
{
    char      hex[65];
    size_t    i;
    unsigned  n = 0;
    uint8_t   md[32];

    OK(X509_digest(cert, EVP_sha256(), md, &n) == 1 && n == 32,
       "%s has a digest", r->name);

    for (i = 0; i < sizeof(md); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", md[i]);
    }

    OK(strcmp(hex, r->sha256) == 0, "%s has its fingerprint", r->name);
}


static void
test_chain(attest_maker_e maker, const attest_root_cert_t *r, X509 *cert,
    const attest_roots_t *roots)
{
    size_t               i;
    const char          *why;
    attest_x509_chain_t  c;

    if (r->root) {
        OK(X509_verify(cert, X509_get0_pubkey(cert)) == 1,
           "%s signs itself", r->name);
    }

    for (i = 0; i < ATTEST_MAKERS; i++) {
        memset(&c, 0, sizeof(c));
        c.anchors = roots->anchors[i];
        c.now = T0;

        why = attest_x509_chain(cert, &c);
        OK((why == NULL) == (i == maker), "%s under maker %zu: %s",
           r->name, i, why == NULL ? "good" : why);
    }
}
