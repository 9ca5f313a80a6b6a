/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One verification: what it was given, what it found so far.
 */


#ifndef ATTEST_VERIFY_TYPES_H_INCLUDED
#define ATTEST_VERIFY_TYPES_H_INCLUDED


#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_label.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tpm.h"
#include "core/appraisal/attest_verify.h"


#define ATTEST_CLOCK_SKEW    300        /* seconds that clocks may differ */

/* Nothing has to be proven to be that. */
#define ATTEST_ROOTS_UNPROVEN    (ATTEST_ROOT_SOFTWARE                        \
                                  | ATTEST_ROOT_SIMULATED)


/* The three places where the same machine shows evidence. */

typedef enum {
    ATTEST_PART_CERT = 0,
    ATTEST_PART_CACHED,
    ATTEST_PART_FRESH,
    ATTEST_PARTS
} attest_part_e;

/* Checks made for each part, in order; ids are in attest_verify_report.c. */
typedef enum {
    ATTEST_ON_COLLECTION = 0,
    ATTEST_ON_CLAIMS,
    ATTEST_ON_KEY,
    ATTEST_ON_VALIDITY,
    ATTEST_ON_AK,
    ATTEST_ON_SIGNATURE,
    ATTEST_ON_BINDING,
    ATTEST_ON_PCRS,
    ATTEST_ON_HPKE,
    ATTEST_ON_CONFIG,
    ATTEST_ON_COUNT
} attest_on_e;


/* What the CPU says, or what stands for it. */

typedef struct {
    attest_kind_e         kind;
    attest_kind_e         chip;      /* whose member of the policy is asked:
                                        Azure's is SNP or TDX */
    attest_span_t         raw;       /* value of the item: what a TPM quote
                                        on the same machine hashes */

    /* Azure: of the SPKI of the key that the report vouches for */
    uint8_t               ak_spki[ATTEST_SHA256_LEN];

    /*
     * of what stays the same in all reports of one machine that was not
     * reset: for comparison
     */
    uint8_t               machine[ATTEST_SHA256_LEN];

    attest_span_t         svsm_ek;   /* SVSM: TPMT_PUBLIC of its vTPM's EK */
    unsigned              proven:1;  /* genuine: chain, signature, binding to
                                        the claims (Azure: to ak_spki) and
                                        nothing that is never accepted */
    unsigned              simulated:1;  /* its chain ends in one of the
                                           policy's simulated_roots */
    unsigned              referenced:1; /* all reference values match that
                                           the policy has for this kind */
    unsigned              has_ak:1;     /* ak_spki is set */
    unsigned              has_log:1;    /* a boot log that explains what the
                                           report measured */
} attest_cpu_t;


typedef struct {
    attest_part_e         which;
    attest_cmw_t          cmw;
    attest_cpu_t          cpu;
    attest_span_t         claims_raw;
    attest_claims_t       claims;
    attest_tpm_item_t     tpm;
    attest_tpm_quote_t    quote;
    attest_tpm_public_t   ak;
    attest_span_t         hpke_keys;     /* hashed by the claims */
    attest_span_t         ccc_quote;     /* the certificate has no CMW, but
                                            the CCC's extension */
    unsigned              has_cmw:1;
    unsigned              has_claims:1;  /* parsed */
    unsigned              has_tpm:1;     /* item, quote and AK parsed */
    unsigned              proven:1;      /* quote signs these claims, PCRs */
    unsigned              ak_cloud:1;    /* a cloud's CA certifies the AK */
    unsigned              ak_google:1;   /* .. which is Google's */
    unsigned              ak_simulated:1;   /* one of simulated_roots does */
    unsigned              svsm_ak:1;     /* AK proven to be in the TPM whose
                                            EK the CPU's report names */

    /* of all devices' identities, for comparison */
    uint8_t               gpus[ATTEST_SHA256_LEN];
    unsigned              gpu_proven:1;  /* GPU evidence genuine and bound */
    unsigned              gpu_simulated:1;  /* of one or more devices */
} attest_part_t;

typedef struct {
    const attest_verify_input_t   *in;
    const attest_policy_t         *policy;
    const attest_roots_t          *roots;
    attest_x509_cache_t           *cache;
    attest_result_t               *res;
    attest_ratls_cert_t            cert;
    attest_part_t                  part[ATTEST_PARTS];
    attest_part_t                 *main;  /* the freshest there is, or NULL */
    unsigned                       has_cert:1;
    unsigned                       ak_named:1;      /* AK is in the policy */
    unsigned                       ak_tied:1;       /* AK is in a TPM that
                                           something vouches for */
    unsigned                       ek_chained:1;
    unsigned                       ek_activated:1;
    unsigned                       bound:1;   /* a key or connection that the
                                           caller saw is the evidence's */
    unsigned                       overflow:1;      /* a check found no room */
    unsigned                       open;      /* ATTEST_LEAST_.. that the
                                           policy neither says nor waives */
} attest_verify_t;


#endif /* ATTEST_VERIFY_TYPES_H_INCLUDED */
