
/*
 * The shared zone, for ngx_http_attest_state.c and ngx_http_attest_refresh.c
 * only: others see the decoded view.
 */


#ifndef NGX_HTTP_ATTEST_STATE_H_INCLUDED
#define NGX_HTTP_ATTEST_STATE_H_INCLUDED


#include "ngx_http_attest_module.h"

#include <pthread.h>


#define NGX_HTTP_ATTEST_PARTS       (5 + ATTEST_EVIDENCE_MAX)

#define NGX_HTTP_ATTEST_PART_KEY      0      /* TLS key, DER: a secret */
#define NGX_HTTP_ATTEST_PART_CERT     1
#define NGX_HTTP_ATTEST_PART_CLAIMS   2
#define NGX_HTTP_ATTEST_PART_LIST     3      /* key configurations */
#define NGX_HTTP_ATTEST_PART_RECORD   4
#define NGX_HTTP_ATTEST_PART_ITEMS    5      /* and what follows */


/* One generation, flat: no pointers, any process can read it. */

typedef struct {
    uint64_t     number;
    time_t       made_at;
    time_t       not_before;
    time_t       not_after;
    time_t       renew_at;
    char         root[16];
    u_char       fingerprint[32];

    struct {
        u_char   sk[ATTEST_HPKE_MAX_SK];
        time_t   expires;
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

    ngx_atomic_t              gpu_failed;    /* GPUs are not as they were;
                                                what follows is said by each
                                                configuration */

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
ngx_http_attest_gen_t *ngx_http_attest_gen_copy(
    ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_gen_free(ngx_http_attest_gen_t *gen);
/* Locked heap for a generation whose parts take `len` bytes. */
ngx_http_attest_gen_t *ngx_http_attest_gen_alloc(size_t len);
/* Appends a part to the data of a generation with enough room. */
void ngx_http_attest_gen_add(ngx_http_attest_gen_t *gen, const char *label,
    const char *type, const void *data, size_t len);
/* The bytes of a part, empty when there is none. */
attest_span_t ngx_http_attest_gen_part(const ngx_http_attest_gen_t *gen,
    ngx_uint_t part);
/* NGX_DECLINED: somebody else has published since `base` was current. */
ngx_int_t ngx_http_attest_publish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_log_t *log);

/* The current generation, also while servers are closed; or NULL. */
ngx_http_attest_view_t *ngx_http_attest_evidence_view(
    ngx_http_attest_main_conf_t *amcf, ngx_log_t *log);

/* Remembers what evidence is worth: 1 when that is something new. */
ngx_uint_t ngx_http_attest_new_worth(ngx_http_attest_main_conf_t *amcf,
    const char *root, const char *note);

void ngx_http_attest_set_error(ngx_http_attest_main_conf_t *amcf,
    const char *text);


#endif /* NGX_HTTP_ATTEST_STATE_H_INCLUDED */
