/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Load for scripts/bench: a fast backend, clients of it, and the bare cost of
 * the cryptography.  One thread and one blocking connection for each client:
 * what is measured is nginx' CPU time, not ours.  Requests are sealed before
 * they are sent, many at once, so that the server is always the slower side:
 * one that waits for its clients would pay for every wait.
 *
 *   bench backend PORT
 *   bench load PORT PATH REQUESTS THREADS SIZE [KEY]     SIZE 0: GET
 *   bench cut PORT PATH REQUESTS THREADS TOKENS KEY
 *   bench shake PORT NAME COUNT THREADS
 *   bench stream PORT PATH STREAMS TOKENS DELAY_MS [KEY]
 *   bench probe PORT PATH COUNT GAP_US          GETs, one after another
 *   bench bare KEY SIZE COUNT [client]
 *
 * PORT: with TLS, or "clear:" before it for without.  KEY: how requests are
 * sealed, see seal_key().  cut: streams, whose connections are closed in the
 * middle, after some of their tokens.  What streams and probes print are the
 * median, the 99th percentile and the longest of how late they are, in us.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "bare.h"
#include "seal.h"


#define HEAD_MAX    8192
#define ANSWER_LEN  512          /* body of a backend's short answer */
#define EVENT_LEN   200          /* of a streamed token */
#define BATCH_BYTES (16 * 1024 * 1024)
#define BATCH_MAX   256
#define STACK_SIZE  (256 * 1024)


/* A connection's bytes, clear or TLS, with what was read too far. */

typedef struct {
    int       fd;
    SSL      *ssl;
    int       client;
    char      buf[HEAD_MAX];
    size_t    pos;
    size_t    last;
} conn_t;


typedef struct {
    int       status;
    long      length;            /* -1: chunked */
    long      tokens;            /* request: to stream */
    long      delay;
    char      nonce[65];
    size_t    left;              /* of the chunk or the body */
    int       ended;
} head_t;


/* What one client thread is to do. */

typedef struct {
    int              port;
    const char      *path;
    const char      *name;
    long             count;
    size_t           size;
    long             tokens;
    long             delay;
    const seal_key_t  *key;
    SSL_CTX         *ctx;            /* NULL: without TLS */
    long             done;
    uint64_t        *lags;       /* nanoseconds, one for each token */
    long             late;       /* of the delay, in thousandths */

    pthread_barrier_t  *together;
} job_t;


/* One request, sealed or not. */

typedef struct {
    seal_t           seal;
    char             head[1024];
    size_t           head_len;
    uint8_t         *body;
    size_t           len;
} request_t;


static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2),
    noreturn));
static uint64_t now_ns(clockid_t clock);
static int conn_open(conn_t *c, const job_t *job);
static void conn_close(conn_t *c);
static ssize_t conn_recv(conn_t *c, void *p, size_t n);
static int conn_send(conn_t *c, const void *p, size_t n);
static int conn_line(conn_t *c, char *line, size_t room);
static int head_read(conn_t *c, head_t *h);
static void head_field(head_t *h, char *line);
static ssize_t body_read(conn_t *c, head_t *h, void *p, size_t n);
static int body_skip(conn_t *c, head_t *h);
static void *backend_serve(void *data);
static int backend_answer(conn_t *c, const head_t *h);
static int backend_stream(conn_t *c, const head_t *h);
static void backend(int port);
static void *load_thread(void *data);
static void load_prepare(const job_t *job, request_t *batch, long n,
    const uint8_t *plain);
static int load_once(conn_t *c, job_t *job, request_t *q);
static int load_answer(conn_t *c, job_t *job, seal_t *s);
static int request_make(request_t *q, const job_t *job,
    const uint8_t *plain);
static int request_send(conn_t *c, request_t *q);
static void request_free(request_t *q);
static void *cut_thread(void *data);
static void *shake_thread(void *data);
static void *stream_thread(void *data);
static void *probe_thread(void *data);
static int stream_read(conn_t *c, head_t *h, job_t *job, seal_t *s,
    long most);
static void stream_tokens(void *data, char *p, size_t n);
static void run(job_t *model, long threads, void *(*code)(void *), int lags);
static int compare(const void *a, const void *b);
static void job_run(job_t *job, char **argv);
static void bare(const char *text, size_t size, long count, int client);


static void
fail(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    fprintf(stderr, "bench: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}


static uint64_t
now_ns(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static int
conn_open(conn_t *c, const job_t *job)
{
    int                 one = 1;
    struct sockaddr_in  sa;

    memset(c, 0, sizeof(conn_t));
    c->client = 1;
    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_port = htons((uint16_t) job->port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &sa, sizeof(sa)) == -1)
    {
        return -1;
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (job->ctx == NULL) {
        return 0;
    }

    c->ssl = SSL_new(job->ctx);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1
        || SSL_set_tlsext_host_name(c->ssl, job->name) != 1)
    {
        return -1;
    }

    return SSL_connect(c->ssl) == 1 ? 0 : -1;
}


static void
conn_close(conn_t *c)
{
    struct linger  hard = { 1, 0 };

    if (c->client) {
        SSL_free(c->ssl);
        /* No TIME_WAIT: thousands of handshakes would use up the ports. */
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }

    close(c->fd);
}


static ssize_t
conn_recv(conn_t *c, void *p, size_t n)
{
    size_t  had = c->last - c->pos;

    if (had > 0) {
        n = n < had ? n : had;
        memcpy(p, c->buf + c->pos, n);
        c->pos += n;
        return (ssize_t) n;
    }

    if (c->ssl != NULL) {
        return SSL_read(c->ssl, p, (int) n);
    }

    return recv(c->fd, p, n, 0);
}


static int
conn_send(conn_t *c, const void *p, size_t n)
{
    ssize_t  sent;

    while (n > 0) {
        if (c->ssl != NULL) {
            sent = SSL_write(c->ssl, p, (int) n);
        } else {
            sent = send(c->fd, p, n, MSG_NOSIGNAL);
        }

        if (sent <= 0) {
            return -1;
        }

        p = (const char *) p + sent;
        n -= (size_t) sent;
    }

    return 0;
}


/* One line without its CRLF; its length, or -1. */
static int
conn_line(conn_t *c, char *line, size_t room)
{
    size_t   n = 0;
    ssize_t  got;

    for ( ;; ) {
        if (c->pos == c->last) {
            c->pos = c->last = 0;
            got = c->ssl != NULL
                  ? SSL_read(c->ssl, c->buf, sizeof(c->buf))
                  : recv(c->fd, c->buf, sizeof(c->buf), 0);
            if (got <= 0) {
                return -1;
            }
            c->last = (size_t) got;
        }

        if (n + 1 == room) {
            return -1;
        }

        line[n] = c->buf[c->pos++];
        if (line[n] == '\n') {
            break;
        }
        n++;
    }

    if (n > 0 && line[n - 1] == '\r') {
        n--;
    }

    line[n] = '\0';
    return (int) n;
}


static int
head_read(conn_t *c, head_t *h)
{
    int   n;
    char  line[1024];

    memset(h, 0, sizeof(head_t));

    if (conn_line(c, line, sizeof(line)) <= 0) {
        return -1;
    }

    if (strncmp(line, "HTTP/1.1 ", 9) == 0) {
        h->status = atoi(line + 9);
    }

    while ((n = conn_line(c, line, sizeof(line))) > 0) {
        head_field(h, line);
    }

    h->left = h->length > 0 ? (size_t) h->length : 0;
    h->ended = h->length == 0;
    return n;
}


static void
head_field(head_t *h, char *line)
{
    char  *value = strchr(line, ':');

    if (value == NULL) {
        return;
    }

    *value++ = '\0';
    value += strspn(value, " ");

    if (strcasecmp(line, "Content-Length") == 0) {
        h->length = atol(value);

    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        h->length = -1;

    } else if (strcasecmp(line, "Ehbp-Response-Nonce") == 0) {
        snprintf(h->nonce, sizeof(h->nonce), "%s", value);

    } else if (strcasecmp(line, "X-Backend-Tokens") == 0) {
        h->tokens = atol(value);

    } else if (strcasecmp(line, "X-Backend-Delay") == 0) {
        h->delay = atol(value);
    }
}


/* Bytes of the body; 0 at its end, -1 when it was cut. */
static ssize_t
body_read(conn_t *c, head_t *h, void *p, size_t n)
{
    char     line[64];
    ssize_t  got;

    if (h->ended) {
        return 0;
    }

    if (h->length == -1 && h->left == 0) {
        if (conn_line(c, line, sizeof(line)) <= 0) {
            return -1;
        }

        h->left = strtoul(line, NULL, 16);

        if (h->left == 0) {
            h->ended = 1;
            return conn_line(c, line, sizeof(line)) == 0 ? 0 : -1;
        }
    }

    got = conn_recv(c, p, n < h->left ? n : h->left);
    if (got <= 0) {
        return -1;
    }

    h->left -= (size_t) got;

    if (h->left == 0) {
        if (h->length != -1) {
            h->ended = 1;

        } else if (conn_line(c, line, sizeof(line)) != 0) {
            return -1;
        }
    }

    return got;
}


static int
body_skip(conn_t *c, head_t *h)
{
    char     buf[16384];
    ssize_t  n;

    do {
        n = body_read(c, h, buf, sizeof(buf));
    } while (n > 0);

    return (int) n;
}


static void *
backend_serve(void *data)
{
    conn_t  *c = data;
    head_t   h;

    while (head_read(c, &h) == 0 && body_skip(c, &h) == 0) {
        if ((h.tokens ? backend_stream(c, &h) : backend_answer(c, &h)) != 0) {
            break;
        }
    }

    conn_close(c);
    free(c);
    return NULL;
}


static int
backend_answer(conn_t *c, const head_t *h)
{
    int   n;
    char  answer[256 + ANSWER_LEN];

    (void) h;

    n = snprintf(answer, 256, "HTTP/1.1 200 OK\r\n"
                 "Content-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n", ANSWER_LEN);
    memset(answer + n, 'x', ANSWER_LEN);
    return conn_send(c, answer, (size_t) n + ANSWER_LEN);
}


/* Each token carries the time of its writing. */
static int
backend_stream(conn_t *c, const head_t *h)
{
    int              n;
    char             event[EVENT_LEN + 32];
    long             i;
    struct timespec  delay;
    static const char  head[] = "HTTP/1.1 200 OK\r\n"
        "Content-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";

    delay.tv_sec = h->delay / 1000;
    delay.tv_nsec = h->delay % 1000 * 1000000;

    if (conn_send(c, head, sizeof(head) - 1) != 0) {
        return -1;
    }

    for (i = 0; i < h->tokens; i++) {
        nanosleep(&delay, NULL);
        n = snprintf(event, sizeof(event), "%x\r\ndata: %-*llu\n\n\r\n",
                     EVENT_LEN, EVENT_LEN - 8,
                     (unsigned long long) now_ns(CLOCK_MONOTONIC));
        if (conn_send(c, event, (size_t) n) != 0) {
            return -1;
        }
    }

    return conn_send(c, "0\r\n\r\n", 5);
}


static void
backend(int port)
{
    int                 one = 1, fd;
    conn_t             *c;
    pthread_t           tid;
    pthread_attr_t      attr;
    struct sockaddr_in  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_port = htons((uint16_t) port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

    if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == -1
        || listen(fd, 4096) == -1)
    {
        fail("cannot listen on %d: %s", port, strerror(errno));
    }

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    for ( ;; ) {
        c = calloc(1, sizeof(conn_t));
        if (c == NULL) {
            fail("no memory");
        }

        c->fd = accept(fd, NULL, NULL);
        if (c->fd == -1) {
            fail("accept: %s", strerror(errno));
        }

        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

        if (pthread_create(&tid, &attr, backend_serve, c) != 0) {
            fail("too many connections");
        }
    }
}


static void *
load_thread(void *data)
{
    long        i, n, done;
    job_t      *job = data;
    conn_t      c;
    uint8_t    *plain;
    request_t  *batch;

    plain = calloc(1, job->size + 1);
    batch = calloc(BATCH_MAX, sizeof(request_t));

    if (plain == NULL || batch == NULL || conn_open(&c, job) != 0) {
        fail("cannot connect to port %d", job->port);
    }

    for (done = 0; done < job->count; done += n) {
        n = BATCH_BYTES / (long) (job->size + SEAL_ROOM);
        n = n < BATCH_MAX ? n : BATCH_MAX;
        n = n < job->count - done ? n : job->count - done;

        load_prepare(job, batch, n, plain);
        pthread_barrier_wait(job->together);

        for (i = 0; i < n; i++) {
            if (load_once(&c, job, &batch[i]) != 0) {
                fail("request %ld of %s failed", done + i, job->path);
            }
            job->done++;
        }

        pthread_barrier_wait(job->together);
    }

    conn_close(&c);
    free(plain);
    free(batch);
    return NULL;
}


static void
load_prepare(const job_t *job, request_t *batch, long n, const uint8_t *plain)
{
    long  i;

    for (i = 0; i < n; i++) {
        if (request_make(&batch[i], job, plain) != 0) {
            fail("a request cannot be made");
        }
    }
}


static int
load_once(conn_t *c, job_t *job, request_t *q)
{
    int  rc;

    rc = request_send(c, q);

    if (rc == 0) {
        rc = load_answer(c, job, job->key ? &q->seal : NULL);
    }

    request_free(q);
    return rc;
}


/* Reads the answer; a sealed one must open. */
static int
load_answer(conn_t *c, job_t *job, seal_t *s)
{
    head_t  h;

    if (head_read(c, &h) != 0 || h.status != 200) {
        fprintf(stderr, "bench: status %d\n", h.status);
        return -1;
    }

    if (s == NULL) {
        return body_skip(c, &h);
    }

    if (seal_response(s, h.nonce) != 0) {
        return -1;
    }

    return stream_read(c, &h, job, s, 0);
}


static int
request_make(request_t *q, const job_t *job, const uint8_t *plain)
{
    int          i, n;
    char         fields[256] = "", hex[128] = "";
    const char  *type = "application/json";

    memset(&q->seal, 0, sizeof(seal_t));
    q->len = job->size;
    q->body = calloc(1, job->size + SEAL_ROOM);

    if (q->body == NULL) {
        return -1;
    }

    if (job->tokens != 0) {
        snprintf(fields, sizeof(fields),
                 "X-Backend-Tokens: %ld\r\nX-Backend-Delay: %ld\r\n",
                 job->tokens, job->delay);
    }

    if (job->key != NULL) {
        if (seal_request(&q->seal, job->key, fields, plain, job->size,
                         q->body, &q->len) != 0)
        {
            return -1;
        }

        if (job->key->form == SEAL_EHBP) {
            n = sprintf(hex, "Ehbp-Encapsulated-Key: ");
            for (i = 0; i < ATTEST_EHBP_ENC_LEN; i++) {
                n += sprintf(hex + n, "%02x", q->seal.enc[i]);
            }
            sprintf(hex + n, "\r\n");

        } else {
            fields[0] = '\0';
            type = job->key->form == SEAL_OHTTP
                   ? "message/ohttp-req"
                   : "message/ohttp-chunked-req\r\nIncremental: ?1";
        }

    } else if (q->len > 0) {
        /* The same number of bytes as with EHBP. */
        q->len += ATTEST_EHBP_OVERHEAD;
    }

    n = snprintf(q->head, sizeof(q->head), "%s %s HTTP/1.1\r\nHost: %s\r\n"
                 "Content-Type: %s\r\n"
                 "Content-Length: %zu\r\n%s%s\r\n",
                 q->len ? "POST" : "GET", job->path, job->name, type, q->len,
                 hex, fields);
    q->head_len = (size_t) n;
    return 0;
}


static int
request_send(conn_t *c, request_t *q)
{
    if (conn_send(c, q->head, q->head_len) != 0) {
        return -1;
    }

    return q->len ? conn_send(c, q->body, q->len) : 0;
}


static void
request_free(request_t *q)
{
    if (q->seal.key != NULL) {
        seal_clear(&q->seal);
    }

    free(q->body);
}


/* Streams that are left in the middle, each on a connection of its own. */
static void *
cut_thread(void *data)
{
    long        i;
    job_t      *job = data;
    head_t      h;
    conn_t      c;
    uint8_t     plain[64] = { 0 };
    request_t   q;

    job->size = sizeof(plain);
    job->delay = 1;

    for (i = 0; i < job->count; i++) {
        if (conn_open(&c, job) != 0 || request_make(&q, job, plain) != 0
            || request_send(&c, &q) != 0)
        {
            fail("stream %ld does not start", i);
        }

        /* Every fourth before the answer, the others behind its pieces. */

        if (i % 4 != 0
            && (head_read(&c, &h) != 0 || h.status != 200
                || seal_response(&q.seal, h.nonce) != 0
                || stream_read(&c, &h, job, &q.seal, i % 4) != 0))
        {
            fail("stream %ld does not open", i);
        }

        conn_close(&c);
        request_free(&q);
        job->done++;
    }

    return NULL;
}


static void *
shake_thread(void *data)
{
    char    byte;
    long    i;
    job_t  *job = data;
    conn_t  c;

    for (i = 0; i < job->count; i++) {
        if (conn_open(&c, job) != 0) {
            fail("handshake %ld failed", i);
        }

        /* Not before the server has seen our Finished. */
        SSL_shutdown(c.ssl);
        while (SSL_read(c.ssl, &byte, 1) > 0) { /* void */ }

        conn_close(&c);
        job->done++;
    }

    return NULL;
}


/*
 * Connected and sealed before they start, and evenly spread over the time
 * between two tokens: how late a token is, not what a thousand handshakes at
 * the same moment do to it.
 */
static void *
stream_thread(void *data)
{
    int        rc;
    head_t     h;
    job_t     *job = data;
    conn_t     c;
    uint8_t    plain[64] = { 0 };
    request_t  q;

    job->size = sizeof(plain);
    job->tokens = job->count;

    if (conn_open(&c, job) != 0 || request_make(&q, job, plain) != 0) {
        fail("a stream does not start");
    }

    pthread_barrier_wait(job->together);
    usleep((unsigned) (job->delay * job->late));

    if (request_send(&c, &q) != 0 || head_read(&c, &h) != 0
        || h.status != 200)
    {
        fail("a stream does not start");
    }

    if (job->key != NULL && seal_response(&q.seal, h.nonce) != 0) {
        fail("an answer is not sealed");
    }

    rc = stream_read(&c, &h, job, job->key ? &q.seal : NULL, 0);

    if (rc != 0 || job->done != job->count) {
        fail("a stream was cut after %ld tokens", job->done);
    }

    request_free(&q);
    conn_close(&c);
    return NULL;
}


/* How long short answers take, on one connection. */
static void *
probe_thread(void *data)
{
    long        i;
    job_t      *job = data;
    conn_t      c;
    uint64_t    start;
    request_t   q;

    if (conn_open(&c, job) != 0 || request_make(&q, job, NULL) != 0) {
        fail("cannot connect to port %d", job->port);
    }

    for (i = 0; i < job->count; i++) {
        usleep((unsigned) job->delay);

        start = now_ns(CLOCK_MONOTONIC);

        if (request_send(&c, &q) != 0 || load_answer(&c, job, NULL) != 0) {
            fail("probe %ld of %s failed", i, job->path);
        }

        job->lags[i] = now_ns(CLOCK_MONOTONIC) - start;
    }

    request_free(&q);
    conn_close(&c);
    return NULL;
}


/* To the end, which a sealed answer must have; or the first "most" pieces. */
static int
stream_read(conn_t *c, head_t *h, job_t *job, seal_t *s, long most)
{
    char     buf[16384];
    long     pieces = 0;
    ssize_t  n;

    for ( ;; ) {
        n = body_read(c, h, buf, sizeof(buf));
        if (n <= 0) {
            break;
        }

        if (s == NULL) {
            stream_tokens(job, buf, (size_t) n);

        } else if (seal_feed(s, (uint8_t *) buf, (size_t) n, stream_tokens,
                             job) != 0)
        {
            fail("a piece does not open");
        }

        if (++pieces == most) {
            return 0;
        }
    }

    if (n == 0 && s != NULL) {
        n = seal_finish(s, stream_tokens, job);
    }

    return (int) n;
}


static void
stream_tokens(void *data, char *p, size_t n)
{
    char      *at = p, *end = p + n;
    job_t     *job = data;
    uint64_t   now = now_ns(CLOCK_MONOTONIC);

    while (job->lags != NULL && end - at > 6) {
        at = memmem(at, (size_t) (end - at), "data: ", 6);
        if (at == NULL) {
            break;
        }

        at += 6;
        if (job->done < job->count) {
            job->lags[job->done++] = now - strtoull(at, NULL, 10);
        }
    }
}


static int
compare(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


static void
run(job_t *model, long threads, void *(*code)(void *), int lags)
{
    long             i, n = model->count * threads;
    job_t           *jobs;
    uint64_t        *all = NULL;
    pthread_t       *tids;
    pthread_attr_t   attr;
    pthread_barrier_t  together;

    jobs = calloc((size_t) threads, sizeof(job_t));
    tids = calloc((size_t) threads, sizeof(pthread_t));
    pthread_barrier_init(&together, NULL, (unsigned) threads);
    model->together = &together;

    if (lags) {
        all = calloc((size_t) n, sizeof(uint64_t));
    }

    if (jobs == NULL || tids == NULL || (lags && all == NULL)) {
        fail("no memory");
    }

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);

    for (i = 0; i < threads; i++) {
        jobs[i] = *model;
        jobs[i].late = i * 1000 / threads;
        jobs[i].lags = lags ? all + i * model->count : NULL;
        if (pthread_create(&tids[i], &attr, code, &jobs[i]) != 0) {
            fail("too many threads");
        }
    }

    for (i = 0; i < threads; i++) {
        pthread_join(tids[i], NULL);
    }

    if (lags) {
        qsort(all, (size_t) n, sizeof(uint64_t), compare);
        printf("%.1f %.1f %.1f\n", (double) all[n / 2] / 1000,
               (double) all[n * 99 / 100] / 1000,
               (double) all[n - 1] / 1000);

    } else {
        printf("%ld\n", n);
    }

    free(jobs);
    free(tids);
    free(all);
}


static void
job_run(job_t *job, char **argv)
{
    if (strcmp(argv[1], "load") == 0) {
        job->count = atol(argv[4]);
        job->size = (size_t) atol(argv[6]);
        run(job, atol(argv[5]), load_thread, 0);

    } else if (strcmp(argv[1], "cut") == 0) {
        job->count = atol(argv[4]);
        job->tokens = atol(argv[6]);
        run(job, atol(argv[5]), cut_thread, 0);

    } else if (strcmp(argv[1], "probe") == 0) {
        job->count = atol(argv[4]);
        job->delay = atol(argv[5]);
        run(job, 1, probe_thread, 1);

    } else {
        job->count = atol(argv[5]);
        job->delay = atol(argv[6]);
        run(job, atol(argv[4]), stream_thread, 1);
    }
}


static void
bare(const char *text, size_t size, long count, int client)
{
    seal_key_t  key;

    if (seal_key(&key, text) != 0) {
        fail("not a key: %s", text);
    }

    printf("%.2f\n", client ? bare_client(key.form, key.aead, size, count)
                            : bare_gateway(key.form, key.aead, size, count));
}


int
main(int argc, char **argv)
{
    char          *port;
    job_t          job = { .name = "localhost" };
    seal_key_t     key;
    struct rlimit  files;

    signal(SIGPIPE, SIG_IGN);

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }

    if (argc == 3 && strcmp(argv[1], "backend") == 0) {
        backend(atoi(argv[2]));
    }

    if ((argc == 5 || argc == 6) && strcmp(argv[1], "bare") == 0) {
        bare(argv[2], (size_t) atol(argv[3]), atol(argv[4]), argc == 6);
        return 0;
    }

    if (argc < 6) {
        fail("see the head of the source for its usage");
    }

    port = argv[2];

    if (strncmp(port, "clear:", 6) == 0) {
        port += 6;

    } else {
        job.ctx = SSL_CTX_new(TLS_client_method());
        if (job.ctx == NULL) {
            fail("no TLS");
        }
        SSL_CTX_set_min_proto_version(job.ctx, TLS1_3_VERSION);
    }

    job.port = atoi(port);

    if (strcmp(argv[1], "shake") == 0) {
        job.name = argv[3];
        job.count = atol(argv[4]);
        run(&job, atol(argv[5]), shake_thread, 0);
        return 0;
    }

    if (argc == 8) {
        if (seal_key(&key, argv[7]) != 0) {
            fail("not a key: %s", argv[7]);
        }
        job.key = &key;
    }

    job.path = argv[3];
    job_run(&job, argv);
    return 0;
}
