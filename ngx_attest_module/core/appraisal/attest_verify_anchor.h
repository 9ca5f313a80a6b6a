/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chains of certificates: whose root do they end in?
 */


#ifndef ATTEST_VERIFY_ANCHOR_H_INCLUDED
#define ATTEST_VERIFY_ANCHOR_H_INCLUDED


#include "core/appraisal/attest_roots.h"
#include "core/appraisal/attest_verify_types.h"
#include "core/crypto/attest_x509.h"


/*
 * Does a chain lead from the leaf to one of this maker's roots, or else to
 * one of the policy's simulated_roots?  The makers' intermediates that we
 * ship are tried too.  `untrusted` and `crls` may be NULL.  NULL, and
 * *simulated says which; or a static text that says why not.
 */
const char *attest_verify_anchor(const attest_verify_t *v,
    attest_maker_e maker, X509 *leaf, STACK_OF(X509) *untrusted,
    STACK_OF(X509_CRL) *crls, int *simulated);
/* The same at another time than now: Unix seconds. */
const char *attest_verify_anchor_at(const attest_verify_t *v,
    attest_maker_e maker, X509 *leaf, STACK_OF(X509) *untrusted,
    STACK_OF(X509_CRL) *crls, int64_t at, int *simulated);


#endif /* ATTEST_VERIFY_ANCHOR_H_INCLUDED */
