/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_INNER_H_INCLUDED
#define NGX_HTTP_ATTEST_INNER_H_INCLUDED


#include "http/prompt/ngx_http_attest_ohttp.h"


/*
 * Strings are written, each with a zero byte, over the message that was
 * already read: each takes at least one byte of length there.
 */

typedef struct {
    ngx_http_request_t           *r;
    ngx_http_attest_ohttp_t      *oh;
    ngx_http_headers_in_t         headers_in;
    attest_bhttp_decoder_t        decoder;
    u_char                       *pos;
    ngx_uint_t                    method;
    ngx_str_t                     method_name;
    ngx_str_t                     target;      /* as it came */
    ngx_str_t                     path;        /* decoded */
    ngx_str_t                     args;
    ngx_str_t                     host;
    ngx_str_t                     body;
    ngx_table_elt_t              *cookie;
    size_t                        max_cookie;  /* joined */
    uint32_t                      seen;
    time_t                        date;        /* -1: none that is one */
    ngx_uint_t                    status;      /* what is wrong */
    const char                   *type;
    const char                   *why;
} ngx_http_attest_inner_t;


/*
 * Binary HTTP, all of it; on NGX_ERROR status, type and why are set.
 */
ngx_int_t ngx_http_attest_inner_decode(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx);
/* Its Date, where attest_ohttp_replay asks for it; NGX_ERROR likewise. */
ngx_int_t ngx_http_attest_inner_fresh(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx);
/* One more field; the name is in lower case. */
ngx_table_elt_t *ngx_http_attest_inner_push(ngx_http_attest_inner_t *in,
    ngx_str_t *name, ngx_str_t *value);


#endif /* NGX_HTTP_ATTEST_INNER_H_INCLUDED */
