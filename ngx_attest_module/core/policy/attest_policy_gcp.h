/* SPDX-License-Identifier: Apache-2.0 */

/* The member "gcp" of a policy: Google Cloud's instances. */


#ifndef ATTEST_POLICY_GCP_H_INCLUDED
#define ATTEST_POLICY_GCP_H_INCLUDED


#include "core/policy/attest_refset.h"


typedef struct {
    attest_textset_t   project;    /* ids or numbers, which never look alike */
    attest_textset_t   zone;
    attest_textset_t   instance;   /* names or ids, which never look alike */
    uint8_t            given;
} attest_policy_gcp_t;


#endif /* ATTEST_POLICY_GCP_H_INCLUDED */
