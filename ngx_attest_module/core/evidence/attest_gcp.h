/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What Google's certificates for a virtual TPM's keys say of the instance:
 * extension 1.3.6.1.4.1.11129.2.1.21 (google/go-tpm-tools,
 * server/instance_info.go).
 */


#ifndef ATTEST_GCP_H_INCLUDED
#define ATTEST_GCP_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"


#define ATTEST_GCP_OID_INSTANCE  "1.3.6.1.4.1.11129.2.1.21"


typedef struct {
    attest_span_t   zone;              /* UTF-8, as the certificate has it */
    attest_span_t   project_id;
    attest_span_t   instance_name;
    uint64_t        project_number;
    uint64_t        instance_id;
    uint64_t        security_version;
    unsigned        has_security:1;    /* security properties are there */
    unsigned        production:1;      /* they say so */
} attest_gcp_instance_t;


/*
 * DER of the extension's value, nothing behind it.  Borrows from p.  Texts
 * have 1 to 255 bytes.  ATTEST_EFORMAT: malformed, not DER, a text that is
 * empty or not printable ASCII; ATTEST_ELIMIT: a number above 2^64 - 1.
 */
int attest_gcp_instance_parse(const uint8_t *p, size_t n,
    attest_gcp_instance_t *info);

/*
 * The same out of a certificate, which *info borrows from.
 * ATTEST_EUNSUPPORTED: it has no such extension; ATTEST_EFORMAT: two of them.
 */
int attest_gcp_instance_find(const X509 *cert, attest_gcp_instance_t *info);


#endif /* ATTEST_GCP_H_INCLUDED */
