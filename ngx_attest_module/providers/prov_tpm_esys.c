/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every command of a call on the TPM needs: errors in words, and objects
 * forgotten again.
 */


#include <stdarg.h>
#include <stdio.h>

#include "providers/prov_tpm_esys.h"


/* A code of format one without the argument that it is about. */
#define attest_tpm_format_one(rc)  ((rc) & (TPM2_RC_FMT1 | 0x3f))


int
prov_tpm_fail(prov_tpm_call_t *c, const char *command, TSS2_RC rc)
{
    if (c->tcti.broken) {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "%s failed: %s", command,
                              c->tcti.reason);
    }

    if (rc == TPM2_RC_OBJECT_MEMORY || rc == TPM2_RC_OBJECT_HANDLES
        || rc == TPM2_RC_SESSION_MEMORY || rc == TPM2_RC_SESSION_HANDLES)
    {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the TPM is"
                              " full of what other programs have loaded;"
                              " use a resource manager (/dev/tpmrm0), or"
                              " let them remove it (tpm2_flushcontext)",
                              command);
    }

    return prov_tpm_error(c, ATTEST_EINTERNAL, "%s failed: %s", command,
                          Tss2_RC_Decode(rc));
}


int
prov_tpm_fail_auth(prov_tpm_call_t *c, const char *command,
    const char *hierarchy, TSS2_RC rc)
{
    TSS2_RC  code = attest_tpm_format_one(rc);

    if (!prov_tpm_refused(c, rc)) {
        return prov_tpm_fail(c, command, rc);
    }

    if ((rc & TPM2_RC_FMT1)
        && (code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL))
    {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the %s"
                              " hierarchy of the TPM has a password, which"
                              " this module cannot give; remove it"
                              " (tpm2_changeauth -c %s)", command,
                              hierarchy, hierarchy);
    }

    if ((rc & TPM2_RC_FMT1) && code == TPM2_RC_HIERARCHY) {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "%s failed: the %s"
                              " hierarchy of the TPM is switched off",
                              command, hierarchy);
    }

    return prov_tpm_fail(c, command, rc);
}


int
prov_tpm_error(prov_tpm_call_t *c, int rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(c->error, ATTEST_TPM_ERROR_LEN, fmt, args);
    va_end(args);

    return rc;
}


bool
prov_tpm_refused(prov_tpm_call_t *c, TSS2_RC rc)
{
    return !c->tcti.broken && rc != TSS2_RC_SUCCESS
           && (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER;
}


void
prov_tpm_flush(prov_tpm_call_t *c, ESYS_TR *tr)
{
    int  persistent;

    persistent = (tr == &c->ak && c->tpm->ak.persistent != 0)
                 || (tr == &c->ek && c->tpm->ek.persistent != 0);

    if (*tr != ESYS_TR_NONE && !persistent) {
        (void) Esys_FlushContext(c->esys, *tr);
    }

    *tr = ESYS_TR_NONE;
}
