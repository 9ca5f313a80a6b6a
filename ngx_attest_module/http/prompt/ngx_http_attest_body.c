/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading a sealed body: piece by piece, as it arrives, so that of the
 * ciphertext no more than a frame or a chunk is kept, and nothing of it in a
 * file.  When another module has read the body before, in memory or into a
 * file, its pieces come from there: what it has read is ciphertext.
 */


#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


/* of a file, read at once */
#define NGX_HTTP_ATTEST_FILE_PIECE  (64 * 1024)

/* buffers of one client before others have their turn */
#define NGX_HTTP_ATTEST_ROUNDS      32


static void ngx_http_attest_body_begin(ngx_http_request_t *r);
static void ngx_http_attest_body_more(ngx_http_request_t *r);
static void ngx_http_attest_body_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t why);
static ngx_int_t ngx_http_attest_body_pieces(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_body_file(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_buf_t *b);


ngx_int_t
ngx_http_attest_body_read(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_body_done_pt done, ngx_http_attest_body_failed_pt failed)
{
    ngx_int_t  rc;

    ctx->body_done = done;
    ctx->body_failed = failed;
    ctx->reading = 1;

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_attest_body_begin);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->reading = 0;
    }

    return rc;
}


/* The beginning of the body is there, mostly all of it. */

static void
ngx_http_attest_body_begin(ngx_http_request_t *r)
{
    if (r->reading_body) {

        /* nginx resets it when another module has begun to read */

        r->request_body_no_buffering = 1;
        r->read_event_handler = ngx_http_attest_body_more;
        r->write_event_handler = ngx_http_request_empty_handler;
    }

    ngx_http_attest_body_more(r);
}


/* What is there is opened at once, to read more in its place. */

static void
ngx_http_attest_body_more(ngx_http_request_t *r)
{
    ngx_int_t               rc, why;
    ngx_uint_t              n;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    for (n = 1; ; n++) {
        why = ngx_http_attest_body_pieces(r, ctx);

        if (why == NGX_AGAIN) {
            ngx_http_attest_body_wait(r, ctx);
            return;
        }

        if (why == NGX_OK && r->reading_body) {
            why = ctx->format->fresh(r, ctx);
        }

        if (why != NGX_OK || !r->reading_body) {
            break;
        }

        if (n % NGX_HTTP_ATTEST_ROUNDS == 0 && r->connection->read->ready) {
            ngx_post_event(r->connection->read, &ngx_posted_next_events);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc != NGX_OK && rc != NGX_AGAIN) {

            /* too slow, too much, or gone; the rest is in the way */

            r->read_event_handler = ngx_http_block_reading;
            r->keepalive = 0;
            r->lingering_close = 1;

            ctx->body_failed(r, ctx, (rc == NGX_ERROR)
                                     ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    ngx_http_attest_body_done(r, ctx, why);
}


/* All of it is read, or it is refused without waiting for the rest. */

static void
ngx_http_attest_body_done(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_int_t why)
{
    ctx->reading = 0;
    ctx->decided = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->request_body_no_buffering = 0;

    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }

    if (r->reading_body) {
        /* the rest of it is in the way; nginx closes, and has to say so */
        r->keepalive = 0;
    }

    ctx->body_done(r, ctx, why);
}


void
ngx_http_attest_body_wait(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ctx->waits = 1;

    r->read_event_handler = ngx_http_block_reading;

    /* it is not the client who is slow */

    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }
}


void
ngx_http_attest_body_resume(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t why)
{
    ngx_connection_t  *c;

    if (!ctx->waits) {
        return;
    }

    c = r->connection;
    ctx->waits = 0;

    ngx_http_set_log_request(c->log, r);

    if (!ctx->reading) {
        ctx->body_done(r, ctx, why);

    } else if (why != NGX_OK) {
        ngx_http_attest_body_done(r, ctx, why);

    } else {
        if (r->reading_body) {
            r->read_event_handler = ngx_http_attest_body_more;
        }

        ngx_http_attest_body_more(r);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_attest_body_pieces(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_buf_t                *b;
    ngx_int_t                 why;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    while (rb != NULL && rb->bufs != NULL) {
        cl = rb->bufs;
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            why = ctx->format->open(r, ctx, b->pos, b->last - b->pos);
            b->pos = b->last;

        } else {
            why = ngx_http_attest_body_file(r, ctx, b);
        }

        if (why != NGX_OK && why != NGX_AGAIN) {
            return why;
        }

        if (ngx_buf_in_memory(b) || b->file_pos == b->file_last) {
            rb->bufs = cl->next;
            ngx_free_chain(r->pool, cl);
        }

        if (why == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_body_file(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_buf_t *b)
{
    off_t      pos;
    size_t     n;
    u_char    *p;
    ngx_int_t  why;

    if (!b->in_file || b->file_pos == b->file_last) {
        b->file_pos = b->file_last;
        return NGX_OK;
    }

    p = ngx_alloc(NGX_HTTP_ATTEST_FILE_PIECE, r->connection->log);
    if (p == NULL) {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    why = NGX_OK;

    for (pos = b->file_pos; pos < b->file_last && why == NGX_OK; pos += n) {
        n = (size_t) ngx_min(b->file_last - pos, NGX_HTTP_ATTEST_FILE_PIECE);

        if (ngx_read_file(b->file, p, n, pos) != (ssize_t) n) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "attest: cannot read back the request body from "
                          "\"%V\"", &b->file->name);
            why = NGX_HTTP_ATTEST_INTERNAL;
            break;
        }

        why = ctx->format->open(r, ctx, p, n);

        /* only now: open() may ask how long the body is in all */
        b->file_pos = pos + n;
    }

    ngx_free(p);

    return why;
}


void
ngx_http_attest_body_take(ngx_http_request_t *r)
{
    if (r->request_body != NULL) {
        r->request_body->bufs = NULL;
    }

    r->headers_in.content_length_n = -1;
    r->headers_in.content_length = NULL;
}


ngx_int_t
ngx_http_attest_body_put(ngx_http_request_t *r, u_char *data, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    /* a file with the ciphertext goes away with the pool */

    r->request_body->temp_file = NULL;
    r->request_body->bufs = NULL;
    r->preserve_body = 1;

    if (len == 0) {
        /* nginx' writers do not take empty buffers */
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    /* start and end too: another try with the next backend rewinds */

    b->start = data;
    b->pos = data;
    b->last = data + len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;

    return NGX_OK;
}
