/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypted prompts, the request side: a sealed body is opened as it arrives,
 * in locked memory, and put in the place of the ciphertext when it is whole,
 * before any backend hears of the request.  How is up to its format;
 * ngx_http_attest_seal.c is the way back.
 */


#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_once.h"
#include "http/prompt/ngx_http_attest_pass.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_release.h"
#include "http/prompt/ngx_http_attest_early.h"

#include <openssl/err.h>


/* below -1, which is no length, and back */
#define ngx_http_attest_hide_length(n)  (-2 - (n))


static ngx_int_t ngx_http_attest_prompt_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_again(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_prompt_lift(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_answer(ngx_http_request_t *r,
    ngx_int_t rc);

static ngx_int_t ngx_http_attest_prompt_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_read(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static void ngx_http_attest_prompt_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t why);
static void ngx_http_attest_prompt_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);


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
        return ngx_http_attest_prompt_answer(r, rc);
    }

    if (alcf->format == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_attest_fields_drop(r, NGX_HTTP_ATTEST_DROP_OWN, NULL)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (alcf->mode == NGX_HTTP_ATTEST_MODE_OFF || alcf->format->inner) {
        /* a gateway opens it in the content phase */
        return NGX_DECLINED;
    }

    return ngx_http_attest_prompt_answer(r,
                                        ngx_http_attest_prompt_open(r, alcf));
}


/* What a phase handler returns that has answered as a content handler does. */

static ngx_int_t
ngx_http_attest_prompt_answer(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    ngx_http_finalize_request(r, rc);
    return NGX_DONE;
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

            return ngx_http_attest_prompt_answer(r,
                             ngx_http_attest_refusal(r, ctx->format,
                                                     NGX_HTTP_ATTEST_GONE));
        }
    }

    n = r->headers_in.content_length_n;

    if (n >= -1) {
        return NGX_DECLINED;
    }

    r->headers_in.content_length_n = ngx_http_attest_hide_length(n);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!ngx_http_attest_early_size_said(r)
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

    if (alcf->format == NULL || alcf->mode == NGX_HTTP_ATTEST_MODE_OFF) {
        return NGX_DECLINED;
    }

    return ngx_http_attest_prompt_answer(r,
                             ngx_http_attest_refusal(r, alcf->format,
                                              ngx_http_attest_refusal_of(r)));
}


ngx_int_t
ngx_http_attest_prompt_open(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_int_t                        why;
    const ngx_http_attest_format_t  *format;

    format = alcf->format;

    why = format->find(r);

    if (why == NGX_DECLINED) {
        return ngx_http_attest_prompt_plain(r, alcf);
    }

    if (why == NGX_OK
        && r->headers_in.content_length_n > format->max_body(alcf))
    {
        why = NGX_HTTP_ATTEST_TOO_LARGE;
    }

    if (why != NGX_OK) {
        return ngx_http_attest_refusal(r, format, why);
    }

    return ngx_http_attest_prompt_read(r, alcf);
}


/* Nothing is sealed: by default refused. */

static ngx_int_t
ngx_http_attest_prompt_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->mode != NGX_HTTP_ATTEST_MODE_OPTIONAL) {
        return ngx_http_attest_refusal(r, alcf->format,
                                       NGX_HTTP_ATTEST_UNSEALED);
    }

    if (ngx_http_attest_fields_drop(r, 0, alcf->format->field) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->decided) {
        ctx->decided = 1;
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, prompts_plain);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_attest_prompt_read(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_int_t               rc;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->format != NULL) {

        /* refused before, and redirected here by error_page */

        ctx->format->cleanup(ctx);
        ctx->data = NULL;
    }

    ctx->format = alcf->format;
    ctx->conf = alcf;

    if (ctx->format->start(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_attest_body_read(r, ctx, ngx_http_attest_prompt_done,
                                   ngx_http_attest_prompt_failed);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_attest_refusal(r, ctx->format,
                                       NGX_HTTP_ATTEST_TOO_LONG);
    }

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_attest_prompt_done(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_int_t why)
{
    if (why == NGX_OK) {
        why = ctx->format->finish(r, ctx);

        if (why == NGX_AGAIN) {
            ngx_http_attest_body_wait(r, ctx);
            return;
        }
    }

    /* what opened it is needed no longer */

    ctx->format->close(ctx);

    /* nginx takes what is left in OpenSSL's queue for its own */
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }

    if (why != NGX_OK) {
        ngx_http_attest_prompt_ctx_wipe(ctx);
        ngx_http_finalize_request(r,
                                  ngx_http_attest_refusal(r, ctx->format, why));
        return;
    }

    /* from here on every response is sealed */

    ctx->sealed = 1;

    ctx->format->enter(r, ctx);
}


/* By nginx, which has no room for a client, or none left of its limits. */

static void
ngx_http_attest_prompt_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ctx->format->close(ctx);
    ngx_http_attest_prompt_ctx_wipe(ctx);

    switch (rc) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        ctx->reading = 0;
        rc = ngx_http_attest_refusal(r, ctx->format, NGX_HTTP_ATTEST_TOO_LONG);
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        ctx->reading = 0;
        rc = ngx_http_attest_refusal(r, ctx->format, NGX_HTTP_ATTEST_INTERNAL);
        break;
    }

    ngx_http_finalize_request(r, rc);
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
