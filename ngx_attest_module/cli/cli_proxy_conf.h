/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_CONF_H_INCLUDED
#define CLI_PROXY_CONF_H_INCLUDED


#include "cli/cli_proxy.h"


/* 1: it can stand in nginx's quotes, and means itself there. */
bool cli_proxy_conf_quotable(const char *s);
/* A file that is there, by a name that can stand in a configuration. */
int cli_proxy_conf_absolute(char out[CLI_MAX_PATH], const char *option,
    const char *name);
/* What files are called in the configuration; errors are reported. */
int cli_proxy_conf_files(cli_proxy_t *px);
/* The configuration, without secrets; malloc()ed.  NULL: no memory. */
char *cli_proxy_conf(const cli_proxy_t *px);


#endif /* CLI_PROXY_CONF_H_INCLUDED */
