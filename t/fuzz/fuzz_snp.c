/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: a byte that says what follows: 0 a report, 1 a certificate table, 2
 * a VCEK or VLEK in DER, 3 a report, with its table behind it, as the
 * appraisal of an item.  Spans stay within the input, only what AMD signed is
 * genuine.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_snp.h"
#include "core/appraisal/attest_verify_snp.h"
#include "core/crypto/attest_x509.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void within(attest_span_t s, const uint8_t *p, size_t n);
static void fuzz_report(const uint8_t *p, size_t n);
static void fuzz_table(const uint8_t *p, size_t n);
static void fuzz_cert(const uint8_t *p, size_t n);
static void fuzz_appraisal(const uint8_t *p, size_t n);


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
    attest_verify_t          v;
    attest_part_t           *part = &v.part[ATTEST_PART_FRESH];
    attest_x509_cache_t      cache;
    attest_verify_input_t    in;
    static attest_roots_t    roots;
    static attest_policy_t   policy;
    static attest_result_t   res;

    if (n < ATTEST_SNP_REPORT_LEN) {
        return;
    }

    if (roots.anchors[0] == NULL
        && attest_roots_load(&roots) != ATTEST_OK)
    {
        abort();
    }

    memset(&v, 0, sizeof(v));
    memset(&in, 0, sizeof(in));
    memset(&tsm, 0, sizeof(tsm));
    memset(&cache, 0, sizeof(cache));
    res.count = 0;

    in.now = 1782864000;
    v.in = &in;
    v.policy = &policy;
    v.roots = &roots;
    v.cache = &cache;
    v.res = &res;
    part->which = ATTEST_PART_FRESH;
    part->claims_raw.p = (const uint8_t *) "claims";
    part->claims_raw.n = 6;

    tsm.outblob.p = p;
    tsm.outblob.n = ATTEST_SNP_REPORT_LEN;
    tsm.auxblob.p = p + ATTEST_SNP_REPORT_LEN;
    tsm.auxblob.n = n - ATTEST_SNP_REPORT_LEN;

    attest_verify_snp(&v, part, &tsm);

    /* no real report is about these claims */

    if (part->cpu.proven || part->cpu.simulated || res.count == 0) {
        abort();
    }

    attest_x509_cache_clear(&cache);
}
