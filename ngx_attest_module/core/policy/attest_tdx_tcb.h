/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel's collateral for TDX: TCB info (version 3) and the quoting enclave's
 * identity (version 2), JSON signed by Intel, and what they say of one quote.
 * Intel SGX and TDX Provisioning Certification Service, API version 4.
 */


#ifndef ATTEST_TDX_TCB_H_INCLUDED
#define ATTEST_TDX_TCB_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"
#include "core/evidence/attest_pck.h"
#include "core/evidence/attest_tdx.h"


#define ATTEST_TCB_MAX_JSON      (64 * 1024)
#define ATTEST_TCB_MAX_LEVELS    64
#define ATTEST_TCB_MAX_MODULES   16
#define ATTEST_TCB_MAX_SVNS      32          /* levels of a module or QE */


/* Bits: one of the first five and perhaps CONFIGURATION; worse is larger. */

#define ATTEST_TCB_UP_TO_DATE    0x00
#define ATTEST_TCB_HARDENING     0x10        /* SWHardeningNeeded */
#define ATTEST_TCB_RELAUNCH      0x20        /* TDRelaunchAdvised */
#define ATTEST_TCB_OUT_OF_DATE   0x30
#define ATTEST_TCB_UNSUPPORTED   0x40        /* no level matches */
#define ATTEST_TCB_REVOKED       0x50
#define ATTEST_TCB_SEVERITY      0xf0
#define ATTEST_TCB_CONFIGURATION 0x01

/* Bit of a status in a policy's set of accepted ones. */
#define ATTEST_TCB_BIT(status)                                               \
    (1u << (2 * ((status) >> 4) + ((status) & 1)))


/* A level of the module or of the quoting enclave. */

typedef struct {
    unsigned              isvsvn;
    unsigned              status;
    int64_t               date;
} attest_tcb_svn_t;

typedef struct {
    attest_tcb_svn_t      level[ATTEST_TCB_MAX_SVNS];
    size_t                count;
} attest_tcb_svns_t;

typedef struct {
    unsigned              version;     /* TDX_01 is 1 */
    uint8_t               mrsigner[ATTEST_TDX_MR_LEN];
    uint8_t               attributes[8];
    uint8_t               mask[8];
    attest_tcb_svns_t     levels;
} attest_tcb_module_t;

typedef struct {
    uint8_t               sgx[ATTEST_TDX_SVNS];
    uint8_t               tdx[ATTEST_TDX_SVNS];
    unsigned              pcesvn;
    unsigned              status;
    int64_t               date;
} attest_tcb_level_t;

typedef struct {
    int64_t               issued;
    int64_t               next;
    uint8_t               fmspc[6];
    uint8_t               pceid[2];
    uint64_t              number;      /* tcbEvaluationDataNumber */
    attest_tcb_module_t   module;      /* "tdxModule", without levels */
    attest_tcb_module_t   modules[ATTEST_TCB_MAX_MODULES];
    size_t                nmodules;
    attest_tcb_level_t    level[ATTEST_TCB_MAX_LEVELS];
    size_t                nlevels;
} attest_tcb_info_t;

typedef struct {
    int64_t               issued;
    int64_t               next;
    uint8_t               miscselect[4];
    uint8_t               miscselect_mask[4];
    uint8_t               attributes[16];
    uint8_t               mask[16];
    uint8_t               mrsigner[ATTEST_TDX_SIGNER];
    unsigned              isvprodid;
    attest_tcb_svns_t     levels;
} attest_tcb_qe_t;

/* What one quote on one platform comes to. */

typedef struct {
    unsigned              status;      /* the worst of the three, relaunch
                                          taken into account */
    unsigned              platform;
    unsigned              module;
    unsigned              qe;
    int64_t               date;        /* the oldest tcbDate of the three */
} attest_tcb_result_t;


/*
 * The signed bytes of what the service answers: {"tcbInfo":{...},
 * "signature":"hex"}, or the same with "enclaveIdentity".  *inner borrows;
 * signed are exactly the bytes that stand there.  ATTEST_EFORMAT.
 */
int attest_tcb_unwrap(attest_span_t answer, const char *member,
    attest_span_t *inner, uint8_t sig[ATTEST_TDX_SIGNATURE]);

/*
 * Exactly these bytes, signed by this certificate's key: ATTEST_ECRYPTO.
 * Whoever asks has checked the certificate.
 */
int attest_tcb_signature(attest_span_t json,
    const uint8_t sig[ATTEST_TDX_SIGNATURE], X509 *signer);

/*
 * After the signature.  ATTEST_EFORMAT: not as the schema says, duplicate
 * members, an unknown status, not exactly 16 components.  ATTEST_EUNSUPPORTED:
 * of another id or version (SGX and TDX answers look alike).  ATTEST_ELIMIT.
 */
int attest_tcb_info_parse(attest_span_t json, attest_tcb_info_t *info);
int attest_tcb_qe_parse(attest_span_t json, attest_tcb_qe_t *qe);

/*
 * NULL and *res, or a static text that says what does not fit together:
 * FMSPC or PCEID of another platform, an unknown or foreign TDX module, a
 * foreign quoting enclave.  Dates are the caller's to check.  No match of a
 * level is no error but ATTEST_TCB_UNSUPPORTED.
 */
const char *attest_tcb_evaluate(const attest_tcb_info_t *info,
    const attest_tcb_qe_t *qe, const attest_tdx_quote_t *q,
    const attest_tdx_pck_t *pck, attest_tcb_result_t *res);

/* "UpToDate" and so on, as Intel spells it; and back, -1: unknown. */
const char *attest_tcb_status_name(unsigned status);
int attest_tcb_status(const char *name);

/* "2025-06-19T10:16:03Z", or the date alone; ATTEST_EFORMAT. */
int attest_tcb_time(const char *text, int64_t *t);


#endif /* ATTEST_TDX_TCB_H_INCLUDED */
