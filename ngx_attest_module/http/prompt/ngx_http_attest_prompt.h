
/*
 * What ngx_http_attest_prompt.c and ngx_http_attest_seal.c share.
 */


#ifndef NGX_HTTP_ATTEST_PROMPT_H_INCLUDED
#define NGX_HTTP_ATTEST_PROMPT_H_INCLUDED


#include "http/ngx_http_attest_module.h"
#include "http/prompt/ngx_http_attest_out.h"


/*
 * Binary HTTP around a prompt: control data, fields, trailers, and before
 * each piece of content its length, which takes a byte for a byte at worst.
 */
#define ngx_http_attest_max_message(alcf)                                    \
    (2 * (alcf)->max_size + 160 * 1024)

/*
 * What may lie around the plaintext: a client may seal each byte by itself,
 * and send frames that are empty.  That costs bytes, each of which has to be
 * sent, and no memory.
 */
#define NGX_HTTP_ATTEST_SPARE  (1024 * 1024)

#define ngx_http_attest_max_framing(alcf)                                    \
    (ATTEST_EHBP_OVERHEAD * (alcf)->max_size + NGX_HTTP_ATTEST_SPARE)

/*
 * The largest sealed body: more cannot hold an acceptable prompt.  It is some
 * more than both together, so that whoever exceeds one is told which.
 */
#define ngx_http_attest_max_body(alcf)                                       \
    ((alcf)->prompt == NGX_HTTP_ATTEST_PROMPT_OHTTP                          \
     ? (off_t) ((9 + ATTEST_HPKE_NT) * ngx_http_attest_max_message(alcf)     \
                + NGX_HTTP_ATTEST_SPARE)                                     \
     : (off_t) ((alcf)->max_size + ngx_http_attest_max_framing(alcf)         \
                + NGX_HTTP_ATTEST_SPARE))


/*
 * How a format seals.  reject: an opened request is a replay, or there is no
 * room for it, or (NGX_ABORT) its key is gone: answers in clear, and returns
 * what a phase handler does.  head: the header goes out, from now on in
 * clear.  frame: seals as much of pt as one piece takes, in buffers of
 * out_buf(), and returns how much, or NGX_ERROR.  end: the mark of a complete
 * response, in a last buffer.  cleanup: what the format keeps is wiped.
 */

struct ngx_http_attest_format_s {
    ngx_int_t    (*reject)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_int_t rc);
    ngx_int_t    (*head)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    ssize_t      (*frame)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        u_char *pt, size_t len, ngx_http_attest_out_t *out);
    ngx_int_t    (*end)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_http_attest_out_t *out);
    void         (*cleanup)(ngx_http_attest_ctx_t *ctx);
};


/* ngx_http_attest_once.c: at postconfiguration */
ngx_int_t ngx_http_attest_once_init(ngx_conf_t *cf);

/* ngx_http_attest_ohttp.c: at postconfiguration, at merge, at the end. */
ngx_int_t ngx_http_attest_ohttp_init(ngx_conf_t *cf);
char *ngx_http_attest_ohttp_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
/*
 * ngx_http_attest_ohttp_request.c, a phase handler: an inner request is for
 * locations that take such.
 */
ngx_int_t ngx_http_attest_ohttp_gate(ngx_http_request_t *r);


/* len random bytes, 1024 at most, that no other call gets */
ngx_int_t ngx_http_attest_nonce(u_char *nonce, size_t len);

/*
 * ngx_http_attest_body.c: reads what is sealed.  Functions return 0 or why it
 * is refused, in numbers of their own.  piece: the next bytes, which are good
 * during the call.  fresh: more has to be waited for.  done: all was read, or
 * why not; failed: nginx cannot read, with its status.
 */

struct ngx_http_attest_intake_s {
    ngx_uint_t   (*piece)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        u_char *p, size_t n);
    ngx_uint_t   (*fresh)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    void         (*done)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_uint_t why);
    void         (*failed)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_int_t rc);
};

/* s: prompts go, and their memory with them. */
#define NGX_HTTP_ATTEST_BUSY  2

/* What another module has put into a file. */
#define NGX_HTTP_ATTEST_BODY_UNREADABLE  ((ngx_uint_t) -1)

/* As ngx_http_read_client_request_body(). */
ngx_int_t ngx_http_attest_body_read(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, const ngx_http_attest_intake_t *intake);
/* Out of the request: whoever sends or logs its body finds none. */
void ngx_http_attest_body_take(ngx_http_request_t *r);


/* ngx_http_attest_locked.c: locked memory of this worker */

ngx_int_t ngx_http_attest_memory_init(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
void ngx_http_attest_memory_exit(void);
/* NULL: all of it is in use. */
u_char *ngx_http_attest_locked_alloc(size_t len);
/* Wipes it. */
void ngx_http_attest_locked_free(u_char *p);
/* Of memory that holds nothing any more. */
void ngx_http_attest_locked_wiped(u_char *p);
/* Only the first len bytes are needed: the rest is wiped and free. */
void ngx_http_attest_locked_trim(u_char *p, size_t len);
/*
 * Room for size bytes, of max at most; what is there may move.  NGX_BUSY:
 * all of it is in use.  NGX_DECLINED: there can never be as much.
 */
ngx_int_t ngx_http_attest_locked_grow(u_char **data, size_t *usable,
    size_t size, size_t max);

/* ngx_http_attest_release.c: at postconfiguration, when something is sent */

ngx_int_t ngx_http_attest_release_init(ngx_http_core_main_conf_t *cmcf);
/* Soon, the prompt's memory is given back if the backend has it. */
void ngx_http_attest_release_check(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);

#endif /* NGX_HTTP_ATTEST_PROMPT_H_INCLUDED */
