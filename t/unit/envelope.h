/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A gateway for tests of envelopes: its keys, and both of its sides, by the
 * functions that gateways themselves use.
 */


#ifndef ENVELOPE_H_INCLUDED
#define ENVELOPE_H_INCLUDED


#include <stdlib.h>
#include <string.h>

#include "core/base/attest_hex.h"
#include "core/prompt/attest_envelope.h"


#define GATEWAY_BODY  (3 * 1024 * 1024)

/* as nginx' proxy module writes it */
#define GATEWAY_HEAD                                                         \
    "POST /v1/chat?x=1 HTTP/1.0\r\n"                                         \
    "Host: gateway.example\r\n"                                              \
    "Connection: close\r\n"                                                  \
    "Content-Length: 5\r\n"                                                  \
    "Content-Type: application/json\r\n"                                     \
    "AUTHORIZATION:Bearer caller\r\n"                                        \
    "Ehbp-Encapsulated-Key: 00\r\n"                                          \
    "X-Twice: a\r\n"                                                         \
    "X-Twice: b\r\n"                                                         \
    "\r\n"


typedef struct {
    attest_kem_key_t       key;
    attest_keyconfig_t     kc;

    /* of one request */
    attest_ohttp_head_t    head;
    attest_ohttp_t         ohttp;
    attest_hpke_ctx_t      hpke;
    uint8_t                enc[ATTEST_EHBP_ENC_LEN];
    uint8_t               *plain;
    size_t                 len;

    /* of one answer */
    attest_aead_t          aead;
    attest_ohttp_sealer_t  sealer;
} gateway_t;


static inline void
gateway_init(gateway_t *g)
{
    uint8_t  sk[32];

    memset(g, 0, sizeof(*g));
    memset(sk, 7, sizeof(sk));

    if (attest_kem_key_import(&g->key, ATTEST_KEM_X25519, sk) != ATTEST_OK) {
        abort();
    }

    g->kc.id = 9;
    g->kc.kem = ATTEST_KEM_X25519;
    g->kc.pk = attest_span(g->key.pk, g->key.pk_len);
    g->kc.nsuites = 2;
    g->kc.suites[0].kdf = g->kc.suites[1].kdf = ATTEST_KDF_HKDF_SHA256;
    g->kc.suites[0].aead = ATTEST_AEAD_AES_256_GCM;
    g->kc.suites[1].aead = ATTEST_AEAD_AES_128_GCM;

    g->plain = malloc(GATEWAY_BODY + 4096);
    if (g->plain == NULL) {
        abort();
    }
}


static inline void
gateway_forget(gateway_t *g)
{
    attest_ohttp_clear(&g->ohttp);
    attest_hpke_ctx_clear(&g->hpke);
    attest_aead_clear(&g->aead);
    attest_ohttp_sealer_clear(&g->sealer);
    memset(&g->head, 0, sizeof(g->head));
    g->len = 0;
}


static inline void
gateway_clear(gateway_t *g)
{
    gateway_forget(g);
    attest_kem_key_clear(&g->key);
    free(g->plain);
}


/* The request inside, in g->plain. */

static inline int
gateway_open_ohttp(gateway_t *g, attest_ohttp_form_e form,
    attest_span_t body)
{
    int                     rc;
    size_t                  used, n;
    attest_ohttp_opener_t   op;
    attest_ohttp_limits_t   limits = { ATTEST_OHTTP_MAX_CHUNK, GATEWAY_BODY
                                       + 2048, 10000 };

    rc = attest_ohttp_head_feed(&g->head, body.p, body.n, &used);
    if (rc == ATTEST_OK) {
        rc = attest_ohttp_recipient(&g->ohttp, form, &g->kc, &g->key,
                                    &g->head);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    body = attest_span(body.p + used, body.n - used);

    if (form == ATTEST_OHTTP_WHOLE) {
        g->len = body.n - ATTEST_OHTTP_TAG_LEN;
        return attest_ohttp_open_request(&g->ohttp, body.p, body.n,
                                         g->plain);
    }

    rc = attest_ohttp_opener_request(&op, &g->ohttp, &limits, g->plain,
                                     GATEWAY_BODY + 4096);
    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_feed(&op, body.p, body.n, &n);
    }

    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_finish(&op);
    }

    g->len = op.plain;

    return rc;
}


static inline int
gateway_open_ehbp(gateway_t *g, attest_span_t enc, attest_span_t body)
{
    int                      rc;
    size_t                   used;
    attest_ehbp_opener_t     op;
    attest_ehbp_limits_t     limits = { GATEWAY_BODY + 1, 4096 };
    const attest_kem_key_t  *keys[1] = { &g->key };

    rc = attest_ehbp_parse_enc(enc.p, enc.n, g->enc);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_ehbp_opener_init(&op, g->enc, &limits);
    op.keys = keys;
    op.nkeys = 1;
    op.buf = g->plain;
    op.room = GATEWAY_BODY + 4096;

    rc = attest_ehbp_opener_feed(&op, body.p, body.n, &used);
    if (rc == ATTEST_OK) {
        rc = attest_ehbp_opener_finish(&op);
    }

    g->len = op.plain;
    g->hpke = op.hpke;

    return rc;
}


#endif /* ENVELOPE_H_INCLUDED */
