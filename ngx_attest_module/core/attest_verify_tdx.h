
/*
 * Shared by the files that judge Intel quotes: attest_verify_tdx.c (is it
 * genuine, is it ours), attest_verify_tdx_tcb.c (is the platform up to date).
 */


#ifndef ATTEST_VERIFY_TDX_H_INCLUDED
#define ATTEST_VERIFY_TDX_H_INCLUDED


#include "attest_tdx.h"
#include "attest_verify_internal.h"


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
int attest_td_tcb(attest_td_t *td);


#endif /* ATTEST_VERIFY_TDX_H_INCLUDED */
