/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_RECORD_H_INCLUDED
#define NGX_HTTP_ATTEST_RECORD_H_INCLUDED


#include "http/ngx_http_attest.h"


/*
 * The record's text, from cycle->pool.  To be called when all of the
 * configuration has been read.  Under "nginx -t" the digests of what
 * "attest_measure" names are left out.
 */
ngx_int_t ngx_http_attest_record(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log, ngx_str_t *record);


#endif /* NGX_HTTP_ATTEST_RECORD_H_INCLUDED */
