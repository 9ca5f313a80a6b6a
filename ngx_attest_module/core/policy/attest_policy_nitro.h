/* SPDX-License-Identifier: Apache-2.0 */

/* The member "nitro" of a policy: AWS Nitro Enclaves. */


#ifndef ATTEST_POLICY_NITRO_H_INCLUDED
#define ATTEST_POLICY_NITRO_H_INCLUDED


#include "core/policy/attest_refset.h"


#define ATTEST_POLICY_NITRO_PCRS     32
#define ATTEST_POLICY_NITRO_AGE      300       /* default of max_age */


typedef struct {
    attest_refset_t    pcrs[ATTEST_POLICY_NITRO_PCRS];   /* "pcrs": { "0":
                                               48 bytes, .. } */
    attest_textset_t   module_ids;   /* "module_ids": enclaves, or their
                                        instances */
    uint64_t           max_age;      /* "max_age": s, of a fresh document; 0:
                                        the default */
    uint8_t            given;
    uint8_t            allow_debug;     /* for tests, default false */
} attest_policy_nitro_t;


#endif /* ATTEST_POLICY_NITRO_H_INCLUDED */
