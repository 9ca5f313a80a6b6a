/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PASS_H_INCLUDED
#define NGX_HTTP_ATTEST_PASS_H_INCLUDED


#include "http/ngx_http_attest.h"


/* At postconfiguration. */
ngx_int_t ngx_http_attest_pass_init(ngx_conf_t *cf);
/* At merge: refuses settings that would spool or cache plaintext. */
char *ngx_http_attest_pass_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
/* What gives the backend another body than the prompt, or NULL. */
const char *ngx_http_attest_pass_bad(ngx_conf_t *cf, void **loc_conf);


#endif /* NGX_HTTP_ATTEST_PASS_H_INCLUDED */
