/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call on the TPM: begun, with what a killed predecessor left in it
 * removed, and ended.
 */


#include <stdlib.h>

#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_call.h"


/* Time to tidy up when a call ends right at its deadline. */
#define ATTEST_TPM_GRACE     200

/* The macros of tss2_tpm2_types.h shift a one into the sign bit. */

#define ATTEST_TPM_TRANSIENT 0x80000000


static int prov_tpm_startup(prov_tpm_call_t *c);
static int prov_tpm_leftovers(prov_tpm_call_t *c);
static int prov_tpm_leftover(prov_tpm_call_t *c, TPM2_HANDLE handle);
static TSS2_RC prov_tpm_handles(prov_tpm_call_t *c, TPM2_HANDLE first,
    TPML_HANDLE *list);


void
prov_tpm_quiet(void)
{
    (void) setenv("TSS2_LOG", "all+none", 0);
}


int
prov_tpm_open(prov_tpm_call_t *c, prov_tpm_t *tpm, int64_t deadline,
    char *error)
{
    int      rc;
    TSS2_RC  tss;

    c->tpm = tpm;
    c->esys = NULL;
    c->ak = ESYS_TR_NONE;
    c->ek = ESYS_TR_NONE;
    c->session = ESYS_TR_NONE;
    c->error = error;

    rc = prov_tcti_open(&c->tcti, tpm->conf.tcti, deadline);
    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "TPM: %s", c->tcti.reason);
    }

    tss = Esys_Initialize(&c->esys, (TSS2_TCTI_CONTEXT *) &c->tcti, NULL);
    if (tss != TSS2_RC_SUCCESS) {
        c->esys = NULL;
        return prov_tpm_fail(c, "Esys_Initialize", tss);
    }

    rc = prov_tpm_startup(c);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return prov_tpm_leftovers(c);
}


void
prov_tpm_close(prov_tpm_call_t *c)
{
    int64_t  grace;

    grace = attest_monotonic_now() + ATTEST_TPM_GRACE;
    if (c->tcti.deadline < grace) {
        c->tcti.deadline = grace;
    }

    if (c->esys != NULL) {
        prov_tpm_flush(c, &c->session);
        prov_tpm_flush(c, &c->ek);
        prov_tpm_flush(c, &c->ak);

        Esys_Finalize(&c->esys);
    }

    if (c->tcti.v1.finalize != NULL) {
        Tss2_Tcti_Finalize((TSS2_TCTI_CONTEXT *) &c->tcti);
    }
}


/*
 * The firmware or the kernel starts a TPM up; only a bare swtpm waits for
 * its first user to do so.
 */

static int
prov_tpm_startup(prov_tpm_call_t *c)
{
    TSS2_RC      rc;
    TPML_HANDLE  list;

    rc = prov_tpm_handles(c, ATTEST_TPM_TRANSIENT, &list);
    if (rc == TSS2_RC_SUCCESS) {
        return ATTEST_OK;
    }

    if (rc != TPM2_RC_INITIALIZE) {
        return prov_tpm_fail(c, "TPM2_GetCapability", rc);
    }

    rc = Esys_Startup(c->esys, TPM2_SU_CLEAR);
    if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) {
        return prov_tpm_fail(c, "TPM2_Startup", rc);
    }

    return ATTEST_OK;
}


/*
 * A raw TPM keeps what a killed process had loaded, and has room for three
 * objects.  It may be that of other programs, too, whose objects and sessions
 * are not ours to remove: ours are keys of the templates that we use, and the
 * one that we know.  Behind a resource manager one sees one's own only.
 */

static int
prov_tpm_leftovers(prov_tpm_call_t *c)
{
    int          rc;
    UINT32       i;
    TSS2_RC      tss;
    TPML_HANDLE  list;

    tss = prov_tpm_handles(c, ATTEST_TPM_TRANSIENT, &list);
    if (tss != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "TPM2_GetCapability", tss);
    }

    for (i = 0; i < list.count; i++) {
        rc = prov_tpm_leftover(c, list.handle[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
prov_tpm_leftover(prov_tpm_call_t *c, TPM2_HANDLE handle)
{
    int            own;
    TSS2_RC        rc;
    ESYS_TR        tr;
    TPM2B_PUBLIC  *pub;

    rc = Esys_TR_FromTPMPublic(c->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
                               ESYS_TR_NONE, &tr);

    if (rc == TSS2_RC_SUCCESS) {
        rc = Esys_ReadPublic(c->esys, tr, ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, &pub, NULL, NULL);
    }

    /* a hash sequence has no public area; and an owner may be faster */

    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_refused(c, rc)
               ? ATTEST_OK : prov_tpm_fail(c, "TPM2_ReadPublic", rc);
    }

    own = prov_tpm_key_ours(c->tpm, pub);
    Esys_Free(pub);

    rc = own ? Esys_FlushContext(c->esys, tr) : Esys_TR_Close(c->esys, &tr);

    return rc == TSS2_RC_SUCCESS || prov_tpm_refused(c, rc)
           ? ATTEST_OK : prov_tpm_fail(c, "TPM2_FlushContext", rc);
}


static TSS2_RC
prov_tpm_handles(prov_tpm_call_t *c, TPM2_HANDLE first,
    TPML_HANDLE *list)
{
    TSS2_RC                rc;
    TPMI_YES_NO            more;
    TPMS_CAPABILITY_DATA  *cap;

    rc = Esys_GetCapability(c->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            TPM2_CAP_HANDLES, first, 16, &more, &cap);
    if (rc != TSS2_RC_SUCCESS) {
        return rc;
    }

    if (cap->capability != TPM2_CAP_HANDLES
        || cap->data.handles.count > TPM2_MAX_CAP_HANDLES)
    {
        Esys_Free(cap);
        return prov_tcti_break(&c->tcti, "malformed answer of the TPM:"
                               " not the capability asked for");
    }

    *list = cap->data.handles;
    Esys_Free(cap);

    return TSS2_RC_SUCCESS;
}
