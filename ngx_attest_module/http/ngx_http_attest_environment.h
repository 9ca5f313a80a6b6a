/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ENVIRONMENT_H_INCLUDED
#define NGX_HTTP_ATTEST_ENVIRONMENT_H_INCLUDED


#include "http/ngx_http_attest_measure.h"


/* Directive. */
char *ngx_http_attest_environment_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Adds variables that change a process; refuses those that let secrets out. */
ngx_int_t ngx_http_attest_environment_measure(ngx_http_attest_measure_t *m);


#endif /* NGX_HTTP_ATTEST_ENVIRONMENT_H_INCLUDED */
