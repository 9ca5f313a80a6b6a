/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nginx' proxy module writes a request as ever; what is sent is an envelope
 * with that request inside, for the keys of the very peer that gets it.
 */


#include "http/upstream/ngx_http_attest_envelop.h"
#include "http/upstream/ngx_http_attest_gather.h"
#include "http/upstream/ngx_http_attest_traces.h"
#include "core/prompt/attest_keyconfig.h"

#include <sodium.h>


typedef struct {
    ngx_http_upstream_srv_conf_t    *uscf;
    ngx_http_upstream_init_peer_pt   init;
} ngx_http_attest_envelop_init_t;


static ngx_int_t ngx_http_attest_envelop_key(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t list,
    attest_keyconfig_t *kc, attest_envelope_key_t *key);
static ngx_int_t ngx_http_attest_envelop_plain(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_http1_t *req,
    attest_span_t *body);
static void ngx_http_attest_envelop_how(ngx_http_attest_sealing_ctx_t *ctx,
    attest_envelope_how_t *how, attest_bhttp_field_t *set);
static ngx_int_t ngx_http_attest_envelop_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, u_char *p, size_t room, size_t len);
static ngx_int_t ngx_http_attest_envelop_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_attest_envelop_write(void *data, ngx_chain_t *in);
static ngx_int_t ngx_http_attest_envelop_pinned(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_envelop_reinit(ngx_http_request_t *r);


/* of the proxy module, the same in every configuration */
static ngx_int_t  (*ngx_http_attest_proxy_reinit)(ngx_http_request_t *r);

/* of this process, from its first request on */
static attest_kem_tools_t  *ngx_http_attest_envelop_tools;


ngx_int_t
ngx_http_attest_envelop(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t list)
{
    int                     rc;
    size_t                  room, len;
    u_char                 *p;
    ngx_int_t               n;
    attest_span_t           body;
    attest_http1_t          req;
    attest_keyconfig_t      kc[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_bhttp_field_t    set;
    attest_envelope_key_t   key;
    attest_envelope_how_t   how;

    if (ngx_http_attest_envelop_tools == NULL) {
        ngx_http_attest_envelop_tools = attest_kem_tools_new();
    }

    n = ngx_http_attest_envelop_key(r, ctx, list, kc, &key);

    if (n != NGX_OK
        || ngx_http_attest_envelop_plain(r, ctx, &req, &body) != NGX_OK)
    {
        return (n == NGX_DECLINED) ? NGX_DECLINED : NGX_ERROR;
    }

    key.tools = ngx_http_attest_envelop_tools;

    ngx_http_attest_envelop_how(ctx, &how, &set);

    room = attest_envelope_room(&req, body, &key, &how);
    p = (room != 0) ? ngx_palloc(r->pool, room) : NULL;

    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_attest_sealing_ctx_forget(ctx);

    rc = attest_envelope_seal(&ctx->envelope, &key, &how, &req, body, p, room,
                              &len);
    if (rc != ATTEST_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the request cannot be sealed: %s",
                      attest_strerror(rc));
        return NGX_ERROR;
    }

    return ngx_http_attest_envelop_send(r, ctx, p, room, len);
}


static ngx_int_t
ngx_http_attest_envelop_key(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t list,
    attest_keyconfig_t *kc, attest_envelope_key_t *key)
{
    size_t                                count;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_attest_sealing_module);
    count = ATTEST_KEYCONFIG_MAX_KEYS;

    if (attest_keyconfig_parse_list(list.p, list.n, kc, NULL, &count)
        != ATTEST_OK
        || attest_envelope_choose(kc, count, ctx->conf->seal->form,
                                  smcf->xwing, key)
           != ATTEST_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the gateway names no key that \"attest_seal\" "
                      "can seal to");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* What nginx wrote; kept for other attempts, whatever these send. */

static ngx_int_t
ngx_http_attest_envelop_plain(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_http1_t *req,
    attest_span_t *body)
{
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (ctx->upstream != u) {
        ngx_http_attest_sealing_ctx_wipe_sent(ctx);
        ctx->upstream = u;
        ctx->head = u->request_bufs;
    }

    ngx_http_attest_gather_show_method(r, ctx);

    b = ctx->head->buf;

    if (attest_http1_parse(attest_span(b->start, b->last - b->start), req)
        != ATTEST_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the request has fields that cannot be sealed");
        return NGX_ERROR;
    }

    if (ctx->method.len != 0) {
        req->method = attest_span(ctx->method.data, ctx->method.len);
    }

    if (req->rest.n != 0) {
        /* proxy_set_body */
        *body = req->rest;

    } else if (ctx->prompt != NULL) {
        *body = attest_span(ctx->prompt->plain.data, ctx->body);

    } else if (ctx->head->next != NULL) {
        b = ctx->head->next->buf;
        *body = attest_span(b->start, b->last - b->start);

    } else {
        *body = ATTEST_NO_SPAN;
    }

    return NGX_OK;
}


static void
ngx_http_attest_envelop_how(ngx_http_attest_sealing_ctx_t *ctx,
    attest_envelope_how_t *how, attest_bhttp_field_t *set)
{
    ngx_http_attest_sealing_t           *seal;
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ctx->conf;
    seal = slcf->seal;

    ngx_memzero(how, sizeof(attest_envelope_how_t));

    how->path = attest_span(seal->path.data, seal->path.len);
    how->authority = attest_span(seal->authority.data, seal->authority.len);

    how->date = (ctx->said_date.len != 0)
                ? attest_span(ctx->said_date.data, ctx->said_date.len)
                : attest_span(ngx_cached_http_time.data,
                              ngx_cached_http_time.len);

    if (slcf->key_name.len != 0) {
        set->name = attest_span(slcf->key_name.data, slcf->key_name.len);
        set->value = attest_span(slcf->key_value.data, slcf->key_value.len);
        how->set = set;
        how->nset = 1;
    }
}


static ngx_int_t
ngx_http_attest_envelop_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, u_char *p, size_t room, size_t len)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_upstream_t  *u;

    if (ctx->sent != NULL) {
        /* outside are fields of the client's, too */
        sodium_memzero(ctx->sent->start, ctx->sent->last - ctx->sent->start);
        (void) ngx_pfree(r->pool, ctx->sent->start);
        ctx->sent = NULL;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = p + room;
    b->temporary = 1;
    b->flush = 1;

    cl->buf = b;
    cl->next = NULL;

    ctx->sent = b;
    ctx->state = NGX_HTTP_ATTEST_ANSWER_NONE;

    u = r->upstream;
    u->request_bufs = cl;

    /* answers are neither kept in memory that others free, nor in files */

    u->buffering = 0;
    u->store = 0;
#if (NGX_HTTP_CACHE)
    u->cacheable = 0;
#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_envelop_wrap(ngx_conf_t *cf,
    ngx_http_attest_sealing_main_conf_t *smcf,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_uint_t                       i;
    ngx_http_attest_envelop_init_t  *e;

    if (smcf->inits == NULL) {
        smcf->inits = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_attest_envelop_init_t));
        if (smcf->inits == NULL) {
            return NGX_ERROR;
        }
    }

    e = smcf->inits->elts;

    for (i = 0; i < smcf->inits->nelts; i++) {
        if (e[i].uscf == uscf) {
            return NGX_OK;
        }
    }

    e = ngx_array_push(smcf->inits);
    if (e == NULL) {
        return NGX_ERROR;
    }

    e->uscf = uscf;
    e->init = uscf->peer.init;
    uscf->peer.init = ngx_http_attest_envelop_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_envelop_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_uint_t                            i;
    ngx_http_upstream_t                  *u;
    ngx_http_attest_sealing_ctx_t        *ctx;
    ngx_http_attest_envelop_init_t       *e;
    ngx_http_attest_sealing_loc_conf_t   *slcf;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_attest_sealing_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);
    e = smcf->inits->elts;

    for (i = 0; e[i].uscf != us; i++) { /* void */ }

    if (e[i].init(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    if (slcf->seal == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx == NULL || !ctx->gathered) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: a request that was not gathered is not sent");
        return NGX_ERROR;
    }

    u = r->upstream;

    ngx_http_attest_proxy_reinit = u->reinit_request;
    u->reinit_request = ngx_http_attest_envelop_reinit;

    if (u->output.output_filter == ngx_chain_writer) {
        u->output.output_filter = ngx_http_attest_envelop_write;
    }

    return ngx_http_attest_envelop_pinned(r, ctx);
}


/* An answer may never come, and nginx closes a connection as it is. */

static ngx_int_t
ngx_http_attest_envelop_write(void *data, ngx_chain_t *in)
{
    ngx_chain_writer_ctx_t *writer = data;

    ngx_http_attest_traces_copy_nothing(writer->connection);

    return ngx_chain_writer(writer, in);
}


static ngx_int_t
ngx_http_attest_envelop_pinned(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_str_t  *keys;

    keys = (ctx->conf->seal->group != NULL) ? &ctx->carried
                                            : &ctx->conf->seal->keys;

    return ngx_http_attest_envelop(r, ctx,
                                   attest_span(keys->data, keys->len))
           == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* Another attempt: what was sent is not sent again. */

static ngx_int_t
ngx_http_attest_envelop_reinit(ngx_http_request_t *r)
{
    ngx_http_attest_sealing_ctx_t  *ctx;

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx == NULL || ngx_http_attest_proxy_reinit(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_envelop_pinned(r, ctx);
}


void
ngx_http_attest_envelop_exit(void)
{
    attest_kem_tools_free(ngx_http_attest_envelop_tools);

    ngx_http_attest_envelop_tools = NULL;
}
