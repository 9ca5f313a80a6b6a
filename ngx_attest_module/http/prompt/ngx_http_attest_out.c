/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The output of a sealed response: its buffers, used again when the client
 * has taken what was in them, and their count.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_out.h"

#include <sodium.h>


void
ngx_http_attest_out_init(ngx_http_attest_out_t *out)
{
    out->chain = NULL;
    out->last = &out->chain;
    out->tail = NULL;
    out->n = 0;
}


void
ngx_http_attest_out_start(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ngx_chain_t  *cl;

    cl = NULL;
    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &cl,
                            NGX_HTTP_ATTEST_OUT_TAG);

    ngx_http_attest_out_init(out);

    for (cl = ctx->busy; cl; cl = cl->next) {
        out->n++;
    }
}


ngx_buf_t *
ngx_http_attest_out_buf(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    size_t size, ngx_http_attest_out_t *out)
{
    u_char       *start, *end;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(r->pool, &ctx->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    start = b->start;
    end = b->end;

    if (start == NULL && size != 0) {
        start = ngx_palloc(r->pool, size);
        if (start == NULL) {
            return NULL;
        }

        end = start + size;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = start;
    b->pos = start;
    b->last = start;
    b->end = end;
    b->tag = NGX_HTTP_ATTEST_OUT_TAG;

    *out->last = cl;
    out->last = &cl->next;
    out->tail = b;
    out->n++;

    return b;
}


void
ngx_http_attest_out_count(ngx_http_request_t *r, size_t len)
{
    ngx_http_attest_stats_t  *stats;

    if (len == 0) {
        return;
    }

    stats = ngx_http_attest_state_stats(ngx_http_get_module_main_conf(r,
                                                      ngx_http_attest_module));

    (void) ngx_atomic_fetch_add(&stats->chunks_sealed, 1);
    (void) ngx_atomic_fetch_add(&stats->bytes_sealed, len);
}


void
ngx_http_attest_out_cleanup(ngx_http_attest_ctx_t *ctx)
{
    if (ctx->due.timer_set) {
        ngx_del_timer(&ctx->due);
    }

    if (ctx->held != NULL) {
        sodium_memzero(ctx->held->start, ctx->held->last - ctx->held->start);
    }
}
