/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Appraisals of the peers of verified groups: who waits for one, who makes it
 * (a thread of one worker, whichever asked first), when the next is due.
 */


#include "http/ngx_http_attest_pool.h"
#include "http/upstream/ngx_http_attest_appraise.h"
#include "http/upstream/ngx_http_attest_present.h"
#include "client/attest_peer.h"
#include "core/base/attest_monotonic.h"


#define NGX_HTTP_ATTEST_APPRAISE_THREADS  64    /* each busy with one peer */
#define NGX_HTTP_ATTEST_APPRAISE_GROUP    16    /* of these, for one group */
#define NGX_HTTP_ATTEST_APPRAISE_WAITING  512   /* requests of a group */
#define NGX_HTTP_ATTEST_APPRAISE_POLL     20    /* ms, while some wait */
#define NGX_HTTP_ATTEST_APPRAISE_TICK     1000  /* ms */
#define NGX_HTTP_ATTEST_APPRAISE_SLACK    1000  /* ms, for the thread */
#define NGX_HTTP_ATTEST_APPRAISE_UNSURE   2     /* times, then it is refused */


/* What a worker has to do with appraisals. */

struct ngx_http_attest_appraisals_s {
    ngx_http_attest_main_conf_t  *amcf;
    ngx_queue_t                   waiting;
    ngx_uint_t                    flying;       /* threads that are busy */
    ngx_event_t                   poll;
    ngx_event_t                   tick;
    ngx_log_t                    *log;
};


/* What the thread works on; freed in the event loop when it is back. */

typedef struct {
    ngx_thread_task_t             task;
    ngx_http_attest_verify_t     *verify;
    ngx_http_attest_peer_ref_t    ref;
    ngx_event_t                   busy;     /* keeps a worker that exits */
    char                          name[NGX_HTTP_ATTEST_PEER_NAME];
    char                          host[NGX_HTTP_ATTEST_PEER_HOST];
    char                          url[NGX_HTTP_ATTEST_PEER_HOST + 16];
    attest_peer_options_t         options;
    int64_t                       limit;    /* ms, monotonic */
    int64_t                       took;     /* ms, in the thread */
    ngx_http_attest_present_own_t  own;
    attest_peer_t                 peer;
    attest_result_t               result;
    unsigned                      doubtful:1;   /* the peer failed before */
} ngx_http_attest_flight_t;


static void ngx_http_attest_appraise_sweep(ngx_http_attest_appraisals_t *as);
static void ngx_http_attest_appraise_look(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_waiter_t *w);
static ngx_int_t ngx_http_attest_appraise_told(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e *what);
static void ngx_http_attest_appraise_finish(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what);
static void ngx_http_attest_appraise_poll(ngx_event_t *ev);
static void ngx_http_attest_appraise_late(ngx_event_t *ev);
static void ngx_http_attest_appraise_tick(ngx_event_t *ev);
static ngx_int_t ngx_http_attest_appraise_start(
    ngx_http_attest_appraisals_t *as, ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref);
static ngx_int_t ngx_http_attest_appraise_launch(
    ngx_http_attest_appraisals_t *as, ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, ngx_uint_t doubtful);
static ngx_http_attest_flight_t *ngx_http_attest_appraise_flight(
    ngx_http_attest_appraisals_t *as, ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref);
static void ngx_http_attest_appraise_options(ngx_http_attest_flight_t *f);
static void ngx_http_attest_appraise_thread(void *data, ngx_log_t *log);
static void ngx_http_attest_appraise_done(ngx_event_t *ev);
static void ngx_http_attest_appraise_busy(ngx_event_t *ev);
static void ngx_http_attest_appraise_publish(
    ngx_http_attest_appraisals_t *as, ngx_http_attest_flight_t *f);
static void ngx_http_attest_appraise_key(ngx_http_attest_flight_t *f,
    ngx_http_attest_appraisal_t *a);
static void ngx_http_attest_appraise_checks(const attest_result_t *res,
    char *ids, size_t ids_size, char *text, size_t text_size);
static size_t ngx_http_attest_appraise_pack(const attest_result_t *res,
    u_char *told, size_t size);
static void ngx_http_attest_appraise_log(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_flight_t *f, const ngx_http_attest_appraisal_t *a);
static const char *ngx_http_attest_appraise_bound(
    const ngx_http_attest_peer_state_t *state);


/*
 * Peers that hang keep their threads until the timeout: each group has its
 * own, that no other group's peers take.  Only where groups are more than
 * threads they have to share.
 */

ngx_int_t
ngx_http_attest_appraise_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    static ngx_str_t  name = ngx_string("ngx_attest_verify");

    ngx_uint_t                  i, share, threads;
    ngx_http_attest_verify_t  **v;

    v = amcf->verified->elts;
    share = NGX_HTTP_ATTEST_APPRAISE_THREADS / amcf->verified->nelts;
    share = ngx_min(ngx_max(share, 1), NGX_HTTP_ATTEST_APPRAISE_GROUP);
    threads = 0;

    for (i = 0; i < amcf->verified->nelts; i++) {
        v[i]->threads = ngx_min(v[i]->peers + 1, share);
        threads += v[i]->threads;
    }

    amcf->run.verify_threads = ngx_min(threads,
                                       NGX_HTTP_ATTEST_APPRAISE_THREADS);

    amcf->run.verify_pool = ngx_http_attest_pool(cf, &name,
                                                 amcf->run.verify_threads);

    return (amcf->run.verify_pool != NULL) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_attest_appraise_init_worker(ngx_cycle_t *cycle,
    ngx_http_attest_main_conf_t *amcf)
{
    char                           err[ATTEST_CLIENT_ERR];
    ngx_http_attest_appraisals_t  *as;

    if (attest_peer_init(err) != ATTEST_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "attest: %s", err);
        return NGX_ERROR;
    }

    as = ngx_pcalloc(cycle->pool, sizeof(ngx_http_attest_appraisals_t));
    if (as == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&as->waiting);

    as->amcf = amcf;
    as->log = cycle->log;

    as->poll.handler = ngx_http_attest_appraise_poll;
    as->poll.data = as;
    as->poll.log = cycle->log;
    as->poll.cancelable = 1;

    as->tick.handler = ngx_http_attest_appraise_tick;
    as->tick.data = as;
    as->tick.log = cycle->log;
    as->tick.cancelable = 1;

    amcf->run.appraisals = as;

    if (ngx_worker == 0) {
        ngx_add_timer(&as->tick, 100);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_appraise_wait(ngx_http_attest_waiter_t *w, ngx_log_t *log)
{
    ngx_http_attest_verify_t      *v = w->verify;
    ngx_http_attest_appraisals_t  *as = v->amcf->run.appraisals;

    if (ngx_http_attest_identity_hopeless(v, &w->peer, w->spki)) {
        goto refused;
    }

    if (v->waiting >= NGX_HTTP_ATTEST_APPRAISE_WAITING) {

        if (!v->full) {
            v->full = 1;
            ngx_log_error(NGX_LOG_ERR, as->log, 0,
                          "attest: %ui requests wait for verified peers of "
                          "upstream \"%V\", more are refused", v->waiting,
                          &v->name);
        }

        goto refused;
    }

    ngx_http_attest_identity_count(v, &w->peer, NGX_HTTP_ATTEST_PEER_WAITED);

    w->round = ngx_http_attest_identity_round(v, &w->peer);
    w->unsure = 0;
    w->waits = 1;

    w->timer.handler = ngx_http_attest_appraise_late;
    w->timer.data = w;
    w->timer.log = log;

    /* not cancelable: a worker that exits answers those who wait */

    ngx_add_timer(&w->timer, v->timeout);

    ngx_queue_insert_tail(&as->waiting, &w->queue);
    v->waiting++;

    (void) ngx_http_attest_appraise_start(as, v, &w->peer);

    if (!as->poll.timer_set) {
        ngx_add_timer(&as->poll, NGX_HTTP_ATTEST_APPRAISE_POLL);
    }

    return NGX_OK;

refused:

    ngx_http_attest_identity_count(v, &w->peer, NGX_HTTP_ATTEST_PEER_REFUSED);

    return NGX_DECLINED;
}


void
ngx_http_attest_appraise_leave(ngx_http_attest_waiter_t *w)
{
    ngx_http_attest_verify_t  *v = w->verify;

    if (!w->waits) {
        return;
    }

    w->waits = 0;
    ngx_queue_remove(&w->queue);
    v->waiting--;

    if (v->waiting == 0) {
        v->full = 0;
    }

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }
}


/* Whoever is called may leave, wait again, and have others leave. */

static void
ngx_http_attest_appraise_sweep(ngx_http_attest_appraisals_t *as)
{
    ngx_queue_t                local, *q;
    ngx_http_attest_waiter_t  *w;

    if (ngx_queue_empty(&as->waiting)) {
        return;
    }

    ngx_queue_init(&local);
    ngx_queue_add(&local, &as->waiting);
    ngx_queue_init(&as->waiting);

    while (!ngx_queue_empty(&local)) {
        q = ngx_queue_head(&local);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&as->waiting, q);

        w = ngx_queue_data(q, ngx_http_attest_waiter_t, queue);

        ngx_http_attest_appraise_look(as, w);
    }
}


static void
ngx_http_attest_appraise_look(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_waiter_t *w)
{
    ngx_http_attest_waited_e        what;
    ngx_http_attest_identity_ref_t  ref;

    if (ngx_http_attest_identity_find(w->verify, w->spki, &ref) == NGX_OK) {
        ngx_http_attest_appraise_finish(w, NGX_HTTP_ATTEST_WAITED_VALID);
        return;
    }

    if (ngx_http_attest_appraise_told(w, &what) == NGX_OK) {
        ngx_http_attest_appraise_finish(w, what);
        return;
    }

    /* a thread may be free, who was at it may have died, and who failed may
       try again */

    if (ngx_http_attest_appraise_start(as, w->verify, &w->peer)
        == NGX_DECLINED)
    {
        ngx_http_attest_appraise_finish(w, NGX_HTTP_ATTEST_WAITED_OTHER);
    }
}


static ngx_int_t
ngx_http_attest_appraise_told(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e *what)
{
    switch (ngx_http_attest_identity_told(w->verify, &w->peer, w->spki,
                                          &w->round))
    {
    case NGX_HTTP_ATTEST_PEER_OTHER:
        *what = NGX_HTTP_ATTEST_WAITED_OTHER;
        return NGX_OK;

    case NGX_HTTP_ATTEST_PEER_SAME:
        *what = NGX_HTTP_ATTEST_WAITED_REFUSED;
        return NGX_OK;

    case NGX_HTTP_ATTEST_PEER_UNSURE:
        *what = NGX_HTTP_ATTEST_WAITED_REFUSED;
        return (++w->unsure == NGX_HTTP_ATTEST_APPRAISE_UNSURE) ? NGX_OK
                                                                : NGX_AGAIN;

    default: /* NGX_HTTP_ATTEST_PEER_UNTOLD */
        return NGX_AGAIN;
    }
}


static void
ngx_http_attest_appraise_finish(ngx_http_attest_waiter_t *w,
    ngx_http_attest_waited_e what)
{
    ngx_http_attest_appraise_leave(w);

    if (what == NGX_HTTP_ATTEST_WAITED_REFUSED) {
        ngx_http_attest_identity_count(w->verify, &w->peer,
                                       NGX_HTTP_ATTEST_PEER_REFUSED);
    }

    w->done(w, what);
}


static void
ngx_http_attest_appraise_poll(ngx_event_t *ev)
{
    ngx_http_attest_appraisals_t  *as;

    as = ev->data;

    ngx_http_attest_appraise_sweep(as);

    if (!ngx_queue_empty(&as->waiting) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_ATTEST_APPRAISE_POLL);
    }
}


static void
ngx_http_attest_appraise_late(ngx_event_t *ev)
{
    ngx_http_attest_appraise_finish(ev->data,
                                    NGX_HTTP_ATTEST_WAITED_REFUSED);
}


/* The first worker renews. */

static void
ngx_http_attest_appraise_tick(ngx_event_t *ev)
{
    ngx_uint_t                      i;
    ngx_http_attest_verify_t      **v;
    ngx_http_attest_peer_ref_t      ref;
    ngx_http_attest_appraisals_t   *as;

    as = ev->data;

    if (!ngx_exiting) {
        v = as->amcf->verified->elts;

        for (i = 0; i < as->amcf->verified->nelts; i++) {

            while (ngx_http_attest_identity_due(v[i], &ref) == NGX_OK) {
                if (ngx_http_attest_appraise_start(as, v[i], &ref) != NGX_OK) {
                    break;
                }
            }
        }
    }

    ngx_add_timer(ev, NGX_HTTP_ATTEST_APPRAISE_TICK);
}


/*
 * NGX_OK: somebody is at it, or another try has to wait; NGX_AGAIN: all of the
 * group's threads are busy, whoever still wants it asks again; NGX_DECLINED:
 * there is no such peer; NGX_ERROR: it cannot be started now.
 *
 * Nothing is claimed that no thread is free for: the time that others grant to
 * a claim is the thread's own.
 */

static ngx_int_t
ngx_http_attest_appraise_start(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref)
{
    ngx_uint_t  doubtful;

    if (v->flying >= v->threads || as->flying >= as->amcf->run.verify_threads) {
        return NGX_AGAIN;
    }

    /* who failed before may have half of them: others are not kept waiting */

    doubtful = (v->doubtful < ngx_max(v->threads / 2, 1));

    switch (ngx_http_attest_identity_claim(v, ref, v->timeout
                                    + 2 * NGX_HTTP_ATTEST_APPRAISE_SLACK,
                                    &doubtful))
    {
    case NGX_HTTP_ATTEST_PEER_CLAIMED:
        break;

    case NGX_HTTP_ATTEST_PEER_GONE:
        return NGX_DECLINED;

    case NGX_HTTP_ATTEST_PEER_DOUBTFUL:
        return NGX_AGAIN;

    default: /* NGX_HTTP_ATTEST_PEER_BUSY, NGX_HTTP_ATTEST_PEER_LATER */
        return NGX_OK;
    }

    if (ngx_http_attest_appraise_launch(as, v, ref, doubtful) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, as->log, 0,
                      "attest: an appraisal of a peer of upstream \"%V\" "
                      "cannot be started", &v->name);
        (void) ngx_http_attest_identity_publish(v, ref, NULL);

        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_appraise_launch(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref,
    ngx_uint_t doubtful)
{
    ngx_http_attest_flight_t  *f;

    f = ngx_http_attest_appraise_flight(as, v, ref);
    if (f == NULL) {
        return NGX_ERROR;
    }

    f->limit = attest_monotonic_now() + (int64_t) v->timeout;
    f->doubtful = doubtful ? 1 : 0;

    if (ngx_thread_task_post(as->amcf->run.verify_pool, &f->task) != NGX_OK) {
        ngx_http_attest_present_release(&f->own);
        ngx_free(f);
        return NGX_ERROR;
    }

    as->flying++;
    v->flying++;
    v->doubtful += f->doubtful;

    ngx_add_timer(&f->busy, v->timeout + NGX_HTTP_ATTEST_APPRAISE_SLACK);

    return NGX_OK;
}


static ngx_http_attest_flight_t *
ngx_http_attest_appraise_flight(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref)
{
    ngx_http_attest_flight_t  *f;

    f = ngx_calloc(sizeof(ngx_http_attest_flight_t), as->log);
    if (f == NULL) {
        return NULL;
    }

    f->verify = v;
    f->ref = *ref;

    if (ngx_http_attest_identity_names(v, ref, f->name, f->host) != NGX_OK) {
        ngx_free(f);
        return NULL;
    }

    ngx_http_attest_appraise_options(f);

    /* a peer that wants evidence of us wants it of the thread, too */

    if (v->present
        && ngx_http_attest_present_hold(as->amcf, &f->own, as->log) == NGX_OK)
    {
        f->options.identity = ngx_http_attest_present_identity;
        f->options.data = &f->own;
    }

    f->task.ctx = f;
    f->task.handler = ngx_http_attest_appraise_thread;
    f->task.event.handler = ngx_http_attest_appraise_done;
    f->task.event.data = f;
    f->task.event.log = as->log;

    f->busy.handler = ngx_http_attest_appraise_busy;
    f->busy.data = f;
    f->busy.log = as->log;

    return f;
}


static void
ngx_http_attest_appraise_options(ngx_http_attest_flight_t *f)
{
    attest_peer_options_t     *o = &f->options;
    ngx_http_attest_verify_t  *v = f->verify;

    (void) ngx_snprintf((u_char *) f->url, sizeof(f->url), "https://%s%Z",
                        f->host);

    o->url = f->url;
    o->connect = f->name;
    o->path = (char *) v->evidence.data;
    o->now = -1;
    o->certificate_only = v->certificate ? 1 : 0;
    o->elsewhere = (v->amcf->seals && !v->certificate) ? 1 : 0;
    o->activate = ngx_http_attest_policies_activates(v->file->policy) ? 1 : 0;

    /* a fast shutdown waits for its threads */

    o->cancel = (const volatile int *) &ngx_terminate;
}


static void
ngx_http_attest_appraise_thread(void *data, ngx_log_t *log)
{
    ngx_http_attest_flight_t *f = data;

    int64_t  began;

    /* what a busy machine took to begin is not added to the claim */

    began = attest_monotonic_now();
    f->options.timeout = ngx_max(f->limit - began, 1);

    (void) attest_peer_appraise(&f->peer, &f->options,
                                f->verify->file->policy, &f->result);

    f->took = attest_monotonic_now() - began;
}


static void
ngx_http_attest_appraise_done(ngx_event_t *ev)
{
    ngx_http_attest_flight_t      *f;
    ngx_http_attest_appraisals_t  *as;

    f = ev->data;
    as = f->verify->amcf->run.appraisals;

    if (f->busy.timer_set) {
        ngx_del_timer(&f->busy);
    }

    as->flying--;
    f->verify->flying--;
    f->verify->doubtful -= f->doubtful;

    ngx_http_attest_appraise_publish(as, f);

    attest_peer_clear(&f->peer);
    ngx_http_attest_present_release(&f->own);
    ngx_free(f);

    ngx_http_attest_appraise_sweep(as);
}


static void
ngx_http_attest_appraise_busy(ngx_event_t *ev)
{
    ngx_http_attest_flight_t  *f;

    f = ev->data;

    ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                  "attest: an appraisal of peer %s of upstream \"%V\" is "
                  "overdue", f->name, &f->verify->name);
}


static void
ngx_http_attest_appraise_publish(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_flight_t *f)
{
    char                          ids[256];
    char                          checks[NGX_HTTP_ATTEST_PEER_CHECKS];
    u_char                       *told;
    ngx_http_attest_appraisal_t  *a;

    a = ngx_calloc(sizeof(ngx_http_attest_appraisal_t)
                   + NGX_HTTP_ATTEST_PEER_TOLD, as->log);
    if (a == NULL) {
        (void) ngx_http_attest_identity_publish(f->verify, &f->ref, NULL);
        return;
    }

    told = (u_char *) a + sizeof(ngx_http_attest_appraisal_t);

    ngx_http_attest_appraise_checks(&f->result, ids, sizeof(ids), checks,
                                    sizeof(checks));

    a->verdict = f->result.verdict;
    a->took = f->took;
    a->why = f->result.why;
    a->ids = ids;
    a->checks = checks;
    a->told = told;
    a->told_len = ngx_http_attest_appraise_pack(&f->result, told,
                                                NGX_HTTP_ATTEST_PEER_TOLD);

    ngx_http_attest_appraise_key(f, a);

    if (a->verdict == ATTEST_TRUSTED && !a->seen) {
        a->verdict = ATTEST_UNDECIDED;
        a->why = "the evidence is not about the key of the connection";
    }

    if (ngx_http_attest_identity_publish(f->verify, &f->ref, a)) {
        ngx_http_attest_appraise_log(as, f, a);

    } else {
        ngx_log_error(NGX_LOG_INFO, as->log, 0,
                      "attest: peer %s of upstream \"%V\" was appraised "
                      "again: %s", f->name, &f->verify->name,
                      attest_verify_verdict(a->verdict));
    }

    ngx_free(a);
}


static void
ngx_http_attest_appraise_key(ngx_http_attest_flight_t *f,
    ngx_http_attest_appraisal_t *a)
{
    time_t                       age;
    attest_peer_t               *peer = &f->peer;
    ngx_http_attest_identity_t  *key = &a->key;

    if (a->verdict != ATTEST_TRUSTED) {
        a->seen = peer->has_end;
        ngx_memcpy(key->spki, peer->end, sizeof(key->spki));
        return;
    }

    if (!peer->trusted || !peer->has_validity || !peer->has_end) {
        return;
    }

    if (peer->keys_only ? peer->keys.n == 0
                        : !peer->has_spki || !peer->key_bound
                          || ngx_memcmp(peer->spki, peer->end, 32) != 0)
    {
        return;
    }

    a->seen = 1;

    ngx_memcpy(key->spki, peer->end, sizeof(key->spki));
    key->keys_only = peer->keys_only;
    key->root = peer->root;
    key->generation = peer->generation;
    key->exporter = peer->exporter_bound;
    key->not_after = peer->not_after;

    age = (time_t) f->verify->file->policy->max_age;

    if (age != 0 && peer->not_before < peer->not_after - age) {
        key->not_after = peer->not_before + age;
    }

    if (peer->keys.n <= sizeof(key->list)) {
        key->list_len = peer->keys.n;
        a->list = peer->keys.p;
    }
}


static void
ngx_http_attest_appraise_checks(const attest_result_t *res, char *ids,
    size_t ids_size, char *text, size_t text_size)
{
    size_t                 i;
    u_char                *p, *q, *p_last, *q_last;
    const attest_check_t  *check;

    p = (u_char *) ids;
    p_last = p + ids_size - 1;
    q = (u_char *) text;
    q_last = q + text_size - 1;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        if (check->state == ATTEST_CHECK_PASS
            || check->state == ATTEST_CHECK_NOTE)
        {
            continue;
        }

        p = ngx_slprintf(p, p_last, "%s%s", p == (u_char *) ids ? "" : ",",
                         check->id);
        q = ngx_slprintf(q, q_last, "%s%s: %s",
                         q == (u_char *) text ? "" : "; ", check->id,
                         check->text);
    }

    *p = '\0';
    *q = '\0';
}


/* Whole checks, as many as there is room for; the worst come first. */

static size_t
ngx_http_attest_appraise_pack(const attest_result_t *res, u_char *told,
    size_t size)
{
    size_t                 i, s, need;
    u_char                *p;
    const attest_check_t  *check;

    static const attest_check_e  order[] = {
        ATTEST_CHECK_FAIL, ATTEST_CHECK_UNKNOWN, ATTEST_CHECK_PASS,
        ATTEST_CHECK_NOTE
    };

    p = told;

    for (s = 0; s < sizeof(order) / sizeof(order[0]); s++) {

        for (i = 0; i < res->count; i++) {
            check = &res->checks[i];
            need = 1 + ngx_strlen(check->id) + 1 + ngx_strlen(check->text) + 1;

            if (check->state != order[s]
                || need > (size_t) (told + size - p))
            {
                continue;
            }

            *p++ = (u_char) check->state;
            p = ngx_cpymem(p, check->id, ngx_strlen(check->id) + 1);
            p = ngx_cpymem(p, check->text, ngx_strlen(check->text) + 1);
        }
    }

    return p - told;
}


static void
ngx_http_attest_appraise_log(ngx_http_attest_appraisals_t *as,
    ngx_http_attest_flight_t *f, const ngx_http_attest_appraisal_t *a)
{
    ngx_http_attest_peer_state_t  *state;

    state = ngx_alloc(sizeof(ngx_http_attest_peer_state_t), as->log);

    /* in the zone all text is printable */

    if (state == NULL
        || ngx_http_attest_identity_state(f->verify, f->ref.slot, state)
           != NGX_OK)
    {
        ngx_free(state);
        return;
    }

    if (a->verdict == ATTEST_TRUSTED) {
        ngx_log_error(NGX_LOG_NOTICE, as->log, 0,
                      "attest: peer %s (%s) of upstream \"%V\" is trusted: "
                      "%s%s", state->name, state->host, &f->verify->name,
                      state->why, ngx_http_attest_appraise_bound(state));

    } else {
        ngx_log_error(NGX_LOG_ERR, as->log, 0,
                      "attest: peer %s (%s) of upstream \"%V\" is %s: %s%s%s",
                      state->name, state->host, &f->verify->name,
                      (a->verdict == ATTEST_NOT_TRUSTED)
                      ? "not trusted" : "not used", state->why,
                      state->checks[0] ? "; failed: " : "", state->checks);
    }

    ngx_free(state);
}


static const char *
ngx_http_attest_appraise_bound(const ngx_http_attest_peer_state_t *state)
{
    if (state->keys_only) {
        return "; TLS ends elsewhere, the verdict is about its prompt keys: "
               "it gets nothing that is not sealed for them";
    }

    return state->exporter ? ""
                           : "; its evidence is not bound to the connection";
}
