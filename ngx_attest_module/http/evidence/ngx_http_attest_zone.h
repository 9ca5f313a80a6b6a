/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ZONE_H_INCLUDED
#define NGX_HTTP_ATTEST_ZONE_H_INCLUDED


#include "http/ngx_http_attest.h"


ngx_int_t ngx_http_attest_zone_add(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/*
 * Memory of another size would be new memory, and what a zone remembers
 * must not be forgotten by a reload: the size that it will have.
 */
size_t ngx_http_attest_zone_kept_size(ngx_conf_t *cf, ngx_str_t *zone,
    const char *directive, size_t size);
/* Locks the zone in this process: locks are not inherited by fork(). */
void ngx_http_attest_zone_lock(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_ZONE_H_INCLUDED */
