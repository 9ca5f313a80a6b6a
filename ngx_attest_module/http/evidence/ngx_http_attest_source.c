/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The sources of evidence of one configuration: what they are when nothing is
 * set, which go together, and what "auto" picks.
 */


#include "http/evidence/ngx_http_attest_source.h"
#include "providers/prov_detect.h"


#define NGX_HTTP_ATTEST_AZURE_AK        0x81000003
#define NGX_HTTP_ATTEST_TPM_DEVICE      "device:/dev/tpmrm0"

#define NGX_HTTP_ATTEST_GPU_INTERVAL    60


static const char *ngx_http_attest_source_conflict(
    ngx_http_attest_source_t *s);
static ngx_int_t ngx_http_attest_source_detect(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_source_defaults(ngx_http_attest_source_t *s);


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


/* What tells one configuration of the sources from another. */

ngx_int_t
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

    if (s->automatic && ngx_http_attest_source_detect(cf, amcf) != NGX_OK) {
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
ngx_http_attest_source_detect(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_str_t                  found[3];
    prov_detected_t            d;
    ngx_http_attest_source_t  *s;

    s = amcf->source;

    prov_detect("", prov_detect_hcl, &d);

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
