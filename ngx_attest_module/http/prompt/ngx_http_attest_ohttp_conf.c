/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Oblivious HTTP, as a format of prompts and in the configuration: its entry,
 * its directives, and the words of its refusals.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/ngx_http_attest_problem.h"

#include "core/crypto/attest_xwing.h"


#define NGX_HTTP_ATTEST_WINDOW       60     /* s: of Date, by default */
#define NGX_HTTP_ATTEST_MAX_WINDOW   86400
#define NGX_HTTP_ATTEST_MIN_PAD      16

#define NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY                                    \
    "https://iana.org/assignments/http-problem-types#ohttp-key"


static char *ngx_http_attest_ohttp_location(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
static void ngx_http_attest_ohttp_merge(ngx_http_attest_loc_conf_t *prev,
    ngx_http_attest_loc_conf_t *conf);
static char *ngx_http_attest_ohttp_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
static ngx_uint_t ngx_http_attest_ohttp_kems(
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_ohttp_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_ohttp_target(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_attest_allow_t *allow);
static char *ngx_http_attest_ohttp_window(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_attest_loc_conf_t *alcf);


static const ngx_http_attest_refusal_t  ngx_http_attest_ohttp_refusals[] = {

    { NGX_HTTP_ATTEST_EARLY, 425,
      offsetof(ngx_http_attest_stats_t, refused_replay), NULL,
      "Too Early",
      "encapsulated requests are not taken from early data", 0 },

    { NGX_HTTP_ATTEST_WRONG_TYPE, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
      offsetof(ngx_http_attest_stats_t, refused_required), NULL,
      "Unsupported Media Type",
      "message/ohttp-req and message/ohttp-chunked-req are possible", 0 },

    { NGX_HTTP_ATTEST_MALFORMED, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encapsulated request",
      "the message ends before its ciphertext", 0 },

    { NGX_HTTP_ATTEST_TAMPERED, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_malformed),
      NGX_HTTP_ATTEST_URN "malformed",
      "Malformed encapsulated request",
      "a chunk was changed or lost on its way, the first was not", 0 },

    { NGX_HTTP_ATTEST_TOO_LARGE, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encapsulated request too large",
      "the message exceeds what attest_prompt_max_size allows", 0 },

    { NGX_HTTP_ATTEST_TOO_LONG, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      offsetof(ngx_http_attest_stats_t, refused_size),
      NGX_HTTP_ATTEST_URN "too-large",
      "Encapsulated request too large",
      "the encapsulated request exceeds client_max_body_size", 0 },

    { NGX_HTTP_ATTEST_NO_KEY, NGX_HTTP_BAD_REQUEST,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY,
      "Unknown key configuration",
      "fetch the current key configuration and try again", 0 },

    { NGX_HTTP_ATTEST_UNDECRYPTED, 422,
      offsetof(ngx_http_attest_stats_t, refused_key),
      NGX_HTTP_ATTEST_PROBLEM_OHTTP_KEY,
      "The request cannot be decrypted",
      "fetch the current key configuration and try again", 0 },

    { 0, 0, 0, NULL, NULL, NULL, 0 }
};


const ngx_http_attest_format_t  ngx_http_attest_ohttp_format = {
    ngx_string("ohttp"),
    1,                                     /* inner */
    NULL,                                  /* field */
    NULL,                                  /* response_fields */
    ngx_http_attest_ohttp_refusals,

    ngx_http_attest_ohttp_location,
    ngx_http_attest_ohttp_merge,
    ngx_http_attest_ohttp_check,
    ngx_http_attest_ohttp_kems,
    ngx_http_attest_ohttp_init,

    ngx_http_attest_ohttp_bad,
    ngx_http_attest_ohttp_admits,
    "no location of this server takes what \"attest_ohttp_allow\" allows, one "
    "needs \"internal\" and \"attest_ohttp_inner on\"",

    ngx_http_attest_ohttp_max_plain,
    ngx_http_attest_ohttp_max_body,

    ngx_http_attest_ohttp_find,
    ngx_http_attest_ohttp_start,
    ngx_http_attest_ohttp_open,
    ngx_http_attest_ohttp_fresh,
    ngx_http_attest_ohttp_finish,
    ngx_http_attest_ohttp_close,
    ngx_http_attest_ohttp_enter,

    ngx_http_attest_ohttp_head,
    ngx_http_attest_ohttp_flush,
    ngx_http_attest_ohttp_frame,
    ngx_http_attest_ohttp_end,

    ngx_http_attest_ohttp_protocol,
    ngx_http_attest_ohttp_cleanup
};


/* attest_prompt ohttp */

static char *
ngx_http_attest_ohttp_location(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (!(cf->cmd_type & NGX_HTTP_LOC_CONF)) {
        return "\"ohttp\" must be in a location of its own";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named) {
        return "\"ohttp\" cannot be in a named location";
    }

    clcf->handler = ngx_http_attest_ohttp_handler;

    return NGX_CONF_OK;
}


static void
ngx_http_attest_ohttp_merge(ngx_http_attest_loc_conf_t *prev,
    ngx_http_attest_loc_conf_t *conf)
{
    if (conf->replay == NGX_CONF_UNSET_UINT) {
        conf->window = prev->window;
    }

    ngx_conf_merge_uint_value(conf->replay, prev->replay,
                              NGX_HTTP_ATTEST_REPLAY_KEY);
    ngx_conf_merge_size_value(conf->pad, prev->pad, 0);
}


static char *
ngx_http_attest_ohttp_check(ngx_conf_t *cf, ngx_http_attest_loc_conf_t *alcf)
{
    const char                   *bad;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->format != &ngx_http_attest_ohttp_format
        && alcf->allow == NULL)
    {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    bad = NULL;

    if (alcf->format != &ngx_http_attest_ohttp_format) {
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

    /* what one location has taken must not be taken by another */

    if (alcf->replay == NGX_HTTP_ATTEST_REPLAY_KEY) {
        amcf->replay_key = 1;

    } else if (alcf->replay == NGX_HTTP_ATTEST_REPLAY_DATE) {
        amcf->window = ngx_max(amcf->window, alcf->window);
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_attest_ohttp_kems(ngx_http_attest_main_conf_t *amcf)
{
    ngx_conf_init_uint_value(amcf->xwing_conf, NGX_HTTP_ATTEST_XWING_AUTO);

    if (amcf->xwing_conf == NGX_HTTP_ATTEST_XWING_OFF
        || !attest_xwing_available())
    {
        return NGX_HTTP_ATTEST_KEM_SUITES;
    }

    return NGX_HTTP_ATTEST_KEM_SUITES|NGX_HTTP_ATTEST_KEM_XWING;
}


static ngx_int_t
ngx_http_attest_ohttp_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* phases run from the last to the first: before "return" */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_ohttp_gate;

    return ngx_http_attest_ohttp_log_init(cf);
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
