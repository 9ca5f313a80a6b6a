/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_SOURCE_H_INCLUDED
#define NGX_HTTP_ATTEST_SOURCE_H_INCLUDED


#include "http/ngx_http_attest.h"


#define NGX_HTTP_ATTEST_GCP_RSA         0x01c10000    /* certificate; template
                                                         in the next */
#define NGX_HTTP_ATTEST_GCP_ECC         0x01c10002


struct ngx_http_attest_source_s {
    prov_tpm_conf_t        tpm;
    prov_tsm_conf_t        tsm;
    prov_nitro_conf_t      nitro;
    prov_azure_conf_t      azure;
    prov_nvidia_conf_t     nvidia;
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


ngx_http_attest_source_t *ngx_http_attest_source_create_conf(ngx_conf_t *cf);
/* The default of "timeout", which depends on what is slow. */
ngx_msec_t ngx_http_attest_source_timeout(ngx_http_attest_main_conf_t *amcf);
/* What does not go together; what "auto" picks. */
ngx_int_t ngx_http_attest_source_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/* Adds what tells one configuration of the sources from another. */
ngx_int_t ngx_http_attest_source_remember(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *args, ngx_uint_t n);


#endif /* NGX_HTTP_ATTEST_SOURCE_H_INCLUDED */
