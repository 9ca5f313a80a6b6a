/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_TPM_CALL_H_INCLUDED
#define PROV_TPM_CALL_H_INCLUDED


#include "providers/prov_tpm_esys.h"


/*
 * Connects, starts the TPM up if nobody did, and removes keys that a
 * killed predecessor left in it.  prov_tpm_close() after success and failure.
 */
int prov_tpm_open(prov_tpm_call_t *c, prov_tpm_t *tpm,
    int64_t deadline, char *error);
void prov_tpm_close(prov_tpm_call_t *c);


#endif /* PROV_TPM_CALL_H_INCLUDED */
