/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_LOCKED_H_INCLUDED
#define NGX_HTTP_ATTEST_LOCKED_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Of this worker. */
ngx_int_t ngx_http_attest_locked_init(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
void ngx_http_attest_locked_exit(void);
/* NULL: all of it is in use. */
u_char *ngx_http_attest_locked_alloc(size_t len);
/* Wipes it. */
void ngx_http_attest_locked_free(u_char *p);
/* Of memory that holds nothing any more. */
void ngx_http_attest_locked_wiped(u_char *p);
/* Only the first len bytes are needed: the rest is wiped and free. */
void ngx_http_attest_locked_trim(u_char *p, size_t len);
/*
 * Room for size bytes, of max at most; what is there may move.  NGX_BUSY:
 * all of it is in use.  NGX_DECLINED: there can never be as much.
 */
ngx_int_t ngx_http_attest_locked_grow(u_char **data, size_t *usable,
    size_t size, size_t max);


#endif /* NGX_HTTP_ATTEST_LOCKED_H_INCLUDED */
