/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PRESENT_H_INCLUDED
#define NGX_HTTP_ATTEST_PRESENT_H_INCLUDED


#include "http/ngx_http_attest.h"


/* When all is read: which groups have "attest_present on". */
ngx_int_t ngx_http_attest_present_groups(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_PRESENT_H_INCLUDED */
