/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Everything that an appraisal wants of a gateway, over one connection: its
 * certificate and exporter, cached and fresh evidence, prompt keys, and the
 * proof of credential activation.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* strcasestr() */
#endif

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_ratls.h"
#include "core/appraisal/attest_verify.h"
#include "client/attest_exchange.h"
#include "client/attest_fetch.h"


/* The claims of a collection: too much for a stack that is not ours. */

typedef struct {
    attest_cmw_t      cmw;
    attest_span_t     raw;           /* lies in cmw */
    attest_claims_t   claims;
} attest_fetch_claims_t;


static int attest_fetch_certificate(attest_fetch_t *ev,
    char err[ATTEST_CLIENT_ERR]);
static int attest_fetch_all(attest_fetch_t *ev,
    const attest_peer_options_t *opt, char err[ATTEST_CLIENT_ERR]);
static void attest_fetch_note(attest_fetch_t *ev, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void attest_fetch_note_answer(attest_fetch_t *ev, const char *what,
    const attest_bytes_t *body);
static void attest_fetch_title_problem(const attest_bytes_t *body, char *title,
    size_t room);
static void attest_fetch_title_page(const attest_bytes_t *body, char *title,
    size_t room);
static void attest_fetch_session(attest_fetch_t *ev, int keys_only);
static void attest_fetch_cached(attest_fetch_t *ev);
static uint64_t attest_fetch_generation(const attest_fetch_t *ev);
static void attest_fetch_fresh(attest_fetch_t *ev);
static void attest_fetch_keys(attest_fetch_t *ev);
static void attest_fetch_ohttp(attest_fetch_t *ev, const char *path);
static void attest_fetch_proof(attest_fetch_t *ev);
static int attest_fetch_proof_parse(attest_fetch_t *ev,
    const attest_bytes_t *body);
static int attest_fetch_one(attest_fetch_t *ev, const char *what,
    const attest_question_t *q, const char *type, size_t cap,
    attest_bytes_t *out);
static attest_fetch_claims_t *attest_fetch_claims(attest_span_t collection);
static void attest_fetch_claims_free(attest_fetch_claims_t *c);
static bool attest_fetch_in_cert(const attest_fetch_t *ev,
    const attest_fetch_claims_t *cached);
static bool attest_fetch_is_rotated(const attest_fetch_t *ev);


static const attest_json_rules_t  attest_fetch_rules = { 0 };


/*
 * Everything over one connection: the exporter and the certificate belong to
 * it.
 */

int
attest_fetch(attest_fetch_t *ev, const attest_peer_options_t *opt,
    int64_t limit, char err[ATTEST_CLIENT_ERR])
{
    memset(ev, 0, sizeof(*ev));

    if (attest_url_parse(opt->url, &ev->url, err) != ATTEST_OK) {
        return ATTEST_ECLIENT;
    }

    if (opt->path != NULL) {
        if (!attest_url_is_path(opt->path)) {
            return attest_bytes_error(err, "the path of the evidence is none");
        }

        (void) strcpy(ev->url.path, opt->path);
    }

    if (attest_conn_open(&ev->conn, &ev->url, opt, limit) != ATTEST_OK) {
        return attest_bytes_error(err, "%s", ev->conn.err);
    }

    if (opt->certificate_only) {
        return attest_fetch_certificate(ev, err);
    }

    ev->nonce_len = 32;

    if (RAND_bytes(ev->nonce, (int) ev->nonce_len) != 1
        || RAND_bytes(ev->secret, sizeof(ev->secret)) != 1)
    {
        return attest_bytes_error(err, "no random numbers");
    }

    return attest_fetch_all(ev, opt, err);
}


static int
attest_fetch_certificate(attest_fetch_t *ev, char err[ATTEST_CLIENT_ERR])
{
    int  rc;

    if (!ev->url.tls) {
        return attest_bytes_error(err, "without TLS there is no certificate");
    }

    attest_exchange_timeout(&ev->conn, ATTEST_CONN_TIMEOUT, 1);
    rc = attest_exchange_handshake(&ev->conn);

    if (rc != ATTEST_OK) {
        return attest_bytes_error(err, "%s", ev->conn.err);
    }

    attest_conn_stop(&ev->conn);
    ev->cert = ev->conn.cert;
    memset(&ev->conn.cert, 0, sizeof(ev->conn.cert));

    attest_fetch_note(ev, "nothing was: the certificate alone is judged, and "
                      "neither a nonce nor the connection is in it");
    return ATTEST_OK;
}


static int
attest_fetch_all(attest_fetch_t *ev, const attest_peer_options_t *opt,
    char err[ATTEST_CLIENT_ERR])
{
    attest_fetch_cached(ev);

    /* the first exchange connects: without it there is nothing to note */

    if (ev->conn.stage != ATTEST_STAGE_OPEN) {
        ev->nnotes = 0;
        return attest_bytes_error(err, "%s", ev->conn.err);
    }

    attest_fetch_session(ev, opt->keys_only);
    attest_fetch_fresh(ev);
    attest_fetch_keys(ev);

    if (opt->ohttp != NULL && attest_url_is_path(opt->ohttp)) {
        attest_fetch_ohttp(ev, opt->ohttp);
    }

    if (opt->activate && ev->cached.n != 0) {
        attest_fetch_proof(ev);
    }

    ev->rotated |= attest_fetch_is_rotated(ev);
    return ATTEST_OK;
}


void
attest_fetch_clear(attest_fetch_t *ev)
{
    attest_conn_close(&ev->conn);
    attest_bytes_free(&ev->cert);
    attest_bytes_free(&ev->cached);
    attest_bytes_free(&ev->fresh);
    attest_bytes_free(&ev->hpke);
    attest_bytes_free(&ev->ohttp);
    OPENSSL_cleanse(ev->secret, sizeof(ev->secret));
    OPENSSL_cleanse(ev->exporter, sizeof(ev->exporter));
}


/* Text of strangers goes into logs: nothing in it begins a line of its own. */

static void
attest_fetch_note(attest_fetch_t *ev, const char *fmt, ...)
{
    char     *p;
    va_list   args;

    if (ev->nnotes == sizeof(ev->notes) / sizeof(ev->notes[0])) {
        return;
    }

    p = ev->notes[ev->nnotes++];

    va_start(args, fmt);
    (void) vsnprintf(p, sizeof(ev->notes[0]), fmt, args);
    va_end(args);

    for ( /* void */ ; *p != '\0'; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            *p = *p == '\n' || *p == '\t' ? ' ' : '?';
        }
    }
}


/* What a refusal says of itself: RFC 9457, or a page for people. */

static void
attest_fetch_note_answer(attest_fetch_t *ev, const char *what,
    const attest_bytes_t *body)
{
    char  title[160] = "";

    if (strcasecmp(ev->conn.head.type, "application/problem+json") == 0) {
        attest_fetch_title_problem(body, title, sizeof(title));

    } else if (strcasecmp(ev->conn.head.type, "text/html") == 0) {
        attest_fetch_title_page(body, title, sizeof(title));
    }

    attest_fetch_note(ev, "%s: the gateway answered %d%s%s", what,
                      ev->conn.head.status, title[0] != '\0' ? ": " : "",
                      title);
}


static void
attest_fetch_title_problem(const attest_bytes_t *body, char *title, size_t room)
{
    cJSON        *json = NULL;
    const cJSON  *t;

    (void) attest_json_parse(attest_bytes_span(body), &attest_fetch_rules,
                             &json, NULL);
    t = cJSON_GetObjectItemCaseSensitive(json, "title");

    if (cJSON_IsString(t)) {
        (void) snprintf(title, room, "%s", t->valuestring);
    }

    cJSON_Delete(json);
}


/* nginx says there what it misses; the status is in front of it. */

static void
attest_fetch_title_page(const attest_bytes_t *body, char *title, size_t room)
{
    const char  *p;

    p = strcasestr((const char *) body->p, "<title>");
    if (p == NULL) {
        return;
    }

    p += sizeof("<title>") - 1;
    p += strspn(p, "0123456789 ");
    (void) snprintf(title, room, "%.*s", (int) strcspn(p, "<\r\n"), p);
}


/* What TLS says of the connection that all this comes over. */

static void
attest_fetch_session(attest_fetch_t *ev, int keys_only)
{
    if (!ev->url.tls || keys_only) {
        return;
    }

    ev->cert = ev->conn.cert;
    memset(&ev->conn.cert, 0, sizeof(ev->conn.cert));

    memcpy(ev->exporter, ev->conn.exporter, sizeof(ev->exporter));
    ev->has_exporter = 1;
}


/* ATTEST_OK and a body when status is 200 and the media type is as expected. */

static int
attest_fetch_one(attest_fetch_t *ev, const char *what,
    const attest_question_t *q, const char *type, size_t cap,
    attest_bytes_t *out)
{
    attest_conn_t  *c = &ev->conn;

    /* was noted already, or a refusal closed the connection */

    if (attest_conn_over(c) && (c->err[0] != '\0' || c->head.status >= 400)) {
        return ATTEST_ECLIENT;
    }

    attest_exchange_timeout(c, ATTEST_CONN_TIMEOUT, 1);

    if (attest_exchange(c, q) != ATTEST_OK
        || attest_exchange_all(c, c->head.status == 200
                               ? cap : ATTEST_FETCH_MAX_SMALL, out)
           != ATTEST_OK)
    {
        c->broken = true;
        attest_fetch_note(ev, "%s: %s", what, c->err);
        return ATTEST_ECLIENT;
    }

    if (c->head.status != 200) {
        attest_fetch_note_answer(ev, what, out);
        attest_bytes_free(out);
        return ATTEST_ECLIENT;
    }

    if (strcasecmp(c->head.type, type) != 0) {
        attest_fetch_note(ev, "%s: the answer is not %s", what, type);
        attest_bytes_free(out);
        return ATTEST_ECLIENT;
    }

    return ATTEST_OK;
}


static void
attest_fetch_cached(attest_fetch_t *ev)
{
    attest_question_t  q = { "GET", ev->url.path, "application/cmw+cbor",
                           NULL, NULL, NULL, 0 };

    if (attest_fetch_one(ev, "cached evidence", &q, "application/cmw+cbor",
                         ATTEST_MAX_DOCUMENT, &ev->cached) == ATTEST_OK)
    {
        ev->generation = attest_fetch_generation(ev);
    }
}


/*
 * Our gateways' entity tags are "GENERATION-NOTBEFORE-CRC-FORM", in hex; one
 * that does not name the time of the claims is another server's.
 */

static uint64_t
attest_fetch_generation(const attest_fetch_t *ev)
{
    char                    form;
    uint64_t                found = 0;
    unsigned                crc;
    unsigned long long      number, from;
    attest_fetch_claims_t  *c;

    if (sscanf(ev->conn.head.etag, "\"%15llx-%15llx-%8x-%c\"", &number, &from,
               &crc, &form) != 4)
    {
        return 0;
    }

    c = attest_fetch_claims(attest_bytes_span(&ev->cached));
    if (c == NULL) {
        return 0;
    }

    if (c->claims.has_validity && c->claims.not_before == from) {
        found = number;
    }

    attest_fetch_claims_free(c);
    return found;
}


static void
attest_fetch_fresh(attest_fetch_t *ev)
{
    char           body[256], hex[65];
    attest_question_t  q = { "POST", ev->url.path, "application/cmw+cbor",
                           "application/json", NULL, body, 0 };

    attest_hex_encode(hex, ev->nonce, ev->nonce_len);
    q.len = (size_t) snprintf(body, sizeof(body), "{\"nonce\":\"%s\"%s}",
                                hex, ev->has_exporter
                                ? ",\"binding\":\"tls-exporter\"" : "");

    (void) attest_fetch_one(ev, "fresh evidence", &q, "application/cmw+cbor",
                            ATTEST_MAX_DOCUMENT, &ev->fresh);
}


static void
attest_fetch_keys(attest_fetch_t *ev)
{
    attest_question_t  q = { "GET", ATTEST_URL_KEYS, "application/ohttp-keys",
                           NULL, NULL, NULL, 0 };

    if (attest_fetch_one(ev, "prompt keys", &q, "application/ohttp-keys",
                         ATTEST_FETCH_MAX_SMALL, &ev->hpke) != ATTEST_OK
        && ev->conn.head.status == 404 && ev->nnotes != 0
        && !attest_conn_over(&ev->conn))
    {
        /* a gateway without encrypted prompts has none: not worth a line */

        ev->nnotes--;
    }
}


/* RFC 9540, section 5: the gateway's own place has the keys for it. */

static void
attest_fetch_ohttp(attest_fetch_t *ev, const char *path)
{
    attest_question_t  q = { "GET", path, "application/ohttp-keys", NULL, NULL,
                             NULL, 0 };

    (void) attest_fetch_one(ev, "the gateway of Oblivious HTTP", &q,
                            "application/ohttp-keys", ATTEST_FETCH_MAX_SMALL,
                            &ev->ohttp);
}


/* Credential activation: only a TPM with both EK and AK can answer. */

static void
attest_fetch_proof(attest_fetch_t *ev)
{
    int            rc;
    char           body[2048], chex[2 * ATTEST_TPM_MAX_CRED + 1];
    char           ehex[2 * ATTEST_TPM_MAX_ENC + 1];
    size_t         cred_len = ATTEST_TPM_MAX_CRED;
    size_t         enc_len = ATTEST_TPM_MAX_ENC;
    uint8_t        cred[ATTEST_TPM_MAX_CRED], enc[ATTEST_TPM_MAX_ENC];
    attest_bytes_t    answer;
    attest_question_t  q = { "POST", ev->url.path, "application/json",
                           "application/json", NULL, body, 0 };

    rc = attest_verify_credential(attest_bytes_span(&ev->cached), ev->secret,
                                  cred, &cred_len, enc, &enc_len);
    if (rc != ATTEST_OK) {
        if (rc != ATTEST_EUNSUPPORTED) {
            attest_fetch_note(ev, "credential for the TPM: %s",
                              attest_strerror(rc));
        }
        return;
    }

    attest_hex_encode(chex, cred, cred_len);
    attest_hex_encode(ehex, enc, enc_len);
    q.len = (size_t) snprintf(body, sizeof(body),
                                "{\"credential\":\"%s\",\"secret\":\"%s\"}",
                                chex, ehex);

    if (attest_fetch_one(ev, "credential activation", &q, "application/json",
                         ATTEST_FETCH_MAX_SMALL, &answer) != ATTEST_OK)
    {
        return;
    }

    if (attest_fetch_proof_parse(ev, &answer) != ATTEST_OK) {
        attest_fetch_note(ev, "credential activation: the answer is malformed");
    }

    attest_bytes_free(&answer);
}


/* {"claims": hex of SHA-256, "proof": hex of HMAC-SHA-256} */

static int
attest_fetch_proof_parse(attest_fetch_t *ev, const attest_bytes_t *body)
{
    int                     ok;
    cJSON                  *json = NULL;
    uint8_t                 claims[ATTEST_SHA256_LEN];
    uint8_t                 digest[ATTEST_SHA256_LEN];
    const cJSON            *c, *p;
    attest_fetch_claims_t  *cached;

    (void) attest_json_parse(attest_bytes_span(body), &attest_fetch_rules,
                             &json, NULL);
    c = cJSON_GetObjectItemCaseSensitive(json, "claims");
    p = cJSON_GetObjectItemCaseSensitive(json, "proof");

    ok = cJSON_IsString(c) && cJSON_IsString(p)
         && attest_hex_exact(attest_span_text(c->valuestring), claims, 32)
            == ATTEST_OK
         && attest_hex_exact(attest_span_text(p->valuestring), ev->proof, 32)
            == ATTEST_OK;

    cJSON_Delete(json);

    if (!ok) {
        return ATTEST_ECLIENT;
    }

    ev->has_proof = 1;

    /* a proof over other claims is of another generation, not a lie */

    cached = attest_fetch_claims(attest_bytes_span(&ev->cached));

    if (cached != NULL
        && attest_sha256(&cached->raw, 1, digest) == ATTEST_OK)
    {
        ev->rotated |= (memcmp(digest, claims, 32) != 0);
    }

    attest_fetch_claims_free(cached);
    return ATTEST_OK;
}


/* NULL: there are none, or there is no memory for them. */

static attest_fetch_claims_t *
attest_fetch_claims(attest_span_t collection)
{
    attest_fetch_claims_t    *c;
    const attest_cmw_item_t  *item;

    if (collection.n == 0) {
        return NULL;
    }

    c = malloc(sizeof(attest_fetch_claims_t));
    if (c == NULL) {
        return NULL;
    }

    if (attest_cmw_parse(collection.p, collection.n, &c->cmw) != ATTEST_OK) {
        free(c);
        return NULL;
    }

    item = attest_cmw_find(&c->cmw, ATTEST_ITEM_CLAIMS);

    if (item == NULL
        || attest_claims_parse(item->value.p, item->value.n, &c->claims)
           != ATTEST_OK)
    {
        attest_fetch_claims_free(c);
        return NULL;
    }

    c->raw = item->value;
    return c;
}


static void
attest_fetch_claims_free(attest_fetch_claims_t *c)
{
    if (c == NULL) {
        return;
    }

    attest_cmw_free(&c->cmw);
    free(c);
}


/* Did keys or evidence change between the answers of one connection? */

static bool
attest_fetch_is_rotated(const attest_fetch_t *ev)
{
    bool                    rotated;
    attest_fetch_claims_t  *cached, *fresh;

    cached = attest_fetch_claims(attest_bytes_span(&ev->cached));
    if (cached == NULL) {
        return false;
    }

    rotated = attest_fetch_in_cert(ev, cached);

    fresh = attest_fetch_claims(attest_bytes_span(&ev->fresh));

    if (fresh != NULL) {
        rotated = rotated
                  || memcmp(cached->claims.hpke_keys, fresh->claims.hpke_keys,
                            32) != 0
                  || memcmp(cached->claims.config, fresh->claims.config, 32)
                     != 0;
    }

    attest_fetch_claims_free(fresh);
    attest_fetch_claims_free(cached);
    return rotated;
}


/* The certificate has claims, and they are others. */

static bool
attest_fetch_in_cert(const attest_fetch_t *ev,
    const attest_fetch_claims_t *cached)
{
    bool                    others;
    attest_ratls_cert_t     cert;
    attest_fetch_claims_t  *c;

    if (ev->cert.n == 0
        || attest_ratls_parse(ev->cert.p, ev->cert.n, &cert) != ATTEST_OK)
    {
        return false;
    }

    c = attest_fetch_claims(cert.cmw);
    if (c == NULL) {
        return false;
    }

    others = !attest_span_eq(cached->raw, c->raw);

    attest_fetch_claims_free(c);
    return others;
}
