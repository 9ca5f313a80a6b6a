/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED
#define NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Setters of directives. */

char *ngx_http_attest_tpm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_tsm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_azure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_gcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_nitro(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_gpu(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_attest_auto(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED */
