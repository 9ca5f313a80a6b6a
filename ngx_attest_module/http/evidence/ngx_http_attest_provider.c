/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configured sources made into one provider, when the zone is made: then
 * the workers' user is known.  A reload that changes no source keeps it.
 */


#include "http/evidence/ngx_http_attest_provider.h"
#include "http/evidence/ngx_http_attest_source.h"
#include "http/evidence/ngx_http_attest_state.h"


/* Providers, held by every cycle that uses them. */

struct ngx_http_attest_provider_ref_s {
    attest_provider_t     *provider;
    attest_provider_t     *gpu;
    ngx_uid_t              user;            /* who was to use them */
    ngx_gid_t              group;
    ngx_uint_t             refs;
};


static ngx_int_t ngx_http_attest_provider_make(
    ngx_http_attest_main_conf_t *amcf);
static attest_provider_t *ngx_http_attest_provider_cpu(
    ngx_http_attest_main_conf_t *amcf);
static ngx_uint_t ngx_http_attest_provider_is_same(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_main_conf_t *oamcf);
static void ngx_http_attest_provider_cleanup(void *data);


/*
 * Unchanged sources keep their provider: it has keys at hand that a slow TPM
 * takes seconds to make, and a report directory that the workers use.  Both
 * cycles hold it, for a reload can still fail.
 */

ngx_int_t
ngx_http_attest_provider_init(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_main_conf_t *oamcf, ngx_log_t *log)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(amcf->run.cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    amcf->run.gpu_required = amcf->source->has_gpu
                         && amcf->source->nvidia.required;

    /* a reload accepts the GPUs that are left */

    if (oamcf != NULL && oamcf->run.provider_ref != NULL
        && !(amcf->run.gpu_required && ngx_http_attest_state_gpu_failed(amcf))
        && ngx_http_attest_provider_is_same(amcf, oamcf))
    {
        amcf->run.provider_ref = oamcf->run.provider_ref;

    } else if (ngx_http_attest_provider_make(amcf) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "attest: no memory for the sources of evidence");
        return NGX_ERROR;
    }

    amcf->run.provider_ref->refs++;
    amcf->run.provider = amcf->run.provider_ref->provider;
    amcf->run.gpu = amcf->run.provider_ref->gpu;
    amcf->run.gpu_interval = (amcf->run.gpu != NULL)
                             ? amcf->source->gpu_interval : 0;

    cln->handler = ngx_http_attest_provider_cleanup;
    cln->data = amcf->run.provider_ref;

    return NGX_OK;
}


static void
ngx_http_attest_provider_cleanup(void *data)
{
    ngx_http_attest_provider_ref_t *ref = data;

    if (--ref->refs != 0) {
        return;
    }

    ref->provider->destroy(ref->provider);
    ngx_free(ref);
}


static ngx_uint_t
ngx_http_attest_provider_is_same(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_main_conf_t *oamcf)
{
    ngx_str_t        *a, *b;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(amcf->run.cycle->conf_ctx,
                                           ngx_core_module);

    /* a report directory is one user's */

    if (oamcf->run.provider_ref->user != ccf->user
        || oamcf->run.provider_ref->group != ccf->group
        || amcf->source_args->nelts != oamcf->source_args->nelts)
    {
        return 0;
    }

    a = amcf->source_args->elts;
    b = oamcf->source_args->elts;

    for (i = 0; i < amcf->source_args->nelts; i++) {
        if (a[i].len != b[i].len
            || ngx_memcmp(a[i].data, b[i].data, a[i].len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_attest_provider_make(ngx_http_attest_main_conf_t *amcf)
{
    ngx_core_conf_t                 *ccf;
    attest_provider_t               *gpu, *cpu, *tpm;
    ngx_http_attest_source_t        *s;
    ngx_http_attest_provider_ref_t  *ref;

    s = amcf->source;
    ccf = (ngx_core_conf_t *) ngx_get_conf(amcf->run.cycle->conf_ctx,
                                           ngx_core_module);
    s->tsm.uid = ccf->user;
    s->tsm.gid = ccf->group;

    ref = ngx_calloc(sizeof(ngx_http_attest_provider_ref_t), ngx_cycle->log);
    if (ref == NULL) {
        return NGX_ERROR;
    }

    gpu = s->has_gpu ? prov_nvidia_provider(&s->nvidia) : NULL;
    cpu = ngx_http_attest_provider_cpu(amcf);
    tpm = s->has_tpm ? prov_tpm_provider(&s->tpm) : NULL;

    ref->gpu = gpu;
    ref->user = ccf->user;
    ref->group = ccf->group;

    if ((s->has_gpu && gpu == NULL) || (s->has_tpm && tpm == NULL)
        || ((s->has_tsm || s->has_nitro || s->has_azure) && cpu == NULL))
    {
        goto failed;
    }

    /* a TPM alone is the whole provider */

    ref->provider = (gpu == NULL && cpu == NULL && !s->has_gcp) ? tpm
                    : prov_combined_provider(gpu, cpu, tpm);
    if (ref->provider == NULL) {
        goto failed;
    }

    amcf->run.provider_ref = ref;

    return NGX_OK;

failed:

    if (gpu != NULL) {
        gpu->destroy(gpu);
    }

    if (cpu != NULL) {
        cpu->destroy(cpu);
    }

    if (tpm != NULL) {
        tpm->destroy(tpm);
    }

    ngx_free(ref);

    return NGX_ERROR;
}


static attest_provider_t *
ngx_http_attest_provider_cpu(ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_source_t  *s;

    s = amcf->source;

    if (s->has_tsm) {
        return prov_tsm_provider(&s->tsm);
    }

    if (s->has_nitro) {
        return prov_nitro_provider(&s->nitro);
    }

    return s->has_azure ? prov_azure_provider(&s->azure) : NULL;
}


/*
 * Renewal runs as the workers' user: say at the start if it will fail.  Event
 * logs are opened by the master and stay open; a report directory is made
 * ready for that user.
 */

void
ngx_http_attest_provider_check_access(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    const char                *path;
    ngx_http_attest_source_t  *s;

    s = amcf->source;
    path = NULL;

    if (s->has_nitro) {
        path = (s->nitro.path != NULL) ? s->nitro.path : ATTEST_NSM_PATH;

    } else if (s->has_tpm && ngx_strncmp(s->tpm.tcti, "device:", 7) == 0) {
        path = s->tpm.tcti + 7;
    }

    if (path != NULL && access(path, R_OK|W_OK) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "attest: the worker's user cannot open \"%s\", so that "
                      "evidence cannot be renewed: add the user named by "
                      "\"user\" to the group that owns it%s", path,
                      s->has_nitro ? "" : ", usually \"tss\"");
    }
}
