/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reports of SEV-SNP, the table of certificates beside them, what AMD wrote
 * into a certificate, and the signature.
 */


#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "core/base/attest_cbor.h"
#include "core/base/attest_der.h"
#include "core/evidence/attest_snp.h"


#define ATTEST_SNP_SIG_NUMBER    72      /* bytes for r, the same for s */
#define ATTEST_SNP_P384_NUMBER   48


static uint64_t attest_snp_le64(attest_wire_t *w);
static void attest_snp_report_identity(attest_wire_t *w,
    attest_snp_report_t *r);
static void attest_snp_report_platform(attest_wire_t *w,
    attest_snp_report_t *r);
static attest_snp_firmware_t attest_snp_firmware(attest_wire_t *w);
static uint8_t *attest_snp_signature(const uint8_t *p, int *len);
static bool attest_snp_is_p384(const EVP_PKEY *key);
static int attest_snp_table_entry(attest_span_t all, size_t at, size_t end,
    attest_snp_table_t *t);
static attest_span_t *attest_snp_table_slot(attest_snp_table_t *t,
    attest_span_t guid);
static size_t attest_snp_table_end(const uint8_t *p, size_t n);
static int attest_snp_cert_extension(X509_EXTENSION *ext,
    attest_snp_cert_t *c, unsigned *seen);
static int attest_snp_cert_spl(attest_snp_cert_t *c, uint8_t arc,
    attest_span_t value);
static int attest_snp_der_byte(attest_span_t der, uint8_t *out);
static int attest_snp_der_text(attest_span_t der, attest_span_t *out);
static int attest_snp_cert_check(attest_snp_cert_t *c, unsigned seen);
static attest_snp_product_e attest_snp_product_of(attest_span_t name);


/* 1.3.6.1.4.1.3704.1, AMD's extensions of VCEK and VLEK. */
static const uint8_t  attest_snp_arc[] = {
    0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01
};

/* Last arcs below it. */
#define ATTEST_SNP_EXT_VERSION    1
#define ATTEST_SNP_EXT_PRODUCT    2
#define ATTEST_SNP_EXT_SPL        3
#define ATTEST_SNP_EXT_HWID       4
#define ATTEST_SNP_EXT_CSP        5

#define ATTEST_SNP_SPL_BL         1
#define ATTEST_SNP_SPL_TEE        2
#define ATTEST_SNP_SPL_SNP        3
#define ATTEST_SNP_SPL_SPARE4     4
#define ATTEST_SNP_SPL_UCODE      8
#define ATTEST_SNP_SPL_FMC        9

/* Without these a certificate says nothing about a TCB. */
#define ATTEST_SNP_SPLS_NEEDED    (1u << ATTEST_SNP_SPL_BL                    \
                                   | 1u << ATTEST_SNP_SPL_TEE                 \
                                   | 1u << ATTEST_SNP_SPL_SNP                 \
                                   | 1u << ATTEST_SNP_SPL_UCODE)


/* GUIDs of the certificate table, bytes in the order of their text. */

static const struct {
    uint8_t   guid[16];
    size_t    slot;
} attest_snp_guids[] = {
    { { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
        0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd },
      offsetof(attest_snp_table_t, vcek) },
    { { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
        0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1 },
      offsetof(attest_snp_table_t, vlek) },
    { { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
        0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 },
      offsetof(attest_snp_table_t, ask) },
    { { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
        0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae },
      offsetof(attest_snp_table_t, ark) }
};

#define ATTEST_SNP_GUIDS                                                      \
    (sizeof(attest_snp_guids) / sizeof(attest_snp_guids[0]))
#define ATTEST_SNP_ENTRY    24          /* GUID, u32le offset, u32le length */


static const struct {
    const char             *name;
    attest_snp_product_e    product;
} attest_snp_products[] = {
    { "Milan", ATTEST_SNP_MILAN },
    { "Genoa", ATTEST_SNP_GENOA },
    { "Bergamo", ATTEST_SNP_GENOA },
    { "Siena", ATTEST_SNP_GENOA },
    { "Turin", ATTEST_SNP_TURIN },
    { NULL, ATTEST_SNP_UNKNOWN }
};


int
attest_snp_report_parse(const uint8_t *p, size_t n, attest_snp_report_t *r)
{
    attest_wire_t  w;

    memset(r, 0, sizeof(*r));

    if (n != ATTEST_SNP_REPORT_LEN) {
        return ATTEST_EFORMAT;
    }

    attest_wire_init(&w, p, n);

    r->version = attest_wire_le32(&w);

    if (r->version != 2 && r->version != 3 && r->version != 5) {
        return ATTEST_EUNSUPPORTED;
    }

    attest_snp_report_identity(&w, r);
    attest_snp_report_platform(&w, r);
    (void) attest_wire_take(&w, ATTEST_SNP_REPORT_LEN - 0x208);

    return attest_wire_done(&w);
}


/* 004 to 180: the guest. */

static void
attest_snp_report_identity(attest_wire_t *w, attest_snp_report_t *r)
{
    uint32_t  flags;

    r->guest_svn = attest_wire_le32(w);
    r->policy = attest_snp_le64(w);
    r->family_id = attest_wire_take(w, 16);
    r->image_id = attest_wire_take(w, 16);
    r->vmpl = attest_wire_le32(w);
    r->sig_algo = attest_wire_le32(w);
    r->current_tcb = attest_wire_take(w, 8);
    r->platform = attest_snp_le64(w);

    flags = attest_wire_le32(w);
    r->author_key = flags & 1;
    r->masked_chip_key = flags >> 1 & 1;
    r->signer = flags >> 2 & 7;

    (void) attest_wire_take(w, 4);
    r->report_data = attest_wire_take(w, ATTEST_SNP_REPORT_DATA);
    r->measurement = attest_wire_take(w, ATTEST_SHA384_LEN);
    r->host_data = attest_wire_take(w, ATTEST_SNP_HOST_DATA);
    r->id_key_digest = attest_wire_take(w, ATTEST_SHA384_LEN);
    r->author_key_digest = attest_wire_take(w, ATTEST_SHA384_LEN);
    r->report_id = attest_wire_take(w, ATTEST_SNP_REPORT_ID);
    r->report_id_ma = attest_wire_take(w, ATTEST_SNP_REPORT_ID);
}


/* 180 to 208: the machine.  Older versions have zeros in newer fields. */

static void
attest_snp_report_platform(attest_wire_t *w, attest_snp_report_t *r)
{
    r->reported_tcb = attest_wire_take(w, 8);
    r->family = attest_wire_u8(w);
    r->model = attest_wire_u8(w);
    r->stepping = attest_wire_u8(w);
    (void) attest_wire_take(w, 21);
    r->chip_id = attest_wire_take(w, ATTEST_SNP_CHIP_ID);
    r->committed_tcb = attest_wire_take(w, 8);
    r->current = attest_snp_firmware(w);
    r->committed = attest_snp_firmware(w);
    r->launch_tcb = attest_wire_take(w, 8);
    r->launch_mitigations = attest_snp_le64(w);
    r->current_mitigations = attest_snp_le64(w);
}


static attest_snp_firmware_t
attest_snp_firmware(attest_wire_t *w)
{
    attest_snp_firmware_t  f;

    f.build = attest_wire_u8(w);
    f.minor = attest_wire_u8(w);
    f.major = attest_wire_u8(w);
    (void) attest_wire_take(w, 1);

    return f;
}


static uint64_t
attest_snp_le64(attest_wire_t *w)
{
    uint64_t  low = attest_wire_le32(w);

    return low | (uint64_t) attest_wire_le32(w) << 32;
}


/* That r and s are in [1, n - 1] is checked by OpenSSL's ECDSA. */

int
attest_snp_report_verify(const uint8_t *p, size_t n, EVP_PKEY *key)
{
    int          len = 0, ok;
    uint8_t     *der;
    EVP_MD_CTX  *ctx;

    if (n != ATTEST_SNP_REPORT_LEN) {
        return ATTEST_EFORMAT;
    }

    if (key == NULL || !attest_snp_is_p384(key)) {
        return ATTEST_ECRYPTO;
    }

    der = attest_snp_signature(p + ATTEST_SNP_SIGNED_LEN, &len);
    if (der == NULL) {
        return ATTEST_EFORMAT;
    }

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key) == 1
         && EVP_DigestVerify(ctx, der, (size_t) len, p,
                             ATTEST_SNP_SIGNED_LEN) == 1;

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);

    return ok ? ATTEST_OK : ATTEST_ECRYPTO;
}


/* u8 r[72], s[72], little-endian with 48 bytes used; the rest is reserved. */

static uint8_t *
attest_snp_signature(const uint8_t *p, int *len)
{
    BIGNUM         *r = NULL, *s = NULL;
    uint8_t        *der = NULL;
    ECDSA_SIG      *sig = NULL;
    const uint8_t  *p_s = p + ATTEST_SNP_SIG_NUMBER;
    const uint8_t  *rest = p_s + ATTEST_SNP_SIG_NUMBER;
    const size_t    pad = ATTEST_SNP_SIG_NUMBER - ATTEST_SNP_P384_NUMBER;

    if (!attest_span_is_zero(attest_span(p + ATTEST_SNP_P384_NUMBER, pad))
        || !attest_span_is_zero(attest_span(p_s + ATTEST_SNP_P384_NUMBER,
                                            pad))
        || !attest_span_is_zero(attest_span(rest, ATTEST_SNP_REPORT_LEN
                                            - ATTEST_SNP_SIGNED_LEN
                                            - 2 * ATTEST_SNP_SIG_NUMBER)))
    {
        return NULL;
    }

    r = BN_lebin2bn(p, ATTEST_SNP_P384_NUMBER, NULL);
    s = BN_lebin2bn(p_s, ATTEST_SNP_P384_NUMBER, NULL);
    sig = ECDSA_SIG_new();

    if (r == NULL || s == NULL || sig == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);
        goto done;
    }

    *len = i2d_ECDSA_SIG(sig, &der);

    if (*len <= 0) {
        der = NULL;
    }

done:

    ECDSA_SIG_free(sig);
    return der;
}


static bool
attest_snp_is_p384(const EVP_PKEY *key)
{
    char    group[32];
    size_t  n;

    return EVP_PKEY_is_a(key, "EC")
           && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1
           && strcmp(group, SN_secp384r1) == 0;
}


int
attest_snp_table_parse(const uint8_t *p, size_t n, attest_snp_table_t *t)
{
    int            rc;
    size_t         i, end;
    attest_span_t  all = { p, n };

    memset(t, 0, sizeof(*t));

    if (n == 0) {
        return ATTEST_OK;
    }

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    end = attest_snp_table_end(p, n);
    if (end == 0) {
        return ATTEST_EFORMAT;
    }

    if (end / ATTEST_SNP_ENTRY > ATTEST_MAX_ITEMS + 1) {
        return ATTEST_ELIMIT;
    }

    for (i = 0; i != end - ATTEST_SNP_ENTRY; i += ATTEST_SNP_ENTRY) {
        rc = attest_snp_table_entry(all, i, end, t);
        if (rc != ATTEST_OK) {
            memset(t, 0, sizeof(*t));
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_snp_table_entry(attest_span_t all, size_t at, size_t end,
    attest_snp_table_t *t)
{
    uint32_t         offset, length;
    attest_wire_t    w;
    attest_span_t    guid, *slot;

    attest_wire_init(&w, all.p + at, ATTEST_SNP_ENTRY);
    guid = attest_wire_take(&w, 16);
    offset = attest_wire_le32(&w);
    length = attest_wire_le32(&w);

    if (offset < end || offset > all.n || length > all.n - offset
        || length == 0)
    {
        return ATTEST_EFORMAT;
    }

    slot = attest_snp_table_slot(t, guid);
    if (slot == NULL) {
        return ATTEST_OK;
    }

    if (slot->n != 0) {
        return ATTEST_EFORMAT;
    }

    *slot = attest_span(all.p + offset, length);
    return ATTEST_OK;
}


/* Bytes of the table with the entry of zeros that ends it; 0: there is none. */

static size_t
attest_snp_table_end(const uint8_t *p, size_t n)
{
    size_t  at;

    for (at = 0; n - at >= ATTEST_SNP_ENTRY; at += ATTEST_SNP_ENTRY) {
        if (attest_span_is_zero(attest_span(p + at, ATTEST_SNP_ENTRY))) {
            return at + ATTEST_SNP_ENTRY;
        }
    }

    return 0;
}


static attest_span_t *
attest_snp_table_slot(attest_snp_table_t *t, attest_span_t guid)
{
    size_t  i;

    for (i = 0; i < ATTEST_SNP_GUIDS; i++) {
        if (memcmp(attest_snp_guids[i].guid, guid.p, guid.n) == 0) {
            return (attest_span_t *) (void *)
                   ((uint8_t *) t + attest_snp_guids[i].slot);
        }
    }

    return NULL;
}


int
attest_snp_cert_parse(const X509 *cert, attest_snp_cert_t *c)
{
    int       i, rc = ATTEST_OK, count = X509_get_ext_count(cert);
    unsigned  seen = 0;

    memset(c, 0, sizeof(*c));

    for (i = 0; i < count && rc == ATTEST_OK; i++) {
        rc = attest_snp_cert_extension(X509_get_ext(cert, i), c, &seen);
    }

    if (rc == ATTEST_OK) {
        rc = attest_snp_cert_check(c, seen);
    }

    if (rc != ATTEST_OK) {
        memset(c, 0, sizeof(*c));
    }

    return rc;
}


/* One of AMD's, at most once; others and newer ones are skipped. */

static int
attest_snp_cert_extension(X509_EXTENSION *ext, attest_snp_cert_t *c,
    unsigned *seen)
{
    uint8_t            arc;
    size_t             n;
    const uint8_t     *oid;
    attest_span_t      value;
    ASN1_OBJECT       *obj = X509_EXTENSION_get_object(ext);
    ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(ext);
    const size_t       head = sizeof(attest_snp_arc);

    oid = OBJ_get0_data(obj);
    n = OBJ_length(obj);

    if (n <= head || n > head + 2 || memcmp(oid, attest_snp_arc, head) != 0) {
        return ATTEST_OK;
    }

    arc = oid[head];
    value = attest_span(ASN1_STRING_get0_data(data),
                        (size_t) ASN1_STRING_length(data));

    if (n == head + 2) {
        return arc == ATTEST_SNP_EXT_SPL
               ? attest_snp_cert_spl(c, oid[head + 1], value) : ATTEST_OK;
    }

    if (arc == 0 || arc > ATTEST_SNP_EXT_CSP) {
        return ATTEST_OK;
    }

    if (*seen >> arc & 1) {
        return ATTEST_EFORMAT;
    }

    *seen |= 1u << arc;

    switch (arc) {
    case ATTEST_SNP_EXT_VERSION:
        return attest_snp_der_byte(value, &c->version);
    case ATTEST_SNP_EXT_PRODUCT:
        return attest_snp_der_text(value, &c->product_name);
    case ATTEST_SNP_EXT_HWID:
        c->hwid = value;
        return ATTEST_OK;
    case ATTEST_SNP_EXT_CSP:
        return attest_snp_der_text(value, &c->csp);
    default:
        return ATTEST_OK;
    }
}


static int
attest_snp_cert_spl(attest_snp_cert_t *c, uint8_t arc, attest_span_t value)
{
    if (arc == 0 || arc >= ATTEST_SNP_SPLS) {
        return ATTEST_OK;
    }

    if (c->spls >> arc & 1) {
        return ATTEST_EFORMAT;
    }

    c->spls |= 1u << arc;
    return attest_snp_der_byte(value, &c->spl[arc]);
}


/* INTEGER 0 to 255. */

static int
attest_snp_der_byte(attest_span_t der, uint8_t *out)
{
    int            large = 0;
    uint64_t       v;
    attest_wire_t  w;

    attest_wire_init(&w, der.p, der.n);
    v = attest_der_number(&w, &large);

    if (attest_wire_done(&w) != ATTEST_OK || large || v > 255) {
        return ATTEST_EFORMAT;
    }

    *out = (uint8_t) v;
    return ATTEST_OK;
}


/* IA5String of 1 to 63 printable characters. */

static int
attest_snp_der_text(attest_span_t der, attest_span_t *out)
{
    size_t         i;
    attest_wire_t  w;
    attest_span_t  s;

    attest_wire_init(&w, der.p, der.n);
    s = attest_der_take(&w, ATTEST_DER_IA5);

    if (attest_wire_done(&w) != ATTEST_OK || s.n == 0 || s.n > 63) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return ATTEST_EFORMAT;
        }
    }

    *out = s;
    return ATTEST_OK;
}


/*
 * A VCEK names its chip, a VLEK its cloud.  Spare SPLs may be absent; the
 * FMC's must be there from Turin on, and only then.
 */

static int
attest_snp_cert_check(attest_snp_cert_t *c, unsigned seen)
{
    int  fmc = c->spls >> ATTEST_SNP_SPL_FMC & 1;

    if ((seen >> ATTEST_SNP_EXT_VERSION & 1) == 0 || c->product_name.n == 0
        || (c->spls & ATTEST_SNP_SPLS_NEEDED) != ATTEST_SNP_SPLS_NEEDED
        || (c->hwid.n == 0) != (c->csp.n != 0))
    {
        return ATTEST_EFORMAT;
    }

    c->product = attest_snp_product_of(c->product_name);

    if (c->product == ATTEST_SNP_UNKNOWN) {
        return ATTEST_EUNSUPPORTED;
    }

    if (fmc != (c->product == ATTEST_SNP_TURIN)) {
        return ATTEST_EFORMAT;
    }

    if (c->hwid.n != 0
        && c->hwid.n != (c->product == ATTEST_SNP_TURIN
                         ? ATTEST_SNP_TURIN_HWID : ATTEST_SNP_CHIP_ID))
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* "Milan-B0" names a stepping too, "Turin" does not. */

static attest_snp_product_e
attest_snp_product_of(attest_span_t name)
{
    size_t  i;

    for (i = 0; i < name.n; i++) {
        if (name.p[i] == '-') {
            name.n = i;
            break;
        }
    }

    for (i = 0; attest_snp_products[i].name != NULL; i++) {
        if (attest_span_is(name, attest_snp_products[i].name)) {
            break;
        }
    }

    return attest_snp_products[i].product;
}


const char *
attest_snp_product_name(attest_snp_product_e product)
{
    switch (product) {
    case ATTEST_SNP_MILAN:
        return "Milan";
    case ATTEST_SNP_GENOA:
        return "Genoa";
    case ATTEST_SNP_TURIN:
        return "Turin";
    default:
        return "unknown";
    }
}


attest_snp_product_e
attest_snp_report_product(const attest_snp_report_t *r)
{
    if (r->version < 3) {
        return ATTEST_SNP_UNKNOWN;
    }

    if (r->family == 0x19 && r->model <= 0x0f) {
        return ATTEST_SNP_MILAN;
    }

    if (r->family == 0x19
        && ((r->model >= 0x10 && r->model <= 0x1f)
            || (r->model >= 0xa0 && r->model <= 0xaf)))
    {
        return ATTEST_SNP_GENOA;
    }

    if (r->family == 0x1a && r->model <= 0x11) {
        return ATTEST_SNP_TURIN;
    }

    return ATTEST_SNP_UNKNOWN;
}


attest_snp_tcb_t
attest_snp_tcb(attest_snp_product_e product, attest_span_t raw)
{
    attest_snp_tcb_t  t;

    memset(&t, 0, sizeof(t));

    if (raw.n != 8) {
        return t;
    }

    if (product == ATTEST_SNP_TURIN) {
        t.fmc = raw.p[0];
        t.bootloader = raw.p[1];
        t.tee = raw.p[2];
        t.snp = raw.p[3];

    } else {
        t.bootloader = raw.p[0];
        t.tee = raw.p[1];
        t.snp = raw.p[6];
    }

    t.microcode = raw.p[7];
    return t;
}


bool
attest_snp_tcb_reaches(const attest_snp_tcb_t *tcb,
    const attest_snp_tcb_t *min)
{
    return tcb->fmc >= min->fmc && tcb->bootloader >= min->bootloader
           && tcb->tee >= min->tee && tcb->snp >= min->snp
           && tcb->microcode >= min->microcode;
}


bool
attest_snp_cert_has_tcb(const attest_snp_cert_t *c, attest_span_t raw)
{
    size_t            i;
    attest_snp_tcb_t  t = attest_snp_tcb(c->product, raw);

    if (raw.n != 8
        || t.bootloader != c->spl[ATTEST_SNP_SPL_BL]
        || t.tee != c->spl[ATTEST_SNP_SPL_TEE]
        || t.snp != c->spl[ATTEST_SNP_SPL_SNP]
        || t.microcode != c->spl[ATTEST_SNP_SPL_UCODE]
        || t.fmc != c->spl[ATTEST_SNP_SPL_FMC])
    {
        return 0;
    }

    if (c->product == ATTEST_SNP_TURIN) {
        return 1;
    }

    /* bytes 2 to 5 are spare SPLs 4 to 7, which may be absent */

    for (i = 0; i < 4; i++) {
        if (raw.p[2 + i] != c->spl[ATTEST_SNP_SPL_SPARE4 + i]) {
            return 0;
        }
    }

    return 1;
}


bool
attest_snp_cert_has_chip(const attest_snp_cert_t *c, attest_span_t chip_id)
{
    return c->hwid.n != 0 && chip_id.n == ATTEST_SNP_CHIP_ID
           && c->hwid.n <= chip_id.n
           && memcmp(c->hwid.p, chip_id.p, c->hwid.n) == 0
           && attest_span_is_zero(attest_span(chip_id.p + c->hwid.n,
                                              chip_id.n - c->hwid.n));
}
