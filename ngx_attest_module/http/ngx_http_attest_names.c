/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names that the one certificate has: those of all servers that use it.
 */


#include "http/ngx_http_attest_names.h"


static ngx_int_t ngx_http_attest_names_of_server(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_attest_names_push(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, const char *prefix, ngx_str_t *name);


ngx_int_t
ngx_http_attest_names_collect(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_str_t                    *names;
    ngx_uint_t                    i, s;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    if (!amcf->certificate) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {

        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (!ascf->certificate) {
            continue;
        }

        if (ascf->cert_names == NULL) {
            if (ngx_http_attest_names_of_server(cf, amcf,
                                                cscfp[s]) != NGX_OK) {
                return NGX_ERROR;
            }
            continue;
        }

        names = ascf->cert_names->elts;

        for (i = 0; i < ascf->cert_names->nelts; i++) {
            if (ngx_http_attest_names_push(cf, amcf, "",
                                           &names[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    if (amcf->run.names->nelts == 0
        && ngx_http_attest_names_push(cf, amcf, "", &cf->cycle->hostname)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (amcf->run.names->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: no server name can stand in a "
                           "certificate, set \"attest_certificate_names\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_names_of_server(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_http_server_name_t  *sn;

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (sn[i].regex != NULL) {
            continue;
        }
#endif

        name = sn[i].name;

        /* the usual name of a server that has none */

        if (ngx_http_attest_is(&name, "_")) {
            continue;
        }

        /* ".example.com" stands for the name and everything below it */

        if (name.len > 1 && name.data[0] == '.') {
            name.data++;
            name.len--;

            if (ngx_http_attest_names_push(cf, amcf, "*.", &name) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (ngx_http_attest_names_push(cf, amcf, "", &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Skips what cannot stand in a certificate ("_", "www.*") and duplicates. */

static ngx_int_t
ngx_http_attest_names_push(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    const char *prefix, ngx_str_t *name)
{
    char        **p, *s;
    ngx_uint_t    i;

    s = ngx_pnalloc(cf->pool, ngx_strlen(prefix) + name->len + 1);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *ngx_sprintf((u_char *) s, "%s%V", prefix, name) = '\0';

    if (!attest_ratls_is_name(s)) {
        return NGX_OK;
    }

    p = amcf->run.names->elts;

    for (i = 0; i < amcf->run.names->nelts; i++) {
        if (ngx_strcmp(p[i], s) == 0) {
            return NGX_OK;
        }
    }

    if (amcf->run.names->nelts == ATTEST_RATLS_MAX_NAMES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: more than %d names for one certificate",
                           ATTEST_RATLS_MAX_NAMES);
        return NGX_ERROR;
    }

    p = ngx_array_push(amcf->run.names);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = s;
    return NGX_OK;
}
