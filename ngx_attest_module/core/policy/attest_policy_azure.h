/* SPDX-License-Identifier: Apache-2.0 */

/* The member "azure" of a policy: Azure's paravisor and virtual TPM. */


#ifndef ATTEST_POLICY_AZURE_H_INCLUDED
#define ATTEST_POLICY_AZURE_H_INCLUDED


#include "core/policy/attest_refset.h"


typedef struct {
    attest_textset_t   vm_unique_id;       /* GUIDs, either case */
    uint8_t            given;
    uint8_t            has_secure_boot;
    uint8_t            secure_boot;        /* must be this */
    uint8_t            has_console;
    uint8_t            console;            /* must be this */
} attest_policy_azure_t;


#endif /* ATTEST_POLICY_AZURE_H_INCLUDED */
