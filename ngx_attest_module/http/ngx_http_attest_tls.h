/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_TLS_H_INCLUDED
#define NGX_HTTP_ATTEST_TLS_H_INCLUDED


#include "http/ngx_http_attest.h"


ngx_int_t ngx_http_attest_tls_placeholder(ngx_conf_t *cf);
ngx_int_t ngx_http_attest_tls_preconfiguration(ngx_conf_t *cf);
/* An address of TLS that the server listens on, and one without, or NULL. */
void ngx_http_attest_tls_listens(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t **tls, ngx_str_t **plain);
/* Neither by tickets nor by a cache, and no early data. */
void ngx_http_attest_tls_no_resumption(SSL_CTX *ctx);
/* When all is read: which servers have TLS, and what conflicts with it. */
ngx_int_t ngx_http_attest_tls_postconfiguration(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/* 1 when the request came over a connection of this attested server. */
ngx_uint_t ngx_http_attest_tls_is_of_server(ngx_http_request_t *r,
    ngx_http_attest_srv_conf_t *ascf);
/* NGX_OK, or NGX_DECLINED: no exporter on this connection. */
ngx_int_t ngx_http_attest_tls_exporter(ngx_http_request_t *r,
    u_char out[ATTEST_EXPORTER_LEN]);


#endif /* NGX_HTTP_ATTEST_TLS_H_INCLUDED */
