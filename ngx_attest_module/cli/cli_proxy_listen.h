/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_LISTEN_H_INCLUDED
#define CLI_PROXY_LISTEN_H_INCLUDED


#include "cli/cli_proxy.h"


#define CLI_PROXY_LISTEN    "127.0.0.1:8080"


/* What --listen says, NULL: the default.  Errors are reported. */
int cli_proxy_listen_parse(cli_proxy_t *px, const char *text);
/* Nobody listens there yet; otherwise it is said. */
int cli_proxy_listen_free(const cli_proxy_t *px);
/* Removes a socket that an nginx has left that was killed. */
void cli_proxy_listen_clean(const cli_proxy_t *px);
/*
 * A connection to it, on which the gateway's evidence is asked for: nginx
 * verifies the gateway for that.  -1: it takes no connections so far.
 */
int cli_proxy_listen_ask(const cli_proxy_t *px);


#endif /* CLI_PROXY_LISTEN_H_INCLUDED */
