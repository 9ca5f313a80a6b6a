/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who made this TPM, and what that is worth.
 */


#include <string.h>

#include "providers/prov_tcti_conf.h"
#include "providers/prov_tpm_esys.h"


static int prov_tpm_vendor(prov_tpm_call_t *c, char vendor[17]);
static size_t prov_tpm_text(uint32_t value, char *out);
static bool prov_tpm_is_software(prov_tpm_call_t *c, const char *maker,
    const char *vendor, const prov_tpm_quoted_t *q);


int
prov_tpm_property(prov_tpm_call_t *c, TPM2_PT property, uint32_t *value)
{
    TSS2_RC                      rc;
    TPMI_YES_NO                  more;
    TPMS_CAPABILITY_DATA        *cap;
    TPML_TAGGED_TPM_PROPERTY    *list;

    rc = Esys_GetCapability(c->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            TPM2_CAP_TPM_PROPERTIES, property, 1, &more,
                            &cap);
    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "TPM2_GetCapability", rc);
    }

    *value = 0;
    list = &cap->data.tpmProperties;

    /* the TPM answers with the next property when it lacks this one */

    if (cap->capability == TPM2_CAP_TPM_PROPERTIES && list->count == 1
        && list->tpmProperty[0].property == property)
    {
        *value = list->tpmProperty[0].value;
    }

    Esys_Free(cap);
    return ATTEST_OK;
}


int
prov_tpm_root(prov_tpm_call_t *c, const prov_tpm_quoted_t *q,
    char root[16], char maker[32])
{
    int       rc;
    char      vendor[17], id[5];
    size_t    n;
    uint32_t  value;

    rc = prov_tpm_property(c, TPM2_PT_MANUFACTURER, &value);
    if (rc != ATTEST_OK) {
        return rc;
    }

    n = prov_tpm_text(value, id);
    id[n] = '\0';

    rc = prov_tpm_vendor(c, vendor);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /* 4 + 1 + 16 */
    strcpy(maker, id);
    strcat(maker, " ");
    strcat(maker, vendor);

    strcpy(root, prov_tpm_is_software(c, id, vendor, q) ? "software"
                                                          : "host-vtpm");
    return ATTEST_OK;
}


static int
prov_tpm_vendor(prov_tpm_call_t *c, char vendor[17])
{
    int       rc;
    size_t    n;
    TPM2_PT   pt;
    uint32_t  value;

    n = 0;

    for (pt = TPM2_PT_VENDOR_STRING_1; pt <= TPM2_PT_VENDOR_STRING_4; pt++) {
        rc = prov_tpm_property(c, pt, &value);
        if (rc != ATTEST_OK) {
            return rc;
        }

        n += prov_tpm_text(value, vendor + n);
    }

    vendor[n] = '\0';
    return ATTEST_OK;
}


/* Four characters in a UINT32, padded with zeros (part 2, TPM_PT). */

static size_t
prov_tpm_text(uint32_t value, char *out)
{
    int      shift;
    size_t   n;
    uint8_t  ch;

    n = 0;

    for (shift = 24; shift >= 0; shift -= 8) {
        ch = (uint8_t) (value >> shift);
        if (ch == 0) {
            continue;
        }
        out[n++] = ch >= 0x20 && ch < 0x7f ? (char) ch : '?';
    }

    return n;
}


/*
 * "software" is a TPM that tells by its properties; "host-vtpm" promises
 * nothing, and a verifier trusts neither unless its policy says so.
 */

static bool
prov_tpm_is_software(prov_tpm_call_t *c, const char *maker,
    const char *vendor, const prov_tpm_quoted_t *q)
{
    const char          *tcti = c->tpm->conf.tcti;
    attest_tpm_quote_t   quote;

    if (prov_tcti_is_swtpm(tcti) || strncmp(tcti, "mssim:", 6) == 0) {
        return 1;
    }

    if (strcmp(maker, "IBM") == 0 && strncmp(vendor, "SW", 2) == 0) {
        return 1;
    }

    if (strcmp(maker, "MSFT") == 0 && strncmp(vendor, "xCG", 3) == 0) {
        return 1;
    }

    return attest_tpm_quote_parse(q->quoted.attestationData, q->quoted.size,
                                  &quote) == ATTEST_OK
           && attest_tpm_firmware_is_software(quote.firmware);
}
