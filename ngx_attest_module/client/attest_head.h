/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_HEAD_H_INCLUDED
#define ATTEST_HEAD_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>


typedef enum {
    ATTEST_BODY_NONE = 0,
    ATTEST_BODY_LENGTH,
    ATTEST_BODY_CHUNKED,
    ATTEST_BODY_CLOSE
} attest_body_e;


#define ATTEST_HEAD_LINE      8192


/* The head of an answer. */

typedef struct {
    unsigned        heads;          /* of this answer, interim ones too */
    unsigned        lines;          /* of this head, or of the trailer */
    size_t          bytes;          /* of all heads */
    unsigned        seen;           /* fields that may be there once */
    bool            done;
    int             status;
    attest_body_e   framing;
    bool            close;          /* no further exchange is possible */
    char            type[128];      /* Content-Type */
    char            ehbp_nonce[65];                /* 64 hex digits */
    char            etag[80];
    char            line[ATTEST_HEAD_LINE];     /* that is looked at */
} attest_head_t;


/* Before an answer: nothing of it was seen. */
void attest_head_reset(attest_head_t *h);
/*
 * One line of a head or a trailer, with its end.  NULL, or what is wrong with
 * it; h->done tells when the head of the answer itself is over.
 */
const char *attest_head_line(attest_head_t *h, const char *p, size_t n);


#endif /* ATTEST_HEAD_H_INCLUDED */
