/* SPDX-License-Identifier: Apache-2.0 */

/*
 * client_max_body_size as somebody wrote it, or did not: its default must not
 * be what limits an encrypted prompt.  "config" puts the module before nginx'
 * own core, which merges defaults in the place of what was not written.
 */


#include "http/prompt/ngx_http_attest_early.h"


/*
 * Configuration of a module that is merged before nginx' own core, and sees
 * what was said before defaults are in the place of what was not.
 */

typedef struct {
    ngx_uint_t    body_size;        /* client_max_body_size was given */
} ngx_http_attest_early_conf_t;


#define ngx_http_attest_early_loc(loc_conf, module)                          \
    ((void *) (loc_conf)[(module).ctx_index])


static char *ngx_http_attest_early_init(ngx_conf_t *cf, void *conf);
static void *ngx_http_attest_early_create(ngx_conf_t *cf);
static char *ngx_http_attest_early_merge(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_http_module_t  ngx_http_attest_early_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    ngx_http_attest_early_init,            /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_attest_early_create,          /* create location configuration */
    ngx_http_attest_early_merge            /* merge location configuration */
};


ngx_module_t  ngx_http_attest_early_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_early_module_ctx,     /* module context */
    NULL,                                  /* module directives */
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


/* http{} itself is merged into nothing: its defaults are the servers'. */

static char *
ngx_http_attest_early_init(ngx_conf_t *cf, void *conf)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_attest_early_conf_t  *early;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    early = ngx_http_conf_get_module_loc_conf(cf,
                                              ngx_http_attest_early_module);

    early->body_size = (clcf->client_max_body_size != NGX_CONF_UNSET);

    return NGX_CONF_OK;
}


static void *
ngx_http_attest_early_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_early_conf_t));
}


static char *
ngx_http_attest_early_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_early_conf_t  *prev = parent;
    ngx_http_attest_early_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->body_size = prev->body_size
                      || clcf->client_max_body_size != NGX_CONF_UNSET;

    return NGX_CONF_OK;
}


void
ngx_http_attest_early_raise_size(void **loc_conf, off_t size)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_attest_early_conf_t  *early;

    clcf = ngx_http_attest_early_loc(loc_conf, ngx_http_core_module);
    early = ngx_http_attest_early_loc(loc_conf, ngx_http_attest_early_module);

    /* what somebody wrote holds, also when it is nginx' default */

    if (!early->body_size && clcf->client_max_body_size < size) {
        clcf->client_max_body_size = size;
    }
}


ngx_uint_t
ngx_http_attest_early_size_said(ngx_http_request_t *r)
{
    ngx_http_attest_early_conf_t  *early;

    early = ngx_http_get_module_loc_conf(r, ngx_http_attest_early_module);

    return early->body_size;
}
