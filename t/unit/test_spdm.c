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
static void opaque(const char *what, const void *p, size_t n, int want);
static void test_head(void);
static void test_versioned(void);
static void test_min_svn(void);
static void test_values(void);
static void test_double(void);
static void test_flips_new(void);


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


/* One measurement, and this opaque data. */

static void
opaque(const char *what, const void *p, size_t n, int want)
{
    size_t           at;
    static uint8_t   r[GPU_DOUBLE_MAX_REPORT];
    gpu_double_t     d = GPU_DOUBLE_HOPPER;
    attest_spdm_t    s;

    d.blocks = 1;
    (void) gpu_double_unsigned(&d, nonce, r);

    at = 45 + 55 + 32;
    r[at] = (uint8_t) n;
    r[at + 1] = (uint8_t) (n >> 8);
    memcpy(r + at + 2, p, n);
    n = gpu_double_sign(&d, r, at + 2 + n);

    IS_INT(attest_spdm_parse(r, n, &s), want, "%s", what);
}


/* The head of versioned opaque data, byte by byte, and what follows it. */

static void
test_head(void)
{
#define HEAD(version)  "NVDAOD\0\0" version "\0"

    opaque("nothing", "", 0, ATTEST_OK);
    opaque("a head and no field", HEAD("\2\0\0"), 12, ATTEST_OK);
    opaque("major 0", HEAD("\0\2\0"), 12, ATTEST_OK);
    opaque("major 1", HEAD("\1\377\377"), 12, ATTEST_OK);
    opaque("major 2, any minor and patch", HEAD("\2\377\377"), 12,
           ATTEST_OK);
    opaque("major 3", HEAD("\3\0\0"), 12, ATTEST_EUNSUPPORTED);
    opaque("major 255", HEAD("\377\0\0"), 12, ATTEST_EUNSUPPORTED);
    opaque("another profile", "NVDAOD\1\0\2\0\0\0", 12,
           ATTEST_EUNSUPPORTED);
    opaque("profile 256", "NVDAOD\0\1\2\0\0\0", 12, ATTEST_EUNSUPPORTED);
    opaque("another name", "NVDAOE\0\0\2\0\0\0", 12, ATTEST_EFORMAT);
    opaque("half a name", "NVDAO", 5, ATTEST_EFORMAT);
    opaque("a name alone", "NVDAOD", 6, ATTEST_EFORMAT);
    opaque("a head without its end", HEAD("\2\0\0"), 11, ATTEST_EFORMAT);
    opaque("half a field", HEAD("\2\0\0") "\3\0\206\0", 16,
           ATTEST_EFORMAT);
    opaque("an empty field", HEAD("\2\0\0") "\3\0\206\0\0\0", 18, ATTEST_OK);
    opaque("a field", HEAD("\2\0\0") "\3\0\206\0\2\0\62\0", 20, ATTEST_OK);
    opaque("longer than all", HEAD("\2\0\0") "\3\0\206\0\3\0\62\0", 20,
           ATTEST_EFORMAT);
    opaque("shorter than all", HEAD("\2\0\0") "\3\0\206\0\1\0\62\0", 20,
           ATTEST_EFORMAT);
    opaque("as long as can be said", HEAD("\2\0\0")
           "\3\0\206\0\377\377\62\0", 20, ATTEST_EFORMAT);
    opaque("an unknown type of value", HEAD("\2\0\0")
           "\3\0\377\377\2\0\62\0", 20, ATTEST_OK);
    opaque("an unknown type", HEAD("\2\0\0") "\377\377\206\0\2\0\62\0", 20,
           ATTEST_OK);
    opaque("twice", HEAD("\2\0\0") "\3\0\206\0\0\0\3\0\1\0\0\0", 24,
           ATTEST_EFORMAT);
    opaque("fields as behind no head", HEAD("\2\0\0")
           "\3\0\2\0\62\0\6\0\2\0\62\0", 24, ATTEST_EFORMAT);
    opaque("no head, fields as behind one", "\3\0\206\0\2\0\62\0", 8,
           ATTEST_EFORMAT);
}


/* What drivers of CUDA 13.5 and later say: no less than others. */

static void
test_versioned(void)
{
    char                  text[ATTEST_GPU_MAX_VERSION];
    size_t                n, i;
    uint8_t               r[GPU_DOUBLE_MAX_REPORT];
    unsigned              svn = 0, seen[256] = { 0 };
    gpu_double_t          d = GPU_DOUBLE_HOPPER;
    attest_span_t         v;
    attest_spdm_t         s;
    attest_spdm_field_t   f;
    attest_spdm_block_t   b;

    GPU_DOUBLE_NEW(d);
    d.fsp_svn = 4;
    d.mode = 1;
    n = gpu_double_report(&d, nonce, r, sizeof(r));

    IS_INT(attest_spdm_parse(r, n, &s), ATTEST_OK, "versioned opaque data");
    OK(s.versioned && s.version.major == 2 && s.version.minor == 1
       && s.version.patch == 7, "the version is the head's");
    IS_INT(s.opaque.n - s.fields.n, 12, "behind 12 bytes");

    for (i = 0; attest_spdm_field(&s, i, &f); i++) {
        seen[f.type & 255] = f.value_type;
    }

    IS_INT(i, 9, "fields");
    OK(seen[3] == 0x86 && seen[6] == 0x86 && seen[12] == 0x84
       && seen[20] == 1 && seen[37] == 0x87 && seen[200] == 0x99,
       "with the types of their values");

    attest_gpu_driver(&s, text);
    OK(strcmp(text, "622.12") == 0, "driver %s", text);
    attest_gpu_vbios(&s, text);
    OK(strcmp(text, "96.00.A5.00.01") == 0, "VBIOS %s", text);
    OK(strcmp(attest_gpu_mode(&s), "mpt") == 0, "mode");
    OK(attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &v) && v.n == 48, "FWID");
    OK(attest_gpu_fsp_svn(&s, &svn) && svn == 4, "FSP microcode SVN %u", svn);
    OK(attest_spdm_block(&s, 63, &b) && b.index == 64 && b.type == 0x83
       && b.value.n == 108, "a measurement of 108 bytes");
    OK(!attest_spdm_block(&s, 64, &b), "is the last");

    n = gpu_double_report(&dev, nonce, r, sizeof(r));
    IS_INT(attest_spdm_parse(r, n, &s), ATTEST_OK, "and the old form");
    OK(!s.versioned && s.version.major == 0 && s.fields.n == s.opaque.n
       && s.fields.p == s.opaque.p, "has no version");
    OK(attest_spdm_field(&s, 0, &f) && f.type == 3 && f.value_type == 0,
       "nor types of values");
    OK(!attest_gpu_fsp_svn(&s, &svn), "and names no microcode");
}


/* A security version is one only where it is said to be one. */

static void
test_min_svn(void)
{
    size_t           n, at = 45 + 63 * 55 + 115 + 32 + 2 + 12;
    uint8_t          r[GPU_DOUBLE_MAX_REPORT];
    unsigned         svn = 0;
    gpu_double_t     d = GPU_DOUBLE_HOPPER;
    attest_spdm_t    s;

    GPU_DOUBLE_NEW(d);
    n = gpu_double_report(&d, nonce, r, sizeof(r));

    OK(r[at] == 37 && r[at + 2] == 0x87, "here it is");
    r[at + 6] = 0xfe;
    r[at + 7] = 0xff;
    OK(attest_spdm_parse(r, n, &s) == ATTEST_OK
       && attest_gpu_fsp_svn(&s, &svn) && svn == 0xfffe, "little-endian");
    r[at + 2] = 0x86;
    OK(attest_spdm_parse(r, n, &s) == ATTEST_OK
       && !attest_gpu_fsp_svn(&s, &svn), "a value of another type");
    r[at + 2] = 0x87;
    r[at + 3] = 1;
    OK(attest_spdm_parse(r, n, &s) == ATTEST_OK
       && !attest_gpu_fsp_svn(&s, &svn), "the type's other byte counts");

    /* the next field becomes a part of it */

    r[at + 3] = 0;
    r[at + 4] = 10;
    OK(attest_spdm_parse(r, n, &s) == ATTEST_OK
       && !attest_gpu_fsp_svn(&s, &svn), "ten bytes are none");
}


/* Lengths of measurements. */

static void
test_values(void)
{
    size_t           i, n;
    uint8_t          r[GPU_DOUBLE_MAX_REPORT];
    gpu_double_t     d = GPU_DOUBLE_HOPPER;
    attest_spdm_t    s;

    static const struct {
        size_t   n;
        int      want;
    } lengths[] = {
        { 1, ATTEST_OK }, { 64, ATTEST_OK }, { 65, ATTEST_OK },
        { 108, ATTEST_OK }, { 256, ATTEST_OK }, { 257, ATTEST_ELIMIT },
        { 700, ATTEST_ELIMIT }
    };

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        d.last = lengths[i].n;
        n = gpu_double_report(&d, nonce, r, sizeof(r));
        IS_INT(attest_spdm_parse(r, n, &s), lengths[i].want,
               "a measurement of %zu bytes", d.last);
    }
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


/* No byte of versioned opaque data may change, either. */

static void
test_flips_new(void)
{
    char               pem[GPU_DOUBLE_MAX_PEM];
    size_t             n;
    uint8_t            report[GPU_DOUBLE_MAX_REPORT];
    gpu_double_t       d = GPU_DOUBLE_HOPPER;
    attest_span_t      span;
    STACK_OF(X509)    *chain;

    GPU_DOUBLE_NEW(d);
    span.p = (const uint8_t *) pem;
    span.n = gpu_double_chain(&d, pem, sizeof(pem));
    chain = attest_x509_read(span);
    n = gpu_double_report(&d, nonce, report, sizeof(report));

    if (OK(chain != NULL && n != 0, "a report of a newer driver")) {
        flips(report, n, X509_get0_pubkey(sk_X509_value(chain, 0)));
    }

    sk_X509_pop_free(chain, X509_free);
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
    test_head();
    test_versioned();
    test_min_svn();
    test_values();
    test_double();
    test_flips_new();

    DONE();
}
