/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Public areas of keys in a TPM: taken apart, their names, and as OpenSSL's
 * keys.
 */


#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "core/evidence/attest_tpm.h"
#include "core/evidence/attest_tpm_alg.h"
#include "core/base/attest_wire.h"


#define ATTEST_TPM_RSA_EXPONENT   65537


static int attest_tpm_sym_parse(attest_wire_t *w, attest_tpm_public_t *pub);
static int attest_tpm_scheme_parse(attest_wire_t *w,
    attest_tpm_public_t *pub);
static int attest_tpm_rsa_parse(attest_wire_t *w, attest_tpm_public_t *pub);
static int attest_tpm_rsa_key(attest_span_t n, EVP_PKEY **key);
static int attest_tpm_ecc_parse(attest_wire_t *w, attest_tpm_public_t *pub);
static int attest_tpm_ecc_key(uint16_t curve, attest_span_t x,
    attest_span_t y, EVP_PKEY **key);
static int attest_tpm_fromdata(const char *type, OSSL_PARAM_BLD *bld,
    EVP_PKEY **key);
static int attest_tpm_name(const uint8_t *p, size_t n,
    uint8_t name[ATTEST_TPM_NAME_LEN]);
static EVP_PKEY *attest_tpm_cert_key(X509 *cert);


/* TPMT_PUBLIC, part 2, section 12.2.4. */

int
attest_tpm_public_parse(const uint8_t *p, size_t n, attest_tpm_public_t *pub)
{
    int            rc;
    attest_wire_t  w;

    memset(pub, 0, sizeof(attest_tpm_public_t));
    attest_wire_init(&w, p, n);

    pub->type = attest_wire_be16(&w);
    pub->name_alg = attest_wire_be16(&w);
    pub->attributes = attest_wire_be32(&w);
    pub->policy = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_DIGEST);

    if (w.bad) {
        return ATTEST_EFORMAT;
    }

    switch (pub->type) {
    case ATTEST_TPM_ALG_RSA:
        rc = attest_tpm_rsa_parse(&w, pub);
        break;

    case ATTEST_TPM_ALG_ECC:
        rc = attest_tpm_ecc_parse(&w, pub);
        break;

    default:
        return ATTEST_EUNSUPPORTED;
    }

    if (rc == ATTEST_OK && pub->name_alg == ATTEST_TPM_ALG_SHA256) {
        rc = attest_tpm_name(p, n, pub->name);
    }

    if (rc != ATTEST_OK) {
        attest_tpm_public_free(pub);
    }

    return rc;
}


void
attest_tpm_public_free(attest_tpm_public_t *pub)
{
    EVP_PKEY_free(pub->key);
    memset(pub, 0, sizeof(attest_tpm_public_t));
}


/* TPMT_SYM_DEF_OBJECT, part 2, section 11.1.7: none, or AES-CFB. */

static int
attest_tpm_sym_parse(attest_wire_t *w, attest_tpm_public_t *pub)
{
    uint16_t  alg, mode;

    alg = attest_wire_be16(w);

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    if (alg == ATTEST_TPM_ALG_NULL) {
        return ATTEST_OK;
    }

    pub->sym_bits = attest_wire_be16(w);
    mode = attest_wire_be16(w);

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    if (alg != ATTEST_TPM_ALG_AES || mode != ATTEST_TPM_ALG_CFB) {
        return ATTEST_EUNSUPPORTED;
    }

    if (pub->sym_bits != 128 && pub->sym_bits != 192
        && pub->sym_bits != 256)
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* TPMT_RSA_SCHEME and TPMT_ECC_SCHEME: none, or one that signs. */

static int
attest_tpm_scheme_parse(attest_wire_t *w, attest_tpm_public_t *pub)
{
    pub->scheme = attest_wire_be16(w);

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    switch (pub->scheme) {
    case ATTEST_TPM_ALG_NULL:
        return ATTEST_OK;

    case ATTEST_TPM_ALG_RSASSA:
    case ATTEST_TPM_ALG_RSAPSS:
        if (pub->type != ATTEST_TPM_ALG_RSA) {
            return ATTEST_EFORMAT;
        }
        break;

    case ATTEST_TPM_ALG_ECDSA:
        if (pub->type != ATTEST_TPM_ALG_ECC) {
            return ATTEST_EFORMAT;
        }
        break;

    default:
        return ATTEST_EUNSUPPORTED;
    }

    pub->hash = attest_wire_be16(w);
    return w->bad ? ATTEST_EFORMAT : ATTEST_OK;
}


/* TPMS_RSA_PARMS and TPM2B_PUBLIC_KEY_RSA. */

static int
attest_tpm_rsa_parse(attest_wire_t *w, attest_tpm_public_t *pub)
{
    int            rc;
    uint16_t       bits;
    uint32_t       exponent;
    attest_span_t  n;

    rc = attest_tpm_sym_parse(w, pub);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_scheme_parse(w, pub);
    if (rc != ATTEST_OK) {
        return rc;
    }

    bits = attest_wire_be16(w);
    exponent = attest_wire_be32(w);
    n = attest_wire_tpm2b(w, ATTEST_TPM_MAX_RSA);

    if (attest_wire_done(w) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    if (bits != 1024 && bits != 2048 && bits != 3072 && bits != 4096) {
        return ATTEST_EUNSUPPORTED;
    }

    /* 0 stands for the default exponent, which is all that TPMs make */

    if (exponent != 0 && exponent != ATTEST_TPM_RSA_EXPONENT) {
        return ATTEST_EUNSUPPORTED;
    }

    if (n.n != bits / 8 || (n.p[0] & 0x80) == 0 || (n.p[n.n - 1] & 1) == 0) {
        return ATTEST_EFORMAT;
    }

    return attest_tpm_rsa_key(n, &pub->key);
}


static int
attest_tpm_rsa_key(attest_span_t n, EVP_PKEY **key)
{
    int              rc = ATTEST_EINTERNAL;
    BIGNUM          *bn;
    OSSL_PARAM_BLD  *bld;

    bn = BN_bin2bn(n.p, (int) n.n, NULL);
    bld = OSSL_PARAM_BLD_new();

    if (bn != NULL && bld != NULL
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1
        && OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E,
                                    ATTEST_TPM_RSA_EXPONENT) == 1)
    {
        rc = attest_tpm_fromdata("RSA", bld, key);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(bn);
    return rc;
}


/* TPMS_ECC_PARMS and TPMS_ECC_POINT. */

static int
attest_tpm_ecc_parse(attest_wire_t *w, attest_tpm_public_t *pub)
{
    int            rc;
    uint16_t       kdf;
    attest_span_t  x, y;

    rc = attest_tpm_sym_parse(w, pub);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_scheme_parse(w, pub);
    if (rc != ATTEST_OK) {
        return rc;
    }

    pub->curve = attest_wire_be16(w);
    kdf = attest_wire_be16(w);

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    /* no implementation uses the field, part 2, section 12.2.3.6 */

    if (kdf != ATTEST_TPM_ALG_NULL
        || (pub->curve != ATTEST_TPM_CURVE_P256
            && pub->curve != ATTEST_TPM_CURVE_P384))
    {
        return ATTEST_EUNSUPPORTED;
    }

    x = attest_wire_tpm2b(w, ATTEST_TPM_MAX_COORD);
    y = attest_wire_tpm2b(w, ATTEST_TPM_MAX_COORD);

    if (attest_wire_done(w) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    return attest_tpm_ecc_key(pub->curve, x, y, &pub->key);
}


/* Some TPMs drop leading zeros of a coordinate, so it is padded here. */

static int
attest_tpm_ecc_key(uint16_t curve, attest_span_t x, attest_span_t y,
    EVP_PKEY **key)
{
    int              rc = ATTEST_EINTERNAL;
    size_t           n = (curve == ATTEST_TPM_CURVE_P256) ? 32 : 48;
    uint8_t          point[1 + 2 * ATTEST_TPM_MAX_COORD];
    const char      *group;
    OSSL_PARAM_BLD  *bld;

    if (x.n == 0 || y.n == 0 || x.n > n || y.n > n) {
        return ATTEST_EFORMAT;
    }

    memset(point, 0, sizeof(point));
    point[0] = 0x04;
    memcpy(point + 1 + n - x.n, x.p, x.n);
    memcpy(point + 1 + 2 * n - y.n, y.p, y.n);

    group = (curve == ATTEST_TPM_CURVE_P256) ? "P-256" : "P-384";
    bld = OSSL_PARAM_BLD_new();

    if (bld != NULL
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           group, 0) == 1
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, 1 + 2 * n) == 1)
    {
        rc = attest_tpm_fromdata("EC", bld, key);
    }

    OSSL_PARAM_BLD_free(bld);
    return rc;
}


/* ATTEST_ECRYPTO: a point off its curve, or numbers that are no key. */

static int
attest_tpm_fromdata(const char *type, OSSL_PARAM_BLD *bld, EVP_PKEY **key)
{
    int            rc = ATTEST_EINTERNAL;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1) {
        goto done;
    }

    if (EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        rc = ATTEST_ECRYPTO;
        goto done;
    }

    rc = ATTEST_OK;

done:

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return rc;
}


/* Name = nameAlg || H(TPMT_PUBLIC), part 1, section 16. */

static int
attest_tpm_name(const uint8_t *p, size_t n,
    uint8_t name[ATTEST_TPM_NAME_LEN])
{
    attest_span_t  s = { p, n };

    name[0] = ATTEST_TPM_ALG_SHA256 >> 8;
    name[1] = ATTEST_TPM_ALG_SHA256 & 0xff;

    return attest_sha256(&s, 1, name + 2);
}


int
attest_tpm_ek_matches_cert(const attest_tpm_public_t *ek, const uint8_t *der,
    size_t len)
{
    int             rc;
    X509           *cert;
    EVP_PKEY       *key;
    const uint8_t  *p = der;

    if (ek->key == NULL || der == NULL) {
        return ATTEST_EARG;
    }

    if (len > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    cert = d2i_X509(NULL, &p, (long) len);
    if (cert == NULL || p != der + len) {
        X509_free(cert);
        return ATTEST_EFORMAT;
    }

    key = attest_tpm_cert_key(cert);
    X509_free(cert);

    if (key == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = (EVP_PKEY_eq(ek->key, key) == 1) ? ATTEST_OK : ATTEST_EMISMATCH;

    EVP_PKEY_free(key);
    return rc;
}


/*
 * Some TPM makers certify an RSA EK under id-RSAES-OAEP (RFC 4055, section
 * 4.1), which OpenSSL does not take as a key: the bits inside are the same.
 */

static EVP_PKEY *
attest_tpm_cert_key(X509 *cert)
{
    int             n;
    EVP_PKEY       *key;
    ASN1_OBJECT    *alg;
    const uint8_t  *p;

    if (X509_PUBKEY_get0_param(&alg, &p, &n, NULL, X509_get_X509_PUBKEY(cert))
        != 1)
    {
        return NULL;
    }

    if (OBJ_obj2nid(alg) == NID_rsaesOaep) {
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, n);
    }

    key = X509_get0_pubkey(cert);
    if (key == NULL || EVP_PKEY_up_ref(key) != 1) {
        return NULL;
    }

    return key;
}
