/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Azure provider.  Without arguments: what needs neither TPM nor metadata
 * service.  With a scenario: run by provider_azure.t.
 */


#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "azure_machine.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_cmw.h"
#include "fixture.h"
#include "provider_double.h"
#include "providers/prov_azure.h"
#include "providers/prov_http.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tcti_conf.h"
#include "core/evidence/attest_azure.h"


/* ---- offline: HTTP */

static void
answer(const char *text, int rc, const char *want)
{
    int            got;
    char           error[256] = "", *copy;
    size_t         n = strlen(text);
    attest_span_t  body;

    copy = malloc(n);               /* exact: a sanitizer sees the end */
    memcpy(copy, text, n);

    got = prov_http_answer((uint8_t *) copy, n, &body, error);
    OK(got == rc && (rc != ATTEST_OK
                     ? strstr(error, want) != NULL
                     : body.n == strlen(want)
                       && memcmp(body.p, want, body.n) == 0),
       "%d %.40s", got, rc != ATTEST_OK ? error : want);
    free(copy);
}


#define H200  "HTTP/1.1 200 OK\r\n"
#define CHUNK H200 "Transfer-Encoding: chunked\r\n\r\n"

static void
offline_http(void)
{
    size_t      i, n, bad;
    char        error[256], copy[256];
    const char *whole = CHUNK "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    attest_span_t  body;

    answer(H200 "Content-Length: 3\r\n\r\nabc", 0, "abc");
    answer("HTTP/1.0 200\r\nCONTENT-LENGTH:\t3 \r\n\r\nabc", 0, "abc");
    answer(H200 "Content-Length: 0\r\n\r\n", 0, "");
    answer(whole, 0, "abc0123456789abcdef");
    answer(CHUNK "0\r\n\r\n", 0, "");

    answer("", ATTEST_EFORMAT, "without an answer");
    answer("HTTP/1.1 200 OK\r\n", ATTEST_EFORMAT, "no head");
    answer("HTTP/2 200 OK\r\n\r\n", ATTEST_EFORMAT, "not HTTP");
    answer("HTTP/1.1 2000 OK\r\n\r\n", ATTEST_EFORMAT, "not HTTP");
    answer("HTTP/1.1 20a OK\r\n\r\n", ATTEST_EFORMAT, "not HTTP");
    answer("HTTP/1.1 200\r\n\r\n", ATTEST_EFORMAT, "malformed");
    answer("HTTP/1.1 404 No\r\n\r\n", ATTEST_EUNSUPPORTED, "status 404");
    answer("HTTP/1.1 100 Go\r\n\r\n", ATTEST_EUNSUPPORTED, "status 100");
    answer(H200 "Content-Length: 3\r\n\r\nabcd", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length: 4\r\n\r\nabc", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length: 0x3\r\n\r\nabc", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length: +3\r\n\r\nabc", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length: \r\n\r\nabc", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length : 3\r\n\r\nabc", ATTEST_EFORMAT, "mal");
    answer(H200 "Content-Length: 999999999\r\n\r\n", ATTEST_EFORMAT, "mal");
    answer(H200 "no colon\r\nContent-Length: 3\r\n\r\nabc", ATTEST_EFORMAT,
           "mal");
    answer(H200 "Transfer-Encoding: gzip\r\n\r\n", ATTEST_EFORMAT, "mal");
    answer(CHUNK "3\r\nabcd\r\n0\r\n\r\n", ATTEST_EFORMAT, "mal");
    answer(CHUNK "3;x=1\r\nabc\r\n0\r\n\r\n", ATTEST_EFORMAT, "mal");
    answer(CHUNK "ffffffff\r\nabc\r\n0\r\n\r\n", ATTEST_EFORMAT, "mal");
    answer(CHUNK "3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n", ATTEST_EFORMAT,
           "mal");
    answer(CHUNK "0\r\n\r\nx", ATTEST_EFORMAT, "mal");

    n = strlen(whole);
    for (i = bad = 0; i < n; i++) {
        memcpy(copy, whole, i);
        bad += prov_http_answer((uint8_t *) copy, i, &body, error)
               == ATTEST_OK;
    }
    IS_INT(bad, 0, "%zu truncations, none accepted", n);
}


static void
offline_address(void)
{
    size_t  i;

    static const char  *good[] = {
        "169.254.169.254:80", "127.0.0.1:65535"
    };
    static const char  *wrong[] = {
        "", ":", ":80", "169.254.169.254", "169.254.169.254:",
        "169.254.169.254:0", "169.254.169.254:65536", "localhost:80",
        "1.2.3:80", "::1:80", "[::1]:80", "[127.0.0.1]:80",
        "127.0.0.1:80/x", "http://127.0.0.1:80", "127.0.0.1: 80"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        IS_INT(prov_http_address_check(good[i]), ATTEST_OK, "accepted: %s",
               good[i]);
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        IS_INT(prov_http_address_check(wrong[i]), ATTEST_EARG,
               "refused: \"%s\"", wrong[i]);
    }
}


/* ---- offline: reports of real machines */

static size_t
decode(const cJSON *json, const char *name, uint8_t *out)
{
    int          got;
    char         copy[32768];
    size_t       i, n, pad;
    const char  *text;

    text = cJSON_GetObjectItemCaseSensitive(json, name)->valuestring;
    n = strcspn(text, "=");
    pad = (4 - n % 4) % 4;

    for (i = 0; i < n + pad; i++) {
        copy[i] = (char) (i >= n ? '=' : text[i] == '-' ? '+'
                          : text[i] == '_' ? '/' : text[i]);
    }

    got = EVP_DecodeBlock(out, (uint8_t *) copy, (int) (n + pad));
    return (size_t) got - pad;
}


/* The report, parsed, and what vouches for it: borrowed from the buffers. */

static void
machine(const char *file, const char *proof_name, uint8_t *report,
    attest_hcl_t *hcl, uint8_t *proof, attest_span_t *span)
{
    char      path[128];
    cJSON    *json;
    size_t    n;
    uint8_t  *text;

    snprintf(path, sizeof(path), "azure/%s", file);
    text = unit_fixture(path, NULL);
    json = cJSON_Parse((char *) text);

    n = decode(json, "hcl_report", report);
    if (attest_hcl_parse(report, n, hcl) != ATTEST_OK) {
        printf("Bail out! %s\n", file);
        exit(1);
    }

    span->p = proof;
    span->n = decode(json, proof_name, proof);

    cJSON_Delete(json);
    free(text);
}


static void
offline_machines(void)
{
    int            genuine;
    char           error[256];
    uint8_t        report[3][4096], proof[3][16384];
    attest_hcl_t   hcl[3];
    attest_span_t  span[3], none = { (const uint8_t *) "x", 1 };

    if (!UNIT_HAVE("Azure's machines", "azure/snp-evidence-v1.json",
                   "azure/snp-evidence-v2.json",
                   "azure/tdx-evidence-v1.json"))
    {
        return;
    }

    machine("snp-evidence-v1.json", "vcek", report[0], &hcl[0], proof[0],
            &span[0]);
    machine("snp-evidence-v2.json", "vcek", report[1], &hcl[1], proof[1],
            &span[1]);
    machine("tdx-evidence-v1.json", "td_quote", report[2], &hcl[2], proof[2],
            &span[2]);

    error[0] = '\0';
    OK(prov_azure_check(&hcl[0], span[0], &genuine, error) == ATTEST_OK
       && genuine, "SEV-SNP, leads to AMD's root %s", error);
    OK(prov_azure_check(&hcl[1], span[1], &genuine, error) == ATTEST_OK
       && genuine, "another, leads to AMD's root %s", error);
    OK(prov_azure_check(&hcl[2], span[2], &genuine, error) == ATTEST_OK
       && genuine, "TDX, leads to Intel's root %s", error);

    OK(prov_azure_check(&hcl[0], span[2], &genuine, error) != ATTEST_OK
       && !genuine, "%s", error);
    OK(prov_azure_check(&hcl[2], span[0], &genuine, error) != ATTEST_OK
       && !genuine, "%s", error);
    OK(prov_azure_check(&hcl[0], none, &genuine, error) != ATTEST_OK
       && !genuine, "%s", error);

    report[0][32 + 0x50] ^= 1;      /* report_data */
    OK(prov_azure_check(&hcl[0], span[0], &genuine, error)
       == ATTEST_ECRYPTO, "%s", error);
    report[1][32 + 0x180] ^= 1;     /* reported_tcb */
    OK(prov_azure_check(&hcl[1], span[1], &genuine, error)
       == ATTEST_EMISMATCH, "%s", error);
    report[2][32 + 128] ^= 1;       /* report_data of the TDREPORT */
    OK(prov_azure_check(&hcl[2], span[2], &genuine, error)
       == ATTEST_EMISMATCH, "%s", error);
    report[2][32 + 128] ^= 1;
    proof[2][100] ^= 1;
    OK(prov_azure_check(&hcl[2], span[2], &genuine, error)
       == ATTEST_ECRYPTO, "%s", error);

    attest_hcl_free(&hcl[0]);
    attest_hcl_free(&hcl[1]);
    attest_hcl_free(&hcl[2]);
}


/* The same of the doubles, whose roots are nobody's. */

static void
offline_doubles(void)
{
    int               genuine, i;
    char              error[256];
    EVP_PKEY         *ak = EVP_RSA_gen(2048);
    snp_double_t      d;
    tdx_double_t      tdx;
    attest_hcl_t      hcl[3];
    attest_span_t     span[3], none = { (const uint8_t *) "x", 1 };
    azure_machine_t   m[3];

    memset(&d, 0, sizeof(d));
    d.bits = 2048;
    memset(d.chip, 0xc1, sizeof(d.chip));
    d.tcb[2] = 8;

    OK(snp_double_init(&d) && snp_double_leaf(&d)
       && tdx_double_init(&tdx, SNP_DOUBLE_FROM, SNP_DOUBLE_UNTIL)
       && azure_machine_snp(&m[0], &d, ak, NULL, NULL)
       && azure_machine_snp(&m[1], &d, ak, ak, NULL)
       && azure_machine_tdx(&m[2], &tdx, ak, NULL, NULL), "doubles");

    for (i = 0; i < 3; i++) {
        error[0] = '\0';
        span[i].p = m[i].proof;
        span[i].n = m[i].proof_len;
        OK(attest_hcl_parse(m[i].hcl, m[i].hcl_len, &hcl[i]) == ATTEST_OK
           && prov_azure_check(&hcl[i], span[i], &genuine, error)
              == ATTEST_OK && !genuine, "double %d: good, nobody's %s", i,
           error);
    }

    OK(prov_azure_check(&hcl[0], span[2], &genuine, error) != ATTEST_OK
       && !genuine, "double: %s", error);
    OK(prov_azure_check(&hcl[2], span[0], &genuine, error) != ATTEST_OK
       && !genuine, "double: %s", error);
    OK(prov_azure_check(&hcl[0], none, &genuine, error) != ATTEST_OK
       && !genuine, "double: %s", error);

    m[0].hcl[32 + 0x50] ^= 1;       /* report_data */
    OK(prov_azure_check(&hcl[0], span[0], &genuine, error)
       == ATTEST_ECRYPTO, "double: %s", error);
    m[1].hcl[32 + 0x180 + 7] ^= 1;  /* reported_tcb */
    OK(prov_azure_check(&hcl[1], span[1], &genuine, error)
       == ATTEST_EMISMATCH, "double: %s", error);
    m[2].hcl[32 + 128] ^= 1;        /* report_data of the TDREPORT */
    OK(prov_azure_check(&hcl[2], span[2], &genuine, error)
       == ATTEST_EMISMATCH, "double: %s", error);
    m[2].hcl[32 + 128] ^= 1;
    m[2].proof[100] ^= 1;
    OK(prov_azure_check(&hcl[2], span[2], &genuine, error)
       == ATTEST_ECRYPTO, "double: %s", error);

    for (i = 0; i < 3; i++) {
        attest_hcl_free(&hcl[i]);
    }

    EVP_PKEY_free(ak);
    snp_double_free(&d);
    tdx_double_free(&tdx);
}


/* ---- prepare: what the TPM and the metadata service are to hold */

static void
put_json(const char *dir, const char *name, snp_double_t *d)
{
    BIO    *bio[2] = { BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()) };
    int     i;
    char   *text, *p;
    cJSON  *json = cJSON_CreateObject();

    PEM_write_bio_X509(bio[0], d->leaf);
    PEM_write_bio_X509(bio[1], d->ask);
    PEM_write_bio_X509(bio[1], d->ark);

    for (i = 0; i < 2; i++) {
        BIO_write(bio[i], "", 1);
        BIO_get_mem_data(bio[i], &p);
        cJSON_AddStringToObject(json, i == 0 ? "vcekCert"
                                : "certificateChain", p);
        BIO_free(bio[i]);
    }

    cJSON_AddStringToObject(json, "tcbm", "DB18000000000004");
    text = cJSON_Print(json);
    pd_text(dir, name, text);
    cJSON_free(text);
    cJSON_Delete(json);
}


static void
put_pem(const char *dir, const char *name, const snp_double_t *d)
{
    BIO   *bio = BIO_new(BIO_s_mem());
    char  *p;
    long   n;

    if (name[0] == 'c') {
        PEM_write_bio_X509(bio, d->leaf);
        PEM_write_bio_X509(bio, d->ask);
    }

    PEM_write_bio_X509(bio, d->ark);
    n = BIO_get_mem_data(bio, &p);
    pd_write(dir, name, p, (size_t) n);
    BIO_free(bio);
}


/* Zeros behind the text may go: a software TPM's index has 2048 bytes. */

static void
put_hcl(const char *dir, const char *name, uint32_t type,
    const uint8_t *report, const char *json)
{
    uint8_t  hcl[4096];

    if (azure_double_hcl(type, report, type == AZURE_DOUBLE_SNP ? 1184 : 1024,
                         json, strlen(json), hcl, sizeof(hcl)) == 0)
    {
        printf("Bail out! no report\n");
        exit(1);
    }

    pd_write(dir, name, hcl, 2048);
}


static void
put_quote(const char *dir, const char *name, const uint8_t *p, size_t n)
{
    char  text[16384];

    memcpy(text, "{\"quote\":\"", 10);
    EVP_EncodeBlock((uint8_t *) text + 10, p, (int) n);

    for (n = 10; text[n] != '\0' && text[n] != '='; n++) {
        text[n] = (char) (text[n] == '+' ? '-' : text[n] == '/' ? '_'
                          : text[n]);
    }

    strcpy(text + n, "\"}");
    pd_text(dir, name, text);
}


static void
scenario_prepare(const char *dir)
{
    BIO           *bio;
    char           path[512], json[1024];
    size_t         n;
    uint8_t        data[64], report[1184], td[1024], info[400] = { 1 };
    uint8_t        quote[TDX_DOUBLE_MAX_QUOTE], *pem;
    EVP_PKEY      *ak;
    snp_double_t   d;
    tdx_double_t   tdx;

    snprintf(path, sizeof(path), "%s/ak.pem", dir);
    pem = unit_read(path, &n);
    bio = BIO_new_mem_buf(pem, (int) n);
    ak = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);

    n = azure_double_json(ak, NULL, NULL, json, sizeof(json));
    azure_double_report_data(json, n, data);
    OK(n != 0 && n <= 2048 - AZURE_DOUBLE_JSON, "the text has room: %zu", n);

    memset(&d, 0, sizeof(d));
    d.bits = 2048;
    memset(d.chip, 0xc1, sizeof(d.chip));
    memcpy(d.tcb, "\x04\x00\x18\xdb", 4);

    OK(snp_double_init(&d) && snp_double_leaf(&d)
       && snp_double_report(&d, data, report), "a chip and its report");
    put_hcl(dir, "hcl.bin", AZURE_DOUBLE_SNP, report, json);
    put_json(dir, "vcek.json", &d);
    put_pem(dir, "certs.pem", &d);
    put_pem(dir, "root.pem", &d);

    report[0x50] ^= 1;
    put_hcl(dir, "hcl-data.bin", AZURE_DOUBLE_SNP, report, json);
    report[0x50] ^= 1;
    report[0x90] ^= 1;
    put_hcl(dir, "hcl-flip.bin", AZURE_DOUBLE_SNP, report, json);

    /* the same chip with newer firmware */

    d.tcb[3]++;
    X509_free(d.leaf);
    d.leaf = NULL;
    OK(snp_double_leaf(&d) && snp_double_report(&d, data, report),
       "and another of newer firmware");
    put_hcl(dir, "hcl-new.bin", AZURE_DOUBLE_SNP, report, json);
    put_json(dir, "vcek-new.json", &d);

    OK(azure_double_tdreport(info, data, td), "a TDREPORT");
    put_hcl(dir, "hcl-tdx.bin", AZURE_DOUBLE_TDX, td, json);
    info[0]++;
    OK(azure_double_tdreport(info, data, td), "a TDREPORT of a changed TD");
    put_hcl(dir, "hcl-tdx2.bin", AZURE_DOUBLE_TDX, td, json);

    n = sizeof(quote);
    OK(tdx_double_init(&tdx, SNP_DOUBLE_FROM, SNP_DOUBLE_UNTIL)
       && tdx_double_make(&tdx, data, quote, &n), "a quote");
    put_quote(dir, "tdquote.json", quote, n);
    data[0] ^= 1;
    n = sizeof(quote);
    OK(tdx_double_make(&tdx, data, quote, &n), "a quote of another machine");
    put_quote(dir, "tdquote-other.json", quote, n);
    data[0] ^= 1;
    n = sizeof(quote);
    (void) tdx_double_make(&tdx, data, quote, &n);
    quote[48 + 136] ^= 1;
    put_quote(dir, "tdquote-flip.json", quote, n);
    tdx_double_free(&tdx);

    free(pem);
    EVP_PKEY_free(ak);
    snp_double_free(&d);
}


/* ---- against a software TPM and a double of the service */

static attest_provider_t *
provider(const char *tcti, const char *imds, const char *certs)
{
    prov_azure_conf_t    conf = { tcti, imds, certs };

    return pd_made(prov_azure_provider(&conf));
}


static int
collect(attest_provider_t *p, unsigned timeout, prov_evidence_t *ev)
{
    memset(ev, 0, sizeof(*ev));
    return p->collect(p, (const uint8_t *) "claims", 6, 1, timeout, ev);
}


static void
check_item(prov_evidence_t *ev, const char *dir, const char *file)
{
    char              path[512];
    size_t            n;
    uint8_t          *hcl;
    attest_azure_t    item;
    STACK_OF(X509)   *certs;

    if (!OK(ev->count == 1
            && strcmp(ev->items[0].item, ATTEST_ITEM_AZURE) == 0
            && strcmp(ev->items[0].type, ATTEST_TYPE_AZURE) == 0
            && attest_azure_parse(ev->items[0].data, ev->items[0].len, &item)
               == ATTEST_OK, "item azure-hcl"))
    {
        return;
    }

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    hcl = unit_read(path, &n);
    OK(item.hcl_report.n == n && memcmp(item.hcl_report.p, hcl, n) == 0,
       "the whole report out of the NV index");
    free(hcl);

    certs = attest_x509_read(item.vcek_chain);
    OK(certs != NULL && sk_X509_num(certs) >= 2, "and the VCEK's chain");
    sk_X509_pop_free(certs, X509_free);
    OK(strcmp(ev->root, "simulated") == 0, "a test root is simulated");
}


static void
good(attest_provider_t *p, const char *dir, const char *file,
    const char *what)
{
    prov_evidence_t    ev;

    if (OK(collect(p, TIMEOUT, &ev) == ATTEST_OK, "%s %s", what, ev.error)) {
        check_item(&ev, dir, file);
    }
    prov_evidence_clear(&ev);
}


static void
bad(attest_provider_t *p, int rc, const char *want, const char *what)
{
    prov_evidence_t    ev;

    IS_INT(collect(p, TIMEOUT, &ev), rc, "%s", what);
    OK(strstr(ev.error, want) != NULL && ev.count == 0, "%s", ev.error);
    prov_evidence_clear(&ev);
}


static void
scenario_absent(const char *tcti)
{
    attest_provider_t  *p;

    p = provider(tcti, "127.0.0.1:1", NULL);
    bad(p, ATTEST_EUNSUPPORTED, "not a confidential VM of Azure",
        "a TPM without a paravisor");
    p->destroy(p);

    p = provider("swtpm:host=127.0.0.1,port=1", "127.0.0.1:1", NULL);
    bad(p, ATTEST_EINTERNAL, "TPM:", "no TPM");
    p->destroy(p);
}


static void
scenario_snp(const char *tcti, const char *dir, const char *imds)
{
    int                 asked;
    attest_provider_t  *p;

    pd_text(dir, "mode", "");
    pd_text(dir, "log", "");

    p = provider(tcti, imds, NULL);
    good(p, dir, "hcl.bin", "collects");
    good(p, dir, "hcl.bin", "again");
    IS_INT(pd_count(dir, "log", "THIM/amd/certification"), 1,
           "the service was asked once");

    /* the machine got new firmware: another VCEK */

    pd_step("nv:hcl-new.bin");
    bad(p, ATTEST_EMISMATCH, "another TCB version than its VCEK",
        "the service has an old VCEK");
    pd_step("use:vcek-new.json");
    good(p, dir, "hcl-new.bin", "another VCEK for newer firmware");
    asked = pd_count(dir, "log", "");
    good(p, dir, "hcl-new.bin", "remembered");
    IS_INT(pd_count(dir, "log", ""), asked, "not asked again");
    pd_step("nv:hcl.bin");
    pd_step("use:vcek.json");
    good(p, dir, "hcl.bin", "and back");

    pd_step("nv:hcl-data.bin");
    bad(p, ATTEST_EMISMATCH, "not over its keys", "report_data");
    pd_step("nv:hcl-flip.bin");
    asked = pd_count(dir, "log", "");
    bad(p, ATTEST_ECRYPTO, "not signed by its VCEK", "a flipped bit");
    OK(pd_count(dir, "log", "") > asked, "what was remembered is doubted");
    pd_step("nv:garbage");
    bad(p, ATTEST_EFORMAT, "the paravisor's report", "garbage");
    pd_step("nv:hcl.bin");
    good(p, dir, "hcl.bin", "recovers");
    p->destroy(p);
}


static void
scenario_certs(const char *tcti, const char *dir)
{
    char                path[512];
    attest_provider_t  *p;

    snprintf(path, sizeof(path), "%s/certs.pem", dir);
    p = provider(tcti, "127.0.0.1:1", path);
    good(p, dir, "hcl.bin", "certificates of a file, no service");
    pd_step("mv:certs.pem");
    good(p, dir, "hcl.bin", "read once");
    p->destroy(p);

    p = provider(tcti, "127.0.0.1:1", path);
    bad(p, ATTEST_EARG, "No such file", "a file that is not there");
    pd_step("fifo:certs.pem");
    bad(p, ATTEST_EARG, "cannot read certificates", "a FIFO is no file");
    pd_step("garbage:certs.pem");
    bad(p, ATTEST_EFORMAT, "malformed", "a file without certificates");
    pd_step("empty:certs.pem");
    bad(p, ATTEST_EARG, "empty", "an empty file");
    pd_step("back:certs.pem");
    good(p, dir, "hcl.bin", "recovers");
    p->destroy(p);
}


static void
scenario_answers(const char *tcti, const char *dir, const char *imds)
{
    size_t              i;
    attest_provider_t  *p;

    static const struct {
        const char  *mode;
        int          rc;
        const char  *want;
    } answers[] = {
        { "404", ATTEST_EUNSUPPORTED, "status 404" },
        { "500", ATTEST_EUNSUPPORTED, "status 500" },
        { "redirect", ATTEST_EUNSUPPORTED, "status 302" },
        { "short", ATTEST_EFORMAT, "cut short" },
        { "nolength", ATTEST_EFORMAT, "malformed" },
        { "both", ATTEST_EFORMAT, "malformed" },
        { "twice", ATTEST_EFORMAT, "malformed" },
        { "negative", ATTEST_EFORMAT, "malformed" },
        { "longer", ATTEST_EFORMAT, "malformed" },
        { "bigbody", ATTEST_ELIMIT, "too long" },
        { "huge", ATTEST_EFORMAT, "cut short" },
        { "bighead", ATTEST_ELIMIT, "too long" },
        { "endless", ATTEST_ELIMIT, "too long" },
        { "badchunk", ATTEST_EFORMAT, "malformed" },
        { "cutchunk", ATTEST_EFORMAT, "malformed" },
        { "nothttp", ATTEST_EFORMAT, "not HTTP" },
        { "empty", ATTEST_EFORMAT, "without an answer" },
        { "notjson", ATTEST_EFORMAT, "no JSON object" },
        { "array", ATTEST_EFORMAT, "no JSON object" },
        { "behind", ATTEST_EFORMAT, "no JSON object" },
        { "nomember", ATTEST_EFORMAT, "no text \"vcekCert\"" },
        { "number", ATTEST_EFORMAT, "no text \"vcekCert\"" },
        { "double", ATTEST_EFORMAT, "more than one \"vcekCert\"" }
    };

    p = provider(tcti, imds, NULL);

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        pd_text(dir, "mode", answers[i].mode);
        bad(p, answers[i].rc, answers[i].want, answers[i].mode);
    }

    pd_text(dir, "mode", "");
    good(p, dir, "hcl.bin", "recovers");
    p->destroy(p);

    pd_text(dir, "mode", "chunked");
    p = provider(tcti, imds, NULL);
    good(p, dir, "hcl.bin", "chunked");
    p->destroy(p);

    pd_text(dir, "mode", "lower");
    p = provider(tcti, imds, NULL);
    good(p, dir, "hcl.bin", "names of any case");
    p->destroy(p);

    pd_text(dir, "mode", "keep");
    p = provider(tcti, imds, NULL);
    good(p, dir, "hcl.bin", "a connection that stays open");
    p->destroy(p);

    pd_text(dir, "mode", "");
    p = provider(tcti, "metadata.example:80", NULL);
    bad(p, ATTEST_EARG, "bad address", "a name is no address");
    p->destroy(p);
}


static void
late(attest_provider_t *p, const char *dir, const char *mode)
{
    int                 rc;
    int64_t             ms;
    prov_evidence_t     ev;

    pd_text(dir, "mode", mode);

    ms = attest_monotonic_now();
    rc = collect(p, 2 * SHORT, &ev);
    ms = attest_monotonic_now() - ms;

    OK(rc == ATTEST_EINTERNAL && ms >= 2 * SHORT - 1
       && ms < 2 * SHORT + SLACK && strstr(ev.error, "in time") != NULL
       && ev.count == 0, "%s: %d ms, %s", mode, (int) ms, ev.error);
}


static void
scenario_late(const char *tcti, const char *dir, const char *imds)
{
    int                 fd[2], rc, port;
    char                address[32];
    int64_t             ms;
    prov_tcti_addr_t    a;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = provider(tcti, imds, NULL);
    late(p, dir, "hang");
    late(p, dir, "mute");
    late(p, dir, "slow");
    pd_text(dir, "mode", "");
    good(p, dir, "hcl.bin", "recovers");
    p->destroy(p);

    p = provider(tcti, imds, NULL);
    pd_step("imds:kill");
    bad(p, ATTEST_EINTERNAL, "cannot connect", "the service is gone");
    pd_step("imds:start");
    good(p, dir, "hcl.bin", "and back");
    p->destroy(p);

    /* a full queue of connections: as if packets got lost */

    memset(&a, 0, sizeof(a));
    a.addr.in.sin_family = AF_INET;
    a.addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.len = sizeof(a.addr.in);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd[0], &a.addr.sa, a.len) != 0 || listen(fd[0], 0) != 0
        || getsockname(fd[0], &a.addr.sa, &a.len) != 0)
    {
        printf("Bail out! no socket\n");
        exit(1);
    }
    port = ntohs(a.addr.in.sin_port);
    fd[1] = socket(AF_INET, SOCK_STREAM, 0);
    rc = connect(fd[1], &a.addr.sa, a.len);

    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    p = provider(tcti, address, NULL);
    ms = attest_monotonic_now();
    rc = collect(p, SHORT, &ev) == ATTEST_EINTERNAL && rc == 0;
    ms = attest_monotonic_now() - ms;
    OK(rc && ms < SHORT + SLACK, "nobody accepts: %d ms, %s", (int) ms,
       ev.error);
    p->destroy(p);
    close(fd[0]);
    close(fd[1]);
}


static void
scenario_tdx(const char *tcti, const char *dir, const char *imds)
{
    attest_azure_t      item;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(dir, "mode", "");
    pd_text(dir, "log", "");
    p = provider(tcti, imds, NULL);

    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "collects %s", ev.error);
    OK(ev.count == 1 && attest_azure_parse(ev.items[0].data, ev.items[0].len,
                                           &item) == ATTEST_OK
       && item.td_quote.n > 1000 && item.vcek_chain.n == 0
       && item.hcl_report.n == 2048, "item with a TD quote");
    OK(strcmp(ev.root, "simulated") == 0, "a test root is simulated");
    prov_evidence_clear(&ev);
    IS_INT(pd_count(dir, "log", "/acc/tdquote"), 1, "a quote was asked for");
    IS_INT(pd_count(dir, "log", "{\\\"report\\\":\\\"gQAA"), 1,
           "over the TDREPORT");
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "again %s", ev.error);
    prov_evidence_clear(&ev);
    IS_INT(pd_count(dir, "log", "/acc/tdquote"), 1, "and not asked again");
    pd_step("nv:hcl-tdx2.bin");
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "another %s", ev.error);
    prov_evidence_clear(&ev);
    IS_INT(pd_count(dir, "log", "/acc/tdquote"), 2, "is asked for");
    p->destroy(p);

    p = provider(tcti, imds, NULL);
    pd_step("use:tdquote-other.json");
    bad(p, ATTEST_EMISMATCH, "the TD quote is not over the paravisor's",
        "a quote of another machine");
    pd_step("use:tdquote-flip.json");
    bad(p, ATTEST_ECRYPTO, "not signed by its attestation key",
        "a flipped bit");

    pd_text(dir, "mode", "nomember");
    bad(p, ATTEST_EFORMAT, "no text \"quote\"", "no quote");
    pd_text(dir, "mode", "double");
    bad(p, ATTEST_EFORMAT, "more than one \"quote\"", "two");
    pd_text(dir, "mode", "");
    pd_text(dir, "tdquote.json", "{\"quote\":\"QUJD*\"}");
    bad(p, ATTEST_EFORMAT, "not base64url", "a foreign character");
    pd_text(dir, "tdquote.json", "{\"quote\":\"QUJDQ\"}");
    bad(p, ATTEST_EFORMAT, "not base64url", "a length that cannot be");
    pd_text(dir, "tdquote.json", "{\"quote\":\"QUJDQQ=\"}");
    bad(p, ATTEST_EFORMAT, "not base64url", "half a padding");
    pd_text(dir, "tdquote.json", "{\"quote\":\"QUJDQQ==\"}");
    bad(p, ATTEST_EFORMAT, "the TD quote is malformed", "four bytes");
    p->destroy(p);
}


static void
scenario_many(const char *tcti, const char *dir, const char *imds,
    const char *times)
{
    int                 i, n = atoi(times), fds, wrong = 0;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(dir, "mode", "");
    fds = pd_entries("/proc/self/fd");

    for (i = 0; i < n; i++) {
        pd_text(dir, "mode", i % 4 == 3 ? "short" : "");
        p = provider(tcti, imds, NULL);
        wrong += (collect(p, TIMEOUT, &ev) == ATTEST_OK) != (i % 4 != 3);
        prov_evidence_clear(&ev);
        p->destroy(p);
    }

    pd_text(dir, "mode", "");
    IS_INT(wrong, 0, "%d collections, a quarter of them fail", n);
    IS_INT(pd_entries("/proc/self/fd"), fds, "no descriptor is left");
}


int
main(int argc, char **argv)
{
    const char  *s = argc > 1 ? argv[1] : "offline";

    prov_tpm_quiet();

    if (strcmp(s, "offline") == 0) {
        offline_http();
        offline_address();
        offline_machines();
    offline_doubles();

    } else if (strcmp(s, "prepare") == 0 && argc == 3) {
        scenario_prepare(argv[2]);

    } else if (strcmp(s, "absent") == 0 && argc == 3) {
        scenario_absent(argv[2]);

    } else if (strcmp(s, "snp") == 0 && argc == 5) {
        scenario_snp(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "certs") == 0 && argc == 4) {
        scenario_certs(argv[2], argv[3]);

    } else if (strcmp(s, "answers") == 0 && argc == 5) {
        scenario_answers(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "late") == 0 && argc == 5) {
        scenario_late(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "tdx") == 0 && argc == 5) {
        scenario_tdx(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "many") == 0 && argc == 6) {
        scenario_many(argv[2], argv[3], argv[4], argv[5]);

    } else {
        printf("Bail out! unknown scenario %s\n", s);
        return 1;
    }

    DONE();
}
