/* SPDX-License-Identifier: Apache-2.0 */

/* What ngx-attest says of an SNP report, and the policy it makes of one. */

#include <unistd.h>

#include "core/evidence/attest_claims.h"
#include "snp_double.h"
#include "unit.h"
#include "cli/cli_kind_snp.c"
#include "cli/cli_print.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"


static char           text[65536];
static uint8_t        report[SNP_DOUBLE_REPORT], table[16384];
static snp_double_t   d;
static attest_tsm_t   tsm;


static void evidence(void);
static void shown(void);
static void says(const char *what, const char *want, int there);
static void test_show(void);
static void test_turin(void);
static void test_vlek(void);
static void test_malformed(void);
static void test_policy(void);


int
main(void)
{
    d.bits = 2048;
    memset(d.chip, 0xc1, 64);
    memset(d.measurement, 0x4d, 48);
    memset(d.host_data, 0x48, 32);
    memcpy(d.tcb, "\x03\x01\x08\xd5\x02", 5);

    if (!snp_double_init(&d)) {
        printf("Bail out! no test double\n");
        return 1;
    }

    test_show();
    test_turin();
    test_vlek();
    test_malformed();
    test_policy();

    snp_double_free(&d);
    DONE();
}


static void
evidence(void)
{
    size_t   n = sizeof(table);
    uint8_t  data[64];

    memset(data, 0xda, sizeof(data));

    if (!snp_double_leaf(&d) || !snp_double_report(&d, data, report)
        || !snp_double_table(&d, table, &n))
    {
        printf("Bail out! no report\n");
        exit(1);
    }

    memset(&tsm, 0, sizeof(tsm));
    tsm.outblob.p = report;
    tsm.outblob.n = sizeof(report);
    tsm.auxblob.p = table;
    tsm.auxblob.n = n;
}


static void
shown(void)
{
    int    kept;
    FILE  *file = tmpfile();

    fflush(stdout);
    kept = dup(1);

    if (file == NULL || kept < 0 || dup2(fileno(file), 1) < 0) {
        printf("Bail out! no temporary file\n");
        exit(1);
    }

    cli_snp_show(&tsm);
    fflush(stdout);
    (void) dup2(kept, 1);
    (void) close(kept);

    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void) fclose(file);
}


static void
says(const char *what, const char *want, int there)
{
    if (!OK((strstr(text, want) != NULL) == there, "%s: %s\"%.*s\"", what,
            there ? "" : "not ", (int) strcspn(want, "\n"), want))
    {
        printf("# %s\n", text);
    }
}


static void
test_show(void)
{
    d.policy = 0x4000000003f0b37 & ~(uint64_t) 0xc0000;
    evidence();
    tsm.manifestblob.p = (const uint8_t *) "manifest";
    tsm.manifestblob.n = 8;
    tsm.service_provider.p = (const uint8_t *) "svsm";
    tsm.service_provider.n = 4;
    shown();

    says("Milan", "SEV-SNP, version 3\n", 1);
    says("Milan", "VCEK, a key of this chip\n", 1);
    says("Milan", "launch measurement      4d4d4d4d", 1);
    says("Milan", "host data               48484848", 1);
    says("Milan", "report data             dadadada", 1);
    says("Milan", "ABI 11.55 or newer", 1);
    says("Milan", "no debugging", 1);
    says("Milan", "one socket only", 1);
    says("Milan", "bits unknown to this version: 400000000000000\n", 1);
    says("Milan", "Milan, CPUID family 19 model 01 stepping 01", 1);
    says("Milan", "memory was checked for aliases", 1);
    says("Milan", "reported TCB            bootloader 3, tee 1, snp 8, "
         "microcode 213\n", 1);
    says("Milan", "firmware                1.55.4\n", 1);
    says("Milan", "  for product           Milan-B0\n", 1);
    says("Milan", "  for chip              c1c1c1c1", 1);
    says("Milan", "ARK, never trusted", 1);
    says("Milan", "service module          svsm\n", 1);
    says("Milan", "mitigations", 0);

    d.policy = 0xb001f;
    d.vmpl = 0xffffffff;
    d.version = 2;
    evidence();
    shown();
    says("debug", "the host may DEBUG the guest", 1);
    says("debug", "the host asked for this report", 1);
    says("debug", "Milan, by its certificate", 1);

    d.policy = d.vmpl = d.version = 0;
}


static void
test_turin(void)
{
    d.turin = 1;
    d.version = 5;
    evidence();
    shown();
    says("Turin", "Turin, CPUID family 1a", 1);
    says("Turin", "reported TCB            fmc 2, bootloader 3, tee 1, snp 8, "
         "microcode 213\n", 1);
    says("Turin", "  for TCB               fmc 2, bootloader 3", 1);
    says("Turin", "mitigations at launch", 1);
    says("Turin", "  for chip              c1c1c1c1c1c1c1c1\n", 1);
    d.turin = 0;
    d.version = 0;
}


static void
test_vlek(void)
{
    d.vlek = 1;
    evidence();
    shown();
    says("VLEK", "VLEK, a key that AMD lends to a cloud", 1);
    says("VLEK", "  lent to               cloud.test\n", 1);
    d.vlek = 0;
}


static void
test_malformed(void)
{
    evidence();
    tsm.outblob.n--;
    tsm.auxblob.n = 30;
    shown();
    says("cut", "1183 bytes", 1);
    says("cut", "certificates            30 bytes", 1);

    tsm.outblob.n++;
    tsm.auxblob.n = 0;
    shown();
    says("no certificates", "none: the host gave none", 1);

    evidence();
    table[96] = 0x31;
    shown();
    says("a bent certificate", "bytes: no certificate", 1);
}


/* What it writes is a policy, and names what the report has. */

static void
test_policy(void)
{
    char              err[256] = "", *json;
    cJSON            *root;
    attest_policy_t   p;

    evidence();
    root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    IS_INT(cli_snp_policy(&tsm, root), 1, "a policy");
    json = cJSON_Print(root);

    IS_INT(attest_policy_parse(json, strlen(json), &p, err, sizeof(err)),
           ATTEST_OK, "that can be read: %s", err);
    OK(p.snp.measurement.count == 1
       && memcmp(p.snp.measurement.value[0], d.measurement, 48) == 0,
       "its measurement");
    OK(p.snp.host_data.count == 1 && p.snp.id_key_digest.count == 0,
       "host data, but no digest of zeros");
    OK(p.snp.chip_id.count == 1
       && memcmp(p.snp.chip_id.value[0], d.chip, 64) == 0, "its chip");
    OK(p.snp.has_vmpl && p.snp.vmpl == 0, "its VMPL");
    OK(p.snp.has_min_tcb && p.snp.min_tcb.microcode == 0xd5
       && p.snp.min_tcb.bootloader == 3 && p.snp.min_tcb.tee == 1
       && p.snp.min_tcb.snp == 8 && p.snp.min_tcb.fmc == 0, "its TCB");
    OK(p.snp.platform_mask == 0xbf && p.snp.platform == 0x25,
       "its platform");

    attest_policy_clear(&p);
    cJSON_free(json);
    cJSON_Delete(root);

    tsm.outblob.n--;
    root = cJSON_CreateObject();
    OK(cli_snp_policy(&tsm, root) == 0 && root->child == NULL,
       "none of what cannot be read");
    cJSON_Delete(root);
}
