/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client's side of the encrypted formats, for bench.c: EHBP, Oblivious
 * HTTP, and chunked Oblivious HTTP.
 */


#ifndef BENCH_SEAL_H_INCLUDED
#define BENCH_SEAL_H_INCLUDED


#include "core/prompt/attest_ehbp.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/prompt/attest_ohttp.h"


/* What sealing adds to a request at most. */
#define SEAL_ROOM  2048
/* Of a piece of a response. */
#define SEAL_PIECE  65536


typedef enum {
    SEAL_EHBP = 0,
    SEAL_OHTTP,
    SEAL_CHUNKED
} seal_form_e;


typedef struct {
    seal_form_e         form;
    uint8_t             bytes[256];
    attest_keyconfig_t  config;          /* in bytes */
    uint16_t            aead;
} seal_key_t;


/* One exchange. */

typedef struct {
    const seal_key_t      *key;

    attest_hpke_ctx_t      ehbp;
    uint8_t                enc[ATTEST_EHBP_ENC_LEN];
    attest_aead_t          aead;

    attest_ohttp_t         ohttp;
    attest_ohttp_opener_t  opener;
    uint8_t                nonce[ATTEST_OHTTP_MAX_NONCE];
    size_t                 nonce_len;
    int                    begun;
    uint8_t                first[4];     /* bytes of Binary HTTP */
    size_t                 got;

    uint8_t               *in;           /* SEAL_PIECE each */
    uint8_t               *out;
    size_t                 have;
} seal_t;


/* Gets what was opened of a response. */
typedef void (*seal_piece_pt)(void *data, char *p, size_t n);


/*
 * "ehbp:", "ohttp:" or "chunked:" and a bare key configuration in hex; with
 * "+N" behind the form, AEAD N of it.  0, or -1.
 */
int seal_key(seal_key_t *key, const char *text);

/*
 * Seals a request with n bytes of content into out, which has SEAL_ROOM more
 * bytes than content; *len: how many.  fields go inside, or nowhere (EHBP):
 * "Name: value", each with CRLF.
 */
int seal_request(seal_t *s, const seal_key_t *key, const char *fields,
    const uint8_t *content, size_t n, uint8_t *out, size_t *len);
/* After the response's header: nonce is EHBP's, in hex. */
int seal_response(seal_t *s, const char *nonce);
/* Any piece of the body; n at most SEAL_PIECE. */
int seal_feed(seal_t *s, const uint8_t *p, size_t n, seal_piece_pt piece,
    void *data);
/* The body ended; -1 when the response is not complete. */
int seal_finish(seal_t *s, seal_piece_pt piece, void *data);
void seal_clear(seal_t *s);

#endif /* BENCH_SEAL_H_INCLUDED */
