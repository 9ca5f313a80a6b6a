/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answer of a chat: frames are opened one by one, and what a model says
 * in events or in one document is printed as it comes.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attest_hex.h"
#include "client/attest_exchange.h"
#include "cli/cli.h"
#include "cli/cli_stream.h"


#define CLI_STREAM_MAX_FRAME  (1024 * 1024)
#define CLI_STREAM_MAX_EVENT  (1024 * 1024)


typedef struct {
    attest_conn_t   *conn;
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


static int cli_stream_run(cli_stream_t *s);
static int cli_stream_last(cli_stream_t *s);
static int cli_stream_open(cli_stream_t *s);
static int cli_stream_take(cli_stream_t *s, const uint8_t *p, size_t n);
static bool cli_stream_begin(cli_stream_t *s, uint8_t c);
static int cli_stream_line(cli_stream_t *s);
static int cli_stream_data(cli_stream_t *s, const char *text);
static void cli_stream_event_end(cli_stream_t *s);
static int cli_stream_json(cli_stream_t *s, const char *text,
    const char *member);
static void cli_stream_message(cli_stream_t *s, const cJSON *json,
    const char *member);
static void cli_stream_content(cli_stream_t *s, const cJSON *v);
static void cli_stream_print(cli_stream_t *s, const cJSON *v);
static bool cli_stream_has(const cJSON *json, const char *name);
static void cli_stream_finish(cli_stream_t *s, const cJSON *v);
static void cli_stream_fault(cli_stream_t *s, const char *text);
static void cli_stream_errors(cli_stream_t *s, const cJSON *json);
static void cli_stream_error(cli_stream_t *s, const cJSON *v);
static int cli_stream_verdict(cli_stream_t *s, int rc);


int
cli_stream_answer(attest_conn_t *conn, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    int           rc;
    uint8_t       nonce[ATTEST_EHBP_NONCE_LEN];
    cli_stream_t  s;

    memset(&s, 0, sizeof(s));
    s.conn = conn;

    if (attest_hex_exact(attest_span_text(conn->head.ehbp_nonce), nonce,
                         sizeof(nonce))
        != ATTEST_OK
        || attest_ehbp_response(&s.aead, ctx, enc, nonce, 0) != ATTEST_OK)
    {
        return cli_error("the answer's nonce is malformed");
    }

    s.in = malloc(CLI_STREAM_MAX_FRAME + 4);
    s.frame = malloc(CLI_STREAM_MAX_FRAME + 1);
    s.line = malloc(CLI_STREAM_MAX_EVENT + 1);

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
                     CLI_STREAM_MAX_FRAME + 4 - s->in_len);
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
                                     CLI_STREAM_MAX_FRAME, s->frame, &len,
                                     &used, &marker);
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

        if (s->line_len == CLI_STREAM_MAX_EVENT || p[i] == '\0') {
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

static bool
cli_stream_begin(cli_stream_t *s, uint8_t c)
{
    if (c != '\0' && strchr(" \t\r\n\xef\xbb\xbf", c) != NULL) {
        return false;
    }

    s->begun = 1;
    s->json = (c == '{');
    return true;
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

static bool
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
