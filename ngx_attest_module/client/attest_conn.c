/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One connection to a gateway by libcurl: opened once, and known again.
 *
 * libcurl opens another connection on its own when a kept one is gone, so it
 * gets no socket for that; and before each request the exporter of the TLS
 * connection that will carry it is compared with that of the connection that
 * was verified.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "core/base/attest_monotonic.h"
#include "client/attest_conn.h"
#include "client/attest_identity.h"


/* CURLOPT_QUICK_EXIT; Debian 12 has 7.88.1 */

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87.0 or newer is needed"
#endif


#define ATTEST_CONN_UNIX  "unix:"


static int attest_conn_dial(attest_conn_t *c);
static bool attest_conn_settings(attest_conn_t *c);
static bool attest_conn_settings_tls(attest_conn_t *c);
static int attest_conn_proxy(attest_conn_t *c);
static int attest_conn_target(attest_conn_t *c);
static int attest_conn_target_other(attest_conn_t *c);
static bool attest_conn_target_url(attest_conn_t *c);
static curl_socket_t attest_conn_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);
static CURLcode attest_conn_tls(CURL *easy, void *ctx, void *data);
static int attest_conn_identity(attest_conn_t *c, SSL_CTX *ctx);
static bool attest_conn_watch(SSL_CTX *ctx, attest_conn_t *c);
static void attest_conn_info(const SSL *ssl, int where, int what);
static int attest_conn_request(void *data, char *peer, char *own,
    int peer_port, int own_port);
static int attest_conn_same(attest_conn_t *c);
static SSL *attest_conn_ssl(attest_conn_t *c);
static int attest_conn_certificate(attest_conn_t *c, const SSL *ssl);


/*
 * The handle of the TLS connection is wanted, hence OpenSSL and no other
 * library.
 */

int
attest_conn_init(char err[ATTEST_CLIENT_ERR])
{
    if (curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL)
        != CURLSSLSET_OK)
    {
        return attest_bytes_error(err, "libcurl cannot be used: it is not one "
                                  "with OpenSSL");
    }

    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ATTEST_OK
           : attest_bytes_error(err, "cannot set libcurl up");
}


int
attest_conn_open(attest_conn_t *c, const attest_url_t *url,
    const attest_peer_options_t *opt, int64_t limit)
{
    memset(c, 0, sizeof(*c));
    c->opt = *opt;
    c->url = url;
    c->host = url->host;
    c->port = url->port;
    c->limit = limit;

    if (opt->connect != NULL && attest_conn_dial(c) != ATTEST_OK) {
        return ATTEST_ECLIENT;
    }

    c->multi = curl_multi_init();
    c->easy = curl_easy_init();

    if (c->multi == NULL || c->easy == NULL || !attest_conn_settings(c)
        || !attest_conn_settings_tls(c))
    {
        return attest_conn_fail(c, "cannot set libcurl up");
    }

    return attest_conn_proxy(c) == ATTEST_OK ? attest_conn_target(c)
                                             : ATTEST_ECLIENT;
}


static int
attest_conn_dial(attest_conn_t *c)
{
    const char  *to = c->opt.connect;

    if (strncmp(to, ATTEST_CONN_UNIX, sizeof(ATTEST_CONN_UNIX) - 1) == 0) {
        c->host = to;
        c->port = "";
        return to[sizeof(ATTEST_CONN_UNIX) - 1] == '/' ? ATTEST_OK
               : attest_conn_fail(c, "a socket's path begins with a slash");
    }

    if (!attest_url_host_port(to, strlen(to), c->dial, c->dial_port)
        || c->dial_port[0] == '\0')
    {
        return attest_conn_fail(c, "to connect elsewhere, host:port is "
                                "wanted");
    }

    c->host = c->dial;
    c->port = c->dial_port;
    return ATTEST_OK;
}


void
attest_conn_close(attest_conn_t *c)
{
    attest_conn_stop(c);

    /* the connection is in the pool of `multi`, and uses what `easy` has */

    if (c->multi != NULL) {
        (void) curl_multi_cleanup(c->multi);
    }

    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->fields);
    curl_slist_free_all(c->connect_to);
    attest_bytes_free(&c->cert);
    OPENSSL_cleanse(c->exporter, sizeof(c->exporter));

    c->multi = NULL;
    c->easy = NULL;
    c->fields = NULL;
    c->connect_to = NULL;
}


/*
 * No redirect, no credentials, no second connection.  Our own deadlines are
 * the ones that count.
 */

static bool
attest_conn_settings(attest_conn_t *c)
{
    CURLcode   rc = CURLE_OK;
    CURL      *easy = c->easy;

    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT,
                           "ngx-attest/" ATTEST_VERSION);
    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long) ATTEST_CONN_TIMEOUT);
    rc |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 86400L);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->why);

    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                           attest_conn_socket);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, attest_conn_request);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);

    /* the certificate is all that is wanted: a connection without requests */

    rc |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY,
                           (long) c->opt.certificate_only);

    return rc == CURLE_OK
           && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L)
              == CURLM_OK;
}


/*
 * No WebPKI here: the certificate is judged by evidence, so verification of
 * the chain stays off.  TLS 1.3 because the exporter of earlier versions
 * does not bind the connection (RFC 9266, section 3).
 */

static bool
attest_conn_settings_tls(attest_conn_t *c)
{
    CURLcode   rc = CURLE_OK;
    CURL      *easy = c->easy;

    rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_3);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, attest_conn_tls);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, c);

    /* a peer that is asked for its certificate need not speak HTTP/1.1 */

    rc |= curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN,
                           (long) !c->opt.certificate_only);

    return rc == CURLE_OK;
}


/*
 * None but the one that is asked for, whatever the environment says: and that
 * one carries a connection, and sees nothing.
 */

static int
attest_conn_proxy(attest_conn_t *c)
{
    CURLcode     rc;
    const char  *proxy = c->opt.proxy != NULL ? c->opt.proxy : "";

    if (proxy[0] != '\0' && strncmp(proxy, "http://", 7) != 0
        && strncmp(proxy, "socks5://", 9) != 0
        && strncmp(proxy, "socks5h://", 10) != 0)
    {
        return attest_conn_fail(c, "the proxy is no http://, socks5:// or "
                                "socks5h:// URL");
    }

    rc = curl_easy_setopt(c->easy, CURLOPT_PROXY, proxy);
    rc |= curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "");
    rc |= curl_easy_setopt(c->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    rc |= curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    return rc == CURLE_OK ? ATTEST_OK : attest_conn_fail(c, "the proxy's URL "
                                                         "cannot be used");
}


/* The host of the URL, or another under its name. */

static int
attest_conn_target(attest_conn_t *c)
{
    if (c->opt.connect != NULL && attest_conn_target_other(c) != ATTEST_OK) {
        return ATTEST_ECLIENT;
    }

    return attest_conn_target_url(c) ? ATTEST_OK
           : attest_conn_fail(c, "the URL's host or port is wrong");
}


static int
attest_conn_target_other(attest_conn_t *c)
{
    int       v6 = strchr(c->host, ':') != NULL;
    char      to[320];
    CURLcode  rc;

    if (c->port[0] == '\0') {
        rc = curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH,
                              c->host + sizeof(ATTEST_CONN_UNIX) - 1);
        return rc == CURLE_OK ? ATTEST_OK
               : attest_conn_fail(c, "the socket's path cannot be used");
    }

    (void) snprintf(to, sizeof(to), "::%s%s%s:%s", v6 ? "[" : "", c->host,
                    v6 ? "]" : "", c->port);

    c->connect_to = curl_slist_append(NULL, to);

    return c->connect_to != NULL
           && curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to)
              == CURLE_OK
           ? ATTEST_OK : attest_conn_fail(c, "out of memory");
}


/* In parts: what looks like a host to us must not look else to libcurl. */

static bool
attest_conn_target_url(attest_conn_t *c)
{
    bool    ok, v6 = strchr(c->url->host, ':') != NULL;
    char    host[260], *text = NULL;
    CURLU  *u;

    (void) snprintf(host, sizeof(host), "%s%s%s", v6 ? "[" : "",
                    c->url->host, v6 ? "]" : "");

    u = curl_url();

    ok = u != NULL
         && curl_url_set(u, CURLUPART_SCHEME, c->url->tls ? "https" : "http",
                         0) == CURLUE_OK
         && curl_url_set(u, CURLUPART_HOST, host, 0) == CURLUE_OK
         && curl_url_set(u, CURLUPART_PORT, c->url->port, 0) == CURLUE_OK
         && curl_url_set(u, CURLUPART_PATH, "/", 0) == CURLUE_OK
         && curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK
         && curl_easy_setopt(c->easy, CURLOPT_URL, text) == CURLE_OK;

    curl_free(text);
    curl_url_cleanup(u);
    return ok;
}


static curl_socket_t
attest_conn_socket(void *data, curlsocktype purpose, struct curl_sockaddr *addr)
{
    attest_conn_t  *c = data;

    (void) purpose;

    if (c->stage == ATTEST_STAGE_OPEN) {
        return CURL_SOCKET_BAD;
    }

    if (c->stage == ATTEST_STAGE_NAME) {
        c->stage = ATTEST_STAGE_DIAL;
    }

    return socket(addr->family, addr->socktype | SOCK_CLOEXEC,
                  addr->protocol);
}


/*
 * Between the connection and the handshake.  With automatic retries, or with
 * records that were read ahead, SSL_read() stays inside as long as somebody
 * sends tickets.
 */

static CURLcode
attest_conn_tls(CURL *easy, void *ctx, void *data)
{
    bool            ok;
    attest_conn_t  *c = data;

    (void) easy;

    if (c->stage == ATTEST_STAGE_OPEN) {
        return CURLE_ABORTED_BY_CALLBACK;
    }

    c->stage = ATTEST_STAGE_TLS;

    ok = SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1
         && attest_conn_watch(ctx, c);

    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_keylog_callback(ctx, NULL);
    SSL_CTX_set_read_ahead(ctx, 0);
    (void) SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);

    /* what is kept can be read again */

    SSL_CTX_set_max_cert_list(ctx, ATTEST_CONN_MAX_CERT);

    if (!ok) {
        (void) attest_conn_fail(c, "cannot set TLS up");
    }

    if (!ok || attest_conn_identity(c, ctx) != ATTEST_OK) {
        c->failed = 1;
        c->broken = true;
        return CURLE_ABORTED_BY_CALLBACK;
    }

    return CURLE_OK;
}


static int
attest_conn_identity(attest_conn_t *c, SSL_CTX *ctx)
{
    attest_identity_file_t  cert = { "certificate", c->opt.cert };
    attest_identity_file_t  key = { "key", c->opt.key };

    if (c->opt.identity != NULL) {
        return c->opt.identity(ctx, c->opt.data, c->err);
    }

    return cert.name != NULL && key.name != NULL
           ? attest_identity(ctx, &cert, &key, c->err) : ATTEST_OK;
}


/*
 * Only close_notify is a clean end, anything else may be a cut; libcurl does
 * not tell one from the other.
 */

static bool
attest_conn_watch(SSL_CTX *ctx, attest_conn_t *c)
{
    SSL_CTX_set_info_callback(ctx, attest_conn_info);
    return SSL_CTX_set_app_data(ctx, c) == 1;
}


static void
attest_conn_info(const SSL *ssl, int where, int what)
{
    attest_conn_t  *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT
        && (what & 0xff) == SSL_AD_CLOSE_NOTIFY)
    {
        c->closed = 1;
    }

    /* no request will come that looks */

    if ((where & SSL_CB_HANDSHAKE_DONE) && c->opt.certificate_only
        && c->stage != ATTEST_STAGE_OPEN)
    {
        c->stage = ATTEST_STAGE_OPEN;
        c->failed = attest_conn_certificate(c, ssl) != ATTEST_OK;
    }
}


/* Before each request, when it is known what connection it will go over. */

static int
attest_conn_request(void *data, char *peer, char *own, int peer_port,
    int own_port)
{
    int64_t         now = attest_monotonic_now();
    attest_conn_t  *c = data;

    (void) peer;
    (void) own;
    (void) peer_port;
    (void) own_port;

    if (c->url->tls && attest_conn_same(c) != ATTEST_OK) {
        c->failed = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    /* to connect has a time of its own */

    if (c->stage != ATTEST_STAGE_OPEN && c->deadline != 0) {
        c->deadline = now + c->idle;
    }

    c->stage = ATTEST_STAGE_OPEN;
    c->progress = now;
    return CURL_PREREQFUNC_OK;
}


/* RFC 9266: this label, no context, 32 bytes; no two connections share it. */

static int
attest_conn_same(attest_conn_t *c)
{
    int      same;
    SSL     *ssl = attest_conn_ssl(c);
    uint8_t  exporter[sizeof(c->exporter)];

    if (ssl == NULL
        || SSL_export_keying_material(ssl, exporter, sizeof(exporter),
                                      "EXPORTER-Channel-Binding", 24, NULL,
                                      0, 0) != 1)
    {
        return attest_conn_fail(c, "the TLS connection gives no exporter");
    }

    if (c->stage != ATTEST_STAGE_OPEN) {
        memcpy(c->exporter, exporter, sizeof(exporter));
        OPENSSL_cleanse(exporter, sizeof(exporter));
        return attest_conn_certificate(c, ssl);
    }

    same = CRYPTO_memcmp(c->exporter, exporter, sizeof(exporter)) == 0;
    OPENSSL_cleanse(exporter, sizeof(exporter));

    return same ? ATTEST_OK
           : attest_conn_fail(c, "this connection is not the one that was "
                              "verified");
}


static SSL *
attest_conn_ssl(attest_conn_t *c)
{
    struct curl_tlssessioninfo  *info = NULL;

    if (curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK
        || info == NULL || info->backend != CURLSSLBACKEND_OPENSSL)
    {
        return NULL;
    }

    return info->internals;
}


static int
attest_conn_certificate(attest_conn_t *c, const SSL *ssl)
{
    int    n;
    X509  *x;

    x = SSL_get0_peer_certificate(ssl);
    n = x != NULL ? i2d_X509(x, &c->cert.p) : -1;

    if (n <= 0) {
        return attest_conn_fail(c, "the server showed no certificate");
    }

    c->cert.n = (size_t) n;
    return ATTEST_OK;
}


void
attest_conn_stop(attest_conn_t *c)
{
    if (c->running) {
        c->running = 0;
        (void) curl_multi_remove_handle(c->multi, c->easy);
    }
}


int
attest_conn_fail(attest_conn_t *c, const char *what)
{
    c->broken = true;
    return attest_bytes_error(c->err, "%s", what);
}


bool
attest_conn_over(const attest_conn_t *c)
{
    return c->broken || c->head.close;
}
