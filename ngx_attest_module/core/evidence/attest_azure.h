/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The item "azure-hcl": the report, and who vouches for its hardware report.
 * A deterministic CBOR map of byte strings.
 */


#ifndef ATTEST_AZURE_H_INCLUDED
#define ATTEST_AZURE_H_INCLUDED


#include "core/base/attest_core.h"


typedef struct {
    attest_span_t   hcl_report;
    attest_span_t   td_quote;              /* TDX; may be empty */
    attest_span_t   vcek_chain;            /* SNP: PEM or DER, the VCEK first;
                                              may be empty */
} attest_azure_t;

/*
 * *len: room in, bytes out; ATTEST_ENOSPACE sets *len to the need.
 * ATTEST_EARG: no report.  ATTEST_ELIMIT: more than an item may have.
 */
int attest_azure_encode(const attest_azure_t *azure, uint8_t *out,
    size_t *len);
/* Only what attest_azure_encode() makes, byte for byte; borrows from p. */
int attest_azure_parse(const uint8_t *p, size_t n, attest_azure_t *azure);


#endif /* ATTEST_AZURE_H_INCLUDED */
