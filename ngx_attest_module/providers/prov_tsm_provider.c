/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The provider for SEV-SNP and TDX guests by Linux' configfs-tsm.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_esys.h"
#include "providers/prov_tsm_internal.h"


static int prov_tsm_provider_strings(prov_tsm_provider_t *tsm,
    const prov_tsm_conf_t *conf);
static int prov_tsm_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev);
static int prov_tsm_report(prov_tsm_provider_t *tsm,
    const uint8_t inblob[ATTEST_TSM_INBLOB], int64_t deadline,
    prov_evidence_t *ev);
static int prov_tsm_stopped(prov_tsm_provider_t *tsm, char *error);
static void prov_tsm_count(prov_tsm_provider_t *tsm,
    const prov_tsm_call_t *call, char *error);
static int prov_tsm_evidence(prov_tsm_provider_t *tsm,
    const prov_tsm_call_t *call, prov_evidence_t *ev);
static int prov_tsm_item(const attest_tsm_t *tsm, prov_evidence_t *ev);
static void prov_tsm_destroy(attest_provider_t *p);


attest_provider_t *
prov_tsm_provider(const prov_tsm_conf_t *conf)
{
    attest_provider_t      *p;
    prov_tsm_provider_t    *tsm;

    p = calloc(1, sizeof(attest_provider_t));
    if (p == NULL) {
        return NULL;
    }

    tsm = calloc(1, sizeof(prov_tsm_provider_t));
    if (tsm == NULL) {
        free(p);
        return NULL;
    }

    p->name = "tsm";
    p->data = tsm;
    p->collect = prov_tsm_collect;
    p->destroy = prov_tsm_destroy;

    tsm->ccel_fd = -1;

    if (prov_tsm_provider_strings(tsm, conf) != ATTEST_OK) {
        prov_tsm_destroy(p);
        return NULL;
    }

    tsm->ccel_fd = prov_tpm_log_open(tsm->ccel);

    return p;
}


static int
prov_tsm_provider_strings(prov_tsm_provider_t *tsm,
    const prov_tsm_conf_t *conf)
{
    tsm->dir = prov_tsm_dir_create(conf);
    tsm->ccel = conf->ccel != NULL ? strdup(conf->ccel) : NULL;
    tsm->certs = conf->certs != NULL ? strdup(conf->certs) : NULL;

    return (tsm->dir == NULL || (conf->ccel != NULL && tsm->ccel == NULL)
            || (conf->certs != NULL && tsm->certs == NULL))
           ? ATTEST_EINTERNAL : ATTEST_OK;
}


static int
prov_tsm_collect(attest_provider_t *p, const uint8_t *claims, size_t len,
    int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int                     rc;
    int64_t                 deadline;
    uint8_t                 inblob[ATTEST_TSM_INBLOB];
    prov_evidence_t         logs;
    prov_tsm_provider_t    *tsm = p->data;

    memset(&logs, 0, sizeof(logs));
    deadline = attest_monotonic_now() + timeout_ms;

    rc = attest_claims_report_data(claims, len, inblob);
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "claims: %s",
                 attest_strerror(rc));

    } else if (want_logs) {

        /* before the report: what is logged later, it need not cover */

        rc = prov_tpm_log_read(tsm->ccel, tsm->ccel_fd, ATTEST_ITEM_CCEL,
                               ATTEST_TYPE_CCEL, &logs);
        memcpy(ev->error, logs.error, sizeof(ev->error));
    }

    if (rc == ATTEST_OK) {
        rc = prov_tsm_report(tsm, inblob, deadline, ev);
    }

    if (rc != ATTEST_OK) {
        prov_evidence_clear(&logs);
        prov_evidence_clear(ev);
        return rc;
    }

    return prov_evidence_move(ev, &logs);
}


static int
prov_tsm_report(prov_tsm_provider_t *tsm,
    const uint8_t inblob[ATTEST_TSM_INBLOB], int64_t deadline,
    prov_evidence_t *ev)
{
    int                 rc, err = ENOMEM;
    prov_tsm_call_t    *call;

    rc = prov_tsm_stopped(tsm, ev->error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    call = prov_tsm_call_create(tsm->dir, inblob, deadline);

    if (call != NULL) {
        err = prov_bounded_call(&tsm->late, &call->bounded, deadline);
    }

    if (err != 0) {
        snprintf(ev->error, sizeof(ev->error), "request to configfs-tsm: %s",
                 prov_bounded_error(err));
        return ATTEST_EINTERNAL;
    }

    rc = call->rc;
    prov_tsm_count(tsm, call, ev->error);

    if (rc == ATTEST_OK) {
        rc = prov_tsm_call_check(call, ev->error);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tsm_evidence(tsm, call, ev);
    }

    prov_bounded_free(&call->bounded);
    return rc;
}


static int
prov_tsm_stopped(prov_tsm_provider_t *tsm, char *error)
{
    int64_t  left;

    left = tsm->stopped - attest_monotonic_now();

    if (tsm->stopped == 0 || left <= 0) {
        return ATTEST_OK;
    }

    snprintf(error, ATTEST_TSM_ERROR_LEN, "stopped for another %ld s after"
             " %u failures, the guest probably needs a reboot: %s",
             (long) (left / 1000 + 1), tsm->broken, tsm->why);

    return ATTEST_EINTERNAL;
}


static void
prov_tsm_count(prov_tsm_provider_t *tsm, const prov_tsm_call_t *call,
    char *error)
{
    memcpy(error, call->error, ATTEST_TSM_ERROR_LEN);

    if (!prov_tsm_permanent(call->err)) {
        tsm->broken = 0;
        tsm->stop = 0;
        tsm->stopped = 0;
        return;
    }

    if (++tsm->broken < ATTEST_TSM_BURST) {
        return;
    }

    tsm->stop = (tsm->stop == 0) ? ATTEST_TSM_STOP_MIN : tsm->stop * 2;

    if (tsm->stop > ATTEST_TSM_STOP_MAX) {
        tsm->stop = ATTEST_TSM_STOP_MAX;
    }

    tsm->stopped = attest_monotonic_now() + tsm->stop;
    snprintf(tsm->why, sizeof(tsm->why), "%.127s", call->error);
}


static int
prov_tsm_evidence(prov_tsm_provider_t *tsm,
    const prov_tsm_call_t *call, prov_evidence_t *ev)
{
    int            rc = ATTEST_OK;
    size_t         len = 0;
    uint8_t       *table = NULL;
    attest_tsm_t   report;

    memset(&report, 0, sizeof(report));

    report.provider = attest_span_text(call->provider);
    report.outblob = attest_span(call->outblob.p, call->outblob.n);
    report.auxblob = attest_span(call->auxblob.p, call->auxblob.n);

    if (call->dir->svsm) {
        report.manifestblob = attest_span(call->manifest.p, call->manifest.n);
        report.service_provider = attest_span("svsm", 4);
    }

    if (tsm->certs != NULL && report.auxblob.n == 0
        && strcmp(call->provider, "sev_guest") == 0)
    {
        rc = prov_tsm_certs(tsm->certs, &table, &len, ev->error);
        report.auxblob = attest_span(table, len);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tsm_item(&report, ev);
    }

    if (rc == ATTEST_OK) {
        snprintf(ev->root, sizeof(ev->root), "%s",
                 prov_tsm_label(call->dir, &report, ev->note));
    }

    free(table);
    return rc;
}


static int
prov_tsm_item(const attest_tsm_t *tsm, prov_evidence_t *ev)
{
    int       rc;
    size_t    len;
    uint8_t  *buf;

    len = ATTEST_MAX_ITEM;

    buf = malloc(len);
    if (buf == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = attest_tsm_encode(tsm, buf, &len);

    if (rc == ATTEST_ENOSPACE) {
        snprintf(ev->error, sizeof(ev->error), "the report and what belongs"
                 " to it have %zu bytes, more than the %d that evidence may"
                 " have", len, ATTEST_MAX_ITEM);
        rc = ATTEST_ELIMIT;

    } else if (rc == ATTEST_OK) {
        rc = prov_evidence_add(ev, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM, buf,
                               len);

    } else {
        snprintf(ev->error, sizeof(ev->error), "report: %s",
                 attest_strerror(rc));
    }

    free(buf);
    return rc;
}


static void
prov_tsm_destroy(attest_provider_t *p)
{
    prov_tsm_provider_t    *tsm = p->data;

    prov_bounded_abandon(&tsm->late);

    if (tsm->ccel_fd != -1) {
        (void) close(tsm->ccel_fd);
    }

    if (tsm->dir != NULL) {
        prov_tsm_dir_release(tsm->dir);
    }

    free(tsm->ccel);
    free(tsm->certs);
    free(tsm);
    free(p);
}
