/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The provider for Azure's confidential VMs: the paravisor's report out of the
 * TPM's memory, and what the metadata service adds to it.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/prov_azure.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_snp.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_call.h"
#include "core/evidence/attest_azure.h"


#define ATTEST_AZURE_NV_REPORT   0x01400001
#define ATTEST_AZURE_NV_MAX      8192

/* What vouches for a report is asked for again after an hour. */
#define ATTEST_AZURE_PROOF_MS    3600000

/* VCEK: chip and TCB version; TDX: the whole TDREPORT */
#define ATTEST_AZURE_KEY_MAX     ATTEST_HCL_REPORT_TDX


typedef struct {
    prov_tpm_t           tpm;          /* conf.tcti is all that is used */
    char                *imds;
    char                *certs;

    uint8_t             *proof;        /* NULL: none is known */
    size_t               proof_len;
    int64_t              proof_time;
    uint8_t              key[ATTEST_AZURE_KEY_MAX];   /* what it is for */
    size_t               key_len;
} prov_azure_source_t;


static int prov_azure_strings(prov_azure_source_t *az,
    const prov_azure_conf_t *conf);
static int prov_azure_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev);
static int prov_azure_nv(prov_azure_source_t *az, int64_t deadline,
    uint8_t **data, size_t *len, char *error);
static int prov_azure_report(prov_azure_source_t *az,
    attest_span_t bytes, int64_t deadline, prov_evidence_t *ev);
static int prov_azure_proven(prov_azure_source_t *az,
    const attest_hcl_t *hcl, int64_t deadline, int *genuine, char *error);
static bool prov_azure_is_known(prov_azure_source_t *az,
    const uint8_t *key, size_t len);
static int prov_azure_key(const attest_hcl_t *hcl,
    uint8_t key[ATTEST_AZURE_KEY_MAX], size_t *len, char *error);
static int prov_azure_fetch(prov_azure_source_t *az,
    const attest_hcl_t *hcl, int64_t deadline, char *error);
static void prov_azure_forget(prov_azure_source_t *az);
static int prov_azure_item(const prov_azure_source_t *az,
    const attest_hcl_t *hcl, attest_span_t bytes, prov_evidence_t *ev);
static void prov_azure_destroy(attest_provider_t *p);


attest_provider_t *
prov_azure_provider(const prov_azure_conf_t *conf)
{
    attest_provider_t      *p;
    prov_azure_source_t    *az;

    p = calloc(1, sizeof(attest_provider_t));
    az = calloc(1, sizeof(prov_azure_source_t));

    if (p == NULL || az == NULL) {
        free(p);
        free(az);
        return NULL;
    }

    p->name = "azure";
    p->data = az;
    p->collect = prov_azure_collect;
    p->destroy = prov_azure_destroy;

    if (prov_azure_strings(az, conf) != ATTEST_OK) {
        prov_azure_destroy(p);
        return NULL;
    }

    return p;
}


static int
prov_azure_strings(prov_azure_source_t *az,
    const prov_azure_conf_t *conf)
{
    az->tpm.conf.tcti = strdup(conf->tcti);
    az->imds = strdup(conf->imds != NULL ? conf->imds : ATTEST_AZURE_IMDS);
    az->certs = conf->certs != NULL ? strdup(conf->certs) : NULL;

    return az->tpm.conf.tcti != NULL && az->imds != NULL
           && (conf->certs == NULL || az->certs != NULL)
           ? ATTEST_OK : ATTEST_EINTERNAL;
}


/*
 * The claims are not looked at: report_data is the paravisor's, and the TPM's
 * quote over this item binds them.
 */

static int
prov_azure_collect(attest_provider_t *p, const uint8_t *claims, size_t len,
    int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int                     rc;
    int64_t                 deadline;
    size_t                  n = 0;
    uint8_t                *data = NULL;
    attest_span_t           bytes;
    prov_azure_source_t    *az = p->data;

    (void) claims;
    (void) len;
    (void) want_logs;

    deadline = attest_monotonic_now() + timeout_ms;

    rc = prov_azure_nv(az, deadline, &data, &n, ev->error);

    if (rc == ATTEST_OK) {
        bytes = attest_span(data, n);
        rc = prov_azure_report(az, bytes, deadline, ev);
    }

    free(data);

    if (rc != ATTEST_OK) {
        prov_evidence_clear(ev);
    }

    return rc;
}


static int
prov_azure_nv(prov_azure_source_t *az, int64_t deadline, uint8_t **data,
    size_t *len, char *error)
{
    int                 rc;
    prov_tpm_call_t    *c;

    c = calloc(1, sizeof(prov_tpm_call_t));
    if (c == NULL) {
        snprintf(error, ATTEST_AZURE_ERROR, "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = prov_tpm_open(c, &az->tpm, deadline, error);

    if (rc == ATTEST_OK) {
        rc = prov_tpm_nv_read(c, ATTEST_AZURE_NV_REPORT,
                              ATTEST_AZURE_NV_MAX, data, len);
    }

    prov_tpm_close(c);
    free(c);

    if (rc == ATTEST_OK && *len == 0) {
        snprintf(error, ATTEST_AZURE_ERROR, "the TPM has no report of a"
                 " paravisor (NV index 0x%08x): not a confidential VM of"
                 " Azure?", ATTEST_AZURE_NV_REPORT);
        return ATTEST_EUNSUPPORTED;
    }

    return rc;
}


static int
prov_azure_report(prov_azure_source_t *az, attest_span_t bytes,
    int64_t deadline, prov_evidence_t *ev)
{
    int           rc, genuine = 0;
    attest_hcl_t  hcl;

    rc = attest_hcl_parse(bytes.p, bytes.n, &hcl);

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "the paravisor's report: %s",
                 attest_strerror(rc));
        return rc;
    }

    rc = attest_hcl_check(&hcl);

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "the paravisor's report: the"
                 " hardware report is not over its keys");

    } else {
        rc = prov_azure_proven(az, &hcl, deadline, &genuine, ev->error);
    }

    if (rc == ATTEST_OK) {
        rc = prov_azure_item(az, &hcl, bytes, ev);
    }

    if (rc == ATTEST_OK) {
        strcpy(ev->root, genuine ? "tee-vtpm" : "simulated");
    }

    attest_hcl_free(&hcl);
    return rc;
}


/* From memory, or asked for; what is in memory may have gone stale. */

static int
prov_azure_proven(prov_azure_source_t *az, const attest_hcl_t *hcl,
    int64_t deadline, int *genuine, char *error)
{
    int            rc;
    size_t         len;
    uint8_t        key[ATTEST_AZURE_KEY_MAX];
    attest_span_t  proof;

    rc = prov_azure_key(hcl, key, &len, error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (prov_azure_is_known(az, key, len)) {
        proof = attest_span(az->proof, az->proof_len);

        if (prov_azure_check(hcl, proof, genuine, error) == ATTEST_OK) {
            return ATTEST_OK;
        }
    }

    prov_azure_forget(az);

    rc = prov_azure_fetch(az, hcl, deadline, error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    proof = attest_span(az->proof, az->proof_len);

    rc = prov_azure_check(hcl, proof, genuine, error);
    if (rc != ATTEST_OK) {
        prov_azure_forget(az);
        return rc;
    }

    memcpy(az->key, key, len);
    az->key_len = len;
    az->proof_time = attest_monotonic_now();
    return ATTEST_OK;
}


static bool
prov_azure_is_known(prov_azure_source_t *az, const uint8_t *key, size_t len)
{
    return az->proof != NULL && az->key_len == len
           && memcmp(az->key, key, len) == 0
           && attest_monotonic_now() - az->proof_time < ATTEST_AZURE_PROOF_MS;
}


static int
prov_azure_key(const attest_hcl_t *hcl, uint8_t key[ATTEST_AZURE_KEY_MAX],
    size_t *len, char *error)
{
    int                   rc;
    attest_snp_report_t   report;

    if (hcl->type == ATTEST_HCL_TDX) {
        memcpy(key, hcl->report.p, hcl->report.n);
        *len = hcl->report.n;
        return ATTEST_OK;
    }

    rc = attest_snp_report_parse(hcl->report.p, hcl->report.n, &report);
    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_AZURE_ERROR, "the SEV-SNP report: %s",
                 attest_strerror(rc));
        return rc;
    }

    memcpy(key, report.chip_id.p, report.chip_id.n);
    memcpy(key + report.chip_id.n, report.reported_tcb.p,
           report.reported_tcb.n);
    *len = report.chip_id.n + report.reported_tcb.n;
    return ATTEST_OK;
}


static int
prov_azure_fetch(prov_azure_source_t *az, const attest_hcl_t *hcl,
    int64_t deadline, char *error)
{
    if (hcl->type == ATTEST_HCL_TDX) {
        return prov_azure_tdquote(az->imds, hcl->report, deadline,
                                  &az->proof, &az->proof_len, error);
    }

    if (az->certs != NULL) {
        return prov_azure_file(az->certs, &az->proof, &az->proof_len,
                               error);
    }

    return prov_azure_vcek(az->imds, deadline, &az->proof, &az->proof_len,
                           error);
}


static void
prov_azure_forget(prov_azure_source_t *az)
{
    free(az->proof);
    az->proof = NULL;
    az->proof_len = 0;
    az->key_len = 0;
}


static int
prov_azure_item(const prov_azure_source_t *az, const attest_hcl_t *hcl,
    attest_span_t bytes, prov_evidence_t *ev)
{
    int              rc;
    size_t           len = ATTEST_MAX_ITEM;
    uint8_t         *buf;
    attest_azure_t   item;
    attest_span_t   *proof;

    buf = malloc(len);
    if (buf == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    memset(&item, 0, sizeof(item));
    item.hcl_report = bytes;

    proof = hcl->type == ATTEST_HCL_TDX ? &item.td_quote : &item.vcek_chain;
    *proof = attest_span(az->proof, az->proof_len);

    rc = attest_azure_encode(&item, buf, &len);

    if (rc == ATTEST_OK) {
        rc = prov_evidence_add(ev, ATTEST_ITEM_AZURE, ATTEST_TYPE_AZURE,
                               buf, len);
    }

    free(buf);

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "Azure evidence: %s",
                 attest_strerror(rc));
    }

    return rc;
}


static void
prov_azure_destroy(attest_provider_t *p)
{
    prov_azure_source_t    *az = p->data;

    prov_azure_forget(az);
    free((char *) az->tpm.conf.tcti);
    free(az->imds);
    free(az->certs);
    free(az);
    free(p);
}
