/* SPDX-License-Identifier: Apache-2.0 */

/* Nitro documents: the double's, AWS' own, and every way to bend them. */

#include <openssl/x509.h>

#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_nitro.h"
#include "fixture.h"
#include "hardware.h"


#define T0           1782864000            /* 2026-07-01 */

/* A verification of P-384 is slow enough to be felt with sanitizers. */
#ifdef __SANITIZE_ADDRESS__
#define STEP         16
#define STEP_WHOLE   211
#else
#define STEP         1
#define STEP_WHOLE   17
#endif


typedef struct {
    uint8_t          *raw;
    attest_span_t     doc;
    attest_nitro_t    parsed;
    X509             *leaf;
} file_t;


static attest_roots_t  *makers = &hw_roots;
static size_t           every = STEP;


static void load(file_t *f, const char *name, size_t len);
static void loaded(file_t *f, const char *name, size_t len);
static void load_double(file_t *f, int debug);
static void unload(file_t *f);
static const char *chain(const file_t *f, attest_maker_e maker, int64_t at,
    int drop);
static void test_file(const char *name, size_t len, int64_t at, int debug);
static void test_document(file_t *file, int64_t at, int debug,
    size_t id_len, const char *id);
static void test_file_appraised(void);
static void test_double_documents(void);
static void test_flips(file_t *f);
static void test_lengths(const file_t *f);
static void test_parse(void);
static void parse(const char *what, const nitro_double_t *d, int want);
static void test_hand(void);
static void hand(const char *what, const char *hex, int want);
static void test_appraisal(void);
static void test_time(void);
static void test_binding(void);
static void test_policy(void);
static void test_labels(void);
static void test_mutations(void);
static void test_policy_errors(void);


static void
load(file_t *f, const char *name, size_t len)
{
    size_t  n;
    char    path[128];

    (void) snprintf(path, sizeof(path), "nitro/%s", name);
    f->raw = unit_fixture(path, &n);

    OK(n > len + 4, "%s is there", name);
    loaded(f, name, len);
}


static void
loaded(file_t *f, const char *name, size_t len)
{
    f->doc.p = f->raw + 4;
    f->doc.n = len;

    IS_INT(attest_nitro_parse(f->doc.p, f->doc.n, &f->parsed), ATTEST_OK,
           "%s parses", name);
    f->leaf = attest_x509_read_der(f->parsed.certificate);
    OK(f->leaf != NULL, "its certificate parses");
}


/* The same by the double, which looks like AWS' document. */

static void
load_double(file_t *f, int debug)
{
    size_t           n;
    uint8_t          data[64];
    nitro_double_t   d = NITRO_DOUBLE;

    memset(data, 0xe3, sizeof(data));
    d.timestamp = EV_NOW * 1000ULL + 346;
    d.user_data = data;
    d.user_data_len = sizeof(data);
    d.debug = debug != 0;

    f->raw = calloc(1, NITRO_DOUBLE_MAX + 5);
    n = nitro_double_make(&d, f->raw + 4, NITRO_DOUBLE_MAX);
    OK(n != 0, "the double's document");
    loaded(f, "the double's", n);
}


static void
unload(file_t *f)
{
    X509_free(f->leaf);
    free(f->raw);
}


static const char *
chain(const file_t *f, attest_maker_e maker, int64_t at, int drop)
{
    size_t                i;
    const char           *why;
    attest_x509_chain_t   c;

    memset(&c, 0, sizeof(c));
    c.anchors = makers->anchors[maker];
    c.untrusted = sk_X509_new_null();
    c.now = at;

    for (i = (size_t) drop; i < f->parsed.cabundle_count; i++) {
        sk_X509_push(c.untrusted, attest_x509_read_der(f->parsed.cabundle[i]));
    }

    why = attest_x509_chain(f->leaf, &c);
    sk_X509_pop_free(c.untrusted, X509_free);
    return why;
}


static void
test_file(const char *name, size_t len, int64_t at, int debug)
{
    file_t  f;

    load(&f, name, len);
    test_document(&f, at, debug, 39, "i-0");
    unload(&f);
}


static void
test_document(file_t *file, int64_t at, int debug, size_t id_len,
    const char *id)
{
    int              i;
    attest_nitro_t  *d = &file->parsed;

    IS_INT((int64_t) (d->timestamp / 1000), at, "made at %lld",
           (long long) at);
    IS_INT(d->pcr_mask, 0xffff, "PCR 0 to 15");
    IS_INT(d->pcrs[0].n, 48, "of 48 bytes");
    IS_INT(d->cabundle_count, 4, "a bundle of 4");
    IS_INT(d->user_data.n, 64, "64 bytes of user data");
    IS_INT(d->nonce.n, 0, "null is no nonce");
    IS_INT(d->public_key.n, 0, "null is no public key");
    OK(d->module_id.n == id_len && memcmp(d->module_id.p, id, 3) == 0,
       "a module id");
    IS_INT(attest_nitro_signature(d, X509_get0_pubkey(file->leaf)), ATTEST_OK,
           "signed by its certificate's key");
    IS_INT(attest_nitro_is_debug(d), debug, debug ? "in debug mode"
           : "not in debug mode");

    OK(chain(file, ATTEST_MAKER_AWS, at, 1) == NULL,
       "AWS vouches for it, without the root in the bundle");
    OK(chain(file, ATTEST_MAKER_AWS, T0, 1) != NULL, "its key has expired");
    OK(chain(file, ATTEST_MAKER_AWS, at, 4) != NULL,
       "the chain needs the bundle");

    for (i = 0; i < ATTEST_MAKERS; i++) {
        if (i != ATTEST_MAKER_AWS) {
            OK(chain(file, i, at, 0) != NULL, "maker %d does not", i);
        }
    }
}


/* A genuine document of somebody else, with our claims beside it. */

static void
test_file_appraised(void)
{
    file_t  f;

    load(&f, "attestation-envelope.bin", 4526);

#define FOREIGN(at)                                                          \
    hw.part[2].doc = f.doc; hw.no_cached = hw.no_cert = 1; hw.now = (at);    \
    hw.part[2].claims.not_before = 1766600000; hw.labels = "\"tee\""

    HW_REFUSED("AWS' document", "fresh-nitro-binding", FOREIGN(1766678659));
    hw_expect("AWS' document", "fresh-nitro-document", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' document", "fresh-nitro-chain", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' document", "fresh-nitro-signature", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' document", "fresh-nitro-time", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' document", "fresh-nitro-mode", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' document, null nonce", "fresh-nitro-nonce",
              ATTEST_CHECK_FAIL, ATTEST_NOT_TRUSTED);
    OK(hw_find("root-of-trust", ATTEST_CHECK_PASS) == NULL,
       "it roots nothing");

    HW_REFUSED("AWS' document, later", "fresh-nitro-time", FOREIGN(T0));
    HW_REFUSED("AWS' document, 301 s later", "fresh-nitro-time",
               FOREIGN(1766678659 + 301));
    HW_REFUSED("AWS' document, 301 s before", "fresh-nitro-time",
               FOREIGN(1766678659 - 301));
    unload(&f);

    load(&f, "attestation-debug-envelope.bin", 4529);
    HW_REFUSED("AWS' document of a debug enclave", "fresh-nitro-mode",
               FOREIGN(1766650846));
    hw_expect("AWS' debug document", "fresh-nitro-chain", ATTEST_CHECK_PASS,
              ATTEST_NOT_TRUSTED);
    hw_expect("AWS' debug document", "fresh-nitro-signature",
              ATTEST_CHECK_PASS, ATTEST_NOT_TRUSTED);
    HW_REFUSED("and the policy allows debug", "fresh-nitro-binding",
               FOREIGN(1766650846);
               hw.policy = "\"nitro\":{\"allow_debug\":true}");
    hw_expect("AWS' debug document, allowed", "fresh-nitro-mode",
              ATTEST_CHECK_NOTE, ATTEST_NOT_TRUSTED);
    unload(&f);
}


/* All of the document is signed, or is the signature, or its framing. */

static void
test_flips(file_t *f)
{
    size_t           i, tried = 0, parsed = 0, accepted = 0;
    uint8_t         *p;
    attest_nitro_t   d;

    p = f->raw + 4;

    for (i = 0; i < f->doc.n; i += every) {
        p[i] ^= (uint8_t) (1 << (i % 8));
        tried++;

        if (attest_nitro_parse(p, f->doc.n, &d) == ATTEST_OK) {
            parsed++;
            accepted += attest_nitro_signature(&d, X509_get0_pubkey(f->leaf))
                        == ATTEST_OK;
        }

        p[i] ^= (uint8_t) (1 << (i % 8));
    }

    printf("# %zu mutations of %zu bytes, %zu of them parse, %zu accepted\n",
           tried, f->doc.n, parsed, accepted);
    IS_INT(accepted, 0, "no changed byte is accepted");
    OK(parsed > tried / 2, "most of them reached the signature");
}


static void
test_lengths(const file_t *f)
{
    size_t           i, accepted = 0;
    uint8_t         *big;
    attest_nitro_t   d;

    for (i = 0; i < f->doc.n; i++) {
        accepted += attest_nitro_parse(f->doc.p, i, &d) == ATTEST_OK;
    }

    printf("# %zu truncations, %zu accepted\n", f->doc.n, accepted);
    IS_INT(accepted, 0, "no truncation is accepted");
    IS_INT(attest_nitro_parse(f->doc.p, f->doc.n + 1, &d), ATTEST_EFORMAT,
           "nothing may follow");
    IS_INT(attest_nitro_parse(f->raw, f->doc.n + 4, &d), ATTEST_EFORMAT,
           "an envelope is no document");
    big = calloc(1, ATTEST_NITRO_MAX + 1);
    IS_INT(attest_nitro_parse(big, ATTEST_NITRO_MAX + 1, &d), ATTEST_ELIMIT,
           "too long a document");
    free(big);
}


static void
parse(const char *what, const nitro_double_t *d, int want)
{
    size_t           n;
    attest_nitro_t   doc;
    static uint8_t   buf[NITRO_DOUBLE_MAX];

    n = nitro_double_make(d, buf, sizeof(buf));
    OK(n != 0, "the double makes: %s", what);
    IS_INT(attest_nitro_parse(buf, n, &doc), want, "%s", what);
}


static void
test_parse(void)
{
    size_t               i;
    char                 what[64];
    uint8_t              data[1025] = { 1 };
    nitro_double_t       d;
    static const char   *names[] = {
        "module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"
    };

#define BENT(what, want, ...)                                                \
    do {                                                                     \
        nitro_double_t  fresh = NITRO_DOUBLE;                                \
                                                                             \
        d = fresh;                                                           \
        d.timestamp = EV_NOW * 1000ULL;                                      \
        __VA_ARGS__;                                                         \
        parse(what, &d, want);                                               \
    } while (0)

    BENT("a document", ATTEST_OK, (void) 0);
    BENT("tag 18", ATTEST_OK, d.tagged = 1);
    BENT("a map of definite length", ATTEST_OK, d.definite = 1);
    BENT("an unknown member", ATTEST_OK, d.extra = "nitrotpm");
    BENT("a member twice", ATTEST_EFORMAT, d.extra = "nonce");
    BENT("another algorithm", ATTEST_EUNSUPPORTED, d.alg = 0x23);
    BENT("another digest", ATTEST_EUNSUPPORTED, d.digest = "SHA256");
    BENT("no time", ATTEST_EFORMAT, d.timestamp = 0);
    BENT("a time beyond all times", ATTEST_ELIMIT,
         d.timestamp = 0x8000000000000000ULL);
    BENT("no module id", ATTEST_EFORMAT, d.module_id = "");
    BENT("a module id with a blank", ATTEST_EFORMAT, d.module_id = "i 0");
    BENT("one PCR", ATTEST_OK, d.pcrs = 1);
    BENT("32 PCRs", ATTEST_OK, d.pcrs = 32);
    BENT("33 PCRs", ATTEST_ELIMIT, d.pcrs = 33);
    BENT("PCRs of 32 bytes", ATTEST_OK, d.pcr_len = 32);
    BENT("PCRs of 64 bytes", ATTEST_OK, d.pcr_len = 64);
    BENT("PCRs of 20 bytes", ATTEST_EFORMAT, d.pcr_len = 20);
    BENT("512 bytes of user data", ATTEST_OK, d.user_data = data;
         d.user_data_len = 512);
    BENT("513 bytes of user data", ATTEST_ELIMIT, d.user_data = data;
         d.user_data_len = 513);
    BENT("513 bytes of nonce", ATTEST_ELIMIT, d.nonce = data;
         d.nonce_len = 513);
    BENT("1025 bytes of public key", ATTEST_ELIMIT, d.public_key = data;
         d.public_key_len = 1025);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) snprintf(what, sizeof(what), "no %s", names[i]);
        BENT(what, ATTEST_EFORMAT, d.without = names[i]);
    }

    BENT("no nonce", ATTEST_OK, d.without = "nonce");
}


/* What COSE allows and a document never has. */

static void
hand(const char *what, const char *hex, int want)
{
    size_t           n;
    uint8_t          buf[512];
    attest_nitro_t   doc;

    n = unit_hex(hex, buf, sizeof(buf));
    IS_INT(attest_nitro_parse(buf, n, &doc), want, "%s", what);
}


static void
test_hand(void)
{
    hand("empty", "", ATTEST_EFORMAT);
    hand("tag 17", "d18444a1013822a041a0", ATTEST_EFORMAT);
    hand("two tags", "d2d28444a1013822a0", ATTEST_EFORMAT);
    hand("three items", "8344a1013822a041a0", ATTEST_EFORMAT);
    hand("an indefinite array", "9f44a1013822a041a0ff", ATTEST_EFORMAT);
    hand("an unprotected header", "8444a1013822a1012641a0", ATTEST_EFORMAT);
    hand("an empty protected header", "8440a041a0", ATTEST_EFORMAT);
    hand("a critical header", "8446a20138220280a041a0", ATTEST_EFORMAT);
    hand("algorithm ES256", "8443a10126a041a0", ATTEST_EUNSUPPORTED);
    hand("an algorithm in a longer form", "8445a101390022a041a0",
         ATTEST_EUNSUPPORTED);
    hand("a detached payload", "8444a1013822a0f6", ATTEST_EFORMAT);
}


static void
test_appraisal(void)
{
    HW_TRUSTED("an enclave", "fresh-nitro-binding", (void) 0);
    hw_expect("its chain", "fresh-nitro-chain", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);
    hw_expect("its cached document", "cached-nitro-signature",
              ATTEST_CHECK_PASS, ATTEST_TRUSTED);
    hw_expect("its certificate's document", "certificate-nitro-signature",
              ATTEST_CHECK_PASS, ATTEST_TRUSTED);
    hw_expect("its PCRs", "fresh-nitro-pcrs", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);
    hw_expect("its id", "fresh-nitro-module", ATTEST_CHECK_NOTE,
              ATTEST_TRUSTED);
    IS_INT(hw_res.root, ATTEST_ROOT_SIMULATED, "it counts as simulated");

    HW_TRUSTED("tagged", "fresh-nitro-signature", hw.part[2].nitro.tagged = 1);
    HW_REFUSED("no COSE", "fresh-nitro-document",
               hw.part[2].doc.p = (const uint8_t *) "\x80";
               hw.part[2].doc.n = 1);
    HW_OPEN("another algorithm", "fresh-nitro-document",
            hw.part[2].nitro.alg = 0x23);
    HW_REFUSED("another media type", "fresh-cpu",
               hw.part[2].nitro_type = "application/x-other");
    HW_REFUSED("a wrong signature", "fresh-nitro-signature",
               hw.part[2].nitro.flip = 1);
    HW_REFUSED("a foreign root", "fresh-nitro-chain",
               hw.part[2].nitro.foreign = 1);
    HW_REFUSED("a foreign root for the cached one", "cached-nitro-chain",
               hw.part[1].nitro.foreign = 1);
    HW_REFUSED("another enclave beside it", "same-machine",
               hw.part[1].nitro.module_id = "i-0-enc2");
    HW_REFUSED("another image beside it", "cached-nitro-pcrs",
               hw.part[1].nitro.image = "image 2");
}


static void
test_time(void)
{
    HW_TRUSTED("300 s old", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW - 300) * 1000ULL);
    HW_REFUSED("301 s old", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW - 301) * 1000ULL);
    HW_REFUSED("of the future", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW + 301) * 1000ULL);
    HW_TRUSTED("within the skew of clocks", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW + 300) * 1000ULL);
    HW_REFUSED("older than the policy's max_age", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW - 11) * 1000ULL;
               hw.policy = "\"nitro\":{\"max_age\":10,"
                           "\"pcrs\":{\"0\":\"%PCR0%\"}}");
    HW_TRUSTED("as old as a longer max_age", "fresh-nitro-time",
               hw.part[2].nitro.timestamp = (EV_NOW - 900) * 1000ULL;
               hw.policy = "\"nitro\":{\"max_age\":900,"
                           "\"pcrs\":{\"0\":\"%PCR0%\"}}");
    HW_TRUSTED("max_age is not for cached ones", "cached-nitro-time",
               hw.policy = "\"nitro\":{\"max_age\":10,"
                           "\"pcrs\":{\"0\":\"%PCR0%\"}}");
    HW_REFUSED("cached, older than its claims", "cached-nitro-time",
               hw.part[1].nitro.timestamp = (EV_FROM - 301) * 1000ULL);
    HW_REFUSED("cached, of the future", "cached-nitro-time",
               hw.part[1].nitro.timestamp = (EV_NOW + 301) * 1000ULL);
    HW_REFUSED("claims without validity", "cached-nitro-time",
               hw.part[1].claims.has_validity = 0);
    HW_CASE("no clock", "fresh-nitro-time", UNKNOWN, ATTEST_UNDECIDED,
            hw.now = -1);
}


static void
test_binding(void)
{
    HW_REFUSED("other claims", "fresh-nitro-binding",
               hw.part[2].foreign_claims = 1);
    HW_REFUSED("other claims, cached", "cached-nitro-binding",
               hw.part[1].foreign_claims = 1);
    HW_REFUSED("no user data", "fresh-nitro-binding",
               hw.part[2].no_user_data = 1);
    HW_REFUSED("the digest and 32 zeros", "fresh-nitro-binding",
               hw.part[2].long_user_data = 1);
    HW_REFUSED("no nonce in the document", "fresh-nitro-nonce",
               hw.part[2].no_nonce = 1);
    HW_REFUSED("another nonce in the document", "fresh-nitro-nonce",
               hw.part[2].foreign_nonce = 1);
    HW_REFUSED("a nonce in a cached document", "cached-nitro-nonce",
               hw.part[1].foreign_nonce = 1);
    HW_REFUSED("fresh evidence for another nonce", "nonce",
               hw.part[2].claims.nonce[0] ^= 1);
}


static void
test_policy(void)
{
    HW_OPEN("a policy without PCRs", "reference-values", hw.policy = "");
    HW_OPEN("PCR 4 alone", "reference-values",
            hw.policy = "\"nitro\":{\"pcrs\":{\"4\":\"%PCR4%\"}}");
    HW_OPEN("PCR 1 alone", "reference-values",
            hw.policy = "\"nitro\":{\"pcrs\":{\"1\":\"%PCR1%\"}}");
    HW_TRUSTED("PCR 1 and 2", "fresh-nitro-pcrs",
               hw.policy = "\"nitro\":{\"pcrs\":{\"1\":\"%PCR1%\","
                           "\"2\":[\"%PCR1%\",\"%PCR2%\"]}}");
    HW_REFUSED("another PCR 0", "fresh-nitro-pcrs",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR1%\"}}");
    HW_REFUSED("PCR 0, and another PCR 4", "fresh-nitro-pcrs",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\","
                           "\"4\":\"%PCR1%\"}}");
    HW_REFUSED("a PCR that is not there", "fresh-nitro-pcrs",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\","
                           "\"31\":\"%PCR9%\"}}");
    HW_TRUSTED("its module id", "fresh-nitro-module",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\"},"
               "\"module_ids\":[\"i-00000000000000001-enc0000000000000001\"]}");
    HW_TRUSTED("its instance", "fresh-nitro-module",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\"},"
               "\"module_ids\":[\"i-2\",\"i-00000000000000001\"]}");
    HW_REFUSED("another module id", "fresh-nitro-module",
               hw.policy = "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\"},"
               "\"module_ids\":[\"i-0000000000000000\"]}");
}


static void
test_labels(void)
{
    HW_REFUSED("simulated is not accepted", "root-of-trust",
               hw.labels = "\"tee\",\"tee-vtpm\"");
    HW_TRUSTED("under the maker's root", "root-of-trust", hw.maker_roots = 1;
               hw.labels = "\"tee\"");
    IS_INT(hw_res.root, ATTEST_ROOT_TEE, "it is tee");
    HW_REFUSED("it says tee, but is simulated", "root-of-trust",
               hw.part[2].root = "tee");

    HW_REFUSED("debug", "fresh-nitro-mode",
               hw.part[0].nitro.debug = hw.part[1].nitro.debug
               = hw.part[2].nitro.debug = 1);
    HW_REFUSED("debug under the maker's root", "root-of-trust",
               hw.part[0].nitro.debug = hw.part[1].nitro.debug
               = hw.part[2].nitro.debug = 1; hw.maker_roots = 1;
               hw.labels = "\"tee\"";
               hw.policy = "\"nitro\":{\"allow_debug\":true,"
                           "\"pcrs\":{\"0\":\"%PCR9%\"}}");
    hw_expect("debug, allowed by the policy", "fresh-nitro-mode",
              ATTEST_CHECK_NOTE, ATTEST_NOT_TRUSTED);
    HW_TRUSTED("debug, allowed as simulated", "root-of-trust",
               hw.part[0].nitro.debug = hw.part[1].nitro.debug
               = hw.part[2].nitro.debug = 1; hw.maker_roots = 1;
               hw.policy = "\"nitro\":{\"allow_debug\":true,"
                           "\"pcrs\":{\"0\":\"%PCR9%\"}}");
    IS_INT(hw_res.root, ATTEST_ROOT_SIMULATED, "it is simulated, not tee");
}


/* Fresh evidence alone: every byte of its claims, some of its document. */

static void
test_mutations(void)
{
    size_t    i, step, tried = 0, accepted = 0, unbound = 0, at;
    uint8_t  *p, *doc, *claims;

    hw_reset();
    hw.no_cert = hw.no_cached = 1;
    hw.policy = HW_NITRO ",\"require_exporter\":false";
    hw_build_all();
    hw_appraise();
    hw_expect("before mutations", "fresh-nitro-binding", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);

    p = hw.part[2].out;
    doc = memmem(p, hw.part[2].n, "\x84\x44\xa1\x01\x38\x22", 6);
    claims = memmem(p, hw.part[2].n, "pubkey-hash", 11);
    OK(doc != NULL && claims != NULL, "the collection has both");

    for (at = 0; at < hw.part[2].n; at += step) {
        step = p + at < doc || p + at > doc + 3700 ? 1 + STEP / 8
                                                   : STEP_WHOLE;
        i = at;
        p[i] ^= (uint8_t) (1 << (i % 8));
        hw_appraise();
        tried++;

        p[i] ^= (uint8_t) (1 << (i % 8));

        /* what a member says it is good for is bound by nothing, nor used */

        if (hw_res.verdict != ATTEST_TRUSTED) {
            continue;
        }

        if (p[i] == ATTEST_CMW_IND_EVIDENCE) {
            unbound++;
        } else {
            accepted++;
        }
    }

    printf("# %zu mutations of %zu bytes of a collection, %zu accepted, %zu "
           "are indicators\n", tried, hw.part[2].n, accepted, unbound);
    IS_INT(accepted, 0, "no changed byte is accepted");
    OK(unbound <= 2, "but for the indicators of the two members");
}


static void
test_policy_errors(void)
{
    hw_policy_error("nitro", "[]", "nitro: must be an object");
    hw_policy_error("nitro", "{\"pcr\":{}}", "nitro.pcr: unknown member");
    hw_policy_error("nitro", "{\"pcrs\":{}}", "nitro.pcrs: empty");
    hw_policy_error("nitro", "{\"pcrs\":[]}", "nitro.pcrs: must be an object");
    hw_policy_error("nitro", "{\"pcrs\":{\"32\":\"00\"}}",
                    "nitro.pcrs.32: unknown");
    hw_policy_error("nitro", "{\"pcrs\":{\"00\":\"00\"}}",
                    "nitro.pcrs.00: unknown");
    hw_policy_error("nitro", "{\"pcrs\":{\"0\":\"00\"}}",
                    "wrong number of hex digits");
    hw_policy_error("nitro", "{\"pcrs\":{\"0\":[]}}", "an empty list");
    hw_policy_error("nitro", "{\"max_age\":0}", "nitro.max_age: must not be 0");
    hw_policy_error("nitro", "{\"max_age\":86401}",
                    "nitro.max_age: must be a number");
    hw_policy_error("nitro", "{\"allow_debug\":1}", "must be true or false");
    hw_policy_error("nitro", "{\"module_ids\":[]}", "must be a list of texts");
    hw_policy_error("nitro", "{\"max_age\":5,\"max_age\":6}", "given twice");
}


/* AWS' own, where they are there. */

static void
test_files(void)
{
    file_t  f;

    if (!UNIT_HAVE("AWS' documents", "nitro/attestation-envelope.bin",
                   "nitro/attestation-debug-envelope.bin"))
    {
        return;
    }

    test_file("attestation-envelope.bin", 4526, 1766678659, 0);
    test_file("attestation-debug-envelope.bin", 4529, 1766650846, 1);
    test_file_appraised();

    load(&f, "attestation-envelope.bin", 4526);
    test_flips(&f);
    unload(&f);

    load(&f, "attestation-envelope.bin", 4526);
    test_lengths(&f);
    unload(&f);

    every = 16;
}


/* The same of the double's, whose root is AWS' here. */

static void
test_double_documents(void)
{
    int     debug;
    file_t  f;

    makers = &hw_double_roots;

    for (debug = 0; debug < 2; debug++) {
        load_double(&f, debug);
        test_document(&f, EV_NOW, debug, 39, "i-0");

        if (!debug) {
            test_flips(&f);
            test_lengths(&f);
        }

        unload(&f);
    }

    makers = &hw_roots;
}


int
main(void)
{
    hw_setup();

    test_files();
    test_double_documents();
    test_parse();
    test_hand();
    test_appraisal();
    test_time();
    test_binding();
    test_policy();
    test_labels();
    test_mutations();
    test_policy_errors();

    hw_teardown();
    DONE();
}
