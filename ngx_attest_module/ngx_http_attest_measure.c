
/*
 * The configuration record: a text that lists the files which decide what
 * this nginx does, with their digests, so that an auditor sees which files
 * the evidence stands for.
 *
 * An nginx built --with-debug, as Debian's is, keeps what it has parsed:
 * then exactly these bytes are recorded.  Any other keeps nothing, so that
 * nginx.conf is walked again, by nginx's own rules of tokens, to find what
 * it includes; then a file could differ from what was parsed a moment ago.
 */


#include "ngx_http_attest_module.h"


#define NGX_HTTP_ATTEST_MAX_FILES      1024
#define NGX_HTTP_ATTEST_MAX_CONF       (16 * 1024 * 1024)
#define NGX_HTTP_ATTEST_MAX_INCLUDES   16          /* depth */
#define NGX_HTTP_ATTEST_READ           65536


typedef struct {
    ngx_str_t    path;
    off_t        size;
    u_char       digest[32];
} ngx_http_attest_file_t;


typedef struct {
    ngx_cycle_t   *cycle;
    ngx_log_t     *log;
    ngx_array_t    files;                /* of ngx_http_attest_file_t */
    ngx_uint_t     depth;
} ngx_http_attest_measure_t;


static ngx_int_t ngx_http_attest_globals(ngx_http_attest_measure_t *m);
static ngx_int_t ngx_http_attest_dumped(ngx_http_attest_measure_t *m);
static ngx_int_t ngx_http_attest_walk(ngx_http_attest_measure_t *m,
    ngx_str_t *path);
static ngx_http_attest_file_t *ngx_http_attest_add_file(
    ngx_http_attest_measure_t *m, ngx_str_t *path);
static ngx_int_t ngx_http_attest_measure_file(ngx_http_attest_measure_t *m,
    ngx_str_t *path);
static ngx_int_t ngx_http_attest_digest_fd(ngx_http_attest_measure_t *m,
    ngx_http_attest_file_t *file, ngx_fd_t fd);
static ngx_fd_t ngx_http_attest_open(ngx_http_attest_measure_t *m,
    ngx_str_t *path);
static ngx_int_t ngx_http_attest_read_conf(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_str_t *text);
static ngx_int_t ngx_http_attest_digest(ngx_http_attest_file_t *file,
    const u_char *p, size_t n);
static ngx_int_t ngx_http_attest_scan(ngx_http_attest_measure_t *m,
    ngx_str_t *text);
static u_char *ngx_http_attest_token(u_char *p, u_char *last,
    ngx_str_t *token);
static u_char *ngx_http_attest_escape(u_char *p, u_char **dst);
static ngx_int_t ngx_http_attest_include(ngx_http_attest_measure_t *m,
    ngx_str_t *pattern);
static ngx_int_t ngx_http_attest_text(ngx_http_attest_measure_t *m,
    ngx_str_t *record);


ngx_int_t
ngx_http_attest_record(ngx_cycle_t *cycle, ngx_array_t *measure,
    ngx_log_t *log, ngx_str_t *record)
{
    ngx_int_t                   rc;
    ngx_str_t                  *path;
    ngx_uint_t                  i;
    ngx_http_attest_measure_t   m;

    ngx_memzero(&m, sizeof(ngx_http_attest_measure_t));

    m.cycle = cycle;
    m.log = log;

    if (ngx_array_init(&m.files, cycle->pool, 16,
                       sizeof(ngx_http_attest_file_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cycle->config_dump.nelts != 0) {
        rc = ngx_http_attest_dumped(&m);

    } else {
        rc = ngx_http_attest_walk(&m, &cycle->conf_file);

        if (rc == NGX_OK) {
            rc = ngx_http_attest_globals(&m);
        }
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    path = measure->elts;

    for (i = 0; i < measure->nelts; i++) {
        if (ngx_http_attest_measure_file(&m, &path[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_attest_text(&m, record);
}


/* "nginx -g" may include files as well. */

static ngx_int_t
ngx_http_attest_globals(ngx_http_attest_measure_t *m)
{
    ngx_str_t  copy;

    if (m->cycle->conf_param.len == 0) {
        return NGX_OK;
    }

    /* scanning unescapes in place */

    copy.len = m->cycle->conf_param.len;
    copy.data = ngx_pstrdup(m->cycle->pool, &m->cycle->conf_param);

    return (copy.data != NULL) ? ngx_http_attest_scan(m, &copy) : NGX_ERROR;
}


/* What nginx has parsed, byte for byte, in its order. */

static ngx_int_t
ngx_http_attest_dumped(ngx_http_attest_measure_t *m)
{
    ngx_uint_t               i;
    ngx_conf_dump_t         *dump;
    ngx_http_attest_file_t  *file;

    dump = m->cycle->config_dump.elts;

    for (i = 0; i < m->cycle->config_dump.nelts; i++) {

        file = ngx_http_attest_add_file(m, &dump[i].name);
        if (file == NULL) {
            return NGX_ERROR;
        }

        if (file->size == -1
            && ngx_http_attest_digest(file, dump[i].buffer->pos,
                                      dump[i].buffer->last
                                      - dump[i].buffer->pos)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* One configuration file and all that it includes. */

static ngx_int_t
ngx_http_attest_walk(ngx_http_attest_measure_t *m, ngx_str_t *path)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_http_attest_file_t  *file;

    file = ngx_http_attest_add_file(m, path);

    if (file == NULL) {
        return NGX_ERROR;
    }

    if (file->size != -1) {
        /* included before */
        return NGX_OK;
    }

    if (m->depth == NGX_HTTP_ATTEST_MAX_INCLUDES) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" is included too deep to be measured",
                      path);
        return NGX_ERROR;
    }

    if (ngx_http_attest_read_conf(m, &file->path, &text) != NGX_OK
        || ngx_http_attest_digest(file, text.data, text.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    m->depth++;
    rc = ngx_http_attest_scan(m, &text);
    m->depth--;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: cannot find what \"%V\" includes", path);
    }

    return rc;
}


/* The file's entry; its size is -1 when it is new. */

static ngx_http_attest_file_t *
ngx_http_attest_add_file(ngx_http_attest_measure_t *m, ngx_str_t *path)
{
    ngx_uint_t               i;
    ngx_http_attest_file_t  *file;

    file = m->files.elts;

    for (i = 0; i < m->files.nelts; i++) {
        if (file[i].path.len == path->len
            && ngx_memcmp(file[i].path.data, path->data, path->len) == 0)
        {
            return &file[i];
        }
    }

    if (m->files.nelts == NGX_HTTP_ATTEST_MAX_FILES) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: more than %d files to measure",
                      NGX_HTTP_ATTEST_MAX_FILES);
        return NULL;
    }

    file = ngx_array_push(&m->files);
    if (file == NULL) {
        return NULL;
    }

    /* with a zero byte behind, for open() */

    file->size = -1;
    file->path.len = path->len;
    file->path.data = ngx_pnalloc(m->cycle->pool, path->len + 1);
    if (file->path.data == NULL) {
        return NULL;
    }

    ngx_cpystrn(file->path.data, path->data, path->len + 1);

    return file;
}


/* A file that "attest_measure" names: of any size, so read in pieces. */

static ngx_int_t
ngx_http_attest_measure_file(ngx_http_attest_measure_t *m, ngx_str_t *path)
{
    ngx_fd_t                 fd;
    ngx_int_t                rc;
    ngx_http_attest_file_t  *file;

    file = ngx_http_attest_add_file(m, path);

    if (file == NULL) {
        return NGX_ERROR;
    }

    if (file->size != -1) {
        return NGX_OK;
    }

    fd = ngx_http_attest_open(m, &file->path);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    rc = ngx_http_attest_digest_fd(m, file, fd);

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_http_attest_digest_fd(ngx_http_attest_measure_t *m,
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


static ngx_fd_t
ngx_http_attest_open(ngx_http_attest_measure_t *m, ngx_str_t *path)
{
    ngx_fd_t  fd;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, m->log, ngx_errno,
                      "attest: " ngx_open_file_n " \"%V\" failed", path);
    }

    return fd;
}


/* Read once: what is hashed is what is searched. */

static ngx_int_t
ngx_http_attest_read_conf(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_str_t *text)
{
    off_t             size;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    fd = ngx_http_attest_open(m, path);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = -1;
    size = -1;
    text->len = 0;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        size = ngx_file_size(&fi);
    }

    if (size < 0 || size > NGX_HTTP_ATTEST_MAX_CONF) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" is no configuration file of at most "
                      "%d bytes", path, NGX_HTTP_ATTEST_MAX_CONF);
        goto done;
    }

    text->data = ngx_pnalloc(m->cycle->pool, size + 1);
    if (text->data == NULL) {
        goto done;
    }

    do {
        n = ngx_read_fd(fd, text->data + text->len, size - text->len);
        text->len += ngx_max(n, 0);
    } while (n > 0);

done:

    (void) ngx_close_file(fd);

    return (n == 0) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_digest(ngx_http_attest_file_t *file, const u_char *p,
    size_t n)
{
    attest_span_t  span;

    span.p = p;
    span.n = n;
    file->size = n;

    return (attest_sha256(&span, 1, file->digest) == ATTEST_OK) ? NGX_OK
                                                                : NGX_ERROR;
}


/* Statements as ngx_conf_read_token() sees them; only "include" counts. */

static ngx_int_t
ngx_http_attest_scan(ngx_http_attest_measure_t *m, ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_str_t    token[2];
    ngx_uint_t   n;

    n = 0;
    p = text->data;
    last = p + text->len;

    while (p < last) {

        switch (*p) {

        case ' ':
        case '\t':
        case CR:
        case LF:
            p++;
            continue;

        case '#':
            while (p < last && *p != LF) {
                p++;
            }
            continue;

        case ';':
            if (n == 2 && token[0].len == 7
                && ngx_strncmp(token[0].data, "include", 7) == 0
                && ngx_http_attest_include(m, &token[1]) != NGX_OK)
            {
                return NGX_ERROR;
            }

            /* fall through */

        case '{':
        case '}':
            n = 0;
            p++;
            continue;

        default:
            break;
        }

        p = ngx_http_attest_token(p, last, &token[ngx_min(n, 1)]);
        if (p == NULL) {
            return NGX_ERROR;
        }

        /* only statements of exactly two tokens matter */
        n = ngx_min(n + 1, 3);
    }

    return NGX_OK;
}


/* One token, unescaped in place; NULL: a quote without an end. */

static u_char *
ngx_http_attest_token(u_char *p, u_char *last, ngx_str_t *token)
{
    u_char  *dst, quote;

    quote = 0;

    if (*p == '"' || *p == '\'') {
        quote = *p++;
    }

    token->data = p;

    for (dst = p; p < last; p++) {

        if (quote ? (*p == quote)
                  : (*p == ' ' || *p == '\t' || *p == CR || *p == LF
                     || *p == ';' || *p == '{'))
        {
            token->len = dst - token->data;
            return quote ? p + 1 : p;
        }

        if (*p == '$') {

            /* the brace of a variable opens no block, nor do more of them */

            while (p + 1 < last && p[1] == '{') {
                *dst++ = *p++;
            }

        } else if (*p == '\\' && p + 1 < last) {
            p = ngx_http_attest_escape(p, &dst);
            continue;
        }

        *dst++ = *p;
    }

    token->len = dst - token->data;

    return quote ? NULL : p;
}


/* A backslash and what follows it; p stays on the last byte of both. */

static u_char *
ngx_http_attest_escape(u_char *p, u_char **dst)
{
    switch (*++p) {

    case 't':
        *(*dst)++ = '\t';
        return p;

    case 'r':
        *(*dst)++ = '\r';
        return p;

    case 'n':
        *(*dst)++ = '\n';
        return p;

    case '"':
    case '\'':
    case '\\':
        break;

    default:
        *(*dst)++ = '\\';
    }

    *(*dst)++ = *p;

    return p;
}


/* As ngx_conf_include() finds files. */

static ngx_int_t
ngx_http_attest_include(ngx_http_attest_measure_t *m, ngx_str_t *pattern)
{
    ngx_int_t   rc;
    ngx_str_t   file, name;
    ngx_glob_t  gl;

    file.len = pattern->len;
    file.data = ngx_pnalloc(m->cycle->pool, pattern->len + 1);
    if (file.data == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(file.data, pattern->data, pattern->len + 1);

    if (ngx_conf_full_name(m->cycle, &file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (strpbrk((char *) file.data, "*?[") == NULL) {
        return ngx_http_attest_walk(m, &file);
    }

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = file.data;
    gl.log = m->log;
    gl.test = 1;

    if (ngx_open_glob(&gl) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_read_glob(&gl, &name) == NGX_OK) {

        file.len = name.len++;
        file.data = ngx_pstrdup(m->cycle->pool, &name);
        if (file.data == NULL) {
            rc = NGX_ERROR;
            break;
        }

        rc = ngx_http_attest_walk(m, &file);
    }

    ngx_close_glob(&gl);

    return rc;
}


/*
 *   ngx-attest configuration record v1
 *   nginx 1.22.1
 *   globals <SHA-256> <bytes>               nginx -g, when given
 *   file <SHA-256> <bytes> <path>
 */

static ngx_int_t
ngx_http_attest_text(ngx_http_attest_measure_t *m, ngx_str_t *record)
{
    size_t                   len;
    u_char                  *p, digest[32];
    ngx_uint_t               i;
    attest_span_t            globals;
    ngx_http_attest_file_t  *file;

    len = sizeof("ngx-attest configuration record v1" "\n"
                 "nginx " NGINX_VERSION "\n")
          + sizeof("globals  \n") + 64 + NGX_OFF_T_LEN;

    file = m->files.elts;

    for (i = 0; i < m->files.nelts; i++) {
        len += sizeof("file   \n") + 64 + NGX_OFF_T_LEN
               + file[i].path.len * 3;
    }

    record->data = ngx_pnalloc(m->cycle->pool, len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(record->data, "ngx-attest configuration record v1" "\n"
                   "nginx " NGINX_VERSION "\n",
                   sizeof("ngx-attest configuration record v1" "\n"
                          "nginx " NGINX_VERSION "\n") - 1);

    if (m->cycle->conf_param.len != 0) {
        globals.p = m->cycle->conf_param.data;
        globals.n = m->cycle->conf_param.len;

        if (attest_sha256(&globals, 1, digest) != ATTEST_OK) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(p, "globals ", 8);
        p = ngx_hex_dump(p, digest, 32);
        p = ngx_sprintf(p, " %uz\n", globals.n);
    }

    for (i = 0; i < m->files.nelts; i++) {
        p = ngx_cpymem(p, "file ", 5);
        p = ngx_hex_dump(p, file[i].digest, 32);
        p = ngx_sprintf(p, " %O ", file[i].size);

        /* %-encoding: a path cannot forge a line of the record */

        p = (u_char *) ngx_escape_uri(p, file[i].path.data,
                                      file[i].path.len, NGX_ESCAPE_URI);
        *p++ = '\n';
    }

    record->len = p - record->data;

    return NGX_OK;
}
