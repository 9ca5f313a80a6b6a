/* SPDX-License-Identifier: Apache-2.0 */

/* The member "azure" of a policy: Azure's paravisor and virtual TPM. */


#ifndef ATTEST_POLICY_AZURE_H_INCLUDED
#define ATTEST_POLICY_AZURE_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    attest_textset_t   vm_unique_id;       /* GUIDs, either case */
    unsigned           given:1;
    unsigned           has_secure_boot:1;
    unsigned           secure_boot:1;      /* must be this */
    unsigned           has_console:1;
    unsigned           console:1;          /* must be this */
} attest_policy_azure_t;


#endif /* ATTEST_POLICY_AZURE_H_INCLUDED */
