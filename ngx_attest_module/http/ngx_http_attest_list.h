/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_LIST_H_INCLUDED
#define NGX_HTTP_ATTEST_LIST_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>


/* Where one is in a list of fields. */

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        i;
} ngx_http_attest_list_t;


/* From the beginning. */
void ngx_http_attest_list_begin(ngx_http_attest_list_t *at,
    ngx_list_part_t *part);
/* The next field, also one that was taken out (hash 0); NULL: no more. */
ngx_table_elt_t *ngx_http_attest_list_next(ngx_http_attest_list_t *at);


#endif /* NGX_HTTP_ATTEST_LIST_H_INCLUDED */
