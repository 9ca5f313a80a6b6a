/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CORS_H_INCLUDED
#define NGX_HTTP_ATTEST_CORS_H_INCLUDED


#include "http/ngx_http_attest.h"


/* What browsers are told of the formats' fields; when http{} has been read. */
ngx_int_t ngx_http_attest_cors_init(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/* On every response of the location: a browser hides what is not exposed. */
ngx_int_t ngx_http_attest_cors_fields(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
/*
 * Answers a CORS preflight request and returns what a content handler
 * returns; NGX_DECLINED: it is none.
 */
ngx_int_t ngx_http_attest_cors_preflight(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);


#endif /* NGX_HTTP_ATTEST_CORS_H_INCLUDED */
