/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP: prompts that are sealed as bodies, in frames, under a key that a
 * field encapsulates; what describes them stays in clear.
 */


#include "http/prompt/ngx_http_attest_ehbp.h"
#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_nonce.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_release.h"
#include "http/prompt/ngx_http_attest_replace.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"

#include "core/prompt/attest_ehbp.h"


#define NGX_HTTP_ATTEST_KEY_FIELD    "Ehbp-Encapsulated-Key"
#define NGX_HTTP_ATTEST_NONCE_FIELD  "Ehbp-Response-Nonce"

#define NGX_HTTP_ATTEST_PROBLEM_EHBP_KEY                                     \
    "urn:ietf:params:ehbp:error:key-config"

#define ngx_http_attest_ehbp_framing(alcf)                                   \
    (ATTEST_EHBP_OVERHEAD * (alcf)->max_size + NGX_HTTP_ATTEST_SPARE)


/* What opens lies in the request's view, and what seals stays. */

typedef struct {
    attest_ehbp_opener_t       opener;
    const attest_kem_key_t    *keys[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 index[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 used;            /* of the view's, bits */
    unsigned                   closed:1;        /* nothing opens any more */

    attest_aead_t              aead;            /* seals the response */
    u_char                     enc[ATTEST_EHBP_ENC_LEN];
    u_char                     nonce[ATTEST_EHBP_NONCE_LEN];
} ngx_http_attest_ehbp_t;


static size_t ngx_http_attest_ehbp_max_plain(
    ngx_http_attest_loc_conf_t *alcf);
static off_t ngx_http_attest_ehbp_max_body(ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_ehbp_find(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_ehbp_start(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ehbp_open(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n);
static ngx_int_t ngx_http_attest_ehbp_keys(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ehbp_code(ngx_http_attest_ehbp_t *eh,
    int rc);
static ngx_int_t ngx_http_attest_ehbp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_ehbp_live(ngx_http_attest_ctx_t *ctx,
    ngx_uint_t i, time_t now);
static ngx_int_t ngx_http_attest_ehbp_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ehbp_admit(ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_ehbp_close(ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_ehbp_enter(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ehbp_swap(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);

static ngx_int_t ngx_http_attest_ehbp_head(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ssize_t ngx_http_attest_ehbp_frame(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *pt, size_t len,
    ngx_http_attest_out_t *out);
static ngx_int_t ngx_http_attest_ehbp_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
static const char *ngx_http_attest_ehbp_protocol(ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_ehbp_cleanup(ngx_http_attest_ctx_t *ctx);


static const char *const  ngx_http_attest_ehbp_fields[] = {
    NGX_HTTP_ATTEST_NONCE_FIELD,
    NGX_HTTP_ATTEST_KEY_FIELD,
    NULL
};


/* EHBP section 5.4.4: one answer for every failure to decrypt. */

static const ngx_http_attest_refusal_t  ngx_http_attest_ehbp_refusals[] = {

    { NGX_HTTP_ATTEST_MALFORMED, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encrypted request",
      "the encapsulated key or the framing of the body is wrong", 0 },

    { NGX_HTTP_ATTEST_TAMPERED, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encrypted request",
      "a frame was changed or lost on its way, the first was not", 0 },

    { NGX_HTTP_ATTEST_TOO_FRAMED, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "there are too many bytes of framing around the prompt", 0 },

    { NGX_HTTP_ATTEST_NO_KEY, 422,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_EHBP_KEY,
      "The request cannot be decrypted",
      "fetch the current key configuration and try again", 0 },

    { 0, 0, 0, NULL, NULL, NULL, 0 }
};


const ngx_http_attest_format_t  ngx_http_attest_ehbp_format = {
    ngx_string("ehbp"),
    0,                                     /* inner */
    NGX_HTTP_ATTEST_KEY_FIELD,
    ngx_http_attest_ehbp_fields,
    ngx_http_attest_ehbp_refusals,

    NULL,                                  /* location */
    NULL,                                  /* merge */
    NULL,                                  /* check */
    NULL,                                  /* kems */
    NULL,                                  /* init */

    NULL,                                  /* bad */
    NULL,                                  /* admits */
    NULL,                                  /* lost */

    ngx_http_attest_ehbp_max_plain,
    ngx_http_attest_ehbp_max_body,

    ngx_http_attest_ehbp_find,
    ngx_http_attest_ehbp_start,
    ngx_http_attest_ehbp_open,
    ngx_http_attest_ehbp_fresh,
    ngx_http_attest_ehbp_finish,
    ngx_http_attest_ehbp_close,
    ngx_http_attest_ehbp_enter,

    ngx_http_attest_ehbp_head,
    NULL,                                  /* flush */
    ngx_http_attest_ehbp_frame,
    ngx_http_attest_ehbp_end,

    ngx_http_attest_ehbp_protocol,
    ngx_http_attest_ehbp_cleanup
};


static size_t
ngx_http_attest_ehbp_max_plain(ngx_http_attest_loc_conf_t *alcf)
{
    return alcf->max_size;
}


/*
 * More cannot hold an acceptable prompt.  It is some more than prompt and
 * framing together, so that whoever exceeds one is told which.
 */

static off_t
ngx_http_attest_ehbp_max_body(ngx_http_attest_loc_conf_t *alcf)
{
    return (off_t) (alcf->max_size + ngx_http_attest_ehbp_framing(alcf)
                    + NGX_HTTP_ATTEST_SPARE);
}


static ngx_int_t
ngx_http_attest_ehbp_find(ngx_http_request_t *r)
{
    u_char      enc[ATTEST_EHBP_ENC_LEN];
    ngx_str_t   value;
    ngx_uint_t  n, body;

    n = ngx_http_attest_fields_count(r, NGX_HTTP_ATTEST_KEY_FIELD, &value);

    if (n > 1
        || (n == 1
            && attest_ehbp_parse_enc(value.data, value.len, enc)
               != ATTEST_OK))
    {
        return NGX_HTTP_ATTEST_MALFORMED;
    }

    if (n == 1 && r->discard_body) {
        /* refused by nginx, and redirected here by error_page */
        return ngx_http_attest_refusal_of(r);
    }

    body = r->headers_in.content_length_n > 0 || r->headers_in.chunked;

    return (n == 1 && body) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_attest_ehbp_start(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_str_t                value;
    attest_ehbp_limits_t     limits;
    ngx_http_attest_ehbp_t  *eh;

    eh = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_ehbp_t));
    if (eh == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_fields_count(r, NGX_HTTP_ATTEST_KEY_FIELD, &value)
        != 1
        || attest_ehbp_parse_enc(value.data, value.len, eh->enc) != ATTEST_OK)
    {
        return NGX_ERROR;
    }

    limits.max_plain = ctx->conf->max_size;
    limits.max_framing = ngx_http_attest_ehbp_framing(ctx->conf);

    attest_ehbp_opener_init(&eh->opener, eh->enc, &limits);

    ctx->data = eh;
    ctx->plain.len = ctx->conf->max_size + ATTEST_HPKE_NT;

    return NGX_OK;
}


/* A frame is opened as soon as it is whole; of an open one nothing is kept. */

static ngx_int_t
ngx_http_attest_ehbp_open(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    u_char *p, size_t n)
{
    int                      rc;
    size_t                   used;
    ngx_int_t                why;
    attest_ehbp_opener_t    *op;
    ngx_http_attest_ehbp_t  *eh;

    eh = ctx->data;
    op = &eh->opener;

    if (op->keys == NULL) {
        why = ngx_http_attest_ehbp_keys(r, ctx);

        if (why != NGX_OK) {
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

    return ngx_http_attest_ehbp_code(eh, rc);
}


/*
 * EHBP does not say which key a message was sealed for: the current key
 * first, then the previous one, as long as it is accepted.
 */

static ngx_int_t
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
    eh = ctx->data;
    now = ngx_http_attest_clock_now(amcf);
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

    return n ? NGX_OK : NGX_HTTP_ATTEST_NO_KEY;
}


static ngx_int_t
ngx_http_attest_ehbp_code(ngx_http_attest_ehbp_t *eh, int rc)
{
    attest_ehbp_why_e  why;

    why = eh->opener.why;

    switch (rc) {

    case ATTEST_OK:
        return NGX_OK;

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

static ngx_int_t
ngx_http_attest_ehbp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    time_t                        now;
    ngx_uint_t                    i, n;
    ngx_http_attest_ehbp_t       *eh;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    eh = ctx->data;
    now = ngx_http_attest_clock_now(amcf);

    if (eh->opener.hpke.cipher != NULL) {
        return ngx_http_attest_ehbp_live(ctx, eh->opener.which, now)
               ? NGX_OK : NGX_HTTP_ATTEST_NO_KEY;
    }

    for (i = 0, n = 0; i < eh->opener.nkeys; i++) {

        if (ngx_http_attest_ehbp_live(ctx, i, now)) {
            eh->keys[n] = eh->keys[i];
            eh->index[n] = eh->index[i];
            n++;
        }
    }

    eh->opener.nkeys = n;

    return (n || eh->opener.keys == NULL) ? NGX_OK
                                          : NGX_HTTP_ATTEST_NO_KEY;
}


static ngx_uint_t
ngx_http_attest_ehbp_live(ngx_http_attest_ctx_t *ctx, ngx_uint_t i,
    time_t now)
{
    ngx_http_attest_ehbp_t  *eh;

    eh = ctx->data;

    return ctx->view->hpke[eh->index[i]].expires > now;
}


static void
ngx_http_attest_ehbp_enter(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    if (ngx_http_attest_ehbp_swap(r, ctx) != NGX_OK) {
        ngx_http_finalize_request(r,
                              ngx_http_attest_refusal(r, ctx->format,
                                                  NGX_HTTP_ATTEST_INTERNAL));
        return;
    }

    ngx_http_attest_prompt_ctx_no_debug(r);

    /* on with the phases; the handler that opened it then declines */

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_http_attest_ehbp_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t                     why;
    ngx_uint_t                    i;
    attest_ehbp_opener_t         *op;
    ngx_http_attest_ehbp_t       *eh;
    ngx_http_attest_main_conf_t  *amcf;

    eh = ctx->data;
    op = &eh->opener;

    why = ngx_http_attest_ehbp_code(eh, attest_ehbp_opener_finish(op));
    if (why != NGX_OK) {
        return why;
    }

    i = eh->index[op->which];

    ctx->key_index = i;
    ctx->key_id = ctx->view->hpke[i].id;

    /* it may have taken long to arrive */

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (ngx_http_attest_view(amcf, r->connection->log) == NULL) {
        return NGX_HTTP_ATTEST_NO_EVIDENCE;
    }

    if (!ngx_http_attest_ehbp_live(ctx, op->which,
                                     ngx_http_attest_clock_now(amcf)))
    {
        return NGX_HTTP_ATTEST_NO_KEY;
    }

    ctx->plain.len = op->plain;

    if (op->plain != 0) {
        ngx_http_attest_locked_trim(ctx->plain.data, op->plain);
        ctx->usable = op->plain;
    }

    return ngx_http_attest_ehbp_admit(ctx);
}


static void
ngx_http_attest_ehbp_close(ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t               i;
    ngx_http_attest_ehbp_t  *eh;

    eh = ctx->data;

    if (eh == NULL || eh->closed) {
        return;
    }

    eh->closed = 1;

    attest_ehbp_opener_clear(&eh->opener);

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (eh->used & (1 << i)) {
            ngx_http_attest_view_key_done(ctx->view, i);
        }
    }
}


static void
ngx_http_attest_ehbp_cleanup(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ehbp_t  *eh;

    eh = ctx->data;

    if (eh != NULL) {
        attest_aead_clear(&eh->aead);
        ngx_http_attest_ehbp_close(ctx);
    }
}


static const char *
ngx_http_attest_ehbp_protocol(ngx_http_attest_ctx_t *ctx)
{
    return "ehbp";
}


/* What it will be remembered by, and the key of the response. */

static ngx_int_t
ngx_http_attest_ehbp_admit(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ehbp_t  *eh;
    ngx_http_attest_once_t  *once;

    eh = ctx->data;
    once = &ctx->once;

    once->enc = eh->enc;
    once->len = ATTEST_EHBP_ENC_LEN;
    once->born = ctx->view->hpke[ctx->key_index].born;
    once->expires = ctx->view->hpke[ctx->key_index].expires;
    once->until = once->expires;

    if (ngx_http_attest_nonce(eh->nonce, ATTEST_EHBP_NONCE_LEN) != NGX_OK
        || attest_ehbp_response(&eh->aead, &eh->opener.hpke, eh->enc,
                                eh->nonce, 1)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    return NGX_OK;
}


/* The plaintext takes the place of the ciphertext. */

static ngx_int_t
ngx_http_attest_ehbp_swap(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    if (ngx_http_attest_fields_drop(r, NGX_HTTP_ATTEST_DROP_FRAMING,
                                    NGX_HTTP_ATTEST_KEY_FIELD)
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

    ngx_http_attest_fields_no_variables(r, NGX_HTTP_ATTEST_KEY_FIELD);

    return ngx_http_attest_body_put(r, ctx->plain.data, ctx->plain.len);
}


static ngx_int_t
ngx_http_attest_ehbp_head(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    u_char                  *p;
    ngx_str_t                value;
    ngx_http_attest_ehbp_t  *eh;

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
    eh = ctx->data;
    ngx_hex_dump(p, eh->nonce, ATTEST_EHBP_NONCE_LEN);

    if (ngx_http_attest_answer_field(r, NGX_HTTP_ATTEST_NONCE_FIELD, &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* RFC 10036: whoever is in front passes frames on as they come */

    ngx_str_set(&value, "?1");

    if (ngx_http_attest_answer_field(r, "Incremental", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "no-store");

    if (ngx_http_attest_answer_field(r, "Cache-Control", &value) != NGX_OK) {
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
    size_t                   room;
    ngx_buf_t               *b;
    ngx_http_attest_ehbp_t  *eh;

    room = (len > NGX_HTTP_ATTEST_SMALL) ? NGX_HTTP_ATTEST_FRAME
                                         : NGX_HTTP_ATTEST_SMALL;

    b = ngx_http_attest_out_buf(r, ctx, room + ATTEST_EHBP_OVERHEAD, out);
    if (b == NULL) {
        return NGX_ERROR;
    }

    len = ngx_min(len, (size_t) (b->end - b->start) - ATTEST_EHBP_OVERHEAD);

    eh = ctx->data;

    if (attest_ehbp_seal_frame(&eh->aead, pt, len, b->start) != ATTEST_OK) {
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
