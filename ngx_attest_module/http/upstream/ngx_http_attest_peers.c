/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections of verified groups.  Every one of them, new or kept alive,
 * belongs to a key that was appraised, or nothing is sent on it.
 *
 * The key shows in the handshake, where nobody can wait.  So a handshake is
 * let through, and what nginx does when it is complete, which is to send the
 * request, is ours to call: at once, later, or as if the handshake had failed.
 * This is the one place that no form of proxy_pass, grpc_pass or uwsgi_pass,
 * no variable and no subrequest gets around.
 *
 * A session that is resumed shows no key: there are none.
 */


#include "http/upstream/ngx_http_attest_kept.h"
#include "http/upstream/ngx_http_attest_peers.h"
#include "http/upstream/ngx_http_attest_appraise.h"
#include "http/upstream/ngx_http_attest_way.h"


#define NGX_HTTP_ATTEST_PEERS_AGAIN  3      /* connections to one peer, of
                                               a request, for another key */


/* What stands between nginx and the balancer; of a request. */

typedef struct {
    ngx_http_attest_way_t      way;
    ngx_http_request_t        *request;
    ngx_http_upstream_t       *upstream;
    ngx_http_attest_identity_t  *id;        /* room for way.id */
    ngx_http_upstream_conf_t   conf;        /* as nginx uses it */
    ngx_http_upstream_conf_t  *location;    /* as it was written */

    void                      *data;        /* the balancer's */
    ngx_event_get_peer_pt      get;
    ngx_event_free_peer_pt     free;
    ngx_event_notify_peer_pt   notify;

    /* while the same peer is to be connected again */
    struct sockaddr           *sockaddr;
    socklen_t                  socklen;
    ngx_str_t                 *name;
    ngx_uint_t                 next_upstream;
    ngx_msec_t                 next_upstream_timeout;
    ngx_uint_t                 tries;
    unsigned                   again:1;
} ngx_http_attest_peers_t;


/* Of a TLS connection. */

typedef struct {
    ngx_connection_t          *connection;
    ngx_http_attest_verify_t  *verify;
    ngx_http_attest_peers_t   *peers;       /* of who connects, until the
                                               handshake is over for nginx */
    const ngx_http_upstream_conf_t  *location;  /* that it was made by */
    ngx_http_attest_identity_ref_t  ref;
    ngx_http_attest_waiter_t   waiter;
    ngx_connection_handler_pt  handler;     /* nginx's, when complete */
    u_char                     spki[32];
    unsigned                   started:1;   /* nginx has set its handler */
    unsigned                   seen:1;      /* spki is set */
} ngx_http_attest_mark_t;


static ngx_int_t ngx_http_attest_peers_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static void ngx_http_attest_peers_cleanup(void *data);
static ngx_int_t ngx_http_attest_peers_get(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_attest_peers_balance(ngx_http_attest_peers_t *p,
    ngx_peer_connection_t *pc);
static void ngx_http_attest_peers_release(ngx_http_attest_peers_t *p,
    ngx_peer_connection_t *pc, ngx_uint_t state);
static ngx_uint_t ngx_http_attest_peers_kept(ngx_http_attest_peers_t *p,
    ngx_connection_t *c);
static void ngx_http_attest_peers_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_http_attest_peers_notify(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t type);
static ngx_int_t ngx_http_attest_peers_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_attest_peers_save_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_attest_peers_leave(void *data);

static long ngx_http_attest_peers_bio(BIO *bio, int oper, const char *argp,
    size_t len, int argi, long argl, int ret, size_t *processed);
static int ngx_http_attest_peers_certificate(X509_STORE_CTX *store,
    void *arg);
static int ngx_http_attest_peers_unmarked(X509_STORE_CTX *store,
    ngx_ssl_conn_t *ssl);
static ngx_int_t ngx_http_attest_peers_spki(X509_STORE_CTX *store,
    u_char spki[32]);

static void ngx_http_attest_peers_handshaked(ngx_connection_t *c);
static void ngx_http_attest_peers_go(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p);
static void ngx_http_attest_peers_refuse(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p);
static void ngx_http_attest_peers_again(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p);
static ngx_int_t ngx_http_attest_peers_ready(ngx_http_attest_peers_t *p,
    ngx_http_attest_mark_t *mark);
static ngx_uint_t ngx_http_attest_peers_same_end(ngx_http_attest_peers_t *p,
    ngx_http_attest_mark_t *mark);
static ngx_int_t ngx_http_attest_peers_hold(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p);
static ngx_int_t ngx_http_attest_peers_name(ngx_connection_t *c,
    ngx_http_upstream_t *u, char *name, char *host);
static ngx_uint_t ngx_http_attest_peers_is_host(ngx_str_t *text);
static void ngx_http_attest_peers_held(ngx_event_t *ev);
static ngx_uint_t ngx_http_attest_peers_closed(ngx_event_t *ev);
static void ngx_http_attest_peers_waited(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what);


/* once per process, whatever the number of configurations */
static int  ngx_http_attest_peers_index = -1;


ngx_int_t
ngx_http_attest_peers_wrap(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                       i;
    ngx_http_attest_verify_t        *v;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    if (ngx_http_attest_peers_index == -1) {
        ngx_http_attest_peers_index = SSL_get_ex_new_index(0, NULL, NULL,
                                                           NULL, NULL);
        if (ngx_http_attest_peers_index == -1) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "SSL_get_ex_new_index() failed");
            return NGX_ERROR;
        }
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        v = ngx_http_attest_verify_of(uscfp[i]);

        if (v != NULL) {
            v->init = uscfp[i]->peer.init;
            uscfp[i]->peer.init = ngx_http_attest_peers_init;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_peers_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    const char                *why;
    ngx_pool_cleanup_t        *cln;
    ngx_http_upstream_t       *u;
    ngx_http_attest_peers_t   *p;
    ngx_http_attest_verify_t  *v;

    u = r->upstream;
    v = ngx_http_attest_verify_of(us);

    why = u->ssl ? ngx_http_attest_verify_unfit(u->conf)
                 : "the connection would be without TLS";

    if (why != NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: upstream \"%V\" is verified and not used "
                      "here: %s", &v->name, why);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_attest_peers_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    p = cln->data;
    ngx_memzero(p, sizeof(ngx_http_attest_peers_t));

    cln->handler = ngx_http_attest_peers_cleanup;

    /* all locations that have nothing of their own share one context */

    SSL_CTX_set_cert_verify_callback(u->conf->ssl->ctx,
                                     ngx_http_attest_peers_certificate, NULL);

    if (v->init(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    /* set_session() is called only where sessions may be reused */

    p->location = u->conf;
    p->conf = *u->conf;
    p->conf.ssl_session_reuse = 1;
    u->conf = &p->conf;

    p->way.verify = v;
    p->request = r;
    p->upstream = u;
    p->data = u->peer.data;
    p->get = u->peer.get;
    p->free = u->peer.free;
    p->notify = u->peer.notify;

    u->peer.data = p;
    u->peer.get = ngx_http_attest_peers_get;
    u->peer.free = ngx_http_attest_peers_free;
    u->peer.set_session = ngx_http_attest_peers_set_session;
    u->peer.save_session = ngx_http_attest_peers_save_session;

    if (p->notify != NULL) {
        u->peer.notify = ngx_http_attest_peers_notify;
    }

    ngx_http_attest_way_set(r, &p->way);

    return NGX_OK;
}


/* The request ended before the peer that it kept was connected again. */

static void
ngx_http_attest_peers_cleanup(void *data)
{
    ngx_http_attest_peers_t *p = data;

    if (p->again) {
        p->again = 0;
        ngx_http_attest_peers_release(p, &p->upstream->peer, 0);
    }
}


static ngx_int_t
ngx_http_attest_peers_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_attest_peers_t *p = data;

    ngx_int_t          rc;
    ngx_connection_t  *c;

    if (p->again) {
        p->again = 0;
        p->conf.next_upstream = p->next_upstream;
        p->conf.next_upstream_timeout = p->next_upstream_timeout;

        pc->sockaddr = p->sockaddr;
        pc->socklen = p->socklen;
        pc->name = p->name;
        pc->cached = 0;
        pc->connection = NULL;

        return NGX_OK;
    }

    p->way.id = NULL;

    rc = ngx_http_attest_peers_balance(p, pc);

    if (rc == NGX_BUSY && ngx_http_attest_identity_all_fail(p->way.verify)) {
        /* the balancer gives up on peers that were refused */
        p->way.refused = 1;
        p->way.verdict = ATTEST_UNDECIDED;
    }

    if (rc != NGX_DONE || pc->connection == NULL) {
        return rc;
    }

    c = pc->connection;

    if (ngx_http_attest_peers_kept(p, c)) {
        return NGX_DONE;
    }

    if (p->way.id != NULL) {
        /* valid, and yet not to be used */
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "attest: kept connection %p has no valid key", c);

    ngx_http_attest_kept_close(pc);

    return NGX_OK;
}


/*
 * 1.29.7: what is kept alive without "keepalive" belongs to a location, which
 * is known by the address of its configuration.  That of our copy is another
 * in each request, and one day that of another location's.
 */

static ngx_int_t
ngx_http_attest_peers_balance(ngx_http_attest_peers_t *p,
    ngx_peer_connection_t *pc)
{
    ngx_int_t  rc;

    p->upstream->conf = p->location;

    rc = p->get(pc, p->data);

    p->upstream->conf = &p->conf;

    return rc;
}


static void
ngx_http_attest_peers_release(ngx_http_attest_peers_t *p,
    ngx_peer_connection_t *pc, ngx_uint_t state)
{
    p->upstream->conf = p->location;

    p->free(pc, p->data, state);

    p->upstream->conf = &p->conf;
}


static ngx_uint_t
ngx_http_attest_peers_kept(ngx_http_attest_peers_t *p, ngx_connection_t *c)
{
    ngx_http_attest_mark_t  *mark;

    if (c->ssl == NULL) {
        return 0;
    }

    mark = SSL_get_ex_data(c->ssl->connection, ngx_http_attest_peers_index);

    if (mark == NULL || mark->verify != p->way.verify) {
        return 0;
    }

    return ngx_http_attest_peers_ready(p, mark) == NGX_OK;
}


static void
ngx_http_attest_peers_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_attest_peers_t *p = data;

    /* the balancer's choice stands for the next connection, too */

    if (!p->again) {
        ngx_http_attest_peers_release(p, pc,
                                      p->way.elsewhere ? 0 : state);
    }
}


static void
ngx_http_attest_peers_notify(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t type)
{
    ngx_http_attest_peers_t *p = data;

    p->notify(pc, p->data, type);
}


/* Before the handshake; no session is set. */

static ngx_int_t
ngx_http_attest_peers_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_attest_peers_t *p = data;

    BIO                     *bio;
    ngx_connection_t        *c;
    ngx_ssl_conn_t          *ssl;
    ngx_pool_cleanup_t      *cln;
    ngx_http_attest_mark_t  *mark;

    c = pc->connection;
    ssl = c->ssl->connection;

    cln = ngx_pool_cleanup_add(c->pool, sizeof(ngx_http_attest_mark_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    mark = cln->data;
    ngx_memzero(mark, sizeof(ngx_http_attest_mark_t));

    cln->handler = ngx_http_attest_peers_leave;

    mark->connection = c;
    mark->verify = p->way.verify;
    mark->peers = p;
    mark->location = p->location;

    bio = SSL_get_rbio(ssl);

    if (bio == NULL
        || SSL_set_ex_data(ssl, ngx_http_attest_peers_index, mark) == 0)
    {
        return NGX_ERROR;
    }

    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);

    /* the default of proxy_ssl_protocols has none that gateways speak */

    SSL_clear_options(ssl, SSL_OP_NO_TLSv1_3);

    BIO_set_callback_arg(bio, (char *) mark);
    BIO_set_callback_ex(bio, ngx_http_attest_peers_bio);

    return NGX_OK;
}


static void
ngx_http_attest_peers_save_session(ngx_peer_connection_t *pc, void *data)
{
    /* void */
}


static void
ngx_http_attest_peers_leave(void *data)
{
    ngx_http_attest_mark_t *mark = data;

    ngx_http_attest_appraise_leave(&mark->waiter);
}


/*
 * nginx says what it does after the handshake only when the handshake has not
 * been completed at the first call: the peer's first bytes are not read then.
 * That they come is seen by nginx's next look at the socket, whether they were
 * there or not.  At the second call it has said, and our own takes its place.
 */

static long
ngx_http_attest_peers_bio(BIO *bio, int oper, const char *argp, size_t len,
    int argi, long argl, int ret, size_t *processed)
{
    ngx_connection_t        *c;
    ngx_http_attest_mark_t  *mark;

    if (oper != BIO_CB_READ) {
        return ret;
    }

    mark = (ngx_http_attest_mark_t *) BIO_get_callback_arg(bio);

    if (!mark->started) {
        mark->started = 1;

        BIO_clear_retry_flags(bio);
        BIO_set_retry_read(bio);

        return -1;
    }

    BIO_set_callback_ex(bio, NULL);

    c = mark->connection;

    if (c->ssl->handler == NULL) {
        BIO_clear_retry_flags(bio);
        return -1;
    }

    mark->handler = c->ssl->handler;
    c->ssl->handler = ngx_http_attest_peers_handshaked;

    return ret;
}


static int
ngx_http_attest_peers_certificate(X509_STORE_CTX *store, void *arg)
{
    u_char                   spki[32];
    ngx_ssl_conn_t          *ssl;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_attest_mark_t  *mark;

    ssl = X509_STORE_CTX_get_ex_data(store,
                                     SSL_get_ex_data_X509_STORE_CTX_idx());

    mark = SSL_get_ex_data(ssl, ngx_http_attest_peers_index);

    if (mark == NULL) {
        return ngx_http_attest_peers_unmarked(store, ssl);
    }

    c = mark->connection;

    if (c->ssl->handler != ngx_http_attest_peers_handshaked || mark->seen
        || ngx_http_attest_peers_spki(store, spki) != NGX_OK)
    {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }

    ngx_memcpy(mark->spki, spki, sizeof(mark->spki));
    mark->seen = 1;

    r = c->data;

    /* nginx looks at the result later, where that was asked for */

    if (r->upstream->conf->ssl_verify) {
        (void) X509_verify_cert(store);

    } else {
        X509_STORE_CTX_set_error(store, X509_V_OK);
    }

    return 1;
}


/* Others use the same context; but nothing of ours has no mark. */

static int
ngx_http_attest_peers_unmarked(X509_STORE_CTX *store, ngx_ssl_conn_t *ssl)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    c = ngx_ssl_get_connection(ssl);
    r = c->data;
    u = (r != NULL) ? r->upstream : NULL;

    if (u == NULL || (u->upstream != NULL
                      && ngx_http_attest_verify_of(u->upstream) != NULL))
    {
        /* without this OpenSSL would not mind */

        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);

        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }

    return X509_verify_cert(store) > 0;
}


static ngx_int_t
ngx_http_attest_peers_spki(X509_STORE_CTX *store, u_char spki[32])
{
    X509      *leaf;
    EVP_PKEY  *key;

    leaf = X509_STORE_CTX_get0_cert(store);
    key = (leaf != NULL) ? X509_get0_pubkey(leaf) : NULL;

    if (key == NULL || attest_x509_spki_hash(key, spki) != ATTEST_OK) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* In place of nginx's handler, when the handshake is over. */

static void
ngx_http_attest_peers_handshaked(ngx_connection_t *c)
{
    ngx_http_attest_mark_t   *mark;
    ngx_http_attest_peers_t  *p;

    mark = SSL_get_ex_data(c->ssl->connection, ngx_http_attest_peers_index);
    c->ssl->handler = mark->handler;

    if (!c->ssl->handshaked) {
        mark->handler(c);
        return;
    }

    p = mark->peers;

    if (!mark->seen) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "attest: peer %V of upstream \"%V\" showed no "
                      "certificate", p->upstream->peer.name,
                      &mark->verify->name);
        ngx_http_attest_peers_refuse(c, mark, p);
        return;
    }

    if (ngx_http_attest_identity_find(mark->verify, mark->spki, &mark->ref)
        == NGX_OK)
    {
        ngx_http_attest_peers_go(c, mark, p);
        return;
    }

    if (ngx_http_attest_peers_hold(c, mark, p) != NGX_OK) {
        ngx_http_attest_peers_refuse(c, mark, p);
    }
}


static void
ngx_http_attest_peers_go(ngx_connection_t *c, ngx_http_attest_mark_t *mark,
    ngx_http_attest_peers_t *p)
{
    if (ngx_http_attest_peers_ready(p, mark) != NGX_OK) {
        ngx_http_attest_peers_refuse(c, mark, p);
        return;
    }

    mark->peers = NULL;
    mark->handler(c);
}


/* As a handshake that failed: nginx goes on to the next peer. */

static void
ngx_http_attest_peers_refuse(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p)
{
    p->way.refused = 1;
    p->way.id = NULL;
    p->way.verdict = ngx_http_attest_identity_verdict(mark->verify,
                                                      &mark->waiter.peer);

    c->ssl->handshaked = 0;
    mark->handler(c);
}


/*
 * The same, but to the same peer: it has other keys than those that this
 * connection began with, and is no worse for it.
 */

static void
ngx_http_attest_peers_again(ngx_connection_t *c,
    ngx_http_attest_mark_t *mark, ngx_http_attest_peers_t *p)
{
    ngx_http_upstream_t  *u;

    if (p->tries++ == NGX_HTTP_ATTEST_PEERS_AGAIN) {
        ngx_http_attest_peers_refuse(c, mark, p);
        return;
    }

    u = p->upstream;

    p->sockaddr = u->peer.sockaddr;
    p->socklen = u->peer.socklen;
    p->name = u->peer.name;
    p->next_upstream = p->conf.next_upstream;
    p->next_upstream_timeout = p->conf.next_upstream_timeout;
    p->again = 1;

    p->conf.next_upstream |= NGX_HTTP_UPSTREAM_FT_ERROR;
    p->conf.next_upstream_timeout = 0;

    c->ssl->handshaked = 0;
    mark->handler(c);
}


/* The one place before the first byte of a request, on any connection. */

static ngx_int_t
ngx_http_attest_peers_ready(ngx_http_attest_peers_t *p,
    ngx_http_attest_mark_t *mark)
{
    ngx_http_request_t            *r;
    ngx_http_attest_identity_t    *id;
    ngx_http_attest_main_conf_t   *amcf;

    r = p->request;
    id = p->id;

    if (id == NULL) {
        id = ngx_palloc(r->pool, sizeof(ngx_http_attest_identity_t));
        if (id == NULL) {
            return NGX_ERROR;
        }

        p->id = id;
    }

    if (ngx_http_attest_identity_get(p->way.verify, &mark->ref, id) != NGX_OK
        || (id->keys_only && !ngx_http_attest_peers_same_end(p, mark)))
    {
        return NGX_DECLINED;
    }

    p->way.id = id;
    p->way.refused = 0;
    p->way.elsewhere = 0;
    p->way.verdict = ATTEST_TRUSTED;

    amcf = p->way.verify->amcf;

    if (amcf->run.ready == NULL) {
        /* nothing is sealed anywhere */
        return id->keys_only ? NGX_DECLINED : NGX_OK;
    }

    return amcf->run.ready(r, id);
}


/*
 * Where an authority alone says who ends TLS, a kept connection is of those
 * that were asked for by the same location, by the same name.
 */

static ngx_uint_t
ngx_http_attest_peers_same_end(ngx_http_attest_peers_t *p,
    ngx_http_attest_mark_t *mark)
{
    if (mark->peers == p) {
        /* made for this request */
        return 1;
    }

    return mark->location == p->location
           && (p->conf.ssl_name == NULL || p->conf.ssl_name->lengths == NULL);
}


/* Nothing is sent and nothing is read until somebody has looked. */

static ngx_int_t
ngx_http_attest_peers_hold(ngx_connection_t *c, ngx_http_attest_mark_t *mark,
    ngx_http_attest_peers_t *p)
{
    char                       name[NGX_HTTP_ATTEST_PEER_NAME];
    char                       host[NGX_HTTP_ATTEST_PEER_HOST];
    ngx_int_t                  rc;
    ngx_http_attest_waiter_t  *w;

    w = &mark->waiter;

    w->verify = mark->verify;
    ngx_memcpy(w->spki, mark->spki, sizeof(w->spki));
    w->done = ngx_http_attest_peers_waited;
    w->data = mark;

    if (ngx_http_attest_peers_name(c, p->upstream, name, host) != NGX_OK
        || ngx_http_attest_identity_peer(w->verify, name, host, &w->peer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_attest_appraise_wait(w, c->log);

    if (rc != NGX_OK) {
        return rc;
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_http_attest_peers_held;
    c->write->handler = ngx_http_attest_peers_held;

    c->log->action = "verifying upstream";

    return NGX_OK;
}


/* Which peer it is, and by which name it was asked. */

static ngx_int_t
ngx_http_attest_peers_name(ngx_connection_t *c, ngx_http_upstream_t *u,
    char *name, char *host)
{
    size_t       len;
    u_char      *last;
    ngx_str_t    text;
    const char  *sni;

    len = ngx_sock_ntop(u->peer.sockaddr, u->peer.socklen, (u_char *) name,
                        NGX_HTTP_ATTEST_PEER_NAME - 1, 1);
    name[len] = '\0';

    sni = SSL_get_servername(c->ssl->connection, TLSEXT_NAMETYPE_host_name);

    if (sni != NULL) {
        text.data = (u_char *) sni;
        text.len = ngx_strlen(sni);

    } else {
        text = u->ssl_name;

        /* nginx has cut off the port only where it wanted the name */

        last = ngx_strlchr(text.data, text.data + text.len, ':');

        if (last != NULL && text.len != 0 && text.data[0] != '[') {
            text.len = last - text.data;
        }
    }

    if (len == 0 || text.len == 0 || text.len >= NGX_HTTP_ATTEST_PEER_HOST
        || !ngx_http_attest_peers_is_host(&text))
    {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "attest: peer of upstream \"%V\" has no name to be "
                      "asked by", &u->upstream->host);
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) host, text.data, text.len + 1);

    return NGX_OK;
}


/* A variable may have put it together of what a client sent. */

static ngx_uint_t
ngx_http_attest_peers_is_host(ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-'
              || ch == '_' || ch == ':' || ch == '[' || ch == ']'))
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_attest_peers_held(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_attest_mark_t  *mark;

    c = ev->data;

    if (ev->write) {
        (void) ngx_handle_write_event(ev, 0);
        return;
    }

    if (!ngx_http_attest_peers_closed(ev)) {
        (void) ngx_handle_read_event(ev, 0);
        return;
    }

    mark = SSL_get_ex_data(c->ssl->connection, ngx_http_attest_peers_index);

    ngx_http_attest_appraise_leave(&mark->waiter);

    ngx_http_attest_peers_again(c, mark, mark->peers);
}


static ngx_uint_t
ngx_http_attest_peers_closed(ngx_event_t *ev)
{
    int                n;
    char               buf[1];
    ngx_err_t          err;
    ngx_connection_t  *c;

#if (NGX_HAVE_EPOLLRDHUP)
    if (ev->pending_eof) {
        return 1;
    }
#endif

    c = ev->data;

    n = recv(c->fd, buf, 1, MSG_PEEK);
    err = ngx_socket_errno;

    return n == 0 || (n == -1 && err != NGX_EAGAIN && err != NGX_EINTR);
}


static void
ngx_http_attest_peers_waited(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_attest_mark_t   *mark;
    ngx_http_attest_peers_t  *p;

    mark = w->data;
    c = mark->connection;
    p = mark->peers;
    r = p->request;

    ngx_http_set_log_request(r->connection->log, r);

    if (what == NGX_HTTP_ATTEST_WAITED_VALID
        && ngx_http_attest_identity_find(mark->verify, mark->spki, &mark->ref)
           == NGX_OK)
    {
        ngx_http_attest_peers_go(c, mark, p);
        return;
    }

    if (what == NGX_HTTP_ATTEST_WAITED_REFUSED) {
        ngx_http_attest_peers_refuse(c, mark, p);
        return;
    }

    ngx_http_attest_peers_again(c, mark, p);
}
