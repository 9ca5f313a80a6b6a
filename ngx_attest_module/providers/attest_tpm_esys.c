
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

/* A code of format one without the argument that it is about. */
#define attest_tpm_format_one(rc)  ((rc) & (TPM2_RC_FMT1 | 0x3f))


static int attest_tpm_startup(attest_tpm_call_t *c);
static int attest_tpm_leftovers(attest_tpm_call_t *c);
static int attest_tpm_leftover(attest_tpm_call_t *c, TPM2_HANDLE handle);
static TSS2_RC attest_tpm_handles(attest_tpm_call_t *c, TPM2_HANDLE first,
    TPML_HANDLE *list);


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

    return attest_tpm_leftovers(c);
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

    if (rc == TPM2_RC_OBJECT_MEMORY || rc == TPM2_RC_OBJECT_HANDLES
        || rc == TPM2_RC_SESSION_MEMORY || rc == TPM2_RC_SESSION_HANDLES)
    {
        return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the TPM is"
                                " full of what other programs have loaded;"
                                " use a resource manager (/dev/tpmrm0), or"
                                " let them remove it (tpm2_flushcontext)",
                                command);
    }

    return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: %s", command,
                            Tss2_RC_Decode(rc));
}


int
attest_tpm_fail_auth(attest_tpm_call_t *c, const char *command,
    const char *hierarchy, TSS2_RC rc)
{
    TSS2_RC  code = attest_tpm_format_one(rc);

    if (!attest_tpm_refused(c, rc)) {
        return attest_tpm_fail(c, command, rc);
    }

    if ((rc & TPM2_RC_FMT1)
        && (code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL))
    {
        return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the %s"
                                " hierarchy of the TPM has a password, which"
                                " this module cannot give; remove it"
                                " (tpm2_changeauth -c %s)", command,
                                hierarchy, hierarchy);
    }

    if ((rc & TPM2_RC_FMT1) && code == TPM2_RC_HIERARCHY) {
        return attest_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the %s"
                                " hierarchy of the TPM is switched off",
                                command, hierarchy);
    }

    return attest_tpm_fail(c, command, rc);
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
 * objects.  It may be that of other programs, too, whose objects and sessions
 * are not ours to remove: ours are keys of the templates that we use, and the
 * one that we know.  Behind a resource manager one sees one's own only.
 */

static int
attest_tpm_leftovers(attest_tpm_call_t *c)
{
    int          rc;
    UINT32       i;
    TSS2_RC      tss;
    TPML_HANDLE  list;

    tss = attest_tpm_handles(c, ATTEST_TPM_TRANSIENT, &list);
    if (tss != TSS2_RC_SUCCESS) {
        return attest_tpm_fail(c, "TPM2_GetCapability", tss);
    }

    for (i = 0; i < list.count; i++) {
        rc = attest_tpm_leftover(c, list.handle[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_tpm_leftover(attest_tpm_call_t *c, TPM2_HANDLE handle)
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
        return attest_tpm_refused(c, rc)
               ? ATTEST_OK : attest_tpm_fail(c, "TPM2_ReadPublic", rc);
    }

    own = attest_tpm_key_ours(c->tpm, pub);
    Esys_Free(pub);

    rc = own ? Esys_FlushContext(c->esys, tr) : Esys_TR_Close(c->esys, &tr);

    return rc == TSS2_RC_SUCCESS || attest_tpm_refused(c, rc)
           ? ATTEST_OK : attest_tpm_fail(c, "TPM2_FlushContext", rc);
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
