/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_OPENING_H_INCLUDED
#define NGX_HTTP_ATTEST_OPENING_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/* Filters that see an answer before all others, and open it. */
ngx_int_t ngx_http_attest_opening_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_ATTEST_OPENING_H_INCLUDED */
