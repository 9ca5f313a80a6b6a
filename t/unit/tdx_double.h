/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An Intel that is none: root, platform CA, PCK, TCB signer, quotes and
 * collateral for tests, all with keys made in the process.  Whatever it signs
 * can only ever be "simulated", for no verifier ships its root.  Plain C and
 * OpenSSL, no I/O.  Functions return 1, or 0 when something went wrong.
 */


#ifndef TDX_DOUBLE_H_INCLUDED
#define TDX_DOUBLE_H_INCLUDED


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


/* Offsets in a TD report (body of a quote) (docs/evidence.md). */
#define TDX_DOUBLE_SVN           0
#define TDX_DOUBLE_MRSEAM        16
#define TDX_DOUBLE_MRSIGNERSEAM  64
#define TDX_DOUBLE_SEAMATTR      112
#define TDX_DOUBLE_TDATTR        120
#define TDX_DOUBLE_XFAM          128
#define TDX_DOUBLE_MRTD          136
#define TDX_DOUBLE_MRCONFIGID    184
#define TDX_DOUBLE_MROWNER       232
#define TDX_DOUBLE_MROWNERCONFIG 280
#define TDX_DOUBLE_RTMR          328
#define TDX_DOUBLE_REPORT_DATA   520
#define TDX_DOUBLE_SVN2          584
#define TDX_DOUBLE_MRSERVICETD   600

#define TDX_DOUBLE_MAX_QUOTE     8192
#define TDX_DOUBLE_MAX_JSON      32768


typedef struct {
    EVP_PKEY      *root_key;
    EVP_PKEY      *ca_key;
    EVP_PKEY      *pck_key;
    EVP_PKEY      *tcb_key;
    EVP_PKEY      *attest_key;
    X509          *root;
    X509          *ca;
    X509          *pck;
    X509          *tcb;
    int64_t        from;               /* of certificates, CRLs, collateral */
    int64_t        until;

    /* to be bent before a quote is made */
    unsigned       version;            /* 4, or 5 with body_type 2 or 3; 3 by
                                          tdx_double_sgx() */
    unsigned       body_type;
    uint8_t        body[648];          /* without the report data */
    uint8_t        enclave[384];       /* SGX: likewise */
    uint8_t        qe[384];            /* without its report data */
    size_t         padding;            /* zeros behind the quote */
    int            no_chain;           /* the PCK's certificate alone */

    /* to be bent before collateral is made */
    const char    *fmspc;
    const char    *level_status;       /* of the higher level */
    const char    *low_status;
    const char    *module_status;
    const char    *qe_status;
    unsigned       level_svn;          /* all 16 SGX components */
    unsigned       components;         /* 16; or how many */
    unsigned       module_svn;
    unsigned       revoke_pck;
    unsigned       revoke_ca;
} tdx_double_t;


static int tdx_double_init(tdx_double_t *d, int64_t from, int64_t until);
static void tdx_double_free(tdx_double_t *d);
/* From now on its quotes are of an SGX enclave. */
static inline void tdx_double_sgx(tdx_double_t *d);
/* *len: room in, bytes out. */
static int tdx_double_make(const tdx_double_t *d,
    const uint8_t report_data[64], uint8_t *quote, size_t *len);
/* The root as PEM with \n for newlines, to be put into a JSON string. */
static inline int tdx_double_root(const tdx_double_t *d, char *out,
    size_t room);
/* The object for a policy's "tdx.collateral". */
static inline int tdx_double_collateral(const tdx_double_t *d, char *out,
    size_t room);


/* mrsigner of Intel's TD quoting enclave: the double says it is that. */
static const uint8_t  tdx_double_mrsigner[32] = {
    0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17,
    0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
    0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf,
    0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5
};

/* and of its quoting enclave for enclaves */
static const uint8_t  tdx_double_sgx_mrsigner[32] = {
    0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e,
    0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
    0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b,
    0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff
};


static inline void
tdx_double_le(uint8_t *p, uint64_t v, int bytes)
{
    while (bytes-- > 0) {
        *p++ = (uint8_t) v;
        v >>= 8;
    }
}


/* r || s, 64 bytes. */
static int
tdx_double_sign(EVP_PKEY *key, const void *msg, size_t n, uint8_t sig[64])
{
    int             ok;
    size_t          len = 128;
    uint8_t         der[128];
    ECDSA_SIG      *s = NULL;
    EVP_MD_CTX     *ctx = EVP_MD_CTX_new();
    const uint8_t  *p = der;

    ok = ctx != NULL
         && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1
         && EVP_DigestSign(ctx, der, &len, msg, n) == 1
         && (s = d2i_ECDSA_SIG(NULL, &p, (long) len)) != NULL
         && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32
         && BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;

    ECDSA_SIG_free(s);
    EVP_MD_CTX_free(ctx);
    return ok;
}


static int
tdx_double_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    int              ok;
    X509V3_CTX       ctx;
    X509_EXTENSION  *ext;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext != NULL && X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
    return ok;
}


/* { OID .. arcs, value } as DER behind *p. */
static void
tdx_double_der(uint8_t **p, const uint8_t *arcs, size_t n, unsigned tag,
    const uint8_t *value, size_t len)
{
    static const uint8_t  base[] = {
        0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01
    };
    size_t                oid = sizeof(base) + n;
    size_t                inner = 2 + oid + (len < 128 ? 2 : 4) + len;

    *(*p)++ = 0x30;

    if (inner >= 128) {
        *(*p)++ = 0x82;
        *(*p)++ = (uint8_t) (inner >> 8);
    }

    *(*p)++ = (uint8_t) inner;
    *(*p)++ = 0x06;
    *(*p)++ = (uint8_t) oid;
    memcpy(*p, base, sizeof(base));
    memcpy(*p + sizeof(base), arcs, n);
    *p += oid;
    *(*p)++ = (uint8_t) tag;

    if (len >= 128) {
        *(*p)++ = 0x82;
        *(*p)++ = (uint8_t) (len >> 8);
    }

    *(*p)++ = (uint8_t) len;
    memcpy(*p, value, len);
    *p += len;
}


/* The SGX extensions: SVNs 5, PCESVN 11, FMSPC c0ffee000000. */
static int
tdx_double_sgx_ext(X509 *x)
{
    int                 ok, i;
    uint8_t             tcb[1024], all[2048], out[2056], arcs[2], *p = tcb;
    uint8_t             ppid[16], cpusvn[16], svn = 5, pcesvn = 11;
    ASN1_OBJECT        *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
    X509_EXTENSION     *ext = NULL;
    ASN1_OCTET_STRING  *os = ASN1_OCTET_STRING_new();

    memset(ppid, 0xd0, sizeof(ppid));
    memset(cpusvn, 5, sizeof(cpusvn));
    arcs[0] = 2;

    for (i = 1; i <= 18; i++) {
        arcs[1] = (uint8_t) i;

        if (i == 18) {
            tdx_double_der(&p, arcs, 2, 0x04, cpusvn, 16);
        } else {
            tdx_double_der(&p, arcs, 2, 0x02, i == 17 ? &pcesvn : &svn, 1);
        }
    }

    i = (int) (p - tcb);
    p = all;
    tdx_double_der(&p, (const uint8_t *) "\x01", 1, 0x04, ppid, 16);
    tdx_double_der(&p, (const uint8_t *) "\x02", 1, 0x30, tcb, (size_t) i);
    tdx_double_der(&p, (const uint8_t *) "\x03", 1, 0x04,
                   (const uint8_t *) "\0\0", 2);
    tdx_double_der(&p, (const uint8_t *) "\x04", 1, 0x04,
                   (const uint8_t *) "\xc0\xff\xee\0\0\0", 6);
    tdx_double_der(&p, (const uint8_t *) "\x05", 1, 0x0a,
                   (const uint8_t *) "\x01", 1);

    i = (int) (p - all);
    out[0] = 0x30;
    out[1] = 0x82;
    out[2] = (uint8_t) (i >> 8);
    out[3] = (uint8_t) i;
    memcpy(out + 4, all, (size_t) i);

    ok = oid != NULL && os != NULL && ASN1_OCTET_STRING_set(os, out, i + 4)
         && (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os)) != NULL
         && X509_add_ext(x, ext, -1);

    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(os);
    ASN1_OBJECT_free(oid);
    return ok;
}


/* issuer NULL: self-signed.  ca: 0 no, 1 yes; 2 a PCK. */
static X509 *
tdx_double_cert(const tdx_double_t *d, const char *cn, EVP_PKEY *key,
    X509 *issuer, EVP_PKEY *signer, int kind, long serial)
{
    int         ok;
    X509       *x = X509_new();
    X509_NAME  *name;

    if (x == NULL) {
        return NULL;
    }

    name = X509_get_subject_name(x);

    ok = X509_set_version(x, X509_VERSION_3)
         && ASN1_INTEGER_set(X509_get_serialNumber(x), serial)
         && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       (const uint8_t *) cn, -1, -1, 0)
         && X509_set_issuer_name(x, issuer == NULL ? name
                                 : X509_get_subject_name(issuer))
         && ASN1_TIME_set(X509_getm_notBefore(x), (time_t) d->from) != NULL
         && ASN1_TIME_set(X509_getm_notAfter(x), (time_t) d->until) != NULL
         && X509_set_pubkey(x, key)
         && tdx_double_ext(x, issuer == NULL ? x : issuer,
                           NID_basic_constraints, kind == 1
                           ? "critical,CA:TRUE" : "critical,CA:FALSE")
         && tdx_double_ext(x, issuer == NULL ? x : issuer, NID_key_usage,
                           kind == 1 ? "critical,keyCertSign,cRLSign"
                           : "critical,digitalSignature")
         && (kind != 2 || tdx_double_sgx_ext(x))
         && X509_sign(x, signer, EVP_sha256()) > 0;

    if (!ok) {
        X509_free(x);
        return NULL;
    }

    return x;
}


static int
tdx_double_init(tdx_double_t *d, int64_t from, int64_t until)
{
    size_t  i;

    memset(d, 0, sizeof(*d));
    d->from = from;
    d->until = until;
    d->version = 4;
    d->body_type = 2;
    d->fmspc = "C0FFEE000000";
    d->level_status = d->module_status = d->qe_status = "UpToDate";
    d->low_status = "OutOfDate";
    d->level_svn = 5;
    d->components = 16;
    d->module_svn = 5;

    memcpy(d->body + TDX_DOUBLE_SVN, "\x05\x01\x03", 3);
    memcpy(d->body + TDX_DOUBLE_SVN2, "\x05\x01\x03", 3);
    memset(d->body + TDX_DOUBLE_MRSEAM, 0x5e, 48);
    d->body[TDX_DOUBLE_TDATTR + 3] = 0x10;         /* SEPT_VE_DISABLE */
    memcpy(d->body + TDX_DOUBLE_XFAM, "\xe7\x02\x06", 3);
    memset(d->body + TDX_DOUBLE_MRTD, 0x7d, 48);

    for (i = 0; i < 4; i++) {
        memset(d->body + TDX_DOUBLE_RTMR + 48 * i, (int) (0xa0 + i), 48);
    }

    d->qe[48] = 0x11;                       /* INIT, PROVISION_KEY */
    d->qe[56] = 0xe7;
    memcpy(d->qe + 128, tdx_double_mrsigner, 32);
    d->qe[256] = 2;
    d->qe[258] = 4;

    d->root_key = EVP_EC_gen("P-256");
    d->ca_key = EVP_EC_gen("P-256");
    d->pck_key = EVP_EC_gen("P-256");
    d->tcb_key = EVP_EC_gen("P-256");
    d->attest_key = EVP_EC_gen("P-256");

    if (d->attest_key == NULL) {
        return 0;
    }

    d->root = tdx_double_cert(d, "Test SGX Root CA", d->root_key, NULL,
                              d->root_key, 1, 1);
    d->ca = tdx_double_cert(d, "Test SGX PCK Platform CA", d->ca_key,
                            d->root, d->root_key, 1, 2);
    d->pck = tdx_double_cert(d, "Test SGX PCK Certificate", d->pck_key,
                             d->ca, d->ca_key, 2, 3);
    d->tcb = tdx_double_cert(d, "Intel SGX TCB Signing", d->tcb_key, d->root,
                             d->root_key, 0, 4);

    return d->root != NULL && d->ca != NULL && d->pck != NULL
           && d->tcb != NULL;
}


static inline void
tdx_double_sgx(tdx_double_t *d)
{
    d->version = 3;
    memset(d->enclave, 0, sizeof(d->enclave));
    memset(d->enclave, 5, 16);
    d->enclave[48] = 0x05;                  /* INIT, MODE64BIT */
    d->enclave[56] = 0xe7;
    memset(d->enclave + 64, 0xe1, 32);
    memset(d->enclave + 128, 0xe2, 32);
    d->enclave[256] = 1;
    memcpy(d->qe + 128, tdx_double_sgx_mrsigner, 32);
    d->qe[256] = 1;
}


static void
tdx_double_free(tdx_double_t *d)
{
    X509_free(d->root);
    X509_free(d->ca);
    X509_free(d->pck);
    X509_free(d->tcb);
    EVP_PKEY_free(d->root_key);
    EVP_PKEY_free(d->ca_key);
    EVP_PKEY_free(d->pck_key);
    EVP_PKEY_free(d->tcb_key);
    EVP_PKEY_free(d->attest_key);
    memset(d, 0, sizeof(*d));
}


/* Certificates up to NULL as PEM; returns the bytes, 0 on failure. */
static size_t
tdx_double_pem(X509 *const *certs, char *out, size_t room)
{
    int     n = -1;
    BIO    *bio = BIO_new(BIO_s_mem());
    size_t  i;

    for (i = 0; bio != NULL && certs[i] != NULL; i++) {
        if (!PEM_write_bio_X509(bio, certs[i])) {
            break;
        }
    }

    if (bio != NULL && certs[i] == NULL && BIO_pending(bio) < (int) room) {
        n = BIO_read(bio, out, (int) room - 1);
        out[n > 0 ? n : 0] = '\0';
    }

    BIO_free(bio);
    return n > 0 ? (size_t) n : 0;
}


/* Header and body, which the quote's key signs; returns their bytes. */

static size_t
tdx_double_signed_area(const tdx_double_t *d, const uint8_t report_data[64],
    uint8_t *p)
{
    size_t  body, head = 48;

    tdx_double_le(p, d->version, 2);
    tdx_double_le(p + 2, 2, 2);
    tdx_double_le(p + 4, d->version == 3 ? 0 : 0x81, 4);
    memcpy(p + 12, "\x93\x9a\x72\x33\xf7\x9c\x4c\xa9"
           "\x94\x0a\x0d\xb3\x95\x7f\x06\x07", 16);

    if (d->version == 3) {
        memcpy(p + head, d->enclave, 384);
        memcpy(p + head + 320, report_data, 64);
        return head + 384;
    }

    body = d->version == 5 && d->body_type == 3 ? 648 : 584;

    if (d->version == 5) {
        tdx_double_le(p + head, d->body_type, 2);
        tdx_double_le(p + head + 2, body, 4);
        head += 6;
    }

    memcpy(p + head, d->body, body);
    memcpy(p + head + TDX_DOUBLE_REPORT_DATA, report_data, 64);
    return head + body;
}


/* The quoting enclave's report, which names the key, and its signature. */

static int
tdx_double_qe(const tdx_double_t *d, const uint8_t key[64],
    const uint8_t *auth, size_t len, uint8_t *qe)
{
    uint8_t   both[96];
    unsigned  hash_len;

    memcpy(qe, d->qe, 384);
    memcpy(both, key, 64);
    memcpy(both + 64, auth, len);
    memset(qe + 320, 0, 64);

    return EVP_Digest(both, 64 + len, qe + 320, &hash_len, EVP_sha256(),
                      NULL) == 1
           && tdx_double_sign(d->pck_key, qe, 384, qe + 384);
}


static int
tdx_double_make(const tdx_double_t *d, const uint8_t report_data[64],
    uint8_t *quote, size_t *len)
{
    X509          *certs[4] = { d->pck, NULL, NULL, NULL };
    size_t         area, n, pem, point_len, box, auth = 32;
    uint8_t       *p, *sig, point[65], head[48 + 6 + 648];
    static char    chain[8192];

    if (!d->no_chain) {
        certs[1] = d->ca;
        certs[2] = d->root;
    }

    memset(head, 0, sizeof(head));
    area = tdx_double_signed_area(d, report_data, head);
    pem = tdx_double_pem(certs, chain, sizeof(chain)) + 1;    /* and NUL */
    box = d->version == 3 ? 0 : 6;
    n = area + 4 + 128 + box + 384 + 64 + 2 + auth + 6 + pem + d->padding;

    if (pem == 1 || n > *len
        || EVP_PKEY_get_octet_string_param(d->attest_key,
                                           OSSL_PKEY_PARAM_PUB_KEY, point,
                                           sizeof(point), &point_len) != 1)
    {
        return 0;
    }

    *len = n;
    memset(quote, 0, n);
    memcpy(quote, head, area);
    tdx_double_le(quote + area, n - d->padding - area - 4, 4);
    sig = quote + area + 4;

    if (!tdx_double_sign(d->attest_key, quote, area, sig)) {
        return 0;
    }

    memcpy(sig + 64, point + 1, 64);
    p = sig + 128;

    if (box != 0) {
        tdx_double_le(p, 6, 2);
        tdx_double_le(p + 2, 384 + 64 + 2 + auth + 6 + pem, 4);
        p += box;
    }

    tdx_double_le(p + 448, auth, 2);
    memset(p + 450, 0xaa, auth);

    if (!tdx_double_qe(d, sig + 64, p + 450, auth, p)) {
        return 0;
    }

    p += 450 + auth;
    tdx_double_le(p, 5, 2);
    tdx_double_le(p + 2, pem, 4);
    memcpy(p + 6, chain, pem - 1);
    return 1;
}


/* A text as the inside of a JSON string. */
static int
tdx_double_escape(const char *text, char *out, size_t room)
{
    for ( ; *text != '\0'; text++) {
        if (room < 3) {
            return 0;
        }

        if (*text == '"' || *text == '\\' || *text == '\n') {
            *out++ = '\\';
            *out++ = *text == '\n' ? 'n' : *text;
            room -= 2;

        } else {
            *out++ = *text;
            room--;
        }
    }

    *out = '\0';
    return 1;
}


static inline int
tdx_double_root(const tdx_double_t *d, char *out, size_t room)
{
    char         pem[2048];
    X509 *const  certs[] = { d->root, NULL };

    return tdx_double_pem(certs, pem, sizeof(pem)) != 0
           && tdx_double_escape(pem, out, room);
}


static inline void
tdx_double_time(int64_t t, char out[24])
{
    time_t     at = (time_t) t;
    struct tm  tm;

    (void) gmtime_r(&at, &tm);
    (void) strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
}


static inline void
tdx_double_level(char *out, size_t room, const tdx_double_t *d, unsigned svn,
    const char *status)
{
    size_t  n = 0;
    unsigned  i, kind;

    for (kind = 0; kind < 2; kind++) {
        n += (size_t) snprintf(out + n, room - n, "%s",
                               kind == 0 ? "{\"tcb\":{\"sgxtcbcomponents\":["
                               : ",\"tdxtcbcomponents\":[");

        for (i = 0; i < d->components; i++) {
            n += (size_t) snprintf(out + n, room - n, "%s{\"svn\":%u}",
                                   i == 0 ? "" : ",", kind == 0 ? svn
                                   : i == 0 ? 5u : i == 2 ? svn - 2 : 0u);
        }

        n += (size_t) snprintf(out + n, room - n, "]%s",
                               kind == 0 ? ",\"pcesvn\":11" : "");
    }

    (void) snprintf(out + n, room - n, "},\"tcbDate\":\"2026-%s-01T00:00:00Z"
                    "\",\"tcbStatus\":\"%s\"}", svn == d->level_svn ? "02"
                    : "01", status);
}


/* The signed texts themselves, in the lower level first. */
static inline int
tdx_double_tcb_info(const tdx_double_t *d, char *out, size_t room)
{
    int    n;
    char   from[24], until[24], low[2048], high[2048], zero[97];

    memset(zero, '0', 96);
    zero[96] = '\0';
    tdx_double_time(d->from, from);
    tdx_double_time(d->until, until);
    tdx_double_level(low, sizeof(low), d, d->level_svn - 1, d->low_status);
    tdx_double_level(high, sizeof(high), d, d->level_svn, d->level_status);

    n = snprintf(out, room, "{\"id\":\"TDX\",\"version\":3,\"issueDate\":"
                 "\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"%s\",\"pceId\":"
                 "\"0000\",\"tcbType\":0,\"tcbEvaluationDataNumber\":17,"
                 "\"tdxModule\":{\"mrsigner\":\"%s\",\"attributes\":"
                 "\"0000000000000000\",\"attributesMask\":"
                 "\"FFFFFFFFFFFFFFFF\"},\"tdxModuleIdentities\":[{\"id\":"
                 "\"TDX_01\",\"mrsigner\":\"%s\",\"attributes\":"
                 "\"0000000000000000\",\"attributesMask\":"
                 "\"FFFFFFFFFFFFFFFF\",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":2}"
                 ",\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":"
                 "\"OutOfDate\"},{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":"
                 "\"2026-02-01T00:00:00Z\",\"tcbStatus\":\"%s\"}]}],"
                 "\"tcbLevels\":[%s,%s]}", from, until, d->fmspc, zero, zero,
                 d->module_svn, d->module_status, low, high);

    return n > 0 && (size_t) n < room;
}


static inline int
tdx_double_qe_identity(const tdx_double_t *d, char *out, size_t room)
{
    int   n;
    char  from[24], until[24];

    tdx_double_time(d->from, from);
    tdx_double_time(d->until, until);

    n = snprintf(out, room, "{\"id\":\"TD_QE\",\"version\":2,\"issueDate\":"
                 "\"%s\",\"nextUpdate\":\"%s\",\"tcbEvaluationDataNumber\":"
                 "17,\"miscselect\":\"00000000\",\"miscselectMask\":"
                 "\"FFFFFFFF\",\"attributes\":"
                 "\"11000000000000000000000000000000\",\"attributesMask\":"
                 "\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":"
                 "\"DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E"
                 "0E54A8C5\",\"isvprodid\":2,\"tcbLevels\":[{\"tcb\":{"
                 "\"isvsvn\":4},\"tcbDate\":\"2026-02-01T00:00:00Z\","
                 "\"tcbStatus\":\"%s\"}]}", from, until, d->qe_status);

    return n > 0 && (size_t) n < room;
}


/* A CRL in PEM, escaped; serial 0: nothing is revoked. */
static inline int
tdx_double_crl(const tdx_double_t *d, X509 *issuer, EVP_PKEY *key,
    long serial, char *out, size_t room)
{
    int            n, ok;
    BIO           *bio = BIO_new(BIO_s_mem());
    char           pem[4096];
    X509_CRL      *crl = X509_CRL_new();
    ASN1_TIME     *from = ASN1_TIME_set(NULL, (time_t) d->from);
    ASN1_TIME     *until = ASN1_TIME_set(NULL, (time_t) d->until);
    ASN1_INTEGER  *number = ASN1_INTEGER_new();
    X509_REVOKED  *revoked;

    ok = bio != NULL && crl != NULL && from != NULL && until != NULL
         && number != NULL && X509_CRL_set_version(crl, 1)
         && X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer))
         && X509_CRL_set1_lastUpdate(crl, from)
         && X509_CRL_set1_nextUpdate(crl, until);

    if (ok && serial != 0) {
        revoked = X509_REVOKED_new();
        ok = revoked != NULL && ASN1_INTEGER_set(number, serial)
             && X509_REVOKED_set_serialNumber(revoked, number)
             && X509_REVOKED_set_revocationDate(revoked, from)
             && X509_CRL_add0_revoked(crl, revoked);
    }

    ok = ok && X509_CRL_sign(crl, key, EVP_sha256()) > 0
         && PEM_write_bio_X509_CRL(bio, crl);

    n = ok ? BIO_read(bio, pem, sizeof(pem) - 1) : -1;
    pem[n > 0 ? n : 0] = '\0';

    BIO_free(bio);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    ASN1_INTEGER_free(number);

    return n > 0 && tdx_double_escape(pem, out, room);
}


/* "name": "escaped text", "name_signature": "hex" */
static inline int
tdx_double_signed(const tdx_double_t *d, const char *name, const char *text,
    char *out, size_t room)
{
    int      n;
    size_t   i;
    uint8_t  sig[64];
    char     hex[129];
    static char  escaped[TDX_DOUBLE_MAX_JSON];

    if (!tdx_double_sign(d->tcb_key, text, strlen(text), sig)
        || !tdx_double_escape(text, escaped, sizeof(escaped)))
    {
        return 0;
    }

    for (i = 0; i < 64; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", sig[i]);
    }

    n = snprintf(out, room, "\"%s\":\"%s\",\"%s_signature\":\"%s\",", name,
                 escaped, name, hex);

    return n > 0 && (size_t) n < room;
}


static inline int
tdx_double_collateral(const tdx_double_t *d, char *out, size_t room)
{
    int          n;
    X509 *const  certs[] = { d->tcb, d->root, NULL };
    X509 *const  cas[] = { d->ca, d->root, NULL };
    char         pem[4096], chain[4096], ca[4096], crl[4096], pck[4096];
    static char  text[TDX_DOUBLE_MAX_JSON], info[TDX_DOUBLE_MAX_JSON];
    static char  qe[TDX_DOUBLE_MAX_JSON];

    if (!tdx_double_tcb_info(d, text, sizeof(text))
        || !tdx_double_signed(d, "tcb_info", text, info, sizeof(info))
        || !tdx_double_qe_identity(d, text, sizeof(text))
        || !tdx_double_signed(d, "qe_identity", text, qe, sizeof(qe))
        || tdx_double_pem(certs, pem, sizeof(pem)) == 0
        || !tdx_double_escape(pem, chain, sizeof(chain))
        || tdx_double_pem(cas, pem, sizeof(pem)) == 0
        || !tdx_double_escape(pem, ca, sizeof(ca))
        || !tdx_double_crl(d, d->root, d->root_key, d->revoke_ca ? 2 : 0,
                           crl, sizeof(crl))
        || !tdx_double_crl(d, d->ca, d->ca_key, d->revoke_pck ? 3 : 0, pck,
                           sizeof(pck)))
    {
        return 0;
    }

    n = snprintf(out, room, "{%s%s\"tcb_info_issuer_chain\":\"%s\","
                 "\"qe_identity_issuer_chain\":\"%s\","
                 "\"pck_crl_issuer_chain\":\"%s\",\"root_ca_crl\":\"%s\","
                 "\"pck_crl\":\"%s\"}", info, qe, chain, chain, ca, crl, pck);

    return n > 0 && (size_t) n < room;
}


#endif /* TDX_DOUBLE_H_INCLUDED */
