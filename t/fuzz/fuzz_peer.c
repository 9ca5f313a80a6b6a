/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a gateway answers to whoever asks for its evidence: heads, bodies of
 * all kinds, and what is concluded from them.  The input is one answer after
 * the other: lines of a head, two bytes of length, a body.
 */

#include <stdlib.h>
#include <string.h>

#include "client/attest_exchange.h"
#include "client/attest_peer.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static attest_span_t  wire;


/* The network. */

int
attest_conn_init(char err[ATTEST_CLIENT_ERR])
{
    (void) err;
    return ATTEST_OK;
}


int
attest_conn_open(attest_conn_t *c, const attest_url_t *url,
    const attest_peer_options_t *opt, int64_t limit)
{
    (void) limit;
    memset(c, 0, sizeof(*c));
    c->url = url;
    c->opt = *opt;
    return ATTEST_OK;
}


void
attest_conn_close(attest_conn_t *c)
{
    attest_bytes_free(&c->cert);
}


void
attest_conn_stop(attest_conn_t *c)
{
    (void) c;
}


int
attest_conn_fail(attest_conn_t *c, const char *what)
{
    c->broken = 1;
    return attest_bytes_error(c->err, "%s", what);
}


bool
attest_conn_over(const attest_conn_t *c)
{
    return c->broken || c->head.close;
}


int
attest_exchange(attest_conn_t *c, const attest_question_t *q)
{
    size_t          n;
    const char     *wrong;
    const uint8_t  *end;

    if (memchr(q->path, ' ', strlen(q->path)) != NULL) {
        abort();
    }

    c->stage = ATTEST_STAGE_OPEN;
    attest_head_reset(&c->head);

    while (!c->head.done) {
        end = wire.n != 0 ? memchr(wire.p, '\n', wire.n) : NULL;
        if (end == NULL) {
            c->lost = 1;
            return attest_conn_fail(c, "the gateway closed the connection");
        }

        n = (size_t) (end - wire.p) + 1;
        wrong = attest_head_line(&c->head, (const char *) wire.p, n);
        wire.p += n;
        wire.n -= n;

        if (wrong != NULL) {
            return attest_conn_fail(c, wrong);
        }
    }

    if (c->head.status < 200 || c->head.status > 999) {
        abort();
    }

    return ATTEST_OK;
}


int
attest_exchange_handshake(attest_conn_t *c)
{
    c->cert.p = malloc(wire.n + 1);
    memcpy(c->cert.p, wire.p, wire.n);
    c->cert.n = wire.n;
    return ATTEST_OK;
}


int
attest_exchange_all(attest_conn_t *c, size_t cap, attest_bytes_t *out)
{
    size_t  n;

    memset(out, 0, sizeof(*out));

    if (wire.n < 2) {
        return attest_conn_fail(c, "the answer is cut");
    }

    n = (size_t) wire.p[0] << 8 | wire.p[1];
    wire.p += 2;
    wire.n -= 2;
    n = n < wire.n ? n : wire.n;

    if (n > cap) {
        return attest_conn_fail(c, "the answer is too long");
    }

    out->p = malloc(n + 1);
    memcpy(out->p, wire.p, n);
    out->p[n] = '\0';
    out->n = n;
    wire.p += n;
    wire.n -= n;
    return ATTEST_OK;
}


void
attest_exchange_timeout(attest_conn_t *c, int64_t ms, int total)
{
    (void) c;
    (void) ms;
    (void) total;
}


/* Nobody's text begins a line of ours. */

static void
check(const attest_fetch_t *ev)
{
    size_t                i;
    const unsigned char  *p;

    for (i = 0; i < ev->nnotes; i++) {
        for (p = (const unsigned char *) ev->notes[i]; *p != '\0'; p++) {
            if (*p < 0x20 || *p == 0x7f) {
                abort();
            }
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    attest_peer_t           *peer;
    attest_result_t         *res;
    attest_policy_t         *policy;
    attest_peer_options_t    opt = { .url = "https://gateway.example",
                                     .now = 1700000000,
                                     .ohttp = ATTEST_URL_OHTTP };

    if (size < 1) {
        return 0;
    }

    opt.activate = data[0] & 1;
    opt.certificate_only = (data[0] & 6) == 6;
    wire = attest_span(data + 1, size - 1);
    peer = calloc(1, sizeof(*peer));

    /* to judge takes its time, and has a target of its own */

    if (data[0] & 0x38) {
        if (attest_fetch(&peer->seen, &opt, 0, peer->err) == ATTEST_OK) {
            check(&peer->seen);
        }

        attest_fetch_clear(&peer->seen);
        free(peer);
        return 0;
    }

    res = calloc(1, sizeof(*res));
    policy = calloc(1, sizeof(*policy));
    attest_policy_default(policy);

    (void) attest_peer_appraise(peer, &opt, policy, res);
    check(&peer->seen);

    if (res->verdict == ATTEST_TRUSTED || peer->trusted || peer->keys.n != 0
        || peer->ohttp != NULL)
    {
        abort();
    }

    attest_peer_clear(peer);
    free(policy);
    free(res);
    free(peer);
    return 0;
}
