
/*
 * What a location hands to its backend, seen in nginx's own configuration:
 * whose location it is, and whether a directive makes another body than the
 * prompt.
 */


#include "ngx_http_attest_prompt.h"


/* A module whose directive can say another body than the prompt. */

typedef struct {
    const char            *module;
    const char            *pass;
    const char            *target;          /* one with a variable */
    const char            *says;
    ngx_http_handler_pt    handler;         /* of a location with "pass" */
} ngx_http_attest_pass_t;


static ngx_command_t *ngx_http_attest_command_of(ngx_module_t *module,
    const char *name);
static ngx_int_t ngx_http_attest_pass_learn_one(ngx_conf_t *cf,
    ngx_http_attest_pass_t *pass);
static ngx_http_attest_pass_t *ngx_http_attest_pass_of(
    ngx_http_core_loc_conf_t *clcf);
static ngx_str_t *ngx_http_attest_pass_body(ngx_http_attest_pass_t *pass,
    ngx_command_t *cmd, char *conf);
static ngx_uint_t ngx_http_attest_names_body(ngx_str_t *value);
static ngx_int_t ngx_http_attest_pass_guard(ngx_http_request_t *r);


static ngx_http_attest_pass_t  ngx_http_attest_passes[] = {

    /* the only one that makes all of the body */

    { "ngx_http_proxy_module", "proxy_pass", "http://$host",
      "proxy_set_body", NULL },

    { "ngx_http_fastcgi_module", "fastcgi_pass", "$host",
      "fastcgi_param", NULL },

    { "ngx_http_scgi_module", "scgi_pass", "$host", "scgi_param", NULL },

    { "ngx_http_uwsgi_module", "uwsgi_pass", "$host", "uwsgi_param", NULL },

    { NULL, NULL, NULL, NULL, NULL }
};


ngx_module_t *
ngx_http_attest_module_of(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, name) == 0) {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


static ngx_command_t *
ngx_http_attest_command_of(ngx_module_t *module, const char *name)
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
ngx_http_attest_pass_learn_one(ngx_conf_t *cf, ngx_http_attest_pass_t *pass)
{
    ngx_str_t                  args[2];
    ngx_conf_t                 own;
    ngx_array_t                array;
    ngx_module_t              *module;
    ngx_command_t             *cmd;
    ngx_http_module_t         *http, *core;
    ngx_http_conf_ctx_t        ctx;
    ngx_http_core_loc_conf_t  *clcf;

    module = ngx_http_attest_module_of(cf, pass->module);
    cmd = (module != NULL) ? ngx_http_attest_command_of(module, pass->pass)
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
    args[1].data = (u_char *) pass->target;
    args[1].len = ngx_strlen(pass->target);

    ngx_memzero(&array, sizeof(ngx_array_t));
    array.elts = args;
    array.nelts = 2;

    own = *cf;
    own.ctx = &ctx;
    own.args = &array;

    if (cmd->set(&own, cmd, ctx.loc_conf[module->ctx_index]) == NGX_CONF_OK) {
        pass->handler = clcf->handler;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_pass_learn(ngx_conf_t *cf)
{
    ngx_http_attest_pass_t  *pass;

    for (pass = ngx_http_attest_passes; pass->module; pass++) {
        if (ngx_http_attest_pass_learn_one(cf, pass) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_attest_pass_t *
ngx_http_attest_pass_of(ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_attest_pass_t  *pass;

    for (pass = ngx_http_attest_passes; pass->module; pass++) {
        if (pass->handler != NULL && pass->handler == clcf->handler) {
            return pass;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_attest_pass_is_proxy(ngx_http_core_loc_conf_t *clcf)
{
    return ngx_http_attest_pass_of(clcf) == ngx_http_attest_passes;
}


const char *
ngx_http_attest_pass_bad(ngx_conf_t *cf, void **loc_conf)
{
    u_char                    *text;
    ngx_str_t                 *value;
    ngx_module_t              *module;
    ngx_command_t             *cmd;
    ngx_http_attest_pass_t    *pass;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = loc_conf[ngx_http_core_module.ctx_index];

    pass = ngx_http_attest_pass_of(clcf);
    if (pass == NULL) {
        return NULL;
    }

    module = ngx_http_attest_module_of(cf, pass->module);
    cmd = ngx_http_attest_command_of(module, pass->says);

    value = (cmd != NULL) ? ngx_http_attest_pass_body(pass, cmd,
                                          loc_conf[module->ctx_index])
                          : NULL;
    if (value == NULL) {
        return NULL;
    }

    text = ngx_pnalloc(cf->pool, value->len + 100);
    if (text == NULL) {
        return "no memory";
    }

    *ngx_sprintf(text, "\"%s\" with \"%V\" cannot be used", pass->says,
                 value) = '\0';

    return (const char *) text;
}


/*
 * What makes a body, or a part of it, of the prompt: no variable has an opened
 * one.  In what else the body is made of, one may be hidden in any variable.
 */

static ngx_str_t *
ngx_http_attest_pass_body(ngx_http_attest_pass_t *pass, ngx_command_t *cmd,
    char *conf)
{
    ngx_str_t                  *source;
    ngx_uint_t                  i;
    ngx_array_t                *params;
    ngx_http_upstream_param_t  *param;

    if (pass == ngx_http_attest_passes) {
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
        if (ngx_http_attest_names_body(&param[i].value)) {
            return &param[i].value;
        }
    }

    return NULL;
}


/* "$request_body" and "$request_body_file", with or without braces. */

static ngx_uint_t
ngx_http_attest_names_body(ngx_str_t *value)
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

    return NGX_OK;
}
