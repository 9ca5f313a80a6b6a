/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Nitro provider.  Without arguments: what needs no security module.
 * With "live", control file and log of t/doubles/fake_nsm, which is preloaded
 * then: run by provider_nitro.t.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_nitro_internal.h"
#include "core/crypto/attest_x509.h"
#include "appraise.h"

#include "fixture.h"
#include "nitro_double.h"


#define TIMEOUT  60000
#define SLACK    20000        /* ms: a busy machine, not a hanging program */

#ifdef __SANITIZE_ADDRESS__
#define MANY     40           /* the double's signatures are slow there */
#else
#define MANY     200
#endif


static char     control_file[256];
static char     log_file[256];

static uint8_t  cached[ATTEST_CLAIMS_MAX];      /* claims without a nonce */
static size_t   cached_len;
static uint8_t  fresh[ATTEST_CLAIMS_MAX];       /* and with one */
static size_t   fresh_len;
static uint8_t  nonce[40];


static void
nap(long ms)
{
    struct timespec  ts = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&ts, NULL);
}


static void
make_claims(void)
{
    attest_claims_t  c;

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    memset(c.pubkey_hash, 0x11, 32);
    c.has_validity = 1;
    c.not_before = 1782864000;
    c.not_after = 1782950400;

    cached_len = sizeof(cached);
    IS_INT(attest_claims_encode(&c, cached, &cached_len), ATTEST_OK,
           "claims");

    memset(nonce, 0x77, sizeof(nonce));
    memcpy(c.nonce, nonce, sizeof(nonce));
    c.nonce_len = sizeof(nonce);

    fresh_len = sizeof(fresh);
    IS_INT(attest_claims_encode(&c, fresh, &fresh_len), ATTEST_OK,
           "claims with a nonce");
}


static void
control(const char *text)
{
    FILE        *f = fopen(control_file, "w");
    static int   n;

    if (f == NULL) {
        printf("Bail out! cannot write %s\n", control_file);
        exit(1);
    }
    fprintf(f, "%s\n#%d\n", text, ++n);
    fclose(f);
}


static int
logged(const char *what)
{
    int    n = 0;
    char   line[256];
    FILE  *f = fopen(log_file, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        n += strncmp(line, what, strlen(what)) == 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}


static attest_provider_t *
provider(const char *path)
{
    prov_nitro_conf_t     conf = { path };
    attest_provider_t    *p = prov_nitro_provider(&conf);

    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return p;
}


static int
collect(attest_provider_t *p, unsigned timeout, prov_evidence_t *ev,
    int64_t *took)
{
    int      rc;
    int64_t  start = attest_monotonic_now();

    memset(ev, 0, sizeof(*ev));
    rc = p->collect(p, fresh, fresh_len, 1, timeout, ev);
    *took = attest_monotonic_now() - start;
    if (rc != ATTEST_OK) {
        printf("# %s\n", ev->error);
    }
    return rc;
}


static void
expect_at(const char *path, const char *text, int want, const char *message)
{
    int                 rc;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(path);

    if (control_file[0] != '\0') {
        control(text);
    }
    rc = collect(p, TIMEOUT, &ev, &took);

    IS_INT(rc, want, "\"%s\": result", text);
    OK(took < TIMEOUT, "within the deadline (%lld ms)", (long long) took);

    if (want == ATTEST_OK) {
        OK(ev.count == 1 && ev.error[0] == '\0', "one item, no error");

    } else {
        OK(ev.count == 0, "no evidence");
        OK(strstr(ev.error, message) != NULL, "error says \"%s\"", message);
    }

    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
expect(const char *text, int want, const char *message)
{
    expect_at(NULL, text, want, message);
}


/* What a verifier looks at first. */

static void
check(const prov_evidence_t *ev, const uint8_t *claims, size_t len,
    size_t nonce_len)
{
    X509            *leaf;
    uint8_t          digest[32];
    attest_span_t    all = { claims, len };
    attest_nitro_t   doc;

    if (!OK(ev->count == 1 && strcmp(ev->items[0].item, ATTEST_ITEM_NITRO)
            == 0 && strcmp(ev->items[0].type, ATTEST_TYPE_NITRO) == 0,
            "item nitro")
        || !OK(attest_nitro_parse(ev->items[0].data, ev->items[0].len, &doc)
               == ATTEST_OK, "document parses"))
    {
        return;
    }

    attest_sha256(&all, 1, digest);
    OK(doc.user_data.n == 32 && memcmp(doc.user_data.p, digest, 32) == 0,
       "user_data is the hash of the claims");
    OK(doc.nonce.n == nonce_len
       && (nonce_len == 0 || memcmp(doc.nonce.p, nonce, nonce_len) == 0),
       "nonce of %zu bytes", nonce_len);
    IS_INT(doc.public_key.n, 0, "no public_key");

    leaf = attest_x509_read_der(doc.certificate);
    OK(leaf != NULL && attest_nitro_signature(&doc, X509_get0_pubkey(leaf))
       == ATTEST_OK, "signature");
    X509_free(leaf);

    OK(strcmp(ev->root, "simulated") == 0, "a double is simulated");
    OK(strstr(ev->note, "not the kernel's") != NULL, "note says why: %s",
       ev->note);
}


static void
live_document(void)
{
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(NULL);

    control("");
    memset(&ev, 0, sizeof(ev));
    IS_INT(p->collect(p, cached, cached_len, 0, TIMEOUT, &ev), ATTEST_OK,
           "cached: %s", ev.error);
    check(&ev, cached, cached_len, 0);
    prov_evidence_clear(&ev);

    memset(&ev, 0, sizeof(ev));
    IS_INT(p->collect(p, fresh, fresh_len, 1, TIMEOUT, &ev), ATTEST_OK,
           "fresh: %s", ev.error);
    check(&ev, fresh, fresh_len, sizeof(nonce));
    prov_evidence_clear(&ev);

    IS_INT(logged("attestation with nonce"), 1, "one with a nonce");
    IS_INT(logged("attestation"), 2, "two in all");
    IS_INT(logged("bad request"), 0, "no bad request");

    memset(&ev, 0, sizeof(ev));
    IS_INT(p->collect(p, (const uint8_t *) "x", 1, 1, TIMEOUT, &ev),
           ATTEST_EFORMAT, "no claims");
    OK(strstr(ev.error, "claims") != NULL && ev.count == 0, "error says so");
    p->destroy(p);
}


static void
live_errors(void)
{
    expect("fail EINTR 3", ATTEST_OK, "");
    expect("fail EBUSY 3", ATTEST_OK, "");
    expect("fail EAGAIN 3", ATTEST_OK, "");
    expect("fail EIO -1", ATTEST_EINTERNAL, "security module failed");
    expect("fail ETIMEDOUT -1", ATTEST_EINTERNAL, "security module failed");
    expect("fail ENODEV -1", ATTEST_EINTERNAL, "nsm driver");
    expect("fail EPERM -1", ATTEST_EARG, "CAP_SYS_ADMIN");
    expect("fail ENOTTY -1", ATTEST_EARG, "no security module");
    expect("open ENOENT", ATTEST_EARG, "is this a Nitro enclave");

    expect("error InvalidOperation", ATTEST_EINTERNAL,
           "refused: InvalidOperation");
    expect("error bad\x7fname", ATTEST_EINTERNAL, "refused: bad?name");

    expect("document data", ATTEST_EMISMATCH, "not over what was asked");
    expect("document nonce", ATTEST_EMISMATCH, "not over what was asked");
    expect("document garbage", ATTEST_EFORMAT, "document");
    expect("document truncated", ATTEST_EFORMAT, "document");
    expect("response empty", ATTEST_EFORMAT, "response");
    expect("response text", ATTEST_EFORMAT, "response");
    expect("response key", ATTEST_EFORMAT, "response");
    expect("response trailing", ATTEST_EFORMAT, "response");
    expect("response long", ATTEST_EINTERNAL, "too long");
    expect("response indefinite", ATTEST_OK, "");
}


/* What a verifier makes of it that knows the double's root, or does not. */

static void
live_verdicts(void)
{
    int                 i, rc;
    char                pem[2048];
    size_t              len, n;
    uint8_t             over[ATTEST_CLAIMS_MAX], pcr[64];
    nitro_double_t      d = NITRO_DOUBLE;
    attest_policy_t     policy;
    attest_result_t     res;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(NULL);

    static const struct {
        const char  *control;
        int          known;                /* root */
        int          trusted;
    } cases[] = {
        { "", 1, 1 }, { "", 0, 0 }, { "document flip", 1, 0 },
        { "document debug", 1, 0 }, { "document foreign", 1, 0 }
    };

    len = ap_claims(over);
    n = nitro_double_root(&d, pem, sizeof(pem));
    nitro_double_pcr(&d, 0, pcr);

    for (i = 0; i < 5; i++) {
        control(cases[i].control);
        memset(&ev, 0, sizeof(ev));
        rc = p->collect(p, over, len, 0, TIMEOUT, &ev);
        if (!OK(rc == ATTEST_OK && ev.count == 1, "collected")) {
            continue;
        }

        ap_policy(&policy, (const uint8_t *) pem, cases[i].known ? n : 0);
        policy.nitro.given = 1;
        ap_reference(&policy.nitro.pcrs[0], pcr, 48);
        ap_verify(&ev, over, len, &policy, &res);

        if (!OK((res.verdict == ATTEST_TRUSTED) == cases[i].trusted,
                "\"%s\", root %d: trusted %d", cases[i].control,
                cases[i].known, cases[i].trusted))
        {
            ap_dump(&res);
        }

        attest_policy_clear(&policy);
        prov_evidence_clear(&ev);
    }

    p->destroy(p);
}


/* What is wrong only to a verifier is handed out, as simulated. */

static void
live_labels(void)
{
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(NULL);

    control("document flip");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "bad signature");
    OK(strcmp(ev.root, "simulated") == 0, "simulated");
    prov_evidence_clear(&ev);

    control("document debug");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "debug");
    OK(strcmp(ev.root, "simulated") == 0, "simulated");
    prov_evidence_clear(&ev);

    control("document foreign");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "another root");
    OK(strcmp(ev.root, "simulated") == 0, "simulated");
    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
live_deadline(void)
{
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(NULL);

    control("fail EBUSY -1");
    IS_INT(collect(p, 600, &ev, &took), ATTEST_EINTERNAL, "always busy");
    OK(took > 200 && took < 600 + SLACK, "until the time was up: %lld",
       (long long) took);
    OK(strstr(ev.error, "busy") != NULL, "error says so");

    control("delay 5000");
    IS_INT(collect(p, 300, &ev, &took), ATTEST_EINTERNAL, "late");
    OK(took >= 300 && took < 300 + SLACK, "given up in time: %lld",
       (long long) took);
    OK(strstr(ev.error, "no answer in time") != NULL, "error says so");

    IS_INT(collect(p, 200, &ev, &took), ATTEST_EINTERNAL, "still");
    OK(strstr(ev.error, "an earlier request") != NULL,
       "no second request beside the first");

    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "then it answers");
    prov_evidence_clear(&ev);

    control("delay 500");
    (void) collect(p, 100, &ev, &took);
    p->destroy(p);
    nap(3000);                    /* for leak detection: the thread frees */
}


static void
live_many(void)
{
    int                 i, good, before;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider(NULL);

    control("");
    (void) collect(p, TIMEOUT, &ev, &took);
    prov_evidence_clear(&ev);
    before = unit_fds();

    for (i = good = 0; i < MANY; i++) {
        if (i % 10 == 3) {
            control("fail EINTR 1");
        } else if (i % 10 == 6) {
            control("error InternalError");
        } else if (i % 10 == 7) {
            control("");
        }
        good += collect(p, TIMEOUT, &ev, &took) == ATTEST_OK;
        prov_evidence_clear(&ev);
    }

    IS_INT(good, MANY - MANY / 10, "all but the refused ones of %d", MANY);
    IS_INT(unit_fds(), before, "no descriptor stays open");
    p->destroy(p);
}


/* As in a worker: opened by the master, which may what the worker may not. */

static void
live_worker(void)
{
    int                 status;
    pid_t               pid;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    control("");
    p = provider(NULL);
    control("open EACCES");

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (collect(p, TIMEOUT, &ev, &took) != ATTEST_OK) {
            _exit(1);
        }
        prov_evidence_clear(&ev);
        p->destroy(p);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    IS_INT(status, 0, "by the master's descriptor");
    p->destroy(p);

    p = provider(NULL);
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EARG, "nobody opened it");
    OK(strstr(ev.error, "cannot open") != NULL, "error says so");
    p->destroy(p);
}


/* A real document; its COSE part follows four bytes of the envelope. */

static void
offline_genuine(void)
{
    int              rc;
    size_t           n, i, bad = 0;
    uint8_t         *file, *p;
    const char      *why;
    attest_nitro_t   doc;

    if (!UNIT_HAVE("AWS' document", "nitro/attestation-envelope.bin")) {
        return;
    }

    file = unit_fixture("nitro/attestation-envelope.bin", NULL);
    p = file + 4;

    IS_INT(attest_nitro_parse(p, 4526, &doc), ATTEST_OK, "a real document");
    OK(prov_nitro_genuine(&doc) == NULL, "AWS vouches for it");

    for (i = n = 0; i < 4526; i += 61, n++) {
        p[i] ^= 1;
        rc = attest_nitro_parse(p, 4526, &doc);
        why = rc == ATTEST_OK ? prov_nitro_genuine(&doc) : "malformed";
        p[i] ^= 1;

        /* the copy of the root is not looked at */
        bad += why == NULL && !(doc.cabundle[0].p <= p + i
                                && p + i < doc.cabundle[0].p
                                           + doc.cabundle[0].n);
    }
    IS_INT(bad, 0, "%zu flipped bytes, none accepted", n);

    IS_INT(attest_nitro_parse(p, 4526, &doc), ATTEST_OK, "parses again");
    doc.timestamp += 86400000;
    why = prov_nitro_genuine(&doc);
    OK(why != NULL, "a day later: %s", why ? why : "accepted");
    free(file);
}


/* The double's document: good, and nobody's. */

static void
offline_double(void)
{
    size_t           n;
    const char      *why;
    attest_nitro_t   doc;
    nitro_double_t   d = NITRO_DOUBLE;
    static uint8_t   p[NITRO_DOUBLE_MAX];

    d.timestamp = 1766678659000ULL;
    n = nitro_double_make(&d, p, sizeof(p));
    IS_INT(attest_nitro_parse(p, n, &doc), ATTEST_OK, "a double's document");
    why = prov_nitro_genuine(&doc);
    OK(why != NULL, "nobody vouches for it: %s", why ? why : "accepted");
}


static void
offline(void)
{
    char  file[] = "/tmp/ngx-attest-nsm-XXXXXX";
    int   fd = mkstemp(file);

    expect_at("/dev/no-such-nsm", "", ATTEST_EARG, "is this a Nitro enclave");
    expect_at("/dev/null", "", ATTEST_EARG, "no security module");
    expect_at(file, "", ATTEST_EARG, "no security module");
    expect_at("/", "", ATTEST_EARG, "cannot open");

    IS_INT(prov_nsm_is_device(fd), 0, "a file is no device");
    close(fd);
    unlink(file);

    fd = open("/dev/null", O_RDWR);
    IS_INT(prov_nsm_is_device(fd), 0, "another device is not it");
    close(fd);
    IS_INT(prov_nsm_is_device(-1), 0, "nor is none");
}


int
main(int argc, char **argv)
{
    make_claims();

    if (argc == 1) {
        offline();
        offline_genuine();
        offline_double();
        DONE();
    }

    if (argc != 4 || strcmp(argv[1], "live") != 0) {
        printf("Bail out! unknown arguments\n");
        return 1;
    }

    snprintf(control_file, sizeof(control_file), "%s", argv[2]);
    snprintf(log_file, sizeof(log_file), "%s", argv[3]);

    live_document();
    live_errors();
    live_labels();
    live_verdicts();
    live_deadline();
    live_many();
    live_worker();
    DONE();
}
