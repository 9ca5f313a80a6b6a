/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When evidence is collected.  The first evidence is made in the master;
 * later worker 0 renews it by a timer, and looks after the GPUs in between.
 */


#include "http/evidence/ngx_http_attest_draft.h"
#include "http/evidence/ngx_http_attest_generation.h"
#include "http/evidence/ngx_http_attest_provider.h"
#include "http/evidence/ngx_http_attest_refresh.h"
#include "http/evidence/ngx_http_attest_state_internal.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_measure.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_TICK        1000    /* ms: timers do not see that the
                                               clock was set */
#define NGX_HTTP_ATTEST_FIRST       30000   /* ms: a slow TPM makes its keys */
#define NGX_HTTP_ATTEST_GPU_RETRY   10      /* s, while servers are closed */


/*
 * What the timer of a process looks after.  Renewal, and checking the GPUs,
 * are the first worker's; closing for want of GPUs is each worker's.
 */

struct ngx_http_attest_refresh_s {
    ngx_http_attest_main_conf_t   *amcf;
    ngx_event_t                    tick;
    ngx_log_t                     *log;

    ngx_http_attest_draft_t       *draft;   /* renewal under way */
    ngx_uint_t                     failures;        /* in a row */
    time_t                         next_try;
    time_t                         mismatch_since;
    ngx_http_attest_job_t         *gpu_job;         /* under way */
    time_t                         gpu_last;        /* checked, 0: never */
    unsigned                       at_once:1;       /* a GPU went or came */
    unsigned                       gpu_said:1;      /* in the log */
    unsigned                       gpu_late:1;      /* in the log */
    unsigned                       expired:1;       /* said in the log */
};


static ngx_int_t ngx_http_attest_refresh_in_master(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t changed, ngx_log_t *log);
static ngx_uint_t ngx_http_attest_refresh_is_current(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t *changed);

static void ngx_http_attest_refresh_tick(ngx_event_t *ev);
static time_t ngx_http_attest_refresh_due(ngx_http_attest_refresh_t *rf);
static void ngx_http_attest_refresh_start(ngx_http_attest_refresh_t *rf);
static void ngx_http_attest_refresh_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_refresh_failed(ngx_http_attest_refresh_t *rf,
    const char *error);
static time_t ngx_http_attest_refresh_gpu_tick(ngx_http_attest_refresh_t *rf,
    time_t now, time_t due);
static void ngx_http_attest_refresh_gpu_watch(ngx_http_attest_refresh_t *rf);
static time_t ngx_http_attest_refresh_gpu_due(ngx_http_attest_refresh_t *rf);
static ngx_int_t ngx_http_attest_refresh_gpu_check(
    ngx_http_attest_refresh_t *rf);
static void ngx_http_attest_refresh_gpu_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_refresh_gpu_result(ngx_http_attest_refresh_t *rf,
    const char *error);


ngx_int_t
ngx_http_attest_refresh_first(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i, changed;

    ngx_http_attest_clock_log(amcf, log);

    /* again when a worker has published its own renewal meanwhile */

    for (i = 0; i < 3; i++) {

        /* a reload that changes nothing of what is attested keeps it all */

        if (ngx_http_attest_refresh_is_current(amcf, &changed)) {
            return NGX_OK;
        }

        rc = ngx_http_attest_refresh_in_master(amcf, changed, log);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "attest: cannot publish evidence, workers renew theirs");

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_refresh_in_master(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t changed, ngx_log_t *log)
{
    ngx_int_t                 rc;
    ngx_msec_t                timeout;
    ngx_http_attest_job_t    *job;
    ngx_http_attest_draft_t  *draft;

    rc = NGX_ERROR;
    job = NULL;
    draft = ngx_http_attest_draft_create(amcf);

    if (draft != NULL) {
        job = ngx_http_attest_draft_job(draft);
    }

    if (job == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "attest: cannot make keys");
        goto done;
    }

    timeout = amcf->timeout;

    if (draft->base == 0) {
        timeout = ngx_max(timeout, NGX_HTTP_ATTEST_FIRST);
    }

    ngx_http_attest_job_run(amcf, job, timeout);

    if (job->rc == ATTEST_OK) {
        ngx_http_attest_count(amcf, quotes_made);
        rc = ngx_http_attest_generation_finish(amcf, draft, job, log);
        goto done;
    }

    ngx_http_attest_count(amcf, quotes_failed);
    ngx_http_attest_state_set_error(amcf, job->error);

    if (!changed && (amcf->start_without_evidence
                     || amcf->run.state->number != 0))
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "attest: no evidence: %s; attested servers refuse "
                      "service until there is some", job->error);
        rc = NGX_OK;
        goto done;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "attest: cannot collect evidence: %s", job->error);

done:

    if (draft != NULL) {
        ngx_http_attest_draft_free(draft);
    }

    if (job != NULL) {
        ngx_http_attest_job_free(job);
    }

    return rc;
}


/* Is the zone's generation valid, and for this very configuration? */

static ngx_uint_t
ngx_http_attest_refresh_is_current(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t *changed)
{
    ngx_uint_t              ok;
    ngx_http_attest_gen_t  *gen;
    ngx_http_attest_time_t  t;

    *changed = 0;

    gen = ngx_http_attest_state_gen_copy(amcf);
    if (gen == NULL) {
        return 0;
    }

    *changed = (ngx_memcmp(gen->fingerprint, amcf->run.fingerprint,
                           ATTEST_SHA256_LEN)
                != 0);

    ngx_http_attest_clock(amcf, &t);

    ok = !*changed && t.now < gen->expires
         && t.wall >= gen->not_before && t.wall < gen->not_after
         && !ngx_http_attest_clock_stepped(&t, gen->drift)
         && !amcf->run.remember->full(amcf);

    ngx_http_attest_state_gen_free(gen);

    return ok;
}


ngx_int_t
ngx_http_attest_refresh_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_refresh_t  *rf;

    rf = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_refresh_t));

    if (rf == NULL || ngx_http_attest_job_init(cycle, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    rf->amcf = amcf;
    rf->log = cycle->log;

    amcf->run.refresh = rf;

    if (ngx_worker == 0) {
        ngx_http_attest_provider_check_access(amcf, cycle->log);
    }

    rf->tick.handler = ngx_http_attest_refresh_tick;
    rf->tick.data = rf;
    rf->tick.log = cycle->log;
    rf->tick.cancelable = 1;

    ngx_add_timer(&rf->tick, 100);

    return NGX_OK;
}


void
ngx_http_attest_refresh_exit_worker(ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->run.refresh != NULL && amcf->run.refresh->draft != NULL) {
        ngx_http_attest_draft_free(amcf->run.refresh->draft);
        amcf->run.refresh->draft = NULL;
    }

    ngx_http_attest_view_drop();
}


/* Every worker forgets what has expired; the first one renews. */

static void
ngx_http_attest_refresh_tick(ngx_event_t *ev)
{
    time_t                      now, due;
    ngx_msec_t                  wait;
    ngx_http_attest_refresh_t  *rf;

    rf = ev->data;

    ngx_http_attest_view_expire(rf->amcf);
    ngx_http_attest_refresh_gpu_watch(rf);

    if (ngx_exiting || ngx_worker != 0) {
        ngx_add_timer(ev, NGX_HTTP_ATTEST_TICK);
        return;
    }

    ngx_http_attest_clock_log(rf->amcf, rf->log);

    now = ngx_http_attest_clock_now(rf->amcf);
    due = ngx_http_attest_refresh_due(rf);

    if (now >= due && now >= rf->next_try && rf->draft == NULL) {
        ngx_http_attest_refresh_start(rf);
    }

    due = ngx_max(due, rf->next_try);
    due = ngx_http_attest_refresh_gpu_tick(rf, now, due);
    wait = (due > now) ? (ngx_msec_t) (due - now) * 1000 : 250;

    ngx_add_timer(ev, ngx_min(wait, NGX_HTTP_ATTEST_TICK));
}


static time_t
ngx_http_attest_refresh_due(ngx_http_attest_refresh_t *rf)
{
    time_t                   now;
    ngx_http_attest_time_t   t;
    ngx_http_attest_view_t  *view;

    ngx_http_attest_clock(rf->amcf, &t);
    now = t.now;
    view = ngx_http_attest_view_evidence(rf->amcf, rf->log);

    if (view == NULL) {
        if (!rf->expired) {
            rf->expired = 1;
            ngx_log_error(NGX_LOG_ERR, rf->log, 0,
                          "attest: no valid evidence, attested servers "
                          "refuse service until it can be renewed");
        }

        return now;
    }

    rf->expired = 0;

    if (rf->at_once || ngx_http_attest_clock_stepped(&t, view->drift)
        || rf->amcf->run.remember->full(rf->amcf))
    {
        return now;
    }

    /*
     * Evidence of another configuration: a reload that failed late, or one
     * that is just replacing this worker.  Only the first is ours to mend.
     */

    if (!ngx_http_attest_view_is_foreign(rf->amcf)) {
        rf->mismatch_since = 0;

    } else if (rf->mismatch_since == 0) {
        rf->mismatch_since = now;

    } else if (now - rf->mismatch_since > 5) {
        return now;
    }

    return view->renew;
}


static void
ngx_http_attest_refresh_start(ngx_http_attest_refresh_t *rf)
{
    ngx_http_attest_job_t  *job;

    ngx_http_attest_measure_check(rf->amcf, rf->log);

    rf->draft = ngx_http_attest_draft_create(rf->amcf);
    if (rf->draft == NULL) {
        ngx_http_attest_refresh_failed(rf, "cannot make keys");
        return;
    }

    job = ngx_http_attest_draft_job(rf->draft);
    if (job == NULL) {
        ngx_http_attest_refresh_failed(rf, "no memory");
        return;
    }

    job->done = ngx_http_attest_refresh_done;
    job->data = rf;

    if (ngx_http_attest_job_post(rf->amcf, job) != NGX_OK) {
        ngx_http_attest_job_free(job);
        ngx_http_attest_refresh_failed(rf, "the device does not answer");
    }
}


static void
ngx_http_attest_refresh_done(ngx_http_attest_job_t *job)
{
    ngx_int_t                   rc;
    ngx_http_attest_refresh_t  *rf;

    rf = job->data;

    if (job->rc != ATTEST_OK) {
        ngx_http_attest_refresh_failed(rf, job->error);
        ngx_http_attest_job_free(job);
        return;
    }

    rc = ngx_http_attest_generation_finish(rf->amcf, rf->draft, job, rf->log);

    ngx_http_attest_job_free(job);

    if (rc == NGX_ERROR) {
        ngx_http_attest_refresh_failed(rf, "cannot publish the evidence");
        return;
    }

    ngx_http_attest_draft_free(rf->draft);
    rf->draft = NULL;

    rf->failures = 0;
    rf->next_try = 0;
    rf->at_once = 0;
}


/*
 * GPUs can go between two renewals.  Those that must be there close attested
 * servers at once, and open them when they are back; others make new evidence
 * due, which says what there is.  Returns the earlier of two times.
 */

static time_t
ngx_http_attest_refresh_gpu_tick(ngx_http_attest_refresh_t *rf, time_t now,
    time_t due)
{
    time_t  gpu_due;

    if (rf->amcf->run.gpu_interval == 0) {
        return due;
    }

    gpu_due = ngx_http_attest_refresh_gpu_due(rf);

    if (now >= gpu_due && rf->gpu_job == NULL) {
        rf->gpu_last = now;

        if (ngx_http_attest_refresh_gpu_check(rf) != NGX_OK) {
            ngx_http_attest_refresh_gpu_result(rf,
                                               "the GPUs cannot be checked");
        }

        gpu_due = ngx_http_attest_refresh_gpu_due(rf);
    }

    return ngx_min(due, gpu_due);
}


/* Every worker closes by itself when the one that checks does not. */

static void
ngx_http_attest_refresh_gpu_watch(ngx_http_attest_refresh_t *rf)
{
    time_t  late;

    if (!rf->amcf->run.gpu_required) {
        return;
    }

    late = ngx_http_attest_state_gpu_overdue(rf->amcf);

    if (late != 0 && !rf->gpu_late) {
        ngx_log_error(NGX_LOG_ERR, rf->log, 0,
                      "attest: the GPUs were not checked for %T s, attested "
                      "servers refuse service until they are", late);
    }

    rf->gpu_late = (late != 0);
}


/* Closed servers do not wait for the end of a long interval. */

static time_t
ngx_http_attest_refresh_gpu_due(ngx_http_attest_refresh_t *rf)
{
    time_t                   interval;
    ngx_http_attest_view_t  *view;

    interval = rf->amcf->run.gpu_interval;

    if (rf->amcf->run.gpu_required && rf->amcf->run.state->gpu_failed) {
        interval = ngx_min(interval, NGX_HTTP_ATTEST_GPU_RETRY);

    } else if (rf->gpu_last == 0) {

        /* a worker just begins: what is there was looked at when made */

        view = ngx_http_attest_view_evidence(rf->amcf, rf->log);
        rf->gpu_last = (view != NULL) ? view->from : 0;
    }

    return rf->gpu_last + interval;
}


/* Claims that nobody sees: all that matters is that their nonce is new. */

static ngx_int_t
ngx_http_attest_refresh_gpu_check(ngx_http_attest_refresh_t *rf)
{
    attest_claims_t         claims;
    ngx_http_attest_job_t  *job;

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&claims, sizeof(attest_claims_t));
    claims.pubkey_hash_alg = ATTEST_CLAIMS_SHA256;
    claims.pubkey_hash_len = ATTEST_SHA256_LEN;
    claims.nonce_len = ATTEST_NONCE_MIN;
    randombytes_buf(claims.nonce, claims.nonce_len);

    job->kind = NGX_HTTP_ATTEST_JOB_GPU;
    job->claims_len = sizeof(job->claims);
    job->refresh = 1;
    job->done = ngx_http_attest_refresh_gpu_done;
    job->data = rf;

    if (attest_claims_encode(&claims, job->claims, &job->claims_len)
        != ATTEST_OK)
    {
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    rf->gpu_job = job;

    if (ngx_http_attest_job_post(rf->amcf, job) != NGX_OK) {
        rf->gpu_job = NULL;
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_attest_refresh_gpu_done(ngx_http_attest_job_t *job)
{
    ngx_http_attest_refresh_t  *rf;

    rf = job->data;
    rf->gpu_job = NULL;

    ngx_http_attest_refresh_gpu_result(rf, (job->rc == ATTEST_OK)
                                           ? NULL : job->error);
    ngx_http_attest_job_free(job);
}


/* error: NULL when they attest. */

static void
ngx_http_attest_refresh_gpu_result(ngx_http_attest_refresh_t *rf,
    const char *error)
{
    ngx_uint_t                required;
    ngx_http_attest_state_t  *state;

    /* the worker that follows this one says whether servers are closed */

    if (ngx_exiting) {
        return;
    }

    state = rf->amcf->run.state;
    required = rf->amcf->run.gpu_required;

    if (error == NULL && state->gpu_failed) {
        ngx_log_error(NGX_LOG_NOTICE, rf->log, 0,
                      "attest: the GPUs attest again");
        rf->at_once = 1;
        rf->next_try = 0;

    } else if (error != NULL && (!state->gpu_failed
                                 || (required && !rf->gpu_said)))
    {
        ngx_log_error(NGX_LOG_ERR, rf->log, 0, "attest: GPU check failed: %s"
                      "%s", error, required ? "; attested servers refuse "
                      "service until it succeeds" : "");
        ngx_http_attest_state_set_error(rf->amcf, error);
        rf->at_once = !required;
        rf->next_try = 0;
    }

    if (error == NULL) {
        state->gpu_checked = ngx_http_attest_clock_now(rf->amcf);
    }

    rf->gpu_said = (error != NULL);
    state->gpu_failed = (error != NULL);
}


/* 10, 60, 600 s, but never so late that the evidence expires before. */

static void
ngx_http_attest_refresh_failed(ngx_http_attest_refresh_t *rf,
    const char *error)
{
    time_t                   wait, now;
    ngx_http_attest_view_t  *view;

    static time_t  ladder[] = { 10, 60, 600 };

    if (rf->draft != NULL) {
        ngx_http_attest_draft_free(rf->draft);
        rf->draft = NULL;
    }

    now = ngx_http_attest_clock_now(rf->amcf);
    view = ngx_http_attest_view(rf->amcf, rf->log);

    wait = ladder[ngx_min(rf->failures, 2)];
    wait = ngx_min(wait, ngx_max(rf->amcf->lifetime / 12, 1));

    if (ngx_http_attest_view_evidence(rf->amcf, rf->log) == NULL) {
        wait = ngx_min(wait, 10);
    }

    rf->failures++;
    rf->next_try = now + wait;

    ngx_http_attest_state_set_error(rf->amcf, error);

    if (view != NULL) {
        ngx_log_error(NGX_LOG_ERR, rf->log, 0,
                      "attest: renewal failed: %s; next try in %T s, the "
                      "last good evidence serves for %T s more",
                      error, wait, view->expires - now);

    } else {
        ngx_log_error(NGX_LOG_ERR, rf->log, 0,
                      "attest: renewal failed: %s; next try in %T s, "
                      "attested servers refuse service", error, wait);
    }
}
