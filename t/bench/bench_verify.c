/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the appraisal of an SNP report costs beside the three signatures that
 * nobody can leave out: the report's ECDSA P-384, and RSASSA-PSS 4096 of its
 * VCEK and of the ASK.  Keys and signatures of a test double have the sizes
 * of AMD's; its root and ASK stand among the makers', as AMD's do, so that a
 * good run is one that says "tee".  Rounds are interleaved.
 *
 *     bench_verify [SECONDS]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "../unit/snp_double.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/appraisal/attest_roots.h"
#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify.h"
#include "core/appraisal/attest_verify_snp.h"


#define NOW       1782864000
#define ROUNDS    25
#define SIDES     4
#define ROOM      32768


typedef struct {
    EVP_PKEY   *key;
    uint8_t    *tbs;
    int         tbs_len;
    uint8_t     sig[1024];
    size_t      sig_len;
    int         pss;
} bare_t;


static uint8_t              report[SNP_DOUBLE_REPORT], item[ROOM];
static uint8_t              collection[ROOM];
static size_t               item_len = sizeof(item);
static size_t               collection_len = sizeof(collection);
static attest_policy_t     *policy;
static attest_roots_t       roots;
static attest_x509_cache_t  cache;
static bare_t               bare[3];


static void fail(const char *what);
static void row(int k, const double *sorted, double base);
static int compare(const void *a, const void *b);
static void make_evidence(snp_double_t *d);
static void make_bare(const snp_double_t *d);
static void bare_cert(bare_t *b, X509 *cert, EVP_PKEY *key);
static int bare_run(void);
static int room_run(void);
static int whole_run(void);
static int first_run(void);
static int appraise(attest_x509_cache_t *kept);
static double measure(int (*run)(void), int count);


static const struct {
    const char   *name;
    int         (*run)(void);
    double        target;
} sides[SIDES] = {
    { "bare ECDSA P-384, 2 x RSA-PSS 4096", bare_run, 0 },
    { "report and chain, VCEK decoded before", room_run, 1.2 },
    { "whole appraisal, VCEK decoded before", whole_run, 1.2 },
    { "whole appraisal, VCEK never seen before", first_run, 0 }
};


int
main(int argc, char **argv)
{
    int            i, k, count;
    double         t, sec = argc > 1 ? atof(argv[1]) : 12;
    static double  cost[SIDES][ROUNDS];
    snp_double_t   d;

    memset(&d, 0, sizeof(d));

    if (!snp_double_init(&d) || !snp_double_leaf(&d)) {
        fail("cannot make the test double");
    }

    make_evidence(&d);
    make_bare(&d);

    /* as many at once as fill a round of the time given */

    t = measure(bare_run, 20) * (SIDES + 0.5);
    count = (int) (sec / ROUNDS / t * 1e6) + 1;

    for (i = 0; i < ROUNDS; i++) {
        for (k = 0; k < SIDES; k++) {
            cost[k][i] = measure(sides[k].run, count);
        }
    }

    printf("\n%-42s %9s %9s %9s\n", "(g) CPU of judging an SNP report, us",
           "median", "min", "max");

    for (k = 0; k < SIDES; k++) {
        qsort(cost[k], ROUNDS, sizeof(double), compare);
        row(k, cost[k], cost[0][ROUNDS / 2]);
    }

    attest_x509_cache_clear(&cache);
    attest_roots_clear(&roots);
    attest_policy_clear(policy);
    free(policy);

    for (i = 0; i < 3; i++) {
        OPENSSL_free(bare[i].tbs);
    }

    snp_double_free(&d);
    return 0;
}


static void
row(int k, const double *sorted, double base)
{
    double  ratio = sorted[ROUNDS / 2] / base;

    printf("%-42s %9.1f %9.1f %9.1f", sides[k].name, sorted[ROUNDS / 2],
           sorted[0], sorted[ROUNDS - 1]);

    if (k != 0) {
        printf("  %.2f x", ratio);
    }

    if (sides[k].target != 0) {
        printf(" (target %.2f: %s)", sides[k].target,
               ratio <= sides[k].target ? "met" : "MISSED");
    }

    printf("\n");
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
fail(const char *what)
{
    fprintf(stderr, "bench_verify: %s\n", what);
    exit(1);
}


/* A fresh answer of a gateway, and roots among which the double's is. */

static void
make_evidence(snp_double_t *d)
{
    size_t              table_len, claims_len = ATTEST_CLAIMS_MAX;
    uint8_t             claims[ATTEST_CLAIMS_MAX], data[64];
    static uint8_t      table[ROOM];
    attest_tsm_t        tsm;
    attest_claims_t     c;
    attest_cmw_item_t   items[2];

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    c.nonce_len = 32;
    c.has_validity = 1;
    c.not_before = NOW - 3600;
    c.not_after = NOW + 3600;

    memset(&tsm, 0, sizeof(tsm));
    table_len = sizeof(table);

    if (attest_claims_encode(&c, claims, &claims_len) != ATTEST_OK
        || attest_claims_report_data(claims, claims_len, data) != ATTEST_OK
        || !snp_double_report(d, data, report)
        || !snp_double_table(d, table, &table_len))
    {
        fail("cannot make a report");
    }

    tsm.provider.p = (const uint8_t *) "sev_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = report;
    tsm.outblob.n = sizeof(report);
    tsm.auxblob.p = table;
    tsm.auxblob.n = table_len;

    if (attest_tsm_encode(&tsm, item, &item_len) != ATTEST_OK) {
        fail("cannot make the item");
    }

    memset(items, 0, sizeof(items));
    items[0].label = ATTEST_ITEM_CLAIMS;
    items[0].type = ATTEST_TYPE_CLAIMS;
    items[0].value.p = claims;
    items[0].value.n = claims_len;
    items[0].ind = ATTEST_CMW_IND_EVIDENCE;
    items[1] = items[0];
    items[1].label = ATTEST_ITEM_TSM;
    items[1].type = ATTEST_TYPE_TSM;
    items[1].value.p = item;
    items[1].value.n = item_len;

    if (attest_cmw_encode_cbor(ATTEST_CMWC_FRESH, items, 2, collection,
                               &collection_len) != ATTEST_OK
        || attest_roots_load(&roots) != ATTEST_OK
        || X509_up_ref(d->ark) != 1
        || sk_X509_push(roots.anchors[ATTEST_MAKER_AMD], d->ark) <= 0
        || X509_up_ref(d->ask) != 1
        || sk_X509_push(roots.intermediates[ATTEST_MAKER_AMD], d->ask) <= 0)
    {
        fail("cannot make the evidence");
    }

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        fail("out of memory");
    }

    attest_policy_default(policy);
    policy->require_exporter = 0;
    policy->snp.given = 1;
    memcpy(policy->snp.measurement.value[0], d->measurement, 48);
    policy->snp.measurement.len[0] = 48;
    policy->snp.measurement.count = 1;
}


static void
make_bare(const snp_double_t *d)
{
    int         n;
    uint8_t    *p = bare[0].sig;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig = ECDSA_SIG_new();

    r = BN_lebin2bn(report + 0x2a0, 48, NULL);
    s = BN_lebin2bn(report + 0x2e8, 48, NULL);

    if (sig == NULL || ECDSA_SIG_set0(sig, r, s) != 1
        || (n = i2d_ECDSA_SIG(sig, &p)) <= 0)
    {
        fail("cannot write the signature");
    }

    ECDSA_SIG_free(sig);

    bare[0].key = d->leaf_key;
    bare[0].sig_len = (size_t) n;
    bare[0].tbs_len = SNP_DOUBLE_SIGNED;
    bare[0].tbs = OPENSSL_memdup(report, SNP_DOUBLE_SIGNED);

    bare_cert(&bare[1], d->leaf, d->ask_key);
    bare_cert(&bare[2], d->ask, d->ark_key);
}


static void
bare_cert(bare_t *b, X509 *cert, EVP_PKEY *key)
{
    const ASN1_BIT_STRING  *sig;

    X509_get0_signature(&sig, NULL, cert);

    b->key = key;
    b->pss = 1;
    b->sig_len = (size_t) ASN1_STRING_length(sig);

    if (b->sig_len > sizeof(b->sig)
        || (b->tbs_len = i2d_re_X509_tbs(cert, &b->tbs)) <= 0)
    {
        fail("cannot write a certificate");
    }

    memcpy(b->sig, ASN1_STRING_get0_data(sig), b->sig_len);
}


/* What OpenSSL takes with everything prepared. */

static int
bare_run(void)
{
    int            i, ok;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx = NULL;

    for (i = 0; i < 3; i++) {
        ctx = EVP_MD_CTX_new();

        ok = ctx != NULL
             && EVP_DigestVerifyInit(ctx, &pctx, EVP_sha384(), NULL,
                                     bare[i].key) == 1;

        if (ok && bare[i].pss) {
            ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING)
                 == 1
                 && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 48) == 1;
        }

        ok = ok && EVP_DigestVerify(ctx, bare[i].sig, bare[i].sig_len,
                                    bare[i].tbs, (size_t) bare[i].tbs_len)
                   == 1;

        EVP_MD_CTX_free(ctx);

        if (!ok) {
            return 0;
        }
    }

    return 1;
}


/* The room of SNP alone: the item, to a proven report. */

static int
room_run(void)
{
    attest_tsm_t            tsm;
    attest_verify_t         v;
    attest_part_t          *part = &v.part[ATTEST_PART_FRESH];
    attest_cmw_t            cmw;
    attest_verify_input_t   in;
    static attest_result_t  res;

    memset(&v, 0, sizeof(v));
    memset(&in, 0, sizeof(in));
    in.now = NOW;
    in.policy = v.policy = policy;
    in.roots = v.roots = &roots;
    v.in = &in;
    v.res = &res;
    v.cache = &cache;
    res.count = 0;
    part->which = ATTEST_PART_FRESH;

    if (attest_cmw_parse(collection, collection_len, &cmw) != ATTEST_OK) {
        return 0;
    }

    part->claims_raw = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS)->value;

    if (attest_tsm_parse(item, item_len, &tsm) == ATTEST_OK) {
        attest_verify_snp(&v, part, &tsm);
    }

    attest_cmw_free(&cmw);

    return part->cpu.proven && !part->cpu.simulated && part->cpu.referenced;
}


/* attest_verify(), from the bytes of an answer to the verdict. */

static int
whole_run(void)
{
    return appraise(&cache);
}


/* The same of a machine that was never seen: its VCEK has to be decoded. */

static int
first_run(void)
{
    return appraise(NULL);
}


static int
appraise(attest_x509_cache_t *kept)
{
    uint8_t                 nonce[32];
    attest_verify_input_t   in;
    static attest_result_t  res;

    memset(nonce, 0, sizeof(nonce));
    memset(&in, 0, sizeof(in));
    in.fresh.p = collection;
    in.fresh.n = collection_len;
    in.nonce.p = nonce;
    in.nonce.n = sizeof(nonce);
    in.now = NOW;
    in.policy = policy;
    in.roots = &roots;
    in.cache = kept;

    attest_verify(&in, &res);

    return res.root == ATTEST_ROOT_TEE;
}


/* Microseconds of this thread for one. */

static double
measure(int (*run)(void), int count)
{
    int              i;
    struct timespec  a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);

    for (i = 0; i < count; i++) {
        if (!run()) {
            fail("a verification failed");
        }
    }

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

    return ((double) (b.tv_sec - a.tv_sec) * 1e6
            + (double) (b.tv_nsec - a.tv_nsec) / 1e3) / count;
}
