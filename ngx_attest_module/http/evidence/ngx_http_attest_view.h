/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_VIEW_H_INCLUDED
#define NGX_HTTP_ATTEST_VIEW_H_INCLUDED


#include "http/ngx_http_attest.h"


/*
 * What a process has decoded of the current generation.  Immutable once
 * made, except that it is freed after its last reference is gone.
 */

struct ngx_http_attest_view_s {
    uint64_t             number;        /* generation, from 1 */
    time_t               made_at;       /* wall time */
    time_t               not_before;    /* some time before made_at */
    time_t               not_after;
    time_t               renew_at;
    time_t               from;          /* the zone's own time */
    time_t               renew;
    time_t               expires;
    int64_t              drift;
    u_char               fingerprint[ATTEST_SHA256_LEN];
    ngx_str_t            root;          /* root of trust label */

    X509                *cert;          /* NULL: attest_certificate off */
    EVP_PKEY            *key;

    attest_claims_t      claims;        /* decoded */
    ngx_str_t            claims_bytes;  /* exact */
    ngx_str_t            key_list;      /* RFC 9458 list, as hashed */
    ngx_str_t            key_config;    /* its member for EHBP, bare */
    ngx_str_t            record;        /* configuration record */

    struct {
        attest_kem_key_t   key;
        time_t             expires;     /* the zone's own time */
        uint64_t           born;        /* in this generation */
        ngx_uint_t         users;       /* requests that are being opened */
        u_char             id;
        unsigned           set:1;
    }                    hpke[NGX_HTTP_ATTEST_KEYS];

    ngx_str_t            cached_cbor;   /* endpoint bodies, with the logs */
    ngx_str_t            cached_json;

    ngx_pool_t          *pool;
    ngx_uint_t           refs;
};


/*
 * The current generation of this configuration, decoded; NULL when there is
 * none that is valid now (callers then refuse: fail closed).  A generation of
 * another configuration is never used: a reload may have published it for
 * the workers to come.  Hold the view beyond the call with ref().
 */
ngx_http_attest_view_t *ngx_http_attest_view(
    ngx_http_attest_main_conf_t *amcf, ngx_log_t *log);
/* The reference goes away with the request's pool. */
ngx_int_t ngx_http_attest_view_ref(ngx_http_request_t *r,
    ngx_http_attest_view_t *view);
/* A request that arrives slowly needs the key's memory until the end. */
void ngx_http_attest_view_key_use(ngx_http_attest_view_t *view,
    ngx_uint_t i);
void ngx_http_attest_view_key_done(ngx_http_attest_view_t *view,
    ngx_uint_t i);
/* Whether the view is valid now; those of before may have expired. */
ngx_uint_t ngx_http_attest_view_is_valid(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_view_t *view);
/* Why there is no view, in words; NULL when there is one. */
const char *ngx_http_attest_view_why_not(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
/* The same also while servers are closed for want of GPUs. */
ngx_http_attest_view_t *ngx_http_attest_view_evidence(
    ngx_http_attest_main_conf_t *amcf, ngx_log_t *log);
/* 1 when the zone holds a generation of another configuration. */
ngx_uint_t ngx_http_attest_view_is_foreign(ngx_http_attest_main_conf_t *amcf);
/* The process is about to end: wipes what it has decoded. */
void ngx_http_attest_view_drop(void);
/* Erases the prompt keys that have expired, here and in the zone. */
void ngx_http_attest_view_expire(ngx_http_attest_main_conf_t *amcf);


#endif /* NGX_HTTP_ATTEST_VIEW_H_INCLUDED */
