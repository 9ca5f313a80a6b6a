/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every room of the core shares: return codes, limits, SHA-256.
 *
 * The core has no nginx header, does no I/O, keeps no global state and asks
 * no clock: time, randomness for tests and every byte come in as arguments.
 * Functions return ATTEST_OK (0) or one of the negative codes below, and on
 * failure leave nothing for the caller to free and no plaintext behind.
 */


#ifndef ATTEST_CORE_H_INCLUDED
#define ATTEST_CORE_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "core/base/attest_span.h"


#define ATTEST_VERSION         "0.1.0"

#define ATTEST_OK              0
#define ATTEST_EFORMAT        -1    /* the bytes do not follow their format */
#define ATTEST_ELIMIT         -2    /* a hard limit is exceeded */
#define ATTEST_ECRYPTO        -3    /* tag, signature or key refused */
#define ATTEST_EMISMATCH      -4    /* well formed, but values differ */
#define ATTEST_EUNSUPPORTED   -5    /* an algorithm or version we lack */
#define ATTEST_EARG           -6    /* the caller's mistake */
#define ATTEST_EINTERNAL      -7    /* out of memory, library failure */
#define ATTEST_ENOSPACE       -8    /* the caller's output buffer is small */


#define ATTEST_SHA1_LEN       20
#define ATTEST_SHA256_LEN     32
#define ATTEST_SHA384_LEN     48
#define ATTEST_SHA512_LEN     64
#define ATTEST_MAX_DIGEST     ATTEST_SHA512_LEN

/* Hard limits; a longer input is refused before anything is allocated. */

#define ATTEST_MAX_DOCUMENT   (4 * 1024 * 1024)   /* evidence with its logs */
#define ATTEST_MAX_ITEM       (64 * 1024)         /* one item, logs excepted */
#define ATTEST_MAX_LOG        (1024 * 1024)       /* one event log */
#define ATTEST_MAX_ITEMS      64                  /* members of a map or list */
#define ATTEST_MAX_DEPTH      8                   /* CBOR and JSON nesting */
#define ATTEST_MAX_CERTS      10                  /* certificates in a chain */
#define ATTEST_MAX_CERT_MSG   (32 * 1024 - 256)   /* DER of our certificate */


/* One short text for each return code, for logs and messages. */
const char *attest_strerror(int rc);

/* SHA-256 of the concatenation of up to `count` spans. */
int attest_sha256(const attest_span_t *parts, size_t count,
    uint8_t digest[ATTEST_SHA256_LEN]);


#endif /* ATTEST_CORE_H_INCLUDED */
