/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A double of NVIDIA's management library, for tests.  Its GPUs sign with the
 * test root of ../unit/gpu_double.h.  What it does is said in a file
 * "control" in the folder that the library was loaded from, read again at
 * each call, one line each:
 *
 *     gpus N            how many; first N: the number of the first
 *     state E F D       environment, ccFeature, devToolsMode
 *     ready N           nvmlSystemGetConfComputeGpusReadyState
 *     arch N
 *     opaque MAJOR      versioned opaque data, as newer drivers make it
 *     fail CALL CODE    the function returns CODE
 *     hang CALL         until the line is gone
 *     chain N           length that is said of the certificates
 *     report N          and of the report
 *     bend WHAT         the report: "nonce", "signature" or "garbage"; the
 *                       certificates: "chain"
 *     replay            real ones, out of chain.pem and report.bin there
 *
 * Calls are written to the file "log" there, when it exists.
 */


#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu_double.h"


#define EXPORT          __attribute__((visibility("default")))

#define NVML_INVALID    2
#define NVML_SMALL      7


typedef struct {
    uint32_t   chain_len;
    uint32_t   attest_chain_len;
    uint8_t    chain[0x1000];
    uint8_t    attest_chain[0x1400];
} fake_cert_t;

typedef struct {
    uint32_t   cec_present;
    uint32_t   report_len;
    uint32_t   cec_len;
    uint8_t    nonce[32];
    uint8_t    report[0x2000];
    uint8_t    cec_report[0x1000];
} fake_report_t;


EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT const char *nvmlErrorString(int rc);
EXPORT int nvmlDeviceGetCount_v2(unsigned *n);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **dev);
EXPORT int nvmlDeviceGetUUID(void *dev, char *buf, unsigned len);
EXPORT int nvmlDeviceGetArchitecture(void *dev, unsigned *arch);
#ifndef FAKE_NVML_OLD
EXPORT int nvmlSystemGetConfComputeState(unsigned state[3]);
EXPORT int nvmlSystemGetConfComputeGpusReadyState(unsigned *ready);
EXPORT int nvmlDeviceGetConfComputeGpuCertificate(void *dev,
    fake_cert_t *cert);
EXPORT int nvmlDeviceGetConfComputeGpuAttestationReport(void *dev,
    fake_report_t *report);
#endif


static void
fake_path(const char *name, char path[512])
{
    char     *slash;
    Dl_info   info;

    path[0] = '\0';

    if (dladdr((void *) &nvmlInit_v2, &info) != 0) {
        (void) snprintf(path, 480, "%s", info.dli_fname);
    }

    slash = strrchr(path, '/');
    (void) snprintf(slash != NULL ? slash + 1 : path, 32, "%s", name);
}


/* The values of the line that begins with these words; their number or -1. */

static int
fake_control(const char *words, int value[3])
{
    int     n = -1;
    char    path[512], line[128];
    FILE   *f;
    size_t  len = strlen(words);

    fake_path("control", path);

    f = fopen(path, "r");
    if (f == NULL) {
        return -1;
    }

    while (n == -1 && fgets(line, sizeof(line), f) != NULL) {

        if (strncmp(line, words, len) == 0
            && strchr(" \n", line[len]) != NULL)
        {
            n = sscanf(line + len, "%d %d %d", &value[0], &value[1],
                       &value[2]);
            n = n < 0 ? 0 : n;
        }
    }

    (void) fclose(f);
    return n;
}


static int
fake_value(const char *words, int usual)
{
    int  value[3];

    return fake_control(words, value) >= 1 ? value[0] : usual;
}


static int
fake_call(const char *name)
{
    int    value[3];
    char   path[512], words[96];
    FILE  *f;

    fake_path("log", path);

    if (access(path, W_OK) == 0 && (f = fopen(path, "a")) != NULL) {
        fprintf(f, "%s\n", name);
        (void) fclose(f);
    }

    (void) snprintf(words, sizeof(words), "hang %s", name);

    while (fake_control(words, value) != -1) {
        (void) usleep(10000);
    }

    (void) snprintf(words, sizeof(words), "fail %s", name);
    return fake_value(words, 0);
}


int
nvmlInit_v2(void)
{
    return fake_call("nvmlInit_v2");
}


int
nvmlShutdown(void)
{
    return fake_call("nvmlShutdown");
}


const char *
nvmlErrorString(int rc)
{
    return rc == 3 ? "Not Supported" : rc == 9 ? "Driver Not Loaded"
           : rc == 15 ? "GPU is lost" : "Unknown Error";
}


int
nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = (unsigned) fake_value("gpus", 1);
    return fake_call("nvmlDeviceGetCount_v2");
}


/* Handles are numbers that are never addresses. */

int
nvmlDeviceGetHandleByIndex_v2(unsigned i, void **dev)
{
    *dev = (void *) (uintptr_t) (i + 1 + (unsigned) fake_value("first", 0));
    return fake_call("nvmlDeviceGetHandleByIndex_v2");
}


int
nvmlDeviceGetUUID(void *dev, char *buf, unsigned len)
{
    if (len < 80) {
        return NVML_SMALL;
    }

    (void) snprintf(buf, len, "GPU-00000000-0000-4000-8000-%012x",
                    (unsigned) (uintptr_t) dev);
    return fake_call("nvmlDeviceGetUUID");
}


int
nvmlDeviceGetArchitecture(void *dev, unsigned *arch)
{
    (void) dev;

    *arch = (unsigned) fake_value("arch", 9);
    return fake_call("nvmlDeviceGetArchitecture");
}


#ifndef FAKE_NVML_OLD

static size_t
fake_file(const char *name, void *buf, size_t room)
{
    char    path[512];
    FILE   *f;
    size_t  n;

    fake_path(name, path);

    f = fopen(path, "rb");
    if (f == NULL) {
        return 0;
    }

    n = fread(buf, 1, room, f);
    (void) fclose(f);
    return n;
}


static void
fake_device(void *dev, gpu_double_t *d)
{
    int           value[3];
    gpu_double_t  hopper = GPU_DOUBLE_HOPPER;
    gpu_double_t  blackwell = GPU_DOUBLE_BLACKWELL;

    *d = fake_value("arch", 9) == 10 ? blackwell : hopper;
    d->number = (unsigned) (uintptr_t) dev;

    if (fake_control("opaque", value) > 0) {
        GPU_DOUBLE_NEW(*d);
        d->major = (uint8_t) value[0];
    }
}


int
nvmlSystemGetConfComputeState(unsigned state[3])
{
    int  value[3] = { 2, 1, 0 };

    (void) fake_control("state", value);
    state[0] = (unsigned) value[0];
    state[1] = (unsigned) value[1];
    state[2] = (unsigned) value[2];

    return fake_call("nvmlSystemGetConfComputeState");
}


int
nvmlSystemGetConfComputeGpusReadyState(unsigned *ready)
{
    *ready = (unsigned) fake_value("ready", 1);
    return fake_call("nvmlSystemGetConfComputeGpusReadyState");
}


int
nvmlDeviceGetConfComputeGpuCertificate(void *dev, fake_cert_t *cert)
{
    int           value[3];
    char         *pem = (char *) cert->attest_chain;
    size_t        n;
    gpu_double_t  d;

    if (fake_control("replay", value) != -1) {
        n = fake_file("chain.pem", pem, sizeof(cert->attest_chain));

    } else {
        fake_device(dev, &d);
        n = gpu_double_chain(&d, pem, sizeof(cert->attest_chain));
    }

    if (fake_control("bend chain", value) != -1) {
        pem[100] = '!';
    }

    cert->attest_chain_len = (uint32_t) fake_value("chain", (int) n);
    return fake_call("nvmlDeviceGetConfComputeGpuCertificate");
}


int
nvmlDeviceGetConfComputeGpuAttestationReport(void *dev, fake_report_t *r)
{
    int           value[3];
    size_t        n;
    uint8_t       nonce[32];
    gpu_double_t  d;

    memcpy(nonce, r->nonce, sizeof(nonce));

    if (fake_control("bend nonce", value) != -1) {
        nonce[31] ^= 1;
    }

    if (fake_control("replay", value) != -1) {
        n = fake_file("report.bin", r->report, sizeof(r->report));

    } else {
        fake_device(dev, &d);
        n = gpu_double_report(&d, nonce, r->report, sizeof(r->report));
    }

    if (n == 0) {
        return NVML_INVALID;
    }

    if (fake_control("bend signature", value) != -1) {
        r->report[n - 1] ^= 1;
    }

    if (fake_control("bend garbage", value) != -1) {
        memset(r->report, 0xff, n);
    }

    r->report_len = (uint32_t) fake_value("report", (int) n);
    return fake_call("nvmlDeviceGetConfComputeGpuAttestationReport");
}

#endif
