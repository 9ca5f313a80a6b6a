/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The item "tpm": its members, written and read.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_tpm.h"


/*
 * The "tpm" item in deterministic CBOR (RFC 8949, section 4.2.1): every key
 * is there, and keys are sorted by their encoding, as are banks and PCRs.
 *
 *     { "ak" bstr, "ek" bstr, "pcrs" { alg => { pcr => bstr } },
 *       "root" tstr, "maker" tstr, "quote" bstr, "ek-cert" bstr,
 *       "signature" bstr }
 */

#define ATTEST_TPM_ITEM_KEYS      8
#define ATTEST_TPM_ITEM_BYTES     1024       /* quote, signature, keys */
#define ATTEST_TPM_ITEM_CERT      8192
#define ATTEST_TPM_ITEM_TEXT      64


static int attest_tpm_item_read(attest_cbor_reader_t *r,
    attest_tpm_item_t *item);
static int attest_tpm_item_check(const attest_tpm_item_t *item);
static int attest_tpm_item_text(attest_span_t s);
static int attest_tpm_item_bank(const attest_tpm_bank_t *bank);
static void attest_tpm_put_bytes(attest_cbor_writer_t *w, const char *key,
    attest_span_t s);
static void attest_tpm_put_text(attest_cbor_writer_t *w, const char *key,
    attest_span_t s);
static void attest_tpm_put_pcrs(attest_cbor_writer_t *w,
    const attest_tpm_pcrs_t *pcrs);
static void attest_tpm_put_bank(attest_cbor_writer_t *w,
    const attest_tpm_bank_t *bank);
static int attest_tpm_read_key(attest_cbor_reader_t *r, const char *key);
static int attest_tpm_read_bytes(attest_cbor_reader_t *r, const char *key,
    attest_span_t *s);
static int attest_tpm_read_text(attest_cbor_reader_t *r, const char *key,
    attest_span_t *s);
static int attest_tpm_read_pcrs(attest_cbor_reader_t *r,
    attest_tpm_pcrs_t *pcrs);
static int attest_tpm_read_bank(attest_cbor_reader_t *r,
    attest_tpm_bank_t *bank);
static int attest_tpm_read_pcr(attest_cbor_reader_t *r,
    attest_tpm_bank_t *bank);


int
attest_tpm_item_encode(const attest_tpm_item_t *item, uint8_t *out,
    size_t *len)
{
    int                   rc;
    attest_cbor_writer_t  w;

    rc = attest_tpm_item_check(item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_cbor_writer_init(&w, out, *len);
    attest_cbor_put_map(&w, ATTEST_TPM_ITEM_KEYS);

    attest_tpm_put_bytes(&w, "ak", item->ak);
    attest_tpm_put_bytes(&w, "ek", item->ek);
    attest_tpm_put_pcrs(&w, &item->pcrs);
    attest_tpm_put_text(&w, "root", item->root);
    attest_tpm_put_text(&w, "maker", item->maker);
    attest_tpm_put_bytes(&w, "quote", item->quote);
    attest_tpm_put_bytes(&w, "ek-cert", item->ek_cert);
    attest_tpm_put_bytes(&w, "signature", item->signature);

    return attest_cbor_writer_done(&w, len);
}


int
attest_tpm_item_parse(const uint8_t *p, size_t n, attest_tpm_item_t *item)
{
    int                   rc;
    uint64_t              count;
    attest_cbor_reader_t  r;

    memset(item, 0, sizeof(attest_tpm_item_t));

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    attest_cbor_reader_init(&r, p, n, 0);

    rc = attest_cbor_read_map(&r, &count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (count != ATTEST_TPM_ITEM_KEYS) {
        return ATTEST_EFORMAT;
    }

    rc = attest_tpm_item_read(&r, item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_cbor_done(&r);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_item_check(item);
    return (rc == ATTEST_EARG) ? ATTEST_EFORMAT : rc;
}


static int
attest_tpm_item_read(attest_cbor_reader_t *r, attest_tpm_item_t *item)
{
    int  rc;

    if ((rc = attest_tpm_read_bytes(r, "ak", &item->ak)) != ATTEST_OK
        || (rc = attest_tpm_read_bytes(r, "ek", &item->ek)) != ATTEST_OK
        || (rc = attest_tpm_read_pcrs(r, &item->pcrs)) != ATTEST_OK
        || (rc = attest_tpm_read_text(r, "root", &item->root)) != ATTEST_OK
        || (rc = attest_tpm_read_text(r, "maker", &item->maker)) != ATTEST_OK
        || (rc = attest_tpm_read_bytes(r, "quote", &item->quote))
           != ATTEST_OK
        || (rc = attest_tpm_read_bytes(r, "ek-cert", &item->ek_cert))
           != ATTEST_OK)
    {
        return rc;
    }

    return attest_tpm_read_bytes(r, "signature", &item->signature);
}


/*
 * What holds on both sides.  ATTEST_EARG: a required part is missing, or
 * wrong; ATTEST_ELIMIT: one is too long.
 */

static int
attest_tpm_item_check(const attest_tpm_item_t *item)
{
    int     rc;
    size_t  i, k;

    if (item->ak.n == 0 || item->quote.n == 0 || item->signature.n == 0
        || item->root.n == 0)
    {
        return ATTEST_EARG;
    }

    if (item->ak.n > ATTEST_TPM_ITEM_BYTES
        || item->ek.n > ATTEST_TPM_ITEM_BYTES
        || item->quote.n > ATTEST_TPM_ITEM_BYTES
        || item->signature.n > ATTEST_TPM_ITEM_BYTES
        || item->ek_cert.n > ATTEST_TPM_ITEM_CERT
        || item->root.n > ATTEST_TPM_ITEM_TEXT
        || item->maker.n > ATTEST_TPM_ITEM_TEXT
        || item->pcrs.count > ATTEST_TPM_MAX_BANKS)
    {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < item->pcrs.count; i++) {
        rc = attest_tpm_item_bank(&item->pcrs.banks[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }

        for (k = 0; k < i; k++) {
            if (item->pcrs.banks[k].alg == item->pcrs.banks[i].alg) {
                return ATTEST_EARG;
            }
        }
    }

    if (attest_tpm_item_text(item->root) != ATTEST_OK) {
        return ATTEST_EARG;
    }

    return attest_tpm_item_text(item->maker);
}


/* These texts end up on terminals: printable ASCII, no control character. */

static int
attest_tpm_item_text(attest_span_t s)
{
    size_t  i;

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return ATTEST_EARG;
        }
    }

    return ATTEST_OK;
}


static int
attest_tpm_item_bank(const attest_tpm_bank_t *bank)
{
    size_t  len = attest_tpm_alg_len(bank->alg);

    if (len == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    if (bank->len != len || bank->select >> ATTEST_TPM_PCRS != 0) {
        return ATTEST_EARG;
    }

    return ATTEST_OK;
}


static void
attest_tpm_put_bytes(attest_cbor_writer_t *w, const char *key,
    attest_span_t s)
{
    attest_cbor_put_text(w, key);
    attest_cbor_put_bytes(w, s.p, s.n);
}


/* attest_tpm_item_check() has bounded s */

static void
attest_tpm_put_text(attest_cbor_writer_t *w, const char *key,
    attest_span_t s)
{
    char  text[ATTEST_TPM_ITEM_TEXT + 1] = { 0 };

    if (s.n != 0) {
        memcpy(text, s.p, s.n);
    }

    attest_cbor_put_text(w, key);
    attest_cbor_put_text(w, text);
}


/* Banks in ascending order, whatever the order of the quote's selection. */

static void
attest_tpm_put_pcrs(attest_cbor_writer_t *w, const attest_tpm_pcrs_t *pcrs)
{
    size_t                    i, done;
    uint16_t                  last = 0;
    const attest_tpm_bank_t  *next;

    attest_cbor_put_text(w, "pcrs");
    attest_cbor_put_map(w, pcrs->count);

    for (done = 0; done < pcrs->count; done++) {
        next = NULL;

        for (i = 0; i < pcrs->count; i++) {
            if (pcrs->banks[i].alg > last
                && (next == NULL || pcrs->banks[i].alg < next->alg))
            {
                next = &pcrs->banks[i];
            }
        }

        /* never so: the algorithms differ and none is 0 */

        if (next == NULL) {
            return;
        }

        attest_tpm_put_bank(w, next);
        last = next->alg;
    }
}


static void
attest_tpm_put_bank(attest_cbor_writer_t *w, const attest_tpm_bank_t *bank)
{
    size_t  i, count = 0;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        count += bank->select >> i & 1;
    }

    attest_cbor_put_uint(w, bank->alg);
    attest_cbor_put_map(w, count);

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if (bank->select >> i & 1) {
            attest_cbor_put_uint(w, i);
            attest_cbor_put_bytes(w, bank->value[i], bank->len);
        }
    }
}


static int
attest_tpm_read_key(attest_cbor_reader_t *r, const char *key)
{
    int            rc;
    attest_span_t  s;

    rc = attest_cbor_read_text(r, &s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_span_is(s, key) ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_tpm_read_bytes(attest_cbor_reader_t *r, const char *key,
    attest_span_t *s)
{
    int  rc;

    rc = attest_tpm_read_key(r, key);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_cbor_read_bytes(r, s);
}


static int
attest_tpm_read_text(attest_cbor_reader_t *r, const char *key,
    attest_span_t *s)
{
    int  rc;

    rc = attest_tpm_read_key(r, key);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_cbor_read_text(r, s);
}


static int
attest_tpm_read_pcrs(attest_cbor_reader_t *r, attest_tpm_pcrs_t *pcrs)
{
    int       rc;
    size_t    i;
    uint64_t  count;

    rc = attest_tpm_read_key(r, "pcrs");
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_cbor_read_map(r, &count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (count > ATTEST_TPM_MAX_BANKS) {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < count; i++) {
        rc = attest_tpm_read_bank(r, &pcrs->banks[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }

        /* sorted: a bank cannot come twice */

        if (i > 0 && pcrs->banks[i].alg <= pcrs->banks[i - 1].alg) {
            return ATTEST_EFORMAT;
        }
    }

    pcrs->count = (size_t) count;
    return ATTEST_OK;
}


static int
attest_tpm_read_bank(attest_cbor_reader_t *r, attest_tpm_bank_t *bank)
{
    int       rc;
    uint64_t  alg, count;

    rc = attest_cbor_read_uint(r, &alg);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (alg > UINT16_MAX || attest_tpm_alg_len((uint16_t) alg) == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    bank->alg = (uint16_t) alg;
    bank->len = attest_tpm_alg_len(bank->alg);

    rc = attest_cbor_read_map(r, &count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (count > ATTEST_TPM_PCRS) {
        return ATTEST_ELIMIT;
    }

    while (count-- > 0) {
        rc = attest_tpm_read_pcr(r, bank);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_tpm_read_pcr(attest_cbor_reader_t *r, attest_tpm_bank_t *bank)
{
    int            rc;
    uint64_t       pcr;
    attest_span_t  s;

    rc = attest_cbor_read_uint(r, &pcr);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_cbor_read_bytes(r, &s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /* ascending: nothing at or above this PCR has been read */

    if (pcr >= ATTEST_TPM_PCRS || bank->select >> pcr != 0
        || s.n != bank->len)
    {
        return ATTEST_EFORMAT;
    }

    memcpy(bank->value[pcr], s.p, s.n);
    bank->select |= (uint32_t) 1 << pcr;

    return ATTEST_OK;
}
