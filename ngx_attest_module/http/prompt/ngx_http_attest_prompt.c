
/*
 * Encrypted prompts, the request side: a sealed body is opened as it arrives,
 * in locked memory, and put in the place of the ciphertext when it is whole,
 * before the access phase and before any backend hears of the request.
 * ngx_http_attest_seal.c is the way back.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_ends.h"
#include "http/prompt/ngx_http_attest_pass.h"

#include <openssl/err.h>


#define NGX_HTTP_ATTEST_KEY_FIELD     "ehbp-encapsulated-key"
#define NGX_HTTP_ATTEST_OWN_FIELDS    "x-attest-"
#define NGX_HTTP_ATTEST_OWN_VARS      "http_x_attest_"

/* below -1, which is no length, and back */
#define ngx_http_attest_hide_length(n)  (-2 - (n))

/* which of the client's fields go */
#define NGX_HTTP_ATTEST_DROP_OWN      1     /* those that we set */
#define NGX_HTTP_ATTEST_DROP_KEY      2     /* the encapsulated key */
#define NGX_HTTP_ATTEST_DROP_FRAMING  4     /* what described the ciphertext */


typedef enum {
    NGX_HTTP_ATTEST_ACCEPT = 0,
    NGX_HTTP_ATTEST_UNSEALED,
    NGX_HTTP_ATTEST_MALFORMED,
    NGX_HTTP_ATTEST_TAMPERED,
    NGX_HTTP_ATTEST_TOO_LARGE,
    NGX_HTTP_ATTEST_TOO_LONG,
    NGX_HTTP_ATTEST_TOO_FRAMED,
    NGX_HTTP_ATTEST_NO_KEY,
    NGX_HTTP_ATTEST_REPLAYED,
    NGX_HTTP_ATTEST_FULL,
    NGX_HTTP_ATTEST_NO_EVIDENCE,
    NGX_HTTP_ATTEST_NO_MEMORY,
    NGX_HTTP_ATTEST_GONE,
    NGX_HTTP_ATTEST_INTERNAL
} ngx_http_attest_refusal_e;


typedef struct {
    ngx_uint_t    status;
    size_t        counter;          /* in ngx_http_attest_stats_t */
    const char   *type;
    const char   *title;
    const char   *detail;
    time_t        retry_after;
} ngx_http_attest_refusal_t;


/* A prompt that is being opened; its keys lie in the request's view. */

struct ngx_http_attest_ehbp_s {
    attest_ehbp_opener_t       opener;
    const attest_hpke_key_t   *keys[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 index[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t                 used;            /* of the view's, bits */
};


static ngx_int_t ngx_http_attest_prompt_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_again(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_prompt_lift(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_start(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf, ngx_uint_t drop);
static ngx_int_t ngx_http_attest_prompt_read(ngx_http_request_t *r,
    u_char *enc);
static void ngx_http_attest_prompt_hush(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_refuse(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);
static ngx_int_t ngx_http_attest_prompt_answer(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);

static void ngx_http_attest_prompt_cleanup(void *data);

static ngx_uint_t ngx_http_attest_prompt_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_keys(
    ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_code(
    ngx_http_attest_ctx_t *ctx, int rc);
static ngx_uint_t ngx_http_attest_prompt_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static ngx_uint_t ngx_http_attest_prompt_live(ngx_http_attest_ctx_t *ctx,
    ngx_uint_t i, time_t now);
static void ngx_http_attest_prompt_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_uint_t why);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_finish(
    ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_prompt_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_attest_prompt_drop(ngx_http_attest_ctx_t *ctx);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_admit(
    ngx_http_attest_ctx_t *ctx, attest_hpke_ctx_t *hpke);
static ngx_int_t ngx_http_attest_prompt_swap(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);

static ngx_uint_t ngx_http_attest_prompt_key(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_uint_t ngx_http_attest_is_field(ngx_str_t *key, const char *name,
    size_t len, ngx_uint_t prefix);
static ngx_uint_t ngx_http_attest_drops(ngx_str_t *key, ngx_uint_t drop);
static ngx_int_t ngx_http_attest_drop_fields(ngx_http_request_t *r,
    ngx_uint_t drop);
static void ngx_http_attest_forget_variables(ngx_http_request_t *r);


/* SPEC.md section 5.4.4: one answer for every failure to decrypt. */

static ngx_http_attest_refusal_t  ngx_http_attest_refusals[] = {

    { 0, 0, NULL, NULL, NULL, 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_required),
      NGX_HTTP_ATTEST_URN "encryption-required",
      "Encryption required",
      "this resource takes only requests with an encrypted body", 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encrypted request",
      "the encapsulated key or the framing of the body is wrong", 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encrypted request",
      "a frame was changed or lost on its way, the first was not", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the prompt exceeds attest_prompt_max_size", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the encrypted body exceeds client_max_body_size", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "there are too many bytes of framing around the prompt", 0 },

    { 422,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_EHBP_KEY,
      "The request cannot be decrypted",
      "fetch the current key configuration and try again", 0 },

    { NGX_HTTP_CONFLICT,
      offsetof(ngx_http_attest_stats_t, refused_replay),
      NGX_HTTP_ATTEST_URN "replay",
      "Replayed request",
      "this encapsulated key has been used before", 0 },

    { NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_full),
      NGX_HTTP_ATTEST_URN "busy",
      "Too many encrypted requests",
      "there is no room to remember another request", 10 },

    { NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_evidence),
      NGX_HTTP_ATTEST_URN "no-evidence",
      "No valid evidence",
      "the gateway has no valid evidence and therefore serves nothing", 10 },

    { NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_memory),
      NGX_HTTP_ATTEST_URN "busy",
      "Too many encrypted requests",
      "all of attest_prompt_memory is in use", NGX_HTTP_ATTEST_BUSY },

    { NGX_HTTP_BAD_GATEWAY, 0, NULL,
      "Bad Gateway",
      "the backend that has the prompt does not answer it", 0 },

    { NGX_HTTP_INTERNAL_SERVER_ERROR, 0, NULL,
      "Internal Server Error",
      "the request could not be processed", 0 }
};


static const ngx_http_attest_intake_t  ngx_http_attest_prompt_intake = {
    ngx_http_attest_prompt_piece,
    ngx_http_attest_prompt_fresh,
    ngx_http_attest_prompt_done,
    ngx_http_attest_prompt_failed
};


static ngx_int_t
ngx_http_attest_prompt_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);
    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        return ngx_http_attest_prompt_again(r, ctx);
    }

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (ctx != NULL && ctx->reading) {
        return ngx_http_attest_prompt_broken(r, ctx, alcf);
    }

    /* also where nothing is sealed: a page needs evidence, keys and models */

    rc = ngx_http_attest_cors_preflight(r, alcf);

    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF) {
        return NGX_DECLINED;
    }

    if (ngx_http_attest_drop_fields(r, NGX_HTTP_ATTEST_DROP_OWN) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (alcf->mode == NGX_HTTP_ATTEST_MODE_OFF
        || alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP)
    {
        return NGX_DECLINED;
    }

    return ngx_http_attest_prompt_start(r, alcf);
}


/* Opened: these phases go on, or run again after a redirect. */

static ngx_int_t
ngx_http_attest_prompt_again(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    off_t                      n;
    ngx_http_core_loc_conf_t  *clcf;

    if (r == r->main) {
        ctx->turned = ctx->entered;
        ctx->entered = 1;

        ngx_http_attest_prompt_hush(r);

        if (ctx->spent && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

            /* only a backend can have sent it elsewhere, which has it */

            return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_GONE);
        }
    }

    n = r->headers_in.content_length_n;

    if (n >= -1) {
        return NGX_DECLINED;
    }

    r->headers_in.content_length_n = ngx_http_attest_hide_length(n);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!ngx_http_attest_body_size_said(r)
        || clcf->client_max_body_size == 0
        || clcf->client_max_body_size >= r->headers_in.content_length_n)
    {
        return NGX_DECLINED;
    }

    return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
}


/*
 * nginx holds the length of an opened prompt against the default limit of
 * each location that a redirect or a subrequest leads to, although it was
 * accepted long ago: the length is out of sight while that is found.
 */

static ngx_int_t
ngx_http_attest_prompt_lift(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t  *ctx;

    if (r == r->main && !r->internal) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx == NULL || !ctx->sealed || r->headers_in.content_length_n < 0) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        /* already here: other handlers may let it wait */
        ctx->shared = 1;
    }

    r->headers_in.content_length_n =
                 ngx_http_attest_hide_length(r->headers_in.content_length_n);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_attest_prompt_start(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf)
{
    u_char      enc[ATTEST_EHBP_ENC_LEN];
    ngx_str_t   value;
    ngx_uint_t  n, body;

    n = ngx_http_attest_prompt_key(r, &value);

    if (n > 1
        || (n == 1
            && attest_ehbp_parse_enc(value.data, value.len, enc)
               != ATTEST_OK))
    {
        return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_MALFORMED);
    }

    if (n == 1 && r->discard_body) {

        /* refused by nginx, and redirected here by error_page */

        return ngx_http_attest_prompt_refuse(r,
                               (r->err_status
                                == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
                               ? NGX_HTTP_ATTEST_TOO_LONG
                               : NGX_HTTP_ATTEST_MALFORMED);
    }

    body = r->headers_in.content_length_n > 0 || r->headers_in.chunked;

    if (n == 0 || !body) {
        return ngx_http_attest_prompt_plain(r, alcf, n ?
                                            NGX_HTTP_ATTEST_DROP_KEY : 0);
    }

    if (r->headers_in.content_length_n > ngx_http_attest_max_body(alcf)) {
        return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_TOO_LARGE);
    }

    return ngx_http_attest_prompt_read(r, enc);
}


/*
 * The phases run while the body is being read only when reading has failed
 * and error_page redirects: the rest of the body is not read again.
 */

static ngx_int_t
ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf)
{
    ctx->reading = 0;
    ctx->decided = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->keepalive = 0;
    r->lingering_close = 1;

    if (alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF
        || alcf->mode == NGX_HTTP_ATTEST_MODE_OFF)
    {
        return NGX_DECLINED;
    }

    if (r->err_status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {

        return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
    }

    return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_MALFORMED);
}


/* Nothing is sealed: by default refused. */

static ngx_int_t
ngx_http_attest_prompt_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf, ngx_uint_t drop)
{
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->mode != NGX_HTTP_ATTEST_MODE_OPTIONAL) {
        return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_UNSEALED);
    }

    if (ngx_http_attest_drop_fields(r, drop) != NGX_OK) {
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
ngx_http_attest_prompt_read(ngx_http_request_t *r, u_char *enc)
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

    rc = ngx_http_attest_body_read(r, ctx, &ngx_http_attest_prompt_intake);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);
    return NGX_DONE;
}


/*
 * nginx's parser of chunked responses writes single bytes of them into a
 * debug log.  What belongs to an opened prompt is logged without debugging;
 * each location sets the level anew.
 */

static void
ngx_http_attest_prompt_hush(ngx_http_request_t *r)
{
    ngx_log_t  *log;

    log = r->connection->log;

    if (log->log_level & NGX_LOG_DEBUG_ALL) {
        log->log_level = NGX_LOG_DEBUG;
    }
}


/* Counts and answers. */

static ngx_int_t
ngx_http_attest_prompt_refuse(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why)
{
    u_char                       *p;
    ngx_http_attest_main_conf_t  *amcf;

    if (why < NGX_HTTP_ATTEST_GONE) {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        p = (u_char *) ngx_http_attest_stats(amcf)
            + ngx_http_attest_refusals[why].counter;
        (void) ngx_atomic_fetch_add((ngx_atomic_t *) p, 1);
    }

    return ngx_http_attest_prompt_answer(r, why);
}


ngx_int_t
ngx_http_attest_prompt_reject(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_attest_refusal_e  why;

    why = (rc == NGX_DECLINED) ? NGX_HTTP_ATTEST_REPLAYED
          : (rc == NGX_BUSY) ? NGX_HTTP_ATTEST_FULL : NGX_HTTP_ATTEST_NO_KEY;

    return ngx_http_attest_prompt_refuse(r, why);
}


/* Answers, finalizes, and returns what a phase handler does then. */

static ngx_int_t
ngx_http_attest_prompt_answer(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why)
{
    ngx_http_attest_ctx_t      *ctx;
    ngx_http_attest_refusal_t  *no;

    no = &ngx_http_attest_refusals[why];

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL) {
        ctx->status = no->status;
    }

    ngx_http_finalize_request(r,
                              ngx_http_attest_problem(r, no->status, no->type,
                                                      no->title, no->detail,
                                                      no->retry_after));
    return NGX_DONE;
}


ngx_http_attest_ctx_t *
ngx_http_attest_prompt_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_attest_module);

    if (ctx != NULL || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /*
     * internal redirects reset the modules' contexts, subrequests have their
     * own, but the pool's cleanup still holds ours
     */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_attest_prompt_cleanup) {
            ctx = cln->data;

            if (r == r->main) {
                ngx_http_set_ctx(r, ctx, ngx_http_attest_module);
            }

            return ctx;
        }
    }

    return NULL;
}


ngx_http_attest_ctx_t *
ngx_http_attest_prompt_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_attest_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_attest_ctx_t));
    ctx->request = r;

    cln->handler = ngx_http_attest_prompt_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_attest_module);

    return ctx;
}


static void
ngx_http_attest_prompt_cleanup(void *data)
{
    ngx_http_attest_ctx_t *ctx = data;

    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_attest_main_conf_t  *amcf;

    r = ctx->request;
    c = r->connection;

    /* a backend that died in the middle; a client that left does not count */

    if (ctx->head_sent && !ctx->finished && !ctx->cut && !r->header_only
        && (r->upstream != NULL || ctx->ups != NULL)
        && !c->error && !c->timedout)
    {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, streams_cut);
    }

    if (ctx->sealed) {
        ngx_http_attest_once_count(ctx);
    }

    ngx_http_attest_out_cleanup(ctx);
    attest_aead_clear(&ctx->aead);

    ngx_http_attest_release_cleanup(ctx);
    ngx_http_attest_prompt_drop(ctx);

    if (ctx->ohttp != NULL) {
        ngx_http_attest_ohttp_cleanup(ctx->ohttp);
    }

    ngx_http_attest_prompt_forget(ctx);
}


ngx_int_t
ngx_http_attest_prompt_room(ngx_http_attest_ctx_t *ctx, size_t size)
{
    return ngx_http_attest_locked_grow(&ctx->plain.data, &ctx->usable,
                                       ngx_min(size, ctx->plain.len),
                                       ctx->plain.len);
}


void
ngx_http_attest_prompt_forget(ngx_http_attest_ctx_t *ctx)
{
    if (ctx->plain.data != NULL) {
        ngx_http_attest_locked_free(ctx->plain.data);
    }

    ngx_str_null(&ctx->plain);
    ctx->usable = 0;
}


/* A frame is opened as soon as it is whole; of an open one nothing is kept. */

static ngx_uint_t
ngx_http_attest_prompt_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n)
{
    int                         rc;
    size_t                      used;
    attest_ehbp_opener_t       *op;
    ngx_http_attest_refusal_e   why;

    op = &ctx->ehbp->opener;

    if (op->keys == NULL) {
        why = ngx_http_attest_prompt_keys(r, ctx);

        if (why != NGX_HTTP_ATTEST_ACCEPT) {
            return why;
        }
    }

    /* with its lengths and tags it is always more than what is kept */

    switch (ngx_http_attest_prompt_room(ctx, op->plain + op->have + n)) {

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

    return ngx_http_attest_prompt_code(ctx, rc);
}


/*
 * EHBP does not say which key a message was sealed for: the current key
 * first, then the previous one, as long as it is accepted.
 */

static ngx_http_attest_refusal_e
ngx_http_attest_prompt_keys(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
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
ngx_http_attest_prompt_code(ngx_http_attest_ctx_t *ctx, int rc)
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
ngx_http_attest_prompt_fresh(ngx_http_request_t *r,
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
        return ngx_http_attest_prompt_live(ctx, eh->opener.which, now)
               ? NGX_HTTP_ATTEST_ACCEPT : NGX_HTTP_ATTEST_NO_KEY;
    }

    for (i = 0, n = 0; i < eh->opener.nkeys; i++) {

        if (ngx_http_attest_prompt_live(ctx, i, now)) {
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
ngx_http_attest_prompt_live(ngx_http_attest_ctx_t *ctx, ngx_uint_t i,
    time_t now)
{
    return ctx->view->hpke[ctx->ehbp->index[i]].expires > now;
}


static void
ngx_http_attest_prompt_done(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_uint_t why)
{
    if (why == NGX_HTTP_ATTEST_BODY_UNREADABLE) {
        why = NGX_HTTP_ATTEST_INTERNAL;
    }

    if (why == NGX_HTTP_ATTEST_ACCEPT) {
        why = ngx_http_attest_prompt_finish(r, ctx);
    }

    /* what opened it is needed no longer */

    ngx_http_attest_prompt_drop(ctx);

    /* nginx takes what is left in OpenSSL's queue for its own */
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }

    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        ngx_http_attest_prompt_forget(ctx);
        (void) ngx_http_attest_prompt_refuse(r, why);
        return;
    }

    /* from here on every response is sealed */

    ctx->sealed = 1;

    if (ngx_http_attest_prompt_swap(r, ctx) != NGX_OK) {
        (void) ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_INTERNAL);
        return;
    }

    ngx_http_attest_prompt_hush(r);

    /* on with the phases; this handler then declines */

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


static ngx_http_attest_refusal_e
ngx_http_attest_prompt_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_uint_t                    i;
    attest_ehbp_opener_t         *op;
    ngx_http_attest_refusal_e     why;
    ngx_http_attest_main_conf_t  *amcf;

    op = &ctx->ehbp->opener;

    why = ngx_http_attest_prompt_code(ctx, attest_ehbp_opener_finish(op));
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

    if (!ngx_http_attest_prompt_live(ctx, op->which,
                                     ngx_http_attest_now(amcf)))
    {
        return NGX_HTTP_ATTEST_NO_KEY;
    }

    ctx->plain.len = op->plain;

    if (op->plain != 0) {
        ngx_http_attest_locked_trim(ctx->plain.data, op->plain);
        ctx->usable = op->plain;
    }

    return ngx_http_attest_prompt_admit(ctx, &op->hpke);
}


/* By nginx, which has no room for a client, or none left of its limits. */

static void
ngx_http_attest_prompt_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_attest_prompt_drop(ctx);
    ngx_http_attest_prompt_forget(ctx);

    switch (rc) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        ctx->reading = 0;
        (void) ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_TOO_LONG);
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        ctx->reading = 0;
        (void) ngx_http_attest_prompt_refuse(r, NGX_HTTP_ATTEST_INTERNAL);
        break;

    default:
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_attest_prompt_drop(ngx_http_attest_ctx_t *ctx)
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
ngx_http_attest_prompt_admit(ngx_http_attest_ctx_t *ctx,
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
ngx_http_attest_prompt_swap(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (ngx_http_attest_drop_fields(r, NGX_HTTP_ATTEST_DROP_KEY
                                       |NGX_HTTP_ATTEST_DROP_FRAMING)
        != NGX_OK
        || ngx_http_attest_content_length(r, ctx->plain.len) != NGX_OK)
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

    ngx_http_attest_forget_variables(r);

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


ngx_str_t *
ngx_http_attest_field(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/* How often the encapsulated key is given. */

static ngx_uint_t
ngx_http_attest_prompt_key(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_null(value);
    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_attest_is_field(&h[i].key, NGX_HTTP_ATTEST_KEY_FIELD,
                                     sizeof(NGX_HTTP_ATTEST_KEY_FIELD) - 1, 0))
            {
                *value = h[i].value;
                n++;
            }
        }
    }

    return n;
}


/*
 * Letter case does not count, and for what looks at fields as CGI variables
 * "_" is "-".
 */

static ngx_uint_t
ngx_http_attest_is_field(ngx_str_t *key, const char *name, size_t len,
    ngx_uint_t prefix)
{
    u_char  ch;
    size_t  i;

    if (key->len < len || (key->len > len && !prefix)) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        ch = (key->data[i] == '_') ? '-' : ngx_tolower(key->data[i]);

        if (ch != (u_char) name[i]) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_attest_own_field(ngx_str_t *key)
{
    return ngx_http_attest_is_field(key, NGX_HTTP_ATTEST_OWN_FIELDS,
                                    sizeof(NGX_HTTP_ATTEST_OWN_FIELDS) - 1, 1);
}


static ngx_uint_t
ngx_http_attest_drops(ngx_str_t *key, ngx_uint_t drop)
{
    if ((drop & NGX_HTTP_ATTEST_DROP_OWN) && ngx_http_attest_own_field(key)) {
        return 1;
    }

    if ((drop & NGX_HTTP_ATTEST_DROP_KEY)
        && ngx_http_attest_is_field(key, NGX_HTTP_ATTEST_KEY_FIELD,
                                    sizeof(NGX_HTTP_ATTEST_KEY_FIELD) - 1, 0))
    {
        return 1;
    }

    if (!(drop & NGX_HTTP_ATTEST_DROP_FRAMING)) {
        return 0;
    }

    /* an upgraded connection would carry the answer around our filters */

    return ngx_http_attest_is_field(key, "content-length", 14, 0)
           || ngx_http_attest_is_field(key, "transfer-encoding", 17, 0)
           || ngx_http_attest_is_field(key, "accept-encoding", 15, 0)
           || ngx_http_attest_is_field(key, "connection", 10, 0)
           || ngx_http_attest_is_field(key, "upgrade", 7, 0)
           || ngx_http_attest_is_field(key, "http2-settings", 14, 0);
}


/*
 * Proxying modules send every element of the list, so that a field has to
 * leave it.  The elements that stay are copied into a new list: pointers
 * into the old one, such as r->headers_in.host, remain good.
 */

static ngx_int_t
ngx_http_attest_drop_fields(ngx_http_request_t *r, ngx_uint_t drop)
{
    ngx_uint_t        i, found;
    ngx_list_part_t   old, *part;
    ngx_table_elt_t  *h, *kept;

    old = r->headers_in.headers.part;
    found = 0;

    for (part = &old; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            found |= ngx_http_attest_drops(&h[i].key, drop);
        }
    }

    if (!found) {
        return NGX_OK;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &old; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_attest_drops(&h[i].key, drop)) {
                continue;
            }

            kept = ngx_list_push(&r->headers_in.headers);
            if (kept == NULL) {
                return NGX_ERROR;
            }

            *kept = h[i];
        }
    }

    ngx_http_attest_forget_variables(r);

    return NGX_OK;
}


/* Values of dropped fields that the rewrite phase may have looked up. */

static void
ngx_http_attest_forget_variables(ngx_http_request_t *r)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i, n;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t  names[] = {
        ngx_string("content_length"),
        ngx_string("http_content_length"),
        ngx_string("http_transfer_encoding"),
        ngx_string("http_accept_encoding"),
        ngx_string("http_connection"),
        ngx_string("http_upgrade"),
        ngx_string("http_http2_settings"),
        ngx_string("http_ehbp_encapsulated_key"),
        ngx_string("request_body"),
        ngx_null_string
    };

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (n = 0, name = names; name[n].len; n++) {
            if (v[i].name.len == name[n].len
                && ngx_strncmp(v[i].name.data, name[n].data, name[n].len)
                   == 0)
            {
                break;
            }
        }

        if (name[n].len
            || (v[i].name.len > sizeof(NGX_HTTP_ATTEST_OWN_VARS) - 1
                && ngx_strncmp(v[i].name.data, NGX_HTTP_ATTEST_OWN_VARS,
                               sizeof(NGX_HTTP_ATTEST_OWN_VARS) - 1) == 0))
        {
            r->variables[i].valid = 0;
            r->variables[i].not_found = 0;
        }
    }
}


ngx_int_t
ngx_http_attest_content_length(ngx_http_request_t *r, size_t len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);
    if (p == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    ngx_http_attest_elt_init(h);
    ngx_str_set(&h->key, "Content-Length");
    h->lowcase_key = (u_char *) "content-length";
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "%uz", len) - p;

    r->headers_in.content_length = h;
    r->headers_in.content_length_n = len;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_prompt_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handlers = &cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    /*
     * A phase runs its handlers from the last to the first: ours comes after
     * limit_conn and limit_req, which bound how many bodies are read.
     */

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_prompt_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_prompt_lift;

    if (ngx_http_attest_release_init(cmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_ends_init(cf) != NGX_OK
        || ngx_http_attest_pass_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_ohttp_init(cf);
}
