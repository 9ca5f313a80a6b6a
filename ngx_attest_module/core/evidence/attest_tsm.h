/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A report as Linux' configfs-tsm gives it (Documentation/ABI/testing/
 * configfs-tsm), carried as Veraison's tsm-report: a CBOR map of text keys.
 */


#ifndef ATTEST_TSM_H_INCLUDED
#define ATTEST_TSM_H_INCLUDED


#include "core/base/attest_core.h"


typedef struct {
    attest_span_t   provider;          /* "sev_guest", "tdx_guest", .. */
    attest_span_t   outblob;           /* the report or quote */
    attest_span_t   auxblob;           /* SNP: the certificate table; written
                                          by the host, empty when absent */
    attest_span_t   manifestblob;      /* SVSM, empty when absent */
    attest_span_t   service_provider;  /* "svsm", empty when absent */
} attest_tsm_t;


/*
 * Deterministic CBOR.  *len: room in, bytes out; ATTEST_ENOSPACE sets *len to
 * the need.  ATTEST_EARG: no provider, no outblob, a manifest without its
 * service provider, or a name that is not 1 to 31 printable characters.
 */
int attest_tsm_encode(const attest_tsm_t *tsm, uint8_t *out, size_t *len);

/*
 * Borrows from the input.  Definite lengths, no duplicates, known keys only,
 * provider and outblob present, manifestblob and service_provider together
 * or not at all, nothing behind.  ATTEST_EFORMAT, ATTEST_ELIMIT.
 */
int attest_tsm_parse(const uint8_t *p, size_t n, attest_tsm_t *tsm);


#endif /* ATTEST_TSM_H_INCLUDED */
