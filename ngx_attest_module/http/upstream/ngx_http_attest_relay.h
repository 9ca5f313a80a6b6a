/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_RELAY_H_INCLUDED
#define NGX_HTTP_ATTEST_RELAY_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


typedef void (*ngx_http_attest_relay_done_pt)(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_int_t rc);


/*
 * Keys of the gateway behind a relay, in ctx->carried: NGX_OK, NGX_DECLINED:
 * it is not verified, or NGX_AGAIN: done() says later which of them it is.
 */
ngx_int_t ngx_http_attest_relay_keys(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_relay_done_pt done);
/* It refuses these keys. */
void ngx_http_attest_relay_doubt(ngx_http_attest_sealing_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_RELAY_H_INCLUDED */
