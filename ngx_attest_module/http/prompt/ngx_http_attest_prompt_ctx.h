/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PROMPT_CTX_H_INCLUDED
#define NGX_HTTP_ATTEST_PROMPT_CTX_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Found again after internal redirects; NULL: no prompt here. */
ngx_http_attest_ctx_t *ngx_http_attest_prompt_ctx(ngx_http_request_t *r);
/* The request's context, created once. */
ngx_http_attest_ctx_t *ngx_http_attest_prompt_ctx_create(
    ngx_http_request_t *r);
/* As opened; once for each request. */
void ngx_http_attest_prompt_ctx_count(ngx_http_attest_ctx_t *ctx);

/*
 * Room for size bytes in ctx->plain, of ctx->plain.len at most; what is in
 * there may move.  Otherwise as ngx_http_attest_locked_grow().
 */
ngx_int_t ngx_http_attest_prompt_ctx_grow(ngx_http_attest_ctx_t *ctx,
    size_t size);
/* The prompt's memory is wiped and given back. */
void ngx_http_attest_prompt_ctx_wipe(ngx_http_attest_ctx_t *ctx);
/* What belongs to an opened prompt is logged without debugging. */
void ngx_http_attest_prompt_ctx_no_debug(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_PROMPT_CTX_H_INCLUDED */
