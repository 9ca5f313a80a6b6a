/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration record: a text that lists the files which decide what
 * this nginx does, with their digests, so that an auditor sees which files
 * the evidence stands for.  It never goes into a certificate, whose size it
 * would decide; the claims have its hash.
 */


#include "http/ngx_http_attest_environment.h"
#include "http/ngx_http_attest_measure.h"
#include "http/ngx_http_attest_opened.h"
#include "http/ngx_http_attest_record.h"


#define NGX_HTTP_ATTEST_MAX_FILES      2048
#define NGX_HTTP_ATTEST_MAX_RECORD     (256 * 1024)

#define NGX_HTTP_ATTEST_RECORD_HEAD                                          \
    "ngx-attest configuration record v1" "\n" "nginx " NGINX_VERSION "\n"


static int ngx_libc_cdecl ngx_http_attest_record_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_http_attest_record_write(ngx_http_attest_measure_t *m,
    ngx_str_t *record);
static u_char *ngx_http_attest_record_globals(ngx_http_attest_measure_t *m,
    u_char *p);
static u_char *ngx_http_attest_record_environment(
    ngx_http_attest_measure_t *m, u_char *p);


ngx_int_t
ngx_http_attest_record(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log,
    ngx_str_t *record)
{
    ngx_http_attest_measure_t  m;

    ngx_memzero(&m, sizeof(ngx_http_attest_measure_t));

    m.amcf = amcf;
    m.cycle = amcf->run.cycle;
    m.log = log;

    ngx_http_attest_opened_since(m.cycle, &m.since);

    if (ngx_array_init(&m.files, m.cycle->pool, 16,
                       sizeof(ngx_http_attest_file_t))
        != NGX_OK
        || ngx_array_init(&m.environment, m.cycle->pool, 4,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_attest_opened_measure(&m) != NGX_OK
        || ngx_http_attest_measure_named(&m) != NGX_OK
        || ngx_http_attest_environment_measure(&m) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * A start and a reload find the same files in another order, where nginx
     * keeps nothing of what it reads first.
     */

    ngx_qsort(m.files.elts, m.files.nelts, sizeof(ngx_http_attest_file_t),
              ngx_http_attest_record_cmp);

    return ngx_http_attest_record_write(&m, record);
}


static int ngx_libc_cdecl
ngx_http_attest_record_cmp(const void *one, const void *two)
{
    int                            rc;
    const ngx_http_attest_file_t  *a = one, *b = two;

    rc = (int) ngx_memn2cmp(a->path.data, b->path.data, a->path.len,
                            b->path.len);

    return (rc != 0) ? rc
                     : ngx_memcmp(a->digest, b->digest, ATTEST_SHA256_LEN);
}


/*
 *   ngx-attest configuration record v1
 *   nginx 1.22.1
 *   globals <SHA-256> <bytes>               nginx -g, when given
 *   environment <name> <value>
 *   file <SHA-256> <bytes> <path>
 */

static ngx_int_t
ngx_http_attest_record_write(ngx_http_attest_measure_t *m, ngx_str_t *record)
{
    size_t                   len;
    u_char                  *p;
    ngx_str_t               *var;
    ngx_uint_t               i;
    ngx_http_attest_file_t  *file;

    len = sizeof(NGX_HTTP_ATTEST_RECORD_HEAD)
          + sizeof("globals  \n") + 2 * ATTEST_SHA256_LEN + NGX_OFF_T_LEN;

    var = m->environment.elts;

    for (i = 0; i < m->environment.nelts; i++) {
        len += sizeof("environment ") + var[i].len * 3;
    }

    file = m->files.elts;

    for (i = 0; i < m->files.nelts; i++) {
        len += sizeof("file   \n") + 2 * ATTEST_SHA256_LEN + NGX_OFF_T_LEN
               + file[i].path.len * 3;
    }

    record->data = ngx_pnalloc(m->cycle->pool, len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(record->data, NGX_HTTP_ATTEST_RECORD_HEAD,
                   sizeof(NGX_HTTP_ATTEST_RECORD_HEAD) - 1);

    p = ngx_http_attest_record_globals(m, p);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_attest_record_environment(m, p);

    for (i = 0; i < m->files.nelts; i++) {
        p = ngx_cpymem(p, "file ", 5);
        p = ngx_hex_dump(p, file[i].digest, ATTEST_SHA256_LEN);
        p = ngx_sprintf(p, " %O ", file[i].size);

        /* %-encoding: a path cannot forge a line of the record */

        p = (u_char *) ngx_escape_uri(p, file[i].path.data,
                                      file[i].path.len, NGX_ESCAPE_URI);
        *p++ = '\n';
    }

    record->len = p - record->data;

    if (m->files.nelts > NGX_HTTP_ATTEST_MAX_FILES
        || record->len > NGX_HTTP_ATTEST_MAX_RECORD)
    {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: the configuration record would list %ui files "
                      "in %uz bytes, at most %d files in %d bytes are "
                      "possible: include fewer files, or shorter paths",
                      m->files.nelts, record->len, NGX_HTTP_ATTEST_MAX_FILES,
                      NGX_HTTP_ATTEST_MAX_RECORD);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static u_char *
ngx_http_attest_record_globals(ngx_http_attest_measure_t *m, u_char *p)
{
    u_char         digest[ATTEST_SHA256_LEN];
    attest_span_t  globals;

    if (m->cycle->conf_param.len == 0) {
        return p;
    }

    globals.p = m->cycle->conf_param.data;
    globals.n = m->cycle->conf_param.len;

    if (attest_sha256(&globals, 1, digest) != ATTEST_OK) {
        return NULL;
    }

    p = ngx_cpymem(p, "globals ", 8);
    p = ngx_hex_dump(p, digest, ATTEST_SHA256_LEN);

    return ngx_sprintf(p, " %uz\n", globals.n);
}


static u_char *
ngx_http_attest_record_environment(ngx_http_attest_measure_t *m, u_char *p)
{
    ngx_str_t   *var;
    ngx_uint_t   i;

    var = m->environment.elts;

    for (i = 0; i < m->environment.nelts; i += 2) {
        p = ngx_cpymem(p, "environment ", 12);
        p = (u_char *) ngx_escape_uri(p, var[i].data, var[i].len,
                                      NGX_ESCAPE_URI);
        *p++ = ' ';
        p = (u_char *) ngx_escape_uri(p, var[i + 1].data, var[i + 1].len,
                                      NGX_ESCAPE_URI);
        *p++ = '\n';
    }

    return p;
}
