
/*
 * Encrypted prompts, the request side: a sealed body is opened as it arrives,
 * in locked memory, and put in the place of the ciphertext when it is whole,
 * before the access phase and before any backend hears of the request.
 * ngx_http_attest_seal.c is the way back.
 */


#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/prompt/ngx_http_attest_pass.h"
#include "http/prompt/ngx_http_attest_ehbp.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_refusal.h"


/* below -1, which is no length, and back */
#define ngx_http_attest_hide_length(n)  (-2 - (n))


static ngx_int_t ngx_http_attest_prompt_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_again(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_prompt_lift(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf);


static ngx_int_t
ngx_http_attest_prompt_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);
    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        return ngx_http_attest_prompt_again(r, ctx);
    }

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (ctx != NULL && ctx->reading) {
        return ngx_http_attest_prompt_broken(r, ctx, alcf);
    }

    /* also where nothing is sealed: a page needs evidence, keys and models */

    rc = ngx_http_attest_cors_preflight(r, alcf);

    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF) {
        return NGX_DECLINED;
    }

    if (ngx_http_attest_fields_drop(r, NGX_HTTP_ATTEST_DROP_OWN) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (alcf->mode == NGX_HTTP_ATTEST_MODE_OFF
        || alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP)
    {
        return NGX_DECLINED;
    }

    return ngx_http_attest_ehbp_start(r, alcf);
}


/* Opened: these phases go on, or run again after a redirect. */

static ngx_int_t
ngx_http_attest_prompt_again(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    off_t                      n;
    ngx_http_core_loc_conf_t  *clcf;

    if (r == r->main) {
        ctx->turned = ctx->entered;
        ctx->entered = 1;

        ngx_http_attest_prompt_ctx_no_debug(r);

        if (ctx->spent && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

            /* only a backend can have sent it elsewhere, which has it */

            return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_GONE);
        }
    }

    n = r->headers_in.content_length_n;

    if (n >= -1) {
        return NGX_DECLINED;
    }

    r->headers_in.content_length_n = ngx_http_attest_hide_length(n);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!ngx_http_attest_body_size_said(r)
        || clcf->client_max_body_size == 0
        || clcf->client_max_body_size >= r->headers_in.content_length_n)
    {
        return NGX_DECLINED;
    }

    return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
}


/*
 * nginx holds the length of an opened prompt against the default limit of
 * each location that a redirect or a subrequest leads to, although it was
 * accepted long ago: the length is out of sight while that is found.
 */

static ngx_int_t
ngx_http_attest_prompt_lift(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t  *ctx;

    if (r == r->main && !r->internal) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed || r->headers_in.content_length_n < 0) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        /* already here: other handlers may let it wait */
        ctx->shared = 1;
    }

    r->headers_in.content_length_n =
                 ngx_http_attest_hide_length(r->headers_in.content_length_n);

    return NGX_DECLINED;
}


/*
 * The phases run while the body is being read only when reading has failed
 * and error_page redirects: the rest of the body is not read again.
 */

static ngx_int_t
ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf)
{
    ctx->reading = 0;
    ctx->decided = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->keepalive = 0;
    r->lingering_close = 1;

    if (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF
        || alcf->mode == NGX_HTTP_ATTEST_MODE_OFF)
    {
        return NGX_DECLINED;
    }

    if (r->err_status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {

        return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
    }

    return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_MALFORMED);
}


ngx_int_t
ngx_http_attest_prompt_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handlers = &cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    /*
     * A phase runs its handlers from the last to the first: ours comes after
     * limit_conn and limit_req, which bound how many bodies are read.
     */

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_prompt_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_prompt_lift;

    if (ngx_http_attest_release_init(cmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_ends_init(cf) != NGX_OK
        || ngx_http_attest_pass_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_once_init(cf);
}
