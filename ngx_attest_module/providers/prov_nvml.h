/* SPDX-License-Identifier: Apache-2.0 */

/*
 * NVIDIA's management library, found at run time: its header is in no free
 * distribution, so what we need of its interface is declared here.  Layouts
 * and numbers are those of nvml.h 12.
 */


#ifndef PROV_NVML_H_INCLUDED
#define PROV_NVML_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/evidence/attest_spdm.h"


#define ATTEST_NVML_LIBRARY          "libnvidia-ml.so.1"

/* nvmlReturn_t */
#define ATTEST_NVML_OK               0
#define ATTEST_NVML_NOT_SUPPORTED    3
#define ATTEST_NVML_NO_DRIVER        9
#define ATTEST_NVML_NO_LIBRARY       12
#define ATTEST_NVML_NO_FUNCTION      13

/* nvmlConfComputeSystemState_t.environment */
#define ATTEST_NVML_ENV_NONE         0
#define ATTEST_NVML_ENV_PRODUCTION   2

/* nvmlDeviceArchitecture_t */
#define ATTEST_NVML_ARCH_HOPPER      9
#define ATTEST_NVML_ARCH_BLACKWELL   10

#define ATTEST_NVML_CHAIN_MAX        0x1000
#define ATTEST_NVML_ATTEST_CHAIN_MAX 0x1400
#define ATTEST_NVML_REPORT_MAX       0x2000
#define ATTEST_NVML_CEC_REPORT_MAX   0x1000
#define ATTEST_NVML_UUID_LEN         96


typedef struct prov_nvml_device_s  prov_nvml_device_t;     /* opaque */

typedef struct {
    uint32_t   environment;
    uint32_t   cc_feature;
    uint32_t   devtools;
} prov_nvml_state_t;

typedef struct {
    uint32_t   chain_len;
    uint32_t   attest_chain_len;
    uint8_t    chain[ATTEST_NVML_CHAIN_MAX];
    uint8_t    attest_chain[ATTEST_NVML_ATTEST_CHAIN_MAX];
} prov_nvml_cert_t;

typedef struct {
    uint32_t   cec_present;
    uint32_t   report_len;
    uint32_t   cec_len;
    uint8_t    nonce[ATTEST_SPDM_NONCE];  /* in */
    uint8_t    report[ATTEST_NVML_REPORT_MAX];
    uint8_t    cec_report[ATTEST_NVML_CEC_REPORT_MAX];
} prov_nvml_report_t;

_Static_assert(sizeof(prov_nvml_state_t) == 12, "system state");
_Static_assert(sizeof(prov_nvml_cert_t) == 9224, "GPU certificate");
_Static_assert(sizeof(prov_nvml_report_t) == 12332, "GPU report");


typedef struct {
    void   *handle;                       /* NULL: not loaded */
    int     started;                      /* nvmlInit_v2 succeeded */

    int     (*init)(void);
    int     (*shutdown)(void);
    int     (*count)(unsigned *n);
    int     (*device)(unsigned i, prov_nvml_device_t **dev);
    int     (*uuid)(prov_nvml_device_t *dev, char *buf, unsigned len);
    int     (*arch)(prov_nvml_device_t *dev, unsigned *arch);
    int     (*state)(prov_nvml_state_t *state);
    int     (*cert)(prov_nvml_device_t *dev, prov_nvml_cert_t *cert);
    int     (*report)(prov_nvml_device_t *dev, prov_nvml_report_t *r);

    /* optional, NULL when the library lacks them */
    int     (*ready)(unsigned *accepting);
    const char *(*text)(int rc);
} prov_nvml_t;


/*
 * Loads the library and starts it.  *absent: there is no driver or library on
 * this machine, so there is no GPU that could be used either; distinguishes
 * that from one that does not work.  prov_nvml_close() after success and
 * failure.  ATTEST_EUNSUPPORTED: no library or driver, or a function that it
 * lacks; ATTEST_EINTERNAL: it does not start.
 */
int prov_nvml_open(prov_nvml_t *nvml, const char *library, int *absent,
    char error[256]);
void prov_nvml_close(prov_nvml_t *nvml);

/* "FUNCTION failed: why" in error, and ATTEST_EUNSUPPORTED or _EINTERNAL. */
int prov_nvml_fail(const prov_nvml_t *nvml, const char *function, int rc,
    char error[256]);


#endif /* PROV_NVML_H_INCLUDED */
