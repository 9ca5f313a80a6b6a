/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Oblivious HTTP, RFC 9458 section 4, and chunked Oblivious HTTP,
 * draft-ietf-ohai-chunked-ohttp-08: what is sealed around a Binary HTTP
 * message (attest_bhttp.h), and how it is opened.
 *
 *   request, whole     header(7) | enc | ciphertext
 *   request, chunked   header(7) | enc | { varint len | ct }* | 00 | final ct
 *   response, whole    nonce | ciphertext
 *   response, chunked  nonce | { varint len | ct }* | 00 | final ct
 *
 * A gateway, whole:
 *     attest_ohttp_head_feed()          until head.whole
 *     attest_ohttp_select()             which of the live keys
 *     attest_ohttp_recipient()
 *     attest_ohttp_open_request()       the Binary HTTP request
 *     attest_ohttp_sealer_response()    with a fresh random nonce
 *     attest_ohttp_clear()              the request's key is needed no longer
 *     nonce, attest_ohttp_stream_seal()..., attest_ohttp_stream_end()
 *     attest_ohttp_sealer_clear()
 *
 * A gateway, chunked: the same, but an opener instead of open_request, and
 *     nonce, attest_ohttp_seal_chunk()..., attest_ohttp_seal_final()
 * A successful answer to a chunked request is a chunked response.
 *
 * What a gateway answers (RFC 9458 section 5, all plain):
 *     head, ATTEST_EFORMAT (the body ends within the head)       400
 *     ATTEST_EUNSUPPORTED of the head, ATTEST_EMISMATCH of
 *         select() or recipient()           400, problem type ohttp-key
 *     ATTEST_ELIMIT                                              413
 *     ATTEST_ECRYPTO or ATTEST_EFORMAT after that, of recipient(),
 *         open, feed() and finish()         422, problem type ohttp-key
 *     ATTEST_EINTERNAL                                           500
 * A 422 has one text for all causes.  Errors from the first moment after a
 * successful open or finish() are sealed instead.
 *
 * Nothing here may be acted on before open_request() or finish() succeeded: a
 * chunk is authentic when it is opened, but only the final one proves that
 * the message is whole.
 */


#ifndef ATTEST_OHTTP_H_INCLUDED
#define ATTEST_OHTTP_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/crypto/attest_hpke.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/base/attest_varint.h"


#define ATTEST_OHTTP_TYPE_REQ           "message/ohttp-req"
#define ATTEST_OHTTP_TYPE_RES           "message/ohttp-res"
#define ATTEST_OHTTP_TYPE_CHUNKED_REQ   "message/ohttp-chunked-req"
#define ATTEST_OHTTP_TYPE_CHUNKED_RES   "message/ohttp-chunked-res"

#define ATTEST_OHTTP_HEADER_LEN     7
#define ATTEST_OHTTP_MAX_HEAD       (ATTEST_OHTTP_HEADER_LEN                 \
                                     + ATTEST_KEM_MAX_ENC)
#define ATTEST_OHTTP_MAX_NONCE      32      /* max(Nn, Nk) of every AEAD */
#define ATTEST_OHTTP_TAG_LEN        ATTEST_HPKE_NT

/* Plaintext of a chunk that every receiver takes; we never seal more. */
#define ATTEST_OHTTP_MAX_CHUNK      16384
/* What sealing a chunk of any kind adds at most: length and tag. */
#define ATTEST_OHTTP_OVERHEAD       (4 + ATTEST_OHTTP_TAG_LEN)
/* Plaintext of one GCM message, NIST SP 800-38D section 5.2.1.1. */
#define ATTEST_OHTTP_MAX_STREAM     (((uint64_t) 1 << 36) - 32)


typedef enum {
    ATTEST_OHTTP_WHOLE = 0,                 /* message/ohttp-req, -res */
    ATTEST_OHTTP_CHUNKED                    /* message/ohttp-chunked-* */
} attest_ohttp_form_e;


typedef struct {
    uint8_t               key_id;
    attest_hpke_suite_t   suite;
} attest_ohttp_header_t;


/* Header and enc, gathered from the beginning of a request; starts zeroed. */

typedef struct {
    uint8_t                 bytes[ATTEST_OHTTP_MAX_HEAD];
    size_t                  len;
    unsigned                whole:1;
    attest_ohttp_header_t   header;         /* when whole */
} attest_ohttp_head_t;


/*
 * The request's context, for the gateway or for the client: it opens or seals
 * the request and gives the keys of the response.  Holds secrets.
 */

typedef struct {
    attest_ohttp_form_e     form;
    attest_ohttp_header_t   header;
    uint8_t                 enc[ATTEST_KEM_MAX_ENC];
    size_t                  enc_len;
    attest_hpke_ctx_t       hpke;
} attest_ohttp_t;


/* All in bytes of plaintext, max_chunks the number, the final one included. */

typedef struct {
    size_t   max_chunk;                     /* the final one too */
    size_t   max_total;
    size_t   max_chunks;
} attest_ohttp_limits_t;


/*
 * Opens a chunked message as it arrives, in place, in the caller's buffer:
 *
 *     buf: | plain bytes, opened | have bytes of a chunk not yet whole | free
 *
 * The caller reads buf[0 .. plain) whenever he likes.  Between calls he may
 * change buf and room for a larger buffer after copying plain + have bytes.
 * The other members are the opener's own; total counts what was opened.
 */

typedef struct {
    uint8_t                *buf;
    size_t                  room;
    size_t                  plain;
    size_t                  have;

    size_t                  total;
    size_t                  chunks;
    attest_ohttp_limits_t   limits;
    attest_hpke_ctx_t      *hpke;           /* a request: borrowed */
    attest_aead_t           aead;           /* a response */
    attest_varint_t         prefix;
    size_t                  need;           /* of the chunk that arrives */
    int                     state;
    int                     rc;             /* the first error, kept */
} attest_ohttp_opener_t;


/* Seals a response, or a client's chunked request. Holds a secret. */

typedef struct {
    attest_ohttp_form_e   form;
    attest_hpke_ctx_t    *hpke;             /* a request: borrowed */
    attest_aead_t         aead;             /* a response */
    uint64_t              sealed;           /* bytes, streaming only */
    unsigned              started:1;
    unsigned              ended:1;
} attest_ohttp_sealer_t;


/*
 * A request's Content-Type.  Either case, blanks around it ignored; these
 * types have no parameters.  ATTEST_EMISMATCH: neither of the two (415).
 */
int attest_ohttp_request_type(const uint8_t *p, size_t n,
    attest_ohttp_form_e *form);

/* The 7 bytes; ATTEST_EFORMAT when n is less. Any identifier passes. */
int attest_ohttp_parse_header(const uint8_t *p, size_t n,
    attest_ohttp_header_t *h);

/*
 * Any split of the input: *used of n bytes were taken; head->whole says that
 * all is there, the rest of the input is ciphertext.  ATTEST_EUNSUPPORTED: a
 * KEM that we lack, so the length of enc is unknown.
 */
int attest_ohttp_head_feed(attest_ohttp_head_t *head, const uint8_t *p,
    size_t n, size_t *used);

/*
 * The member of kc[count] with the header's key id, KEM and suite.  Only what
 * a published configuration lists is accepted.  ATTEST_EMISMATCH: none.
 */
int attest_ohttp_select(const attest_ohttp_header_t *h,
    const attest_keyconfig_t *kc, size_t count, size_t *which);

/*
 * Gateway: decapsulates.  kc is what the key is published as; the header is
 * checked against it again (ATTEST_EMISMATCH).  ATTEST_EFORMAT: the head is
 * not whole.  ATTEST_ECRYPTO: enc is refused.  After success o is cleared
 * with attest_ohttp_clear(); o->enc is the request's unique name for a replay
 * store (insert it after a successful open, not before).
 */
int attest_ohttp_recipient(attest_ohttp_t *o, attest_ohttp_form_e form,
    const attest_keyconfig_t *kc, const attest_kem_key_t *key,
    const attest_ohttp_head_t *head);

/*
 * Client: encapsulates to kc with one of its suites.  ephemeral NULL draws a
 * fresh key; published vectors give one.  head: ATTEST_OHTTP_HEADER_LEN +
 * o->enc_len bytes to send first, *head_len in: the room, out: the length.
 */
int attest_ohttp_sender(attest_ohttp_t *o, attest_ohttp_form_e form,
    const attest_keyconfig_t *kc, uint16_t kdf, uint16_t aead,
    const attest_kem_key_t *ephemeral, uint8_t *head, size_t *head_len);
/* With tools as attest_hpke_setup_sender_with() has them. */
int attest_ohttp_sender_with(attest_ohttp_t *o, attest_kem_tools_t *tools,
    attest_ohttp_form_e form, const attest_keyconfig_t *kc, uint16_t kdf,
    uint16_t aead, uint8_t *head, size_t *head_len);

void attest_ohttp_clear(attest_ohttp_t *o);

/*
 * Gateway: the whole ciphertext of a request that is not chunked.  pt holds
 * n - 16 bytes; pt == ct is allowed, partial overlap is not.  ATTEST_ECRYPTO:
 * refused, pt wiped.  Works once.
 */
int attest_ohttp_open_request(attest_ohttp_t *o, const uint8_t *ct, size_t n,
    uint8_t *pt);
/* Client: ct holds n + 16 bytes; ct == pt is allowed. Works once. */
int attest_ohttp_seal_request(attest_ohttp_t *o, const uint8_t *pt, size_t n,
    uint8_t *ct);

/* Length of a response's nonce, max(Nn, Nk): 16 or 32; 0: unknown AEAD. */
size_t attest_ohttp_nonce_len(uint16_t aead);

/*
 * The AEAD of the response, RFC 9458 section 4.4.  nonce holds
 * attest_ohttp_nonce_len() bytes: random, fresh for each response, and sent
 * before everything else.  seal: 1 gateway, 0 client.
 */
int attest_ohttp_response(attest_aead_t *aead, const attest_ohttp_t *o,
    const uint8_t *nonce, int seal);

/*
 * Client: a whole response that is not chunked, nonce | ciphertext.  pt holds
 * n - nonce - 16 bytes; it may be the ciphertext's own place.  *len: how many
 * were written.  ATTEST_EFORMAT: shorter than a nonce and a tag.
 */
int attest_ohttp_open_response(const attest_ohttp_t *o, const uint8_t *msg,
    size_t n, uint8_t *pt, size_t *len);


/*
 * Openers.  For requests o must outlive the opener.  Room for max_chunk + 16
 * bytes is always enough when everything is taken between calls; a caller
 * that takes nothing needs max_total + 16.
 */
int attest_ohttp_opener_request(attest_ohttp_opener_t *op, attest_ohttp_t *o,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room);
/* Client: nonce is the beginning of the response, which was cut off. */
int attest_ohttp_opener_response(attest_ohttp_opener_t *op,
    const attest_ohttp_t *o, const uint8_t *nonce,
    const attest_ohttp_limits_t *limits, uint8_t *buf, size_t room);

/*
 * Any split of the input gives the same result.  Opens every chunk that is
 * whole.  in may lie in the memory of buf when it begins at or behind
 * plain + have (opening a buffered message in its own place).
 *
 * ATTEST_OK        *used == n
 * ATTEST_ENOSPACE  *used < n and room is used up: take, or give a larger
 *                  buffer, then feed the rest; not an error of the message
 * ATTEST_ECRYPTO   a tag, an empty chunk that is not final, a chunk too
 *                  short for a tag
 * ATTEST_ELIMIT    a limit, before the bytes above it were read
 * ATTEST_EARG      after finish()
 *
 * Errors stay; nothing unauthenticated is left in buf.  What was opened
 * before stays there until attest_ohttp_opener_clear().
 */
int attest_ohttp_opener_feed(attest_ohttp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used);

/* The first n of the plain bytes were used: wiped, what follows moves down. */
int attest_ohttp_opener_take(attest_ohttp_opener_t *op, size_t n);

/* Only the first n are of use: others are wiped, what follows moves down. */
int attest_ohttp_opener_keep(attest_ohttp_opener_t *op, size_t n);

/*
 * The HTTP message ended, cleanly: opens the final chunk, whose length only
 * the end tells.  ATTEST_EFORMAT: the message was cut before its final chunk.
 * ATTEST_ECRYPTO: the final chunk was cut, changed or followed by something.
 */
int attest_ohttp_opener_finish(attest_ohttp_opener_t *op);

/* Wipes the state and plain + have bytes of buf; buf stays the caller's. */
void attest_ohttp_opener_clear(attest_ohttp_opener_t *op);


/* Gateway: of o's form. nonce as for attest_ohttp_response(). */
int attest_ohttp_sealer_response(attest_ohttp_sealer_t *s,
    const attest_ohttp_t *o, const uint8_t *nonce);
/* Client, chunked requests only (ATTEST_EARG); o must outlive the sealer. */
int attest_ohttp_sealer_request(attest_ohttp_sealer_t *s, attest_ohttp_t *o);

/*
 * Response that is not chunked, sealed while it is produced: out gets n
 * bytes for n bytes; out == pt is allowed.  The end writes the tag.  Without
 * it the client refuses everything: a broken backend must not reach it.
 */
int attest_ohttp_stream_seal(attest_ohttp_sealer_t *s, const uint8_t *pt,
    size_t n, uint8_t *out);
int attest_ohttp_stream_end(attest_ohttp_sealer_t *s,
    uint8_t tag[ATTEST_OHTTP_TAG_LEN]);

/* Bytes that attest_ohttp_seal_chunk() puts before a ciphertext: 1, 2 or 4. */
size_t attest_ohttp_chunk_prefix(size_t n);

/*
 * One chunk of 1 .. ATTEST_OHTTP_MAX_CHUNK bytes (ATTEST_EARG, ATTEST_ELIMIT).
 * out holds n + ATTEST_OHTTP_OVERHEAD bytes, *len of them were written.  In
 * place: pt == out + attest_ohttp_chunk_prefix(n); no other overlap.
 */
int attest_ohttp_seal_chunk(attest_ohttp_sealer_t *s, const uint8_t *pt,
    size_t n, uint8_t *out, size_t *len);
/*
 * The final chunk, 0 .. ATTEST_OHTTP_MAX_CHUNK bytes, prefix always 1.  Only
 * when the response is known to be complete.  Nothing can be sealed behind.
 */
int attest_ohttp_seal_final(attest_ohttp_sealer_t *s, const uint8_t *pt,
    size_t n, uint8_t *out, size_t *len);

void attest_ohttp_sealer_clear(attest_ohttp_sealer_t *s);


#endif /* ATTEST_OHTTP_H_INCLUDED */
