/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_LOG_H_INCLUDED
#define CLI_PROXY_LOG_H_INCLUDED


#include "cli/cli_proxy.h"


/* It takes requests now; whether nginx, too, has verified the gateway. */
void cli_proxy_log_ready(const cli_proxy_t *px, bool verified);
/* A line of nginx's error log; before it is ready all of them matter. */
void cli_proxy_log(const cli_proxy_t *px, const char *line, size_t n,
    bool ready);


#endif /* CLI_PROXY_LOG_H_INCLUDED */
