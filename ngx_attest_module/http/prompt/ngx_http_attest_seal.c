/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypted prompts, the way back: every response of an opened request is
 * sealed, one frame for each buffer that arrives.  The end marker is an
 * authenticated empty frame; only a response that is known to be complete
 * gets it.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_outer.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/ngx_http_attest_guard.h"
#include "http/prompt/ngx_http_attest_replace.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_scrub.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_BUFS     16         /* frames waiting for the client */
#define NGX_HTTP_ATTEST_HELD     16320      /* fits in one frame, encoded */
#define NGX_HTTP_ATTEST_LATER    100        /* ms: until the next try */


static ngx_int_t ngx_http_attest_seal_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_seal_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_seal_header_inside(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_seal_at_once(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);

static ngx_int_t ngx_http_attest_seal_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_attest_seal_chain(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_seal_pass(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_chain_t *out);
static ngx_int_t ngx_http_attest_seal_input(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_seal_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static ngx_uint_t ngx_http_attest_seal_ends(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_seal_gather(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_seal_held(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static void ngx_http_attest_seal_due(ngx_event_t *ev);
static ngx_int_t ngx_http_attest_seal_now(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_seal_special(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_seal_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_seal_replacement(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static void ngx_http_attest_seal_wipe(ngx_http_attest_ctx_t *ctx,
    ngx_buf_t *b, size_t n);
static void ngx_http_attest_seal_shift(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
#if (NGX_HTTP_ATTEST_EARLY_HINTS)
static ngx_int_t ngx_http_attest_seal_early_hints_filter(ngx_http_request_t *r);
#endif


static ngx_http_module_t  ngx_http_attest_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_attest_seal_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_attest_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_filter_module_ctx,    /* module context */
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


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;

#if (NGX_HTTP_ATTEST_EARLY_HINTS)
static ngx_http_output_header_filter_pt  ngx_http_next_early_hints_filter;
#endif


static ngx_int_t
ngx_http_attest_seal_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                   sealed;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    ctx = ngx_http_attest_prompt_ctx(r);
    sealed = (ctx != NULL && ctx->sealed);

    if (sealed && ngx_http_attest_ends_take(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r != r->main) {
        /* what it adds is sealed with the main request's answer */
        return ngx_http_next_header_filter(r);
    }

    if (!sealed && ngx_http_attest_guard_answer(r) != NGX_DECLINED) {
        return NGX_ERROR;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (alcf->cors == NULL && alcf->format == NULL
        && !sealed)
    {
        return ngx_http_next_header_filter(r);
    }

    if (sealed && ctx->format->inner) {
        return ngx_http_attest_seal_header_inside(r, ctx);
    }

    ngx_http_attest_scrub(r, alcf->cors != NULL, sealed);

    if (alcf->cors != NULL
        && ngx_http_attest_cors_fields(r, alcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (sealed) {
        if (ctx->format->head(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->coalesce = alcf->coalesce;
    }

    return ngx_http_next_header_filter(r);
}


/* The format puts all of the header inside, and we CORS fields outside. */

static ngx_int_t
ngx_http_attest_seal_header_inside(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_http_headers_in_t   headers_in;

    if (ctx->head_sent) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_attest_scrub(r, 0, 0);

    if (ctx->format->head(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->coalesce = ctx->conf->coalesce;

    if (ctx->conf->cors != NULL) {

        /* Origin is of the outer request */

        headers_in = r->headers_in;

        if (ctx->outer != NULL) {
            r->headers_in = ctx->outer->headers_in;
        }

        rc = ngx_http_attest_cors_fields(r, ctx->conf);

        r->headers_in = headers_in;

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || !ctx->at_once) {
        return rc;
    }

    return ngx_http_attest_seal_at_once(r, ctx);
}


/* No body will come, although there is one outside. */

static ngx_int_t
ngx_http_attest_seal_at_once(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_http_attest_out_t  out;

    ngx_http_attest_out_init(&out);

    if (ctx->format->end(r, ctx, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    out.tail->last_buf = 1;
    out.tail->last_in_chain = 1;

    ctx->finished = 1;

    ngx_http_attest_ends_wipe_all(ctx);

    rc = ngx_http_attest_seal_pass(r, ctx, out.chain);

    /* what the caller would do with a body */
    r->header_only = 1;

    return rc;
}


static ngx_int_t
ngx_http_attest_seal_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_attest_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_attest_prompt_ctx(r) : NULL;

    if (ctx == NULL || !ctx->sealed
        || (in == NULL && ctx->in == NULL && !ctx->cut))
    {
        return ngx_http_next_body_filter(r, in);
    }

    if (!ctx->head_sent) {
        /* a body without our head would go out in clear */
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: a body before its header");
        return NGX_ERROR;
    }

    if (in != NULL
        && ngx_chain_add_copy(r->pool, &ctx->in, in) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->header_only || ctx->finished) {

        while (ctx->in != NULL) {
            ngx_http_attest_seal_shift(r, ctx);
        }

        return ngx_http_attest_seal_pass(r, ctx, NULL);
    }

    return ngx_http_attest_seal_chain(r, ctx);
}


static ngx_int_t
ngx_http_attest_seal_chain(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_http_attest_out_t   out;

    for ( ;; ) {
        ngx_http_attest_out_start(r, ctx, &out);

        rc = ctx->replaced
             ? ngx_http_attest_seal_replacement(r, ctx, &out)
             : ngx_http_attest_seal_input(r, ctx, &out);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_attest_seal_pass(r, ctx, out.chain);

        /*
         * A client slower than its backend: the input that is left stays
         * where it is, which makes nginx stop reading from the backend.
         */

        if (rc != NGX_OK || ctx->in == NULL) {
            return rc;
        }
    }
}


/*
 * The next filter is never called with an empty chain, which nginx's writer
 * would log.  The error after a cut makes every version of nginx close the
 * response without its end, once the client has got what came before it.
 */

static ngx_int_t
ngx_http_attest_seal_pass(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_chain_t *out)
{
    ngx_int_t  rc;

    if (out == NULL && r->out == NULL
        && !(r->connection->buffered & NGX_LOWLEVEL_BUFFERED))
    {
        rc = (ctx->busy != NULL) ? NGX_AGAIN : NGX_OK;

    } else {
        rc = ngx_http_next_body_filter(r, out);

        ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &out,
                                NGX_HTTP_ATTEST_OUT_TAG);
    }

    return (rc == NGX_OK && ctx->cut) ? NGX_ERROR : rc;
}


/* Seals input as long as few frames wait for the client. */

static ngx_int_t
ngx_http_attest_seal_input(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    while (ctx->in != NULL) {

        if (out->n >= NGX_HTTP_ATTEST_BUFS) {

            /* what was sealed must leave, or nobody would call us again */

            if (out->tail != NULL) {
                out->tail->flush = 1;
            }

            return NGX_OK;
        }

        b = ctx->in->buf;

        if (ctx->finished) {
            ngx_http_attest_seal_shift(r, ctx);
            continue;
        }

        if (!ngx_buf_in_memory(b) || b->pos == b->last) {
            rc = ngx_http_attest_seal_special(r, ctx, out);

        } else {
            rc = ctx->coalesce ? ngx_http_attest_seal_gather(r, ctx, out)
                               : ngx_http_attest_seal_piece(r, ctx, out);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_seal_piece(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ssize_t     n;
    ngx_buf_t  *b;

    b = ctx->in->buf;

    n = ctx->format->frame(r, ctx, b->pos, b->last - b->pos,
                                           out);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_attest_seal_wipe(ctx, b, n);

    b->pos += n;

    if (b->pos < b->last) {
        return NGX_OK;
    }

    if (b->flush && !ngx_http_attest_seal_ends(r, ctx)) {
        out->tail->flush = 1;
    }

    if (!b->last_buf) {
        ngx_http_attest_seal_shift(r, ctx);
    }

    return NGX_OK;
}


/* Into the plaintext that waits; full, or when its time comes, it goes. */

static ngx_int_t
ngx_http_attest_seal_gather(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out)
{
    size_t      n;
    ngx_buf_t  *b, *held;

    b = ctx->in->buf;
    held = ctx->held;

    if (held == NULL) {
        held = ngx_create_temp_buf(r->pool, NGX_HTTP_ATTEST_HELD);
        if (held == NULL) {
            return NGX_ERROR;
        }

        ctx->held = held;

        ctx->due.handler = ngx_http_attest_seal_due;
        ctx->due.data = ctx;
        ctx->due.log = r->connection->log;
    }

    n = ngx_min(b->last - b->pos, held->end - held->last);

    held->last = ngx_cpymem(held->last, b->pos, n);

    ngx_http_attest_seal_wipe(ctx, b, n);

    b->pos += n;

    if (held->last == held->end) {
        if (ngx_http_attest_seal_held(r, ctx, out) != NGX_OK) {
            return NGX_ERROR;
        }

        out->tail->flush = 1;

    } else if (!ctx->due.timer_set) {
        /* counts from the first byte: what waits never waits longer */
        ngx_add_timer(&ctx->due, ctx->coalesce);
    }

    if (b->pos == b->last && !b->last_buf) {
        ngx_http_attest_seal_shift(r, ctx);
    }

    return NGX_OK;
}


/* Seals what waits, if anything does. */

static ngx_int_t
ngx_http_attest_seal_held(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ssize_t     n;
    ngx_buf_t  *held;

    held = ctx->held;

    if (held == NULL || held->pos == held->last) {
        return NGX_OK;
    }

    if (ctx->due.timer_set) {
        ngx_del_timer(&ctx->due);
    }

    while (held->pos < held->last) {

        n = ctx->format->frame(r, ctx, held->pos,
                                               held->last - held->pos, out);
        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        sodium_memzero(held->pos, n);
        held->pos += n;
    }

    held->pos = held->start;
    held->last = held->start;

    return NGX_OK;
}


/* The time of what waits has come. */

static void
ngx_http_attest_seal_due(ngx_event_t *ev)
{
    ngx_http_attest_ctx_t *ctx = ev->data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (c->error || c->timedout || ctx->finished) {
        return;
    }

    if (ngx_http_attest_seal_now(r, ctx) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        /* what makes the response waits for the client if it has to */
        r->write_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_attest_seal_now(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_http_attest_out_t  out;

    ngx_http_attest_out_start(r, ctx, &out);

    if (out.n < NGX_HTTP_ATTEST_BUFS) {

        if (ngx_http_attest_seal_held(r, ctx, &out) != NGX_OK) {
            return NGX_ERROR;
        }

        if (out.tail != NULL) {
            out.tail->flush = 1;
        }
    }

    rc = ngx_http_attest_seal_pass(r, ctx, out.chain);

    if (ctx->held->pos < ctx->held->last && !ctx->due.timer_set) {
        /* a client that is too slow: later */
        ngx_add_timer(&ctx->due, ngx_max(ctx->coalesce,
                                         NGX_HTTP_ATTEST_LATER));
    }

    return rc;
}


/*
 * Nothing comes after this buffer: the upstream has all of the response, and
 * ends it as soon as we return.  The last frame and the end marker may then
 * leave in one write.
 */

static ngx_uint_t
ngx_http_attest_seal_ends(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u != NULL && u->cleanup != NULL && !u->buffering && u->length == 0
           && ctx->in->next == NULL;
}


/* A buffer without data, or whose data is sealed. */

static ngx_int_t
ngx_http_attest_seal_special(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out)
{
    ngx_buf_t  *b;

    b = ctx->in->buf;

    if (b->in_file && !ngx_buf_in_memory(b) && b->file_pos < b->file_last) {
        /* filter_need_in_memory should have brought it into memory */
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: a response in a file cannot be sealed");
        return NGX_ERROR;
    }

    if (b->last_buf) {
        if (ngx_http_attest_seal_end(r, ctx, out) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (b->flush) {

        /* an end without one, too: what the backend said before it died */

        if (ngx_http_attest_seal_held(r, ctx, out) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ctx->format->flush != NULL
            && ctx->format->flush(r, ctx, out) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (out->tail == NULL
            && ngx_http_attest_out_buf(r, ctx, 0, out) == NULL)
        {
            return NGX_ERROR;
        }

        out->tail->flush = 1;
    }

    ngx_http_attest_seal_shift(r, ctx);

    return NGX_OK;
}


/* The end marker, where the end is one. */

static ngx_int_t
ngx_http_attest_seal_end(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ngx_http_attest_main_conf_t  *amcf;

    if (ngx_http_attest_seal_held(r, ctx, out) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->finished = 1;

    if (!ctx->replaced && !ngx_http_attest_ends_proven(ctx)) {

        /* it was said; only that it was all is not known */

        if (out->tail == NULL
            && ngx_http_attest_out_buf(r, ctx, 0, out) == NULL)
        {
            return NGX_ERROR;
        }

        out->tail->flush = 1;

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "attest: nothing but the end of the connection ends "
                      "the backend's response, it is passed on as cut");

        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, streams_cut);

        ctx->cut = 1;
        r->keepalive = 0;

    } else {

        if (ctx->format->end(r, ctx, out) != NGX_OK) {
            return NGX_ERROR;
        }

        out->tail->last_buf = 1;
        out->tail->last_in_chain = 1;
    }

    ngx_http_attest_ends_wipe_all(ctx);

    return NGX_OK;
}


/* Our own document instead of what comes. */

static ngx_int_t
ngx_http_attest_seal_replacement(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out)
{
    ssize_t     n;
    ngx_str_t   text;

    while (ctx->in != NULL) {
        ngx_http_attest_seal_shift(r, ctx);
    }

    ngx_http_attest_replace_text(ctx, &text);

    for ( /* void */ ; text.len != 0; text.data += n, text.len -= n) {

        n = ctx->format->frame(r, ctx, text.data, text.len, out);
        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return ngx_http_attest_seal_end(r, ctx, out);
}


/*
 * The plaintext is gone as soon as it is sealed, where the memory is not
 * somebody's constant: "temporary" buffers may be changed by definition, and
 * the upstream's buffer is read into again.
 */

static void
ngx_http_attest_seal_wipe(ngx_http_attest_ctx_t *ctx, ngx_buf_t *b, size_t n)
{
    if (b->temporary || ngx_http_attest_ends_owns(ctx, b)) {
        sodium_memzero(b->pos, n);
    }
}


/* One buffer of the input is done with. */

static void
ngx_http_attest_seal_shift(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ctx->in;
    ctx->in = cl->next;

    b = cl->buf;
    b->pos = b->last;

    if (b->in_file) {
        b->file_pos = b->file_last;
    }

    ngx_free_chain(r->pool, cl);
}


#if (NGX_HTTP_ATTEST_EARLY_HINTS)

/*
 * "early_hints" sends a backend's fields in the clear before the answer that
 * they belong to is sealed.
 */

static ngx_int_t
ngx_http_attest_seal_early_hints_filter(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        return NGX_OK;
    }

    return ngx_http_next_early_hints_filter(r);
}

#endif


static ngx_int_t
ngx_http_attest_seal_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_attest_seal_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_attest_seal_body_filter;

#if (NGX_HTTP_ATTEST_EARLY_HINTS)
    ngx_http_next_early_hints_filter = ngx_http_top_early_hints_filter;
    ngx_http_top_early_hints_filter = ngx_http_attest_seal_early_hints_filter;
#endif

    return NGX_OK;
}
