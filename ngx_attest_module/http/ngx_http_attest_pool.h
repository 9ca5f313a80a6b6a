/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_POOL_H_INCLUDED
#define NGX_HTTP_ATTEST_POOL_H_INCLUDED


#include "http/ngx_http_attest.h"


/* A pool of threads of our own, or NULL, which was said. */
ngx_thread_pool_t *ngx_http_attest_pool(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t threads);


#endif /* NGX_HTTP_ATTEST_POOL_H_INCLUDED */
