/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one device's certificates and report say of it.
 */

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <sodium.h>

#include "core/base/attest_der.h"
#include "core/evidence/attest_gpu.h"
#include "core/crypto/attest_x509.h"


/* TCG DICE Attestation Architecture: TCB information, composite device id */
#define ATTEST_OID_DICE_TCB      "2.23.133.5.4.1"
#define ATTEST_OID_DICE_TCBINFO  "2.23.133.5.4.1.1"

#define ATTEST_DER_FWIDS         (ATTEST_DER_CONTEXT + 6)


static int attest_gpu_extension(X509 *leaf, const char *oid,
    attest_span_t *value);
static int attest_gpu_composite(attest_span_t ext, attest_span_t *fwid);
static int attest_gpu_tcbinfo(attest_span_t ext, attest_span_t *fwid);
static int attest_gpu_fwid_first(attest_span_t fwids, attest_span_t *fwid);
static int attest_gpu_fwid_split(attest_span_t fwid, attest_span_t *oid,
    attest_span_t *digest);
static int attest_gpu_fwid_read(attest_span_t fwid,
    uint8_t out[ATTEST_SHA384_LEN]);
static void attest_gpu_text(attest_span_t s,
    char out[ATTEST_GPU_MAX_VERSION]);


/* 2.16.840.1.101.3.4.2.2, SHA-384 */
static const uint8_t  attest_oid_sha384[] = {
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02
};


attest_gpu_class_e
attest_gpu_class(attest_span_t arch, const char **chip)
{
    size_t  i;

    static const struct {
        const char           *arch;
        const char           *chip;
        attest_gpu_class_e    kind;
    } known[] = {
        { "HOPPER", "GH", ATTEST_GPU_GPU },
        { "BLACKWELL", "GB", ATTEST_GPU_GPU },
        { "LS10", "LS_10", ATTEST_GPU_SWITCH },
        { NULL, NULL, ATTEST_GPU_UNKNOWN }
    };

    for (i = 0; known[i].arch != NULL; i++) {
        if (attest_span_is(arch, known[i].arch)) {
            break;
        }
    }

    *chip = known[i].chip;
    return known[i].kind;
}


int
attest_gpu_fwid(X509 *leaf, uint8_t fwid[ATTEST_SHA384_LEN])
{
    int             rc;
    attest_span_t   ext, found;

    rc = attest_gpu_extension(leaf, ATTEST_OID_DICE_TCB, &ext);

    if (rc == ATTEST_OK) {
        rc = attest_gpu_composite(ext, &found);

    } else if (rc == ATTEST_EUNSUPPORTED) {
        rc = attest_gpu_extension(leaf, ATTEST_OID_DICE_TCBINFO, &ext);
        if (rc == ATTEST_OK) {
            rc = attest_gpu_tcbinfo(ext, &found);
        }
    }

    return rc == ATTEST_OK ? attest_gpu_fwid_read(found, fwid) : rc;
}


/* The one extension with this OID; two of them leave open which one counts. */

static int
attest_gpu_extension(X509 *leaf, const char *oid, attest_span_t *value)
{
    int                        at, rc = ATTEST_EUNSUPPORTED;
    ASN1_OBJECT               *obj;
    const ASN1_OCTET_STRING   *data;

    obj = OBJ_txt2obj(oid, 1);
    if (obj == NULL) {
        return ATTEST_EINTERNAL;
    }

    at = X509_get_ext_by_OBJ(leaf, obj, -1);

    if (at >= 0) {
        data = X509_EXTENSION_get_data(X509_get_ext(leaf, at));
        *value = attest_span(ASN1_STRING_get0_data(data),
                             (size_t) ASN1_STRING_length(data));

        rc = X509_get_ext_by_OBJ(leaf, obj, at) < 0 ? ATTEST_OK
                                                    : ATTEST_EFORMAT;
    }

    ASN1_OBJECT_free(obj);
    return rc;
}


/*
 * SEQUENCE { version INTEGER, SubjectPublicKeyInfo, FWID }: what it holds
 * last is the FWID.
 */

static int
attest_gpu_composite(attest_span_t ext, attest_span_t *fwid)
{
    unsigned       tag = 0;
    attest_wire_t  w, list;

    attest_wire_init(&w, ext.p, ext.n);
    attest_der_enter(&w, ATTEST_DER_SEQUENCE, &list);

    while (list.n != 0) {
        *fwid = attest_der_next(&list, &tag);
    }

    return attest_wire_done(&w) == ATTEST_OK
           && attest_wire_done(&list) == ATTEST_OK
           && tag == ATTEST_DER_SEQUENCE ? ATTEST_OK : ATTEST_EFORMAT;
}


/* DiceTcbInfo ::= SEQUENCE { .., fwids [6] IMPLICIT FWIDLIST, .. } */

static int
attest_gpu_tcbinfo(attest_span_t ext, attest_span_t *fwid)
{
    unsigned        tag, seen = 0;
    attest_span_t   value, fwids = ATTEST_NO_SPAN;
    attest_wire_t   w, list;

    attest_wire_init(&w, ext.p, ext.n);
    attest_der_enter(&w, ATTEST_DER_SEQUENCE, &list);

    while (list.n != 0) {
        value = attest_der_next(&list, &tag);

        if (tag == ATTEST_DER_FWIDS) {
            fwids = value;
            seen++;
        }
    }

    if (attest_wire_done(&w) != ATTEST_OK
        || attest_wire_done(&list) != ATTEST_OK || seen != 1)
    {
        return ATTEST_EFORMAT;
    }

    return attest_gpu_fwid_first(fwids, fwid);
}


/*
 * FWIDLIST ::= SEQUENCE SIZE (1..MAX) OF FWID: the first one is that of the
 * firmware, as NVIDIA's own verifier takes it.  A digest of zeros names
 * nothing: Blackwell fills the list up with them.  All are read, so that a
 * list is good or bad as a whole.
 */

static int
attest_gpu_fwid_first(attest_span_t fwids, attest_span_t *fwid)
{
    int             found = 0;
    attest_span_t   one, oid, digest;
    attest_wire_t   w;

    if (fwids.n == 0) {
        return ATTEST_EFORMAT;
    }

    attest_wire_init(&w, fwids.p, fwids.n);

    while (w.n != 0) {
        one = attest_der_take(&w, ATTEST_DER_SEQUENCE);

        if (w.bad
            || attest_gpu_fwid_split(one, &oid, &digest) != ATTEST_OK)
        {
            return ATTEST_EFORMAT;
        }

        if (!found && !sodium_is_zero(digest.p, digest.n)) {
            *fwid = one;
            found = 1;
        }
    }

    return found ? ATTEST_OK : ATTEST_EUNSUPPORTED;
}


/* FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING } */

static int
attest_gpu_fwid_split(attest_span_t fwid, attest_span_t *oid,
    attest_span_t *digest)
{
    attest_wire_t  w;

    attest_wire_init(&w, fwid.p, fwid.n);
    *oid = attest_der_take(&w, ATTEST_DER_OID);
    *digest = attest_der_take(&w, ATTEST_DER_OCTETS);

    return attest_wire_done(&w) == ATTEST_OK && digest->n != 0
           ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_gpu_fwid_read(attest_span_t fwid, uint8_t out[ATTEST_SHA384_LEN])
{
    attest_span_t  oid, digest;

    if (attest_gpu_fwid_split(fwid, &oid, &digest) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    if (oid.n != sizeof(attest_oid_sha384)
        || memcmp(oid.p, attest_oid_sha384, oid.n) != 0)
    {
        return ATTEST_EUNSUPPORTED;
    }

    if (digest.n != ATTEST_SHA384_LEN) {
        return ATTEST_EFORMAT;
    }

    /* zeros in the report, too, would "agree" */

    if (sodium_is_zero(digest.p, digest.n)) {
        return ATTEST_EUNSUPPORTED;
    }

    memcpy(out, digest.p, digest.n);
    return ATTEST_OK;
}


int
attest_gpu_identity(STACK_OF(X509) *chain, uint8_t id[ATTEST_SHA256_LEN])
{
    X509      *leaf, *device;
    EVP_PKEY  *key;

    if (sk_X509_num(chain) < 2) {
        return ATTEST_EFORMAT;
    }

    leaf = sk_X509_value(chain, 0);
    device = sk_X509_value(chain, 1);
    key = X509_get0_pubkey(device);

    if (key == NULL || X509_check_issued(device, leaf) != X509_V_OK
        || X509_verify(leaf, key) != 1)
    {
        return ATTEST_ECRYPTO;
    }

    return attest_x509_spki_hash(key, id);
}


void
attest_gpu_driver(const attest_spdm_t *spdm, char out[ATTEST_GPU_MAX_VERSION])
{
    attest_span_t  s;

    out[0] = '\0';

    if (attest_spdm_opaque(spdm, ATTEST_SPDM_DRIVER, &s)) {
        attest_gpu_text(s, out);
    }
}


/*
 * GPUs: 8 bytes, little-endian; 00 A5 00 96 01 00 00 00 is 96.00.A5.00.01.
 * Switches: that text.
 */

void
attest_gpu_vbios(const attest_spdm_t *spdm, char out[ATTEST_GPU_MAX_VERSION])
{
    size_t              i, n = 0;
    attest_span_t       s;
    static const char   digits[] = "0123456789ABCDEF";
    static const char   order[] = { 3, 2, 1, 0, 4 };

    out[0] = '\0';

    if (!attest_spdm_opaque(spdm, ATTEST_SPDM_VBIOS, &s)) {
        return;
    }

    if (s.n != 8) {
        attest_gpu_text(s, out);
        return;
    }

    if (s.p[5] != 0 || s.p[6] != 0 || s.p[7] != 0) {
        return;
    }

    for (i = 0; i < sizeof(order); i++) {
        out[n++] = digits[s.p[(size_t) order[i]] >> 4];
        out[n++] = digits[s.p[(size_t) order[i]] & 15];
        out[n++] = i + 1 < sizeof(order) ? '.' : '\0';
    }
}


/* NVIDIA's feature flag: 0, 1 or 2, in one or two bytes. */

const char *
attest_gpu_mode(const attest_spdm_t *spdm)
{
    attest_span_t              s;
    static const char *const   modes[] = { "spt", "mpt", "ppcie" };

    if (!attest_spdm_opaque(spdm, ATTEST_SPDM_FEATURE, &s)) {
        return "none";
    }

    if (s.n == 0 || s.n > 2 || (s.n == 2 && s.p[1] != 0)
        || s.p[0] >= sizeof(modes) / sizeof(modes[0]))
    {
        return NULL;
    }

    return modes[s.p[0]];
}


bool
attest_gpu_fsp_svn(const attest_spdm_t *spdm, unsigned *svn)
{
    size_t                i;
    attest_spdm_field_t   f;

    for (i = 0; attest_spdm_field(spdm, i, &f); i++) {
        if (f.type == ATTEST_SPDM_FSP_SVN
            && f.value_type == ATTEST_SPDM_MIN_SVN && f.value.n == 2)
        {
            *svn = (unsigned) attest_wire_get_le(f.value.p, f.value.n);
            return 1;
        }
    }

    return 0;
}


/* Printable ASCII with zeros behind it, or nothing. */

static void
attest_gpu_text(attest_span_t s, char out[ATTEST_GPU_MAX_VERSION])
{
    size_t  i, n = s.n;

    while (n != 0 && s.p[n - 1] == '\0') {
        n--;
    }

    if (n >= ATTEST_GPU_MAX_VERSION) {
        return;
    }

    for (i = 0; i < n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] > 0x7e) {
            return;
        }
    }

    memcpy(out, s.p, n);
    out[n] = '\0';
}
