/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sealing and opening alone: no connection, no format around it.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bare.h"


#define ANSWER_LEN  512


/* One key, and room for what is sealed to it. */

typedef struct {
    attest_kem_key_t  pair;
    seal_key_t        key;
    size_t            size;
    uint8_t          *content;
    uint8_t          *body;
    size_t            len;
    uint8_t          *plain;
    attest_kem_tools_t  *tools;
    uint8_t           nonce[ATTEST_OHTTP_MAX_NONCE];
    uint8_t           answer[ANSWER_LEN + ATTEST_OHTTP_OVERHEAD];
    size_t            answer_len;
} bare_t;


static int bare_init(bare_t *b, seal_form_e form, uint16_t aead, size_t size);
static void bare_clear(bare_t *b);
static uint64_t bare_now(void);

static int bare_gateway_once(bare_t *b, seal_t *s);
static int bare_gateway_ehbp(bare_t *b, const seal_t *s);
static int bare_gateway_open(bare_t *b, const seal_t *s, attest_ohttp_t *o);

static int bare_client_seal(bare_t *b, seal_t *s);
static int bare_client_chunks(bare_t *b, seal_t *s);
static int bare_client_open(bare_t *b, const seal_t *s);
static int bare_client_opened(bare_t *b, const seal_t *s);


static int
bare_init(bare_t *b, seal_form_e form, uint16_t aead, size_t size)
{
    size_t  room;

    memset(b, 0, sizeof(*b));

    b->key.form = form;
    b->key.aead = aead;
    b->size = size;
    b->content = calloc(1, size + 1);
    b->body = malloc(size + SEAL_ROOM);
    b->plain = malloc(size + SEAL_ROOM);
    b->tools = attest_kem_tools_new();

    if (b->content == NULL || b->body == NULL || b->plain == NULL
        || b->tools == NULL
        || attest_kem_key_generate(&b->pair, ATTEST_KEM_X25519) != ATTEST_OK
        || attest_kem_key_prepare(&b->pair) != ATTEST_OK)
    {
        return -1;
    }

    b->key.config.id = 1;
    b->key.config.kem = ATTEST_KEM_X25519;
    b->key.config.pk.p = b->pair.pk;
    b->key.config.pk.n = b->pair.pk_len;
    b->key.config.suites[0].kdf = ATTEST_KDF_HKDF_SHA256;
    b->key.config.suites[0].aead = aead;
    b->key.config.nsuites = 1;
    room = sizeof(b->key.bytes);

    return attest_keyconfig_encode(&b->key.config, b->key.bytes, &room)
           == ATTEST_OK ? 0 : -1;
}


static void
bare_clear(bare_t *b)
{
    attest_kem_key_clear(&b->pair);
    attest_kem_tools_free(b->tools);
    free(b->content);
    free(b->body);
    free(b->plain);
}


static uint64_t
bare_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


double
bare_gateway(seal_form_e form, uint16_t aead, size_t size, long count)
{
    int       rc;
    long      i;
    bare_t    b;
    seal_t    s;
    uint64_t  start, spent = 0;

    rc = bare_init(&b, form, aead, size);

    for (i = 0; rc == 0 && i < count; i++) {
        rc = seal_request(&s, &b.key, "", b.content, size, b.body, &b.len);

        if (rc == 0) {
            start = bare_now();
            rc = bare_gateway_once(&b, &s);
            spent += bare_now() - start;
        }

        seal_clear(&s);
    }

    bare_clear(&b);
    return rc == 0 ? (double) spent / (double) count / 1000 : -1;
}


double
bare_client(seal_form_e form, uint16_t aead, size_t size, long count)
{
    int       rc;
    long      i;
    bare_t    b;
    seal_t    s;
    uint64_t  start, spent = 0;

    rc = bare_init(&b, form, aead, size);

    for (i = 0; rc == 0 && i < count; i++) {
        memset(&s, 0, sizeof(s));
        s.key = &b.key;

        start = bare_now();
        rc = bare_client_seal(&b, &s);
        spent += bare_now() - start;

        if (rc == 0) {
            rc = bare_gateway_once(&b, &s);
        }

        if (rc == 0) {
            start = bare_now();
            rc = bare_client_open(&b, &s);
            spent += bare_now() - start;
        }

        seal_clear(&s);
    }

    bare_clear(&b);
    return rc == 0 ? (double) spent / (double) count / 1000 : -1;
}


/* Of body, which s has sealed; the answer is in b. */
static int
bare_gateway_once(bare_t *b, seal_t *s)
{
    int                     rc;
    attest_ohttp_t          o;
    attest_ohttp_sealer_t   sealer;

    memset(b->answer, 0, sizeof(b->answer));
    b->nonce[0] = 1;
    b->answer_len = ANSWER_LEN + ATTEST_OHTTP_TAG_LEN;

    if (s->key->form == SEAL_EHBP) {
        return bare_gateway_ehbp(b, s);
    }

    rc = bare_gateway_open(b, s, &o);

    if (rc == ATTEST_OK) {
        rc = attest_ohttp_sealer_response(&sealer, &o, b->nonce);
    }

    if (rc != ATTEST_OK) {
        return -1;
    }

    if (s->key->form == SEAL_OHTTP) {
        rc = attest_ohttp_stream_seal(&sealer, b->answer, ANSWER_LEN,
                                      b->answer);
        if (rc == ATTEST_OK) {
            rc = attest_ohttp_stream_end(&sealer, b->answer + ANSWER_LEN);
        }

    } else {
        rc = attest_ohttp_seal_final(&sealer, b->answer + 1, ANSWER_LEN,
                                     b->answer, &b->answer_len);
    }

    attest_ohttp_sealer_clear(&sealer);
    attest_ohttp_clear(&o);
    return rc == ATTEST_OK ? 0 : -1;
}


static int
bare_gateway_open(bare_t *b, const seal_t *s, attest_ohttp_t *o)
{
    int                    rc;
    size_t                 used;
    attest_ohttp_head_t    head;
    attest_ohttp_opener_t  opener;
    attest_ohttp_limits_t  limits = { 16384, SIZE_MAX / 4, SIZE_MAX / 4 };

    memset(&head, 0, sizeof(head));

    rc = attest_ohttp_head_feed(&head, b->body, b->len, &used);

    if (rc != ATTEST_OK
        || attest_ohttp_recipient(o, s->ohttp.form, &s->key->config,
                                  &b->pair, &head) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    if (s->key->form == SEAL_OHTTP) {
        return attest_ohttp_open_request(o, b->body + used, b->len - used,
                                         b->plain);
    }

    rc = attest_ohttp_opener_request(&opener, o, &limits, b->plain,
                                     b->len - used);
    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_feed(&opener, b->body + used,
                                      b->len - used, &used);
    }

    return rc == ATTEST_OK ? attest_ohttp_opener_finish(&opener) : rc;
}


static int
bare_gateway_ehbp(bare_t *b, const seal_t *s)
{
    int                   rc;
    size_t                used;
    attest_aead_t         aead;
    attest_ehbp_opener_t  op;

    const attest_kem_key_t      *pair = &b->pair;
    const attest_ehbp_limits_t   limits = { SIZE_MAX, SIZE_MAX };

    attest_ehbp_opener_init(&op, s->enc, &limits);
    op.keys = &pair;
    op.nkeys = 1;
    op.buf = b->plain;
    op.room = b->len;

    if (attest_ehbp_opener_feed(&op, b->body, b->len, &used) != ATTEST_OK
        || attest_ehbp_opener_finish(&op) != ATTEST_OK)
    {
        attest_ehbp_opener_clear(&op);
        return -1;
    }

    rc = attest_ehbp_response(&aead, &op.hpke, s->enc, b->nonce, 1);
    if (rc == ATTEST_OK) {
        rc = attest_ehbp_seal_frame(&aead, b->plain, ANSWER_LEN, b->answer);
    }

    b->answer_len = ANSWER_LEN + ATTEST_EHBP_OVERHEAD;
    attest_aead_clear(&aead);
    attest_ehbp_opener_clear(&op);
    return rc == ATTEST_OK ? 0 : -1;
}


/* Content alone, to body: as long as it is, in chunks of 16 KiB. */
static int
bare_client_seal(bare_t *b, seal_t *s)
{
    int                  rc;
    size_t               room = b->size + SEAL_ROOM;
    attest_ohttp_form_e  form;

    if (s->key->form == SEAL_EHBP) {
        b->len = b->size + ATTEST_EHBP_OVERHEAD;

        return attest_ehbp_client_with(&s->ehbp, b->tools,
                                       s->key->config.pk, s->enc) == ATTEST_OK
               && attest_ehbp_client_seal(&s->ehbp, b->content, b->size,
                                          b->body) == ATTEST_OK ? 0 : -1;
    }

    form = s->key->form == SEAL_CHUNKED ? ATTEST_OHTTP_CHUNKED
                                        : ATTEST_OHTTP_WHOLE;

    if (attest_ohttp_sender_with(&s->ohttp, b->tools, form, &s->key->config,
                                 ATTEST_KDF_HKDF_SHA256, s->key->aead,
                                 b->body, &room) != ATTEST_OK)
    {
        return -1;
    }

    b->len = room;

    if (form == ATTEST_OHTTP_CHUNKED) {
        return bare_client_chunks(b, s);
    }

    rc = attest_ohttp_seal_request(&s->ohttp, b->content, b->size,
                                   b->body + b->len);
    b->len += b->size + ATTEST_OHTTP_TAG_LEN;

    return rc == ATTEST_OK ? 0 : -1;
}


static int
bare_client_chunks(bare_t *b, seal_t *s)
{
    int                    rc;
    size_t                 n, used;
    attest_ohttp_sealer_t  sealer;

    rc = attest_ohttp_sealer_request(&sealer, &s->ohttp);

    for (n = 0; rc == ATTEST_OK && b->size - n > ATTEST_OHTTP_MAX_CHUNK;
         n += ATTEST_OHTTP_MAX_CHUNK)
    {
        rc = attest_ohttp_seal_chunk(&sealer, b->content + n,
                                     ATTEST_OHTTP_MAX_CHUNK,
                                     b->body + b->len, &used);
        b->len += used;
    }

    if (rc == ATTEST_OK) {
        rc = attest_ohttp_seal_final(&sealer, b->content + n, b->size - n,
                                     b->body + b->len, &used);
        b->len += used;
    }

    attest_ohttp_sealer_clear(&sealer);
    return rc == ATTEST_OK ? 0 : -1;
}


static int
bare_client_open(bare_t *b, const seal_t *s)
{
    int            rc;
    attest_aead_t  aead;

    if (s->key->form == SEAL_CHUNKED) {
        return bare_client_opened(b, s);
    }

    rc = s->key->form == SEAL_EHBP
         ? attest_ehbp_response(&aead, &s->ehbp, s->enc, b->nonce, 0)
         : attest_ohttp_response(&aead, &s->ohttp, b->nonce, 0);

    if (rc == ATTEST_OK) {
        rc = attest_aead_open(&aead, NULL, 0, b->answer
                              + b->answer_len - ANSWER_LEN
                              - ATTEST_OHTTP_TAG_LEN,
                              ANSWER_LEN + ATTEST_OHTTP_TAG_LEN, b->plain);
    }

    attest_aead_clear(&aead);
    return rc == ATTEST_OK ? 0 : -1;
}


static int
bare_client_opened(bare_t *b, const seal_t *s)
{
    int                    rc;
    size_t                 used;
    attest_ohttp_opener_t  opener;
    attest_ohttp_limits_t  limits = { 16384, SIZE_MAX / 4, SIZE_MAX / 4 };

    rc = attest_ohttp_opener_response(&opener, &s->ohttp, b->nonce, &limits,
                                      b->plain, b->size + SEAL_ROOM);
    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_feed(&opener, b->answer, b->answer_len,
                                      &used);
    }

    if (rc == ATTEST_OK) {
        rc = attest_ohttp_opener_finish(&opener);
    }

    attest_ohttp_opener_clear(&opener);
    return rc == ATTEST_OK ? 0 : -1;
}
