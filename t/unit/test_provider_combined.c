/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several sources of evidence in one.  Without arguments: with parts that
 * this test plays itself.  With a scenario: against doubles of the devices,
 * run by provider_combined.t.
 */


#include <unistd.h>

#include "core/base/attest_cbor.h"
#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_gpu.h"
#include "core/evidence/attest_hcl.h"
#include "core/evidence/attest_tpm.h"
#include "fixture.h"
#include "gcp_double.h"
#include "provider_double.h"


static uint8_t  claims[ATTEST_CLAIMS_MAX];
static size_t   claims_len;


/* ---- parts that are played here */

typedef struct {
    attest_provider_t   p;
    const char         *item;
    const char         *type;
    const char         *large;        /* one more item */
    const char         *root;
    const char         *note;
    int                 rc;
    int                 calls;
    int                 destroyed;
    unsigned            timeout;      /* that it was given */
    unsigned            sleep;        /* ms */
    attest_span_t       cpu;          /* that was there */
    uint8_t             claims[ATTEST_CLAIMS_MAX];
    size_t              claims_len;
} part_t;


static int
part_collect(attest_provider_t *p, const uint8_t *c, size_t n, int want_logs,
    unsigned timeout, prov_evidence_t *ev)
{
    part_t  *part = p->data;

    (void) want_logs;

    part->calls++;
    part->timeout = timeout;
    part->cpu = prov_evidence_cpu(ev);
    memcpy(part->claims, c, n);
    part->claims_len = n;
    usleep(part->sleep * 1000);

    if (part->rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "%s is broken", p->name);
        prov_evidence_clear(ev);
        return part->rc;
    }

    if (part->large != NULL) {
        prov_evidence_add(ev, part->large, "x/y", (uint8_t *) "log", 3);
    }
    if (part->item != NULL) {
        prov_evidence_add(ev, part->item, part->type, (uint8_t *) "some", 4);
    }
    snprintf(ev->root, sizeof(ev->root), "%s", part->root);
    snprintf(ev->note, sizeof(ev->note), "%s", part->note);
    return ATTEST_OK;
}


static int
part_activate(attest_provider_t *p, const uint8_t *cred, size_t cred_len,
    const uint8_t *enc, size_t enc_len, const uint8_t *msg, size_t msg_len,
    unsigned timeout_ms, uint8_t proof[32], char error[256])
{
    (void) enc;
    (void) enc_len;
    (void) msg;
    (void) msg_len;
    (void) error;

    memset(proof, 0, 32);
    memcpy(proof, cred, cred_len);
    proof[31] = ((part_t *) p->data)->p.name[0] == 't' && timeout_ms == 77;
    return ATTEST_EMISMATCH;
}


static void
part_destroy(attest_provider_t *p)
{
    ((part_t *) p->data)->destroyed++;
}


static attest_provider_t *
part(part_t *t, const char *name, const char *item, const char *type,
    const char *root)
{
    memset(t, 0, sizeof(*t));
    t->p.name = name;
    t->p.data = t;
    t->p.collect = part_collect;
    t->p.activate = name[0] == 't' ? part_activate : NULL;
    t->p.destroy = part_destroy;
    t->item = item;
    t->type = type;
    t->root = root;
    t->note = "";
    return &t->p;
}


static attest_provider_t *
gpu_part(part_t *t, const char *root)
{
    return part(t, "nvidia", root[0] != '\0' ? ATTEST_ITEM_GPU : NULL,
                ATTEST_TYPE_GPU, root);
}


static attest_provider_t *
cpu_part(part_t *t, const char *root)
{
    return part(t, "tsm", ATTEST_ITEM_TSM, ATTEST_TYPE_TSM, root);
}


static attest_provider_t *
tpm_part(part_t *t, const char *root)
{
    return part(t, "tpm", ATTEST_ITEM_TPM, ATTEST_TYPE_TPM, root);
}


static int
collect(attest_provider_t *p, unsigned timeout, prov_evidence_t *ev)
{
    memset(ev, 0, sizeof(*ev));
    return p->collect(p, claims, claims_len, 1, timeout, ev);
}


static int
is_item(const prov_evidence_t *ev, size_t i, const char *label)
{
    return i < ev->count && strcmp(ev->items[i].item, label) == 0;
}


static const prov_evidence_item_t *
find_item(const prov_evidence_t *ev, const char *label)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        if (is_item(ev, i, label)) {
            return &ev->items[i];
        }
    }
    return NULL;
}


/* The label, or NULL when there is no item "root-of-trust". */

static int
is_root(const prov_evidence_t *ev, const char *label)
{
    const prov_evidence_item_t    *item = find_item(ev, ATTEST_ITEM_ROOT);

    if (item == NULL) {
        return label == NULL;
    }
    return label != NULL && item->len == strlen(label)
           && memcmp(item->data, label, item->len) == 0
           && strcmp(ev->root, label) == 0;
}


static void
offline_order(void)
{
    part_t              g, c, t;
    uint8_t             digest[32];
    attest_span_t       some = { (const uint8_t *) "some", 4 };
    attest_claims_t     got, want;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = prov_combined_provider(gpu_part(&g, "tee"), cpu_part(&c, "tee"),
                               tpm_part(&t, "host-vtpm"));
    OK(strcmp(p->name, "nvidia+tsm+tpm") == 0, "%s", p->name);
    c.large = ATTEST_ITEM_CCEL;
    t.large = ATTEST_ITEM_EVENTLOG;
    g.note = "one";
    t.note = "two";

    IS_INT(collect(p, 10000, &ev), ATTEST_OK, "all three %s", ev.error);
    OK(is_item(&ev, 0, ATTEST_ITEM_TSM) && is_item(&ev, 1, ATTEST_ITEM_TPM)
       && is_item(&ev, 2, ATTEST_ITEM_ROOT)
       && is_item(&ev, 3, ATTEST_ITEM_CCEL)
       && is_item(&ev, 4, ATTEST_ITEM_EVENTLOG)
       && is_item(&ev, 5, ATTEST_ITEM_GPU) && ev.count == 6,
       "small items first");
    OK(is_root(&ev, "tee"), "rooted in the CPU");
    OK(strcmp(ev.note, "one; two") == 0 && ev.error[0] == '\0', "notes: %s",
       ev.note);

    attest_sha256(&some, 1, digest);
    attest_claims_parse(claims, claims_len, &want);
    IS_INT(attest_claims_parse(ev.claims, ev.claims_len, &got), ATTEST_OK,
           "the completed claims");
    OK(got.has_gpu && memcmp(got.gpu, digest, 32) == 0,
       "name the GPU evidence");
    got.has_gpu = 0;
    memset(got.gpu, 0, 32);
    IS_MEM(&got, &want, sizeof(got), "and are otherwise as given");

    OK(g.claims_len == claims_len && memcmp(g.claims, claims, claims_len) == 0,
       "the GPU saw the claims as given");
    OK(c.claims_len == ev.claims_len
       && memcmp(c.claims, ev.claims, ev.claims_len) == 0
       && t.claims_len == ev.claims_len
       && memcmp(t.claims, ev.claims, ev.claims_len) == 0,
       "CPU and TPM saw the completed ones");
    OK(t.cpu.n == 4 && c.cpu.n == 0, "the TPM saw the CPU's evidence");
    OK(g.timeout <= 5000 && c.timeout > 5000 && c.timeout <= 10000,
       "the GPU had half of the time: %u, %u", g.timeout, c.timeout);
    prov_evidence_clear(&ev);

    p->destroy(p);
    OK(g.destroyed == 1 && c.destroyed == 1 && t.destroyed == 1,
       "destroyed with it");
}


static void
label(const char *gpu, const char *cpu, const char *tpm, const char *want)
{
    int                 rc;
    part_t              g, c, t;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = prov_combined_provider(gpu != NULL ? gpu_part(&g, gpu) : NULL,
                               cpu != NULL ? cpu_part(&c, cpu) : NULL,
                               tpm != NULL ? tpm_part(&t, tpm) : NULL);
    rc = collect(p, 10000, &ev);
    OK(rc == ATTEST_OK && is_root(&ev, want), "%s+%s+%s: %s", gpu ? gpu : "",
       cpu ? cpu : "", tpm ? tpm : "", ev.root);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
offline_labels(void)
{
    label(NULL, "tee", NULL, "tee");
    label(NULL, "tee", "software", "tee");
    label("tee", "tee", NULL, "tee");
    label("simulated", "tee", NULL, "simulated");
    label("tee", "simulated", "host-vtpm", "simulated");
    label("tee", "tee", "simulated", "simulated");
    label("tee", NULL, "host-vtpm", "host-vtpm");
    label("tee", NULL, "software", "software");
    label("simulated", NULL, "software", "simulated");
    label(NULL, "tee-vtpm", "host-vtpm", "tee-vtpm");
    label(NULL, "tee-vtpm", "software", "simulated");
    label(NULL, NULL, "host-vtpm", NULL);
    label(NULL, NULL, "software", NULL);
    label("", NULL, "software", NULL);
    label("", "tee", NULL, "tee");
}


/* One that looks alike, by the double: nobody's word. */

static void
offline_cloud_double(void)
{
    int                   n = 0;
    X509                 *x = NULL;
    part_t                t;
    uint8_t              *der = NULL;
    EVP_PKEY             *key = EVP_EC_gen("P-256");
    gcp_double_t          d;
    prov_evidence_t       ev;
    attest_provider_t    *p;

    static const gcp_double_instance_t  where = {
        "example.com:a-project", "test-east1-a", "an-instance", 1, 2, 0
    };

    OK(gcp_double_init(&d) && (x = gcp_double_cert(&d, 0, key, &where))
       && (n = i2d_X509(x, &der)) > 0, "a certificate of the double");

    p = prov_combined_provider(NULL, NULL, tpm_part(&t, "host-vtpm"));
    memset(&ev, 0, sizeof(ev));
    prov_evidence_add(&ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT, der,
                      (size_t) n);
    IS_INT(p->collect(p, claims, claims_len, 0, 10000, &ev), ATTEST_OK,
           "one that the double gave");
    OK(is_root(&ev, "host-vtpm"), "adds nothing, either");
    prov_evidence_clear(&ev);
    p->destroy(p);

    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
    gcp_double_free(&d);
}


/* A certificate that a cloud gave the key, as far as one can tell here. */

static void
offline_cloud(void)
{
    size_t              n;
    part_t              t, c;
    uint8_t            *pem, *der = NULL;
    attest_span_t       span;
    prov_evidence_t     ev;
    attest_provider_t  *p;
    STACK_OF(X509)     *certs;

    if (!UNIT_HAVE("Google's certificate", "gcp/ak-pca-ecc.pem")) {
        return;
    }

    pem = unit_fixture("gcp/ak-pca-ecc.pem", &n);
    span.p = pem;
    span.n = n;
    certs = attest_x509_read(span);
    n = (size_t) i2d_X509(sk_X509_value(certs, 0), &der);

    p = prov_combined_provider(NULL, NULL, tpm_part(&t, "host-vtpm"));
    memset(&ev, 0, sizeof(ev));
    prov_evidence_add(&ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT, der,
                      n);
    IS_INT(p->collect(p, claims, claims_len, 0, 10000, &ev), ATTEST_OK,
           "a certificate that Google gave: %s", ev.root);
    OK(is_root(&ev, "cloud-vtpm"), "is a cloud's word");
    prov_evidence_clear(&ev);

    t.root = "software";
    memset(&ev, 0, sizeof(ev));
    prov_evidence_add(&ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT, der,
                      n);
    IS_INT(p->collect(p, claims, claims_len, 0, 10000, &ev), ATTEST_OK,
           "beside a software TPM");
    OK(is_root(&ev, "simulated"), "is simulated");
    prov_evidence_clear(&ev);

    t.root = "host-vtpm";
    der[n - 1] ^= 1;
    memset(&ev, 0, sizeof(ev));
    prov_evidence_add(&ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT, der,
                      n);
    IS_INT(p->collect(p, claims, claims_len, 0, 10000, &ev), ATTEST_OK,
           "one that does not lead to Google");
    OK(is_root(&ev, "host-vtpm"), "adds nothing");
    prov_evidence_clear(&ev);
    p->destroy(p);

    p = prov_combined_provider(NULL, cpu_part(&c, "tee"),
                               tpm_part(&t, "host-vtpm"));
    memset(&ev, 0, sizeof(ev));
    prov_evidence_add(&ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT, der,
                      n);
    IS_INT(p->collect(p, claims, claims_len, 0, 10000, &ev), ATTEST_OK,
           "with a CPU");
    OK(is_root(&ev, "tee"), "the CPU counts");
    prov_evidence_clear(&ev);
    p->destroy(p);

    OPENSSL_free(der);
    sk_X509_pop_free(certs, X509_free);
    free(pem);
}


static void
fails(attest_provider_t *p, unsigned timeout, int rc, const char *want)
{
    prov_evidence_t    ev;

    IS_INT(collect(p, timeout, &ev), rc, "fails: %s", want);
    OK(strstr(ev.error, want) != NULL && ev.count == 0 && ev.claims_len == 0,
       "%s", ev.error);
    prov_evidence_clear(&ev);
}


static void
offline_failures(void)
{
    size_t                n;
    part_t                g, c, t;
    attest_provider_t    *p;
    attest_claims_t       has;
    attest_cbor_writer_t  w;

    p = prov_combined_provider(gpu_part(&g, "tee"), NULL, NULL);
    fails(p, 1000, ATTEST_EARG, "needs a TPM");
    p->destroy(p);

    p = prov_combined_provider(gpu_part(&g, "tee"), cpu_part(&c, "tee"),
                               tpm_part(&t, "host-vtpm"));
    t.rc = ATTEST_ECRYPTO;
    fails(p, 1000, ATTEST_ECRYPTO, "tpm is broken");
    c.rc = ATTEST_ELIMIT;
    t.calls = 0;
    fails(p, 1000, ATTEST_ELIMIT, "tsm is broken");
    IS_INT(t.calls, 0, "the TPM is not asked then");
    g.rc = ATTEST_EUNSUPPORTED;
    c.calls = 0;
    fails(p, 1000, ATTEST_EUNSUPPORTED, "nvidia is broken");
    IS_INT(c.calls, 0, "nor is the CPU");

    g.rc = c.rc = t.rc = ATTEST_OK;
    g.sleep = 150;
    fails(p, 100, ATTEST_EINTERNAL, "no time is left for \"tsm\"");
    fails(p, 0, ATTEST_EINTERNAL, "no time is left for \"nvidia\"");
    g.sleep = 0;

    /* claims that cannot be completed */

    attest_claims_parse(claims, claims_len, &has);
    has.has_gpu = 1;
    n = sizeof(claims);
    attest_claims_encode(&has, claims, &n);
    claims_len = n;
    fails(p, 1000, ATTEST_EARG, "claims with GPUs");

    attest_cbor_writer_init(&w, claims, sizeof(claims));
    attest_cbor_put_map(&w, 2);
    attest_cbor_put_text(&w, "pubkey-hash");
    attest_cbor_put_bytes(&w, (const uint8_t *) "\x82\x01\x58\x20"
                          "0123456789abcdef0123456789abcdef", 36);
    attest_cbor_put_text(&w, "something-of-others");
    attest_cbor_put_bytes(&w, (const uint8_t *) "x", 1);
    attest_cbor_writer_done(&w, &claims_len);
    IS_INT(attest_claims_parse(claims, claims_len, &has), ATTEST_OK,
           "claims with an unknown member");
    fails(p, 1000, ATTEST_EARG, "claims with GPUs");

    claims[0] = 0xff;
    fails(p, 1000, ATTEST_EFORMAT, "claims with GPUs");
    claims_len = pd_claims(1, claims);
    p->destroy(p);

    p = prov_combined_provider(NULL, part(&c, "azure", ATTEST_ITEM_AZURE,
                                          ATTEST_TYPE_AZURE, "tee-vtpm"),
                               NULL);
    fails(p, 1000, ATTEST_EARG, "none is configured");
    p->destroy(p);
}


static void
offline_activate(void)
{
    part_t              c, t;
    char                error[256];
    uint8_t             proof[32];
    attest_provider_t  *p;

    p = prov_combined_provider(NULL, cpu_part(&c, "tee"), NULL);
    OK(p->activate == NULL, "no TPM, no activation");
    OK(strcmp(p->name, "tsm") == 0, "%s", p->name);
    p->destroy(p);

    p = prov_combined_provider(NULL, cpu_part(&c, "tee"),
                               tpm_part(&t, "software"));
    IS_INT(p->activate(p, (const uint8_t *) "ab", 2, NULL, 0, NULL, 0, 77,
                       proof, error), ATTEST_EMISMATCH, "passed on");
    OK(memcmp(proof, "ab", 2) == 0 && proof[31] == 1, "with its arguments");
    p->destroy(p);
}


/* ---- against doubles of the devices */

static attest_provider_t *
real(const char *tcti, const char *nvml, const char *imds, int required,
    uint32_t ak_handle, uint32_t ak_cert)
{
    char                  path[512];
    prov_tpm_conf_t       tpm;
    prov_azure_conf_t     azure = { tcti, imds, NULL };
    prov_nvidia_conf_t    nvidia = { path, required };

    snprintf(path, sizeof(path), "%s/libnvidia-ml.so.1", nvml ? nvml : "");
    memset(&tpm, 0, sizeof(tpm));
    tpm.tcti = tcti;
    tpm.bank = ATTEST_TPM_ALG_SHA256;
    tpm.select = 0xff;
    tpm.rsa = 1;
    tpm.ak_handle = ak_handle;
    tpm.ak_cert = ak_cert;

    return pd_made(prov_combined_provider(
        nvml != NULL ? pd_made(prov_nvidia_provider(&nvidia)) : NULL,
        imds != NULL ? pd_made(prov_azure_provider(&azure)) : NULL,
        pd_made(prov_tpm_provider(&tpm))));
}


/* As a verifier binds them: GPU by nonce and claims, CPU by the quote. */

static void
check_bound(const prov_evidence_t *ev, size_t gpus)
{
    int                            bad = 0;
    size_t                         i;
    uint8_t                        extra[32], digest[32], nonce[32];
    attest_gpu_t                   gpu;
    attest_span_t                  cpu, span;
    attest_claims_t                c;
    attest_tpm_item_t              item;
    attest_tpm_quote_t             quote;
    const prov_evidence_item_t    *t, *g;

    t = find_item(ev, ATTEST_ITEM_TPM);
    g = find_item(ev, ATTEST_ITEM_GPU);
    if (!OK(t != NULL && g != NULL
            && attest_tpm_item_parse(t->data, t->len, &item) == ATTEST_OK
            && attest_tpm_quote_parse(item.quote.p, item.quote.n, &quote)
               == ATTEST_OK
            && attest_claims_parse(ev->claims, ev->claims_len, &c)
               == ATTEST_OK
            && attest_gpu_parse(g->data, g->len, &gpu) == ATTEST_OK,
            "quote, GPUs and claims"))
    {
        return;
    }

    cpu = prov_evidence_cpu(ev);
    attest_claims_tpm_extra(ev->claims, ev->claims_len, cpu.p, cpu.n, extra);
    OK(quote.extra.n == 32 && memcmp(quote.extra.p, extra, 32) == 0,
       "the quote is over claims and CPU evidence");

    span.p = g->data;
    span.n = g->len;
    attest_sha256(&span, 1, digest);
    OK(c.has_gpu && memcmp(c.gpu, digest, 32) == 0,
       "the claims are over the GPU evidence");

    attest_claims_gpu_nonce(&c, nonce);
    for (i = 0; i < gpu.count; i++) {
        bad += memcmp(gpu.devices[i].report.p + 4, nonce, 32) != 0;
    }
    OK(gpu.count == gpus && bad == 0, "%zu GPUs over the claims' nonce",
       gpu.count);
    attest_gpu_free(&gpu);
}


static void
scenario_azure(const char *tcti, const char *nvml, const char *imds)
{
    int                 rc;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(nvml, "control", "gpus 2\n");
    p = real(tcti, nvml, imds, 1, 0x81000003, 0);
    OK(strcmp(p->name, "nvidia+azure+tpm") == 0, "%s", p->name);

    if (OK(collect(p, TIMEOUT, &ev) == ATTEST_OK, "collects %s", ev.error)) {
        OK(is_item(&ev, 0, ATTEST_ITEM_AZURE)
           && is_item(&ev, 1, ATTEST_ITEM_TPM)
           && is_item(&ev, 2, ATTEST_ITEM_ROOT)
           && is_item(&ev, 3, ATTEST_ITEM_GPU) && ev.count == 4, "items");
        check_bound(&ev, 2);
        OK(is_root(&ev, "simulated"), "all of it simulated");
    }
    prov_evidence_clear(&ev);
    p->destroy(p);

    /* another key of the same TPM */

    p = real(tcti, nvml, imds, 1, 0, 0);
    fails(p, TIMEOUT, ATTEST_EMISMATCH, "not the one that the paravisor's");
    p->destroy(p);

    /* a hung driver leaves time for the others, when it is not required */

    pd_text(nvml, "control", "hang nvmlDeviceGetCount_v2\n");
    p = real(tcti, nvml, imds, 0, 0x81000003, 0);
    rc = collect(p, 4000, &ev);
    OK(rc == ATTEST_OK && ev.claims_len == 0
       && find_item(&ev, ATTEST_ITEM_GPU) == NULL && is_root(&ev, "simulated")
       && strstr(ev.note, "no answer in time") != NULL, "%s %s", ev.error,
       ev.note);
    prov_evidence_clear(&ev);
    p->destroy(p);

    p = real(tcti, nvml, imds, 1, 0x81000003, 0);
    fails(p, 1000, ATTEST_EINTERNAL, "NVIDIA's driver: no answer in time");
    pd_text(nvml, "control", "gpus 1\n");
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "recovers");
    check_bound(&ev, 1);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
scenario_gpu(const char *tcti, const char *nvml)
{
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(nvml, "control", "gpus 2\n");
    p = real(tcti, nvml, NULL, 1, 0, 0);
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "GPUs and a TPM %s",
           ev.error);
    check_bound(&ev, 2);
    OK(is_root(&ev, "simulated"), "simulated");
    prov_evidence_clear(&ev);

    pd_text(nvml, "control", "gpus 1\n");
    fails(p, TIMEOUT, ATTEST_EMISMATCH, "is gone: 1 of 2");
    p->destroy(p);

    pd_text(nvml, "control", "gpus 0\n");
    p = real(tcti, nvml, NULL, 0, 0, 0);
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "no GPU, none required");
    OK(ev.count == 1 && is_item(&ev, 0, ATTEST_ITEM_TPM)
       && strcmp(ev.root, "software") == 0 && ev.claims_len == 0
       && strstr(ev.note, "no NVIDIA GPU") != NULL, "%s", ev.note);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
ak_cert(const char *tcti, uint32_t index, int rc, const char *want)
{
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = real(tcti, NULL, NULL, 0, 0x81000003, index);
    IS_INT(collect(p, TIMEOUT, &ev), rc, "certificate at %08x", index);
    OK(strstr(rc == ATTEST_OK ? ev.note : ev.error, want) != NULL, "%s%s",
       ev.error, ev.note);

    if (rc == ATTEST_OK && want[0] == '\0') {
        OK(find_item(&ev, ATTEST_ITEM_AK_CERT) != NULL
           && is_root(&ev, "simulated"), "item ak-cert, simulated");

    } else if (rc == ATTEST_OK) {
        OK(ev.count == 1 && strcmp(ev.root, "software") == 0, "a bare TPM");
    }

    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
scenario_cert(const char *tcti)
{
    ak_cert(tcti, 0x01c10000, ATTEST_OK, "");
    ak_cert(tcti, 0x01c10002, ATTEST_EMISMATCH, "is not one of the AK");
    ak_cert(tcti, 0x01c10004, ATTEST_OK, "no certificate of its AK");
    ak_cert(tcti, 0x01c10006, ATTEST_OK, "no certificate of its AK");
}


static void
scenario_many(const char *tcti, const char *nvml, const char *imds,
    const char *times)
{
    int                 i, n = atoi(times), fds, wrong = 0;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(nvml, "control", "gpus 1\n");
    fds = pd_entries("/proc/self/fd");
    p = real(tcti, nvml, imds, 1, 0x81000003, 0);

    for (i = 0; i < n; i++) {
        wrong += collect(p, TIMEOUT, &ev) != ATTEST_OK;
        prov_evidence_clear(&ev);
    }

    IS_INT(wrong, 0, "%d collections of everything", n);
    IS_INT(pd_entries("/proc/self/fd"), fds, "no descriptor is left");
    p->destroy(p);
}


int
main(int argc, char **argv)
{
    const char  *s = argc > 1 ? argv[1] : "offline";

    prov_tpm_quiet();
    claims_len = pd_claims(1, claims);

    if (strcmp(s, "offline") == 0) {
        offline_order();
        offline_labels();
        offline_cloud();
    offline_cloud_double();
        offline_failures();
        offline_activate();

    } else if (strcmp(s, "azure") == 0 && argc == 5) {
        scenario_azure(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "gpu") == 0 && argc == 4) {
        scenario_gpu(argv[2], argv[3]);

    } else if (strcmp(s, "cert") == 0 && argc == 3) {
        scenario_cert(argv[2]);

    } else if (strcmp(s, "many") == 0 && argc == 6) {
        scenario_many(argv[2], argv[3], argv[4], argv[5]);

    } else {
        printf("Bail out! unknown scenario %s\n", s);
        return 1;
    }

    DONE();
}
