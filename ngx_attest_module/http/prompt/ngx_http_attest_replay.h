/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REPLAY_H_INCLUDED
#define NGX_HTTP_ATTEST_REPLAY_H_INCLUDED


#include "http/ngx_http_attest.h"


ngx_int_t ngx_http_attest_replay_zone(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
char *ngx_http_attest_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/*
 * Tests and inserts under one lock.  NGX_OK: new and remembered.
 * NGX_DECLINED: seen before.  NGX_BUSY: full of live entries.  NGX_ABORT: its
 * key is not accepted any more.
 */
ngx_int_t ngx_http_attest_replay_add(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_once_t *once);
void ngx_http_attest_replay_fill(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t *used, ngx_uint_t *capacity);


#endif /* NGX_HTTP_ATTEST_REPLAY_H_INCLUDED */
