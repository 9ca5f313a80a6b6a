/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The upstreams of an opened request, of whatever module: what they must not
 * do, whether their answers came to an end, and what is wiped behind them.
 *
 * They never buffer.  Then nginx frees nothing of an upstream before the
 * request's pool goes, and u->length is what the module has seen: 0 behind
 * its protocol's end, anything else before it, and -1 where the end of the
 * connection is all there is, which is what a backend's death looks like.
 */


#include "http/prompt/ngx_http_attest_ends.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/ngx_http_attest_list.h"

#include <sodium.h>


struct ngx_http_attest_up_s {
    ngx_http_attest_up_t  *next;
    ngx_http_upstream_t   *u;
    void                 (*finalize)(ngx_http_request_t *r, ngx_int_t rc);
    unsigned               part:1;          /* of the answer */
    unsigned               proven:1;        /* its end was seen */
    unsigned               unbuffered:1;    /* all the time */
    unsigned               dropped:1;       /* its answer was replaced */
    unsigned               may_wipe:1;      /* fields of it */
};


static ngx_int_t ngx_http_attest_ends_filter(ngx_http_request_t *r);
static ngx_http_attest_up_t *ngx_http_attest_ends_find(
    ngx_http_attest_ctx_t *ctx, ngx_http_upstream_t *u);
static ngx_http_attest_up_t *ngx_http_attest_ends_add(
    ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ends_unbuffered(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
static void ngx_http_attest_ends_finalize(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_uint_t ngx_http_attest_ends_ended(ngx_http_upstream_t *u);
static void ngx_http_attest_ends_wipe_request(ngx_http_upstream_t *u);
static void ngx_http_attest_ends_wipe_response(ngx_http_attest_up_t *up);
static ngx_uint_t ngx_http_attest_ends_may_wipe(ngx_http_request_t *r);

static ngx_int_t ngx_http_attest_ends_redirect(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t offset);
static ngx_int_t ngx_http_attest_ends_interim(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;

/* of nginx, the same in every configuration */
static ngx_http_header_handler_pt  ngx_http_attest_core_redirect;


/*
 * The first of all header filters: others may keep a header back until they
 * have seen the body, and nginx decides on buffering before that.
 */

static ngx_int_t
ngx_http_attest_ends_filter(ngx_http_request_t *r)
{
    ngx_http_upstream_t    *u;
    ngx_http_attest_ctx_t  *ctx;

    u = r->upstream;

    if (u == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (u->cleanup != NULL && !u->upgrade
        && (r->headers_out.status < NGX_HTTP_OK
            || (u->keepalive && u->buffer.pos != u->buffer.last)))
    {
        /*
         * Behind an interim response the answer is still to come, and behind
         * one without a body nothing is: the next request on the connection,
         * whosever it is, must not get it.
         */

        u->keepalive = 0;
        u->headers_in.connection_close = 1;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed
        && ngx_http_attest_ends_take(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


ngx_int_t
ngx_http_attest_ends_take(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_http_upstream_t   *u;
    ngx_http_attest_up_t  *up;

    u = r->upstream;

    if (u == NULL) {
        return NGX_OK;
    }

    up = ngx_http_attest_ends_find(ctx, u);

    if (up == NULL) {
        up = ngx_http_attest_ends_add(r, ctx);
        if (up == NULL) {
            return NGX_ERROR;
        }
    }

    if (r->filter_finalize) {
        /* a filter has thrown the answer away, an error page replaces it */
        up->part = 0;
        up->dropped = 1;
        return NGX_OK;
    }

    if (u->cleanup == NULL) {

        /* it has given way to an error page, a hole in the main answer */

        if (r != r->main && !r->background && !r->header_only
            && !u->header_sent
            && r->headers_out.status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            ctx->unproven_end = 1;
        }

        return NGX_OK;
    }

    if (r != r->main && r->headers_out.status < NGX_HTTP_OK) {
        /* what follows is another response, head and all */
        ctx->unproven_end = 1;
    }

    return ngx_http_attest_ends_unbuffered(r, u);
}


static ngx_http_attest_up_t *
ngx_http_attest_ends_find(ngx_http_attest_ctx_t *ctx,
    ngx_http_upstream_t *u)
{
    ngx_http_attest_up_t  *up;

    for (up = ctx->ups; up; up = up->next) {
        if (up->u == u) {
            return up;
        }
    }

    return NULL;
}


static ngx_http_attest_up_t *
ngx_http_attest_ends_add(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_http_upstream_t   *u;
    ngx_http_attest_up_t  *up;

    u = r->upstream;

    up = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_up_t));
    if (up == NULL) {
        return NULL;
    }

    up->u = u;
    up->may_wipe = ngx_http_attest_ends_may_wipe(r);
    up->next = ctx->ups;
    ctx->ups = up;

    /* of a mirror, or of auth_request, nothing gets into the answer */

    up->part = (u->cleanup != NULL || u->header_sent)
               && !r->background && (r == r->main || !r->header_only);

    if (u->header_sent) {
        /* the header was kept back before us: it may have buffered */
        return up;
    }

    up->unbuffered = 1;

    if (u->cleanup != NULL) {
        up->finalize = u->finalize_request;
        u->finalize_request = ngx_http_attest_ends_finalize;
    }

    return up;
}


/*
 * nginx looks at these only after the header was sent: whatever module, or
 * the backend's X-Accel-Buffering, asked for, plaintext is neither kept in
 * memory that others free, nor written to a temporary file, a cache or a
 * store.
 */

static ngx_int_t
ngx_http_attest_ends_unbuffered(ngx_http_request_t *r,
    ngx_http_upstream_t *u)
{
    if (u->buffering && u->input_filter == NULL && u->pipe != NULL
        && u->pipe->input_filter != NULL
        && u->pipe->input_filter != ngx_event_pipe_copy_input_filter)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: this upstream module only buffers, its "
                      "answers cannot be sealed");
        return NGX_ERROR;
    }

    u->buffering = 0;
    u->store = 0;
#if (NGX_HTTP_CACHE)
    u->cacheable = 0;
#endif

    return NGX_OK;
}


/* In the place of the module's own, which nginx calls at the end, once. */

static void
ngx_http_attest_ends_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_upstream_t    *u;
    ngx_http_attest_up_t   *up;
    ngx_http_attest_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_attest_prompt_ctx(r);
    up = (ctx != NULL) ? ngx_http_attest_ends_find(ctx, u) : NULL;

    if (up == NULL || up->finalize == NULL) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: an upstream of an unknown request");
        u->keepalive = 0;
        return;
    }

    up->proven = (rc == NGX_OK && u->header_sent
                  && ngx_http_attest_ends_ended(u));

    up->finalize(r, rc);

    /* NGX_AGAIN is a header without a body, on its way to the client */

    if (up->dropped || (rc != NGX_OK && rc != NGX_AGAIN)) {
        u->keepalive = 0;
    }

    if (!ctx->format->inner) {
        return;
    }

    ngx_http_attest_ends_wipe_request(u);

    if (ctx->finished && up->unbuffered) {
        ngx_http_attest_ends_wipe_response(up);
    }
}


static ngx_uint_t
ngx_http_attest_ends_ended(ngx_http_upstream_t *u)
{
    if (u->length != 0) {
        return 0;
    }

    /* memcached's gives up on a wrong trailer, too: the value was not whole */

    return u->keepalive || u->conf->module.len != 0
           || u->input_filter == ngx_http_upstream_non_buffered_filter;
}


ngx_uint_t
ngx_http_attest_ends_proven(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_up_t  *up;

    for (up = ctx->ups; up; up = up->next) {
        if (up->part && !up->proven) {
            return 0;
        }
    }

    return !ctx->unproven_end;
}


void
ngx_http_attest_ends_drop(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_up_t  *up;

    up = ngx_http_attest_ends_find(ctx, r->upstream);

    if (up != NULL) {
        up->dropped = 1;
        up->part = 0;
    }
}


ngx_uint_t
ngx_http_attest_ends_owns(ngx_http_attest_ctx_t *ctx, ngx_buf_t *b)
{
    ngx_buf_t             *own;
    ngx_http_attest_up_t  *up;

    for (up = ctx->ups; up; up = up->next) {
        own = &up->u->buffer;

        if (up->unbuffered && b->pos >= own->start && b->last <= own->end) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_attest_ends_wipe_all(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_up_t  *up;

    if (!ctx->format->inner) {
        return;
    }

    for (up = ctx->ups; up; up = up->next) {

        /* whoever is not at its end yet does it there */

        if (up->unbuffered && up->u->cleanup == NULL) {
            ngx_http_attest_ends_wipe_request(up->u);
            ngx_http_attest_ends_wipe_response(up);
        }
    }
}


/* The header that nginx made for the backend, which has it. */

static void
ngx_http_attest_ends_wipe_request(ngx_http_upstream_t *u)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = u->request_bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->temporary) {
            sodium_memzero(b->start, b->end - b->start);
        }
    }
}


/* The one that came back; in the buffer nothing waits for the client. */

static void
ngx_http_attest_ends_wipe_response(ngx_http_attest_up_t *up)
{
    ngx_buf_t               *b;
    ngx_table_elt_t         *h;
    ngx_http_upstream_t     *u;
    ngx_http_attest_list_t   at;

    u = up->u;
    b = &u->buffer;

    if (b->start != NULL) {
        sodium_memzero(b->start, b->end - b->start);
    }

    if (!up->may_wipe) {
        return;
    }

    ngx_http_attest_list_begin(&at, &u->headers_in.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->value.len) {
            sodium_memzero(h->value.data, h->value.len);
        }
    }
}


/*
 * Values of HTTP/2 may be constants of its table, which cannot be wiped.  The
 * location says which version it is: u->conf may be somebody's copy of a part.
 */

static ngx_uint_t
ngx_http_attest_ends_may_wipe(ngx_http_request_t *r)
{
    void  *plcf;

    switch (ngx_http_attest_backend_kind(r->upstream)) {

    case NGX_HTTP_ATTEST_BACKEND_OTHER:
        return 0;

    case NGX_HTTP_ATTEST_BACKEND_PROXY:
        plcf = ngx_http_get_module_loc_conf(r, ngx_http_proxy_module);

        return ngx_http_attest_backend_version(plcf) <= NGX_HTTP_VERSION_11;

    default:
        return 1;
    }
}


/*
 * A redirect goes around the filters, and behind a HEAD nginx keeps the
 * connection of an answer that is still to come: an interim response gives no
 * orders.
 */

static ngx_int_t
ngx_http_attest_ends_redirect(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t offset)
{
    ngx_uint_t  status;

    status = r->upstream->headers_in.status_n;

    if (status != 0 && status < NGX_HTTP_OK) {
        return NGX_OK;
    }

    return ngx_http_attest_core_redirect(r, h, offset);
}


/* In the hash of this configuration: nginx's table outlives this module. */

static ngx_int_t
ngx_http_attest_ends_interim(ngx_conf_t *cf)
{
    ngx_hash_t                     *hash;
    ngx_uint_t                      key;
    ngx_hash_elt_t                 *elt;
    ngx_http_upstream_header_t     *hh, *own;
    ngx_http_upstream_main_conf_t  *umcf;

    static ngx_str_t  name = ngx_string("x-accel-redirect");

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    hash = &umcf->headers_in_hash;
    key = ngx_hash_key(name.data, name.len);

    hh = ngx_hash_find(hash, key, name.data, name.len);
    if (hh == NULL) {
        return NGX_OK;
    }

    own = ngx_palloc(cf->pool, sizeof(ngx_http_upstream_header_t));
    if (own == NULL) {
        return NGX_ERROR;
    }

    *own = *hh;
    own->handler = ngx_http_attest_ends_redirect;
    ngx_http_attest_core_redirect = hh->handler;

    for (elt = hash->buckets[key % hash->size];
         elt->value != hh;
         elt = (ngx_hash_elt_t *) ngx_align_ptr(&elt->name[0] + elt->len,
                                                sizeof(void *)))
    {
        /* void */
    }

    elt->value = own;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_ends_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_attest_ends_filter;

    return ngx_http_attest_ends_interim(cf);
}
