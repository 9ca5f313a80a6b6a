/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Why an encrypted prompt is refused: what is counted, and what the client is
 * told.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_refusal.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_prompt.h"


typedef struct {
    ngx_uint_t    status;
    size_t        counter;          /* in ngx_http_attest_stats_t */
    const char   *type;
    const char   *title;
    const char   *detail;
    time_t        retry_after;
} ngx_http_attest_refusal_t;


static ngx_int_t ngx_http_attest_refusal_answer(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why);


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

    { NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encrypted request",
      "a frame was changed or lost on its way, the first was not", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the prompt exceeds attest_prompt_max_size", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "the encrypted body exceeds client_max_body_size", 0 },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encrypted request too large",
      "there are too many bytes of framing around the prompt", 0 },

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

    { NGX_HTTP_SERVICE_UNAVAILABLE,
      offsetof(ngx_http_attest_stats_t, refused_memory),
      NGX_HTTP_ATTEST_URN "busy",
      "Too many encrypted requests",
      "all of attest_prompt_memory is in use", NGX_HTTP_ATTEST_BUSY },

    { NGX_HTTP_BAD_GATEWAY, 0, NULL,
      "Bad Gateway",
      "the backend that has the prompt does not answer it", 0 },

    { NGX_HTTP_INTERNAL_SERVER_ERROR, 0, NULL,
      "Internal Server Error",
      "the request could not be processed", 0 }
};


/* Counts and answers. */

ngx_int_t
ngx_http_attest_refuse(ngx_http_request_t *r,
    ngx_http_attest_refusal_e why)
{
    u_char                       *p;
    ngx_http_attest_main_conf_t  *amcf;

    if (why < NGX_HTTP_ATTEST_GONE) {
        amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
        p = (u_char *) ngx_http_attest_stats(amcf)
            + ngx_http_attest_refusals[why].counter;
        (void) ngx_atomic_fetch_add((ngx_atomic_t *) p, 1);
    }

    return ngx_http_attest_refusal_answer(r, why);
}


/* Answers, finalizes, and returns what a phase handler does then. */

static ngx_int_t
ngx_http_attest_refusal_answer(ngx_http_request_t *r,
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
