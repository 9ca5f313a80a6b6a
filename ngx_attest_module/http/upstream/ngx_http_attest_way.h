/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_WAY_H_INCLUDED
#define NGX_HTTP_ATTEST_WAY_H_INCLUDED


#include "http/upstream/ngx_http_attest_identity.h"


/* What a request's way to a verified group has come to. */

typedef struct {
    ngx_http_attest_verify_t    *verify;
    ngx_http_attest_identity_t  *id;        /* whose connection it is sent
                                               on, or NULL */
    attest_verdict_e             verdict;   /* of the last peer */
    unsigned                     refused:1; /* a peer was, and no other has
                                               been found since */
    unsigned                     elsewhere:1;   /* .. since TLS ends at
                                                   somebody else, who would
                                                   have read it */
    const ngx_str_t             *replaced;      /* our own document */
} ngx_http_attest_way_t;


/* NULL: the request was not for a verified group. */
ngx_http_attest_way_t *ngx_http_attest_way(ngx_http_request_t *r);
void ngx_http_attest_way_set(ngx_http_request_t *r,
    ngx_http_attest_way_t *way);


#endif /* NGX_HTTP_ATTEST_WAY_H_INCLUDED */
