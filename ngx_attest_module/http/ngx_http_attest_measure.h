/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration record while it is made: record.c, which writes it, asks
 * opened.c for what nginx has opened and environment.c for what changes a
 * process from outside; reader.c warns of what neither sees.  measure.c makes
 * the digests.
 */


#ifndef NGX_HTTP_ATTEST_MEASURE_H_INCLUDED
#define NGX_HTTP_ATTEST_MEASURE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* a file, as it was read once: the same name may come again, changed */

typedef struct {
    ngx_str_t                     path;
    off_t                         size;
    u_char                        digest[ATTEST_SHA256_LEN];
} ngx_http_attest_file_t;


typedef struct {
    ngx_http_attest_main_conf_t  *amcf;
    ngx_cycle_t                  *cycle;
    ngx_log_t                    *log;
    struct timespec               since;    /* nginx began to read */
    ngx_array_t                   files;    /* of ngx_http_attest_file_t */
    ngx_array_t                   environment;    /* name, value, ... */
    ngx_array_t                   walked;   /* names, in opened.c */
    ngx_uint_t                    depth;
} ngx_http_attest_measure_t;


/* Adds what "attest_measure" names. */
ngx_int_t ngx_http_attest_measure_named(ngx_http_attest_measure_t *m);
/* Adds the bytes that were read under this name. */
ngx_int_t ngx_http_attest_measure_text(ngx_http_attest_measure_t *m,
    ngx_str_t *path, const u_char *p, size_t n);
/* Adds a file of any size, as it is now; refuses one that has just changed. */
ngx_int_t ngx_http_attest_measure_file(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_file_info_t *fi);
/* Opens it; refuses one that changed while nginx was starting. */
ngx_fd_t ngx_http_attest_measure_open(ngx_http_attest_measure_t *m,
    ngx_str_t *path, ngx_file_info_t *fi);

/* The full name of a file, from nginx' prefix or that of its configuration. */
ngx_int_t ngx_http_attest_measure_full_name(ngx_http_attest_measure_t *m,
    attest_span_t name, const char *suffix, ngx_uint_t conf_prefix,
    ngx_str_t *full);
/* 1 when it changed since nginx began to read its configuration. */
ngx_uint_t ngx_http_attest_measure_has_changed(ngx_http_attest_measure_t *m,
    ngx_file_info_t *fi);

/* Logs, once for each, which files are not any more what the record names. */
void ngx_http_attest_measure_check(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_MEASURE_H_INCLUDED */
