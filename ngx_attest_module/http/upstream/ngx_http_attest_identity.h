/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_IDENTITY_H_INCLUDED
#define NGX_HTTP_ATTEST_IDENTITY_H_INCLUDED


#include "http/upstream/ngx_http_attest_verify.h"
#include "core/appraisal/attest_verify.h"


#define NGX_HTTP_ATTEST_PEER_NAME   128     /* "ADDR:PORT", "unix:PATH" */
#define NGX_HTTP_ATTEST_PEER_HOST   256
#define NGX_HTTP_ATTEST_PEER_WHY    384
#define NGX_HTTP_ATTEST_PEER_CHECKS 768
#define NGX_HTTP_ATTEST_PEER_TOLD   12288   /* all checks, one by one */


/* Which key a connection is marked with; serial 0: with none. */

typedef struct {
    uint64_t                   serial;
    ngx_uint_t                 slot;
} ngx_http_attest_identity_ref_t;


/* What was proven of a key, copied out of the zone. */

struct ngx_http_attest_identity_s {
    u_char                     spki[32];        /* SHA-256 */
    unsigned                   root;            /* ATTEST_ROOT_.. */
    uint64_t                   generation;      /* 0: not said */
    time_t                     not_after;
    ngx_uint_t                 exporter;        /* was bound */
    ngx_uint_t                 keys_only;       /* .. and TLS is not: spki is
                                                   whoever's it ends at */
    size_t                     list_len;        /* 0: no keys are bound */
    u_char                     list[NGX_HTTP_ATTEST_MAX_LIST];
};


/* One address under one name: what is asked for its evidence. */

typedef struct {
    uint64_t                   serial;
    ngx_uint_t                 slot;
} ngx_http_attest_peer_ref_t;


/* What an appraisal came to. */

typedef struct {
    attest_verdict_e           verdict;
    ngx_uint_t                 seen;            /* spki is set */
    ngx_http_attest_identity_t  key;            /* of list only the length */
    const u_char              *list;
    time_t                     not_before;
    int64_t                    took;            /* ms */
    const char                *why;
    const char                *checks;          /* that failed, as text */
    const char                *ids;             /* of these */
    const u_char              *told;            /* each check: its state, its
                                                   id and its text, each with
                                                   a zero behind */
    size_t                     told_len;
} ngx_http_attest_appraisal_t;


/* A peer as it is, copied out of the zone. */

typedef struct {
    char                       name[NGX_HTTP_ATTEST_PEER_NAME];
    char                       host[NGX_HTTP_ATTEST_PEER_HOST];
    attest_verdict_e           verdict;         /* 0: none so far */
    unsigned                   root;
    uint64_t                   generation;
    ngx_uint_t                 exporter;
    ngx_uint_t                 keys_only;
    char                       why[NGX_HTTP_ATTEST_PEER_WHY];
    char                       checks[NGX_HTTP_ATTEST_PEER_CHECKS];
    time_t                     checked;         /* wall time, 0: never */
    time_t                     not_after;
    time_t                     renew_in;        /* s, may be negative */
    ngx_uint_t                 valid;           /* some key is, now */
    ngx_uint_t                 appraisals;
    ngx_uint_t                 failed;
    ngx_uint_t                 waited;
    ngx_uint_t                 refused;
} ngx_http_attest_peer_state_t;


/* What became of the peer since a round of appraisals. */

typedef enum {
    NGX_HTTP_ATTEST_PEER_UNTOLD = 0,            /* no new appraisal */
    NGX_HTTP_ATTEST_PEER_OTHER,                 /* it has another key now */
    NGX_HTTP_ATTEST_PEER_SAME,                  /* this very key failed */
    NGX_HTTP_ATTEST_PEER_UNSURE                 /* .. to be judged */
} ngx_http_attest_peer_told_e;

typedef enum {
    NGX_HTTP_ATTEST_PEER_CLAIMED = 0,           /* by us */
    NGX_HTTP_ATTEST_PEER_BUSY,                  /* by another process */
    NGX_HTTP_ATTEST_PEER_LATER,                 /* it failed just now */
    NGX_HTTP_ATTEST_PEER_DOUBTFUL,              /* .. before; not claimed */
    NGX_HTTP_ATTEST_PEER_GONE
} ngx_http_attest_peer_claim_e;

typedef enum {
    NGX_HTTP_ATTEST_PEER_WAITED = 0,
    NGX_HTTP_ATTEST_PEER_REFUSED
} ngx_http_attest_peer_count_e;


ngx_int_t ngx_http_attest_identity_zone(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);

/* The key is valid now: NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_http_attest_identity_find(ngx_http_attest_verify_t *v,
    const u_char spki[32], ngx_http_attest_identity_ref_t *ref);
/* Some key is, of whatever peer, one with prompt keys before others. */
ngx_int_t ngx_http_attest_identity_any(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_ref_t *ref);
/* As it is, while it is valid: NGX_OK, or NGX_DECLINED.  id: or NULL. */
ngx_int_t ngx_http_attest_identity_get(ngx_http_attest_verify_t *v,
    const ngx_http_attest_identity_ref_t *ref,
    ngx_http_attest_identity_t *id);

/* The peer of this name, made where it is not there: NGX_OK, NGX_ERROR. */
ngx_int_t ngx_http_attest_identity_peer(ngx_http_attest_verify_t *v,
    const char *name, const char *host, ngx_http_attest_peer_ref_t *ref);
/* How many appraisals of it have come to an end. */
uint64_t ngx_http_attest_identity_round(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref);
/* What these say of a key that is not valid. */
ngx_http_attest_peer_told_e ngx_http_attest_identity_told(
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref,
    const u_char spki[32], uint64_t *round);
/* That this key fails is known, and nobody waits for another attempt. */
ngx_uint_t ngx_http_attest_identity_hopeless(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, const u_char spki[32]);
/* No peer of the group has a key that is valid, and some have failed. */
ngx_uint_t ngx_http_attest_identity_all_fail(ngx_http_attest_verify_t *v);
/* As it stands; ATTEST_UNDECIDED where there is none. */
attest_verdict_e ngx_http_attest_identity_verdict(
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref);
void ngx_http_attest_identity_count(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref,
    ngx_http_attest_peer_count_e what);

/*
 * One process at a time appraises a peer, until it publishes or dies.
 * doubtful: whether one that failed before may be claimed, and whether it is
 * one.
 */
ngx_http_attest_peer_claim_e ngx_http_attest_identity_claim(
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref,
    ngx_msec_t timeout, ngx_uint_t *doubtful);
/* NULL: nothing came of it.  Whether something is new to the log. */
ngx_uint_t ngx_http_attest_identity_publish(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref,
    const ngx_http_attest_appraisal_t *a);
/*
 * The key is not used again with this list before another appraisal, which
 * begins after this: one that is in flight may have been told the same.
 */
void ngx_http_attest_identity_doubt(ngx_http_attest_verify_t *v,
    const ngx_http_attest_identity_t *id);

/* The slot of the next peer to renew: NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_http_attest_identity_due(ngx_http_attest_verify_t *v,
    ngx_http_attest_peer_ref_t *ref);
/* The peer in a slot, for status and appraisals: NGX_OK, NGX_DECLINED. */
ngx_int_t ngx_http_attest_identity_state(ngx_http_attest_verify_t *v,
    ngx_uint_t slot, ngx_http_attest_peer_state_t *state);
/* All checks of its last appraisal, as above: how many bytes. */
size_t ngx_http_attest_identity_checks(ngx_http_attest_verify_t *v,
    ngx_uint_t slot, u_char told[NGX_HTTP_ATTEST_PEER_TOLD]);
ngx_int_t ngx_http_attest_identity_names(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, char *name, char *host);


#endif /* NGX_HTTP_ATTEST_IDENTITY_H_INCLUDED */
