/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of sealing share: the configuration of a location, and the
 * context of a request that is sealed on its way to a gateway.
 */


#ifndef NGX_HTTP_ATTEST_SEALING_CTX_H_INCLUDED
#define NGX_HTTP_ATTEST_SEALING_CTX_H_INCLUDED


#include "http/ngx_http_attest.h"
#include "core/prompt/attest_answer.h"
#include "core/prompt/attest_envelope.h"


#define NGX_HTTP_ATTEST_SALT_OFF      0     /* attest_seal_cache_salt */
#define NGX_HTTP_ATTEST_SALT_REQUEST  1
#define NGX_HTTP_ATTEST_SALT_CALLER   2
#define NGX_HTTP_ATTEST_SALT_FIXED    3

/* Plaintext of one frame of an answer, and of one that is not in chunks. */
#define NGX_HTTP_ATTEST_ANSWER_LIMIT  (16 * 1024 * 1024)


/* "attest_seal" of one location, and of those inside it. */

typedef struct {
    attest_envelope_form_e     form;
    ngx_str_t                  path;        /* OHTTP: of the gateway */
    ngx_str_t                  authority;   /* OHTTP: inside; empty: Host */
    ngx_str_t                  gateway;     /* group behind a relay */
    ngx_str_t                  keys_file;   /* pinned, or empty */
    ngx_str_t                  keys;        /* what is in it */
    ngx_uint_t                 required;    /* EHBP: the end */
    ngx_http_upstream_srv_conf_t  *group;   /* .. or NULL */
} ngx_http_attest_sealing_t;


typedef struct {
    ngx_http_attest_sealing_t  *seal;       /* NULL: off */
    ngx_uint_t                 salt;
    ngx_str_t                  salt_text;   /* NGX_HTTP_ATTEST_SALT_FIXED */
    ngx_str_t                  key_name;    /* attest_seal_api_key: field, */
    ngx_str_t                  key_value;   /* and what it says */
    unsigned                   here:1;      /* not inherited */
} ngx_http_attest_sealing_loc_conf_t;


typedef struct {
    u_char                     salt_key[32];
    ngx_array_t               *inits;       /* of groups that we wrap */
    ngx_array_t               *locations;   /* of void **, loc_conf */
    ngx_uint_t                 xwing;       /* this OpenSSL has it */
} ngx_http_attest_sealing_main_conf_t;


/* What becomes of the answer. */

typedef enum {
    NGX_HTTP_ATTEST_ANSWER_NONE = 0,        /* none so far */
    NGX_HTTP_ATTEST_ANSWER_PLAIN,           /* passed on as it is */
    NGX_HTTP_ATTEST_ANSWER_ERROR,           /* an error that nobody sealed:
                                               kept back to be read */
    NGX_HTTP_ATTEST_ANSWER_INSIDE,          /* its head is still inside */
    NGX_HTTP_ATTEST_ANSWER_KEPT,            /* a refusal inside, to be read */
    NGX_HTTP_ATTEST_ANSWER_OPEN,            /* head out, opened as it comes */
    NGX_HTTP_ATTEST_ANSWER_OURS,            /* an error of ours instead */
    NGX_HTTP_ATTEST_ANSWER_AGAIN,           /* the request is sent again */
    NGX_HTTP_ATTEST_ANSWER_DONE             /* said to its end */
} ngx_http_attest_answer_e;

/* $attest_seal_answer */

typedef enum {
    NGX_HTTP_ATTEST_SEAL_UNSAID = 0,
    NGX_HTTP_ATTEST_SEAL_OPENED,
    NGX_HTTP_ATTEST_SEAL_CLEAR,
    NGX_HTTP_ATTEST_SEAL_UNAUTHENTICATED,
    NGX_HTTP_ATTEST_SEAL_REFUSED,
    NGX_HTTP_ATTEST_SEAL_CUT
} ngx_http_attest_seal_said_e;


typedef struct ngx_http_attest_sealing_error_s
    ngx_http_attest_sealing_error_t;


typedef struct {
    ngx_http_request_t        *request;
    ngx_http_attest_sealing_loc_conf_t  *conf;
    ngx_http_attest_ctx_t     *prompt;      /* whose memory the body is in */
    size_t                     body;        /* bytes of it */
    size_t                     max_size;    /* that there may be */
    ngx_str_t                  method;      /* of the client, where nginx is
                                               told another */
    u_char                     date[sizeof("Mon, 28 Sep 1970 06:00:00 GMT")];

    void                      *relay;       /* of relay.c */
    ngx_str_t                  carried;     /* keys of who is behind it */

    ngx_http_upstream_t       *upstream;
    ngx_chain_t               *head;        /* what nginx would have sent */
    ngx_buf_t                 *sent;        /* the envelope instead */
    attest_envelope_t          envelope;

    ngx_http_attest_answer_e   state;
    attest_answer_t            answer;
    u_char                    *room;        /* locked, for the answer */
    size_t                     usable;
    u_char                    *scratch;     /* locked, for fields of it */
    ngx_chain_t               *in;          /* not opened yet */
    ngx_buf_t                  out;         /* plaintext on its way */
    off_t                      left;        /* of Content-Length inside */
    ngx_uint_t                 status;      /* inside */
    ngx_str_t                  said_date;   /* inside */
    ngx_buf_t                 *kept;        /* of an error */
    const ngx_http_attest_sealing_error_t  *error;
    ngx_event_t                again;

    ngx_http_attest_seal_said_e  said;
    unsigned                   gathered:1;
    unsigned                   opening:1;   /* answer is to be cleared */
    unsigned                   ended:1;     /* the answer, and well */
    unsigned                   failed:1;    /* it cannot be opened */
    unsigned                   cut:1;       /* ends without an end */
    unsigned                   keyed:2;     /* tries again: other keys */
    unsigned                   dated:1;     /* tried again: another date */
} ngx_http_attest_sealing_ctx_t;


extern ngx_module_t  ngx_http_attest_sealing_module;


/* NULL: the request is not sealed here. */
ngx_http_attest_sealing_ctx_t *ngx_http_attest_sealing_ctx(
    ngx_http_request_t *r);
/* The request's context, created once. */
ngx_http_attest_sealing_ctx_t *ngx_http_attest_sealing_ctx_create(
    ngx_http_request_t *r);
/* What was known of an attempt is wiped. */
void ngx_http_attest_sealing_ctx_forget(ngx_http_attest_sealing_ctx_t *ctx);
/* What nginx wrote for the last gateway, and read of it: credentials, paths. */
void ngx_http_attest_sealing_ctx_wipe_sent(ngx_http_attest_sealing_ctx_t *ctx);


#endif /* NGX_HTTP_ATTEST_SEALING_CTX_H_INCLUDED */
