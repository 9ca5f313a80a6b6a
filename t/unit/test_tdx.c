/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TDX and SGX quotes: those of the double and real ones, every byte flipped,
 * whole appraisals, CCEL logs, and RA-TLS certificates that carry quotes.
 */

#include <cjson/cJSON.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "core/appraisal/attest_roots.h"
#include "core/appraisal/attest_verify.h"
#include "core/base/attest_cbor.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_eventlog.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_pck.h"
#include "core/evidence/attest_tdx.h"
#include "core/evidence/attest_tsm.h"
#include "core/policy/attest_policy.h"
#include "fixture.h"
#include "log_double.h"
#include "tdx_double.h"


#define T0       1782864000
#define NOW      1782900000
#define UNTIL    1782950400

/* What the double's TD has, as the members of a policy. */
#define MRTD                                                                 \
    "\"mrtd\": \"7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d"             \
    "7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d\""
#define RTMRS                                                                \
    "\"rtmr\": {\"0\": \""                                                    \
    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"                       \
    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\", \"1\": \""           \
    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"                       \
    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\", \"2\": \""           \
    "a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"                       \
    "a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2\"}"

/* the sanitizers' build flips every 7th byte of what is slow to check */
#define STRIDE   UNIT_STEP(7)


typedef struct {
    const char         *file;
    const char         *fmspc;
    attest_tdx_body_e   body;
    unsigned            version;
    size_t              padding;
    uint64_t            attributes;
} fixture_t;

/* One appraisal before it is made. */

typedef struct {
    tdx_double_t         d;
    attest_claims_t      claims;
    uint8_t              quote[TDX_DOUBLE_MAX_QUOTE];
    size_t               quote_len;
    const uint8_t       *ccel;
    size_t               ccel_len;
    const char          *tdx;            /* members of the policy's "tdx" */
    const char          *roots;          /* labels; NULL: simulated */
    int                  collateral;
    int                  no_root;        /* none in simulated_roots */
    int64_t              now;
    attest_policy_t      policy;
    uint8_t              out[131072];    /* the fresh collection */
    size_t               out_len;
} world_t;


static const fixture_t  fixtures[] = {
    { "quote-v4-spr-e4.dat", "50806f000000", ATTEST_TDX_BODY_10, 4, 39,
      ATTEST_TDX_PKS },
    { "quote-v5-td15.dat", "90c06f000000", ATTEST_TDX_BODY_15, 5, 0,
      ATTEST_TDX_SEPT_VE },
    { "quote-v4-debug.dat", "50806f000000", ATTEST_TDX_BODY_10, 4, 0,
      ATTEST_TDX_SEPT_VE | ATTEST_TDX_DEBUG },
    { "quote-v5-servicetd.dat", "90c06f000000", ATTEST_TDX_BODY_15, 5, 0,
      ATTEST_TDX_SEPT_VE },
    { "quote-v4.bin", "b0c06f000000", ATTEST_TDX_BODY_10, 4, 70,
      ATTEST_TDX_SEPT_VE },
    { "quote-v5-tcb-unsupported.bin", "90c06f000000", ATTEST_TDX_BODY_15, 5,
      0, ATTEST_TDX_SEPT_VE },
    { "quote-v4-foreign-report-data.bin", "b0c06f000000",
      ATTEST_TDX_BODY_10, 4, 0, ATTEST_TDX_SEPT_VE },
    { "quote-v4-padded-8000.bin", "00806f050000", ATTEST_TDX_BODY_10, 4,
      3065, ATTEST_TDX_SEPT_VE },
    { "../gcp/tdx-quote-cos113.dat", "00806f050000", ATTEST_TDX_BODY_10, 4, 0,
      ATTEST_TDX_SEPT_VE },
    { "../azure/tdx-quote.bin", "00806f050000", ATTEST_TDX_BODY_10, 4, 0, 0 },
    { NULL, NULL, 0, 0, 0, 0 }
};

static attest_roots_t   roots;
static attest_roots_t  *makers = &roots;   /* or the double as one of them */
static world_t          w;
static attest_result_t  res;
static size_t           mutations;


/* NULL: genuine at that time under these anchors; or what is wrong. */

static const char *
genuine(const uint8_t *p, size_t n, int64_t now, attest_maker_e maker)
{
    const char           *what = NULL;
    attest_tdx_pck_t      pck;
    STACK_OF(X509)       *certs;
    attest_tdx_quote_t    q;
    attest_x509_chain_t   c;

    if (attest_tdx_parse(p, n, &q) != ATTEST_OK) {
        return "layout";
    }

    if (attest_tdx_check_signature(&q) != ATTEST_OK) {
        return "signature";
    }

    if (attest_tdx_check_qe_key(&q) != ATTEST_OK) {
        return "QE key";
    }

    if (attest_tdx_check_qe_identity(&q) != ATTEST_OK) {
        return "QE identity";
    }

    certs = attest_x509_read(q.certs);

    if (certs == NULL
        || attest_pck_read(sk_X509_value(certs, 0), &pck) != ATTEST_OK)
    {
        what = "PCK";

    } else if (attest_tdx_check_qe_signature(&q, sk_X509_value(certs, 0))
               != ATTEST_OK)
    {
        what = "QE signature";

    } else {
        memset(&c, 0, sizeof(c));
        c.anchors = makers->anchors[maker];
        c.untrusted = certs;
        c.now = now;
        what = attest_x509_chain(sk_X509_value(certs, 0), &c);
    }

    sk_X509_pop_free(certs, X509_free);
    return what;
}


static uint8_t *
quote_file(const char *file, size_t *n)
{
    char  path[128];

    (void) snprintf(path, sizeof(path), "tdx/%s", file);
    return unit_fixture(path, n);
}


static void
check_quote(const fixture_t *f, const uint8_t *p, size_t n)
{
    char                 hex[13];
    size_t               i;
    const char          *what;
    STACK_OF(X509)      *certs;
    attest_tdx_pck_t     pck;
    attest_tdx_quote_t   q;

    what = genuine(p, n, T0, ATTEST_MAKER_INTEL);
    OK(what == NULL, "%s: genuine at T0 (%s)", f->file,
       what == NULL ? "" : what);

    if (attest_tdx_parse(p, n, &q) != ATTEST_OK) {
        return;
    }

    IS_INT(q.version, f->version, "%s: version", f->file);
    IS_INT(q.body, f->body, "%s: body", f->file);
    OK((f->version == 3 ? q.enclave.attributes[0]
        : attest_tdx_u64(q.td_attributes)) == f->attributes,
       "%s: attributes", f->file);

    if (f->padding != 0) {
        IS_INT(n - q.length, f->padding, "%s: padding", f->file);
    }

    certs = attest_x509_read(q.certs);
    memset(&pck, 0, sizeof(pck));
    IS_INT(attest_pck_read(sk_X509_value(certs, 0), &pck), ATTEST_OK,
           "%s: PCK", f->file);

    for (i = 0; i < 6; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", pck.fmspc[i]);
    }

    OK(strcmp(hex, f->fmspc) == 0, "%s: FMSPC %s", f->file, hex);
    IS_INT(attest_pck_read(sk_X509_value(certs, 1), &pck),
           ATTEST_EFORMAT, "%s: the CA's certificate is no PCK's", f->file);
    OK(genuine(p, n, T0, ATTEST_MAKER_AMD) != NULL,
       "%s: not under AMD's roots", f->file);
    OK(genuine(p, n, 1451606400, ATTEST_MAKER_INTEL) != NULL,
       "%s: not in 2016", f->file);

    sk_X509_pop_free(certs, X509_free);
}


/* DER of the PCK's certificate and of its CA's, to see what a flip did. */

static int
same_certs(const uint8_t *a, const uint8_t *b, size_t n)
{
    int                 i, same = 1;
    STACK_OF(X509)     *x, *y;
    attest_tdx_quote_t  p, q;

    if (attest_tdx_parse(a, n, &p) != ATTEST_OK
        || attest_tdx_parse(b, n, &q) != ATTEST_OK)
    {
        return 0;
    }

    x = attest_x509_read(p.certs);
    y = attest_x509_read(q.certs);
    same = x != NULL && y != NULL;

    for (i = 0; same && i < 2; i++) {
        same = X509_cmp(sk_X509_value(x, i), sk_X509_value(y, i)) == 0;
    }

    sk_X509_pop_free(x, X509_free);
    sk_X509_pop_free(y, X509_free);
    return same;
}


/*
 * Every byte once.  PEM may be spelled in more ways than one, and the root
 * that comes with a quote is not what is trusted: such flips change nothing.
 */

static void
test_flips(const char *file, uint8_t *p, size_t n)
{
    size_t               i, count = 0, accepted = 0, idle = 0, area;
    uint8_t             *m;
    attest_tdx_quote_t   q;

    m = malloc(n);
    (void) attest_tdx_parse(p, n, &q);
    area = (size_t) (q.certs.p - p);

    for (i = 0; i < q.length; i += i < area ? UNIT_STEP(5) : STRIDE) {
        memcpy(m, p, n);
        m[i] ^= (uint8_t) (1u << (i % 8));
        count++;

        if (genuine(m, n, T0, ATTEST_MAKER_INTEL) == NULL) {
            if (i >= area && same_certs(p, m, n)) {
                idle++;
                continue;
            }

            /* the header's user data and such are signed: none may pass */

            printf("# byte %zu\n", i);
            accepted++;
        }
    }

    mutations += count;
    OK(accepted == 0, "%s: %zu bytes flipped, none accepted (%zu in the PEM "
       "text left both certificates as they were)", file, count, idle);
    OK(idle < count / 4, "%s: few were idle", file);

    free(m);
}


static void
test_cuts(const char *file, uint8_t *p, size_t n)
{
    size_t               i, accepted = 0, count = 0, len;
    uint8_t             *m;
    attest_tdx_quote_t   q;
    size_t               fields[4];
    static const long    off[] = { -1, 1, 0x10000 };

    (void) attest_tdx_parse(p, n, &q);
    len = q.length;

    for (i = 0; i < len; i++) {
        m = malloc(i + 1);
        memcpy(m, p, i);
        accepted += attest_tdx_parse(m, i, &q) == ATTEST_OK;
        free(m);
        count++;
    }

    OK(accepted == 0, "%s: %zu shorter ones, none accepted", file, count);
    mutations += count;

    /* sig_len, the box, auth, chain: off by one, and far too much */

    (void) attest_tdx_parse(p, n, &q);
    fields[0] = q.signed_area.n;
    fields[1] = fields[0] + 4 + 128 + 2;
    fields[2] = (size_t) (q.qe_signature - p) + 64;
    fields[3] = (size_t) (q.certs.p - p) - 4;
    m = malloc(n);
    accepted = count = 0;

    for (i = 0; i < 4 * 3; i++) {
        size_t    at = fields[i / 3];
        uint32_t  v;

        memcpy(m, p, n);
        v = (uint32_t) (m[at] | m[at + 1] << 8);
        v = (uint32_t) ((long) v + off[i % 3]);
        tdx_double_le(m + at, v, i / 3 == 2 ? 2 : 4);

        if (i / 3 == 2 && i % 3 == 2) {
            tdx_double_le(m + at, 0xffff, 2);
        }

        count++;
        accepted += genuine(m, q.length, T0, ATTEST_MAKER_INTEL) == NULL;
    }

    OK(accepted == 0, "%s: %zu wrong lengths, none accepted", file, count);
    mutations += count;
    free(m);
}


static void
test_kinds(uint8_t *p, size_t n)
{
    uint8_t              zero[512] = { 0 };
    attest_tdx_quote_t   q;

    p[0] = 4;
    OK(genuine(p, n, T0, ATTEST_MAKER_INTEL) != NULL,
       "a version 5 quote read as version 4");
    p[0] = 6;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EUNSUPPORTED, "version 6");
    p[0] = 5;
    p[48] = 1;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EUNSUPPORTED,
           "an SGX body in version 5");
    p[48] = 2;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EFORMAT,
           "a body of another size");
    p[48] = 3;
    p[2] = 3;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EUNSUPPORTED, "a P-384 key");
    p[2] = 2;
    p[4] = 0;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EUNSUPPORTED, "TEE type SGX");
    p[4] = 0x81;
    p[12] ^= 1;
    IS_INT(attest_tdx_parse(p, n, &q), ATTEST_EUNSUPPORTED,
           "another maker's quoting enclave");

    q.length = 0;
    p[12] ^= 1;
    (void) attest_tdx_parse(p, n, &q);
    memset(p + (q.signature - p), 0, 32);
    IS_INT(attest_tdx_check_signature(&q), ATTEST_ECRYPTO, "r is 0");
    memset(p + (q.signature - p), 0xff, 32);
    IS_INT(attest_tdx_check_signature(&q), ATTEST_ECRYPTO,
           "r is above the order");
    memset(p + (q.attest_key - p), 0x55, 64);
    IS_INT(attest_tdx_check_signature(&q), ATTEST_ECRYPTO,
           "a key that is no point");

    /* a CWT, as newer platforms may answer: d2 is COSE_Sign1 */

    IS_INT(attest_tdx_parse((const uint8_t *) "\xd2\x84\x43\xa1\x01\x26\xa0"
                            "\x58\x20\x00\x00\x00", 12, &q),
           ATTEST_EUNSUPPORTED, "a \"DICE\" quote is a CWT");
    IS_INT(attest_tdx_parse(zero, sizeof(zero), &q), ATTEST_EUNSUPPORTED,
           "zeros");
    IS_INT(attest_tdx_parse(zero, 0, &q), ATTEST_EFORMAT, "nothing");
}


/* rtmr = SHA-384(rtmr || digest) */

static void
extend(uint8_t rtmr[48], const uint8_t digest[48])
{
    uint8_t  both[96];

    memcpy(both, rtmr, 48);
    memcpy(both + 48, digest, 48);
    (void) EVP_Digest(both, sizeof(both), rtmr, NULL, EVP_sha384(), NULL);
}


/* dstack's log of all four registers, with the quote that it belongs to. */

static void
replay(const cJSON *log, uint8_t rtmr[4][48], int *payloads)
{
    char         name[128];
    uint8_t      digest[48], payload[4096];
    cJSON       *e;
    const char  *hex;
    int          imr;

    memset(rtmr, 0, 4 * 48);
    *payloads = 0;

    cJSON_ArrayForEach(e, log) {
        imr = (int) cJSON_GetObjectItemCaseSensitive(e, "imr")->valuedouble;
        hex = cJSON_GetObjectItemCaseSensitive(e, "digest")->valuestring;
        memset(digest, 0, sizeof(digest));
        (void) unit_hex(hex, digest, 48);

        if (imr == 3 && *hex != '\0') {
            EVP_MD_CTX  *ctx = EVP_MD_CTX_new();
            uint8_t      want[48], type[4];
            size_t       n;

            tdx_double_le(type, (uint64_t)
                          cJSON_GetObjectItemCaseSensitive(e, "event_type")
                          ->valuedouble, 4);
            (void) snprintf(name, sizeof(name), ":%s:",
                            cJSON_GetObjectItemCaseSensitive(e, "event")
                            ->valuestring);
            n = unit_hex(cJSON_GetObjectItemCaseSensitive(e, "event_payload")
                         ->valuestring, payload, sizeof(payload));
            EVP_DigestInit_ex(ctx, EVP_sha384(), NULL);
            EVP_DigestUpdate(ctx, type, 4);
            EVP_DigestUpdate(ctx, name, strlen(name));
            EVP_DigestUpdate(ctx, payload, n);
            EVP_DigestFinal_ex(ctx, want, NULL);
            EVP_MD_CTX_free(ctx);
            *payloads += memcmp(want, digest, 48) == 0;
        }

        extend(rtmr[imr], digest);
    }
}


static void
test_rtmr_log(const char *file, int complete)
{
    int                  i, payloads, same;
    size_t               n;
    cJSON               *root, *log, *v;
    uint8_t             *p = quote_file(file, &n), rtmr[4][48];
    static uint8_t       quote[8192];
    attest_tdx_quote_t   q;

    root = cJSON_ParseWithLength((const char *) p, n);
    n = unit_hex(cJSON_GetObjectItemCaseSensitive(root, "quote")
                 ->valuestring, quote, sizeof(quote));
    OK(genuine(quote, n, T0, ATTEST_MAKER_INTEL) == NULL, "%s: genuine",
       file);
    (void) attest_tdx_parse(quote, n, &q);

    v = cJSON_GetObjectItemCaseSensitive(root, "event_log");
    log = cJSON_IsString(v) ? cJSON_Parse(v->valuestring)
                            : cJSON_Duplicate(v, 1);
    replay(log, rtmr, &payloads);

    for (i = 0; i < 4; i++) {
        same = memcmp(rtmr[i], q.rtmr[i], 48) == 0;
        OK(same == (complete || i != 3), "%s: RTMR %d %s", file, i,
           same ? "replays" : "does not replay");
    }

    OK((payloads > 0) == complete, "%s: %d digests of RTMR 3 from their "
       "payloads", file, payloads);

    v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(log, 0),
                                         "digest");
    v->valuestring[0] = v->valuestring[0] == '0' ? '1' : '0';
    replay(log, rtmr, &payloads);
    OK(memcmp(rtmr[0], q.rtmr[0], 48) != 0, "%s: not with another event",
       file);

    cJSON_Delete(log);
    cJSON_Delete(root);
    free(p);
}


/* Evidence of our own, signed by the double. */

static void
reset(void)
{
    attest_policy_clear(&w.policy);
    tdx_double_free(&w.d);
    memset(&w, 0, sizeof(w));

    if (!tdx_double_init(&w.d, T0 - 86400, UNTIL + 86400)) {
        printf("Bail out! no double\n");
        exit(1);
    }

    w.now = NOW;
    w.collateral = 1;
    w.tdx = MRTD ", " RTMRS;
    w.claims.pubkey_hash_alg = 1;
    w.claims.pubkey_hash_len = 32;
    memset(w.claims.pubkey_hash, 0x11, 32);
    memset(w.claims.nonce, 0xaa, 32);
    w.claims.nonce_len = 32;
    memcpy(w.claims.exporter, w.claims.nonce, 32);
    w.claims.has_exporter = 1;
    w.claims.has_validity = 1;
    w.claims.not_before = T0;
    w.claims.not_after = UNTIL;
}


static void
item(attest_cmw_item_t *items, size_t *n, const char *label,
    const char *type, const uint8_t *p, size_t len)
{
    memset(&items[*n], 0, sizeof(items[0]));
    items[*n].label = label;
    items[*n].type = type;
    items[*n].value.p = p;
    items[*n].value.n = len;
    items[*n].ind = ATTEST_CMW_IND_EVIDENCE;
    (*n)++;
}


/* w.quote and the claims as a collection. */

static void
collect(const char *ctype, const uint8_t *claims, size_t len, uint8_t *out,
    size_t *out_len)
{
    size_t             n = 0, tsm_len;
    static uint8_t     buf[32768];
    attest_tsm_t       tsm;
    attest_cmw_item_t  items[3];

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) "tdx_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = w.quote;
    tsm.outblob.n = w.quote_len;
    tsm_len = sizeof(buf);

    if (attest_tsm_encode(&tsm, buf, &tsm_len) != ATTEST_OK) {
        printf("Bail out! cannot encode the report\n");
        exit(1);
    }

    item(items, &n, ATTEST_ITEM_CLAIMS, ATTEST_TYPE_CLAIMS, claims, len);
    item(items, &n, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM, buf, tsm_len);

    if (w.ccel != NULL) {
        item(items, &n, ATTEST_ITEM_CCEL, ATTEST_TYPE_CCEL, w.ccel,
             w.ccel_len);
    }

    if (attest_cmw_encode_cbor(ctype, items, n, out, out_len) != ATTEST_OK) {
        printf("Bail out! cannot encode the collection\n");
        exit(1);
    }
}


static void
quote_claims(const attest_claims_t *c, uint8_t *claims, size_t *len)
{
    uint8_t  report_data[64];

    *len = ATTEST_CLAIMS_MAX;
    w.quote_len = sizeof(w.quote);

    if (attest_claims_encode(c, claims, len) != ATTEST_OK
        || attest_claims_report_data(claims, *len, report_data) != ATTEST_OK
        || !tdx_double_make(&w.d, report_data, w.quote, &w.quote_len))
    {
        printf("Bail out! cannot make a quote\n");
        exit(1);
    }
}


static void
build(void)
{
    size_t   len;
    uint8_t  claims[ATTEST_CLAIMS_MAX];

    quote_claims(&w.claims, claims, &len);
    w.out_len = sizeof(w.out);
    collect(ATTEST_CMWC_FRESH, claims, len, w.out, &w.out_len);
}


static void
policy(void)
{
    char         err[256];
    static char  json[131072], root[4096], collateral[65536];

    if (!tdx_double_root(&w.d, root, sizeof(root))
        || !tdx_double_collateral(&w.d, collateral, sizeof(collateral)))
    {
        printf("Bail out! no collateral\n");
        exit(1);
    }

    attest_policy_clear(&w.policy);

    (void) snprintf(json, sizeof(json), "{\"version\": 1, "
                    "\"roots_of_trust\": [\"%s\"], %s%s%s "
                    "\"require_exporter\": false, \"tdx\": {%s%s%s}}",
                    w.roots == NULL ? "simulated" : w.roots,
                    w.no_root ? "" : "\"simulated_roots\": [\"",
                    w.no_root ? "" : root, w.no_root ? "" : "\"],", w.tdx,
                    w.collateral ? ", \"collateral\": " : "",
                    w.collateral ? collateral : "");

    if (attest_policy_parse(json, strlen(json), &w.policy, err, sizeof(err))
        != ATTEST_OK)
    {
        printf("Bail out! the policy: %s\n", err);
        exit(1);
    }
}


static attest_verdict_e
appraise(const uint8_t *p, size_t n)
{
    attest_verify_input_t  in;

    memset(&in, 0, sizeof(in));
    in.fresh.p = p;
    in.fresh.n = n;
    in.nonce.p = w.claims.nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = w.now;
    in.policy = &w.policy;
    in.roots = &roots;
    attest_verify(&in, &res);

    return res.verdict;
}


static attest_verdict_e
run(void)
{
    build();
    policy();
    return appraise(w.out, w.out_len);
}


static int
has(const char *id, attest_check_e state)
{
    size_t  i;

    for (i = 0; i < res.count; i++) {
        if (strcmp(res.checks[i].id, id) == 0 && res.checks[i].state == state)
        {
            return 1;
        }
    }

    for (i = 0; i < res.count; i++) {
        printf("#   %s %d: %s\n", res.checks[i].id, res.checks[i].state,
               res.checks[i].text);
    }

    return 0;
}


#define REFUSED(id, what)                                                    \
    do {                                                                     \
        IS_INT(run(), ATTEST_NOT_TRUSTED, "%s: not trusted", what);          \
        OK(has("fresh-" id, ATTEST_CHECK_FAIL), "%s: %s", what, id);         \
        reset();                                                             \
    } while (0)

#define UNDECIDED(id, what)                                                  \
    do {                                                                     \
        IS_INT(run(), ATTEST_UNDECIDED, "%s: undecided", what);              \
        OK(has(id, ATTEST_CHECK_UNKNOWN), "%s: %s", what, id);               \
        reset();                                                             \
    } while (0)

#define TRUSTED(what)                                                        \
    do {                                                                     \
        IS_INT(run(), ATTEST_TRUSTED, "%s: trusted", what);                  \
        if (res.verdict != ATTEST_TRUSTED) {                                 \
            (void) has("-", ATTEST_CHECK_PASS);                              \
        }                                                                    \
        reset();                                                             \
    } while (0)


static void
test_accept(void)
{
    reset();
    IS_INT(run(), ATTEST_TRUSTED, "a quote of the double is trusted");
    OK(has("fresh-tdx-tcb", ATTEST_CHECK_PASS), "its TCB is evaluated");
    IS_INT(res.root, ATTEST_ROOT_SIMULATED, "as simulated");
    reset();

    w.d.version = 5;
    TRUSTED("version 5, TDX 1.0");
    w.d.version = 5;
    w.d.body_type = 3;
    TRUSTED("version 5, TDX 1.5");
    w.d.padding = 3000;
    TRUSTED("padding");
    w.d.body[TDX_DOUBLE_TDATTR + 3] = 0;
    TRUSTED("all attributes zero, as on Azure");

    /* one who says tee, or nothing of simulated roots */

    w.roots = "tee";
    IS_INT(run(), ATTEST_NOT_TRUSTED, "never as tee");
    OK(has("root-of-trust", ATTEST_CHECK_FAIL), "for its label");
    reset();
    w.no_root = 1;
    REFUSED("tdx-chain", "a root that nobody ships");
}


static void
test_refuse(void)
{
    reset();
    w.d.body[TDX_DOUBLE_TDATTR] = 1;
    REFUSED("tdx-debug", "a TD open to debuggers");
    w.d.body[TDX_DOUBLE_TDATTR] = 1;
    w.tdx = MRTD ", " RTMRS ", \"allow_debug\": true";
    TRUSTED("the same, allowed by the test switch");
    w.d.body[TDX_DOUBLE_TDATTR + 3] = 0x30;
    REFUSED("tdx-attributes", "a migratable TD");
    w.d.body[TDX_DOUBLE_TDATTR + 2] = 0x04;
    REFUSED("tdx-attributes", "an unknown attribute");
    w.d.body[TDX_DOUBLE_MRSIGNERSEAM] = 1;
    REFUSED("tdx-module", "a module of another signer");
    w.d.body[TDX_DOUBLE_SEAMATTR] = 1;
    REFUSED("tdx-module", "a module with attributes");
    w.d.qe[128] ^= 1;
    REFUSED("tdx-qe", "a quoting enclave of another signer");
    w.d.qe[48] |= 2;
    REFUSED("tdx-qe", "a quoting enclave open to debuggers");
    w.d.no_chain = 1;
    REFUSED("tdx-chain", "no intermediate");

    w.now = UNTIL + 2 * 86400;
    w.claims.not_after = UNTIL + 3 * 86400;
    REFUSED("tdx-chain", "certificates that expired");
    w.d.body[TDX_DOUBLE_MRTD] ^= 1;
    REFUSED("tdx-mrtd", "another MRTD");

    w.tdx = MRTD ", \"rtmr\": {\"2\":"
            "\"a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"
            "a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a3\"}";
    REFUSED("tdx-rtmr2", "another RTMR 2");
    w.tdx = "\"xfam\": \"e702060000000001\"";
    REFUSED("tdx-xfam", "another XFAM");
    w.tdx = "\"ppid\": [\"00000000000000000000000000000000\"]";
    REFUSED("tdx-ppid", "another platform");
    w.tdx = "\"fmspc\": [\"c0ffee000001\"]";
    REFUSED("tdx-fmspc", "another kind of platform");
    w.tdx = "\"attributes\": {\"required\": \"0000004000000000\"}";
    REFUSED("tdx-attributes", "a bit that is required and clear");
    w.tdx = "\"attributes\": {\"allowed\": \"0000000000000000\"}";
    REFUSED("tdx-attributes", "a bit that is set and not allowed");
    w.d.body[TDX_DOUBLE_MRCONFIGID] = 1;
    w.tdx = "\"mrconfigid\": \"000000000000000000000000000000000000000000000"
            "000000000000000000000000000000000000000000000000000\"";
    REFUSED("tdx-mrconfigid", "another MRCONFIGID");
}


static void
test_undecided(void)
{
    reset();
    w.collateral = 0;
    UNDECIDED("fresh-tdx-tcb", "no collateral");
    w.collateral = 0;
    w.tdx = "\"require_tcb\": false, " MRTD ", " RTMRS;
    TRUSTED("no collateral, knowingly");
    w.d.fmspc = "C0FFEE000001";
    UNDECIDED("fresh-tdx-tcb", "collateral of another platform");
    w.tdx = "\"xfam\": \"e702060000000000\"";
    UNDECIDED("reference-values", "no reference values");
    w.tdx = RTMRS;
    UNDECIDED("reference-values", "no value of the firmware");
    w.tdx = MRTD;
    UNDECIDED("reference-values", "no values of what the firmware boots");
    w.d.version = 5;
    w.d.body_type = 3;
    w.d.body[TDX_DOUBLE_MRSERVICETD] = 1;
    UNDECIDED("fresh-tdx-mrservicetd", "a service TD that nobody named");

    w.collateral = 0;
    run();
    OK(strstr(res.why, "tcb: not evaluated") != NULL,
       "the verdict says: tcb: not evaluated");
}


/* Evidence of two machines, and claims that the quote does not sign. */

static void
test_mixed(void)
{
    size_t   len;
    uint8_t  claims[ATTEST_CLAIMS_MAX];

    reset();
    build();
    policy();
    len = ATTEST_CLAIMS_MAX;
    w.claims.pubkey_hash[0] ^= 1;
    (void) attest_claims_encode(&w.claims, claims, &len);
    w.out_len = sizeof(w.out);
    collect(ATTEST_CMWC_FRESH, claims, len, w.out, &w.out_len);
    IS_INT(appraise(w.out, w.out_len), ATTEST_NOT_TRUSTED,
           "a quote with the claims of another");
    OK(has("fresh-tdx-binding", ATTEST_CHECK_FAIL), "is not bound");

    reset();
    policy();
    len = ATTEST_CLAIMS_MAX;
    (void) attest_claims_encode(&w.claims, claims, &len);
    {
        uint8_t  zero[64] = { 0 };

        w.quote_len = sizeof(w.quote);
        (void) tdx_double_make(&w.d, zero, w.quote, &w.quote_len);
    }
    w.out_len = sizeof(w.out);
    collect(ATTEST_CMWC_FRESH, claims, len, w.out, &w.out_len);
    IS_INT(appraise(w.out, w.out_len), ATTEST_NOT_TRUSTED,
           "report data all zero");
    OK(has("fresh-tdx-binding", ATTEST_CHECK_FAIL), "bind nothing");
}


/* Cached evidence of one machine, fresh evidence of another. */

static void
test_machines(void)
{
    size_t                  i, len, n;
    uint8_t                 claims[ATTEST_CLAIMS_MAX];
    static uint8_t          cached[65536];
    attest_claims_t         c;
    attest_verify_input_t   in;

    static const size_t  at[] = {
        TDX_DOUBLE_MRTD, TDX_DOUBLE_RTMR, TDX_DOUBLE_RTMR + 96,
        TDX_DOUBLE_MRCONFIGID, TDX_DOUBLE_MROWNER, TDX_DOUBLE_RTMR + 144
    };

    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        reset();
        w.tdx = "\"xfam\": \"e702060000000000\"";
        c = w.claims;
        c.nonce_len = c.has_exporter = 0;
        w.d.body[at[i]] ^= 1;
        quote_claims(&c, claims, &len);
        n = sizeof(cached);
        collect(ATTEST_CMWC_CACHED, claims, len, cached, &n);
        w.d.body[at[i]] ^= 1;
        build();
        policy();

        memset(&in, 0, sizeof(in));
        in.cached.p = cached;
        in.cached.n = n;
        in.fresh.p = w.out;
        in.fresh.n = w.out_len;
        in.nonce.p = w.claims.nonce;
        in.nonce.n = 32;
        in.exporter = in.nonce;
        in.now = w.now;
        in.policy = &w.policy;
        in.roots = &roots;
        attest_verify(&in, &res);

        /* RTMR 3 may change while one machine runs */

        if (at[i] == TDX_DOUBLE_RTMR + 144) {
            IS_INT(res.verdict, ATTEST_UNDECIDED, "another RTMR 3");

        } else {
            OK(res.verdict == ATTEST_NOT_TRUSTED
               && has("same-machine", ATTEST_CHECK_FAIL),
               "another machine, byte %zu of the report", at[i]);
        }
    }

    reset();
}


/* Real quotes are genuine to the verifier too, and never ours. */

static void
test_foreign(void)
{
    size_t            n, i, len;
    uint8_t          *p, claims[ATTEST_CLAIMS_MAX];

    for (i = 0; fixtures[i].file != NULL; i++) {
        reset();
        w.now = T0 + 3600;
        policy();
        p = quote_file(fixtures[i].file, &n);
        memcpy(w.quote, p, n);
        w.quote_len = n;
        len = ATTEST_CLAIMS_MAX;
        (void) attest_claims_encode(&w.claims, claims, &len);
        w.out_len = sizeof(w.out);
        collect(ATTEST_CMWC_FRESH, claims, len, w.out, &w.out_len);
        IS_INT(appraise(w.out, w.out_len), ATTEST_NOT_TRUSTED,
               "%s: not trusted", fixtures[i].file);
        OK(has("fresh-tdx-chain", ATTEST_CHECK_PASS)
           && has("fresh-tdx-binding", ATTEST_CHECK_FAIL),
           "%s: genuine, but not bound to our claims", fixtures[i].file);
        free(p);
    }

    reset();
}


/* All of the fresh collection, claims included; PEM text as above. */

static void
test_evidence_flips(void)
{
    size_t               i, at, end, certs, count = 0, accepted = 0;
    size_t               idle = 0, ind[2];
    attest_cmw_t         cmw;
    static uint8_t       orig[sizeof(w.out)];
    uint8_t             *found;
    attest_tdx_quote_t   q;

    reset();
    w.d.version = 5;
    w.d.body_type = 3;
    build();
    policy();
    memcpy(orig, w.out, w.out_len);

    found = memmem(w.out, w.out_len, w.quote, w.quote_len);
    (void) attest_tdx_parse(w.quote, w.quote_len, &q);
    at = (size_t) (found - w.out);
    end = at + w.quote_len;
    certs = at + (size_t) (q.certs.p - w.quote);

    /* what an item is meant to be stands behind it, and means nothing to us */

    (void) attest_cmw_parse(w.out, w.out_len, &cmw);

    for (i = 0; i < 2; i++) {
        ind[i] = (size_t) (cmw.items[i].value.p - w.out)
                 + cmw.items[i].value.n;
    }

    attest_cmw_free(&cmw);

    IS_INT(appraise(w.out, w.out_len), ATTEST_TRUSTED, "as it is");

    for (i = 0; i < w.out_len; i += i < certs ? UNIT_STEP(5) : 3 * STRIDE) {
        w.out[i] ^= (uint8_t) (1u << (i % 8));
        count++;

        if (appraise(w.out, w.out_len) == ATTEST_TRUSTED) {
            if (i == ind[0] || i == ind[1]
                || (i >= certs && i < end
                    && same_certs(w.quote, w.out + at, w.quote_len)))
            {
                idle++;

            } else {
                printf("# byte %zu of %zu, quote at %zu\n", i, w.out_len, at);
                accepted++;
            }
        }

        w.out[i] = orig[i];
    }

    mutations += count;
    OK(accepted == 0, "%zu bytes of a collection flipped, none accepted (%zu "
       "said nothing of the evidence)", count, idle);
    reset();
}


/* Intel's own log format: register 1 of the log is RTMR 0. */

static void
test_ccel(uint8_t *p, size_t n, size_t end)
{
    char               text[1024];
    size_t             i, at;
    attest_tpm_bank_t  bank;

    /* register 1, EV_EFI_VARIABLE_DRIVER_CONFIG, no data */
    static const uint8_t  old[32] = { 1, 0, 0, 0, 1, 0, 0, 0x80, 0xab };

    (void) attest_eventlog_replay(p, n, ATTEST_TPM_ALG_SHA384, &bank, NULL,
                                  NULL);
    reset();

    for (i = 0; i < 4; i++) {
        memcpy(w.d.body + TDX_DOUBLE_RTMR + 48 * i, bank.value[i + 1], 48);
    }

    at = (size_t) snprintf(text, sizeof(text), MRTD ", \"rtmr\": {\"0\": \"");

    for (i = 0; i < 144; i++) {
        at += (size_t) snprintf(text + at, sizeof(text) - at, "%s%02x",
                                i == 48 ? "\", \"1\": \""
                                : i == 96 ? "\", \"2\": \"" : "",
                                bank.value[1 + i / 48][i % 48]);
    }

    (void) snprintf(text + at, sizeof(text) - at, "\"}");
    w.tdx = text;
    w.ccel = p;
    w.ccel_len = n;
    IS_INT(run(), ATTEST_TRUSTED, "a log that explains the RTMRs");
    OK(has("fresh-ccel", ATTEST_CHECK_PASS), "is replayed");

    w.policy.require_eventlog = 1;
    IS_INT(appraise(w.out, w.out_len), ATTEST_TRUSTED,
           "and is the log that a policy may want");
    w.ccel = NULL;
    build();
    w.policy.require_eventlog = 1;
    IS_INT(appraise(w.out, w.out_len), ATTEST_NOT_TRUSTED, "none is not");

    w.ccel = p;
    memset(w.d.body + TDX_DOUBLE_RTMR + 48 * 3, 0x33, 48);
    IS_INT(run(), ATTEST_TRUSTED, "RTMR 3 changes after boot");
    w.d.body[TDX_DOUBLE_RTMR + 48] ^= 1;
    IS_INT(run(), ATTEST_NOT_TRUSTED, "RTMR 1 does not");
    OK(has("fresh-ccel", ATTEST_CHECK_FAIL), "for the log");
    w.d.body[TDX_DOUBLE_RTMR + 48] ^= 1;

    memset(p + end, 0, n - end);
    IS_INT(run(), ATTEST_TRUSTED, "zeros behind the last event");
    OK(has("fresh-ccel", ATTEST_CHECK_PASS), "are its end");

    w.ccel = old;
    w.ccel_len = sizeof(old);
    IS_INT(run(), ATTEST_TRUSTED, "a log of SHA-1");
    OK(has("fresh-ccel", ATTEST_CHECK_NOTE), "is not evaluated");
    w.policy.require_eventlog = 1;
    IS_INT(appraise(w.out, w.out_len), ATTEST_NOT_TRUSTED,
           "and is none that a policy wants");
    w.ccel = p;
    w.ccel_len = n;

    /* the first event behind the head belongs to a register: another one */

    p[65] ^= 1;
    IS_INT(run(), ATTEST_NOT_TRUSTED, "a log with a byte flipped");
    OK(has("fresh-ccel", ATTEST_CHECK_FAIL), "for the log, too");

    reset();
}


/* The certificate of the gateway: both extensions, or what a test leaves. */

#define CERT_BOTH        0
#define CERT_CCC_ONLY    1

static EVP_PKEY  *tls;
static uint8_t    cert[ATTEST_MAX_CERT_MSG];
static size_t     cert_len;


static void
drop_cmw(void)
{
    int             at;
    X509           *x;
    uint8_t        *out = cert;
    ASN1_OBJECT    *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.35", 1);
    const uint8_t  *p = cert;

    x = d2i_X509(NULL, &p, (long) cert_len);
    at = X509_get_ext_by_OBJ(x, oid, -1);
    X509_EXTENSION_free(X509_delete_ext(x, at));
    X509_sign(x, tls, EVP_sha256());
    cert_len = (size_t) i2d_X509(x, &out);
    X509_free(x);
    ASN1_OBJECT_free(oid);
}


/* *ccc: what the second extension carries; filled in when it is empty. */

static void
make_cert(int what, attest_ratls_ccc_t *ccc)
{
    int                  rc;
    size_t               len, n = sizeof(w.out);
    attest_claims_t      c = w.claims;
    static uint8_t       claims[ATTEST_CLAIMS_MAX], cmw[65536];
    static const char   *names[] = { "gateway.test" };

    if (tls == NULL) {
        tls = attest_ratls_key_generate();
    }

    c.nonce_len = c.has_exporter = 0;
    (void) attest_x509_spki_hash(tls, c.pubkey_hash);
    quote_claims(&c, claims, &len);
    collect(ATTEST_CMWC_CACHED, claims, len, cmw, &n);

    if (ccc->quote.n == 0) {
        ccc->quote.p = w.quote;
        ccc->quote.n = w.quote_len - w.d.padding;
    }

    if (ccc->claims.n == 0) {
        ccc->claims.p = claims;
        ccc->claims.n = len;
    }

    cert_len = sizeof(cert);
    rc = attest_ratls_make(tls, names, 1, T0, UNTIL, cmw, n, ccc, cert,
                           &cert_len);
    if (rc != ATTEST_OK) {
        printf("Bail out! no certificate: %s\n", attest_strerror(rc));
        exit(1);
    }

    if (what == CERT_CCC_ONLY) {
        drop_cmw();
    }

    policy();
    w.policy.require_nonce = 0;
}


static attest_verdict_e
appraise_cert(const uint8_t *p, size_t n)
{
    attest_verify_input_t  in;

    memset(&in, 0, sizeof(in));
    in.cert.p = p;
    in.cert.n = n;
    in.now = w.now;
    in.policy = &w.policy;
    in.roots = &roots;
    attest_verify(&in, &res);

    return res.verdict;
}


static void
test_cert(void)
{
    size_t              n;
    uint8_t             tsm[16384];
    attest_tsm_t        t;
    attest_span_t       s;
    attest_ratls_ccc_t  ccc, got;
    attest_ratls_cert_t c;

    reset();
    w.d.padding = 100;
    memset(&ccc, 0, sizeof(ccc));
    make_cert(CERT_BOTH, &ccc);
    IS_INT(appraise_cert(cert, cert_len), ATTEST_TRUSTED,
           "a certificate with both extensions");
    OK(has("certificate-ccc", ATTEST_CHECK_PASS), "which say the same");
    IS_INT(attest_ratls_parse(cert, cert_len, &c), ATTEST_OK, "is read");
    OK(c.ccc.n > 7 && memcmp(c.ccc.p, "\xd9\xea\x60\x82\x59", 5) == 0,
       "60000([quote, claims])");
    IS_INT(attest_ratls_ccc_parse(c.ccc, &got), ATTEST_OK, "is parsed");
    OK(got.quote.n == ccc.quote.n
       && memcmp(got.quote.p, w.quote, got.quote.n) == 0,
       "and has the quote, without its padding");

    memset(&t, 0, sizeof(t));
    t.provider.p = (const uint8_t *) "tdx_guest";
    t.provider.n = 9;
    t.outblob.p = w.quote;
    t.outblob.n = w.quote_len;
    n = sizeof(tsm);
    (void) attest_tsm_encode(&t, tsm, &n);
    s.p = tsm;
    s.n = n;
    IS_INT(attest_ratls_ccc_quote(s).n, ccc.quote.n,
           "the quote of an item, without its padding");
    t.provider.p = (const uint8_t *) "sev_guest";
    n = sizeof(tsm);
    (void) attest_tsm_encode(&t, tsm, &n);
    s.n = n;
    IS_INT(attest_ratls_ccc_quote(s).n, 0, "none of another driver's");

    make_cert(CERT_CCC_ONLY, &ccc);
    IS_INT(appraise_cert(cert, cert_len), ATTEST_TRUSTED,
           "a certificate with CCC's extension alone");
    OK(has("certificate-tdx-binding", ATTEST_CHECK_PASS)
       && has("certificate-key", ATTEST_CHECK_PASS), "is bound to its key");
    w.policy.require_nonce = 1;
    IS_INT(appraise_cert(cert, cert_len), ATTEST_UNDECIDED,
           "which proves no freshness");
}


/* A certificate with CCC's extension alone, about these claims. */

static attest_verdict_e
appraise_foreign(const char *form)
{
    size_t               n;
    char                 hex[1024], key[65];
    uint8_t              claims[512], report_data[64], spki[32];
    attest_ratls_ccc_t   ccc;

    (void) attest_x509_spki_hash(tls, spki);
    (void) sodium_bin2hex(key, sizeof(key), spki, 32);
    (void) snprintf(hex, sizeof(hex), form, key);
    n = unit_hex(hex, claims, sizeof(claims));

    memset(&ccc, 0, sizeof(ccc));
    make_cert(CERT_BOTH, &ccc);

    w.quote_len = sizeof(w.quote);
    ccc.claims.p = claims;
    ccc.claims.n = n;
    (void) attest_claims_report_data(claims, n, report_data);
    (void) tdx_double_make(&w.d, report_data, w.quote, &w.quote_len);
    ccc.quote.p = w.quote;
    ccc.quote.n = w.quote_len;

    cert_len = sizeof(cert);
    (void) attest_ratls_make(tls, (const char *[]) { "gateway.test" }, 1, T0,
                             UNTIL, (const uint8_t *) "\xa0", 1, &ccc, cert,
                             &cert_len);
    drop_cmw();

    return appraise_cert(cert, cert_len);
}


/* What others write may have another order, other heads, another nonce. */

static void
test_cert_foreign(void)
{
    size_t  i;

#define F_KEY     "6b7075626b65792d68617368" "5824" "82015820" "%s"
#define F_NONCE   "656e6f6e6365"

    static const struct {
        const char      *hex;
        attest_check_e   state;
        const char      *what;
    } forms[] = {
        { "a1" F_KEY, ATTEST_CHECK_PASS, "the key alone" },
        { "a2" F_KEY F_NONCE "420102", ATTEST_CHECK_PASS,
          "the order of CCC's document, a short nonce" },
        { "a2" F_NONCE "40" F_KEY, ATTEST_CHECK_PASS, "an empty nonce" },
        { "a3" "656f74686572" "4100" F_KEY "6161" "40", ATTEST_CHECK_PASS,
          "claims of others around it" },
        { "b90002" "780b7075626b65792d68617368" "590024" "82015820" "%s"
          "6161" "40", ATTEST_CHECK_PASS, "longer heads" },
        { "a2" F_KEY "780b7075626b65792d68617368" "40", ATTEST_CHECK_FAIL,
          "a key twice, with another head" },
        { "a3" "6161" "40" F_KEY "6161" "40", ATTEST_CHECK_FAIL,
          "another's claim twice" },
        { "bf" F_KEY "ff", ATTEST_CHECK_FAIL, "an indefinite map" },
        { "a2" F_KEY "716e67782d6174746573742e76312f677075" "5820"
          "00000000000000000000000000000000"
          "00000000000000000000000000000000", ATTEST_CHECK_PASS,
          "a claim of ours, in order" },
        { "a2" "716e67782d6174746573742e76312f677075" "5820"
          "00000000000000000000000000000000"
          "00000000000000000000000000000000" F_KEY, ATTEST_CHECK_FAIL,
          "a claim of ours, out of order" }
    };

    reset();

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        (void) appraise_foreign(forms[i].hex);
        OK(has("certificate-claims", forms[i].state), "%s", forms[i].what);
        OK(has("certificate-tdx-binding", ATTEST_CHECK_PASS)
           == (forms[i].state == ATTEST_CHECK_PASS), "judged: %s",
           forms[i].what);
    }

    (void) appraise_foreign(forms[1].hex);
    OK(has("certificate-key", ATTEST_CHECK_PASS)
       && has("certificate-nonce", ATTEST_CHECK_NOTE),
       "a foreign nonce is noted, and proves nothing");
    reset();
}


static void
test_cert_differs(void)
{
    size_t              i, count = 0, accepted = 0;
    static uint8_t      other[TDX_DOUBLE_MAX_QUOTE];
    uint8_t             claims[ATTEST_CLAIMS_MAX];
    attest_ratls_ccc_t  ccc;

    reset();
    memset(&ccc, 0, sizeof(ccc));
    make_cert(CERT_BOTH, &ccc);
    memcpy(other, w.quote, w.quote_len);
    ccc.quote.p = other;

    for (i = 0; i < ccc.quote.n; i += 31 * STRIDE) {
        other[i] ^= (uint8_t) (1u << (i % 8));
        make_cert(CERT_BOTH, &ccc);
        count++;
        accepted += appraise_cert(cert, cert_len) == ATTEST_TRUSTED;
        other[i] ^= (uint8_t) (1u << (i % 8));
    }

    /* both are genuine: signatures differ each time one is made */

    make_cert(CERT_BOTH, &ccc);
    IS_INT(appraise_cert(cert, cert_len), ATTEST_NOT_TRUSTED,
           "two quotes of the same claims");
    OK(has("certificate-ccc", ATTEST_CHECK_FAIL), "are different quotes");

    ccc.quote.n = 0;
    memcpy(claims, ccc.claims.p, ccc.claims.n);
    ccc.claims.p = claims;

    for (i = 0; i < ccc.claims.n; i++) {
        claims[i] ^= (uint8_t) (1u << (i % 8));
        make_cert(CERT_BOTH, &ccc);
        count++;
        accepted += appraise_cert(cert, cert_len) == ATTEST_TRUSTED;
        make_cert(CERT_CCC_ONLY, &ccc);
        count++;
        accepted += appraise_cert(cert, cert_len) == ATTEST_TRUSTED;
        claims[i] ^= (uint8_t) (1u << (i % 8));
        ccc.quote.n = 0;
    }

    mutations += count;
    OK(accepted == 0, "%zu other second extensions, none accepted", count);
    reset();
}


/* A certificate of its own key with this as 2.23.133.5.4.9. */

static void
make_ext(const uint8_t *p, size_t n, int twice, uint8_t **der, size_t *len)
{
    X509               *x;
    ASN1_OBJECT        *oid = OBJ_txt2obj("2.23.133.5.4.9", 1);
    X509_EXTENSION     *ext;
    ASN1_OCTET_STRING  *os = ASN1_OCTET_STRING_new();

    ASN1_OCTET_STRING_set(os, p, (int) n);
    ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os);
    x = tdx_double_cert(&w.d, "gateway.test", tls, NULL, tls, 0, 1);

    while (twice-- >= 0) {
        X509_add_ext(x, ext, -1);
    }

    X509_sign(x, tls, EVP_sha256());
    *der = NULL;
    *len = (size_t) i2d_X509(x, der);

    X509_free(x);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(os);
    ASN1_OBJECT_free(oid);
}


static void
test_cert_forms(void)
{
    size_t               i, len;
    uint8_t             *der, *big = calloc(1, 70000);
    attest_ratls_cert_t  c;

    static const struct {
        const char      *bytes;
        size_t           n;
        attest_check_e   state;
        const char      *what;
    } forms[] = {
        { "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03", 10,
          ATTEST_CHECK_FAIL, "gzip" },
        { "\x78\x9c\x03\x00\x00\x00\x00\x01", 8, ATTEST_CHECK_FAIL,
          "zlib" },
        { "\xd9\xea\x61\x82\x41\x00\x41\x00", 8, ATTEST_CHECK_UNKNOWN,
          "a local report (60001)" },
        { "\xda\x00\x1a\x75\x04\x82\x41\x00\x41\x00", 10,
          ATTEST_CHECK_UNKNOWN, "a tag that is not registered" },
        { "\xd9\xea\x60\x82\x41\x00\x41\x00\x00", 9,
          ATTEST_CHECK_FAIL, "a byte behind it" },
        { "\xd9\xea\x60\x83\x41\x00\x41\x00\x41\x00", 10,
          ATTEST_CHECK_FAIL, "three members" },
        { "\xd9\xea\x60\x82\x61\x00\x41\x00", 8, ATTEST_CHECK_FAIL,
          "a text" },
        { "\xd9\xea\x60\x9f\x41\x00\x41\x00\xff", 9,
          ATTEST_CHECK_FAIL, "an indefinite array" },
        { "\x82\x41\x00\x41\x00", 5, ATTEST_CHECK_FAIL, "no tag" },
        { "\xd9\xea\x60\x82\x40\x41\x00", 7, ATTEST_CHECK_FAIL,
          "an empty quote" }
    };

    reset();
    policy();

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        make_ext((const uint8_t *) forms[i].bytes, forms[i].n, 0, &der,
                 &len);
        OK(appraise_cert(der, len) != ATTEST_TRUSTED
           && has("certificate-ccc", forms[i].state), "%s",
           forms[i].what);
        OPENSSL_free(der);
    }

    memcpy(big, "\xd9\xea\x60\x82\x5a\x00\x01\x11\x00", 9);
    make_ext(big, 70000, 0, &der, &len);
    IS_INT(attest_ratls_parse(der, len, &c), ATTEST_ELIMIT,
           "an extension above the limit");
    OPENSSL_free(der);
    make_ext(big, 100, 1, &der, &len);
    IS_INT(attest_ratls_parse(der, len, &c), ATTEST_EFORMAT,
           "two of them");
    OPENSSL_free(der);
    free(big);
}


/* A certificate about an SGX enclave that is open to debuggers. */

static void
cert_sgx(const char *file, X509 *x)
{
    int       n;
    uint8_t  *der = NULL;

    n = i2d_X509(x, &der);
    IS_INT(appraise_cert(der, (size_t) n), ATTEST_NOT_TRUSTED,
           "%s: not trusted", file);
    OK(has("certificate-tdx-signature", ATTEST_CHECK_PASS)
       && has("certificate-tdx-qe", ATTEST_CHECK_PASS)
       && has("certificate-tdx-chain", ATTEST_CHECK_PASS), "%s: genuine",
       file);
    OK(has("certificate-tdx-binding", ATTEST_CHECK_PASS)
       && has("certificate-key", ATTEST_CHECK_PASS), "%s: bound to its key",
       file);
    OK(has("certificate-sgx-debug", ATTEST_CHECK_FAIL),
       "%s: open to debuggers", file);

    /* with another key the claims no longer name it */

    X509_set_pubkey(x, w.d.root_key);
    X509_sign(x, w.d.root_key, EVP_sha256());
    OPENSSL_free(der);
    der = NULL;
    n = i2d_X509(x, &der);
    IS_INT(appraise_cert(der, (size_t) n), ATTEST_NOT_TRUSTED,
           "%s: with another key", file);
    OK(has("certificate-key", ATTEST_CHECK_FAIL), "%s: not its key", file);

    OPENSSL_free(der);
}


/* Certificates that Gramine and Intel's SDK made. */

static void
test_cert_sgx(const char *file)
{
    BIO     *bio;
    X509    *x;
    size_t   len;
    uint8_t *p = unit_fixture(file, &len);

    bio = BIO_new_mem_buf(p, (int) len);
    x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    reset();
    w.now = T0;
    policy();
    w.policy.require_nonce = 0;
    cert_sgx(file, x);

    X509_free(x);
    BIO_free(bio);
    free(p);
}


/* The same in the forms of both, by the double; and one not for debuggers. */

static void
test_cert_sgx_double(void)
{
    size_t          i;
    X509           *x;
    const uint8_t  *p;

    static const struct {
        const char  *claims;
        const char  *what;
    } forms[] = {
        { "a1" F_KEY, "double: the key alone, as Gramine has it" },
        { "a2" F_KEY F_NONCE "40", "double: a nonce, as Intel's SDK has it" }
    };

    for (i = 0; i < 2; i++) {
        reset();
        tdx_double_sgx(&w.d);
        w.d.enclave[48] |= 2;
        (void) appraise_foreign(forms[i].claims);
        p = cert;
        x = d2i_X509(NULL, &p, (long) cert_len);
        cert_sgx(forms[i].what, x);
        X509_free(x);
    }

    reset();
    tdx_double_sgx(&w.d);
    IS_INT(appraise_foreign(forms[0].claims), ATTEST_UNDECIDED,
           "double: an enclave, which nobody evaluates");
    OK(has("certificate-sgx-enclave", ATTEST_CHECK_UNKNOWN),
       "double: says so");
    reset();
}


/* What the double makes of each kind, as if Intel were the double. */

static void
test_double_quotes(void)
{
    size_t           i, n;
    uint8_t          rd[64];
    attest_roots_t   mine;
    static uint8_t   quote[TDX_DOUBLE_MAX_QUOTE];

    static const fixture_t  kinds[] = {
        { "double, version 4", "c0ffee000000", ATTEST_TDX_BODY_10, 4, 70,
          ATTEST_TDX_SEPT_VE },
        { "double, version 4, debug", "c0ffee000000", ATTEST_TDX_BODY_10, 4,
          0, ATTEST_TDX_SEPT_VE | ATTEST_TDX_DEBUG },
        { "double, version 5, TDX 1.0", "c0ffee000000", ATTEST_TDX_BODY_10,
          5, 0, ATTEST_TDX_PKS },
        { "double, version 5, TDX 1.5", "c0ffee000000", ATTEST_TDX_BODY_15,
          5, 0, ATTEST_TDX_SEPT_VE },
        { "double, version 4, padded", "c0ffee000000", ATTEST_TDX_BODY_10, 4,
          3065, 0 },
        { "double, SGX", "c0ffee000000", ATTEST_TDX_BODY_SGX, 3, 0, 5 }
    };

    reset();
    memset(rd, 0x42, sizeof(rd));
    mine = roots;
    mine.anchors[ATTEST_MAKER_INTEL] = sk_X509_new_null();
    sk_X509_push(mine.anchors[ATTEST_MAKER_INTEL], w.d.root);
    makers = &mine;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        w.d.version = kinds[i].version;
        w.d.body_type = kinds[i].body;
        w.d.padding = kinds[i].padding;
        tdx_double_le(w.d.body + TDX_DOUBLE_TDATTR, kinds[i].attributes, 8);

        if (w.d.version == 3) {
            tdx_double_sgx(&w.d);
        }

        n = sizeof(quote);
        OK(tdx_double_make(&w.d, rd, quote, &n), "%s: made", kinds[i].file);
        check_quote(&kinds[i], quote, n);

        if (i == 0 || i == 3 || i == 5) {
            test_flips(kinds[i].file, quote, n);
            test_cuts(kinds[i].file, quote, n);
        }

        if (i == 3) {
            test_kinds(quote, n);
        }
    }

    sk_X509_free(mine.anchors[ATTEST_MAKER_INTEL]);
    makers = &roots;
    reset();
}


/* Intel's own, where they are there. */

static void
test_real(void)
{
    size_t               i, n;
    uint8_t             *p;
    static const char  *mutated[] = { "quote-v4.bin", "quote-v5-td15.dat" };

    if (!UNIT_HAVE("real quotes", "tdx/quote-v4-spr-e4.dat",
                   "tdx/quote-v5-td15.dat", "tdx/quote-v4-debug.dat",
                   "tdx/quote-v5-servicetd.dat", "tdx/quote-v4.bin",
                   "tdx/quote-v5-tcb-unsupported.bin",
                   "tdx/quote-v4-foreign-report-data.bin",
                   "tdx/quote-v4-padded-8000.bin",
                   "gcp/tdx-quote-cos113.dat", "azure/tdx-quote.bin",
                   "tdx/quote-with-eventlog.json",
                   "tdx/quote-stripped-eventlog.json"))
    {
        return;
    }

    for (i = 0; fixtures[i].file != NULL; i++) {
        p = quote_file(fixtures[i].file, &n);
        check_quote(&fixtures[i], p, n);
        free(p);
    }

    for (i = 0; i < 2; i++) {
        p = quote_file(mutated[i], &n);
        test_flips(mutated[i], p, n);
        test_cuts(mutated[i], p, n);
        free(p);
    }

    test_rtmr_log("quote-with-eventlog.json", 1);
    test_rtmr_log("quote-stripped-eventlog.json", 0);
    test_foreign();
}


static void
test_logs(void)
{
    size_t         n;
    uint8_t       *p;
    log_double_t  *l = calloc(1, sizeof(*l));

    log_double_ccel(l);
    test_ccel(l->p, l->n, l->end);
    free(l);

    if (UNIT_HAVE("a real CCEL", "tdx/ccel-log.bin")) {
        p = unit_fixture("tdx/ccel-log.bin", &n);
        test_ccel(p, n, 1933);
        free(p);
    }
}


int
main(void)
{
    if (attest_roots_load(&roots) != ATTEST_OK) {
        printf("Bail out! no roots\n");
        return 1;
    }

    test_real();
    test_double_quotes();
    test_accept();
    test_refuse();
    test_undecided();
    test_mixed();
    test_machines();
    test_evidence_flips();
    test_logs();
    test_cert();
    test_cert_foreign();
    test_cert_differs();
    test_cert_forms();
    test_cert_sgx_double();

    if (UNIT_HAVE("certificates of Gramine and Intel's SDK",
                  "ratls-certs/gramine-cert.pem",
                  "ratls-certs/intel-sgxsdk-cert.pem"))
    {
        test_cert_sgx("ratls-certs/gramine-cert.pem");
        test_cert_sgx("ratls-certs/intel-sgxsdk-cert.pem");
    }

    printf("# %zu mutations, none accepted\n", mutations);

    attest_policy_clear(&w.policy);
    tdx_double_free(&w.d);
    EVP_PKEY_free(tls);
    attest_roots_clear(&roots);
    DONE();
}
