/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_TPM_CALL_H_INCLUDED
#define PROV_TPM_CALL_H_INCLUDED


#include "providers/prov_tpm_esys.h"


/*
 * Connects, starts the TPM up if nobody did, and removes keys that a
 * killed predecessor left in it.  attest_tpm_close() after success and failure.
 */
int attest_tpm_open(attest_tpm_call_t *c, attest_tpm_t *tpm,
    int64_t deadline, char *error);
void attest_tpm_close(attest_tpm_call_t *c);


#endif /* PROV_TPM_CALL_H_INCLUDED */
