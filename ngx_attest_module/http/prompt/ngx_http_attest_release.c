/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A prompt's memory is given back as soon as the backend has the prompt: the
 * answer may take minutes.  Where nginx might need the prompt again, for the
 * next backend or for a named location, it stays until the answer begins.
 */


#include "http/prompt/ngx_http_attest_release.h"
#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"


#define NGX_HTTP_ATTEST_ANY_FAILURE                                          \
    (NGX_HTTP_UPSTREAM_FT_ERROR|NGX_HTTP_UPSTREAM_FT_TIMEOUT                 \
     |NGX_HTTP_UPSTREAM_FT_INVALID_HEADER|NGX_HTTP_UPSTREAM_FT_STATUS)


static ngx_int_t ngx_http_attest_release_handler(ngx_http_request_t *r);
static void ngx_http_attest_release_event(ngx_event_t *ev);
static ngx_int_t ngx_http_attest_release_output(void *data, ngx_chain_t *in);
static ngx_uint_t ngx_http_attest_release_wanted(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_release_named(ngx_http_request_t *r);
static void ngx_http_attest_release(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_release_bufs(ngx_chain_t *cl, u_char *from,
    u_char *to);


/*
 * Of the last phase before the content's.  Its handler, which starts the
 * upstream, is done when the event comes.
 */

static ngx_int_t
ngx_http_attest_release_handler(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed && ctx->plain.data != NULL) {
        ngx_http_attest_release_check(r, ctx);
    }

    return NGX_DECLINED;
}


void
ngx_http_attest_release_check(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_event_t  *ev;

    if (ctx->plain.data == NULL || ctx->spent) {
        return;
    }

    ev = &ctx->sent;

    ev->data = ctx;
    ev->handler = ngx_http_attest_release_event;
    ev->log = r->connection->log;

    if (!ev->posted) {
        ngx_post_event(ev, &ngx_posted_events);
    }
}


static void
ngx_http_attest_release_event(ngx_event_t *ev)
{
    ngx_http_request_t     *r;
    ngx_http_upstream_t    *u;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    u = r->upstream;

    if (u == NULL || ctx->spent) {
        return;
    }

    if (u->request_body_sent) {

        if (!ngx_http_attest_release_wanted(r, ctx)) {
            ngx_http_attest_release(r, ctx);
        }

        return;
    }

    if (u->output.output_filter == NULL
        || u->output.output_filter == ngx_http_attest_release_output)
    {
        return;
    }

    /* the rest of it goes out when the backend takes it */

    ctx->output_filter = u->output.output_filter;
    ctx->output_data = u->output.filter_ctx;

    u->output.output_filter = ngx_http_attest_release_output;
    u->output.filter_ctx = ctx;
}


/* nginx says that all was sent after this has returned. */

static ngx_int_t
ngx_http_attest_release_output(void *data, ngx_chain_t *in)
{
    ngx_http_attest_ctx_t *ctx = data;

    ngx_int_t  rc;

    rc = ctx->output_filter(ctx->output_data, in);

    if (rc == NGX_OK) {
        ngx_http_attest_release_check(ctx->request, ctx);
    }

    return rc;
}


static ngx_uint_t
ngx_http_attest_release_wanted(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t            once;
    ngx_http_upstream_t  *u;

    if (ctx->shared && r->main->count > 1) {
        /* with subrequests, which may send it yet */
        return 1;
    }

    if (ctx->head_sent) {
        /* the answer is in the client's hands */
        return 0;
    }

    u = r->upstream;

    once = (r->method & (NGX_HTTP_POST|NGX_HTTP_LOCK|NGX_HTTP_PATCH))
           && !(u->conf->next_upstream & NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT);

    if (!once && (u->conf->next_upstream & NGX_HTTP_ATTEST_ANY_FAILURE)
        && (u->peer.tries > 1 || u->peer.cached))
    {
        return 1;
    }

    return ngx_http_attest_release_named(r);
}


/* Another location starts with an error page: "@name" gets the body, too. */

static ngx_uint_t
ngx_http_attest_release_named(ngx_http_request_t *r)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].value.lengths != NULL
            || (page[i].value.value.len
                && page[i].value.value.data[0] == '@'))
        {
            return 1;
        }
    }

    return 0;
}


/* Of a request from inside the strings stay, which nginx still uses. */

static void
ngx_http_attest_release(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    size_t   strings;
    u_char  *from, *to;

    strings = ctx->strings;

    from = ctx->plain.data + strings;
    to = ctx->plain.data + ctx->usable;

    /* nobody sends it again, and nothing points to it */

    r->upstream->peer.tries = 0;

    ngx_http_attest_release_bufs(r->upstream->request_bufs, from, to);

    ngx_http_attest_body_take(r);

    ctx->spent = 1;

    if (strings == 0) {
        ngx_http_attest_prompt_ctx_wipe(ctx);
        return;
    }

    ngx_explicit_memzero(from, to - from);
    ngx_http_attest_locked_trim(ctx->plain.data, strings);
    ctx->usable = strings;
}


static void
ngx_http_attest_release_bufs(ngx_chain_t *cl, u_char *from, u_char *to)
{
    ngx_buf_t      *b;
    static u_char   none[1];

    for ( /* void */ ; cl; cl = cl->next) {
        b = cl->buf;

        if (b->start >= from && b->start < to) {
            b->start = none;
            b->pos = none;
            b->last = none;
            b->end = none;
        }
    }
}


/* Phases run from the last handler to the first. */

ngx_int_t
ngx_http_attest_release_init(ngx_http_core_main_conf_t *cmcf)
{
    ngx_array_t          *handlers;
    ngx_http_handler_pt  *h;

    handlers = &cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_release_handler;

    return NGX_OK;
}
