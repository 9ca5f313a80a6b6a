/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The item "tsm-report": a report of the CPU and what came with it.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_tsm.h"


/* RFC 8949 section 4.2.1 order of the keys: by length, then bytewise. */

static const char *const  attest_tsm_keys[] = {
    "auxblob", "outblob", "provider", "manifestblob", "service_provider"
};

#define ATTEST_TSM_KEYS  (sizeof(attest_tsm_keys) / sizeof(char *))


static attest_span_t *attest_tsm_field(attest_tsm_t *tsm, size_t i);
static int attest_tsm_read(attest_cbor_reader_t *r, attest_tsm_t *tsm,
    unsigned *seen);
static bool attest_tsm_is_text(size_t i);
static int attest_tsm_check(const attest_tsm_t *tsm);
static bool attest_tsm_is_name(attest_span_t s);


static attest_span_t *
attest_tsm_field(attest_tsm_t *tsm, size_t i)
{
    attest_span_t  *fields[ATTEST_TSM_KEYS] = {
        &tsm->auxblob, &tsm->outblob, &tsm->provider, &tsm->manifestblob,
        &tsm->service_provider
    };

    return fields[i];
}


/* "provider" and "service_provider" are texts, the others byte strings. */

static bool
attest_tsm_is_text(size_t i)
{
    return i == 2 || i == 4;
}


int
attest_tsm_encode(const attest_tsm_t *tsm, uint8_t *out, size_t *len)
{
    char                   text[32];
    size_t                 i, count = 0;
    attest_tsm_t           copy = *tsm;
    attest_span_t         *s;
    attest_cbor_writer_t   w;

    if (attest_tsm_check(tsm) != ATTEST_OK) {
        return ATTEST_EARG;
    }

    for (i = 0; i < ATTEST_TSM_KEYS; i++) {
        count += (attest_tsm_field(&copy, i)->n != 0);
    }

    attest_cbor_writer_init(&w, out, *len);
    attest_cbor_put_map(&w, count);

    for (i = 0; i < ATTEST_TSM_KEYS; i++) {
        s = attest_tsm_field(&copy, i);

        if (s->n == 0) {
            continue;
        }

        attest_cbor_put_text(&w, attest_tsm_keys[i]);

        if (!attest_tsm_is_text(i)) {
            attest_cbor_put_bytes(&w, s->p, s->n);
            continue;
        }

        memcpy(text, s->p, s->n);
        text[s->n] = '\0';
        attest_cbor_put_text(&w, text);
    }

    return attest_cbor_writer_done(&w, len);
}


int
attest_tsm_parse(const uint8_t *p, size_t n, attest_tsm_t *tsm)
{
    int                    rc;
    uint64_t               count;
    unsigned               seen = 0;
    attest_cbor_reader_t   r;

    memset(tsm, 0, sizeof(*tsm));

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    attest_cbor_reader_init(&r, p, n, 0);
    rc = attest_cbor_read_map(&r, &count);

    while (rc == ATTEST_OK && count-- != 0) {
        rc = attest_tsm_read(&r, tsm, &seen);
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r);
    }

    if (rc == ATTEST_OK) {
        rc = attest_tsm_check(tsm);
    }

    if (rc != ATTEST_OK) {
        memset(tsm, 0, sizeof(*tsm));
    }

    return rc;
}


static int
attest_tsm_read(attest_cbor_reader_t *r, attest_tsm_t *tsm, unsigned *seen)
{
    int             rc;
    size_t          i;
    attest_span_t   key;

    rc = attest_cbor_read_text(r, &key);
    if (rc != ATTEST_OK) {
        return rc;
    }

    for (i = 0; i < ATTEST_TSM_KEYS; i++) {
        if (attest_span_is(key, attest_tsm_keys[i])) {
            break;
        }
    }

    if (i == ATTEST_TSM_KEYS || (*seen >> i & 1)) {
        return ATTEST_EFORMAT;
    }

    *seen |= 1u << i;

    return attest_tsm_is_text(i)
           ? attest_cbor_read_text(r, attest_tsm_field(tsm, i))
           : attest_cbor_read_bytes(r, attest_tsm_field(tsm, i));
}


static int
attest_tsm_check(const attest_tsm_t *tsm)
{
    if (tsm->provider.n == 0 || !attest_tsm_is_name(tsm->provider)
        || !attest_tsm_is_name(tsm->service_provider) || tsm->outblob.n == 0)
    {
        return ATTEST_EFORMAT;
    }

    return (tsm->manifestblob.n != 0) == (tsm->service_provider.n != 0)
           ? ATTEST_OK : ATTEST_EFORMAT;
}


/* Names of drivers and services: short, and nothing but printable ASCII. */

static bool
attest_tsm_is_name(attest_span_t s)
{
    size_t  i;

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x21 || s.p[i] > 0x7e) {
            return 0;
        }
    }

    return s.n <= 31;
}
