/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RA-TLS certificates: what is made is read back, and what is refused.
 */

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fixture.h"

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_ratls.h"
#include "core/crypto/attest_x509.h"


#define ROOM     ATTEST_MAX_CERT_MSG
#define BEFORE   1782864000
#define AFTER    1782950400

/* the worked record and the whole extension around it */

#define RECORD   "83" "78196170706c69636174696f6e2f766e642e6578616d706c652e" \
                 "74" "44" "2347da55" "04"
#define EXT      "3030" "06082b06010505070123" "0424" "0422" RECORD


static X509 *make_x509(const char *const *names, size_t count,
    uint64_t not_before, uint64_t not_after, uint8_t *der, size_t *len);
static size_t craft(const uint8_t *ext, size_t n, int times, uint8_t *der);
static int parse_copy(const uint8_t *der, size_t n, attest_ratls_cert_t *c);
static int parse_ext(const char *hex, attest_ratls_cert_t *c);
static int extension(X509 *x, const char *oid, const uint8_t **p, size_t *n);
static void test_fields(void);
static void test_san(void);
static void test_times(void);
static void test_names(void);
static void test_make_limits(void);
static void test_parse(void);
static void test_self_signed(void);
static void test_inner(void);
static void test_broken(void);
static void test_nul(void);
static void test_published(void);
static void test_published_form(void);


static EVP_PKEY            *key;
static uint8_t              cmw[34];
static uint8_t              cert[4 * ATTEST_MAX_ITEM];
static const char *const    plain[1] = { "example.com" };


int
main(void)
{
    key = attest_ratls_key_generate();
    unit_hex(RECORD, cmw, sizeof(cmw));

    test_fields();
    test_san();
    test_times();
    test_names();
    test_make_limits();
    test_parse();
    test_self_signed();
    test_inner();
    test_broken();
    test_nul();
    test_published();
    test_published_form();

    EVP_PKEY_free(key);
    DONE();
}


static X509 *
make_x509(const char *const *names, size_t count, uint64_t not_before,
    uint64_t not_after, uint8_t *der, size_t *len)
{
    int             rc;
    X509           *x;
    const uint8_t  *p = der;

    *len = ROOM;
    rc = attest_ratls_make(key, names, count, not_before, not_after, cmw,
                           sizeof(cmw), NULL, der, len);
    x = (rc == ATTEST_OK) ? d2i_X509(NULL, &p, (long) *len) : NULL;

    if (x == NULL || p != der + *len) {
        printf("Bail out! no certificate, %s\n", attest_strerror(rc));
        exit(1);
    }

    return x;
}


/* A self-signed certificate with these bytes as extnValue, `times` times. */

static size_t
craft(const uint8_t *ext, size_t n, int times, uint8_t *der)
{
    int                 i, len;
    X509               *x = X509_new();
    uint8_t            *p = der;
    X509_NAME          *name = X509_get_subject_name(x);
    ASN1_OBJECT        *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.35", 1);
    X509_EXTENSION     *e;
    ASN1_OCTET_STRING  *os = ASN1_OCTET_STRING_new();

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                               (const uint8_t *) "crafted", -1, -1, 0);
    X509_set_issuer_name(x, name);
    ASN1_TIME_set(X509_getm_notBefore(x), BEFORE);
    ASN1_TIME_set(X509_getm_notAfter(x), AFTER);
    X509_set_pubkey(x, key);

    ASN1_OCTET_STRING_set(os, ext, (int) n);
    for (i = 0; i < times; i++) {
        e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }

    X509_sign(x, key, EVP_sha256());
    len = i2d_X509(x, &p);

    ASN1_OCTET_STRING_free(os);
    ASN1_OBJECT_free(oid);
    X509_free(x);
    return (size_t) len;
}


/* The input lies in memory of its exact size, so that ASan sees overreads. */

static int
parse_copy(const uint8_t *der, size_t n, attest_ratls_cert_t *c)
{
    int                         rc;
    uint8_t                    *copy = malloc(n ? n : 1);
    static attest_ratls_cert_t  zero;

    memcpy(copy, der, n);
    rc = attest_ratls_parse(copy, n, c);

    if (rc != ATTEST_OK && memcmp(c, &zero, sizeof(zero)) != 0) {
        rc = -100;
    }

    if (rc == ATTEST_OK && c->cmw.n != 0) {
        if (c->cmw.p <= copy || c->cmw.p + c->cmw.n > copy + n) {
            rc = -101;
        } else {
            c->cmw.p = der + (c->cmw.p - copy);
        }
    }

    free(copy);
    return rc;
}


static int
parse_ext(const char *hex, attest_ratls_cert_t *c)
{
    size_t   n;
    uint8_t  ext[256];

    n = unit_hex(hex, ext, sizeof(ext));
    return parse_copy(cert, craft(ext, n, 1, cert), c);
}


static int
extension(X509 *x, const char *oid, const uint8_t **p, size_t *n)
{
    int                 at;
    ASN1_OBJECT        *obj = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING  *os;

    at = X509_get_ext_by_OBJ(x, obj, -1);
    ASN1_OBJECT_free(obj);
    if (at < 0) {
        return -1;
    }

    os = X509_EXTENSION_get_data(X509_get_ext(x, at));
    *p = ASN1_STRING_get0_data(os);
    *n = (size_t) ASN1_STRING_length(os);
    return X509_EXTENSION_get_critical(X509_get_ext(x, at));
}


static void
test_fields(void)
{
    int                   crit;
    X509                 *x, *y;
    size_t                len, n;
    uint8_t               der[ROOM], der2[ROOM], ext[64], md[64];
    const uint8_t        *p;
    const ASN1_INTEGER   *serial;

    x = make_x509(plain, 1, BEFORE, AFTER, der, &len);
    n = unit_hex(EXT, ext, sizeof(ext));
    IS_INT(n, 50, "extension of 50 bytes");
    OK(memmem(der, len, ext, n) != NULL, "the worked extension is in it");

    IS_INT(X509_get_version(x), X509_VERSION_3, "version 3");
    IS_INT(X509_get_signature_nid(x), NID_ecdsa_with_SHA256,
           "ECDSA with SHA-256");
    IS_INT(X509_verify(x, key), 1, "signed by its key");

    serial = X509_get0_serialNumber(x);
    OK(ASN1_STRING_length(serial) == 16
       && ASN1_STRING_type(serial) == V_ASN1_INTEGER
       && ASN1_STRING_get0_data(serial)[0] < 0x80,
       "positive serial of 16 bytes");
    y = make_x509(plain, 1, BEFORE, AFTER, der2, &n);
    OK(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(y)) != 0,
       "another one the next time");
    X509_free(y);

    crit = extension(x, "2.5.29.19", &p, &n);
    OK(crit == 1 && n == 2 && memcmp(p, "\x30\x00", 2) == 0,
       "basicConstraints: critical, no CA");
    crit = extension(x, "2.5.29.15", &p, &n);
    OK(crit == 1 && n == 4 && memcmp(p, "\x03\x02\x07\x80", 4) == 0,
       "keyUsage: critical, digitalSignature only");
    crit = extension(x, "2.5.29.37", &p, &n);
    OK(crit == 0 && n == 12
       && memcmp(p, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01", 12)
          == 0, "extKeyUsage: serverAuth only");
    crit = extension(x, "1.3.6.1.5.5.7.1.35", &p, &n);
    OK(crit == 0 && n == 36, "id-pe-cmw: not critical");
    crit = extension(x, "2.5.29.14", &p, &n);
    X509_pubkey_digest(x, EVP_sha256(), md, NULL);
    OK(crit == 0 && n == 22 && memcmp(p, "\x04\x14", 2) == 0
       && memcmp(p + 2, md, 20) == 0, "subjectKeyIdentifier, RFC 7093");
    IS_INT(X509_get_ext_count(x), 6, "six extensions");

    X509_free(x);
    IS_INT(ERR_peek_error(), 0, "no error is left behind");
}


static void
test_san(void)
{
    X509   *x;
    size_t  i, len;
    char    longest[254], cn[70];
    uint8_t der[ROOM];

    const char *const  names[] = {
        "example.com", "*.example.org", "192.0.2.1", "2001:db8::1",
        "localhost", longest
    };
    const char *const  first[] = { cn };

    memset(longest, 'a', 253);
    longest[253] = '\0';
    longest[60] = longest[120] = longest[180] = longest[240] = '.';
    memset(cn, 'b', 65);
    strcpy(cn + 60, ".test");

    x = make_x509(names, 6, BEFORE, AFTER, der, &len);

    static const char *const  hosts[] = {
        "example.com", "www.example.org", "localhost"
    };

    for (i = 0; i < 3; i++) {
        IS_INT(X509_check_host(x, hosts[i], 0,
                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 1,
               "name %s", hosts[i]);
    }

    IS_INT(X509_check_host(x, longest, 0, 0, NULL), 1, "name of 253 bytes");
    IS_INT(X509_check_ip_asc(x, "192.0.2.1", 0), 1, "IPv4");
    IS_INT(X509_check_ip_asc(x, "2001:db8:0::1", 0), 1, "IPv6");
    IS_INT(X509_check_host(x, "192.0.2.1", 0,
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 0,
           "an address is no DNS name");
    IS_INT(X509_check_host(x, "a.b.example.org", 0, 0, NULL), 0,
           "a wildcard is one label");
    IS_INT(X509_check_host(x, "example.net", 0, 0, NULL), 0, "other name");
    X509_free(x);

    /* 65 bytes do not fit the common name, 64 do */

    x = make_x509(first, 1, BEFORE, AFTER, der, &len);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn,
                              sizeof(cn));
    OK(strcmp(cn, "ngx-attest") == 0, "stand-in for a long common name");
    X509_free(x);

    memset(cn, 'b', 64);
    strcpy(cn + 59, ".test");
    x = make_x509(first, 1, BEFORE, AFTER, der, &len);
    OK(X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0,
       "issuer is subject");
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
                              longest, sizeof(longest));
    OK(strcmp(cn, longest) == 0, "common name of 64 bytes");
    X509_free(x);
}


static void
test_times(void)
{
    X509                 *x;
    size_t                i, len;
    uint8_t               der[ROOM];
    attest_ratls_cert_t   c;

    static const struct {
        uint64_t      t;
        int           type;
        const char   *text;
    } times[] = {
        { 0, V_ASN1_UTCTIME, "700101000000Z" },
        { 1782864000, V_ASN1_UTCTIME, "260701000000Z" },
        { 2524607999, V_ASN1_UTCTIME, "491231235959Z" },
        { 2524608000, V_ASN1_GENERALIZEDTIME, "20500101000000Z" },
        { 4102444800, V_ASN1_GENERALIZEDTIME, "21000101000000Z" },
        { 253402300799, V_ASN1_GENERALIZEDTIME, "99991231235959Z" }
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        x = make_x509(plain, 1, 0, times[i].t, der, &len);
        OK(ASN1_STRING_type(X509_get0_notAfter(x)) == times[i].type
           && strcmp((const char *) ASN1_STRING_get0_data(
                         X509_get0_notAfter(x)), times[i].text) == 0,
           "notAfter %s", times[i].text);
        OK(parse_copy(der, len, &c) == ATTEST_OK
           && c.not_after == (int64_t) times[i].t && c.not_before == 0,
           "is read back");
        X509_free(x);
    }

    len = ROOM;
    IS_INT(attest_ratls_make(key, plain, 1, 0, 253402300800, cmw, 34, NULL,
                             der, &len), ATTEST_EARG, "not the year 10000");
    IS_INT(attest_ratls_make(key, plain, 1, 2, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "not backwards");
}


static void
test_names(void)
{
    size_t  i;
    char    label64[65 + 5], n254[255];

    static const char *const  good[] = {
        "a", "localhost", "example.com", "EXAMPLE.com", "xn--bcher-kva.de",
        "*.example.com", "*.a.b", "a_b.example", "_dmarc.example.com",
        "1.example", "a1", "127.0.0.1", "::1", "::", "2001:db8::a:1",
        "::ffff:192.0.2.1", "a--b.c"
    };
    static const char *const  bad[] = {
        "", ".", "a.", ".a", "a..b", "*", "*.", "*.com", "*.*.com", "a.*.b",
        "w*.example.com", "**.example.com", "-a.b", "a-.b", "a.b-", "a.-b",
        "a b", "a\n", "a,DNS:b", "a:80", "[::1]", "1.2.3", "256.1.1.1",
        "1.2.3.4.5", "a.1", "0x7f.1", "~^(.+)$", "\xc3\xbc.de", "a/b",
        "*.192.0.2.1", "a;b", "\"\"", "fe80::1%eth0", "1.2.3.4 "
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        IS_INT(attest_ratls_is_name(good[i]), 1, "name \"%s\"", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IS_INT(attest_ratls_is_name(bad[i]), 0, "no name, %zu", i);
    }

    memset(label64, 'a', 64);
    strcpy(label64 + 64, ".com");
    IS_INT(attest_ratls_is_name(label64), 0, "label of 64 bytes");
    IS_INT(attest_ratls_is_name(label64 + 1), 1, "label of 63 bytes");

    memset(n254, 'a', 254);
    n254[254] = '\0';
    n254[60] = n254[120] = n254[180] = n254[240] = '.';
    IS_INT(attest_ratls_is_name(n254), 0, "name of 254 bytes");
    IS_INT(attest_ratls_is_name(n254 + 1), 1, "name of 253 bytes");
}


static void
test_make_limits(void)
{
    size_t              i, len, need;
    uint8_t             der[ROOM], *big = calloc(1, ROOM + 1);
    EVP_PKEY           *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const char         *names[ATTEST_RATLS_MAX_NAMES + 1];
    attest_ratls_ccc_t  ccc = { { NULL, 0 }, { NULL, 0 } };

    for (i = 0; i <= ATTEST_RATLS_MAX_NAMES; i++) {
        names[i] = "example.com";
    }

    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 256, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_OK, "256 names");
    IS_INT(attest_ratls_make(key, names, 257, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "257 names");
    IS_INT(attest_ratls_make(key, names, 0, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "no name");
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, cmw, 0, NULL, der, &len),
           ATTEST_EARG, "no evidence");
    IS_INT(attest_ratls_make(ed, names, 1, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "not an EC key");
    IS_INT(attest_ratls_make(NULL, names, 1, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "no key");
    names[1] = "a b";
    IS_INT(attest_ratls_make(key, names, 2, 0, 1, cmw, 34, NULL, der, &len),
           ATTEST_EARG, "a bad name");

    need = 0;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, cmw, 34, NULL, NULL, &need),
           ATTEST_ENOSPACE, "no room");
    OK(need > 400 && need < 600, "but the length, about");
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, big, ROOM, NULL, der, &len),
           ATTEST_ELIMIT, "a certificate above the limit");
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, big, ROOM + 1, NULL, der,
                             &len), ATTEST_ELIMIT, "evidence above the limit");
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, big, ROOM - 600, NULL, der,
                             &len), ATTEST_OK, "nearly as much");

    ccc.claims.p = big;
    ccc.claims.n = 51;
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, cmw, 34, &ccc, der, &len),
           ATTEST_EARG, "claims without a quote");
    ccc.quote.p = big;
    ccc.quote.n = ROOM;
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, cmw, 34, &ccc, der, &len),
           ATTEST_ELIMIT, "a quote above the limit");
    ccc.quote.n = 5000;
    len = ROOM;
    IS_INT(attest_ratls_make(key, names, 1, 0, 1, cmw, 34, &ccc, der, &len),
           ATTEST_OK, "a quote as they are");

    free(big);
    EVP_PKEY_free(ed);
}


static void
test_parse(void)
{
    size_t                 len;
    uint8_t                der[ROOM], digest[32];
    EVP_PKEY              *other = attest_ratls_key_generate();
    attest_ratls_cert_t    c;

    X509_free(make_x509(plain, 1, BEFORE, AFTER, der, &len));
    IS_INT(attest_ratls_parse(der, len, &c), ATTEST_OK, "parse");
    OK(c.cmw.n == 34 && memcmp(c.cmw.p, cmw, 34) == 0, "the evidence");
    OK(c.cmw.p > der && c.cmw.p + 34 < der + len, "is borrowed");
    OK(c.not_before == BEFORE && c.not_after == AFTER, "the times");
    IS_INT(c.self_signed, 1, "self-signed");
    OK(strcmp(c.subject, "CN=example.com") == 0, "subject %s", c.subject);

    IS_INT(attest_x509_spki_hash(key, digest), ATTEST_OK, "hash of the key");
    IS_MEM(digest, c.spki_sha256, 32, "is that of the certificate");
    IS_INT(attest_x509_spki_hash(other, digest), ATTEST_OK, "another key");
    OK(memcmp(digest, c.spki_sha256, 32) != 0, "is another one");

    EVP_PKEY_free(other);
    IS_INT(ERR_peek_error(), 0, "no error is left behind");
}


static void
test_self_signed(void)
{
    size_t                 len;
    uint8_t                der[ROOM], *p;
    X509                  *x;
    EVP_PKEY              *other = attest_ratls_key_generate();
    attest_ratls_cert_t    c;

    x = make_x509(plain, 1, BEFORE, AFTER, der, &len);
    der[len - 1] ^= 1;
    IS_INT(parse_copy(der, len, &c), ATTEST_OK, "changed signature: parsed");
    IS_INT(c.self_signed, 0, "but not self-signed");
    der[len - 1] ^= 1;

    p = memmem(der, len, cmw, 34);
    p[33] ^= 1;
    OK(parse_copy(der, len, &c) == ATTEST_OK && !c.self_signed,
       "nor with changed evidence");

    X509_sign(x, other, EVP_sha256());
    p = der;
    len = (size_t) i2d_X509(x, &p);
    OK(parse_copy(der, len, &c) == ATTEST_OK && !c.self_signed,
       "nor signed by another key");

    X509_NAME_add_entry_by_NID(X509_get_issuer_name(x), NID_commonName,
                               MBSTRING_UTF8, (const uint8_t *) "CA", -1, -1,
                               0);
    X509_sign(x, key, EVP_sha256());
    p = der;
    len = (size_t) i2d_X509(x, &p);
    OK(parse_copy(der, len, &c) == ATTEST_OK && !c.self_signed,
       "nor with another issuer");

    X509_free(x);
    EVP_PKEY_free(other);
    IS_INT(ERR_peek_error(), 0, "no error is left behind");
}


static void
test_inner(void)
{
    size_t                 i, n;
    uint8_t               *big = malloc(ATTEST_MAX_ITEM + 8);
    attest_ratls_cert_t    c;

    static const char *const  refused[] = {
        "", "04", "0400", "0c00", "040200", "04020000" "00", "0482000100",
        "04810100", "04817f00", "04800000", "048300000100", "0484000000" "0100",
        "04ff00", "0481", "0482", "048201", "240304010a", "030100", "a00100",
        "300100", "8204", "a16161" RECORD, "05820100"
    };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        IS_INT(parse_ext(refused[i], &c), ATTEST_EFORMAT,
               "inner TLV refused: \"%s\"", refused[i]);
    }

    OK(parse_ext("0401a0", &c) == ATTEST_OK && c.cmw.n == 1
       && c.cmw.p[0] == 0xa0, "the shortest one");
    OK(parse_ext("0c027b7d", &c) == ATTEST_OK && c.cmw.n == 2
       && memcmp(c.cmw.p, "{}", 2) == 0, "the JSON choice");

    memset(big, 0x55, ATTEST_MAX_ITEM + 8);
    memcpy(big, "\x04\x81\x80", 3);
    n = craft(big, 3 + 128, 1, cert);
    OK(parse_copy(cert, n, &c) == ATTEST_OK && c.cmw.n == 128,
       "length in one more octet");
    memcpy(big, "\x04\x82\xff\xfc", 4);
    n = craft(big, ATTEST_MAX_ITEM, 1, cert);
    OK(parse_copy(cert, n, &c) == ATTEST_OK
       && c.cmw.n == ATTEST_MAX_ITEM - 4, "the longest one");
    memcpy(big, "\x04\x82\xff\xfd", 4);
    n = craft(big, ATTEST_MAX_ITEM + 1, 1, cert);
    IS_INT(parse_copy(cert, n, &c), ATTEST_ELIMIT, "and one byte more");

    n = craft((const uint8_t *) "\x04\x01\xa0", 3, 2, cert);
    IS_INT(parse_copy(cert, n, &c), ATTEST_EFORMAT, "two of them");
    n = craft(NULL, 0, 0, cert);
    OK(parse_copy(cert, n, &c) == ATTEST_OK && c.cmw.n == 0
       && c.self_signed, "none");

    free(big);
}


static void
test_broken(void)
{
    int                    good = 1;
    size_t                 i, len;
    uint8_t                der[ROOM + 1];
    attest_ratls_cert_t    c;

    X509_free(make_x509(plain, 1, BEFORE, AFTER, der, &len));

    for (i = 0; i < len; i++) {
        if (parse_copy(der, i, &c) != ATTEST_EFORMAT) {
            good = 0;
        }
    }
    OK(good, "every truncation is refused");

    der[len] = 0;
    IS_INT(parse_copy(der, len + 1, &c), ATTEST_EFORMAT, "a byte behind");

    /* every bit of the first 64 bytes: no crash, never self-signed */

    for (i = 0; i < 64 * 8; i++) {
        der[i / 8] ^= (uint8_t) (1 << i % 8);
        if (parse_copy(der, len, &c) == ATTEST_OK && c.self_signed) {
            good = 0;
        }
        der[i / 8] ^= (uint8_t) (1 << i % 8);
    }
    OK(good, "every changed bit shows");

    memset(cert, 0x30, sizeof(cert));
    IS_INT(attest_ratls_parse(cert, 2 * ATTEST_MAX_ITEM + 1, &c),
           ATTEST_ELIMIT, "longer than any certificate");
    IS_INT(attest_ratls_parse(cert, 2 * ATTEST_MAX_ITEM, &c),
           ATTEST_EFORMAT, "nor this");
    IS_INT(attest_ratls_parse(NULL, 0, &c), ATTEST_EFORMAT, "nothing");
    IS_INT(ERR_peek_error(), 0, "no error is left behind");
}


/* Names as others may send them: NUL, control characters, very long. */

static void
test_nul(void)
{
    X509                  *x = X509_new();
    uint8_t                text[2000], *p = cert;
    size_t                 n;
    X509_NAME             *name = X509_get_subject_name(x);
    attest_ratls_cert_t    c;

    memset(text, 'o', sizeof(text));
    X509_set_version(x, X509_VERSION_3);
    ASN1_TIME_set(X509_getm_notBefore(x), BEFORE);
    ASN1_TIME_set(X509_getm_notAfter(x), AFTER);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_NID(name, NID_pkcs9_unstructuredName, MBSTRING_UTF8,
                               text, sizeof(text), -1, 0);
    X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                               (const uint8_t *) "a\0b\n\x1b[2J", 8, -1, 0);
    X509_set_issuer_name(x, name);
    X509_sign(x, key, EVP_sha256());
    n = (size_t) i2d_X509(x, &p);

    IS_INT(parse_copy(cert, n, &c), ATTEST_OK, "NUL in a name: parsed");
    IS_INT(c.self_signed, 1, "and verified");
    IS_INT(strlen(c.subject), sizeof(c.subject) - 1, "subject is cut");
    OK(strstr(c.subject, "a\\00b\\0A\\1B[2J") != NULL,
       "and escaped: %.30s", c.subject);

    X509_free(x);
}


/* 60000([quote, claims-buffer]), whose claims name the certificate's key. */

static void
ccc_names_key(X509 *x, const attest_ratls_cert_t *c)
{
    size_t                  len;
    uint64_t                count;
    const uint8_t          *p;
    attest_span_t           quote, claims;
    attest_claims_t         parsed;
    attest_cbor_item_t      tag;
    attest_cbor_reader_t    r;

    IS_INT(extension(x, "2.23.133.5.4.9", &p, &len), 0, "CCC extension");
    attest_cbor_reader_init(&r, p, len, 0);
    OK(attest_cbor_next(&r, &tag) == ATTEST_OK
       && tag.type == ATTEST_CBOR_TAG && tag.value == 60000
       && attest_cbor_read_array(&r, &count) == ATTEST_OK && count == 2
       && attest_cbor_read_bytes(&r, &quote) == ATTEST_OK
       && attest_cbor_read_bytes(&r, &claims) == ATTEST_OK
       && attest_cbor_done(&r) == ATTEST_OK, "tag, quote and claims");
    IS_INT(attest_claims_parse(claims.p, claims.n, &parsed), ATTEST_OK,
           "the claims");
    OK(parsed.pubkey_hash_alg == 1
       && memcmp(parsed.pubkey_hash, c->spki_sha256, 32) == 0,
       "name the key");
}


/* A certificate of another project: key and claims belong together. */

static void
test_published(void)
{
    int                     n;
    X509                   *x;
    BIO                    *bio;
    size_t                  len;
    uint8_t                *pem, *der = NULL;
    attest_ratls_cert_t     c;

    if (!UNIT_HAVE("Gramine's certificate", "ratls-certs/gramine-cert.pem")) {
        return;
    }

    pem = unit_fixture("ratls-certs/gramine-cert.pem", &len);
    bio = BIO_new_mem_buf(pem, (int) len);
    x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    n = i2d_X509(x, &der);

    IS_INT(attest_ratls_parse(der, (size_t) n, &c), ATTEST_OK, "published");
    IS_INT(c.self_signed, 1, "self-signed with P-384");
    IS_INT(c.cmw.n, 0, "without id-pe-cmw");
    OK(c.not_before == 978307200 && c.not_after == 1924991999, "times");
    OK(strcmp(c.subject, "C=US,O=GramineDevelopers,CN=RATLS") == 0,
       "subject %s", c.subject);
    ccc_names_key(x, &c);

    BIO_free(bio);
    X509_free(x);
    OPENSSL_free(der);
    free(pem);
}


/* One in the same form of our own: P-384, CCC's extension and no other. */

static void
test_published_form(void)
{
    size_t                n, len = ATTEST_CLAIMS_MAX;
    X509                 *x = X509_new();
    uint8_t               claims[ATTEST_CLAIMS_MAX], ext[1024];
    uint8_t               der[4096], *p = der;
    EVP_PKEY             *p384 = EVP_EC_gen("P-384");
    X509_NAME            *name = X509_get_subject_name(x);
    ASN1_OBJECT          *oid = OBJ_txt2obj("2.23.133.5.4.9", 1);
    X509_EXTENSION       *e;
    attest_claims_t       c;
    ASN1_OCTET_STRING    *os = ASN1_OCTET_STRING_new();
    attest_ratls_cert_t   got;

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    (void) attest_x509_spki_hash(p384, c.pubkey_hash);
    IS_INT(attest_claims_encode(&c, claims, &len), ATTEST_OK, "claims");

    n = unit_hex("d9ea6082" "4571756f7465" "58", ext, sizeof(ext));
    ext[n++] = (uint8_t) len;
    memcpy(ext + n, claims, len);
    ASN1_OCTET_STRING_set(os, ext, (int) (n + len));
    e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os);

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    ASN1_TIME_set(X509_getm_notBefore(x), 978307200);
    ASN1_TIME_set(X509_getm_notAfter(x), 1924991999);
    X509_set_pubkey(x, p384);
    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                               (const uint8_t *) "RATLS", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_add_ext(x, e, -1);
    X509_sign(x, p384, EVP_sha384());
    n = (size_t) i2d_X509(x, &p);

    IS_INT(attest_ratls_parse(der, n, &got), ATTEST_OK, "the same form");
    IS_INT(got.self_signed, 1, "self-signed with P-384");
    IS_INT(got.cmw.n, 0, "without id-pe-cmw");
    OK(got.not_before == 978307200 && got.not_after == 1924991999,
       "times");
    OK(strcmp(got.subject, "CN=RATLS") == 0, "subject %s", got.subject);
    ccc_names_key(x, &got);

    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(os);
    ASN1_OBJECT_free(oid);
    X509_free(x);
    EVP_PKEY_free(p384);
}
