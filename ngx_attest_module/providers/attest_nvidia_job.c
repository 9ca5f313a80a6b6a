
/*
 * Asking the driver.
 */


#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attest_nvidia.h"
#include "attest_tcti.h"


struct attest_nvidia_job_s {
    pthread_mutex_t           lock;
    pthread_cond_t            changed;
    int                       done;
    int                       refs;       /* the provider's, the thread's */
    pid_t                     pid;        /* threads do not survive a fork */
    int64_t                   started;
    char                     *library;
    uint8_t                   nonce[32];
    attest_nvidia_answer_t   *answer;
};


static attest_nvidia_job_t *attest_nvidia_job(const char *library,
    const uint8_t nonce[32]);
static int attest_nvidia_job_start(attest_nvidia_job_t *job);
static int attest_nvidia_job_wait(attest_nvidia_job_t *job,
    int64_t deadline);
static void attest_nvidia_job_free(attest_nvidia_job_t *job);
static void *attest_nvidia_thread(void *data);
static int attest_nvidia_read(const attest_nvidia_job_t *job,
    attest_nvidia_answer_t *a);
static int attest_nvidia_state(const attest_nvml_t *nvml, char *error);
static int attest_nvidia_gpus(const attest_nvml_t *nvml,
    const uint8_t nonce[32], attest_nvidia_answer_t *a);
static int attest_nvidia_gpu(const attest_nvml_t *nvml, unsigned i,
    const uint8_t nonce[32], attest_nvidia_gpu_t *gpu, char *error);
static int attest_nvidia_sizes(const attest_nvidia_gpu_t *gpu, char *error);


int
attest_nvidia_ask(attest_nvidia_job_t **jobp, const char *library,
    const uint8_t nonce[32], int64_t deadline,
    attest_nvidia_answer_t **answer, char error[ATTEST_NVIDIA_ERROR])
{
    attest_nvidia_job_t  *job = *jobp;

    *answer = NULL;

    if (job != NULL && job->pid == getpid()
        && attest_nvidia_job_wait(job, deadline) != ATTEST_OK)
    {
        snprintf(error, ATTEST_NVIDIA_ERROR, "NVIDIA's driver has not"
                 " answered for %lld s",
                 (long long) (attest_tcti_now() - job->started) / 1000);
        return ATTEST_EINTERNAL;
    }

    /* an answer that came too late is not over this nonce */

    attest_nvidia_job_drop(job);
    *jobp = NULL;

    job = attest_nvidia_job(library, nonce);

    if (job == NULL || attest_nvidia_job_start(job) != ATTEST_OK) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "no memory for asking NVIDIA's"
                 " driver");
        attest_nvidia_job_drop(job);
        return ATTEST_EINTERNAL;
    }

    if (attest_nvidia_job_wait(job, deadline) != ATTEST_OK) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "NVIDIA's driver does not answer"
                 " in time");
        *jobp = job;
        return ATTEST_EINTERNAL;
    }

    *answer = job->answer;
    job->answer = NULL;
    attest_nvidia_job_drop(job);
    return ATTEST_OK;
}


static attest_nvidia_job_t *
attest_nvidia_job(const char *library, const uint8_t nonce[32])
{
    pthread_condattr_t    attr;
    attest_nvidia_job_t  *job;

    job = calloc(1, sizeof(attest_nvidia_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->refs = 1;
    job->pid = getpid();
    job->started = attest_tcti_now();
    memcpy(job->nonce, nonce, 32);

    (void) pthread_mutex_init(&job->lock, NULL);
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&job->changed, &attr);
    (void) pthread_condattr_destroy(&attr);

    job->library = strdup(library);
    job->answer = calloc(1, sizeof(attest_nvidia_answer_t));

    if (job->library == NULL || job->answer == NULL) {
        attest_nvidia_job_drop(job);
        return NULL;
    }

    return job;
}


/* Signals are for the threads of our host. */

static int
attest_nvidia_job_start(attest_nvidia_job_t *job)
{
    int             rc;
    sigset_t        all, before;
    pthread_t       thread;
    pthread_attr_t  attr;

    if (pthread_attr_init(&attr) != 0) {
        return ATTEST_EINTERNAL;
    }

    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    job->refs++;
    rc = pthread_create(&thread, &attr, attest_nvidia_thread, job);

    if (rc != 0) {
        job->refs--;
    }

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy(&attr);

    return rc == 0 ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
attest_nvidia_job_wait(attest_nvidia_job_t *job, int64_t deadline)
{
    int              rc = 0, done;
    struct timespec  until;

    until.tv_sec = (time_t) (deadline / 1000);
    until.tv_nsec = (long) (deadline % 1000) * 1000000;

    (void) pthread_mutex_lock(&job->lock);

    while (!job->done && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&job->changed, &job->lock, &until);
    }

    done = job->done;
    (void) pthread_mutex_unlock(&job->lock);

    return done ? ATTEST_OK : ATTEST_EINTERNAL;
}


void
attest_nvidia_job_drop(attest_nvidia_job_t *job)
{
    int  refs;

    if (job == NULL) {
        return;
    }

    if (job->pid != getpid()) {

        /* the thread stayed in our parent, perhaps with the lock taken */

        attest_nvidia_job_free(job);
        return;
    }

    (void) pthread_mutex_lock(&job->lock);
    refs = --job->refs;
    (void) pthread_mutex_unlock(&job->lock);

    if (refs == 0) {
        (void) pthread_cond_destroy(&job->changed);
        (void) pthread_mutex_destroy(&job->lock);
        attest_nvidia_job_free(job);
    }
}


static void
attest_nvidia_job_free(attest_nvidia_job_t *job)
{
    free(job->answer);
    free(job->library);
    free(job);
}


static void *
attest_nvidia_thread(void *data)
{
    attest_nvidia_job_t  *job = data;

    job->answer->rc = attest_nvidia_read(job, job->answer);

    (void) pthread_mutex_lock(&job->lock);
    job->done = 1;
    (void) pthread_cond_signal(&job->changed);
    (void) pthread_mutex_unlock(&job->lock);

    attest_nvidia_job_drop(job);
    return NULL;
}


static int
attest_nvidia_read(const attest_nvidia_job_t *job, attest_nvidia_answer_t *a)
{
    int            rc;
    unsigned       accepting;
    attest_nvml_t  nvml;

    rc = attest_nvml_open(&nvml, job->library, &a->absent, a->error);

    if (rc == ATTEST_OK) {
        rc = attest_nvidia_gpus(&nvml, job->nonce, a);
    }

    if (rc == ATTEST_OK && nvml.ready != NULL
        && nvml.ready(&accepting) == ATTEST_NVML_OK && accepting == 0)
    {
        a->waiting = 1;
    }

    attest_nvml_close(&nvml);
    return rc;
}


static int
attest_nvidia_gpus(const attest_nvml_t *nvml, const uint8_t nonce[32],
    attest_nvidia_answer_t *a)
{
    int       rc;
    unsigned  i, count;

    rc = nvml->count(&count);
    if (rc != ATTEST_NVML_OK) {
        return attest_nvml_fail(nvml, "nvmlDeviceGetCount", rc, a->error);
    }

    if (count == 0) {
        return ATTEST_OK;
    }

    if (count > ATTEST_NVIDIA_MAX) {
        snprintf(a->error, ATTEST_NVIDIA_ERROR, "%u GPUs are more than the %d"
                 " that we attest", count, ATTEST_NVIDIA_MAX);
        return ATTEST_ELIMIT;
    }

    rc = attest_nvidia_state(nvml, a->error);

    for (i = 0; i < count && rc == ATTEST_OK; i++) {
        rc = attest_nvidia_gpu(nvml, i, nonce, &a->gpus[i], a->error);
    }

    a->count = count;
    return rc;
}


/* What a verifier would refuse is not worth asking a report for. */

static int
attest_nvidia_state(const attest_nvml_t *nvml, char *error)
{
    int                   rc;
    const char           *what = NULL;
    attest_nvml_state_t   state;

    memset(&state, 0, sizeof(state));

    rc = nvml->state(&state);
    if (rc != ATTEST_NVML_OK) {
        return attest_nvml_fail(nvml, "nvmlSystemGetConfComputeState", rc,
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
attest_nvidia_gpu(const attest_nvml_t *nvml, unsigned i,
    const uint8_t nonce[32], attest_nvidia_gpu_t *gpu, char *error)
{
    int                    rc;
    const char            *call;
    attest_nvml_device_t  *dev;

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
        memcpy(gpu->report.nonce, nonce, 32);
        rc = nvml->report(dev, &gpu->report);
    }

    if (rc != ATTEST_NVML_OK) {
        return attest_nvml_fail(nvml, call, rc, error);
    }

    gpu->uuid[ATTEST_NVML_UUID_LEN - 1] = '\0';
    return attest_nvidia_sizes(gpu, error);
}


static int
attest_nvidia_sizes(const attest_nvidia_gpu_t *gpu, char *error)
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
