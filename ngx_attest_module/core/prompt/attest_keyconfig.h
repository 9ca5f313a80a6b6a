/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key configurations, RFC 9458 section 3: what a client needs to seal.
 */


#ifndef ATTEST_KEYCONFIG_H_INCLUDED
#define ATTEST_KEYCONFIG_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/crypto/attest_hpke.h"


#define ATTEST_KEYCONFIG_MAX_SUITES   8
#define ATTEST_KEYCONFIG_MAX_KEYS     16
#define ATTEST_KEYCONFIG_MAX_LIST     4096     /* bytes of a whole list */


typedef struct {
    uint8_t         id;
    uint16_t        kem;
    attest_span_t   pk;                        /* borrowed */
    struct {
        uint16_t    kdf;
        uint16_t    aead;
    }               suites[ATTEST_KEYCONFIG_MAX_SUITES];
    size_t          nsuites;
} attest_keyconfig_t;


/*
 * One bare key configuration (what EHBP's endpoint serves).  *len: in, the
 * room in out; after success the bytes written.
 */
int attest_keyconfig_encode(const attest_keyconfig_t *kc, uint8_t *out,
    size_t *len);
/* The list of application/ohttp-keys: each with its u16be length before. */
int attest_keyconfig_encode_list(const attest_keyconfig_t *kc, size_t count,
    uint8_t *out, size_t *len);
/* Strict: nothing may follow. Unknown KEMs: ATTEST_EUNSUPPORTED. */
int attest_keyconfig_parse(const uint8_t *p, size_t n, attest_keyconfig_t *kc);
/*
 * The list.  *count: in, the room in kc; out, how many.  Members with an
 * unknown KEM are skipped (RFC 9458 section 3.2), broken framing is an error.
 * members, if not NULL, has the same room and gets each member's bare bytes.
 */
int attest_keyconfig_parse_list(const uint8_t *p, size_t n,
    attest_keyconfig_t *kc, attest_span_t *members, size_t *count);


#endif /* ATTEST_KEYCONFIG_H_INCLUDED */
