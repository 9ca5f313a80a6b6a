/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A double of NVIDIA devices: a test root, a chain of five certificates for
 * each device and reports for a nonce, in the form of the real ones.  A
 * policy accepts them as "simulated", by its simulated_roots, and never as
 * more.  Needs double_ca.h beside it.
 *
 *     gpu_double_t  d = GPU_DOUBLE_HOPPER;
 *
 *     d.number = 3;
 *     gpu_double_chain(&d, pem, sizeof(pem));
 *     gpu_double_report(&d, nonce, report, sizeof(report));
 */


#ifndef GPU_DOUBLE_H_INCLUDED
#define GPU_DOUBLE_H_INCLUDED


#include <stdio.h>

#include "double_ca.h"


#define GPU_DOUBLE_MAX_PEM      8192
#define GPU_DOUBLE_MAX_REPORT   5000
#define GPU_DOUBLE_BLOCKS       64


typedef struct {
    const char      *arch;            /* for "arch" of the evidence */
    const char      *chip;            /* in the certificates' subjects */
    const char      *driver;          /* NULL: no such field */
    const uint8_t   *vbios;           /* NULL: no such field */
    size_t           vbios_len;
    unsigned         number;          /* which device: keys and names */
    unsigned         firmware;        /* which firmware: its digest */
    unsigned         blocks;          /* 0: GPU_DOUBLE_BLOCKS */
    unsigned         foreign:1;       /* under a root of another name */
    unsigned         tcbinfo:1;       /* firmware in the newer extension */
    unsigned         no_fwid:1;       /* not in the report */
    unsigned         no_mode:1;
    uint8_t          mode;            /* 0: alone, 1: several, 2: and their
                                         links in the clear */
    unsigned         versioned:1;     /* opaque data of newer drivers: */
    uint8_t          major;           /* with this version, */
    uint8_t          fsp_svn;         /* and this one of microcode */
    size_t           last;            /* bytes of the last measurement, as
                                         they are; 0: a digest */
} gpu_double_t;

#define GPU_DOUBLE_HOPPER                                                     \
    { "HOPPER", "GH100", "590.12",                                            \
      (const uint8_t *) "\x00\xa5\x00\x96\x01\x00\x00\x00", 8,                \
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define GPU_DOUBLE_BLACKWELL                                                  \
    { "BLACKWELL", "GB100", "590.12",                                         \
      (const uint8_t *) "\x00\xa5\x00\x97\x01\x00\x00\x00", 8,                \
      0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 }
#define GPU_DOUBLE_SWITCH                                                     \
    { "LS10", "LS_10", NULL, (const uint8_t *) "96.10.55.00.01", 14,          \
      0, 0, 31, 0, 0, 1, 1, 0, 0, 0, 0, 0 }

/* What drivers of CUDA 13.5 and later make of it. */
#define GPU_DOUBLE_NEW(d)                                                     \
    ((d).versioned = 1, (d).major = 2, (d).driver = "622.12", (d).last = 108)


/* root, identity, provisioner, device, leaf */
#define GPU_DOUBLE_CERTS    5


static inline void
gpu_double_label(const gpu_double_t *d, int i, char out[96])
{
    static const char *const  names[GPU_DOUBLE_CERTS] = {
        "Identity CA", "Identity", "Provisioner ICA 1", "A01 GSP BROM",
        "A01 GSP FMC LF"
    };

    if (i == 0) {
        (void) snprintf(out, 96, "Test double Device %s%s", names[0],
                        d->foreign ? " 2" : "");
    } else if (i < 3) {
        (void) snprintf(out, 96, "%s %s", d->chip, names[i]);
    } else {
        (void) snprintf(out, 96, "%s %s %u", d->chip, names[i], d->number);
    }
}


/* The digest that stands for the firmware. */

static inline int
gpu_double_fwid(const gpu_double_t *d, uint8_t fwid[48])
{
    char  text[64];

    (void) snprintf(text, sizeof(text), "firmware %u", d->firmware);
    return EVP_Digest(text, strlen(text), fwid, NULL, EVP_sha384(), NULL)
           == 1;
}


/* DICE: a composite device identifier, or a DiceTcbInfo; the length. */

static inline size_t
gpu_double_dice(const gpu_double_t *d, EVP_PKEY *key, uint8_t out[256])
{
    int              n;
    size_t           len, head;
    uint8_t         *spki = NULL, fwid[63];
    static const uint8_t  fwid_head[] = {
        0x30, 0x3d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
        0x02, 0x02, 0x04, 0x30
    };

    memcpy(fwid, fwid_head, sizeof(fwid_head));
    if (!gpu_double_fwid(d, fwid + sizeof(fwid_head))) {
        return 0;
    }

    if (d->tcbinfo) {
        memcpy(out, "\x30\x49\x80\x06NVIDIA\xa6\x3f", 12);
        memcpy(out + 12, fwid, sizeof(fwid));
        return 12 + sizeof(fwid);
    }

    n = i2d_PUBKEY(key, &spki);
    if (n <= 0) {
        return 0;
    }

    len = 3 + (size_t) n + sizeof(fwid);
    head = 3;
    out[0] = 0x30;
    out[1] = 0x81;
    out[2] = (uint8_t) len;
    memcpy(out + head, "\x02\x01\x01", 3);
    memcpy(out + head + 3, spki, (size_t) n);
    memcpy(out + head + 3 + n, fwid, sizeof(fwid));
    OPENSSL_free(spki);
    return head + len;
}


/* certs[0] is the root; 0: failed, nothing to free. */

static inline int
gpu_double_certs(const gpu_double_t *d, X509 *certs[GPU_DOUBLE_CERTS])
{
    int             i, ok = 1;
    char            cn[96];
    uint8_t         dice[256];
    EVP_PKEY       *key[GPU_DOUBLE_CERTS] = { NULL };
    double_cert_t   c;

    memset(certs, 0, GPU_DOUBLE_CERTS * sizeof(*certs));

    for (i = 0; ok && i < GPU_DOUBLE_CERTS; i++) {
        gpu_double_label(d, i, cn);
        key[i] = double_key(cn);

        memset(&c, 0, sizeof(c));
        c.cn = cn;
        c.key = key[i];
        c.issuer = i == 0 ? NULL : certs[i - 1];
        c.issuer_key = i == 0 ? NULL : key[i - 1];
        c.from = DOUBLE_FROM;
        c.until = DOUBLE_FOREVER;
        c.ca = i < GPU_DOUBLE_CERTS - 1;

        if (!c.ca && key[i] != NULL) {
            c.oid = d->tcbinfo ? "2.23.133.5.4.1.1" : "2.23.133.5.4.1";
            c.ext = dice;
            c.ext_len = gpu_double_dice(d, key[i], dice);
        }

        certs[i] = key[i] != NULL ? double_cert(&c) : NULL;
        ok = certs[i] != NULL;
    }

    for (i = 0; i < GPU_DOUBLE_CERTS; i++) {
        EVP_PKEY_free(key[i]);

        if (!ok) {
            X509_free(certs[i]);
        }
    }

    return ok;
}


/* PEM of a device's chain, the leaf first; its length, 0: failed. */

static inline size_t
gpu_double_chain(const gpu_double_t *d, char *pem, size_t room)
{
    int      i, ok = 1;
    X509    *certs[GPU_DOUBLE_CERTS];
    size_t   len = 0;

    if (!gpu_double_certs(d, certs)) {
        return 0;
    }

    for (i = GPU_DOUBLE_CERTS - 1; i >= 0; i--) {
        ok = ok && double_pem(certs[i], pem, room, &len);
    }

    for (i = 0; i < GPU_DOUBLE_CERTS; i++) {
        X509_free(certs[i]);
    }

    return ok ? len : 0;
}


/* PEM of the root, for simulated_roots; its length, 0: failed. */

static inline size_t
gpu_double_root(const gpu_double_t *d, char *pem, size_t room)
{
    int      i, ok;
    X509    *certs[GPU_DOUBLE_CERTS];
    size_t   len = 0;

    if (!gpu_double_certs(d, certs)) {
        return 0;
    }

    ok = double_pem(certs[0], pem, room, &len);

    for (i = 0; i < GPU_DOUBLE_CERTS; i++) {
        X509_free(certs[i]);
    }

    return ok ? len : 0;
}


/* With the type of its value, where the form has one. */

static inline size_t
gpu_double_field(const gpu_double_t *d, uint8_t *out, unsigned type,
    unsigned value_type, const void *p, size_t n)
{
    size_t  at = 0;

    out[at++] = (uint8_t) type;
    out[at++] = (uint8_t) (type >> 8);

    if (d->versioned) {
        out[at++] = (uint8_t) value_type;
        out[at++] = (uint8_t) (value_type >> 8);
    }

    out[at++] = (uint8_t) n;
    out[at++] = (uint8_t) (n >> 8);
    memcpy(out + at, p, n);
    return at + n;
}


/* The head, and what old drivers do not say. */

static inline size_t
gpu_double_opaque_new(const gpu_double_t *d, uint8_t *out)
{
    size_t   n = 12;
    uint8_t  svn[2] = { 0, 0 };

    memcpy(out, "NVDAOD\0\0\0\0\0\0", n);
    out[8] = d->major;
    out[9] = 1;
    out[10] = 7;

    svn[0] = d->fsp_svn;
    n += gpu_double_field(d, out + n, 37, 0x87, svn, sizeof(svn));
    return n + gpu_double_field(d, out + n, 200, 0x99, "\xbe\xef", 2);
}


static inline size_t
gpu_double_opaque(const gpu_double_t *d, uint8_t *out)
{
    size_t   n = d->versioned ? gpu_double_opaque_new(d, out) : 0;
    uint8_t  fwid[48], mode[2] = { 0, 0 };

    if (d->driver != NULL) {
        n += gpu_double_field(d, out + n, 3, 0x86, d->driver,
                              strlen(d->driver) + 1);
    }

    if (d->vbios != NULL) {
        n += gpu_double_field(d, out + n, 6, 0x86, d->vbios, d->vbios_len);
    }

    n += gpu_double_field(d, out + n, 12, 0x84, "\0\0\0\0\1\0\0\0", 8);
    n += gpu_double_field(d, out + n, 17, 0x82, "G520", 5);

    if (!d->no_fwid && gpu_double_fwid(d, fwid)) {
        n += gpu_double_field(d, out + n, 20, 1, fwid, sizeof(fwid));
    }

    n += gpu_double_field(d, out + n, 34, 0x86, d->versioned ? "\0\2"
                                                             : "\1\0", 2);

    if (!d->no_mode) {
        mode[0] = d->mode;
        n += gpu_double_field(d, out + n, 36, 0x85, mode, sizeof(mode));
    }

    return n;
}


static inline size_t
gpu_double_blocks(const gpu_double_t *d, unsigned count, uint8_t *out)
{
    char      text[64];
    size_t    n = 0, len;
    unsigned  i;

    for (i = 1; i <= count; i++) {
        len = i == count && d->last != 0 ? d->last : 48;

        memcpy(out + n, "\0\1\0\0\1\0\0", 7);
        out[n] = (uint8_t) i;
        out[n + 2] = (uint8_t) (len + 3);
        out[n + 3] = (uint8_t) ((len + 3) >> 8);
        out[n + 5] = (uint8_t) len;
        out[n + 6] = (uint8_t) (len >> 8);
        (void) snprintf(text, sizeof(text), "measurement %u %u", d->firmware,
                        i);

        if (i == count && d->last != 0) {
            out[n + 4] = 0x83;
            memset(out + n + 7, 'm', len);

        } else {
            (void) EVP_Digest(text, strlen(text), out + n + 7, NULL,
                              EVP_sha384(), NULL);
        }

        n += 7 + len;
    }

    return n;
}


/*
 * Request and response for a nonce, not signed: 96 bytes of the signature
 * are to follow.  The length.
 */

static inline size_t
gpu_double_unsigned(const gpu_double_t *d, const uint8_t nonce[32],
    uint8_t *out)
{
    size_t    n, len;
    unsigned  count = d->blocks != 0 ? d->blocks : GPU_DOUBLE_BLOCKS;

    memcpy(out, "\x11\xe0\x01\xff", 4);
    memcpy(out + 4, nonce, 32);
    out[36] = 0;
    memcpy(out + 37, "\x11\x60\0\0", 4);
    out[41] = (uint8_t) count;

    n = 45;
    len = gpu_double_blocks(d, count, out + n);
    out[42] = (uint8_t) len;
    out[43] = (uint8_t) (len >> 8);
    out[44] = 0;
    n += len;

    memset(out + n, 0x5a, 32);
    n += 32;

    len = gpu_double_opaque(d, out + n + 2);
    out[n] = (uint8_t) len;
    out[n + 1] = (uint8_t) (len >> 8);

    return n + 2 + len;
}


/* The device's signature behind `n` bytes; the whole length, 0: failed. */

static inline size_t
gpu_double_sign(const gpu_double_t *d, uint8_t *out, size_t n)
{
    int        ok;
    char       label[96];
    EVP_PKEY  *key;

    gpu_double_label(d, GPU_DOUBLE_CERTS - 1, label);

    key = double_key(label);
    ok = key != NULL && double_sign(key, out, n, out + n);

    EVP_PKEY_free(key);
    return ok ? n + 96 : 0;
}


/* A whole report; its length, 0: failed or no room. */

static inline size_t
gpu_double_report(const gpu_double_t *d, const uint8_t nonce[32],
    uint8_t *out, size_t room)
{
    if (room < GPU_DOUBLE_MAX_REPORT) {
        return 0;
    }

    return gpu_double_sign(d, out, gpu_double_unsigned(d, nonce, out));
}


#endif /* GPU_DOUBLE_H_INCLUDED */
