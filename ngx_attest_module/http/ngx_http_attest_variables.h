/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_VARIABLES_H_INCLUDED
#define NGX_HTTP_ATTEST_VARIABLES_H_INCLUDED


#include "http/ngx_http_attest.h"


ngx_int_t ngx_http_attest_variables_add(ngx_conf_t *cf);


#endif /* NGX_HTTP_ATTEST_VARIABLES_H_INCLUDED */
