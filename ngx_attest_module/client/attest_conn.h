/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One connection to a gateway, by libcurl.  The first exchange connects; no
 * other one ever does, so that what was verified on a connection holds for
 * whatever is sent on it.
 */


#ifndef ATTEST_CONN_H_INCLUDED
#define ATTEST_CONN_H_INCLUDED


#include <curl/curl.h>
#include <stdint.h>

#include "client/attest_bytes.h"
#include "client/attest_head.h"
#include "client/attest_peer_options.h"
#include "client/attest_url.h"


#define ATTEST_CONN_MAX_CERT   (128 * 1024)        /* what TLS may bring */
#define ATTEST_CONN_TIMEOUT    30000               /* ms, one exchange */


typedef enum {
    ATTEST_STAGE_NAME = 0,          /* the host's name is looked up */
    ATTEST_STAGE_DIAL,
    ATTEST_STAGE_TLS,
    ATTEST_STAGE_OPEN               /* it stands, or stood: this one only */
} attest_stage_e;


typedef struct {
    const char   *method;           /* GET, or POST with a body */
    const char   *path;
    const char   *accept;
    const char   *type;             /* of the body */
    const char   *extra;            /* a further field */
    const void   *body;
    size_t        len;
} attest_question_t;


typedef struct {
    CURLM                          *multi;
    CURL                           *easy;
    struct curl_slist              *fields;
    struct curl_slist              *connect_to;
    attest_peer_options_t           opt;
    const attest_url_t             *url;
    const char                     *host;          /* for messages */
    const char                     *port;          /* "": a socket's path */
    char                            dial[256];     /* of opt->connect */
    char                            dial_port[8];
    attest_stage_e                  stage;
    int64_t                         limit;     /* monotonic ms of the end of
                                                  everything; 0: none */
    int64_t                         deadline;  /* of an exchange; 0: none */
    int64_t                         idle;      /* ms without any progress */
    int64_t                         progress;  /* when there was some */
    char                            err[ATTEST_CLIENT_ERR];
    char                            why[CURL_ERROR_SIZE];  /* libcurl's */

    /* of the TLS connection, when it stood first */
    attest_bytes_t                  cert;
    uint8_t                         exporter[32];
    int                             closed;    /* by close_notify */

    const attest_question_t        *question;  /* while it is being sent */
    size_t                          sent;
    int                             running;   /* in libcurl's hands */
    int                             failed;    /* and cannot end well: err */
    int                             paused;    /* more than buf takes */
    uint8_t                         buf[CURL_MAX_WRITE_SIZE];
    size_t                          pos;
    size_t                          last;

    attest_head_t                   head;      /* of this answer */
    bool                            done;      /* its body was read */
    bool                            broken;    /* no further exchange */
    int                             lost;      /* it was wanted, but the
                                                  gateway closed */
} attest_conn_t;


/*
 * Once in a process, before it has threads: ATTEST_OK, or this libcurl cannot
 * be used and err says why.
 */
int attest_conn_init(char err[ATTEST_CLIENT_ERR]);

/*
 * ATTEST_OK, or ATTEST_ECLIENT with c->err set; attest_conn_close() after
 * both.  url and what opt points to stay until then.  limit: of the clock
 * above, when all of it ends; 0: never.
 */
int attest_conn_open(attest_conn_t *c, const attest_url_t *url,
    const attest_peer_options_t *opt, int64_t limit);
void attest_conn_close(attest_conn_t *c);
/* Ends an exchange that is under way. */
void attest_conn_stop(attest_conn_t *c);
/* Sets c->err, and nothing more is possible; ATTEST_ECLIENT. */
int attest_conn_fail(attest_conn_t *c, const char *what);
/* 1: no further exchange is possible, the gateway or we have ended it. */
bool attest_conn_over(const attest_conn_t *c);


#endif /* ATTEST_CONN_H_INCLUDED */
