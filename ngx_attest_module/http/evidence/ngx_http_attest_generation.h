/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_GENERATION_H_INCLUDED
#define NGX_HTTP_ATTEST_GENERATION_H_INCLUDED


#include "http/evidence/ngx_http_attest_draft.h"


/*
 * Evidence is there: certificate, generation, publication.  NGX_DECLINED:
 * somebody else has published since the draft was made.
 */
ngx_int_t ngx_http_attest_generation_finish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_job_t *job,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_GENERATION_H_INCLUDED */
