/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_JOB_H_INCLUDED
#define NGX_HTTP_ATTEST_JOB_H_INCLUDED


#include "http/ngx_http_attest.h"


#define NGX_HTTP_ATTEST_CRED_MAX     1024   /* activation blobs, each */


/* A job for the evidence thread; used in the event loop by its owner. */

typedef struct ngx_http_attest_job_s  ngx_http_attest_job_t;

typedef enum {
    NGX_HTTP_ATTEST_JOB_OWNED = 0,              /* by who made it */
    NGX_HTTP_ATTEST_JOB_QUEUED,
    NGX_HTTP_ATTEST_JOB_STARTED                 /* and taken off the queue */
} ngx_http_attest_job_state_e;

typedef enum {
    NGX_HTTP_ATTEST_JOB_COLLECT = 0,
    NGX_HTTP_ATTEST_JOB_ACTIVATE,
    NGX_HTTP_ATTEST_JOB_GPU                     /* do they still attest? */
} ngx_http_attest_job_e;

struct ngx_http_attest_job_s {
    ngx_queue_t             queue;
    ngx_http_attest_job_e   kind;

    /* in */
    u_char                  claims[ATTEST_CLAIMS_MAX];
    size_t                  claims_len;
    ngx_uint_t              want_logs;
    ngx_uint_t              refresh;            /* renewal: goes first */
    u_char                  cred[NGX_HTTP_ATTEST_CRED_MAX];
    size_t                  cred_len;
    u_char                  enc[NGX_HTTP_ATTEST_CRED_MAX];
    size_t                  enc_len;
    u_char                  msg[ATTEST_SHA256_LEN]; /* of the claims */

    /* out */
    int                     rc;                 /* ATTEST_OK, ATTEST_E* */
    prov_evidence_t         evidence;
    u_char                  proof[ATTEST_SHA256_LEN];   /* HMAC of msg */
    char                    error[256];

    /* called once, in the event loop; the owner then calls job_free() */
    void                  (*done)(ngx_http_attest_job_t *job);
    void                   *data;

    /* private to job.c */
    ngx_http_attest_job_state_e  state;
};


/* This process's queue of jobs. */
ngx_int_t ngx_http_attest_job_init(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf);
/* Blocks: in the master at start, later in the thread. */
void ngx_http_attest_job_run(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout);
/* Zeroed job on the heap, or NULL. */
ngx_http_attest_job_t *ngx_http_attest_job_create(void);
/*
 * NGX_OK: queued; done() will be called once, whatever happens, at the
 * latest some 2 * amcf->timeout after its turn came: amcf->timeout is the
 * limit of waiting for the device, and of using it.  NGX_BUSY: more than
 * amcf->queue jobs wait.  NGX_DECLINED: the provider failed lately, retry
 * after ngx_http_attest_job_retry_after() seconds.  On any value but NGX_OK
 * the caller still owns the job.
 */
ngx_int_t ngx_http_attest_job_post(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job);
/* Its owner does not wait any more: done() will not be called. */
void ngx_http_attest_job_abandon(ngx_http_attest_job_t *job);
void ngx_http_attest_job_free(ngx_http_attest_job_t *job);
time_t ngx_http_attest_job_retry_after(ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_JOB_H_INCLUDED */
