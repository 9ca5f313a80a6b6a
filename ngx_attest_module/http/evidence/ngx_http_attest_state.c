/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the shared zone holds: one generation of keys, certificate and
 * evidence, what is known of GPUs and errors, and counters.  A generation is
 * flat here; processes decode it once into a view.
 */


#include "http/evidence/ngx_http_attest_state_internal.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_GPU_LATE  5         /* s */
#define NGX_HTTP_ATTEST_KEY_ROOM  1024      /* our TLS key, DER */


static size_t ngx_http_attest_state_gen_size(const ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_state_publish_locked(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *gen,
    uint64_t base, ngx_uint_t retire, ngx_log_t *log);


ngx_http_attest_stats_t *
ngx_http_attest_state_stats(ngx_http_attest_main_conf_t *amcf)
{
    return &amcf->run.state->stats;
}


void
ngx_http_attest_state_set_error(ngx_http_attest_main_conf_t *amcf,
    const char *text)
{
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    state->error_time = ngx_time();
    ngx_cpystrn((u_char *) state->error, (u_char *) text,
                sizeof(state->error));

    ngx_shmtx_unlock(&state->shpool->mutex);
}


void
ngx_http_attest_state_last_error(ngx_http_attest_main_conf_t *amcf, char *buf,
    size_t len, time_t *when)
{
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    *when = state->error_time;
    ngx_cpystrn((u_char *) buf, (u_char *) state->error,
                ngx_min(len, sizeof(state->error)));

    ngx_shmtx_unlock(&state->shpool->mutex);
}


ngx_uint_t
ngx_http_attest_state_set_worth(ngx_http_attest_main_conf_t *amcf,
    const char *root, const char *note)
{
    ngx_uint_t                changed;
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    changed = (ngx_strcmp(state->root, root) != 0
               || ngx_strcmp(state->note, note) != 0);

    ngx_cpystrn((u_char *) state->root, (u_char *) root,
                sizeof(state->root));
    ngx_cpystrn((u_char *) state->note, (u_char *) note,
                sizeof(state->note));

    ngx_shmtx_unlock(&state->shpool->mutex);

    return changed;
}


static size_t
ngx_http_attest_state_gen_size(const ngx_http_attest_gen_t *gen)
{
    size_t      size;
    ngx_uint_t  i;

    size = sizeof(ngx_http_attest_gen_t);

    for (i = 0; i < gen->nparts; i++) {
        size += gen->parts[i].len;
    }

    return size;
}


size_t
ngx_http_attest_state_evidence_room(ngx_http_attest_main_conf_t *amcf)
{
    size_t  room, rest;

    /* base64, in JSON, makes four bytes of three */

    room = ngx_min(amcf->run.state->room - sizeof(ngx_http_attest_gen_t),
                   (ATTEST_MAX_DOCUMENT - ATTEST_MAX_ITEM) / 4 * 3);

    rest = amcf->run.record.len + NGX_HTTP_ATTEST_MAX_LIST + ATTEST_CLAIMS_MAX
           + ATTEST_MAX_CERT_MSG + NGX_HTTP_ATTEST_KEY_ROOM;

    return (room > rest) ? room - rest : 0;
}


ngx_http_attest_gen_t *
ngx_http_attest_state_gen_alloc(size_t len)
{
    ngx_http_attest_gen_t  *gen;

    gen = sodium_malloc(ngx_align(sizeof(ngx_http_attest_gen_t) + len,
                                  NGX_HTTP_ATTEST_ALIGNMENT));
    if (gen == NULL) {
        return NULL;
    }

    ngx_memzero(gen, sizeof(ngx_http_attest_gen_t));

    return gen;
}


void
ngx_http_attest_state_gen_free(ngx_http_attest_gen_t *gen)
{
    /* wipes */
    sodium_free(gen);
}


void
ngx_http_attest_state_gen_add(ngx_http_attest_gen_t *gen, const char *label,
    const char *type, const void *data, size_t len)
{
    size_t      used;
    ngx_uint_t  n;

    used = ngx_http_attest_state_gen_size(gen) - sizeof(ngx_http_attest_gen_t);
    n = gen->nparts++;

    ngx_cpystrn((u_char *) gen->parts[n].label, (u_char *) label,
                sizeof(gen->parts[n].label));
    ngx_cpystrn((u_char *) gen->parts[n].type, (u_char *) type,
                sizeof(gen->parts[n].type));

    gen->parts[n].len = len;

    if (len != 0) {
        ngx_memcpy(gen->data + used, data, len);
    }
}


attest_span_t
ngx_http_attest_state_gen_part(const ngx_http_attest_gen_t *gen,
    ngx_uint_t part)
{
    ngx_uint_t     i;
    attest_span_t  span;

    span.p = gen->data;
    span.n = 0;

    for (i = 0; i < gen->nparts; i++) {
        span.n = gen->parts[i].len;

        if (i == part) {
            return span;
        }

        span.p += span.n;
    }

    span.n = 0;
    return span;
}


ngx_http_attest_gen_t *
ngx_http_attest_state_gen_copy(ngx_http_attest_main_conf_t *amcf)
{
    size_t                    size;
    ngx_http_attest_gen_t    *gen, *slot;
    ngx_http_attest_state_t  *state = amcf->run.state;

    gen = NULL;

    ngx_shmtx_lock(&state->shpool->mutex);

    if (state->number != 0) {
        slot = state->slot[state->number & 1];
        size = ngx_http_attest_state_gen_size(slot);

        gen = ngx_http_attest_state_gen_alloc(size
                                              - sizeof(ngx_http_attest_gen_t));
        if (gen != NULL) {
            ngx_memcpy(gen, slot, size);
        }
    }

    ngx_shmtx_unlock(&state->shpool->mutex);

    return gen;
}


ngx_int_t
ngx_http_attest_state_publish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_uint_t retire,
    ngx_log_t *log)
{
    ngx_int_t  rc;

    /* in this order everywhere: who remembers asks for the time, too */

    amcf->run.remember->lock(amcf);
    rc = ngx_http_attest_state_publish_locked(amcf, gen, base, retire, log);
    amcf->run.remember->unlock(amcf);

    return rc;
}


static ngx_int_t
ngx_http_attest_state_publish_locked(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_uint_t retire,
    ngx_log_t *log)
{
    size_t                    size;
    ngx_http_attest_state_t  *state = amcf->run.state;

    size = ngx_http_attest_state_gen_size(gen);

    if (size > state->room) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "attest: evidence of %uz bytes does not fit, "
                      "make \"attest_zone\" larger than %uz bytes",
                      size, ngx_align(2 * size, 65536) + 65536);
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&state->shpool->mutex);

    if (state->number != base) {
        ngx_shmtx_unlock(&state->shpool->mutex);
        return NGX_DECLINED;
    }

    gen->number = base + 1;

    ngx_memcpy(state->slot[gen->number & 1], gen, size);
    ngx_memory_barrier();

    state->number = gen->number;
    ngx_memory_barrier();

    /* the generation that was: secrets do not outlive their use */

    sodium_memzero(state->slot[base & 1], state->room);

    if (retire) {
        ngx_http_attest_clock_epoch(&state->clock);
        amcf->run.remember->retire(amcf, gen->number);
    }

    ngx_shmtx_unlock(&state->shpool->mutex);

    return NGX_OK;
}


time_t
ngx_http_attest_state_expire(ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                i;
    ngx_http_attest_gen_t    *gen;
    ngx_http_attest_time_t    t;
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    ngx_http_attest_clock_read(&state->clock, &t);
    gen = state->slot[state->number & 1];

    for (i = 0; state->number != 0 && i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (gen->hpke[i].set && gen->hpke[i].expires <= t.now) {
            sodium_memzero(gen->hpke[i].sk, ATTEST_KEM_MAX_SK);
            gen->hpke[i].set = 0;
        }
    }

    ngx_shmtx_unlock(&state->shpool->mutex);

    return t.now;
}


time_t
ngx_http_attest_state_gpu_overdue(ngx_http_attest_main_conf_t *amcf)
{
    time_t  limit, passed;

    if (amcf->run.gpu_interval == 0) {
        return 0;
    }

    /* a check may wait for a job, and both take all the time they may */

    limit = amcf->run.gpu_interval + (time_t) (4 * amcf->timeout + 999) / 1000
            + NGX_HTTP_ATTEST_GPU_LATE;

    passed = ngx_http_attest_clock_now(amcf)
             - (time_t) amcf->run.state->gpu_checked;

    return (passed > limit) ? passed : 0;
}


ngx_uint_t
ngx_http_attest_state_gpu_failed(ngx_http_attest_main_conf_t *amcf)
{
    return amcf->run.state->gpu_failed;
}
