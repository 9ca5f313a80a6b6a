/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PAGE_H_INCLUDED
#define NGX_HTTP_ATTEST_PAGE_H_INCLUDED


#include "http/ngx_http_attest_facts.h"
#include "http/ngx_http_attest_text.h"


/* base64 of a SHA-256, with its zero byte. */
#define NGX_HTTP_ATTEST_PAGE_HASH  45


/* What the report consists of; NULL: there is no such part. */

typedef struct {
    ngx_http_attest_facts_t   *gateway;
    ngx_array_t               *peers;      /* of verdict_t * */
} ngx_http_attest_page_parts_t;


/* The whole page.  url: for the command that verifies, may be empty. */
void ngx_http_attest_page(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts, ngx_str_t *url);
/* Of the style in it, for the Content-Security-Policy. */
ngx_int_t ngx_http_attest_page_style_hash(
    u_char hash[NGX_HTTP_ATTEST_PAGE_HASH]);


#endif /* NGX_HTTP_ATTEST_PAGE_H_INCLUDED */
