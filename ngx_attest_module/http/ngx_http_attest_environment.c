/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What changes a process before its first line runs is the environment: which
 * libraries are loaded, what OpenSSL does, where secrets are written.  Such
 * variables stand in the configuration record with their values, and the
 * files that they name with their digests; those that let secrets out are
 * refused unless "attest_environment" names them.
 */


#include "http/ngx_http_attest_environment.h"


#define NGX_HTTP_ATTEST_ENV_REFUSED  1
#define NGX_HTTP_ATTEST_ENV_FILES    2      /* names files to load or read */
#define NGX_HTTP_ATTEST_ENV_PREFIX   4      /* all that begin like this */


typedef struct {
    ngx_str_t     name;
    ngx_uint_t    flags;
} ngx_http_attest_environment_variable_t;


static ngx_uint_t ngx_http_attest_environment_flags(ngx_str_t *name);
static ngx_uint_t ngx_http_attest_environment_is_allowed(
    ngx_http_attest_measure_t *m, ngx_str_t *name);
static ngx_int_t ngx_http_attest_environment_measure_files(
    ngx_http_attest_measure_t *m, ngx_str_t *value);
static ngx_int_t ngx_http_attest_environment_measure_file(
    ngx_http_attest_measure_t *m, u_char *p, size_t n);
static int ngx_libc_cdecl ngx_http_attest_environment_cmp(const void *one,
    const void *two);


/*
 * The first that matches holds.  "NGINX" is not here: it names the sockets
 * that an upgrade hands over, and would make each upgrade another
 * configuration.
 */

static ngx_http_attest_environment_variable_t
    ngx_http_attest_environment_variables[] =
{
    { ngx_string("SSLKEYLOGFILE"), NGX_HTTP_ATTEST_ENV_REFUSED },
    { ngx_string("OPENSSL_TRACE"), NGX_HTTP_ATTEST_ENV_REFUSED },
    { ngx_string("TSS2_LOGFILE"), NGX_HTTP_ATTEST_ENV_REFUSED },
    { ngx_string("MALLOC_TRACE"), NGX_HTTP_ATTEST_ENV_REFUSED },
    { ngx_string("LD_AUDIT"), NGX_HTTP_ATTEST_ENV_REFUSED
                              |NGX_HTTP_ATTEST_ENV_FILES },
    { ngx_string("LD_PRELOAD"), NGX_HTTP_ATTEST_ENV_FILES },
    { ngx_string("LD_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("OPENSSL_CONF"), NGX_HTTP_ATTEST_ENV_FILES },
    { ngx_string("OPENSSL_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("SSL_CERT_FILE"), NGX_HTTP_ATTEST_ENV_FILES },
    { ngx_string("SSL_CERT_DIR"), 0 },
    { ngx_string("TSS2_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("MALLOC_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("GLIBC_TUNABLES"), 0 },
    { ngx_string("GCONV_PATH"), 0 },
    { ngx_string("LOCPATH"), 0 },
    { ngx_string("HOSTALIASES"), NGX_HTTP_ATTEST_ENV_FILES },
    { ngx_string("RES_OPTIONS"), 0 },
    { ngx_string("LOCALDOMAIN"), 0 },
    { ngx_string("PERL5"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("PERLLIB"), 0 },
    { ngx_string("LUA_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("ASAN_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("LSAN_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_string("UBSAN_"), NGX_HTTP_ATTEST_ENV_PREFIX },
    { ngx_null_string, 0 }
};


char *
ngx_http_attest_environment_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i, flags;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        flags = ngx_http_attest_environment_flags(&value[i]);

        if (flags == NGX_CONF_UNSET_UINT
            || !(flags & NGX_HTTP_ATTEST_ENV_REFUSED))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"attest_environment\" is no "
                               "variable that would be refused", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(amcf->environment);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_attest_environment_measure(ngx_http_attest_measure_t *m)
{
    char       **e;
    u_char      *eq;
    ngx_str_t    name, value, *var;
    ngx_uint_t   flags;

    for (e = environ; e != NULL && *e != NULL; e++) {
        name.data = (u_char *) *e;
        eq = (u_char *) ngx_strchr(name.data, '=');
        if (eq == NULL) {
            continue;
        }

        name.len = eq - name.data;
        value.data = eq + 1;
        value.len = ngx_strlen(value.data);
        flags = ngx_http_attest_environment_flags(&name);

        if (flags == NGX_CONF_UNSET_UINT || value.len == 0) {
            continue;
        }

        /* prov_tpm_quiet() */

        if (ngx_strcmp(name.data, "TSS2_LOG=all+none") == 0) {
            continue;
        }

        if ((flags & NGX_HTTP_ATTEST_ENV_REFUSED)
            && !ngx_http_attest_environment_is_allowed(m, &name))
        {
            ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                          "attest: \"%V\" in the environment can let secrets "
                          "out: unset it, or name it in "
                          "\"attest_environment\"", &name);
            return NGX_ERROR;
        }

        if ((flags & NGX_HTTP_ATTEST_ENV_FILES)
            && ngx_http_attest_environment_measure_files(m, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }

        var = ngx_array_push_n(&m->environment, 2);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var[0] = name;
        var[1] = value;
    }

    /* the same variables in another order are the same environment */

    ngx_qsort(m->environment.elts, m->environment.nelts / 2,
              2 * sizeof(ngx_str_t), ngx_http_attest_environment_cmp);

    return NGX_OK;
}


/* NGX_CONF_UNSET_UINT: a variable that changes nothing. */

static ngx_uint_t
ngx_http_attest_environment_flags(ngx_str_t *name)
{
    ngx_http_attest_environment_variable_t  *v;

    for (v = ngx_http_attest_environment_variables; v->name.len != 0; v++) {
        if (name->len >= v->name.len
            && ngx_memcmp(name->data, v->name.data, v->name.len) == 0
            && (name->len == v->name.len
                || (v->flags & NGX_HTTP_ATTEST_ENV_PREFIX)))
        {
            return v->flags;
        }
    }

    return NGX_CONF_UNSET_UINT;
}


static ngx_uint_t
ngx_http_attest_environment_is_allowed(ngx_http_attest_measure_t *m,
    ngx_str_t *name)
{
    ngx_str_t   *allowed;
    ngx_uint_t   i;

    allowed = m->amcf->environment->elts;

    for (i = 0; i < m->amcf->environment->nelts; i++) {
        if (allowed[i].len == name->len
            && ngx_memcmp(allowed[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Separated by blanks or colons, as the loader takes them. */

static ngx_int_t
ngx_http_attest_environment_measure_files(ngx_http_attest_measure_t *m,
    ngx_str_t *value)
{
    u_char  *p, *start, *last;

    last = value->data + value->len;

    for (p = start = value->data; p <= last; p++) {

        if (p != last && *p != ' ' && *p != ':') {
            continue;
        }

        if (ngx_http_attest_environment_measure_file(m, start,
                                                     p - start) != NGX_OK) {
            return NGX_ERROR;
        }

        start = p + 1;
    }

    return NGX_OK;
}


/* A library may be named without its folder, and a file may be missing. */

static ngx_int_t
ngx_http_attest_environment_measure_file(ngx_http_attest_measure_t *m,
    u_char *p, size_t n)
{
    ngx_str_t        path;
    ngx_file_info_t  fi;

    if (n == 0 || *p != '/') {
        return NGX_OK;
    }

    path.len = n;
    path.data = ngx_pnalloc(m->cycle->pool, n + 1);
    if (path.data == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(path.data, p, n + 1);

    if (ngx_file_info(path.data, &fi) == NGX_FILE_ERROR
        || !ngx_is_file(&fi))
    {
        return NGX_OK;
    }

    return ngx_http_attest_measure_file(m, &path, &fi);
}


static int ngx_libc_cdecl
ngx_http_attest_environment_cmp(const void *one, const void *two)
{
    const ngx_str_t  *a = one, *b = two;

    return (int) ngx_memn2cmp(a->data, b->data, a->len, b->len);
}
