/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a TPMT_PUBLIC.  What parses has a key, and maybe is an EK. */

#include <stdlib.h>

#include "core/evidence/attest_tpm.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                cred_len = ATTEST_TPM_MAX_CRED;
    size_t                enc_len = ATTEST_TPM_MAX_ENC;
    uint8_t               cred[ATTEST_TPM_MAX_CRED];
    uint8_t               enc[ATTEST_TPM_MAX_ENC];
    attest_tpm_public_t   pub;
    static const uint8_t  secret[ATTEST_TPM_SECRET_LEN];

    if (attest_tpm_public_parse(p, n, &pub) != ATTEST_OK) {
        if (pub.key != NULL) {
            abort();
        }
        return 0;
    }

    if (pub.key == NULL) {
        abort();
    }

    if (attest_tpm_ak_check(&pub) == ATTEST_OK
        && (pub.attributes & 0x00070000) != 0x00050000)
    {
        abort();
    }

    (void) attest_tpm_make_credential(&pub, pub.name, secret, cred, &cred_len,
                                      enc, &enc_len);
    attest_tpm_public_free(&pub);
    return 0;
}
