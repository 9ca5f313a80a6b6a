/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PEERS_H_INCLUDED
#define NGX_HTTP_ATTEST_PEERS_H_INCLUDED


#include "http/upstream/ngx_http_attest_identity.h"


/* Puts itself between nginx and the balancers of verified groups. */
ngx_int_t ngx_http_attest_peers_wrap(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_PEERS_H_INCLUDED */
