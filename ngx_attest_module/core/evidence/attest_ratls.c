/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The certificate that carries evidence (RA-TLS): made, and read again.
 */


/* memmem(); nginx compiles us with its own flags */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/base/attest_cbor.h"
#include "core/base/attest_der.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tdx.h"
#include "core/evidence/attest_tsm.h"


/* RFC 9999: id-pe-cmw */
#define ATTEST_RATLS_OID          "1.3.6.1.5.5.7.1.35"

/* tcg-dice-conceptual-message-wrapper, as CCC's RA-TLS uses it */
#define ATTEST_RATLS_CCC_OID      "2.23.133.5.4.9"
#define ATTEST_RATLS_CCC_INTEL    60000

/* X.520 ub-common-name */
#define ATTEST_RATLS_MAX_CN       64
#define ATTEST_RATLS_CN           "ngx-attest"

#define ATTEST_RATLS_MAX_DNS      253
#define ATTEST_RATLS_MAX_LABEL    63

#define ATTEST_RATLS_SERIAL       16
#define ATTEST_RATLS_SKI          20

/* 9999-12-31 23:59:59, the last GeneralizedTime */
#define ATTEST_RATLS_TIME_MAX     253402300799ULL



static int attest_ratls_check(EVP_PKEY *key, const char *const *names,
    size_t count, uint64_t not_before, uint64_t not_after,
    const uint8_t *cmw, size_t cmw_len);
static bool attest_ratls_is_ip(const char *name, uint8_t ip[16], size_t *len);
static bool attest_ratls_is_dns(const char *name);
static bool attest_ratls_is_label(const char *p, size_t n, int *alpha);
static bool attest_ratls_fill(X509 *x, EVP_PKEY *key,
    const char *const *names, size_t count, uint64_t not_before,
    uint64_t not_after);
static bool attest_ratls_set_serial(X509 *x);
static bool attest_ratls_set_names(X509 *x, const char *first);
static bool attest_ratls_add_usage(X509 *x);
static bool attest_ratls_add_ski(X509 *x);
static bool attest_ratls_add_san(X509 *x, const char *const *names,
    size_t count);
static GENERAL_NAME *attest_ratls_general_name(const char *name);
static bool attest_ratls_add_cmw(X509 *x, const uint8_t *cmw, size_t n);
static bool attest_ratls_add_ccc(X509 *x, const attest_ratls_ccc_t *ccc);
static bool attest_ratls_add_ext(X509 *x, const char *oid, const uint8_t *p,
    size_t n);
static int attest_ratls_write(X509 *x, uint8_t *der, size_t *len);
static int attest_ratls_read(X509 *x, const uint8_t *der, size_t n,
    attest_ratls_cert_t *c);
static int attest_ratls_read_spki(X509 *x, attest_ratls_cert_t *c);
static int attest_ratls_read_time(const ASN1_TIME *t, int64_t *out);
static int attest_ratls_read_subject(X509 *x, char *out, size_t room);
static bool attest_ratls_is_self_signed(X509 *x);
static int attest_ratls_find_ext(X509 *x, const char *name,
    X509_EXTENSION **ext);
static int attest_ratls_read_ext(X509 *x, const char *name,
    const uint8_t *der, size_t n, attest_span_t *ext);
static int attest_ratls_inner(attest_span_t ext, attest_span_t *cmw);


EVP_PKEY *
attest_ratls_key_generate(void)
{
    return EVP_EC_gen("P-256");
}


bool
attest_ratls_is_name(const char *name)
{
    size_t   len;
    uint8_t  ip[16];

    return attest_ratls_is_ip(name, ip, &len) || attest_ratls_is_dns(name);
}


int
attest_ratls_make(EVP_PKEY *key, const char *const *names, size_t count,
    uint64_t not_before, uint64_t not_after, const uint8_t *cmw,
    size_t cmw_len, const attest_ratls_ccc_t *ccc, uint8_t *der, size_t *len)
{
    int    rc;
    X509  *x;

    rc = attest_ratls_check(key, names, count, not_before, not_after, cmw,
                            cmw_len);
    if (rc == ATTEST_OK && ccc != NULL
        && (ccc->quote.n == 0 || ccc->claims.n == 0))
    {
        rc = ATTEST_EARG;
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    ERR_set_mark();

    x = X509_new();
    if (x == NULL
        || !attest_ratls_fill(x, key, names, count, not_before, not_after)
        || !attest_ratls_add_cmw(x, cmw, cmw_len)
        || (ccc != NULL && !attest_ratls_add_ccc(x, ccc))
        || X509_sign(x, key, EVP_sha256()) <= 0)
    {
        rc = ATTEST_EINTERNAL;

    } else {
        rc = attest_ratls_write(x, der, len);
    }

    X509_free(x);
    ERR_pop_to_mark();
    return rc;
}


int
attest_ratls_parse(const uint8_t *der, size_t n, attest_ratls_cert_t *c)
{
    int             rc = ATTEST_EFORMAT;
    X509           *x;
    const uint8_t  *p = der;

    memset(c, 0, sizeof(attest_ratls_cert_t));

    if (n == 0) {
        return ATTEST_EFORMAT;
    }

    if (n > 2 * ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    /* errors left in the queue would be taken for those of a connection */

    ERR_set_mark();

    x = d2i_X509(NULL, &p, (long) n);
    if (x != NULL && p == der + n) {
        rc = attest_ratls_read(x, der, n, c);
    }

    X509_free(x);
    ERR_pop_to_mark();

    if (rc != ATTEST_OK) {
        memset(c, 0, sizeof(attest_ratls_cert_t));
    }
    return rc;
}


static int
attest_ratls_check(EVP_PKEY *key, const char *const *names, size_t count,
    uint64_t not_before, uint64_t not_after, const uint8_t *cmw,
    size_t cmw_len)
{
    size_t  i;

    if (key == NULL || !EVP_PKEY_is_a(key, "EC") || cmw == NULL
        || cmw_len == 0 || count == 0 || count > ATTEST_RATLS_MAX_NAMES
        || not_before > not_after || not_after > ATTEST_RATLS_TIME_MAX)
    {
        return ATTEST_EARG;
    }

    for (i = 0; i < count; i++) {
        if (!attest_ratls_is_name(names[i])) {
            return ATTEST_EARG;
        }
    }

    return (cmw_len > ATTEST_MAX_CERT_MSG) ? ATTEST_ELIMIT : ATTEST_OK;
}


static bool
attest_ratls_is_ip(const char *name, uint8_t ip[16], size_t *len)
{
    if (inet_pton(AF_INET, name, ip) == 1) {
        *len = 4;
        return 1;
    }

    if (inet_pton(AF_INET6, name, ip) == 1) {
        *len = 16;
        return 1;
    }

    return 0;
}


/* RFC 1034 section 3.5 with '_'; RFC 6125 section 6.4.3 for wildcards. */

static bool
attest_ratls_is_dns(const char *name)
{
    int          wildcard, alpha;
    size_t       n, labels = 0;
    const char  *p = name;

    if (strnlen(name, ATTEST_RATLS_MAX_DNS + 1) > ATTEST_RATLS_MAX_DNS) {
        return 0;
    }

    wildcard = (strncmp(name, "*.", 2) == 0);
    if (wildcard) {
        p += 2;
    }

    for ( ;; ) {
        n = strcspn(p, ".");
        if (!attest_ratls_is_label(p, n, &alpha)) {
            return 0;
        }

        labels++;
        p += n;
        if (*p == '\0') {
            break;
        }
        p++;
    }

    /* a number at the end is an address written badly */

    return alpha && (!wildcard || labels > 1);
}


static bool
attest_ratls_is_label(const char *p, size_t n, int *alpha)
{
    size_t  i;

    if (n == 0 || n > ATTEST_RATLS_MAX_LABEL || p[0] == '-'
        || p[n - 1] == '-')
    {
        return 0;
    }

    *alpha = 0;

    for (i = 0; i < n; i++) {
        if (p[i] >= '0' && p[i] <= '9') {
            continue;
        }

        if ((p[i] < 'a' || p[i] > 'z') && (p[i] < 'A' || p[i] > 'Z')
            && p[i] != '-' && p[i] != '_')
        {
            return 0;
        }

        *alpha = 1;
    }

    return 1;
}


/* Everything but the evidence and the signature: RFC 5280 section 4. */

static bool
attest_ratls_fill(X509 *x, EVP_PKEY *key, const char *const *names,
    size_t count, uint64_t not_before, uint64_t not_after)
{
    return X509_set_version(x, X509_VERSION_3)
           && attest_ratls_set_serial(x)
           && attest_ratls_set_names(x, names[0])

           /* UTCTime up to 2049 and GeneralizedTime later */

           && ASN1_TIME_set(X509_getm_notBefore(x), (time_t) not_before)
              != NULL
           && ASN1_TIME_set(X509_getm_notAfter(x), (time_t) not_after)
              != NULL
           && X509_set_pubkey(x, key)
           && attest_ratls_add_usage(x)
           && attest_ratls_add_ski(x)
           && attest_ratls_add_san(x, names, count);
}


static bool
attest_ratls_set_serial(X509 *x)
{
    int      ok;
    BIGNUM  *bn;
    uint8_t  serial[ATTEST_RATLS_SERIAL];

    if (RAND_bytes(serial, sizeof(serial)) != 1) {
        return 0;
    }

    /* positive, and never shorter */

    serial[0] = (uint8_t) ((serial[0] & 0x7f) | 0x40);

    bn = BN_bin2bn(serial, sizeof(serial), NULL);
    ok = bn != NULL
         && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;

    BN_free(bn);
    return ok;
}


static bool
attest_ratls_set_names(X509 *x, const char *first)
{
    X509_NAME   *name = X509_get_subject_name(x);
    const char  *cn = first;

    /* an issuer must not be empty: RFC 5280 section 4.1.2.4 */

    if (strlen(cn) > ATTEST_RATLS_MAX_CN) {
        cn = ATTEST_RATLS_CN;
    }

    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const uint8_t *) cn, -1, -1, 0)
           && X509_set_issuer_name(x, name);
}


static bool
attest_ratls_add_usage(X509 *x)
{
    int              ok = 1;
    size_t           i;
    X509_EXTENSION  *ext;

    static const struct {
        int          nid;
        const char  *value;
    } usages[] = {
        { NID_basic_constraints, "critical,CA:FALSE" },
        { NID_key_usage, "critical,digitalSignature" },
        { NID_ext_key_usage, "serverAuth" }
    };

    for (i = 0; ok && i < sizeof(usages) / sizeof(usages[0]); i++) {
        ext = X509V3_EXT_conf_nid(NULL, NULL, usages[i].nid,
                                  usages[i].value);
        ok = ext != NULL && X509_add_ext(x, ext, -1);
        X509_EXTENSION_free(ext);
    }

    return ok;
}


/* RFC 7093 section 2, method 1: no SHA-1. */

static bool
attest_ratls_add_ski(X509 *x)
{
    int                 ok;
    unsigned            n;
    uint8_t             digest[EVP_MAX_MD_SIZE];
    ASN1_OCTET_STRING  *ski;

    if (!X509_pubkey_digest(x, EVP_sha256(), digest, &n)) {
        return 0;
    }

    ski = ASN1_OCTET_STRING_new();
    ok = ski != NULL
         && ASN1_OCTET_STRING_set(ski, digest, ATTEST_RATLS_SKI)
         && X509_add1_ext_i2d(x, NID_subject_key_identifier, ski, 0,
                              X509V3_ADD_DEFAULT) == 1;

    ASN1_OCTET_STRING_free(ski);
    return ok;
}


/* Built from parts: names never go through OpenSSL's configuration syntax. */

static bool
attest_ratls_add_san(X509 *x, const char *const *names, size_t count)
{
    int             ok = 0;
    size_t          i;
    GENERAL_NAME   *name;
    GENERAL_NAMES  *san;

    san = GENERAL_NAMES_new();
    if (san == NULL) {
        return 0;
    }

    for (i = 0; i < count; i++) {
        name = attest_ratls_general_name(names[i]);
        if (name == NULL || sk_GENERAL_NAME_push(san, name) <= 0) {
            GENERAL_NAME_free(name);
            goto done;
        }
    }

    ok = X509_add1_ext_i2d(x, NID_subject_alt_name, san, 0,
                           X509V3_ADD_DEFAULT) == 1;

done:

    GENERAL_NAMES_free(san);
    return ok;
}


static GENERAL_NAME *
attest_ratls_general_name(const char *text)
{
    int            type = GEN_DNS, ok;
    size_t         len;
    uint8_t        ip[16];
    ASN1_STRING   *s;
    GENERAL_NAME  *name;

    name = GENERAL_NAME_new();
    s = ASN1_STRING_type_new(V_ASN1_IA5STRING);
    if (name == NULL || s == NULL) {
        goto failed;
    }

    if (attest_ratls_is_ip(text, ip, &len)) {
        type = GEN_IPADD;
        s->type = V_ASN1_OCTET_STRING;
        ok = ASN1_STRING_set(s, ip, (int) len);

    } else {
        ok = ASN1_STRING_set(s, text, (int) strlen(text));
    }

    if (!ok) {
        goto failed;
    }

    GENERAL_NAME_set0_value(name, type, s);
    return name;

failed:

    GENERAL_NAME_free(name);
    ASN1_STRING_free(s);
    return NULL;
}


/*
 * RFC 9999: CMW ::= CHOICE { json UTF8String, cbor OCTET STRING }, so that
 * extnValue holds a TLV of its own.  Not critical: clients that do not know
 * it would refuse the certificate.
 */

static bool
attest_ratls_add_cmw(X509 *x, const uint8_t *cmw, size_t n)
{
    int                 len, ok;
    uint8_t            *der = NULL;
    ASN1_OCTET_STRING  *os;

    os = ASN1_OCTET_STRING_new();
    if (os == NULL || !ASN1_OCTET_STRING_set(os, cmw, (int) n)) {
        ASN1_OCTET_STRING_free(os);
        return 0;
    }

    len = i2d_ASN1_OCTET_STRING(os, &der);
    ok = len > 0 && attest_ratls_add_ext(x, ATTEST_RATLS_OID, der,
                                         (size_t) len);

    ASN1_OCTET_STRING_free(os);
    OPENSSL_free(der);
    return ok;
}


/*
 * CCC: CBOR without a TLV of its own.  DICE would have it critical, CCC not:
 * TLS libraries refuse critical extensions that they do not know.
 */

static bool
attest_ratls_add_ccc(X509 *x, const attest_ratls_ccc_t *ccc)
{
    int                   ok;
    size_t                len, pass;
    uint8_t              *buf = NULL;
    attest_cbor_writer_t  w;
    static const uint8_t  tag[] = { 0xd9, ATTEST_RATLS_CCC_INTEL >> 8,
                                    ATTEST_RATLS_CCC_INTEL & 0xff };

    if (ccc->quote.n > ATTEST_MAX_ITEM || ccc->claims.n > ATTEST_MAX_ITEM) {
        return 0;
    }

    for (len = 0, pass = 0; pass < 2; pass++) {
        attest_cbor_writer_init(&w, pass == 0 ? NULL : buf + sizeof(tag),
                                len);
        attest_cbor_put_array(&w, 2);
        attest_cbor_put_bytes(&w, ccc->quote.p, ccc->quote.n);
        attest_cbor_put_bytes(&w, ccc->claims.p, ccc->claims.n);
        (void) attest_cbor_writer_done(&w, &len);

        if (pass == 0) {
            buf = OPENSSL_malloc(sizeof(tag) + len);
            if (buf == NULL) {
                return 0;
            }
        }
    }

    memcpy(buf, tag, sizeof(tag));
    ok = attest_ratls_add_ext(x, ATTEST_RATLS_CCC_OID, buf,
                              sizeof(tag) + len);

    OPENSSL_free(buf);
    return ok;
}


/* Not critical. */

static bool
attest_ratls_add_ext(X509 *x, const char *name, const uint8_t *p, size_t n)
{
    int                 ok = 0;
    ASN1_OBJECT        *oid = NULL;
    X509_EXTENSION     *ext = NULL;
    ASN1_OCTET_STRING  *os;

    os = ASN1_OCTET_STRING_new();
    oid = OBJ_txt2obj(name, 1);

    if (os != NULL && oid != NULL && ASN1_OCTET_STRING_set(os, p, (int) n)) {
        ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os);
        ok = ext != NULL && X509_add_ext(x, ext, -1);
    }

    X509_EXTENSION_free(ext);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(os);
    return ok;
}


attest_span_t
attest_ratls_ccc_quote(attest_span_t value)
{
    attest_tsm_t        tsm;
    attest_span_t       none = ATTEST_NO_SPAN;
    attest_tdx_quote_t  q;

    if (attest_tsm_parse(value.p, value.n, &tsm) != ATTEST_OK
        || !attest_span_is(tsm.provider, "tdx_guest")
        || attest_tdx_parse(tsm.outblob.p, tsm.outblob.n, &q) != ATTEST_OK)
    {
        return none;
    }

    tsm.outblob.n = q.length;
    return tsm.outblob;
}


static int
attest_ratls_write(X509 *x, uint8_t *der, size_t *len)
{
    int       n;
    size_t    room = *len;
    uint8_t  *p = der;

    n = i2d_X509(x, NULL);
    if (n <= 0) {
        return ATTEST_EINTERNAL;
    }

    *len = (size_t) n;

    if (*len > ATTEST_MAX_CERT_MSG) {
        return ATTEST_ELIMIT;
    }

    if (*len > room) {
        return ATTEST_ENOSPACE;
    }

    return (i2d_X509(x, &p) == n) ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
attest_ratls_read(X509 *x, const uint8_t *der, size_t n,
    attest_ratls_cert_t *c)
{
    int            rc;
    attest_span_t  ext;

    rc = attest_ratls_read_spki(x, c);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ratls_read_time(X509_get0_notBefore(x), &c->not_before);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ratls_read_time(X509_get0_notAfter(x), &c->not_after);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ratls_read_subject(x, c->subject, sizeof(c->subject));
    if (rc != ATTEST_OK) {
        return rc;
    }

    c->self_signed = attest_ratls_is_self_signed(x);

    rc = attest_ratls_read_ext(x, ATTEST_RATLS_CCC_OID, der, n, &c->ccc);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_ratls_read_ext(x, ATTEST_RATLS_OID, der, n, &ext);
    if (rc != ATTEST_OK || ext.n == 0) {
        return rc;
    }

    return attest_ratls_inner(ext, &c->cmw);
}


/* A claims-buffer may carry either of the three hashes. */

static int
attest_ratls_read_spki(X509 *x, attest_ratls_cert_t *c)
{
    int       n, ok;
    uint8_t  *der = NULL;

    n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (n <= 0) {
        return ATTEST_EFORMAT;
    }

    ok = EVP_Digest(der, (size_t) n, c->spki_sha256, NULL, EVP_sha256(), NULL)
         && EVP_Digest(der, (size_t) n, c->spki_sha384, NULL, EVP_sha384(),
                       NULL)
         && EVP_Digest(der, (size_t) n, c->spki_sha512, NULL, EVP_sha512(),
                       NULL);

    OPENSSL_free(der);
    return ok ? ATTEST_OK : ATTEST_EINTERNAL;
}


static int
attest_ratls_read_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm  tm;

    if (t == NULL || !ASN1_TIME_to_tm(t, &tm)) {
        return ATTEST_EFORMAT;
    }

    *out = (int64_t) timegm(&tm);
    return ATTEST_OK;
}


/* Control characters and bytes above 0x7f come out escaped (RFC 2253). */

static int
attest_ratls_read_subject(X509 *x, char *out, size_t room)
{
    int   n, rc = ATTEST_EINTERNAL;
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());
    if (bio == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253)
        < 0)
    {
        rc = ATTEST_EFORMAT;
        goto done;
    }

    /* an empty name leaves nothing to read, which is -1 */

    n = BIO_read(bio, out, (int) room - 1);
    out[(n > 0) ? n : 0] = '\0';
    rc = ATTEST_OK;

done:

    BIO_free(bio);
    return rc;
}


static bool
attest_ratls_is_self_signed(X509 *x)
{
    EVP_PKEY  *key = X509_get0_pubkey(x);

    return key != NULL
           && X509_NAME_cmp(X509_get_subject_name(x),
                            X509_get_issuer_name(x)) == 0
           && X509_verify(x, key) == 1;
}


/* NULL when there is none; RFC 5280 section 4.2: not more than one. */

static int
attest_ratls_find_ext(X509 *x, const char *name, X509_EXTENSION **ext)
{
    int           at, again = -1;
    ASN1_OBJECT  *oid;

    oid = OBJ_txt2obj(name, 1);
    if (oid == NULL) {
        return ATTEST_EINTERNAL;
    }

    at = X509_get_ext_by_OBJ(x, oid, -1);
    if (at >= 0) {
        again = X509_get_ext_by_OBJ(x, oid, at);
    }

    ASN1_OBJECT_free(oid);

    *ext = (at >= 0) ? X509_get_ext(x, at) : NULL;
    return (again >= 0) ? ATTEST_EFORMAT : ATTEST_OK;
}


/* n = 0: there is none. */

static int
attest_ratls_read_ext(X509 *x, const char *name, const uint8_t *der,
    size_t n, attest_span_t *ext)
{
    int                 rc;
    X509_EXTENSION     *found;
    ASN1_OCTET_STRING  *os;

    *ext = ATTEST_NO_SPAN;

    rc = attest_ratls_find_ext(x, name, &found);
    if (rc != ATTEST_OK || found == NULL) {
        return rc;
    }

    os = X509_EXTENSION_get_data(found);
    ext->n = (size_t) ASN1_STRING_length(os);

    if (ext->n == 0) {
        return ATTEST_EFORMAT;
    }

    if (ext->n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    /*
     * OpenSSL's copy goes with x, so the same bytes are looked up in der: any
     * place with these bytes will do.  DER has them in one piece.
     */

    ext->p = memmem(der, n, ASN1_STRING_get0_data(os), ext->n);
    return (ext->p == NULL) ? ATTEST_EFORMAT : ATTEST_OK;
}


int
attest_ratls_ccc_parse(attest_span_t ext, attest_ratls_ccc_t *ccc)
{
    int                   rc;
    uint64_t              count;
    attest_cbor_item_t    item;
    attest_cbor_reader_t  r;

    memset(ccc, 0, sizeof(attest_ratls_ccc_t));

    if (ext.n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    /* heads of any length: RFC 8949 section 4.1, as in the claims */

    attest_cbor_reader_init(&r, ext.p, ext.n, 1);

    rc = attest_cbor_next(&r, &item);
    if (rc != ATTEST_OK || item.type != ATTEST_CBOR_TAG) {
        return rc != ATTEST_OK ? rc : ATTEST_EFORMAT;
    }

    if (item.value != ATTEST_RATLS_CCC_INTEL) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_cbor_read_array(&r, &count);
    if (rc == ATTEST_OK && count != 2) {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_read_bytes(&r, &ccc->quote);
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_read_bytes(&r, &ccc->claims);
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r);
    }

    if (rc == ATTEST_OK && (ccc->quote.n == 0 || ccc->claims.n == 0)) {
        rc = ATTEST_EFORMAT;
    }

    return rc;
}


/* CHOICE { json UTF8String, cbor OCTET STRING } */

static int
attest_ratls_inner(attest_span_t ext, attest_span_t *cmw)
{
    unsigned       tag;
    attest_wire_t  w;

    attest_wire_init(&w, ext.p, ext.n);
    *cmw = attest_der_next(&w, &tag);

    return attest_wire_done(&w) == ATTEST_OK && cmw->n != 0
           && (tag == ATTEST_DER_OCTETS || tag == ATTEST_DER_UTF8)
           ? ATTEST_OK : ATTEST_EFORMAT;
}
