/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: a byte that says what follows: 0 a report, 1 a certificate table, 2
 * a VCEK or VLEK in DER, 3 a report, with its table behind it, as the
 * appraisal of an item, 4 and 5 a report without its signature, which a double
 * of Milan or Turin signs, so that what stands behind a chain sees it, too.
 * Spans stay within the input, only what AMD signed is genuine.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_snp.h"
#include "core/appraisal/attest_verify_snp.h"
#include "core/crypto/attest_x509.h"
#include "snp_double.h"


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void within(attest_span_t s, const uint8_t *p, size_t n);
static void fuzz_report(const uint8_t *p, size_t n);
static void fuzz_table(const uint8_t *p, size_t n);
static void fuzz_cert(const uint8_t *p, size_t n);
static void fuzz_appraisal(const uint8_t *p, size_t n);
static void fuzz_signed(const uint8_t *p, size_t n, int turin);
static void fuzz_chip(snp_double_t *d, int turin, attest_policy_t *policy);
static void fuzz_policy(attest_policy_snp_t *policy);
static void fuzz_appraise(const attest_tsm_t *tsm,
    const attest_policy_t *policy, attest_part_t *part);


static snp_double_t      chips[2];         /* Milan, Turin */
static attest_policy_t   simulated[2];


/* Keys take longer to make than all the rest. */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    fuzz_chip(&chips[0], 0, &simulated[0]);
    fuzz_chip(&chips[1], 1, &simulated[1]);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0) {
        return 0;
    }

    switch (p[0]) {
    case 0:
        fuzz_report(p + 1, n - 1);
        break;
    case 1:
        fuzz_table(p + 1, n - 1);
        break;
    case 2:
        fuzz_cert(p + 1, n - 1);
        break;
    case 3:
        fuzz_appraisal(p + 1, n - 1);
        break;
    case 4:
    case 5:
        fuzz_signed(p + 1, n - 1, p[0] == 5);
        break;
    }

    return 0;
}


static void
within(attest_span_t s, const uint8_t *p, size_t n)
{
    if (s.n != 0 && (s.p < p || s.n > n || (size_t) (s.p - p) > n - s.n)) {
        abort();
    }
}


static void
fuzz_report(const uint8_t *p, size_t n)
{
    attest_snp_tcb_t      t;
    attest_snp_report_t   r;

    if (attest_snp_report_parse(p, n, &r) != ATTEST_OK) {
        return;
    }

    within(r.report_data, p, n);
    within(r.launch_tcb, p, n);

    if (r.report_data.p != p + 0x50 || r.measurement.p != p + 0x90
        || r.reported_tcb.p != p + 0x180 || r.chip_id.p != p + 0x1a0
        || r.launch_tcb.p != p + 0x1f0)
    {
        abort();
    }

    t = attest_snp_tcb(attest_snp_report_product(&r), r.reported_tcb);

    if (!attest_snp_tcb_reaches(&t, &t)) {
        abort();
    }
}


static void
fuzz_table(const uint8_t *p, size_t n)
{
    attest_snp_table_t  t;

    if (attest_snp_table_parse(p, n, &t) != ATTEST_OK) {
        return;
    }

    within(t.vcek, p, n);
    within(t.vlek, p, n);
    within(t.ask, p, n);
    within(t.ark, p, n);
}


static void
fuzz_cert(const uint8_t *p, size_t n)
{
    X509                *x;
    uint8_t              raw[64] = { 0 };
    attest_span_t        der = { p, n }, tcb = { raw, 8 }, chip = { raw, 64 };
    attest_snp_cert_t    c;

    x = attest_x509_read_der(der);
    if (x == NULL) {
        return;
    }

    if (attest_snp_cert_parse(x, &c) == ATTEST_OK) {

        if (c.product == ATTEST_SNP_UNKNOWN
            || (c.hwid.n != 0 && c.hwid.n != 8 && c.hwid.n != 64)
            || (c.hwid.n == 0) == (c.csp.n == 0))
        {
            abort();
        }

        (void) attest_snp_cert_has_tcb(&c, tcb);
        (void) attest_snp_cert_has_chip(&c, chip);
    }

    X509_free(x);
}


static void
fuzz_appraisal(const uint8_t *p, size_t n)
{
    attest_tsm_t             tsm;
    attest_part_t            part;
    static attest_policy_t   policy;

    if (n < ATTEST_SNP_REPORT_LEN) {
        return;
    }

    memset(&tsm, 0, sizeof(tsm));
    tsm.outblob = attest_span(p, ATTEST_SNP_REPORT_LEN);
    tsm.auxblob = attest_span(p + ATTEST_SNP_REPORT_LEN,
                              n - ATTEST_SNP_REPORT_LEN);

    fuzz_appraise(&tsm, &policy, &part);

    /* no real report is about these claims */

    if (part.cpu.proven || part.cpu.simulated) {
        abort();
    }
}


static void
fuzz_signed(const uint8_t *p, size_t n, int turin)
{
    size_t                   len;
    uint8_t                  report[SNP_DOUBLE_REPORT], rd[64];
    attest_tsm_t             tsm;
    attest_part_t            part;
    static uint8_t           table[16384];

    memset(report, 0, sizeof(report));
    memcpy(report, p, n < SNP_DOUBLE_SIGNED ? n : SNP_DOUBLE_SIGNED);
    len = sizeof(table);

    if (!snp_double_resign(&chips[turin], report)
        || !snp_double_table(&chips[turin], table, &len)
        || attest_claims_report_data((const uint8_t *) "claims", 6, rd)
           != ATTEST_OK)
    {
        abort();
    }

    memset(&tsm, 0, sizeof(tsm));
    tsm.outblob = attest_span(report, sizeof(report));
    tsm.auxblob = attest_span(table, len);

    fuzz_appraise(&tsm, &simulated[turin], &part);

    /* a maker's it never is, and ours only when it is about these claims */

    if (part.cpu.proven
        && (!part.cpu.simulated || memcmp(report + 0x50, rd, 64) != 0))
    {
        abort();
    }
}


static void
fuzz_chip(snp_double_t *d, int turin, attest_policy_t *policy)
{
    d->bits = 2048;
    d->turin = turin;
    memset(d->chip, turin ? 0xc3 : 0xc1, sizeof(d->chip));
    memcpy(d->tcb, "\x03\x01\x08\xd5\x02", 5);

    attest_policy_default(policy);
    policy->simulated_roots = sk_X509_new_null();
    fuzz_policy(&policy->snp);

    if (!snp_double_init(d) || !snp_double_leaf(d)
        || sk_X509_push(policy->simulated_roots, d->ark) <= 0)
    {
        abort();
    }
}


/* All that is compared, as the seeds have it. */

static void
fuzz_policy(attest_policy_snp_t *p)
{
    size_t                  i;
    attest_refset_t *const  sets[] = {
        &p->measurement, &p->host_data, &p->id_key_digest,
        &p->author_key_digest, &p->family_id, &p->image_id, &p->chip_id
    };
    static const size_t     lens[] = { 48, 32, 48, 48, 16, 16, 64 };

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        sets[i]->len[0] = lens[i];
        sets[i]->count = 1;
    }

    memset(p->measurement.value[0], 0x4d, 48);
    p->has_vmpl = p->has_abi = p->allow_debug = p->allow_migration = 1;
    p->has_min_tcb = p->has_min_committed_tcb = p->has_min_launch_tcb = 1;
    p->min_tcb.snp = p->min_committed_tcb.snp = p->min_launch_tcb.snp = 8;
    p->platform_mask = p->guest_mask = UINT64_MAX;
    p->platform = 0x25;
    p->guest = 0x3001f;
}


static void
fuzz_appraise(const attest_tsm_t *tsm, const attest_policy_t *policy,
    attest_part_t *part)
{
    attest_verify_t          v;
    attest_x509_cache_t      cache;
    attest_verify_input_t    in;
    static attest_roots_t    roots;
    static attest_result_t   res;

    if (roots.anchors[0] == NULL
        && attest_roots_load(&roots) != ATTEST_OK)
    {
        abort();
    }

    memset(&v, 0, sizeof(v));
    memset(&in, 0, sizeof(in));
    memset(part, 0, sizeof(*part));
    memset(&cache, 0, sizeof(cache));
    res.count = 0;

    in.now = 1782864000;
    v.in = &in;
    v.policy = policy;
    v.roots = &roots;
    v.cache = &cache;
    v.res = &res;
    part->which = ATTEST_PART_FRESH;
    part->claims_raw = attest_span("claims", 6);

    attest_verify_snp(&v, part, tsm);
    attest_x509_cache_clear(&cache);

    if (res.count == 0) {
        abort();
    }
}
