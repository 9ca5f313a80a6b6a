/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_RUN_H_INCLUDED
#define CLI_PROXY_RUN_H_INCLUDED


#include "cli/cli_proxy.h"


/* Runs nginx until it ends or a signal ends it; the exit status. */
int cli_proxy_run(const cli_proxy_t *px, const char *conf);
/* What a program prints on its standard error and output, with its end. */
int cli_proxy_run_said(const char *const argv[], char *said, size_t size);


#endif /* CLI_PROXY_RUN_H_INCLUDED */
