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

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "cli/cli_conn.h"
#include "cli/cli_identity.h"


/* CURLOPT_QUICK_EXIT; Debian 12 has 7.88.1 */

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87.0 or newer is needed"
#endif


/* Where an SSL_CTX keeps its connection. */
static int  cli_conn_index = -1;


static int cli_conn_library(void);
static int cli_conn_settings(cli_conn_t *c);
static int cli_conn_settings_tls(CURL *easy);
static int cli_conn_target(cli_conn_t *c);
static int cli_conn_target_url(cli_conn_t *c);
static curl_socket_t cli_conn_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);
static CURLcode cli_conn_tls(CURL *easy, void *ctx, void *data);
static int cli_conn_watch(SSL_CTX *ctx, cli_conn_t *c);
static void cli_conn_alert(const SSL *ssl, int where, int what);
static int cli_conn_request(void *data, char *peer, char *own, int peer_port,
    int own_port);
static int cli_conn_same(cli_conn_t *c);
static SSL *cli_conn_ssl(cli_conn_t *c);
static int cli_conn_certificate(cli_conn_t *c, SSL *ssl);


int
cli_conn_open(cli_conn_t *c, const cli_url_t *url, const cli_options_t *opt)
{
    memset(c, 0, sizeof(*c));
    c->opt = opt;
    c->url = url;
    c->host = url->host;
    c->port = url->port;

    if (opt->connect != NULL) {
        if (!cli_url_host_port(opt->connect, strlen(opt->connect),
                               c->other[0], c->other[1])
            || c->other[1][0] == '\0')
        {
            return cli_conn_fail(c, "--connect wants host:port");
        }

        c->host = c->other[0];
        c->port = c->other[1];
    }

    if (!cli_conn_library()) {
        return cli_conn_fail(c, "libcurl cannot be used: it is not one with "
                             "OpenSSL");
    }

    c->multi = curl_multi_init();
    c->easy = curl_easy_init();

    if (c->multi == NULL || c->easy == NULL || !cli_conn_settings(c)
        || !cli_conn_settings_tls(c->easy))
    {
        return cli_conn_fail(c, "cannot set libcurl up");
    }

    return cli_conn_target(c);
}


void
cli_conn_close(cli_conn_t *c)
{
    cli_conn_stop(c);

    /* the connection is in the pool of `multi`, and uses what `easy` has */

    if (c->multi != NULL) {
        (void) curl_multi_cleanup(c->multi);
    }

    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->fields);
    curl_slist_free_all(c->connect_to);
    cli_bytes_free(&c->cert);
    OPENSSL_cleanse(c->exporter, sizeof(c->exporter));

    c->multi = NULL;
    c->easy = NULL;
    c->fields = NULL;
    c->connect_to = NULL;
}


/*
 * Once.  The handle of the TLS connection is wanted, hence OpenSSL and no
 * other library; and no file that the environment names gets its secrets.
 */

static int
cli_conn_library(void)
{
    static int  ready;

    if (!ready) {
        (void) unsetenv("SSLKEYLOGFILE");

        ready = curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL)
                    == CURLSSLSET_OK
                && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    }

    return ready;
}


/*
 * No proxy, whatever the environment says; no redirect, no credentials, no
 * second connection.  Our own deadlines are the ones that count.
 */

static int
cli_conn_settings(cli_conn_t *c)
{
    CURLcode   rc = CURLE_OK;
    CURL      *easy = c->easy;

    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
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
                           (long) CLI_TIMEOUT);
    rc |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 86400L);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->why);

    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, cli_conn_socket);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, cli_conn_request);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, cli_conn_tls);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, c);

    return rc == CURLE_OK
           && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L)
              == CURLM_OK;
}


/*
 * No WebPKI here: the certificate is judged by evidence, so verification of
 * the chain stays off.  TLS 1.3 because the exporter of earlier versions
 * does not bind the connection (RFC 9266, section 3).
 */

static int
cli_conn_settings_tls(CURL *easy)
{
    CURLcode  rc = CURLE_OK;

    rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_3);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 1L);

    return rc == CURLE_OK;
}


/* The host of the URL, or that of --connect under its name. */

static int
cli_conn_target(cli_conn_t *c)
{
    int   v6 = strchr(c->host, ':') != NULL;
    char  to[320];

    if (c->opt->connect != NULL) {
        (void) snprintf(to, sizeof(to), "::%s%s%s:%s", v6 ? "[" : "",
                        c->host, v6 ? "]" : "", c->port);

        c->connect_to = curl_slist_append(NULL, to);

        if (c->connect_to == NULL
            || curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to)
               != CURLE_OK)
        {
            return cli_conn_fail(c, "out of memory");
        }
    }

    return cli_conn_target_url(c) ? CLI_OK
           : cli_conn_fail(c, "the URL's host or port is wrong");
}


/* In parts: what looks like a host to us must not look else to libcurl. */

static int
cli_conn_target_url(cli_conn_t *c)
{
    int     ok, v6 = strchr(c->url->host, ':') != NULL;
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
cli_conn_socket(void *data, curlsocktype purpose, struct curl_sockaddr *addr)
{
    cli_conn_t  *c = data;

    (void) purpose;

    if (c->stage == CLI_STAGE_OPEN) {
        return CURL_SOCKET_BAD;
    }

    if (c->stage == CLI_STAGE_NAME) {
        c->stage = CLI_STAGE_DIAL;
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
cli_conn_tls(CURL *easy, void *ctx, void *data)
{
    int          ok;
    cli_conn_t  *c = data;

    (void) easy;

    if (c->stage == CLI_STAGE_OPEN) {
        return CURLE_ABORTED_BY_CALLBACK;
    }

    c->stage = CLI_STAGE_TLS;

    ok = SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1
         && cli_conn_watch(ctx, c);

    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_keylog_callback(ctx, NULL);
    SSL_CTX_set_read_ahead(ctx, 0);
    (void) SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);

    /* what is kept can be read again */

    SSL_CTX_set_max_cert_list(ctx, CLI_MAX_CERT);

    if (!ok || cli_identity(ctx, c->opt) != CLI_OK) {
        c->failed = 1;
        (void) cli_conn_fail(c, ok ? "--cert or --key cannot be used"
                                   : "cannot set TLS up");
        return CURLE_ABORTED_BY_CALLBACK;
    }

    return CURLE_OK;
}


/*
 * Only close_notify is a clean end, anything else may be a cut; libcurl does
 * not tell one from the other.
 */

static int
cli_conn_watch(SSL_CTX *ctx, cli_conn_t *c)
{
    if (cli_conn_index == -1) {
        cli_conn_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }

    SSL_CTX_set_info_callback(ctx, cli_conn_alert);
    return SSL_CTX_set_ex_data(ctx, cli_conn_index, c) == 1;
}


static void
cli_conn_alert(const SSL *ssl, int where, int what)
{
    cli_conn_t  *c;

    c = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), cli_conn_index);

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT
        && (what & 0xff) == SSL_AD_CLOSE_NOTIFY)
    {
        c->closed = 1;
    }
}


/* Before each request, when it is known what connection it will go over. */

static int
cli_conn_request(void *data, char *peer, char *own, int peer_port, int own_port)
{
    int64_t      now = cli_monotonic();
    cli_conn_t  *c = data;

    (void) peer;
    (void) own;
    (void) peer_port;
    (void) own_port;

    if (c->url->tls && cli_conn_same(c) != CLI_OK) {
        c->failed = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    /* to connect has a time of its own */

    if (c->stage != CLI_STAGE_OPEN && c->deadline != 0) {
        c->deadline = now + c->idle;
    }

    c->stage = CLI_STAGE_OPEN;
    c->progress = now;
    return CURL_PREREQFUNC_OK;
}


/* RFC 9266: this label, no context, 32 bytes; no two connections share it. */

static int
cli_conn_same(cli_conn_t *c)
{
    int      same;
    SSL     *ssl = cli_conn_ssl(c);
    uint8_t  exporter[sizeof(c->exporter)];

    if (ssl == NULL
        || SSL_export_keying_material(ssl, exporter, sizeof(exporter),
                                      "EXPORTER-Channel-Binding", 24, NULL,
                                      0, 0) != 1)
    {
        return cli_conn_fail(c, "the TLS connection gives no exporter");
    }

    if (c->stage != CLI_STAGE_OPEN) {
        memcpy(c->exporter, exporter, sizeof(exporter));
        OPENSSL_cleanse(exporter, sizeof(exporter));
        return cli_conn_certificate(c, ssl);
    }

    same = CRYPTO_memcmp(c->exporter, exporter, sizeof(exporter)) == 0;
    OPENSSL_cleanse(exporter, sizeof(exporter));

    return same ? CLI_OK : cli_conn_fail(c, "this connection is not the one "
                                         "that was verified");
}


static SSL *
cli_conn_ssl(cli_conn_t *c)
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
cli_conn_certificate(cli_conn_t *c, SSL *ssl)
{
    int    n;
    X509  *x;

    x = SSL_get0_peer_certificate(ssl);
    n = x != NULL ? i2d_X509(x, &c->cert.p) : -1;

    if (n <= 0) {
        return cli_conn_fail(c, "the server showed no certificate");
    }

    c->cert.n = (size_t) n;
    return CLI_OK;
}


void
cli_conn_stop(cli_conn_t *c)
{
    if (c->running) {
        c->running = 0;
        (void) curl_multi_remove_handle(c->multi, c->easy);
    }
}


int
cli_conn_fail(cli_conn_t *c, const char *what)
{
    (void) snprintf(c->err, sizeof(c->err), "%s", what);
    c->close = 1;
    return CLI_UNDECIDED;
}
