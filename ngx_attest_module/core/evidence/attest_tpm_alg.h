/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers of the TCG Algorithm Registry that the TPM room shares inside. */


#ifndef ATTEST_TPM_ALG_H_INCLUDED
#define ATTEST_TPM_ALG_H_INCLUDED


#include <openssl/evp.h>

#include "core/evidence/attest_tpm.h"


#define ATTEST_TPM_ALG_RSA        0x0001
#define ATTEST_TPM_ALG_AES        0x0006
#define ATTEST_TPM_ALG_NULL       0x0010
#define ATTEST_TPM_ALG_RSASSA     0x0014
#define ATTEST_TPM_ALG_RSAPSS     0x0016
#define ATTEST_TPM_ALG_ECDSA      0x0018
#define ATTEST_TPM_ALG_ECC        0x0023
#define ATTEST_TPM_ALG_CFB        0x0043

#define ATTEST_TPM_CURVE_P256     0x0003
#define ATTEST_TPM_CURVE_P384     0x0004

/* TPMA_OBJECT, part 2, section 8.3 */
#define ATTEST_TPM_FIXED_TPM      0x00000002
#define ATTEST_TPM_FIXED_PARENT   0x00000010
#define ATTEST_TPM_SENSITIVE_ORIG 0x00000020
#define ATTEST_TPM_RESTRICTED     0x00010000
#define ATTEST_TPM_DECRYPT        0x00020000
#define ATTEST_TPM_SIGN           0x00040000

#define ATTEST_TPM_MAX_DIGEST     64
#define ATTEST_TPM_MAX_RSA        512        /* bytes: RSA-4096 */
#define ATTEST_TPM_MAX_COORD      48         /* bytes: P-384 */


/* SHA-256 or better: what a signature or a bank is believed with. */
const EVP_MD *attest_tpm_md(uint16_t alg);


#endif /* ATTEST_TPM_ALG_H_INCLUDED */
