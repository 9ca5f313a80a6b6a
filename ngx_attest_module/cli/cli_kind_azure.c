/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The paravisor's report of Azure: in words, and for a policy.
 */


#include <stdio.h>
#include <string.h>

#include "core/base/attest_wire.h"
#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kind_snp.h"
#include "cli/cli_kind_tdx.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


#define CLI_AZURE_ENTRY    24          /* of a certificate table */


static void cli_azure_show(attest_span_t value);
static bool cli_azure_policy(attest_span_t value, cJSON *policy);
static void cli_azure_report(const attest_hcl_t *hcl);
static void cli_azure_keys(const attest_hcl_runtime_t *rt);
static void cli_azure_machine(const attest_hcl_runtime_t *rt);
static void cli_azure_text(const char *what, const char *text);
static void cli_azure_hardware(const attest_azure_t *azure,
    const attest_hcl_t *hcl);
static void cli_azure_tdreport(const attest_hcl_t *hcl);
static const char *cli_azure_said(attest_hcl_bool_e b);
static size_t cli_azure_table(attest_span_t chain,
    uint8_t out[ATTEST_MAX_ITEM]);
static size_t cli_azure_entry(uint8_t *out, size_t at, size_t i,
    const uint8_t guid[16], X509 *x);
static attest_tsm_t cli_azure_tsm(const char *provider, attest_span_t report);


const cli_kind_t  cli_kind_azure = {
    .show = cli_azure_show,
    .policy = cli_azure_policy,
    .genuine = { "snp-signature", "tdx-signature" },
    .open = { "paravisor-reference" }
};


static void
cli_azure_show(attest_span_t value)
{
    int             rc;
    attest_hcl_t    hcl;
    attest_azure_t  azure;

    rc = attest_azure_parse(value.p, value.n, &azure);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    rc = attest_hcl_parse(azure.hcl_report.p, azure.hcl_report.n, &hcl);
    if (rc != ATTEST_OK) {
        cli_printf("%-24s%zu bytes: %s\n", "paravisor's report",
                   azure.hcl_report.n, attest_strerror(rc));
        return;
    }

    cli_azure_report(&hcl);
    cli_azure_keys(&hcl.runtime);
    cli_azure_machine(&hcl.runtime);
    cli_azure_hardware(&azure, &hcl);
    attest_hcl_free(&hcl);
}


static void
cli_azure_report(const attest_hcl_t *hcl)
{
    cli_printf("%-24sversion %u, over a report by %s\n", "paravisor's report",
               hcl->version, hcl->type == ATTEST_HCL_SNP
               ? "AMD SEV-SNP" : "Intel TDX");
    cli_printf("%-24s%zu bytes; the hardware's report %s its %s\n",
               "its text", hcl->json.n, attest_hcl_check(hcl) == ATTEST_OK
               ? "names" : "does NOT name", attest_hcl_hash_name(hcl->hash));
    cli_print_hex("  report data", hcl->report_data.p, hcl->report_data.n);
}


static void
cli_azure_keys(const attest_hcl_runtime_t *rt)
{
    cli_x509_key("attestation key", rt->ak);

    if (rt->ek != NULL) {
        cli_x509_key("endorsement key", rt->ek);

    } else {
        cli_printf("%-24s%s\n", "endorsement key", "none");
    }
}


static void
cli_azure_machine(const attest_hcl_runtime_t *rt)
{
    cli_azure_text("virtual machine", rt->vm_unique_id);
    cli_printf("%-24s%s\n", "  secure boot", cli_azure_said(rt->secure_boot));
    cli_printf("%-24s%s\n", "  virtual TPM", cli_azure_said(rt->tpm_enabled));
    cli_printf("%-24s%s\n", "  its state is kept",
               cli_azure_said(rt->tpm_persisted));
    cli_printf("%-24s%s\n", "  console", cli_azure_said(rt->console_enabled));
    cli_azure_text("  root certificate", rt->root_cert_thumbprint);

    if (rt->user_data_len != 0) {
        cli_print_hex("the guest's user data", rt->user_data,
                      rt->user_data_len);

    } else {
        cli_printf("%-24s%s\n", "the guest's user data", "none");
    }
}


static void
cli_azure_text(const char *what, const char *text)
{
    attest_span_t  s = { (const uint8_t *) text, strlen(text) };

    if (s.n == 0) {
        cli_printf("%-24s%s\n", what, "not mentioned");
        return;
    }

    cli_print_line(what, s);
}


static const char *
cli_azure_said(attest_hcl_bool_e b)
{
    return b == ATTEST_HCL_TRUE ? "yes" : b == ATTEST_HCL_FALSE ? "no"
           : "not mentioned";
}


/* The report inside, and who vouches for it. */

static void
cli_azure_hardware(const attest_azure_t *azure, const attest_hcl_t *hcl)
{
    attest_tsm_t    tsm;
    static uint8_t  table[ATTEST_MAX_ITEM];

    if (hcl->type == ATTEST_HCL_SNP) {
        tsm = cli_azure_tsm("sev_guest", hcl->report);
        tsm.auxblob = attest_span(table, cli_azure_table(azure->vcek_chain,
                                  table));
        cli_snp_show(&tsm);

    } else {
        cli_azure_tdreport(hcl);
    }

    if (azure->td_quote.n != 0) {
        tsm = cli_azure_tsm("tdx_guest", azure->td_quote);
        cli_printf("%-24s%zu bytes\n", "TD quote", azure->td_quote.n);
        cli_tdx_show(&tsm);

    } else if (hcl->type == ATTEST_HCL_TDX) {
        cli_printf("%-24s%s\n", "TD quote", "none: nobody but its own "
                   "processor can check this report");
    }
}


/* Only what a TD quote repeats. */

static void
cli_azure_tdreport(const attest_hcl_t *hcl)
{
    size_t          i;
    const uint8_t  *p = hcl->report.p + ATTEST_TDREPORT_TDINFO;

    static const struct {
        const char  *what;
        size_t       len;
    } fields[] = {
        { "TDREPORT attributes", 8 },
        { "  XFAM", 8 },
        { "  MRTD", ATTEST_TDX_MR_LEN },
        { "  MRCONFIGID", ATTEST_TDX_MR_LEN },
        { "  MROWNER", ATTEST_TDX_MR_LEN },
        { "  MROWNERCONFIG", ATTEST_TDX_MR_LEN },
        { "  RTMR 0", ATTEST_TDX_MR_LEN },
        { "  RTMR 1", ATTEST_TDX_MR_LEN },
        { "  RTMR 2", ATTEST_TDX_MR_LEN },
        { "  RTMR 3", ATTEST_TDX_MR_LEN }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        cli_print_hex(fields[i].what, p, fields[i].len);
        p += fields[i].len;
    }
}


/*
 * What SNP machines get from their host as a table (GHCB, publication 56421)
 * is a chain here: its first certificate is the VCEK, the second the ASK.
 */

static size_t
cli_azure_table(attest_span_t chain, uint8_t out[ATTEST_MAX_ITEM])
{
    size_t           at = 3 * CLI_AZURE_ENTRY, i = 0;
    STACK_OF(X509)  *certs;

    static const uint8_t  guids[2][16] = {
        { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
          0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd },
        { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
          0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 }
    };

    certs = attest_x509_read(chain);
    if (certs == NULL) {
        return 0;
    }

    memset(out, 0, at);

    for (i = 0; i < 2 && (int) i < sk_X509_num(certs); i++) {
        at = cli_azure_entry(out, at, i, guids[i],
                             sk_X509_value(certs, (int) i));
    }

    sk_X509_pop_free(certs, X509_free);
    return at;
}


static size_t
cli_azure_entry(uint8_t *out, size_t at, size_t i, const uint8_t guid[16],
    X509 *x)
{
    int       n = i2d_X509(x, NULL);
    uint8_t  *entry = out + i * CLI_AZURE_ENTRY, *p = out + at;

    if (n <= 0 || (size_t) n > ATTEST_MAX_ITEM - at) {
        return at;
    }

    memcpy(entry, guid, 16);

    (void) attest_wire_put_le(entry + 16, at, 4);
    (void) attest_wire_put_le(entry + 20, (size_t) n, 4);

    (void) i2d_X509(x, &p);
    return at + (size_t) n;
}


static attest_tsm_t
cli_azure_tsm(const char *provider, attest_span_t report)
{
    attest_tsm_t  tsm;

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider = attest_span_text(provider);
    tsm.outblob = report;

    return tsm;
}


/* The machine, and the values of what vouches for it. */

static bool
cli_azure_policy(attest_span_t value, cJSON *policy)
{
    int             found;
    cJSON          *azure, *list;
    attest_tsm_t    tsm;
    attest_hcl_t    hcl;
    attest_azure_t  item;
    static uint8_t  table[ATTEST_MAX_ITEM];

    if (attest_azure_parse(value.p, value.n, &item) != ATTEST_OK
        || attest_hcl_parse(item.hcl_report.p, item.hcl_report.n, &hcl)
           != ATTEST_OK)
    {
        return 0;
    }

    if (hcl.type == ATTEST_HCL_SNP) {
        tsm = cli_azure_tsm("sev_guest", hcl.report);
        tsm.auxblob = attest_span(table, cli_azure_table(item.vcek_chain,
                                  table));
        found = cli_snp_policy(&tsm, policy);

    } else {
        tsm = cli_azure_tsm("tdx_guest", item.td_quote);
        found = item.td_quote.n != 0 && cli_tdx_policy(&tsm, policy);
    }

    azure = cJSON_AddObjectToObject(policy, "azure");

    if (hcl.runtime.vm_unique_id[0] != '\0') {
        list = cJSON_AddArrayToObject(azure, "vm_unique_id");
        cJSON_AddItemToArray(list,
                             cJSON_CreateString(hcl.runtime.vm_unique_id));
    }

    if (hcl.runtime.secure_boot != ATTEST_HCL_UNSAID) {
        cJSON_AddBoolToObject(azure, "secure_boot", hcl.runtime.secure_boot
                              == ATTEST_HCL_TRUE);
    }

    attest_hcl_free(&hcl);
    return found;
}
