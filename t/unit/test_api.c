/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libngx-attest.so as another program links it: its header, nothing of the
 * core.  The evidence is a gateway's, of a software TPM.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_attest.h"
#include "unit.h"


static ngx_attest_bytes_t file(const char *name);
static ngx_attest_bytes_t text(const char *s);
/* when dated.minisig says that it was made */
#define DATED   1782864000


static ngx_attest_verifier_t *make(ngx_attest_bytes_t policy,
    const char *key, ngx_attest_bytes_t sig);
static void test_create(void);
static void test_signed(void);
static void test_rollback(void);
static void test_appraise(void);
static void test_size(void);


static ngx_attest_bytes_t  none;
static char                err[256];


int
main(void)
{
    OK(strcmp(ngx_attest_version(), "0.1.0") == 0, "version");

    test_create();
    test_signed();
    test_rollback();
    test_appraise();
    test_size();
    DONE();
}


static void
test_create(void)
{
    ngx_attest_verifier_t  *v;

    v = make(none, NULL, none);
    OK(v != NULL && err[0] == '\0', "the default policy");
    ngx_attest_verifier_destroy(v);
    ngx_attest_verifier_destroy(NULL);

    OK(make(text("{\"version\":2}"), NULL, none) == NULL
       && strstr(err, "version") != NULL, "a bad policy: %s", err);
    OK(make(text("{\"version\":1,\"x\":1}"), NULL, none) == NULL
       && strstr(err, "unknown member") != NULL, "an unknown member: %s",
       err);
}


static void
test_signed(void)
{
    char                     *key;
    char                      copy[256];
    ngx_attest_bytes_t        policy, sig;
    ngx_attest_verifier_t    *v;

    policy = file(TEST_DATA "/policy/signed.json");
    sig = file(TEST_DATA "/policy/dated.minisig");
    key = (char *) file(TEST_DATA "/policy/dated.pub").p;

    v = make(policy, key, sig);
    OK(v != NULL, "a signed policy: %s", err);
    IS_INT(v != NULL ? ngx_attest_verifier_signed(v) : 0, DATED,
           "and when it was signed");
    ngx_attest_verifier_destroy(v);

    v = make(policy, strchr(key, '\n') + 1, sig);
    OK(v != NULL, "the key without its comment: %s", err);
    ngx_attest_verifier_destroy(v);

    v = make(policy, NULL, sig);
    OK(v != NULL && ngx_attest_verifier_signed(v) == -1,
       "without a key nothing is known of it");
    ngx_attest_verifier_destroy(v);

    OK(make(none, key, sig) == NULL, "nothing is not signed");
    OK(make(policy, key, none) == NULL, "no signature");
    OK(make(policy, "RWQ", sig) == NULL
       && strstr(err, "not a minisign public key") != NULL, "no key");

    (void) snprintf(copy, sizeof(copy), "%.*s ", (int) policy.n,
                    (const char *) policy.p);
    OK(make(text(copy), key, sig) == NULL
       && strstr(err, "not signed by this key") != NULL,
       "one blank more: %s", err);

    sig = file(TEST_DATA "/policy/signed.json.minisig");
    key = (char *) file(TEST_DATA "/policy/signed.pub").p;
    OK(make(policy, key, sig) == NULL && strstr(err, "timestamp") != NULL,
       "a signature without a date: %s", err);
}


/* An old policy has a good signature, too. */

static void
test_rollback(void)
{
    size_t                   i;
    char                    *key;
    ngx_attest_bytes_t       policy, sig;
    ngx_attest_verifier_t   *v;
    static const int64_t     since[] = { INT64_MIN, -1, 0, DATED - 1, DATED,
                                         DATED + 1, INT64_MAX };

    policy = file(TEST_DATA "/policy/signed.json");
    sig = file(TEST_DATA "/policy/dated.minisig");
    key = (char *) file(TEST_DATA "/policy/dated.pub").p;

    for (i = 0; i < sizeof(since) / sizeof(since[0]); i++) {
        v = ngx_attest_verifier_create_since(policy, key, sig, since[i], err,
                                             sizeof(err));
        OK((v != NULL) == (since[i] <= DATED), "since %lld: %s",
           (long long) since[i], v != NULL ? "taken" : err);
        ngx_attest_verifier_destroy(v);

        /* a key that got lost makes no policy new enough */

        v = ngx_attest_verifier_create_since(policy, NULL, none, since[i],
                                             err, sizeof(err));
        OK((v != NULL) == (since[i] <= 0), "since %lld, without a key: %s",
           (long long) since[i], v != NULL ? "taken" : err);
        ngx_attest_verifier_destroy(v);
    }
}


static void
test_appraise(void)
{
    char                    *report = NULL;
    ngx_attest_seen_t        seen;
    ngx_attest_verifier_t   *v;

    memset(&seen, 0, sizeof(seen));
    seen.size = sizeof(seen);
    seen.time = 1782864000;

    v = make(none, NULL, none);

    OK(ngx_attest_appraise(v, &seen, &report) == NGX_ATTEST_UNDECIDED,
       "nothing was seen");
    OK(report != NULL && strstr(report, "\"undecided\"") != NULL,
       "and a report says so");
    ngx_attest_free(report);

    seen.cached = text("{\"x\":1}");
    OK(ngx_attest_appraise(v, &seen, NULL) == NGX_ATTEST_NOT_TRUSTED,
       "garbage is refused");

    /* a caller that was built with an older header */

    seen.size = offsetof(ngx_attest_seen_t, cached);
    OK(ngx_attest_appraise(v, &seen, NULL) == NGX_ATTEST_UNDECIDED,
       "members beyond size are absent");

    ngx_attest_verifier_destroy(v);
}


/* A program that was built with the header of a later version. */

static void
test_size(void)
{
    size_t                  i, open = 0;
    char                   *report;
    ngx_attest_verifier_t  *v;

    static struct {
        ngx_attest_seen_t   seen;
        uint8_t             later[64];
    } s;

    v = make(none, NULL, none);
    s.seen.time = 1782864000;
    s.seen.cached = text("{\"x\":1}");

    s.seen.size = sizeof(s);
    OK(ngx_attest_appraise(v, &s.seen, NULL) == NGX_ATTEST_NOT_TRUSTED,
       "later members that are zero change nothing");

    for (i = 0; i < sizeof(s.later); i++) {
        s.later[i] = 1;
        open += ngx_attest_appraise(v, &s.seen, NULL)
                == NGX_ATTEST_UNDECIDED;
        s.later[i] = 0;
    }

    IS_INT(open, sizeof(s.later), "any that is not leaves it undecided");

    s.later[63] = 1;
    (void) ngx_attest_appraise(v, &s.seen, &report);
    OK(report != NULL && strstr(report, "later version") != NULL
       && strstr(report, "\"undecided\"") != NULL, "and says why");
    ngx_attest_free(report);

    s.seen.size = sizeof(s.seen);
    OK(ngx_attest_appraise(v, &s.seen, NULL) == NGX_ATTEST_NOT_TRUSTED,
       "what lies behind size is not looked at");

    s.seen.size = 0;
    OK(ngx_attest_appraise(v, &s.seen, NULL) == NGX_ATTEST_UNDECIDED,
       "no size");
    s.seen.size = SIZE_MAX;
    OK(ngx_attest_appraise(v, &s.seen, NULL) == NGX_ATTEST_UNDECIDED,
       "a size that was never set");
    OK(ngx_attest_appraise(v, NULL, NULL) == NGX_ATTEST_UNDECIDED
       && ngx_attest_appraise(NULL, &s.seen, NULL) == NGX_ATTEST_UNDECIDED,
       "nothing at all");

    OK(NGX_ATTEST_TRUSTED != 0 && NGX_ATTEST_TRUSTED != 1
       && NGX_ATTEST_TRUSTED != -1, "neither zeros nor errors are trust");

    ngx_attest_verifier_destroy(v);
}


static ngx_attest_verifier_t *
make(ngx_attest_bytes_t policy, const char *key, ngx_attest_bytes_t sig)
{
    memset(err, 'x', sizeof(err) - 1);
    return ngx_attest_verifier_create(policy, key, sig, err, sizeof(err));
}


static ngx_attest_bytes_t
text(const char *s)
{
    ngx_attest_bytes_t  b = { s, strlen(s) };

    return b;
}


/* 0-terminated, and kept until the end */

static ngx_attest_bytes_t
file(const char *name)
{
    FILE                *f;
    static char          bufs[16][4096];
    static size_t        used;
    ngx_attest_bytes_t   b = { bufs[used], 0 };

    f = fopen(name, "r");
    if (f == NULL) {
        printf("Bail out! %s\n", name);
        exit(1);
    }

    b.n = fread(bufs[used++], 1, sizeof(bufs[0]) - 1, f);
    fclose(f);
    return b;
}
