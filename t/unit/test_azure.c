/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure: evidence of doubles and of real machines link by link, then each
 * thing wrong in turn; and whole appraisals of what doubles made.
 */

#include <cjson/cJSON.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "azure_machine.h"
#include "core/appraisal/attest_verify_azure.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/policy/attest_policy_kinds.h"
#include "evidence.h"
#include "fixture.h"


#define T0            1782864000      /* 2026-07-01 */

#define HCL_SNP_DATA  (32 + 80)       /* report_data in an HCL report */
#define HCL_SIGNED    0x2a0           /* of an SNP report */

#define STRIDE        UNIT_STEP(13)


/* Evidence of one machine, decoded. */

typedef struct {
    const char     *name;
    const char     *vm;                   /* its id, lower case */
    size_t          extra;                /* bytes of extraData */
    uint8_t         hcl[4096];
    size_t          hcl_len;
    uint8_t         vcek[4096];
    size_t          vcek_len;
    uint8_t         quote[8192];          /* TD quote */
    size_t          quote_len;
    uint8_t         msg[256];
    size_t          msg_len;
    uint8_t         sig[262];             /* TPMT_SIGNATURE */
    attest_tpm_pcrs_t  pcrs;
} real_t;

/* One item and the state of an appraisal around it. */

typedef struct {
    attest_verify_t        v;
    attest_part_t          part;
    attest_policy_t        policy;
    attest_verify_input_t  in;
    attest_azure_t         azure;
    attest_cmw_item_t      item;
    uint8_t                bytes[16384];
} case_t;


static attest_roots_t    roots;
static attest_result_t   res;
static real_t            reals[3];      /* SNP, SNP, TDX */
static real_t            bare[4];       /* SNP, SNP, TDX, TDX: reports alone */
static real_t            td_quote;      /* of bare[2] */
static real_t            cuckoo;        /* a quote by nobody's key */
static size_t            stride = STRIDE;
static case_t            c;


static int load_real(void);
static void load(real_t *r, const char *name);
static void test_machines(void);
static void test_doubles(void);
static size_t decode(const cJSON *v, uint8_t *out, size_t room);
static void start(const real_t *r);
static void run(void);
static const attest_check_t *find(const char *id, attest_check_e state);
static void show(void);
static void expect(const char *what, int proven, const char *id,
    attest_check_e state);
static void count(const char *what, size_t tried, size_t accepted);
static void test_links(void);
static int quote_by(const real_t *r, EVP_PKEY *key);
static void test_accepted(void);
static void test_missing(void);
static void test_mixed(void);
static void test_times(void);
static size_t flip(const real_t *r, size_t at, size_t from, size_t to,
    size_t *tried);
static void test_flips(void);
static void text(attest_textset_t *set, const char *value);
static void test_policy(void);
static void test_policy_json(void);
static void test_cuckoo(void);
static void test_foreign(void);
static void test_whole(void);


int
main(void)
{
    IS_INT(attest_roots_load(&roots), ATTEST_OK, "the makers' roots");

    if (load_real()) {
        test_machines();
        stride = 7 * STRIDE;
    }

    test_doubles();
    test_policy_json();
    test_whole();

    attest_roots_clear(&roots);
    DONE();
}


static void
test_machines(void)
{
    test_links();
    test_accepted();
    test_missing();
    test_mixed();
    test_times();
    test_flips();
    test_policy();
    test_cuckoo();
    test_foreign();
}


/* Machines of Azure's, where their evidence is there. */

static int
load_real(void)
{
    size_t    i, n;
    char      path[128];
    uint8_t  *p;

    static const char *const  reports[] = {
        "snp-hcl-report.bin", "hcl-report-snp-2048.bin",
        "tdx-hcl-report.bin", "hcl-report-tdx-2600.bin"
    };

    if (!UNIT_HAVE("Azure's machines", "azure/snp-evidence-v1.json",
                   "azure/snp-evidence-v2.json", "azure/tdx-evidence-v1.json",
                   "azure/snp-hcl-report.bin", "azure/hcl-report-snp-2048.bin",
                   "azure/tdx-hcl-report.bin", "azure/hcl-report-tdx-2600.bin",
                   "azure/tdx-quote.bin", "azure/tpm-quote.bincode"))
    {
        return 0;
    }

    load(&reals[0], "snp-evidence-v1.json");
    load(&reals[1], "snp-evidence-v2.json");
    load(&reals[2], "tdx-evidence-v1.json");
    reals[0].vm = "26f8bc30-774e-4290-8e7a-535f3b672aee";
    reals[0].extra = reals[2].extra = 9;
    reals[1].extra = 48;

    for (i = 0; i < 4; i++) {
        (void) snprintf(path, sizeof(path), "azure/%s", reports[i]);
        p = unit_fixture(path, &bare[i].hcl_len);
        bare[i].name = reports[i];
        memcpy(bare[i].hcl, p, bare[i].hcl_len);
        free(p);
    }

    p = unit_fixture("azure/tdx-quote.bin", &td_quote.quote_len);
    memcpy(td_quote.quote, p, td_quote.quote_len);
    free(p);

    p = unit_fixture("azure/tpm-quote.bincode", &n);
    memcpy(cuckoo.sig, "\0\x14\0\x0b\x01\0", 6);
    memcpy(cuckoo.sig + 6, p + 8, 256);
    memcpy(cuckoo.msg, p + 272, 122);
    cuckoo.msg_len = 122;
    free(p);
    return 1;
}


static size_t
decode(const cJSON *v, uint8_t *out, size_t room)
{
    size_t  n = 0;

    if (v != NULL
        && sodium_base642bin(out, room, v->valuestring,
                             strlen(v->valuestring), NULL, &n, NULL,
                             sodium_base64_VARIANT_URLSAFE) != 0)
    {
        printf("Bail out! bad base64 in a fixture\n");
        exit(1);
    }

    return n;
}


static void
load(real_t *r, const char *name)
{
    int       i;
    char      path[128];
    cJSON    *root, *quote, *pcrs;
    uint8_t  *p;

    (void) snprintf(path, sizeof(path), "azure/%s", name);
    p = unit_fixture(path, NULL);
    root = cJSON_Parse((char *) p);
    quote = cJSON_GetObjectItemCaseSensitive(root, "tpm_quote");
    pcrs = cJSON_GetObjectItemCaseSensitive(quote, "pcrs");

    r->name = name;
    r->hcl_len = decode(cJSON_GetObjectItemCaseSensitive(root, "hcl_report"),
                        r->hcl, sizeof(r->hcl));
    r->vcek_len = decode(cJSON_GetObjectItemCaseSensitive(root, "vcek"),
                         r->vcek, sizeof(r->vcek));
    r->quote_len = decode(cJSON_GetObjectItemCaseSensitive(root, "td_quote"),
                          r->quote, sizeof(r->quote));
    r->msg_len = unit_hex(cJSON_GetObjectItemCaseSensitive(quote, "message")
                          ->valuestring, r->msg, sizeof(r->msg));
    unit_hex("0014000b0100", r->sig, 6);
    IS_INT(unit_hex(cJSON_GetObjectItemCaseSensitive(quote, "signature")
                    ->valuestring, r->sig + 6, 256), 256,
           "%s: a bare signature", name);

    r->pcrs.count = 1;
    r->pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    r->pcrs.banks[0].len = 32;
    r->pcrs.banks[0].select = 0xffffff;

    for (i = 0; i < 24; i++) {
        unit_hex(cJSON_GetArrayItem(pcrs, i)->valuestring,
                 r->pcrs.banks[0].value[i], 32);
    }

    cJSON_Delete(root);
    free(p);
}


static void
start(const real_t *r)
{
    attest_policy_clear(&c.policy);
    memset(&c, 0, sizeof(c));
    memset(&res, 0, sizeof(res));

    attest_policy_default(&c.policy);
    c.in.now = T0;
    c.in.policy = &c.policy;
    c.v.in = &c.in;
    c.v.policy = &c.policy;
    c.v.roots = &roots;
    c.v.res = &res;
    c.v.main = &c.part;
    c.part.which = ATTEST_PART_FRESH;
    c.azure.hcl_report.p = r->hcl;
    c.azure.hcl_report.n = r->hcl_len;
    c.azure.vcek_chain.p = r->vcek;
    c.azure.vcek_chain.n = r->vcek_len;
    c.azure.td_quote.p = r->quote;
    c.azure.td_quote.n = r->quote_len;
}


static void
run(void)
{
    c.item.value.p = c.bytes;
    c.item.value.n = sizeof(c.bytes);

    if (attest_azure_encode(&c.azure, c.bytes, &c.item.value.n)
        != ATTEST_OK)
    {
        printf("Bail out! cannot encode an item\n");
        exit(1);
    }

    attest_verify_azure(&c.v, &c.part, &c.item);
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
show(void)
{
    size_t  i;

    for (i = 0; i < res.count; i++) {
        printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
               res.checks[i].text);
    }
}


static void
expect(const char *what, int proven, const char *id, attest_check_e state)
{
    run();

    if (!OK(c.part.cpu.proven == (unsigned) proven && !c.part.cpu.simulated
            && find(id, state) != NULL, "%s", what))
    {
        show();
    }
}


static void
count(const char *what, size_t tried, size_t accepted)
{
    if (OK(accepted == 0 && tried != 0, "%s", what)) {
        printf("# %zu mutations, none accepted\n", tried);
    }
}


/* Each link: hash, keys, quote, PCRs; and no link of another machine. */

static void
test_links(void)
{
    int                   rc;
    size_t                i, k;
    uint16_t              hash;
    attest_hcl_t          h[3];
    attest_tpm_quote_t    q;

    for (i = 0; i < 3; i++) {
        IS_INT(attest_hcl_parse(reals[i].hcl, reals[i].hcl_len, &h[i]),
               ATTEST_OK, "%s: report", reals[i].name);
        IS_INT(attest_hcl_check(&h[i]), ATTEST_OK, "%s: hash of the text",
               reals[i].name);
        IS_INT(attest_tpm_quote_parse(reals[i].msg, reals[i].msg_len, &q),
               ATTEST_OK, "%s: quote", reals[i].name);
        IS_INT(attest_tpm_signature_hash(reals[i].sig, 262, &hash), ATTEST_OK,
               "%s: SHA-256", reals[i].name);
        IS_INT(attest_tpm_pcr_digest_check(&q, &reals[i].pcrs, hash),
               ATTEST_OK, "%s: PCR values", reals[i].name);

        /* not a hash of ours: it can bind to nothing that we make */

        IS_INT(q.extra.n, reals[i].extra, "%s: extraData", reals[i].name);

        if (i == 1) {
            OK(h[i].runtime.user_data_len == 64
               && memcmp(h[i].runtime.user_data, q.extra.p, 48) == 0,
               "%s: user-data, in upper case, is the same", reals[i].name);
        }
    }

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            rc = quote_by(&reals[i], h[k].runtime.ak);
            IS_INT(rc, i == k ? ATTEST_OK : ATTEST_ECRYPTO,
                   "quote %zu by the key of report %zu", i, k);
        }
    }

    for (i = 0; i < 3; i++) {
        attest_hcl_free(&h[i]);
    }
}


static int
quote_by(const real_t *r, EVP_PKEY *key)
{
    attest_tpm_public_t  ak;

    memset(&ak, 0, sizeof(ak));
    ak.type = 0x0001;
    ak.key = key;
    return attest_tpm_signature_verify(&ak, r->sig, 262, r->msg, r->msg_len);
}


static void
test_accepted(void)
{
    char           what[80];
    size_t         i;
    uint8_t        spki[32];
    attest_gap_t   gaps[ATTEST_LEAST_MAX];
    attest_hcl_t   h;

    for (i = 0; i < 3; i++) {
        start(&reals[i]);
        (void) snprintf(what, sizeof(what), "%s: genuine", reals[i].name);
        expect(what, 1, "fresh-hcl-key", ATTEST_CHECK_PASS);
        OK(find("fresh-hcl-report", ATTEST_CHECK_PASS) != NULL
           && find("fresh-hcl-hardware", ATTEST_CHECK_PASS) != NULL
           && find(i == 2 ? "fresh-tdx-signature" : "fresh-snp-signature",
                   ATTEST_CHECK_PASS) != NULL, "%s: all checks",
           reals[i].name);

        (void) attest_hcl_parse(reals[i].hcl, reals[i].hcl_len, &h);
        (void) attest_x509_spki_hash(h.runtime.ak, spki);
        OK(c.part.cpu.has_ak && memcmp(spki, c.part.cpu.ak_spki, 32) == 0,
           "%s: vouches for HCLAkPub", reals[i].name);
        attest_hcl_free(&h);

        OK(attest_policy_least(&c.policy, ATTEST_KIND_AZURE, c.part.cpu.chip,
                        ATTEST_ROOT_TEE_VTPM, gaps) > 0
           && gaps[0].part == ATTEST_LEAST_FIRMWARE,
           "%s: whose paravisor, nobody said", reals[i].name);
    }

    OK(find("fresh-tdx-tcb", ATTEST_CHECK_UNKNOWN) != NULL,
       "TDX without collateral: TCB not evaluated");
}


/* Reports whose hardware nobody vouches for. */

static void
test_missing(void)
{
    size_t   i;
    real_t  *r = calloc(1, sizeof(*r));

    for (i = 0; i < 4; i++) {
        memcpy(r->hcl, bare[i].hcl, bare[i].hcl_len);
        r->hcl_len = bare[i].hcl_len;

        start(r);
        expect(bare[i].name, 0, i < 2 ? "fresh-snp-certificate"
               : "fresh-hcl-hardware", ATTEST_CHECK_UNKNOWN);
        OK(find("fresh-hcl-report", ATTEST_CHECK_PASS) != NULL
           && !c.part.cpu.has_ak, "%s: its text is the one that it names",
           bare[i].name);
    }

    /* a TD's quote, and with another report */

    memcpy(r->quote, td_quote.quote, td_quote.quote_len);
    r->quote_len = td_quote.quote_len;
    start(r);
    expect("a TD quote and another machine's report", 0,
           "fresh-hcl-hardware", ATTEST_CHECK_FAIL);

    memcpy(r->hcl, bare[2].hcl, bare[2].hcl_len);
    r->hcl_len = bare[2].hcl_len;
    start(r);
    expect("a TD quote and its report", 1, "fresh-hcl-hardware",
           ATTEST_CHECK_PASS);
    free(r);
}


/* Whatever belongs to another machine. */

static void
test_mixed(void)
{
    start(&reals[0]);
    c.azure.vcek_chain.p = reals[1].vcek;
    c.azure.vcek_chain.n = reals[1].vcek_len;
    expect("another chip's VCEK", 0, "fresh-snp-signature",
           ATTEST_CHECK_FAIL);

    start(&reals[0]);
    c.azure.td_quote.p = reals[2].quote;
    c.azure.td_quote.n = reals[2].quote_len;
    expect("a TD quote beside an SNP report", 0, "fresh-hcl-hardware",
           ATTEST_CHECK_FAIL);

    start(&reals[2]);
    c.azure.vcek_chain.p = reals[0].vcek;
    c.azure.vcek_chain.n = reals[0].vcek_len;
    expect("a VCEK beside a TDREPORT", 0, "fresh-hcl-hardware",
           ATTEST_CHECK_FAIL);

    start(&reals[0]);
    c.azure.vcek_chain.n--;
    expect("a VCEK that is cut", 0, "fresh-hcl-hardware", ATTEST_CHECK_FAIL);

    start(&reals[2]);
    c.azure.td_quote.n = 1000;
    expect("a TD quote that is cut", 0, "fresh-hcl-hardware",
           ATTEST_CHECK_FAIL);

    start(&reals[0]);
    c.azure.hcl_report.n = 1200;
    expect("a report that is cut", 0, "fresh-hcl-report", ATTEST_CHECK_FAIL);
}


static void
test_times(void)
{
    size_t  i;

    for (i = 0; i < 3; i++) {
        start(&reals[i]);
        c.in.now = 1577836800;                            /* 2020 */
        expect("not valid yet", 0, i == 2 ? "fresh-tdx-chain"
               : "fresh-snp-chain", ATTEST_CHECK_FAIL);

        start(&reals[i]);
        c.in.now = 2556144000LL;                          /* 2051 */
        expect("expired", 0, i == 2 ? "fresh-tdx-chain"
               : "fresh-snp-chain", ATTEST_CHECK_FAIL);
    }
}


/* 0 hcl, 1 vcek, 2 td-quote: how many mutations are accepted. */

static size_t
flip(const real_t *r, size_t what, size_t from, size_t to, size_t *tried)
{
    size_t    i, accepted = 0;
    uint8_t  *p = (uint8_t *) (what == 0 ? r->hcl
                               : what == 1 ? r->vcek : r->quote);

    for (i = from; i < to; i += stride, (*tried)++) {

        /* the last digit of base64 has bits that say nothing */

        if (what == 2 && p[i + 1] == '=') {
            continue;
        }

        p[i] ^= (uint8_t) (1 << (i % 8));
        start(r);
        run();
        p[i] ^= (uint8_t) (1 << (i % 8));

        if (c.part.cpu.proven) {
            printf("# %s: %zu, byte %zu\n", r->name, what, i);
            accepted++;
        }
    }

    return accepted;
}


static void
test_flips(void)
{
    size_t     i, tried = 0, accepted = 0;
    uint8_t   *end;

    for (i = 0; i < 2; i++) {

        /* all of an SNP report: the signature, then zeros */

        accepted += flip(&reals[i], 0, 0, reals[i].hcl_len, &tried);
        accepted += flip(&reals[i], 1, 0, reals[i].vcek_len, &tried);
    }

    /*
     * A TDREPORT but for what its MAC and hashes alone cover, which only its
     * processor can check and nobody reads here; the quote up to the end of
     * its second certificate: the third, Intel's root, is ours already.
     */

    accepted += flip(&reals[2], 0, 0, 32, &tried);
    accepted += flip(&reals[2], 0, 32 + 128, 32 + 192, &tried);
    accepted += flip(&reals[2], 0, 32 + 512, 32 + 912, &tried);
    accepted += flip(&reals[2], 0, 32 + 1024, reals[2].hcl_len, &tried);

    end = memmem(reals[2].quote, reals[2].quote_len, "-----END", 8);
    end = memmem(end + 8, 2048, "-----END", 8);
    accepted += flip(&reals[2], 2, 0, (size_t) (end - reals[2].quote),
                     &tried);

    count("no byte of report, text, certificate and quote can change", tried,
          accepted);
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
    start(&reals[0]);
    expect("no policy for the machine", 1, "fresh-azure-machine",
           ATTEST_CHECK_NOTE);
    OK(find("fresh-azure-secure-boot", ATTEST_CHECK_NOTE) != NULL
       && find("fresh-azure-console", ATTEST_CHECK_NOTE) != NULL,
       "it is told, not judged");

    start(&reals[0]);
    text(&c.policy.azure.vm_unique_id, "00000000-0000-0000-0000-000000000000");
    expect("another machine", 1, "fresh-azure-vm-id", ATTEST_CHECK_FAIL);
    start(&reals[0]);
    text(&c.policy.azure.vm_unique_id, "00000000-0000-0000-0000-000000000000");
    text(&c.policy.azure.vm_unique_id, reals[0].vm);
    expect("this machine, lower case", 1, "fresh-azure-vm-id",
           ATTEST_CHECK_PASS);

    start(&reals[0]);
    c.policy.azure.has_secure_boot = c.policy.azure.secure_boot = 1;
    expect("secure boot", 1, "fresh-azure-secure-boot", ATTEST_CHECK_PASS);
    start(&reals[0]);
    c.policy.azure.has_secure_boot = 1;
    expect("not secure boot", 1, "fresh-azure-secure-boot",
           ATTEST_CHECK_FAIL);
    start(&reals[0]);
    c.policy.azure.has_console = 1;
    expect("no console", 1, "fresh-azure-console", ATTEST_CHECK_FAIL);
    start(&reals[0]);
    c.policy.azure.has_console = c.policy.azure.console = 1;
    expect("a console", 1, "fresh-azure-console", ATTEST_CHECK_PASS);

    start(&reals[0]);
    memcpy(c.policy.snp.measurement.value[0], reals[0].hcl + 32 + 0x90, 48);
    c.policy.snp.measurement.len[0] = 48;
    c.policy.snp.measurement.count = 1;
    expect("the paravisor's measurement", 1, "fresh-snp-measurement",
           ATTEST_CHECK_PASS);
    OK(c.part.cpu.referenced, "is a reference");
}


static int
policy(const char *azure)
{
    int              rc;
    char             json[512], err[256];
    attest_policy_t  p;

    (void) snprintf(json, sizeof(json), "{\"version\":1,%s}", azure);
    rc = attest_policy_parse(json, strlen(json), &p, err, sizeof(err));
    if (rc == ATTEST_OK) {
        attest_policy_clear(&p);
    }

    return rc;
}


static void
test_policy_json(void)
{
    size_t  i;

    static const char *const  good[] = {
        "\"azure\":{\"secure_boot\":true,\"console_enabled\":false}",
        "\"azure\":{\"vm_unique_id\":"
        "[\"26F8BC30-774E-4290-8E7A-535F3B672AEE\"]}",
        "\"gcp\":{\"project\":[\"p\",\"1\"],\"zone\":[\"z\"],"
        "\"instance\":[\"i\"]}"
    };
    static const char *const  bad[] = {
        "\"azure\":[]",
        "\"azure\":{}",
        "\"gcp\":{}",
        "\"azure\":{\"secure_boot\":1}",
        "\"azure\":{\"console_enabled\":\"no\"}",
        "\"azure\":{\"secureboot\":true}",
        "\"azure\":{\"vm_unique_id\":[]}",
        "\"azure\":{\"vm_unique_id\":[\"x\"]}",
        "\"azure\":{\"vm_unique_id\":"
        "[\"26F8BC30-774E-4290-8E7A-535F3B672AE\"]}",
        "\"azure\":{\"vm_unique_id\":"
        "[\"26F8BC30+774E-4290-8E7A-535F3B672AEE\"]}",
        "\"azure\":{\"vm_unique_id\":"
        "[\"26F8BC30-774E-4290-8E7A-535F3B672AEG\"]}",
        "\"gcp\":1",
        "\"gcp\":{\"project\":\"p\"}",
        "\"gcp\":{\"zone\":[]}",
        "\"gcp\":{\"instance\":[1]}",
        "\"gcp\":{\"region\":[\"r\"]}"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        IS_INT(policy(good[i]), ATTEST_OK, "policy: %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IS_INT(policy(bad[i]), ATTEST_EFORMAT, "policy: not %s", bad[i]);
    }
}


/* A good quote whose key is in none of the reports. */

static void
test_cuckoo(void)
{
    size_t         i;
    real_t        *r;
    attest_hcl_t   h;

    for (i = 0; i < 7; i++) {
        r = i < 3 ? &reals[i] : &bare[i - 3];
        (void) attest_hcl_parse(r->hcl, r->hcl_len, &h);
        IS_INT(quote_by(&cuckoo, h.runtime.ak), ATTEST_ECRYPTO,
               "cuckoo: not by the key of report %zu", i);
        attest_hcl_free(&h);
    }
}


/*
 * What real machines signed, with claims of ours put beside it: everything is
 * genuine, and about something else.
 */

static void
foreign_claims(const real_t *r, EVP_PKEY *key)
{
    size_t                  n = 0, len = ATTEST_CLAIMS_MAX;
    uint8_t                 claims[ATTEST_CLAIMS_MAX];
    attest_span_t           s;
    static ev_buf_t         ak, tpm, out;
    attest_claims_t         cl;
    attest_cmw_item_t       items[3];
    attest_tpm_item_t       item;
    attest_verify_input_t   in;

    memset(&cl, 0, sizeof(cl));
    cl.pubkey_hash_alg = 1;
    cl.pubkey_hash_len = 32;
    memset(cl.nonce, 0xaa, 32);
    cl.nonce_len = 32;
    cl.has_validity = 1;
    cl.not_before = EV_FROM;
    cl.not_after = EV_UNTIL;
    (void) attest_claims_encode(&cl, claims, &len);
    s.p = claims;
    s.n = len;
    ev_item(items, &n, ATTEST_ITEM_CLAIMS, ATTEST_TYPE_CLAIMS, s);

    start(r);
    run();
    ev_item(items, &n, ATTEST_ITEM_AZURE, ATTEST_TYPE_AZURE, c.item.value);

    ev_ak_public(&ak, key, 0x00050072);
    memset(&item, 0, sizeof(item));
    item.root.p = (const uint8_t *) "tee-vtpm";
    item.root.n = 8;
    item.maker = item.root;
    item.quote.p = r->msg;
    item.quote.n = r->msg_len;
    item.signature.p = r->sig;
    item.signature.n = 262;
    item.ak = ev_span(&ak);
    item.pcrs = r->pcrs;
    tpm.n = sizeof(tpm.p);
    (void) attest_tpm_item_encode(&item, tpm.p, &tpm.n);
    ev_item(items, &n, ATTEST_ITEM_TPM, ATTEST_TYPE_TPM, ev_span(&tpm));

    out.n = sizeof(out.p);
    (void) attest_cmw_encode_cbor(ATTEST_CMWC_FRESH, items, n, out.p, &out.n);

    memset(&res, 0, sizeof(res));
    memset(&in, 0, sizeof(in));
    in.fresh = ev_span(&out);
    in.nonce.p = cl.nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = EV_NOW;
    in.policy = &c.policy;
    in.roots = &roots;
    attest_verify(&in, &res);
}


static void
test_foreign(void)
{
    size_t         i;
    attest_hcl_t   h;

    for (i = 0; i < 3; i++) {
        (void) attest_hcl_parse(reals[i].hcl, reals[i].hcl_len, &h);
        foreign_claims(&reals[i], h.runtime.ak);
        attest_hcl_free(&h);

        if (!OK(find("fresh-hcl-key", ATTEST_CHECK_PASS) != NULL
                && find("fresh-quote", ATTEST_CHECK_PASS) != NULL
                && find("fresh-binding", ATTEST_CHECK_FAIL) != NULL
                && res.verdict == ATTEST_NOT_TRUSTED && res.root == 0,
                "%s: genuine, but not about our claims", reals[i].name))
        {
            show();
        }
    }
}


/* The same of doubles, which stand where the makers do. */

static void
double_quote(real_t *r, EVP_PKEY *ak, const uint8_t *extra)
{
    size_t           i;
    ev_buf_t         b, sig;
    uint8_t          digest[32];
    attest_span_t    parts[24];

    memset(&r->pcrs, 0, sizeof(r->pcrs));
    r->pcrs.count = 1;
    r->pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    r->pcrs.banks[0].len = 32;
    r->pcrs.banks[0].select = 0xffffff;

    for (i = 0; i < 24; i++) {
        memset(r->pcrs.banks[0].value[i], (int) i, 32);
        parts[i].p = r->pcrs.banks[0].value[i];
        parts[i].n = 32;
    }

    (void) attest_sha256(parts, 24, digest);
    b.n = 0;
    ev_be(&b, 0xff544347, 4);
    ev_be(&b, 0x8018, 2);
    ev_be(&b, 34, 2);
    ev_be(&b, 0x000b, 2);
    ev_put(&b, digest, 32);
    ev_be(&b, r->extra, 2);
    ev_put(&b, extra, r->extra);
    ev_be(&b, 4711, 8);
    ev_be(&b, 1, 4);
    ev_be(&b, 0, 4);
    ev_be(&b, 1, 1);
    ev_be(&b, EV_FIRMWARE, 8);
    ev_be(&b, 1, 4);
    ev_be(&b, 0x000b, 2);
    ev_be(&b, 3, 1);
    ev_be(&b, 0xffffff, 3);
    ev_be(&b, 32, 2);
    ev_put(&b, digest, 32);
    ev_signature(&sig, ak, &b);

    memcpy(r->msg, b.p, b.n);
    r->msg_len = b.n;
    memcpy(r->sig, sig.p, 262);
}


static void
double_machine(real_t *r, const azure_machine_t *m, int tdx)
{
    memcpy(r->hcl, m->hcl, m->hcl_len);
    r->hcl_len = m->hcl_len;

    if (tdx) {
        memcpy(r->quote, m->proof, m->proof_len);
        r->quote_len = m->proof_len;

    } else {
        memcpy(r->vcek, m->proof, m->proof_len);
        r->vcek_len = m->proof_len;
    }
}


static void
load_doubles(snp_double_t chips[2], tdx_double_t *d, EVP_PKEY *aks[4])
{
    size_t              i;
    uint8_t             extra[64];
    char                hex[129];
    azure_double_vm_t   vm = { .console = 1 };
    azure_machine_t     m;

    static const char *const  names[] = {
        "double, SNP", "double, SNP with user data", "double, TDX"
    };

    memset(reals, 0, sizeof(reals));
    memset(bare, 0, sizeof(bare));
    memset(&cuckoo, 0, sizeof(cuckoo));

    for (i = 0; i < 64; i++) {
        extra[i] = (uint8_t) (0xa0 + i);
        (void) snprintf(hex + 2 * i, 3, "%02X", extra[i]);
    }

    for (i = 0; i < 3; i++) {
        reals[i].name = names[i];
        reals[i].vm = "0c0ffee0-0000-4000-8000-00000000d0b1";
        reals[i].extra = i == 1 ? 48 : 9;
        double_quote(&reals[i], aks[i], extra);
    }

    cuckoo.extra = 9;
    double_quote(&cuckoo, aks[3], extra);

    (void) azure_machine_snp(&m, &chips[0], aks[0], aks[0], &vm);
    double_machine(&reals[0], &m, 0);
    vm.user_data = hex;
    (void) azure_machine_snp(&m, &chips[1], aks[1], aks[1], &vm);
    double_machine(&reals[1], &m, 0);
    (void) azure_machine_tdx(&m, d, aks[2], aks[2], NULL);
    double_machine(&reals[2], &m, 1);

    bare[0] = reals[0];
    bare[1] = reals[1];
    bare[2] = td_quote = reals[2];
    d->body[TDX_DOUBLE_MRTD] ^= 1;
    (void) azure_machine_tdx(&m, d, aks[2], aks[2], NULL);
    double_machine(&bare[3], &m, 1);
    bare[0].name = bare[1].name = "double, SNP's report alone";
    bare[2].name = bare[3].name = "double, TDX' report alone";
}


static void
test_doubles(void)
{
    size_t           i;
    EVP_PKEY        *aks[4];
    snp_double_t     chips[2];
    tdx_double_t     d;
    attest_roots_t   shipped = roots;

    memset(chips, 0, sizeof(chips));

    for (i = 0; i < 4; i++) {
        aks[i] = ev_key("RSA");
    }

    for (i = 0; i < 2; i++) {
        chips[i].bits = 2048;
        chips[i].from = 1609459200;                       /* 2021-01-01 */
        chips[i].tcb[2] = 8;
        memset(chips[i].chip, (int) (0xc1 + i), 64);
        memset(chips[i].measurement, 0x4d, 48);

        /* one maker of both: certificates are found by their names */

        if (i == 1) {
            chips[1].signer = -1;
            chips[1].ask = chips[0].ask;
            chips[1].ask_key = chips[0].ask_key;
            chips[1].leaf_key = EVP_EC_gen("P-384");
        }

        OK((i == 1 || snp_double_init(&chips[i]))
           && snp_double_leaf(&chips[i]), "a chip of a double");
    }

    OK(tdx_double_init(&d, 1609459200, 2208988800), "a double of Intel");

    roots.anchors[ATTEST_MAKER_AMD] = sk_X509_new_null();
    roots.intermediates[ATTEST_MAKER_AMD] = sk_X509_new_null();
    roots.anchors[ATTEST_MAKER_INTEL] = sk_X509_new_null();
    sk_X509_push(roots.anchors[ATTEST_MAKER_INTEL], d.root);

    sk_X509_push(roots.anchors[ATTEST_MAKER_AMD], chips[0].ark);
    sk_X509_push(roots.intermediates[ATTEST_MAKER_AMD], chips[0].ask);

    load_doubles(chips, &d, aks);
    test_machines();

    sk_X509_free(roots.anchors[ATTEST_MAKER_AMD]);
    sk_X509_free(roots.intermediates[ATTEST_MAKER_AMD]);
    sk_X509_free(roots.anchors[ATTEST_MAKER_INTEL]);
    roots = shipped;

    for (i = 0; i < 4; i++) {
        EVP_PKEY_free(aks[i]);
    }

    chips[1].ask = NULL;
    chips[1].ask_key = NULL;
    snp_double_free(&chips[0]);
    snp_double_free(&chips[1]);
    tdx_double_free(&d);
}


/* Whole appraisals: an AMD double, a paravisor's double, a software TPM. */

typedef struct {
    int                 other_ak;       /* quote by another TPM */
    int                 other_chip;     /* cached evidence by another */
    int                 other_vm;
    int                 no_vcek;
    int                 no_root;        /* the policy does not name it */
    int                 no_reference;
    int                 no_pcrs;
    int                 flip_json;
    int                 no_tpm;
    int                 stated_tee;
    int                 debug;
    uint32_t            vmpl;
    unsigned            roots;
    int                 policy_azure;
    int                 tdx;
    int                 no_quote;
    int                 no_collateral;
    int                 other_td;       /* the TDREPORT is of another TD */
    int                 td_debug;
    azure_double_vm_t   vm;
} whole_t;


static snp_double_t      chip, chip2;
static tdx_double_t      td;
static EVP_PKEY         *ak_key, *foreign, *ek_key;
static ev_part_t         parts[2];
static uint8_t           nonce[32];
static attest_policy_t   wpolicy;


/* An SNP report over the text, and the chip's certificates in PEM. */

static size_t
whole_snp(const whole_t *w, int which, const uint8_t rd[64],
    uint8_t report[1184], uint8_t *chain, size_t room)
{
    int            n;
    BIO           *bio = BIO_new(BIO_s_mem());
    char          *pem;
    snp_double_t  *d = w->other_chip && which == 0 ? &chip2 : &chip;

    d->vmpl = w->vmpl;
    d->policy = w->debug ? 0xb001f : 0;

    if (!snp_double_report(d, rd, report)) {
        printf("Bail out! no report\n");
        exit(1);
    }

    PEM_write_bio_X509(bio, d->leaf);
    PEM_write_bio_X509(bio, d->ask);
    PEM_write_bio_X509(bio, d->ark);
    n = (int) BIO_get_mem_data(bio, &pem);

    if (n <= 0 || (size_t) n > room) {
        printf("Bail out! no chain\n");
        exit(1);
    }

    memcpy(chain, pem, (size_t) n);
    BIO_free(bio);
    return w->no_vcek ? 0 : (size_t) n;
}


/* A TDREPORT over the text, and a TD quote of it. */

static size_t
whole_tdx(const whole_t *w, const uint8_t rd[64], uint8_t report[1024],
    uint8_t *quote, size_t room)
{
    uint8_t  info[400];

    td.body[TDX_DOUBLE_TDATTR] = w->td_debug ? 1 : 0;

    if (!tdx_double_make(&td, rd, quote, &room)) {
        printf("Bail out! no quote\n");
        exit(1);
    }

    memcpy(info, quote + 48 + TDX_DOUBLE_TDATTR, sizeof(info));
    info[sizeof(info) - 1] ^= (uint8_t) w->other_td;
    (void) azure_double_tdreport(info, rd, report);
    return w->no_quote ? 0 : room;
}


static size_t
whole_item(const whole_t *w, int which, uint8_t *out, size_t room)
{
    size_t             len, need = room;
    char               json[2048];
    uint8_t            rd[64], report[1184], hcl[4096], more[16384];
    attest_azure_t     a;
    azure_double_vm_t  vm = w->vm;

    if (w->other_vm && which == 0) {
        vm.vm_unique_id = "0C0FFEE0-0000-4000-8000-000000000000";
    }

    memset(&a, 0, sizeof(a));
    len = azure_double_json(ak_key, NULL, &vm, json, sizeof(json));
    (void) azure_double_report_data(json, len, rd);

    if (w->tdx) {
        a.td_quote.p = more;
        a.td_quote.n = whole_tdx(w, rd, report, more, sizeof(more));

    } else {
        a.vcek_chain.p = more;
        a.vcek_chain.n = whole_snp(w, which, rd, report, more, sizeof(more));
    }

    if (w->flip_json) {
        memcpy(strstr(json, "true"), "null", 4);
    }

    a.hcl_report.p = hcl;
    a.hcl_report.n = azure_double_hcl(w->tdx ? AZURE_DOUBLE_TDX
                                      : AZURE_DOUBLE_SNP, report,
                                      w->tdx ? 1024 : 1184, json, len, hcl,
                                      sizeof(hcl));

    if (attest_azure_encode(&a, out, &need) != ATTEST_OK) {
        printf("Bail out! no item\n");
        exit(1);
    }

    return need;
}


static void
whole_part(const whole_t *w, int which, ev_part_t *part)
{
    static uint8_t      item[2][16384];
    attest_tpm_bank_t  *bank;

    memset(part, 0, sizeof(*part));
    part->ctype = which == 1 ? ATTEST_CMWC_FRESH : ATTEST_CMWC_CACHED;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = "tee-vtpm";
    part->firmware = EV_FIRMWARE;
    part->ak_attributes = 0x00050072;
    part->ak = part->signer = w->other_ak ? foreign : ak_key;
    part->ek = ek_key;
    part->no_hpke = part->no_config = part->no_eventlog = 1;
    part->no_imalog = part->no_ek = part->no_ek_cert = 1;
    part->no_tpm = w->no_tpm;
    part->claims.pubkey_hash_alg = 1;
    part->claims.pubkey_hash_len = 32;
    part->claims.not_before = EV_FROM;
    part->claims.not_after = EV_UNTIL;
    part->claims.has_validity = 1;

    if (which == 1) {
        memcpy(part->claims.nonce, nonce, 32);
        part->claims.nonce_len = 32;
        memcpy(part->claims.exporter, nonce, 32);
        part->claims.has_exporter = 1;
    }

    part->quoted.count = 1;
    bank = &part->quoted.banks[0];
    bank->alg = ATTEST_TPM_ALG_SHA256;
    bank->len = 32;
    bank->select = 0xff;
    memset(bank->value[0], 0x33, 32);
    memset(bank->value[4], 0x34, 32);
    part->shown = part->quoted;

    part->cpu_raw.p = item[which];
    part->cpu_raw.n = whole_item(w, which, item[which], sizeof(item[which]));
    ev_item(part->extra, &part->extras, ATTEST_ITEM_AZURE, ATTEST_TYPE_AZURE,
            part->cpu_raw);

    if (w->stated_tee) {
        attest_span_t  tee = { (const uint8_t *) "tee", 3 };

        ev_item(part->extra, &part->extras, ATTEST_ITEM_ROOT,
                ATTEST_TYPE_ROOT, tee);
    }

    ev_build(part);
}


static void
whole_policy_tdx(const whole_t *w)
{
    char         err[256];
    static char  json[131072], root[4096], collateral[65536];

    if (!tdx_double_root(&td, root, sizeof(root))
        || !tdx_double_collateral(&td, collateral, sizeof(collateral)))
    {
        printf("Bail out! no collateral\n");
        exit(1);
    }

    (void) snprintf(json, sizeof(json), "{\"version\": 1, \"simulated_roots\":"
                    " [\"%s\"], \"tdx\": {\"mrtd\": \"7d7d7d7d7d7d7d7d7d7d7d"
                    "7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d"
                    "7d7d7d7d7d7d7d7d\"%s%s}}", root,
                    w->no_collateral ? "" : ", \"collateral\": ",
                    w->no_collateral ? "" : collateral);

    if (attest_policy_parse(json, strlen(json), &wpolicy, err, sizeof(err))
        != ATTEST_OK)
    {
        printf("Bail out! the policy: %s\n", err);
        exit(1);
    }
}


static void
whole_policy(const whole_t *w)
{
    attest_policy_clear(&wpolicy);

    if (w->tdx) {
        whole_policy_tdx(w);

    } else {
        attest_policy_default(&wpolicy);
    }

    wpolicy.roots = w->roots;
    wpolicy.require_exporter = 0;

    if (!w->no_pcrs) {
        wpolicy.pcr_alg = ATTEST_TPM_ALG_SHA256;
        memset(wpolicy.pcrs[0].value[0], 0x33, 32);
        wpolicy.pcrs[0].len[0] = 32;
        wpolicy.pcrs[0].count = 1;
        memset(wpolicy.pcrs[4].value[0], 0x34, 32);
        wpolicy.pcrs[4].len[0] = 32;
        wpolicy.pcrs[4].count = 1;
    }

    if (!w->no_root && !w->tdx) {
        wpolicy.simulated_roots = sk_X509_new_null();
        X509_up_ref(chip.ark);
        sk_X509_push(wpolicy.simulated_roots, chip.ark);
        X509_up_ref(chip2.ark);
        sk_X509_push(wpolicy.simulated_roots, chip2.ark);
    }

    if (!w->no_reference) {
        memcpy(wpolicy.snp.measurement.value[0], chip.measurement, 48);
        wpolicy.snp.measurement.len[0] = 48;
        wpolicy.snp.measurement.count = 1;
        wpolicy.snp.has_min_tcb = 1;
        wpolicy.snp.min_tcb.snp = 1;
    }

    if (w->policy_azure) {
        wpolicy.azure.given = 1;
        wpolicy.azure.has_secure_boot = wpolicy.azure.secure_boot = 1;
        text(&wpolicy.azure.vm_unique_id, AZURE_DOUBLE_VM);
    }
}


static void
whole_verify(void)
{
    attest_verify_input_t  in;

    memset(&in, 0, sizeof(in));
    in.cached = ev_span(&parts[0].out);
    in.fresh = ev_span(&parts[1].out);
    in.nonce.p = nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = EV_NOW;
    in.policy = &wpolicy;
    in.roots = &roots;
    attest_verify(&in, &res);
}


static void
whole(const whole_t *w, const char *what, attest_verdict_e verdict,
    const char *id, attest_check_e state)
{
    whole_part(w, 0, &parts[0]);
    whole_part(w, 1, &parts[1]);
    whole_policy(w);
    whole_verify();

    if (!OK(find(id, state) != NULL && res.verdict == verdict
            && (res.verdict != ATTEST_TRUSTED
                || res.root == ATTEST_ROOT_SIMULATED), "%s", what))
    {
        printf("#   verdict %d, root %u: %s\n", res.verdict, res.root,
               res.why);
        show();
    }
}


/*
 * Nothing depends on the name of a TPM's maker, which is not signed, nor on
 * the indicator behind a value, which says what an item is meant to be.
 */

static int
whole_unused(const ev_buf_t *b, const attest_cmw_t *cmw, size_t at)
{
    size_t          i;
    const uint8_t  *p = b->p + at, *maker = memmem(b->p, b->n, "\x44TEST", 5);

    for (i = 0; i < cmw->count; i++) {
        if (p == cmw->items[i].value.p + cmw->items[i].value.n) {
            return 1;
        }
    }

    maker = maker != NULL ? maker : memmem(b->p, b->n, "\x64TEST", 5);
    return maker != NULL && p > maker && p <= maker + 4;
}


/* Bytes of both collections. */

static void
whole_flips(const whole_t *w)
{
    size_t         i, k, tried = 0, accepted = 0;
    ev_buf_t      *b;
    attest_cmw_t   cmw;

    whole_part(w, 0, &parts[0]);
    whole_part(w, 1, &parts[1]);
    whole_policy(w);
    whole_verify();
    IS_INT(res.verdict, ATTEST_TRUSTED, "whole: before the mutations");

    for (k = 0; k < 2; k++) {
        b = &parts[k].out;
        (void) attest_cmw_parse(b->p, b->n, &cmw);

        for (i = 0; i < b->n; i += 7 * STRIDE) {

            if (whole_unused(b, &cmw, i)) {
                continue;
            }

            b->p[i] ^= (uint8_t) (1 << (i % 8));
            whole_verify();
            b->p[i] ^= (uint8_t) (1 << (i % 8));
            tried++;

            if (res.verdict == ATTEST_TRUSTED) {
                printf("# part %zu, byte %zu of %zu\n", k, i, b->n);
                accepted++;
            }
        }

        attest_cmw_free(&cmw);
    }

    count("whole: no byte can change", tried, accepted);
}


static const whole_t  good = { .roots = ATTEST_ROOT_SIMULATED };

#define WHOLE(what, verdict, id, state, ...)                                 \
    do {                                                                     \
        w = good;                                                            \
        __VA_ARGS__;                                                         \
        whole(&w, "whole: " what, ATTEST_##verdict, id,                      \
              ATTEST_CHECK_##state);                                         \
    } while (0)

#define TDX(what, verdict, id, state, ...)                                   \
    WHOLE("TDX: " what, verdict, id, state, w.tdx = 1; __VA_ARGS__)


static void
test_whole_tdx(void)
{
    whole_t  w;

    TDX("trusted as simulated", TRUSTED, "root-of-trust", PASS, (void) 0);
    TDX("never as a TEE's", NOT_TRUSTED, "root-of-trust", FAIL,
        w.roots = ATTEST_ROOT_DEFAULT);
    TDX("no TD quote", UNDECIDED, "fresh-hcl-hardware", UNKNOWN,
        w.no_quote = 1);
    TDX("no collateral", UNDECIDED, "fresh-tdx-tcb", UNKNOWN,
        w.no_collateral = 1);
    TDX("a quote of another TD", NOT_TRUSTED, "fresh-hcl-hardware", FAIL,
        w.other_td = 1);
    TDX("a changed text", NOT_TRUSTED, "fresh-hcl-report", FAIL,
        w.flip_json = 1);
    TDX("a TD that can be debugged", NOT_TRUSTED, "fresh-tdx-debug", FAIL,
        w.td_debug = 1);
    TDX("cuckoo: a quote by another TPM", NOT_TRUSTED, "hcl-ak", FAIL,
        w.other_ak = 1);
}


static void
test_whole(void)
{
    whole_t  w;

    memset(nonce, 0xaa, sizeof(nonce));
    ak_key = ev_key("RSA");
    foreign = ev_key("RSA");
    ek_key = ev_key("RSA");
    chip.bits = chip2.bits = 2048;
    memset(chip.measurement, 0x44, 48);
    memset(chip2.measurement, 0x44, 48);
    chip.tcb[2] = chip2.tcb[2] = 8;
    memset(chip.chip, 0x55, 64);
    memset(chip2.chip, 0x66, 64);
    OK(tdx_double_init(&td, EV_FROM - 86400, EV_UNTIL + 86400)
       && snp_double_init(&chip) && snp_double_leaf(&chip)
       && snp_double_init(&chip2) && snp_double_leaf(&chip2), "doubles");

    WHOLE("trusted as simulated", TRUSTED, "root-of-trust", PASS, (void) 0);
    WHOLE("the quote's key is the report's", TRUSTED, "hcl-ak", PASS,
          (void) 0);
    WHOLE("never as a TEE's", NOT_TRUSTED, "root-of-trust", FAIL,
          w.roots = ATTEST_ROOT_DEFAULT);
    WHOLE("a root that nobody names", NOT_TRUSTED, "fresh-snp-chain", FAIL,
          w.no_root = 1);
    WHOLE("no VCEK", UNDECIDED, "fresh-snp-certificate", UNKNOWN,
          w.no_vcek = 1);
    WHOLE("cuckoo: a quote by another TPM", NOT_TRUSTED, "hcl-ak", FAIL,
          w.other_ak = 1);
    WHOLE("no quote", NOT_TRUSTED, "fresh-quote", UNKNOWN, w.no_tpm = 1);
    WHOLE("a changed text", NOT_TRUSTED, "fresh-hcl-report", FAIL,
          w.flip_json = 1);
    WHOLE("a guest's own report", NOT_TRUSTED, "fresh-hcl-hardware", FAIL,
          w.vmpl = 2);
    WHOLE("a guest that can be debugged", NOT_TRUSTED,
          "fresh-snp-guest-policy", FAIL, w.debug = 1);
    WHOLE("anybody's paravisor", UNDECIDED, "paravisor-reference", UNKNOWN,
          w.no_reference = 1);
    WHOLE("no PCR values", UNDECIDED, "reference-values", UNKNOWN,
          w.no_pcrs = 1);
    WHOLE("more than is proven", NOT_TRUSTED, "root-of-trust", FAIL,
          w.stated_tee = 1);
    WHOLE("cached evidence of another chip", NOT_TRUSTED, "same-machine",
          FAIL, w.other_chip = 1);
    WHOLE("cached evidence of another machine", NOT_TRUSTED, "same-machine",
          FAIL, w.other_vm = 1);
    WHOLE("the policy's machine", TRUSTED, "fresh-azure-vm-id", PASS,
          w.policy_azure = 1);
    WHOLE("not the policy's machine", NOT_TRUSTED, "fresh-azure-vm-id",
          FAIL, w.policy_azure = 1;
          w.vm.vm_unique_id = "00000000-0000-0000-0000-000000000000");
    WHOLE("no secure boot", NOT_TRUSTED, "fresh-azure-secure-boot", FAIL,
          w.policy_azure = 1; w.vm.no_secure_boot = 1);

    test_whole_tdx();

    w = good;
    whole_flips(&w);
    w.tdx = 1;
    whole_flips(&w);

    attest_policy_clear(&wpolicy);
    tdx_double_free(&td);
    snp_double_free(&chip);
    snp_double_free(&chip2);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(foreign);
    EVP_PKEY_free(ek_key);
}
