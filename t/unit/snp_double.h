/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A test double of an AMD chip: its own root, ASK and VCEK or VLEK in AMD's
 * form, and reports that they sign.  Nothing that it makes leads to a root
 * of AMD's, so a verifier can call it nothing but simulated.  OpenSSL and
 * the C library only, no files, no other test code.
 *
 *     snp_double_t  d;
 *
 *     memset(&d, 0, sizeof(d));
 *     d.bits = 2048;                      (of the CA keys; 0: 4096, as AMD)
 *     snp_double_init(&d)                 keys, ARK and ASK: once
 *     snp_double_leaf(&d)                 VCEK or VLEK for what d says
 *     snp_double_report(&d, report_data, report)
 *     snp_double_table(&d, out, &len)     the certificate table
 *     snp_double_free(&d)
 *
 * All return 1, or 0 when OpenSSL fails.
 */


#ifndef SNP_DOUBLE_H_INCLUDED
#define SNP_DOUBLE_H_INCLUDED


#include <stdint.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>


#define SNP_DOUBLE_REPORT     1184
#define SNP_DOUBLE_SIGNED     0x2a0
#define SNP_DOUBLE_FROM       1577836800          /* 2020-01-01 */
#define SNP_DOUBLE_UNTIL      2208988800          /* 2040-01-01 */


typedef struct {
    int         bits;              /* of the CA keys: 0 is 4096 */
    EVP_PKEY   *ark_key;
    EVP_PKEY   *ask_key;
    EVP_PKEY   *leaf_key;
    X509       *ark;
    X509       *ask;
    X509       *leaf;

    /* before snp_double_leaf() and snp_double_report(): */
    const char *product;           /* NULL: "Milan-B0" */
    int         turin;             /* 8-byte HWID, other layout of TCBs */
    int         vlek;
    uint32_t    version;           /* 0: 3 */
    uint8_t     tcb[5];            /* bootloader, tee, snp, microcode, fmc */
    uint8_t     chip[64];

    /* bent certificates; 0 is right */
    int         no_product;
    int         no_hwid;
    int         twice;             /* SPL 3.8 twice */
    int         spare;             /* value of SPL 3.4, which may be absent */
    int         has_spare;
    int         serial;
    int         no_ark;            /* leave it out of the table */
    int         no_ask;
    int64_t     from;              /* validity of the leaf; 0: the usual */
    int64_t     until;

    /* the report: 0 is what a proper guest has */
    uint64_t    policy;            /* 0: 0x3001f */
    uint64_t    platform;          /* 0: 0x25 */
    uint32_t    vmpl;
    uint32_t    sig_algo;          /* 0: 1 */
    int         signer;            /* bits 4:2 of the flags; -1: by vlek */
    uint8_t     family;            /* 0: by turin */
    uint8_t     model;
    uint8_t     measurement[48];
    uint8_t     host_data[32];
    uint8_t     id_key[48];
    uint8_t     author_key[48];
    uint8_t     report_id[32];
    uint8_t     higher;            /* current TCB's microcode above this */
} snp_double_t;


static inline void snp_double_le(uint8_t *p, uint64_t v, int bytes);
static inline void snp_double_tcb(const snp_double_t *d, uint8_t out[8],
    int higher);


static inline int
snp_double_add(X509 *x, const char *oid, const uint8_t *value, int n)
{
    int                 ok;
    ASN1_OBJECT        *obj = OBJ_txt2obj(oid, 1);
    X509_EXTENSION     *ext = NULL;
    ASN1_OCTET_STRING  *data = ASN1_OCTET_STRING_new();

    ok = obj != NULL && data != NULL
         && ASN1_OCTET_STRING_set(data, value, n) == 1
         && (ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, data)) != NULL
         && X509_add_ext(x, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(obj);
    return ok;
}


/* DER INTEGER of one byte's value. */
static inline int
snp_double_spl(X509 *x, const char *oid, uint8_t v)
{
    uint8_t  der[4] = { 0x02, 1, v, 0 };

    if (v < 0x80) {
        return snp_double_add(x, oid, der, 3);
    }

    der[1] = 2;
    der[2] = 0;
    der[3] = v;
    return snp_double_add(x, oid, der, 4);
}


static inline int
snp_double_ia5(X509 *x, const char *oid, const char *text)
{
    uint8_t  der[66];
    size_t   n = strlen(text);

    der[0] = 0x16;
    der[1] = (uint8_t) n;
    memcpy(der + 2, text, n);
    return snp_double_add(x, oid, der, (int) n + 2);
}


static inline int
snp_double_v3(X509 *x, X509 *issuer, int nid, const char *value)
{
    int              ok;
    X509V3_CTX       ctx;
    X509_EXTENSION  *ext;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}


/* RSASSA-PSS, SHA-384, salt 48, as AMD signs. */
static inline int
snp_double_sign(X509 *x, EVP_PKEY *key)
{
    int            ok;
    EVP_PKEY_CTX  *pctx = NULL;
    EVP_MD_CTX    *ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestSignInit(ctx, &pctx, EVP_sha384(), NULL, key) == 1
         && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1
         && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 48) == 1
         && X509_sign_ctx(x, ctx) > 0;

    EVP_MD_CTX_free(ctx);
    return ok;
}


static inline X509 *
snp_double_cert(const char *cn, EVP_PKEY *key, const X509 *issuer,
    int64_t from, int64_t until, long serial)
{
    X509       *x = X509_new();
    X509_NAME  *name = X509_NAME_new();

    if (x == NULL || name == NULL
        || X509_set_version(x, 2) != 1
        || ASN1_INTEGER_set(X509_get_serialNumber(x), serial) != 1
        || X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
               (const uint8_t *) "not AMD: a test", -1, -1, 0) != 1
        || X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
               (const uint8_t *) cn, -1, -1, 0) != 1
        || X509_set_subject_name(x, name) != 1
        || X509_set_issuer_name(x, issuer != NULL
               ? X509_get_subject_name(issuer) : name) != 1
        || X509_set_pubkey(x, key) != 1
        || ASN1_TIME_set(X509_getm_notBefore(x), (time_t) from) == NULL
        || ASN1_TIME_set(X509_getm_notAfter(x), (time_t) until) == NULL)
    {
        X509_free(x);
        x = NULL;
    }

    X509_NAME_free(name);
    return x;
}


/* Keys, and the two CA certificates.  RSA-4096 takes seconds. */
static inline int
snp_double_init(snp_double_t *d)
{
    unsigned  bits = d->bits != 0 ? (unsigned) d->bits : 4096;

    d->signer = -1;
    d->serial = 0;
    d->ark_key = EVP_RSA_gen(bits);
    d->ask_key = EVP_RSA_gen(bits);
    d->leaf_key = EVP_EC_gen("P-384");

    if (d->ark_key == NULL || d->ask_key == NULL || d->leaf_key == NULL) {
        return 0;
    }

    d->ark = snp_double_cert("ARK-Test", d->ark_key, NULL, SNP_DOUBLE_FROM,
                             SNP_DOUBLE_UNTIL, 65536);
    if (d->ark == NULL
        || !snp_double_v3(d->ark, d->ark, NID_basic_constraints,
                          "critical,CA:TRUE")
        || !snp_double_v3(d->ark, d->ark, NID_key_usage,
                          "critical,keyCertSign,cRLSign")
        || !snp_double_v3(d->ark, d->ark, NID_subject_key_identifier, "hash")
        || !snp_double_sign(d->ark, d->ark_key))
    {
        return 0;
    }

    d->ask = snp_double_cert("SEV-Test", d->ask_key, d->ark, SNP_DOUBLE_FROM,
                             SNP_DOUBLE_UNTIL, 65537);

    return d->ask != NULL
           && snp_double_v3(d->ask, d->ark, NID_basic_constraints,
                            "critical,CA:TRUE,pathlen:0")
           && snp_double_v3(d->ask, d->ark, NID_key_usage,
                            "critical,keyCertSign")
           && snp_double_v3(d->ask, d->ark, NID_subject_key_identifier,
                            "hash")
           && snp_double_v3(d->ask, d->ark, NID_authority_key_identifier,
                            "keyid")
           && snp_double_sign(d->ask, d->ark_key);
}


/* VCEK or VLEK for product, tcb and chip, in place of a former one. */
static inline int
snp_double_leaf(snp_double_t *d)
{
    X509        *x;
    const char  *product;

    product = d->product != NULL ? d->product
              : d->turin ? "Turin" : d->vlek ? "Milan" : "Milan-B0";

    X509_free(d->leaf);
    d->leaf = x = snp_double_cert(d->vlek ? "SEV-VLEK" : "SEV-VCEK",
                                  d->leaf_key, d->ask,
                                  d->from != 0 ? d->from : SNP_DOUBLE_FROM,
                                  d->until != 0 ? d->until : SNP_DOUBLE_UNTIL,
                                  d->serial);

    if (x == NULL
        || !snp_double_spl(x, "1.3.6.1.4.1.3704.1.1", d->turin ? 1 : 0)
        || (!d->no_product
            && !snp_double_ia5(x, "1.3.6.1.4.1.3704.1.2", product))
        || (d->turin
            && !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.9", d->tcb[4]))
        || !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.1", d->tcb[0])
        || !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.2", d->tcb[1])
        || !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.3", d->tcb[2])
        || !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.8", d->tcb[3])
        || (d->twice
            && !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.8", d->tcb[3]))
        || (d->has_spare
            && !snp_double_spl(x, "1.3.6.1.4.1.3704.1.3.4",
                               (uint8_t) d->spare)))
    {
        return 0;
    }

    if (d->vlek) {
        if (!snp_double_ia5(x, "1.3.6.1.4.1.3704.1.5", "cloud.test")) {
            return 0;
        }

    } else if (!d->no_hwid
               && !snp_double_add(x, "1.3.6.1.4.1.3704.1.4", d->chip,
                                  d->turin ? 8 : 64))
    {
        return 0;
    }

    return snp_double_sign(x, d->ask_key);
}


/* Signs what stands in a report's first 0x2a0 bytes. */
static inline int
snp_double_resign(const snp_double_t *d, uint8_t report[SNP_DOUBLE_REPORT])
{
    int             ok;
    size_t          n = 160;
    uint8_t         der[160];
    ECDSA_SIG      *sig = NULL;
    EVP_MD_CTX     *ctx = EVP_MD_CTX_new();
    const uint8_t  *p = der;

    memset(report + SNP_DOUBLE_SIGNED, 0,
           SNP_DOUBLE_REPORT - SNP_DOUBLE_SIGNED);

    ok = ctx != NULL
         && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, d->leaf_key)
            == 1
         && EVP_DigestSign(ctx, der, &n, report, SNP_DOUBLE_SIGNED) == 1
         && (sig = d2i_ECDSA_SIG(NULL, &p, (long) n)) != NULL
         && BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + 0x2a0, 48) == 48
         && BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + 0x2e8, 48) == 48;

    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
    return ok;
}


static inline int
snp_double_report(const snp_double_t *d, const uint8_t report_data[64],
    uint8_t report[SNP_DOUBLE_REPORT])
{
    uint32_t  version = d->version != 0 ? d->version : 3;
    int       signer = d->signer >= 0 ? d->signer : d->vlek;

    memset(report, 0, SNP_DOUBLE_REPORT);
    snp_double_le(report, version, 4);
    snp_double_le(report + 0x004, 4, 4);
    snp_double_le(report + 0x008, d->policy != 0 ? d->policy : 0x3001f, 8);
    report[0x010] = 0x11;
    report[0x020] = 0x22;
    snp_double_le(report + 0x030, d->vmpl, 4);
    snp_double_le(report + 0x034, d->sig_algo != 0 ? d->sig_algo : 1, 4);
    snp_double_tcb(d, report + 0x038, d->higher);
    snp_double_le(report + 0x040, d->platform != 0 ? d->platform : 0x25, 8);
    snp_double_le(report + 0x048, (uint64_t) signer << 2, 4);
    memcpy(report + 0x050, report_data, 64);
    memcpy(report + 0x090, d->measurement, 48);
    memcpy(report + 0x0c0, d->host_data, 32);
    memcpy(report + 0x0e0, d->id_key, 48);
    memcpy(report + 0x110, d->author_key, 48);
    memcpy(report + 0x140, d->report_id, 32);
    memset(report + 0x160, 0xff, 32);
    snp_double_tcb(d, report + 0x180, 0);

    if (version >= 3) {
        report[0x188] = d->family != 0 ? d->family : d->turin ? 0x1a : 0x19;
        report[0x189] = d->family != 0 ? d->model : d->turin ? 0x02 : 0x01;
        report[0x18a] = 0x01;
    }

    if (!d->vlek) {
        memcpy(report + 0x1a0, d->chip, d->turin ? 8 : 64);
    }

    snp_double_tcb(d, report + 0x1e0, 0);
    memcpy(report + 0x1e8, "\x04\x37\x01\x00\x04\x37\x01\x00", 8);
    snp_double_tcb(d, report + 0x1f0, 0);

    return snp_double_resign(d, report);
}


/* What the host hands over: leaf, ASK and ARK.  *len: room in, bytes out. */
static inline int
snp_double_table(const snp_double_t *d, uint8_t *out, size_t *len)
{
    int       i, n;
    size_t    at = 24;
    uint8_t  *p, *entry = out;

    static const uint8_t  guids[4][17] = {
        "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
        "\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1",
        "\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
        "\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae"
    };
    X509  *certs[4] = { d->vlek ? NULL : d->leaf, d->vlek ? d->leaf : NULL,
                        d->no_ask ? NULL : d->ask,
                        d->no_ark ? NULL : d->ark };

    for (i = 0; i < 4; i++) {
        at += certs[i] != NULL ? 24 : 0;
    }

    if (*len < at) {
        return 0;
    }

    memset(out, 0, at);

    for (i = 0; i < 4; i++) {
        if (certs[i] == NULL) {
            continue;
        }

        n = i2d_X509(certs[i], NULL);
        if (n <= 0 || (size_t) n > *len - at) {
            return 0;
        }

        p = out + at;
        (void) i2d_X509(certs[i], &p);

        memcpy(entry, guids[i], 16);
        snp_double_le(entry + 16, at, 4);
        snp_double_le(entry + 20, (uint64_t) n, 4);
        entry += 24;
        at += (size_t) n;
    }

    *len = at;
    return 1;
}


static inline void
snp_double_free(snp_double_t *d)
{
    X509_free(d->ark);
    X509_free(d->ask);
    X509_free(d->leaf);
    EVP_PKEY_free(d->ark_key);
    EVP_PKEY_free(d->ask_key);
    EVP_PKEY_free(d->leaf_key);
    memset(d, 0, sizeof(*d));
}


static inline void
snp_double_le(uint8_t *p, uint64_t v, int bytes)
{
    int  i;

    for (i = 0; i < bytes; i++) {
        p[i] = (uint8_t) (v >> (8 * i));
    }
}


static inline void
snp_double_tcb(const snp_double_t *d, uint8_t out[8], int higher)
{
    int  turin = d->turin;

    memset(out, 0, 8);

    if (turin) {
        out[0] = d->tcb[4];
    }

    out[turin ? 1 : 0] = d->tcb[0];
    out[turin ? 2 : 1] = d->tcb[1];
    out[turin ? 3 : 6] = d->tcb[2];
    out[7] = (uint8_t) (d->tcb[3] + higher);

    if (!turin && d->has_spare) {
        out[2] = (uint8_t) d->spare;
    }
}


#endif /* SNP_DOUBLE_H_INCLUDED */
