/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of Oblivious HTTP share: ngx_http_attest_ohttp.c opens a
 * request, _inner.c decodes what is inside, _ohttp_request.c makes it a
 * request of this server, and _ohttp_response.c seals what comes back.
 */


#ifndef NGX_HTTP_ATTEST_OHTTP_H_INCLUDED
#define NGX_HTTP_ATTEST_OHTTP_H_INCLUDED


#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_outer.h"

#include "core/prompt/attest_bhttp.h"
#include "core/prompt/attest_ohttp.h"


/*
 * Binary HTTP around a prompt: control data, fields, trailers, and before
 * each piece of content its length, which takes a byte for a byte at worst.
 */
#define NGX_HTTP_ATTEST_OHTTP_MESSAGE(alcf)                                  \
    (2 * (alcf)->max_size + 160 * 1024)


typedef struct ngx_http_attest_opening_s  ngx_http_attest_opening_t;


/* ctx->data of a request */

typedef struct {
    ngx_http_attest_opening_t    *opening;     /* until it is opened */
    attest_ohttp_form_e           form;
    attest_ohttp_head_t           head;        /* of the request */
    size_t                        message;     /* opened bytes */
    attest_ohttp_sealer_t         sealer;
    u_char                        nonce[ATTEST_OHTTP_MAX_NONCE];
    size_t                        nonce_len;   /* 0: it was sent */

    attest_bhttp_encoder_t        encoder;
    ngx_str_t                     pending;     /* of a head: not yet sealed */
    uint64_t                      total;       /* plaintext sealed */

    ngx_http_attest_loc_conf_t   *gateway;     /* the outer location's */
    time_t                        expires;     /* of the key that opened it */
    uint64_t                      born;        /* and its generation */

    ngx_uint_t                    status;      /* of the inner response */

    ngx_http_attest_outer_t       outer;       /* for logs and CORS */

    /* of the inner one, in locked memory of this length, where it had to be
       made: the decoded path, the joined cookies */

    ngx_str_t                     path;
    ngx_str_t                     cookie;

    ngx_uint_t                    entered;     /* its location was checked */
} ngx_http_attest_ohttp_t;


/* Whom inner requests may be for, in attest_ohttp_allow. */

typedef struct {
    ngx_str_t                     authority;   /* in lower case */
    ngx_str_t                     path;        /* prefix; empty: any */
} ngx_http_attest_allow_t;


extern const ngx_http_attest_format_t  ngx_http_attest_ohttp_format;


/* ngx_http_attest_ohttp.c */

/* Content handler of a gateway. */
ngx_int_t ngx_http_attest_ohttp_handler(ngx_http_request_t *r);
/* As in ngx_http_attest_format_t. */
ngx_int_t ngx_http_attest_ohttp_find(ngx_http_request_t *r);
ngx_int_t ngx_http_attest_ohttp_start(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
ngx_int_t ngx_http_attest_ohttp_open(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *p, size_t n);
ngx_int_t ngx_http_attest_ohttp_fresh(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
ngx_int_t ngx_http_attest_ohttp_finish(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
void ngx_http_attest_ohttp_close(ngx_http_attest_ctx_t *ctx);
size_t ngx_http_attest_ohttp_max_plain(ngx_http_attest_loc_conf_t *alcf);
off_t ngx_http_attest_ohttp_max_body(ngx_http_attest_loc_conf_t *alcf);
const char *ngx_http_attest_ohttp_protocol(ngx_http_attest_ctx_t *ctx);
void ngx_http_attest_ohttp_cleanup(ngx_http_attest_ctx_t *ctx);

/* ngx_http_attest_ohttp_conf.c: directives */

char *ngx_http_attest_ohttp_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_ohttp_replay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_ohttp_pad(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_attest_ohttp_xwing(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_attest_ohttp_routes.c: as in ngx_http_attest_format_t */

const char *ngx_http_attest_ohttp_bad(ngx_http_attest_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf);
ngx_uint_t ngx_http_attest_ohttp_admits(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf);

/* ngx_http_attest_ohttp_log.c */

/* Installs the handler of a phase; called from postconfiguration. */
ngx_int_t ngx_http_attest_ohttp_log_init(ngx_conf_t *cf);
/* In the place of nginx' own, of a connection's log. */
u_char *ngx_http_attest_ohttp_log_error(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);

/* ngx_http_attest_ohttp_request.c */

/*
 * The opened request takes the place of the outer one and runs through the
 * server's locations.  Answers and finalizes in any case.
 */
void ngx_http_attest_ohttp_enter(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
/* A phase handler: an inner request is for locations that take such. */
ngx_int_t ngx_http_attest_ohttp_gate(ngx_http_request_t *r);

/* ngx_http_attest_ohttp_response.c: as in ngx_http_attest_format_t */

ngx_int_t ngx_http_attest_ohttp_head(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
ngx_int_t ngx_http_attest_ohttp_flush(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);
ssize_t ngx_http_attest_ohttp_frame(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *pt, size_t len,
    ngx_http_attest_out_t *out);
ngx_int_t ngx_http_attest_ohttp_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);


#endif /* NGX_HTTP_ATTEST_OHTTP_H_INCLUDED */
