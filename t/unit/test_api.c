
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
static ngx_attest_verifier_t *make(ngx_attest_bytes_t policy,
    const char *key, ngx_attest_bytes_t sig);
static void test_create(void);
static void test_signed(void);
static void test_appraise(void);


static ngx_attest_bytes_t  none;
static char                err[256];


int
main(void)
{
    OK(strcmp(ngx_attest_version(), "0.1.0") == 0, "version");

    test_create();
    test_signed();
    test_appraise();
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
    sig = file(TEST_DATA "/policy/signed.json.minisig");
    key = (char *) file(TEST_DATA "/policy/signed.pub").p;

    v = make(policy, key, sig);
    OK(v != NULL, "a signed policy: %s", err);
    ngx_attest_verifier_destroy(v);

    v = make(policy, strchr(key, '\n') + 1, sig);
    OK(v != NULL, "the key without its comment: %s", err);
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
    static char          bufs[8][4096];
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
