/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question to the driver of GPUs, in a thread that may take longer than
 * its caller wants to wait.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attest_monotonic.h"
#include "providers/prov_nvidia.h"


#define ATTEST_NVIDIA_PATIENCE    500        /* ms */


typedef struct {
    prov_bounded_t            bounded;    /* first */
    char                     *library;
    uint8_t                   nonce[ATTEST_SPDM_NONCE];
    prov_nvidia_answer_t     *answer;
} prov_nvidia_job_t;


static prov_nvidia_job_t *prov_nvidia_job(const char *library,
    const uint8_t nonce[ATTEST_SPDM_NONCE]);
static void prov_nvidia_job_run(prov_bounded_t *b);
static void prov_nvidia_job_free(prov_bounded_t *b);
static int prov_nvidia_read(const prov_nvidia_job_t *job,
    prov_nvidia_answer_t *a);
static int prov_nvidia_state(const prov_nvml_t *nvml, char *error);
static int prov_nvidia_gpus(const prov_nvml_t *nvml,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_nvidia_answer_t *a);
static int prov_nvidia_gpu(const prov_nvml_t *nvml, unsigned i,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_nvidia_gpu_t *gpu,
    char *error);
static int prov_nvidia_sizes(const prov_nvidia_gpu_t *gpu, char *error);


int
prov_nvidia_ask(prov_bounded_t **late, const char *library,
    const uint8_t nonce[ATTEST_SPDM_NONCE], int64_t deadline,
    prov_nvidia_answer_t **answer, char error[ATTEST_NVIDIA_ERROR])
{
    int                   err;
    int64_t               soon;
    prov_nvidia_job_t    *job = NULL;

    *answer = NULL;

    /* a driver that hangs must not slow down all that works without it */

    soon = attest_monotonic_now() + ATTEST_NVIDIA_PATIENCE;
    err = prov_bounded_settle(late, soon < deadline ? soon : deadline);

    if (err == 0) {
        job = prov_nvidia_job(library, nonce);
        err = job != NULL ? prov_bounded_call(late, &job->bounded, deadline)
                          : ENOMEM;
    }

    if (err != 0) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "NVIDIA's driver: %s",
                 prov_bounded_error(err));
        return ATTEST_EINTERNAL;
    }

    *answer = job->answer;
    job->answer = NULL;
    prov_bounded_free(&job->bounded);
    return ATTEST_OK;
}


static prov_nvidia_job_t *
prov_nvidia_job(const char *library, const uint8_t nonce[ATTEST_SPDM_NONCE])
{
    prov_nvidia_job_t    *job;

    job = calloc(1, sizeof(prov_nvidia_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->bounded.run = prov_nvidia_job_run;
    job->bounded.free = prov_nvidia_job_free;
    memcpy(job->nonce, nonce, sizeof(job->nonce));

    job->library = strdup(library);
    job->answer = calloc(1, sizeof(prov_nvidia_answer_t));

    if (job->library == NULL || job->answer == NULL) {
        prov_nvidia_job_free(&job->bounded);
        return NULL;
    }

    return job;
}


static void
prov_nvidia_job_free(prov_bounded_t *b)
{
    prov_nvidia_job_t    *job = (prov_nvidia_job_t *) b;

    free(job->answer);
    free(job->library);
    free(job);
}


static void
prov_nvidia_job_run(prov_bounded_t *b)
{
    prov_nvidia_job_t    *job = (prov_nvidia_job_t *) b;

    job->answer->rc = prov_nvidia_read(job, job->answer);
}


static int
prov_nvidia_read(const prov_nvidia_job_t *job, prov_nvidia_answer_t *a)
{
    int            rc;
    unsigned       accepting;
    prov_nvml_t    nvml;

    rc = prov_nvml_open(&nvml, job->library, &a->absent, a->error);

    if (rc == ATTEST_OK) {
        rc = prov_nvidia_gpus(&nvml, job->nonce, a);
    }

    if (rc == ATTEST_OK && nvml.ready != NULL
        && nvml.ready(&accepting) == ATTEST_NVML_OK && accepting == 0)
    {
        a->waiting = 1;
    }

    prov_nvml_close(&nvml);
    return rc;
}


static int
prov_nvidia_gpus(const prov_nvml_t *nvml,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_nvidia_answer_t *a)
{
    int       rc;
    unsigned  i, count;

    rc = nvml->count(&count);
    if (rc != ATTEST_NVML_OK) {
        return prov_nvml_fail(nvml, "nvmlDeviceGetCount", rc, a->error);
    }

    if (count == 0) {
        return ATTEST_OK;
    }

    if (count > ATTEST_NVIDIA_MAX) {
        snprintf(a->error, ATTEST_NVIDIA_ERROR, "%u GPUs are more than the %d"
                 " that we attest", count, ATTEST_NVIDIA_MAX);
        return ATTEST_ELIMIT;
    }

    rc = prov_nvidia_state(nvml, a->error);

    for (i = 0; i < count && rc == ATTEST_OK; i++) {
        rc = prov_nvidia_gpu(nvml, i, nonce, &a->gpus[i], a->error);
    }

    a->count = count;
    return rc;
}


/* What a verifier would refuse is not worth asking a report for. */

static int
prov_nvidia_state(const prov_nvml_t *nvml, char *error)
{
    int                   rc;
    const char           *what = NULL;
    prov_nvml_state_t     state;

    memset(&state, 0, sizeof(state));

    rc = nvml->state(&state);
    if (rc != ATTEST_NVML_OK) {
        return prov_nvml_fail(nvml, "nvmlSystemGetConfComputeState", rc,
                              error);
    }

    if (state.cc_feature == 0 || state.environment == ATTEST_NVML_ENV_NONE) {
        what = "is off";

    } else if (state.environment != ATTEST_NVML_ENV_PRODUCTION) {
        what = "is simulated";

    } else if (state.devtools != 0) {
        what = "is on with developer tools, which can look into the GPU";
    }

    if (what == NULL) {
        return ATTEST_OK;
    }

    snprintf(error, ATTEST_NVIDIA_ERROR, "confidential computing of the GPUs"
             " %s (environment %u, feature %u, devtools %u)", what,
             state.environment, state.cc_feature, state.devtools);
    return ATTEST_EUNSUPPORTED;
}


static int
prov_nvidia_gpu(const prov_nvml_t *nvml, unsigned i,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_nvidia_gpu_t *gpu,
    char *error)
{
    int                    rc;
    const char            *call;
    prov_nvml_device_t    *dev;

    call = "nvmlDeviceGetHandleByIndex";
    rc = nvml->device(i, &dev);

    if (rc == ATTEST_NVML_OK) {
        call = "nvmlDeviceGetUUID";
        rc = nvml->uuid(dev, gpu->uuid, ATTEST_NVML_UUID_LEN);
    }

    if (rc == ATTEST_NVML_OK) {
        call = "nvmlDeviceGetArchitecture";
        rc = nvml->arch(dev, &gpu->arch);
    }

    if (rc == ATTEST_NVML_OK) {
        call = "nvmlDeviceGetConfComputeGpuCertificate";
        rc = nvml->cert(dev, &gpu->cert);
    }

    if (rc == ATTEST_NVML_OK) {
        call = "nvmlDeviceGetConfComputeGpuAttestationReport";
        memcpy(gpu->report.nonce, nonce, ATTEST_SPDM_NONCE);
        rc = nvml->report(dev, &gpu->report);
    }

    if (rc != ATTEST_NVML_OK) {
        return prov_nvml_fail(nvml, call, rc, error);
    }

    gpu->uuid[ATTEST_NVML_UUID_LEN - 1] = '\0';
    return prov_nvidia_sizes(gpu, error);
}


static int
prov_nvidia_sizes(const prov_nvidia_gpu_t *gpu, char *error)
{
    if (gpu->uuid[0] == '\0'
        || gpu->cert.attest_chain_len == 0
        || gpu->cert.attest_chain_len > ATTEST_NVML_ATTEST_CHAIN_MAX
        || gpu->report.report_len == 0
        || gpu->report.report_len > ATTEST_NVML_REPORT_MAX)
    {
        snprintf(error, ATTEST_NVIDIA_ERROR, "GPU %.48s: lengths that cannot"
                 " be: certificates %u, report %u", gpu->uuid,
                 gpu->cert.attest_chain_len, gpu->report.report_len);
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}
