/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The certificate's extension of the Confidential Computing Consortium: an
 * Intel quote and claims, instead of a collection or beside one.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_tdx.h"
#include "core/appraisal/attest_verify_ccc.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_tdx.h"


static const char *attest_verify_ccc_beside(const attest_part_t *part,
    const attest_ratls_ccc_t *ccc);
static bool attest_verify_ccc_same(attest_span_t a, attest_span_t b);
static void attest_verify_ccc_alone(attest_verify_t *v, attest_part_t *part,
    const attest_ratls_ccc_t *ccc);


/* CCC, "Interoperable RA-TLS"; docs/evidence.md. */

void
attest_verify_ccc(attest_verify_t *v, attest_part_t *part)
{
    int                 rc;
    const char         *what;
    attest_ratls_ccc_t  ccc;

    if (v->cert.ccc.n == 0) {
        return;
    }

    rc = attest_ratls_ccc_parse(v->cert.ccc, &ccc);
    if (rc != ATTEST_OK) {

        /* beside a CMW it would have to say the same, which nobody can tell */

        attest_verify_add(v, "certificate-ccc", attest_verify_state(rc),
                          "the certificate's extension of the Confidential "
                          "Computing Consortium is %s", attest_strerror(rc));
        return;
    }

    if (v->cert.cmw.n == 0) {
        attest_verify_ccc_alone(v, part, &ccc);
        return;
    }

    what = attest_verify_ccc_beside(part, &ccc);

    attest_verify_add(v, "certificate-ccc", what == NULL ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the certificate's two extensions "
                      "carry %s", what == NULL
                      ? "the same quote and the same claims" : what);
}


static const char *
attest_verify_ccc_beside(const attest_part_t *part,
    const attest_ratls_ccc_t *ccc)
{
    int                       wrong;
    attest_tsm_t              tsm;
    const attest_cmw_item_t  *item;

    if (!part->has_claims || part->claims_raw.n != ccc->claims.n
        || CRYPTO_memcmp(part->claims_raw.p, ccc->claims.p, ccc->claims.n)
           != 0)
    {
        return "different claims";
    }

    item = attest_verify_item(part, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM, &wrong);

    if (item == NULL
        || attest_tsm_parse(item->value.p, item->value.n, &tsm) != ATTEST_OK
        || !attest_span_is(tsm.provider, "tdx_guest")
        || !attest_verify_ccc_same(tsm.outblob, ccc->quote))
    {
        return "different quotes";
    }

    return NULL;
}


/* Padding behind a quote is no part of it. */

static bool
attest_verify_ccc_same(attest_span_t a, attest_span_t b)
{
    attest_tdx_quote_t  x, y;

    return attest_tdx_parse(a.p, a.n, &x) == ATTEST_OK
           && attest_tdx_parse(b.p, b.n, &y) == ATTEST_OK
           && x.length == y.length
           && CRYPTO_memcmp(a.p, b.p, x.length) == 0;
}


static void
attest_verify_ccc_alone(attest_verify_t *v, attest_part_t *part,
    const attest_ratls_ccc_t *ccc)
{
    int   rc;

    rc = attest_claims_parse_foreign(ccc->claims.p, ccc->claims.n,
                                     &part->claims);

    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_CLAIMS, attest_verify_state(rc),
                         "%s claims are %s",
                         attest_verify_part_name(part->which),
                         attest_strerror(rc));
        return;
    }

    part->has_claims = 1;
    part->claims_raw = ccc->claims;
    part->ccc_quote = ccc->quote;

    attest_verify_on(v, part, ATTEST_ON_CLAIMS, ATTEST_CHECK_PASS,
                     "%s claims are well formed",
                     attest_verify_part_name(part->which));

    /* the document allows one; nobody can say whose it is */

    if (part->claims.foreign_nonce) {
        attest_verify_add(v, "certificate-nonce", ATTEST_CHECK_NOTE,
                          "the certificate's claims carry a nonce that we "
                          "did not send: it proves nothing to us");
    }
}


void
attest_verify_ccc_quote(attest_verify_t *v, attest_part_t *part)
{
    uint8_t             want[ATTEST_CLAIMS_REPORT_DATA];
    attest_tdx_quote_t  q;

    part->cpu.raw = part->ccc_quote;
    part->cpu.kind = ATTEST_KIND_UNKNOWN;

    if (attest_claims_report_data(part->claims_raw.p, part->claims_raw.n,
                                  want) != ATTEST_OK)
    {
        attest_verify_kind(v, part, "tdx-quote", ATTEST_CHECK_UNKNOWN,
                           "out of memory");
        return;
    }

    if (attest_tdx_parse(part->ccc_quote.p, part->ccc_quote.n, &q)
        == ATTEST_OK && q.body != ATTEST_TDX_BODY_SGX)
    {
        part->cpu.kind = ATTEST_KIND_TDX;
    }

    part->cpu.proven = attest_verify_tdx_quote(v, part, part->ccc_quote, want)
                       ? 1 : 0;
}
