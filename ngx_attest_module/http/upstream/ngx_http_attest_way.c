/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a request's way to a verified group has come to, and the problem
 * document that its client gets when there was no peer to be used.
 */


#include "http/upstream/ngx_http_attest_way.h"
#include "http/ngx_http_attest_problem.h"


#define NGX_HTTP_ATTEST_WAY_DETAIL                                           \
    "no peer of the upstream could prove what its policy demands; "          \
    "nothing was sent"


static const ngx_str_t *ngx_http_attest_way_document(ngx_http_request_t *r,
    ngx_http_attest_way_t *way);
static ngx_int_t ngx_http_attest_way_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_way_body_filter(
    ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_http_attest_way_init(ngx_conf_t *cf);


/* An error object of OpenAI's, too, for clients that are of models. */

static ngx_str_t  ngx_http_attest_way_text = ngx_string(
    "{\"type\":\"" NGX_HTTP_ATTEST_URN "upstream-unverified\","
    "\"title\":\"Bad Gateway\",\"status\":502,"
    "\"detail\":\"" NGX_HTTP_ATTEST_WAY_DETAIL "\","
    "\"error\":{\"message\":\"" NGX_HTTP_ATTEST_WAY_DETAIL "\","
    "\"type\":\"attestation_error\",\"param\":null,"
    "\"code\":\"" NGX_HTTP_ATTEST_URN "upstream-unverified\"}}\n");


#define NGX_HTTP_ATTEST_WAY_ELSEWHERE                                        \
    "TLS of this upstream does not end at the gateway that was verified, and " \
    "the request, or a part of it, would have gone there in clear; nothing "   \
    "was sent"

static ngx_str_t  ngx_http_attest_way_elsewhere = ngx_string(
    "{\"type\":\"" NGX_HTTP_ATTEST_URN "tls-elsewhere\","
    "\"title\":\"Internal Server Error\",\"status\":500,"
    "\"detail\":\"" NGX_HTTP_ATTEST_WAY_ELSEWHERE "\","
    "\"error\":{\"message\":\"" NGX_HTTP_ATTEST_WAY_ELSEWHERE "\","
    "\"type\":\"attestation_error\",\"param\":null,"
    "\"code\":\"" NGX_HTTP_ATTEST_URN "tls-elsewhere\"}}\n");


static ngx_http_module_t  ngx_http_attest_way_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_attest_way_init,       /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_attest_way_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_way_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_http_attest_way_t *
ngx_http_attest_way(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_attest_way_module);
}


void
ngx_http_attest_way_set(ngx_http_request_t *r, ngx_http_attest_way_t *way)
{
    ngx_http_set_ctx(r, way, ngx_http_attest_way_module);
}


/* In place of nginx's own page: nobody else has said 502. */

static const ngx_str_t *
ngx_http_attest_way_document(ngx_http_request_t *r,
    ngx_http_attest_way_t *way)
{
    ngx_uint_t  status = r->headers_out.status;

    if (way == NULL) {
        return NULL;
    }

    if (way->elsewhere && (status == NGX_HTTP_BAD_GATEWAY
                           || status == NGX_HTTP_INTERNAL_SERVER_ERROR))
    {
        /* no peer is to blame, but what leads here */

        r->err_status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        r->headers_out.status = NGX_HTTP_INTERNAL_SERVER_ERROR;

        return &ngx_http_attest_way_elsewhere;
    }

    return (way->refused && way->id == NULL && status == NGX_HTTP_BAD_GATEWAY)
           ? &ngx_http_attest_way_text : NULL;
}


static ngx_int_t
ngx_http_attest_way_header_filter(ngx_http_request_t *r)
{
    const ngx_str_t        *text;
    ngx_http_attest_way_t  *way;

    way = ngx_http_attest_way(r);
    text = ngx_http_attest_way_document(r, way);

    if (text == NULL) {
        return ngx_http_next_header_filter(r);
    }

    way->replaced = text;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);
    r->headers_out.content_length_n = text->len;

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_attest_way_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t              *b;
    ngx_uint_t              last;
    ngx_chain_t            *cl, out;
    ngx_http_attest_way_t  *way;

    way = ngx_http_attest_way(r);

    if (way == NULL || way->replaced == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    last = 0;

    for (cl = in; cl != NULL; cl = cl->next) {
        last |= cl->buf->last_buf || cl->buf->last_in_chain;
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (!last) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = way->replaced->data;
    b->last = b->pos + way->replaced->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    way->replaced = NULL;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static ngx_int_t
ngx_http_attest_way_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_attest_way_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_attest_way_body_filter;

    return NGX_OK;
}
