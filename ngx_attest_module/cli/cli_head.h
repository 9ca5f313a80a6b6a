/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_HEAD_H_INCLUDED
#define CLI_HEAD_H_INCLUDED


#include "cli/cli_conn.h"


/* Before an answer: nothing of it was seen. */
void cli_head_reset(cli_conn_t *c);
/*
 * One line of a head or a trailer, with its end.  NULL, or what is wrong with
 * it; c->head_done tells when the head of the answer itself is over.
 */
const char *cli_head_line(cli_conn_t *c, const char *p, size_t n);


#endif /* CLI_HEAD_H_INCLUDED */
