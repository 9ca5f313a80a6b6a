/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directives of other modules name files that those modules read by
 * themselves, which nobody but "attest_measure" covers: whoever leaves one
 * out is warned.
 */


#include "http/ngx_http_attest_reader.h"


/* Directives whose argument is a file that their module reads. */

#define NGX_HTTP_ATTEST_ARG_LAST       0
#define NGX_HTTP_ATTEST_ARG_CODE       100   /* none: code that can read */

typedef struct {
    ngx_str_t                  name;
    ngx_uint_t                 arg;
} ngx_http_attest_reader_t;


typedef struct {
    const char                *name;
    const char                *directives;
} ngx_http_attest_reader_module_t;


#define NGX_HTTP_ATTEST_BY_GEOIP                                             \
    "\"geoip_country\", \"geoip_city\" and \"geoip_org\""

#define NGX_HTTP_ATTEST_BY_JS                                                \
    "\"js_import\", \"js_path\" and \"js_preload_object\""

#define NGX_HTTP_ATTEST_BY_LUA                                               \
    "\"*_by_lua_file\", \"*_by_lua_block\" and \"lua_package_path\""


static ngx_uint_t ngx_http_attest_reader_arg(attest_conf_statement_t *s);
static ngx_uint_t ngx_http_attest_reader_is_measured(
    ngx_http_attest_measure_t *m, ngx_str_t *full);


/*
 * Not here: certificates and their keys, which claims bind or which say
 * nothing about what is served, and what is read for each request to be sent
 * out.  Lua's are told by the ends of their names.
 */

static ngx_http_attest_reader_t  ngx_http_attest_readers[] = {
    { ngx_string("auth_basic_user_file"), 1 },
    { ngx_string("auth_digest_user_file"), 1 },
    { ngx_string("auth_gss_keytab"), 1 },
    { ngx_string("auth_jwt_key_file"), 1 },
    { ngx_string("ssl_client_certificate"), 1 },
    { ngx_string("ssl_trusted_certificate"), 1 },
    { ngx_string("ssl_crl"), 1 },
    { ngx_string("ssl_stapling_file"), 1 },
    { ngx_string("ssl_dhparam"), 1 },
    { ngx_string("proxy_ssl_trusted_certificate"), 1 },
    { ngx_string("proxy_ssl_crl"), 1 },
    { ngx_string("grpc_ssl_trusted_certificate"), 1 },
    { ngx_string("grpc_ssl_crl"), 1 },
    { ngx_string("uwsgi_ssl_trusted_certificate"), 1 },
    { ngx_string("uwsgi_ssl_crl"), 1 },
    { ngx_string("geoip_country"), 1 },
    { ngx_string("geoip_city"), 1 },
    { ngx_string("geoip_org"), 1 },
    { ngx_string("geoip2"), 1 },
    { ngx_string("xslt_stylesheet"), 1 },
    { ngx_string("xml_entities"), 1 },
    { ngx_string("perl_modules"), 1 },
    { ngx_string("perl_require"), 1 },
    { ngx_string("perl_set"), NGX_HTTP_ATTEST_ARG_CODE },
    { ngx_string("perl"), NGX_HTTP_ATTEST_ARG_CODE },
    { ngx_string("js_include"), 1 },
    { ngx_string("js_import"), NGX_HTTP_ATTEST_ARG_LAST },
    { ngx_string("js_preload_object"), NGX_HTTP_ATTEST_ARG_LAST },
    { ngx_string("js_path"), 1 },
    { ngx_string("set_by_lua_file"), 2 },
    { ngx_string("lua_package_path"), 1 },
    { ngx_string("lua_package_cpath"), 1 },
    { ngx_string("lua_ssl_trusted_certificate"), 1 },
    { ngx_string("lua_ssl_crl"), 1 },
    { ngx_string("modsecurity_rules_file"), 1 },
    { ngx_string("modsecurity_rules_remote"), 2 },
    { ngx_string("modsecurity_rules"), NGX_HTTP_ATTEST_ARG_CODE },
    { ngx_string("opentracing_load_tracer"), 1 },
    { ngx_null_string, 0 }
};


/* Who has them, among the modules that are seldom there unused. */

static ngx_http_attest_reader_module_t  ngx_http_attest_reader_modules[] = {
    { "ngx_http_auth_digest_module", "\"auth_digest_user_file\"" },
    { "ngx_http_auth_jwt_module", "\"auth_jwt_key_file\"" },
    { "ngx_http_auth_pam_module", "\"auth_pam_service_name\"" },
    { "ngx_http_auth_spnego_module", "\"auth_gss_keytab\"" },
    { "ngx_http_geoip_module", NGX_HTTP_ATTEST_BY_GEOIP },
    { "ngx_stream_geoip_module", NGX_HTTP_ATTEST_BY_GEOIP },
    { "ngx_http_geoip2_module", "\"geoip2\"" },
    { "ngx_stream_geoip2_module", "\"geoip2\"" },
    { "ngx_http_js_module", NGX_HTTP_ATTEST_BY_JS },
    { "ngx_stream_js_module", NGX_HTTP_ATTEST_BY_JS },
    { "ngx_http_lua_module", NGX_HTTP_ATTEST_BY_LUA },
    { "ngx_stream_lua_module", NGX_HTTP_ATTEST_BY_LUA },
    { "ngx_http_modsecurity_module", "\"modsecurity_rules_file\" and "
      "\"modsecurity_rules\"" },
    { "ngx_http_opentracing_module", "\"opentracing_load_tracer\"" },
    { "ngx_http_perl_module", "\"perl_modules\", \"perl_require\", \"perl\" "
      "and \"perl_set\"" },
    { "ngx_http_xslt_filter_module", "\"xslt_stylesheet\" and "
      "\"xml_entities\"" },
    { NULL, NULL }
};


/* A module that reads files may do so without a directive, too. */

void
ngx_http_attest_reader_warn_modules(ngx_http_attest_measure_t *m)
{
    ngx_uint_t                        i;
    ngx_http_attest_reader_module_t  *rm;

    for (i = 0; m->cycle->modules[i] != NULL; i++) {
        for (rm = ngx_http_attest_reader_modules; rm->name != NULL; rm++) {

            if (ngx_strcmp(m->cycle->modules[i]->name, rm->name) != 0) {
                continue;
            }

            ngx_log_error(NGX_LOG_WARN, m->log, 0,
                          "\"%s\" is loaded, which reads files by %s, and "
                          "the configuration record does not name them: "
                          "add them to \"attest_measure\"",
                          rm->name, rm->directives);
        }
    }
}


/* A directive of a module that reads a file of its own. */

ngx_int_t
ngx_http_attest_reader_warn(ngx_http_attest_measure_t *m, ngx_str_t *path,
    attest_conf_statement_t *s)
{
    ngx_str_t      full[2];
    ngx_uint_t     arg;
    attest_span_t  name, file;

    name = s->token[0];
    arg = ngx_http_attest_reader_arg(s);

    if (arg == NGX_HTTP_ATTEST_ARG_CODE) {

        if (m->amcf->measure->nelts == 0) {
            ngx_log_error(NGX_LOG_WARN, m->log, 0,
                          "\"%*s\" can read files, which the configuration "
                          "record does not name: add them to "
                          "\"attest_measure\", in %V:%ui",
                          name.n, name.p, path, (ngx_uint_t) s->line);
        }

        return NGX_OK;
    }

    if (arg == 0 || arg >= s->count || arg >= ATTEST_CONF_TOKENS
        || attest_span_is(s->token[arg], "off"))
    {
        return NGX_OK;
    }

    file = s->token[arg];

    /* modules differ in the folder that a name is relative to */

    if (ngx_http_attest_measure_full_name(m, file, "", 0, &full[0]) != NGX_OK
        || ngx_http_attest_measure_full_name(m, file, "", 1,
                                             &full[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_attest_reader_is_measured(m, &full[0])
        && !ngx_http_attest_reader_is_measured(m, &full[1]))
    {
        ngx_log_error(NGX_LOG_WARN, m->log, 0,
                      "\"%*s\" reads \"%*s\", which the configuration record "
                      "does not name: add it to \"attest_measure\", "
                      "in %V:%ui", name.n, name.p, file.n, file.p, path,
                      (ngx_uint_t) s->line);
    }

    return NGX_OK;
}


/* Which argument it is, 0: none. */

static ngx_uint_t
ngx_http_attest_reader_arg(attest_conf_statement_t *s)
{
    attest_span_t              name;
    ngx_http_attest_reader_t  *r;

    name = s->token[0];

    for (r = ngx_http_attest_readers; r->name.len != 0; r++) {
        if (r->name.len == name.n
            && ngx_memcmp(r->name.data, name.p, name.n) == 0)
        {
            return (r->arg != NGX_HTTP_ATTEST_ARG_LAST) ? r->arg
                                                        : s->count - 1;
        }
    }

    if (ngx_http_attest_reader_ends_with(name, "_by_lua_file")) {
        return 1;
    }

    return (ngx_http_attest_reader_ends_with(name, "_by_lua_block")
            || ngx_http_attest_reader_ends_with(name, "_by_lua"))
           ? NGX_HTTP_ATTEST_ARG_CODE : 0;
}


/* The file itself, or something in the folder. */

static ngx_uint_t
ngx_http_attest_reader_is_measured(ngx_http_attest_measure_t *m,
    ngx_str_t *full)
{
    size_t                       n;
    ngx_uint_t                   i;
    ngx_http_attest_measured_t  *file;

    n = full->len;
    file = m->amcf->measure->elts;

    for (i = 0; i < m->amcf->measure->nelts; i++) {
        if (file[i].path.len >= n
            && ngx_memcmp(file[i].path.data, full->data, n) == 0
            && (file[i].path.len == n || file[i].path.data[n] == '/'))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_attest_reader_ends_with(attest_span_t s, const char *text)
{
    size_t  n;

    n = ngx_strlen(text);

    return s.n >= n && ngx_memcmp(s.p + s.n - n, text, n) == 0;
}
