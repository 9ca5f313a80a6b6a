/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the doubles of Nitro and of NVIDIA's devices share: a test authority
 * with P-384 keys.  Keys are made from a label, so that every process that
 * uses a double has the same root, which a policy can name in
 * simulated_roots.  Everybody knows these keys: they prove nothing.  Pure C
 * and OpenSSL, no I/O.
 *
 * What was made is kept, for P-384 takes a millisecond each time and what a
 * machine has stays the same: as bytes, so that nothing has to be given back
 * when a double is unloaded.
 */


#ifndef DOUBLE_CA_H_INCLUDED
#define DOUBLE_CA_H_INCLUDED


#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


#define DOUBLE_FROM      1577836800LL        /* 2020-01-01 */
#define DOUBLE_FOREVER   253402300799LL      /* 9999-12-31 23:59:59 */


/* One certificate to make; the issuer NULL: self-signed. */

typedef struct {
    const char       *cn;
    EVP_PKEY         *key;
    X509             *issuer;
    EVP_PKEY         *issuer_key;
    int64_t           from;
    int64_t           until;
    int               ca;
    const char       *oid;               /* of one more extension */
    const uint8_t    *ext;
    size_t            ext_len;
} double_cert_t;

/* The point of a key, or a certificate. */

#define DOUBLE_KEPT        512
#define DOUBLE_KEPT_MAX    1536

typedef struct {
    uint8_t    name[48];              /* digest of what it was made of */
    uint8_t    bytes[DOUBLE_KEPT_MAX];
    size_t     n;                     /* 0: nothing is here */
} double_kept_t;


static double_kept_t     double_kept[DOUBLE_KEPT];
static pthread_mutex_t   double_lock = PTHREAD_MUTEX_INITIALIZER;


static inline double_kept_t *
double_place(const uint8_t name[48])
{
    return &double_kept[(name[0] << 8 | name[1]) % DOUBLE_KEPT];
}


/* The length; 0: it has to be made. */

static inline size_t
double_recall(const uint8_t name[48], uint8_t out[DOUBLE_KEPT_MAX])
{
    size_t          n = 0;
    double_kept_t  *k = double_place(name);

    (void) pthread_mutex_lock(&double_lock);

    if (k->n != 0 && memcmp(k->name, name, sizeof(k->name)) == 0) {
        n = k->n;
        memcpy(out, k->bytes, n);
    }

    (void) pthread_mutex_unlock(&double_lock);
    return n;
}


static inline void
double_keep(const uint8_t name[48], const uint8_t *p, size_t n)
{
    double_kept_t  *k = double_place(name);

    if (n > DOUBLE_KEPT_MAX) {
        return;
    }

    (void) pthread_mutex_lock(&double_lock);

    memcpy(k->name, name, sizeof(k->name));
    memcpy(k->bytes, p, n);
    k->n = n;

    (void) pthread_mutex_unlock(&double_lock);
}


/* The private key is SHA-384(label) modulo the order of the curve. */

static inline EVP_PKEY *
double_key(const char *label)
{
    size_t            n;
    BIGNUM           *d = NULL;
    uint8_t           digest[48], point[DOUBLE_KEPT_MAX];
    BN_CTX           *bn = BN_CTX_new();
    EC_GROUP         *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
    EC_POINT         *q = NULL;
    EVP_PKEY         *key = NULL;
    OSSL_PARAM       *params = NULL;
    EVP_PKEY_CTX     *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD   *bld = OSSL_PARAM_BLD_new();

    if (bn == NULL || group == NULL || ctx == NULL || bld == NULL
        || EVP_Digest(label, strlen(label), digest, NULL, EVP_sha384(), NULL)
           != 1)
    {
        goto done;
    }

    d = BN_bin2bn(digest, sizeof(digest), NULL);
    q = EC_POINT_new(group);

    if (d == NULL || q == NULL
        || BN_nnmod(d, d, EC_GROUP_get0_order(group), bn) != 1)
    {
        goto done;
    }

    n = double_recall(digest, point);

    if (n == 0) {
        if (EC_POINT_mul(group, q, d, NULL, NULL, bn) != 1) {
            goto done;
        }

        n = EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point,
                               sizeof(point), bn);
        double_keep(digest, point, n);
    }

    (void) OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           "secp384r1", 0);
    (void) OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
    (void) OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, n);
    params = OSSL_PARAM_BLD_to_param(bld);

    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
    {
        key = NULL;
    }

done:

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    EC_POINT_free(q);
    EC_GROUP_free(group);
    BN_free(d);
    BN_CTX_free(bn);
    return key;
}


static inline int
double_extension(X509 *x, X509 *issuer, int nid, const char *value)
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


static inline int
double_raw_extension(X509 *x, const double_cert_t *c)
{
    int                 ok;
    ASN1_OBJECT        *oid = OBJ_txt2obj(c->oid, 1);
    X509_EXTENSION     *ext = NULL;
    ASN1_OCTET_STRING  *data = ASN1_OCTET_STRING_new();

    ok = oid != NULL && data != NULL
         && ASN1_OCTET_STRING_set(data, c->ext, (int) c->ext_len) == 1
         && (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, data)) != NULL
         && X509_add_ext(x, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(oid);
    return ok;
}


/* The serial number is made from the name: the same in every process. */

static inline int
double_names(X509 *x, const double_cert_t *c)
{
    int         ok;
    BIGNUM     *bn = NULL;
    uint8_t     digest[48];
    X509_NAME  *name = X509_NAME_new();

    ok = name != NULL
         && X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                       (const uint8_t *) "Test double", -1,
                                       -1, 0) == 1
         && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       (const uint8_t *) c->cn, -1, -1, 0)
            == 1
         && X509_set_subject_name(x, name) == 1
         && X509_set_issuer_name(x, c->issuer != NULL
                                 ? X509_get_subject_name(c->issuer) : name)
            == 1
         && EVP_Digest(c->cn, strlen(c->cn), digest, NULL, EVP_sha384(),
                       NULL) == 1;

    if (ok) {
        digest[0] &= 0x7f;
        bn = BN_bin2bn(digest, 16, NULL);
        ok = bn != NULL
             && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
    }

    BN_free(bn);
    X509_NAME_free(name);
    return ok;
}


/* Everything that a certificate is made of. */

static inline int
double_cert_name(const double_cert_t *c, uint8_t name[48])
{
    int          i, n, ok;
    size_t       ext_len = c->ext != NULL ? c->ext_len : 0;
    uint8_t     *der, issuer[48] = { 0 };
    EVP_PKEY    *keys[2];
    EVP_MD_CTX  *ctx = EVP_MD_CTX_new();
    const char  *oid = c->oid != NULL ? c->oid : "";

    keys[0] = c->key;
    keys[1] = c->issuer != NULL ? c->issuer_key : c->key;

    ok = ctx != NULL
         && (c->issuer == NULL
             || X509_digest(c->issuer, EVP_sha384(), issuer, NULL) == 1)
         && EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) == 1
         && EVP_DigestUpdate(ctx, issuer, sizeof(issuer)) == 1
         && EVP_DigestUpdate(ctx, c->cn, strlen(c->cn) + 1) == 1
         && EVP_DigestUpdate(ctx, &c->from, sizeof(c->from)) == 1
         && EVP_DigestUpdate(ctx, &c->until, sizeof(c->until)) == 1
         && EVP_DigestUpdate(ctx, &c->ca, sizeof(c->ca)) == 1
         && EVP_DigestUpdate(ctx, oid, strlen(oid) + 1) == 1
         && EVP_DigestUpdate(ctx, &ext_len, sizeof(ext_len)) == 1
         && EVP_DigestUpdate(ctx, c->ext, ext_len) == 1;

    for (i = 0; ok && i < 2; i++) {
        der = NULL;
        n = i2d_PUBKEY(keys[i], &der);
        ok = n > 0 && EVP_DigestUpdate(ctx, der, (size_t) n) == 1;
        OPENSSL_free(der);
    }

    ok = ok && EVP_DigestFinal_ex(ctx, name, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}


static inline X509 *
double_cert_make(const double_cert_t *c)
{
    X509      *issuer, *x = X509_new();
    EVP_PKEY  *by = c->issuer != NULL ? c->issuer_key : c->key;

    if (x == NULL) {
        return NULL;
    }

    issuer = c->issuer != NULL ? c->issuer : x;

    if (X509_set_version(x, 2) == 1
        && double_names(x, c)
        && ASN1_TIME_set(X509_getm_notBefore(x), (time_t) c->from) != NULL
        && ASN1_TIME_set(X509_getm_notAfter(x), (time_t) c->until) != NULL
        && X509_set_pubkey(x, c->key) == 1
        && double_extension(x, issuer, NID_basic_constraints, c->ca
                            ? "critical,CA:TRUE" : "critical,CA:FALSE")
        && double_extension(x, issuer, NID_key_usage, c->ca
                            ? "critical,keyCertSign,cRLSign"
                            : "critical,digitalSignature")
        && double_extension(x, issuer, NID_subject_key_identifier, "hash")
        && double_extension(x, issuer, NID_authority_key_identifier,
                            "keyid:always")
        && (c->oid == NULL || double_raw_extension(x, c))
        && X509_sign(x, by, EVP_sha384()) > 0)
    {
        return x;
    }

    X509_free(x);
    return NULL;
}


static inline X509 *
double_cert(const double_cert_t *c)
{
    int             len;
    X509           *x;
    size_t          n;
    uint8_t         name[48], der[DOUBLE_KEPT_MAX], *out = NULL;
    const uint8_t  *p = der;

    if (!double_cert_name(c, name)) {
        return NULL;
    }

    n = double_recall(name, der);

    if (n != 0) {
        return d2i_X509(NULL, &p, (long) n);
    }

    x = double_cert_make(c);

    if (x != NULL) {
        len = i2d_X509(x, &out);

        if (len > 0) {
            double_keep(name, out, (size_t) len);
        }

        OPENSSL_free(out);
    }

    return x;
}


/* Appends; *len is what was there and is moved on. */

static inline int
double_pem(X509 *x, char *out, size_t room, size_t *len)
{
    int    ok = 0;
    BIO   *bio = BIO_new(BIO_s_mem());
    char  *p;
    long   n;

    if (bio != NULL && PEM_write_bio_X509(bio, x) == 1) {
        n = BIO_get_mem_data(bio, &p);

        if (n > 0 && (size_t) n < room - *len) {
            memcpy(out + *len, p, (size_t) n);
            *len += (size_t) n;
            out[*len] = '\0';
            ok = 1;
        }
    }

    BIO_free(bio);
    return ok;
}


/* ECDSA with SHA-384, r and s of 48 bytes each. */

static inline int
double_sign(EVP_PKEY *key, const uint8_t *msg, size_t len, uint8_t sig[96])
{
    int             ok;
    size_t          n = 128;
    uint8_t         der[128];
    ECDSA_SIG      *ecdsa = NULL;
    EVP_MD_CTX     *ctx = EVP_MD_CTX_new();
    const uint8_t  *p = der;

    ok = ctx != NULL
         && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) == 1
         && EVP_DigestSign(ctx, der, &n, msg, len) == 1
         && (ecdsa = d2i_ECDSA_SIG(NULL, &p, (long) n)) != NULL
         && BN_bn2binpad(ECDSA_SIG_get0_r(ecdsa), sig, 48) == 48
         && BN_bn2binpad(ECDSA_SIG_get0_s(ecdsa), sig + 48, 48) == 48;

    ECDSA_SIG_free(ecdsa);
    EVP_MD_CTX_free(ctx);
    return ok;
}


#endif /* DOUBLE_CA_H_INCLUDED */
