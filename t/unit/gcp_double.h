/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plays Google's authorities for attestation keys: two roots, three
 * intermediates, and certificates that say which instance a key is of.
 * OpenSSL and double_ca.h only, no I/O.
 *
 *     gcp_double_t  d;
 *
 *     gcp_double_init(&d)                      1, or 0: failed
 *     x = gcp_double_cert(&d, issuer, key, &instance)
 *     gcp_double_free(&d)
 */


#ifndef GCP_DOUBLE_H_INCLUDED
#define GCP_DOUBLE_H_INCLUDED


#include "double_ca.h"


#define GCP_DOUBLE_OID     "1.3.6.1.4.1.11129.2.1.21"
#define GCP_DOUBLE_ROOTS   2
#define GCP_DOUBLE_CAS     3


typedef struct {
    const char   *project;
    const char   *zone;
    const char   *name;
    uint64_t      id;
    uint64_t      number;
    int           not_production;
} gcp_double_instance_t;

typedef struct {
    EVP_PKEY     *root_key[GCP_DOUBLE_ROOTS];
    X509         *root[GCP_DOUBLE_ROOTS];
    EVP_PKEY     *ca_key[GCP_DOUBLE_CAS];
    X509         *ca[GCP_DOUBLE_CAS];
} gcp_double_t;


/* The first below the first root, the others below the second. */

static inline int
gcp_double_root_of(int ca)
{
    return ca == 0 ? 0 : 1;
}


static inline int
gcp_double_init(gcp_double_t *d)
{
    int             i, root;
    char            cn[64];
    double_cert_t   c;

    memset(d, 0, sizeof(*d));

    for (i = 0; i < GCP_DOUBLE_ROOTS + GCP_DOUBLE_CAS; i++) {
        memset(&c, 0, sizeof(c));
        (void) snprintf(cn, sizeof(cn), "Test double cloud %s %d",
                        i < GCP_DOUBLE_ROOTS ? "root" : "EK/AK CA", i);
        c.cn = cn;
        c.key = double_key(cn);
        c.from = 1640995200;                              /* 2022-01-01 */
        c.until = 2524608000;                             /* 2050-01-01 */
        c.ca = 1;

        if (i < GCP_DOUBLE_ROOTS) {
            d->root_key[i] = c.key;
            d->root[i] = c.key != NULL ? double_cert(&c) : NULL;

            if (d->root[i] == NULL) {
                return 0;
            }

            continue;
        }

        root = gcp_double_root_of(i - GCP_DOUBLE_ROOTS);
        c.issuer = d->root[root];
        c.issuer_key = d->root_key[root];
        d->ca_key[i - GCP_DOUBLE_ROOTS] = c.key;
        d->ca[i - GCP_DOUBLE_ROOTS] = c.key != NULL ? double_cert(&c) : NULL;

        if (d->ca[i - GCP_DOUBLE_ROOTS] == NULL) {
            return 0;
        }
    }

    return 1;
}


static inline void
gcp_double_free(gcp_double_t *d)
{
    int  i;

    for (i = 0; i < GCP_DOUBLE_ROOTS; i++) {
        EVP_PKEY_free(d->root_key[i]);
        X509_free(d->root[i]);
    }

    for (i = 0; i < GCP_DOUBLE_CAS; i++) {
        EVP_PKEY_free(d->ca_key[i]);
        X509_free(d->ca[i]);
    }
}


static inline size_t
gcp_double_text(uint8_t *out, const char *text)
{
    size_t  n = strlen(text);

    out[0] = 0x0c;
    out[1] = (uint8_t) n;
    memcpy(out + 2, text, n);
    return 2 + n;
}


/* An INTEGER that is not negative, as short as DER wants it. */

static inline size_t
gcp_double_number(uint8_t *out, uint64_t v)
{
    int     i;
    size_t  n = 0;

    for (i = 8; i >= 0; i--) {
        uint8_t  byte = i == 8 ? 0 : (uint8_t) (v >> (8 * i));
        uint8_t  next = i == 0 ? 0x80 : (uint8_t) (v >> (8 * (i - 1)));

        if (n == 0 && byte == 0 && i > 0 && !(next & 0x80)) {
            continue;
        }

        if (n == 0 && byte == 0 && i == 0 && v != 0) {
            continue;
        }

        out[2 + n++] = byte;
    }

    out[0] = 0x02;
    out[1] = (uint8_t) n;
    return 2 + n;
}


/* The extension: zone, project, instance, and the security properties. */

static inline size_t
gcp_double_instance(const gcp_double_instance_t *in, uint8_t out[512])
{
    size_t   n = 0;
    uint8_t  body[384];

    static const uint8_t  security[] = {
        0xa0, 0x20, 0x30, 0x1e, 0xa0, 0x03, 0x02, 0x01, 0x00, 0xa1, 0x03,
        0x01, 0x01, 0xff, 0xa2, 0x03, 0x02, 0x01, 0x00, 0xa3, 0x03, 0x01,
        0x01, 0x00, 0xa4, 0x03, 0x01, 0x01, 0x00, 0xa5, 0x03, 0x01, 0x01,
        0x00
    };

    n += gcp_double_text(body + n, in->zone);
    n += gcp_double_number(body + n, in->number);
    n += gcp_double_text(body + n, in->project);
    n += gcp_double_number(body + n, in->id);
    n += gcp_double_text(body + n, in->name);
    memcpy(body + n, security, sizeof(security));

    if (in->not_production) {
        body[n + 13] = 0;
    }

    n += sizeof(security);

    if (n < 128) {
        out[0] = 0x30;
        out[1] = (uint8_t) n;
        memcpy(out + 2, body, n);
        return 2 + n;
    }

    out[0] = 0x30;
    out[1] = 0x81;
    out[2] = (uint8_t) n;
    memcpy(out + 3, body, n);
    return 3 + n;
}


/* The certificate of an attestation key, by one of the three. */

static inline X509 *
gcp_double_cert(const gcp_double_t *d, int ca, EVP_PKEY *key,
    const gcp_double_instance_t *in)
{
    X509           *x;
    uint8_t         ext[512];
    double_cert_t   c;

    memset(&c, 0, sizeof(c));
    c.cn = in->name;
    c.key = key;
    c.issuer = d->ca[ca];
    c.issuer_key = d->ca_key[ca];
    c.from = 1672531200;                                  /* 2023-01-01 */
    c.until = 2240611200;                                 /* 2041-01-01 */
    c.oid = GCP_DOUBLE_OID;
    c.ext_len = gcp_double_instance(in, ext);
    c.ext = ext;

    x = double_cert(&c);

    if (x == NULL
        || !double_extension(x, d->ca[ca], NID_ext_key_usage, "2.23.133.8.1")
        || X509_sign(x, d->ca_key[ca], EVP_sha384()) <= 0)
    {
        X509_free(x);
        return NULL;
    }

    return x;
}


#endif /* GCP_DOUBLE_H_INCLUDED */
