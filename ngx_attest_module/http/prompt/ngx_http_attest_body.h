/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_BODY_H_INCLUDED
#define NGX_HTTP_ATTEST_BODY_H_INCLUDED


#include "http/ngx_http_attest.h"


/* all was read, or why not, as open() of a format says it */
typedef void (*ngx_http_attest_body_done_pt)(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t why);
/* nginx cannot read, with its status */
typedef void (*ngx_http_attest_body_failed_pt)(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);


/*
 * Gives the body to open() of ctx->format, piece by piece; as
 * ngx_http_read_client_request_body().
 */
ngx_int_t ngx_http_attest_body_read(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_body_done_pt done,
    ngx_http_attest_body_failed_pt failed);
/* Nothing is read until somebody resumes. */
void ngx_http_attest_body_wait(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* What was waited for is there: NGX_OK, or why the prompt is refused. */
void ngx_http_attest_body_resume(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t why);
/* Plaintext takes the place of what was read, as long as the request lives. */
ngx_int_t ngx_http_attest_body_put(ngx_http_request_t *r, u_char *data,
    size_t len);
/* Out of the request: whoever sends or logs its body finds none. */
void ngx_http_attest_body_take(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_BODY_H_INCLUDED */
