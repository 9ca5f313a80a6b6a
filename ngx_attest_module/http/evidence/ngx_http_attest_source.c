/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources of evidence, as directives of http{}: which TPM, which interface of
 * the CPU, which GPUs, or "auto".  They are made into one provider when the
 * zone is made: then the workers' user is known.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_source.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/ngx_http_attest.h"
#include "providers/attest_detect.h"
#include "providers/attest_http.h"


#define NGX_HTTP_ATTEST_AZURE_AK        0x81000003
#define NGX_HTTP_ATTEST_GCP_RSA         0x01c10000    /* certificate; template
                                                         in the next */
#define NGX_HTTP_ATTEST_GCP_ECC         0x01c10002
#define NGX_HTTP_ATTEST_TPM_DEVICE      "device:/dev/tpmrm0"

#define NGX_HTTP_ATTEST_GPU_INTERVAL    60


struct ngx_http_attest_source_s {
    attest_tpm_conf_t      tpm;
    attest_tsm_conf_t      tsm;
    attest_nitro_conf_t    nitro;
    attest_azure_conf_t    azure;
    attest_nvidia_conf_t   nvidia;
    time_t                 gpu_interval;
    uint32_t               gcp;             /* NV index of its certificate */
    unsigned               has_tpm:1;
    unsigned               has_tsm:1;
    unsigned               has_nitro:1;
    unsigned               has_azure:1;
    unsigned               has_gcp:1;
    unsigned               has_gpu:1;
    unsigned               automatic:1;
};


/* Providers, held by every cycle that uses them. */

struct ngx_http_attest_provider_ref_s {
    attest_provider_t     *provider;
    attest_provider_t     *gpu;
    ngx_uid_t              user;            /* who was to use them */
    ngx_gid_t              group;
    ngx_uint_t             refs;
};


/* NGX_OK: understood; NGX_ERROR: unknown, or a bad value. */

typedef ngx_int_t (*ngx_http_attest_param_pt)(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);


static char *ngx_http_attest_params(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t first,
    ngx_http_attest_param_pt handler);
static ngx_int_t ngx_http_attest_source_remember(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *args, ngx_uint_t n);
static ngx_int_t ngx_http_attest_tpm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_tpm_log(ngx_conf_t *cf,
    attest_tpm_conf_t *tpm, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_tsm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_azure_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_gcp_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_nitro_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_gpu_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_auto_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_timeout(ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *value);
static ngx_int_t ngx_http_attest_path(ngx_conf_t *cf, ngx_str_t *value,
    const char **path);
static ngx_int_t ngx_http_attest_number(ngx_str_t *value, ngx_int_t max,
    int *number);
static ngx_int_t ngx_http_attest_pcrs(ngx_str_t *value,
    attest_tpm_conf_t *tpm);
static u_char *ngx_http_attest_pcr_range(u_char *p, u_char *last,
    uint32_t *select);
static ngx_int_t ngx_http_attest_handle(ngx_str_t *value, uint32_t *handle,
    uint32_t type);

static const char *ngx_http_attest_source_conflict(
    ngx_http_attest_source_t *s);
static ngx_int_t ngx_http_attest_source_auto(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_source_defaults(ngx_http_attest_source_t *s);
static ngx_int_t ngx_http_attest_source_make(
    ngx_http_attest_main_conf_t *amcf);
static attest_provider_t *ngx_http_attest_source_cpu(
    ngx_http_attest_main_conf_t *amcf);
static ngx_uint_t ngx_http_attest_source_same(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_main_conf_t *oamcf);
static void ngx_http_attest_source_cleanup(void *data);


ngx_http_attest_source_t *
ngx_http_attest_source_create_conf(ngx_conf_t *cf)
{
    ngx_http_attest_source_t  *s;

    s = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_source_t));
    if (s == NULL) {
        return NULL;
    }

    s->tpm.bank = ATTEST_TPM_ALG_SHA256;
    s->tpm.select = 0xff;
    s->tsm.privlevel = -1;
    s->gpu_interval = NGX_HTTP_ATTEST_GPU_INTERVAL;

    return s;
}


/* All "name=value" from this argument on; what the directive is called. */

static char *
ngx_http_attest_params(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t first, ngx_http_attest_param_pt handler)
{
    u_char      *eq;
    ngx_int_t    rc;
    ngx_str_t   *arg, name, value;
    ngx_uint_t   i;

    arg = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        rc = NGX_ERROR;
        name = arg[i];
        ngx_str_null(&value);

        eq = ngx_strlchr(arg[i].data, arg[i].data + arg[i].len, '=');

        if (eq == NULL) {
            rc = handler(cf, amcf, &name, &value);

        } else {
            name.len = eq - arg[i].data;
            value.data = eq + 1;
            value.len = arg[i].data + arg[i].len - value.data;

            if (value.len != 0) {
                rc = handler(cf, amcf, &name, &value);
            }
        }

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\"",
                               &arg[i], &arg[0]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_attest_source_remember(cf, amcf, arg,
                                           cf->args->nelts) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* What tells one configuration of the sources from another. */

static ngx_int_t
ngx_http_attest_source_remember(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *args, ngx_uint_t n)
{
    ngx_str_t  *s;

    if (amcf->source_args == NULL) {
        amcf->source_args = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
        if (amcf->source_args == NULL) {
            return NGX_ERROR;
        }
    }

    /* the strings stay, cf->args is used again for the next directive */

    s = ngx_array_push_n(amcf->source_args, n);
    if (s == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(s, args, n * sizeof(ngx_str_t));

    return NGX_OK;
}


char *
ngx_http_attest_tpm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    char                       err[256];
    char                      *rv;
    ngx_str_t                 *value;
    ngx_http_attest_source_t  *s;

    s = amcf->source;

    if (s->has_tpm) {
        return "is duplicate";
    }

    s->has_tpm = 1;
    value = cf->args->elts;

    /* configuration tokens end with a zero byte */

    s->tpm.tcti = (char *) value[1].data;

    if (attest_tpm_tcti_check(s->tpm.tcti, err, sizeof(err)) != ATTEST_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid TCTI \"%V\" in \"attest_tpm\": %s",
                           &value[1], err);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_attest_params(cf, amcf, 2, ngx_http_attest_tpm_param);

    if (rv == NGX_CONF_OK && s->tpm.ak_handle != 0
        && s->tpm.ak_template != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ak\" and \"ak_template\" in \"attest_tpm\" "
                           "exclude each other");
        return NGX_CONF_ERROR;
    }

    return rv;
}


static ngx_int_t
ngx_http_attest_tpm_param(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *name, ngx_str_t *value)
{
    attest_tpm_conf_t  *tpm = &amcf->source->tpm;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "pcrs")) {
        return ngx_http_attest_pcrs(value, tpm);
    }

    if (ngx_http_attest_is(name, "key")) {
        tpm->rsa = ngx_http_attest_is(value, "rsa");
        return (tpm->rsa || ngx_http_attest_is(value, "ecc")) ? NGX_OK
                                                              : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "ak")) {
        return ngx_http_attest_handle(value, &tpm->ak_handle, 0x81);
    }

    if (ngx_http_attest_is(name, "ak_template")) {
        return ngx_http_attest_handle(value, &tpm->ak_template, 0x01);
    }

    if (ngx_http_attest_is(name, "ak_cert")) {
        return ngx_http_attest_handle(value, &tpm->ak_cert, 0x01);
    }

    if (ngx_http_attest_is(name, "timeout")) {
        return ngx_http_attest_timeout(amcf, value);
    }

    return ngx_http_attest_tpm_log(cf, tpm, name, value);
}


static ngx_int_t
ngx_http_attest_tpm_log(ngx_conf_t *cf, attest_tpm_conf_t *tpm,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_attest_is(name, "eventlog")) {
        return ngx_http_attest_path(cf, value, &tpm->eventlog);
    }

    if (ngx_http_attest_is(name, "imalog")) {
        return ngx_http_attest_path(cf, value, &tpm->imalog);
    }

    return NGX_ERROR;
}


char *
ngx_http_attest_tsm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_tsm) {
        return "is duplicate";
    }

    amcf->source->has_tsm = 1;

    return ngx_http_attest_params(cf, amcf, 1, ngx_http_attest_tsm_param);
}


static ngx_int_t
ngx_http_attest_tsm_param(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *name, ngx_str_t *value)
{
    attest_tsm_conf_t  *tsm = &amcf->source->tsm;

    if (value->len == 0) {
        tsm->svsm = ngx_http_attest_is(name, "svsm");
        return tsm->svsm ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "path")) {
        return ngx_http_attest_path(cf, value, &tsm->path);
    }

    if (ngx_http_attest_is(name, "privlevel")) {
        return ngx_http_attest_number(value, 3, &tsm->privlevel);
    }

    if (ngx_http_attest_is(name, "ccel")) {
        return ngx_http_attest_path(cf, value, &tsm->ccel);
    }

    if (ngx_http_attest_is(name, "certs")) {
        return ngx_http_attest_path(cf, value, &tsm->certs);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_azure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_azure) {
        return "is duplicate";
    }

    amcf->source->has_azure = 1;

    return ngx_http_attest_params(cf, amcf, 1, ngx_http_attest_azure_param);
}


static ngx_int_t
ngx_http_attest_azure_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    attest_azure_conf_t  *azure = &amcf->source->azure;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "imds")) {
        azure->imds = (char *) value->data;
        return (attest_http_address_check(azure->imds) == ATTEST_OK)
               ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "certs")) {
        return ngx_http_attest_path(cf, value, &azure->certs);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_gcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_gcp) {
        return "is duplicate";
    }

    amcf->source->has_gcp = 1;
    amcf->source->gcp = NGX_HTTP_ATTEST_GCP_ECC;

    return ngx_http_attest_params(cf, amcf, 1, ngx_http_attest_gcp_param);
}


static ngx_int_t
ngx_http_attest_gcp_param(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_attest_is(name, "key")) {

        if (ngx_http_attest_is(value, "rsa")) {
            amcf->source->gcp = NGX_HTTP_ATTEST_GCP_RSA;
            return NGX_OK;
        }

        return ngx_http_attest_is(value, "ecc") ? NGX_OK : NGX_ERROR;
    }

    return (ngx_http_attest_is(name, "timeout") && value->len != 0)
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_nitro(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_nitro) {
        return "is duplicate";
    }

    amcf->source->has_nitro = 1;

    return ngx_http_attest_params(cf, amcf, 1, ngx_http_attest_nitro_param);
}


static ngx_int_t
ngx_http_attest_nitro_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "path")) {
        return ngx_http_attest_path(cf, value, &amcf->source->nitro.path);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_gpu(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->source->has_gpu) {
        return "is duplicate";
    }

    amcf->source->has_gpu = 1;
    value = cf->args->elts;

    if (!ngx_http_attest_is(&value[1], "nvidia")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_gpu\", only "
                           "\"nvidia\" is possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_attest_params(cf, amcf, 2, ngx_http_attest_gpu_param);
}


static ngx_int_t
ngx_http_attest_gpu_param(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_attest_source_t  *s = amcf->source;

    if (value->len == 0) {
        s->nvidia.required = ngx_http_attest_is(name, "required");
        return s->nvidia.required ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "interval")) {
        s->gpu_interval = ngx_parse_time(value, 1);
        return (s->gpu_interval == (time_t) NGX_ERROR || s->gpu_interval < 1
                || s->gpu_interval > 3600)
               ? NGX_ERROR : NGX_OK;
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_auto(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->source->automatic) {
        return "is duplicate";
    }

    amcf->source->automatic = 1;
    value = cf->args->elts;

    if (!ngx_http_attest_is(&value[1], "auto")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_provider\", "
                           "only \"auto\" is possible; name a source by its "
                           "own directive", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_attest_params(cf, amcf, 2, ngx_http_attest_auto_param);
}


static ngx_int_t
ngx_http_attest_auto_param(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *name, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "pcrs")) {
        return ngx_http_attest_pcrs(value, &amcf->source->tpm);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_timeout(amcf, value) : NGX_ERROR;
}


/* One limit holds for a whole collection: the largest that is named. */

static ngx_int_t
ngx_http_attest_timeout(ngx_http_attest_main_conf_t *amcf, ngx_str_t *value)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms == NGX_ERROR || ms < 100 || ms > 120000) {
        return NGX_ERROR;
    }

    if (amcf->timeout == NGX_CONF_UNSET_MSEC
        || (ngx_msec_t) ms > amcf->timeout)
    {
        amcf->timeout = ms;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_path(ngx_conf_t *cf, ngx_str_t *value, const char **path)
{
    ngx_str_t  full;

    full = *value;

    if (ngx_conf_full_name(cf->cycle, &full, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    *path = (char *) full.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_number(ngx_str_t *value, ngx_int_t max, int *number)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > max) {
        return NGX_ERROR;
    }

    *number = (int) n;

    return NGX_OK;
}


/* sha256:0-7,14 */

static ngx_int_t
ngx_http_attest_pcrs(ngx_str_t *value, attest_tpm_conf_t *tpm)
{
    u_char     *p, *last, *colon;
    uint32_t    select;
    ngx_str_t   bank;

    p = value->data;
    last = p + value->len;
    colon = ngx_strlchr(p, last, ':');
    if (colon == NULL) {
        return NGX_ERROR;
    }

    bank.data = p;
    bank.len = colon - p;

    if (ngx_http_attest_is(&bank, "sha256")) {
        tpm->bank = ATTEST_TPM_ALG_SHA256;

    } else if (ngx_http_attest_is(&bank, "sha384")) {
        tpm->bank = ATTEST_TPM_ALG_SHA384;

    } else {
        /* SHA-1 is no evidence */
        return NGX_ERROR;
    }

    select = 0;
    p = colon;

    do {
        p = ngx_http_attest_pcr_range(p + 1, last, &select);

    } while (p != NULL && p < last && *p == ',');

    tpm->select = select;

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* "14" or "0-7"; NULL: malformed, or what cannot be. */

static u_char *
ngx_http_attest_pcr_range(u_char *p, u_char *last, uint32_t *select)
{
    ngx_uint_t  n[2], i;

    for (i = 0; i < 2; i++) {
        if (p == last || *p < '0' || *p > '9') {
            return NULL;
        }

        n[i] = *p++ - '0';
        if (p < last && *p >= '0' && *p <= '9') {
            n[i] = n[i] * 10 + (*p++ - '0');
        }

        if (i == 0) {
            n[1] = n[0];
            if (p == last || *p != '-') {
                break;
            }
            p++;
        }
    }

    if (n[0] > n[1] || n[1] >= ATTEST_TPM_PCRS) {
        return NULL;
    }

    for (i = n[0]; i <= n[1]; i++) {
        /* PCRs 16 and 23 can be reset by anybody, never evidence */
        if (i == 16 || i == 23 || *select & (1U << i)) {
            return NULL;
        }
        *select |= 1U << i;
    }

    return p;
}


static ngx_int_t
ngx_http_attest_handle(ngx_str_t *value, uint32_t *handle, uint32_t type)
{
    ngx_int_t  n;

    if (value->len != 10 || ngx_strncmp(value->data, "0x", 2) != 0) {
        return NGX_ERROR;
    }

    n = ngx_hextoi(value->data + 2, 8);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *handle = (uint32_t) n;

    return (*handle >> 24 == type) ? NGX_OK : NGX_ERROR;
}


ngx_msec_t
ngx_http_attest_source_timeout(ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_source_t  *s = amcf->source;

    return (s->has_tsm || s->has_azure || s->has_nitro || s->has_gpu
            || s->automatic)
           ? 30000 : 5000;
}


ngx_int_t
ngx_http_attest_source_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    const char                *what;
    ngx_http_attest_source_t  *s;

    s = amcf->source;
    what = ngx_http_attest_source_conflict(s);

    if (what != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: %s exclude each other", what);
        return NGX_ERROR;
    }

    if (s->automatic && ngx_http_attest_source_auto(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!s->has_tpm && !s->has_tsm && !s->has_nitro && !s->has_azure
        && !s->has_gcp)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: attested servers need a source of "
                           "evidence, add \"attest_tpm\", \"attest_tsm\", "
                           "\"attest_azure\", \"attest_gcp\", "
                           "\"attest_nitro\" or \"attest_provider auto\" "
                           "to http{}");
        return NGX_ERROR;
    }

    ngx_http_attest_source_defaults(s);

    return NGX_OK;
}


static const char *
ngx_http_attest_source_conflict(ngx_http_attest_source_t *s)
{
    if (s->automatic && (s->has_tpm || s->has_tsm || s->has_nitro
                         || s->has_azure || s->has_gcp))
    {
        return "\"attest_provider auto\" and a source that is named";
    }

    if (s->has_tsm + s->has_nitro + s->has_azure > 1) {
        return "\"attest_tsm\", \"attest_nitro\" and \"attest_azure\"";
    }

    if (s->has_gcp && (s->has_azure || s->has_nitro)) {
        return "\"attest_gcp\" and another cloud";
    }

    if (s->has_nitro && s->has_tpm) {
        return "\"attest_nitro\" and \"attest_tpm\"";
    }

    if ((s->has_azure || s->has_gcp)
        && (s->tpm.ak_handle != 0 || s->tpm.ak_template != 0
            || (s->has_gcp && s->tpm.ak_cert != 0)))
    {
        return "a cloud's attestation key and \"ak\", \"ak_template\" or "
               "\"ak_cert\" in \"attest_tpm\"";
    }

    return NULL;
}


/* What the machine has is a part of the configuration from here on. */

static ngx_int_t
ngx_http_attest_source_auto(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_str_t                  found[3];
    attest_detected_t          d;
    ngx_http_attest_source_t  *s;

    s = amcf->source;

    attest_detect("", attest_detect_hcl, &d);

    s->has_nitro = d.nitro;
    s->has_tsm = d.tsm;
    s->has_azure = d.azure;
    s->has_gcp = d.gcp;
    s->has_tpm = d.tpm;
    s->gcp = NGX_HTTP_ATTEST_GCP_ECC;
    s->tpm.eventlog = d.eventlog;
    s->tsm.ccel = d.ccel;

    if (d.gpu) {
        s->has_gpu = 1;
    }

    if (!d.nitro && !d.tsm && !d.azure && !d.gcp && !d.tpm) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"attest_provider auto\" finds no source of "
                           "evidence: %s", d.why);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                       "attest: \"attest_provider auto\" picks %s: %s",
                       d.picked, d.why);

    found[0].len = ngx_strlen(d.picked);
    found[0].data = ngx_pnalloc(cf->pool, found[0].len + 1);
    if (found[0].data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(found[0].data, d.picked, found[0].len + 1);

    found[1].data = (u_char *) (d.eventlog != NULL ? d.eventlog : "");
    found[1].len = ngx_strlen(found[1].data);
    found[2].data = (u_char *) (d.ccel != NULL ? d.ccel : "");
    found[2].len = ngx_strlen(found[2].data);

    return ngx_http_attest_source_remember(cf, amcf, found, 3);
}


/* A cloud says where its key is; the TPM is the machine's unless named. */

static void
ngx_http_attest_source_defaults(ngx_http_attest_source_t *s)
{
    if (s->tpm.tcti == NULL) {
        s->tpm.tcti = NGX_HTTP_ATTEST_TPM_DEVICE;
    }

    s->azure.tcti = s->tpm.tcti;

    if (s->has_azure) {
        s->has_tpm = 1;
        s->tpm.ak_handle = NGX_HTTP_ATTEST_AZURE_AK;
    }

    if (s->has_gcp) {
        s->has_tpm = 1;
        s->tpm.ak_cert = s->gcp;
        s->tpm.ak_template = s->gcp + 1;
        s->tpm.rsa = (s->gcp == NGX_HTTP_ATTEST_GCP_RSA);
    }
}


/*
 * Unchanged sources keep their provider: it has keys at hand that a slow TPM
 * takes seconds to make, and a report directory that the workers use.  Both
 * cycles hold it, for a reload can still fail.
 */

ngx_int_t
ngx_http_attest_source_init(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_main_conf_t *oamcf, ngx_log_t *log)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(amcf->run.cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    amcf->run.gpu_required = amcf->source->has_gpu
                         && amcf->source->nvidia.required;

    /* to read the configuration again is to accept the GPUs that are left */

    if (oamcf != NULL && oamcf->run.provider_ref != NULL
        && !(amcf->run.gpu_required && ngx_http_attest_state_gpu_failed(amcf))
        && ngx_http_attest_source_same(amcf, oamcf))
    {
        amcf->run.provider_ref = oamcf->run.provider_ref;

    } else if (ngx_http_attest_source_make(amcf) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "attest: no memory for the sources of evidence");
        return NGX_ERROR;
    }

    amcf->run.provider_ref->refs++;
    amcf->run.provider = amcf->run.provider_ref->provider;
    amcf->run.gpu = amcf->run.provider_ref->gpu;
    amcf->run.gpu_interval = (amcf->run.gpu != NULL)
                             ? amcf->source->gpu_interval : 0;

    cln->handler = ngx_http_attest_source_cleanup;
    cln->data = amcf->run.provider_ref;

    return NGX_OK;
}


static void
ngx_http_attest_source_cleanup(void *data)
{
    ngx_http_attest_provider_ref_t *ref = data;

    if (--ref->refs != 0) {
        return;
    }

    ref->provider->destroy(ref->provider);
    ngx_free(ref);
}


static ngx_uint_t
ngx_http_attest_source_same(ngx_http_attest_main_conf_t *amcf,
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
ngx_http_attest_source_make(ngx_http_attest_main_conf_t *amcf)
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

    gpu = s->has_gpu ? attest_nvidia_provider(&s->nvidia) : NULL;
    cpu = ngx_http_attest_source_cpu(amcf);
    tpm = s->has_tpm ? attest_tpm_provider(&s->tpm) : NULL;

    ref->gpu = gpu;
    ref->user = ccf->user;
    ref->group = ccf->group;

    if ((s->has_gpu && gpu == NULL) || (s->has_tpm && tpm == NULL)
        || ((s->has_tsm || s->has_nitro || s->has_azure) && cpu == NULL))
    {
        goto failed;
    }

    /* a TPM alone needs nothing around it */

    ref->provider = (gpu == NULL && cpu == NULL && !s->has_gcp) ? tpm
                    : attest_combined_provider(gpu, cpu, tpm);
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
ngx_http_attest_source_cpu(ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_source_t  *s;

    s = amcf->source;

    if (s->has_tsm) {
        return attest_tsm_provider(&s->tsm);
    }

    if (s->has_nitro) {
        return attest_nitro_provider(&s->nitro);
    }

    return s->has_azure ? attest_azure_provider(&s->azure) : NULL;
}


/*
 * Renewal runs as the workers' user: say at the start if it will fail.  Event
 * logs are opened by the master and stay open; a report directory is made
 * ready for that user.
 */

void
ngx_http_attest_source_access(ngx_http_attest_main_conf_t *amcf,
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
