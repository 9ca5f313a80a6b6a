/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ties the evidence to the connection and to the keys that the caller
 * saw.  Each function adds checks, and says in v->bound when a key or the
 * connection is the evidence's.
 */


#ifndef ATTEST_VERIFY_BINDING_H_INCLUDED
#define ATTEST_VERIFY_BINDING_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* The certificate of the connection; sets v->cert. */
void attest_verify_certificate(attest_verify_t *v);

/* One part: the key and the time that its claims name, what they hash. */
void attest_verify_key(attest_verify_t *v, attest_part_t *part);
void attest_verify_validity(attest_verify_t *v, attest_part_t *part);
void attest_verify_hpke_list(attest_verify_t *v, attest_part_t *part);
void attest_verify_config(attest_verify_t *v, attest_part_t *part);

/* All parts together: are they of one generation, for us, and now? */
void attest_verify_agree(attest_verify_t *v);
void attest_verify_nonce(attest_verify_t *v);
void attest_verify_cached_nonce(attest_verify_t *v);
void attest_verify_exporter(attest_verify_t *v);
void attest_verify_max_age(attest_verify_t *v);

/* v->main: the served keys are the evidence's, its record the policy's. */
void attest_verify_hpke_served(attest_verify_t *v);
void attest_verify_config_reference(attest_verify_t *v);


#endif /* ATTEST_VERIFY_BINDING_H_INCLUDED */
