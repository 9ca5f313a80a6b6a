/* SPDX-License-Identifier: Apache-2.0 */

/*
 * X-Wing: vectors, round trips with every AEAD and through Oblivious HTTP,
 * what is damaged, and what an OpenSSL without ML-KEM says.
 */


#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "unit.h"

#include "core/crypto/attest_hpke.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/prompt/attest_ohttp.h"


static size_t field(const cJSON *doc, const char *name, uint8_t *out,
    size_t room);
static void test_missing(void);
static void test_vectors(void);
static void test_round_trip(uint16_t aead, int prepared);
static void test_damage(void);
static void test_refusals(void);
static void test_keyconfig(void);
static void test_ohttp(attest_ohttp_form_e form);


static const uint8_t  seed[32] = { 7, 7, 7 };


static size_t
field(const cJSON *doc, const char *name, uint8_t *out, size_t room)
{
    const cJSON  *v = cJSON_GetObjectItemCaseSensitive(doc, name);

    if (!cJSON_IsString(v)) {
        printf("Bail out! no %s\n", name);
        exit(1);
    }

    return unit_hex(v->valuestring, out, room);
}


/* It is known for what it is, and refused as such. */

static void
test_missing(void)
{
    uint8_t              enc[ATTEST_XWING_ENC] = { 0 };
    uint8_t              pk[ATTEST_XWING_PK] = { 0 };
    attest_kem_key_t     key;
    attest_hpke_ctx_t    ctx;
    attest_hpke_suite_t  suite = { ATTEST_KEM_XWING, 1, 1 };

    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_XWING, seed),
           ATTEST_EUNSUPPORTED, "no import");
    IS_INT(attest_kem_key_generate(&key, ATTEST_KEM_XWING),
           ATTEST_EUNSUPPORTED, "no new key");
    IS_INT(attest_hpke_setup_sender(&ctx, &suite, pk, sizeof(pk), NULL, NULL,
                                    0, enc),
           ATTEST_EUNSUPPORTED, "no sender");
    IS_INT(ERR_peek_error(), 0, "and nothing is left in the error queue");
}


static void
test_vectors(void)
{
    uint8_t              *text, sk[32], want[32], got[32];
    uint8_t              pk[ATTEST_XWING_PK], enc[ATTEST_XWING_ENC];
    cJSON                *doc;
    attest_kem_key_t     key;
    attest_hpke_ctx_t    ctx;
    attest_hpke_suite_t  suite = { ATTEST_KEM_XWING, ATTEST_KDF_HKDF_SHA256,
                                   ATTEST_AEAD_EXPORT_ONLY };

    text = unit_read(TEST_DATA "/xwing.json", NULL);
    doc = cJSON_Parse((char *) text);
    free(text);

    IS_INT(field(doc, "seed", sk, 32), 32, "seed");
    IS_INT(field(doc, "public_key", pk, sizeof(pk)), 1216, "public key");
    IS_INT(field(doc, "enc", enc, sizeof(enc)), 1120, "enc");

    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_XWING, sk), ATTEST_OK,
           "import");
    OK(key.pk_len == 1216 && memcmp(key.pk, pk, 1216) == 0,
       "the vector's public key");

    IS_INT(attest_hpke_setup_recipient(&ctx, &suite, &key, enc, sizeof(enc),
                                       NULL, 0), ATTEST_OK, "recipient");
    field(doc, "exporter_secret", want, 32);
    IS_MEM(ctx.exporter, want, 32, "exporter secret");
    IS_INT(attest_hpke_export(&ctx, NULL, 0, got, 32), ATTEST_OK, "export");
    field(doc, "inference_secret", want, 32);
    IS_MEM(got, want, 32, "exported secret");

    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&key);
    cJSON_Delete(doc);
}


static void
test_round_trip(uint16_t aead, int prepared)
{
    int                  i, bad = 0;
    uint8_t              enc[ATTEST_XWING_ENC], buf[64 + 16], pt[64];
    uint8_t              a[32], b[32];
    attest_kem_key_t     key;
    attest_hpke_ctx_t    s, r;
    attest_hpke_suite_t  suite = { ATTEST_KEM_XWING, ATTEST_KDF_HKDF_SHA256,
                                   aead };

    IS_INT(attest_kem_key_generate(&key, ATTEST_KEM_XWING), ATTEST_OK,
           "a new key");
    memset(pt, 'x', sizeof(pt));

    if (prepared) {
        IS_INT(attest_kem_key_prepare(&key), ATTEST_OK, "prepared");
    }

    for (i = 0; i < 3; i++) {
        bad += attest_hpke_setup_sender(&s, &suite, key.pk, key.pk_len, NULL,
                                        pt, 9, enc) != ATTEST_OK;
        bad += attest_hpke_setup_recipient(&r, &suite, &key, enc,
                                           sizeof(enc), pt, 9) != ATTEST_OK;
        bad += attest_hpke_seal(&s, pt, 3, pt, sizeof(pt), buf) != ATTEST_OK;
        bad += attest_hpke_open(&r, pt, 3, buf, sizeof(buf), buf)
               != ATTEST_OK;
        bad += memcmp(buf, pt, sizeof(pt)) != 0;
        bad += attest_hpke_export(&s, pt, 5, a, 32) != ATTEST_OK;
        bad += attest_hpke_export(&r, pt, 5, b, 32) != ATTEST_OK;
        bad += memcmp(a, b, 32) != 0;
        attest_hpke_ctx_clear(&s);
        attest_hpke_ctx_clear(&r);
    }

    IS_INT(bad, 0, "AEAD %u, %s: what was sealed opens", aead,
           prepared ? "prepared" : "as it is");
    attest_kem_key_clear(&key);
}


/* Implicit rejection: a changed enc makes another secret, or none. */

static void
test_damage(void)
{
    int                  rc, opened = 0, odd = 0;
    size_t               i;
    uint8_t              enc[ATTEST_XWING_ENC], ct[16 + 4], pt[4];
    attest_kem_key_t     key;
    attest_hpke_ctx_t    s, r;
    attest_hpke_suite_t  suite = { ATTEST_KEM_XWING, ATTEST_KDF_HKDF_SHA256,
                                   ATTEST_AEAD_AES_128_GCM };

    attest_kem_key_import(&key, ATTEST_KEM_XWING, seed);
    attest_hpke_setup_sender(&s, &suite, key.pk, key.pk_len, NULL, NULL, 0,
                             enc);
    attest_hpke_seal(&s, NULL, 0, (const uint8_t *) "text", 4, ct);

    for (i = 0; i < sizeof(enc); i += 31) {
        enc[i] ^= 1;
        rc = attest_hpke_setup_recipient(&r, &suite, &key, enc, sizeof(enc),
                                         NULL, 0);
        enc[i] ^= 1;

        if (rc == ATTEST_OK) {
            opened += attest_hpke_open(&r, NULL, 0, ct, sizeof(ct), pt)
                      != ATTEST_ECRYPTO;
            attest_hpke_ctx_clear(&r);

        } else {
            odd += rc != ATTEST_ECRYPTO;
        }
    }

    IS_INT(opened, 0, "nothing opens under a changed enc");
    IS_INT(odd, 0, "nor is it another error");

    IS_INT(attest_hpke_setup_recipient(&r, &suite, &key, enc, 1119, NULL, 0),
           ATTEST_ECRYPTO, "enc too short");
    IS_INT(attest_hpke_setup_recipient(&r, &suite, &key, enc, 32, NULL, 0),
           ATTEST_ECRYPTO, "enc of X25519 alone");

    memset(enc + ATTEST_XWING_MLKEM_CT, 0, 32);
    IS_INT(attest_hpke_setup_recipient(&r, &suite, &key, enc, sizeof(enc),
                                       NULL, 0),
           ATTEST_ECRYPTO, "a low-order point");
    IS_INT(ERR_peek_error(), 0, "and nothing is left in the error queue");

    attest_hpke_ctx_clear(&s);
    attest_kem_key_clear(&key);
}


static void
test_refusals(void)
{
    size_t               i, left = 0;
    uint8_t              enc[ATTEST_XWING_ENC];
    attest_kem_key_t     key, other;
    attest_hpke_ctx_t    s;
    attest_hpke_suite_t  suite = { ATTEST_KEM_XWING, ATTEST_KDF_HKDF_SHA256,
                                   ATTEST_AEAD_AES_128_GCM };

    attest_kem_key_import(&key, ATTEST_KEM_XWING, seed);
    attest_kem_key_import(&other, ATTEST_KEM_X25519, seed);

    IS_INT(attest_hpke_setup_sender(&s, &suite, key.pk, key.pk_len, &key,
                                    NULL, 0, enc),
           ATTEST_EARG, "no ephemeral key of the caller's");
    IS_INT(attest_hpke_setup_sender(&s, &suite, key.pk, 1215, NULL, NULL, 0,
                                    enc),
           ATTEST_ECRYPTO, "a public key that is too short");
    IS_INT(attest_hpke_setup_recipient(&s, &suite, &other, enc, sizeof(enc),
                                       NULL, 0),
           ATTEST_EARG, "a key of another KEM");
    attest_kem_key_clear(&other);
    IS_INT(attest_kem_key_derive(&other, ATTEST_KEM_XWING, seed, 32),
           ATTEST_EUNSUPPORTED, "nothing is derived");

    /* FIPS 203 section 7.2: coefficients below 3329 */
    memset(key.pk, 0xff, 30);
    IS_INT(attest_hpke_setup_sender(&s, &suite, key.pk, key.pk_len, NULL,
                                    NULL, 0, enc),
           ATTEST_ECRYPTO, "no ML-KEM key");

    attest_kem_key_clear(&key);
    for (i = 0; i < sizeof(key); i++) {
        left += ((uint8_t *) &key)[i] != 0;
    }
    IS_INT(left, 0, "nothing left of a key");
}


/* These are bytes only, whatever OpenSSL can. */

static void
test_keyconfig(void)
{
    size_t              len, count = 2;
    uint8_t             list[2 * 1300], pk[ATTEST_XWING_PK];
    attest_keyconfig_t  kc[2], got[2];

    memset(pk, 3, sizeof(pk));
    memset(kc, 0, sizeof(kc));
    kc[0].id = 1;
    kc[0].kem = ATTEST_KEM_X25519;
    kc[0].pk = (attest_span_t) { pk, 32 };
    kc[1].id = 2;
    kc[1].kem = ATTEST_KEM_XWING;
    kc[1].pk = (attest_span_t) { pk, sizeof(pk) };
    kc[0].nsuites = kc[1].nsuites = 2;
    kc[0].suites[0].kdf = kc[1].suites[0].kdf = 1;
    kc[0].suites[0].aead = kc[1].suites[0].aead = 2;

    len = sizeof(list);
    IS_INT(attest_keyconfig_encode_list(kc, 2, list, &len), ATTEST_OK,
           "a list of both");
    IS_INT(len, 2 + 45 + 2 + 1229, "its length");
    IS_INT(attest_keyconfig_parse_list(list, len, got, NULL, &count),
           ATTEST_OK, "which parses");
    OK(count == 2 && got[1].kem == ATTEST_KEM_XWING && got[1].pk.n == 1216,
       "to both");

    kc[1].pk.n = 1120;
    len = sizeof(list);
    IS_INT(attest_keyconfig_encode_list(kc, 2, list, &len), ATTEST_EARG,
           "the length of enc is not that of the key");
}


static void
test_ohttp(attest_ohttp_form_e form)
{
    size_t                 n, used, i;
    uint8_t                head[ATTEST_OHTTP_MAX_HEAD], ct[9 + 16 + 1];
    uint8_t                buf[64], nonce[32] = { 1 };
    attest_aead_t          up, down;
    attest_ohttp_t         client, gateway;
    attest_kem_key_t       key;
    attest_keyconfig_t     kc;
    attest_ohttp_head_t    h;
    attest_ohttp_opener_t  op;
    attest_ohttp_sealer_t  s;
    attest_ohttp_limits_t  limits = { 64, 64, 4 };

    attest_kem_key_generate(&key, ATTEST_KEM_XWING);
    memset(&kc, 0, sizeof(kc));
    kc.id = 9;
    kc.kem = ATTEST_KEM_XWING;
    kc.pk = (attest_span_t) { key.pk, key.pk_len };
    kc.nsuites = 1;
    kc.suites[0].kdf = 1;
    kc.suites[0].aead = 3;

    n = sizeof(head);
    IS_INT(attest_ohttp_sender(&client, form, &kc, 1, 3, NULL, head, &n),
           ATTEST_OK, "client");
    IS_INT(n, 7 + 1120, "its head");

    memset(&h, 0, sizeof(h));
    for (i = 0; i < n; i++) {
        attest_ohttp_head_feed(&h, head + i, 1, &used);
    }
    OK(h.whole && h.len == n, "the head, byte by byte");
    IS_INT(attest_ohttp_recipient(&gateway, form, &kc, &key, &h), ATTEST_OK,
           "gateway");

    if (form == ATTEST_OHTTP_WHOLE) {
        attest_ohttp_seal_request(&client, (const uint8_t *) "a request", 9,
                                  ct);
        IS_INT(attest_ohttp_open_request(&gateway, ct, 25, buf), ATTEST_OK,
               "a request opens");

    } else {
        attest_ohttp_sealer_request(&s, &client);
        attest_ohttp_seal_final(&s, (const uint8_t *) "a request", 9, ct,
                                &n);
        attest_ohttp_opener_request(&op, &gateway, &limits, buf, 64);
        attest_ohttp_opener_feed(&op, ct, n, &used);
        IS_INT(attest_ohttp_opener_finish(&op), ATTEST_OK,
               "a chunked request opens");
    }

    IS_MEM(buf, "a request", 9, "it is the request");

    IS_INT(attest_ohttp_response(&down, &gateway, nonce, 1), ATTEST_OK,
           "response");
    IS_INT(attest_ohttp_response(&up, &client, nonce, 0), ATTEST_OK,
           "its other end");
    attest_aead_seal(&down, NULL, 0, (const uint8_t *) "x", 1, ct);
    IS_INT(attest_aead_open(&up, NULL, 0, ct, 17, buf), ATTEST_OK,
           "it opens");

    attest_aead_clear(&up);
    attest_aead_clear(&down);
    attest_ohttp_clear(&client);
    attest_ohttp_clear(&gateway);
    attest_kem_key_clear(&key);
}


int
main(void)
{
    uint16_t  aead;

    IS_INT(attest_kem_enc_len(ATTEST_KEM_XWING), 1120, "length of enc");
    IS_INT(attest_kem_pk_len(ATTEST_KEM_XWING), 1216, "length of a key");
    test_keyconfig();

    if (!attest_xwing_available()) {
        test_missing();
        printf("ok %d # skip the rest: %s has no ML-KEM\n", ++unit_count,
               OpenSSL_version(OPENSSL_VERSION));
        DONE();
    }

    test_vectors();

    for (aead = 1; aead <= 3; aead++) {
        test_round_trip(aead, 0);
        test_round_trip(aead, 1);
    }

    test_damage();
    test_refusals();
    test_ohttp(ATTEST_OHTTP_WHOLE);
    test_ohttp(ATTEST_OHTTP_CHUNKED);

    DONE();
}
