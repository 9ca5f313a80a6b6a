/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configfs-tsm provider.  Without arguments: what needs no configfs-tsm.
 * With "live", the mount point, control file and log of t/doubles/fake_tsm, a
 * folder and the double's roots: run by provider_tsm.t.
 */


#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tdx.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tsm_internal.h"
#include "core/crypto/attest_x509.h"
#include "appraise.h"
#include "fixture.h"
#include "snp_double.h"
#include "tdx_double.h"


#define TIMEOUT  60000
#define SLACK    20000        /* ms: a busy machine, not a hanging program */

#ifdef __SANITIZE_ADDRESS__
#define MANY  60
#else
#define MANY  200
#endif


static const uint8_t      claims[] = "claims of a test";

static char               mount_dir[256];
static char               control_file[256];
static char               log_file[256];
static char               dir[256];
static prov_tsm_conf_t    conf;           /* of the next provider */
static int                on_configfs;    /* what statfs() says */


#define T0  1782864000        /* 2026-07-01, of the real reports */


/* In place of the C library's: no machine of ours has configfs-tsm. */

int
statfs(const char *path, struct statfs *fs)
{
    memset(fs, 0, sizeof(*fs));
    fs->f_type = on_configfs ? ATTEST_TSM_MAGIC : 0x65735546;
    return access(path, F_OK);
}


/* ---- helpers */

static void
nap(long ms)
{
    struct timespec  ts = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&ts, NULL);
}


static void
put(const char *path, const void *data, size_t len)
{
    FILE  *f = fopen(path, "w");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}


/* The double reads its control file anew when the text differs. */

static void
control(const char *text)
{
    char        all[512];
    static int  n;

    snprintf(all, sizeof(all), "%s\nfail never EIO %d\n", text, ++n);
    put(control_file, all, strlen(all));
}


static void
defaults(void)
{
    memset(&conf, 0, sizeof(conf));
    conf.path = mount_dir;
    conf.privlevel = -1;
    control("");
}


static attest_provider_t *
provider(void)
{
    attest_provider_t  *p = prov_tsm_provider(&conf);

    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return p;
}


/* Entries of the reports' directory. */

static int
entries(void)
{
    int             n = 0;
    DIR            *d = opendir(mount_dir);
    struct dirent  *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        n += e->d_name[0] != '.';
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}


/* Lines of the double's log that begin so. */

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


static void
forget_log(void)
{
    (void) unlink(log_file);
}


static int
collect(attest_provider_t *p, unsigned timeout, prov_evidence_t *ev,
    int64_t *took)
{
    int      rc;
    int64_t  start = attest_monotonic_now();

    memset(ev, 0, sizeof(*ev));
    rc = p->collect(p, claims, sizeof(claims), 1, timeout, ev);
    *took = attest_monotonic_now() - start;
    if (rc != ATTEST_OK) {
        printf("# %s\n", ev->error);
    }
    return rc;
}


/* One provider, one collect with this control text, one result. */

static void
expect(const char *text, unsigned timeout, int want, const char *message)
{
    int                 rc;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p = provider();

    control(text);
    rc = collect(p, timeout, &ev, &took);

    IS_INT(rc, want, "\"%s\": result", text);
    OK(took < timeout + SLACK, "within the deadline (%lld ms)",
       (long long) took);

    if (want == ATTEST_OK) {
        OK(ev.count == 1 && ev.error[0] == '\0', "one item, no error");

    } else {
        OK(ev.count == 0, "no evidence");
        OK(strstr(ev.error, message) != NULL, "error says \"%s\"", message);
    }

    prov_evidence_clear(&ev);
    p->destroy(p);
    IS_INT(entries(), 0, "no directory stays");
}


static int
parse(const prov_evidence_t *ev, attest_tsm_t *tsm)
{
    OK(ev->count >= 1 && strcmp(ev->items[0].item, ATTEST_ITEM_TSM) == 0
       && strcmp(ev->items[0].type, ATTEST_TYPE_TSM) == 0, "item tsm-report");

    memset(tsm, 0, sizeof(*tsm));
    if (ev->count == 0) {
        return 0;
    }

    return OK(attest_tsm_parse(ev->items[0].data, ev->items[0].len, tsm)
              == ATTEST_OK, "item parses");
}


static int
is_over_claims(const uint8_t *p)
{
    uint8_t  want[64];

    attest_claims_report_data(claims, sizeof(claims), want);
    return memcmp(p, want, 64) == 0;
}


static int
signed_by_vcek(const attest_tsm_t *tsm)
{
    int                  ok = 0;
    X509                *leaf;
    attest_snp_table_t   table;

    if (attest_snp_table_parse(tsm->auxblob.p, tsm->auxblob.n, &table)
        != ATTEST_OK)
    {
        return 0;
    }

    leaf = attest_x509_read_der(table.vcek);
    if (leaf != NULL) {
        ok = attest_snp_report_verify(tsm->outblob.p, tsm->outblob.n,
                                      X509_get0_pubkey(leaf)) == ATTEST_OK;
    }
    X509_free(leaf);
    return ok;
}


/* ---- scenarios */

static void
live_kinds(void)
{
    int64_t              took;
    attest_tsm_t         tsm;
    prov_evidence_t      ev;
    attest_provider_t   *p;
    attest_tdx_quote_t   quote;

    defaults();
    p = provider();
    IS_INT(entries(), 0, "a provider alone makes no directory");

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "SEV-SNP");
    IS_INT(entries(), 1, "one directory");
    if (parse(&ev, &tsm)) {
        OK(tsm.provider.n == 9 && memcmp(tsm.provider.p, "sev_guest", 9) == 0,
           "provider");
        OK(tsm.outblob.n == 1184 && is_over_claims(tsm.outblob.p + 0x50),
           "report over the claims");
        IS_INT(tsm.manifestblob.n, 0, "no manifest");
        OK(signed_by_vcek(&tsm), "signed by the VCEK that is in the table");
    }
    IS_INT(ev.count, 1, "one item");
    OK(strcmp(ev.root, "simulated") == 0, "a double is simulated");
    OK(strstr(ev.note, "not on configfs") != NULL, "note says why: %s",
       ev.note);
    prov_evidence_clear(&ev);

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "again");
    prov_evidence_clear(&ev);
    IS_INT(entries(), 1, "in the same directory");

    control("provider tdx_guest");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "TDX");
    if (parse(&ev, &tsm)) {
        OK(tsm.outblob.n > 1000 && is_over_claims(tsm.outblob.p + 568),
           "quote 4 over the claims");
        OK(attest_tdx_parse(tsm.outblob.p, tsm.outblob.n, &quote) == ATTEST_OK
           && attest_tdx_check_signature(&quote) == ATTEST_OK
           && attest_tdx_check_qe_key(&quote) == ATTEST_OK, "signed");
    }
    prov_evidence_clear(&ev);

    p->destroy(p);
    IS_INT(entries(), 0, "the last one removes it");

    expect("provider tdx_guest\nreport v5", TIMEOUT, ATTEST_OK, "");
    expect("provider tdx_guest\nreport wrong", TIMEOUT, ATTEST_EMISMATCH,
           "not over what was asked");
    expect("provider tdx_guest\nreport dice", TIMEOUT, ATTEST_EUNSUPPORTED,
           "format that this version does not know");
    expect("provider tdx_guest\nreport short", TIMEOUT, ATTEST_EFORMAT,
           "truncated");
    expect("provider arm_cca_guest", TIMEOUT, ATTEST_EUNSUPPORTED,
           "arm_cca_guest");
    expect("report wrong", TIMEOUT, ATTEST_EMISMATCH,
           "not over what was asked");
    expect("report garbage", TIMEOUT, ATTEST_EMISMATCH,
           "not over what was asked");
    expect("report short", TIMEOUT, ATTEST_EFORMAT, "300 bytes");
    expect("report empty", TIMEOUT, ATTEST_EFORMAT, "outblob");
}


static void
live_sizes(void)
{
    int64_t             took;
    attest_tsm_t        tsm;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    p = provider();
    control("provider tdx_guest\npad 60000");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "60000 bytes");
    if (parse(&ev, &tsm)) {
        IS_INT(tsm.outblob.n, 60000, "are whole");
    }
    prov_evidence_clear(&ev);
    p->destroy(p);

    expect("aux 60000", TIMEOUT, ATTEST_OK, "");
    expect("aux 64400", TIMEOUT, ATTEST_ELIMIT, "more than the 65536");
    expect("provider tdx_guest\npad 65536", TIMEOUT, ATTEST_ELIMIT,
           "more than the 65536");
    expect("provider tdx_guest\npad 200000", TIMEOUT, ATTEST_ELIMIT,
           "more than the 65536");
    expect("provider tdx_guest\npad 262145", TIMEOUT, ATTEST_ELIMIT,
           "longer than 262144");
    expect("aux 3000000", TIMEOUT, ATTEST_ELIMIT, "longer than 262144");
}


static void
live_levels(void)
{
    int64_t             took;
    attest_tsm_t        tsm;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    conf.privlevel = 2;
    forget_log();
    p = provider();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "VMPL 2");
    if (parse(&ev, &tsm)) {
        IS_INT(tsm.outblob.p[0x30], 2, "is in the report");
    }
    prov_evidence_clear(&ev);
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "again");
    prov_evidence_clear(&ev);
    IS_INT(logged("privlevel 2"), 2, "asked for each time");
    p->destroy(p);

    expect("vmpl 0", TIMEOUT, ATTEST_EMISMATCH, "VMPL 0 instead of 2");
    expect("floor 3", TIMEOUT, ATTEST_EARG, "privlevel_floor");
    expect("fail privlevel EBUSY 2", TIMEOUT, ATTEST_OK, "");

    conf.privlevel = -1;
    conf.svsm = 1;
    p = provider();
    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "SVSM");
    if (parse(&ev, &tsm)) {
        IS_INT(tsm.manifestblob.n, 32, "manifest");
        OK(tsm.service_provider.n == 4
           && memcmp(tsm.service_provider.p, "svsm", 4) == 0, "svsm");
        OK(!is_over_claims(tsm.outblob.p + 0x50), "report_data is a hash");
    }
    prov_evidence_clear(&ev);
    p->destroy(p);

    expect("report wrong", TIMEOUT, ATTEST_EMISMATCH,
           "not over what was asked");
    expect("vmpl 1", TIMEOUT, ATTEST_EMISMATCH, "VMPL 1 instead of 0");
    expect("manifest 0", TIMEOUT, ATTEST_EFORMAT, "manifestblob");
    expect("fail manifestblob EINTR 1", TIMEOUT, ATTEST_OK, "");
    expect("fail manifestblob ENOENT -1", TIMEOUT, ATTEST_EARG,
           "manifestblob");
}


static void
live_busy(void)
{
    int                 rc;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    expect("fail outblob EBUSY 3", TIMEOUT, ATTEST_OK, "");
    expect("fail outblob EINTR 3", TIMEOUT, ATTEST_OK, "");
    expect("fail outblob EWOULDBLOCK 3", TIMEOUT, ATTEST_OK, "");
    expect("fail auxblob EINTR 2", TIMEOUT, ATTEST_OK, "");
    expect("fail generation EINTR 3", TIMEOUT, ATTEST_OK, "");
    expect("fail provider EBUSY 1", TIMEOUT, ATTEST_OK, "");
    expect("fail inblob ETXTBSY 1", TIMEOUT, ATTEST_OK, "");
    expect("fail mkdir EBUSY 2", TIMEOUT, ATTEST_OK, "");
    expect("fail auxblob ENOENT -1", TIMEOUT, ATTEST_OK, "");

    p = provider();
    control("fail outblob EBUSY -1");
    rc = collect(p, 700, &ev, &took);
    IS_INT(rc, ATTEST_EINTERNAL, "always busy");
    OK(took > 200 && took < 700 + SLACK, "asked until the time was up: %lld",
       (long long) took);
    OK(strstr(ev.error, "busy") != NULL, "error says so");
    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "busy no more");
    prov_evidence_clear(&ev);
    p->destroy(p);

    expect("fail outblob EFBIG -1", TIMEOUT, ATTEST_ELIMIT, "kernel's own");
    expect("fail outblob EINVAL -1", TIMEOUT, ATTEST_EARG, "refused");
    expect("fail outblob ENOMEM -1", TIMEOUT, ATTEST_EINTERNAL, "outblob");
    expect("fail inblob EACCES -1", TIMEOUT, ATTEST_EARG, "does not own");
}


/* Writes that the kernel drops without a word, and others' writes. */

static void
live_generation(void)
{
    defaults();

    forget_log();
    expect("lost 1", TIMEOUT, ATTEST_OK, "");
    IS_INT(logged("lost"), 1, "one write was lost");
    IS_INT(logged("inblob 64"), 1, "and written again");

    expect("lost 4", TIMEOUT, ATTEST_OK, "");
    forget_log();
    expect("lost -1", TIMEOUT, ATTEST_EMISMATCH, "by 1 writes of ours");
    IS_INT(logged("lost"), 5, "five times");
    IS_INT(logged("report"), 0, "no report of old parameters was read");

    forget_log();
    expect("foreign write 1", TIMEOUT, ATTEST_OK, "");
    IS_INT(logged("inblob 64"), 2, "asked again");
    expect("foreign write -1", TIMEOUT, ATTEST_EMISMATCH, "generation");
    expect("foreign read 1", TIMEOUT, ATTEST_OK, "");
    expect("foreign read -1", TIMEOUT, ATTEST_EMISMATCH, "somebody else");
}


/* Errors that stay: fast, and soon not asked for any more. */

static void
permanent(const char *error)
{
    int                     i;
    char                    text[64];
    int64_t                 took;
    prov_evidence_t         ev;
    attest_provider_t      *p = provider();
    prov_tsm_provider_t    *tsm = p->data;

    snprintf(text, sizeof(text), "fail outblob %s -1", error);
    control(text);
    forget_log();

    for (i = 0; i < 3; i++) {
        OK(collect(p, TIMEOUT, &ev, &took) == ATTEST_EINTERNAL
           && took < SLACK, "%s: fails at once", error);
    }
    IS_INT(logged("fail outblob"), 3, "one attempt each");

    for (i = 0; i < 5; i++) {
        IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EINTERNAL, "stopped");
        OK(strstr(ev.error, "reboot") != NULL
           && strstr(ev.error, "stopped") != NULL, "error says so");
    }
    IS_INT(logged("fail outblob"), 3, "the driver is left alone");

    tsm->stopped = 1;
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EINTERNAL, "a probe");
    IS_INT(logged("fail outblob"), 4, "one attempt");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EINTERNAL, "stopped");
    IS_INT(logged("fail outblob"), 4, "no attempt");
    IS_INT(tsm->stop, 2 * ATTEST_TSM_STOP_MIN, "for twice as long");

    tsm->stop = ATTEST_TSM_STOP_MAX;
    tsm->stopped = 1;
    (void) collect(p, TIMEOUT, &ev, &took);
    IS_INT(tsm->stop, ATTEST_TSM_STOP_MAX, "not for ever longer");

    control("");
    tsm->stopped = 1;
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "repaired");
    prov_evidence_clear(&ev);
    IS_INT(tsm->broken, 0, "and forgotten");
    p->destroy(p);
}


static void
live_permanent(void)
{
    int                 i;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    permanent("EIO");
    permanent("ENOTTY");
    permanent("ENXIO");

    /* the driver is unloaded: before the directory, and with it */

    expect("provider none", TIMEOUT, ATTEST_EINTERNAL, "no TSM provider");

    p = provider();
    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "there");
    prov_evidence_clear(&ev);
    control("provider none");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EINTERNAL, "gone");
    OK(strstr(ev.error, "driver is gone") != NULL, "error says so");
    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "back");
    prov_evidence_clear(&ev);

    for (i = 0; i < 2; i++) {
        control("fail outblob EIO 1");
        (void) collect(p, TIMEOUT, &ev, &took);
    }
    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "two are no burst");
    prov_evidence_clear(&ev);
    p->destroy(p);
}


/* A driver that takes its time: up to 60 s on SEV-SNP. */

static void
live_deadline(void)
{
    int                 i;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    p = provider();
    control("delay 5000");
    IS_INT(collect(p, 300, &ev, &took), ATTEST_EINTERNAL, "late");
    OK(took >= 300 && took < 300 + SLACK, "given up in time: %lld",
       (long long) took);
    OK(strstr(ev.error, "no answer in time") != NULL, "error says so");

    IS_INT(collect(p, 200, &ev, &took), ATTEST_EINTERNAL, "still");
    OK(took < 200 + SLACK && strstr(ev.error, "an earlier request") != NULL,
       "no second request beside the first");

    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "then it answers");
    prov_evidence_clear(&ev);
    IS_INT(entries(), 1, "one directory");

    control("delay 3000");
    (void) collect(p, 100, &ev, &took);
    p->destroy(p);
    IS_INT(entries(), 1, "destroyed while the kernel works");

    for (i = 0; i < TIMEOUT / 100 && entries() != 0; i++) {
        nap(100);
    }
    IS_INT(entries(), 0, "the thread tidies up");
}


/* What a verifier makes of it that knows the double's roots, or does not. */

static void
live_verdicts(const char *roots)
{
    int                 i, rc;
    size_t              len, n;
    uint8_t             over[ATTEST_CLAIMS_MAX], measurement[48];
    uint8_t            *pem = unit_read(roots, &n);
    attest_policy_t     policy;
    attest_result_t     res;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    static const struct {
        const char  *control;
        int          known;                /* roots */
        int          trusted;
    } cases[] = {
        { "", 1, 1 }, { "", 0, 0 }, { "report flip", 1, 0 },
        { "report debug", 1, 0 }, { "aux 0", 1, 0 }
    };

    defaults();
    p = provider();
    len = ap_claims(over);
    memset(measurement, 0x3e, sizeof(measurement));

    for (i = 0; i < 6; i++) {
        control(i < 5 ? cases[i].control : "provider tdx_guest");
        memset(&ev, 0, sizeof(ev));
        rc = p->collect(p, over, len, 0, TIMEOUT, &ev);
        if (!OK(rc == ATTEST_OK && ev.count == 1, "collected")) {
            continue;
        }

        ap_policy(&policy, pem, i < 5 && !cases[i].known ? 0 : n);
        ap_reference(&policy.snp.measurement, measurement, 48);
        policy.snp.covers = ATTEST_SNP_COVERS_KERNEL;
        policy.snp.has_min_tcb = 1;
        policy.snp.min_tcb.snp = 1;
        ap_verify(&ev, over, len, &policy, &res);

        if (i < 5) {
            if (!OK((res.verdict == ATTEST_TRUSTED) == cases[i].trusted,
                    "\"%s\", roots %d: trusted %d", cases[i].control,
                    cases[i].known, cases[i].trusted))
            {
                ap_dump(&res);
            }

        } else if (!OK(ap_state(&res, "fresh-tdx-signature")
                       == ATTEST_CHECK_PASS
                       && ap_state(&res, "fresh-tdx-chain")
                          == ATTEST_CHECK_PASS
                       && ap_state(&res, "fresh-tdx-binding")
                          == ATTEST_CHECK_PASS
                       && res.verdict != ATTEST_TRUSTED,
                       "TDX: genuine and bound, but without collateral"))
        {
            ap_dump(&res);
        }

        attest_policy_clear(&policy);
        prov_evidence_clear(&ev);
    }

    p->destroy(p);
    free(pem);
}


/* On configfs it is the certificates that decide. */

static void
live_labels(void)
{
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    p = provider();
    on_configfs = 1;

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "SEV-SNP");
    OK(strcmp(ev.root, "simulated") == 0, "not AMD's root: simulated");
    OK(strstr(ev.note, "simulated") != NULL, "note says why: %s", ev.note);
    prov_evidence_clear(&ev);

    control("aux 0");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "no certificates");
    OK(strcmp(ev.root, "tee") == 0, "are no reason against it");
    OK(strstr(ev.note, "no certificates") != NULL, "note says so: %s",
       ev.note);
    prov_evidence_clear(&ev);

    control("provider tdx_guest");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "TDX");
    OK(strcmp(ev.root, "simulated") == 0, "not Intel's root: simulated");
    OK(strstr(ev.note, "simulated") != NULL, "note says why: %s", ev.note);
    prov_evidence_clear(&ev);

    on_configfs = 0;
    p->destroy(p);
}


/* ---- processes */

/* Waits for a child; its exit status, 100 + the signal when killed. */

static int
wait_for(pid_t pid)
{
    int  status;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}


/* Collects in a child that may be nobody; 0, or 1 and the error. */

static int
collect_in_child(attest_provider_t *p, unsigned uid, char error[256])
{
    int                rc, fd[2];
    pid_t              pid;
    int64_t            took;
    prov_evidence_t    ev;

    if (pipe(fd) != 0) {
        return -1;
    }

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) {
            _exit(9);
        }
        rc = collect(p, TIMEOUT, &ev, &took);
        rc = (rc == ATTEST_OK && ev.count == 0) ? 8 : rc != ATTEST_OK;
        if (write(fd[1], ev.error, 256) != 256) {
            _exit(9);
        }
        prov_evidence_clear(&ev);
        p->destroy(p);
        _exit(rc);
    }

    if (read(fd[0], error, 256) != 256) {
        error[0] = '\0';
    }
    close(fd[0]);
    close(fd[1]);
    return wait_for(pid);
}


static void
live_worker(void)
{
    char                error[256];
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    if (geteuid() != 0) {
        OK(1, "# skip: not root");
        return;
    }

    defaults();
    conf.uid = 65534;
    conf.gid = 65534;
    conf.privlevel = 1;
    conf.svsm = 0;
    p = provider();

    IS_INT(collect_in_child(p, 65534, error), 1, "no directory yet");
    OK(strstr(error, "only root can") != NULL, "error says so: %s", error);

    forget_log();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "master");
    prov_evidence_clear(&ev);
    IS_INT(logged("chown inblob 65534"), 1, "inblob is handed over");
    IS_INT(logged("chown privlevel 65534"), 1, "privlevel too");
    IS_INT(logged("chown"), 2, "nothing else");

    IS_INT(collect_in_child(p, 65534, error), 0, "worker: %s", error);
    IS_INT(collect_in_child(p, 65534, error), 0, "the next one");
    IS_INT(entries(), 1, "which the workers did not remove");
    IS_INT(collect_in_child(p, 65533, error), 1, "another user may not");
    OK(strstr(error, "does not own") != NULL, "error says so: %s", error);

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "master again");
    prov_evidence_clear(&ev);
    p->destroy(p);
    IS_INT(entries(), 0, "gone with the master");
}


/* A reload: the master destroys its provider while workers live. */

static void
live_reload(void)
{
    int                 fd[2];
    char                c;
    pid_t               pid;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p, *next;

    defaults();
    p = provider();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "before the fork");
    prov_evidence_clear(&ev);

    if (pipe(fd) != 0) {
        return;
    }
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        close(fd[1]);
        if (read(fd[0], &c, 1) != 1) {
            _exit(9);
        }
        if (collect(p, TIMEOUT, &ev, &took) != ATTEST_OK) {
            _exit(1);
        }
        prov_evidence_clear(&ev);
        _exit(read(fd[0], &c, 1) == 0 ? 0 : 2);
    }
    close(fd[0]);

    next = provider();
    IS_INT(collect(next, TIMEOUT, &ev, &took), ATTEST_OK, "the new one");
    prov_evidence_clear(&ev);
    IS_INT(entries(), 2, "has a directory of its own");

    p->destroy(p);
    IS_INT(entries(), 2, "the old one stays for the old worker");

    IS_INT(write(fd[1], "x", 1), 1, "the old worker");
    nap(300);
    IS_INT(collect(next, TIMEOUT, &ev, &took), ATTEST_OK, "both collect");
    prov_evidence_clear(&ev);
    close(fd[1]);
    IS_INT(wait_for(pid), 0, "the old worker collected from its own");

    next->destroy(next);
    IS_INT(entries(), 0, "the last one tidies up for both");
}


/* A fork while a thread waits for the kernel: it is not in the child. */

static void
live_fork_late(void)
{
    char                error[256];
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    p = provider();
    control("delay 3000");
    IS_INT(collect(p, 200, &ev, &took), ATTEST_EINTERNAL, "late");

    IS_INT(collect_in_child(p, 0, error), 0, "the child does not wait for"
           " it: %s", error);

    control("");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "nor is the parent"
           " disturbed");
    prov_evidence_clear(&ev);
    p->destroy(p);
    IS_INT(entries(), 0, "nothing stays");
}


static void
live_kill(void)
{
    int                 i, left = 0;
    pid_t               pid;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    control("delay 20");

    for (i = 0; i < 12; i++) {
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            for ( ;; ) {
                p = provider();
                (void) p->collect(p, claims, sizeof(claims), 0, TIMEOUT,
                                  &ev);
                p->destroy(p);
                memset(&ev, 0, sizeof(ev));
            }
        }
        nap(40 + i * 7);
        kill(pid, SIGKILL);
        wait_for(pid);
        left += entries() != 0;
    }

    OK(left > 0, "kills left a directory %d times", left);
    OK(entries() <= 1, "the next one removed it");
    control("");
    p = provider();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "after 12 kills");
    prov_evidence_clear(&ev);
    IS_INT(entries(), 1, "only ours is there");
    p->destroy(p);
    IS_INT(entries(), 0, "none at the end");
}


/* Names of others stay, a directory that somebody removed is made again. */

static void
live_foreign_dirs(void)
{
    char                path[512];
    int64_t             took;
    DIR                *d;
    struct dirent      *e;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    snprintf(path, sizeof(path), "%s/somebody", mount_dir);
    mkdir(path, 0755);

    p = provider();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "beside others");
    prov_evidence_clear(&ev);

    d = opendir(mount_dir);
    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "ngx-attest-", 11) == 0) {
            snprintf(path, sizeof(path), "%s/%s", mount_dir, e->d_name);
            IS_INT(rmdir(path), 0, "our directory is removed");
        }
    }
    closedir(d);

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "and made again");
    prov_evidence_clear(&ev);
    p->destroy(p);
    IS_INT(entries(), 1, "others' directories stay");

    snprintf(path, sizeof(path), "%s/somebody", mount_dir);
    IS_INT(rmdir(path), 0, "theirs to remove");
}


static void
live_many(void)
{
    int                 i, good, before;
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    p = provider();
    (void) collect(p, TIMEOUT, &ev, &took);
    prov_evidence_clear(&ev);
    before = unit_fds();

    for (i = good = 0; i < MANY; i++) {
        if (i % 10 == 3) {
            control("fail outblob EBUSY 1");
        } else if (i % 10 == 6) {
            control("report wrong");
        } else if (i % 10 == 7) {
            control("");
        }
        good += collect(p, TIMEOUT, &ev, &took) == ATTEST_OK;
        prov_evidence_clear(&ev);
    }

    /* a thread may take a moment to end after its last word */
    for (i = 0; i < 50 && unit_fds() != before; i++) {
        nap(20);
    }
    IS_INT(good, MANY - MANY / 10, "all but the wrong ones of %d", MANY);
    IS_INT(unit_fds(), before, "no descriptor stays open");
    p->destroy(p);
}


/* ---- files */

static void
live_ccel(void)
{
    char                path[512], error[256];
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    snprintf(path, sizeof(path), "%s/ccel", dir);
    put(path, "CCEL log", 8);
    chmod(path, 0400);
    conf.ccel = path;
    conf.uid = conf.gid = 65534;
    p = provider();
    control("provider tdx_guest");

    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "log");
    OK(ev.count == 2 && strcmp(ev.items[1].item, ATTEST_ITEM_CCEL) == 0
       && strcmp(ev.items[1].type, ATTEST_TYPE_CCEL) == 0
       && ev.items[1].len == 8
       && memcmp(ev.items[1].data, "CCEL log", 8) == 0, "ccel behind it");
    prov_evidence_clear(&ev);

    memset(&ev, 0, sizeof(ev));
    IS_INT(p->collect(p, claims, sizeof(claims), 0, TIMEOUT, &ev), ATTEST_OK,
           "not wanted");
    IS_INT(ev.count, 1, "no log then");
    prov_evidence_clear(&ev);

    if (geteuid() == 0) {
        IS_INT(collect_in_child(p, 65534, error), 0, "nobody reads what the"
               " master opened: %s", error);
    }

    unlink(path);
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EARG, "no log");
    OK(strstr(ev.error, path) != NULL && ev.count == 0, "error names it");
    p->destroy(p);
}


/* A certificate with one extension of AMD's, signed by nobody that counts. */

static void
add_cert(FILE *f, const char *name, const char *issuer, const char *oid)
{
    X509               *cert = X509_new();
    EVP_PKEY           *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ASN1_OCTET_STRING  *os = ASN1_OCTET_STRING_new();
    ASN1_OBJECT        *obj;
    X509_EXTENSION     *ext;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
                               MBSTRING_ASC, (const uint8_t *) name, -1, -1,
                               0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN",
                               MBSTRING_ASC, (const uint8_t *) issuer, -1,
                               -1, 0);
    if (oid != NULL) {
        ASN1_OCTET_STRING_set(os, (const uint8_t *) "12345678", 8);
        obj = OBJ_txt2obj(oid, 1);
        ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, os);
        X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
        ASN1_OBJECT_free(obj);
    }
    X509_sign(cert, key, EVP_sha256());
    PEM_write_X509(f, cert);

    ASN1_OCTET_STRING_free(os);
    EVP_PKEY_free(key);
    X509_free(cert);
}


static void
make_pem(const char *path, int vceks, int vleks, int asks)
{
    FILE  *f = fopen(path, "w");

    while (asks-- > 0) {
        add_cert(f, "SEV-Test", "ARK-Test", NULL);
    }
    while (vceks-- > 0) {
        add_cert(f, "SEV-VCEK", "SEV-Test", "1.3.6.1.4.1.3704.1.4");
    }
    while (vleks-- > 0) {
        add_cert(f, "SEV-VLEK", "SEV-Test", "1.3.6.1.4.1.3704.1.5");
    }
    add_cert(f, "ARK-Test", "ARK-Test", NULL);
    fclose(f);
}


/* The table's entries, each a certificate of the right name. */

static int
table_entry(const uint8_t *p, size_t n, size_t i, const char *guid,
    const char *name)
{
    int             same;
    char            cn[64] = "";
    X509           *cert;
    uint8_t         want[16];
    uint32_t        off, len;
    const uint8_t  *der;

    unit_hex(guid, want, sizeof(want));
    memcpy(&off, p + 24 * i + 16, 4);
    memcpy(&len, p + 24 * i + 20, 4);

    if (memcmp(p + 24 * i, want, 16) != 0 || off > n || len > n - off) {
        return 0;
    }

    der = p + off;
    cert = d2i_X509(NULL, &der, (long) len);
    if (cert == NULL || der != p + off + len) {
        return 0;
    }
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
                              cn, sizeof(cn));
    same = strcmp(cn, name) == 0;
    X509_free(cert);
    return same;
}


static void
offline_certs(void)
{
    char      path[512], error[256] = "";
    size_t    n = 0;
    uint8_t  *table = NULL, zero[24] = { 0 };

    static uint8_t  big[65537];

    snprintf(path, sizeof(path), "%s/certs.pem", dir);

    make_pem(path, 1, 0, 1);
    if (OK(prov_tsm_certs(path, &table, &n, error) == ATTEST_OK,
           "VCEK, ASK, ARK"))
    {
        OK(table_entry(table, n, 0, "63da758de6644564adc5f4b93be8accd",
                       "SEV-VCEK"), "VCEK");
        OK(table_entry(table, n, 1, "4ab7b379bbac4fe4a02f05aef327c782",
                       "SEV-Test"), "ASK");
        OK(table_entry(table, n, 2, "c0b406a4a803495297433fb6014cd0ae",
                       "ARK-Test"), "ARK");
        IS_MEM(table + 72, zero, 24, "end");
        free(table);
    }

    make_pem(path, 0, 1, 0);
    if (OK(prov_tsm_certs(path, &table, &n, error) == ATTEST_OK,
           "VLEK, ARK"))
    {
        OK(table_entry(table, n, 0, "a8074bc2a25a483eaae639c045a0b8a1",
                       "SEV-VLEK"), "VLEK");
        free(table);
    }

    make_pem(path, 0, 0, 1);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EFORMAT,
           "neither VCEK nor VLEK: %s", error);
    make_pem(path, 1, 1, 1);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EFORMAT,
           "both: %s", error);
    make_pem(path, 2, 0, 1);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EFORMAT,
           "two VCEKs: %s", error);
    make_pem(path, 1, 0, 12);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EFORMAT,
           "too many: %s", error);
    put(path, "nonsense", 8);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EFORMAT,
           "no PEM: %s", error);
    put(path, big, sizeof(big));
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EARG,
           "too long: %s", error);
    unlink(path);
    IS_INT(prov_tsm_certs(path, &table, &n, error), ATTEST_EARG,
           "no file: %s", error);
}


/* Real evidence at its own time, and what is wrong with it otherwise. */

static const char *
genuine(const char *provider, const uint8_t *out, size_t out_len,
    const uint8_t *aux, size_t aux_len, int64_t now)
{
    attest_tsm_t  tsm;

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) provider;
    tsm.provider.n = strlen(provider);
    tsm.outblob.p = out;
    tsm.outblob.n = out_len;
    tsm.auxblob.p = aux;
    tsm.auxblob.n = aux_len;

    return prov_tsm_genuine(&tsm, now);
}


static void
not_genuine(const char *why, const char *what)
{
    OK(why != NULL, "%s: %s", what, why ? why : "accepted");
}


static void
offline_genuine_snp(void)
{
    char      error[256] = "";
    char      vcek[4096];
    size_t    len = 0, n, i, bad = 0;
    uint8_t  *file, *report, *table = NULL;

    if (!UNIT_HAVE("a real report", "snp/attestation-v3-milan-envelope.bin",
                   "snp/vcek-milan-v3.pem"))
    {
        return;
    }

    file = unit_fixture("snp/attestation-v3-milan-envelope.bin", NULL);
    report = file + 4;
    unit_fixture_path("snp/vcek-milan-v3.pem", vcek, sizeof(vcek));

    if (!OK(prov_tsm_certs(vcek, &table, &len, error) == ATTEST_OK,
            "table of a VCEK"))
    {
        free(file);
        return;
    }

    OK(genuine("sev_guest", report, 1184, table, len, T0) == NULL,
       "a real report, with the ASK that we ship");
    not_genuine(genuine("sev_guest", report, 1184, table, len, 1780272000),
                "before its VCEK was valid");
    not_genuine(genuine("sev_guest", report, 1184, table, len - 1, T0),
                "truncated table");
    not_genuine(genuine("sev_guest", report, 1184, table, 0, T0),
                "no table");
    not_genuine(genuine("sev_guest", report, 1183, table, len, T0),
                "truncated report");

    for (i = n = 0; i < 1184; i += 7, n++) {
        report[i] ^= 1;
        bad += genuine("sev_guest", report, 1184, table, len, T0) == NULL;
        report[i] ^= 1;
    }
    IS_INT(bad, 0, "%zu flipped bytes, none accepted", n);

    free(table);
    free(file);
}


static void
offline_genuine_tdx(void)
{
    size_t    len, n, i, bad = 0;
    uint8_t  *quote;

    if (!UNIT_HAVE("a real quote", "tdx/quote-v4.bin")) {
        return;
    }

    quote = unit_fixture("tdx/quote-v4.bin", &len);

    OK(genuine("tdx_guest", quote, len, NULL, 0, T0) == NULL, "a real quote");
    not_genuine(genuine("tdx_guest", quote, len, NULL, 0, 1500000000),
                "before its PCK was valid");
    not_genuine(genuine("tdx_guest", quote, 1000, NULL, 0, T0), "truncated");
    not_genuine(genuine("sev_guest", quote, len, NULL, 0, T0),
                "as another CPU's");

    /* header, body, signature, key, the enclave's report */
    for (i = n = 0; i < 1200; i += 7, n++) {
        quote[i] ^= 1;
        bad += genuine("tdx_guest", quote, len, NULL, 0, T0) == NULL;
        quote[i] ^= 1;
    }
    IS_INT(bad, 0, "%zu flipped bytes, none accepted", n);
    free(quote);
}


/* What the doubles make is good, and no maker's. */

static void
offline_doubles(void)
{
    size_t         n, len;
    uint8_t        rd[64] = { 1 }, report[SNP_DOUBLE_REPORT];
    snp_double_t   snp;
    tdx_double_t   tdx;
    static uint8_t table[16384], quote[TDX_DOUBLE_MAX_QUOTE];

    memset(&snp, 0, sizeof(snp));
    snp.bits = 2048;
    n = sizeof(quote);
    len = sizeof(table);

    OK(snp_double_init(&snp) && snp_double_leaf(&snp)
       && snp_double_report(&snp, rd, report)
       && snp_double_table(&snp, table, &len)
       && tdx_double_init(&tdx, T0 - 86400, T0 + 86400)
       && tdx_double_make(&tdx, rd, quote, &n), "doubles");

    not_genuine(genuine("sev_guest", report, sizeof(report), table, len, T0),
                "a double's report");
    not_genuine(genuine("sev_guest", report, sizeof(report), table, len - 1,
                        T0), "a double's truncated table");
    not_genuine(genuine("sev_guest", report, sizeof(report), table, 0, T0),
                "a double's, no table");
    not_genuine(genuine("sev_guest", report, sizeof(report) - 1, table, len,
                        T0), "a double's truncated report");
    not_genuine(genuine("tdx_guest", quote, n, NULL, 0, T0),
                "a double's quote");
    not_genuine(genuine("tdx_guest", quote, 1000, NULL, 0, T0),
                "a double's, truncated");
    not_genuine(genuine("sev_guest", quote, n, NULL, 0, T0),
                "a double's, as another CPU's");
    snp_double_free(&snp);
    tdx_double_free(&tdx);
}


static void
live_certs(void)
{
    char                path[512];
    int64_t             took;
    attest_tsm_t        tsm;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    defaults();
    snprintf(path, sizeof(path), "%s/certs.pem", dir);
    make_pem(path, 1, 0, 1);
    conf.certs = path;
    p = provider();

    control("aux 0");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "own certificates");
    if (parse(&ev, &tsm)) {
        OK(tsm.auxblob.n > 96
           && table_entry(tsm.auxblob.p, tsm.auxblob.n, 0,
                          "63da758de6644564adc5f4b93be8accd", "SEV-VCEK"),
           "are in the item");
    }
    prov_evidence_clear(&ev);

    control("aux 100");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "the host's");
    if (parse(&ev, &tsm)) {
        IS_INT(tsm.auxblob.n, 100, "go first");
    }
    prov_evidence_clear(&ev);

    unlink(path);
    control("aux 0");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EARG, "no file");
    OK(strstr(ev.error, path) != NULL && ev.count == 0, "error names it");

    control("aux 0\nprovider tdx_guest");
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_OK, "TDX has no need");
    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
offline_places(void)
{
    char                path[512], file[600];
    int64_t             took;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    memset(&conf, 0, sizeof(conf));
    conf.privlevel = -1;

    snprintf(path, sizeof(path), "%s/reports", dir);
    conf.path = path;
    p = provider();
    IS_INT(collect(p, TIMEOUT, &ev, &took), ATTEST_EARG, "no directory");
    OK(strstr(ev.error, "no TSM driver") != NULL, "error says so");

    /* plain files have no generation */

    mkdir(path, 0700);
    OK(collect(p, TIMEOUT, &ev, &took) != ATTEST_OK, "no configfs");
    OK(took < SLACK, "and no waiting");
    p->destroy(p);
    OK(rmdir(path) == 0, "nothing stays");

    snprintf(file, sizeof(file), "%s/file", dir);
    put(file, "x", 1);
    conf.path = file;
    p = provider();
    OK(collect(p, TIMEOUT, &ev, &took) != ATTEST_OK, "a file");
    p->destroy(p);
    unlink(file);

    conf.path = NULL;
    p = provider();
    OK(strcmp(((prov_tsm_provider_t *) p->data)->dir->path,
              ATTEST_TSM_PATH) == 0, "the usual place");
    p->destroy(p);
}


static int
offline(void)
{
    snprintf(dir, sizeof(dir), "/tmp/ngx-attest-tsm-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        printf("Bail out! no folder\n");
        return 1;
    }

    offline_places();
    offline_certs();
    offline_genuine_snp();
    offline_genuine_tdx();
    offline_doubles();
    rmdir(dir);
    DONE();
}


int
main(int argc, char **argv)
{
    if (argc == 1) {
        return offline();
    }

    if (argc != 7 || strcmp(argv[1], "live") != 0) {
        printf("Bail out! unknown arguments\n");
        return 1;
    }

    snprintf(mount_dir, sizeof(mount_dir), "%s", argv[2]);
    snprintf(control_file, sizeof(control_file), "%s", argv[3]);
    snprintf(log_file, sizeof(log_file), "%s", argv[4]);
    snprintf(dir, sizeof(dir), "%s", argv[5]);

    live_kinds();
    live_sizes();
    live_levels();
    live_busy();
    live_generation();
    live_permanent();
    live_verdicts(argv[6]);
    live_labels();
    live_deadline();
    live_worker();
    live_reload();
    live_fork_late();
    live_kill();
    live_foreign_dirs();
    live_many();
    live_ccel();
    live_certs();
    DONE();
}
