/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The attested certificate enters nginx's TLS by OpenSSL's certificate
 * callback: no file, no variable, a new one without reload.  A resumed
 * session would show no certificate, so attested servers resume nothing.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_tls.h"


static ngx_int_t ngx_http_attest_tls_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_attest_tls_setup_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_attest_srv_conf_t *ascf);
static ngx_uint_t ngx_http_attest_tls_on_address(ngx_http_conf_addr_t *addr);
static ngx_int_t ngx_http_attest_tls_setup(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_ssl_srv_conf_t *sscf);
static char *ngx_http_attest_tls_conflicts(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_ssl_srv_conf_t *sscf);
static char *ngx_http_attest_tls_protocols(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_ssl_srv_conf_t *sscf);
static char *ngx_http_attest_tls_ca_key(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, SSL_CTX *ctx);
static ngx_int_t ngx_http_attest_tls_setup_address(ngx_conf_t *cf,
    ngx_http_conf_addr_t *addr);
static ngx_int_t ngx_http_attest_tls_default_server(ngx_conf_t *cf,
    ngx_http_conf_addr_t *addr, ngx_http_attest_srv_conf_t *ascf);
static int ngx_http_attest_tls_cert_cb(ngx_ssl_conn_t *ssl_conn, void *data);
static void ngx_http_attest_tls_key_cleanup(void *data);


static ngx_str_t  ngx_http_attest_tls_name =
    ngx_string("$attest_placeholder");

/* one for the process: indexes cannot be given back to OpenSSL */
static int  ngx_http_attest_tls_index = -1;


/*
 * nginx wants a certificate for every TLS server and makes an SSL_CTX only
 * then.  A variable's name satisfies it; our callback replaces the one that
 * would evaluate it, and the variable itself never has a value.
 */

ngx_int_t
ngx_http_attest_tls_preconfiguration(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_http_variable_t  *var;

    if (ngx_http_attest_tls_index == -1) {
        ngx_http_attest_tls_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                         NULL);
        if (ngx_http_attest_tls_index == -1) {
            return NGX_ERROR;
        }
    }

    name.data = ngx_http_attest_tls_name.data + 1;
    name.len = ngx_http_attest_tls_name.len - 1;

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_attest_tls_variable;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_tls_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                  "attest: the placeholder certificate was evaluated");
    return NGX_ERROR;
}


ngx_int_t
ngx_http_attest_tls_placeholder(ngx_conf_t *cf)
{
    ngx_str_t                *value;
    ngx_array_t             **p[2];
    ngx_uint_t                i;
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (sscf->certificates != NGX_CONF_UNSET_PTR
        || sscf->certificate_keys != NGX_CONF_UNSET_PTR)
    {
        return NGX_ERROR;
    }

    p[0] = &sscf->certificates;
    p[1] = &sscf->certificate_keys;

    for (i = 0; i < 2; i++) {
        *p[i] = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
        if (*p[i] == NULL) {
            return NGX_ERROR;
        }

        value = ngx_array_push(*p[i]);
        if (value == NULL) {
            return NGX_ERROR;
        }

        *value = ngx_http_attest_tls_name;
    }

    return NGX_OK;
}


#define ngx_http_attest_tls_conflict(cf, ascf, text)                         \
    ngx_log_error(NGX_LOG_EMERG, (cf)->log, 0,                               \
                  text " in the attested server in %s:%ui",                  \
                  (ascf)->file_name, (ascf)->line)


static ngx_int_t
ngx_http_attest_tls_setup_server(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_http_attest_srv_conf_t *ascf)
{
    ngx_str_t                    *tls, *plain;
    ngx_http_ssl_srv_conf_t      *sscf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    ngx_http_attest_tls_listens(cf, cscf, &tls, &plain);

    if (tls == NULL) {

        /* plain HTTP: for prompts behind somebody else's TLS */

        if (ascf->certificate) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"attest_certificate on\" has no effect without "
                          "\"listen ... ssl\" in the attested server in "
                          "%s:%ui", ascf->file_name, ascf->line);
        }

        return NGX_OK;
    }

    if (sscf->ssl.ctx == NULL) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "no \"ssl_certificate\" and no \"attest_certificate on\"");
        return NGX_ERROR;
    }

    if (plain != NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "all requests to \"listen %V\" without TLS, redirects "
                      "and ACME challenges too, will be refused with 421 in "
                      "the attested server in %s:%ui: give it a server{} of "
                      "its own", plain, ascf->file_name, ascf->line);
    }

    ascf->tls = 1;

    return ngx_http_attest_tls_setup(cf, ascf, sscf);
}


/*
 * An address of TLS that the server listens on, and one without, or NULL.
 * That it has an SSL_CTX says nothing: all have one as soon as http{} names a
 * certificate.
 */

void
ngx_http_attest_tls_listens(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_str_t **tls, ngx_str_t **plain)
{
    ngx_uint_t                   a, p, s;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    *tls = NULL;
    *plain = NULL;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            cscfp = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                if (cscfp[s] != cscf) {
                    continue;
                }

                if (ngx_http_attest_tls_on_address(&addr[a])) {
                    *tls = &addr[a].opt.addr_text;

                } else {
                    *plain = &addr[a].opt.addr_text;
                }
            }
        }
    }
}


static ngx_uint_t
ngx_http_attest_tls_on_address(ngx_http_conf_addr_t *addr)
{
    ngx_http_ssl_srv_conf_t  *sscf;

    /* "ssl on" of the server that is asked before SNI */

    sscf = addr->default_server->ctx
               ->srv_conf[ngx_http_ssl_module.ctx_index];

    return addr->opt.ssl || ngx_http_attest_quic(addr)
           || ngx_http_attest_ssl_on(sscf);
}


static ngx_int_t
ngx_http_attest_tls_setup(ngx_conf_t *cf, ngx_http_attest_srv_conf_t *ascf,
    ngx_http_ssl_srv_conf_t *sscf)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    if (ascf->key_log) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_key_log\" conflicts with attestation: the secrets of its "
            "connections would be written to a file");
        return NGX_ERROR;
    }

    if (ngx_http_attest_tls_conflicts(cf, ascf, sscf) != NGX_CONF_OK
        || ngx_http_attest_tls_protocols(cf, ascf, sscf) != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    if (ascf->certificate) {
        amcf->certificate = 1;

    } else if (ngx_http_attest_tls_ca_key(cf, ascf, sscf->ssl.ctx)
               != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    if (amcf->certificate && amcf->run.ca_key != NULL) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "attested servers with \"attest_certificate on\" and with their "
            "own \"ssl_certificate\" cannot be mixed, one nginx has one "
            "attested identity: \"attest_certificate\" differs");
        return NGX_ERROR;
    }

    ngx_http_attest_tls_no_resumption(sscf->ssl.ctx);

    SSL_CTX_set_cert_cb(sscf->ssl.ctx, ngx_http_attest_tls_cert_cb, ascf);

    return NGX_OK;
}


static char *
ngx_http_attest_tls_conflicts(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_ssl_srv_conf_t *sscf)
{
    ngx_str_t                    *cert;
    ngx_uint_t                    ours;
    ngx_http_attest_main_conf_t  *amcf;

    if (sscf->certificates == NULL) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "no \"ssl_certificate\" and no \"attest_certificate on\"");
        return NGX_CONF_ERROR;
    }

    cert = sscf->certificates->elts;

    ours = (cert[0].data == ngx_http_attest_tls_name.data);

    if (ascf->certificate && (!ours || sscf->certificates->nelts != 1
                              || sscf->certificate_keys->nelts != 1))
    {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"attest_certificate on\" conflicts with \"ssl_certificate\"");
        return NGX_CONF_ERROR;
    }

    if (!ascf->certificate && sscf->certificate_values != NULL) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_certificate\" with variables conflicts with attestation");
        return NGX_CONF_ERROR;
    }

    if (sscf->early_data) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_early_data on\" conflicts with attestation: set "
            "\"ssl_early_data off\"");
        return NGX_CONF_ERROR;
    }

    if (ascf->certificate && sscf->stapling) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_stapling on\" conflicts with \"attest_certificate on\": set "
            "\"ssl_stapling off\"");
        return NGX_CONF_ERROR;
    }

    /* "none" and "off" leave what http{} shares unused */

    if (sscf->builtin_session_cache >= 0
        || sscf->builtin_session_cache == NGX_SSL_DFLT_BUILTIN_SCACHE
        || (sscf->shm_zone != NULL
            && sscf->builtin_session_cache != NGX_SSL_NONE_SCACHE
            && sscf->builtin_session_cache != NGX_SSL_NO_SCACHE))
    {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_session_cache\" conflicts with attestation, which allows "
            "no resumption: set \"ssl_session_cache none\"");
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    /* no directive takes back what http{} gives, and tickets are off here */

    if (sscf->session_ticket_keys != NULL
        && sscf->session_ticket_keys != amcf->http_ticket_keys)
    {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_session_ticket_key\" conflicts with attestation, which "
            "allows no resumption: leave it out");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * TLS 1.3 only, unless the operator has named older ones besides it in the
 * server{} itself.  What equals nginx's own default or the value of http{}
 * cannot be told from no directive at all.
 */

static char *
ngx_http_attest_tls_protocols(ngx_conf_t *cf,
    ngx_http_attest_srv_conf_t *ascf, ngx_http_ssl_srv_conf_t *sscf)
{
    ngx_uint_t                    protocols;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    protocols = sscf->protocols;

    ascf->tls13_only = 1;

    if (protocols == NGX_HTTP_ATTEST_DEFAULT_PROTOCOLS
        || (protocols & ~NGX_CONF_BITMASK_SET) == NGX_SSL_TLSv1_3
        || (protocols == amcf->http_protocols
            && protocols & NGX_SSL_TLSv1_3))
    {
        if (SSL_CTX_set_min_proto_version(sscf->ssl.ctx, TLS1_3_VERSION) != 1
            || SSL_CTX_set_max_proto_version(sscf->ssl.ctx, TLS1_3_VERSION)
               != 1)
        {
            return NGX_CONF_ERROR;
        }

        /* nginx switches versions off by options */
        SSL_CTX_clear_options(sscf->ssl.ctx, SSL_OP_NO_TLSv1_3);

        return NGX_CONF_OK;
    }

    if (!(protocols & NGX_SSL_TLSv1_3)) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "\"ssl_protocols\" without TLSv1.3 conflicts with attestation");
        return NGX_CONF_ERROR;
    }

    ascf->tls13_only = 0;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"ssl_protocols\" allows versions below TLSv1.3 in the "
                  "attested server in %s:%ui: evidence cannot be bound to "
                  "such connections", ascf->file_name, ascf->line);

    return NGX_CONF_OK;
}


/* The key of an ordinary certificate: what the evidence will bind. */

static char *
ngx_http_attest_tls_ca_key(ngx_conf_t *cf, ngx_http_attest_srv_conf_t *ascf,
    SSL_CTX *ctx)
{
    X509                         *cert;
    EVP_PKEY                     *key;
    ngx_uint_t                    n;
    ngx_pool_cleanup_t           *cln;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    n = 0;

    if (SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST) == 1) {
        do {
            n++;
        } while (SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT) == 1);

        (void) SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);
    }

    cert = SSL_CTX_get0_certificate(ctx);

    if (n != 1 || cert == NULL) {
        ngx_http_attest_tls_conflict(cf, ascf,
            "exactly one \"ssl_certificate\" is possible");
        return NGX_CONF_ERROR;
    }

    key = X509_get0_pubkey(cert);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    if (amcf->run.ca_key != NULL) {
        if (EVP_PKEY_eq(amcf->run.ca_key, key) != 1) {
            ngx_http_attest_tls_conflict(cf, ascf,
                "all attested servers must use one key, one nginx has one "
                "attested identity: \"ssl_certificate\" has another key");
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (EVP_PKEY_up_ref(key) != 1) {
        return NGX_CONF_ERROR;
    }

    amcf->run.ca_key = key;
    cln->handler = ngx_http_attest_tls_key_cleanup;
    cln->data = key;

    return NGX_CONF_OK;
}


static void
ngx_http_attest_tls_key_cleanup(void *data)
{
    EVP_PKEY_free(data);
}


void
ngx_http_attest_tls_no_resumption(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void) SSL_CTX_set_num_tickets(ctx, 0);
    (void) SSL_CTX_set_max_early_data(ctx, 0);
}


/*
 * OpenSSL takes the number of tickets, and until nginx 1.29.2 the session,
 * from the context of the address's default server, before SNI has chosen
 * another: the policy must hold there too.
 */

ngx_int_t
ngx_http_attest_tls_postconfiguration(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                    a, p, s;
    ngx_http_conf_port_t         *port;
    ngx_http_conf_addr_t         *addr;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {
        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (ascf->attested
            && ngx_http_attest_tls_setup_server(cf, cscfp[s], ascf) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            if (ngx_http_attest_tls_setup_address(cf, &addr[a]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_tls_setup_address(ngx_conf_t *cf, ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                    s;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_attest_srv_conf_t   *ascf;

    if (!ngx_http_attest_tls_on_address(addr)) {
        return NGX_OK;
    }

    cscfp = addr->servers.elts;

    for (s = 0; s < addr->servers.nelts; s++) {
        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (ascf->attested) {
            break;
        }
    }

    if (s == addr->servers.nelts || cscfp[s] == addr->default_server) {
        return NGX_OK;
    }

    return ngx_http_attest_tls_default_server(cf, addr, ascf);
}


/* Its default server decides what SNI comes too late for. */

static ngx_int_t
ngx_http_attest_tls_default_server(ngx_conf_t *cf, ngx_http_conf_addr_t *addr,
    ngx_http_attest_srv_conf_t *ascf)
{
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = addr->default_server->ctx
               ->srv_conf[ngx_http_ssl_module.ctx_index];

    if (sscf->ssl.ctx == NULL) {
        return NGX_OK;
    }

    if (sscf->early_data) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ssl_early_data on\" in the default server for %V "
                      "conflicts with the attested server in %s:%ui on the "
                      "same address", &addr->opt.addr_text,
                      ascf->file_name, ascf->line);
        return NGX_ERROR;
    }

    /* the version too is agreed on before SNI has chosen the server */

    if (sscf->protocols != NGX_HTTP_ATTEST_DEFAULT_PROTOCOLS
        && !(sscf->protocols & NGX_SSL_TLSv1_3))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ssl_protocols\" without TLSv1.3 in the default "
                      "server for %V conflicts with the attested server in "
                      "%s:%ui on the same address", &addr->opt.addr_text,
                      ascf->file_name, ascf->line);
        return NGX_ERROR;
    }

    SSL_CTX_clear_options(sscf->ssl.ctx, SSL_OP_NO_TLSv1_3);

    ngx_http_attest_tls_no_resumption(sscf->ssl.ctx);

    ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                  "attest: TLS session resumption is off, and TLSv1.3 on, for "
                  "all servers on %V, which an attested server shares",
                  &addr->opt.addr_text);

    return NGX_OK;
}


/* Runs in each full handshake; 0 ends it: fail closed. Never -1. */

static int
ngx_http_attest_tls_cert_cb(ngx_ssl_conn_t *ssl_conn, void *data)
{
    ngx_http_attest_srv_conf_t *ascf = data;

    ngx_connection_t             *c;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    c = ngx_ssl_get_connection(ssl_conn);

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_attest_module);

    if (ascf->tls13_only && SSL_version(ssl_conn) != TLS1_3_VERSION) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "attest: a client without TLSv1.3 is refused");
        return 0;
    }

    view = ngx_http_attest_view(amcf, c->log);

    if (view == NULL) {
        ngx_http_attest_count(amcf, refused_evidence);
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "attest: handshake refused, no valid evidence");
        return 0;
    }

    if (ascf->certificate) {

        /* no other key type must stay selectable */
        SSL_certs_clear(ssl_conn);

        if (view->cert == NULL
            || SSL_use_certificate(ssl_conn, view->cert) != 1
            || SSL_use_PrivateKey(ssl_conn, view->key) != 1)
        {
            return 0;
        }
    }

    if (SSL_set_num_tickets(ssl_conn, 0) != 1) {
        return 0;
    }

    SSL_set_options(ssl_conn, SSL_OP_NO_TICKET);

    return SSL_set_ex_data(ssl_conn, ngx_http_attest_tls_index, ascf);
}


ngx_uint_t
ngx_http_attest_tls_is_of_server(ngx_http_request_t *r,
    ngx_http_attest_srv_conf_t *ascf)
{
    ngx_ssl_conn_t  *ssl_conn;

    if (r->connection->ssl == NULL) {
        return 0;
    }

    ssl_conn = r->connection->ssl->connection;

    return SSL_get_ex_data(ssl_conn, ngx_http_attest_tls_index) == ascf
           && !SSL_session_reused(ssl_conn);
}


/* RFC 9266: no context, TLS 1.3 only */

ngx_int_t
ngx_http_attest_tls_exporter(ngx_http_request_t *r,
    u_char out[ATTEST_EXPORTER_LEN])
{
    ngx_ssl_conn_t              *ssl_conn;
    ngx_http_attest_srv_conf_t  *ascf;

    static const char  label[] = "EXPORTER-Channel-Binding";

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);

    if (!ngx_http_attest_tls_is_of_server(r, ascf)) {
        return NGX_DECLINED;
    }

    ssl_conn = r->connection->ssl->connection;

    if (SSL_version(ssl_conn) != TLS1_3_VERSION
        || SSL_export_keying_material(ssl_conn, out, ATTEST_EXPORTER_LEN,
                                      label, sizeof(label) - 1, NULL, 0, 0)
           != 1)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
