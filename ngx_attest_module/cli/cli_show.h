/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_SHOW_H_INCLUDED
#define CLI_SHOW_H_INCLUDED


#include "cli/cli.h"


int cli_show(const cli_options_t *opt);


#endif /* CLI_SHOW_H_INCLUDED */
