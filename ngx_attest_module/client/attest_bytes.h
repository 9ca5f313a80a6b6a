/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all of this room shares: bytes that are owned, files, and how its
 * functions fail.
 */


#ifndef ATTEST_BYTES_H_INCLUDED
#define ATTEST_BYTES_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "core/base/attest_core.h"
#include "core/base/attest_span.h"


/* Of this room, beside the codes of the core: a text says what is wrong. */
#define ATTEST_ECLIENT       -64

/* Room for such a text, which may have bytes of strangers in it. */
#define ATTEST_CLIENT_ERR    512


/* malloc()ed. */
typedef struct {
    uint8_t  *p;
    size_t    n;
} attest_bytes_t;


void attest_bytes_free(attest_bytes_t *b);
attest_span_t attest_bytes_span(const attest_bytes_t *b);
/* A file of at most `cap` bytes, with a 0 behind; or err is set. */
int attest_bytes_file(const char *name, size_t cap, attest_bytes_t *out,
    char err[ATTEST_CLIENT_ERR]);
/* The error's text; always ATTEST_ECLIENT. */
int attest_bytes_error(char err[ATTEST_CLIENT_ERR], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* ATTEST_BYTES_H_INCLUDED */
