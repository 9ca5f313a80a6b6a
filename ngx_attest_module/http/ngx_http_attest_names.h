/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_NAMES_H_INCLUDED
#define NGX_HTTP_ATTEST_NAMES_H_INCLUDED


#include "http/ngx_http_attest.h"


/* When all is read: fills amcf->run.names. */
ngx_int_t ngx_http_attest_names_collect(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_NAMES_H_INCLUDED */
