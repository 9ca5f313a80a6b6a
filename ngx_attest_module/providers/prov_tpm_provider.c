/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TPM 2.0 provider.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_call.h"


static int prov_tpm_strings(prov_tpm_t *tpm,
    const prov_tpm_conf_t *conf);
static int prov_tpm_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev);
static int prov_tpm_conf_check(const prov_tpm_conf_t *conf, char *error);
static int prov_tpm_evidence(prov_tpm_t *tpm,
    const uint8_t extra[ATTEST_SHA256_LEN],
    unsigned timeout_ms, prov_evidence_t *ev);
static int prov_tpm_quoted(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN], prov_evidence_t *ev);
static int prov_tpm_item(prov_tpm_call_t *c, prov_tpm_quoted_t *q,
    const char *maker, prov_evidence_t *ev);
static int prov_tpm_item_add(prov_tpm_call_t *c,
    const attest_tpm_item_t *item, prov_evidence_t *ev);
static int prov_tpm_ak_cert(prov_tpm_call_t *c, prov_evidence_t *ev);
static int prov_tpm_ak_certified(prov_tpm_call_t *c, const uint8_t *der,
    size_t len);
static int prov_tpm_logs(prov_tpm_t *tpm, prov_evidence_t *ev);
static int prov_tpm_prove(attest_provider_t *p, const uint8_t *cred,
    size_t cred_len, const uint8_t *enc, size_t enc_len,
    const uint8_t *msg, size_t msg_len, unsigned timeout_ms,
    uint8_t proof[ATTEST_SHA256_LEN], char error[256]);
static void prov_tpm_destroy(attest_provider_t *p);


attest_provider_t *
prov_tpm_provider(const prov_tpm_conf_t *conf)
{
    prov_tpm_t         *tpm;
    attest_provider_t  *p;

    p = calloc(1, sizeof(attest_provider_t));
    if (p == NULL) {
        return NULL;
    }

    tpm = calloc(1, sizeof(prov_tpm_t));
    if (tpm == NULL) {
        free(p);
        return NULL;
    }

    p->name = "tpm";
    p->data = tpm;
    p->collect = prov_tpm_collect;
    p->activate = prov_tpm_prove;
    p->destroy = prov_tpm_destroy;

    tpm->eventlog_fd = -1;
    tpm->imalog_fd = -1;

    if (prov_tpm_strings(tpm, conf) != ATTEST_OK) {
        prov_tpm_destroy(p);
        return NULL;
    }

    tpm->eventlog_fd = prov_tpm_log_open(tpm->conf.eventlog);
    tpm->imalog_fd = prov_tpm_log_open(tpm->conf.imalog);

    return p;
}


static int
prov_tpm_strings(prov_tpm_t *tpm, const prov_tpm_conf_t *conf)
{
    tpm->conf = *conf;

    tpm->conf.tcti = strdup(conf->tcti);
    tpm->conf.eventlog = conf->eventlog ? strdup(conf->eventlog) : NULL;
    tpm->conf.imalog = conf->imalog ? strdup(conf->imalog) : NULL;

    if (tpm->conf.tcti == NULL
        || (conf->eventlog != NULL && tpm->conf.eventlog == NULL)
        || (conf->imalog != NULL && tpm->conf.imalog == NULL))
    {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


static int
prov_tpm_collect(attest_provider_t *p, const uint8_t *claims, size_t len,
    int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int                rc;
    uint8_t            extra[ATTEST_SHA256_LEN];
    prov_tpm_t        *tpm = p->data;
    attest_span_t      cpu;
    prov_evidence_t   *logs;

    cpu = prov_evidence_cpu(ev);

    rc = prov_tpm_conf_check(&tpm->conf, ev->error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_claims_tpm_extra(claims, len, cpu.p, cpu.n, extra);
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "claims: %s",
                 attest_strerror(rc));
        return rc;
    }

    logs = calloc(1, sizeof(prov_evidence_t));
    if (logs == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    /* before the quote: what is logged later, the quote need not cover */

    if (want_logs) {
        rc = prov_tpm_logs(tpm, logs);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_evidence(tpm, extra, timeout_ms, ev);

    } else {
        memcpy(ev->error, logs->error, sizeof(ev->error));
    }

    if (rc == ATTEST_OK) {
        rc = prov_evidence_move(ev, logs);

    } else {
        prov_evidence_clear(logs);
        prov_evidence_clear(ev);
    }

    free(logs);
    return rc;
}


static int
prov_tpm_conf_check(const prov_tpm_conf_t *conf, char *error)
{
    /* SHA-1 is no evidence; PCRs beyond 23 are not PC Client's */

    if (attest_tpm_alg_len(conf->bank) < ATTEST_SHA256_LEN) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "PCR bank 0x%04x is not"
                 " supported", conf->bank);
        return ATTEST_EARG;
    }

    if (conf->select == 0 || conf->select >> ATTEST_TPM_PCRS != 0) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "bad PCR selection 0x%x",
                 conf->select);
        return ATTEST_EARG;
    }

    return ATTEST_OK;
}


static int
prov_tpm_evidence(prov_tpm_t *tpm, const uint8_t extra[ATTEST_SHA256_LEN],
    unsigned timeout_ms, prov_evidence_t *ev)
{
    int                 rc;
    prov_tpm_call_t    *c;

    c = calloc(1, sizeof(prov_tpm_call_t));
    if (c == NULL) {
        snprintf(ev->error, sizeof(ev->error), "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = prov_tpm_open(c, tpm, attest_monotonic_now() + timeout_ms,
                       ev->error);

    if (rc == ATTEST_OK) {
        rc = prov_tpm_ak(c);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_ek_info(c);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_quoted(c, extra, ev);
    }

    if (rc == ATTEST_OK && tpm->conf.ak_cert != 0) {
        rc = prov_tpm_ak_cert(c, ev);
    }

    prov_tpm_close(c);
    free(c);
    return rc;
}


static int
prov_tpm_quoted(prov_tpm_call_t *c, const uint8_t extra[ATTEST_SHA256_LEN],
    prov_evidence_t *ev)
{
    int                   rc;
    char                  maker[32];
    prov_tpm_quoted_t    *q;

    q = calloc(1, sizeof(prov_tpm_quoted_t));
    if (q == NULL) {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "no memory");
    }

    rc = prov_tpm_quote(c, extra, q);

    if (rc == ATTEST_OK) {
        rc = prov_tpm_root(c, q, ev->root, maker);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_item(c, q, maker, ev);
    }

    free(q);
    return rc;
}


static int
prov_tpm_item(prov_tpm_call_t *c, prov_tpm_quoted_t *q,
    const char *maker, prov_evidence_t *ev)
{
    size_t              ak_len, ek_len;
    uint8_t             ak[sizeof(TPMT_PUBLIC)], ek[sizeof(TPMT_PUBLIC)];
    prov_tpm_t         *tpm = c->tpm;
    attest_tpm_item_t  *item = &q->item;

    ak_len = 0;
    ek_len = 0;

    if (Tss2_MU_TPMT_PUBLIC_Marshal(&tpm->ak.pub.publicArea, ak, sizeof(ak),
                                    &ak_len) != TSS2_RC_SUCCESS
        || (tpm->ek.pub.size != 0
            && Tss2_MU_TPMT_PUBLIC_Marshal(&tpm->ek.pub.publicArea, ek,
                                           sizeof(ek), &ek_len)
               != TSS2_RC_SUCCESS))
    {
        return prov_tpm_error(c, ATTEST_EFORMAT, "bad public area of AK"
                              " or EK");
    }

    item->root = attest_span_text(ev->root);
    item->quote = attest_span(q->quoted.attestationData, q->quoted.size);
    item->signature = attest_span(q->signature, q->signature_len);
    item->ak = attest_span(ak, ak_len);
    item->ek = attest_span(ek, ek_len);
    item->ek_cert = attest_span(tpm->ek_cert, tpm->ek_cert_len);
    item->maker = attest_span_text(maker);
    item->pcrs = q->pcrs;

    prov_evidence_note(ev, tpm->ek_note);

    return prov_tpm_item_add(c, item, ev);
}


static int
prov_tpm_item_add(prov_tpm_call_t *c, const attest_tpm_item_t *item,
    prov_evidence_t *ev)
{
    int       rc;
    size_t    len;
    uint8_t  *buf;

    len = ATTEST_MAX_ITEM;

    buf = malloc(len);
    if (buf == NULL) {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "no memory");
    }

    rc = attest_tpm_item_encode(item, buf, &len);

    if (rc == ATTEST_OK) {
        rc = prov_evidence_add(ev, ATTEST_ITEM_TPM, ATTEST_TYPE_TPM, buf,
                               len);
    }

    free(buf);

    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "TPM evidence: %s",
                              attest_strerror(rc));
    }

    return ATTEST_OK;
}


/*
 * Read each time: a cloud renews it, and it is one or two commands.  Not all
 * machines of a cloud have one.
 */

static int
prov_tpm_ak_cert(prov_tpm_call_t *c, prov_evidence_t *ev)
{
    int             rc;
    size_t          len;
    uint8_t        *der;
    attest_span_t   cert;

    rc = prov_tpm_nv_read(c, c->tpm->conf.ak_cert, ATTEST_TPM_NV_MAX, &der,
                          &len);
    if (rc != ATTEST_OK) {
        return rc;
    }

    cert = prov_tpm_nv_cert(der, len);

    if (cert.n == 0) {
        free(der);
        snprintf(ev->note, sizeof(ev->note), "the TPM has no certificate of"
                 " its AK at NV index 0x%08x", c->tpm->conf.ak_cert);
        return ATTEST_OK;
    }

    rc = prov_tpm_ak_certified(c, cert.p, cert.n);

    if (rc == ATTEST_OK) {
        rc = prov_evidence_add(ev, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT,
                               cert.p, cert.n);
    }

    free(der);

    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "the certificate at NV index 0x%08x"
                              " is not one of the AK: %s",
                              c->tpm->conf.ak_cert, attest_strerror(rc));
    }

    return ATTEST_OK;
}


static int
prov_tpm_ak_certified(prov_tpm_call_t *c, const uint8_t *der, size_t len)
{
    int                  rc;
    size_t               n = 0;
    uint8_t              buf[sizeof(TPMT_PUBLIC)];
    attest_tpm_public_t  ak;

    if (Tss2_MU_TPMT_PUBLIC_Marshal(&c->tpm->ak.pub.publicArea, buf,
                                    sizeof(buf), &n) != TSS2_RC_SUCCESS)
    {
        return ATTEST_EFORMAT;
    }

    rc = attest_tpm_public_parse(buf, n, &ak);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_ek_matches_cert(&ak, der, len);

    attest_tpm_public_free(&ak);
    return rc;
}


static int
prov_tpm_logs(prov_tpm_t *tpm, prov_evidence_t *ev)
{
    int  rc;

    rc = prov_tpm_log_read(tpm->conf.eventlog, tpm->eventlog_fd,
                           ATTEST_ITEM_EVENTLOG, ATTEST_TYPE_EVENTLOG, ev);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return prov_tpm_log_read(tpm->conf.imalog, tpm->imalog_fd,
                             ATTEST_ITEM_IMALOG, ATTEST_TYPE_IMALOG, ev);
}


static int
prov_tpm_prove(attest_provider_t *p, const uint8_t *cred, size_t cred_len,
    const uint8_t *enc, size_t enc_len, const uint8_t *msg, size_t msg_len,
    unsigned timeout_ms, uint8_t proof[ATTEST_SHA256_LEN], char error[256])
{
    int                       rc;
    prov_tpm_call_t          *c;
    prov_tpm_credential_t     credential;

    error[0] = '\0';

    rc = prov_tpm_credential_parse(cred, cred_len, enc, enc_len,
                                   &credential);
    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "malformed credential");
        return rc;
    }

    c = calloc(1, sizeof(prov_tpm_call_t));
    if (c == NULL) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = prov_tpm_open(c, p->data, attest_monotonic_now() + timeout_ms,
                       error);

    if (rc == ATTEST_OK) {
        rc = prov_tpm_ak(c);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_ek_info(c);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_ek(c);
    }

    if (rc == ATTEST_OK) {
        rc = prov_tpm_activate(c, &credential, msg, msg_len, proof);
    }

    prov_tpm_close(c);
    free(c);

    if (rc == ATTEST_OK) {
        error[0] = '\0';
    }

    return rc;
}


static void
prov_tpm_destroy(attest_provider_t *p)
{
    prov_tpm_t    *tpm = p->data;

    if (tpm->eventlog_fd != -1) {
        (void) close(tpm->eventlog_fd);
    }

    if (tpm->imalog_fd != -1) {
        (void) close(tpm->imalog_fd);
    }

    prov_tpm_ek_forget(tpm);
    prov_tpm_key_forget(&tpm->ak);

    free((char *) tpm->conf.tcti);
    free((char *) tpm->conf.eventlog);
    free((char *) tpm->conf.imalog);
    free(tpm);
    free(p);
}
