/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ANSWER_H_INCLUDED
#define NGX_HTTP_ATTEST_ANSWER_H_INCLUDED


#include "http/ngx_http_attest.h"


/* A complete answer from memory that lives as long as the request. */
ngx_int_t ngx_http_attest_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, const char *cache_control, ngx_str_t *body);
/* The header that is being sent is that of such an answer. */
ngx_uint_t ngx_http_attest_answer_is_being_sent(ngx_http_request_t *r);
/* Adds one response header field; value must live as long as the request. */
ngx_int_t ngx_http_attest_answer_field(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
/* The same for a field that nginx has a pointer to; NULL: no memory. */
ngx_table_elt_t *ngx_http_attest_answer_push(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


#endif /* NGX_HTTP_ATTEST_ANSWER_H_INCLUDED */
