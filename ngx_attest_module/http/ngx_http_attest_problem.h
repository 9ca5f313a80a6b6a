/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PROBLEM_H_INCLUDED
#define NGX_HTTP_ATTEST_PROBLEM_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Problem types of our own, in problem documents. */
#define NGX_HTTP_ATTEST_URN  "urn:ngx-attest:problem:"

/* Why there is no evidence, for those who ask. */
#define NGX_HTTP_ATTEST_NOT_NOW                                              \
    "the gateway has no valid evidence at the moment"
#define NGX_HTTP_ATTEST_CLOSED                                               \
    "the gateway has no valid evidence and therefore serves nothing"


/*
 * Sends an application/problem+json answer (RFC 9457) with Cache-Control:
 * no-store and returns what a content handler returns.  type NULL:
 * "about:blank".  retry_after 0: no such field.  Must be called before the
 * header is sent; discards an unread request body.
 */
ngx_int_t ngx_http_attest_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *title, const char *detail,
    time_t retry_after);
/* 503, counted, for want of valid evidence. */
ngx_int_t ngx_http_attest_problem_no_evidence(ngx_http_request_t *r,
    const char *detail);


#endif /* NGX_HTTP_ATTEST_PROBLEM_H_INCLUDED */
