/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP: prompts that are sealed as bodies, in frames, under a key that a
 * field encapsulates; what describes them stays in clear.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_ehbp.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_refusal.h"
#include "http/prompt/ngx_http_attest_replace.h"

#include <openssl/err.h>


/* A prompt that is being opened; its keys lie in the request's view. */

struct ngx_http_attest_ehbp_s {
    attest_ehbp_opener_t       opener;
    const attest_kem_key_t    *keys[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 index[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 used;            /* of the view's, bits */
};


static ngx_int_t ngx_http_attest_ehbp_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf, ngx_uint_t drop);
static ngx_int_t ngx_http_attest_ehbp_read(ngx_http_request_t *r, u_char *enc);
static ngx_uint_t ngx_http_attest_ehbp_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n);
static ngx_http_attest_refusal_e ngx_http_attest_ehbp_keys(ngx_http_request_t
    *r, ngx_http_attest_ctx_t *ctx);
static ngx_http_attest_refusal_e
    ngx_http_attest_ehbp_code(ngx_http_attest_ctx_t *ctx, int rc);
static ngx_uint_t ngx_http_attest_ehbp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_ehbp_live(ngx_http_attest_ctx_t *ctx,
    ngx_uint_t i, time_t now);
static void ngx_http_attest_ehbp_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_uint_t why);
static ngx_http_attest_refusal_e ngx_http_attest_ehbp_finish(ngx_http_request_t
    *r, ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_ehbp_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_attest_ehbp_drop(ngx_http_attest_ctx_t *ctx);
static ngx_http_attest_refusal_e
    ngx_http_attest_ehbp_admit(ngx_http_attest_ctx_t *ctx, attest_hpke_ctx_t
    *hpke);
static ngx_int_t ngx_http_attest_ehbp_swap(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_ehbp_key(ngx_http_request_t *r, ngx_str_t
    *value);
static ngx_int_t ngx_http_attest_ehbp_reject(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_http_attest_ehbp_head(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ssize_t ngx_http_attest_ehbp_frame(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *pt, size_t len,
    ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_ehbp_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);


static const ngx_http_attest_format_t  ngx_http_attest_ehbp_format = {
    ngx_http_attest_ehbp_reject,
    ngx_http_attest_ehbp_head,
    ngx_http_attest_ehbp_frame,
    ngx_http_attest_ehbp_end,
    ngx_http_attest_ehbp_drop
};

static const ngx_http_attest_intake_t  ngx_http_attest_ehbp_intake = {
    ngx_http_attest_ehbp_piece,
    ngx_http_attest_ehbp_fresh,
    ngx_http_attest_ehbp_done,
    ngx_http_attest_ehbp_failed
};


ngx_int_t
ngx_http_attest_ehbp_start(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    u_char      enc[ATTEST_EHBP_ENC_LEN];
    ngx_str_t   value;
    ngx_uint_t  n, body;

    n = ngx_http_attest_ehbp_key(r, &value);

    if (n > 1
        || (n == 1
            && attest_ehbp_parse_enc(value.data, value.len, enc)
               != ATTEST_OK))
    {
        return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_MALFORMED);
    }

    if (n == 1 && r->discard_body) {

        /* refused by nginx, and redirected here by error_page */

        return ngx_http_attest_refuse(r,
                               (r->err_status
                                == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
                               ? NGX_HTTP_ATTEST_TOO_LONG
                               : NGX_HTTP_ATTEST_MALFORMED);
    }

    body = r->headers_in.content_length_n > 0 || r->headers_in.chunked;

    if (n == 0 || !body) {
        return ngx_http_attest_ehbp_plain(r, alcf, n ?
                                            NGX_HTTP_ATTEST_DROP_KEY : 0);
    }

    if (r->headers_in.content_length_n > ngx_http_attest_max_body(alcf)) {
        return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_TOO_LARGE);
    }

    return ngx_http_attest_ehbp_read(r, enc);
}


/* Nothing is sealed: by default refused. */

static ngx_int_t
ngx_http_attest_ehbp_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf, ngx_uint_t drop)
{
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->mode != NGX_HTTP_ATTEST_MODE_OPTIONAL) {
        return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_UNSEALED);
    }

    if (ngx_http_attest_fields_drop(r, drop) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->decided) {
        ctx->decided = 1;
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, prompts_plain);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_attest_ehbp_read(ngx_http_request_t *r, u_char *enc)
{
    ngx_int_t                    rc;
    attest_ehbp_limits_t         limits;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->ehbp = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_ehbp_t));
    if (ctx->ehbp == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    limits.max_plain = alcf->max_size;
    limits.max_framing = ngx_http_attest_max_framing(alcf);

    attest_ehbp_opener_init(&ctx->ehbp->opener, enc, &limits);

    ngx_memcpy(ctx->enc, enc, ATTEST_EHBP_ENC_LEN);
    ctx->plain.len = alcf->max_size + ATTEST_HPKE_NT;

    ctx->format = &ngx_http_attest_ehbp_format;

    rc = ngx_http_attest_body_read(r, ctx, &ngx_http_attest_ehbp_intake);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);
    return NGX_DONE;
}


/* A frame is opened as soon as it is whole; of an open one nothing is kept. */

static ngx_uint_t
ngx_http_attest_ehbp_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n)
{
    int                         rc;
    size_t                      used;
    attest_ehbp_opener_t       *op;
    ngx_http_attest_refusal_e   why;

    op = &ctx->ehbp->opener;

    if (op->keys == NULL) {
        why = ngx_http_attest_ehbp_keys(r, ctx);

        if (why != NGX_HTTP_ATTEST_ACCEPT) {
            return why;
        }
    }

    /* with its lengths and tags it is always more than what is kept */

    switch (ngx_http_attest_prompt_ctx_grow(ctx, op->plain + op->have + n)) {

    case NGX_OK:
        break;

    case NGX_BUSY:
        return NGX_HTTP_ATTEST_NO_MEMORY;

    default: /* NGX_DECLINED */
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    op->buf = ctx->plain.data;
    op->room = ctx->usable;

    rc = attest_ehbp_opener_feed(op, p, n, &used);

    return ngx_http_attest_ehbp_code(ctx, rc);
}


/*
 * EHBP does not say which key a message was sealed for: the current key
 * first, then the previous one, as long as it is accepted.
 */

static ngx_http_attest_refusal_e
ngx_http_attest_ehbp_keys(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    time_t                        now;
    ngx_uint_t                    i, n;
    ngx_http_attest_ehbp_t       *eh;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);
    if (view == NULL) {
        return NGX_HTTP_ATTEST_NO_EVIDENCE;
    }

    if (ngx_http_attest_view_ref(r, view) != NGX_OK) {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    ctx->view = view;
    eh = ctx->ehbp;
    now = ngx_http_attest_now(amcf);
    n = 0;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {

        if (!view->hpke[i].set || view->hpke[i].expires <= now
            || view->hpke[i].key.kem != ATTEST_KEM_X25519)
        {
            continue;
        }

        ngx_http_attest_view_key_use(view, i);
        eh->used |= 1 << i;

        eh->keys[n] = &view->hpke[i].key;
        eh->index[n] = i;
        n++;
    }

    eh->opener.keys = eh->keys;
    eh->opener.nkeys = n;

    return n ? NGX_HTTP_ATTEST_ACCEPT : NGX_HTTP_ATTEST_NO_KEY;
}


static ngx_http_attest_refusal_e
ngx_http_attest_ehbp_code(ngx_http_attest_ctx_t *ctx, int rc)
{
    attest_ehbp_why_e  why;

    why = ctx->ehbp->opener.why;

    switch (rc) {

    case ATTEST_OK:
        return NGX_HTTP_ATTEST_ACCEPT;

    case ATTEST_EFORMAT:
        return NGX_HTTP_ATTEST_MALFORMED;

    case ATTEST_EMISMATCH:
        return NGX_HTTP_ATTEST_TAMPERED;

    case ATTEST_ECRYPTO:
        return (why == ATTEST_EHBP_BAD_ENC) ? NGX_HTTP_ATTEST_MALFORMED
                                            : NGX_HTTP_ATTEST_NO_KEY;

    case ATTEST_ELIMIT:
        return (why == ATTEST_EHBP_FRAMING) ? NGX_HTTP_ATTEST_TOO_FRAMED
                                            : NGX_HTTP_ATTEST_TOO_LARGE;

    default:
        return NGX_HTTP_ATTEST_INTERNAL;
    }
}


/*
 * A slow upload must not keep a key that is retired; one of those that it may
 * be for is just not tried any more.
 */

static ngx_uint_t
ngx_http_attest_ehbp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    time_t                        now;
    ngx_uint_t                    i, n;
    ngx_http_attest_ehbp_t       *eh;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    eh = ctx->ehbp;
    now = ngx_http_attest_now(amcf);

    if (eh->opener.hpke.cipher != NULL) {
        return ngx_http_attest_ehbp_live(ctx, eh->opener.which, now)
               ? NGX_HTTP_ATTEST_ACCEPT : NGX_HTTP_ATTEST_NO_KEY;
    }

    for (i = 0, n = 0; i < eh->opener.nkeys; i++) {

        if (ngx_http_attest_ehbp_live(ctx, i, now)) {
            eh->keys[n] = eh->keys[i];
            eh->index[n] = eh->index[i];
            n++;
        }
    }

    eh->opener.nkeys = n;

    return (n || eh->opener.keys == NULL) ? NGX_HTTP_ATTEST_ACCEPT
                                          : NGX_HTTP_ATTEST_NO_KEY;
}


static ngx_uint_t
ngx_http_attest_ehbp_live(ngx_http_attest_ctx_t *ctx, ngx_uint_t i,
    time_t now)
{
    return ctx->view->hpke[ctx->ehbp->index[i]].expires > now;
}


static void
ngx_http_attest_ehbp_done(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_uint_t why)
{
    if (why == NGX_HTTP_ATTEST_BODY_UNREADABLE) {
        why = NGX_HTTP_ATTEST_INTERNAL;
    }

    if (why == NGX_HTTP_ATTEST_ACCEPT) {
        why = ngx_http_attest_ehbp_finish(r, ctx);
    }

    /* what opened it is needed no longer */

    ngx_http_attest_ehbp_drop(ctx);

    /* nginx takes what is left in OpenSSL's queue for its own */
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }

    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        ngx_http_attest_prompt_ctx_wipe(ctx);
        (void) ngx_http_attest_refuse(r, why);
        return;
    }

    /* from here on every response is sealed */

    ctx->sealed = 1;

    if (ngx_http_attest_ehbp_swap(r, ctx) != NGX_OK) {
        (void) ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_INTERNAL);
        return;
    }

    ngx_http_attest_prompt_ctx_no_debug(r);

    /* on with the phases; this handler then declines */

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


static ngx_http_attest_refusal_e
ngx_http_attest_ehbp_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t                    i;
    attest_ehbp_opener_t         *op;
    ngx_http_attest_refusal_e     why;
    ngx_http_attest_main_conf_t  *amcf;

    op = &ctx->ehbp->opener;

    why = ngx_http_attest_ehbp_code(ctx, attest_ehbp_opener_finish(op));
    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        return why;
    }

    i = ctx->ehbp->index[op->which];

    ctx->key_index = i;
    ctx->key_id = ctx->view->hpke[i].id;

    /* it may have taken long to arrive */

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (ngx_http_attest_view(amcf, r->connection->log) == NULL) {
        return NGX_HTTP_ATTEST_NO_EVIDENCE;
    }

    if (!ngx_http_attest_ehbp_live(ctx, op->which,
                                     ngx_http_attest_now(amcf)))
    {
        return NGX_HTTP_ATTEST_NO_KEY;
    }

    ctx->plain.len = op->plain;

    if (op->plain != 0) {
        ngx_http_attest_locked_trim(ctx->plain.data, op->plain);
        ctx->usable = op->plain;
    }

    return ngx_http_attest_ehbp_admit(ctx, &op->hpke);
}


/* By nginx, which has no room for a client, or none left of its limits. */

static void
ngx_http_attest_ehbp_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_attest_ehbp_drop(ctx);
    ngx_http_attest_prompt_ctx_wipe(ctx);

    switch (rc) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        ctx->reading = 0;
        (void) ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        ctx->reading = 0;
        (void) ngx_http_attest_refuse(r, NGX_HTTP_ATTEST_INTERNAL);
        break;

    default:
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_attest_ehbp_drop(ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t               i;
    ngx_http_attest_ehbp_t  *eh;

    eh = ctx->ehbp;

    if (eh == NULL) {
        return;
    }

    ctx->ehbp = NULL;

    attest_ehbp_opener_clear(&eh->opener);

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (eh->used & (1 << i)) {
            ngx_http_attest_view_key_done(ctx->view, i);
        }
    }
}


/* What it will be remembered by, and the key of the response. */

static ngx_http_attest_refusal_e
ngx_http_attest_ehbp_admit(ngx_http_attest_ctx_t *ctx,
    attest_hpke_ctx_t *hpke)
{
    ngx_http_attest_once_t  *once;

    once = &ctx->once;

    once->enc = ctx->enc;
    once->len = ATTEST_EHBP_ENC_LEN;
    once->born = ctx->view->hpke[ctx->key_index].born;
    once->expires = ctx->view->hpke[ctx->key_index].expires;
    once->until = once->expires;

    if (ngx_http_attest_nonce(ctx->nonce, ATTEST_EHBP_NONCE_LEN) != NGX_OK
        || attest_ehbp_response(&ctx->aead, hpke, ctx->enc, ctx->nonce, 1)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    return NGX_HTTP_ATTEST_ACCEPT;
}


/* The plaintext takes the place of the ciphertext. */

static ngx_int_t
ngx_http_attest_ehbp_swap(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (ngx_http_attest_fields_drop(r, NGX_HTTP_ATTEST_DROP_KEY
                                       |NGX_HTTP_ATTEST_DROP_FRAMING)
        != NGX_OK
        || ngx_http_attest_fields_length(r, ctx->plain.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.chunked = 0;
    r->headers_in.transfer_encoding = NULL;
    r->headers_in.upgrade = NULL;

    /* sealed data must not be compressed, neither here nor behind us */

#if (NGX_HTTP_GZIP)
    r->headers_in.accept_encoding = NULL;
    r->gzip_tested = 0;
    r->gzip_ok = 0;
#endif

    ngx_http_attest_fields_no_variables(r);

    /* the file with the ciphertext goes away with the pool */

    r->request_body->temp_file = NULL;
    r->request_body->bufs = NULL;

    if (ctx->plain.len == 0) {
        /* nginx' writers do not take empty buffers */
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    /* start and end too: another try with the next backend rewinds */

    b->start = ctx->plain.data;
    b->pos = ctx->plain.data;
    b->last = ctx->plain.data + ctx->plain.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;

    return NGX_OK;
}


/* How often the encapsulated key is given. */

static ngx_uint_t
ngx_http_attest_ehbp_key(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_null(value);
    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_attest_fields_is(&h[i].key, NGX_HTTP_ATTEST_KEY_FIELD,
                                     sizeof(NGX_HTTP_ATTEST_KEY_FIELD) - 1, 0))
            {
                *value = h[i].value;
                n++;
            }
        }
    }

    return n;
}


static ngx_int_t
ngx_http_attest_ehbp_reject(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_attest_refusal_e  why;

    why = (rc == NGX_DECLINED) ? NGX_HTTP_ATTEST_REPLAYED
          : (rc == NGX_BUSY) ? NGX_HTTP_ATTEST_FULL : NGX_HTTP_ATTEST_NO_KEY;

    return ngx_http_attest_refuse(r, why);
}


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
