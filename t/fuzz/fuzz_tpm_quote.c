/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: one byte n, a TPMT_SIGNATURE of n bytes, a TPMS_ATTEST.  Random
 * keys (RSA short enough for n): nothing may verify under them.
 */

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/evidence/attest_tpm.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fuzz_pcrs(const attest_tpm_quote_t *q);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                      len;
    uint16_t                    hash;
    attest_tpm_quote_t          q;
    static attest_tpm_public_t  ec, rsa;

    if (ec.key == NULL) {
        ec.key = EVP_EC_gen("P-256");
        rsa.key = EVP_RSA_gen(1024);
    }

    if (n == 0 || (len = p[0]) > n - 1) {
        return 0;
    }

    if (attest_tpm_signature_hash(p + 1, len, &hash) == ATTEST_OK
        && attest_tpm_alg_len(hash) < 32)
    {
        abort();
    }

    if (attest_tpm_signature_verify(&ec, p + 1, len, p + 1 + len,
                                    n - 1 - len) == ATTEST_OK
        || attest_tpm_signature_verify(&rsa, p + 1, len, p + 1 + len,
                                       n - 1 - len) == ATTEST_OK)
    {
        abort();
    }

    if (attest_tpm_quote_parse(p + 1 + len, n - 1 - len, &q) == ATTEST_OK) {
        fuzz_pcrs(&q);
    }

    return 0;
}


static void
fuzz_pcrs(const attest_tpm_quote_t *q)
{
    size_t                    i;
    static attest_tpm_pcrs_t  pcrs;

    pcrs.count = q->nbanks;

    for (i = 0; i < q->nbanks; i++) {
        pcrs.banks[i].alg = q->banks[i].alg;
        pcrs.banks[i].select = q->banks[i].select;
        pcrs.banks[i].len = attest_tpm_alg_len(q->banks[i].alg);

        if (q->banks[i].select >> ATTEST_TPM_PCRS != 0) {
            abort();
        }
    }

    (void) attest_tpm_pcr_digest_check(q, &pcrs, ATTEST_TPM_ALG_SHA256);
}
