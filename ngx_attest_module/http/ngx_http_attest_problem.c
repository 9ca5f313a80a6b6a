/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers from memory, and problem documents (RFC 9457).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_job.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/ngx_http_attest_problem.h"


static ngx_int_t ngx_http_attest_problem_headers(ngx_http_request_t *r,
    time_t retry_after);
static size_t ngx_http_attest_json_len(const char *s);
static u_char *ngx_http_attest_json_copy(u_char *p, const char *s);


static ngx_str_t  ngx_http_attest_problem_type =
    ngx_string("application/problem+json");


/* whose answer goes through the header filters right now */
static ngx_http_request_t  *ngx_http_attest_sender;


ngx_int_t
ngx_http_attest_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_http_attest_elt_init(h);
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->lowcase_key = NULL;
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, const char *cache_control, ngx_str_t *body)
{
    u_char       *p;
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_str_t     value;
    ngx_chain_t   out;

    value.len = ngx_strlen(cache_control);
    value.data = (u_char *) cache_control;

    if (ngx_http_attest_add_header(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_lowcase = NULL;

    /*
     * nginx appends "; charset=" only to a type whose length equals
     * content_type_len; our types never take one.
     */

    p = ngx_strlchr(type->data, type->data + type->len, ';');
    r->headers_out.content_type_len = (p != NULL) ? (size_t) (p - type->data)
                                                  : 0;

    ngx_http_attest_sender = r;
    rc = ngx_http_send_header(r);
    ngx_http_attest_sender = NULL;

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (body->len || b->last_buf) ? 0 : 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_uint_t
ngx_http_attest_sends(ngx_http_request_t *r)
{
    return ngx_http_attest_sender == r;
}


/* Lengths of our constants in a JSON string; they hold nothing but ASCII. */

static size_t
ngx_http_attest_json_len(const char *s)
{
    size_t  len = ngx_strlen(s);

    return len + ngx_escape_json(NULL, (u_char *) s, len);
}


static u_char *
ngx_http_attest_json_copy(u_char *p, const char *s)
{
    return (u_char *) ngx_escape_json(p, (u_char *) s, ngx_strlen(s));
}


static ngx_int_t
ngx_http_attest_problem_headers(ngx_http_request_t *r, time_t retry_after)
{
    u_char     *p;
    ngx_str_t   value;

    /*
     * What an earlier handler prepared for a success must not appear, and a
     * problem about a file that is not there must not be "not modified".
     */

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    r->disable_not_modified = 1;

    /* error_page has another status for another refusal, not for this one */

    r->err_status = 0;

    if (retry_after <= 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%T", retry_after) - p;

    return ngx_http_attest_add_header(r, "Retry-After", &value);
}


ngx_int_t
ngx_http_attest_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *title, const char *detail,
    time_t retry_after)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   rc;
    ngx_str_t   body;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        /* as nginx does: no more requests behind a body that is too large */
        r->keepalive = 0;
    }

    if (type == NULL) {
        type = "about:blank";
    }

    len = sizeof("{\"type\":\"\",\"title\":\"\",\"status\":,\"detail\":\"\"}\n")
          + NGX_INT_T_LEN
          + ngx_http_attest_json_len(type)
          + ngx_http_attest_json_len(title)
          + ngx_http_attest_json_len(detail);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body.data = p;

    p = ngx_cpymem(p, "{\"type\":\"", 9);
    p = ngx_http_attest_json_copy(p, type);
    p = ngx_cpymem(p, "\",\"title\":\"", 11);
    p = ngx_http_attest_json_copy(p, title);
    p = ngx_sprintf(p, "\",\"status\":%ui,\"detail\":\"", status);
    p = ngx_http_attest_json_copy(p, detail);
    p = ngx_cpymem(p, "\"}\n", 3);

    body.len = p - body.data;

    if (ngx_http_attest_problem_headers(r, retry_after) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_send(r, status, &ngx_http_attest_problem_type,
                                "no-store", &body);
}



ngx_int_t
ngx_http_attest_no_evidence(ngx_http_request_t *r, const char *detail)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    ngx_http_attest_count(amcf, refused_evidence);

    return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   NGX_HTTP_ATTEST_URN "no-evidence",
                                   "No valid evidence", detail,
                                   ngx_http_attest_job_retry_after(amcf));
}
