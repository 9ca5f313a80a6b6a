/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An Intel quote: its chain and signatures, its binding, its boot log, and
 * what the policy says of its measurements.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_eventlog.h"
#include "core/evidence/attest_pck.h"
#include "core/evidence/attest_tdx.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_tdx.h"
#include "core/appraisal/attest_verify_tdx_tcb.h"
#include "core/crypto/attest_x509.h"


/* Bits that say nothing against a guest; the rest is named or refused. */
#define ATTEST_TDX_KNOWN     (ATTEST_TDX_SEPT_VE | ATTEST_TDX_PKS             \
                              | ATTEST_TDX_PERFMON)

/* CCEL: measurement register 1 is RTMR 0. */
#define ATTEST_CCEL_RTMRS    0x1e


static bool attest_verify_tdx_open(attest_td_t *td, attest_span_t raw);
static bool attest_verify_tdx_genuine(attest_td_t *td);
static bool attest_verify_tdx_chain(attest_td_t *td);
static bool attest_verify_tdx_bound(attest_td_t *td,
    const uint8_t want[ATTEST_CLAIMS_REPORT_DATA]);
static bool attest_verify_tdx_attributes(attest_td_t *td);
static bool attest_verify_tdx_debug(attest_td_t *td);
static bool attest_verify_tdx_module(attest_td_t *td);
static bool attest_verify_tdx_enclave(attest_td_t *td);
static void attest_verify_tdx_machine(attest_td_t *td);
static void attest_verify_tdx_references(attest_td_t *td);
static bool attest_verify_tdx_reference(attest_td_t *td, const char *id,
    const char *name, const attest_refset_t *set, const uint8_t *p,
    size_t n);
static bool attest_verify_tdx_optional(attest_td_t *td, const char *id,
    const char *name, const attest_refset_t *set, const uint8_t *p,
    attest_check_e unnamed);
static bool attest_verify_tdx_rtmrs(attest_td_t *td);
static void attest_verify_tdx_ccel(attest_td_t *td);
static void attest_verify_tdx_ccel_compare(attest_td_t *td,
    const attest_tpm_bank_t *log);


static const uint8_t  attest_tdx_zero[64];


const attest_verify_kind_t  attest_verify_kind_tdx = {
    .report = attest_verify_tdx,
    .label = attest_verify_label_signed,
    .most = ATTEST_ROOT_TEE,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_INTEL)
};


void
attest_verify_tdx(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm)
{
    uint8_t  want[ATTEST_CLAIMS_REPORT_DATA];

    if (attest_claims_report_data(part->claims_raw.p, part->claims_raw.n,
                                  want) != ATTEST_OK)
    {
        attest_verify_kind(v, part, "tdx-quote", ATTEST_CHECK_UNKNOWN,
                           "out of memory");
        return;
    }

    part->cpu.proven = attest_verify_tdx_quote(v, part, tsm->outblob, want)
                       ? 1 : 0;
}


bool
attest_verify_tdx_quote(attest_verify_t *v, attest_part_t *part,
    attest_span_t raw, const uint8_t want[ATTEST_CLAIMS_REPORT_DATA])
{
    int          proven = 0;
    attest_td_t  td;

    memset(&td, 0, sizeof(td));
    td.v = v;
    td.part = part;
    part->cpu.chip = ATTEST_KIND_TDX;

    /* errors left in the queue would be taken for those of a connection */

    ERR_set_mark();

    if (attest_verify_tdx_open(&td, raw) && attest_verify_tdx_genuine(&td)
        && attest_verify_tdx_bound(&td, want))
    {
        part->cpu.simulated = td.simulated ? 1 : 0;

        if (td.q.body == ATTEST_TDX_BODY_SGX) {
            proven = attest_verify_tdx_enclave(&td);

        } else if (attest_verify_tdx_attributes(&td)
                   && attest_verify_tdx_module(&td))
        {
            proven = attest_verify_tdx_tcb(&td);
            attest_verify_tdx_machine(&td);
            attest_verify_tdx_references(&td);
            attest_verify_tdx_ccel(&td);
        }
    }

    sk_X509_pop_free(td.certs, X509_free);
    ERR_pop_to_mark();

    return proven;
}


/* Layout, and the certificates that the quote carries. */

static bool
attest_verify_tdx_open(attest_td_t *td, attest_span_t raw)
{
    int          rc;
    const char  *name;

    name = attest_verify_part_name(td->part->which);

    rc = attest_tdx_parse(raw.p, raw.n, &td->q);
    if (rc != ATTEST_OK) {
        attest_verify_kind(td->v, td->part, "tdx-quote",
                           attest_verify_state(rc), "the quote of %s "
                           "evidence, %zu bytes, is %s%s", name, raw.n,
                           attest_strerror(rc), rc == ATTEST_EUNSUPPORTED
                           ? ": this version knows TDX quotes 4 and 5, and "
                             "SGX quotes 3, signed by ECDSA P-256" : "");
        return 0;
    }

    td->certs = attest_x509_read(td->q.certs);

    if (td->certs == NULL
        || attest_pck_read(sk_X509_value(td->certs, 0), &td->pck)
           != ATTEST_OK)
    {
        attest_verify_kind(td->v, td->part, "tdx-quote", ATTEST_CHECK_FAIL,
                           "the quote of %s evidence carries no chain that "
                           "begins with a platform's certificate (PCK)",
                           name);
        return 0;
    }

    td->leaf = sk_X509_value(td->certs, 0);

    attest_verify_kind(td->v, td->part, "tdx-quote", ATTEST_CHECK_PASS,
                       "%s evidence has %s quote of version %u, %zu bytes "
                       "and %zu of padding", name,
                       td->q.body == ATTEST_TDX_BODY_SGX ? "an SGX"
                       : td->q.body == ATTEST_TDX_BODY_15 ? "a TDX 1.5"
                       : "a TDX", (unsigned) td->q.version, td->q.length,
                       raw.n - td->q.length);
    return 1;
}


/* Attestation key -> quoting enclave -> PCK -> Intel's root. */

static bool
attest_verify_tdx_genuine(attest_td_t *td)
{
    const char  *id = "tdx-signature", *what = NULL;

    if (attest_tdx_check_signature(&td->q) != ATTEST_OK) {
        what = "the quote's signature is bad";

    } else if (attest_tdx_check_qe_key(&td->q) != ATTEST_OK) {
        id = "tdx-qe";
        what = "the quoting enclave does not vouch for the quote's key";

    } else if (attest_tdx_check_qe_identity(&td->q) != ATTEST_OK) {
        id = "tdx-qe";
        what = "the quoting enclave is not Intel's, or is open to debuggers";

    } else if (attest_tdx_check_qe_signature(&td->q, td->leaf) != ATTEST_OK)
    {
        id = "tdx-qe";
        what = "the platform did not sign the quoting enclave's report";
    }

    if (what != NULL) {
        attest_verify_kind(td->v, td->part, id, ATTEST_CHECK_FAIL,
                           "%s (%s evidence)", what,
                           attest_verify_part_name(td->part->which));
        return 0;
    }

    attest_verify_kind(td->v, td->part, "tdx-signature", ATTEST_CHECK_PASS,
                       "the quote is signed by a key that Intel's quoting "
                       "enclave, SVN %u, vouches for",
                       (unsigned) td->q.qe.isvsvn);
    attest_verify_kind(td->v, td->part, "tdx-qe", ATTEST_CHECK_PASS,
                       "the quoting enclave's report is signed by the "
                       "platform's key (PCK)");

    return attest_verify_tdx_chain(td);
}


static bool
attest_verify_tdx_chain(attest_td_t *td)
{
    char         fmspc[ATTEST_ABBREV], ppid[ATTEST_ABBREV];
    const char  *what;

    what = attest_verify_anchor(td->v, ATTEST_MAKER_INTEL, td->leaf,
                                td->certs, NULL, &td->simulated);

    if (what != NULL) {
        attest_verify_kind(td->v, td->part, "tdx-chain", ATTEST_CHECK_FAIL,
                           "no chain leads from the platform's certificate "
                           "to Intel's root: %s", what);
        return 0;
    }

    attest_verify_kind(td->v, td->part, "tdx-chain", ATTEST_CHECK_PASS,
                       "the platform, FMSPC %s, PPID %s, has a certificate "
                       "of %s", attest_verify_hex(fmspc, td->pck.fmspc, 6),
                       attest_verify_hex(ppid, td->pck.ppid, 16),
                       td->simulated ? "a simulated root" : "Intel");
    return 1;
}


static bool
attest_verify_tdx_bound(attest_td_t *td,
    const uint8_t want[ATTEST_CLAIMS_REPORT_DATA])
{
    int          same, zero;
    char         got[ATTEST_ABBREV], wanted[ATTEST_ABBREV];
    const char  *name = attest_verify_part_name(td->part->which);

    zero = CRYPTO_memcmp(td->q.report_data, attest_tdx_zero,
                         ATTEST_TDX_REPORT_DATA) == 0;
    same = CRYPTO_memcmp(td->q.report_data, want, ATTEST_TDX_REPORT_DATA) == 0;

    if (zero || !same) {
        attest_verify_kind(td->v, td->part, "tdx-binding", ATTEST_CHECK_FAIL,
                           "the quote's report data are %s, %s evidence "
                           "needs %s", zero ? "all zero"
                           : attest_verify_hex(got, td->q.report_data,
                                               ATTEST_TDX_REPORT_DATA),
                           name, attest_verify_hex(wanted, want,
                                                   ATTEST_TDX_REPORT_DATA));
        return 0;
    }

    attest_verify_kind(td->v, td->part, "tdx-binding", ATTEST_CHECK_PASS,
                       "the quote's report data, %s, are those of %s "
                       "evidence",
                       attest_verify_hex(got, want, ATTEST_TDX_REPORT_DATA),
                       name);
    return 1;
}


static bool
attest_verify_tdx_attributes(attest_td_t *td)
{
    char                        hex[ATTEST_ABBREV];
    uint64_t                    bits, allowed, wrong, missing;
    const attest_policy_tdx_t  *p = &td->v->policy->tdx;

    if (!attest_verify_tdx_debug(td)) {
        return 0;
    }

    (void) attest_verify_hex(hex, td->q.td_attributes, 8);
    bits = attest_tdx_u64(td->q.td_attributes) & ~ATTEST_TDX_DEBUG;

    if (bits & ATTEST_TDX_MIGRATABLE) {
        attest_verify_kind(td->v, td->part, "tdx-attributes",
                           ATTEST_CHECK_FAIL, "the TD's attributes, %s, let "
                           "it be migrated to another machine", hex);
        return 0;
    }

    allowed = p->attributes_given ? p->attributes_allowed : ATTEST_TDX_KNOWN;
    allowed |= p->attributes_required;
    wrong = bits & ~allowed;
    missing = p->attributes_required & ~bits;

    if (wrong != 0 || missing != 0) {
        attest_verify_kind(td->v, td->part, "tdx-attributes",
                           ATTEST_CHECK_FAIL, "the TD's attributes are %s, "
                           "%s", hex, wrong != 0
                           ? "with bits that the policy does not allow"
                           : "without bits that the policy requires");
        return 0;
    }

    attest_verify_kind(td->v, td->part, "tdx-attributes", ATTEST_CHECK_PASS,
                       "the TD's attributes are %s: not migratable%s", hex,
                       bits & ATTEST_TDX_SEPT_VE ? ", SEPT_VE_DISABLE" : "");
    return 1;
}


static bool
attest_verify_tdx_debug(attest_td_t *td)
{
    int  debug, allowed = td->v->policy->tdx.allow_debug;

    debug = (attest_tdx_u64(td->q.td_attributes) & ATTEST_TDX_DEBUG) != 0;

    attest_verify_kind(td->v, td->part, "tdx-debug", !debug
                       ? ATTEST_CHECK_PASS : allowed ? ATTEST_CHECK_NOTE
                       : ATTEST_CHECK_FAIL, "the TD is %s", !debug
                       ? "closed to debuggers" : allowed
                       ? "open to debuggers, which the policy allows "
                         "(tdx.allow_debug): it counts as simulated"
                       : "open to debuggers: its host reads and writes its "
                         "memory");

    if (debug) {
        td->part->cpu.simulated = 1;
    }

    return !debug || allowed;
}


/* Intel's own modules have no signer and no attributes. */

static bool
attest_verify_tdx_module(attest_td_t *td)
{
    char  hex[ATTEST_ABBREV];
    int   ok;

    ok = memcmp(td->q.mrsignerseam, attest_tdx_zero, ATTEST_TDX_MR_LEN) == 0
         && memcmp(td->q.seam_attributes, attest_tdx_zero, 8) == 0;

    attest_verify_kind(td->v, td->part, "tdx-module", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the TDX module %s is %sIntel's",
                       attest_verify_hex(hex, td->q.mrseam,
                                         ATTEST_TDX_MR_LEN),
                       ok ? "" : "not ");
    return ok;
}


/* Recognised in certificates of others; there is no member of a policy. */

static bool
attest_verify_tdx_enclave(attest_td_t *td)
{
    char  hex[ATTEST_ABBREV];

    if (td->q.enclave.attributes[0] & ATTEST_SGX_DEBUG) {
        attest_verify_kind(td->v, td->part, "sgx-debug", ATTEST_CHECK_FAIL,
                           "the SGX enclave is open to debuggers: its host "
                           "reads and writes its memory");
        return 0;
    }

    attest_verify_kind(td->v, td->part, "sgx-enclave", ATTEST_CHECK_UNKNOWN,
                       "not evaluated: the quote is of an SGX enclave, %s, "
                       "and policies of this version have no member for it",
                       attest_verify_hex(hex, td->q.enclave.mrenclave,
                                         ATTEST_TDX_SIGNER));
    return 0;
}


/*
 * RTMR 3 is the software's to extend at any time, and the module's own
 * measurement changes when it is updated under a running TD: left out.
 */

static void
attest_verify_tdx_machine(attest_td_t *td)
{
    const attest_tdx_quote_t  *q = &td->q;
    attest_span_t              parts[] = {
        { td->pck.ppid, sizeof(td->pck.ppid) },
        { q->td_attributes, 8 },
        { q->xfam, 8 },
        { q->mrtd, ATTEST_TDX_MR_LEN },
        { q->mrconfigid, ATTEST_TDX_MR_LEN },
        { q->mrowner, ATTEST_TDX_MR_LEN },
        { q->mrownerconfig, ATTEST_TDX_MR_LEN },
        { q->rtmr[0], ATTEST_TDX_MR_LEN },
        { q->rtmr[1], ATTEST_TDX_MR_LEN },
        { q->rtmr[2], ATTEST_TDX_MR_LEN }
    };

    (void) attest_sha256(parts, sizeof(parts) / sizeof(parts[0]),
                         td->part->cpu.machine);
}


/* All are compared, so that one run names all that differs. */

static void
attest_verify_tdx_references(attest_td_t *td)
{
    int                         ok;
    const attest_tdx_quote_t   *q = &td->q;
    const attest_policy_tdx_t  *p = &td->v->policy->tdx;

    ok = attest_verify_tdx_reference(td, "tdx-fmspc", "the platform's FMSPC",
                                     &p->fmspc, td->pck.fmspc, 6);
    ok &= attest_verify_tdx_reference(td, "tdx-ppid", "the platform's PPID",
                                      &p->ppid, td->pck.ppid, 16);
    ok &= attest_verify_tdx_reference(td, "tdx-xfam", "XFAM", &p->xfam,
                                      q->xfam, 8);
    ok &= attest_verify_tdx_reference(td, "tdx-mrseam", "MRSEAM", &p->mrseam,
                                      q->mrseam, ATTEST_TDX_MR_LEN);
    ok &= attest_verify_tdx_reference(td, "tdx-mrtd", "MRTD", &p->mrtd, q->mrtd,
                                      ATTEST_TDX_MR_LEN);
    ok &= attest_verify_tdx_optional(td, "tdx-mrconfigid", "MRCONFIGID",
                                     &p->mrconfigid, q->mrconfigid,
                                     ATTEST_CHECK_NOTE);
    ok &= attest_verify_tdx_optional(td, "tdx-mrowner", "MROWNER", &p->mrowner,
                                     q->mrowner, ATTEST_CHECK_NOTE);
    ok &= attest_verify_tdx_optional(td, "tdx-mrownerconfig", "MROWNERCONFIG",
                                     &p->mrownerconfig, q->mrownerconfig,
                                     ATTEST_CHECK_NOTE);

    /* a service TD has a say in this one's life: never left unsaid */

    ok &= attest_verify_tdx_optional(td, "tdx-mrservicetd", "MRSERVICETD",
                                     &p->mrservicetd, q->mrservicetd != NULL
                                     ? q->mrservicetd : attest_tdx_zero,
                                     ATTEST_CHECK_UNKNOWN);
    ok &= attest_verify_tdx_rtmrs(td);

    td->part->cpu.referenced = ok ? 1 : 0;
}


/* 0: the policy names values, and this is none of them. */

static bool
attest_verify_tdx_reference(attest_td_t *td, const char *id, const char *name,
    const attest_refset_t *set, const uint8_t *p, size_t n)
{
    int   ok;
    char  got[ATTEST_ABBREV], want[ATTEST_ABBREV];

    if (set->count == 0) {
        return 1;
    }

    ok = attest_verify_in_set(set, p, n);

    attest_verify_kind(td->v, td->part, id, ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "%s is %s, %s%s%s", name,
                       attest_verify_hex(got, p, n), ok
                       ? "which the policy allows" : "the policy allows ",
                       ok ? "" : attest_verify_hex(want, set->value[0], n),
                       ok || set->count == 1 ? "" : " or others");
    return ok;
}


/* Zero says that there is none; anything else has something to say. */

static bool
attest_verify_tdx_optional(attest_td_t *td, const char *id, const char *name,
    const attest_refset_t *set, const uint8_t *p, attest_check_e unnamed)
{
    char  hex[ATTEST_ABBREV];

    if (set->count == 0
        && memcmp(p, attest_tdx_zero, ATTEST_TDX_MR_LEN) != 0)
    {
        attest_verify_kind(td->v, td->part, id, unnamed, "not evaluated: %s "
                           "is %s, which the policy does not name", name,
                           attest_verify_hex(hex, p, ATTEST_TDX_MR_LEN));
        return 1;
    }

    return attest_verify_tdx_reference(td, id, name, set, p, ATTEST_TDX_MR_LEN);
}


static bool
attest_verify_tdx_rtmrs(attest_td_t *td)
{
    int                     ok = 1;
    char                    name[8], id[16], unnamed[16] = "";
    size_t                  i;
    const attest_refset_t  *set;

    for (i = 0; i < ATTEST_TDX_RTMRS; i++) {
        set = &td->v->policy->tdx.rtmr[i];

        if (set->count == 0) {
            (void) snprintf(unnamed + strlen(unnamed),
                            sizeof(unnamed) - strlen(unnamed), " %zu", i);
            continue;
        }

        (void) snprintf(name, sizeof(name), "RTMR %zu", i);
        (void) snprintf(id, sizeof(id), "tdx-rtmr%zu", i);
        ok &= attest_verify_tdx_reference(td, id, name, set, td->q.rtmr[i],
                                          ATTEST_TDX_MR_LEN);
    }

    if (*unnamed != '\0') {
        attest_verify_kind(td->v, td->part, "tdx-rtmrs", ATTEST_CHECK_NOTE,
                           "not evaluated: the policy names no value of "
                           "RTMR%s", unnamed);
    }

    return ok;
}


/* The log explains the RTMRs of the quote that it came with. */

static void
attest_verify_tdx_ccel(attest_td_t *td)
{
    int                       rc, wrong;
    attest_tpm_bank_t         log;
    const attest_cmw_item_t  *item;

    item = attest_verify_item(td->part, ATTEST_ITEM_CCEL, ATTEST_TYPE_CCEL,
                              &wrong);
    if (item == NULL && !wrong) {
        return;
    }

    rc = wrong ? ATTEST_EUNSUPPORTED
         : attest_eventlog_replay(item->value.p, item->value.n,
                                  ATTEST_TPM_ALG_SHA384, &log, NULL, NULL);

    /* a policy that wants a log misses it as if there were none */

    if (rc == ATTEST_EUNSUPPORTED && !wrong) {
        attest_verify_kind(td->v, td->part, "ccel", ATTEST_CHECK_NOTE,
                           "not evaluated: the boot log (CCEL) of %s "
                           "evidence carries no SHA-384 digests",
                           attest_verify_part_name(td->part->which));
        return;
    }

    if (rc != ATTEST_OK) {
        attest_verify_kind(td->v, td->part, "ccel", ATTEST_CHECK_FAIL,
                           "the boot log (CCEL) of %s evidence is %s",
                           attest_verify_part_name(td->part->which), wrong
                           ? "of a foreign media type"
                           : attest_strerror(rc));
        return;
    }

    attest_verify_tdx_ccel_compare(td, &log);
}


static void
attest_verify_tdx_ccel_compare(attest_td_t *td, const attest_tpm_bank_t *log)
{
    char    bad[16] = "", late[16] = "", *list;
    size_t  i;

    for (i = 0; i < ATTEST_TDX_RTMRS; i++) {

        if (memcmp(log->value[i + 1], td->q.rtmr[i], ATTEST_TDX_MR_LEN)
            == 0)
        {
            continue;
        }

        /* what extends RTMR 3 after boot does not write into this log */

        list = i == 3 && (log->select >> 4 & 1) == 0 ? late : bad;
        (void) snprintf(list + strlen(list), sizeof(bad) - strlen(list),
                        " %zu", i);
    }

    if (*bad != '\0' || (log->select & ~ATTEST_CCEL_RTMRS) != 0) {
        attest_verify_kind(td->v, td->part, "ccel", ATTEST_CHECK_FAIL,
                           "replaying the boot log (CCEL) of %s evidence "
                           "%s%s", attest_verify_part_name(td->part->which),
                           *bad != '\0' ? "does not give the quoted RTMR"
                           : "extends registers that a TD does not have",
                           bad);
        return;
    }

    td->part->cpu.has_log = 1;
    attest_verify_kind(td->v, td->part, "ccel", ATTEST_CHECK_PASS,
                       "replaying the boot log (CCEL) of %s evidence gives "
                       "the quoted RTMRs%s",
                       attest_verify_part_name(td->part->which),
                       *late != '\0' ? "; RTMR 3 changes after boot, and is "
                       "left aside" : "");
}
