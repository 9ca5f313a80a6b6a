/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nginx keeps the fields of a header in a list of arrays: one after the
 * other.
 */


#include "http/ngx_http_attest_list.h"


void
ngx_http_attest_list_begin(ngx_http_attest_list_t *at, ngx_list_part_t *part)
{
    at->part = part;
    at->i = 0;
}


ngx_table_elt_t *
ngx_http_attest_list_next(ngx_http_attest_list_t *at)
{
    ngx_table_elt_t  *h;

    while (at->part != NULL && at->i == at->part->nelts) {
        at->part = at->part->next;
        at->i = 0;
    }

    if (at->part == NULL) {
        return NULL;
    }

    h = at->part->elts;

    return &h[at->i++];
}
