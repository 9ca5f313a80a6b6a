/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes that are owned, and files.  A file is read without stdio, whose
 * buffers would keep what went through them: keys are files, too.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "client/attest_bytes.h"


static bool attest_bytes_read(int fd, size_t cap, attest_bytes_t *out);


void
attest_bytes_free(attest_bytes_t *b)
{
    free(b->p);
    b->p = NULL;
    b->n = 0;
}


attest_span_t
attest_bytes_span(const attest_bytes_t *b)
{
    return attest_span(b->p, b->n);
}


int
attest_bytes_file(const char *name, size_t cap, attest_bytes_t *out,
    char err[ATTEST_CLIENT_ERR])
{
    int  fd, ok;

    memset(out, 0, sizeof(*out));

    fd = open(name, O_RDONLY|O_CLOEXEC|O_NOCTTY);
    if (fd == -1) {
        return attest_bytes_error(err, "cannot open %.300s: %s", name,
                                  strerror(errno));
    }

    out->p = malloc(cap + 2);
    if (out->p == NULL) {
        (void) close(fd);
        return attest_bytes_error(err, "out of memory");
    }

    ok = attest_bytes_read(fd, cap, out);
    (void) close(fd);

    if (!ok) {
        OPENSSL_cleanse(out->p, out->n);
        attest_bytes_free(out);
        return attest_bytes_error(err, "%.300s cannot be read, or is longer "
                                  "than %zu bytes", name, cap);
    }

    out->p[out->n] = '\0';
    return ATTEST_OK;
}


/* 1: it was read to its end, which is not behind cap. */

static bool
attest_bytes_read(int fd, size_t cap, attest_bytes_t *out)
{
    ssize_t  n;

    do {
        n = read(fd, out->p + out->n, cap + 1 - out->n);
        out->n += n > 0 ? (size_t) n : 0;

    } while ((n > 0 && out->n <= cap) || (n == -1 && errno == EINTR));

    return n == 0 && out->n <= cap;
}


int
attest_bytes_error(char err[ATTEST_CLIENT_ERR], const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(err, ATTEST_CLIENT_ERR, fmt, args);
    va_end(args);

    return ATTEST_ECLIENT;
}
