/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ngx-attest says of Azure's and Google's evidence, and the policies it
 * makes of it, which that evidence must then meet.
 */

#include <unistd.h>

#include "azure_machine.h"
#include "core/appraisal/attest_verify_azure.h"
#include "gcp_double.h"
#include "unit.h"
#include "cli/cli_kind_ak_cert.c"
#include "cli/cli_kind_azure.c"
#include "cli/cli_kind_snp.c"
#include "cli/cli_kind_tdx.c"
#include "cli/cli_print.c"
#include "cli/cli_quote.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"
#include "core/evidence/attest_azure.h"


#define T0          1782864000        /* 2026-07-01 */


static char          text[65536];
static uint8_t       snp_item[16384], old_item[16384], tdx_item[16384];
static uint8_t       snp2_item[16384];
static size_t        snp_len, snp2_len, old_len, tdx_len;
static uint8_t       ak[2][2048];         /* Google's certificates */
static size_t        ak_len[2];
static snp_double_t  chip;
static tdx_double_t  td;


/* These bytes as an item; what is printed goes to `text`. */

static void
shown(void (*show)(attest_span_t value), const uint8_t *p, size_t n)
{
    int             kept;
    FILE           *file = tmpfile();
    attest_span_t   s = { p, n };

    fflush(stdout);
    kept = dup(1);

    if (file == NULL || kept < 0 || dup2(fileno(file), 1) < 0) {
        printf("Bail out! no temporary file\n");
        exit(1);
    }

    show(s);
    fflush(stdout);
    (void) dup2(kept, 1);
    close(kept);

    rewind(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
}


/* *out: a machine's item, with what vouches for it if `proof`. */

static size_t
encode(const azure_machine_t *m, int tdx, int proof, uint8_t *out,
    size_t room)
{
    attest_azure_t  a;

    memset(&a, 0, sizeof(a));
    a.hcl_report.p = m->hcl;
    a.hcl_report.n = m->hcl_len;

    if (proof) {
        (tdx ? &a.td_quote : &a.vcek_chain)->p = m->proof;
        (tdx ? &a.td_quote : &a.vcek_chain)->n = m->proof_len;
    }

    if (attest_azure_encode(&a, out, &room) != ATTEST_OK) {
        printf("Bail out! no item\n");
        exit(1);
    }

    return room;
}


static void
make_items(void)
{
    int               i;
    uint8_t          *out;
    X509             *x;
    EVP_PKEY         *key = EVP_RSA_gen(2048), *ek = EVP_RSA_gen(2048);
    gcp_double_t      google;
    azure_machine_t   m;

    static const azure_double_vm_t       vm = { .console = 1 };
    static const azure_double_vm_t       old = { .user_data = "" };
    static const azure_double_vm_t       newer = { .newer = 1 };
    static const gcp_double_instance_t   where[2] = {
        { "example.com:a-project", "test-east1-a", "an-instance",
          9876543210987654321ULL, 123456789012ULL, 0 },
        { "example.com:a-project", "test-east1-a", "an-instance-2", 1, 128,
          0 }
    };

    chip.bits = 2048;
    chip.tcb[2] = 8;
    memset(chip.chip, 0xc1, 64);
    memset(chip.measurement, 0x4d, 48);

    if (!snp_double_init(&chip) || !snp_double_leaf(&chip)
        || !tdx_double_init(&td, 1609459200, 2208988800)
        || !gcp_double_init(&google))
    {
        printf("Bail out! no doubles\n");
        exit(1);
    }

    (void) azure_machine_snp(&m, &chip, key, ek, &vm);
    snp_len = encode(&m, 0, 1, snp_item, sizeof(snp_item));
    (void) azure_machine_snp(&m, &chip, key, NULL, &newer);
    snp2_len = encode(&m, 0, 1, snp2_item, sizeof(snp2_item));
    (void) azure_machine_snp(&m, &chip, key, NULL, &old);
    old_len = encode(&m, 0, 0, old_item, sizeof(old_item));
    (void) azure_machine_tdx(&m, &td, key, ek, &newer);
    tdx_len = encode(&m, 1, 1, tdx_item, sizeof(tdx_item));

    for (i = 0; i < 2; i++) {
        x = gcp_double_cert(&google, i, key, &where[i]);
        out = ak[i];
        ak_len[i] = x != NULL ? (size_t) i2d_X509(x, &out) : 0;
        X509_free(x);
    }

    gcp_double_free(&google);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ek);
}


static void
says(const char *what, const char *want)
{
    if (!OK(strstr(text, want) != NULL, "%s: %s", what, want)) {
        printf("# %.300s\n", text);
    }
}


static void
test_show(void)
{
    shown(cli_azure_show, snp_item, snp_len);
    says("SNP", "paravisor's report      version 1, over a report by AMD");
    says("SNP", " bytes; the hardware's report names its SHA-256");
    says("SNP", "attestation key         RSA 2048 bits, SHA-256 ");
    says("SNP", "endorsement key         RSA 2048 bits, SHA-256 ");
    says("SNP", "virtual machine         0C0FFEE0-0000-4000-8000-00000000D0B1");
    says("SNP", "  secure boot           yes");
    says("SNP", "  console               yes");
    says("SNP", "  its state is kept     not mentioned");
    says("SNP", "user data   0000000000000000");
    says("SNP", "VMPL                    0");
    says("SNP", "  for product           Milan-B0");

    shown(cli_azure_show, old_item, old_len);
    says("old", "endorsement key         none");
    says("old", "the guest's user data   none");
    says("old", "none: the host gave none");

    shown(cli_azure_show, tdx_item, tdx_len);
    says("TDX", "over a report by Intel TDX");
    says("TDX", "  MRTD                  7d7d7d7d7d7d7d7d");
    says("TDX", "  root certificate      6nZZnYaJ");
    says("TDX", "  its state is kept     no");
    says("TDX", "TD quote                3");

    shown(cli_azure_show, tdx_item, tdx_len - 1);
    says("cut", attest_strerror(ATTEST_EFORMAT));

    shown(cli_ak_cert_show, ak[0], ak_len[0]);
    says("Google", "Google Cloud instance   an-instance\n");
    says("Google", "  its id                9876543210987654321");
    says("Google", "  project               example.com:a-project");
    says("Google", "  project number        123456789012");
    says("Google", "  zone                  test-east1-a");
    says("Google", "  security properties   version 0, in production");
    says("Google", "2.23.133.8.1 (TCG: endorsement key)");
    says("Google", "  may be used for       signatures\n");

    shown(cli_ak_cert_show, ak[0], ak_len[0] - 1);
    says("Google, cut", "no certificate");
}


/* The policy made of an item, parsed. */

static int
made(bool (*make)(attest_span_t value, cJSON *policy), const uint8_t *p,
    size_t n, attest_policy_t *policy)
{
    int             rc;
    char           *json, err[256];
    cJSON          *root = cJSON_CreateObject();
    attest_span_t   s = { p, n };

    cJSON_AddNumberToObject(root, "version", 1);

    if (!make(s, root)) {
        cJSON_Delete(root);
        return 0;
    }

    json = cJSON_Print(root);
    rc = attest_policy_parse(json, strlen(json), policy, err, sizeof(err));

    if (rc != ATTEST_OK) {
        printf("# %s\n# %s\n", err, json);
    }

    cJSON_free(json);
    cJSON_Delete(root);
    return rc == ATTEST_OK;
}


/* The item that the policy was made of must meet it, in every check. */

static void
test_policy(const char *name, const uint8_t *p, size_t n, size_t want,
    size_t open)
{
    size_t                   i, pass = 0, other = 0;
    attest_part_t            part;
    attest_verify_t          v;
    attest_roots_t           roots;
    attest_cmw_item_t        item;
    attest_verify_input_t    in;
    static attest_result_t   res;
    static attest_policy_t   policy;

    if (!OK(made(cli_azure_policy, p, n, &policy), "%s: a policy", name)
        || attest_roots_load(&roots) != ATTEST_OK)
    {
        return;
    }

    /* the doubles' roots among the makers' */

    X509_up_ref(chip.ark);
    sk_X509_push(roots.anchors[ATTEST_MAKER_AMD], chip.ark);
    X509_up_ref(chip.ask);
    sk_X509_push(roots.intermediates[ATTEST_MAKER_AMD], chip.ask);
    X509_up_ref(td.root);
    sk_X509_push(roots.anchors[ATTEST_MAKER_INTEL], td.root);

    memset(&res, 0, sizeof(res));
    memset(&part, 0, sizeof(part));
    memset(&item, 0, sizeof(item));
    memset(&in, 0, sizeof(in));
    memset(&v, 0, sizeof(v));
    in.now = T0;
    in.policy = &policy;
    v.in = &in;
    v.policy = &policy;
    v.roots = &roots;
    v.res = &res;
    part.which = ATTEST_PART_FRESH;
    item.value.p = p;
    item.value.n = n;
    attest_verify_azure(&v, &part, &item);

    for (i = 0; i < res.count; i++) {
        pass += res.checks[i].state == ATTEST_CHECK_PASS;
        other += res.checks[i].state == ATTEST_CHECK_FAIL
                 || res.checks[i].state == ATTEST_CHECK_UNKNOWN;
    }

    if (!OK(part.cpu.proven && part.cpu.referenced && pass >= want
            && other == open && policy.azure.vm_unique_id.count == 1
            && policy.azure.has_secure_boot,
            "%s: meets it, in %zu checks", name, pass))
    {
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }

    attest_policy_clear(&policy);
    attest_roots_clear(&roots);
}


static void
test_policy_gcp(void)
{
    static attest_policy_t   policy;

    OK(made(cli_ak_cert_policy, ak[1], ak_len[1], &policy), "Google: a policy");
    OK(policy.gcp.given && policy.gcp.project.count == 1
       && strcmp(policy.gcp.project.value[0], "example.com:a-project") == 0
       && strcmp(policy.gcp.zone.value[0], "test-east1-a") == 0
       && strcmp(policy.gcp.instance.value[0], "an-instance-2") == 0,
       "Google: project, zone, instance");
    attest_policy_clear(&policy);
    OK(!made(cli_ak_cert_policy, ak[1], ak_len[1] - 1, &policy),
       "Google: cut, none");
}


int
main(void)
{
    make_items();

    test_show();
    test_policy("SNP", snp_item, snp_len, 12, 0);
    test_policy("another SNP", snp2_item, snp2_len, 12, 0);

    /* collateral is not the evidence's to give: the TCB stays open */

    test_policy("TDX", tdx_item, tdx_len, 10, 1);
    test_policy_gcp();

    snp_double_free(&chip);
    tdx_double_free(&td);
    DONE();
}
