
/* The member "snp" of a policy: AMD SEV-SNP. */


#ifndef ATTEST_POLICY_SNP_H_INCLUDED
#define ATTEST_POLICY_SNP_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_snp_t;


#endif /* ATTEST_POLICY_SNP_H_INCLUDED */
