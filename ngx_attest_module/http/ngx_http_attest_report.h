/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REPORT_H_INCLUDED
#define NGX_HTTP_ATTEST_REPORT_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Setter of attest_report. */
char *ngx_http_attest_report_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* When all is read: a report is of something. */
ngx_int_t ngx_http_attest_report_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_REPORT_H_INCLUDED */
