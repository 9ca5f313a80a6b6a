/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Exchanges over a connection: requests, bodies as they come, deadlines, and
 * what went wrong in words.  The head of an answer is judged in cli_head.c.
 */


#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_head.h"
#include "cli/cli_http.h"


static int cli_http_request(cli_conn_t *c, const cli_request_t *req);
static int cli_http_options(cli_conn_t *c, const cli_request_t *req);
static int cli_http_field(cli_conn_t *c, const char *name,
    const char *value);
static size_t cli_http_on_head(char *p, size_t size, size_t n, void *data);
static size_t cli_http_on_body(char *p, size_t size, size_t n, void *data);
static size_t cli_http_on_upload(char *p, size_t size, size_t n, void *data);
static int cli_http_run(cli_conn_t *c, int (*there)(const cli_conn_t *c));
static int cli_http_has_head(const cli_conn_t *c);
static int cli_http_has_body(const cli_conn_t *c);
static void cli_http_messages(cli_conn_t *c);
static void cli_http_ended(cli_conn_t *c, CURLcode code);
static void cli_http_unconnected(cli_conn_t *c, const char *why);
static void cli_http_broken(cli_conn_t *c, CURLcode code);
static void cli_http_reason(const cli_conn_t *c, char *out, size_t room);


/* total: for everything until the next call; else for any progress. */

void
cli_set_timeout(cli_conn_t *c, int64_t ms, int total)
{
    c->idle = ms;
    c->deadline = total ? cli_monotonic() + ms : 0;
}


int
cli_exchange(cli_conn_t *c, const cli_url_t *url, const cli_request_t *req)
{
    (void) url;

    if (c->close || c->running) {
        c->lost = 1;
        return cli_conn_fail(c, "the gateway does not keep the connection "
                             "open, and evidence of another one would not "
                             "count");
    }

    if (cli_http_request(c, req) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK) {
        return cli_conn_fail(c, "cannot set libcurl up");
    }

    c->running = 1;
    return cli_http_run(c, cli_http_has_head);
}


/* The path as it is, our own Host, and nothing that waits for a 100. */

static int
cli_http_request(cli_conn_t *c, const cli_request_t *req)
{
    cli_head_reset(c);
    c->req = req;
    c->sent = 0;
    c->done = 0;
    c->failed = 0;
    c->paused = 0;
    c->pos = 0;
    c->last = 0;
    c->why[0] = '\0';

    curl_slist_free_all(c->fields);
    c->fields = NULL;

    if (!cli_http_field(c, "Host", c->url->authority)
        || !cli_http_field(c, "Accept", req->accept)
        || !cli_http_field(c, "Expect", "")
        || (req->body != NULL
            && !cli_http_field(c, "Content-Type", req->type))
        || (req->extra != NULL
            && !cli_http_field(c, NULL, req->extra)))
    {
        return cli_conn_fail(c, "the request is too long");
    }

    return cli_http_options(c, req);
}


static int
cli_http_options(cli_conn_t *c, const cli_request_t *req)
{
    CURL      *easy = c->easy;
    CURLcode   rc;

    rc = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->fields);
    rc |= curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, req->path);

    if (req->body != NULL) {
        rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) req->len);
    } else {
        rc |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }

    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, cli_http_on_head);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, cli_http_on_body);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, cli_http_on_upload);
    rc |= curl_easy_setopt(easy, CURLOPT_READDATA, c);

    return rc == CURLE_OK ? CLI_OK : cli_conn_fail(c, "out of memory");
}


/* Without a name the value is a whole line. */

static int
cli_http_field(cli_conn_t *c, const char *name, const char *value)
{
    int                 n;
    char                line[2048];
    struct curl_slist  *list;

    n = snprintf(line, sizeof(line), "%s%s%s%s", name != NULL ? name : "",
                 name != NULL ? ":" : "", name != NULL && value[0] != '\0'
                 ? " " : "", value);
    if (n < 0 || (size_t) n >= sizeof(line)) {
        return 0;
    }

    list = curl_slist_append(c->fields, line);
    if (list == NULL) {
        return 0;
    }

    c->fields = list;
    return 1;
}


static size_t
cli_http_on_head(char *p, size_t size, size_t n, void *data)
{
    cli_conn_t  *c = data;
    const char  *wrong;

    c->progress = cli_monotonic();

    wrong = cli_head_line(c, p, size * n);

    if (wrong != NULL) {
        c->failed = 1;
        (void) cli_conn_fail(c, wrong);
        return 0;
    }

    return size * n;
}


static size_t
cli_http_on_body(char *p, size_t size, size_t n, void *data)
{
    cli_conn_t  *c = data;

    n *= size;

    if (c->failed || !c->head_done || n > sizeof(c->buf)) {
        c->failed = 1;
        (void) cli_conn_fail(c, "the answer is not HTTP/1.1");
        return 0;
    }

    if (c->pos != c->last) {
        c->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }

    memcpy(c->buf, p, n);
    c->pos = 0;
    c->last = n;
    c->progress = cli_monotonic();
    return n;
}


static size_t
cli_http_on_upload(char *p, size_t size, size_t n, void *data)
{
    size_t       left;
    cli_conn_t  *c = data;

    left = c->req->len - c->sent;
    n = size * n < left ? size * n : left;

    memcpy(p, (const char *) c->req->body + c->sent, n);
    c->sent += n;
    c->progress = cli_monotonic();
    return n;
}


/*
 * CLI_OK when it is there.  The limit is looked at even when bytes come: they
 * may trickle, and a line or a record that is never whole is no progress.
 */

static int
cli_http_run(cli_conn_t *c, int (*there)(const cli_conn_t *c))
{
    int      n;
    int64_t  now, left;

    c->progress = cli_monotonic();

    while (c->running) {
        now = cli_monotonic();
        left = (c->deadline != 0 ? c->deadline : c->progress + c->idle) - now;

        if (left <= 0) {
            cli_http_ended(c, CURLE_OPERATION_TIMEDOUT);
            break;
        }

        if (curl_multi_perform(c->multi, &n) != CURLM_OK) {
            cli_http_ended(c, CURLE_RECV_ERROR);
            break;
        }

        cli_http_messages(c);

        if (!c->running || there(c)) {
            break;
        }

        (void) curl_multi_poll(c->multi, NULL, 0,
                               left > INT_MAX ? INT_MAX : (int) left, NULL);
    }

    return there(c) ? CLI_OK : CLI_UNDECIDED;
}


static int
cli_http_has_head(const cli_conn_t *c)
{
    return c->head_done;
}


static int
cli_http_has_body(const cli_conn_t *c)
{
    return c->pos != c->last || c->done;
}


static void
cli_http_messages(cli_conn_t *c)
{
    int       n;
    CURLMsg  *m;

    do {
        m = curl_multi_info_read(c->multi, &n);

        if (m != NULL && m->msg == CURLMSG_DONE) {
            cli_http_ended(c, m->data.result);
            return;
        }

    } while (m != NULL);
}


/* Well, or badly: then c->err says why, and nothing more is possible. */

static void
cli_http_ended(cli_conn_t *c, CURLcode code)
{
    cli_conn_stop(c);

    if (c->failed) {
        return;
    }

    if (code == CURLE_OK && c->head_done && c->framing == CLI_BODY_CLOSE
        && c->url->tls && !c->closed)
    {
        c->failed = 1;
        (void) cli_conn_fail(c, "the connection broke: unexpected eof while "
                             "reading");
        return;
    }

    if (code == CURLE_OK && c->head_done) {
        c->done = 1;
        return;
    }

    c->failed = 1;

    if (c->stage != CLI_STAGE_OPEN) {
        cli_http_unconnected(c, code == CURLE_OPERATION_TIMEDOUT
                           ? "timed out" : NULL);

    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        (void) cli_conn_fail(c, "timed out");

    } else {
        cli_http_broken(c, code);
    }
}


static void
cli_http_unconnected(cli_conn_t *c, const char *why)
{
    long  error = 0;
    char  text[200];

    (void) curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &error);
    cli_http_reason(c, text, sizeof(text));

    c->close = 1;

    switch (c->stage) {
    case CLI_STAGE_NAME:
        (void) snprintf(c->err, sizeof(c->err), "cannot resolve %.100s: "
                        "%.120s", c->host, why != NULL ? why : text);
        break;

    case CLI_STAGE_DIAL:
        (void) snprintf(c->err, sizeof(c->err), "cannot connect to %.120s "
                        "port %s: %.80s", c->host, c->port,
                        why != NULL ? strerror(ETIMEDOUT)
                        : error != 0 ? strerror((int) error) : text);
        break;

    default:
        (void) snprintf(c->err, sizeof(c->err), "TLS 1.3 handshake failed: "
                        "%.199s", why != NULL ? why : text);
        break;
    }
}


/* An open connection; libcurl may have wanted another one, and got none. */

static void
cli_http_broken(cli_conn_t *c, CURLcode code)
{
    char  text[200];

    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_FAIL_REWIND:
        c->lost = 1;
        (void) cli_conn_fail(c, "the gateway closed the connection");
        return;

    case CURLE_OK:
    case CURLE_GOT_NOTHING:
        c->lost |= (c->heads == 0);
        (void) cli_conn_fail(c, c->heads != 0
                             ? "the gateway closed the connection"
                             : "the gateway closed the connection, or its "
                             "answer is not HTTP");
        return;

    case CURLE_PARTIAL_FILE:
        (void) cli_conn_fail(c, "the answer is cut");
        return;

    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:       /* also: a line beyond its limit */
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        (void) cli_conn_fail(c, c->lines == 0 ? "the answer is not HTTP/1.1"
                             : "the answer has a malformed header");
        return;

    default:
        break;
    }

    /* in TLS 1.3 a refused client hears of it behind the handshake */

    cli_http_reason(c, text, sizeof(text));
    (void) cli_conn_fail(c, "the connection broke");

    if (c->head_done && strstr(text, "chunk") != NULL) {
        (void) cli_conn_fail(c, "the answer is badly chunked");

    } else if (text[0] != '\0') {
        (void) snprintf(c->err, sizeof(c->err), "the connection broke: %.200s",
                        text);
    }
}


/* What libcurl says; of OpenSSL's errors, their last part. */

static void
cli_http_reason(const cli_conn_t *c, char *out, size_t room)
{
    size_t       n;
    const char  *p, *end;

    static const char  before[] = " routines::";

    p = strstr(c->why, before);
    p = p != NULL ? p + sizeof(before) - 1 : c->why;
    end = strstr(p, ", errno");
    n = end != NULL ? (size_t) (end - p) : strlen(p);

    (void) snprintf(out, room, "%.*s", (int) n, p);
}


long
cli_read(cli_conn_t *c, uint8_t *p, size_t n)
{
    size_t  have;

    if (c->pos == c->last && c->paused) {
        c->paused = 0;
        (void) curl_easy_pause(c->easy, CURLPAUSE_CONT);
    }

    if (!cli_http_has_body(c) && cli_http_run(c, cli_http_has_body) != CLI_OK) {
        return -1;
    }

    have = c->last - c->pos;
    n = n < have ? n : have;

    memcpy(p, c->buf + c->pos, n);
    c->pos += n;
    return (long) n;
}


int
cli_read_all(cli_conn_t *c, size_t cap, cli_bytes_t *out)
{
    long      n;
    size_t    room = 0;
    uint8_t  *p;

    memset(out, 0, sizeof(*out));

    for ( ;; ) {
        if (out->n + 1 >= room) {
            room = room == 0 ? 16384 : room * 2;

            p = realloc(out->p, room);
            if (p == NULL) {
                cli_bytes_free(out);
                return cli_conn_fail(c, "out of memory");
            }

            out->p = p;
        }

        n = cli_read(c, out->p + out->n, room - out->n - 1);
        if (n <= 0) {
            break;
        }

        out->n += (size_t) n;

        if (out->n > cap) {
            cli_bytes_free(out);
            return cli_conn_fail(c, "the answer is too long");
        }
    }

    if (n < 0) {
        cli_bytes_free(out);
        return CLI_UNDECIDED;
    }

    out->p[out->n] = '\0';
    return CLI_OK;
}
