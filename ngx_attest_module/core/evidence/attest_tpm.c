/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a TPM signed: quotes, their PCRs, signatures of the AK.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/evidence/attest_tpm.h"
#include "core/evidence/attest_tpm_alg.h"
#include "core/base/attest_wire.h"


#define ATTEST_TPM_GENERATED      0xff544347     /* part 2, section 6.2 */
#define ATTEST_TPM_ST_QUOTE       0x8018         /* part 2, section 6.9 */
#define ATTEST_TPM_MAX_NAME       66             /* u16 and a SHA-512 */
#define ATTEST_TPM_MAX_EXTRA      64             /* TPM2B_DATA */


/* TPMT_SIGNATURE, part 2, section 11.3.4; b is empty for RSA. */

typedef struct {
    uint16_t        scheme;
    uint16_t        hash;
    attest_span_t   a;
    attest_span_t   b;
} attest_tpm_sig_t;


static int attest_tpm_selection_parse(attest_wire_t *w,
    attest_tpm_quote_t *q);
static int attest_tpm_select_parse(attest_wire_t *w, uint32_t *select);
static const attest_tpm_bank_t *attest_tpm_bank_find(
    const attest_tpm_pcrs_t *pcrs, uint16_t alg);
static int attest_tpm_selection_check(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs);
static int attest_tpm_pcr_digest(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs, const EVP_MD *md, uint8_t *digest);
static int attest_tpm_bank_update(EVP_MD_CTX *ctx,
    const attest_tpm_bank_t *bank);
static int attest_tpm_ak_scheme(const attest_tpm_public_t *ak);
static int attest_tpm_signature_parse(const uint8_t *p, size_t n,
    attest_tpm_sig_t *s);
static int attest_tpm_signature_fits(const attest_tpm_public_t *ak,
    const attest_tpm_sig_t *s);
static int attest_tpm_ecdsa_der(const attest_tpm_sig_t *s, uint8_t **der,
    size_t *len);
static int attest_tpm_verify(const attest_tpm_public_t *ak,
    const attest_tpm_sig_t *s, attest_span_t raw, const uint8_t *msg,
    size_t msg_len);


size_t
attest_tpm_alg_len(uint16_t alg)
{
    switch (alg) {
    case ATTEST_TPM_ALG_SHA1:
        return ATTEST_SHA1_LEN;
    case ATTEST_TPM_ALG_SHA256:
        return ATTEST_SHA256_LEN;
    case ATTEST_TPM_ALG_SHA384:
        return ATTEST_SHA384_LEN;
    case ATTEST_TPM_ALG_SHA512:
        return ATTEST_SHA512_LEN;
    default:
        return 0;
    }
}


const char *
attest_tpm_alg_name(uint16_t alg)
{
    switch (alg) {
    case ATTEST_TPM_ALG_SHA1:
        return "sha1";
    case ATTEST_TPM_ALG_SHA256:
        return "sha256";
    case ATTEST_TPM_ALG_SHA384:
        return "sha384";
    case ATTEST_TPM_ALG_SHA512:
        return "sha512";
    default:
        return "unknown";
    }
}


const EVP_MD *
attest_tpm_md(uint16_t alg)
{
    switch (alg) {
    case ATTEST_TPM_ALG_SHA256:
        return EVP_sha256();
    case ATTEST_TPM_ALG_SHA384:
        return EVP_sha384();
    case ATTEST_TPM_ALG_SHA512:
        return EVP_sha512();
    default:
        return NULL;
    }
}


/*
 * libtpms up to 0.9 and from 0.10 on.  Absence proves nothing: whoever
 * builds a software TPM picks this number.
 */

bool
attest_tpm_firmware_is_software(uint64_t firmware)
{
    return firmware == 0x2019102300163636 || firmware == 0x2024012500120000;
}


/* TPMS_ATTEST, part 2, section 10.12.12, with TPMS_QUOTE_INFO. */

int
attest_tpm_quote_parse(const uint8_t *p, size_t n, attest_tpm_quote_t *q)
{
    int            rc;
    attest_wire_t  w;

    memset(q, 0, sizeof(attest_tpm_quote_t));
    attest_wire_init(&w, p, n);

    /*
     * The magic is what a restricted key puts before everything that the
     * TPM made itself: without it the bytes are somebody's own data.
     */

    if (attest_wire_be32(&w) != ATTEST_TPM_GENERATED
        || attest_wire_be16(&w) != ATTEST_TPM_ST_QUOTE)
    {
        return ATTEST_EFORMAT;
    }

    q->qualified_signer = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_NAME);
    q->extra = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_EXTRA);
    q->clock = attest_wire_be64(&w);
    q->reset_count = attest_wire_be32(&w);
    q->restart_count = attest_wire_be32(&w);
    q->safe = attest_wire_u8(&w);
    q->firmware = attest_wire_be64(&w);

    rc = attest_tpm_selection_parse(&w, q);
    if (rc != ATTEST_OK) {
        return rc;
    }

    q->pcr_digest = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_DIGEST);

    if (q->safe > 1) {
        return ATTEST_EFORMAT;
    }

    return attest_wire_done(&w);
}


/* TPML_PCR_SELECTION, part 2, section 10.9.7. */

static int
attest_tpm_selection_parse(attest_wire_t *w, attest_tpm_quote_t *q)
{
    int       rc;
    size_t    i, k;
    uint32_t  count;

    count = attest_wire_be32(w);
    if (count > ATTEST_TPM_MAX_BANKS) {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i < count; i++) {
        q->banks[i].alg = attest_wire_be16(w);

        rc = attest_tpm_select_parse(w, &q->banks[i].select);
        if (rc != ATTEST_OK) {
            return rc;
        }

        /* a bank named twice would make "the value of PCR n" ambiguous */

        for (k = 0; k < i; k++) {
            if (q->banks[k].alg == q->banks[i].alg) {
                return ATTEST_EFORMAT;
            }
        }
    }

    q->nbanks = count;
    return ATTEST_OK;
}


/* sizeofSelect and its bitmap: 3 octets, a fourth must name no PCR. */

static int
attest_tpm_select_parse(attest_wire_t *w, uint32_t *select)
{
    size_t         i;
    attest_span_t  map;

    map = attest_wire_take(w, attest_wire_u8(w));
    if (w->bad || map.n < 3) {
        return ATTEST_EFORMAT;
    }

    for (i = 3; i < map.n; i++) {
        if (map.p[i] != 0) {
            return ATTEST_ELIMIT;
        }
    }

    if (map.n > 4) {
        return ATTEST_ELIMIT;
    }

    *select = map.p[0] | (uint32_t) map.p[1] << 8 | (uint32_t) map.p[2] << 16;
    return ATTEST_OK;
}


int
attest_tpm_pcr_digest_check(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs, uint16_t hash)
{
    int            rc;
    uint8_t        digest[EVP_MAX_MD_SIZE];
    const EVP_MD  *md;

    md = attest_tpm_md(hash);
    if (md == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_tpm_selection_check(q, pcrs);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (q->pcr_digest.n != attest_tpm_alg_len(hash)) {
        return ATTEST_EMISMATCH;
    }

    rc = attest_tpm_pcr_digest(q, pcrs, md, digest);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (CRYPTO_memcmp(digest, q->pcr_digest.p, q->pcr_digest.n) != 0) {
        return ATTEST_EMISMATCH;
    }

    return ATTEST_OK;
}


/* The same banks with the same PCRs on both sides, and at least one PCR. */

static int
attest_tpm_selection_check(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs)
{
    size_t                    i;
    uint32_t                  any = 0;
    const attest_tpm_bank_t  *bank;

    if (pcrs->count > ATTEST_TPM_MAX_BANKS
        || q->nbanks > ATTEST_TPM_MAX_BANKS)
    {
        return ATTEST_EARG;
    }

    for (i = 0; i < q->nbanks; i++) {
        if (attest_tpm_md(q->banks[i].alg) == NULL) {
            return ATTEST_EUNSUPPORTED;
        }

        bank = attest_tpm_bank_find(pcrs, q->banks[i].alg);
        if (bank == NULL
            || bank->select != q->banks[i].select
            || bank->len != attest_tpm_alg_len(bank->alg))
        {
            return ATTEST_EMISMATCH;
        }

        any |= bank->select;
    }

    if (pcrs->count != q->nbanks || any == 0) {
        return ATTEST_EMISMATCH;
    }

    return ATTEST_OK;
}


static const attest_tpm_bank_t *
attest_tpm_bank_find(const attest_tpm_pcrs_t *pcrs, uint16_t alg)
{
    size_t  i;

    for (i = 0; i < pcrs->count; i++) {
        if (pcrs->banks[i].alg == alg) {
            return &pcrs->banks[i];
        }
    }

    return NULL;
}


/* TPM2_Quote, part 3, section 18.4: values in the order of the selection. */

static int
attest_tpm_pcr_digest(const attest_tpm_quote_t *q,
    const attest_tpm_pcrs_t *pcrs, const EVP_MD *md, uint8_t *digest)
{
    int          rc = ATTEST_EINTERNAL;
    size_t       i;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_DigestInit_ex(ctx, md, NULL) != 1) {
        goto done;
    }

    for (i = 0; i < q->nbanks; i++) {
        if (attest_tpm_bank_update(ctx,
                attest_tpm_bank_find(pcrs, q->banks[i].alg)) != ATTEST_OK)
        {
            goto done;
        }
    }

    if (EVP_DigestFinal_ex(ctx, digest, NULL) == 1) {
        rc = ATTEST_OK;
    }

done:

    EVP_MD_CTX_free(ctx);
    return rc;
}


static int
attest_tpm_bank_update(EVP_MD_CTX *ctx, const attest_tpm_bank_t *bank)
{
    size_t  i;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if ((bank->select >> i & 1) == 0) {
            continue;
        }

        if (EVP_DigestUpdate(ctx, bank->value[i], bank->len) != 1) {
            return ATTEST_EINTERNAL;
        }
    }

    return ATTEST_OK;
}


int
attest_tpm_ak_check(const attest_tpm_public_t *ak)
{
    uint32_t  want;

    /*
     * restricted|sign: signs only what the TPM made.  decrypt must be
     * clear, or "restricted" would mean a storage key (part 1, 25.1).
     */

    want = ATTEST_TPM_FIXED_TPM | ATTEST_TPM_FIXED_PARENT
           | ATTEST_TPM_SENSITIVE_ORIG | ATTEST_TPM_RESTRICTED
           | ATTEST_TPM_SIGN;

    if ((ak->attributes & (want | ATTEST_TPM_DECRYPT)) != want) {
        return ATTEST_ECRYPTO;
    }

    if (ak->key == NULL || attest_tpm_md(ak->hash) == NULL) {
        return ATTEST_ECRYPTO;
    }

    /* the Name, which credential activation binds, is SHA-256 only */

    if (ak->name_alg != ATTEST_TPM_ALG_SHA256) {
        return ATTEST_EUNSUPPORTED;
    }

    return attest_tpm_ak_scheme(ak);
}


static int
attest_tpm_ak_scheme(const attest_tpm_public_t *ak)
{
    if (ak->type == ATTEST_TPM_ALG_ECC) {

        /* P-256 or P-384: the parser lets no other curve through */

        return (ak->scheme == ATTEST_TPM_ALG_ECDSA) ? ATTEST_OK
                                                    : ATTEST_ECRYPTO;
    }

    if (ak->type != ATTEST_TPM_ALG_RSA
        || (ak->scheme != ATTEST_TPM_ALG_RSASSA
            && ak->scheme != ATTEST_TPM_ALG_RSAPSS))
    {
        return ATTEST_ECRYPTO;
    }

    return (EVP_PKEY_get_bits(ak->key) >= 2048) ? ATTEST_OK : ATTEST_ECRYPTO;
}


int
attest_tpm_signature_hash(const uint8_t *sig, size_t sig_len, uint16_t *hash)
{
    int               rc;
    attest_tpm_sig_t  s;

    rc = attest_tpm_signature_parse(sig, sig_len, &s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    *hash = s.hash;
    return ATTEST_OK;
}


int
attest_tpm_signature_verify(const attest_tpm_public_t *ak,
    const uint8_t *sig, size_t sig_len, const uint8_t *msg, size_t msg_len)
{
    int               rc;
    size_t            len;
    uint8_t          *der = NULL;
    attest_span_t     raw;
    attest_tpm_sig_t  s;

    rc = attest_tpm_signature_parse(sig, sig_len, &s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_signature_fits(ak, &s);
    if (rc != ATTEST_OK) {
        return rc;
    }

    raw = s.a;

    if (s.scheme == ATTEST_TPM_ALG_ECDSA) {
        rc = attest_tpm_ecdsa_der(&s, &der, &len);
        if (rc != ATTEST_OK) {
            return rc;
        }

        raw = attest_span(der, len);
    }

    rc = attest_tpm_verify(ak, &s, raw, msg, msg_len);

    OPENSSL_free(der);
    return rc;
}


static int
attest_tpm_signature_parse(const uint8_t *p, size_t n, attest_tpm_sig_t *s)
{
    attest_wire_t  w;

    memset(s, 0, sizeof(attest_tpm_sig_t));
    attest_wire_init(&w, p, n);

    s->scheme = attest_wire_be16(&w);
    s->hash = attest_wire_be16(&w);

    if (w.bad) {
        return ATTEST_EFORMAT;
    }

    switch (s->scheme) {
    case ATTEST_TPM_ALG_RSASSA:
    case ATTEST_TPM_ALG_RSAPSS:
        s->a = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_RSA);
        break;

    case ATTEST_TPM_ALG_ECDSA:
        s->a = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_COORD);
        s->b = attest_wire_tpm2b(&w, ATTEST_TPM_MAX_COORD);
        break;

    default:
        return ATTEST_EUNSUPPORTED;
    }

    if (attest_tpm_md(s->hash) == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    return attest_wire_done(&w);
}


/*
 * The signature's scheme must be the key's own.  A key without one (not
 * from a TPMT_PUBLIC, or not restricted) takes any scheme of its type.
 */

static int
attest_tpm_signature_fits(const attest_tpm_public_t *ak,
    const attest_tpm_sig_t *s)
{
    const char  *type;

    if (ak->key == NULL) {
        return ATTEST_EARG;
    }

    if (ak->scheme != 0 && ak->scheme != ATTEST_TPM_ALG_NULL
        && (ak->scheme != s->scheme || ak->hash != s->hash))
    {
        return ATTEST_ECRYPTO;
    }

    type = (s->scheme == ATTEST_TPM_ALG_ECDSA) ? "EC" : "RSA";
    if (EVP_PKEY_is_a(ak->key, type) != 1) {
        return ATTEST_ECRYPTO;
    }

    if (s->scheme != ATTEST_TPM_ALG_ECDSA
        && s->a.n != (size_t) EVP_PKEY_get_size(ak->key))
    {
        return ATTEST_ECRYPTO;
    }

    return ATTEST_OK;
}


/* r and s as the DER that OpenSSL wants; *der is the caller's to free. */

static int
attest_tpm_ecdsa_der(const attest_tpm_sig_t *s, uint8_t **der, size_t *len)
{
    int         n;
    BIGNUM     *a, *b;
    ECDSA_SIG  *sig;

    sig = ECDSA_SIG_new();
    a = BN_bin2bn(s->a.p, (int) s->a.n, NULL);
    b = BN_bin2bn(s->b.p, (int) s->b.n, NULL);

    if (sig == NULL || a == NULL || b == NULL
        || ECDSA_SIG_set0(sig, a, b) != 1)
    {
        BN_free(a);
        BN_free(b);
        ECDSA_SIG_free(sig);
        return ATTEST_EINTERNAL;
    }

    *der = NULL;
    n = i2d_ECDSA_SIG(sig, der);
    ECDSA_SIG_free(sig);

    if (n <= 0) {
        return ATTEST_EINTERNAL;
    }

    *len = (size_t) n;
    return ATTEST_OK;
}


static int
attest_tpm_verify(const attest_tpm_public_t *ak, const attest_tpm_sig_t *s,
    attest_span_t raw, const uint8_t *msg, size_t msg_len)
{
    int            rc = ATTEST_EINTERNAL;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (EVP_DigestVerifyInit(ctx, &pctx, attest_tpm_md(s->hash), NULL,
                             ak->key) != 1)
    {
        goto done;
    }

    /* the salt is the TPM's choice: as long as the digest, or as fits */

    if (s->scheme == ATTEST_TPM_ALG_RSAPSS
        && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                            RSA_PSS_SALTLEN_AUTO) != 1))
    {
        goto done;
    }

    rc = (EVP_DigestVerify(ctx, raw.p, raw.n, msg, msg_len) == 1)
         ? ATTEST_OK : ATTEST_ECRYPTO;

done:

    EVP_MD_CTX_free(ctx);
    return rc;
}
