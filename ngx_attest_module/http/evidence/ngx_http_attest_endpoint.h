/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED
#define NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Setters of attest_evidence and attest_keys. */
char *ngx_http_attest_endpoint_set_evidence(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_endpoint_set_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED */
