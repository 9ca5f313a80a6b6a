/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence of each kind as the doubles make it, in files:
 *
 *   double_evidence DIR             for tests that read files
 *   double_evidence --corpus DIR    the seeds of t/fuzz/corpus that are
 *                                   evidence, below the targets' names
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "azure_machine.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_gpu.h"
#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tsm.h"
#include "gcp_double.h"
#include "gpu_double.h"
#include "log_double.h"
#include "nitro_double.h"


#define DOUBLE_NOW    1782864000             /* 2026-07-01 */
#define DOUBLE_ROOM   65536


static const char     *folder;
static snp_double_t    chip, turin;
static tdx_double_t    td;
static uint8_t         report_data[64];
static uint8_t         buf[2 * DOUBLE_ROOM];


static void make_all(void);
static void put(const char *name, const void *p, size_t n);
static void seed(const char *target, const char *name, const void *prefix,
    size_t prefix_len, const void *p, size_t n);
static size_t tdx_quote(unsigned version, unsigned body, uint8_t *out);
static size_t nitro(int debug, int tagged, uint8_t *out);
static size_t gpu_item(const gpu_double_t *d, char *out, uint8_t *report,
    size_t *len);
static void files(void);
static void seeds(void);


int
main(int argc, char **argv)
{
    int  corpus = argc == 3 && strcmp(argv[1], "--corpus") == 0;

    if (argc != 2 && !corpus) {
        fprintf(stderr, "usage: double_evidence [--corpus] DIR\n");
        return 2;
    }

    folder = argv[argc - 1];
    make_all();

    if (corpus) {
        seeds();
    } else {
        files();
    }

    snp_double_free(&chip);
    snp_double_free(&turin);
    tdx_double_free(&td);
    return 0;
}


static void
failed(const char *what)
{
    fprintf(stderr, "double_evidence: %s\n", what);
    exit(1);
}


static void
make_all(void)
{
    memset(report_data, 0xda, sizeof(report_data));

    chip.bits = turin.bits = 2048;
    memset(chip.chip, 0xc1, sizeof(chip.chip));
    memset(turin.chip, 0xc3, sizeof(turin.chip));
    memset(chip.measurement, 0x4d, sizeof(chip.measurement));
    memcpy(chip.tcb, "\x03\x01\x08\xd5\x02", 5);
    memcpy(turin.tcb, "\x03\x01\x08\xd5\x02", 5);
    turin.turin = 1;
    turin.version = 5;

    if (!snp_double_init(&chip) || !snp_double_leaf(&chip)
        || !snp_double_init(&turin) || !snp_double_leaf(&turin)
        || !tdx_double_init(&td, SNP_DOUBLE_FROM, SNP_DOUBLE_UNTIL))
    {
        failed("no doubles");
    }
}


static void
put(const char *name, const void *p, size_t n)
{
    char   path[512];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "wb");

    if (n == 0 || f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
        failed(path);
    }
}


static void
seed(const char *target, const char *name, const void *prefix,
    size_t prefix_len, const void *p, size_t n)
{
    char            path[512];
    static uint8_t  all[4 * DOUBLE_ROOM];

    if (n == 0 || prefix_len + n > sizeof(all)) {
        failed(name);
    }

    (void) snprintf(path, sizeof(path), "%s/%s", folder, target);
    (void) mkdir(path, 0755);
    (void) snprintf(path, sizeof(path), "%s/%s", target, name);

    if (prefix_len != 0) {
        memcpy(all, prefix, prefix_len);
    }

    memcpy(all + prefix_len, p, n);
    put(path, all, prefix_len + n);
}


static size_t
tdx_quote(unsigned version, unsigned body, uint8_t *out)
{
    size_t  n = TDX_DOUBLE_MAX_QUOTE;

    td.version = version;
    td.body_type = body;
    return tdx_double_make(&td, report_data, out, &n) ? n : 0;
}


static size_t
nitro(int debug, int tagged, uint8_t *out)
{
    nitro_double_t  d = NITRO_DOUBLE;

    d.timestamp = 1766678659346ULL;
    d.user_data = report_data;
    d.user_data_len = sizeof(report_data);
    d.debug = debug != 0;
    d.tagged = tagged != 0;
    return nitro_double_make(&d, out, NITRO_DOUBLE_MAX);
}


/* The item's length; the report alone, too, in `report`. */

static size_t
gpu_item(const gpu_double_t *d, char *out, uint8_t *report, size_t *len)
{
    size_t               n = DOUBLE_ROOM;
    char                 pem[GPU_DOUBLE_MAX_PEM];
    uint8_t              nonce[32];
    attest_gpu_device_t  device;

    memset(nonce, 0xaa, sizeof(nonce));
    memset(&device, 0, sizeof(device));
    *len = gpu_double_report(d, nonce, report, GPU_DOUBLE_MAX_REPORT);
    device.arch.p = (const uint8_t *) d->arch;
    device.arch.n = strlen(d->arch);
    device.chain.p = (const uint8_t *) pem;
    device.chain.n = gpu_double_chain(d, pem, sizeof(pem));
    device.report.p = report;
    device.report.n = *len;
    memcpy(device.nonce, nonce, sizeof(nonce));

    return attest_gpu_encode(&device, 1, out, &n) == ATTEST_OK ? n : 0;
}


static void
files(void)
{
    size_t                 n, len;
    uint8_t                report[SNP_DOUBLE_REPORT];
    uint8_t                spdm[GPU_DOUBLE_MAX_REPORT];
    gpu_double_t           hopper = GPU_DOUBLE_HOPPER;
    gpu_double_t           nvswitch = GPU_DOUBLE_SWITCH;
    log_double_t          *l = calloc(1, sizeof(*l));
    static const uint16_t  algs[] = { LOG_DOUBLE_SHA256, LOG_DOUBLE_SHA384 };

    (void) snp_double_report(&chip, report_data, report);
    put("snp-report.bin", report, sizeof(report));
    put("tdx-quote.bin", buf, tdx_quote(4, 2, buf));
    put("nitro.bin", buf, nitro(0, 0, buf));
    put("nitro-debug.bin", buf, nitro(1, 0, buf));

    hopper.mode = 2;
    n = gpu_item(&hopper, (char *) buf, spdm, &len);
    put("gpu-hopper.json", buf, n);
    n = gpu_item(&nvswitch, (char *) buf, spdm, &len);
    put("gpu-switch.json", buf, n);
    GPU_DOUBLE_NEW(hopper);
    hopper.fsp_svn = 5;
    n = gpu_item(&hopper, (char *) buf, spdm, &len);
    put("gpu-hopper-new.json", buf, n);

    log_double_tpm(l, algs, 2);
    put("eventlog.bin", l->p, l->n);
    log_double_ccel(l);
    put("ccel.bin", l->p, l->n);
    free(l);
}


/* About the claims of the target, which signs them again. */

static void
seeds_snp_signed(void)
{
    uint8_t  rd[64], report[SNP_DOUBLE_REPORT];

    (void) attest_claims_report_data((const uint8_t *) "claims", 6, rd);
    (void) snp_double_report(&chip, rd, report);
    seed("fuzz_snp", "signed-milan", "\4", 1, report, SNP_DOUBLE_SIGNED);
    (void) snp_double_report(&turin, rd, report);
    seed("fuzz_snp", "signed-turin", "\5", 1, report, SNP_DOUBLE_SIGNED);

    chip.policy = 0xb0000;
    (void) snp_double_report(&chip, rd, report);
    seed("fuzz_snp", "signed-debug", "\4", 1, report, SNP_DOUBLE_SIGNED);
    chip.policy = 0;
}


static void
seeds_snp(void)
{
    size_t         n, len;
    uint8_t        report[SNP_DOUBLE_REPORT], *p;
    snp_double_t   stranger;
    attest_tsm_t   tsm;

    static const struct {
        const char  *name;
        uint32_t     version;
        uint64_t     policy;
    } kinds[] = {
        { "v2", 2, 0 }, { "debug", 2, 0xb0000 }, { "v3", 3, 0 }
    };
    char  name[64];

    for (n = 0; n < 3; n++) {
        chip.version = kinds[n].version;
        chip.policy = kinds[n].policy;
        (void) snp_double_report(&chip, report_data, report);
        (void) snprintf(name, sizeof(name), "report-%s", kinds[n].name);
        seed("fuzz_snp", name, "\0", 1, report, sizeof(report));

        memcpy(buf, report, sizeof(report));
        len = DOUBLE_ROOM;
        (void) snp_double_table(&chip, buf + sizeof(report), &len);
        (void) snprintf(name, sizeof(name), "whole-%s", kinds[n].name);
        seed("fuzz_snp", name, "\3", 1, buf, sizeof(report) + len);
    }

    chip.version = 0;
    chip.policy = 0;
    seed("fuzz_snp", "whole-none", "\3", 1, report, sizeof(report));
    seed("fuzz_snp", "table-one", "\1", 1, buf + sizeof(report), len);

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) "sev_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = report;
    tsm.outblob.n = sizeof(report);
    tsm.auxblob.p = buf + sizeof(report);
    tsm.auxblob.n = len;
    p = buf + DOUBLE_ROOM;
    n = DOUBLE_ROOM;
    (void) attest_tsm_encode(&tsm, p, &n);
    seed("fuzz_tsm", "snp", NULL, 0, p, n);

    (void) snp_double_report(&turin, report_data, report);
    seed("fuzz_snp", "report-turin", "\0", 1, report, sizeof(report));
    seeds_snp_signed();

    memset(&stranger, 0, sizeof(stranger));
    stranger.bits = 2048;

    if (!snp_double_init(&stranger) || !snp_double_leaf(&stranger)) {
        failed("no stranger");
    }

    p = buf;
    seed("fuzz_snp", "cert-stranger", "\2", 1, buf,
         (size_t) i2d_X509(stranger.leaf, &p));
    p = buf;
    seed("fuzz_snp", "cert-vcek", "\2", 1, buf,
         (size_t) i2d_X509(chip.leaf, &p));
    p = buf;
    seed("fuzz_snp", "cert-turin", "\2", 1, buf,
         (size_t) i2d_X509(turin.leaf, &p));
    p = buf;
    seed("fuzz_snp", "cert-ask", "\2", 1, buf,
         (size_t) i2d_X509(chip.ask, &p));
    snp_double_free(&stranger);
}


/* A collection about an SNP report, behind no certificate. */

static void
seeds_verify(void)
{
    size_t              n, len = ATTEST_CLAIMS_MAX;
    uint8_t             claims[ATTEST_CLAIMS_MAX], head[4];
    attest_claims_t     c;
    attest_cmw_item_t   items[2];
    static uint8_t      tsm[DOUBLE_ROOM];
    attest_tsm_t        t;
    uint8_t             report[SNP_DOUBLE_REPORT];

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    memset(c.pubkey_hash, 0x11, 32);
    (void) attest_claims_encode(&c, claims, &len);

    (void) snp_double_report(&chip, report_data, report);
    memset(&t, 0, sizeof(t));
    t.provider.p = (const uint8_t *) "sev_guest";
    t.provider.n = 9;
    t.outblob.p = report;
    t.outblob.n = sizeof(report);
    n = sizeof(tsm);
    (void) attest_tsm_encode(&t, tsm, &n);

    memset(items, 0, sizeof(items));
    items[0].label = ATTEST_ITEM_CLAIMS;
    items[0].type = ATTEST_TYPE_CLAIMS;
    items[0].value.p = claims;
    items[0].value.n = len;
    items[0].ind = items[1].ind = ATTEST_CMW_IND_EVIDENCE;
    items[1].label = ATTEST_ITEM_TSM;
    items[1].type = ATTEST_TYPE_TSM;
    items[1].value.p = tsm;
    items[1].value.n = n;

    n = DOUBLE_ROOM;
    (void) attest_cmw_encode_cbor(ATTEST_CMWC_CACHED, items, 2, buf, &n);
    memset(head, 0, sizeof(head));
    head[2] = (uint8_t) (n >> 8);
    head[3] = (uint8_t) n;
    seed("fuzz_verify", "snp", head, sizeof(head), buf, n);
}


static void
seeds_azure(void)
{
    size_t            n, i;
    char              text[2048];
    EVP_PKEY         *ak = EVP_RSA_gen(2048), *ek = EVP_RSA_gen(2048);
    attest_azure_t    a;
    azure_machine_t   m;

    static const azure_double_vm_t  vms[4] = {
        { .user_data = "" }, { .console = 1 }, { .newer = 1 },
        { .newer = 1, .no_secure_boot = 1 }
    };
    static const char *const  names[4] = {
        "old", "snp", "tdx", "tdx_no_secure_boot"
    };

    for (i = 0; i < 4; i++) {
        if (!(i < 2 ? azure_machine_snp(&m, &chip, ak, i == 0 ? NULL : ek,
                                        &vms[i])
              : azure_machine_tdx(&m, &td, ak, ek, &vms[i])))
        {
            failed("no machine");
        }

        seed("fuzz_hcl", names[i], NULL, 0, m.hcl, i == 0 ? 2048 : m.hcl_len);

        n = azure_double_json(ak, i == 0 ? NULL : ek, &vms[i], text,
                              sizeof(text));

        if (i == 1 || i == 2) {
            seed("fuzz_hcl", i == 1 ? "text_snp" : "text_tdx", NULL, 0, text,
                 n);
        }

        if (i == 3) {
            continue;
        }

        memset(&a, 0, sizeof(a));
        a.hcl_report.p = m.hcl;
        a.hcl_report.n = i == 0 ? 2048 : m.hcl_len;

        if (i != 0) {
            (i == 1 ? &a.vcek_chain : &a.td_quote)->p = m.proof;
            (i == 1 ? &a.vcek_chain : &a.td_quote)->n = m.proof_len;
        }

        n = DOUBLE_ROOM;
        (void) attest_azure_encode(&a, buf, &n);
        seed("fuzz_azure", names[i], NULL, 0, buf, n);
    }

    EVP_PKEY_free(ak);
    EVP_PKEY_free(ek);
}


static void
seeds_gcp(void)
{
    int             i;
    X509           *x;
    size_t          n;
    uint8_t         ext[512], *p;
    EVP_PKEY       *key;
    gcp_double_t    d;

    static const gcp_double_instance_t  where = {
        "example.com:a-project", "test-east1-a", "an-instance",
        9876543210987654321ULL, 123456789012ULL, 0
    };

    if (!gcp_double_init(&d)) {
        failed("no cloud");
    }

    for (i = 0; i < 2; i++) {
        key = i == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
        x = gcp_double_cert(&d, i, key, &where);
        p = buf;
        seed("fuzz_gcp", i == 0 ? "ak_ecc" : "ak_rsa", NULL, 0, buf,
             x != NULL ? (size_t) i2d_X509(x, &p) : 0);
        X509_free(x);
        EVP_PKEY_free(key);
    }

    n = gcp_double_instance(&where, ext);
    seed("fuzz_gcp", "extension", NULL, 0, ext, n);
    gcp_double_free(&d);
}


/* What Intel's service signs, alone and in its answers; and a policy. */

static void
seeds_tcb(void)
{
    size_t          n, i, k;
    uint8_t         sig[64];
    char            hex[129];
    static char     text[32768], all[131072], *at;

    for (i = 0; i < 2; i++) {
        if (!(i == 0 ? tdx_double_tcb_info(&td, text, sizeof(text))
              : tdx_double_qe_identity(&td, text, sizeof(text))))
        {
            failed("no collateral");
        }

        seed("fuzz_tdx_tcb", i == 0 ? "tcb" : "qe", NULL, 0, text,
             strlen(text));
        (void) tdx_double_sign(td.tcb_key, text, strlen(text), sig);

        for (k = 0; k < 64; k++) {
            (void) snprintf(hex + 2 * k, 3, "%02x", sig[k]);
        }

        n = (size_t) snprintf(all, sizeof(all),
                              "{\"%s\":%s,\"signature\":\"%s\"}", i == 0
                              ? "tcbInfo" : "enclaveIdentity", text, hex);
        seed("fuzz_tdx_tcb", i == 0 ? "tcb-answer.json" : "qe-answer.json",
             NULL, 0, all, n);
    }

    /* as of 2023: without module identities */

    (void) tdx_double_tcb_info(&td, text, sizeof(text));
    at = strstr(text, "\"tcbLevels\":[{\"tcb\":{\"sgx");
    memmove(strstr(text, "\"tdxModuleIdentities\""), at, strlen(at) + 1);
    seed("fuzz_tdx_tcb", "tcb-2023", NULL, 0, text, strlen(text));

    if (!tdx_double_collateral(&td, text, sizeof(text))) {
        failed("no collateral");
    }

    n = (size_t) snprintf(all, sizeof(all), "{\"version\": 1, \"tdx\": "
                          "{\"rtmr\": {\"3\": [\"%096d\"]}, \"tcb\": "
                          "[\"UpToDate\"], \"min_tcb_date\": \"2026-01-01\","
                          " \"attributes\": {\"required\": "
                          "\"0000001000000000\"}, \"collateral\": %s}}", 0,
                          text);
    seed("fuzz_policy", "tdx", NULL, 0, all, n);
}


/* A certificate about an enclave, in the form of other projects. */

static void
seeds_ratls(void)
{
    size_t               n, len = ATTEST_CLAIMS_MAX;
    X509                *x;
    uint8_t              rd[64], claims[ATTEST_CLAIMS_MAX], *to;
    EVP_PKEY            *key = attest_ratls_key_generate();
    ASN1_OBJECT         *cmw = OBJ_txt2obj("1.3.6.1.5.5.7.1.35", 1);
    const uint8_t       *p;
    attest_claims_t      c;
    attest_ratls_ccc_t   ccc;

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    (void) attest_x509_spki_hash(key, c.pubkey_hash);
    (void) attest_claims_encode(&c, claims, &len);
    (void) attest_claims_report_data(claims, len, rd);

    memset(&ccc, 0, sizeof(ccc));
    tdx_double_sgx(&td);
    n = DOUBLE_ROOM;

    if (!tdx_double_make(&td, rd, buf + DOUBLE_ROOM, &n)) {
        failed("no quote");
    }

    seed("fuzz_tdx", "sgx", NULL, 0, buf + DOUBLE_ROOM, n);
    ccc.quote.p = buf + DOUBLE_ROOM;
    ccc.quote.n = n;
    ccc.claims.p = claims;
    ccc.claims.n = len;
    n = DOUBLE_ROOM;

    if (attest_ratls_make(key, (const char *[]) { "gateway.test" }, 1,
                          DOUBLE_NOW, DOUBLE_NOW + 86400,
                          (const uint8_t *) "\xa0", 1, &ccc, buf, &n)
        != ATTEST_OK)
    {
        failed("no certificate");
    }

    p = buf;
    x = d2i_X509(NULL, &p, (long) n);
    X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_OBJ(x, cmw, -1)));
    (void) X509_sign(x, key, EVP_sha256());
    to = buf;
    n = (size_t) i2d_X509(x, &to);
    seed("fuzz_ratls", "published", "\1", 1, buf, n);

    X509_free(x);
    ASN1_OBJECT_free(cmw);
    EVP_PKEY_free(key);
}


static void
seeds(void)
{
    size_t                 n, len;
    uint8_t                spdm[GPU_DOUBLE_MAX_REPORT];
    gpu_double_t           hopper = GPU_DOUBLE_HOPPER;
    gpu_double_t           nvswitch = GPU_DOUBLE_SWITCH;
    log_double_t          *l = calloc(1, sizeof(*l));
    static const uint16_t  algs[] = { LOG_DOUBLE_SHA1, LOG_DOUBLE_SHA256 };

    seeds_snp();
    seeds_verify();
    seeds_azure();
    seeds_gcp();
    seeds_tcb();

    seed("fuzz_tdx", "quote-v4", NULL, 0, buf, tdx_quote(4, 2, buf));
    seed("fuzz_tdx", "quote-v5-td10", NULL, 0, buf, tdx_quote(5, 2, buf));
    seed("fuzz_tdx", "quote-v5-td15", NULL, 0, buf, tdx_quote(5, 3, buf));
    td.padding = 39;
    seed("fuzz_tdx", "quote-v4-padded", NULL, 0, buf, tdx_quote(4, 2, buf));
    td.padding = 0;
    seeds_ratls();

    seed("fuzz_nitro", "document", NULL, 0, buf, nitro(0, 0, buf));
    seed("fuzz_nitro", "debug", NULL, 0, buf, nitro(1, 0, buf));
    seed("fuzz_nitro", "tagged", NULL, 0, buf, nitro(0, 1, buf));

    n = gpu_item(&hopper, (char *) buf, spdm, &len);
    seed("fuzz_gpu", "hopper", NULL, 0, buf, n);
    seed("fuzz_spdm", "hopper", NULL, 0, spdm, len);
    n = gpu_item(&nvswitch, (char *) buf, spdm, &len);
    seed("fuzz_gpu", "switch", NULL, 0, buf, n);
    seed("fuzz_spdm", "switch", NULL, 0, spdm, len);
    GPU_DOUBLE_NEW(hopper);
    n = gpu_item(&hopper, (char *) buf, spdm, &len);
    seed("fuzz_gpu", "hopper-new", NULL, 0, buf, n);
    seed("fuzz_spdm", "hopper-new", NULL, 0, spdm, len);

    log_double_tpm(l, algs, 2);
    seed("fuzz_eventlog", "tpm", NULL, 0, l->p, l->n);
    log_double_ccel(l);
    seed("fuzz_eventlog", "ccel", NULL, 0, l->p, l->end + 8);
    free(l);
}
