/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors of the client's side, in the form that clients of models read: the
 * problem document (RFC 9457) has OpenAI's "error" as a member.
 */


#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"
#include "http/upstream/ngx_http_attest_sealing_error.h"


struct ngx_http_attest_sealing_error_s {
    ngx_uint_t   status;
    ngx_str_t    text;
};


/* The same words for both kinds of readers. */

#define ngx_http_attest_sealing_text(status, type, title, detail)            \
    ngx_string("{\"type\":\"" type "\",\"title\":\"" title "\","             \
               "\"status\":" status ",\"detail\":\"" detail "\","            \
               "\"error\":{\"message\":\"" detail "\","                      \
               "\"type\":\"attestation_error\",\"param\":null,"              \
               "\"code\":\"" type "\"}}\n")


/* In the order of ngx_http_attest_sealing_error_e. */

static const ngx_http_attest_sealing_error_t
    ngx_http_attest_sealing_errors[] = {

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      ngx_http_attest_sealing_text("413", NGX_HTTP_ATTEST_URN "too-large",
          "Content Too Large",
          "the prompt exceeds attest_prompt_max_size") },

    { NGX_HTTP_SERVICE_UNAVAILABLE,
      ngx_http_attest_sealing_text("503", NGX_HTTP_ATTEST_URN "busy",
          "Service Unavailable",
          "all of attest_prompt_memory is in use") },

    { NGX_HTTP_BAD_REQUEST,
      ngx_http_attest_sealing_text("400", NGX_HTTP_ATTEST_URN "no-salt",
          "Bad Request",
          "the request says that it is JSON and cannot be read as such, so "
          "that it cannot get a cache_salt") },

    { NGX_HTTP_BAD_GATEWAY,
      ngx_http_attest_sealing_text("502", NGX_HTTP_ATTEST_URN
          "answer-unsealed", "Bad Gateway",
          "the answer to a sealed request was not sealed: it is not from "
          "the gateway that was verified") },

    { NGX_HTTP_BAD_GATEWAY,
      ngx_http_attest_sealing_text("502", NGX_HTTP_ATTEST_URN
          "answer-invalid", "Bad Gateway",
          "the answer could not be opened: it was cut, changed or made by "
          "somebody else") },

    { NGX_HTTP_BAD_GATEWAY,
      ngx_http_attest_sealing_text("502", NGX_HTTP_ATTEST_URN
          "upstream-unverified", "Bad Gateway",
          "no peer of the upstream could prove what its policy demands; "
          "nothing was sent") },

    { NGX_HTTP_INTERNAL_SERVER_ERROR,
      ngx_http_attest_sealing_text("500", "about:blank",
          "Internal Server Error",
          "the request could not be sealed") }
};


static ngx_str_t  ngx_http_attest_sealing_type =
    ngx_string("application/problem+json");


ngx_int_t
ngx_http_attest_sealing_error(ngx_http_request_t *r,
    ngx_http_attest_sealing_error_e e)
{
    ngx_int_t   rc;
    ngx_str_t   body;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    body = ngx_http_attest_sealing_errors[e].text;

    return ngx_http_attest_answer(r, ngx_http_attest_sealing_errors[e].status,
                                &ngx_http_attest_sealing_type, "no-store",
                                &body);
}


ngx_int_t
ngx_http_attest_sealing_error_clean(ngx_http_request_t *r)
{
    ngx_memzero(&r->headers_out, sizeof(ngx_http_headers_out_t));

    if (ngx_list_init(&r->headers_out.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_list_init(&r->headers_out.trailers, r->pool, 4,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_length_n = -1;
    r->headers_out.last_modified_time = -1;

    r->allow_ranges = 0;
    r->expect_trailers = 0;

    return NGX_OK;
}


void
ngx_http_attest_sealing_error_head(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_sealing_error_e e)
{
    ctx->error = &ngx_http_attest_sealing_errors[e];

    r->headers_out.status = ctx->error->status;
    r->headers_out.content_type = ngx_http_attest_sealing_type;
    r->headers_out.content_type_len = ngx_http_attest_sealing_type.len;
    r->headers_out.content_length_n = ctx->error->text.len;
}


ngx_buf_t *
ngx_http_attest_sealing_error_text(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_buf_t  *b;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    b->pos = ctx->error->text.data;
    b->last = b->pos + ctx->error->text.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    return b;
}
