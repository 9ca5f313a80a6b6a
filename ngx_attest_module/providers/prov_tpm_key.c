/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys: the attestation key and the endorsement key.
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/attest_wire.h"
#include "providers/prov_tpm_esys.h"


/* TCG PC Client registry: persistent EKs, NV indexes of EK certificates. */

#define ATTEST_TPM_EK_RSA          0x81010001
#define ATTEST_TPM_EK_ECC          0x81010002
#define ATTEST_TPM_EK_CERT_RSA     0x01c00002
#define ATTEST_TPM_EK_CERT_ECC     0x01c0000a

#define ATTEST_TPM_TEMPLATE_MAX    1024


static int prov_tpm_key_load(prov_tpm_call_t *c, prov_tpm_key_t *key,
    ESYS_TR *tr);
static int prov_tpm_key_create(prov_tpm_call_t *c, prov_tpm_key_t *key,
    const TPMT_PUBLIC *template, ESYS_TR *tr);
static void prov_tpm_key_save(prov_tpm_call_t *c, prov_tpm_key_t *key,
    ESYS_TR tr);
static int prov_tpm_key_persistent(prov_tpm_call_t *c,
    TPM2_HANDLE handle, ESYS_TR *tr, TPM2B_PUBLIC *pub);
static bool prov_tpm_key_changed(prov_tpm_key_t *key,
    const TPM2B_PUBLIC *pub);
static int prov_tpm_ak_nv_template(prov_tpm_call_t *c,
    TPMT_PUBLIC *template);
static int prov_tpm_ek_cert(prov_tpm_call_t *c, TPM2_HANDLE index);
static int prov_tpm_ek_persistent(prov_tpm_call_t *c,
    const TPMT_PUBLIC *template);
static bool prov_tpm_is_from_template(const TPMT_PUBLIC *template,
    const TPM2B_PUBLIC *pub);


/*
 * Leaves the AK in c->ak.  A key other than last time's means another TPM
 * (or one that was cleared): what we know about its EK is void then.
 */

int
prov_tpm_ak(prov_tpm_call_t *c)
{
    int                rc;
    TPMT_PUBLIC        template;
    TPM2B_PUBLIC       pub;
    prov_tpm_t        *tpm = c->tpm;

    if (tpm->conf.ak_handle != 0) {
        rc = prov_tpm_key_persistent(c, tpm->conf.ak_handle, &c->ak, &pub);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (c->ak == ESYS_TR_NONE) {
            return prov_tpm_error(c, ATTEST_EARG, "the TPM has no key at"
                                  " handle 0x%08x", tpm->conf.ak_handle);
        }

        if (prov_tpm_key_changed(&tpm->ak, &pub)) {
            prov_tpm_ek_forget(tpm);
        }

        tpm->ak.pub = pub;
        tpm->ak.persistent = tpm->conf.ak_handle;
        return ATTEST_OK;
    }

    rc = prov_tpm_key_load(c, &tpm->ak, &c->ak);
    if (rc != ATTEST_OK || c->ak != ESYS_TR_NONE) {
        return rc;
    }

    prov_tpm_ak_template(&template, tpm->conf.rsa);

    if (tpm->conf.ak_template != 0) {
        rc = prov_tpm_ak_nv_template(c, &template);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return prov_tpm_key_create(c, &tpm->ak, &template, &c->ak);
}


/*
 * A key's unique field is what the TPM makes; the rest is the template's.  An
 * EK is the same for everybody, and so is one that we have left behind.
 */

bool
prov_tpm_key_ours(const prov_tpm_t *tpm, const TPM2B_PUBLIC *pub)
{
    int               i;
    TPMT_PUBLIC       template;
    prov_tpm_key_t    known;

    known = tpm->ak;

    if (known.pub.size != 0 && !prov_tpm_key_changed(&known, pub)) {
        return 1;
    }

    for (i = 0; i < 2; i++) {
        prov_tpm_ak_template(&template, i);

        if (prov_tpm_is_from_template(&template, pub)) {
            return 1;
        }

        prov_tpm_ek_template(&template, i);

        if (prov_tpm_is_from_template(&template, pub)) {
            return 1;
        }
    }

    return 0;
}


/* Leaves the EK in c->ek; prov_tpm_ek_info() has run. */

int
prov_tpm_ek(prov_tpm_call_t *c)
{
    int            rc;
    TPMT_PUBLIC    template;
    prov_tpm_t    *tpm = c->tpm;

    rc = prov_tpm_key_load(c, &tpm->ek, &c->ek);
    if (rc != ATTEST_OK || c->ek != ESYS_TR_NONE) {
        return rc;
    }

    prov_tpm_ek_template(&template, tpm->ek_ecc);

    rc = prov_tpm_ek_persistent(c, &template);
    if (rc != ATTEST_OK || c->ek != ESYS_TR_NONE) {
        return rc;
    }

    return prov_tpm_key_create(c, &tpm->ek, &template, &c->ek);
}


/*
 * EK and its certificate, once per TPM: neither changes.  A TPM that refuses
 * to make an EK has none; whether that matters is the verifier's to say.
 */

int
prov_tpm_ek_info(prov_tpm_call_t *c)
{
    int            rc;
    prov_tpm_t    *tpm = c->tpm;

    if (tpm->ek_known) {
        return ATTEST_OK;
    }

    prov_tpm_ek_forget(tpm);

    rc = prov_tpm_ek_cert(c, ATTEST_TPM_EK_CERT_RSA);

    if (rc == ATTEST_OK && tpm->ek_cert == NULL) {
        rc = prov_tpm_ek_cert(c, ATTEST_TPM_EK_CERT_ECC);
        tpm->ek_ecc = (tpm->ek_cert != NULL);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = prov_tpm_ek(c);
    prov_tpm_flush(c, &c->ek);

    if (rc != ATTEST_OK && rc != ATTEST_EUNSUPPORTED) {
        return rc;
    }

    if (rc == ATTEST_EUNSUPPORTED) {
        snprintf(tpm->ek_note, sizeof(tpm->ek_note), "no EK: %.190s",
                 c->error);
    }

    tpm->ek_known = 1;
    return ATTEST_OK;
}


void
prov_tpm_key_forget(prov_tpm_key_t *key)
{
    free(key->saved);
    memset(key, 0, sizeof(*key));
}


void
prov_tpm_ek_forget(prov_tpm_t *tpm)
{
    prov_tpm_key_forget(&tpm->ek);
    free(tpm->ek_cert);

    tpm->ek_cert = NULL;
    tpm->ek_cert_len = 0;
    tpm->ek_known = 0;
    tpm->ek_ecc = 0;
    tpm->ek_note[0] = '\0';
}


/*
 * The saved context; *tr is ESYS_TR_NONE when there is none or it is void.
 * Contexts are our own memory, never anybody's input.
 */

static int
prov_tpm_key_load(prov_tpm_call_t *c, prov_tpm_key_t *key, ESYS_TR *tr)
{
    TSS2_RC  rc;

    *tr = ESYS_TR_NONE;

    if (key->saved == NULL) {
        return ATTEST_OK;
    }

    rc = Esys_ContextLoad(c->esys, key->saved, tr);
    if (rc == TSS2_RC_SUCCESS) {
        return ATTEST_OK;
    }

    *tr = ESYS_TR_NONE;

    if (c->tcti.broken) {
        return prov_tpm_fail(c, "TPM2_ContextLoad", rc);
    }

    Esys_Free(key->saved);
    key->saved = NULL;
    return ATTEST_OK;
}


static int
prov_tpm_key_create(prov_tpm_call_t *c, prov_tpm_key_t *key,
    const TPMT_PUBLIC *template, ESYS_TR *tr)
{
    TSS2_RC                 rc;
    TPM2B_DATA              info = { .size = 0 };
    TPM2B_PUBLIC            in, *out;
    TPML_PCR_SELECTION      pcrs = { .count = 0 };
    TPM2B_SENSITIVE_CREATE  sensitive;

    memset(&in, 0, sizeof(in));
    memset(&sensitive, 0, sizeof(sensitive));
    in.publicArea = *template;

    rc = Esys_CreatePrimary(c->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                            ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &in,
                            &info, &pcrs, tr, &out, NULL, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        *tr = ESYS_TR_NONE;
        (void) prov_tpm_fail_auth(c, "TPM2_CreatePrimary", "endorsement",
                                  rc);
        return prov_tpm_refused(c, rc) ? ATTEST_EUNSUPPORTED
                                         : ATTEST_EINTERNAL;
    }

    if (key == &c->tpm->ak && prov_tpm_key_changed(key, out)) {
        prov_tpm_ek_forget(c->tpm);
    }

    key->pub = *out;
    key->persistent = 0;
    Esys_Free(out);

    prov_tpm_key_save(c, key, *tr);
    return ATTEST_OK;
}


/* A TPM that cannot save contexts makes the key each time. */

static void
prov_tpm_key_save(prov_tpm_call_t *c, prov_tpm_key_t *key, ESYS_TR tr)
{
    TPMS_CONTEXT  *saved;

    if (Esys_ContextSave(c->esys, tr, &saved) != TSS2_RC_SUCCESS) {
        return;
    }

    free(key->saved);
    key->saved = saved;
}


/* *tr is ESYS_TR_NONE when the TPM has no such key. */

static int
prov_tpm_key_persistent(prov_tpm_call_t *c, TPM2_HANDLE handle,
    ESYS_TR *tr, TPM2B_PUBLIC *pub)
{
    TSS2_RC        rc;
    TPM2B_PUBLIC  *out;

    rc = Esys_TR_FromTPMPublic(c->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
                               ESYS_TR_NONE, tr);
    if (rc != TSS2_RC_SUCCESS) {
        *tr = ESYS_TR_NONE;
        return prov_tpm_refused(c, rc)
               ? ATTEST_OK : prov_tpm_fail(c, "TPM2_ReadPublic", rc);
    }

    rc = Esys_ReadPublic(c->esys, *tr, ESYS_TR_NONE, ESYS_TR_NONE,
                         ESYS_TR_NONE, &out, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        *tr = ESYS_TR_NONE;
        return prov_tpm_fail(c, "TPM2_ReadPublic", rc);
    }

    *pub = *out;
    Esys_Free(out);
    return ATTEST_OK;
}


/* Is this another key than the one we knew (if we knew any)? */

static bool
prov_tpm_key_changed(prov_tpm_key_t *key, const TPM2B_PUBLIC *pub)
{
    size_t   n[2] = { 0, 0 };
    uint8_t  buf[2][sizeof(TPMT_PUBLIC)];

    if (key->pub.size == 0) {
        return 0;
    }

    return Tss2_MU_TPMT_PUBLIC_Marshal(&key->pub.publicArea, buf[0],
                                       sizeof(buf[0]), &n[0])
               != TSS2_RC_SUCCESS
           || Tss2_MU_TPMT_PUBLIC_Marshal(&pub->publicArea, buf[1],
                                          sizeof(buf[1]), &n[1])
               != TSS2_RC_SUCCESS
           || n[0] != n[1] || memcmp(buf[0], buf[1], n[0]) != 0;
}


/*
 * A template that the platform's maker put there: TPMT_PUBLIC as on Google
 * Cloud, or TPM2B_PUBLIC.  The first word is a key type in the former and a
 * size in the latter; no template is as short as a key type's number.
 */

static int
prov_tpm_ak_nv_template(prov_tpm_call_t *c, TPMT_PUBLIC *template)
{
    int       rc;
    size_t    off, len;
    uint8_t  *p;
    TSS2_RC   tss;

    rc = prov_tpm_nv_read(c, c->tpm->conf.ak_template,
                          ATTEST_TPM_TEMPLATE_MAX, &p, &len);
    if (rc != ATTEST_OK) {
        return rc;
    }

    off = 0;
    if (len > 2 && attest_wire_get_be16(p) == len - 2) {
        off = 2;
    }

    tss = TSS2_MU_RC_INSUFFICIENT_BUFFER;
    memset(template, 0, sizeof(*template));

    if (len > off) {
        tss = Tss2_MU_TPMT_PUBLIC_Unmarshal(p, len, &off, template);
    }

    free(p);

    if (tss != TSS2_RC_SUCCESS || off != len) {
        return prov_tpm_error(c, ATTEST_EFORMAT, "NV index 0x%08x has no"
                              " key template", c->tpm->conf.ak_template);
    }

    return ATTEST_OK;
}


/* Notes an index that holds something else, such as erased bytes. */

static int
prov_tpm_ek_cert(prov_tpm_call_t *c, TPM2_HANDLE index)
{
    int             rc;
    size_t          len;
    uint8_t        *p;
    prov_tpm_t     *tpm = c->tpm;
    attest_span_t   cert;

    c->error[0] = '\0';

    rc = prov_tpm_nv_read(c, index, ATTEST_TPM_NV_MAX, &p, &len);

    if (rc == ATTEST_ELIMIT || (rc == ATTEST_OK && c->error[0] != '\0')) {

        /* too long, or an index that we may not read */

        snprintf(tpm->ek_note, sizeof(tpm->ek_note), "no EK certificate:"
                 " %.190s", c->error);
        c->error[0] = '\0';
        return ATTEST_OK;
    }

    if (rc != ATTEST_OK || len == 0) {
        free(p);
        return rc;
    }

    cert = prov_tpm_nv_cert(p, len);

    if (cert.n == 0) {
        snprintf(tpm->ek_note, sizeof(tpm->ek_note), "no EK certificate:"
                 " the %zu bytes of NV index 0x%08x are none", len, index);
        free(p);
        return ATTEST_OK;
    }

    memmove(p, cert.p, cert.n);
    tpm->ek_cert = p;
    tpm->ek_cert_len = cert.n;
    tpm->ek_note[0] = '\0';

    return ATTEST_OK;
}


/* The EK that firmware keeps ready: no waiting for two primes. */

static int
prov_tpm_ek_persistent(prov_tpm_call_t *c, const TPMT_PUBLIC *template)
{
    int            rc;
    TPM2_HANDLE    handle;
    TPM2B_PUBLIC   pub;
    prov_tpm_t    *tpm = c->tpm;

    handle = tpm->ek_ecc ? ATTEST_TPM_EK_ECC : ATTEST_TPM_EK_RSA;

    rc = prov_tpm_key_persistent(c, handle, &c->ek, &pub);
    if (rc != ATTEST_OK || c->ek == ESYS_TR_NONE) {
        return rc;
    }

    if (!prov_tpm_is_from_template(template, &pub)) {
        c->ek = ESYS_TR_NONE;
        return ATTEST_OK;
    }

    tpm->ek.pub = pub;
    tpm->ek.persistent = handle;
    return ATTEST_OK;
}


static bool
prov_tpm_is_from_template(const TPMT_PUBLIC *template,
    const TPM2B_PUBLIC *pub)
{
    TPM2B_PUBLIC      as_template;
    prov_tpm_key_t    key;

    memset(&key, 0, sizeof(key));
    key.pub.size = 1;
    key.pub.publicArea = *template;

    /* all but the key itself */
    as_template = *pub;
    as_template.publicArea.unique = template->unique;

    return !prov_tpm_key_changed(&key, &as_template);
}
