/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_PAGE_PEERS_H_INCLUDED
#define NGX_HTTP_ATTEST_PAGE_PEERS_H_INCLUDED


#include "http/ngx_http_attest_text.h"
#include "http/ngx_http_attest_verdicts.h"


/* The section of verified peers; may be the first or the second. */
void ngx_http_attest_page_peers(ngx_http_attest_text_t *text,
    ngx_array_t *peers);
/* Its short form, for the page's title. */
const char *ngx_http_attest_page_peers_title(ngx_array_t *peers);


#endif /* NGX_HTTP_ATTEST_PAGE_PEERS_H_INCLUDED */
