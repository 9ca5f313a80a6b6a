/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The certificates of an SEV-SNP report: VCEK or VLEK, out of the host's table
 * or the policy, their chain to AMD's root, and revocation.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp_cert.h"
#include "core/crypto/attest_x509.h"


static int attest_verify_snp_pick(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
static bool attest_verify_snp_suits(const attest_verify_snp_t *j, X509 *x,
    attest_snp_cert_t *c);
static const char *attest_verify_snp_issuers(attest_verify_snp_t *j,
    STACK_OF(X509) *list, int *found);
static bool attest_verify_snp_add(attest_verify_t *v, STACK_OF(X509) *certs,
    attest_span_t der);
static bool attest_verify_snp_shipped(const attest_verify_t *v,
    attest_span_t der);


/* From the host's table: never an ARK, roots are ours or the policy's. */

STACK_OF(X509) *
attest_verify_snp_certs(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, int *malformed)
{
    int                   rc;
    STACK_OF(X509)       *certs;
    attest_snp_table_t    t;

    certs = sk_X509_new_null();
    rc = certs == NULL ? ATTEST_EINTERNAL
         : attest_snp_table_parse(tsm->auxblob.p, tsm->auxblob.n, &t);

    if (rc == ATTEST_OK
        && (!attest_verify_snp_add(v, certs, t.vcek)
            || !attest_verify_snp_add(v, certs, t.vlek)
            || (!attest_verify_snp_shipped(v, t.ask)
                && !attest_verify_snp_add(v, certs, t.ask))))
    {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK) {
        return certs;
    }

    attest_verify_kind(v, part, "snp-certificate", attest_verify_state(rc),
                       "the host's certificate table in %s evidence is %s",
                       attest_verify_part_name(part->which),
                       attest_strerror(rc));

    sk_X509_pop_free(certs, X509_free);
    *malformed = 1;
    return NULL;
}


/*
 * Is it one of the intermediates that we have decoded?  Those are tried for
 * every chain, and decoding it again costs as much as a signature.
 */

static bool
attest_verify_snp_shipped(const attest_verify_t *v, attest_span_t der)
{
    int                     i, n, same = 0;
    X509                   *x;
    uint8_t                *ours = NULL;
    const ASN1_BIT_STRING  *sig;
    STACK_OF(X509)         *list = v->roots->intermediates[ATTEST_MAKER_AMD];

    for (i = 0; i < sk_X509_num(list) && !same; i++) {
        x = sk_X509_value(list, i);
        X509_get0_signature(&sig, NULL, x);

        /* a certificate ends in its signature: most differ there */

        if ((size_t) ASN1_STRING_length(sig) > der.n
            || memcmp(der.p + der.n - ASN1_STRING_length(sig),
                      ASN1_STRING_get0_data(sig),
                      (size_t) ASN1_STRING_length(sig)) != 0)
        {
            continue;
        }

        n = i2d_X509(x, &ours);
        same = n > 0 && (size_t) n == der.n && memcmp(ours, der.p, der.n) == 0;

        OPENSSL_free(ours);
        ours = NULL;
    }

    return same;
}


static bool
attest_verify_snp_add(attest_verify_t *v, STACK_OF(X509) *certs,
    attest_span_t der)
{
    X509  *x;

    if (der.n == 0) {
        return 1;
    }

    x = attest_x509_read_kept(v->cache, der);

    if (x == NULL || sk_X509_push(certs, x) <= 0) {
        X509_free(x);
        return 0;
    }

    return 1;
}


/* The key that signed: the evidence's certificate, or else the policy's. */

bool
attest_verify_snp_leaf(attest_verify_snp_t *j, STACK_OF(X509) *certs)
{
    int  rc;

    j->others = sk_X509_new_null();
    if (j->others == NULL) {
        return 0;
    }

    rc = attest_verify_snp_pick(j, certs);

    if (rc == ATTEST_OK) {
        rc = attest_verify_snp_pick(j, j->policy->certs);
    }

    if (rc != ATTEST_OK) {
        attest_verify_kind(j->v, j->part, "snp-certificate",
                           ATTEST_CHECK_UNKNOWN, "not evaluated: %s",
                           attest_strerror(rc));
        return 0;
    }

    if (j->leaf != NULL) {
        return 1;
    }

    attest_verify_kind(j->v, j->part, "snp-certificate",
                       ATTEST_CHECK_UNKNOWN, "the host gave no certificate "
                       "of the %s that signed the report of %s evidence, and "
                       "neither does the policy (snp.certs)",
                       j->r->signer == ATTEST_SNP_SIGNER_VLEK ? "VLEK"
                                                              : "VCEK",
                       j->name);
    return 0;
}


/*
 * One list of certificates: sorts out the leaf, and what may stand between it
 * and a root.  Several leaves: the one for this chip and TCB.
 */

static int
attest_verify_snp_pick(attest_verify_snp_t *j, STACK_OF(X509) *certs)
{
    int                 i;
    X509               *x;
    attest_snp_cert_t   c;

    for (i = 0; i < sk_X509_num(certs); i++) {
        x = sk_X509_value(certs, i);

        if (!attest_verify_snp_suits(j, x, &c)) {

            if (sk_X509_push(j->others, x) <= 0) {
                return ATTEST_EINTERNAL;
            }

            continue;
        }

        if (j->exact) {
            continue;
        }

        j->exact = attest_snp_cert_has_tcb(&c, j->r->reported_tcb)
                   && (c.hwid.n == 0
                       || attest_snp_cert_has_chip(&c, j->r->chip_id));

        if (j->exact || j->leaf == NULL) {
            j->leaf = x;
            j->cert = c;
        }
    }

    return ATTEST_OK;
}


static bool
attest_verify_snp_suits(const attest_verify_snp_t *j, X509 *x,
    attest_snp_cert_t *c)
{
    return attest_snp_cert_parse(x, c) == ATTEST_OK
           && (c->hwid.n != 0) == (j->r->signer == ATTEST_SNP_SIGNER_VCEK);
}


bool
attest_verify_snp_chain(attest_verify_snp_t *j)
{
    int          simulated;
    const char  *what;

    what = attest_verify_anchor(j->v, ATTEST_MAKER_AMD, j->leaf, j->others,
                                NULL, &simulated);
    if (what != NULL) {
        attest_verify_kind(j->v, j->part, "snp-chain", ATTEST_CHECK_FAIL,
                           "the certificate of the key that signed the report "
                           "of %s evidence: %s", j->name, what);
        return 0;
    }

    j->part->cpu.simulated = simulated ? 1 : 0;

    attest_verify_kind(j->v, j->part, "snp-chain", ATTEST_CHECK_PASS,
                       "the key that signed the report of %s evidence chains "
                       "to %s", j->name, simulated
                       ? "a root that the policy names for simulations"
                       : "AMD's root");
    return 1;
}


/*
 * AMD revokes ASKs and ASVKs, by lists that the ARK signs; for single VCEKs
 * there is no list.  So whoever issued the leaf must not be in a list; the
 * leaf itself is looked up when the policy has a list by its issuer.
 */

bool
attest_verify_snp_revoked(attest_verify_snp_t *j)
{
    int                   i, simulated, found = 0;
    const char           *what;
    STACK_OF(X509_CRL)   *crls = j->policy->crls;
    const X509_NAME      *issuer = X509_get_issuer_name(j->leaf);

    if (sk_X509_CRL_num(crls) <= 0) {
        attest_verify_kind(j->v, j->part, "snp-revocation", ATTEST_CHECK_NOTE,
                           "not evaluated: the policy has no revocation lists "
                           "(snp.crls)");
        return 1;
    }

    what = attest_verify_snp_issuers(j, j->others, &found);

    if (what == NULL) {
        what = attest_verify_snp_issuers(j,
                   j->v->roots->intermediates[ATTEST_MAKER_AMD], &found);
    }

    if (what == NULL) {
        what = attest_verify_snp_issuers(j,
                   j->v->policy->intermediates[ATTEST_MAKER_AMD], &found);
    }

    for (i = 0; what == NULL && i < sk_X509_CRL_num(crls); i++) {
        if (X509_NAME_cmp(X509_CRL_get_issuer(sk_X509_CRL_value(crls, i)),
                          issuer) == 0)
        {
            found = 1;
            what = attest_verify_anchor(j->v, ATTEST_MAKER_AMD, j->leaf,
                                        j->others, crls, &simulated);
            break;
        }
    }

    if (what == NULL && !found) {
        what = "its issuer cannot be told";
    }

    attest_verify_kind(j->v, j->part, "snp-revocation", what == NULL
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "the certificates of %s evidence by the policy's "
                       "revocation lists: %s", j->name,
                       what == NULL ? "not revoked" : what);
    return what == NULL;
}


/* Several may have one name: each that signed the leaf is looked up. */

static const char *
attest_verify_snp_issuers(attest_verify_snp_t *j, STACK_OF(X509) *list,
    int *found)
{
    int          i, simulated;
    X509        *x;
    const char  *what;

    for (i = 0; i < sk_X509_num(list); i++) {
        x = sk_X509_value(list, i);

        if (X509_check_issued(x, j->leaf) != X509_V_OK
            || X509_verify(j->leaf, X509_get0_pubkey(x)) != 1)
        {
            continue;
        }

        *found = 1;

        what = attest_verify_anchor(j->v, ATTEST_MAKER_AMD, x, NULL,
                                    j->policy->crls, &simulated);
        if (what != NULL) {
            return what;
        }
    }

    return NULL;
}
