/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The member of a policy that is about one kind, read and freed by
 * attest_policy_<kind>.c.
 */


#ifndef ATTEST_POLICY_KINDS_H_INCLUDED
#define ATTEST_POLICY_KINDS_H_INCLUDED


#include "attest_policy_json.h"


int attest_policy_snp(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
int attest_policy_tdx(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
int attest_policy_azure(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
int attest_policy_gcp(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
int attest_policy_nitro(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
int attest_policy_gpu(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);

void attest_policy_snp_clear(attest_policy_snp_t *p);
void attest_policy_tdx_clear(attest_policy_tdx_t *p);
void attest_policy_azure_clear(attest_policy_azure_t *p);
void attest_policy_gcp_clear(attest_policy_gcp_t *p);
void attest_policy_nitro_clear(attest_policy_nitro_t *p);
void attest_policy_gpu_clear(attest_policy_gpu_t *p);


#endif /* ATTEST_POLICY_KINDS_H_INCLUDED */
