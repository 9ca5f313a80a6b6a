/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files that judge an SEV-SNP report share.
 */


#ifndef ATTEST_VERIFY_SNP_TYPES_H_INCLUDED
#define ATTEST_VERIFY_SNP_TYPES_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"
#include "core/evidence/attest_snp.h"


/* What the checks of one report share. */

typedef struct {
    attest_verify_t             *v;
    attest_part_t               *part;
    const attest_policy_snp_t   *policy;
    const char                  *name;       /* of the part */
    attest_span_t                raw;
    attest_snp_report_t         *r;
    X509                        *leaf;       /* borrowed */
    attest_snp_cert_t            cert;       /* its extensions */
    STACK_OF(X509)              *others;     /* a list of borrowed ones */
    attest_snp_product_e         product;
    unsigned                     exact:1;    /* leaf is for chip and TCB */
} attest_verify_snp_t;


#endif /* ATTEST_VERIFY_SNP_TYPES_H_INCLUDED */
