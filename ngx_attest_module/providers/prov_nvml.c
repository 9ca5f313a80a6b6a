/* SPDX-License-Identifier: Apache-2.0 */

/*
 * NVIDIA's management library, found when it is there, and its functions.
 */


#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "providers/prov_nvml.h"


typedef struct {
    const char   *name;
    size_t        offset;              /* of the pointer in prov_nvml_t */
    int           optional;
} prov_nvml_symbol_t;


static int prov_nvml_symbols(prov_nvml_t *nvml, char *error);
static const char *prov_nvml_reason(const prov_nvml_t *nvml, int rc);


#define ATTEST_NVML_SYMBOL(name, member, optional)                            \
    { name, offsetof(prov_nvml_t, member), optional }

static const prov_nvml_symbol_t    prov_nvml_table[] = {
    ATTEST_NVML_SYMBOL("nvmlErrorString", text, 1),
    ATTEST_NVML_SYMBOL("nvmlInit_v2", init, 0),
    ATTEST_NVML_SYMBOL("nvmlShutdown", shutdown, 0),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetCount_v2", count, 0),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetHandleByIndex_v2", device, 0),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetUUID", uuid, 0),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetArchitecture", arch, 0),
    ATTEST_NVML_SYMBOL("nvmlSystemGetConfComputeState", state, 0),
    ATTEST_NVML_SYMBOL("nvmlSystemGetConfComputeGpusReadyState", ready, 1),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetConfComputeGpuCertificate", cert, 0),
    ATTEST_NVML_SYMBOL("nvmlDeviceGetConfComputeGpuAttestationReport",
                       report, 0)
};

#define ATTEST_NVML_SYMBOLS                                                   \
    (sizeof(prov_nvml_table) / sizeof(prov_nvml_symbol_t))


int
prov_nvml_open(prov_nvml_t *nvml, const char *library, int *absent,
    char error[256])
{
    int  rc;

    memset(nvml, 0, sizeof(*nvml));
    *absent = 0;

    /* the library goes with the driver: a new one may be there by now */

    nvml->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (nvml->handle == NULL) {
        *absent = 1;
        snprintf(error, 256, "NVIDIA's library is not there: %s", dlerror());
        return ATTEST_EUNSUPPORTED;
    }

    rc = prov_nvml_symbols(nvml, error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = nvml->init();
    if (rc != ATTEST_NVML_OK) {
        *absent = (rc == ATTEST_NVML_NO_DRIVER);
        return prov_nvml_fail(nvml, "nvmlInit", rc, error);
    }

    nvml->started = 1;
    return ATTEST_OK;
}


static int
prov_nvml_symbols(prov_nvml_t *nvml, char *error)
{
    size_t                       i;
    void                        *symbol;
    const prov_nvml_symbol_t    *s;

    for (i = 0; i < ATTEST_NVML_SYMBOLS; i++) {
        s = &prov_nvml_table[i];
        symbol = dlsym(nvml->handle, s->name);

        if (symbol == NULL && !s->optional) {
            snprintf(error, 256, "NVIDIA's library has no %s: the driver is"
                     " too old for attestation", s->name);
            return ATTEST_EUNSUPPORTED;
        }

        /* POSIX lets a void * hold a function, ISO C has no cast for it */
        memcpy((uint8_t *) nvml + s->offset, &symbol, sizeof(symbol));
    }

    return ATTEST_OK;
}


void
prov_nvml_close(prov_nvml_t *nvml)
{
    if (nvml->started) {
        (void) nvml->shutdown();
    }

    if (nvml->handle != NULL) {
        (void) dlclose(nvml->handle);
    }

    memset(nvml, 0, sizeof(*nvml));
}


int
prov_nvml_fail(const prov_nvml_t *nvml, const char *function, int rc,
    char error[256])
{
    snprintf(error, 256, "%s failed: %.128s (%d)", function,
             prov_nvml_reason(nvml, rc), rc);

    return rc == ATTEST_NVML_NOT_SUPPORTED || rc == ATTEST_NVML_NO_DRIVER
           || rc == ATTEST_NVML_NO_LIBRARY || rc == ATTEST_NVML_NO_FUNCTION
           ? ATTEST_EUNSUPPORTED : ATTEST_EINTERNAL;
}


static const char *
prov_nvml_reason(const prov_nvml_t *nvml, int rc)
{
    const char  *text = NULL;

    if (nvml->text != NULL) {
        text = nvml->text(rc);
    }

    return text != NULL ? text : "unknown error";
}
