/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Oblivious HTTP gateway, the way back: status and fields become the
 * beginning of a Binary HTTP message, and outside there is a 200 that says
 * nothing.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/prompt/ngx_http_attest_release.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/prompt/ngx_http_attest_replace.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_list.h"

#include <sodium.h>


/* Before the plaintext of a piece, and behind it. */
#define NGX_HTTP_ATTEST_BEFORE   (ATTEST_OHTTP_MAX_NONCE + 4)
#define NGX_HTTP_ATTEST_AROUND   (NGX_HTTP_ATTEST_BEFORE                     \
                                  + ATTEST_OHTTP_TAG_LEN)

/* Fields that we make ourselves, and the control data. */
#define NGX_HTTP_ATTEST_OWN_HEAD  256

/* No name of a field that is left out is longer. */
#define NGX_HTTP_ATTEST_OHTTP_MAX_SKIPPED  32


static ngx_int_t ngx_http_attest_ohttp_encode_head(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);
static size_t ngx_http_attest_ohttp_fields_len(ngx_list_t *list);
static ngx_int_t ngx_http_attest_ohttp_put_fields(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh, ngx_list_t *list);
static ngx_int_t ngx_http_attest_ohttp_put_known(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);
static ngx_int_t ngx_http_attest_ohttp_put_type(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);
static ngx_int_t ngx_http_attest_ohttp_put(ngx_http_attest_ohttp_t *oh,
    const char *name, u_char *value, size_t len);
static ngx_uint_t ngx_http_attest_ohttp_skips(ngx_str_t *key);
static ngx_int_t ngx_http_attest_ohttp_outside(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);

static ngx_int_t ngx_http_attest_ohttp_encode_end(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);
static ngx_buf_t *ngx_http_attest_ohttp_buf(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, size_t len, ngx_http_attest_out_t *out);
static int ngx_http_attest_ohttp_content(ngx_http_attest_ohttp_t *oh,
    u_char *pt, size_t len, size_t *took);
static void ngx_http_attest_ohttp_take(ngx_http_attest_ohttp_t *oh);
static ngx_int_t ngx_http_attest_ohttp_seal(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh, ngx_buf_t *b, ngx_uint_t final);


ngx_int_t
ngx_http_attest_ohttp_head(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t                status;
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    if (r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS) {
        ngx_http_attest_replace_interim(r, ctx);
    }

    status = r->headers_out.status;

    if (status == NGX_HTTP_SWITCHING_PROTOCOLS
        || (r->upstream != NULL && r->upstream->upgrade))
    {
        /* from here on bytes would pass by our filters, unsealed */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the backend of a sealed request must not "
                      "switch protocols");
        return NGX_ERROR;
    }

    if (status < 200 || status > 599) {
        /* Binary HTTP has no other final status */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: status %ui cannot be sealed", status);
        status = NGX_HTTP_BAD_GATEWAY;
        r->headers_out.status = status;
        ngx_http_attest_ends_drop(r, ctx);
    }

    oh->status = status;
    ctx->inner_status = status;

    /*
     * nginx looks at method and status for whether a body follows, which
     * outside is always so
     */

    ctx->at_once = (r->header_only || r->method == NGX_HTTP_HEAD
                   || status == NGX_HTTP_NO_CONTENT
                   || status == NGX_HTTP_NOT_MODIFIED);

    if (ngx_http_attest_ohttp_encode_head(r, oh) != NGX_OK
        || ngx_http_attest_ohttp_outside(r, oh) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->method = NGX_HTTP_POST;
    ngx_str_set(&r->method_name, "POST");
    r->header_only = 0;

    r->filter_need_in_memory = 1;
    r->main_filter_need_in_memory = 1;

    ctx->head_sent = 1;

    ngx_http_attest_release_check(r, ctx);

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_encode_head(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    size_t   room;
    u_char  *p;

    room = NGX_HTTP_ATTEST_OWN_HEAD + r->headers_out.content_type.len
           + r->headers_out.charset.len
           + ngx_http_attest_ohttp_fields_len(&r->headers_out.headers);

    p = ngx_pnalloc(r->pool, room);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (attest_bhttp_encoder_init(&oh->encoder,
                                  ATTEST_BHTTP_RESPONSE_INDETERMINATE, p, room)
        != ATTEST_OK
        || attest_bhttp_put_status(&oh->encoder, oh->status) != ATTEST_OK
        || ngx_http_attest_ohttp_put_known(r, oh) != NGX_OK
        || ngx_http_attest_ohttp_put_fields(r, oh, &r->headers_out.headers)
           != NGX_OK
        || attest_bhttp_put_fields_end(&oh->encoder) != ATTEST_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: a response header cannot be encoded");
        return NGX_ERROR;
    }

    oh->pending.data = p;
    oh->pending.len = oh->encoder.len;

    return NGX_OK;
}


static size_t
ngx_http_attest_ohttp_fields_len(ngx_list_t *list)
{
    size_t                   len;
    ngx_table_elt_t         *h;
    ngx_http_attest_list_t   at;

    len = 0;

    ngx_http_attest_list_begin(&at, &list->part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->hash != 0) {
            len += attest_bhttp_field_len(h->key.len, h->value.len);
        }
    }

    return len;
}


static ngx_int_t
ngx_http_attest_ohttp_put_fields(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh, ngx_list_t *list)
{
    int                      rc;
    attest_span_t            name, value;
    ngx_table_elt_t         *h;
    ngx_http_attest_list_t   at;

    ngx_http_attest_list_begin(&at, &list->part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->hash == 0 || ngx_http_attest_ohttp_skips(&h->key)) {
            continue;
        }

        name = attest_span(h->key.data, h->key.len);
        value = attest_span(h->value.data, h->value.len);

        rc = attest_bhttp_put_field(&oh->encoder, name, value);

        if (rc == ATTEST_EFORMAT) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "attest: an invalid response field is dropped");
            continue;
        }

        if (rc != ATTEST_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* What nginx does not keep in the list of fields. */

static ngx_int_t
ngx_http_attest_ohttp_put_known(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    u_char                  *p, buf[64];
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    if (out->date == NULL
        && ngx_http_attest_ohttp_put(oh, "date", ngx_cached_http_time.data,
                                     ngx_cached_http_time.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (out->content_type.len && oh->status != NGX_HTTP_NO_CONTENT
        && ngx_http_attest_ohttp_put_type(r, oh) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* as in the clear: behind a known length there is no room for trailers */

    if (out->content_length_n >= 0 && !r->expect_trailers
        && oh->status != NGX_HTTP_NO_CONTENT)
    {
        p = ngx_sprintf(buf, "%O", out->content_length_n);

        if (ngx_http_attest_ohttp_put(oh, "content-length", buf, p - buf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (out->last_modified == NULL && out->last_modified_time != -1) {

        p = ngx_http_time(buf, out->last_modified_time);

        return ngx_http_attest_ohttp_put(oh, "last-modified", buf, p - buf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_put_type(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    u_char                  *p, *last;
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    p = ngx_pnalloc(r->pool, out->content_type.len + sizeof("; charset=")
                             + out->charset.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, out->content_type.data, out->content_type.len);

    if (out->content_type_len == out->content_type.len && out->charset.len) {
        last = ngx_sprintf(last, "; charset=%V", &out->charset);
    }

    return ngx_http_attest_ohttp_put(oh, "content-type", p, last - p);
}


static ngx_int_t
ngx_http_attest_ohttp_put(ngx_http_attest_ohttp_t *oh, const char *name,
    u_char *value, size_t len)
{
    return (attest_bhttp_put_field(&oh->encoder, attest_span_text(name),
                                   attest_span(value, len))
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


/* Fields of one connection, and the length, which may be another by now. */

static ngx_uint_t
ngx_http_attest_ohttp_skips(ngx_str_t *key)
{
    u_char     low[NGX_HTTP_ATTEST_OHTTP_MAX_SKIPPED];
    ngx_str_t  name;

    if (key->len == 0) {
        return 1;
    }

    if (key->len > sizeof(low)) {
        return 0;
    }

    name.data = low;
    name.len = key->len;

    ngx_strlow(low, key->data, key->len);

    return attest_bhttp_is_connection(name.data, name.len)
           || ngx_http_attest_is(&name, "content-length");
}


/* Nothing of the header stays outside. */

static ngx_int_t
ngx_http_attest_ohttp_outside(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    ngx_str_t                value;
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    ngx_memzero(out, sizeof(ngx_http_headers_out_t));

    if (ngx_list_init(&out->headers, r->pool, 8, sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_list_init(&out->trailers, r->pool, 4, sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    out->status = NGX_HTTP_OK;
    out->content_length_n = -1;
    out->last_modified_time = -1;

    r->allow_ranges = 0;
    r->single_range = 0;

    if (oh->form == ATTEST_OHTTP_CHUNKED) {
        ngx_str_set(&out->content_type, ATTEST_OHTTP_TYPE_CHUNKED_RES);
        ngx_str_set(&value, "?1");

        if (ngx_http_attest_answer_field(r, "Incremental", &value) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        ngx_str_set(&out->content_type, ATTEST_OHTTP_TYPE_RES);
    }

    /* no charset */
    out->content_type_len = 0;

    ngx_str_set(&value, "no-store");

    return ngx_http_attest_answer_field(r, "Cache-Control", &value);
}


/* The first byte that the client waits for is in the head. */

ngx_int_t
ngx_http_attest_ohttp_flush(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    if (oh->pending.len == 0) {
        return NGX_OK;
    }

    return (ngx_http_attest_ohttp_frame(r, ctx, NULL, 0, out) == NGX_ERROR)
           ? NGX_ERROR : NGX_OK;
}


/* What waits of the head, then as much of the plaintext as has room. */

ssize_t
ngx_http_attest_ohttp_frame(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    u_char *pt, size_t len, ngx_http_attest_out_t *out)
{
    size_t                    took;
    ngx_buf_t                *b;
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    b = ngx_http_attest_ohttp_buf(r, ctx, oh->pending.len + len + 8, out);
    if (b == NULL) {
        return NGX_ERROR;
    }

    ngx_http_attest_ohttp_take(oh);

    took = 0;

    if (len != 0 && oh->pending.len == 0
        && ngx_http_attest_ohttp_content(oh, pt, len, &took) != ATTEST_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: content cannot be encoded");
        return NGX_ERROR;
    }

    if (ngx_http_attest_ohttp_seal(r, oh, b, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_attest_out_count(r, took);

    return took;
}


/*
 * With attest_ohttp_pad a piece ends at a multiple of that size, as far as
 * its content can be stretched; there is no other padding within a message.
 */

static int
ngx_http_attest_ohttp_content(ngx_http_attest_ohttp_t *oh, u_char *pt,
    size_t len, size_t *took)
{
    size_t                   n, pad;
    attest_bhttp_encoder_t  *e;

    e = &oh->encoder;
    pad = oh->gateway->pad;

    if (pad == 0) {
        return attest_bhttp_put_content(e, pt, len, took);
    }

    /* room is a multiple itself */

    n = e->len + ngx_min(len, e->room) + attest_varint_len(len);
    n = ngx_min((n + pad - 1) / pad * pad, e->room);

    return attest_bhttp_put_content_shaped(e, pt, len, n - e->len, took);
}


/* The end of the message goes into the final chunk, the tag ends a whole. */

ngx_int_t
ngx_http_attest_ohttp_end(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_out_t *out)
{
    ngx_buf_t                *b;
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    if (ngx_http_attest_ohttp_encode_end(r, oh) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "attest: the end of a response cannot be encoded");
        return NGX_ERROR;
    }

    for ( ;; ) {
        b = ngx_http_attest_ohttp_buf(r, ctx, oh->pending.len, out);
        if (b == NULL) {
            return NGX_ERROR;
        }

        ngx_http_attest_ohttp_take(oh);

        if (oh->pending.len == 0) {
            return ngx_http_attest_ohttp_seal(r, oh, b, 1);
        }

        if (ngx_http_attest_ohttp_seal(r, oh, b, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* Behind what waits: the end of the content, and the trailers. */

static ngx_int_t
ngx_http_attest_ohttp_encode_end(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    size_t   room, pad, over;
    u_char  *p;

    pad = oh->gateway->pad;

    room = oh->pending.len + 2 + pad
           + ngx_http_attest_ohttp_fields_len(&r->headers_out.trailers);

    p = ngx_pnalloc(r->pool, room);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, oh->pending.data, oh->pending.len);

    oh->encoder.buf = p;
    oh->encoder.room = room;
    oh->encoder.len = oh->pending.len;

    if (oh->pending.len) {
        sodium_memzero(oh->pending.data, oh->pending.len);
    }

    if (attest_bhttp_put_content_end(&oh->encoder) != ATTEST_OK
        || ngx_http_attest_ohttp_put_fields(r, oh, &r->headers_out.trailers)
           != NGX_OK
        || attest_bhttp_put_fields_end(&oh->encoder) != ATTEST_OK)
    {
        return NGX_ERROR;
    }

    if (pad != 0) {
        over = (size_t) ((oh->total + oh->encoder.len) % pad);

        if (over != 0
            && attest_bhttp_put_padding(&oh->encoder, pad - over)
               != ATTEST_OK)
        {
            return NGX_ERROR;
        }
    }

    /* nginx would write them in clear behind the last chunk */

    if (ngx_list_init(&r->headers_out.trailers, r->pool, 1,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->expect_trailers = 0;

    oh->pending.data = p;
    oh->pending.len = oh->encoder.len;

    return NGX_OK;
}


/* An output buffer, and the encoder behind the room for nonce and length. */

static ngx_buf_t *
ngx_http_attest_ohttp_buf(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    size_t len, ngx_http_attest_out_t *out)
{
    size_t                    room, pad;
    ngx_buf_t                *b;
    attest_bhttp_encoder_t   *e;
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;
    pad = oh->gateway->pad;

    if (pad != 0) {
        len = ATTEST_OHTTP_MAX_CHUNK;
    }

    room = (len > NGX_HTTP_ATTEST_SMALL) ? ATTEST_OHTTP_MAX_CHUNK
                                         : NGX_HTTP_ATTEST_SMALL;

    b = ngx_http_attest_out_buf(r, ctx, room + NGX_HTTP_ATTEST_AROUND, out);
    if (b == NULL) {
        return NULL;
    }

    room = (b->end - b->start) - NGX_HTTP_ATTEST_AROUND;

    e = &oh->encoder;
    e->buf = b->start + NGX_HTTP_ATTEST_BEFORE;
    e->room = ngx_min(room, ATTEST_OHTTP_MAX_CHUNK);
    e->len = 0;

    if (pad != 0) {
        e->room -= e->room % pad;
    }

    return b;
}


static void
ngx_http_attest_ohttp_take(ngx_http_attest_ohttp_t *oh)
{
    size_t  n;

    n = ngx_min(oh->pending.len, oh->encoder.room);

    if (n == 0) {
        return;
    }

    ngx_memcpy(oh->encoder.buf, oh->pending.data, n);
    oh->encoder.len = n;

    sodium_memzero(oh->pending.data, n);
    oh->pending.data += n;
    oh->pending.len -= n;
}


/* In place; the nonce goes before the first piece. */

static ngx_int_t
ngx_http_attest_ohttp_seal(ngx_http_request_t *r, ngx_http_attest_ohttp_t *oh,
    ngx_buf_t *b, ngx_uint_t final)
{
    int      rc;
    size_t   n, len;
    u_char  *p;

    p = oh->encoder.buf;
    n = oh->encoder.len;
    len = n;

    b->pos = p;

    if (oh->form == ATTEST_OHTTP_CHUNKED) {
        b->pos -= final ? 1 : attest_ohttp_chunk_prefix(n);

        rc = final ? attest_ohttp_seal_final(&oh->sealer, p, n, b->pos, &len)
                   : attest_ohttp_seal_chunk(&oh->sealer, p, n, b->pos, &len);

    } else {
        rc = attest_ohttp_stream_seal(&oh->sealer, p, n, p);

        if (rc == ATTEST_OK && final) {
            rc = attest_ohttp_stream_end(&oh->sealer, p + n);
            len += ATTEST_OHTTP_TAG_LEN;
        }
    }

    if (rc != ATTEST_OK) {
        sodium_memzero(p, n);
        b->pos = b->last;
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: cannot seal a response");
        return NGX_ERROR;
    }

    b->last = b->pos + len;
    b->temporary = 1;

    oh->total += n;

    if (oh->nonce_len != 0) {
        b->pos -= oh->nonce_len;
        ngx_memcpy(b->pos, oh->nonce, oh->nonce_len);
        oh->nonce_len = 0;
    }

    return NGX_OK;
}
