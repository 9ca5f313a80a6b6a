/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A draft and the evidence over its claims become a generation: certificate
 * and all are assembled, and published in the zone.
 */


#include "http/evidence/ngx_http_attest_collection.h"
#include "http/evidence/ngx_http_attest_generation.h"
#include "http/evidence/ngx_http_attest_state_internal.h"

#include <sodium.h>


static ngx_int_t ngx_http_attest_generation_publish(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    ngx_http_attest_gen_t *gen, prov_evidence_t *ev, ngx_log_t *log);
static ngx_http_attest_gen_t *ngx_http_attest_generation_assemble(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    prov_evidence_t *ev, ngx_str_t *key_der, ngx_str_t *cert);
static void ngx_http_attest_generation_times(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen);
static ngx_int_t ngx_http_attest_generation_certificate(
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_draft_t *draft,
    prov_evidence_t *ev, ngx_pool_t *pool, ngx_str_t *cert,
    ngx_log_t *log);
static void ngx_http_attest_generation_log(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, const char *note, ngx_log_t *log);


ngx_int_t
ngx_http_attest_generation_finish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_job_t *job,
    ngx_log_t *log)
{
    int                     n;
    u_char                 *der;
    ngx_int_t               rc;
    ngx_str_t               cert, key;
    ngx_pool_t             *pool;
    prov_evidence_t        *ev;
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
        && ngx_http_attest_generation_certificate(amcf, draft, ev, pool, &cert,
                                                  log)
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

    gen = ngx_http_attest_generation_assemble(amcf, draft, ev, &key, &cert);
    if (gen == NULL) {
        goto done;
    }

    rc = ngx_http_attest_generation_publish(amcf, draft, gen, ev, log);

done:

    if (der != NULL) {
        OPENSSL_cleanse(der, key.len);
        OPENSSL_free(der);
    }

    if (gen != NULL) {
        ngx_http_attest_state_gen_free(gen);
    }

    ngx_destroy_pool(pool);

    return rc;
}


/* Evidence with all GPUs opens servers that were closed for want of them. */

static ngx_int_t
ngx_http_attest_generation_publish(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen,
    prov_evidence_t *ev, ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_http_attest_state_publish(amcf, gen, draft->base, draft->retire,
                                       log);

    if (rc == NGX_OK) {
        amcf->run.state->gpu_failed = amcf->run.gpu != NULL
                                      && !prov_evidence_has(ev,
                                                            ATTEST_ITEM_GPU);

        if (!amcf->run.state->gpu_failed) {
            amcf->run.state->gpu_checked = ngx_http_attest_clock_now(amcf);
        }

        ngx_http_attest_generation_log(amcf, gen, ev->note, log);
    }

    return rc;
}


static ngx_http_attest_gen_t *
ngx_http_attest_generation_assemble(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, prov_evidence_t *ev, ngx_str_t *key,
    ngx_str_t *cert)
{
    size_t                  len;
    ngx_uint_t              i;
    ngx_http_attest_gen_t  *gen;

    len = key->len + cert->len + draft->claims_len + draft->list_len
          + amcf->run.record.len;

    for (i = 0; i < ev->count; i++) {
        len += ev->items[i].len;
    }

    gen = ngx_http_attest_state_gen_alloc(len);
    if (gen == NULL) {
        return NULL;
    }

    ngx_http_attest_generation_times(amcf, draft, gen);

    ngx_cpystrn((u_char *) gen->root, (u_char *) ev->root,
                sizeof(gen->root));
    ngx_memcpy(gen->fingerprint, amcf->run.fingerprint, ATTEST_SHA256_LEN);

    for (i = 0; i < draft->nkeys; i++) {
        ngx_memcpy(gen->hpke[i].sk, draft->hpke[i].sk, ATTEST_KEM_MAX_SK);
        gen->hpke[i].kem = draft->hpke[i].kem;
        gen->hpke[i].id = draft->id[i];
        gen->hpke[i].current = draft->current[i];
        gen->hpke[i].expires = draft->expires[i];
        gen->hpke[i].born = draft->born[i];
        gen->hpke[i].set = 1;
    }

    ngx_http_attest_state_gen_add(gen, "", "", key->data, key->len);
    ngx_http_attest_state_gen_add(gen, "", "", cert->data, cert->len);
    ngx_http_attest_state_gen_add(gen, "", "", draft->claims,
                                  draft->claims_len);
    ngx_http_attest_state_gen_add(gen, "", "", draft->list, draft->list_len);
    ngx_http_attest_state_gen_add(gen, "", "", amcf->run.record.data,
                                  amcf->run.record.len);

    for (i = 0; i < ev->count; i++) {
        ngx_http_attest_state_gen_add(gen, ev->items[i].item, ev->items[i].type,
                                      ev->items[i].data, ev->items[i].len);
    }

    return gen;
}


static void
ngx_http_attest_generation_times(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, ngx_http_attest_gen_t *gen)
{
    time_t  renew;

    /* two thirds of life, a little earlier by chance */

    renew = ngx_max(1, amcf->lifetime * 2 / 3
                       - (time_t) randombytes_uniform(
                             amcf->lifetime / 20 + 1));

    gen->made_at = draft->time.wall;
    gen->not_before = ngx_http_attest_draft_not_before(draft);
    gen->not_after = draft->time.wall + amcf->lifetime;
    gen->renew_at = draft->time.wall + renew;

    gen->from = draft->time.now;
    gen->renew = draft->time.now + renew;
    gen->expires = draft->time.now + amcf->lifetime;
    gen->drift = draft->time.drift;
}


static ngx_int_t
ngx_http_attest_generation_certificate(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_draft_t *draft, prov_evidence_t *ev, ngx_pool_t *pool,
    ngx_str_t *cert, ngx_log_t *log)
{
    int                     rc;
    ngx_str_t               cmw;
    ngx_uint_t              i, n;
    attest_span_t           claims, list, record, label;
    attest_ratls_ccc_t      ccc;
    prov_evidence_item_t    items[ATTEST_EVIDENCE_MAX];

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
    ccc.quote = attest_ratls_ccc_quote(prov_evidence_cpu(ev));
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

    rc = attest_ratls_make(draft->key, amcf->run.names->elts,
                           amcf->run.names->nelts,
                           ngx_http_attest_draft_not_before(draft),
                           draft->time.wall + amcf->lifetime, cmw.data,
                           cmw.len,
                           ccc.quote.n != 0 ? &ccc : NULL, cert->data,
                           &cert->len);

    if (rc != ATTEST_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "attest: cannot make a certificate with %uz bytes of "
                      "evidence and %ui names: %s", cmw.len,
                      amcf->run.names->nelts, attest_strerror(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What an operator should know is a warning once, not at each renewal. */

static void
ngx_http_attest_generation_log(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *gen, const char *note, ngx_log_t *log)
{
    ngx_uint_t  level;

    level = ngx_http_attest_state_set_worth(amcf, gen->root, note)
            ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "attest: generation %uL by provider \"%s\", root of trust "
                  "\"%s\", valid for %T s, renewal in %T s",
                  gen->number, amcf->run.provider->name, gen->root,
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
