
/* The member "gpu" of a policy: NVIDIA GPUs in confidential mode. */


#ifndef ATTEST_POLICY_GPU_H_INCLUDED
#define ATTEST_POLICY_GPU_H_INCLUDED


#include "attest_refset.h"


typedef struct {
    unsigned   given:1;
} attest_policy_gpu_t;


#endif /* ATTEST_POLICY_GPU_H_INCLUDED */
