/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which form of evidence a client accepts, and whether a field names a media
 * type.
 */


#ifndef ATTEST_ACCEPT_H_INCLUDED
#define ATTEST_ACCEPT_H_INCLUDED


#include "core/base/attest_core.h"


/* Accept, RFC 9110 section 12.5.1: the best range seen for each form. */

typedef struct {
    unsigned   json_rank;              /* 0: no range matched, 1 any type, */
    unsigned   json_q;                 /* 2 any subtype, 3 exact; q * 1000 */
    unsigned   cbor_rank;
    unsigned   cbor_q;
    unsigned   seen;                   /* fields that say something */
} attest_accept_t;

typedef enum {
    ATTEST_ACCEPT_NONE = 0,            /* 406 */
    ATTEST_ACCEPT_JSON,
    ATTEST_ACCEPT_CBOR
} attest_accept_e;

/*
 * What one Accept field says of a media type, in lower case: the most specific
 * range's rank and quality, as above, where they are more than they were.
 */
void attest_accept_range(const uint8_t *p, size_t n, const char *type,
    unsigned *rank, unsigned *best);
/* One Accept field; start from a zeroed struct. Malformed ranges count not. */
void attest_accept_add(attest_accept_t *a, const uint8_t *p, size_t n);
/* No field at all: JSON. The same quality for both: JSON. */
attest_accept_e attest_accept_choose(const attest_accept_t *a);

/* A Content-Type is this media type, in lower case, with any parameters. */
bool attest_accept_names(const uint8_t *p, size_t n, const char *type);


#endif /* ATTEST_ACCEPT_H_INCLUDED */
