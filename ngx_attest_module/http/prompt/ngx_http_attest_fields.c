/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fields of the request: found, added, taken out of it when the backend must
 * not have them, together with the variables that show them.
 */


#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/ngx_http_attest_list.h"


#define NGX_HTTP_ATTEST_OWN_FIELDS    "x-attest-"
#define NGX_HTTP_ATTEST_OWN_VARS      "http_x_attest_"


static ngx_uint_t ngx_http_attest_fields_is(ngx_str_t *key, const char *name,
    ngx_uint_t prefix);
static ngx_uint_t ngx_http_attest_fields_dropped(ngx_str_t *key,
    ngx_uint_t drop, const char *field);
static ngx_uint_t ngx_http_attest_fields_shown(ngx_str_t *name,
    const char *field);


ngx_str_t *
ngx_http_attest_fields_get(ngx_http_request_t *r, const char *name)
{
    size_t                   len;
    ngx_table_elt_t         *h;
    ngx_http_attest_list_t   at;

    len = ngx_strlen(name);

    ngx_http_attest_list_begin(&at, &r->headers_in.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->key.len == len
            && ngx_strncasecmp(h->key.data, (u_char *) name, len) == 0)
        {
            return &h->value;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_attest_fields_count(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_uint_t               n;
    ngx_table_elt_t         *h;
    ngx_http_attest_list_t   at;

    ngx_str_null(value);
    n = 0;

    ngx_http_attest_list_begin(&at, &r->headers_in.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (ngx_http_attest_fields_is(&h->key, name, 0)) {
            *value = h->value;
            n++;
        }
    }

    return n;
}


/*
 * Letter case does not count, and for what looks at fields as CGI variables
 * "_" is "-".
 */

static ngx_uint_t
ngx_http_attest_fields_is(ngx_str_t *key, const char *name,
    ngx_uint_t prefix)
{
    u_char  ch;
    size_t  i, len;

    len = ngx_strlen(name);

    if (key->len < len || (key->len > len && !prefix)) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        ch = (key->data[i] == '_') ? '-' : ngx_tolower(key->data[i]);

        if (ch != ngx_tolower((u_char) name[i])) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_attest_fields_own(ngx_str_t *key)
{
    return ngx_http_attest_fields_is(key, NGX_HTTP_ATTEST_OWN_FIELDS, 1);
}


ngx_uint_t
ngx_http_attest_fields_of_formats(ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *key)
{
    const ngx_http_attest_format_t  *const  *f;

    for (f = amcf->formats; *f != NULL; f++) {
        if ((*f)->field != NULL
            && ngx_http_attest_fields_is(key, (*f)->field, 0))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_attest_fields_dropped(ngx_str_t *key, ngx_uint_t drop,
    const char *field)
{
    if ((drop & NGX_HTTP_ATTEST_DROP_OWN) && ngx_http_attest_fields_own(key)) {
        return 1;
    }

    if (field != NULL && ngx_http_attest_fields_is(key, field, 0)) {
        return 1;
    }

    if (!(drop & NGX_HTTP_ATTEST_DROP_FRAMING)) {
        return 0;
    }

    /* an upgraded connection would carry the answer around our filters */

    return ngx_http_attest_fields_is(key, "content-length", 0)
           || ngx_http_attest_fields_is(key, "transfer-encoding", 0)
           || ngx_http_attest_fields_is(key, "accept-encoding", 0)
           || ngx_http_attest_fields_is(key, "connection", 0)
           || ngx_http_attest_fields_is(key, "upgrade", 0)
           || ngx_http_attest_fields_is(key, "http2-settings", 0);
}


/*
 * Proxying modules send every element of the list, so that a field has to
 * leave it.  The elements that stay are copied into a new list: pointers
 * into the old one, such as r->headers_in.host, remain good.
 */

ngx_int_t
ngx_http_attest_fields_drop(ngx_http_request_t *r, ngx_uint_t drop,
    const char *field)
{
    ngx_uint_t               found;
    ngx_list_part_t          old;
    ngx_table_elt_t         *h, *kept;
    ngx_http_attest_list_t   at;

    old = r->headers_in.headers.part;
    found = 0;

    ngx_http_attest_list_begin(&at, &old);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {
        found |= ngx_http_attest_fields_dropped(&h->key, drop, field);
    }

    if (!found) {
        return NGX_OK;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_attest_list_begin(&at, &old);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (ngx_http_attest_fields_dropped(&h->key, drop, field)) {
            continue;
        }

        kept = ngx_list_push(&r->headers_in.headers);
        if (kept == NULL) {
            return NGX_ERROR;
        }

        *kept = *h;
    }

    ngx_http_attest_fields_no_variables(r, field);

    return NGX_OK;
}


/* Values of dropped fields that the rewrite phase may have looked up. */

void
ngx_http_attest_fields_no_variables(ngx_http_request_t *r,
    const char *field)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i, n;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t  names[] = {
        ngx_string("content_length"),
        ngx_string("http_content_length"),
        ngx_string("http_transfer_encoding"),
        ngx_string("http_accept_encoding"),
        ngx_string("http_connection"),
        ngx_string("http_upgrade"),
        ngx_string("http_http2_settings"),
        ngx_string("request_body"),
        ngx_null_string
    };

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (n = 0, name = names; name[n].len; n++) {
            if (v[i].name.len == name[n].len
                && ngx_strncmp(v[i].name.data, name[n].data, name[n].len)
                   == 0)
            {
                break;
            }
        }

        if (name[n].len
            || ngx_http_attest_fields_shown(&v[i].name, field)
            || (v[i].name.len > sizeof(NGX_HTTP_ATTEST_OWN_VARS) - 1
                && ngx_strncmp(v[i].name.data, NGX_HTTP_ATTEST_OWN_VARS,
                               sizeof(NGX_HTTP_ATTEST_OWN_VARS) - 1) == 0))
        {
            r->variables[i].valid = 0;
            r->variables[i].not_found = 0;
        }
    }
}


/* 1 for the variable of a request's field. */

static ngx_uint_t
ngx_http_attest_fields_shown(ngx_str_t *name, const char *field)
{
    ngx_str_t  key;

    if (field == NULL || name->len < sizeof("http_") - 1
        || ngx_strncmp(name->data, "http_", sizeof("http_") - 1) != 0)
    {
        return 0;
    }

    key.data = name->data + sizeof("http_") - 1;
    key.len = name->len - (sizeof("http_") - 1);

    return ngx_http_attest_fields_is(&key, field, 0);
}


ngx_int_t
ngx_http_attest_fields_length(ngx_http_request_t *r, size_t len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);
    if (p == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    ngx_http_attest_elt_init(h);
    ngx_str_set(&h->key, "Content-Length");
    h->lowcase_key = (u_char *) "content-length";
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "%uz", len) - p;

    r->headers_in.content_length = h;
    r->headers_in.content_length_n = len;

    return NGX_OK;
}
