/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Oblivious HTTP gateway, the inner request: what was decoded takes the
 * place of the outer request, of which nothing is left for the backend, and
 * enters a location.
 */


#include "http/prompt/ngx_http_attest_inner.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/ngx_http_attest_list.h"
#include "http/ngx_http_attest_problem.h"


static ngx_int_t ngx_http_attest_ohttp_swap(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ohttp_known_fields(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_ohttp_put_host(ngx_http_attest_inner_t *in);
static ngx_int_t ngx_http_attest_ohttp_put_body(ngx_http_attest_inner_t *in);
static void ngx_http_attest_ohttp_respond(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, const char *why);


void
ngx_http_attest_ohttp_enter(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_inner_t  *in;

    /* from here on logs are told less */

    r->log_handler = ngx_http_attest_ohttp_log_error;

    in = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_inner_t));
    if (in == NULL) {
        ngx_http_attest_ohttp_respond(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                      NULL, "no memory");
        return;
    }

    in->r = r;
    in->oh = ctx->data;
    in->date = -1;

    if (ngx_http_attest_inner_decode(in, ctx) != NGX_OK
        || ngx_http_attest_inner_fresh(in, ctx) != NGX_OK)
    {
        ngx_http_attest_ohttp_respond(r, in->status, in->type, in->why);
        return;
    }

    if (ngx_http_attest_ohttp_swap(in, ctx) != NGX_OK) {
        ngx_http_attest_ohttp_respond(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                      NULL, "no memory");
        return;
    }

    (void) ngx_http_internal_redirect(r, &in->path, &in->args);
    ngx_http_finalize_request(r, NGX_DONE);
}


/* From the first decrypted byte on errors are sealed: RFC 9458 section 5. */

static void
ngx_http_attest_ohttp_respond(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *why)
{
    ngx_int_t                     rc;
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_main_conf_t  *amcf;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "attest: inner request refused: %s", why);

    ctx = ngx_http_attest_prompt_ctx(r);

    if (!ctx->counted) {
        ctx->counted = 1;
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, refused_inner);
    }

    rc = ngx_http_attest_problem(r, status, type,
                                 "The request inside was refused", why,
                                 (status == NGX_HTTP_SERVICE_UNAVAILABLE)
                                 ? NGX_HTTP_ATTEST_BUSY : 0);

    ngx_http_finalize_request(r, rc);
}


/* From here on r is the inner request; nothing was changed before. */

static ngx_int_t
ngx_http_attest_ohttp_swap(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = in->r;

    if (ngx_http_attest_ohttp_put_host(in) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_attest_outer_save(r, &in->oh->outer);
    ctx->outer = &in->oh->outer;

    /* what belongs to the connection stays */

    in->headers_in.connection_type = r->headers_in.connection_type;
    in->headers_in.keep_alive_n = r->headers_in.keep_alive_n;
    in->headers_in.content_length_n = -1;

    r->headers_in = in->headers_in;

    if (in->headers_in.headers.last == &in->headers_in.headers.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    r->method = in->method;
    r->method_name = in->method_name;
    r->unparsed_uri = in->target;
    r->err_status = 0;

    /* values of the outer request that somebody has looked up */

    ngx_http_attest_outer_no_variables(r);

#if (NGX_HTTP_GZIP)
    r->gzip_tested = 0;
    r->gzip_ok = 0;
#endif

    if (ngx_http_attest_ohttp_known_fields(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_ohttp_put_body(in);
}


/*
 * The fields that nginx knows.  Its handler of Host is not called: it would
 * choose the server.  Others end a request themselves when a field appears
 * twice, which the rules have excluded; of lists, nginx keeps the first.
 */

static ngx_int_t
ngx_http_attest_ohttp_known_fields(ngx_http_request_t *r)
{
    ngx_table_elt_t            *h;
    ngx_http_header_t          *hh;
    ngx_http_attest_list_t      at;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    ngx_http_attest_list_begin(&at, &r->headers_in.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        /* names are in lower case */

        if (ngx_http_attest_is(&h->key, "host")) {
            r->headers_in.host = h;
            continue;
        }

        hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                           h->key.len);

        if (hh != NULL && hh->handler(r, h, hh->offset) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_put_host(ngx_http_attest_inner_t *in)
{
    u_char     *p, *last;
    ngx_str_t   name;

    ngx_str_set(&name, "host");

    if (ngx_http_attest_inner_push(in, &name, &in->host) == NULL) {
        return NGX_ERROR;
    }

    /* without the port, as $host has it */

    last = in->host.data + in->host.len;
    p = last;

    while (p > in->host.data && p[-1] >= '0' && p[-1] <= '9') {
        p--;
    }

    if (p > in->host.data && p[-1] == ':') {
        last = p - 1;
    }

    in->headers_in.server.data = in->host.data;
    in->headers_in.server.len = last - in->host.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_put_body(ngx_http_attest_inner_t *in)
{
    ngx_http_request_t  *r;

    r = in->r;

    if (ngx_http_attest_body_put(r, in->body.data, in->body.len) != NGX_OK) {
        return NGX_ERROR;
    }

    if (in->body.len == 0
        && (in->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE
                          |NGX_HTTP_OPTIONS)))
    {
        return NGX_OK;
    }

    return ngx_http_attest_fields_length(r, in->body.len);
}


ngx_int_t
ngx_http_attest_ohttp_gate(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_ohttp_t     *oh;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_attest_loc_conf_t  *alcf;

    ctx = (r == r->main && r->internal) ? ngx_http_attest_prompt_ctx(r) : NULL;

    if (ctx == NULL || ctx->outer == NULL
        || ctx->format->enter != ngx_http_attest_ohttp_enter)
    {
        return NGX_DECLINED;
    }

    oh = ctx->data;

    if (oh->entered) {
        return NGX_DECLINED;
    }

    oh->entered = 1;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (clcf->named
        || ngx_http_attest_ohttp_admits(oh->gateway, alcf, clcf))
    {
        return NGX_DECLINED;
    }

    if (r->err_status != 0) {

        /*
         * nginx refused it as too large before this phase: the page that
         * error_page names need not be internal, here as elsewhere
         */

        return NGX_DECLINED;
    }

    ngx_http_attest_ohttp_respond(r, NGX_HTTP_NOT_FOUND, NULL,
                                  "there is no location that takes it from "
                                  "inside Oblivious HTTP");
    return NGX_DONE;
}
