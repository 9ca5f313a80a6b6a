/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel's collateral: TCB levels, revocation, the service's answers; real
 * quotes at their times, and the double's with each thing bent.
 */

#include <cjson/cJSON.h>

#include "core/appraisal/attest_roots.h"
#include "core/appraisal/attest_verify_tdx.h"
#include "core/base/attest_cbor.h"
#include "core/crypto/attest_x509.h"
#include "core/policy/attest_policy.h"
#include "core/policy/attest_tdx_tcb.h"
#include "fixture.h"
#include "tdx_double.h"
#include "core/evidence/attest_pck.h"


/* t/data/README.md; C is when the collateral of 2023 was valid. */
#define TIME_A        1750852800
#define TIME_A_LATE   1754006400
#define TIME_B        1772020800
#define TIME_C        1688173200
#define NOW           1782900000

#define TRUE_A   "quote-v4.collateral.json"
#define TRUE_B   "quote-v5-tcb-unsupported.collateral.json"

#define UTD      ATTEST_TCB_UP_TO_DATE
#define OOD      ATTEST_TCB_OUT_OF_DATE
#define NONE     ATTEST_TCB_UNSUPPORTED


static attest_roots_t   roots;
static attest_policy_t  pol;
static attest_result_t  res;
static tdx_double_t     d;
static size_t           mutations;


static uint8_t *
data(const char *file, size_t *n)
{
    char      path[128];
    uint8_t  *p, *q;
    size_t    len;
    cJSON    *root;

    (void) snprintf(path, sizeof(path), "tdx/%s", file);
    p = unit_fixture(path, n);

    if (strcmp(file, "quote-with-eventlog.json") != 0
        && strcmp(file, "quote-stripped-eventlog.json") != 0)
    {
        return p;
    }

    root = cJSON_ParseWithLength((const char *) p, *n);
    q = malloc(*n);
    len = unit_hex(cJSON_GetObjectItemCaseSensitive(root, "quote")
                   ->valuestring, q, *n);
    cJSON_Delete(root);
    free(p);
    *n = len;
    return q;
}


/* A policy with these members of "tdx"; 0 and the message otherwise. */

static int
policy(const char *tdx, const char *collateral, char err[256])
{
    int          rc;
    static char  json[131072], root[4096];

    root[0] = '\0';

    if (d.root != NULL) {
        (void) tdx_double_root(&d, root, sizeof(root));
    }

    (void) snprintf(json, sizeof(json), "{\"version\": 1, %s%s%s\"tdx\": {%s"
                    "%s%s}}", d.root != NULL ? "\"simulated_roots\": [\""
                    : "", root, d.root != NULL ? "\"], " : "", tdx,
                    *tdx != '\0' && collateral != NULL ? "," : "",
                    collateral != NULL ? collateral : "");

    attest_policy_clear(&pol);
    rc = attest_policy_parse(json, strlen(json), &pol, err, 256);
    if (rc != ATTEST_OK) {
        memset(&pol, 0, sizeof(pol));
    }

    return rc == ATTEST_OK;
}


static int
policy_file(const char *tdx, const char *file)
{
    int          ok;
    char         err[256];
    size_t       n;
    uint8_t     *p = data(file, &n);
    static char  text[65536];

    (void) snprintf(text, sizeof(text), "\"collateral\": %s",
                    (const char *) p);
    free(p);

    ok = policy(tdx, text, err);
    if (!ok) {
        printf("# %s\n", err);
    }

    return ok;
}


/* What the verifier says of a quote whose report data are as wanted. */

static int
judge(const uint8_t *quote, size_t n, int64_t now)
{
    int                     proven;
    attest_span_t           raw = { quote, n };
    attest_verify_t         v;
    attest_tdx_quote_t      q;
    attest_verify_input_t   in;

    memset(&v, 0, sizeof(v));
    memset(&in, 0, sizeof(in));
    memset(&res, 0, sizeof(res));
    in.now = now;
    v.in = &in;
    v.policy = &pol;
    v.roots = &roots;
    v.res = &res;
    v.part[0].which = ATTEST_PART_FRESH;

    if (attest_tdx_parse(quote, n, &q) != ATTEST_OK) {
        return 0;
    }

    proven = attest_verify_tdx_quote(&v, &v.part[0], raw, q.report_data);
    return proven;
}


static const attest_check_t *
check(const char *id)
{
    size_t  i;

    for (i = 0; i < res.count; i++) {
        if (strcmp(res.checks[i].id, id) == 0) {
            return &res.checks[i];
        }
    }

    return NULL;
}


#define IS_CHECK(name, want, part, ...)                                      \
    do {                                                                     \
        const attest_check_t  *c_ = check(name);                             \
                                                                             \
        if (!OK(c_ != NULL && c_->state == (want)                            \
                && strstr(c_->text, part) != NULL, __VA_ARGS__))             \
        {                                                                    \
            size_t  i_;                                                      \
            for (i_ = 0; i_ < res.count; i_++) {                             \
                printf("#   %s %d %s\n", res.checks[i_].id,                  \
                       res.checks[i_].state, res.checks[i_].text);           \
            }                                                                \
        }                                                                    \
    } while (0)


/* Real quotes, real collateral, Intel's root, CRLs: at their times. */

static void
test_real(void)
{
    size_t    i, n;
    uint8_t  *p;

    static const struct {
        const char      *quote;
        const char      *collateral;
        int64_t          now;
        const char      *id;
        attest_check_e   state;
        const char      *text;
    } cases[] = {
        { "quote-v4.bin", TRUE_A, TIME_A, "fresh-tdx-tcb",
          ATTEST_CHECK_PASS, "tcb: UpToDate (platform UpToDate, TDX module "
          "UpToDate, quoting enclave UpToDate)" },
        { "quote-v4.bin", TRUE_A, TIME_A, "fresh-tdx-revocation",
          ATTEST_CHECK_PASS, "in no list" },
        { "quote-v4.bin", TRUE_A, TIME_A_LATE, "fresh-tdx-collateral",
          ATTEST_CHECK_FAIL, "cannot be used" },
        { "quote-v4.bin", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_UNKNOWN, "no collateral for platforms with FMSPC" },
        { "quote-v5-td15.dat", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_PASS, "tcb: UpToDate" },
        { "quote-v5-servicetd.dat", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_FAIL, "tcb: NotSupported (platform NotSupported, TDX "
          "module OutOfDate, quoting enclave UpToDate)" },
        { "quote-v5-servicetd.dat", TRUE_B, TIME_B, "fresh-tdx-mrservicetd",
          ATTEST_CHECK_UNKNOWN, "does not name" },
        { "quote-v5-tcb-unsupported.bin", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_FAIL, "tcb: NotSupported (platform NotSupported, TDX "
          "module UpToDate, quoting enclave UpToDate)" },
        { "quote-v4-foreign-report-data.bin", TRUE_A, TIME_A,
          "fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: NotSupported" },
        { "quote-with-eventlog.json", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_PASS, "tcb: UpToDate" },
        { "quote-stripped-eventlog.json", TRUE_B, TIME_B, "fresh-tdx-chain",
          ATTEST_CHECK_FAIL, "not yet valid" },
        { "quote-v4-padded-8000.bin", TRUE_B, TIME_B, "fresh-tdx-tcb",
          ATTEST_CHECK_UNKNOWN, "not evaluated" },
        { "../azure/tdx-quote.bin", TRUE_B, TIME_B, "fresh-tdx-attributes",
          ATTEST_CHECK_PASS, "0000000000000000" },
        { "../gcp/tdx-quote-cos113.dat", TRUE_B, TIME_B, "fresh-tdx-binding",
          ATTEST_CHECK_FAIL, "all zero" },
        { "quote-v4-debug.dat", TRUE_B, TIME_B, "fresh-tdx-debug",
          ATTEST_CHECK_FAIL, "open to debuggers" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OK(policy_file("", cases[i].collateral), "%s is collateral",
           cases[i].collateral);
        p = data(cases[i].quote, &n);
        (void) judge(p, n, cases[i].now);
        IS_CHECK(cases[i].id, cases[i].state, cases[i].text, "%s at %lld: %s",
                 cases[i].quote, (long long) cases[i].now, cases[i].id);
        free(p);
    }
}


/* The signer's certificate of 2025 has the key of 2023. */

static X509 *
tcb_signer(void)
{
    size_t           n;
    cJSON           *root;
    X509            *x;
    uint8_t         *p = data(TRUE_A, &n);
    attest_span_t    s;
    STACK_OF(X509)  *certs;

    root = cJSON_ParseWithLength((const char *) p, n);
    s.p = (const uint8_t *) cJSON_GetObjectItemCaseSensitive(
              root, "tcb_info_issuer_chain")->valuestring;
    s.n = strlen((const char *) s.p);
    certs = attest_x509_read(s);
    x = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    cJSON_Delete(root);
    free(p);
    return x;
}


static void
test_2023(void)
{
    size_t               n, m, i;
    uint8_t             *a, *b, *p, sig[64];
    X509                *signer = tcb_signer();
    attest_span_t        answer, json;
    attest_tcb_qe_t      qe;
    attest_tcb_info_t    info;
    attest_tdx_pck_t     pck;
    attest_tdx_quote_t   q;
    attest_tcb_result_t  r;
    STACK_OF(X509)      *certs;

    a = data("pcs-2023/tcbinfo-50806f.json", &n);
    answer.p = a;
    answer.n = n;
    IS_INT(attest_tcb_unwrap(answer, "tcbInfo", &json, sig), ATTEST_OK,
           "the service's answer");
    IS_INT(attest_tcb_unwrap(answer, "enclaveIdentity", &json, sig),
           ATTEST_EFORMAT, "is not the other answer");
    (void) attest_tcb_unwrap(answer, "tcbInfo", &json, sig);
    IS_INT(attest_tcb_signature(json, sig, signer), ATTEST_OK,
           "TCB info of 2023 is signed");
    IS_INT(attest_tcb_info_parse(json, &info), ATTEST_OK, "and read");
    OK(info.issued <= TIME_C && TIME_C <= info.next, "valid at C");
    IS_INT(info.nmodules, 0, "without module identities");

    b = data("pcs-2023/qe-identity.json", &m);
    answer.p = b;
    answer.n = m;
    (void) attest_tcb_unwrap(answer, "enclaveIdentity", &json, sig);
    IS_INT(attest_tcb_signature(json, sig, signer), ATTEST_OK,
           "the QE identity of 2023 is signed");
    IS_INT(attest_tcb_qe_parse(json, &qe), ATTEST_OK, "and read");
    IS_INT(attest_tcb_info_parse(json, &info), ATTEST_EUNSUPPORTED,
           "but is no TCB info");
    answer.p = a;
    answer.n = n;
    (void) attest_tcb_unwrap(answer, "tcbInfo", &json, sig);
    IS_INT(attest_tcb_qe_parse(json, &qe), ATTEST_EUNSUPPORTED,
           "nor the other way round");
    answer.p = b;
    answer.n = m;
    (void) attest_tcb_info_parse(json, &info);
    (void) attest_tcb_unwrap(answer, "enclaveIdentity", &json, sig);
    (void) attest_tcb_qe_parse(json, &qe);

    for (i = 0; i < 3; i++) {
        p = data(i == 0 ? "quote-v4-debug.dat" : i == 1
                 ? "quote-v4-spr-e4.dat" : "quote-v4.bin", &n);
        (void) attest_tdx_parse(p, n, &q);
        certs = attest_x509_read(q.certs);
        (void) attest_pck_read(sk_X509_value(certs, 0), &pck);

        if (i == 2) {
            OK(attest_tcb_evaluate(&info, &qe, &q, &pck, &r) != NULL,
               "not for another FMSPC");

        } else {
            OK(attest_tcb_evaluate(&info, &qe, &q, &pck, &r) == NULL,
               "for this FMSPC");
            IS_INT(r.status, i == 0 ? UTD : NONE, "at C: %s",
                   attest_tcb_status_name(r.status));
        }

        sk_X509_pop_free(certs, X509_free);
        free(p);
    }

    X509_free(signer);
    free(a);
    free(b);
}


/* Lists as PEM, hex or base64, and nothing else. */

static void
test_lists(const uint8_t *p, size_t n)
{
    size_t         i;
    char           err[256];
    static char    text[8192], json[16384];
    static char    b64[4096];
    const char    *wrong[] = { "", "zz", "3081", "MIIB" };

    (void) EVP_EncodeBlock((uint8_t *) b64, p, (int) n);
    (void) snprintf(json, sizeof(json), "\"collateral\": {\"root_ca_crl\": "
                    "\"%s\"}", b64);
    OK(!policy("", json, err) && strstr(err, "needs") != NULL,
       "a CRL in base64; but collateral needs more: %s", err);

    for (i = 0; i < n; i++) {
        (void) snprintf(text + 2 * i, 3, "%02X", p[i]);
    }

    (void) snprintf(json, sizeof(json), "\"collateral\": {\"root_ca_crl\": "
                    "\"%s\"}", text);
    OK(!policy("", json, err) && strstr(err, "needs") != NULL,
       "a CRL in hex");
    (void) snprintf(json, sizeof(json), "\"collateral\": {\"root_ca_crl\": "
                    "\"%s00\"}", text);
    OK(!policy("", json, err) && strstr(err, "must be a CRL") != NULL,
       "something behind it");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void) snprintf(json, sizeof(json), "\"collateral\": {"
                        "\"pck_crl\": \"%s\"}", wrong[i]);
        OK(!policy("", json, err) && strstr(err, "must be a CRL") != NULL,
           "\"%s\" is no CRL", wrong[i]);
    }
}


/* Each byte of what the signer signed, and of its signatures. */

static void
test_flips(const char *collateral, X509 *signer)
{
    size_t          i, k, count = 0, accepted = 0;
    cJSON          *root = cJSON_Parse(collateral);
    uint8_t         sig[64];
    char           *text;
    attest_span_t   json;

    static const char *const  names[][2] = {
        { "tcb_info", "tcb_info_signature" },
        { "qe_identity", "qe_identity_signature" }
    };

    for (k = 0; k < 2; k++) {
        text = cJSON_GetObjectItemCaseSensitive(root, names[k][0])
               ->valuestring;
        json.p = (const uint8_t *) text;
        json.n = strlen(text);
        (void) unit_hex(cJSON_GetObjectItemCaseSensitive(root, names[k][1])
                        ->valuestring, sig, 64);
        IS_INT(attest_tcb_signature(json, sig, signer), ATTEST_OK,
               "%s is signed", names[k][0]);

        for (i = 0; i < json.n; i++) {
            text[i] = (char) (text[i] ^ 1 << (i % 8));
            accepted += attest_tcb_signature(json, sig, signer) == ATTEST_OK;
            text[i] = (char) (text[i] ^ 1 << (i % 8));
            count++;
        }

        for (i = 0; i < 64; i++) {
            sig[i] ^= (uint8_t) (1u << (i % 8));
            accepted += attest_tcb_signature(json, sig, signer) == ATTEST_OK;
            sig[i] ^= (uint8_t) (1u << (i % 8));
            count++;
        }

        memset(sig, 0, 32);
        accepted += attest_tcb_signature(json, sig, signer) == ATTEST_OK;
        memset(sig, 0xff, 64);
        accepted += attest_tcb_signature(json, sig, signer) == ATTEST_OK;
        count += 2;
    }

    mutations += count;
    OK(accepted == 0, "%zu bytes of collateral flipped, none accepted",
       count);
    cJSON_Delete(root);
}


/* A quote of the double with collateral of the double. */

static void
doubled(const char *tdx, int64_t now)
{
    char            err[256];
    size_t          n = TDX_DOUBLE_MAX_QUOTE;
    uint8_t         rd[64];
    static char     text[60000], json[65536];
    static uint8_t  quote[TDX_DOUBLE_MAX_QUOTE];

    memset(rd, 0x42, sizeof(rd));

    if (!tdx_double_collateral(&d, text, sizeof(text))
        || !tdx_double_make(&d, rd, quote, &n))
    {
        printf("Bail out! no double\n");
        exit(1);
    }

    (void) snprintf(json, sizeof(json), "\"collateral\": %s", text);

    if (!policy(tdx, json, err)) {
        printf("Bail out! %s\n", err);
        exit(1);
    }

    (void) judge(quote, n, now);
}


static void
again(void)
{
    tdx_double_free(&d);
    (void) tdx_double_init(&d, NOW - 100000, NOW + 100000);
}


static void
test_statuses(void)
{
    size_t  i, k, m;

    static const struct {
        const char  *level;
        const char  *module;
        const char  *qe;
        const char  *worst;
    } cases[] = {
        { "UpToDate", "UpToDate", "UpToDate", "UpToDate" },
        { "SWHardeningNeeded", "UpToDate", "UpToDate", "SWHardeningNeeded" },
        { "ConfigurationNeeded", "UpToDate", "UpToDate",
          "ConfigurationNeeded" },
        { "ConfigurationAndSWHardeningNeeded", "UpToDate", "UpToDate",
          "ConfigurationAndSWHardeningNeeded" },
        { "UpToDate", "OutOfDate", "UpToDate", "OutOfDate" },
        { "UpToDate", "UpToDate", "OutOfDate", "OutOfDate" },
        { "ConfigurationNeeded", "OutOfDate", "UpToDate",
          "OutOfDateConfigurationNeeded" },
        { "SWHardeningNeeded", "UpToDate", "OutOfDate", "OutOfDate" },
        { "OutOfDate", "UpToDate", "UpToDate", "OutOfDate" },
        { "UpToDate", "Revoked", "UpToDate", "Revoked" },
        { "UpToDate", "UpToDate", "Revoked", "Revoked" },
        { "Revoked", "OutOfDate", "UpToDate", "Revoked" }
    };
    static const char  all[] = "\"tcb\": [\"UpToDate\", "
        "\"SWHardeningNeeded\", \"ConfigurationNeeded\", "
        "\"ConfigurationAndSWHardeningNeeded\", \"OutOfDate\", "
        "\"OutOfDateConfigurationNeeded\", \"TDRelaunchAdvised\"]";
    char  want[64];

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (m = 0; m < 2; m++) {
            d.level_status = cases[i].level;
            d.module_status = cases[i].module;
            d.qe_status = cases[i].qe;
            (void) snprintf(want, sizeof(want), "tcb: %s (", cases[i].worst);
            doubled(m == 0 ? "" : all, NOW);
            k = m == 0 ? strcmp(cases[i].worst, "UpToDate") == 0
                       : strcmp(cases[i].worst, "Revoked") != 0;
            IS_CHECK("fresh-tdx-tcb", k ? ATTEST_CHECK_PASS
                     : ATTEST_CHECK_FAIL, want, "%s, %s, %s: %s, %s",
                     cases[i].level, cases[i].module, cases[i].qe,
                     cases[i].worst, k ? "accepted" : "refused");
        }
    }

    again();
}


static void
test_levels(void)
{
    d.body[TDX_DOUBLE_SVN + 2] = 2;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: OutOfDate (",
             "a lower level, whatever the order in the JSON");
    d.body[TDX_DOUBLE_SVN + 2] = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: NotSupported (",
             "below every level");
    again();
    d.level_svn = 7;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "platform NotSupported",
             "a PCK below every level");
    again();
    d.body[TDX_DOUBLE_SVN] = 4;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "TDX module OutOfDate",
             "an older module");
    d.body[TDX_DOUBLE_SVN] = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "TDX module NotSupported",
             "a module below every level");
    again();
    d.body[TDX_DOUBLE_SVN + 1] = 2;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "module's version",
             "a module of an unknown version");
    again();
    d.body[TDX_DOUBLE_SVN + 1] = 0;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_PASS, "tcb: UpToDate",
             "a module of version 0 is compared from the first component");
    d.body[TDX_DOUBLE_SVN] = 4;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "platform NotSupported",
             "and too old");
    again();
    d.qe[258] = 3;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL,
             "quoting enclave NotSupported", "an older quoting enclave");
    again();
    d.qe[49] = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "another quoting enclave",
             "a quoting enclave with other attributes");
    again();
    doubled("\"min_tcb_date\": \"2026-02-01\"", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_PASS, "UpToDate", "new enough");
    doubled("\"min_tcb_date\": \"2026-02-02\"", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "min_tcb_date", "too old");
}


/* TDX 1.5 tells what the platform runs now. */

static void
test_relaunch(void)
{
    d.version = 5;
    d.body_type = 3;
    d.body[TDX_DOUBLE_SVN + 2] = 2;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: OutOfDate (",
             "old microcode at launch is no matter of the module");
    d.body[TDX_DOUBLE_SVN] = 4;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: TDRelaunchAdvised (",
             "launched before an update: refused by default");
    d.body[TDX_DOUBLE_SVN + 2] = 3;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: TDRelaunchAdvised (",
             "before an update of the module alone");
    d.body[TDX_DOUBLE_SVN + 2] = 2;
    doubled("\"tcb\": [\"UpToDate\", \"TDRelaunchAdvised\"]", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_PASS, "tcb: TDRelaunchAdvised (",
             "and accepted by name");
    d.level_status = "ConfigurationNeeded";
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL,
             "tcb: TDRelaunchAdvisedConfigurationNeeded (",
             "with configuration needed");
    d.level_status = "UpToDate";
    d.qe_status = "OutOfDate";
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: OutOfDate (",
             "but not with an old quoting enclave");
    d.qe_status = "UpToDate";
    d.body[TDX_DOUBLE_SVN2 + 2] = 2;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: OutOfDate (",
             "nor when the platform is still old");
    d.low_status = "Revoked";
    d.body[TDX_DOUBLE_SVN2 + 2] = 3;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_FAIL, "tcb: Revoked (",
             "nor from a revoked level");
    again();
}


static void
test_revoked(void)
{
    d.revoke_pck = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-revocation", ATTEST_CHECK_FAIL, "revoked",
             "a revoked PCK");
    again();
    d.revoke_ca = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-revocation", ATTEST_CHECK_FAIL, "revoked",
             "a revoked platform CA");
    again();
    d.from = NOW - 200000;
    d.until = NOW - 100000;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-collateral", ATTEST_CHECK_FAIL, "cannot be used",
             "collateral that has expired");
    again();
    d.from = NOW + 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-collateral", ATTEST_CHECK_FAIL, "cannot be used",
             "collateral of tomorrow");
    again();
}


/* The double must not speak for a platform of Intel's. */

static void
test_not_intel(void)
{
    size_t        n;
    char          err[256];
    uint8_t      *p;
    static char   text[60000], json[65536];

    d.fmspc = "B0C06F000000";
    d.from = TIME_A - 100;
    d.until = TIME_A + 100;
    (void) tdx_double_collateral(&d, text, sizeof(text));
    (void) snprintf(json, sizeof(json), "\"collateral\": %s", text);
    OK(policy("", json, err), "collateral of a simulated root");
    p = data("quote-v4.bin", &n);
    (void) judge(p, n, TIME_A);
    IS_CHECK("fresh-tdx-chain", ATTEST_CHECK_PASS, "of Intel",
             "a quote of Intel's");
    IS_CHECK("fresh-tdx-collateral", ATTEST_CHECK_FAIL, "cannot be used",
             "is not judged by it");
    free(p);
    again();
}


/* The service sends issuer chains in header fields, percent-encoded. */

static void
test_encoded(void)
{
    char          err[256];
    size_t        n = 0, i;
    X509 *const   certs[] = { d.tcb, d.root, NULL };
    static char   pem[4096], enc[12288], json[16384];

    (void) tdx_double_pem(certs, pem, sizeof(pem));

    for (i = 0; pem[i] != '\0'; i++) {
        n += (size_t) snprintf(enc + n, sizeof(enc) - n,
                               strchr(" \n+/=", pem[i]) != NULL ? "%%%02X"
                               : "%c", pem[i]);
    }

    (void) snprintf(json, sizeof(json), "\"collateral\": {"
                    "\"tcb_info_issuer_chain\": \"%s\"}", enc);
    OK(!policy("", json, err) && strstr(err, "needs") != NULL,
       "a percent-encoded chain; but collateral needs more");

    memcpy(strstr(enc, "%20") + 1, "zz", 2);
    (void) snprintf(json, sizeof(json), "\"collateral\": {"
                    "\"tcb_info_issuer_chain\": \"%s\"}", enc);
    OK(!policy("", json, err) && strstr(err, "PEM") != NULL,
       "a bad percent-encoding: %s", err);
    (void) snprintf(json, sizeof(json), "\"collateral\": {"
                    "\"tcb_info_issuer_chain\": \"-----BEGIN%%2\"}");
    OK(!policy("", json, err) && strstr(err, "PEM") != NULL,
       "a cut percent-encoding: %s", err);
}


/* What is signed but not as it should be; and policies that ask for it. */

static void
test_forms(void)
{
    size_t              i;
    char                err[256];
    attest_span_t       s;
    attest_tcb_info_t   info;
    static char         text[60000], json[65536], *at;

    static const char *const  bad[][2] = {
        { "\"tcb\": [\"Revoked\"]", "revoked" },
        { "\"tcb\": [\"Fine\"]", "unknown status" },
        { "\"tcb\": []", "list of statuses" },
        { "\"min_tcb_date\": \"2026-02-30\"", "must be a date" },
        { "\"min_tcb_date\": \"yesterday\"", "must be a date" },
        { "\"attributes\": {\"allowed\": \"0100000000000000\"}", "DEBUG" },
        { "\"attributes\": {\"required\": \"0000002000000000\"}",
          "MIGRATABLE" },
        { "\"attributes\": {\"forbidden\": \"00\"}", "unknown member" },
        { "\"rtmr\": {\"4\": \"00\"}", "an RTMR is named" },
        { "\"rtmr\": {}", "empty" },
        { "\"mrtd\": \"00\"", "hex digits" },
        { "\"ppid\": [\"00\"]", "hex digits" },
        { "\"collateral\": []", "empty list" },
        { "\"collateral\": {}", "needs" },
        { "\"collateral\": {\"tcb_info\": 1}", "text of a JSON" },
        { "\"collateral\": {\"tcb_info_issuer_chain\": \"x\"}", "PEM" },
        { "\"collateral\": {\"tcb_info_signature\": \"00\"}", "hex digits" },
        { "\"require_tcb\": 1", "true or false" },
        { "\"mrtdd\": \"\"", "unknown member" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OK(!policy(bad[i][0], NULL, err) && strstr(err, bad[i][1]) != NULL,
           "%s: %s", bad[i][0], err);
    }

    d.components = 15;
    (void) tdx_double_collateral(&d, text, sizeof(text));
    (void) snprintf(json, sizeof(json), "\"collateral\": %s", text);
    OK(!policy("", json, err) && strstr(err, "no TCB info") != NULL,
       "15 components: %s", err);
    d.components = 17;
    (void) tdx_double_tcb_info(&d, text, sizeof(text));
    s.p = (const uint8_t *) text;
    s.n = strlen(text);
    IS_INT(attest_tcb_info_parse(s, &info), ATTEST_EFORMAT, "17 components");
    again();

    (void) tdx_double_tcb_info(&d, text, sizeof(text));
    s.n = strlen(text);
    IS_INT(attest_tcb_info_parse(s, &info), ATTEST_OK, "16 components");
    at = strstr(text, "\"pceId\"");
    memcpy(at, "\"fmspc\"", 7);
    IS_INT(attest_tcb_info_parse(s, &info), ATTEST_EFORMAT,
           "a member that is there twice");
    (void) tdx_double_tcb_info(&d, text, sizeof(text));
    at = strstr(text, "UpToDate");
    memcpy(at, "OnToDate", 8);
    IS_INT(attest_tcb_info_parse(s, &info), ATTEST_EFORMAT,
           "an unknown status");
    (void) tdx_double_tcb_info(&d, text, sizeof(text));
    text[s.n++] = ' ';
    IS_INT(attest_tcb_info_parse(s, &info), ATTEST_EFORMAT,
           "a byte behind it");
}


static void
test_time(void)
{
    size_t   i;
    int64_t  t;

    static const struct {
        const char  *text;
        int64_t      t;
    } good[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29T12:00:00Z", 951825600 },
        { "2025-06-25T12:00:00Z", TIME_A },
        { "2026-02-25T12:00:00Z", TIME_B },
        { "2026-07-01T10:00:00Z", NOW },
        { "2026-07-01", 1782864000 },
        { "2100-03-01", 4107542400 },
        { "9999-12-31T23:59:59Z", 253402300799 }
    };
    static const char *const  bad[] = {
        "", "2026", "2026-13-01", "2026-00-01", "2026-02-29", "2100-02-29",
        "2026-07-01T10:00:00", "2026-07-01 10:00:00Z", "2026-07-01T24:00:00Z",
        "1969-12-31", "2026-+7-01", "-026-07-01", "2026-07-01T10:60:00Z",
        "2026-07-01T 1:00:00Z"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        t = -1;
        OK(attest_tcb_time(good[i].text, &t) == ATTEST_OK
           && t == good[i].t, "%s is %lld", good[i].text,
           (long long) good[i].t);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OK(attest_tcb_time(bad[i], &t) != ATTEST_OK, "\"%s\" is no time",
           bad[i]);
    }
}


/* What real quotes show, by the double. */

static void
test_double_cases(void)
{
    char            err[256];
    size_t          n = TDX_DOUBLE_MAX_QUOTE;
    uint8_t         rd[64] = { 0 };
    static uint8_t  quote[TDX_DOUBLE_MAX_QUOTE];
    static char     text[60000], json[65536];

    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_PASS, "tcb: UpToDate (platform "
             "UpToDate, TDX module UpToDate, quoting enclave UpToDate)",
             "double: all is up to date");
    IS_CHECK("fresh-tdx-revocation", ATTEST_CHECK_PASS, "in no list",
             "double: nothing is revoked");
    d.fmspc = "B0C06F000000";
    doubled("", NOW);
    IS_CHECK("fresh-tdx-tcb", ATTEST_CHECK_UNKNOWN, "no collateral for "
             "platforms with FMSPC", "double: another platform's collateral");
    again();
    doubled("", NOW - 100001);
    IS_CHECK("fresh-tdx-chain", ATTEST_CHECK_FAIL, "no chain leads",
             "double: before its certificates");
    again();
    d.body[TDX_DOUBLE_TDATTR] = 1;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-debug", ATTEST_CHECK_FAIL, "open to debuggers",
             "double: debug");
    again();
    d.version = 5;
    d.body_type = 3;
    memset(d.body + TDX_DOUBLE_MRSERVICETD, 0xc2, 48);
    doubled("", NOW);
    IS_CHECK("fresh-tdx-mrservicetd", ATTEST_CHECK_UNKNOWN, "does not name",
             "double: a service TD that no policy names");
    again();
    d.body[TDX_DOUBLE_TDATTR + 3] = 0;
    doubled("", NOW);
    IS_CHECK("fresh-tdx-attributes", ATTEST_CHECK_PASS, "0000000000000000",
             "double: no attributes");

    (void) tdx_double_collateral(&d, text, sizeof(text));
    (void) snprintf(json, sizeof(json), "\"collateral\": %s", text);
    (void) policy("", json, err);
    (void) tdx_double_make(&d, rd, quote, &n);
    (void) judge(quote, n, NOW);
    IS_CHECK("fresh-tdx-binding", ATTEST_CHECK_FAIL, "all zero",
             "double: report data of zeros");
    again();
}


/* The service's answers: what it signed, and its signature beside it. */

static void
wrapped(const char *name, const char *text, char *out, size_t room)
{
    size_t   i, n;
    uint8_t  sig[64];

    (void) tdx_double_sign(d.tcb_key, text, strlen(text), sig);
    n = (size_t) snprintf(out, room, "{\"%s\":%s,\"signature\":\"", name,
                          text);

    for (i = 0; i < 64; i++) {
        n += (size_t) snprintf(out + n, room - n, "%02x", sig[i]);
    }

    (void) snprintf(out + n, room - n, "\"}");
}


static void
test_answers(void)
{
    size_t              n, from, to;
    uint8_t             sig[64];
    attest_span_t       answer, json;
    attest_tcb_qe_t     qe;
    attest_tcb_info_t   info;
    static char         text[32768], all[40000];

    (void) tdx_double_tcb_info(&d, text, sizeof(text));

    /* as of 2023: no module identities */

    from = (size_t) (strstr(text, "\"tdxModuleIdentities\"") - text);
    to = (size_t) (strstr(text, "\"tcbLevels\":[{\"tcb\":{\"sgx") - text);
    memmove(text + from, text + to, strlen(text + to) + 1);
    wrapped("tcbInfo", text, all, sizeof(all));
    answer.p = (const uint8_t *) all;
    answer.n = strlen(all);
    IS_INT(attest_tcb_unwrap(answer, "tcbInfo", &json, sig), ATTEST_OK,
           "double: the service's answer");
    n = json.n;
    IS_INT(n, strlen(text), "double: is what was signed");
    IS_INT(attest_tcb_signature(json, sig, d.tcb), ATTEST_OK,
           "double: TCB info is signed");
    IS_INT(attest_tcb_info_parse(json, &info), ATTEST_OK, "double: and read");
    IS_INT(info.nmodules, 0, "double: without module identities");
    IS_INT(attest_tcb_qe_parse(json, &qe), ATTEST_EUNSUPPORTED,
           "double: but is no QE identity");
    IS_INT(attest_tcb_unwrap(answer, "enclaveIdentity", &json, sig),
           ATTEST_EFORMAT, "double: nor the other answer");

    (void) tdx_double_qe_identity(&d, text, sizeof(text));
    wrapped("enclaveIdentity", text, all, sizeof(all));
    answer.n = strlen(all);
    IS_INT(attest_tcb_unwrap(answer, "enclaveIdentity", &json, sig),
           ATTEST_OK, "double: the other answer");
    IS_INT(attest_tcb_signature(json, sig, d.tcb), ATTEST_OK,
           "double: the QE identity is signed");
    IS_INT(attest_tcb_qe_parse(json, &qe), ATTEST_OK, "double: and read");
    IS_INT(attest_tcb_info_parse(json, &info), ATTEST_EUNSUPPORTED,
           "double: but is no TCB info");
}


/* The list of the double's root, in DER. */

static void
test_double_lists(void)
{
    int             n;
    BIO            *bio;
    char           *at;
    uint8_t        *der = NULL;
    X509_CRL       *crl;
    tdx_double_t    kept;
    static char     pem[4096];

    (void) tdx_double_crl(&d, d.root, d.root_key, 2, pem, sizeof(pem));

    for (at = pem; (at = strstr(at, "\\n")) != NULL; at++) {
        memcpy(at, " \n", 2);
    }

    bio = BIO_new_mem_buf(pem, -1);
    crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    n = i2d_X509_CRL(crl, &der);

    if (!OK(n > 0, "double: a list")) {
        return;
    }

    /* a policy that names no root of the double */

    kept = d;
    d.root = NULL;
    test_lists(der, (size_t) n);
    d = kept;

    X509_CRL_free(crl);
    BIO_free(bio);
    OPENSSL_free(der);
}


/* Intel's own, where they are there. */

static void
test_intel(void)
{
    X509     *signer;
    size_t    n;
    uint8_t  *p;

    if (!UNIT_HAVE("real quotes and collateral", "tdx/" TRUE_A, "tdx/" TRUE_B,
                   "tdx/quote-v4-spr-e4.dat", "tdx/quote-v5-td15.dat",
                   "tdx/quote-v4-debug.dat", "tdx/quote-v5-servicetd.dat",
                   "tdx/quote-v4.bin", "tdx/quote-v5-tcb-unsupported.bin",
                   "tdx/quote-v4-foreign-report-data.bin",
                   "tdx/quote-v4-padded-8000.bin",
                   "gcp/tdx-quote-cos113.dat", "azure/tdx-quote.bin",
                   "tdx/quote-with-eventlog.json",
                   "tdx/quote-stripped-eventlog.json",
                   "tdx/pcs-2023/tcbinfo-50806f.json",
                   "tdx/pcs-2023/qe-identity.json",
                   "tdx/pcs-2023/root-ca.crl"))
    {
        return;
    }

    test_real();
    test_2023();

    p = data("pcs-2023/root-ca.crl", &n);
    test_lists(p, n);
    free(p);

    signer = tcb_signer();
    p = data(TRUE_A, &n);
    test_flips((const char *) p, signer);
    free(p);
    X509_free(signer);

    again();
    test_not_intel();
}


int
main(void)
{
    static char  collateral[65536];

    if (attest_roots_load(&roots) != ATTEST_OK) {
        printf("Bail out! no roots\n");
        return 1;
    }

    test_time();
    test_intel();

    again();
    (void) tdx_double_collateral(&d, collateral, sizeof(collateral));
    test_flips(collateral, d.tcb);
    test_double_lists();
    test_answers();
    test_double_cases();
    test_statuses();
    test_levels();
    test_relaunch();
    test_revoked();
    test_encoded();
    test_forms();

    printf("# %zu mutations, none accepted\n", mutations);

    attest_policy_clear(&pol);
    tdx_double_free(&d);
    attest_roots_clear(&roots);
    DONE();
}
