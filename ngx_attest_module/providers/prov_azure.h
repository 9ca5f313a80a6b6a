/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Azure provider's own header: the paravisor's report, and what vouches
 * for the hardware report in it.
 */


#ifndef PROV_AZURE_H_INCLUDED
#define PROV_AZURE_H_INCLUDED


#include "core/evidence/attest_hcl.h"
#include "providers/attest_provider.h"


#define ATTEST_AZURE_IMDS    "169.254.169.254:80"
#define ATTEST_AZURE_ERROR   256


/* prov_azure_imds.c: *out is malloc()ed; error says what went wrong. */

/* SNP: PEM certificates of the VCEK, ASK and ARK, in this order. */
int prov_azure_vcek(const char *address, int64_t deadline, uint8_t **out,
    size_t *len, char error[ATTEST_AZURE_ERROR]);

/* TDX: the quote over a TDREPORT. */
int prov_azure_tdquote(const char *address, attest_span_t report,
    int64_t deadline, uint8_t **out, size_t *len,
    char error[ATTEST_AZURE_ERROR]);

/* A PEM file, at most ATTEST_MAX_ITEM bytes. */
int prov_azure_file(const char *path, uint8_t **out, size_t *len,
    char error[ATTEST_AZURE_ERROR]);

/*
 * prov_azure_check.c: is the hardware report signed by what vouches for it?
 * *genuine: it leads to the maker's root.  ATTEST_EMISMATCH: they do not
 * belong together; or what the parsers and the signature say.
 */
int prov_azure_check(const attest_hcl_t *hcl, attest_span_t proof,
    int *genuine, char error[ATTEST_AZURE_ERROR]);


#endif /* PROV_AZURE_H_INCLUDED */
