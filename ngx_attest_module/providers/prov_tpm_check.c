/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What we check of a TPM's evidence before we hand it out: a broken device
 * must not pass for evidence.  What only a CPU signed is checked by its
 * provider.
 */


#include <string.h>

#include "core/evidence/attest_cmw.h"
#include "providers/attest_provider.h"
#include "core/evidence/attest_tpm.h"


static int prov_tpm_check_signature(const attest_tpm_item_t *item);


int
prov_tpm_check(const prov_evidence_t *ev, const uint8_t *claims,
    size_t len)
{
    int                 rc;
    size_t              i;
    uint8_t             extra[ATTEST_SHA256_LEN];
    attest_span_t       cpu;
    attest_tpm_item_t   item;
    attest_tpm_quote_t  quote;

    cpu = prov_evidence_cpu(ev);

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, ATTEST_ITEM_TPM) == 0) {
            break;
        }
    }

    if (i == ev->count) {
        return (cpu.n != 0) ? ATTEST_OK : ATTEST_EFORMAT;
    }

    rc = attest_tpm_item_parse(ev->items[i].data, ev->items[i].len, &item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = prov_tpm_check_signature(&item);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_quote_parse(item.quote.p, item.quote.n, &quote);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_claims_tpm_extra(claims, len, cpu.p, cpu.n, extra);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return (quote.extra.n == sizeof(extra)
            && memcmp(quote.extra.p, extra, sizeof(extra)) == 0)
           ? ATTEST_OK : ATTEST_EMISMATCH;
}


static int
prov_tpm_check_signature(const attest_tpm_item_t *item)
{
    int                  rc;
    attest_tpm_public_t  ak;

    rc = attest_tpm_public_parse(item->ak.p, item->ak.n, &ak);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_tpm_signature_verify(&ak, item->signature.p,
                                     item->signature.n, item->quote.p,
                                     item->quote.n);
    attest_tpm_public_free(&ak);

    return rc;
}
