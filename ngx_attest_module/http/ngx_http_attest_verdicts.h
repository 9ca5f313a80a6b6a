/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_VERDICTS_H_INCLUDED
#define NGX_HTTP_ATTEST_VERDICTS_H_INCLUDED


#include "http/upstream/ngx_http_attest_identity.h"


/* A peer of a verified group, and every check of its last appraisal. */

typedef struct {
    ngx_http_attest_verify_t      *verify;
    ngx_http_attest_peer_state_t   state;
    size_t                         told_len;
    u_char                         told[NGX_HTTP_ATTEST_PEER_TOLD];
} ngx_http_attest_verdict_t;

typedef struct {
    ngx_uint_t                     state;      /* attest_check_e */
    const char                    *id;
    const char                    *text;
} ngx_http_attest_verdict_check_t;


/* In memory of the pool, of ngx_http_attest_verdict_t *; NULL: no memory. */
ngx_array_t *ngx_http_attest_verdicts(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf);
/* Goes through them: *p begins at 0.  NGX_OK, or NGX_DONE. */
ngx_int_t ngx_http_attest_verdicts_check(ngx_http_attest_verdict_t *peer,
    size_t *p, ngx_http_attest_verdict_check_t *check);
/* Its key may be used, and nothing is known against the one it has now. */
ngx_uint_t ngx_http_attest_verdicts_is_good(
    const ngx_http_attest_peer_state_t *state);
/* Some peer of every verified group may be sent to, now. */
ngx_uint_t ngx_http_attest_verdicts_are_good(
    ngx_http_attest_main_conf_t *amcf);
/* "pass", "fail", .. */
const char *ngx_http_attest_verdicts_state(ngx_uint_t state);
/* The name of the policy's file, without its folder. */
void ngx_http_attest_verdicts_policy(ngx_http_attest_verify_t *v,
    ngx_str_t *name);
/* The n-th thing that would make a peer fail, or NULL. */
const char *ngx_http_attest_verdicts_fails(ngx_uint_t n);


#endif /* NGX_HTTP_ATTEST_VERDICTS_H_INCLUDED */
