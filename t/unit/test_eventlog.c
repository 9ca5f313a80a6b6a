/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event logs of TPMs and the CCEL table: logs of the double and of real
 * machines replayed, each truncation, each field bent, every limit.
 */

#include <openssl/evp.h>

#include "core/evidence/attest_eventlog.h"
#include "fixture.h"
#include "log_double.h"


#define SHA256        ATTEST_TPM_ALG_SHA256
#define SHA384        ATTEST_TPM_ALG_SHA384

/* gce-cos85-attestation.pb: the log, and the PCRs quoted with it */
#define GCE_LOG       4289
#define GCE_LOG_LEN   23970
#define GCE_PCR256    1685
#define GCE_PCR384    2987


typedef struct {
    int              pcr;
    const char      *value;
} expect_t;

typedef struct {
    const uint8_t   *log;
    uint8_t         *boundary;       /* one per offset: an event ends here */
    size_t           events;
    size_t           extended;
    size_t           stop;
    uint32_t         last_type;
} visit_t;

/* A log under construction. */
typedef struct {
    uint8_t          p[4096];
    size_t           n;
} build_t;


static int visit(void *ctx, const attest_event_t *e);
static void test_log(const char *name, const uint8_t *p, size_t n,
    uint16_t alg, size_t events, const expect_t *want, size_t count);
static void test_files(void);
static void test_real(void);
static void test_gce(void);
static void gce_compare(const uint8_t *pb, uint16_t alg, size_t pcrs);
static void test_ccel(void);
static void test_double(void);
static void test_double_ccel(void);
static void test_cuts(const char *name, const uint8_t *p, size_t n);
static void test_stop(const uint8_t *p, size_t n);
static void put(build_t *b, const char *hex);
static void put_event(build_t *b, uint32_t pcr, uint32_t type,
    const char *digests, const char *data);
static void start(build_t *b, const char *algs);
static int replay(const build_t *b, attest_tpm_bank_t *bank);
static void test_header(void);
static void test_header_fields(void);
static void test_events(void);
static void test_locality(void);
static void test_padding(void);
static void test_old_form(void);
static void test_limits(void);
static void test_names(void);


/* one SHA-256 digest, in the form of TPML_DIGEST_VALUES */
#define AA32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ONE   "01000000" "0b00" AA32
#define LOCALITY  "537461727475704c6f63616c69747900"


int
main(void)
{
    test_files();
    test_double();
    test_double_ccel();
    test_header();
    test_header_fields();
    test_events();
    test_locality();
    test_padding();
    test_old_form();
    test_limits();
    test_names();

    DONE();
}


static int
visit(void *ctx, const attest_event_t *e)
{
    visit_t  *v = ctx;

    v->events++;
    v->extended += e->extended != 0;
    v->last_type = e->type;
    if (v->boundary != NULL && e->data.n != 0) {
        v->boundary[e->data.p + e->data.n - v->log] = 1;
    }
    return v->events == v->stop ? 77 : 0;
}


static void
test_log(const char *name, const uint8_t *p, size_t n, uint16_t alg,
    size_t events, const expect_t *want, size_t count)
{
    size_t             i, len;
    visit_t            v;
    uint8_t            value[64];
    attest_tpm_bank_t  bank;
    const char        *bank_name = attest_tpm_alg_name(alg);

    memset(&v, 0, sizeof(v));
    IS_INT(attest_eventlog_replay(p, n, alg, &bank, visit, &v), ATTEST_OK,
           "%s %s: replays", name, bank_name);
    IS_INT(v.events, events, "%s: events, with the header", name);
    IS_INT(bank.alg, alg, "%s: bank", name);
    IS_INT(bank.len, attest_tpm_alg_len(alg), "%s: digest length", name);

    for (i = 0; i < count; i++) {
        len = unit_hex(want[i].value, value, sizeof(value));
        OK((bank.select >> want[i].pcr & 1)
           && memcmp(bank.value[want[i].pcr], value, len) == 0,
           "%s %s: PCR %d", name, bank_name, want[i].pcr);
    }
}


/* Logs of real machines, where they are there. */

static void
test_files(void)
{
    size_t    n;
    uint8_t  *p;

    if (!UNIT_HAVE("logs of real machines", "tpm/eventlog.bin",
                   "gcp/eventlog-ubuntu2404-snp.bin",
                   "gcp/gce-cos85-attestation.pb", "tdx/ccel-log.bin"))
    {
        return;
    }

    test_real();
    test_gce();
    test_ccel();

    p = unit_fixture("tdx/ccel-log.bin", &n);
    test_cuts("ccel-log.bin", p, 1933);
    free(p);

    p = unit_fixture("tpm/eventlog.bin", &n);
    test_cuts("eventlog.bin", p, n);
    test_stop(p, n);
    free(p);
}


/* A log of the double, in each bank as the double has computed it. */

static void
double_log(const char *name, const log_double_t *l)
{
    int                i;
    size_t             k;
    visit_t            v;
    attest_tpm_bank_t  bank;

    for (k = 0; k < l->banks; k++) {
        memset(&v, 0, sizeof(v));

        if (l->alg[k] == LOG_DOUBLE_SHA1) {
            IS_INT(attest_eventlog_replay(l->p, l->n, l->alg[k], &bank,
                                          visit, &v), ATTEST_EUNSUPPORTED,
                   "%s: its SHA-1 bank is refused", name);
            continue;
        }

        IS_INT(attest_eventlog_replay(l->p, l->n, l->alg[k], &bank, visit,
                                      &v), ATTEST_OK, "%s %s: replays", name,
               attest_tpm_alg_name(l->alg[k]));
        IS_INT(v.events, l->events, "%s: events, with the header", name);
        IS_INT(bank.len, attest_tpm_alg_len(l->alg[k]), "%s: digest length",
               name);
        IS_INT(bank.select, l->extended, "%s: registers with events", name);

        for (i = 0; i < LOG_DOUBLE_PCRS; i++) {
            OK(!(l->extended >> i & 1)
               || memcmp(bank.value[i], l->value[k][i], bank.len) == 0,
               "%s: register %d", name, i);
        }
    }

    IS_INT(attest_eventlog_replay(l->p, l->n, ATTEST_TPM_ALG_SHA512, &bank,
                                  NULL, NULL),
           ATTEST_EUNSUPPORTED, "%s: it has no SHA-512 bank", name);
}


static void
test_double(void)
{
    log_double_t          *l = calloc(1, sizeof(*l));
    static const uint16_t  all[] = {
        LOG_DOUBLE_SHA1, LOG_DOUBLE_SHA256, LOG_DOUBLE_SHA384
    };

    log_double_tpm(l, all, 3);
    double_log("double, three banks", l);
    test_cuts("double, three banks", l->p, l->n);
    test_stop(l->p, l->n);

    log_double_tpm(l, all + 1, 1);
    double_log("double, SHA-256", l);
    free(l);
}


static void
test_double_ccel(void)
{
    log_double_t       *l = calloc(1, sizeof(*l));
    attest_tpm_bank_t   bank;

    log_double_ccel(l);
    IS_INT(l->n, 65536, "double ccel: the whole table");
    double_log("double ccel", l);
    test_cuts("double ccel", l->p, l->end);
    IS_INT(attest_eventlog_replay(l->p, l->n, SHA256, &bank, NULL, NULL),
           ATTEST_EUNSUPPORTED, "double ccel: no SHA-256 bank");
    l->p[l->n - 1] = 0;
    IS_INT(attest_eventlog_replay(l->p, l->n, SHA384, &bank, NULL, NULL),
           ATTEST_EFORMAT, "double ccel: something behind the padding");
    free(l);
}


/*
 * Values of tpm2_eventlog (tpm2-tools 5.4), except PCR 0 of eventlog.bin:
 * the tool extends the zero digests of two EV_NO_ACTION events into it.
 */

static void
test_real(void)
{
    size_t                 n;
    uint8_t               *p;
    attest_tpm_bank_t      bank;
    static const expect_t  dstack[] = {
        { 1, "0c56546d1549a5c27b77602d48c4afaa"
             "071cf36d5b0c36e8af84962e269ad0a5" },
        { 4, "7a94ffe8a7729a566d3d3c577fcb4b6b"
             "1e671f31540375f80eae6382ab785e35" },
        { 7, "02836eb5a7a5ba639a26164ac6c57d69"
             "e2d00681049cc9e55922753ea7153f01" },
        { 11, "16c654f49c03f385bc4d286302ff6021"
              "3a3ab8aea0e38ffc2fc573ca15e26eb0" },
        { 0, "0cca9ec161b09288802e5a112255d213"
             "40ed5b797f5fe29cecccfd8f67b9f802" }
    };
    static const expect_t  dstack384[] = {
        { 4, "70bc457e087464760a8927d6312248dc117663410914ff8b"
             "1e42fd5dc91e16f5fe3f15ca64372d3e47af8b4c53b01df9" },
        { 11, "422a6b6c5440b300ddd878441e9151ed3c0c9ce66a10a810"
              "f7e9b229d5b5265917a1bcfb3ead33027a8b3160a740a28a" }
    };
    static const expect_t  ubuntu[] = {
        { 0, "50597a27846e91d025eef597abbc89f7"
             "2bff9af849094db97b0684d8bc4c515e" },
        { 4, "abe8b3fa6aecb36c2fd93c6f6edde661"
             "c21b353d007410a2739d69bfa7e1b9be" },
        { 7, "33ad69850fb2c7f30b4f8b4bc10ed93f"
             "c954dc07fa726e84f50f3d192dc1c140" },
        { 14, "306f9d8b94f17d93dc6e7cf8f5c79d65"
              "2eb4c6c4d13de2dddc24af416e13ecaf" }
    };

    p = unit_fixture("tpm/eventlog.bin", &n);
    test_log("dstack", p, n, SHA256, 46, dstack, 5);
    test_log("dstack", p, n, SHA384, 46, dstack384, 2);
    IS_INT(attest_eventlog_replay(p, n, SHA256, &bank, NULL, NULL),
           ATTEST_OK, "no visitor");
    IS_INT(bank.select, 0xaff, "the PCRs with events, no other");
    IS_INT(attest_eventlog_replay(p, n, ATTEST_TPM_ALG_SHA1, &bank, NULL,
                                  NULL),
           ATTEST_EUNSUPPORTED, "its SHA-1 bank is refused");
    IS_INT(attest_eventlog_replay(p, n, ATTEST_TPM_ALG_SHA512, &bank, NULL,
                                  NULL),
           ATTEST_EUNSUPPORTED, "it has no SHA-512 bank");
    free(p);

    p = unit_fixture("gcp/eventlog-ubuntu2404-snp.bin", &n);
    test_log("ubuntu", p, n, SHA256, 117, ubuntu, 4);
    free(p);
}


/* Log and quoted PCRs of one boot: the log explains PCR 0 to 9. */

static void
test_gce(void)
{
    size_t    n;
    uint8_t  *pb = unit_fixture("gcp/gce-cos85-attestation.pb", &n);

    gce_compare(pb, SHA256, GCE_PCR256);
    gce_compare(pb, SHA384, GCE_PCR384);
    free(pb);
}


static void
gce_compare(const uint8_t *pb, uint16_t alg, size_t pcrs)
{
    size_t              i, len = attest_tpm_alg_len(alg), same = 0;
    const uint8_t      *e;
    attest_tpm_bank_t   bank;

    IS_INT(attest_eventlog_replay(pb + GCE_LOG, GCE_LOG_LEN, alg, &bank,
                                  NULL, NULL),
           ATTEST_OK, "gce: replays");
    IS_INT(bank.select, 0x3ff, "gce: PCR 0 to 9");

    for (i = 0, e = pb + pcrs + 2; i < 24; i++, e += 6 + len) {
        same += e[3] < 10 && memcmp(bank.value[e[3]], e + 6, len) == 0;
    }
    IS_INT(same, 10, "gce: all ten as the TPM quoted them");
}


/* TDX: MR indexes, SHA-384 only, a table of 64 KiB with ff behind the log */

static void
test_ccel(void)
{
    size_t                 n;
    uint8_t               *p = unit_fixture("tdx/ccel-log.bin", &n);
    attest_tpm_bank_t      bank;
    static const expect_t  mr[] = {
        { 1, "274c2344116db7c663470693b5ba62b8621eac28cb41d2f8"
             "16ddf188f9f423f900a1c44d32386fd3c993dc814e62af9d" },
        { 2, "bdcf4ee0f7fdfe7c73fbb19ded73193aee23a6726b86d3b2"
             "82ea097cf4c9ed7a0db21b5c1ccd513e410d90e310836b26" }
    };

    IS_INT(n, 65536, "ccel: the whole table");
    test_log("ccel", p, n, SHA384, 19, mr, 2);
    test_log("ccel without padding", p, 1933, SHA384, 19, mr, 2);
    IS_INT(attest_eventlog_replay(p, n, SHA256, &bank, NULL, NULL),
           ATTEST_EUNSUPPORTED, "ccel: no SHA-256 bank");
    p[n - 1] = 0;
    IS_INT(attest_eventlog_replay(p, n, SHA384, &bank, NULL, NULL),
           ATTEST_EFORMAT, "ccel: something behind the padding");
    free(p);
}


/*
 * Every truncation parses if and only if it ends between two events, or in
 * zeros behind one: an event of PCR 0 begins with them.
 */

static void
test_cuts(const char *name, const uint8_t *p, size_t n)
{
    int                 rc, zero, ends = 0;
    size_t              i, bad = 0, dirty = 0, good = 0, tails = 0;
    uint8_t            *cut;
    visit_t             v;
    attest_tpm_bank_t   bank;
    attest_tpm_bank_t   none;

    memset(&none, 0, sizeof(none));
    memset(&v, 0, sizeof(v));
    v.log = p;
    v.boundary = calloc(1, n + 1);
    IS_INT(attest_eventlog_replay(p, n, SHA384, &bank, visit, &v), ATTEST_OK,
           "%s: whole", name);
    OK(v.events > 10, "%s: more than ten events", name);

    for (i = 0; i <= n; i++) {
        cut = unit_exact(p, i);
        rc = attest_eventlog_replay(cut, i, SHA384, &bank, NULL, NULL);
        free(cut);

        ends = v.boundary[i] || (ends && p[i - 1] == 0);
        tails += ends && !v.boundary[i];
        bad += rc != (ends ? ATTEST_OK : ATTEST_EFORMAT);
        good += rc == ATTEST_OK;
        zero = memcmp(&bank, &none, sizeof(bank)) == 0;
        dirty += rc != ATTEST_OK && !zero;
    }
    IS_INT(bad, 0, "%s: cut anywhere but between events it fails", name);
    IS_INT(good, v.events + tails, "%s: cut between events it does not", name);
    IS_INT(dirty, 0, "%s: a failure leaves no value", name);

    free(v.boundary);
}


static void
test_stop(const uint8_t *p, size_t n)
{
    visit_t             v;
    attest_tpm_bank_t   bank;

    memset(&v, 0, sizeof(v));
    v.stop = 1;
    IS_INT(attest_eventlog_replay(p, n, SHA256, &bank, visit, &v), 77,
           "the visitor stops at the header");
    IS_INT(v.last_type, 3, "which is EV_NO_ACTION");
    IS_INT(v.extended, 0, "and not extended");

    memset(&v, 0, sizeof(v));
    v.stop = 9;
    IS_INT(attest_eventlog_replay(p, n, SHA256, &bank, visit, &v), 77,
           "the visitor's code comes back");
    IS_INT(v.events, 9, "and nothing is visited behind it");
    IS_INT(bank.select, 0, "no value either");
}


static void
put(build_t *b, const char *hex)
{
    b->n += unit_hex(hex, b->p + b->n, sizeof(b->p) - b->n);
}


static void
put_event(build_t *b, uint32_t pcr, uint32_t type, const char *digests,
    const char *data)
{
    char    head[32];
    size_t  n = strlen(data) / 2;

    snprintf(head, sizeof(head), "%02x%02x%02x%02x%02x%02x%02x%02x",
             pcr & 0xff, pcr >> 8 & 0xff, pcr >> 16 & 0xff, pcr >> 24,
             type & 0xff, type >> 8 & 0xff, type >> 16 & 0xff, type >> 24);
    put(b, head);
    put(b, digests);
    snprintf(head, sizeof(head), "%02x%02x0000", (unsigned) n & 0xff,
             (unsigned) n >> 8);
    put(b, head);
    put(b, data);
}


/* The header event; algs: count, { alg, size }, vendorInfoSize */

static void
start(build_t *b, const char *algs)
{
    char  data[512];

    snprintf(data, sizeof(data), "%s%s%s",
             "53706563204944204576656e74303300", "0000000000020002", algs);
    b->n = 0;
    put_event(b, 0, 3, "0000000000000000000000000000000000000000", data);
}


static int
replay(const build_t *b, attest_tpm_bank_t *bank)
{
    int       rc;
    uint8_t  *p = unit_exact(b->p, b->n);

    rc = attest_eventlog_replay(p, b->n, SHA256, bank, NULL, NULL);
    free(p);
    return rc;
}


static void
test_header(void)
{
    build_t            b;
    attest_tpm_bank_t  bank;

    start(&b, "01000000" "0b002000" "00");
    IS_INT(replay(&b, &bank), ATTEST_OK, "a header alone");
    IS_INT(bank.select, 0, "has no PCR");

    start(&b, "02000000" "12002000" "0b002000" "03aabbcc");
    IS_INT(replay(&b, &bank), ATTEST_OK, "SM3 beside it, vendorInfo");
    start(&b, "00000000" "00");
    IS_INT(replay(&b, &bank), ATTEST_EUNSUPPORTED, "no bank");
    start(&b, "01000000" "0c003000" "00");
    IS_INT(replay(&b, &bank), ATTEST_EUNSUPPORTED, "another bank only");
    start(&b, "01000000" "0b001400" "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "SHA-256 of 20 bytes");
    start(&b, "02000000" "0b002000" "99990000" "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a bank of 0 bytes");
    start(&b, "02000000" "0b002000" "99994100" "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a bank of 65 bytes");
    start(&b, "02000000" "0b002000" "0b002000" "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a bank twice");
    start(&b, "09000000" "0b002000" "00");
    IS_INT(replay(&b, &bank), ATTEST_ELIMIT, "nine banks");
    start(&b, "ffffffff" "0b002000" "00");
    IS_INT(replay(&b, &bank), ATTEST_ELIMIT, "2^32-1 banks");
    start(&b, "02000000" "0b002000" "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a bank missing");
    start(&b, "01000000" "0b002000");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "no vendorInfoSize");
    start(&b, "01000000" "0b002000" "01");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "no vendorInfo");
    start(&b, "01000000" "0b002000" "0000");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "something behind vendorInfo");
}


static void
test_header_fields(void)
{
    build_t            b;
    attest_tpm_bank_t  bank;

    start(&b, "01000000" "0b002000" "00");
    b.p[32] ^= 0x20;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "another signature");
    b.p[32] ^= 0x20;
    b.p[47] = 0x31;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a signature without its 0");
    b.p[47] = 0;
    b.p[4] = 4;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "header of another type");
    b.p[4] = 3;
    b.p[28]--;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "header a byte short");
    b.p[28] += 2;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "header a byte long");
    memset(b.p + 28, 0xff, 4);
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "header of 2^32-1");
    b.n = 0;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "empty log");
    IS_INT(attest_eventlog_replay(NULL, 0, SHA256, &bank, NULL, NULL),
           ATTEST_EFORMAT, "no log");
}


static void
test_events(void)
{
    build_t            b;
    uint8_t            want[32], msg[64] = { 0 };
    attest_tpm_bank_t  bank;
    static const char  one[] = "01000000" "0b002000" "00";
    static const char  two[] = "02000000" "0b002000" "99990200" "00";

    memset(msg + 32, 0xaa, 32);
    EVP_Digest(msg, 64, want, NULL, EVP_sha256(), NULL);

    start(&b, one);
    put_event(&b, 23, 4, ONE, "00000000");
    IS_INT(replay(&b, &bank), ATTEST_OK, "an event in PCR 23");
    IS_INT(bank.select, 0x800000, "is there");
    IS_MEM(bank.value[23], want, 32, "extended");

    start(&b, one);
    put_event(&b, 24, 4, ONE, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "an event in PCR 24");
    start(&b, one);
    put_event(&b, 0xffffffff, 4, ONE, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "an event in PCR 2^32-1");
    start(&b, one);
    put_event(&b, 0xffffffff, 3, ONE, "");
    IS_INT(replay(&b, &bank), ATTEST_OK, "EV_NO_ACTION may be anywhere");
    IS_INT(bank.select, 0, "it extends nothing");
    start(&b, one);
    put_event(&b, 0, 3, "00000000", "");
    IS_INT(replay(&b, &bank), ATTEST_OK, "EV_NO_ACTION without a digest");
    start(&b, one);
    put_event(&b, 0, 4, "00000000", "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "no other without one");
    start(&b, one);
    put_event(&b, 0, 4, "02000000" "0b00" AA32 "0b00" AA32, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "more digests than banks");
    start(&b, one);
    put_event(&b, 0, 4, "01000000" "0c00" AA32, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a bank not in the header");

    start(&b, two);
    put_event(&b, 5, 4, "02000000" "9999" "aabb" "0b00" AA32, "");
    IS_INT(replay(&b, &bank), ATTEST_OK, "a foreign bank first");
    IS_MEM(bank.value[5], want, 32, "does not confuse");
    start(&b, two);
    put_event(&b, 5, 4, "02000000" "0b00" AA32 "0b00" AA32, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "one bank twice");
    start(&b, two);
    put_event(&b, 5, 4, "01000000" "9999" "aabb", "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "our bank missing");

    start(&b, one);
    put_event(&b, 0, 4, ONE, "00");
    b.p[b.n - 5] = 2;
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "data beyond the end");
    memset(b.p + b.n - 5, 0xff, 4);
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "data of 2^32-1");
    start(&b, one);
    put_event(&b, 0, 4, ONE, "00");
    put(&b, "01");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a byte behind the log");
}


static void
test_locality(void)
{
    build_t            b;
    uint8_t            want[32], msg[64] = { 0 };
    attest_tpm_bank_t  bank;
    static const char  one[] = "01000000" "0b002000" "00";

    memset(msg + 32, 0xaa, 32);
    msg[31] = 3;
    EVP_Digest(msg, 64, want, NULL, EVP_sha256(), NULL);

    start(&b, one);
    put_event(&b, 0, 3, ONE, LOCALITY "03");
    put_event(&b, 0, 8, ONE, "00");
    IS_INT(replay(&b, &bank), ATTEST_OK, "StartupLocality 3");
    IS_MEM(bank.value[0], want, 32, "is where PCR 0 starts");

    start(&b, one);
    put_event(&b, 1, 8, ONE, "00");
    put_event(&b, 0, 3, ONE, LOCALITY "04");
    IS_INT(replay(&b, &bank), ATTEST_OK, "StartupLocality 4");
    IS_INT(bank.value[0][31], 4, "without an event");
    IS_INT(bank.select, 2, "PCR 0 was not extended");

    start(&b, one);
    put_event(&b, 0, 8, ONE, "00");
    put_event(&b, 0, 3, ONE, LOCALITY "03");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "behind an event of PCR 0");
    start(&b, one);
    put_event(&b, 0, 3, ONE, LOCALITY "03");
    put_event(&b, 0, 3, ONE, LOCALITY "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "twice");
    start(&b, one);
    put_event(&b, 0, 3, ONE, LOCALITY "05");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "locality 5");
    start(&b, one);
    put_event(&b, 1, 3, ONE, LOCALITY "03");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "in PCR 1");
    start(&b, one);
    put_event(&b, 0, 3, ONE, LOCALITY);
    put_event(&b, 0, 3, ONE, LOCALITY "0300");
    IS_INT(replay(&b, &bank), ATTEST_OK, "another event of another size");
    IS_INT(bank.value[0][31], 0, "says nothing");
}


static void
test_padding(void)
{
    build_t            b;
    attest_tpm_bank_t  bank;
    static const char  one[] = "01000000" "0b002000" "00";

    start(&b, one);
    put(&b, "ff");
    IS_INT(replay(&b, &bank), ATTEST_OK, "one byte of padding");
    put(&b, "ffffffffffffffffffffffff");
    IS_INT(replay(&b, &bank), ATTEST_OK, "more of it");
    put(&b, "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "padding must go to the end");
    start(&b, one);
    put(&b, "00");
    IS_INT(replay(&b, &bank), ATTEST_OK, "one zero is padding");
    put(&b, "0000000000000000000000000000000000000000");
    IS_INT(replay(&b, &bank), ATTEST_OK, "more of them are, too");
    put(&b, "01");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "but only up to the end");

    start(&b, one);
    put_event(&b, 0, 4, ONE, "00");
    put(&b, "0000000000000000000000000000000000000000");
    IS_INT(replay(&b, &bank), ATTEST_OK, "zeros behind an event");
    IS_INT(bank.select, 1, "are no event of PCR 0");
    put_event(&b, 1, 4, ONE, "00");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "an event behind zeros");
    start(&b, one);
    put(&b, "00ff");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "padding is of one kind");
}


/* The form before TPM 2.0, which has SHA-1 alone: TCG_PCClientPCREvent. */

static void
test_old_form(void)
{
    size_t             i, old = 0, other = 0;
    build_t            b;
    attest_tpm_bank_t  bank;

#define OLD   "0102030405060708090a0b0c0d0e0f1011121314"
#define SPEC  "53706563204944204576656e74"

    b.n = 0;
    put_event(&b, 0, 8, OLD, "31000000");
    IS_INT(replay(&b, &bank), ATTEST_EUNSUPPORTED, "an event of SHA-1");
    put_event(&b, 0, 3, OLD, SPEC "303200");
    put_event(&b, 7, 0x80000001, OLD, "");
    IS_INT(replay(&b, &bank), ATTEST_EUNSUPPORTED, "a log of SHA-1");

    b.n = 0;
    put_event(&b, 0, 3, OLD, SPEC "303000" "0000000002010000");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a header alone is no log");
    put_event(&b, 0, 8, OLD, "31000000");
    put_event(&b, 4, 5, OLD, "");

    for (i = 0; i < b.n; i++) {
        build_t  cut = b;
        int      rc;

        cut.n = i;
        rc = replay(&cut, &bank);
        old += rc == ATTEST_EUNSUPPORTED;
        other += rc != ATTEST_EUNSUPPORTED && rc != ATTEST_EFORMAT;
    }

    OK(old == 1 && other == 0, "cut anywhere but between events it is none");

    put(&b, "000000000000");
    IS_INT(replay(&b, &bank), ATTEST_EUNSUPPORTED, "with zeros behind it");
    put_event(&b, 0, 3, OLD, SPEC "303300");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "something behind the zeros");

    b.n = 0;
    put_event(&b, 0, 8, OLD, "31000000");
    put_event(&b, 24, 8, OLD, "");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "a PCR that does not exist");
    b.n = 0;
    put_event(&b, 0, 8, OLD, "31000000");
    put_event(&b, 0, 3, OLD, SPEC "303300");
    IS_INT(replay(&b, &bank), ATTEST_EFORMAT, "today's header comes first");
}


static void
test_limits(void)
{
    size_t             i, n, events = ATTEST_EVENTLOG_MAX_EVENTS;
    build_t            b, e;
    uint8_t           *p;
    attest_tpm_bank_t  bank;

    start(&b, "01000000" "0b002000" "00");
    e.n = 0;
    put_event(&e, 0, 3, "00000000", "");

    p = calloc(1, ATTEST_MAX_LOG + 1);
    memcpy(p, b.p, b.n);
    for (i = 1, n = b.n; i < events; i++, n += e.n) {
        memcpy(p + n, e.p, e.n);
    }
    IS_INT(attest_eventlog_replay(p, n, SHA256, &bank, NULL, NULL),
           ATTEST_OK, "as many events as allowed");
    memcpy(p + n, e.p, e.n);
    IS_INT(attest_eventlog_replay(p, n + e.n, SHA256, &bank, NULL, NULL),
           ATTEST_ELIMIT, "one more");

    memset(p + b.n, 0xff, ATTEST_MAX_LOG + 1 - b.n);
    IS_INT(attest_eventlog_replay(p, ATTEST_MAX_LOG, SHA256, &bank, NULL,
                                  NULL),
           ATTEST_OK, "as long as allowed");
    IS_INT(attest_eventlog_replay(p, ATTEST_MAX_LOG + 1, SHA256, &bank, NULL,
                                  NULL),
           ATTEST_ELIMIT, "a byte more");
    free(p);
}


static void
test_names(void)
{
    OK(strcmp(attest_eventlog_type_name(4), "EV_SEPARATOR") == 0,
       "EV_SEPARATOR");
    OK(strcmp(attest_eventlog_type_name(0x800000e0),
              "EV_EFI_VARIABLE_AUTHORITY") == 0,
       "EV_EFI_VARIABLE_AUTHORITY");
    OK(strcmp(attest_eventlog_type_name(0x12345678), "unknown") == 0,
       "a type that is not listed");
}
