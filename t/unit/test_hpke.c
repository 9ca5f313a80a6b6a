/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HPKE: the published vectors of RFC 9180 (all encryptions and exports, byte
 * for byte, both directions), HKDF of RFC 5869, and what must be refused.
 */


#include <openssl/err.h>

#include <cjson/cJSON.h>

#include "unit.h"
#include "core/crypto/attest_hpke.h"


#define BYTES(s)  ((const uint8_t *) (s))


typedef struct {
    attest_hpke_suite_t   suite;
    uint8_t               info[64];
    size_t                info_len;
    uint8_t               enc[ATTEST_KEM_MAX_ENC];
    size_t                enc_len;
    attest_kem_key_t      recipient;
    attest_kem_key_t      ephemeral;
} vector_t;


static size_t field(const cJSON *o, const char *name, uint8_t *out,
    size_t room);
static int field_is(const cJSON *o, const char *name, const uint8_t *p,
    size_t n);
static int number(const cJSON *o, const char *name);
static int wiped(const uint8_t *p, size_t n);
static void test_hkdf(void);
static void test_hkdf_limits(void);
static void test_vectors(void);
static void test_vector(const cJSON *v);
static void test_vector_keys(const cJSON *v, vector_t *t);
static void test_vector_contexts(const cJSON *v, const vector_t *t);
static void test_vector_records(const cJSON *v, attest_hpke_ctx_t *s,
    attest_hpke_ctx_t *r);
static void test_vector_exports(const cJSON *v, const attest_hpke_ctx_t *s,
    const attest_hpke_ctx_t *r);
static void test_keys(void);
static void test_p256_keys(void);
static void test_bad_enc_x25519(int prepared);
static void test_prepared(uint16_t kem);
static void test_bad_enc_p256(void);
static void test_arguments(void);
static void test_open_failures(uint16_t aead);
static void test_in_place(uint16_t aead);
static void test_large(void);
static void test_directions(void);
static void test_tools(void);
static void test_sequence_end(void);
static void test_export_limits(void);
static void test_aead(void);
static void test_error_queue(void);


static const attest_hpke_suite_t  x25519 = {
    ATTEST_KEM_X25519, ATTEST_KDF_HKDF_SHA256, ATTEST_AEAD_AES_256_GCM
};

static const attest_hpke_suite_t  p256 = {
    ATTEST_KEM_P256, ATTEST_KDF_HKDF_SHA256, ATTEST_AEAD_AES_128_GCM
};


static size_t
field(const cJSON *o, const char *name, uint8_t *out, size_t room)
{
    const char  *s;

    s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    if (s == NULL) {
        printf("Bail out! no member %s\n", name);
        exit(1);
    }

    return unit_hex(s, out, room);
}


static int
field_is(const cJSON *o, const char *name, const uint8_t *p, size_t n)
{
    size_t   len;
    uint8_t  want[512];

    len = field(o, name, want, sizeof(want));

    return len == n && memcmp(want, p, n) == 0;
}


static int
number(const cJSON *o, const char *name)
{
    const cJSON  *m = cJSON_GetObjectItemCaseSensitive(o, name);

    if (!cJSON_IsNumber(m)) {
        printf("Bail out! no number %s\n", name);
        exit(1);
    }

    return m->valueint;
}


static int
wiped(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    return 1;
}


/* RFC 5869 appendix A.1, A.2 and A.3: the SHA-256 ones. */

static void
test_hkdf(void)
{
    size_t   i, ikm_len, salt_len, info_len, len;
    uint8_t  ikm[128], salt[128], info[128], prk[32], out[128], want[128];

    static const struct {
        const char  *ikm, *salt, *info, *prk, *okm;
    } t[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
          "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
          "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
          "34007208d5b887185865" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
          "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
          "404142434445464748494a4b4c4d4e4f",
          "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
          "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
          "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
          "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
          "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
          "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
          "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
          "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
          "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
          "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
          "9d201395faa4b61a96c8" },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        ikm_len = unit_hex(t[i].ikm, ikm, sizeof(ikm));
        salt_len = unit_hex(t[i].salt, salt, sizeof(salt));
        info_len = unit_hex(t[i].info, info, sizeof(info));

        IS_INT(attest_hkdf_extract(salt_len ? salt : NULL, salt_len, ikm,
                                   ikm_len, prk),
               ATTEST_OK, "RFC 5869 A.%zu extract", i + 1);
        unit_hex(t[i].prk, want, sizeof(want));
        IS_MEM(prk, want, 32, "RFC 5869 A.%zu PRK", i + 1);

        len = unit_hex(t[i].okm, want, sizeof(want));
        IS_INT(attest_hkdf_expand(prk, info_len ? info : NULL, info_len, out,
                                  len),
               ATTEST_OK, "RFC 5869 A.%zu expand", i + 1);
        IS_MEM(out, want, len, "RFC 5869 A.%zu OKM", i + 1);
    }
}


static void
test_hkdf_limits(void)
{
    uint8_t  prk[32], a[32], b[33], *big;

    memset(prk, 7, sizeof(prk));
    big = malloc(255 * 32 + 1);

    IS_INT(attest_hkdf_expand(prk, NULL, 0, big, 255 * 32), ATTEST_OK,
           "expand: the longest output");
    IS_INT(attest_hkdf_expand(prk, NULL, 0, big, 255 * 32 + 1), ATTEST_EARG,
           "expand: one byte more");
    IS_INT(attest_hkdf_expand(prk, NULL, 0, a, sizeof(a)), ATTEST_OK,
           "expand: one block");
    IS_INT(attest_hkdf_expand(prk, NULL, 0, b, sizeof(b)), ATTEST_OK,
           "expand: one byte more than a block");
    OK(memcmp(a, b, 32) == 0 && memcmp(b, big, 33) == 0,
       "expand: a shorter output is a prefix");
    IS_INT(attest_hkdf_expand(prk, NULL, 0, a, 0), ATTEST_OK,
           "expand: nothing asked");
    IS_MEM(a, b, 32, "expand: nothing written");

    free(big);
}


static void
test_vectors(void)
{
    int           n = 0;
    uint8_t      *text;
    cJSON        *doc;
    const cJSON  *v;

    text = unit_read(TEST_DATA "/hpke-rfc9180.json", NULL);
    doc = cJSON_Parse((char *) text);
    free(text);

    cJSON_ArrayForEach(v, doc) {
        test_vector(v);
        n++;
    }

    IS_INT(n, 8, "all 8 vectors seen");
    cJSON_Delete(doc);
}


static void
test_vector(const cJSON *v)
{
    vector_t  t;

    t.suite.kem = (uint16_t) number(v, "kem_id");
    t.suite.kdf = (uint16_t) number(v, "kdf_id");
    t.suite.aead = (uint16_t) number(v, "aead_id");
    t.info_len = field(v, "info", t.info, sizeof(t.info));
    t.enc_len = field(v, "enc", t.enc, sizeof(t.enc));

    printf("# KEM %04x KDF %04x AEAD %04x\n", t.suite.kem, t.suite.kdf,
           t.suite.aead);

    test_vector_keys(v, &t);
    test_vector_contexts(v, &t);

    IS_INT(attest_kem_key_prepare(&t.recipient), ATTEST_OK, "prepare");
    IS_INT(attest_kem_key_prepare(&t.recipient), ATTEST_OK, "and again");
    IS_INT(attest_kem_key_prepare(&t.ephemeral), ATTEST_OK, "prepare");
    test_vector_contexts(v, &t);
    /* what was kept the first time */
    test_vector_contexts(v, &t);

    attest_kem_key_clear(&t.recipient);
    attest_kem_key_clear(&t.ephemeral);
}


/* DeriveKeyPair from ikmR and ikmE; import of the same private keys. */

static void
test_vector_keys(const cJSON *v, vector_t *t)
{
    size_t             n;
    uint8_t            ikm[64], sk[32];
    attest_kem_key_t   again;

    n = field(v, "ikmR", ikm, sizeof(ikm));
    IS_INT(attest_kem_key_derive(&t->recipient, t->suite.kem, ikm, n),
           ATTEST_OK, "DeriveKeyPair(ikmR)");
    OK(field_is(v, "skRm", t->recipient.sk, 32), "skR");
    OK(field_is(v, "pkRm", t->recipient.pk, t->recipient.pk_len), "pkR");

    n = field(v, "ikmE", ikm, sizeof(ikm));
    IS_INT(attest_kem_key_derive(&t->ephemeral, t->suite.kem, ikm, n),
           ATTEST_OK, "DeriveKeyPair(ikmE)");
    OK(field_is(v, "skEm", t->ephemeral.sk, 32), "skE");
    OK(field_is(v, "pkEm", t->ephemeral.pk, t->ephemeral.pk_len), "pkE");

    field(v, "skRm", sk, sizeof(sk));
    IS_INT(attest_kem_key_import(&again, t->suite.kem, sk), ATTEST_OK,
           "import skR");
    OK(field_is(v, "pkRm", again.pk, again.pk_len), "pkR of the import");
    attest_kem_key_clear(&again);
}


static void
test_vector_contexts(const cJSON *v, const vector_t *t)
{
    size_t             nk = attest_aead_key_len(t->suite.aead);
    uint8_t            enc[ATTEST_KEM_MAX_ENC];
    attest_hpke_ctx_t  s, r;

    IS_INT(attest_hpke_setup_sender(&s, &t->suite, t->recipient.pk,
                                    t->recipient.pk_len, &t->ephemeral,
                                    t->info, t->info_len, enc),
           ATTEST_OK, "SetupBaseS");
    OK(field_is(v, "enc", enc, t->enc_len), "enc");

    IS_INT(attest_hpke_setup_recipient(&r, &t->suite, &t->recipient, t->enc,
                                       t->enc_len, t->info, t->info_len),
           ATTEST_OK, "SetupBaseR");

    OK(field_is(v, "exporter_secret", s.exporter, 32), "exporter, sender");
    OK(field_is(v, "exporter_secret", r.exporter, 32), "exporter, recipient");

    if (nk != 0) {
        OK(field_is(v, "key", r.key, nk), "key");
        OK(field_is(v, "base_nonce", r.base_nonce, 12), "base_nonce");
        test_vector_records(v, &s, &r);

    } else {
        IS_INT(attest_hpke_seal(&s, NULL, 0, enc, 1, enc),
               ATTEST_EUNSUPPORTED, "export only: no seal");
        IS_INT(attest_hpke_open(&r, NULL, 0, enc, 17, enc),
               ATTEST_EUNSUPPORTED, "export only: no open");
    }

    test_vector_exports(v, &s, &r);

    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
    OK(wiped((uint8_t *) &r, sizeof(r)), "context wiped");
}


static void
test_vector_records(const cJSON *v, attest_hpke_ctx_t *s,
    attest_hpke_ctx_t *r)
{
    int           n = 0, sealed = 0, opened = 0;
    size_t        aad_len, ct_len, pt_len;
    uint8_t       aad[64], ct[128], pt[128], got[128];
    const cJSON  *list, *e;

    list = cJSON_GetObjectItemCaseSensitive(v, "encryptions");

    cJSON_ArrayForEach(e, list) {
        aad_len = field(e, "aad", aad, sizeof(aad));
        ct_len = field(e, "ct", ct, sizeof(ct));
        pt_len = field(e, "pt", pt, sizeof(pt));

        if (ct_len == pt_len + 16
            && attest_hpke_seal(s, aad, aad_len, pt, pt_len, got) == ATTEST_OK
            && memcmp(got, ct, ct_len) == 0)
        {
            sealed++;
        }

        if (attest_hpke_open(r, aad, aad_len, ct, ct_len, got) == ATTEST_OK
            && memcmp(got, pt, pt_len) == 0)
        {
            opened++;
        }

        n++;
    }

    IS_INT(n, 257, "257 encryptions");
    IS_INT(sealed, n, "all sealed to the published bytes");
    IS_INT(opened, n, "all opened");
    IS_INT(r->seq, n, "sequence number");
}


static void
test_vector_exports(const cJSON *v, const attest_hpke_ctx_t *s,
    const attest_hpke_ctx_t *r)
{
    int           n = 0;
    size_t        len, want;
    uint8_t       label[64], a[64], b[64];
    const cJSON  *list, *e;

    list = cJSON_GetObjectItemCaseSensitive(v, "exports");

    cJSON_ArrayForEach(e, list) {
        len = field(e, "exporter_context", label, sizeof(label));
        want = (size_t) number(e, "L");

        OK(attest_hpke_export(s, label, len, a, want) == ATTEST_OK
           && field_is(e, "exported_value", a, want), "export, sender");
        OK(attest_hpke_export(r, label, len, b, want) == ATTEST_OK
           && memcmp(a, b, want) == 0, "export, recipient");
        n++;
    }

    IS_INT(n, 3, "3 exports");
}


static void
test_keys(void)
{
    size_t             i;
    uint8_t            ikm[33], sk[32];
    attest_kem_key_t   a, b;
    const uint16_t     kems[] = { ATTEST_KEM_X25519, ATTEST_KEM_P256 };

    memset(ikm, 9, sizeof(ikm));

    for (i = 0; i < 2; i++) {
        IS_INT(attest_kem_key_generate(&a, kems[i]), ATTEST_OK, "generate");
        IS_INT(attest_kem_key_generate(&b, kems[i]), ATTEST_OK, "another");
        OK(memcmp(a.sk, b.sk, 32) != 0, "two keys differ");
        IS_INT(a.pk_len, attest_kem_enc_len(kems[i]), "length of the key");
        attest_kem_key_clear(&b);
        OK(wiped((uint8_t *) &b, sizeof(b)), "key wiped");

        memcpy(b.sk, a.sk, 32);
        IS_INT(attest_kem_key_import(&b, kems[i], b.sk), ATTEST_OK,
               "import from its own member");
        OK(b.pk_len == a.pk_len && memcmp(a.pk, b.pk, a.pk_len) == 0,
           "same public key");
        attest_kem_key_clear(&a);
        attest_kem_key_clear(&b);

        IS_INT(attest_kem_key_derive(&a, kems[i], ikm, 31), ATTEST_EARG,
               "derive: 31 bytes are too few");
        IS_INT(attest_kem_key_derive(&a, kems[i], ikm, 33), ATTEST_OK,
               "derive: 33 bytes");
        attest_kem_key_clear(&a);
    }

    memset(sk, 1, sizeof(sk));
    IS_INT(attest_kem_key_import(&a, 0x0041, sk), ATTEST_EUNSUPPORTED,
           "import: unknown KEM");
    OK(wiped((uint8_t *) &a, sizeof(a)), "nothing left of it");
    IS_INT(attest_kem_key_derive(&a, 0x0041, ikm, 32), ATTEST_EUNSUPPORTED,
           "derive: unknown KEM");
    IS_INT(attest_kem_key_generate(&a, 0), ATTEST_EUNSUPPORTED,
           "generate: unknown KEM");
    IS_INT(attest_kem_enc_len(0x0041), 0, "length of an unknown KEM");
    IS_INT(attest_aead_key_len(ATTEST_AEAD_EXPORT_ONLY), 0,
           "export only has no key");
}


static void
test_p256_keys(void)
{
    uint8_t            sk[32];
    attest_kem_key_t   key;

    static const char  order[] =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    static const char  generator[] =
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    uint8_t            g[65];

    unit_hex(order, sk, sizeof(sk));
    unit_hex(generator, g, sizeof(g));

    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_P256, sk), ATTEST_ECRYPTO,
           "P-256: private key equal to the order");
    OK(wiped((uint8_t *) &key, sizeof(key)), "nothing left of it");

    sk[31]--;
    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_P256, sk), ATTEST_OK,
           "P-256: order - 1");
    OK(memcmp(key.pk, g, 33) == 0 && memcmp(key.pk + 33, g + 33, 32) != 0,
       "which is minus the generator");
    attest_kem_key_clear(&key);

    memset(sk, 0xff, sizeof(sk));
    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_P256, sk), ATTEST_ECRYPTO,
           "P-256: above the order");

    memset(sk, 0, sizeof(sk));
    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_P256, sk), ATTEST_ECRYPTO,
           "P-256: zero");

    sk[31] = 1;
    IS_INT(attest_kem_key_import(&key, ATTEST_KEM_P256, sk), ATTEST_OK,
           "P-256: one");
    IS_MEM(key.pk, g, 65, "which is the generator");
    attest_kem_key_clear(&key);
}


/* The u-coordinates of order 1, 2, 4 and 8, and two non-canonical ones. */

static void
test_bad_enc_x25519(int prepared)
{
    size_t             i;
    uint8_t            enc[40];
    attest_kem_key_t   key;
    attest_hpke_ctx_t  ctx;

    static const char *const  low[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    if (prepared) {
        attest_kem_key_prepare(&key);
    }

    for (i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        unit_hex(low[i], enc, sizeof(enc));
        IS_INT(attest_hpke_setup_recipient(&ctx, &x25519, &key, enc, 32,
                                           NULL, 0),
               ATTEST_ECRYPTO, "low-order enc %zu", i);
        OK(wiped((uint8_t *) &ctx, sizeof(ctx)), "no context");
        IS_INT(attest_hpke_setup_sender(&ctx, &x25519, enc, 32, NULL, NULL, 0,
                                        enc),
               ATTEST_ECRYPTO, "low-order recipient key %zu", i);
    }

    memset(enc, 9, sizeof(enc));
    for (i = 0; i <= sizeof(enc); i++) {
        if (i == 32) {
            continue;
        }

        if (attest_hpke_setup_recipient(&ctx, &x25519, &key, enc, i, NULL, 0)
            != ATTEST_ECRYPTO)
        {
            break;
        }
    }
    IS_INT(i, sizeof(enc) + 1, "enc of every other length refused");

    attest_kem_key_clear(&key);
}


/*
 * Contexts of a prepared key: many at once, with more infos than it keeps,
 * and after refusals; each has the keys of an unprepared one.
 */

static void
test_prepared(uint16_t kem)
{
    int                  bad = 0;
    size_t               i, n;
    uint8_t              enc[20][ATTEST_KEM_MAX_ENC], info[80] = { 0 };
    uint8_t              zero[ATTEST_KEM_MAX_ENC] = { 0 };
    attest_aead_t        a, b;
    attest_span_t        span = { info, sizeof(info) };
    attest_kem_key_t     key, fast, none = { 0 };
    attest_hpke_ctx_t    s[20], r[20], plain;
    attest_hpke_suite_t  suite = { kem, ATTEST_KDF_HKDF_SHA256, 0 };

    IS_INT(attest_kem_key_prepare(&none), ATTEST_EARG, "prepare no key");

    attest_kem_key_generate(&key, kem);
    attest_kem_key_import(&fast, kem, key.sk);
    IS_INT(attest_kem_key_prepare(&fast), ATTEST_OK, "prepare %04x", kem);
    n = attest_kem_enc_len(kem);

    for (i = 0; i < 20; i++) {
        suite.aead = (uint16_t) (1 + i % 3);
        info[0] = (uint8_t) i;

        /* the longest that is kept, and longer ones */
        attest_hpke_setup_sender(&s[i], &suite, key.pk, key.pk_len, NULL,
                                 info, 55 + i, enc[i]);
        bad |= attest_hpke_setup_recipient(&r[i], &suite, &fast, enc[i], n,
                                           info, 55 + i);
        bad |= attest_hpke_setup_recipient(&plain, &suite, &fast, zero, n,
                                           info, 55 + i) != ATTEST_ECRYPTO;
    }

    IS_INT(bad, 0, "contexts, with refusals between them");

    for (i = 0; i < 20; i++) {
        suite.aead = (uint16_t) (1 + i % 3);
        info[0] = (uint8_t) i;
        attest_hpke_setup_recipient(&plain, &suite, &key, enc[i], n, info,
                                    55 + i);
        bad |= memcmp(plain.key, r[i].key, sizeof(plain.key))
               || memcmp(plain.exporter, r[i].exporter, 32)
               || memcmp(plain.base_nonce, r[i].base_nonce, 12);

        bad |= attest_hpke_response(&a, &r[i], span, 32, span, 1)
               || attest_hpke_response(&b, &s[i], span, 32, span, 0);
        bad |= attest_aead_seal(&a, NULL, 0, info, 16, zero)
               || attest_aead_open(&b, NULL, 0, zero, 32, zero)
               || memcmp(zero, info, 16);

        attest_aead_clear(&a);
        attest_aead_clear(&b);
        attest_hpke_ctx_clear(&plain);
        attest_hpke_ctx_clear(&s[i]);
        attest_hpke_ctx_clear(&r[i]);
    }

    IS_INT(bad, 0, "the same keys, and responses that open");

    attest_hpke_setup_recipient(&plain, &suite, &key, key.pk, n, NULL, 0);
    IS_INT(attest_hpke_response(&a, &plain, span, 33, span, 1), ATTEST_EARG,
           "a secret longer than any");
    attest_hpke_ctx_clear(&plain);
    suite.aead = ATTEST_AEAD_EXPORT_ONLY;
    attest_hpke_setup_recipient(&plain, &suite, &fast, key.pk, n, NULL, 0);
    IS_INT(attest_hpke_response(&a, &plain, span, 32, span, 1),
           ATTEST_EUNSUPPORTED, "a response of an exporter");
    attest_hpke_ctx_clear(&plain);

    attest_kem_key_clear(&key);
    attest_kem_key_clear(&fast);
    OK(wiped((uint8_t *) &fast, sizeof(fast)), "prepared key wiped");
}


static void
test_bad_enc_p256(void)
{
    int                hybrid;
    size_t             i;
    uint8_t            enc[72], out[65];
    attest_kem_key_t   key, peer;
    attest_hpke_ctx_t  ctx;

    attest_kem_key_generate(&key, ATTEST_KEM_P256);
    attest_kem_key_generate(&peer, ATTEST_KEM_P256);

#define REFUSED(n, name)                                                     \
    do {                                                                     \
        IS_INT(attest_hpke_setup_recipient(&ctx, &p256, &key, enc, n, NULL,  \
                                           0),                               \
               ATTEST_ECRYPTO, "P-256 enc: %s", name);                       \
        OK(wiped((uint8_t *) &ctx, sizeof(ctx)), "no context");              \
        IS_INT(attest_hpke_setup_sender(&ctx, &p256, enc, n, NULL, NULL, 0,  \
                                        out),                                \
               ATTEST_ECRYPTO, "P-256 recipient key: %s", name);             \
    } while (0)

    memset(enc, 0, sizeof(enc));
    REFUSED(65, "all zero");

    memcpy(enc, peer.pk, 65);
    enc[64] ^= 1;
    REFUSED(65, "not on the curve");

    memcpy(enc, peer.pk, 65);
    memset(enc + 1, 0xff, 32);
    REFUSED(65, "x above the field");

    memset(enc, 0, sizeof(enc));
    enc[0] = 0x04;
    REFUSED(65, "04 and zeros");

    hybrid = 0x06 | (peer.pk[64] & 1);
    memcpy(enc, peer.pk, 65);
    enc[0] = (uint8_t) hybrid;
    REFUSED(65, "hybrid form");

    enc[0] = 0x02 | (peer.pk[64] & 1);
    REFUSED(33, "compressed form");
    REFUSED(65, "compressed form, padded");

    enc[0] = 0;
    REFUSED(1, "infinity");

#undef REFUSED

    memcpy(enc, peer.pk, 65);
    for (i = 0; i <= sizeof(enc); i++) {
        if (i != 65
            && attest_hpke_setup_recipient(&ctx, &p256, &key, enc, i, NULL, 0)
               != ATTEST_ECRYPTO)
        {
            break;
        }
    }
    IS_INT(i, sizeof(enc) + 1, "P-256 enc of every other length refused");

    IS_INT(attest_hpke_setup_recipient(&ctx, &p256, &key, enc, 65, NULL, 0),
           ATTEST_OK, "and the point itself accepted");
    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&key);
    attest_kem_key_clear(&peer);
}


static void
test_arguments(void)
{
    uint8_t              enc[65];
    attest_kem_key_t     key;
    attest_hpke_ctx_t    ctx;
    attest_hpke_suite_t  s;

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);

    s = x25519;
    s.kdf = 0x0003;
    IS_INT(attest_hpke_setup_recipient(&ctx, &s, &key, key.pk, 32, NULL, 0),
           ATTEST_EUNSUPPORTED, "unknown KDF");

    s = x25519;
    s.aead = 0x0004;
    IS_INT(attest_hpke_setup_recipient(&ctx, &s, &key, key.pk, 32, NULL, 0),
           ATTEST_EUNSUPPORTED, "unknown AEAD");
    IS_INT(attest_hpke_setup_sender(&ctx, &s, key.pk, 32, NULL, NULL, 0, enc),
           ATTEST_EUNSUPPORTED, "unknown AEAD, sender");

    s = x25519;
    s.kem = 0x0021;
    IS_INT(attest_hpke_setup_recipient(&ctx, &s, &key, key.pk, 32, NULL, 0),
           ATTEST_EUNSUPPORTED, "unknown KEM");

    IS_INT(attest_hpke_setup_recipient(&ctx, &p256, &key, key.pk, 32, NULL,
                                       0),
           ATTEST_EARG, "key of another KEM");
    IS_INT(attest_hpke_setup_sender(&ctx, &p256, key.pk, 32, &key, NULL, 0,
                                    enc),
           ATTEST_EARG, "ephemeral key of another KEM");

    attest_kem_key_clear(&key);
    IS_INT(attest_hpke_setup_recipient(&ctx, &x25519, &key, enc, 32, NULL,
                                       0),
           ATTEST_EARG, "a cleared key");
    attest_hpke_ctx_clear(&ctx);
    OK(wiped((uint8_t *) &ctx, sizeof(ctx)), "clearing after a failure");
}


/* Each byte of a record flipped, each truncation, other aad, other order. */

static void
test_open_failures(uint16_t aead)
{
    int                  rc, bad = 0, dirty = 0, moved = 0;
    size_t               i;
    uint8_t              enc[32], ct[64], ct2[64], pt[64];
    attest_kem_key_t     key;
    attest_hpke_ctx_t    s, r;
    attest_hpke_suite_t  suite = x25519;
    static const char    text[] = "a prompt that is nobody's business";

    suite.aead = aead;
    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_hpke_setup_sender(&s, &suite, key.pk, 32, NULL, NULL, 0, enc);
    attest_hpke_setup_recipient(&r, &suite, &key, enc, 32, NULL, 0);
    attest_hpke_seal(&s, BYTES("aad"), 3, BYTES(text), 34, ct);
    attest_hpke_seal(&s, BYTES("aad"), 3, BYTES(text), 34, ct2);

    for (i = 0; i < 34 + 16; i++) {
        ct[i] ^= 0x80;
        memset(pt, 0xaa, sizeof(pt));
        rc = attest_hpke_open(&r, BYTES("aad"), 3, ct, 50, pt);
        bad += rc != ATTEST_ECRYPTO;
        dirty += !wiped(pt, 34) || pt[34] != 0xaa;
        moved += r.seq != 0;
        ct[i] ^= 0x80;

        memset(pt, 0xaa, sizeof(pt));
        rc = attest_hpke_open(&r, BYTES("aad"), 3, ct, i, pt);
        bad += rc != ATTEST_ECRYPTO;
        dirty += i >= 16 && (!wiped(pt, i - 16) || pt[i - 16] != 0xaa);
        moved += r.seq != 0;
    }

    IS_INT(bad, 0, "AEAD %04x: every flip and truncation refused", aead);
    IS_INT(dirty, 0, "plaintext wiped, nothing behind it touched");
    IS_INT(moved, 0, "sequence number not advanced");

    IS_INT(attest_hpke_open(&r, BYTES("aae"), 3, ct, 50, pt), ATTEST_ECRYPTO,
           "other aad");
    IS_INT(attest_hpke_open(&r, NULL, 0, ct, 50, pt), ATTEST_ECRYPTO,
           "no aad");
    IS_INT(attest_hpke_open(&r, BYTES("aad"), 3, ct2, 50, pt),
           ATTEST_ECRYPTO, "the second record first");
    IS_INT(attest_hpke_open(&r, BYTES("aad"), 3, ct, 50, pt), ATTEST_OK,
           "after all that the first record opens");
    IS_MEM(pt, text, 34, "to its plaintext");
    IS_INT(attest_hpke_open(&r, BYTES("aad"), 3, ct, 50, pt), ATTEST_ECRYPTO,
           "but not twice");
    IS_INT(attest_hpke_open(&r, BYTES("aad"), 3, ct2, 50, pt), ATTEST_OK,
           "then the second");

    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
    attest_kem_key_clear(&key);
}


static void
test_in_place(uint16_t aead)
{
    int                  rc = 0;
    size_t               i, n;
    uint8_t              enc[65], buf[300], copy[300], other[300];
    attest_kem_key_t     key;
    attest_hpke_ctx_t    s, s2, r;
    attest_kem_key_t     eph;
    attest_hpke_suite_t  suite = p256;

    suite.aead = aead;
    attest_kem_key_generate(&key, ATTEST_KEM_P256);
    attest_kem_key_generate(&eph, ATTEST_KEM_P256);
    attest_hpke_setup_sender(&s, &suite, key.pk, 65, &eph, NULL, 0, enc);
    attest_hpke_setup_sender(&s2, &suite, key.pk, 65, &eph, NULL, 0, enc);
    attest_hpke_setup_recipient(&r, &suite, &key, enc, 65, NULL, 0);

    for (n = 0; n <= sizeof(buf) - 16 && rc == 0; n++) {
        for (i = 0; i < n; i++) {
            buf[i] = copy[i] = (uint8_t) (i * 7 + n);
        }

        rc |= attest_hpke_seal(&s, NULL, 0, buf, n, buf);
        rc |= attest_hpke_seal(&s2, NULL, 0, copy, n, other);
        rc |= memcmp(buf, other, n + 16);
        rc |= attest_hpke_open(&r, NULL, 0, buf, n + 16, buf);
        rc |= memcmp(buf, copy, n);
    }

    IS_INT(rc, 0, "AEAD %04x: in place, every length up to 284", aead);
    IS_INT(n, 285, "all lengths seen");

    memcpy(buf, other, sizeof(buf));
    IS_INT(attest_hpke_open(&r, NULL, 0, buf, 300, buf), ATTEST_ECRYPTO,
           "in place failure");
    OK(wiped(buf, 284), "in place failure wiped");

    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&s2);
    attest_hpke_ctx_clear(&r);
    attest_kem_key_clear(&key);
    attest_kem_key_clear(&eph);
}


static void
test_large(void)
{
    size_t             i, n = 3 * 1024 * 1024 + 1;
    uint8_t            enc[32], *buf;
    attest_kem_key_t   key;
    attest_hpke_ctx_t  s, r;

    buf = malloc(n + 16);
    for (i = 0; i < n; i++) {
        buf[i] = (uint8_t) (i >> 3);
    }

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_hpke_setup_sender(&s, &x25519, key.pk, 32, NULL, NULL, 0, enc);
    attest_hpke_setup_recipient(&r, &x25519, &key, enc, 32, NULL, 0);

    IS_INT(attest_hpke_seal(&s, NULL, 0, buf, n, buf), ATTEST_OK,
           "seal 3 MiB");
    IS_INT(attest_hpke_open(&r, NULL, 0, buf, n + 16, buf), ATTEST_OK,
           "open 3 MiB");

    for (i = 0; i < n && buf[i] == (uint8_t) (i >> 3); i++) {
        /* void */
    }
    IS_INT(i, n, "3 MiB come back");

    free(buf);
    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
    attest_kem_key_clear(&key);
}


static void
test_directions(void)
{
    uint8_t            enc[32], ct[17], pt[1] = { 5 };
    attest_kem_key_t   key;
    attest_hpke_ctx_t  s, r, other;

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_hpke_setup_sender(&s, &x25519, key.pk, 32, NULL, BYTES("a"), 1,
                             enc);
    attest_hpke_setup_recipient(&r, &x25519, &key, enc, 32, BYTES("a"), 1);
    attest_hpke_setup_recipient(&other, &x25519, &key, enc, 32, BYTES("b"),
                                1);

    IS_INT(attest_hpke_seal(&r, NULL, 0, pt, 1, ct), ATTEST_EARG,
           "a recipient does not seal");
    IS_INT(attest_hpke_open(&s, NULL, 0, ct, 17, pt), ATTEST_EARG,
           "a sender does not open");
    IS_INT(attest_hpke_seal(&s, NULL, 0, pt, 1, ct), ATTEST_OK, "seal");
    IS_INT(attest_hpke_open(&other, NULL, 0, ct, 17, pt), ATTEST_ECRYPTO,
           "other info, other keys");
    IS_INT(attest_hpke_open(&r, NULL, 0, ct, 17, pt), ATTEST_OK, "open");
    IS_INT(pt[0], 5, "plaintext");

    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
    attest_hpke_ctx_clear(&other);
    attest_kem_key_clear(&key);
}


/* Many requests of one sender, to keys of two kinds in turn. */

static void
test_tools(void)
{
    int                  i, bad = 0;
    uint8_t              enc[65], ct[32];
    attest_aead_t        a;
    attest_kem_key_t     key;
    attest_hpke_ctx_t    s, r;
    attest_hpke_suite_t  suite;
    attest_kem_tools_t  *tools = attest_kem_tools_new();

    OK(tools != NULL, "a sender has tools");

    for (i = 0; i < 8; i++) {
        suite = i & 1 ? p256 : x25519;
        suite.aead = i & 2 ? ATTEST_AEAD_AES_256_GCM : ATTEST_AEAD_CHACHA20;

        bad += attest_kem_key_generate(&key, suite.kem) != ATTEST_OK;
        bad += attest_hpke_setup_sender_with(&s, tools, &suite,
                   attest_span(key.pk, key.pk_len), attest_span("info", 4),
                   enc) != ATTEST_OK;
        bad += attest_hpke_setup_recipient(&r, &suite, &key, enc,
                   attest_kem_enc_len(suite.kem), BYTES("info"), 4)
               != ATTEST_OK;
        bad += attest_hpke_seal(&s, NULL, 0, BYTES("a prompt"), 8, ct)
               != ATTEST_OK;
        bad += attest_hpke_open(&r, NULL, 0, ct, 24, ct) != ATTEST_OK;
        bad += memcmp(ct, "a prompt", 8) != 0;

        bad += attest_hpke_response(&a, &r, attest_span("label", 5), 16,
                                    attest_span("salt", 4), 1) != ATTEST_OK;
        bad += attest_aead_seal(&a, NULL, 0, BYTES("answer"), 6, ct)
               != ATTEST_OK;
        attest_aead_clear(&a);
        bad += attest_hpke_response(&a, &s, attest_span("label", 5), 16,
                                    attest_span("salt", 4), 0) != ATTEST_OK;
        bad += attest_aead_open(&a, NULL, 0, ct, 22, ct) != ATTEST_OK;
        bad += memcmp(ct, "answer", 6) != 0;

        attest_aead_clear(&a);
        attest_hpke_ctx_clear(&s);
        attest_hpke_ctx_clear(&r);
        attest_kem_key_clear(&key);
    }

    IS_INT(bad, 0, "and what it seals with them opens, both ways");

    memset(enc, 0, sizeof(enc));
    IS_INT(attest_hpke_setup_sender_with(&s, tools, &x25519,
                                         attest_span(enc, 32),
                                         ATTEST_NO_SPAN, enc),
           ATTEST_ECRYPTO, "but not to a key of low order");

    attest_kem_tools_free(tools);
}


static void
test_sequence_end(void)
{
    uint8_t            enc[32], ct[16];
    attest_kem_key_t   key;
    attest_hpke_ctx_t  s, r;

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_hpke_setup_sender(&s, &x25519, key.pk, 32, NULL, NULL, 0, enc);
    attest_hpke_setup_recipient(&r, &x25519, &key, enc, 32, NULL, 0);

    s.seq = r.seq = UINT64_MAX - 1;
    IS_INT(attest_hpke_seal(&s, NULL, 0, NULL, 0, ct), ATTEST_OK,
           "the last sequence number seals");
    IS_INT(attest_hpke_open(&r, NULL, 0, ct, 16, ct), ATTEST_OK,
           "and opens");
    IS_INT(attest_hpke_seal(&s, NULL, 0, NULL, 0, ct), ATTEST_ELIMIT,
           "then no more seal");
    IS_INT(attest_hpke_open(&r, NULL, 0, ct, 16, ct), ATTEST_ELIMIT,
           "and no more open");
    OK(s.seq == UINT64_MAX && r.seq == UINT64_MAX, "no wrap to zero");

    attest_hpke_ctx_clear(&s);
    attest_hpke_ctx_clear(&r);
    attest_kem_key_clear(&key);
}


static void
test_export_limits(void)
{
    uint8_t            enc[32], *out, label[200];
    attest_kem_key_t   key;
    attest_hpke_ctx_t  s;

    out = malloc(255 * 32 + 1);
    memset(label, 'x', sizeof(label));

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_hpke_setup_sender(&s, &x25519, key.pk, 32, NULL, NULL, 0, enc);

    IS_INT(attest_hpke_export(&s, label, sizeof(label), out, 255 * 32),
           ATTEST_OK, "the longest export");
    IS_INT(attest_hpke_export(&s, label, sizeof(label), out, 255 * 32 + 1),
           ATTEST_EARG, "one byte more");

    free(out);
    attest_hpke_ctx_clear(&s);
    attest_kem_key_clear(&key);
}


/* GCM test cases 1 and 13 of McGrew and Viega: an empty message's tag. */

static void
test_aead(void)
{
    uint8_t        zero[32], out[16], want[16];
    attest_aead_t  s, o;

    memset(zero, 0, sizeof(zero));

    IS_INT(attest_aead_init(&s, ATTEST_AEAD_AES_128_GCM, zero, zero, 1),
           ATTEST_OK, "AES-128-GCM");
    IS_INT(attest_aead_seal(&s, NULL, 0, NULL, 0, out), ATTEST_OK,
           "seal an empty message");
    unit_hex("58e2fccefa7e3061367f1d57a4e7455a", want, 16);
    IS_MEM(out, want, 16, "published tag");
    IS_INT(attest_aead_open(&s, NULL, 0, out, 16, out), ATTEST_EARG,
           "a sealing context does not open");
    attest_aead_clear(&s);
    OK(wiped((uint8_t *) &s, sizeof(s)), "cleared");

    attest_aead_init(&s, ATTEST_AEAD_AES_256_GCM, zero, zero, 1);
    attest_aead_seal(&s, NULL, 0, NULL, 0, out);
    unit_hex("530f8afbc74536b9a963b4f1c4cb738b", want, 16);
    IS_MEM(out, want, 16, "AES-256-GCM: published tag");

    attest_aead_init(&o, ATTEST_AEAD_AES_256_GCM, zero, zero, 0);
    IS_INT(attest_aead_seal(&o, NULL, 0, NULL, 0, out), ATTEST_EARG,
           "an opening context does not seal");
    out[15] ^= 1;
    IS_INT(attest_aead_open(&o, NULL, 0, out, 16, out), ATTEST_ECRYPTO,
           "empty message, tag flipped");
    IS_INT(o.seq, 0, "counter not advanced");
    memcpy(out, want, 16);
    IS_INT(attest_aead_open(&o, NULL, 0, out, 16, NULL), ATTEST_OK,
           "empty message opened");
    IS_INT(o.seq, 1, "counter advanced");
    attest_aead_clear(&s);
    attest_aead_clear(&o);

    IS_INT(attest_aead_init(&s, ATTEST_AEAD_EXPORT_ONLY, zero, zero, 1),
           ATTEST_EUNSUPPORTED, "no such AEAD");
    IS_INT(attest_aead_seal(&s, NULL, 0, NULL, 0, out), ATTEST_EARG,
           "seal without a context");
    IS_INT(attest_aead_open(&s, NULL, 0, want, 16, out), ATTEST_EARG,
           "open without a context");
    attest_aead_clear(&s);
}


/* A host logs what it finds in OpenSSL's error queue: leave nothing there. */

static void
test_error_queue(void)
{
    uint8_t            enc[65], ct[32];
    unsigned long      mine;
    attest_kem_key_t   key, pkey;
    attest_hpke_ctx_t  ctx, none;

    ERR_clear_error();
    memset(enc, 0, sizeof(enc));
    memset(ct, 0, sizeof(ct));

    attest_kem_key_generate(&key, ATTEST_KEM_X25519);
    attest_kem_key_generate(&pkey, ATTEST_KEM_P256);
    IS_INT(ERR_peek_error(), 0, "queue empty after making keys");

    attest_hpke_setup_recipient(&ctx, &x25519, &key, enc, 32, NULL, 0);
    attest_hpke_setup_recipient(&ctx, &p256, &pkey, enc, 65, NULL, 0);
    enc[0] = 4;
    attest_hpke_setup_recipient(&ctx, &p256, &pkey, enc, 65, NULL, 0);
    IS_INT(ERR_peek_error(), 0, "queue empty after a refused enc");

    IS_INT(attest_hpke_setup_recipient(&ctx, &x25519, &key, key.pk, 32, NULL,
                                       0),
           ATTEST_OK, "a context");

    ERR_raise(ERR_LIB_USER, 7);
    mine = ERR_peek_error();
    IS_INT(attest_hpke_open(&ctx, NULL, 0, ct, 32, ct), ATTEST_ECRYPTO,
           "a failed open");
    attest_hpke_setup_recipient(&none, &p256, &pkey, enc, 65, NULL, 0);
    OK(ERR_get_error() == mine && ERR_peek_error() == 0,
       "the caller's own error stays, none is added");

    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&key);
    attest_kem_key_clear(&pkey);
}


int
main(void)
{
    size_t          i;
    const uint16_t  aeads[] = { ATTEST_AEAD_AES_128_GCM,
                                ATTEST_AEAD_AES_256_GCM,
                                ATTEST_AEAD_CHACHA20 };

    test_hkdf();
    test_hkdf_limits();
    test_vectors();
    test_keys();
    test_p256_keys();
    test_bad_enc_x25519(0);
    test_bad_enc_x25519(1);
    test_prepared(ATTEST_KEM_X25519);
    test_prepared(ATTEST_KEM_P256);
    test_bad_enc_p256();
    test_arguments();

    for (i = 0; i < 3; i++) {
        test_open_failures(aeads[i]);
        test_in_place(aeads[i]);
    }

    test_large();
    test_directions();
    test_tools();
    test_sequence_end();
    test_export_limits();
    test_aead();
    test_error_queue();

    DONE();
}
