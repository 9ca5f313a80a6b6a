/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where "ngx-attest proxy" listens: an address in numbers and a port, or a
 * socket in a folder that is the user's alone.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli_proxy_conf.h"
#include "cli/cli_proxy_listen.h"


typedef union {
    struct sockaddr       sa;
    struct sockaddr_in    in;
    struct sockaddr_in6   in6;
    struct sockaddr_un    un;
} cli_proxy_sockaddr_t;


static int cli_proxy_listen_socket(cli_proxy_t *px, const char *path);
static int cli_proxy_listen_address(cli_proxy_t *px, const char *host,
    const char *port);
static socklen_t cli_proxy_listen_sockaddr(const cli_proxy_t *px,
    cli_proxy_sockaddr_t *addr);
static bool cli_proxy_listen_is_stale(const cli_proxy_t *px);
static int cli_proxy_listen_bad(const char *text);


int
cli_proxy_listen_parse(cli_proxy_t *px, const char *text)
{
    char    host[256], port[8];
    size_t  n;

    if (text == NULL) {
        text = CLI_PROXY_LISTEN;
    }

    n = strlen(text);

    if (strncmp(text, "unix:", 5) == 0) {
        return cli_proxy_listen_socket(px, text + 5);
    }

    if (!attest_url_host_port(text, n, host, port) || port[0] == '\0'
        || atoi(port) < 1 || atoi(port) > 65535)
    {
        return cli_proxy_listen_bad(text);
    }

    if (strcmp(host, "localhost") == 0) {
        (void) strcpy(host, "127.0.0.1");
    }

    return cli_proxy_listen_address(px, host, port) == CLI_OK ? CLI_OK
           : cli_proxy_listen_bad(text);
}


static int
cli_proxy_listen_bad(const char *text)
{
    return cli_error("--listen wants ADDRESS:PORT, the address in numbers, or "
                     "unix:PATH, not %s", text);
}


static int
cli_proxy_listen_address(cli_proxy_t *px, const char *host, const char *port)
{
    char             text[INET6_ADDRSTRLEN];
    struct in_addr   v4;
    struct in6_addr  v6;

    (void) snprintf(px->port, sizeof(px->port), "%d", atoi(port));

    if (inet_pton(AF_INET, host, &v4) == 1) {
        px->family = AF_INET;
        px->loopback = (ntohl(v4.s_addr) >> 24 == 127);
        (void) snprintf(px->host, sizeof(px->host), "%.15s", host);

    } else if (inet_pton(AF_INET6, host, &v6) == 1
               && inet_ntop(AF_INET6, &v6, text, sizeof(text)) != NULL)
    {
        px->family = AF_INET6;
        px->loopback = IN6_IS_ADDR_LOOPBACK(&v6);
        (void) snprintf(px->host, sizeof(px->host), "[%s]", text);

    } else {
        return CLI_UNDECIDED;
    }

    (void) snprintf(px->listen, sizeof(px->listen), "%s:%s", px->host,
                    px->port);
    return CLI_OK;
}


/*
 * nginx lets everybody use its sockets, whatever the umask says: who gets
 * there is decided by the folder.
 */

static int
cli_proxy_listen_socket(cli_proxy_t *px, const char *path)
{
    char         *folder, *slash;
    struct stat   st;

    px->family = AF_UNIX;
    px->loopback = true;

    if (path[0] != '/' || !cli_proxy_conf_quotable(path)
        || strlen(path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path)
        || strchr(path, ':') != NULL)
    {
        return cli_error("--listen unix:%s: the path must be absolute, short "
                         "and without quotes, \"$\", \"\\\" and \":\"", path);
    }

    folder = strdup(path);
    if (folder == NULL) {
        return cli_error("out of memory");
    }

    slash = strrchr(folder, '/');
    slash[slash == folder ? 1 : 0] = '\0';

    if (stat(folder, &st) == -1 || !S_ISDIR(st.st_mode)
        || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
    {
        (void) cli_error("--listen unix:%s: the folder %s must be yours, and "
                         "nobody else may enter it (chmod 700)", path,
                         folder);
        free(folder);
        return CLI_UNDECIDED;
    }

    free(folder);
    (void) snprintf(px->listen, sizeof(px->listen), "unix:%s", path);
    return CLI_OK;
}


static socklen_t
cli_proxy_listen_sockaddr(const cli_proxy_t *px, cli_proxy_sockaddr_t *addr)
{
    char  host[64];

    memset(addr, 0, sizeof(*addr));
    addr->sa.sa_family = (sa_family_t) px->family;

    switch (px->family) {
    case AF_UNIX:
        (void) snprintf(addr->un.sun_path, sizeof(addr->un.sun_path), "%s",
                        px->listen + strlen("unix:"));
        return sizeof(addr->un);

    case AF_INET6:
        (void) snprintf(host, sizeof(host), "%.*s",
                        (int) strlen(px->host) - 2, px->host + 1);
        (void) inet_pton(AF_INET6, host, &addr->in6.sin6_addr);
        addr->in6.sin6_port = htons((uint16_t) atoi(px->port));
        return sizeof(addr->in6);

    default:
        (void) inet_pton(AF_INET, px->host, &addr->in.sin_addr);
        addr->in.sin_port = htons((uint16_t) atoi(px->port));
        return sizeof(addr->in);
    }
}


/* As nginx will: what waits to be gone (TIME_WAIT) is in nobody's way. */

int
cli_proxy_listen_free(const cli_proxy_t *px)
{
    int                   fd, rc, one = 1;
    socklen_t             len;
    cli_proxy_sockaddr_t  addr;

    len = cli_proxy_listen_sockaddr(px, &addr);

    fd = socket(px->family, SOCK_STREAM|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return cli_error("%s: %s", px->listen, strerror(errno));
    }

    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    rc = bind(fd, &addr.sa, len);

    if (rc == 0 && px->family == AF_UNIX) {
        (void) unlink(addr.un.sun_path);
    }

    if (rc == 0) {
        rc = listen(fd, 1);
    }

    if (rc == -1) {
        rc = errno;
        (void) close(fd);
        return cli_error("cannot listen on %s: %s%s", px->listen,
                         strerror(rc), rc != EADDRINUSE ? ""
                         : cli_proxy_listen_is_stale(px)
                         ? ", but nobody listens there: remove it"
                         : "; choose another one with --listen");
    }

    (void) close(fd);
    return CLI_OK;
}


/* A socket that was left by a power failure, or when all were killed. */

static bool
cli_proxy_listen_is_stale(const cli_proxy_t *px)
{
    int                   fd;
    bool                  stale;
    socklen_t             len;
    struct stat           st;
    cli_proxy_sockaddr_t  addr;

    len = cli_proxy_listen_sockaddr(px, &addr);

    if (px->family != AF_UNIX || lstat(addr.un.sun_path, &st) == -1
        || !S_ISSOCK(st.st_mode))
    {
        return false;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return false;
    }

    stale = connect(fd, &addr.sa, len) == -1 && errno == ECONNREFUSED;
    (void) close(fd);

    return stale;
}


void
cli_proxy_listen_clean(const cli_proxy_t *px)
{
    if (px->family == AF_UNIX) {
        (void) unlink(px->listen + strlen("unix:"));
    }
}


int
cli_proxy_listen_ask(const cli_proxy_t *px)
{
    int                   fd;
    socklen_t             len;
    cli_proxy_sockaddr_t  addr;

    static const char  request[] = "GET " CLI_PROXY_ASK " HTTP/1.1\r\n"
                                   "Host: localhost\r\n"
                                   "Connection: close\r\n\r\n";

    len = cli_proxy_listen_sockaddr(px, &addr);

    fd = socket(px->family, SOCK_STREAM|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    /* an address of this machine answers at once */

    if (connect(fd, &addr.sa, len) == -1) {
        (void) close(fd);
        return -1;
    }

    cli_pass(fd, request, strlen(request));
    (void) fcntl(fd, F_SETFL, O_NONBLOCK);

    return fd;
}
