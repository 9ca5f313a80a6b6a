/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A format of encrypted prompts: one entry of ngx_http_attest_formats[] in
 * ngx_http_attest_format.c.  Whoever opens, seals, checks or logs asks the
 * entry and knows no format by its name.
 */


#ifndef NGX_HTTP_ATTEST_FORMAT_H_INCLUDED
#define NGX_HTTP_ATTEST_FORMAT_H_INCLUDED


#include "http/ngx_http_attest.h"
#include "http/prompt/ngx_http_attest_out.h"
#include "http/prompt/ngx_http_attest_refusal.h"


/*
 * What may lie around the plaintext: a client may seal each byte by itself,
 * and send frames that are empty.  That costs bytes, each of which has to be
 * sent, and no memory.
 */
#define NGX_HTTP_ATTEST_SPARE  (1024 * 1024)


struct ngx_http_attest_format_s {

    ngx_str_t     name;             /* attest_prompt NAME */

    /*
     * 1: a request of its own is inside, with all of its header, and so is
     * the response; the location is the gateway that opens it.  0: the body
     * is sealed, and the location is the one that the request is for.
     */
    ngx_uint_t    inner;

    /* field of the request that is not for the backend, or NULL */
    const char   *field;

    /*
     * Fields of the response, or NULL, up to a NULL: nobody but the format
     * may send them, and a browser may read them.
     */
    const char  *const  *response_fields;

    /* the answers of refuse() that are its own, the last one without `why' */
    const ngx_http_attest_refusal_t  *refusals;

    /*
     * Configuration, NULL where there is nothing to do.  location: the
     * directive names the format.  merge, check: of every location, whatever
     * its format, before and after it is known.  kems: the kinds of keys that
     * it wants, NGX_HTTP_ATTEST_KEM_*, when all is read and some location has
     * it.  init: handlers of phases.
     */
    char        *(*location)(ngx_conf_t *cf,
        ngx_http_attest_loc_conf_t *alcf);
    void         (*merge)(ngx_http_attest_loc_conf_t *prev,
        ngx_http_attest_loc_conf_t *conf);
    char        *(*check)(ngx_conf_t *cf, ngx_http_attest_loc_conf_t *alcf);
    ngx_uint_t   (*kems)(ngx_http_attest_main_conf_t *amcf);
    ngx_int_t    (*init)(ngx_conf_t *cf);

    /*
     * Routes.  bad: why a location cannot be what it is said to be.  admits:
     * of an inner format, whether a location takes what this gateway opens.
     * lost: what is wrong where no location does.
     */
    const char  *(*bad)(ngx_http_attest_loc_conf_t *alcf,
        ngx_http_core_loc_conf_t *clcf);
    ngx_uint_t   (*admits)(ngx_http_attest_loc_conf_t *gateway,
        ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf);
    const char   *lost;

    /* Limits: of what is opened, and of what can hold as much. */
    size_t       (*max_plain)(ngx_http_attest_loc_conf_t *alcf);
    off_t        (*max_body)(ngx_http_attest_loc_conf_t *alcf);

    /*
     * The request.  find: NGX_OK: it is sealed in this format; NGX_DECLINED:
     * it is in clear; or why it is refused, as all that return a number.
     * start: makes ctx->data.  open: the next bytes, which are good during
     * the call; of what was opened ctx->plain holds all.  fresh: more has to
     * be waited for.  finish: all was read.  close: nothing is opened any
     * more, what opens is wiped.  enter: the opened request goes its way.
     *
     * NGX_AGAIN of open, which has then taken its bytes, and of finish, which
     * is then called again: it waits for somebody, a device perhaps, and
     * calls ngx_http_attest_body_resume() later; close is called before the
     * request goes away.
     */
    ngx_int_t    (*find)(ngx_http_request_t *r);
    ngx_int_t    (*start)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    ngx_int_t    (*open)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        u_char *p, size_t n);
    ngx_int_t    (*fresh)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    ngx_int_t    (*finish)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    void         (*close)(ngx_http_attest_ctx_t *ctx);
    void         (*enter)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);

    /*
     * The response.  head: the header goes out, from now on in clear.  flush:
     * what waits besides the plaintext is sealed, NULL: nothing does.  frame:
     * seals as much of pt as one piece takes, in buffers of out_buf(), and
     * returns how much, or NGX_ERROR.  end: the mark of a complete response,
     * in a last buffer.
     */
    ngx_int_t    (*head)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx);
    ngx_int_t    (*flush)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_http_attest_out_t *out);
    ssize_t      (*frame)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        u_char *pt, size_t len, ngx_http_attest_out_t *out);
    ngx_int_t    (*end)(ngx_http_request_t *r, ngx_http_attest_ctx_t *ctx,
        ngx_http_attest_out_t *out);

    /* $attest_prompt_protocol */
    const char  *(*protocol)(ngx_http_attest_ctx_t *ctx);

    /* with the request's pool; ctx->data may be NULL */
    void         (*cleanup)(ngx_http_attest_ctx_t *ctx);
};


/* The formats, up to a NULL; amcf->formats for whoever a format calls. */
extern const ngx_http_attest_format_t *const  ngx_http_attest_formats[];


/* By its name, or NULL. */
const ngx_http_attest_format_t *ngx_http_attest_format_find(ngx_str_t *name);
/* As in messages: "one", "another", memory of the pool. */
ngx_int_t ngx_http_attest_format_names(ngx_pool_t *pool, ngx_str_t *names);
/* The location's directive names this one. */
char *ngx_http_attest_format_location(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf, const ngx_http_attest_format_t *format);
/* What the entries have to say at merge. */
void ngx_http_attest_format_merge(ngx_http_attest_loc_conf_t *prev,
    ngx_http_attest_loc_conf_t *conf);
char *ngx_http_attest_format_check(ngx_conf_t *cf,
    ngx_http_attest_loc_conf_t *alcf);
/* When all is read. */
ngx_int_t ngx_http_attest_format_init(ngx_conf_t *cf);
void ngx_http_attest_format_kems(ngx_http_attest_main_conf_t *amcf);
const char *ngx_http_attest_format_bad(ngx_http_attest_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf);


#endif /* NGX_HTTP_ATTEST_FORMAT_H_INCLUDED */
