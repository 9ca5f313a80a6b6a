/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What "attest_provider auto" picks on machines that are folders here: the
 * files that it looks at, and the log's sentence.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/prov_detect.h"
#include "unit.h"


#define AZURE  "7783-7084-3265-9085-8269-3286-77\n"


static bool  hcl;
static char  root[] = "/tmp/ngx-attest-detect-XXXXXX";


static bool has_hcl(void);
static void put(const char *path, const char *text);
static void clean(void);
static void picks(const char *what, const char *picked, const char *why);


int
main(void)
{
    if (mkdtemp(root) == NULL) {
        printf("Bail out! no folder in /tmp\n");
        return 1;
    }

    picks("nothing there", "", "no /dev/nsm, no /dev/tpmrm0");

    put("dev/nsm", "");
    picks("an enclave", "attest_nitro", "there is /dev/nsm");
    put("dev/tpmrm0", "");
    picks("an enclave with a TPM", "attest_nitro", "there is /dev/nsm");

    clean();
    put("dev/tpmrm0", "");
    picks("a TPM", "attest_tpm", "there is /dev/tpmrm0");
    put("sys/kernel/config/tsm/report/x", "");
    picks("a guest with a TPM", "attest_tsm and attest_tpm", "report works");
    put("sys/class/dmi/id/product_name", "Google Compute Engine\n");
    picks("Google", "attest_tsm and attest_gcp", "a Google machine");

    clean();
    put("sys/kernel/config/tsm/report/x", "");
    put("dev/nvidiactl", "");
    picks("a guest with GPUs", "attest_tsm with attest_gpu",
          "there is /dev/nvidiactl");

    clean();
    put("dev/nvidiactl", "");
    picks("GPUs alone are no source", "", "no /dev/tpmrm0");

    clean();
    put("dev/tpmrm0", "");
    put("sys/class/dmi/id/chassis_asset_tag", AZURE);
    picks("Azure, an ordinary machine", "attest_tpm",
          "an Azure machine without a paravisor's report");
    hcl = true;
    picks("Azure, a confidential machine", "attest_azure",
          "an Azure machine with a paravisor's report");

    clean();
    (void) rmdir(root);
    DONE();
}


static bool
has_hcl(void)
{
    return hcl;
}


static void
put(const char *path, const char *text)
{
    char   name[512], *p;
    FILE  *f;

    (void) snprintf(name, sizeof(name), "%s/%s", root, path);

    for (p = strchr(name + 5, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void) mkdir(name, 0700);
        *p = '/';
    }

    f = fopen(name, "w");
    if (f != NULL) {
        fputs(text, f);
        fclose(f);
    }
}


static void
clean(void)
{
    char  cmd[512];

    (void) snprintf(cmd, sizeof(cmd), "rm -rf '%s'/*", root);
    OK(system(cmd) == 0, "cleaned");
}


static void
picks(const char *what, const char *picked, const char *why)
{
    prov_detected_t    d;

    prov_detect(root, has_hcl, &d);

    OK(strcmp(d.picked, picked) == 0, "%s: picks \"%s\"", what, d.picked);
    OK(strstr(d.why, why) != NULL, "%s: says %s", what, d.why);
}
