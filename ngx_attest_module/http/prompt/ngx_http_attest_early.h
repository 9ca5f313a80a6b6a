/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_EARLY_H_INCLUDED
#define NGX_HTTP_ATTEST_EARLY_H_INCLUDED


#include "http/ngx_http_attest.h"


/* The default of client_max_body_size, not what somebody wrote. */
void ngx_http_attest_early_raise_size(void **loc_conf, off_t size);
/* Whether somebody wrote one that holds for the request's location. */
ngx_uint_t ngx_http_attest_early_size_said(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_EARLY_H_INCLUDED */
