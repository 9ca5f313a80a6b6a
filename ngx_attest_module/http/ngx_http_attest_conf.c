/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directives: their setters, what holds where nothing is set, and how levels
 * of the configuration are merged.
 */


#include "http/evidence/ngx_http_attest_source.h"
#include "http/ngx_http_attest_conf.h"
#include "http/prompt/ngx_http_attest_cors.h"
#include "http/prompt/ngx_http_attest_pass.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_routes.h"
#include "http/ngx_http_attest_tls.h"


/* attest_prompt_memory, of each worker */
#define NGX_HTTP_ATTEST_MEMORY  ((size_t) 64 * 1024 * 1024)


static int64_t ngx_http_attest_conf_seconds(ngx_str_t *value);
static int64_t ngx_http_attest_conf_milliseconds(ngx_str_t *value);
static int64_t ngx_http_attest_conf_number(ngx_str_t *value);
static int64_t ngx_http_attest_conf_size(ngx_str_t *value);
static int64_t ngx_http_attest_conf_offset(ngx_str_t *value);
static ngx_int_t ngx_http_attest_conf_cors_origin(ngx_str_t *value);


ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_lifetime = {
    ngx_http_attest_conf_seconds, 3, 24 * 3600, "value", NULL,
    "3s to 24h are possible"
};

ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_zone = {
    ngx_http_attest_conf_size, 64 * 1024, 1024 * 1024 * 1024, "size", NULL,
    "64k to 1024m are possible"
};

ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_queue = {
    ngx_http_attest_conf_number, 1, 1024, "number", NULL,
    "1 to 1024 are possible"
};

ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_memory = {
    ngx_http_attest_conf_offset, 256 * 1024,
    (int64_t) 64 * 1024 * 1024 * 1024, "size", NULL,
    "256k to 64g are possible"
};

ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_max_size = {
    ngx_http_attest_conf_offset, 1, 1024 * 1024 * 1024, "size", NULL,
    "1 to 1024m are possible"
};

ngx_http_attest_conf_bounds_t  ngx_http_attest_conf_coalesce = {
    ngx_http_attest_conf_milliseconds, 1, 5000, "time", "off",
    "it must be \"off\" or from 1ms to 5s"
};


static ngx_conf_enum_t  ngx_http_attest_conf_prompt_modes[] = {
    { ngx_string("off"), NGX_HTTP_ATTEST_MODE_OFF },
    { ngx_string("optional"), NGX_HTTP_ATTEST_MODE_OPTIONAL },
    { ngx_string("required"), NGX_HTTP_ATTEST_MODE_REQUIRED },
    { ngx_null_string, 0 }
};

ngx_http_attest_conf_words_t  ngx_http_attest_conf_modes = {
    ngx_http_attest_conf_prompt_modes,
    "it must be \"required\", \"optional\" or \"off\""
};


void *
ngx_http_attest_conf_create_main(ngx_conf_t *cf)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    amcf->servers = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_attest_srv_conf_t *));
    amcf->run.names = ngx_array_create(cf->pool, 4, sizeof(char *));
    amcf->measure = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_attest_measured_t));

    amcf->environment = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    amcf->policies = ngx_array_create(cf->pool, 1, sizeof(void *));
    amcf->verified = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_attest_verify_t *));

    amcf->source = ngx_http_attest_source_create_conf(cf);

    if (amcf->environment == NULL || amcf->policies == NULL
        || amcf->verified == NULL)
    {
        return NULL;
    }

    if (amcf->servers == NULL || amcf->run.names == NULL
        || amcf->measure == NULL || amcf->source == NULL)
    {
        return NULL;
    }

    amcf->formats = ngx_http_attest_formats;

    amcf->timeout = NGX_CONF_UNSET_MSEC;
    amcf->lifetime = NGX_CONF_UNSET;
    amcf->zone_size = NGX_CONF_UNSET_SIZE;
    amcf->memory = NGX_CONF_UNSET_SIZE;
    amcf->peers_size = NGX_CONF_UNSET_SIZE;
    amcf->queue = NGX_CONF_UNSET_UINT;
    amcf->xwing_conf = NGX_CONF_UNSET_UINT;
    amcf->start_without_evidence = NGX_CONF_UNSET;

    return amcf;
}


char *
ngx_http_attest_conf_init_main(ngx_conf_t *cf, void *conf)
{
    ngx_http_attest_main_conf_t  *amcf = conf;

    ngx_http_ssl_srv_conf_t  *sscf;

    ngx_conf_init_msec_value(amcf->timeout,
                             ngx_http_attest_source_timeout(amcf));
    ngx_conf_init_value(amcf->lifetime, 3600);
    ngx_conf_init_size_value(amcf->zone_size, 4 * 1024 * 1024);
    ngx_conf_init_size_value(amcf->peers_size, 8 * 1024 * 1024);
    ngx_conf_init_uint_value(amcf->queue, 16);
    ngx_conf_init_value(amcf->start_without_evidence, 0);

    /* before it is merged into the servers: zero when not set */

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);
    amcf->http_protocols = sscf->protocols;
    amcf->http_ticket_keys = sscf->session_ticket_keys;

    return (ngx_http_attest_cors_init(cf, amcf) == NGX_OK) ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


void *
ngx_http_attest_conf_create_srv(ngx_conf_t *cf)
{
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_srv_conf_t));
    if (ascf == NULL) {
        return NULL;
    }

    ascf->certificate = NGX_CONF_UNSET;
    ascf->present = NGX_CONF_UNSET;

    return ascf;
}


char *
ngx_http_attest_conf_merge_srv(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_srv_conf_t  *conf = child;

    ngx_http_ssl_srv_conf_t       *sscf;
    ngx_http_attest_srv_conf_t   **ascf;
    ngx_http_attest_main_conf_t   *amcf;

    if (conf->certificate == NGX_CONF_UNSET) {
        conf->certificate = 0;
    }

    if (!conf->attested) {
        return NGX_CONF_OK;
    }

    /* not later: nginx' own QUIC learns its keys in the same way */

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    conf->key_log = (sscf->ssl.ctx != NULL
                     && SSL_CTX_get_keylog_callback(sscf->ssl.ctx) != NULL);

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    ascf = ngx_array_push(amcf->servers);
    if (ascf == NULL) {
        return NGX_CONF_ERROR;
    }

    *ascf = conf;

    return NGX_CONF_OK;
}


void *
ngx_http_attest_conf_create_loc(ngx_conf_t *cf)
{
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->format_conf = NGX_CONF_UNSET_PTR;
    alcf->mode = NGX_CONF_UNSET_UINT;
    alcf->max_size = NGX_CONF_UNSET_SIZE;
    alcf->cors = NGX_CONF_UNSET_PTR;
    alcf->replay = NGX_CONF_UNSET_UINT;
    alcf->coalesce = NGX_CONF_UNSET_MSEC;
    alcf->pad = NGX_CONF_UNSET_SIZE;
    alcf->mirror = NGX_CONF_UNSET;
    alcf->inner = NGX_CONF_UNSET;

    return alcf;
}


char *
ngx_http_attest_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_loc_conf_t  *prev = parent;
    ngx_http_attest_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_attest_main_conf_t     *amcf;
    const ngx_http_attest_format_t  *format;

    format = prev->format_conf;

    /* a gateway is one location, not what is nested in it */

    if (format != NGX_CONF_UNSET_PTR && format != NULL && format->inner) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        if (clcf->noname) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"if\" and \"limit_except\" cannot be used in "
                               "the gateway location of \"attest_prompt "
                               "%V\"", &format->name);
            return NGX_CONF_ERROR;
        }

    } else {
        ngx_conf_merge_ptr_value(conf->format_conf, format, NULL);
    }

    ngx_conf_init_ptr_value(conf->format_conf, NULL);

    ngx_http_attest_format_merge(prev, conf);

    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_ATTEST_MODE_REQUIRED);
    ngx_conf_merge_size_value(conf->max_size, prev->max_size,
                              8 * 1024 * 1024);
    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NULL);
    ngx_conf_merge_msec_value(conf->coalesce, prev->coalesce, 0);
    ngx_conf_merge_value(conf->mirror, prev->mirror, 0);

    if (ngx_http_attest_routes_add(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    conf->hides = ngx_http_attest_pass_bad(cf,
                                ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf);

    /* the endpoints of a sealed server are read in clear by design */

    format = conf->format_conf;

    conf->format = (conf->endpoint && format != NULL && !format->inner)
                   ? NULL : format;

    if (ngx_http_attest_format_check(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->format == NULL
        || (conf->mode == NGX_HTTP_ATTEST_MODE_OFF && !conf->format->inner))
    {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->prompts = 1;

    return ngx_http_attest_pass_check(cf, conf);
}


void
ngx_http_attest_conf_mark_server(ngx_conf_t *cf)
{
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_attest_module);

    ascf->attested = 1;

    if (ascf->file_name == NULL) {
        ascf->file_name = cf->conf_file->file.name.data;
        ascf->line = cf->conf_file->line;
    }
}


/*
 * As nginx' own slots for a size, a time and so on; these say what is
 * possible, in one sentence for what is no number and for what is too large.
 */

char *
ngx_http_attest_conf_bounded(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    int64_t                         n;
    ngx_str_t                      *value;
    ngx_uint_t                     *field;
    ngx_http_attest_conf_bounds_t  *bounds;

    bounds = cmd->post;

    /* what nginx has for them is as long as a pointer: _msec_t, size_t, ... */

    field = (ngx_uint_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (bounds->off != NULL && ngx_strcmp(value[1].data, bounds->off) == 0) {
        *field = 0;
        return NGX_CONF_OK;
    }

    n = bounds->parse(&value[1]);

    if (n < bounds->min || n > bounds->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s \"%V\" in \"%V\", %s", bounds->what,
                           &value[1], &cmd->name, bounds->possible);
        return NGX_CONF_ERROR;
    }

    if (bounds->parse == ngx_http_attest_conf_seconds) {
        /* time_t is not everywhere as long as a pointer */
        *(time_t *) field = n;

    } else {
        *field = n;
    }

    return NGX_CONF_OK;
}


/* What is no number gives NGX_ERROR, which is below all bounds. */

static int64_t
ngx_http_attest_conf_seconds(ngx_str_t *value)
{
    return ngx_parse_time(value, 1);
}


static int64_t
ngx_http_attest_conf_milliseconds(ngx_str_t *value)
{
    return ngx_parse_time(value, 0);
}


static int64_t
ngx_http_attest_conf_number(ngx_str_t *value)
{
    return ngx_atoi(value->data, value->len);
}


static int64_t
ngx_http_attest_conf_size(ngx_str_t *value)
{
    return ngx_parse_size(value);
}


static int64_t
ngx_http_attest_conf_offset(ngx_str_t *value)
{
    return ngx_parse_offset(value);
}


/* As ngx_conf_set_enum_slot(), and says which words there are. */

char *
ngx_http_attest_conf_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t                     *value;
    ngx_uint_t                    *field;
    ngx_conf_enum_t               *e;
    ngx_http_attest_conf_words_t  *words;

    words = cmd->post;
    field = (ngx_uint_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (e = words->words; e->name.len != 0; e++) {
        if (e->name.len == value[1].len
            && ngx_strncmp(e->name.data, value[1].data, e->name.len) == 0)
        {
            *field = e->value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", %s", &value[1],
                       &cmd->name, words->possible);
    return NGX_CONF_ERROR;
}


char *
ngx_http_attest_conf_measure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_attest_measured_t  *file;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        file = ngx_array_push(amcf->measure);
        if (file == NULL) {
            return NGX_CONF_ERROR;
        }

        file->path = value[i];
        file->reported = 0;

        if (ngx_conf_full_name(cf->cycle, &file->path, 0) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_file_info(file->path.data, &file->info) == NGX_FILE_ERROR
            || !ngx_is_file(&file->info))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "\"%V\" in \"attest_measure\" is not "
                               "a readable file", &file->path);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_attest_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    char  *rv;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_attest_conf_mark_server(cf);

    if (!ascf->certificate) {
        return NGX_CONF_OK;
    }

    if (ngx_http_attest_tls_placeholder(cf) != NGX_OK) {
        return "conflicts with \"ssl_certificate\": the module makes the key "
               "and the certificate itself";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_attest_conf_cert_names(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (ascf->cert_names != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ascf->cert_names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                        sizeof(ngx_str_t));
    if (ascf->cert_names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (!attest_ratls_is_name((char *) value[i].data)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in "
                               "\"attest_certificate_names\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(ascf->cert_names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_attest_conf_prompt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t                       *value, names;
    const ngx_http_attest_format_t  *format;

    if (alcf->format_conf != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_attest_is(&value[1], "off")) {
        alcf->format_conf = NULL;
        return NGX_CONF_OK;
    }

    format = ngx_http_attest_format_find(&value[1]);

    if (format == NULL) {

        if (ngx_http_attest_format_names(cf->pool, &names) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_prompt\", it "
                           "must be %V or \"off\"", &value[1], &names);
        return NGX_CONF_ERROR;
    }

    ngx_http_attest_conf_mark_server(cf);

    alcf->format_conf = format;

    return ngx_http_attest_format_location(cf, alcf, format);
}


/* The default has room for two of the largest prompts that are allowed. */

ngx_int_t
ngx_http_attest_conf_memory_size(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->memory == NGX_CONF_UNSET_SIZE) {
        amcf->memory = ngx_align(ngx_max(2 * amcf->largest,
                                         NGX_HTTP_ATTEST_MEMORY),
                                 ngx_pagesize);
        return NGX_OK;
    }

    amcf->memory = ngx_align(amcf->memory, ngx_pagesize);

    if (amcf->memory < amcf->largest) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"attest_prompt_memory\" of %uz bytes has no room for "
                      "prompts that \"attest_prompt_max_size\" allows, "
                      "%uz bytes with what is around them: such are refused",
                      amcf->memory, amcf->largest);
    }

    return NGX_OK;
}


char *
ngx_http_attest_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (alcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_attest_is(&value[1], "off")) {
        alcf->cors = NULL;
        return NGX_CONF_OK;
    }

    alcf->cors = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_str_t));
    if (alcf->cors == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_attest_conf_cors_origin(&value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" in "
                               "\"attest_prompt_cors\", it must be \"*\" or "
                               "like \"https://example.com\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(alcf->cors);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* scheme://host[:port] as RFC 6454 section 6.2 writes it, or "*" */

static ngx_int_t
ngx_http_attest_conf_cors_origin(ngx_str_t *value)
{
    u_char  *p, *last;

    if (ngx_http_attest_is(value, "*")) {
        return NGX_OK;
    }

    p = value->data;
    last = p + value->len;

    if (value->len > 8 && ngx_strncmp(p, "https://", 8) == 0) {
        p += 8;

    } else if (value->len > 7 && ngx_strncmp(p, "http://", 7) == 0) {
        p += 7;

    } else {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < last; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '.' || *p == '-' || *p == ':' || *p == '['
              || *p == ']'))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
