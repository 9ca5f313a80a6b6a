/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The provider for NVIDIA GPUs in confidential mode.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_nvidia.h"
#include "core/crypto/attest_x509.h"


typedef struct {
    char                   *library;
    int                     required;
    prov_bounded_t         *late;         /* one that the driver holds */
    size_t                  count;        /* the GPUs of last time */
    char                    uuid[ATTEST_NVIDIA_MAX][ATTEST_NVML_UUID_LEN];
} prov_nvidia_t;


static int prov_nvidia_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev);
static int prov_nvidia_nonce(const uint8_t *claims, size_t len,
    uint8_t nonce[ATTEST_SPDM_NONCE], char *error);
static int prov_nvidia_answered(prov_nvidia_t *nv,
    const prov_nvidia_answer_t *a, const uint8_t nonce[ATTEST_SPDM_NONCE],
    prov_evidence_t *ev);
static int prov_nvidia_missing(const prov_nvidia_t *nv,
    const prov_nvidia_answer_t *a, char *text);
static void prov_nvidia_remember(prov_nvidia_t *nv,
    const prov_nvidia_answer_t *a);
static int prov_nvidia_evidence(const prov_nvidia_answer_t *a,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_evidence_t *ev);
static int prov_nvidia_device(const prov_nvidia_gpu_t *gpu,
    attest_gpu_device_t *d, const uint8_t nonce[ATTEST_SPDM_NONCE],
    char *error);
static const char *prov_nvidia_arch(unsigned arch);
static int prov_nvidia_signed(const attest_gpu_device_t *d, X509 *leaf,
    char *error);
static int prov_nvidia_item(const attest_gpu_device_t *devices,
    size_t count, prov_evidence_t *ev);
static void prov_nvidia_destroy(attest_provider_t *p);


attest_provider_t *
prov_nvidia_provider(const prov_nvidia_conf_t *conf)
{
    prov_nvidia_t      *nv;
    attest_provider_t  *p;

    p = calloc(1, sizeof(attest_provider_t));
    nv = calloc(1, sizeof(prov_nvidia_t));

    if (p == NULL || nv == NULL) {
        free(p);
        free(nv);
        return NULL;
    }

    p->name = "nvidia";
    p->data = nv;
    p->collect = prov_nvidia_collect;
    p->destroy = prov_nvidia_destroy;

    nv->required = conf->required;
    nv->library = strdup(conf->library != NULL ? conf->library
                                               : ATTEST_NVML_LIBRARY);
    if (nv->library == NULL) {
        prov_nvidia_destroy(p);
        return NULL;
    }

    return p;
}


static int
prov_nvidia_collect(attest_provider_t *p, const uint8_t *claims, size_t len,
    int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int                      rc;
    uint8_t                  nonce[ATTEST_SPDM_NONCE];
    prov_nvidia_t           *nv = p->data;
    prov_nvidia_answer_t    *answer;

    (void) want_logs;

    rc = prov_nvidia_nonce(claims, len, nonce, ev->error);
    if (rc != ATTEST_OK) {
        prov_evidence_clear(ev);
        return rc;
    }

    rc = prov_nvidia_ask(&nv->late, nv->library, nonce,
                         attest_monotonic_now() + timeout_ms, &answer,
                         ev->error);
    if (rc == ATTEST_OK) {
        rc = prov_nvidia_answered(nv, answer, nonce, ev);
        free(answer);
    }

    if (rc == ATTEST_OK) {
        return ATTEST_OK;
    }

    if (nv->required) {
        prov_evidence_clear(ev);
        return rc;
    }

    /* evidence without GPUs says so: nobody takes it for more */

    snprintf(ev->note, sizeof(ev->note), "no GPU evidence: %.230s",
             ev->error);
    ev->error[0] = '\0';
    return ATTEST_OK;
}


static int
prov_nvidia_nonce(const uint8_t *claims, size_t len,
    uint8_t nonce[ATTEST_SPDM_NONCE], char *error)
{
    int              rc;
    attest_claims_t  c;

    rc = attest_claims_parse(claims, len, &c);

    if (rc == ATTEST_OK) {
        rc = attest_claims_gpu_nonce(&c, nonce);
    }

    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "claims: %s",
                 attest_strerror(rc));
    }

    return rc;
}


static int
prov_nvidia_answered(prov_nvidia_t *nv, const prov_nvidia_answer_t *a,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_evidence_t *ev)
{
    int   rc;
    char  gone[ATTEST_NVIDIA_ERROR];

    if (a->rc != ATTEST_OK) {
        memcpy(ev->error, a->error, sizeof(ev->error));
        return a->rc;
    }

    rc = prov_nvidia_missing(nv, a, gone);

    if (a->count == 0) {
        snprintf(ev->error, sizeof(ev->error), "%.128s",
                 rc == ATTEST_OK ? "the machine has no NVIDIA GPU" : gone);
        return ATTEST_EUNSUPPORTED;
    }

    if (rc != ATTEST_OK && nv->required) {
        memcpy(ev->error, gone, sizeof(ev->error));
        return rc;
    }

    if (rc != ATTEST_OK) {
        memcpy(ev->note, gone, sizeof(ev->note));
        ev->lost = 1;

    } else if (a->waiting) {
        snprintf(ev->note, sizeof(ev->note), "the GPUs do not take work:"
                 " their ready state is not set");
    }

    rc = prov_nvidia_evidence(a, nonce, ev);

    if (rc == ATTEST_OK) {
        prov_nvidia_remember(nv, a);
    }

    return rc;
}


/*
 * A GPU that is not there any more.  A required set may grow, and shrinks
 * only when the configuration is read again.
 */

static int
prov_nvidia_missing(const prov_nvidia_t *nv,
    const prov_nvidia_answer_t *a, char *text)
{
    size_t  i, k;

    for (i = 0; i < nv->count; i++) {

        for (k = 0; k < a->count; k++) {
            if (strcmp(nv->uuid[i], a->gpus[k].uuid) == 0) {
                break;
            }
        }

        if (k == a->count) {
            snprintf(text, ATTEST_NVIDIA_ERROR, "GPU %.95s is gone: %zu of"
                     " %zu are there", nv->uuid[i], a->count, nv->count);
            return ATTEST_EMISMATCH;
        }
    }

    return ATTEST_OK;
}


static void
prov_nvidia_remember(prov_nvidia_t *nv, const prov_nvidia_answer_t *a)
{
    size_t  i;

    for (i = 0; i < a->count; i++) {
        memcpy(nv->uuid[i], a->gpus[i].uuid, ATTEST_NVML_UUID_LEN);
    }

    nv->count = a->count;
}


/* Every GPU or none: what is missing could be the one that computes. */

static int
prov_nvidia_evidence(const prov_nvidia_answer_t *a,
    const uint8_t nonce[ATTEST_SPDM_NONCE], prov_evidence_t *ev)
{
    int                   rc;
    size_t                i;
    const char           *root = "tee";
    attest_roots_t        roots;
    attest_gpu_device_t   devices[ATTEST_NVIDIA_MAX];

    rc = attest_roots_load(&roots);
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return rc;
    }

    for (i = 0; i < a->count && rc == ATTEST_OK; i++) {
        rc = prov_nvidia_device(&a->gpus[i], &devices[i], nonce, ev->error);

        if (rc == ATTEST_OK) {
            rc = prov_nvidia_check(&devices[i], &roots, &root, ev->error);
        }
    }

    attest_roots_clear(&roots);

    if (rc == ATTEST_OK) {
        rc = prov_nvidia_item(devices, a->count, ev);
    }

    if (rc == ATTEST_OK) {
        strcpy(ev->root, root);
    }

    return rc;
}


static int
prov_nvidia_device(const prov_nvidia_gpu_t *gpu, attest_gpu_device_t *d,
    const uint8_t nonce[ATTEST_SPDM_NONCE], char *error)
{
    const char  *arch;

    arch = prov_nvidia_arch(gpu->arch);
    if (arch == NULL) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "GPU %.95s is of an architecture"
                 " (%u) without attestation", gpu->uuid, gpu->arch);
        return ATTEST_EUNSUPPORTED;
    }

    memset(d, 0, sizeof(*d));
    d->arch = attest_span_text(arch);
    d->chain = attest_span(gpu->cert.attest_chain, gpu->cert.attest_chain_len);
    d->report = attest_span(gpu->report.report, gpu->report.report_len);
    memcpy(d->nonce, nonce, sizeof(d->nonce));

    while (d->chain.n != 0 && d->chain.p[d->chain.n - 1] == '\0') {
        d->chain.n--;
    }

    return ATTEST_OK;
}


/* The names that NVIDIA's SDK gives them. */

static const char *
prov_nvidia_arch(unsigned arch)
{
    switch (arch) {

    case ATTEST_NVML_ARCH_HOPPER:
        return "HOPPER";

    case ATTEST_NVML_ARCH_BLACKWELL:
        return "BLACKWELL";

    default:
        return NULL;
    }
}


int
prov_nvidia_check(const attest_gpu_device_t *d, const attest_roots_t *roots,
    const char **root, char error[ATTEST_NVIDIA_ERROR])
{
    int                   rc;
    X509                 *leaf;
    STACK_OF(X509)       *certs;
    attest_x509_chain_t   chain;

    certs = attest_x509_read(d->chain);
    if (certs == NULL) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "a GPU's certificates are"
                 " malformed");
        return ATTEST_EFORMAT;
    }

    leaf = sk_X509_value(certs, 0);
    rc = prov_nvidia_signed(d, leaf, error);

    memset(&chain, 0, sizeof(chain));
    chain.anchors = roots->anchors[ATTEST_MAKER_NVIDIA];
    chain.untrusted = certs;
    chain.now = (int64_t) time(NULL);

    if (rc == ATTEST_OK && attest_x509_chain(leaf, &chain) != NULL) {
        *root = "simulated";
    }

    sk_X509_pop_free(certs, X509_free);
    return rc;
}


static int
prov_nvidia_signed(const attest_gpu_device_t *d, X509 *leaf, char *error)
{
    int            rc;
    const char    *what = "is malformed";
    attest_spdm_t  spdm;

    rc = attest_spdm_parse(d->report.p, d->report.n, &spdm);

    if (rc == ATTEST_EUNSUPPORTED) {
        what = "is of a version that we do not know";
    }

    if (rc == ATTEST_OK && (spdm.nonce.n != sizeof(d->nonce)
                            || memcmp(spdm.nonce.p, d->nonce,
                                      sizeof(d->nonce)) != 0))
    {
        what = "is not over our nonce";
        rc = ATTEST_EMISMATCH;
    }

    if (rc == ATTEST_OK) {
        what = "is not signed by the key of its certificate";
        rc = attest_spdm_signature(&spdm, X509_get0_pubkey(leaf));
    }

    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_NVIDIA_ERROR, "a GPU's report %s", what);
    }

    return rc;
}


static int
prov_nvidia_item(const attest_gpu_device_t *devices, size_t count,
    prov_evidence_t *ev)
{
    int      rc;
    char    *json;
    size_t   len = 0;

    rc = attest_gpu_encode(devices, count, NULL, &len);

    if (rc != ATTEST_ENOSPACE) {
        snprintf(ev->error, sizeof(ev->error), "GPU evidence: %s",
                 attest_strerror(rc));
        return rc != ATTEST_OK ? rc : ATTEST_EINTERNAL;
    }

    json = malloc(len);
    if (json == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = attest_gpu_encode(devices, count, json, &len);

    if (rc == ATTEST_OK) {
        rc = prov_evidence_add(ev, ATTEST_ITEM_GPU, ATTEST_TYPE_GPU,
                               (const uint8_t *) json, len);
    }

    free(json);

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "GPU evidence: %s",
                 attest_strerror(rc));
    }

    return rc;
}


static void
prov_nvidia_destroy(attest_provider_t *p)
{
    prov_nvidia_t    *nv = p->data;

    prov_bounded_abandon(&nv->late);
    free(nv->library);
    free(nv);
    free(p);
}
