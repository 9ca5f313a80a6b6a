/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An SEV-SNP report: its form, who signed it, what it is about, and whether its
 * guest is open to others.  Azure's reports pass through here, too.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp.h"
#include "core/appraisal/attest_verify_snp_cert.h"
#include "core/appraisal/attest_verify_snp_policy.h"
#include "core/appraisal/attest_verify_snp_tcb.h"


static bool attest_verify_snp_read(attest_verify_snp_t *j);
static bool attest_verify_snp_product(attest_verify_snp_t *j);
static bool attest_verify_snp_genuine(attest_verify_snp_t *j,
    STACK_OF(X509) *certs);
static bool attest_verify_snp_signature(attest_verify_snp_t *j);
static bool attest_verify_snp_chip(attest_verify_snp_t *j);
static bool attest_verify_snp_guest(attest_verify_snp_t *j);
static bool attest_verify_snp_opened(attest_verify_snp_t *j);
static bool attest_verify_snp_vmpl(attest_verify_snp_t *j);
static bool attest_verify_snp_machine(attest_verify_snp_t *j);

static bool attest_verify_snp_binding(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r);
static bool attest_verify_snp_svsm(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r,
    uint8_t want[ATTEST_CLAIMS_REPORT_DATA]);


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


bool
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

static bool
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


static bool
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


/* Version 2 does not say what it runs on; its certificate does. */

static bool
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


static bool
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


static bool
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
                       attest_span_is_zero(j->r->chip_id)
                       ? ": the host masks it" : "");
    return same;
}


/* Debugging and migration open the guest's memory to somebody else. */

static bool
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

static bool
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

static bool
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

static bool
attest_verify_snp_machine(attest_verify_snp_t *j)
{
    attest_span_t  parts[] = {
        j->r->chip_id, j->r->report_id, j->r->measurement, j->r->host_data,
        j->r->id_key_digest, j->r->author_key_digest
    };

    return attest_sha256(parts, sizeof(parts) / sizeof(parts[0]),
                         j->part->cpu.machine) == ATTEST_OK;
}


/* The report is about our claims, and about nobody else's. */

static bool
attest_verify_snp_binding(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r)
{
    int      ok;
    char     got[ATTEST_ABBREV], hex[ATTEST_ABBREV];
    uint8_t  want[ATTEST_CLAIMS_REPORT_DATA];

    ok = attest_claims_report_data(part->claims_raw.p, part->claims_raw.n,
                                   want) == ATTEST_OK;

    if (ok && tsm->manifestblob.n != 0) {
        ok = attest_verify_snp_svsm(v, part, tsm, r, want);
        if (!ok) {
            return 0;
        }
    }

    ok = ok && !attest_span_is_zero(r->report_data)
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

static bool
attest_verify_snp_svsm(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm, const attest_snp_report_t *r,
    uint8_t want[ATTEST_CLAIMS_REPORT_DATA])
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
         && EVP_DigestUpdate(ctx, want, ATTEST_CLAIMS_REPORT_DATA) == 1
         && EVP_DigestUpdate(ctx, tsm->manifestblob.p,
                             tsm->manifestblob.n) == 1
         && EVP_DigestFinal_ex(ctx, want, &n) == 1
         && n == ATTEST_CLAIMS_REPORT_DATA;

    EVP_MD_CTX_free(ctx);

    attest_verify_kind(v, part, "snp-service", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_UNKNOWN, "%s evidence: the "
                       "report was asked for at VMPL 0, as by a service "
                       "module, with a manifest of %zu bytes",
                       attest_verify_part_name(part->which),
                       tsm->manifestblob.n);
    return ok;
}
