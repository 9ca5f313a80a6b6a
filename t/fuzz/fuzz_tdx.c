/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A quote.  Its certificates are read and its signatures checked; whatever
 * the parser lends must lie inside of the input.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_pck.h"
#include "core/evidence/attest_tdx.h"
#include "core/crypto/attest_x509.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fuzz_inside(const uint8_t *p, size_t n, const uint8_t *at,
    size_t len);
static void fuzz_certs(const attest_tdx_quote_t *q);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t               i;
    attest_tdx_quote_t   q;

    if (attest_tdx_parse(p, n, &q) != ATTEST_OK) {
        return 0;
    }

    if (q.length > n || q.signed_area.p != p) {
        abort();
    }

    n = q.length;
    fuzz_inside(p, n, q.signed_area.p, q.signed_area.n);
    fuzz_inside(p, n, q.report_data, ATTEST_TDX_REPORT_DATA);
    fuzz_inside(p, n, q.signature, 64);
    fuzz_inside(p, n, q.attest_key, 64);
    fuzz_inside(p, n, q.qe.raw.p, q.qe.raw.n);
    fuzz_inside(p, n, q.qe_signature, 64);
    fuzz_inside(p, n, q.certs.p, q.certs.n);

    if (q.body != ATTEST_TDX_BODY_SGX) {
        fuzz_inside(p, n, q.tee_tcb_svn, ATTEST_TDX_SVNS);
        fuzz_inside(p, n, q.mrtd, ATTEST_TDX_MR_LEN);

        for (i = 0; i < ATTEST_TDX_RTMRS; i++) {
            fuzz_inside(p, n, q.rtmr[i], ATTEST_TDX_MR_LEN);
        }
    }

    (void) attest_tdx_check_signature(&q);
    (void) attest_tdx_check_qe_key(&q);
    (void) attest_tdx_check_qe_identity(&q);
    fuzz_certs(&q);

    return 0;
}


static void
fuzz_inside(const uint8_t *p, size_t n, const uint8_t *at, size_t len)
{
    if (at < p || len > n || (size_t) (at - p) > n - len) {
        abort();
    }
}


static void
fuzz_certs(const attest_tdx_quote_t *q)
{
    int                i;
    STACK_OF(X509)    *certs;
    attest_tdx_pck_t   pck;

    certs = attest_x509_read(q->certs);

    for (i = 0; i < sk_X509_num(certs); i++) {
        (void) attest_pck_read(sk_X509_value(certs, i), &pck);
    }

    if (certs != NULL) {
        (void) attest_tdx_check_qe_signature(q, sk_X509_value(certs, 0));
    }

    sk_X509_pop_free(certs, X509_free);
}
