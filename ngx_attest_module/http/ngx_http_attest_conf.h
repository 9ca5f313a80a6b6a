/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CONF_H_INCLUDED
#define NGX_HTTP_ATTEST_CONF_H_INCLUDED


#include "http/ngx_http_attest.h"


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

/* What "post" is of a directive with one value within bounds. */

typedef struct {
    int64_t                  (*parse)(ngx_str_t *value);
    int64_t                    min;
    int64_t                    max;
    const char                *what;            /* it is, for messages */
    const char                *off;             /* a word for 0, or NULL */
    const char                *possible;        /* for messages */
} ngx_http_attest_conf_bounds_t;

/* And of one with one word. */

typedef struct {
    ngx_conf_enum_t           *words;
    const char                *possible;
} ngx_http_attest_conf_words_t;

extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_lifetime;
extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_zone;
extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_queue;
extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_memory;
extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_max_size;
extern ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_coalesce;
extern ngx_http_attest_conf_words_t  ngx_http_attest_conf_modes;

char *ngx_http_attest_conf_bounded(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_word(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_measure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_cert_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_prompt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* When all is read: the default has room for two of the largest prompts. */
ngx_int_t ngx_http_attest_conf_memory_size(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_CONF_H_INCLUDED */
