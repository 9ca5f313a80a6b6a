/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ROUTES_H_INCLUDED
#define NGX_HTTP_ATTEST_ROUTES_H_INCLUDED


#include "http/ngx_http_attest.h"


/* At merge: this location, or server{}, is one to be checked. */
ngx_int_t ngx_http_attest_routes_add(ngx_conf_t *cf);
/* When all is read: no opened prompt goes where nobody sent it. */
ngx_int_t ngx_http_attest_routes_check(ngx_conf_t *cf);
/* Requests of this location, which is merged, are mirrored. */
ngx_uint_t ngx_http_attest_routes_mirrors(ngx_conf_t *cf, void **loc_conf);
/* A phase handler: subrequests get no opened prompt. */
ngx_int_t ngx_http_attest_routes_subrequest(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_ROUTES_H_INCLUDED */
