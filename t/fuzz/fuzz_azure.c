/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: an "azure-hcl" item.  It has one encoding; and whatever it is, only
 * the keys that evidence of real machines names (t/data/README.md) are ever
 * proven.
 *
 * Its text is then put into a report that a double signs, so that what stands
 * behind a chain sees it, too: such a key is simulated, and never more.
 */

#include <stdlib.h>
#include <string.h>

#include "azure_machine.h"
#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/appraisal/attest_verify_azure.h"


#define FUZZ_NOW    1782864000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_same(const uint8_t *p, size_t n);
static void fuzz_real(const uint8_t *p, size_t n);
static void fuzz_signed(const uint8_t *p, size_t n);
static int fuzz_machine(const attest_hcl_t *hcl, azure_machine_t *m);
static void fuzz_appraise(attest_span_t value, const attest_policy_t *policy,
    attest_part_t *part);


/* SHA-256 of the SPKI of HCLAkPub */

static const uint8_t  fuzz_known[3][4] = {
    { 0x18, 0x36, 0x3b, 0x87 },
    { 0x21, 0xcc, 0x57, 0x3d },
    { 0xb6, 0x54, 0x00, 0xf6 }
};


static snp_double_t      chip;
static tdx_double_t      td;
static attest_policy_t   simulated;


/* Keys take longer to make than all the rest. */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    attest_policy_t  *p = &simulated;

    (void) argc;
    (void) argv;

    attest_policy_default(p);
    p->simulated_roots = sk_X509_new_null();
    p->intermediates[ATTEST_MAKER_AMD] = sk_X509_new_null();
    p->azure.has_secure_boot = p->azure.secure_boot = 1;
    p->azure.has_console = 1;
    p->azure.vm_unique_id.count = 1;
    (void) strcpy(p->azure.vm_unique_id.value[0], AZURE_DOUBLE_VM);
    chip.bits = 2048;
    memset(chip.chip, 0xc1, sizeof(chip.chip));

    if (!snp_double_init(&chip) || !snp_double_leaf(&chip)
        || !tdx_double_init(&td, SNP_DOUBLE_FROM, SNP_DOUBLE_UNTIL)
        || sk_X509_push(p->simulated_roots, chip.ark) <= 0
        || sk_X509_push(p->simulated_roots, td.root) <= 0
        || sk_X509_push(p->intermediates[ATTEST_MAKER_AMD], chip.ask) <= 0)
    {
        abort();
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    fuzz_same(p, n);
    fuzz_real(p, n);
    fuzz_signed(p, n);

    return 0;
}


static void
fuzz_same(const uint8_t *p, size_t n)
{
    size_t           len;
    static uint8_t   out[ATTEST_MAX_ITEM];
    attest_azure_t   a;

    if (attest_azure_parse(p, n, &a) != ATTEST_OK) {
        return;
    }

    len = sizeof(out);

    if (attest_azure_encode(&a, out, &len) != ATTEST_OK || len != n
        || memcmp(out, p, n) != 0)
    {
        abort();
    }
}


static void
fuzz_real(const uint8_t *p, size_t n)
{
    size_t                   i;
    attest_part_t            part;
    static attest_policy_t   policy;

    attest_policy_default(&policy);
    fuzz_appraise(attest_span(p, n), &policy, &part);

    if (part.cpu.simulated) {
        abort();
    }

    for (i = 0; part.cpu.proven; i++) {
        if (i == 3) {
            abort();
        }

        if (memcmp(part.cpu.ak_spki, fuzz_known[i], 4) == 0) {
            break;
        }
    }
}


static void
fuzz_signed(const uint8_t *p, size_t n)
{
    size_t                   len;
    attest_hcl_t             hcl;
    attest_part_t            part;
    attest_azure_t           a;
    azure_machine_t          m;
    static uint8_t           out[ATTEST_MAX_ITEM];

    if (attest_azure_parse(p, n, &a) != ATTEST_OK
        || attest_hcl_parse(a.hcl_report.p, a.hcl_report.n, &hcl)
           != ATTEST_OK)
    {
        return;
    }

    memset(&a, 0, sizeof(a));

    if (fuzz_machine(&hcl, &m)) {
        a.hcl_report = attest_span(m.hcl, m.hcl_len);
        *(hcl.type == ATTEST_HCL_SNP ? &a.vcek_chain : &a.td_quote) =
            attest_span(m.proof, m.proof_len);
        len = sizeof(out);

        if (attest_azure_encode(&a, out, &len) != ATTEST_OK) {
            abort();
        }

        fuzz_appraise(attest_span(out, len), &simulated, &part);

        /* it came behind the chain, and is not taken for a maker's */

        if (!part.cpu.simulated || (part.cpu.proven && !part.cpu.has_ak)) {
            abort();
        }
    }

    attest_hcl_free(&hcl);
}


/* 0: no machine has as much text. */

static int
fuzz_machine(const attest_hcl_t *hcl, azure_machine_t *m)
{
    uint8_t      rd[64], report[SNP_DOUBLE_REPORT], *to = m->proof;
    const char  *json = (const char *) hcl->json.p;

    (void) azure_double_report_data(json, hcl->json.n, rd);

    if (hcl->type == ATTEST_HCL_SNP) {
        m->proof_len = (size_t) i2d_X509(chip.leaf, &to);
        m->hcl_len = snp_double_report(&chip, rd, report)
                     ? azure_double_hcl(AZURE_DOUBLE_SNP, report, 1184, json,
                                        hcl->json.n, m->hcl, sizeof(m->hcl))
                     : 0;
        return m->hcl_len != 0;
    }

    m->proof_len = sizeof(m->proof);

    if (!tdx_double_make(&td, rd, m->proof, &m->proof_len)
        || !azure_double_tdreport(m->proof + 48 + TDX_DOUBLE_TDATTR, rd,
                                  report))
    {
        abort();
    }

    m->hcl_len = azure_double_hcl(AZURE_DOUBLE_TDX, report, 1024, json,
                                  hcl->json.n, m->hcl, sizeof(m->hcl));
    return m->hcl_len != 0;
}


static void
fuzz_appraise(attest_span_t value, const attest_policy_t *policy,
    attest_part_t *part)
{
    attest_verify_t          v;
    attest_cmw_item_t        item;
    attest_x509_cache_t      cache;
    attest_verify_input_t    in;
    static attest_roots_t    roots;
    static attest_result_t   res;

    if (roots.anchors[0] == NULL && attest_roots_load(&roots) != ATTEST_OK) {
        abort();
    }

    memset(&cache, 0, sizeof(cache));
    memset(&res, 0, sizeof(res));
    memset(part, 0, sizeof(*part));
    memset(&item, 0, sizeof(item));
    memset(&in, 0, sizeof(in));
    memset(&v, 0, sizeof(v));

    in.now = FUZZ_NOW;
    in.policy = policy;
    v.in = &in;
    v.policy = policy;
    v.roots = &roots;
    v.cache = &cache;
    v.res = &res;
    v.main = part;
    part->which = ATTEST_PART_FRESH;
    item.value = value;

    attest_verify_azure(&v, part, &item);
    attest_x509_cache_clear(&cache);
}
