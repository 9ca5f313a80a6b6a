
/*
 * The shared zone holds one generation of keys, certificate and evidence.
 * It is locked in memory, kept out of core dumps, survives a reload, never
 * touches a disk.  Processes decode it once per generation into a view.
 */


#include "http/evidence/ngx_http_attest_collection.h"
#include "http/evidence/ngx_http_attest_state.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_GPU_LATE  5         /* s */
#define NGX_HTTP_ATTEST_KEY_ROOM  1024      /* our TLS key, DER */


static size_t ngx_http_attest_gen_size(const ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_publish_locked(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *gen,
    uint64_t base, ngx_uint_t retire, ngx_log_t *log);
static void ngx_http_attest_look(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
static ngx_http_attest_view_t *ngx_http_attest_view_create(
    ngx_http_attest_gen_t *gen, ngx_log_t *log);
static ngx_int_t ngx_http_attest_view_keys(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_view_tls(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_view_bodies(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_view_copy(ngx_http_attest_view_t *view,
    ngx_str_t *dst, attest_span_t src);
static void ngx_http_attest_view_erase(ngx_http_attest_view_t *view,
    ngx_uint_t i);
static void ngx_http_attest_view_destroy(void *data);
static void ngx_http_attest_view_cleanup(void *data);


/*
 * What this worker has decoded last of its configuration, the number of the
 * generation that it has looked at last, and whether that was another's.
 */

static ngx_http_attest_view_t  *ngx_http_attest_current;
static uint64_t                 ngx_http_attest_seen;
static ngx_uint_t               ngx_http_attest_other;


ngx_http_attest_stats_t *
ngx_http_attest_stats(ngx_http_attest_main_conf_t *amcf)
{
    return &amcf->run.state->stats;
}


void
ngx_http_attest_set_error(ngx_http_attest_main_conf_t *amcf,
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
ngx_http_attest_last_error(ngx_http_attest_main_conf_t *amcf, char *buf,
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
ngx_http_attest_new_worth(ngx_http_attest_main_conf_t *amcf,
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
ngx_http_attest_gen_size(const ngx_http_attest_gen_t *gen)
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
ngx_http_attest_gen_room(ngx_http_attest_main_conf_t *amcf)
{
    size_t  room, rest;

    /* in JSON three bytes are four */

    room = ngx_min(amcf->run.state->room - sizeof(ngx_http_attest_gen_t),
                   (ATTEST_MAX_DOCUMENT - ATTEST_MAX_ITEM) / 4 * 3);

    rest = amcf->run.record.len + NGX_HTTP_ATTEST_MAX_LIST + ATTEST_CLAIMS_MAX
           + ATTEST_MAX_CERT_MSG + NGX_HTTP_ATTEST_KEY_ROOM;

    return (room > rest) ? room - rest : 0;
}


ngx_http_attest_gen_t *
ngx_http_attest_gen_alloc(size_t len)
{
    ngx_http_attest_gen_t  *gen;

    /* sodium_malloc() aligns the end of what it returns, not the start */

    gen = sodium_malloc(ngx_align(sizeof(ngx_http_attest_gen_t) + len, 64));
    if (gen == NULL) {
        return NULL;
    }

    ngx_memzero(gen, sizeof(ngx_http_attest_gen_t));

    return gen;
}


void
ngx_http_attest_gen_free(ngx_http_attest_gen_t *gen)
{
    /* wipes */
    sodium_free(gen);
}


void
ngx_http_attest_gen_add(ngx_http_attest_gen_t *gen, const char *label,
    const char *type, const void *data, size_t len)
{
    size_t      used;
    ngx_uint_t  n;

    used = ngx_http_attest_gen_size(gen) - sizeof(ngx_http_attest_gen_t);
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
ngx_http_attest_gen_part(const ngx_http_attest_gen_t *gen, ngx_uint_t part)
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
ngx_http_attest_gen_copy(ngx_http_attest_main_conf_t *amcf)
{
    size_t                    size;
    ngx_http_attest_gen_t    *gen, *slot;
    ngx_http_attest_state_t  *state = amcf->run.state;

    gen = NULL;

    ngx_shmtx_lock(&state->shpool->mutex);

    if (state->number != 0) {
        slot = state->slot[state->number & 1];
        size = ngx_http_attest_gen_size(slot);

        gen = ngx_http_attest_gen_alloc(size
                                        - sizeof(ngx_http_attest_gen_t));
        if (gen != NULL) {
            ngx_memcpy(gen, slot, size);
        }
    }

    ngx_shmtx_unlock(&state->shpool->mutex);

    return gen;
}


ngx_int_t
ngx_http_attest_publish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_uint_t retire,
    ngx_log_t *log)
{
    ngx_int_t  rc;

    /* in this order everywhere: who remembers asks for the time, too */

    amcf->run.remember->lock(amcf);
    rc = ngx_http_attest_publish_locked(amcf, gen, base, retire, log);
    amcf->run.remember->unlock(amcf);

    return rc;
}


static ngx_int_t
ngx_http_attest_publish_locked(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, uint64_t base, ngx_uint_t retire,
    ngx_log_t *log)
{
    size_t                    size;
    ngx_http_attest_state_t  *state = amcf->run.state;

    size = ngx_http_attest_gen_size(gen);

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


void
ngx_http_attest_expire(ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                i;
    ngx_http_attest_gen_t    *gen;
    ngx_http_attest_time_t    t;
    ngx_http_attest_view_t   *view;
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    ngx_http_attest_clock_read(&state->clock, &t);
    gen = state->slot[state->number & 1];

    for (i = 0; state->number != 0 && i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (gen->hpke[i].set && gen->hpke[i].expires <= t.now) {
            sodium_memzero(gen->hpke[i].sk, ATTEST_HPKE_MAX_SK);
            gen->hpke[i].set = 0;
        }
    }

    ngx_shmtx_unlock(&state->shpool->mutex);

    /* a worker that nobody asks has not yet seen what was published */

    if (ngx_http_attest_seen != state->number) {
        ngx_http_attest_look(amcf, ngx_cycle->log);
    }

    view = ngx_http_attest_current;

    for (i = 0; view != NULL && i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (view->hpke[i].set
            && (view->hpke[i].expires <= t.now
                || amcf->run.remember->retired(amcf, view->hpke[i].born)))
        {
            ngx_http_attest_view_erase(view, i);
        }
    }
}


ngx_http_attest_view_t *
ngx_http_attest_view(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_http_attest_view_t  *view;

    view = ngx_http_attest_evidence_view(amcf, log);

    if (amcf->run.gpu_required
        && (amcf->run.state->gpu_failed || ngx_http_attest_gpu_overdue(amcf)))
    {
        return NULL;
    }

    return view;
}


time_t
ngx_http_attest_gpu_overdue(ngx_http_attest_main_conf_t *amcf)
{
    time_t  limit, passed;

    if (amcf->run.gpu_interval == 0) {
        return 0;
    }

    /* behind a job that takes its whole time, and with all of its own */

    limit = amcf->run.gpu_interval + (time_t) (4 * amcf->timeout + 999) / 1000
            + NGX_HTTP_ATTEST_GPU_LATE;

    passed = ngx_http_attest_now(amcf) - (time_t) amcf->run.state->gpu_checked;

    return (passed > limit) ? passed : 0;
}


ngx_uint_t
ngx_http_attest_gpu_failed(ngx_http_attest_main_conf_t *amcf)
{
    return amcf->run.state->gpu_failed;
}


ngx_http_attest_view_t *
ngx_http_attest_evidence_view(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_http_attest_view_t  *view;

    if (ngx_http_attest_seen != amcf->run.state->number) {
        ngx_http_attest_look(amcf, log);
    }

    view = ngx_http_attest_current;

    return (view != NULL && ngx_http_attest_view_valid(amcf, view)) ? view
                                                                   : NULL;
}


/*
 * By our own time as long as it was to live, and by the clock that others
 * compare with theirs between both of its ends.
 */

ngx_uint_t
ngx_http_attest_view_valid(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_view_t *view)
{
    ngx_http_attest_time_t  t;

    ngx_http_attest_clock(amcf, &t);

    return t.now < view->expires && t.wall >= view->not_before
           && t.wall < view->not_after;
}


const char *
ngx_http_attest_why(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_http_attest_time_t   t;
    ngx_http_attest_view_t  *view;

    if (ngx_http_attest_view(amcf, log) != NULL) {
        return NULL;
    }

    view = ngx_http_attest_current;
    ngx_http_attest_clock(amcf, &t);

    if (view == NULL) {
        return "there is none";
    }

    if (t.now >= view->expires || t.wall >= view->not_after) {
        return "it has expired";
    }

    if (t.wall < view->not_before) {
        return "the clock was set back to before it was made";
    }

    return amcf->run.state->gpu_failed ? "the GPUs do not attest"
                                   : "the GPUs were not checked lately";
}


/* There is a new generation: ours is decoded, any other left alone. */

static void
ngx_http_attest_look(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    uint64_t                 number;
    ngx_uint_t               ours;
    ngx_http_attest_gen_t   *gen;
    ngx_http_attest_view_t  *view;

    gen = ngx_http_attest_gen_copy(amcf);
    if (gen == NULL) {
        return;
    }

    view = NULL;
    number = gen->number;
    ours = (ngx_memcmp(gen->fingerprint, amcf->run.fingerprint, 32) == 0);

    if (ours) {
        view = ngx_http_attest_view_create(gen, log);
    }

    ngx_http_attest_gen_free(gen);

    if (ours && view == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "attest: cannot use the current generation");
        return;
    }

    ngx_http_attest_seen = number;
    ngx_http_attest_other = !ours;

    if (ours) {
        ngx_http_attest_forget_view();
        ngx_http_attest_current = view;
    }
}


ngx_uint_t
ngx_http_attest_foreign(ngx_http_attest_main_conf_t *amcf)
{
    return ngx_http_attest_other;
}


/* Requests may hold it for long: only what they need stays. */

void
ngx_http_attest_forget_view(void)
{
    ngx_uint_t               i;
    ngx_http_attest_view_t  *view;

    view = ngx_http_attest_current;

    if (view == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        ngx_http_attest_view_erase(view, i);
    }

    ngx_http_attest_current = NULL;
    ngx_http_attest_view_release(view);
}


/* A prompt key, decoded: nothing is opened with it from now on. */

static void
ngx_http_attest_view_erase(ngx_http_attest_view_t *view, ngx_uint_t i)
{
    view->hpke[i].set = 0;

    if (view->hpke[i].users == 0) {
        attest_hpke_key_clear(&view->hpke[i].key);
    }
}


void
ngx_http_attest_view_key_use(ngx_http_attest_view_t *view, ngx_uint_t i)
{
    view->refs++;
    view->hpke[i].users++;
}


void
ngx_http_attest_view_key_done(ngx_http_attest_view_t *view, ngx_uint_t i)
{
    view->hpke[i].users--;

    if (!view->hpke[i].set) {
        ngx_http_attest_view_erase(view, i);
    }

    ngx_http_attest_view_release(view);
}


static ngx_http_attest_view_t *
ngx_http_attest_view_create(ngx_http_attest_gen_t *gen, ngx_log_t *log)
{
    size_t                   len;
    ngx_pool_t              *pool;
    ngx_pool_cleanup_t      *cln;
    ngx_http_attest_view_t  *view;

    /* a view outlives requests and cycles, so must its log */

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    view = ngx_pcalloc(pool, sizeof(ngx_http_attest_view_t));
    cln = ngx_pool_cleanup_add(pool, 0);
    if (view == NULL || cln == NULL) {
        goto failed;
    }

    cln->handler = ngx_http_attest_view_destroy;
    cln->data = view;

    view->pool = pool;
    view->refs = 1;
    view->number = gen->number;
    view->made_at = gen->made_at;
    view->not_before = gen->not_before;
    view->not_after = gen->not_after;
    view->renew_at = gen->renew_at;
    view->from = gen->from;
    view->renew = gen->renew;
    view->expires = gen->expires;
    view->drift = gen->drift;
    ngx_memcpy(view->fingerprint, gen->fingerprint, 32);

    len = ngx_strlen(gen->root);
    view->root.data = ngx_pnalloc(pool, len + 1);
    if (view->root.data == NULL) {
        goto failed;
    }

    ngx_memcpy(view->root.data, gen->root, len + 1);
    view->root.len = len;

    if (ngx_http_attest_view_keys(view, gen) != NGX_OK
        || ngx_http_attest_view_tls(view, gen) != NGX_OK
        || ngx_http_attest_view_bodies(view, gen) != NGX_OK)
    {
        goto failed;
    }

    return view;

failed:

    ngx_destroy_pool(pool);
    return NULL;
}


static ngx_int_t
ngx_http_attest_view_keys(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen)
{
    size_t              n;
    ngx_uint_t          i;
    attest_span_t       members[NGX_HTTP_ATTEST_MEMBERS];
    attest_keyconfig_t  kc[NGX_HTTP_ATTEST_MEMBERS];

    if (ngx_http_attest_view_copy(view, &view->key_list,
                ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_LIST))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (!gen->hpke[i].set) {
            continue;
        }

        if (attest_hpke_key_import(&view->hpke[i].key, gen->hpke[i].kem,
                                   gen->hpke[i].sk)
            != ATTEST_OK
            || attest_hpke_key_prepare(&view->hpke[i].key) != ATTEST_OK)
        {
            return NGX_ERROR;
        }

        view->hpke[i].id = gen->hpke[i].id;
        view->hpke[i].expires = gen->hpke[i].expires;
        view->hpke[i].born = gen->hpke[i].born;
        view->hpke[i].set = 1;
    }

    if (view->key_list.len == 0) {
        return NGX_OK;
    }

    n = NGX_HTTP_ATTEST_MEMBERS;

    if (attest_keyconfig_parse_list(view->key_list.data, view->key_list.len,
                                    kc, members, &n)
        != ATTEST_OK || n == 0)
    {
        return NGX_ERROR;
    }

    /* EHBP's is the first that has its one suite; without OHTTP all have */

    for (i = 0; i + 1 < n && kc[i].nsuites != 1; i++) { /* void */ }

    view->key_config.data = (u_char *) members[i].p;
    view->key_config.len = members[i].n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_view_tls(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen)
{
    attest_span_t   cert, key;
    const u_char   *p;

    cert = ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_CERT);
    key = ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_KEY);

    if (cert.n == 0) {
        return NGX_OK;
    }

    p = cert.p;
    view->cert = d2i_X509(NULL, &p, cert.n);

    p = key.p;
    view->key = d2i_AutoPrivateKey(NULL, &p, key.n);

    return (view->cert != NULL && view->key != NULL) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_view_bodies(ngx_http_attest_view_t *view,
    ngx_http_attest_gen_t *gen)
{
    ngx_uint_t               i, n;
    attest_span_t            claims, list, record, part;
    attest_evidence_item_t   items[ATTEST_EVIDENCE_MAX];

    claims = ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_CLAIMS);
    list = ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_LIST);
    record = ngx_http_attest_gen_part(gen, NGX_HTTP_ATTEST_PART_RECORD);

    if (ngx_http_attest_view_copy(view, &view->claims_bytes, claims)
        != NGX_OK
        || ngx_http_attest_view_copy(view, &view->record, record) != NGX_OK
        || attest_claims_parse(claims.p, claims.n, &view->claims)
           != ATTEST_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(items, sizeof(items));

    for (n = 0, i = NGX_HTTP_ATTEST_PART_ITEMS; i < gen->nparts; i++, n++) {
        part = ngx_http_attest_gen_part(gen, i);

        items[n].item = gen->parts[i].label;
        items[n].type = gen->parts[i].type;
        items[n].data = (uint8_t *) part.p;
        items[n].len = part.n;
    }

    if (ngx_http_attest_collection(view->pool, ATTEST_CMWC_CACHED, claims,
                                   list, record, items, n, 0,
                                   &view->cached_cbor)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_collection(view->pool, ATTEST_CMWC_CACHED, claims,
                                      list, record, items, n, 1,
                                      &view->cached_json);
}


static ngx_int_t
ngx_http_attest_view_copy(ngx_http_attest_view_t *view, ngx_str_t *dst,
    attest_span_t src)
{
    dst->len = src.n;
    dst->data = NULL;

    if (src.n == 0) {
        return NGX_OK;
    }

    dst->data = ngx_pnalloc(view->pool, src.n);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, src.p, src.n);

    return NGX_OK;
}


static void
ngx_http_attest_view_destroy(void *data)
{
    ngx_http_attest_view_t *view = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        ngx_http_attest_view_erase(view, i);
    }

    X509_free(view->cert);
    EVP_PKEY_free(view->key);
}


ngx_int_t
ngx_http_attest_view_ref(ngx_http_request_t *r, ngx_http_attest_view_t *view)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    view->refs++;

    cln->handler = ngx_http_attest_view_cleanup;
    cln->data = view;

    return NGX_OK;
}


static void
ngx_http_attest_view_cleanup(void *data)
{
    ngx_http_attest_view_release(data);
}


void
ngx_http_attest_view_release(ngx_http_attest_view_t *view)
{
    if (--view->refs == 0) {
        ngx_destroy_pool(view->pool);
    }
}
