/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_READY_H_INCLUDED
#define NGX_HTTP_ATTEST_READY_H_INCLUDED


#include "http/upstream/ngx_http_attest_identity.h"
#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/*
 * A peer of a verified group is about to get the request: what it gets is
 * sealed for the keys that it has proven, where the location says so.
 */
ngx_int_t ngx_http_attest_ready(ngx_http_request_t *r,
    const ngx_http_attest_identity_t *id);
/* It refuses these keys: they are not used before it was asked again. */
void ngx_http_attest_ready_doubt(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_READY_H_INCLUDED */
