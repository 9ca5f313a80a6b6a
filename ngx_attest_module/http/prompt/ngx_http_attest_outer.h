/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_OUTER_H_INCLUDED
#define NGX_HTTP_ATTEST_OUTER_H_INCLUDED


#include "http/ngx_http_attest.h"


/* What a request was before the one inside took its place. */

struct ngx_http_attest_outer_s {
    ngx_http_headers_in_t    headers_in;
    ngx_uint_t               method;
    ngx_str_t                method_name;
    ngx_str_t                uri;
    ngx_str_t                args;
    ngx_str_t                unparsed_uri;
    ngx_str_t                exten;
    void                   **loc_conf;
};


void ngx_http_attest_outer_save(ngx_http_request_t *r,
    ngx_http_attest_outer_t *outer);
/* All but the location, which logs need as it is. */
void ngx_http_attest_outer_restore(ngx_http_request_t *r,
    ngx_http_attest_outer_t *outer);
/* Values that somebody has looked up are those of another request now. */
void ngx_http_attest_outer_no_variables(ngx_http_request_t *r);


#endif /* NGX_HTTP_ATTEST_OUTER_H_INCLUDED */
