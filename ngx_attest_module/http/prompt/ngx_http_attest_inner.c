/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The request inside Oblivious HTTP: Binary HTTP is decoded in its own memory
 * and held against the rules; what is good of it is kept for
 * ngx_http_attest_ohttp_request.c.
 */


#include "http/prompt/ngx_http_attest_inner.h"
#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/ngx_http_attest_problem.h"


#define NGX_HTTP_ATTEST_PROBLEM_DATE                                         \
    "https://iana.org/assignments/http-problem-types#date"


static int ngx_http_attest_inner_feed(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx, const attest_bhttp_limits_t *limits);
static ngx_uint_t ngx_http_attest_inner_error(ngx_http_attest_inner_t *in,
    int rc);
static int ngx_http_attest_inner_refuse(ngx_http_attest_inner_t *in,
    ngx_uint_t status, const char *why);
static int ngx_http_attest_inner_busy(ngx_http_attest_inner_t *in);
static void ngx_http_attest_inner_keep(ngx_http_attest_inner_t *in,
    attest_span_t from, ngx_str_t *to);
static int ngx_http_attest_inner_field(void *data, attest_span_t name,
    attest_span_t value, int trailer);
static int ngx_http_attest_inner_cookie(ngx_http_attest_inner_t *in,
    attest_span_t value);
static ngx_uint_t ngx_http_attest_inner_drops(ngx_http_attest_inner_t *in,
    ngx_str_t *name);
static int ngx_http_attest_inner_head(void *data);
static ngx_int_t ngx_http_attest_inner_method(ngx_http_attest_inner_t *in,
    attest_span_t name);
static ngx_int_t ngx_http_attest_inner_path(ngx_http_attest_inner_t *in);
static ngx_uint_t ngx_http_attest_inner_allowed(ngx_http_attest_inner_t *in,
    attest_span_t scheme);
static int ngx_http_attest_inner_content(void *data, attest_span_t piece);


ngx_int_t
ngx_http_attest_inner_decode(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx)
{
    int                          rc;
    attest_bhttp_limits_t        limits;
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = in->oh->gateway;

    attest_bhttp_limits_default(&limits, alcf->max_size,
                                ngx_http_attest_ohttp_max_plain(alcf));

    in->pos = ctx->plain.data;
    in->max_cookie = limits.max_field_bytes;

    if (ngx_list_init(&in->headers_in.headers, in->r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        rc = ATTEST_EINTERNAL;
        goto failed;
    }

    rc = ngx_http_attest_inner_feed(in, ctx, &limits);

    if (rc == ATTEST_OK) {
        return NGX_OK;
    }

failed:

    in->status = ngx_http_attest_inner_error(in, rc);

    if (in->why == NULL) {
        in->why = "it is no valid Binary HTTP";
    }

    return NGX_ERROR;
}


static int
ngx_http_attest_inner_feed(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx, const attest_bhttp_limits_t *limits)
{
    int      rc;
    size_t   room;
    u_char  *scratch;

    static const attest_bhttp_handler_t  handler = {
        NULL, NULL, ngx_http_attest_inner_field, ngx_http_attest_inner_head,
        ngx_http_attest_inner_content
    };

    room = attest_bhttp_scratch(limits);

    scratch = ngx_http_attest_locked_alloc(room);
    if (scratch == NULL) {
        return ngx_http_attest_inner_busy(in);
    }

    rc = attest_bhttp_decoder_init(&in->decoder, ATTEST_BHTTP_REQUEST,
                                   limits, &handler, in, scratch, room);

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_feed(&in->decoder, ctx->plain.data,
                               in->oh->message);
    }

    if (rc == ATTEST_OK) {
        rc = attest_bhttp_finish(&in->decoder);
    }

    /* the body lies behind them */
    ctx->strings = in->pos - ctx->plain.data;

    if (rc != ATTEST_OK && in->why == NULL) {
        in->why = in->decoder.why;
    }

    attest_bhttp_decoder_clear(&in->decoder);
    ngx_http_attest_locked_wiped(scratch);

    return rc;
}


static ngx_uint_t
ngx_http_attest_inner_error(ngx_http_attest_inner_t *in, int rc)
{
    if (in->status != 0) {
        return in->status;
    }

    switch (rc) {

    case ATTEST_ELIMIT:
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;

    case ATTEST_EINTERNAL:
    case ATTEST_EARG:
    case ATTEST_ENOSPACE:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return NGX_HTTP_BAD_REQUEST;
    }
}


/* The code ends the decoding; status and reason are ours. */

static int
ngx_http_attest_inner_refuse(ngx_http_attest_inner_t *in, ngx_uint_t status,
    const char *why)
{
    in->status = status;
    in->why = why;

    return (status == NGX_HTTP_INTERNAL_SERVER_ERROR) ? ATTEST_EINTERNAL
                                                      : ATTEST_EFORMAT;
}


static int
ngx_http_attest_inner_busy(ngx_http_attest_inner_t *in)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(in->r, ngx_http_attest_module);
    ngx_http_attest_count(amcf, refused_memory);

    in->type = NGX_HTTP_ATTEST_URN "busy";

    return ngx_http_attest_inner_refuse(in, NGX_HTTP_SERVICE_UNAVAILABLE,
                                        "all of attest_prompt_memory is in "
                                        "use");
}


static void
ngx_http_attest_inner_keep(ngx_http_attest_inner_t *in, attest_span_t from,
    ngx_str_t *to)
{
    to->data = in->pos;
    to->len = from.n;

    if (from.n) {
        ngx_memmove(in->pos, from.p, from.n);
    }

    in->pos += from.n;
    *in->pos++ = '\0';
}


static int
ngx_http_attest_inner_field(void *data, attest_span_t name,
    attest_span_t value, int trailer)
{
    ngx_http_attest_inner_t *in = data;

    int                     rc;
    ngx_str_t               key, val;
    attest_bhttp_action_e   action;

    if (trailer) {
        return ATTEST_OK;
    }

    rc = attest_bhttp_inner_field(name, &in->seen, &action);

    if (rc == ATTEST_EUNSUPPORTED) {
        /* RFC 9458 section 5.1 */
        return ngx_http_attest_inner_refuse(in, 417,
                                            "expectations cannot be met");
    }

    if (rc != ATTEST_OK) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_BAD_REQUEST,
                                            "a field that has one value "
                                            "appears twice");
    }

    if (attest_span_is(name, "date")) {
        in->date = ngx_http_parse_time((u_char *) value.p, value.n);
    }

    key.data = (u_char *) name.p;
    key.len = name.n;

    if (action == ATTEST_BHTTP_DROP
        || ngx_http_attest_inner_drops(in, &key))
    {
        return ATTEST_OK;
    }

    if (in->cookie != NULL && attest_span_is(name, "cookie")) {
        return ngx_http_attest_inner_cookie(in, value);
    }

    ngx_http_attest_inner_keep(in, name, &key);
    ngx_http_attest_inner_keep(in, value, &val);

    if (ngx_http_attest_inner_push(in, &key, &val) == NULL) {
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


/* RFC 9113 section 8.2.3: in HTTP/1.1 there is one field, joined by "; ". */

static int
ngx_http_attest_inner_cookie(ngx_http_attest_inner_t *in, attest_span_t value)
{
    ngx_str_t  *all, *room;

    all = &in->cookie->value;
    room = &in->oh->cookie;

    if (room->data == NULL) {

        room->data = ngx_http_attest_locked_alloc(in->max_cookie);
        if (room->data == NULL) {
            return ngx_http_attest_inner_busy(in);
        }

        room->len = in->max_cookie;

        ngx_memcpy(room->data, all->data, all->len);
        all->data = room->data;
    }

    /* it cannot be: "; " is shorter than the name, which counts too */

    if (all->len + 2 + value.n + 1 > room->len) {
        return ATTEST_ENOSPACE;
    }

    ngx_memcpy(all->data + all->len, "; ", 2);
    all->len += 2;

    if (value.n) {
        ngx_memcpy(all->data + all->len, value.p, value.n);
        all->len += value.n;
    }

    all->data[all->len] = '\0';

    return ATTEST_OK;
}


/*
 * Compression before encryption tells of the plaintext by its length, and
 * parts of a response by theirs: neither is asked for.
 */

static ngx_uint_t
ngx_http_attest_inner_drops(ngx_http_attest_inner_t *in, ngx_str_t *name)
{
    u_char                        ch;
    size_t                        n;
    ngx_uint_t                    i;
    ngx_http_attest_main_conf_t  *amcf;

    static ngx_str_t  names[] = {
        ngx_string("accept-encoding"),
        ngx_string("range"),
        ngx_string("if-range"),
        ngx_null_string
    };

    /*
     * As nginx does by default: to a CGI or WSGI backend "x_real_ip" would be
     * the same as "x-real-ip".
     */

    for (n = 0; n < name->len; n++) {
        ch = ngx_tolower(name->data[n]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-'))
        {
            return 1;
        }
    }

    for (i = 0; names[i].len; i++) {
        if (name->len == names[i].len
            && ngx_strncmp(name->data, names[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    amcf = ngx_http_get_module_main_conf(in->r, ngx_http_attest_module);

    return ngx_http_attest_fields_own(name)
           || ngx_http_attest_fields_of_formats(amcf, name);
}


/* All of the head is there, and valid as such. */

static int
ngx_http_attest_inner_head(void *data)
{
    ngx_http_attest_inner_t *in = data;

    const char              *why;
    attest_bhttp_request_t  *q;

    q = &in->decoder.request;

    if (attest_bhttp_check_request(q, &why) != ATTEST_OK) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_BAD_REQUEST, why);
    }

    if (!attest_bhttp_is_plain_path(q->path.p, q->path.n)) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_BAD_REQUEST,
                                            "the path is ambiguous");
    }

    if (!attest_bhttp_is_authority(q->host.p, q->host.n)) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_BAD_REQUEST,
                                            "the authority is invalid");
    }

    if (ngx_http_attest_inner_method(in, q->method) != NGX_OK) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_NOT_ALLOWED,
                                            "the method is not allowed");
    }

    ngx_http_attest_inner_keep(in, q->path, &in->target);
    ngx_http_attest_inner_keep(in, q->host, &in->host);
    ngx_strlow(in->host.data, in->host.data, in->host.len);

    if (ngx_http_attest_inner_path(in) != NGX_OK) {
        return ngx_http_attest_inner_busy(in);
    }

    if (!ngx_http_attest_inner_allowed(in, q->scheme)) {
        return ngx_http_attest_inner_refuse(in, NGX_HTTP_FORBIDDEN,
                                            "the target is not allowed");
    }

    return ATTEST_OK;
}


static ngx_int_t
ngx_http_attest_inner_method(ngx_http_attest_inner_t *in, attest_span_t name)
{
    ngx_uint_t  i;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  method;
    } methods[] = {
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_string("HEAD"), NGX_HTTP_HEAD },
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
        { ngx_null_string, 0 }
    };

    for (i = 0; methods[i].name.len; i++) {
        if (name.n == methods[i].name.len
            && ngx_memcmp(name.p, methods[i].name.data, name.n) == 0)
        {
            in->method = methods[i].method;
            in->method_name = methods[i].name;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


/* A plain path has nothing to normalize, only its "%" are decoded. */

static ngx_int_t
ngx_http_attest_inner_path(ngx_http_attest_inner_t *in)
{
    u_char     *query, *last, *src, *dst;
    ngx_str_t  *room;

    last = in->target.data + in->target.len;
    query = ngx_strlchr(in->target.data, last, '?');

    if (query != NULL) {
        in->args.data = query + 1;
        in->args.len = last - in->args.data;
        last = query;
    }

    src = in->target.data;

    in->path.data = src;
    in->path.len = last - src;

    if (ngx_strlchr(src, last, '%') == NULL) {
        return NGX_OK;
    }

    room = &in->oh->path;

    room->data = ngx_http_attest_locked_alloc(in->path.len);
    if (room->data == NULL) {
        return NGX_ERROR;
    }

    room->len = in->path.len;
    dst = room->data;

    in->path.data = dst;
    ngx_unescape_uri(&dst, &src, last - src, 0);
    in->path.len = dst - in->path.data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_attest_inner_allowed(ngx_http_attest_inner_t *in,
    attest_span_t scheme)
{
    const char                *port;
    ngx_str_t                  host;
    ngx_uint_t                 i;
    ngx_http_attest_allow_t   *allow;

    host = in->host;
    port = attest_span_is(scheme, "https") ? ":443" : ":80";

    if (host.len > ngx_strlen(port)
        && ngx_strncmp(host.data + host.len - ngx_strlen(port), port,
                       ngx_strlen(port))
           == 0)
    {
        host.len -= ngx_strlen(port);
    }

    allow = in->oh->gateway->allow->elts;

    for (i = 0; i < in->oh->gateway->allow->nelts; i++) {

        if (allow[i].authority.len != host.len
            || ngx_strncmp(allow[i].authority.data, host.data, host.len) != 0)
        {
            continue;
        }

        if (in->path.len < allow[i].path.len
            || ngx_memcmp(in->path.data, allow[i].path.data,
                          allow[i].path.len)
               != 0)
        {
            continue;
        }

        /* whole segments: "/v1" is not a prefix of "/v10" */

        if (allow[i].path.len == 0
            || in->path.len == allow[i].path.len
            || allow[i].path.data[allow[i].path.len - 1] == '/'
            || in->path.data[allow[i].path.len] == '/')
        {
            return 1;
        }
    }

    return 0;
}


/* The first piece stays where it is, the others are brought up to it. */

static int
ngx_http_attest_inner_content(void *data, attest_span_t piece)
{
    ngx_http_attest_inner_t *in = data;

    if (in->body.len == 0) {
        in->body.data = (u_char *) piece.p;

    } else {
        ngx_memmove(in->body.data + in->body.len, piece.p, piece.n);
    }

    in->body.len += piece.n;

    return ATTEST_OK;
}


ngx_table_elt_t *
ngx_http_attest_inner_push(ngx_http_attest_inner_t *in, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&in->headers_in.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_http_attest_elt_init(h);
    h->key = *name;
    h->value = *value;
    h->lowcase_key = name->data;
    h->hash = ngx_hash_key(name->data, name->len);

    if (ngx_http_attest_is(name, "cookie")) {
        in->cookie = h;
    }

    return h;
}


/*
 * RFC 9458 section 6.5.2: a request that is remembered only as long as its
 * Date is near our own.  NGX_ERROR: it is not; our Date is in the answer, as
 * in every other.
 */

ngx_int_t
ngx_http_attest_inner_fresh(ngx_http_attest_inner_t *in,
    ngx_http_attest_ctx_t *ctx)
{
    time_t                        window, until;
    ngx_http_attest_time_t        t;
    ngx_http_attest_main_conf_t  *amcf;

    if (in->oh->gateway->replay != NGX_HTTP_ATTEST_REPLAY_DATE) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(in->r, ngx_http_attest_module);
    ngx_http_attest_clock(amcf, &t);

    window = in->oh->gateway->window;

    if (in->date < 0 || in->date < t.dated - window
        || in->date > t.dated + window)
    {
        in->status = NGX_HTTP_BAD_REQUEST;
        in->type = NGX_HTTP_ATTEST_PROBLEM_DATE;
        in->why = (in->date < 0) ? "there is no valid Date"
                                 : "its Date is too far from ours";
        return NGX_ERROR;
    }

    /*
     * As long as it would be taken again, here or in another location: what
     * is dated never comes nearer to our own time, as long as its key lives.
     */

    if (!amcf->replay_key) {
        until = in->date + amcf->window + 1 + t.now - t.dated;
        ctx->once.until = ngx_min(ctx->once.until, until);
    }

    return NGX_OK;
}
