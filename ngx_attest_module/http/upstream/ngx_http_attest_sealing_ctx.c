/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The context of a sealed request, and what is wiped with it: envelopes, the
 * memory of the answer, and what nginx wrote for the gateway.
 */


#include "http/prompt/ngx_http_attest_locked.h"
#include "http/upstream/ngx_http_attest_sealing_ctx.h"

#include <sodium.h>


static void ngx_http_attest_sealing_ctx_cleanup(void *data);


ngx_http_attest_sealing_ctx_t *
ngx_http_attest_sealing_ctx(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_attest_sealing_module);
}


ngx_http_attest_sealing_ctx_t *
ngx_http_attest_sealing_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_attest_loc_conf_t     *alcf;
    ngx_http_attest_sealing_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_attest_sealing_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_attest_sealing_ctx_t));

    ctx->request = r;
    ctx->conf = ngx_http_get_module_loc_conf(r,
                                             ngx_http_attest_sealing_module);

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);
    ctx->max_size = alcf->max_size;

    cln->handler = ngx_http_attest_sealing_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_attest_sealing_module);

    return ctx;
}


void
ngx_http_attest_sealing_ctx_forget(ngx_http_attest_sealing_ctx_t *ctx)
{
    if (ctx->opening) {
        attest_answer_clear(&ctx->answer);
        ctx->opening = 0;
    }

    attest_envelope_clear(&ctx->envelope);

    if (ctx->kept != NULL) {
        sodium_memzero(ctx->kept->start, ctx->kept->end - ctx->kept->start);
        ctx->kept->last = ctx->kept->start;
        ctx->kept->pos = ctx->kept->start;
    }

    ctx->in = NULL;
    ctx->status = 0;
    ctx->ended = 0;
    ctx->failed = 0;
}


static void
ngx_http_attest_sealing_ctx_cleanup(void *data)
{
    ngx_http_attest_sealing_ctx_t *ctx = data;

    if (ctx->again.timer_set) {
        ngx_del_timer(&ctx->again);
    }

    if (ctx->again.posted) {
        ngx_delete_posted_event(&ctx->again);
    }

    ngx_http_attest_sealing_ctx_forget(ctx);

    if (ctx->room != NULL) {
        ngx_http_attest_locked_free(ctx->room);
    }

    if (ctx->scratch != NULL) {
        ngx_http_attest_locked_free(ctx->scratch);
    }

    ngx_http_attest_sealing_ctx_wipe_sent(ctx);

    if (ctx->sent != NULL) {
        sodium_memzero(ctx->sent->start, ctx->sent->last - ctx->sent->start);
    }
}


/* An answer in clear is only in the upstream's buffer, where we keep it. */

void
ngx_http_attest_sealing_ctx_wipe_sent(ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = ctx->head; cl != NULL; cl = cl->next) {
        if (cl->buf->temporary) {
            sodium_memzero(cl->buf->start, cl->buf->end - cl->buf->start);
        }
    }

    ctx->head = NULL;

    if (ctx->upstream == NULL || ctx->upstream->buffering) {
        return;
    }

    b = &ctx->upstream->buffer;

    if (b->start != NULL) {
        sodium_memzero(b->start, b->end - b->start);
    }
}
