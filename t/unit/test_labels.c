/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a verdict says is no more than what was proven: whatever a gateway
 * says of itself, whichever machine the TPM beside the CPU belongs to, and
 * whichever member a policy leaves out.
 */

#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify.h"
#include "evidence.h"
#include "snp_double.h"


/* how many labels of a set: fewer where signatures are slow */
#ifdef __SANITIZE_ADDRESS__
#define LABELS   1
#define SETS     7
#else
#define LABELS   2
#define SETS     22
#endif


typedef struct {
    int          snp;          /* a chip under AMD's root; 0: a TPM alone */
    int          simulated;    /* the chip is under a simulated root */
    int          no_tpm;
    int          cloud;        /* a cloud certifies the AK */
    int          google;       /* .. Google's, not Azure's */
    int          software;     /* libtpms */
    int          no_ek;
    const char  *stated;       /* item root-of-trust */
    const char  *tpm_stated;   /* the same in the TPM's item */
    int          unbound;      /* the caller holds nothing to compare */
} world_t;


static snp_double_t      chip;
static EVP_PKEY         *ak_key, *ek_key, *ca_key;
static X509             *ca;
static ev_part_t         parts[2];
static ev_buf_t          ek_cert;
static uint8_t           nonce[32], secret[32], proof[32];
static attest_policy_t   policy;
static attest_roots_t    roots, plain_roots, google_roots;
static attest_result_t   res, base;
static char              ak_name[69], measured[97];


#define P0    "3030303030303030303030303030303030303030303030303030303030303030"
#define P4    "3434343434343434343434343434343434343434343434343434343434343434"
#define P7    "3737373737373737373737373737373737373737373737373737373737373737"
#define PCRS  "\"pcrs\":{\"sha256\":{\"0\":\"" P0 "\",\"4\":\"" P4 "\"}}"


static void
bail(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}


static void
hex(char *out, const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        (void) sprintf(out + 2 * i, "%02x", p[i]);
    }
}


static void
tsm_item(const uint8_t *claims, size_t len, ev_buf_t *out)
{
    static uint8_t   report[SNP_DOUBLE_REPORT], table[16384];
    size_t           n = sizeof(table);
    uint8_t          rd[64];
    attest_tsm_t     tsm;

    (void) attest_claims_report_data(claims, len, rd);

    if (!snp_double_report(&chip, rd, report)
        || !snp_double_table(&chip, table, &n))
    {
        bail("no report");
    }

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) "sev_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = report;
    tsm.outblob.n = sizeof(report);
    tsm.auxblob.p = table;
    tsm.auxblob.n = n;
    out->n = sizeof(out->p);

    if (attest_tsm_encode(&tsm, out->p, &out->n) != ATTEST_OK) {
        bail("no item");
    }
}


static void
claims_of(attest_claims_t *c, int which)
{
    memset(c, 0, sizeof(*c));
    c->pubkey_hash_alg = 1;
    c->pubkey_hash_len = 32;
    c->not_before = EV_FROM;
    c->not_after = EV_UNTIL;
    c->has_validity = 1;

    if (which == 1) {
        memcpy(c->nonce, nonce, 32);
        memcpy(c->exporter, nonce, 32);
        c->nonce_len = 32;
        c->has_exporter = 1;
    }
}


/* By Azure's cloud, or of instance "d" in project "b" of Google's. */

static X509 *
cloud_cert(const world_t *w)
{
    X509               *x;
    uint8_t             der[64];
    ASN1_OBJECT        *oid;
    X509_EXTENSION     *ext;
    ASN1_OCTET_STRING  *value;

    if (!w->google) {
        return ev_cert(ak_key, ca, ca_key, "critical,digitalSignature",
                       "2.23.133.8.3,1.3.6.1.4.1.311.10.3.12");
    }

    x = ev_cert(ak_key, ca, ca_key, "critical,digitalSignature",
                "2.23.133.8.1");
    oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.1.21", 1);
    value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, der, (int) unit_hex(
        "30180c016102010b0c01620201630c0164a0073005a1030101ff", der,
        sizeof(der)));
    ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);

    if (X509_add_ext(x, ext, -1) != 1
        || X509_sign(x, ca_key, EVP_sha256()) == 0)
    {
        bail("no certificate");
    }

    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return x;
}


static void
items(const world_t *w, int which, ev_part_t *part)
{
    size_t           n = ATTEST_CLAIMS_MAX;
    X509            *x;
    uint8_t          claims[ATTEST_CLAIMS_MAX], *p;
    attest_span_t    s;
    static ev_buf_t  tsm[2], cert[2];

    if (w->snp) {
        (void) attest_claims_encode(&part->claims, claims, &n);
        tsm_item(claims, n, &tsm[which]);
        part->cpu_raw = ev_span(&tsm[which]);
        ev_item(part->extra, &part->extras, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM,
                part->cpu_raw);
    }

    if (w->cloud) {
        p = cert[which].p;
        x = cloud_cert(w);
        cert[which].n = (size_t) i2d_X509(x, &p);
        X509_free(x);
        ev_item(part->extra, &part->extras, ATTEST_ITEM_AK_CERT,
                ATTEST_TYPE_AK_CERT, ev_span(&cert[which]));
    }

    if (w->stated != NULL) {
        s.p = (const uint8_t *) w->stated;
        s.n = strlen(w->stated);
        ev_item(part->extra, &part->extras, ATTEST_ITEM_ROOT,
                ATTEST_TYPE_ROOT, s);
    }
}


static void
build(const world_t *w, int which)
{
    ev_part_t          *part = &parts[which];
    attest_tpm_bank_t  *bank;

    memset(part, 0, sizeof(*part));
    part->ctype = which == 1 ? ATTEST_CMWC_FRESH : ATTEST_CMWC_CACHED;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = w->tpm_stated != NULL ? w->tpm_stated
                 : w->software ? "software" : w->cloud ? "cloud-vtpm"
                 : "host-vtpm";
    part->firmware = w->software ? 0x2019102300163636ULL : EV_FIRMWARE;
    part->ak_attributes = 0x00050072;
    part->ak = part->signer = ak_key;
    part->ek = ek_key;
    part->ek_cert = ev_span(&ek_cert);
    part->no_ek = part->no_ek_cert = w->no_ek;
    part->no_hpke = part->no_config = part->no_eventlog = 1;
    part->no_imalog = 1;
    part->no_tpm = w->no_tpm;
    claims_of(&part->claims, which);

    part->quoted.count = 1;
    bank = &part->quoted.banks[0];
    bank->alg = ATTEST_TPM_ALG_SHA256;
    bank->len = 32;
    bank->select = 0x91;
    memset(bank->value[0], 0x30, 32);
    memset(bank->value[4], 0x34, 32);
    memset(bank->value[7], 0x37, 32);
    part->shown = part->quoted;

    items(w, which, part);
    ev_build(part);
}


static void
show(const world_t *w)
{
    size_t           n = ATTEST_CLAIMS_MAX;
    uint8_t          claims[ATTEST_CLAIMS_MAX], digest[32];
    unsigned         len;
    attest_span_t    s = { claims, 0 };

    build(w, 0);
    build(w, 1);
    (void) attest_claims_encode(&parts[0].claims, claims, &n);
    s.n = n;
    (void) attest_sha256(&s, 1, digest);
    (void) HMAC(EVP_sha256(), secret, 32, digest, 32, proof, &len);
}


static void
policy_of(const char *members)
{
    char         err[256] = "";
    static char  json[16384];

    attest_policy_clear(&policy);
    (void) snprintf(json, sizeof(json), "{\"version\":1,"
                    "\"require_exporter\":false,%s}", members);

    if (attest_policy_parse(json, strlen(json), &policy, err, sizeof(err))
        != ATTEST_OK)
    {
        printf("# %s\n", json);
        bail(err);
    }
}


/* The certificates that a JSON text would be too long for. */

static void
anchors(const world_t *w, int ek)
{
    if (ek && policy.ek_roots == NULL) {
        policy.ek_roots = sk_X509_new_null();
        X509_up_ref(ca);
        sk_X509_push(policy.ek_roots, ca);
    }

    if (w->simulated && policy.simulated_roots == NULL) {
        policy.simulated_roots = sk_X509_new_null();
        X509_up_ref(chip.ark);
        sk_X509_push(policy.simulated_roots, chip.ark);
    }
}


static attest_verdict_e
verify(const world_t *w)
{
    attest_verify_input_t  in;

    memset(&in, 0, sizeof(in));
    in.cached = ev_span(&parts[0].out);
    in.fresh = ev_span(&parts[1].out);
    in.nonce.p = nonce;
    in.nonce.n = 32;
    in.secret.p = secret;
    in.proof.p = proof;
    in.secret.n = in.proof.n = w->no_ek ? 0 : 32;
    in.now = EV_NOW;
    in.policy = &policy;
    in.roots = w->simulated ? &plain_roots
               : w->google ? &google_roots : &roots;

    if (!w->unbound) {
        in.exporter = in.nonce;
    }

    attest_verify(&in, &res);
    return res.verdict;
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
expect(const world_t *w, const char *what, const char *members, int ek,
    attest_verdict_e verdict, unsigned root, const char *id,
    attest_check_e state)
{
    size_t  i;

    show(w);
    policy_of(members);
    anchors(w, ek);
    (void) verify(w);

    if (OK(res.verdict == verdict && res.root == root
           && find(id, state) != NULL, "%s: verdict %d, %s", what, verdict,
           attest_label_name(root)))
    {
        return;
    }

    printf("#   verdict %d, %s: %s\n", res.verdict,
           attest_label_name(res.root), res.why);

    for (i = 0; i < res.count; i++) {
        printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
               res.checks[i].text);
    }
}


#define NOT     ATTEST_NOT_TRUSTED
#define OPEN    ATTEST_UNDECIDED
#define YES     ATTEST_TRUSTED
#define FAIL    ATTEST_CHECK_FAIL
#define PASS    ATTEST_CHECK_PASS
#define UNKNOWN ATTEST_CHECK_UNKNOWN
#define NOTE    ATTEST_CHECK_NOTE


static void
test_stated(void)
{
    world_t  w = { .cloud = 1, .no_ek = 1 };

#define HOST "\"roots_of_trust\":[\"host-vtpm\"],\"require_ek\":true," PCRS

    expect(&w, "a cloud's TPM", HOST, 1, NOT, 0, "root-of-trust", FAIL);
    w.stated = "host-vtpm";
    expect(&w, "that calls itself a host's", HOST, 1, NOT, 0,
           "root-of-trust", FAIL);
    w.stated = "software";
    expect(&w, "that calls itself software", "\"roots_of_trust\":["
           "\"software\"]," PCRS, 1, NOT, 0, "root-of-trust", FAIL);
    expect(&w, "what it says is no result", "\"roots_of_trust\":["
           "\"software\",\"cloud-vtpm\"],\"waive\":[\"machine\"]," PCRS, 1,
           YES, ATTEST_ROOT_CLOUD_VTPM, "root-stated", NOTE);
    w.stated = "tee";
    expect(&w, "nor does it count when it is more", "\"roots_of_trust\":["
           "\"tee\",\"cloud-vtpm\"],\"waive\":[\"machine\"]," PCRS, 1,
           NOT, 0, "root-of-trust", FAIL);

    w.stated = NULL;

#define CLOUD "\"roots_of_trust\":[\"cloud-vtpm\",\"tee\",\"tee-vtpm\"],"  \
              "\"waive\":[\"machine\"]," PCRS

    w.tpm_stated = "host-vtpm";
    expect(&w, "the TPM calls itself a host's", CLOUD, 1, YES,
           ATTEST_ROOT_CLOUD_VTPM, "root-of-trust", PASS);
    w.tpm_stated = "tee-vtpm";
    expect(&w, "the TPM calls itself more", CLOUD, 1, NOT, 0,
           "root-of-trust", FAIL);
    w.tpm_stated = "tee2";
    expect(&w, "the TPM calls itself what nobody knows", CLOUD, 1, NOT, 0,
           "root-of-trust", FAIL);
}


/* A project is what the certificate of a TPM's key says, not the CPU. */

static void
test_project(void)
{
    char     text[1024], more[2048];
    world_t  w = { .snp = 1, .cloud = 1, .google = 1, .no_ek = 1 };

    (void) snprintf(text, sizeof(text), "\"gcp\":{\"project\":[\"b\"]},"
                    "\"snp\":{\"measurement\":\"%s\","
                    "\"measurement_covers\":\"kernel\",\"min_tcb\":{"
                    "\"snp\":8}}", measured);

#define BESIDE(members)                                                       \
    ((void) snprintf(more, sizeof(more), members ",%s", text), more)
#define CPU(labels)  "\"roots_of_trust\":[\"tee\"" labels "]"

    expect(&w, "a project beside a CPU's report", BESIDE(CPU("")), 0, OPEN, 0,
           "tpm-beside", UNKNOWN);
    expect(&w, "of which the policy accepts the label",
           BESIDE(CPU(",\"cloud-vtpm\"")), 0, YES, ATTEST_ROOT_CLOUD_VTPM,
           "tpm-beside", NOTE);

    (void) snprintf(more, sizeof(more), CPU("") ",\"ak\":[\"%s\"],%s",
                    ak_name, text);
    expect(&w, "whose key the policy names", more, 0, YES, ATTEST_ROOT_TEE,
           "fresh-gcp-project", PASS);
    (void) snprintf(more, sizeof(more), CPU("") "%s", strchr(text, '}') + 1);
    expect(&w, "no project is asked for", more, 0, YES, ATTEST_ROOT_TEE,
           "tpm-beside", NOTE);
}


static void
test_two_machines(void)
{
    char     text[1024], more[2048];
    world_t  w = { .snp = 1 };

    (void) snprintf(text, sizeof(text), "\"snp\":{\"measurement\":\"%s\","
                    "\"measurement_covers\":\"firmware\",\"min_tcb\":{"
                    "\"snp\":8}},\"pcrs\":{\"sha256\":{\"0\":\"" P0 "\","
                    "\"4\":\"" P4 "\",\"7\":\"" P7 "\"}}", measured);

#define WITH(members)                                                         \
    ((void) snprintf(more, sizeof(more), members ",%s", text), more)
#define TEE(labels)  "\"roots_of_trust\":[\"tee\"" labels "]"

    expect(&w, "a TPM with a maker's certificate", WITH(TEE("")
           ",\"require_ek\":true"), 1, OPEN, 0, "tpm-beside", UNKNOWN);
    expect(&w, "of which the policy accepts the label", WITH(TEE(
           ",\"host-vtpm\"")), 1, YES, ATTEST_ROOT_HOST_VTPM, "tpm-beside",
           NOTE);
    w.no_ek = 1;
    expect(&w, "without a maker's certificate", WITH(TEE(",\"host-vtpm\"")),
           1, OPEN, 0, "tpm-beside", UNKNOWN);
    expect(&w, "software owes an EK, too, where one is wanted",
           WITH(TEE(",\"software\"")), 1, OPEN, ATTEST_ROOT_SOFTWARE,
           "ek-owed", UNKNOWN);
    w.cloud = 1;
    expect(&w, "a TPM with a cloud's certificate", WITH(TEE("")), 0, OPEN, 0,
           "tpm-beside", UNKNOWN);
    expect(&w, "of any customer's", WITH(TEE(",\"cloud-vtpm\"")), 0, OPEN,
           ATTEST_ROOT_CLOUD_VTPM, "machine-reference", UNKNOWN);
    expect(&w, "which is given up by name", WITH(TEE(",\"cloud-vtpm\"")
           ",\"waive\":[\"machine\"]"), 0, YES, ATTEST_ROOT_CLOUD_VTPM,
           "machine-reference", NOTE);

    (void) snprintf(more, sizeof(more), TEE("") ",\"ak\":[\"%s\"],%s",
                    ak_name, text);
    expect(&w, "a key that the policy names", more, 0, YES, ATTEST_ROOT_TEE,
           "tpm-beside", PASS);
}


static void
test_bound(void)
{
    world_t  w = { .software = 1, .unbound = 1 };

#define SOFT "\"roots_of_trust\":[\"software\"]," PCRS

    expect(&w, "nothing that the caller holds", SOFT, 0, OPEN,
           ATTEST_ROOT_SOFTWARE, "binding", UNKNOWN);
    w.unbound = 0;
    expect(&w, "a connection", SOFT, 0, YES, ATTEST_ROOT_SOFTWARE, "binding",
           PASS);
}


/* Every set of labels, kind of evidence and word of the gateway's. */

static int
worth(const attest_result_t *r)
{
    return r->verdict == ATTEST_TRUSTED ? 2 : r->verdict == ATTEST_UNDECIDED;
}


static void
test_no_item_helps(void)
{
    size_t    i, k, tried = 0, better = 0, wrong = 0;
    unsigned  set;
    world_t   w;
    char      text[2048];
    int       none[64];

    static const world_t  kinds[] = {
        { .snp = 1, .no_tpm = 1, .no_ek = 1 },
        { .snp = 1, .no_tpm = 1, .no_ek = 1, .simulated = 1 },
        { .cloud = 1, .no_ek = 1 }, { .software = 1, .no_ek = 1 }, { 0 }
    };
    static const char *const  stated[] = {
        NULL, "tee", "tee-vtpm", "cloud-vtpm", "host-vtpm", "software",
        "simulated", "tee2"
    };

    for (i = 0; i < 5; i++) {
        w = kinds[i];

        if (w.snp) {
            (void) snprintf(text, sizeof(text), "\"snp\":{\"measurement\":"
                            "\"%s\",\"measurement_covers\":\"kernel\","
                            "\"min_tcb\":{\"snp\":8}}", measured);
        } else {
            (void) snprintf(text, sizeof(text), PCRS ",\"require_ek\":false,"
                            "\"waive\":[\"machine\"]");
        }

        policy_of(text);
        anchors(&w, 1);

        for (k = 0; k < 8; k++) {
            w.stated = stated[k];
            show(&w);

            /* one, perhaps two, or all of the labels */

            for (set = 1; set < 64; set++) {
                if (set != 63 && __builtin_popcount(set) > LABELS) {
                    continue;
                }

                policy.roots = set;
                (void) verify(&w);
                tried++;

                if (k == 0) {
                    none[set] = worth(&res);
                }

                better += worth(&res) > none[set];
                wrong += res.verdict == ATTEST_TRUSTED
                         && (!(res.root & set) || res.root != res.found);
            }
        }
    }

    OK(better == 0 && tried == 5 * 8 * SETS, "no word of the gateway's makes a "
       "verdict better");
    OK(wrong == 0, "and trust has the label that was found");
    printf("# %zu appraisals\n", tried);
}


/* Members of a policy; all but one. */

typedef struct {
    const char  *group;
    const char  *text;
} member_t;


static void
compose(const member_t *m, size_t count, size_t without, char *out)
{
    size_t       i;
    const char  *group = "";

    out[0] = '\0';

    for (i = 0; i < count; i++) {
        if (i == without) {
            continue;
        }

        if (strcmp(group, m[i].group) != 0) {
            (void) strcat(out, *group == '\0' ? ""
                          : strcmp(group, "pcrs") == 0 ? "}}" : "}");
            group = m[i].group;
            (void) sprintf(out + strlen(out), "%s", *out == '\0' ? "" : ",");

            if (*group != '\0') {
                (void) sprintf(out + strlen(out), "\"%s\":{%s", group,
                               strcmp(group, "pcrs") == 0 ? "\"sha256\":{"
                               : "");
            }

        } else if (*out != '\0') {
            (void) strcat(out, ",");
        }

        (void) strcat(out, m[i].text);
    }

    (void) strcat(out, *group == '\0' ? "" : strcmp(group, "pcrs") == 0
                  ? "}}" : "}");
}


/* Is there a note that the whole policy did not need? */

static int
said(void)
{
    size_t  i, k;

    for (i = 0; i < res.count; i++) {

        if (res.checks[i].state != ATTEST_CHECK_NOTE) {
            continue;
        }

        for (k = 0; k < base.count; k++) {
            if (base.checks[k].state == ATTEST_CHECK_NOTE
                && strcmp(base.checks[k].text, res.checks[i].text) == 0)
            {
                break;
            }
        }

        if (k == base.count) {
            return 1;
        }
    }

    return 0;
}


static void
removal(const char *what, const world_t *w, const member_t *m, size_t count)
{
    size_t       i;
    static char  text[8192];

    show(w);
    compose(m, count, count, text);
    policy_of(text);
    anchors(w, 1);
    IS_INT(verify(w), ATTEST_TRUSTED, "%s: the whole policy", what);
    base = res;

    for (i = 0; i < count; i++) {
        compose(m, count, i, text);
        policy_of(text);
        anchors(w, 1);
        (void) verify(w);

        OK(res.verdict != ATTEST_TRUSTED || said(), "%s, without %.40s: %s",
           what, m[i].text, res.verdict == ATTEST_TRUSTED
           ? "a note says so" : "not trusted");
    }
}


static void
test_removal(void)
{
    char     measurement[160], chip_id[192], ak[128];
    world_t  snp = { .snp = 1, .no_ek = 1 }, host = { 0 };
    world_t  cloud = { .cloud = 1, .no_ek = 1 };
    world_t  soft = { .software = 1, .no_ek = 1 };

    (void) snprintf(measurement, sizeof(measurement),
                    "\"measurement\":\"%s\"", measured);
    (void) snprintf(ak, sizeof(ak), "\"ak\":[\"%s\"]", ak_name);
    (void) strcpy(chip_id, "\"chip_id\":\"");
    hex(chip_id + strlen(chip_id), chip.chip, 64);
    (void) strcat(chip_id, "\"");

    {
        const member_t  m[] = {
            { "", "\"roots_of_trust\":[\"tee\"]" }, { "", ak },
            { "", "\"max_age\":86400" },
            { "snp", measurement }, { "snp", chip_id },
            { "snp", "\"measurement_covers\":\"firmware\"" },
            { "snp", "\"min_tcb\":{\"snp\":8}" },
            { "snp", "\"min_launch_tcb\":{\"snp\":8}" },
            { "snp", "\"vmpl\":0" },
            { "snp", "\"platform\":{\"tio\":false}" },
            { "snp", "\"guest_policy\":{\"cxl\":false}" },
            { "pcrs", "\"0\":\"" P0 "\"" }, { "pcrs", "\"4\":\"" P4 "\"" },
            { "pcrs", "\"7\":\"" P7 "\"" }
        };
        const member_t  c[] = {
            { "", "\"roots_of_trust\":[\"cloud-vtpm\"]" }, { "", ak },
            { "pcrs", "\"0\":\"" P0 "\"" }, { "pcrs", "\"4\":\"" P4 "\"" },
            { "pcrs", "\"7\":\"" P7 "\"" }
        };
        const member_t  h[] = {
            { "", "\"roots_of_trust\":[\"host-vtpm\"]" }, { "", ak },
            { "", "\"require_ek\":true" },
            { "pcrs", "\"0\":\"" P0 "\"" }, { "pcrs", "\"4\":\"" P4 "\"" }
        };
        const member_t  s[] = {
            { "", "\"roots_of_trust\":[\"software\"]" }, { "", ak },
            { "pcrs", "\"0\":\"" P0 "\"" }, { "pcrs", "\"4\":\"" P4 "\"" }
        };

        removal("SEV-SNP", &snp, m, sizeof(m) / sizeof(m[0]));
        removal("a cloud's TPM", &cloud, c, sizeof(c) / sizeof(c[0]));
        removal("a host's TPM", &host, h, sizeof(h) / sizeof(h[0]));
        removal("a software TPM", &soft, s, sizeof(s) / sizeof(s[0]));
    }
}


static void
setup(void)
{
    X509            *x;
    uint8_t         *p = ek_cert.p, name[34] = { 0, 0x0b };
    attest_span_t    s;
    static ev_buf_t  pub;

    memset(nonce, 0xaa, sizeof(nonce));
    memset(secret, 0xcc, sizeof(secret));
    ak_key = ev_key("EC");
    ek_key = ev_key("RSA");
    ca_key = ev_key("EC");
    ca = ev_cert(ca_key, NULL, NULL, NULL, NULL);

    x = ev_cert(ek_key, ca, ca_key, "critical,keyEncipherment",
                "2.23.133.8.1");
    ek_cert.n = (size_t) i2d_X509(x, &p);
    X509_free(x);

    ev_ak_public(&pub, ak_key, 0x00050072);
    s = ev_span(&pub);
    (void) attest_sha256(&s, 1, name + 2);
    hex(ak_name, name, sizeof(name));

    chip.bits = 2048;
    chip.tcb[2] = 8;
    memset(chip.measurement, 0x44, 48);
    memset(chip.chip, 0x55, 64);
    hex(measured, chip.measurement, 48);

    if (!snp_double_init(&chip) || !snp_double_leaf(&chip)
        || attest_roots_load(&roots) != ATTEST_OK
        || attest_roots_load(&plain_roots) != ATTEST_OK
        || attest_roots_load(&google_roots) != ATTEST_OK)
    {
        bail("no doubles");
    }

    X509_up_ref(chip.ark);
    sk_X509_push(roots.anchors[ATTEST_MAKER_AMD], chip.ark);
    X509_up_ref(ca);
    sk_X509_push(roots.anchors[ATTEST_MAKER_MICROSOFT], ca);

    X509_up_ref(chip.ark);
    sk_X509_push(google_roots.anchors[ATTEST_MAKER_AMD], chip.ark);
    X509_up_ref(ca);
    sk_X509_push(google_roots.anchors[ATTEST_MAKER_GOOGLE], ca);
}


int
main(void)
{
    setup();

    test_stated();
    test_project();
    test_two_machines();
    test_bound();
    test_no_item_helps();
    test_removal();

    attest_policy_clear(&policy);
    attest_roots_clear(&roots);
    attest_roots_clear(&plain_roots);
    attest_roots_clear(&google_roots);
    snp_double_free(&chip);
    X509_free(ca);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(ek_key);
    EVP_PKEY_free(ca_key);
    DONE();
}
