/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One small HTTP/1.1 request to a service at a numeric address: a cloud's
 * instance metadata.  No name is resolved, no proxy asked, no redirect
 * followed, and one deadline bounds it all.
 */


#ifndef PROV_HTTP_H_INCLUDED
#define PROV_HTTP_H_INCLUDED


#include "core/base/attest_core.h"
#include "providers/prov_http_answer.h"


typedef struct {
    const char  *address;        /* "169.254.169.254:80": IPv4, port */
    const char  *path;           /* and query */
    const char  *headers;        /* lines that end in CRLF, or "" */
    const char  *body;           /* JSON for a POST; NULL: a GET */
} prov_http_t;


/*
 * The body of an answer 200, malloc()ed, with a 0 behind that *len does not
 * count.  deadline: attest_monotonic_now() milliseconds.    ATTEST_EARG: the
 * address; ATTEST_EFORMAT: not HTTP, or cut short; ATTEST_ELIMIT: too long;
 * ATTEST_EUNSUPPORTED: another status; ATTEST_EINTERNAL: not reached, or not
 * in time.  error says which.
 */
int prov_http(const prov_http_t *req, int64_t deadline, uint8_t **body,
    size_t *len, char error[256]);

/* ATTEST_EARG when it is no IPv4 address with a port. */
int prov_http_address_check(const char *address);


#endif /* PROV_HTTP_H_INCLUDED */
