
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "cli/cli.h"


#define CLI_MAX_LINE      8192
#define CLI_MAX_FIELDS    128
#define CLI_MAX_INTERIM   8


static int cli_host_port(const char *text, size_t n, char *host, char *port);
static int cli_dial(cli_conn_t *c, const char *host, const char *port);
static int cli_dial_one(const struct addrinfo *ai, int64_t end);
static int cli_tls(cli_conn_t *c, const cli_url_t *url,
    const cli_options_t *opt);
static int cli_tls_context(cli_conn_t *c, const cli_options_t *opt);
static int cli_handshake(cli_conn_t *c);
static int cli_fail(cli_conn_t *c, const char *what);
static int64_t cli_end(const cli_conn_t *c);
static int cli_wait(cli_conn_t *c, int64_t end, short events);
static int cli_again(cli_conn_t *c, int64_t end, int rc, short events);
static int cli_write(cli_conn_t *c, const void *p, size_t n);
static int cli_fill(cli_conn_t *c);
static int cli_line(cli_conn_t *c, char *line);
static int cli_receive(cli_conn_t *c, int64_t end, ssize_t *n);
static int cli_head(cli_conn_t *c);
static int cli_fields(cli_conn_t *c);
static int cli_status_line(cli_conn_t *c);
static int cli_field(cli_conn_t *c, char *line, unsigned *seen);
static int cli_number(const char *text, int base, uint64_t *v);
static int cli_chunk(cli_conn_t *c);
static int cli_trailer(cli_conn_t *c);


/* https://host[:port][/path]; also http://, and [v6] as a host. */

int
cli_url_parse(const char *text, cli_url_t *url, char err[256])
{
    size_t       i, n;
    const char  *rest, *slash;

    memset(url, 0, sizeof(*url));

    if (strncmp(text, "https://", 8) == 0) {
        url->tls = 1;
        rest = text + 8;

    } else if (strncmp(text, "http://", 7) == 0) {
        rest = text + 7;

    } else {
        (void) snprintf(err, 256, "not an https:// or http:// URL");
        return CLI_UNDECIDED;
    }

    slash = strchr(rest, '/');
    n = slash != NULL ? (size_t) (slash - rest) : strlen(rest);

    if (!cli_host_port(rest, n, url->host, url->port)) {
        (void) snprintf(err, 256, "the URL's host or port is wrong");
        return CLI_UNDECIDED;
    }

    if (url->port[0] == '\0') {
        (void) strcpy(url->port, url->tls ? "443" : "80");
    }

    if (slash != NULL && strlen(slash) >= sizeof(url->path)) {
        (void) snprintf(err, 256, "the URL's path is too long");
        return CLI_UNDECIDED;
    }

    (void) snprintf(url->authority, sizeof(url->authority), "%.*s", (int) n,
                    rest);
    (void) strcpy(url->path, slash != NULL && slash[1] != '\0'
                  ? slash : CLI_EVIDENCE_PATH);

    /* nothing that could end the request line or the Host field */

    for (i = 0; text[i] != '\0'; i++) {
        if ((unsigned char) text[i] <= 0x20 || text[i] == 0x7f
            || text[i] == '#' || text[i] == '@')
        {
            (void) snprintf(err, 256, "the URL has a character that does "
                            "not belong there");
            return CLI_UNDECIDED;
        }
    }

    return CLI_OK;
}


/* host, host:port, [v6], [v6]:port */

static int
cli_host_port(const char *text, size_t n, char *host, char *port)
{
    size_t       len, plen;
    const char  *end, *colon;

    if (n == 0) {
        return 0;
    }

    if (text[0] == '[') {
        end = memchr(text, ']', n);
        if (end == NULL) {
            return 0;
        }

        len = (size_t) (end - text) - 1;
        text++;
        n--;
        colon = len + 1 < n ? text + len + 1 : NULL;

    } else {
        colon = memchr(text, ':', n);
        len = colon != NULL ? (size_t) (colon - text) : n;
    }

    if (len == 0 || len >= 256 || (colon != NULL && *colon != ':')) {
        return 0;
    }

    memcpy(host, text, len);
    host[len] = '\0';
    port[0] = '\0';

    if (colon == NULL) {
        return 1;
    }

    plen = n - (size_t) (colon + 1 - text);
    if (plen == 0 || plen > 5
        || strspn(colon + 1, "0123456789") < plen)
    {
        return 0;
    }

    memcpy(port, colon + 1, plen);
    port[plen] = '\0';
    return 1;
}


int
cli_connect(cli_conn_t *c, const cli_url_t *url, const cli_options_t *opt)
{
    int   rc;
    char  host[256], port[8];

    memset(c, 0, sizeof(*c));
    c->fd = -1;

    if (opt->connect != NULL) {
        if (!cli_host_port(opt->connect, strlen(opt->connect), host, port)
            || port[0] == '\0')
        {
            return cli_fail(c, "--connect wants host:port");
        }

        rc = cli_dial(c, host, port);

    } else {
        rc = cli_dial(c, url->host, url->port);
    }

    if (rc != CLI_OK) {
        return rc;
    }

    cli_set_timeout(c, CLI_TIMEOUT, 1);

    return url->tls ? cli_tls(c, url, opt) : CLI_OK;
}


void
cli_close(cli_conn_t *c)
{
    if (c->ssl != NULL) {
        (void) SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }

    SSL_CTX_free(c->ctx);

    if (c->fd >= 0) {
        (void) close(c->fd);
    }

    c->ssl = NULL;
    c->ctx = NULL;
    c->fd = -1;
}


static int
cli_dial(cli_conn_t *c, const char *host, const char *port)
{
    int               rc;
    int64_t           end;
    struct addrinfo   hints, *list, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(host, port, &hints, &list);
    if (rc != 0) {
        (void) snprintf(c->err, sizeof(c->err), "cannot resolve %.200s: %s",
                        host, gai_strerror(rc));
        return CLI_UNDECIDED;
    }

    end = cli_monotonic() + CLI_TIMEOUT;

    for (ai = list; ai != NULL && c->fd < 0; ai = ai->ai_next) {
        c->fd = cli_dial_one(ai, end);
    }

    rc = errno;
    freeaddrinfo(list);

    if (c->fd < 0) {
        (void) snprintf(c->err, sizeof(c->err), "cannot connect to %.180s "
                        "port %s: %s", host, port, strerror(rc));
        return CLI_UNDECIDED;
    }

    return CLI_OK;
}


static int
cli_dial_one(const struct addrinfo *ai, int64_t end)
{
    int            fd, error = 0;
    int64_t        left;
    socklen_t      len = sizeof(error);
    struct pollfd  pfd;

    fd = socket(ai->ai_family,
                ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                ai->ai_protocol);
    if (fd < 0) {
        return -1;
    }

    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        error = errno;
    }

    if (error == EINPROGRESS) {
        pfd.fd = fd;
        pfd.events = POLLOUT;
        error = ETIMEDOUT;
        left = end - cli_monotonic();

        if (poll(&pfd, 1, left > 0 ? (int) left : 0) == 1) {
            (void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
        }
    }

    if (error != 0) {
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


static int
cli_tls(cli_conn_t *c, const cli_url_t *url, const cli_options_t *opt)
{
    uint8_t               addr[16];
    static const uint8_t  alpn[] = "\x08http/1.1";

    if (cli_tls_context(c, opt) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    c->ssl = SSL_new(c->ctx);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1
        || SSL_set_alpn_protos(c->ssl, alpn, sizeof(alpn) - 1) != 0)
    {
        return cli_fail(c, "cannot set TLS up");
    }

    /* RFC 6066, section 3: no address literals in SNI */

    if (inet_pton(AF_INET, url->host, addr) != 1
        && inet_pton(AF_INET6, url->host, addr) != 1
        && SSL_set_tlsext_host_name(c->ssl, url->host) != 1)
    {
        return cli_fail(c, "the host name does not fit TLS");
    }

    /* else SSL_read() stays inside as long as somebody sends tickets */

    (void) SSL_clear_mode(c->ssl, SSL_MODE_AUTO_RETRY);

    return cli_handshake(c);
}


/*
 * No WebPKI here: the certificate is judged by evidence, so verification of
 * the chain stays off.  TLS 1.3 because the exporter of earlier versions
 * does not bind the connection (RFC 9266, section 3).
 */

static int
cli_tls_context(cli_conn_t *c, const cli_options_t *opt)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    if (c->ctx == NULL
        || SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) != 1)
    {
        return cli_fail(c, "cannot set TLS up");
    }

    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);

    /* what is kept can be read again */

    SSL_CTX_set_max_cert_list(c->ctx, CLI_MAX_CERT);

    return cli_identity(c->ctx, opt) == CLI_OK ? CLI_OK
           : cli_fail(c, "--cert or --key cannot be used");
}


static int
cli_handshake(cli_conn_t *c)
{
    int          rc;
    char         why[200];
    int64_t      end = cli_end(c);
    const char  *reason;

    do {
        ERR_clear_error();

        rc = SSL_connect(c->ssl);
        if (rc == 1) {
            return CLI_OK;
        }

    } while (cli_again(c, end, rc, POLLIN) == CLI_OK);

    reason = ERR_reason_error_string(ERR_peek_error());
    (void) snprintf(why, sizeof(why), "%.199s", reason != NULL ? reason
                                                               : c->err);
    (void) snprintf(c->err, sizeof(c->err), "TLS 1.3 handshake failed: %s",
                    why);
    return CLI_UNDECIDED;
}


static int
cli_fail(cli_conn_t *c, const char *what)
{
    (void) snprintf(c->err, sizeof(c->err), "%s", what);
    c->close = 1;
    return CLI_UNDECIDED;
}


/* total: for everything until the next call; else one read or write each. */

void
cli_set_timeout(cli_conn_t *c, int64_t ms, int total)
{
    c->idle = ms;
    c->deadline = total ? cli_monotonic() + ms : 0;
}


/* When what begins now must be over. */

static int64_t
cli_end(const cli_conn_t *c)
{
    return c->deadline != 0 ? c->deadline : cli_monotonic() + c->idle;
}


/*
 * CLI_OK: try again.  The limit is looked at even when bytes are there: they
 * may trickle, and a record that is never whole is no progress.
 */

static int
cli_wait(cli_conn_t *c, int64_t end, short events)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    pfd.fd = c->fd;
    pfd.events = events;

    do {
        left = end - cli_monotonic();
        if (left <= 0) {
            return cli_fail(c, "timed out");
        }

        n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int) left);

    } while (n == 0 || (n < 0 && errno == EINTR));

    return n > 0 ? CLI_OK : cli_fail(c, "the connection broke");
}


/* After a call that did not do: wait for what it needs, unless it failed. */

static int
cli_again(cli_conn_t *c, int64_t end, int rc, short events)
{
    const char  *why;

    if (c->ssl == NULL) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
               ? cli_wait(c, end, events)
               : cli_fail(c, "the connection broke");
    }

    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return cli_wait(c, end, POLLIN);
    case SSL_ERROR_WANT_WRITE:
        return cli_wait(c, end, POLLOUT);
    default:
        break;
    }

    /* in TLS 1.3 a refused client hears of it behind the handshake */

    why = ERR_reason_error_string(ERR_peek_error());
    (void) cli_fail(c, "the connection broke");

    if (why != NULL) {
        (void) snprintf(c->err, sizeof(c->err), "the connection broke: %.200s",
                        why);
    }

    return CLI_UNDECIDED;
}


static int
cli_write(cli_conn_t *c, const void *p, size_t n)
{
    int64_t         end = cli_end(c);
    ssize_t         sent;
    const uint8_t  *at = p;

    while (n != 0) {
        ERR_clear_error();

        if (c->ssl != NULL) {
            sent = SSL_write(c->ssl, at, n > 16384 ? 16384 : (int) n);

        } else {
            sent = send(c->fd, at, n, MSG_NOSIGNAL);
        }

        if (sent > 0) {
            at += sent;
            n -= (size_t) sent;

        } else if (cli_again(c, end, (int) sent, POLLOUT) != CLI_OK) {
            return CLI_UNDECIDED;
        }
    }

    return CLI_OK;
}


/* More bytes into the empty buffer: CLI_OK, or closed (last stays 0). */

static int
cli_fill(cli_conn_t *c)
{
    int      rc;
    int64_t  end = cli_end(c);
    ssize_t  n;

    if (cli_monotonic() > end) {
        return cli_fail(c, "timed out");
    }

    c->pos = 0;
    c->last = 0;

    do {
        rc = cli_receive(c, end, &n);
        if (rc != CLI_OK) {
            return rc;
        }

    } while (n < 0);

    c->last = (size_t) n;
    return CLI_OK;
}


/* *n: bytes, 0 for a clean end, -1 for nothing yet. */

static int
cli_receive(cli_conn_t *c, int64_t end, ssize_t *n)
{
    int  rc;

    if (c->ssl == NULL) {
        *n = recv(c->fd, c->buf, sizeof(c->buf), 0);
        return *n >= 0 ? CLI_OK : cli_again(c, end, -1, POLLIN);
    }

    ERR_clear_error();

    rc = SSL_read(c->ssl, c->buf, sizeof(c->buf));
    *n = rc;

    if (rc > 0) {
        return CLI_OK;
    }

    /* only close_notify is a clean end: anything else may be a cut */

    if (SSL_get_error(c->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
        *n = 0;
        return CLI_OK;
    }

    *n = -1;
    return cli_again(c, end, rc, POLLIN);
}


/* One line without its CRLF; a bare LF ends a line too. */

static int
cli_line(cli_conn_t *c, char *line)
{
    size_t  n = 0;

    for ( ;; ) {
        if (c->pos == c->last) {
            if (cli_fill(c) != CLI_OK) {
                return CLI_UNDECIDED;
            }

            if (c->last == 0) {
                c->lost |= (n == 0);
                return cli_fail(c, "the gateway closed the connection");
            }
        }

        if (c->buf[c->pos] == '\n') {
            c->pos++;
            break;
        }

        if (n == CLI_MAX_LINE - 1 || c->buf[c->pos] == '\0') {
            return cli_fail(c, "the answer is not HTTP");
        }

        line[n++] = (char) c->buf[c->pos++];
    }

    if (n != 0 && line[n - 1] == '\r') {
        n--;
    }

    line[n] = '\0';
    return CLI_OK;
}


int
cli_exchange(cli_conn_t *c, const cli_url_t *url, const cli_request_t *req)
{
    int   n;
    char  head[4096];

    if (c->close) {
        c->lost = 1;
        return cli_fail(c, "the gateway does not keep the connection open, "
                        "and evidence of another one would not count");
    }

    n = snprintf(head, sizeof(head),
                 "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: ngx-attest/%s\r\n"
                 "Accept: %s\r\n%s", req->method, req->path, url->authority,
                 ATTEST_VERSION, req->accept, req->extra ? req->extra : "");

    if (n > 0 && (size_t) n < sizeof(head) && req->body != NULL) {
        n += snprintf(head + n, sizeof(head) - (size_t) n,
                      "Content-Type: %s\r\nContent-Length: %zu\r\n",
                      req->type, req->len);
    }

    if (n < 0 || (size_t) n + 3 > sizeof(head)) {
        return cli_fail(c, "the request is too long");
    }

    memcpy(head + n, "\r\n", 2);

    if (cli_write(c, head, (size_t) n + 2) != CLI_OK
        || (req->body != NULL
            && cli_write(c, req->body, req->len) != CLI_OK))
    {
        return CLI_UNDECIDED;
    }

    return cli_head(c);
}


static int
cli_head(cli_conn_t *c)
{
    unsigned  heads = 0;

    do {
        if (heads++ > CLI_MAX_INTERIM) {
            return cli_fail(c, "too many interim answers");
        }

        if (cli_status_line(c) != CLI_OK || cli_fields(c) != CLI_OK) {
            return CLI_UNDECIDED;
        }

    } while (c->status < 200);

    if (c->status == 204 || c->status == 304) {
        c->framing = CLI_BODY_NONE;
        c->done = 1;
    }

    if (c->framing == CLI_BODY_CLOSE) {
        c->close = 1;
    }

    return CLI_OK;
}


static int
cli_fields(cli_conn_t *c)
{
    char      line[CLI_MAX_LINE];
    unsigned  fields, seen = 0;

    c->framing = CLI_BODY_CLOSE;
    c->left = 0;
    c->first_chunk = 1;
    c->done = 0;
    c->type[0] = '\0';
    c->ehbp_nonce[0] = '\0';
    c->etag[0] = '\0';

    for (fields = 0; ; fields++) {
        if (cli_line(c, line) != CLI_OK) {
            return CLI_UNDECIDED;
        }

        if (line[0] == '\0') {
            return CLI_OK;
        }

        if (fields == CLI_MAX_FIELDS || cli_field(c, line, &seen) != 0) {
            return cli_fail(c, "the answer has a malformed header");
        }
    }
}


static int
cli_status_line(cli_conn_t *c)
{
    char      line[CLI_MAX_LINE];
    uint64_t  status;

    if (cli_line(c, line) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    if ((strncmp(line, "HTTP/1.1 ", 9) != 0
         && strncmp(line, "HTTP/1.0 ", 9) != 0)
        || strlen(line) < 12
        || (line[12] != '\0' && line[12] != ' '))
    {
        return cli_fail(c, "the answer is not HTTP/1.1");
    }

    c->close = (line[7] == '0');
    line[12] = '\0';

    if (!cli_number(line + 9, 10, &status) || status < 100) {
        return cli_fail(c, "the answer is not HTTP/1.1");
    }

    c->status = (int) status;
    return CLI_OK;
}


/* RFC 9112, section 6.3: two lengths are an attack or a bug. */

static int
cli_field(cli_conn_t *c, char *line, unsigned *seen)
{
    char  *value, *end;

    value = strchr(line, ':');
    if (value == NULL || value == line || line[0] == ' ' || line[0] == '\t') {
        return -1;
    }

    *value++ = '\0';
    value += strspn(value, " \t");
    end = value + strlen(value);

    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }

    if (strcasecmp(line, "Content-Length") == 0) {
        if (*seen & 3 || !cli_number(value, 10, &c->left)) {
            return -1;
        }

        *seen |= 1;
        c->framing = CLI_BODY_LENGTH;

    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        if (*seen & 3 || strcasecmp(value, "chunked") != 0) {
            return -1;
        }

        *seen |= 2;
        c->framing = CLI_BODY_CHUNKED;

    } else if (strcasecmp(line, "Connection") == 0) {
        c->close |= (strcasecmp(value, "close") == 0);

    } else if (strcasecmp(line, "Content-Type") == 0) {
        (void) snprintf(c->type, sizeof(c->type), "%.*s",
                        (int) strcspn(value, "; \t"), value);

    } else if (strcasecmp(line, "ETag") == 0) {
        (void) snprintf(c->etag, sizeof(c->etag), "%s", value);

    } else if (strcasecmp(line, "Ehbp-Response-Nonce") == 0) {
        if (*seen & 4 || strlen(value) != 64) {
            return -1;
        }

        *seen |= 4;
        memcpy(c->ehbp_nonce, value, 65);
    }

    return 0;
}


/* Digits only, no sign, no blank, no overflow. */

static int
cli_number(const char *text, int base, uint64_t *v)
{
    size_t       i, n = strlen(text);
    const char  *digits = base == 16 ? "0123456789abcdefABCDEF"
                                     : "0123456789";

    if (n == 0 || n > 15) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (strchr(digits, text[i]) == NULL) {
            return 0;
        }
    }

    *v = strtoull(text, NULL, base);
    return 1;
}


/* The head of the next chunk: left = its size; the last one sets done. */

static int
cli_chunk(cli_conn_t *c)
{
    char  line[CLI_MAX_LINE];

    if (!c->first_chunk) {
        if (cli_line(c, line) != CLI_OK || line[0] != '\0') {
            return cli_fail(c, "the answer is cut, or badly chunked");
        }
    }

    c->first_chunk = 0;

    if (cli_line(c, line) != CLI_OK) {
        return cli_fail(c, "the answer is cut");
    }

    line[strcspn(line, "; \t")] = '\0';

    if (!cli_number(line, 16, &c->left)) {
        return cli_fail(c, "the answer is badly chunked");
    }

    return c->left != 0 ? CLI_OK : cli_trailer(c);
}


/* RFC 9112, section 7.1.2: fields behind the last chunk; none is used. */

static int
cli_trailer(cli_conn_t *c)
{
    char      line[CLI_MAX_LINE];
    unsigned  fields;

    c->done = 1;

    for (fields = 0; fields <= CLI_MAX_FIELDS; fields++) {
        if (cli_line(c, line) != CLI_OK) {
            return cli_fail(c, "the answer is cut");
        }

        if (line[0] == '\0') {
            return CLI_OK;
        }
    }

    return cli_fail(c, "the answer has too long a trailer");
}


long
cli_read(cli_conn_t *c, uint8_t *p, size_t n)
{
    size_t  have;

    if (c->framing == CLI_BODY_CHUNKED && !c->done && c->left == 0
        && cli_chunk(c) != CLI_OK)
    {
        return -1;
    }

    if (c->framing == CLI_BODY_LENGTH && c->left == 0) {
        c->done = 1;
    }

    if (c->done) {
        return 0;
    }

    if (c->pos == c->last) {
        if (cli_fill(c) != CLI_OK) {
            return -1;
        }

        if (c->last == 0) {
            c->close = 1;

            if (c->framing != CLI_BODY_CLOSE) {
                (void) cli_fail(c, "the answer is cut");
                return -1;
            }

            c->done = 1;
            return 0;
        }
    }

    have = c->last - c->pos;
    n = n < have ? n : have;

    if (c->framing != CLI_BODY_CLOSE) {
        n = n < c->left ? n : (size_t) c->left;
        c->left -= n;
    }

    memcpy(p, c->buf + c->pos, n);
    c->pos += n;
    return (long) n;
}


int
cli_read_all(cli_conn_t *c, size_t cap, cli_bytes_t *out)
{
    long      n;
    size_t    room = 0;
    uint8_t  *p;

    memset(out, 0, sizeof(*out));

    for ( ;; ) {
        if (out->n + 1 >= room) {
            room = room == 0 ? 16384 : room * 2;

            p = realloc(out->p, room);
            if (p == NULL) {
                cli_bytes_free(out);
                return cli_fail(c, "out of memory");
            }

            out->p = p;
        }

        n = cli_read(c, out->p + out->n, room - out->n - 1);
        if (n <= 0) {
            break;
        }

        out->n += (size_t) n;

        if (out->n > cap) {
            cli_bytes_free(out);
            return cli_fail(c, "the answer is too long");
        }
    }

    if (n < 0) {
        cli_bytes_free(out);
        return CLI_UNDECIDED;
    }

    out->p[out->n] = '\0';
    return CLI_OK;
}
