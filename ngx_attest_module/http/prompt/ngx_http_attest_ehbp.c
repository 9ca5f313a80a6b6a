/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP: prompts that are sealed as bodies, in frames, under a key that a
 * field encapsulates; what describes them stays in clear.
 */


#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/prompt/ngx_http_attest_replace.h"


static ngx_int_t ngx_http_attest_ehbp_head(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ssize_t ngx_http_attest_ehbp_frame(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *pt, size_t len,
    ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_ehbp_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);


ngx_http_attest_format_t  ngx_http_attest_ehbp_format = {
    ngx_http_attest_ehbp_head,
    ngx_http_attest_ehbp_frame,
    ngx_http_attest_ehbp_end
};


static ngx_int_t
ngx_http_attest_ehbp_head(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    u_char     *p;
    ngx_str_t   value;

    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS
        || (r->upstream != NULL && r->upstream->upgrade))
    {
        /* from here on bytes would pass by our filters, unsealed */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the backend of a sealed request must not "
                      "switch protocols");
        return NGX_ERROR;
    }

    ngx_http_attest_replace_interim(r, ctx);

    p = ngx_pnalloc(r->pool, 2 * ATTEST_EHBP_NONCE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = 2 * ATTEST_EHBP_NONCE_LEN;
    ngx_hex_dump(p, ctx->nonce, ATTEST_EHBP_NONCE_LEN);

    if (ngx_http_attest_add_header(r, "Ehbp-Response-Nonce", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* RFC 10036: whoever is in front passes frames on as they come */

    ngx_str_set(&value, "?1");

    if (ngx_http_attest_add_header(r, "Incremental", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "no-store");

    if (ngx_http_attest_add_header(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    /* all that speaks about the plaintext's bytes */

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    if (r->headers_out.content_encoding != NULL) {
        ngx_http_attest_replace_encoded(r, ctx);
    }

    r->filter_need_in_memory = 1;
    r->main_filter_need_in_memory = 1;

    ctx->head_sent = 1;

    ngx_http_attest_release_check(r, ctx);

    return NGX_OK;
}


/* Seals as much of the plaintext as one frame takes; returns how much. */

static ssize_t
ngx_http_attest_ehbp_frame(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    u_char *pt, size_t len, ngx_http_attest_out_t *out)
{
    size_t      room;
    ngx_buf_t  *b;

    room = (len > NGX_HTTP_ATTEST_SMALL) ? NGX_HTTP_ATTEST_FRAME
                                         : NGX_HTTP_ATTEST_SMALL;

    b = ngx_http_attest_out_buf(r, ctx, room + ATTEST_EHBP_OVERHEAD, out);
    if (b == NULL) {
        return NGX_ERROR;
    }

    len = ngx_min(len, (size_t) (b->end - b->start) - ATTEST_EHBP_OVERHEAD);

    if (attest_ehbp_seal_frame(&ctx->aead, pt, len, b->start) != ATTEST_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: cannot seal a frame");
        return NGX_ERROR;
    }

    b->temporary = 1;
    b->last = b->start + len + ATTEST_EHBP_OVERHEAD;

    ngx_http_attest_out_count(r, len);

    return len;
}


/* An empty frame. */

static ngx_int_t
ngx_http_attest_ehbp_end(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    return (ngx_http_attest_ehbp_frame(r, ctx, (u_char *) "", 0, out)
            == NGX_ERROR)
           ? NGX_ERROR : NGX_OK;
}
