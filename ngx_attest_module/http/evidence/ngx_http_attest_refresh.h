/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REFRESH_H_INCLUDED
#define NGX_HTTP_ATTEST_REFRESH_H_INCLUDED


#include "http/ngx_http_attest.h"


ngx_int_t ngx_http_attest_refresh_first(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
ngx_int_t ngx_http_attest_refresh_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_refresh_exit_worker(ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_REFRESH_H_INCLUDED */
