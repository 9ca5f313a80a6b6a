/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_STATUS_H_INCLUDED
#define NGX_HTTP_ATTEST_STATUS_H_INCLUDED


#include "http/ngx_http_attest.h"


/* Setter of attest_status. */
char *ngx_http_attest_status_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_ATTEST_STATUS_H_INCLUDED */
