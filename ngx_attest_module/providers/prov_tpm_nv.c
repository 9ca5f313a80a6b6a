/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Non-volatile indexes: certificates and templates.
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/attest_wire.h"
#include "providers/prov_tpm_esys.h"


static int prov_tpm_nv_open(prov_tpm_call_t *c, TPM2_HANDLE index,
    ESYS_TR *nv, ESYS_TR *auth, size_t *size);
static int prov_tpm_nv_chunks(prov_tpm_call_t *c, ESYS_TR nv,
    ESYS_TR auth, uint8_t *buf, size_t size);


int
prov_tpm_nv_read(prov_tpm_call_t *c, TPM2_HANDLE index, size_t max,
    uint8_t **data, size_t *len)
{
    int       rc;
    size_t    size;
    uint8_t  *buf;
    ESYS_TR   nv, auth;

    *data = NULL;
    *len = 0;

    rc = prov_tpm_nv_open(c, index, &nv, &auth, &size);
    if (rc != ATTEST_OK || nv == ESYS_TR_NONE) {
        return rc;
    }

    if (size > max) {
        return prov_tpm_error(c, ATTEST_ELIMIT, "NV index 0x%08x is longer"
                              " than %zu bytes", index, max);
    }

    buf = malloc(size != 0 ? size : 1);
    if (buf == NULL) {
        return prov_tpm_error(c, ATTEST_EINTERNAL, "no memory");
    }

    rc = prov_tpm_nv_chunks(c, nv, auth, buf, size);
    if (rc != ATTEST_OK) {
        free(buf);
        /* an index that we may not read is none to us */
        return rc == ATTEST_EUNSUPPORTED ? ATTEST_OK : rc;
    }

    *data = buf;
    *len = size;
    return ATTEST_OK;
}


/* X.690 section 8.1.3, definite form, up to three octets of length. */

size_t
prov_tpm_der_len(const uint8_t *p, size_t n)
{
    size_t  octets, len;

    if (n < 2 || p[0] != 0x30) {
        return 0;
    }

    if (p[1] < 0x80) {
        return p[1] <= n - 2 ? (size_t) p[1] + 2 : 0;
    }

    octets = p[1] & 0x7f;
    if (octets == 0 || octets > 3 || octets > n - 2) {
        return 0;
    }

    len = (size_t) attest_wire_get_be(p + 2, octets);

    return len <= n - 2 - octets ? len + 2 + octets : 0;
}


/*
 * TCG PC Client Specific Implementation Specification 1.2, section 7.4.5:
 * TCG_PCCLIENT_STORED_CERT is the tag 1001, a type (00: full) and a length,
 * and what it holds may have the tag 1002 (TCG_FULL_CERT) before the DER.
 */

attest_span_t
prov_tpm_nv_cert(const uint8_t *p, size_t n)
{
    size_t         len;
    attest_span_t  cert = { NULL, 0 };

    if (n >= 5 && memcmp(p, "\x10\x01\x00", 3) == 0) {
        len = attest_wire_get_be16(p + 3);
        p += 5;
        n = len < n - 5 ? len : n - 5;

        if (n >= 2 && memcmp(p, "\x10\x02", 2) == 0) {
            p += 2;
            n -= 2;
        }
    }

    len = prov_tpm_der_len(p, n);

    if (len != 0) {
        cert = attest_span(p, len);
    }

    return cert;
}


/* *nv is ESYS_TR_NONE when there is nothing that we may read. */

static int
prov_tpm_nv_open(prov_tpm_call_t *c, TPM2_HANDLE index, ESYS_TR *nv,
    ESYS_TR *auth, size_t *size)
{
    TPMA_NV           attr;
    TSS2_RC           rc;
    TPM2B_NV_PUBLIC  *pub;

    *nv = ESYS_TR_NONE;
    *auth = ESYS_TR_NONE;
    *size = 0;

    rc = Esys_TR_FromTPMPublic(c->esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
                               ESYS_TR_NONE, nv);
    if (prov_tpm_refused(c, rc)) {
        *nv = ESYS_TR_NONE;
        return ATTEST_OK;
    }

    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "TPM2_NV_ReadPublic", rc);
    }

    rc = Esys_NV_ReadPublic(c->esys, *nv, ESYS_TR_NONE, ESYS_TR_NONE,
                            ESYS_TR_NONE, &pub, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        return prov_tpm_fail(c, "TPM2_NV_ReadPublic", rc);
    }

    attr = pub->nvPublic.attributes;
    *size = pub->nvPublic.dataSize;
    Esys_Free(pub);

    if (attr & TPMA_NV_AUTHREAD) {
        *auth = *nv;

    } else if (attr & TPMA_NV_OWNERREAD) {
        *auth = ESYS_TR_RH_OWNER;

    } else {
        *nv = ESYS_TR_NONE;
    }

    if (!(attr & TPMA_NV_WRITTEN)) {
        *nv = ESYS_TR_NONE;
    }

    return ATTEST_OK;
}


static int
prov_tpm_nv_chunks(prov_tpm_call_t *c, ESYS_TR nv, ESYS_TR auth,
    uint8_t *buf, size_t size)
{
    int                   rc;
    size_t                n, off;
    TSS2_RC               tss;
    uint32_t              max;
    TPM2B_MAX_NV_BUFFER  *chunk;

    rc = prov_tpm_property(c, TPM2_PT_NV_BUFFER_MAX, &max);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (max == 0 || max > TPM2_MAX_NV_BUFFER_SIZE) {
        max = 512;
    }

    for (off = 0; off < size; off += n) {
        n = size - off < max ? size - off : max;

        tss = Esys_NV_Read(c->esys, auth, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                           ESYS_TR_NONE, (UINT16) n, (UINT16) off, &chunk);
        if (tss != TSS2_RC_SUCCESS) {
            rc = prov_tpm_fail_auth(c, "TPM2_NV_Read",
                                    auth == ESYS_TR_RH_OWNER ? "owner"
                                    : "index's own", tss);
            return prov_tpm_refused(c, tss) ? ATTEST_EUNSUPPORTED : rc;
        }

        if (chunk->size != n) {
            Esys_Free(chunk);
            return prov_tpm_error(c, ATTEST_EFORMAT, "TPM2_NV_Read: not as"
                                  " long as asked for");
        }

        memcpy(buf + off, chunk->buffer, n);
        Esys_Free(chunk);
    }

    return ATTEST_OK;
}
