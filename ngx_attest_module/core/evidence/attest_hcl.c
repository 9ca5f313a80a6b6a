/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report of Azure's paravisor: its header, the CPU's report within, and
 * the hash that ties the JSON text to it.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/evidence/attest_hcl.h"
#include "core/base/attest_wire.h"


#define ATTEST_HCL_REGION     1184     /* room of the hardware report */
#define ATTEST_HCL_HEADER     1236     /* everything before the JSON text */
#define ATTEST_HCL_DATA       20       /* header of the JSON text */
#define ATTEST_HCL_REQUEST    2        /* a report, not a wrapped key */
#define ATTEST_SNP_DATA       80       /* report_data of an SNP report */


static int attest_hcl_layout(const uint8_t *p, size_t n, attest_hcl_t *hcl,
    attest_span_t *region);
static int attest_hcl_report(attest_hcl_t *hcl, attest_span_t region);
static const EVP_MD *attest_hcl_md(uint32_t hash);



static const uint8_t  attest_hcl_magic[4] = { 'H', 'C', 'L', 'A' };


int
attest_hcl_parse(const uint8_t *p, size_t n, attest_hcl_t *hcl)
{
    int            rc;
    attest_span_t  region;

    memset(hcl, 0, sizeof(*hcl));

    if (n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    rc = attest_hcl_layout(p, n, hcl, &region);

    if (rc == ATTEST_OK) {
        rc = attest_hcl_report(hcl, region);
    }

    return rc == ATTEST_OK
           ? attest_hcl_runtime_parse(hcl->json, &hcl->runtime) : rc;
}


static int
attest_hcl_layout(const uint8_t *p, size_t n, attest_hcl_t *hcl,
    attest_span_t *region)
{
    uint32_t        size, request, status, data_size, version, json_size;
    attest_wire_t   w;
    attest_span_t   magic, reserved, rest;

    attest_wire_init(&w, p, n);

    magic = attest_wire_take(&w, sizeof(attest_hcl_magic));
    hcl->version = attest_wire_le32(&w);
    size = attest_wire_le32(&w);
    request = attest_wire_le32(&w);
    status = attest_wire_le32(&w);
    reserved = attest_wire_take(&w, 12);
    *region = attest_wire_take(&w, ATTEST_HCL_REGION);
    data_size = attest_wire_le32(&w);
    version = attest_wire_le32(&w);
    hcl->type = attest_wire_le32(&w);
    hcl->hash = attest_wire_le32(&w);
    json_size = attest_wire_le32(&w);
    hcl->json = attest_wire_take(&w, json_size);
    rest = attest_wire_take(&w, w.n);

    if (w.bad
        || memcmp(magic.p, attest_hcl_magic, sizeof(attest_hcl_magic)) != 0)
    {
        return ATTEST_EFORMAT;
    }

    if (hcl->version < 1 || hcl->version > 2 || version != 1
        || attest_hcl_md(hcl->hash) == NULL)
    {
        return ATTEST_EUNSUPPORTED;
    }

    /* json_size is below ATTEST_MAX_ITEM: no sum can overflow */

    if (size != ATTEST_HCL_HEADER + json_size
        || data_size != ATTEST_HCL_DATA + json_size
        || request != ATTEST_HCL_REQUEST || status != 0
        || !attest_span_is_zero(reserved) || !attest_span_is_zero(rest))
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


static int
attest_hcl_report(attest_hcl_t *hcl, attest_span_t region)
{
    size_t         at;
    attest_span_t  rest;

    hcl->report.p = region.p;

    if (hcl->type == ATTEST_HCL_SNP) {
        hcl->report.n = ATTEST_HCL_REPORT_SNP;
        at = ATTEST_SNP_DATA;

    } else if (hcl->type == ATTEST_HCL_TDX) {
        hcl->report.n = ATTEST_HCL_REPORT_TDX;
        at = ATTEST_TDREPORT_DATA;

    } else {
        return ATTEST_EUNSUPPORTED;
    }

    hcl->report_data = attest_span(region.p + at, ATTEST_HCL_REPORT_DATA);

    rest = attest_span(region.p + hcl->report.n, region.n - hcl->report.n);

    return attest_span_is_zero(rest) ? ATTEST_OK : ATTEST_EFORMAT;
}


void
attest_hcl_free(attest_hcl_t *hcl)
{
    attest_hcl_runtime_free(&hcl->runtime);
    memset(hcl, 0, sizeof(*hcl));
}


static const EVP_MD *
attest_hcl_md(uint32_t hash)
{
    switch (hash) {
    case 1:
        return EVP_sha256();
    case 2:
        return EVP_sha384();
    case 3:
        return EVP_sha512();
    default:
        return NULL;
    }
}


const char *
attest_hcl_hash_name(uint32_t hash)
{
    return hash == 1 ? "SHA-256" : hash == 2 ? "SHA-384"
           : hash == 3 ? "SHA-512" : "unknown";
}


int
attest_hcl_check(const attest_hcl_t *hcl)
{
    uint8_t   want[ATTEST_HCL_REPORT_DATA] = { 0 };
    unsigned  len = 0;

    if (hcl->report_data.n != sizeof(want)
        || EVP_Digest(hcl->json.p, hcl->json.n, want, &len,
                      attest_hcl_md(hcl->hash), NULL) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    return CRYPTO_memcmp(want, hcl->report_data.p, sizeof(want)) == 0
           ? ATTEST_OK : ATTEST_EMISMATCH;
}
