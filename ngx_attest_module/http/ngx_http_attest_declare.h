/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_DECLARE_H_INCLUDED
#define NGX_HTTP_ATTEST_DECLARE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Of preconfiguration; a table ends with ngx_http_null_variable. */
ngx_int_t ngx_http_attest_declare_variables(ngx_conf_t *cf,
    ngx_http_variable_t *table);


#endif /* NGX_HTTP_ATTEST_DECLARE_H_INCLUDED */
