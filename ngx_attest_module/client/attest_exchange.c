/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Exchanges over a connection: requests, bodies as they come, deadlines, and
 * what went wrong in words.  The head of an answer is judged in attest_head.c.
 */


#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attest_monotonic.h"
#include "client/attest_head.h"
#include "client/attest_exchange.h"


/* ms between two looks at the caller's cancel flag */
#define ATTEST_EXCHANGE_CANCEL  50


static int attest_exchange_begin(attest_conn_t *c,
    bool (*there)(const attest_conn_t *c));
static int attest_exchange_request(attest_conn_t *c,
    const attest_question_t *q);
static int attest_exchange_options(attest_conn_t *c,
    const attest_question_t *q);
static bool attest_exchange_field(attest_conn_t *c, const char *name,
    const char *value);
static size_t attest_exchange_on_head(char *p, size_t size, size_t n,
    void *data);
static size_t attest_exchange_on_body(char *p, size_t size, size_t n,
    void *data);
static size_t attest_exchange_on_upload(char *p, size_t size, size_t n,
    void *data);
static int attest_exchange_run(attest_conn_t *c,
    bool (*there)(const attest_conn_t *c));
static int64_t attest_exchange_left(const attest_conn_t *c);
static bool attest_exchange_cancelled(const attest_conn_t *c);
static bool attest_exchange_has_head(const attest_conn_t *c);
static bool attest_exchange_has_body(const attest_conn_t *c);
static bool attest_exchange_has_cert(const attest_conn_t *c);
static void attest_exchange_messages(attest_conn_t *c);
static void attest_exchange_ended(attest_conn_t *c, CURLcode code);
static void attest_exchange_unconnected(attest_conn_t *c, const char *why);
static void attest_exchange_broken(attest_conn_t *c, CURLcode code);
static void attest_exchange_reason(const attest_conn_t *c, char *out,
    size_t room);


/* total: for everything until the next call; else for any progress. */

void
attest_exchange_timeout(attest_conn_t *c, int64_t ms, int total)
{
    c->idle = ms;
    c->deadline = total ? attest_monotonic_now() + ms : 0;
}


int
attest_exchange(attest_conn_t *c, const attest_question_t *q)
{
    if (attest_conn_over(c) || c->running) {
        c->lost = 1;
        return attest_conn_fail(c, "the gateway does not keep the connection "
                                "open, and evidence of another one would not "
                                "count");
    }

    if (attest_exchange_request(c, q) != ATTEST_OK) {
        return ATTEST_ECLIENT;
    }

    return attest_exchange_begin(c, attest_exchange_has_head);
}


int
attest_exchange_handshake(attest_conn_t *c)
{
    return attest_exchange_begin(c, attest_exchange_has_cert);
}


static int
attest_exchange_begin(attest_conn_t *c, bool (*there)(const attest_conn_t *c))
{
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK) {
        return attest_conn_fail(c, "cannot set libcurl up");
    }

    c->running = 1;
    return attest_exchange_run(c, there);
}


/* The path as it is, our own Host, and nothing that waits for a 100. */

static int
attest_exchange_request(attest_conn_t *c, const attest_question_t *q)
{
    attest_head_reset(&c->head);
    c->question = q;
    c->sent = 0;
    c->done = false;
    c->failed = 0;
    c->paused = 0;
    c->pos = 0;
    c->last = 0;
    c->why[0] = '\0';

    curl_slist_free_all(c->fields);
    c->fields = NULL;

    if (!attest_exchange_field(c, "Host", c->url->authority)
        || !attest_exchange_field(c, "Accept", q->accept)
        || !attest_exchange_field(c, "Expect", "")
        || (q->body != NULL
            && !attest_exchange_field(c, "Content-Type", q->type))
        || (q->extra != NULL
            && !attest_exchange_field(c, NULL, q->extra)))
    {
        return attest_conn_fail(c, "the request is too long");
    }

    return attest_exchange_options(c, q);
}


static int
attest_exchange_options(attest_conn_t *c, const attest_question_t *q)
{
    CURL      *easy = c->easy;
    CURLcode   rc;

    rc = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->fields);
    rc |= curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, q->path);

    if (q->body != NULL) {
        rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) q->len);
    } else {
        rc |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }

    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                           attest_exchange_on_head);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                           attest_exchange_on_body);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_READFUNCTION,
                           attest_exchange_on_upload);
    rc |= curl_easy_setopt(easy, CURLOPT_READDATA, c);

    return rc == CURLE_OK ? ATTEST_OK : attest_conn_fail(c, "out of memory");
}


/* Without a name the value is a whole line. */

static bool
attest_exchange_field(attest_conn_t *c, const char *name, const char *value)
{
    int                 n;
    char                line[2048];
    struct curl_slist  *list;

    n = snprintf(line, sizeof(line), "%s%s%s%s", name != NULL ? name : "",
                 name != NULL ? ":" : "", name != NULL && value[0] != '\0'
                 ? " " : "", value);
    if (n < 0 || (size_t) n >= sizeof(line)) {
        return false;
    }

    list = curl_slist_append(c->fields, line);
    if (list == NULL) {
        return false;
    }

    c->fields = list;
    return true;
}


static size_t
attest_exchange_on_head(char *p, size_t size, size_t n, void *data)
{
    attest_conn_t  *c = data;
    const char  *wrong;

    c->progress = attest_monotonic_now();

    wrong = attest_head_line(&c->head, p, size * n);

    if (wrong != NULL) {
        c->failed = 1;
        (void) attest_conn_fail(c, wrong);
        return 0;
    }

    return size * n;
}


static size_t
attest_exchange_on_body(char *p, size_t size, size_t n, void *data)
{
    attest_conn_t  *c = data;

    n *= size;

    if (c->failed || !c->head.done || n > sizeof(c->buf)) {
        c->failed = 1;
        (void) attest_conn_fail(c, "the answer is not HTTP/1.1");
        return 0;
    }

    if (c->pos != c->last) {
        c->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }

    memcpy(c->buf, p, n);
    c->pos = 0;
    c->last = n;
    c->progress = attest_monotonic_now();
    return n;
}


static size_t
attest_exchange_on_upload(char *p, size_t size, size_t n, void *data)
{
    size_t       left;
    attest_conn_t  *c = data;

    left = c->question->len - c->sent;
    n = size * n < left ? size * n : left;

    memcpy(p, (const char *) c->question->body + c->sent, n);
    c->sent += n;
    c->progress = attest_monotonic_now();
    return n;
}


/*
 * ATTEST_OK when it is there.  The limit is looked at even when bytes come:
 * they may trickle, and a line or a record that is never whole is no progress.
 */

static int
attest_exchange_run(attest_conn_t *c, bool (*there)(const attest_conn_t *c))
{
    int      n;
    int64_t  left;

    c->progress = attest_monotonic_now();

    while (c->running) {
        left = attest_exchange_left(c);

        if (left <= 0) {
            attest_exchange_ended(c, CURLE_OPERATION_TIMEDOUT);
            break;
        }

        if (curl_multi_perform(c->multi, &n) != CURLM_OK) {
            attest_exchange_ended(c, CURLE_RECV_ERROR);
            break;
        }

        attest_exchange_messages(c);

        if (!c->running || there(c)) {
            break;
        }

        (void) curl_multi_poll(c->multi, NULL, 0,
                               left > INT_MAX ? INT_MAX : (int) left, NULL);
    }

    return there(c) ? ATTEST_OK : ATTEST_ECLIENT;
}


/* Milliseconds until it is looked at again; none when it is over. */

static int64_t
attest_exchange_left(const attest_conn_t *c)
{
    int64_t  left, now = attest_monotonic_now();

    left = (c->deadline != 0 ? c->deadline : c->progress + c->idle) - now;

    if (c->limit != 0 && c->limit - now < left) {
        left = c->limit - now;
    }

    if (c->opt.cancel == NULL) {
        return left;
    }

    return attest_exchange_cancelled(c) ? 0
           : left < ATTEST_EXCHANGE_CANCEL ? left : ATTEST_EXCHANGE_CANCEL;
}


/* Whoever sets it is another thread, or a signal's handler. */

static bool
attest_exchange_cancelled(const attest_conn_t *c)
{
    return c->opt.cancel != NULL
           && __atomic_load_n(c->opt.cancel, __ATOMIC_RELAXED) != 0;
}


static bool
attest_exchange_has_head(const attest_conn_t *c)
{
    return c->head.done;
}


static bool
attest_exchange_has_body(const attest_conn_t *c)
{
    return c->pos != c->last || c->done;
}


static bool
attest_exchange_has_cert(const attest_conn_t *c)
{
    return c->cert.n != 0;
}


static void
attest_exchange_messages(attest_conn_t *c)
{
    int       n;
    CURLMsg  *m;

    do {
        m = curl_multi_info_read(c->multi, &n);

        if (m != NULL && m->msg == CURLMSG_DONE) {
            attest_exchange_ended(c, m->data.result);
            return;
        }

    } while (m != NULL);
}


/* Well, or badly: then c->err says why, and nothing more is possible. */

static void
attest_exchange_ended(attest_conn_t *c, CURLcode code)
{
    attest_conn_stop(c);

    if (c->failed) {
        return;
    }

    if (code == CURLE_OK && c->opt.certificate_only && c->cert.n != 0) {
        c->broken = true;
        return;
    }

    if (code == CURLE_OK && c->head.done && c->head.framing == ATTEST_BODY_CLOSE
        && c->url->tls && !c->closed)
    {
        c->failed = 1;
        (void) attest_conn_fail(c, "the connection broke: unexpected eof while "
                             "reading");
        return;
    }

    if (code == CURLE_OK && c->head.done) {
        c->done = true;
        return;
    }

    c->failed = 1;

    if (attest_exchange_cancelled(c)) {
        (void) attest_conn_fail(c, "cancelled");

    } else if (c->stage != ATTEST_STAGE_OPEN) {
        attest_exchange_unconnected(c, code == CURLE_OPERATION_TIMEDOUT
                           ? "timed out" : NULL);

    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        (void) attest_conn_fail(c, "timed out");

    } else {
        attest_exchange_broken(c, code);
    }
}


static void
attest_exchange_unconnected(attest_conn_t *c, const char *why)
{
    long  error = 0;
    char  text[200];

    (void) curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &error);
    attest_exchange_reason(c, text, sizeof(text));

    c->broken = true;

    switch (c->stage) {
    case ATTEST_STAGE_NAME:
        (void) snprintf(c->err, sizeof(c->err), "cannot resolve %.100s: "
                        "%.120s", c->host, why != NULL ? why : text);
        break;

    case ATTEST_STAGE_DIAL:
        (void) snprintf(c->err, sizeof(c->err), "cannot connect to %.120s"
                        "%s%s: %.80s", c->host, c->port[0] != '\0'
                        ? " port " : "", c->port,
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
attest_exchange_broken(attest_conn_t *c, CURLcode code)
{
    char  text[200];

    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_FAIL_REWIND:
        c->lost = 1;
        (void) attest_conn_fail(c, "the gateway closed the connection");
        return;

    case CURLE_OK:
    case CURLE_GOT_NOTHING:
        c->lost |= (c->head.heads == 0);
        (void) attest_conn_fail(c, c->head.heads != 0
                             ? "the gateway closed the connection"
                             : "the gateway closed the connection, or its "
                             "answer is not HTTP");
        return;

    case CURLE_PARTIAL_FILE:
        (void) attest_conn_fail(c, "the answer is cut");
        return;

    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:       /* also: a line beyond its limit */
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        (void) attest_conn_fail(c, c->head.lines == 0
                                ? "the answer is not HTTP/1.1"
                                : "the answer has a malformed header");
        return;

    default:
        break;
    }

    /* in TLS 1.3 a refused client hears of it behind the handshake */

    attest_exchange_reason(c, text, sizeof(text));
    (void) attest_conn_fail(c, "the connection broke");

    if (c->head.done && strstr(text, "chunk") != NULL) {
        (void) attest_conn_fail(c, "the answer is badly chunked");

    } else if (text[0] != '\0') {
        (void) snprintf(c->err, sizeof(c->err), "the connection broke: %.200s",
                        text);
    }
}


/* What libcurl says; of OpenSSL's errors, their last part. */

static void
attest_exchange_reason(const attest_conn_t *c, char *out, size_t room)
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
attest_exchange_read(attest_conn_t *c, uint8_t *p, size_t n)
{
    size_t  have;

    if (c->pos == c->last && c->paused) {
        c->paused = 0;
        (void) curl_easy_pause(c->easy, CURLPAUSE_CONT);
    }

    if (!attest_exchange_has_body(c)
        && attest_exchange_run(c, attest_exchange_has_body) != ATTEST_OK)
    {
        return -1;
    }

    have = c->last - c->pos;
    n = n < have ? n : have;

    memcpy(p, c->buf + c->pos, n);
    c->pos += n;
    return (long) n;
}


int
attest_exchange_all(attest_conn_t *c, size_t cap, attest_bytes_t *out)
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
                attest_bytes_free(out);
                return attest_conn_fail(c, "out of memory");
            }

            out->p = p;
        }

        n = attest_exchange_read(c, out->p + out->n, room - out->n - 1);
        if (n <= 0) {
            break;
        }

        out->n += (size_t) n;

        if (out->n > cap) {
            attest_bytes_free(out);
            return attest_conn_fail(c, "the answer is too long");
        }
    }

    if (n < 0) {
        attest_bytes_free(out);
        return ATTEST_ECLIENT;
    }

    out->p[out->n] = '\0';
    return ATTEST_OK;
}
