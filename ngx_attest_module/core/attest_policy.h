/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Appraisal policy: reference values and what a relying party accepts, in a
 * JSON file documented in docs/policy.md.  Unknown or duplicate members
 * are errors, with the member's path in the message.
 */


#ifndef ATTEST_POLICY_H_INCLUDED
#define ATTEST_POLICY_H_INCLUDED


#include <openssl/x509.h>

#include "attest_core.h"
#include "attest_policy_azure.h"
#include "attest_policy_gcp.h"
#include "attest_policy_gpu.h"
#include "attest_policy_nitro.h"
#include "attest_policy_snp.h"
#include "attest_policy_tdx.h"
#include "attest_refset.h"
#include "attest_roots.h"
#include "attest_tpm.h"


/* Roots of trust, docs/verifier.md. */
#define ATTEST_ROOT_TEE          0x01
#define ATTEST_ROOT_TEE_VTPM     0x02
#define ATTEST_ROOT_CLOUD_VTPM   0x04
#define ATTEST_ROOT_HOST_VTPM    0x08
#define ATTEST_ROOT_SOFTWARE     0x10
#define ATTEST_ROOT_SIMULATED    0x20
#define ATTEST_ROOT_DEFAULT      (ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM)

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
    unsigned          roots_given:1;    /* "roots_of_trust" was there */
    unsigned          require_nonce:1;  /* "require_nonce", default true */
    unsigned          require_exporter:1; /* "require_exporter", default true */
    unsigned          require_eventlog:1; /* "require_eventlog", false */
    unsigned          require_ek:1;     /* "require_ek": default true unless
                                           only software is allowed or "ak"
                                           names the keys */
    unsigned          require_hpke_keys:1; /* default false */
} attest_policy_t;


/* What holds without a policy file: accepts tee and tee-vtpm only. */
void attest_policy_default(attest_policy_t *policy);
/* err: a message for people on failure, at least 256 bytes. */
int attest_policy_parse(const char *json, size_t len, attest_policy_t *policy,
    char *err, size_t err_len);
void attest_policy_clear(attest_policy_t *policy);

/* Bit of a label, 0 if unknown; and the label of a bit. */
unsigned attest_root_from_label(attest_span_t label);
const char *attest_root_label(unsigned root);


#endif /* ATTEST_POLICY_H_INCLUDED */
