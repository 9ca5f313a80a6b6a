/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The draft of a generation: its keys, and the claims that a job collects
 * evidence over.
 */


#include "http/evidence/ngx_http_attest_draft.h"
#include "http/evidence/ngx_http_attest_state_internal.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_BACKDATE    120     /* s, for clients' clocks */

/* Identifiers of keys are one byte, and go round: how far apart kinds are. */

#define NGX_HTTP_ATTEST_HALF_TURN     128
#define NGX_HTTP_ATTEST_QUARTER_TURN  64


static ngx_int_t ngx_http_attest_draft_tls_key(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old);
static ngx_int_t ngx_http_attest_draft_kem_keys(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old,
    uint16_t kem);
static ngx_int_t ngx_http_attest_draft_prompt_keys(
    ngx_http_attest_draft_t *draft, ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_gen_t *old);
static void ngx_http_attest_draft_list_member(ngx_http_attest_draft_t *draft,
    ngx_uint_t i, ngx_uint_t nsuites, attest_keyconfig_t *kc);
static ngx_int_t ngx_http_attest_draft_claims(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf);


ngx_http_attest_draft_t *
ngx_http_attest_draft_create(ngx_http_attest_main_conf_t *amcf)
{
    ngx_int_t                 rc;
    ngx_http_attest_gen_t    *old;
    ngx_http_attest_draft_t  *draft;

    draft = sodium_malloc(ngx_align(sizeof(ngx_http_attest_draft_t),
                                    NGX_HTTP_ATTEST_ALIGNMENT));
    if (draft == NULL) {
        return NULL;
    }

    ngx_memzero(draft, sizeof(ngx_http_attest_draft_t));
    ngx_http_attest_clock(amcf, &draft->time);

    old = ngx_http_attest_state_gen_copy(amcf);
    if (old != NULL) {
        draft->base = old->number;
        draft->retire = ngx_http_attest_clock_stepped(&draft->time,
                                                      old->drift)
                        || amcf->run.remember->full(amcf);
    }

    rc = ngx_http_attest_draft_tls_key(draft, amcf, old);

    if (rc == NGX_OK && amcf->kems != 0) {
        rc = ngx_http_attest_draft_prompt_keys(draft, amcf, old);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_attest_draft_claims(draft, amcf);
    }

    if (old != NULL) {
        ngx_http_attest_state_gen_free(old);
    }

    if (rc != NGX_OK) {
        ngx_http_attest_draft_free(draft);
        return NULL;
    }

    return draft;
}


static ngx_int_t
ngx_http_attest_draft_tls_key(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old)
{
    attest_span_t   der;
    const u_char   *p;

    if (amcf->run.ca_key != NULL) {
        return NGX_OK;
    }

    if (old != NULL) {
        der = ngx_http_attest_state_gen_part(old, NGX_HTTP_ATTEST_PART_KEY);
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
ngx_http_attest_draft_kem_keys(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old,
    uint16_t kem)
{
    ngx_uint_t  i, n;

    n = draft->nkeys++;

    if (attest_kem_key_generate(&draft->hpke[n], kem) != ATTEST_OK) {
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

    /* both change together: their identifiers stay half a turn apart */

    if (kem == ATTEST_KEM_XWING) {
        draft->id[n] = draft->id[0] + NGX_HTTP_ATTEST_HALF_TURN;

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
        || ngx_memcmp(old->fingerprint, amcf->run.fingerprint,
                      ATTEST_SHA256_LEN)
           != 0)
    {
        return NGX_OK;
    }

    n = draft->nkeys++;

    draft->id[n] = old->hpke[i].id;
    draft->expires[n] = old->hpke[i].expires;
    draft->born[n] = old->hpke[i].born;

    return (attest_kem_key_import(&draft->hpke[n], kem, old->hpke[i].sk)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_attest_draft_prompt_keys(ngx_http_attest_draft_t *draft,
    ngx_http_attest_main_conf_t *amcf, ngx_http_attest_gen_t *old)
{
    ngx_uint_t          i, members, suites;
    attest_keyconfig_t  kc[NGX_HTTP_ATTEST_MEMBERS];

    if (ngx_http_attest_draft_kem_keys(draft, amcf, old, ATTEST_KEM_X25519)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((amcf->kems & NGX_HTTP_ATTEST_KEM_XWING)
        && ngx_http_attest_draft_kem_keys(draft, amcf, old, ATTEST_KEM_XWING)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(kc, sizeof(kc));

    members = 0;
    suites = (amcf->kems & NGX_HTTP_ATTEST_KEM_SUITES) ? 3 : 1;

    /*
     * EHBP knows the first suite only, and some of its clients take no member
     * with another: the same keys once more, with that suite alone and an
     * identifier a quarter of a turn on.  In front: there are clients of
     * Oblivious HTTP that take the last, and not all of them know the suite.
     */

    for (i = 0; i < draft->nkeys; i++) {

        if (suites != 1 && (amcf->kems & NGX_HTTP_ATTEST_KEM_X25519)
            && draft->hpke[i].kem == ATTEST_KEM_X25519)
        {
            ngx_http_attest_draft_list_member(draft, i, 1, &kc[members]);
            kc[members++].id += NGX_HTTP_ATTEST_QUARTER_TURN;
        }
    }

    for (i = 0; i < draft->nkeys; i++) {
        ngx_http_attest_draft_list_member(draft, i, suites, &kc[members++]);
    }

    draft->list_len = sizeof(draft->list);

    return (attest_keyconfig_encode_list(kc, members, draft->list,
                                         &draft->list_len)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


/* One member of the list: a key and the first of our suites. */

static void
ngx_http_attest_draft_list_member(ngx_http_attest_draft_t *draft, ngx_uint_t i,
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

    key = (amcf->run.ca_key != NULL) ? amcf->run.ca_key : draft->key;

    claims.pubkey_hash_alg = ATTEST_CLAIMS_SHA256;
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

    ngx_memcpy(claims.config, amcf->run.record_hash, ATTEST_SHA256_LEN);
    claims.has_config = 1;

    claims.not_before = ngx_http_attest_draft_not_before(draft);
    claims.not_after = draft->time.wall + amcf->lifetime;
    claims.has_validity = 1;

    draft->claims_len = sizeof(draft->claims);

    return (attest_claims_encode(&claims, draft->claims, &draft->claims_len)
            == ATTEST_OK)
           ? NGX_OK : NGX_ERROR;
}


time_t
ngx_http_attest_draft_not_before(ngx_http_attest_draft_t *draft)
{
    return ngx_max(draft->time.wall - NGX_HTTP_ATTEST_BACKDATE, 0);
}


void
ngx_http_attest_draft_free(ngx_http_attest_draft_t *draft)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ATTEST_KEYS; i++) {
        attest_kem_key_clear(&draft->hpke[i]);
    }

    EVP_PKEY_free(draft->key);

    /* wipes */
    sodium_free(draft);
}


ngx_http_attest_job_t *
ngx_http_attest_draft_job(ngx_http_attest_draft_t *draft)
{
    ngx_http_attest_job_t  *job;

    job = ngx_http_attest_job_create();
    if (job == NULL) {
        return NULL;
    }

    ngx_memcpy(job->claims, draft->claims, draft->claims_len);
    job->claims_len = draft->claims_len;
    job->want_logs = 1;
    job->refresh = 1;

    return job;
}
