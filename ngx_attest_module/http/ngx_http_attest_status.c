/* SPDX-License-Identifier: Apache-2.0 */

/*
 * attest_status: how the gateway is, for people and for Prometheus.  Times,
 * counts and labels; no key, no prompt, nothing of a client.  It answers
 * also, and most usefully, when there is no evidence.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/prompt/ngx_http_attest_replay.h"
#include "http/upstream/ngx_http_attest_client_count.h"
#include "http/upstream/ngx_http_attest_verified.h"
#include "http/ngx_http_attest.h"
#include "http/ngx_http_attest_status.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"


#define NGX_HTTP_ATTEST_STATUS_MAX  10240


typedef struct {
    const char    *name;           /* in JSON */
    const char    *metric;         /* for Prometheus */
    const char    *label;          /* or NULL */
    const char    *help;           /* NULL: the metric above, once more */
    size_t         offset;
} ngx_http_attest_counter_t;


typedef struct {
    ngx_http_attest_main_conf_t  *amcf;
    ngx_http_attest_view_t   *view;        /* NULL: no valid evidence */
    ngx_http_attest_stats_t  *stats;
    const char               *provider;
    ngx_uint_t                gpu;         /* GPUs are checked */
    ngx_uint_t                required;
    ngx_uint_t                gpu_failed;
    time_t                    age;
    const char               *why;         /* there is no valid evidence */
    ngx_http_attest_steps_t   clock;
    ngx_uint_t                used;        /* of the replay cache */
    ngx_uint_t                capacity;
    size_t                    memory;      /* of prompts, all workers */
    size_t                    fullest;     /* one of them */
    size_t                    limit;       /* of each */
    time_t                    error_time;  /* 0: no error so far */
    char                      error[256];
} ngx_http_attest_report_t;


static ngx_int_t ngx_http_attest_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_attest_status_refused(ngx_http_request_t *r,
    ngx_uint_t status, const char *title, const char *detail);
static ngx_int_t ngx_http_attest_status_send(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t metrics);
static void ngx_http_attest_status_report(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_report_t *report);
static void ngx_http_attest_status_memory(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_report_t *report);
static ngx_atomic_uint_t ngx_http_attest_status_value(
    ngx_http_attest_report_t *report, const ngx_http_attest_counter_t *c);
static u_char *ngx_http_attest_status_json(u_char *p, u_char *last,
    ngx_http_attest_report_t *report);
static u_char *ngx_http_attest_status_json_own(u_char *p, u_char *last,
    ngx_http_attest_report_t *report);
static u_char *ngx_http_attest_status_json_error(u_char *p, u_char *last,
    ngx_http_attest_report_t *report);
static u_char *ngx_http_attest_status_metrics(u_char *p, u_char *last,
    ngx_http_attest_report_t *report);
static u_char *ngx_http_attest_status_gauges(u_char *p, u_char *last,
    ngx_http_attest_report_t *report);
static u_char *ngx_http_attest_status_gauge(u_char *p, u_char *last,
    const char *name, const char *help, int64_t value);


static ngx_str_t  ngx_http_attest_status_json_type =
    ngx_string("application/json");
static ngx_str_t  ngx_http_attest_status_text_type =
    ngx_string("text/plain; version=0.0.4");


#define NGX_HTTP_ATTEST_COUNTER(name, metric, label, help)                   \
    { #name, "ngx_attest_" metric "_total", label, help,                     \
      offsetof(ngx_http_attest_stats_t, name) }

static const ngx_http_attest_counter_t  ngx_http_attest_counters[] = {

    NGX_HTTP_ATTEST_COUNTER(quotes_made, "quotes", "result=\"made\"",
        "Quotes asked of the source of evidence."),
    NGX_HTTP_ATTEST_COUNTER(quotes_failed, "quotes", "result=\"failed\"",
        NULL),
    NGX_HTTP_ATTEST_COUNTER(quotes_coalesced, "quotes_coalesced", NULL,
        "Requests answered by the quote of another."),
    NGX_HTTP_ATTEST_COUNTER(queue_full, "queue_full", NULL,
        "Requests for fresh evidence refused by a full queue."),
    NGX_HTTP_ATTEST_COUNTER(activations, "activations", NULL,
        "Credentials activated."),

    NGX_HTTP_ATTEST_COUNTER(prompts_opened, "prompts_opened", NULL,
        "Encrypted prompts opened."),
    NGX_HTTP_ATTEST_COUNTER(prompts_plain, "prompts_plain", NULL,
        "Plain requests let through by the optional mode."),

    NGX_HTTP_ATTEST_COUNTER(refused_required, "refused",
        "reason=\"required\"", "Requests refused, by reason."),
    NGX_HTTP_ATTEST_COUNTER(refused_malformed, "refused",
        "reason=\"malformed\"", NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_size, "refused", "reason=\"size\"",
        NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_key, "refused", "reason=\"key\"", NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_inner, "refused", "reason=\"inner\"",
        NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_replay, "refused", "reason=\"replay\"",
        NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_full, "refused",
        "reason=\"replay_full\"", NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_evidence, "refused",
        "reason=\"evidence\"", NULL),
    NGX_HTTP_ATTEST_COUNTER(refused_memory, "refused",
        "reason=\"memory\"", NULL),
    NGX_HTTP_ATTEST_COUNTER(misdirected, "refused",
        "reason=\"misdirected\"", NULL),

    NGX_HTTP_ATTEST_COUNTER(chunks_sealed, "chunks_sealed", NULL,
        "Chunks of responses sealed."),
    NGX_HTTP_ATTEST_COUNTER(bytes_sealed, "sealed_bytes", NULL,
        "Bytes of responses sealed, before sealing."),
    NGX_HTTP_ATTEST_COUNTER(streams_cut, "streams_cut", NULL,
        "Sealed responses that ended without their end marker.")
};

#define NGX_HTTP_ATTEST_NCOUNTERS                                            \
    (sizeof(ngx_http_attest_counters) / sizeof(ngx_http_attest_counters[0]))


static ngx_int_t
ngx_http_attest_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_uint_t                    metrics;
    ngx_http_attest_main_conf_t  *amcf;

    static ngx_str_t  allow = ngx_string("GET, HEAD");
    static ngx_str_t  prometheus = ngx_string("format=prometheus");

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        if (ngx_http_attest_answer_field(r, "Allow", &allow) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_attest_status_refused(r, NGX_HTTP_NOT_ALLOWED,
                                              "Method Not Allowed",
                                              "see the Allow field");
    }

    metrics = (r->args.len == prometheus.len
               && ngx_memcmp(r->args.data, prometheus.data, prometheus.len)
                  == 0);

    if (r->args.len != 0 && !metrics) {
        return ngx_http_attest_status_refused(r, NGX_HTTP_BAD_REQUEST,
                                              "Bad Request",
                                              "the only argument is "
                                              "format=prometheus");
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (!amcf->used && amcf->verified->nelts == 0
        && amcf->run.clients == NULL)
    {
        return ngx_http_attest_status_refused(r,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "Not attested",
                                              "no server is attested, and "
                                              "neither upstreams nor clients "
                                              "are verified");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_attest_status_send(r, amcf, metrics);
}


static ngx_int_t
ngx_http_attest_status_send(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t metrics)
{
    u_char                    *p, *last;
    size_t                     size;
    ngx_str_t                  body;
    ngx_http_attest_report_t   report;

    size = NGX_HTTP_ATTEST_STATUS_MAX + ngx_http_attest_verified_size(amcf);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&report, sizeof(ngx_http_attest_report_t));
    report.amcf = amcf;

    if (amcf->used) {
        ngx_http_attest_status_report(r, amcf, &report);
    }

    body.data = p;
    last = p + size;
    p = metrics ? ngx_http_attest_status_metrics(p, last, &report)
                : ngx_http_attest_status_json(p, last, &report);
    body.len = p - body.data;

    return ngx_http_attest_answer(r, NGX_HTTP_OK,
                                  metrics ? &ngx_http_attest_status_text_type
                                          : &ngx_http_attest_status_json_type,
                                  "no-store", &body);
}


static ngx_int_t
ngx_http_attest_status_refused(ngx_http_request_t *r, ngx_uint_t status,
    const char *title, const char *detail)
{
    return ngx_http_attest_problem(r, status, NULL, title, detail, 0);
}


static void
ngx_http_attest_status_report(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_report_t *report)
{
    u_char  *p;

    report->view = ngx_http_attest_view(amcf, r->connection->log);
    report->stats = ngx_http_attest_state_stats(amcf);
    report->provider = amcf->run.provider->name;
    report->gpu = (amcf->run.gpu != NULL);
    report->required = amcf->run.gpu_required;
    report->gpu_failed = ngx_http_attest_state_gpu_failed(amcf)
                         || ngx_http_attest_state_gpu_overdue(amcf) != 0;

    ngx_http_attest_clock_steps(amcf, &report->clock);
    ngx_http_attest_replay_fill(amcf, &report->used, &report->capacity);
    report->why = ngx_http_attest_view_why_not(amcf, r->connection->log);

    if (report->view != NULL) {
        report->age = ngx_http_attest_clock_now(amcf) - report->view->from;
    }

    ngx_http_attest_status_memory(amcf, report);

    ngx_http_attest_state_last_error(amcf, report->error, sizeof(report->error),
                                     &report->error_time);

    /* may hold text of a device: only ASCII goes into the JSON */

    for (p = (u_char *) report->error; *p; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }
}


static void
ngx_http_attest_status_memory(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_report_t *report)
{
    size_t      n;
    ngx_uint_t  i;

    report->limit = amcf->prompts ? amcf->memory : 0;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        n = report->stats->memory[i];
        report->memory += n;
        report->fullest = ngx_max(report->fullest, n);
    }
}


static ngx_atomic_uint_t
ngx_http_attest_status_value(ngx_http_attest_report_t *report,
    const ngx_http_attest_counter_t *c)
{
    return *(ngx_atomic_t *) ((u_char *) report->stats + c->offset);
}


static u_char *
ngx_http_attest_status_json(u_char *p, u_char *last,
    ngx_http_attest_report_t *report)
{
    p = ngx_slprintf(p, last, "{\"version\":\"%s\",", ATTEST_VERSION);

    if (report->amcf->used) {
        p = ngx_http_attest_status_json_own(p, last, report);
    }

    p = ngx_slprintf(p, last, "\"upstreams\":");
    p = ngx_http_attest_verified_json(report->amcf, p, last);

    p = ngx_slprintf(p, last, ",\"clients\":");
    p = ngx_http_attest_client_count_json(report->amcf, p, last);

    return ngx_slprintf(p, last, "}\n");
}


/* Of the servers that are attested. */

static u_char *
ngx_http_attest_status_json_own(u_char *p, u_char *last,
    ngx_http_attest_report_t *report)
{
    ngx_uint_t                        i;
    ngx_http_attest_view_t           *view = report->view;
    const ngx_http_attest_counter_t  *c;

    p = ngx_slprintf(p, last, "\"provider\":\"%s\",", report->provider);

    if (view != NULL) {
        p = ngx_slprintf(p, last,
                         "\"generation\":%uL,\"root_of_trust\":\"%V\","
                         "\"evidence\":{\"valid\":true,\"age\":%T,"
                         "\"not_before\":%T,\"not_after\":%T,"
                         "\"renew_at\":%T,\"reason\":null},",
                         view->number, &view->root,
                         report->age, view->not_before, view->not_after,
                         view->renew_at);

    } else {
        p = ngx_slprintf(p, last,
                         "\"generation\":null,\"root_of_trust\":null,"
                         "\"evidence\":{\"valid\":false,\"age\":null,"
                         "\"not_before\":null,\"not_after\":null,"
                         "\"renew_at\":null,\"reason\":\"%s\"},",
                         report->why ? report->why : "");
    }

    if (report->gpu) {
        p = ngx_slprintf(p, last, "\"gpus\":{\"required\":%s,"
                         "\"attest\":%s},",
                         report->required ? "true" : "false",
                         report->gpu_failed ? "false" : "true");

    } else {
        p = ngx_slprintf(p, last, "\"gpus\":null,");
    }

    p = ngx_slprintf(p, last, "\"clock\":{\"steps\":%ui,\"last_step\":%L,"
                     "\"behind\":%T},", report->clock.count,
                     report->clock.last, report->clock.behind);
    p = ngx_slprintf(p, last, "\"replay\":{\"used\":%ui,\"capacity\":%ui},",
                     report->used, report->capacity);
    p = ngx_slprintf(p, last, "\"memory\":{\"used\":%uz,\"fullest\":%uz,"
                     "\"limit\":%uz},",
                     report->memory, report->fullest, report->limit);

    p = ngx_http_attest_status_json_error(p, last, report);
    p = ngx_slprintf(p, last, ",\"counters\":{");

    for (i = 0; i < NGX_HTTP_ATTEST_NCOUNTERS; i++) {
        c = &ngx_http_attest_counters[i];
        p = ngx_slprintf(p, last, "%s\"%s\":%uA", i ? "," : "", c->name,
                         ngx_http_attest_status_value(report, c));
    }

    return ngx_slprintf(p, last, "},");
}


static u_char *
ngx_http_attest_status_json_error(u_char *p, u_char *last,
    ngx_http_attest_report_t *report)
{
    size_t  len;
    u_char  text[2 * sizeof(report->error)];

    if (report->error_time == 0) {
        return ngx_slprintf(p, last, "\"last_error\":null");
    }

    /* nothing but quotes and backslashes is left to escape */

    len = (u_char *) ngx_escape_json(text, (u_char *) report->error,
                                     ngx_strlen(report->error))
          - text;

    return ngx_slprintf(p, last, "\"last_error\":{\"text\":\"%*s\","
                        "\"time\":%T}", len, text, report->error_time);
}


static u_char *
ngx_http_attest_status_metrics(u_char *p, u_char *last,
    ngx_http_attest_report_t *report)
{
    ngx_uint_t                        i;
    ngx_atomic_uint_t                 value;
    const ngx_http_attest_counter_t  *c;

    if (report->amcf->verified->nelts != 0) {
        p = ngx_http_attest_verified_metrics(report->amcf, p, last);
    }

    p = ngx_http_attest_client_count_metrics(report->amcf, p, last);

    if (!report->amcf->used) {
        return p;
    }

    p = ngx_http_attest_status_gauges(p, last, report);

    for (i = 0; i < NGX_HTTP_ATTEST_NCOUNTERS; i++) {
        c = &ngx_http_attest_counters[i];
        value = ngx_http_attest_status_value(report, c);

        if (c->help != NULL) {
            p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s counter\n",
                             c->metric, c->help, c->metric);
        }

        if (c->label != NULL) {
            p = ngx_slprintf(p, last, "%s{%s} %uA\n", c->metric, c->label,
                             value);

        } else {
            p = ngx_slprintf(p, last, "%s %uA\n", c->metric, value);
        }
    }

    return p;
}


static u_char *
ngx_http_attest_status_gauges(u_char *p, u_char *last,
    ngx_http_attest_report_t *report)
{
    ngx_http_attest_view_t  *view = report->view;

    p = ngx_slprintf(p, last,
                     "# HELP ngx_attest_info Version, provider, root.\n"
                     "# TYPE ngx_attest_info gauge\n"
                     "ngx_attest_info{version=\"%s\",provider=\"%s\","
                     "root_of_trust=\"%*s\"} 1\n", ATTEST_VERSION,
                     report->provider,
                     view ? view->root.len : (size_t) 0,
                     view ? view->root.data : (u_char *) "");

    p = ngx_http_attest_status_gauge(p, last, "evidence_valid",
            "Whether there is valid evidence.", view != NULL);
    if (report->gpu) {
        p = ngx_http_attest_status_gauge(p, last, "gpus_attest",
                "Whether the GPUs attest.", !report->gpu_failed);
    }

    p = ngx_http_attest_status_gauge(p, last, "last_error_timestamp_seconds",
            "When evidence could not be collected last, 0: never.",
            report->error_time);
    p = ngx_http_attest_status_gauge(p, last, "clock_steps",
            "How often the clock was set since the start.",
            report->clock.count);
    p = ngx_http_attest_status_gauge(p, last, "clock_behind_seconds",
            "How far the clock is behind the latest time it has shown.",
            report->clock.behind);
    p = ngx_http_attest_status_gauge(p, last, "replay_entries",
            "Prompts that the replay cache remembers.", report->used);
    p = ngx_http_attest_status_gauge(p, last, "replay_capacity",
            "How many it is meant for.", report->capacity);

    p = ngx_http_attest_status_gauge(p, last, "prompt_memory_used",
            "Bytes of prompts in memory, of all workers.", report->memory);
    p = ngx_http_attest_status_gauge(p, last, "prompt_memory_fullest",
            "Bytes of the worker that has the most.", report->fullest);
    p = ngx_http_attest_status_gauge(p, last, "prompt_memory_limit",
            "Bytes that each worker has, attest_prompt_memory.", report->limit);

    if (view == NULL) {
        return p;
    }

    p = ngx_http_attest_status_gauge(p, last, "generation",
            "Number of the current keys and evidence.",
            (int64_t) view->number);
    p = ngx_http_attest_status_gauge(p, last, "evidence_age_seconds",
            "Age of the current evidence.", report->age);
    p = ngx_http_attest_status_gauge(p, last,
            "evidence_expiry_timestamp_seconds",
            "When the current evidence expires.", view->not_after);

    return ngx_http_attest_status_gauge(p, last,
            "evidence_renewal_timestamp_seconds",
            "When the current evidence is to be renewed.", view->renew_at);
}


static u_char *
ngx_http_attest_status_gauge(u_char *p, u_char *last, const char *name,
    const char *help, int64_t value)
{
    return ngx_slprintf(p, last,
                        "# HELP ngx_attest_%s %s\n"
                        "# TYPE ngx_attest_%s gauge\n"
                        "ngx_attest_%s %L\n",
                        name, help, name, name, value);
}


char *
ngx_http_attest_status_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "conflicts with another handler of this location";
    }

    /*
     * The server is not attested by this: the page may stand in an internal
     * server of its own that must not depend on evidence.
     */

    clcf->handler = ngx_http_attest_status_handler;

    return NGX_CONF_OK;
}
