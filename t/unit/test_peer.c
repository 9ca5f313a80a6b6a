/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A gateway asked from outside: without arguments, servers that are none; with
 * "live" and what peer.t has started, a real one.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"
#include "core/base/attest_monotonic.h"
#include "client/attest_peer.h"
#include "client/attest_policy_file.h"


/* What a server of a test answers to each connection, and how. */

typedef struct {
    const char   *text;             /* NULL: nothing, and it stays open */
    size_t        times;            /* the text again and again */
    int           slow;             /* a byte each 20 ms */
    int           fd;
    volatile int  client;           /* who is served, -1: nobody */
    char          url[64];
    pthread_t     thread;
} server_t;

typedef struct {
    attest_peer_t     peer;
    attest_result_t   res;
    int               rc;
    int64_t           ms;
} asked_t;

typedef struct {
    const char                    *what;
    const attest_policy_t         *policy;
    attest_peer_options_t          opt;
    unsigned                       times;
    unsigned                       trusted;
    uint8_t                        spki[32];
    pthread_t                      thread;
} asker_t;


static volatile int  cancelled;


static void *
serve(void *data)
{
    int        c;
    char       buf[4096];
    size_t     i, n;
    server_t  *s = data;

    while ((c = accept(s->fd, NULL, NULL)) != -1) {
        __atomic_store_n(&s->client, c, __ATOMIC_RELAXED);
        n = s->text != NULL ? strlen(s->text) : 0;

        if (recv(c, buf, sizeof(buf), 0) > 0 && !s->slow && n != 0) {
            for (i = 0; i < s->times; i++) {
                if (send(c, s->text, n, MSG_NOSIGNAL) == -1) {
                    break;
                }
            }
        }

        for (i = 0; s->slow && i < n; i++) {
            if (send(c, s->text + i, 1, MSG_NOSIGNAL) == -1) {
                break;
            }
            (void) usleep(20000);
        }

        while (s->text == NULL && recv(c, buf, sizeof(buf), 0) > 0) {
            /* until the other side has had enough */
        }

        __atomic_store_n(&s->client, -1, __ATOMIC_RELAXED);
        close(c);
    }

    return NULL;
}


static void
start(server_t *s, const char *text, size_t times, int slow)
{
    socklen_t            len = sizeof(struct sockaddr_in);
    struct sockaddr_in   sin;

    memset(s, 0, sizeof(*s));
    memset(&sin, 0, sizeof(sin));
    s->text = text;
    s->times = times;
    s->slow = slow;
    s->client = -1;
    s->fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (bind(s->fd, (struct sockaddr *) &sin, len) != 0
        || listen(s->fd, 5) != 0
        || getsockname(s->fd, (struct sockaddr *) &sin, &len) != 0
        || pthread_create(&s->thread, NULL, serve, s) != 0)
    {
        printf("Bail out! no server\n");
        exit(1);
    }

    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u",
             ntohs(sin.sin_port));
}


static void
stop(server_t *s)
{
    int  c;

    shutdown(s->fd, SHUT_RDWR);

    c = __atomic_load_n(&s->client, __ATOMIC_RELAXED);

    if (c != -1) {
        shutdown(c, SHUT_RDWR);
    }

    pthread_join(s->thread, NULL);
    close(s->fd);
}


/* One at a time; what the last one left is freed here. */

static asked_t *
ask(const attest_peer_options_t *opt, const attest_policy_t *policy)
{
    static asked_t          a;
    static attest_policy_t  any;

    attest_peer_clear(&a.peer);

    if (policy == NULL) {
        attest_policy_default(&any);
        policy = &any;
    }

    a.ms = attest_monotonic_now();
    a.rc = attest_peer_appraise(&a.peer, opt, policy, &a.res);
    a.ms = attest_monotonic_now() - a.ms;
    return &a;
}


/* 1: some check or the verdict says this. */

static int
says(const asked_t *a, const char *what)
{
    size_t  i;

    for (i = 0; i < a->res.count; i++) {
        if (strstr(a->res.checks[i].text, what) != NULL) {
            return 1;
        }
    }

    return strstr(a->res.why, what) != NULL;
}


static void
refused(const char *what, const attest_peer_options_t *opt, const char *err)
{
    asked_t  *a = ask(opt, NULL);

    if (!OK(a->rc == ATTEST_ECLIENT && strstr(a->peer.err, err) != NULL
            && a->res.verdict == ATTEST_UNDECIDED && says(a, err)
            && !a->peer.trusted && a->peer.keys.n == 0, "%s", what))
    {
        printf("#   %d: %s\n", a->rc, a->peer.err);
    }

}


static void
test_options(void)
{
    attest_peer_options_t  opt = { .url = "https://127.0.0.1:1", .now = -1 };

    refused("nobody there", &opt, "cannot connect to 127.0.0.1 port 1: ");

    opt.connect = "127.0.0.1";
    refused("another host without a port", &opt, "host:port is wanted");
    opt.connect = "unix:socket";
    refused("a socket without a slash", &opt, "begins with a slash");
    opt.connect = "unix:/nowhere/socket";
    refused("a socket that is not there", &opt,
            "cannot connect to unix:/nowhere/socket: No such file");
    opt.connect = "[::1]:1";
    refused("another host, v6", &opt, "cannot connect to ::1 port 1: ");
    opt.connect = NULL;

    opt.proxy = "ftp://127.0.0.1:1";
    refused("a proxy of another kind", &opt, "the proxy is no http://");
    opt.proxy = "http://127.0.0.1:1";
    refused("a proxy that is not there", &opt, "cannot connect to ");
    opt.proxy = NULL;

    opt.path = "no-slash";
    refused("a path without a slash", &opt, "the path of the evidence");
    opt.path = "/two words";
    refused("a path with a blank", &opt, "the path of the evidence");
    opt.path = NULL;

    opt.url = "gateway.example";
    refused("no URL", &opt, "not an https://");
    opt.url = "https://user@gateway.example";
    refused("a user", &opt, "a character that does not belong");
    opt.url = "http://127.0.0.1:1";
    opt.certificate_only = 1;
    refused("a certificate without TLS", &opt, "no certificate");
}


/* An answer that is no evidence is said, and nothing more comes of it. */

static void
answered(const char *what, const char *text, size_t times, const char *note)
{
    asked_t                *a;
    server_t                s;
    attest_peer_options_t   opt = { .now = -1, .timeout = 20000 };

    start(&s, text, times, 0);
    opt.url = s.url;
    a = ask(&opt, NULL);

    if (!OK(a->rc == ATTEST_OK && a->res.verdict != ATTEST_TRUSTED
            && says(a, note) && !a->peer.trusted && !a->peer.has_spki
            && a->ms < 15000, "%s", what))
    {
        printf("#   %d, %lld ms: %s; %s\n", a->rc, (long long) a->ms,
               a->peer.err, a->res.count != 0
               ? a->res.checks[a->res.count - 1].text : "");
    }

    stop(&s);
}


#define HEAD(more)  "HTTP/1.1 200 OK\r\nContent-Type: application/cmw+cbor"  \
                    "\r\n" more "\r\n"

static void
test_answers(void)
{
    char  *huge;

    answered("garbage", "\1\2\3 what is this\r\n\r\n", 1, "not HTTP");
    answered("nothing", "", 1, "closed the connection");
    answered("a redirect", "HTTP/1.1 302 x\r\nLocation: https://localhost/"
             "\r\nContent-Length: 0\r\n\r\n", 1, "answered 302");
    answered("a problem with a line of its own",
             "HTTP/1.1 503 x\r\nContent-Type: application/problem+json\r\n"
             "Content-Length: 36\r\n\r\n{\"title\":\"a\\nTRUSTED: \\u001b[\"}"
             "     ", 1, "answered 503: a TRUSTED: ?[");
    answered("a cut one", HEAD("Content-Length: 9\r\n") "abc", 1, "cut");
    answered("another type", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
             1, "not application/cmw+cbor");
    answered("two lengths", HEAD("Content-Length: 1\r\nContent-Length: 1\r\n")
             "x", 1, "malformed header");
    answered("a head without an end", "HTTP/1.1 200 OK\r\nA: b\r\n"
             "A: b\r\nA: b\r\n", 100000, "malformed header");
    answered("no CBOR", HEAD("Content-Length: 4\r\n") "abcd", 1,
             "is not a collection");

    /* as long as it likes: no length, no end */

    huge = malloc(1024 * 1024 + 1);
    memset(huge, 'x', 1024 * 1024);
    huge[1024 * 1024] = '\0';
    memcpy(huge, HEAD(""), sizeof(HEAD("")) - 1);
    answered("a huge one", huge, 20, "too long");
    free(huge);
}


static void *
cancel(void *data)
{
    (void) usleep(300000);
    __atomic_store_n((volatile int *) data, 1, __ATOMIC_RELAXED);
    return NULL;
}


/* Nobody holds a caller longer than it wants. */

static void
test_time(void)
{
    asked_t                *a;
    server_t                s;
    pthread_t               t;
    attest_peer_options_t   opt = { .now = -1, .timeout = 400 };

    start(&s, NULL, 0, 0);
    opt.url = s.url;
    a = ask(&opt, NULL);
    OK(says(a, "timed out") && a->ms >= 300 && a->ms < 5000,
       "no answer: %lld ms", (long long) a->ms);
    stop(&s);

    start(&s, HEAD("Content-Length: 9000\r\n"), 1, 1);
    opt.url = s.url;
    a = ask(&opt, NULL);
    OK(says(a, "timed out") && a->ms >= 300 && a->ms < 5000,
       "a slow one: %lld ms", (long long) a->ms);
    stop(&s);

    start(&s, NULL, 0, 0);
    opt.url = s.url;
    opt.timeout = 0;
    opt.cancel = &cancelled;
    cancelled = 0;
    pthread_create(&t, NULL, cancel, (void *) &cancelled);
    a = ask(&opt, NULL);
    pthread_join(t, NULL);
    OK(says(a, "cancelled") && a->ms < 5000, "cancelled: %lld ms",
       (long long) a->ms);
    stop(&s);

    opt.url = "https://127.0.0.1:1";
    refused("cancelled before", &opt, "cancelled");
}


static int
policy_file(const char *name, const char *key, char err[ATTEST_CLIENT_ERR])
{
    int                    rc;
    attest_policy_file_t   file;
    static attest_policy_t policy;

    memset(&policy, 0, sizeof(policy));
    err[0] = '\0';
    rc = attest_policy_file(name, key, &file, &policy, err);

    if (rc == ATTEST_OK) {
        attest_policy_file_clear(&file);
        attest_policy_clear(&policy);
    }

    return rc;
}


static void
test_policy(void)
{
    int                     fd;
    char                    name[] = "/tmp/ngx-attest-peer-XXXXXX";
    char                    err[ATTEST_CLIENT_ERR];
    uint8_t                 digest[32];
    attest_span_t           span = attest_span_literal("{\"version\":1}");
    attest_policy_t        *policy = calloc(1, sizeof(*policy));
    attest_policy_file_t    file;

    IS_INT(policy_file("/nowhere/p.json", NULL, err), ATTEST_ECLIENT,
           "no such policy");
    OK(strstr(err, "cannot open /nowhere/p.json: ") != NULL, "%s", err);

    fd = mkstemp(name);
    OK(write(fd, span.p, span.n) == (ssize_t) span.n, "a file");

    IS_INT(attest_policy_file(name, NULL, &file, policy, err), ATTEST_OK,
           "a policy");
    OK(attest_span_eq(attest_bytes_span(&file.bytes), span)
       && file.signed_at == -1, "its bytes");
    (void) attest_sha256(&span, 1, digest);
    IS_MEM(file.digest, digest, 32, "and their hash");
    attest_policy_file_clear(&file);
    attest_policy_clear(policy);
    free(policy);

    IS_INT(policy_file(name, "/nowhere/key.pub", err), ATTEST_ECLIENT,
           "no such key");
    OK(strstr(err, "cannot open /nowhere/key.pub") != NULL, "%s", err);
    IS_INT(policy_file(name, name, err), ATTEST_ECLIENT, "no key");
    OK(strstr(err, "is not a minisign public key") != NULL, "%s", err);

    OK(write(fd, "x", 1) == 1, "a letter behind");
    IS_INT(policy_file(name, NULL, err), ATTEST_ECLIENT, "is no policy");
    OK(strstr(err, name) != NULL && strncmp(err, "policy ", 7) == 0, "%s",
       err);
    close(fd);
    unlink(name);
}


/* ---- a real gateway: URL, HOST:PORT, unix:PATH, TLS before it, policies */

static void
trusted(const char *what, const attest_peer_options_t *opt,
    const attest_policy_t *policy, unsigned exporter, unsigned key)
{
    asked_t   *a = ask(opt, policy);
    size_t     i;
    int64_t    now = (int64_t) time(NULL);

    if (!OK(a->rc == ATTEST_OK && a->res.verdict == ATTEST_TRUSTED
            && a->peer.trusted && a->peer.has_spki && a->peer.has_validity
            && a->peer.root == a->res.root
            && a->peer.exporter_bound == exporter && a->peer.key_bound == key
            && a->peer.not_before <= now + 300 && a->peer.not_after > now,
            "%s", what))
    {
        printf("#   %d, %s; %s\n", a->rc, a->peer.err, a->res.why);
        for (i = 0; i < a->res.count; i++) {
            printf("#   %d %s: %s\n", a->res.checks[i].state,
                   a->res.checks[i].id, a->res.checks[i].text);
        }
    }
}


static void *
asker(void *data)
{
    unsigned          i;
    asker_t          *w = data;
    attest_peer_t     peer;
    attest_result_t   res;

    for (i = 0; i < w->times; i++) {
        if (attest_peer_appraise(&peer, &w->opt, w->policy, &res) == ATTEST_OK
            && res.verdict == ATTEST_TRUSTED && peer.exporter_bound
            && peer.keys.n != 0)
        {
            w->trusted++;
            memcpy(w->spki, peer.spki, 32);
        }

        attest_peer_clear(&peer);
    }

    return NULL;
}


/* At once, over TCP and over a socket, while a third waits for nobody. */

static void
live_threads(const attest_policy_t *policy, const char *url,
    const char *socket_path)
{
    size_t          i;
    server_t        s;
    static asker_t  w[3];

    start(&s, NULL, 0, 0);
    cancelled = 0;

    for (i = 0; i < 3; i++) {
        memset(&w[i], 0, sizeof(w[i]));
        w[i].opt.url = i < 2 ? url : s.url;
        w[i].opt.now = -1;
        w[i].opt.activate = 1;
        w[i].policy = policy;
        w[i].times = i < 2 ? 4 : 1;
    }

    w[1].opt.connect = socket_path;
    w[2].opt.cancel = &cancelled;

    for (i = 0; i < 3; i++) {
        pthread_create(&w[i].thread, NULL, asker, &w[i]);
    }

    pthread_join(w[0].thread, NULL);
    pthread_join(w[1].thread, NULL);
    __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED);
    pthread_join(w[2].thread, NULL);
    stop(&s);

    IS_INT(w[0].trusted, 4, "one thread, by TCP");
    IS_INT(w[1].trusted, 4, "another one, by a socket");
    IS_INT(w[2].trusted, 0, "a third one was cancelled");
    IS_MEM(w[0].spki, w[1].spki, 32, "both saw one key");
}


static void
live_policy(const char *name, attest_policy_t *policy)
{
    char                   err[ATTEST_CLIENT_ERR] = "";
    attest_policy_file_t   file;

    if (attest_policy_file(name, NULL, &file, policy, err) != ATTEST_OK) {
        printf("Bail out! %s\n", err);
        exit(1);
    }

    attest_policy_file_clear(&file);
}


static void
live_places(char **argv, const attest_policy_t *policy)
{
    asked_t                *a;
    attest_peer_options_t   opt = { .url = argv[0], .now = -1,
                                    .timeout = 120000, .activate = 1 };

    trusted("a gateway", &opt, policy, 1, 1);
    a = ask(&opt, policy);
    OK(a->peer.generation != 0 && a->peer.keys.n != 0,
       "its generation and its prompt keys");
    OK(a->peer.ohttp == NULL, "nobody asked for Oblivious HTTP");

    opt.ohttp = ATTEST_URL_OHTTP;
    a = ask(&opt, policy);
    OK(a->peer.ohttp != NULL, "where its Oblivious HTTP is");
    opt.ohttp = "/.well-known/attestation";
    a = ask(&opt, policy);
    OK(a->peer.trusted && a->peer.ohttp == NULL
       && says(a, "the gateway of Oblivious HTTP: the gateway answered"),
       "and where it is not");
    opt.ohttp = NULL;

    opt.connect = argv[1];
    opt.url = "https://localhost";
    trusted("at another address", &opt, policy, 1, 1);
    opt.connect = argv[2];
    trusted("at a socket", &opt, policy, 1, 1);
    opt.proxy = argv[6];
    opt.connect = argv[1];
    trusted("through a proxy", &opt, policy, 1, 1);
    opt.proxy = NULL;
    opt.path = "/other/evidence";
    trusted("with its evidence elsewhere", &opt, policy, 1, 1);
    opt.path = NULL;
}


/* With less than all of it, where a policy allows that. */

static void
live_less(char **argv, const attest_policy_t *policy,
    const attest_policy_t *weak)
{
    asked_t                *a;
    attest_peer_options_t   opt = { .url = argv[0], .now = -1,
                                    .timeout = 120000 };

    opt.certificate_only = 1;
    trusted("its certificate alone", &opt, weak, 0, 1);
    OK(says(ask(&opt, weak), "the certificate alone is judged"),
       "the verdict says so");
    a = ask(&opt, policy);
    OK(a->rc == ATTEST_OK && a->res.verdict == ATTEST_UNDECIDED
       && !a->peer.trusted && !a->peer.has_spki,
       "which a policy that wants a nonce does not take");
    opt.certificate_only = 0;

    opt.url = argv[3];
    a = ask(&opt, weak);
    OK(a->rc == ATTEST_OK && a->res.verdict == ATTEST_NOT_TRUSTED,
       "TLS of somebody else is seen");
    opt.keys_only = 1;
    trusted("prompt keys behind it", &opt, weak, 0, 0);
    OK(a->peer.keys.n != 0, "are there");
    a = ask(&opt, policy);
    OK(a->res.verdict == ATTEST_UNDECIDED && a->peer.keys.n == 0,
       "a policy that wants the exporter does not take them");
}


static int
live(char **argv)
{
    static attest_policy_t  policy, weak;

    live_policy(argv[4], &policy);
    live_policy(argv[5], &weak);

    live_places(argv, &policy);
    live_threads(&policy, argv[0], argv[2]);
    live_less(argv, &policy, &weak);

    attest_policy_clear(&policy);
    attest_policy_clear(&weak);
    DONE();
}


int
main(int argc, char **argv)
{
    char  err[ATTEST_CLIENT_ERR];

    (void) signal(SIGPIPE, SIG_IGN);

    if (attest_peer_init(err) != ATTEST_OK) {
        printf("Bail out! %s\n", err);
        return 1;
    }

    if (argc == 9 && strcmp(argv[1], "live") == 0) {
        return live(argv + 2);
    }

    test_options();
    test_answers();
    test_time();
    test_policy();
    DONE();
}
