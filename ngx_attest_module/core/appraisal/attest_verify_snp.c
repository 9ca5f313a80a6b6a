/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An SEV-SNP report: VCEK or VLEK, chain, signature, binding, versions, and
 * what the policy says of it.  Azure's reports pass through here, too.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "core/base/attest_cbor.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp.h"
#include "core/crypto/attest_x509.h"


/* What the checks of one report share. */

typedef struct {
    attest_verify_t             *v;
    attest_part_t               *part;
    const attest_policy_snp_t   *policy;
    const char                  *name;       /* of the part */
    attest_span_t                raw;
    attest_snp_report_t         *r;
    X509                        *leaf;       /* borrowed */
    attest_snp_cert_t            cert;       /* its extensions */
    STACK_OF(X509)              *others;     /* a list of borrowed ones */
    attest_snp_product_e         product;
    unsigned                     exact:1;    /* leaf is for chip and TCB */
} attest_verify_snp_t;


static int attest_verify_snp_read(attest_verify_snp_t *j);
static int attest_verify_snp_product(attest_verify_snp_t *j);
static int attest_verify_snp_genuine(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
static int attest_verify_snp_leaf(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
static int attest_verify_snp_pick(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
static int attest_verify_snp_suits(const attest_verify_snp_t *j, X509 *x,
    attest_snp_cert_t *c);
static int attest_verify_snp_chain(attest_verify_snp_t *j);
static int attest_verify_snp_revoked(attest_verify_snp_t *j);
static const char *attest_verify_snp_issuers(attest_verify_snp_t *j,
    STACK_OF(X509) *list, int *found);
static int attest_verify_snp_signature(attest_verify_snp_t *j);
static int attest_verify_snp_tcb(attest_verify_snp_t *j);
static int attest_verify_snp_chip(attest_verify_snp_t *j);
static int attest_verify_snp_guest(attest_verify_snp_t *j);
static int attest_verify_snp_opened(attest_verify_snp_t *j);
static int attest_verify_snp_vmpl(attest_verify_snp_t *j);
static void attest_verify_snp_policy(attest_verify_snp_t *j);
static int attest_verify_snp_references(attest_verify_snp_t *j);
static int attest_verify_snp_set(attest_verify_snp_t *j, const char *id,
    const char *what, const attest_refset_t *set, attest_span_t value);
static void attest_verify_snp_minimums(attest_verify_snp_t *j);
static void attest_verify_snp_minimum(attest_verify_snp_t *j, const char *id,
    const char *what, attest_span_t raw, const attest_snp_tcb_t *min);
static void attest_verify_snp_platform(attest_verify_snp_t *j);
static void attest_verify_snp_demands(attest_verify_snp_t *j);
static int attest_verify_snp_machine(attest_verify_snp_t *j);

static STACK_OF(X509) *attest_verify_snp_certs(attest_verify_t *v,
    attest_part_t *part, const attest_tsm_t *tsm, int *malformed);
static int attest_verify_snp_add(attest_verify_t *v, STACK_OF(X509) *certs,
    attest_span_t der);
static int attest_verify_snp_shipped(const attest_verify_t *v,
    attest_span_t der);
static int attest_verify_snp_binding(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r);
static int attest_verify_snp_svsm(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r, uint8_t want[64]);
static int attest_verify_snp_is_zero(attest_span_t s);

#define ATTEST_SNP_TCB_TEXT    96
static const char *attest_verify_snp_tcb_text(char out[ATTEST_SNP_TCB_TEXT],
    attest_snp_product_e product, const attest_snp_tcb_t *t);


const attest_verify_kind_t  attest_verify_kind_snp = {
    .report = attest_verify_snp,
    .label = attest_verify_label_signed,
    .most = ATTEST_ROOT_TEE,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_AMD)
};


/* configfs-tsm: the report, and certificates if the host gave any. */

void
attest_verify_snp(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm)
{
    int                   genuine, malformed = 0;
    STACK_OF(X509)       *certs;
    attest_snp_report_t   r;

    certs = attest_verify_snp_certs(v, part, tsm, &malformed);
    if (malformed) {
        return;
    }

    genuine = attest_verify_snp_report(v, part, tsm->outblob, certs, &r);
    sk_X509_pop_free(certs, X509_free);

    if (genuine && attest_verify_snp_binding(v, part, tsm, &r)) {
        part->cpu.proven = 1;
    }
}


int
attest_verify_snp_report(attest_verify_t *v, attest_part_t *part,
    attest_span_t report, STACK_OF(X509) *certs, attest_snp_report_t *r)
{
    int                   ok;
    attest_verify_snp_t   j;

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.part = part;
    j.policy = &v->policy->snp;
    j.name = attest_verify_part_name(part->which);
    j.raw = report;
    j.r = r;
    part->cpu.chip = ATTEST_KIND_SNP;

    ok = attest_verify_snp_read(&j) && attest_verify_snp_genuine(&j, certs);

    sk_X509_free(j.others);

    if (!ok) {
        return 0;
    }

    /* all of these, so that one mistake does not hide another */

    ok = attest_verify_snp_guest(&j);
    ok &= attest_verify_snp_vmpl(&j);
    ok &= attest_verify_snp_machine(&j);

    attest_verify_snp_policy(&j);

    return ok;
}


/* Its form, before anything is asked about who signed it. */

static int
attest_verify_snp_read(attest_verify_snp_t *j)
{
    int          rc;
    const char  *what = NULL;

    rc = attest_snp_report_parse(j->raw.p, j->raw.n, j->r);
    if (rc != ATTEST_OK) {
        attest_verify_kind(j->v, j->part, "snp-report",
                           attest_verify_state(rc),
                           "the SNP report of %s evidence, %zu bytes, version "
                           "%u, is %s", j->name, j->raw.n, j->r->version,
                           attest_strerror(rc));
        return 0;
    }

    if (j->r->sig_algo != ATTEST_SNP_SIG_P384_SHA384) {
        what = "an unknown signature algorithm";

    } else if (j->r->signer == ATTEST_SNP_SIGNER_NONE) {
        what = "no signature";

    } else if (j->r->signer != ATTEST_SNP_SIGNER_VCEK
               && j->r->signer != ATTEST_SNP_SIGNER_VLEK)
    {
        what = "a reserved kind of signing key";
    }

    if (what != NULL) {
        attest_verify_kind(j->v, j->part, "snp-report", ATTEST_CHECK_FAIL,
                           "the SNP report of %s evidence has %s", j->name,
                           what);
        return 0;
    }

    return 1;
}


static int
attest_verify_snp_genuine(attest_verify_snp_t *j, STACK_OF(X509) *certs)
{
    return attest_verify_snp_leaf(j, certs)
           && attest_verify_snp_product(j)
           && attest_verify_snp_chain(j)
           && attest_verify_snp_revoked(j)
           && attest_verify_snp_signature(j)
           && attest_verify_snp_tcb(j)
           && attest_verify_snp_chip(j);
}


/* The key that signed: the evidence's certificate, or else the policy's. */

static int
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


static int
attest_verify_snp_suits(const attest_verify_snp_t *j, X509 *x,
    attest_snp_cert_t *c)
{
    return attest_snp_cert_parse(x, c) == ATTEST_OK
           && (c->hwid.n != 0) == (j->r->signer == ATTEST_SNP_SIGNER_VCEK);
}


/* Version 2 does not say what it runs on; its certificate does. */

static int
attest_verify_snp_product(attest_verify_snp_t *j)
{
    attest_snp_product_e  said;

    j->product = j->cert.product;
    said = attest_snp_report_product(j->r);

    if (j->r->version >= 3 && said == ATTEST_SNP_UNKNOWN) {
        attest_verify_kind(j->v, j->part, "snp-report", ATTEST_CHECK_UNKNOWN,
                           "the report of %s evidence is by a processor that "
                           "this version does not know, family %02x model "
                           "%02x", j->name, j->r->family, j->r->model);
        return 0;
    }

    if (said != ATTEST_SNP_UNKNOWN && said != j->product) {
        attest_verify_kind(j->v, j->part, "snp-report", ATTEST_CHECK_FAIL,
                           "the report of %s evidence is by %s, its "
                           "certificate is for %s", j->name,
                           attest_snp_product_name(said),
                           attest_snp_product_name(j->product));
        return 0;
    }

    attest_verify_kind(j->v, j->part, "snp-report", ATTEST_CHECK_PASS,
                       "%s evidence has an SNP report, version %u, by %s, "
                       "signed by its %s", j->name, j->r->version,
                       attest_snp_product_name(j->product),
                       j->r->signer == ATTEST_SNP_SIGNER_VLEK ? "VLEK"
                                                              : "VCEK");
    return 1;
}


static int
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

static int
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


static int
attest_verify_snp_signature(attest_verify_snp_t *j)
{
    int  rc;

    rc = attest_snp_report_verify(j->raw.p, j->raw.n,
                                  X509_get0_pubkey(j->leaf));

    attest_verify_kind(j->v, j->part, "snp-signature", rc == ATTEST_OK
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "the signature of the report of %s evidence: %s",
                       j->name, rc == ATTEST_OK
                       ? "made by the key in that certificate"
                       : rc == ATTEST_EFORMAT ? "not zero where it must be"
                       : "not made by the key in that certificate");
    return rc == ATTEST_OK;
}


/* AMD derives the key from reported_tcb, which may be below current_tcb. */

static int
attest_verify_snp_tcb(attest_verify_snp_t *j)
{
    int               same;
    char              text[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t  t = attest_snp_tcb(j->product, j->r->reported_tcb);

    same = attest_snp_cert_has_tcb(&j->cert, j->r->reported_tcb);

    attest_verify_kind(j->v, j->part, "snp-tcb", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the certificate of %s evidence "
                       "is %s the reported TCB: %s", j->name,
                       same ? "for" : "not for",
                       attest_verify_snp_tcb_text(text, j->product, &t));
    return same;
}


static int
attest_verify_snp_chip(attest_verify_snp_t *j)
{
    int   same;
    char  hex[ATTEST_ABBREV], csp[64];

    if (j->r->signer == ATTEST_SNP_SIGNER_VLEK) {
        attest_verify_kind(j->v, j->part, "snp-chip", ATTEST_CHECK_NOTE,
                           "the VLEK of %s evidence names no chip: AMD lends "
                           "it to \"%s\"", j->name,
                           attest_verify_text(csp, sizeof(csp),
                                              j->cert.csp));
        return 1;
    }

    same = attest_snp_cert_has_chip(&j->cert, j->r->chip_id);

    attest_verify_kind(j->v, j->part, "snp-chip", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the certificate of %s evidence "
                       "is %s the chip that the report names, %s%s", j->name,
                       same ? "for" : "not for",
                       attest_verify_hex(hex, j->r->chip_id.p,
                                         j->r->chip_id.n),
                       attest_verify_snp_is_zero(j->r->chip_id)
                       ? ": the host masks it" : "");
    return same;
}


/* Debugging and migration open the guest's memory to somebody else. */

static int
attest_verify_snp_guest(attest_verify_snp_t *j)
{
    uint64_t     p = j->r->policy;
    const char  *what = NULL;

    if ((p & ATTEST_SNP_ALWAYS_ONE) == 0) {
        what = "its guest policy lacks the bit that is always set";

    } else if ((p & ATTEST_SNP_DEBUG) && !j->policy->allow_debug) {
        what = "the host may debug the guest and read all of its memory";

    } else if ((p & ATTEST_SNP_MIGRATE_MA) && !j->policy->allow_migration) {
        what = "a migration agent may take the guest elsewhere";
    }

    if (what != NULL) {
        attest_verify_kind(j->v, j->part, "snp-guest-policy",
                           ATTEST_CHECK_FAIL, "%s evidence, guest policy "
                           "%llx: %s", j->name, (unsigned long long) p, what);
        return 0;
    }

    return attest_verify_snp_opened(j);
}


/* What a later firmware lets an owner allow may be as bad as debugging. */

static int
attest_verify_snp_opened(attest_verify_snp_t *j)
{
    uint64_t  p = j->r->policy;

    if (p & ~(uint64_t) ATTEST_SNP_POLICY_KNOWN) {
        attest_verify_kind(j->v, j->part, "snp-guest-policy",
                           ATTEST_CHECK_UNKNOWN, "%s evidence, guest policy "
                           "%llx: has bits that this version does not know",
                           j->name, (unsigned long long) p);
        return 0;
    }

    /* whoever signed for a guest that is open: it is worth a simulation */

    if (p & ATTEST_SNP_DEBUG) {
        j->part->cpu.simulated = 1;
    }

    if (p & (ATTEST_SNP_MIGRATE_MA | ATTEST_SNP_DEBUG)) {
        attest_verify_kind(j->v, j->part, "snp-guest-policy",
                           ATTEST_CHECK_NOTE, "%s evidence, guest policy "
                           "%llx: %s, which the policy accepts by name",
                           j->name, (unsigned long long) p,
                           p & ATTEST_SNP_DEBUG
                           ? "the host may debug the guest "
                             "(snp.allow_debug): it counts as simulated"
                           : "the guest may be migrated "
                             "(snp.allow_migration)");
        return 1;
    }

    attest_verify_kind(j->v, j->part, "snp-guest-policy", ATTEST_CHECK_PASS,
                       "%s evidence, guest policy %llx: neither debugging nor "
                       "migration", j->name, (unsigned long long) p);
    return 1;
}


/* A report that the host asked for has no VMPL, and nothing of the guest. */

static int
attest_verify_snp_vmpl(attest_verify_snp_t *j)
{
    int  ok;

    if (j->r->vmpl > ATTEST_SNP_VMPL_MAX) {
        attest_verify_kind(j->v, j->part, "snp-vmpl", ATTEST_CHECK_FAIL,
                           "the report of %s evidence was not asked for by "
                           "the guest", j->name);
        return 0;
    }

    if (!j->policy->has_vmpl) {
        attest_verify_kind(j->v, j->part, "snp-vmpl", ATTEST_CHECK_NOTE,
                           "not evaluated: the report of %s evidence was "
                           "asked for at VMPL %u, and the policy names no "
                           "highest (snp.vmpl)", j->name, j->r->vmpl);
        return 1;
    }

    ok = j->r->vmpl <= j->policy->vmpl;

    attest_verify_kind(j->v, j->part, "snp-vmpl", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the report of %s evidence was "
                       "asked for at VMPL %u, the policy allows %llu at most",
                       j->name, j->r->vmpl,
                       (unsigned long long) j->policy->vmpl);
    return ok;
}


/* What no two reports of one guest differ in. */

static int
attest_verify_snp_machine(attest_verify_snp_t *j)
{
    attest_span_t  parts[] = {
        j->r->chip_id, j->r->report_id, j->r->measurement, j->r->host_data,
        j->r->id_key_digest, j->r->author_key_digest
    };

    return attest_sha256(parts, sizeof(parts) / sizeof(parts[0]),
                         j->part->cpu.machine) == ATTEST_OK;
}


static void
attest_verify_snp_policy(attest_verify_snp_t *j)
{
    j->part->cpu.referenced = attest_verify_snp_references(j) ? 1 : 0;

    attest_verify_snp_minimums(j);
    attest_verify_snp_platform(j);
    attest_verify_snp_demands(j);
}


/*
 * Only the measurement says which software was launched: an id key signs one,
 * host data come from the host.
 */

static int
attest_verify_snp_references(attest_verify_snp_t *j)
{
    int                         ok = 1;
    const attest_snp_report_t  *r = j->r;
    const attest_policy_snp_t  *p = j->policy;

    ok &= attest_verify_snp_set(j, "snp-measurement", "launch measurement",
                                &p->measurement, r->measurement);
    ok &= attest_verify_snp_set(j, "snp-host-data", "host data",
                                &p->host_data, r->host_data);
    ok &= attest_verify_snp_set(j, "snp-id-key", "id key digest",
                                &p->id_key_digest, r->id_key_digest);
    ok &= attest_verify_snp_set(j, "snp-author-key", "author key digest",
                                &p->author_key_digest, r->author_key_digest);
    ok &= attest_verify_snp_set(j, "snp-family-id", "family id",
                                &p->family_id, r->family_id);
    ok &= attest_verify_snp_set(j, "snp-image-id", "image id", &p->image_id,
                                r->image_id);
    ok &= attest_verify_snp_set(j, "snp-chip-id", "chip id", &p->chip_id,
                                r->chip_id);

    return ok;
}


static int
attest_verify_snp_set(attest_verify_snp_t *j, const char *id, const char *what,
    const attest_refset_t *set, attest_span_t value)
{
    int   ok;
    char  hex[ATTEST_ABBREV];

    if (set->count == 0) {

        if (set == &j->policy->measurement) {
            attest_verify_kind(j->v, j->part, id, ATTEST_CHECK_NOTE,
                               "not evaluated: the policy names no %s (%s)",
                               what, attest_verify_hex(hex, value.p,
                                                       value.n));
        }

        return 1;
    }

    ok = attest_verify_in_set(set, value.p, value.n);

    attest_verify_kind(j->v, j->part, id, ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the %s of %s evidence, %s, is "
                       "%s that the policy names", what, j->name,
                       attest_verify_hex(hex, value.p, value.n),
                       ok ? "one" : "none");
    return ok;
}


static void
attest_verify_snp_minimums(attest_verify_snp_t *j)
{
    char                        text[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t            t;
    const attest_snp_report_t  *r = j->r;
    const attest_policy_snp_t  *p = j->policy;

    if (p->has_min_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-minimum", "reported",
                                  r->reported_tcb, &p->min_tcb);

    } else {
        t = attest_snp_tcb(j->product, r->reported_tcb);
        attest_verify_kind(j->v, j->part, "snp-tcb-minimum",
                           ATTEST_CHECK_NOTE, "tcb: not evaluated: the "
                           "policy names no minimum (snp.min_tcb); reported "
                           "is %s", attest_verify_snp_tcb_text(text, j->product,
                                                               &t));
    }

    if (p->has_min_committed_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-committed", "committed",
                                  r->committed_tcb, &p->min_committed_tcb);
    }

    if (p->has_min_launch_tcb) {
        attest_verify_snp_minimum(j, "snp-tcb-launch", "launch",
                                  r->launch_tcb, &p->min_launch_tcb);
    }
}


static void
attest_verify_snp_minimum(attest_verify_snp_t *j, const char *id,
    const char *what, attest_span_t raw, const attest_snp_tcb_t *min)
{
    int               ok;
    char              got[ATTEST_SNP_TCB_TEXT], want[ATTEST_SNP_TCB_TEXT];
    attest_snp_tcb_t  t = attest_snp_tcb(j->product, raw);

    ok = attest_snp_tcb_reaches(&t, min);

    attest_verify_kind(j->v, j->part, id, ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the %s TCB of %s evidence (%s) "
                       "%s the policy's minimum (%s)", what, j->name,
                       attest_verify_snp_tcb_text(got, j->product, &t),
                       ok ? "reaches" : "is below",
                       attest_verify_snp_tcb_text(want, ATTEST_SNP_TURIN, min));
}


static void
attest_verify_snp_platform(attest_verify_snp_t *j)
{
    int       ok;
    uint64_t  got = j->r->platform & j->policy->platform_mask;

    if (j->policy->platform_mask == 0) {
        attest_verify_kind(j->v, j->part, "snp-platform", ATTEST_CHECK_NOTE,
                           "not evaluated: the policy demands nothing of the "
                           "platform (snp.platform), whose flags are %llx",
                           (unsigned long long) j->r->platform);
        return;
    }

    ok = got == j->policy->platform;

    attest_verify_kind(j->v, j->part, "snp-platform", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the platform flags of %s "
                       "evidence are %llx; of the bits %llx the policy "
                       "demands %llx", j->name,
                       (unsigned long long) j->r->platform,
                       (unsigned long long) j->policy->platform_mask,
                       (unsigned long long) j->policy->platform);
}


/* What the guest's owner must have demanded when it was launched. */

static void
attest_verify_snp_demands(attest_verify_snp_t *j)
{
    int        ok;
    unsigned   major = j->r->policy >> 8 & 0xff, minor = j->r->policy & 0xff;
    const attest_policy_snp_t  *p = j->policy;

    if (p->guest_mask != 0) {
        ok = (j->r->policy & p->guest_mask) == p->guest;

        attest_verify_kind(j->v, j->part, "snp-guest-demands", ok
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                           "the guest policy of %s evidence is %llx; of the "
                           "bits %llx the policy demands %llx", j->name,
                           (unsigned long long) j->r->policy,
                           (unsigned long long) p->guest_mask,
                           (unsigned long long) p->guest);
    }

    if (p->has_abi) {
        ok = major > p->abi_major
             || (major == p->abi_major && minor >= p->abi_minor);

        attest_verify_kind(j->v, j->part, "snp-guest-abi", ok
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                           "the guest policy of %s evidence demands a "
                           "firmware ABI of %u.%u at least, the policy wants "
                           "%llu.%llu", j->name, major, minor,
                           (unsigned long long) p->abi_major,
                           (unsigned long long) p->abi_minor);
    }
}


/* From the host's table: never an ARK, roots are ours or the policy's. */

static STACK_OF(X509) *
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

static int
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


static int
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


/* The report is about our claims, and about nobody else's. */

static int
attest_verify_snp_binding(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r)
{
    int      ok;
    char     got[ATTEST_ABBREV], hex[ATTEST_ABBREV];
    uint8_t  want[64];

    ok = attest_claims_report_data(part->claims_raw.p, part->claims_raw.n,
                                   want) == ATTEST_OK;

    if (ok && tsm->manifestblob.n != 0) {
        ok = attest_verify_snp_svsm(v, part, tsm, r, want);
        if (!ok) {
            return 0;
        }
    }

    ok = ok && !attest_verify_snp_is_zero(r->report_data)
         && CRYPTO_memcmp(want, r->report_data.p, sizeof(want)) == 0;

    attest_verify_kind(v, part, "snp-binding", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the report of %s evidence signs "
                       "%s, %s %s", attest_verify_part_name(part->which),
                       attest_verify_hex(got, r->report_data.p,
                                         r->report_data.n),
                       ok ? "which is made of these claims" : "these claims "
                       "would be", ok ? "" : attest_verify_hex(hex, want,
                                                               sizeof(want)));

    if (ok && tsm->manifestblob.n != 0) {
        part->cpu.svsm_ek = tsm->manifestblob;
    }

    return ok;
}


/*
 * A service module at VMPL 0 puts its manifest beside our 64 bytes; version 0
 * of the manifest is the TPMT_PUBLIC of its virtual TPM's endorsement key.
 * Anywhere but at VMPL 0 whoever asked may be the guest, with a manifest of
 * his own.
 */

static int
attest_verify_snp_svsm(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r, uint8_t want[64])
{
    int          ok;
    char         text[32];
    unsigned     n = 0;
    EVP_MD_CTX  *ctx;

    if (!attest_span_is(tsm->service_provider, "svsm")) {
        attest_verify_kind(v, part, "snp-service", ATTEST_CHECK_UNKNOWN,
                           "%s evidence has a manifest by \"%s\", which this "
                           "version does not check",
                           attest_verify_part_name(part->which),
                           attest_verify_text(text, sizeof(text),
                                              tsm->service_provider));
        return 0;
    }

    if (r->vmpl != 0) {
        attest_verify_kind(v, part, "snp-service", ATTEST_CHECK_FAIL,
                           "%s evidence has a manifest of a service module, "
                           "but its report was asked for at VMPL %u, not 0",
                           attest_verify_part_name(part->which), r->vmpl);
        return 0;
    }

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestInit_ex(ctx, EVP_sha512(), NULL) == 1
         && EVP_DigestUpdate(ctx, want, 64) == 1
         && EVP_DigestUpdate(ctx, tsm->manifestblob.p,
                             tsm->manifestblob.n) == 1
         && EVP_DigestFinal_ex(ctx, want, &n) == 1 && n == 64;

    EVP_MD_CTX_free(ctx);

    attest_verify_kind(v, part, "snp-service", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_UNKNOWN, "%s evidence: the "
                       "report was asked for at VMPL 0, as by a service "
                       "module, with a manifest of %zu bytes",
                       attest_verify_part_name(part->which),
                       tsm->manifestblob.n);
    return ok;
}


static int
attest_verify_snp_is_zero(attest_span_t s)
{
    size_t   i;
    uint8_t  all = 0;

    for (i = 0; i < s.n; i++) {
        all |= s.p[i];
    }

    return all == 0;
}


static const char *
attest_verify_snp_tcb_text(char out[ATTEST_SNP_TCB_TEXT],
    attest_snp_product_e product, const attest_snp_tcb_t *t)
{
    char  fmc[16] = "";

    if (product == ATTEST_SNP_TURIN) {
        (void) snprintf(fmc, sizeof(fmc), "fmc %u, ", t->fmc);
    }

    (void) snprintf(out, ATTEST_SNP_TCB_TEXT, "%sbootloader %u, tee %u, "
                    "snp %u, microcode %u", fmc, t->bootloader, t->tee,
                    t->snp, t->microcode);
    return out;
}
