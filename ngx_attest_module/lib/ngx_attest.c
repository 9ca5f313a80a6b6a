
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "attest_minisign.h"
#include "attest_verify.h"
#include "ngx_attest.h"


#define NGX_ATTEST_API  __attribute__((visibility("default")))


struct ngx_attest_verifier_s {
    attest_policy_t   policy;
    attest_roots_t    roots;
};


static int ngx_attest_signed(ngx_attest_bytes_t policy,
    const char *public_key, ngx_attest_bytes_t signature, char *err,
    size_t err_len);
static attest_span_t ngx_attest_span(ngx_attest_bytes_t b);


NGX_ATTEST_API ngx_attest_verifier_t *
ngx_attest_verifier_create(ngx_attest_bytes_t policy, const char *public_key,
    ngx_attest_bytes_t signature, char *err, size_t err_len)
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

    if (public_key != NULL
        && !ngx_attest_signed(policy, public_key, signature, err, err_len))
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


static int
ngx_attest_signed(ngx_attest_bytes_t policy, const char *public_key,
    ngx_attest_bytes_t signature, char *err, size_t err_len)
{
    int                     rc;
    attest_minisign_key_t   key;

    rc = attest_minisign_key(public_key, strlen(public_key), &key);
    if (rc != ATTEST_OK) {
        (void) snprintf(err, err_len, "not a minisign public key");
        return 0;
    }

    rc = attest_minisign_verify(&key, signature.p, signature.n, policy.p,
                                policy.n, NULL);

    if (rc != ATTEST_OK || policy.p == NULL) {
        (void) snprintf(err, err_len, "the policy is not signed by this key: "
                        "%s", attest_strerror(rc));
        return 0;
    }

    return 1;
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

    memset(&s, 0, sizeof(s));
    memcpy(&s, seen, seen->size < sizeof(s) ? seen->size : sizeof(s));

    memset(&in, 0, sizeof(in));
    in.cert = ngx_attest_span(s.certificate);
    in.cached = ngx_attest_span(s.cached);
    in.fresh = ngx_attest_span(s.fresh);
    in.nonce = ngx_attest_span(s.nonce);
    in.exporter = ngx_attest_span(s.exporter);
    in.hpke_keys = ngx_attest_span(s.hpke_keys);
    in.secret = ngx_attest_span(s.secret);
    in.proof = ngx_attest_span(s.proof);
    in.now = s.time;
    in.policy = &v->policy;
    in.roots = &v->roots;

    if (report != NULL) {
        *report = NULL;
    }

    res = calloc(1, sizeof(*res));
    if (res == NULL) {
        return verdict;
    }

    attest_verify(&in, res);
    verdict = (int) res->verdict;

    if (report != NULL) {
        *report = attest_verify_json(res, "", s.time);
    }

    free(res);
    return verdict;
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
