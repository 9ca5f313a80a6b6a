/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers that wait for the evidence thread: fresh evidence, credential
 * activation.  One round is one job and the requests that its result
 * answers; a request for the same signed bytes joins a round under way.
 * Waiters live in their requests' pools and can leave at any time; when the
 * last one has left, the job is abandoned.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_collection.h"
#include "http/evidence/ngx_http_attest_fresh.h"
#include "http/evidence/ngx_http_attest_job.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"
#include "http/ngx_http_attest_tls.h"


typedef struct {
    ngx_queue_t                   link;
    ngx_queue_t                   waiters;
    ngx_http_attest_job_t        *job;      /* NULL: done() was called */
    ngx_http_attest_main_conf_t  *amcf;
    unsigned                      posting:1;
    unsigned                      failed:1;
} ngx_http_attest_round_t;


typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   timer;
    ngx_http_request_t           *request;
    ngx_http_attest_round_t      *round;    /* NULL: waits no more */
    ngx_http_attest_view_t       *view;
    ngx_uint_t                    json;
} ngx_http_attest_waiter_t;


static ngx_int_t ngx_http_attest_fresh_claims(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, attest_request_t *req, u_char *claims,
    size_t *len);
static ngx_http_attest_round_t *ngx_http_attest_fresh_round_find(
    ngx_http_attest_main_conf_t *amcf, u_char *claims, size_t len);
static ngx_int_t ngx_http_attest_fresh_round_start(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_job_t *job,
    ngx_log_t *log, ngx_http_attest_round_t **round);
static ngx_int_t ngx_http_attest_fresh_round_post(ngx_http_attest_waiter_t *w,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_fresh_round_refused(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_attest_fresh_round_done(ngx_http_attest_job_t *job);
static ngx_queue_t *ngx_http_attest_fresh_round_list(void);

static ngx_http_attest_waiter_t *ngx_http_attest_fresh_waiter_create(
    ngx_http_request_t *r, ngx_http_attest_view_t *view, ngx_uint_t json);
static ngx_int_t ngx_http_attest_fresh_waiter_join(ngx_http_attest_waiter_t *w,
    ngx_http_attest_round_t *round);
static void ngx_http_attest_fresh_waiter_leave(ngx_http_attest_waiter_t *w);
static void ngx_http_attest_fresh_waiter_cleanup(void *data);
static void ngx_http_attest_fresh_waiter_timeout(ngx_event_t *ev);

static ngx_int_t ngx_http_attest_fresh_answer(ngx_http_attest_waiter_t *w,
    ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_fresh_answer_failed(
    ngx_http_attest_waiter_t *w, ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_fresh_answer_evidence(
    ngx_http_attest_waiter_t *w, ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_fresh_answer_proof(
    ngx_http_attest_waiter_t *w, ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_fresh_unavailable(ngx_http_request_t *r,
    const char *detail);


static ngx_str_t  ngx_http_attest_fresh_json =
    NGX_HTTP_ATTEST_TYPE_JSON(ATTEST_CMWC_FRESH);
static ngx_str_t  ngx_http_attest_fresh_cbor =
    NGX_HTTP_ATTEST_TYPE_CBOR(ATTEST_CMWC_FRESH);
static ngx_str_t  ngx_http_attest_fresh_proof_type =
    ngx_string("application/json");

/* This process's rounds, of all cycles: a job belongs to the process. */
static ngx_queue_t  ngx_http_attest_fresh_rounds;


ngx_int_t
ngx_http_attest_fresh(ngx_http_request_t *r, attest_request_t *req,
    ngx_uint_t json)
{
    size_t                        len;
    u_char                        claims[ATTEST_CLAIMS_MAX];
    ngx_int_t                     rc;
    ngx_http_attest_job_t        *job;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_round_t      *round;
    ngx_http_attest_waiter_t     *w;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);
    if (view == NULL) {
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_NOT_NOW);
    }

    len = sizeof(claims);

    rc = ngx_http_attest_fresh_claims(r, view, req, claims, &len);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_attest_problem(r, NGX_HTTP_CONFLICT,
                                       NGX_HTTP_ATTEST_URN "binding",
                                       "Binding not possible",
                                       "tls-exporter needs a TLS 1.3 "
                                       "connection to this server that was "
                                       "not resumed", 0);
    }

    w = ngx_http_attest_fresh_waiter_create(r, view, json);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    round = ngx_http_attest_fresh_round_find(amcf, claims, len);

    if (round != NULL) {
        ngx_http_attest_count(amcf, quotes_coalesced);
        return ngx_http_attest_fresh_waiter_join(w, round);
    }

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->kind = NGX_HTTP_ATTEST_JOB_COLLECT;
    ngx_memcpy(job->claims, claims, len);
    job->claims_len = len;
    job->want_logs = 1;

    return ngx_http_attest_fresh_round_post(w, amcf, job);
}


/*
 * The cached claims, plus what makes them this client's: nothing else.
 * NGX_DECLINED: a binding was asked for that cannot be given; never unbound
 * evidence instead.
 */

static ngx_int_t
ngx_http_attest_fresh_claims(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, attest_request_t *req, u_char *claims,
    size_t *len)
{
    attest_claims_t  c;

    c = view->claims;

    /* the provider says which GPUs there are now */

    c.has_gpu = 0;

    ngx_memcpy(c.nonce, req->nonce, req->nonce_len);
    c.nonce_len = req->nonce_len;

    if (req->exporter) {
        if (ngx_http_attest_tls_exporter(r, c.exporter) != NGX_OK) {
            return NGX_DECLINED;
        }

        c.has_exporter = 1;
    }

    return (attest_claims_encode(&c, claims, len) == ATTEST_OK) ? NGX_OK
                                                                : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_fresh_activate(ngx_http_request_t *r, attest_request_t *req)
{
    attest_span_t                 part;
    ngx_http_attest_job_t        *job;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_waiter_t     *w;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);
    if (view == NULL) {
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_NOT_NOW);
    }

    w = ngx_http_attest_fresh_waiter_create(r, view, 1);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->kind = NGX_HTTP_ATTEST_JOB_ACTIVATE;
    ngx_memcpy(job->cred, req->cred, req->cred_len);
    job->cred_len = req->cred_len;
    ngx_memcpy(job->enc, req->enc, req->enc_len);
    job->enc_len = req->enc_len;

    /*
     * The caller chooses the credential but never the message: the proof is
     * worth something only to who made the credential, for these claims.
     */

    part.p = view->claims_bytes.data;
    part.n = view->claims_bytes.len;

    if (attest_sha256(&part, 1, job->msg) != ATTEST_OK) {
        ngx_http_attest_job_free(job);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_attest_fresh_round_post(w, amcf, job);
}


static ngx_queue_t *
ngx_http_attest_fresh_round_list(void)
{
    if (ngx_http_attest_fresh_rounds.next == NULL) {
        ngx_queue_init(&ngx_http_attest_fresh_rounds);
    }

    return &ngx_http_attest_fresh_rounds;
}


static ngx_http_attest_round_t *
ngx_http_attest_fresh_round_find(ngx_http_attest_main_conf_t *amcf,
    u_char *claims, size_t len)
{
    ngx_queue_t              *q, *rounds;
    ngx_http_attest_job_t    *job;
    ngx_http_attest_round_t  *round;

    rounds = ngx_http_attest_fresh_round_list();

    for (q = ngx_queue_head(rounds);
         q != ngx_queue_sentinel(rounds);
         q = ngx_queue_next(q))
    {
        round = ngx_queue_data(q, ngx_http_attest_round_t, link);
        job = round->job;

        if (round->amcf == amcf
            && job->kind == NGX_HTTP_ATTEST_JOB_COLLECT
            && job->claims_len == len
            && ngx_memcmp(job->claims, claims, len) == 0)
        {
            return round;
        }
    }

    return NULL;
}


/* A round of its own, for a job of its own. */

static ngx_int_t
ngx_http_attest_fresh_round_post(ngx_http_attest_waiter_t *w,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_job_t *job)
{
    ngx_int_t                 rc;
    ngx_http_request_t       *r;
    ngx_http_attest_round_t  *round;

    r = w->request;

    rc = ngx_http_attest_fresh_round_start(amcf, job, r->connection->log,
                                           &round);
    if (rc != NGX_OK) {
        return ngx_http_attest_fresh_round_refused(r, rc);
    }

    return ngx_http_attest_fresh_waiter_join(w, round);
}


/* The job is ours until it is posted, and freed on failure. */

static ngx_int_t
ngx_http_attest_fresh_round_start(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_log_t *log,
    ngx_http_attest_round_t **roundp)
{
    ngx_int_t                 rc;
    ngx_http_attest_round_t  *round;

    round = ngx_calloc(sizeof(ngx_http_attest_round_t), log);
    if (round == NULL) {
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    ngx_queue_init(&round->waiters);
    round->job = job;
    round->amcf = amcf;
    round->posting = 1;

    job->done = ngx_http_attest_fresh_round_done;
    job->data = round;

    rc = ngx_http_attest_job_post(amcf, job);

    round->posting = 0;

    if (rc == NGX_OK && round->failed) {
        /* done() came at once, before anybody could wait */
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_http_attest_job_free(job);
        ngx_free(round);
        return rc;
    }

    ngx_queue_insert_tail(ngx_http_attest_fresh_round_list(), &round->link);
    *roundp = round;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_fresh_round_refused(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_attest_main_conf_t  *amcf;

    if (rc == NGX_BUSY) {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, queue_full);

        return ngx_http_attest_fresh_unavailable(r,
                    "too many requests wait for fresh evidence");
    }

    return ngx_http_attest_fresh_unavailable(r,
                "evidence cannot be collected at the moment");
}


static void
ngx_http_attest_fresh_round_done(ngx_http_attest_job_t *job)
{
    ngx_int_t                  rc;
    ngx_queue_t               *q;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_attest_round_t   *round;
    ngx_http_attest_waiter_t  *w;

    round = job->data;

    if (round->posting) {
        round->failed = 1;
        return;
    }

    ngx_queue_remove(&round->link);
    round->job = NULL;

    /* finalizing one request may end others: always take the head */

    while (!ngx_queue_empty(&round->waiters)) {
        q = ngx_queue_head(&round->waiters);
        w = ngx_queue_data(q, ngx_http_attest_waiter_t, queue);

        ngx_http_attest_fresh_waiter_leave(w);

        r = w->request;
        c = r->connection;
        ngx_http_set_log_request(c->log, r);

        rc = ngx_http_attest_fresh_answer(w, job);

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    ngx_free(round);
    ngx_http_attest_job_free(job);
}


static ngx_http_attest_waiter_t *
ngx_http_attest_fresh_waiter_create(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, ngx_uint_t json)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_attest_waiter_t  *w;

    w = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_waiter_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (w == NULL || cln == NULL
        || ngx_http_attest_view_ref(r, view) != NGX_OK)
    {
        return NULL;
    }

    w->request = r;
    w->view = view;
    w->json = json;

    w->timer.handler = ngx_http_attest_fresh_waiter_timeout;
    w->timer.data = w;
    w->timer.log = r->connection->log;

    cln->handler = ngx_http_attest_fresh_waiter_cleanup;
    cln->data = w;

    return w;
}


/*
 * The timer is not cancelable, so that a worker told to quit still answers
 * who waits.  It covers the rounds ahead, a renewal, and both limits of our
 * own: waiting for the device and using it.
 */

static ngx_int_t
ngx_http_attest_fresh_waiter_join(ngx_http_attest_waiter_t *w,
    ngx_http_attest_round_t *round)
{
    ngx_msec_t           wait;
    ngx_queue_t         *q, *rounds;
    ngx_http_request_t  *r;

    r = w->request;
    w->round = round;
    ngx_queue_insert_tail(&round->waiters, &w->queue);

    rounds = ngx_http_attest_fresh_round_list();
    wait = 3 * round->amcf->timeout;

    for (q = ngx_queue_head(rounds);
         q != &round->link;
         q = ngx_queue_next(q))
    {
        wait += round->amcf->timeout;
    }

    ngx_add_timer(&w->timer, wait);

    /* notice a client that goes away, unless its body is still discarded */

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;

        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            ngx_http_attest_fresh_waiter_leave(w);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_attest_fresh_waiter_leave(ngx_http_attest_waiter_t *w)
{
    ngx_http_attest_round_t  *round;

    round = w->round;
    if (round == NULL) {
        return;
    }

    w->round = NULL;
    ngx_queue_remove(&w->queue);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (round->job == NULL || !ngx_queue_empty(&round->waiters)) {
        return;
    }

    ngx_queue_remove(&round->link);
    ngx_http_attest_job_abandon(round->job);
    ngx_free(round);
}


static void
ngx_http_attest_fresh_waiter_cleanup(void *data)
{
    ngx_http_attest_fresh_waiter_leave(data);
}


static void
ngx_http_attest_fresh_waiter_timeout(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_attest_waiter_t  *w;

    w = ev->data;
    r = w->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_ERR, c->log, NGX_ETIMEDOUT,
                  "attest: no fresh evidence in time");

    ngx_http_attest_fresh_waiter_leave(w);

    rc = ngx_http_attest_fresh_unavailable(r,
                "evidence could not be collected in time");
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_attest_fresh_answer(ngx_http_attest_waiter_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_request_t           *r = w->request;
    ngx_http_attest_main_conf_t  *amcf;

    if (job->rc != ATTEST_OK) {
        return ngx_http_attest_fresh_answer_failed(w, job);
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (!ngx_http_attest_view_is_valid(amcf, w->view)) {

        /* what was asked for has ended while it waited */

        return ngx_http_attest_fresh_unavailable(r,
                    "the evidence was renewed, ask again");
    }

    if (job->kind == NGX_HTTP_ATTEST_JOB_ACTIVATE) {
        return ngx_http_attest_fresh_answer_proof(w, job);
    }

    return ngx_http_attest_fresh_answer_evidence(w, job);
}


/* What went wrong is for the log; a client learns what it can do. */

static ngx_int_t
ngx_http_attest_fresh_answer_failed(ngx_http_attest_waiter_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_request_t  *r = w->request;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: %s failed: %s (%s)",
                  job->kind == NGX_HTTP_ATTEST_JOB_ACTIVATE
                      ? "credential activation" : "fresh evidence",
                  job->error, attest_strerror(job->rc));

    if (job->kind != NGX_HTTP_ATTEST_JOB_ACTIVATE) {
        return ngx_http_attest_fresh_unavailable(r,
                    "evidence could not be collected");
    }

    switch (job->rc) {

    case ATTEST_ECRYPTO:
        return ngx_http_attest_problem(r, 422,
                                       NGX_HTTP_ATTEST_URN "credential",
                                       "Credential refused",
                                       "the TPM refused the credential: it "
                                       "was not made for this endorsement "
                                       "key and attestation key", 0);

    case ATTEST_EUNSUPPORTED:
        return ngx_http_attest_problem(r, NGX_HTTP_NOT_IMPLEMENTED, NULL,
                                       "Not Implemented",
                                       "this source of evidence cannot "
                                       "activate credentials", 0);

    default:
        return ngx_http_attest_fresh_unavailable(r,
                    "the credential could not be activated");
    }
}


static ngx_int_t
ngx_http_attest_fresh_answer_evidence(ngx_http_attest_waiter_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_str_t            body;
    attest_span_t        claims, list, record;
    ngx_http_request_t  *r = w->request;

    claims.p = job->claims;
    claims.n = job->claims_len;
    list.p = w->view->key_list.data;
    list.n = w->view->key_list.len;
    record.p = w->view->record.data;
    record.n = w->view->record.len;

    if (ngx_http_attest_collection(r->pool, ATTEST_CMWC_FRESH, claims, list,
                                   record, job->evidence.items,
                                   job->evidence.count, w->json, &body)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  w->json ? &ngx_http_attest_fresh_json
                                          : &ngx_http_attest_fresh_cbor,
                                  "no-store", &body);
}


static ngx_int_t
ngx_http_attest_fresh_answer_proof(ngx_http_attest_waiter_t *w,
    ngx_http_attest_job_t *job)
{
    u_char                       *p;
    ngx_str_t                     body;
    ngx_http_request_t           *r = w->request;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    ngx_http_attest_count(amcf, activations);

    body.len = sizeof("{\"claims\":\"\",\"proof\":\"\"}\n") - 1
               + 2 * sizeof(job->msg) + 2 * sizeof(job->proof);

    p = ngx_pnalloc(r->pool, body.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;

    p = ngx_cpymem(p, "{\"claims\":\"", 11);
    p = ngx_hex_dump(p, job->msg, sizeof(job->msg));
    p = ngx_cpymem(p, "\",\"proof\":\"", 11);
    p = ngx_hex_dump(p, job->proof, sizeof(job->proof));
    ngx_memcpy(p, "\"}\n", 3);

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  &ngx_http_attest_fresh_proof_type,
                                  "no-store", &body);
}


static ngx_int_t
ngx_http_attest_fresh_unavailable(ngx_http_request_t *r, const char *detail)
{
    time_t                        after;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    after = ngx_http_attest_job_retry_after(amcf);

    return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   NGX_HTTP_ATTEST_URN "unavailable",
                                   "Evidence not available", detail,
                                   ngx_max(after, 1));
}
