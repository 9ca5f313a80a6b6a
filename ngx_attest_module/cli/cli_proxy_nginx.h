/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_NGINX_H_INCLUDED
#define CLI_PROXY_NGINX_H_INCLUDED


#include "cli/cli_proxy.h"


/* Finds nginx and the module; reports errors. */
int cli_proxy_nginx(cli_proxy_t *px);
/* The file of the option, else the public authorities'; reports errors. */
int cli_proxy_authorities(char out[CLI_MAX_PATH], const char *option,
    const char *given, const char *whom);


#endif /* CLI_PROXY_NGINX_H_INCLUDED */
