/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "attest_verify": which groups of upstreams are verified, by which policy,
 * and what of the configuration would get around it.
 */


#include "http/upstream/ngx_http_attest_verify.h"


#define NGX_HTTP_ATTEST_VERIFY_TIMEOUT  10000   /* ms */
#define NGX_HTTP_ATTEST_VERIFY_PATH     "/.well-known/attestation"
#define NGX_HTTP_ATTEST_VERIFY_MAX_PATH 256
#define NGX_HTTP_ATTEST_VERIFY_RESOLVED 16      /* addresses of a name that
                                                   change while nginx runs */


static ngx_int_t ngx_http_attest_verify_option(ngx_conf_t *cf,
    ngx_http_attest_verify_t *v, ngx_str_t *value, ngx_str_t *key);
static ngx_int_t ngx_http_attest_verify_path(ngx_http_attest_verify_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_attest_verify_interval(ngx_http_attest_verify_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_attest_verify_timeout(ngx_http_attest_verify_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_attest_verify_source(ngx_http_attest_verify_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_attest_verify_group(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_http_attest_verify_id(ngx_http_attest_verify_t *v);
static ngx_int_t ngx_http_attest_verify_locations(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_verify_location(ngx_conf_t *cf,
    void **loc_conf);
static ngx_uint_t ngx_http_attest_verify_passes(ngx_module_t *module);


char *
ngx_http_attest_verify_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    ngx_str_t                 *value, key;
    ngx_uint_t                 i;
    const char                *what;
    ngx_http_attest_verify_t  *v;

    if (ascf->verify != NULL) {
        return "is duplicate";
    }

    v = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_verify_t));
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    v->timeout = NGX_HTTP_ATTEST_VERIFY_TIMEOUT;
    v->file_name = cf->conf_file->file.name.data;
    v->line = cf->conf_file->line;
    ngx_str_set(&v->evidence, NGX_HTTP_ATTEST_VERIFY_PATH);
    ngx_str_set(&key, "");

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_attest_verify_option(cf, v, &value[i], &key) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    v->file = ngx_http_attest_policies_get(cf, cmd, &value[1], &key);
    if (v->file == NULL) {
        return NGX_CONF_ERROR;
    }

    what = v->certificate ? ngx_http_attest_policies_unproven(v->file->policy)
                          : NULL;

    if (what != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"attest_verify\" with \"source=certificate\" "
                           "cannot prove what \"%V\" demands: \"%s\"",
                           &v->file->path, what);
        return NGX_CONF_ERROR;
    }

    ascf->verify = v;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_attest_verify_option(ngx_conf_t *cf, ngx_http_attest_verify_t *v,
    ngx_str_t *value, ngx_str_t *key)
{
    size_t      n;
    ngx_str_t   text;
    ngx_uint_t  i;

    static struct {
        ngx_str_t     name;
        ngx_int_t   (*set)(ngx_http_attest_verify_t *v, ngx_str_t *value);
        const char   *possible;
    }  options[] = {
        { ngx_string("evidence="), ngx_http_attest_verify_path,
          "it must be a path" },
        { ngx_string("interval="), ngx_http_attest_verify_interval,
          "1s to 24h are possible" },
        { ngx_string("timeout="), ngx_http_attest_verify_timeout,
          "100ms to 60s are possible" },
        { ngx_string("source="), ngx_http_attest_verify_source,
          "it must be \"endpoint\" or \"certificate\"" },
        { ngx_null_string, NULL, NULL }
    };

    if (value->len > 4 && ngx_strncmp(value->data, "key=", 4) == 0) {
        key->data = value->data + 4;
        key->len = value->len - 4;

        return NGX_OK;
    }

    for (i = 0; options[i].set != NULL; i++) {
        n = options[i].name.len;

        if (value->len < n
            || ngx_strncmp(value->data, options[i].name.data, n) != 0)
        {
            continue;
        }

        text.data = value->data + n;
        text.len = value->len - n;

        if (options[i].set(v, &text) == NGX_OK) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"attest_verify\", "
                           "%s", value, options[i].possible);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"attest_verify\", "
                       "there are \"key=\", \"evidence=\", \"interval=\", "
                       "\"timeout=\" and \"source=\"", value);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_verify_path(ngx_http_attest_verify_t *v, ngx_str_t *value)
{
    size_t  i;

    if (value->len == 0 || value->len >= NGX_HTTP_ATTEST_VERIFY_MAX_PATH
        || value->data[0] != '/')
    {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] > 0x7e
            || value->data[i] == '#' || value->data[i] == '?')
        {
            return NGX_ERROR;
        }
    }

    v->evidence = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_verify_interval(ngx_http_attest_verify_t *v,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 1);

    if (n < 1 || n > 24 * 3600) {
        return NGX_ERROR;
    }

    v->interval = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_verify_timeout(ngx_http_attest_verify_t *v, ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n < 100 || n > 60 * 1000) {
        return NGX_ERROR;
    }

    v->timeout = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_verify_source(ngx_http_attest_verify_t *v, ngx_str_t *value)
{
    v->certificate = ngx_http_attest_is(value, "certificate");

    return (v->certificate || ngx_http_attest_is(value, "endpoint"))
           ? NGX_OK : NGX_ERROR;
}


ngx_http_attest_verify_t *
ngx_http_attest_verify_of(ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_http_attest_srv_conf_t  *ascf;

    if (uscf->srv_conf == NULL) {
        /* not of an upstream{} */
        return NULL;
    }

    ascf = ngx_http_conf_upstream_srv_conf(uscf, ngx_http_attest_module);

    return (ascf != NULL) ? ascf->verify : NULL;
}


ngx_int_t
ngx_http_attest_verify_groups(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (ngx_http_attest_verify_of(uscfp[i]) != NULL
            && ngx_http_attest_verify_group(cf, amcf, uscfp[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (amcf->verified->nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_attest_verify_locations(cf);
}


static ngx_int_t
ngx_http_attest_verify_group(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_uint_t                    i;
    ngx_http_attest_verify_t     *v, **vp;
    ngx_http_upstream_server_t   *server;

    v = ngx_http_attest_verify_of(uscf);

    v->name = uscf->host;
    v->amcf = amcf;

    if (uscf->servers != NULL) {
        server = uscf->servers->elts;

        for (i = 0; i < uscf->servers->nelts; i++) {
            v->peers += server[i].naddrs;

            if (ngx_http_attest_resolves(&server[i])) {
                v->peers += NGX_HTTP_ATTEST_VERIFY_RESOLVED;
            }
        }
    }

    if (ngx_http_attest_verify_id(v) != NGX_OK) {
        return NGX_ERROR;
    }

    vp = ngx_array_push(amcf->verified);
    if (vp == NULL) {
        return NGX_ERROR;
    }

    *vp = v;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_verify_id(ngx_http_attest_verify_t *v)
{
    u_char         source;
    attest_span_t  parts[4];

    source = (u_char) v->certificate;

    parts[0].p = v->file->digest;
    parts[0].n = sizeof(v->file->digest);
    parts[1].p = &source;
    parts[1].n = 1;

    /* with its zero byte, so that they cannot run together */

    parts[2].p = v->evidence.data;
    parts[2].n = v->evidence.len + 1;
    parts[3].p = v->name.data;
    parts[3].n = v->name.len;

    return (attest_sha256(parts, 4, v->id) == ATTEST_OK) ? NGX_OK : NGX_ERROR;
}


/*
 * What would be refused at run time is said at once where it shows: a target
 * that is a variable does not.
 */

static ngx_int_t
ngx_http_attest_verify_locations(ngx_conf_t *cf)
{
    ngx_uint_t                    s, i;
    void                       ***locs;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {
        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (ascf->locations == NULL) {
            continue;
        }

        locs = ascf->locations->elts;

        for (i = 0; i < ascf->locations->nelts; i++) {
            if (ngx_http_attest_verify_location(cf, locs[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_verify_location(ngx_conf_t *cf, void **loc_conf)
{
    const char                *bad;
    ngx_uint_t                 i;
    ngx_http_upstream_conf_t  *conf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_attest_verify_t  *v;

    clcf = loc_conf[ngx_http_core_module.ctx_index];

    for (i = 0; cf->cycle->modules[i] != NULL; i++) {

        if (!ngx_http_attest_verify_passes(cf->cycle->modules[i])) {
            continue;
        }

        conf = loc_conf[cf->cycle->modules[i]->ctx_index];

        if (conf == NULL || conf->upstream == NULL
            || conf->upstream == NGX_CONF_UNSET_PTR)
        {
            continue;
        }

        v = ngx_http_attest_verify_of(conf->upstream);
        bad = (v != NULL) ? ngx_http_attest_verify_unfit(conf) : NULL;

        if (bad != NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "location \"%V\" passes to \"%V\", which "
                          "\"attest_verify\" in %s:%ui verifies: %s",
                          &clcf->name, &v->name, v->file_name, v->line, bad);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Whose locations begin with what nginx knows of an upstream. */

static ngx_uint_t
ngx_http_attest_verify_passes(ngx_module_t *module)
{
    ngx_uint_t  i;

    static const char  *modules[] = {
        "ngx_http_proxy_module", "ngx_http_grpc_module",
        "ngx_http_uwsgi_module", "ngx_http_fastcgi_module",
        "ngx_http_scgi_module", "ngx_http_memcached_module", NULL
    };

    for (i = 0; modules[i] != NULL; i++) {
        if (ngx_strcmp(module->name, modules[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_http_attest_verify_unfit(ngx_http_upstream_conf_t *conf)
{
    if (conf->ssl == NULL || conf->ssl->ctx == NULL) {
        return "the connection would be without TLS";
    }

    if (SSL_CTX_get_keylog_callback(conf->ssl->ctx) != NULL) {
        return "the connection's secrets would be written to a file";
    }

    return NULL;
}
