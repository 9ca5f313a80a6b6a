/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The NVIDIA provider.  Without arguments: what needs no library.  With a
 * scenario and a folder that holds ../doubles/fake_nvml.c as
 * libnvidia-ml.so.1: run by provider_nvidia.t.
 */


#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_nvidia.h"
#include "fixture.h"
#include "gpu_double.h"
#include "provider_double.h"


static const char  *folder;
static uint8_t      claims[ATTEST_CLAIMS_MAX];
static size_t       claims_len;

static const char *const  calls[] = {
    "nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlSystemGetConfComputeState",
    "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID",
    "nvmlDeviceGetArchitecture", "nvmlDeviceGetConfComputeGpuCertificate",
    "nvmlDeviceGetConfComputeGpuAttestationReport"
};

#define CALLS  (sizeof(calls) / sizeof(calls[0]))


static void
make_claims(uint8_t seed)
{
    claims_len = pd_claims(seed, claims);
}


static void
control(const char *text)
{
    pd_text(folder, "control", text);
}


static attest_provider_t *
provider(const char *library, int required)
{
    char                   path[512];
    prov_nvidia_conf_t     conf;

    snprintf(path, sizeof(path), "%s/%s", folder, library);
    conf.library = path;
    conf.required = required;

    return pd_made(prov_nvidia_provider(&conf));
}


static int
collect(attest_provider_t *p, unsigned timeout, prov_evidence_t *ev)
{
    memset(ev, 0, sizeof(*ev));
    return p->collect(p, claims, claims_len, 1, timeout, ev);
}


static void
check_good(prov_evidence_t *ev, size_t gpus, const char *arch)
{
    int              bad = 0;
    size_t           i;
    uint8_t          nonce[32];
    attest_gpu_t     gpu;
    attest_claims_t  c;

    attest_claims_parse(claims, claims_len, &c);
    attest_claims_gpu_nonce(&c, nonce);

    if (!OK(ev->count == 1 && strcmp(ev->items[0].item, ATTEST_ITEM_GPU) == 0
            && strcmp(ev->items[0].type, ATTEST_TYPE_GPU) == 0, "item gpu"))
    {
        return;
    }

    if (!OK(attest_gpu_parse(ev->items[0].data, ev->items[0].len, &gpu)
            == ATTEST_OK, "parses"))
    {
        return;
    }

    IS_INT(gpu.count, gpus, "devices");

    for (i = 0; i < gpu.count; i++) {
        bad += !attest_span_is(gpu.devices[i].arch, arch)
               || memcmp(gpu.devices[i].nonce, nonce, 32) != 0
               || memcmp(gpu.devices[i].report.p + 4, nonce, 32) != 0;
    }

    IS_INT(bad, 0, "all %s and over our nonce", arch);
    OK(strcmp(ev->root, "simulated") == 0, "a test root is simulated");
    attest_gpu_free(&gpu);
}


static void
good(const char *text, size_t gpus, const char *arch)
{
    prov_evidence_t     ev;
    attest_provider_t  *p;

    control(text);
    p = provider("libnvidia-ml.so.1", 1);

    if (OK(collect(p, TIMEOUT, &ev) == ATTEST_OK, "collects: %s %s", arch,
           ev.error))
    {
        check_good(&ev, gpus, arch);
        IS_INT(ev.note[0], '\0', "no note");
    }

    prov_evidence_clear(&ev);
    p->destroy(p);
}


static void
test_good(void)
{
    good("gpus 1\n", 1, "HOPPER");
    good("gpus 3\narch 10\n", 3, "BLACKWELL");
    good("gpus 16\n", 16, "HOPPER");
    good("gpus 16\nopaque 2\n", 16, "HOPPER");
    good("gpus 2\narch 10\nopaque 0\n", 2, "BLACKWELL");

    make_claims(2);
    good("gpus 2\n", 2, "HOPPER");
    make_claims(1);
}


/* Required: an error that says `want`; otherwise a note that does. */

static void
refused_by(const char *library, const char *text, int rc, const char *want)
{
    prov_evidence_t     ev;
    attest_provider_t  *p;

    control(text);

    p = provider(library, 1);
    IS_INT(collect(p, TIMEOUT, &ev), rc, "required: %s", want);
    OK(strstr(ev.error, want) != NULL && ev.count == 0
       && ev.note[0] == '\0', "%s", ev.error);
    p->destroy(p);

    p = provider(library, 0);
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "not required");
    OK(strstr(ev.note, want) != NULL && ev.count == 0 && ev.error[0] == '\0'
       && ev.root[0] == '\0', "%s", ev.note);
    p->destroy(p);
}


static void
refused(const char *text, int rc, const char *want)
{
    refused_by("libnvidia-ml.so.1", text, rc, want);
}


static void
test_refused(void)
{
    size_t  i;
    char    text[128];

    refused_by("no-such-library.so", "", ATTEST_EUNSUPPORTED,
               "NVIDIA's library is not there");
    refused_by("old.so", "", ATTEST_EUNSUPPORTED,
               "has no nvmlSystemGetConfComputeState");

    for (i = 0; i < CALLS; i++) {
        snprintf(text, sizeof(text), "fail %s 15\n", calls[i]);
        refused(text, ATTEST_EINTERNAL, "GPU is lost (15)");

        snprintf(text, sizeof(text), "fail %s 3\n", calls[i]);
        refused(text, ATTEST_EUNSUPPORTED, "Not Supported (3)");
    }

    refused("fail nvmlInit_v2 9\n", ATTEST_EUNSUPPORTED,
            "nvmlInit failed: Driver Not Loaded (9)");
    refused("gpus 0\n", ATTEST_EUNSUPPORTED, "has no NVIDIA GPU");
    refused("gpus 17\n", ATTEST_ELIMIT, "17 GPUs are more");

    refused("state 2 0 0\n", ATTEST_EUNSUPPORTED, "computing of the GPUs is"
            " off");
    refused("state 0 1 0\n", ATTEST_EUNSUPPORTED, "is off (environment 0");
    refused("state 1 1 0\n", ATTEST_EUNSUPPORTED, "is simulated");
    refused("state 2 1 1\n", ATTEST_EUNSUPPORTED, "developer tools");
    refused("arch 8\n", ATTEST_EUNSUPPORTED, "architecture (8)");

    refused("chain 0\n", ATTEST_EFORMAT, "certificates 0");
    refused("chain 5121\n", ATTEST_EFORMAT, "certificates 5121");
    refused("report 0\n", ATTEST_EFORMAT, "report 0");
    refused("report 8193\n", ATTEST_EFORMAT, "report 8193");
    refused("report 8192\n", ATTEST_EFORMAT, "is malformed");
    refused("report 36\n", ATTEST_EFORMAT, "is malformed");
    refused("chain 700\n", ATTEST_EFORMAT, "malformed");

    refused("opaque 3\n", ATTEST_EUNSUPPORTED,
            "is of a version that we do not know");
    refused("opaque 2\nbend nonce\n", ATTEST_EMISMATCH,
            "is not over our nonce");
    refused("opaque 2\nbend signature\n", ATTEST_ECRYPTO,
            "is not signed by");

    refused("bend nonce\n", ATTEST_EMISMATCH, "is not over our nonce");
    refused("bend signature\n", ATTEST_ECRYPTO, "is not signed by");
    refused("bend chain\n", ATTEST_EFORMAT, "certificates are malformed");
    refused("gpus 4\nbend signature\n", ATTEST_ECRYPTO, "is not signed by");
}


/* The real report of a GPU: genuine, but not ours to use. */

static void
fixture(const cJSON *root, uint8_t *report, size_t *report_len, char *pem,
    size_t *pem_len)
{
    const char     *text;
    const cJSON    *item;

    item = cJSON_GetArrayItem(root, 0);
    text = cJSON_GetObjectItemCaseSensitive(item, "evidence")->valuestring;
    *report_len = (size_t) EVP_DecodeBlock(report, (const uint8_t *) text,
                                           (int) strlen(text));
    while (*text != '\0') {
        *report_len -= *text++ == '=';
    }

    text = cJSON_GetObjectItemCaseSensitive(item, "certificate")->valuestring;
    *pem_len = (size_t) EVP_DecodeBlock((uint8_t *) pem,
                                        (const uint8_t *) text,
                                        (int) strlen(text));
    while (*text != '\0') {
        *pem_len -= *text++ == '=';
    }
}


static void
test_fixture(void)
{
    char                  pem[16384], error[256] = "";
    cJSON                *json;
    size_t                pem_len, report_len;
    uint8_t               report[16384], *text;
    const char           *root = "tee";
    attest_roots_t        roots;
    attest_gpu_device_t   d;

    if (!UNIT_HAVE("NVIDIA's evidence", "nvidia/hopper-evidence.json")) {
        return;
    }

    text = unit_fixture("nvidia/hopper-evidence.json", NULL);
    json = cJSON_Parse((char *) text);
    fixture(json, report, &report_len, pem, &pem_len);

    memset(&d, 0, sizeof(d));
    d.chain.p = (uint8_t *) pem;
    d.chain.n = pem_len;
    d.report.p = report;
    d.report.n = report_len;
    memcpy(d.nonce, report + 4, 32);

    attest_roots_load(&roots);
    IS_INT(prov_nvidia_check(&d, &roots, &root, error), ATTEST_OK,
           "a real report %s", error);
    OK(strcmp(root, "tee") == 0, "leads to NVIDIA's root");

    d.nonce[0] ^= 1;
    IS_INT(prov_nvidia_check(&d, &roots, &root, error), ATTEST_EMISMATCH,
           "but not over another nonce");
    attest_roots_clear(&roots);

    if (folder != NULL) {
        pd_write(folder, "chain.pem", pem, pem_len);
        pd_write(folder, "report.bin", report, report_len);
        refused("replay\n", ATTEST_EMISMATCH, "is not over our nonce");
    }

    cJSON_Delete(json);
    free(text);
}


/* The double's: as good, and nobody's. */

static void
test_double(void)
{
    char                  pem[GPU_DOUBLE_MAX_PEM], error[256] = "";
    uint8_t               report[GPU_DOUBLE_MAX_REPORT], nonce[32] = { 5 };
    const char           *root = "tee";
    gpu_double_t          hopper = GPU_DOUBLE_HOPPER;
    attest_roots_t        roots;
    attest_gpu_device_t   d;

    memset(&d, 0, sizeof(d));
    d.chain.p = (uint8_t *) pem;
    d.chain.n = gpu_double_chain(&hopper, pem, sizeof(pem));
    d.report.p = report;
    d.report.n = gpu_double_report(&hopper, nonce, report, sizeof(report));
    memcpy(d.nonce, nonce, 32);

    attest_roots_load(&roots);
    IS_INT(prov_nvidia_check(&d, &roots, &root, error), ATTEST_OK,
           "a double's report %s", error);
    OK(strcmp(root, "simulated") == 0, "leads to nobody's root");
    d.nonce[0] ^= 1;
    IS_INT(prov_nvidia_check(&d, &roots, &root, error), ATTEST_EMISMATCH,
           "and not over another nonce");
    attest_roots_clear(&roots);
}


static void
test_claims(void)
{
    size_t              n;
    uint8_t             bare[ATTEST_CLAIMS_MAX];
    attest_claims_t     c;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    control("gpus 1\n");
    p = provider("libnvidia-ml.so.1", 0);

    memset(&ev, 0, sizeof(ev));
    IS_INT(p->collect(p, (const uint8_t *) "no claims", 9, 0, TIMEOUT, &ev),
           ATTEST_EFORMAT, "claims that are none, required or not");

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_len = 32;
    c.pubkey_hash_alg = 1;
    n = sizeof(bare);
    attest_claims_encode(&c, bare, &n);
    IS_INT(p->collect(p, bare, n, 0, TIMEOUT, &ev), ATTEST_EARG,
           "neither nonce nor validity");
    p->destroy(p);
}


static void
step(attest_provider_t *p, const char *text, int rc, const char *want)
{
    prov_evidence_t    ev;

    control(text);
    IS_INT(collect(p, TIMEOUT, &ev), rc, "%.*s", (int) strcspn(text, "\n"),
           text);
    OK(strstr(ev.error[0] != '\0' ? ev.error : ev.note, want) != NULL,
       "says \"%s%s\"", ev.error, ev.note);
    prov_evidence_clear(&ev);
}


static void
test_vanished(void)
{
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = provider("libnvidia-ml.so.1", 1);
    step(p, "gpus 2\n", ATTEST_OK, "");
    step(p, "gpus 3\n", ATTEST_OK, "");
    step(p, "gpus 2\n", ATTEST_EMISMATCH, "000000000003 is gone: 2 of 3");
    step(p, "gpus 2\n", ATTEST_EMISMATCH, "000000000003 is gone: 2 of 3");
    step(p, "gpus 0\n", ATTEST_EUNSUPPORTED, "is gone: 0 of 3");
    step(p, "gpus 3\nfirst 1\n", ATTEST_EMISMATCH, "000000000001 is gone");
    step(p, "gpus 3\n", ATTEST_OK, "");
    p->destroy(p);

    p = provider("libnvidia-ml.so.1", 0);
    step(p, "gpus 3\n", ATTEST_OK, "");
    control("gpus 2\n");
    IS_INT(collect(p, TIMEOUT, &ev), ATTEST_OK, "not required");
    OK(ev.count == 1 && strstr(ev.note, "is gone: 2 of 3") != NULL,
       "evidence of the others, and a note: %s", ev.note);
    prov_evidence_clear(&ev);
    step(p, "gpus 2\n", ATTEST_OK, "");
    step(p, "gpus 2\nready 0\n", ATTEST_OK, "ready state is not set");
    step(p, "gpus 2\nfail nvmlSystemGetConfComputeGpusReadyState 3\nready 0",
         ATTEST_OK, "");
    p->destroy(p);
}


static int
threads(void)
{
    return pd_entries("/proc/self/task");
}


static void
settle(void)
{
    int  i;

    for (i = 0; i < TIMEOUT / 10 && threads() > 1; i++) {
        usleep(10000);
    }
}


/* When the driver has come back from what it hung in, however long it takes. */

static int
collect_idle(attest_provider_t *p, prov_evidence_t *ev)
{
    int      rc;
    int64_t  until = attest_monotonic_now() + TIMEOUT;

    for ( ;; ) {
        rc = collect(p, TIMEOUT, ev);

        if (rc == ATTEST_OK || attest_monotonic_now() > until
            || strstr(ev->error, "is not yet answered") == NULL)
        {
            return rc;
        }

        prov_evidence_clear(ev);
        usleep(10000);
    }
}


static void
hang(attest_provider_t *p, const char *call)
{
    int                 rc;
    char                text[128];
    int64_t             start;
    prov_evidence_t     ev;

    snprintf(text, sizeof(text), "hang %s\n", call);
    control(text);

    start = attest_monotonic_now();
    rc = collect(p, SHORT, &ev);
    start = attest_monotonic_now() - start;
    OK(rc == ATTEST_EINTERNAL && start >= SHORT && start < SHORT + SLACK
       && strstr(ev.error, "driver: no answer in time") != NULL,
       "%s hangs: %d ms, %s", call, (int) start, ev.error);

    start = attest_monotonic_now();
    rc = collect(p, SHORT, &ev);
    start = attest_monotonic_now() - start;
    OK(rc == ATTEST_EINTERNAL && start < SHORT + SLACK
       && strstr(ev.error, "is not yet answered") != NULL,
       "still: %d ms, %s", (int) start, ev.error);
    OK(threads() <= 2, "one thread waits");

    start = attest_monotonic_now();
    rc = collect(p, TIMEOUT, &ev);
    start = attest_monotonic_now() - start;
    OK(rc == ATTEST_EINTERNAL && start < TIMEOUT / 2,
       "and nobody waits long for it: %d ms", (int) start);

    control("gpus 1\n");
    rc = collect_idle(p, &ev);
    OK(rc == ATTEST_OK, "recovers %s", ev.error);
    check_good(&ev, 1, "HOPPER");
    prov_evidence_clear(&ev);
}


/* A worker that was forked while the driver held the master's thread. */

static void
hang_fork(void)
{
    int                 status;
    pid_t               pid;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = provider("libnvidia-ml.so.1", 1);
    control("hang nvmlInit_v2\n");
    IS_INT(collect(p, SHORT, &ev), ATTEST_EINTERNAL, "hangs before the fork");
    fflush(stdout);

    pid = fork();
    if (pid == 0) {
        control("gpus 1\n");
        status = collect(p, TIMEOUT, &ev) == ATTEST_OK ? 0 : 1;
        prov_evidence_clear(&ev);
        p->destroy(p);
        _exit(status);
    }

    waitpid(pid, &status, 0);
    IS_INT(status, 0, "the child collects");
    p->destroy(p);
    settle();
}


static void
test_hang(void)
{
    size_t              i;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    p = provider("libnvidia-ml.so.1", 1);
    for (i = 0; i < CALLS; i++) {
        hang(p, calls[i]);
    }
    hang(p, "nvmlShutdown");
    p->destroy(p);
    settle();

    p = provider("libnvidia-ml.so.1", 0);
    control("hang nvmlDeviceGetCount_v2\n");
    IS_INT(collect(p, SHORT, &ev), ATTEST_OK, "not required: no wait for it");
    OK(strstr(ev.note, "no answer in time") != NULL, "%s", ev.note);
    p->destroy(p);
    control("gpus 1\n");
    settle();
    IS_INT(threads(), 1, "a thread that was left behind ends by itself");

    hang_fork();
}


static void
test_many(int times)
{
    int                 i, fds, bad = 0;
    prov_evidence_t     ev;
    attest_provider_t  *p;

    pd_text(folder, "log", "");
    control("gpus 1\n");
    p = provider("libnvidia-ml.so.1", 1);
    fds = pd_entries("/proc/self/fd");

    for (i = 0; i < times; i++) {
        if (i % 4 == 3) {
            control("fail nvmlDeviceGetUUID 999\n");
        }
        bad += (collect(p, TIMEOUT, &ev) == ATTEST_OK) != (i % 4 != 3);
        prov_evidence_clear(&ev);
        if (i % 4 == 3) {
            control("gpus 1\n");
        }
    }

    settle();
    IS_INT(bad, 0, "%d collections, a quarter of them fail", times);
    IS_INT(pd_entries("/proc/self/fd"), fds, "no descriptor is left");
    IS_INT(threads(), 1, "no thread is left");
    IS_INT(pd_count(folder, "log", "nvmlInit_v2"), times, "started as often");
    IS_INT(pd_count(folder, "log", "nvmlShutdown"), times,
           "and ended as often");
    p->destroy(p);
}


/* As in production: by its name, where the loader finds it. */

static void
test_find(int there)
{
    int                    rc;
    prov_evidence_t        ev;
    attest_provider_t     *p;
    prov_nvidia_conf_t     conf = { NULL, 1 };

    p = prov_nvidia_provider(&conf);
    rc = collect(p, TIMEOUT, &ev);
    IS_INT(rc, there ? ATTEST_OK : ATTEST_EUNSUPPORTED, "by name: %s",
           ev.error);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


/* The root that the double's GPUs lead to, for a policy. */

static void
write_root(void)
{
    char          pem[GPU_DOUBLE_MAX_PEM];
    size_t        n;
    gpu_double_t  d = GPU_DOUBLE_HOPPER;

    n = gpu_double_root(&d, pem, sizeof(pem));
    OK(n != 0, "the test root");
    pd_write(folder, "gpu-root.pem", pem, n);
}


int
main(int argc, char **argv)
{
    make_claims(1);

    if (argc == 1) {
        test_fixture();
        test_double();
        DONE();
    }

    if (argc != 3) {
        printf("Bail out! usage: test_provider_nvidia [SCENARIO FOLDER]\n");
        return 1;
    }

    folder = argv[2];

    if (strcmp(argv[1], "double") == 0) {
        test_good();
        test_refused();
        test_fixture();
        test_claims();
        test_vanished();
        test_hang();
        test_many(200);

    } else if (strcmp(argv[1], "root") == 0) {
        write_root();

    } else {
        test_find(strcmp(argv[1], "found") == 0);
    }

    DONE();
}
