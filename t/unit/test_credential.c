/* SPDX-License-Identifier: Apache-2.0 */

/*
 * attest_tpm_make_credential(), opened again with OpenSSL's own KBKDF and
 * SSKDF.  With arguments it is the helper of credential_swtpm.t, where a
 * TPM opens what it makes:
 *
 *     test_credential EK.tpm2b AK.name SECRET-HEX OUT
 */

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "core/evidence/attest_tpm.h"
#include "unit.h"


static uint8_t  secret[ATTEST_TPM_SECRET_LEN];
static uint8_t  name[ATTEST_TPM_NAME_LEN] = { 0x00, 0x0b };

/* OSSL_PARAM wants strings it could write to */
static char  sha256[] = "SHA256", hmac[] = "HMAC", mode[] = "counter";


static int helper(char **argv);
static void test_rsa(void);
static void test_ecc(void);
static void test_open(const char *what, const uint8_t *seed,
    const uint8_t *cred, size_t len);
static int open_credential(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *cred, size_t len, uint8_t *out);
static void kdfa(const uint8_t *seed, const char *label, const uint8_t *ctx,
    size_t ctx_len, uint8_t *out, size_t n);
static void test_room(const char *what, const attest_tpm_public_t *ek,
    size_t enc_want);
static void test_refused(const char *what, const attest_tpm_public_t *ek);
static int make_with(const attest_tpm_public_t *ek);
static void test_swtpm_ek(const char *file, size_t want);


int
main(int argc, char **argv)
{
    size_t  i;

    if (argc == 5) {
        return helper(argv);
    }

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t) (0xc0 + i);
        name[2 + i] = (uint8_t) i;
    }

    test_rsa();
    test_ecc();
    test_swtpm_ek("swtpm-ek-rsa.pub", 258);
    test_swtpm_ek("swtpm-ek-ecc.pub", 70);

    DONE();
}


/* Writes the file format of tpm2-tools: magic, version, both TPM2Bs. */

static int
helper(char **argv)
{
    int                  rc;
    FILE                *f;
    size_t               n, name_len;
    size_t               cred_len = ATTEST_TPM_MAX_CRED;
    size_t               enc_len = ATTEST_TPM_MAX_ENC;
    uint8_t             *ek, *ak;
    uint8_t              cred[ATTEST_TPM_MAX_CRED], enc[ATTEST_TPM_MAX_ENC];
    attest_tpm_public_t  pub;
    static const char    head[] = "\xba\xdc\xc0\xde\x00\x00\x00\x01";

    ek = unit_read(argv[1], &n);
    ak = unit_read(argv[2], &name_len);
    unit_hex(argv[3], secret, sizeof(secret));

    if (n < 2 || name_len != ATTEST_TPM_NAME_LEN) {
        return 2;
    }

    rc = attest_tpm_public_parse(ek + 2, n - 2, &pub);
    if (rc == ATTEST_OK) {
        rc = attest_tpm_make_credential(&pub, ak, secret, cred, &cred_len,
                                        enc, &enc_len);
        attest_tpm_public_free(&pub);
    }

    if (rc != ATTEST_OK) {
        fprintf(stderr, "%s\n", attest_strerror(rc));
        return 2;
    }

    f = fopen(argv[4], "wb");
    if (f == NULL
        || fwrite(head, 1, 8, f) != 8
        || fwrite(cred, 1, cred_len, f) != cred_len
        || fwrite(enc, 1, enc_len, f) != enc_len
        || fclose(f) != 0)
    {
        return 2;
    }

    free(ek);
    free(ak);
    return 0;
}


static void
test_rsa(void)
{
    size_t               cred_len = 128, enc_len = 514, n;
    uint8_t              cred[128], enc[514], seed[256], *label;
    EVP_PKEY_CTX        *ctx;
    attest_tpm_public_t  ek;

    memset(&ek, 0, sizeof(ek));
    ek.type = 0x0001;
    ek.name_alg = ATTEST_TPM_ALG_SHA256;
    ek.attributes = 0x000300b2;
    ek.sym_bits = 128;
    ek.key = EVP_RSA_gen(2048);

    IS_INT(attest_tpm_make_credential(&ek, name, secret, cred, &cred_len,
                                      enc, &enc_len),
           ATTEST_OK, "RSA: made");
    IS_INT(cred_len, 70, "RSA: TPM2B_ID_OBJECT");
    IS_INT(enc_len, 258, "RSA: TPM2B_ENCRYPTED_SECRET");
    IS_MEM(enc, "\x01\x00", 2, "RSA: its size");

    ctx = EVP_PKEY_CTX_new(ek.key, NULL);
    label = OPENSSL_memdup("IDENTITY", 9);
    EVP_PKEY_decrypt_init(ctx);
    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256());
    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256());
    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, 9);
    n = sizeof(seed);
    IS_INT(EVP_PKEY_decrypt(ctx, seed, &n, enc + 2, 256), 1,
           "RSA: the seed decrypts");
    IS_INT(n, 32, "RSA: and is a SHA-256 long");
    EVP_PKEY_CTX_free(ctx);

    test_open("RSA", seed, cred, cred_len);
    test_room("RSA", &ek, 258);
    test_refused("RSA", &ek);

    EVP_PKEY_free(ek.key);
    ek.key = EVP_RSA_gen(3072);
    IS_INT(make_with(&ek), ATTEST_EUNSUPPORTED, "RSA-3072");
    EVP_PKEY_free(ek.key);
}


static void
test_ecc(void)
{
    size_t               cred_len = 128, enc_len = 514, n = 32, k;
    uint8_t              cred[128], enc[514], seed[32], z[32], point[65];
    uint8_t              info[9 + 64];
    EVP_KDF             *kdf;
    EVP_PKEY            *peer;
    EVP_KDF_CTX         *kctx;
    EVP_PKEY_CTX        *ctx;
    OSSL_PARAM           params[4];
    attest_tpm_public_t  ek;

    memset(&ek, 0, sizeof(ek));
    ek.type = 0x0023;
    ek.curve = 0x0003;
    ek.name_alg = ATTEST_TPM_ALG_SHA256;
    ek.attributes = 0x000300b2;
    ek.sym_bits = 128;
    ek.key = EVP_EC_gen("P-256");

    IS_INT(attest_tpm_make_credential(&ek, name, secret, cred, &cred_len,
                                      enc, &enc_len),
           ATTEST_OK, "ECC: made");
    IS_INT(cred_len, 70, "ECC: TPM2B_ID_OBJECT");
    IS_INT(enc_len, 70, "ECC: TPM2B_ENCRYPTED_SECRET");
    IS_MEM(enc, "\x00\x44\x00\x20", 4, "ECC: size and size of x");
    IS_MEM(enc + 36, "\x00\x20", 2, "ECC: size of y");

    /* Z = ECDH(EK, ephemeral); seed = KDFe(Z, "IDENTITY", eph.x, ek.x) */

    point[0] = 4;
    memcpy(point + 1, enc + 4, 32);
    memcpy(point + 33, enc + 38, 32);
    peer = EVP_PKEY_new();
    EVP_PKEY_copy_parameters(peer, ek.key);
    IS_INT(EVP_PKEY_set1_encoded_public_key(peer, point, 65), 1,
           "ECC: the ephemeral point is on the curve");

    ctx = EVP_PKEY_CTX_new(ek.key, NULL);
    EVP_PKEY_derive_init(ctx);
    EVP_PKEY_derive_set_peer(ctx, peer);
    EVP_PKEY_derive(ctx, z, &n);

    memcpy(info, "IDENTITY", 9);
    memcpy(info + 9, enc + 4, 32);
    EVP_PKEY_get_octet_string_param(ek.key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                    sizeof(point), &k);
    memcpy(info + 41, point + 1, 32);

    kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
    kctx = EVP_KDF_CTX_new(kdf);
    params[0] = OSSL_PARAM_construct_utf8_string("digest", sha256, 0);
    params[1] = OSSL_PARAM_construct_octet_string("key", z, 32);
    params[2] = OSSL_PARAM_construct_octet_string("info", info, sizeof(info));
    params[3] = OSSL_PARAM_construct_end();
    IS_INT(EVP_KDF_derive(kctx, seed, 32, params), 1, "ECC: KDFe");

    test_open("ECC", seed, cred, cred_len);
    test_room("ECC", &ek, 70);
    test_refused("ECC", &ek);
    ek.curve = 0x0004;
    IS_INT(make_with(&ek), ATTEST_EUNSUPPORTED, "P-384");

    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(kdf);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(ek.key);
}


static void
test_open(const char *what, const uint8_t *seed, const uint8_t *cred,
    size_t len)
{
    size_t   i, bad = 0;
    uint8_t  out[32], copy[128], other[ATTEST_TPM_NAME_LEN];

    IS_INT(open_credential(seed, name, cred, len, out), 1,
           "%s: opens", what);
    IS_MEM(out, secret, 32, "%s: to the secret", what);

    for (i = 0; i < len; i++) {
        memcpy(copy, cred, len);
        copy[i] ^= 1;
        bad += open_credential(seed, name, copy, len, out) == 0;
    }
    IS_INT(bad, len, "%s: no byte of it can change", what);

    memcpy(other, name, sizeof(other));
    other[33] ^= 1;
    IS_INT(open_credential(seed, other, cred, len, out), 0,
           "%s: not for another key", what);
    copy[0] = seed[0] ^ 1;
    memcpy(copy + 1, seed + 1, 31);
    IS_INT(open_credential(copy, name, cred, len, out), 0,
           "%s: not with another seed", what);
}


/* What TPM2_ActivateCredential does (part 3, section 12.5). */

static int
open_credential(const uint8_t *seed, const uint8_t *ak_name,
    const uint8_t *cred, size_t len, uint8_t *out)
{
    int              n, ok;
    uint8_t          key[32], mac[32], msg[34 + ATTEST_TPM_NAME_LEN];
    uint8_t          clear[34], iv[16] = { 0 };
    EVP_CIPHER_CTX  *ctx;

    if (len != 70 || memcmp(cred, "\x00\x44\x00\x20", 4) != 0) {
        return 0;
    }

    kdfa(seed, "INTEGRITY", NULL, 0, key, 32);
    memcpy(msg, cred + 36, 34);
    memcpy(msg + 34, ak_name, ATTEST_TPM_NAME_LEN);
    HMAC(EVP_sha256(), key, 32, msg, sizeof(msg), mac, NULL);
    ok = memcmp(mac, cred + 4, 32) == 0;

    kdfa(seed, "STORAGE", ak_name, ATTEST_TPM_NAME_LEN, key, 16);
    ctx = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv);
    EVP_DecryptUpdate(ctx, clear, &n, cred + 36, 34);
    EVP_CIPHER_CTX_free(ctx);

    memcpy(out, clear + 2, 32);
    return ok && clear[0] == 0 && clear[1] == 32;
}


static void
kdfa(const uint8_t *seed, const char *label, const uint8_t *context,
    size_t n, uint8_t *out, size_t want)
{
    EVP_KDF      *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
    EVP_KDF_CTX  *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM    p[7], *q = p;

    *q++ = OSSL_PARAM_construct_utf8_string("mac", hmac, 0);
    *q++ = OSSL_PARAM_construct_utf8_string("digest", sha256, 0);
    *q++ = OSSL_PARAM_construct_utf8_string("mode", mode, 0);
    *q++ = OSSL_PARAM_construct_octet_string("key", (void *) seed, 32);
    *q++ = OSSL_PARAM_construct_octet_string("salt", (void *) label,
                                             strlen(label));
    if (n != 0) {
        *q++ = OSSL_PARAM_construct_octet_string("info", (void *) context, n);
    }
    *q = OSSL_PARAM_construct_end();

    if (EVP_KDF_derive(ctx, out, want, p) != 1) {
        printf("Bail out! KBKDF\n");
        exit(1);
    }

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}


static void
test_room(const char *what, const attest_tpm_public_t *ek, size_t enc_want)
{
    int      rc;
    size_t   cred_len = 0, enc_len = 0;
    uint8_t  cred[128], enc[514], again[514];

    rc = attest_tpm_make_credential(ek, name, secret, NULL, &cred_len, NULL,
                                    &enc_len);
    IS_INT(rc, ATTEST_ENOSPACE, "%s: no room", what);
    IS_INT(cred_len, 70, "%s: room for the credential", what);
    IS_INT(enc_len, enc_want, "%s: room for the seed", what);

    enc_len--;
    IS_INT(attest_tpm_make_credential(ek, name, secret, cred, &cred_len, enc,
                                      &enc_len),
           ATTEST_ENOSPACE, "%s: one byte short of the seed", what);
    cred_len--;
    IS_INT(attest_tpm_make_credential(ek, name, secret, cred, &cred_len, enc,
                                      &enc_len),
           ATTEST_ENOSPACE, "%s: one byte short of the credential", what);
    IS_INT(attest_tpm_make_credential(ek, name, secret, cred, &cred_len, enc,
                                      &enc_len),
           ATTEST_OK, "%s: exactly enough", what);

    memcpy(again, enc, enc_len);
    IS_INT(attest_tpm_make_credential(ek, name, secret, cred, &cred_len, enc,
                                      &enc_len),
           ATTEST_OK, "%s: once more", what);
    OK(memcmp(again, enc, enc_len) != 0, "%s: never the same seed", what);
}


static int
make_with(const attest_tpm_public_t *ek)
{
    size_t   cred_len = 128, enc_len = 514;
    uint8_t  cred[128], enc[514];

    return attest_tpm_make_credential(ek, name, secret, cred, &cred_len, enc,
                                      &enc_len);
}


static void
test_refused(const char *what, const attest_tpm_public_t *ek)
{
    attest_tpm_public_t  p;

    p = *ek;
    p.name_alg = ATTEST_TPM_ALG_SHA384;
    IS_INT(make_with(&p), ATTEST_EUNSUPPORTED, "%s: SHA-384 EK", what);
    p = *ek;
    p.sym_bits = 256;
    IS_INT(make_with(&p), ATTEST_EUNSUPPORTED, "%s: AES-256 EK", what);
    p = *ek;
    p.sym_bits = 0;
    IS_INT(make_with(&p), ATTEST_EUNSUPPORTED, "%s: no cipher", what);
    p = *ek;
    p.attributes = 0x00050072;
    IS_INT(make_with(&p), ATTEST_ECRYPTO, "%s: a signing key", what);
    p = *ek;
    p.attributes = 0x000200b2;
    IS_INT(make_with(&p), ATTEST_ECRYPTO, "%s: not restricted", what);
    p = *ek;
    p.attributes = 0x000700b2;
    IS_INT(make_with(&p), ATTEST_ECRYPTO, "%s: signs too", what);
    p = *ek;
    p.type = 0x0008;
    IS_INT(make_with(&p), ATTEST_EUNSUPPORTED, "%s: another type", what);
    p = *ek;
    p.key = NULL;
    IS_INT(make_with(&p), ATTEST_EARG, "%s: no key", what);
}


/* The default EK templates as a TPM publishes them. */

static void
test_swtpm_ek(const char *file, size_t want)
{
    char                 path[256];
    size_t               n, cred_len = 128, enc_len = 514;
    uint8_t             *p, cred[128], enc[514];
    attest_tpm_public_t  ek;

    snprintf(path, sizeof(path), TEST_DATA "/tpm/%s", file);
    p = unit_read(path, &n);

    IS_INT(attest_tpm_public_parse(p, n, &ek), ATTEST_OK, "%s", file);
    IS_INT(ek.policy.n, 32, "%s: its policy", file);
    IS_INT(attest_tpm_make_credential(&ek, name, secret, cred, &cred_len,
                                      enc, &enc_len),
           ATTEST_OK, "%s: takes a credential", file);
    IS_INT(enc_len, want, "%s: of this size", file);

    attest_tpm_public_free(&ek);
    free(p);
}
