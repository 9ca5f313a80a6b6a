/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_TRACES_H_INCLUDED
#define NGX_HTTP_ATTEST_TRACES_H_INCLUDED


#include "http/ngx_http_attest.h"


/* As early as the location is known: what the request leaves is wiped. */
ngx_int_t ngx_http_attest_traces_init(ngx_conf_t *cf);
/* TLS keeps nothing of what this server, or a proxy, has read. */
void ngx_http_attest_traces_tls(ngx_conf_t *cf, void **srv_conf);
void ngx_http_attest_traces_cleanse(SSL_CTX *ctx);
/*
 * Around the call that makes nginx read the body: what HTTP/2 has kept of it
 * would be given back as it is.
 */
u_char *ngx_http_attest_traces_hold(ngx_http_request_t *r);
void ngx_http_attest_traces_drop(ngx_http_request_t *r, u_char *held);
/* All of the body was taken, or none of it is wanted any more. */
void ngx_http_attest_traces_body(ngx_http_request_t *r);
/* What TLS has copied of an answer, or of a request, and sent. */
void ngx_http_attest_traces_sent(ngx_connection_t *c);
/* TLS sends a request from where it is. */
void ngx_http_attest_traces_copy_nothing(ngx_connection_t *c);


#endif /* NGX_HTTP_ATTEST_TRACES_H_INCLUDED */
