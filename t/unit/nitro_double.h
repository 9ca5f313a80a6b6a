/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A double of the Nitro Security Module: a test root, the four certificates
 * below it and attestation documents for any user data and nonce, in the form
 * of the real ones.  A policy accepts them as "simulated", by its
 * simulated_roots, and never as more.  Needs double_ca.h beside it.
 *
 *     nitro_double_t  d = NITRO_DOUBLE;
 *
 *     d.timestamp = now * 1000;
 *     d.user_data = digest;
 *     d.user_data_len = 32;
 *     n = nitro_double_make(&d, doc, sizeof(doc));
 */


#ifndef NITRO_DOUBLE_H_INCLUDED
#define NITRO_DOUBLE_H_INCLUDED


#include <stdio.h>

#include "double_ca.h"


#define NITRO_DOUBLE_MAX      12288
#define NITRO_DOUBLE_CERTS    5          /* root .. enclave */


typedef struct {
    const char      *module_id;
    const char      *image;           /* stands for the image: PCR 0 to 2 */
    uint64_t         timestamp;       /* ms */
    const uint8_t   *user_data;       /* NULL: null */
    size_t           user_data_len;
    const uint8_t   *nonce;           /* NULL: null */
    size_t           nonce_len;
    const uint8_t   *public_key;      /* NULL: null */
    size_t           public_key_len;
    const char      *digest;
    const char      *extra;           /* NULL, or the name of one more member,
                                         which is null */
    const char      *without;         /* NULL, or the member to leave out */
    unsigned         pcrs;            /* 0: 16 */
    unsigned         pcr_len;         /* 0: 48 */
    unsigned         debug:1;
    unsigned         foreign:1;       /* under a root of another name */
    unsigned         tagged:1;
    unsigned         definite:1;      /* length of the map */
    unsigned         flip:1;          /* the signature */
    uint8_t          alg;             /* 0: -35; else the byte behind 38 */
} nitro_double_t;

#define NITRO_DOUBLE                                                          \
    { "i-00000000000000001-enc0000000000000001", "image 1", 0, NULL, 0,       \
      NULL, 0, NULL, 0, "SHA384", NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0 }


/* Room is checked once, by who calls: NITRO_DOUBLE_MAX. */

typedef struct {
    uint8_t   p[NITRO_DOUBLE_MAX];
    size_t    n;
} nitro_double_buf_t;


static inline void
nitro_double_head(nitro_double_buf_t *b, unsigned major, size_t n)
{
    uint8_t  *p = b->p + b->n;

    if (n < 24) {
        p[0] = (uint8_t) (major << 5 | n);
        b->n += 1;

    } else if (n < 256) {
        p[0] = (uint8_t) (major << 5 | 24);
        p[1] = (uint8_t) n;
        b->n += 2;

    } else {
        p[0] = (uint8_t) (major << 5 | 25);
        p[1] = (uint8_t) (n >> 8);
        p[2] = (uint8_t) n;
        b->n += 3;
    }
}


static inline void
nitro_double_string(nitro_double_buf_t *b, unsigned major, const void *p,
    size_t n)
{
    nitro_double_head(b, major, n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}


static inline void
nitro_double_text(nitro_double_buf_t *b, const char *text)
{
    nitro_double_string(b, 3, text, strlen(text));
}


static inline void
nitro_double_optional(nitro_double_buf_t *b, const uint8_t *p, size_t n)
{
    if (p == NULL) {
        b->p[b->n++] = 0xf6;
        return;
    }

    nitro_double_string(b, 2, p, n);
}


/* PCR 0 to 2 stand for the image, 3 and 4 for who and where; others are 0. */

static inline void
nitro_double_pcr(const nitro_double_t *d, unsigned i, uint8_t out[64])
{
    char      text[128];
    uint8_t   digest[48];

    memset(out, 0, 64);

    if (i > 4 || i == 3 || (d->debug && i < 3)) {
        return;
    }

    (void) snprintf(text, sizeof(text), "PCR %u of %s", i,
                    i < 3 ? d->image : d->module_id);
    (void) EVP_Digest(text, strlen(text), digest, NULL, EVP_sha384(), NULL);
    memcpy(out, digest, sizeof(digest));
}


static inline void
nitro_double_label(const nitro_double_t *d, int i, char out[128])
{
    static const char *const  names[NITRO_DOUBLE_CERTS - 1] = {
        "Test double root of enclaves", "Test double region",
        "Test double zone", "Test double instance"
    };

    if (i == NITRO_DOUBLE_CERTS - 1) {
        (void) snprintf(out, 128, "%.60s", *d->module_id != '\0'
                        ? d->module_id : "nameless");
    } else {
        (void) snprintf(out, 128, "%s%s", names[i], d->foreign ? " 2" : "");
    }
}


/* certs[0] is the root, the last one the enclave's, valid for 3 hours. */

static inline int
nitro_double_certs(const nitro_double_t *d, X509 *certs[NITRO_DOUBLE_CERTS])
{
    int             i, ok = 1, last = NITRO_DOUBLE_CERTS - 1;
    char            cn[128];
    EVP_PKEY       *key[NITRO_DOUBLE_CERTS] = { NULL };
    double_cert_t   c;

    memset(certs, 0, NITRO_DOUBLE_CERTS * sizeof(*certs));

    for (i = 0; ok && i <= last; i++) {
        nitro_double_label(d, i, cn);
        key[i] = double_key(cn);

        memset(&c, 0, sizeof(c));
        c.cn = cn;
        c.key = key[i];
        c.issuer = i == 0 ? NULL : certs[i - 1];
        c.issuer_key = i == 0 ? NULL : key[i - 1];
        c.from = DOUBLE_FROM;
        c.until = DOUBLE_FOREVER;
        c.ca = i < last;

        if (i == last) {
            c.from = d->timestamp / 1000 < DOUBLE_FOREVER - 86400
                     ? (int64_t) (d->timestamp / 1000) - 3 : DOUBLE_FROM;
            c.until = c.from + 3 * 3600 + 3;
        }

        certs[i] = key[i] != NULL ? double_cert(&c) : NULL;
        ok = certs[i] != NULL;
    }

    for (i = 0; i <= last; i++) {
        EVP_PKEY_free(key[i]);

        if (!ok) {
            X509_free(certs[i]);
        }
    }

    return ok;
}


static inline void
nitro_double_cert(nitro_double_buf_t *b, X509 *x)
{
    int       n;
    uint8_t  *der = NULL;

    n = i2d_X509(x, &der);
    nitro_double_string(b, 2, der, n > 0 ? (size_t) n : 0);
    OPENSSL_free(der);
}


static inline void
nitro_double_member(const nitro_double_t *d, nitro_double_buf_t *b,
    const char *name, X509 *certs[NITRO_DOUBLE_CERTS])
{
    int       k;
    unsigned  i, n = d->pcrs != 0 ? d->pcrs : 16;
    uint8_t   pcr[64];

    nitro_double_text(b, name);

    if (strcmp(name, "module_id") == 0) {
        nitro_double_text(b, d->module_id);

    } else if (strcmp(name, "digest") == 0) {
        nitro_double_text(b, d->digest);

    } else if (strcmp(name, "timestamp") == 0) {
        b->p[b->n++] = 0x1b;
        for (k = 7; k >= 0; k--) {
            b->p[b->n++] = (uint8_t) (d->timestamp >> (8 * k));
        }

    } else if (strcmp(name, "pcrs") == 0) {
        nitro_double_head(b, 5, n);
        for (i = 0; i < n; i++) {
            nitro_double_pcr(d, i, pcr);
            nitro_double_head(b, 0, i);
            nitro_double_string(b, 2, pcr, d->pcr_len != 0 ? d->pcr_len : 48);
        }

    } else if (strcmp(name, "certificate") == 0) {
        nitro_double_cert(b, certs[NITRO_DOUBLE_CERTS - 1]);

    } else if (strcmp(name, "cabundle") == 0) {
        nitro_double_head(b, 4, NITRO_DOUBLE_CERTS - 1);
        for (k = 0; k < NITRO_DOUBLE_CERTS - 1; k++) {
            nitro_double_cert(b, certs[k]);
        }

    } else if (strcmp(name, "public_key") == 0) {
        nitro_double_optional(b, d->public_key, d->public_key_len);

    } else if (strcmp(name, "user_data") == 0) {
        nitro_double_optional(b, d->user_data, d->user_data_len);

    } else if (strcmp(name, "nonce") == 0) {
        nitro_double_optional(b, d->nonce, d->nonce_len);

    } else {
        b->p[b->n++] = 0xf6;
    }
}


static inline int
nitro_double_payload(const nitro_double_t *d, nitro_double_buf_t *b)
{
    size_t   i, count = 9;
    X509    *certs[NITRO_DOUBLE_CERTS];

    static const char *const  names[] = {
        "module_id", "digest", "timestamp", "pcrs", "certificate",
        "cabundle", "public_key", "user_data", "nonce"
    };

    if (!nitro_double_certs(d, certs)) {
        return 0;
    }

    b->n = 0;
    count += (d->extra != NULL);
    count -= (d->without != NULL);

    if (d->definite) {
        nitro_double_head(b, 5, count);
    } else {
        b->p[b->n++] = 0xbf;
    }

    for (i = 0; i < 9; i++) {
        if (d->without == NULL || strcmp(d->without, names[i]) != 0) {
            nitro_double_member(d, b, names[i], certs);
        }
    }

    if (d->extra != NULL) {
        nitro_double_text(b, d->extra);
        b->p[b->n++] = 0xf6;
    }

    if (!d->definite) {
        b->p[b->n++] = 0xff;
    }

    for (i = 0; i < NITRO_DOUBLE_CERTS; i++) {
        X509_free(certs[i]);
    }

    return 1;
}


/*
 * A document; its length, 0: failed or no room.  Members may have at most
 * 2048 bytes in all beside the certificates.
 */

static inline size_t
nitro_double_make(const nitro_double_t *d, uint8_t *out, size_t room)
{
    int                  ok;
    char                 label[128];
    uint8_t              sig[96], head[] = { 0xa1, 0x01, 0x38, 0x22 };
    EVP_PKEY            *key;
    nitro_double_buf_t   payload, tbs, doc;

    head[3] = d->alg != 0 ? d->alg : head[3];

    if (!nitro_double_payload(d, &payload)) {
        return 0;
    }

    tbs.n = 0;
    nitro_double_head(&tbs, 4, 4);
    nitro_double_text(&tbs, "Signature1");
    nitro_double_string(&tbs, 2, head, sizeof(head));
    nitro_double_string(&tbs, 2, "", 0);
    nitro_double_string(&tbs, 2, payload.p, payload.n);

    nitro_double_label(d, NITRO_DOUBLE_CERTS - 1, label);
    key = double_key(label);
    ok = key != NULL && double_sign(key, tbs.p, tbs.n, sig);
    EVP_PKEY_free(key);

    sig[95] ^= d->flip;

    doc.n = 0;
    if (d->tagged) {
        nitro_double_head(&doc, 6, 18);
    }

    nitro_double_head(&doc, 4, 4);
    nitro_double_string(&doc, 2, head, sizeof(head));
    nitro_double_head(&doc, 5, 0);
    nitro_double_string(&doc, 2, payload.p, payload.n);
    nitro_double_string(&doc, 2, sig, sizeof(sig));

    if (!ok || doc.n > room) {
        return 0;
    }

    memcpy(out, doc.p, doc.n);
    return doc.n;
}


/* PEM of the root, for simulated_roots; its length, 0: failed. */

static inline size_t
nitro_double_root(const nitro_double_t *d, char *pem, size_t room)
{
    int      i, ok;
    X509    *certs[NITRO_DOUBLE_CERTS];
    size_t   len = 0;

    if (!nitro_double_certs(d, certs)) {
        return 0;
    }

    ok = double_pem(certs[0], pem, room, &len);

    for (i = 0; i < NITRO_DOUBLE_CERTS; i++) {
        X509_free(certs[i]);
    }

    return ok ? len : 0;
}


#endif /* NITRO_DOUBLE_H_INCLUDED */
