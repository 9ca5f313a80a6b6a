/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What Intel wrote into a platform's certificate (PCK), in its SGX extensions.
 * Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5.
 */


#ifndef ATTEST_PCK_H_INCLUDED
#define ATTEST_PCK_H_INCLUDED


#include <openssl/x509.h>

#include "core/evidence/attest_tdx.h"


/* The SGX extensions of a PCK certificate, 1.2.840.113741.1.13.1. */

typedef struct {
    uint8_t              ppid[16];
    uint8_t              svn[ATTEST_TDX_SVNS];
    uint16_t             pcesvn;
    uint8_t              cpusvn[16];
    uint8_t              pceid[2];
    uint8_t              fmspc[6];
    unsigned             sgx_type;       /* 0 standard, 1 scalable, 2 with
                                            integrity */
} attest_tdx_pck_t;


/* ATTEST_EFORMAT: no such extension, or one that is not a PCK's. */
int attest_pck_read(X509 *cert, attest_tdx_pck_t *pck);


#endif /* ATTEST_PCK_H_INCLUDED */
