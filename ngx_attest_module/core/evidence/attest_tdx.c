/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Quotes of TDX: header, body, signature, the certificate data within.
 */


#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "core/base/attest_der.h"
#include "core/evidence/attest_tdx.h"


#define ATTEST_TDX_LEN_10        584
#define ATTEST_TDX_LEN_15        648
#define ATTEST_SGX_LEN_REPORT    384

#define ATTEST_TDX_KEY_P256      2
#define ATTEST_TDX_TEE_SGX       0x00
#define ATTEST_TDX_TEE_TDX       0x81
#define ATTEST_TDX_CERT_CHAIN    5           /* PEM, PCK .. root */
#define ATTEST_TDX_CERT_QE       6           /* report, signature, chain */

static int attest_tdx_head(attest_wire_t *w, attest_tdx_quote_t *q);
static int attest_tdx_kind(attest_tdx_quote_t *q, uint16_t key_type,
    uint32_t tee);
static int attest_tdx_body(attest_wire_t *w, attest_tdx_quote_t *q);
static void attest_tdx_td_report(attest_wire_t *w, attest_tdx_quote_t *q);
static void attest_tdx_sgx_report(attest_wire_t *w, attest_sgx_report_t *r);
static int attest_tdx_signature(attest_wire_t *w, attest_tdx_quote_t *q);
static int attest_tdx_qe(attest_wire_t *w, attest_tdx_quote_t *q);
static EVP_PKEY *attest_tdx_key(const uint8_t xy[ATTEST_TDX_KEY]);



/* Intel's UUID in the header, and who signed its quoting enclaves. */

static const uint8_t  attest_tdx_vendor[16] = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07
};

static const struct {
    attest_tdx_body_e   body;        /* ATTEST_TDX_BODY_SGX, or any other */
    uint16_t            isvprodid;
    uint8_t             mrsigner[ATTEST_TDX_SIGNER];
} attest_tdx_qes[] = {
    { ATTEST_TDX_BODY_SGX, 1,
      { 0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e,
        0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
        0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b,
        0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff } },
    { ATTEST_TDX_BODY_10, 2,
      { 0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17,
        0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
        0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf,
        0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5 } }
};


int
attest_tdx_parse(const uint8_t *p, size_t n, attest_tdx_quote_t *q)
{
    int            rc;
    size_t         len;
    attest_wire_t  w, sig;
    attest_span_t  s;

    memset(q, 0, sizeof(*q));

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    attest_wire_init(&w, p, n);

    rc = attest_tdx_head(&w, q);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tdx_body(&w, q);
    if (rc != ATTEST_OK) {
        return rc;
    }

    q->signed_area = attest_span(p, n - w.n);

    len = attest_wire_le32(&w);
    s = attest_wire_take(&w, len);

    if (w.bad) {
        return ATTEST_EFORMAT;
    }

    q->length = n - w.n;

    attest_wire_init(&sig, s.p, s.n);
    return attest_tdx_signature(&sig, q);
}


static int
attest_tdx_head(attest_wire_t *w, attest_tdx_quote_t *q)
{
    int            rc;
    uint16_t       key_type;
    uint32_t       tee;
    attest_span_t  vendor;

    q->version = attest_wire_le16(w);
    key_type = attest_wire_le16(w);
    tee = attest_wire_le32(w);

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    rc = attest_tdx_kind(q, key_type, tee);
    if (rc != ATTEST_OK) {
        return rc;
    }

    (void) attest_wire_take(w, 4);           /* QE and PCE SVN; reserved */
    vendor = attest_wire_take(w, sizeof(attest_tdx_vendor));
    q->user_data = attest_wire_take(w, ATTEST_TDX_USER_DATA).p;

    if (w->bad) {
        return ATTEST_EFORMAT;
    }

    return memcmp(vendor.p, attest_tdx_vendor, vendor.n) == 0
           ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


/* A version 5 quote says further on which body it has. */

static int
attest_tdx_kind(attest_tdx_quote_t *q, uint16_t key_type, uint32_t tee)
{
    if (q->version == 3 && tee == ATTEST_TDX_TEE_SGX) {
        q->body = ATTEST_TDX_BODY_SGX;

    } else if ((q->version == 4 || q->version == 5)
               && tee == ATTEST_TDX_TEE_TDX)
    {
        q->body = ATTEST_TDX_BODY_10;

    } else {
        return ATTEST_EUNSUPPORTED;
    }

    return key_type == ATTEST_TDX_KEY_P256 ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


static int
attest_tdx_body(attest_wire_t *w, attest_tdx_quote_t *q)
{
    uint16_t  type;
    uint32_t  size;

    if (q->body == ATTEST_TDX_BODY_SGX) {
        attest_tdx_sgx_report(w, &q->enclave);
        q->report_data = q->enclave.report_data;
        return w->bad ? ATTEST_EFORMAT : ATTEST_OK;
    }

    if (q->version == 5) {
        type = attest_wire_le16(w);
        size = attest_wire_le32(w);

        if (w->bad) {
            return ATTEST_EFORMAT;
        }

        if (type != ATTEST_TDX_BODY_10 && type != ATTEST_TDX_BODY_15) {
            return ATTEST_EUNSUPPORTED;
        }

        q->body = (attest_tdx_body_e) type;

        if (size != (type == ATTEST_TDX_BODY_10 ? ATTEST_TDX_LEN_10
                                                : ATTEST_TDX_LEN_15))
        {
            return ATTEST_EFORMAT;
        }
    }

    attest_tdx_td_report(w, q);
    return w->bad ? ATTEST_EFORMAT : ATTEST_OK;
}


static void
attest_tdx_td_report(attest_wire_t *w, attest_tdx_quote_t *q)
{
    size_t  i;

    q->tee_tcb_svn = attest_wire_take(w, ATTEST_TDX_SVNS).p;
    q->mrseam = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    q->mrsignerseam = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    q->seam_attributes = attest_wire_take(w, 8).p;
    q->td_attributes = attest_wire_take(w, 8).p;
    q->xfam = attest_wire_take(w, 8).p;
    q->mrtd = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    q->mrconfigid = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    q->mrowner = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    q->mrownerconfig = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;

    for (i = 0; i < ATTEST_TDX_RTMRS; i++) {
        q->rtmr[i] = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    }

    q->report_data = attest_wire_take(w, ATTEST_TDX_REPORT_DATA).p;

    if (q->body == ATTEST_TDX_BODY_15) {
        q->tee_tcb_svn2 = attest_wire_take(w, ATTEST_TDX_SVNS).p;
        q->mrservicetd = attest_wire_take(w, ATTEST_TDX_MR_LEN).p;
    }
}


static void
attest_tdx_sgx_report(attest_wire_t *w, attest_sgx_report_t *r)
{
    r->raw = attest_wire_take(w, ATTEST_SGX_LEN_REPORT);

    if (w->bad) {
        return;
    }

    r->cpusvn = r->raw.p;
    r->miscselect = r->raw.p + 16;
    r->attributes = r->raw.p + 48;
    r->mrenclave = r->raw.p + 64;
    r->mrsigner = r->raw.p + 128;
    r->isvprodid = (uint16_t) attest_wire_get_le(r->raw.p + 256, 2);
    r->isvsvn = (uint16_t) attest_wire_get_le(r->raw.p + 258, 2);
    r->report_data = r->raw.p + 320;
}


/* ECDSA signature data; an SGX quote has its certification without a box. */

static int
attest_tdx_signature(attest_wire_t *w, attest_tdx_quote_t *q)
{
    uint16_t       type;
    attest_span_t  box;
    attest_wire_t  inner;

    q->signature = attest_wire_take(w, ATTEST_TDX_SIGNATURE).p;
    q->attest_key = attest_wire_take(w, ATTEST_TDX_KEY).p;

    if (q->body == ATTEST_TDX_BODY_SGX) {
        return attest_tdx_qe(w, q);
    }

    type = attest_wire_le16(w);
    box = attest_wire_take(w, attest_wire_le32(w));

    if (attest_wire_done(w) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    if (type != ATTEST_TDX_CERT_QE) {
        return ATTEST_EUNSUPPORTED;
    }

    attest_wire_init(&inner, box.p, box.n);
    return attest_tdx_qe(&inner, q);
}


static int
attest_tdx_qe(attest_wire_t *w, attest_tdx_quote_t *q)
{
    uint16_t  type;

    attest_tdx_sgx_report(w, &q->qe);
    q->qe_signature = attest_wire_take(w, ATTEST_TDX_SIGNATURE).p;
    q->qe_auth = attest_wire_take(w, attest_wire_le16(w));
    type = attest_wire_le16(w);
    q->certs = attest_wire_take(w, attest_wire_le32(w));

    if (attest_wire_done(w) != ATTEST_OK || q->certs.n == 0) {
        return ATTEST_EFORMAT;
    }

    return type == ATTEST_TDX_CERT_CHAIN ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


int
attest_tdx_check_signature(const attest_tdx_quote_t *q)
{
    int        rc;
    EVP_PKEY  *key;

    key = attest_tdx_key(q->attest_key);
    if (key == NULL) {
        return ATTEST_ECRYPTO;
    }

    rc = attest_tdx_ecdsa(key, q->signature, q->signed_area);
    EVP_PKEY_free(key);
    return rc;
}


int
attest_tdx_check_qe_key(const attest_tdx_quote_t *q)
{
    uint8_t        want[ATTEST_TDX_REPORT_DATA] = { 0 };
    attest_span_t  parts[2] = {
        { q->attest_key, ATTEST_TDX_KEY }, q->qe_auth
    };

    if (attest_sha256(parts, 2, want) != ATTEST_OK) {
        return ATTEST_EINTERNAL;
    }

    return CRYPTO_memcmp(want, q->qe.report_data, sizeof(want)) == 0
           ? ATTEST_OK : ATTEST_EMISMATCH;
}


/*
 * A PCK certifies any enclave that may have a provisioning key, so it matters
 * who signed this one; the QE identity of the collateral asks for more.
 */

int
attest_tdx_check_qe_identity(const attest_tdx_quote_t *q)
{
    size_t  i = q->body == ATTEST_TDX_BODY_SGX ? 0 : 1;

    return q->qe.isvprodid == attest_tdx_qes[i].isvprodid
           && memcmp(q->qe.mrsigner, attest_tdx_qes[i].mrsigner,
                     ATTEST_TDX_SIGNER) == 0
           && (q->qe.attributes[0] & ATTEST_SGX_DEBUG) == 0
           ? ATTEST_OK : ATTEST_EMISMATCH;
}


int
attest_tdx_check_qe_signature(const attest_tdx_quote_t *q, X509 *pck)
{
    EVP_PKEY  *key = X509_get0_pubkey(pck);

    return key == NULL ? ATTEST_ECRYPTO
                       : attest_tdx_ecdsa(key, q->qe_signature, q->qe.raw);
}


static EVP_PKEY *
attest_tdx_key(const uint8_t xy[ATTEST_TDX_KEY])
{
    uint8_t        point[1 + ATTEST_TDX_KEY];
    EVP_PKEY      *key = NULL;
    OSSL_PARAM     params[3];
    EVP_PKEY_CTX  *ctx;

    point[0] = 0x04;
    memcpy(point + 1, xy, ATTEST_TDX_KEY);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) "prime256v1", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, sizeof(point));
    params[2] = OSSL_PARAM_construct_end();

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        key = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    return key;
}


int
attest_tdx_ecdsa(EVP_PKEY *key, const uint8_t sig[ATTEST_TDX_SIGNATURE],
    attest_span_t msg)
{
    int          n, rc = ATTEST_ECRYPTO;
    char         group[32];
    size_t       len;
    BIGNUM      *r, *s;
    uint8_t     *der = NULL;
    ECDSA_SIG   *ecdsa;
    EVP_MD_CTX  *ctx;

    r = BN_bin2bn(sig, ATTEST_TDX_SIGNATURE / 2, NULL);
    s = BN_bin2bn(sig + ATTEST_TDX_SIGNATURE / 2,
                  ATTEST_TDX_SIGNATURE / 2, NULL);
    ecdsa = ECDSA_SIG_new();
    ctx = EVP_MD_CTX_new();

    if (ctx == NULL || ecdsa == NULL || ECDSA_SIG_set0(ecdsa, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        rc = ATTEST_EINTERNAL;
        goto done;
    }

    n = i2d_ECDSA_SIG(ecdsa, &der);

    if (n > 0 && EVP_PKEY_is_a(key, "EC")
        && EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1
        && strcmp(group, "prime256v1") == 0
        && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1
        && EVP_DigestVerify(ctx, der, (size_t) n, msg.p, msg.n) == 1)
    {
        rc = ATTEST_OK;
    }

done:

    OPENSSL_free(der);
    ECDSA_SIG_free(ecdsa);
    EVP_MD_CTX_free(ctx);
    return rc;
}


uint64_t
attest_tdx_u64(const uint8_t p[8])
{
    return attest_wire_get_le(p, 8);
}
