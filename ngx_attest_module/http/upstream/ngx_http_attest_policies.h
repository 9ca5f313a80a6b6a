/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_POLICIES_H_INCLUDED
#define NGX_HTTP_ATTEST_POLICIES_H_INCLUDED


#include "http/ngx_http_attest.h"
#include "core/policy/attest_policy.h"


/* A policy, read once, whatever the number of directives that name it. */

typedef struct {
    ngx_str_t                  path;
    ngx_str_t                  key;             /* who signs, or empty */
    u_char                     digest[32];      /* of its text */
    attest_policy_t           *policy;
} ngx_http_attest_policy_file_t;


/* NULL: the directive in question is wrong, and that has been said. */
const ngx_http_attest_policy_file_t *ngx_http_attest_policies_get(
    ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *path, ngx_str_t *key);
/* What a certificate alone cannot prove of what it demands, or NULL. */
const char *ngx_http_attest_policies_unproven(const attest_policy_t *policy);
/* Whether a policy asks for a credential to be activated. */
ngx_uint_t ngx_http_attest_policies_activates(const attest_policy_t *policy);


#endif /* NGX_HTTP_ATTEST_POLICIES_H_INCLUDED */
