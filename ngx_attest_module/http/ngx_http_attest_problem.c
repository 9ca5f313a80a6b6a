/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Problem documents (RFC 9457).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_job.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"


static ngx_int_t ngx_http_attest_problem_headers(ngx_http_request_t *r,
    time_t retry_after);
static size_t ngx_http_attest_problem_json_len(const char *s);
static u_char *ngx_http_attest_problem_json_copy(u_char *p, const char *s);


static ngx_str_t  ngx_http_attest_problem_type =
    ngx_string("application/problem+json");


/* Lengths of our constants in a JSON string; they hold nothing but ASCII. */

static size_t
ngx_http_attest_problem_json_len(const char *s)
{
    size_t  len = ngx_strlen(s);

    return len + ngx_escape_json(NULL, (u_char *) s, len);
}


static u_char *
ngx_http_attest_problem_json_copy(u_char *p, const char *s)
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

    return ngx_http_attest_answer_field(r, "Retry-After", &value);
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
          + ngx_http_attest_problem_json_len(type)
          + ngx_http_attest_problem_json_len(title)
          + ngx_http_attest_problem_json_len(detail);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body.data = p;

    p = ngx_cpymem(p, "{\"type\":\"", 9);
    p = ngx_http_attest_problem_json_copy(p, type);
    p = ngx_cpymem(p, "\",\"title\":\"", 11);
    p = ngx_http_attest_problem_json_copy(p, title);
    p = ngx_sprintf(p, "\",\"status\":%ui,\"detail\":\"", status);
    p = ngx_http_attest_problem_json_copy(p, detail);
    p = ngx_cpymem(p, "\"}\n", 3);

    body.len = p - body.data;

    if (ngx_http_attest_problem_headers(r, retry_after) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_answer(r, status, &ngx_http_attest_problem_type,
                                  "no-store", &body);
}



ngx_int_t
ngx_http_attest_problem_no_evidence(ngx_http_request_t *r, const char *detail)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    ngx_http_attest_count(amcf, refused_evidence);

    return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   NGX_HTTP_ATTEST_URN "no-evidence",
                                   "No valid evidence", detail,
                                   ngx_http_attest_job_retry_after(amcf));
}
