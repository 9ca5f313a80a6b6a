/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sent again, in another envelope, are requests of which the answer says that
 * nothing was processed: the key is not the gateway's any more, or its clock
 * shows another time.  The latter once, and nothing else.
 *
 * A gateway that reloads has, for the tenth of a second that nginx leaves them,
 * workers of before and workers of now, who accept connections both and have
 * other keys each.  So the former is tried three times, later each time.
 */


#include "http/upstream/ngx_http_attest_again.h"
#include "http/upstream/ngx_http_attest_gather.h"
#include "http/upstream/ngx_http_attest_ready.h"
#include "http/upstream/ngx_http_attest_relay.h"
#include "http/upstream/ngx_http_attest_sealing_error.h"
#include "core/base/attest_json.h"


#define NGX_HTTP_ATTEST_AGAIN_EHBP                                           \
    "urn:ietf:params:ehbp:error:key-config"
#define NGX_HTTP_ATTEST_AGAIN_IANA                                           \
    "https://iana.org/assignments/http-problem-types#"

#define NGX_HTTP_ATTEST_AGAIN_KEYS_MAX  3
#define NGX_HTTP_ATTEST_AGAIN_LATER     250     /* ms, more each time */

/* as nginx' filters say that they keep something back */
#define NGX_HTTP_ATTEST_AGAIN_BUFFERED  0x08


static void ngx_http_attest_again_handler(ngx_event_t *ev);
static void ngx_http_attest_again_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_int_t rc);


ngx_uint_t
ngx_http_attest_again_maybe(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    ngx_str_t   *type;
    ngx_uint_t   status;

    static ngx_str_t  problem = ngx_string("application/problem+json");

    status = (ctx->status != 0) ? ctx->status : r->headers_out.status;
    type = &r->headers_out.content_type;

    if ((status != NGX_HTTP_BAD_REQUEST && status != 422)
        || type->len < problem.len
        || ngx_strncasecmp(type->data, problem.data, problem.len) != 0
        || (type->len > problem.len && type->data[problem.len] != ';'
            && type->data[problem.len] != ' '))
    {
        return 0;
    }

    if (ctx->status != 0) {
        return !ctx->dated && ctx->said_date.len != 0;
    }

    /* pinned keys do not change by being asked for */

    return ctx->keyed < NGX_HTTP_ATTEST_AGAIN_KEYS_MAX
           && ctx->conf->seal->keys_file.len == 0;
}


ngx_http_attest_again_e
ngx_http_attest_again_why(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t text)
{
    cJSON                    *root;
    const char               *type, *key;
    ngx_http_attest_again_e   why;

    static const attest_json_rules_t  rules = { 0, 0, 0 };

    if (attest_json_parse(text, &rules, &root, NULL) != ATTEST_OK) {
        return NGX_HTTP_ATTEST_AGAIN_NOT;
    }

    type = attest_json_text(root, "type");
    why = NGX_HTTP_ATTEST_AGAIN_NOT;

    key = (ctx->envelope.form == ATTEST_ENVELOPE_EHBP)
          ? NGX_HTTP_ATTEST_AGAIN_EHBP
          : NGX_HTTP_ATTEST_AGAIN_IANA "ohttp-key";

    if (type == NULL) {
        /* void */

    } else if (ctx->status != 0) {
        if (ngx_strcmp(type, NGX_HTTP_ATTEST_AGAIN_IANA "date") == 0) {
            why = NGX_HTTP_ATTEST_AGAIN_DATE;
        }

    } else if (ngx_strcmp(type, key) == 0) {
        why = NGX_HTTP_ATTEST_AGAIN_KEYS;
    }

    cJSON_Delete(root);

    return why;
}


ngx_int_t
ngx_http_attest_again(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_http_attest_again_e why)
{
    ngx_msec_t  later;

    if (why == NGX_HTTP_ATTEST_AGAIN_KEYS) {
        later = ctx->keyed++ * NGX_HTTP_ATTEST_AGAIN_LATER;

        if (ctx->conf->seal->group != NULL) {
            ngx_http_attest_relay_doubt(ctx);

        } else {
            ngx_http_attest_ready_doubt(r);
        }

        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "attest: the gateway has other prompt keys now, the "
                      "request is sealed and sent once more");

    } else {
        later = 0;
        ctx->dated = 1;

        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "attest: the gateway's clock shows another time, the "
                      "request is sealed and sent once more");
    }

    ctx->state = NGX_HTTP_ATTEST_ANSWER_AGAIN;

    /* nginx, about to end the request, takes this for a slow client */

    r->buffered |= NGX_HTTP_ATTEST_AGAIN_BUFFERED;

    ctx->again.handler = ngx_http_attest_again_handler;
    ctx->again.data = ctx;
    ctx->again.log = r->connection->log;

    if (later == 0) {
        ngx_post_event(&ctx->again, &ngx_posted_events);

    } else {
        ngx_add_timer(&ctx->again, later);
    }

    return NGX_OK;
}


/* As the content phase does it. */

static void
ngx_http_attest_again_handler(ngx_event_t *ev)
{
    ngx_http_attest_sealing_ctx_t *ctx = ev->data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->buffered &= ~NGX_HTTP_ATTEST_AGAIN_BUFFERED;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (c->write->timer_set && !c->write->delayed) {
        ngx_del_timer(c->write);
    }

    rc = (ctx->conf->seal->group != NULL && !c->error)
         ? ngx_http_attest_relay_keys(r, ctx, ngx_http_attest_again_send)
         : NGX_OK;

    if (rc != NGX_AGAIN) {
        ngx_http_attest_again_send(r, ctx, rc);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_attest_again_send(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, ngx_int_t rc)
{
    ctx->state = NGX_HTTP_ATTEST_ANSWER_NONE;

    if (r->connection->error
        || ngx_http_attest_sealing_error_clean(r) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);

    } else if (rc != NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_attest_sealing_error(r,
                                          NGX_HTTP_ATTEST_SEALING_UNVERIFIED));
    } else {
        ngx_http_attest_gather_hide_method(r, ctx);
        ngx_http_finalize_request(r, r->content_handler(r));
    }
}
