/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every room of the nginx glue knows: configurations, counters, the view
 * of the current evidence, and the context of a request.  What a file does
 * for others stands in its own header.
 */


#ifndef NGX_HTTP_ATTEST_H_INCLUDED
#define NGX_HTTP_ATTEST_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_attest_compat.h"

#include "core/appraisal/attest_roots.h"
#include "core/base/attest_core.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/crypto/attest_hpke.h"
#include "core/prompt/attest_keyconfig.h"
#include "providers/attest_provider.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tpm.h"
#include "core/crypto/attest_x509.h"


#define NGX_HTTP_ATTEST_KEYS         4      /* current and previous, each
                                               of X25519 and X-Wing */
#define NGX_HTTP_ATTEST_MEMBERS      6      /* of the key-configuration list:
                                               X25519 ones for EHBP too */
#define NGX_HTTP_ATTEST_MAX_LIST     2816   /* bytes of it */

/*
 * The kinds of keys that formats of prompts want: a mask of what the entries
 * say of those that some location has, which generations are made by.
 */

#define NGX_HTTP_ATTEST_KEM_X25519   0x01   /* with EHBP's one suite alone */
#define NGX_HTTP_ATTEST_KEM_SUITES   0x02   /* X25519, with all our suites */
#define NGX_HTTP_ATTEST_KEM_XWING    0x04   /* with all our suites */

#define NGX_HTTP_ATTEST_XWING_OFF    0      /* attest_ohttp_xwing */
#define NGX_HTTP_ATTEST_XWING_ON     1
#define NGX_HTTP_ATTEST_XWING_AUTO   2

#define NGX_HTTP_ATTEST_REPLAY_OFF   0      /* attest_ohttp_replay */
#define NGX_HTTP_ATTEST_REPLAY_KEY   1
#define NGX_HTTP_ATTEST_REPLAY_DATE  2

#define NGX_HTTP_ATTEST_MODE_OFF       0    /* attest_prompt_mode */
#define NGX_HTTP_ATTEST_MODE_OPTIONAL  1
#define NGX_HTTP_ATTEST_MODE_REQUIRED  2


/* Whether a string is this text. */

#define ngx_http_attest_is(s, text)                                          \
    ((s)->len == sizeof(text) - 1                                            \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


typedef struct ngx_http_attest_state_s  ngx_http_attest_state_t;   /* zone */
typedef struct ngx_http_attest_view_s  ngx_http_attest_view_t;
typedef struct ngx_http_attest_jobs_s  ngx_http_attest_jobs_t;
typedef struct ngx_http_attest_refresh_s  ngx_http_attest_refresh_t;
typedef struct ngx_http_attest_source_s  ngx_http_attest_source_t;
typedef struct ngx_http_attest_provider_ref_s  ngx_http_attest_provider_ref_t;
typedef struct ngx_http_attest_verify_s  ngx_http_attest_verify_t;
typedef struct ngx_http_attest_identity_s  ngx_http_attest_identity_t;
typedef struct ngx_http_attest_appraisals_s  ngx_http_attest_appraisals_t;
typedef struct ngx_http_attest_client_conf_s  ngx_http_attest_client_conf_t;


/* A file that "attest_measure" names, as it was when that was parsed. */

typedef struct {
    ngx_str_t                  path;
    ngx_file_info_t            info;
    ngx_uint_t                 reported;        /* that it changed */
} ngx_http_attest_measured_t;


typedef struct ngx_http_attest_format_s  ngx_http_attest_format_t;
typedef struct ngx_http_attest_main_conf_s  ngx_http_attest_main_conf_t;


/*
 * Who remembers prompts, by the generation that their key is from.  It is set
 * when the configuration is read, so that what makes generations need not
 * know of prompts.  Between lock() and unlock() nothing is remembered; by
 * retire() keys that are older than generation `number` are retired, with
 * what is remembered of them.
 */

typedef struct {
    /* so full that the prompt keys have to be replaced */
    ngx_uint_t               (*full)(ngx_http_attest_main_conf_t *amcf);
    void                     (*lock)(ngx_http_attest_main_conf_t *amcf);
    void                     (*retire)(ngx_http_attest_main_conf_t *amcf,
                                 uint64_t number);
    void                     (*unlock)(ngx_http_attest_main_conf_t *amcf);
    ngx_uint_t               (*retired)(ngx_http_attest_main_conf_t *amcf,
                                 uint64_t born);
} ngx_http_attest_remember_t;


/*
 * Who is asked before a request goes to a verified peer: at each attempt, when
 * it is known whose connection it is, and not a byte was sent.  u->request_bufs
 * may be replaced then.  Anything but NGX_OK: this connection is not used.
 */

typedef ngx_int_t (*ngx_http_attest_ready_pt)(ngx_http_request_t *r,
    const ngx_http_attest_identity_t *id);


/* What is made of the directives, and what there is while nginx runs. */

typedef struct {

    /* when all of the configuration has been read */
    ngx_cycle_t               *cycle;
    ngx_array_t               *names;           /* of char *, certificate */
    EVP_PKEY                  *ca_key;          /* public key of the CA
                                                   certificate, or NULL */
    ngx_thread_pool_t         *pool;
    ngx_thread_pool_t         *verify_pool;
    ngx_uint_t                 verify_threads;
    ngx_http_attest_ready_pt   ready;           /* or NULL */

    /* before workers are forked; some of it a reload takes over */
    attest_provider_t         *provider;        /* all sources in one */
    attest_provider_t         *gpu;             /* a part of it, or NULL */
    ngx_http_attest_provider_ref_t  *provider_ref;  /* who owns both */
    ngx_uint_t                 gpu_required;    /* no service without GPUs */
    time_t                     gpu_interval;    /* s between two checks of
                                                   the GPUs, 0: none */
    ngx_shm_zone_t            *zone;
    ngx_http_attest_state_t   *state;           /* in the zone */
    ngx_shm_zone_t            *replay;
    ngx_shm_zone_t            *peers;           /* of verified groups */
    ngx_shm_zone_t            *clients;         /* counters of those judged */
    const ngx_http_attest_remember_t  *remember;    /* what is in it */

    ngx_str_t                  record;          /* configuration record */
    u_char                     record_hash[ATTEST_SHA256_LEN];
    /* of what evidence depends on */
    u_char                     fingerprint[ATTEST_SHA256_LEN];

    /* in a worker */
    ngx_http_attest_jobs_t    *jobs;            /* this process's */
    ngx_http_attest_refresh_t  *refresh;        /* and its timer */
    ngx_http_attest_appraisals_t  *appraisals;
} ngx_http_attest_run_t;


struct ngx_http_attest_main_conf_s {

    /* directives */
    ngx_http_attest_source_t  *source;          /* attest_tpm and others */
    ngx_array_t               *source_args;     /* of ngx_str_t, as written */
    ngx_msec_t                 timeout;         /* of one collection */
    time_t                     lifetime;        /* attest_lifetime, s */
    ngx_array_t               *measure;         /* of measured_t */
    ngx_array_t               *environment;     /* of ngx_str_t, allowed */
    size_t                     zone_size;
    size_t                     replay_size;     /* 0: not set */
    ngx_uint_t                 replay_rate;     /* prompts per hour, or 0 */
    size_t                     memory;          /* attest_prompt_memory */
    size_t                     peers_size;      /* attest_verify_zone */
    ngx_array_t               *policies;        /* of policy_file_t *, that
                                                   directives name */
    attest_roots_t            *roots;           /* for what is judged in the
                                                   event loop, or NULL */
    ngx_uint_t                 queue;           /* waiting nonce requests */
    ngx_flag_t                 start_without_evidence;
    ngx_uint_t                 xwing_conf;      /* attest_ohttp_xwing */

    /* of prompts: all that there are, and what CORS says of their fields */
    const ngx_http_attest_format_t  *const  *formats;
    ngx_str_t                  cors_expose;
    ngx_str_t                  cors_allow;

    /* what servers and locations add up to */
    ngx_array_t               *servers;         /* of srv_conf *, attested */
    ngx_array_t               *verified;        /* of verify_t *, groups */
    ngx_uint_t                 http_protocols;  /* ssl_protocols of http{} */
    ngx_array_t               *http_ticket_keys;
    size_t                     largest;         /* prompt, somewhere */
    time_t                     window;          /* of Date, the widest */
    ngx_uint_t                 replay_key;      /* some location is by key */
    ngx_uint_t                 kems;            /* keys that are wanted */
    ngx_uint_t                 formats_used;    /* by some location: bits,
                                                   by place in the table */
    ngx_str_t                 *presents;        /* a group that does */
    unsigned                   certificate:1;   /* some server: on */
    unsigned                   prompts:1;       /* some location: prompts */
    unsigned                   seals:1;         /* some: attest_seal */
    unsigned                   keys:1;          /* some: attest_keys */
    unsigned                   reports:1;       /* some: attest_report */
    unsigned                   used:1;          /* some directive is used */

    ngx_http_attest_run_t      run;
};


typedef struct {
    ngx_flag_t                 certificate;     /* attest_certificate */
    ngx_array_t               *cert_names;      /* of ngx_str_t */
    ngx_uint_t                 attested;        /* any attest_* inside */
    ngx_uint_t                 ungated;         /* attest_status or _report
                                                   inside */
    ngx_uint_t                 tls;             /* listens with it */
    ngx_uint_t                 tls13_only;
    ngx_uint_t                 key_log;         /* TLS secrets are written */
    ngx_array_t               *locations;       /* of void **, loc_conf */
    ngx_http_attest_verify_t  *verify;          /* upstream{}: attest_verify */
    ngx_http_attest_client_conf_t  *client;   /* attest_verify_client */
    ngx_flag_t                 present;         /* upstream{}: attest_present,
                                                   and the balancer's init */
    ngx_http_upstream_init_peer_pt  present_init;
    u_char                    *file_name;       /* for messages */
    ngx_uint_t                 line;
} ngx_http_attest_srv_conf_t;


typedef struct {
    const ngx_http_attest_format_t  *format_conf;   /* attest_prompt,
                                                       inherited */
    const ngx_http_attest_format_t  *format;    /* what holds here, or NULL */
    ngx_uint_t                 mode;
    size_t                     max_size;        /* plaintext and frame cap */
    ngx_array_t               *cors;            /* of ngx_str_t; NULL: off */
    ngx_array_t               *allow;           /* attest_ohttp_allow */
    ngx_uint_t                 replay;          /* attest_ohttp_replay */
    time_t                     window;          /* of Date, s */
    ngx_msec_t                 coalesce;        /* attest_prompt_coalesce */
    size_t                     pad;             /* attest_ohttp_pad */
    ngx_flag_t                 mirror;          /* attest_prompt_mirror */
    ngx_flag_t                 inner;           /* attest_ohttp_inner, not
                                                   inherited */
    const char                *hides;           /* the prompt from a backend */
    unsigned                   endpoint:1;      /* attest_evidence, _keys,
                                                   _status, _report: never
                                                   sealed */
    unsigned                   ungated:1;       /* answers without evidence */
} ngx_http_attest_loc_conf_t;


typedef struct ngx_http_attest_up_s  ngx_http_attest_up_t;
typedef struct ngx_http_attest_outer_s  ngx_http_attest_outer_t;
typedef struct ngx_http_attest_ctx_s  ngx_http_attest_ctx_t;


/* What makes a message one that is taken only once. */

typedef struct {
    const u_char              *enc;             /* encapsulated key */
    size_t                     len;
    uint64_t                   born;            /* of the key that opened */
    time_t                     expires;         /* it, and when it goes */
    time_t                     until;           /* remembered */
    unsigned                   check_only:1;    /* and not remembered */
} ngx_http_attest_once_t;


/* Per-request state of an encrypted prompt. */

struct ngx_http_attest_ctx_s {
    ngx_http_request_t        *request;         /* the main one */
    ngx_http_attest_view_t    *view;
    const ngx_http_attest_format_t  *format;    /* of what is sealed */
    void                      *data;            /* the format's own */
    ngx_http_attest_loc_conf_t  *conf;          /* where it was opened */
    ngx_http_attest_outer_t   *outer;           /* r is the inner request */
    ngx_http_attest_up_t      *ups;             /* upstreams that answered */

    void                     (*body_done)(ngx_http_request_t *r,
                                 ngx_http_attest_ctx_t *ctx, ngx_int_t why);
    void                     (*body_failed)(ngx_http_request_t *r,
                                 ngx_http_attest_ctx_t *ctx, ngx_int_t rc);

    ngx_str_t                  plain;           /* locked plaintext */
    size_t                     usable;          /* of it, so far */
    size_t                     strings;         /* of it, that stay */
    ngx_http_attest_once_t     once;
    ngx_uint_t                 key_index;       /* in the view */
    u_char                     key_id;

    ngx_chain_t               *in;              /* body filter */
    ngx_chain_t               *free;
    ngx_chain_t               *busy;

    ngx_msec_t                 coalesce;        /* 0: nothing waits */
    ngx_buf_t                 *held;            /* plaintext that waits */
    ngx_event_t                due;             /* until then */

    ngx_event_t                sent;            /* the backend has it */
    ngx_output_chain_filter_pt  output_filter;  /* of the upstream */
    void                      *output_data;

    ngx_int_t                  status;          /* refused with, 0: not */
    ngx_uint_t                 inner_status;    /* of a response inside */

    unsigned                   reading:1;       /* body is being read */
    unsigned                   waits:1;         /* its format does */
    unsigned                   decided:1;       /* opened, plain or refused */
    unsigned                   sealed:1;        /* a context exists */
    unsigned                   entered:1;       /* opened, goes its way */
    unsigned                   turned:1;        /* from it by a redirect */
    unsigned                   passed:1;        /* access, and was new */
    unsigned                   counted:1;       /* as opened, or refused */
    unsigned                   head_sent:1;     /* header filter done */
    unsigned                   unproven_end:1;  /* a part is missing */
    unsigned                   finished:1;      /* end marker written */
    unsigned                   replaced:1;      /* our own 502 instead */
    unsigned                   interim:1;       /* because of a 1xx */
    unsigned                   cut:1;           /* ends without an end */
    unsigned                   shared:1;        /* a subrequest has the body */
    unsigned                   spent:1;         /* the body was given back */
    unsigned                   at_once:1;       /* a response without body */
};


extern ngx_module_t  ngx_http_attest_module;


#endif /* NGX_HTTP_ATTEST_H_INCLUDED */
