/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ENDS_H_INCLUDED
#define NGX_HTTP_ATTEST_ENDS_H_INCLUDED


#include "http/ngx_http_attest.h"


/* At postconfiguration. */
ngx_int_t ngx_http_attest_ends_init(ngx_conf_t *cf);
/*
 * An answer's header: from here on its upstream, if it has one, does not
 * buffer, and its end is watched.  Once is enough.
 */
ngx_int_t ngx_http_attest_ends_take(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* What it says is replaced: no part of the answer, nor used again. */
void ngx_http_attest_ends_drop(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* 1 when each that had a part in the answer has come to its end. */
ngx_uint_t ngx_http_attest_ends_proven(ngx_http_attest_ctx_t *ctx);
/* 1 when the bytes are in what one of them reads into. */
ngx_uint_t ngx_http_attest_ends_owns(ngx_http_attest_ctx_t *ctx,
    ngx_buf_t *b);
/* All is sealed: what is left of Oblivious HTTP in their memory is wiped. */
void ngx_http_attest_ends_wipe_all(ngx_http_attest_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_ENDS_H_INCLUDED */
