/* SPDX-License-Identifier: Apache-2.0 */

/*
 * attest_evidence and attest_keys: what a client fetches to verify us.
 * Cached answers are sent straight from the memory of the view; what has to
 * wait for the evidence thread is in ngx_http_attest_fresh.c.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_collection.h"
#include "http/evidence/ngx_http_attest_endpoint.h"
#include "http/evidence/ngx_http_attest_fresh.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_list.h"
#include "http/ngx_http_attest_problem.h"
#include "core/evidence/attest_accept.h"


#define NGX_HTTP_ATTEST_MAX_AGE  60      /* seconds a cache may answer */


/* What is sent of a view. */

typedef enum {
    NGX_HTTP_ATTEST_FORM_CBOR = 0,
    NGX_HTTP_ATTEST_FORM_JSON,
    NGX_HTTP_ATTEST_FORM_KEYS
} ngx_http_attest_endpoint_form_e;


static ngx_int_t ngx_http_attest_endpoint_evidence(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_get(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_post(ngx_http_request_t *r);
static void ngx_http_attest_endpoint_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_read_body(ngx_http_request_t *r,
    u_char *buf, size_t room, size_t *len);
static ngx_int_t ngx_http_attest_endpoint_serve(ngx_http_request_t *r,
    int rc, attest_request_t *req);
static ngx_int_t ngx_http_attest_endpoint_cached(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_keys(ngx_http_request_t *r);

static attest_accept_e ngx_http_attest_endpoint_accepts(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_send(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, ngx_http_attest_endpoint_form_e form,
    ngx_str_t *body, const char *stale);
static const char *ngx_http_attest_endpoint_max_age(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, const char *stale);
static ngx_int_t ngx_http_attest_endpoint_etag(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, ngx_http_attest_endpoint_form_e form);

static ngx_int_t ngx_http_attest_endpoint_bad_request(ngx_http_request_t *r,
    const char *detail);
static ngx_int_t ngx_http_attest_endpoint_not_allowed(ngx_http_request_t *r,
    const char *allow);
static ngx_int_t ngx_http_attest_endpoint_not_acceptable(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_endpoint_too_large(ngx_http_request_t *r);

static char *ngx_http_attest_endpoint_set_handler(ngx_conf_t *cf,
    ngx_http_handler_pt handler);


/* By form: the media type, and what tells one ETag from another. */

static struct {
    ngx_str_t  type;
    u_char     tag;
} ngx_http_attest_endpoint_forms[] = {
    { NGX_HTTP_ATTEST_TYPE_CBOR(ATTEST_CMWC_CACHED), 'c' },
    { NGX_HTTP_ATTEST_TYPE_JSON(ATTEST_CMWC_CACHED), 'j' },
    { ngx_string(ATTEST_TYPE_HPKE_KEYS), 'k' }
};


static ngx_int_t
ngx_http_attest_endpoint_evidence(ngx_http_request_t *r)
{
    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return ngx_http_attest_endpoint_get(r);

    case NGX_HTTP_POST:
        return ngx_http_attest_endpoint_post(r);

    default:
        return ngx_http_attest_endpoint_not_allowed(r, "GET, HEAD, POST");
    }
}


static ngx_int_t
ngx_http_attest_endpoint_get(ngx_http_request_t *r)
{
    int               parsed;
    ngx_int_t         rc;
    attest_request_t  req;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->args.len == 0) {
        return ngx_http_attest_endpoint_cached(r);
    }

    if (r->method == NGX_HTTP_HEAD) {

        /* a quote for an answer that nobody sees is only load */

        return ngx_http_attest_endpoint_bad_request(r,
                    "HEAD takes no arguments, use GET for fresh evidence");
    }

    parsed = attest_request_args(r->args.data, r->args.len, &req);

    rc = ngx_http_attest_endpoint_serve(r, parsed, &req);
    if (rc != NGX_AGAIN) {
        return rc;
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_attest_endpoint_post(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *type;

    if (r->args.len != 0) {
        return ngx_http_attest_endpoint_bad_request(r,
                    "POST takes no arguments, the request is in the body");
    }

    type = r->headers_in.content_type;

    if (type == NULL
        || !attest_request_is_json(type->value.data, type->value.len))
    {
        return ngx_http_attest_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                       NULL, "Unsupported Media Type",
                                       "the body must be application/json",
                                       0);
    }

    if (r->headers_in.content_length_n > ATTEST_REQUEST_MAX_BODY) {
        return ngx_http_attest_endpoint_too_large(r);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_attest_endpoint_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_attest_endpoint_body(ngx_http_request_t *r)
{
    int               parsed;
    u_char            buf[ATTEST_REQUEST_MAX_BODY];
    size_t            len;
    ngx_int_t         rc;
    attest_request_t  req;

    rc = ngx_http_attest_endpoint_read_body(r, buf, sizeof(buf), &len);

    if (rc == NGX_OK) {
        parsed = attest_request_json(buf, len, &req);
        rc = ngx_http_attest_endpoint_serve(r, parsed, &req);

    } else if (rc == NGX_DECLINED) {
        rc = ngx_http_attest_endpoint_too_large(r);

    } else {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a request that waits keeps the reference of the body handler */

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/*
 * The length of a chunked body is known only now, and with a small
 * client_body_buffer_size a part of it may be in a file.
 *
 * Not what reads sealed bodies, ngx_http_attest_body.c, with another room: of
 * those pieces are taken while they arrive, go to whoever opens them, and may
 * have to wait; of this one nginx has read all, and it is short.
 */

static ngx_int_t
ngx_http_attest_endpoint_read_body(ngx_http_request_t *r, u_char *buf,
    size_t room, size_t *len)
{
    off_t         size;
    size_t        used;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    used = 0;

    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = ngx_buf_size(b);

        if (size == 0) {
            continue;
        }

        if (size > (off_t) (room - used)) {
            return NGX_DECLINED;
        }

        if (b->in_file) {
            n = ngx_read_file(b->file, buf + used, size, b->file_pos);
            if (n != (ssize_t) size) {
                return NGX_ERROR;
            }

        } else {
            ngx_memcpy(buf + used, b->pos, size);
        }

        used += size;
    }

    *len = used;

    return NGX_OK;
}


/* NGX_AGAIN: the request waits. */

static ngx_int_t
ngx_http_attest_endpoint_serve(ngx_http_request_t *r, int rc,
    attest_request_t *req)
{
    attest_accept_e  accept;

    if (rc != ATTEST_OK) {
        return ngx_http_attest_endpoint_bad_request(r, req->why);
    }

    if (req->cred_len != 0) {
        return ngx_http_attest_fresh_activate(r, req);
    }

    accept = ngx_http_attest_endpoint_accepts(r);

    if (accept == ATTEST_ACCEPT_NONE) {
        return ngx_http_attest_endpoint_not_acceptable(r);
    }

    return ngx_http_attest_fresh(r, req, accept == ATTEST_ACCEPT_JSON);
}


static ngx_int_t
ngx_http_attest_endpoint_cached(ngx_http_request_t *r)
{
    attest_accept_e               accept;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    static ngx_str_t  vary = ngx_string("Accept");

    accept = ngx_http_attest_endpoint_accepts(r);

    if (accept == ATTEST_ACCEPT_NONE) {
        return ngx_http_attest_endpoint_not_acceptable(r);
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);
    if (view == NULL) {
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_NOT_NOW);
    }

    if (ngx_http_attest_answer_field(r, "Vary", &vary) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (accept == ATTEST_ACCEPT_JSON) {
        return ngx_http_attest_endpoint_send(r, view,
                                             NGX_HTTP_ATTEST_FORM_JSON,
                                             &view->cached_json, "no-cache");
    }

    return ngx_http_attest_endpoint_send(r, view, NGX_HTTP_ATTEST_FORM_CBOR,
                                         &view->cached_cbor, "no-cache");
}


/* One bare key configuration, as EHBP clients want it. */

static ngx_int_t
ngx_http_attest_endpoint_keys(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_attest_view_t       *view;
    ngx_http_attest_main_conf_t  *amcf;

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return ngx_http_attest_endpoint_not_allowed(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    view = ngx_http_attest_view(amcf, r->connection->log);
    if (view == NULL) {
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_NOT_NOW);
    }

    if (view->key_config.len == 0) {
        return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       NGX_HTTP_ATTEST_URN "no-keys",
                                       "No keys",
                                       "encrypted prompts are off at this "
                                       "gateway", 0);
    }

    /* a client must not seal to a key that was rotated out meanwhile */

    return ngx_http_attest_endpoint_send(r, view, NGX_HTTP_ATTEST_FORM_KEYS,
                                         &view->key_config, "no-store");
}


static attest_accept_e
ngx_http_attest_endpoint_accepts(ngx_http_request_t *r)
{
    attest_accept_t          accept;
    ngx_table_elt_t         *h;
    ngx_http_attest_list_t   at;

    static ngx_str_t  name = ngx_string("Accept");

    ngx_memzero(&accept, sizeof(attest_accept_t));

    ngx_http_attest_list_begin(&at, &r->headers_in.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->hash != 0 && h->key.len == name.len
            && ngx_strncasecmp(h->key.data, name.data, name.len) == 0)
        {
            attest_accept_add(&accept, h->value.data, h->value.len);
        }
    }

    return attest_accept_choose(&accept);
}


static ngx_int_t
ngx_http_attest_endpoint_send(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, ngx_http_attest_endpoint_form_e form,
    ngx_str_t *body, const char *stale)
{
    const char  *cache_control;

    cache_control = ngx_http_attest_endpoint_max_age(r, view, stale);

    if (cache_control == NULL
        || ngx_http_attest_view_ref(r, view) != NGX_OK
        || ngx_http_attest_endpoint_etag(r, view, form) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  &ngx_http_attest_endpoint_forms[form].type,
                                  cache_control, body);
}


/* No cache may keep it beyond the next generation. */

static const char *
ngx_http_attest_endpoint_max_age(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, const char *stale)
{
    time_t                        age;
    u_char                       *p;
    ngx_http_attest_time_t        t;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    ngx_http_attest_clock(amcf, &t);

    age = ngx_min(view->renew - t.now, view->not_after - t.wall);
    age = ngx_min(age, NGX_HTTP_ATTEST_MAX_AGE);

    if (age <= 0) {
        return stale;
    }

    p = ngx_pnalloc(r->pool, sizeof("max-age=") + NGX_TIME_T_LEN);
    if (p == NULL) {
        return NULL;
    }

    *ngx_sprintf(p, "max-age=%T", age) = '\0';

    return (char *) p;
}


/*
 * Generations count from 1 again after a restart, so the time and the
 * claims take part.  nginx itself answers If-None-Match with it.
 */

static ngx_int_t
ngx_http_attest_endpoint_etag(ngx_http_request_t *r,
    ngx_http_attest_view_t *view, ngx_http_attest_endpoint_form_e form)
{
    u_char           *p;
    uint32_t          crc;
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, sizeof("\"----\"") + 3 * 16 + 8);
    if (p == NULL) {
        return NGX_ERROR;
    }

    crc = ngx_crc32_long(view->claims_bytes.data, view->claims_bytes.len);

    value.data = p;
    value.len = ngx_sprintf(p, "\"%xL-%xT-%08xD-%c\"",
                            (int64_t) view->number, view->not_before, crc,
                            ngx_http_attest_endpoint_forms[form].tag)
                - p;

    h = ngx_http_attest_answer_push(r, "ETag", &value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.etag = h;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_endpoint_bad_request(ngx_http_request_t *r, const char *detail)
{
    return ngx_http_attest_problem(r, NGX_HTTP_BAD_REQUEST, NULL,
                                   "Bad Request", detail, 0);
}


static ngx_int_t
ngx_http_attest_endpoint_not_allowed(ngx_http_request_t *r, const char *allow)
{
    ngx_str_t  value;

    value.data = (u_char *) allow;
    value.len = ngx_strlen(allow);

    if (ngx_http_attest_answer_field(r, "Allow", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_attest_problem(r, NGX_HTTP_NOT_ALLOWED, NULL,
                                   "Method Not Allowed",
                                   "see the Allow field", 0);
}


static ngx_int_t
ngx_http_attest_endpoint_not_acceptable(ngx_http_request_t *r)
{
    return ngx_http_attest_problem(r, 406, NULL, "Not Acceptable",
                                   "evidence is application/cmw+json or "
                                   "application/cmw+cbor", 0);
}


static ngx_int_t
ngx_http_attest_endpoint_too_large(ngx_http_request_t *r)
{
    return ngx_http_attest_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, NULL,
                                   "Content Too Large",
                                   "the body must be at most 4096 bytes", 0);
}


static char *
ngx_http_attest_endpoint_set_handler(ngx_conf_t *cf,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "conflicts with another handler of this location";
    }

    clcf->handler = handler;

    return NGX_CONF_OK;
}


char *
ngx_http_attest_endpoint_set_evidence(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_attest_endpoint_set_handler(cf,
                                           ngx_http_attest_endpoint_evidence);
}


char *
ngx_http_attest_endpoint_set_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_attest_endpoint_set_handler(cf,
                                                ngx_http_attest_endpoint_keys);
}
