/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The NVIDIA provider's own header: what is asked of the driver, in a thread
 * of its own, and what is made of the answers.
 */


#ifndef PROV_NVIDIA_H_INCLUDED
#define PROV_NVIDIA_H_INCLUDED


#include "providers/prov_bounded.h"
#include "core/evidence/attest_gpu.h"
#include "providers/prov_nvml.h"
#include "providers/attest_provider.h"
#include "core/appraisal/attest_roots.h"


#define ATTEST_NVIDIA_MAX    16           /* GPUs in one machine */
#define ATTEST_NVIDIA_ERROR  256


typedef struct {
    char                    uuid[ATTEST_NVML_UUID_LEN];
    unsigned                arch;
    prov_nvml_cert_t        cert;
    prov_nvml_report_t      report;
} prov_nvidia_gpu_t;

/* What one collection has read. */
typedef struct {
    int                     rc;
    int                     absent;       /* no driver: so no GPU either */
    int                     waiting;      /* GPUs do not take work yet */
    size_t                  count;
    prov_nvidia_gpu_t       gpus[ATTEST_NVIDIA_MAX];
    char                    error[ATTEST_NVIDIA_ERROR];
} prov_nvidia_answer_t;

/*
 * Calls into a driver cannot be given a deadline, and a GPU that fell off its
 * bus can hold one for ever: see prov_bounded.h, also for *late.
 * ATTEST_OK: *answer is there, free() it.
 */
int prov_nvidia_ask(prov_bounded_t **late, const char *library,
    const uint8_t nonce[ATTEST_SPDM_NONCE], int64_t deadline,
    prov_nvidia_answer_t **answer, char error[ATTEST_NVIDIA_ERROR]);

/*
 * Is the report over the device's nonce and signed by its first certificate?
 * A driver that answers with somebody else's is a failure: ATTEST_EMISMATCH,
 * ATTEST_ECRYPTO or what the parsers say.  *root becomes "simulated" when the
 * certificates do not lead to NVIDIA's root, and else stays.
 */
int prov_nvidia_check(const attest_gpu_device_t *d,
    const attest_roots_t *roots, const char **root,
    char error[ATTEST_NVIDIA_ERROR]);


#endif /* PROV_NVIDIA_H_INCLUDED */
