/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Oblivious HTTP, RFC 9458 and chunked: the gateway location, and how a
 * request is opened.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_nonce.h"
#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"

#include <sodium.h>


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


static ngx_int_t ngx_http_attest_ohttp_keys(ngx_http_request_t *r);
static ngx_uint_t ngx_http_attest_ohttp_wants_keys(ngx_http_request_t *r);
static ngx_uint_t ngx_http_attest_ohttp_accepts(ngx_str_t *accept,
    const char *type);
static ngx_int_t ngx_http_attest_ohttp_form(ngx_http_request_t *r,
    attest_ohttp_form_e *form);
static ngx_uint_t ngx_http_attest_ohttp_early(ngx_http_request_t *r);

static void ngx_http_attest_ohttp_expect(ngx_http_attest_opening_t *op);
static ngx_uint_t ngx_http_attest_ohttp_lacks_key(
    ngx_http_attest_opening_t *op);
static ngx_int_t ngx_http_attest_ohttp_gather(ngx_http_attest_opening_t *op,
    u_char *p, size_t n);
static ngx_int_t ngx_http_attest_ohttp_whole(ngx_http_attest_opening_t *op,
    u_char *ct);
static ngx_int_t ngx_http_attest_ohttp_begin(ngx_http_attest_opening_t *op);
static ngx_int_t ngx_http_attest_ohttp_recipient(
    ngx_http_attest_opening_t *op);
static ngx_uint_t ngx_http_attest_ohttp_member(ngx_http_attest_view_t *view,
    const attest_keyconfig_t *kc);
static ngx_int_t ngx_http_attest_ohttp_opened(ngx_http_attest_opening_t *op);
static ngx_int_t ngx_http_attest_ohttp_admit(ngx_http_attest_opening_t *op);
static void ngx_http_attest_ohttp_once(ngx_http_attest_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ohttp_code(ngx_http_attest_opening_t *op,
    int rc);


static ngx_str_t  ngx_http_attest_ohttp_keys_type =
    ngx_string("application/ohttp-keys");


/* RFC 9540 section 5: keys and gateway are the same resource. */

ngx_int_t
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
        return ngx_http_attest_prompt_open(r, alcf);

    default:
        ngx_str_set(&value, "GET, HEAD, POST");

        if (ngx_http_attest_answer_field(r, "Allow", &value) != NGX_OK) {
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
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_CLOSED);
    }

    if (ngx_http_attest_view_ref(r, view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a client must not seal to a key that was rotated out meanwhile */

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  &ngx_http_attest_ohttp_keys_type, "no-store",
                                  &view->key_list);
}


static ngx_uint_t
ngx_http_attest_ohttp_wants_keys(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    accept = ngx_http_attest_fields_get(r, "accept");

    return accept == NULL
           || ngx_http_attest_ohttp_accepts(accept, "application/ohttp-keys")
           || ngx_http_attest_ohttp_accepts(accept, "*/*")
           || ngx_http_attest_ohttp_accepts(accept, "application/*");
}


static ngx_uint_t
ngx_http_attest_ohttp_accepts(ngx_str_t *accept, const char *type)
{
    return ngx_strlcasestrn(accept->data, accept->data + accept->len,
                            (u_char *) type, ngx_strlen(type) - 1)
           != NULL;
}


ngx_int_t
ngx_http_attest_ohttp_find(ngx_http_request_t *r)
{
    attest_ohttp_form_e  form;

    if (ngx_http_attest_ohttp_early(r)) {
        return NGX_HTTP_ATTEST_EARLY;
    }

    if (ngx_http_attest_ohttp_form(r, &form) != NGX_OK) {
        return NGX_HTTP_ATTEST_WRONG_TYPE;
    }

    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return NGX_HTTP_ATTEST_MALFORMED;
    }

    if (r->discard_body || (r->request_body != NULL && r->err_status)) {
        /* refused by nginx, and redirected here by error_page */
        return ngx_http_attest_refusal_of(r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_ohttp_form(ngx_http_request_t *r, attest_ohttp_form_e *form)
{
    ngx_str_t  *type;

    type = ngx_http_attest_fields_get(r, "content-type");

    return (type != NULL
            && attest_ohttp_request_type(type->data, type->len, form)
               == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
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


ngx_int_t
ngx_http_attest_ohttp_start(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t    *oh;
    ngx_http_attest_opening_t  *op;

    oh = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_ohttp_t));
    if (oh == NULL) {
        return NGX_ERROR;
    }

    op = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_opening_t));
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_ohttp_form(r, &oh->form) != NGX_OK) {
        return NGX_ERROR;
    }

    op->r = r;
    op->ctx = ctx;
    op->oh = oh;

    oh->gateway = ctx->conf;
    oh->opening = op;

    ctx->data = oh;

    return NGX_OK;
}


/* A slow upload must not keep a key that is retired. */

ngx_int_t
ngx_http_attest_ohttp_fresh(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t      *oh;
    ngx_http_attest_main_conf_t  *amcf;

    oh = ctx->data;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    return (oh->opening->begun
            && oh->expires <= ngx_http_attest_clock_now(amcf))
           ? NGX_HTTP_ATTEST_NO_KEY : NGX_OK;
}


ngx_int_t
ngx_http_attest_ohttp_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx)
{
    ngx_int_t                 why;
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    why = ngx_http_attest_ohttp_opened(oh->opening);

    return (why == NGX_OK) ? ngx_http_attest_ohttp_admit(oh->opening) : why;
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
        n = ngx_http_attest_ohttp_max_body(op->oh->gateway);

    } else {
        n = r->headers_in.content_length_n;
        op->exact = 1;
    }

    op->expected = (size_t) n;
}


ngx_int_t
ngx_http_attest_ohttp_open(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
    u_char *p, size_t n)
{
    int                         rc;
    size_t                      used;
    ngx_int_t                   why;
    ngx_http_attest_ohttp_t    *oh;
    ngx_http_attest_opening_t  *op;

    oh = ctx->data;
    op = oh->opening;

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
            return ngx_http_attest_ohttp_lacks_key(op)
                   ? NGX_HTTP_ATTEST_NO_KEY : NGX_OK;
        }

        op->expected -= ngx_min(op->expected, op->oh->head.len);

        why = ngx_http_attest_ohttp_begin(op);
        if (why != NGX_OK) {
            return why;
        }
    }

    return (n != 0) ? ngx_http_attest_ohttp_gather(op, p, n)
                    : NGX_OK;
}


/* A KEM that we have no key of: its long enc is not waited for. */

static ngx_uint_t
ngx_http_attest_ohttp_lacks_key(ngx_http_attest_opening_t *op)
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

static ngx_int_t
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
        return NGX_HTTP_ATTEST_NO_MEMORY;

    default: /* NGX_DECLINED */
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    if (op->oh->form == ATTEST_OHTTP_CHUNKED) {

        /* with its lengths and tags it is always more than what is kept */

        op->opener.buf = ctx->plain.data;
        op->opener.room = ctx->usable;

        rc = attest_ohttp_opener_feed(&op->opener, p, n, &used);

        return ngx_http_attest_ohttp_code(op, rc);
    }

    if (n > ctx->plain.len - op->len) {
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    if (op->len == 0 && op->exact && n == op->expected) {

        /* all of it: opened from where it lies, which is good until then */

        op->len = n;
        return ngx_http_attest_ohttp_whole(op, p);
    }

    ngx_memcpy(ctx->plain.data + op->len, p, n);
    op->len += n;

    return NGX_OK;
}


/* All of a message that is not chunked, here or in its own place. */

static ngx_int_t
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

static ngx_int_t
ngx_http_attest_ohttp_begin(ngx_http_attest_opening_t *op)
{
    int                       rc;
    size_t                    max;
    ngx_int_t                 why;
    attest_ohttp_limits_t     limits;

    why = ngx_http_attest_ohttp_recipient(op);
    if (why != NGX_OK) {
        return why;
    }

    op->begun = 1;

    max = ngx_http_attest_ohttp_max_plain(op->oh->gateway);

    if (op->oh->form != ATTEST_OHTTP_CHUNKED && op->exact
        && op->expected > max + ATTEST_OHTTP_TAG_LEN)
    {
        return NGX_HTTP_ATTEST_TOO_LARGE;
    }

    /* what is opened is shorter than what is sealed */

    op->ctx->plain.len = ngx_min(op->expected, max) + ATTEST_OHTTP_TAG_LEN;

    if (op->oh->form != ATTEST_OHTTP_CHUNKED) {
        return NGX_OK;
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

static ngx_int_t
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
        return NGX_HTTP_ATTEST_NO_EVIDENCE;
    }

    count = NGX_HTTP_ATTEST_MEMBERS;

    if (view->key_list.len == 0
        || attest_keyconfig_parse_list(view->key_list.data,
                                       view->key_list.len, kc, NULL, &count)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    now = ngx_http_attest_clock_now(amcf);

    for (i = 0, n = 0; i < count; i++) {
        k = ngx_http_attest_ohttp_member(view, &kc[i]);

        if (k != NGX_HTTP_ATTEST_KEYS && view->hpke[k].expires > now) {
            key[n] = k;
            kc[n++] = kc[i];
        }
    }

    rc = attest_ohttp_select(&op->oh->head.header, kc, n, &which);
    if (rc != ATTEST_OK) {
        return NGX_HTTP_ATTEST_NO_KEY;
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

static ngx_int_t
ngx_http_attest_ohttp_opened(ngx_http_attest_opening_t *op)
{
    int        rc;
    ngx_int_t  why;

    if (!op->begun) {
        return NGX_HTTP_ATTEST_MALFORMED;
    }

    if (op->oh->form != ATTEST_OHTTP_CHUNKED) {
        why = op->opened ? NGX_OK
                         : ngx_http_attest_ohttp_whole(op,
                                                       op->ctx->plain.data);

    } else {
        rc = attest_ohttp_opener_finish(&op->opener);
        op->oh->message = op->opener.plain;
        why = ngx_http_attest_ohttp_code(op, rc);
    }

    if (why == NGX_OK && op->oh->message != 0) {
        ngx_http_attest_locked_trim(op->ctx->plain.data, op->oh->message);
        op->ctx->usable = op->oh->message;
    }

    return why;
}


/* What it will be remembered by, and the key of the response. */

static ngx_int_t
ngx_http_attest_ohttp_admit(ngx_http_attest_opening_t *op)
{
    ngx_http_attest_ohttp_t      *oh;
    ngx_http_attest_main_conf_t  *amcf;

    oh = op->oh;

    /* it may have taken long to arrive */

    amcf = ngx_http_get_module_main_conf(op->r, ngx_http_attest_module);

    if (ngx_http_attest_view(amcf, op->r->connection->log) == NULL) {
        return NGX_HTTP_ATTEST_NO_EVIDENCE;
    }

    if (oh->expires <= ngx_http_attest_clock_now(amcf)) {
        return NGX_HTTP_ATTEST_NO_KEY;
    }

    ngx_http_attest_ohttp_once(op->ctx);

    oh->nonce_len = attest_ohttp_nonce_len(oh->head.header.suite.aead);

    if (oh->nonce_len == 0
        || ngx_http_attest_nonce(oh->nonce, oh->nonce_len) != NGX_OK
        || attest_ohttp_sealer_response(&oh->sealer, &op->request, oh->nonce)
           != ATTEST_OK)
    {
        return NGX_HTTP_ATTEST_INTERNAL;
    }

    return NGX_OK;
}


static void
ngx_http_attest_ohttp_once(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_once_t   *once;
    ngx_http_attest_ohttp_t  *oh;

    once = &ctx->once;
    oh = ctx->data;

    /* by the encapsulated key, which follows the header */

    once->enc = oh->head.bytes + ATTEST_OHTTP_HEADER_LEN;
    once->len = oh->head.len - ATTEST_OHTTP_HEADER_LEN;
    once->born = oh->born;
    once->expires = oh->expires;

    /* by Date: until the fields inside say it */

    once->until = oh->expires;

    /* takes everything but what another location has taken */

    once->check_only = (oh->gateway->replay == NGX_HTTP_ATTEST_REPLAY_OFF);
}


/*
 * Cut, changed, or for another key: one answer for all, as long as no chunk
 * has proved the key.  Afterwards another key would be of no use.
 */

static ngx_int_t
ngx_http_attest_ohttp_code(ngx_http_attest_opening_t *op, int rc)
{
    switch (rc) {

    case ATTEST_OK:
        return NGX_OK;

    case ATTEST_EUNSUPPORTED:
    case ATTEST_EMISMATCH:
        return NGX_HTTP_ATTEST_NO_KEY;

    case ATTEST_ELIMIT:
        return NGX_HTTP_ATTEST_TOO_LARGE;

    case ATTEST_ECRYPTO:
    case ATTEST_EFORMAT:
        return op->opener.chunks ? NGX_HTTP_ATTEST_TAMPERED
                                 : NGX_HTTP_ATTEST_UNDECRYPTED;

    default:
        return NGX_HTTP_ATTEST_INTERNAL;
    }
}


/* What opens a request; the memory that it is opened in stays. */

void
ngx_http_attest_ohttp_close(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t    *oh;
    ngx_http_attest_opening_t  *op;

    oh = ctx->data;
    op = (oh != NULL) ? oh->opening : NULL;

    if (op == NULL) {
        return;
    }

    oh->opening = NULL;

    attest_ohttp_clear(&op->request);

    if (op->view != NULL) {
        ngx_http_attest_view_key_done(op->view, ctx->key_index);
    }
}


void
ngx_http_attest_ohttp_cleanup(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    if (oh == NULL) {
        return;
    }

    ngx_http_attest_ohttp_close(ctx);

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


size_t
ngx_http_attest_ohttp_max_plain(ngx_http_attest_loc_conf_t *alcf)
{
    return NGX_HTTP_ATTEST_OHTTP_MESSAGE(alcf);
}


/*
 * The largest sealed body: more cannot hold an acceptable message, sealed
 * byte by byte.
 */

off_t
ngx_http_attest_ohttp_max_body(ngx_http_attest_loc_conf_t *alcf)
{
    return (off_t) ((9 + ATTEST_HPKE_NT) * NGX_HTTP_ATTEST_OHTTP_MESSAGE(alcf)
                    + NGX_HTTP_ATTEST_SPARE);
}


const char *
ngx_http_attest_ohttp_protocol(ngx_http_attest_ctx_t *ctx)
{
    ngx_http_attest_ohttp_t  *oh;

    oh = ctx->data;

    return (oh->form == ATTEST_OHTTP_CHUNKED) ? "ohttp-chunked" : "ohttp";
}
