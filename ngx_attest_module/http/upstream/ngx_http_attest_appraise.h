/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_APPRAISE_H_INCLUDED
#define NGX_HTTP_ATTEST_APPRAISE_H_INCLUDED


#include "http/upstream/ngx_http_attest_identity.h"


typedef struct ngx_http_attest_waiter_s  ngx_http_attest_waiter_t;

typedef enum {
    NGX_HTTP_ATTEST_WAITED_VALID = 0,           /* the key is valid now */
    NGX_HTTP_ATTEST_WAITED_OTHER,               /* the peer has another */
    NGX_HTTP_ATTEST_WAITED_REFUSED
} ngx_http_attest_waited_e;

/* Who waits for an appraisal; lives with its owner. */

struct ngx_http_attest_waiter_s {
    ngx_http_attest_verify_t    *verify;
    ngx_http_attest_peer_ref_t   peer;
    u_char                       spki[32];

    /* called once, in the event loop */
    void                       (*done)(ngx_http_attest_waiter_t *w,
                                     ngx_http_attest_waited_e what);
    void                        *data;

    /* private to appraise.c */
    ngx_queue_t                  queue;
    ngx_event_t                  timer;
    uint64_t                     round;
    ngx_uint_t                   unsure;        /* how often it was */
    unsigned                     waits:1;
};


/* The private pool of threads, where some group is verified. */
ngx_int_t ngx_http_attest_appraise_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
ngx_int_t ngx_http_attest_appraise_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf);
/*
 * NGX_OK: done() will be called, at the latest when the group's time is over.
 * NGX_DECLINED: refused at once, done() will not be called.
 */
ngx_int_t ngx_http_attest_appraise_wait(ngx_http_attest_waiter_t *w,
    ngx_log_t *log);
/* The owner goes; may be called more than once. */
void ngx_http_attest_appraise_leave(ngx_http_attest_waiter_t *w);


#endif /* NGX_HTTP_ATTEST_APPRAISE_H_INCLUDED */
