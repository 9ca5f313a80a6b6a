/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whole answers from memory.  Header filters can tell them from those of
 * others.
 */


#include "http/ngx_http_attest_answer.h"


/* whose answer goes through the header filters right now */
static ngx_http_request_t  *ngx_http_attest_answer_sender;


ngx_table_elt_t *
ngx_http_attest_answer_push(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    ngx_http_attest_elt_init(h);
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->lowcase_key = NULL;
    h->value = *value;

    return h;
}


ngx_int_t
ngx_http_attest_answer_field(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    return (ngx_http_attest_answer_push(r, name, value) != NULL) ? NGX_OK
                                                                 : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, const char *cache_control, ngx_str_t *body)
{
    u_char       *p;
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_str_t     value;
    ngx_chain_t   out;

    value.len = ngx_strlen(cache_control);
    value.data = (u_char *) cache_control;

    if (ngx_http_attest_answer_field(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_lowcase = NULL;

    /*
     * nginx appends "; charset=" only to a type whose length equals
     * content_type_len; our types never take one.
     */

    p = ngx_strlchr(type->data, type->data + type->len, ';');
    r->headers_out.content_type_len = (p != NULL) ? (size_t) (p - type->data)
                                                  : 0;

    ngx_http_attest_answer_sender = r;
    rc = ngx_http_send_header(r);
    ngx_http_attest_answer_sender = NULL;

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (body->len || b->last_buf) ? 0 : 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_uint_t
ngx_http_attest_answer_is_being_sent(ngx_http_request_t *r)
{
    return ngx_http_attest_answer_sender == r;
}
