/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Digests for the configuration record: of text that nginx has read, and of
 * files as they are now, which must not have changed since nginx began to
 * read its configuration.
 */


#include "http/ngx_http_attest_measure.h"


#define NGX_HTTP_ATTEST_READ  65536


static ngx_int_t ngx_http_attest_measure_digest(ngx_http_attest_measure_t *m,
    ngx_http_attest_file_t *file, ngx_fd_t fd);
static ngx_http_attest_file_t *ngx_http_attest_measure_push(
    ngx_http_attest_measure_t *m, ngx_http_attest_file_t *file);
static ngx_uint_t ngx_http_attest_measure_differs(ngx_file_info_t *a,
    ngx_file_info_t *b);


ngx_int_t
ngx_http_attest_measure_named(ngx_http_attest_measure_t *m)
{
    ngx_uint_t                   i;
    ngx_file_info_t              fi;
    ngx_http_attest_measured_t  *file;

    file = m->amcf->measure->elts;

    for (i = 0; i < m->amcf->measure->nelts; i++) {

        if (ngx_http_attest_measure_file(m, &file[i].path, &fi) != NGX_OK) {
            return NGX_ERROR;
        }

        /* a module may have read it when its directive was parsed */

        if (ngx_http_attest_measure_differs(&file[i].info, &fi)) {
            ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                          "attest: \"%V\" changed while nginx was starting",
                          &file[i].path);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_attest_measure_check(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_uint_t                   i;
    ngx_file_info_t              fi;
    ngx_http_attest_measured_t  *file;

    file = amcf->measure->elts;

    for (i = 0; i < amcf->measure->nelts; i++) {

        if (file[i].reported) {
            continue;
        }

        /* a worker may not be allowed to look */

        if (ngx_file_info(file[i].path.data, &fi) == NGX_FILE_ERROR) {
            if (ngx_errno != NGX_ENOENT) {
                continue;
            }

        } else if (!ngx_http_attest_measure_differs(&file[i].info, &fi)) {
            continue;
        }

        file[i].reported = 1;

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "attest: \"%V\" changed after the start: the "
                      "configuration record names what it was, until nginx "
                      "is reloaded", &file[i].path);
    }
}


ngx_int_t
ngx_http_attest_measure_text(ngx_http_attest_measure_t *m, ngx_str_t *path,
    const u_char *p, size_t n)
{
    attest_span_t           span;
    ngx_http_attest_file_t  file;

    span.p = p;
    span.n = n;
    file.path = *path;
    file.size = n;

    if (attest_sha256(&span, 1, file.digest) != ATTEST_OK) {
        return NGX_ERROR;
    }

    return (ngx_http_attest_measure_push(m, &file) != NULL) ? NGX_OK
                                                            : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_measure_file(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_file_info_t *fi)
{
    ngx_fd_t                fd;
    ngx_int_t               rc;
    ngx_file_info_t         after;
    ngx_http_attest_file_t  file;

    fd = ngx_http_attest_measure_open(m, path, fi);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    file.path = *path;
    file.size = ngx_file_size(fi);
    ngx_memzero(file.digest, ATTEST_SHA256_LEN);

    /* "nginx -t" makes no evidence, it only says what is too much */

    rc = ngx_test_config ? NGX_OK
                         : ngx_http_attest_measure_digest(m, &file, fd);

    if (rc == NGX_OK && (ngx_fd_info(fd, &after) == NGX_FILE_ERROR
                         || ngx_http_attest_measure_differs(fi, &after)))
    {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" changed while it was measured", path);
        rc = NGX_ERROR;
    }

    (void) ngx_close_file(fd);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_http_attest_measure_push(m, &file) != NULL) ? NGX_OK
                                                            : NGX_ERROR;
}


ngx_fd_t
ngx_http_attest_measure_open(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_file_info_t *fi)
{
    ngx_fd_t  fd;

    /* nginx has read nothing from a FIFO, and nobody may write to it now */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE || ngx_fd_info(fd, fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, m->log, ngx_errno,
                      "attest: " ngx_open_file_n " \"%V\" failed", path);

    } else if (ngx_http_attest_measure_has_changed(m, fi)) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" changed while nginx was starting",
                      path);

    } else {
        return fd;
    }

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }

    return NGX_INVALID_FILE;
}


static ngx_int_t
ngx_http_attest_measure_digest(ngx_http_attest_measure_t *m,
    ngx_http_attest_file_t *file, ngx_fd_t fd)
{
    u_char      *buf;
    ssize_t      n;
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    rc = NGX_ERROR;
    file->size = 0;
    buf = ngx_alloc(NGX_HTTP_ATTEST_READ, m->log);
    ctx = EVP_MD_CTX_new();

    if (buf == NULL || ctx == NULL
        || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
    {
        goto done;
    }

    while ((n = ngx_read_fd(fd, buf, NGX_HTTP_ATTEST_READ)) > 0) {
        file->size += n;

        if (EVP_DigestUpdate(ctx, buf, n) != 1) {
            goto done;
        }
    }

    if (n == 0 && EVP_DigestFinal_ex(ctx, file->digest, NULL) == 1) {
        rc = NGX_OK;
    }

    if (n == -1) {
        ngx_log_error(NGX_LOG_EMERG, m->log, ngx_errno,
                      "attest: " ngx_read_fd_n " \"%V\" failed",
                      &file->path);
    }

done:

    EVP_MD_CTX_free(ctx);

    if (buf != NULL) {
        ngx_free(buf);
    }

    return rc;
}


/* A file that comes again is listed again only if it has changed. */

static ngx_http_attest_file_t *
ngx_http_attest_measure_push(ngx_http_attest_measure_t *m,
    ngx_http_attest_file_t *file)
{
    ngx_uint_t               i;
    ngx_http_attest_file_t  *f;

    f = m->files.elts;

    for (i = 0; i < m->files.nelts; i++) {
        if (f[i].path.len == file->path.len
            && f[i].size == file->size
            && ngx_memcmp(f[i].path.data, file->path.data, file->path.len)
               == 0
            && ngx_memcmp(f[i].digest, file->digest, ATTEST_SHA256_LEN) == 0)
        {
            return &f[i];
        }
    }

    f = ngx_array_push(&m->files);

    if (f != NULL) {
        *f = *file;
    }

    return f;
}


/*
 * What is read a second time must be what nginx, or a module, has read the
 * first time.  A time in the future is from before the clock was set back.
 */

ngx_uint_t
ngx_http_attest_measure_has_changed(ngx_http_attest_measure_t *m,
    ngx_file_info_t *fi)
{
    struct timespec  now;

    if (clock_gettime(CLOCK_REALTIME, &now) == -1
        || fi->st_ctim.tv_sec > now.tv_sec)
    {
        return 0;
    }

    return fi->st_ctim.tv_sec > m->since.tv_sec
           || (fi->st_ctim.tv_sec == m->since.tv_sec
               && fi->st_ctim.tv_nsec > m->since.tv_nsec);
}


static ngx_uint_t
ngx_http_attest_measure_differs(ngx_file_info_t *a, ngx_file_info_t *b)
{
    return a->st_dev != b->st_dev || a->st_ino != b->st_ino
           || a->st_size != b->st_size
           || a->st_mtim.tv_sec != b->st_mtim.tv_sec
           || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec
           || a->st_ctim.tv_sec != b->st_ctim.tv_sec
           || a->st_ctim.tv_nsec != b->st_ctim.tv_nsec;
}


ngx_int_t
ngx_http_attest_measure_full_name(ngx_http_attest_measure_t *m,
    attest_span_t name, const char *suffix, ngx_uint_t conf_prefix,
    ngx_str_t *full)
{
    full->len = name.n + ngx_strlen(suffix);
    full->data = ngx_pnalloc(m->cycle->pool, full->len + 1);

    if (full->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(full->data, name.p, name.n);
    ngx_memcpy(full->data + name.n, suffix, full->len + 1 - name.n);

    return ngx_conf_full_name(m->cycle, full, conf_prefix);
}
