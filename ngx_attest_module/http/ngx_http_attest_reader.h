/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_READER_H_INCLUDED
#define NGX_HTTP_ATTEST_READER_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/evidence/attest_conf.h"
#include "http/ngx_http_attest_measure.h"


/* Warns of a directive whose file the configuration record does not name. */
ngx_int_t ngx_http_attest_reader_warn(ngx_http_attest_measure_t *m,
    ngx_str_t *path, attest_conf_statement_t *s);
/* Warns of each module that reads files, where nothing is measured. */
void ngx_http_attest_reader_warn_modules(ngx_http_attest_measure_t *m);
/* 1 when this is the end of it. */
ngx_uint_t ngx_http_attest_reader_ends_with(attest_span_t s, const char *text);


#endif /* NGX_HTTP_ATTEST_READER_H_INCLUDED */
