/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_STATE_H_INCLUDED
#define NGX_HTTP_ATTEST_STATE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Counters, in the zone; every worker adds, attest_status reads. */

typedef struct {
    ngx_atomic_t   quotes_made;
    ngx_atomic_t   quotes_failed;
    ngx_atomic_t   quotes_coalesced;    /* answered by another's quote */
    ngx_atomic_t   queue_full;          /* 503: nonce queue */
    ngx_atomic_t   activations;
    ngx_atomic_t   prompts_opened;
    ngx_atomic_t   prompts_plain;       /* let through in optional mode */
    ngx_atomic_t   refused_required;    /* no sealed body in required mode */
    ngx_atomic_t   refused_malformed;   /* 400 */
    ngx_atomic_t   refused_size;        /* 413 */
    ngx_atomic_t   refused_key;         /* 422 */
    ngx_atomic_t   refused_inner;       /* by what is inside of OHTTP */
    ngx_atomic_t   refused_replay;      /* 409: replay hits */
    ngx_atomic_t   refused_full;        /* 503: replay cache full */
    ngx_atomic_t   refused_evidence;    /* 503: no valid evidence */
    ngx_atomic_t   refused_memory;      /* 503: attest_prompt_memory */
    ngx_atomic_t   chunks_sealed;
    ngx_atomic_t   bytes_sealed;        /* plaintext bytes */
    ngx_atomic_t   streams_cut;         /* backend died: no end marker */
    ngx_atomic_t   misdirected;         /* 421 */
    ngx_atomic_t   memory[NGX_MAX_PROCESSES];   /* bytes in use, now; by
                                                   process slot */
} ngx_http_attest_stats_t;


ngx_http_attest_stats_t *ngx_http_attest_state_stats(
    ngx_http_attest_main_conf_t *amcf);

#define ngx_http_attest_count(amcf, field)                                   \
    (void) ngx_atomic_fetch_add(&ngx_http_attest_state_stats(amcf)->field, 1)

/* 1 when the GPUs do not attest: servers that require them are closed. */
ngx_uint_t ngx_http_attest_state_gpu_failed(ngx_http_attest_main_conf_t *amcf);
/*
 * When they attested so long ago that the worker that checks them must hang:
 * how many seconds.  0: it does not.
 */
time_t ngx_http_attest_state_gpu_overdue(ngx_http_attest_main_conf_t *amcf);
/* Last error of collection, for status; copies at most len - 1 bytes. */
void ngx_http_attest_state_last_error(ngx_http_attest_main_conf_t *amcf,
    char *buf, size_t len, time_t *when);


#endif /* NGX_HTTP_ATTEST_STATE_H_INCLUDED */
