/* SPDX-License-Identifier: Apache-2.0 */

/* SPDM reports: NVIDIA's own, the double's, and every way to bend them. */

#include <openssl/x509.h>

#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_gpu.h"
#include "core/evidence/attest_spdm.h"
#include "fixture.h"
#include "gpu_double.h"


#ifdef __SANITIZE_ADDRESS__
#define STEP   7
#else
#define STEP   1
#endif


typedef struct {
    attest_gpu_t      gpu;
    STACK_OF(X509)   *chain;
    uint8_t          *raw;
} file_t;


static void load(file_t *f, const char *name);
static void unload(file_t *f);
static void test_hopper(void);
static void test_switch(void);
static void test_flips(const char *name);
static void flips(const uint8_t *report, size_t n, EVP_PKEY *key);
static void test_lengths(void);
static void test_bent(void);
static void bend(const char *what, size_t at, int value, int want);
static void test_double(void);


static gpu_double_t  dev = GPU_DOUBLE_HOPPER;
static uint8_t       nonce[32] = { 1, 2, 3 };
static size_t        step = STEP;


static void
load(file_t *f, const char *name)
{
    size_t  n;

    f->raw = unit_fixture(name, &n);
    IS_INT(attest_gpu_parse(f->raw, n, &f->gpu), ATTEST_OK, "%s parses",
           name);
    IS_INT(f->gpu.count, 1, "one device");
    f->chain = attest_x509_read(f->gpu.devices[0].chain);
    OK(f->chain != NULL && sk_X509_num(f->chain) == 5,
       "its chain has 5 certificates");
}


static void
unload(file_t *f)
{
    sk_X509_pop_free(f->chain, X509_free);
    attest_gpu_free(&f->gpu);
    free(f->raw);
}


static void
test_hopper(void)
{
    char                  text[ATTEST_GPU_MAX_VERSION];
    file_t                f;
    uint8_t               fwid[48];
    attest_spdm_t         s;
    attest_span_t         v;
    attest_spdm_block_t   b;

    load(&f, "nvidia/hopper-evidence.json");

    IS_INT(f.gpu.devices[0].report.n, 4274, "Hopper: 4274 bytes");
    IS_INT(attest_spdm_parse(f.gpu.devices[0].report.p, 4274, &s), ATTEST_OK,
           "the report parses");
    IS_INT(s.blocks, 64, "64 measurements");
    IS_INT(s.record.n, 3520, "in 3520 bytes");
    IS_MEM(s.nonce.p, f.gpu.devices[0].nonce, 32, "the nonce is the file's");
    OK(memcmp(s.responder_nonce.p, s.nonce.p, 32) != 0,
       "the device's own nonce is another one");
    IS_INT(attest_spdm_signature(&s,
                               X509_get0_pubkey(sk_X509_value(f.chain, 0))),
           ATTEST_OK, "signed by the leaf");
    IS_INT(attest_spdm_signature(&s,
                               X509_get0_pubkey(sk_X509_value(f.chain, 1))),
           ATTEST_ECRYPTO, "not by the device's other key");
    IS_INT(attest_gpu_fwid(sk_X509_value(f.chain, 0), fwid), ATTEST_OK,
           "the leaf names its firmware");
    OK(attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &v) && v.n == 48
       && memcmp(v.p, fwid, 48) == 0, "and so does the report");
    IS_INT(attest_gpu_fwid(sk_X509_value(f.chain, 1), fwid),
           ATTEST_EUNSUPPORTED, "a CA certificate names none");

    attest_gpu_driver(&s, text);
    OK(strcmp(text, "590.12") == 0, "driver %s", text);
    attest_gpu_vbios(&s, text);
    OK(strcmp(text, "96.00.A5.00.01") == 0, "VBIOS %s", text);

    OK(attest_spdm_block(&s, 63, &b) && b.index == 64 && b.value.n == 48,
       "the last measurement has index 64");
    OK(!attest_spdm_block(&s, 64, &b), "there is no other");
    OK(!attest_spdm_opaque(&s, 4711, &v), "an opaque type that is not there");

    unload(&f);
}


static void
test_switch(void)
{
    char            text[ATTEST_GPU_MAX_VERSION];
    file_t          f;
    attest_spdm_t   s;
    attest_span_t   v;

    load(&f, "nvidia/switch-ls10-evidence.json");

    IS_INT(attest_spdm_parse(f.gpu.devices[0].report.p,
                             f.gpu.devices[0].report.n, &s), ATTEST_OK,
           "the report of a switch parses");
    IS_INT(s.blocks, 31, "31 measurements");
    IS_INT(attest_spdm_signature(&s,
                               X509_get0_pubkey(sk_X509_value(f.chain, 0))),
           ATTEST_OK, "signed by the leaf");
    OK(!attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &v), "it names no firmware");
    attest_gpu_driver(&s, text);
    OK(text[0] == '\0', "no driver");
    attest_gpu_vbios(&s, text);
    OK(strcmp(text, "96.10.55.00.01") == 0, "BIOS %s", text);

    unload(&f);
}


/* No byte of a report may change, nor one be missing or follow. */

static void
flips(const uint8_t *report, size_t n, EVP_PKEY *key)
{
    size_t          i, tried = 0, accepted = 0, parsed = 0;
    uint8_t        *p;
    attest_spdm_t   s;

    p = malloc(n + 1);
    memcpy(p, report, n);
    p[n] = 0;

    for (i = 0; i < n; i += step) {
        p[i] ^= (uint8_t) (1 << (i % 8));

        if (attest_spdm_parse(p, n, &s) == ATTEST_OK) {
            parsed++;
            accepted += attest_spdm_signature(&s, key) == ATTEST_OK;
        }

        p[i] ^= (uint8_t) (1 << (i % 8));
        tried++;
    }

    printf("# %zu mutations of %zu bytes, %zu of them parse, %zu accepted\n",
           tried, n, parsed, accepted);
    IS_INT(accepted, 0, "no changed byte is accepted");
    OK(parsed > tried / 2, "most of them reached the signature");

    for (i = 0, accepted = 0; i < n; i++) {
        accepted += attest_spdm_parse(p, i, &s) == ATTEST_OK;
    }

    printf("# %zu truncations, %zu accepted\n", n, accepted);
    IS_INT(accepted, 0, "no truncation is accepted");
    IS_INT(attest_spdm_parse(p, n + 1, &s), ATTEST_EFORMAT,
           "nothing may follow");

    free(p);
}


static void
test_flips(const char *name)
{
    file_t  f;

    load(&f, name);
    flips(f.gpu.devices[0].report.p, f.gpu.devices[0].report.n,
          X509_get0_pubkey(sk_X509_value(f.chain, 0)));
    unload(&f);
}


static void
test_lengths(void)
{
    size_t           n;
    uint8_t         *big;
    attest_spdm_t    s;

    big = calloc(1, ATTEST_SPDM_MAX + 1);
    n = gpu_double_report(&dev, nonce, big, ATTEST_SPDM_MAX);

    OK(n != 0 && attest_spdm_parse(big, n, &s) == ATTEST_OK,
       "the double's report parses");
    IS_INT(attest_spdm_parse(big, ATTEST_SPDM_MAX + 1, &s), ATTEST_ELIMIT,
           "too long a report");
    IS_INT(attest_spdm_parse(NULL, 0, &s), ATTEST_EFORMAT, "an empty report");

    free(big);
}


static void
bend(const char *what, size_t at, int value, int want)
{
    size_t           n;
    static uint8_t   p[GPU_DOUBLE_MAX_REPORT];
    attest_spdm_t    s;

    n = gpu_double_report(&dev, nonce, p, sizeof(p));
    p[at] = (uint8_t) value;
    IS_INT(attest_spdm_parse(p, n, &s), want, "%s", what);
}


static void
test_bent(void)
{
    size_t           opaque = 45 + 64 * 55 + 34;
    attest_spdm_t    s;

    bend("request of SPDM 1.2", 0, 0x12, ATTEST_EUNSUPPORTED);
    bend("request is something else", 1, 0xe1, ATTEST_EFORMAT);
    bend("request for no signature", 2, 0, ATTEST_EFORMAT);
    bend("request for one measurement", 3, 1, ATTEST_EFORMAT);
    bend("slot 8", 36, 8, ATTEST_EFORMAT);
    bend("slot of the request only", 36, 1, ATTEST_EFORMAT);
    bend("response of SPDM 1.2", 37, 0x12, ATTEST_EUNSUPPORTED);
    bend("response is an error", 38, 0x7f, ATTEST_EFORMAT);
    bend("parameter 1 of the response", 39, 1, ATTEST_EFORMAT);
    bend("slot of the response only", 40, 1, ATTEST_EFORMAT);
    bend("no blocks", 41, 0, ATTEST_EFORMAT);
    bend("a block less than there are", 41, 63, ATTEST_EFORMAT);
    bend("a block more than there are", 41, 65, ATTEST_EFORMAT);
    bend("a record longer than all", 44, 0xff, ATTEST_EFORMAT);
    bend("an index twice", 45 + 55, 1, ATTEST_EFORMAT);
    bend("index 0", 45, 0, ATTEST_EFORMAT);
    bend("not a DMTF measurement", 46, 2, ATTEST_EUNSUPPORTED);
    bend("size of a block", 47, 52, ATTEST_EFORMAT);
    bend("size of a block, high byte", 48, 1, ATTEST_EFORMAT);
    bend("size of a value", 50, 47, ATTEST_EFORMAT);
    bend("opaque length", opaque - 1, 9, ATTEST_EFORMAT);
    bend("size of an opaque field", opaque + 2, 0xff, ATTEST_EFORMAT);
    bend("an opaque type twice", opaque, 6, ATTEST_EFORMAT);
    bend("an unknown opaque type", opaque, 0x77, ATTEST_OK);

    dev.blocks = 1;
    {
        size_t          n;
        static uint8_t  p[GPU_DOUBLE_MAX_REPORT];

        n = gpu_double_report(&dev, nonce, p, sizeof(p));
        IS_INT(attest_spdm_parse(p, n, &s), ATTEST_OK, "one measurement");
    }
    dev.blocks = 0;
}


static void
test_double(void)
{
    int               i;
    char              pem[GPU_DOUBLE_MAX_PEM], text[ATTEST_GPU_MAX_VERSION];
    size_t            n;
    uint8_t           report[GPU_DOUBLE_MAX_REPORT], fwid[48], id[2][32];
    gpu_double_t      kinds[] = {
        GPU_DOUBLE_HOPPER, GPU_DOUBLE_BLACKWELL, GPU_DOUBLE_SWITCH
    };
    attest_span_t     span, v;
    attest_spdm_t     s;
    STACK_OF(X509)   *chain;
    attest_spdm_block_t  b;

    static const struct {
        unsigned     blocks;
        const char  *driver, *vbios;
        int          fwid;
    } want[] = {
        { 64, "590.12", "96.00.A5.00.01", 1 },
        { 64, "590.12", "97.00.A5.00.01", 1 },
        { 31, "", "96.10.55.00.01", 0 }
    };

    for (i = 0; i < 3; i++) {
        span.p = (const uint8_t *) pem;
        span.n = gpu_double_chain(&kinds[i], pem, sizeof(pem));
        chain = attest_x509_read(span);

        OK(chain != NULL && sk_X509_num(chain) == 5, "%s: a chain of five",
           kinds[i].arch);

        n = gpu_double_report(&kinds[i], nonce, report, sizeof(report));
        OK(attest_spdm_parse(report, n, &s) == ATTEST_OK
           && attest_spdm_signature(&s,
                               X509_get0_pubkey(sk_X509_value(chain, 0)))
              == ATTEST_OK, "%s: a signed report", kinds[i].arch);
        OK(attest_gpu_fwid(sk_X509_value(chain, 0), fwid) == ATTEST_OK
           && (!attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &v)
               || memcmp(v.p, fwid, 48) == 0), "%s: its firmware",
           kinds[i].arch);
        IS_INT(attest_gpu_identity(chain, id[i & 1]), ATTEST_OK,
               "%s: its identity", kinds[i].arch);

        IS_INT(s.blocks, want[i].blocks, "%s: measurements", kinds[i].arch);
        IS_INT(s.record.n, 55 * want[i].blocks, "%s: of 55 bytes",
               kinds[i].arch);
        OK(memcmp(s.nonce.p, nonce, 32) == 0
           && memcmp(s.responder_nonce.p, s.nonce.p, 32) != 0,
           "%s: our nonce and its own", kinds[i].arch);
        IS_INT(attest_spdm_signature(&s,
                               X509_get0_pubkey(sk_X509_value(chain, 1))),
               ATTEST_ECRYPTO, "%s: not by the device's other key",
               kinds[i].arch);
        IS_INT(attest_gpu_fwid(sk_X509_value(chain, 1), fwid),
               ATTEST_EUNSUPPORTED, "%s: a CA certificate names none",
               kinds[i].arch);
        OK(attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &v) == want[i].fwid,
           "%s: firmware in the report or not", kinds[i].arch);
        attest_gpu_driver(&s, text);
        OK(strcmp(text, want[i].driver) == 0, "%s: driver \"%s\"",
           kinds[i].arch, text);
        attest_gpu_vbios(&s, text);
        OK(strcmp(text, want[i].vbios) == 0, "%s: VBIOS %s", kinds[i].arch,
           text);
        OK(attest_spdm_block(&s, want[i].blocks - 1, &b)
           && b.index == want[i].blocks && b.value.n == 48
           && !attest_spdm_block(&s, want[i].blocks, &b),
           "%s: the last measurement", kinds[i].arch);
        OK(!attest_spdm_opaque(&s, 4711, &v), "%s: no such opaque type",
           kinds[i].arch);

        if (i != 1) {
            flips(report, n, X509_get0_pubkey(sk_X509_value(chain, 0)));
        }

        sk_X509_pop_free(chain, X509_free);
    }

    OK(memcmp(id[0], id[1], 32) != 0, "two devices are two devices");
}


int
main(void)
{
    if (UNIT_HAVE("NVIDIA's evidence", "nvidia/hopper-evidence.json",
                  "nvidia/switch-ls10-evidence.json"))
    {
        test_hopper();
        test_switch();
        test_flips("nvidia/hopper-evidence.json");
        test_flips("nvidia/switch-ls10-evidence.json");
        step = 7;
    }

    test_lengths();
    test_bent();
    test_double();

    DONE();
}
