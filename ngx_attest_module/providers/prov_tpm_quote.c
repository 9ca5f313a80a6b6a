/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TPM2_Quote, and PCR values that go with it.
 */


#include <stdlib.h>
#include <string.h>

#include "providers/prov_tpm_esys.h"


/* PCRs change at run time (IMA): how often we try to catch them still. */
#define ATTEST_TPM_ROUNDS  5


static int prov_tpm_quote_once(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN], prov_tpm_quoted_t *q);
static int prov_tpm_quote_check(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN], const prov_tpm_quoted_t *q,
    attest_tpm_quote_t *quote);
static int prov_tpm_quote_signature(prov_tpm_call_t *c,
    const prov_tpm_quoted_t *q);
static int prov_tpm_pcrs(prov_tpm_call_t *c, attest_tpm_pcrs_t *pcrs);
static int prov_tpm_pcrs_take(const TPML_PCR_SELECTION *got,
    const TPML_DIGEST *values, attest_tpm_bank_t *bank, uint32_t *left);
static void prov_tpm_selection(prov_tpm_call_t *c, uint32_t select,
    TPML_PCR_SELECTION *sel);


int
prov_tpm_quote(prov_tpm_call_t *c, const uint8_t extra[ATTEST_SHA256_LEN],
    prov_tpm_quoted_t *q)
{
    int                  rc, round;
    uint16_t             hash;
    attest_tpm_quote_t   quote;

    rc = prov_tpm_pcrs(c, &q->pcrs);
    if (rc != ATTEST_OK) {
        return rc;
    }

    for (round = 0; round < ATTEST_TPM_ROUNDS; round++) {

        rc = prov_tpm_quote_once(c, extra, q);
        if (rc != ATTEST_OK) {
            return rc;
        }

        rc = prov_tpm_quote_check(c, extra, q, &quote);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (attest_tpm_signature_hash(q->signature, q->signature_len, &hash)
            != ATTEST_OK)
        {
            return prov_tpm_error(c, ATTEST_EFORMAT, "TPM2_Quote: unknown"
                                  " signature");
        }

        if (attest_tpm_pcr_digest_check(&quote, &q->pcrs, hash) == ATTEST_OK) {
            return prov_tpm_quote_signature(c, q);
        }

        /* changed before the quote: then these are the quoted values */

        rc = prov_tpm_pcrs(c, &q->pcrs);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (attest_tpm_pcr_digest_check(&quote, &q->pcrs, hash) == ATTEST_OK) {
            return prov_tpm_quote_signature(c, q);
        }
    }

    return prov_tpm_error(c, ATTEST_EMISMATCH, "TPM2_Quote: PCRs keep"
                          " changing");
}


static int
prov_tpm_quote_once(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN], prov_tpm_quoted_t *q)
{
    TSS2_RC              rc;
    TPM2B_DATA           data;
    TPM2B_ATTEST        *quoted;
    TPMT_SIGNATURE      *signature;
    TPMT_SIG_SCHEME      scheme;
    TPML_PCR_SELECTION   sel;

    data.size = ATTEST_SHA256_LEN;
    memcpy(data.buffer, extra, data.size);

    memset(&scheme, 0, sizeof(scheme));
    scheme.scheme = TPM2_ALG_NULL;
    prov_tpm_selection(c, c->tpm->conf.select, &sel);

    rc = Esys_Quote(c->esys, c->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                    ESYS_TR_NONE, &data, &scheme, &sel, &quoted, &signature);
    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "TPM2_Quote", rc);
    }

    q->quoted = *quoted;
    q->signature_len = 0;

    rc = Tss2_MU_TPMT_SIGNATURE_Marshal(signature, q->signature,
                                        sizeof(q->signature),
                                        &q->signature_len);
    Esys_Free(quoted);
    Esys_Free(signature);

    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "Tss2_MU_TPMT_SIGNATURE_Marshal", rc);
    }

    return ATTEST_OK;
}


/* What a confused TPM says must not become evidence: refused here. */

static int
prov_tpm_quote_check(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN],
    const prov_tpm_quoted_t *q, attest_tpm_quote_t *quote)
{
    int  rc;

    rc = attest_tpm_quote_parse(q->quoted.attestationData, q->quoted.size,
                                quote);
    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "TPM2_Quote: the answer is %s",
                              attest_strerror(rc));
    }

    if (quote->extra.n != ATTEST_SHA256_LEN
        || memcmp(quote->extra.p, extra, quote->extra.n) != 0) {
        return prov_tpm_error(c, ATTEST_EMISMATCH, "TPM2_Quote: not over"
                              " our data");
    }

    if (quote->nbanks != 1 || quote->banks[0].alg != c->tpm->conf.bank
        || quote->banks[0].select != c->tpm->conf.select)
    {
        return prov_tpm_error(c, ATTEST_EMISMATCH, "TPM2_Quote: not over"
                              " the PCRs asked for (has the TPM the bank"
                              " \"%s\"?)",
                              attest_tpm_alg_name(c->tpm->conf.bank));
    }

    return ATTEST_OK;
}


static int
prov_tpm_quote_signature(prov_tpm_call_t *c, const prov_tpm_quoted_t *q)
{
    int                   rc;
    size_t                n;
    uint8_t               buf[sizeof(TPMT_PUBLIC)];
    attest_tpm_public_t   ak;

    n = 0;
    if (Tss2_MU_TPMT_PUBLIC_Marshal(&c->tpm->ak.pub.publicArea, buf,
                                    sizeof(buf), &n)
        != TSS2_RC_SUCCESS)
    {
        return prov_tpm_error(c, ATTEST_EFORMAT, "bad public area of the"
                              " attestation key");
    }

    rc = attest_tpm_public_parse(buf, n, &ak);
    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "public area of the attestation key:"
                              " %s", attest_strerror(rc));
    }

    rc = attest_tpm_ak_check(&ak);
    if (rc != ATTEST_OK) {
        attest_tpm_public_free(&ak);
        return prov_tpm_error(c, rc, "the attestation key is no restricted"
                              " signing key");
    }

    rc = attest_tpm_signature_verify(&ak, q->signature, q->signature_len,
                                     q->quoted.attestationData,
                                     q->quoted.size);
    attest_tpm_public_free(&ak);

    if (rc != ATTEST_OK) {
        return prov_tpm_error(c, rc, "TPM2_Quote: bad signature: %s",
                              attest_strerror(rc));
    }

    return ATTEST_OK;
}


/* TPM2_PCR_Read returns at most eight values, and says which. */

static int
prov_tpm_pcrs(prov_tpm_call_t *c, attest_tpm_pcrs_t *pcrs)
{
    int                  rc;
    TSS2_RC              tss;
    uint32_t             left, before;
    TPML_DIGEST         *values;
    TPML_PCR_SELECTION   sel, *got;
    attest_tpm_bank_t   *bank;

    memset(pcrs, 0, sizeof(*pcrs));
    pcrs->count = 1;

    bank = &pcrs->banks[0];
    bank->alg = c->tpm->conf.bank;
    bank->select = c->tpm->conf.select;
    bank->len = attest_tpm_alg_len(bank->alg);

    left = bank->select;

    while (left != 0) {
        prov_tpm_selection(c, left, &sel);

        tss = Esys_PCR_Read(c->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            &sel, NULL, &got, &values);
        if (tss != TSS2_RC_SUCCESS) {
            return prov_tpm_fail(c, "TPM2_PCR_Read", tss);
        }

        before = left;
        rc = prov_tpm_pcrs_take(got, values, bank, &left);
        Esys_Free(got);
        Esys_Free(values);

        if (rc != ATTEST_OK) {
            return prov_tpm_error(c, rc, "TPM2_PCR_Read: the answer is %s",
                                  attest_strerror(rc));
        }

        if (left == before) {
            return prov_tpm_error(c, ATTEST_EUNSUPPORTED, "TPM2_PCR_Read:"
                                  " the TPM has no bank \"%s\" with these"
                                  " PCRs", attest_tpm_alg_name(bank->alg));
        }
    }

    return ATTEST_OK;
}


/* Values come in ascending order of the PCRs that `got` selects. */

static int
prov_tpm_pcrs_take(const TPML_PCR_SELECTION *got,
    const TPML_DIGEST *values, attest_tpm_bank_t *bank, uint32_t *left)
{
    UINT32                      n;
    unsigned                    i;
    const TPMS_PCR_SELECTION   *s;

    if (got->count == 0) {
        return ATTEST_OK;
    }

    s = &got->pcrSelections[0];

    if (got->count != 1 || s->hash != bank->alg
        || s->sizeofSelect > sizeof(s->pcrSelect))
    {
        return ATTEST_EFORMAT;
    }

    n = 0;

    for (i = 0; i < 8u * s->sizeofSelect; i++) {
        if (!(s->pcrSelect[i / 8] & 1u << i % 8)) {
            continue;
        }

        if (i >= ATTEST_TPM_PCRS || !(*left & 1u << i) || n >= values->count
            || n >= sizeof(values->digests) / sizeof(values->digests[0])
            || values->digests[n].size != bank->len)
        {
            return ATTEST_EFORMAT;
        }

        memcpy(bank->value[i], values->digests[n].buffer, bank->len);
        *left &= ~(1u << i);
        n++;
    }

    return ATTEST_OK;
}


static void
prov_tpm_selection(prov_tpm_call_t *c, uint32_t select,
    TPML_PCR_SELECTION *sel)
{
    TPMS_PCR_SELECTION  *s;

    memset(sel, 0, sizeof(*sel));

    sel->count = 1;

    s = &sel->pcrSelections[0];
    s->hash = c->tpm->conf.bank;
    s->sizeofSelect = 3;
    s->pcrSelect[0] = (BYTE) select;
    s->pcrSelect[1] = (BYTE) (select >> 8);
    s->pcrSelect[2] = (BYTE) (select >> 16);
}
