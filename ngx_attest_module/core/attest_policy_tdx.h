
/* The member "tdx" of a policy: Intel TDX. */


#ifndef ATTEST_POLICY_TDX_H_INCLUDED
#define ATTEST_POLICY_TDX_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_tdx_t;


#endif /* ATTEST_POLICY_TDX_H_INCLUDED */
