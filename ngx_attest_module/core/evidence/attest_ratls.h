/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The RA-TLS certificate: self-signed, its key made in the process, with the
 * evidence in id-pe-cmw (1.3.6.1.5.5.7.1.35), non-critical; on Intel TDX also
 * in the extension of the Confidential Computing Consortium's interoperable
 * RA-TLS (2.23.133.5.4.9), non-critical.
 */


#ifndef ATTEST_RATLS_H_INCLUDED
#define ATTEST_RATLS_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_RATLS_MAX_NAMES    256


/* A fresh P-256 key; caller frees with EVP_PKEY_free(). NULL: failure. */
EVP_PKEY *attest_ratls_key_generate(void);

/* 60000([quote, claims]): an Intel quote, SGX or TDX, and what it signs. */

typedef struct {
    attest_span_t   quote;
    attest_span_t   claims;            /* the claims-buffer */
} attest_ratls_ccc_t;

/*
 * A self-signed certificate.  names: DNS names (wildcards allowed) or IP
 * literals, count 1..ATTEST_RATLS_MAX_NAMES; the first is the common name
 * when it fits 64 bytes ("ngx-attest" otherwise).  cmw: the CBOR collection.
 * ccc: NULL, or what the second extension carries, of the same generation.
 * der: *len room in, bytes out; longer than ATTEST_MAX_CERT_MSG is
 * ATTEST_ELIMIT.  The serial number and the signature are random and of
 * varying length: give room of ATTEST_MAX_CERT_MSG bytes, do not measure.
 * ATTEST_EARG: not an EC key, a bad name, no cmw, times backwards or beyond
 * the year 9999.
 */
int attest_ratls_make(EVP_PKEY *key, const char *const *names, size_t count,
    uint64_t not_before, uint64_t not_after, const uint8_t *cmw,
    size_t cmw_len, const attest_ratls_ccc_t *ccc, uint8_t *der, size_t *len);

/*
 * The quote of a "tsm-report" item without the padding behind it, when it is
 * one that 2.23.133.5.4.9 can carry, an Intel TDX guest's; else n = 0.
 */
attest_span_t attest_ratls_ccc_quote(attest_span_t tsm);

/*
 * 1 when attest_ratls_make() would take this name: a DNS name of letters,
 * digits, '-' and '_' in labels of 1..63 bytes, 253 in all, no dot at the
 * end, whose last label is not a number; "*." before one with two labels at
 * least; IPv4 or IPv6 in numbers, without brackets.
 */
bool attest_ratls_is_name(const char *name);


typedef struct {
    uint8_t         spki_sha256[ATTEST_SHA256_LEN];
    uint8_t         spki_sha384[ATTEST_SHA384_LEN];
    uint8_t         spki_sha512[ATTEST_SHA512_LEN];
    int64_t         not_before;
    int64_t         not_after;
    int             self_signed;       /* issuer == subject and signature ok */
    attest_span_t   cmw;               /* borrowed from der; n = 0: none;
                                          CBOR or JSON, as it was there */
    attest_span_t   ccc;               /* borrowed likewise: the value of
                                          2.23.133.5.4.9; n = 0: none */
    char            subject[256];      /* one line, for people */
} attest_ratls_cert_t;

/*
 * Reads a certificate.  A second extension of one kind, a broken inner TLV or
 * an extension above ATTEST_MAX_ITEM is ATTEST_EFORMAT / ATTEST_ELIMIT, and
 * so are bytes behind the certificate and one above 2 * ATTEST_MAX_ITEM.
 * A certificate that is not self-signed is read too; nothing is compared
 * with the time or with a trust anchor.  On failure *c is all 0.
 */
int attest_ratls_parse(const uint8_t *der, size_t n, attest_ratls_cert_t *c);

/*
 * What is in cert.ccc, borrowed: a tag, two byte strings and nothing behind.
 * ATTEST_EUNSUPPORTED: a tag other than 60000.  ATTEST_EFORMAT, ATTEST_ELIMIT.
 */
int attest_ratls_ccc_parse(attest_span_t ext, attest_ratls_ccc_t *ccc);


#endif /* ATTEST_RATLS_H_INCLUDED */
