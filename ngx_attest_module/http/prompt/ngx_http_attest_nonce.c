/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Nonces of responses: random, used once, sent in clear.
 *
 * OpenSSL's generator costs far more by the call than by the byte, so that a
 * worker draws many at a time.  What waits here is no secret: a response's
 * key depends on the nonce and on what only the two ends have.
 */


#include "http/prompt/ngx_http_attest_nonce.h"

#include <openssl/rand.h>


#define NGX_HTTP_ATTEST_NONCES  1024        /* bytes */


ngx_int_t
ngx_http_attest_nonce(u_char *nonce, size_t len)
{
    static u_char     drawn[NGX_HTTP_ATTEST_NONCES];
    static size_t     left;
    static ngx_pid_t  pid;

    if (len > sizeof(drawn)) {
        return NGX_ERROR;
    }

    if (pid != ngx_pid || left < len) {

        /* a process that was forked must not use what its parent drew */

        left = 0;

        if (RAND_bytes(drawn, sizeof(drawn)) != 1) {
            return NGX_ERROR;
        }

        pid = ngx_pid;
        left = sizeof(drawn);
    }

    left -= len;
    ngx_memcpy(nonce, drawn + left, len);
    ngx_memzero(drawn + left, len);

    return NGX_OK;
}
