/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The context of a request with an encrypted prompt: found again after
 * redirects, which reset those of modules, and cleaned up with the request's
 * pool.  The prompt lies in locked memory.
 */


#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_out.h"


static void ngx_http_attest_prompt_ctx_cleanup(void *data);


ngx_http_attest_ctx_t *
ngx_http_attest_prompt_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_attest_module);

    if (ctx != NULL || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /*
     * internal redirects reset the modules' contexts, subrequests have their
     * own, but the pool's cleanup still holds ours
     */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_attest_prompt_ctx_cleanup) {
            ctx = cln->data;

            if (r == r->main) {
                ngx_http_set_ctx(r, ctx, ngx_http_attest_module);
            }

            return ctx;
        }
    }

    return NULL;
}


ngx_http_attest_ctx_t *
ngx_http_attest_prompt_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_attest_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_attest_ctx_t));
    ctx->request = r;

    cln->handler = ngx_http_attest_prompt_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_attest_module);

    return ctx;
}


static void
ngx_http_attest_prompt_ctx_cleanup(void *data)
{
    ngx_http_attest_ctx_t *ctx = data;

    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_attest_main_conf_t  *amcf;

    r = ctx->request;
    c = r->connection;

    /* a backend that died in the middle; a client that left does not count */

    if (ctx->head_sent && !ctx->finished && !ctx->cut && !r->header_only
        && (r->upstream != NULL || ctx->ups != NULL)
        && !c->error && !c->timedout)
    {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, streams_cut);
    }

    if (ctx->sealed) {
        ngx_http_attest_prompt_ctx_count(ctx);
    }

    ngx_http_attest_out_cleanup(ctx);

    if (ctx->sent.posted) {
        ngx_delete_posted_event(&ctx->sent);
    }

    if (ctx->format != NULL) {
        ctx->format->cleanup(ctx);
    }

    ngx_http_attest_prompt_ctx_wipe(ctx);
}


void
ngx_http_attest_prompt_ctx_count(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_main_conf_t  *amcf;

    if (ctx->counted) {
        return;
    }

    ctx->counted = 1;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_attest_module);
    ngx_http_attest_count(amcf, prompts_opened);
}


ngx_int_t
ngx_http_attest_prompt_ctx_grow(ngx_http_attest_ctx_t *ctx, size_t size)
{
    return ngx_http_attest_locked_grow(&ctx->plain.data, &ctx->usable,
                                       ngx_min(size, ctx->plain.len),
                                       ctx->plain.len);
}


void
ngx_http_attest_prompt_ctx_wipe(ngx_http_attest_ctx_t *ctx)
{
    if (ctx->plain.data != NULL) {
        ngx_http_attest_locked_free(ctx->plain.data);
    }

    ngx_str_null(&ctx->plain);
    ctx->usable = 0;
}


/*
 * nginx's parser of chunked responses writes single bytes of them into a
 * debug log.  What belongs to an opened prompt is logged without debugging;
 * each location sets the level anew.
 */

void
ngx_http_attest_prompt_ctx_no_debug(ngx_http_request_t *r)
{
    ngx_log_t  *log;

    log = r->connection->log;

    if (log->log_level & NGX_LOG_DEBUG_ALL) {
        log->log_level = NGX_LOG_DEBUG;
    }
}
