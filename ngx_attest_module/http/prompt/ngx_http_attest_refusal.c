/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Why an encrypted prompt is refused: what is counted, and what the client is
 * told.  A format words the reasons that are about its bytes.
 */


#include "http/prompt/ngx_http_attest_refusal.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/ngx_http_attest_problem.h"


static const ngx_http_attest_refusal_t *ngx_http_attest_refusal_find(
    const ngx_http_attest_refusal_t *list, ngx_uint_t why);


static const ngx_http_attest_refusal_t  ngx_http_attest_refusals[] = {

    { NGX_HTTP_ATTEST_UNSEALED, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_required),
      NGX_HTTP_ATTEST_URN "encryption-required",
      "Encryption required",
      "this resource takes only requests with an encrypted body", 0 },

    { NGX_HTTP_ATTEST_TOO_LARGE, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the prompt exceeds attest_prompt_max_size", 0 },

    { NGX_HTTP_ATTEST_TOO_LONG, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the encrypted body exceeds client_max_body_size", 0 },

    { NGX_HTTP_ATTEST_REPLAYED, NGX_HTTP_CONFLICT,
      offsetof(ngx_http_attest_stats_t, refused_replay),
      NGX_HTTP_ATTEST_URN "replay",
      "Replayed request",
      "this encapsulated key has been used before", 0 },

    { NGX_HTTP_ATTEST_FULL, NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_full),
      NGX_HTTP_ATTEST_URN "busy",
      "Too many encrypted requests",
      "there is no room to remember another request", 10 },

    { NGX_HTTP_ATTEST_NO_MEMORY, NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_memory),
      NGX_HTTP_ATTEST_URN "busy",
      "Too many encrypted requests",
      "all of attest_prompt_memory is in use", NGX_HTTP_ATTEST_BUSY },

    { NGX_HTTP_ATTEST_GONE, NGX_HTTP_BAD_GATEWAY,
      NGX_HTTP_ATTEST_UNCOUNTED, NULL,
      "Bad Gateway",
      "the backend that has the prompt does not answer it", 0 },

    { NGX_HTTP_ATTEST_INTERNAL, NGX_HTTP_INTERNAL_SERVER_ERROR,
      NGX_HTTP_ATTEST_UNCOUNTED, NULL,
      "Internal Server Error",
      "the request could not be processed", 0 },

    { 0, 0, 0, NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_http_attest_refusal(ngx_http_request_t *r,
    const ngx_http_attest_format_t *format, ngx_uint_t why)
{
    u_char                           *p;
    ngx_http_attest_ctx_t            *ctx;
    ngx_http_attest_main_conf_t      *amcf;
    const ngx_http_attest_refusal_t  *no;

    ctx = ngx_http_attest_prompt_ctx(r);

    if (why == NGX_HTTP_ATTEST_NO_EVIDENCE) {

        /* worded and counted in one place, whoever is asked for it */

        if (ctx != NULL) {
            ctx->status = NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_CLOSED);
    }

    no = ngx_http_attest_refusal_find(format->refusals, why);

    if (no == NULL) {
        no = ngx_http_attest_refusal_find(ngx_http_attest_refusals, why);
    }

    if (no == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx != NULL) {
        ctx->status = no->status;
    }

    if (no->counter != NGX_HTTP_ATTEST_UNCOUNTED) {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        p = (u_char *) ngx_http_attest_state_stats(amcf) + no->counter;
        (void) ngx_atomic_fetch_add((ngx_atomic_t *) p, 1);
    }

    return ngx_http_attest_problem(r, no->status, no->type, no->title,
                                   no->detail, no->retry_after);
}


static const ngx_http_attest_refusal_t *
ngx_http_attest_refusal_find(const ngx_http_attest_refusal_t *list,
    ngx_uint_t why)
{
    for ( /* void */ ; list->why != 0; list++) {
        if (list->why == why) {
            return list;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_attest_refusal_of(ngx_http_request_t *r)
{
    return (r->err_status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
           ? NGX_HTTP_ATTEST_TOO_LONG : NGX_HTTP_ATTEST_MALFORMED;
}
