/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "attest_present": connections to a group of backends show the attested
 * certificate of this instance, where a backend asks for one, as OpenSSL's
 * callback does for our clients.  A connection that has shown the certificate
 * of an earlier generation is not used again, and no session is resumed: it
 * would show none at all.
 */


#include "http/evidence/ngx_http_attest_view.h"
#include "http/upstream/ngx_http_attest_kept.h"
#include "http/upstream/ngx_http_attest_present.h"
#include "http/upstream/ngx_http_attest_verify.h"


/* What stands before the balancer of one request. */

typedef struct {
    ngx_http_request_t        *request;
    void                      *data;
    ngx_event_get_peer_pt      get;
    ngx_event_free_peer_pt     free;
    ngx_event_notify_peer_pt   notify;
} ngx_http_attest_present_t;


static ngx_int_t ngx_http_attest_present_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_attest_present_get(ngx_peer_connection_t *pc,
    void *data);
static ngx_uint_t ngx_http_attest_present_stale(ngx_http_request_t *r,
    ngx_connection_t *c);
static void ngx_http_attest_present_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_http_attest_present_notify(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t type);
static ngx_int_t ngx_http_attest_present_no_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_attest_present_nothing(ngx_peer_connection_t *pc,
    void *data);
static ngx_http_attest_srv_conf_t *ngx_http_attest_present_of(
    ngx_http_upstream_srv_conf_t *us);
static int ngx_http_attest_present_cb(ngx_ssl_conn_t *ssl_conn, void *data);


/* one for the process: indexes cannot be given back to OpenSSL */
static int  ngx_http_attest_present_index = -1;


ngx_int_t
ngx_http_attest_present_groups(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                       i;
    ngx_http_attest_srv_conf_t      *ascf;
    ngx_http_upstream_srv_conf_t   **us;
    ngx_http_upstream_main_conf_t   *umcf;

    if (ngx_http_attest_present_index == -1) {
        ngx_http_attest_present_index = SSL_get_ex_new_index(0, NULL, NULL,
                                                             NULL, NULL);
        if (ngx_http_attest_present_index == -1) {
            return NGX_ERROR;
        }
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    us = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        ascf = ngx_http_attest_present_of(us[i]);

        if (ascf == NULL) {
            continue;
        }

        amcf->presents = &us[i]->host;

        if (ascf->verify != NULL) {
            ascf->verify->present = 1;
        }

        ascf->present_init = us[i]->peer.init;
        us[i]->peer.init = ngx_http_attest_present_init;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_present_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->presents != NULL && !amcf->certificate) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"attest_present on\" in upstream \"%V\" needs "
                      "\"attest_certificate on\" in some server with TLS: "
                      "there is no certificate to present", amcf->presents);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Of a group that presents; else NULL. */

static ngx_http_attest_srv_conf_t *
ngx_http_attest_present_of(ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_attest_srv_conf_t  *ascf;

    if (us == NULL || us->srv_conf == NULL) {
        /* not of an upstream{} */
        return NULL;
    }

    ascf = ngx_http_conf_upstream_srv_conf(us, ngx_http_attest_module);

    return (ascf != NULL && ascf->present == 1) ? ascf : NULL;
}


static ngx_int_t
ngx_http_attest_present_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t         *u;
    ngx_http_attest_present_t   *p;
    ngx_http_attest_srv_conf_t  *ascf;

    u = r->upstream;
    ascf = ngx_http_attest_present_of(us);

    if (!u->ssl || u->conf->ssl == NULL || u->conf->ssl->ctx == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: upstream \"%V\" has \"attest_present on\" and "
                      "is not used without TLS", &us->host);
        return NGX_ERROR;
    }

    SSL_CTX_set_cert_cb(u->conf->ssl->ctx, ngx_http_attest_present_cb, NULL);

    if (ascf->present_init(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_palloc(r->pool, sizeof(ngx_http_attest_present_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->request = r;
    p->data = u->peer.data;
    p->get = u->peer.get;
    p->free = u->peer.free;
    p->notify = u->peer.notify;

    u->peer.data = p;
    u->peer.get = ngx_http_attest_present_get;
    u->peer.free = ngx_http_attest_present_free;
    u->peer.set_session = ngx_http_attest_present_no_session;
    u->peer.save_session = ngx_http_attest_present_nothing;

    if (p->notify != NULL) {
        u->peer.notify = ngx_http_attest_present_notify;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_present_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_attest_present_t *p = data;

    ngx_int_t  rc;

    rc = p->get(pc, p->data);

    if (rc != NGX_DONE || pc->connection == NULL
        || !ngx_http_attest_present_stale(p->request, pc->connection))
    {
        return rc;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "attest: kept connection of an earlier certificate");

    ngx_http_attest_kept_close(pc);

    return NGX_OK;
}


/* It was asked for a certificate, and has shown one of before. */

static ngx_uint_t
ngx_http_attest_present_stale(ngx_http_request_t *r, ngx_connection_t *c)
{
    void                         *shown;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    if (c->ssl == NULL) {
        return 1;
    }

    shown = SSL_get_ex_data(c->ssl->connection, ngx_http_attest_present_index);
    if (shown == NULL) {
        return 0;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    view = ngx_http_attest_view(amcf, r->connection->log);

    return view == NULL || shown != (void *) (uintptr_t) view->number;
}


static void
ngx_http_attest_present_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_attest_present_t *p = data;

    p->free(pc, p->data, state);
}


static void
ngx_http_attest_present_notify(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t type)
{
    ngx_http_attest_present_t *p = data;

    p->notify(pc, p->data, type);
}


static ngx_int_t
ngx_http_attest_present_no_session(ngx_peer_connection_t *pc, void *data)
{
    return NGX_OK;
}


static void
ngx_http_attest_present_nothing(ngx_peer_connection_t *pc, void *data)
{
    /* void */
}


/*
 * Locations share contexts, and a context's groups are many: which one this
 * handshake is for, the request says.  0 ends it: fail closed.
 */

static int
ngx_http_attest_present_cb(ngx_ssl_conn_t *ssl_conn, void *data)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    c = ngx_ssl_get_connection(ssl_conn);
    r = c->data;

    if (ngx_http_attest_present_of(r->upstream->upstream) == NULL) {
        return 1;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    view = ngx_http_attest_view(amcf, c->log);

    if (view == NULL || view->cert == NULL) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "attest: there is no valid certificate to present");
        return 0;
    }

    SSL_certs_clear(ssl_conn);

    if (SSL_use_certificate(ssl_conn, view->cert) != 1
        || SSL_use_PrivateKey(ssl_conn, view->key) != 1)
    {
        return 0;
    }

    return SSL_set_ex_data(ssl_conn, ngx_http_attest_present_index,
                           (void *) (uintptr_t) view->number);
}


/* In the event loop: views are its own. */

ngx_int_t
ngx_http_attest_present_hold(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_present_own_t *own, ngx_log_t *log)
{
    ngx_http_attest_view_t  *view;

    own->cert = NULL;
    own->key = NULL;

    view = ngx_http_attest_view(amcf, log);

    if (view == NULL || view->cert == NULL) {
        return NGX_DECLINED;
    }

    if (X509_up_ref(view->cert) == 1) {
        own->cert = view->cert;
    }

    if (EVP_PKEY_up_ref(view->key) == 1) {
        own->key = view->key;
    }

    return (own->cert != NULL && own->key != NULL) ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_attest_present_release(ngx_http_attest_present_own_t *own)
{
    /* which may be none */

    X509_free(own->cert);
    EVP_PKEY_free(own->key);

    own->cert = NULL;
    own->key = NULL;
}


int
ngx_http_attest_present_identity(SSL_CTX *ctx, void *data,
    char err[ATTEST_CLIENT_ERR])
{
    ngx_http_attest_present_own_t *own = data;

    if (SSL_CTX_use_certificate(ctx, own->cert) != 1
        || SSL_CTX_use_PrivateKey(ctx, own->key) != 1)
    {
        return attest_bytes_error(err, "our own certificate cannot be used");
    }

    return ATTEST_OK;
}
