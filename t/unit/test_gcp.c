/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates of attestation keys, by clouds: those of the double, and real
 * ones of Google's two CAs, with each thing wrong in turn; and a whole
 * appraisal under a test root.
 */

#include <openssl/pem.h>

#include "core/evidence/attest_gcp.h"
#include "core/appraisal/attest_verify_ak_cert.h"
#include "core/crypto/attest_x509.h"
#include "evidence.h"
#include "fixture.h"
#include "gcp_double.h"


#define T0            1782864000      /* 2026-07-01 */

/* the AK certificate in gce-cos85-attestation.pb, see t/data/README.md */
#define GCE_PB        "gcp/gce-cos85-attestation.pb"
#define GCE_CERT      28262
#define GCE_CERT_LEN  1340


/* One certificate and the state of an appraisal around it. */

typedef struct {
    attest_verify_t      v;
    attest_part_t        part;
    attest_policy_t      policy;
    attest_verify_input_t  in;
    attest_cmw_item_t    item;
    EVP_PKEY            *key;
} case_t;


/* Five certificates and who issued them: Google's own, or the double's. */

typedef struct {
    const char              *name[5];
    gcp_double_instance_t    instance[5];
} set_t;


static const set_t  google = {
    { "ak-uca-ecc.pem", "ak-uca-rsa.pem", "ak-pca-ecc.pem", "ak-pca-rsa.pem",
      "gce-cos85" },
    { { "google.com:wuale-gcp-testing", "us-central1-a", "cs-debug",
        5780156274199835632ULL, 117478743145ULL, 0 },
      { "google.com:wuale-gcp-testing", "us-central1-a", "cs-debug",
        5780156274199835632ULL, 117478743145ULL, 0 },
      { "google.com:wuale-gcp-testing", "us-central1-a", "cs-debug-pca",
        218557372616137117ULL, 117478743145ULL, 0 },
      { "google.com:wuale-gcp-testing", "us-central1-a", "cs-debug-pca",
        218557372616137117ULL, 117478743145ULL, 0 },
      { "google.com:wuale-gcp-testing", "us-central1-a", "cos-test",
        6797026933021542085ULL, 117478743145ULL, 0 } }
};

static const set_t  doubled = {
    { "double, ECC", "double, RSA", "double, ECC by another",
      "double, RSA by another", "double, RSA by a third" },
    { { "example.com:a-project", "test-east1-a", "an-instance",
        9876543210987654321ULL, 123456789012ULL, 0 },
      { "example.com:a-project", "test-east1-a", "an-instance",
        9876543210987654321ULL, 123456789012ULL, 0 },
      { "example.com:a-project", "test-east1-b", "an-instance-2", 1ULL, 128,
        0 },
      { "example.com:a-project", "test-east1-b", "an-instance-2", 1ULL, 128,
        0 },
      { "p", "z", "a-third", 18446744073709551615ULL, 0, 0 } }
};

static attest_roots_t    roots;         /* under which all is judged */
static attest_result_t   res;
static uint8_t           der[5][2048];
static size_t            der_len[5];
static const set_t      *certs;


static void test_set(const set_t *which);
static int double_roots(attest_roots_t *r, const gcp_double_t *d);
static void load(void);
static int load_double(const gcp_double_t *d);
static void start(case_t *c, size_t which);
static void run(case_t *c);
static int accepted(const case_t *c);
static const attest_check_t *find(const char *id, attest_check_e state);
static void expect(case_t *c, const char *what, int ok, const char *id,
    attest_check_e state);
static void test_instances(void);
static void test_der(void);
static int parse(const char *hex);
static void test_chains(void);
static void test_roots(void);
static void test_times(void);
static void test_keys(void);
static void test_flips(void);
static void test_policy(void);
static void text(attest_textset_t *set, const char *value);
static void test_whole(void);


int
main(void)
{
    gcp_double_t     d;
    attest_roots_t   shipped;

    IS_INT(attest_roots_load(&shipped), ATTEST_OK, "the makers' roots");
    roots = shipped;

    test_der();

    if (UNIT_HAVE("Google's certificates", "gcp/ak-uca-ecc.pem",
                  "gcp/ak-uca-rsa.pem", "gcp/ak-pca-ecc.pem",
                  "gcp/ak-pca-rsa.pem", GCE_PB))
    {
        certs = &google;
        load();
        test_set(&google);
    }

    certs = &doubled;

    if (OK(gcp_double_init(&d) && double_roots(&roots, &d) && load_double(&d),
           "the double's certificates"))
    {
        test_set(&doubled);
    }

    sk_X509_free(roots.anchors[ATTEST_MAKER_GOOGLE]);
    sk_X509_free(roots.intermediates[ATTEST_MAKER_GOOGLE]);
    roots = shipped;
    gcp_double_free(&d);

    test_whole();

    attest_roots_clear(&roots);
    DONE();
}


static void
test_set(const set_t *which)
{
    certs = which;

    test_instances();
    test_chains();
    test_roots();
    test_times();
    test_keys();
    test_flips();
    test_policy();
}


/* The double in Google's place. */

static int
double_roots(attest_roots_t *r, const gcp_double_t *d)
{
    int  i;

    r->anchors[ATTEST_MAKER_GOOGLE] = sk_X509_new_null();
    r->intermediates[ATTEST_MAKER_GOOGLE] = sk_X509_new_null();

    for (i = 0; i < GCP_DOUBLE_ROOTS; i++) {
        sk_X509_push(r->anchors[ATTEST_MAKER_GOOGLE], d->root[i]);
    }

    for (i = 0; i < GCP_DOUBLE_CAS; i++) {
        sk_X509_push(r->intermediates[ATTEST_MAKER_GOOGLE], d->ca[i]);
    }

    return sk_X509_num(r->intermediates[ATTEST_MAKER_GOOGLE]) == 3;
}


/* Issued as Google's five are, see test_roots(). */

static int
load_double(const gcp_double_t *d)
{
    X509              *x;
    size_t             i;
    uint8_t           *out;
    EVP_PKEY          *key;
    static const int   by[5] = { 2, 2, 0, 0, 1 };

    for (i = 0; i < 5; i++) {
        key = i == 0 || i == 2 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
        x = gcp_double_cert(d, by[i], key, &doubled.instance[i]);
        EVP_PKEY_free(key);

        if (x == NULL || i2d_X509(x, NULL) > (int) sizeof(der[i])) {
            return 0;
        }

        out = der[i];
        der_len[i] = (size_t) i2d_X509(x, &out);
        X509_free(x);
    }

    return 1;
}


static void
load(void)
{
    char      path[128];
    BIO      *bio;
    X509     *x;
    size_t    i, n;
    uint8_t  *p, *out;

    for (i = 0; i < 4; i++) {
        (void) snprintf(path, sizeof(path), "gcp/%s", certs->name[i]);
        p = unit_fixture(path, &n);
        bio = BIO_new_mem_buf(p, (int) n);
        x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        out = der[i];
        der_len[i] = (size_t) i2d_X509(x, &out);
        X509_free(x);
        BIO_free(bio);
        free(p);
    }

    p = unit_fixture(GCE_PB, &n);
    memcpy(der[4], p + GCE_CERT, GCE_CERT_LEN);
    der_len[4] = GCE_CERT_LEN;
    free(p);
}


/* The quote's key is the certificate's own. */

static void
start(case_t *c, size_t which)
{
    X509           *x;
    const uint8_t  *p = der[which];

    memset(c, 0, sizeof(*c));
    memset(&res, 0, sizeof(res));

    x = d2i_X509(NULL, &p, (long) der_len[which]);
    c->key = X509_get_pubkey(x);
    X509_free(x);

    attest_policy_default(&c->policy);
    c->in.now = T0;
    c->in.policy = &c->policy;
    c->v.in = &c->in;
    c->v.policy = &c->policy;
    c->v.roots = &roots;
    c->v.res = &res;
    c->v.main = &c->part;
    c->part.which = ATTEST_PART_FRESH;
    c->part.ak.key = c->key;
    c->item.value.p = der[which];
    c->item.value.n = der_len[which];
}


static void
run(case_t *c)
{
    attest_verify_ak_cert(&c->v, &c->part, &c->item);
}


static int
accepted(const case_t *c)
{
    return c->part.ak_cloud && !c->part.ak_simulated;
}


static const attest_check_t *
find(const char *id, attest_check_e state)
{
    size_t  i;

    for (i = 0; i < res.count; i++) {
        if (strcmp(res.checks[i].id, id) == 0
            && res.checks[i].state == state)
        {
            return &res.checks[i];
        }
    }

    return NULL;
}


static void
expect(case_t *c, const char *what, int ok, const char *id,
    attest_check_e state)
{
    size_t  i;

    run(c);

    if (!OK(accepted(c) == ok && find(id, state) != NULL, "%s", what)) {
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }

    EVP_PKEY_free(c->key);
}


static int
is(attest_span_t s, const char *want)
{
    return s.n == strlen(want) && memcmp(s.p, want, s.n) == 0;
}


static void
test_instances(void)
{
    X509                   *x;
    size_t                  i;
    const uint8_t          *p;
    attest_gcp_instance_t   info;

    const gcp_double_instance_t  *want = certs->instance;

    for (i = 0; i < 5; i++) {
        p = der[i];
        x = d2i_X509(NULL, &p, (long) der_len[i]);
        IS_INT(attest_gcp_instance_find(x, &info), ATTEST_OK,
               "%s: says what instance it is for", certs->name[i]);
        OK(is(info.zone, want[i].zone), "%s: zone", certs->name[i]);
        OK(is(info.project_id, want[i].project), "%s: project", certs->name[i]);
        OK(is(info.instance_name, want[i].name), "%s: name", certs->name[i]);
        OK(info.project_number == want[i].number, "%s: project %llu",
           certs->name[i], (unsigned long long) info.project_number);
        OK(info.instance_id == want[i].id, "%s: instance %llu", certs->name[i],
           (unsigned long long) info.instance_id);
        OK(info.has_security && info.production, "%s: in production",
           certs->name[i]);
        X509_free(x);
    }
}


static int
parse(const char *hex)
{
    int                     rc;
    size_t                  n;
    uint8_t                *p = malloc(512);
    attest_gcp_instance_t   info;

    n = unit_hex(hex, p, 512);
    p = realloc(p, n == 0 ? 1 : n);
    rc = attest_gcp_instance_parse(p, n, &info);
    free(p);
    return rc;
}


static void
test_der(void)
{
    size_t                  i, bad = 0, tried = 0;
    uint8_t                 ext[512], *cut;
    size_t                  n;
    attest_gcp_instance_t   info;

    n = gcp_double_instance(&doubled.instance[0], ext);
    IS_INT(attest_gcp_instance_parse(ext, n, &info), ATTEST_OK, "extension");

    for (i = 0; i < n; i++, tried++) {
        cut = malloc(i + 1);
        memcpy(cut, ext, i);
        bad += attest_gcp_instance_parse(cut, i, &info) == ATTEST_EFORMAT;
        free(cut);
    }

    if (OK(bad == tried, "extension: cut anywhere it is refused")) {
        printf("# %zu mutations, none accepted\n", tried);
    }

    ext[n] = 0;
    IS_INT(attest_gcp_instance_parse(ext, n + 1, &info), ATTEST_EFORMAT,
           "extension: nothing behind it");

    IS_INT(parse("300f0c016102010b0c01620201630c0164"), ATTEST_OK, "short");
    IS_INT(parse("30120c016102010b0c01620201630c01640c0165"),
           ATTEST_EFORMAT, "a sixth text");
    IS_INT(parse("30810f0c016102010b0c01620201630c0164"), ATTEST_EFORMAT,
           "a length that is longer than it must be");
    IS_INT(parse("30800c016102010b0c01620201630c01640000"), ATTEST_EFORMAT,
           "no length");
    IS_INT(parse("300e0c0002010b0c01620201630c0164"), ATTEST_EFORMAT,
           "no zone");
    IS_INT(parse("300f0c010102010b0c01620201630c0164"), ATTEST_EFORMAT,
           "a control character");
    IS_INT(parse("300f0c01610201ff0c01620201630c0164"), ATTEST_EFORMAT,
           "a negative number");
    IS_INT(parse("30100c01610202000b0c01620201630c0164"), ATTEST_EFORMAT,
           "a number with a zero in front");
    IS_INT(parse("30170c0161020900ffffffffffffffff0c01620201630c0164"),
           ATTEST_OK, "2^64 - 1");
    IS_INT(parse("30170c0161020901000000000000000000"), ATTEST_EFORMAT,
           "cut in a number");
    IS_INT(parse("30170c016102090100000000000000000c01620201630c0164"),
           ATTEST_ELIMIT, "2^64");
    IS_INT(parse("30160c016102010b0c01620201630c0164a0053003a1010101"),
           ATTEST_EFORMAT, "a bool that is none");
    IS_INT(parse("30180c016102010b0c01620201630c0164a0073005a103010101"),
           ATTEST_EFORMAT, "a bool of 1");
    IS_INT(parse("30180c016102010b0c01620201630c0164a0073005a1030101ff"),
           ATTEST_OK, "a bool");
    IS_INT(parse("301d0c016102010b0c01620201630c0164a00c300aa1030101ff"
                 "a1030101ff"), ATTEST_EFORMAT, "twice");
    IS_INT(parse("301d0c016102010b0c01620201630c0164a00c300aa1030101ff"
                 "a003020100"), ATTEST_EFORMAT, "not in order");
}


static void
test_chains(void)
{
    char    what[80];
    case_t  c;
    size_t  i;

    for (i = 0; i < 5; i++) {
        (void) snprintf(what, sizeof(what), "%s: certified by Google",
                        certs->name[i]);
        start(&c, i);
        expect(&c, what, 1, "fresh-ak-cert-chain", ATTEST_CHECK_PASS);
        OK(c.part.ak_google, "%s: an instance of Google's", certs->name[i]);
    }
}


/* Which of the shipped certificates each needs, and no other will do. */

static void
test_roots(void)
{
    char             what[80];
    case_t           c;
    size_t           i, k, m;
    attest_roots_t   some;
    STACK_OF(X509)  *anchors = roots.anchors[ATTEST_MAKER_GOOGLE],
                    *between = roots.intermediates[ATTEST_MAKER_GOOGLE];

    /* in the order of attest_roots.c: EK/AK and v1 root; v3, -2, -3 */
    /* (the double has as many, and issues alike) */
    static const size_t  root_of[5] = { 1, 1, 0, 0, 1 };
    static const size_t  issuer_of[5] = { 2, 2, 0, 0, 1 };

    IS_INT(sk_X509_num(anchors), 2, "two roots of Google's");
    IS_INT(sk_X509_num(between), 3, "three intermediates");

    for (i = 0; i < 5; i++) {
        for (k = 0; k < 2; k++) {
            for (m = 0; m < 3; m++) {
                some = roots;
                some.anchors[ATTEST_MAKER_GOOGLE] = sk_X509_new_null();
                some.intermediates[ATTEST_MAKER_GOOGLE] = sk_X509_new_null();
                sk_X509_push(some.anchors[ATTEST_MAKER_GOOGLE],
                             sk_X509_value(anchors, (int) k));
                sk_X509_push(some.intermediates[ATTEST_MAKER_GOOGLE],
                             sk_X509_value(between, (int) m));

                start(&c, i);
                c.v.roots = &some;
                (void) snprintf(what, sizeof(what),
                                "%s: root %zu, intermediate %zu",
                                certs->name[i], k, m);

                if (k == root_of[i] && m == issuer_of[i]) {
                    expect(&c, what, 1, "fresh-ak-cert-chain",
                           ATTEST_CHECK_PASS);
                } else {
                    expect(&c, what, 0, "fresh-ak-cert-chain",
                           ATTEST_CHECK_FAIL);
                }

                sk_X509_free(some.anchors[ATTEST_MAKER_GOOGLE]);
                sk_X509_free(some.intermediates[ATTEST_MAKER_GOOGLE]);
            }
        }
    }
}


static void
test_times(void)
{
    case_t  c;
    size_t  i;

    for (i = 0; i < 5; i++) {
        start(&c, i);
        c.in.now = 1609459200;                            /* 2021-01-01 */
        expect(&c, "not valid yet", 0, "fresh-ak-cert-chain",
               ATTEST_CHECK_FAIL);

        start(&c, i);
        c.in.now = 2619000000;                            /* 2052-12-29 */
        expect(&c, "expired", 0, "fresh-ak-cert-chain", ATTEST_CHECK_FAIL);
    }

    start(&c, 0);
    c.in.now = -1;
    expect(&c, "no time", 0, "fresh-ak-cert-chain", ATTEST_CHECK_FAIL);

    /* beside a CPU's report a useless certificate is no reason to refuse */

    start(&c, 0);
    c.in.now = 2619000000;
    c.part.cpu.kind = ATTEST_KIND_SNP;
    expect(&c, "expired, beside a CPU's report", 0, "fresh-ak-cert-chain",
           ATTEST_CHECK_NOTE);

    start(&c, 0);
    c.in.now = 2619000000;
    c.part.cpu.kind = ATTEST_KIND_SNP;
    c.policy.gcp.given = 1;
    expect(&c, "but where the policy wants Google's cloud", 0,
           "fresh-ak-cert-chain", ATTEST_CHECK_FAIL);
    attest_verify_clouds(&c.v);
    OK(find("gcp", ATTEST_CHECK_UNKNOWN) != NULL, "nothing proves it");
}


static void
test_keys(void)
{
    size_t      i, k;
    case_t      c, other;
    uint8_t    *p;

    for (i = 0; i < 5; i++) {
        for (k = 0; k < 5; k++) {
            start(&other, k);
            start(&c, i);
            c.part.ak.key = other.key;
            expect(&c, "the certificate of another key", i == k,
                   "fresh-ak-cert", i == k ? ATTEST_CHECK_PASS
                   : ATTEST_CHECK_FAIL);
            EVP_PKEY_free(other.key);
        }
    }

    start(&c, 0);
    c.item.value.n--;
    expect(&c, "cut", 0, "fresh-ak-cert", ATTEST_CHECK_FAIL);

    start(&c, 0);
    c.item.value.n = 0;
    expect(&c, "empty", 0, "fresh-ak-cert", ATTEST_CHECK_FAIL);

    p = malloc(der_len[0] + 1);
    memcpy(p, der[0], der_len[0]);
    p[der_len[0]] = 'x';
    start(&c, 0);
    c.item.value.p = p;
    c.item.value.n++;
    expect(&c, "something behind it", 0, "fresh-ak-cert", ATTEST_CHECK_FAIL);
    free(p);
}


static void
test_flips(void)
{
    case_t   c;
    size_t   i, k, tried = 0, bad = 0;

    for (k = 0; k < 5; k++) {
        for (i = 0; i < der_len[k]; i += UNIT_STEP(7), tried++) {
            start(&c, k);
            der[k][i] ^= (uint8_t) (1 << (i % 8));
            run(&c);
            der[k][i] ^= (uint8_t) (1 << (i % 8));

            if (c.part.ak_cloud) {
                printf("# %s, byte %zu\n", certs->name[k], i);
                bad++;
            }

            EVP_PKEY_free(c.key);
        }
    }

    if (OK(bad == 0 && tried != 0, "no byte of a certificate can change")) {
        printf("# %zu mutations, none accepted\n", tried);
    }
}


static void
text(attest_textset_t *set, const char *value)
{
    (void) snprintf(set->value[set->count++], ATTEST_POLICY_MAX_TEXT, "%s",
                    value);
}


static void
test_policy(void)
{
    char    number[24], id[24], cut[64], longer[80];
    size_t  i;
    case_t  c;

    const gcp_double_instance_t  *in = &certs->instance[0];

    const struct {
        const char       *project, *zone, *instance, *id;
        attest_check_e    state;
    } cases[] = {
        { in->project, NULL, NULL, "fresh-gcp-project", ATTEST_CHECK_PASS },
        { number, NULL, NULL, "fresh-gcp-project", ATTEST_CHECK_PASS },
        { cut, NULL, NULL, "fresh-gcp-project", ATTEST_CHECK_FAIL },
        { number + 1, NULL, NULL, "fresh-gcp-project", ATTEST_CHECK_FAIL },
        { NULL, in->zone, NULL, "fresh-gcp-zone", ATTEST_CHECK_PASS },
        { NULL, in->zone + 1, NULL, "fresh-gcp-zone", ATTEST_CHECK_FAIL },
        { NULL, NULL, in->name, "fresh-gcp-instance-reference",
          ATTEST_CHECK_PASS },
        { NULL, NULL, id, "fresh-gcp-instance-reference",
          ATTEST_CHECK_PASS },
        { NULL, NULL, longer, "fresh-gcp-instance-reference",
          ATTEST_CHECK_FAIL },
        { NULL, NULL, "", "fresh-gcp-instance-reference",
          ATTEST_CHECK_FAIL }
    };

    (void) snprintf(number, sizeof(number), "%llu",
                    (unsigned long long) in->number);
    (void) snprintf(id, sizeof(id), "%llu", (unsigned long long) in->id);
    (void) snprintf(cut, sizeof(cut), "%.*s",
                    (int) strlen(in->project) - 1, in->project);
    (void) snprintf(longer, sizeof(longer), "%s-pca", in->name);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&c, 0);
        c.policy.gcp.given = 1;

        if (cases[i].project != NULL) {
            text(&c.policy.gcp.project, "somebody-else");
            text(&c.policy.gcp.project, cases[i].project);
        }

        if (cases[i].zone != NULL) {
            text(&c.policy.gcp.zone, cases[i].zone);
        }

        if (cases[i].instance != NULL) {
            text(&c.policy.gcp.instance, cases[i].instance);
        }

        expect(&c, cases[i].id, 1, cases[i].id, cases[i].state);
    }
}


/* A whole appraisal, under a test root that plays Google or Microsoft. */

typedef struct {
    int         no_extension;
    int         not_production;
    const char *usage;
    const char *eku;
    int         google_ca_only;      /* the policy does not name the root */
    int         policy_gcp;
    int         no_cert;
    int         other_key;
    unsigned    roots;
} whole_t;


static EVP_PKEY  *ca_key, *ak_key, *ek_key, *foreign;
static X509      *ca;


static void
whole_cert(const whole_t *w, ev_buf_t *out)
{
    X509                *x;
    uint8_t              ext[64], *p = out->p;
    size_t               n;
    ASN1_OBJECT         *oid = OBJ_txt2obj(ATTEST_GCP_OID_INSTANCE, 1);
    X509_EXTENSION      *e;
    ASN1_OCTET_STRING   *os = ASN1_OCTET_STRING_new();

    n = unit_hex(w->not_production
                 ? "30180c016102010b0c01620201630c0164a0073005a103010100"
                 : "30180c016102010b0c01620201630c0164a0073005a1030101ff",
                 ext, sizeof(ext));

    x = ev_cert(w->other_key ? foreign : ak_key, ca, ca_key, w->usage,
                w->eku);

    if (!w->no_extension) {
        ASN1_OCTET_STRING_set(os, ext, (int) n);
        e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
        X509_sign(x, ca_key, EVP_sha256());
    }

    out->n = (size_t) i2d_X509(x, &p);
    ASN1_OCTET_STRING_free(os);
    ASN1_OBJECT_free(oid);
    X509_free(x);
}


static void
whole_policy(const whole_t *w, attest_policy_t *policy,
    const attest_tpm_pcrs_t *pcrs)
{
    attest_policy_default(policy);
    policy->roots = w->roots;
    policy->require_exporter = 0;
    policy->pcr_alg = ATTEST_TPM_ALG_SHA256;
    memcpy(policy->pcrs[0].value[0], pcrs->banks[0].value[0], 32);
    policy->pcrs[0].len[0] = 32;
    policy->pcrs[0].count = 1;
    policy->pcrs[4] = policy->pcrs[0];

    if (!w->google_ca_only) {
        policy->simulated_roots = sk_X509_new_null();
        X509_up_ref(ca);
        sk_X509_push(policy->simulated_roots, ca);
    }

    if (w->policy_gcp) {
        policy->gcp.given = 1;
        text(&policy->gcp.project, "b");
        text(&policy->gcp.instance, "99");
    }
}


static void
whole(const whole_t *w, const char *what, attest_verdict_e verdict,
    const char *id, attest_check_e state)
{
    size_t                   i;
    uint8_t                  nonce[32];
    static ev_part_t         part;
    static ev_buf_t          cert;
    static attest_policy_t   policy;
    attest_tpm_pcrs_t        pcrs;
    attest_verify_input_t    in;

    memset(nonce, 0xaa, sizeof(nonce));
    memset(&pcrs, 0, sizeof(pcrs));
    pcrs.count = 1;
    pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    pcrs.banks[0].len = 32;
    pcrs.banks[0].select = 0xff;
    memset(pcrs.banks[0].value[0], 0x33, 32);
    memset(pcrs.banks[0].value[4], 0x33, 32);

    memset(&part, 0, sizeof(part));
    part.ctype = ATTEST_CMWC_FRESH;
    part.claims_type = ATTEST_TYPE_CLAIMS;
    part.tpm_type = ATTEST_TYPE_TPM;
    part.root = "cloud-vtpm";
    part.firmware = EV_FIRMWARE;
    part.ak_attributes = 0x00050072;
    part.ak = part.signer = ak_key;
    part.ek = ek_key;
    part.quoted = part.shown = pcrs;
    part.no_hpke = part.no_config = part.no_eventlog = part.no_imalog = 1;
    part.no_ek = part.no_ek_cert = 1;
    part.claims.pubkey_hash_alg = 1;
    part.claims.pubkey_hash_len = 32;
    part.claims.not_before = EV_FROM;
    part.claims.not_after = EV_UNTIL;
    part.claims.has_validity = 1;
    memcpy(part.claims.nonce, nonce, 32);
    part.claims.nonce_len = 32;
    memcpy(part.claims.exporter, nonce, 32);
    part.claims.has_exporter = 1;

    if (!w->no_cert) {
        whole_cert(w, &cert);
        ev_item(part.extra, &part.extras, ATTEST_ITEM_AK_CERT,
                ATTEST_TYPE_AK_CERT, ev_span(&cert));
    }

    ev_build(&part);
    whole_policy(w, &policy, &pcrs);

    memset(&in, 0, sizeof(in));
    in.fresh = ev_span(&part.out);
    in.nonce.p = nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = EV_NOW;
    in.policy = &policy;
    in.roots = &roots;
    attest_verify(&in, &res);

    if (!OK(find(id, state) != NULL && res.verdict == verdict
            && (res.verdict != ATTEST_TRUSTED
                || res.root == ATTEST_ROOT_SIMULATED), "%s", what))
    {
        printf("#   verdict %d, root %u: %s\n", res.verdict, res.root,
               res.why);
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }

    attest_policy_clear(&policy);
}


static void
test_whole(void)
{
    whole_t               w;
    static const whole_t  good = {
        .usage = "critical,digitalSignature", .eku = "2.23.133.8.1",
        .roots = ATTEST_ROOT_SIMULATED
    };

    ca_key = ev_key("EC");
    ak_key = ev_key("EC");
    foreign = ev_key("EC");
    ek_key = ev_key("RSA");
    ca = ev_cert(ca_key, NULL, NULL, NULL, NULL);

#define WHOLE(what, verdict, id, state, ...)                                 \
    do {                                                                     \
        w = good;                                                            \
        __VA_ARGS__;                                                         \
        whole(&w, what, verdict, id, ATTEST_CHECK_##state);                  \
    } while (0)

    WHOLE("whole: trusted as simulated", ATTEST_TRUSTED, "root-of-trust",
          PASS, (void) 0);
    WHOLE("whole: never as a cloud's", ATTEST_NOT_TRUSTED, "root-of-trust",
          FAIL, w.roots = ATTEST_ROOT_CLOUD_VTPM);
    WHOLE("whole: nor by default", ATTEST_NOT_TRUSTED, "root-of-trust",
          FAIL, w.roots = ATTEST_ROOT_DEFAULT);
    WHOLE("whole: a root that nobody names", ATTEST_NOT_TRUSTED,
          "fresh-ak-cert-chain", FAIL, w.google_ca_only = 1);
    WHOLE("whole: a policy for the instance", ATTEST_TRUSTED,
          "fresh-gcp-project", PASS, w.policy_gcp = 1);
    WHOLE("whole: the policy wants Google's cloud", ATTEST_NOT_TRUSTED, "gcp",
          UNKNOWN, w.policy_gcp = 1; w.no_cert = 1);
    WHOLE("whole: of another key", ATTEST_NOT_TRUSTED, "fresh-ak-cert",
          FAIL, w.other_key = 1);
    WHOLE("whole: not in production", ATTEST_NOT_TRUSTED,
          "fresh-gcp-instance", FAIL, w.not_production = 1);
    WHOLE("whole: no extended key usage", ATTEST_TRUSTED,
          "fresh-ak-cert-chain", PASS, w.eku = NULL);
    WHOLE("whole: a foreign one", ATTEST_NOT_TRUSTED, "fresh-ak-cert-chain",
          FAIL, w.eku = "serverAuth");
    WHOLE("whole: no key usage", ATTEST_NOT_TRUSTED, "fresh-ak-cert-chain",
          FAIL, w.usage = NULL);
    WHOLE("whole: an EK's key usage", ATTEST_NOT_TRUSTED,
          "fresh-ak-cert-chain", FAIL, w.usage = "critical,keyEncipherment");
    WHOLE("whole: both usages", ATTEST_NOT_TRUSTED, "fresh-ak-cert-chain",
          FAIL, w.usage = "critical,digitalSignature,keyEncipherment");
    WHOLE("whole: Microsoft's certificate", ATTEST_TRUSTED,
          "fresh-ak-cert-chain", PASS, w.no_extension = 1;
          w.eku = "2.23.133.8.3,1.3.6.1.4.1.311.10.3.12");
    WHOLE("whole: which is not Google's", ATTEST_UNDECIDED, "gcp", UNKNOWN,
          w.no_extension = 1; w.eku = "2.23.133.8.3"; w.policy_gcp = 1);
    WHOLE("whole: and is an attestation key's", ATTEST_NOT_TRUSTED,
          "fresh-ak-cert-chain", FAIL, w.no_extension = 1);

    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(ek_key);
    EVP_PKEY_free(foreign);
}
