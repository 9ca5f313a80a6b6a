/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The CBOR reader and writer: RFC 8949 appendix A in both directions, and
 * what is not its one deterministic encoding.
 */

#include "unit.h"

#include "core/base/attest_cbor.h"


typedef struct {
    const char   *hex;
    int           type;
    uint64_t      value;
} vector_t;


static int next_rc(const char *hex, int lenient, attest_cbor_item_t *item);
static int skip_rc(const char *hex, int lenient);
static void test_vectors(void);
static void test_strings(void);
static void test_strict(void);
static void test_lenient(void);
static void test_malformed(void);
static void test_utf8(void);
static void test_read(void);
static void test_skip(void);
static void test_writer(void);
static void test_truncation(void);


/* RFC 8949 appendix A. */

static const vector_t  vectors[] = {
    { "00", ATTEST_CBOR_UINT, 0 },
    { "17", ATTEST_CBOR_UINT, 23 },
    { "1818", ATTEST_CBOR_UINT, 24 },
    { "1864", ATTEST_CBOR_UINT, 100 },
    { "1903e8", ATTEST_CBOR_UINT, 1000 },
    { "1a000f4240", ATTEST_CBOR_UINT, 1000000 },
    { "1b000000e8d4a51000", ATTEST_CBOR_UINT, 1000000000000 },
    { "1bffffffffffffffff", ATTEST_CBOR_UINT, UINT64_MAX },
    { "3bffffffffffffffff", ATTEST_CBOR_NINT, UINT64_MAX },
    { "20", ATTEST_CBOR_NINT, 0 },
    { "3863", ATTEST_CBOR_NINT, 99 },
    { "3903e7", ATTEST_CBOR_NINT, 999 },
    { "3a000f423f", ATTEST_CBOR_NINT, 999999 },
    { "f4", ATTEST_CBOR_SIMPLE, 20 },
    { "f5", ATTEST_CBOR_SIMPLE, 21 },
    { "f6", ATTEST_CBOR_SIMPLE, 22 },
    { "f7", ATTEST_CBOR_SIMPLE, 23 },
    { "40", ATTEST_CBOR_BYTES, 0 },
    { "4401020304", ATTEST_CBOR_BYTES, 4 },
    { "60", ATTEST_CBOR_TEXT, 0 },
    { "6449455446", ATTEST_CBOR_TEXT, 4 },
    { "62c3bc", ATTEST_CBOR_TEXT, 2 },
    { "64f0908591", ATTEST_CBOR_TEXT, 4 },
    { "80", ATTEST_CBOR_ARRAY, 0 },
    { "83010203", ATTEST_CBOR_ARRAY, 3 },
    { "a0", ATTEST_CBOR_MAP, 0 },
    { "a201020304", ATTEST_CBOR_MAP, 2 },
    { "c11a514b67b0", ATTEST_CBOR_TAG, 1 },
    { "d818456449455446", ATTEST_CBOR_TAG, 24 }
};


int
main(void)
{
    test_vectors();
    test_strings();
    test_strict();
    test_lenient();
    test_malformed();
    test_utf8();
    test_read();
    test_skip();
    test_writer();
    test_truncation();
    DONE();
}


/* The input lies in memory of its exact size, so that ASan sees overreads. */

static int
next_rc(const char *hex, int lenient, attest_cbor_item_t *item)
{
    int                   rc;
    size_t                n = strlen(hex) / 2;
    uint8_t              *buf = malloc(n ? n : 1);
    attest_cbor_reader_t  r;

    unit_hex(hex, buf, n);
    attest_cbor_reader_init(&r, buf, n, lenient);
    rc = attest_cbor_next(&r, item);
    if (rc != ATTEST_OK && r.p != buf) {
        rc = -100;
    }
    item->bytes.p = NULL;
    free(buf);
    return rc;
}


static int
skip_rc(const char *hex, int lenient)
{
    int                   rc;
    size_t                n = strlen(hex) / 2;
    uint8_t              *buf = malloc(n ? n : 1);
    attest_cbor_reader_t  r;

    unit_hex(hex, buf, n);
    attest_cbor_reader_init(&r, buf, n, lenient);
    rc = attest_cbor_skip(&r);
    if (rc == ATTEST_OK) {
        rc = attest_cbor_done(&r) == ATTEST_OK ? ATTEST_OK : -101;
    } else if (r.p != buf) {
        rc = -100;
    }
    free(buf);
    return rc;
}


static void
test_vectors(void)
{
    int                 rc;
    size_t              i;
    attest_cbor_item_t  item;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        rc = next_rc(vectors[i].hex, 0, &item);
        OK(rc == ATTEST_OK && (int) item.type == vectors[i].type
           && item.value == vectors[i].value && !item.indefinite,
           "RFC 8949 appendix A: %s", vectors[i].hex);
    }
}


static void
test_strings(void)
{
    uint8_t               buf[64];
    attest_span_t         s;
    attest_cbor_reader_t  r;

    attest_cbor_reader_init(&r, buf, unit_hex("44010203046449455446", buf,
                                              sizeof(buf)), 0);
    IS_INT(attest_cbor_read_text(&r, &s), ATTEST_EFORMAT, "bytes, not text");
    IS_INT(attest_cbor_read_bytes(&r, &s), ATTEST_OK, "still there as bytes");
    OK(s.n == 4 && s.p == buf + 1, "content is borrowed");
    IS_INT(attest_cbor_read_text(&r, &s), ATTEST_OK, "text");
    OK(attest_span_is(s, "IETF"), "its content");
    OK(!attest_span_is(s, "IET") && !attest_span_is(s, "IETFX")
       && !attest_span_is(s, "IETf"), "span compare is exact");
    IS_INT(attest_cbor_done(&r), ATTEST_OK, "used up");
    IS_INT(attest_cbor_read_text(&r, &s), ATTEST_EFORMAT, "nothing behind");
}


static void
test_strict(void)
{
    size_t              i;
    attest_cbor_item_t  item;

    static const char  *const refused[] = {
        "1800", "1817", "190000", "1900ff", "1a0000ffff",
        "1b00000000ffffffff", "3817", "3900ff", "3a0000ffff",
        "3b00000000ffffffff", "5800", "58024142", "5900014a",
        "7800", "780141", "79000141", "9800", "980100", "990001",
        "b800", "b8010000", "d80100", "d9000100",
        "5f", "7f", "9f", "bf", "ff",
        "f93c00", "fa47c35000", "fb3ff199999999999a"
    };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        IS_INT(next_rc(refused[i], 0, &item), ATTEST_EFORMAT,
               "strict refuses %s", refused[i]);
        IS_INT(next_rc(refused[i], 1, &item), ATTEST_OK,
               "lenient takes %s", refused[i]);
    }
}


static void
test_lenient(void)
{
    uint64_t              n;
    uint8_t               buf[64];
    attest_span_t         s;
    attest_cbor_item_t    item;
    attest_cbor_reader_t  r;

    attest_cbor_reader_init(&r, buf,
                            unit_hex("bf61615f4101ff9fffff", buf,
                                     sizeof(buf)), 1);
    IS_INT(attest_cbor_read_map(&r, &n), ATTEST_OK, "indefinite map");
    OK(n == ATTEST_CBOR_INDEFINITE, "its count says so");
    OK(attest_cbor_read_text(&r, &s) == ATTEST_OK
       && attest_span_is(s, "a"), "key");
    IS_INT(attest_cbor_read_bytes(&r, &s), ATTEST_EFORMAT,
           "an indefinite string is no span");
    OK(attest_cbor_next(&r, &item) == ATTEST_OK && item.indefinite
       && item.type == ATTEST_CBOR_BYTES, "indefinite string");
    OK(attest_cbor_read_bytes(&r, &s) == ATTEST_OK && s.n == 1, "chunk");
    OK(attest_cbor_next(&r, &item) == ATTEST_OK
       && item.type == ATTEST_CBOR_BREAK, "break");
    IS_INT(attest_cbor_skip(&r), ATTEST_OK, "skip the indefinite array");
    IS_INT(attest_cbor_skip(&r), ATTEST_EFORMAT, "a break is no item");
    OK(attest_cbor_next(&r, &item) == ATTEST_OK
       && item.type == ATTEST_CBOR_BREAK, "break of the map");
    IS_INT(attest_cbor_done(&r), ATTEST_OK, "used up");

    OK(next_rc("f93c00", 1, &item) == ATTEST_OK
       && item.type == ATTEST_CBOR_SIMPLE && item.value == 25,
       "a float shows its width only");
}


static void
test_malformed(void)
{
    size_t              i;
    attest_cbor_item_t  item;

    static const char  *const refused[] = {
        "", "1c", "1d", "1e", "1f", "3c", "3f", "5c", "5e", "7d", "9e",
        "bc", "dc", "df", "e0", "f8", "f800", "f818", "f820", "f8ff", "fc",
        "fd", "fe", "41", "5affffffff00", "5bffffffffffffffff00",
        "7b7fffffffffffffff00", "5bfffffffffffffff700"
    };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        IS_INT(next_rc(refused[i], 0, &item), ATTEST_EFORMAT,
               "strict: malformed \"%s\"", refused[i]);
        IS_INT(next_rc(refused[i], 1, &item), ATTEST_EFORMAT,
               "lenient: malformed \"%s\"", refused[i]);
    }
}


static void
test_utf8(void)
{
    size_t              i;
    attest_cbor_item_t  item;

    static const char  *const good[] = {
        "6100", "617f", "62c280", "62dfbf", "63e0a080", "63ed9fbf",
        "63ee8080", "63efbfbf", "64f0908080", "64f48fbfbf"
    };
    static const char  *const bad[] = {
        "6180", "61bf", "62c080", "62c1bf", "61c2", "62c241", "62c2c2",
        "63e09fbf", "63eda080", "63edbfbf", "62e0a0", "63e1ff80",
        "63e18041", "64f08fbfbf", "64f4908080", "64f5808080",
        "64f1808041", "61ff", "6241ff"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        IS_INT(next_rc(good[i], 0, &item), ATTEST_OK, "UTF-8 %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IS_INT(next_rc(bad[i], 1, &item), ATTEST_EFORMAT, "not UTF-8 %s",
               bad[i]);
    }
}


static void
test_read(void)
{
    uint64_t              n = 7;
    uint8_t               buf[64];
    attest_cbor_reader_t  r;

    attest_cbor_reader_init(&r, buf, unit_hex("8201a1021840", buf,
                                              sizeof(buf)), 0);
    IS_INT(attest_cbor_read_map(&r, &n), ATTEST_EFORMAT, "array, not map");
    IS_INT(attest_cbor_read_uint(&r, &n), ATTEST_EFORMAT, "array, not uint");
    IS_INT(n, 7, "outputs untouched by failures");
    OK(attest_cbor_read_array(&r, &n) == ATTEST_OK && n == 2, "array of 2");
    OK(attest_cbor_read_uint(&r, &n) == ATTEST_OK && n == 1, "1");
    IS_INT(attest_cbor_done(&r), ATTEST_EFORMAT, "not used up");
    OK(attest_cbor_read_map(&r, &n) == ATTEST_OK && n == 1, "map of 1");
    OK(attest_cbor_read_uint(&r, &n) == ATTEST_OK && n == 2, "2");
    OK(attest_cbor_read_uint(&r, &n) == ATTEST_OK && n == 64, "64");

    attest_cbor_reader_init(&r, buf, unit_hex("9840", buf, sizeof(buf)), 0);
    OK(attest_cbor_read_array(&r, &n) == ATTEST_OK && n == 64,
       "64 entries are read");
    attest_cbor_reader_init(&r, buf, unit_hex("9841", buf, sizeof(buf)), 0);
    IS_INT(attest_cbor_read_array(&r, &n), ATTEST_ELIMIT, "65 are not");
    attest_cbor_reader_init(&r, buf, unit_hex("bbffffffffffffffff", buf,
                                              sizeof(buf)), 0);
    IS_INT(attest_cbor_read_map(&r, &n), ATTEST_ELIMIT, "nor 2^64 - 1");
    IS_INT(attest_cbor_next(&r, &(attest_cbor_item_t) { 0 }), ATTEST_OK,
           "the reader stayed before it");

    attest_cbor_reader_init(&r, NULL, 0, 0);
    IS_INT(attest_cbor_done(&r), ATTEST_OK, "empty input is used up");
    IS_INT(attest_cbor_read_uint(&r, &n), ATTEST_EFORMAT, "and has nothing");
}


static void
test_skip(void)
{
    size_t  i;

    static const char  *const good[] = {
        "00", "4401020304", "80", "a0", "c100", "8301820203820405",
        "a26161016162820203"
    };
    static const char  *const indefinite[] = {
        "9fff", "bfff", "5fff", "7fff", "5f42010243030405ff",
        "7f657374726561646d696e67ff", "9f018202039f0405ffff",
        "bf61610161629f0203ffff", "826161bf61626163ff", "c19fff"
    };
    static const char  *const bad[] = {
        "", "81", "8201", "a1", "a101", "a20102", "c1", "9f", "9f00", "bf00ff",
        "bf000000ff", "5f", "5f00ff", "5f6161ff", "7f4101ff", "5f5f4100ffff",
        "ff", "81ff", "a1ff", "c1ff", "9bffffffffffffffff00",
        "bb800000000000000000", "bb7fffffffffffffff0000", "8261"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        IS_INT(skip_rc(good[i], 0), ATTEST_OK, "skip %s", good[i]);
    }

    for (i = 0; i < sizeof(indefinite) / sizeof(indefinite[0]); i++) {
        IS_INT(skip_rc(indefinite[i], 1), ATTEST_OK, "lenient skip %s",
               indefinite[i]);
        IS_INT(skip_rc(indefinite[i], 0), ATTEST_EFORMAT,
               "strict does not skip %s", indefinite[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IS_INT(skip_rc(bad[i], 1), ATTEST_EFORMAT, "no skip over \"%s\"",
               bad[i]);
    }

    IS_INT(skip_rc("818181818181818100", 0), ATTEST_OK, "8 levels");
    IS_INT(skip_rc("81818181818181818100", 0), ATTEST_ELIMIT, "9 levels");
    IS_INT(skip_rc("c1c1c1c1c1c1c1c1c100", 0), ATTEST_ELIMIT, "9 tags");
    IS_INT(skip_rc("9f9f9f9f9f9f9f9f9f", 1), ATTEST_ELIMIT,
           "9 indefinite levels");
    IS_INT(skip_rc("8261618182810181", 0), ATTEST_EFORMAT,
           "an inner array without its last entry");
}


static void
test_writer(void)
{
    size_t                i, len;
    uint8_t               buf[64], want[64], guard[64];
    attest_cbor_writer_t  w;

    for (i = 0; i < sizeof(buf); i++) {
        memset(buf, 0xaa, sizeof(buf));
        attest_cbor_writer_init(&w, buf, i);
        attest_cbor_put_map(&w, 1);
        attest_cbor_put_text(&w, "key");
        attest_cbor_put_array(&w, 6);
        attest_cbor_put_uint(&w, 24);
        attest_cbor_put_uint(&w, UINT64_MAX);
        attest_cbor_put_uint(&w, 256);
        attest_cbor_put_bytes(&w, (const uint8_t *) "\0\1", 2);
        attest_cbor_put_bytes(&w, NULL, 0);
        attest_cbor_put_null(&w);

        len = unit_hex("a1636b65798618181bffffffffffffffff19010042000140f6",
                       want, sizeof(want));
        memset(guard, 0xaa, sizeof(guard));

        if (i < len) {
            OK(attest_cbor_writer_done(&w, &len) == ATTEST_ENOSPACE
               && len == 25, "room for %zu of 25", i);
            IS_MEM(buf + i, guard, sizeof(buf) - i, "nothing past the room");
            continue;
        }

        OK(attest_cbor_writer_done(&w, &len) == ATTEST_OK && len == 25,
           "room of %zu", i);
        IS_MEM(buf, want, len, "the bytes");
        IS_MEM(buf + len, guard, sizeof(buf) - len, "and no more");
    }

    attest_cbor_writer_init(&w, NULL, 0);
    attest_cbor_put_text(&w, "");
    w.need = SIZE_MAX - 1;
    attest_cbor_put_bytes(&w, (const uint8_t *) "\0\1", 2);
    OK(attest_cbor_writer_done(&w, &len) == ATTEST_ENOSPACE
       && len == SIZE_MAX, "the count saturates");
}


static void
test_truncation(void)
{
    int     good = 1;
    char    hex[128];
    size_t  n;

    static const char  all[] =
        "a4616118ff6162831903e83903e7f66163d818456449455446" "6164"
        "a10081a0";

    IS_INT(skip_rc(all, 0), ATTEST_OK, "the whole map is skipped");

    for (n = 0; n < strlen(all); n += 2) {
        memcpy(hex, all, n);
        hex[n] = '\0';
        if (skip_rc(hex, 0) != ATTEST_EFORMAT
            || skip_rc(hex, 1) != ATTEST_EFORMAT)
        {
            good = 0;
        }
    }

    OK(good, "no truncation of it is");
}
