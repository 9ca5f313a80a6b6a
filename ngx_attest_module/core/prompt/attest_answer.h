/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answer to a request in an envelope, opened as its bytes come: EHBP's
 * frames, or Oblivious HTTP with the response inside.  What is opened can be
 * passed on at once, but for a message that is not chunked, of which nothing
 * is known before its end.
 *
 *     buf: | plain bytes, to be passed on | bytes not opened yet | free
 *
 * Everything that is read here may be an attacker's.
 */


#ifndef ATTEST_ANSWER_H_INCLUDED
#define ATTEST_ANSWER_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/prompt/attest_bhttp.h"
#include "core/prompt/attest_envelope.h"


/* Memory for the fields of a response inside. */
#define ATTEST_ANSWER_SCRATCH    (256 + 16384)


/*
 * Of a response inside, in this order; fields of interim responses are not
 * among them.  Names are of small letters; both spans hold only during the
 * call.  Anything but ATTEST_OK ends the answer with that code.
 */

typedef struct {
    int  (*status)(void *data, unsigned status);
    int  (*field)(void *data, attest_span_t name, attest_span_t value,
        int trailer);
    int  (*head)(void *data);
} attest_answer_handler_t;


typedef struct {
    uint8_t                   *buf;          /* the caller's */
    size_t                     room;
    size_t                     plain;
    size_t                     want;         /* room, after ENOSPACE */
    const char                *why;          /* after an error, for logs */
    unsigned                   marked:1;     /* EHBP: the end was said */
    unsigned                   headed:1;     /* OHTTP: head() was called */

    /* the opener's own */
    const attest_envelope_t   *envelope;
    attest_answer_handler_t    handler;
    void                      *data;
    size_t                     limit;        /* of a frame, or of all */
    attest_aead_t              aead;         /* EHBP */
    attest_ohttp_opener_t      opener;       /* OHTTP, chunked */
    attest_bhttp_decoder_t     bhttp;
    uint8_t                    prefix[32];   /* of a frame; the nonce */
    size_t                     prefix_len;
    size_t                     need;         /* of the frame that arrives */
    size_t                     have;
    size_t                     frames;
    size_t                     ready;        /* of plain, decoded */
    unsigned                   interim:1;
    unsigned                   required:1;   /* EHBP's end */
    unsigned                   done:1;
    int                        rc;           /* the first error, kept */
} attest_answer_t;


/*
 * nonce: the value of Ehbp-Response-Nonce.  required: 0 for gateways that do
 * not say the end, whose answers can be cut between two frames.  limit:
 * plaintext of one frame.  ATTEST_EFORMAT: it is no nonce.
 */
int attest_answer_ehbp(attest_answer_t *a, const attest_envelope_t *envelope,
    attest_span_t nonce, int required, size_t limit);

/*
 * limit: plaintext of one chunk, or of an answer that is not chunked.  The
 * caller's scratch has ATTEST_ANSWER_SCRATCH bytes.
 */
int attest_answer_ohttp(attest_answer_t *a,
    const attest_envelope_t *envelope,
    const attest_answer_handler_t *handler, void *data, uint8_t *scratch,
    size_t limit);

/*
 * Any split of the input gives the same result.  in does not lie in buf.
 *
 * ATTEST_OK        *used == n
 * ATTEST_ENOSPACE  pass the plain bytes on and take them; where there are
 *                  none, a buffer of `want` bytes, with what is in this one:
 *                  attest_answer_kept() bytes
 * ATTEST_ECRYPTO   changed on its way
 * ATTEST_EFORMAT   malformed, or something behind the end
 * ATTEST_ELIMIT    a limit
 *
 * Errors stay.  What was opened before is still to be passed on.
 */
int attest_answer_feed(attest_answer_t *a, const uint8_t *in, size_t n,
    size_t *used);
/* All plain bytes were passed on: they are wiped. */
void attest_answer_take(attest_answer_t *a);
/* Bytes of buf in use. */
size_t attest_answer_kept(const attest_answer_t *a);
/*
 * The message ended.  There may be plain bytes after it.  ATTEST_EFORMAT: it
 * is not whole.
 */
int attest_answer_finish(attest_answer_t *a);
/* Wipes the state and buf, which stays the caller's. */
void attest_answer_clear(attest_answer_t *a);


#endif /* ATTEST_ANSWER_H_INCLUDED */
