
/*
 * When and where evidence is collected.  The first evidence is made in the
 * master; later worker 0 renews it by a timer.  Collecting blocks, so it
 * runs in the one thread of a private pool, one job at a time, and under a
 * lock that all processes share; each job has a deadline in the event loop.
 */


#include "ngx_http_attest_collection.h"
#include "ngx_http_attest_state.h"
#include "attest_bounded.h"

#include <openssl/rand.h>
#include <sodium.h>


#define NGX_HTTP_ATTEST_BACKDATE    120     /* s, for clients' clocks */
#define NGX_HTTP_ATTEST_TICK        1000    /* ms: timers do not see that the
                                               clock was set */
#define NGX_HTTP_ATTEST_SLACK       500     /* ms, beyond a job's own limit */
#define NGX_HTTP_ATTEST_FIRST       30000   /* ms: a slow TPM makes its keys */
#define NGX_HTTP_ATTEST_NAP         10      /* ms, between looks whether a
                                               renewal wants the device */
#define NGX_HTTP_ATTEST_GPU_RETRY   10      /* s, while servers are closed */


#define NGX_HTTP_ATTEST_KEY_ROOM    1024    /* our TLS key, DER */


/* A generation while it is being made. */

typedef struct {
    uint64_t                base;           /* published before ours */
    ngx_http_attest_time_t  time;           /* when it began */
    ngx_uint_t              retire;         /* no key of before is kept */
    EVP_PKEY               *key;            /* NULL: the CA certificate's */
    attest_hpke_key_t       hpke[NGX_HTTP_ATTEST_KEYS];
    time_t                  expires[NGX_HTTP_ATTEST_KEYS];
    uint64_t                born[NGX_HTTP_ATTEST_KEYS];
    u_char                  id[NGX_HTTP_ATTEST_KEYS];
    u_char                  current[NGX_HTTP_ATTEST_KEYS];
    ngx_uint_t              nkeys;
    u_char                  claims[ATTEST_CLAIMS_MAX];
    size_t                  claims_len;
    u_char                  list[NGX_HTTP_ATTEST_MAX_LIST];
    size_t                  list_len;
} ngx_http_attest_draft_t;


/* What the thread works on; freed in the event loop when it is back. */

typedef struct {
    ngx_thread_task_t              task;
    ngx_http_attest_main_conf_t   *amcf;
    ngx_http_attest_job_t          work;    /* the thread's own copy */
    ngx_http_attest_job_t         *job;     /* NULL: nobody waits */
} ngx_http_attest_flight_t;


/* The jobs of a process. */

struct ngx_http_attest_worker_s {
    ngx_http_attest_main_conf_t   *amcf;
    ngx_queue_t                    queue;   /* of jobs */
    ngx_uint_t                     waiting;
    ngx_http_attest_flight_t      *flight;
    ngx_event_t                    deadline;
    ngx_log_t                     *log;

    ngx_uint_t                     failures;        /* in a row */
    time_t                         backoff_until;
    unsigned                       stuck:1;         /* thread is overdue */
};


/* What its timer sees to; all but the GPUs' end in the first worker. */

struct ngx_http_attest_renewal_s {
    ngx_http_attest_main_conf_t   *amcf;
    ngx_event_t                    tick;
    ngx_log_t                     *log;

    ngx_http_attest_draft_t       *draft;   /* renewal under way */
    ngx_uint_t                     failures;        /* in a row */
    time_t                         next_try;
    time_t                         mismatch_since;
    ngx_http_attest_job_t         *gpu_job;         /* under way */
    time_t                         gpu_last;        /* checked, 0: never */
    unsigned                       at_once:1;       /* a GPU went or came */
    unsigned                       gpu_said:1;      /* in the log */
    unsigned                       gpu_late:1;      /* in the log */
    unsigned                       expired:1;       /* said in the log */
};


static ngx_http_attest_draft_t *ngx_http_attest_draft_create(
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_draft_keys(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old);
static ngx_int_t ngx_http_attest_draft_kem(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old,
    uint16_t kem);
static ngx_int_t ngx_http_attest_draft_hpke(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old);
static void ngx_http_attest_draft_member(ngx_http_attest_draft_t *draft,
    ngx_uint_t i, ngx_uint_t nsuites, attest_keyconfig_t *kc);
static ngx_int_t ngx_http_attest_draft_claims(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf);
static time_t ngx_http_attest_not_before(ngx_http_attest_draft_t *draft);
static void ngx_http_attest_draft_free(ngx_http_attest_draft_t *draft);
static ngx_int_t ngx_http_attest_finish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_job_t *job,
    ngx_log_t *log);
static ngx_int_t ngx_http_attest_published(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    ngx_http_attest_gen_t *gen, attest_evidence_t *ev, ngx_log_t *log);
static ngx_http_attest_gen_t *ngx_http_attest_assemble(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    attest_evidence_t *ev, ngx_str_t *key_der, ngx_str_t *cert);
static void ngx_http_attest_times(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_make_certificate(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    attest_evidence_t *ev, ngx_pool_t *pool, ngx_str_t *cert,
    ngx_log_t *log);
static void ngx_http_attest_say(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, const char *note, ngx_log_t *log);

static ngx_int_t ngx_http_attest_master_evidence(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t changed, ngx_log_t *log);
static ngx_uint_t ngx_http_attest_current_ok(
    ngx_http_attest_main_conf_t *amcf, ngx_uint_t *changed);

static void ngx_http_attest_run(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout);
static size_t ngx_http_attest_room(ngx_http_attest_main_conf_t *amcf);
static int ngx_http_attest_run_gpu(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout);
static void ngx_http_attest_run_check(ngx_http_attest_job_t *job);
static ngx_int_t ngx_http_attest_device_turn(ngx_http_attest_state_t *state,
    ngx_uint_t refresh, ngx_msec_t timeout);
static ngx_int_t ngx_http_attest_device_lock(ngx_http_attest_state_t *state,
    ngx_msec_t timeout);

static ngx_int_t ngx_http_attest_job_init(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_start_next(ngx_http_attest_worker_t *w);
static ngx_int_t ngx_http_attest_launch(ngx_http_attest_worker_t *w,
    ngx_http_attest_job_t *job);
static void ngx_http_attest_thread(void *data, ngx_log_t *log);
static void ngx_http_attest_thread_done(ngx_event_t *ev);
static void ngx_http_attest_deadline_handler(ngx_event_t *ev);
static void ngx_http_attest_job_end(ngx_http_attest_worker_t *w,
    ngx_http_attest_job_t *job);
static void ngx_http_attest_fail_queue(ngx_http_attest_worker_t *w);

static void ngx_http_attest_tick_handler(ngx_event_t *ev);
static time_t ngx_http_attest_due(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_renew(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_renew_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_renew_failed(ngx_http_attest_renewal_t *rn,
    const char *error);
static time_t ngx_http_attest_gpu_tick(ngx_http_attest_renewal_t *rn,
    time_t now, time_t due);
static void ngx_http_attest_gpu_watch(ngx_http_attest_renewal_t *rn);
static time_t ngx_http_attest_gpu_due(ngx_http_attest_renewal_t *rn);
static ngx_int_t ngx_http_attest_gpu_check(ngx_http_attest_renewal_t *rn);
static void ngx_http_attest_gpu_done(ngx_http_attest_job_t *job);
static void ngx_http_attest_gpu_result(ngx_http_attest_renewal_t *rn,
    const char *error);


/*
 * A generation begins: keys, claims.  The TLS key stays for the life of the
 * instance, so that a renewal does not look like another server; prompt
 * keys are new each time, which is the prompts' forward secrecy.
 */

static ngx_http_attest_draft_t *
ngx_http_attest_draft_create(ngx_http_attest_main_conf_t *amcf)
{
    ngx_int_t                 rc;
    ngx_http_attest_gen_t    *old;
    ngx_http_attest_draft_t  *draft;

    draft = sodium_malloc(ngx_align(sizeof(ngx_http_attest_draft_t), 64));
    if (draft == NULL) {
        return NULL;
    }

    ngx_memzero(draft, sizeof(ngx_http_attest_draft_t));
    ngx_http_attest_clock(amcf, &draft->time);

    old = ngx_http_attest_gen_copy(amcf);
    if (old != NULL) {
        draft->base = old->number;
        draft->retire = ngx_http_attest_clock_stepped(&draft->time,
                                                      old->drift)
                        || amcf->remember->full(amcf);
    }

    rc = ngx_http_attest_draft_keys(draft, amcf, old);

    if (rc == NGX_OK && amcf->prompts) {
        rc = ngx_http_attest_draft_hpke(draft, amcf, old);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_attest_draft_claims(draft, amcf);
    }

    if (old != NULL) {
        ngx_http_attest_gen_free(old);
    }

    if (rc != NGX_OK) {
        ngx_http_attest_draft_free(draft);
        return NULL;
    }

    return draft;
}


static ngx_int_t
ngx_http_attest_draft_keys(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old)
{
    attest_span_t   der;
    const u_char   *p;

    if (amcf->ca_key != NULL) {
        return NGX_OK;
    }

    if (old != NULL) {
        der = ngx_http_attest_gen_part(old, NGX_HTTP_ATTEST_PART_KEY);
        p = der.p;

        if (der.n != 0) {
            draft->key = d2i_AutoPrivateKey(NULL, &p, der.n);
            return (draft->key != NULL) ? NGX_OK : NGX_ERROR;
        }
    }

    draft->key = attest_ratls_key_generate();

    return (draft->key != NULL) ? NGX_OK : NGX_ERROR;
}


/* A new key, and the one that it follows. */

static ngx_int_t
ngx_http_attest_draft_kem(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old,
    uint16_t kem)
{
    ngx_uint_t  i, n;

    n = draft->nkeys++;

    if (attest_hpke_key_generate(&draft->hpke[n], kem) != ATTEST_OK) {
        return NGX_ERROR;
    }

    draft->expires[n] = draft->time.now + amcf->lifetime;
    draft->born[n] = draft->base + 1;
    draft->current[n] = 1;

    for (i = 0; old != NULL && i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (old->hpke[i].set && old->hpke[i].current
            && old->hpke[i].kem == kem)
        {
            break;
        }
    }

    /* both change at the same time: their identifiers stay half a turn apart */

    if (kem == ATTEST_KEM_XWING) {
        draft->id[n] = draft->id[0] + 128;

    } else if (old != NULL && i < NGX_HTTP_ATTEST_KEYS) {
        draft->id[n] = old->hpke[i].id + 1;
    }

    if (old == NULL || i == NGX_HTTP_ATTEST_KEYS) {
        return NGX_OK;
    }

    /*
     * A client may hold the key that was current until now; but one that has
     * verified another configuration must not be opened by this one.
     */

    if (draft->retire || old->hpke[i].expires <= draft->time.now
        || ngx_memcmp(old->fingerprint, amcf->fingerprint, 32) != 0)
    {
        return NGX_OK;
    }

    n = draft->nkeys++;

    draft->id[n] = old->hpke[i].id;
    draft->expires[n] = old->hpke[i].expires;
    draft->born[n] = old->hpke[i].born;

    return (attest_hpke_key_import(&draft->hpke[n], kem, old->hpke[i].sk)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_draft_hpke(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old)
{
    ngx_uint_t          i, members;
    attest_keyconfig_t  kc[NGX_HTTP_ATTEST_MEMBERS];

    if (ngx_http_attest_draft_kem(draft, amcf, old, ATTEST_KEM_X25519)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (amcf->xwing
        && ngx_http_attest_draft_kem(draft, amcf, old, ATTEST_KEM_XWING)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(kc, sizeof(kc));

    members = 0;

    /*
     * EHBP knows the first suite only, and some of its clients take no member
     * with another: the same keys once more, with that suite alone and an
     * identifier a quarter of a turn on.  In front: there are clients of
     * Oblivious HTTP that take the last, and not all of them know the suite.
     */

    for (i = 0; amcf->ohttp && amcf->keys && i < draft->nkeys; i++) {

        if (draft->hpke[i].kem == ATTEST_KEM_X25519) {
            ngx_http_attest_draft_member(draft, i, 1, &kc[members]);
            kc[members++].id += 64;
        }
    }

    for (i = 0; i < draft->nkeys; i++) {
        ngx_http_attest_draft_member(draft, i, amcf->ohttp ? 3 : 1,
                                     &kc[members++]);
    }

    draft->list_len = sizeof(draft->list);

    return (attest_keyconfig_encode_list(kc, members, draft->list,
                                         &draft->list_len)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


/* One member of the list: a key and the first of our suites. */

static void
ngx_http_attest_draft_member(ngx_http_attest_draft_t *draft, ngx_uint_t i,
    ngx_uint_t nsuites, attest_keyconfig_t *kc)
{
    ngx_uint_t  n;

    static const uint16_t  aeads[] = {
        ATTEST_AEAD_AES_256_GCM, ATTEST_AEAD_AES_128_GCM,
        ATTEST_AEAD_CHACHA20
    };

    kc->id = draft->id[i];
    kc->kem = draft->hpke[i].kem;
    kc->pk.p = draft->hpke[i].pk;
    kc->pk.n = draft->hpke[i].pk_len;
    kc->nsuites = nsuites;

    for (n = 0; n < nsuites; n++) {
        kc->suites[n].kdf = ATTEST_KDF_HKDF_SHA256;
        kc->suites[n].aead = aeads[n];
    }
}


static ngx_int_t
ngx_http_attest_draft_claims(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf)
{
    EVP_PKEY         *key;
    attest_span_t     list;
    attest_claims_t   claims;

    ngx_memzero(&claims, sizeof(attest_claims_t));

    key = (amcf->ca_key != NULL) ? amcf->ca_key : draft->key;

    claims.pubkey_hash_alg = 1;
    claims.pubkey_hash_len = ATTEST_SHA256_LEN;

    if (attest_x509_spki_hash(key, claims.pubkey_hash) != ATTEST_OK) {
        return NGX_ERROR;
    }

    if (draft->list_len != 0) {
        list.p = draft->list;
        list.n = draft->list_len;

        if (attest_sha256(&list, 1, claims.hpke_keys) != ATTEST_OK) {
            return NGX_ERROR;
        }

        claims.has_hpke_keys = 1;
    }

    ngx_memcpy(claims.config, amcf->record_hash, 32);
    claims.has_config = 1;

    claims.not_before = ngx_http_attest_not_before(draft);
    claims.not_after = draft->time.wall + amcf->lifetime;
    claims.has_validity = 1;

    draft->claims_len = sizeof(draft->claims);

    return (attest_claims_encode(&claims, draft->claims, &draft->claims_len)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


/* A clock that nobody has set yet begins with zero. */

static time_t
ngx_http_attest_not_before(ngx_http_attest_draft_t *draft)
{
    return ngx_max(draft->time.wall - NGX_HTTP_ATTEST_BACKDATE, 0);
}


static void
ngx_http_attest_draft_free(ngx_http_attest_draft_t *draft)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        attest_hpke_key_clear(&draft->hpke[i]);
    }

    EVP_PKEY_free(draft->key);

    /* wipes */
    sodium_free(draft);
}


/* Evidence is there: certificate, generation, publication. */

static ngx_int_t
ngx_http_attest_finish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_job_t *job,
    ngx_log_t *log)
{
    int                     n;
    u_char                 *der;
    ngx_int_t               rc;
    ngx_str_t               cert, key;
    ngx_pool_t             *pool;
    attest_evidence_t      *ev;
    ngx_http_attest_gen_t  *gen;

    ev = &job->evidence;

    /* what was signed: GPU evidence completes the claims */

    ngx_memcpy(draft->claims, job->claims, job->claims_len);
    draft->claims_len = job->claims_len;

    pool = ngx_create_pool(16384, log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    gen = NULL;
    der = NULL;
    ngx_str_null(&cert);
    ngx_str_null(&key);

    if (amcf->certificate
        && ngx_http_attest_make_certificate(amcf, draft, ev, pool, &cert, log)
           != NGX_OK)
    {
        goto done;
    }

    if (draft->key != NULL) {
        n = i2d_PrivateKey(draft->key, &der);
        if (n <= 0) {
            goto done;
        }

        key.len = n;
        key.data = der;
    }

    gen = ngx_http_attest_assemble(amcf, draft, ev, &key, &cert);
    if (gen == NULL) {
        goto done;
    }

    rc = ngx_http_attest_published(amcf, draft, gen, ev, log);

done:

    if (der != NULL) {
        OPENSSL_cleanse(der, key.len);
        OPENSSL_free(der);
    }

    if (gen != NULL) {
        ngx_http_attest_gen_free(gen);
    }

    ngx_destroy_pool(pool);

    return rc;
}


/* Evidence with all GPUs opens servers that were closed for want of them. */

static ngx_int_t
ngx_http_attest_published(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen,
    attest_evidence_t *ev, ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_http_attest_publish(amcf, gen, draft->base, draft->retire, log);

    if (rc == NGX_OK) {
        amcf->state->gpu_failed = amcf->gpu != NULL
                                  && !attest_evidence_has(ev,
                                                          ATTEST_ITEM_GPU);

        if (!amcf->state->gpu_failed) {
            amcf->state->gpu_checked = ngx_http_attest_now(amcf);
        }

        ngx_http_attest_say(amcf, gen, ev->note, log);
    }

    return rc;
}


static ngx_http_attest_gen_t *
ngx_http_attest_assemble(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, attest_evidence_t *ev, ngx_str_t *key,
    ngx_str_t *cert)
{
    size_t                  len;
    ngx_uint_t              i;
    ngx_http_attest_gen_t  *gen;

    len = key->len + cert->len + draft->claims_len + draft->list_len
          + amcf->record.len;

    for (i = 0; i < ev->count; i++) {
        len += ev->items[i].len;
    }

    gen = ngx_http_attest_gen_alloc(len);
    if (gen == NULL) {
        return NULL;
    }

    ngx_http_attest_times(amcf, draft, gen);

    ngx_cpystrn((u_char *) gen->root, (u_char *) ev->root,
                sizeof(gen->root));
    ngx_memcpy(gen->fingerprint, amcf->fingerprint, 32);

    for (i = 0; i < draft->nkeys; i++) {
        ngx_memcpy(gen->hpke[i].sk, draft->hpke[i].sk, ATTEST_HPKE_MAX_SK);
        gen->hpke[i].kem = draft->hpke[i].kem;
        gen->hpke[i].id = draft->id[i];
        gen->hpke[i].current = draft->current[i];
        gen->hpke[i].expires = draft->expires[i];
        gen->hpke[i].born = draft->born[i];
        gen->hpke[i].set = 1;
    }

    ngx_http_attest_gen_add(gen, "", "", key->data, key->len);
    ngx_http_attest_gen_add(gen, "", "", cert->data, cert->len);
    ngx_http_attest_gen_add(gen, "", "", draft->claims, draft->claims_len);
    ngx_http_attest_gen_add(gen, "", "", draft->list, draft->list_len);
    ngx_http_attest_gen_add(gen, "", "", amcf->record.data,
                            amcf->record.len);

    for (i = 0; i < ev->count; i++) {
        ngx_http_attest_gen_add(gen, ev->items[i].item, ev->items[i].type,
                                ev->items[i].data, ev->items[i].len);
    }

    return gen;
}


static void
ngx_http_attest_times(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen)
{
    time_t  renew;

    /* two thirds of life, a little earlier by chance */

    renew = ngx_max(1, amcf->lifetime * 2 / 3
                       - (time_t) randombytes_uniform(
                             amcf->lifetime / 20 + 1));

    gen->made_at = draft->time.wall;
    gen->not_before = ngx_http_attest_not_before(draft);
    gen->not_after = draft->time.wall + amcf->lifetime;
    gen->renew_at = draft->time.wall + renew;

    gen->from = draft->time.now;
    gen->renew = draft->time.now + renew;
    gen->expires = draft->time.now + amcf->lifetime;
    gen->drift = draft->time.drift;
}


static ngx_int_t
ngx_http_attest_make_certificate(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, attest_evidence_t *ev, ngx_pool_t *pool,
    ngx_str_t *cert, ngx_log_t *log)
{
    int                     rc;
    ngx_str_t               cmw;
    ngx_uint_t              i, n;
    attest_span_t           claims, list, record, label;
    attest_ratls_ccc_t      ccc;
    attest_evidence_item_t  items[ATTEST_EVIDENCE_MAX];

    /* what is too large for a handshake stays at the endpoint */

    for (n = 0, i = 0; i < ev->count; i++) {
        label.p = (const uint8_t *) ev->items[i].item;
        label.n = ngx_strlen(ev->items[i].item);

        if (!attest_cmw_is_large(label)) {
            items[n++] = ev->items[i];
        }
    }

    claims.p = draft->claims;
    claims.n = draft->claims_len;
    ccc.claims = claims;
    ccc.quote = attest_ratls_ccc_quote(attest_evidence_cpu(ev));
    list.p = draft->list;
    list.n = draft->list_len;

    /* how many files there are must not decide whether it can be made */

    ngx_memzero(&record, sizeof(attest_span_t));

    if (ngx_http_attest_collection(pool, ATTEST_CMWC_CACHED, claims, list,
                                   record, items, n, 0, &cmw)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cert->len = ATTEST_MAX_CERT_MSG;
    cert->data = ngx_pnalloc(pool, cert->len);
    if (cert->data == NULL) {
        return NGX_ERROR;
    }

    rc = attest_ratls_make(draft->key, amcf->names->elts,
                           amcf->names->nelts,
                           ngx_http_attest_not_before(draft),
                           draft->time.wall + amcf->lifetime, cmw.data,
                           cmw.len,
                           ccc.quote.n != 0 ? &ccc : NULL, cert->data,
                           &cert->len);

    if (rc != ATTEST_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "attest: cannot make a certificate with %uz bytes of "
                      "evidence and %ui names: %s", cmw.len,
                      amcf->names->nelts, attest_strerror(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What an operator should know is a warning once, not at each renewal. */

static void
ngx_http_attest_say(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, const char *note, ngx_log_t *log)
{
    ngx_uint_t  level;

    level = ngx_http_attest_new_worth(amcf, gen->root, note)
            ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "attest: generation %uL by provider \"%s\", root of trust "
                  "\"%s\", valid for %T s, renewal in %T s",
                  gen->number, amcf->provider->name, gen->root,
                  gen->not_after - gen->made_at,
                  gen->renew_at - gen->made_at);

    if (note[0] != '\0') {
        ngx_log_error(level, log, 0, "attest: %s", note);
    }

    if (ngx_strcmp(gen->root, "simulated") == 0) {
        ngx_log_error(level, log, 0,
                      "attest: the evidence is simulated: it proves nothing "
                      "to anybody");
    }

    if (ngx_strcmp(gen->root, "software") == 0) {
        ngx_log_error(level, log, 0,
                      "attest: the TPM is a software TPM: its evidence "
                      "proves nothing to a remote party");
    }
}


ngx_int_t
ngx_http_attest_first_evidence(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i, changed;

    ngx_http_attest_clock_say(amcf, log);

    /* again when a worker has published its own renewal meanwhile */

    for (i = 0; i < 3; i++) {

        /* a reload that changes nothing of what is attested keeps it all */

        if (ngx_http_attest_current_ok(amcf, &changed)) {
            return NGX_OK;
        }

        rc = ngx_http_attest_master_evidence(amcf, changed, log);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "attest: cannot publish evidence, workers renew theirs");

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_master_evidence(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t changed, ngx_log_t *log)
{
    ngx_int_t                 rc;
    ngx_msec_t                timeout;
    ngx_http_attest_job_t    *job;
    ngx_http_attest_draft_t  *draft;

    rc = NGX_ERROR;
    draft = ngx_http_attest_draft_create(amcf);
    job = ngx_http_attest_job_create();

    if (draft == NULL || job == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "attest: cannot make keys");
        goto done;
    }

    ngx_memcpy(job->claims, draft->claims, draft->claims_len);
    job->claims_len = draft->claims_len;
    job->want_logs = 1;
    job->refresh = 1;

    timeout = amcf->timeout;

    if (draft->base == 0) {
        timeout = ngx_max(timeout, NGX_HTTP_ATTEST_FIRST);
    }

    ngx_http_attest_run(amcf, job, timeout);

    if (job->rc == ATTEST_OK) {
        ngx_http_attest_count(amcf, quotes_made);
        rc = ngx_http_attest_finish(amcf, draft, job, log);
        goto done;
    }

    ngx_http_attest_count(amcf, quotes_failed);
    ngx_http_attest_set_error(amcf, job->error);

    if (!changed && (amcf->start_without_evidence
                     || amcf->state->number != 0))
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "attest: no evidence: %s; attested servers refuse "
                      "service until there is some", job->error);
        rc = NGX_OK;
        goto done;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "attest: cannot collect evidence: %s", job->error);

done:

    if (draft != NULL) {
        ngx_http_attest_draft_free(draft);
    }

    if (job != NULL) {
        ngx_http_attest_job_free(job);
    }

    return rc;
}


/* Is the zone's generation valid, and for this very configuration? */

static ngx_uint_t
ngx_http_attest_current_ok(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t *changed)
{
    ngx_uint_t              ok;
    ngx_http_attest_gen_t  *gen;
    ngx_http_attest_time_t  t;

    *changed = 0;

    gen = ngx_http_attest_gen_copy(amcf);
    if (gen == NULL) {
        return 0;
    }

    *changed = (ngx_memcmp(gen->fingerprint, amcf->fingerprint, 32) != 0);

    ngx_http_attest_clock(amcf, &t);

    ok = !*changed && t.now < gen->expires
         && t.wall >= gen->not_before && t.wall < gen->not_after
         && !ngx_http_attest_clock_stepped(&t, gen->drift)
         && !amcf->remember->full(amcf);

    ngx_http_attest_gen_free(gen);

    return ok;
}


/* The blocking part: in the master at start, later in the thread. */

static void
ngx_http_attest_run(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout)
{
    attest_provider_t        *p = amcf->provider;
    ngx_http_attest_state_t  *state = amcf->state;

    if (job->kind == NGX_HTTP_ATTEST_JOB_GPU) {

        /*
         * No lock: NVML has many users, and callers who keep the TPM or the
         * CPU busy must not be able to close a server that needs its GPUs.
         */

        job->rc = ngx_http_attest_run_gpu(amcf, job, timeout);
        goto done;
    }

    if (ngx_http_attest_device_turn(state, job->refresh, timeout) != NGX_OK) {
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device is busy in another process",
                    sizeof(job->error));
        return;
    }

    switch (job->kind) {

    case NGX_HTTP_ATTEST_JOB_COLLECT:
        job->rc = p->collect(p, job->claims, job->claims_len,
                             job->want_logs, timeout, &job->evidence);
        break;

    default: /* NGX_HTTP_ATTEST_JOB_ACTIVATE */
        job->rc = (p->activate == NULL) ? ATTEST_EUNSUPPORTED
                  : p->activate(p, job->cred, job->cred_len, job->enc,
                                job->enc_len, job->msg, sizeof(job->msg),
                                timeout, job->proof, job->error);
    }

    (void) pthread_mutex_unlock(&state->device);

    if (job->kind == NGX_HTTP_ATTEST_JOB_ACTIVATE) {
        return;
    }

done:

    ngx_cpystrn((u_char *) job->error, (u_char *) job->evidence.error,
                sizeof(job->error));

    if (job->kind == NGX_HTTP_ATTEST_JOB_COLLECT && job->rc == ATTEST_OK) {
        ngx_http_attest_run_check(job);
    }

    /* logs grow: that they do not fit is no reason to have no evidence */

    if (job->kind == NGX_HTTP_ATTEST_JOB_COLLECT && job->rc == ATTEST_OK) {
        job->rc = attest_evidence_fit(&job->evidence,
                                      ngx_http_attest_room(amcf));
    }
}


/* Bytes for evidence beside all else: in the zone, and in a document. */

static size_t
ngx_http_attest_room(ngx_http_attest_main_conf_t *amcf)
{
    size_t  room, rest;

    /* in JSON three bytes are four */

    room = ngx_min(amcf->state->room - sizeof(ngx_http_attest_gen_t),
                   (ATTEST_MAX_DOCUMENT - ATTEST_MAX_ITEM) / 4 * 3);

    rest = amcf->record.len + NGX_HTTP_ATTEST_MAX_LIST + ATTEST_CLAIMS_MAX
           + ATTEST_MAX_CERT_MSG + NGX_HTTP_ATTEST_KEY_ROOM;

    return (room > rest) ? room - rest : 0;
}


/* GPUs that need not be there are missed all the same. */

static int
ngx_http_attest_run_gpu(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job, ngx_msec_t timeout)
{
    int                 rc;
    attest_evidence_t  *ev;

    ev = &job->evidence;

    rc = amcf->gpu->collect(amcf->gpu, job->claims, job->claims_len, 0,
                            timeout, ev);

    if (rc != ATTEST_OK
        || (attest_evidence_has(ev, ATTEST_ITEM_GPU) && !ev->lost))
    {
        return rc;
    }

    ngx_cpystrn((u_char *) ev->error, (u_char *) ev->note,
                sizeof(ev->error));

    return ATTEST_EMISMATCH;
}


/*
 * The claims as they were signed, and a look at what we hand out: a broken
 * device must not pass for evidence.  What only a CPU signed is checked by
 * its provider.
 */

static void
ngx_http_attest_run_check(ngx_http_attest_job_t *job)
{
    attest_evidence_t  *ev;

    ev = &job->evidence;

    if (ev->claims_len != 0) {
        ngx_memcpy(job->claims, ev->claims, ev->claims_len);
        job->claims_len = ev->claims_len;
    }

    job->rc = attest_tpm_check(ev, job->claims, job->claims_len);

    if (job->rc == ATTEST_OK) {
        return;
    }

    attest_evidence_clear(ev);
    ngx_cpystrn((u_char *) job->error, (u_char *)
                "the evidence does not verify", sizeof(job->error));
}


/*
 * Renewal goes before fresh evidence for clients, of all processes: callers
 * must not be able to keep it waiting until the evidence expires.  A process
 * that is killed while it waits holds nobody up for longer than its limit.
 */

static ngx_int_t
ngx_http_attest_device_turn(ngx_http_attest_state_t *state,
    ngx_uint_t refresh, ngx_msec_t timeout)
{
    int64_t    deadline;
    ngx_int_t  rc;

    deadline = attest_bounded_now() + timeout;

    if (refresh) {
        state->renewal = deadline;
        rc = ngx_http_attest_device_lock(state, timeout);
        state->renewal = 0;

        return rc;
    }

    /* who is in the lock's own queue cannot be overtaken: not for long */

    do {
        if (state->renewal > attest_bounded_now()) {
            ngx_msleep(NGX_HTTP_ATTEST_NAP);

        } else if (ngx_http_attest_device_lock(state, NGX_HTTP_ATTEST_NAP)
                   == NGX_OK)
        {
            return NGX_OK;
        }

    } while (attest_bounded_now() < deadline);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_device_lock(ngx_http_attest_state_t *state,
    ngx_msec_t timeout)
{
    int              rc;
    struct timespec  ts;

    if (clock_gettime(NGX_HTTP_ATTEST_CLOCK, &ts) == -1) {
        return NGX_ERROR;
    }

    ts.tv_sec += timeout / 1000;
    ts.tv_nsec += (timeout % 1000) * 1000000;

    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }

    rc = ngx_http_attest_mutex_timedlock(&state->device, &ts);

    if (rc == EOWNERDEAD) {

        /* its owner was killed; providers clean up when they open */

        rc = pthread_mutex_consistent(&state->device);
    }

    return (rc == 0) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_renewal_t  *rn;

    rn = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_renewal_t));

    if (rn == NULL || ngx_http_attest_job_init(cycle, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    rn->amcf = amcf;
    rn->log = cycle->log;

    amcf->renewal = rn;

    if (ngx_worker == 0) {
        ngx_http_attest_source_access(amcf, cycle->log);
    }

    rn->tick.handler = ngx_http_attest_tick_handler;
    rn->tick.data = rn;
    rn->tick.log = cycle->log;
    rn->tick.cancelable = 1;

    ngx_add_timer(&rn->tick, 100);

    return NGX_OK;
}


void
ngx_http_attest_exit_worker(ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->renewal != NULL && amcf->renewal->draft != NULL) {
        ngx_http_attest_draft_free(amcf->renewal->draft);
        amcf->renewal->draft = NULL;
    }

    ngx_http_attest_forget_view();
}


static ngx_int_t
ngx_http_attest_job_init(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_worker_t  *w;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&w->queue);

    w->amcf = amcf;
    w->log = cycle->log;

    /* not cancelable: a graceful shutdown waits for the job in flight */

    w->deadline.handler = ngx_http_attest_deadline_handler;
    w->deadline.data = w;
    w->deadline.log = cycle->log;

    amcf->worker = w;

    return NGX_OK;
}


ngx_http_attest_job_t *
ngx_http_attest_job_create(void)
{
    return ngx_calloc(sizeof(ngx_http_attest_job_t), ngx_cycle->log);
}


void
ngx_http_attest_job_free(ngx_http_attest_job_t *job)
{
    attest_evidence_clear(&job->evidence);
    OPENSSL_cleanse(job, sizeof(ngx_http_attest_job_t));
    ngx_free(job);
}


time_t
ngx_http_attest_retry_after(ngx_http_attest_main_conf_t *amcf)
{
    time_t                     wait;
    ngx_http_attest_worker_t  *w = amcf->worker;

    wait = (w != NULL) ? w->backoff_until - ngx_http_attest_now(amcf) : 0;

    return ngx_max(wait, 1);
}


ngx_int_t
ngx_http_attest_job_post(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_worker_t  *w = amcf->worker;

    if (w == NULL) {
        return NGX_ERROR;
    }

    if (w->stuck) {

        /* a thread that hangs in the kernel: nothing can be started */

        return NGX_DECLINED;
    }

    if (job->refresh) {
        ngx_queue_insert_head(&w->queue, &job->queue);

    } else {
        if (w->backoff_until > ngx_http_attest_now(amcf)) {
            return NGX_DECLINED;
        }

        if (w->waiting >= amcf->queue) {
            return NGX_BUSY;
        }

        ngx_queue_insert_tail(&w->queue, &job->queue);
    }

    job->state = 1;
    w->waiting++;

    ngx_http_attest_start_next(w);

    return NGX_OK;
}


void
ngx_http_attest_job_abandon(ngx_http_attest_job_t *job)
{
    ngx_http_attest_main_conf_t  *amcf;
    ngx_http_attest_worker_t     *w;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_attest_module);
    w = amcf->worker;

    if (job->state == 1) {
        ngx_queue_remove(&job->queue);
        w->waiting--;
    }

    if (w->flight != NULL && w->flight->job == job) {
        w->flight->job = NULL;
    }

    ngx_http_attest_job_free(job);
}


static void
ngx_http_attest_start_next(ngx_http_attest_worker_t *w)
{
    ngx_queue_t            *q;
    ngx_http_attest_job_t  *job;

    while (w->flight == NULL && !ngx_queue_empty(&w->queue)) {

        q = ngx_queue_head(&w->queue);
        ngx_queue_remove(q);
        w->waiting--;

        job = ngx_queue_data(q, ngx_http_attest_job_t, queue);
        job->state = 2;

        if (ngx_http_attest_launch(w, job) != NGX_OK) {
            job->rc = ATTEST_EINTERNAL;
            ngx_cpystrn((u_char *) job->error,
                        (u_char *) "cannot start a job", sizeof(job->error));
            job->done(job);
        }
    }
}


static ngx_int_t
ngx_http_attest_launch(ngx_http_attest_worker_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_flight_t  *flight;

    flight = ngx_calloc(sizeof(ngx_http_attest_flight_t), w->log);
    if (flight == NULL) {
        return NGX_ERROR;
    }

    flight->work = *job;
    flight->job = job;
    flight->amcf = w->amcf;

    flight->task.ctx = flight;
    flight->task.handler = ngx_http_attest_thread;
    flight->task.event.handler = ngx_http_attest_thread_done;
    flight->task.event.data = flight;
    flight->task.event.log = w->log;

    if (ngx_thread_task_post(w->amcf->pool, &flight->task) != NGX_OK) {
        ngx_free(flight);
        return NGX_ERROR;
    }

    w->flight = flight;

    /* waiting for the device and using it have the same limit, in turn */

    ngx_add_timer(&w->deadline,
                  2 * w->amcf->timeout + NGX_HTTP_ATTEST_SLACK);

    return NGX_OK;
}


static void
ngx_http_attest_thread(void *data, ngx_log_t *log)
{
    ngx_http_attest_flight_t *flight = data;

    ngx_http_attest_run(flight->amcf, &flight->work, flight->amcf->timeout);
}


static void
ngx_http_attest_thread_done(ngx_event_t *ev)
{
    ngx_http_attest_job_t     *job;
    ngx_http_attest_flight_t  *flight;
    ngx_http_attest_worker_t  *w;

    flight = ev->data;
    w = flight->amcf->worker;
    job = flight->job;

    if (w->deadline.timer_set) {
        ngx_del_timer(&w->deadline);
    }

    if (job != NULL) {
        job->rc = flight->work.rc;
        job->evidence = flight->work.evidence;
        ngx_memcpy(job->claims, flight->work.claims, sizeof(job->claims));
        job->claims_len = flight->work.claims_len;
        ngx_memcpy(job->proof, flight->work.proof, sizeof(job->proof));
        ngx_memcpy(job->error, flight->work.error, sizeof(job->error));

    } else {
        attest_evidence_clear(&flight->work.evidence);
    }

    w->flight = NULL;
    w->stuck = 0;

    OPENSSL_cleanse(flight, sizeof(ngx_http_attest_flight_t));
    ngx_free(flight);

    if (job != NULL) {
        ngx_http_attest_job_end(w, job);
    }

    ngx_http_attest_start_next(w);
}


/* The thread is late: give up on the job, not on the thread. */

static void
ngx_http_attest_deadline_handler(ngx_event_t *ev)
{
    ngx_http_attest_job_t     *job;
    ngx_http_attest_worker_t  *w;

    w = ev->data;

    if (w->flight == NULL) {
        return;
    }

    job = w->flight->job;
    w->flight->job = NULL;
    w->stuck = 1;

    if (job != NULL) {
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device did not answer in time", sizeof(job->error));
        ngx_http_attest_job_end(w, job);
    }

    ngx_http_attest_fail_queue(w);
}


static void
ngx_http_attest_fail_queue(ngx_http_attest_worker_t *w)
{
    ngx_queue_t             local, *q;
    ngx_http_attest_job_t  *job;

    if (ngx_queue_empty(&w->queue)) {
        return;
    }

    ngx_queue_init(&local);
    ngx_queue_add(&local, &w->queue);
    ngx_queue_init(&w->queue);

    while (!ngx_queue_empty(&local)) {
        q = ngx_queue_head(&local);
        ngx_queue_remove(q);
        w->waiting--;

        job = ngx_queue_data(q, ngx_http_attest_job_t, queue);
        job->state = 2;
        job->rc = ATTEST_EINTERNAL;
        ngx_cpystrn((u_char *) job->error, (u_char *)
                    "the device does not answer", sizeof(job->error));
        job->done(job);
    }
}


static void
ngx_http_attest_job_end(ngx_http_attest_worker_t *w,
    ngx_http_attest_job_t *job)
{
    ngx_http_attest_stats_t  *stats;

    stats = ngx_http_attest_stats(w->amcf);

    if (job->kind != NGX_HTTP_ATTEST_JOB_COLLECT) {

        /* nothing of this says whether evidence can be collected */

    } else if (job->rc == ATTEST_OK) {
        w->failures = 0;
        w->backoff_until = 0;

        (void) ngx_atomic_fetch_add(&stats->quotes_made, 1);

    } else {

        /* a refused credential is the client's matter, this is ours */

        w->backoff_until = ngx_http_attest_now(w->amcf)
                           + ngx_min(1 << w->failures, 8);
        w->failures = ngx_min(w->failures + 1, 3);

        (void) ngx_atomic_fetch_add(&stats->quotes_failed, 1);

        ngx_http_attest_set_error(w->amcf, job->error);

        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "attest: cannot collect evidence: %s", job->error);
    }

    job->done(job);
}


/* Every worker forgets what has expired; the first one renews. */

static void
ngx_http_attest_tick_handler(ngx_event_t *ev)
{
    time_t                      now, due;
    ngx_msec_t                  wait;
    ngx_http_attest_renewal_t  *rn;

    rn = ev->data;

    ngx_http_attest_expire(rn->amcf);
    ngx_http_attest_gpu_watch(rn);

    if (ngx_exiting || ngx_worker != 0) {
        ngx_add_timer(ev, NGX_HTTP_ATTEST_TICK);
        return;
    }

    ngx_http_attest_clock_say(rn->amcf, rn->log);

    now = ngx_http_attest_now(rn->amcf);
    due = ngx_http_attest_due(rn);

    if (now >= due && now >= rn->next_try && rn->draft == NULL) {
        ngx_http_attest_renew(rn);
    }

    due = ngx_max(due, rn->next_try);
    due = ngx_http_attest_gpu_tick(rn, now, due);
    wait = (due > now) ? (ngx_msec_t) (due - now) * 1000 : 250;

    ngx_add_timer(ev, ngx_min(wait, NGX_HTTP_ATTEST_TICK));
}


static time_t
ngx_http_attest_due(ngx_http_attest_renewal_t *rn)
{
    time_t                   now;
    ngx_http_attest_time_t   t;
    ngx_http_attest_view_t  *view;

    ngx_http_attest_clock(rn->amcf, &t);
    now = t.now;
    view = ngx_http_attest_evidence_view(rn->amcf, rn->log);

    if (view == NULL) {
        if (!rn->expired) {
            rn->expired = 1;
            ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                          "attest: no valid evidence, attested servers "
                          "refuse service until it can be renewed");
        }

        return now;
    }

    rn->expired = 0;

    if (rn->at_once || ngx_http_attest_clock_stepped(&t, view->drift)
        || rn->amcf->remember->full(rn->amcf))
    {
        return now;
    }

    /*
     * Evidence of another configuration: a reload that failed late, or one
     * that is just replacing this worker.  Only the first is ours to mend.
     */

    if (!ngx_http_attest_foreign(rn->amcf)) {
        rn->mismatch_since = 0;

    } else if (rn->mismatch_since == 0) {
        rn->mismatch_since = now;

    } else if (now - rn->mismatch_since > 5) {
        return now;
    }

    return view->renew;
}


static void
ngx_http_attest_renew(ngx_http_attest_renewal_t *rn)
{
    ngx_http_attest_job_t  *job;

    ngx_http_attest_measured_check(rn->amcf, rn->log);

    rn->draft = ngx_http_attest_draft_create(rn->amcf);
    if (rn->draft == NULL) {
        ngx_http_attest_renew_failed(rn, "cannot make keys");
        return;
    }

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        ngx_http_attest_renew_failed(rn, "no memory");
        return;
    }

    ngx_memcpy(job->claims, rn->draft->claims, rn->draft->claims_len);
    job->claims_len = rn->draft->claims_len;
    job->want_logs = 1;
    job->refresh = 1;
    job->done = ngx_http_attest_renew_done;
    job->data = rn;

    if (ngx_http_attest_job_post(rn->amcf, job) != NGX_OK) {
        ngx_http_attest_job_free(job);
        ngx_http_attest_renew_failed(rn, "the device does not answer");
    }
}


static void
ngx_http_attest_renew_done(ngx_http_attest_job_t *job)
{
    ngx_int_t                   rc;
    ngx_http_attest_renewal_t  *rn;

    rn = job->data;

    if (job->rc != ATTEST_OK) {
        ngx_http_attest_renew_failed(rn, job->error);
        ngx_http_attest_job_free(job);
        return;
    }

    rc = ngx_http_attest_finish(rn->amcf, rn->draft, job, rn->log);

    ngx_http_attest_job_free(job);

    if (rc == NGX_ERROR) {
        ngx_http_attest_renew_failed(rn, "cannot publish the evidence");
        return;
    }

    ngx_http_attest_draft_free(rn->draft);
    rn->draft = NULL;

    rn->failures = 0;
    rn->next_try = 0;
    rn->at_once = 0;
}


/*
 * GPUs can go between two renewals.  Those that must be there close attested
 * servers at once, and open them when they are back; others make new evidence
 * due, which says what there is.  Returns the earlier of two times.
 */

static time_t
ngx_http_attest_gpu_tick(ngx_http_attest_renewal_t *rn, time_t now, time_t due)
{
    time_t  gpu_due;

    if (rn->amcf->gpu_interval == 0) {
        return due;
    }

    gpu_due = ngx_http_attest_gpu_due(rn);

    if (now >= gpu_due && rn->gpu_job == NULL) {
        rn->gpu_last = now;

        if (ngx_http_attest_gpu_check(rn) != NGX_OK) {
            ngx_http_attest_gpu_result(rn, "the GPUs cannot be checked");
        }

        gpu_due = ngx_http_attest_gpu_due(rn);
    }

    return ngx_min(due, gpu_due);
}


/* Every worker closes by itself when the one that checks does not. */

static void
ngx_http_attest_gpu_watch(ngx_http_attest_renewal_t *rn)
{
    time_t  late;

    if (!rn->amcf->gpu_required) {
        return;
    }

    late = ngx_http_attest_gpu_overdue(rn->amcf);

    if (late != 0 && !rn->gpu_late) {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: the GPUs were not checked for %T s, attested "
                      "servers refuse service until they are", late);
    }

    rn->gpu_late = (late != 0);
}


/* Closed servers do not wait for the end of a long interval. */

static time_t
ngx_http_attest_gpu_due(ngx_http_attest_renewal_t *rn)
{
    time_t                   interval;
    ngx_http_attest_view_t  *view;

    interval = rn->amcf->gpu_interval;

    if (rn->amcf->gpu_required && rn->amcf->state->gpu_failed) {
        interval = ngx_min(interval, NGX_HTTP_ATTEST_GPU_RETRY);

    } else if (rn->gpu_last == 0) {

        /* a worker just begins: what is there was looked at when made */

        view = ngx_http_attest_evidence_view(rn->amcf, rn->log);
        rn->gpu_last = (view != NULL) ? view->from : 0;
    }

    return rn->gpu_last + interval;
}


/* Claims that nobody sees: all that matters is that their nonce is new. */

static ngx_int_t
ngx_http_attest_gpu_check(ngx_http_attest_renewal_t *rn)
{
    attest_claims_t         claims;
    ngx_http_attest_job_t  *job;

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&claims, sizeof(attest_claims_t));
    claims.pubkey_hash_alg = 1;
    claims.pubkey_hash_len = ATTEST_SHA256_LEN;
    claims.nonce_len = ATTEST_NONCE_MIN;
    randombytes_buf(claims.nonce, claims.nonce_len);

    job->kind = NGX_HTTP_ATTEST_JOB_GPU;
    job->claims_len = sizeof(job->claims);
    job->refresh = 1;
    job->done = ngx_http_attest_gpu_done;
    job->data = rn;

    if (attest_claims_encode(&claims, job->claims, &job->claims_len)
        != ATTEST_OK)
    {
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    rn->gpu_job = job;

    if (ngx_http_attest_job_post(rn->amcf, job) != NGX_OK) {
        rn->gpu_job = NULL;
        ngx_http_attest_job_free(job);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_attest_gpu_done(ngx_http_attest_job_t *job)
{
    ngx_http_attest_renewal_t  *rn;

    rn = job->data;
    rn->gpu_job = NULL;

    ngx_http_attest_gpu_result(rn, (job->rc == ATTEST_OK) ? NULL : job->error);
    ngx_http_attest_job_free(job);
}


/* error: NULL when they are as they were. */

static void
ngx_http_attest_gpu_result(ngx_http_attest_renewal_t *rn, const char *error)
{
    ngx_uint_t                required;
    ngx_http_attest_state_t  *state;

    /* whether servers are closed is for the worker to say that follows */

    if (ngx_exiting) {
        return;
    }

    state = rn->amcf->state;
    required = rn->amcf->gpu_required;

    if (error == NULL && state->gpu_failed) {
        ngx_log_error(NGX_LOG_NOTICE, rn->log, 0,
                      "attest: the GPUs attest again");
        rn->at_once = 1;
        rn->next_try = 0;

    } else if (error != NULL && (!state->gpu_failed
                                 || (required && !rn->gpu_said)))
    {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0, "attest: GPU check failed: %s"
                      "%s", error, required ? "; attested servers refuse "
                      "service until it succeeds" : "");
        ngx_http_attest_set_error(rn->amcf, error);
        rn->at_once = !required;
        rn->next_try = 0;
    }

    if (error == NULL) {
        state->gpu_checked = ngx_http_attest_now(rn->amcf);
    }

    rn->gpu_said = (error != NULL);
    state->gpu_failed = (error != NULL);
}


/* 10, 60, 600 s, but never so late that the evidence dies of it. */

static void
ngx_http_attest_renew_failed(ngx_http_attest_renewal_t *rn, const char *error)
{
    time_t                   wait, now;
    ngx_http_attest_view_t  *view;

    static time_t  ladder[] = { 10, 60, 600 };

    if (rn->draft != NULL) {
        ngx_http_attest_draft_free(rn->draft);
        rn->draft = NULL;
    }

    now = ngx_http_attest_now(rn->amcf);
    view = ngx_http_attest_view(rn->amcf, rn->log);

    wait = ladder[ngx_min(rn->failures, 2)];
    wait = ngx_min(wait, ngx_max(rn->amcf->lifetime / 12, 1));

    if (ngx_http_attest_evidence_view(rn->amcf, rn->log) == NULL) {
        wait = ngx_min(wait, 10);
    }

    rn->failures++;
    rn->next_try = now + wait;

    ngx_http_attest_set_error(rn->amcf, error);

    if (view != NULL) {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: renewal failed: %s; next try in %T s, the "
                      "last good evidence serves for %T s more",
                      error, wait, view->expires - now);

    } else {
        ngx_log_error(NGX_LOG_ERR, rn->log, 0,
                      "attest: renewal failed: %s; next try in %T s, "
                      "attested servers refuse service", error, wait);
    }
}
