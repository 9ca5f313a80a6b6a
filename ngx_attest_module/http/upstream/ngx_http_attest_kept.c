/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ends a kept connection to a peer, as nginx's keepalive module does.
 */


#include "http/upstream/ngx_http_attest_kept.h"


void
ngx_http_attest_kept_close(ngx_peer_connection_t *pc)
{
    ngx_connection_t *c = pc->connection;

    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    if (c->pool != NULL) {
        ngx_destroy_pool(c->pool);
    }

    ngx_close_connection(c);

    pc->connection = NULL;
    pc->cached = 0;
}
