/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is known of the peers of verified groups, in memory that all workers
 * share: which keys were appraised, until when they are good, how the last
 * appraisal of each peer ended, and who is at work on the next.
 *
 * A group is found by all that decides about its peers: its name, the bytes
 * of its policy, how it asks.  Another policy is another group, in which
 * nothing is known; workers of an older configuration keep theirs.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/upstream/ngx_http_attest_identity.h"
#include "core/base/attest_monotonic.h"


#define NGX_HTTP_ATTEST_IDENTITY_LIFE   (24 * 3600)  /* s, at most */
#define NGX_HTTP_ATTEST_IDENTITY_SPARE  8       /* peers of names that change,
                                                   and of several hosts */
#define NGX_HTTP_ATTEST_IDENTITY_LEAST  4       /* of these, after a reload */
#define NGX_HTTP_ATTEST_IDENTITY_IDLE   86400   /* s: not renewed if unused */
#define NGX_HTTP_ATTEST_IDENTITY_PAUSE  3       /* times of what was lost */


typedef struct {
    ngx_http_attest_identity_t   id;
    uint64_t                     serial;        /* 0: free */
    time_t                       until;         /* of the zone's clock */
    uint64_t                     peer;          /* serial of who showed it */
} ngx_http_attest_identity_slot_t;


typedef struct {
    uint64_t                     serial;        /* 0: free */
    ngx_http_attest_peer_state_t state;
    char                         ids[256];      /* of checks that failed */
    size_t                       told_len;      /* all checks */
    u_char                       told[NGX_HTTP_ATTEST_PEER_TOLD];
    u_char                       failed[32];    /* the key that did */
    ngx_uint_t                   seen;          /* and that it is known */

    uint64_t                     round;         /* appraisals that ended */
    ngx_uint_t                   failures;      /* in a row */
    int64_t                      backoff;       /* ms, monotonic */
    ngx_pid_t                    pid;           /* who is at it */
    int64_t                      claimed;       /* until then */
    ngx_uint_t                   stale;         /* what he was told may be
                                                   older than a doubt */
    time_t                       renew;         /* of the zone's clock */
    time_t                       used;
} ngx_http_attest_identity_peer_t;


struct ngx_http_attest_group_s {
    ngx_http_attest_group_t     *next;
    u_char                       id[32];
    u_char                       name[32];      /* digest of it */
    uint64_t                     cycle;         /* the last that wants it */
    size_t                       size;
    ngx_uint_t                   npeers;
    ngx_uint_t                   nkeys;
    ngx_http_attest_identity_peer_t  *peers;
    ngx_http_attest_identity_slot_t  *keys;
};


typedef struct {
    ngx_http_attest_clock_t      clock;
    ngx_http_attest_group_t     *groups;
    uint64_t                     serial;        /* the last given out */
    uint64_t                     cycle;         /* of configurations */
} ngx_http_attest_identity_zone_t;


static ngx_int_t ngx_http_attest_identity_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_http_attest_group_t *ngx_http_attest_identity_group(
    ngx_slab_pool_t *shpool, ngx_http_attest_identity_zone_t *zone,
    ngx_http_attest_verify_t *v);
static ngx_http_attest_group_t *ngx_http_attest_identity_room(
    ngx_slab_pool_t *shpool, ngx_http_attest_identity_zone_t *zone,
    size_t size);
static void ngx_http_attest_identity_inherit(
    ngx_http_attest_identity_zone_t *zone, ngx_http_attest_group_t *group);
static ngx_http_attest_identity_zone_t *ngx_http_attest_identity_enter(
    ngx_http_attest_verify_t *v, ngx_http_attest_time_t *t);
static void ngx_http_attest_identity_leave(ngx_http_attest_verify_t *v);
static ngx_uint_t ngx_http_attest_identity_ours(ngx_http_attest_verify_t *v);
static ngx_http_attest_identity_slot_t *ngx_http_attest_identity_key(
    ngx_http_attest_verify_t *v, const ngx_http_attest_identity_ref_t *ref,
    ngx_http_attest_time_t *t);
static ngx_http_attest_identity_peer_t *ngx_http_attest_identity_at(
    ngx_http_attest_verify_t *v, const ngx_http_attest_peer_ref_t *ref);
static ngx_uint_t ngx_http_attest_identity_valid(
    ngx_http_attest_identity_slot_t *key, ngx_http_attest_time_t *t);
static ngx_http_attest_identity_peer_t *ngx_http_attest_identity_new_peer(
    ngx_http_attest_group_t *group);
static ngx_uint_t ngx_http_attest_identity_held(
    ngx_http_attest_identity_peer_t *peer);
static void ngx_http_attest_identity_trusted(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_zone_t *zone,
    ngx_http_attest_identity_peer_t *peer,
    const ngx_http_attest_appraisal_t *a, ngx_http_attest_time_t *t);
static ngx_http_attest_identity_slot_t *ngx_http_attest_identity_take(
    ngx_http_attest_group_t *group, const u_char spki[32],
    ngx_http_attest_time_t *t);
static void ngx_http_attest_identity_failed(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_peer_t *peer,
    const ngx_http_attest_appraisal_t *a, ngx_http_attest_time_t *t);
static void ngx_http_attest_identity_back_off(
    ngx_http_attest_identity_peer_t *peer, int64_t took);
static ngx_uint_t ngx_http_attest_identity_before(
    ngx_http_attest_identity_peer_t *peer,
    ngx_http_attest_identity_peer_t *best);
static void ngx_http_attest_identity_text(char *dst, size_t size,
    const char *src);


/* ms, after so many failures in a row */

static const ngx_msec_t  ngx_http_attest_identity_ladder[] = {
    500, 1000, 2000, 5000, 10000, 30000
};


ngx_int_t
ngx_http_attest_identity_zone(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    static ngx_str_t  name = ngx_string("ngx_attest_peers");

    amcf->run.peers = ngx_shared_memory_add(cf, &name, amcf->peers_size,
                                            &ngx_http_attest_module);
    if (amcf->run.peers == NULL) {
        return NGX_ERROR;
    }

    amcf->run.peers->init = ngx_http_attest_identity_init;
    amcf->run.peers->data = amcf;

    return NGX_OK;
}


/* In the master, before workers are forked. */

static ngx_int_t
ngx_http_attest_identity_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *shpool;
    ngx_http_attest_verify_t         **v;
    ngx_http_attest_main_conf_t       *amcf;
    ngx_http_attest_identity_zone_t   *zone;

    amcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data != NULL && ngx_process == NGX_PROCESS_SINGLE) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "attest: a reload needs \"master_process on\"");
        return NGX_ERROR;
    }

    zone = shpool->data;

    if (zone == NULL) {
        zone = ngx_slab_calloc(shpool,
                               sizeof(ngx_http_attest_identity_zone_t));
        if (zone == NULL) {
            goto small;
        }

        ngx_http_attest_clock_init(&zone->clock);
        shpool->data = zone;
    }

    v = amcf->verified->elts;

    ngx_shmtx_lock(&shpool->mutex);

    zone->cycle++;

    for (i = 0; i < amcf->verified->nelts; i++) {
        v[i]->group = ngx_http_attest_identity_group(shpool, zone, v[i]);

        if (v[i]->group == NULL) {
            ngx_shmtx_unlock(&shpool->mutex);
            goto small;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;

small:

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "attest: \"attest_verify_zone\" is too small for %ui "
                  "verified groups", amcf->verified->nelts);

    return NGX_ERROR;
}


static ngx_http_attest_group_t *
ngx_http_attest_identity_group(ngx_slab_pool_t *shpool,
    ngx_http_attest_identity_zone_t *zone, ngx_http_attest_verify_t *v)
{
    size_t                    size;
    u_char                   *p;
    ngx_uint_t                npeers, nkeys;
    attest_span_t             name;
    ngx_http_attest_group_t  *g;

    npeers = v->peers + NGX_HTTP_ATTEST_IDENTITY_SPARE;
    nkeys = 2 * npeers;

    for (g = zone->groups; g != NULL; g = g->next) {
        if (ngx_memcmp(g->id, v->id, sizeof(g->id)) == 0
            && g->npeers >= v->peers + NGX_HTTP_ATTEST_IDENTITY_LEAST)
        {
            g->cycle = zone->cycle;
            return g;
        }
    }

    size = sizeof(ngx_http_attest_group_t)
           + npeers * sizeof(ngx_http_attest_identity_peer_t)
           + nkeys * sizeof(ngx_http_attest_identity_slot_t);

    g = ngx_http_attest_identity_room(shpool, zone, size);
    if (g == NULL) {
        return NULL;
    }

    p = (u_char *) g + sizeof(ngx_http_attest_group_t);

    g->npeers = npeers;
    g->peers = (ngx_http_attest_identity_peer_t *) p;
    p += npeers * sizeof(ngx_http_attest_identity_peer_t);

    g->nkeys = nkeys;
    g->keys = (ngx_http_attest_identity_slot_t *) p;

    ngx_memcpy(g->id, v->id, sizeof(g->id));
    g->cycle = zone->cycle;

    name.p = v->name.data;
    name.n = v->name.len;

    if (attest_sha256(&name, 1, g->name) != ATTEST_OK) {
        return NULL;
    }

    ngx_http_attest_identity_inherit(zone, g);

    return g;
}


/*
 * New memory, or that of a group which neither this configuration nor the
 * last one wants.  Workers that are older still find that it is not theirs
 * any more, and know nobody.
 */

static ngx_http_attest_group_t *
ngx_http_attest_identity_room(ngx_slab_pool_t *shpool,
    ngx_http_attest_identity_zone_t *zone, size_t size)
{
    size_t                    room;
    ngx_http_attest_group_t  *g, *next;

    g = ngx_slab_calloc_locked(shpool, size);

    if (g != NULL) {
        g->size = size;
        g->next = zone->groups;
        zone->groups = g;

        return g;
    }

    for (g = zone->groups; g != NULL; g = g->next) {
        if (g->cycle + 1 < zone->cycle && g->size >= size) {
            next = g->next;
            room = g->size;
            ngx_memzero(g, room);
            g->next = next;
            g->size = room;

            return g;
        }
    }

    return NULL;
}


/* Who is already known by name is judged by the new policy at once. */

static void
ngx_http_attest_identity_inherit(ngx_http_attest_identity_zone_t *zone,
    ngx_http_attest_group_t *group)
{
    ngx_uint_t                        i, n;
    ngx_http_attest_group_t          *g, *last;
    ngx_http_attest_identity_peer_t  *peer;

    last = NULL;

    for (g = zone->groups; g != NULL; g = g->next) {
        if (g != group && ngx_memcmp(g->name, group->name, 32) == 0
            && (last == NULL || g->cycle > last->cycle))
        {
            last = g;
        }
    }

    if (last == NULL) {
        return;
    }

    for (i = 0, n = 0; i < last->npeers && n < group->npeers; i++) {

        if (last->peers[i].serial == 0) {
            continue;
        }

        peer = &group->peers[n++];

        peer->serial = ++zone->serial;
        peer->used = last->peers[i].used;
        ngx_memcpy(peer->state.name, last->peers[i].state.name,
                   NGX_HTTP_ATTEST_PEER_NAME);
        ngx_memcpy(peer->state.host, last->peers[i].state.host,
                   NGX_HTTP_ATTEST_PEER_HOST);
    }
}


static ngx_http_attest_identity_zone_t *
ngx_http_attest_identity_enter(ngx_http_attest_verify_t *v,
    ngx_http_attest_time_t *t)
{
    ngx_slab_pool_t                  *shpool;
    ngx_http_attest_identity_zone_t  *zone;

    shpool = (ngx_slab_pool_t *) v->amcf->run.peers->shm.addr;
    zone = shpool->data;

    ngx_shmtx_lock(&shpool->mutex);
    ngx_http_attest_clock_read(&zone->clock, t);

    return zone;
}


static void
ngx_http_attest_identity_leave(ngx_http_attest_verify_t *v)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) v->amcf->run.peers->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* A later configuration may have taken the memory. */

static ngx_uint_t
ngx_http_attest_identity_ours(ngx_http_attest_verify_t *v)
{
    return ngx_memcmp(v->group->id, v->id, sizeof(v->id)) == 0;
}


static ngx_uint_t
ngx_http_attest_identity_valid(ngx_http_attest_identity_slot_t *key,
    ngx_http_attest_time_t *t)
{
    return key->serial != 0 && t->now < key->until
           && t->wall < key->id.not_after;
}


ngx_int_t
ngx_http_attest_identity_find(ngx_http_attest_verify_t *v,
    const u_char spki[32], ngx_http_attest_identity_ref_t *ref)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_slot_t  *key;

    rc = NGX_DECLINED;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v)) {

        for (i = 0; i < v->group->nkeys; i++) {
            key = &v->group->keys[i];

            if (ngx_http_attest_identity_valid(key, &t)
                && ngx_memcmp(key->id.spki, spki, 32) == 0)
            {
                ref->serial = key->serial;
                ref->slot = i;
                rc = NGX_OK;
                break;
            }
        }
    }

    ngx_http_attest_identity_leave(v);

    return rc;
}


/* NULL: not known, or not any more. */

static ngx_http_attest_identity_slot_t *
ngx_http_attest_identity_key(ngx_http_attest_verify_t *v,
    const ngx_http_attest_identity_ref_t *ref, ngx_http_attest_time_t *t)
{
    ngx_http_attest_identity_slot_t  *key;

    if (ref->serial == 0 || !ngx_http_attest_identity_ours(v)
        || ref->slot >= v->group->nkeys)
    {
        return NULL;
    }

    key = &v->group->keys[ref->slot];

    if (key->serial != ref->serial
        || !ngx_http_attest_identity_valid(key, t))
    {
        return NULL;
    }

    return key;
}


ngx_int_t
ngx_http_attest_identity_any(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_ref_t *ref)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_slot_t  *key;

    rc = NGX_DECLINED;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v)) {

        for (i = 0; i < v->group->nkeys; i++) {
            key = &v->group->keys[i];

            if (!ngx_http_attest_identity_valid(key, &t)
                || (rc == NGX_OK && key->id.list_len == 0))
            {
                continue;
            }

            ref->serial = key->serial;
            ref->slot = i;
            rc = NGX_OK;

            if (key->id.list_len != 0) {
                break;
            }
        }
    }

    ngx_http_attest_identity_leave(v);

    return rc;
}


ngx_int_t
ngx_http_attest_identity_get(ngx_http_attest_verify_t *v,
    const ngx_http_attest_identity_ref_t *ref, ngx_http_attest_identity_t *id)
{
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_slot_t  *key;

    (void) ngx_http_attest_identity_enter(v, &t);

    key = ngx_http_attest_identity_key(v, ref, &t);

    if (key != NULL) {
        ngx_memcpy(id, &key->id, offsetof(ngx_http_attest_identity_t, list));
        ngx_memcpy(id->list, key->id.list, id->list_len);

        for (i = 0; i < v->group->npeers; i++) {
            if (v->group->peers[i].serial == key->peer) {
                v->group->peers[i].used = t.now;
                break;
            }
        }
    }

    ngx_http_attest_identity_leave(v);

    return (key != NULL) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_attest_identity_peer(ngx_http_attest_verify_t *v, const char *name,
    const char *host, ngx_http_attest_peer_ref_t *ref)
{
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_group_t          *g;
    ngx_http_attest_identity_zone_t  *zone;
    ngx_http_attest_identity_peer_t  *peer;

    g = v->group;
    peer = NULL;

    zone = ngx_http_attest_identity_enter(v, &t);

    if (!ngx_http_attest_identity_ours(v)) {
        goto done;
    }

    for (i = 0; i < g->npeers; i++) {
        if (g->peers[i].serial != 0
            && ngx_strcmp(g->peers[i].state.name, name) == 0
            && ngx_strcmp(g->peers[i].state.host, host) == 0)
        {
            peer = &g->peers[i];
            break;
        }
    }

    if (peer == NULL) {
        peer = ngx_http_attest_identity_new_peer(g);

        if (peer == NULL) {
            goto done;
        }

        ngx_memzero(peer, sizeof(ngx_http_attest_identity_peer_t));

        peer->serial = ++zone->serial;
        ngx_http_attest_identity_text(peer->state.name,
                                      sizeof(peer->state.name), name);
        ngx_http_attest_identity_text(peer->state.host,
                                      sizeof(peer->state.host), host);

        /* by the request that asks, or later, if no thread is free now */

        peer->renew = t.now + 1;
    }

    peer->used = t.now;
    ref->serial = peer->serial;
    ref->slot = peer - g->peers;

done:

    ngx_http_attest_identity_leave(v);

    return (peer != NULL) ? NGX_OK : NGX_ERROR;
}


/* A free one, or the one that was used least lately. */

static ngx_http_attest_identity_peer_t *
ngx_http_attest_identity_new_peer(ngx_http_attest_group_t *group)
{
    ngx_uint_t                        i;
    ngx_http_attest_identity_peer_t  *peer, *oldest;

    oldest = NULL;

    for (i = 0; i < group->npeers; i++) {
        peer = &group->peers[i];

        if (peer->serial == 0) {
            return peer;
        }

        if (!ngx_http_attest_identity_held(peer)
            && (oldest == NULL || peer->used < oldest->used))
        {
            oldest = peer;
        }
    }

    return oldest;
}


/* Some process is at work on it, and lives. */

static ngx_uint_t
ngx_http_attest_identity_held(ngx_http_attest_identity_peer_t *peer)
{
    if (peer->pid == 0 || attest_monotonic_now() >= peer->claimed) {
        return 0;
    }

    return peer->pid == ngx_pid || kill(peer->pid, 0) == 0
           || ngx_errno != ESRCH;
}


static ngx_http_attest_identity_peer_t *
ngx_http_attest_identity_at(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref)
{
    if (!ngx_http_attest_identity_ours(v) || ref->slot >= v->group->npeers
        || v->group->peers[ref->slot].serial != ref->serial)
    {
        return NULL;
    }

    return &v->group->peers[ref->slot];
}


uint64_t
ngx_http_attest_identity_round(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref)
{
    uint64_t                          round;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);
    round = (peer != NULL) ? peer->round : 0;

    ngx_http_attest_identity_leave(v);

    return round;
}


ngx_http_attest_peer_told_e
ngx_http_attest_identity_told(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, const u_char spki[32],
    uint64_t *round)
{
    ngx_http_attest_time_t            t;
    ngx_http_attest_peer_told_e       told;
    ngx_http_attest_identity_peer_t  *peer;

    told = NGX_HTTP_ATTEST_PEER_UNTOLD;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);

    if (peer == NULL) {
        told = NGX_HTTP_ATTEST_PEER_OTHER;

    } else if (peer->round != *round) {
        *round = peer->round;

        if (peer->state.verdict == ATTEST_TRUSTED) {
            told = NGX_HTTP_ATTEST_PEER_OTHER;

        } else if (!peer->seen) {
            told = NGX_HTTP_ATTEST_PEER_UNTOLD;

        } else if (ngx_memcmp(peer->failed, spki, 32) != 0) {
            told = NGX_HTTP_ATTEST_PEER_OTHER;

        } else {
            told = (peer->state.verdict == ATTEST_NOT_TRUSTED)
                   ? NGX_HTTP_ATTEST_PEER_SAME
                   : NGX_HTTP_ATTEST_PEER_UNSURE;
        }
    }

    ngx_http_attest_identity_leave(v);

    return told;
}


ngx_uint_t
ngx_http_attest_identity_hopeless(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, const u_char spki[32])
{
    ngx_uint_t                        hopeless;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    hopeless = 0;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);

    if (peer != NULL && peer->seen && peer->failures != 0
        && (attest_monotonic_now() < peer->backoff
            || ngx_http_attest_identity_held(peer))
        && ngx_memcmp(peer->failed, spki, 32) == 0)
    {
        hopeless = (peer->state.verdict == ATTEST_NOT_TRUSTED
                    || peer->failures > 1);
    }

    ngx_http_attest_identity_leave(v);

    return hopeless;
}


ngx_uint_t
ngx_http_attest_identity_all_fail(ngx_http_attest_verify_t *v)
{
    ngx_uint_t              i, valid, failed;
    ngx_http_attest_time_t  t;

    valid = 0;
    failed = 0;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v)) {

        for (i = 0; i < v->group->nkeys; i++) {
            valid |= ngx_http_attest_identity_valid(&v->group->keys[i], &t);
        }

        for (i = 0; i < v->group->npeers; i++) {
            failed |= (v->group->peers[i].failures != 0);
        }
    }

    ngx_http_attest_identity_leave(v);

    return failed && !valid;
}


attest_verdict_e
ngx_http_attest_identity_verdict(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref)
{
    attest_verdict_e                  verdict;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);
    verdict = (peer != NULL && peer->state.verdict == ATTEST_NOT_TRUSTED)
              ? ATTEST_NOT_TRUSTED : ATTEST_UNDECIDED;

    ngx_http_attest_identity_leave(v);

    return verdict;
}


void
ngx_http_attest_identity_count(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, ngx_http_attest_peer_count_e what)
{
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);

    if (peer == NULL) {
        /* void */

    } else if (what == NGX_HTTP_ATTEST_PEER_WAITED) {
        peer->state.waited++;

    } else {
        peer->state.refused++;
    }

    ngx_http_attest_identity_leave(v);
}


ngx_http_attest_peer_claim_e
ngx_http_attest_identity_claim(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, ngx_msec_t timeout,
    ngx_uint_t *doubtful)
{
    int64_t                           now;
    ngx_http_attest_time_t            t;
    ngx_http_attest_peer_claim_e      rc;
    ngx_http_attest_identity_peer_t  *peer;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);
    now = attest_monotonic_now();

    if (peer == NULL) {
        rc = NGX_HTTP_ATTEST_PEER_GONE;

    } else if (ngx_http_attest_identity_held(peer)) {
        rc = NGX_HTTP_ATTEST_PEER_BUSY;

    } else if (now < peer->backoff) {
        rc = NGX_HTTP_ATTEST_PEER_LATER;

    } else if (peer->failures != 0 && !*doubtful) {
        rc = NGX_HTTP_ATTEST_PEER_DOUBTFUL;

    } else {
        *doubtful = (peer->failures != 0);
        peer->pid = ngx_pid;
        peer->claimed = now + timeout;
        peer->stale = 0;
        rc = NGX_HTTP_ATTEST_PEER_CLAIMED;
    }

    ngx_http_attest_identity_leave(v);

    return rc;
}


ngx_uint_t
ngx_http_attest_identity_publish(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref,
    const ngx_http_attest_appraisal_t *a)
{
    ngx_uint_t                        news;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_zone_t  *zone;
    ngx_http_attest_identity_peer_t  *peer;

    news = 0;

    zone = ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);

    if (peer == NULL || peer->pid != ngx_pid) {
        /* somebody else's by now */
        goto done;
    }

    peer->pid = 0;

    if (a == NULL) {
        peer->backoff = attest_monotonic_now()
                        + ngx_http_attest_identity_ladder[0];
        goto done;
    }

    if (peer->stale && a->verdict == ATTEST_TRUSTED) {
        /* keys that the gateway may have had before: whoever waits asks anew */
        peer->state.appraisals++;
        goto done;
    }

    news = (peer->state.verdict != a->verdict
            || ngx_strcmp(peer->ids, a->ids) != 0
            || (a->verdict == ATTEST_TRUSTED
                && (peer->state.root != a->key.root
                    || peer->state.keys_only != a->key.keys_only
                    || peer->state.exporter != a->key.exporter)));

    peer->round++;
    peer->state.appraisals++;
    peer->state.verdict = a->verdict;
    peer->state.checked = t.wall;

    ngx_http_attest_identity_text(peer->ids, sizeof(peer->ids), a->ids);
    ngx_http_attest_identity_text(peer->state.why, sizeof(peer->state.why),
                                  a->why);
    ngx_http_attest_identity_text(peer->state.checks,
                                  sizeof(peer->state.checks), a->checks);

    peer->told_len = ngx_min(a->told_len, sizeof(peer->told));
    ngx_memcpy(peer->told, a->told, peer->told_len);

    if (a->verdict == ATTEST_TRUSTED) {
        ngx_http_attest_identity_trusted(v, zone, peer, a, &t);

    } else {
        ngx_http_attest_identity_failed(v, peer, a, &t);
    }

done:

    ngx_http_attest_identity_leave(v);

    return news;
}


static void
ngx_http_attest_identity_trusted(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_zone_t *zone,
    ngx_http_attest_identity_peer_t *peer,
    const ngx_http_attest_appraisal_t *a, ngx_http_attest_time_t *t)
{
    time_t                            life;
    ngx_http_attest_identity_slot_t  *key;

    key = ngx_http_attest_identity_take(v->group, a->key.spki, t);

    /* a connection of this key is as good as before */

    if (!ngx_http_attest_identity_valid(key, t)
        || ngx_memcmp(key->id.spki, a->key.spki, 32) != 0)
    {
        key->serial = ++zone->serial;
    }

    /* who vouches for himself may say any time */

    life = ngx_max(a->key.not_after - t->wall, 0);
    life = ngx_min(life, NGX_HTTP_ATTEST_IDENTITY_LIFE);

    ngx_memcpy(&key->id, &a->key, offsetof(ngx_http_attest_identity_t, list));

    if (a->key.list_len != 0) {
        ngx_memcpy(key->id.list, a->list, a->key.list_len);
    }

    key->until = t->now + life;
    key->peer = peer->serial;

    peer->failures = 0;
    peer->backoff = 0;
    peer->seen = 0;
    peer->renew = t->now + ngx_max(life * 2 / 3, 1);

    if (v->interval != 0) {
        peer->renew = ngx_min(peer->renew, t->now + v->interval);
    }

    peer->state.root = a->key.root;
    peer->state.generation = a->key.generation;
    peer->state.exporter = a->key.exporter;
    peer->state.keys_only = a->key.keys_only;
    peer->state.not_after = a->key.not_after;
}


/* Its own, a free one, one that has expired, or what expires first. */

static ngx_http_attest_identity_slot_t *
ngx_http_attest_identity_take(ngx_http_attest_group_t *group,
    const u_char spki[32], ngx_http_attest_time_t *t)
{
    ngx_uint_t                        i;
    ngx_http_attest_identity_slot_t  *key, *best;

    best = NULL;

    for (i = 0; i < group->nkeys; i++) {
        key = &group->keys[i];

        if (key->serial != 0 && ngx_memcmp(key->id.spki, spki, 32) == 0) {
            return key;
        }
    }

    for (i = 0; i < group->nkeys; i++) {
        key = &group->keys[i];

        if (!ngx_http_attest_identity_valid(key, t)) {
            return key;
        }

        if (best == NULL || key->until < best->until) {
            best = key;
        }
    }

    return best;
}


/*
 * A key that is not trusted any more is not used any more.  One that could
 * not be judged is what it was, until its evidence expires.
 */

static void
ngx_http_attest_identity_failed(ngx_http_attest_verify_t *v,
    ngx_http_attest_identity_peer_t *peer,
    const ngx_http_attest_appraisal_t *a, ngx_http_attest_time_t *t)
{
    ngx_uint_t                        i;
    ngx_http_attest_identity_slot_t  *key;

    peer->state.failed++;
    peer->seen = a->seen;

    if (a->seen) {
        ngx_memcpy(peer->failed, a->key.spki, sizeof(peer->failed));
    }

    if (a->seen && a->verdict == ATTEST_NOT_TRUSTED) {

        for (i = 0; i < v->group->nkeys; i++) {
            key = &v->group->keys[i];

            if (key->serial != 0
                && ngx_memcmp(key->id.spki, a->key.spki, 32) == 0)
            {
                key->serial = 0;
            }
        }
    }

    ngx_http_attest_identity_back_off(peer, a->took);
    peer->renew = t->now + 1;
}


/* Longer each time, and one that hangs is left alone longer than it hung. */

static void
ngx_http_attest_identity_back_off(ngx_http_attest_identity_peer_t *peer,
    int64_t took)
{
    int64_t     pause;
    ngx_uint_t  n;

    n = sizeof(ngx_http_attest_identity_ladder)
        / sizeof(ngx_http_attest_identity_ladder[0]);
    n = ngx_min(peer->failures, n - 1);

    pause = ngx_http_attest_identity_ladder[n];
    n = ngx_min(peer->failures, NGX_HTTP_ATTEST_IDENTITY_PAUSE);
    pause = ngx_max(pause, took * (int64_t) n);

    peer->failures++;
    peer->backoff = attest_monotonic_now() + pause;
}


/* What a peer has made us say goes into logs: printable ASCII. */

static void
ngx_http_attest_identity_text(char *dst, size_t size, const char *src)
{
    size_t  i;

    for (i = 0; i + 1 < size && src[i] != '\0'; i++) {
        dst[i] = (src[i] < 0x20 || src[i] > 0x7e) ? '?' : src[i];
    }

    dst[i] = '\0';
}


void
ngx_http_attest_identity_doubt(ngx_http_attest_verify_t *v,
    const ngx_http_attest_identity_t *id)
{
    ngx_uint_t                        i, gone;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_slot_t  *key;

    gone = 0;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v)) {

        for (i = 0; i < v->group->nkeys; i++) {
            key = &v->group->keys[i];

            if (key->serial != 0
                && ngx_memcmp(key->id.spki, id->spki, 32) == 0
                && key->id.list_len == id->list_len
                && ngx_memcmp(key->id.list, id->list, id->list_len) == 0)
            {
                key->serial = 0;
                gone = 1;
            }
        }

        for (i = 0; gone && i < v->group->npeers; i++) {
            v->group->peers[i].stale = 1;
        }
    }

    ngx_http_attest_identity_leave(v);
}


ngx_int_t
ngx_http_attest_identity_due(ngx_http_attest_verify_t *v,
    ngx_http_attest_peer_ref_t *ref)
{
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer, *best;

    best = NULL;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v)) {

        for (i = 0; i < v->group->npeers; i++) {
            peer = &v->group->peers[i];

            if (peer->serial != 0 && t.now >= peer->renew
                && t.now < peer->used + NGX_HTTP_ATTEST_IDENTITY_IDLE
                && attest_monotonic_now() >= peer->backoff
                && !ngx_http_attest_identity_held(peer)
                && ngx_http_attest_identity_before(peer, best))
            {
                ref->serial = peer->serial;
                ref->slot = i;
                best = peer;
            }
        }
    }

    ngx_http_attest_identity_leave(v);

    return (best != NULL) ? NGX_OK : NGX_DECLINED;
}


/* Who has not failed comes first, then who was judged longest ago. */

static ngx_uint_t
ngx_http_attest_identity_before(ngx_http_attest_identity_peer_t *peer,
    ngx_http_attest_identity_peer_t *best)
{
    if (best == NULL || (peer->failures == 0) != (best->failures == 0)) {
        return best == NULL || peer->failures == 0;
    }

    return peer->state.checked < best->state.checked;
}


ngx_int_t
ngx_http_attest_identity_state(ngx_http_attest_verify_t *v, ngx_uint_t slot,
    ngx_http_attest_peer_state_t *state)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    rc = NGX_DECLINED;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v) && slot < v->group->npeers) {
        peer = &v->group->peers[slot];
        rc = NGX_OK;

        *state = peer->state;
        state->valid = 0;
        state->renew_in = peer->renew - t.now;

        if (peer->serial == 0) {
            state->name[0] = '\0';
        }

        for (i = 0; i < v->group->nkeys; i++) {
            if (v->group->keys[i].peer == peer->serial
                && ngx_http_attest_identity_valid(&v->group->keys[i], &t))
            {
                state->valid = 1;
            }
        }
    }

    ngx_http_attest_identity_leave(v);

    return rc;
}


size_t
ngx_http_attest_identity_checks(ngx_http_attest_verify_t *v, ngx_uint_t slot,
    u_char told[NGX_HTTP_ATTEST_PEER_TOLD])
{
    size_t                            len;
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    len = 0;

    (void) ngx_http_attest_identity_enter(v, &t);

    if (ngx_http_attest_identity_ours(v) && slot < v->group->npeers) {
        peer = &v->group->peers[slot];

        if (peer->serial != 0) {
            len = peer->told_len;
            ngx_memcpy(told, peer->told, len);
        }
    }

    ngx_http_attest_identity_leave(v);

    return len;
}


ngx_int_t
ngx_http_attest_identity_names(ngx_http_attest_verify_t *v,
    const ngx_http_attest_peer_ref_t *ref, char *name, char *host)
{
    ngx_http_attest_time_t            t;
    ngx_http_attest_identity_peer_t  *peer;

    (void) ngx_http_attest_identity_enter(v, &t);

    peer = ngx_http_attest_identity_at(v, ref);

    if (peer != NULL) {
        ngx_memcpy(name, peer->state.name, NGX_HTTP_ATTEST_PEER_NAME);
        ngx_memcpy(host, peer->state.host, NGX_HTTP_ATTEST_PEER_HOST);
    }

    ngx_http_attest_identity_leave(v);

    return (peer != NULL) ? NGX_OK : NGX_DECLINED;
}
