/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers to sealed requests, opened as they come, before any other filter
 * sees them.  What cannot be opened never looks whole: before the head went
 * out it gives way to an error of ours, behind it the client's connection
 * ends without an end.
 *
 * One buffer of locked memory is enough: while the client has not taken what
 * is in it, nothing more is read from the gateway.
 */


#include "http/ngx_http_attest_answer.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/upstream/ngx_http_attest_again.h"
#include "http/upstream/ngx_http_attest_inside.h"
#include "http/upstream/ngx_http_attest_opening.h"
#include "http/upstream/ngx_http_attest_sealing_error.h"
#include "http/upstream/ngx_http_attest_traces.h"

#include <sys/socket.h>


#define NGX_HTTP_ATTEST_OPENING_ROOM  (20 * 1024)   /* of one chunk */
#define NGX_HTTP_ATTEST_OPENING_KEPT  8192      /* of an error */


static ngx_int_t ngx_http_attest_opening_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_opening_other(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_ehbp(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_str_t *nonce);
static ngx_int_t ngx_http_attest_opening_ohttp(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_memory(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_opening_take(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_opening_unsealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_pass(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_refuse(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_sealing_error_e e);

static ngx_int_t ngx_http_attest_opening_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_attest_opening_drop(ngx_chain_t *in);
static ngx_int_t ngx_http_attest_opening_ours(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_attest_opening_error(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_attest_opening_keep(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, u_char *p, size_t n);
static ngx_int_t ngx_http_attest_opening_sealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_attest_opening_drain(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_opening_feed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_opening_piece(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_buf_t *b);
static void ngx_http_attest_opening_end(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_opening_fail(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, const char *why);
static ngx_int_t ngx_http_attest_opening_head(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_kept(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_failed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_opening_cut(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_attest_opening_header(ngx_http_request_t *r)
{
    ngx_str_t                       nonce, own;
    ngx_http_attest_sealing_ctx_t  *ctx;

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx == NULL || r->upstream != ctx->upstream) {
        return ngx_http_attest_opening_other(r, ctx);
    }

    if (r != r->main || r->upstream == NULL || r->upstream->cleanup == NULL
        || ctx->state != NGX_HTTP_ATTEST_ANSWER_NONE)
    {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_attest_traces_sent(r->upstream->peer.connection);

    /* nginx looks at it behind us */
    r->upstream->buffering = 0;

    /* only we say that */
    ngx_http_attest_opening_take(r, "attest-seal", &own);
    ngx_http_attest_opening_take(r, "ehbp-response-nonce", &nonce);

    switch (ctx->envelope.form) {

    case ATTEST_ENVELOPE_NONE:
        /* nothing was sealed, which TLS to the verified key has carried */
        ctx->state = NGX_HTTP_ATTEST_ANSWER_PLAIN;
        ctx->said = NGX_HTTP_ATTEST_SEAL_CLEAR;
        return ngx_http_next_header_filter(r);

    case ATTEST_ENVELOPE_EHBP:
        return ngx_http_attest_opening_ehbp(r, ctx, &nonce);

    default:
        return ngx_http_attest_opening_ohttp(r, ctx);
    }
}


/*
 * Of a backend that was sent nothing sealed, whoever led the request to it:
 * that is no answer.  What nginx says by itself is.
 */

static ngx_int_t
ngx_http_attest_opening_other(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);

    if (slcf->seal == NULL || r != r->main || r->upstream == NULL
        || r->upstream->cleanup == NULL
        || (ctx != NULL && ctx->state != NGX_HTTP_ATTEST_ANSWER_NONE))
    {
        return ngx_http_next_header_filter(r);
    }

    if (ctx == NULL) {
        ctx = ngx_http_attest_sealing_ctx_create(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    r->upstream->buffering = 0;

    return ngx_http_attest_opening_refuse(r, ctx,
                                          NGX_HTTP_ATTEST_SEALING_UNSEALED);
}


/*
 * Status and fields are outside, as TLS has carried them.  No redirect: the
 * client would take its prompt elsewhere.
 */

static ngx_int_t
ngx_http_attest_opening_ehbp(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_str_t *nonce)
{
    ngx_uint_t  status;

    status = r->headers_out.status;

    if (nonce->len == 0) {
        return ngx_http_attest_opening_unsealed(r, ctx);
    }

    if (status < NGX_HTTP_OK
        || (status >= NGX_HTTP_SPECIAL_RESPONSE
            && status < NGX_HTTP_BAD_REQUEST))
    {
        return ngx_http_attest_opening_refuse(r, ctx,
                                            NGX_HTTP_ATTEST_SEALING_UNSEALED);
    }

    if (ngx_http_attest_opening_memory(r, ctx) != NGX_OK) {
        return ngx_http_attest_opening_refuse(r, ctx,
                                              NGX_HTTP_ATTEST_SEALING_BUSY);
    }

    ctx->opening = 1;

    if (attest_answer_ehbp(&ctx->answer, &ctx->envelope,
                           attest_span(nonce->data, nonce->len),
                           ctx->conf->seal->required,
                           NGX_HTTP_ATTEST_ANSWER_LIMIT)
        != ATTEST_OK)
    {
        ngx_http_attest_opening_fail(r, ctx, ctx->answer.why);
        return ngx_http_attest_opening_refuse(r, ctx,
                                              NGX_HTTP_ATTEST_SEALING_FORGED);
    }

    ctx->answer.buf = ctx->room;
    ctx->answer.room = ctx->usable;
    ctx->status = status;
    ctx->left = -1;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_etag(r);

    return ngx_http_attest_opening_head(r, ctx);
}


/* The head is inside: the client's waits for it. */

static ngx_int_t
ngx_http_attest_opening_ohttp(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_str_t   *type;
    ngx_str_t    want;

    static ngx_str_t  chunked = ngx_string(ATTEST_OHTTP_TYPE_CHUNKED_RES);
    static ngx_str_t  whole = ngx_string(ATTEST_OHTTP_TYPE_RES);

    want = (ctx->envelope.form == ATTEST_ENVELOPE_OHTTP) ? chunked : whole;
    type = &r->headers_out.content_type;

    if (r->headers_out.status != NGX_HTTP_OK || type->len != want.len
        || ngx_strncasecmp(type->data, want.data, want.len) != 0)
    {
        return ngx_http_attest_opening_unsealed(r, ctx);
    }

    if (ngx_http_attest_opening_memory(r, ctx) != NGX_OK) {
        return ngx_http_attest_opening_refuse(r, ctx,
                                              NGX_HTTP_ATTEST_SEALING_BUSY);
    }

    ctx->opening = 1;

    if (attest_answer_ohttp(&ctx->answer, &ctx->envelope,
                            &ngx_http_attest_inside, ctx, ctx->scratch,
                            NGX_HTTP_ATTEST_ANSWER_LIMIT)
        != ATTEST_OK)
    {
        return NGX_ERROR;
    }

    ctx->answer.buf = ctx->room;
    ctx->answer.room = ctx->usable;
    ctx->state = NGX_HTTP_ATTEST_ANSWER_INSIDE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_opening_memory(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    if (ctx->room == NULL
        && ngx_http_attest_locked_grow(&ctx->room, &ctx->usable,
                                       NGX_HTTP_ATTEST_OPENING_ROOM,
                                       2 * NGX_HTTP_ATTEST_ANSWER_LIMIT)
           != NGX_OK)
    {
        return NGX_BUSY;
    }

    if (ctx->scratch == NULL && ctx->envelope.form != ATTEST_ENVELOPE_EHBP) {
        ctx->scratch = ngx_http_attest_locked_alloc(ATTEST_ANSWER_SCRATCH);
        if (ctx->scratch == NULL) {
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


/* Out of the answer, whatever it says; the last one counts. */

static void
ngx_http_attest_opening_take(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);
    ngx_str_null(value);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0 && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                *value = h[i].value;
                h[i].hash = 0;
            }
        }
    }
}


/*
 * Whoever answered is not known to have opened the request.  An error of what
 * lies between is passed on as an error; a success of it is none.
 */

static ngx_int_t
ngx_http_attest_opening_unsealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    if (r->headers_out.status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_attest_opening_refuse(r, ctx,
                                            NGX_HTTP_ATTEST_SEALING_UNSEALED);
    }

    if (r->header_only || !ngx_http_attest_again_maybe(r, ctx)) {
        return ngx_http_attest_opening_pass(r, ctx);
    }

    ctx->state = NGX_HTTP_ATTEST_ANSWER_ERROR;

    return NGX_OK;
}


/* What could make a client act on an error's words is left out. */

static ngx_int_t
ngx_http_attest_opening_pass(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_str_t    value;
    ngx_uint_t   i;

    static const char * const  names[] = {
        "set-cookie", "location", "refresh", "link", "alt-svc",
        "clear-site-data", "strict-transport-security"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ngx_http_attest_opening_take(r, names[i], &value);
    }

    r->headers_out.location = NULL;

    ctx->state = NGX_HTTP_ATTEST_ANSWER_PLAIN;
    ctx->said = NGX_HTTP_ATTEST_SEAL_UNAUTHENTICATED;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "attest: an error %ui that was not sealed is passed on, "
                  "nobody knows who has sent it", r->headers_out.status);

    ngx_str_set(&value, "unauthenticated");

    if (ngx_http_attest_answer_field(r, "Attest-Seal", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* Our own error; its text is sent when the body is asked for. */

static ngx_int_t
ngx_http_attest_opening_refuse(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_sealing_error_e e)
{
    if (e == NGX_HTTP_ATTEST_SEALING_UNSEALED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the answer %ui to a sealed request was not "
                      "sealed, it is refused", r->headers_out.status);
    }

    r->upstream->upgrade = 0;

    ctx->state = NGX_HTTP_ATTEST_ANSWER_OURS;
    ctx->said = NGX_HTTP_ATTEST_SEAL_REFUSED;

    if (ngx_http_attest_sealing_error_clean(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_attest_sealing_error_head(r, ctx, e);

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_attest_opening_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_attest_sealing_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_attest_sealing_ctx(r) : NULL;

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    switch (ctx->state) {

    case NGX_HTTP_ATTEST_ANSWER_NONE:
    case NGX_HTTP_ATTEST_ANSWER_PLAIN:
        return ngx_http_next_body_filter(r, in);

    case NGX_HTTP_ATTEST_ANSWER_ERROR:
        return ngx_http_attest_opening_error(r, ctx, in);

    case NGX_HTTP_ATTEST_ANSWER_OURS:
        return ngx_http_attest_opening_ours(r, ctx, in);

    case NGX_HTTP_ATTEST_ANSWER_AGAIN:
        ngx_http_attest_opening_drop(in);
        return NGX_OK;

    case NGX_HTTP_ATTEST_ANSWER_DONE:
        ngx_http_attest_opening_drop(in);
        return ngx_http_attest_opening_drain(r, ctx);

    default: /* ..._INSIDE, ..._KEPT, ..._OPEN */
        return ngx_http_attest_opening_sealed(r, ctx, in);
    }
}


static void
ngx_http_attest_opening_drop(ngx_chain_t *in)
{
    for ( /* void */ ; in != NULL; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}


/* And no more of the gateway's. */

static ngx_int_t
ngx_http_attest_opening_ours(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    ngx_http_attest_opening_drop(in);

    if (r->upstream->cleanup != NULL) {
        r->upstream->length = 0;
        r->upstream->keepalive = 0;
    }

    ctx->state = NGX_HTTP_ATTEST_ANSWER_DONE;

    if (r->header_only) {
        return NGX_OK;
    }

    b = ngx_http_attest_sealing_error_text(r, ctx);
    if (b == NULL) {
        return NGX_ERROR;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/* An error that nobody sealed, which may ask for another envelope. */

static ngx_int_t
ngx_http_attest_opening_error(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_uint_t                last;
    ngx_chain_t              *cl, out;
    ngx_http_attest_again_e   why;

    last = 0;

    for (cl = in; cl != NULL && !last; cl = cl->next) {
        b = cl->buf;
        last = b->last_buf;

        if (ngx_buf_in_memory(b)
            && ngx_http_attest_opening_keep(r, ctx, b->pos, b->last - b->pos)
               != NGX_OK)
        {
            break;
        }

        b->pos = b->last;
    }

    if (cl == NULL && !last && r->upstream->cleanup != NULL) {
        return NGX_OK;
    }

    b = ctx->kept;

    if (cl == NULL && last && b != NULL) {
        why = ngx_http_attest_again_why(r, ctx,
                                        attest_span(b->pos, b->last - b->pos));

        if (why != NGX_HTTP_ATTEST_AGAIN_NOT) {
            return ngx_http_attest_again(r, ctx, why);
        }
    }

    rc = ngx_http_attest_opening_pass(r, ctx);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    if (b == NULL || b->pos == b->last) {
        return ngx_http_next_body_filter(r, in);
    }

    /* what was kept, and what follows it */

    b->flush = 1;
    b->last_buf = (cl == NULL && last) ? 1 : 0;

    out.buf = b;
    out.next = cl;

    return ngx_http_next_body_filter(r, &out);
}


/* NGX_DECLINED: too much of it. */

static ngx_int_t
ngx_http_attest_opening_keep(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, u_char *p, size_t n)
{
    if (ctx->kept == NULL) {
        ctx->kept = ngx_create_temp_buf(r->pool,
                                        NGX_HTTP_ATTEST_OPENING_KEPT);
        if (ctx->kept == NULL) {
            return NGX_DECLINED;
        }
    }

    if (n > (size_t) (ctx->kept->end - ctx->kept->last)) {
        return NGX_DECLINED;
    }

    ctx->kept->last = ngx_cpymem(ctx->kept->last, p, n);

    return NGX_OK;
}


/*
 * What has arrived is opened as long as the client takes it; when the client
 * is slow, nginx stops reading from the gateway.
 */

static ngx_int_t
ngx_http_attest_opening_sealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t  rc;

    if (in != NULL && ngx_chain_add_copy(r->pool, &ctx->in, in) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( ;; ) {
        rc = (ctx->state == NGX_HTTP_ATTEST_ANSWER_OPEN)
             ? ngx_http_attest_opening_drain(r, ctx) : NGX_OK;

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx->cut) {
            return ngx_http_attest_opening_cut(r, ctx);
        }

        ngx_http_attest_opening_feed(r, ctx);

        if (ctx->state == NGX_HTTP_ATTEST_ANSWER_INSIDE
            && ctx->answer.headed && !ctx->failed)
        {
            rc = ngx_http_attest_opening_head(r, ctx);
        }

        if (rc == NGX_OK && ctx->state == NGX_HTTP_ATTEST_ANSWER_KEPT
            && !ctx->failed)
        {
            rc = ngx_http_attest_opening_kept(r, ctx);
        }

        if (rc == NGX_OK && ctx->state == NGX_HTTP_ATTEST_ANSWER_OPEN) {
            rc = ngx_http_attest_opening_send(r, ctx);
        }

        if (rc == NGX_OK && ctx->failed) {
            return ngx_http_attest_opening_failed(r, ctx);
        }

        if (rc != NGX_OK || ctx->in == NULL) {
            return rc;
        }
    }
}


/* What was passed on before; NGX_AGAIN: the client has not taken it. */

static ngx_int_t
ngx_http_attest_opening_drain(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (r->out != NULL || (r->connection->buffered & NGX_LOWLEVEL_BUFFERED)
        || ctx->out.pos != ctx->out.last)
    {
        rc = ngx_http_next_body_filter(r, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ctx->out.pos != ctx->out.last) {
        return NGX_AGAIN;
    }

    if (ctx->out.pos != NULL && ctx->opening) {
        attest_answer_take(&ctx->answer);
        ctx->out.pos = NULL;
        ctx->out.last = NULL;
    }

    return NGX_OK;
}


/* Until there is something to pass on, or nothing more to open. */

static void
ngx_http_attest_opening_feed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    while (ctx->in != NULL && !ctx->failed && !ctx->ended) {
        b = ctx->in->buf;

        if (ngx_buf_in_memory(b) && b->pos != b->last) {
            ngx_http_attest_opening_piece(r, ctx, b);

            if (b->pos != b->last) {
                break;
            }
        }

        last = b->last_buf;

        cl = ctx->in;
        ctx->in = cl->next;
        ngx_free_chain(r->pool, cl);

        if (last) {
            ngx_http_attest_opening_end(r, ctx);
        }
    }

    if (ctx->failed || ctx->ended) {
        ngx_http_attest_opening_drop(ctx->in);
        ctx->in = NULL;

    } else if (ctx->in == NULL && r->upstream->cleanup == NULL) {
        ngx_http_attest_opening_fail(r, ctx, "it was cut");
    }
}


static void
ngx_http_attest_opening_piece(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_buf_t *b)
{
    int               rc;
    size_t            used;
    attest_answer_t  *a;

    a = &ctx->answer;

    while (b->pos != b->last) {
        rc = attest_answer_feed(a, b->pos, b->last - b->pos, &used);
        b->pos += used;

        if (rc == ATTEST_OK) {
            continue;
        }

        if (rc != ATTEST_ENOSPACE) {
            ngx_http_attest_opening_fail(r, ctx, a->why);
            return;
        }

        if (a->plain != 0) {
            return;
        }

        if (ngx_http_attest_locked_grow(&ctx->room, &ctx->usable, a->want,
                                        2 * NGX_HTTP_ATTEST_ANSWER_LIMIT)
            != NGX_OK)
        {
            ngx_http_attest_opening_fail(r, ctx, "there is no locked memory "
                                                 "for a part of it");
            return;
        }

        a->buf = ctx->room;
        a->room = ctx->usable;
    }
}


static void
ngx_http_attest_opening_end(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    if (attest_answer_finish(&ctx->answer) != ATTEST_OK) {
        ngx_http_attest_opening_fail(r, ctx, ctx->answer.why);
        return;
    }

    ctx->ended = 1;
}


static void
ngx_http_attest_opening_fail(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, const char *why)
{
    ctx->failed = 1;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: the gateway's answer is refused: %s", why);
}


/*
 * Nobody sends the request again now: its prompt is not needed any more.  The
 * field of an answer to HEAD says how long another one would be.
 */

static ngx_int_t
ngx_http_attest_opening_head(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->envelope.form != ATTEST_ENVELOPE_EHBP
        && ctx->state == NGX_HTTP_ATTEST_ANSWER_INSIDE
        && ngx_http_attest_again_maybe(r, ctx))
    {
        ctx->state = NGX_HTTP_ATTEST_ANSWER_KEPT;
        return NGX_OK;
    }

    ctx->state = NGX_HTTP_ATTEST_ANSWER_OPEN;
    ctx->said = NGX_HTTP_ATTEST_SEAL_OPENED;

    if (ctx->prompt != NULL) {
        ngx_http_attest_prompt_ctx_wipe(ctx->prompt);
        ctx->body = 0;
    }

    rc = ngx_http_next_header_filter(r);

    return (rc > NGX_OK) ? NGX_ERROR : rc;
}


/* A refusal inside, read before it is passed on. */

static ngx_int_t
ngx_http_attest_opening_kept(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    attest_answer_t          *a;
    ngx_http_attest_again_e   why;

    a = &ctx->answer;

    /* what is left in front has no room before this is passed on */

    if (!ctx->ended && ctx->in == NULL
        && a->plain + NGX_HTTP_ATTEST_OPENING_KEPT / 2 < ctx->usable
        && a->plain < NGX_HTTP_ATTEST_OPENING_KEPT)
    {
        return NGX_OK;
    }

    if (ctx->ended) {
        why = ngx_http_attest_again_why(r, ctx,
                                        attest_span(a->buf, a->plain));

        if (why != NGX_HTTP_ATTEST_AGAIN_NOT) {
            return ngx_http_attest_again(r, ctx, why);
        }
    }

    ctx->dated = 1;

    return ngx_http_attest_opening_head(r, ctx);
}


static ngx_int_t
ngx_http_attest_opening_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = &ctx->out;

    if (ctx->left != -1) {

        /* no more than was said, and no less where it ends */

        if ((off_t) ctx->answer.plain > ctx->left
            || (ctx->ended && !r->header_only
                && (off_t) ctx->answer.plain != ctx->left))
        {
            ctx->answer.plain = (size_t) ngx_min((off_t) ctx->answer.plain,
                                                 ctx->left);
            ngx_http_attest_opening_fail(r, ctx, "its length is another one");
            ctx->ended = 0;
        }

        ctx->left -= ctx->answer.plain;
    }

    if (r->header_only) {
        attest_answer_take(&ctx->answer);
        ctx->state = ctx->ended ? NGX_HTTP_ATTEST_ANSWER_DONE : ctx->state;
        return NGX_OK;
    }

    if (ctx->answer.plain == 0 && !ctx->ended) {
        return NGX_OK;
    }

    if (ctx->answer.marked && ctx->answer.required && !ctx->ended
        && !ctx->failed)
    {
        /* nothing may follow but the end, and goes with it in one write */
        return NGX_OK;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = ctx->room;
    b->pos = ctx->room;
    b->last = b->pos + ctx->answer.plain;
    b->end = b->last;
    b->temporary = (b->pos != b->last) ? 1 : 0;
    b->flush = 1;
    b->last_buf = ctx->ended;
    b->last_in_chain = ctx->ended;

    if (ctx->ended) {
        ctx->state = NGX_HTTP_ATTEST_ANSWER_DONE;
    }

    out.buf = b;
    out.next = NULL;

    rc = ngx_http_next_body_filter(r, &out);

    return (rc == NGX_AGAIN && b->pos == b->last) ? NGX_OK : rc;
}


static ngx_int_t
ngx_http_attest_opening_failed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->state == NGX_HTTP_ATTEST_ANSWER_OPEN
        || ctx->state == NGX_HTTP_ATTEST_ANSWER_DONE)
    {
        ctx->state = NGX_HTTP_ATTEST_ANSWER_OPEN;
        ctx->said = NGX_HTTP_ATTEST_SEAL_CUT;
        ctx->cut = 1;

        rc = ngx_http_attest_opening_drain(r, ctx);

        return (rc == NGX_OK) ? ngx_http_attest_opening_cut(r, ctx) : rc;
    }

    rc = ngx_http_attest_opening_refuse(r, ctx,
                                        NGX_HTTP_ATTEST_SEALING_FORGED);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_opening_ours(r, ctx, NULL);
}


/*
 * The error makes nginx end the connection, or the stream, without the end of
 * the answer.  An answer of HTTP/1 in no chunks and of no length knows no
 * other end than that of the connection, which is reset, and TLS says nothing.
 */

static ngx_int_t
ngx_http_attest_opening_cut(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    struct linger  linger;

    if (r->http_version < NGX_HTTP_VERSION_20 && !r->chunked
        && r->headers_out.content_length_n == -1)
    {
        r->connection->error = 1;

        linger.l_onoff = 1;
        linger.l_linger = 0;

        (void) setsockopt(r->connection->fd, SOL_SOCKET, SO_LINGER,
                          (const void *) &linger, sizeof(struct linger));
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_attest_opening_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_attest_opening_header;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_attest_opening_body;

    return NGX_OK;
}
