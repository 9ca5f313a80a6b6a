/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_OPENED_H_INCLUDED
#define NGX_HTTP_ATTEST_OPENED_H_INCLUDED


#include "http/ngx_http_attest_measure.h"


/* Adds all that nginx has parsed, and what was read besides by "geo". */
ngx_int_t ngx_http_attest_opened_measure(ngx_http_attest_measure_t *m);
/* When nginx began to read what we record. */
void ngx_http_attest_opened_since(ngx_cycle_t *cycle, struct timespec *ts);


#endif /* NGX_HTTP_ATTEST_OPENED_H_INCLUDED */
