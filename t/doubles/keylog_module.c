/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A module of somebody else's that writes the secrets of TLS connections down,
 * as "ssl_key_log" and "proxy_ssl_key_log" of other builds of nginx do: the
 * directives "double_key_log" and "double_proxy_key_log".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_flag_t  on;
} ngx_http_double_conf_t;


static void *ngx_http_double_create(ngx_conf_t *cf);
static char *ngx_http_double_merge_srv(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_double_merge_loc(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_http_double_key_log(const SSL *ssl, const char *line);


extern ngx_module_t  ngx_http_proxy_module;


static ngx_command_t  ngx_http_double_commands[] = {

    { ngx_string("double_key_log"),
      NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_double_conf_t, on),
      NULL },

    { ngx_string("double_proxy_key_log"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_double_conf_t, on),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_double_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_double_create,                /* create server configuration */
    ngx_http_double_merge_srv,             /* merge server configuration */

    ngx_http_double_create,                /* create location configuration */
    ngx_http_double_merge_loc              /* merge location configuration */
};


ngx_module_t  ngx_http_double_module = {
    NGX_MODULE_V1,
    &ngx_http_double_module_ctx,           /* module context */
    ngx_http_double_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_module_t  *ngx_modules[] = { &ngx_http_double_module, NULL };

char  *ngx_module_names[] = { "ngx_http_double_module", NULL };

char  *ngx_module_order[] = { NULL };


static void *
ngx_http_double_create(ngx_conf_t *cf)
{
    ngx_http_double_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_double_conf_t));

    if (conf != NULL) {
        conf->on = NGX_CONF_UNSET;
    }

    return conf;
}


static char *
ngx_http_double_merge_srv(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_double_conf_t *conf = child;

    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (conf->on == 1 && sscf->ssl.ctx != NULL) {
        SSL_CTX_set_keylog_callback(sscf->ssl.ctx, ngx_http_double_key_log);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_double_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_double_conf_t *conf = child;

    ngx_http_upstream_conf_t  *u;

    u = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);

    if (conf->on == 1 && u->ssl != NULL && u->ssl->ctx != NULL) {
        SSL_CTX_set_keylog_callback(u->ssl->ctx, ngx_http_double_key_log);
    }

    return NGX_CONF_OK;
}


static void
ngx_http_double_key_log(const SSL *ssl, const char *line)
{
    /* void */
}
