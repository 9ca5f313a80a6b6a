/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who a backend is: the one list of upstream modules of which we have to
 * know more than what nginx says of all of them.
 */


#include "http/prompt/ngx_http_attest_backend.h"


static ngx_int_t ngx_http_attest_backend_learn_one(ngx_conf_t *cf,
    ngx_http_attest_backend_t *b);


/* The list of upstream modules whose backends we know more about. */

static ngx_http_attest_backend_t  ngx_http_attest_backends[] = {

    { NGX_HTTP_ATTEST_BACKEND_PROXY, ngx_string("proxy"),
      "ngx_http_proxy_module", "proxy_pass", "http://$host",
      "proxy_set_body", NULL },

    { NGX_HTTP_ATTEST_BACKEND_FASTCGI, ngx_string("fastcgi"),
      "ngx_http_fastcgi_module", "fastcgi_pass", "$host",
      "fastcgi_param", NULL },

    { NGX_HTTP_ATTEST_BACKEND_SCGI, ngx_string("scgi"),
      "ngx_http_scgi_module", "scgi_pass", "$host",
      "scgi_param", NULL },

    { NGX_HTTP_ATTEST_BACKEND_UWSGI, ngx_string("uwsgi"),
      "ngx_http_uwsgi_module", "uwsgi_pass", "$host",
      "uwsgi_param", NULL },

    { NGX_HTTP_ATTEST_BACKEND_OTHER, ngx_null_string, NULL, NULL, NULL,
      NULL, NULL }
};


ngx_module_t *
ngx_http_attest_backend_module(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, name) == 0) {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


ngx_command_t *
ngx_http_attest_backend_command(ngx_module_t *module, const char *name)
{
    ngx_command_t  *cmd;

    for (cmd = module->commands; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, name) == 0) {
            return cmd;
        }
    }

    return NULL;
}


/*
 * Whose a location is shows in its handler, whatever the form of the target,
 * and the handler shows in a location of our own.
 */

static ngx_int_t
ngx_http_attest_backend_learn_one(ngx_conf_t *cf, ngx_http_attest_backend_t *b)
{
    ngx_str_t                  args[2];
    ngx_conf_t                 own;
    ngx_array_t                array;
    ngx_module_t              *module;
    ngx_command_t             *cmd;
    ngx_http_module_t         *http, *core;
    ngx_http_conf_ctx_t        ctx;
    ngx_http_core_loc_conf_t  *clcf;

    module = ngx_http_attest_backend_module(cf, b->module);
    cmd = (module != NULL) ? ngx_http_attest_backend_command(module, b->pass)
                           : NULL;
    if (cmd == NULL) {
        return NGX_OK;
    }

    http = module->ctx;
    core = ngx_http_core_module.ctx;

    ctx = *(ngx_http_conf_ctx_t *) cf->ctx;
    ctx.loc_conf = ngx_pcalloc(cf->pool, sizeof(void *) * ngx_http_max_module);
    if (ctx.loc_conf == NULL) {
        return NGX_ERROR;
    }

    clcf = core->create_loc_conf(cf);
    ctx.loc_conf[ngx_http_core_module.ctx_index] = clcf;
    ctx.loc_conf[module->ctx_index] = http->create_loc_conf(cf);

    if (clcf == NULL || ctx.loc_conf[module->ctx_index] == NULL) {
        return NGX_ERROR;
    }

    args[0] = cmd->name;
    args[1].data = (u_char *) b->target;
    args[1].len = ngx_strlen(b->target);

    ngx_memzero(&array, sizeof(ngx_array_t));
    array.elts = args;
    array.nelts = 2;

    own = *cf;
    own.ctx = &ctx;
    own.args = &array;

    if (cmd->set(&own, cmd, ctx.loc_conf[module->ctx_index]) == NGX_CONF_OK) {
        b->handler = clcf->handler;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_backend_learn(ngx_conf_t *cf)
{
    ngx_http_attest_backend_t  *b;

    for (b = ngx_http_attest_backends; b->module; b++) {
        if (ngx_http_attest_backend_learn_one(cf, b) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_http_attest_backend_t *
ngx_http_attest_backend_of(ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_attest_backend_t  *b;

    for (b = ngx_http_attest_backends; b->module; b++) {
        if (b->handler != NULL && b->handler == clcf->handler) {
            return b;
        }
    }

    return NULL;
}


ngx_http_attest_backend_e
ngx_http_attest_backend_kind(ngx_http_upstream_t *u)
{
    ngx_str_t                  *name;
    ngx_http_attest_backend_t  *b;

    if (u->conf == NULL) {
        /* its address was not one: it was not asked */
        return NGX_HTTP_ATTEST_BACKEND_OTHER;
    }

    name = &u->conf->module;

    for (b = ngx_http_attest_backends; b->module; b++) {
        if (name->len == b->name.len
            && ngx_strncmp(name->data, b->name.data, name->len) == 0)
        {
            return b->kind;
        }
    }

    return NGX_HTTP_ATTEST_BACKEND_OTHER;
}


ngx_uint_t
ngx_http_attest_backend_version(void *plcf)
{
    ngx_command_t         *cmd;
    static ngx_command_t  *known;   /* asked for with every response */

    for (cmd = ngx_http_proxy_module.commands;
         known == NULL && cmd->name.len;
         cmd++)
    {
        if (ngx_strcmp(cmd->name.data, "proxy_http_version") == 0) {
            known = cmd;
        }
    }

    return known ? *(ngx_uint_t *) ((char *) plcf + known->offset) : 0;
}
