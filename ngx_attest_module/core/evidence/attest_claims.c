/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The claims of a certificate: written in their one encoding, read back, and
 * hashed to what a TPM, a CPU or a GPU signs.
 */


#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"
#include "core/base/attest_wire.h"


#define ATTEST_CLAIMS_OURS        "ngx-attest.v1/"

#define ATTEST_CLAIM_NONCE        "nonce"
#define ATTEST_CLAIM_PUBKEY       "pubkey-hash"
#define ATTEST_CLAIM_GPU          "ngx-attest.v1/gpu"
#define ATTEST_CLAIM_CONFIG       "ngx-attest.v1/config"
#define ATTEST_CLAIM_VALIDITY     "ngx-attest.v1/validity"
#define ATTEST_CLAIM_HPKE_KEYS    "ngx-attest.v1/hpke-keys"
#define ATTEST_CLAIM_EXPORTER     "ngx-attest.v1/tls-exporter"

/* Labels of hashes: the terminating 0 is the separator and is hashed too. */
#define ATTEST_CLAIMS_LABEL_TPM   "ngx-attest.v1 tpm"
#define ATTEST_CLAIMS_LABEL_GPU   "ngx-attest.v1 gpu"

#define ATTEST_CLAIMS_VALIDITY    16
/* [ alg, hash ] with SHA-512: 82 08 58 40 and 64 bytes */
#define ATTEST_CLAIMS_PUBKEY      (4 + ATTEST_SHA512_LEN)


static size_t attest_claims_hash_len(unsigned alg);
static int attest_claims_check(const attest_claims_t *c);
static void attest_claims_put(attest_cbor_writer_t *w, const char *key,
    const uint8_t *p, size_t n);
static void attest_claims_put_pubkey(attest_cbor_writer_t *w,
    const attest_claims_t *c);
static size_t attest_claims_count(const attest_claims_t *c);
static void attest_claims_validity(const attest_claims_t *c,
    uint8_t out[ATTEST_CLAIMS_VALIDITY]);
static int attest_claims_read(const uint8_t *p, size_t n, int foreign,
    attest_claims_t *c, int *ours);
static int attest_claims_parse_map(attest_cbor_reader_t *r,
    attest_claims_t *c, int *ours);
static int attest_claims_parse_key(attest_cbor_reader_t *r,
    attest_span_t *keys, size_t i, attest_span_t *before);
static bool attest_claims_is_ours(attest_span_t key);
static bool attest_claims_sorted(attest_span_t before, attest_span_t key);
static int attest_claims_parse_claim(attest_span_t key, attest_span_t value,
    int foreign, attest_claims_t *c);
static int attest_claims_parse_pubkey(attest_span_t s, int foreign,
    attest_claims_t *c);
static int attest_claims_parse_nonce(attest_span_t s, int foreign,
    attest_claims_t *c);
static int attest_claims_parse_validity(attest_span_t s, attest_claims_t *c);
static int attest_claims_parse_hash(attest_span_t s,
    uint8_t out[ATTEST_SHA256_LEN]);


/* In the order of the encoded keys, as RFC 8949 section 4.2.1 wants it. */

int
attest_claims_encode(const attest_claims_t *c, uint8_t *out, size_t *len)
{
    uint8_t                validity[ATTEST_CLAIMS_VALIDITY];
    attest_cbor_writer_t   w;

    if (attest_claims_check(c) != ATTEST_OK) {
        return ATTEST_EARG;
    }

    attest_cbor_writer_init(&w, out, *len);
    attest_cbor_put_map(&w, attest_claims_count(c));

    if (c->nonce_len != 0) {
        attest_claims_put(&w, ATTEST_CLAIM_NONCE, c->nonce, c->nonce_len);
    }

    attest_claims_put_pubkey(&w, c);

    if (c->has_gpu) {
        attest_claims_put(&w, ATTEST_CLAIM_GPU, c->gpu,
                          ATTEST_SHA256_LEN);
    }

    if (c->has_config) {
        attest_claims_put(&w, ATTEST_CLAIM_CONFIG, c->config,
                          ATTEST_SHA256_LEN);
    }

    if (c->has_validity) {
        attest_claims_validity(c, validity);
        attest_claims_put(&w, ATTEST_CLAIM_VALIDITY, validity,
                          sizeof(validity));
    }

    if (c->has_hpke_keys) {
        attest_claims_put(&w, ATTEST_CLAIM_HPKE_KEYS, c->hpke_keys,
                          ATTEST_SHA256_LEN);
    }

    if (c->has_exporter) {
        attest_claims_put(&w, ATTEST_CLAIM_EXPORTER, c->exporter,
                          ATTEST_SHA256_LEN);
    }

    return attest_cbor_writer_done(&w, len);
}


int
attest_claims_parse(const uint8_t *p, size_t n, attest_claims_t *c)
{
    int  ours;

    return attest_claims_read(p, n, 0, c, &ours);
}


/*
 * CCC, "Interoperable RA-TLS", asks for definite lengths and says nothing of
 * the order or of shortest heads (RFC 8949 section 4.1 leaves both open), and
 * it takes a nonce of any length.  The bytes themselves are hashed into the
 * quote, so there is nothing to be gained by writing them in another way.
 */

int
attest_claims_parse_foreign(const uint8_t *p, size_t n, attest_claims_t *c)
{
    int  rc, ours;

    rc = attest_claims_read(p, n, 1, c, &ours);

    return (rc == ATTEST_OK && ours) ? attest_claims_parse(p, n, c) : rc;
}


static int
attest_claims_read(const uint8_t *p, size_t n, int foreign,
    attest_claims_t *c, int *ours)
{
    int                    rc;
    attest_cbor_reader_t   r;

    memset(c, 0, sizeof(attest_claims_t));
    *ours = 0;

    if (n > (foreign ? ATTEST_MAX_ITEM : ATTEST_CLAIMS_MAX)) {
        return ATTEST_ELIMIT;
    }

    attest_cbor_reader_init(&r, p, n, foreign);

    rc = attest_claims_parse_map(&r, c, ours);
    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r);
    }

    if (rc == ATTEST_OK && c->pubkey_hash_len == 0) {
        rc = ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        memset(c, 0, sizeof(attest_claims_t));
    }
    return rc;
}


int
attest_claims_report_data(const uint8_t *claims, size_t n,
    uint8_t out[ATTEST_CLAIMS_REPORT_DATA])
{
    attest_span_t  part = { claims, n };

    memset(out, 0, ATTEST_CLAIMS_REPORT_DATA);
    return attest_sha256(&part, 1, out);
}


int
attest_claims_tpm_extra(const uint8_t *claims, size_t n, const uint8_t *cpu,
    size_t cpu_len, uint8_t out[ATTEST_SHA256_LEN])
{
    int            rc;
    uint8_t        claims_hash[ATTEST_SHA256_LEN];
    uint8_t        cpu_hash[ATTEST_SHA256_LEN];
    attest_span_t  one, parts[3];

    one = attest_span(claims, n);
    rc = attest_sha256(&one, 1, claims_hash);
    if (rc != ATTEST_OK) {
        return rc;
    }

    one = attest_span(cpu, cpu_len);
    rc = attest_sha256(&one, 1, cpu_hash);
    if (rc != ATTEST_OK) {
        return rc;
    }

    parts[0] = attest_span(ATTEST_CLAIMS_LABEL_TPM,
                           sizeof(ATTEST_CLAIMS_LABEL_TPM));
    parts[1] = attest_span(claims_hash, sizeof(claims_hash));
    parts[2] = attest_span(cpu_hash, sizeof(cpu_hash));

    return attest_sha256(parts, 3, out);
}


/*
 * SHA-256("ngx-attest.v1 gpu" 00 || pubkey-hash digest || nonce, or the 16
 * bytes of validity when there is no nonce).  It is made before the claims
 * are complete: the GPU's evidence is hashed into them.
 */

int
attest_claims_gpu_nonce(const attest_claims_t *c,
    uint8_t out[ATTEST_SHA256_LEN])
{
    uint8_t        validity[ATTEST_CLAIMS_VALIDITY];
    attest_span_t  parts[3];

    if (attest_claims_check(c) != ATTEST_OK
        || (c->nonce_len == 0 && !c->has_validity))
    {
        return ATTEST_EARG;
    }

    parts[0] = attest_span(ATTEST_CLAIMS_LABEL_GPU,
                           sizeof(ATTEST_CLAIMS_LABEL_GPU));
    parts[1] = attest_span(c->pubkey_hash, c->pubkey_hash_len);

    if (c->nonce_len != 0) {
        parts[2] = attest_span(c->nonce, c->nonce_len);

    } else {
        attest_claims_validity(c, validity);
        parts[2] = attest_span(validity, sizeof(validity));
    }

    return attest_sha256(parts, 3, out);
}


/* 0: not one of ours. */

static size_t
attest_claims_hash_len(unsigned alg)
{
    switch (alg) {
    case ATTEST_CLAIMS_SHA256:
        return ATTEST_SHA256_LEN;
    case ATTEST_CLAIMS_SHA384:
        return ATTEST_SHA384_LEN;
    case ATTEST_CLAIMS_SHA512:
        return ATTEST_SHA512_LEN;
    default:
        return 0;
    }
}


static int
attest_claims_check(const attest_claims_t *c)
{
    if (c->pubkey_hash_len == 0
        || c->pubkey_hash_len != attest_claims_hash_len(c->pubkey_hash_alg))
    {
        return ATTEST_EARG;
    }

    if (c->nonce_len != 0
        && (c->nonce_len < ATTEST_NONCE_MIN
            || c->nonce_len > ATTEST_NONCE_MAX))
    {
        return ATTEST_EARG;
    }

    if (c->has_validity && c->not_before > c->not_after) {
        return ATTEST_EARG;
    }

    return ATTEST_OK;
}


static void
attest_claims_put(attest_cbor_writer_t *w, const char *key, const uint8_t *p,
    size_t n)
{
    attest_cbor_put_text(w, key);
    attest_cbor_put_bytes(w, p, n);
}


/* A byte string that contains CBOR: every value of the map is one. */

static void
attest_claims_put_pubkey(attest_cbor_writer_t *w, const attest_claims_t *c)
{
    size_t                 n;
    uint8_t                buf[ATTEST_CLAIMS_PUBKEY];
    attest_cbor_writer_t   inner;

    attest_cbor_writer_init(&inner, buf, sizeof(buf));
    attest_cbor_put_array(&inner, 2);
    attest_cbor_put_uint(&inner, c->pubkey_hash_alg);
    attest_cbor_put_bytes(&inner, c->pubkey_hash, c->pubkey_hash_len);
    (void) attest_cbor_writer_done(&inner, &n);

    attest_claims_put(w, ATTEST_CLAIM_PUBKEY, buf, n);
}


static size_t
attest_claims_count(const attest_claims_t *c)
{
    return 1 + (c->nonce_len != 0) + c->has_gpu + c->has_config
           + c->has_validity + c->has_hpke_keys + c->has_exporter;
}


/* u64be notBefore, u64be notAfter */

static void
attest_claims_validity(const attest_claims_t *c,
    uint8_t out[ATTEST_CLAIMS_VALIDITY])
{
    (void) attest_wire_put_be(out, c->not_before, 8);
    (void) attest_wire_put_be(out + 8, c->not_after, 8);
}


/* { + tstr => bstr }, in our own claims with keys in ascending order */

static int
attest_claims_parse_map(attest_cbor_reader_t *r, attest_claims_t *c,
    int *ours)
{
    int             rc;
    size_t          i;
    uint64_t        count;
    attest_span_t   value, before = ATTEST_NO_SPAN;
    attest_span_t   keys[ATTEST_MAX_ITEMS];

    rc = attest_cbor_read_map(r, &count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (count == ATTEST_CBOR_INDEFINITE) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < count; i++) {
        rc = attest_claims_parse_key(r, keys, i, &before);
        if (rc != ATTEST_OK) {
            return rc;
        }

        rc = attest_cbor_read_bytes(r, &value);
        if (rc != ATTEST_OK) {
            return rc;
        }

        *ours |= attest_claims_is_ours(keys[i]);

        rc = attest_claims_parse_claim(keys[i], value, r->lenient, c);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


/* RFC 8949 section 5.6: keys are the same by value, whatever their heads. */

static int
attest_claims_parse_key(attest_cbor_reader_t *r, attest_span_t *keys,
    size_t i, attest_span_t *before)
{
    int            rc;
    size_t         k;
    attest_span_t  encoded;

    encoded.p = r->p;

    rc = attest_cbor_read_text(r, &keys[i]);
    if (rc != ATTEST_OK) {
        return rc;
    }

    encoded.n = (size_t) (r->p - encoded.p);

    if (!r->lenient && !attest_claims_sorted(*before, encoded)) {
        return ATTEST_EFORMAT;
    }

    *before = encoded;

    for (k = 0; k < i; k++) {
        if (attest_span_eq(keys[k], keys[i])) {
            return ATTEST_EFORMAT;
        }
    }

    return ATTEST_OK;
}


static bool
attest_claims_is_ours(attest_span_t key)
{
    return key.n >= sizeof(ATTEST_CLAIMS_OURS) - 1
           && memcmp(key.p, ATTEST_CLAIMS_OURS,
                     sizeof(ATTEST_CLAIMS_OURS) - 1) == 0;
}


/* RFC 8949 section 4.2.1; no encoding is the beginning of another one. */

static bool
attest_claims_sorted(attest_span_t before, attest_span_t key)
{
    size_t  n = (before.n < key.n) ? before.n : key.n;

    return n == 0 || memcmp(before.p, key.p, n) < 0;
}


static int
attest_claims_parse_claim(attest_span_t key, attest_span_t value,
    int foreign, attest_claims_t *c)
{
    if (attest_span_is(key, ATTEST_CLAIM_PUBKEY)) {
        return attest_claims_parse_pubkey(value, foreign, c);
    }

    if (attest_span_is(key, ATTEST_CLAIM_NONCE)) {
        return attest_claims_parse_nonce(value, foreign, c);
    }

    if (attest_span_is(key, ATTEST_CLAIM_VALIDITY)) {
        return attest_claims_parse_validity(value, c);
    }

    if (attest_span_is(key, ATTEST_CLAIM_HPKE_KEYS)) {
        c->has_hpke_keys = 1;
        return attest_claims_parse_hash(value, c->hpke_keys);
    }

    if (attest_span_is(key, ATTEST_CLAIM_CONFIG)) {
        c->has_config = 1;
        return attest_claims_parse_hash(value, c->config);
    }

    if (attest_span_is(key, ATTEST_CLAIM_GPU)) {
        c->has_gpu = 1;
        return attest_claims_parse_hash(value, c->gpu);
    }

    if (attest_span_is(key, ATTEST_CLAIM_EXPORTER)) {
        c->has_exporter = 1;
        return attest_claims_parse_hash(value, c->exporter);
    }

    return ATTEST_OK;
}


/* [ alg: uint, hash: bstr ] */

static int
attest_claims_parse_pubkey(attest_span_t s, int foreign,
    attest_claims_t *c)
{
    size_t                 want;
    uint64_t               count, alg;
    attest_span_t          hash;
    attest_cbor_reader_t   r;

    attest_cbor_reader_init(&r, s.p, s.n, foreign);

    if (attest_cbor_read_array(&r, &count) != ATTEST_OK || count != 2
        || attest_cbor_read_uint(&r, &alg) != ATTEST_OK
        || attest_cbor_read_bytes(&r, &hash) != ATTEST_OK
        || attest_cbor_done(&r) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    want = (alg <= 8) ? attest_claims_hash_len((unsigned) alg) : 0;
    if (want == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    if (hash.n != want) {
        return ATTEST_EFORMAT;
    }

    memcpy(c->pubkey_hash, hash.p, hash.n);
    c->pubkey_hash_len = hash.n;
    c->pubkey_hash_alg = (unsigned) alg;
    return ATTEST_OK;
}


static int
attest_claims_parse_nonce(attest_span_t s, int foreign, attest_claims_t *c)
{
    if (foreign) {
        c->foreign_nonce = 1;
        return ATTEST_OK;
    }

    if (s.n < ATTEST_NONCE_MIN || s.n > ATTEST_NONCE_MAX) {
        return ATTEST_EFORMAT;
    }

    memcpy(c->nonce, s.p, s.n);
    c->nonce_len = s.n;
    return ATTEST_OK;
}


static int
attest_claims_parse_validity(attest_span_t s, attest_claims_t *c)
{
    if (s.n != ATTEST_CLAIMS_VALIDITY) {
        return ATTEST_EFORMAT;
    }

    c->not_before = attest_wire_get_be(s.p, 8);
    c->not_after = attest_wire_get_be(s.p + 8, 8);
    c->has_validity = 1;

    return (c->not_before <= c->not_after) ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_claims_parse_hash(attest_span_t s, uint8_t out[ATTEST_SHA256_LEN])
{
    if (s.n != ATTEST_SHA256_LEN) {
        return ATTEST_EFORMAT;
    }

    memcpy(out, s.p, ATTEST_SHA256_LEN);
    return ATTEST_OK;
}
