/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OHTTP: the head of a request, which key it is for, and messages that are
 * whole.
 */


#include <string.h>
#include <strings.h>

#include "core/prompt/attest_ohttp.h"
#include "core/base/attest_wire.h"


#define ATTEST_OHTTP_INFO            "message/bhttp request"
#define ATTEST_OHTTP_INFO_CHUNKED    "message/bhttp chunked request"
#define ATTEST_OHTTP_EXPORT          "message/bhttp response"
#define ATTEST_OHTTP_EXPORT_CHUNKED  "message/bhttp chunked response"

/* The longest info: label, 0, header. */
#define ATTEST_OHTTP_MAX_INFO        (sizeof(ATTEST_OHTTP_INFO_CHUNKED)      \
                                      + ATTEST_OHTTP_HEADER_LEN)


static bool attest_ohttp_is(attest_span_t s, const char *type, size_t len);
static void attest_ohttp_put_header(uint8_t *p,
    const attest_ohttp_header_t *h);
static size_t attest_ohttp_info(attest_ohttp_form_e form,
    const attest_ohttp_header_t *h, uint8_t info[ATTEST_OHTTP_MAX_INFO]);
static bool attest_ohttp_offered(const attest_ohttp_header_t *h,
    const attest_keyconfig_t *kc);
static int attest_ohttp_sender_init(attest_ohttp_t *o,
    attest_ohttp_form_e form, const attest_keyconfig_t *kc, uint16_t kdf,
    uint16_t aead, size_t room);
static int attest_ohttp_sender_head(attest_ohttp_t *o, int rc, uint8_t *head,
    size_t *head_len);


static bool
attest_ohttp_is(attest_span_t s, const char *type, size_t len)
{
    return s.n == len && strncasecmp((const char *) s.p, type, len) == 0;
}


int
attest_ohttp_request_type(const uint8_t *p, size_t n,
    attest_ohttp_form_e *form)
{
    attest_span_t  s = { p, n };

    while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }

    while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    if (attest_ohttp_is(s, ATTEST_OHTTP_TYPE_REQ,
                        sizeof(ATTEST_OHTTP_TYPE_REQ) - 1))
    {
        *form = ATTEST_OHTTP_WHOLE;
        return ATTEST_OK;
    }

    if (attest_ohttp_is(s, ATTEST_OHTTP_TYPE_CHUNKED_REQ,
                        sizeof(ATTEST_OHTTP_TYPE_CHUNKED_REQ) - 1))
    {
        *form = ATTEST_OHTTP_CHUNKED;
        return ATTEST_OK;
    }

    return ATTEST_EMISMATCH;
}


int
attest_ohttp_parse_header(const uint8_t *p, size_t n,
    attest_ohttp_header_t *h)
{
    memset(h, 0, sizeof(*h));

    if (n < ATTEST_OHTTP_HEADER_LEN) {
        return ATTEST_EFORMAT;
    }

    h->key_id = p[0];
    h->suite.kem = attest_wire_get_be16(p + 1);
    h->suite.kdf = attest_wire_get_be16(p + 3);
    h->suite.aead = attest_wire_get_be16(p + 5);

    return ATTEST_OK;
}


int
attest_ohttp_head_feed(attest_ohttp_head_t *head, const uint8_t *p, size_t n,
    size_t *used)
{
    size_t  want = ATTEST_OHTTP_HEADER_LEN, enc, piece;

    *used = 0;

    while (!head->whole) {

        if (head->len >= ATTEST_OHTTP_HEADER_LEN) {
            attest_ohttp_parse_header(head->bytes, head->len, &head->header);

            enc = attest_kem_enc_len(head->header.suite.kem);
            if (enc == 0 || enc > ATTEST_KEM_MAX_ENC) {
                return ATTEST_EUNSUPPORTED;
            }

            want = ATTEST_OHTTP_HEADER_LEN + enc;
        }

        if (head->len == want) {
            head->whole = 1;
            break;
        }

        if (*used == n) {
            break;
        }

        piece = want - head->len < n - *used ? want - head->len : n - *used;

        memcpy(head->bytes + head->len, p + *used, piece);
        head->len += piece;
        *used += piece;
    }

    return ATTEST_OK;
}


/* RFC 9458 section 4.3: what the configuration does not list is refused. */

static bool
attest_ohttp_offered(const attest_ohttp_header_t *h,
    const attest_keyconfig_t *kc)
{
    size_t  i;

    if (kc->id != h->key_id || kc->kem != h->suite.kem) {
        return 0;
    }

    for (i = 0; i < kc->nsuites; i++) {
        if (kc->suites[i].kdf == h->suite.kdf
            && kc->suites[i].aead == h->suite.aead)
        {
            return 1;
        }
    }

    return 0;
}


int
attest_ohttp_select(const attest_ohttp_header_t *h,
    const attest_keyconfig_t *kc, size_t count, size_t *which)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (attest_ohttp_offered(h, &kc[i])) {
            *which = i;
            return ATTEST_OK;
        }
    }

    return ATTEST_EMISMATCH;
}


static void
attest_ohttp_put_header(uint8_t *p, const attest_ohttp_header_t *h)
{
    *p++ = h->key_id;
    p = attest_wire_put_be16(p, h->suite.kem);
    p = attest_wire_put_be16(p, h->suite.kdf);
    (void) attest_wire_put_be16(p, h->suite.aead);
}


/* RFC 9458 section 4.3, and the chunked draft: label, 0, header. */

static size_t
attest_ohttp_info(attest_ohttp_form_e form, const attest_ohttp_header_t *h,
    uint8_t info[ATTEST_OHTTP_MAX_INFO])
{
    size_t       n;
    const char  *label;

    label = form == ATTEST_OHTTP_CHUNKED ? ATTEST_OHTTP_INFO_CHUNKED
                                         : ATTEST_OHTTP_INFO;

    /* the 0 behind the label is part of it */
    n = strlen(label) + 1;
    memcpy(info, label, n);
    attest_ohttp_put_header(info + n, h);

    return n + ATTEST_OHTTP_HEADER_LEN;
}


int
attest_ohttp_recipient(attest_ohttp_t *o, attest_ohttp_form_e form,
    const attest_keyconfig_t *kc, const attest_kem_key_t *key,
    const attest_ohttp_head_t *head)
{
    int      rc;
    size_t   n;
    uint8_t  info[ATTEST_OHTTP_MAX_INFO];

    memset(o, 0, sizeof(*o));

    if (!head->whole) {
        return ATTEST_EFORMAT;
    }

    if (!attest_ohttp_offered(&head->header, kc)) {
        return ATTEST_EMISMATCH;
    }

    o->form = form;
    o->header = head->header;
    o->enc_len = head->len - ATTEST_OHTTP_HEADER_LEN;
    memcpy(o->enc, head->bytes + ATTEST_OHTTP_HEADER_LEN, o->enc_len);

    n = attest_ohttp_info(form, &o->header, info);

    rc = attest_hpke_setup_recipient(&o->hpke, &o->header.suite, key, o->enc,
                                     o->enc_len, info, n);
    if (rc != ATTEST_OK) {
        attest_ohttp_clear(o);
    }

    return rc;
}


int
attest_ohttp_sender(attest_ohttp_t *o, attest_ohttp_form_e form,
    const attest_keyconfig_t *kc, uint16_t kdf, uint16_t aead,
    const attest_kem_key_t *ephemeral, uint8_t *head, size_t *head_len)
{
    int      rc;
    size_t   n;
    uint8_t  info[ATTEST_OHTTP_MAX_INFO];

    rc = attest_ohttp_sender_init(o, form, kc, kdf, aead, *head_len);
    if (rc != ATTEST_OK) {
        return rc;
    }

    n = attest_ohttp_info(form, &o->header, info);

    rc = attest_hpke_setup_sender(&o->hpke, &o->header.suite, kc->pk.p,
                                  kc->pk.n, ephemeral, info, n, o->enc);

    return attest_ohttp_sender_head(o, rc, head, head_len);
}


int
attest_ohttp_sender_with(attest_ohttp_t *o, attest_kem_tools_t *tools,
    attest_ohttp_form_e form, const attest_keyconfig_t *kc, uint16_t kdf,
    uint16_t aead, uint8_t *head, size_t *head_len)
{
    int      rc;
    size_t   n;
    uint8_t  info[ATTEST_OHTTP_MAX_INFO];

    rc = attest_ohttp_sender_init(o, form, kc, kdf, aead, *head_len);
    if (rc != ATTEST_OK) {
        return rc;
    }

    n = attest_ohttp_info(form, &o->header, info);

    rc = attest_hpke_setup_sender_with(&o->hpke, tools, &o->header.suite,
                                       kc->pk, attest_span(info, n), o->enc);

    return attest_ohttp_sender_head(o, rc, head, head_len);
}


/* What is sealed to, and whether it can be; room is that of the head. */

static int
attest_ohttp_sender_init(attest_ohttp_t *o, attest_ohttp_form_e form,
    const attest_keyconfig_t *kc, uint16_t kdf, uint16_t aead, size_t room)
{
    memset(o, 0, sizeof(*o));

    o->form = form;
    o->header.key_id = kc->id;
    o->header.suite.kem = kc->kem;
    o->header.suite.kdf = kdf;
    o->header.suite.aead = aead;
    o->enc_len = attest_kem_enc_len(kc->kem);

    if (!attest_ohttp_offered(&o->header, kc)) {
        return ATTEST_EMISMATCH;
    }

    if (o->enc_len == 0 || o->enc_len > ATTEST_KEM_MAX_ENC) {
        return ATTEST_EUNSUPPORTED;
    }

    return room < ATTEST_OHTTP_HEADER_LEN + o->enc_len ? ATTEST_ENOSPACE
                                                       : ATTEST_OK;
}


/* rc: of what has set the context up. */

static int
attest_ohttp_sender_head(attest_ohttp_t *o, int rc, uint8_t *head,
    size_t *head_len)
{
    if (rc != ATTEST_OK) {
        attest_ohttp_clear(o);
        return rc;
    }

    attest_ohttp_put_header(head, &o->header);
    memcpy(head + ATTEST_OHTTP_HEADER_LEN, o->enc, o->enc_len);
    *head_len = ATTEST_OHTTP_HEADER_LEN + o->enc_len;

    return ATTEST_OK;
}


void
attest_ohttp_clear(attest_ohttp_t *o)
{
    /* which wipes: nothing else here is secret */
    attest_hpke_ctx_clear(&o->hpke);

    memset(o, 0, sizeof(*o));
}


int
attest_ohttp_open_request(attest_ohttp_t *o, const uint8_t *ct, size_t n,
    uint8_t *pt)
{
    if (o->form != ATTEST_OHTTP_WHOLE || o->hpke.cipher == NULL
        || o->hpke.seq != 0)
    {
        return ATTEST_EARG;
    }

    return attest_hpke_open(&o->hpke, NULL, 0, ct, n, pt);
}


int
attest_ohttp_seal_request(attest_ohttp_t *o, const uint8_t *pt, size_t n,
    uint8_t *ct)
{
    if (o->form != ATTEST_OHTTP_WHOLE || o->hpke.cipher == NULL
        || o->hpke.seq != 0)
    {
        return ATTEST_EARG;
    }

    return attest_hpke_seal(&o->hpke, NULL, 0, pt, n, ct);
}


size_t
attest_ohttp_nonce_len(uint16_t aead)
{
    size_t  nk = attest_aead_key_len(aead);

    if (nk == 0) {
        return 0;
    }

    return nk > ATTEST_HPKE_NN ? nk : ATTEST_HPKE_NN;
}


int
attest_ohttp_response(attest_aead_t *aead, const attest_ohttp_t *o,
    const uint8_t *nonce, int seal)
{
    size_t         n;
    uint8_t        salt[ATTEST_KEM_MAX_ENC + ATTEST_OHTTP_MAX_NONCE];
    attest_span_t  label, s;

    memset(aead, 0, sizeof(*aead));

    n = attest_ohttp_nonce_len(o->header.suite.aead);
    if (n == 0 || o->enc_len == 0) {
        return ATTEST_EARG;
    }

    memcpy(salt, o->enc, o->enc_len);
    memcpy(salt + o->enc_len, nonce, n);
    s = attest_span(salt, o->enc_len + n);

    if (o->form == ATTEST_OHTTP_CHUNKED) {
        label = attest_span_literal(ATTEST_OHTTP_EXPORT_CHUNKED);

    } else {
        label = attest_span_literal(ATTEST_OHTTP_EXPORT);
    }

    return attest_hpke_response(aead, &o->hpke, label, n, s, seal);
}


int
attest_ohttp_open_response(const attest_ohttp_t *o, const uint8_t *msg,
    size_t n, uint8_t *pt, size_t *len)
{
    int            rc;
    size_t         nn = attest_ohttp_nonce_len(o->header.suite.aead);
    attest_aead_t  aead;

    *len = 0;

    if (o->form != ATTEST_OHTTP_WHOLE || nn == 0) {
        return ATTEST_EARG;
    }

    if (n < nn + ATTEST_OHTTP_TAG_LEN) {
        return ATTEST_EFORMAT;
    }

    rc = attest_ohttp_response(&aead, o, msg, 0);

    if (rc == ATTEST_OK) {
        rc = attest_aead_open(&aead, NULL, 0, msg + nn, n - nn, pt);
    }

    if (rc == ATTEST_OK) {
        *len = n - nn - ATTEST_OHTTP_TAG_LEN;
    }

    attest_aead_clear(&aead);

    return rc;
}
