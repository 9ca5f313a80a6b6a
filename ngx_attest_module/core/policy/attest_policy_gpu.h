/* SPDX-License-Identifier: Apache-2.0 */

/* The member "gpu" of a policy: NVIDIA GPUs in confidential mode. */


#ifndef ATTEST_POLICY_GPU_H_INCLUDED
#define ATTEST_POLICY_GPU_H_INCLUDED


#include "core/policy/attest_refset.h"


typedef struct {
    uint64_t           count;        /* "count": exactly so many GPUs */
    uint64_t           min_count;    /* "min_count": at least so many */
    uint64_t           switches;     /* "switches": exactly so many */
    attest_textset_t   arch;         /* "arch": "HOPPER", .. */
    attest_textset_t   modes;        /* "modes": "spt", "mpt", "ppcie" */
    attest_textset_t   driver;       /* "driver": versions */
    attest_textset_t   vbios;        /* "vbios": versions, of GPUs */
    attest_textset_t   switch_bios;  /* "switch_bios": versions */
    attest_refset_t    devices;      /* "devices": SHA-256 of identity keys,
                                        GPUs and switches */
    uint8_t            given;
    uint8_t            optional;     /* "required": false */
    uint8_t            has_count;
    uint8_t            has_switches;
} attest_policy_gpu_t;


#endif /* ATTEST_POLICY_GPU_H_INCLUDED */
