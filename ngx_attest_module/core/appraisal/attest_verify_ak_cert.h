/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does a cloud certify the attestation key, and whose machine is it?
 */


#ifndef ATTEST_VERIFY_AK_CERT_H_INCLUDED
#define ATTEST_VERIFY_AK_CERT_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* Sets ak_cloud; called when the quote and its AK are there. */
void attest_verify_ak_cert(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
/* Is the evidence of the cloud that the policy is about? */
void attest_verify_clouds(attest_verify_t *v);


#endif /* ATTEST_VERIFY_AK_CERT_H_INCLUDED */
