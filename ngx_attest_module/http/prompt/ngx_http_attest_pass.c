/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a location hands to its backend, seen in nginx's own configuration:
 * whether a directive makes another body than the prompt, or would spool,
 * cache or show it.
 */


#include "http/prompt/ngx_http_attest_pass.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_early.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


static ngx_str_t *ngx_http_attest_pass_body(ngx_http_attest_backend_t *b,
    ngx_command_t *cmd, char *conf);
static ngx_uint_t ngx_http_attest_pass_names_body(ngx_str_t *value);
static char *ngx_http_attest_pass_check_proxy(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_attest_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_attest_pass_hide(ngx_http_core_main_conf_t *cmcf);
static ngx_int_t ngx_http_attest_pass_guard(ngx_http_request_t *r);


/* of the core's "request_body" variable, the same in every configuration */
static ngx_http_get_variable_pt  ngx_http_attest_core_body_variable;


const char *
ngx_http_attest_pass_bad(ngx_conf_t *cf, void **loc_conf)
{
    u_char                     *text;
    ngx_str_t                  *value;
    ngx_module_t               *module;
    ngx_command_t              *cmd;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_attest_backend_t  *b;

    clcf = loc_conf[ngx_http_core_module.ctx_index];

    b = ngx_http_attest_backend_of(clcf);
    if (b == NULL) {
        return NULL;
    }

    module = ngx_http_attest_backend_module(cf, b->module);
    cmd = ngx_http_attest_backend_command(module, b->body);

    value = (cmd != NULL) ? ngx_http_attest_pass_body(b, cmd,
                                          loc_conf[module->ctx_index])
                          : NULL;
    if (value == NULL) {
        return NULL;
    }

    text = ngx_pnalloc(cf->pool, value->len + 100);
    if (text == NULL) {
        return "no memory";
    }

    *ngx_sprintf(text, "\"%s\" with \"%V\" cannot be used", b->body,
                 value) = '\0';

    return (const char *) text;
}


/*
 * What makes a body, or a part of it, of the prompt: no variable has an opened
 * one.  In what else the body is made of, one may be hidden in any variable.
 */

static ngx_str_t *
ngx_http_attest_pass_body(ngx_http_attest_backend_t *b, ngx_command_t *cmd,
    char *conf)
{
    ngx_str_t                  *source;
    ngx_uint_t                  i;
    ngx_array_t                *params;
    ngx_http_upstream_param_t  *param;

    if (b->kind == NGX_HTTP_ATTEST_BACKEND_PROXY) {
        source = (ngx_str_t *) (conf + cmd->offset);

        return (source->len != 0 && source->data != NULL
                && ngx_http_script_variables_count(source) != 0)
               ? source : NULL;
    }

    params = *(ngx_array_t **) (conf + cmd->offset);

    if (params == NULL) {
        return NULL;
    }

    param = params->elts;

    for (i = 0; i < params->nelts; i++) {
        if (ngx_http_attest_pass_names_body(&param[i].value)) {
            return &param[i].value;
        }
    }

    return NULL;
}


/* "$request_body" and "$request_body_file", with or without braces. */

static ngx_uint_t
ngx_http_attest_pass_names_body(ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   name;

    static ngx_str_t  names[] = {
        ngx_string("request_body"),
        ngx_string("request_body_file"),
        ngx_null_string
    };
    ngx_str_t  *body;

    last = value->data + value->len;

    for (p = value->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        name.data = p + 1 + (p + 1 < last && p[1] == '{');

        for (p = name.data;
             p < last && (*p == '_' || (*p >= '0' && *p <= '9')
                          || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'));
             p++)
        {
            /* void */
        }

        name.len = p - name.data;
        p--;

        for (body = names; body->len; body++) {
            if (name.len == body->len
                && ngx_strncasecmp(name.data, body->data, name.len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


char *
ngx_http_attest_pass_check(ngx_conf_t *cf, ngx_http_attest_loc_conf_t *alcf)
{
    size_t                        size;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    size = alcf->format->max_plain(alcf);
    amcf->largest = ngx_max(amcf->largest, size + ATTEST_HPKE_NT);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->client_body_in_file_only) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"client_body_in_file_only\" cannot be used with "
                           "\"attest_prompt\" in location \"%V\"",
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    /* nginx' default must not be what limits an encrypted prompt */

    ngx_http_attest_early_raise_size(((ngx_http_conf_ctx_t *)
                                     cf->ctx)->loc_conf,
                                    alcf->format->max_body(alcf));

    if (clcf->handler == NULL || alcf->format->inner) {
        return NGX_CONF_OK;
    }

    return ngx_http_attest_pass_check_proxy(cf, clcf);
}


/*
 * Plaintext must not reach a disk.  Other upstream modules, and proxy_pass
 * with variables, are handled when the response comes.
 */

static char *
ngx_http_attest_pass_check_proxy(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    void                        *plcf;
    const char                  *bad;
    ngx_http_upstream_conf_t    *u;
    ngx_http_attest_backend_t   *b;
    ngx_http_attest_loc_conf_t  *alcf;

    /* its first member is ngx_http_upstream_conf_t in all versions */

    plcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);
    u = plcf;
    b = ngx_http_attest_backend_of(clcf);
    bad = NULL;

#if (NGX_HTTP_CACHE)
    if (u->cache) {
        bad = "\"proxy_cache\" cannot be used";
    }
#endif

    if (u->store) {
        bad = "\"proxy_store\" cannot be used";
    }

    if (bad == NULL && u->upstream != NULL && u->buffering
        && u->max_temp_file_size)
    {
        bad = "\"proxy_buffering off\" or \"proxy_max_temp_file_size 0\" "
              "is needed";
    }

    if (bad == NULL && b != NULL
        && b->kind == NGX_HTTP_ATTEST_BACKEND_PROXY
        && ngx_http_attest_backend_version(plcf) != NGX_HTTP_VERSION_11)
    {
        /*
         * in HTTP/1.0 a dead backend looks like the end of the answer, and
         * nginx' HTTP/2 to backends, 1.29.4, stalls without buffering
         */
        bad = "\"proxy_http_version 1.1\" is needed";
    }

    if (bad == NULL) {
        alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_attest_module);
        bad = alcf->hides;
    }

    if (bad != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s with \"attest_prompt\" in location \"%V\"",
                           bad, &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Before a content handler: a redirect may have led to a location of which
 * nobody could know that prompts come there.
 */

static ngx_int_t
ngx_http_attest_pass_guard(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (alcf->hides == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: %s in the location of an opened prompt",
                  alcf->hides);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* An opened prompt is for the backend, not for a log format or a field. */

static ngx_int_t
ngx_http_attest_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_attest_core_body_variable(r, v, data);
}


/*
 * The core gives the request body to anybody as a variable.  Its handler is
 * wrapped before nginx compiles the variables that the configuration uses.
 */

static void
ngx_http_attest_pass_hide(ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *v;

    static ngx_str_t  name = ngx_string("request_body");

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len != name.len
            || ngx_strncmp(key[i].key.data, name.data, name.len) != 0)
        {
            continue;
        }

        v = key[i].value;

        if (v->get_handler != NULL
            && v->get_handler != ngx_http_attest_pass_variable)
        {
            ngx_http_attest_core_body_variable = v->get_handler;
            v->get_handler = ngx_http_attest_pass_variable;
        }
    }
}


ngx_int_t
ngx_http_attest_pass_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_pass_guard;

    ngx_http_attest_pass_hide(cmcf);

    return NGX_OK;
}
