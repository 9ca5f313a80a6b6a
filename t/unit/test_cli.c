/* SPDX-License-Identifier: Apache-2.0 */

/* ngx-attest without a network: what it prints, and what it ends with. */

#include <unistd.h>

#include "unit.h"
#include "core/base/attest_hex.h"
#include "cli/cli_archive.c"
#include "cli/cli_input.c"
#include "cli/cli_chat.c"
#include "cli/cli_policy.c"
#include "cli/cli_policy_load.c"
#include "cli/cli_report.c"
#include "cli/cli_stream.c"
#include "cli/cli_util.c"
#include "cli/cli_verify.c"


#define TOKEN(text)                                                          \
    "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define DONE_EVENT       "data: [DONE]\n\n"
#define JSON(text)                                                           \
    "{\"choices\":[{\"message\":{\"content\":\"" text "\"}}]}"


/* What the gateway of a test answers, sealed. */

static uint8_t   wire[32768];
static size_t    wire_len;
static size_t    wire_at;

static FILE     *caught[2];
static int       kept[2];
static char      text_out[65536];
static char      text_err[65536];


static void catch_output(void);
static void release_output(void);
static void seal(attest_aead_t *aead, const char *text, size_t n);
static void seal_all(attest_aead_t *aead, const char *text, size_t n,
    size_t size);
static int answer(const char *type, int status, const char *text, size_t n,
    size_t size);
static void chat(const char *what, const char *type, int status,
    const char *text, size_t n, int want, const char *out);
static void print(const char *what, const char *text, const char *want);
static int read_prompt(const void *p, size_t n, cli_options_t *opt);
static void policy_of(const char *label);


/* The network. */

int
attest_exchange(attest_conn_t *c, const attest_question_t *q)
{
    (void) q;
    (void) snprintf(c->err, sizeof(c->err), "no network in this test");
    return CLI_UNDECIDED;
}


long
attest_exchange_read(attest_conn_t *c, uint8_t *p, size_t n)
{
    size_t  left = wire_len - wire_at;

    (void) c;
    n = n < left ? n : left;
    memcpy(p, wire + wire_at, n);
    wire_at += n;
    return (long) n;
}


int
attest_exchange_all(attest_conn_t *c, size_t cap, attest_bytes_t *out)
{
    (void) cap;
    memset(out, 0, sizeof(*out));
    return attest_exchange(c, NULL);
}


void
attest_exchange_timeout(attest_conn_t *c, int64_t ms, int total)
{
    (void) c;
    (void) ms;
    (void) total;
}


int
cli_peer_run(attest_peer_t *peer, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res)
{
    (void) opt;
    (void) policy;
    (void) activate;
    memset(peer, 0, sizeof(*peer));
    memset(res, 0, sizeof(*res));
    return CLI_UNDECIDED;
}


void
attest_peer_verdict(const attest_fetch_t *ev,
    const attest_peer_options_t *opt, const attest_policy_t *policy,
    attest_result_t *res)
{
    (void) ev;
    (void) opt;
    (void) policy;
    memset(res, 0, sizeof(*res));
}


void
attest_peer_clear(attest_peer_t *peer)
{
    (void) peer;
}


/* Standard output and error until release_output(). */

static void
catch_output(void)
{
    int  i;

    (void) fflush(stdout);

    for (i = 0; i < 2; i++) {
        caught[i] = tmpfile();
        kept[i] = dup(i + 1);

        if (caught[i] == NULL || kept[i] < 0
            || dup2(fileno(caught[i]), i + 1) < 0)
        {
            exit(1);
        }
    }
}


static void
release_output(void)
{
    int    i;
    char  *text[2] = { text_out, text_err };

    (void) fflush(stdout);

    for (i = 0; i < 2; i++) {
        (void) dup2(kept[i], i + 1);
        (void) close(kept[i]);
        rewind(caught[i]);
        text[i][fread(text[i], 1, sizeof(text_out) - 1, caught[i])] = '\0';
        (void) fclose(caught[i]);
    }
}


static void
seal(attest_aead_t *aead, const char *text, size_t n)
{
    if (attest_ehbp_seal_frame(aead, (const uint8_t *) text, n,
                               wire + wire_len) != ATTEST_OK)
    {
        printf("Bail out! cannot seal\n");
        exit(1);
    }

    wire_len += n + ATTEST_EHBP_OVERHEAD;
}


/* Frames of `size` bytes, then the end marker. */

static void
seal_all(attest_aead_t *aead, const char *text, size_t n, size_t size)
{
    size_t  at, part;

    wire_len = wire_at = 0;

    for (at = 0; at < n; at += part) {
        part = n - at < size ? n - at : size;
        seal(aead, text + at, part);
    }

    seal(aead, "", 0);
}


/* The exit status for an answer of these frames. */

static int
answer(const char *type, int status, const char *text, size_t n, size_t size)
{
    int                       rc;
    uint8_t                   enc[ATTEST_EHBP_ENC_LEN], nonce[32];
    attest_aead_t             aead;
    attest_kem_key_t          key;
    attest_hpke_ctx_t         ctx;
    static attest_fetch_t     ev;

    memset(&ev, 0, sizeof(ev));
    memset(nonce, 7, sizeof(nonce));
    attest_hex_encode(ev.conn.head.ehbp_nonce, nonce, sizeof(nonce));
    (void) snprintf(ev.conn.head.type, sizeof(ev.conn.head.type), "%s", type);
    ev.conn.head.status = status;

    if (attest_kem_key_generate(&key, ATTEST_KEM_X25519) != ATTEST_OK
        || attest_ehbp_client(&ctx, key.pk, 32, enc) != ATTEST_OK
        || attest_ehbp_response(&aead, &ctx, enc, nonce, 1) != ATTEST_OK)
    {
        printf("Bail out! no keys\n");
        exit(1);
    }

    seal_all(&aead, text, n, size);

    catch_output();
    rc = cli_stream_answer(&ev.conn, &ctx, enc);
    release_output();

    attest_aead_clear(&aead);
    attest_hpke_ctx_clear(&ctx);
    attest_kem_key_clear(&key);
    return rc;
}


/* In one frame, and byte by byte. */

static void
chat(const char *what, const char *type, int status, const char *text,
    size_t n, int want, const char *out)
{
    int     rc;
    size_t  size;

    for (size = sizeof(wire); size != 0; size = size > 1) {
        rc = answer(type, status, text, n, size);

        if (!OK(rc == want && strcmp(text_out, out) == 0
                && (rc == CLI_OK) == (text_err[0] == '\0'),
                "%s: %d, frames of %zu", what, want, size))
        {
            printf("#   %d\n#   out %s\n#   err %s\n", rc, text_out,
                   text_err);
        }
    }
}


#define CHAT(what, type, text, want, out)                                    \
    chat(what, type, 200, text, sizeof(text) - 1, want, out)
#define EVENTS           "text/event-stream"
#define DOCUMENT         "application/json"


static void
test_chat(void)
{
    CHAT("events", EVENTS, TOKEN("a ") TOKEN("b") DONE_EVENT, 0, "a b\n");
    CHAT("events called JSON", DOCUMENT, TOKEN("a ") TOKEN("b") DONE_EVENT,
         0, "a b\n");
    CHAT("a document", DOCUMENT, JSON("whole"), 0, "whole\n");
    CHAT("a document called events", EVENTS, JSON("whole"), 0, "whole\n");
    CHAT("a document called nothing", "", JSON("whole"), 0, "whole\n");
    CHAT("blanks before a document", DOCUMENT, "\r\n \t" JSON("x") "\n", 0,
         "x\n");
    CHAT("a byte order mark", EVENTS, "\xef\xbb\xbf" TOKEN("x"), 0, "x\n");
    CHAT("comments and other fields", EVENTS,
         ": hello\n\nevent: x\nid: 1\ndata:\n" TOKEN("x") "retry: 3\n\n", 0,
         "x\n");
    CHAT("no blank behind the colon", EVENTS,
         "data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n", 0, "x\n");
    CHAT("the last event without a newline", EVENTS, TOKEN("first ")
         "data: {\"choices\":[{\"delta\":{\"content\":\"last\"}}]}", 0,
         "first last\n");
    CHAT("lines that end with CR LF", EVENTS,
         "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\n"
         "data: [DONE]\r\n\r\n", 0, "x\n");
    CHAT("lines that end with CR", EVENTS,
         "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\r"
         "data: {\"choices\":[{\"delta\":{\"content\":\"y\"}}]}\r\r", 0,
         "xy\n");
    CHAT("an error that is null", EVENTS, TOKEN("x")
         "data: {\"error\":null}\n\n", 0, "x\n");
}


static void
test_chat_refused(void)
{
    CHAT("nothing", EVENTS, "", CLI_UNDECIDED, "");
    CHAT("blanks", DOCUMENT, " \n", CLI_UNDECIDED, "");
    CHAT("no text and no end", EVENTS, TOKEN(""), CLI_UNDECIDED, "");
    CHAT("no text, but an end", EVENTS, TOKEN("") DONE_EVENT, CLI_UNDECIDED,
         "");
    CHAT("the end without a newline", EVENTS, "data: [DONE]", CLI_UNDECIDED,
         "");
    CHAT("only other fields", EVENTS, "event: x\n\n", CLI_UNDECIDED, "");
    CHAT("a web page", "text/html", "<html></html>", CLI_UNDECIDED, "");
    CHAT("a list", DOCUMENT, "[" JSON("x") "]", CLI_UNDECIDED, "");
    CHAT("a document that says nothing", DOCUMENT, "{}", CLI_UNDECIDED, "");
    CHAT("a cut document", DOCUMENT, "{\"choices\":[{\"message\":",
         CLI_UNDECIDED, "");
    CHAT("two documents", DOCUMENT, JSON("x") "\n" JSON("y"), CLI_UNDECIDED,
         "");
    CHAT("a cut event", EVENTS, TOKEN("x") "data: {\"choices\":",
         CLI_UNDECIDED, "x\n");
    CHAT("an event that is no JSON", EVENTS, TOKEN("x") "data: y\n\n"
         TOKEN("z"), CLI_UNDECIDED, "x\n");
    CHAT("a NUL", EVENTS, TOKEN("x") "data: [DONE]\0\n" TOKEN("z"),
         CLI_UNDECIDED, "x\n");
    CHAT("an error", DOCUMENT, "{\"error\":{\"message\":\"no\\u001b[2J\"}}",
         CLI_UNDECIDED, "");
    OK(strcmp(text_err, "ngx-attest: the backend says: no?[2J\n") == 0,
       "its text: %s", text_err);
    CHAT("an error behind some text", EVENTS, TOKEN("x")
         "data: {\"error\":\"no\"}\n\n" DONE_EVENT, CLI_UNDECIDED, "x\n");
    chat("a status that is no success", EVENTS, 500, TOKEN("x") DONE_EVENT,
         sizeof(TOKEN("x") DONE_EVENT) - 1, CLI_UNDECIDED, "x\n");

    /* both halves of a C1 control: CSI, in two tokens */
    CHAT("a control in two tokens", EVENTS, TOKEN("a\xc2") TOKEN("\x9b" "b"),
         0, "a??b\n");
}


static void
print(const char *what, const char *text, const char *want)
{
    FILE  *f = fmemopen(text_out, sizeof(text_out), "w");

    cli_print_text(f, (const uint8_t *) text, strlen(text), 1);
    fclose(f);
    OK(strcmp(text_out, want) == 0, "printed: %s", what);
}


static void
test_print(void)
{
    print("text", "Text, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
          "Text, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    print("newlines and tabs", "a\n\tb", "a\n\tb");
    print("C0 and DEL", "a\x1b[31m\r\b\x7f\x07", "a?[31m????");
    print("C1", "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0");
    print("bytes above ASCII", "\x9b" "a\x80\xff\xfe", "?a???");
    print("a lead byte at the end", "a\xc2", "a?");
    print("two of three bytes", "a\xe2\x82", "a??");
    print("three of four bytes", "a\xf0\x9f\x98", "a???");
    print("a lead byte before ASCII", "\xc2" "a\xe2\x82" "b", "?a??b");
    print("too long forms", "\xc0\x9b\xc1\xbf\xe0\x82\x9b\xf0\x80\x82\x9b",
          "???????????");
    print("the shortest of each length",
          "\xc2\xa0\xe0\xa0\x80\xf0\x90\x80\x80",
          "\xc2\xa0\xe0\xa0\x80\xf0\x90\x80\x80");
    print("surrogates", "\xed\xa0\x80\xed\xbf\xbf\xed\x9f\xbf\xee\x80\x80",
          "??????\xed\x9f\xbf\xee\x80\x80");
    print("beyond Unicode", "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80\xf5\x80",
          "\xf4\x8f\xbf\xbf??????");
}


/* What cli_chat() would send for "-" with this on standard input. */

static int
read_prompt(const void *p, size_t n, cli_options_t *opt)
{
    int    rc, old = dup(STDIN_FILENO);
    FILE  *f = tmpfile();

    (void) fwrite(p, 1, n, f);
    rewind(f);
    memset(opt, 0, sizeof(*opt));
    opt->prompt = "-";

    (void) dup2(fileno(f), STDIN_FILENO);
    catch_output();
    rc = cli_chat_prompt(opt);
    release_output();
    (void) dup2(old, STDIN_FILENO);

    (void) close(old);
    (void) fclose(f);
    return rc;
}


static void
test_prompt(void)
{
    char           *big = malloc(CLI_MAX_PROMPT + 1);
    cli_options_t   opt;

    memset(big, 'x', CLI_MAX_PROMPT + 1);

    IS_INT(read_prompt("Hello\n", 6, &opt), CLI_OK, "a prompt from a file");
    OK(strcmp(opt.prompt, "Hello\n") == 0, "is taken as it is");
    OPENSSL_free((char *) opt.prompt);
    IS_INT(read_prompt(big, CLI_MAX_PROMPT, &opt), CLI_OK,
           "as long as allowed");
    IS_INT(strlen(opt.prompt), CLI_MAX_PROMPT, "and whole");
    OPENSSL_free((char *) opt.prompt);
    IS_INT(read_prompt(big, CLI_MAX_PROMPT + 1, &opt), CLI_UNDECIDED,
           "one byte more");
    IS_INT(read_prompt("", 0, &opt), CLI_UNDECIDED, "an empty prompt");
    IS_INT(read_prompt("a\0b", 3, &opt), CLI_UNDECIDED, "a NUL in a prompt");
    OK(strcmp(opt.prompt, "-") == 0, "nothing is kept of those");

    free(big);
}


static void
policy_of(const char *label)
{
    char                    buf[32], *text;
    cJSON                  *root, *add;
    attest_result_t         res;
    attest_tpm_item_t       tpm;

    memset(&res, 0, sizeof(res));
    memset(&tpm, 0, sizeof(tpm));
    tpm.root.p = (const uint8_t *) label;
    tpm.root.n = strlen(label);

    OK(strcmp(cli_policy_label(&res, &tpm, buf), label) == 0,
       "the TPM's own label %s", label);

    res.root = ATTEST_ROOT_TEE;
    OK(strcmp(cli_policy_label(&res, &tpm, buf), "tee") == 0,
       "what was proven comes first");

    root = cJSON_Parse("{\"version\":7,\"snp\":{\"vmpl\":1,\"min_tcb\":{}}}");
    add = cJSON_Parse("{\"version\":1,\"ak\":[\"x\"],\"gcp\":{},"
                      "\"snp\":{\"vmpl\":2,\"min_tcb\":{\"tee\":1},"
                      "\"chip_id\":[]},\"pcrs\":{\"sha256\":{\"0\":\"y\"}}}");
    catch_output();
    cli_policy_merge(root, add, "");
    release_output();

    text = cJSON_PrintUnformatted(root);
    OK(strcmp(text, "{\"version\":7,\"snp\":{\"vmpl\":1,\"min_tcb\":{},"
              "\"chip_id\":[]},\"ak\":[\"x\"],"
              "\"pcrs\":{\"sha256\":{\"0\":\"y\"}}}") == 0,
       "members of the base policy stay, others are added: %s", text);
    OK(strstr(text_err, "kept as --policy has it: snp.vmpl: 1\n") != NULL
       && strstr(text_err, "the evidence has: snp.vmpl: 2\n") != NULL
       && strstr(text_err, "added: pcrs.sha256.0: \"y\"\n") != NULL
       && strstr(text_err, "gcp") == NULL, "and said: %s", text_err);

    cJSON_free(text);
    cJSON_Delete(root);
    cJSON_Delete(add);

    catch_output();
    cli_policy_warn(label);
    release_output();
}


static void
test_policy(void)
{
    size_t                     i;
    static const char *const   labels[] = {
        "tee", "tee-vtpm", "cloud-vtpm", "host-vtpm", "simulated", "software"
    };

    for (i = 0; i < 6; i++) {
        policy_of(labels[i]);
        OK(strstr(text_err, "nothing authenticated this connection")
           != NULL, "a policy of %s: over which path it came", labels[i]);
        IS_INT(strstr(text_err, "gateway's own word") != NULL, i == 3,
               "and whose word the TPM is");
    }
}


int
main(void)
{
    test_chat();
    test_chat_refused();
    test_print();
    test_prompt();
    test_policy();

    DONE();
}
