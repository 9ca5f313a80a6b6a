/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replays the log of Linux' IMA, and finds the files that it measured.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/evidence/attest_eventlog.h"
#include "core/evidence/attest_tpm_alg.h"
#include "core/base/attest_wire.h"


/*
 * Linux, security/integrity/ima/ima_fs.c, ima_measurements_show(): native
 * order, which is little-endian wherever a TPM is met (or ima_canonical_fmt).
 */

#define ATTEST_IMA_PCR            10
#define ATTEST_IMA_MAX_NAME       255        /* IMA_EVENT_NAME_LEN_MAX */
#define ATTEST_IMA_LEGACY         "ima"


typedef struct {
    uint32_t        pcr;
    attest_span_t   digest;        /* SHA-1 of the template data */
    attest_span_t   data;
    attest_span_t   file;          /* template "ima": data is the hash */
    int             legacy;
} attest_ima_entry_t;


typedef struct {
    EVP_MD_CTX     *mdctx;
    const EVP_MD   *md;
    size_t          len;
    uint8_t        *value;
} attest_ima_t;


static int attest_imalog_walk(attest_ima_t *ima, attest_wire_t *w,
    const uint8_t *target, size_t *entries, size_t *boundary);
static int attest_imalog_entry(attest_wire_t *w, attest_ima_entry_t *e);
static bool attest_imalog_is_violation(const attest_ima_entry_t *e);
static int attest_imalog_digest(attest_ima_t *ima, const attest_ima_entry_t *e,
    uint8_t *digest);
static int attest_imalog_extend(attest_ima_t *ima, const attest_ima_entry_t *e);


int
attest_imalog_replay(const uint8_t *p, size_t n, uint16_t alg,
    const uint8_t *target, size_t target_len, uint8_t value[ATTEST_MAX_DIGEST],
    size_t *entries, size_t *boundary)
{
    int            rc;
    attest_ima_t   ima;
    attest_wire_t  w;

    memset(value, 0, ATTEST_MAX_DIGEST);
    *entries = 0;
    *boundary = 0;

    if (n > ATTEST_MAX_LOG) {
        return ATTEST_ELIMIT;
    }

    ima.md = attest_tpm_md(alg);
    if (ima.md == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    ima.len = attest_tpm_alg_len(alg);
    ima.value = value;

    if (target != NULL && target_len != ima.len) {
        return ATTEST_EARG;
    }

    ima.mdctx = EVP_MD_CTX_new();
    if (ima.mdctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    attest_wire_init(&w, p, n);

    rc = attest_imalog_walk(&ima, &w, target, entries, boundary);
    if (rc != ATTEST_OK) {
        memset(value, 0, ATTEST_MAX_DIGEST);
        *entries = 0;
        *boundary = 0;
    }

    EVP_MD_CTX_free(ima.mdctx);
    return rc;
}


static int
attest_imalog_walk(attest_ima_t *ima, attest_wire_t *w, const uint8_t *target,
    size_t *entries, size_t *boundary)
{
    int                 rc;
    attest_ima_entry_t  e;

    while (w->n != 0) {

        if (*entries >= ATTEST_EVENTLOG_MAX_EVENTS) {
            return ATTEST_ELIMIT;
        }

        rc = attest_imalog_entry(w, &e);
        if (rc != ATTEST_OK) {
            return rc;
        }

        (*entries)++;

        /* a rule may send its entries to a PCR of its own ("pcr=") */

        if (e.pcr != ATTEST_IMA_PCR) {
            continue;
        }

        rc = attest_imalog_extend(ima, &e);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (target != NULL && *boundary == 0
            && CRYPTO_memcmp(ima->value, target, ima->len) == 0)
        {
            *boundary = *entries;
        }
    }

    return ATTEST_OK;
}


/*
 * pcr, template digest, name length, name; then the data with its length,
 * except for the old template "ima": a bare SHA-1 and a counted file name.
 */

static int
attest_imalog_entry(attest_wire_t *w, attest_ima_entry_t *e)
{
    uint32_t       n;
    attest_span_t  name;

    memset(e, 0, sizeof(attest_ima_entry_t));

    e->pcr = attest_wire_le32(w);
    e->digest = attest_wire_take(w, ATTEST_SHA1_LEN);

    n = attest_wire_le32(w);
    if (w->bad || n == 0 || n > ATTEST_IMA_MAX_NAME) {
        return ATTEST_EFORMAT;
    }

    name = attest_wire_take(w, n);

    e->legacy = attest_span_is(name, ATTEST_IMA_LEGACY);

    if (!e->legacy) {
        e->data = attest_wire_take(w, attest_wire_le32(w));
        return w->bad ? ATTEST_EFORMAT : ATTEST_OK;
    }

    e->data = attest_wire_take(w, ATTEST_SHA1_LEN);

    n = attest_wire_le32(w);
    if (n > ATTEST_IMA_MAX_NAME) {
        return ATTEST_EFORMAT;
    }

    e->file = attest_wire_take(w, n);
    return w->bad ? ATTEST_EFORMAT : ATTEST_OK;
}


static bool
attest_imalog_is_violation(const attest_ima_entry_t *e)
{
    size_t  i;

    for (i = 0; i < e->digest.n; i++) {
        if (e->digest.p[i] != 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * The hash of the template data (Linux 5.8 and later, for every bank); a
 * violation has none and is extended as all ones.  The template "ima" is
 * hashed with its file name in a field of 256 bytes, zeros behind it.
 */

static int
attest_imalog_digest(attest_ima_t *ima, const attest_ima_entry_t *e,
    uint8_t *digest)
{
    uint8_t  pad[ATTEST_IMA_MAX_NAME + 1] = { 0 };

    if (attest_imalog_is_violation(e)) {
        memset(digest, 0xff, ima->len);
        return ATTEST_OK;
    }

    if (e->file.n != 0) {
        memcpy(pad, e->file.p, e->file.n);
    }

    if (EVP_DigestInit_ex(ima->mdctx, ima->md, NULL) != 1
        || EVP_DigestUpdate(ima->mdctx, e->data.p, e->data.n) != 1
        || (e->legacy
            && EVP_DigestUpdate(ima->mdctx, pad, sizeof(pad)) != 1)
        || EVP_DigestFinal_ex(ima->mdctx, digest, NULL) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


static int
attest_imalog_extend(attest_ima_t *ima, const attest_ima_entry_t *e)
{
    uint8_t  digest[EVP_MAX_MD_SIZE];

    if (attest_imalog_digest(ima, e, digest) != ATTEST_OK) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_DigestInit_ex(ima->mdctx, ima->md, NULL) != 1
        || EVP_DigestUpdate(ima->mdctx, ima->value, ima->len) != 1
        || EVP_DigestUpdate(ima->mdctx, digest, ima->len) != 1
        || EVP_DigestFinal_ex(ima->mdctx, ima->value, NULL) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}
