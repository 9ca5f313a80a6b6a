/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_STREAM_H_INCLUDED
#define CLI_STREAM_H_INCLUDED


#include "core/prompt/attest_ehbp.h"
#include "client/attest_conn.h"


/*
 * Reads the sealed answer to a request that ctx and enc are of, whose head was
 * read, and prints it.  CLI_OK only for a whole answer that is one; reports
 * errors itself.
 */
int cli_stream_answer(attest_conn_t *conn, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN]);


#endif /* CLI_STREAM_H_INCLUDED */
