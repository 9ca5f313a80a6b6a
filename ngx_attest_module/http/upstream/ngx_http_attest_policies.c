/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policies that directives name: each is read, and its signature checked, once
 * for all of a configuration.
 */


#include "http/upstream/ngx_http_attest_policies.h"
#include "client/attest_policy_file.h"
#include "core/evidence/attest_label.h"


static ngx_int_t ngx_http_attest_policies_read(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_attest_policy_file_t *file);
static ngx_int_t ngx_http_attest_policies_measure(ngx_conf_t *cf,
    ngx_str_t *path);
static void ngx_http_attest_policies_clear(void *data);


const ngx_http_attest_policy_file_t *
ngx_http_attest_policies_get(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *path, ngx_str_t *key)
{
    ngx_str_t                        name, signer;
    ngx_uint_t                       i;
    ngx_http_attest_main_conf_t     *amcf;
    ngx_http_attest_policy_file_t  **file, *new;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    name = *path;
    signer = *key;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK
        || (signer.len != 0
            && ngx_conf_full_name(cf->cycle, &signer, 1) != NGX_OK))
    {
        return NULL;
    }

    file = amcf->policies->elts;

    for (i = 0; i < amcf->policies->nelts; i++) {
        if (file[i]->path.len == name.len
            && ngx_strncmp(file[i]->path.data, name.data, name.len) == 0
            && file[i]->key.len == signer.len
            && (signer.len == 0
                || ngx_strncmp(file[i]->key.data, signer.data, signer.len)
                   == 0))
        {
            return file[i];
        }
    }

    new = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_policy_file_t));
    file = ngx_array_push(amcf->policies);

    if (new == NULL || file == NULL) {
        return NULL;
    }

    *file = new;
    new->path = name;
    new->key = signer;

    return (ngx_http_attest_policies_read(cf, cmd, new) == NGX_OK) ? new
                                                                   : NULL;
}


/* A policy is large: no pool's business. */

static ngx_int_t
ngx_http_attest_policies_read(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_attest_policy_file_t *file)
{
    char                   err[ATTEST_CLIENT_ERR];
    attest_policy_t       *policy;
    ngx_pool_cleanup_t    *cln;
    attest_policy_file_t   text;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    policy = ngx_alloc(sizeof(attest_policy_t), cf->log);
    if (policy == NULL) {
        return NGX_ERROR;
    }

    if (attest_policy_file((char *) file->path.data,
                           file->key.len ? (char *) file->key.data : NULL,
                           &text, policy, err)
        != ATTEST_OK)
    {
        ngx_free(policy);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %s", &cmd->name,
                           err);
        return NGX_ERROR;
    }

    ngx_memcpy(file->digest, text.digest, sizeof(file->digest));
    attest_policy_file_clear(&text);

    file->policy = policy;

    cln->handler = ngx_http_attest_policies_clear;
    cln->data = policy;

    return ngx_http_attest_policies_measure(cf, &file->path);
}


/* Who may come, and where prompts may go, is of the configuration record. */

static ngx_int_t
ngx_http_attest_policies_measure(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_http_attest_measured_t   *file;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    file = ngx_array_push(amcf->measure);
    if (file == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(file, sizeof(ngx_http_attest_measured_t));
    file->path = *path;

    if (ngx_file_info(path->data, &file->info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_attest_policies_clear(void *data)
{
    attest_policy_t *policy = data;

    attest_policy_clear(policy);
    ngx_free(policy);
}


const char *
ngx_http_attest_policies_unproven(const attest_policy_t *policy)
{
    if (policy->require_nonce) {
        return "require_nonce";
    }

    if (policy->require_exporter) {
        return "require_exporter";
    }

    if (policy->require_eventlog) {
        return "require_eventlog";
    }

    return ngx_http_attest_policies_activates(policy) ? "require_ek" : NULL;
}


ngx_uint_t
ngx_http_attest_policies_activates(const attest_policy_t *policy)
{
    const attest_label_t  *label;

    if (!policy->require_ek) {
        return 0;
    }

    for (label = attest_labels; label->root != 0; label++) {
        if ((label->root & policy->roots) && (label->owes & ATTEST_OWES_EK)) {
            return 1;
        }
    }

    return 0;
}
