/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The replay cache: encapsulated keys that were seen, in shared memory.
 *
 * A table with linear probing.  An entry lives until the key that opened its
 * message expires, after which a replay cannot be opened any more.  Nothing
 * else makes an entry go away, unless that key is retired: this is how a
 * cache that fills up makes room.  The keys of generations before `floor` are
 * retired for all processes, whatever they have decoded.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/prompt/ngx_http_attest_replay.h"
#include "http/evidence/ngx_http_attest_zone.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_REPLAY_TAG    crypto_shorthash_siphashx24_BYTES
#define NGX_HTTP_ATTEST_REPLAY_SWEEP  8     /* slots looked at per insertion */

#define NGX_HTTP_ATTEST_REPLAY_RATE   100000
#define NGX_HTTP_ATTEST_REPLAY_MAX    (1024 * 1024 * 1024)

/* s: room for prompts that come until the keys are replaced */
#define NGX_HTTP_ATTEST_REPLAY_SPARE  1200

/* s: remembered longer than a message opens */
#define NGX_HTTP_ATTEST_REPLAY_MARGIN  60


/* expires: s, the zone's own time; 0 marks an empty slot. */

typedef struct {
    int64_t                   expires;
    u_char                    tag[NGX_HTTP_ATTEST_REPLAY_TAG];
} ngx_http_attest_replay_slot_t;


typedef struct {
    ngx_uint_t                     nslots;
    ngx_uint_t                     used;
    ngx_uint_t                     capacity;
    ngx_uint_t                     max;     /* the table stays 1/8 empty */
    ngx_uint_t                     cursor;
    time_t                         swept;
    uint64_t                       floor;
    ngx_uint_t                     warned;  /* per cent, in the log */
    ngx_uint_t                     full;    /* keys are to be replaced */
    u_char                         key[crypto_shorthash_siphashx24_KEYBYTES];
    ngx_http_attest_replay_slot_t *slots;
} ngx_http_attest_replay_t;


static ngx_uint_t ngx_http_attest_replay_wanted(
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_replay_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_attest_replay_put(ngx_http_attest_replay_t *rp,
    ngx_http_attest_once_t *once, u_char *tag, time_t now);
static ngx_uint_t ngx_http_attest_replay_level(ngx_http_attest_replay_t *rp);
static void ngx_http_attest_replay_warn(ngx_uint_t level, ngx_uint_t used,
    ngx_uint_t capacity);
static ngx_uint_t ngx_http_attest_replay_find(ngx_http_attest_replay_t *rp,
    u_char *tag);
static ngx_uint_t ngx_http_attest_replay_full(
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_replay_lock(ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_replay_unlock(ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_replay_retire(ngx_http_attest_main_conf_t *amcf,
    uint64_t number);
static ngx_uint_t ngx_http_attest_replay_retired(
    ngx_http_attest_main_conf_t *amcf, uint64_t born);
static ngx_uint_t ngx_http_attest_replay_home(ngx_http_attest_replay_t *rp,
    ngx_http_attest_replay_slot_t *slot);
static ngx_uint_t ngx_http_attest_replay_next(ngx_http_attest_replay_t *rp,
    ngx_uint_t i);
static void ngx_http_attest_replay_remove(ngx_http_attest_replay_t *rp,
    ngx_uint_t i);
static void ngx_http_attest_replay_sweep(ngx_http_attest_replay_t *rp,
    ngx_uint_t n, time_t now);
static ngx_int_t ngx_http_attest_replay_insert(ngx_http_attest_replay_t *rp,
    u_char *tag, time_t expires);


static ngx_str_t  ngx_http_attest_replay_name =
    ngx_string("ngx_attest_replay");


static const ngx_http_attest_remember_t  ngx_http_attest_replay_remember = {
    ngx_http_attest_replay_full,
    ngx_http_attest_replay_lock,
    ngx_http_attest_replay_retire,
    ngx_http_attest_replay_unlock,
    ngx_http_attest_replay_retired
};


/* attest_replay NUMBER | SIZE */

char *
ngx_http_attest_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    u_char      *last;
    ssize_t      n;
    ngx_str_t    value;

    if (amcf->replay_size != 0 || amcf->replay_rate != 0) {
        return "is duplicate";
    }

    value = ((ngx_str_t *) cf->args->elts)[1];
    last = value.data + value.len;

    switch (last[-1]) {

    case 'k':
    case 'K':
    case 'm':
    case 'M':
        n = ngx_parse_size(&value);

        if (n < 64 * 1024 || n > NGX_HTTP_ATTEST_REPLAY_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size \"%V\" in \"attest_replay\", "
                               "64k to 1024m are possible", &value);
            return NGX_CONF_ERROR;
        }

        amcf->replay_size = n;
        return NGX_CONF_OK;
    }

    if (value.len > 3 && ngx_strncmp(last - 3, "r/h", 3) == 0) {
        value.len -= 3;
    }

    n = ngx_atoi(value.data, value.len);

    if (n < 1 || n > 1000 * 1000 * 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_replay\", "
                           "prompts per hour (1 to 1000000000) or a size (64k "
                           "to 1024m) are possible",
                           &((ngx_str_t *) cf->args->elts)[1]);
        return NGX_CONF_ERROR;
    }

    amcf->replay_rate = n;
    return NGX_CONF_OK;
}


/*
 * How many entries there are at the configured rate: whichever of the keys a
 * message was for, it is remembered for one lifetime at most.  0: as many as
 * the configured size holds.
 */

static ngx_uint_t
ngx_http_attest_replay_wanted(ngx_http_attest_main_conf_t *amcf)
{
    uint64_t  n;

    if (amcf->replay_rate == 0) {
        return 0;
    }

    n = (uint64_t) amcf->replay_rate
        * (amcf->lifetime + NGX_HTTP_ATTEST_REPLAY_MARGIN);

    return (ngx_uint_t) (n / 3600 + 1);
}


ngx_int_t
ngx_http_attest_replay_zone(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    uint64_t         size;
    ngx_shm_zone_t  *zone;

    if (amcf->replay_size == 0 && amcf->replay_rate == 0) {
        amcf->replay_rate = NGX_HTTP_ATTEST_REPLAY_RATE;
    }

    if (amcf->replay_rate != 0) {
        size = (uint64_t) ngx_http_attest_replay_wanted(amcf) * 4 / 3
               + NGX_HTTP_ATTEST_REPLAY_SPARE;
        size *= sizeof(ngx_http_attest_replay_slot_t);

        /* with what nginx keeps about pages */

        size = ngx_align(size + size / 64, ngx_pagesize) + 16 * ngx_pagesize;

        if (size > NGX_HTTP_ATTEST_REPLAY_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"attest_replay\" of %ui prompts per hour, "
                               "with \"attest_lifetime\" of %T s, takes more "
                               "than 1024m", amcf->replay_rate,
                               amcf->lifetime);
            return NGX_ERROR;
        }

        amcf->replay_size = (size_t) size;
    }

    amcf->replay_size = ngx_http_attest_zone_kept_size(cf,
                            &ngx_http_attest_replay_name, "attest_replay",
                            amcf->replay_size);

    zone = ngx_shared_memory_add(cf, &ngx_http_attest_replay_name,
                                 amcf->replay_size, &ngx_http_attest_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_attest_replay_init;
    zone->data = amcf;
    amcf->run.replay = zone;
    amcf->run.remember = &ngx_http_attest_replay_remember;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_replay_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                        size;
    ngx_uint_t                    wanted;
    ngx_slab_pool_t              *shpool;
    ngx_http_attest_replay_t     *rp;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data != NULL) {
        shm_zone->data = data;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    rp = ngx_slab_calloc(shpool, sizeof(ngx_http_attest_replay_t));
    if (rp == NULL) {
        return NGX_ERROR;
    }

    /* the table takes all whole pages that are left */

    size = shpool->pfree * ngx_pagesize;

    rp->slots = ngx_slab_calloc(shpool, size);
    if (rp->slots == NULL) {
        return NGX_ERROR;
    }

    rp->nslots = size / sizeof(ngx_http_attest_replay_slot_t);
    rp->max = rp->nslots - rp->nslots / 8;

    wanted = ngx_http_attest_replay_wanted(amcf);
    rp->capacity = (wanted != 0) ? wanted : rp->nslots - rp->nslots / 4;

    /* nobody outside may choose where an entry goes */
    randombytes_buf(rp->key, sizeof(rp->key));

    shpool->log_nomem = 0;
    shpool->data = rp;
    shm_zone->data = rp;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_replay_add(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_once_t *once)
{
    u_char                     tag[NGX_HTTP_ATTEST_REPLAY_TAG];
    time_t                     now;
    ngx_int_t                  rc;
    ngx_uint_t                 level, used, capacity;
    ngx_slab_pool_t           *shpool;
    ngx_http_attest_replay_t  *rp;

    rp = amcf->run.replay->data;
    shpool = (ngx_slab_pool_t *) amcf->run.replay->shm.addr;

    crypto_shorthash_siphashx24(tag, once->enc, once->len, rp->key);

    ngx_shmtx_lock(&shpool->mutex);

    /* never before the time by which another process has forgotten */

    now = ngx_http_attest_clock_now(amcf);

    if (once->expires <= now || once->born < rp->floor) {

        /* the key is gone: nothing to remember, nothing to admit */

        ngx_shmtx_unlock(&shpool->mutex);
        return NGX_ABORT;
    }

    rc = ngx_http_attest_replay_put(rp, once, tag, now);

    level = ngx_http_attest_replay_level(rp);
    used = rp->used;
    capacity = rp->capacity;

    ngx_shmtx_unlock(&shpool->mutex);

    if (level != 0) {
        ngx_http_attest_replay_warn(level, used, capacity);
    }

    return rc;
}


static ngx_int_t
ngx_http_attest_replay_put(ngx_http_attest_replay_t *rp,
    ngx_http_attest_once_t *once, u_char *tag, time_t now)
{
    ngx_int_t  rc;

    if (once->check_only) {
        return (rp->slots[ngx_http_attest_replay_find(rp, tag)].expires != 0)
               ? NGX_DECLINED : NGX_OK;
    }

    ngx_http_attest_replay_sweep(rp, NGX_HTTP_ATTEST_REPLAY_SWEEP, now);

    rc = ngx_http_attest_replay_insert(rp, tag, once->until);

    /* expiry is in seconds, so that one whole sweep per second finds all */

    if (rc == NGX_BUSY && rp->swept != now) {
        rp->swept = now;
        ngx_http_attest_replay_sweep(rp, rp->nslots, now);
        rc = ngx_http_attest_replay_insert(rp, tag, once->until);
    }

    return rc;
}


/* How full it has become, in per cent, if that is to be said. */

static ngx_uint_t
ngx_http_attest_replay_level(ngx_http_attest_replay_t *rp)
{
    ngx_uint_t  level;

    rp->full = (rp->used >= rp->capacity);

    if (rp->used < rp->capacity / 2) {
        rp->warned = 0;
    }

    level = rp->full ? 100
                     : (rp->used >= rp->capacity - rp->capacity / 5) ? 80 : 0;

    if (level <= rp->warned) {
        return 0;
    }

    rp->warned = level;

    return level;
}


static void
ngx_http_attest_replay_warn(ngx_uint_t level, ngx_uint_t used,
    ngx_uint_t capacity)
{
    if (level == 100) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "attest: the replay cache is full, %ui prompts: the "
                      "prompt keys are replaced early; raise "
                      "\"attest_replay\"", used);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "attest: the replay cache is %ui%% full, %ui of %ui "
                  "prompts; when it is full the prompt keys are replaced "
                  "early, see \"attest_replay\"", level, used, capacity);
}


static ngx_uint_t
ngx_http_attest_replay_full(ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_replay_t  *rp;

    rp = amcf->run.replay->data;

    return rp->full;
}


void
ngx_http_attest_replay_fill(ngx_http_attest_main_conf_t *amcf,
    ngx_uint_t *used, ngx_uint_t *capacity)
{
    ngx_http_attest_replay_t  *rp;

    rp = amcf->run.replay->data;

    *used = rp->used;
    *capacity = rp->capacity;
}


static void
ngx_http_attest_replay_lock(ngx_http_attest_main_conf_t *amcf)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) amcf->run.replay->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
}


static void
ngx_http_attest_replay_unlock(ngx_http_attest_main_conf_t *amcf)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) amcf->run.replay->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);
}


static void
ngx_http_attest_replay_retire(ngx_http_attest_main_conf_t *amcf,
    uint64_t number)
{
    ngx_http_attest_replay_t  *rp;

    rp = amcf->run.replay->data;

    ngx_memzero(rp->slots, rp->nslots * sizeof(ngx_http_attest_replay_slot_t));

    rp->floor = number;
    rp->used = 0;
    rp->cursor = 0;
    rp->warned = 0;
    rp->full = 0;
}


static ngx_uint_t
ngx_http_attest_replay_retired(ngx_http_attest_main_conf_t *amcf,
    uint64_t born)
{
    ngx_http_attest_replay_t  *rp;

    rp = amcf->run.replay->data;

    return born < rp->floor;
}


static ngx_uint_t
ngx_http_attest_replay_home(ngx_http_attest_replay_t *rp,
    ngx_http_attest_replay_slot_t *slot)
{
    uint64_t  hash;

    ngx_memcpy(&hash, slot->tag, sizeof(hash));

    return hash % rp->nslots;
}


static ngx_uint_t
ngx_http_attest_replay_next(ngx_http_attest_replay_t *rp, ngx_uint_t i)
{
    return (i + 1 == rp->nslots) ? 0 : i + 1;
}


/* The slot that holds the tag, or the empty one where it belongs. */

static ngx_uint_t
ngx_http_attest_replay_find(ngx_http_attest_replay_t *rp, u_char *tag)
{
    ngx_uint_t                     i;
    ngx_http_attest_replay_slot_t  entry;

    ngx_memcpy(entry.tag, tag, NGX_HTTP_ATTEST_REPLAY_TAG);

    i = ngx_http_attest_replay_home(rp, &entry);

    /* ends: rp->max keeps some slots empty */

    while (rp->slots[i].expires != 0
           && ngx_memcmp(rp->slots[i].tag, tag, NGX_HTTP_ATTEST_REPLAY_TAG)
              != 0)
    {
        i = ngx_http_attest_replay_next(rp, i);
    }

    return i;
}


static ngx_int_t
ngx_http_attest_replay_insert(ngx_http_attest_replay_t *rp, u_char *tag,
    time_t expires)
{
    ngx_http_attest_replay_slot_t  *slot;

    slot = &rp->slots[ngx_http_attest_replay_find(rp, tag)];

    if (slot->expires != 0) {
        return NGX_DECLINED;
    }

    if (rp->used >= rp->max) {
        return NGX_BUSY;
    }

    slot->expires = (int64_t) expires + NGX_HTTP_ATTEST_REPLAY_MARGIN;
    ngx_memcpy(slot->tag, tag, NGX_HTTP_ATTEST_REPLAY_TAG);
    rp->used++;

    return NGX_OK;
}


/* Looks at the next n slots and drops those that have expired. */

static void
ngx_http_attest_replay_sweep(ngx_http_attest_replay_t *rp, ngx_uint_t n,
    time_t now)
{
    ngx_http_attest_replay_slot_t  *slot;

    while (n--) {
        slot = &rp->slots[rp->cursor];

        while (slot->expires != 0 && slot->expires <= now) {
            /* may move a later entry into this very slot */
            ngx_http_attest_replay_remove(rp, rp->cursor);
        }

        rp->cursor = ngx_http_attest_replay_next(rp, rp->cursor);
    }
}


/*
 * Deletion without a tombstone: entries behind move up, as long as that does
 * not put one before its home slot.
 */

static void
ngx_http_attest_replay_remove(ngx_http_attest_replay_t *rp, ngx_uint_t i)
{
    ngx_uint_t  j, home, gap, reach;

    j = i;

    for ( ;; ) {
        j = ngx_http_attest_replay_next(rp, j);

        if (rp->slots[j].expires == 0) {
            break;
        }

        /* distances from the hole and from home to j, around the end */

        home = ngx_http_attest_replay_home(rp, &rp->slots[j]);
        gap = (j + rp->nslots - i) % rp->nslots;
        reach = (j + rp->nslots - home) % rp->nslots;

        if (reach >= gap) {
            rp->slots[i] = rp->slots[j];
            i = j;
        }
    }

    rp->slots[i].expires = 0;
    rp->used--;
}
