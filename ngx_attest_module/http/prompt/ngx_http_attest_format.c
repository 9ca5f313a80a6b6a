/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The formats of encrypted prompts: another one is a line in this table, and
 * a declaration.
 */


#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_ehbp.h"
#include "http/prompt/ngx_http_attest_ohttp.h"


const ngx_http_attest_format_t *const  ngx_http_attest_formats[] = {
    &ngx_http_attest_ehbp_format,
    &ngx_http_attest_ohttp_format,
    NULL
};


const ngx_http_attest_format_t *
ngx_http_attest_format_find(ngx_str_t *name)
{
    const ngx_http_attest_format_t  *const  *f;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        if ((*f)->name.len == name->len
            && ngx_strncmp((*f)->name.data, name->data, name->len) == 0)
        {
            return *f;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_attest_format_names(ngx_pool_t *pool, ngx_str_t *names)
{
    u_char                           *p;
    size_t                            len;
    const ngx_http_attest_format_t  *const  *f;

    len = 0;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        len += sizeof("\"\", ") - 1 + (*f)->name.len;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    names->data = p;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        p = ngx_sprintf(p, "\"%V\"%s", &(*f)->name, f[1] ? ", " : "");
    }

    names->len = p - names->data;

    return NGX_OK;
}


char *
ngx_http_attest_format_location(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf, const ngx_http_attest_format_t *format)
{
    char                         *rv;
    ngx_uint_t                    i;
    ngx_http_attest_main_conf_t  *amcf;

    if (format->location != NULL) {
        rv = format->location(cf, alcf);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    for (i = 0; ngx_http_attest_formats[i] != format; i++) { /* void */ }

    amcf->formats_used |= (ngx_uint_t) 1 << i;

    return NGX_CONF_OK;
}


void
ngx_http_attest_format_merge(ngx_http_attest_loc_conf_t *prev,
    ngx_http_attest_loc_conf_t *conf)
{
    const ngx_http_attest_format_t  *const  *f;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        if ((*f)->merge != NULL) {
            (*f)->merge(prev, conf);
        }
    }
}


char *
ngx_http_attest_format_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf)
{
    const ngx_http_attest_format_t  *const  *f;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        if ((*f)->check != NULL && (*f)->check(cf, alcf) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_attest_format_init(ngx_conf_t *cf)
{
    const ngx_http_attest_format_t  *const  *f;

    for (f = ngx_http_attest_formats; *f != NULL; f++) {
        if ((*f)->init != NULL && (*f)->init(cf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_attest_format_kems(ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                       i, kems;
    const ngx_http_attest_format_t  *format;

    kems = 0;

    for (i = 0; ngx_http_attest_formats[i] != NULL; i++) {
        format = ngx_http_attest_formats[i];

        if ((amcf->formats_used & ((ngx_uint_t) 1 << i))
            && format->kems != NULL)
        {
            kems |= format->kems(amcf);
        }
    }

    if (!amcf->prompts) {
        return;
    }

    /* without a format that wants more all keys have the one suite alone */

    if (amcf->keys || !(kems & NGX_HTTP_ATTEST_KEM_SUITES)) {
        kems |= NGX_HTTP_ATTEST_KEM_X25519;
    }

    amcf->kems = kems;
}


const char *
ngx_http_attest_format_bad(ngx_http_attest_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf)
{
    const char                       *bad;
    const ngx_http_attest_format_t  *const  *f;

    bad = NULL;

    for (f = ngx_http_attest_formats; *f != NULL && bad == NULL; f++) {
        if ((*f)->bad != NULL) {
            bad = (*f)->bad(alcf, clcf);
        }
    }

    return bad;
}
