/* SPDX-License-Identifier: Apache-2.0 */

/*
 * swtpm's socket protocol: bare commands and answers on one stream, one
 * client at a time.  The stock TCTI ignores timeouts; this one does not.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attest_wire.h"
#include "core/base/attest_core.h"
#include "providers/prov_tcti_conf.h"
#include "providers/prov_tcti_swtpm.h"


static int prov_tcti_swtpm_wait(prov_tcti_t *t, short events);
static TSS2_RC prov_tcti_swtpm_read(prov_tcti_t *t, uint8_t *p,
    size_t len);


int
prov_tcti_swtpm_connect(prov_tcti_t *t, const char *conf)
{
    int                 err;
    socklen_t           len;
    prov_tcti_addr_t    a;

    if (prov_tcti_swtpm_parse(conf, &a, t->reason, sizeof(t->reason))
        != ATTEST_OK)
    {
        return ATTEST_EARG;
    }

    t->fd = socket(a.addr.sa.sa_family,
                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd == -1) {
        (void) prov_tcti_break(t, "socket() failed: %s", strerror(errno));
        return ATTEST_EINTERNAL;
    }

    err = 0;

    if (connect(t->fd, &a.addr.sa, a.len) == -1) {
        err = errno;

        /* EAGAIN: a Unix socket's backlog is full */

        if (err == EINPROGRESS) {
            err = ETIMEDOUT;
            len = sizeof(err);

            if (prov_tcti_swtpm_wait(t, POLLOUT) == 0
                && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
            {
                err = errno;
            }
        }
    }

    if (err != 0) {
        (void) prov_tcti_break(t, "cannot connect to swtpm: %s",
                               strerror(err));
        close(t->fd);
        t->fd = -1;
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


TSS2_RC
prov_tcti_swtpm_send(prov_tcti_t *t)
{
    size_t   sent;
    ssize_t  n;

    for (sent = 0; sent < t->command_len; sent += (size_t) n) {

        if (prov_tcti_swtpm_wait(t, POLLOUT) != 0) {
            return prov_tcti_break(t, "the TPM takes no command within the"
                                   " time limit");
        }

        n = send(t->fd, t->command + sent, t->command_len - sent,
                 MSG_NOSIGNAL);
        if (n == -1) {
            if (errno == EAGAIN || errno == EINTR) {
                n = 0;
                continue;
            }
            return prov_tcti_break(t, "connection to swtpm lost: %s",
                                   strerror(errno));
        }
    }

    return TSS2_RC_SUCCESS;
}


/* *len: room in, bytes out. */

TSS2_RC
prov_tcti_swtpm_recv(prov_tcti_t *t, uint8_t *p, size_t *len)
{
    size_t   size;
    TSS2_RC  rc;

    if (*len < ATTEST_TCTI_HEADER) {
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    }

    rc = prov_tcti_swtpm_read(t, p, ATTEST_TCTI_HEADER);
    if (rc != TSS2_RC_SUCCESS) {
        return rc;
    }

    size = attest_wire_get_be32(p + 2);

    if (size < ATTEST_TCTI_HEADER || size > *len) {
        return prov_tcti_break(t, "malformed answer of the TPM: its size"
                               " is %zu", size);
    }

    *len = size;

    return prov_tcti_swtpm_read(t, p + ATTEST_TCTI_HEADER,
                                size - ATTEST_TCTI_HEADER);
}


static TSS2_RC
prov_tcti_swtpm_read(prov_tcti_t *t, uint8_t *p, size_t len)
{
    ssize_t  n;

    while (len != 0) {

        if (prov_tcti_swtpm_wait(t, POLLIN) != 0) {
            return prov_tcti_break(t, "no answer of the TPM within the"
                                   " time limit");
        }

        n = recv(t->fd, p, len, 0);

        if (n == 0) {
            return prov_tcti_break(t, "the TPM closed the connection");
        }

        if (n == -1) {
            if (errno == EAGAIN || errno == EINTR) {
                continue;
            }
            return prov_tcti_break(t, "connection to swtpm lost: %s",
                                   strerror(errno));
        }

        p += n;
        len -= (size_t) n;
    }

    return TSS2_RC_SUCCESS;
}


/* 0: something happened, errors included; -1: the time is over. */

static int
prov_tcti_swtpm_wait(prov_tcti_t *t, short events)
{
    int            n, left;
    struct pollfd  pfd;

    pfd.fd = t->fd;
    pfd.events = events;

    for ( ;; ) {
        left = prov_tcti_left(t);
        if (left == 0) {
            return -1;
        }

        n = poll(&pfd, 1, left);
        if (n > 0) {
            return 0;
        }

        if (n == -1 && errno != EINTR) {
            return -1;
        }
    }
}
