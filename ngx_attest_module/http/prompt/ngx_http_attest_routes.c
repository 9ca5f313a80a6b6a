
/*
 * Which way an opened prompt may go: the locations that take requests from
 * inside Oblivious HTTP, and what else in nginx would hand a prompt on.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


/*
 * Configuration of a module that is merged before nginx' own core, and sees
 * what was said before defaults are in the place of what was not.
 */

typedef struct {
    ngx_uint_t    body_size;        /* client_max_body_size was given */
} ngx_http_attest_early_conf_t;


#define ngx_http_attest_loc(loc_conf, module)                                \
    ((void *) (loc_conf)[(module).ctx_index])


static char *ngx_http_attest_early_init(ngx_conf_t *cf, void *conf);
static void *ngx_http_attest_early_create(ngx_conf_t *cf);
static char *ngx_http_attest_early_merge(ngx_conf_t *cf, void *parent,
    void *child);

static ngx_uint_t ngx_http_attest_names(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_core_loc_conf_t *clcf);
static void ngx_http_attest_trim(ngx_str_t *path);
static ngx_int_t ngx_http_attest_routes_server(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf);
static ngx_int_t ngx_http_attest_routes_location(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, void **loc_conf);
static ngx_uint_t ngx_http_attest_admitted(ngx_http_attest_srv_conf_t *ascf,
    void **loc_conf);
static const char *ngx_http_attest_inner_bad(
    ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf);
static const char *ngx_http_attest_hands_on(ngx_conf_t *cf, void **loc_conf);
static ngx_uint_t ngx_http_attest_mirrors(ngx_conf_t *cf, void **loc_conf);
static ngx_int_t ngx_http_attest_routes_error(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_core_loc_conf_t *clcf,
    const char *why);


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


/* "config" puts it before ngx_http_core_module. */

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
ngx_http_attest_raise_body_size(void **loc_conf, off_t size)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_attest_early_conf_t  *early;

    clcf = ngx_http_attest_loc(loc_conf, ngx_http_core_module);
    early = ngx_http_attest_loc(loc_conf, ngx_http_attest_early_module);

    /* what somebody wrote holds, also when it is nginx' default */

    if (!early->body_size && clcf->client_max_body_size < size) {
        clcf->client_max_body_size = size;
    }
}


ngx_uint_t
ngx_http_attest_body_size_said(ngx_http_request_t *r)
{
    ngx_http_attest_early_conf_t  *early;

    early = ngx_http_get_module_loc_conf(r, ngx_http_attest_early_module);

    return early->body_size;
}


ngx_int_t
ngx_http_attest_routes_add(ngx_conf_t *cf)
{
    void                       ***loc_conf;
    ngx_http_conf_ctx_t          *ctx;
    ngx_http_attest_srv_conf_t   *ascf;

    ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_attest_module);

    if (ascf->locations == NULL) {
        ascf->locations = ngx_array_create(cf->pool, 8, sizeof(void **));
        if (ascf->locations == NULL) {
            return NGX_ERROR;
        }
    }

    loc_conf = ngx_array_push(ascf->locations);
    if (loc_conf == NULL) {
        return NGX_ERROR;
    }

    ctx = cf->ctx;
    *loc_conf = ctx->loc_conf;

    return NGX_OK;
}


/*
 * "internal" alone says that a location is not for clients: files behind
 * X-Accel-Redirect, the backend of auth_request.  It has to say that it is
 * for requests from inside a seal, or attest_ohttp_allow has to name it.
 * What takes EHBP is open to everybody who seals.
 */

ngx_uint_t
ngx_http_attest_ohttp_admits(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf)
{
    if (alcf->inner != NGX_CONF_UNSET) {
        return alcf->inner;
    }

    if (clcf->internal) {
        return ngx_http_attest_names(gateway, clcf);
    }

    return alcf->prompt == NGX_HTTP_ATTEST_PROMPT_EHBP
           && alcf->mode != NGX_HTTP_ATTEST_MODE_OFF;
}


/* The path of a target is this very location, not one below it. */

static ngx_uint_t
ngx_http_attest_names(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t                 name, path;
    ngx_uint_t                i;
    ngx_http_attest_allow_t  *allow;

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        return 0;
    }
#endif

    if (clcf->noname || clcf->named) {
        return 0;
    }

    name = clcf->name;
    ngx_http_attest_trim(&name);

    allow = gateway->allow->elts;

    for (i = 0; i < gateway->allow->nelts; i++) {
        path = allow[i].path;
        ngx_http_attest_trim(&path);

        if (path.len == name.len
            && ngx_memcmp(path.data, name.data, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* "/v1" and "/v1/" are the same, and so are "/" and no path. */

static void
ngx_http_attest_trim(ngx_str_t *path)
{
    if (path->len > 0 && path->data[path->len - 1] == '/') {
        path->len--;
    }
}


ngx_int_t
ngx_http_attest_routes_check(ngx_conf_t *cf)
{
    ngx_uint_t                    s;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {
        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (ascf->attested
            && ngx_http_attest_routes_server(cf, ascf) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_routes_server(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf)
{
    void                      ***locs;
    ngx_uint_t                   i, n;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf, *other;

    locs = ascf->locations->elts;

    for (i = 0; i < ascf->locations->nelts; i++) {

        if (ngx_http_attest_routes_location(cf, ascf, locs[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        alcf = ngx_http_attest_loc(locs[i], ngx_http_attest_module);

        if (alcf->prompt != NGX_HTTP_ATTEST_PROMPT_OHTTP) {
            continue;
        }

        for (n = 0; n < ascf->locations->nelts; n++) {
            other = ngx_http_attest_loc(locs[n], ngx_http_attest_module);
            clcf = ngx_http_attest_loc(locs[n], ngx_http_core_module);

            if (ngx_http_attest_ohttp_admits(alcf, other, clcf)) {
                break;
            }
        }

        if (n == ascf->locations->nelts) {
            clcf = ngx_http_attest_loc(locs[i], ngx_http_core_module);

            return ngx_http_attest_routes_error(cf, ascf, clcf,
                               "no location of this server takes what "
                               "\"attest_ohttp_allow\" allows, one needs "
                               "\"internal\" and \"attest_ohttp_inner on\"");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_routes_location(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, void **loc_conf)
{
    ngx_uint_t                   admitted;
    const char                  *bad;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_attest_loc(loc_conf, ngx_http_attest_module);
    clcf = ngx_http_attest_loc(loc_conf, ngx_http_core_module);

    admitted = ngx_http_attest_admitted(ascf, loc_conf);

    bad = ngx_http_attest_inner_bad(alcf, clcf);

    if (bad == NULL
        && (admitted || alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP
            || (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_EHBP
                && alcf->mode != NGX_HTTP_ATTEST_MODE_OFF)))
    {
        bad = ngx_http_attest_hands_on(cf, loc_conf);
    }

    if (bad == NULL && admitted) {
        bad = alcf->hides;
    }

    if (bad != NULL) {
        return ngx_http_attest_routes_error(cf, ascf, clcf, bad);
    }

    if (admitted && alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF) {
        ngx_http_attest_raise_body_size(loc_conf, alcf->max_size);
    }

    return NGX_OK;
}


/* By some gateway of the server. */

static ngx_uint_t
ngx_http_attest_admitted(ngx_http_attest_srv_conf_t *ascf, void **loc_conf)
{
    void                      ***locs;
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf, *gateway;

    alcf = ngx_http_attest_loc(loc_conf, ngx_http_attest_module);
    clcf = ngx_http_attest_loc(loc_conf, ngx_http_core_module);

    locs = ascf->locations->elts;

    for (i = 0; i < ascf->locations->nelts; i++) {
        gateway = ngx_http_attest_loc(locs[i], ngx_http_attest_module);

        if (gateway->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP
            && ngx_http_attest_ohttp_admits(gateway, alcf, clcf))
        {
            return 1;
        }
    }

    return 0;
}


static const char *
ngx_http_attest_inner_bad(ngx_http_attest_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf)
{
    if (alcf->inner != 1) {
        return NULL;
    }

    if (alcf->endpoint || alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP) {
        return "\"attest_ohttp_inner on\" cannot be used in a location with "
               "\"attest_prompt ohttp\" or an endpoint";
    }

    if (!clcf->internal && alcf->prompt != NGX_HTTP_ATTEST_PROMPT_EHBP) {
        return "\"attest_ohttp_inner on\" needs \"internal\" or "
               "\"attest_prompt ehbp\", for the location takes requests "
               "in clear";
    }

    return NULL;
}


/* Who else than the backend of the location would get what was opened. */

static const char *
ngx_http_attest_hands_on(ngx_conf_t *cf, void **loc_conf)
{
    ngx_uint_t                   mirrors;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_attest_loc(loc_conf, ngx_http_attest_module);
    clcf = ngx_http_attest_loc(loc_conf, ngx_http_core_module);

    mirrors = ngx_http_attest_mirrors(cf, loc_conf);

    if (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP) {

        /* it would read the message before the gateway does */

        return mirrors ? "\"mirror off\" is needed with "
                         "\"attest_prompt ohttp\"" : NULL;
    }

    if (alcf->mirror) {
        return NULL;
    }

    if (mirrors) {
        return "\"mirror\" would hand opened prompts on: \"mirror off\" or "
               "\"attest_prompt_mirror on\" is needed with \"attest_prompt\"";
    }

    if (clcf->post_action.len != 0) {
        return "\"post_action\" would hand opened prompts on: "
               "\"attest_prompt_mirror on\" is needed with "
               "\"attest_prompt\"";
    }

    return NULL;
}


/* The module may not be there; its configuration begins with the list. */

static ngx_uint_t
ngx_http_attest_mirrors(ngx_conf_t *cf, void **loc_conf)
{
    ngx_array_t   *mirror;
    ngx_module_t  *module;

    module = ngx_http_attest_backend_module(cf, "ngx_http_mirror_module");

    if (module == NULL) {
        return 0;
    }

    mirror = *(ngx_array_t **) loc_conf[module->ctx_index];

    return mirror != NULL && mirror != NGX_CONF_UNSET_PTR;
}


static ngx_int_t
ngx_http_attest_routes_error(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_core_loc_conf_t *clcf,
    const char *why)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "%s in location \"%V\" of the server in %s:%ui",
                  why, &clcf->name, ascf->file_name, ascf->line);

    return NGX_ERROR;
}


/*
 * nginx gives every subrequest (SSI, addition, mirror, those of other
 * modules) the request's body, and a proxying module sends it wherever the
 * subrequest leads.  An opened prompt is for the backend of its location.
 * Before the location is known, whose limit of size would hold for it.
 */

ngx_int_t
ngx_http_attest_subrequest(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed) {
        return NGX_DECLINED;
    }

    alcf = ngx_http_get_module_loc_conf(r->main, ngx_http_attest_module);

    if (alcf->mirror) {
        return NGX_DECLINED;
    }

    r->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (r->request_body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_in.content_length_n = -1;
    r->headers_in.chunked = 0;

    return NGX_DECLINED;
}
