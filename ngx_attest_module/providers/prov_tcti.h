/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How commands reach the TPM: a TCTI of our own around every transport, so
 * that one deadline bounds a whole call, answers are bounded and checked
 * before tpm2-tss parses them, and a busy TPM is asked again.
 */


#ifndef PROV_TCTI_H_INCLUDED
#define PROV_TCTI_H_INCLUDED


#include "providers/prov_tcti_common.h"


/*
 * Opens the transport.  On failure t->reason says why and nothing is open;
 * on success v1.finalize (Tss2_Tcti_Finalize) closes it.
 */
int prov_tcti_open(prov_tcti_t *t, const char *tcti, int64_t deadline);

/* Wipes the last answer, where tpm2-tss keeps it until it is finalized. */
void prov_tcti_wipe(prov_tcti_t *t);


#endif /* PROV_TCTI_H_INCLUDED */
