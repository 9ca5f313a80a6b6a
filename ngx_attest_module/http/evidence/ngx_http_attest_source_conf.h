/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED
#define NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Setters of directives. */

char *ngx_http_attest_source_conf_tpm(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_tsm(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_azure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_gcp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_nitro(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_gpu(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_source_conf_auto(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_ATTEST_SOURCE_CONF_H_INCLUDED */
