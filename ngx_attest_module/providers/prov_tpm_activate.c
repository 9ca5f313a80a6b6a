/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credential activation: proves that EK and AK live in one TPM.  What comes
 * out is an HMAC over the caller's message, so that nobody can use us to
 * open a credential that was meant for someone else.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/attest_wire.h"
#include "providers/prov_tpm_esys.h"


static int prov_tpm_2b(const uint8_t *p, size_t n, size_t max,
    UINT16 *size, BYTE *out);
static int prov_tpm_policy(prov_tpm_call_t *c);
static int prov_tpm_proof(prov_tpm_call_t *c, TPM2B_DIGEST *secret,
    const uint8_t *msg, size_t msg_len, uint8_t proof[ATTEST_SHA256_LEN]);


int
prov_tpm_credential_parse(const uint8_t *cred, size_t cred_len,
    const uint8_t *enc, size_t enc_len, prov_tpm_credential_t *out)
{
    int  rc;

    memset(out, 0, sizeof(*out));

    rc = prov_tpm_2b(cred, cred_len, sizeof(out->blob.credential),
                     &out->blob.size, out->blob.credential);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return prov_tpm_2b(enc, enc_len, sizeof(out->seed.secret),
                       &out->seed.size, out->seed.secret);
}


int
prov_tpm_activate(prov_tpm_call_t *c,
    const prov_tpm_credential_t *cred, const uint8_t *msg, size_t msg_len,
    uint8_t proof[ATTEST_SHA256_LEN])
{
    int            rc;
    TSS2_RC        tss;
    TPM2B_DIGEST  *secret;

    rc = prov_tpm_policy(c);
    if (rc != ATTEST_OK) {
        return rc;
    }

    tss = Esys_ActivateCredential(c->esys, c->ak, c->ek, ESYS_TR_PASSWORD,
                                  c->session, ESYS_TR_NONE, &cred->blob,
                                  &cred->seed, &secret);

    /* tpm2-tss frees its buffers as they are */
    prov_tcti_wipe(&c->tcti);

    if (tss != TSS2_RC_SUCCESS) {
        rc = prov_tpm_fail(c, "TPM2_ActivateCredential", tss);
        return prov_tpm_refused(c, tss) ? ATTEST_ECRYPTO : rc;
    }

    rc = prov_tpm_proof(c, secret, msg, msg_len, proof);

    OPENSSL_cleanse(secret, sizeof(*secret));
    Esys_Free(secret);

    return rc;
}


/* u16be size and exactly that many bytes: checked before tpm2-tss sees it. */

static int
prov_tpm_2b(const uint8_t *p, size_t n, size_t max, UINT16 *size,
    BYTE *out)
{
    size_t  len;

    if (n < 2) {
        return ATTEST_EFORMAT;
    }

    len = attest_wire_get_be16(p);

    if (len != n - 2 || len == 0 || len > max) {
        return ATTEST_EFORMAT;
    }

    *size = (UINT16) len;
    memcpy(out, p + 2, len);
    return ATTEST_OK;
}


/* The EK's policy: PolicySecret(TPM_RH_ENDORSEMENT), empty authorization. */

static int
prov_tpm_policy(prov_tpm_call_t *c)
{
    TSS2_RC       rc;
    TPMT_SYM_DEF  sym;

    memset(&sym, 0, sizeof(sym));
    sym.algorithm = TPM2_ALG_NULL;

    rc = Esys_StartAuthSession(c->esys, ESYS_TR_NONE, ESYS_TR_NONE,
                               ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
                               TPM2_SE_POLICY, &sym, TPM2_ALG_SHA256,
                               &c->session);
    if (rc != TSS2_RC_SUCCESS) {
        c->session = ESYS_TR_NONE;
        return prov_tpm_fail(c, "TPM2_StartAuthSession", rc);
    }

    rc = Esys_PolicySecret(c->esys, ESYS_TR_RH_ENDORSEMENT, c->session,
                           ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
                           NULL, NULL, 0, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail_auth(c, "TPM2_PolicySecret", "endorsement",
                                  rc);
    }

    return ATTEST_OK;
}


static int
prov_tpm_proof(prov_tpm_call_t *c, TPM2B_DIGEST *secret,
    const uint8_t *msg, size_t msg_len, uint8_t proof[ATTEST_SHA256_LEN])
{
    unsigned  len;

    /* an empty key would make the proof anybody's */

    if (secret->size == 0 || secret->size > sizeof(secret->buffer)) {
        return prov_tpm_error(c, ATTEST_ECRYPTO, "TPM2_ActivateCredential:"
                              " no secret");
    }

    len = 0;
    if (HMAC(EVP_sha256(), secret->buffer, secret->size, msg, msg_len, proof,
             &len) == NULL || len != ATTEST_SHA256_LEN)
    {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "HMAC failed");
    }

    return ATTEST_OK;
}
