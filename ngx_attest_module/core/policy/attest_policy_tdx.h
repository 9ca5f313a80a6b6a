/* SPDX-License-Identifier: Apache-2.0 */

/* The member "tdx" of a policy: Intel TDX. */


#ifndef ATTEST_POLICY_TDX_H_INCLUDED
#define ATTEST_POLICY_TDX_H_INCLUDED


#include <openssl/x509.h>

#include "core/policy/attest_refset.h"
#include "core/policy/attest_tdx_tcb.h"


#define ATTEST_POLICY_TDX_COLLATERAL   8


/*
 * What Intel's service answered for one kind of platform.  Only its form is
 * checked when the policy is read; signatures and dates when it is used.
 */

typedef struct {
    char             *tcb_info;          /* malloc()ed, as it was given */
    attest_span_t     tcb_info_json;     /* the signed bytes in it */
    uint8_t           tcb_info_sig[ATTEST_TDX_SIGNATURE];
    STACK_OF(X509)   *tcb_info_chain;
    char             *qe_identity;
    attest_span_t     qe_identity_json;
    uint8_t           qe_identity_sig[ATTEST_TDX_SIGNATURE];
    STACK_OF(X509)   *qe_identity_chain;
    X509_CRL         *root_crl;
    X509_CRL         *pck_crl;
    STACK_OF(X509)   *pck_crl_chain;     /* may be NULL */
    uint8_t           fmspc[6];          /* unproven, to choose by */
    uint8_t           has_tcb_info_sig;
    uint8_t           has_qe_identity_sig;
} attest_policy_collateral_t;

typedef struct {
    attest_refset_t   mrtd;
    attest_refset_t   mrseam;
    attest_refset_t   rtmr[ATTEST_TDX_RTMRS];
    attest_refset_t   mrconfigid;
    attest_refset_t   mrowner;
    attest_refset_t   mrownerconfig;
    attest_refset_t   mrservicetd;
    attest_refset_t   xfam;
    attest_refset_t   ppid;
    attest_refset_t   fmspc;
    uint64_t          attributes_required;
    uint64_t          attributes_allowed;   /* with the default in it */
    uint32_t          tcb;                  /* ATTEST_TCB_BIT()s; 0: only
                                               UpToDate */
    int64_t           min_tcb_date;         /* 0: any */
    attest_policy_collateral_t  collateral[ATTEST_POLICY_TDX_COLLATERAL];
    size_t            ncollateral;
    uint8_t           given;
    uint8_t           attributes_given;     /* "allowed" was there */
    uint8_t           no_tcb;               /* "require_tcb": false */
    uint8_t           allow_debug;
} attest_policy_tdx_t;


#endif /* ATTEST_POLICY_TDX_H_INCLUDED */
