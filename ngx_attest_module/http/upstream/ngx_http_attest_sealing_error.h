/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SEALING_ERROR_H_INCLUDED
#define NGX_HTTP_ATTEST_SEALING_ERROR_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/* What goes wrong on the client's side of a sealed request. */

typedef enum {
    NGX_HTTP_ATTEST_SEALING_TOO_LARGE = 0,
    NGX_HTTP_ATTEST_SEALING_BUSY,
    NGX_HTTP_ATTEST_SEALING_NO_JSON,
    NGX_HTTP_ATTEST_SEALING_UNSEALED,
    NGX_HTTP_ATTEST_SEALING_FORGED,
    NGX_HTTP_ATTEST_SEALING_UNVERIFIED,
    NGX_HTTP_ATTEST_SEALING_INTERNAL
} ngx_http_attest_sealing_error_e;


/*
 * A problem document that is an error object of OpenAI's as well: what
 * clients show their users.  Before anything was sent; as a content handler.
 */
ngx_int_t ngx_http_attest_sealing_error(ngx_http_request_t *r,
    ngx_http_attest_sealing_error_e e);
/* The same in place of an answer: its head in r->headers_out. */
void ngx_http_attest_sealing_error_head(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_sealing_error_e e);
/* And its text. */
ngx_buf_t *ngx_http_attest_sealing_error_text(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
/* r->headers_out as it was before the answer. */
ngx_int_t ngx_http_attest_sealing_error_clean(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_SEALING_ERROR_H_INCLUDED */
