/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_URL_H_INCLUDED
#define ATTEST_URL_H_INCLUDED


#include <stddef.h>

#include "client/attest_bytes.h"


#define ATTEST_URL_EVIDENCE    "/.well-known/attestation"
#define ATTEST_URL_KEYS        "/.well-known/hpke-keys"
/* RFC 9540, section 5 */
#define ATTEST_URL_OHTTP       "/.well-known/ohttp-gateway"


typedef struct {
    int    tls;
    char   host[256];
    char   port[8];
    char   authority[280];          /* for the Host field */
    char   path[1024];
} attest_url_t;


/* ATTEST_OK, or ATTEST_ECLIENT with err set. */
int attest_url_parse(const char *text, attest_url_t *url,
    char err[ATTEST_CLIENT_ERR]);
/* host, host:port, [v6], [v6]:port; 0: it is none.  No port: "". */
bool attest_url_host_port(const char *text, size_t n, char host[256],
    char port[8]);
/* 1: a path with its arguments that can stand in a request's first line. */
bool attest_url_is_path(const char *path);


#endif /* ATTEST_URL_H_INCLUDED */
