/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure's paravisor: reports of the double and of real machines, then each
 * thing wrong in turn; and the item that carries them.
 */

#include <cjson/cJSON.h>
#include <openssl/rsa.h>

#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "azure_double.h"
#include "fixture.h"


#define HCL_SIZE    0x08
#define HCL_DATA    0x4c0
#define HCL_TYPE    0x4c8
#define HCL_HASH    0x4cc
#define HCL_VAR     0x4d0
#define HCL_JSON    0x4d4


static void count(const char *what, size_t tried, size_t refused);
static void test_report(uint8_t *p, size_t n);
static void test_real(void);
static void make_double(uint8_t *hcl, size_t *len);
static void real(const char *name, uint32_t version, uint32_t type,
    const char *vm, attest_hcl_bool_e secure_boot, int ek, size_t user_data);
static void test_upper(void);
static void test_layout(void);
static int parse_with(size_t off, uint32_t value);
static void test_flips(void);
static void test_cuts(void);
static void test_hashes(void);
static void test_json(void);
static int json(const char *text);
static int json_keys(const char *keys);
static int json_machine(const char *vm);
static void test_keys(void);
static int rsa_key(int bits, unsigned exponent);
static void test_item(void);
static void test_double(void);


static uint8_t  *snp;                /* a report of SEV-SNP, 2600 bytes */
static size_t    snp_len, snp_json;  /* and of its text */


int
main(void)
{
    size_t    n;
    uint8_t   hcl[4096], *p;

    test_double();
    test_upper();
    test_json();
    test_keys();

    make_double(hcl, &n);
    test_report(hcl, n);

    if (UNIT_HAVE("reports of real machines", "azure/snp-hcl-report.bin",
                  "azure/tdx-hcl-report.bin", "azure/hcl-report-snp-2048.bin",
                  "azure/hcl-report-tdx-2600.bin"))
    {
        test_real();

        p = unit_fixture("azure/snp-hcl-report.bin", &n);
        test_report(p, n);
        free(p);
    }

    DONE();
}


/* One report, and every way to bend it. */

static void
test_report(uint8_t *p, size_t n)
{
    attest_hcl_t  h;

    snp = p;
    snp_len = n;

    if (!OK(attest_hcl_parse(p, n, &h) == ATTEST_OK, "a report")) {
        return;
    }

    snp_json = h.json.n;
    attest_hcl_free(&h);

    test_layout();
    test_flips();
    test_cuts();
    test_hashes();
    test_item();
}


static void
make_double(uint8_t *hcl, size_t *len)
{
    size_t     n;
    char       text[2048];
    uint8_t    report[1184] = { 2 };
    EVP_PKEY  *ak = EVP_RSA_gen(2048), *ek = EVP_RSA_gen(2048);

    n = azure_double_json(ak, ek, NULL, text, sizeof(text));
    (void) azure_double_report_data(text, n, report + 80);
    *len = azure_double_hcl(AZURE_DOUBLE_SNP, report, sizeof(report), text,
                            n, hcl, 4096);
    EVP_PKEY_free(ak);
    EVP_PKEY_free(ek);
}


static void
count(const char *what, size_t tried, size_t refused)
{
    if (OK(refused == tried && tried != 0, "%s", what)) {
        printf("# %zu mutations, none accepted\n", tried);
    }
}


static void
test_real(void)
{
    real("snp-hcl-report.bin", 1, ATTEST_HCL_SNP,
         "911B0EF8-9DBA-48B0-B275-4E4DF2D39252", ATTEST_HCL_TRUE, 1, 64);
    real("tdx-hcl-report.bin", 2, ATTEST_HCL_TDX,
         "6332533D-5649-4D02-8AA7-8F64B7C3EE21", ATTEST_HCL_TRUE, 1, 64);
    real("hcl-report-snp-2048.bin", 1, ATTEST_HCL_SNP,
         "BAEFD3E1-184B-4C4C-AB88-0BDAD260505F", ATTEST_HCL_TRUE, 0, 0);
    real("hcl-report-tdx-2600.bin", 2, ATTEST_HCL_TDX,
         "D270E56B-F668-4990-A5BC-9B624576841D", ATTEST_HCL_FALSE, 1, 64);
}


static void
real(const char *name, uint32_t version, uint32_t type, const char *vm,
    attest_hcl_bool_e secure_boot, int ek, size_t user_data)
{
    char          path[128];
    size_t        n;
    uint8_t      *p;
    attest_hcl_t  h;

    (void) snprintf(path, sizeof(path), "azure/%s", name);
    p = unit_fixture(path, &n);

    if (!OK(attest_hcl_parse(p, n, &h) == ATTEST_OK, "%s: parses", name)) {
        free(p);
        return;
    }

    IS_INT(h.version, version, "%s: version", name);
    IS_INT(h.type, type, "%s: type of report", name);
    IS_INT(h.hash, 1, "%s: SHA-256", name);
    IS_INT(h.report.n, type == ATTEST_HCL_SNP ? 1184 : 1024,
           "%s: hardware report", name);
    IS_INT(attest_hcl_check(&h), ATTEST_OK, "%s: its report_data is the "
           "text's hash", name);
    OK(strcmp(h.runtime.vm_unique_id, vm) == 0, "%s: machine %s", name,
       h.runtime.vm_unique_id);
    IS_INT(h.runtime.secure_boot, secure_boot, "%s: secure boot", name);
    IS_INT(h.runtime.console_enabled, ATTEST_HCL_TRUE, "%s: console", name);
    IS_INT(h.runtime.tpm_enabled, ATTEST_HCL_TRUE, "%s: TPM", name);
    IS_INT(h.runtime.tpm_persisted, type == ATTEST_HCL_SNP
           ? ATTEST_HCL_UNSAID : ATTEST_HCL_FALSE, "%s: TPM state", name);
    IS_INT(EVP_PKEY_get_bits(h.runtime.ak), 2048, "%s: HCLAkPub", name);
    IS_INT(h.runtime.ek != NULL, ek, "%s: HCLEkPub", name);
    IS_INT(h.runtime.user_data_len, user_data, "%s: user-data", name);
    OK((h.runtime.root_cert_thumbprint[0] != '\0')
       == (type == ATTEST_HCL_TDX), "%s: thumbprint", name);

    attest_hcl_free(&h);
    OK(h.runtime.ak == NULL, "%s: freed", name);
    free(p);
}


/* The same with upper case hex in "user-data", as some machines write it. */

static void
test_upper(void)
{
    static const char     hex[] = "982F5C6E45DF0ED3F10B6F60B02F0C83";
    uint8_t               want[16];
    attest_hcl_runtime_t  rt;
    char                  text[1024];
    EVP_PKEY             *key = EVP_RSA_gen(2048);
    azure_double_vm_t     vm = { .user_data = hex };
    attest_span_t         s;

    unit_hex(hex, want, 16);
    s.p = (const uint8_t *) text;
    s.n = azure_double_json(key, NULL, &vm, text, sizeof(text));

    IS_INT(attest_hcl_runtime_parse(s, &rt), ATTEST_OK, "upper case hex");
    OK(rt.user_data_len == 16 && memcmp(rt.user_data, want, 16) == 0,
       "is read as lower case");
    IS_INT(EVP_PKEY_eq(rt.ak, key), 1, "HCLAkPub is that key");

    attest_hcl_runtime_free(&rt);
    EVP_PKEY_free(key);
}


static int
parse_with(size_t off, uint32_t value)
{
    int           rc;
    uint8_t      *p = malloc(snp_len);
    attest_hcl_t  h;

    memcpy(p, snp, snp_len);
    azure_double_le32(p + off, value);

    rc = attest_hcl_parse(p, snp_len, &h);
    if (rc == ATTEST_OK) {
        rc = attest_hcl_check(&h);
        attest_hcl_free(&h);
    }

    free(p);
    return rc;
}


static void
test_layout(void)
{
    size_t                 i, k, bad = 0, tried = 0;
    static const uint32_t  wrong[] = {
        0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffb00
    };
    static const size_t    sizes[] = { HCL_SIZE, HCL_DATA, HCL_VAR };
    uint32_t               good[] = {
        (uint32_t) (HCL_JSON + snp_json), (uint32_t) (20 + snp_json),
        (uint32_t) snp_json
    };

    IS_INT(parse_with(HCL_SIZE, good[0]), ATTEST_OK, "sizes as they are");

    for (i = 0; i < 3; i++) {
        for (k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++, tried++) {
            bad += parse_with(sizes[i], wrong[k]) == ATTEST_EFORMAT;
        }

        for (k = 1; k < 300; k++, tried += 2) {
            bad += parse_with(sizes[i], good[i] + (uint32_t) k)
                   == ATTEST_EFORMAT;
            bad += parse_with(sizes[i], good[i] - (uint32_t) k)
                   == ATTEST_EFORMAT;
        }
    }

    count("sizes that do not agree are refused", tried, bad);

    IS_INT(parse_with(0, 0x414c4344), ATTEST_EFORMAT, "another signature");
    IS_INT(parse_with(4, 0), ATTEST_EUNSUPPORTED, "version 0");
    IS_INT(parse_with(4, 2), ATTEST_OK, "version 2 has the same layout");
    IS_INT(parse_with(4, 3), ATTEST_EUNSUPPORTED, "version 3");
    IS_INT(parse_with(0x0c, 1), ATTEST_EFORMAT, "another request");
    IS_INT(parse_with(0x10, 1), ATTEST_EFORMAT, "a status of failure");
    IS_INT(parse_with(0x14, 1), ATTEST_EFORMAT, "reserved, not zero");
    IS_INT(parse_with(0x4c4, 2), ATTEST_EUNSUPPORTED, "version 2 of data");
    IS_INT(parse_with(HCL_TYPE, 0), ATTEST_EUNSUPPORTED, "no report type");
    IS_INT(parse_with(HCL_TYPE, 3), ATTEST_EUNSUPPORTED, "VBS");
    IS_INT(parse_with(HCL_TYPE, 4), ATTEST_EMISMATCH, "SNP called TDX");
    IS_INT(parse_with(HCL_HASH, 0), ATTEST_EUNSUPPORTED, "no hash");
    IS_INT(parse_with(HCL_HASH, 4), ATTEST_EUNSUPPORTED, "hash 4");
    IS_INT(parse_with(snp_len - 4, 1), ATTEST_EFORMAT, "behind the text");
}


/* Each byte of header and text: refused, or no longer what was hashed. */

static void
test_flips(void)
{
    size_t         i, tried = 0, accepted = 0;
    attest_hcl_t   h;

    for (i = 0; i < snp_len; i++) {

        /* the hardware report, but for report_data, is its signature's */

        if (i >= 32 && i < HCL_DATA && (i < 32 + 80 || i >= 32 + 144)) {
            continue;
        }

        snp[i] ^= (uint8_t) (1 << (i % 8));

        if (attest_hcl_parse(snp, snp_len, &h) == ATTEST_OK) {
            accepted += attest_hcl_check(&h) == ATTEST_OK;
            attest_hcl_free(&h);
        }

        snp[i] ^= (uint8_t) (1 << (i % 8));
        tried++;
    }

    count("no byte of header, report_data and text can change", tried,
          tried - accepted);
}


static void
test_cuts(void)
{
    size_t         n, end = HCL_JSON + snp_json, bad = 0;
    uint8_t       *p;
    attest_hcl_t   h;

    for (n = 0; n < end; n++) {
        p = malloc(n + 1);
        memcpy(p, snp, n);
        bad += attest_hcl_parse(n == 0 ? NULL : p, n, &h) == ATTEST_EFORMAT;
        free(p);
    }

    count("cut anywhere in the report it is refused", n, bad);

    IS_INT(attest_hcl_parse(snp, end, &h), ATTEST_OK, "without padding");
    attest_hcl_free(&h);

    p = calloc(1, ATTEST_MAX_ITEM + 1);
    memcpy(p, snp, snp_len);
    IS_INT(attest_hcl_parse(p, ATTEST_MAX_ITEM, &h), ATTEST_OK,
           "with more padding");
    attest_hcl_free(&h);
    IS_INT(attest_hcl_parse(p, ATTEST_MAX_ITEM + 1, &h), ATTEST_ELIMIT,
           "not with more than an item may have");
    memset(p, 0, ATTEST_MAX_ITEM);
    IS_INT(attest_hcl_parse(p, ATTEST_MAX_ITEM, &h), ATTEST_EFORMAT,
           "zeros");
    free(p);
}


/* Hashes 2 and 3 are SHA-384 and SHA-512. */

static void
test_hashes(void)
{
    uint8_t       *p = malloc(snp_len);
    attest_hcl_t   h;

    memcpy(p, snp, snp_len);
    azure_double_le32(p + HCL_HASH, 2);
    IS_INT(attest_hcl_parse(p, snp_len, &h), ATTEST_OK, "hash 2");
    IS_INT(attest_hcl_check(&h), ATTEST_EMISMATCH, "is not SHA-256");

    memset(p + 32 + 80, 0, 64);
    (void) EVP_Digest(h.json.p, h.json.n, p + 32 + 80, NULL, EVP_sha384(),
                      NULL);
    IS_INT(attest_hcl_check(&h), ATTEST_OK, "but SHA-384");
    p[32 + 80 + 63] = 1;
    IS_INT(attest_hcl_check(&h), ATTEST_EMISMATCH, "and zeros behind it");
    attest_hcl_free(&h);

    azure_double_le32(p + HCL_HASH, 3);
    IS_INT(attest_hcl_parse(p, snp_len, &h), ATTEST_OK, "hash 3");
    (void) EVP_Digest(h.json.p, h.json.n, p + 32 + 80, NULL, EVP_sha512(),
                      NULL);
    IS_INT(attest_hcl_check(&h), ATTEST_OK, "is SHA-512");
    attest_hcl_free(&h);
    free(p);
}


static int
json(const char *text)
{
    int                    rc;
    size_t                 n = strlen(text);
    uint8_t               *p = malloc(n + 1);
    attest_span_t          s;
    attest_hcl_runtime_t   rt;

    /* exactly as long as the text, for the sanitizer */

    s.p = realloc(p, n == 0 ? 1 : n);
    memcpy((uint8_t *) s.p, text, n);
    s.n = n;

    rc = attest_hcl_runtime_parse(s, &rt);
    if (rc == ATTEST_OK) {
        attest_hcl_runtime_free(&rt);
    }

    free((uint8_t *) s.p);
    return rc;
}


static char  ak_n[700];

#define AK  "{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}"


static int
json_keys(const char *keys)
{
    char  text[4096];

    (void) snprintf(text, sizeof(text), "{\"keys\":[%s]}", keys);
    return json(text);
}


static int
json_machine(const char *rest)
{
    char  text[4096];

    (void) snprintf(text, sizeof(text), "{\"keys\":[" AK "]%s}", ak_n, rest);
    return json(text);
}


static void
test_json(void)
{
    size_t      i;
    char        deep[64];
    EVP_PKEY   *key = EVP_RSA_gen(2048);

    (void) azure_double_modulus(key, ak_n, sizeof(ak_n));
    EVP_PKEY_free(key);

    IS_INT(json_machine(""), ATTEST_OK, "a key alone");
    IS_INT(json_machine(",\"new\":[1,-2.5e3,null,{\"a\":1}]"), ATTEST_OK,
           "unknown members");
    IS_INT(json_machine(" \n"), ATTEST_OK, "blanks");
    IS_INT(json(""), ATTEST_EFORMAT, "no text");
    IS_INT(json("[]"), ATTEST_EFORMAT, "no object");
    IS_INT(json("{}"), ATTEST_EFORMAT, "no keys");
    IS_INT(json("{\"keys\":{}}"), ATTEST_EFORMAT, "keys are no list");
    IS_INT(json_machine("} {"), ATTEST_EFORMAT, "something follows");
    IS_INT(json_machine(",\"x\":\"\x01\""), ATTEST_EFORMAT, "control");
    IS_INT(json_machine(",\"x\":\"\\u0000\""), ATTEST_EFORMAT, "NUL");
    IS_INT(json_machine(",\"x\":\"\\\\u0000\""), ATTEST_OK,
           "a backslash and u0000");
    IS_INT(json_machine(",\"x\":\""), ATTEST_EFORMAT, "a text without end");
    IS_INT(json_machine("\x0b"), ATTEST_EFORMAT, "a foreign blank");
    IS_INT(json_machine(",\"keys\":[]"), ATTEST_EFORMAT, "keys twice");
    IS_INT(json_machine(",\"a\":{\"b\":[{\"c\":1,\"c\":1}]}"),
           ATTEST_EFORMAT, "a member twice, far down");
    IS_INT(json_machine(",\"user-data\":1"), ATTEST_EFORMAT, "user-data");
    IS_INT(json_machine(",\"user-data\":\"0\""), ATTEST_EFORMAT, "odd");
    IS_INT(json_machine(",\"user-data\":\"0g\""), ATTEST_EFORMAT, "not hex");
    IS_INT(json_machine(",\"user-data\":\"0aFf\""), ATTEST_OK, "hex");
    IS_INT(json_machine(",\"vm-configuration\":[]"), ATTEST_EFORMAT,
           "vm-configuration is no object");
    IS_INT(json_machine(",\"vm-configuration\":{\"secure-boot\":1}"),
           ATTEST_EFORMAT, "secure-boot is no bool");
    IS_INT(json_machine(",\"vm-configuration\":{\"vmUniqueId\":1}"),
           ATTEST_EFORMAT, "vmUniqueId is no text");
    IS_INT(json_machine(",\"vm-configuration\":{\"secure-boot\":true,"
                        "\"secure-boot\":false}"),
           ATTEST_EFORMAT, "secure-boot twice");

    for (i = 0; i < 8; i++) {
        (void) snprintf(deep, sizeof(deep), ",\"x\":%.*s1%.*s", (int) i,
                        "[[[[[[[[", (int) i, "]]]]]]]]");
        IS_INT(json_machine(deep), i < 8 ? ATTEST_OK : ATTEST_ELIMIT,
               "%zu deep", i + 1);
    }

    IS_INT(json_machine(",\"x\":[[[[[[[[1]]]]]]]]"), ATTEST_ELIMIT,
           "9 deep");
}


static void
test_keys(void)
{
    char  one[1024], keys[4096];

    (void) snprintf(one, sizeof(one), AK, ak_n);
    IS_INT(json_keys(one), ATTEST_OK, "HCLAkPub");
    (void) snprintf(keys, sizeof(keys), "%s,%s", one, one);
    IS_INT(json_keys(keys), ATTEST_EFORMAT, "not twice");
    (void) snprintf(keys, sizeof(keys), "%s,{\"kid\":\"Other\"}", one);
    IS_INT(json_keys(keys), ATTEST_OK, "other keys are left aside");
    IS_INT(json_keys(""), ATTEST_EFORMAT, "no key");
    IS_INT(json_keys("{\"kid\":\"HCLEkPub\"}"), ATTEST_EFORMAT, "no type");
    IS_INT(json_keys("1"), ATTEST_EFORMAT, "no object");
    IS_INT(json_keys("{\"kid\":1}"), ATTEST_EFORMAT, "no name");
    IS_INT(json_keys("{\"KID\":\"HCLAkPub\"}"), ATTEST_EFORMAT,
           "names are case sensitive");
    IS_INT(json_keys("{\"kid\":\"HCLAkPub\",\"kty\":\"EC\"}"),
           ATTEST_EUNSUPPORTED, "an EC key");

    IS_INT(rsa_key(2048, 65537), ATTEST_OK, "RSA 2048");
    IS_INT(rsa_key(3072, 65537), ATTEST_OK, "RSA 3072");
    IS_INT(rsa_key(4096, 65537), ATTEST_OK, "RSA 4096");
    IS_INT(rsa_key(1024, 65537), ATTEST_ECRYPTO, "RSA 1024");
    IS_INT(rsa_key(2047, 65537), ATTEST_ECRYPTO, "RSA 2047");
    IS_INT(rsa_key(2048, 3), ATTEST_EUNSUPPORTED, "exponent 3");
    IS_INT(rsa_key(2048, 0), ATTEST_EFORMAT, "an even number");
    IS_INT(rsa_key(2048, 1), ATTEST_EFORMAT, "padded base64");
    IS_INT(rsa_key(4104, 65537), ATTEST_EFORMAT, "longer than 4096");
}


/* A key of that size in text; exponent 0 and 1: see test_keys(). */

static int
rsa_key(int bits, unsigned exponent)
{
    size_t    i, n = ((size_t) bits + 7) / 8;
    uint8_t   raw[520];
    char      text[1024], b64[700];

    memset(raw, 0xa5, sizeof(raw));
    raw[0] = bits % 8 == 0 ? 0xa5 : 0x55;
    raw[n - 1] = exponent == 0 ? 0xa4 : 0xa5;
    (void) EVP_EncodeBlock((uint8_t *) b64, raw, (int) n);

    for (i = 0; b64[i] != '\0'; i++) {
        b64[i] = b64[i] == '+' ? '-' : b64[i] == '/' ? '_' : b64[i];

        if (b64[i] == '=' && exponent != 1) {
            b64[i] = '\0';
            break;
        }
    }

    (void) snprintf(text, sizeof(text), "{\"kid\":\"HCLAkPub\",\"kty\":"
                    "\"RSA\",\"e\":\"%s\",\"n\":\"%s\"}",
                    exponent == 3 ? "Aw" : "AQAB", b64);
    return json_keys(text);
}


static void
test_item(void)
{
    size_t           i, n, len, bad = 0;
    uint8_t         *p, *cut;
    attest_azure_t   a, b;

    memset(&a, 0, sizeof(a));
    a.hcl_report.p = snp;
    a.hcl_report.n = snp_len;
    a.vcek_chain.p = (const uint8_t *) "chain";
    a.vcek_chain.n = 5;
    a.td_quote.p = (const uint8_t *) "quote";
    a.td_quote.n = 5;

    n = 0;
    IS_INT(attest_azure_encode(&a, NULL, &n), ATTEST_ENOSPACE, "item: need");
    p = malloc(n);
    len = n;
    IS_INT(attest_azure_encode(&a, p, &len), ATTEST_OK, "item: encode");
    IS_MEM(p, "\xa3\x68td-quote\x45quote\x6ahcl-report\x59\x0a\x28", 28,
           "item: sorted, shortest");
    IS_INT(attest_azure_parse(p, n, &b), ATTEST_OK, "item: parse");
    OK(b.hcl_report.n == snp_len && b.td_quote.n == 5 && b.vcek_chain.n == 5
       && memcmp(b.vcek_chain.p, "chain", 5) == 0, "item: what was written");

    for (i = 0; i < n; i++) {
        cut = malloc(i + 1);
        memcpy(cut, p, i);
        bad += attest_azure_parse(cut, i, &b) == ATTEST_EFORMAT;
        free(cut);
    }

    count("item: cut anywhere it is refused", n, bad);

    p = realloc(p, n + 1);
    p[n] = 0;
    IS_INT(attest_azure_parse(p, n + 1, &b), ATTEST_EFORMAT, "item: behind");
    free(p);

    len = 0;
    a.hcl_report.n = 0;
    IS_INT(attest_azure_encode(&a, NULL, &len), ATTEST_EARG, "item: empty");
    a.hcl_report.n = ATTEST_MAX_ITEM;
    IS_INT(attest_azure_encode(&a, NULL, &len), ATTEST_ELIMIT, "item: long");

#define ITEM(s)  attest_azure_parse((const uint8_t *) s, sizeof(s) - 1, &b)

    IS_INT(ITEM("\xa1\x6ahcl-report\x41x"), ATTEST_OK, "item: a report");
    IS_INT(ITEM("\xa1\x6ahcl-report\x40"), ATTEST_EFORMAT, "item: of 0");
    IS_INT(ITEM("\xa1\x6ahcl-report\x61x"), ATTEST_EFORMAT, "item: text");
    IS_INT(ITEM("\xa1\x68td-quote\x41x"), ATTEST_EFORMAT, "item: no report");
    IS_INT(ITEM("\xa0"), ATTEST_EFORMAT, "item: nothing");
    IS_INT(ITEM("\xa2\x6ahcl-report\x41x\x6ahcl-report\x41x"),
           ATTEST_EFORMAT, "item: twice");
    IS_INT(ITEM("\xa2\x6ahcl-report\x41x\x68td-quote\x41x"),
           ATTEST_EFORMAT, "item: not sorted");
    IS_INT(ITEM("\xa2\x6ahcl-report\x41x\x6ahcl-reporu\x41x"),
           ATTEST_EFORMAT, "item: a foreign key");
    IS_INT(ITEM("\xbf\x6ahcl-report\x41x\xff"), ATTEST_EFORMAT,
           "item: indefinite");
}


/* What the double makes is what the parser reads. */

static void
test_double(void)
{
    size_t         n;
    char           text[2048];
    uint8_t        report[1184] = { 2 }, tdreport[1024], hcl[4096];
    uint8_t        info[400];
    EVP_PKEY      *ak = EVP_RSA_gen(2048), *ek = EVP_RSA_gen(2048);
    attest_hcl_t   h;

    static const azure_double_vm_t  newer = { .newer = 1,
                                              .no_secure_boot = 1 };

    memset(info, 0x77, sizeof(info));

    n = azure_double_json(ak, ek, NULL, text, sizeof(text));
    OK(n != 0 && azure_double_report_data(text, n, report + 80),
       "double: text");
    n = azure_double_hcl(AZURE_DOUBLE_SNP, report, sizeof(report), text, n,
                         hcl, sizeof(hcl));
    IS_INT(n, 2600, "double: report");
    IS_INT(attest_hcl_parse(hcl, n, &h), ATTEST_OK, "double: parses");
    IS_INT(attest_hcl_check(&h), ATTEST_OK, "double: hash");
    IS_INT(EVP_PKEY_eq(h.runtime.ek, ek), 1, "double: HCLEkPub");
    IS_INT(h.version, 1, "double: version");
    OK(strcmp(h.runtime.vm_unique_id, AZURE_DOUBLE_VM) == 0,
       "double: machine");
    OK(h.runtime.secure_boot == ATTEST_HCL_TRUE
       && h.runtime.console_enabled == ATTEST_HCL_FALSE
       && h.runtime.tpm_enabled == ATTEST_HCL_TRUE
       && h.runtime.tpm_persisted == ATTEST_HCL_UNSAID
       && h.runtime.root_cert_thumbprint[0] == '\0', "double: its settings");
    IS_INT(h.runtime.user_data_len, 64, "double: user-data");
    OK(azure_double_tdreport(info, h.report_data.p, tdreport),
       "double: TDREPORT");
    attest_hcl_free(&h);

    n = azure_double_json(ak, NULL, &newer, text, sizeof(text));
    (void) azure_double_report_data(text, n, report);
    OK(azure_double_tdreport(info, report, tdreport), "double: another");
    n = azure_double_hcl(AZURE_DOUBLE_TDX, tdreport, sizeof(tdreport), text,
                         strlen(text), hcl, sizeof(hcl));
    IS_INT(attest_hcl_parse(hcl, n, &h), ATTEST_OK, "double: TDX parses");
    IS_INT(h.version, 2, "double: TDX version");
    OK(h.runtime.secure_boot == ATTEST_HCL_FALSE
       && h.runtime.tpm_persisted == ATTEST_HCL_FALSE
       && strcmp(h.runtime.root_cert_thumbprint, "6nZZnYaJ") == 0
       && h.runtime.ek == NULL, "double: TDX settings");
    IS_INT(attest_hcl_check(&h), ATTEST_OK, "double: TDX hash");
    IS_MEM(h.report.p + ATTEST_TDREPORT_TDINFO, info, ATTEST_TDINFO_SIGNED,
           "double: TDINFO");
    attest_hcl_free(&h);

    EVP_PKEY_free(ak);
    EVP_PKEY_free(ek);
}
