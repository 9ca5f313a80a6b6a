/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Variables for logs and for headers towards the backend.  None of them
 * ever holds a key, a prompt or anything decrypted.
 */


#include "http/ngx_http_attest_declare.h"
#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/ngx_http_attest_variables.h"
#include "http/upstream/ngx_http_attest_way.h"


/* What is wanted of the view or of a peer; the "data" of a variable. */

typedef enum {
    NGX_HTTP_ATTEST_VARIABLE_AGE = 0,
    NGX_HTTP_ATTEST_VARIABLE_ROOT,
    NGX_HTTP_ATTEST_VARIABLE_GENERATION,
    NGX_HTTP_ATTEST_VARIABLE_VERDICT,
    NGX_HTTP_ATTEST_VARIABLE_KEY_ID
} ngx_http_attest_variables_view_e;


static ngx_int_t ngx_http_attest_variables_set(ngx_http_variable_value_t *v,
    u_char *p, u_char *last);
static ngx_int_t ngx_http_attest_variables_protocol(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_attest_variables_key_id(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_attest_variables_status(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_attest_variables_view(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_attest_variables_upstream(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_attest_variables[] = {

    { ngx_string("attest_prompt_protocol"), NULL,
      ngx_http_attest_variables_protocol, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_prompt_key_id"), NULL,
      ngx_http_attest_variables_key_id, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_prompt_status"), NULL,
      ngx_http_attest_variables_status, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_evidence_age"), NULL,
      ngx_http_attest_variables_view, NGX_HTTP_ATTEST_VARIABLE_AGE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_root_of_trust"), NULL,
      ngx_http_attest_variables_view, NGX_HTTP_ATTEST_VARIABLE_ROOT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_generation"), NULL,
      ngx_http_attest_variables_view, NGX_HTTP_ATTEST_VARIABLE_GENERATION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_upstream_verdict"), NULL,
      ngx_http_attest_variables_upstream, NGX_HTTP_ATTEST_VARIABLE_VERDICT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_upstream_root_of_trust"), NULL,
      ngx_http_attest_variables_upstream, NGX_HTTP_ATTEST_VARIABLE_ROOT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_upstream_generation"), NULL,
      ngx_http_attest_variables_upstream, NGX_HTTP_ATTEST_VARIABLE_GENERATION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_upstream_key_id"), NULL,
      ngx_http_attest_variables_upstream, NGX_HTTP_ATTEST_VARIABLE_KEY_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_attest_variables_add(ngx_conf_t *cf)
{
    return ngx_http_attest_declare_variables(cf, ngx_http_attest_variables);
}


static ngx_int_t
ngx_http_attest_variables_set(ngx_http_variable_value_t *v, u_char *p,
    u_char *last)
{
    v->data = p;
    v->len = last - p;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_variables_protocol(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char             *name;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = ctx->format->protocol(ctx);

    return ngx_http_attest_variables_set(v, (u_char *) name,
                                         (u_char *) name + ngx_strlen(name));
}


static ngx_int_t
ngx_http_attest_variables_key_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_attest_variables_set(v, p,
                          ngx_sprintf(p, "%ud", (unsigned) ctx->key_id));
}


/* Of the sealed response, where the status outside is always 200. */

static ngx_int_t
ngx_http_attest_variables_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_uint_t              status;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);
    status = (ctx != NULL && ctx->head_sent) ? ctx->inner_status : 0;

    if (status == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_attest_variables_set(v, p, ngx_sprintf(p, "%ui", status));
}


static ngx_int_t
ngx_http_attest_variables_view(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                       *p, *last;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = amcf->used ? ngx_http_attest_view(amcf, r->connection->log)
                      : NULL;

    if (view == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* the view may be replaced before the value is used: copy */

    p = ngx_pnalloc(r->pool, ngx_max(view->root.len, NGX_INT64_LEN));
    if (p == NULL) {
        return NGX_ERROR;
    }

    switch (data) {

    case NGX_HTTP_ATTEST_VARIABLE_AGE:
        last = ngx_sprintf(p, "%T",
                           ngx_http_attest_clock_now(amcf) - view->from);
        break;

    case NGX_HTTP_ATTEST_VARIABLE_ROOT:
        last = ngx_cpymem(p, view->root.data, view->root.len);
        break;

    default: /* NGX_HTTP_ATTEST_VARIABLE_GENERATION */
        last = ngx_sprintf(p, "%uL", view->number);
        break;
    }

    return ngx_http_attest_variables_set(v, p, last);
}


/* Of the peer that the request was sent to, or was not. */

static ngx_int_t
ngx_http_attest_variables_upstream(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    const char                  *text;
    ngx_http_attest_way_t       *way;
    ngx_http_attest_identity_t  *id;

    way = ngx_http_attest_way(r);
    id = (way != NULL) ? way->id : NULL;

    if (way == NULL || way->verdict == 0
        || (id == NULL && data != NGX_HTTP_ATTEST_VARIABLE_VERDICT))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_HTTP_ATTEST_VARIABLE_VERDICT
        || data == NGX_HTTP_ATTEST_VARIABLE_ROOT)
    {
        text = (data == NGX_HTTP_ATTEST_VARIABLE_ROOT)
               ? attest_label_name(id->root)
               : attest_verify_verdict(way->verdict);

        return ngx_http_attest_variables_set(v, (u_char *) text,
                                        (u_char *) text + ngx_strlen(text));
    }

    /* the list: length, identifier and so on of each */

    if (data == NGX_HTTP_ATTEST_VARIABLE_KEY_ID && id->list_len < 3) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_attest_variables_set(v, p,
                  ngx_sprintf(p, "%uL",
                              (data == NGX_HTTP_ATTEST_VARIABLE_KEY_ID)
                              ? (uint64_t) id->list[2] : id->generation));
}
