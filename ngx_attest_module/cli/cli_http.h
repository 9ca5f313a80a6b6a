/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_HTTP_H_INCLUDED
#define CLI_HTTP_H_INCLUDED


#include "cli/cli_conn.h"


/*
 * CLI_OK, or CLI_UNDECIDED with c->err set.  Connects when it is the first,
 * sends, and reads the answer's head.
 */
int cli_exchange(cli_conn_t *c, const cli_url_t *url,
    const cli_request_t *req);
/* Bytes read, 0 at the clean end of the body, -1: cut, timeout, garbage. */
long cli_read(cli_conn_t *c, uint8_t *p, size_t n);
/* The whole body, at most `cap`; out->p is 0-terminated. */
int cli_read_all(cli_conn_t *c, size_t cap, cli_bytes_t *out);
/* total: for everything until the next call; else for any progress. */
void cli_set_timeout(cli_conn_t *c, int64_t ms, int total);


#endif /* CLI_HTTP_H_INCLUDED */
