/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Root and intermediate certificates of the makers, each maker's in a file of
 * its own, attest_roots_<maker>.c: copied unchanged from the public
 * repositories named at each.  t/unit/test_roots.c checks fingerprints and
 * signatures.  Compare them with what the makers publish, AMD for example at
 * kdsintf.amd.com/vcek/v1/<product>/cert_chain.
 */


#include <string.h>

#include "core/appraisal/attest_roots.h"
#include "core/crypto/attest_x509.h"


static int attest_roots_add(const attest_root_cert_t *r,
    STACK_OF(X509) **set);


#define ATTEST_ROOTS_LIST(name, list)                                         \
    extern const attest_root_cert_t  attest_roots_##list[];

#define ATTEST_ROOTS_ROW(name, list)                                          \
    [ATTEST_MAKER_##name] = attest_roots_##list,


ATTEST_MAKER_LIST(ATTEST_ROOTS_LIST)

const attest_root_cert_t *const  attest_root_certs[ATTEST_MAKERS] = {
    ATTEST_MAKER_LIST(ATTEST_ROOTS_ROW)
};


int
attest_roots_load(attest_roots_t *roots)
{
    int                        rc;
    attest_maker_e             m;
    const attest_root_cert_t  *r;

    memset(roots, 0, sizeof(*roots));

    for (m = 0; m < ATTEST_MAKERS; m++) {
        for (r = attest_root_certs[m]; r->name != NULL; r++) {

            rc = attest_roots_add(r, r->root ? &roots->anchors[m]
                                             : &roots->intermediates[m]);
            if (rc != ATTEST_OK) {
                attest_roots_clear(roots);
                return rc;
            }
        }
    }

    return ATTEST_OK;
}


static int
attest_roots_add(const attest_root_cert_t *r, STACK_OF(X509) **set)
{
    X509            *cert;
    STACK_OF(X509)  *one;

    if (*set == NULL) {
        *set = sk_X509_new_null();
    }

    one = attest_x509_read(attest_span_text(r->pem));
    cert = one == NULL ? NULL : sk_X509_shift(one);
    sk_X509_pop_free(one, X509_free);

    if (*set == NULL || cert == NULL || sk_X509_push(*set, cert) <= 0) {
        X509_free(cert);
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


void
attest_roots_clear(attest_roots_t *roots)
{
    size_t  i;

    for (i = 0; i < ATTEST_MAKERS; i++) {
        sk_X509_pop_free(roots->anchors[i], X509_free);
        sk_X509_pop_free(roots->intermediates[i], X509_free);
    }

    memset(roots, 0, sizeof(*roots));
}
