
/*
 * Encrypted prompts, the request side: a sealed body is read whole, opened
 * in locked memory and put in the place of the ciphertext, before the access
 * phase and before any backend hears of the request.  ngx_http_attest_seal.c
 * is the way back.
 */


#include "ngx_http_attest_prompt.h"

#include <openssl/err.h>


#define NGX_HTTP_ATTEST_KEY_FIELD     "ehbp-encapsulated-key"
#define NGX_HTTP_ATTEST_OWN_FIELDS    "x-attest-"
#define NGX_HTTP_ATTEST_OWN_VARS      "http_x_attest_"

/* a prompt that is larger has memory of its own, which grows */
#define NGX_HTTP_ATTEST_BLOCK         (160 * 1024 - 16)

/* which of the client's fields go */
#define NGX_HTTP_ATTEST_DROP_OWN      1     /* those that we set */
#define NGX_HTTP_ATTEST_DROP_KEY      2     /* the encapsulated key */
#define NGX_HTTP_ATTEST_DROP_FRAMING  4     /* what described the ciphertext */


typedef enum {
    NGX_HTTP_ATTEST_ACCEPT = 0,
    NGX_HTTP_ATTEST_UNSEALED,
    NGX_HTTP_ATTEST_MALFORMED,
    NGX_HTTP_ATTEST_TOO_LARGE,
    NGX_HTTP_ATTEST_NO_KEY,
    NGX_HTTP_ATTEST_REPLAYED,
    NGX_HTTP_ATTEST_FULL,
    NGX_HTTP_ATTEST_NO_EVIDENCE,
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


typedef struct {
    u_char       *data;
    size_t        len;
    u_char       *heap;             /* NULL: the bytes belong to nginx */
} ngx_http_attest_sealed_t;


static ngx_int_t ngx_http_attest_prompt_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_start(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_broken(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_loc_conf_t *alcf);
static ngx_int_t ngx_http_attest_prompt_plain(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf, ngx_uint_t drop);
static ngx_int_t ngx_http_attest_prompt_read(ngx_http_request_t *r,
    u_char *enc);
static ngx_int_t ngx_http_attest_prompt_limit(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_attest_prompt_body(ngx_http_request_t *r);
static void ngx_http_attest_prompt_hush(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_prompt_refuse(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);
static ngx_int_t ngx_http_attest_prompt_answer(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);

static void ngx_http_attest_prompt_cleanup(void *data);

static ngx_http_attest_refusal_e ngx_http_attest_prompt_open(
    ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_prompt_gather(ngx_http_request_t *r,
    ngx_http_attest_sealed_t *sealed);
static ngx_int_t ngx_http_attest_prompt_copy(ngx_buf_t *b, u_char *p);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_measure(
    ngx_http_request_t *r, ngx_http_attest_sealed_t *sealed, size_t *plain);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_decrypt(
    ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_sealed_t *sealed);
static ngx_http_attest_refusal_e ngx_http_attest_prompt_try_keys(
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_sealed_t *sealed,
    attest_hpke_ctx_t *hpke);
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

static ngx_int_t ngx_http_attest_body_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_attest_hide_body(ngx_http_core_main_conf_t *cmcf);
static char *ngx_http_attest_prompt_check_proxy(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


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

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the body or one of its frames exceeds the configured size", 0 },

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

    { NGX_HTTP_INTERNAL_SERVER_ERROR, 0, NULL,
      "Internal Server Error",
      "the request could not be processed", 0 }
};


/* of the core's "request_body" variable, the same in every configuration */
static ngx_http_get_variable_pt  ngx_http_attest_core_body_variable;

static ngx_http_request_body_filter_pt
    ngx_http_attest_next_request_body_filter;


static ngx_int_t
ngx_http_attest_prompt_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);
    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        /* opened: these phases go on, or run again after a redirect */
        ctx->turned = ctx->entered;
        ctx->entered = 1;
        ngx_http_attest_prompt_hush(r);
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
                               ? NGX_HTTP_ATTEST_TOO_LARGE
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

        /* counted when it was found */

        return ngx_http_attest_prompt_answer(r, NGX_HTTP_ATTEST_TOO_LARGE);
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
    ngx_int_t               rc;
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(ctx->enc, enc, ATTEST_EHBP_ENC_LEN);
    ctx->reading = 1;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_attest_prompt_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->reading = 0;
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);
    return NGX_DONE;
}


/* A filter of request bodies: one without a length is limited as it comes. */

static ngx_int_t
ngx_http_attest_prompt_limit(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                  *cl;
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_loc_conf_t   *alcf;
    ngx_http_attest_main_conf_t  *amcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_attest_filter_module);

    if (ctx == NULL || !ctx->reading) {
        return ngx_http_attest_next_request_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        ctx->received += ngx_buf_size(cl->buf);
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (ctx->received > ngx_http_attest_max_body(alcf)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "attest: client sends a too large encrypted body");

        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        ngx_http_attest_count(amcf, refused_size);

        r->lingering_close = 1;

        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return ngx_http_attest_next_request_body_filter(r, in);
}


static void
ngx_http_attest_prompt_body(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t      *ctx;
    ngx_http_attest_refusal_e   why;

    ctx = ngx_http_attest_prompt_ctx(r);

    ctx->reading = 0;
    ctx->decided = 1;

    why = ngx_http_attest_prompt_open(r, ctx);

    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        (void) ngx_http_attest_prompt_refuse(r, why);
        return;
    }

    ngx_http_attest_prompt_hush(r);

    /* on with the phases; this handler then declines */

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
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

    if (why != NGX_HTTP_ATTEST_INTERNAL) {
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

    ctx = ngx_http_get_module_ctx(r, ngx_http_attest_filter_module);

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
                ngx_http_set_ctx(r, ctx, ngx_http_attest_filter_module);
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
    ngx_http_set_ctx(r, ctx, ngx_http_attest_filter_module);

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

    ngx_http_attest_seal_cleanup(ctx);
    attest_aead_clear(&ctx->aead);

    if (ctx->ohttp != NULL) {
        ngx_http_attest_ohttp_cleanup(ctx->ohttp);
    }

    ngx_http_attest_prompt_forget(ctx);
}


ngx_int_t
ngx_http_attest_prompt_room(ngx_http_attest_ctx_t *ctx, size_t size)
{
    u_char      *p;
    size_t       usable;
    ngx_uint_t   growing;

    if (size <= ctx->usable) {
        return NGX_OK;
    }

    if (ctx->growing) {
        return ngx_http_attest_locked_extend(ctx->plain.data, ctx->plain.len,
                                             &ctx->usable, size);
    }

    /* blocks are cheaper, but a large prompt must not be there twice */

    growing = (size > NGX_HTTP_ATTEST_BLOCK);
    usable = 0;

    if (growing) {
        p = ngx_http_attest_locked_reserve(ctx->plain.len);

        if (p != NULL
            && ngx_http_attest_locked_extend(p, ctx->plain.len, &usable, size)
               != NGX_OK)
        {
            ngx_http_attest_locked_release(p, ctx->plain.len, 0);
            return NGX_ERROR;
        }

    } else {
        usable = ngx_min(2 * size, NGX_HTTP_ATTEST_BLOCK);
        usable = ngx_min(usable, ctx->plain.len);
        p = ngx_http_attest_locked_alloc(usable);
    }

    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ctx->plain.data != NULL) {
        ngx_memcpy(p, ctx->plain.data, ctx->usable);
        ngx_http_attest_locked_free(ctx->plain.data, ctx->usable);
    }

    ctx->plain.data = p;
    ctx->usable = usable;
    ctx->growing = growing;

    return NGX_OK;
}


void
ngx_http_attest_prompt_forget(ngx_http_attest_ctx_t *ctx)
{
    if (ctx->plain.data == NULL) {
        return;
    }

    if (ctx->growing) {
        ngx_http_attest_locked_release(ctx->plain.data, ctx->plain.len,
                                       ctx->usable);
    } else {
        ngx_http_attest_locked_free(ctx->plain.data, ctx->usable);
    }

    ngx_str_null(&ctx->plain);
    ctx->usable = 0;
}


static ngx_http_attest_refusal_e
ngx_http_attest_prompt_open(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_view_t       *view;
    ngx_http_attest_sealed_t      sealed;
    ngx_http_attest_refusal_e     why;
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

    switch (ngx_http_attest_prompt_gather(r, &sealed)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_HTTP_ATTEST_TOO_LARGE;

    default: /* NGX_ERROR */
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    why = ngx_http_attest_prompt_decrypt(r, ctx, &sealed);

    if (sealed.heap != NULL) {
        ngx_free(sealed.heap);
    }

    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        return why;
    }

    /* from here on every response is sealed */

    ctx->sealed = 1;

    if (ngx_http_attest_prompt_swap(r, ctx) != NGX_OK) {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    return NGX_HTTP_ATTEST_ACCEPT;
}


/*
 * The ciphertext in one piece.  nginx may have it in one buffer, in several,
 * or in a temporary file.  NGX_DECLINED: too large, nothing was allocated.
 */

static ngx_int_t
ngx_http_attest_prompt_gather(ngx_http_request_t *r,
    ngx_http_attest_sealed_t *sealed)
{
    u_char                      *p;
    off_t                        size;
    ngx_chain_t                 *cl;
    ngx_http_attest_loc_conf_t  *alcf;

    ngx_memzero(sealed, sizeof(ngx_http_attest_sealed_t));

    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (size > ngx_http_attest_max_body(alcf)) {
        return NGX_DECLINED;
    }

    sealed->len = (size_t) size;
    cl = r->request_body->bufs;

    if (size == 0) {
        return NGX_OK;
    }

    if (cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        sealed->data = cl->buf->pos;
        return NGX_OK;
    }

    p = ngx_alloc(sealed->len, r->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sealed->heap = p;
    sealed->data = p;

    for ( /* void */ ; cl; cl = cl->next) {

        if (ngx_http_attest_prompt_copy(cl->buf, p) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "attest: cannot read back the request body");
            ngx_free(sealed->heap);
            return NGX_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_prompt_copy(ngx_buf_t *b, u_char *p)
{
    size_t  n;

    n = (size_t) ngx_buf_size(b);

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, n);
        return NGX_OK;
    }

    if (n != 0 && ngx_read_file(b->file, p, n, b->file_pos) != (ssize_t) n) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Frames are counted and measured before anything is allocated for them. */

static ngx_http_attest_refusal_e
ngx_http_attest_prompt_measure(ngx_http_request_t *r,
    ngx_http_attest_sealed_t *sealed, size_t *plain)
{
    size_t                       frames;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    switch (attest_ehbp_scan(sealed->data, sealed->len,
                             alcf->max_size + ATTEST_HPKE_NT,
                             ngx_http_attest_max_frames(alcf),
                             &frames, plain))
    {
    case ATTEST_OK:
        break;

    case ATTEST_ELIMIT:
        return NGX_HTTP_ATTEST_TOO_LARGE;

    case ATTEST_ECRYPTO:
        return NGX_HTTP_ATTEST_NO_KEY;

    default: /* ATTEST_EFORMAT */
        return NGX_HTTP_ATTEST_MALFORMED;
    }

    /*
     * Without a frame that carries a tag nothing would prove that the client
     * knows the encapsulated key that the answer is sealed under.
     */

    if (frames == 0) {
        return NGX_HTTP_ATTEST_MALFORMED;
    }

    return (*plain > alcf->max_size) ? NGX_HTTP_ATTEST_TOO_LARGE
                                     : NGX_HTTP_ATTEST_ACCEPT;
}


static ngx_http_attest_refusal_e
ngx_http_attest_prompt_decrypt(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_sealed_t *sealed)
{
    attest_hpke_ctx_t          hpke;
    ngx_http_attest_refusal_e  why;

    why = ngx_http_attest_prompt_measure(r, sealed, &ctx->plain.len);
    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        return why;
    }

    ctx->plain.data = ngx_http_attest_locked_alloc(ctx->plain.len);
    if (ctx->plain.data == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                      "attest: no locked memory for a prompt of %uz bytes",
                      ctx->plain.len);
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    ctx->usable = ctx->plain.len;

    why = ngx_http_attest_prompt_try_keys(ctx, sealed, &hpke);
    if (why != NGX_HTTP_ATTEST_ACCEPT) {
        return why;
    }

    why = ngx_http_attest_prompt_admit(ctx, &hpke);

    attest_hpke_ctx_clear(&hpke);

    return why;
}


/*
 * EHBP does not say which key a message was sealed for: the current key
 * first, then the previous one, as long as it is accepted.
 */

static ngx_http_attest_refusal_e
ngx_http_attest_prompt_try_keys(ngx_http_attest_ctx_t *ctx,
    ngx_http_attest_sealed_t *sealed, attest_hpke_ctx_t *hpke)
{
    int                           rc, bad_enc;
    time_t                        now;
    ngx_uint_t                    i;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_attest_module);
    now = ngx_http_attest_now(amcf);
    view = ctx->view;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {

        if (!view->hpke[i].set || view->hpke[i].expires <= now
            || view->hpke[i].key.kem != ATTEST_KEM_X25519)
        {
            continue;
        }

        bad_enc = 0;

        rc = attest_ehbp_open_request(hpke, &view->hpke[i].key, ctx->enc,
                                      sealed->data, sealed->len,
                                      ctx->plain.data, &bad_enc);

        if (rc == ATTEST_OK) {
            ctx->key_index = i;
            ctx->key_id = view->hpke[i].id;
            return NGX_HTTP_ATTEST_ACCEPT;
        }

        /* nginx takes what is left in OpenSSL's queue for its own */
        ERR_clear_error();

        if (bad_enc) {
            return NGX_HTTP_ATTEST_MALFORMED;
        }

        if (rc == ATTEST_EMISMATCH) {
            /* a later frame: the first one has proved the key */
            return NGX_HTTP_ATTEST_NO_KEY;
        }

        if (rc != ATTEST_ECRYPTO) {
            return NGX_HTTP_ATTEST_INTERNAL;
        }
    }

    return NGX_HTTP_ATTEST_NO_KEY;
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
        ERR_clear_error();
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


/* An opened prompt is for the backend, not for a log format or a field. */

static ngx_int_t
ngx_http_attest_body_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_attest_ctx_t  *ctx;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL && ctx->sealed) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_attest_core_body_variable(r, v, data);
}


/*
 * The core gives the request body to anybody as a variable.  Its handler is
 * wrapped before nginx compiles the variables that the configuration uses.
 */

static void
ngx_http_attest_hide_body(ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *v;

    static ngx_str_t  name = ngx_string("request_body");

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len != name.len
            || ngx_strncmp(key[i].key.data, name.data, name.len) != 0)
        {
            continue;
        }

        v = key[i].value;

        if (v->get_handler != NULL
            && v->get_handler != ngx_http_attest_body_variable)
        {
            ngx_http_attest_core_body_variable = v->get_handler;
            v->get_handler = ngx_http_attest_body_variable;
        }
    }
}


ngx_int_t
ngx_http_attest_prompt_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    ngx_http_attest_hide_body(cmcf);

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

    ngx_http_attest_next_request_body_filter =
                                             ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_attest_prompt_limit;

    ngx_http_attest_upstream_init();

    return ngx_http_attest_ohttp_init(cf);
}


char *
ngx_http_attest_prompt_check(ngx_conf_t *cf, ngx_http_attest_loc_conf_t *alcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->client_body_in_file_only) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"client_body_in_file_only\" cannot be used with "
                           "\"attest_prompt\" in location \"%V\"",
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    /* nginx' default must not be what limits an encrypted prompt */

    ngx_http_attest_raise_body_size(((ngx_http_conf_ctx_t *)
                                     cf->ctx)->loc_conf,
                                    ngx_http_attest_max_body(alcf));

    if (clcf->handler == NULL
        || alcf->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_attest_prompt_check_proxy(cf, clcf);
}


/*
 * Plaintext must not reach a disk.  Other upstream modules, and proxy_pass
 * with variables, are handled when the response comes.
 */

static char *
ngx_http_attest_prompt_check_proxy(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    void                      *plcf;
    const char                *bad;
    ngx_http_upstream_conf_t  *u;

    /* its first member is ngx_http_upstream_conf_t in all versions */

    plcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);
    u = plcf;
    bad = NULL;

#if (NGX_HTTP_CACHE)
    if (u->cache) {
        bad = "\"proxy_cache\" cannot be used";
    }
#endif

    if (u->store) {
        bad = "\"proxy_store\" cannot be used";
    }

    if (bad == NULL && u->upstream != NULL) {

        if (u->buffering && u->max_temp_file_size) {
            bad = "\"proxy_buffering off\" or \"proxy_max_temp_file_size 0\" "
                  "is needed";

        } else if (ngx_http_attest_proxy_version(plcf)
                   < NGX_HTTP_VERSION_11)
        {
            /* in HTTP/1.0 a dead backend looks like the end of the answer */
            bad = "\"proxy_http_version 1.1\" is needed";
        }
    }

    if (bad != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s with \"attest_prompt\" in location \"%V\"",
                           bad, &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_attest_proxy_version(void *plcf)
{
    ngx_command_t         *cmd;
    static ngx_command_t  *known;   /* asked for with every response */

    for (cmd = ngx_http_proxy_module.commands;
         known == NULL && cmd->name.len;
         cmd++)
    {
        if (ngx_strcmp(cmd->name.data, "proxy_http_version") == 0) {
            known = cmd;
        }
    }

    return known ? *(ngx_uint_t *) ((char *) plcf + known->offset) : 0;
}
