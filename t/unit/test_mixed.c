/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence that is put together, and policies that are about something else.
 * A chip whose root stands among AMD's, a TPM of anybody's beside it: nothing
 * simulated, open to debuggers or of another machine may lend it a name, and
 * no member of a policy is passed over because nothing answers it.
 */

#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify_report.h"
#include "evidence.h"
#include "snp_double.h"
#include "tdx_double.h"


#define DEBUG_POLICY    0xb001f
#define MIGRATE_POLICY  0x7001f


typedef struct {
    int             tdx;              /* instead of the chip */
    int             none;             /* the TPM alone */
    int             no_tpm;
    int             ak_cert;          /* by a test root that plays a cloud */
    int             log;
    int             cached;           /* beside the fresh part */
    int             cached_by_other;  /* by the simulated chip */
    int             debug;            /* TD */
    uint64_t        guest;            /* SNP: the guest's policy */
    unsigned        roots;
    int             measured;         /* the policy has reference values */
    int             firmware;         /* which cover no kernel */
    int             pcrs;
    int             events;
    int             want_log;
    int             ak;
    int             snp_debug;
    int             snp_migration;
    int             tdx_debug;
    int             about_snp;
    int             about_tdx;
    int             about_nitro;
    int             gcp;
} world_t;


static snp_double_t      chip, other;
static tdx_double_t      td;
static EVP_PKEY         *ak_key, *ek_key, *ca_key;
static X509             *ca;
static ev_part_t         parts[2];
static ev_buf_t          event_log;
static uint8_t           nonce[32], event[32], pcr[32];
static attest_policy_t   policy;
static attest_roots_t    roots;
static attest_result_t   res;


static void
bail(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}


static void
tsm_item(const world_t *w, int which, const uint8_t *claims, size_t len,
    ev_buf_t *out)
{
    static uint8_t   report[TDX_DOUBLE_MAX_QUOTE], table[16384];
    size_t           n = sizeof(table), size = sizeof(report);
    uint8_t          rd[64];
    snp_double_t    *d = which == 0 && w->cached_by_other ? &other : &chip;
    attest_tsm_t     tsm;

    (void) attest_claims_report_data(claims, len, rd);
    memset(&tsm, 0, sizeof(tsm));
    d->policy = w->guest;

    if (w->tdx) {
        td.body[TDX_DOUBLE_TDATTR] = w->debug ? 1 : 0;

        if (!tdx_double_make(&td, rd, report, &size)) {
            bail("no quote");
        }

        n = 0;

    } else {
        size = SNP_DOUBLE_REPORT;

        if (!snp_double_report(d, rd, report)
            || !snp_double_table(d, table, &n))
        {
            bail("no report");
        }
    }

    tsm.provider.p = (const uint8_t *) (w->tdx ? "tdx_guest" : "sev_guest");
    tsm.provider.n = 9;
    tsm.outblob.p = report;
    tsm.outblob.n = size;
    tsm.auxblob.p = table;
    tsm.auxblob.n = n;

    out->n = sizeof(out->p);
    if (attest_tsm_encode(&tsm, out->p, &out->n) != ATTEST_OK) {
        bail("no item");
    }
}


static void
cloud_cert(ev_buf_t *out)
{
    X509     *x;
    uint8_t  *p = out->p;

    x = ev_cert(ak_key, ca, ca_key, "critical,digitalSignature",
                "2.23.133.8.3,1.3.6.1.4.1.311.10.3.12");
    out->n = (size_t) i2d_X509(x, &p);
    X509_free(x);
}


static void
build(const world_t *w, int which)
{
    size_t              n = ATTEST_CLAIMS_MAX;
    uint8_t             claims[ATTEST_CLAIMS_MAX];
    ev_part_t          *part = &parts[which];
    static ev_buf_t     tsm[2], cert[2];
    attest_tpm_bank_t  *bank;

    memset(part, 0, sizeof(*part));
    part->ctype = which == 1 ? ATTEST_CMWC_FRESH : ATTEST_CMWC_CACHED;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = "software";
    part->firmware = EV_FIRMWARE;
    part->ak_attributes = 0x00050072;
    part->ak = part->signer = ak_key;
    part->ek = ek_key;
    part->no_ek = part->no_ek_cert = part->no_hpke = part->no_config = 1;
    part->no_imalog = 1;
    part->no_eventlog = !w->log;
    part->eventlog = ev_span(&event_log);
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
    memcpy(bank->value[0], pcr, 32);
    memcpy(bank->value[4], pcr, 32);
    part->shown = part->quoted;

    if (!w->none) {
        (void) attest_claims_encode(&part->claims, claims, &n);
        tsm_item(w, which, claims, n, &tsm[which]);
        part->cpu_raw = ev_span(&tsm[which]);
        ev_item(part->extra, &part->extras, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM,
                part->cpu_raw);
    }

    if (w->ak_cert) {
        cloud_cert(&cert[which]);
        ev_item(part->extra, &part->extras, ATTEST_ITEM_AK_CERT,
                ATTEST_TYPE_AK_CERT, ev_span(&cert[which]));
    }

    ev_build(part);
}


static void
value(attest_refset_t *set, const uint8_t *p, size_t n)
{
    memcpy(set->value[0], p, n);
    set->len[0] = n;
    set->count = 1;
}


static void
make_policy(const world_t *w)
{
    static const uint8_t  nobody[ATTEST_TPM_NAME_LEN];

    attest_policy_clear(&policy);
    attest_policy_default(&policy);
    policy.roots = w->roots;
    policy.require_exporter = policy.require_ek = 0;
    policy.require_eventlog = w->want_log ? 1 : 0;
    policy.simulated_roots = sk_X509_new_null();
    X509_up_ref(ca);
    sk_X509_push(policy.simulated_roots, ca);
    X509_up_ref(other.ark);
    sk_X509_push(policy.simulated_roots, other.ark);

    policy.snp.given = w->about_snp ? 1 : 0;
    policy.tdx.given = w->about_tdx ? 1 : 0;
    policy.nitro.given = w->about_nitro ? 1 : 0;
    policy.gcp.given = w->gcp ? 1 : 0;
    policy.snp.allow_debug = w->snp_debug ? 1 : 0;
    policy.snp.allow_migration = w->snp_migration ? 1 : 0;
    policy.tdx.allow_debug = w->tdx_debug ? 1 : 0;
    policy.tdx.no_tcb = 1;

    if (w->measured) {
        value(&policy.snp.measurement, chip.measurement, 48);
        value(&policy.tdx.mrtd, td.body + TDX_DOUBLE_MRTD, 48);
        policy.snp.covers = w->firmware ? ATTEST_SNP_COVERS_FIRMWARE
                                        : ATTEST_SNP_COVERS_KERNEL;
        policy.snp.has_min_tcb = 1;
        policy.snp.min_tcb.snp = 1;
        value(&policy.tdx.rtmr[0], td.body + TDX_DOUBLE_RTMR, 48);
        value(&policy.tdx.rtmr[1], td.body + TDX_DOUBLE_RTMR + 48, 48);
        value(&policy.tdx.rtmr[2], td.body + TDX_DOUBLE_RTMR + 96, 48);
    }

    if (w->pcrs || w->events) {
        policy.pcr_alg = ATTEST_TPM_ALG_SHA256;
    }

    if (w->pcrs) {
        value(&policy.pcrs[0], pcr, 32);
        value(&policy.pcrs[4], pcr, 32);
    }

    if (w->events) {
        value(&policy.events[0], event, 32);
    }

    if (w->ak) {
        value(&policy.ak, nobody, sizeof(nobody));
    }
}


static void
expect(const world_t *w, const char *what, attest_verdict_e verdict,
    const char *id, attest_check_e state, unsigned root)
{
    int                     found = 0;
    size_t                  i;
    attest_verify_input_t   in;

    build(w, 0);
    build(w, 1);
    make_policy(w);

    memset(&in, 0, sizeof(in));
    in.fresh = ev_span(&parts[1].out);
    in.nonce.p = nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = EV_NOW;
    in.policy = &policy;
    in.roots = &roots;

    if (w->cached) {
        in.cached = ev_span(&parts[0].out);
    }

    attest_verify(&in, &res);

    for (i = 0; i < res.count; i++) {
        found |= strcmp(res.checks[i].id, id) == 0
                 && res.checks[i].state == state;
    }

    if (!OK(found && res.verdict == verdict && res.root == root, "%s: %s",
            what, id))
    {
        printf("#   verdict %d, root %x: %s\n", res.verdict, res.root,
               res.why);
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }
}


/* A guest of the chip that is named and measured, and only TEEs will do. */

#define CASE(what, verdict, id, state, root, ...)                            \
    do {                                                                     \
        memset(&w, 0, sizeof(w));                                            \
        w.measured = w.about_snp = 1;                                        \
        w.roots = ATTEST_ROOT_TEE;                                           \
        __VA_ARGS__;                                                         \
        expect(&w, what, ATTEST_##verdict, id, ATTEST_CHECK_##state, root);  \
    } while (0)

#define TEE          ATTEST_ROOT_TEE
#define SIMULATED    ATTEST_ROOT_SIMULATED
#define SOFTWARE     ATTEST_ROOT_SOFTWARE


static void
test_open_guests(void)
{
    world_t  w;

    CASE("a chip", TRUSTED, "root-of-trust", PASS, TEE, (void) 0);
    CASE("a guest that the host may debug", NOT_TRUSTED,
         "fresh-snp-guest-policy", FAIL, 0, w.guest = DEBUG_POLICY);
    CASE("which the policy allows", TRUSTED, "fresh-snp-guest-policy", NOTE,
         SIMULATED, w.guest = DEBUG_POLICY; w.snp_debug = 1;
         w.roots = ATTEST_ROOT_TEE | ATTEST_ROOT_SIMULATED);
    CASE("but it is no TEE", NOT_TRUSTED, "root-of-trust", FAIL, 0,
         w.guest = DEBUG_POLICY; w.snp_debug = 1);
    CASE("one that may be migrated, which the policy allows", TRUSTED,
         "fresh-snp-guest-policy", NOTE, TEE, w.guest = MIGRATE_POLICY;
         w.snp_migration = 1);

    CASE("a TD", TRUSTED, "root-of-trust", PASS, TEE, w.tdx = w.about_tdx = 1);
    CASE("a TD open to debuggers", NOT_TRUSTED, "fresh-tdx-debug", FAIL, 0,
         w.tdx = w.about_tdx = w.debug = 1);
    CASE("which the policy allows", TRUSTED, "fresh-tdx-debug", NOTE,
         SIMULATED, w.tdx = w.about_tdx = w.debug = w.tdx_debug = 1;
         w.roots = ATTEST_ROOT_TEE | ATTEST_ROOT_SIMULATED);
    CASE("but it is no TEE", NOT_TRUSTED, "root-of-trust", FAIL, 0,
         w.tdx = w.about_tdx = w.debug = w.tdx_debug = 1);
}


static void
test_beside(void)
{
    world_t  w;

    CASE("anybody's TPM beside it", TRUSTED, "tpm-beside", NOTE, TEE,
         (void) 0);
    CASE("whose PCR values count for nothing", UNDECIDED, "tpm-beside",
         UNKNOWN, 0, w.pcrs = 1);
    CASE("nor do its events", UNDECIDED, "tpm-beside", UNKNOWN, 0,
         w.events = w.log = 1);
    CASE("nor its boot log", UNDECIDED, "tpm-beside", UNKNOWN, 0,
         w.want_log = w.log = 1);
    CASE("a log that nobody asked for", TRUSTED, "tpm-beside", NOTE, TEE,
         w.log = 1);

    CASE("a TPM that a test root certifies is no TEE's", NOT_TRUSTED,
         "root-of-trust", FAIL, 0, w.ak_cert = w.pcrs = 1);
    CASE("all of it is simulated", TRUSTED, "tpm-beside", NOTE, SIMULATED,
         w.ak_cert = w.pcrs = 1;
         w.roots = ATTEST_ROOT_TEE | ATTEST_ROOT_SIMULATED);

    CASE("cached evidence by the same chip", TRUSTED, "root-of-trust", PASS,
         TEE, w.cached = 1);
    CASE("by a simulation of it", NOT_TRUSTED, "same-machine", FAIL,
         SIMULATED, w.cached = w.cached_by_other = 1;
         w.roots = ATTEST_ROOT_TEE | ATTEST_ROOT_SIMULATED);
}


static void
test_about(void)
{
    world_t  w;

    CASE("a policy about chips of two makers", TRUSTED, "root-of-trust",
         PASS, TEE, w.about_tdx = 1);
    CASE("a policy about the other one", UNDECIDED, "cpu-kind", UNKNOWN, TEE,
         w.about_snp = 0; w.about_tdx = 1);
    CASE("a policy about enclaves", UNDECIDED, "cpu-kind", UNKNOWN, TEE,
         w.about_snp = 0; w.about_nitro = 1);
    CASE("a TPM where no chip is asked for", TRUSTED, "root-of-trust", PASS,
         SOFTWARE, w.none = w.pcrs = 1; w.about_snp = 0;
         w.roots = ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_TEE);
    CASE("a TPM where one is", UNDECIDED, "cpu-kind", UNKNOWN, SOFTWARE,
         w.none = w.pcrs = 1;
         w.roots = ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_TEE);
    CASE("a policy about an instance of a cloud's", UNDECIDED, "gcp",
         UNKNOWN, TEE, w.gcp = 1);

    CASE("no TPM", TRUSTED, "root-of-trust", PASS, TEE, w.no_tpm = 1);
    CASE("where the policy names a TPM's key", UNDECIDED, "ak-reference",
         UNKNOWN, TEE, w.no_tpm = w.ak = 1);
    CASE("or its values", NOT_TRUSTED, "pcr-reference", FAIL, TEE,
         w.no_tpm = w.pcrs = 1);
    CASE("or its events", NOT_TRUSTED, "event-log", FAIL, TEE,
         w.no_tpm = w.events = 1);
    CASE("or a log", NOT_TRUSTED, "event-log", FAIL, TEE,
         w.no_tpm = w.want_log = 1);
}


/* What finds no room never turns a refusal into something milder. */

static void
test_room(void)
{
    size_t            i;
    attest_verify_t   v;

    memset(&v, 0, sizeof(v));
    memset(&res, 0, sizeof(res));
    v.res = &res;

    for (i = 0; i < ATTEST_MAX_CHECKS + 5; i++) {
        attest_verify_add(&v, "fine", ATTEST_CHECK_PASS, "%zu", i);
    }

    OK(v.overflow && res.count == ATTEST_MAX_CHECKS, "no room is told");

    attest_verify_add(&v, "bad", ATTEST_CHECK_FAIL, "refused");
    attest_verify_add(&v, "fine", ATTEST_CHECK_PASS, "late");

    OK(res.count == ATTEST_MAX_CHECKS
       && strcmp(res.checks[ATTEST_MAX_CHECKS - 1].id, "bad") == 0
       && res.checks[ATTEST_MAX_CHECKS - 1].state == ATTEST_CHECK_FAIL,
       "a refusal finds room");
}


static void
setup(void)
{
    uint8_t        zero[32] = { 0 };
    attest_span_t  extend[2] = { { zero, 32 }, { event, 32 } };

    memset(nonce, 0xaa, sizeof(nonce));
    memset(event, 0x77, sizeof(event));
    (void) attest_sha256(extend, 2, pcr);
    ev_log_start(&event_log);
    ev_log_event(&event_log, 0, 8, event);
    ev_log_event(&event_log, 4, 8, event);

    ak_key = ev_key("EC");
    ek_key = ev_key("RSA");
    ca_key = ev_key("EC");
    ca = ev_cert(ca_key, NULL, NULL, NULL, NULL);

    chip.bits = other.bits = 2048;
    memset(chip.measurement, 0x44, 48);
    memset(other.measurement, 0x44, 48);
    chip.tcb[2] = other.tcb[2] = 8;
    memset(chip.chip, 0x55, 64);
    memset(other.chip, 0x55, 64);

    if (!snp_double_init(&chip) || !snp_double_leaf(&chip)
        || !snp_double_init(&other) || !snp_double_leaf(&other)
        || !tdx_double_init(&td, EV_FROM - 86400, EV_UNTIL + 86400)
        || attest_roots_load(&roots) != ATTEST_OK)
    {
        bail("no doubles");
    }

    X509_up_ref(chip.ark);
    sk_X509_push(roots.anchors[ATTEST_MAKER_AMD], chip.ark);
    X509_up_ref(td.root);
    sk_X509_push(roots.anchors[ATTEST_MAKER_INTEL], td.root);
}


int
main(void)
{
    setup();

    test_open_guests();
    test_beside();
    test_about();
    test_room();

    attest_policy_clear(&policy);
    attest_roots_clear(&roots);
    snp_double_free(&chip);
    snp_double_free(&other);
    tdx_double_free(&td);
    X509_free(ca);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(ek_key);
    EVP_PKEY_free(ca_key);
    DONE();
}
