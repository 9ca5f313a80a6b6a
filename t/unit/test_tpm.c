/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TPM 2.0 structures: quotes, signatures, PCR digests and public areas, of a
 * software TPM's captures, of our own making and of real machines.
 */

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/evidence/attest_tpm.h"
#include "fixture.h"


#define TPM_DATA  TEST_DATA "/tpm/"

/* gce-cos85-attestation.pb: where the protobuf holds what (see its README) */
#define GCE_AK        3
#define GCE_AK_LEN    280
#define GCE_CERT      28262
#define GCE_CERT_LEN  1340

/* offsets in a TPMS_ATTEST with a 34-byte signer and 32 bytes of extraData */
#define Q_EXTRA       42
#define Q_SAFE        92
#define Q_COUNT       101
#define Q_BANK        105
#define Q_SELECT      107
#define Q_DIGEST      111


static uint8_t *file(const char *name, const char *ext, size_t *n);
static void test_algs(void);
static void test_swtpm(const char *name, uint16_t hash,
    const uint16_t *banks, size_t nbanks);
static void load_pcrs(const attest_tpm_quote_t *q, const uint8_t *p,
    size_t n, const uint16_t *banks, size_t nbanks, attest_tpm_pcrs_t *pcrs);
static void test_pcrs(const char *name, const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *good, uint16_t hash);
static void test_flips(const char *name, const attest_tpm_public_t *ak,
    const uint8_t *msg, size_t msg_len, const uint8_t *sig, size_t sig_len);
static void test_signature_cuts(const char *name,
    const attest_tpm_public_t *ak, const uint8_t *msg, size_t msg_len,
    const uint8_t *sig, size_t sig_len);
static void test_signature_fields(void);
static void test_files(void);
static void test_double(void);
static void double_quote(EVP_PKEY *key, uint16_t alg);
static void test_quote_only(void);
static void test_quote_fields(void);
static int quote_with(size_t off, const char *hex);
static void test_keylime(void);
static void test_json(void);
static void test_azure(void);
static void test_gce(void);
static void gce_quote(const uint8_t *pb, const attest_tpm_public_t *ak,
    uint16_t alg, size_t msg, size_t sig, size_t pcrs);
static void pem_key(const char *name, attest_tpm_public_t *ak);
static void test_public(const char *name, size_t want);
static void test_public_fields(void);
static int public_with(const uint8_t *p, size_t n, size_t off,
    const char *hex);
static void test_public_sizes(void);
static void test_ak_check(void);
static int ak_with(const attest_tpm_public_t *ak, uint32_t set,
    uint32_t clear);
static void test_cert(void);


int
main(void)
{
    static const uint16_t  sha256[] = { ATTEST_TPM_ALG_SHA256 };
    static const uint16_t  both[] = { ATTEST_TPM_ALG_SHA384,
                                      ATTEST_TPM_ALG_SHA256 };

    test_algs();
    test_swtpm("swtpm-ecdsa", ATTEST_TPM_ALG_SHA256, sha256, 1);
    test_swtpm("swtpm-rsassa", ATTEST_TPM_ALG_SHA256, sha256, 1);
    test_swtpm("swtpm-rsapss", ATTEST_TPM_ALG_SHA256, both, 2);
    test_swtpm("swtpm-ecdsa384", ATTEST_TPM_ALG_SHA384, sha256, 1);
    test_signature_fields();
    test_quote_fields();
    test_double();
    test_files();
    test_public("swtpm-ecdsa.ak", 88);
    test_public("swtpm-ecdsa384.ak", 120);
    test_public("swtpm-rsassa.ak", 280);
    test_public("swtpm-ek-rsa.pub", 314);
    test_public("swtpm-ek-ecc.pub", 122);
    test_public_fields();
    test_public_sizes();
    test_ak_check();
    test_cert();

    DONE();
}


static uint8_t *
file(const char *name, const char *ext, size_t *n)
{
    char  path[256];

    snprintf(path, sizeof(path), TPM_DATA "%s%s", name, ext);
    return unit_read(path, n);
}


static void
test_algs(void)
{
    IS_INT(attest_tpm_alg_len(ATTEST_TPM_ALG_SHA1), 20, "sha1 length");
    IS_INT(attest_tpm_alg_len(ATTEST_TPM_ALG_SHA256), 32, "sha256 length");
    IS_INT(attest_tpm_alg_len(ATTEST_TPM_ALG_SHA384), 48, "sha384 length");
    IS_INT(attest_tpm_alg_len(ATTEST_TPM_ALG_SHA512), 64, "sha512 length");
    IS_INT(attest_tpm_alg_len(0x0010), 0, "the null algorithm has none");
    OK(strcmp(attest_tpm_alg_name(ATTEST_TPM_ALG_SHA384), "sha384") == 0,
       "sha384 name");
    OK(strcmp(attest_tpm_alg_name(0xffff), "unknown") == 0, "unknown name");

    IS_INT(attest_tpm_firmware_is_software(0x2019102300163636), 1,
           "libtpms 0.9 is software");
    IS_INT(attest_tpm_firmware_is_software(0x2024012500120000), 1,
           "libtpms 0.10 is software");
    IS_INT(attest_tpm_firmware_is_software(0x2020031200120003), 0,
           "another version is not");
}


/* A quote that tpm2-tools took from swtpm, checked as a verifier would. */

static void
test_swtpm(const char *name, uint16_t hash, const uint16_t *banks,
    size_t nbanks)
{
    size_t               ak_len, msg_len, sig_len, pcr_len, n, name_len;
    uint8_t             *akp, *msg, *sig, *pcr, *cut, *ak_name;
    uint8_t              nonce[32];
    uint16_t             got;
    attest_tpm_pcrs_t    pcrs;
    attest_tpm_quote_t   q;
    attest_tpm_public_t  ak;

    akp = file(name, ".ak", &ak_len);
    msg = file(name, ".attest", &msg_len);
    sig = file(name, ".sig", &sig_len);
    pcr = file(name, ".pcrs", &pcr_len);
    ak_name = file(name, ".name", &name_len);
    unit_hex("00112233445566778899aabbccddeeff"
             "00112233445566778899aabbccddeeff", nonce, sizeof(nonce));

    IS_INT(attest_tpm_public_parse(akp, ak_len, &ak), ATTEST_OK,
           "%s: public area", name);
    OK(name_len == ATTEST_TPM_NAME_LEN
       && memcmp(ak.name, ak_name, name_len) == 0,
       "%s: the Name is the TPM's", name);
    IS_INT(attest_tpm_ak_check(&ak), ATTEST_OK, "%s: attestation key", name);

    IS_INT(attest_tpm_quote_parse(msg, msg_len, &q), ATTEST_OK,
           "%s: quote", name);
    OK(q.extra.n == 32 && memcmp(q.extra.p, nonce, 32) == 0,
       "%s: extraData is the nonce", name);
    IS_INT(q.nbanks, nbanks, "%s: banks", name);
    IS_INT(attest_tpm_firmware_is_software(q.firmware), 1,
           "%s: software by its firmware version", name);

    IS_INT(attest_tpm_signature_hash(sig, sig_len, &got), ATTEST_OK,
           "%s: signature parses", name);
    IS_INT(got, hash, "%s: hash of the scheme", name);
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, msg, msg_len),
           ATTEST_OK, "%s: signature", name);

    load_pcrs(&q, pcr, pcr_len, banks, nbanks, &pcrs);
    test_pcrs(name, &q, &pcrs, hash);
    test_flips(name, &ak, msg, msg_len, sig, sig_len);
    test_signature_cuts(name, &ak, msg, msg_len, sig, sig_len);

    for (n = 0; n < msg_len; n++) {
        cut = unit_exact(msg, n);
        if (attest_tpm_quote_parse(cut, n, &q) != ATTEST_EFORMAT) {
            break;
        }
        free(cut);
    }
    IS_INT(n, msg_len, "%s: no shorter quote parses", name);

    cut = unit_exact(msg, msg_len + 1);
    IS_INT(attest_tpm_quote_parse(cut, msg_len + 1, &q), ATTEST_EFORMAT,
           "%s: nor a longer one", name);
    free(cut);

    attest_tpm_public_free(&ak);
    OK(ak.key == NULL, "%s: freed", name);
    free(akp);
    free(msg);
    free(sig);
    free(pcr);
    free(ak_name);
}


/* tpm2_quote -F values: bank by bank in the order of the selection */

static void
load_pcrs(const attest_tpm_quote_t *q, const uint8_t *p, size_t n,
    const uint16_t *banks, size_t nbanks, attest_tpm_pcrs_t *pcrs)
{
    size_t              i, k, off = 0;
    attest_tpm_bank_t  *b;

    memset(pcrs, 0, sizeof(attest_tpm_pcrs_t));
    pcrs->count = nbanks;

    for (i = 0; i < nbanks; i++) {
        b = &pcrs->banks[i];
        b->alg = banks[i];
        b->len = attest_tpm_alg_len(banks[i]);

        for (k = 0; k < q->nbanks; k++) {
            if (q->banks[k].alg == banks[i]) {
                b->select = q->banks[k].select;
            }
        }

        for (k = 0; k < ATTEST_TPM_PCRS; k++) {
            if ((b->select >> k & 1) && n - off >= b->len) {
                memcpy(b->value[k], p + off, b->len);
                off += b->len;
            }
        }
    }

    IS_INT(off, n, "all values are in the selection");
}


static void
test_pcrs(const char *name, const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *good, uint16_t hash)
{
    size_t              i, k, bad = 0, want = 0;
    attest_tpm_pcrs_t   p;
    attest_tpm_quote_t  q2;

    IS_INT(attest_tpm_pcr_digest_check(q, good, hash), ATTEST_OK,
           "%s: pcrDigest", name);

    for (i = 0; i < good->count; i++) {
        for (k = 0; k < ATTEST_TPM_PCRS; k++) {
            p = *good;
            p.banks[i].value[k][k % good->banks[i].len] ^= 0x10;
            want += good->banks[i].select >> k & 1;
            bad += attest_tpm_pcr_digest_check(q, &p, hash)
                   == ATTEST_EMISMATCH;
        }
    }
    IS_INT(bad, want, "%s: each selected value counts, no other", name);

    p = *good;
    p.banks[0].select ^= 1 << 20;
    IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EMISMATCH,
           "%s: another selection", name);

    p = *good;
    p.count--;
    IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EMISMATCH,
           "%s: a bank missing", name);

    p = *good;
    p.banks[p.count] = p.banks[0];
    p.banks[p.count++].alg = ATTEST_TPM_ALG_SHA512;
    IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EMISMATCH,
           "%s: a bank more", name);

    p = *good;
    p.banks[0].len--;
    IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EMISMATCH,
           "%s: values of the wrong length", name);

    p = *good;
    p.count = ATTEST_TPM_MAX_BANKS + 1;
    IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EARG,
           "%s: too many banks", name);

    if (good->count == 2) {
        p = *good;
        p.banks[0] = good->banks[1];
        p.banks[1] = good->banks[0];
        IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_OK,
               "%s: the order of our banks does not matter", name);

        p.banks[1] = p.banks[0];
        IS_INT(attest_tpm_pcr_digest_check(q, &p, hash), ATTEST_EMISMATCH,
               "%s: one bank twice", name);
    }

    IS_INT(attest_tpm_pcr_digest_check(q, good, ATTEST_TPM_ALG_SHA512),
           ATTEST_EMISMATCH, "%s: another scheme hash", name);
    IS_INT(attest_tpm_pcr_digest_check(q, good, ATTEST_TPM_ALG_SHA1),
           ATTEST_EUNSUPPORTED, "%s: SHA-1 scheme hash", name);

    q2 = *q;
    p = *good;
    for (i = 0; i < q2.nbanks; i++) {
        q2.banks[i].select = 0;
        p.banks[i].select = 0;
    }
    IS_INT(attest_tpm_pcr_digest_check(&q2, &p, hash), ATTEST_EMISMATCH,
           "%s: a quote over no PCR", name);

    q2 = *q;
    p = *good;
    q2.banks[0].alg = ATTEST_TPM_ALG_SHA1;
    p.banks[0].alg = ATTEST_TPM_ALG_SHA1;
    p.banks[0].len = 20;
    IS_INT(attest_tpm_pcr_digest_check(&q2, &p, hash), ATTEST_EUNSUPPORTED,
           "%s: a SHA-1 bank is no evidence", name);
}


/* Every single bit of what is signed, and of the signature. */

static void
test_flips(const char *name, const attest_tpm_public_t *ak,
    const uint8_t *msg, size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    size_t    i, bad = 0;
    uint8_t  *m = unit_exact(msg, msg_len), *s = unit_exact(sig, sig_len);

    for (i = 0; i < 8 * msg_len; i++) {
        m[i / 8] ^= 1 << i % 8;
        bad += attest_tpm_signature_verify(ak, sig, sig_len, m, msg_len)
               == ATTEST_ECRYPTO;
        m[i / 8] ^= 1 << i % 8;
    }
    IS_INT(bad, 8 * msg_len, "%s: no bit of the quote can change", name);

    bad = 0;
    for (i = 0; i < 8 * sig_len; i++) {
        s[i / 8] ^= 1 << i % 8;
        bad += attest_tpm_signature_verify(ak, s, sig_len, msg, msg_len)
               != ATTEST_OK;
        s[i / 8] ^= 1 << i % 8;
    }
    IS_INT(bad, 8 * sig_len, "%s: no bit of the signature either", name);

    IS_INT(attest_tpm_signature_verify(ak, s, sig_len, m, msg_len),
           ATTEST_OK, "%s: back as it was it verifies", name);
    IS_INT(attest_tpm_signature_verify(ak, s, sig_len, m, msg_len - 1),
           ATTEST_ECRYPTO, "%s: a shorter message does not", name);
    free(m);
    free(s);
}


static void
test_signature_cuts(const char *name, const attest_tpm_public_t *ak,
    const uint8_t *msg, size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    size_t    n;
    uint8_t  *cut;
    uint16_t  hash;

    for (n = 0; n < sig_len; n++) {
        cut = unit_exact(sig, n);
        if (attest_tpm_signature_hash(cut, n, &hash) != ATTEST_EFORMAT
            || attest_tpm_signature_verify(ak, cut, n, msg, msg_len)
               != ATTEST_EFORMAT)
        {
            break;
        }
        free(cut);
    }
    IS_INT(n, sig_len, "%s: no shorter signature parses", name);

    cut = unit_exact(sig, sig_len + 1);
    IS_INT(attest_tpm_signature_verify(ak, cut, sig_len + 1, msg, msg_len),
           ATTEST_EFORMAT, "%s: nor a longer one", name);
    free(cut);
}


static void
test_signature_fields(void)
{
    size_t               n, msg_len, sig_len, rsa_len, ak_len, k;
    uint8_t             *msg, *sig, *rsa, *akp, s[72];
    uint16_t             hash;
    attest_tpm_public_t  ak;

    akp = file("swtpm-ecdsa", ".ak", &ak_len);
    msg = file("swtpm-ecdsa", ".attest", &msg_len);
    sig = file("swtpm-ecdsa", ".sig", &sig_len);
    rsa = file("swtpm-rsassa", ".sig", &rsa_len);
    IS_INT(attest_tpm_public_parse(akp, ak_len, &ak), ATTEST_OK, "ECDSA key");
    IS_INT(sig_len, sizeof(s), "ECDSA signature");

    memcpy(s, sig, 72);
    s[3] = 0x04;
    IS_INT(attest_tpm_signature_hash(s, 72, &hash), ATTEST_EUNSUPPORTED,
           "SHA-1 signature");
    s[3] = 0x0c;
    IS_INT(attest_tpm_signature_verify(&ak, s, 72, msg, msg_len),
           ATTEST_ECRYPTO, "another hash than the key's");

    for (k = 0, n = 0; k < 0x40; k++) {
        memcpy(s, sig, 72);
        s[1] = (uint8_t) k;
        n += attest_tpm_signature_hash(s, 72, &hash) == ATTEST_OK;
    }
    IS_INT(n, 1, "of these schemes only ECDSA has this shape");

    memcpy(s, sig, 72);
    memset(s + 6, 0, 32);
    IS_INT(attest_tpm_signature_verify(&ak, s, 72, msg, msg_len),
           ATTEST_ECRYPTO, "r = 0");
    memcpy(s, sig, 72);
    memset(s + 40, 0, 32);
    IS_INT(attest_tpm_signature_verify(&ak, s, 72, msg, msg_len),
           ATTEST_ECRYPTO, "s = 0");
    memset(s + 40, 0xff, 32);
    IS_INT(attest_tpm_signature_verify(&ak, s, 72, msg, msg_len),
           ATTEST_ECRYPTO, "s above the order");

    unit_hex("0018000b00000000", s, 8);
    IS_INT(attest_tpm_signature_verify(&ak, s, 8, msg, msg_len),
           ATTEST_ECRYPTO, "empty r and s");
    unit_hex("0018000b0031", s, 6);
    IS_INT(attest_tpm_signature_hash(s, 72, &hash), ATTEST_EFORMAT,
           "r longer than P-384's");

    IS_INT(attest_tpm_signature_verify(&ak, rsa, rsa_len, msg, msg_len),
           ATTEST_ECRYPTO, "an RSA signature under an ECC key");
    ak.scheme = 0x0010;
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, msg, msg_len),
           ATTEST_OK, "a key without a scheme takes ECDSA");
    IS_INT(attest_tpm_signature_verify(&ak, rsa, rsa_len, msg, msg_len),
           ATTEST_ECRYPTO, "but not RSA, not being RSA");

    attest_tpm_public_free(&ak);
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, msg, msg_len),
           ATTEST_EARG, "no key");

    free(akp);
    free(msg);
    free(sig);
    free(rsa);
}


/* Quotes of others' machines, where they are there. */

static void
test_files(void)
{
    if (!UNIT_HAVE("quotes of real machines", "tpm/quote-attest-only.bin",
                   "tpm/keylime-quote.attest", "tpm/keylime-quote.sig",
                   "tpm/keylime-akpub.pem", "tpm/tpm-evidence.json",
                   "azure/tpm-quote.bincode", "azure/tpm-quote-akpub.pem",
                   "gcp/gce-cos85-attestation.pb"))
    {
        return;
    }

    test_quote_only();
    test_keylime();
    test_json();
    test_azure();
    test_gce();
}


static void
put_be(uint8_t *b, size_t *n, uint64_t v, int bytes)
{
    while (bytes-- > 0) {
        b[(*n)++] = (uint8_t) (v >> (8 * bytes));
    }
}


/* A TPM as software plays it here: an RSA key, banks of each kind. */

static void
test_double(void)
{
    X509                *cert = X509_new();
    int                  n;
    uint8_t             *der = NULL;
    EVP_PKEY            *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
    attest_tpm_public_t  ak;

    double_quote(key, ATTEST_TPM_ALG_SHA1);
    double_quote(key, ATTEST_TPM_ALG_SHA256);
    double_quote(key, ATTEST_TPM_ALG_SHA384);

    X509_set_pubkey(cert, key);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 60);
    X509_sign(cert, key, EVP_sha256());
    n = i2d_X509(cert, &der);
    memset(&ak, 0, sizeof(ak));
    ak.key = key;
    IS_INT(attest_tpm_ek_matches_cert(&ak, der, (size_t) n), ATTEST_OK,
           "double: the certificate names this key");
    IS_INT(attest_tpm_ek_matches_cert(&ak, der, (size_t) n - 1),
           ATTEST_EFORMAT, "double: not when cut");
    ak.key = other;
    IS_INT(attest_tpm_ek_matches_cert(&ak, der, (size_t) n),
           ATTEST_EMISMATCH, "double: no other key");

    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}


/* All fields, with extraData at its limit and a scattered selection. */

static void
double_quote(EVP_PKEY *key, uint16_t alg)
{
    size_t               i, n = 0, sig_len = 256, len;
    uint8_t              msg[256], sig[262], digest[32], all[3 * 64];
    EVP_MD_CTX          *ctx = EVP_MD_CTX_new();
    const char          *name = attest_tpm_alg_name(alg);
    attest_tpm_pcrs_t    pcrs;
    attest_tpm_quote_t   q;
    attest_tpm_public_t  ak;

    static const int  selected[] = { 15, 16, 22 };

    len = attest_tpm_alg_len(alg);
    memset(&pcrs, 0, sizeof(pcrs));
    pcrs.count = 1;
    pcrs.banks[0].alg = alg;
    pcrs.banks[0].len = len;
    pcrs.banks[0].select = 0x418000;

    for (i = 0; i < 3; i++) {
        memset(pcrs.banks[0].value[selected[i]], (int) (0xc0 + i), len);
        memset(all + i * len, (int) (0xc0 + i), len);
    }

    (void) EVP_Digest(all, 3 * len, digest, NULL, EVP_sha256(), NULL);

    put_be(msg, &n, 0xff544347, 4);
    put_be(msg, &n, 0x8018, 2);
    put_be(msg, &n, 34, 2);
    put_be(msg, &n, 0x000b, 2);
    memset(msg + n, 0x51, 32);
    n += 32;
    put_be(msg, &n, 64, 2);
    memset(msg + n, 0xe7, 64);
    n += 64;
    put_be(msg, &n, 0x054dd1ef, 8);
    put_be(msg, &n, 0x10, 4);
    put_be(msg, &n, 0x11, 4);
    put_be(msg, &n, 1, 1);
    put_be(msg, &n, 0x2016051100162800, 8);
    put_be(msg, &n, 1, 4);
    put_be(msg, &n, alg, 2);
    put_be(msg, &n, 0x03008041, 4);
    put_be(msg, &n, 32, 2);
    memcpy(msg + n, digest, 32);
    n += 32;

    unit_hex("0014000b0100", sig, 6);
    (void) EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
    (void) EVP_DigestSign(ctx, sig + 6, &sig_len, msg, n);
    EVP_MD_CTX_free(ctx);

    memset(&ak, 0, sizeof(ak));
    ak.type = 0x0001;
    ak.key = key;

    IS_INT(attest_tpm_quote_parse(msg, n, &q), ATTEST_OK, "double %s: quote",
           name);
    OK(q.qualified_signer.n == 34 && q.clock == 0x054dd1ef
       && q.reset_count == 0x10 && q.restart_count == 0x11 && q.safe == 1
       && q.firmware == 0x2016051100162800, "double %s: fields", name);
    OK(q.extra.n == 64 && q.extra.p[63] == 0xe7, "double %s: extraData",
       name);
    OK(q.nbanks == 1 && q.banks[0].alg == alg
       && q.banks[0].select == 0x418000, "double %s: PCR 15, 16, 22", name);
    OK(q.pcr_digest.n == 32 && q.pcr_digest.p + 32 == msg + n,
       "double %s: pcrDigest is the end", name);
    IS_INT(attest_tpm_firmware_is_software(q.firmware), 0,
           "double %s: not libtpms", name);
    IS_INT(attest_tpm_signature_verify(&ak, sig, sizeof(sig), msg, n),
           ATTEST_OK, "double %s: signature", name);

    if (alg == ATTEST_TPM_ALG_SHA1) {
        IS_INT(attest_tpm_pcr_digest_check(&q, &pcrs, ATTEST_TPM_ALG_SHA256),
               ATTEST_EUNSUPPORTED, "double sha1: refused as evidence");
        return;
    }

    test_pcrs("double", &q, &pcrs, ATTEST_TPM_ALG_SHA256);

    if (alg == ATTEST_TPM_ALG_SHA256) {
        test_flips("double", &ak, msg, n, sig, sizeof(sig));
    }

    sig[1] = 0x16;
    IS_INT(attest_tpm_signature_verify(&ak, sig, sizeof(sig), msg, n),
           ATTEST_ECRYPTO, "double %s: not as RSAPSS", name);
    sig[1] = 0x14;
    sig[3] = 0x04;
    IS_INT(attest_tpm_signature_verify(&ak, sig, sizeof(sig), msg, n),
           ATTEST_EUNSUPPORTED, "double %s: not as SHA-1", name);
}


static void
test_quote_only(void)
{
    size_t              n;
    uint8_t            *p = unit_fixture("tpm/quote-attest-only.bin", &n);
    attest_tpm_quote_t  q;

    IS_INT(attest_tpm_quote_parse(p, n, &q), ATTEST_OK, "117-byte quote");
    IS_INT(q.qualified_signer.n, 34, "qualifiedSigner");
    IS_INT(q.extra.n, 4, "extraData");
    IS_MEM(q.extra.p, "\x12\x34\x56\x78", 4, "its bytes");
    IS_INT(q.clock, 0x054dd1ef, "clock");
    IS_INT(q.reset_count, 0x10, "resetCount");
    IS_INT(q.restart_count, 0, "restartCount");
    IS_INT(q.safe, 1, "safe");
    IS_INT(q.firmware, 0x2016051100162800, "firmwareVersion");
    IS_INT(q.nbanks, 1, "one bank");
    IS_INT(q.banks[0].alg, ATTEST_TPM_ALG_SHA256, "SHA-256");
    IS_INT(q.banks[0].select, 0x7, "PCR 0 to 2");
    IS_INT(q.pcr_digest.n, 32, "pcrDigest");
    OK(q.pcr_digest.p + 32 == p + n, "is the end");
    free(p);
}


/* swtpm-ecdsa.attest with some bytes replaced; 145 bytes, all 24 PCRs */

static int
quote_with(size_t off, const char *hex)
{
    int                 rc;
    size_t              n;
    uint8_t            *p = file("swtpm-ecdsa", ".attest", &n);
    attest_tpm_quote_t  q;

    unit_hex(hex, p + off, n - off);
    rc = attest_tpm_quote_parse(p, n, &q);
    free(p);
    return rc;
}


static void
test_quote_fields(void)
{
    static const char  *types[] = {
        "8014", "8015", "8016", "8017", "8019", "801a", "801c", "0000"
    };
    size_t              i, n, len;
    uint8_t            *p, b[256];
    attest_tpm_quote_t  q;

    IS_INT(quote_with(Q_SAFE, "00"), ATTEST_OK, "safe may be 0");
    IS_INT(quote_with(Q_SAFE, "02"), ATTEST_EFORMAT, "but not 2");
    IS_INT(quote_with(0, "fe"), ATTEST_EFORMAT, "another magic");
    IS_INT(quote_with(0, "00000000"), ATTEST_EFORMAT, "no magic");

    for (i = 0, n = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        n += quote_with(4, types[i]) == ATTEST_EFORMAT;
    }
    IS_INT(n, sizeof(types) / sizeof(types[0]), "no other attestation type");

    IS_INT(quote_with(6, "0043"), ATTEST_EFORMAT, "signer of 67 bytes");
    IS_INT(quote_with(6, "ffff"), ATTEST_EFORMAT, "signer beyond the end");
    IS_INT(quote_with(Q_EXTRA, "0041"), ATTEST_EFORMAT, "extra of 65 bytes");
    OK(quote_with(Q_EXTRA, "001f") != ATTEST_OK, "extra off by one");
    IS_INT(quote_with(Q_COUNT, "00000005"), ATTEST_ELIMIT, "five banks");
    IS_INT(quote_with(Q_COUNT, "ffffffff"), ATTEST_ELIMIT, "2^32-1 banks");
    IS_INT(quote_with(Q_COUNT, "00000002"), ATTEST_EFORMAT, "a bank more");
    IS_INT(quote_with(Q_COUNT, "00000000"), ATTEST_EFORMAT, "a bank less");
    IS_INT(quote_with(Q_SELECT, "02"), ATTEST_EFORMAT, "bitmap of 2");
    IS_INT(quote_with(Q_SELECT, "00"), ATTEST_EFORMAT, "bitmap of 0");
    IS_INT(quote_with(Q_SELECT, "ff"), ATTEST_EFORMAT, "bitmap of 255");
    IS_INT(quote_with(Q_DIGEST, "0041"), ATTEST_EFORMAT, "digest of 65");
    IS_INT(quote_with(Q_DIGEST, "0021"), ATTEST_EFORMAT, "digest too long");

    p = file("swtpm-ecdsa", ".attest", &len);
    memcpy(b, p, Q_SELECT);
    unit_hex("04ffffff00", b + Q_SELECT, 5);
    memcpy(b + Q_SELECT + 5, p + Q_DIGEST, len - Q_DIGEST);
    IS_INT(attest_tpm_quote_parse(b, len + 1, &q), ATTEST_OK,
           "a bitmap of 4 bytes");
    IS_INT(q.banks[0].select, 0xffffff, "with 24 PCRs");
    b[Q_SELECT + 4] = 1;
    IS_INT(attest_tpm_quote_parse(b, len + 1, &q), ATTEST_ELIMIT,
           "not with PCR 24");

    b[Q_COUNT + 3] = 2;
    memcpy(b + Q_DIGEST, p + Q_BANK, 6);
    memcpy(b + Q_SELECT, p + Q_SELECT, 4);
    memcpy(b + Q_DIGEST + 6, p + Q_DIGEST, len - Q_DIGEST);
    IS_INT(attest_tpm_quote_parse(b, len + 6, &q), ATTEST_EFORMAT,
           "one bank twice");
    b[Q_BANK + 1] = 0x0c;
    IS_INT(attest_tpm_quote_parse(b, len + 6, &q), ATTEST_OK, "two banks");
    IS_INT(q.nbanks, 2, "both seen");

    memset(b, 0, sizeof(b));
    IS_INT(attest_tpm_quote_parse(b, sizeof(b), &q), ATTEST_EFORMAT, "zeros");
    IS_INT(attest_tpm_quote_parse(NULL, 0, &q), ATTEST_EFORMAT, "nothing");
    free(p);
}


static void
pem_key(const char *name, attest_tpm_public_t *ak)
{
    size_t    n;
    uint8_t  *pem = unit_fixture(name, &n);
    BIO      *bio = BIO_new_mem_buf(pem, (int) n);

    memset(ak, 0, sizeof(attest_tpm_public_t));
    ak->key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    OK(ak->key != NULL, "%s: key", name);

    BIO_free(bio);
    free(pem);
}


static void
test_keylime(void)
{
    size_t               n, sig_len;
    uint8_t             *p, *sig;
    attest_tpm_quote_t   q;
    attest_tpm_public_t  ak;

    p = unit_fixture("tpm/keylime-quote.attest", &n);
    sig = unit_fixture("tpm/keylime-quote.sig", &sig_len);
    pem_key("tpm/keylime-akpub.pem", &ak);

    IS_INT(attest_tpm_quote_parse(p, n, &q), ATTEST_OK, "keylime: quote");
    IS_INT(q.banks[0].select, 0x418000, "keylime: PCR 15, 16, 22");
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, p, n), ATTEST_OK,
           "keylime: signature");
    test_flips("keylime", &ak, p, n, sig, sig_len);

    sig[1] = 0x16;
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, p, n),
           ATTEST_ECRYPTO, "keylime: not as RSAPSS");
    sig[1] = 0x14;
    sig[3] = 0x04;
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, p, n),
           ATTEST_EUNSUPPORTED, "keylime: not as SHA-1");

    attest_tpm_public_free(&ak);
    free(p);
    free(sig);
}


static void
test_json(void)
{
    int                  i, n, sig_len, der_len;
    uint8_t             *json, msg[1024], sig[1024], der[1024];
    cJSON               *root, *quote, *pcr;
    const char          *s;
    const uint8_t       *dp = der;
    attest_tpm_pcrs_t    pcrs;
    attest_tpm_quote_t   q;
    attest_tpm_public_t  ak;

    json = unit_fixture("tpm/tpm-evidence.json", NULL);
    root = cJSON_Parse((char *) json);
    quote = cJSON_GetObjectItemCaseSensitive(root, "tpm_quote");
    pcr = cJSON_GetObjectItemCaseSensitive(quote, "pcrs");

    s = cJSON_GetObjectItemCaseSensitive(root, "ak_public")->valuestring;
    der_len = EVP_DecodeBlock(der, (const uint8_t *) s, (int) strlen(s));
    memset(&ak, 0, sizeof(ak));
    ak.key = d2i_PUBKEY(NULL, &dp, der_len);

    s = cJSON_GetObjectItemCaseSensitive(quote, "message")->valuestring;
    n = EVP_DecodeBlock(msg, (const uint8_t *) s, (int) strlen(s));
    n -= s[strlen(s) - 1] == '=';
    n -= s[strlen(s) - 2] == '=';

    s = cJSON_GetObjectItemCaseSensitive(quote, "signature")->valuestring;
    sig_len = EVP_DecodeBlock(sig, (const uint8_t *) s, (int) strlen(s));
    sig_len -= s[strlen(s) - 1] == '=';
    sig_len -= s[strlen(s) - 2] == '=';
    IS_INT(sig_len, 262, "json: TPMT_SIGNATURE");

    IS_INT(attest_tpm_quote_parse(msg, n, &q), ATTEST_OK, "json: quote");
    IS_INT(q.extra.n, 64, "json: extraData at its limit");
    IS_INT(attest_tpm_firmware_is_software(q.firmware), 1, "json: software");
    IS_INT(attest_tpm_signature_verify(&ak, sig, sig_len, msg, n), ATTEST_OK,
           "json: signature");

    memset(&pcrs, 0, sizeof(pcrs));
    pcrs.count = 1;
    pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    pcrs.banks[0].len = 32;
    pcrs.banks[0].select = 0xffffff;
    for (i = 0; i < 24; i++) {
        unit_hex(cJSON_GetArrayItem(pcr, i)->valuestring,
                 pcrs.banks[0].value[i], 32);
    }
    test_pcrs("json", &q, &pcrs, ATTEST_TPM_ALG_SHA256);

    EVP_PKEY_free(ak.key);
    cJSON_Delete(root);
    free(json);
}


/* Azure's evidence carries the bare RSA signature, 256 bytes. */

static void
test_azure(void)
{
    size_t               i, n;
    uint8_t             *p, sig[262];
    attest_tpm_pcrs_t    pcrs;
    attest_tpm_quote_t   q;
    attest_tpm_public_t  ak;

    p = unit_fixture("azure/tpm-quote.bincode", &n);
    pem_key("azure/tpm-quote-akpub.pem", &ak);
    unit_hex("0014000b0100", sig, 6);
    memcpy(sig + 6, p + 8, 256);

    IS_INT(attest_tpm_quote_parse(p + 272, 122, &q), ATTEST_OK,
           "azure: quote");
    IS_INT(q.extra.n, 9, "azure: extraData");
    IS_MEM(q.extra.p, "challenge", 9, "azure: the challenge");
    IS_INT(attest_tpm_firmware_is_software(q.firmware), 0,
           "azure: not libtpms");
    IS_INT(attest_tpm_signature_verify(&ak, sig, 262, p + 272, 122),
           ATTEST_OK, "azure: signature");

    memset(&pcrs, 0, sizeof(pcrs));
    pcrs.count = 1;
    pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    pcrs.banks[0].len = 32;
    pcrs.banks[0].select = 0xffffff;
    for (i = 0; i < 24; i++) {
        memcpy(pcrs.banks[0].value[i], p + 402 + 32 * i, 32);
    }
    test_pcrs("azure", &q, &pcrs, ATTEST_TPM_ALG_SHA256);

    attest_tpm_public_free(&ak);
    free(p);
}


static void
test_gce(void)
{
    size_t               n;
    uint8_t             *pb = unit_fixture("gcp/gce-cos85-attestation.pb", &n);
    attest_tpm_public_t  ak, other;

    IS_INT(attest_tpm_public_parse(pb + GCE_AK, GCE_AK_LEN, &ak), ATTEST_OK,
           "gce: public area");
    IS_INT(attest_tpm_ak_check(&ak), ATTEST_OK, "gce: attestation key");

    gce_quote(pb, &ak, ATTEST_TPM_ALG_SHA1, 288, 406, 671);
    gce_quote(pb, &ak, ATTEST_TPM_ALG_SHA256, 1302, 1420, 1685);
    gce_quote(pb, &ak, ATTEST_TPM_ALG_SHA384, 2604, 2722, 2987);

    IS_INT(attest_tpm_ek_matches_cert(&ak, pb + GCE_CERT, GCE_CERT_LEN),
           ATTEST_OK, "gce: the certificate names this key");
    IS_INT(attest_tpm_ek_matches_cert(&ak, pb + GCE_CERT, GCE_CERT_LEN - 1),
           ATTEST_EFORMAT, "gce: not when cut");

    memset(&other, 0, sizeof(other));
    pem_key("tpm/keylime-akpub.pem", &other);
    IS_INT(attest_tpm_ek_matches_cert(&other, pb + GCE_CERT, GCE_CERT_LEN),
           ATTEST_EMISMATCH, "gce: no other key");

    attest_tpm_public_free(&ak);
    attest_tpm_public_free(&other);
    free(pb);
}


/*
 * 115 bytes of TPMS_ATTEST, 262 of TPMT_SIGNATURE; PCRs as protobuf map
 * entries: 08 ALG { 12 len 08 pcr 12 len value }.
 */

static void
gce_quote(const uint8_t *pb, const attest_tpm_public_t *ak, uint16_t alg,
    size_t msg, size_t sig, size_t pcrs)
{
    size_t              i, len = attest_tpm_alg_len(alg);
    const char         *name = attest_tpm_alg_name(alg);
    const uint8_t      *e;
    attest_tpm_pcrs_t   p;
    attest_tpm_quote_t  q;

    IS_INT(attest_tpm_quote_parse(pb + msg, 115, &q), ATTEST_OK,
           "gce %s: quote", name);
    IS_INT(q.extra.n, 2, "gce %s: extraData", name);
    IS_INT(attest_tpm_signature_verify(ak, pb + sig, 262, pb + msg, 115),
           ATTEST_OK, "gce %s: signature", name);

    memset(&p, 0, sizeof(p));
    p.count = 1;
    p.banks[0].alg = alg;
    p.banks[0].len = len;
    p.banks[0].select = 0xffffff;

    for (i = 0, e = pb + pcrs + 2; i < 24; i++, e += 6 + len) {
        memcpy(p.banks[0].value[e[3]], e + 6, len);
    }

    if (alg == ATTEST_TPM_ALG_SHA1) {
        IS_INT(attest_tpm_pcr_digest_check(&q, &p, ATTEST_TPM_ALG_SHA256),
               ATTEST_EUNSUPPORTED, "gce sha1: refused as evidence");
        return;
    }

    test_pcrs("gce", &q, &p, ATTEST_TPM_ALG_SHA256);
}


/* Cuts, trailing bytes, and: whatever changes, the Name changes. */

static void
test_public(const char *name, size_t want)
{
    int                  rc;
    size_t               n, i, bad = 0, key = 0;
    uint8_t             *p, *cut;
    attest_tpm_public_t  good, pub;

    p = file(name, "", &n);
    IS_INT(n, want, "%s: size", name);
    IS_INT(attest_tpm_public_parse(p, n, &good), ATTEST_OK, "%s", name);

    for (i = 0; i < n; i++) {
        cut = unit_exact(p, i);
        bad += attest_tpm_public_parse(cut, i, &pub) == ATTEST_EFORMAT
               && pub.key == NULL;
        free(cut);
    }
    IS_INT(bad, n, "%s: no shorter one parses", name);

    cut = unit_exact(p, n + 1);
    IS_INT(attest_tpm_public_parse(cut, n + 1, &pub), ATTEST_EFORMAT,
           "%s: nor a longer one", name);
    free(cut);

    cut = unit_exact(p, n);
    for (i = 0, bad = 0; i < 8 * n; i++) {
        cut[i / 8] ^= 1 << i % 8;
        rc = attest_tpm_public_parse(cut, n, &pub);
        if (rc == ATTEST_OK) {
            bad += memcmp(pub.name, good.name, ATTEST_TPM_NAME_LEN) == 0;
            attest_tpm_public_free(&pub);

        } else {
            key += pub.key != NULL;
        }
        cut[i / 8] ^= 1 << i % 8;
    }
    IS_INT(bad, 0, "%s: no flipped bit keeps the Name", name);
    IS_INT(key, 0, "%s: no key is left behind by a failure", name);

    attest_tpm_public_free(&good);
    free(cut);
    free(p);
}


static int
public_with(const uint8_t *p, size_t n, size_t off, const char *hex)
{
    int                  rc;
    uint8_t             *copy = unit_exact(p, n);
    attest_tpm_public_t  pub;

    unit_hex(hex, copy + off, n - off);
    rc = attest_tpm_public_parse(copy, n, &pub);
    attest_tpm_public_free(&pub);
    free(copy);
    return rc;
}


/*
 * RSA AK: type 0, nameAlg 2, attributes 4, policy 8, symmetric 10, scheme
 * 12, hash 14, bits 16, exponent 18, unique 22.
 * ECC AK: the same up to the hash, curve 16, kdf 18, x 20, y 54.
 */

static void
test_public_fields(void)
{
    size_t    rn, en, kn;
    uint8_t  *r = file("swtpm-rsassa", ".ak", &rn);
    uint8_t  *e = file("swtpm-ecdsa", ".ak", &en);
    uint8_t  *k = file("swtpm-ek-rsa", ".pub", &kn);

    IS_INT(public_with(r, rn, 0, "0008"), ATTEST_EUNSUPPORTED, "keyed hash");
    IS_INT(public_with(r, rn, 0, "0025"), ATTEST_EUNSUPPORTED, "symmetric");
    IS_INT(public_with(r, rn, 0, "0023"), ATTEST_EFORMAT, "RSA as ECC");
    IS_INT(public_with(e, en, 0, "0001"), ATTEST_EFORMAT, "ECC as RSA");
    IS_INT(public_with(r, rn, 8, "0041"), ATTEST_EFORMAT, "policy of 65");
    IS_INT(public_with(r, rn, 8, "ffff"), ATTEST_EFORMAT, "policy too long");
    IS_INT(public_with(r, rn, 10, "0026"), ATTEST_EUNSUPPORTED, "Camellia");
    IS_INT(public_with(r, rn, 12, "0015"), ATTEST_EUNSUPPORTED, "RSAES");
    IS_INT(public_with(r, rn, 12, "0017"), ATTEST_EUNSUPPORTED, "OAEP");
    IS_INT(public_with(r, rn, 12, "0018"), ATTEST_EFORMAT, "RSA with ECDSA");
    IS_INT(public_with(e, en, 12, "0014"), ATTEST_EFORMAT, "ECC with RSASSA");
    IS_INT(public_with(e, en, 12, "001a"), ATTEST_EUNSUPPORTED, "ECDAA");
    IS_INT(public_with(r, rn, 16, "0200"), ATTEST_EUNSUPPORTED, "RSA-512");
    IS_INT(public_with(r, rn, 16, "ffff"), ATTEST_EUNSUPPORTED, "RSA-65535");
    IS_INT(public_with(r, rn, 16, "0c00"), ATTEST_EFORMAT,
           "RSA-3072 with a 2048-bit modulus");
    IS_INT(public_with(r, rn, 18, "00010001"), ATTEST_OK,
           "the default exponent written out");
    IS_INT(public_with(r, rn, 18, "00000003"), ATTEST_EUNSUPPORTED, "e = 3");
    IS_INT(public_with(r, rn, 18, "00000001"), ATTEST_EUNSUPPORTED, "e = 1");
    IS_INT(public_with(r, rn, 22, "0201"), ATTEST_EFORMAT, "modulus of 513");
    IS_INT(public_with(r, rn, 24, "7f"), ATTEST_EFORMAT, "a short modulus");
    IS_INT(public_with(r, rn, rn - 1, "00"), ATTEST_EFORMAT, "an even one");
    IS_INT(public_with(e, en, 16, "0001"), ATTEST_EUNSUPPORTED, "P-192");
    IS_INT(public_with(e, en, 16, "0005"), ATTEST_EUNSUPPORTED, "P-521");
    IS_INT(public_with(e, en, 16, "0004"), ATTEST_ECRYPTO,
           "a P-256 point on P-384");
    IS_INT(public_with(e, en, 18, "0020"), ATTEST_EUNSUPPORTED, "a KDF");
    IS_INT(public_with(e, en, 20, "0000"), ATTEST_EFORMAT, "no x");
    IS_INT(public_with(e, en, 20, "0031"), ATTEST_EFORMAT, "x of 49");
    IS_INT(public_with(e, en, 22, "00000000"), ATTEST_ECRYPTO,
           "a point off the curve");

    /* EK: a policy of 32 bytes, then AES, bits, mode at 42 */
    IS_INT(public_with(k, kn, 42, "0006"), ATTEST_OK, "AES is AES");
    IS_INT(public_with(k, kn, 42, "0013"), ATTEST_EUNSUPPORTED, "SM4");
    IS_INT(public_with(k, kn, 44, "00c1"), ATTEST_EFORMAT, "AES-193");
    IS_INT(public_with(k, kn, 46, "0040"), ATTEST_EUNSUPPORTED, "AES-CTR");

    free(r);
    free(e);
    free(k);
}


/* A public area made from an OpenSSL key: 1024 bits, zeros in front of x. */

static void
test_public_sizes(void)
{
    int                  rc;
    size_t               n, i, xlen, bad = 0, tries;
    uint8_t             *e, b[512], point[65], x[32];
    BIGNUM              *bn = NULL;
    EVP_PKEY            *key;
    attest_tpm_public_t  pub;

    key = EVP_RSA_gen(1024);
    EVP_PKEY_get_bn_param(key, "n", &bn);
    unit_hex("0001000b0005007200000010"
             "0014000b0400000000000080", b, 24);
    BN_bn2binpad(bn, b + 24, 128);
    IS_INT(attest_tpm_public_parse(b, 152, &pub), ATTEST_OK, "RSA-1024");
    IS_INT(EVP_PKEY_eq(pub.key, key), 1, "is the key");
    IS_INT(attest_tpm_ak_check(&pub), ATTEST_ECRYPTO, "too short for an AK");
    attest_tpm_public_free(&pub);
    BN_free(bn);
    EVP_PKEY_free(key);

    e = file("swtpm-ecdsa", ".ak", &n);
    memcpy(b, e, 20);

    for (tries = 0, key = NULL; tries < 10000; tries++) {
        key = EVP_EC_gen("P-256");
        EVP_PKEY_get_octet_string_param(key, "pub", point, 65, &n);
        if (point[1] == 0) {
            break;
        }
        EVP_PKEY_free(key);
        key = NULL;
    }
    OK(key != NULL, "a key whose x begins with a zero");

    if (key != NULL) {
        memcpy(x, point + 1, 32);
        for (i = 0; x[i] == 0; i++) { /* void */ }
        xlen = 32 - i;
        b[20] = 0;
        b[21] = (uint8_t) xlen;
        memcpy(b + 22, x + i, xlen);
        unit_hex("0020", b + 22 + xlen, 2);
        memcpy(b + 24 + xlen, point + 33, 32);
        rc = attest_tpm_public_parse(b, 56 + xlen, &pub);
        bad = rc != ATTEST_OK || EVP_PKEY_eq(pub.key, key) != 1;
        attest_tpm_public_free(&pub);
    }
    IS_INT(bad, 0, "parses without its leading zero");

    EVP_PKEY_free(key);
    free(e);
}


static int
ak_with(const attest_tpm_public_t *ak, uint32_t set, uint32_t clear)
{
    attest_tpm_public_t  copy = *ak;

    copy.attributes = (ak->attributes | set) & ~clear;
    return attest_tpm_ak_check(&copy);
}


static void
test_ak_check(void)
{
    size_t               n;
    uint8_t             *p, *r;
    attest_tpm_public_t  ak, rsa, copy;

    p = file("swtpm-ecdsa", ".ak", &n);
    IS_INT(attest_tpm_public_parse(p, n, &ak), ATTEST_OK, "AK");
    IS_INT(ak.attributes, 0x00050072, "AK attributes");

    IS_INT(ak_with(&ak, 0, 0x2), ATTEST_ECRYPTO, "AK not fixedTPM");
    IS_INT(ak_with(&ak, 0, 0x10), ATTEST_ECRYPTO, "AK not fixedParent");
    IS_INT(ak_with(&ak, 0, 0x20), ATTEST_ECRYPTO, "AK from outside");
    IS_INT(ak_with(&ak, 0, 0x10000), ATTEST_ECRYPTO, "AK not restricted");
    IS_INT(ak_with(&ak, 0, 0x40000), ATTEST_ECRYPTO, "AK not for signing");
    IS_INT(ak_with(&ak, 0x20000, 0), ATTEST_ECRYPTO, "AK that decrypts");
    IS_INT(ak_with(&ak, 0x400, 0x40), ATTEST_OK, "noDA, no userWithAuth");

    copy = ak;
    copy.hash = ATTEST_TPM_ALG_SHA1;
    IS_INT(attest_tpm_ak_check(&copy), ATTEST_ECRYPTO, "AK with SHA-1");
    copy = ak;
    copy.scheme = 0x0010;
    IS_INT(attest_tpm_ak_check(&copy), ATTEST_ECRYPTO, "AK with no scheme");
    copy = ak;
    copy.key = NULL;
    IS_INT(attest_tpm_ak_check(&copy), ATTEST_ECRYPTO, "AK with no key");
    copy = ak;
    copy.name_alg = ATTEST_TPM_ALG_SHA384;
    IS_INT(attest_tpm_ak_check(&copy), ATTEST_EUNSUPPORTED,
           "AK with a SHA-384 Name");

    r = file("swtpm-ek-rsa", ".pub", &n);
    IS_INT(attest_tpm_public_parse(r, n, &rsa), ATTEST_OK, "EK");
    IS_INT(rsa.attributes, 0x000300b2, "EK attributes");
    IS_INT(rsa.sym_bits, 128, "EK cipher");
    IS_INT(attest_tpm_ak_check(&rsa), ATTEST_ECRYPTO, "an EK is no AK");

    attest_tpm_public_free(&ak);
    attest_tpm_public_free(&rsa);
    free(p);
    free(r);
}


/* Certificates under id-RSAES-OAEP, as some TPM makers issue them. */

static void
test_cert(void)
{
    int                  n;
    size_t               i;
    X509                *cert = X509_new();
    uint8_t             *der = NULL;
    EVP_PKEY            *key = EVP_RSA_gen(2048), *other = EVP_EC_gen("P-256");
    attest_tpm_public_t  ek;
    static const char    oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05";

    X509_set_pubkey(cert, key);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 60);
    X509_sign(cert, key, EVP_sha256());
    n = i2d_X509(cert, &der);

    memset(&ek, 0, sizeof(ek));
    ek.key = key;
    IS_INT(attest_tpm_ek_matches_cert(&ek, der, n), ATTEST_OK,
           "rsaEncryption");

    for (i = 0; i + 10 < (size_t) n && memcmp(der + i, oid, 10); i++) {
        /* void */
    }
    OK(i + 10 < (size_t) n, "the key's algorithm found");
    der[i + 8] = 7;
    IS_INT(attest_tpm_ek_matches_cert(&ek, der, n), ATTEST_OK,
           "id-RSAES-OAEP");
    ek.key = other;
    IS_INT(attest_tpm_ek_matches_cert(&ek, der, n), ATTEST_EMISMATCH,
           "another key");
    der[i + 8] = 0x63;
    IS_INT(attest_tpm_ek_matches_cert(&ek, der, n), ATTEST_EUNSUPPORTED,
           "an unknown algorithm");
    ek.key = NULL;
    IS_INT(attest_tpm_ek_matches_cert(&ek, der, n), ATTEST_EARG, "no key");

    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}
