
/*
 * What the files of the Oblivious HTTP gateway share: ngx_http_attest_ohttp.c
 * opens a request, _ohttp_request.c makes it a request of this server, and
 * _ohttp_response.c seals what comes back.
 */


#ifndef NGX_HTTP_ATTEST_OHTTP_H_INCLUDED
#define NGX_HTTP_ATTEST_OHTTP_H_INCLUDED


#include "http/prompt/ngx_http_attest_prompt.h"

#include "core/prompt/attest_bhttp.h"
#include "core/prompt/attest_ohttp.h"


typedef struct ngx_http_attest_opening_s  ngx_http_attest_opening_t;


struct ngx_http_attest_ohttp_s {
    ngx_http_attest_opening_t    *opening;     /* until it is opened */
    attest_ohttp_form_e           form;
    attest_ohttp_head_t           head;        /* of the request */
    size_t                        message;     /* opened bytes */
    size_t                        strings;     /* of them, without the body */
    attest_ohttp_sealer_t         sealer;
    u_char                        nonce[ATTEST_OHTTP_MAX_NONCE];
    size_t                        nonce_len;   /* 0: it was sent */

    attest_bhttp_encoder_t        encoder;
    ngx_str_t                     pending;     /* of a head: not yet sealed */
    uint64_t                      total;       /* plaintext sealed */

    ngx_http_attest_loc_conf_t   *gateway;     /* the outer location's */
    time_t                        expires;     /* of the key that opened it */
    uint64_t                      born;        /* and its generation */

    /* of the outer request, for logs and CORS */

    ngx_http_headers_in_t         headers_in;
    ngx_uint_t                    method;
    ngx_str_t                     method_name;
    ngx_str_t                     uri;
    ngx_str_t                     args;
    ngx_str_t                     unparsed_uri;
    ngx_str_t                     exten;
    void                        **loc_conf;

    /* of the inner one, in locked memory of this length, where it had to be
       made: the decoded path, the joined cookies */

    ngx_str_t                     path;
    ngx_str_t                     cookie;

    ngx_uint_t                    status;      /* of the inner response */

    unsigned                      inner:1;     /* r is the inner request */
    unsigned                      entered:1;   /* its location was checked */
    unsigned                      at_once:1;   /* a response without body */
};


/* Whom inner requests may be for, in attest_ohttp_allow. */

typedef struct {
    ngx_str_t                     authority;   /* in lower case */
    ngx_str_t                     path;        /* prefix; empty: any */
} ngx_http_attest_allow_t;


/* ngx_http_attest_routes.c: whether a location takes what it has opened. */
ngx_uint_t ngx_http_attest_ohttp_admits(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf);

/* ngx_http_attest_ohttp_response.c: as in ngx_http_attest_format_t */

ngx_int_t ngx_http_attest_ohttp_head(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);
ssize_t ngx_http_attest_ohttp_frame(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, u_char *pt, size_t len,
    ngx_http_attest_out_t *out);
ngx_int_t ngx_http_attest_ohttp_end(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx, ngx_http_attest_out_t *out);

/*
 * The opened request takes the place of the outer one and runs through the
 * server's locations.  Answers and finalizes in any case.
 */
void ngx_http_attest_ohttp_enter(ngx_http_request_t *r,
    ngx_http_attest_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_OHTTP_H_INCLUDED */
