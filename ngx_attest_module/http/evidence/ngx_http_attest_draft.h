/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_DRAFT_H_INCLUDED
#define NGX_HTTP_ATTEST_DRAFT_H_INCLUDED


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_job.h"


/* A generation while it is being made. */

typedef struct {
    uint64_t                base;           /* published before ours */
    ngx_http_attest_time_t  time;           /* when it began */
    ngx_uint_t              retire;         /* no key of before is kept */
    EVP_PKEY               *key;            /* NULL: the CA certificate's */
    attest_kem_key_t        hpke[NGX_HTTP_ATTEST_KEYS];
    time_t                  expires[NGX_HTTP_ATTEST_KEYS];
    uint64_t                born[NGX_HTTP_ATTEST_KEYS];
    u_char                  id[NGX_HTTP_ATTEST_KEYS];
    u_char                  current[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t              nkeys;
    u_char                  claims[ATTEST_CLAIMS_MAX];
    size_t                  claims_len;
    u_char                  list[NGX_HTTP_ATTEST_MAX_LIST];
    size_t                  list_len;
} ngx_http_attest_draft_t;


/*
 * A generation begins: keys, claims.  The TLS key stays for the life of the
 * instance, so that a renewal does not look like another server; prompt
 * keys are new each time, which is the prompts' forward secrecy.
 */
ngx_http_attest_draft_t *ngx_http_attest_draft_create(
    ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_draft_free(ngx_http_attest_draft_t *draft);
/* The job that collects evidence over the claims, or NULL. */
ngx_http_attest_job_t *ngx_http_attest_draft_job(
    ngx_http_attest_draft_t *draft);
/* Somewhat earlier than now; a clock that nobody has set begins with zero. */
time_t ngx_http_attest_draft_not_before(ngx_http_attest_draft_t *draft);


#endif /* NGX_HTTP_ATTEST_DRAFT_H_INCLUDED */
