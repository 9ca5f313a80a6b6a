/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TPM's item: its one encoding, both ways, and what is refused.
 */

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_tpm.h"
#include "unit.h"


#define ROOM  16384

static attest_span_t span(const char *text);
static void fill(attest_tpm_item_t *item);
static int same(attest_span_t a, attest_span_t b);
static void test_roundtrip(void);
static void test_bytes(void);
static void test_cuts(void);
static void test_flips(void);
static void test_encode_refused(void);
static void test_parse_refused(void);
static int patched(size_t off, const char *hex);


/* {"ak": h'01', "ek": h'', "pcrs": {11: {0: 32 x 00, 23: 32 x aa}}, ...} */

static const char  plain[] =
    "a8"
    "62616b" "4101"
    "62656b" "40"
    "6470637273" "a1" "0b" "a2"
    "00" "5820"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "17" "5820"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "64726f6f74" "68736f667477617265"
    "656d616b6572" "60"
    "6571756f7465" "4102"
    "67656b2d63657274" "40"
    "697369676e6174757265" "4103";


int
main(void)
{
    test_roundtrip();
    test_bytes();
    test_cuts();
    test_flips();
    test_encode_refused();
    test_parse_refused();

    DONE();
}


static attest_span_t
span(const char *text)
{
    attest_span_t  s;

    s.p = (const uint8_t *) text;
    s.n = strlen(text);
    return s;
}


static int
same(attest_span_t a, attest_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


static void
fill(attest_tpm_item_t *item)
{
    size_t              i;
    attest_tpm_bank_t  *b;

    memset(item, 0, sizeof(attest_tpm_item_t));
    item->root = span("software");
    item->quote = span("the quote");
    item->signature = span("the signature");
    item->ak = span("the attestation key");
    item->ek = span("the endorsement key");
    item->ek_cert = span("its certificate");
    item->maker = span("IBM SW   TPM");

    /* as selected, not sorted */

    item->pcrs.count = 2;
    b = item->pcrs.banks;
    b[0].alg = ATTEST_TPM_ALG_SHA384;
    b[0].len = 48;
    b[0].select = 0x00800011;
    b[1].alg = ATTEST_TPM_ALG_SHA256;
    b[1].len = 32;
    b[1].select = 0xffffff;

    for (i = 0; i < 24; i++) {
        memset(b[0].value[i], (int) i, (b[0].select >> i & 1) ? 48 : 0);
        memset(b[1].value[i], (int) (0x80 + i), 32);
    }
}


static void
test_roundtrip(void)
{
    size_t              len = 0, want, n;
    uint8_t             out[ROOM], again[ROOM];
    attest_tpm_item_t   item, back;

    fill(&item);
    IS_INT(attest_tpm_item_encode(&item, NULL, &len), ATTEST_ENOSPACE,
           "measures");
    want = len--;
    IS_INT(attest_tpm_item_encode(&item, out, &len), ATTEST_ENOSPACE,
           "a byte short");
    IS_INT(len, want, "says what it needs");
    IS_INT(attest_tpm_item_encode(&item, out, &len), ATTEST_OK, "encodes");
    IS_INT(len, want, "as measured");

    IS_INT(attest_tpm_item_parse(out, len, &back), ATTEST_OK, "parses");
    OK(same(item.root, back.root), "root");
    OK(same(item.quote, back.quote), "quote");
    OK(same(item.signature, back.signature), "signature");
    OK(same(item.ak, back.ak), "ak");
    OK(same(item.ek, back.ek), "ek");
    OK(same(item.ek_cert, back.ek_cert), "ek-cert");
    OK(same(item.maker, back.maker), "maker");
    IS_INT(back.pcrs.count, 2, "banks");
    IS_MEM(&back.pcrs.banks[0], &item.pcrs.banks[1],
           sizeof(attest_tpm_bank_t), "SHA-256 comes first");
    IS_MEM(&back.pcrs.banks[1], &item.pcrs.banks[0],
           sizeof(attest_tpm_bank_t), "SHA-384 then");

    n = sizeof(again);
    IS_INT(attest_tpm_item_encode(&back, again, &n), ATTEST_OK, "again");
    OK(n == len && memcmp(again, out, n) == 0, "gives the same bytes");

    item.ek.p = item.ek_cert.p = item.maker.p = NULL;
    item.ek.n = item.ek_cert.n = item.maker.n = 0;
    item.pcrs.count = 0;
    len = sizeof(out);
    IS_INT(attest_tpm_item_encode(&item, out, &len), ATTEST_OK,
           "what may be empty is");
    IS_INT(attest_tpm_item_parse(out, len, &back), ATTEST_OK, "and parses");
    IS_INT(back.ek.n + back.ek_cert.n + back.maker.n + back.pcrs.count, 0,
           "as empty");
}


static void
test_bytes(void)
{
    size_t             n, len = ROOM;
    uint8_t            want[512], out[ROOM];
    attest_tpm_item_t  item;

    n = unit_hex(plain, want, sizeof(want));
    memset(&item, 0, sizeof(item));
    item.ak = span("\x01");
    item.quote = span("\x02");
    item.signature = span("\x03");
    item.root = span("software");
    item.pcrs.count = 1;
    item.pcrs.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    item.pcrs.banks[0].len = 32;
    item.pcrs.banks[0].select = 0x800001;
    memset(item.pcrs.banks[0].value[23], 0xaa, 32);

    IS_INT(attest_tpm_item_encode(&item, out, &len), ATTEST_OK, "plain item");
    OK(len == n && memcmp(out, want, n) == 0, "has exactly these bytes");
}


static void
test_cuts(void)
{
    size_t             n, len = ROOM, bad = 0;
    uint8_t            out[ROOM], *cut;
    attest_tpm_item_t  item;

    fill(&item);
    attest_tpm_item_encode(&item, out, &len);

    for (n = 0; n < len; n++) {
        cut = malloc(n ? n : 1);
        memcpy(cut, out, n);
        bad += attest_tpm_item_parse(cut, n, &item) != ATTEST_OK;
        free(cut);
    }
    IS_INT(bad, len, "no shorter item parses");

    out[len] = 0;
    IS_INT(attest_tpm_item_parse(out, len + 1, &item), ATTEST_EFORMAT,
           "nor a longer one");
    IS_INT(attest_tpm_item_parse(out, ATTEST_MAX_ITEM + 1, &item),
           ATTEST_ELIMIT, "nor one above the limit");
}


/* One encoding for each item: what still parses encodes to its own bytes. */

static void
test_flips(void)
{
    size_t             n, i, len, bad = 0, ok = 0;
    uint8_t            p[512], out[ROOM];
    attest_tpm_item_t  item;

    n = unit_hex(plain, p, sizeof(p));

    for (i = 0; i < 8 * n; i++) {
        p[i / 8] ^= 1 << i % 8;
        len = sizeof(out);
        if (attest_tpm_item_parse(p, n, &item) == ATTEST_OK) {
            ok++;
            bad += attest_tpm_item_encode(&item, out, &len) != ATTEST_OK
                   || len != n || memcmp(p, out, n) != 0;
        }
        p[i / 8] ^= 1 << i % 8;
    }
    IS_INT(bad, 0, "one item, one encoding");
    OK(ok >= 8 * (32 + 32 + 3), "contents may differ");
}


static void
test_encode_refused(void)
{
    size_t             len;
    uint8_t            out[ROOM];
    static uint8_t     big[9000];
    attest_tpm_item_t  item;
    attest_span_t      s1024 = { big, 1024 }, s1025 = { big, 1025 };
    attest_span_t      s8192 = { big, 8192 }, s8193 = { big, 8193 };
    attest_span_t      none = { NULL, 0 };
    static const char  x65[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#define REFUSED(member, v, code)                                             \
    fill(&item);                                                             \
    len = sizeof(out);                                                       \
    item.member = v;                                                         \
    IS_INT(attest_tpm_item_encode(&item, out, &len), code,                   \
           "encode with %s = %s", #member, #v)

    REFUSED(ak, none, ATTEST_EARG);
    REFUSED(quote, none, ATTEST_EARG);
    REFUSED(signature, none, ATTEST_EARG);
    REFUSED(root, none, ATTEST_EARG);
    REFUSED(ak, s1024, ATTEST_OK);
    REFUSED(ak, s1025, ATTEST_ELIMIT);
    REFUSED(ek, s1025, ATTEST_ELIMIT);
    REFUSED(quote, s1025, ATTEST_ELIMIT);
    REFUSED(signature, s1025, ATTEST_ELIMIT);
    REFUSED(ek_cert, s8192, ATTEST_OK);
    REFUSED(ek_cert, s8193, ATTEST_ELIMIT);
    REFUSED(root, span(x65), ATTEST_ELIMIT);
    REFUSED(root, span(x65 + 1), ATTEST_OK);
    REFUSED(maker, span(x65), ATTEST_ELIMIT);
    REFUSED(maker, span(x65 + 1), ATTEST_OK);
    REFUSED(maker, span("a\x1b[2Jb"), ATTEST_EARG);
    REFUSED(root, span("tee\n"), ATTEST_EARG);
    REFUSED(root, span("\xc3\xa9"), ATTEST_EARG);
    REFUSED(pcrs.count, 5, ATTEST_ELIMIT);
    REFUSED(pcrs.banks[0].alg, 0x0012, ATTEST_EUNSUPPORTED);
    REFUSED(pcrs.banks[0].len, 32, ATTEST_EARG);
    REFUSED(pcrs.banks[0].select, 0x1000000, ATTEST_EARG);
    REFUSED(pcrs.banks[0], item.pcrs.banks[1], ATTEST_EARG);
}


static int
patched(size_t off, const char *hex)
{
    size_t             n;
    uint8_t            p[512];
    attest_tpm_item_t  item;

    n = unit_hex(plain, p, sizeof(p));
    unit_hex(hex, p + off, n - off);
    return attest_tpm_item_parse(p, n, &item);
}


/* Offsets in `plain`: ak 4, ek 9, pcrs 15, alg 16, PCRs 17, then 18, 53. */

static void
test_parse_refused(void)
{
    IS_INT(patched(0, "a8"), ATTEST_OK, "as it is");
    IS_INT(patched(0, "a7"), ATTEST_EFORMAT, "seven members");
    IS_INT(patched(0, "a9"), ATTEST_EFORMAT, "nine members");
    IS_INT(patched(0, "88"), ATTEST_EFORMAT, "an array");
    IS_INT(patched(0, "bf"), ATTEST_EFORMAT, "an indefinite map");
    IS_INT(patched(1, "42"), ATTEST_EFORMAT, "a key of bytes");
    IS_INT(patched(2, "62"), ATTEST_EFORMAT, "an unknown key");
    IS_INT(patched(7, "61"), ATTEST_EFORMAT, "\"ak\" twice");
    IS_INT(patched(4, "61"), ATTEST_EFORMAT, "ak as text");
    IS_INT(patched(4, "21"), ATTEST_EFORMAT, "ak as a number");
    IS_INT(patched(15, "a5"), ATTEST_ELIMIT, "five banks");
    IS_INT(patched(15, "a0"), ATTEST_EFORMAT, "no bank, then its bytes");
    IS_INT(patched(15, "a2"), ATTEST_EFORMAT, "a bank that is not there");
    IS_INT(patched(16, "10"), ATTEST_EUNSUPPORTED, "an unknown bank");
    IS_INT(patched(16, "2b"), ATTEST_EFORMAT, "a negative bank");
    IS_INT(patched(16, "0c"), ATTEST_EFORMAT, "SHA-384 of 32 bytes");
    IS_INT(patched(17, "b9"), ATTEST_EFORMAT, "a count in a longer form");
    IS_INT(patched(53, "00"), ATTEST_EFORMAT, "PCR 0 twice");
    IS_INT(patched(18, "17"), ATTEST_EFORMAT, "PCR 23 twice");
    IS_INT(patched(53, "16"), ATTEST_OK, "PCR 22");
    IS_INT(patched(19, "5821"), ATTEST_EFORMAT, "a value of 33 bytes");
    IS_INT(patched(19, "7820"), ATTEST_EFORMAT, "a value of text");
    IS_INT(patched(93, "68"), ATTEST_OK, "a root of 8 bytes");
    IS_INT(patched(94, "0a"), ATTEST_EFORMAT, "a line end in it");
    IS_INT(patched(94, "ff"), ATTEST_EFORMAT, "no UTF-8 in it");
    IS_INT(patched(93, "48"), ATTEST_EFORMAT, "a root of bytes");
}
