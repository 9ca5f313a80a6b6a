/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED
#define NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED


#include "http/ngx_http_attest_module.h"


typedef enum {
    NGX_HTTP_ATTEST_ACCEPT = 0,
    NGX_HTTP_ATTEST_UNSEALED,
    NGX_HTTP_ATTEST_MALFORMED,
    NGX_HTTP_ATTEST_TAMPERED,
    NGX_HTTP_ATTEST_TOO_LARGE,
    NGX_HTTP_ATTEST_TOO_LONG,
    NGX_HTTP_ATTEST_TOO_FRAMED,
    NGX_HTTP_ATTEST_NO_KEY,
    NGX_HTTP_ATTEST_REPLAYED,
    NGX_HTTP_ATTEST_FULL,
    NGX_HTTP_ATTEST_NO_EVIDENCE,
    NGX_HTTP_ATTEST_NO_MEMORY,
    NGX_HTTP_ATTEST_GONE,
    NGX_HTTP_ATTEST_INTERNAL
} ngx_http_attest_refusal_e;


/* Counts and answers; returns what a phase handler does then. */
ngx_int_t ngx_http_attest_refuse(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);


#endif /* NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED */
