/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources of evidence, as directives of http{}: which TPM, which interface of
 * the CPU, which GPUs, or "auto", each with its parameters.
 */


#include "http/evidence/ngx_http_attest_source.h"
#include "http/evidence/ngx_http_attest_source_conf.h"
#include "providers/prov_http.h"


/* NGX_OK: understood; NGX_ERROR: unknown, or a bad value. */

typedef ngx_int_t (*ngx_http_attest_param_pt)(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);


static char *ngx_http_attest_source_conf_params(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t first,
    ngx_http_attest_param_pt handler);
static ngx_int_t ngx_http_attest_source_conf_tpm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_tpm_log(ngx_conf_t *cf,
    prov_tpm_conf_t *tpm, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_tsm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_azure_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_gcp_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_nitro_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_gpu_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_auto_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_timeout(
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *value);
static ngx_int_t ngx_http_attest_source_conf_path(ngx_conf_t *cf,
    ngx_str_t *value, const char **path);
static ngx_int_t ngx_http_attest_source_conf_number(ngx_str_t *value,
    ngx_int_t max, int *number);
static ngx_int_t ngx_http_attest_source_conf_pcrs(ngx_str_t *value,
    prov_tpm_conf_t *tpm);
static u_char *ngx_http_attest_source_conf_pcr_range(u_char *p, u_char *last,
    uint32_t *select);
static ngx_int_t ngx_http_attest_source_conf_handle(ngx_str_t *value,
    uint32_t *handle, uint32_t type);


/* All arguments from the first on: words, and "name=value". */

static char *
ngx_http_attest_source_conf_params(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t first,
    ngx_http_attest_param_pt handler)
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


char *
ngx_http_attest_source_conf_tpm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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

    if (prov_tcti_conf_check(s->tpm.tcti, err, sizeof(err)) != ATTEST_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid TCTI \"%V\" in \"attest_tpm\": %s",
                           &value[1], err);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_attest_source_conf_params(cf, amcf, 2,
                                        ngx_http_attest_source_conf_tpm_param);

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
ngx_http_attest_source_conf_tpm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    prov_tpm_conf_t    *tpm = &amcf->source->tpm;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "pcrs")) {
        return ngx_http_attest_source_conf_pcrs(value, tpm);
    }

    if (ngx_http_attest_is(name, "key")) {
        tpm->rsa = ngx_http_attest_is(value, "rsa");
        return (tpm->rsa || ngx_http_attest_is(value, "ecc")) ? NGX_OK
                                                              : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "ak")) {
        return ngx_http_attest_source_conf_handle(value, &tpm->ak_handle, 0x81);
    }

    if (ngx_http_attest_is(name, "ak_template")) {
        return ngx_http_attest_source_conf_handle(value, &tpm->ak_template,
                                                  0x01);
    }

    if (ngx_http_attest_is(name, "ak_cert")) {
        return ngx_http_attest_source_conf_handle(value, &tpm->ak_cert, 0x01);
    }

    if (ngx_http_attest_is(name, "timeout")) {
        return ngx_http_attest_source_conf_timeout(amcf, value);
    }

    return ngx_http_attest_source_conf_tpm_log(cf, tpm, name, value);
}


static ngx_int_t
ngx_http_attest_source_conf_tpm_log(ngx_conf_t *cf, prov_tpm_conf_t *tpm,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_attest_is(name, "eventlog")) {
        return ngx_http_attest_source_conf_path(cf, value, &tpm->eventlog);
    }

    if (ngx_http_attest_is(name, "imalog")) {
        return ngx_http_attest_source_conf_path(cf, value, &tpm->imalog);
    }

    return NGX_ERROR;
}


char *
ngx_http_attest_source_conf_tsm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_tsm) {
        return "is duplicate";
    }

    amcf->source->has_tsm = 1;

    return ngx_http_attest_source_conf_params(cf, amcf, 1,
                                        ngx_http_attest_source_conf_tsm_param);
}


static ngx_int_t
ngx_http_attest_source_conf_tsm_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    prov_tsm_conf_t    *tsm = &amcf->source->tsm;

    if (value->len == 0) {
        tsm->svsm = ngx_http_attest_is(name, "svsm");
        return tsm->svsm ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "path")) {
        return ngx_http_attest_source_conf_path(cf, value, &tsm->path);
    }

    if (ngx_http_attest_is(name, "privlevel")) {
        return ngx_http_attest_source_conf_number(value, 3, &tsm->privlevel);
    }

    if (ngx_http_attest_is(name, "ccel")) {
        return ngx_http_attest_source_conf_path(cf, value, &tsm->ccel);
    }

    if (ngx_http_attest_is(name, "certs")) {
        return ngx_http_attest_source_conf_path(cf, value, &tsm->certs);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_source_conf_azure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_azure) {
        return "is duplicate";
    }

    amcf->source->has_azure = 1;

    return ngx_http_attest_source_conf_params(cf, amcf, 1,
                                      ngx_http_attest_source_conf_azure_param);
}


static ngx_int_t
ngx_http_attest_source_conf_azure_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    prov_azure_conf_t    *azure = &amcf->source->azure;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "imds")) {
        azure->imds = (char *) value->data;
        return (prov_http_address_check(azure->imds) == ATTEST_OK)
               ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "certs")) {
        return ngx_http_attest_source_conf_path(cf, value, &azure->certs);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_source_conf_gcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_gcp) {
        return "is duplicate";
    }

    amcf->source->has_gcp = 1;
    amcf->source->gcp = NGX_HTTP_ATTEST_GCP_ECC;

    return ngx_http_attest_source_conf_params(cf, amcf, 1,
                                        ngx_http_attest_source_conf_gcp_param);
}


static ngx_int_t
ngx_http_attest_source_conf_gcp_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_attest_is(name, "key")) {

        if (ngx_http_attest_is(value, "rsa")) {
            amcf->source->gcp = NGX_HTTP_ATTEST_GCP_RSA;
            return NGX_OK;
        }

        return ngx_http_attest_is(value, "ecc") ? NGX_OK : NGX_ERROR;
    }

    return (ngx_http_attest_is(name, "timeout") && value->len != 0)
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_source_conf_nitro(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    if (amcf->source->has_nitro) {
        return "is duplicate";
    }

    amcf->source->has_nitro = 1;

    return ngx_http_attest_source_conf_params(cf, amcf, 1,
                                      ngx_http_attest_source_conf_nitro_param);
}


static ngx_int_t
ngx_http_attest_source_conf_nitro_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "path")) {
        return ngx_http_attest_source_conf_path(cf, value,
                                                &amcf->source->nitro.path);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_source_conf_gpu(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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

    return ngx_http_attest_source_conf_params(cf, amcf, 2,
                                        ngx_http_attest_source_conf_gpu_param);
}


static ngx_int_t
ngx_http_attest_source_conf_gpu_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
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
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


char *
ngx_http_attest_source_conf_auto(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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

    return ngx_http_attest_source_conf_params(cf, amcf, 2,
                                       ngx_http_attest_source_conf_auto_param);
}


static ngx_int_t
ngx_http_attest_source_conf_auto_param(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *name, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_is(name, "pcrs")) {
        return ngx_http_attest_source_conf_pcrs(value, &amcf->source->tpm);
    }

    return ngx_http_attest_is(name, "timeout")
           ? ngx_http_attest_source_conf_timeout(amcf, value) : NGX_ERROR;
}


/* One limit holds for a whole collection: the largest that is named. */

static ngx_int_t
ngx_http_attest_source_conf_timeout(ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *value)
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
ngx_http_attest_source_conf_path(ngx_conf_t *cf, ngx_str_t *value,
    const char **path)
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
ngx_http_attest_source_conf_number(ngx_str_t *value, ngx_int_t max, int *number)
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
ngx_http_attest_source_conf_pcrs(ngx_str_t *value, prov_tpm_conf_t *tpm)
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
        p = ngx_http_attest_source_conf_pcr_range(p + 1, last, &select);

    } while (p != NULL && p < last && *p == ',');

    tpm->select = select;

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* "14" or "0-7"; NULL: malformed, or what cannot be. */

static u_char *
ngx_http_attest_source_conf_pcr_range(u_char *p, u_char *last, uint32_t *select)
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
ngx_http_attest_source_conf_handle(ngx_str_t *value, uint32_t *handle,
    uint32_t type)
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
