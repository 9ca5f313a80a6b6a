/* SPDX-License-Identifier: Apache-2.0 */

/* What ngx-attest says of Intel quotes, and the policy that it makes. */

#include <unistd.h>

#include "fixture.h"
#include "log_double.h"
#include "tdx_double.h"
#include "cli/cli_archive.c"
#include "cli/cli_input.c"
#include "cli/cli_kind_tdx.c"
#include "cli/cli_print.c"
#include "cli/cli_quote.c"
#include "cli/cli_show.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"


static char  out[131072];


/* Only for URLs, which no test here has. */

int
cli_peer_collect(attest_fetch_t *ev, const cli_options_t *opt)
{
    (void) ev;
    (void) opt;
    printf("Bail out! a test went to the network\n");
    exit(1);
}


void
attest_fetch_clear(attest_fetch_t *ev)
{
    (void) ev;
}


/* What a file's bytes are shown as. */

static const char *
show(const uint8_t *p, size_t n)
{
    int           kept;
    FILE         *f = tmpfile();
    attest_bytes_t   b = { (uint8_t *) p, n };

    fflush(stdout);
    kept = dup(1);
    (void) dup2(fileno(f), 1);
    (void) cli_show_bytes(&b);
    fflush(stdout);
    (void) dup2(kept, 1);
    (void) close(kept);

    rewind(f);
    n = fread(out, 1, sizeof(out) - 1, f);
    out[n] = '\0';
    fclose(f);
    return out;
}


static size_t
collection(const char *label, const char *type, const uint8_t *p, size_t n,
    uint8_t *to, size_t room)
{
    attest_cmw_item_t  it;

    memset(&it, 0, sizeof(it));
    it.label = label;
    it.type = type;
    it.value.p = p;
    it.value.n = n;
    it.ind = ATTEST_CMW_IND_EVIDENCE;

    if (attest_cmw_encode_cbor(ATTEST_CMWC_CACHED, &it, 1, to, &room)
        != ATTEST_OK)
    {
        printf("Bail out! no collection\n");
        exit(1);
    }

    return room;
}


static void
says(const char *what, const char *const *lines)
{
    for ( ; *lines != NULL; lines++) {
        OK(strstr(out, *lines) != NULL, "%s: %s", what, *lines);
    }
}


static void
test_show(const char *file, const uint8_t *p, size_t n,
    const char *const *lines)
{
    size_t          len;
    static uint8_t  item[16384], buf[32768];
    attest_tsm_t    tsm;

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) "tdx_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = p;
    tsm.outblob.n = n;
    len = sizeof(item);
    (void) attest_tsm_encode(&tsm, item, &len);
    n = collection(ATTEST_ITEM_TSM, ATTEST_TYPE_TSM, item, len, buf,
                   sizeof(buf));
    (void) show(buf, n);
    says(file, lines);
}


static void
show_ccel(const uint8_t *p, size_t n, const char *const *lines)
{
    static uint8_t  buf[131072];

    n = collection(ATTEST_ITEM_CCEL, ATTEST_TYPE_CCEL, p, n, buf,
                   sizeof(buf));
    (void) show(buf, n);
    says("ccel", lines);
}


static void
test_ccel(void)
{
    size_t          n, i;
    char            want[2][64], events[64], hex[17];
    uint8_t        *p;
    log_double_t   *l = calloc(1, sizeof(*l));

    static const char   *real[] = {
        "  1  RTMR 0   EV_NO_ACTION", "19 events, which give",
        "RTMR 0                  274c2344116db7c6",
        "RTMR 1                  bdcf4ee0f7fdfe7c", NULL
    };
    const char          *lines[] = {
        "  1  RTMR 0   EV_NO_ACTION", events, want[0], want[1], NULL
    };

    log_double_ccel(l);
    (void) snprintf(events, sizeof(events), "%zu events, which give",
                    l->events);

    for (i = 0; i < 2; i++) {
        attest_hex_encode(hex, l->value[0][i + 1], 8);
        (void) snprintf(want[i], sizeof(want[i]), "RTMR %zu%17s %s", i, "",
                        hex);
    }

    show_ccel(l->p, l->n, lines);
    free(l);

    if (UNIT_HAVE("a real CCEL", "tdx/ccel-log.bin")) {
        p = unit_fixture("tdx/ccel-log.bin", &n);
        show_ccel(p, n, real);
        free(p);
    }
}


/* The policy that is made is one that the quote fulfils. */

static void
test_policy(void)
{
    char                *text, err[256];
    cJSON               *root = cJSON_CreateObject();
    size_t               n = TDX_DOUBLE_MAX_QUOTE, i;
    uint8_t              rd[64] = { 1 };
    tdx_double_t         d;
    attest_tsm_t         tsm;
    attest_policy_t     *p = calloc(1, sizeof(*p));
    static uint8_t       quote[TDX_DOUBLE_MAX_QUOTE];

    (void) tdx_double_init(&d, 1782864000, 1782950400);
    d.version = 5;
    d.body_type = 3;
    memset(d.body + TDX_DOUBLE_MRCONFIGID, 0xc1, 48);
    memset(d.body + TDX_DOUBLE_MRSERVICETD, 0xc2, 48);
    (void) tdx_double_make(&d, rd, quote, &n);

    memset(&tsm, 0, sizeof(tsm));
    tsm.outblob.p = quote;
    tsm.outblob.n = n;
    cJSON_AddNumberToObject(root, "version", 1);
    IS_INT(cli_tdx_policy(&tsm, root), 1, "a policy for a TD");
    text = cJSON_Print(root);
    IS_INT(attest_policy_parse(text, strlen(text), p, err, sizeof(err)),
           ATTEST_OK, "it is one");

    OK(p->tdx.mrtd.count == 1 && p->tdx.mrtd.value[0][0] == 0x7d, "MRTD");

    for (i = 0; i < 4; i++) {
        OK(p->tdx.rtmr[i].count == (i < 3)
           && (i == 3 || p->tdx.rtmr[i].value[0][47] == 0xa0 + i),
           "RTMR %zu", i);
    }

    OK(p->tdx.mrconfigid.count == 1
       && p->tdx.mrconfigid.value[0][0] == 0xc1, "MRCONFIGID");
    OK(p->tdx.mrservicetd.count == 1
       && p->tdx.mrservicetd.value[0][0] == 0xc2, "MRSERVICETD");
    OK(p->tdx.attributes_required == ATTEST_TDX_SEPT_VE
       && p->tdx.attributes_allowed == ATTEST_TDX_SEPT_VE, "attributes");
    OK(p->tdx.xfam.count == 1
       && memcmp(p->tdx.xfam.value[0], "\xe7\x02\x06\0\0\0\0\0", 8) == 0,
       "XFAM");

    tsm.outblob.n = 100;
    IS_INT(cli_tdx_policy(&tsm, root), 0, "none for half a quote");

    cJSON_free(text);
    cJSON_Delete(root);
    attest_policy_clear(p);
    free(p);
    tdx_double_free(&d);
}


/* What is said of the double's quotes: debug, a service TD, an enclave. */

static void
test_doubles(void)
{
    int                  rc;
    size_t               n = TDX_DOUBLE_MAX_QUOTE, len = ATTEST_CLAIMS_MAX;
    X509                *x;
    uint8_t              rd[64], claims[ATTEST_CLAIMS_MAX], *to;
    ASN1_OBJECT         *cmw = OBJ_txt2obj("1.3.6.1.5.5.7.1.35", 1);
    const uint8_t       *p;
    EVP_PKEY            *key = attest_ratls_key_generate();
    tdx_double_t         d;
    attest_claims_t      c;
    attest_ratls_ccc_t   ccc;
    static uint8_t       quote[TDX_DOUBLE_MAX_QUOTE];
    static uint8_t       cert[ATTEST_MAX_CERT_MSG];

    static const char *const  debug[] = {
        "quote                   TDX 1.0, version 4, ",
        "bit 0, DEBUG: the host reads", "bit 28, SEPT_VE_DISABLE",
        "bit 17, AMX", "report data             7c7c7c7c7c7c7c7c",
        "MRTD (initial memory)   7d7d7d7d", "RTMR 3                  all zero",
        "MRSEAM (TDX module)     5e5e5e5e", "MRSIGNERSEAM            all zero",
        "TDX module's SVN        ", "quoting enclave         product 2, SVN 4",
        "MRSIGNER              dc9e2a7c6f948f17", "FMSPC                 "
        "c0ffee000000", "PPID          ", "CN=Test SGX PCK Platform CA",
        "PCE's SVN             ", "key of the quote        ", NULL
    };
    static const char *const  service[] = {
        "TDX 1.5, version 5, ", "TCB SVNs now            0501",
        "MRSERVICETD             c2c2c2c2", "FMSPC                 "
        "c0ffee000000", NULL
    };
    static const char *const  enclave[] = {
        "CCC RA-TLS extension", "nonce                   none",
        "SGX enclave, version 3, ", "bit 1, DEBUG",
        "MRENCLAVE             e1e1e1e1", NULL
    };

    memset(rd, 0x7c, sizeof(rd));
    (void) tdx_double_init(&d, 1782864000, 1782950400);
    d.body[TDX_DOUBLE_TDATTR] = 1;
    memset(d.body + TDX_DOUBLE_RTMR + 48 * 3, 0, 48);
    (void) tdx_double_make(&d, rd, quote, &n);
    test_show("double, debug", quote, n, debug);

    n = TDX_DOUBLE_MAX_QUOTE;
    d.version = 5;
    d.body_type = 3;
    memset(d.body + TDX_DOUBLE_MRSERVICETD, 0xc2, 48);
    (void) tdx_double_make(&d, rd, quote, &n);
    test_show("double, service TD", quote, n, service);

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    (void) attest_x509_spki_hash(key, c.pubkey_hash);
    (void) attest_claims_encode(&c, claims, &len);
    (void) attest_claims_report_data(claims, len, rd);

    n = TDX_DOUBLE_MAX_QUOTE;
    tdx_double_sgx(&d);
    d.enclave[48] |= 2;
    (void) tdx_double_make(&d, rd, quote, &n);
    memset(&ccc, 0, sizeof(ccc));
    ccc.quote.p = quote;
    ccc.quote.n = n;
    ccc.claims.p = claims;
    ccc.claims.n = len;
    n = sizeof(cert);
    rc = attest_ratls_make(key, (const char *[]) { "gateway.test" }, 1,
                           1782864000, 1782950400, (const uint8_t *) "\xa0",
                           1, &ccc, cert, &n);
    IS_INT(rc, ATTEST_OK, "a certificate about an enclave");

    /* others have no extension of ours */

    p = cert;
    x = d2i_X509(NULL, &p, (long) n);
    X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_OBJ(x, cmw, -1)));
    (void) X509_sign(x, key, EVP_sha256());
    to = cert;
    n = (size_t) i2d_X509(x, &to);
    X509_free(x);
    ASN1_OBJECT_free(cmw);

    (void) show(cert, n);
    says("double, SGX", enclave);

    tdx_double_free(&d);
    EVP_PKEY_free(key);
}


int
main(void)
{
    size_t    n;
    uint8_t  *p;

    static const char *const  debug[] = {
        "quote                   TDX 1.0, version 4, 4936 bytes",
        "bit 0, DEBUG: the host reads", "bit 28, SEPT_VE_DISABLE",
        "bit 17, AMX", "report data             7c71fe2c86eff65a",
        "MRTD (initial memory)   ", "RTMR 3                  all zero",
        "MRSEAM (TDX module)     ", "MRSIGNERSEAM            all zero",
        "TDX module's SVN        0.3, microcode 5",
        "quoting enclave         product 2, SVN ",
        "MRSIGNER              dc9e2a7c6f948f17", "FMSPC                 "
        "50806f000000", "PPID          ", "CN=Intel SGX PCK Platform CA",
        "PCE's SVN             ", "key of the quote        ", NULL
    };
    static const char *const  service[] = {
        "TDX 1.5, version 5, 5006 bytes", "TCB SVNs now            0501",
        "MRSERVICETD             ", "FMSPC                 90c06f000000",
        NULL
    };
    static const char *const  gramine[] = {
        "CCC RA-TLS extension", "nonce                   none",
        "SGX enclave, version 3, 4734 bytes", "bit 1, DEBUG",
        "MRENCLAVE             0866e7ca11b9f4ef", NULL
    };

    if (UNIT_HAVE("real quotes", "tdx/quote-v4-debug.dat",
                  "tdx/quote-v5-servicetd.dat",
                  "ratls-certs/gramine-cert.pem"))
    {
        p = unit_fixture("tdx/quote-v4-debug.dat", &n);
        test_show("quote-v4-debug.dat", p, n, debug);
        free(p);

        p = unit_fixture("tdx/quote-v5-servicetd.dat", &n);
        test_show("quote-v5-servicetd.dat", p, n, service);
        free(p);

        p = unit_fixture("ratls-certs/gramine-cert.pem", &n);
        (void) show(p, n);
        says("gramine-cert.pem", gramine);
        free(p);
    }

    test_doubles();
    test_ccel();
    test_policy();

    DONE();
}
