/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whole machines of Azure's as the doubles play them: a report around a text
 * of the paravisor's, signed by a chip, and what vouches for it.
 */


#ifndef AZURE_MACHINE_H_INCLUDED
#define AZURE_MACHINE_H_INCLUDED


#include "azure_double.h"
#include "snp_double.h"
#include "tdx_double.h"


#define AZURE_MACHINE_HCL     4096
#define AZURE_MACHINE_PROOF   8192


typedef struct {
    uint8_t    hcl[AZURE_MACHINE_HCL];
    size_t     hcl_len;
    uint8_t    proof[AZURE_MACHINE_PROOF];   /* the VCEK, or a TD quote */
    size_t     proof_len;
} azure_machine_t;


/* ek and vm may be NULL. */

static inline int
azure_machine_snp(azure_machine_t *m, const snp_double_t *d, EVP_PKEY *ak,
    EVP_PKEY *ek, const azure_double_vm_t *vm)
{
    int       n;
    char      json[2048];
    size_t    len;
    uint8_t   rd[64], report[1184], *out = m->proof;

    len = azure_double_json(ak, ek, vm, json, sizeof(json));
    (void) azure_double_report_data(json, len, rd);

    if (len == 0 || !snp_double_report(d, rd, report)) {
        return 0;
    }

    n = i2d_X509(d->leaf, NULL);

    if (n <= 0 || n > AZURE_MACHINE_PROOF) {
        return 0;
    }

    m->proof_len = (size_t) i2d_X509(d->leaf, &out);
    m->hcl_len = azure_double_hcl(AZURE_DOUBLE_SNP, report, sizeof(report),
                                  json, len, m->hcl, sizeof(m->hcl));
    return m->hcl_len != 0;
}


static inline int
azure_machine_tdx(azure_machine_t *m, const tdx_double_t *d, EVP_PKEY *ak,
    EVP_PKEY *ek, const azure_double_vm_t *vm)
{
    char      json[2048];
    size_t    len;
    uint8_t   rd[64], report[1024], info[400];

    len = azure_double_json(ak, ek, vm, json, sizeof(json));
    (void) azure_double_report_data(json, len, rd);
    m->proof_len = sizeof(m->proof);

    if (len == 0 || !tdx_double_make(d, rd, m->proof, &m->proof_len)) {
        return 0;
    }

    memcpy(info, m->proof + 48 + TDX_DOUBLE_TDATTR, sizeof(info));
    m->hcl_len = azure_double_tdreport(info, rd, report)
                 ? azure_double_hcl(AZURE_DOUBLE_TDX, report, sizeof(report),
                                    json, len, m->hcl, sizeof(m->hcl)) : 0;
    return m->hcl_len != 0;
}


#endif /* AZURE_MACHINE_H_INCLUDED */
