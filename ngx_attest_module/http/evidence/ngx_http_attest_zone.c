/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The shared zone as a piece of memory: its size, its protection, what stays
 * of it at a reload, and what is made before workers are forked.  What it
 * holds is read and written by ngx_http_attest_state.c.
 */


#include "http/evidence/ngx_http_attest_provider.h"
#include "http/evidence/ngx_http_attest_refresh.h"
#include "http/evidence/ngx_http_attest_state_internal.h"
#include "http/evidence/ngx_http_attest_zone.h"
#include "http/ngx_http_attest_record.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>


static ngx_int_t ngx_http_attest_zone_fingerprint(
    ngx_http_attest_main_conf_t *amcf);
static ngx_uint_t ngx_http_attest_zone_fingerprint_texts(
    ngx_http_attest_main_conf_t *amcf, attest_span_t *parts, ngx_uint_t n);
static ngx_int_t ngx_http_attest_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_attest_zone_create_state(ngx_shm_zone_t *shm_zone,
    ngx_http_attest_main_conf_t *amcf);
static void ngx_http_attest_zone_protect(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_attest_zone_device_mutex(pthread_mutex_t *mutex);


ngx_int_t
ngx_http_attest_zone_add(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    static ngx_str_t  name = ngx_string("ngx_attest_state");

    amcf->run.cycle = cf->cycle;
    amcf->zone_size = ngx_http_attest_zone_kept_size(cf, &name, "attest_zone",
                                                     amcf->zone_size);

    amcf->run.zone = ngx_shared_memory_add(cf, &name, amcf->zone_size,
                                           &ngx_http_attest_module);
    if (amcf->run.zone == NULL) {
        return NGX_ERROR;
    }

    amcf->run.zone->init = ngx_http_attest_zone_init;
    amcf->run.zone->data = amcf;

    return NGX_OK;
}


size_t
ngx_http_attest_zone_kept_size(ngx_conf_t *cf, ngx_str_t *name,
    const char *directive, size_t size)
{
    ngx_uint_t        i;
    ngx_cycle_t      *cycle;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    cycle = cf->cycle->old_cycle;

    if (cycle == NULL || cycle->shared_memory.part.elts == NULL) {
        return size;
    }

    for (part = &cycle->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag != &ngx_http_attest_module
                || zone[i].shm.name.len != name->len
                || ngx_strncmp(zone[i].shm.name.data, name->data, name->len)
                   != 0
                || zone[i].shm.size == size)
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "attest: \"%s\" keeps its size of %uz bytes "
                               "until nginx is restarted",
                               directive, zone[i].shm.size);
            return zone[i].shm.size;
        }
    }

    return size;
}


/*
 * What evidence depends on besides time: a configuration that differs in it
 * gets new evidence at a reload, any other keeps what there is.
 */

static ngx_int_t
ngx_http_attest_zone_fingerprint(ngx_http_attest_main_conf_t *amcf)
{
    u_char          spki[ATTEST_SHA256_LEN], flags[3];
    ngx_int_t       rc;
    ngx_uint_t      n;
    attest_span_t  *parts;

    parts = ngx_alloc((4 + amcf->run.names->nelts + amcf->source_args->nelts)
                      * sizeof(attest_span_t), ngx_cycle->log);
    if (parts == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    n = 0;

    parts[n].p = amcf->run.record.data;
    parts[n++].n = amcf->run.record.len;

    if (attest_sha256(parts, 1, amcf->run.record_hash) != ATTEST_OK) {
        goto done;
    }

    ngx_memzero(spki, sizeof(spki));

    if (amcf->run.ca_key != NULL
        && attest_x509_spki_hash(amcf->run.ca_key, spki) != ATTEST_OK)
    {
        goto done;
    }

    parts[n].p = spki;
    parts[n++].n = sizeof(spki);

    flags[0] = amcf->certificate;
    flags[1] = (u_char) amcf->kems;
    flags[2] = (amcf->run.ca_key != NULL);
    parts[n].p = flags;
    parts[n++].n = sizeof(flags);

    parts[n].p = (u_char *) &amcf->lifetime;
    parts[n++].n = sizeof(amcf->lifetime);

    n = ngx_http_attest_zone_fingerprint_texts(amcf, parts, n);

    if (attest_sha256(parts, n, amcf->run.fingerprint) == ATTEST_OK) {
        rc = NGX_OK;
    }

done:

    ngx_free(parts);
    return rc;
}


/* With their zero bytes, so that they cannot run together. */

static ngx_uint_t
ngx_http_attest_zone_fingerprint_texts(ngx_http_attest_main_conf_t *amcf,
    attest_span_t *parts, ngx_uint_t n)
{
    char       **name;
    ngx_str_t   *arg;
    ngx_uint_t   i;

    name = amcf->run.names->elts;

    for (i = 0; i < amcf->run.names->nelts; i++) {
        parts[n].p = (u_char *) name[i];
        parts[n++].n = ngx_strlen(name[i]) + 1;
    }

    arg = amcf->source_args->elts;

    for (i = 0; i < amcf->source_args->nelts; i++) {
        parts[n].p = arg[i].data;
        parts[n++].n = arg[i].len + 1;
    }

    return n;
}


/*
 * Runs in the master as root, before the workers are forked; on a reload,
 * a failure here leaves the old configuration running.  So this is where
 * the first evidence, and evidence for a changed configuration, is made.
 */

static ngx_int_t
ngx_http_attest_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_attest_main_conf_t  *oamcf = data;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = shm_zone->data;

    /* "nginx -t", too, says that there is too much of it */

    if (ngx_http_attest_record(amcf, shm_zone->shm.log, &amcf->run.record)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "attest: cannot measure the configuration");
        return NGX_ERROR;
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (oamcf != NULL && ngx_process == NGX_PROCESS_SINGLE) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "attest: a reload needs \"master_process on\"");
        return NGX_ERROR;
    }

    if (ngx_http_attest_zone_fingerprint(amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (oamcf != NULL) {
        amcf->run.state = oamcf->run.state;

    } else if (ngx_http_attest_zone_create_state(shm_zone, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_provider_init(amcf, oamcf, shm_zone->shm.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_refresh_first(amcf, shm_zone->shm.log);
}


static ngx_int_t
ngx_http_attest_zone_create_state(ngx_shm_zone_t *shm_zone,
    ngx_http_attest_main_conf_t *amcf)
{
    size_t                    room;
    ngx_slab_pool_t          *shpool;
    ngx_http_attest_state_t  *state;

    ngx_http_attest_zone_protect(shm_zone);

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    state = ngx_slab_calloc(shpool, sizeof(ngx_http_attest_state_t));
    if (state == NULL) {
        return NGX_ERROR;
    }

    /* two equal slots out of what is left, in whole pages */

    room = (shpool->pfree - 1) / 2 * ngx_pagesize;

    ngx_http_attest_clock_init(&state->clock);

    state->shpool = shpool;
    state->room = room;
    state->slot[0] = ngx_slab_alloc(shpool, room);
    state->slot[1] = ngx_slab_alloc(shpool, room);

    if (state->slot[0] == NULL || state->slot[1] == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "attest: \"attest_zone\" is too small");
        return NGX_ERROR;
    }

    if (ngx_http_attest_zone_device_mutex(&state->device) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool->data = state;
    amcf->run.state = state;

    return NGX_OK;
}


/* What the processes to come inherit. */

static void
ngx_http_attest_zone_protect(ngx_shm_zone_t *shm_zone)
{
    struct rlimit  rl;

    rl.rlim_cur = 0;
    rl.rlim_max = 0;

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1
        || setrlimit(RLIMIT_CORE, &rl) == -1)
    {
        ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, ngx_errno,
                      "attest: cannot forbid core dumps of this process");
    }

    rl.rlim_cur = RLIM_INFINITY;
    rl.rlim_max = RLIM_INFINITY;

    /* fails without the privilege; then what the limit allows is locked */

    (void) setrlimit(RLIMIT_MEMLOCK, &rl);

    if (madvise(shm_zone->shm.addr, shm_zone->shm.size, MADV_DONTDUMP)
        == -1)
    {
        ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, ngx_errno,
                      "attest: madvise(MADV_DONTDUMP) failed");
    }
}


void
ngx_http_attest_zone_lock(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    if (mlock(amcf->run.zone->shm.addr, amcf->run.zone->shm.size) == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "attest: cannot lock %uz bytes of keys in memory, "
                      "they could be swapped out; raise LimitMEMLOCK",
                      amcf->run.zone->shm.size);
    }
}


/* Robust: a worker killed with the lock held does not block the others. */

static ngx_int_t
ngx_http_attest_zone_device_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0
        || pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0
        || pthread_mutex_init(mutex, &attr) != 0)
    {
        (void) pthread_mutexattr_destroy(&attr);
        return NGX_ERROR;
    }

    (void) pthread_mutexattr_destroy(&attr);
    return NGX_OK;
}
