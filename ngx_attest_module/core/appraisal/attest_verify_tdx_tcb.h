/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is the platform of an Intel quote up to date?
 */


#ifndef ATTEST_VERIFY_TDX_TCB_H_INCLUDED
#define ATTEST_VERIFY_TDX_TCB_H_INCLUDED


#include "core/evidence/attest_tdx.h"
#include "core/appraisal/attest_verify_types.h"


typedef struct {
    attest_verify_t      *v;
    attest_part_t        *part;
    attest_tdx_quote_t    q;
    attest_tdx_pck_t      pck;
    STACK_OF(X509)       *certs;       /* of the quote, PCK first */
    X509                 *leaf;
    int                   simulated;   /* where its chain ends */
} attest_td_t;


/*
 * Adds the checks tdx-collateral, tdx-revocation and tdx-tcb.  0: the
 * platform or one of its parts is revoked.
 */
bool attest_verify_tdx_tcb(attest_td_t *td);


#endif /* ATTEST_VERIFY_TDX_TCB_H_INCLUDED */
