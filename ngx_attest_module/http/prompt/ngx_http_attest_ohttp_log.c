/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What logs are told of a request from inside Oblivious HTTP: that it came,
 * and nothing of what is inside.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


static ngx_int_t ngx_http_attest_ohttp_log(ngx_http_request_t *r);


/*
 * Before all that write logs: whatever their formats print of the request,
 * they print of the outer one.
 */

static ngx_int_t
ngx_http_attest_ohttp_log(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_attest_prompt_ctx(r) : NULL;

    if (ctx == NULL || ctx->outer == NULL) {
        return NGX_OK;
    }

    /* the backend's fields are variables too */

    if (r->upstream != NULL) {
        ngx_memzero(&r->upstream->headers_in,
                    sizeof(ngx_http_upstream_headers_in_t));
    }

    ngx_http_attest_outer_restore(r, ctx->outer);

    return NGX_OK;
}


/* nginx' own would add path, host and referrer of the inner request. */

u_char *
ngx_http_attest_ohttp_log_error(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V, request: \"%V\"",
                     &cscf->server_name, &r->request_line);
    len -= p - buf;
    buf = p;

    if (sr->upstream != NULL && sr->upstream->peer.name != NULL) {
        p = ngx_snprintf(buf, len, ", upstream: \"%V%V\"",
                         &sr->upstream->schema, sr->upstream->peer.name);
    }

    return p;
}


ngx_int_t
ngx_http_attest_ohttp_log_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    /* this phase runs from the first to the last */

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_ohttp_log;

    return NGX_OK;
}
