
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* memmem() */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "providers/attest_http.h"
#include "providers/attest_monotonic.h"


#define ATTEST_HTTP_REQUEST_MAX  16384
#define ATTEST_HTTP_ANSWER_MAX                                                \
    (ATTEST_HTTP_HEAD_MAX + 2 * ATTEST_HTTP_BODY_MAX)


/* What the head of the answer says of the body. */
typedef struct {
    size_t     length;
    unsigned   has_length:1;
    unsigned   chunked:1;
} attest_http_framing_t;


static int attest_http_address(const char *text, struct sockaddr_in *addr);
static int attest_http_port(const char *text, uint16_t *port);
static int attest_http_connect(const struct sockaddr_in *addr,
    int64_t deadline, char *error);
static int attest_http_wait(int fd, short events, int64_t deadline);
static size_t attest_http_request(const attest_http_t *req, char *buf);
static int attest_http_send(int fd, const attest_http_t *req,
    int64_t deadline, char *error);
static int attest_http_recv(int fd, int64_t deadline, uint8_t *buf,
    size_t *len, char *error);
static int attest_http_complete(const uint8_t *p, size_t n);
static size_t attest_http_head_len(const uint8_t *p, size_t n);
static int attest_http_status(const uint8_t *p, size_t n, char *error);
static int attest_http_framing(const uint8_t *p, size_t n,
    attest_http_framing_t *f);
static int attest_http_header(const char *line, size_t n,
    attest_http_framing_t *f);
static int attest_http_length(const char *p, size_t n, int base,
    size_t *value);
static int attest_http_chunks(uint8_t *p, size_t n, size_t *len);
static int attest_http_error(char *error, int rc, const char *what);


int
attest_http(const attest_http_t *req, int64_t deadline, uint8_t **body,
    size_t *len, char error[256])
{
    int                  fd, rc;
    size_t               n;
    uint8_t             *buf;
    attest_span_t        span;
    struct sockaddr_in   addr;

    *body = NULL;
    *len = 0;

    if (attest_http_address(req->address, &addr) != ATTEST_OK) {
        return attest_http_error(error, ATTEST_EARG, "bad address");
    }

    buf = malloc(ATTEST_HTTP_ANSWER_MAX + 1);
    if (buf == NULL) {
        return attest_http_error(error, ATTEST_EINTERNAL, "no memory");
    }

    fd = attest_http_connect(&addr, deadline, error);
    if (fd == -1) {
        free(buf);
        return ATTEST_EINTERNAL;
    }

    rc = attest_http_send(fd, req, deadline, error);

    if (rc == ATTEST_OK) {
        rc = attest_http_recv(fd, deadline, buf, &n, error);
    }

    (void) close(fd);

    if (rc == ATTEST_OK) {
        rc = attest_http_answer(buf, n, &span, error);
    }

    if (rc != ATTEST_OK) {
        free(buf);
        return rc;
    }

    memmove(buf, span.p, span.n);
    buf[span.n] = '\0';
    *body = buf;
    *len = span.n;
    return ATTEST_OK;
}


int
attest_http_address_check(const char *address)
{
    struct sockaddr_in  addr;

    return attest_http_address(address, &addr);
}


static int
attest_http_address(const char *text, struct sockaddr_in *addr)
{
    char         host[INET_ADDRSTRLEN];
    size_t       n;
    uint16_t     port;
    const char  *colon;

    memset(addr, 0, sizeof(*addr));
    colon = strchr(text, ':');

    if (colon == NULL || attest_http_port(colon + 1, &port) != ATTEST_OK) {
        return ATTEST_EARG;
    }

    n = (size_t) (colon - text);
    if (n >= sizeof(host)) {
        return ATTEST_EARG;
    }

    memcpy(host, text, n);
    host[n] = '\0';
    addr->sin_family = AF_INET;
    addr->sin_port = htons(port);

    return inet_pton(AF_INET, host, &addr->sin_addr) == 1 ? ATTEST_OK
                                                          : ATTEST_EARG;
}


static int
attest_http_port(const char *text, uint16_t *port)
{
    size_t  value;

    if (attest_http_length(text, strlen(text), 10, &value) != ATTEST_OK
        || value == 0 || value > 65535)
    {
        return ATTEST_EARG;
    }

    *port = (uint16_t) value;
    return ATTEST_OK;
}


/* The socket, -1 and error. */

static int
attest_http_connect(const struct sockaddr_in *addr, int64_t deadline,
    char *error)
{
    int        fd, rc, code;
    socklen_t  len = sizeof(code);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        snprintf(error, 256, "socket() failed: %s", strerror(errno));
        return -1;
    }

    if (connect(fd, (const struct sockaddr *) addr, sizeof(*addr)) == 0) {
        return fd;
    }

    code = errno;

    if (code == EINPROGRESS) {
        rc = attest_http_wait(fd, POLLOUT, deadline);
        code = ETIMEDOUT;

        if (rc == ATTEST_OK
            && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0
            && code == 0)
        {
            return fd;
        }
    }

    (void) close(fd);
    snprintf(error, 256, "cannot connect: %s", strerror(code));
    return -1;
}


static int
attest_http_wait(int fd, short events, int64_t deadline)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd = { .fd = fd, .events = events };

    do {
        left = deadline - attest_monotonic_now();
        if (left <= 0) {
            return ATTEST_EINTERNAL;
        }

        n = poll(&pfd, 1, left > 60000 ? 60000 : (int) left);

    } while (n == 0 || (n == -1 && errno == EINTR));

    return n == 1 ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
attest_http_send(int fd, const attest_http_t *req, int64_t deadline,
    char *error)
{
    char    *buf;
    size_t   off, len;
    ssize_t  sent;

    buf = malloc(ATTEST_HTTP_REQUEST_MAX);
    if (buf == NULL) {
        return attest_http_error(error, ATTEST_EINTERNAL, "no memory");
    }

    len = attest_http_request(req, buf);

    for (off = 0; off < len; off += (size_t) sent) {
        sent = send(fd, buf + off, len - off, MSG_NOSIGNAL);

        if (sent == -1 && (errno == EAGAIN || errno == EINTR)
            && attest_http_wait(fd, POLLOUT, deadline) == ATTEST_OK)
        {
            sent = 0;
        }

        if (sent == -1) {
            break;
        }
    }

    free(buf);

    return off == len && len != 0
           ? ATTEST_OK : attest_http_error(error, ATTEST_EINTERNAL,
                                           "cannot send the request");
}


/* 0: it does not fit. */

static size_t
attest_http_request(const attest_http_t *req, char *buf)
{
    int     n, host;
    size_t  len;

    /* the port is not said when it is the usual one */

    len = strlen(req->address);
    host = (int) (strcmp(req->address + len - 3, ":80") == 0 ? len - 3 : len);

    if (req->body == NULL) {
        n = snprintf(buf, ATTEST_HTTP_REQUEST_MAX, "GET %s HTTP/1.1\r\n"
                     "Host: %.*s\r\n%sConnection: close\r\n\r\n", req->path,
                     host, req->address, req->headers);

    } else {
        n = snprintf(buf, ATTEST_HTTP_REQUEST_MAX, "POST %s HTTP/1.1\r\n"
                     "Host: %.*s\r\n%sConnection: close\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s", req->path, host,
                     req->address, req->headers, strlen(req->body),
                     req->body);
    }

    return n > 0 && n < ATTEST_HTTP_REQUEST_MAX ? (size_t) n : 0;
}


/* Until the answer is complete, or the server closes. */

static int
attest_http_recv(int fd, int64_t deadline, uint8_t *buf, size_t *len,
    char *error)
{
    size_t   n = 0;
    ssize_t  got;

    while (!attest_http_complete(buf, n)) {

        if (n == ATTEST_HTTP_ANSWER_MAX) {
            return attest_http_error(error, ATTEST_ELIMIT,
                                     "the answer is too long");
        }

        if (attest_http_wait(fd, POLLIN, deadline) != ATTEST_OK) {
            return attest_http_error(error, ATTEST_EINTERNAL,
                                     "no answer in time");
        }

        got = recv(fd, buf + n, ATTEST_HTTP_ANSWER_MAX - n, 0);

        if (got == 0) {
            break;
        }

        if (got == -1 && errno != EAGAIN && errno != EINTR) {
            snprintf(error, 256, "cannot read the answer: %s",
                     strerror(errno));
            return ATTEST_EINTERNAL;
        }

        n += got > 0 ? (size_t) got : 0;
    }

    *len = n;
    return ATTEST_OK;
}


/* A server need not close although it was asked to. */

static int
attest_http_complete(const uint8_t *p, size_t n)
{
    size_t                  head;
    attest_http_framing_t   f;

    head = attest_http_head_len(p, n);

    if (head == 0 || attest_http_framing(p, head, &f) != ATTEST_OK) {
        /* a head beyond its limit, or one that means nothing: enough seen */
        return head != 0 || n > ATTEST_HTTP_HEAD_MAX;
    }

    if (f.has_length) {
        return n - head >= f.length;
    }

    return f.chunked && n - head >= 5 && memcmp(p + n - 5, "0\r\n\r\n", 5) == 0
           && (n - head == 5 || p[n - 6] == '\n');
}


int
attest_http_answer(uint8_t *p, size_t n, attest_span_t *body,
    char error[256])
{
    int                     rc;
    size_t                  head;
    attest_http_framing_t   f;

    body->p = NULL;
    body->n = 0;

    head = attest_http_head_len(p, n);
    if (head == 0 && n > ATTEST_HTTP_HEAD_MAX) {
        return attest_http_error(error, ATTEST_ELIMIT,
                                 "the answer's head is too long");
    }

    if (head == 0) {
        return attest_http_error(error, ATTEST_EFORMAT, n == 0
                                 ? "the connection was closed without an"
                                 " answer" : "the answer has no head");
    }

    rc = attest_http_status(p, head, error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_http_framing(p, head, &f);

    if (rc == ATTEST_OK && f.chunked) {
        rc = attest_http_chunks(p + head, n - head, &f.length);

    } else if (rc == ATTEST_OK && (!f.has_length || n - head != f.length)) {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK && f.length > ATTEST_HTTP_BODY_MAX) {
        rc = ATTEST_ELIMIT;
    }

    if (rc != ATTEST_OK) {
        return attest_http_error(error, rc, rc == ATTEST_ELIMIT
                                 ? "the answer is too long"
                                 : "the answer is malformed or cut short");
    }

    body->p = p + head;
    body->n = f.length;
    return ATTEST_OK;
}


/* With its empty line; 0: not there, or beyond the limit. */

static size_t
attest_http_head_len(const uint8_t *p, size_t n)
{
    const uint8_t  *end;

    if (n > ATTEST_HTTP_HEAD_MAX) {
        n = ATTEST_HTTP_HEAD_MAX;
    }

    end = n != 0 ? memmem(p, n, "\r\n\r\n", 4) : NULL;
    return end != NULL ? (size_t) (end - p) + 4 : 0;
}


static int
attest_http_status(const uint8_t *p, size_t n, char *error)
{
    unsigned  status;

    if (n < 13 || (memcmp(p, "HTTP/1.1 ", 9) != 0
                   && memcmp(p, "HTTP/1.0 ", 9) != 0)
        || p[9] < '1' || p[9] > '9' || p[10] < '0' || p[10] > '9'
        || p[11] < '0' || p[11] > '9' || (p[12] != ' ' && p[12] != '\r'))
    {
        return attest_http_error(error, ATTEST_EFORMAT,
                                 "the answer is not HTTP/1.1");
    }

    status = (unsigned) ((p[9] - '0') * 100 + (p[10] - '0') * 10
                         + (p[11] - '0'));

    if (status != 200) {
        snprintf(error, 256, "the answer has status %u", status);
        return ATTEST_EUNSUPPORTED;
    }

    return ATTEST_OK;
}


/* RFC 9112 section 6.3; a body is never framed by the end of connection. */

static int
attest_http_framing(const uint8_t *p, size_t n, attest_http_framing_t *f)
{
    size_t       len;
    const char  *line, *end;

    memset(f, 0, sizeof(*f));

    line = memmem(p, n, "\r\n", 2);
    line += 2;
    len = n - (size_t) (line - (const char *) p);

    while (len > 2) {
        end = memmem(line, len, "\r\n", 2);

        if (attest_http_header(line, (size_t) (end - line), f) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }

        len -= (size_t) (end - line) + 2;
        line = end + 2;
    }

    return f->has_length != f->chunked ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_http_header(const char *line, size_t n, attest_http_framing_t *f)
{
    size_t       name;
    const char  *colon;

    colon = memchr(line, ':', n);
    if (colon == NULL || colon == line || memchr(line, '\0', n) != NULL) {
        return ATTEST_EFORMAT;
    }

    name = (size_t) (colon - line);
    n -= name + 1;
    colon++;

    while (n != 0 && (*colon == ' ' || *colon == '\t')) {
        colon++;
        n--;
    }

    while (n != 0 && (colon[n - 1] == ' ' || colon[n - 1] == '\t')) {
        n--;
    }

    if (name == 14 && strncasecmp(line, "Content-Length", 14) == 0) {
        if (f->has_length) {
            return ATTEST_EFORMAT;
        }

        f->has_length = 1;
        return attest_http_length(colon, n, 10, &f->length);
    }

    if (name == 17 && strncasecmp(line, "Transfer-Encoding", 17) == 0) {
        if (f->chunked || n != 7 || strncasecmp(colon, "chunked", 7) != 0) {
            return ATTEST_EFORMAT;
        }

        f->chunked = 1;
    }

    return ATTEST_OK;
}


static int
attest_http_length(const char *p, size_t n, int base, size_t *value)
{
    int     digit;
    size_t  i, v = 0;

    if (n == 0 || n > 8) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < n; i++) {
        digit = OPENSSL_hexchar2int((unsigned char) p[i]);
        if (digit < 0 || digit >= base) {
            return ATTEST_EFORMAT;
        }

        v = v * (size_t) base + (size_t) digit;
    }

    *value = v;
    return ATTEST_OK;
}


/* RFC 9112 section 7.1: joined in place; no extensions, no trailers. */

static int
attest_http_chunks(uint8_t *p, size_t n, size_t *len)
{
    size_t          size, off = 0;
    const uint8_t  *eol;

    *len = 0;

    for ( ;; ) {
        eol = memmem(p + off, n - off, "\r\n", 2);

        if (eol == NULL
            || attest_http_length((const char *) p + off,
                                  (size_t) (eol - p) - off, 16, &size)
               != ATTEST_OK)
        {
            return ATTEST_EFORMAT;
        }

        off = (size_t) (eol - p) + 2;

        if (n - off < 2 || size > n - off - 2
            || memcmp(p + off + size, "\r\n", 2) != 0)
        {
            return ATTEST_EFORMAT;
        }

        if (size == 0) {
            return off + 2 == n ? ATTEST_OK : ATTEST_EFORMAT;
        }

        memmove(p + *len, p + off, size);
        *len += size;
        off += size + 2;
    }
}


static int
attest_http_error(char *error, int rc, const char *what)
{
    snprintf(error, 256, "%s", what);
    return rc;
}
