/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REPLACE_H_INCLUDED
#define NGX_HTTP_ATTEST_REPLACE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* A 1xx of the backend that nginx takes for its answer: 502 instead. */
void ngx_http_attest_replace_interim(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* Content-Encoding: 502 instead. */
void ngx_http_attest_replace_encoded(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* What is sealed when ctx->replaced. */
void ngx_http_attest_replace_text(ngx_http_attest_ctx_t *ctx,
    ngx_str_t *text);


#endif /* NGX_HTTP_ATTEST_REPLACE_H_INCLUDED */
