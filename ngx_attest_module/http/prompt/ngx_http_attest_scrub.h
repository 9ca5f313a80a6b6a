/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SCRUB_H_INCLUDED
#define NGX_HTTP_ATTEST_SCRUB_H_INCLUDED


#include "http/ngx_http_attest.h"


/*
 * Fields that only we send go out of the response; cors: those of CORS, too;
 * sealed: also all that tells of the plaintext's bytes.
 */
void ngx_http_attest_scrub(ngx_http_request_t *r, ngx_uint_t cors,
    ngx_uint_t sealed);


#endif /* NGX_HTTP_ATTEST_SCRUB_H_INCLUDED */
