/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_TEXT_H_INCLUDED
#define NGX_HTTP_ATTEST_TEXT_H_INCLUDED


#include "http/ngx_http_attest.h"


/* A text that grows in a pool.  What does not fit any more makes it failed. */

typedef struct {
    ngx_pool_t   *pool;
    u_char       *data;
    size_t        len;
    size_t        room;
    unsigned      failed:1;
} ngx_http_attest_text_t;


void ngx_http_attest_text_init(ngx_http_attest_text_t *text,
    ngx_pool_t *pool);
/* As it is: our own markup. */
void ngx_http_attest_text_add(ngx_http_attest_text_t *text, const char *s);
/* By nginx's formats: our own markup, and numbers. */
void ngx_http_attest_text_print(ngx_http_attest_text_t *text,
    const char *fmt, ...);
/*
 * What is from elsewhere, in HTML's text or in an attribute's quotes, and in a
 * string of JSON.  What is no UTF-8, and what a reader does not see or is
 * misled by, is U+FFFD.
 */
void ngx_http_attest_text_html(ngx_http_attest_text_t *text,
    const u_char *p, size_t n);
void ngx_http_attest_text_json(ngx_http_attest_text_t *text,
    const u_char *p, size_t n);
void ngx_http_attest_text_hex(ngx_http_attest_text_t *text, const u_char *p,
    size_t n);


#endif /* NGX_HTTP_ATTEST_TEXT_H_INCLUDED */
