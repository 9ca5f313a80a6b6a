/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client's request in its envelope: of the HTTP/1.1 request that a proxy
 * would write, the request that is sent instead, sealed for one of a
 * gateway's keys (EHBP or Oblivious HTTP).
 *
 *   EHBP            the same head, and the body in frames.  A request without
 *                   a body has nothing to seal: its head is passed on
 *   OHTTP           POST to the gateway's resource; method, target, fields and
 *                   body are Binary HTTP inside, in chunks
 *   OHTTP, whole    the same in one piece, for gateways that know no chunks
 *
 * Every envelope has an encapsulation of its own: it is never sent twice.
 */


#ifndef ATTEST_ENVELOPE_H_INCLUDED
#define ATTEST_ENVELOPE_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/prompt/attest_ehbp.h"
#include "core/prompt/attest_http1.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/prompt/attest_ohttp.h"


#define ATTEST_ENVELOPE_MAX_FIELDS   128     /* of the request inside */


typedef enum {
    ATTEST_ENVELOPE_NONE = 0,                /* nothing to seal */
    ATTEST_ENVELOPE_AUTO,                    /* what the keys are for */
    ATTEST_ENVELOPE_EHBP,
    ATTEST_ENVELOPE_OHTTP,                   /* chunked */
    ATTEST_ENVELOPE_OHTTP_WHOLE
} attest_envelope_form_e;


/* Which key of a list, in which form and suite; tools: the caller's. */

typedef struct {
    attest_envelope_form_e      form;
    const attest_keyconfig_t   *kc;
    uint16_t                    kdf;
    uint16_t                    aead;
    attest_kem_tools_t         *tools;       /* or NULL; outlives what is
                                                sealed with it */
} attest_envelope_key_t;


/* What is said beside the request itself; empty spans: not. */

typedef struct {
    attest_span_t               path;        /* OHTTP: the outer target */
    attest_span_t               authority;   /* OHTTP: inside, or Host */
    attest_span_t               date;        /* OHTTP: inside, where the
                                                request has none */
    const attest_bhttp_field_t *set;         /* instead of the request's */
    size_t                      nset;        /* fields of these names */
} attest_envelope_how_t;


/* What opens the answer.  Holds secrets. */

typedef struct {
    attest_envelope_form_e      form;        /* NONE: sent as it was */
    attest_hpke_ctx_t           hpke;        /* EHBP */
    uint8_t                     enc[ATTEST_EHBP_ENC_LEN];
    attest_ohttp_t              ohttp;
} attest_envelope_t;


/*
 * The first member of the list that fits: for EHBP an X25519 key with
 * AES-256-GCM, for OHTTP X-Wing before all others where xwing is 1.  AUTO is
 * OHTTP when some key has a suite that EHBP has not, else EHBP.
 * ATTEST_EMISMATCH: there is none.
 */
int attest_envelope_choose(const attest_keyconfig_t *kc, size_t count,
    attest_envelope_form_e form, int xwing, attest_envelope_key_t *key);

/* Room that attest_envelope_seal() needs at most; 0: too long. */
size_t attest_envelope_room(const attest_http1_t *req, attest_span_t body,
    const attest_envelope_key_t *key, const attest_envelope_how_t *how);

/*
 * *len bytes of out are the request to send.  body does not lie in out.  On
 * failure nothing of the request is left in out.  ATTEST_EFORMAT: a field or
 * target that cannot be sent.  ATTEST_ELIMIT: more fields than there may be.
 */
int attest_envelope_seal(attest_envelope_t *e,
    const attest_envelope_key_t *key, const attest_envelope_how_t *how,
    const attest_http1_t *req, attest_span_t body, uint8_t *out, size_t room,
    size_t *len);

void attest_envelope_clear(attest_envelope_t *e);


#endif /* ATTEST_ENVELOPE_H_INCLUDED */
