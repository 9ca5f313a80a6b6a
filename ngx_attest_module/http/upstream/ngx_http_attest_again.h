/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_AGAIN_H_INCLUDED
#define NGX_HTTP_ATTEST_AGAIN_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


typedef enum {
    NGX_HTTP_ATTEST_AGAIN_NOT = 0,
    NGX_HTTP_ATTEST_AGAIN_KEYS,             /* with other keys */
    NGX_HTTP_ATTEST_AGAIN_DATE              /* with the gateway's time */
} ngx_http_attest_again_e;


/* Whether an error may be one of these: it is to be read before passed on. */
ngx_uint_t ngx_http_attest_again_maybe(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
/* What the document of an error says; only once of each. */
ngx_http_attest_again_e ngx_http_attest_again_why(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t text);
/*
 * All of an answer was read, and nothing of it passed on: the request is sent
 * again, in another envelope.  The body filter returns what this does.
 */
ngx_int_t ngx_http_attest_again(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_again_e why);


#endif /* NGX_HTTP_ATTEST_AGAIN_H_INCLUDED */
