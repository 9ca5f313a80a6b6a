/* SPDX-License-Identifier: Apache-2.0 */

/* Attestation results for others: which checks become which claims, tokens. */

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <cjson/cJSON.h>

#include "core/appraisal/attest_ear.h"
#include "core/base/attest_base64.h"
#include "core/base/attest_cbor.h"
#include "core/crypto/attest_sign.h"
#include "core/evidence/attest_label.h"
#include "unit.h"


static attest_result_t  res;
static attest_ear_t     ear;


static void result(attest_verdict_e verdict, unsigned root);
static void check(const char *id, attest_check_e state);
static int claim(attest_ear_claim_e which);
static int open_sealed(EVP_PKEY *key, attest_span_t message,
    const uint8_t *sig, size_t n);
static void test_trusted(void);
static void test_refused(void);
static void test_open(void);
static void test_worth(void);
static void test_json(void);
static void test_jwt(const char *name, EVP_PKEY *key, const char *alg);
static void test_cwt(const char *name, EVP_PKEY *key, int alg);
static void test_keys(void);


static void
result(attest_verdict_e verdict, unsigned root)
{
    memset(&res, 0, sizeof(res));
    res.verdict = verdict;
    res.root = root;
}


static void
check(const char *id, attest_check_e state)
{
    attest_check_t  *c = &res.checks[res.count++];

    (void) snprintf(c->id, sizeof(c->id), "%s", id);
    c->state = state;
}


static int
claim(attest_ear_claim_e which)
{
    attest_ear_vector(&res, &ear);
    return ear.claims[which];
}


static void
test_trusted(void)
{
    result(ATTEST_TRUSTED, ATTEST_ROOT_TEE);
    check("fresh-snp-signature", ATTEST_CHECK_PASS);
    check("cached-snp-signature", ATTEST_CHECK_PASS);
    check("fresh-snp-measurement", ATTEST_CHECK_PASS);
    check("fresh-snp-guest-policy", ATTEST_CHECK_PASS);
    check("fresh-snp-chip-id", ATTEST_CHECK_NOTE);
    check("config-reference", ATTEST_CHECK_PASS);

    IS_INT(claim(ATTEST_EAR_HARDWARE), 2, "genuine hardware");
    IS_INT(ear.status, ATTEST_EAR_AFFIRMING, "status: affirming");
    IS_INT(claim(ATTEST_EAR_EXECUTABLES), 3, "approved at boot");
    IS_INT(claim(ATTEST_EAR_RUNTIME), 2, "encrypted memory");
    IS_INT(claim(ATTEST_EAR_CONFIGURATION), 2, "approved configuration");
    IS_INT(claim(ATTEST_EAR_INSTANCE), 0, "no instance was asked for");
    IS_INT(claim(ATTEST_EAR_FILES), 0, "nothing is said of files");
    IS_INT(claim(ATTEST_EAR_STORAGE), 0, "nothing is said of storage");
    IS_INT(claim(ATTEST_EAR_SOURCED), 0, "nothing is said of sources");

    check("fresh-snp-chip-id", ATTEST_CHECK_PASS);
    IS_INT(claim(ATTEST_EAR_INSTANCE), 2, "an instance that was asked for");
}


static void
test_refused(void)
{
    result(ATTEST_NOT_TRUSTED, 0);
    check("fresh-snp-signature", ATTEST_CHECK_PASS);
    check("cached-snp-signature", ATTEST_CHECK_FAIL);
    check("fresh-snp-measurement", ATTEST_CHECK_PASS);

    IS_INT(claim(ATTEST_EAR_HARDWARE), 99, "one part's signature fails");
    IS_INT(ear.status, ATTEST_EAR_CONTRAINDICATED, "contraindicated");
    IS_INT(claim(ATTEST_EAR_EXECUTABLES), 0, "affirms nothing beside it");

    result(ATTEST_NOT_TRUSTED, 0);
    check("fresh-snp-tcb-minimum", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_HARDWARE), 32, "an old TCB is unsafe");
    check("fresh-snp-revocation", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_HARDWARE), 96, "and a revoked one worse");

    check("fresh-snp-measurement", ATTEST_CHECK_FAIL);
    check("fresh-pcr-reference", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_EXECUTABLES), 33, "not recognized");
    check("fresh-snp-guest-policy", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_RUNTIME), 96, "memory that others see");
    IS_INT(claim(ATTEST_EAR_CONFIGURATION), 96, "a policy that allows it");
    check("tdx-ppid", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_INSTANCE), 97, "another machine");

    result(ATTEST_NOT_TRUSTED, 0);
    check("nonce", ATTEST_CHECK_FAIL);
    IS_INT(claim(ATTEST_EAR_HARDWARE), 0, "a replay: no claim of hardware");
    IS_INT(ear.status, ATTEST_EAR_CONTRAINDICATED, "and contraindicated");

    result(ATTEST_NOT_TRUSTED, 0);
    check("quote", ATTEST_CHECK_FAIL);
    check("xfresh-quote", ATTEST_CHECK_PASS);
    IS_INT(claim(ATTEST_EAR_HARDWARE), 99, "an id without a part");
}


static void
test_open(void)
{
    result(ATTEST_UNDECIDED, 0);
    check("fresh-tdx-signature", ATTEST_CHECK_PASS);
    check("fresh-tdx-mrtd", ATTEST_CHECK_UNKNOWN);

    IS_INT(claim(ATTEST_EAR_HARDWARE), 0, "undecided: nothing is affirmed");
    IS_INT(ear.status, ATTEST_EAR_NONE, "status: none");

    /* waived: trusted, and yet open */

    result(ATTEST_TRUSTED, ATTEST_ROOT_TEE);
    check("fresh-tdx-signature", ATTEST_CHECK_PASS);
    check("fresh-tdx-mrtd", ATTEST_CHECK_PASS);
    check("fresh-tdx-rtmr1", ATTEST_CHECK_UNKNOWN);
    IS_INT(claim(ATTEST_EAR_EXECUTABLES), 0, "not while one of it is open");
    IS_INT(claim(ATTEST_EAR_HARDWARE), 2, "which is not about hardware");

    result(0, 0);
    IS_INT(claim(ATTEST_EAR_HARDWARE), 0, "no verdict");
    IS_INT(ear.status, ATTEST_EAR_NONE, "no verdict: none");
}


/* The policy asked for it, and it stays what it is. */

static void
test_worth(void)
{
    size_t          i;
    const unsigned  less[] = { ATTEST_ROOT_SOFTWARE, ATTEST_ROOT_SIMULATED };

    for (i = 0; i < 2; i++) {
        result(ATTEST_TRUSTED, less[i]);
        check("fresh-snp-signature", ATTEST_CHECK_PASS);
        check("fresh-pcr-reference", ATTEST_CHECK_PASS);
        IS_INT(claim(ATTEST_EAR_HARDWARE), 0, "%s: no genuine hardware",
               attest_label_name(less[i]));
        IS_INT(ear.claims[ATTEST_EAR_EXECUTABLES], 0, "nor executables");
        IS_INT(ear.status, ATTEST_EAR_WARNING, "a warning");
    }
}


static void
test_json(void)
{
    char                *text;
    cJSON               *root, *one, *v;
    attest_ear_about_t   about = { 1796000000, { NULL, 0 }, { NULL, 0 } };

    static const char  policy[] = "{\"version\":1}";

    result(ATTEST_TRUSTED, ATTEST_ROOT_TEE);
    check("fresh-tdx-signature", ATTEST_CHECK_PASS);
    attest_ear_vector(&res, &ear);

    about.policy = attest_span(policy, strlen(policy));
    about.key = attest_span("key", 3);

    text = attest_ear_json(&ear, &about);
    root = cJSON_Parse(text);
    free(text);

    OK(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(root, "eat_profile")),
              ATTEST_EAR_PROFILE) == 0, "JSON: the profile");
    IS_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(root, "iat")), 1796000000,
           "JSON: when");
    one = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "submods"),
                              "gateway");
    OK(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(one, "ear.status")),
              "affirming") == 0, "JSON: status");
    OK(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(one,
                                   "ear.appraisal-policy-id")),
              "ni:///sha-256;JDDxoq0pgtAGeIVIikyJ4hrR18g7EVuo8bIKzIjfrqg")
       == 0, "JSON: the policy by its digest");
    v = cJSON_GetObjectItem(one, "ear.trustworthiness-vector");
    IS_INT(cJSON_GetArraySize(v), 1, "JSON: one claim");
    IS_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(v, "hardware")), 2,
           "JSON: hardware");
    v = cJSON_GetObjectItem(one, "ear.veraison.key-attestation");
    OK(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(v, "akpub")), "a2V5")
       == 0, "JSON: the key");
    cJSON_Delete(root);
}


/* 1: the signature is good, in the form that tokens have. */

static int
open_sealed(EVP_PKEY *key, attest_span_t message, const uint8_t *sig,
    size_t n)
{
    int          ok, len = (int) n;
    uint8_t     *der = NULL;
    ECDSA_SIG   *s;
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();

    if (EVP_PKEY_is_a(key, "ED25519")) {
        ok = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1
             && EVP_DigestVerify(ctx, sig, n, message.p, message.n) == 1;
        EVP_MD_CTX_free(ctx);
        return ok;
    }

    s = ECDSA_SIG_new();
    (void) ECDSA_SIG_set0(s, BN_bin2bn(sig, len / 2, NULL),
                          BN_bin2bn(sig + len / 2, len / 2, NULL));
    len = i2d_ECDSA_SIG(s, &der);
    ok = EVP_DigestVerifyInit(ctx, NULL, n == 64 ? EVP_sha256()
                              : EVP_sha384(), NULL, key) == 1
         && EVP_DigestVerify(ctx, der, (size_t) len, message.p, message.n)
            == 1;

    OPENSSL_free(der);
    ECDSA_SIG_free(s);
    EVP_MD_CTX_free(ctx);
    return ok;
}


static void
test_jwt(const char *name, EVP_PKEY *key, const char *alg)
{
    char                 out[ATTEST_EAR_MAX], *dot, *last, want[64];
    size_t               len, n;
    uint8_t              head[64], sig[ATTEST_SIGN_MAX];
    attest_ear_about_t   about = { 1796000000, { NULL, 0 }, { NULL, 0 } };

    IS_INT(attest_ear_jwt(&ear, &about, key, out, &len), ATTEST_OK,
           "%s: a JWT", name);
    IS_INT(strlen(out), len, "%s: of its length", name);

    dot = strchr(out, '.');
    last = strrchr(out, '.');

    IS_INT(attest_base64_decode(attest_span(out, (size_t) (dot - out)),
                                ATTEST_BASE64_URL, head, sizeof(head), &n),
           ATTEST_OK, "%s: the header", name);
    (void) snprintf(want, sizeof(want), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
                    alg);
    OK(n == strlen(want) && memcmp(head, want, n) == 0, "%s: %s", name, want);

    IS_INT(attest_base64_decode(attest_span(last + 1, strlen(last + 1)),
                                ATTEST_BASE64_URL, sig, sizeof(sig), &n),
           ATTEST_OK, "%s: the signature", name);
    OK(open_sealed(key, attest_span(out, (size_t) (last - out)), sig, n),
       "%s: is good", name);

    out[strlen(out) / 2] ^= 1;
    OK(!open_sealed(key, attest_span(out, (size_t) (last - out)), sig, n),
       "%s: and of nothing else", name);
}


static void
test_cwt(const char *name, EVP_PKEY *key, int alg)
{
    size_t                 len, n;
    uint8_t                out[ATTEST_EAR_MAX], text[ATTEST_EAR_MAX + 64];
    uint64_t               count;
    attest_span_t          head, claims, sig;
    attest_cbor_item_t     item;
    attest_ear_about_t     about = { 1796000000, { NULL, 0 }, { NULL, 0 } };
    attest_cbor_reader_t   r;
    attest_cbor_writer_t   w;

    IS_INT(attest_ear_cwt(&ear, &about, key, out, &len), ATTEST_OK,
           "%s: a CWT", name);

    /* libcbor 0.8 reads no tag of this size */

    IS_INT(out[0], 0xc0 + 18, "%s: with the tag of COSE_Sign1", name);
    attest_cbor_reader_init(&r, out + 1, len - 1, 0);
    OK(attest_cbor_read_array(&r, &count) == ATTEST_OK && count == 4
       && attest_cbor_read_bytes(&r, &head) == ATTEST_OK
       && attest_cbor_read_map(&r, &count) == ATTEST_OK && count == 0
       && attest_cbor_read_bytes(&r, &claims) == ATTEST_OK
       && attest_cbor_read_bytes(&r, &sig) == ATTEST_OK
       && attest_cbor_done(&r) == ATTEST_OK, "%s: four parts", name);

    attest_cbor_reader_init(&r, head.p, head.n, 0);
    OK(attest_cbor_read_map(&r, &count) == ATTEST_OK && count == 1
       && attest_cbor_read_uint(&r, &count) == ATTEST_OK && count == 1
       && attest_cbor_next(&r, &item) == ATTEST_OK
       && item.type == ATTEST_CBOR_NINT && -1 - (int) item.value == alg,
       "%s: algorithm %d", name, alg);

    attest_cbor_writer_init(&w, text, sizeof(text));
    attest_cbor_put_array(&w, 4);
    attest_cbor_put_text(&w, "Signature1");
    attest_cbor_put_bytes(&w, head.p, head.n);
    attest_cbor_put_bytes(&w, NULL, 0);
    attest_cbor_put_bytes(&w, claims.p, claims.n);
    (void) attest_cbor_writer_done(&w, &n);

    OK(open_sealed(key, attest_span(text, n), sig.p, sig.n),
       "%s: the signature is good", name);

    attest_cbor_reader_init(&r, claims.p, claims.n, 0);
    OK(attest_cbor_skip(&r) == ATTEST_OK && attest_cbor_done(&r) == ATTEST_OK,
       "%s: the claims are one item in its shortest form", name);
}


static void
test_keys(void)
{
    char                 out[ATTEST_EAR_MAX];
    size_t               i, len;
    EVP_PKEY            *key;
    attest_ear_about_t   about = { 0, { NULL, 0 }, { NULL, 0 } };
    const struct {
        const char  *name;
        EVP_PKEY    *key;
        const char  *jose;
        int          cose;
    } keys[] = {
        { "P-256", EVP_EC_gen("P-256"), "ES256", -7 },
        { "P-384", EVP_EC_gen("P-384"), "ES384", -35 },
        { "Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "EdDSA", -8 }
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        test_jwt(keys[i].name, keys[i].key, keys[i].jose);
        test_cwt(keys[i].name, keys[i].key, keys[i].cose);
        EVP_PKEY_free(keys[i].key);
    }

    key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    IS_INT(attest_ear_jwt(&ear, &about, key, out, &len), ATTEST_EUNSUPPORTED,
           "a key that signs nothing");
    EVP_PKEY_free(key);

    key = EVP_EC_gen("P-521");
    IS_INT(attest_ear_cwt(&ear, &about, key, (uint8_t *) out, &len),
           ATTEST_EUNSUPPORTED, "a curve that is not ours");
    EVP_PKEY_free(key);

    key = EVP_EC_gen("P-256");
    about.key = attest_span(out, ATTEST_EAR_MAX - 1);
    IS_INT(attest_ear_jwt(&ear, &about, key, out, &len), ATTEST_EINTERNAL,
           "JWT: a key that is too long");
    IS_INT(attest_ear_cwt(&ear, &about, key, (uint8_t *) out, &len),
           ATTEST_ELIMIT, "CWT: a key that is too long");
    EVP_PKEY_free(key);
}


int
main(void)
{
    test_trusted();
    test_refused();
    test_open();
    test_worth();
    test_json();
    test_keys();
    DONE();
}
