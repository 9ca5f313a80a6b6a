/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The view: what a process has decoded of the zone's current generation,
 * once per generation.  Requests hold it as long as they need it; its prompt
 * keys are erased when they expire.
 */


#include "http/evidence/ngx_http_attest_collection.h"
#include "http/evidence/ngx_http_attest_state_internal.h"
#include "http/evidence/ngx_http_attest_view.h"


static void ngx_http_attest_view_release(ngx_http_attest_view_t *view);
static void ngx_http_attest_view_update(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);
static void ngx_http_attest_view_erase(ngx_http_attest_view_t *view,
    ngx_uint_t i);
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
static void ngx_http_attest_view_destroy(void *data);
static void ngx_http_attest_view_cleanup(void *data);


/*
 * What this worker has decoded last of its configuration, the number of the
 * generation that it has looked at last, and whether that was another's.
 */

static ngx_http_attest_view_t  *ngx_http_attest_view_current;
static uint64_t                 ngx_http_attest_view_number;
static ngx_uint_t               ngx_http_attest_view_other;


void
ngx_http_attest_view_expire(ngx_http_attest_main_conf_t *amcf)
{
    time_t                   now;
    ngx_uint_t               i;
    ngx_http_attest_view_t  *view;

    now = ngx_http_attest_state_expire(amcf);

    /* a worker that nobody asks has not yet seen what was published */

    if (ngx_http_attest_view_number != amcf->run.state->number) {
        ngx_http_attest_view_update(amcf, ngx_cycle->log);
    }

    view = ngx_http_attest_view_current;

    for (i = 0; view != NULL && i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (view->hpke[i].set
            && (view->hpke[i].expires <= now
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

    view = ngx_http_attest_view_evidence(amcf, log);

    if (amcf->run.gpu_required
        && (amcf->run.state->gpu_failed
            || ngx_http_attest_state_gpu_overdue(amcf)))
    {
        return NULL;
    }

    return view;
}


ngx_http_attest_view_t *
ngx_http_attest_view_evidence(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log)
{
    ngx_http_attest_view_t  *view;

    if (ngx_http_attest_view_number != amcf->run.state->number) {
        ngx_http_attest_view_update(amcf, log);
    }

    view = ngx_http_attest_view_current;

    return (view != NULL && ngx_http_attest_view_is_valid(amcf, view)) ? view
                                                                   : NULL;
}


/*
 * By the zone's own time until its lifetime has passed; by the wall clock,
 * which others compare with theirs, between its two dates.
 */

ngx_uint_t
ngx_http_attest_view_is_valid(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_view_t *view)
{
    ngx_http_attest_time_t  t;

    ngx_http_attest_clock(amcf, &t);

    return t.now < view->expires && t.wall >= view->not_before
           && t.wall < view->not_after;
}


const char *
ngx_http_attest_view_why_not(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_http_attest_time_t   t;
    ngx_http_attest_view_t  *view;

    if (ngx_http_attest_view(amcf, log) != NULL) {
        return NULL;
    }

    view = ngx_http_attest_view_current;
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
ngx_http_attest_view_update(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    uint64_t                 number;
    ngx_uint_t               ours;
    ngx_http_attest_gen_t   *gen;
    ngx_http_attest_view_t  *view;

    gen = ngx_http_attest_state_gen_copy(amcf);
    if (gen == NULL) {
        return;
    }

    view = NULL;
    number = gen->number;
    ours = (ngx_memcmp(gen->fingerprint, amcf->run.fingerprint,
                       ATTEST_SHA256_LEN)
            == 0);

    if (ours) {
        view = ngx_http_attest_view_create(gen, log);
    }

    ngx_http_attest_state_gen_free(gen);

    if (ours && view == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "attest: cannot use the current generation");
        return;
    }

    ngx_http_attest_view_number = number;
    ngx_http_attest_view_other = !ours;

    if (ours) {
        ngx_http_attest_view_drop();
        ngx_http_attest_view_current = view;
    }
}


ngx_uint_t
ngx_http_attest_view_is_foreign(ngx_http_attest_main_conf_t *amcf)
{
    return ngx_http_attest_view_other;
}


/* Requests may hold it for long: only what they need stays. */

void
ngx_http_attest_view_drop(void)
{
    ngx_uint_t               i;
    ngx_http_attest_view_t  *view;

    view = ngx_http_attest_view_current;

    if (view == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        ngx_http_attest_view_erase(view, i);
    }

    ngx_http_attest_view_current = NULL;
    ngx_http_attest_view_release(view);
}


/* A prompt key, decoded: nothing is opened with it from now on. */

static void
ngx_http_attest_view_erase(ngx_http_attest_view_t *view, ngx_uint_t i)
{
    view->hpke[i].set = 0;

    if (view->hpke[i].users == 0) {
        attest_kem_key_clear(&view->hpke[i].key);
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
    ngx_memcpy(view->fingerprint, gen->fingerprint, ATTEST_SHA256_LEN);

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
                ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_LIST))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        if (!gen->hpke[i].set) {
            continue;
        }

        if (attest_kem_key_import(&view->hpke[i].key, gen->hpke[i].kem,
                                  gen->hpke[i].sk)
            != ATTEST_OK
            || attest_kem_key_prepare(&view->hpke[i].key) != ATTEST_OK)
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

    cert = ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_CERT);
    key = ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_KEY);

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
    prov_evidence_item_t     items[ATTEST_EVIDENCE_MAX];

    claims = ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_CLAIMS);
    list = ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_LIST);
    record = ngx_http_attest_state_gen_part(gen, NGX_HTTP_ATTEST_PART_RECORD);

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
        part = ngx_http_attest_state_gen_part(gen, i);

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


static void
ngx_http_attest_view_release(ngx_http_attest_view_t *view)
{
    if (--view->refs == 0) {
        ngx_destroy_pool(view->pool);
    }
}
