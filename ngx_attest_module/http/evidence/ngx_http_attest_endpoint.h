
/*
 * What ngx_http_attest_endpoint.c and ngx_http_attest_fresh.c share.
 */


#ifndef NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED
#define NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED


#include "http/ngx_http_attest_module.h"

#include "core/evidence/attest_request.h"


#define NGX_HTTP_ATTEST_TYPE_JSON(ctype)                                     \
    ngx_string("application/cmw+json; cmwc_t=\"" ctype "\"")
#define NGX_HTTP_ATTEST_TYPE_CBOR(ctype)                                     \
    ngx_string("application/cmw+cbor; cmwc_t=\"" ctype "\"")


/*
 * Fresh evidence and credential activation.  NGX_AGAIN: the request waits
 * for a job and will be finalized by it; it keeps one reference of the
 * caller.  Anything else is the return code of a content handler, with an
 * answer sent.
 */
ngx_int_t ngx_http_attest_fresh(ngx_http_request_t *r,
    attest_request_t *req, ngx_uint_t json);
ngx_int_t ngx_http_attest_activate(ngx_http_request_t *r,
    attest_request_t *req);


#endif /* NGX_HTTP_ATTEST_ENDPOINT_H_INCLUDED */
