
/*
 * What ngx-attest says of Azure's and Google's evidence, and the policies it
 * makes of it, which that evidence must then meet.
 */

#include <unistd.h>

#include "core/appraisal/attest_verify_azure.h"
#include "unit.h"
#include "cli/cli_kind_ak_cert.c"
#include "cli/cli_kind_azure.c"
#include "cli/cli_kind_snp.c"
#include "cli/cli_kind_tdx.c"
#include "cli/cli_print.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"


#define T0          1782864000        /* 2026-07-01 */
#define CORPUS      "t/fuzz/corpus/"  /* items and certificates, encoded */


static char  text[65536];


/* The file's bytes as an item; what is printed goes to `text`. */

static void
shown(void (*show)(attest_span_t value), const char *name, size_t cut)
{
    int             kept;
    size_t          n;
    FILE           *file = tmpfile();
    uint8_t        *p;
    attest_span_t   s;

    p = unit_read(name, &n);
    s.p = p;
    s.n = n - cut;

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
    free(p);
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
    shown(cli_azure_show, CORPUS "fuzz_azure/snp_v2", 0);
    says("SNP", "paravisor's report      version 1, over a report by AMD");
    says("SNP", "1110 bytes; the hardware's report names its SHA-256");
    says("SNP", "attestation key         RSA 2048 bits, SHA-256 ");
    says("SNP", "endorsement key         RSA 2048 bits, SHA-256 ");
    says("SNP", "virtual machine         7DF7B373-B947-4AAA-96E5-C358F2A03D");
    says("SNP", "  secure boot           yes");
    says("SNP", "  console               yes");
    says("SNP", "  its state is kept     not mentioned");
    says("SNP", "user data   982f5c6e45df0ed3");
    says("SNP", "VMPL                    0");
    says("SNP", "  for product           Milan-B0");

    shown(cli_azure_show, CORPUS "fuzz_azure/old", 0);
    says("old", "endorsement key         none");
    says("old", "the guest's user data   none");
    says("old", "none: the host gave none");

    shown(cli_azure_show, CORPUS "fuzz_azure/tdx", 0);
    says("TDX", "over a report by Intel TDX");
    says("TDX", "  MRTD                  024a32b070383331");
    says("TDX", "  root certificate      6nZZnYaJc4KqUZ_yvA");
    says("TDX", "  its state is kept     no");
    says("TDX", "TD quote                5006 bytes");

    shown(cli_azure_show, CORPUS "fuzz_azure/tdx", 1);
    says("cut", attest_strerror(ATTEST_EFORMAT));

    shown(cli_ak_cert_show, CORPUS "fuzz_gcp/ak_uca", 0);
    says("Google", "Google Cloud instance   cs-debug\n");
    says("Google", "  its id                5780156274199835632");
    says("Google", "  project               google.com:wuale-gcp-testing");
    says("Google", "  project number        117478743145");
    says("Google", "  zone                  us-central1-a");
    says("Google", "  security properties   version 0, in production");
    says("Google", "2.23.133.8.1 (TCG: endorsement key)");
    says("Google", "  may be used for       signatures\n");

    shown(cli_ak_cert_show, CORPUS "fuzz_gcp/ak_uca", 1);
    says("Google, cut", "no certificate");
}


/* The policy made of an item, parsed. */

static int
made(int (*make)(attest_span_t value, cJSON *policy), const uint8_t *p,
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
test_policy(const char *name, size_t want, size_t open)
{
    size_t                   i, n, pass = 0, other = 0;
    uint8_t                 *p = unit_read(name, &n);
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
        free(p);
        return;
    }

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
    free(p);
}


static void
test_policy_gcp(void)
{
    size_t                   n;
    uint8_t                 *p;
    static attest_policy_t   policy;

    p = unit_read(CORPUS "fuzz_gcp/ak_pca", &n);
    OK(made(cli_ak_cert_policy, p, n, &policy), "Google: a policy");
    OK(policy.gcp.given && policy.gcp.project.count == 1
       && strcmp(policy.gcp.project.value[0], "google.com:wuale-gcp-testing")
          == 0
       && strcmp(policy.gcp.zone.value[0], "us-central1-a") == 0
       && strcmp(policy.gcp.instance.value[0], "cs-debug-pca") == 0,
       "Google: project, zone, instance");
    attest_policy_clear(&policy);
    OK(!made(cli_ak_cert_policy, p, n - 1, &policy), "Google: cut, none");
    free(p);
}


int
main(void)
{
    test_show();
    test_policy(CORPUS "fuzz_azure/snp_v1", 12, 0);
    test_policy(CORPUS "fuzz_azure/snp_v2", 12, 0);

    /* collateral is not the evidence's to give: the TCB stays open */

    test_policy(CORPUS "fuzz_azure/tdx", 10, 1);
    test_policy_gcp();
    DONE();
}
