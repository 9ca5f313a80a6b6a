/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_RELEASE_H_INCLUDED
#define NGX_HTTP_ATTEST_RELEASE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Installs the handler of a phase; called from postconfiguration. */
ngx_int_t ngx_http_attest_release_init(ngx_http_core_main_conf_t *cmcf);
/* Soon, the prompt's memory is given back if the backend has it. */
void ngx_http_attest_release_check(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_RELEASE_H_INCLUDED */
