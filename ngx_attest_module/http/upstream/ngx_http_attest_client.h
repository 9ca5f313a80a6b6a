/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CLIENT_H_INCLUDED
#define NGX_HTTP_ATTEST_CLIENT_H_INCLUDED


#include "http/upstream/ngx_http_attest_policies.h"


/* "attest_verify_client" of one server{}. */

struct ngx_http_attest_client_conf_s {
    const ngx_http_attest_policy_file_t  *file;
    ngx_http_attest_main_conf_t  *amcf;
    u_char                    *file_name;       /* for messages */
    ngx_uint_t                 line;
    SSL_CTX                   *ctx;             /* of the server */
};


char *ngx_http_attest_client_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_attest_client_add_variables(ngx_conf_t *cf);
/* When all is read: which servers, what conflicts, and the handlers. */
ngx_int_t ngx_http_attest_client_servers(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_CLIENT_H_INCLUDED */
