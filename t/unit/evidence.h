/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence made in the process: a software "TPM" whose quotes, event logs and
 * certificates the tests can bend one field at a time.
 */


#ifndef EVIDENCE_H_INCLUDED
#define EVIDENCE_H_INCLUDED


#include <openssl/conf.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/crypto/attest_hpke.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tpm.h"
#include "unit.h"


#define EV_NOW       1782900000
#define EV_FROM      1782864000
#define EV_UNTIL     1782950400
#define EV_SELECT    0x0004ffu              /* PCR 0-7 and 10 */
#define EV_FIRMWARE  0x0001000200030004ULL  /* of no known software TPM */


typedef struct {
    uint8_t   p[65536];
    size_t    n;
} ev_buf_t;

/* One collection before it is made. */
typedef struct {
    const char         *ctype;
    const char         *claims_type;
    const char         *tpm_type;
    const char         *root;
    const char         *foreign;           /* label of one more item */
    attest_claims_t     claims;
    attest_tpm_pcrs_t   quoted;
    attest_tpm_pcrs_t   shown;
    uint64_t            firmware;
    uint32_t            reset;
    uint32_t            restart;
    uint32_t            ak_attributes;
    EVP_PKEY           *ak;                /* its public area */
    EVP_PKEY           *signer;
    int                 flip_extra;
    int                 flip_magic;
    int                 flip_signature;
    int                 no_claims;
    int                 no_tpm;
    int                 no_hpke;
    int                 no_config;
    int                 no_eventlog;
    int                 no_imalog;
    int                 no_ek;
    int                 no_ek_cert;
    int                 junk;              /* a byte behind the claims */
    int                 swap_validity;     /* ends before it begins */
    attest_span_t       hpke;
    attest_span_t       config;
    attest_span_t       eventlog;
    attest_span_t       imalog;
    attest_span_t       ek_cert;
    EVP_PKEY           *ek;
    attest_span_t       cpu_raw;           /* hashed by the quote */
    attest_cmw_item_t   extra[4];          /* further items */
    size_t              extras;
    ev_buf_t            out;
} ev_part_t;


static void ev_put(ev_buf_t *b, const void *p, size_t n);
static void ev_be(ev_buf_t *b, uint64_t v, int bytes);
static void ev_le(ev_buf_t *b, uint64_t v, int bytes);


static void
ev_put(ev_buf_t *b, const void *p, size_t n)
{
    if (n > sizeof(b->p) - b->n) {
        printf("Bail out! test buffer too small\n");
        exit(1);
    }

    memcpy(b->p + b->n, p, n);
    b->n += n;
}


static void
ev_be(ev_buf_t *b, uint64_t v, int bytes)
{
    uint8_t  c;

    while (bytes-- > 0) {
        c = (uint8_t) (v >> (8 * bytes));
        ev_put(b, &c, 1);
    }
}


static void
ev_le(ev_buf_t *b, uint64_t v, int bytes)
{
    int      i;
    uint8_t  c;

    for (i = 0; i < bytes; i++) {
        c = (uint8_t) (v >> (8 * i));
        ev_put(b, &c, 1);
    }
}


static inline attest_span_t
ev_span(const ev_buf_t *b)
{
    attest_span_t  s = { b->p, b->n };

    return s;
}


static inline EVP_PKEY *
ev_key(const char *type)
{
    EVP_PKEY  *key;

    key = strcmp(type, "EC") == 0 ? EVP_EC_gen("P-256")
                                  : EVP_RSA_gen(2048);
    if (key == NULL) {
        printf("Bail out! no key\n");
        exit(1);
    }

    return key;
}


/* TPMT_PUBLIC of an RSASSA RSA-2048 attestation key. */
static inline void
ev_ak_public_rsa(ev_buf_t *b, EVP_PKEY *key, uint32_t attributes)
{
    BIGNUM   *bn = NULL;
    uint8_t   n[256];

    EVP_PKEY_get_bn_param(key, "n", &bn);
    BN_bn2binpad(bn, n, sizeof(n));
    BN_free(bn);

    b->n = 0;
    ev_be(b, 0x0001000b, 4);
    ev_be(b, attributes, 4);
    ev_be(b, 0, 2);
    ev_be(b, 0x0010, 2);
    ev_be(b, 0x0014000b, 4);
    ev_be(b, 0x0800, 2);
    ev_be(b, 0, 4);
    ev_be(b, 256, 2);
    ev_put(b, n, 256);
}


/* TPMT_PUBLIC of an ECDSA P-256 attestation key. */
static inline void
ev_ak_public(ev_buf_t *b, EVP_PKEY *key, uint32_t attributes)
{
    size_t   n;
    uint8_t  point[65];

    if (EVP_PKEY_is_a(key, "RSA")) {
        ev_ak_public_rsa(b, key, attributes);
        return;
    }

    b->n = 0;
    (void) EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", point,
                                           sizeof(point), &n);
    if (point[0] != 4) {
        (void) EVP_PKEY_get_octet_string_param(key, "pub", point,
                                               sizeof(point), &n);
    }

    ev_be(b, 0x0023000b, 4);
    ev_be(b, attributes, 4);
    ev_be(b, 0, 2);
    ev_be(b, 0x0010, 2);
    ev_be(b, 0x0018000b, 4);
    ev_be(b, 0x00030010, 4);
    ev_be(b, 32, 2);
    ev_put(b, point + 1, 32);
    ev_be(b, 32, 2);
    ev_put(b, point + 33, 32);
}


/* TPMT_PUBLIC of an RSA-2048 endorsement key, TCG template L-1. */
static inline void
ev_ek_public(ev_buf_t *b, EVP_PKEY *key)
{
    uint8_t  policy[32], n[256];
    BIGNUM  *bn = NULL;

    unit_hex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa",
             policy, 32);
    EVP_PKEY_get_bn_param(key, "n", &bn);
    BN_bn2binpad(bn, n, sizeof(n));
    BN_free(bn);

    b->n = 0;
    ev_be(b, 0x0001000b, 4);
    ev_be(b, 0x000300b2, 4);
    ev_be(b, 32, 2);
    ev_put(b, policy, 32);
    ev_be(b, 0x0006, 2);
    ev_be(b, 0x0080, 2);
    ev_be(b, 0x0043, 2);
    ev_be(b, 0x0010, 2);
    ev_be(b, 0x0800, 2);
    ev_be(b, 0, 4);
    ev_be(b, 256, 2);
    ev_put(b, n, 256);
}


static inline void
ev_signature(ev_buf_t *b, EVP_PKEY *key, const ev_buf_t *msg)
{
    size_t          n = 512;
    uint8_t         der[512], num[32];
    EVP_MD_CTX     *ctx = EVP_MD_CTX_new();
    ECDSA_SIG      *sig = NULL;
    const uint8_t  *p = der;

    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1
        || EVP_DigestSign(ctx, der, &n, msg->p, msg->n) != 1)
    {
        printf("Bail out! cannot sign\n");
        exit(1);
    }

    b->n = 0;

    if (EVP_PKEY_is_a(key, "RSA")) {
        ev_be(b, 0x0014000b, 4);
        ev_be(b, n, 2);
        ev_put(b, der, n);
        EVP_MD_CTX_free(ctx);
        return;
    }

    sig = d2i_ECDSA_SIG(NULL, &p, (long) n);
    ev_be(b, 0x0018000b, 4);
    ev_be(b, 32, 2);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), num, 32);
    ev_put(b, num, 32);
    ev_be(b, 32, 2);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), num, 32);
    ev_put(b, num, 32);

    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}


/* TPMS_ATTEST over part->quoted, SHA-256 scheme. */
static inline void
ev_quote(ev_buf_t *b, const ev_part_t *part, const ev_buf_t *ak,
    const uint8_t extra[32])
{
    size_t                    i, k, n = 0;
    uint8_t                   name[34] = { 0x00, 0x0b }, digest[32];
    attest_span_t             pub = ev_span(ak), parts[96];
    const attest_tpm_bank_t  *bank;

    (void) attest_sha256(&pub, 1, name + 2);

    b->n = 0;
    ev_be(b, part->flip_magic ? 0xff544348 : 0xff544347, 4);
    ev_be(b, 0x8018, 2);
    ev_be(b, sizeof(name), 2);
    ev_put(b, name, sizeof(name));
    ev_be(b, 32, 2);
    ev_put(b, extra, 32);
    ev_be(b, 4711, 8);
    ev_be(b, part->reset, 4);
    ev_be(b, part->restart, 4);
    ev_be(b, 1, 1);
    ev_be(b, part->firmware, 8);
    ev_be(b, part->quoted.count, 4);

    for (i = 0; i < part->quoted.count; i++) {
        bank = &part->quoted.banks[i];
        ev_be(b, bank->alg, 2);
        ev_be(b, 3, 1);
        ev_le(b, bank->select, 3);

        for (k = 0; k < ATTEST_TPM_PCRS; k++) {
            if (bank->select >> k & 1) {
                parts[n].p = bank->value[k];
                parts[n++].n = bank->len;
            }
        }
    }

    (void) attest_sha256(parts, n, digest);
    ev_be(b, 32, 2);
    ev_put(b, digest, 32);
}


static inline void
ev_item(attest_cmw_item_t *items, size_t *n, const char *label,
    const char *type, attest_span_t value)
{
    memset(&items[*n], 0, sizeof(items[0]));
    items[*n].label = label;
    items[*n].type = type;
    items[*n].value = value;
    items[*n].ind = ATTEST_CMW_IND_EVIDENCE;
    (*n)++;
}


/* Quote, signature and keys of a part as its "tpm" item. */
static inline void
ev_tpm(ev_part_t *part, const uint8_t *claims, size_t claims_len,
    ev_buf_t *out)
{
    static ev_buf_t     ak, ek, quote, sig;
    uint8_t             extra[32];
    attest_tpm_item_t   item;

    (void) attest_claims_tpm_extra(claims, claims_len, part->cpu_raw.p,
                                   part->cpu_raw.n, extra);
    extra[31] ^= (uint8_t) part->flip_extra;

    ev_ak_public(&ak, part->ak, part->ak_attributes);
    ev_ek_public(&ek, part->ek);
    ev_quote(&quote, part, &ak, extra);
    ev_signature(&sig, part->signer, &quote);
    sig.p[sig.n - 1] ^= (uint8_t) part->flip_signature;

    memset(&item, 0, sizeof(item));
    item.root.p = (const uint8_t *) part->root;
    item.root.n = strlen(part->root);
    item.maker.p = (const uint8_t *) "TEST";
    item.maker.n = 4;
    item.quote = ev_span(&quote);
    item.signature = ev_span(&sig);
    item.ak = ev_span(&ak);
    item.pcrs = part->shown;

    if (!part->no_ek) {
        item.ek = ev_span(&ek);
    }

    if (!part->no_ek_cert) {
        item.ek_cert = part->ek_cert;
    }

    out->n = sizeof(out->p);
    if (attest_tpm_item_encode(&item, out->p, &out->n) != ATTEST_OK) {
        printf("Bail out! cannot encode the tpm item\n");
        exit(1);
    }
}


/* The collection into part->out. */
static inline void
ev_build(ev_part_t *part)
{
    size_t             i, n = 0, len = ATTEST_CLAIMS_MAX;
    uint8_t            claims[ATTEST_CLAIMS_MAX + 1], swap[8];
    attest_span_t      s;
    static ev_buf_t    tpm;
    attest_cmw_item_t  items[12];

    if (attest_claims_encode(&part->claims, claims, &len) != ATTEST_OK) {
        printf("Bail out! cannot encode claims\n");
        exit(1);
    }

    if (part->swap_validity) {
        uint8_t  *at = memmem(claims, len, "v1/validity", 11);

        memcpy(swap, at + 13, 8);
        memmove(at + 13, at + 21, 8);
        memcpy(at + 21, swap, 8);
    }

    claims[len] = 0;
    s.p = claims;
    s.n = len + (part->junk ? 1 : 0);

    if (!part->no_claims) {
        ev_item(items, &n, ATTEST_ITEM_CLAIMS, part->claims_type, s);
    }

    if (!part->no_tpm) {
        ev_tpm(part, s.p, s.n, &tpm);
        ev_item(items, &n, ATTEST_ITEM_TPM, part->tpm_type, ev_span(&tpm));
    }

    if (!part->no_hpke) {
        ev_item(items, &n, ATTEST_ITEM_HPKE_KEYS, ATTEST_TYPE_HPKE_KEYS,
                part->hpke);
    }

    if (!part->no_config) {
        ev_item(items, &n, ATTEST_ITEM_CONFIG, ATTEST_TYPE_CONFIG,
                part->config);
    }

    if (!part->no_eventlog) {
        ev_item(items, &n, ATTEST_ITEM_EVENTLOG, ATTEST_TYPE_EVENTLOG,
                part->eventlog);
    }

    if (!part->no_imalog) {
        ev_item(items, &n, ATTEST_ITEM_IMALOG, ATTEST_TYPE_IMALOG,
                part->imalog);
    }

    if (part->foreign != NULL) {
        ev_item(items, &n, part->foreign, "application/x-other",
                part->config);
    }

    for (i = 0; i < part->extras; i++) {
        items[n++] = part->extra[i];
    }

    part->out.n = sizeof(part->out.p);
    if (attest_cmw_encode_cbor(part->ctype, items, n, part->out.p,
                               &part->out.n) != ATTEST_OK)
    {
        printf("Bail out! cannot encode the collection\n");
        exit(1);
    }
}


/* value = SHA-256(value || digest) */
static inline void
ev_extend(uint8_t *value, const uint8_t digest[32])
{
    attest_span_t  parts[2] = { { value, 32 }, { digest, 32 } };

    (void) attest_sha256(parts, 2, value);
}


/* The head of a crypto-agile log with one SHA-256 bank. */
static inline void
ev_log_start(ev_buf_t *b)
{
    uint8_t  zero[20] = { 0 };

    b->n = 0;
    ev_le(b, 0, 4);
    ev_le(b, 3, 4);
    ev_put(b, zero, 20);
    ev_le(b, 33, 4);
    ev_put(b, "Spec ID Event03", 16);
    ev_le(b, 0, 4);
    ev_put(b, "\0\x02\0\x02", 4);
    ev_le(b, 1, 4);
    ev_le(b, ATTEST_TPM_ALG_SHA256, 2);
    ev_le(b, 32, 2);
    ev_le(b, 0, 1);
}


static inline void
ev_log_event(ev_buf_t *b, uint32_t pcr, uint32_t type,
    const uint8_t digest[32])
{
    ev_le(b, pcr, 4);
    ev_le(b, type, 4);
    ev_le(b, 1, 4);
    ev_le(b, ATTEST_TPM_ALG_SHA256, 2);
    ev_put(b, digest, 32);
    ev_le(b, 4, 4);
    ev_put(b, "data", 4);
}


/* One entry of IMA's log; returns what PCR 10 is extended with. */
static inline void
ev_ima_entry(ev_buf_t *b, const char *data, uint8_t digest[32])
{
    uint8_t        sha1[20];
    attest_span_t  s = { (const uint8_t *) data, strlen(data) };

    memset(sha1, 0x5a, sizeof(sha1));
    ev_le(b, 10, 4);
    ev_put(b, sha1, 20);
    ev_le(b, 6, 4);
    ev_put(b, "ima-ng", 6);
    ev_le(b, s.n, 4);
    ev_put(b, s.p, s.n);
    (void) attest_sha256(&s, 1, digest);
}


static inline void
ev_ext(X509 *x, X509 *issuer, CONF *conf, int nid, const char *value)
{
    X509V3_CTX       ctx;
    X509_EXTENSION  *ext;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    ext = X509V3_EXT_nconf_nid(conf, &ctx, nid, value);

    if (ext == NULL || X509_add_ext(x, ext, -1) != 1) {
        printf("Bail out! cannot add an extension\n");
        exit(1);
    }

    X509_EXTENSION_free(ext);
}


/*
 * A CA (ca_key NULL), or an EK certificate as TPM makers issue them: empty
 * subject and a critical directoryName.  eku, usage: NULL for none.
 */
static inline X509 *
ev_cert(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *usage,
    const char *eku)
{
    long               line;
    BIO               *bio;
    X509              *x = X509_new();
    CONF              *conf = NCONF_new(NULL);
    static const char  text[] = "[d]\n0.2.23.133.2.1=id:54455354\n";

    bio = BIO_new_mem_buf(text, -1);
    (void) NCONF_load_bio(conf, bio, &line);
    BIO_free(bio);

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ca == NULL ? 1 : 2);
    ASN1_TIME_set(X509_getm_notBefore(x), EV_FROM - 86400);
    ASN1_TIME_set(X509_getm_notAfter(x), EV_UNTIL + 86400);
    X509_set_pubkey(x, key);

    if (ca == NULL) {
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
                                   MBSTRING_ASC,
                                   (const unsigned char *) "TPM maker", -1,
                                   -1, 0);
        X509_set_issuer_name(x, X509_get_subject_name(x));
        ev_ext(x, x, conf, NID_basic_constraints, "critical,CA:TRUE");
        ca_key = key;

    } else {
        X509_set_issuer_name(x, X509_get_subject_name(ca));
        ev_ext(x, ca, conf, NID_subject_alt_name, "critical,dirName:d");
        ev_ext(x, ca, conf, NID_basic_constraints, "critical,CA:FALSE");
    }

    if (usage != NULL) {
        ev_ext(x, ca != NULL ? ca : x, conf, NID_key_usage, usage);
    }

    if (eku != NULL) {
        ev_ext(x, ca != NULL ? ca : x, conf, NID_ext_key_usage, eku);
    }

    if (X509_sign(x, ca_key, EVP_sha256()) == 0) {
        printf("Bail out! cannot sign a certificate\n");
        exit(1);
    }

    NCONF_free(conf);
    return x;
}


#endif /* EVIDENCE_H_INCLUDED */
