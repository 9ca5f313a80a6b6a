/* SPDX-License-Identifier: Apache-2.0 */

/*
 * attest_report: what this nginx proves, as a page for people and as JSON for
 * machines; and, with "health", as a status alone.  It answers also, and most
 * usefully, when there is nothing valid.  No key, no prompt, nothing of a
 * client, and nothing that is not in the evidence anyway.
 */


#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_page.h"
#include "http/ngx_http_attest_problem.h"
#include "http/ngx_http_attest_report.h"
#include "http/ngx_http_attest_report_json.h"
#include "http/ngx_http_attest_verdicts.h"
#include "http/prompt/ngx_http_attest_fields.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "core/evidence/attest_accept.h"
#include "core/evidence/attest_request.h"


#define NGX_HTTP_ATTEST_REPORT_CSP_START                                     \
    "default-src 'none'; style-src 'sha256-"
#define NGX_HTTP_ATTEST_REPORT_CSP_END                                       \
    "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


typedef enum {
    NGX_HTTP_ATTEST_REPORT_NONE = 0,           /* 406 */
    NGX_HTTP_ATTEST_REPORT_HTML,
    NGX_HTTP_ATTEST_REPORT_JSON,
    NGX_HTTP_ATTEST_REPORT_BAD                 /* 400 */
} ngx_http_attest_report_e;


static ngx_int_t ngx_http_attest_report_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_report_health(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_report_method(ngx_http_request_t *r);
static ngx_http_attest_report_e ngx_http_attest_report_form(
    ngx_http_request_t *r);
static ngx_http_attest_report_e ngx_http_attest_report_accepts(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_report_send(ngx_http_request_t *r,
    ngx_http_attest_report_e form);
static ngx_int_t ngx_http_attest_report_headers(ngx_http_request_t *r,
    ngx_http_attest_report_e form);
static ngx_int_t ngx_http_attest_report_url(ngx_http_request_t *r,
    ngx_str_t *url);


static ngx_str_t  ngx_http_attest_report_html_type =
    ngx_string("text/html; charset=utf-8");
static ngx_str_t  ngx_http_attest_report_json_type =
    ngx_string("application/json");


static ngx_int_t
ngx_http_attest_report_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_attest_report_e   form;

    rc = ngx_http_attest_report_method(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    form = ngx_http_attest_report_form(r);

    if (form == NGX_HTTP_ATTEST_REPORT_BAD) {
        return ngx_http_attest_problem(r, NGX_HTTP_BAD_REQUEST, NULL,
                                       "Bad Request",
                                       "the only argument is format=json or "
                                       "format=html", 0);
    }

    if (form == NGX_HTTP_ATTEST_REPORT_NONE) {
        return ngx_http_attest_problem(r, 406, NULL, "Not Acceptable",
                                       "the report is text/html or "
                                       "application/json", 0);
    }

    return ngx_http_attest_report_send(r, form);
}


/* NGX_DECLINED: it is right; else what the content handler returns. */

static ngx_int_t
ngx_http_attest_report_method(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static ngx_str_t  allow = ngx_string("GET, HEAD");

    if (r->method == NGX_HTTP_GET || r->method == NGX_HTTP_HEAD) {
        rc = ngx_http_discard_request_body(r);
        return rc == NGX_OK ? NGX_DECLINED : rc;
    }

    if (ngx_http_attest_answer_field(r, "Allow", &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_attest_problem(r, NGX_HTTP_NOT_ALLOWED, NULL,
                                   "Method Not Allowed", "see the Allow field",
                                   0);
}


static ngx_http_attest_report_e
ngx_http_attest_report_form(ngx_http_request_t *r)
{
    if (r->args.len == 0) {
        return ngx_http_attest_report_accepts(r);
    }

    if (ngx_http_attest_is(&r->args, "format=json")) {
        return NGX_HTTP_ATTEST_REPORT_JSON;
    }

    if (ngx_http_attest_is(&r->args, "format=html")) {
        return NGX_HTTP_ATTEST_REPORT_HTML;
    }

    return NGX_HTTP_ATTEST_REPORT_BAD;
}


/*
 * By quality, then by how clearly it is named: browsers name HTML, programs
 * JSON, and many say that anything else would do as well.
 */

static ngx_http_attest_report_e
ngx_http_attest_report_accepts(ngx_http_request_t *r)
{
    unsigned          html, json, html_q, json_q;
    ngx_uint_t        i, seen;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    html = json = html_q = json_q = 0;
    seen = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash == 0 || h[i].key.len != 6
                || ngx_strncasecmp(h[i].key.data, (u_char *) "Accept", 6)
                   != 0)
            {
                continue;
            }

            seen = 1;
            attest_accept_range(h[i].value.data, h[i].value.len, "text/html",
                                &html, &html_q);
            attest_accept_range(h[i].value.data, h[i].value.len,
                                "application/json", &json, &json_q);
        }
    }

    if (seen && html_q == 0 && json_q == 0) {
        return NGX_HTTP_ATTEST_REPORT_NONE;
    }

    return (json_q > html_q || (json_q == html_q && json > html))
           ? NGX_HTTP_ATTEST_REPORT_JSON : NGX_HTTP_ATTEST_REPORT_HTML;
}


static ngx_int_t
ngx_http_attest_report_send(ngx_http_request_t *r,
    ngx_http_attest_report_e form)
{
    ngx_str_t                      body, url, *type;
    ngx_http_attest_text_t         text;
    ngx_http_attest_main_conf_t   *amcf;
    ngx_http_attest_page_parts_t   parts;

    ngx_memzero(&parts, sizeof(ngx_http_attest_page_parts_t));
    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (amcf->used) {
        parts.gateway = ngx_http_attest_facts(r);

        if (parts.gateway == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (amcf->verified->nelts != 0) {
        parts.peers = ngx_http_attest_verdicts(r, amcf);

        if (parts.peers == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_http_attest_text_init(&text, r->pool);

    if (form == NGX_HTTP_ATTEST_REPORT_JSON) {
        type = &ngx_http_attest_report_json_type;
        ngx_http_attest_report_json(&text, &parts);

    } else {
        type = &ngx_http_attest_report_html_type;

        if (ngx_http_attest_report_url(r, &url) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_attest_page(&text, &parts, &url);
    }

    if (text.failed
        || ngx_http_attest_report_headers(r, form) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = text.data;
    body.len = text.len;

    return ngx_http_attest_answer(r, NGX_HTTP_OK, type, "no-store", &body);
}


/* Nothing is loaded, nothing runs, nobody frames it, nobody sniffs. */

static ngx_int_t
ngx_http_attest_report_headers(ngx_http_request_t *r,
    ngx_http_attest_report_e form)
{
    u_char      *p;
    size_t       i;
    ngx_str_t    csp;
    u_char       hash[NGX_HTTP_ATTEST_PAGE_HASH];

    static struct {
        const char  *name;
        ngx_str_t    value;
    } fields[] = {
        { "X-Content-Type-Options", ngx_string("nosniff") },
        { "Referrer-Policy", ngx_string("no-referrer") },
        { "Cross-Origin-Resource-Policy", ngx_string("same-origin") },
        { "Vary", ngx_string("Accept") }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (ngx_http_attest_answer_field(r, fields[i].name, &fields[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (form != NGX_HTTP_ATTEST_REPORT_HTML) {
        return NGX_OK;
    }

    if (ngx_http_attest_page_style_hash(hash) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_ATTEST_REPORT_CSP_START
                                    NGX_HTTP_ATTEST_REPORT_CSP_END)
                             + sizeof(hash));
    if (p == NULL) {
        return NGX_ERROR;
    }

    csp.data = p;
    csp.len = ngx_sprintf(p, NGX_HTTP_ATTEST_REPORT_CSP_START "%s"
                          NGX_HTTP_ATTEST_REPORT_CSP_END, hash)
              - p;

    return ngx_http_attest_answer_field(r, "Content-Security-Policy", &csp);
}


/* As the browser has come here, for the command that verifies it. */

static ngx_int_t
ngx_http_attest_report_url(ngx_http_request_t *r, ngx_str_t *url)
{
    ngx_str_t  *host;

    ngx_str_null(url);

    host = ngx_http_attest_fields_get(r, "host");

    if (r->connection->ssl == NULL || host == NULL) {
        return NGX_OK;
    }

    url->data = ngx_pnalloc(r->pool, sizeof("https://") + host->len);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    url->len = ngx_sprintf(url->data, "https://%V", host) - url->data;

    return NGX_OK;
}


/* For whoever only asks whether all is well: 200, or a problem with 503. */

static ngx_int_t
ngx_http_attest_report_health(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_attest_main_conf_t  *amcf;

    static ngx_str_t  healthy = ngx_string("{\"status\":\"ok\"}\n");

    rc = ngx_http_attest_report_method(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (amcf->used
        && ngx_http_attest_view(amcf, r->connection->log) == NULL)
    {
        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_NOT_NOW);
    }

    if (!ngx_http_attest_verdicts_are_good(amcf)) {
        return ngx_http_attest_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       NGX_HTTP_ATTEST_URN
                                       "upstream-unverified",
                                       "Not verified",
                                       "no gateway that requests could be "
                                       "sent to is verified at the moment",
                                       1);
    }

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  &ngx_http_attest_report_json_type,
                                  "no-store", &healthy);
}


char *
ngx_http_attest_report_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_uint_t                    health;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    value = cf->args->elts;
    health = (cf->args->nelts == 2);

    if (health && !ngx_http_attest_is(&value[1], "health")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", it must be "
                           "\"health\"", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "conflicts with another handler of this location";
    }

    clcf->handler = health ? ngx_http_attest_report_health
                           : ngx_http_attest_report_handler;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->reports = 1;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_attest_report_check(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    if (!amcf->reports || amcf->servers->nelts != 0
        || amcf->verified->nelts != 0)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"attest_report\" has nothing to report: no server "
                       "is attested, and no upstream verified");
    return NGX_ERROR;
}
