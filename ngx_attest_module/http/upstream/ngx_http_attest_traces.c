/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a request that is sealed leaves in nginx' own memory: its head and the
 * beginning of its body in the connection's buffers, the rest in that of the
 * body, frames of HTTP/2 in one that all connections share, and what TLS has
 * read or was about to write.  nginx gives all of that back as it is.
 */


#include "http/upstream/ngx_http_attest_sealing_ctx.h"
#include "http/upstream/ngx_http_attest_traces.h"

#if (NGX_HTTP_V2)
#include <ngx_http_v2_module.h>
#endif

#include <sodium.h>


static ngx_int_t ngx_http_attest_traces_handler(ngx_http_request_t *r);
static void ngx_http_attest_traces_cleanup(void *data);
static void ngx_http_attest_traces_head(ngx_http_request_t *r);
static void ngx_http_attest_traces_buffers(ngx_chain_t *cl, ngx_buf_t *but);
#if (NGX_HTTP_V2)
static void ngx_http_attest_traces_frames(ngx_event_t *ev);
#endif


#if (NGX_HTTP_V2)
static ngx_event_t  ngx_http_attest_traces_event;
#endif


/* Others may refuse the request before it is gathered. */

static ngx_int_t
ngx_http_attest_traces_handler(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t                  *cln;
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);

    if (slcf->seal == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_attest_traces_cleanup) {
            return NGX_DECLINED;
        }
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_attest_traces_cleanup;
    cln->data = r;

#if (NGX_HTTP_SSL && defined SSL_OP_CLEANSE_PLAINTEXT)
    if (r->connection->ssl != NULL) {
        /* the server that its name led to may be another one */
        SSL_set_options(r->connection->ssl->connection,
                        SSL_OP_CLEANSE_PLAINTEXT);
    }
#endif

    return NGX_DECLINED;
}


/* The request was logged, and its memory is about to be given back. */

static void
ngx_http_attest_traces_cleanup(void *data)
{
    ngx_http_request_t *r = data;

    ngx_http_attest_traces_body(r);

    if (r->http_version != NGX_HTTP_VERSION_20) {
        ngx_http_attest_traces_head(r);
    }

    ngx_http_attest_traces_sent(r->connection);
}


void
ngx_http_attest_traces_body(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    b = (r->request_body != NULL) ? r->request_body->buf : NULL;

    if (b != NULL && b->temporary) {
        sodium_memzero(b->start, b->end - b->start);
    }

    if (r->http_version != NGX_HTTP_VERSION_20) {
        /* behind the empty line, up to what was read as a body */

        b = r->header_in;

        if (b != NULL && r->header_end >= b->start && r->header_end < b->pos) {
            sodium_memzero(r->header_end, b->pos - r->header_end);
        }

        return;
    }

#if (NGX_HTTP_V2)
    b = r->stream->preread;

    if (r->request_body == NULL && b != NULL) {
        sodium_memzero(b->start, b->last - b->start);
    }

    /* who calls us may be reading from it */

    ngx_http_attest_traces_event.handler = ngx_http_attest_traces_frames;
    ngx_http_attest_traces_event.log = ngx_cycle->log;

    ngx_post_event(&ngx_http_attest_traces_event, &ngx_posted_events);
#endif
}


#if (NGX_HTTP_V2)

/* Between two reads nothing is kept there. */

static void
ngx_http_attest_traces_frames(ngx_event_t *ev)
{
    ngx_http_v2_main_conf_t  *h2mcf;

    h2mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_v2_module);

    if (h2mcf != NULL && h2mcf->recv_buffer != NULL) {
        sodium_memzero(h2mcf->recv_buffer, h2mcf->recv_buffer_size);
    }
}

#endif


/* A next request in the same buffer has not begun yet, and stays. */

static void
ngx_http_attest_traces_head(ngx_http_request_t *r)
{
    ngx_buf_t              *b;
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    c = r->connection;
    hc = r->http_connection;
    b = r->header_in;

    if (b == NULL) {
        return;
    }

    sodium_memzero(b->start, b->pos - b->start);

    if (c->buffer != NULL && c->buffer != b && c->buffer->start != NULL) {
        sodium_memzero(c->buffer->start, c->buffer->end - c->buffer->start);
    }

    if (hc != NULL) {
        ngx_http_attest_traces_buffers(hc->busy, b);
        ngx_http_attest_traces_buffers(hc->free, b);
    }
}


static void
ngx_http_attest_traces_buffers(ngx_chain_t *cl, ngx_buf_t *but)
{
    for ( /* void */ ; cl != NULL; cl = cl->next) {
        if (cl->buf != but) {
            sodium_memzero(cl->buf->start, cl->buf->end - cl->buf->start);
        }
    }
}


/* What waits to be sent stays. */

void
ngx_http_attest_traces_sent(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)
    ngx_buf_t  *b;

    b = (c != NULL && c->ssl != NULL) ? c->ssl->buf : NULL;

    if (b == NULL || b->start == NULL) {
        return;
    }

    sodium_memzero(b->start, b->pos - b->start);
    sodium_memzero(b->last, b->end - b->last);
#endif
}


void
ngx_http_attest_traces_copy_nothing(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)
    if (c != NULL && c->ssl != NULL) {
        c->ssl->buffer = 0;
    }
#endif
}


/* nginx copies it and frees it, unless it does not find it. */

u_char *
ngx_http_attest_traces_hold(ngx_http_request_t *r)
{
    u_char  *held;

    held = NULL;

#if (NGX_HTTP_V2)
    if (r->stream != NULL && r->request_body == NULL
        && r->stream->preread != NULL)
    {
        held = r->stream->preread->start;
        r->stream->preread->start = NULL;
    }
#endif

    return held;
}


void
ngx_http_attest_traces_drop(ngx_http_request_t *r, u_char *held)
{
#if (NGX_HTTP_V2)
    if (held != NULL) {
        sodium_memzero(held, r->stream->preread->last - held);
        r->stream->preread->start = held;
        r->stream->preread->last = held;
    }
#endif
}


void
ngx_http_attest_traces_tls(ngx_conf_t *cf, void **srv_conf)
{
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = srv_conf[ngx_http_ssl_module.ctx_index];

    ngx_http_attest_traces_cleanse(sscf->ssl.ctx);
#endif
}


void
ngx_http_attest_traces_cleanse(SSL_CTX *ctx)
{
#ifdef SSL_OP_CLEANSE_PLAINTEXT
    if (ctx != NULL) {
        SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
    }
#endif
}


/*
 * A phase runs its handlers from the last to the first: this one comes before
 * those that refuse a request.
 */

ngx_int_t
ngx_http_attest_traces_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_traces_handler;

    return NGX_OK;
}
