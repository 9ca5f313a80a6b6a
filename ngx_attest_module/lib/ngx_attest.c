/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libngx-attest: the interface of ngx_attest.h to the core.  Nothing here does
 * I/O or asks for the time.
 */


#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/crypto/attest_minisign.h"
#include "core/appraisal/attest_verify.h"
#include "lib/ngx_attest.h"


#define NGX_ATTEST_API  __attribute__((visibility("default")))


struct ngx_attest_verifier_s {
    attest_policy_t   policy;
    attest_roots_t    roots;
    int64_t           signed_at;            /* -1: it need not be */
};

/* More than any version has: what is larger was never set. */
#define NGX_ATTEST_MAX_SEEN  4096


static bool ngx_attest_signed(ngx_attest_verifier_t *v,
    ngx_attest_bytes_t policy, const char *public_key,
    ngx_attest_bytes_t signature, int64_t since, char *err, size_t err_len);
static bool ngx_attest_seen(const ngx_attest_seen_t *seen,
    ngx_attest_seen_t *known);
static void ngx_attest_input(const ngx_attest_verifier_t *v,
    const ngx_attest_seen_t *s, attest_verify_input_t *in);
static void ngx_attest_refused(attest_result_t *res);
static attest_span_t ngx_attest_span(ngx_attest_bytes_t b);


NGX_ATTEST_API ngx_attest_verifier_t *
ngx_attest_verifier_create(ngx_attest_bytes_t policy, const char *public_key,
    ngx_attest_bytes_t signature, char *err, size_t err_len)
{
    return ngx_attest_verifier_create_since(policy, public_key, signature, 0,
                                            err, err_len);
}


NGX_ATTEST_API ngx_attest_verifier_t *
ngx_attest_verifier_create_since(ngx_attest_bytes_t policy,
    const char *public_key, ngx_attest_bytes_t signature, int64_t since,
    char *err, size_t err_len)
{
    ngx_attest_verifier_t  *v;

    (void) snprintf(err, err_len, "out of memory");

    v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return NULL;
    }

    if (sodium_init() < 0 || attest_roots_load(&v->roots) != ATTEST_OK) {
        free(v);
        return NULL;
    }

    v->signed_at = -1;

    /* a key that was lost on the way would make any policy new enough */

    if (public_key == NULL && since > 0) {
        (void) snprintf(err, err_len, "a policy that must not be older than "
                        "%lld needs a public key: what is not signed has no "
                        "date", (long long) since);
        goto failed;
    }

    if (public_key != NULL
        && !ngx_attest_signed(v, policy, public_key, signature, since, err,
                              err_len))
    {
        goto failed;
    }

    if (policy.p == NULL) {
        attest_policy_default(&v->policy);

    } else if (attest_policy_parse(policy.p, policy.n, &v->policy, err,
                                   err_len)
               != ATTEST_OK)
    {
        goto failed;
    }

    if (err_len != 0) {
        err[0] = '\0';
    }

    return v;

failed:

    attest_roots_clear(&v->roots);
    free(v);
    return NULL;
}


static bool
ngx_attest_signed(ngx_attest_verifier_t *v, ngx_attest_bytes_t policy,
    const char *public_key, ngx_attest_bytes_t signature, int64_t since,
    char *err, size_t err_len)
{
    int                     rc;
    char                    comment[ATTEST_MINISIGN_COMMENT];
    attest_minisign_key_t   key;

    rc = attest_minisign_key(public_key, strlen(public_key), &key);
    if (rc != ATTEST_OK) {
        (void) snprintf(err, err_len, "not a minisign public key");
        return 0;
    }

    rc = attest_minisign_verify(&key, signature.p, signature.n, policy.p,
                                policy.n, comment);

    if (rc != ATTEST_OK || policy.p == NULL) {
        (void) snprintf(err, err_len, "the policy is not signed by this key: "
                        "%s", attest_strerror(rc));
        return 0;
    }

    v->signed_at = attest_minisign_time(comment);

    if (v->signed_at < 0) {
        (void) snprintf(err, err_len, "the policy's signature does not say "
                        "when it was made (trusted comment \"timestamp:\")");
        return 0;
    }

    if (v->signed_at < since) {
        (void) snprintf(err, err_len, "the policy was signed at %lld, before "
                        "%lld: it is an older one", (long long) v->signed_at,
                        (long long) since);
        return 0;
    }

    return 1;
}


NGX_ATTEST_API int64_t
ngx_attest_verifier_signed(const ngx_attest_verifier_t *v)
{
    return v->signed_at;
}


NGX_ATTEST_API void
ngx_attest_verifier_destroy(ngx_attest_verifier_t *v)
{
    if (v == NULL) {
        return;
    }

    attest_policy_clear(&v->policy);
    attest_roots_clear(&v->roots);
    free(v);
}


NGX_ATTEST_API int
ngx_attest_appraise(const ngx_attest_verifier_t *v,
    const ngx_attest_seen_t *seen, char **report)
{
    int                     verdict = NGX_ATTEST_UNDECIDED;
    attest_result_t        *res;
    ngx_attest_seen_t       s;
    attest_verify_input_t   in;

    if (report != NULL) {
        *report = NULL;
    }

    res = calloc(1, sizeof(*res));
    if (res == NULL) {
        return verdict;
    }

    memset(&s, 0, sizeof(s));

    if (v != NULL && seen != NULL && ngx_attest_seen(seen, &s)) {
        ngx_attest_input(v, &s, &in);
        attest_verify(&in, res);

    } else {
        ngx_attest_refused(res);
    }

    if (res->verdict == ATTEST_TRUSTED) {
        verdict = NGX_ATTEST_TRUSTED;

    } else if (res->verdict == ATTEST_NOT_TRUSTED) {
        verdict = NGX_ATTEST_NOT_TRUSTED;
    }

    if (report != NULL) {
        *report = attest_verify_json(res, "", s.time);
    }

    free(res);
    return verdict;
}


/*
 * The caller's header may be older than this library (what it lacks is
 * absent) or newer: what we do not know must then be zero.
 */

static bool
ngx_attest_seen(const ngx_attest_seen_t *seen, ngx_attest_seen_t *known)
{
    size_t         i;
    const uint8_t  *p = (const uint8_t *) seen;

    if (seen->size < offsetof(ngx_attest_seen_t, certificate)
        || seen->size > NGX_ATTEST_MAX_SEEN)
    {
        return 0;
    }

    for (i = sizeof(*known); i < seen->size; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    memcpy(known, seen, seen->size < sizeof(*known) ? seen->size
                                                    : sizeof(*known));
    return 1;
}


static void
ngx_attest_input(const ngx_attest_verifier_t *v, const ngx_attest_seen_t *s,
    attest_verify_input_t *in)
{
    memset(in, 0, sizeof(*in));

    in->cert = ngx_attest_span(s->certificate);
    in->cached = ngx_attest_span(s->cached);
    in->fresh = ngx_attest_span(s->fresh);
    in->nonce = ngx_attest_span(s->nonce);
    in->exporter = ngx_attest_span(s->exporter);
    in->hpke_keys = ngx_attest_span(s->hpke_keys);
    in->secret = ngx_attest_span(s->secret);
    in->proof = ngx_attest_span(s->proof);
    in->now = s->time;
    in->policy = &v->policy;
    in->roots = &v->roots;
}


static void
ngx_attest_refused(attest_result_t *res)
{
    attest_check_t  *check = &res->checks[res->count++];

    check->state = ATTEST_CHECK_UNKNOWN;
    (void) snprintf(check->id, sizeof(check->id), "input");
    (void) snprintf(check->text, sizeof(check->text), "the program says "
                    "what this library (%s) does not know: it was built "
                    "with the header of a later version, or has not set "
                    "\"size\"", ATTEST_VERSION);

    memcpy(res->why, check->text, sizeof(res->why));
    res->verdict = ATTEST_UNDECIDED;
}


NGX_ATTEST_API int
ngx_attest_credential(ngx_attest_bytes_t cached,
    const uint8_t secret[NGX_ATTEST_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len)
{
    *cred_len = NGX_ATTEST_CRED_MAX;
    *enc_len = NGX_ATTEST_CRED_MAX;

    return attest_verify_credential(ngx_attest_span(cached), secret, cred,
                                    cred_len, enc, enc_len)
           == ATTEST_OK ? 0 : -1;
}


NGX_ATTEST_API void
ngx_attest_free(void *p)
{
    free(p);
}


NGX_ATTEST_API const char *
ngx_attest_version(void)
{
    return ATTEST_VERSION;
}


static attest_span_t
ngx_attest_span(ngx_attest_bytes_t b)
{
    attest_span_t  s = { b.p, b.n };

    return s;
}
