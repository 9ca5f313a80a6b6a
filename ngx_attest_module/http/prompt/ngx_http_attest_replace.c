/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers of a backend that cannot be sealed, and the problem document (502)
 * that the client gets, sealed, instead of them.
 */


#include "http/prompt/ngx_http_attest_replace.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/ngx_http_attest_list.h"
#include "http/ngx_http_attest_problem.h"


static void ngx_http_attest_replace(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);


static ngx_str_t  ngx_http_attest_replace_for_encoded = ngx_string(
    "{\"type\":\"" NGX_HTTP_ATTEST_URN "bad-backend\","
    "\"title\":\"Bad Gateway\",\"status\":502,"
    "\"detail\":\"the backend encoded its answer, "
    "which must not be sealed\"}\n");

static ngx_str_t  ngx_http_attest_replace_for_interim = ngx_string(
    "{\"type\":\"" NGX_HTTP_ATTEST_URN "bad-backend\","
    "\"title\":\"Bad Gateway\",\"status\":502,"
    "\"detail\":\"the backend sent an interim response, "
    "which cannot be passed on\"}\n");


/*
 * A browser would decode the ciphertext.  The request asked for no coding,
 * so that this is the backend's or the configuration's fault.
 */

void
ngx_http_attest_replace_encoded(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_table_elt_t  *h;

    h = r->headers_out.content_encoding;
    r->headers_out.content_encoding = NULL;
    h->hash = 0;

    if (h->value.len == 0
        || (h->value.len == 8
            && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8) == 0))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: a response with Content-Encoding \"%V\" "
                  "cannot be sealed", &h->value);

    ngx_http_attest_replace(r, ctx);
}


/*
 * nginx knows no interim response of a backend but 101, and since 1.29 103:
 * another's fields would be those of the answer, and the answer itself a body.
 */

void
ngx_http_attest_replace_interim(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_table_elt_t         *h;
    ngx_http_upstream_t     *u;
    ngx_http_attest_list_t   at;

    u = r->upstream;

    if (r->headers_out.status >= NGX_HTTP_OK || u == NULL
        || u->cleanup == NULL)
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: an interim response (%ui) of the backend cannot "
                  "be passed on", r->headers_out.status);

    /* nothing that follows is read, nor is the connection used again */

    u->headers_in.content_length_n = 0;
    u->headers_in.chunked = 0;
    u->headers_in.connection_close = 1;

    ngx_http_attest_list_begin(&at, &r->headers_out.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {
        h->hash = 0;
    }

    r->headers_out.date = NULL;
    r->headers_out.content_encoding = NULL;
    r->headers_out.last_modified = NULL;
    r->headers_out.last_modified_time = -1;
    r->headers_out.content_length = NULL;
    r->headers_out.content_length_n = -1;

    ctx->interim = 1;

    ngx_http_attest_replace(r, ctx);
}


static void
ngx_http_attest_replace(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ctx->replaced = 1;

    ngx_http_attest_ends_drop(r, ctx);

    r->headers_out.status = NGX_HTTP_BAD_GATEWAY;
    ngx_str_null(&r->headers_out.status_line);

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);
}


void
ngx_http_attest_replace_text(ngx_http_attest_ctx_t *ctx, ngx_str_t *text)
{
    *text = ctx->interim ? ngx_http_attest_replace_for_interim
                         : ngx_http_attest_replace_for_encoded;
}
