/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "attest_verify_client": clients of a server show a certificate that carries
 * evidence, which is judged by a policy as the certificate is all that there
 * is of it: no authority is asked, and no session resumes what was judged.
 *
 * The handshake goes on whatever the verdict is, so that a client hears in
 * words what it lacks; no request of it is served.
 */


#include "http/ngx_http_attest_declare.h"
#include "http/ngx_http_attest_problem.h"
#include "http/ngx_http_attest_tls.h"
#include "http/upstream/ngx_http_attest_client.h"
#include "http/upstream/ngx_http_attest_client_count.h"
#include "client/attest_peer.h"
#include "core/evidence/attest_label.h"


#define NGX_HTTP_ATTEST_CLIENT_WHY   384
#define NGX_HTTP_ATTEST_CLIENT_LIFE  (24 * 3600)    /* s, at most */


/* What was judged of a connection's client. */

typedef struct {
    attest_verdict_e           verdict;
    unsigned                   root;
    time_t                     not_after;       /* wall time */
    time_t                     until;           /* of the zone's clock */
    u_char                     spki[ATTEST_SHA256_LEN];
    size_t                     why_len;
    u_char                     why[NGX_HTTP_ATTEST_CLIENT_WHY];
} ngx_http_attest_client_seen_t;


/* Too large for a stack of an event loop. */

typedef struct {
    attest_peer_t              peer;
    attest_result_t            res;
    attest_ratls_cert_t        cert;
} ngx_http_attest_client_judged_t;


/* What is wanted of it; the "data" of a variable. */

typedef enum {
    NGX_HTTP_ATTEST_CLIENT_VERDICT = 0,
    NGX_HTTP_ATTEST_CLIENT_ROOT,
    NGX_HTTP_ATTEST_CLIENT_KEY_ID,
    NGX_HTTP_ATTEST_CLIENT_REASON
} ngx_http_attest_client_variable_e;


static ngx_int_t ngx_http_attest_client_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_attest_client_conf_t *vc);
static void ngx_http_attest_client_default_servers(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_attest_client_roots(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_client_roots_cleanup(void *data);
static int ngx_http_attest_client_nothing(int ok, X509_STORE_CTX *store);
static int ngx_http_attest_client_cb(X509_STORE_CTX *store, void *data);
static void ngx_http_attest_client_judge(ngx_http_attest_client_conf_t *vc,
    X509 *x, ngx_http_attest_client_seen_t *cl);
static void ngx_http_attest_client_keep(ngx_http_attest_client_conf_t *vc,
    ngx_http_attest_client_seen_t *cl, ngx_http_attest_client_judged_t *j);
static void ngx_http_attest_client_life(ngx_http_attest_client_conf_t *vc,
    ngx_http_attest_client_seen_t *cl, const attest_peer_t *peer);
static ngx_uint_t ngx_http_attest_client_expired(
    ngx_http_attest_client_conf_t *vc, ngx_http_attest_client_seen_t *cl);
static void ngx_http_attest_client_close(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_client_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_client_refuse(ngx_http_request_t *r,
    ngx_http_attest_client_conf_t *vc);
static ngx_http_attest_client_seen_t *ngx_http_attest_client_of(
    ngx_http_request_t *r, ngx_http_attest_client_conf_t *vc);
static ngx_int_t ngx_http_attest_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_attest_client_variables[] = {

    { ngx_string("attest_client_verdict"), NULL,
      ngx_http_attest_client_variable, NGX_HTTP_ATTEST_CLIENT_VERDICT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_client_root_of_trust"), NULL,
      ngx_http_attest_client_variable, NGX_HTTP_ATTEST_CLIENT_ROOT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_client_key_id"), NULL,
      ngx_http_attest_client_variable, NGX_HTTP_ATTEST_CLIENT_KEY_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_client_why"), NULL,
      ngx_http_attest_client_variable, NGX_HTTP_ATTEST_CLIENT_REASON,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* one for the process: indexes cannot be given back to OpenSSL */
static int  ngx_http_attest_client_index = -1;


char *
ngx_http_attest_client_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    ngx_str_t                        *value, key;
    const char                       *what;
    ngx_http_attest_client_conf_t  *vc;

    if (ascf->client != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    ngx_str_null(&key);

    if (cf->args->nelts == 3) {
        if (value[2].len < 5 || ngx_strncmp(value[2].data, "key=", 4) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", it must "
                               "be \"key=FILE\"", &value[2], &cmd->name);
            return NGX_CONF_ERROR;
        }

        key.data = value[2].data + 4;
        key.len = value[2].len - 4;
    }

    vc = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_client_conf_t));
    if (vc == NULL) {
        return NGX_CONF_ERROR;
    }

    vc->file = ngx_http_attest_policies_get(cf, cmd, &value[1], &key);
    if (vc->file == NULL) {
        return NGX_CONF_ERROR;
    }

    what = ngx_http_attest_policies_unproven(vc->file->policy);

    if (what != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": a client's certificate alone cannot prove "
                           "what \"%V\" demands: \"%s\"", &cmd->name,
                           &vc->file->path, what);
        return NGX_CONF_ERROR;
    }

    vc->amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    vc->file_name = cf->conf_file->file.name.data;
    vc->line = cf->conf_file->line;

    ascf->client = vc;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_attest_client_servers(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                    i, s, found;
    ngx_http_handler_pt          *h;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    /* the first phases that can answer, as for evidence of our own */

    static ngx_uint_t  phases[] = { NGX_HTTP_POST_READ_PHASE,
                                    NGX_HTTP_SERVER_REWRITE_PHASE,
                                    NGX_HTTP_REWRITE_PHASE,
                                    NGX_HTTP_PREACCESS_PHASE };

    found = 0;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {
        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (ascf->client == NULL) {
            continue;
        }

        if (ngx_http_attest_client_server(cf, cscfp[s], ascf->client)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        found = 1;
    }

    for (i = 0; found && i < sizeof(phases) / sizeof(phases[0]); i++) {
        h = ngx_array_push(&cmcf->phases[phases[i]].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_attest_client_handler;
    }

    if (!found) {
        return NGX_OK;
    }

    return (ngx_http_attest_client_roots(cf, amcf) == NGX_OK)
           ? ngx_http_attest_client_count_zone(cf, amcf) : NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_client_server(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_http_attest_client_conf_t *vc)
{
    ngx_str_t                *tls, *plain;
    const char               *what;
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    ngx_http_attest_tls_listens(cf, cscf, &tls, &plain);

    what = (tls == NULL || sscf->ssl.ctx == NULL)
           ? "a server without \"listen ... ssl\" and a certificate"
           : sscf->verify != 0 ? "\"ssl_verify_client\""
           : sscf->early_data ? "\"ssl_early_data on\"" : NULL;

    if (what != NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"attest_verify_client\" conflicts with %s in %s:%ui",
                      what, vc->file_name, vc->line);
        return NGX_ERROR;
    }

    vc->ctx = sscf->ssl.ctx;

    /* asked for, not insisted on: those without one hear it in words */

    SSL_CTX_set_verify(vc->ctx, SSL_VERIFY_PEER,
                       ngx_http_attest_client_nothing);
    SSL_CTX_set_cert_verify_callback(vc->ctx, ngx_http_attest_client_cb, vc);

    ngx_http_attest_tls_no_resumption(vc->ctx);
    ngx_http_attest_client_default_servers(cf, cscf);

    return NGX_OK;
}


/* What SNI comes too late for: see ngx_http_attest_tls.c. */

static void
ngx_http_attest_client_default_servers(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                   a, p, s;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_ssl_srv_conf_t     *sscf;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            cscfp = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                sscf = addr[a].default_server->ctx
                           ->srv_conf[ngx_http_ssl_module.ctx_index];

                if (cscfp[s] == cscf && sscf->ssl.ctx != NULL) {
                    ngx_http_attest_tls_no_resumption(sscf->ssl.ctx);
                }
            }
        }
    }
}


static ngx_int_t
ngx_http_attest_client_roots(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_attest_client_index == -1) {
        ngx_http_attest_client_index = SSL_get_ex_new_index(0, NULL, NULL,
                                                            NULL, NULL);
        if (ngx_http_attest_client_index == -1) {
            return NGX_ERROR;
        }
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(attest_roots_t));
    if (cln == NULL || attest_roots_load(cln->data) != ATTEST_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_attest_client_roots_cleanup;
    amcf->roots = cln->data;

    return NGX_OK;
}


static void
ngx_http_attest_client_roots_cleanup(void *data)
{
    attest_roots_clear(data);
}


/* Only for nginx, which copies it where SNI chooses the server. */

static int
ngx_http_attest_client_nothing(int ok, X509_STORE_CTX *store)
{
    return 1;
}


/* In the handshake; no verdict ends it, but where nothing can be kept. */

static int
ngx_http_attest_client_cb(X509_STORE_CTX *store, void *data)
{
    ngx_http_attest_client_conf_t *vc = data;

    X509                      *x;
    ngx_connection_t          *c;
    ngx_ssl_conn_t            *ssl_conn;
    ngx_http_attest_client_seen_t  *cl;

    ssl_conn = X509_STORE_CTX_get_ex_data(store,
                                          SSL_get_ex_data_X509_STORE_CTX_idx());
    x = X509_STORE_CTX_get0_cert(store);

    c = ngx_ssl_get_connection(ssl_conn);

    cl = ngx_pcalloc(c->pool, sizeof(ngx_http_attest_client_seen_t));

    if (cl == NULL
        || SSL_set_ex_data(ssl_conn, ngx_http_attest_client_index, cl) != 1)
    {
        X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }

    ngx_http_attest_client_judge(vc, x, cl);
    ngx_http_attest_client_count(vc->amcf, NGX_HTTP_ATTEST_CLIENT_JUDGED);

    if (cl->verdict == ATTEST_TRUSTED) {
        ngx_http_attest_client_count(vc->amcf, NGX_HTTP_ATTEST_CLIENT_TRUSTED);
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "attest: a client's evidence is refused, %s: %*s",
                  attest_verify_verdict(cl->verdict), cl->why_len, cl->why);

    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);

    return 1;
}


static void
ngx_http_attest_client_judge(ngx_http_attest_client_conf_t *vc, X509 *x,
    ngx_http_attest_client_seen_t *cl)
{
    int                               n;
    attest_bytes_t                   *der;
    attest_peer_options_t             opt;
    ngx_http_attest_client_judged_t  *j;

    cl->verdict = ATTEST_UNDECIDED;

    j = ngx_calloc(sizeof(ngx_http_attest_client_judged_t), ngx_cycle->log);
    if (j == NULL) {
        return;
    }

    ngx_memzero(&opt, sizeof(attest_peer_options_t));
    opt.certificate_only = 1;
    opt.now = ngx_time();
    opt.roots = vc->amcf->roots;

    der = &j->peer.seen.cert;
    n = i2d_X509(x, &der->p);

    if (n > 0) {
        der->n = n;

        attest_peer_judge(&j->peer, &opt, vc->file->policy, &j->res);
        ngx_http_attest_client_keep(vc, cl, j);
    }

    attest_peer_clear(&j->peer);
    ngx_free(j);

    /* what a verification leaves there is not about this connection */

    ERR_clear_error();
}


static void
ngx_http_attest_client_keep(ngx_http_attest_client_conf_t *vc,
    ngx_http_attest_client_seen_t *cl, ngx_http_attest_client_judged_t *j)
{
    attest_bytes_t  *der = &j->peer.seen.cert;

    cl->verdict = j->res.verdict;
    cl->why_len = ngx_min(ngx_strlen(j->res.why), NGX_HTTP_ATTEST_CLIENT_WHY);
    ngx_memcpy(cl->why, j->res.why, cl->why_len);

    if (attest_ratls_parse(der->p, der->n, &j->cert) == ATTEST_OK) {
        ngx_memcpy(cl->spki, j->cert.spki_sha256, sizeof(cl->spki));
    }

    if (j->peer.trusted && j->peer.key_bound && j->peer.has_validity) {
        cl->root = j->peer.root;
        ngx_http_attest_client_life(vc, cl, &j->peer);

    } else if (cl->verdict == ATTEST_TRUSTED) {
        cl->verdict = ATTEST_UNDECIDED;
    }
}


/* A connection lives no longer than what was judged when it was made. */

static void
ngx_http_attest_client_life(ngx_http_attest_client_conf_t *vc,
    ngx_http_attest_client_seen_t *cl, const attest_peer_t *peer)
{
    time_t                  age, life;
    ngx_http_attest_time_t  t;

    ngx_http_attest_client_count_time(vc->amcf, &t);

    cl->not_after = peer->not_after;
    age = (time_t) vc->file->policy->max_age;

    if (age != 0 && peer->not_before < cl->not_after - age) {
        cl->not_after = peer->not_before + age;
    }

    life = ngx_max(cl->not_after - t.wall, 0);
    cl->until = t.now + ngx_min(life, NGX_HTTP_ATTEST_CLIENT_LIFE);
}


/* Also where the clock was set back since. */

static ngx_uint_t
ngx_http_attest_client_expired(ngx_http_attest_client_conf_t *vc,
    ngx_http_attest_client_seen_t *cl)
{
    ngx_http_attest_time_t  t;

    ngx_http_attest_client_count_time(vc->amcf, &t);

    return t.now > cl->until || t.wall > cl->not_after;
}


/* Of HTTP/2 nginx asks so before the next request: it says goodbye then. */

static void
ngx_http_attest_client_close(ngx_http_request_t *r)
{
    r->keepalive = 0;

#if (NGX_HTTP_V2)
    if (r->stream != NULL) {
        r->stream->connection->connection->requests = NGX_MAX_INT_T_VALUE;
    }
#endif
}


static ngx_int_t
ngx_http_attest_client_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);

    if (ascf->client == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    rc = ngx_http_attest_client_refuse(r, ascf->client);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/*
 * nginx chooses the server by the Host field: what was judged by one server's
 * policy is nothing to another.
 */

static ngx_int_t
ngx_http_attest_client_refuse(ngx_http_request_t *r,
    ngx_http_attest_client_conf_t *vc)
{
    const char                      *detail;
    ngx_ssl_conn_t                  *ssl_conn;
    ngx_http_attest_client_seen_t   *cl;
    ngx_http_attest_client_count_e   what;

    ssl_conn = r->connection->ssl ? r->connection->ssl->connection : NULL;

    if (ssl_conn == NULL || SSL_get_SSL_CTX(ssl_conn) != vc->ctx
        || SSL_session_reused(ssl_conn))
    {
        if (!r->internal) {
            ngx_http_attest_client_count(vc->amcf,
                                         NGX_HTTP_ATTEST_CLIENT_MISDIRECTED);
        }

        return ngx_http_attest_problem(r, NGX_HTTP_MISDIRECTED_REQUEST, NULL,
                                       "Misdirected Request",
                                       "this connection was not made to the "
                                       "server that the request names, which "
                                       "wants evidence of its clients", 0);
    }

    cl = ngx_http_attest_client_of(r, vc);

    if (cl == NULL) {
        detail = "the client has shown no certificate with evidence";
        what = NGX_HTTP_ATTEST_CLIENT_MISSING;

    } else if (cl->verdict != ATTEST_TRUSTED) {
        what = NGX_HTTP_ATTEST_CLIENT_EVIDENCE;
        detail = "the evidence in the client's certificate is not what this "
                 "server wants";

    } else if (ngx_http_attest_client_expired(vc, cl)) {
        what = NGX_HTTP_ATTEST_CLIENT_EXPIRED;
        detail = "the evidence of this connection has expired: connect again";
        ngx_http_attest_client_close(r);

    } else {
        return NGX_DECLINED;
    }

    /* an error page of the location comes here, too */

    if (!r->internal) {
        ngx_http_attest_client_count(vc->amcf, what);
    }

    return ngx_http_attest_problem(r, NGX_HTTP_FORBIDDEN,
                                   NGX_HTTP_ATTEST_URN "client-evidence",
                                   "Client Evidence Refused", detail, 0);
}


/* NULL: the client has shown nothing, or not to this server. */

static ngx_http_attest_client_seen_t *
ngx_http_attest_client_of(ngx_http_request_t *r,
    ngx_http_attest_client_conf_t *vc)
{
    ngx_ssl_conn_t  *ssl_conn;

    if (vc == NULL || r->connection->ssl == NULL) {
        return NULL;
    }

    ssl_conn = r->connection->ssl->connection;

    if (SSL_get_SSL_CTX(ssl_conn) != vc->ctx) {
        return NULL;
    }

    return SSL_get_ex_data(ssl_conn, ngx_http_attest_client_index);
}


ngx_int_t
ngx_http_attest_client_add_variables(ngx_conf_t *cf)
{
    return ngx_http_attest_declare_variables(cf,
                                             ngx_http_attest_client_variables);
}


static ngx_int_t
ngx_http_attest_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char                  *text;
    ngx_http_attest_client_seen_t    *cl;
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);
    cl = ngx_http_attest_client_of(r, ascf->client);

    if (cl == NULL
        || (data == NGX_HTTP_ATTEST_CLIENT_ROOT && cl->root == 0))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    switch (data) {

    case NGX_HTTP_ATTEST_CLIENT_KEY_ID:
        v->len = 2 * sizeof(cl->spki);
        v->data = ngx_pnalloc(r->pool, v->len);

        if (v->data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(v->data, cl->spki, sizeof(cl->spki));
        return NGX_OK;

    case NGX_HTTP_ATTEST_CLIENT_REASON:
        v->data = cl->why;
        v->len = cl->why_len;
        return NGX_OK;

    default: /* .._VERDICT, .._ROOT */
        text = (data == NGX_HTTP_ATTEST_CLIENT_ROOT)
               ? attest_label_name(cl->root)
               : attest_verify_verdict(cl->verdict);

        v->data = (u_char *) text;
        v->len = ngx_strlen(text);
        return NGX_OK;
    }
}
