/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PRESENT_H_INCLUDED
#define NGX_HTTP_ATTEST_PRESENT_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>

#include "client/attest_bytes.h"
#include "http/ngx_http_attest.h"


/* The certificate of one generation, held for a thread. */

typedef struct {
    X509                      *cert;
    EVP_PKEY                  *key;
} ngx_http_attest_present_own_t;


/*
 * When all is read: groups that have "attest_present on", before those with
 * "attest_verify", which are wrapped around them; and that there is something
 * to present, when servers are known.
 */
ngx_int_t ngx_http_attest_present_groups(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
ngx_int_t ngx_http_attest_present_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);

/* Held from here on; NGX_DECLINED: there is none that is valid. */
ngx_int_t ngx_http_attest_present_hold(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_present_own_t *own, ngx_log_t *log);
void ngx_http_attest_present_release(ngx_http_attest_present_own_t *own);
/* In a thread, with what is held as its data: see attest_peer_options_t. */
int ngx_http_attest_present_identity(SSL_CTX *ctx, void *data,
    char err[ATTEST_CLIENT_ERR]);


#endif /* NGX_HTTP_ATTEST_PRESENT_H_INCLUDED */
