/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When evidence is collected.  The first evidence is made in the master;
 * later worker 0 renews it by a timer, and looks after the GPUs in between.
 */


#include "http/evidence/ngx_http_attest_generation.h"
#include "http/evidence/ngx_http_attest_refresh.h"
#include "http/evidence/ngx_http_attest_source.h"
#include "http/evidence/ngx_http_attest_view.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_TICK        1000    /* ms: timers do not see that the
                                               clock was set */
#define NGX_HTTP_ATTEST_FIRST       30000   /* ms: a slow TPM makes its keys */
#define NGX_HTTP_ATTEST_GPU_RETRY   10      /* s, while servers are closed */


/*
 * What the timer of a process looks after.  Renewal, and checking the GPUs,
 * are the first worker's; closing for want of GPUs is each worker's.
 */

struct ngx_http_attest_renewal_s {
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


static ngx_int_t ngx_http_attest_master_evidence(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t changed, ngx_log_t *log);
static ngx_uint_t ngx_http_attest_current_ok(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t *changed);

static void ngx_http_attest_tick_handler(ngx_event_t *ev);
static time_t ngx_http_attest_due(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_renew(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_renew_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_renew_failed(ngx_http_attest_renewal_t *rn,
    const char *error);
static time_t ngx_http_attest_gpu_tick(ngx_http_attest_renewal_t *rn,
    time_t now, time_t due);
static void ngx_http_attest_gpu_watch(ngx_http_attest_renewal_t *rn);
static time_t ngx_http_attest_gpu_due(ngx_http_attest_renewal_t *rn);
static ngx_int_t ngx_http_attest_gpu_check(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_gpu_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_gpu_result(ngx_http_attest_renewal_t *rn,
    const char *error);


ngx_int_t
ngx_http_attest_first_evidence(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i, changed;

    ngx_http_attest_clock_say(amcf, log);

    /* again when a worker has published its own renewal meanwhile */

    for (i = 0; i < 3; i++) {

        /* a reload that changes nothing of what is attested keeps it all */

        if (ngx_http_attest_current_ok(amcf, &changed)) {
            return NGX_OK;
        }

        rc = ngx_http_attest_master_evidence(amcf, changed, log);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "attest: cannot publish evidence, workers renew theirs");

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_master_evidence(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t changed, ngx_log_t *log)
{
    ngx_int_t                 rc;
    ngx_msec_t                timeout;
    ngx_http_attest_job_t    *job;
    ngx_http_attest_draft_t  *draft;

    rc = NGX_ERROR;
    draft = ngx_http_attest_draft_create(amcf);
    job = ngx_http_attest_job_create();

    if (draft == NULL || job == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "attest: cannot make keys");
        goto done;
    }

    ngx_memcpy(job->claims, draft->claims, draft->claims_len);
    job->claims_len = draft->claims_len;
    job->want_logs = 1;
    job->refresh = 1;

    timeout = amcf->timeout;

    if (draft->base == 0) {
        timeout = ngx_max(timeout, NGX_HTTP_ATTEST_FIRST);
    }

    ngx_http_attest_job_run(amcf, job, timeout);

    if (job->rc == ATTEST_OK) {
        ngx_http_attest_count(amcf, quotes_made);
        rc = ngx_http_attest_finish(amcf, draft, job, log);
        goto done;
    }

    ngx_http_attest_count(amcf, quotes_failed);
    ngx_http_attest_set_error(amcf, job->error);

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
ngx_http_attest_current_ok(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t *changed)
{
    ngx_uint_t              ok;
    ngx_http_attest_gen_t  *gen;
    ngx_http_attest_time_t  t;

    *changed = 0;

    gen = ngx_http_attest_gen_copy(amcf);
    if (gen == NULL) {
        return 0;
    }

    *changed = (ngx_memcmp(gen->fingerprint, amcf->run.fingerprint, 32) != 0);

    ngx_http_attest_clock(amcf, &t);

    ok = !*changed && t.now < gen->expires
         && t.wall >= gen->not_before && t.wall < gen->not_after
         && !ngx_http_attest_clock_stepped(&t, gen->drift)
         && !amcf->run.remember->full(amcf);

    ngx_http_attest_gen_free(gen);

    return ok;
}


ngx_int_t
ngx_http_attest_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_renewal_t  *rn;

    rn = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_renewal_t));

    if (rn == NULL || ngx_http_attest_job_init(cycle, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    rn->amcf = amcf;
    rn->log = cycle->log;

    amcf->run.renewal = rn;

    if (ngx_worker == 0) {
        ngx_http_attest_source_access(amcf, cycle->log);
    }

    rn->tick.handler = ngx_http_attest_tick_handler;
    rn->tick.data = rn;
    rn->tick.log = cycle->log;
    rn->tick.cancelable = 1;

    ngx_add_timer(&rn->tick, 100);

    return NGX_OK;
}


void
ngx_http_attest_exit_worker(ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->run.renewal != NULL && amcf->run.renewal->draft != NULL) {
        ngx_http_attest_draft_free(amcf->run.renewal->draft);
        amcf->run.renewal->draft = NULL;
    }

    ngx_http_attest_forget_view();
}


/* Every worker forgets what has expired; the first one renews. */

static void
ngx_http_attest_tick_handler(ngx_event_t *ev)
{
    time_t                      now, due;
    ngx_msec_t                  wait;
    ngx_http_attest_renewal_t  *rn;

    rn = ev->data;

    ngx_http_attest_view_expire(rn->amcf);
    ngx_http_attest_gpu_watch(rn);

    if (ngx_exiting || ngx_worker != 0) {
        ngx_add_timer(ev, NGX_HTTP_ATTEST_TICK);
        return;
    }

    ngx_http_attest_clock_say(rn->amcf, rn->log);

    now = ngx_http_attest_now(rn->amcf);
    due = ngx_http_attest_due(rn);

    if (now >= due && now >= rn->next_try && rn->draft == NULL) {
        ngx_http_attest_renew(rn);
    }

    due = ngx_max(due, rn->next_try);
    due = ngx_http_attest_gpu_tick(rn, now, due);
    wait = (due > now) ? (ngx_msec_t) (due - now) * 1000 : 250;

    ngx_add_timer(ev, ngx_min(wait, NGX_HTTP_ATTEST_TICK));
}


static time_t
ngx_http_attest_due(ngx_http_attest_renewal_t *rn)
{
    time_t                   now;
    ngx_http_attest_time_t   t;
    ngx_http_attest_view_t  *view;

    ngx_http_attest_clock(rn->amcf, &t);
    now = t.now;
    view = ngx_http_attest_evidence_view(rn->amcf, rn->log);

    if (view == NULL) {
        if (!rn->expired) {
            rn->expired = 1;
            ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                          "attest: no valid evidence, attested servers "
                          "refuse service until it can be renewed");
        }

        return now;
    }

    rn->expired = 0;

    if (rn->at_once || ngx_http_attest_clock_stepped(&t, view->drift)
        || rn->amcf->run.remember->full(rn->amcf))
    {
        return now;
    }

    /*
     * Evidence of another configuration: a reload that failed late, or one
     * that is just replacing this worker.  Only the first is ours to mend.
     */

    if (!ngx_http_attest_foreign(rn->amcf)) {
        rn->mismatch_since = 0;

    } else if (rn->mismatch_since == 0) {
        rn->mismatch_since = now;

    } else if (now - rn->mismatch_since > 5) {
        return now;
    }

    return view->renew;
}


static void
ngx_http_attest_renew(ngx_http_attest_renewal_t *rn)
{
    ngx_http_attest_job_t  *job;

    ngx_http_attest_measured_check(rn->amcf, rn->log);

    rn->draft = ngx_http_attest_draft_create(rn->amcf);
    if (rn->draft == NULL) {
        ngx_http_attest_renew_failed(rn, "cannot make keys");
        return;
    }

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        ngx_http_attest_renew_failed(rn, "no memory");
        return;
    }

    ngx_memcpy(job->claims, rn->draft->claims, rn->draft->claims_len);
    job->claims_len = rn->draft->claims_len;
    job->want_logs = 1;
    job->refresh = 1;
    job->done = ngx_http_attest_renew_done;
    job->data = rn;

    if (ngx_http_attest_job_post(rn->amcf, job) != NGX_OK) {
        ngx_http_attest_job_free(job);
        ngx_http_attest_renew_failed(rn, "the device does not answer");
    }
}


static void
ngx_http_attest_renew_done(ngx_http_attest_job_t *job)
{
    ngx_int_t                   rc;
    ngx_http_attest_renewal_t  *rn;

    rn = job->data;

    if (job->rc != ATTEST_OK) {
        ngx_http_attest_renew_failed(rn, job->error);
        ngx_http_attest_job_free(job);
        return;
    }

    rc = ngx_http_attest_finish(rn->amcf, rn->draft, job, rn->log);

    ngx_http_attest_job_free(job);

    if (rc == NGX_ERROR) {
        ngx_http_attest_renew_failed(rn, "cannot publish the evidence");
        return;
    }

    ngx_http_attest_draft_free(rn->draft);
    rn->draft = NULL;

    rn->failures = 0;
    rn->next_try = 0;
    rn->at_once = 0;
}


/*
 * GPUs can go between two renewals.  Those that must be there close attested
 * servers at once, and open them when they are back; others make new evidence
 * due, which says what there is.  Returns the earlier of two times.
 */

static time_t
ngx_http_attest_gpu_tick(ngx_http_attest_renewal_t *rn, time_t now, time_t due)
{
    time_t  gpu_due;

    if (rn->amcf->run.gpu_interval == 0) {
        return due;
    }

    gpu_due = ngx_http_attest_gpu_due(rn);

    if (now >= gpu_due && rn->gpu_job == NULL) {
        rn->gpu_last = now;

        if (ngx_http_attest_gpu_check(rn) != NGX_OK) {
            ngx_http_attest_gpu_result(rn, "the GPUs cannot be checked");
        }

        gpu_due = ngx_http_attest_gpu_due(rn);
    }

    return ngx_min(due, gpu_due);
}


/* Every worker closes by itself when the one that checks does not. */

static void
ngx_http_attest_gpu_watch(ngx_http_attest_renewal_t *rn)
{
    time_t  late;

    if (!rn->amcf->run.gpu_required) {
        return;
    }

    late = ngx_http_attest_gpu_overdue(rn->amcf);

    if (late != 0 && !rn->gpu_late) {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: the GPUs were not checked for %T s, attested "
                      "servers refuse service until they are", late);
    }

    rn->gpu_late = (late != 0);
}


/* Closed servers do not wait for the end of a long interval. */

static time_t
ngx_http_attest_gpu_due(ngx_http_attest_renewal_t *rn)
{
    time_t                   interval;
    ngx_http_attest_view_t  *view;

    interval = rn->amcf->run.gpu_interval;

    if (rn->amcf->run.gpu_required && rn->amcf->run.state->gpu_failed) {
        interval = ngx_min(interval, NGX_HTTP_ATTEST_GPU_RETRY);

    } else if (rn->gpu_last == 0) {

        /* a worker just begins: what is there was looked at when made */

        view = ngx_http_attest_evidence_view(rn->amcf, rn->log);
        rn->gpu_last = (view != NULL) ? view->from : 0;
    }

    return rn->gpu_last + interval;
}


/* Claims that nobody sees: all that matters is that their nonce is new. */

static ngx_int_t
ngx_http_attest_gpu_check(ngx_http_attest_renewal_t *rn)
{
    attest_claims_t         claims;
    ngx_http_attest_job_t  *job;

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&claims, sizeof(attest_claims_t));
    claims.pubkey_hash_alg = 1;
    claims.pubkey_hash_len = ATTEST_SHA256_LEN;
    claims.nonce_len = ATTEST_NONCE_MIN;
    randombytes_buf(claims.nonce, claims.nonce_len);

    job->kind = NGX_HTTP_ATTEST_JOB_GPU;
    job->claims_len = sizeof(job->claims);
    job->refresh = 1;
    job->done = ngx_http_attest_gpu_done;
    job->data = rn;

    if (attest_claims_encode(&claims, job->claims, &job->claims_len)
        != ATTEST_OK)
    {
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    rn->gpu_job = job;

    if (ngx_http_attest_job_post(rn->amcf, job) != NGX_OK) {
        rn->gpu_job = NULL;
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_attest_gpu_done(ngx_http_attest_job_t *job)
{
    ngx_http_attest_renewal_t  *rn;

    rn = job->data;
    rn->gpu_job = NULL;

    ngx_http_attest_gpu_result(rn, (job->rc == ATTEST_OK) ? NULL : job->error);
    ngx_http_attest_job_free(job);
}


/* error: NULL when they are as they were. */

static void
ngx_http_attest_gpu_result(ngx_http_attest_renewal_t *rn, const char *error)
{
    ngx_uint_t                required;
    ngx_http_attest_state_t  *state;

    /* the worker that follows this one says whether servers are closed */

    if (ngx_exiting) {
        return;
    }

    state = rn->amcf->run.state;
    required = rn->amcf->run.gpu_required;

    if (error == NULL && state->gpu_failed) {
        ngx_log_error(NGX_LOG_NOTICE, rn->log, 0,
                      "attest: the GPUs attest again");
        rn->at_once = 1;
        rn->next_try = 0;

    } else if (error != NULL && (!state->gpu_failed
                                 || (required && !rn->gpu_said)))
    {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0, "attest: GPU check failed: %s"
                      "%s", error, required ? "; attested servers refuse "
                      "service until it succeeds" : "");
        ngx_http_attest_set_error(rn->amcf, error);
        rn->at_once = !required;
        rn->next_try = 0;
    }

    if (error == NULL) {
        state->gpu_checked = ngx_http_attest_now(rn->amcf);
    }

    rn->gpu_said = (error != NULL);
    state->gpu_failed = (error != NULL);
}


/* 10, 60, 600 s, but never so late that the evidence dies of it. */

static void
ngx_http_attest_renew_failed(ngx_http_attest_renewal_t *rn, const char *error)
{
    time_t                   wait, now;
    ngx_http_attest_view_t  *view;

    static time_t  ladder[] = { 10, 60, 600 };

    if (rn->draft != NULL) {
        ngx_http_attest_draft_free(rn->draft);
        rn->draft = NULL;
    }

    now = ngx_http_attest_now(rn->amcf);
    view = ngx_http_attest_view(rn->amcf, rn->log);

    wait = ladder[ngx_min(rn->failures, 2)];
    wait = ngx_min(wait, ngx_max(rn->amcf->lifetime / 12, 1));

    if (ngx_http_attest_evidence_view(rn->amcf, rn->log) == NULL) {
        wait = ngx_min(wait, 10);
    }

    rn->failures++;
    rn->next_try = now + wait;

    ngx_http_attest_set_error(rn->amcf, error);

    if (view != NULL) {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: renewal failed: %s; next try in %T s, the "
                      "last good evidence serves for %T s more",
                      error, wait, view->expires - now);

    } else {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: renewal failed: %s; next try in %T s, "
                      "attested servers refuse service", error, wait);
    }
}
