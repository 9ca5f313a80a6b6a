/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client's side of the encrypted formats, for bench.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_bhttp.h"

#include "seal.h"


#define AUTHORITY   "localhost"
#define PATH        "/inner"
#define FIELDS_MAX  4


static int put_fields(attest_bhttp_encoder_t *e, const char *text);
static int put_request(attest_bhttp_encoder_t *e, const char *fields,
    const uint8_t *content, size_t n);
static int request_ehbp(seal_t *s, const uint8_t *content, size_t n,
    uint8_t *out, size_t *len);
static int request_ohttp(seal_t *s, const char *fields,
    const uint8_t *content, size_t n, uint8_t *out, size_t *len);
static int feed_ehbp(seal_t *s, seal_piece_pt piece, void *data);
static int feed_chunked(seal_t *s, const uint8_t *p, size_t n,
    seal_piece_pt piece, void *data);
static int opened(seal_t *s, uint8_t *p, size_t n, seal_piece_pt piece,
    void *data);
static int hex_bytes(const char *hex, uint8_t *out, size_t room, size_t *n);
static attest_span_t span(const char *text);


int
seal_key(seal_key_t *key, const char *text)
{
    size_t       i, n;
    const char  *hex = strchr(text, ':');

    static const char  *forms[] = { "ehbp", "ohttp", "chunked" };

    memset(key, 0, sizeof(seal_key_t));

    for (i = 0; i < 3; i++) {
        n = strlen(forms[i]);
        if (strncmp(text, forms[i], n) == 0
            && (text[n] == ':' || text[n] == '+'))
        {
            break;
        }
    }

    if (i == 3 || hex == NULL) {
        return -1;
    }

    key->form = (seal_form_e) i;
    text += strlen(forms[i]);

    if (hex_bytes(hex + 1, key->bytes, sizeof(key->bytes), &n) != 0
        || attest_keyconfig_parse(key->bytes, n, &key->config) != ATTEST_OK
        || key->config.nsuites == 0)
    {
        return -1;
    }

    key->aead = text[0] == '+' ? (uint16_t) atoi(text + 1)
                               : key->config.suites[0].aead;
    return 0;
}


static int
hex_bytes(const char *hex, uint8_t *out, size_t room, size_t *n)
{
    unsigned  byte;

    for (*n = 0; hex[0] != '\0'; hex += 2) {
        if (*n == room || sscanf(hex, "%2x", &byte) != 1 || hex[1] == '\0') {
            return -1;
        }
        out[(*n)++] = (uint8_t) byte;
    }

    return 0;
}


static attest_span_t
span(const char *text)
{
    attest_span_t  s;

    s.p = (const uint8_t *) text;
    s.n = strlen(text);
    return s;
}


int
seal_request(seal_t *s, const seal_key_t *key, const char *fields,
    const uint8_t *content, size_t n, uint8_t *out, size_t *len)
{
    memset(s, 0, sizeof(seal_t));
    s->key = key;

    if (key->form == SEAL_EHBP) {
        return request_ehbp(s, content, n, out, len);
    }

    return request_ohttp(s, fields, content, n, out, len);
}


static int
request_ehbp(seal_t *s, const uint8_t *content, size_t n, uint8_t *out,
    size_t *len)
{
    *len = n + ATTEST_EHBP_OVERHEAD;

    return attest_ehbp_client(&s->ehbp, s->key->config.pk.p,
                              s->key->config.pk.n, s->enc) == ATTEST_OK
           && attest_ehbp_client_seal(&s->ehbp, content, n, out) == ATTEST_OK
           ? 0 : -1;
}


static int
request_ohttp(seal_t *s, const char *fields, const uint8_t *content, size_t n,
    uint8_t *out, size_t *len)
{
    size_t                  used, room = 256;
    uint8_t                *plain;
    attest_ohttp_form_e     form;
    attest_ohttp_sealer_t   sealer;
    attest_bhttp_encoder_t  e;

    form = s->key->form == SEAL_CHUNKED ? ATTEST_OHTTP_CHUNKED
                                        : ATTEST_OHTTP_WHOLE;
    plain = malloc(n + SEAL_ROOM);

    if (plain == NULL
        || attest_bhttp_encoder_init(&e, ATTEST_BHTTP_REQUEST_KNOWN, plain,
                                     n + SEAL_ROOM / 2) != ATTEST_OK
        || put_request(&e, fields, content, n) != ATTEST_OK
        || attest_ohttp_sender(&s->ohttp, form, &s->key->config,
                               ATTEST_KDF_HKDF_SHA256, s->key->aead, NULL,
                               out, &room) != ATTEST_OK)
    {
        free(plain);
        return -1;
    }

    if (form == ATTEST_OHTTP_WHOLE) {
        n = attest_ohttp_seal_request(&s->ohttp, plain, e.len, out + room)
            == ATTEST_OK ? e.len + ATTEST_OHTTP_TAG_LEN : 0;
        *len = room + n;
        free(plain);
        return n != 0 ? 0 : -1;
    }

    *len = room;
    if (attest_ohttp_sealer_request(&sealer, &s->ohttp) != ATTEST_OK) {
        free(plain);
        return -1;
    }

    /* chunks of 16 KiB, as other clients make them */

    for (n = 0; e.len - n > ATTEST_OHTTP_MAX_CHUNK;
         n += ATTEST_OHTTP_MAX_CHUNK)
    {
        if (attest_ohttp_seal_chunk(&sealer, plain + n,
                                    ATTEST_OHTTP_MAX_CHUNK, out + *len, &used)
            != ATTEST_OK)
        {
            free(plain);
            return -1;
        }
        *len += used;
    }

    used = 0;
    (void) attest_ohttp_seal_final(&sealer, plain + n, e.len - n, out + *len,
                                   &used);
    *len += used;
    free(plain);
    return used != 0 ? 0 : -1;
}


static int
put_request(attest_bhttp_encoder_t *e, const char *fields,
    const uint8_t *content, size_t n)
{
    int                     rc;
    attest_bhttp_request_t  q;

    memset(&q, 0, sizeof(q));
    q.method = span("POST");
    q.scheme = span("https");
    q.authority = span(AUTHORITY);
    q.path = span(PATH);

    rc = attest_bhttp_put_request(e, &q);
    if (rc == ATTEST_OK) {
        rc = put_fields(e, fields);
    }
    if (rc == ATTEST_OK) {
        rc = attest_bhttp_put_content_whole(e, content, n);
    }
    if (rc == ATTEST_OK) {
        rc = attest_bhttp_put_fields(e, NULL, 0);
    }

    return rc;
}


static int
put_fields(attest_bhttp_encoder_t *e, const char *text)
{
    size_t                count;
    const char           *colon, *end;
    attest_bhttp_field_t  fields[FIELDS_MAX];

    fields[0].name = span("content-type");
    fields[0].value = span("application/json");

    for (count = 1; *text != '\0'; count++, text = end + 2) {
        colon = strchr(text, ':');
        end = strchr(text, '\r');
        if (count == FIELDS_MAX || colon == NULL || end == NULL) {
            return ATTEST_EARG;
        }
        fields[count].name.p = (const uint8_t *) text;
        fields[count].name.n = (size_t) (colon - text);
        fields[count].value.p = (const uint8_t *) colon + 2;
        fields[count].value.n = (size_t) (end - colon - 2);
    }

    return attest_bhttp_put_fields(e, fields, count);
}


int
seal_response(seal_t *s, const char *nonce)
{
    size_t   n;
    uint8_t  bytes[ATTEST_EHBP_NONCE_LEN];

    s->in = malloc(SEAL_PIECE);
    s->out = malloc(SEAL_PIECE);

    if (s->in == NULL || s->out == NULL) {
        return -1;
    }

    if (s->key->form != SEAL_EHBP) {
        s->nonce_len = attest_ohttp_nonce_len(s->key->aead);
        return 0;
    }

    if (hex_bytes(nonce, bytes, sizeof(bytes), &n) != 0 || n != sizeof(bytes))
    {
        return -1;
    }

    return attest_ehbp_response(&s->aead, &s->ehbp, s->enc, bytes, 0)
           == ATTEST_OK ? 0 : -1;
}


int
seal_feed(seal_t *s, const uint8_t *p, size_t n, seal_piece_pt piece,
    void *data)
{
    if (s->key->form == SEAL_CHUNKED) {
        return feed_chunked(s, p, n, piece, data);
    }

    if (n > SEAL_PIECE - s->have) {
        return -1;
    }

    memcpy(s->in + s->have, p, n);
    s->have += n;

    return s->key->form == SEAL_EHBP ? feed_ehbp(s, piece, data) : 0;
}


static int
feed_ehbp(seal_t *s, seal_piece_pt piece, void *data)
{
    int     marker;
    size_t  used, len;

    do {
        if (attest_ehbp_client_open(&s->aead, s->in, s->have, SEAL_PIECE,
                                    s->out, &len, &used, &marker)
            != ATTEST_OK)
        {
            return -1;
        }

        if (used > 0) {
            piece(data, (char *) s->out, len);
            s->have -= used;
            memmove(s->in, s->in + used, s->have);
        }
    } while (used > 0 && s->have > 0);

    return 0;
}


static int
feed_chunked(seal_t *s, const uint8_t *p, size_t n, seal_piece_pt piece,
    void *data)
{
    size_t                 used;
    attest_ohttp_limits_t  limits = { 16384, SIZE_MAX / 4, SIZE_MAX / 4 };

    while (n > 0 && s->have < s->nonce_len) {
        s->nonce[s->have++] = *p++;
        n--;
    }

    if (s->have < s->nonce_len) {
        return 0;
    }

    if (!s->begun) {
        s->begun = 1;
        if (attest_ohttp_opener_response(&s->opener, &s->ohttp, s->nonce,
                                         &limits, s->out, SEAL_PIECE)
            != ATTEST_OK)
        {
            return -1;
        }
    }

    while (n > 0) {
        if (attest_ohttp_opener_feed(&s->opener, p, n, &used) != ATTEST_OK) {
            return -1;
        }

        if (opened(s, s->out, s->opener.plain, piece, data) != 0) {
            return -1;
        }

        attest_ohttp_opener_take(&s->opener, s->opener.plain);
        p += used;
        n -= used;
    }

    return 0;
}


/* Binary HTTP: a response of either framing, which begins with a 200. */
static int
opened(seal_t *s, uint8_t *p, size_t n, seal_piece_pt piece, void *data)
{
    size_t  i;

    for (i = 0; i < n && s->got < sizeof(s->first); i++) {
        s->first[s->got++] = p[i];
    }

    if (s->got == sizeof(s->first)
        && ((s->first[0] != 1 && s->first[0] != 3) || s->first[1] != 0x40
            || s->first[2] != 200))
    {
        return -1;
    }

    piece(data, (char *) p, n);
    return 0;
}


int
seal_finish(seal_t *s, seal_piece_pt piece, void *data)
{
    size_t  len = 0;

    switch (s->key->form) {
    case SEAL_EHBP:
        return s->have == 0 ? 0 : -1;

    case SEAL_OHTTP:
        if (attest_ohttp_open_response(&s->ohttp, s->in, s->have, s->out,
                                       &len) != ATTEST_OK)
        {
            return -1;
        }
        break;

    default:
        if (!s->begun || attest_ohttp_opener_finish(&s->opener) != ATTEST_OK)
        {
            return -1;
        }
        len = s->opener.plain;
    }

    return opened(s, s->out, len, piece, data) == 0
           && s->got == sizeof(s->first) ? 0 : -1;
}


void
seal_clear(seal_t *s)
{
    if (s->begun) {
        attest_ohttp_opener_clear(&s->opener);
    }

    attest_ohttp_clear(&s->ohttp);
    attest_aead_clear(&s->aead);
    attest_hpke_ctx_clear(&s->ehbp);
    free(s->in);
    free(s->out);
    memset(s, 0, sizeof(seal_t));
}
