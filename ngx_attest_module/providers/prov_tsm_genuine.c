/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does the maker vouch for a report?  So that a gateway knows its own label,
 * and says in its log what is wrong with a host's certificates.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/appraisal/attest_roots.h"
#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tdx.h"
#include "providers/prov_tsm_internal.h"
#include "core/crypto/attest_x509.h"


static const char *prov_tsm_genuine_snp(const attest_tsm_t *tsm,
    const attest_roots_t *roots, int64_t now);
static const char *prov_tsm_snp_chain(X509 *leaf,
    const attest_snp_table_t *table, const attest_roots_t *roots,
    int64_t now);
static const char *prov_tsm_snp_leaf(X509 *leaf, attest_span_t raw,
    const attest_snp_report_t *report);
static const char *prov_tsm_genuine_tdx(const attest_tsm_t *tsm,
    const attest_roots_t *roots, int64_t now);
static const char *prov_tsm_tdx_quote(const attest_tdx_quote_t *quote,
    STACK_OF(X509) *certs, const attest_roots_t *roots, int64_t now);


const char *
prov_tsm_genuine(const attest_tsm_t *tsm, int64_t now)
{
    const char      *why;
    attest_roots_t   roots;

    if (attest_roots_load(&roots) != ATTEST_OK) {
        return "out of memory";
    }

    if (attest_span_is(tsm->provider, "sev_guest")) {
        why = prov_tsm_genuine_snp(tsm, &roots, now);

    } else {
        why = prov_tsm_genuine_tdx(tsm, &roots, now);
    }

    attest_roots_clear(&roots);
    return why;
}


static const char *
prov_tsm_genuine_snp(const attest_tsm_t *tsm, const attest_roots_t *roots,
    int64_t now)
{
    X509                 *leaf;
    const char           *why;
    attest_snp_table_t    table;
    attest_snp_report_t   report;

    if (attest_snp_report_parse(tsm->outblob.p, tsm->outblob.n, &report)
        != ATTEST_OK)
    {
        return "the report is of an unknown version";
    }

    if (attest_snp_table_parse(tsm->auxblob.p, tsm->auxblob.n, &table)
        != ATTEST_OK)
    {
        return "the table of certificates is malformed";
    }

    leaf = attest_x509_read_der(report.signer == ATTEST_SNP_SIGNER_VLEK
                                ? table.vlek : table.vcek);
    if (leaf == NULL) {
        return "the certificate of the key that signs is missing or"
               " malformed";
    }

    why = prov_tsm_snp_chain(leaf, &table, roots, now);

    if (why == NULL) {
        why = prov_tsm_snp_leaf(leaf, tsm->outblob, &report);
    }

    X509_free(leaf);
    return why;
}


/* ASK or ASVK from the table, or else one that we ship. */

static const char *
prov_tsm_snp_chain(X509 *leaf, const attest_snp_table_t *table,
    const attest_roots_t *roots, int64_t now)
{
    X509                 *ask;
    const char           *why = "out of memory";
    STACK_OF(X509)       *others;
    attest_x509_chain_t   chain;

    others = sk_X509_dup(roots->intermediates[ATTEST_MAKER_AMD]);
    ask = attest_x509_read_der(table->ask);

    if (others == NULL || (ask != NULL && sk_X509_unshift(others, ask) <= 0))
    {
        goto done;
    }

    memset(&chain, 0, sizeof(chain));
    chain.anchors = roots->anchors[ATTEST_MAKER_AMD];
    chain.untrusted = others;
    chain.now = now;

    why = attest_x509_chain(leaf, &chain);

done:

    sk_X509_free(others);
    X509_free(ask);
    return why;
}


static const char *
prov_tsm_snp_leaf(X509 *leaf, attest_span_t raw,
    const attest_snp_report_t *report)
{
    attest_snp_cert_t  cert;

    if (attest_snp_cert_parse(leaf, &cert) != ATTEST_OK) {
        return "the certificate is no VCEK or VLEK";
    }

    if (attest_snp_report_verify(raw.p, raw.n, X509_get0_pubkey(leaf))
        != ATTEST_OK)
    {
        return "the certificate is not of the key that signed the report";
    }

    if (!attest_snp_cert_has_tcb(&cert, report->reported_tcb)) {
        return "the certificate is for another TCB version";
    }

    return NULL;
}


/* A quote carries its certificates. */

static const char *
prov_tsm_genuine_tdx(const attest_tsm_t *tsm, const attest_roots_t *roots,
    int64_t now)
{
    const char          *why;
    STACK_OF(X509)      *certs;
    attest_tdx_quote_t   quote;

    if (attest_tdx_parse(tsm->outblob.p, tsm->outblob.n, &quote)
        != ATTEST_OK)
    {
        return "the quote is malformed";
    }

    certs = attest_x509_read(quote.certs);
    if (certs == NULL) {
        return "the quote's certificates are malformed";
    }

    why = prov_tsm_tdx_quote(&quote, certs, roots, now);

    sk_X509_pop_free(certs, X509_free);
    return why;
}


static const char *
prov_tsm_tdx_quote(const attest_tdx_quote_t *quote, STACK_OF(X509) *certs,
    const attest_roots_t *roots, int64_t now)
{
    attest_x509_chain_t  chain;

    if (attest_tdx_check_signature(quote) != ATTEST_OK
        || attest_tdx_check_qe_key(quote) != ATTEST_OK
        || attest_tdx_check_qe_identity(quote) != ATTEST_OK
        || attest_tdx_check_qe_signature(quote, sk_X509_value(certs, 0))
           != ATTEST_OK)
    {
        return "the quote's signatures do not verify";
    }

    memset(&chain, 0, sizeof(chain));
    chain.anchors = roots->anchors[ATTEST_MAKER_INTEL];
    chain.untrusted = certs;
    chain.now = now;

    return attest_x509_chain(sk_X509_value(certs, 0), &chain);
}
