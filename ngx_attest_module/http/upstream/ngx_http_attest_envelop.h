/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_ENVELOP_H_INCLUDED
#define NGX_HTTP_ATTEST_ENVELOP_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/*
 * What u->request_bufs has gives way to an envelope for a key of this list,
 * each time to another one.  NGX_DECLINED: there is no key that fits.
 */
ngx_int_t ngx_http_attest_envelop(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx, attest_span_t list);
/* A group that is not verified takes envelopes for others, or pinned keys. */
ngx_int_t ngx_http_attest_envelop_wrap(ngx_conf_t *cf,
    ngx_http_attest_sealing_main_conf_t *smcf,
    ngx_http_upstream_srv_conf_t *uscf);
/* The process ends: nothing that was sealed is opened any more. */
void ngx_http_attest_envelop_exit(void);


#endif /* NGX_HTTP_ATTEST_ENVELOP_H_INCLUDED */
