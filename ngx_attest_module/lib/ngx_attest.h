/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verifier as a library: link libngx-attest.so, or libngx-attest.a with
 * libcrypto, libsodium, libcjson and libcbor.  No network, no clock, no
 * files, no global state: the caller fetches evidence and says what time it
 * is.  One verifier may be used by several threads at once.
 */


#ifndef NGX_ATTEST_H_INCLUDED
#define NGX_ATTEST_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#ifdef __cplusplus
extern "C" {
#endif


/*
 * Verdicts.  0 is none of them: memory that nobody has written to does not
 * read as trusted.
 */
#define NGX_ATTEST_NOT_TRUSTED    1     /* a check failed */
#define NGX_ATTEST_UNDECIDED      2     /* something could not be decided */
#define NGX_ATTEST_TRUSTED        3     /* every check passed */

#define NGX_ATTEST_SECRET_LEN    32     /* for a credential */
#define NGX_ATTEST_CRED_MAX    1024     /* bytes of cred and of enc */


typedef struct ngx_attest_verifier_s  ngx_attest_verifier_t;


/* Bytes of the caller; p may be NULL when n is 0. */

typedef struct {
    const void  *p;
    size_t       n;
} ngx_attest_bytes_t;


/*
 * What was seen of a gateway.  Zero it first, with size set: members that a
 * later version adds are then absent.  Everything but `time` may be empty.
 * A library that is older than the header does not know the last members:
 * unless they are zero its verdict is NGX_ATTEST_UNDECIDED, for they may say
 * what it must not leave out.
 */

typedef struct {
    size_t               size;          /* sizeof(ngx_attest_seen_t) */
    int64_t              time;          /* Unix seconds to appraise as of */
    ngx_attest_bytes_t   certificate;   /* DER, of the live connection */
    ngx_attest_bytes_t   cached;        /* evidence without a nonce */
    ngx_attest_bytes_t   fresh;         /* evidence for our nonce */
    ngx_attest_bytes_t   nonce;         /* that we sent, 32..64 bytes */
    ngx_attest_bytes_t   exporter;      /* RFC 9266 "EXPORTER-Channel-Binding"
                                           of our connection, 32 bytes */
    ngx_attest_bytes_t   hpke_keys;     /* as /.well-known/hpke-keys gave */
    ngx_attest_bytes_t   secret;        /* of our credential, 32 bytes */
    ngx_attest_bytes_t   proof;         /* the gateway's answer to it */
} ngx_attest_seen_t;


/*
 * A verifier for one policy (JSON, docs/policy.md); NULL as the policy
 * is the default one.  With a minisign public key (text) the policy must be
 * signed by it: signature is the text of the .minisig file, and says when the
 * policy was signed.  NULL on failure, with a message for people in err.
 */
ngx_attest_verifier_t *ngx_attest_verifier_create(ngx_attest_bytes_t policy,
    const char *public_key, ngx_attest_bytes_t signature, char *err,
    size_t err_len);

/*
 * The same, but NULL when the policy was signed before `since` (Unix
 * seconds), or when there is such a time and no key.  An old policy has a good
 * signature, too: keep what ngx_attest_verifier_signed() returns where nobody
 * else writes, and pass it here the next time.
 */
ngx_attest_verifier_t *ngx_attest_verifier_create_since(
    ngx_attest_bytes_t policy, const char *public_key,
    ngx_attest_bytes_t signature, int64_t since, char *err, size_t err_len);

/* When its policy was signed, Unix seconds; -1: no key was given. */
int64_t ngx_attest_verifier_signed(const ngx_attest_verifier_t *v);

void ngx_attest_verifier_destroy(ngx_attest_verifier_t *v);

/*
 * Appraises.  Returns one of the verdicts above, never anything else;
 * whatever goes wrong is NGX_ATTEST_UNDECIDED or worse.  report, unless NULL,
 * is set to the checks as JSON (docs/verifier.md), to be freed with
 * ngx_attest_free(), or to NULL when there was no memory for it.
 */
int ngx_attest_appraise(const ngx_attest_verifier_t *v,
    const ngx_attest_seen_t *seen, char **report);

/*
 * A credential for the endorsement key in a gateway's cached evidence, made
 * of a secret that the caller keeps: cred and enc have room for
 * NGX_ATTEST_CRED_MAX bytes.  0, or -1 when the evidence has no such key.
 */
int ngx_attest_credential(ngx_attest_bytes_t cached,
    const uint8_t secret[NGX_ATTEST_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len);

void ngx_attest_free(void *p);

/* "0.1.0" */
const char *ngx_attest_version(void);


#ifdef __cplusplus
}
#endif


#endif /* NGX_ATTEST_H_INCLUDED */
