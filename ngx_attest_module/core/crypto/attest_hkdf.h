/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HKDF of SHA-256 (RFC 5869), and HKDF with the labels of HPKE (RFC 9180
 * section 4).
 */


#ifndef ATTEST_HKDF_H_INCLUDED
#define ATTEST_HKDF_H_INCLUDED


#include "core/crypto/attest_hmac.h"


#define ATTEST_HKDF_MAX         (255 * ATTEST_SHA256_LEN)
#define ATTEST_HKDF_MAX_PARTS   5


/* Labels of one suite: LabeledExtract and LabeledExpand, RFC 9180 section 4. */

typedef struct {
    attest_hmac_t  *hmac;
    uint8_t         id[10];
    size_t          id_len;
} attest_labeled_t;


/* HKDF-SHA256, RFC 5869. */
int attest_hkdf_extract(const uint8_t *salt, size_t salt_len,
    const uint8_t *ikm, size_t ikm_len, uint8_t prk[ATTEST_SHA256_LEN]);
int attest_hkdf_expand(const uint8_t prk[ATTEST_SHA256_LEN],
    const uint8_t *info, size_t info_len, uint8_t *out, size_t len);

/* HKDF-Expand with the concatenation of at most ATTEST_HKDF_MAX_PARTS. */
int attest_hkdf_expand_parts(attest_hmac_t *h,
    const uint8_t prk[ATTEST_SHA256_LEN], const attest_span_t *parts,
    size_t count, uint8_t *out, size_t len);

int attest_hkdf_labeled_extract(const attest_labeled_t *l, attest_span_t salt,
    const char *label, attest_span_t ikm, uint8_t prk[ATTEST_SHA256_LEN]);
int attest_hkdf_labeled_expand(const attest_labeled_t *l,
    const uint8_t prk[ATTEST_SHA256_LEN], const char *label,
    attest_span_t info, uint8_t *out, size_t len);


#endif /* ATTEST_HKDF_H_INCLUDED */
