/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_VERIFIED_H_INCLUDED
#define NGX_HTTP_ATTEST_VERIFIED_H_INCLUDED


#include "http/ngx_http_attest.h"


/* How much room both forms need at most. */
size_t ngx_http_attest_verified_size(ngx_http_attest_main_conf_t *amcf);
/* An array: every peer of every verified group. */
u_char *ngx_http_attest_verified_json(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last);
u_char *ngx_http_attest_verified_metrics(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last);


#endif /* NGX_HTTP_ATTEST_VERIFIED_H_INCLUDED */
