/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PROMPT_H_INCLUDED
#define NGX_HTTP_ATTEST_PROMPT_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Installs the handlers of phases; called from postconfiguration. */
ngx_int_t ngx_http_attest_prompt_init(ngx_conf_t *cf);
/*
 * Finds out whether the request is sealed in the location's format, and opens
 * it.  Returns what a content handler returns; NGX_DECLINED: it goes on as it
 * is.
 */
ngx_int_t ngx_http_attest_prompt_open(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);


#endif /* NGX_HTTP_ATTEST_PROMPT_H_INCLUDED */
