/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One connection to a gateway, by libcurl.  The first exchange connects; no
 * other one ever does, so that what was verified on a connection holds for
 * whatever is sent on it.
 */


#ifndef CLI_CONN_H_INCLUDED
#define CLI_CONN_H_INCLUDED


#include <curl/curl.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/cli_url.h"


#define CLI_MAX_CERT           (128 * 1024)        /* what TLS may bring */
#define CLI_TIMEOUT            30000               /* ms, one exchange */
#define CLI_STREAM_TIMEOUT     300000              /* ms between two tokens */


typedef enum {
    CLI_STAGE_NAME = 0,             /* the host's name is looked up */
    CLI_STAGE_DIAL,
    CLI_STAGE_TLS,
    CLI_STAGE_OPEN                  /* it stands, or stood: this one only */
} cli_stage_e;

typedef enum {
    CLI_BODY_NONE = 0,
    CLI_BODY_LENGTH,
    CLI_BODY_CHUNKED,
    CLI_BODY_CLOSE
} cli_body_e;


typedef struct {
    const char   *method;           /* GET, or POST with a body */
    const char   *path;
    const char   *accept;
    const char   *type;             /* of the body */
    const char   *extra;            /* a further field */
    const void   *body;
    size_t        len;
} cli_request_t;


typedef struct {
    CURLM                 *multi;
    CURL                  *easy;
    struct curl_slist     *fields;
    struct curl_slist     *connect_to;
    const cli_options_t   *opt;
    const cli_url_t       *url;
    const char            *host;    /* where it goes to, for messages */
    const char            *port;
    char                   other[2][256];          /* of --connect */
    cli_stage_e            stage;
    int64_t                deadline;               /* monotonic ms; 0: none */
    int64_t                idle;    /* ms without any progress */
    int64_t                progress;               /* when there was some */
    char                   err[256];
    char                   why[CURL_ERROR_SIZE];   /* in libcurl's words */

    /* of the TLS connection, when it stood first */
    cli_bytes_t            cert;
    uint8_t                exporter[32];
    int                    closed;  /* by close_notify */

    const cli_request_t   *req;     /* while it is being sent */
    size_t                 sent;
    int                    running; /* an exchange is in libcurl's hands */
    int                    failed;  /* and cannot end well, err says why */
    int                    paused;  /* there is more than buf takes */
    uint8_t                buf[CURL_MAX_WRITE_SIZE];
    size_t                 pos;
    size_t                 last;

    unsigned               heads;   /* of this answer, interim ones too */
    unsigned               lines;   /* of this head, or of the trailer */
    size_t                 bytes;   /* of all heads */
    unsigned               seen;    /* fields that may be there once */
    int                    head_done;
    int                    status;
    cli_body_e             framing;
    int                    done;    /* its body was read to the end */
    int                    close;   /* no further exchange is possible */
    int                    lost;    /* it was wanted, but the gateway closed */
    char                   type[128];              /* Content-Type */
    char                   ehbp_nonce[65];         /* 64 hex digits */
    char                   etag[80];
} cli_conn_t;


/*
 * CLI_OK, or CLI_UNDECIDED with c->err set; cli_conn_close() after both.  What
 * opt and url point to stays until then.
 */
int cli_conn_open(cli_conn_t *c, const cli_url_t *url,
    const cli_options_t *opt);
void cli_conn_close(cli_conn_t *c);
/* Ends an exchange that is under way. */
void cli_conn_stop(cli_conn_t *c);
/* Sets c->err and c->close; CLI_UNDECIDED. */
int cli_conn_fail(cli_conn_t *c, const char *what);


#endif /* CLI_CONN_H_INCLUDED */
