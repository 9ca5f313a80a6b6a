/* SPDX-License-Identifier: Apache-2.0 */

/* The member "snp" of a policy: AMD SEV-SNP, docs/policy.md. */


#ifndef ATTEST_POLICY_SNP_H_INCLUDED
#define ATTEST_POLICY_SNP_H_INCLUDED


#include <openssl/x509.h>

#include "core/policy/attest_refset.h"
#include "core/evidence/attest_snp.h"


/* Flags by their names, ended by NULL: of "platform", of "guest_policy". */
typedef struct {
    const char  *name;
    uint64_t     bit;
} attest_policy_bit_t;

extern const attest_policy_bit_t  attest_policy_snp_platform_bits[];
extern const attest_policy_bit_t  attest_policy_snp_guest_bits[];

/* "measurement_covers": the firmware alone, or what it boots as well */
typedef enum {
    ATTEST_SNP_COVERS_UNSAID = 0,
    ATTEST_SNP_COVERS_FIRMWARE,
    ATTEST_SNP_COVERS_KERNEL
} attest_snp_covers_e;

typedef struct {
    attest_refset_t        measurement;        /* 48 bytes each */
    attest_snp_covers_e    covers;
    attest_refset_t        host_data;          /* 32 */
    attest_refset_t        id_key_digest;      /* 48 */
    attest_refset_t        author_key_digest;  /* 48 */
    attest_refset_t        family_id;          /* 16 */
    attest_refset_t        image_id;           /* 16 */
    attest_refset_t        chip_id;            /* 64 */
    uint64_t               vmpl;               /* highest number allowed */
    attest_snp_tcb_t       min_tcb;            /* of reported_tcb */
    attest_snp_tcb_t       min_committed_tcb;
    attest_snp_tcb_t       min_launch_tcb;
    uint64_t               platform_mask;      /* bits that the policy names */
    uint64_t               platform;           /* and what they must be */
    uint64_t               guest_mask;
    uint64_t               guest;
    uint64_t               abi_major;          /* least, as the guest's */
    uint64_t               abi_minor;          /* owner demands it */
    STACK_OF(X509)        *certs;              /* VCEK or VLEK, ASK */
    STACK_OF(X509_CRL)    *crls;
    uint8_t                given;
    uint8_t                has_vmpl;
    uint8_t                has_min_tcb;
    uint8_t                has_min_committed_tcb;
    uint8_t                has_min_launch_tcb;
    uint8_t                has_abi;
    uint8_t                allow_debug;        /* for tests */
    uint8_t                allow_migration;
} attest_policy_snp_t;


/* Does "min_tcb" demand anything?  Also asked for reports in Azure's. */
bool attest_policy_snp_min_tcb_said(const attest_policy_snp_t *p);


#endif /* ATTEST_POLICY_SNP_H_INCLUDED */
