/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CORS for pages that send encrypted prompts and read evidence: what a
 * browser may see of each answer of a location, and the preflight requests
 * that it makes before (Fetch standard).
 */


#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/ngx_http_attest_answer.h"


/* behind the fields of the formats */
#define NGX_HTTP_ATTEST_CORS_EXPOSE     "Content-Type"
#define NGX_HTTP_ATTEST_CORS_ALLOW      "Content-Type, Authorization"
#define NGX_HTTP_ATTEST_CORS_MAX_ASKED  1024


static ngx_str_t *ngx_http_attest_cors_allowed(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_str_t *ngx_http_attest_cors_asked(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_cors_answer(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_cors_list(ngx_conf_t *cf, ngx_str_t *list,
    const char *name);


/* Whatever the format of a location: a page is told one thing. */

ngx_int_t
ngx_http_attest_cors_init(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    const char  *const                      *name;
    const ngx_http_attest_format_t  *const  *f;

    for (f = amcf->formats; *f != NULL; f++) {

        name = (*f)->response_fields;

        for ( /* void */ ; name != NULL && *name != NULL; name++) {
            if (ngx_http_attest_cors_list(cf, &amcf->cors_expose, *name)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if ((*f)->field != NULL
            && ngx_http_attest_cors_list(cf, &amcf->cors_allow, (*f)->field)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_attest_cors_list(cf, &amcf->cors_expose,
                                  NGX_HTTP_ATTEST_CORS_EXPOSE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_cors_list(cf, &amcf->cors_allow,
                                     NGX_HTTP_ATTEST_CORS_ALLOW);
}


static ngx_int_t
ngx_http_attest_cors_list(ngx_conf_t *cf, ngx_str_t *list, const char *name)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, list->len + 2 + ngx_strlen(name));
    if (p == NULL) {
        return NGX_ERROR;
    }

    list->len = ngx_sprintf(p, "%V%s%s", list, list->len ? ", " : "", name)
                - p;
    list->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_cors_fields(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_str_t                    *origin, value;
    ngx_http_attest_main_conf_t  *amcf;

    ngx_str_set(&value, "Origin");

    if (ngx_http_attest_answer_field(r, "Vary", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    origin = ngx_http_attest_cors_allowed(r, alcf);
    if (origin == NULL) {
        return NGX_OK;
    }

    if (ngx_http_attest_answer_field(r, "Access-Control-Allow-Origin", origin)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_attest_cors_asked(r, alcf) != NULL) {
        return ngx_http_attest_cors_answer(r);
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    return ngx_http_attest_answer_field(r, "Access-Control-Expose-Headers",
                                        &amcf->cors_expose);
}


/* The value of Access-Control-Allow-Origin, or NULL: not for this origin. */

static ngx_str_t *
ngx_http_attest_cors_allowed(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_str_t   *origin, *allowed;
    ngx_uint_t   i;

    origin = ngx_http_attest_fields_get(r, "origin");
    allowed = alcf->cors->elts;

    for (i = 0; i < alcf->cors->nelts; i++) {

        if (allowed[i].len == 1 && allowed[i].data[0] == '*') {
            return &allowed[i];
        }

        if (origin != NULL && origin->len == allowed[i].len
            && ngx_memcmp(origin->data, allowed[i].data, origin->len) == 0)
        {
            return &allowed[i];
        }
    }

    return NULL;
}


/* Fetch standard section 4.8: what marks a CORS-preflight request. */

static ngx_str_t *
ngx_http_attest_cors_asked(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    if (r->method != NGX_HTTP_OPTIONS || alcf->cors == NULL
        || ngx_http_attest_fields_get(r, "origin") == NULL)
    {
        return NULL;
    }

    return ngx_http_attest_fields_get(r, "access-control-request-method");
}


ngx_int_t
ngx_http_attest_cors_preflight(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_int_t  rc;

    if (ngx_http_attest_cors_asked(r, alcf) == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    /* the header filter adds the fields */

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


/*
 * Client libraries add fields of their own (x-stainless-...), so that an
 * allowed origin may send what it asks for, as far as these are field names.
 */

static ngx_int_t
ngx_http_attest_cors_answer(ngx_http_request_t *r)
{
    u_char                       *p, ch;
    size_t                        i;
    ngx_str_t                    *asked, value;
    ngx_http_attest_main_conf_t  *amcf;

    ngx_str_set(&value, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

    if (ngx_http_attest_answer_field(r, "Access-Control-Allow-Methods", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "600");

    if (ngx_http_attest_answer_field(r, "Access-Control-Max-Age", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    value = amcf->cors_allow;

    asked = ngx_http_attest_fields_get(r, "access-control-request-headers");

    if (asked != NULL && asked->len > 0
        && asked->len <= NGX_HTTP_ATTEST_CORS_MAX_ASKED)
    {
        for (i = 0; i < asked->len; i++) {
            ch = ngx_tolower(asked->data[i]);

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '-' || ch == '_' || ch == ',' || ch == ' '))
            {
                break;
            }
        }

        if (i == asked->len) {
            p = ngx_pnalloc(r->pool, value.len + 2 + asked->len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            i = ngx_sprintf(p, "%V, %V", &value, asked) - p;
            value.data = p;
            value.len = i;
        }
    }

    return ngx_http_attest_answer_field(r, "Access-Control-Allow-Headers",
                                        &value);
}
