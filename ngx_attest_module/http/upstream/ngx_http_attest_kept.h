/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_KEPT_H_INCLUDED
#define NGX_HTTP_ATTEST_KEPT_H_INCLUDED


#include "http/ngx_http_attest.h"


/*
 * Closes a connection that the keepalive cache has handed over and that is not
 * to be used; nginx connects anew to the same peer then.
 */
void ngx_http_attest_kept_close(ngx_peer_connection_t *pc);


#endif /* NGX_HTTP_ATTEST_KEPT_H_INCLUDED */
