
/*
 * One call on the TPM: open, errors, housekeeping, close.
 */


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest_tpm_esys.h"


/* Time to tidy up when a call ends right at its deadline. */
#define ATTEST_TPM_GRACE     200

/* The macros of tss2_tpm2_types.h shift a one into the sign bit. */

#define ATTEST_TPM_TRANSIENT 0x80000000
#define ATTEST_TPM_SESSION   0x02000000

/* A TPM that lists more leftovers than this is not a TPM. */
#define ATTEST_TPM_LEFTOVER  64


static int attest_tpm_startup(attest_tpm_call_t *c);
static int attest_tpm_leftovers(attest_tpm_call_t *c, TPM2_HANDLE first);
static TSS2_RC attest_tpm_handles(attest_tpm_call_t *c, TPM2_HANDLE first,
    TPML_HANDLE *list);
static TSS2_RC attest_tpm_remove(attest_tpm_call_t *c, TPM2_HANDLE handle);


void
attest_tpm_quiet(void)
{
    (void) setenv("TSS2_LOG", "all+none", 0);
}


int
attest_tpm_open(attest_tpm_call_t *c, attest_tpm_t *tpm, int64_t deadline,
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

    rc = attest_tcti_open(&c->tcti, tpm->conf.tcti, deadline);
    if (rc != ATTEST_OK) {
        return attest_tpm_error(c, rc, "TPM: %s", c->tcti.reason);
    }

    tss = Esys_Initialize(&c->esys, (TSS2_TCTI_CONTEXT *) &c->tcti, NULL);
    if (tss != TSS2_RC_SUCCESS) {
        c->esys = NULL;
        return attest_tpm_fail(c, "Esys_Initialize", tss);
    }

    rc = attest_tpm_startup(c);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_leftovers(c, ATTEST_TPM_TRANSIENT);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return attest_tpm_leftovers(c, ATTEST_TPM_SESSION);
}


void
attest_tpm_close(attest_tpm_call_t *c)
{
    int64_t  grace;

    grace = attest_tcti_now() + ATTEST_TPM_GRACE;
    if (c->tcti.deadline < grace) {
        c->tcti.deadline = grace;
    }

    if (c->esys != NULL) {
        attest_tpm_flush(c, &c->session);
        attest_tpm_flush(c, &c->ek);
        attest_tpm_flush(c, &c->ak);

        Esys_Finalize(&c->esys);
    }

    if (c->tcti.v1.finalize != NULL) {
        Tss2_Tcti_Finalize((TSS2_TCTI_CONTEXT *) &c->tcti);
    }
}


int
attest_tpm_fail(attest_tpm_call_t *c, const char *command, TSS2_RC rc)
{
    if (c->tcti.broken) {
        return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: %s", command,
                                c->tcti.reason);
    }

    return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: %s", command,
                            Tss2_RC_Decode(rc));
}


int
attest_tpm_error(attest_tpm_call_t *c, int rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(c->error, ATTEST_TPM_ERROR_LEN, fmt, args);
    va_end(args);

    return rc;
}


int
attest_tpm_refused(attest_tpm_call_t *c, TSS2_RC rc)
{
    return !c->tcti.broken && rc != TSS2_RC_SUCCESS
           && (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER;
}


void
attest_tpm_flush(attest_tpm_call_t *c, ESYS_TR *tr)
{
    int  persistent;

    persistent = (tr == &c->ak && c->tpm->ak.persistent != 0)
                 || (tr == &c->ek && c->tpm->ek.persistent != 0);

    if (*tr != ESYS_TR_NONE && !persistent) {
        (void) Esys_FlushContext(c->esys, *tr);
    }

    *tr = ESYS_TR_NONE;
}


/*
 * The firmware or the kernel starts a TPM up; only a bare swtpm waits for
 * its first user to do so.
 */

static int
attest_tpm_startup(attest_tpm_call_t *c)
{
    TSS2_RC      rc;
    TPML_HANDLE  list;

    rc = attest_tpm_handles(c, ATTEST_TPM_TRANSIENT, &list);
    if (rc == TSS2_RC_SUCCESS) {
        return ATTEST_OK;
    }

    if (rc != TPM2_RC_INITIALIZE) {
        return attest_tpm_fail(c, "TPM2_GetCapability", rc);
    }

    rc = Esys_Startup(c->esys, TPM2_SU_CLEAR);
    if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) {
        return attest_tpm_fail(c, "TPM2_Startup", rc);
    }

    return ATTEST_OK;
}


/*
 * A raw TPM keeps what a killed process had loaded, and has room for three
 * objects.  We have the TPM to ourselves; behind a resource manager one sees
 * one's own handles only.
 */

static int
attest_tpm_leftovers(attest_tpm_call_t *c, TPM2_HANDLE first)
{
    UINT32       i, n;
    TSS2_RC      rc;
    TPML_HANDLE  list;

    for (n = 0; n < ATTEST_TPM_LEFTOVER; n += list.count) {

        rc = attest_tpm_handles(c, first, &list);
        if (rc != TSS2_RC_SUCCESS) {
            return attest_tpm_fail(c, "TPM2_GetCapability", rc);
        }

        if (list.count == 0) {
            return ATTEST_OK;
        }

        for (i = 0; i < list.count; i++) {
            rc = attest_tpm_remove(c, list.handle[i]);
            if (rc != TSS2_RC_SUCCESS) {
                return attest_tpm_fail(c, "TPM2_FlushContext", rc);
            }
        }
    }

    return attest_tpm_error(c, ATTEST_ELIMIT, "TPM2_FlushContext: handles of"
                            " others come back");
}


static TSS2_RC
attest_tpm_handles(attest_tpm_call_t *c, TPM2_HANDLE first,
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
        return attest_tcti_break(&c->tcti, "malformed answer of the TPM:"
                                 " not the capability asked for");
    }

    *list = cap->data.handles;
    Esys_Free(cap);

    return TSS2_RC_SUCCESS;
}


/*
 * TPM2_FlushContext by hand (part 3, section 28.4): ESAPI wants to read an
 * object's public area first, which a leftover hash sequence does not have.
 */

static TSS2_RC
attest_tpm_remove(attest_tpm_call_t *c, TPM2_HANDLE handle)
{
    size_t              n;
    uint8_t             command[14], answer[ATTEST_TCTI_MAX];
    TSS2_RC             rc;
    TSS2_TCTI_CONTEXT  *tcti = (TSS2_TCTI_CONTEXT *) &c->tcti;

    memcpy(command, "\x80\x01\x00\x00\x00\x0e\x00\x00\x01\x65", 10);
    command[10] = (uint8_t) (handle >> 24);
    command[11] = (uint8_t) (handle >> 16);
    command[12] = (uint8_t) (handle >> 8);
    command[13] = (uint8_t) handle;

    rc = Tss2_Tcti_Transmit(tcti, sizeof(command), command);
    if (rc != TSS2_RC_SUCCESS) {
        return rc;
    }

    n = sizeof(answer);
    rc = Tss2_Tcti_Receive(tcti, &n, answer, TSS2_TCTI_TIMEOUT_BLOCK);
    if (rc != TSS2_RC_SUCCESS) {
        return rc;
    }

    c->tcti.answer = NULL;

    return (TSS2_RC) answer[6] << 24 | (TSS2_RC) answer[7] << 16
           | (TSS2_RC) answer[8] << 8 | answer[9];
}
