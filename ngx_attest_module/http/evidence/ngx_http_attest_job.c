/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Jobs: what has to ask a device.  That blocks, so it runs in the one thread
 * of a private pool, one job at a time, and under a lock that all processes
 * share; each job has a deadline in the event loop.
 */


#include "http/evidence/ngx_http_attest_job.h"
#include "http/evidence/ngx_http_attest_state_internal.h"
#include "providers/prov_bounded.h"
#include "core/base/attest_monotonic.h"


#define NGX_HTTP_ATTEST_SLACK       500     /* ms, beyond a job's own limit */
#define NGX_HTTP_ATTEST_NAP         10      /* ms, between looks whether a
                                               renewal wants the device */


/* What the thread works on; freed in the event loop when it is back. */

typedef struct {
    ngx_thread_task_t              task;
    ngx_http_attest_main_conf_t   *amcf;
    ngx_http_attest_job_t          work;    /* the thread's own copy */
    ngx_http_attest_job_t         *job;     /* NULL: nobody waits */
} ngx_http_attest_job_flight_t;


/* The jobs of a process. */

struct ngx_http_attest_jobs_s {
    ngx_http_attest_main_conf_t   *amcf;
    ngx_queue_t                    queue;   /* of jobs */
    ngx_uint_t                     waiting;
    ngx_http_attest_job_flight_t  *flight;
    ngx_event_t                    deadline;
    ngx_log_t                     *log;

    ngx_uint_t                     failures;        /* in a row */
    time_t                         backoff_until;
    unsigned                       stuck:1;         /* thread is overdue */
};


static int ngx_http_attest_job_run_gpu(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout);
static void ngx_http_attest_job_check_evidence(ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_job_wait_for_device(
    ngx_http_attest_state_t *state, ngx_uint_t refresh, ngx_msec_t timeout);
static ngx_int_t ngx_http_attest_job_lock_device(
    ngx_http_attest_state_t *state, ngx_msec_t timeout);
static void ngx_http_attest_job_start_next(ngx_http_attest_jobs_t *w);
static ngx_int_t ngx_http_attest_job_launch(ngx_http_attest_jobs_t *w,
    ngx_http_attest_job_t *job);
static void ngx_http_attest_job_thread(void *data, ngx_log_t *log);
static void ngx_http_attest_job_thread_done(ngx_event_t *ev);
static void ngx_http_attest_job_deadline(ngx_event_t *ev);
static void ngx_http_attest_job_fail_queue(ngx_http_attest_jobs_t *w);
static void ngx_http_attest_job_finish(ngx_http_attest_jobs_t *w,
    ngx_http_attest_job_t *job);


void
ngx_http_attest_job_run(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout)
{
    attest_provider_t        *p = amcf->run.provider;
    ngx_http_attest_state_t  *state = amcf->run.state;

    if (job->kind == NGX_HTTP_ATTEST_JOB_GPU) {

        /*
         * No lock: NVML has many users, and callers who keep the TPM or the
         * CPU busy must not be able to close a server that needs its GPUs.
         */

        job->rc = ngx_http_attest_job_run_gpu(amcf, job, timeout);
        goto done;
    }

    if (ngx_http_attest_job_wait_for_device(state, job->refresh, timeout)
        != NGX_OK)
    {
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device is busy in another process",
                    sizeof(job->error));
        return;
    }

    switch (job->kind) {

    case NGX_HTTP_ATTEST_JOB_COLLECT:
        job->rc = p->collect(p, job->claims, job->claims_len,
                             job->want_logs, timeout, &job->evidence);
        break;

    default: /* NGX_HTTP_ATTEST_JOB_ACTIVATE */
        job->rc = (p->activate == NULL) ? ATTEST_EUNSUPPORTED
                  : p->activate(p, job->cred, job->cred_len, job->enc,
                                job->enc_len, job->msg, sizeof(job->msg),
                                timeout, job->proof, job->error);
    }

    (void) pthread_mutex_unlock(&state->device);

    if (job->kind == NGX_HTTP_ATTEST_JOB_ACTIVATE) {
        return;
    }

done:

    ngx_cpystrn((u_char *) job->error, (u_char *) job->evidence.error,
                sizeof(job->error));

    if (job->kind == NGX_HTTP_ATTEST_JOB_COLLECT && job->rc == ATTEST_OK) {
        ngx_http_attest_job_check_evidence(job);
    }

    /* logs grow: that they do not fit is no reason to have no evidence */

    if (job->kind == NGX_HTTP_ATTEST_JOB_COLLECT && job->rc == ATTEST_OK) {
        job->rc = prov_evidence_fit(&job->evidence,
                                    ngx_http_attest_state_evidence_room(amcf));
    }
}


/* A GPU that is gone fails the check, whether it is required or not. */

static int
ngx_http_attest_job_run_gpu(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout)
{
    int                 rc;
    prov_evidence_t    *ev;

    ev = &job->evidence;

    rc = amcf->run.gpu->collect(amcf->run.gpu, job->claims, job->claims_len,
                                0, timeout, ev);

    if (rc != ATTEST_OK
        || (prov_evidence_has(ev, ATTEST_ITEM_GPU) && !ev->lost))
    {
        return rc;
    }

    ngx_cpystrn((u_char *) ev->error, (u_char *) ev->note,
                sizeof(ev->error));

    return ATTEST_EMISMATCH;
}


/*
 * The claims as they were signed, and a look at what we hand out: a broken
 * device must not pass for evidence.  What only a CPU signed is checked by
 * its provider.
 */

static void
ngx_http_attest_job_check_evidence(ngx_http_attest_job_t *job)
{
    prov_evidence_t    *ev;

    ev = &job->evidence;

    if (ev->claims_len != 0) {
        ngx_memcpy(job->claims, ev->claims, ev->claims_len);
        job->claims_len = ev->claims_len;
    }

    job->rc = prov_tpm_check(ev, job->claims, job->claims_len);

    if (job->rc == ATTEST_OK) {
        return;
    }

    prov_evidence_clear(ev);
    ngx_cpystrn((u_char *) job->error, (u_char *)
                "the evidence does not verify", sizeof(job->error));
}


/*
 * Renewal goes before fresh evidence for clients, of all processes: callers
 * must not be able to keep it waiting until the evidence expires.  A process
 * that is killed while it waits holds nobody up for longer than its limit.
 */

static ngx_int_t
ngx_http_attest_job_wait_for_device(ngx_http_attest_state_t *state,
    ngx_uint_t refresh, ngx_msec_t timeout)
{
    int64_t    deadline;
    ngx_int_t  rc;

    deadline = attest_monotonic_now() + timeout;

    if (refresh) {
        state->renewal = deadline;
        rc = ngx_http_attest_job_lock_device(state, timeout);
        state->renewal = 0;

        return rc;
    }

    /*
     * A renewal cannot overtake a process that already waits in the mutex:
     * each wait is short, and in between a renewal is let in.
     */

    do {
        if (state->renewal > attest_monotonic_now()) {
            ngx_msleep(NGX_HTTP_ATTEST_NAP);

        } else if (ngx_http_attest_job_lock_device(state, NGX_HTTP_ATTEST_NAP)
                   == NGX_OK)
        {
            return NGX_OK;
        }

    } while (attest_monotonic_now() < deadline);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_job_lock_device(ngx_http_attest_state_t *state,
    ngx_msec_t timeout)
{
    int              rc;
    struct timespec  ts;

    if (clock_gettime(NGX_HTTP_ATTEST_CLOCK, &ts) == -1) {
        return NGX_ERROR;
    }

    ts.tv_sec += timeout / 1000;
    ts.tv_nsec += (timeout % 1000) * 1000000;

    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }

    rc = ngx_http_attest_mutex_timedlock(&state->device, &ts);

    if (rc == EOWNERDEAD) {

        /* its owner was killed; providers clean up when they open */

        rc = pthread_mutex_consistent(&state->device);
    }

    return (rc == 0) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_job_init(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_jobs_t  *w;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_jobs_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&w->queue);

    w->amcf = amcf;
    w->log = cycle->log;

    /* not cancelable: a graceful shutdown waits for the job in flight */

    w->deadline.handler = ngx_http_attest_job_deadline;
    w->deadline.data = w;
    w->deadline.log = cycle->log;

    amcf->run.jobs = w;

    return NGX_OK;
}


ngx_http_attest_job_t *
ngx_http_attest_job_create(void)
{
    return ngx_calloc(sizeof(ngx_http_attest_job_t), ngx_cycle->log);
}


void
ngx_http_attest_job_free(ngx_http_attest_job_t *job)
{
    prov_evidence_clear(&job->evidence);
    OPENSSL_cleanse(job, sizeof(ngx_http_attest_job_t));
    ngx_free(job);
}


time_t
ngx_http_attest_job_retry_after(ngx_http_attest_main_conf_t *amcf)
{
    time_t                     wait;
    ngx_http_attest_jobs_t  *w = amcf->run.jobs;

    wait = (w != NULL) ? w->backoff_until - ngx_http_attest_clock_now(amcf) : 0;

    return ngx_max(wait, 1);
}


ngx_int_t
ngx_http_attest_job_post(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_jobs_t  *w = amcf->run.jobs;

    if (w == NULL) {
        return NGX_ERROR;
    }

    if (w->stuck) {

        /* a thread that hangs in the kernel: nothing can be started */

        return NGX_DECLINED;
    }

    if (job->refresh) {
        ngx_queue_insert_head(&w->queue, &job->queue);

    } else {
        if (w->backoff_until > ngx_http_attest_clock_now(amcf)) {
            return NGX_DECLINED;
        }

        if (w->waiting >= amcf->queue) {
            return NGX_BUSY;
        }

        ngx_queue_insert_tail(&w->queue, &job->queue);
    }

    job->state = NGX_HTTP_ATTEST_JOB_QUEUED;
    w->waiting++;

    ngx_http_attest_job_start_next(w);

    return NGX_OK;
}


void
ngx_http_attest_job_abandon(ngx_http_attest_job_t *job)
{
    ngx_http_attest_jobs_t       *w;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_attest_module);
    w = amcf->run.jobs;

    if (job->state == NGX_HTTP_ATTEST_JOB_QUEUED) {
        ngx_queue_remove(&job->queue);
        w->waiting--;
    }

    if (w->flight != NULL && w->flight->job == job) {
        w->flight->job = NULL;
    }

    ngx_http_attest_job_free(job);
}


static void
ngx_http_attest_job_start_next(ngx_http_attest_jobs_t *w)
{
    ngx_queue_t            *q;
    ngx_http_attest_job_t  *job;

    while (w->flight == NULL && !ngx_queue_empty(&w->queue)) {

        q = ngx_queue_head(&w->queue);
        ngx_queue_remove(q);
        w->waiting--;

        job = ngx_queue_data(q, ngx_http_attest_job_t, queue);
        job->state = NGX_HTTP_ATTEST_JOB_STARTED;

        if (ngx_http_attest_job_launch(w, job) != NGX_OK) {
            job->rc = ATTEST_EINTERNAL;
            ngx_cpystrn((u_char *) job->error,
                        (u_char *) "cannot start a job", sizeof(job->error));
            job->done(job);
        }
    }
}


static ngx_int_t
ngx_http_attest_job_launch(ngx_http_attest_jobs_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_job_flight_t  *flight;

    flight = ngx_calloc(sizeof(ngx_http_attest_job_flight_t), w->log);
    if (flight == NULL) {
        return NGX_ERROR;
    }

    flight->work = *job;
    flight->job = job;
    flight->amcf = w->amcf;

    flight->task.ctx = flight;
    flight->task.handler = ngx_http_attest_job_thread;
    flight->task.event.handler = ngx_http_attest_job_thread_done;
    flight->task.event.data = flight;
    flight->task.event.log = w->log;

    if (ngx_thread_task_post(w->amcf->run.pool, &flight->task) != NGX_OK) {
        ngx_free(flight);
        return NGX_ERROR;
    }

    w->flight = flight;

    /* waiting for the device and using it have the same limit, in turn */

    ngx_add_timer(&w->deadline,
                  2 * w->amcf->timeout + NGX_HTTP_ATTEST_SLACK);

    return NGX_OK;
}


static void
ngx_http_attest_job_thread(void *data, ngx_log_t *log)
{
    ngx_http_attest_job_flight_t *flight = data;

    ngx_http_attest_job_run(flight->amcf, &flight->work,
                            flight->amcf->timeout);
}


static void
ngx_http_attest_job_thread_done(ngx_event_t *ev)
{
    ngx_http_attest_job_t         *job;
    ngx_http_attest_jobs_t        *w;
    ngx_http_attest_job_flight_t  *flight;

    flight = ev->data;
    w = flight->amcf->run.jobs;
    job = flight->job;

    if (w->deadline.timer_set) {
        ngx_del_timer(&w->deadline);
    }

    if (job != NULL) {
        job->rc = flight->work.rc;
        job->evidence = flight->work.evidence;
        ngx_memcpy(job->claims, flight->work.claims, sizeof(job->claims));
        job->claims_len = flight->work.claims_len;
        ngx_memcpy(job->proof, flight->work.proof, sizeof(job->proof));
        ngx_memcpy(job->error, flight->work.error, sizeof(job->error));

    } else {
        prov_evidence_clear(&flight->work.evidence);
    }

    w->flight = NULL;
    w->stuck = 0;

    OPENSSL_cleanse(flight, sizeof(ngx_http_attest_job_flight_t));
    ngx_free(flight);

    if (job != NULL) {
        ngx_http_attest_job_finish(w, job);
    }

    ngx_http_attest_job_start_next(w);
}


/* The thread is late: give up on the job, not on the thread. */

static void
ngx_http_attest_job_deadline(ngx_event_t *ev)
{
    ngx_http_attest_job_t   *job;
    ngx_http_attest_jobs_t  *w;

    w = ev->data;

    if (w->flight == NULL) {
        return;
    }

    job = w->flight->job;
    w->flight->job = NULL;
    w->stuck = 1;

    if (job != NULL) {
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device did not answer in time", sizeof(job->error));
        ngx_http_attest_job_finish(w, job);
    }

    ngx_http_attest_job_fail_queue(w);
}


static void
ngx_http_attest_job_fail_queue(ngx_http_attest_jobs_t *w)
{
    ngx_queue_t             local, *q;
    ngx_http_attest_job_t  *job;

    if (ngx_queue_empty(&w->queue)) {
        return;
    }

    ngx_queue_init(&local);
    ngx_queue_add(&local, &w->queue);
    ngx_queue_init(&w->queue);

    while (!ngx_queue_empty(&local)) {
        q = ngx_queue_head(&local);
        ngx_queue_remove(q);
        w->waiting--;

        job = ngx_queue_data(q, ngx_http_attest_job_t, queue);
        job->state = NGX_HTTP_ATTEST_JOB_STARTED;
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device does not answer", sizeof(job->error));
        job->done(job);
    }
}


static void
ngx_http_attest_job_finish(ngx_http_attest_jobs_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_stats_t  *stats;

    stats = ngx_http_attest_state_stats(w->amcf);

    if (job->kind != NGX_HTTP_ATTEST_JOB_COLLECT) {

        /* nothing of this says whether evidence can be collected */

    } else if (job->rc == ATTEST_OK) {
        w->failures = 0;
        w->backoff_until = 0;

        (void) ngx_atomic_fetch_add(&stats->quotes_made, 1);

    } else {

        /* a refused credential is the client's matter, this is ours */

        w->backoff_until = ngx_http_attest_clock_now(w->amcf)
                           + ngx_min(1 << w->failures, 8);
        w->failures = ngx_min(w->failures + 1, 3);

        (void) ngx_atomic_fetch_add(&stats->quotes_failed, 1);

        ngx_http_attest_state_set_error(w->amcf, job->error);

        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "attest: cannot collect evidence: %s", job->error);
    }

    job->done(job);
}
