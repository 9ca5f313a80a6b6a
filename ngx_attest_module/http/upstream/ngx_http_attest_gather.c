/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The body of a request that is to be sealed, gathered in locked memory, as
 * prompts on a gateway are.  It is not the request's any more then: no log, no
 * other module and no temporary file gets it, and where it were not sealed it
 * would not be sent.
 */


#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/upstream/ngx_http_attest_gather.h"
#include "http/upstream/ngx_http_attest_relay.h"
#include "http/upstream/ngx_http_attest_sealing_error.h"
#include "http/upstream/ngx_http_attest_traces.h"
#include "core/prompt/attest_cache_salt.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_GATHER_SALT   64        /* digits */
/* name, quotes, colon and comma around it, and what it replaces is shorter */
#define NGX_HTTP_ATTEST_GATHER_SPARE  512


static ngx_int_t ngx_http_attest_gather_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_gather_read(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_gather_open(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, u_char *p, size_t n);
static ngx_int_t ngx_http_attest_gather_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt);
static void ngx_http_attest_gather_cleanup(ngx_http_attest_ctx_t *prompt);
static void ngx_http_attest_gather_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, ngx_int_t why);
static void ngx_http_attest_gather_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, ngx_int_t rc);
static ngx_int_t ngx_http_attest_gather_keys(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static void ngx_http_attest_gather_go(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_int_t rc);
static ngx_uint_t ngx_http_attest_gather_before(
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_gather_opened(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_gather_salt(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_gather_is_json(ngx_http_request_t *r);
static attest_span_t ngx_http_attest_gather_salt_text(
    ngx_http_request_t *r, ngx_http_attest_sealing_ctx_t *ctx,
    char text[NGX_HTTP_ATTEST_GATHER_SALT + 1]);
static ngx_str_t *ngx_http_attest_gather_caller(ngx_http_request_t *r);


/* What reads bodies asks a format: this one opens nothing. */

static const ngx_http_attest_format_t  ngx_http_attest_gather_format = {
    .open = ngx_http_attest_gather_open,
    .fresh = ngx_http_attest_gather_fresh,
    .cleanup = ngx_http_attest_gather_cleanup
};


static ngx_int_t
ngx_http_attest_gather_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_http_attest_sealing_ctx_t       *ctx;
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);

    if (slcf->seal == NULL) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: a subrequest leads to a location with "
                      "\"attest_seal\"");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx != NULL) {
        return ctx->gathered ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_attest_sealing_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_attest_prompt_ctx_no_debug(r);

    ctx->prompt = ngx_http_attest_prompt_ctx(r);

    if (ctx->prompt != NULL
        && (ctx->prompt->sealed || ngx_http_attest_gather_before(ctx)))
    {
        return ngx_http_attest_gather_opened(r, ctx);
    }

    rc = ngx_http_attest_gather_read(r, ctx);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_attest_gather_read(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    u_char                 *held;
    ngx_int_t               rc;
    ngx_http_attest_ctx_t  *prompt;

    if (r->headers_in.content_length_n > (off_t) ctx->max_size) {
        return ngx_http_attest_sealing_error(r,
                                           NGX_HTTP_ATTEST_SEALING_TOO_LARGE);
    }

    if (r->request_body != NULL && r->request_body->temp_file != NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: another module has written the prompt to a "
                      "file before it could be sealed, it is refused");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    prompt = ngx_http_attest_prompt_ctx_create(r);
    if (prompt == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->prompt = prompt;

    prompt->format = &ngx_http_attest_gather_format;
    prompt->plain.len = ctx->max_size + NGX_HTTP_ATTEST_GATHER_SPARE;

    held = ngx_http_attest_traces_hold(r);

    rc = ngx_http_attest_body_read(r, prompt, ngx_http_attest_gather_done,
                                   ngx_http_attest_gather_failed);

    ngx_http_attest_traces_drop(r, held);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_attest_sealing_error(r,
                                           NGX_HTTP_ATTEST_SEALING_TOO_LARGE);
    }

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static ngx_int_t
ngx_http_attest_gather_open(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, u_char *p, size_t n)
{
    ngx_http_attest_sealing_ctx_t  *ctx;

    ctx = ngx_http_attest_sealing_ctx(r);

    if (n > ctx->max_size - ctx->body) {
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    /* nothing need be moved when a salt is put in */

    switch (ngx_http_attest_prompt_ctx_grow(prompt, ctx->body + n
                                            + NGX_HTTP_ATTEST_GATHER_SPARE))
    {
    case NGX_OK:
        break;

    case NGX_BUSY:
        return NGX_HTTP_ATTEST_NO_MEMORY;

    default:
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    ngx_memcpy(prompt->plain.data + ctx->body, p, n);
    ctx->body += n;

    if (r->request_body->bufs->buf->temporary) {
        /* it is a part of this one */
        sodium_memzero(p, n);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_gather_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt)
{
    return NGX_OK;
}


static void
ngx_http_attest_gather_cleanup(ngx_http_attest_ctx_t *prompt)
{
    /* void */
}


static void
ngx_http_attest_gather_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, ngx_int_t why)
{
    ngx_int_t                        rc;
    ngx_http_attest_sealing_ctx_t   *ctx;
    ngx_http_attest_sealing_error_e  e;

    ctx = ngx_http_attest_sealing_ctx(r);

    ngx_http_attest_traces_body(r);

    e = (why == NGX_HTTP_ATTEST_TOO_LARGE) ? NGX_HTTP_ATTEST_SEALING_TOO_LARGE
        : (why == NGX_HTTP_ATTEST_NO_MEMORY) ? NGX_HTTP_ATTEST_SEALING_BUSY
        : NGX_HTTP_ATTEST_SEALING_INTERNAL;

    if (why == NGX_OK) {
        e = NGX_HTTP_ATTEST_SEALING_NO_JSON;
        why = ngx_http_attest_gather_salt(r, ctx);
    }

    if (why != NGX_OK) {
        ngx_http_attest_prompt_ctx_wipe(prompt);
        rc = ngx_http_attest_sealing_error(r, e);
        ngx_http_finalize_request(r, rc);
        return;
    }

    /* out of everybody's reach, but for its length */

    prompt->plain.len = ctx->body;

    if (r->request_body != NULL) {
        r->request_body->bufs = NULL;
        r->request_body->temp_file = NULL;
    }

    if (ctx->body != 0 || r->headers_in.chunked) {
        r->headers_in.content_length_n = ctx->body;
        r->headers_in.chunked = 0;
    }

    rc = ngx_http_attest_gather_keys(r, ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_attest_gather_go(r, ctx, rc);
    }
}


/* Behind a relay: of the gateway, which may have to be asked for them. */

static ngx_int_t
ngx_http_attest_gather_keys(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->conf->seal->group == NULL) {
        return NGX_OK;
    }

    rc = ngx_http_attest_relay_keys(r, ctx, ngx_http_attest_gather_go);

    if (rc == NGX_AGAIN) {
        r->read_event_handler = ngx_http_test_reading;
        r->write_event_handler = ngx_http_request_empty_handler;
    }

    return rc;
}


/* On with the phases. */

static void
ngx_http_attest_gather_go(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        rc = ngx_http_attest_sealing_error(r,
                                           NGX_HTTP_ATTEST_SEALING_UNVERIFIED);
        ngx_http_finalize_request(r, rc);
        return;
    }

    ctx->gathered = 1;
    ngx_http_attest_gather_hide_method(r, ctx);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


static void
ngx_http_attest_gather_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *prompt, ngx_int_t rc)
{
    ngx_http_attest_prompt_ctx_wipe(prompt);
    ngx_http_attest_traces_body(r);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        rc = ngx_http_attest_sealing_error(r,
                                           NGX_HTTP_ATTEST_SEALING_TOO_LARGE);
    }

    ngx_http_finalize_request(r, rc);
}


/* By another location, which an error page has redirected from. */

static ngx_uint_t
ngx_http_attest_gather_before(ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_http_attest_ctx_t  *prompt;

    prompt = ctx->prompt;

    if (prompt->format != &ngx_http_attest_gather_format || !prompt->decided) {
        return 0;
    }

    ctx->body = prompt->plain.len;

    return 1;
}


/*
 * A prompt that this gateway has opened, and that another one gets: it lies in
 * locked memory already, and nginx hands it on.
 */

static ngx_int_t
ngx_http_attest_gather_opened(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (ctx->prompt->sealed) {
        ctx->prompt = NULL;
    }

    cl = (r->request_body != NULL) ? r->request_body->bufs : NULL;

    if (cl != NULL && (cl->next != NULL || !ngx_buf_in_memory(cl->buf))) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the opened prompt was changed, it cannot be "
                      "sealed again");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_attest_gather_keys(r, ctx);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_attest_sealing_error(r,
                                          NGX_HTTP_ATTEST_SEALING_UNVERIFIED));
        return NGX_DONE;
    }

    ctx->gathered = 1;
    ngx_http_attest_gather_hide_method(r, ctx);

    return NGX_DECLINED;
}


void
ngx_http_attest_gather_hide_method(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    if (r->method == NGX_HTTP_HEAD
        && ctx->conf->seal->form != ATTEST_ENVELOPE_EHBP)
    {
        ctx->method = r->method_name;
        r->method_name = ngx_http_core_get_method;
    }
}


void
ngx_http_attest_gather_show_method(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    if (ctx->method.len != 0) {
        r->method_name = ctx->method;
    }
}


/* NGX_DECLINED: it says that it is JSON, and it is not, or not clearly. */

static ngx_int_t
ngx_http_attest_gather_salt(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    int                   rc;
    char                  text[NGX_HTTP_ATTEST_GATHER_SALT + 1];
    u_char               *body;
    size_t                len;
    attest_span_t         json, salt;
    attest_cache_salt_t   place;

    body = ctx->prompt->plain.data;

    if (ctx->conf->salt == NGX_HTTP_ATTEST_SALT_OFF || ctx->body == 0
        || !ngx_http_attest_gather_is_json(r))
    {
        return NGX_OK;
    }

    json = attest_span(body, ctx->body);
    rc = attest_cache_salt_find(json, &place);

    if (rc == ATTEST_EMISMATCH) {
        return NGX_OK;
    }

    if (rc != ATTEST_OK) {
        return NGX_DECLINED;
    }

    salt = ngx_http_attest_gather_salt_text(r, ctx, text);
    len = attest_cache_salt_len(&place, json, salt);

    if (len > ctx->prompt->usable) {
        return NGX_DECLINED;
    }

    attest_cache_salt_put(&place, body, ctx->body, salt);

    if (len < ctx->body) {
        sodium_memzero(body + len, ctx->body - len);
    }

    ctx->body = len;

    return NGX_OK;
}


/* application/json, or one of its kind: RFC 6839 section 3.1. */

static ngx_uint_t
ngx_http_attest_gather_is_json(ngx_http_request_t *r)
{
    size_t            len;
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_type;

    if (h == NULL) {
        return 0;
    }

    p = h->value.data;
    last = ngx_strlchr(p, p + h->value.len, ';');
    last = (last != NULL) ? last : p + h->value.len;

    while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    len = last - p;

    return (len == 16 && ngx_strncasecmp(p, (u_char *) "application/json", 16)
                         == 0)
           || (len > 5 && ngx_strncasecmp(last - 5, (u_char *) "+json", 5)
                          == 0);
}


static attest_span_t
ngx_http_attest_gather_salt_text(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx,
    char text[NGX_HTTP_ATTEST_GATHER_SALT + 1])
{
    u_char                                bytes[32];
    ngx_str_t                            *caller;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    if (ctx->conf->salt == NGX_HTTP_ATTEST_SALT_FIXED) {
        return attest_span(ctx->conf->salt_text.data,
                           ctx->conf->salt_text.len);
    }

    caller = (ctx->conf->salt == NGX_HTTP_ATTEST_SALT_CALLER)
             ? ngx_http_attest_gather_caller(r) : NULL;

    if (caller != NULL) {
        smcf = ngx_http_get_module_main_conf(r,
                                             ngx_http_attest_sealing_module);
        (void) crypto_auth_hmacsha256(bytes, caller->data, caller->len,
                                      smcf->salt_key);

    } else {
        /* a caller without credentials shares its cache with nobody */
        randombytes_buf(bytes, sizeof(bytes));
    }

    (void) sodium_bin2hex(text, NGX_HTTP_ATTEST_GATHER_SALT + 1, bytes,
                          sizeof(bytes));

    return attest_span(text, NGX_HTTP_ATTEST_GATHER_SALT);
}


/* The credential that a model's clients send, or NULL. */

static ngx_str_t *
ngx_http_attest_gather_caller(ngx_http_request_t *r)
{
    ngx_str_t  *value;

    value = ngx_http_attest_fields_get(r, "authorization");

    if (value == NULL) {
        value = ngx_http_attest_fields_get(r, "x-api-key");
    }

    return (value != NULL) ? value : ngx_http_attest_fields_get(r, "api-key");
}


/*
 * A phase runs its handlers from the last to the first: whoever redirects does
 * so before us, and the body is still there.
 */

ngx_int_t
ngx_http_attest_gather_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_gather_handler;

    return NGX_OK;
}
