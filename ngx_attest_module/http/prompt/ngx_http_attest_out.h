/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_OUT_H_INCLUDED
#define NGX_HTTP_ATTEST_OUT_H_INCLUDED


#include "http/ngx_http_attest.h"


#define NGX_HTTP_ATTEST_FRAME  16384        /* plaintext of one frame */
#define NGX_HTTP_ATTEST_SMALL  4096         /* of a smaller output buffer */

/* Buffers that are ours. */
#define NGX_HTTP_ATTEST_OUT_TAG  ((ngx_buf_tag_t) &ngx_http_attest_module)


/* What one pass of the body filter makes of the input. */

typedef struct {
    ngx_chain_t   *chain;
    ngx_chain_t  **last;
    ngx_buf_t     *tail;
    ngx_uint_t     n;               /* buffers, with those that the client
                                       has yet to take */
} ngx_http_attest_out_t;


/* An empty output. */
void ngx_http_attest_out_init(ngx_http_attest_out_t *out);
/* The same; what the client has taken can be used again. */
void ngx_http_attest_out_start(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
/*
 * A buffer of ours at the end of the output, used again when the client has
 * taken what was in it.  size 0: without memory, for a flag.
 */
ngx_buf_t *ngx_http_attest_out_buf(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, size_t size, ngx_http_attest_out_t *out);
/* len bytes of plaintext are sealed, for attest_status. */
void ngx_http_attest_out_count(ngx_http_request_t *r, size_t len);
/* The request ends: what waits is wiped, nothing is due any more. */
void ngx_http_attest_out_cleanup(ngx_http_attest_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_OUT_H_INCLUDED */
