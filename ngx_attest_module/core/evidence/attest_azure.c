/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The item "azure-hcl": written, and read strictly.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_azure.h"


static attest_span_t *attest_azure_field(attest_azure_t *azure, size_t i);
static int attest_azure_member(attest_cbor_reader_t *r,
    attest_azure_t *azure, size_t *next);


/* RFC 8949 section 4.2.1 order of the keys: by length, then bytewise. */

static const char *const  attest_azure_keys[] = {
    "td-quote", "hcl-report", "vcek-chain"
};

#define ATTEST_AZURE_KEYS  (sizeof(attest_azure_keys) / sizeof(char *))


static attest_span_t *
attest_azure_field(attest_azure_t *azure, size_t i)
{
    return i == 0 ? &azure->td_quote
           : i == 1 ? &azure->hcl_report : &azure->vcek_chain;
}


int
attest_azure_encode(const attest_azure_t *azure, uint8_t *out, size_t *len)
{
    size_t                 i, count = 0;
    attest_azure_t         copy = *azure;
    attest_span_t         *s;
    attest_cbor_writer_t   w;

    if (azure->hcl_report.n == 0) {
        return ATTEST_EARG;
    }

    for (i = 0; i < ATTEST_AZURE_KEYS; i++) {
        s = attest_azure_field(&copy, i);
        count += (s->n != 0);

        if (s->n > ATTEST_MAX_ITEM) {
            return ATTEST_ELIMIT;
        }
    }

    attest_cbor_writer_init(&w, out, *len);
    attest_cbor_put_map(&w, count);

    for (i = 0; i < ATTEST_AZURE_KEYS; i++) {
        s = attest_azure_field(&copy, i);

        if (s->n != 0) {
            attest_cbor_put_text(&w, attest_azure_keys[i]);
            attest_cbor_put_bytes(&w, s->p, s->n);
        }
    }

    if (w.need > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    return attest_cbor_writer_done(&w, len);
}


/* One member; in order, from *next on, so that none can be there twice. */

static int
attest_azure_member(attest_cbor_reader_t *r, attest_azure_t *azure,
    size_t *next)
{
    int             rc;
    attest_span_t   key, *s;

    if (attest_cbor_read_text(r, &key) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    while (*next < ATTEST_AZURE_KEYS
           && !attest_span_is(key, attest_azure_keys[*next]))
    {
        (*next)++;
    }

    if (*next == ATTEST_AZURE_KEYS) {
        return ATTEST_EFORMAT;
    }

    s = attest_azure_field(azure, (*next)++);

    rc = attest_cbor_read_bytes(r, s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return s->n != 0 ? ATTEST_OK : ATTEST_EFORMAT;
}


int
attest_azure_parse(const uint8_t *p, size_t n, attest_azure_t *azure)
{
    int                    rc;
    size_t                 next = 0;
    uint64_t               count;
    attest_cbor_reader_t   r;

    memset(azure, 0, sizeof(*azure));

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    attest_cbor_reader_init(&r, p, n, 0);
    rc = attest_cbor_read_map(&r, &count);

    while (rc == ATTEST_OK && count-- != 0) {
        rc = attest_azure_member(&r, azure, &next);
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r);
    }

    if (rc == ATTEST_OK && azure->hcl_report.n == 0) {
        rc = ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        memset(azure, 0, sizeof(*azure));
    }

    return rc;
}
