/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_REPORT_JSON_H_INCLUDED
#define NGX_HTTP_ATTEST_REPORT_JSON_H_INCLUDED


#include "http/ngx_http_attest_page.h"


/* The same as the page, for machines. */
void ngx_http_attest_report_json(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts);


#endif /* NGX_HTTP_ATTEST_REPORT_JSON_H_INCLUDED */
