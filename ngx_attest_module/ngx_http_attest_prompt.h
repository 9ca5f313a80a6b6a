
/*
 * What ngx_http_attest_prompt.c and ngx_http_attest_seal.c share.
 */


#ifndef NGX_HTTP_ATTEST_PROMPT_H_INCLUDED
#define NGX_HTTP_ATTEST_PROMPT_H_INCLUDED


#include "ngx_http_attest_module.h"


/* Frames of a request: small ones up to here, then 1 KiB on the average. */
#define NGX_HTTP_ATTEST_SMALL_FRAMES  1024

#define ngx_http_attest_max_frames(alcf)                                     \
    (NGX_HTTP_ATTEST_SMALL_FRAMES + (alcf)->max_size / 1024)

/* The largest sealed body: more cannot hold an acceptable prompt. */
#define ngx_http_attest_max_body(alcf)                                       \
    ((off_t) ((alcf)->max_size                                               \
              + ATTEST_EHBP_OVERHEAD * ngx_http_attest_max_frames(alcf)))


/* Locked memory; the same len must be given to free it, which wipes it. */
u_char *ngx_http_attest_locked_alloc(size_t len);
void ngx_http_attest_locked_free(u_char *p, size_t len);

/* The request's value of a field, compared in lower case, or NULL. */
ngx_str_t *ngx_http_attest_field(ngx_http_request_t *r, const char *name,
    size_t len);

/*
 * Answers a CORS preflight request and returns what a content handler
 * returns; NGX_DECLINED: it is none.
 */
ngx_int_t ngx_http_attest_cors_preflight(ngx_http_request_t *r,
    ngx_http_attest_loc_conf_t *alcf);

/*
 * A setting of the proxy module that has no public structure, read through
 * its directive; 0 when there is no such directive.
 */
ngx_uint_t ngx_http_attest_proxy_version(void *plcf);


#endif /* NGX_HTTP_ATTEST_PROMPT_H_INCLUDED */
