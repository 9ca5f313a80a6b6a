/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_EXCHANGE_H_INCLUDED
#define ATTEST_EXCHANGE_H_INCLUDED


#include "client/attest_conn.h"


/*
 * ATTEST_OK, or ATTEST_ECLIENT with c->err set.  Connects when it is the
 * first, sends, and reads the answer's head.
 */
int attest_exchange(attest_conn_t *c, const attest_question_t *q);
/* With opt->certificate_only: connects, for the certificate of the peer. */
int attest_exchange_handshake(attest_conn_t *c);
/* Bytes read, 0 at the clean end of the body, -1: cut, timeout, garbage. */
long attest_exchange_read(attest_conn_t *c, uint8_t *p, size_t n);
/* The whole body, at most `cap`; out->p is 0-terminated. */
int attest_exchange_all(attest_conn_t *c, size_t cap, attest_bytes_t *out);
/* total: for everything until the next call; else for any progress. */
void attest_exchange_timeout(attest_conn_t *c, int64_t ms, int total);


#endif /* ATTEST_EXCHANGE_H_INCLUDED */
