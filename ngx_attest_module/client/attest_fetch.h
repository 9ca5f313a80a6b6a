/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_FETCH_H_INCLUDED
#define ATTEST_FETCH_H_INCLUDED


#include "client/attest_conn.h"


#define ATTEST_FETCH_MAX_ANSWER   (8 * 1024 * 1024)  /* JSON of base64 logs */
#define ATTEST_FETCH_MAX_SMALL    (64 * 1024)      /* keys, problems, proofs */


/* Everything that one connection told about a gateway. */

typedef struct {
    attest_url_t     url;
    attest_conn_t    conn;
    attest_bytes_t   cert;
    attest_bytes_t   cached;
    attest_bytes_t   fresh;
    attest_bytes_t   hpke;
    attest_bytes_t   ohttp;         /* keys at opt->ohttp, one after another */
    uint64_t         generation;    /* as the gateway counts; 0: not known */
    uint8_t          nonce[64];
    size_t           nonce_len;     /* 0: none was sent, or is known */
    uint8_t          exporter[32];
    uint8_t          secret[32];
    uint8_t          proof[32];
    int              has_exporter;
    int              has_proof;
    bool             told;          /* by a folder, not seen by us */
    bool             rotated;       /* keys changed between two answers */
    char             notes[6][320];    /* what was not fetched, and why */
    size_t           nnotes;
} attest_fetch_t;


/*
 * ATTEST_OK when a connection stood, even if single answers are missing.  Else
 * ATTEST_ECLIENT, and err is set.  attest_fetch_clear() after both.  What opt
 * points to stays until then.
 */
int attest_fetch(attest_fetch_t *ev, const attest_peer_options_t *opt,
    int64_t limit, char err[ATTEST_CLIENT_ERR]);
void attest_fetch_clear(attest_fetch_t *ev);


#endif /* ATTEST_FETCH_H_INCLUDED */
