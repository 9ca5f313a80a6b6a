/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest chat": one prompt, sealed for the keys that a trusted verdict
 * names and sent over the connection that it was reached on; the answer is
 * opened frame by frame and printed as it comes.
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


#define CLI_STREAM_TIMEOUT    300000    /* ms between two tokens */
#define CLI_MAX_TRIES         3
#define CLI_MAX_PROMPT        (1024 * 1024)
#define CLI_MAX_FRAME         (1024 * 1024)
#define CLI_MAX_EVENT         (1024 * 1024)
#define CLI_MISMATCH_TYPE     "urn:ietf:params:ehbp:error:key-config"

/* One attempt may end in "keys or connection changed, verify again". */
#define CLI_AGAIN             3


typedef struct {
    attest_conn_t      *conn;
    attest_aead_t    aead;
    uint8_t         *in;            /* sealed bytes, not opened yet */
    size_t           in_len;
    uint8_t         *frame;         /* one opened frame */
    char            *line;          /* an SSE line under construction */
    size_t           line_len;
    int              begun;         /* the first byte was seen, it says: */
    int              json;          /* one JSON document, no stream */
    int              marker;        /* the end marker was seen */
    int              tokens;        /* some text was printed */
    int              thoughts;      /* there were some, not printed */
    int              tools;         /* the model asks for tools */
    int              failing;       /* the event is named "error" */
    int              refused;       /* by an error of the backend */
    const char      *why;
} cli_stream_t;


static int cli_chat_prompt(cli_options_t *opt);
static int cli_chat_stdin(char *prompt);
static int cli_chat_run(const cli_options_t *opt);
static int cli_chat_once(const cli_options_t *opt,
    const attest_policy_t *policy);
static int cli_chat_send(attest_fetch_t *ev, const cli_options_t *opt,
    const char *body);
static char *cli_chat_body(const cli_options_t *opt);
static int cli_chat_key(const attest_fetch_t *ev, uint8_t pk[32]);
static int cli_chat_seal(attest_fetch_t *ev, const cli_options_t *opt,
    const uint8_t pk[32], const char *body, attest_hpke_ctx_t *ctx,
    uint8_t enc[ATTEST_EHBP_ENC_LEN]);
static int cli_chat_refused(attest_fetch_t *ev);
static int cli_chat_answer(attest_fetch_t *ev, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN]);
static int cli_stream_run(cli_stream_t *s);
static int cli_stream_last(cli_stream_t *s);
static int cli_stream_open(cli_stream_t *s);
static int cli_stream_take(cli_stream_t *s, const uint8_t *p, size_t n);
static int cli_stream_begin(cli_stream_t *s, uint8_t c);
static int cli_stream_line(cli_stream_t *s);
static int cli_stream_data(cli_stream_t *s, const char *text);
static void cli_stream_event_end(cli_stream_t *s);
static int cli_stream_json(cli_stream_t *s, const char *text,
    const char *member);
static void cli_stream_message(cli_stream_t *s, const cJSON *json,
    const char *member);
static void cli_stream_content(cli_stream_t *s, const cJSON *v);
static void cli_stream_print(cli_stream_t *s, const cJSON *v);
static int cli_stream_has(const cJSON *json, const char *name);
static void cli_stream_finish(cli_stream_t *s, const cJSON *v);
static void cli_stream_fault(cli_stream_t *s, const char *text);
static void cli_stream_errors(cli_stream_t *s, const cJSON *json);
static void cli_stream_error(cli_stream_t *s, const cJSON *v);
static int cli_stream_verdict(cli_stream_t *s, int rc);


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

    rc = cli_run(&peer, opt, policy, 1, &res);

    if (rc == CLI_OK && res.verdict != ATTEST_TRUSTED) {
        cli_print_result(stderr, &res, 0);
        (void) cli_error("nothing was sent");
        rc = cli_status(&res);

    } else if (rc == CLI_OK && attest_conn_over(&peer.seen.conn)) {
        rc = CLI_AGAIN;

    } else if (rc == CLI_OK) {
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

    rc = ev->conn.head.ehbp_nonce[0] == '\0' ? cli_chat_refused(ev)
                                        : cli_chat_answer(ev, &ctx, enc);

    attest_hpke_ctx_clear(&ctx);
    return rc;
}


/* The first fitting key of the list whose hash the verified claims hold. */

static int
cli_chat_key(const attest_fetch_t *ev, uint8_t pk[32])
{
    int                       found;
    size_t                    count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_cmw_t              cmw;
    attest_keyconfig_t        kc[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_envelope_key_t     key;
    const attest_cmw_item_t  *item;

    if (attest_cmw_parse(ev->fresh.n != 0 ? ev->fresh.p : ev->cached.p,
                         ev->fresh.n != 0 ? ev->fresh.n : ev->cached.n,
                         &cmw) != ATTEST_OK)
    {
        return 0;
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

    attest_exchange_timeout(&ev->conn, CLI_STREAM_TIMEOUT, 0);

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


static int
cli_chat_answer(attest_fetch_t *ev, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    int           rc;
    uint8_t       nonce[ATTEST_EHBP_NONCE_LEN];
    cli_stream_t  s;

    memset(&s, 0, sizeof(s));
    s.conn = &ev->conn;

    if (attest_hex_exact(attest_span_text(ev->conn.head.ehbp_nonce), nonce,
                         sizeof(nonce))
        != ATTEST_OK
        || attest_ehbp_response(&s.aead, ctx, enc, nonce, 0) != ATTEST_OK)
    {
        return cli_error("the answer's nonce is malformed");
    }

    s.in = malloc(CLI_MAX_FRAME + 4);
    s.frame = malloc(CLI_MAX_FRAME + 1);
    s.line = malloc(CLI_MAX_EVENT + 1);

    rc = s.in != NULL && s.frame != NULL && s.line != NULL
         ? cli_stream_run(&s) : cli_error("out of memory");

    if (s.tokens) {
        cli_printf("\n");
    }

    rc = cli_stream_verdict(&s, rc);

    free(s.in);
    free(s.frame);
    free(s.line);
    attest_aead_clear(&s.aead);
    return rc;
}


/* Whole, authenticated, and an answer: only this is success. */

static int
cli_stream_verdict(cli_stream_t *s, int rc)
{
    if (s->why != NULL) {
        return cli_error("%s", s->why);
    }

    if (rc != CLI_OK) {
        return rc;
    }

    if (s->conn->head.status != 200) {
        return cli_error("the backend answered %d", s->conn->head.status);
    }

    if (s->refused) {
        return CLI_UNDECIDED;
    }

    if (!s->tokens) {
        return cli_error("the answer holds %s", s->tools
                         ? "no text, it asks for tools, and there are none"
                         : s->thoughts ? "no text, only thoughts"
                         : "nothing that can be shown");
    }

    return CLI_OK;
}


/*
 * A frame is shown only after its tag was checked.  The end of the body says
 * nothing: only the authenticated empty frame tells a whole answer from a cut
 * one.
 */

static int
cli_stream_run(cli_stream_t *s)
{
    long  n;

    for ( ;; ) {
        if (cli_stream_open(s) != CLI_OK) {
            return CLI_UNDECIDED;
        }

        n = attest_exchange_read(s->conn, s->in + s->in_len,
                     CLI_MAX_FRAME + 4 - s->in_len);
        if (n < 0 && !s->marker) {
            s->why = s->conn->err;
            return CLI_UNDECIDED;
        }

        if (n <= 0) {
            break;
        }

        s->in_len += (size_t) n;
    }

    if (!s->marker || s->in_len != 0) {
        s->why = "the answer was cut: its end marker is missing";
        return CLI_UNDECIDED;
    }

    return cli_stream_last(s);
}


/* The document, or an event that ends with the answer and not with a line. */

static int
cli_stream_last(cli_stream_t *s)
{
    if (s->json) {
        s->line[s->line_len] = '\0';
        return cli_stream_json(s, s->line, "message");
    }

    if (cli_stream_line(s) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    cli_stream_event_end(s);
    return CLI_OK;
}


/* All whole frames at the start of `in`. */

static int
cli_stream_open(cli_stream_t *s)
{
    int     rc, marker;
    size_t  used, len;

    for ( ;; ) {
        rc = attest_ehbp_client_open(&s->aead, s->in, s->in_len,
                                     CLI_MAX_FRAME, s->frame, &len, &used,
                                     &marker);
        if (rc != ATTEST_OK) {
            s->why = rc == ATTEST_ECRYPTO
                     ? "the answer was altered on its way"
                     : "the answer is malformed";
            return CLI_UNDECIDED;
        }

        if (used == 0) {
            break;
        }

        if (s->marker) {
            s->why = "something follows the end of the answer";
            return CLI_UNDECIDED;
        }

        s->marker = marker;
        s->in_len -= used;
        memmove(s->in, s->in + used, s->in_len);

        if (cli_stream_take(s, s->frame, len) != CLI_OK) {
            return CLI_UNDECIDED;
        }
    }

    (void) fflush(stdout);
    return CLI_OK;
}


/* A lone CR ends a line of server-sent events as well. */

static int
cli_stream_take(cli_stream_t *s, const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (!s->begun && !cli_stream_begin(s, p[i])) {
            continue;
        }

        if (!s->json && (p[i] == '\n' || p[i] == '\r')) {
            if (cli_stream_line(s) != CLI_OK) {
                return CLI_UNDECIDED;
            }

            continue;
        }

        if (s->line_len == CLI_MAX_EVENT || p[i] == '\0') {
            s->why = p[i] == '\0' ? "the answer is no text"
                     : "an event of the answer is too long";
            return CLI_UNDECIDED;
        }

        s->line[s->line_len++] = (char) p[i];
    }

    return CLI_OK;
}


/*
 * JSON or events?  Content-Type is not sealed: whoever is on the way could
 * make an answer look empty with it.  0 for blanks and a byte order mark.
 */

static int
cli_stream_begin(cli_stream_t *s, uint8_t c)
{
    if (c != '\0' && strchr(" \t\r\n\xef\xbb\xbf", c) != NULL) {
        return 0;
    }

    s->begun = 1;
    s->json = (c == '{');
    return 1;
}


/*
 * Server-sent events: "data: {...}", comments and other fields skipped, but
 * for what backends say of a failure: "event: error", and "error: ...", which
 * is no field of the standard.
 */

static int
cli_stream_line(cli_stream_t *s)
{
    const char  *text = s->line;

    s->line[s->line_len] = '\0';
    s->line_len = 0;

    if (*text == '\0') {
        cli_stream_event_end(s);
        return CLI_OK;
    }

    if (strncmp(text, "event:", 6) == 0) {
        s->failing = (strcmp(text + (text[6] == ' ' ? 7 : 6), "error") == 0);
        return CLI_OK;
    }

    if (strncmp(text, "error:", 6) == 0) {
        cli_stream_fault(s, text + (text[6] == ' ' ? 7 : 6));
        return CLI_OK;
    }

    return strncmp(text, "data:", 5) == 0
           ? cli_stream_data(s, text + (text[5] == ' ' ? 6 : 5)) : CLI_OK;
}


static int
cli_stream_data(cli_stream_t *s, const char *text)
{
    if (s->failing) {
        cli_stream_fault(s, text);
        return CLI_OK;
    }

    return *text == '\0' || strcmp(text, "[DONE]") == 0
           ? CLI_OK : cli_stream_json(s, text, "delta");
}


/* Its name may stand behind its data, or alone. */

static void
cli_stream_event_end(cli_stream_t *s)
{
    if (s->failing && !s->refused) {
        cli_stream_error(s, NULL);
    }

    s->failing = 0;
}


static int
cli_stream_json(cli_stream_t *s, const char *text, const char *member)
{
    cJSON  *json;

    json = cJSON_ParseWithOpts(text, NULL, 1);
    if (json == NULL) {
        s->why = "the answer is not what a chat backend sends";
        return CLI_UNDECIDED;
    }

    cli_stream_message(s, json, member);
    cli_stream_errors(s, json);

    cJSON_Delete(json);
    return CLI_OK;
}


/* choices[0].delta, or .message: its text, and what else there may be. */

static void
cli_stream_message(cli_stream_t *s, const cJSON *json, const char *member)
{
    const cJSON  *choice, *v;

    choice = cJSON_GetObjectItemCaseSensitive(json, "choices");
    choice = cJSON_GetArrayItem(choice, 0);
    v = cJSON_GetObjectItemCaseSensitive(choice, member);

    cli_stream_content(s, cJSON_GetObjectItemCaseSensitive(v, "content"));
    cli_stream_errors(s, choice);

    s->thoughts |= cli_stream_has(v, "reasoning_content")
                   || cli_stream_has(v, "reasoning")
                   || cli_stream_has(v, "reasoning_details");
    s->tools |= cli_stream_has(v, "tool_calls")
                || cli_stream_has(v, "function_call");

    if (cli_stream_has(v, "refusal")) {
        /* the model's own words why it says nothing else */
        cli_stream_error(s, cJSON_GetObjectItemCaseSensitive(v, "refusal"));
    }

    cli_stream_finish(s, cJSON_GetObjectItemCaseSensitive(choice,
                                                          "finish_reason"));
}


/* A string, or parts, of which some are text. */

static void
cli_stream_content(cli_stream_t *s, const cJSON *v)
{
    const cJSON  *part, *type;

    if (!cJSON_IsArray(v)) {
        cli_stream_print(s, v);
        return;
    }

    cJSON_ArrayForEach(part, v) {
        type = cJSON_GetObjectItemCaseSensitive(part, "type");

        if (cJSON_IsString(type) && strcmp(type->valuestring, "text") == 0) {
            cli_stream_print(s, cJSON_GetObjectItemCaseSensitive(part,
                                                                 "text"));
        } else if (cJSON_IsString(type)
                   && strcmp(type->valuestring, "thinking") == 0)
        {
            s->thoughts = 1;
        }
    }
}


static void
cli_stream_print(cli_stream_t *s, const cJSON *v)
{
    if (cJSON_IsString(v) && v->valuestring[0] != '\0') {
        cli_print_answer(stdout, (const uint8_t *) v->valuestring,
                         strlen(v->valuestring));
        s->tokens = 1;
    }
}


/* Not null, nor empty. */

static int
cli_stream_has(const cJSON *json, const char *name)
{
    const cJSON  *v = cJSON_GetObjectItemCaseSensitive(json, name);

    return v != NULL
           && ((cJSON_IsString(v) && v->valuestring[0] != '\0')
               || ((cJSON_IsArray(v) || cJSON_IsObject(v))
                   && v->child != NULL));
}


/* Why a model stopped before it was done; the text so far was shown. */

static void
cli_stream_finish(cli_stream_t *s, const cJSON *v)
{
    const char  *why;

    if (!cJSON_IsString(v)) {
        return;
    }

    why = v->valuestring;

    if (strcmp(why, "length") == 0) {
        (void) cli_error("the answer ends at the backend's limit of its "
                         "length");

    } else if (strcmp(why, "content_filter") == 0
               || strcmp(why, "error") == 0 || strcmp(why, "abort") == 0)
    {
        (void) cli_error("the backend has ended the answer: %s", why);
        s->refused = 1;
    }
}


/* What an error event says: JSON of some shape, or words. */

static void
cli_stream_fault(cli_stream_t *s, const char *text)
{
    cJSON        *json = cJSON_ParseWithOpts(text, NULL, 1);
    const cJSON  *v;

    if (json == NULL) {
        json = cJSON_CreateString(text);
    }

    v = cJSON_GetObjectItemCaseSensitive(json, "error");
    cli_stream_error(s, v != NULL ? v : json);

    cJSON_Delete(json);
}


/* {"error": ...}, or a document that is one by its "object" or "type". */

static void
cli_stream_errors(cli_stream_t *s, const cJSON *json)
{
    const cJSON  *v, *object, *type;

    v = cJSON_GetObjectItemCaseSensitive(json, "error");
    object = cJSON_GetObjectItemCaseSensitive(json, "object");
    type = cJSON_GetObjectItemCaseSensitive(json, "type");

    if (v != NULL && !cJSON_IsNull(v) && !cJSON_IsFalse(v)) {
        cli_stream_error(s, v);

    } else if ((cJSON_IsString(object)
                && strcmp(object->valuestring, "error") == 0)
               || (cJSON_IsString(type)
                   && strcmp(type->valuestring, "error") == 0))
    {
        cli_stream_error(s, json);
    }
}


/* An error's message, or the error itself where it is a string. */

static void
cli_stream_error(cli_stream_t *s, const cJSON *v)
{
    const char  *text;

    if (cJSON_IsObject(v)) {
        v = cJSON_GetObjectItemCaseSensitive(v, "message");
    }

    text = cJSON_IsString(v) ? v->valuestring : "an error";

    (void) cli_error("the backend says: %.500s", text);
    s->refused = 1;
}
