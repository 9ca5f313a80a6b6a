/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Everything that an appraisal wants of a gateway, over one connection: its
 * certificate and exporter, cached and fresh evidence, prompt keys, and the
 * proof of credential activation.
 */


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_ratls.h"
#include "cli/cli_fetch.h"


static void cli_note(cli_evidence_t *ev, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void cli_note_answer(cli_evidence_t *ev, const char *what,
    const cli_bytes_t *body);
static void cli_title_problem(const cli_bytes_t *body, char *title,
    size_t room);
static void cli_title_page(const cli_bytes_t *body, char *title, size_t room);
static void cli_session(cli_evidence_t *ev);
static void cli_fetch_cached(cli_evidence_t *ev);
static uint64_t cli_generation(const cli_evidence_t *ev);
static void cli_fetch_fresh(cli_evidence_t *ev);
static void cli_fetch_keys(cli_evidence_t *ev);
static void cli_fetch_proof(cli_evidence_t *ev);
static int cli_proof_parse(cli_evidence_t *ev, const cli_bytes_t *body);
static int cli_fetch(cli_evidence_t *ev, const char *what,
    const cli_request_t *req, const char *type, size_t cap,
    cli_bytes_t *out);
static int cli_claims(const cli_bytes_t *collection, attest_cmw_t *cmw,
    attest_span_t *raw, attest_claims_t *claims);
static int cli_is_rotated(const cli_evidence_t *ev);


/*
 * Everything over one connection: the exporter and the certificate belong to
 * it.  CLI_OK when the connection stands, even if single answers are missing.
 */

int
cli_collect(cli_evidence_t *ev, const cli_options_t *opt, int activate)
{
    char  err[256];

    memset(ev, 0, sizeof(*ev));

    if (cli_url_parse(opt->target, &ev->url, err) != CLI_OK) {
        return cli_error("%s: %s", opt->target, err);
    }

    if (cli_conn_open(&ev->conn, &ev->url, opt) != CLI_OK) {
        return cli_error("%s: %s", opt->target, ev->conn.err);
    }

    ev->nonce_len = 32;

    if (RAND_bytes(ev->nonce, (int) ev->nonce_len) != 1
        || RAND_bytes(ev->secret, sizeof(ev->secret)) != 1)
    {
        return cli_error("no random numbers");
    }

    cli_fetch_cached(ev);

    /* the first exchange connects: without it there is nothing to note */

    if (ev->conn.stage != CLI_STAGE_OPEN) {
        ev->nnotes = 0;
        return cli_error("%s: %s", opt->target, ev->conn.err);
    }

    cli_session(ev);
    cli_fetch_fresh(ev);
    cli_fetch_keys(ev);

    if (activate && ev->cached.n != 0) {
        cli_fetch_proof(ev);
    }

    ev->rotated |= cli_is_rotated(ev);
    return CLI_OK;
}


void
cli_evidence_clear(cli_evidence_t *ev)
{
    cli_conn_close(&ev->conn);
    cli_bytes_free(&ev->cert);
    cli_bytes_free(&ev->cached);
    cli_bytes_free(&ev->fresh);
    cli_bytes_free(&ev->hpke);
    OPENSSL_cleanse(ev->secret, sizeof(ev->secret));
    OPENSSL_cleanse(ev->exporter, sizeof(ev->exporter));
}


void
cli_appraise(const cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res)
{
    size_t                  i;
    attest_check_t         *check;
    attest_verify_input_t   in;

    memset(&in, 0, sizeof(in));

    in.cert = cli_span(&ev->cert);
    in.cached = cli_span(&ev->cached);
    in.fresh = cli_span(&ev->fresh);
    in.hpke_keys = cli_span(&ev->hpke);
    in.nonce = attest_span(ev->nonce, ev->nonce_len);
    in.now = cli_now(opt);
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
cli_note(cli_evidence_t *ev, const char *fmt, ...)
{
    va_list  args;

    if (ev->nnotes == sizeof(ev->notes) / sizeof(ev->notes[0])) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(ev->notes[ev->nnotes++], sizeof(ev->notes[0]), fmt,
                     args);
    va_end(args);
}


/* What a refusal says of itself: RFC 9457, or a page for people. */

static void
cli_note_answer(cli_evidence_t *ev, const char *what,
    const cli_bytes_t *body)
{
    char  title[160] = "";

    if (strcasecmp(ev->conn.type, "application/problem+json") == 0) {
        cli_title_problem(body, title, sizeof(title));

    } else if (strcasecmp(ev->conn.type, "text/html") == 0) {
        cli_title_page(body, title, sizeof(title));
    }

    cli_note(ev, "%s: the gateway answered %d%s%s", what, ev->conn.status,
             title[0] != '\0' ? ": " : "", title);
}


static void
cli_title_problem(const cli_bytes_t *body, char *title, size_t room)
{
    cJSON        *json;
    const cJSON  *t;

    json = cJSON_ParseWithLength((const char *) body->p, body->n);
    t = cJSON_GetObjectItemCaseSensitive(json, "title");

    if (cJSON_IsString(t)) {
        (void) snprintf(title, room, "%s", t->valuestring);
    }

    cJSON_Delete(json);
}


/* nginx says there what it misses; the status is in front of it. */

static void
cli_title_page(const cli_bytes_t *body, char *title, size_t room)
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
cli_session(cli_evidence_t *ev)
{
    if (!ev->url.tls) {
        return;
    }

    ev->cert = ev->conn.cert;
    memset(&ev->conn.cert, 0, sizeof(ev->conn.cert));

    memcpy(ev->exporter, ev->conn.exporter, sizeof(ev->exporter));
    ev->has_exporter = 1;
}


/* CLI_OK and a body when status is 200 and the media type is as expected. */

static int
cli_fetch(cli_evidence_t *ev, const char *what, const cli_request_t *req,
    const char *type, size_t cap, cli_bytes_t *out)
{
    cli_conn_t  *c = &ev->conn;

    /* was noted already, or a refusal closed the connection */

    if (c->close && (c->err[0] != '\0' || c->status >= 400)) {
        return CLI_UNDECIDED;
    }

    cli_set_timeout(c, CLI_TIMEOUT, 1);

    if (cli_exchange(c, &ev->url, req) != CLI_OK
        || cli_read_all(c, c->status == 200 ? cap : CLI_MAX_SMALL, out)
           != CLI_OK)
    {
        c->close = 1;
        cli_note(ev, "%s: %s", what, c->err);
        return CLI_UNDECIDED;
    }

    if (c->status != 200) {
        cli_note_answer(ev, what, out);
        cli_bytes_free(out);
        return CLI_UNDECIDED;
    }

    if (strcasecmp(c->type, type) != 0) {
        cli_note(ev, "%s: the answer is not %s", what, type);
        cli_bytes_free(out);
        return CLI_UNDECIDED;
    }

    return CLI_OK;
}


static void
cli_fetch_cached(cli_evidence_t *ev)
{
    cli_request_t  req = { "GET", ev->url.path, "application/cmw+cbor",
                           NULL, NULL, NULL, 0 };

    if (cli_fetch(ev, "cached evidence", &req, "application/cmw+cbor",
                  ATTEST_MAX_DOCUMENT, &ev->cached) == CLI_OK)
    {
        ev->generation = cli_generation(ev);
    }
}


/*
 * Our gateways' entity tags are "GENERATION-NOTBEFORE-CRC-FORM", in hex; one
 * that does not name the time of the claims is another server's.
 */

static uint64_t
cli_generation(const cli_evidence_t *ev)
{
    char                 form;
    uint64_t             found = 0;
    attest_cmw_t         cmw;
    attest_span_t        raw;
    attest_claims_t      claims;
    unsigned             crc;
    unsigned long long   number, from;

    if (sscanf(ev->conn.etag, "\"%15llx-%15llx-%8x-%c\"", &number, &from,
               &crc, &form) != 4
        || cli_claims(&ev->cached, &cmw, &raw, &claims) != CLI_OK)
    {
        return 0;
    }

    if (claims.has_validity && claims.not_before == from) {
        found = number;
    }

    attest_cmw_free(&cmw);
    return found;
}


static void
cli_fetch_fresh(cli_evidence_t *ev)
{
    char           body[256], hex[65];
    cli_request_t  req = { "POST", ev->url.path, "application/cmw+cbor",
                           "application/json", NULL, body, 0 };

    attest_hex_encode(hex, ev->nonce, ev->nonce_len);
    req.len = (size_t) snprintf(body, sizeof(body), "{\"nonce\":\"%s\"%s}",
                                hex, ev->has_exporter
                                ? ",\"binding\":\"tls-exporter\"" : "");

    (void) cli_fetch(ev, "fresh evidence", &req, "application/cmw+cbor",
                     ATTEST_MAX_DOCUMENT, &ev->fresh);
}


static void
cli_fetch_keys(cli_evidence_t *ev)
{
    cli_request_t  req = { "GET", CLI_KEYS_PATH, "application/ohttp-keys",
                           NULL, NULL, NULL, 0 };

    if (cli_fetch(ev, "prompt keys", &req, "application/ohttp-keys",
                  CLI_MAX_SMALL, &ev->hpke) != CLI_OK
        && ev->conn.status == 404 && ev->nnotes != 0 && !ev->conn.close)
    {
        /* a gateway without encrypted prompts has none: not worth a line */

        ev->nnotes--;
    }
}


/* Credential activation: only a TPM with both EK and AK can answer. */

static void
cli_fetch_proof(cli_evidence_t *ev)
{
    int            rc;
    char           body[2048], chex[2 * ATTEST_TPM_MAX_CRED + 1];
    char           ehex[2 * ATTEST_TPM_MAX_ENC + 1];
    size_t         cred_len = ATTEST_TPM_MAX_CRED;
    size_t         enc_len = ATTEST_TPM_MAX_ENC;
    uint8_t        cred[ATTEST_TPM_MAX_CRED], enc[ATTEST_TPM_MAX_ENC];
    cli_bytes_t    answer;
    cli_request_t  req = { "POST", ev->url.path, "application/json",
                           "application/json", NULL, body, 0 };

    rc = attest_verify_credential(cli_span(&ev->cached), ev->secret, cred,
                                  &cred_len, enc, &enc_len);
    if (rc != ATTEST_OK) {
        if (rc != ATTEST_EUNSUPPORTED) {
            cli_note(ev, "credential for the TPM: %s", attest_strerror(rc));
        }
        return;
    }

    attest_hex_encode(chex, cred, cred_len);
    attest_hex_encode(ehex, enc, enc_len);
    req.len = (size_t) snprintf(body, sizeof(body),
                                "{\"credential\":\"%s\",\"secret\":\"%s\"}",
                                chex, ehex);

    if (cli_fetch(ev, "credential activation", &req, "application/json",
                  CLI_MAX_SMALL, &answer) != CLI_OK)
    {
        return;
    }

    if (cli_proof_parse(ev, &answer) != CLI_OK) {
        cli_note(ev, "credential activation: the answer is malformed");
    }

    cli_bytes_free(&answer);
}


/* {"claims": hex of SHA-256, "proof": hex of HMAC-SHA-256} */

static int
cli_proof_parse(cli_evidence_t *ev, const cli_bytes_t *body)
{
    int              ok;
    cJSON           *json;
    uint8_t          claims[32], digest[32];
    const cJSON     *c, *p;
    attest_cmw_t     cmw;
    attest_span_t    raw;
    attest_claims_t  parsed;

    json = cJSON_ParseWithLength((const char *) body->p, body->n);
    c = cJSON_GetObjectItemCaseSensitive(json, "claims");
    p = cJSON_GetObjectItemCaseSensitive(json, "proof");

    ok = cJSON_IsString(c) && cJSON_IsString(p)
         && attest_hex_exact(attest_span_text(c->valuestring), claims, 32)
            == ATTEST_OK
         && attest_hex_exact(attest_span_text(p->valuestring), ev->proof, 32)
            == ATTEST_OK;

    cJSON_Delete(json);

    if (!ok) {
        return CLI_UNDECIDED;
    }

    ev->has_proof = 1;

    /* a proof over other claims is of another generation, not a lie */

    if (cli_claims(&ev->cached, &cmw, &raw, &parsed) == CLI_OK) {
        if (attest_sha256(&raw, 1, digest) == ATTEST_OK) {
            ev->rotated |= (memcmp(digest, claims, 32) != 0);
        }

        attest_cmw_free(&cmw);
    }

    return CLI_OK;
}


/* On CLI_OK the caller frees cmw, in which raw lies. */

static int
cli_claims(const cli_bytes_t *collection, attest_cmw_t *cmw,
    attest_span_t *raw, attest_claims_t *claims)
{
    const attest_cmw_item_t  *item;

    if (collection->n == 0
        || attest_cmw_parse(collection->p, collection->n, cmw) != ATTEST_OK)
    {
        return CLI_UNDECIDED;
    }

    item = attest_cmw_find(cmw, ATTEST_ITEM_CLAIMS);

    if (item == NULL
        || attest_claims_parse(item->value.p, item->value.n, claims)
           != ATTEST_OK)
    {
        attest_cmw_free(cmw);
        return CLI_UNDECIDED;
    }

    *raw = item->value;
    return CLI_OK;
}


/* Did keys or evidence change between the answers of one connection? */

static int
cli_is_rotated(const cli_evidence_t *ev)
{
    int                  rotated = 0;
    cli_bytes_t          in_cert = { NULL, 0 };
    attest_cmw_t         a, b;
    attest_span_t        ra, rb;
    attest_claims_t      ca, cb;
    attest_ratls_cert_t  cert;

    if (cli_claims(&ev->cached, &a, &ra, &ca) != CLI_OK) {
        return 0;
    }

    if (ev->cert.n != 0
        && attest_ratls_parse(ev->cert.p, ev->cert.n, &cert) == ATTEST_OK
        && cert.cmw.n != 0)
    {
        in_cert.p = (uint8_t *) cert.cmw.p;
        in_cert.n = cert.cmw.n;

        if (cli_claims(&in_cert, &b, &rb, &cb) == CLI_OK) {
            rotated = ra.n != rb.n || memcmp(ra.p, rb.p, ra.n) != 0;
            attest_cmw_free(&b);
        }
    }

    if (cli_claims(&ev->fresh, &b, &rb, &cb) == CLI_OK) {
        rotated |= memcmp(ca.hpke_keys, cb.hpke_keys, 32) != 0
                   || memcmp(ca.config, cb.config, 32) != 0;
        attest_cmw_free(&b);
    }

    attest_cmw_free(&a);
    return rotated;
}
