/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which way an opened prompt may go: the locations that take requests from
 * inside a seal, and what else in nginx would hand a prompt on.
 */


#include "http/prompt/ngx_http_attest_routes.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/prompt/ngx_http_attest_early.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


#define ngx_http_attest_loc(loc_conf, module)                                \
    ((void *) (loc_conf)[(module).ctx_index])


static ngx_int_t ngx_http_attest_routes_server(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf);
static ngx_int_t ngx_http_attest_routes_location(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, void **loc_conf);
static ngx_uint_t ngx_http_attest_routes_admitted(
    ngx_http_attest_srv_conf_t *ascf, void **loc_conf);
static const char *ngx_http_attest_routes_hands_on(ngx_conf_t *cf,
    void **loc_conf);
static const char *ngx_http_attest_routes_no_mirror(ngx_conf_t *cf,
    const ngx_http_attest_format_t *format);
static ngx_int_t ngx_http_attest_routes_error(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_core_loc_conf_t *clcf,
    const char *why);


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

        if (alcf->format == NULL || !alcf->format->inner) {
            continue;
        }

        for (n = 0; n < ascf->locations->nelts; n++) {
            other = ngx_http_attest_loc(locs[n], ngx_http_attest_module);
            clcf = ngx_http_attest_loc(locs[n], ngx_http_core_module);

            if (alcf->format->admits(alcf, other, clcf)) {
                break;
            }
        }

        if (n == ascf->locations->nelts) {
            clcf = ngx_http_attest_loc(locs[i], ngx_http_core_module);

            return ngx_http_attest_routes_error(cf, ascf, clcf,
                                                alcf->format->lost);
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

    admitted = ngx_http_attest_routes_admitted(ascf, loc_conf);

    bad = ngx_http_attest_format_bad(alcf, clcf);

    if (bad == NULL
        && (admitted
            || (alcf->format != NULL
                && (alcf->format->inner
                    || alcf->mode != NGX_HTTP_ATTEST_MODE_OFF))))
    {
        bad = ngx_http_attest_routes_hands_on(cf, loc_conf);
    }

    if (bad == NULL && admitted) {
        bad = alcf->hides;
    }

    if (bad != NULL) {
        return ngx_http_attest_routes_error(cf, ascf, clcf, bad);
    }

    if (admitted && alcf->format == NULL) {
        ngx_http_attest_early_raise_size(loc_conf, alcf->max_size);
    }

    return NGX_OK;
}


/* By some gateway of the server. */

static ngx_uint_t
ngx_http_attest_routes_admitted(ngx_http_attest_srv_conf_t *ascf,
    void **loc_conf)
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

        if (gateway->format != NULL && gateway->format->inner
            && gateway->format->admits(gateway, alcf, clcf))
        {
            return 1;
        }
    }

    return 0;
}


/* Who else than the backend of the location would get what was opened. */

static const char *
ngx_http_attest_routes_hands_on(ngx_conf_t *cf, void **loc_conf)
{
    ngx_uint_t                   mirrors;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_attest_loc(loc_conf, ngx_http_attest_module);
    clcf = ngx_http_attest_loc(loc_conf, ngx_http_core_module);

    mirrors = ngx_http_attest_routes_mirrors(cf, loc_conf);

    if (alcf->format != NULL && alcf->format->inner) {

        /* it would read the message before the gateway does */

        return mirrors ? ngx_http_attest_routes_no_mirror(cf, alcf->format)
                       : NULL;
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


static const char *
ngx_http_attest_routes_no_mirror(ngx_conf_t *cf,
    const ngx_http_attest_format_t *format)
{
    u_char  *p;

    static const char  text[] = "\"mirror off\" is needed with "
                                "\"attest_prompt %V\"%Z";

    p = ngx_pnalloc(cf->pool, sizeof(text) + format->name.len);
    if (p == NULL) {
        return "no memory for a message";
    }

    (void) ngx_sprintf(p, text, &format->name);

    return (const char *) p;
}


/* The module may not be there; its configuration begins with the list. */

ngx_uint_t
ngx_http_attest_routes_mirrors(ngx_conf_t *cf, void **loc_conf)
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
ngx_http_attest_routes_subrequest(ngx_http_request_t *r)
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
