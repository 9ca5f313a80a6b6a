/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HPKE as a network sees it: an encapsulated key and a ciphertext from
 * outside against a fixed recipient; and a round trip of the same bytes,
 * sealed in place, opened, damaged.
 *
 * Byte 0: KEM and AEAD; byte 1: length of the aad; byte 2: what to damage;
 * then enc, aad, and the ciphertext or plaintext.
 */


#include <stdlib.h>
#include <string.h>

#include "core/crypto/attest_hpke.h"


#define MAX_SIZE  4096

#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void setup(void);
static void foreign(const attest_hpke_suite_t *suite, attest_span_t enc,
    attest_span_t aad, attest_span_t ct);
static void round_trip(const attest_hpke_suite_t *suite, attest_span_t aad,
    attest_span_t pt, uint8_t damage);
static void import(uint16_t kem, const uint8_t *sk);
static const attest_kem_key_t *recipient(uint16_t kem);


static attest_kem_key_t   x25519;
static attest_kem_key_t   p256;

static const uint16_t  aeads[] = {
    ATTEST_AEAD_AES_128_GCM, ATTEST_AEAD_AES_256_GCM, ATTEST_AEAD_CHACHA20,
    ATTEST_AEAD_EXPORT_ONLY
};


static void
setup(void)
{
    uint8_t  ikm[32];

    if (x25519.pkey != NULL) {
        return;
    }

    memset(ikm, 0x42, sizeof(ikm));
    CHECK(attest_kem_key_derive(&x25519, ATTEST_KEM_X25519, ikm, 32) == 0);
    CHECK(attest_kem_key_derive(&p256, ATTEST_KEM_P256, ikm, 32) == 0);
}


static const attest_kem_key_t *
recipient(uint16_t kem)
{
    return kem == ATTEST_KEM_P256 ? &p256 : &x25519;
}


static void
foreign(const attest_hpke_suite_t *suite, attest_span_t enc,
    attest_span_t aad, attest_span_t ct)
{
    int                rc;
    size_t             i, n;
    uint8_t           *pt;
    attest_hpke_ctx_t  ctx;

    rc = attest_hpke_setup_recipient(&ctx, suite, recipient(suite->kem),
                                     enc.p, enc.n, aad.p, aad.n);
    CHECK(rc == ATTEST_OK || rc == ATTEST_ECRYPTO);
    CHECK(rc == ATTEST_ECRYPTO || enc.n == attest_kem_enc_len(suite->kem));

    if (rc != ATTEST_OK) {
        CHECK(ctx.cipher == NULL);
        return;
    }

    n = ct.n < ATTEST_HPKE_NT ? 0 : ct.n - ATTEST_HPKE_NT;
    pt = malloc(n + 1);
    CHECK(pt != NULL);
    memset(pt, 0xa5, n + 1);

    rc = attest_hpke_open(&ctx, aad.p, aad.n, ct.p, ct.n, pt);
    CHECK(pt[n] == 0xa5 && ctx.seq == (rc == ATTEST_OK ? 1 : 0));

    if (suite->aead == ATTEST_AEAD_EXPORT_ONLY) {
        CHECK(rc == ATTEST_EUNSUPPORTED);

    } else if (rc != ATTEST_OK) {
        CHECK(rc == ATTEST_ECRYPTO);

        for (i = 0; i < n; i++) {
            CHECK(pt[i] == 0);
        }
    }

    free(pt);
    attest_hpke_ctx_clear(&ctx);
}


static void
round_trip(const attest_hpke_suite_t *suite, attest_span_t aad,
    attest_span_t pt, uint8_t damage)
{
    int                       rc;
    size_t                    at;
    uint8_t                   enc[ATTEST_KEM_MAX_ENC], *buf;
    attest_hpke_ctx_t         s, r;
    const attest_kem_key_t   *key = recipient(suite->kem);

    rc = attest_hpke_setup_sender(&s, suite, key->pk, key->pk_len, key,
                                  aad.p, aad.n, enc);
    rc |= attest_hpke_setup_recipient(&r, suite, key, enc, key->pk_len,
                                      aad.p, aad.n);
    CHECK(rc == ATTEST_OK);
    CHECK(memcmp(s.exporter, r.exporter, 32) == 0);

    buf = malloc(pt.n + ATTEST_HPKE_NT);
    CHECK(buf != NULL);
    memcpy(buf, pt.p, pt.n);

    rc = attest_hpke_seal(&s, aad.p, aad.n, buf, pt.n, buf);
    CHECK(rc == (suite->aead == ATTEST_AEAD_EXPORT_ONLY
                 ? ATTEST_EUNSUPPORTED : ATTEST_OK));

    if (rc == ATTEST_OK && damage != 0) {
        at = damage % (pt.n + ATTEST_HPKE_NT);
        buf[at] ^= damage;
        rc = attest_hpke_open(&r, aad.p, aad.n, buf, pt.n + ATTEST_HPKE_NT,
                              buf);
        CHECK(rc == ATTEST_ECRYPTO && r.seq == 0);

    } else if (rc == ATTEST_OK) {
        rc = attest_hpke_open(&r, aad.p, aad.n, buf, pt.n + ATTEST_HPKE_NT,
                              buf);
        CHECK(rc == ATTEST_OK && r.seq == 1);
        CHECK(memcmp(buf, pt.p, pt.n) == 0);
    }

    free(buf);
    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
}


static void
import(uint16_t kem, const uint8_t *sk)
{
    int                rc;
    attest_kem_key_t   key;

    rc = attest_kem_key_import(&key, kem, sk);
    CHECK(rc == ATTEST_OK
          || (rc == ATTEST_ECRYPTO && kem == ATTEST_KEM_P256));
    CHECK(rc == ATTEST_OK || key.pkey == NULL);

    if (rc == ATTEST_OK) {
        attest_kem_key_clear(&key);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t              damage;
    size_t               n;
    attest_span_t        enc, aad, rest;
    attest_hpke_suite_t  suite;

    setup();

    if (size < 3 || size > MAX_SIZE) {
        return 0;
    }

    suite.kem = data[0] & 1 ? ATTEST_KEM_P256 : ATTEST_KEM_X25519;
    suite.kdf = ATTEST_KDF_HKDF_SHA256;
    suite.aead = aeads[(data[0] >> 1) & 3];
    aad.n = data[1];
    damage = data[2];
    rest.p = data + 3;
    rest.n = size - 3;

    if (rest.n >= 32) {
        import(suite.kem, rest.p);
    }

    n = attest_kem_enc_len(suite.kem);
    enc.p = rest.p;
    enc.n = rest.n < n ? rest.n : n;
    rest.p += enc.n;
    rest.n -= enc.n;

    aad.p = rest.p;
    aad.n = rest.n < aad.n ? rest.n : aad.n;
    rest.p += aad.n;
    rest.n -= aad.n;

    foreign(&suite, enc, aad, rest);
    round_trip(&suite, aad, rest, damage);

    return 0;
}
