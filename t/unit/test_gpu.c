/* SPDX-License-Identifier: Apache-2.0 */

/* GPU evidence: NVIDIA's own, the double's, and every way to bend it. */

#include <sodium.h>

#include "fixture.h"
#include "hardware.h"


#ifdef __SANITIZE_ADDRESS__
#define STEP_ITEM    97
#define STEP_WHOLE   1999
#define STEP_CLAIMED 607
#else
#define STEP_ITEM    1
#define STEP_WHOLE   131
#define STEP_CLAIMED 53
#endif


static gpu_double_t  hopper = GPU_DOUBLE_HOPPER;
static gpu_double_t  blackwell = GPU_DOUBLE_BLACKWELL;
static gpu_double_t  nvswitch = GPU_DOUBLE_SWITCH;
static gpu_double_t  newer = GPU_DOUBLE_HOPPER;   /* with a newer driver */


static void test_codec(void);
static void test_codec_limits(void);
static void test_json(void);
static void json(const char *what, const char *text, int want);
static void test_item_lengths(void);
static void test_versions(void);
static void vbios(const void *p, size_t n, const char *want);
static void test_fwid(void);
static void fwid(const char *what, const char *oid, const uint8_t *ext,
    size_t n, int want);
static size_t fwid_list(const char *list, uint8_t *ext);
static void test_fwid_lists(void);
static void test_blackwell(void);
static void test_identity(void);
static void test_file(const char *name, const char *arch, int gpu);
static void test_files(void);
static void test_appraisal(void);
static void test_devices(void);
static void test_twice(void);
static void test_mixed(void);
static void test_roots(void);
static void test_policy(void);
static void test_policy_devices(void);
static void test_policy_errors(void);
static void test_newer_driver(void);
static void test_mutations(const gpu_double_t *d);
static void test_claimed_mutations(void);


/* What is encoded parses, and encodes to the same again. */

static void
test_codec(void)
{
    size_t                i, len, again;
    char                  out[512], twice[512];
    attest_gpu_t          gpu;
    attest_gpu_device_t   in[2];

    memset(in, 0, sizeof(in));

    for (i = 0; i < 2; i++) {
        in[i].arch.p = (const uint8_t *) (i == 0 ? "HOPPER" : "LS10");
        in[i].arch.n = i == 0 ? 6 : 4;
        in[i].chain.p = (const uint8_t *) "chain!";
        in[i].chain.n = 4 + i;
        in[i].report.p = (const uint8_t *) "report";
        in[i].report.n = 6 - i;
        memset(in[i].nonce, 0xa0 + (int) i, 32);
    }

    len = sizeof(out);
    IS_INT(attest_gpu_encode(in, 2, out, &len), ATTEST_OK, "two devices");
    IS_INT(attest_gpu_parse((uint8_t *) out, len, &gpu), ATTEST_OK,
           "parse again");
    IS_INT(gpu.count, 2, "are two");
    OK(gpu.devices[1].chain.n == 5 && gpu.devices[1].report.n == 5
       && memcmp(gpu.devices[1].chain.p, "chain", 5) == 0
       && gpu.devices[1].nonce[31] == 0xa1, "with their fields");

    again = sizeof(twice);
    OK(attest_gpu_encode(gpu.devices, 2, twice, &again) == ATTEST_OK
       && again == len && memcmp(out, twice, len) == 0, "the same bytes");
    attest_gpu_free(&gpu);

    for (i = 0; i < len; i++) {
        again = i;
        if (attest_gpu_encode(in, 2, twice, &again) != ATTEST_ENOSPACE
            || again != len)
        {
            break;
        }
    }
    IS_INT(i, len, "too little room, and how much is wanted");
}


static void
test_codec_limits(void)
{
    char                  one[16];
    size_t                len;
    uint8_t              *big = calloc(1, ATTEST_GPU_MAX_CHAIN + 1);
    attest_gpu_device_t   d[ATTEST_GPU_MAX_DEVICES + 1];
    size_t                i;

    memset(d, 0, sizeof(d));
    for (i = 0; i <= ATTEST_GPU_MAX_DEVICES; i++) {
        d[i].arch.p = (const uint8_t *) "HOPPER";
        d[i].arch.n = 6;
        d[i].chain.p = d[i].report.p = big;
        d[i].chain.n = d[i].report.n = 1;
    }

#define ENCODE(what, count, want)                                            \
    len = 0;                                                                 \
    IS_INT(attest_gpu_encode(d, count, one, &len), want, what)

    ENCODE("no device", 0, ATTEST_EARG);
    ENCODE("64 devices", 64, ATTEST_ENOSPACE);
    ENCODE("65 devices", 65, ATTEST_EARG);

    d[0].chain.n = ATTEST_GPU_MAX_CHAIN + 1;
    ENCODE("too long a chain", 1, ATTEST_ELIMIT);
    d[0].chain.n = 0;
    ENCODE("no chain", 1, ATTEST_EARG);
    d[0].chain.n = 1;
    d[0].report.n = ATTEST_SPDM_MAX + 1;
    ENCODE("too long a report", 1, ATTEST_ELIMIT);
    d[0].report.n = 1;
    d[0].arch.n = 0;
    ENCODE("no architecture", 1, ATTEST_EARG);
    d[0].arch.p = (const uint8_t *) "HOP\"ER";
    d[0].arch.n = 6;
    ENCODE("a quote in the architecture", 1, ATTEST_EARG);
    d[0].arch = d[1].arch;

    for (i = 0; i < ATTEST_GPU_MAX_DEVICES; i++) {
        d[i].chain.n = ATTEST_GPU_MAX_CHAIN;
    }
    ENCODE("too much in all", 64, ATTEST_ELIMIT);

    free(big);
}


static void
json(const char *what, const char *text, int want)
{
    attest_gpu_t  gpu;

    IS_INT(attest_gpu_parse((const uint8_t *) text, strlen(text), &gpu), want,
           "%s", what);
    attest_gpu_free(&gpu);
}


static void
test_json(void)
{
    char          text[65 * 200];
    size_t        i, n;
    uint8_t      *big;
    attest_gpu_t  gpu;

#define N    "\"nonce\":\"000102030405060708090a0b0c0d0e0f"                  \
             "101112131415161718191a1b1c1d1e1f\""
#define A    "\"arch\":\"HOPPER\""
#define C    "\"certificate\":\"QUJD\""
#define E    "\"evidence\":\"QUI=\""

    json("one", "[{" A "," C "," E "," N "}]", ATTEST_OK);
    json("another order and blanks",
         " [ { " N " , " E ",\n" C "\t,\r" A " } ] \n", ATTEST_OK);
    json("empty list", "[]", ATTEST_EFORMAT);
    json("an object", "{" A "," C "," E "," N "}", ATTEST_EFORMAT);
    json("nothing", "", ATTEST_EFORMAT);
    json("no end", "[{" A "," C "," E "," N "}", ATTEST_EFORMAT);
    json("something behind", "[{" A "," C "," E "," N "}]x", ATTEST_EFORMAT);
    json("a comma too many", "[{" A "," C "," E "," N "},]", ATTEST_EFORMAT);
    json("a comma too many inside", "[{" A "," C "," E "," N ",}]",
         ATTEST_EFORMAT);
    json("no nonce", "[{" A "," C "," E "}]", ATTEST_EFORMAT);
    json("no architecture", "[{" C "," E "," N "}]", ATTEST_EFORMAT);
    json("no certificate", "[{" A "," E "," N "}]", ATTEST_EFORMAT);
    json("no evidence", "[{" A "," C "," N "}]", ATTEST_EFORMAT);
    json("twice", "[{" A "," C "," E "," N "," A "}]", ATTEST_EFORMAT);
    json("unknown", "[{" A "," C "," E "," N ",\"x\":\"\"}]",
         ATTEST_EFORMAT);
    json("a number", "[{\"arch\":1," C "," E "," N "}]", ATTEST_EFORMAT);
    json("an escape", "[{\"arch\":\"HOP\\u0050ER\"," C "," E "," N "}]",
         ATTEST_EFORMAT);
    json("an escaped key", "[{\"arc\\u0068\":\"HOPPER\"," C "," E "," N "}]",
         ATTEST_EFORMAT);
    json("a key in capitals", "[{\"Arch\":\"HOPPER\"," C "," E "," N "}]",
         ATTEST_EFORMAT);
    json("an empty architecture", "[{\"arch\":\"\"," C "," E "," N "}]",
         ATTEST_EFORMAT);
    json("base64 without padding", "[{" A "," C ",\"evidence\":\"QUI\"," N
         "}]", ATTEST_EFORMAT);
    json("base64 with bits behind", "[{" A "," C ",\"evidence\":\"QUJ=\"," N
         "}]", ATTEST_EFORMAT);
    json("base64url", "[{" A ",\"certificate\":\"__-_\"," E "," N "}]",
         ATTEST_EFORMAT);
    json("a blank in base64", "[{" A ",\"certificate\":\"QU D\"," E "," N
         "}]", ATTEST_EFORMAT);
    json("empty evidence", "[{" A "," C ",\"evidence\":\"\"," N "}]",
         ATTEST_EFORMAT);
    json("31 bytes of nonce", "[{" A "," C "," E ",\"nonce\":\"0001020304050"
         "60708090a0b0c0d0e0f101112131415161718191a1b1c1d1e\"}]",
         ATTEST_EFORMAT);
    json("no hex", "[{" A "," C "," E ",\"nonce\":\"g00102030405060708090a0b"
         "0c0d0e0f101112131415161718191a1b1c1d1e1f\"}]", ATTEST_EFORMAT);

    for (i = 0, n = 0; i < 65; i++) {
        n += (size_t) sprintf(text + n, "%c{" A "," C "," E "," N "}",
                              i == 0 ? '[' : ',');
        if (i >= 63) {
            text[n] = ']';
            text[n + 1] = '\0';
            json(i == 63 ? "64 devices" : "65 devices", text,
                 i == 63 ? ATTEST_OK : ATTEST_ELIMIT);
        }
    }

    big = malloc(ATTEST_MAX_LOG + 1);
    memset(big, 'A', ATTEST_MAX_LOG + 1);
    IS_INT(attest_gpu_parse(big, ATTEST_MAX_LOG + 1, &gpu), ATTEST_ELIMIT,
           "too long an item");
    n = (size_t) sprintf((char *) big, "[{\"evidence\":\"");
    big[n] = 'A';
    big[n + 13000] = '"';
    IS_INT(attest_gpu_parse(big, ATTEST_MAX_LOG, &gpu), ATTEST_ELIMIT,
           "too long a report");
    free(big);
}


/* Cut anywhere, an item is no item. */

static void
test_item_lengths(void)
{
    char            *raw = malloc(HW_ROOM);
    char             pem[GPU_DOUBLE_MAX_PEM];
    size_t           i, n = HW_ROOM, tried = 0, accepted = 0;
    uint8_t          report[GPU_DOUBLE_MAX_REPORT], nonce[32] = { 7 };
    attest_gpu_t     gpu;
    attest_gpu_device_t  device;

    memset(&device, 0, sizeof(device));
    device.arch.p = (const uint8_t *) hopper.arch;
    device.arch.n = strlen(hopper.arch);
    device.chain.p = (const uint8_t *) pem;
    device.chain.n = gpu_double_chain(&hopper, pem, sizeof(pem));
    device.report.p = report;
    device.report.n = gpu_double_report(&hopper, nonce, report,
                                        sizeof(report));
    memcpy(device.nonce, nonce, 32);
    IS_INT(attest_gpu_encode(&device, 1, raw, &n), ATTEST_OK, "an item");

    while (raw[n - 1] != ']') {
        n--;
    }

    for (i = 0; i < n; i += STEP_ITEM) {
        accepted += attest_gpu_parse((uint8_t *) raw, i, &gpu) == ATTEST_OK;
        tried++;
    }

    printf("# %zu truncations, %zu accepted\n", tried, accepted);
    IS_INT(accepted, 0, "no truncation is accepted");
    IS_INT(attest_gpu_parse((uint8_t *) raw, n, &gpu), ATTEST_OK,
           "the whole is");
    attest_gpu_free(&gpu);
    free(raw);
}


static void
vbios(const void *p, size_t n, const char *want)
{
    char            text[ATTEST_GPU_MAX_VERSION];
    uint8_t         report[GPU_DOUBLE_MAX_REPORT], nonce[32] = { 0 };
    gpu_double_t    d = GPU_DOUBLE_HOPPER;
    attest_spdm_t   s;

    d.vbios = p;
    d.vbios_len = n;
    n = gpu_double_report(&d, nonce, report, sizeof(report));
    (void) attest_spdm_parse(report, n, &s);
    attest_gpu_vbios(&s, text);
    OK(strcmp(text, want) == 0, "VBIOS \"%s\"", text);
}


static void
test_versions(void)
{
    vbios("\x00\xa5\x00\x96\x01\x00\x00\x00", 8, "96.00.A5.00.01");
    vbios("\xff\xfe\xfd\xfc\xfb\x00\x00\x00", 8, "FC.FD.FE.FF.FB");
    vbios("\x00\xa5\x00\x96\x01\x00\x00\x01", 8, "");
    vbios("96.10.55.00.01", 14, "96.10.55.00.01");
    vbios("96.10.55.00.01\0", 15, "96.10.55.00.01");
    vbios("96.10\n55.00.01", 14, "");
    vbios("96 10", 5, "");
    vbios("0123456789012345678901234567890123456789012345678901234567890123",
          64, "");
    vbios(NULL, 0, "");
}


/* A leaf with this extension; NULL: without it. */

static void
fwid(const char *what, const char *oid, const uint8_t *ext, size_t n,
    int want)
{
    X509           *x;
    uint8_t         got[48];
    double_cert_t   c;

    memset(&c, 0, sizeof(c));
    c.cn = "leaf";
    c.key = double_key("leaf");
    c.from = DOUBLE_FROM;
    c.until = DOUBLE_FOREVER;
    c.oid = oid;
    c.ext = ext;
    c.ext_len = n;

    x = double_cert(&c);
    IS_INT(attest_gpu_fwid(x, got), want, "%s", what);
    X509_free(x);
    EVP_PKEY_free(c.key);
}


static void
test_fwid(void)
{
    size_t            i, n, cut = 0, tried = 0;
    uint8_t           ext[512], got[48];
    EVP_PKEY         *key = double_key("leaf");
    X509             *x;
    double_cert_t     c;
    gpu_double_t     *kinds[] = { &hopper, &blackwell };
    static const char *oids[] = { "2.23.133.5.4.1", "2.23.133.5.4.1.1" };

    fwid("no extension", NULL, NULL, 0, ATTEST_EUNSUPPORTED);
    fwid("an empty extension", oids[0], ext, 0, ATTEST_EFORMAT);

    memset(&c, 0, sizeof(c));
    c.cn = "leaf";
    c.key = key;
    c.from = DOUBLE_FROM;
    c.until = DOUBLE_FOREVER;
    c.ext = ext;

    for (i = 0; i < 2; i++) {
        n = gpu_double_dice(kinds[i], key, ext);
        fwid("as it is", oids[i], ext, n, ATTEST_OK);
        ext[n] = 0;
        fwid("a byte behind", oids[i], ext, n + 1, ATTEST_EFORMAT);

        ext[n - 50 - 1] ^= 1;
        fwid("another digest", oids[i], ext, n, ATTEST_EUNSUPPORTED);
        ext[n - 50 - 1] ^= 1;

        for (c.oid = oids[i], c.ext_len = 0; c.ext_len < n; c.ext_len++) {
            x = double_cert(&c);
            cut += attest_gpu_fwid(x, got) == ATTEST_OK;
            tried++;
            X509_free(x);
        }
    }

    printf("# %zu truncations, %zu accepted\n", tried, cut);
    IS_INT(cut, 0, "no truncation is accepted");

    /* one list may have many (below), but there is one list */

    n = gpu_double_dice(&blackwell, key, ext);
    memcpy(ext + n, ext + 10, 65);
    ext[0] = 0x30;
    memmove(ext + 3, ext + 2, n + 65 - 2);
    ext[1] = 0x81;
    ext[2] = (uint8_t) (n + 65 - 2);
    fwid("two lists of firmware", oids[1], ext, n + 66, ATTEST_EFORMAT);

    EVP_PKEY_free(key);
}


/*
 * A DiceTcbInfo with these firmware digests: each 'a', 'b' (SHA-384) or 0
 * stands for one of that octet repeated, 's' for one of SHA-256, 't' for one
 * that is cut short.
 */

static size_t
fwid_list(const char *list, uint8_t *ext)
{
    size_t    i, n = 0, len;
    uint8_t   body[512];

    for (i = 0; list[i] != '\0'; i++) {
        len = list[i] == 's' || list[i] == 'z' ? 32 : 48;
        body[n++] = 0x30;
        body[n++] = (uint8_t) (13 + len - (list[i] == 't'));
        memcpy(body + n, "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x04",
               12);
        body[n + 10] = len == 32 ? 1 : 2;
        body[n + 12] = (uint8_t) len;
        n += 13;
        memset(body + n, list[i] == '0' || list[i] == 'z' ? 0 : list[i],
               len);
        n += len - (list[i] == 't');
    }

    memcpy(ext, "\x30\x82\x00\x00\x80\x06NVIDIA\xa6\x82\x00\x00", 16);
    ext[2] = (uint8_t) ((n + 12) >> 8);
    ext[3] = (uint8_t) (n + 12);
    ext[14] = (uint8_t) (n >> 8);
    ext[15] = (uint8_t) n;
    memcpy(ext + 16, body, n);

    /* DER: the shortest length there is */

    if (n < 256) {
        ext[13] = 0x81;
        memmove(ext + 14, ext + 15, n + 1);
        ext[3]--;
        if (n < 128) {
            ext[13] = (uint8_t) n;
            memmove(ext + 14, ext + 15, n);
            ext[3]--;
        }
    }

    len = (size_t) ext[2] << 8 | ext[3];

    if (len < 256) {
        ext[1] = 0x81;
        memmove(ext + 2, ext + 3, len + 1);
        if (len < 128) {
            ext[1] = (uint8_t) len;
            memmove(ext + 2, ext + 3, len);
            return len + 2;
        }
        return len + 3;
    }

    return len + 4;
}


/* TCG DICE: FWIDLIST has one or more; NVIDIA's first one counts. */

static void
test_fwid_lists(void)
{
    X509          *x;
    size_t         i;
    uint8_t        ext[600], got[48];
    double_cert_t  c;

    static const struct {
        const char  *list;
        int          rc;
        char         first;
    } lists[] = {
        { "a", ATTEST_OK, 'a' }, { "a0", ATTEST_OK, 'a' },
        { "ab", ATTEST_OK, 'a' }, { "ba", ATTEST_OK, 'b' },
        { "0a", ATTEST_OK, 'a' }, { "00ba", ATTEST_OK, 'b' },
        { "za", ATTEST_OK, 'a' }, { "as", ATTEST_OK, 'a' },
        { "a0b0ab0", ATTEST_OK, 'a' }, { "aa", ATTEST_OK, 'a' },
        { "", ATTEST_EFORMAT, 0 }, { "0", ATTEST_EUNSUPPORTED, 0 },
        { "00", ATTEST_EUNSUPPORTED, 0 }, { "sa", ATTEST_EUNSUPPORTED, 0 },
        { "t", ATTEST_EFORMAT, 0 }, { "at", ATTEST_EFORMAT, 0 },
        { "0t", ATTEST_EFORMAT, 0 }
    };

    memset(&c, 0, sizeof(c));
    c.cn = "leaf";
    c.key = double_key("leaf");
    c.from = DOUBLE_FROM;
    c.until = DOUBLE_FOREVER;
    c.oid = "2.23.133.5.4.1.1";
    c.ext = ext;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        memset(got, 0xee, sizeof(got));
        c.ext_len = fwid_list(lists[i].list, ext);
        x = double_cert(&c);
        IS_INT(attest_gpu_fwid(x, got), lists[i].rc, "firmware list \"%s\"",
               lists[i].list);
        OK(lists[i].rc != ATTEST_OK
           || (got[0] == (uint8_t) lists[i].first && got[47] == got[0]),
           "names its first one");
        X509_free(x);
    }

    EVP_PKEY_free(c.key);
}


/* NVIDIA's own report of a Blackwell, whose leaf lists two. */

static void
test_blackwell(void)
{
    char            *hex;
    size_t           i, n;
    uint8_t         *report, fwid48[48];
    attest_spdm_t    s;
    attest_span_t    pem, shown, item;
    STACK_OF(X509)  *chain;

    attest_gpu_device_t  device;
    static const char   *ids[] = {
        "fresh-gpu-report", "fresh-gpu-arch", "fresh-gpu-chain",
        "fresh-gpu-signature", "fresh-gpu-firmware", "fresh-gpu-unique"
    };

    if (!UNIT_HAVE("a Blackwell's report",
                   "nvidia/blackwell-575.32-report.hex",
                   "nvidia/blackwell-575.32-chain.pem.txt"))
    {
        return;
    }

    hex = (char *) unit_fixture("nvidia/blackwell-575.32-report.hex", &n);
    report = malloc(n);
    (void) sodium_hex2bin(report, n, hex, n, " \r\n", &n, NULL);
    pem.p = unit_fixture("nvidia/blackwell-575.32-chain.pem.txt", &pem.n);
    chain = attest_x509_read(pem);

    IS_INT(attest_spdm_parse(report, n, &s), ATTEST_OK,
           "a Blackwell's report");
    IS_INT(sk_X509_num(chain) > 1
           && attest_spdm_signature(&s,
                                    X509_get0_pubkey(sk_X509_value(chain, 0)))
              == ATTEST_OK, 1, "is signed by its leaf");
    IS_INT(attest_gpu_fwid(sk_X509_value(chain, 0), fwid48), ATTEST_OK,
           "whose list of two names its firmware");
    OK(attest_spdm_opaque(&s, ATTEST_SPDM_FWID, &shown) && shown.n == 48
       && memcmp(shown.p, fwid48, 48) == 0, "which the report names, too");

    /* appraised as a whole: for another nonce, and good otherwise */

    memset(&device, 0, sizeof(device));
    device.arch.p = (const uint8_t *) "BLACKWELL";
    device.arch.n = 9;
    device.chain = pem;
    device.report.p = report;
    device.report.n = n;
    memcpy(device.nonce, s.nonce.p, 32);
    hw.part[0].gpu_len = HW_ROOM;
    (void) attest_gpu_encode(&device, 1, hw.part[0].gpu,
                             &hw.part[0].gpu_len);
    item.p = (const uint8_t *) hw.part[0].gpu;
    item.n = hw.part[0].gpu_len;

    HW_REFUSED("a real Blackwell", "fresh-gpu-nonce",
               hw.part[2].gpu_item = item; hw.part[1].gpu_item = item);

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        hw_expect("a real Blackwell", ids[i], ATTEST_CHECK_PASS,
                  ATTEST_NOT_TRUSTED);
    }

    sk_X509_pop_free(chain, X509_free);
    free(report);
    free(hex);
    free((void *) pem.p);
}


static void
test_identity(void)
{
    char             pem[GPU_DOUBLE_MAX_PEM], other[GPU_DOUBLE_MAX_PEM];
    X509            *x;
    uint8_t          id[32];
    gpu_double_t     two = hopper;
    attest_span_t    s;
    STACK_OF(X509)  *chain, *foreign;

    two.number = 2;

    s.p = (const uint8_t *) pem;
    s.n = gpu_double_chain(&hopper, pem, sizeof(pem));
    chain = attest_x509_read(s);
    s.p = (const uint8_t *) other;
    s.n = gpu_double_chain(&two, other, sizeof(other));
    foreign = attest_x509_read(s);

    IS_INT(attest_gpu_identity(chain, id), ATTEST_OK, "an identity");

    x = sk_X509_value(chain, 1);
    (void) sk_X509_set(chain, 1, sk_X509_value(foreign, 1));
    IS_INT(attest_gpu_identity(chain, id), ATTEST_ECRYPTO,
           "no identity of another device");
    (void) sk_X509_set(chain, 1, x);

    while (sk_X509_num(chain) > 1) {
        X509_free(sk_X509_pop(chain));
    }

    IS_INT(attest_gpu_identity(chain, id), ATTEST_EFORMAT,
           "a leaf alone has none");

    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(foreign, X509_free);
}


/* NVIDIA's evidence for somebody else's nonce, with our claims beside it. */

static void
test_file(const char *name, const char *arch, int gpu)
{
    size_t                n;
    uint8_t              *raw;
    attest_span_t         s;
    attest_gpu_t          item;
    static const char    *ids[] = {
        "fresh-gpu-report", "fresh-gpu-arch", "fresh-gpu-chain",
        "fresh-gpu-signature", "fresh-gpu-firmware", "fresh-gpu-unique"
    };
    size_t                i;

    raw = unit_fixture(name, &n);
    s.p = raw;
    s.n = n;

    HW_REFUSED(name, "fresh-gpu-nonce", hw.part[2].gpu_item = s;
               hw.part[1].gpu_item = s);

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        hw_expect(arch, ids[i], ATTEST_CHECK_PASS, ATTEST_NOT_TRUSTED);
    }

    OK(hw_find("fresh-gpu-chain", ATTEST_CHECK_PASS) != NULL
       && strstr(hw_find("fresh-gpu-chain", ATTEST_CHECK_PASS)->text,
                 "by NVIDIA") != NULL, "NVIDIA vouches for it");

    IS_INT(attest_gpu_parse(raw, n, &item), ATTEST_OK, "%s parses", name);

    /* the same evidence under another name */

    item.devices[0].arch.p = (const uint8_t *) (gpu ? "LS10" : "HOPPER");
    item.devices[0].arch.n = gpu ? 4 : 6;
    hw.part[0].gpu_len = HW_ROOM;
    (void) attest_gpu_encode(item.devices, 1, hw.part[0].gpu,
                             &hw.part[0].gpu_len);
    s.p = (const uint8_t *) hw.part[0].gpu;
    s.n = hw.part[0].gpu_len;
    HW_REFUSED(gpu ? "a GPU as a switch" : "a switch as a GPU",
               "fresh-gpu-arch", hw.part[2].gpu_item = s);

    item.devices[0].arch.p = (const uint8_t *) "AMPERE";
    item.devices[0].arch.n = 6;
    hw.part[0].gpu_len = HW_ROOM;
    (void) attest_gpu_encode(item.devices, 1, hw.part[0].gpu,
                             &hw.part[0].gpu_len);
    s.n = hw.part[0].gpu_len;
    HW_CASE("an unknown architecture", "fresh-gpu-arch", UNKNOWN,
            ATTEST_NOT_TRUSTED, hw.part[2].gpu_item = s);

    attest_gpu_free(&item);
    free(raw);
}


static void
test_files(void)
{
    if (UNIT_HAVE("NVIDIA's evidence", "nvidia/hopper-evidence.json",
                  "nvidia/switch-ls10-evidence.json"))
    {
        test_file("nvidia/hopper-evidence.json", "HOPPER", 1);
        test_file("nvidia/switch-ls10-evidence.json", "LS10", 0);
    }
}


/* The double's evidence for another nonce, and under another name. */

static void
test_names(void)
{
    void                 *copy;
    size_t                i, k;
    attest_span_t         s;
    attest_gpu_t          item;
    static gpu_double_t   kinds[] = { GPU_DOUBLE_HOPPER, GPU_DOUBLE_SWITCH };
    static const char    *names[][2] = {
        { "LS10", "a double's GPU as a switch" },
        { "HOPPER", "a double's switch as a GPU" }
    };

    for (i = 0; i < 2; i++) {
        hw_reset();
        hw_gpus(&kinds[i], 1);
        hw_build_all();
        s.n = hw.part[2].gpu_len;
        copy = malloc(s.n);
        s.p = memcpy(copy, hw.part[2].gpu, s.n);
        IS_INT(attest_gpu_parse(s.p, s.n, &item), ATTEST_OK, "%s parses",
               kinds[i].arch);

        HW_REFUSED("a double's, for another nonce", "fresh-gpu-nonce",
                   memset(hw_nonce, 0xac, sizeof(hw_nonce)); hw_reset();
                   hw.part[2].gpu_item = s);
        memset(hw_nonce, 0xaa, sizeof(hw_nonce));

        for (k = 0; k < 2; k++) {
            item.devices[0].arch.p = (const uint8_t *)
                                     (k == 0 ? names[i][0] : "AMPERE");
            item.devices[0].arch.n = strlen((const char *)
                                            item.devices[0].arch.p);
            hw.part[0].gpu_len = HW_ROOM;
            (void) attest_gpu_encode(item.devices, 1, hw.part[0].gpu,
                                     &hw.part[0].gpu_len);
            s.p = (const uint8_t *) hw.part[0].gpu;
            s.n = hw.part[0].gpu_len;

            if (k == 0) {
                HW_REFUSED(names[i][1], "fresh-gpu-arch",
                           hw.part[2].gpu_item = s);
            } else {
                HW_CASE("an unknown architecture", "fresh-gpu-arch", UNKNOWN,
                        ATTEST_NOT_TRUSTED, hw.part[2].gpu_item = s);
            }
        }

        attest_gpu_free(&item);
        free(copy);
    }
}


static void
test_appraisal(void)
{
    HW_TRUSTED("a GPU", "fresh-gpu-signature", hw_gpus(&hopper, 1));
    hw_expect("a GPU", "cached-gpu-signature", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);
    hw_expect("a GPU", "fresh-gpu-measurements", ATTEST_CHECK_NOTE,
              ATTEST_TRUSTED);
    hw_expect("a GPU", "fresh-gpu-policy", ATTEST_CHECK_NOTE,
              ATTEST_TRUSTED);
    HW_TRUSTED("a newer GPU", "fresh-gpu-firmware", hw_gpus(&blackwell, 1));
    HW_TRUSTED("8 GPUs", "fresh-gpu-unique", hw_gpus(&hopper, 8));

    HW_REFUSED("a wrong signature", "fresh-gpu-signature",
               hw_gpus(&hopper, 2); hw.part[2].gpu_flip = 1);
    HW_REFUSED("a wrong nonce beside the report", "fresh-gpu-nonce",
               hw_gpus(&hopper, 1); hw.part[2].gpu_nonce_flip = 1);
    HW_REFUSED("a foreign root", "fresh-gpu-chain", hopper.foreign = 1;
               hw_gpus(&hopper, 1); hopper.foreign = 0);
    HW_OPEN("no firmware in the report of a GPU", "fresh-gpu-firmware",
            hopper.no_fwid = 1; hw_gpus(&hopper, 1); hopper.no_fwid = 0);
    HW_REFUSED("no JSON", "fresh-gpu",
               hw.part[2].gpu_item.p = (const uint8_t *) "[{}]";
               hw.part[2].gpu_item.n = 4);
    HW_REFUSED("not in the claims", "fresh-gpu", hw_gpus(&hopper, 1);
               hw.part[2].gpu_unclaimed = 1);
    HW_REFUSED("in the claims, but missing", "fresh-gpu",
               hw_gpus(&hopper, 1); hw.part[2].gpu_missing = 1);
    HW_REFUSED("fresh evidence without the GPUs", "same-machine",
               hw_gpus(&hopper, 1); hw.part[2].ngpus = 0);
}


/* What a driver's update makes of the same GPU: versioned opaque data. */

static void
test_newer_driver(void)
{
    GPU_DOUBLE_NEW(newer);

    HW_TRUSTED("a newer driver", "fresh-gpu-report", hw_gpus(&newer, 2));
    hw_expect("a newer driver", "fresh-gpu-firmware", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);
    HW_TRUSTED("beside an older one", "fresh-gpu-report", hw_gpus(&newer, 2);
               hw.part[1].gpus[1] = hw.part[2].gpus[1] = blackwell);
    HW_TRUSTED("and a switch", "fresh-gpu-switches", hw_gpus(&newer, 2);
               hw.part[1].gpus[1] = hw.part[2].gpus[1] = nvswitch;
               hw.policy = HW_NITRO ",\"gpu\":{\"count\":1,\"switches\":1,"
               "\"driver\":[\"622.12\"],\"vbios\":[\"96.00.A5.00.01\"],"
               "\"modes\":[\"spt\"],\"arch\":[\"HOPPER\"]}");
    HW_REFUSED("its version is the policy's matter", "fresh-gpu-driver",
               hw_gpus(&newer, 1);
               hw.policy = HW_NITRO ",\"gpu\":{\"driver\":[\"590.12\"]}");
    HW_REFUSED("a wrong signature", "fresh-gpu-signature",
               hw_gpus(&newer, 2); hw.part[2].gpu_flip = 1);
    HW_OPEN("no firmware in its report", "fresh-gpu-firmware",
            newer.no_fwid = 1; hw_gpus(&newer, 1); newer.no_fwid = 0);

    newer.major = 3;
    HW_OPEN("a version to come", "fresh-gpu-report", hw_gpus(&newer, 1));
    HW_OPEN("a version to come, beside others", "fresh-gpu-report",
            hw_gpus(&hopper, 2);
            hw.part[1].gpus[1] = hw.part[2].gpus[1] = newer);

    newer.major = 0;
    HW_TRUSTED("an older version", "fresh-gpu-report", hw_gpus(&newer, 1));
    newer.major = 2;
}


/* Several devices in one item. */

static void
test_devices(void)
{
    HW_TRUSTED("GPUs and switches", "fresh-gpu-firmware",
               hw_gpus(&hopper, 4);
               hw.part[1].gpus[3] = hw.part[2].gpus[3] = nvswitch);
    HW_REFUSED("a switch that calls itself a GPU", "fresh-gpu-arch",
               hw_gpus(&nvswitch, 1); hw.part[2].gpu_arch = "HOPPER");
    HW_REFUSED("a GPU that calls itself a switch", "fresh-gpu-arch",
               hw_gpus(&hopper, 1); hw.part[2].gpu_arch = "LS10");
    HW_REFUSED("a GPU of another kind", "fresh-gpu-arch",
               hw_gpus(&hopper, 1); hw.part[2].gpu_arch = "BLACKWELL");
    HW_OPEN("an unknown kind", "fresh-gpu-arch",
            hw_gpus(&hopper, 1); hw.part[2].gpu_arch = "RUBIN");
    HW_REFUSED("other GPUs than in cached evidence", "same-machine",
               hw_gpus(&hopper, 2); hw.part[2].gpus[1].number = 7);
    HW_TRUSTED("the same GPUs in another order", "fresh-gpu-unique",
               hw_gpus(&hopper, 2); hw.part[2].gpus[0].number = 1;
               hw.part[2].gpus[1].number = 0);
}


/* A device that is shown twice must not be counted twice. */

static void
test_twice(void)
{
    HW_REFUSED("a GPU twice", "fresh-gpu-unique", hw_gpus(&hopper, 4);
               hw.part[2].gpus[3].number = 1);
    HW_REFUSED("a GPU twice, with other firmware", "fresh-gpu-unique",
               hw_gpus(&hopper, 2); hw.part[2].gpus[1].number = 0;
               hw.part[2].gpus[1].firmware = 5);
    HW_REFUSED("a GPU twice, with other blocks", "fresh-gpu-unique",
               hw_gpus(&hopper, 2); hw.part[2].gpus[1].number = 0;
               hw.part[2].gpus[1].blocks = 7);
    HW_REFUSED("a switch twice", "fresh-gpu-unique", hw_gpus(&nvswitch, 2);
               hw.part[2].gpus[1].number = 0);
    HW_TRUSTED("two GPUs with the same firmware", "fresh-gpu-unique",
               hw_gpus(&hopper, 2));
}


/* Evidence for other claims, which ours name by its digest. */

static void
test_mixed(void)
{
    HW_REFUSED("cached GPUs in fresh evidence", "fresh-gpu-nonce",
               hw_gpus(&hopper, 1); hw.part[2].gpu_reuse = 1);
    hw_expect("cached GPUs in fresh evidence", "fresh-gpu-signature",
              ATTEST_CHECK_PASS, ATTEST_NOT_TRUSTED);

    /* the GPUs of a gateway with another key, or of another time */

    hw_reset();
    hw_gpus(&hopper, 1);
    hw.part[1].claims.not_before -= 1;
    hw_build(&hw.part[1], 1);
    hw.part[1].claims.not_before += 1;
    hw.part[1].gpu_item.p = (const uint8_t *) hw.part[1].gpu;
    hw.part[1].gpu_item.n = hw.part[1].gpu_len;
    hw_build_all();
    hw_appraise();
    hw_expect("GPUs of another time", "cached-gpu-nonce", ATTEST_CHECK_FAIL,
              ATTEST_NOT_TRUSTED);

    hw_reset();
    hw_gpus(&hopper, 1);
    hw.part[2].claims.pubkey_hash[0] ^= 1;
    hw_build(&hw.part[2], 2);
    hw.part[2].claims.pubkey_hash[0] ^= 1;
    hw.part[2].gpu_item.p = (const uint8_t *) hw.part[2].gpu;
    hw.part[2].gpu_item.n = hw.part[2].gpu_len;
    hw_build_all();
    hw_appraise();
    hw_expect("GPUs for another key", "fresh-gpu-nonce", ATTEST_CHECK_FAIL,
              ATTEST_NOT_TRUSTED);
}


static void
test_roots(void)
{
    HW_REFUSED("simulated GPUs of a real CPU are not tee", "root-of-trust",
               hw_gpus(&hopper, 1); hw.maker_roots = 1;
               hw.labels = "\"tee\"";
               X509_free(sk_X509_pop(
                             hw_double_roots.anchors[ATTEST_MAKER_NVIDIA])));
    HW_TRUSTED("they are simulated", "root-of-trust",
               hw_gpus(&hopper, 1); hw.maker_roots = 1;
               hw.labels = "\"tee\",\"simulated\"");
    IS_INT(hw_res.root, ATTEST_ROOT_SIMULATED, "in all");
    HW_REFUSED("beside a CPU that the policy does not accept",
               "root-of-trust", hw_gpus(&hopper, 1); hw.maker_roots = 1);
    HW_REFUSED("also if only cached ones are", "root-of-trust",
               hw.part[1].ngpus = 1; hw.part[1].gpus[0] = hopper;
               hw.maker_roots = 1; hw.labels = "\"tee\"");

    hw_anchor(ATTEST_MAKER_NVIDIA, hw_pem[1]);
    HW_TRUSTED("GPUs under the maker's root", "root-of-trust",
               hw_gpus(&hopper, 1); hw.maker_roots = 1;
               hw.labels = "\"tee\"");
    IS_INT(hw_res.root, ATTEST_ROOT_TEE, "are tee");
}


static void
test_policy(void)
{
#define GPU(text)  hw.policy = HW_NITRO ",\"gpu\":{" text "}"
#define WANTED     GPU("\"required\":true")

    HW_REFUSED("GPUs wanted, none there", "gpu-required", WANTED);
    HW_TRUSTED("GPUs optional, none there", "root-of-trust",
               GPU("\"required\":false,\"arch\":[\"HOPPER\"]"));
    HW_TRUSTED("GPUs wanted", "gpu-required", hw_gpus(&hopper, 1); WANTED);
    HW_OPEN("GPUs wanted, a switch is there", "gpu-required",
            hw_gpus(&nvswitch, 1); WANTED);
    HW_CASE("GPUs wanted, only the certificate is there", "gpu-required",
            UNKNOWN, ATTEST_UNDECIDED, hw_gpus(&hopper, 1);
            hw.no_cached = hw.no_fresh = 1; WANTED);

    HW_TRUSTED("two of two", "fresh-gpu-count", hw_gpus(&hopper, 2);
               GPU("\"count\":2"));
    HW_REFUSED("two of three", "fresh-gpu-count", hw_gpus(&hopper, 2);
               GPU("\"count\":3"));
    HW_REFUSED("two of one", "fresh-gpu-count", hw_gpus(&hopper, 2);
               GPU("\"count\":1"));
    HW_TRUSTED("at least two", "fresh-gpu-count", hw_gpus(&hopper, 3);
               GPU("\"min_count\":2"));
    HW_REFUSED("at least four", "fresh-gpu-count", hw_gpus(&hopper, 3);
               GPU("\"min_count\":4"));
    HW_REFUSED("a switch is no GPU", "fresh-gpu-count", hw_gpus(&hopper, 2);
               hw.part[1].gpus[1] = hw.part[2].gpus[1] = nvswitch;
               GPU("\"count\":2"));
    HW_TRUSTED("a switch", "fresh-gpu-switches", hw_gpus(&hopper, 2);
               hw.part[1].gpus[1] = hw.part[2].gpus[1] = nvswitch;
               GPU("\"count\":1,\"switches\":1,"
                   "\"switch_bios\":[\"96.10.55.00.01\"],"
                   "\"driver\":[\"590.12\"],\"arch\":[\"HOPPER\"]"));
    HW_REFUSED("no switch", "fresh-gpu-switches", hw_gpus(&hopper, 2);
               GPU("\"switches\":1"));
    HW_REFUSED("a switch's BIOS", "fresh-gpu-vbios", hw_gpus(&hopper, 2);
               hw.part[1].gpus[1] = hw.part[2].gpus[1] = nvswitch;
               GPU("\"switch_bios\":[\"96.10.55.00.02\"]"));

    HW_TRUSTED("architecture", "fresh-gpu-arch-allowed",
               hw_gpus(&hopper, 1);
               GPU("\"arch\":[\"BLACKWELL\",\"HOPPER\"]"));
    HW_REFUSED("another architecture", "fresh-gpu-arch-allowed",
               hw_gpus(&hopper, 1); GPU("\"arch\":[\"BLACKWELL\"]"));
    HW_TRUSTED("driver", "fresh-gpu-driver", hw_gpus(&hopper, 1);
               GPU("\"driver\":[\"590.12\"]"));
    HW_REFUSED("another driver", "fresh-gpu-driver", hw_gpus(&hopper, 1);
               GPU("\"driver\":[\"590.1\"]"));
    HW_REFUSED("another driver on one", "fresh-gpu-driver",
               hw_gpus(&hopper, 2); hw.part[2].gpus[1].driver = "1.2";
               GPU("\"driver\":[\"590.12\"]"));
    HW_REFUSED("a driver that is not named", "fresh-gpu-driver",
               hw_gpus(&hopper, 1); hw.part[2].gpus[0].driver = NULL;
               GPU("\"driver\":[\"590.12\"]"));
    HW_TRUSTED("mode", "fresh-gpu-mode", hw_gpus(&hopper, 1);
               GPU("\"modes\":[\"mpt\",\"spt\"]"));
    HW_REFUSED("another mode", "fresh-gpu-mode", hw_gpus(&hopper, 2);
               hw.part[2].gpus[1].mode = 2;
               GPU("\"modes\":[\"mpt\",\"spt\"]"));
    HW_REFUSED("a mode that is not named", "fresh-gpu-mode",
               hw_gpus(&hopper, 1); hw.part[2].gpus[0].no_mode = 1;
               GPU("\"modes\":[\"mpt\",\"spt\"]"));
    HW_OPEN("an unknown mode", "fresh-gpu-mode", hw_gpus(&hopper, 1);
            hw.part[2].gpus[0].mode = 3; GPU("\"modes\":[\"spt\"]"));
    HW_TRUSTED("VBIOS", "fresh-gpu-vbios", hw_gpus(&hopper, 1);
               GPU("\"vbios\":[\"96.00.A5.00.01\"]"));
    HW_REFUSED("another VBIOS", "fresh-gpu-vbios", hw_gpus(&hopper, 1);
               GPU("\"vbios\":[\"96.00.A5.00.02\"]"));
    HW_REFUSED("devices that are not named", "fresh-gpu-devices",
               hw_gpus(&hopper, 1); GPU("\"devices\":[\"000102030405060708090"
               "a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"]"));
}


/* The names of two devices; a third one has none. */

static void
test_policy_devices(void)
{
    char             pem[GPU_DOUBLE_MAX_PEM], text[512], *p = text;
    size_t           i, k;
    uint8_t          id[32];
    gpu_double_t     d = GPU_DOUBLE_HOPPER;
    attest_span_t    s;
    STACK_OF(X509)  *chain;

    p += sprintf(p, "%s", HW_NITRO ",\"gpu\":{\"devices\":[");

    for (i = 0; i < 2; i++) {
        d.number = (unsigned) i;
        s.p = (const uint8_t *) pem;
        s.n = gpu_double_chain(&d, pem, sizeof(pem));
        chain = attest_x509_read(s);
        IS_INT(attest_gpu_identity(chain, id), ATTEST_OK, "an identity");
        sk_X509_pop_free(chain, X509_free);

        p += sprintf(p, "%s\"", i == 0 ? "" : ",");
        for (k = 0; k < 32; k++) {
            p += sprintf(p, "%02x", id[k]);
        }
        *p++ = '"';
    }

    (void) strcpy(p, "]}");

    HW_TRUSTED("devices that are named", "fresh-gpu-devices",
               hw_gpus(&hopper, 2); hw.policy = text);
    HW_TRUSTED("the same with other firmware", "fresh-gpu-devices",
               hopper.firmware = 9; hw_gpus(&hopper, 2);
               hopper.firmware = 0; hw.policy = text);
    HW_REFUSED("one that is not named", "fresh-gpu-devices",
               hw_gpus(&hopper, 3); hw.policy = text);
}


static void
test_policy_errors(void)
{
    hw_policy_error("gpu", "[]", "gpu: must be an object");
    hw_policy_error("gpu", "{\"counts\":1}", "gpu.counts: unknown member");
    hw_policy_error("gpu", "{\"required\":1}", "must be true or false");
    hw_policy_error("gpu", "{}", "gpu: empty: it demands nothing");
    hw_policy_error("gpu", "{\"required\":false}", "it demands nothing");
    hw_policy_error("gpu", "{\"count\":0}", "gpu.count: must not be 0");
    hw_policy_error("gpu", "{\"count\":65}", "gpu.count: must be a number");
    hw_policy_error("gpu", "{\"min_count\":0}", "gpu.min_count: must not be 0");
    hw_policy_error("gpu", "{\"count\":1,\"min_count\":1}", "either count or");
    hw_policy_error("gpu", "{\"switches\":-1}", "not negative");
    hw_policy_error("gpu", "{\"arch\":[\"LS10\"]}", "HOPPER or BLACKWELL");
    hw_policy_error("gpu", "{\"arch\":[\"hopper\"]}", "HOPPER or BLACKWELL");
    hw_policy_error("gpu", "{\"modes\":[\"none\"]}", "spt, mpt or ppcie");
    hw_policy_error("gpu", "{\"driver\":\"1\"}", "must be a list of texts");
    hw_policy_error("gpu", "{\"devices\":[\"00\"]}",
                    "wrong number of hex digits");
}


/* The whole of fresh evidence; the item's bytes are hashed by the claims. */

static void
test_mutations(const gpu_double_t *d)
{
    size_t    at, tried = 0, accepted = 0;
    uint8_t  *p, *gpu;

    hw_reset();
    hw_gpus(d, 1);
    hw.no_cert = hw.no_cached = 1;
    hw.policy = HW_NITRO ",\"require_exporter\":false";
    hw_build_all();
    hw_appraise();
    hw_expect("before mutations", "fresh-gpu-signature", ATTEST_CHECK_PASS,
              ATTEST_TRUSTED);

    p = hw.part[2].out;
    gpu = memmem(p, hw.part[2].n, "[{\"arch\"", 8);
    OK(gpu != NULL, "the collection has the item");

    for (at = (size_t) (gpu - p);
         at < (size_t) (gpu - p) + hw.part[2].gpu_len;
         at += STEP_WHOLE)
    {
        p[at] ^= (uint8_t) (1 << (at % 8));
        hw_appraise();
        tried++;
        accepted += hw_res.verdict == ATTEST_TRUSTED;
        p[at] ^= (uint8_t) (1 << (at % 8));
    }

    printf("# %zu mutations of %zu bytes of an item, %zu accepted\n", tried,
           hw.part[2].gpu_len, accepted);
    IS_INT(accepted, 0, "no changed byte is accepted");
}


/*
 * The same where the claims name the changed item.  Only the root's copy in
 * the chain may change, which is not taken from there, and a letter's case in
 * the nonce beside the report.
 */

static void
test_claimed_mutations(void)
{
    char            pem[GPU_DOUBLE_MAX_PEM], root[4096];
    size_t          at, n, from, len, tried = 0, accepted = 0, unused = 0;
    uint8_t        *item, *p;

    hw_reset();
    hw_gpus(&hopper, 1);
    hw.no_cert = hw.no_cached = 1;
    hw.policy = HW_NITRO ",\"require_exporter\":false";
    hw_build_all();

    n = hw.part[2].gpu_len;
    item = malloc(n);
    memcpy(item, hw.part[2].gpu, n);

    /* where the root begins, in base64 */

    p = memmem(item, n, "\"certificate\":\"", 15);
    len = gpu_double_chain(&hopper, pem, sizeof(pem));
    from = (size_t) (p + 15 - item)
           + 4 * ((len - gpu_double_root(&hopper, root, sizeof(root))) / 3);
    len = (size_t) ((uint8_t *) memchr(item + from, '"', n - from) - item);

    hw.part[2].gpu_item.p = item;
    hw.part[2].gpu_item.n = n;

    for (at = 0; at < n; at += STEP_CLAIMED) {
        item[at] ^= (uint8_t) (1 << (at % 8));
        hw_build(&hw.part[2], 2);
        hw_appraise();
        item[at] ^= (uint8_t) (1 << (at % 8));
        tried++;

        if (hw_res.verdict != ATTEST_TRUSTED) {
            continue;
        }

        if ((at >= from && at < len) || (at > len && at % 8 == 5)) {
            unused++;
        } else {
            printf("# byte %zu\n", at);
            accepted++;
        }
    }

    printf("# %zu mutations of %zu bytes of an item that the claims name, "
           "%zu accepted, %zu change nothing that is used\n", tried, n,
           accepted, unused);
    IS_INT(accepted, 0, "no changed byte that is used is accepted");
    OK(tried > 4 * unused, "most of them are used");

    free(item);
}


int
main(void)
{
    hw_setup();

    test_codec();
    test_codec_limits();
    test_json();
    test_item_lengths();
    test_versions();
    test_fwid();
    test_fwid_lists();
    test_blackwell();
    test_identity();
    test_files();
    test_names();
    test_appraisal();
    test_devices();
    test_twice();
    test_mixed();
    test_roots();
    test_policy();
    test_policy_devices();
    test_policy_errors();
    test_newer_driver();
    test_mutations(&hopper);
    test_mutations(&newer);
    test_claimed_mutations();

    hw_teardown();
    DONE();
}
