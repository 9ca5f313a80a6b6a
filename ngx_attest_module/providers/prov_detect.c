/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a machine says of itself before anybody has proven anything: only
 * good for choosing where to ask for evidence.
 */


#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/prov_detect.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_call.h"


#define ATTEST_DETECT_TPM      "device:/dev/tpmrm0"
#define ATTEST_DETECT_TIMEOUT  5000          /* ms */
#define ATTEST_DETECT_HCL      0x01400001    /* Azure's paravisor's report */

#define ATTEST_DETECT_EVENTLOG                                               \
    "/sys/kernel/security/tpm0/binary_bios_measurements"
#define ATTEST_DETECT_CCEL     "/sys/firmware/acpi/tables/data/CCEL"

/* Azure virtual machines, whatever their size, have this asset tag. */
#define ATTEST_DETECT_AZURE    "7783-7084-3265-9085-8269-3286-77"


static bool prov_detect_exists(const char *root, const char *path);
static bool prov_detect_is(const char *root, const char *path,
    const char *text);
static bool prov_detect_tsm(const char *root, prov_detected_t *d);
static void prov_detect_cloud(const char *root, bool (*has_hcl)(void),
    prov_detected_t *d);
static void prov_detect_pick(prov_detected_t *d);
static void prov_detect_note(prov_detected_t *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


void
prov_detect(const char *root, bool (*has_hcl)(void), prov_detected_t *d)
{
    int  tpm;

    memset(d, 0, sizeof(*d));

    d->nitro = prov_detect_exists(root, ATTEST_NSM_PATH);
    prov_detect_note(d, "%s /dev/nsm", d->nitro ? "there is" : "no");

    tpm = prov_detect_exists(root, "/dev/tpmrm0");
    prov_detect_note(d, ", %s /dev/tpmrm0", tpm ? "there is" : "no");

    d->gpu = prov_detect_exists(root, "/dev/nvidiactl");
    prov_detect_note(d, ", %s /dev/nvidiactl", d->gpu ? "there is" : "no");

    d->tpm = tpm && !d->nitro;

    if (d->tpm) {
        prov_detect_cloud(root, has_hcl, d);
    }

    if (!d->nitro && !d->azure) {
        d->tsm = prov_detect_tsm(root, d);
    }

    if (d->tpm && prov_detect_exists(root, ATTEST_DETECT_EVENTLOG)) {
        d->eventlog = ATTEST_DETECT_EVENTLOG;
    }

    if (d->tsm && prov_detect_exists(root, ATTEST_DETECT_CCEL)) {
        d->ccel = ATTEST_DETECT_CCEL;
    }

    prov_detect_pick(d);
}


static bool
prov_detect_exists(const char *root, const char *path)
{
    char  name[512];

    (void) snprintf(name, sizeof(name), "%s%s", root, path);

    return access(name, F_OK) == 0;
}


/* Does a file of one line, as sysfs has them, say just this? */

static bool
prov_detect_is(const char *root, const char *path, const char *text)
{
    char    name[512], line[128];
    FILE   *f;
    size_t  n;

    (void) snprintf(name, sizeof(name), "%s%s", root, path);

    f = fopen(name, "r");
    if (f == NULL) {
        return 0;
    }

    n = fread(line, 1, sizeof(line) - 1, f);
    (void) fclose(f);

    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';

    return strcmp(line, text) == 0;
}


/*
 * The folder is there as soon as the kernel knows the interface; whether a
 * CPU stands behind it shows when a report is begun (ENXIO).
 */

static bool
prov_detect_tsm(const char *root, prov_detected_t *d)
{
    char  name[512];

    (void) snprintf(name, sizeof(name), "%s%s/ngx-attest-probe-%ld", root,
                    ATTEST_TSM_PATH, (long) getpid());

    if (mkdir(name, 0700) == 0) {
        (void) rmdir(name);
        prov_detect_note(d, ", %s works", ATTEST_TSM_PATH);
        return 1;
    }

    prov_detect_note(d, ", %s: %s", ATTEST_TSM_PATH, errno == ENOENT
                     ? "not there" : strerror(errno));
    return 0;
}


static void
prov_detect_cloud(const char *root, bool (*has_hcl)(void),
    prov_detected_t *d)
{
    if (prov_detect_is(root, "/sys/class/dmi/id/chassis_asset_tag",
                       ATTEST_DETECT_AZURE))
    {
        d->azure = has_hcl();
        prov_detect_note(d, ", an Azure machine %s paravisor's report",
                         d->azure ? "with a" : "without a");
        return;
    }

    if (prov_detect_is(root, "/sys/class/dmi/id/product_name",
                       "Google Compute Engine"))
    {
        d->gcp = 1;
        prov_detect_note(d, ", a Google machine");
    }
}


/* Only a confidential machine's TPM has the paravisor's report. */

bool
prov_detect_hcl(void)
{
    char                error[ATTEST_TPM_ERROR_LEN];
    size_t              len = 0;
    uint8_t            *data = NULL;
    prov_tpm_t          tpm;
    prov_tpm_call_t     c;

    memset(&tpm, 0, sizeof(tpm));
    memset(&c, 0, sizeof(c));
    tpm.conf.tcti = ATTEST_DETECT_TPM;

    if (prov_tpm_open(&c, &tpm,
                      attest_monotonic_now() + ATTEST_DETECT_TIMEOUT,
                      error)
        == ATTEST_OK)
    {
        (void) prov_tpm_nv_read(&c, ATTEST_DETECT_HCL, ATTEST_TPM_NV_MAX,
                                &data, &len);
    }

    prov_tpm_close(&c);
    free(data);

    return len != 0;
}


static void
prov_detect_pick(prov_detected_t *d)
{
    (void) snprintf(d->picked, sizeof(d->picked), "%s%s%s",
                    d->nitro ? "attest_nitro" : d->azure ? "attest_azure"
                    : d->tsm ? "attest_tsm" : "",
                    d->tpm && !d->azure ? (d->tsm ? " and " : "") : "",
                    d->tpm && !d->azure ? (d->gcp ? "attest_gcp"
                                                  : "attest_tpm") : "");

    if (d->gpu && d->picked[0] != '\0') {
        (void) snprintf(d->picked + strlen(d->picked),
                        sizeof(d->picked) - strlen(d->picked),
                        " with attest_gpu");
    }
}


static void
prov_detect_note(prov_detected_t *d, const char *fmt, ...)
{
    size_t   used = strlen(d->why);
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(d->why + used, sizeof(d->why) - used, fmt, args);
    va_end(args);
}
