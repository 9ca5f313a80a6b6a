/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One request to a metadata service over a socket of its own, no part of
 * which takes longer than the deadline allows.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "providers/prov_http.h"
#include "core/base/attest_monotonic.h"


#define ATTEST_HTTP_REQUEST_MAX  16384
#define ATTEST_HTTP_ANSWER_MAX                                                \
    (ATTEST_HTTP_HEAD_MAX + 2 * ATTEST_HTTP_BODY_MAX)


static int prov_http_address(const char *text, struct sockaddr_in *addr);
static int prov_http_port(const char *text, uint16_t *port);
static int prov_http_connect(const struct sockaddr_in *addr,
    int64_t deadline, char *error);
static int prov_http_wait(int fd, short events, int64_t deadline);
static size_t prov_http_request(const prov_http_t *req, char *buf);
static int prov_http_send(int fd, const prov_http_t *req,
    int64_t deadline, char *error);
static int prov_http_recv(int fd, int64_t deadline, uint8_t *buf,
    size_t *len, char *error);
static int prov_http_error(char *error, int rc, const char *what);


int
prov_http(const prov_http_t *req, int64_t deadline, uint8_t **body,
    size_t *len, char error[256])
{
    int                  fd, rc;
    size_t               n;
    uint8_t             *buf;
    attest_span_t        span;
    struct sockaddr_in   addr;

    *body = NULL;
    *len = 0;

    if (prov_http_address(req->address, &addr) != ATTEST_OK) {
        return prov_http_error(error, ATTEST_EARG, "bad address");
    }

    buf = malloc(ATTEST_HTTP_ANSWER_MAX + 1);
    if (buf == NULL) {
        return prov_http_error(error, ATTEST_EINTERNAL, "no memory");
    }

    fd = prov_http_connect(&addr, deadline, error);
    if (fd == -1) {
        free(buf);
        return ATTEST_EINTERNAL;
    }

    rc = prov_http_send(fd, req, deadline, error);

    if (rc == ATTEST_OK) {
        rc = prov_http_recv(fd, deadline, buf, &n, error);
    }

    (void) close(fd);

    if (rc == ATTEST_OK) {
        rc = prov_http_answer(buf, n, &span, error);
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
prov_http_address_check(const char *address)
{
    struct sockaddr_in  addr;

    return prov_http_address(address, &addr);
}


static int
prov_http_address(const char *text, struct sockaddr_in *addr)
{
    char         host[INET_ADDRSTRLEN];
    size_t       n;
    uint16_t     port;
    const char  *colon;

    memset(addr, 0, sizeof(*addr));
    colon = strchr(text, ':');

    if (colon == NULL || prov_http_port(colon + 1, &port) != ATTEST_OK) {
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
prov_http_port(const char *text, uint16_t *port)
{
    size_t  value;

    if (prov_http_number(attest_span_text(text), 10, &value) != ATTEST_OK
        || value == 0 || value > 65535)
    {
        return ATTEST_EARG;
    }

    *port = (uint16_t) value;
    return ATTEST_OK;
}


/* The socket, -1 and error. */

static int
prov_http_connect(const struct sockaddr_in *addr, int64_t deadline,
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
        rc = prov_http_wait(fd, POLLOUT, deadline);
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
prov_http_wait(int fd, short events, int64_t deadline)
{
    int            n, left;
    struct pollfd  pfd = { .fd = fd, .events = events };

    do {
        left = attest_monotonic_left(deadline);
        if (left == 0) {
            return ATTEST_EINTERNAL;
        }

        n = poll(&pfd, 1, left);

    } while (n == 0 || (n == -1 && errno == EINTR));

    return n == 1 ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
prov_http_send(int fd, const prov_http_t *req, int64_t deadline,
    char *error)
{
    char    *buf;
    size_t   off, len;
    ssize_t  sent;

    buf = malloc(ATTEST_HTTP_REQUEST_MAX);
    if (buf == NULL) {
        return prov_http_error(error, ATTEST_EINTERNAL, "no memory");
    }

    len = prov_http_request(req, buf);

    for (off = 0; off < len; off += (size_t) sent) {
        sent = send(fd, buf + off, len - off, MSG_NOSIGNAL);

        if (sent == -1 && (errno == EAGAIN || errno == EINTR)
            && prov_http_wait(fd, POLLOUT, deadline) == ATTEST_OK)
        {
            sent = 0;
        }

        if (sent == -1) {
            break;
        }
    }

    free(buf);

    return off == len && len != 0
           ? ATTEST_OK : prov_http_error(error, ATTEST_EINTERNAL,
                                         "cannot send the request");
}


/* 0: it does not fit. */

static size_t
prov_http_request(const prov_http_t *req, char *buf)
{
    int     n, host;
    size_t  len;

    /* the usual port is left out */

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
prov_http_recv(int fd, int64_t deadline, uint8_t *buf, size_t *len,
    char *error)
{
    size_t   n = 0;
    ssize_t  got;

    while (!prov_http_whole(buf, n)) {

        if (n == ATTEST_HTTP_ANSWER_MAX) {
            return prov_http_error(error, ATTEST_ELIMIT,
                                   "the answer is too long");
        }

        if (prov_http_wait(fd, POLLIN, deadline) != ATTEST_OK) {
            return prov_http_error(error, ATTEST_EINTERNAL,
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


static int
prov_http_error(char *error, int rc, const char *what)
{
    snprintf(error, 256, "%s", what);
    return rc;
}
