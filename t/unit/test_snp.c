/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SEV-SNP: real reports and certificates at their time, then a test double's
 * reports through the whole appraisal, where everything is bent in turn.
 */

#include "core/appraisal/attest_verify.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tsm.h"
#include "core/policy/attest_policy.h"
#include "fixture.h"
#include "snp_double.h"


#define T0        1782864000            /* 2026-07-01 */
#define EARLIER   1780272000            /* 2026-06-01 */
#define ROOM      65536

/* One appraisal: what the gateway shows, and who judges it. */

typedef struct {
    uint8_t             claims[ATTEST_CLAIMS_MAX];
    size_t              claims_len;
    uint8_t             report[4096];
    size_t              report_len;
    uint8_t             table[16384];
    size_t              table_len;
    uint8_t             manifest[256];
    size_t              manifest_len;
    const char         *service;
    const char         *provider;
    const char         *ctype;
    attest_span_t       cached;
    int                 no_root;           /* of the double, in the policy */
    int                 as_amd;            /* it stands among AMD's */
    int64_t             now;
    uint8_t             item[ROOM];
    size_t              item_len;
    uint8_t             out[ROOM];
    size_t              out_len;
    attest_policy_t     policy;
} world_t;


static world_t           w;
static attest_result_t   res;
static attest_roots_t    roots, amd_roots;
static snp_double_t      chip, other, vlek, turin;
static unsigned          mutations, accepted;


static attest_span_t span(const void *p, size_t n);
static void setup(void);
static void reset(const snp_double_t *d);
static void policy_value(attest_refset_t *set, const uint8_t *p, size_t n);
static void build(void);
static void collect(void);
static void appraise(void);
static int run(void);
static int trusted(const char *what);
static void dump(void);
static int checked(const char *what, attest_check_e state);
static void expect(const char *what, const char *id, attest_check_e state);
static void resign(const snp_double_t *d);
static void report_of(const snp_double_t *d);
static X509 *cert_file(const char *name);
static void fixture(const char *report, size_t from, const char *vcek);
static const char *chain(X509 *leaf, int64_t now, X509 *ask);
static const char *double_chain(X509 *leaf, int64_t now, X509 *ask);


/* What must be refused, and by which check. */

#define REFUSED(what, id, ...)                                               \
    do {                                                                     \
        reset(&chip);                                                        \
        __VA_ARGS__;                                                         \
        (void) run();                                                        \
        expect(what, id, ATTEST_CHECK_FAIL);                                 \
        OK(res.verdict == ATTEST_NOT_TRUSTED && res.root == 0                \
           , "%s: not trusted, no root", what);                              \
    } while (0)

#define OPEN(what, id, ...)                                                  \
    do {                                                                     \
        reset(&chip);                                                        \
        __VA_ARGS__;                                                         \
        (void) run();                                                        \
        expect(what, id, ATTEST_CHECK_UNKNOWN);                              \
        OK(res.verdict != ATTEST_TRUSTED && res.root == 0,                   \
           "%s: not trusted", what);                                         \
    } while (0)

#define ACCEPTED(what, id, state, ...)                                       \
    do {                                                                     \
        reset(&chip);                                                        \
        __VA_ARGS__;                                                         \
        (void) trusted(what);                                                \
        expect(what, id, ATTEST_CHECK_##state);                              \
    } while (0)


static attest_span_t
span(const void *p, size_t n)
{
    attest_span_t  s = { p, n };

    return s;
}


static void
make(snp_double_t *d, const snp_double_t *ca)
{
    if (ca == NULL) {
        d->bits = 2048;

        if (!snp_double_init(d)) {
            printf("Bail out! no test double\n");
            exit(1);
        }

    } else {
        d->signer = -1;
        d->ark_key = ca->ark_key;
        d->ask_key = ca->ask_key;
        d->ark = ca->ark;
        d->ask = ca->ask;
        EVP_PKEY_up_ref(d->ark_key);
        EVP_PKEY_up_ref(d->ask_key);
        X509_up_ref(d->ark);
        X509_up_ref(d->ask);
        d->leaf_key = EVP_EC_gen("P-384");
    }

    memset(d->measurement, 0x4d, 48);
    memset(d->host_data, 0x48, 32);
    memset(d->id_key, 0x1d, 48);
    memset(d->author_key, 0xa0, 48);
    memset(d->report_id, 0x1e, 32);
    memcpy(d->tcb, "\x03\x01\x08\xd5\x02", 5);

    if (!snp_double_leaf(d)) {
        printf("Bail out! no leaf\n");
        exit(1);
    }
}


static void
setup(void)
{
    memset(chip.chip, 0xc1, 64);
    chip.has_spare = 1;
    chip.higher = 2;
    make(&chip, NULL);

    memset(other.chip, 0xc2, 64);
    make(&other, &chip);

    vlek.vlek = 1;
    make(&vlek, &chip);

    memset(turin.chip, 0xc3, 64);
    turin.turin = 1;
    turin.version = 5;
    make(&turin, &chip);

    OK(attest_roots_load(&roots) == ATTEST_OK
       && attest_roots_load(&amd_roots) == ATTEST_OK, "roots load");

    X509_up_ref(chip.ark);
    sk_X509_push(amd_roots.anchors[ATTEST_MAKER_AMD], chip.ark);
}


static void
report_of(const snp_double_t *d)
{
    uint8_t  data[64];

    (void) attest_claims_report_data(w.claims, w.claims_len, data);

    if (!snp_double_report(d, data, w.report)) {
        printf("Bail out! no report\n");
        exit(1);
    }

    w.report_len = SNP_DOUBLE_REPORT;
    w.table_len = sizeof(w.table);

    if (!snp_double_table(d, w.table, &w.table_len)) {
        printf("Bail out! no table\n");
        exit(1);
    }
}


/* After a change to the report: it is the chip's own word. */

static void
resign(const snp_double_t *d)
{
    if (!snp_double_resign(d, w.report)) {
        printf("Bail out! cannot sign\n");
        exit(1);
    }
}


static void
policy_value(attest_refset_t *set, const uint8_t *p, size_t n)
{
    memcpy(set->value[set->count], p, n);
    set->len[set->count++] = n;
}


static void
reset(const snp_double_t *d)
{
    attest_claims_t  c;

    attest_policy_clear(&w.policy);
    memset(&w, 0, sizeof(w));

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    c.nonce_len = 32;
    memset(c.nonce, 0xaa, 32);
    memcpy(c.exporter, c.nonce, 32);
    c.has_exporter = 1;
    c.has_validity = 1;
    c.not_before = T0 - 3600;
    c.not_after = T0 + 3600;

    w.claims_len = sizeof(w.claims);
    (void) attest_claims_encode(&c, w.claims, &w.claims_len);
    w.provider = "sev_guest";
    w.ctype = ATTEST_CMWC_FRESH;
    w.now = T0;
    report_of(d);

    attest_policy_default(&w.policy);
    w.policy.require_exporter = 0;
    w.policy.roots = ATTEST_ROOT_SIMULATED;
    policy_value(&w.policy.snp.measurement, d->measurement, 48);
    w.policy.snp.covers = ATTEST_SNP_COVERS_KERNEL;
    w.policy.snp.has_min_tcb = 1;
    w.policy.snp.min_tcb.snp = 1;
}


static void
build(void)
{
    attest_tsm_t  tsm;

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider = span(w.provider, strlen(w.provider));
    tsm.outblob = span(w.report, w.report_len);
    tsm.auxblob = span(w.table, w.table_len);

    if (w.manifest_len != 0) {
        tsm.manifestblob = span(w.manifest, w.manifest_len);
        tsm.service_provider = span(w.service, strlen(w.service));
    }

    w.item_len = sizeof(w.item);
    if (attest_tsm_encode(&tsm, w.item, &w.item_len) != ATTEST_OK) {
        printf("Bail out! cannot encode the report\n");
        exit(1);
    }

    collect();
}


static void
collect(void)
{
    attest_cmw_item_t  items[2];

    memset(items, 0, sizeof(items));
    items[0].label = ATTEST_ITEM_CLAIMS;
    items[0].type = ATTEST_TYPE_CLAIMS;
    items[0].value = span(w.claims, w.claims_len);
    items[0].ind = ATTEST_CMW_IND_EVIDENCE;
    items[1].label = ATTEST_ITEM_TSM;
    items[1].type = ATTEST_TYPE_TSM;
    items[1].value = span(w.item, w.item_len);
    items[1].ind = ATTEST_CMW_IND_EVIDENCE;

    w.out_len = sizeof(w.out);
    if (attest_cmw_encode_cbor(w.ctype, items, 2, w.out,
                               &w.out_len) != ATTEST_OK)
    {
        printf("Bail out! cannot encode the collection\n");
        exit(1);
    }
}


static void
appraise(void)
{
    uint8_t                 nonce[32];
    attest_verify_input_t   in;

    memset(nonce, 0xaa, 32);
    memset(&in, 0, sizeof(in));
    in.fresh = span(w.out, w.out_len);
    in.cached = w.cached;
    in.nonce = in.exporter = span(nonce, sizeof(nonce));
    in.now = w.now;
    in.policy = &w.policy;
    in.roots = w.as_amd ? &amd_roots : &roots;

    if (!w.no_root && !w.as_amd && w.policy.simulated_roots == NULL) {
        w.policy.simulated_roots = sk_X509_new_null();
        X509_up_ref(chip.ark);
        sk_X509_push(w.policy.simulated_roots, chip.ark);
    }

    attest_verify(&in, &res);
}


static int
run(void)
{
    build();
    appraise();

    return res.verdict == ATTEST_TRUSTED;
}


static int
trusted(const char *what)
{
    int  ok = OK(run(), "%s: trusted", what);

    if (!ok) {
        dump();
    }

    return ok;
}


static int
checked(const char *what, attest_check_e state)
{
    char    id[64];
    size_t  i;

    (void) snprintf(id, sizeof(id), "fresh-snp-%s", what);

    for (i = 0; i < res.count; i++) {
        if (strcmp(res.checks[i].id, id) == 0
            && res.checks[i].state == state)
        {
            return 1;
        }
    }

    return 0;
}


static void
expect(const char *what, const char *id, attest_check_e state)
{
    if (!OK(checked(id, state), "%s: %s is %d", what, id, state)) {
        dump();
    }
}


static void
dump(void)
{
    size_t  i;

    printf("#   verdict %d: %s\n", res.verdict, res.why);

    for (i = 0; i < res.count; i++) {
        printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
               res.checks[i].text);
    }
}


static X509 *
cert_file(const char *name)
{
    char             path[128];
    X509            *x;
    size_t           n;
    uint8_t         *p;
    STACK_OF(X509)  *list;

    (void) snprintf(path, sizeof(path), "snp/%s", name);
    p = unit_fixture(path, &n);
    list = attest_x509_read(span(p, n));
    x = list != NULL && sk_X509_num(list) == 1 ? sk_X509_shift(list) : NULL;
    sk_X509_pop_free(list, X509_free);
    free(p);

    if (x == NULL) {
        printf("Bail out! %s is no certificate\n", name);
        exit(1);
    }

    return x;
}


/* AMD's root at a time, with our intermediates or one other. */

static const char *
chain(X509 *leaf, int64_t now, X509 *ask)
{
    const char           *what;
    attest_x509_chain_t   c;
    STACK_OF(X509)       *one = NULL;

    memset(&c, 0, sizeof(c));
    c.anchors = roots.anchors[ATTEST_MAKER_AMD];
    c.untrusted = roots.intermediates[ATTEST_MAKER_AMD];
    c.now = now;

    if (ask != NULL) {
        one = sk_X509_new_null();
        sk_X509_push(one, ask);
        c.untrusted = one;
    }

    what = attest_x509_chain(leaf, &c);
    sk_X509_free(one);
    return what;
}


static void
test_fixture_report(const char *name, size_t from, const char *vcek,
    int product, uint8_t ucode)
{
    char                  path[128];
    size_t                n;
    uint8_t              *p;
    X509                 *x = cert_file(vcek);
    attest_snp_cert_t     c;
    attest_snp_report_t   r;
    attest_snp_tcb_t      t;

    (void) snprintf(path, sizeof(path), "snp/%s", name);
    p = unit_fixture(path, &n);

    IS_INT(attest_snp_report_parse(p + from, 1184, &r), ATTEST_OK,
           "%s: a report", name);
    IS_INT(attest_snp_cert_parse(x, &c), ATTEST_OK, "%s: a VCEK", vcek);
    IS_INT(c.product, product, "%s: its product", vcek);
    IS_INT(c.spl[8], ucode, "%s: its microcode", vcek);
    IS_INT(attest_snp_report_verify(p + from, 1184, X509_get0_pubkey(x)),
           ATTEST_OK, "%s: signed by %s", name, vcek);
    OK(chain(x, T0, NULL) == NULL, "%s: chains to AMD", vcek);
    OK(attest_snp_cert_has_tcb(&c, r.reported_tcb), "%s: for its TCB", vcek);
    OK(attest_snp_cert_has_chip(&c, r.chip_id), "%s: for its chip", vcek);

    t = attest_snp_tcb(c.product, r.reported_tcb);
    IS_INT(t.microcode, ucode, "%s: reported microcode", name);

    X509_free(x);
    free(p);
}


/* The report's fields, by an independent reading of its bytes. */

static void
test_fixture_fields(void)
{
    size_t                n;
    uint8_t               want[64];
    uint8_t              *p = unit_fixture("snp/report-v2-milan.bin", &n);
    attest_snp_report_t   r;

    IS_INT(attest_snp_report_parse(p, n, &r), ATTEST_OK, "version 2");
    IS_INT(r.version, 2, "version");
    IS_INT(r.guest_svn, 4, "guest SVN");
    IS_INT(r.policy, 0x3001f, "guest policy");
    IS_INT(r.platform, 1, "platform");
    IS_INT(r.signer, ATTEST_SNP_SIGNER_VCEK, "signer");
    IS_INT(r.sig_algo, 1, "algorithm");
    IS_INT(r.vmpl, 0, "VMPL");
    IS_INT(r.family_id.p[0], 1, "family id");
    IS_INT(r.image_id.p[0], 2, "image id");
    unit_hex("a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c"
             "23500644e0e692e6be917f9050d3d38c", want, 48);
    IS_MEM(r.measurement.p, want, 48, "measurement");
    unit_hex("0356215882a825279a85b300b0b742931d113bf7e32dde2e50ffde7ec743ca49"
             "1ecdd7f336dc28a6e0b2bb57af7a44a3", want, 48);
    IS_MEM(r.id_key_digest.p, want, 48, "id key digest");
    IS_MEM(r.current_tcb.p, "\x03\0\0\0\0\0\x08\xce", 8, "current TCB");
    IS_MEM(r.reported_tcb.p, "\x03\0\0\0\0\0\x08\x73", 8, "reported TCB");
    IS_MEM(r.committed_tcb.p, "\x03\0\0\0\0\0\x08\x73", 8, "committed TCB");
    IS_MEM(r.launch_tcb.p, "\x03\0\0\0\0\0\x08\x73", 8, "launch TCB");
    IS_MEM(r.chip_id.p, "\xc3\x84\x27\xa3", 4, "chip id");
    OK(r.current.major == 1 && r.current.minor == 0x34
       && r.current.build == 4, "firmware 1.52.4");
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN,
           "version 2 names no product");
    IS_INT(attest_snp_report_parse(p, n - 1, &r), ATTEST_EFORMAT, "short");
    IS_INT(attest_snp_report_parse(p, n + 1, &r), ATTEST_EFORMAT, "long");

    p[0] = 4;
    IS_INT(attest_snp_report_parse(p, n, &r), ATTEST_EUNSUPPORTED,
           "version 4");
    free(p);
}


/* What the certificates of the fixtures must not pass for. */

static void
test_fixture_negatives(void)
{
    size_t                i, n;
    uint8_t              *p = unit_fixture("snp/report-v2-milan.bin", &n);
    X509                 *x, *ask, *legacy, *debug;
    attest_snp_cert_t     c;
    attest_snp_report_t   r;

    (void) attest_snp_report_parse(p, n, &r);

    debug = cert_file("vcek-milan-debug.der");
    (void) attest_snp_cert_parse(debug, &c);
    IS_INT(attest_snp_report_verify(p, n, X509_get0_pubkey(debug)),
           ATTEST_ECRYPTO, "another chip's key");
    OK(!attest_snp_cert_has_chip(&c, r.chip_id), "another chip's certificate");

    legacy = cert_file("vcek-invalid-legacy.der");
    IS_INT(attest_snp_cert_parse(legacy, &c), ATTEST_OK,
           "legacy: well formed");
    OK(chain(legacy, T0, NULL) != NULL, "legacy: no chain");
    OK(!attest_snp_cert_has_chip(&c, r.chip_id)
       && !attest_snp_cert_has_tcb(&c, r.reported_tcb),
       "legacy: nothing fits");
    IS_INT(attest_snp_report_verify(p, n, X509_get0_pubkey(legacy)),
           ATTEST_ECRYPTO, "legacy: did not sign");

    x = cert_file("vcek-milan.der");
    (void) attest_snp_cert_parse(x, &c);
    OK(!attest_snp_cert_has_tcb(&c, r.current_tcb), "not for current_tcb");

    for (i = 0; i < ATTEST_MAKERS; i++) {
        attest_x509_chain_t  k;

        memset(&k, 0, sizeof(k));
        k.anchors = roots.anchors[i];
        k.untrusted = roots.intermediates[ATTEST_MAKER_AMD];
        k.now = T0;
        OK((attest_x509_chain(x, &k) == NULL) == (i == ATTEST_MAKER_AMD),
           "VCEK under maker %zu", i);
    }

    X509_free(x);
    x = cert_file("vcek-milan-v3.pem");
    ask = cert_file("ask-milan.pem");
    OK(chain(x, T0, ask) == NULL, "by the ASK that came along");
    OK(chain(x, EARLIER, ask) != NULL, "not yet valid");
    IS_INT(attest_snp_cert_parse(ask, &c), ATTEST_EFORMAT,
           "an ASK is no VCEK");

    X509_free(x);
    x = cert_file("vcek-turin.der");
    IS_INT(attest_snp_cert_parse(x, &c), ATTEST_OK, "Turin");
    OK(c.product == ATTEST_SNP_TURIN && c.hwid.n == 8 && c.version == 1
       && (c.spls >> 9 & 1) && !(c.spls >> 4 & 1), "Turin: 8 bytes, an FMC");
    OK(chain(x, T0, NULL) == NULL, "Turin: chains to AMD");
    OK(!attest_snp_cert_has_chip(&c, r.chip_id), "Turin: not that chip");

    X509_free(x);
    X509_free(ask);
    X509_free(legacy);
    X509_free(debug);
    free(p);
}


/* A real report among our claims: genuine, but about something else. */

static void
fixture(const char *report, size_t from, const char *vcek)
{
    int       len;
    char      path[128];
    size_t    n;
    uint8_t  *p, *der;
    X509     *x = cert_file(vcek);

    static const uint8_t  head[] =
        "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"
        "\x30\0\0\0";

    reset(&chip);
    (void) snprintf(path, sizeof(path), "snp/%s", report);
    p = unit_fixture(path, &n);
    memcpy(w.report, p + from, 1184);
    free(p);

    memset(w.table, 0, 48);
    memcpy(w.table, head, 20);
    der = w.table + 48;
    len = i2d_X509(x, &der);
    snp_double_le(w.table + 20, (uint64_t) len, 4);
    w.table_len = 48 + (size_t) len;
    w.no_root = 1;
    X509_free(x);
}


static void
test_fixture_appraisal(void)
{
    static const char *const  ids[] = { "report", "chain", "signature", "tcb",
                                        "chip" };
    size_t  i, k;

    static const struct {
        const char  *report, *vcek;
        size_t       from;
        int          debug;
    } all[] = {
        { "report-v2-milan.bin", "vcek-milan.der", 0, 0 },
        { "report-v2-milan-debug.bin", "vcek-milan-debug.der", 0, 1 },
        { "attestation-v3-milan-envelope.bin", "vcek-milan-v3.pem", 4, 0 }
    };

    for (i = 0; i < 3; i++) {
        fixture(all[i].report, all[i].from, all[i].vcek);
        (void) run();

        for (k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
            expect(all[i].report, ids[k], ATTEST_CHECK_PASS);
        }

        expect(all[i].report, "guest-policy", all[i].debug
               ? ATTEST_CHECK_FAIL : ATTEST_CHECK_PASS);
        OK(all[i].debug || checked("binding", ATTEST_CHECK_FAIL),
           "%s: not about our claims", all[i].report);
        IS_INT(res.verdict, ATTEST_NOT_TRUSTED, "%s: refused",
               all[i].report);
        OK(res.root == 0, "%s: no root", all[i].report);
    }

    fixture(all[1].report, 0, all[1].vcek);
    w.policy.snp.allow_debug = 1;
    (void) run();
    expect("debug, allowed by name", "guest-policy", ATTEST_CHECK_NOTE);
    expect("debug, allowed by name", "binding", ATTEST_CHECK_FAIL);

    fixture(all[2].report, 4, all[2].vcek);
    w.now = EARLIER;
    (void) run();
    expect("before its VCEK", "chain", ATTEST_CHECK_FAIL);

    fixture(all[0].report, 0, all[1].vcek);
    (void) run();
    expect("another chip's VCEK", "signature", ATTEST_CHECK_FAIL);

    fixture(all[0].report, 0, "vcek-invalid-legacy.der");
    (void) run();
    expect("a VCEK that nobody signed", "chain", ATTEST_CHECK_FAIL);

    fixture(all[0].report, 0, "vcek-turin.der");
    (void) run();
    expect("another product's VCEK", "signature", ATTEST_CHECK_FAIL);

    fixture(all[2].report, 4, "vcek-turin.der");
    (void) run();
    expect("another product than it says", "report", ATTEST_CHECK_FAIL);

    fixture(all[2].report, 4, all[2].vcek);
    memset(w.report + 1184, 0, 1);
    w.report_len = 1185;
    (void) run();
    expect("a byte behind it", "report", ATTEST_CHECK_FAIL);
}


/* Reports of every kind that the double makes, each under its own leaf. */

static void
double_report(const char *what, snp_double_t *d, int product, uint8_t ucode)
{
    uint8_t               data[64], p[SNP_DOUBLE_REPORT];
    attest_snp_cert_t     c;
    attest_snp_report_t   r;
    attest_snp_tcb_t      t;

    memset(data, 0xda, sizeof(data));

    OK(snp_double_leaf(d) && snp_double_report(d, data, p), "%s: made", what);
    IS_INT(attest_snp_report_parse(p, sizeof(p), &r), ATTEST_OK,
           "%s: a report", what);
    IS_INT(r.version, d->version != 0 ? d->version : 3, "%s: version", what);
    IS_INT(attest_snp_cert_parse(d->leaf, &c), ATTEST_OK, "%s: a leaf", what);
    IS_INT(c.product, product, "%s: its product", what);
    IS_INT(c.spl[8], ucode, "%s: its microcode", what);
    IS_INT(attest_snp_report_verify(p, sizeof(p), X509_get0_pubkey(d->leaf)),
           ATTEST_OK, "%s: signed by it", what);
    OK(double_chain(d->leaf, T0, d->ask) == NULL, "%s: a chain", what);
    OK(double_chain(d->leaf, 1500000000, d->ask) != NULL, "%s: not yet valid",
       what);
    OK(attest_snp_cert_has_tcb(&c, r.reported_tcb), "%s: for its TCB", what);
    OK(d->vlek || attest_snp_cert_has_chip(&c, r.chip_id), "%s: for its chip",
       what);
    OK(d->higher == 0 || !attest_snp_cert_has_tcb(&c, r.current_tcb),
       "%s: not for current_tcb", what);

    t = attest_snp_tcb(c.product, r.reported_tcb);
    IS_INT(t.microcode, ucode, "%s: reported microcode", what);
}


/* The double's ASK below its ARK, as if that were AMD's. */

static const char *
double_chain(X509 *leaf, int64_t now, X509 *ask)
{
    const char           *what;
    attest_x509_chain_t   c;

    memset(&c, 0, sizeof(c));
    c.anchors = amd_roots.anchors[ATTEST_MAKER_AMD];
    c.untrusted = sk_X509_new_null();
    c.now = now;
    sk_X509_push(c.untrusted, ask);
    what = attest_x509_chain(leaf, &c);
    sk_X509_free(c.untrusted);
    return what;
}


static void
test_double_reports(void)
{
    snp_double_t  d = chip;

    d.leaf = NULL;
    d.version = 2;
    double_report("version 2", &d, ATTEST_SNP_MILAN, 0xd5);
    d.policy = 0xb0000;
    double_report("version 2, debug", &d, ATTEST_SNP_MILAN, 0xd5);
    d.policy = d.version = 0;
    double_report("version 3", &d, ATTEST_SNP_MILAN, 0xd5);
    d.product = "Genoa";
    d.family = 0x19;
    d.model = 0x11;
    d.has_spare = 0;
    double_report("Genoa", &d, ATTEST_SNP_GENOA, 0xd5);
    X509_free(d.leaf);

    d = vlek;
    d.leaf = NULL;
    double_report("VLEK", &d, ATTEST_SNP_MILAN, 0xd5);
    X509_free(d.leaf);

    d = turin;
    d.leaf = NULL;
    double_report("Turin, version 5", &d, ATTEST_SNP_TURIN, 0xd5);
    X509_free(d.leaf);
}


/* Each field of a report, from where the double has put it. */

static void
test_double_fields(void)
{
    uint8_t               data[64], p[SNP_DOUBLE_REPORT + 1];
    snp_double_t          d = chip;
    attest_snp_report_t   r;

    memset(data, 0xda, sizeof(data));
    d.version = 2;
    d.platform = 1;
    (void) snp_double_report(&d, data, p);
    p[SNP_DOUBLE_REPORT] = 0;

    IS_INT(attest_snp_report_parse(p, SNP_DOUBLE_REPORT, &r), ATTEST_OK,
           "fields: parsed");
    OK(r.version == 2 && r.guest_svn == 4 && r.policy == 0x3001f
       && r.platform == 1 && r.sig_algo == 1 && r.vmpl == 0,
       "fields: numbers");
    IS_INT(r.signer, ATTEST_SNP_SIGNER_VCEK, "fields: signer");
    OK(r.family_id.p[0] == 0x11 && r.image_id.p[0] == 0x22, "fields: ids");
    IS_MEM(r.measurement.p, d.measurement, 48, "fields: measurement");
    IS_MEM(r.id_key_digest.p, d.id_key, 48, "fields: id key digest");
    IS_MEM(r.reported_tcb.p, "\x03\x01\x00\0\0\0\x08\xd5", 8,
           "fields: reported TCB");
    IS_MEM(r.current_tcb.p, "\x03\x01\x00\0\0\0\x08\xd7", 8,
           "fields: current TCB");
    IS_MEM(r.committed_tcb.p, r.reported_tcb.p, 8, "fields: committed TCB");
    IS_MEM(r.launch_tcb.p, r.reported_tcb.p, 8, "fields: launch TCB");
    IS_MEM(r.chip_id.p, d.chip, 64, "fields: chip id");
    OK(r.current.major == 1 && r.current.minor == 0x37
       && r.current.build == 4, "fields: firmware 1.55.4");
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN,
           "fields: version 2 names no product");
    IS_INT(attest_snp_report_parse(p, SNP_DOUBLE_REPORT - 1, &r),
           ATTEST_EFORMAT, "fields: short");
    IS_INT(attest_snp_report_parse(p, SNP_DOUBLE_REPORT + 1, &r),
           ATTEST_EFORMAT, "fields: long");
    p[0] = 4;
    IS_INT(attest_snp_report_parse(p, SNP_DOUBLE_REPORT, &r),
           ATTEST_EUNSUPPORTED, "fields: version 4");
}


/* What other certificates of the double must not pass for. */

static void
test_double_negatives(void)
{
    size_t                i;
    uint8_t               data[64], p[SNP_DOUBLE_REPORT];
    snp_double_t          stranger;
    attest_snp_cert_t     c;
    attest_snp_report_t   r;
    attest_x509_chain_t   k;

    memset(data, 0xda, sizeof(data));
    (void) snp_double_report(&chip, data, p);
    (void) attest_snp_report_parse(p, sizeof(p), &r);

    IS_INT(attest_snp_report_verify(p, sizeof(p),
                                    X509_get0_pubkey(other.leaf)),
           ATTEST_ECRYPTO, "double: another chip's key");
    (void) attest_snp_cert_parse(other.leaf, &c);
    OK(!attest_snp_cert_has_chip(&c, r.chip_id),
       "double: another chip's certificate");

    /* AMD's names, and nobody's signature */

    memset(&stranger, 0, sizeof(stranger));
    make(&stranger, NULL);
    IS_INT(attest_snp_cert_parse(stranger.leaf, &c), ATTEST_OK,
           "stranger: well formed");
    OK(double_chain(stranger.leaf, T0, chip.ask) != NULL
       && double_chain(stranger.leaf, T0, stranger.ask) != NULL,
       "stranger: no chain");
    OK(!attest_snp_cert_has_chip(&c, r.chip_id), "stranger: another chip");
    IS_INT(attest_snp_report_verify(p, sizeof(p),
                                    X509_get0_pubkey(stranger.leaf)),
           ATTEST_ECRYPTO, "stranger: did not sign");
    snp_double_free(&stranger);

    for (i = 0; i < ATTEST_MAKERS; i++) {
        memset(&k, 0, sizeof(k));
        k.anchors = amd_roots.anchors[i];
        k.untrusted = sk_X509_new_null();
        sk_X509_push(k.untrusted, chip.ask);
        k.now = T0;
        OK((attest_x509_chain(chip.leaf, &k) == NULL)
           == (i == ATTEST_MAKER_AMD), "double: VCEK under maker %zu", i);
        sk_X509_free(k.untrusted);
    }

    IS_INT(attest_snp_cert_parse(chip.ask, &c), ATTEST_EFORMAT,
           "double: an ASK is no VCEK");
    IS_INT(attest_snp_cert_parse(turin.leaf, &c), ATTEST_OK, "double: Turin");
    OK(c.product == ATTEST_SNP_TURIN && c.hwid.n == 8 && c.version == 1
       && (c.spls >> 9 & 1) && !(c.spls >> 4 & 1),
       "double: Turin has 8 bytes, an FMC");
    OK(!attest_snp_cert_has_chip(&c, r.chip_id),
       "double: Turin, not that chip");
}


static void
test_good(void)
{
    ACCEPTED("a test double", "binding", PASS, (void) 0);
    IS_INT(res.root, ATTEST_ROOT_SIMULATED, "it is simulated");
    OK(checked("measurement", ATTEST_CHECK_PASS)
       && checked("chain", ATTEST_CHECK_PASS)
       && checked("signature", ATTEST_CHECK_PASS)
       && checked("tcb", ATTEST_CHECK_PASS)
       && checked("chip", ATTEST_CHECK_PASS), "all was checked");
    OK(checked("tcb-minimum", ATTEST_CHECK_PASS)
       && checked("platform", ATTEST_CHECK_NOTE)
       && checked("vmpl", ATTEST_CHECK_NOTE)
       && checked("revocation", ATTEST_CHECK_NOTE),
       "what is not evaluated is said");

    REFUSED("without its root in the policy", "chain", w.no_root = 1);

    reset(&chip);
    w.policy.roots = ATTEST_ROOT_DEFAULT;
    OK(!run() && res.root == 0, "simulated where tee is demanded");

    reset(&chip);
    w.as_amd = 1;
    w.policy.roots = ATTEST_ROOT_TEE;
    (void) trusted("with its root among AMD's");
    IS_INT(res.root, ATTEST_ROOT_TEE, "then it is a TEE");

    reset(&vlek);
    (void) trusted("a VLEK");
    expect("a VLEK", "chip", ATTEST_CHECK_NOTE);

    reset(&turin);
    (void) trusted("Turin, version 5");
    expect("Turin", "chip", ATTEST_CHECK_PASS);

    reset(&chip);
    chip.version = 2;
    report_of(&chip);
    (void) trusted("version 2");

    chip.version = 5;
    reset(&chip);
    chip.version = 0;
    (void) trusted("version 5 by Milan");
}


static void
test_report(void)
{
    REFUSED("no signature", "report", w.report[0x48] = 7 << 2);
    REFUSED("a reserved signer", "report", w.report[0x48] = 2 << 2);
    REFUSED("an unknown algorithm", "report", w.report[0x34] = 2);
    OPEN("an unknown version", "report", w.report[0] = 4);
    REFUSED("a byte short", "report", w.report_len--);
    REFUSED("debug", "guest-policy", w.report[0x0a] |= 0x08; resign(&chip));
    REFUSED("migration", "guest-policy", w.report[0x0a] |= 0x04;
            resign(&chip));
    REFUSED("bit 17 clear", "guest-policy", w.report[0x0a] &= (uint8_t) ~2;
            resign(&chip));
    OPEN("a bit of the guest policy that nobody knows", "guest-policy",
         w.report[0x0b] |= 0x04; resign(&chip));
    OPEN("another one", "guest-policy", w.report[0x0f] |= 0x80;
         resign(&chip));
    ACCEPTED("every harmless bit", "guest-policy", PASS,
             w.report[0x0a] |= 0xf0; w.report[0x0b] |= 0x03; resign(&chip));
    ACCEPTED("debug by name", "guest-policy", NOTE, w.report[0x0a] |= 0x08;
             resign(&chip); w.policy.snp.allow_debug = 1);
    ACCEPTED("migration by name", "guest-policy", NOTE,
             w.report[0x0a] |= 0x04; resign(&chip);
             w.policy.snp.allow_migration = 1);
    REFUSED("debug where migration is allowed", "guest-policy",
            w.report[0x0a] |= 0x0c; resign(&chip);
            w.policy.snp.allow_migration = 1);
    REFUSED("a host's request", "vmpl", memset(w.report + 0x30, 0xff, 4);
            resign(&chip));
    REFUSED("VMPL 4", "vmpl", w.report[0x30] = 4; resign(&chip));
    REFUSED("zero report data", "binding", memset(w.report + 0x50, 0, 64);
            resign(&chip));
    REFUSED("an upper half that is not zero", "binding",
            w.report[0x50 + 63] = 1; resign(&chip));
    REFUSED("another report data", "binding", w.report[0x50] ^= 1;
            resign(&chip));
    REFUSED("another TCB", "tcb", w.report[0x180 + 7]++; resign(&chip));
    REFUSED("a spare SPL", "tcb", w.report[0x180 + 3]++; resign(&chip));
    REFUSED("another chip", "chip", w.report[0x1a0]++; resign(&chip));
    REFUSED("a masked chip", "chip", memset(w.report + 0x1a0, 0, 64);
            resign(&chip));
    REFUSED("another product", "report", w.report[0x189] = 0x11;
            resign(&chip));
    OPEN("an unknown product", "report", w.report[0x188] = 0x1b;
         resign(&chip));
    REFUSED("changed without a signature", "signature", w.report[0x90] ^= 1);
    REFUSED("claims of another machine", "binding", w.claims[60] ^= 1);

    reset(&turin);
    w.report[0x1a0 + 20] = 1;
    resign(&turin);
    (void) run();
    expect("Turin: something behind the chip's 8 bytes", "chip",
           ATTEST_CHECK_FAIL);

    reset(&turin);
    w.report[0x180] ^= 1;
    resign(&turin);
    (void) run();
    expect("Turin: another FMC", "tcb", ATTEST_CHECK_FAIL);
}


/* r and s are numbers of 48 bytes in fields of 72. */

static void
test_signature(void)
{
    int       i;
    uint8_t   n[48];
    unsigned  sum, carry;

    REFUSED("r is zero", "signature", memset(w.report + 0x2a0, 0, 48));
    REFUSED("s is zero", "signature", memset(w.report + 0x2e8, 0, 48));
    REFUSED("behind r", "signature", w.report[0x2a0 + 48] = 1);
    REFUSED("behind s", "signature", w.report[0x2e8 + 71] = 1);
    REFUSED("behind both", "signature", w.report[0x49f] = 1);

    unit_hex("ffffffffffffffffffffffffffffffffffffffffffffffff"
             "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", n, 48);
    reset(&chip);

    for (i = 0; i < 48; i++) {
        w.report[0x2a0 + i] = n[47 - i];
    }

    (void) run();
    expect("r is n", "signature", ATTEST_CHECK_FAIL);

    reset(&chip);
    carry = 0;

    for (i = 0; i < 48; i++) {
        sum = w.report[0x2e8 + i] + n[47 - i] + carry;
        w.report[0x2e8 + i] = (uint8_t) sum;
        carry = sum >> 8;
    }

    w.report[0x2e8 + 48] = (uint8_t) carry;
    (void) run();
    expect("s + n", "signature", ATTEST_CHECK_FAIL);
}


/* Bent certificates, which the ASK signed all the same. */

static void
bent(const char *what, const char *id, attest_check_e state, int *field,
    int value)
{
    int  was = *field;

    *field = value;
    if (!snp_double_leaf(&chip)) {
        printf("Bail out! no leaf\n");
        exit(1);
    }

    reset(&chip);
    OK(!run() && res.root == 0, "%s: not trusted", what);
    expect(what, id, state);

    *field = was;
    (void) snp_double_leaf(&chip);
}


static void
test_certificates(void)
{
    EVP_PKEY  *p256, *was = chip.leaf_key;

    bent("no product", "certificate", ATTEST_CHECK_UNKNOWN,
         &chip.no_product, 1);
    bent("no HWID", "certificate", ATTEST_CHECK_UNKNOWN, &chip.no_hwid, 1);
    bent("an SPL twice", "certificate", ATTEST_CHECK_UNKNOWN, &chip.twice, 1);
    chip.product = "Milan-B0";
    bent("an HWID of 8 bytes and an FMC on Milan", "certificate",
         ATTEST_CHECK_UNKNOWN, &chip.turin, 1);
    chip.product = "Rome-B0";
    bent("an unknown product", "certificate", ATTEST_CHECK_UNKNOWN,
         &chip.serial, 0);
    chip.product = "Genoa-B1";
    bent("another product than the report's", "report", ATTEST_CHECK_FAIL,
         &chip.serial, 0);
    chip.product = NULL;

    chip.until = T0 - 1;
    bent("expired", "chain", ATTEST_CHECK_FAIL, &chip.serial, 0);
    chip.until = 0;
    chip.from = T0 + 1;
    bent("not yet valid", "chain", ATTEST_CHECK_FAIL, &chip.serial, 0);
    chip.from = 0;

    p256 = EVP_EC_gen("P-256");
    (void) snp_double_leaf(&chip);
    chip.leaf_key = p256;
    (void) snp_double_leaf(&chip);
    chip.leaf_key = was;
    reset(&chip);
    (void) run();
    expect("a key of another curve", "signature", ATTEST_CHECK_FAIL);
    EVP_PKEY_free(p256);
    (void) snp_double_leaf(&chip);

    OPEN("no certificates", "certificate", w.table_len = 0);
    OPEN("an empty table", "certificate", memset(w.table, 0, 24);
         w.table_len = 24);
    OPEN("a VLEK for a VCEK's report", "certificate",
         w.table_len = sizeof(w.table);
         (void) snp_double_table(&vlek, w.table, &w.table_len));
    OPEN("signed by a VLEK, it says", "certificate", w.report[0x48] = 1 << 2;
         resign(&chip));
    REFUSED("another chip's VCEK", "signature",
            w.table_len = sizeof(w.table);
            (void) snp_double_table(&other, w.table, &w.table_len));
    REFUSED("no ASK", "chain", chip.no_ask = 1; report_of(&chip);
            chip.no_ask = 0);
    REFUSED("a table that is cut", "certificate", w.table_len = 100);
    REFUSED("no end of the table", "certificate", w.table_len = 72);
    REFUSED("no certificate in the table", "certificate",
            w.table[96] = 0x31);
    ACCEPTED("without the ARK, which nobody asks", "chain", PASS,
             chip.no_ark = 1; report_of(&chip); chip.no_ark = 0);
}


/* The policy has what the host does not give. */

static void
test_policy_certs(void)
{
    int  i;

    X509  *lists[3] = { other.leaf, chip.leaf, chip.ask };

    reset(&chip);
    w.table_len = 0;
    w.policy.snp.certs = sk_X509_new_null();

    for (i = 0; i < 3; i++) {
        X509_up_ref(lists[i]);
        sk_X509_push(w.policy.snp.certs, lists[i]);
    }

    (void) trusted("certificates by the policy");
    expect("certificates by the policy", "chain", ATTEST_CHECK_PASS);

    /* the host's is stale, the policy's is not */

    build();
    w.table_len = sizeof(w.table);
    (void) snp_double_table(&other, w.table, &w.table_len);
    (void) trusted("better certificates by the policy");

    X509_free(sk_X509_delete(w.policy.snp.certs, 1));
    w.table_len = 0;
    (void) run();
    expect("only another chip's", "signature", ATTEST_CHECK_FAIL);
}


static X509_CRL *
crl_by(X509 *issuer, EVP_PKEY *key, const X509 *revoked, int64_t next)
{
    X509_CRL      *crl = X509_CRL_new();
    ASN1_TIME     *t = ASN1_TIME_new();
    X509_REVOKED  *r;

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
    ASN1_TIME_set(t, T0 - 86400);
    X509_CRL_set1_lastUpdate(crl, t);
    ASN1_TIME_set(t, (time_t) next);
    X509_CRL_set1_nextUpdate(crl, t);

    if (revoked != NULL) {
        r = X509_REVOKED_new();
        ASN1_TIME_set(t, T0 - 86400);
        X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)
                                      X509_get0_serialNumber(revoked));
        X509_REVOKED_set_revocationDate(r, t);
        X509_CRL_add0_revoked(crl, r);
    }

    X509_CRL_sort(crl);
    X509_CRL_sign(crl, key, EVP_sha384());
    ASN1_TIME_free(t);
    return crl;
}


#define CRL(crl)                                                             \
    (w.policy.snp.crls = sk_X509_CRL_new_null(),                             \
     sk_X509_CRL_push(w.policy.snp.crls, crl))

static void
test_crls(void)
{
    ACCEPTED("nothing is revoked", "revocation", PASS,
             CRL(crl_by(chip.ark, chip.ark_key, NULL, T0 + 86400)));
    ACCEPTED("something else is revoked", "revocation", PASS,
             CRL(crl_by(chip.ark, chip.ark_key, chip.leaf, T0 + 86400)));
    REFUSED("the ASK is revoked", "revocation",
            CRL(crl_by(chip.ark, chip.ark_key, chip.ask, T0 + 86400)));
    REFUSED("an expired list", "revocation",
            CRL(crl_by(chip.ark, chip.ark_key, NULL, T0 - 1)));
    REFUSED("a list by another key", "revocation",
            CRL(crl_by(chip.ark, chip.ask_key, NULL, T0 + 86400)));
    REFUSED("only a list by nobody in the chain", "revocation",
            CRL(crl_by(other.leaf, other.leaf_key, NULL, T0 + 86400)));

    /* AMD has no such lists; a policy that has one is taken by its word */

    REFUSED("the VCEK is revoked", "revocation",
            CRL(crl_by(chip.ark, chip.ark_key, NULL, T0 + 86400));
            sk_X509_CRL_push(w.policy.snp.crls,
                             crl_by(chip.ask, chip.ask_key, chip.leaf,
                                    T0 + 86400)));
}


static void
svsm(void)
{
    uint8_t        data[64], both[64 + 256];

    w.service = "svsm";
    w.manifest_len = 200;
    memset(w.manifest, 0x5e, w.manifest_len);

    (void) attest_claims_report_data(w.claims, w.claims_len, data);
    memcpy(both, data, 64);
    memcpy(both + 64, w.manifest, w.manifest_len);
    (void) EVP_Digest(both, 64 + w.manifest_len, w.report + 0x50, NULL,
                      EVP_sha512(), NULL);
    resign(&chip);
}


static void
test_svsm(void)
{
    ACCEPTED("a service module", "service", PASS, svsm());
    expect("a service module", "binding", ATTEST_CHECK_PASS);
    REFUSED("not at VMPL 0", "service", svsm(); w.report[0x30] = 2;
            resign(&chip));
    REFUSED("another manifest", "binding", svsm(); w.manifest[0] ^= 1);
    REFUSED("a manifest that nothing signs", "binding", svsm();
            report_of(&chip));
    REFUSED("the manifest left out", "binding", svsm();
            w.manifest_len = 0);
    OPEN("another service", "service", svsm(); w.service = "other");
}


/* One member of the policy and what it says of the same report. */

static void
named(const char *json, const char *id, int good)
{
    int    rc;
    char   text[4096], err[256] = "";

    reset(&chip);
    attest_policy_clear(&w.policy);

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"roots_of_trust\":"
                    "[\"simulated\"],\"require_exporter\":false,"
                    "\"snp\":{\"measurement_covers\":\"kernel\",%s%s}}",
                    strstr(json, "min_tcb") != NULL ? ""
                    : "\"min_tcb\":{\"snp\":1},", json);

    rc = attest_policy_parse(text, strlen(text), &w.policy, err,
                             sizeof(err));
    if (!OK(rc == ATTEST_OK, "%.40s: a policy", json)) {
        printf("#   %s\n", err);
        return;
    }

    OK(run() == (good && w.policy.snp.measurement.count != 0),
       "%.40s: verdict", json);
    expect(json, id, good ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL);
}


#define X4(s)    s s s s
#define HEX32(b) X4(X4(b) X4(b))
#define HEX48(b) HEX32(b) X4(X4(b))
#define HEX64(b) HEX32(b) HEX32(b)
#define MEASURED "\"measurement\":\"" HEX48("4d") "\","

static void
test_policy_values(void)
{
    named("\"measurement\":\"" HEX48("4d") "\"", "measurement", 1);
    named("\"measurement\":[\"" HEX48("4e") "\",\"" HEX48("4d") "\"]",
          "measurement", 1);
    named("\"measurement\":\"" HEX48("4e") "\"", "measurement", 0);
    named(MEASURED "\"host_data\":\"" HEX32("48") "\"", "host-data", 1);
    named(MEASURED "\"host_data\":\"" HEX32("49") "\"", "host-data", 0);
    named(MEASURED "\"id_key_digest\":\"" HEX48("1d") "\"", "id-key", 1);
    named(MEASURED "\"id_key_digest\":\"" HEX48("1e") "\"", "id-key", 0);
    named(MEASURED "\"author_key_digest\":\"" HEX48("a0") "\"",
          "author-key", 1);
    named(MEASURED "\"author_key_digest\":\"" HEX48("a1") "\"",
          "author-key", 0);
    named(MEASURED "\"family_id\":\"11" X4("000000") "000000\"",
          "family-id", 1);
    named(MEASURED "\"family_id\":\"12" X4("000000") "000000\"",
          "family-id", 0);
    named(MEASURED "\"image_id\":\"22" X4("000000") "000000\"",
          "image-id", 1);
    named(MEASURED "\"image_id\":\"23" X4("000000") "000000\"",
          "image-id", 0);
    named(MEASURED "\"chip_id\":\"" HEX64("c1") "\"", "chip-id", 1);
    named(MEASURED "\"chip_id\":\"" HEX64("c2") "\"", "chip-id", 0);

    /* everything but the measurement says nothing about software */

    named("\"chip_id\":\"" HEX64("c1") "\"", "chip-id", 1);

    named(MEASURED "\"vmpl\":0", "vmpl", 1);
    named(MEASURED "\"min_tcb\":{\"bootloader\":3,\"tee\":1,\"snp\":8,"
          "\"microcode\":213}", "tcb-minimum", 1);
    named(MEASURED "\"min_tcb\":{\"bootloader\":4}", "tcb-minimum", 0);
    named(MEASURED "\"min_tcb\":{\"tee\":2}", "tcb-minimum", 0);
    named(MEASURED "\"min_tcb\":{\"snp\":9}", "tcb-minimum", 0);
    named(MEASURED "\"min_tcb\":{\"microcode\":214}", "tcb-minimum", 0);
    named(MEASURED "\"min_tcb\":{\"fmc\":1}", "tcb-minimum", 0);
    named(MEASURED "\"min_tcb\":{\"microcode\":0,\"snp\":1}",
          "tcb-minimum", 1);
    named(MEASURED "\"min_committed_tcb\":{\"snp\":8}", "tcb-committed", 1);
    named(MEASURED "\"min_committed_tcb\":{\"snp\":9}", "tcb-committed", 0);
    named(MEASURED "\"min_launch_tcb\":{\"snp\":8}", "tcb-launch", 1);
    named(MEASURED "\"min_launch_tcb\":{\"snp\":9}", "tcb-launch", 0);
    named(MEASURED "\"platform\":{\"smt\":true,\"ecc\":true,\"tsme\":false,"
          "\"alias_check\":true,\"tio\":false}", "platform", 1);
    named(MEASURED "\"platform\":{\"smt\":false}", "platform", 0);
    named(MEASURED "\"platform\":{\"tsme\":true}", "platform", 0);
    named(MEASURED "\"platform\":{\"rapl_disabled\":true}", "platform", 0);
    named(MEASURED "\"platform\":{\"ciphertext_hiding\":true}",
          "platform", 0);
    named(MEASURED "\"guest_policy\":{\"smt\":true,\"cxl\":false}",
          "guest-demands", 1);
    named(MEASURED "\"guest_policy\":{\"smt\":false}", "guest-demands", 0);
    named(MEASURED "\"guest_policy\":{\"single_socket\":true}",
          "guest-demands", 0);
    named(MEASURED "\"min_abi\":\"0.31\"", "guest-abi", 1);
    named(MEASURED "\"min_abi\":\"0.32\"", "guest-abi", 0);
    named(MEASURED "\"min_abi\":\"1.0\"", "guest-abi", 0);

    REFUSED("a VMPL above the highest", "vmpl", w.report[0x30] = 2;
            resign(&chip); w.policy.snp.has_vmpl = 1; w.policy.snp.vmpl = 1);

    reset(&turin);
    w.policy.snp.has_min_tcb = 1;
    w.policy.snp.min_tcb.fmc = 2;
    (void) trusted("Turin: an FMC's minimum");
    w.policy.snp.min_tcb.fmc = 3;
    (void) run();
    expect("Turin: an FMC below", "tcb-minimum", ATTEST_CHECK_FAIL);
}


/* Policies that are refused, with the path of what is wrong. */

static void
test_policy_refused(void)
{
    int     rc;
    char    text[1024], err[256];
    size_t  i;

    static const struct {
        const char  *json, *err;
    } all[] = {
        { "\"measurment\":\"00\"", "snp.measurment: unknown member" },
        { "\"measurement\":\"00\"",
          "snp.measurement: wrong number of hex digits" },
        { "\"measurement\":[\"zz\"]",
          "snp.measurement[0]: wrong number of hex digits" },
        { "\"measurement\":[]", "snp.measurement: an empty list" },
        { "\"vmpl\":4", "snp.vmpl: must be a number, 0 to 3" },
        { "\"vmpl\":\"0\"", "snp.vmpl: must be a number, 0 to 3" },
        { "\"min_tcb\":{}", "snp.min_tcb: names no component" },
        { "\"min_tcb\":7", "snp.min_tcb: must be an object" },
        { "\"min_tcb\":{\"ucode\":1}",
          "snp.min_tcb.ucode: unknown member" },
        { "\"min_tcb\":{\"tee\":256}",
          "snp.min_tcb.tee: must be a number, 0 to 255" },
        { "\"min_tcb\":{\"tee\":1,\"tee\":1}",
          "snp.min_tcb.tee: given twice" },
        { "\"platform\":{\"sev\":true}", "snp.platform.sev: unknown member" },
        { "\"platform\":{\"smt\":1}",
          "snp.platform.smt: must be true or false" },
        { "\"guest_policy\":{\"debug\":true}",
          "snp.guest_policy.debug: unknown member" },
        { "\"min_abi\":\"1\"", "snp.min_abi: must be \"major.minor\"" },
        { "\"min_abi\":\"1.-1\"", "snp.min_abi: must be \"major.minor\"" },
        { "\"min_abi\":\"1.300\"", "snp.min_abi: must be \"major.minor\"" },
        { "\"min_abi\":\" 1.1\"", "snp.min_abi: must be \"major.minor\"" },
        { "\"min_abi\":\"1.01\"", "snp.min_abi: must be \"major.minor\"" },
        { "\"min_abi\":1", "snp.min_abi: must be \"major.minor\"" },
        { "\"allow_debug\":1", "snp.allow_debug: must be true or false" },
        { "\"certs\":\"x\"", "snp.certs: must be a list of PEM texts" },
        { "\"certs\":[\"x\"]", "snp.certs[0]: must be one certificate in PEM "
          "and nothing else" },
        { "\"crls\":[]", "snp.crls: must be a list of PEM texts" },
        { "\"crls\":[\"-----BEGIN X509 CRL-----\\nAA==\\n\"]",
          "snp.crls[0]: must be one revocation list in PEM and nothing "
          "else" },
        { "\"crls\":[1]", "snp.crls[0]: must be one revocation list in PEM "
          "and nothing else" }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        attest_policy_clear(&w.policy);
        (void) snprintf(text, sizeof(text), "{\"version\":1,\"snp\":{%s}}",
                        all[i].json);
        err[0] = '\0';
        rc = attest_policy_parse(text, strlen(text), &w.policy, err,
                                 sizeof(err));
        if (!OK(rc == ATTEST_EFORMAT && strcmp(err, all[i].err) == 0,
                "refused: %s", all[i].json))
        {
            printf("#   %d %s\n", rc, err);
        }
    }
}


/* A list of revoked ones as a policy carries it, and what must not follow. */

static void
test_policy_crl(void)
{
    int        n;
    BIO       *bio = BIO_new(BIO_s_mem());
    char       pem[4096], json[8192], err[256], *p = json;
    X509_CRL  *crl = crl_by(chip.ark, chip.ark_key, NULL, T0 + 86400);

    PEM_write_bio_X509_CRL(bio, crl);
    n = BIO_read(bio, pem, sizeof(pem) - 1);
    pem[n > 0 ? n : 0] = '\0';
    p += sprintf(p, "{\"version\":1,\"snp\":{\"crls\":[\"");

    for (n = 0; pem[n] != '\0'; n++) {
        p += pem[n] == '\n' ? sprintf(p, "\\n") : sprintf(p, "%c", pem[n]);
    }

    (void) sprintf(p, "\"]}}");
    attest_policy_clear(&w.policy);
    IS_INT(attest_policy_parse(json, strlen(json), &w.policy, err,
                               sizeof(err)), ATTEST_OK, "a list in PEM");
    IS_INT(sk_X509_CRL_num(w.policy.snp.crls), 1, "it is there");

    (void) sprintf(p, "more\"]}}");
    attest_policy_clear(&w.policy);
    IS_INT(attest_policy_parse(json, strlen(json), &w.policy, err,
                               sizeof(err)), ATTEST_EFORMAT,
           "something behind it");

    X509_CRL_free(crl);
    BIO_free(bio);
}


static void
table_entry(uint8_t *p, int kind, uint32_t offset, uint32_t length)
{
    static const uint8_t  vcek[] =
        "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";

    memcpy(p, vcek, 16);
    p[0] ^= (uint8_t) kind;                /* 0 VCEK, else unknown */
    snp_double_le(p + 16, offset, 4);
    snp_double_le(p + 20, length, 4);
}


static void
test_table(void)
{
    size_t                i;
    static uint8_t        p[4096];
    attest_snp_table_t    t;

    IS_INT(attest_snp_table_parse(NULL, 0, &t), ATTEST_OK, "no bytes");
    IS_INT(attest_snp_table_parse(p, 4096, &t), ATTEST_OK, "a page of zeros");
    IS_INT(attest_snp_table_parse(p, 23, &t), ATTEST_EFORMAT, "23 zeros");

    table_entry(p, 0, 48, 10);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_OK, "one certificate");
    OK(t.vcek.p == p + 48 && t.vcek.n == 10 && t.ask.n == 0, "where it is");
    IS_INT(attest_snp_table_parse(p, 57, &t), ATTEST_EFORMAT, "past the end");
    OK(t.vcek.n == 0, "nothing is left of it");
    IS_INT(attest_snp_table_parse(p, 24, &t), ATTEST_EFORMAT, "no end");

    table_entry(p, 0, 47, 10);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT,
           "into the table");
    table_entry(p, 0, 0, 10);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT, "at 0");
    table_entry(p, 0, 48, 0);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT, "empty");
    table_entry(p, 0, 0xffffffff, 2);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT,
           "an offset that wraps");
    table_entry(p, 0, 50, 0xffffffff);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT,
           "a length that wraps");

    table_entry(p, 1, 48, 10);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_OK, "an unknown kind");
    OK(t.vcek.n == 0, "is skipped");
    table_entry(p, 1, 48, 11);
    IS_INT(attest_snp_table_parse(p, 58, &t), ATTEST_EFORMAT,
           "but has bounds");

    table_entry(p, 0, 72, 10);
    table_entry(p + 24, 0, 72, 10);
    IS_INT(attest_snp_table_parse(p, 82, &t), ATTEST_EFORMAT, "twice");

    memset(p, 0, 24);
    p[20] = 1;
    IS_INT(attest_snp_table_parse(p, 100, &t), ATTEST_EFORMAT,
           "a GUID of zeros is not the end");

    for (i = 0; i < 70; i++) {
        table_entry(p + 24 * i, 1, 4000, 1);
    }

    IS_INT(attest_snp_table_parse(p, 4096, &t), ATTEST_ELIMIT, "too many");
}


/* Which processor says what. */

static void
test_products(void)
{
    attest_snp_report_t  r;

    memset(&r, 0, sizeof(r));
    r.version = 3;

    r.family = 0x19;
    r.model = 0x0f;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_MILAN, "19/0f");
    r.model = 0x10;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_GENOA, "19/10");
    r.model = 0x20;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN, "19/20");
    r.model = 0xa0;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_GENOA, "19/a0");
    r.model = 0xb0;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN, "19/b0");
    r.family = 0x1a;
    r.model = 0x11;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_TURIN, "1a/11");
    r.model = 0x12;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN, "1a/12");
    r.family = 0x17;
    IS_INT(attest_snp_report_product(&r), ATTEST_SNP_UNKNOWN, "17");
}


/* Cached evidence of one machine, fresh evidence of another. */

static void
test_two_machines(void)
{
    static uint8_t   cached[ROOM];
    size_t           i, n;
    attest_claims_t  c;
    int              agree;

    for (agree = 1; agree >= 0; agree--) {
        reset(agree ? &chip : &other);
        memset(&c, 0, sizeof(c));
        (void) attest_claims_parse(w.claims, w.claims_len, &c);
        c.nonce_len = c.has_exporter = 0;
        w.claims_len = sizeof(w.claims);
        (void) attest_claims_encode(&c, w.claims, &w.claims_len);
        report_of(agree ? &chip : &other);
        w.ctype = ATTEST_CMWC_CACHED;
        build();
        memcpy(cached, w.out, w.out_len);
        n = w.out_len;

        reset(&chip);
        build();
        w.cached = span(cached, n);
        appraise();

        for (i = 0; i < res.count; i++) {
            if (strcmp(res.checks[i].id, "same-machine") == 0
                && res.checks[i].state == ATTEST_CHECK_FAIL)
            {
                break;
            }
        }

        OK((i == res.count) == agree
           && (res.verdict == ATTEST_TRUSTED) == agree, agree
           ? "one machine" : "two machines");

        if ((res.verdict == ATTEST_TRUSTED) != agree) {
            dump();
        }
    }
}


/* Nothing may be accepted; what is shows where. */

static void
count(const char *what, size_t at)
{
    mutations++;

    if (res.verdict == ATTEST_TRUSTED || res.root != 0) {
        accepted++;
        printf("# ACCEPTED: %s, byte %zu\n", what, at);
    }
}


static void
test_mutations(void)
{
    size_t   i, n;
    uint8_t  bit;

    chip.no_ark = 1;                   /* nothing asks what is in it */
    reset(&chip);
    chip.no_ark = 0;
    (void) trusted("mutations start from something good");

    for (i = 0; i < w.item_len; i += UNIT_STEP(7)) {
        bit = (uint8_t) (1 << (i % 8));
        w.item[i] ^= bit;
        collect();
        appraise();
        count("report and certificates", i);
        w.item[i] ^= bit;
    }

    for (i = 0; i < w.claims_len; i += UNIT_STEP(7)) {
        bit = (uint8_t) (1 << (i % 8));
        w.claims[i] ^= bit;
        collect();
        appraise();
        count("claims", i);
        w.claims[i] ^= bit;
    }

    for (n = w.item_len, i = 1; i < n; i++) {
        w.item_len = i;
        collect();
        appraise();
        count("cut", i);
    }

    w.item_len = n + 1;
    collect();
    appraise();
    count("a byte behind", n);

    w.item_len = n;
    collect();
    appraise();
    OK(res.verdict == ATTEST_TRUSTED, "and end with it");

    /* the report's and the table's own ends */

    for (i = 1; i < SNP_DOUBLE_REPORT; i++) {
        w.report_len = i;
        (void) run();
        count("report cut", i);
    }

    w.report_len = SNP_DOUBLE_REPORT;

    for (n = w.table_len, i = 0; i < n; i++) {
        w.table_len = i;
        (void) run();
        count("table cut", i);
    }
}


/* The same of the real ones, below the appraisal. */

static void
test_fixture_mutations(void)
{
    int       good, len;
    size_t    i, n;
    X509     *x = cert_file("vcek-milan.der"), *bad;
    uint8_t  *p = unit_fixture("snp/report-v2-milan.bin", &n), *der = NULL;
    uint8_t   bit;
    attest_snp_cert_t     c;
    attest_snp_report_t   r;

    for (i = 0; i < n; i += UNIT_STEP(7)) {
        bit = (uint8_t) (1 << (i % 8));
        p[i] ^= bit;
        good = attest_snp_report_verify(p, n, X509_get0_pubkey(x))
               == ATTEST_OK;
        p[i] ^= bit;
        mutations++;
        accepted += (unsigned) good;
    }

    (void) attest_snp_report_parse(p, n, &r);
    len = i2d_X509(x, &der);

    for (i = 0; i < (size_t) len; i += UNIT_STEP(7)) {
        der[i] ^= (uint8_t) (1 << (i % 8));
        bad = attest_x509_read_der(span(der, (size_t) len));
        der[i] ^= (uint8_t) (1 << (i % 8));

        good = bad != NULL
               && attest_snp_cert_parse(bad, &c) == ATTEST_OK
               && chain(bad, T0, NULL) == NULL
               && attest_snp_report_verify(p, n, X509_get0_pubkey(bad))
                  == ATTEST_OK
               && attest_snp_cert_has_tcb(&c, r.reported_tcb)
               && attest_snp_cert_has_chip(&c, r.chip_id);

        X509_free(bad);
        mutations++;

        if (good) {
            accepted++;
            printf("# ACCEPTED: byte %zu of the VCEK\n", i);
        }
    }

    OPENSSL_free(der);
    X509_free(x);
    free(p);
}


/* AMD's own, where they are there. */

static void
test_real(void)
{
    if (!UNIT_HAVE("reports of real chips", "snp/report-v2-milan.bin",
                   "snp/report-v2-milan-debug.bin",
                   "snp/attestation-v3-milan-envelope.bin",
                   "snp/vcek-milan.der", "snp/vcek-milan-debug.der",
                   "snp/vcek-milan-v3.pem", "snp/vcek-turin.der",
                   "snp/vcek-invalid-legacy.der", "snp/ask-milan.pem"))
    {
        return;
    }

    test_fixture_report("report-v2-milan.bin", 0, "vcek-milan.der",
                        ATTEST_SNP_MILAN, 0x73);
    test_fixture_report("report-v2-milan-debug.bin", 0,
                        "vcek-milan-debug.der", ATTEST_SNP_MILAN, 0x44);
    test_fixture_report("attestation-v3-milan-envelope.bin", 4,
                        "vcek-milan-v3.pem", ATTEST_SNP_MILAN, 0xd5);
    test_fixture_fields();
    test_fixture_negatives();
    test_fixture_appraisal();
    test_fixture_mutations();
}


int
main(void)
{
    setup();

    test_real();
    test_double_reports();
    test_double_fields();
    test_double_negatives();
    test_good();
    test_report();
    test_signature();
    test_certificates();
    test_policy_certs();
    test_crls();
    test_svsm();
    test_policy_values();
    test_policy_refused();
    test_policy_crl();
    test_table();
    test_products();
    test_two_machines();
    test_mutations();

    IS_INT(accepted, 0, "%u mutations, none accepted", mutations);
    printf("# %u mutations, %u accepted\n", mutations, accepted);

    attest_policy_clear(&w.policy);
    attest_roots_clear(&roots);
    attest_roots_clear(&amd_roots);
    snp_double_free(&chip);
    snp_double_free(&other);
    snp_double_free(&vlek);
    snp_double_free(&turin);
    DONE();
}
