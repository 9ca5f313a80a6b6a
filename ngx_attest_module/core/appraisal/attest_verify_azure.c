/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure: the hardware's report vouches for a JSON text of the paravisor's,
 * the text for the attestation key of its virtual TPM.  Whether that key
 * signed a quote of these claims decides the label.
 */


#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/evidence/attest_tdx.h"
#include "core/appraisal/attest_verify_azure.h"
#include "core/appraisal/attest_verify_ek.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp.h"
#include "core/appraisal/attest_verify_tdx.h"
#include "core/crypto/attest_x509.h"


/* What the checks of one report share. */

typedef struct {
    attest_verify_t   *v;
    attest_part_t     *part;
    const char        *name;               /* of the part */
    attest_azure_t     item;
    attest_hcl_t       hcl;
} attest_verify_azure_t;


static unsigned attest_verify_azure_label(attest_verify_t *v);
static bool attest_verify_azure_report(attest_verify_azure_t *j,
    attest_span_t value);
static bool attest_verify_azure_hardware(attest_verify_azure_t *j);
static bool attest_verify_azure_snp(attest_verify_azure_t *j);
static bool attest_verify_azure_tdx(attest_verify_azure_t *j);
static bool attest_verify_azure_key(attest_verify_azure_t *j);
static void attest_verify_azure_policy(attest_verify_azure_t *j);
static void attest_verify_azure_vm(attest_verify_azure_t *j);
static void attest_verify_azure_bool(attest_verify_azure_t *j, const char *id,
    const char *what, attest_hcl_bool_e got, int want);
static const char *attest_verify_azure_said(attest_hcl_bool_e b);


const attest_verify_kind_t  attest_verify_kind_azure = {
    .item = attest_verify_azure,
    .label = attest_verify_azure_label,
    .most = ATTEST_ROOT_TEE_VTPM,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_AMD)
              | ATTEST_MADE_BY(ATTEST_MAKER_INTEL)
};


void
attest_verify_azure(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    attest_verify_azure_t  j;

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.part = part;
    j.name = attest_verify_part_name(part->which);

    if (attest_verify_azure_report(&j, item->value)
        && attest_verify_azure_hardware(&j)
        && attest_verify_azure_key(&j))
    {
        part->cpu.proven = 1;
        attest_verify_azure_policy(&j);
    }

    attest_hcl_free(&j.hcl);
}


/* Its form, and that the hardware's report is about this text. */

static bool
attest_verify_azure_report(attest_verify_azure_t *j, attest_span_t value)
{
    int          rc;
    char         hex[ATTEST_ABBREV];
    const char  *what = "item";

    rc = attest_azure_parse(value.p, value.n, &j->item);

    if (rc == ATTEST_OK) {
        what = "report";
        rc = attest_hcl_parse(j->item.hcl_report.p, j->item.hcl_report.n,
                              &j->hcl);
    }

    if (rc != ATTEST_OK) {
        attest_verify_kind(j->v, j->part, "hcl-report",
                           attest_verify_state(rc),
                           "the paravisor's %s in %s evidence is %s", what,
                           j->name, attest_strerror(rc));
        return 0;
    }

    rc = attest_hcl_check(&j->hcl);

    attest_verify_kind(j->v, j->part, "hcl-report", rc == ATTEST_OK
                       ? ATTEST_CHECK_PASS : attest_verify_state(rc),
                       "the hardware's report in the paravisor's of %s "
                       "evidence names %s, which is %s %s of its text of %zu "
                       "bytes", j->name,
                       attest_verify_hex(hex, j->hcl.report_data.p,
                                         j->hcl.report_data.n),
                       rc == ATTEST_OK ? "the" : "not the",
                       attest_hcl_hash_name(j->hcl.hash), j->hcl.json.n);
    return rc == ATTEST_OK;
}


static bool
attest_verify_azure_hardware(attest_verify_azure_t *j)
{
    int  snp = j->hcl.type == ATTEST_HCL_SNP;

    /* what vouches for another kind of report vouches for another machine */

    if (snp ? j->item.td_quote.n != 0 : j->item.vcek_chain.n != 0) {
        attest_verify_kind(j->v, j->part, "hcl-hardware", ATTEST_CHECK_FAIL,
                           "%s evidence has %s beside a report by %s",
                           j->name, snp ? "a TD quote" : "an AMD certificate",
                           snp ? "an AMD processor" : "an Intel processor");
        return 0;
    }

    return snp ? attest_verify_azure_snp(j) : attest_verify_azure_tdx(j);
}


/*
 * The guest runs at a higher VMPL than the paravisor and can ask for reports
 * of its own, about a text of its own.
 */

static bool
attest_verify_azure_snp(attest_verify_azure_t *j)
{
    int                   genuine;
    STACK_OF(X509)       *certs = NULL;
    attest_snp_report_t   r;

    if (j->item.vcek_chain.n != 0) {
        certs = attest_x509_read(j->item.vcek_chain);

        if (certs == NULL) {
            attest_verify_kind(j->v, j->part, "hcl-hardware",
                               ATTEST_CHECK_FAIL, "the certificates in %s "
                               "evidence, %zu bytes, are malformed", j->name,
                               j->item.vcek_chain.n);
            return 0;
        }
    }

    genuine = attest_verify_snp_report(j->v, j->part, j->hcl.report, certs,
                                       &r);
    sk_X509_pop_free(certs, X509_free);

    if (!genuine) {
        return 0;
    }

    attest_verify_kind(j->v, j->part, "hcl-hardware", r.vmpl == 0
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "the report in %s evidence was asked for at VMPL %u, "
                       "%s", j->name, r.vmpl, r.vmpl == 0
                       ? "where the paravisor runs"
                       : "which any guest can do: it is not a paravisor's");
    return r.vmpl == 0;
}


/* The MAC of a TDREPORT can be checked by its own processor only. */

static bool
attest_verify_azure_tdx(attest_verify_azure_t *j)
{
    int                 rc, same;
    attest_tdx_quote_t  q;

    if (j->item.td_quote.n == 0) {
        attest_verify_kind(j->v, j->part, "hcl-hardware",
                           ATTEST_CHECK_UNKNOWN, "not evaluated: %s evidence "
                           "has a TDREPORT, which only its own processor can "
                           "check, and no TD quote", j->name);
        return 0;
    }

    /* its form first: a quote of an enclave may sign any report data */

    rc = attest_tdx_parse(j->item.td_quote.p, j->item.td_quote.n, &q);

    if (rc == ATTEST_OK && q.body == ATTEST_TDX_BODY_SGX) {
        rc = ATTEST_EMISMATCH;
    }

    if (rc != ATTEST_OK) {
        attest_verify_kind(j->v, j->part, "hcl-hardware",
                           attest_verify_state(rc), "the TD quote in %s "
                           "evidence, %zu bytes, is %s", j->name,
                           j->item.td_quote.n, rc == ATTEST_EMISMATCH
                           ? "an enclave's" : attest_strerror(rc));
        return 0;
    }

    /* quotes are made of TDREPORTs: this one of this one? */

    same = memcmp(q.report_data, j->hcl.report_data.p,
                  ATTEST_HCL_REPORT_DATA) == 0
           && memcmp(q.td_attributes,
                     j->hcl.report.p + ATTEST_TDREPORT_TDINFO,
                     ATTEST_TDINFO_SIGNED) == 0;

    attest_verify_kind(j->v, j->part, "hcl-hardware", same
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "the TD quote of %s evidence is %s of the TDREPORT in "
                       "the paravisor's", j->name, same ? "made" : "not made");

    return same && attest_verify_tdx_quote(j->v, j->part, j->item.td_quote,
                                           j->hcl.report_data.p);
}


/* What all reports of one machine have in common, and the key itself. */

static bool
attest_verify_azure_key(attest_verify_azure_t *j)
{
    char           hex[ATTEST_ABBREV];
    attest_cpu_t  *cpu = &j->part->cpu;
    attest_span_t  parts[3];

    if (attest_x509_spki_hash(j->hcl.runtime.ak, cpu->ak_spki) != ATTEST_OK) {
        attest_verify_kind(j->v, j->part, "hcl-key", ATTEST_CHECK_UNKNOWN,
                           "cannot hash the key in %s evidence", j->name);
        return 0;
    }

    parts[0] = attest_span(cpu->machine, sizeof(cpu->machine));
    parts[1] = attest_span(cpu->ak_spki, sizeof(cpu->ak_spki));
    parts[2] = attest_span_text(j->hcl.runtime.vm_unique_id);

    if (attest_sha256(parts, 3, cpu->machine) != ATTEST_OK) {
        return 0;
    }

    cpu->has_ak = 1;

    attest_verify_kind(j->v, j->part, "hcl-key", ATTEST_CHECK_PASS,
                       "the paravisor's report of %s evidence vouches for "
                       "the attestation key with SHA-256 %s", j->name,
                       attest_verify_hex(hex, cpu->ak_spki,
                                         sizeof(cpu->ak_spki)));
    return 1;
}


static void
attest_verify_azure_policy(attest_verify_azure_t *j)
{
    const attest_policy_azure_t  *want = &j->v->policy->azure;
    const attest_hcl_runtime_t   *rt = &j->hcl.runtime;

    attest_verify_azure_vm(j);

    attest_verify_azure_bool(j, "azure-secure-boot", "secure boot",
                             rt->secure_boot, want->has_secure_boot
                             ? (int) want->secure_boot : -1);
    attest_verify_azure_bool(j, "azure-console", "the console",
                             rt->console_enabled, want->has_console
                             ? (int) want->console : -1);
}


static void
attest_verify_azure_vm(attest_verify_azure_t *j)
{
    int                          found = 0;
    char                         shown[48], user[ATTEST_ABBREV];
    size_t                       i;
    attest_span_t                id;
    const attest_textset_t      *set = &j->v->policy->azure.vm_unique_id;
    const attest_hcl_runtime_t  *rt = &j->hcl.runtime;

    id = attest_span_text(rt->vm_unique_id);
    (void) attest_verify_text(shown, sizeof(shown), id);

    attest_verify_kind(j->v, j->part, "azure-machine", ATTEST_CHECK_NOTE,
                       "%s evidence is of virtual machine \"%s\"; the guest "
                       "set user-data to %s", j->name, shown,
                       rt->user_data_len == 0 ? "nothing"
                       : attest_verify_hex(user, rt->user_data,
                                           rt->user_data_len));

    if (set->count == 0) {
        return;
    }

    for (i = 0; i < set->count; i++) {
        found |= strcasecmp(set->value[i], rt->vm_unique_id) == 0;
    }

    attest_verify_kind(j->v, j->part, "azure-vm-id", found
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "\"%s\" of %s evidence is %s that the policy names",
                       shown, j->name, found ? "one" : "none of those");
}


/* want: -1 if the policy does not say. */

static void
attest_verify_azure_bool(attest_verify_azure_t *j, const char *id,
    const char *what, attest_hcl_bool_e got, int want)
{
    int  same;

    if (want < 0) {
        attest_verify_kind(j->v, j->part, id, ATTEST_CHECK_NOTE,
                           "not evaluated: the policy does not say whether "
                           "%s has to be on; in %s evidence it is %s", what,
                           j->name, attest_verify_azure_said(got));
        return;
    }

    same = got == (want ? ATTEST_HCL_TRUE : ATTEST_HCL_FALSE);

    attest_verify_kind(j->v, j->part, id, same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "%s is %s in %s evidence, the "
                       "policy wants it %s", what,
                       attest_verify_azure_said(got), j->name,
                       want ? "on" : "off");
}


static const char *
attest_verify_azure_said(attest_hcl_bool_e b)
{
    return b == ATTEST_HCL_TRUE ? "on" : b == ATTEST_HCL_FALSE ? "off"
           : "not mentioned";
}


/* CPU -> paravisor's report -> attestation key -> quote of these claims. */

static unsigned
attest_verify_azure_label(attest_verify_t *v)
{
    int                   same;
    uint8_t               spki[ATTEST_SHA256_LEN];
    const attest_part_t  *part = v->main;

    if (!part->cpu.proven || !part->cpu.has_ak || !part->proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: %s is not proven",
                          part->proven ? "the paravisor's report"
                                       : "the TPM quote");
        return 0;
    }

    same = attest_x509_spki_hash(part->ak.key, spki) == ATTEST_OK
           && CRYPTO_memcmp(spki, part->cpu.ak_spki, sizeof(spki)) == 0;

    attest_verify_add(v, "hcl-ak", same ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the key that signed the quote is "
                      "%s that the paravisor's report vouches for",
                      same ? "the one" : "not the one");
    if (!same) {
        return 0;
    }

    v->ak_tied = 1;

    if (part->cpu.simulated) {
        return ATTEST_ROOT_SIMULATED;
    }

    return attest_verify_firmware(v, ATTEST_ROOT_TEE_VTPM)
           ? ATTEST_ROOT_TEE_VTPM : 0;
}
