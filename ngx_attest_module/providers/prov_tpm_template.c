/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Public areas of the primary keys.
 */


#include <string.h>

#include "providers/prov_tpm_esys.h"


static void prov_tpm_symmetric(TPMT_SYM_DEF_OBJECT *sym, int aes);


/*
 * Restricted: signs only what the TPM itself has made, so that a signature
 * of it is a TPM's word.  No dictionary-attack protection: the authorization
 * is empty, and a machine that loses power a few times must not find its key
 * locked out (part 1, "Dictionary Attack Protection": a reset without an
 * orderly shutdown counts as a failed try).
 */

void
prov_tpm_ak_template(TPMT_PUBLIC *pub, int rsa)
{
    TPMS_ECC_PARMS  *ecc = &pub->parameters.eccDetail;
    TPMS_RSA_PARMS  *r = &pub->parameters.rsaDetail;

    memset(pub, 0, sizeof(*pub));

    pub->nameAlg = TPM2_ALG_SHA256;
    pub->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT
                            | TPMA_OBJECT_SENSITIVEDATAORIGIN
                            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA
                            | TPMA_OBJECT_RESTRICTED
                            | TPMA_OBJECT_SIGN_ENCRYPT;

    if (rsa) {
        pub->type = TPM2_ALG_RSA;
        prov_tpm_symmetric(&r->symmetric, 0);
        r->scheme.scheme = TPM2_ALG_RSASSA;
        r->scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
        r->keyBits = 2048;
        return;
    }

    pub->type = TPM2_ALG_ECC;
    prov_tpm_symmetric(&ecc->symmetric, 0);
    ecc->scheme.scheme = TPM2_ALG_ECDSA;
    ecc->scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    ecc->curveID = TPM2_ECC_NIST_P256;
    ecc->kdf.scheme = TPM2_ALG_NULL;
}


/*
 * TCG EK Credential Profile 2.x, templates L-1 (RSA 2048) and L-2 (ECC
 * P-256): the maker's certificate is about the key that exactly these bytes
 * produce.  The policy is PolicySecret(TPM_RH_ENDORSEMENT).
 */

void
prov_tpm_ek_template(TPMT_PUBLIC *pub, int ecc)
{
    TPMS_ECC_PARMS        *e = &pub->parameters.eccDetail;
    TPMS_RSA_PARMS        *r = &pub->parameters.rsaDetail;
    static const uint8_t   policy[32] = {
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,
        0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
        0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
        0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa
    };

    memset(pub, 0, sizeof(*pub));

    pub->nameAlg = TPM2_ALG_SHA256;
    pub->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT
                            | TPMA_OBJECT_SENSITIVEDATAORIGIN
                            | TPMA_OBJECT_ADMINWITHPOLICY
                            | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

    pub->authPolicy.size = sizeof(policy);
    memcpy(pub->authPolicy.buffer, policy, sizeof(policy));

    if (ecc) {
        pub->type = TPM2_ALG_ECC;
        prov_tpm_symmetric(&e->symmetric, 1);
        e->scheme.scheme = TPM2_ALG_NULL;
        e->curveID = TPM2_ECC_NIST_P256;
        e->kdf.scheme = TPM2_ALG_NULL;
        pub->unique.ecc.x.size = 32;
        pub->unique.ecc.y.size = 32;
        return;
    }

    pub->type = TPM2_ALG_RSA;
    prov_tpm_symmetric(&r->symmetric, 1);
    r->scheme.scheme = TPM2_ALG_NULL;
    r->keyBits = 2048;
    pub->unique.rsa.size = 256;
}


static void
prov_tpm_symmetric(TPMT_SYM_DEF_OBJECT *sym, int aes)
{
    if (!aes) {
        sym->algorithm = TPM2_ALG_NULL;
        return;
    }

    sym->algorithm = TPM2_ALG_AES;
    sym->keyBits.aes = 128;
    sym->mode.aes = TPM2_ALG_CFB;
}
