/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP, the Encrypted HTTP Body Protocol (github.com/tinfoilsh/
 * encrypted-http-body-protocol, specification v0.3.1).  Suite fixed: X25519,
 * HKDF-SHA256, AES-256-GCM; info "ehbp request".
 */


#ifndef ATTEST_EHBP_H_INCLUDED
#define ATTEST_EHBP_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/crypto/attest_hpke.h"


#define ATTEST_EHBP_ENC_LEN      32
#define ATTEST_EHBP_NONCE_LEN    32
#define ATTEST_EHBP_OVERHEAD     20       /* u32be length and the tag */


/* 64 hex digits, either case, nothing else. */
int attest_ehbp_parse_enc(const uint8_t *hex, size_t len,
    uint8_t enc[ATTEST_EHBP_ENC_LEN]);

/*
 * Opens a request as it arrives, in place, in the caller's buffer:
 *
 *     buf: | plain bytes, opened | have bytes of a frame not yet whole | free
 *
 * Between calls the caller may change buf and room for a larger buffer after
 * copying plain + have bytes.  Which of his keys a message is sealed for is
 * not said: the first frame is tried with each.  hpke, which, plain and why
 * may be read, the other members are the opener's own.
 */

typedef enum {
    ATTEST_EHBP_FINE = 0,
    ATTEST_EHBP_BAD_ENC,                     /* a point that X25519 refuses */
    ATTEST_EHBP_PLAIN,                       /* more than max_plain */
    ATTEST_EHBP_FRAMING                      /* more than max_framing */
} attest_ehbp_why_e;

typedef struct {
    size_t   max_plain;                      /* of one frame, and of all */
    size_t   max_framing;                    /* lengths and tags of all */
} attest_ehbp_limits_t;

typedef struct {
    uint8_t                         *buf;
    size_t                           room;
    size_t                           plain;
    size_t                           have;

    attest_hpke_ctx_t                hpke;   /* once a frame was opened */
    size_t                           which;  /* key that opened it */
    attest_ehbp_why_e                why;

    uint8_t                          enc[ATTEST_EHBP_ENC_LEN];
    const attest_kem_key_t * const *keys;
    size_t                           nkeys;
    attest_ehbp_limits_t             limits;
    size_t                           framing;
    size_t                           need;   /* of the frame that arrives */
    uint8_t                          prefix[4];
    unsigned                         prefix_len;
    int                              rc;     /* the first error, kept */
} attest_ehbp_opener_t;


/* keys, borrowed: needed until the first frame is opened. */
void attest_ehbp_opener_init(attest_ehbp_opener_t *op,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const attest_ehbp_limits_t *limits);

/*
 * Any split of the input gives the same result.  in must not overlap buf.
 *
 * ATTEST_OK        *used == n
 * ATTEST_ENOSPACE  *used < n and room is used up: give a larger buffer, then
 *                  feed the rest; not an error of the message.  There may be
 *                  more room needed than plain + have + n - *used: at most
 *                  plain + 16 more than the message's limits
 * ATTEST_ELIMIT    a limit, as soon as a length says so; see why
 * ATTEST_ECRYPTO   no key opens the first frame; see why
 * ATTEST_EMISMATCH a later frame was changed, or is too short for a tag: the
 *                  first one has proved the key, another is of no use
 * ATTEST_EARG      there are no keys
 *
 * Errors stay; nothing unauthenticated is left in buf.  Frames without
 * content, LEN = 0, may come anywhere and consume no sequence number.
 */
int attest_ehbp_opener_feed(attest_ehbp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used);

/*
 * The body ended.  ATTEST_EFORMAT: within a length or a frame, or without a
 * frame that has a tag: nothing would prove that the client knows the key of
 * the answer.
 */
int attest_ehbp_opener_finish(attest_ehbp_opener_t *op);

/* Wipes the state, hpke too; buf stays as it is. */
void attest_ehbp_opener_clear(attest_ehbp_opener_t *op);

/* Gateway: decapsulates; ATTEST_ECRYPTO: enc is refused. */
int attest_ehbp_recipient(attest_hpke_ctx_t *ctx,
    const attest_kem_key_t *key, const uint8_t enc[ATTEST_EHBP_ENC_LEN]);

/* Response key schedule for the sealing (seal = 1) or the opening side. */
int attest_ehbp_response(attest_aead_t *aead, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const uint8_t nonce[ATTEST_EHBP_NONCE_LEN], int seal);

/* One frame: out holds len + ATTEST_EHBP_OVERHEAD bytes; no overlap. */
int attest_ehbp_seal_frame(attest_aead_t *aead, const uint8_t *pt, size_t len,
    uint8_t *out);

/* Client side: suite, info and encapsulation for one request. */
int attest_ehbp_client(attest_hpke_ctx_t *ctx, const uint8_t *pk,
    size_t pk_len, uint8_t enc[ATTEST_EHBP_ENC_LEN]);
/* With tools as attest_hpke_setup_sender_with() has them. */
int attest_ehbp_client_with(attest_hpke_ctx_t *ctx, attest_kem_tools_t *tools,
    attest_span_t pk, uint8_t enc[ATTEST_EHBP_ENC_LEN]);
/* One request frame: out holds len + ATTEST_EHBP_OVERHEAD bytes. */
int attest_ehbp_client_seal(attest_hpke_ctx_t *ctx, const uint8_t *pt,
    size_t len, uint8_t *out);

/*
 * Client side, incremental: looks at the start of in for one whole frame.
 * ATTEST_OK with *used = 0: more input is needed.  ATTEST_OK with *used > 0:
 * a frame of *used bytes was opened into out (room max_frame), *out_len bytes;
 * *marker is 1 for an authenticated empty frame (the end marker).
 */
int attest_ehbp_client_open(attest_aead_t *aead, const uint8_t *in, size_t n,
    size_t max_frame, uint8_t *out, size_t *out_len, size_t *used,
    int *marker);


#endif /* ATTEST_EHBP_H_INCLUDED */
