/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Oblivious HTTP, the head of the response inside: nginx gets it as if its
 * backend had sent it, by nginx' own table of what is done with fields.
 */


#include "http/upstream/ngx_http_attest_inside.h"
#include "http/upstream/ngx_http_attest_sealing_error.h"


static int ngx_http_attest_inside_status(void *data, unsigned status);
static int ngx_http_attest_inside_field(void *data, attest_span_t name,
    attest_span_t value, int trailer);
static int ngx_http_attest_inside_head(void *data);
static ngx_int_t ngx_http_attest_inside_elt(ngx_http_request_t *r,
    ngx_table_elt_t *h, attest_span_t name, attest_span_t value);
static ngx_int_t ngx_http_attest_inside_length(ngx_http_request_t *r,
    ngx_str_t *value);


const attest_answer_handler_t  ngx_http_attest_inside = {
    ngx_http_attest_inside_status,
    ngx_http_attest_inside_field,
    ngx_http_attest_inside_head
};


static int
ngx_http_attest_inside_status(void *data, unsigned status)
{
    ngx_http_attest_sealing_ctx_t *ctx = data;

    if (ngx_http_attest_sealing_error_clean(ctx->request) != NGX_OK) {
        return ATTEST_EINTERNAL;
    }

    ctx->status = status;

    return ATTEST_OK;
}


static int
ngx_http_attest_inside_field(void *data, attest_span_t name,
    attest_span_t value, int trailer)
{
    ngx_http_attest_sealing_ctx_t *ctx = data;

    ngx_table_elt_t                 h, *t;
    ngx_http_request_t             *r;
    ngx_http_upstream_header_t     *hh;
    ngx_http_upstream_main_conf_t  *umcf;

    r = ctx->request;

    if (attest_bhttp_is_connection(name.p, name.n)) {
        return ATTEST_OK;
    }

    if (ngx_http_attest_inside_elt(r, &h, name, value) != NGX_OK) {
        return ATTEST_EINTERNAL;
    }

    if (!trailer && attest_span_is(name, "date")) {
        ctx->said_date = h.value;
    }

    if (ngx_hash_find(&r->upstream->conf->hide_headers_hash, h.hash,
                      h.lowcase_key, h.key.len))
    {
        return ATTEST_OK;
    }

    if (trailer) {
        t = ngx_list_push(&r->headers_out.trailers);
        if (t == NULL) {
            return ATTEST_EINTERNAL;
        }

        *t = h;
        return ATTEST_OK;
    }

    if (attest_span_is(name, "content-length")) {
        return ngx_http_attest_inside_length(r, &h.value) == NGX_OK
               ? ATTEST_OK : ATTEST_EFORMAT;
    }

    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);

    hh = ngx_hash_find(&umcf->headers_in_hash, h.hash, h.lowcase_key,
                       h.key.len);

    if (hh != NULL) {
        return hh->copy_handler(r, &h, hh->conf) == NGX_OK
               ? ATTEST_OK : ATTEST_EINTERNAL;
    }

    t = ngx_list_push(&r->headers_out.headers);
    if (t == NULL) {
        return ATTEST_EINTERNAL;
    }

    *t = h;

    return ATTEST_OK;
}


/* Names as people know them: of small letters, with capitals in front. */

static ngx_int_t
ngx_http_attest_inside_elt(ngx_http_request_t *r, ngx_table_elt_t *h,
    attest_span_t name, attest_span_t value)
{
    size_t   i;
    u_char  *p;

    p = ngx_pnalloc(r->pool, 2 * (name.n + 1) + value.n + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->lowcase_key = p;
    ngx_memcpy(p, name.p, name.n);
    p += name.n;
    *p++ = '\0';

    h->key.data = p;
    h->key.len = name.n;

    for (i = 0; i < name.n; i++) {
        p[i] = (i == 0 || name.p[i - 1] == '-') ? ngx_toupper(name.p[i])
                                                : name.p[i];
    }

    p += name.n;
    *p++ = '\0';

    h->value.data = p;
    h->value.len = value.n;
    p = ngx_cpymem(p, value.p, value.n);
    *p = '\0';

    h->hash = ngx_hash_key(h->lowcase_key, name.n);
    ngx_http_attest_elt_init(h);

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_inside_length(ngx_http_request_t *r, ngx_str_t *value)
{
    off_t  n;

    n = ngx_atoof(value->data, value->len);

    if (n == NGX_ERROR
        || (r->headers_out.content_length_n != -1
            && r->headers_out.content_length_n != n))
    {
        return NGX_ERROR;
    }

    r->headers_out.content_length_n = n;

    return NGX_OK;
}


static int
ngx_http_attest_inside_head(void *data)
{
    ngx_http_attest_sealing_ctx_t *ctx = data;

    ngx_http_request_t  *r;

    r = ctx->request;

    r->headers_out.status = ctx->status;
    ctx->left = r->headers_out.content_length_n;

    if (ctx->left == -1) {
        /* trailers may follow, and the head has to announce them */
        r->expect_trailers = 1;
    }

    return ATTEST_OK;
}
