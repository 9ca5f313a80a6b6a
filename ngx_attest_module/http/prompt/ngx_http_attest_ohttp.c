
/*
 * The Oblivious HTTP gateway, RFC 9458 and chunked: directives, the gateway
 * location, and how a request is opened.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"

#include <openssl/err.h>
#include <sodium.h>


#define NGX_HTTP_ATTEST_WINDOW       60     /* s: of Date, by default */
#define NGX_HTTP_ATTEST_MAX_WINDOW   86400
#define NGX_HTTP_ATTEST_MIN_PAD      16

#define NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY                                    \
    "https://iana.org/assignments/http-problem-types#ohttp-key"


typedef enum {
    NGX_HTTP_ATTEST_OHTTP_OK = 0,
    NGX_HTTP_ATTEST_OHTTP_EARLY,
    NGX_HTTP_ATTEST_OHTTP_TYPE,
    NGX_HTTP_ATTEST_OHTTP_MALFORMED,
    NGX_HTTP_ATTEST_OHTTP_TAMPERED,
    NGX_HTTP_ATTEST_OHTTP_TOO_LARGE,
    NGX_HTTP_ATTEST_OHTTP_TOO_LONG,
    NGX_HTTP_ATTEST_OHTTP_KEY,
    NGX_HTTP_ATTEST_OHTTP_DECRYPT,
    NGX_HTTP_ATTEST_OHTTP_REPLAYED,
    NGX_HTTP_ATTEST_OHTTP_FULL,
    NGX_HTTP_ATTEST_OHTTP_NO_EVIDENCE,
    NGX_HTTP_ATTEST_OHTTP_NO_MEMORY,
    NGX_HTTP_ATTEST_OHTTP_INTERNAL
} ngx_http_attest_ohttp_e;


typedef struct {
    ngx_uint_t    status;
    size_t        counter;          /* in ngx_http_attest_stats_t */
    const char   *type;
    const char   *title;
    const char   *detail;
    time_t        retry_after;
} ngx_http_attest_ohttp_refusal_t;


/*
 * A request that is being opened as it arrives.  What was read is in
 * ctx->plain, opened or not yet; of the ciphertext nothing else is kept.
 */

struct ngx_http_attest_opening_s {
    ngx_http_request_t       *r;
    ngx_http_attest_ctx_t    *ctx;
    ngx_http_attest_ohttp_t  *oh;
    ngx_http_attest_view_t   *view;         /* held: it has the key */
    attest_ohttp_t            request;
    attest_ohttp_opener_t     opener;
    size_t                    expected;     /* behind the head, at most */
    size_t                    len;          /* of a whole one, so far */
    unsigned                  begun:1;
    unsigned                  exact:1;      /* expected is what comes */
    unsigned                  opened:1;     /* a whole one */
};


static ngx_int_t ngx_http_attest_ohttp_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_ohttp_keys(ngx_http_request_t *r);
static ngx_uint_t ngx_http_attest_ohttp_wants_keys(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_ohttp_post(ngx_http_request_t *r);
static ngx_uint_t ngx_http_attest_ohttp_early(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_ohttp_read(ngx_http_request_t *r,
    attest_ohttp_form_e form);
static ngx_uint_t ngx_http_attest_ohttp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
static void ngx_http_attest_ohttp_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_attest_ohttp_done(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_uint_t why);
static ngx_int_t ngx_http_attest_ohttp_refuse(ngx_http_request_t *r,
    ngx_http_attest_ohttp_e why);

static void ngx_http_attest_ohttp_expect(ngx_http_attest_opening_t *op);
static ngx_uint_t ngx_http_attest_ohttp_piece(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n);
static ngx_uint_t ngx_http_attest_ohttp_lacks(ngx_http_attest_opening_t *op);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_gather(
    ngx_http_attest_opening_t *op, u_char *p, size_t n);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_whole(
    ngx_http_attest_opening_t *op, u_char *ct);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_begin(
    ngx_http_attest_opening_t *op);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_recipient(
    ngx_http_attest_opening_t *op);
static ngx_uint_t ngx_http_attest_ohttp_member(ngx_http_attest_view_t *view,
    const attest_keyconfig_t *kc);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_finish(
    ngx_http_attest_opening_t *op);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_admit(
    ngx_http_attest_opening_t *op);
static void ngx_http_attest_ohttp_once(ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ohttp_reject(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc);
static ngx_http_attest_ohttp_e ngx_http_attest_ohttp_code(
    ngx_http_attest_opening_t *op, int rc);
static void ngx_http_attest_ohttp_drop(ngx_http_attest_ohttp_t *oh);
static void ngx_http_attest_ohttp_cleanup(ngx_http_attest_ctx_t *ctx);

static ngx_int_t ngx_http_attest_ohttp_log(ngx_http_request_t *r);
static void ngx_http_attest_ohttp_outer(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh);
static u_char *ngx_http_attest_ohttp_log_error(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);

static ngx_int_t ngx_http_attest_ohttp_target(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_attest_allow_t *allow);
static char *ngx_http_attest_ohttp_window(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_attest_loc_conf_t *alcf);


static ngx_http_attest_ohttp_refusal_t  ngx_http_attest_ohttp_refusals[] = {

    { 0, 0, NULL, NULL, NULL, 0 },

    { 425, offsetof(ngx_http_attest_stats_t, refused_replay), NULL,
      "Too Early",
      "encapsulated requests are not taken from early data", 0 },

    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
      offsetof(ngx_http_attest_stats_t, refused_required), NULL,
      "Unsupported Media Type",
      "message/ohttp-req and message/ohttp-chunked-req are possible", 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encapsulated request",
      "the message ends before its ciphertext", 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encapsulated request",
      "a chunk was changed or lost on its way, the first was not", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encapsulated request too large",
      "the message exceeds what attest_prompt_max_size allows", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encapsulated request too large",
      "the encapsulated request exceeds client_max_body_size", 0 },

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY,
      "Unknown key configuration",
      "fetch the current key configuration and try again", 0 },

    { 422,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY,
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

    { NGX_HTTP_INTERNAL_SERVER_ERROR, 0, NULL,
      "Internal Server Error",
      "the request could not be processed", 0 }
};


static const ngx_http_attest_format_t  ngx_http_attest_ohttp_format = {
    ngx_http_attest_ohttp_reject,
    ngx_http_attest_ohttp_head,
    ngx_http_attest_ohttp_frame,
    ngx_http_attest_ohttp_end,
    ngx_http_attest_ohttp_cleanup
};

static const ngx_http_attest_intake_t  ngx_http_attest_ohttp_intake = {
    ngx_http_attest_ohttp_piece,
    ngx_http_attest_ohttp_fresh,
    ngx_http_attest_ohttp_done,
    ngx_http_attest_ohttp_failed
};


static ngx_str_t  ngx_http_attest_ohttp_keys_type =
    ngx_string("application/ohttp-keys");


/* RFC 9540 section 5: keys and gateway are the same resource. */

static ngx_int_t
ngx_http_attest_ohttp_handler(ngx_http_request_t *r)
{
    ngx_str_t                    value;
    ngx_http_attest_ctx_t       *ctx;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (alcf->allow == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_attest_prompt_ctx(r);

    if (r != r->main || (ctx != NULL && ctx->sealed)) {
        /* a gateway within the gateway */
        return NGX_HTTP_NOT_FOUND;
    }

    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return ngx_http_attest_ohttp_keys(r);

    case NGX_HTTP_POST:
        return ngx_http_attest_ohttp_post(r);

    default:
        ngx_str_set(&value, "GET, HEAD, POST");

        if (ngx_http_attest_add_header(r, "Allow", &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_attest_problem(r, NGX_HTTP_NOT_ALLOWED, NULL,
                                       "Method Not Allowed",
                                       "see the Allow field", 0);
    }
}


/* The list exactly as it is hashed in the claims. */

static ngx_int_t
ngx_http_attest_ohttp_keys(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_http_attest_ohttp_wants_keys(r)) {
        return ngx_http_attest_problem(r, 406, NULL,
                                       "Not Acceptable",
                                       "there is only "
                                       "application/ohttp-keys", 0);
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);

    if (view == NULL || view->key_list.len == 0) {
        return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       NGX_HTTP_ATTEST_URN "no-evidence",
                                       "No valid evidence",
                                       "the gateway has no valid evidence "
                                       "and therefore serves nothing", 10);
    }

    if (ngx_http_attest_view_ref(r, view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a client must not seal to a key that was rotated out meanwhile */

    return ngx_http_attest_send(r, NGX_HTTP_OK,
                                &ngx_http_attest_ohttp_keys_type, "no-store",
                                &view->key_list);
}


static ngx_uint_t
ngx_http_attest_ohttp_wants_keys(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    accept = ngx_http_attest_field(r, "accept", 6);

    return accept == NULL
           || ngx_strlcasestrn(accept->data, accept->data + accept->len,
                               (u_char *) "application/ohttp-keys", 22 - 1)
              != NULL
           || ngx_strlcasestrn(accept->data, accept->data + accept->len,
                               (u_char *) "*/*", 3 - 1)
              != NULL
           || ngx_strlcasestrn(accept->data, accept->data + accept->len,
                               (u_char *) "application/*", 13 - 1)
              != NULL;
}


static ngx_int_t
ngx_http_attest_ohttp_post(ngx_http_request_t *r)
{
    ngx_str_t                   *type;
    attest_ohttp_form_e          form;
    ngx_http_attest_loc_conf_t  *alcf;

    if (ngx_http_attest_ohttp_early(r)) {
        return ngx_http_attest_ohttp_refuse(r, NGX_HTTP_ATTEST_OHTTP_EARLY);
    }

    type = ngx_http_attest_field(r, "content-type", 12);

    if (type == NULL
        || attest_ohttp_request_type(type->data, type->len, &form)
           != ATTEST_OK)
    {
        return ngx_http_attest_ohttp_refuse(r, NGX_HTTP_ATTEST_OHTTP_TYPE);
    }

    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return ngx_http_attest_ohttp_refuse(r,
                                            NGX_HTTP_ATTEST_OHTTP_MALFORMED);
    }

    if (r->discard_body || (r->request_body != NULL && r->err_status)) {

        /* refused by nginx, and redirected here by error_page */

        return ngx_http_attest_ohttp_refuse(r,
                               (r->err_status
                                == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
                               ? NGX_HTTP_ATTEST_OHTTP_TOO_LONG
                               : NGX_HTTP_ATTEST_OHTTP_MALFORMED);
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    if (r->headers_in.content_length_n > ngx_http_attest_max_body(alcf)) {
        return ngx_http_attest_ohttp_refuse(r,
                                            NGX_HTTP_ATTEST_OHTTP_TOO_LARGE);
    }

    return ngx_http_attest_ohttp_read(r, form);
}


/* RFC 8470: whoever stands on the way can replay early data. */

static ngx_uint_t
ngx_http_attest_ohttp_early(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    if (r->connection->ssl != NULL
        && !SSL_is_init_finished(r->connection->ssl->connection))
    {
        return 1;
    }

#endif

    return 0;
}


static ngx_int_t
ngx_http_attest_ohttp_read(ngx_http_request_t *r, attest_ohttp_form_e form)
{
    ngx_int_t                   rc;
    ngx_http_attest_ctx_t      *ctx;
    ngx_http_attest_ohttp_t    *oh;
    ngx_http_attest_opening_t  *op;

    ctx = ngx_http_attest_prompt_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    oh = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_ohttp_t));
    if (oh == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_opening_t));
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->r = r;
    op->ctx = ctx;
    op->oh = oh;

    oh->form = form;
    oh->gateway = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);
    oh->opening = op;

    ctx->ohttp = oh;
    ctx->format = &ngx_http_attest_ohttp_format;

    rc = ngx_http_attest_body_read(r, ctx, &ngx_http_attest_ohttp_intake);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_attest_ohttp_refuse(r,
                                            NGX_HTTP_ATTEST_OHTTP_TOO_LONG);
    }

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* A slow upload must not keep a key that is retired. */

static ngx_uint_t
ngx_http_attest_ohttp_fresh(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t      *oh;
    ngx_http_attest_main_conf_t  *amcf;

    oh = ctx->ohttp;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    return (oh->opening->begun && oh->expires <= ngx_http_attest_now(amcf))
           ? NGX_HTTP_ATTEST_OHTTP_KEY : NGX_HTTP_ATTEST_OHTTP_OK;
}


/* Too slow, too much, or gone; error_page may redirect it to here again. */

static void
ngx_http_attest_ohttp_failed(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_attest_ohttp_drop(ctx->ohttp);
    ngx_http_attest_prompt_ctx_wipe(ctx);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        ctx->reading = 0;
        rc = ngx_http_attest_ohttp_refuse(r, NGX_HTTP_ATTEST_OHTTP_TOO_LONG);
    }

    ngx_http_finalize_request(r, rc);
}


static void
ngx_http_attest_ohttp_done(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    ngx_uint_t why)
{
    ngx_http_attest_opening_t  *op;

    op = ctx->ohttp->opening;

    if (why == NGX_HTTP_ATTEST_BODY_UNREADABLE) {
        why = NGX_HTTP_ATTEST_OHTTP_INTERNAL;
    }

    if (why == NGX_HTTP_ATTEST_OHTTP_OK) {
        why = ngx_http_attest_ohttp_finish(op);
    }

    if (why == NGX_HTTP_ATTEST_OHTTP_OK) {
        why = ngx_http_attest_ohttp_admit(op);
    }

    /* the keys of the request are needed no longer */

    ngx_http_attest_ohttp_drop(ctx->ohttp);

    /* nginx takes what is left in OpenSSL's queue for its own */
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }

    if (why != NGX_HTTP_ATTEST_OHTTP_OK) {
        ngx_http_attest_prompt_ctx_wipe(ctx);
        ngx_http_finalize_request(r, ngx_http_attest_ohttp_refuse(r, why));
        return;
    }

    /* from here on every response is sealed, and logs are told less */

    ctx->sealed = 1;
    r->log_handler = ngx_http_attest_ohttp_log_error;

    ngx_http_attest_ohttp_enter(r, ctx);
}


static ngx_int_t
ngx_http_attest_ohttp_refuse(ngx_http_request_t *r,
    ngx_http_attest_ohttp_e why)
{
    u_char                           *p;
    ngx_http_attest_ctx_t            *ctx;
    ngx_http_attest_main_conf_t      *amcf;
    ngx_http_attest_ohttp_refusal_t  *no;

    no = &ngx_http_attest_ohttp_refusals[why];

    ctx = ngx_http_attest_prompt_ctx(r);

    if (ctx != NULL) {
        ctx->status = no->status;
    }

    if (why != NGX_HTTP_ATTEST_OHTTP_INTERNAL) {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        p = (u_char *) ngx_http_attest_stats(amcf) + no->counter;
        (void) ngx_atomic_fetch_add((ngx_atomic_t *) p, 1);
    }

    return ngx_http_attest_problem(r, no->status, no->type, no->title,
                                   no->detail, no->retry_after);
}


/* How much comes, at most, and whether this is known. */

static void
ngx_http_attest_ohttp_expect(ngx_http_attest_opening_t *op)
{
    off_t                n;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = op->r;
    n = 0;

    if (!r->reading_body) {

        for (cl = r->request_body->bufs; cl; cl = cl->next) {
            n += ngx_buf_size(cl->buf);
        }

        op->exact = 1;

    } else if (r->headers_in.chunked) {
        /* what nginx calls its length is what came so far */
        n = ngx_http_attest_max_body(op->oh->gateway);

    } else {
        n = r->headers_in.content_length_n;
        op->exact = 1;
    }

    op->expected = (size_t) n;
}


static ngx_uint_t
ngx_http_attest_ohttp_piece(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    u_char *p, size_t n)
{
    int                         rc;
    size_t                      used;
    ngx_http_attest_ohttp_e     why;
    ngx_http_attest_opening_t  *op;

    op = ctx->ohttp->opening;

    if (!op->begun) {

        if (op->expected == 0) {
            ngx_http_attest_ohttp_expect(op);
        }

        rc = attest_ohttp_head_feed(&op->oh->head, p, n, &used);
        if (rc != ATTEST_OK) {
            return ngx_http_attest_ohttp_code(op, rc);
        }

        p += used;
        n -= used;

        if (!op->oh->head.whole) {
            return ngx_http_attest_ohttp_lacks(op)
                   ? NGX_HTTP_ATTEST_OHTTP_KEY : NGX_HTTP_ATTEST_OHTTP_OK;
        }

        op->expected -= ngx_min(op->expected, op->oh->head.len);

        why = ngx_http_attest_ohttp_begin(op);
        if (why != NGX_HTTP_ATTEST_OHTTP_OK) {
            return why;
        }
    }

    return (n != 0) ? ngx_http_attest_ohttp_gather(op, p, n)
                    : NGX_HTTP_ATTEST_OHTTP_OK;
}


/* A KEM that we have no key of: its long enc is not waited for. */

static ngx_uint_t
ngx_http_attest_ohttp_lacks(ngx_http_attest_opening_t *op)
{
    attest_ohttp_header_t         header;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(op->r, ngx_http_attest_module);

    return attest_ohttp_parse_header(op->oh->head.bytes, op->oh->head.len,
                                     &header)
           == ATTEST_OK
           && header.suite.kem != ATTEST_KEM_X25519
           && !(header.suite.kem == ATTEST_KEM_XWING
                && (amcf->kems & NGX_HTTP_ATTEST_KEM_XWING));
}


/* Behind what is there already; a chunk is opened as soon as it is whole. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_gather(ngx_http_attest_opening_t *op, u_char *p,
    size_t n)
{
    int                     rc;
    size_t                  used;
    ngx_http_attest_ctx_t  *ctx;

    ctx = op->ctx;

    used = (op->oh->form == ATTEST_OHTTP_CHUNKED)
           ? op->opener.plain + op->opener.have : op->len;

    switch (ngx_http_attest_prompt_ctx_grow(ctx, used + n)) {

    case NGX_OK:
        break;

    case NGX_BUSY:
        return NGX_HTTP_ATTEST_OHTTP_NO_MEMORY;

    default: /* NGX_DECLINED */
        return NGX_HTTP_ATTEST_OHTTP_TOO_LARGE;
    }

    if (op->oh->form == ATTEST_OHTTP_CHUNKED) {

        /* with its lengths and tags it is always more than what is kept */

        op->opener.buf = ctx->plain.data;
        op->opener.room = ctx->usable;

        rc = attest_ohttp_opener_feed(&op->opener, p, n, &used);

        return ngx_http_attest_ohttp_code(op, rc);
    }

    if (n > ctx->plain.len - op->len) {
        return NGX_HTTP_ATTEST_OHTTP_TOO_LARGE;
    }

    if (op->len == 0 && op->exact && n == op->expected) {

        /* all of it: opened from where it lies, which is good until then */

        op->len = n;
        return ngx_http_attest_ohttp_whole(op, p);
    }

    ngx_memcpy(ctx->plain.data + op->len, p, n);
    op->len += n;

    return NGX_HTTP_ATTEST_OHTTP_OK;
}


/* All of a message that is not chunked, here or in its own place. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_whole(ngx_http_attest_opening_t *op, u_char *ct)
{
    int  rc;

    rc = attest_ohttp_open_request(&op->request, ct, op->len,
                                   op->ctx->plain.data);

    op->opened = 1;
    op->oh->message = op->len - ATTEST_OHTTP_TAG_LEN;

    return ngx_http_attest_ohttp_code(op, rc);
}


/* The head is there: which key, and where what comes is put. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_begin(ngx_http_attest_opening_t *op)
{
    int                       rc;
    size_t                    max;
    attest_ohttp_limits_t     limits;
    ngx_http_attest_ohttp_e   why;

    why = ngx_http_attest_ohttp_recipient(op);
    if (why != NGX_HTTP_ATTEST_OHTTP_OK) {
        return why;
    }

    op->begun = 1;

    max = ngx_http_attest_max_message(op->oh->gateway);

    if (op->oh->form != ATTEST_OHTTP_CHUNKED && op->exact
        && op->expected > max + ATTEST_OHTTP_TAG_LEN)
    {
        return NGX_HTTP_ATTEST_OHTTP_TOO_LARGE;
    }

    /* what is opened is shorter than what is sealed */

    op->ctx->plain.len = ngx_min(op->expected, max) + ATTEST_OHTTP_TAG_LEN;

    if (op->oh->form != ATTEST_OHTTP_CHUNKED) {
        return NGX_HTTP_ATTEST_OHTTP_OK;
    }

    limits.max_chunk = max;
    limits.max_total = max;

    /* each has a byte of the message at least */
    limits.max_chunks = SIZE_MAX;

    rc = attest_ohttp_opener_request(&op->opener, &op->request, &limits,
                                     NULL, 0);

    return ngx_http_attest_ohttp_code(op, rc);
}


/* Only keys that are published, and that have not run out. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_recipient(ngx_http_attest_opening_t *op)
{
    int                           rc;
    size_t                        i, n, count, which;
    time_t                        now;
    ngx_uint_t                    k, key[NGX_HTTP_ATTEST_MEMBERS];
    attest_keyconfig_t            kc[NGX_HTTP_ATTEST_MEMBERS];
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(op->r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, op->r->connection->log);
    if (view == NULL) {
        return NGX_HTTP_ATTEST_OHTTP_NO_EVIDENCE;
    }

    count = NGX_HTTP_ATTEST_MEMBERS;

    if (view->key_list.len == 0
        || attest_keyconfig_parse_list(view->key_list.data,
                                       view->key_list.len, kc, NULL, &count)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_OHTTP_INTERNAL;
    }

    now = ngx_http_attest_now(amcf);

    for (i = 0, n = 0; i < count; i++) {
        k = ngx_http_attest_ohttp_member(view, &kc[i]);

        if (k != NGX_HTTP_ATTEST_KEYS && view->hpke[k].expires > now) {
            key[n] = k;
            kc[n++] = kc[i];
        }
    }

    rc = attest_ohttp_select(&op->oh->head.header, kc, n, &which);
    if (rc != ATTEST_OK) {
        return NGX_HTTP_ATTEST_OHTTP_KEY;
    }

    i = key[which];

    rc = attest_ohttp_recipient(&op->request, op->oh->form, &kc[which],
                                &view->hpke[i].key, &op->oh->head);

    op->ctx->key_index = i;
    op->ctx->key_id = view->hpke[i].id;
    op->oh->expires = view->hpke[i].expires;
    op->oh->born = view->hpke[i].born;

    op->view = view;
    ngx_http_attest_view_key_use(view, i);

    return ngx_http_attest_ohttp_code(op, rc);
}


/* Which key a member of the list is of: several may be of the same. */

static ngx_uint_t
ngx_http_attest_ohttp_member(ngx_http_attest_view_t *view,
    const attest_keyconfig_t *kc)
{
    ngx_uint_t          i;
    attest_kem_key_t   *key;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        key = &view->hpke[i].key;

        if (view->hpke[i].set && key->kem == kc->kem
            && key->pk_len == kc->pk.n
            && ngx_memcmp(key->pk, kc->pk.p, kc->pk.n) == 0)
        {
            break;
        }
    }

    return i;
}


/* Nothing may be acted on before this succeeded. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_finish(ngx_http_attest_opening_t *op)
{
    int                      rc;
    ngx_http_attest_ohttp_e  why;

    if (!op->begun) {
        return NGX_HTTP_ATTEST_OHTTP_MALFORMED;
    }

    if (op->oh->form != ATTEST_OHTTP_CHUNKED) {
        why = op->opened ? NGX_HTTP_ATTEST_OHTTP_OK
                         : ngx_http_attest_ohttp_whole(op,
                                                       op->ctx->plain.data);

    } else {
        rc = attest_ohttp_opener_finish(&op->opener);
        op->oh->message = op->opener.plain;
        why = ngx_http_attest_ohttp_code(op, rc);
    }

    if (why == NGX_HTTP_ATTEST_OHTTP_OK && op->oh->message != 0) {
        ngx_http_attest_locked_trim(op->ctx->plain.data, op->oh->message);
        op->ctx->usable = op->oh->message;
    }

    return why;
}


/* What it will be remembered by, and the key of the response. */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_admit(ngx_http_attest_opening_t *op)
{
    ngx_http_attest_ohttp_t      *oh;
    ngx_http_attest_main_conf_t  *amcf;

    oh = op->oh;

    /* it may have taken long to arrive */

    amcf = ngx_http_get_module_main_conf(op->r, ngx_http_attest_module);

    if (ngx_http_attest_view(amcf, op->r->connection->log) == NULL) {
        return NGX_HTTP_ATTEST_OHTTP_NO_EVIDENCE;
    }

    if (oh->expires <= ngx_http_attest_now(amcf)) {
        return NGX_HTTP_ATTEST_OHTTP_KEY;
    }

    ngx_http_attest_ohttp_once(op->ctx);

    oh->nonce_len = attest_ohttp_nonce_len(oh->head.header.suite.aead);

    if (oh->nonce_len == 0
        || ngx_http_attest_nonce(oh->nonce, oh->nonce_len) != NGX_OK
        || attest_ohttp_sealer_response(&oh->sealer, &op->request, oh->nonce)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_OHTTP_INTERNAL;
    }

    return NGX_HTTP_ATTEST_OHTTP_OK;
}


static void
ngx_http_attest_ohttp_once(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_once_t   *once;
    ngx_http_attest_ohttp_t  *oh;

    once = &ctx->once;
    oh = ctx->ohttp;

    /* by the encapsulated key, which follows the header */

    once->enc = oh->head.bytes + ATTEST_OHTTP_HEADER_LEN;
    once->len = oh->head.len - ATTEST_OHTTP_HEADER_LEN;
    once->born = oh->born;
    once->expires = oh->expires;

    /* by Date: until the fields inside say it */

    once->until = oh->expires;

    /* takes everything but what another location has taken */

    once->look = (oh->gateway->replay == NGX_HTTP_ATTEST_REPLAY_OFF);
}


static ngx_int_t
ngx_http_attest_ohttp_reject(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_attest_ohttp_e  why;

    ngx_http_attest_ohttp_outer(r, ctx->ohttp);
    r->loc_conf = ctx->ohttp->loc_conf;

    why = (rc == NGX_DECLINED) ? NGX_HTTP_ATTEST_OHTTP_REPLAYED
          : (rc == NGX_BUSY) ? NGX_HTTP_ATTEST_OHTTP_FULL
                             : NGX_HTTP_ATTEST_OHTTP_KEY;

    ngx_http_finalize_request(r, ngx_http_attest_ohttp_refuse(r, why));

    return NGX_DONE;
}


/*
 * Cut, changed, or for another key: one answer for all, as long as no chunk
 * has proved the key.  Afterwards another key would be of no use.
 */

static ngx_http_attest_ohttp_e
ngx_http_attest_ohttp_code(ngx_http_attest_opening_t *op, int rc)
{
    switch (rc) {

    case ATTEST_OK:
        return NGX_HTTP_ATTEST_OHTTP_OK;

    case ATTEST_EUNSUPPORTED:
    case ATTEST_EMISMATCH:
        return NGX_HTTP_ATTEST_OHTTP_KEY;

    case ATTEST_ELIMIT:
        return NGX_HTTP_ATTEST_OHTTP_TOO_LARGE;

    case ATTEST_ECRYPTO:
    case ATTEST_EFORMAT:
        return op->opener.chunks ? NGX_HTTP_ATTEST_OHTTP_TAMPERED
                                 : NGX_HTTP_ATTEST_OHTTP_DECRYPT;

    default:
        return NGX_HTTP_ATTEST_OHTTP_INTERNAL;
    }
}


/* What opens a request; the memory that it is opened in stays. */

static void
ngx_http_attest_ohttp_drop(ngx_http_attest_ohttp_t *oh)
{
    ngx_http_attest_opening_t  *op;

    op = oh->opening;

    if (op == NULL) {
        return;
    }

    oh->opening = NULL;

    attest_ohttp_clear(&op->request);

    if (op->view != NULL) {
        ngx_http_attest_view_key_done(op->view, op->ctx->key_index);
    }
}


static void
ngx_http_attest_ohttp_cleanup(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->ohttp;

    ngx_http_attest_ohttp_drop(oh);

    attest_ohttp_sealer_clear(&oh->sealer);

    if (oh->path.data != NULL) {
        ngx_http_attest_locked_free(oh->path.data);
    }

    if (oh->cookie.data != NULL) {
        ngx_http_attest_locked_free(oh->cookie.data);
    }

    if (oh->pending.len) {
        sodium_memzero(oh->pending.data, oh->pending.len);
        oh->pending.len = 0;
    }
}


/*
 * Before all that write logs: whatever their formats print of the request,
 * they print of the outer one.
 */

static ngx_int_t
ngx_http_attest_ohttp_log(ngx_http_request_t *r)
{
    ngx_http_attest_ctx_t    *ctx;
    ngx_http_attest_ohttp_t  *oh;

    ctx = (r == r->main) ? ngx_http_attest_prompt_ctx(r) : NULL;

    if (ctx == NULL || ctx->ohttp == NULL || !ctx->ohttp->inner) {
        return NGX_OK;
    }

    oh = ctx->ohttp;

    /* the backend's fields are variables too */

    if (r->upstream != NULL) {
        ngx_memzero(&r->upstream->headers_in,
                    sizeof(ngx_http_upstream_headers_in_t));
    }

    ngx_http_attest_ohttp_outer(r, oh);

    return NGX_OK;
}


static void
ngx_http_attest_ohttp_outer(ngx_http_request_t *r,
    ngx_http_attest_ohttp_t *oh)
{
    ngx_http_core_main_conf_t  *cmcf;

    r->headers_in = oh->headers_in;
    r->method = oh->method;
    r->method_name = oh->method_name;
    r->uri = oh->uri;
    r->args = oh->args;
    r->unparsed_uri = oh->unparsed_uri;
    r->exten = oh->exten;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    ngx_memzero(r->variables,
                cmcf->variables.nelts * sizeof(ngx_http_variable_value_t));

#if (NGX_PCRE)
    r->ncaptures = 0;
#endif
}


/* nginx' own would add path, host and referrer of the inner request. */

static u_char *
ngx_http_attest_ohttp_log_error(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V, request: \"%V\"",
                     &cscf->server_name, &r->request_line);
    len -= p - buf;
    buf = p;

    if (sr->upstream != NULL && sr->upstream->peer.name != NULL) {
        p = ngx_snprintf(buf, len, ", upstream: \"%V%V\"",
                         &sr->upstream->schema, sr->upstream->peer.name);
    }

    return p;
}


ngx_int_t
ngx_http_attest_ohttp_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* phases run from the last to the first: before "return" */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_ohttp_gate;

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    /* this phase runs from the first to the last */

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    h[0] = ngx_http_attest_ohttp_log;

    return NGX_OK;
}


const char *
ngx_http_attest_ohttp_name(ngx_http_attest_ctx_t *ctx)
{
    if (ctx->ohttp == NULL) {
        return "ehbp";
    }

    return (ctx->ohttp->form == ATTEST_OHTTP_CHUNKED) ? "ohttp-chunked"
                                                      : "ohttp";
}


ngx_uint_t
ngx_http_attest_ohttp_status(ngx_http_attest_ctx_t *ctx)
{
    return (ctx->ohttp != NULL && ctx->head_sent) ? ctx->ohttp->status : 0;
}


/* attest_prompt ohttp */

char *
ngx_http_attest_ohttp_location(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    if (!(cf->cmd_type & NGX_HTTP_LOC_CONF)) {
        return "\"ohttp\" must be in a location of its own";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named) {
        return "\"ohttp\" cannot be in a named location";
    }

    clcf->handler = ngx_http_attest_ohttp_handler;
    alcf->prompt_conf = NGX_HTTP_ATTEST_PROMPT_OHTTP;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->ohttp = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_attest_ohttp_check(ngx_conf_t *cf, ngx_http_attest_loc_conf_t *alcf)
{
    const char                   *bad;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    bad = NULL;

    if (alcf->prompt != NGX_HTTP_ATTEST_PROMPT_OHTTP) {
        bad = "\"attest_ohttp_allow\" needs \"attest_prompt ohttp\"";

    } else if (alcf->allow == NULL) {
        bad = "\"attest_prompt ohttp\" needs \"attest_ohttp_allow\"";

    } else if (alcf->endpoint
               || clcf->handler != ngx_http_attest_ohttp_handler)
    {
        bad = "\"attest_prompt ohttp\" conflicts with another handler";

    } else if (clcf->client_body_in_file_only) {
        bad = "\"client_body_in_file_only\" cannot be used with "
              "\"attest_prompt ohttp\"";
    }

    if (bad != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in location \"%V\"",
                           bad, &clcf->name);
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->prompts = 1;

    /* what one location has taken must not be taken by another */

    if (alcf->replay == NGX_HTTP_ATTEST_REPLAY_KEY) {
        amcf->replay_key = 1;

    } else if (alcf->replay == NGX_HTTP_ATTEST_REPLAY_DATE) {
        amcf->window = ngx_max(amcf->window, alcf->window);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_attest_ohttp_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_http_attest_allow_t  *allow;

    value = cf->args->elts;

    if (alcf->allow == NULL) {
        alcf->allow = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                       sizeof(ngx_http_attest_allow_t));
        if (alcf->allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {
        allow = ngx_array_push(alcf->allow);
        if (allow == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_attest_ohttp_target(cf, &value[i], allow) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid target \"%V\" in "
                               "\"attest_ohttp_allow\", it must be like "
                               "\"example.com\" or \"example.com:8443/v1/\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_target(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_attest_allow_t *allow)
{
    u_char  *p, *last;

    last = value->data + value->len;

    p = ngx_strlchr(value->data, last, '/');
    if (p == NULL) {
        p = last;
    }

    allow->path.data = p;
    allow->path.len = last - p;
    allow->authority.len = p - value->data;

    if (attest_bhttp_is_authority(value->data, allow->authority.len) != 1
        || (p != last && attest_bhttp_is_plain_path(p, last - p) != 1)
        || ngx_strlchr(p, last, '%') != NULL
        || ngx_strlchr(p, last, '?') != NULL)
    {
        return NGX_ERROR;
    }

    allow->authority.data = ngx_pnalloc(cf->pool, allow->authority.len);
    if (allow->authority.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(allow->authority.data, value->data, allow->authority.len);

    return NGX_OK;
}


/* attest_ohttp_replay */

char *
ngx_http_attest_ohttp_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t  *value;

    if (alcf->replay != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "key") == 0) {
        alcf->replay = NGX_HTTP_ATTEST_REPLAY_KEY;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->replay = NGX_HTTP_ATTEST_REPLAY_OFF;

    } else if (ngx_strcmp(value[1].data, "date") == 0) {
        alcf->replay = NGX_HTTP_ATTEST_REPLAY_DATE;
        alcf->window = NGX_HTTP_ATTEST_WINDOW;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_ohttp_replay\", "
                           "it must be \"key\", \"date\" or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return (cf->args->nelts == 3)
           ? ngx_http_attest_ohttp_window(cf, &value[2], alcf) : NGX_CONF_OK;
}


/* window=TIME */

static char *
ngx_http_attest_ohttp_window(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_attest_loc_conf_t *alcf)
{
    time_t     n;
    ngx_str_t  s;

    n = NGX_ERROR;

    if (alcf->replay == NGX_HTTP_ATTEST_REPLAY_DATE
        && ngx_strncmp(value->data, "window=", 7) == 0)
    {
        s.data = value->data + 7;
        s.len = value->len - 7;
        n = ngx_parse_time(&s, 1);
    }

    if (n < 1 || n > NGX_HTTP_ATTEST_MAX_WINDOW) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"attest_ohttp_replay\", only \"date\" has one, "
                           "\"window=TIME\", from 1s to 1d", value);
        return NGX_CONF_ERROR;
    }

    alcf->window = n;
    return NGX_CONF_OK;
}


/* attest_ohttp_pad */

char *
ngx_http_attest_ohttp_pad(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ssize_t     n;
    ngx_str_t  *value;

    if (alcf->pad != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->pad = 0;
        return NGX_CONF_OK;
    }

    n = ngx_parse_size(&value[1]);

    if (n < NGX_HTTP_ATTEST_MIN_PAD || n > ATTEST_OHTTP_MAX_CHUNK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"attest_ohttp_pad\", it "
                           "must be \"off\" or from 16 to 16k", &value[1]);
        return NGX_CONF_ERROR;
    }

    alcf->pad = n;
    return NGX_CONF_OK;
}


/* attest_ohttp_xwing */

char *
ngx_http_attest_ohttp_xwing(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->xwing_conf != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") == 0) {
        amcf->xwing_conf = NGX_HTTP_ATTEST_XWING_AUTO;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        amcf->xwing_conf = NGX_HTTP_ATTEST_XWING_OFF;

    } else if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_ohttp_xwing\", "
                           "it must be \"auto\", \"on\" or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;

    } else if (!attest_xwing_available()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"attest_ohttp_xwing on\" needs ML-KEM-768, which "
                           "%s does not have, OpenSSL 3.5 does",
                           OpenSSL_version(OPENSSL_VERSION));
        return NGX_CONF_ERROR;

    } else {
        amcf->xwing_conf = NGX_HTTP_ATTEST_XWING_ON;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_attest_ohttp_kems(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    ngx_conf_init_uint_value(amcf->xwing_conf, NGX_HTTP_ATTEST_XWING_AUTO);

    if (!amcf->prompts) {
        return NGX_OK;
    }

    /* without OHTTP all keys have EHBP's suite alone */

    if (amcf->keys || !amcf->ohttp) {
        amcf->kems |= NGX_HTTP_ATTEST_KEM_X25519;
    }

    if (amcf->ohttp) {
        amcf->kems |= NGX_HTTP_ATTEST_KEM_SUITES;

        if (amcf->xwing_conf != NGX_HTTP_ATTEST_XWING_OFF
            && attest_xwing_available())
        {
            amcf->kems |= NGX_HTTP_ATTEST_KEM_XWING;
        }
    }

    return NGX_OK;
}
