
/* The member "nitro" of a policy: AWS Nitro Enclaves. */


#ifndef ATTEST_POLICY_NITRO_H_INCLUDED
#define ATTEST_POLICY_NITRO_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_nitro_t;


#endif /* ATTEST_POLICY_NITRO_H_INCLUDED */
