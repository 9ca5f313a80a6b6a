/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_NGINX_H_INCLUDED
#define CLI_PROXY_NGINX_H_INCLUDED


#include "cli/cli_proxy.h"


/* Finds nginx and the module; reports errors. */
int cli_proxy_nginx(cli_proxy_t *px);


#endif /* CLI_PROXY_NGINX_H_INCLUDED */
