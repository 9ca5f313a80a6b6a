/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PROVIDER_H_INCLUDED
#define NGX_HTTP_ATTEST_PROVIDER_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Makes amcf->run.provider, or takes over that of the cycle before. */
ngx_int_t ngx_http_attest_provider_init(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_main_conf_t *oamcf, ngx_log_t *log);
/* Logs what the workers' user will not be able to open. */
void ngx_http_attest_provider_check_access(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_PROVIDER_H_INCLUDED */
