/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_FIELDS_H_INCLUDED
#define NGX_HTTP_ATTEST_FIELDS_H_INCLUDED


#include "http/ngx_http_attest.h"


/* which of the client's fields go */
#define NGX_HTTP_ATTEST_DROP_OWN      1     /* those that we set */
#define NGX_HTTP_ATTEST_DROP_FRAMING  2     /* what described the ciphertext */


/* The request's value of a field, compared in lower case, or NULL. */
ngx_str_t *ngx_http_attest_fields_get(ngx_http_request_t *r, const char *name);
/* How often a field is there, in any spelling, and its last value. */
ngx_uint_t ngx_http_attest_fields_count(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
/* 1 for what only we say to a backend: X-Attest-*, in any spelling. */
ngx_uint_t ngx_http_attest_fields_own(ngx_str_t *key);
/* 1 for what a format says in a request, which is not for a backend either. */
ngx_uint_t ngx_http_attest_fields_of_formats(
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *key);
/*
 * Takes those of a mask of NGX_HTTP_ATTEST_DROP_* out of the request, and
 * this field, if it is not NULL.
 */
ngx_int_t ngx_http_attest_fields_drop(ngx_http_request_t *r, ngx_uint_t drop,
    const char *field);
/* Values of dropped fields that somebody has looked up. */
void ngx_http_attest_fields_no_variables(ngx_http_request_t *r,
    const char *field);
/* Content-Length, and what nginx has of it. */
ngx_int_t ngx_http_attest_fields_length(ngx_http_request_t *r, size_t len);


#endif /* NGX_HTTP_ATTEST_FIELDS_H_INCLUDED */
