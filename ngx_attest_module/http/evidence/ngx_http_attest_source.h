/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SOURCE_H_INCLUDED
#define NGX_HTTP_ATTEST_SOURCE_H_INCLUDED


#include "http/ngx_http_attest.h"


char *ngx_http_attest_tpm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_tsm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_azure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_gcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_nitro(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_gpu(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_auto(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_attest_source_t *ngx_http_attest_source_create_conf(ngx_conf_t *cf);
/* The default of "timeout", which depends on what is slow. */
ngx_msec_t ngx_http_attest_source_timeout(ngx_http_attest_main_conf_t *amcf);
/* What does not go together; what "auto" picks. */
ngx_int_t ngx_http_attest_source_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/* Makes amcf->run.provider, or takes over that of before with its keys. */
ngx_int_t ngx_http_attest_source_init(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_main_conf_t *oamcf, ngx_log_t *log);
/* Says in the log what the workers' user will not be able to open. */
void ngx_http_attest_source_access(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_SOURCE_H_INCLUDED */
