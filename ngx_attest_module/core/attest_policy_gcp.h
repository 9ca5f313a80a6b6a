
/* The member "gcp" of a policy: Google's virtual TPM. */


#ifndef ATTEST_POLICY_GCP_H_INCLUDED
#define ATTEST_POLICY_GCP_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_gcp_t;


#endif /* ATTEST_POLICY_GCP_H_INCLUDED */
