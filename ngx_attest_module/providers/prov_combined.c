/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The provider of several sources in one collection: GPUs, the CPU, the TPM.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_azure.h"
#include "core/evidence/attest_hcl.h"
#include "core/base/attest_monotonic.h"
#include "providers/attest_provider.h"
#include "core/appraisal/attest_roots.h"
#include "providers/prov_tcti.h"
#include "core/evidence/attest_tpm.h"
#include "core/crypto/attest_x509.h"


#define ATTEST_COMBINED_LABEL  16          /* as prov_evidence_t.root */

typedef struct {
    attest_provider_t  *gpu;               /* any of them may be NULL */
    attest_provider_t  *cpu;
    attest_provider_t  *tpm;
    char                name[64];
} prov_combined_t;

/* One collection. */
typedef struct {
    prov_combined_t    *parts;
    const uint8_t      *claims;            /* completed, when there are GPUs */
    size_t              claims_len;
    int                 want_logs;
    int64_t             deadline;
    char                gpu[ATTEST_COMBINED_LABEL];   /* "": no such part */
    char                cpu[ATTEST_COMBINED_LABEL];
    char                tpm[ATTEST_COMBINED_LABEL];
    prov_evidence_t     gpus;
} prov_combined_call_t;


static void prov_combined_name(prov_combined_t *c);
static int prov_combined_collect(attest_provider_t *p,
    const uint8_t *claims, size_t len, int want_logs, unsigned timeout_ms,
    prov_evidence_t *ev);
static int prov_combined_all(prov_combined_call_t *call,
    prov_evidence_t *ev);
static int prov_combined_gpu(prov_combined_call_t *call,
    prov_evidence_t *gpus, prov_evidence_t *ev);
static int prov_combined_claims(prov_combined_call_t *call,
    const prov_evidence_item_t *gpus, prov_evidence_t *ev);
static int prov_combined_part(prov_combined_call_t *call,
    attest_provider_t *p, unsigned share, char *root,
    prov_evidence_t *ev);
static void prov_combined_note(prov_evidence_t *ev, const char *note);
static const prov_evidence_item_t *prov_combined_item(
    const prov_evidence_t *ev, const char *label);
static int prov_combined_azure(const prov_evidence_t *ev, char *error);
static int prov_combined_hcl_key(const prov_evidence_item_t *item,
    uint8_t spki[ATTEST_SHA256_LEN]);
static int prov_combined_ak(const prov_evidence_item_t *item,
    uint8_t spki[ATTEST_SHA256_LEN]);
static int prov_combined_root(prov_combined_call_t *call,
    prov_evidence_t *ev);
static const char *prov_combined_label(const prov_combined_call_t *call,
    const prov_evidence_t *ev);
static bool prov_combined_cloud(const prov_evidence_item_t *cert);
static void prov_combined_large_last(prov_evidence_t *ev);
static int prov_combined_activate(attest_provider_t *p,
    const uint8_t *cred, size_t cred_len, const uint8_t *enc, size_t enc_len,
    const uint8_t *msg, size_t msg_len, unsigned timeout_ms,
    uint8_t proof[ATTEST_SHA256_LEN], char error[256]);
static void prov_combined_destroy(attest_provider_t *p);


attest_provider_t *
prov_combined_provider(attest_provider_t *gpu, attest_provider_t *cpu,
    attest_provider_t *tpm)
{
    prov_combined_t    *c;
    attest_provider_t  *p;

    p = calloc(1, sizeof(attest_provider_t));
    c = calloc(1, sizeof(prov_combined_t));

    if (p == NULL || c == NULL) {
        free(p);
        free(c);
        return NULL;
    }

    c->gpu = gpu;
    c->cpu = cpu;
    c->tpm = tpm;
    prov_combined_name(c);

    p->name = c->name;
    p->data = c;
    p->collect = prov_combined_collect;
    p->activate = tpm != NULL && tpm->activate != NULL
                  ? prov_combined_activate : NULL;
    p->destroy = prov_combined_destroy;

    return p;
}


/* "nvidia+azure+tpm" */

static void
prov_combined_name(prov_combined_t *c)
{
    snprintf(c->name, sizeof(c->name), "%.15s%s%.15s%s%.15s",
             c->gpu != NULL ? c->gpu->name : "",
             c->gpu != NULL && (c->cpu != NULL || c->tpm != NULL) ? "+" : "",
             c->cpu != NULL ? c->cpu->name : "",
             c->cpu != NULL && c->tpm != NULL ? "+" : "",
             c->tpm != NULL ? c->tpm->name : "");
}


static int
prov_combined_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int                      rc;
    prov_combined_call_t    *call;

    ev->claims_len = 0;

    call = calloc(1, sizeof(prov_combined_call_t));
    if (call == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    call->parts = p->data;
    call->claims = claims;
    call->claims_len = len;
    call->want_logs = want_logs;
    call->deadline = attest_monotonic_now() + timeout_ms;

    rc = prov_combined_all(call, ev);
    free(call);

    if (rc != ATTEST_OK) {
        prov_evidence_clear(ev);
        ev->claims_len = 0;
        return rc;
    }

    prov_combined_large_last(ev);
    ev->error[0] = '\0';
    return ATTEST_OK;
}


/* Each part is bound by the next: the claims name the GPUs, and so on. */

static int
prov_combined_all(prov_combined_call_t *call, prov_evidence_t *ev)
{
    int                 rc;
    prov_combined_t    *c = call->parts;
    prov_evidence_t    *gpus = &call->gpus;

    if (c->cpu == NULL && c->tpm == NULL) {
        snprintf(ev->error, sizeof(ev->error), "evidence needs a TPM or a"
                 " CPU that signs reports");
        return ATTEST_EARG;
    }

    rc = prov_combined_gpu(call, gpus, ev);

    if (rc == ATTEST_OK) {
        rc = prov_combined_part(call, c->cpu, 1, call->cpu, ev);
    }

    if (rc == ATTEST_OK) {
        rc = prov_combined_part(call, c->tpm, 1, call->tpm, ev);
    }

    if (rc == ATTEST_OK) {
        rc = prov_combined_azure(ev, ev->error);
    }

    if (rc != ATTEST_OK) {
        prov_evidence_clear(gpus);
        return rc;
    }

    rc = prov_evidence_move(ev, gpus);

    return rc == ATTEST_OK ? prov_combined_root(call, ev) : rc;
}


/* Half of the time at most: what cannot be hurried must not starve others. */

static int
prov_combined_gpu(prov_combined_call_t *call, prov_evidence_t *gpus,
    prov_evidence_t *ev)
{
    int                            rc;
    const prov_evidence_item_t    *item;

    rc = prov_combined_part(call, call->parts->gpu, 2, call->gpu, gpus);
    prov_combined_note(ev, gpus->note);

    if (rc != ATTEST_OK) {
        memcpy(ev->error, gpus->error, sizeof(ev->error));
        return rc;
    }

    item = prov_combined_item(gpus, ATTEST_ITEM_GPU);

    return item != NULL ? prov_combined_claims(call, item, ev) : ATTEST_OK;
}


static int
prov_combined_claims(prov_combined_call_t *call,
    const prov_evidence_item_t *gpus, prov_evidence_t *ev)
{
    int              rc;
    size_t           len = sizeof(ev->claims);
    attest_span_t    part;
    attest_claims_t  c;

    rc = attest_claims_parse(call->claims, call->claims_len, &c);

    if (rc == ATTEST_OK) {
        rc = c.has_gpu ? ATTEST_EARG
                       : attest_claims_encode(&c, ev->claims, &len);
    }

    /* claims that we would lose by writing them again are not ours */

    if (rc == ATTEST_OK && (len != call->claims_len
                            || memcmp(ev->claims, call->claims, len) != 0))
    {
        rc = ATTEST_EARG;
    }

    if (rc == ATTEST_OK) {
        part = attest_span(gpus->data, gpus->len);
        c.has_gpu = 1;
        len = sizeof(ev->claims);
        rc = attest_sha256(&part, 1, c.gpu);
    }

    if (rc == ATTEST_OK) {
        rc = attest_claims_encode(&c, ev->claims, &len);
    }

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "claims with GPUs: %s",
                 attest_strerror(rc));
        return rc;
    }

    ev->claims_len = len;
    call->claims = ev->claims;
    call->claims_len = len;
    return ATTEST_OK;
}


/* It may take 1/share of the time that is left. */

static int
prov_combined_part(prov_combined_call_t *call, attest_provider_t *p,
    unsigned share, char *root, prov_evidence_t *ev)
{
    int      rc;
    char     note[sizeof(ev->note)];
    int64_t  left;

    if (p == NULL) {
        return ATTEST_OK;
    }

    left = call->deadline - attest_monotonic_now();

    if (left <= 0) {
        snprintf(ev->error, sizeof(ev->error), "no time is left for \"%s\"",
                 p->name);
        return ATTEST_EINTERNAL;
    }

    memcpy(note, ev->note, sizeof(note));
    ev->note[0] = '\0';
    ev->root[0] = '\0';

    rc = p->collect(p, call->claims, call->claims_len, call->want_logs,
                    (unsigned) left / share, ev);

    memcpy(root, ev->root, ATTEST_COMBINED_LABEL);
    prov_combined_note(ev, note);
    return rc;
}


static void
prov_combined_note(prov_evidence_t *ev, const char *note)
{
    char  both[2 * sizeof(ev->note) + 2];

    if (note[0] == '\0') {
        return;
    }

    snprintf(both, sizeof(both), "%s%s%s", note,
             ev->note[0] != '\0' ? "; " : "", ev->note);
    both[sizeof(ev->note) - 1] = '\0';
    strcpy(ev->note, both);
}


static const prov_evidence_item_t *
prov_combined_item(const prov_evidence_t *ev, const char *label)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, label) == 0) {
            return &ev->items[i];
        }
    }

    return NULL;
}


/* The paravisor must have vouched for the very key that quoted. */

static int
prov_combined_azure(const prov_evidence_t *ev, char *error)
{
    int                            rc;
    uint8_t                        hcl[ATTEST_SHA256_LEN];
    uint8_t                        ak[ATTEST_SHA256_LEN];
    const prov_evidence_item_t    *item, *tpm;

    item = prov_combined_item(ev, ATTEST_ITEM_AZURE);
    if (item == NULL) {
        return ATTEST_OK;
    }

    tpm = prov_combined_item(ev, ATTEST_ITEM_TPM);
    if (tpm == NULL) {
        snprintf(error, 256, "on Azure the claims are bound by the virtual"
                 " TPM, and none is configured");
        return ATTEST_EARG;
    }

    rc = prov_combined_hcl_key(item, hcl);

    if (rc == ATTEST_OK) {
        rc = prov_combined_ak(tpm, ak);
    }

    if (rc == ATTEST_OK && memcmp(hcl, ak, sizeof(ak)) != 0) {
        rc = ATTEST_EMISMATCH;
    }

    if (rc != ATTEST_OK) {
        snprintf(error, 256, "the TPM's attestation key is not the one that"
                 " the paravisor's report vouches for (HCLAkPub; handle"
                 " 0x81000003): %s", attest_strerror(rc));
    }

    return rc;
}


static int
prov_combined_hcl_key(const prov_evidence_item_t *item,
    uint8_t spki[ATTEST_SHA256_LEN])
{
    int             rc;
    attest_hcl_t    hcl;
    attest_azure_t  azure;

    rc = attest_azure_parse(item->data, item->len, &azure);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_hcl_parse(azure.hcl_report.p, azure.hcl_report.n, &hcl);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_x509_spki_hash(hcl.runtime.ak, spki);

    attest_hcl_free(&hcl);
    return rc;
}


static int
prov_combined_ak(const prov_evidence_item_t *item,
    uint8_t spki[ATTEST_SHA256_LEN])
{
    int                  rc;
    attest_tpm_item_t    tpm;
    attest_tpm_public_t  ak;

    rc = attest_tpm_item_parse(item->data, item->len, &tpm);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_public_parse(tpm.ak.p, tpm.ak.n, &ak);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_x509_spki_hash(ak.key, spki);

    attest_tpm_public_free(&ak);
    return rc;
}


static int
prov_combined_root(prov_combined_call_t *call, prov_evidence_t *ev)
{
    int          rc;
    const char  *label;

    label = prov_combined_label(call, ev);

    snprintf(ev->root, sizeof(ev->root), "%s", label);

    /* a TPM's own item says it already */

    if (call->cpu[0] == '\0' && call->gpu[0] == '\0'
        && prov_combined_item(ev, ATTEST_ITEM_AK_CERT) == NULL)
    {
        return ATTEST_OK;
    }

    rc = prov_evidence_add(ev, ATTEST_ITEM_ROOT, ATTEST_TYPE_ROOT,
                           (const uint8_t *) ev->root, strlen(ev->root));
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "root of trust: %s",
                 attest_strerror(rc));
    }

    return rc;
}


/*
 * The label that we claim.  A verifier decides by what is proven, and believes
 * a claim only when it is a lower label.
 */

static const char *
prov_combined_label(const prov_combined_call_t *call,
    const prov_evidence_t *ev)
{
    const prov_evidence_item_t    *cert;

    if (strcmp(call->gpu, "simulated") == 0
        || strcmp(call->cpu, "simulated") == 0
        || strcmp(call->tpm, "simulated") == 0)
    {
        return "simulated";
    }

    if (strcmp(call->cpu, "tee-vtpm") == 0) {
        return strcmp(call->tpm, "software") == 0 ? "simulated" : call->cpu;
    }

    if (call->cpu[0] != '\0') {
        return call->cpu;
    }

    cert = prov_combined_item(ev, ATTEST_ITEM_AK_CERT);

    if (cert == NULL) {
        return call->tpm;
    }

    /* a software TPM with a certificate is what tests have */

    if (strcmp(call->tpm, "software") == 0) {
        return "simulated";
    }

    return prov_combined_cloud(cert) ? "cloud-vtpm" : call->tpm;
}


/* Does it lead to Google's root, by way of what is shipped? */

static bool
prov_combined_cloud(const prov_evidence_item_t *cert)
{
    int                   good = 0;
    X509                 *leaf;
    attest_span_t         der;
    attest_roots_t        roots;
    attest_x509_chain_t   chain;

    der = attest_span(cert->data, cert->len);

    leaf = attest_x509_read_der(der);
    if (leaf == NULL) {
        return 0;
    }

    if (attest_roots_load(&roots) == ATTEST_OK) {
        memset(&chain, 0, sizeof(chain));
        chain.anchors = roots.anchors[ATTEST_MAKER_GOOGLE];
        chain.untrusted = roots.intermediates[ATTEST_MAKER_GOOGLE];
        chain.now = (int64_t) time(NULL);

        good = attest_x509_chain(leaf, &chain) == NULL;
        attest_roots_clear(&roots);
    }

    X509_free(leaf);
    return good;
}


/* Certificates have room for the small ones only; their order stays. */

static void
prov_combined_large_last(prov_evidence_t *ev)
{
    size_t                   i, pass, n = 0;
    attest_span_t            label;
    prov_evidence_item_t     sorted[ATTEST_EVIDENCE_MAX];

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < ev->count; i++) {
            label = attest_span_text(ev->items[i].item);

            if ((attest_cmw_is_large(label) != 0) == (pass == 1)) {
                sorted[n++] = ev->items[i];
            }
        }
    }

    memcpy(ev->items, sorted, n * sizeof(prov_evidence_item_t));
}


static int
prov_combined_activate(attest_provider_t *p, const uint8_t *cred,
    size_t cred_len, const uint8_t *enc, size_t enc_len, const uint8_t *msg,
    size_t msg_len, unsigned timeout_ms, uint8_t proof[ATTEST_SHA256_LEN],
    char error[256])
{
    attest_provider_t  *tpm = ((prov_combined_t *) p->data)->tpm;

    return tpm->activate(tpm, cred, cred_len, enc, enc_len, msg, msg_len,
                         timeout_ms, proof, error);
}


static void
prov_combined_destroy(attest_provider_t *p)
{
    prov_combined_t    *c = p->data;

    if (c->gpu != NULL) {
        c->gpu->destroy(c->gpu);
    }

    if (c->cpu != NULL) {
        c->cpu->destroy(c->cpu);
    }

    if (c->tpm != NULL) {
        c->tpm->destroy(c->tpm);
    }

    free(c);
    free(p);
}
