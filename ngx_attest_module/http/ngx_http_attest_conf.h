/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CONF_H_INCLUDED
#define NGX_HTTP_ATTEST_CONF_H_INCLUDED


#include "http/ngx_http_attest_module.h"


/* Marks the server{} being parsed as attested (for directive handlers). */
void ngx_http_attest_conf_mark_server(ngx_conf_t *cf);

void *ngx_http_attest_conf_create_main(ngx_conf_t *cf);
char *ngx_http_attest_conf_init_main(ngx_conf_t *cf, void *conf);
void *ngx_http_attest_conf_create_srv(ngx_conf_t *cf);
char *ngx_http_attest_conf_merge_srv(ngx_conf_t *cf, void *parent,
    void *child);
void *ngx_http_attest_conf_create_loc(ngx_conf_t *cf);
char *ngx_http_attest_conf_merge_loc(ngx_conf_t *cf, void *parent,
    void *child);

/* Setters of directives. */

char *ngx_http_attest_conf_lifetime(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_zone_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_measure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_cert_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_prompt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_prompt_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_prompt_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_prompt_memory(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_attest_conf_prompt_coalesce(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_attest_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* When all is read: the default has room for two of the largest prompts. */
ngx_int_t ngx_http_attest_conf_memory_size(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_CONF_H_INCLUDED */
