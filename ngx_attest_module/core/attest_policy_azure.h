
/* The member "azure" of a policy: Azure's paravisor and virtual TPM. */


#ifndef ATTEST_POLICY_AZURE_H_INCLUDED
#define ATTEST_POLICY_AZURE_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_azure_t;


#endif /* ATTEST_POLICY_AZURE_H_INCLUDED */
