
/*
 * The replay cache: encapsulated keys that were seen, in shared memory.
 *
 * A table with linear probing.  An entry lives until the key that opened its
 * message expires, after which a replay cannot be opened any more.  Nothing
 * else makes an entry go away: a table full of live entries refuses.
 */


#include "ngx_http_attest_module.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_REPLAY_TAG    crypto_shorthash_siphashx24_BYTES
#define NGX_HTTP_ATTEST_REPLAY_SWEEP  8     /* slots looked at per insertion */

/* s: remembered longer than a message opens, whatever a worker's clock says */
#define NGX_HTTP_ATTEST_REPLAY_MARGIN  60


/* expires: Unix seconds, unsigned until 2106; 0 marks an empty slot. */

typedef struct {
    uint32_t                  expires;
    u_char                    tag[NGX_HTTP_ATTEST_REPLAY_TAG];
} ngx_http_attest_replay_slot_t;


typedef struct {
    ngx_uint_t                     nslots;
    ngx_uint_t                     used;
    ngx_uint_t                     max;     /* the table stays 1/8 empty */
    ngx_uint_t                     cursor;
    time_t                         swept;
    u_char                         key[crypto_shorthash_siphashx24_KEYBYTES];
    ngx_http_attest_replay_slot_t *slots;
} ngx_http_attest_replay_t;


static ngx_int_t ngx_http_attest_replay_init(ngx_shm_zone_t *shm_zone,
    void *data);
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


ngx_int_t
ngx_http_attest_replay_zone(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    ngx_shm_zone_t  *zone;

    amcf->replay_size = ngx_http_attest_kept_size(cf,
                                                &ngx_http_attest_replay_name,
                                                "attest_replay",
                                                amcf->replay_size);

    zone = ngx_shared_memory_add(cf, &ngx_http_attest_replay_name,
                                 amcf->replay_size, &ngx_http_attest_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_attest_replay_init;
    amcf->replay = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_replay_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                     size;
    ngx_slab_pool_t           *shpool;
    ngx_http_attest_replay_t  *rp;

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

    /* nobody outside may choose where an entry goes */
    randombytes_buf(rp->key, sizeof(rp->key));

    shpool->log_nomem = 0;
    shpool->data = rp;
    shm_zone->data = rp;

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_replay_add(ngx_http_attest_main_conf_t *amcf,
    const u_char *enc, size_t len, time_t expires)
{
    u_char                     tag[NGX_HTTP_ATTEST_REPLAY_TAG];
    time_t                     now;
    ngx_int_t                  rc;
    ngx_slab_pool_t           *shpool;
    ngx_http_attest_replay_t  *rp;

    rp = amcf->replay->data;
    shpool = (ngx_slab_pool_t *) amcf->replay->shm.addr;

    crypto_shorthash_siphashx24(tag, enc, len, rp->key);

    now = ngx_time();

    if (expires <= now) {
        /* the key has just gone: nothing to remember, nothing to admit */
        return NGX_BUSY;
    }

    ngx_shmtx_lock(&shpool->mutex);

    ngx_http_attest_replay_sweep(rp, NGX_HTTP_ATTEST_REPLAY_SWEEP, now);

    rc = ngx_http_attest_replay_insert(rp, tag, expires);

    /* expiry is in seconds, so that one whole sweep per second finds all */

    if (rc == NGX_BUSY && rp->swept != now) {
        rp->swept = now;
        ngx_http_attest_replay_sweep(rp, rp->nslots, now);
        rc = ngx_http_attest_replay_insert(rp, tag, expires);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
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


static ngx_int_t
ngx_http_attest_replay_insert(ngx_http_attest_replay_t *rp, u_char *tag,
    time_t expires)
{
    ngx_uint_t                     i;
    ngx_http_attest_replay_slot_t  entry, *slot;

    ngx_memcpy(entry.tag, tag, NGX_HTTP_ATTEST_REPLAY_TAG);
    entry.expires = (uint32_t) (expires + NGX_HTTP_ATTEST_REPLAY_MARGIN);

    /* ends: rp->max keeps some slots empty */

    for (i = ngx_http_attest_replay_home(rp, &entry);
         rp->slots[i].expires != 0;
         i = ngx_http_attest_replay_next(rp, i))
    {
        slot = &rp->slots[i];

        if (ngx_memcmp(slot->tag, tag, NGX_HTTP_ATTEST_REPLAY_TAG) == 0) {
            return NGX_DECLINED;
        }
    }

    if (rp->used >= rp->max) {
        return NGX_BUSY;
    }

    rp->slots[i] = entry;
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

        while (slot->expires != 0 && slot->expires <= (uint32_t) now) {
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
