/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_COLLECTION_H_INCLUDED
#define NGX_HTTP_ATTEST_COLLECTION_H_INCLUDED


#include "http/ngx_http_attest.h"


#define NGX_HTTP_ATTEST_TYPE_JSON(ctype)                                     \
    ngx_string("application/cmw+json; cmwc_t=\"" ctype "\"")
#define NGX_HTTP_ATTEST_TYPE_CBOR(ctype)                                     \
    ngx_string("application/cmw+cbor; cmwc_t=\"" ctype "\"")


/*
 * The collection that carries evidence, in CBOR or (json) in JSON, in memory
 * of the pool: claims, evidence, hpke-keys and config (if not empty), logs.
 */
ngx_int_t ngx_http_attest_collection(ngx_pool_t *pool, const char *ctype,
    attest_span_t claims, attest_span_t key_list, attest_span_t record,
    const prov_evidence_item_t *items, ngx_uint_t nitems, ngx_uint_t json,
    ngx_str_t *out);


#endif /* NGX_HTTP_ATTEST_COLLECTION_H_INCLUDED */
