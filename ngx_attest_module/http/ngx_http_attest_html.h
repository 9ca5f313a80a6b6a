/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_HTML_H_INCLUDED
#define NGX_HTTP_ATTEST_HTML_H_INCLUDED


#include "http/ngx_http_attest_text.h"


/*
 * Pieces of a page.  What is const char * is our own text and escaped all the
 * same; markup stands only in ngx_http_attest_html.c and in what is added to
 * the text as it is.
 */

typedef enum {
    NGX_HTTP_ATTEST_HTML_GOOD = 0,
    NGX_HTTP_ATTEST_HTML_BAD,
    NGX_HTTP_ATTEST_HTML_OPEN              /* neither */
} ngx_http_attest_html_e;


/* Escaped. */
void ngx_http_attest_html(ngx_http_attest_text_t *text, const char *s);
/* Up to the body's content. */
void ngx_http_attest_html_begin(ngx_http_attest_text_t *text,
    const char *title);
void ngx_http_attest_html_end(ngx_http_attest_text_t *text);
const char *ngx_http_attest_html_style(size_t *len);

/* The sentence that says it all: begins a paragraph, which the caller ends. */
void ngx_http_attest_html_verdict(ngx_http_attest_text_t *text,
    ngx_http_attest_html_e state, const char *said);
/* Heads of columns: NULL ends them, the first may be it. */
void ngx_http_attest_html_table(ngx_http_attest_text_t *text,
    const char *caption, const char *const *heads);
void ngx_http_attest_html_table_end(ngx_http_attest_text_t *text);
/* A row whose head is `head'; up to its first cell. */
void ngx_http_attest_html_row(ngx_http_attest_text_t *text, const char *head);
void ngx_http_attest_html_cell(ngx_http_attest_text_t *text);
void ngx_http_attest_html_row_end(ngx_http_attest_text_t *text);
/* A hash, or that there is none. */
void ngx_http_attest_html_hash(ngx_http_attest_text_t *text,
    const u_char *hash, size_t len);
void ngx_http_attest_html_date(ngx_http_attest_text_t *text, time_t when);
/* A time, and how far it is from now. */
void ngx_http_attest_html_time(ngx_http_attest_text_t *text, time_t when,
    time_t now);


#endif /* NGX_HTTP_ATTEST_HTML_H_INCLUDED */
