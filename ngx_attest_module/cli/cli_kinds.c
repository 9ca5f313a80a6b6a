/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of what the command says of each kind of evidence.
 */


#include "cli/cli_kinds.h"


extern const cli_kind_t  cli_kind_tpm;
extern const cli_kind_t  cli_kind_ak_cert;
extern const cli_kind_t  cli_kind_snp;
extern const cli_kind_t  cli_kind_tdx;
extern const cli_kind_t  cli_kind_azure;
extern const cli_kind_t  cli_kind_nitro;
extern const cli_kind_t  cli_kind_gpu;


const cli_kind_t *const  cli_kinds[ATTEST_KINDS] = {
    [ATTEST_KIND_NONE] = &cli_kind_tpm,
    [ATTEST_KIND_AK_CERT] = &cli_kind_ak_cert,
    [ATTEST_KIND_SNP] = &cli_kind_snp,
    [ATTEST_KIND_TDX] = &cli_kind_tdx,
    [ATTEST_KIND_AZURE] = &cli_kind_azure,
    [ATTEST_KIND_NITRO] = &cli_kind_nitro,
    [ATTEST_KIND_GPU] = &cli_kind_gpu
};
