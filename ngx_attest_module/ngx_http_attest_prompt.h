
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

/*
 * Binary HTTP around a prompt: control data, fields, trailers, and the
 * lengths of the pieces it is cut into.
 */
#define ngx_http_attest_max_message(alcf)                                    \
    ((alcf)->max_size + (alcf)->max_size / 64 + 160 * 1024)

/* The largest sealed body: more cannot hold an acceptable prompt. */
#define ngx_http_attest_max_body(alcf)                                       \
    ((off_t) ((alcf)->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP                 \
              ? ngx_http_attest_max_message(alcf)                            \
                + (8 + ATTEST_HPKE_NT) * ngx_http_attest_max_frames(alcf)    \
              : (alcf)->max_size                                             \
                + ATTEST_EHBP_OVERHEAD * ngx_http_attest_max_frames(alcf)))


/* What one pass of the body filter makes of the input. */

typedef struct {
    ngx_chain_t   *chain;
    ngx_chain_t  **last;
    ngx_buf_t     *tail;
    ngx_uint_t     n;               /* and what the client has to take yet */
} ngx_http_attest_out_t;


/*
 * How a format seals.  head: the header goes out, from now on in clear.
 * frame: seals as much of pt as one piece takes, in buffers of seal_buf(),
 * and returns how much, or NGX_ERROR.  end: the mark of a complete response,
 * in a last buffer.
 */

typedef struct {
    ngx_int_t    (*head)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    ssize_t      (*frame)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        u_char *pt, size_t len, ngx_http_attest_out_t *out);
    ngx_int_t    (*end)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_http_attest_out_t *out);
} ngx_http_attest_format_t;


extern ngx_http_attest_format_t  ngx_http_attest_ohttp_format;


/*
 * A buffer of ours at the end of the output, used again when the client has
 * taken what was in it.  size 0: without memory, for a flag.
 */
ngx_buf_t *ngx_http_attest_seal_buf(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, size_t size, ngx_http_attest_out_t *out);
/* A 1xx of the backend that nginx takes for its answer: 502 instead. */
void ngx_http_attest_seal_interim(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
void ngx_http_attest_seal_count(ngx_http_request_t *r, size_t len);
/* The request ends: what waits is wiped, nothing is due any more. */
void ngx_http_attest_seal_cleanup(ngx_http_attest_ctx_t *ctx);

/* The request's context, created once. */
ngx_http_attest_ctx_t *ngx_http_attest_prompt_ctx_create(
    ngx_http_request_t *r);
/* The field, and what nginx has of it. */
ngx_int_t ngx_http_attest_content_length(ngx_http_request_t *r, size_t len);
/* 1 for what only we say to a backend: X-Attest-*, in any spelling. */
ngx_uint_t ngx_http_attest_own_field(ngx_str_t *key);

/* ngx_http_attest_upstream.c: at postconfiguration */
void ngx_http_attest_upstream_init(void);
/*
 * An answer's header: from here on its upstream, if it has one, does not
 * buffer, and its end is watched.  Once is enough.
 */
ngx_int_t ngx_http_attest_upstream_take(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* What it says is replaced: no part of the answer, nor used again. */
void ngx_http_attest_upstream_drop(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* 1 when each that had a part in the answer has come to its end. */
ngx_uint_t ngx_http_attest_upstream_proven(ngx_http_attest_ctx_t *ctx);
/* 1 when the bytes are in what one of them reads into. */
ngx_uint_t ngx_http_attest_upstream_owns(ngx_http_attest_ctx_t *ctx,
    ngx_buf_t *b);
/* All is sealed: what is left of Oblivious HTTP in their memory is wiped. */
void ngx_http_attest_upstream_forget(ngx_http_attest_ctx_t *ctx);
/* A replay, or no room for it, or (NGX_ABORT) its key is gone: answered. */
ngx_int_t ngx_http_attest_prompt_reject(ngx_http_request_t *r, ngx_int_t rc);
/* ngx_http_attest_once.c: at postconfiguration; once for each request. */
ngx_int_t ngx_http_attest_once_init(ngx_conf_t *cf);
void ngx_http_attest_once_count(ngx_http_attest_ctx_t *ctx);

/* ngx_http_attest_ohttp.c: at postconfiguration, at merge, at the end. */
ngx_int_t ngx_http_attest_ohttp_init(ngx_conf_t *cf);
char *ngx_http_attest_ohttp_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
void ngx_http_attest_ohttp_cleanup(ngx_http_attest_ohttp_t *oh);
/*
 * ngx_http_attest_ohttp_request.c, a phase handler: an inner request is for
 * locations that take such.
 */
ngx_int_t ngx_http_attest_ohttp_gate(ngx_http_request_t *r);


/* len random bytes, 1024 at most, that no other call gets */
ngx_int_t ngx_http_attest_nonce(u_char *nonce, size_t len);

/* Locked memory; the same len must be given to free it, which wipes it. */
u_char *ngx_http_attest_locked_alloc(size_t len);
void ngx_http_attest_locked_free(u_char *p, size_t len);
/* Of memory that holds nothing any more. */
void ngx_http_attest_locked_wiped(u_char *p, size_t len);
/*
 * Locked memory that grows in its place: a reservation of len addresses
 * first, then memory for size bytes of them or more, which *usable tells.
 */
u_char *ngx_http_attest_locked_reserve(size_t len);
ngx_int_t ngx_http_attest_locked_extend(u_char *p, size_t len,
    size_t *usable, size_t size);
void ngx_http_attest_locked_release(u_char *p, size_t len, size_t usable);

/*
 * Room for size bytes in ctx->plain, of ctx->plain.len at most; what is in
 * there may move.
 */
ngx_int_t ngx_http_attest_prompt_room(ngx_http_attest_ctx_t *ctx,
    size_t size);
/* Wipes it and gives it back. */
void ngx_http_attest_prompt_forget(ngx_http_attest_ctx_t *ctx);

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
