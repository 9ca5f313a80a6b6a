/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What was seen, as a folder that can be verified later; or a file with one
 * certificate or collection.
 */


#ifndef CLI_ARCHIVE_H_INCLUDED
#define CLI_ARCHIVE_H_INCLUDED


#include "cli/cli.h"


bool cli_archive_is_url(const char *target);
int cli_archive_create(const cli_options_t *opt);
void cli_archive_drop(const cli_options_t *opt);
int cli_archive_save(const attest_fetch_t *ev, const cli_options_t *opt);
int cli_archive_load(attest_fetch_t *ev, const cli_options_t *opt);


#endif /* CLI_ARCHIVE_H_INCLUDED */
