/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_FRESH_H_INCLUDED
#define NGX_HTTP_ATTEST_FRESH_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/evidence/attest_request.h"
#include "http/ngx_http_attest.h"


/*
 * Fresh evidence and credential activation.  NGX_AGAIN: the request waits
 * for a job and will be finalized by it; it keeps one reference of the
 * caller.  Anything else is the return code of a content handler, with an
 * answer sent.
 */
ngx_int_t ngx_http_attest_fresh(ngx_http_request_t *r,
    attest_request_t *req, ngx_uint_t json);
ngx_int_t ngx_http_attest_fresh_activate(ngx_http_request_t *r,
    attest_request_t *req);


#endif /* NGX_HTTP_ATTEST_FRESH_H_INCLUDED */
