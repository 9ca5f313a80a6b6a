/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Through a relay goes what a gateway opens: who connects is not who is
 * verified.  The gateway's group is asked for its evidence without the relay;
 * requests wait for that before anything is sent.
 */


#include "http/upstream/ngx_http_attest_appraise.h"
#include "http/upstream/ngx_http_attest_relay.h"


typedef struct {
    ngx_http_attest_waiter_t         waiter;
    ngx_http_attest_identity_t       id;
    ngx_http_request_t              *request;
    ngx_http_attest_sealing_ctx_t   *ctx;
    ngx_http_attest_relay_done_pt    done;
    ngx_uint_t                       server;    /* the next to be asked */
} ngx_http_attest_relay_t;


static ngx_http_attest_relay_t *ngx_http_attest_relay_of(
    ngx_http_request_t *r, ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_relay_leave(void *data);
static ngx_int_t ngx_http_attest_relay_take(ngx_http_attest_relay_t *relay);
static ngx_int_t ngx_http_attest_relay_wait(ngx_http_attest_relay_t *relay);
static ngx_int_t ngx_http_attest_relay_peer(ngx_http_attest_relay_t *relay,
    ngx_http_upstream_server_t *server);
static void ngx_http_attest_relay_waited(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what);


ngx_int_t
ngx_http_attest_relay_keys(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_relay_done_pt done)
{
    ngx_int_t                 rc;
    ngx_http_attest_relay_t  *relay;

    relay = ngx_http_attest_relay_of(r, ctx);
    if (relay == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_attest_relay_take(relay);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    relay->done = done;
    relay->server = 0;

    return ngx_http_attest_relay_wait(relay);
}


static ngx_http_attest_relay_t *
ngx_http_attest_relay_of(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_attest_relay_t  *relay;

    if (ctx->relay != NULL) {
        return ctx->relay;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_attest_relay_t));
    if (cln == NULL) {
        return NULL;
    }

    relay = cln->data;
    ngx_memzero(relay, sizeof(ngx_http_attest_relay_t));

    cln->handler = ngx_http_attest_relay_leave;

    relay->request = r;
    relay->ctx = ctx;
    relay->waiter.verify = ngx_http_attest_verify_of(ctx->conf->seal->group);

    ctx->relay = relay;

    return relay;
}


static void
ngx_http_attest_relay_leave(void *data)
{
    ngx_http_attest_relay_t *relay = data;

    ngx_http_attest_appraise_leave(&relay->waiter);
}


/* NGX_AGAIN: nobody is known to be the gateway now. */

static ngx_int_t
ngx_http_attest_relay_take(ngx_http_attest_relay_t *relay)
{
    ngx_http_attest_verify_t        *v;
    ngx_http_attest_identity_ref_t   ref;

    v = relay->waiter.verify;

    if (ngx_http_attest_identity_any(v, &ref) != NGX_OK
        || ngx_http_attest_identity_get(v, &ref, &relay->id) != NGX_OK)
    {
        return NGX_AGAIN;
    }

    if (relay->id.list_len == 0) {
        ngx_log_error(NGX_LOG_ERR, relay->request->connection->log, 0,
                      "attest: the gateway has proven no prompt keys, "
                      "\"attest_seal\" sends nothing to it");
        return NGX_DECLINED;
    }

    relay->ctx->carried.data = relay->id.list;
    relay->ctx->carried.len = relay->id.list_len;

    return NGX_OK;
}


/* For one of its servers after the other. */

static ngx_int_t
ngx_http_attest_relay_wait(ngx_http_attest_relay_t *relay)
{
    ngx_array_t                 *servers;
    ngx_http_attest_waiter_t    *w;
    ngx_http_upstream_server_t  *server;

    w = &relay->waiter;
    servers = relay->ctx->conf->seal->group->servers;
    server = servers->elts;

    while (relay->server < servers->nelts) {

        if (ngx_http_attest_relay_peer(relay, &server[relay->server++])
            != NGX_OK)
        {
            continue;
        }

        ngx_memzero(w->spki, sizeof(w->spki));
        w->done = ngx_http_attest_relay_waited;
        w->data = relay;

        if (ngx_http_attest_appraise_wait(w, relay->request->connection->log)
            == NGX_OK)
        {
            return NGX_AGAIN;
        }
    }

    return NGX_DECLINED;
}


/* Its name is the authority that the request inside is for. */

static ngx_int_t
ngx_http_attest_relay_peer(ngx_http_attest_relay_t *relay,
    ngx_http_upstream_server_t *server)
{
    char                       name[NGX_HTTP_ATTEST_PEER_NAME];
    char                       host[NGX_HTTP_ATTEST_PEER_HOST];
    size_t                     len;
    u_char                    *p, *last;
    ngx_str_t                 *authority;
    ngx_http_attest_waiter_t  *w;

    w = &relay->waiter;
    authority = &relay->ctx->conf->seal->authority;

    /* without a port; the address of IPv6 in its brackets has colons */

    last = authority->data + authority->len;
    p = (authority->len && authority->data[0] == '[')
        ? ngx_strlchr(authority->data, last, ']') : authority->data;
    p = (p != NULL) ? ngx_strlchr(p, last, ':') : NULL;
    len = (p != NULL) ? (size_t) (p - authority->data) : authority->len;

    if (server->down || server->naddrs == 0
        || len >= NGX_HTTP_ATTEST_PEER_HOST)
    {
        return NGX_DECLINED;
    }

    (void) ngx_cpystrn((u_char *) host, authority->data, len + 1);

    len = ngx_sock_ntop(server->addrs[0].sockaddr, server->addrs[0].socklen,
                        (u_char *) name, NGX_HTTP_ATTEST_PEER_NAME - 1, 1);
    name[len] = '\0';

    return ngx_http_attest_identity_peer(w->verify, name, host, &w->peer);
}


/* What key the gateway has is nobody's concern here: any that is proven. */

static void
ngx_http_attest_relay_waited(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what)
{
    ngx_http_attest_relay_t *relay = w->data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = relay->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_attest_relay_take(relay);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_attest_relay_wait(relay);
    }

    if (rc != NGX_AGAIN) {
        relay->done(r, relay->ctx, rc);
        ngx_http_run_posted_requests(c);
    }
}


void
ngx_http_attest_relay_doubt(ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_http_attest_relay_t *relay = ctx->relay;

    if (relay != NULL && ctx->carried.len != 0) {
        ngx_http_attest_identity_doubt(relay->waiter.verify, &relay->id);
        ctx->carried.len = 0;
    }
}
