/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Asks a gateway, judges what it says, and draws out of evidence that is
 * trusted what callers need: the key, the prompt keys, how long they hold.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "core/base/attest_monotonic.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_ratls.h"
#include "core/prompt/attest_keyconfig.h"
#include "client/attest_peer.h"


/* Keys rotate, and a gateway that reloads closes its connections. */
#define ATTEST_PEER_TRIES  3


static int attest_peer_collect(attest_peer_t *peer,
    const attest_peer_options_t *opt, int64_t limit);
static bool attest_peer_elsewhere(const attest_peer_t *peer);
static void attest_peer_end(attest_peer_t *peer);
static void attest_peer_learn(attest_peer_t *peer,
    const attest_peer_options_t *opt, const attest_result_t *res);
static void attest_peer_claims(attest_peer_t *peer,
    const attest_ratls_cert_t *cert);
static void attest_peer_keys(attest_peer_t *peer, const attest_cmw_t *cmw,
    const attest_claims_t *claims);
static void attest_peer_validity(attest_peer_t *peer,
    const attest_ratls_cert_t *cert, const attest_claims_t *claims);
static bool attest_peer_passed(const attest_result_t *res, const char *id);
static bool attest_peer_has_keys(const attest_peer_t *peer);
static bool attest_peer_has_key(attest_span_t one, const attest_span_t *all,
    size_t count);


int
attest_peer_init(char err[ATTEST_CLIENT_ERR])
{
    return attest_conn_init(err);
}


int
attest_peer_appraise(attest_peer_t *peer, const attest_peer_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res)
{
    int                    rc;
    int64_t                limit;
    attest_peer_options_t  keys;

    memset(peer, 0, sizeof(*peer));
    limit = opt->timeout > 0 ? attest_monotonic_now() + opt->timeout : 0;

    /* what another job of this thread left there is not about us */

    ERR_clear_error();

    rc = attest_peer_collect(peer, opt, limit);

    if (rc == ATTEST_OK && opt->elsewhere && !policy->require_exporter
        && attest_peer_elsewhere(peer))
    {
        keys = *opt;
        keys.keys_only = 1;
        opt = &keys;

        attest_fetch_clear(&peer->seen);
        rc = attest_peer_collect(peer, opt, limit);
    }

    attest_peer_end(peer);

    if (rc == ATTEST_OK) {
        attest_peer_judge(peer, opt, policy, res);

    } else {
        memset(res, 0, sizeof(*res));
        res->verdict = ATTEST_UNDECIDED;
        (void) snprintf(res->why, sizeof(res->why), "no evidence was "
                        "obtained: %.300s", peer->err);
    }

    ERR_clear_error();
    return rc;
}


static int
attest_peer_collect(attest_peer_t *peer, const attest_peer_options_t *opt,
    int64_t limit)
{
    int       rc;
    unsigned  tries = 0;

    for ( ;; ) {
        rc = attest_fetch(&peer->seen, opt, limit, peer->err);

        if (rc != ATTEST_OK || ++tries == ATTEST_PEER_TRIES
            || !(peer->seen.rotated
                 || (peer->seen.conn.lost
                     && (peer->seen.cert.n != 0 || opt->keys_only))))
        {
            return rc;
        }

        attest_fetch_clear(&peer->seen);
    }
}


/*
 * The certificate carries no evidence, and the endpoint's names another key
 * than the certificate's, or none.
 */

static bool
attest_peer_elsewhere(const attest_peer_t *peer)
{
    bool                      named = true;
    attest_cmw_t              cmw;
    attest_claims_t           claims;
    attest_ratls_cert_t       cert;
    const attest_fetch_t     *ev = &peer->seen;
    const attest_cmw_item_t  *item;

    if (ev->cert.n == 0 || ev->cached.n == 0
        || attest_ratls_parse(ev->cert.p, ev->cert.n, &cert) != ATTEST_OK
        || cert.cmw.n != 0 || cert.ccc.n != 0
        || attest_cmw_parse(ev->cached.p, ev->cached.n, &cmw) != ATTEST_OK)
    {
        return false;
    }

    item = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS);

    if (item != NULL
        && attest_claims_parse(item->value.p, item->value.n, &claims)
           == ATTEST_OK)
    {
        named = claims.pubkey_hash_len == sizeof(cert.spki_sha256)
                && CRYPTO_memcmp(claims.pubkey_hash, cert.spki_sha256,
                                 sizeof(cert.spki_sha256)) == 0;
    }

    attest_cmw_free(&cmw);
    return !named;
}


static void
attest_peer_end(attest_peer_t *peer)
{
    X509                  *cert;
    EVP_PKEY              *key;
    const uint8_t         *p;
    const attest_bytes_t  *der = &peer->seen.cert;

    der = der->n != 0 ? der : &peer->seen.conn.cert;

    if (der->n == 0) {
        return;
    }

    p = der->p;
    cert = d2i_X509(NULL, &p, (long) der->n);
    key = cert != NULL ? X509_get0_pubkey(cert) : NULL;

    peer->has_end = key != NULL
                    && attest_x509_spki_hash(key, peer->end) == ATTEST_OK;
    X509_free(cert);
}


void
attest_peer_judge(attest_peer_t *peer, const attest_peer_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res)
{
    attest_peer_verdict(&peer->seen, opt, policy, res);

    if (res->verdict == ATTEST_TRUSTED) {
        attest_peer_learn(peer, opt, res);
    }
}


void
attest_peer_verdict(const attest_fetch_t *ev,
    const attest_peer_options_t *opt, const attest_policy_t *policy,
    attest_result_t *res)
{
    size_t                  i;
    attest_check_t         *check;
    attest_verify_input_t   in;

    memset(&in, 0, sizeof(in));

    in.cert = attest_bytes_span(&ev->cert);
    in.cached = attest_bytes_span(&ev->cached);
    in.fresh = attest_bytes_span(&ev->fresh);
    in.hpke_keys = attest_bytes_span(&ev->hpke);
    in.nonce = attest_span(ev->nonce, ev->nonce_len);
    in.now = opt->now >= 0 ? opt->now : (int64_t) time(NULL);
    in.roots = opt->roots;
    in.policy = policy;

    if (ev->has_exporter) {
        in.exporter = attest_span(ev->exporter, sizeof(ev->exporter));
    }

    if (ev->has_proof) {
        in.secret = attest_span(ev->secret, sizeof(ev->secret));
        in.proof = attest_span(ev->proof, sizeof(ev->proof));
    }

    attest_verify(&in, res);

    for (i = 0; i < ev->nnotes && res->count < ATTEST_MAX_CHECKS; i++) {
        check = &res->checks[res->count++];
        (void) snprintf(check->id, sizeof(check->id), "fetch");
        check->state = ATTEST_CHECK_NOTE;
        (void) snprintf(check->text, sizeof(check->text), "%s", ev->notes[i]);
    }
}


static void
attest_peer_learn(attest_peer_t *peer, const attest_peer_options_t *opt,
    const attest_result_t *res)
{
    attest_ratls_cert_t   cert;
    const attest_fetch_t  *ev = &peer->seen;

    memset(&cert, 0, sizeof(cert));

    peer->trusted = 1;
    peer->root = res->root;
    peer->generation = ev->generation;
    peer->keys_only = opt->keys_only;

    if (ev->cert.n != 0
        && attest_ratls_parse(ev->cert.p, ev->cert.n, &cert) == ATTEST_OK)
    {
        memcpy(peer->spki, cert.spki_sha256, sizeof(peer->spki));
        peer->has_spki = 1;

        /* no claims of a trusted verdict name another key */

        peer->key_bound = 1;
        peer->exporter_bound = attest_peer_passed(res, "exporter");
    }

    attest_peer_claims(peer, peer->key_bound ? &cert : NULL);

    if (opt->ohttp != NULL && attest_peer_has_keys(peer)) {
        peer->ohttp = opt->ohttp;
    }
}


/* Of the freshest part that there is, as the verdict has it. */

static void
attest_peer_claims(attest_peer_t *peer, const attest_ratls_cert_t *cert)
{
    attest_cmw_t              cmw;
    attest_span_t             from;
    attest_claims_t           claims;
    const attest_fetch_t     *ev = &peer->seen;
    const attest_cmw_item_t  *item;

    memset(&claims, 0, sizeof(claims));

    from = ev->fresh.n != 0 ? attest_bytes_span(&ev->fresh)
           : ev->cached.n != 0 ? attest_bytes_span(&ev->cached)
           : cert != NULL ? cert->cmw : ATTEST_NO_SPAN;

    if (from.n != 0 && attest_cmw_parse(from.p, from.n, &cmw) == ATTEST_OK) {
        item = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS);

        if (item != NULL
            && attest_claims_parse(item->value.p, item->value.n, &claims)
               == ATTEST_OK)
        {
            peer->has_claims = 1;
            attest_peer_keys(peer, &cmw, &claims);
        }

        attest_cmw_free(&cmw);
    }

    attest_peer_validity(peer, cert, &claims);
}


static void
attest_peer_keys(attest_peer_t *peer, const attest_cmw_t *cmw,
    const attest_claims_t *claims)
{
    uint8_t                   digest[ATTEST_SHA256_LEN];
    attest_span_t             keys = attest_bytes_span(&peer->seen.hpke);
    const attest_cmw_item_t  *item;

    if (!peer->has_spki && claims->pubkey_hash_len == sizeof(peer->spki)) {
        memcpy(peer->spki, claims->pubkey_hash, sizeof(peer->spki));
        peer->has_spki = 1;
    }

    item = attest_cmw_find(cmw, ATTEST_ITEM_HPKE_KEYS);
    keys = item != NULL ? item->value : keys;

    if (!claims->has_hpke_keys || keys.n == 0
        || attest_sha256(&keys, 1, digest) != ATTEST_OK
        || CRYPTO_memcmp(digest, claims->hpke_keys, sizeof(digest)) != 0)
    {
        return;
    }

    peer->keys.p = malloc(keys.n);

    if (peer->keys.p != NULL) {
        memcpy(peer->keys.p, keys.p, keys.n);
        peer->keys.n = keys.n;
    }
}


static void
attest_peer_validity(attest_peer_t *peer, const attest_ratls_cert_t *cert,
    const attest_claims_t *claims)
{
    int64_t  from = INT64_MIN, until = INT64_MAX;

    if (claims->has_validity) {
        from = (int64_t) claims->not_before;
        until = (int64_t) claims->not_after;
    }

    if (cert != NULL) {
        from = from > cert->not_before ? from : cert->not_before;
        until = until < cert->not_after ? until : cert->not_after;
    }

    if (from != INT64_MIN) {
        peer->not_before = from;
        peer->not_after = until;
        peer->has_validity = 1;
    }
}


static bool
attest_peer_passed(const attest_result_t *res, const char *id)
{
    size_t  i;

    for (i = 0; i < res->count; i++) {
        if (strcmp(res->checks[i].id, id) == 0) {
            return res->checks[i].state == ATTEST_CHECK_PASS;
        }
    }

    return false;
}


/* 1: what the place of Oblivious HTTP gave is all in the list. */

static bool
attest_peer_has_keys(const attest_peer_t *peer)
{
    size_t              i, count = ATTEST_KEYCONFIG_MAX_KEYS;
    size_t              served = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_span_t       all[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_span_t       some[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS];

    if (peer->keys.n == 0 || peer->seen.ohttp.n == 0
        || attest_keyconfig_parse_list(peer->keys.p, peer->keys.n, kc, all,
                                       &count) != ATTEST_OK
        || attest_keyconfig_parse_list(peer->seen.ohttp.p, peer->seen.ohttp.n,
                                       kc, some, &served) != ATTEST_OK)
    {
        return false;
    }

    for (i = 0; i < served; i++) {
        if (!attest_peer_has_key(some[i], all, count)) {
            return false;
        }
    }

    return served != 0;
}


static bool
attest_peer_has_key(attest_span_t one, const attest_span_t *all, size_t count)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (attest_span_eq(one, all[i])) {
            return true;
        }
    }

    return false;
}


void
attest_peer_clear(attest_peer_t *peer)
{
    attest_fetch_clear(&peer->seen);
    attest_bytes_free(&peer->keys);
}
