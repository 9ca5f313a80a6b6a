/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CLIENT_COUNT_H_INCLUDED
#define NGX_HTTP_ATTEST_CLIENT_COUNT_H_INCLUDED


#include "http/ngx_http_attest.h"
#include "http/evidence/ngx_http_attest_clock.h"


/* In the order of the table in client_count.c. */

typedef enum {
    NGX_HTTP_ATTEST_CLIENT_JUDGED = 0,          /* certificates, in all */
    NGX_HTTP_ATTEST_CLIENT_TRUSTED,             /* .. of these */
    NGX_HTTP_ATTEST_CLIENT_MISSING,             /* requests: no certificate */
    NGX_HTTP_ATTEST_CLIENT_EVIDENCE,            /* one that is refused */
    NGX_HTTP_ATTEST_CLIENT_EXPIRED,             /* .. that was good before */
    NGX_HTTP_ATTEST_CLIENT_MISDIRECTED,         /* another server's */
    NGX_HTTP_ATTEST_CLIENT_NCOUNTS
} ngx_http_attest_client_count_e;


/* Where some server has "attest_verify_client". */
ngx_int_t ngx_http_attest_client_count_zone(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_client_count(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_client_count_e what);
void ngx_http_attest_client_count_time(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_time_t *t);

/* An object of counters, or null; and the same as metrics, or nothing. */
u_char *ngx_http_attest_client_count_json(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last);
u_char *ngx_http_attest_client_count_metrics(
    ngx_http_attest_main_conf_t *amcf, u_char *p, u_char *last);


#endif /* NGX_HTTP_ATTEST_CLIENT_COUNT_H_INCLUDED */
