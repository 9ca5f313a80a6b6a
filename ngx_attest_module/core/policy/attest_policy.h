/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Appraisal policy: reference values and what a relying party accepts, in a
 * JSON file documented in docs/policy.md.  Unknown or duplicate members
 * are errors, with the member's path in the message.
 */


#ifndef ATTEST_POLICY_H_INCLUDED
#define ATTEST_POLICY_H_INCLUDED


#include <openssl/x509.h>

#include "core/evidence/attest_kind.h"
#include "core/evidence/attest_label.h"
#include "core/policy/attest_policy_azure.h"
#include "core/policy/attest_policy_gcp.h"
#include "core/policy/attest_policy_gpu.h"
#include "core/policy/attest_policy_nitro.h"
#include "core/policy/attest_policy_snp.h"
#include "core/policy/attest_policy_tdx.h"
#include "core/policy/attest_refset.h"
#include "core/evidence/attest_tpm.h"


#define ATTEST_POLICY_MAX_JSON   (256 * 1024)


typedef struct {
    unsigned          roots;            /* "roots_of_trust" bits */
    uint16_t          pcr_alg;          /* "pcrs": {"sha256": {...}} */
    attest_refset_t   pcrs[ATTEST_TPM_PCRS];
    attest_refset_t   events[ATTEST_TPM_PCRS];   /* "events": digests that the
                                           boot log must contain, per PCR */
    attest_refset_t   config;           /* "config": allowed record digests */
    attest_refset_t   ak;               /* "ak": allowed AK names (34 bytes) */
    STACK_OF(X509)   *ek_roots;         /* "ek_roots": PEM texts */
    STACK_OF(X509)   *ek_intermediates; /* "ek_intermediates", like those: */
    STACK_OF(X509)   *intermediates[ATTEST_MAKERS];  /* "azure": {
                                           "intermediates": PEM texts }, and
                                           of others; never anchors */
    STACK_OF(X509)   *simulated_roots;  /* "simulated_roots": anchors of the
                                           label simulated, never of tee */
    attest_policy_snp_t    snp;         /* "snp": {...} */
    attest_policy_tdx_t    tdx;
    attest_policy_azure_t  azure;
    attest_policy_gcp_t    gcp;
    attest_policy_nitro_t  nitro;
    attest_policy_gpu_t    gpu;
    uint64_t          max_age;          /* "max_age": s since not_before; 0 */
    unsigned          waive;            /* "waive": ATTEST_LEAST_.. bits, what
                                           the policy need not say */
    uint8_t           roots_given;      /* "roots_of_trust" was there */
    uint8_t           require_nonce;    /* "require_nonce", default true */
    uint8_t           require_exporter;   /* "require_exporter", default true */
    uint8_t           require_eventlog;   /* "require_eventlog", false */
    uint8_t           require_ek;       /* "require_ek": default true unless
                                           only software is allowed or "ak"
                                           names the keys */
    uint8_t           require_hpke_keys;   /* default false */
} attest_policy_t;


/* What holds without a policy file: accepts tee and tee-vtpm only. */
void attest_policy_default(attest_policy_t *policy);
/* err: a message for people on failure, at least 256 bytes. */
int attest_policy_parse(const char *json, size_t len, attest_policy_t *policy,
    char *err, size_t err_len);
void attest_policy_clear(attest_policy_t *policy);


#endif /* ATTEST_POLICY_H_INCLUDED */
