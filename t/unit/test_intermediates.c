/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What leads from a maker's certificates to its root, where neither evidence
 * nor we have it: a policy may bring it, for every maker, and it is never an
 * anchor.
 */

#include <openssl/pem.h>

#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "double_ca.h"
#include "unit.h"


typedef struct {
    const char       *member;
    attest_maker_e    maker;
    const char       *other;         /* one that demands something */
} kind_t;


static X509 *make(const char *cn, X509 *issuer, const char *by, int ca);
static const char *pem(X509 *x);
static const char *judge(const kind_t *k, X509 *leaf, X509 *inter,
    int simulated_root);
static void test_kind(const kind_t *k);
static void test_parse(const kind_t *k);
static void test_demands(void);


static const kind_t  kinds[] = {
    { "snp", ATTEST_MAKER_AMD, "\"vmpl\":0" },
    { "tdx", ATTEST_MAKER_INTEL, "\"require_tcb\":true" },
    { "nitro", ATTEST_MAKER_AWS, "\"max_age\":60" },
    { "gpu", ATTEST_MAKER_NVIDIA, "\"count\":1" },
    { "azure", ATTEST_MAKER_MICROSOFT, "\"secure_boot\":true" },
    { "gcp", ATTEST_MAKER_GOOGLE, "\"zone\":[\"z\"]" }
};

static attest_roots_t  roots;
static X509           *root, *inter, *leaf, *alone, *below, *impostor;


int
main(void)
{
    size_t  i;

    root = make("Test double root", NULL, "Test double root", 1);
    inter = make("Test double CA", root, "Test double root", 1);
    leaf = make("leaf", inter, "Test double CA", 0);

    /* a root of somebody else's, and one that has the right name */

    alone = make("Somebody", NULL, "Somebody", 1);
    below = make("leaf below it", alone, "Somebody", 0);
    impostor = make("Test double CA", NULL, "Test double CA, forged", 1);

    if (attest_roots_load(&roots) != ATTEST_OK || impostor == NULL
        || leaf == NULL || below == NULL)
    {
        printf("Bail out! no certificates\n");
        return 1;
    }

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        test_kind(&kinds[i]);
        test_parse(&kinds[i]);
    }

    test_demands();

    X509_free(root);
    X509_free(inter);
    X509_free(leaf);
    X509_free(alone);
    X509_free(below);
    X509_free(impostor);
    attest_roots_clear(&roots);
    DONE();
}


/* `by` is the label of the signer's key, cn that of its own. */

static X509 *
make(const char *cn, X509 *issuer, const char *by, int ca)
{
    X509           *x;
    EVP_PKEY       *own, *signer = double_key(by);
    double_cert_t   c;

    own = issuer != NULL ? double_key(cn) : double_key(by);

    memset(&c, 0, sizeof(c));
    c.cn = cn;
    c.key = own;
    c.issuer = issuer;
    c.issuer_key = signer;
    c.from = DOUBLE_FROM;
    c.until = DOUBLE_FOREVER;
    c.ca = ca;

    x = double_cert(&c);

    EVP_PKEY_free(own);
    EVP_PKEY_free(signer);
    return x;
}


/* With \n for its newlines, as a JSON string has it. */

static const char *
pem(X509 *x)
{
    char          text[4096];
    size_t        i, n = 0, len = 0;
    static char   out[4][8192];
    static int    used;
    char         *p = out[used++ % 4];

    if (!double_pem(x, text, sizeof(text), &len)) {
        printf("Bail out! no PEM\n");
        exit(1);
    }

    for (i = 0; i < len; i++) {
        if (text[i] == '\n') {
            p[n++] = '\\';
            p[n++] = 'n';

        } else {
            p[n++] = text[i];
        }
    }

    p[n] = '\0';
    return p;
}


/* NULL: it chains; inter is the policy's, NULL: it brings none. */

static const char *
judge(const kind_t *k, X509 *one, X509 *brought, int simulated_root)
{
    int                     rc, simulated;
    char                    json[32768], err[256] = "";
    const char             *what;
    attest_verify_t         v;
    attest_policy_t         policy;
    attest_verify_input_t   in;
    size_t                  n;

    n = (size_t) snprintf(json, sizeof(json), "{\"version\":1");

    if (simulated_root) {
        n += (size_t) snprintf(json + n, sizeof(json) - n,
                               ",\"simulated_roots\":[\"%s\"]", pem(root));
    }

    if (brought != NULL) {
        n += (size_t) snprintf(json + n, sizeof(json) - n,
                               ",\"%s\":{\"intermediates\":[\"%s\"]}",
                               k->member, pem(brought));
    }

    n += (size_t) snprintf(json + n, sizeof(json) - n, "}");

    rc = attest_policy_parse(json, n, &policy, err, sizeof(err));
    if (rc != ATTEST_OK) {
        printf("# %s\n", err);
        return "the policy is refused";
    }

    memset(&v, 0, sizeof(v));
    memset(&in, 0, sizeof(in));
    in.now = DOUBLE_FROM + 86400;
    v.in = &in;
    v.policy = &policy;
    v.roots = &roots;

    what = attest_verify_anchor(&v, k->maker, one, NULL, NULL, &simulated);
    attest_policy_clear(&policy);
    return what;
}


static void
test_kind(const kind_t *k)
{
    size_t          i;
    const char     *what;

    OK(judge(k, leaf, NULL, 1) != NULL, "%s: nobody brings it", k->member);

    what = judge(k, leaf, inter, 1);
    OK(what == NULL, "%s.intermediates: %s", k->member, what != NULL ? what
       : "brings it");

    OK(judge(k, leaf, inter, 0) != NULL, "%s: it is no anchor", k->member);
    OK(judge(k, below, alone, 1) != NULL, "%s: nor is a self-signed one",
       k->member);
    OK(judge(k, leaf, root, 1) != NULL, "%s: a root is no CA below it",
       k->member);
    OK(judge(k, leaf, impostor, 1) != NULL, "%s: of the name alone",
       k->member);

    /* what one maker's chains need is nothing for the others' */

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        kind_t  other = { k->member, kinds[i].maker, NULL };

        if (kinds[i].maker != k->maker) {
            OK(judge(&other, leaf, inter, 1) != NULL,
               "%s.intermediates say nothing of %s", k->member,
               kinds[i].member);
        }
    }
}


static void
test_parse(const kind_t *k)
{
    char              json[16384], err[256];
    size_t            i;
    attest_policy_t   policy;

    static const char *const  bad[] = {
        "[]", "\"\"", "[\"\"]", "[1]", "null", "{}", "[\"-----BEGIN "
        "CERTIFICATE-----\"]"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) snprintf(json, sizeof(json), "{\"version\":1,\"%s\":"
                        "{%s,\"intermediates\":%s}}", k->member, k->other,
                        bad[i]);
        err[0] = '\0';
        OK(attest_policy_parse(json, strlen(json), &policy, err, sizeof(err))
           == ATTEST_EFORMAT && strstr(err, "intermediates") != NULL,
           "%s: %s", k->member, err);
    }

    (void) snprintf(json, sizeof(json), "{\"version\":1,\"%s\":"
                    "{%s,\"intermediates\":[\"%s\",\"%s\"]}}", k->member,
                    k->other, pem(inter), pem(root));
    IS_INT(attest_policy_parse(json, strlen(json), &policy, err, sizeof(err)),
           ATTEST_OK, "%s: two beside another member", k->member);
    IS_INT(sk_X509_num(policy.intermediates[k->maker]), 2, "are two");
    attest_policy_clear(&policy);
    OK(policy.intermediates[k->maker] == NULL, "and none is left");
}


/* A cloud's certificates help to judge a TPM anywhere in that cloud. */

static void
test_demands(void)
{
    char              json[16384], err[256];
    attest_policy_t   policy;

    (void) snprintf(json, sizeof(json), "{\"version\":1,"
                    "\"azure\":{\"intermediates\":[\"%s\"]},"
                    "\"gcp\":{\"intermediates\":[\"%s\"]}}", pem(inter),
                    pem(inter));
    IS_INT(attest_policy_parse(json, strlen(json), &policy, err, sizeof(err)),
           ATTEST_OK, "certificates of two clouds");
    OK(!policy.azure.given && !policy.gcp.given,
       "demand neither of them");
    attest_policy_clear(&policy);

    (void) snprintf(json, sizeof(json), "{\"version\":1,"
                    "\"azure\":{\"intermediates\":[\"%s\"],"
                    "\"console_enabled\":false},"
                    "\"gcp\":{\"project\":[\"p\"],"
                    "\"intermediates\":[\"%s\"]}}", pem(inter), pem(inter));
    IS_INT(attest_policy_parse(json, strlen(json), &policy, err, sizeof(err)),
           ATTEST_OK, "and what is said beside them");
    OK(policy.azure.given && policy.gcp.given, "does");
    attest_policy_clear(&policy);
}
