/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_GUARD_H_INCLUDED
#define NGX_HTTP_ATTEST_GUARD_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Handlers of phases before and with a location. */
ngx_int_t ngx_http_attest_guard_server(ngx_http_request_t *r);
ngx_int_t ngx_http_attest_guard_location(ngx_http_request_t *r);
/*
 * For the header filter, of main requests whose answer is not sealed.
 * NGX_DECLINED: it may go out; NGX_ERROR: a refusal was sent instead.
 */
ngx_int_t ngx_http_attest_guard_answer(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_GUARD_H_INCLUDED */
