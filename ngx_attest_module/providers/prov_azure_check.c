/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether the hardware report and what vouches for it belong together, and
 * whether they are the maker's.
 */


#include <stdio.h>
#include <string.h>
#include <time.h>

#include "providers/prov_azure.h"
#include "core/appraisal/attest_roots.h"
#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tdx.h"
#include "core/crypto/attest_x509.h"


static int prov_azure_snp(const attest_hcl_t *hcl, STACK_OF(X509) *certs,
    char *error);
static int prov_azure_tdx(const attest_hcl_t *hcl,
    const attest_tdx_quote_t *q, STACK_OF(X509) *certs, char *error);
static bool prov_azure_is_anchored(attest_maker_e maker,
    STACK_OF(X509) *certs);


int
prov_azure_check(const attest_hcl_t *hcl, attest_span_t proof,
    int *genuine, char error[ATTEST_AZURE_ERROR])
{
    int                  rc;
    attest_span_t        pem = proof;
    STACK_OF(X509)      *certs;
    attest_tdx_quote_t   quote;

    *genuine = 0;

    if (hcl->type == ATTEST_HCL_TDX) {
        rc = attest_tdx_parse(proof.p, proof.n, &quote);

        if (rc != ATTEST_OK) {
            snprintf(error, ATTEST_AZURE_ERROR, "the TD quote is malformed:"
                     " %s", attest_strerror(rc));
            return rc;
        }

        pem = quote.certs;
    }

    certs = attest_x509_read(pem);
    if (certs == NULL) {
        snprintf(error, ATTEST_AZURE_ERROR, "the certificates that vouch for"
                 " the hardware report are malformed");
        return ATTEST_EFORMAT;
    }

    if (hcl->type == ATTEST_HCL_TDX) {
        rc = prov_azure_tdx(hcl, &quote, certs, error);
        *genuine = prov_azure_is_anchored(ATTEST_MAKER_INTEL, certs);

    } else {
        rc = prov_azure_snp(hcl, certs, error);
        *genuine = prov_azure_is_anchored(ATTEST_MAKER_AMD, certs);
    }

    sk_X509_pop_free(certs, X509_free);
    return rc;
}


static int
prov_azure_snp(const attest_hcl_t *hcl, STACK_OF(X509) *certs, char *error)
{
    int                   rc;
    const char           *what = "is malformed";
    X509                 *vcek = sk_X509_value(certs, 0);
    attest_snp_cert_t     cert;
    attest_snp_report_t   report;

    rc = attest_snp_report_parse(hcl->report.p, hcl->report.n, &report);

    if (rc == ATTEST_OK) {
        what = "has a VCEK that cannot be read";
        rc = attest_snp_cert_parse(vcek, &cert);
    }

    if (rc == ATTEST_OK && !attest_snp_cert_has_tcb(&cert,
                                                    report.reported_tcb)) {
        what = "is of another TCB version than its VCEK";
        rc = ATTEST_EMISMATCH;
    }

    if (rc == ATTEST_OK) {
        what = "is not signed by its VCEK";
        rc = attest_snp_report_verify(hcl->report.p, hcl->report.n,
                                      X509_get0_pubkey(vcek));
    }

    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_AZURE_ERROR, "the SEV-SNP report %s", what);
    }

    return rc;
}


/*
 * The paravisor's TDREPORT cannot be checked away from its machine; the quote
 * over it can, and must be over the same report_data.
 */

static int
prov_azure_tdx(const attest_hcl_t *hcl, const attest_tdx_quote_t *q,
    STACK_OF(X509) *certs, char *error)
{
    int          rc = ATTEST_OK;
    const char  *what = "";

    if (q->report_data == NULL
        || memcmp(q->report_data, hcl->report_data.p,
                  ATTEST_HCL_REPORT_DATA) != 0)
    {
        what = "is not over the paravisor's report";
        rc = ATTEST_EMISMATCH;
    }

    if (rc == ATTEST_OK) {
        what = "is not signed by its attestation key";
        rc = attest_tdx_check_signature(q);
    }

    if (rc == ATTEST_OK) {
        what = "is not of its quoting enclave";
        rc = attest_tdx_check_qe_key(q);
    }

    if (rc == ATTEST_OK) {
        what = "has a quoting enclave that its PCK did not sign";
        rc = attest_tdx_check_qe_signature(q, sk_X509_value(certs, 0));
    }

    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_AZURE_ERROR, "the TD quote %s", what);
    }

    return rc;
}


/* Intermediates that we ship help out a file that has the leaf only. */

static bool
prov_azure_is_anchored(attest_maker_e maker, STACK_OF(X509) *certs)
{
    int                   i, good = 0;
    STACK_OF(X509)       *known;
    attest_roots_t        roots;
    attest_x509_chain_t   chain;

    if (attest_roots_load(&roots) != ATTEST_OK) {
        return 0;
    }

    memset(&chain, 0, sizeof(chain));
    chain.anchors = roots.anchors[maker];
    chain.untrusted = sk_X509_dup(certs);
    chain.now = (int64_t) time(NULL);
    known = roots.intermediates[maker];

    if (chain.untrusted != NULL) {

        for (i = 0; i < sk_X509_num(known); i++) {
            (void) sk_X509_push(chain.untrusted, sk_X509_value(known, i));
        }

        good = attest_x509_chain(sk_X509_value(certs, 0), &chain) == NULL;
        sk_X509_free(chain.untrusted);
    }

    attest_roots_clear(&roots);
    return good;
}
