/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED
#define NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Why; NGX_OK, which is 0, is none of them. */

typedef enum {
    NGX_HTTP_ATTEST_UNSEALED = 1,
    NGX_HTTP_ATTEST_EARLY,
    NGX_HTTP_ATTEST_WRONG_TYPE,
    NGX_HTTP_ATTEST_MALFORMED,
    NGX_HTTP_ATTEST_TAMPERED,
    NGX_HTTP_ATTEST_TOO_LARGE,
    NGX_HTTP_ATTEST_TOO_LONG,
    NGX_HTTP_ATTEST_TOO_FRAMED,
    NGX_HTTP_ATTEST_NO_KEY,
    NGX_HTTP_ATTEST_UNDECRYPTED,
    NGX_HTTP_ATTEST_REPLAYED,
    NGX_HTTP_ATTEST_FULL,
    NGX_HTTP_ATTEST_NO_EVIDENCE,
    NGX_HTTP_ATTEST_NO_MEMORY,
    NGX_HTTP_ATTEST_GONE,
    NGX_HTTP_ATTEST_INTERNAL,
    NGX_HTTP_ATTEST_REFUSAL_OWN             /* of one format, from here on */
} ngx_http_attest_refusal_e;


#define NGX_HTTP_ATTEST_UNCOUNTED  ((size_t) -1)


typedef struct {
    ngx_uint_t    why;
    ngx_uint_t    status;
    size_t        counter;          /* in ngx_http_attest_stats_t */
    const char   *type;
    const char   *title;
    const char   *detail;
    time_t        retry_after;
} ngx_http_attest_refusal_t;


/* s: prompts go, and their memory with them. */
#define NGX_HTTP_ATTEST_BUSY  2


/*
 * Counts and answers, as the format words it; returns what a content handler
 * returns.
 */
ngx_int_t ngx_http_attest_refusal(ngx_http_request_t *r,
    const ngx_http_attest_format_t *format, ngx_uint_t why);
/* Why, where nginx has refused the body before. */
ngx_uint_t ngx_http_attest_refusal_of(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_REFUSAL_H_INCLUDED */
