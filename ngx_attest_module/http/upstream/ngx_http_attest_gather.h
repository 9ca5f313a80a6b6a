/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_GATHER_H_INCLUDED
#define NGX_HTTP_ATTEST_GATHER_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/* The last handler before the content. */
ngx_int_t ngx_http_attest_gather_init(ngx_conf_t *cf);
/*
 * What nginx' proxy module must not see of the client's method, while it
 * writes the request: in Oblivious HTTP an answer to HEAD has a body outside.
 */
void ngx_http_attest_gather_hide_method(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
void ngx_http_attest_gather_show_method(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_GATHER_H_INCLUDED */
