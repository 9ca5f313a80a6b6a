/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ONCE_H_INCLUDED
#define NGX_HTTP_ATTEST_ONCE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Installs the handler of a phase; called from postconfiguration. */
ngx_int_t ngx_http_attest_once_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_ATTEST_ONCE_H_INCLUDED */
