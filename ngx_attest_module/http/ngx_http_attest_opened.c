/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which files nginx opens while it reads its configuration.
 *
 * nginx can keep what it has parsed, byte for byte, and then does so for
 * "nginx -T" and in builds with --with-debug; we have it kept always, and as
 * often as it is read: a file that is included twice may have changed.  What
 * was parsed before this module was loaded, by an nginx that keeps nothing,
 * is read again, and refused when it changed meanwhile.
 *
 * The text is then walked as nginx has read it: "geo" has a format of its
 * own that passes by all that.
 */


#include "http/ngx_http_attest_opened.h"
#include "http/ngx_http_attest_reader.h"


#define NGX_HTTP_ATTEST_MAX_CONF       (16 * 1024 * 1024)
#define NGX_HTTP_ATTEST_MAX_INCLUDES   64          /* depth */
#define NGX_HTTP_ATTEST_MAX_BLOCKS     64          /* depth */


typedef enum {
    NGX_HTTP_ATTEST_OPENED_CONF = 0,                /* directives */
    NGX_HTTP_ATTEST_OPENED_DATA,               /* map, types, ... */
    NGX_HTTP_ATTEST_OPENED_GEO
} ngx_http_attest_kind_e;


typedef struct {
    struct timespec            since;
    ngx_str_node_t             root;
} ngx_http_attest_opened_t;


typedef struct {
    ngx_str_t                  path;
    ngx_http_attest_kind_e     kind;
} ngx_http_attest_walked_t;


static void *ngx_http_attest_opened_create_conf(ngx_cycle_t *cycle);
static void ngx_http_attest_opened_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);

static ngx_int_t ngx_http_attest_opened_walk(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_walk_kept(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_http_attest_kind_e kind, ngx_uint_t *found);
static ngx_int_t ngx_http_attest_opened_walk_disk(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_mark_walked(
    ngx_http_attest_measure_t *m, ngx_str_t *path, ngx_http_attest_kind_e kind);
static ngx_conf_dump_t *ngx_http_attest_opened_next_text(ngx_cycle_t *cycle,
    ngx_str_t *path, ngx_conf_dump_t *behind);
static ngx_int_t ngx_http_attest_opened_scan(ngx_http_attest_measure_t *m,
    ngx_str_t *path, const u_char *p, size_t n,
    ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_block(ngx_http_attest_measure_t *m,
    ngx_str_t *path, attest_conf_reader_t *r, attest_conf_statement_t *s,
    ngx_http_attest_kind_e *kind);
static ngx_int_t ngx_http_attest_opened_statement(ngx_http_attest_measure_t *m,
    ngx_str_t *path, attest_conf_statement_t *s,
    ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_load_module(
    ngx_http_attest_measure_t *m, attest_span_t name);
static ngx_int_t ngx_http_attest_opened_include(ngx_http_attest_measure_t *m,
    attest_span_t pattern, ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_include_glob(
    ngx_http_attest_measure_t *m, ngx_str_t *pattern,
    ngx_http_attest_kind_e kind);
static ngx_int_t ngx_http_attest_opened_include_geo(
    ngx_http_attest_measure_t *m, attest_span_t name);


static ngx_core_module_t  ngx_http_attest_opened_module_ctx = {
    ngx_string("attest_opened"),
    ngx_http_attest_opened_create_conf,
    NULL
};


/* a core module: it begins where it is loaded, not where http{} begins */

ngx_module_t  ngx_http_attest_opened_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_opened_module_ctx,    /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * nginx looks in this tree whether it has kept a file.  Here it finds none:
 * the root has no name, and nothing hangs below it.  So each is kept, as often
 * as it is read.
 */

static void *
ngx_http_attest_opened_create_conf(ngx_cycle_t *cycle)
{
    ngx_time_t                *tp;
    ngx_http_attest_opened_t  *o;

    o = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_opened_t));
    if (o == NULL) {
        return NULL;
    }

    /*
     * nginx sets its time before it reads anything, and not again meanwhile:
     * this module may be loaded late.  It is cut to milliseconds; what was
     * written just before a reload did not change.
     */

    tp = ngx_timeofday();

    o->since.tv_sec = tp->sec;
    o->since.tv_nsec = tp->msec * 1000000 + 999999;

    if (ngx_test_config) {
        /* "nginx -T" prints each file once */
        return o;
    }

    ngx_dump_config = 1;

    ngx_rbtree_init(&cycle->config_dump_rbtree, &cycle->config_dump_sentinel,
                    ngx_http_attest_opened_insert);

    ngx_rbtree_insert(&cycle->config_dump_rbtree, &o->root.node);

    return o;
}


static void
ngx_http_attest_opened_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    /* its parent is black and does not know it: no balance to keep */

    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


void
ngx_http_attest_opened_since(ngx_cycle_t *cycle, struct timespec *ts)
{
    ngx_http_attest_opened_t  *o;

    o = (ngx_http_attest_opened_t *) ngx_get_conf(cycle->conf_ctx,
                                             ngx_http_attest_opened_module);
    *ts = o->since;
}


ngx_int_t
ngx_http_attest_opened_measure(ngx_http_attest_measure_t *m)
{
    ngx_uint_t         i;
    ngx_str_t          name;
    ngx_conf_dump_t   *dump;

    if (ngx_array_init(&m->walked, m->cycle->pool, 16,
                       sizeof(ngx_http_attest_walked_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    dump = m->cycle->config_dump.elts;

    for (i = 0; i < m->cycle->config_dump.nelts; i++) {
        if (ngx_http_attest_measure_text(m, &dump[i].name,
                                         dump[i].buffer->pos,
                                         dump[i].buffer->last
                                         - dump[i].buffer->pos)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_attest_opened_walk(m, &m->cycle->conf_file,
                                    NGX_HTTP_ATTEST_OPENED_CONF)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "nginx -g");

    if (ngx_http_attest_opened_scan(m, &name, m->cycle->conf_param.data,
                                    m->cycle->conf_param.len,
                                    NGX_HTTP_ATTEST_OPENED_CONF)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (m->amcf->measure->nelts == 0) {
        ngx_http_attest_reader_warn_modules(m);
    }

    return NGX_OK;
}


/* One file and all that it includes, as often as it was read. */

static ngx_int_t
ngx_http_attest_opened_walk(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_http_attest_kind_e kind)
{
    ngx_int_t   rc;
    ngx_uint_t  found;

    rc = ngx_http_attest_opened_mark_walked(m, path, kind);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (m->depth == NGX_HTTP_ATTEST_MAX_INCLUDES) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" is included too deep to be measured",
                      path);
        return NGX_ERROR;
    }

    m->depth++;

    rc = ngx_http_attest_opened_walk_kept(m, path, kind, &found);

    /* nginx keeps all or nothing of what it reads first */

    if (rc == NGX_OK && !found
        && ngx_http_attest_opened_next_text(m->cycle, &m->cycle->conf_file,
                                            NULL) == NULL)
    {
        rc = ngx_http_attest_opened_walk_disk(m, path, kind);
    }

    m->depth--;

    return rc;
}


static ngx_int_t
ngx_http_attest_opened_walk_kept(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_http_attest_kind_e kind, ngx_uint_t *found)
{
    ngx_conf_dump_t  *dump;

    *found = 0;

    for (dump = ngx_http_attest_opened_next_text(m->cycle, path, NULL);
         dump != NULL;
         dump = ngx_http_attest_opened_next_text(m->cycle, path, dump))
    {
        *found = 1;

        if (ngx_http_attest_opened_scan(m, path, dump->buffer->pos,
                                        dump->buffer->last - dump->buffer->pos,
                                        kind)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The next text of this name behind that one, or the first. */

static ngx_conf_dump_t *
ngx_http_attest_opened_next_text(ngx_cycle_t *cycle, ngx_str_t *path,
    ngx_conf_dump_t *behind)
{
    ngx_conf_dump_t  *dump, *last;

    dump = cycle->config_dump.elts;
    last = dump + cycle->config_dump.nelts;

    for (dump = behind ? behind + 1 : dump; dump < last; dump++) {
        if (dump->name.len == path->len
            && ngx_memcmp(dump->name.data, path->data, path->len) == 0)
        {
            return dump;
        }
    }

    return NULL;
}


/* Read once: what is hashed is what is searched. */

static ngx_int_t
ngx_http_attest_opened_walk_disk(ngx_http_attest_measure_t *m, ngx_str_t *path,
    ngx_http_attest_kind_e kind)
{
    off_t             size;
    size_t            len;
    u_char           *text;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_int_t         rc;
    ngx_file_info_t   fi;

    fd = ngx_http_attest_measure_open(m, path, &fi);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    text = NULL;
    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_ATTEST_MAX_CONF) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: \"%V\" is no configuration file of at most "
                      "%d bytes", path, NGX_HTTP_ATTEST_MAX_CONF);
        goto done;
    }

    text = ngx_alloc(size + 1, m->log);
    if (text == NULL) {
        goto done;
    }

    len = 0;

    do {
        n = ngx_read_fd(fd, text + len, size - len);
        len += ngx_max(n, 0);
    } while (n > 0);

    if (n == 0 && ngx_http_attest_measure_text(m, path, text, len) == NGX_OK)
    {
        rc = ngx_http_attest_opened_scan(m, path, text, len, kind);
    }

done:

    if (text != NULL) {
        ngx_free(text);
    }

    (void) ngx_close_file(fd);

    return rc;
}


/* NGX_DECLINED: it was walked before. */

static ngx_int_t
ngx_http_attest_opened_mark_walked(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_http_attest_kind_e kind)
{
    ngx_uint_t                 i;
    ngx_http_attest_walked_t  *w;

    w = m->walked.elts;

    for (i = 0; i < m->walked.nelts; i++) {
        if (w[i].kind == kind && w[i].path.len == path->len
            && ngx_memcmp(w[i].path.data, path->data, path->len) == 0)
        {
            return NGX_DECLINED;
        }
    }

    w = ngx_array_push(&m->walked);
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->path = *path;
    w->kind = kind;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_opened_scan(ngx_http_attest_measure_t *m, ngx_str_t *path,
    const u_char *p, size_t n, ngx_http_attest_kind_e kind)
{
    u_char                   *text;
    ngx_int_t                 rc;
    ngx_uint_t                depth;
    attest_conf_reader_t      r;
    attest_conf_statement_t   s;
    ngx_http_attest_kind_e    stack[NGX_HTTP_ATTEST_MAX_BLOCKS + 1];

    /* escapes are taken out in place */

    text = ngx_alloc(n + 1, m->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpymem(text, p, n);
    attest_conf_init(&r, text, n);

    depth = 0;
    stack[0] = kind;

    do {
        rc = (attest_conf_next(&r, &s) == ATTEST_OK) ? NGX_OK : NGX_ABORT;

        if (rc == NGX_OK && s.end == '{') {

            if (depth == NGX_HTTP_ATTEST_MAX_BLOCKS) {
                rc = NGX_ABORT;
                break;
            }

            stack[depth + 1] = stack[depth];
            rc = ngx_http_attest_opened_block(m, path, &r, &s,
                                              &stack[depth + 1]);
            depth += (rc == NGX_OK);
            rc = (rc == NGX_DONE) ? NGX_OK : rc;

        } else if (rc == NGX_OK && s.end == ';') {
            rc = ngx_http_attest_opened_statement(m, path, &s, stack[depth]);

        } else if (s.end == '}' && depth > 0) {
            depth--;
        }

    } while (rc == NGX_OK && s.end != 0);

    ngx_free(text);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_EMERG, m->log, 0,
                      "attest: cannot find what \"%V\" includes, behind "
                      "line %ui", path, (ngx_uint_t) s.line);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* What kind of text is in a block; NGX_DONE: the block was skipped. */

static ngx_int_t
ngx_http_attest_opened_block(ngx_http_attest_measure_t *m, ngx_str_t *path,
    attest_conf_reader_t *r, attest_conf_statement_t *s,
    ngx_http_attest_kind_e *kind)
{
    attest_span_t  name;

    if (s->count == 0 || *kind != NGX_HTTP_ATTEST_OPENED_CONF) {
        return NGX_OK;
    }

    name = s->token[0];

    if (ngx_http_attest_reader_warn(m, path, s) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_reader_ends_with(name, "_by_lua_block")) {
        return (attest_conf_skip_lua(r) == ATTEST_OK) ? NGX_DONE : NGX_ABORT;
    }

    if (attest_span_is(name, "geo")) {
        *kind = NGX_HTTP_ATTEST_OPENED_GEO;

    } else if (attest_span_is(name, "map")
               || attest_span_is(name, "types")
               || attest_span_is(name, "split_clients")
               || attest_span_is(name, "charset_map"))
    {
        *kind = NGX_HTTP_ATTEST_OPENED_DATA;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_opened_statement(ngx_http_attest_measure_t *m, ngx_str_t *path,
    attest_conf_statement_t *s, ngx_http_attest_kind_e kind)
{
    if (s->count == 0) {
        return NGX_OK;
    }

    if (s->count == 2 && attest_span_is(s->token[0], "include")) {
        return (kind == NGX_HTTP_ATTEST_OPENED_GEO)
               ? ngx_http_attest_opened_include_geo(m, s->token[1])
               : ngx_http_attest_opened_include(m, s->token[1], kind);
    }

    if (kind != NGX_HTTP_ATTEST_OPENED_CONF) {
        return NGX_OK;
    }

    if (s->count == 2 && attest_span_is(s->token[0], "load_module")) {
        return ngx_http_attest_opened_load_module(m, s->token[1]);
    }

    return ngx_http_attest_reader_warn(m, path, s);
}


/* Code that reads the configuration decides what it means. */

static ngx_int_t
ngx_http_attest_opened_load_module(ngx_http_attest_measure_t *m,
    attest_span_t name)
{
    ngx_str_t        full;
    ngx_file_info_t  fi;

    if (ngx_http_attest_measure_full_name(m, name, "", 0, &full) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_measure_file(m, &full, &fi);
}


/* As ngx_conf_include() finds files. */

static ngx_int_t
ngx_http_attest_opened_include(ngx_http_attest_measure_t *m,
    attest_span_t pattern, ngx_http_attest_kind_e kind)
{
    ngx_str_t  full;

    if (ngx_http_attest_measure_full_name(m, pattern, "", 1, &full) != NGX_OK) {
        return NGX_ERROR;
    }

    if (strpbrk((char *) full.data, "*?[") == NULL) {
        return ngx_http_attest_opened_walk(m, &full, kind);
    }

    return ngx_http_attest_opened_include_glob(m, &full, kind);
}


static ngx_int_t
ngx_http_attest_opened_include_glob(ngx_http_attest_measure_t *m,
    ngx_str_t *pattern, ngx_http_attest_kind_e kind)
{
    ngx_int_t   rc;
    ngx_str_t   file, name;
    ngx_glob_t  gl;

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = pattern->data;
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

        rc = ngx_http_attest_opened_walk(m, &file, kind);
    }

    ngx_close_glob(&gl);

    return rc;
}


/*
 * A "geo" with ranges reads NAME.bin instead of NAME, when it is there and
 * not older.  One that nginx itself has just made out of NAME was not read.
 */

static ngx_int_t
ngx_http_attest_opened_include_geo(ngx_http_attest_measure_t *m,
    attest_span_t name)
{
    ngx_str_t        full, bin;
    ngx_file_info_t  fi;

    if (ngx_http_attest_measure_full_name(m, name, "", 1, &full) != NGX_OK
        || ngx_http_attest_measure_full_name(m, name, ".bin", 1,
                                             &bin) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_file_info(bin.data, &fi) != NGX_FILE_ERROR
        && !(ngx_http_attest_opened_next_text(m->cycle, &full, NULL) != NULL
             && ngx_http_attest_measure_has_changed(m, &fi))
        && ngx_http_attest_measure_file(m, &bin, &fi) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_opened_walk(m, &full, NGX_HTTP_ATTEST_OPENED_GEO);
}
