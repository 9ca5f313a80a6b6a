/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest chat": one prompt, sealed for the keys that a trusted verdict
 * names and sent over the connection that it was reached on.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/prompt/attest_ehbp.h"
#include "core/prompt/attest_envelope.h"
#include "core/prompt/attest_keyconfig.h"
#include "client/attest_exchange.h"
#include "cli/cli_archive.h"
#include "cli/cli_peer.h"
#include "cli/cli_policy_load.h"
#include "cli/cli_report.h"
#include "cli/cli_stream.h"


#define CLI_CHAT_TIMEOUT      300000    /* ms between two tokens */
#define CLI_MAX_TRIES         3
#define CLI_MAX_PROMPT        (1024 * 1024)
#define CLI_MISMATCH_TYPE     "urn:ietf:params:ehbp:error:key-config"

/* One attempt may end in "keys or connection changed, verify again". */
#define CLI_AGAIN             3


static int cli_chat_prompt(cli_options_t *opt);
static int cli_chat_stdin(char *prompt);
static int cli_chat_run(const cli_options_t *opt);
static int cli_chat_once(const cli_options_t *opt,
    const attest_policy_t *policy);
static int cli_chat_send(attest_fetch_t *ev, const cli_options_t *opt,
    const char *body);
static void cli_chat_elsewhere(const attest_peer_t *peer);
static char *cli_chat_body(const cli_options_t *opt);
static bool cli_chat_key(const attest_fetch_t *ev, uint8_t pk[32]);
static int cli_chat_seal(attest_fetch_t *ev, const cli_options_t *opt,
    const uint8_t pk[32], const char *body, attest_hpke_ctx_t *ctx,
    uint8_t enc[ATTEST_EHBP_ENC_LEN]);
static int cli_chat_refused(attest_fetch_t *ev);



/* The prompt "-" is what standard input holds. */

int
cli_chat(const cli_options_t *opt)
{
    int             rc;
    cli_options_t   own = *opt;

    if (strcmp(opt->prompt, "-") != 0) {
        return cli_chat_run(opt);
    }

    rc = cli_chat_prompt(&own);
    if (rc == CLI_OK) {
        rc = cli_chat_run(&own);
        OPENSSL_clear_free((char *) own.prompt, CLI_MAX_PROMPT + 2);
    }

    return rc;
}


static int
cli_chat_prompt(cli_options_t *opt)
{
    int    rc;
    char  *prompt;

    prompt = OPENSSL_zalloc(CLI_MAX_PROMPT + 2);
    if (prompt == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_chat_stdin(prompt);
    if (rc != CLI_OK) {
        OPENSSL_clear_free(prompt, CLI_MAX_PROMPT + 2);
        return rc;
    }

    opt->prompt = prompt;
    return CLI_OK;
}


/* No stdio: its buffers keep what went through them. */

static int
cli_chat_stdin(char *prompt)
{
    size_t   len = 0;
    ssize_t  n;

    do {
        n = read(STDIN_FILENO, prompt + len, CLI_MAX_PROMPT + 1 - len);
        len += n > 0 ? (size_t) n : 0;

    } while ((n > 0 && len <= CLI_MAX_PROMPT) || (n < 0 && errno == EINTR));

    if (n < 0) {
        return cli_error("cannot read the prompt: %s", strerror(errno));
    }

    if (len > CLI_MAX_PROMPT) {
        return cli_error("the prompt is too long");
    }

    if (len == 0 || memchr(prompt, '\0', len) != NULL) {
        return cli_error("the prompt on standard input is %s",
                         len == 0 ? "empty" : "no text");
    }

    return CLI_OK;
}


static int
cli_chat_run(const cli_options_t *opt)
{
    int               rc;
    unsigned          tries;
    attest_policy_t  *policy;

    if (opt->path != NULL && (opt->path[0] != '/'
        || strlen(opt->path) > 1024 || strpbrk(opt->path, " \t\r\n#")))
    {
        return cli_error("--path must be an absolute path");
    }

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy, NULL);

    if (rc == CLI_OK) {
        policy->require_hpke_keys = 1;

        for (rc = CLI_AGAIN, tries = 0;
             rc == CLI_AGAIN && tries < CLI_MAX_TRIES;
             tries++)
        {
            rc = cli_chat_once(opt, policy);
        }

        if (rc == CLI_AGAIN) {
            rc = cli_error("the gateway refuses the key that its evidence "
                           "names, or does not keep connections open");
        }
    }

    attest_policy_clear(policy);
    free(policy);
    return rc;
}


/* Verifies and sends on one connection: what was verified is what we use. */

static int
cli_chat_once(const cli_options_t *opt, const attest_policy_t *policy)
{
    int              rc;
    char            *body;
    attest_result_t  res;
    attest_peer_t    peer;

    rc = cli_peer_run(&peer, opt, policy, 1, &res);

    if (rc == CLI_OK && res.verdict != ATTEST_TRUSTED) {
        cli_report_result(stderr, &res, 0);
        (void) cli_error("nothing was sent");
        rc = cli_report_status(&res);

    } else if (rc == CLI_OK && attest_conn_over(&peer.seen.conn)) {
        rc = CLI_AGAIN;

    } else if (rc == CLI_OK) {
        cli_chat_elsewhere(&peer);
        body = cli_chat_body(opt);
        rc = body != NULL ? cli_chat_send(&peer.seen, opt, body)
                          : cli_error("the prompt is too long");

        if (body != NULL) {
            OPENSSL_cleanse(body, strlen(body));
            cJSON_free(body);
        }
    }

    attest_peer_clear(&peer);
    return rc;
}


/* No field of the request is a secret: it has none but its own. */

static void
cli_chat_elsewhere(const attest_peer_t *peer)
{
    if (peer->keys_only) {
        cli_fprintf(stderr, "ngx-attest: TLS ends elsewhere: who ends it sees "
                    "that and how much is asked, and nothing of what is "
                    "sealed for the gateway's keys\n");
    }
}


static char *
cli_chat_body(const cli_options_t *opt)
{
    char   *body;
    cJSON  *root, *message;

    if (strlen(opt->prompt) > CLI_MAX_PROMPT) {
        return NULL;
    }

    root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "model", opt->model != NULL ? opt->model
                                                              : "default");
    message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "role", "user");
    cJSON_AddStringToObject(message, "content", opt->prompt);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "messages"), message);
    cJSON_AddBoolToObject(root, "stream", 1);

    body = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return body;
}


static int
cli_chat_send(attest_fetch_t *ev, const cli_options_t *opt, const char *body)
{
    int                 rc;
    uint8_t             pk[32], enc[ATTEST_EHBP_ENC_LEN];
    attest_hpke_ctx_t   ctx;

    if (!cli_chat_key(ev, pk)) {
        return cli_error("the evidence names no X25519, AES-256-GCM key");
    }

    rc = cli_chat_seal(ev, opt, pk, body, &ctx, enc);
    if (rc != CLI_OK) {
        return rc;
    }

    /* a status without this field was not sealed by who opened the prompt */

    rc = ev->conn.head.ehbp_nonce[0] == '\0'
         ? cli_chat_refused(ev) : cli_stream_answer(&ev->conn, &ctx, enc);

    attest_hpke_ctx_clear(&ctx);
    return rc;
}


/* The first fitting key of the list whose hash the verified claims hold. */

static bool
cli_chat_key(const attest_fetch_t *ev, uint8_t pk[32])
{
    bool                      found;
    size_t                    count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_cmw_t              cmw;
    attest_keyconfig_t        kc[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_envelope_key_t     key;
    const attest_cmw_item_t  *item;

    if (attest_cmw_parse(ev->fresh.n != 0 ? ev->fresh.p : ev->cached.p,
                         ev->fresh.n != 0 ? ev->fresh.n : ev->cached.n,
                         &cmw) != ATTEST_OK)
    {
        return false;
    }

    item = attest_cmw_find(&cmw, ATTEST_ITEM_HPKE_KEYS);

    if (item == NULL
        || attest_keyconfig_parse_list(item->value.p, item->value.n, kc,
                                       NULL, &count) != ATTEST_OK)
    {
        count = 0;
    }

    found = attest_envelope_choose(kc, count, ATTEST_ENVELOPE_EHBP, 0, &key)
            == ATTEST_OK;

    if (found) {
        memcpy(pk, key.kc->pk.p, 32);
    }

    attest_cmw_free(&cmw);
    return found;
}


/* One frame with the whole request; CLI_OK: ctx stands, a head was read. */

static int
cli_chat_seal(attest_fetch_t *ev, const cli_options_t *opt,
    const uint8_t pk[32], const char *body, attest_hpke_ctx_t *ctx,
    uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    int             rc;
    char            hex[2 * ATTEST_EHBP_ENC_LEN + 1], extra[128];
    size_t          n = strlen(body);
    uint8_t        *sealed;
    attest_question_t   q = { "POST", NULL, "text/event-stream",
                            "application/json", extra, NULL, 0 };

    sealed = malloc(n + ATTEST_EHBP_OVERHEAD);
    if (sealed == NULL) {
        return cli_error("out of memory");
    }

    rc = attest_ehbp_client(ctx, pk, 32, enc);
    if (rc != ATTEST_OK) {
        free(sealed);
        return cli_error("cannot use the gateway's key: %s",
                         attest_strerror(rc));
    }

    rc = attest_ehbp_client_seal(ctx, (const uint8_t *) body, n, sealed);

    attest_hex_encode(hex, enc, ATTEST_EHBP_ENC_LEN);
    (void) snprintf(extra, sizeof(extra), "Ehbp-Encapsulated-Key: %s", hex);
    q.path = opt->path != NULL ? opt->path : CLI_CHAT_PATH;
    q.body = sealed;
    q.len = n + ATTEST_EHBP_OVERHEAD;

    attest_exchange_timeout(&ev->conn, CLI_CHAT_TIMEOUT, 0);

    if (rc != ATTEST_OK) {
        rc = cli_error("cannot seal the prompt: %s", attest_strerror(rc));

    } else if (attest_exchange(&ev->conn, &q) != ATTEST_OK) {
        rc = cli_error("%s", ev->conn.err);
    }

    free(sealed);

    if (rc != CLI_OK) {
        attest_hpke_ctx_clear(ctx);
    }

    return rc;
}


static int
cli_chat_refused(attest_fetch_t *ev)
{
    int              again = 0;
    cJSON           *json = NULL;
    const cJSON     *type, *title;
    attest_bytes_t   body;

    static const attest_json_rules_t  rules = { 0 };

    if (attest_exchange_all(&ev->conn, ATTEST_FETCH_MAX_SMALL, &body)
        != ATTEST_OK)
    {
        return cli_error("the gateway answered %d, not sealed",
                         ev->conn.head.status);
    }

    (void) attest_json_parse(attest_bytes_span(&body), &rules, &json, NULL);
    type = cJSON_GetObjectItemCaseSensitive(json, "type");
    title = cJSON_GetObjectItemCaseSensitive(json, "title");

    if (ev->conn.head.status == 422 && cJSON_IsString(type)
        && strcmp(type->valuestring, CLI_MISMATCH_TYPE) == 0)
    {
        again = 1;

    } else {
        (void) cli_error("the gateway answered %d, not sealed%s%.200s",
                         ev->conn.head.status,
                         cJSON_IsString(title) ? ": " : "",
                         cJSON_IsString(title) ? title->valuestring : "");
    }

    cJSON_Delete(json);
    attest_bytes_free(&body);
    return again ? CLI_AGAIN : CLI_UNDECIDED;
}
