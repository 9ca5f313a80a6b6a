/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The layout of what the shared zone holds, for the files that make and read
 * it: others see the decoded view.
 */

#ifndef NGX_HTTP_ATTEST_STATE_INTERNAL_H_INCLUDED
#define NGX_HTTP_ATTEST_STATE_INTERNAL_H_INCLUDED


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"

#include <pthread.h>


/* For sodium_malloc(), which aligns the end of its memory, not the start. */

#define NGX_HTTP_ATTEST_ALIGNMENT   64


/* The parts of a generation, in this order. */

#define NGX_HTTP_ATTEST_PART_KEY      0      /* TLS key, DER: a secret */
#define NGX_HTTP_ATTEST_PART_CERT     1
#define NGX_HTTP_ATTEST_PART_CLAIMS   2
#define NGX_HTTP_ATTEST_PART_LIST     3      /* key configurations */
#define NGX_HTTP_ATTEST_PART_RECORD   4
#define NGX_HTTP_ATTEST_PART_ITEMS    5      /* and what follows */

#define NGX_HTTP_ATTEST_PARTS                                                \
    (NGX_HTTP_ATTEST_PART_ITEMS + ATTEST_EVIDENCE_MAX)


/* One generation, flat: no pointers, any process can read it. */

typedef struct {
    uint64_t     number;
    time_t       made_at;                    /* wall time, as clients see */
    time_t       not_before;
    time_t       not_after;
    time_t       renew_at;
    time_t       from;                       /* the zone's own time, by */
    time_t       renew;                      /* which we act */
    time_t       expires;
    int64_t      drift;                      /* of the wall clock, then */
    char         root[16];
    u_char       fingerprint[ATTEST_SHA256_LEN];

    struct {
        u_char   sk[ATTEST_KEM_MAX_SK];
        time_t   expires;                    /* the zone's own time */
        uint64_t born;                       /* number of its first
                                                generation */
        uint16_t kem;
        u_char   id;
        u_char   set;
        u_char   current;                    /* not of a generation before */
    }            hpke[NGX_HTTP_ATTEST_KEYS];

    struct {
        char     label[16];
        char     type[64];
        size_t   len;
    }            parts[NGX_HTTP_ATTEST_PARTS];
    ngx_uint_t   nparts;

    u_char       data[];                     /* the parts, one by one */
} ngx_http_attest_gen_t;


struct ngx_http_attest_state_s {
    ngx_slab_pool_t          *shpool;

    /*
     * Two slots: generation n lives in slot n & 1.  It is written there and
     * then published by the number alone, so that a writer killed half-way
     * leaves the current generation as it was.
     */

    ngx_http_attest_gen_t    *slot[2];
    size_t                    room;          /* bytes of a slot */
    ngx_atomic_t              number;        /* 0: none yet */

    ngx_http_attest_clock_t   clock;

    /* a check of the GPUs failed: a configuration may require them, or not */
    ngx_atomic_t              gpu_failed;

    /* when one succeeded last, s of the zone's own time */
    volatile int64_t          gpu_checked;

    pthread_mutex_t           device;        /* one user of a TPM at a time */
    volatile int64_t          renewal;       /* waits for it until then, ms of
                                                the monotonic clock; 0: none */

    char                      root[16];      /* of the last generation, and */
    char                      note[256];     /* what was said about it */

    time_t                    error_time;
    char                      error[256];

    ngx_http_attest_stats_t   stats;
};


/* A copy of the current generation on locked heap, or NULL. */
ngx_http_attest_gen_t *ngx_http_attest_state_gen_copy(
    ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_state_gen_free(ngx_http_attest_gen_t *gen);
/* Bytes that the zone, and a document, have for evidence beside the rest. */
size_t ngx_http_attest_state_evidence_room(ngx_http_attest_main_conf_t *amcf);
/* Locked heap for a generation whose parts take `len` bytes. */
ngx_http_attest_gen_t *ngx_http_attest_state_gen_alloc(size_t len);
/* Appends a part to the data of a generation with enough room. */
void ngx_http_attest_state_gen_add(ngx_http_attest_gen_t *gen,
    const char *label, const char *type, const void *data, size_t len);
/* The bytes of a part, empty when there is none. */
attest_span_t ngx_http_attest_state_gen_part(const ngx_http_attest_gen_t *gen,
    ngx_uint_t part);
/*
 * NGX_DECLINED: somebody else has published since `base` was current.
 * retire: prompt keys of before are not used any more, by any process.
 */
ngx_int_t ngx_http_attest_state_publish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_uint_t retire,
    ngx_log_t *log);
/* Erases the prompt keys that have expired; returns the zone's own time. */
time_t ngx_http_attest_state_expire(ngx_http_attest_main_conf_t *amcf);

/* Remembers what evidence is worth; 1 when that has changed. */
ngx_uint_t ngx_http_attest_state_set_worth(ngx_http_attest_main_conf_t *amcf,
    const char *root, const char *note);

void ngx_http_attest_state_set_error(ngx_http_attest_main_conf_t *amcf,
    const char *text);


#endif /* NGX_HTTP_ATTEST_STATE_INTERNAL_H_INCLUDED */
