/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_EHBP_H_INCLUDED
#define NGX_HTTP_ATTEST_EHBP_H_INCLUDED


#include "http/prompt/ngx_http_attest_prompt.h"


/* A request that may be sealed: what a phase handler returns. */
ngx_int_t ngx_http_attest_ehbp_start(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);


#endif /* NGX_HTTP_ATTEST_EHBP_H_INCLUDED */
