/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTEST_PEER_OPTIONS_H_INCLUDED
#define ATTEST_PEER_OPTIONS_H_INCLUDED


#include <openssl/ssl.h>
#include <stdint.h>

#include "core/appraisal/attest_roots.h"
#include "client/attest_bytes.h"


/* How a gateway is reached and asked; what is 0 or NULL is not wanted. */

typedef struct {
    const char           *url;      /* https://HOST[:PORT][/PATH]: HOST is SNI,
                                       Host, and what is connected to */
    const char           *connect;  /* "HOST:PORT", "[V6]:PORT" or "unix:PATH"
                                       to connect to instead */
    const char           *path;     /* of the evidence; NULL: that of the URL,
                                       or ATTEST_URL_EVIDENCE */
    const char           *ohttp;    /* a path (ATTEST_URL_OHTTP) where to look
                                       for a gateway of Oblivious HTTP */
    const char           *cert;     /* PEM files: our certificates, */
    const char           *key;      /* and the key, not encrypted */
    const char           *proxy;    /* http://, socks5:// or socks5h://; never
                                       from the environment */
    int64_t               timeout;  /* ms, for all of it; 0: each exchange has
                                       ATTEST_CONN_TIMEOUT */
    int64_t               now;      /* Unix seconds of the appraisal; -1: the
                                       clock's */
    const attest_roots_t *roots;    /* the makers' certificates; NULL: they
                                       are loaded each time */
    const volatile int   *cancel;   /* another thread has set it: give up */

    /*
     * Who we are, from elsewhere than files: ATTEST_OK, or err is set.  Called
     * before the handshake of each connection.
     */
    int                 (*identity)(SSL_CTX *ctx, void *data,
                                    char err[ATTEST_CLIENT_ERR]);
    void                 *data;

    unsigned              activate:1;          /* credential activation, too */
    unsigned              certificate_only:1;  /* nothing is fetched: what the
                                                  certificate has is judged */
    unsigned              keys_only:1;         /* TLS ends elsewhere: neither
                                                  certificate nor exporter are
                                                  judged, prompt keys are */
    unsigned              elsewhere:1;         /* .. where that shows, and the
                                                  policy wants no exporter */
} attest_peer_options_t;


#endif /* ATTEST_PEER_OPTIONS_H_INCLUDED */
